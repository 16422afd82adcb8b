"""The retry rules (fault model §3) and what each answer means, through the port that the rest of us uses."""

import gc
import json
import logging
import sys
from collections.abc import Callable
from dataclasses import replace
from email.utils import formatdate
from itertools import pairwise
from typing import Any

import pytest
import spotipy
from hypothesis import given
from hypothesis import strategies as st

from syncer.budget import Budget, Stop
from syncer.errors import (
    Interrupted,
    MissingScope,
    NotAllowListed,
    NotFound,
    Outage,
    OutOfTime,
    PremiumNeeded,
    QuotaExceeded,
    RateLimited,
    Reach,
    Rejected,
    SourceNotReadable,
    SyncError,
    TargetNotWritable,
    Temporary,
    UnclearAdd,
    UnreadableAnswer,
)
from syncer.ids import PlaylistId, Uri
from syncer.model import Head, Item, Kind, LikedSongs, Page, SavedAlbums
from syncer.ports import Chance
from syncer.sandbox import WRONG_SHAPES, Call, Fault, Injected, track
from syncer.sandbox.faults import SPOILT
from syncer.spotify.gate import Gate
from syncer.spotify.transport import Caller, Transport, parse, retry_after
from tests.fakes import FakeClock, NoChance
from tests.spotify.wiring import API_URL, Wired

FRESH = Uri(track(0, "fresh").uri)


class Desk:
    """One signed-in connection to a world with a playlist of 120 tracks and a Liked Song."""

    def __init__(self, wired: Wired | None = None, *, deadline: float | None = None) -> None:
        self.wired = wired or Wired()
        self.world, self.clock = self.wired.world, self.wired.clock
        self.held = self.world.playlist("held", tracks=120)
        self.id = PlaylistId(self.held.id)
        self.world.like([track(1, "liked")])
        self.world.save_albums([self.world.album("saved", tracks=2)])
        opened = self.wired.open(deadline=deadline)
        self.port, self.sources = opened.playlists, opened.sources
        self.opened = self.clock.elapsed

    def fault(self, kind: str, method: str = "*", path: str = "/v1/**", **details: object) -> Injected:
        return self.world.inject(Fault(kind=kind, method=method, path=path, **details))  # type: ignore[arg-type] # as named

    @property
    def calls(self) -> list[Call]:
        """What was asked of the Web API."""
        return [call for call in self.world.calls if call.path.startswith("/v1/")]

    @property
    def waited(self) -> float:
        return self.clock.elapsed - self.opened

    def read(self) -> Page:
        return self.port.page(self.id, 0)

    def head(self) -> Head:
        return self.port.head(self.id)

    def add(self) -> str | None:
        return self.port.append(self.id, [FRESH])

    @property
    def landed(self) -> int:
        return self.held.uris.count(FRESH)


@pytest.fixture
def desk() -> Desk:
    return Desk()


Deed = Callable[[Desk], object]
READS: dict[str, Deed] = {
    "head": Desk.head,
    "page": Desk.read,
    "liked": lambda desk: desk.sources.page(LikedSongs(), 0),
    "listing": lambda desk: desk.port.listing(0),
    "saved albums": lambda desk: desk.sources.releases(SavedAlbums(), 0),
}

# --- trouble that passes ----------------------------------------------------------------------------------------------

HARMLESS = ("lone-surrogate-body", "infinite-body")  # unless it stands in a place that matters
PASSING = [
    Fault(kind="refuse"),
    Fault(kind="close"),
    Fault(kind="reset", at_byte=10),
    Fault(kind="stall"),
    Fault(kind="drip", seconds=1),
    Fault(kind="cut"),
    Fault(kind="redirect"),
    Fault(kind="status", status=204),
    *(Fault(kind="status", status=status) for status in (500, 502, 503, 504, 599)),
    *(Fault(kind=kind, size=3_000_000) for kind in SPOILT if kind not in HARMLESS),
    *(Fault(kind="other-body", text=text) for text in WRONG_SHAPES),
]


def named(fault: Fault) -> str:
    return f"{fault.kind}-{fault.status or fault.text or ''}"


@pytest.mark.parametrize("read", READS.values(), ids=READS.keys())
@pytest.mark.parametrize("fault", PASSING, ids=named)
def test_a_read_is_repeated_until_it_is_served(fault: Fault, read: Deed, desk: Desk) -> None:
    undisturbed = read(desk)
    desk.fault(fault.kind, times=2, **{name: getattr(fault, name) for name in ("status", "seconds", "size", "text")})
    before = len(desk.calls)

    assert read(desk) == undisturbed
    assert len(desk.calls) - before == 3


@pytest.mark.parametrize("read", READS.values(), ids=READS.keys())
@pytest.mark.parametrize("fault", PASSING, ids=named)
def test_a_read_that_is_never_served_fails_after_three_tries_and_is_never_an_empty_page(
    fault: Fault, read: Deed, desk: Desk
) -> None:
    details = {name: getattr(fault, name) for name in ("status", "seconds", "size", "text")}
    desk.fault(fault.kind, times=None, **details)

    with pytest.raises(Outage if fault.kind in NETWORK or (fault.status or 0) >= 500 else UnreadableAnswer):
        read(desk)
    assert len(desk.calls) == 3


NETWORK = ("refuse", "close", "reset", "stall", "drip")


class High:
    """Chance that always falls on the high end."""

    def uniform(self, _a: float, b: float) -> float:
        return b


@pytest.mark.parametrize(("chance", "pauses"), [(High(), [0.5, 1.0]), (NoChance(), [0.0, 0.0])])
def test_the_pauses_between_tries_have_full_jitter_below_a_doubling_limit(chance: Chance, pauses: list[float]) -> None:
    desk = Desk(Wired(chance=chance))
    desk.fault("status", status=503, times=2)
    desk.read()
    assert gaps(desk) == pytest.approx(pauses, abs=0.001)


def test_half_a_surrogate_pair_in_a_name_is_replaced(desk: Desk) -> None:
    """Fault model N8: what is strange and harms nobody is read."""
    desk.fault("patch", put={"total": 1, "items": [{"item": {"uri": "spotify:local:\ud800", "name": "\udfff"}}]})
    assert desk.read() == Page(total=1, items=(Item(uri=Uri("spotify:local:?"), kind=Kind.UNSUPPORTED, name="?"),))


@pytest.mark.parametrize("total", ["true", "1.0", '"1"', "null", "-1", "1e999", "NaN", "9" * 5000])
def test_a_total_that_is_no_number_of_entries_is_no_page(total: str, desk: Desk) -> None:
    desk.fault("other-body", text=f'{{"items": [], "total": {total}}}', times=None)
    with pytest.raises(UnreadableAnswer):
        desk.read()


@pytest.mark.parametrize("nested", [{}, {"total": None}, {"total": -1}, {"total": True}, {"total": "1"}])
@pytest.mark.parametrize("name", ["items", "tracks"])
def test_a_playlist_that_does_not_say_how_many_entries_it_has_is_no_answer(
    name: str, nested: dict[str, object], desk: Desk
) -> None:
    desk.fault("other-body", text=json.dumps({"id": desk.id, "snapshot_id": "v", name: nested}), times=None)
    with pytest.raises(UnreadableAnswer):
        desk.head()


def test_a_page_is_asked_for_from_its_offset_on_and_as_large_as_can_be(desk: Desk) -> None:
    pages = [desk.port.page(desk.id, offset).items for offset in (0, 100)]
    first, last = (tuple(item.uri for item in items) for items in pages)
    assert (first, last) == (desk.held.uris[:50], desk.held.uris[100:])
    assert desk.sources.page(LikedSongs(), 1) == Page(total=1, items=())


# --- adds -------------------------------------------------------------------------------------------------------------

UNCLEAR = [
    *(Fault(kind=kind, at_byte=at_byte) for kind in ("close", "reset", "stall") for at_byte in (0, 11)),
    Fault(kind="drip", seconds=10),
    Fault(kind="redirect"),
    *(Fault(kind="status", status=status) for status in (300, 500, 502, 503, 504)),
]


@pytest.mark.parametrize("applied", [True, False])
@pytest.mark.parametrize("fault", UNCLEAR, ids=lambda fault: f"{fault.kind}-{fault.status or fault.at_byte}")
def test_an_add_whose_answer_is_lost_is_unclear_and_sent_once(fault: Fault, applied: bool, desk: Desk) -> None:  # noqa: FBT001
    """Fault model N3, N4, N13."""
    details = {name: getattr(fault, name) for name in ("status", "seconds", "at_byte")}
    desk.fault(fault.kind, "POST", times=None, applied=applied, **details)

    with pytest.raises(UnclearAdd):
        desk.add()
    assert (len(desk.calls), desk.landed) == (1, int(applied))


def test_a_whole_request_takes_no_longer_than_its_limit_however_slowly_the_answer_comes(desk: Desk) -> None:
    """Fault model N15. The fourth byte would come in time for a read, and too late for the whole."""
    desk.fault("drip", "POST", seconds=14)
    with pytest.raises(UnclearAdd):
        desk.add()
    assert desk.waited == pytest.approx(45, abs=0.2)


@pytest.mark.parametrize("kind", ["cut", "empty-body", "html-body", "short-body", "gzip-bomb", "deep-body"])
def test_an_add_with_a_good_status_has_happened_whatever_its_body(kind: str, desk: Desk) -> None:
    desk.fault(kind, "POST")
    assert desk.add() is None
    assert (len(desk.calls), desk.landed) == (1, 1)


def test_an_add_goes_out_as_json(desk: Desk) -> None:
    desk.add()
    _, _, headers = desk.wired.network.sent[-1]
    assert headers["Content-Type"] == "application/json"


def test_an_add_that_never_left_is_sent_again(desk: Desk) -> None:
    desk.fault("refuse", "POST", times=2)
    desk.add()
    assert (len(desk.calls), desk.landed) == (3, 1)


def test_an_add_that_never_leaves_fails_as_not_added(desk: Desk) -> None:
    desk.fault("refuse", "POST", times=None)
    with pytest.raises(Outage):
        desk.add()
    assert (len(desk.calls), desk.landed) == (3, 0)


# --- refusals ---------------------------------------------------------------------------------------------------------

NO_PREMIUM = "Active premium subscription required for the owner of the app. See the dashboard."
READ_REFUSALS: list[tuple[Fault, type[SyncError]]] = [
    (Fault(kind="status", status=400), UnreadableAnswer),
    (Fault(kind="status", status=403), SourceNotReadable),
    (Fault(kind="status", status=403, message="Premium users registered and approved only"), SourceNotReadable),
    (
        Fault(kind="status", status=403, text="<p>Our Premium server. Registered in England, approved"),
        SourceNotReadable,
    ),
    (Fault(kind="status", status=403, text=""), SourceNotReadable),
    (Fault(kind="status", status=403, text="Forbidden"), SourceNotReadable),
    (Fault(kind="status", status=403, text=NO_PREMIUM), PremiumNeeded),
    (Fault(kind="status", status=403, text="User not registered in the Developer Dashboard"), NotAllowListed),
    (Fault(kind="status", status=403, text="User not approved for app"), NotAllowListed),
    (Fault(kind="status", status=404), NotFound),
    (Fault(kind="status", status=410), UnreadableAnswer),
    (Fault(kind="status", status=499, text='{"error":"text"}'), UnreadableAnswer),
]


@pytest.mark.parametrize("read", [Desk.head, Desk.read], ids=["head", "page"])
@pytest.mark.parametrize(("fault", "error"), READ_REFUSALS)
def test_a_refused_read_is_not_repeated_and_says_why(
    fault: Fault, error: type[SyncError], read: Deed, desk: Desk
) -> None:
    desk.fault("status", status=fault.status, text=fault.text, message=fault.message, times=None)
    with pytest.raises(error) as refused:
        read(desk)
    assert type(refused.value) is error
    assert len(desk.calls) == 1
    assert (refused.value.reach is Reach.ACCOUNT) == (error in (PremiumNeeded, NotAllowListed))


@pytest.mark.parametrize("status", [400, 403, 404])
def test_so_is_a_refused_listing(status: int, desk: Desk) -> None:
    desk.fault("status", status=status)
    with pytest.raises(UnreadableAnswer):
        desk.port.listing(0)
    assert len(desk.calls) == 1


def test_a_refused_listing_names_the_scope_that_is_missing() -> None:
    wired = Wired()
    lacking = wired.world.sign_in(scopes=wired.sign_in.scopes - {"playlist-read-private"})
    desk = Desk(Wired(world=wired.world, clock=wired.clock, sign_in=lacking))
    desk.fault("status", status=403)
    with pytest.raises(MissingScope) as refused:
        desk.port.listing(0)
    assert refused.value.scope == "playlist-read-private"


@pytest.mark.parametrize(
    ("status", "error"), [(403, SourceNotReadable), (404, UnreadableAnswer), (400, UnreadableAnswer)]
)
def test_so_is_a_refused_read_of_the_liked_songs(status: int, error: type[SyncError], desk: Desk) -> None:
    desk.fault("status", status=status)
    with pytest.raises(error):
        desk.sources.page(LikedSongs(), 0)
    assert len(desk.calls) == 1


@pytest.mark.parametrize(
    ("status", "error"),
    [(400, Rejected), (403, TargetNotWritable), (404, NotFound), (413, UnreadableAnswer)],
)
def test_a_refused_add_has_not_happened_and_says_why(status: int, error: type[SyncError], desk: Desk) -> None:
    desk.fault("status", "POST", status=status)
    with pytest.raises(error):
        desk.add()
    assert (len(desk.calls), desk.landed) == (1, 0)


@pytest.mark.parametrize(
    ("lacking", "deed"),
    [
        ("playlist-read-private", Desk.read),
        ("playlist-modify-public", Desk.add),
        ("user-library-read", READS["liked"]),
    ],
)
def test_a_403_is_a_missing_scope_only_where_the_consent_lacks_it(lacking: str, deed: Deed) -> None:
    """The text of the answer is no evidence, and an old store may not know the scopes: then a new token tells."""
    wired = Wired()
    sign_in = wired.world.sign_in(scopes=wired.sign_in.scopes - {lacking})
    wired = Wired(world=wired.world, clock=wired.clock, sign_in=sign_in)
    desk = Desk(wired)
    with pytest.raises(MissingScope) as refused:
        deed(desk)
    assert refused.value.scope == lacking


# --- 401 (fault model N11) --------------------------------------------------------------------------------------------


def tokens_asked(desk: Desk) -> int:
    return sum(call.path == "/api/token" for call in desk.world.calls)


def stale(wired: Wired) -> Wired:
    """Let a stored token look good and be refused."""
    wired.open()
    wired.world.access_tokens.clear()
    wired.world.history.clear()
    return wired


@pytest.mark.parametrize("deed", [*READS.values(), Desk.add], ids=[*READS.keys(), "add"])
def test_a_refused_token_is_refreshed_once_and_the_same_request_sent_once_more(deed: Deed) -> None:
    desk = Desk(stale(Wired()))
    assert tokens_asked(desk) == 0
    deed(desk)
    assert tokens_asked(desk) == 1
    assert [call.status for call in desk.calls] == [401, desk.calls[-1].status]
    assert desk.landed == int(deed is Desk.add)
    desk.read()
    assert tokens_asked(desk) == 1


@pytest.mark.parametrize("deed", [*READS.values(), Desk.add], ids=[*READS.keys(), "add"])
def test_a_false_401_for_a_token_of_this_very_run_passes_after_a_pause(deed: Deed, desk: Desk) -> None:
    desk.fault("false-401")
    deed(desk)
    assert desk.waited >= 1
    assert (len(desk.calls), tokens_asked(desk)) == (2, 1)


def test_a_wave_of_401_costs_the_pair_and_neither_the_stored_token_nor_endless_waiting(desk: Desk) -> None:
    kept = desk.wired.store.credentials
    desk.fault("false-401", times=None)
    for _ in range(300):
        with pytest.raises(Temporary):
            desk.read()
    assert tokens_asked(desk) == 1
    assert desk.wired.store.credentials == kept
    assert desk.waited <= 120
    assert len(desk.calls) <= 300 + 20
    desk.world.heal()
    assert desk.read().total == 120


def test_the_answer_to_the_second_try_counts_whatever_it_is(desk: Desk) -> None:
    desk.fault("false-401")
    desk.fault("status", status=404, after=1)
    with pytest.raises(NotFound):
        desk.read()


# --- 429 (fault model N10) --------------------------------------------------------------------------------------------

NOW = FakeClock().now().timestamp()


@pytest.mark.parametrize(
    ("says", "least"),
    [
        ("3", 3),
        ("60", 60),
        (" 7 ", 7),
        ("0", 1),
        (None, 5),
        ("", 5),
        ("-1", 5),
        ("1.5", 5),
        ("1e9", 5),
        ("soon", 5),
        ("9" * 13, 5),
        ("3, 3", 5),
        ("Sun, 22 Nov 2026 06:00:00 -0000", 5),
        ("Sun, 99 Nov 2026 99:00:00 GMT", 5),
        (formatdate(NOW + 20, usegmt=True), 20),
        (formatdate(NOW - 20, usegmt=True), 1),
    ],
)
@pytest.mark.parametrize("deed", [Desk.read, Desk.add], ids=["page", "add"])
def test_a_short_wait_is_waited_and_then_one_probe_is_sent(says: str | None, least: float, deed: Deed) -> None:
    desk = Desk()
    desk.fault("status", status=429, headers={} if says is None else {"Retry-After": says})
    deed(desk)
    assert least <= desk.waited + 0.3  # what signing in took is part of a date's distance
    assert desk.waited <= least + 1 + 0.4  # a second of jitter, and the pace
    assert len(desk.calls) == 2


@pytest.mark.parametrize(
    "says",
    ["61", "86400", "1000000000", "9" * 12, formatdate(NOW + 3600, usegmt=True), "Fri, 31 Dec 9999 23:59:59 GMT"],
)
@pytest.mark.parametrize("deed", [Desk.read, Desk.add], ids=["page", "add"])
def test_a_long_wait_ends_the_run_at_once(says: str, deed: Deed, desk: Desk) -> None:
    desk.fault("rate-limit", headers={"Retry-After": says}, times=None)
    with pytest.raises(RateLimited) as limited:
        deed(desk)
    assert limited.value.reach is Reach.RUN
    assert limited.value.seconds > 60
    assert (len(desk.calls), desk.waited < 1) == (1, True)


def test_a_quota_ends_the_run_however_short_the_wait(desk: Desk) -> None:
    desk.fault("quota", headers={"Retry-After": "2"})
    with pytest.raises(QuotaExceeded):
        desk.read()
    assert len(desk.calls) == 1


@pytest.mark.parametrize(
    "text", ["[]", '{"error":[]}', '{"error":"QUOTA_EXCEEDED"}', '{"error":{"reason":[]}}', "busy"]
)
def test_a_429_with_a_body_of_any_shape_is_a_429(text: str, desk: Desk) -> None:
    desk.fault("rate-limit", text=text)
    assert desk.read().total == 120


def test_waits_that_are_not_said_double_three_times_and_then_end_the_run(desk: Desk) -> None:
    desk.fault("status", status=429, times=None)
    with pytest.raises(RateLimited):
        desk.read()
    assert 5 + 10 + 20 <= desk.waited <= 5 + 10 + 20 + 3 + 2
    assert len(desk.calls) == 4


@pytest.mark.parametrize(("says", "most"), [("0", 22), ("1", 22), ("30", 5), ("60", 2)])
def test_a_limit_that_stays_ends_the_run_within_its_time_and_its_retries(says: str, most: int, desk: Desk) -> None:
    desk.fault("rate-limit", headers={"Retry-After": says}, times=None)
    with pytest.raises(RateLimited):
        desk.read()
    assert len(desk.calls) <= most
    assert desk.waited <= 120 + most  # plus the slowed pace


def test_a_wait_is_measured_against_the_date_of_the_answer_itself(desk: Desk) -> None:
    """Fault model N14: our own clock may be off by a day."""
    headers = {"Date": "Sat, 21 Nov 2026 06:00:00 GMT", "Retry-After": "Sat, 21 Nov 2026 06:00:09 GMT"}
    desk.fault("status", status=429, headers=headers)
    desk.read()
    assert 9 <= desk.waited <= 10.5


def test_without_a_usable_date_of_its_own_ours_is_used_or_none() -> None:
    clock = FakeClock()
    later = formatdate(NOW + 30, usegmt=True)
    assert retry_after({"Retry-After": later}, clock) == 30
    assert retry_after({"Retry-After": later, "Date": "yesterday"}, clock) == 30


@given(value=st.text(max_size=40), date=st.none() | st.text(max_size=40))
def test_a_retry_after_is_never_negative_and_never_an_exception(value: str, date: str | None) -> None:
    seconds = retry_after({"Retry-After": value} | ({"Date": date} if date is not None else {}), FakeClock())
    assert seconds is None or seconds >= 0


def test_after_a_429_everything_goes_at_half_the_pace_and_recovers_slowly(desk: Desk) -> None:
    desk.fault("rate-limit", headers={"Retry-After": "0"})
    for _ in range(60):
        desk.read()
    at = [call.at - desk.calls[0].at for call in desk.calls]
    assert at[6] - at[1] > 0.9  # about five a second at first
    assert at[-1] - at[-11] == pytest.approx(1, abs=0.05)  # ten a second in the end


def gaps(desk: Desk) -> list[float]:
    """Return the seconds between requests."""
    at = [call.at for call in desk.calls]
    return [later - sooner for sooner, later in pairwise(at)]


# --- limits of the run ------------------------------------------------------------------------------------------------


def test_no_request_starts_that_might_pass_the_deadline() -> None:
    """Its worst case and five seconds have to fit (fault model §3)."""
    desk = Desk(deadline=50.3)
    desk.read()
    desk.clock.elapsed = 0.3
    with pytest.raises(OutOfTime):
        desk.read()
    assert len(desk.calls) == 1


def test_no_wait_is_begun_that_would_pass_the_deadline() -> None:
    desk = Desk(deadline=100)
    desk.fault("rate-limit", headers={"Retry-After": "50"}, times=None)
    with pytest.raises(RateLimited):
        desk.read()
    assert (len(desk.calls), desk.waited < 1) == (1, True)

    desk = Desk(deadline=100)
    desk.fault("rate-limit", headers={"Retry-After": "45"})
    desk.read()


class Interrupting(FakeClock):
    """A clock whose sleep ends with a signal, once there is someone to tell."""

    stop: Stop | None = None

    def sleep(self, seconds: float) -> None:
        super().sleep(seconds)
        if self.stop:
            self.stop(2)


def test_a_wish_to_stop_is_heard_before_the_next_request_even_while_the_pace_is_kept() -> None:
    """Fault model I15: after a cancel no new request."""
    clock = Interrupting()
    desk = Desk(Wired(clock=clock))
    for _ in range(9):
        desk.read()
    clock.stop = desk.wired.stop
    with pytest.raises(Interrupted):
        desk.read()
    assert len(desk.calls) == 9


def test_the_retries_of_a_run_are_counted_together(desk: Desk) -> None:
    """20, and one more for every ten requests that were served (fault model §3)."""
    desk.fault("status", path="/v1/me/tracks", status=500, times=None)
    for _ in range(30):
        with pytest.raises(Outage):
            desk.sources.page(LikedSongs(), 0)
    assert len(desk.calls) == 30 + 20
    for _ in range(20):
        desk.read()
    for _ in range(5):
        with pytest.raises(Outage):
            desk.sources.page(LikedSongs(), 0)
    assert len(desk.calls) == 30 + 20 + 20 + 5 + 2


# --- spotipy ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("deed", [*READS.values(), Desk.add], ids=[*READS.keys(), "add"])
@pytest.mark.parametrize("token", ["CANARY\nX: y", "CANARY\u2026"])
def test_a_request_that_cannot_be_built_is_a_mistake_of_ours_and_never_looks_like_an_add(
    token: str, deed: Deed, caplog: pytest.LogCaptureFixture
) -> None:
    """spotipy takes every ValueError for a body without JSON, and would return None."""
    caplog.set_level(logging.DEBUG)
    wired = Wired()
    soon = wired.clock.now().timestamp() + 1000
    wired.store.credentials = replace(wired.store.credentials, access_token=token, expires_at=soon)
    desk = Desk(wired)
    with pytest.raises(RuntimeError, match=rf"^(InvalidHeader|UnicodeEncodeError) on the way to {API_URL}/") as refused:
        deed(desk)
    assert "CANARY" not in repr(refused.value) + caplog.text
    assert not desk.calls


class Token:
    """A bearer of a token that is always good."""

    account = "default"

    def token(self) -> str:
        return "TOKEN"

    def renewed(self, _refused: str) -> None:
        return None


FORBIDDEN: dict[str, Callable[[Any], object]] = {
    "replace": lambda spotify: spotify.playlist_replace_items("x" * 22, []),
    "remove": lambda spotify: spotify.playlist_remove_all_occurrences_of_items("x" * 22, [FRESH]),
    "rename": lambda spotify: spotify.playlist_change_details("x" * 22, name="x"),
    "create": lambda spotify: spotify.current_user_playlist_create("x"),
    "unfollow": lambda spotify: spotify.current_user_unfollow_playlist("x" * 22),
    "an id that is none": lambda spotify: spotify.playlist_items("x" * 21),
    "another host": lambda spotify: spotify.next({"next": "https://elsewhere.example/v1/me/tracks"}),
    "a host that begins alike": lambda spotify: spotify.next({"next": f"{API_URL}.example/me/tracks"}),
    "a way up": lambda spotify: spotify.next({"next": f"{API_URL}/me/tracks/../player"}),
    "a link to the next page": lambda spotify: spotify.next({"next": f"{API_URL}/me/tracks?offset=50"}),
    "another endpoint": lambda spotify: spotify.me(),
    "the devices": lambda spotify: spotify.devices(),
    "start the player": lambda spotify: spotify.start_playback(),
    "stop the player": lambda spotify: spotify.pause_playback("x"),
    "take over the player": lambda spotify: spotify.transfer_playback("x"),
}


@pytest.mark.parametrize("forbidden", FORBIDDEN.values(), ids=FORBIDDEN.keys())
def test_what_no_run_may_ask_is_not_sent_whoever_should_try(forbidden: Callable[[Any], object]) -> None:
    """Fault model X5, X6."""
    wired = Wired()
    budget = Budget(wired.clock)
    caller = Caller(
        gate=Gate(wired.clock),
        budget=budget,
        clock=wired.clock,
        chance=wired.chance,
        worst_case=45,
        limited=lambda _limit: None,
        spent=lambda: None,
        warnings=[],
    )
    transport = Transport(api_url=API_URL, wire=wired.wire, caller=caller, bearer=Token())
    with pytest.raises(RuntimeError, match="a run does not"):
        forbidden(spotipy.Spotify(requests_session=transport))
    assert not wired.network.sent


# --- JSON -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "body",
    [
        None,
        b"",
        b"NaN",
        b"-Infinity",
        b'{"a":1,"a":2}',
        b"9" * 5000,
        b"[" * 500_000,
        b"[" * 100_000 + b"]" * 100_000,
        b"\xff",
        b'"\x00"',
        b"{} {}",
    ],
)
def test_what_is_no_plain_json_is_no_document(body: bytes | None) -> None:
    assert parse(body) is None


@given(body=st.binary(max_size=200))
def test_no_bytes_are_too_strange_to_be_looked_at(body: bytes) -> None:
    parse(body)


class _Finalized:
    """Something that only the garbage collector frees, and that then runs code."""

    def __init__(self) -> None:
        self.itself = self

    def __del__(self) -> None:
        self.close()

    def close(self) -> None:
        self.let_go()

    def let_go(self) -> None:
        self.itself = None  # type: ignore[assignment]


def test_a_document_nested_too_deep_is_none_and_no_finalizer_is_run_at_its_bottom(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    failed: list[object] = []
    monkeypatch.setattr(sys, "unraisablehook", failed.append)
    collected = gc.get_threshold()
    try:
        for allocations in range(700, 1_000):  # one of them ends just where the stack does
            gc.collect()
            gc.set_threshold(allocations)
            _Finalized()
            assert parse(b"[" * 2_000) is None
    finally:
        gc.set_threshold(*collected)
    assert not failed
    assert gc.isenabled()


def test_where_nothing_is_collected_that_stays_so() -> None:
    gc.disable()
    try:
        assert parse(b"[]") == []
        assert not gc.isenabled()
    finally:
        gc.enable()
