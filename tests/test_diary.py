"""What passes by is written down as soon as it was shown, and what is written down is not written over."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Final

from syncer.errors import Code, StateUnreachable, SyncError, Temporary
from syncer.model import PAGE_SIZE, Play
from tests.fakes import FakePlayer, FakePlaylists, MemoryState, identifier, pair
from tests.running import Runs

ARCHIVE: Final = identifier("archive")


def many(first: int, count: int) -> list[str]:
    """Return the names of *count* tracks."""
    return [str(1000 + first + number) for number in range(count)]


class Shaky(MemoryState):
    """A state whose diaries cannot be read while it is ``away``."""

    away = False

    def cached(self, name: str) -> bytes | None:
        if self.away and name.startswith("diary "):
            raise StateUnreachable("no answer", hint="try again")
        return super().cached(name)


def test_a_diary_that_cannot_be_read_is_not_written_over() -> None:
    playlists, state = FakePlaylists(archive=""), Shaky()
    playlists.player = FakePlayer(week="abc", mix="xyz")
    playlists.player.someone_plays("week")
    runs = Runs(playlists, pair("queue", "archive"), state=lambda: state)
    playlists.before = lambda request: Temporary("down") if request.startswith("append") else None
    runs.run()
    playlists.player.someone_plays("mix")
    state.away = True
    runs.run()
    assert runs.said == ["not-tried"]
    assert runs.codes == [Code.TEMPORARY]
    state.away = False
    playlists.before = lambda _request: None
    runs.run()

    assert playlists.now_in("archive") == "abcxyz"


def test_what_one_page_showed_is_kept_though_the_next_cannot_be_read() -> None:
    playlists = FakePlaylists(archive="")
    runs = Runs(playlists, pair("recently_played", "archive"))
    playlists.someone_hears(["1"], at=runs.clock.now())
    runs.run()
    playlists.someone_hears(many(0, 49), at=runs.clock.now() + timedelta(hours=5))
    playlists.before = _second("plays", Temporary("down"))
    runs.run(hours=6)
    assert runs.codes == [Code.TEMPORARY]
    playlists.before = lambda _request: None
    playlists.someone_hears(many(100, 50), at=runs.clock.now() + timedelta(hours=5))
    runs.run(hours=6)

    assert len(playlists.held[ARCHIVE]) == 100


def _second(start: str, error: SyncError) -> Callable[[str], SyncError | None]:
    """Return what refuses all requests that begin with *start* but the first."""
    met = iter([None])
    return lambda request: next(met, error) if request.startswith(start) else None


class Patient(FakePlaylists):
    """Shows all plays there ever were, from the cursor on."""

    def plays(self, after: datetime | None) -> tuple[Play, ...]:
        super().plays(after)
        return tuple(play for play in self.heard if after is None or play.at > after)[:PAGE_SIZE]


def test_what_is_behind_a_page_is_asked_for_and_no_run_asks_for_ever() -> None:
    playlists = Patient(archive="")
    runs = Runs(playlists, pair("recently_played", "archive"))
    playlists.someone_hears(many(0, 400), at=runs.clock.now())
    runs.run()
    asked = [[request for request in runs.run() if request.startswith("plays")] for _ in range(3)]

    assert [len(requests) for requests in asked] == [3, 3, 2]
    assert [one.uri for one in playlists.held[ARCHIVE]] == [play.item.uri for play in playlists.heard]


def test_plays_of_one_moment_are_told_apart_and_known_again() -> None:
    playlists = FakePlaylists(archive="")
    runs = Runs(playlists, pair("recently_played", "archive"))
    playlists.someone_hears("a", at=runs.clock.now())
    playlists.someone_hears("b", at=runs.clock.now())
    runs.run()
    assert playlists.now_in("archive") == "ab"

    assert runs.run() == ["plays after 05:59:59"]  # nothing new: the target is left alone
    playlists.someone_hears("c", at=runs.clock.start)
    runs.run()
    assert playlists.now_in("archive") == "abc"


def test_a_list_that_is_started_between_the_two_looks_at_the_queue_is_not_taken_for_the_one_asked_for() -> None:
    playlists = FakePlaylists(archive="")
    playlists.player = player = FakePlayer(week="abc", mix="xyz")
    player.someone_plays("week")
    runs = Runs(playlists, pair("queue:week", "archive"))
    playlists.before = lambda request: player.someone_plays("mix") if request == "queue" else None
    runs.run()

    assert playlists.now_in("archive") == ""


def test_a_queue_that_moves_on_between_the_two_looks_is_taken() -> None:
    playlists = FakePlaylists(archive="")
    playlists.player = player = FakePlayer(week="abc")
    player.someone_plays("week")
    runs = Runs(playlists, pair("queue:week", "archive"))
    playlists.before = lambda request: player.someone_plays("week", at=1) if request == "queue" else None
    runs.run()

    assert playlists.now_in("archive") == "bc"


def test_a_list_that_is_repeated_in_the_queue_is_written_down_once() -> None:
    playlists = FakePlaylists(archive="")
    playlists.player = FakePlayer(week="abab")
    playlists.player.someone_plays("week")
    runs = Runs(playlists, pair("queue", "archive"))
    runs.run()

    assert playlists.now_in("archive") == "ab"
    assert runs.report
    assert runs.report.outcomes[0].skipped == {}
