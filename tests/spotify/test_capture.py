"""Captures through the real adapter in a sandbox world, in every way that Spotify's player may behave, and with faults.

What a player may do is proved over a fake (tests/test_capturing.py); here it is that the adapter tells it rightly.
"""

import itertools
from dataclasses import dataclass, replace

import pytest

from syncer.budget import Budget
from syncer.capturing import Capture, Taken
from syncer.errors import Code, MissingScope, NotPlayable
from syncer.ids import PlaylistId
from syncer.model import Account, Captured
from syncer.ports import Connection
from syncer.restoring import Change
from syncer.sandbox import Fault, Playlist, local, track
from syncer.spotify.transport import CAPTURE_ENDPOINTS
from tests.fakes import FakeClock
from tests.spotify.wiring import Wired, pair

WEEKLY = PlaylistId("37i9dQZEVXcSandboxList")
SCOPES = ("user-read-playback-state", "user-read-currently-playing", "user-modify-playback-state")


@dataclass
class Flat:
    """Where somebody listens to an album in the kitchen, and may not read ``weekly``, which has 30 tracks."""

    wired: Wired
    weekly: Playlist

    @property
    def plays(self) -> tuple[object, ...]:
        """All that a capture has to put back."""
        player = self.wired.world.me.player
        player.catch_up(self.wired.clock.now().timestamp())
        now = player.playing
        what = (now.context, now.item.uri, now.since is not None) if now else (None, None, False)
        return (*what, player.shuffle, player.repeat, player.devices[0].volume_percent)

    @property
    def progress(self) -> int:
        """How far into its track the player is, in seconds."""
        now = self.wired.world.me.player.playing
        return now.progress_ms(self.wired.clock.now().timestamp()) // 1000 if now else 0

    @property
    def capture(self) -> Capture:
        """Begin a process that captures."""
        self.wired.new_process(endpoints=CAPTURE_ENDPOINTS)
        return Capture(
            Account(name="default"),
            connect=self._connect,
            state=self.wired.state,
            clock=self.wired.clock,
            stop=self.wired.stop,
            counted=lambda _done, _total: None,
        )

    def _connect(self, account: Account, budget: Budget) -> Connection:
        return self.wired.accounts(account, budget)

    def take(self) -> Taken:
        return self.capture.capture(WEEKLY, None)


def flat(*, tracks: int = 30, is_playing: bool = True, shuffle: bool = False, holes: bool = False) -> Flat:
    wired = Wired(clock=FakeClock())
    world = wired.world
    first = [track(1), None, track(2), local(1), None, track(3)] if holes else []
    weekly = world.playlist("Discover Weekly", items=first, tracks=tracks, owner="spotify", id=WEEKLY)
    album = world.album("Home", tracks=10)
    kitchen = world.open_device("Kitchen", volume_percent=40)
    world.play(album, place=3, at_ms=83_000, device=kitchen)
    world.me.player.set_shuffle(wired.clock.now().timestamp(), on=shuffle)
    if not is_playing:
        world.me.player.pause(wired.clock.now().timestamp())
    return Flat(wired, weekly)


def owed(now: tuple[object, ...], before: tuple[object, ...]) -> set[Change]:
    """Return what of *before* is not as it was."""
    differs = {
        Change.PLACE: now[:2] != before[:2] or (before[2] and not now[2]),
        Change.PAUSE: bool(now[2]) and not before[2],
        Change.SHUFFLE: now[3] != before[3],
        Change.REPEAT: now[4] != before[4],
        Change.VOLUME: now[5] != before[5],
    }
    return {change for change, is_so in differs.items() if is_so}


def uris(taken: Taken) -> tuple[str | None, ...]:
    return tuple(item.uri for item in taken.items)


def commands(wired: Wired) -> list[str]:
    return [call.path.removeprefix("/v1/me/player/") for call in wired.world.calls if call.method == "PUT"]


@pytest.mark.parametrize("is_playing", [True, False])
@pytest.mark.parametrize("shuffle", [True, False])
def test_a_list_that_no_app_may_read_is_found_and_all_is_back(is_playing: bool, shuffle: bool) -> None:  # noqa: FBT001 - pytest passes them by name
    home = flat(is_playing=is_playing, shuffle=shuffle)
    before = home.plays
    assert not home.capture.look(WEEKLY, None).is_readable
    capture = home.capture
    taken = capture.capture(WEEKLY, None)
    assert taken.error is None
    assert uris(taken) == home.weekly.uris
    assert (home.plays, home.progress, taken.left) == (before, 83, None)
    assert capture.requests == {"spotify": len(home.wired.world.calls) - 4, "accounts": 0}
    assert [play.context for play in home.wired.world.me.player.plays] == [before[0]]  # it was heard for long enough
    written = {call.method for call in home.wired.world.calls if call.path.startswith("/v1/playlists")}
    assert written == {"GET"}


@pytest.mark.parametrize(
    ("after_context", "offset_outside", "shown", "queue", "delay"),
    [
        *itertools.product(
            ["nothing", "autoplay", "wrap"], [404, 400, 403, "start", "nothing"], ["all", "own"], [True], [0.0]
        ),
        *itertools.product(["nothing", "autoplay"], [404, "start", "nothing"], ["none"], [False], [0.0, 1.5]),
    ],
)
def test_whatever_spotify_does_the_list_is_found(
    after_context: str, offset_outside: int | str, shown: str, *, queue: bool, delay: float
) -> None:
    for tracks in (2, 21, 30):
        home = flat(tracks=tracks)
        habits = home.wired.world.habits
        habits.after_context = after_context  # type: ignore[assignment] # parametrize has texts
        habits.offset_outside = offset_outside  # type: ignore[assignment] # the same
        habits.shown_contexts = shown  # type: ignore[assignment] # the same
        habits.queue_shows_spotify_made, habits.delay = queue, delay
        before = home.plays
        taken = home.take()
        assert taken.error is None
        assert uris(taken) == home.weekly.uris, tracks
        home.wired.clock.elapsed += delay
        assert (home.plays[1:], taken.left) == (before[1:], None)
        assert home.plays[0] == (before[0] if shown != "none" else None)  # nobody tells from what it played


def test_what_is_queued_by_hand_stays_in_the_queue_and_out_of_the_list() -> None:
    home = flat()
    home.wired.world.queue_up([track(1, "mine"), track(2, "mine")])
    taken = home.take()
    assert uris(taken) == home.weekly.uris
    assert [one.name for one in home.wired.world.me.player.queued] == [track(1, "mine").name, track(2, "mine").name]


def test_where_nothing_plays_nothing_plays_afterwards() -> None:
    home = flat()
    player = home.wired.world.me.player
    player.playing, player.shuffle = None, True
    taken = home.take()
    assert uris(taken) == home.weekly.uris
    assert (home.plays[2:], taken.left) == ((False, True, "off", 40), None)


def test_holes_and_local_files_do_not_keep_the_rest_from_being_found() -> None:
    home = flat(holes=True)
    seen = [uri for uri in uris(home.take()) if uri]
    assert list(dict.fromkeys(seen)) == [uri for uri in home.weekly.uris if uri and "local" not in uri]


def test_what_is_found_is_added_by_a_run_like_any_other() -> None:
    home = flat()
    taken = home.take()
    archive = home.wired.world.playlist("archive", items=home.weekly.uris[:4])
    home.wired.new_process()
    one = pair(home.weekly, archive)
    source = Captured(WEEKLY, taken.items)
    for added in (26, 0):
        report = home.wired.run(type(one)(name=one.name, sources=(source,), target=one.target))
        assert report.outcomes[0].error is None
        assert len(report.outcomes[0].added) == added
    assert archive.uris == home.weekly.uris
    (add,) = home.wired.state.adds(one.target, since=home.wired.clock.start)
    assert {addition.source for addition in add.additions} == {f"captured:spotify:playlist:{WEEKLY}"}


def test_an_app_that_may_read_the_list_does_not_play_it() -> None:
    home = flat()
    home.wired.world.app.reads_spotify_made = True
    assert home.capture.look(WEEKLY, None).is_readable
    assert commands(home.wired) == []


def test_without_consent_nothing_is_touched() -> None:
    for scope in SCOPES:
        wired = flat().wired
        consented = [one for one in wired.sign_in.scopes if one != scope]
        home = Flat(Wired(world=wired.world, clock=wired.clock, sign_in=wired.world.sign_in(scopes=consented)), None)  # type: ignore[arg-type] # it is not asked for
        before = home.plays
        taken = home.take()
        assert isinstance(taken.error, MissingScope)
        assert taken.error.scope == scope
        assert (home.plays, taken.left) == (before, None)


def test_without_premium_nothing_is_touched() -> None:
    home = flat()
    home.wired.world.me.premium = False
    before = home.plays
    taken = home.take()
    assert isinstance(taken.error, NotPlayable)
    assert "Premium" in str(taken.error)
    assert home.plays == before


# --- faults at every request ------------------------------------------------------------------------------------------

FAULTS = {
    "an outage of one answer": Fault(kind="status", status=503),
    "lost answers": Fault(kind="reset", applied=True, times=3),
    "an outage": Fault(kind="status", status=503, times=None),
    "a refusal": Fault(kind="status", status=403, message="Player command failed: Restriction violated"),
    "something unknown": Fault(kind="status", status=418, message="I'm a teapot"),
    "nonsense": Fault(kind="html-body", times=3),
    "a false 401": Fault(kind="false-401"),
    "a limit": Fault(kind="rate-limit", headers={"Retry-After": "2"}),
    "a long limit": Fault(kind="rate-limit", headers={"Retry-After": "4000"}),
    "a used-up quota": Fault(kind="quota"),
}
PASSES = {"a long limit": 4_000, "a used-up quota": 100_000}
"""Seconds until Spotify can be asked again; what plays goes on meanwhile."""


def restored_later(home: Flat) -> set[Change]:
    """Let the next command put back what it can; return what it says a person has to do."""
    left = home.capture.left_over()
    again = home.capture.restore(left) if left else None
    return set(again.changes) if again else set()


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("is_playing", [True, False])
def test_a_fault_at_any_request_leaves_all_as_it_was_or_says_what_to_press(is_playing: bool, fault: str) -> None:  # noqa: FBT001 - pytest passes it by name
    number = 0
    while True:
        home = flat(tracks=12, is_playing=is_playing, shuffle=not is_playing)
        before, world = home.plays, home.wired.world
        world.inject(replace(FAULTS[fault], path="/v1/**", after=number))
        taken = home.take()
        if len(world.calls) <= number:
            break
        number += 1
        assert owed(home.plays, before) <= (taken.left.changes if taken.left else set()), number
        if taken.error is None:
            assert uris(taken) == home.weekly.uris
        else:
            assert taken.items == ()
            assert taken.error.code is not Code.BUG

        world.heal()
        home.wired.clock.elapsed += PASSES.get(fault, 0)
        said = restored_later(home)
        assert owed(home.plays, before) - said <= ({Change.PLACE} if fault in PASSES else set()), number
    assert number > 20
