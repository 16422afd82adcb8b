"""What Spotify asked a client to wait for, from one run to the next (fault model §3)."""

from dataclasses import replace
from datetime import timedelta

import pytest

from syncer.budget import Budget
from syncer.errors import Code, QuotaExceeded, RateLimited
from syncer.ids import PlaylistId
from syncer.model import Account, LikedSongs, NotBefore, PlaylistSource, Report
from syncer.report import exit_code
from syncer.sandbox import Fault, track
from syncer.spotify.accounts import LONGEST_KEPT
from tests.fakes import MemoryState
from tests.spotify.wiring import Wired, pair


def run(wired: Wired, *, deadline: float | None = None) -> Report:
    """Run one pair in a process of its own."""
    wired.new_process()
    playlists = list(wired.world.playlists.values())
    one, two = playlists[-2:] if playlists else (wired.world.playlist("s", tracks=3), wired.world.playlist("t"))
    return wired.run(pair(one, two), deadline=deadline)


def left(wired: Wired) -> float:
    """Return the seconds that are kept as still to be waited for."""
    wish = wired.state.not_before(wired.sign_in.client_id)
    assert wish is not None
    return (wish.at - wired.clock.now()).total_seconds()


@pytest.mark.parametrize(("kind", "code"), [("quota", Code.QUOTA_EXCEEDED), ("rate-limit", Code.RATE_LIMITED)])
def test_while_a_wait_lies_ahead_a_run_ends_without_a_request_and_after_it_all_is_well(kind: str, code: Code) -> None:
    wired = Wired()
    wired.world.inject(Fault(kind=kind, headers={"Retry-After": "3600"}, after=2))
    run(wired)
    sent = len(wired.world.calls)

    for _ in range(3):
        wired.clock.elapsed += 1000
        report = run(wired)
        assert report.error is not None
        assert report.error.code is code
        assert exit_code(report) == 5
        assert report.requests == {"spotify": 0, "accounts": 0}
    assert len(wired.world.calls) == sent
    assert left(wired) == pytest.approx(600, abs=2), "runs that only waited did not move it"

    wired.clock.elapsed += 601
    assert exit_code(run(wired)) == 0


def test_a_plan_keeps_to_it_too() -> None:
    wired = Wired()
    wired.world.inject(Fault(kind="quota", headers={"Retry-After": "3600"}, after=2))
    run(wired)
    sent = len(wired.world.calls)
    one, two = wired.world.playlists.values()

    report = wired.plan(pair(one, two))

    assert report.error is not None
    assert report.error.code is Code.QUOTA_EXCEEDED
    assert len(wired.world.calls) == sent


def test_a_wait_that_a_run_has_no_time_for_is_kept() -> None:
    wired = Wired()
    wired.world.inject(Fault(kind="rate-limit", headers={"Retry-After": "50"}, after=2))

    run(wired, deadline=wired.clock.monotonic() + 90)

    assert left(wired) == pytest.approx(50, abs=2)


def test_a_wait_that_was_sat_out_is_not_kept() -> None:
    wired = Wired()
    wired.world.inject(Fault(kind="rate-limit", headers={"Retry-After": "2"}))

    assert exit_code(run(wired)) == 0
    assert wired.state.not_before(wired.sign_in.client_id) is None


def test_a_wait_is_never_shortened() -> None:
    wired = Wired()
    longer = NotBefore(at=wired.clock.now() + timedelta(seconds=5000), quota=True)

    def meanwhile(_scene: object) -> None:
        wired.state.wait(wired.sign_in.client_id, longer)

    wired.world.inject(Fault(kind="edit", act=meanwhile))
    wired.world.inject(Fault(kind="rate-limit", headers={"Retry-After": "100"}, after=2))
    run(wired)

    assert left(wired) == pytest.approx(5000, abs=5)


def test_a_wait_concerns_one_client_and_no_other() -> None:
    wired = Wired()
    wired.state.wait("another client", NotBefore(at=wired.clock.now() + timedelta(days=1), quota=True))

    assert exit_code(run(wired)) == 0


def test_two_accounts_of_one_client_wait_together() -> None:
    wired = Wired()
    wired.state.wait(wired.sign_in.client_id, NotBefore(at=wired.clock.now() + timedelta(days=1), quota=False))
    wired.store.credentials = replace(wired.store.credentials, refresh_token="another user's")

    with pytest.raises(RateLimited) as limited:
        wired.accounts(Account(name="another"), Budget(wired.clock))
    assert not isinstance(limited.value, QuotaExceeded)
    assert limited.value.seconds == 86_400
    assert not wired.world.calls


def test_a_wait_beyond_all_reason_is_kept_for_a_year_and_breaks_no_date() -> None:
    wired = Wired()
    wired.world.inject(Fault(kind="rate-limit", headers={"Retry-After": "9" * 12}))
    run(wired)

    assert left(wired) == pytest.approx(LONGEST_KEPT, abs=5)


def test_a_wait_that_cannot_be_kept_ends_the_run_for_that() -> None:
    wired = Wired()
    state = MemoryState()
    state.before = lambda call: QuotaExceeded(1) if call == "wait" else None
    wired.new_process(state)
    wired.world.inject(Fault(kind="rate-limit", headers={"Retry-After": "3600"}))

    assert run(wired).error is not None


@pytest.mark.parametrize("app", ["shared", "own"])
def test_what_a_friend_likes_is_read_with_their_sign_in_and_written_with_mine(app: str) -> None:
    """What either of them asks for counts for the app that asks."""
    wired = Wired()
    world, friend = wired.world, wired.world.add_user("friend")
    theirs = world.app if app == "shared" else world.add_app("theirs")
    wired.add_account("friend", world.sign_in(friend, app=theirs))
    world.like([track(1)], friend)
    mine, private = world.playlist("mine"), world.playlist("private", tracks=2, owner=friend, private=True)
    both = (LikedSongs(), PlaylistSource(PlaylistId(private.id)))

    report = wired.run(replace(pair(private, mine), sources=both, readers=("friend", "friend")))

    assert exit_code(report) == 0
    assert mine.uris == (track(1).uri, *private.uris)
    asked = {(call.method, call.user) for call in world.calls if call.path.startswith("/v1/")}
    assert asked == {("GET", "friend"), ("GET", "listener"), ("POST", "listener")}
    today = {one.account: one.requests_today or 0 for one in report.sign_ins}
    assert today.keys() == {"default", "friend"}
    assert sum(today.values()) == report.requests["spotify"] * (2 if app == "shared" else 1)
    assert min(today.values()) > 0
