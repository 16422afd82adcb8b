"""What a look at sources that are no playlists finds, and how little it asks for that."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from syncer.budget import Stop
from syncer.checkup import About, Checkup, Finding, Level, Relation
from syncer.errors import Code, SourceClosed
from syncer.model import FileSource, Pair, Term
from syncer.tracklist import read
from tests.fakes import (
    FakeAccounts,
    FakeClock,
    FakePlayer,
    FakePlaylists,
    MemoryState,
    NoChance,
    config,
    identifier,
    item,
    pair,
)

WEEK = f"spotify:playlist:{identifier('week')}"
MADE = "37i9dQZEVXcJZyENOWUFo7"
INSTEAD = (
    "copy the list into a playlist of your own and use that copy as the source, or use `syncer capture`:"
    " see docs/discover-weekly.md"
)


class Desk:
    """Someone who looks at the sources of one pair."""

    def __init__(self, source: str) -> None:
        self.playlists = FakePlaylists(archive="a")
        self.pairs: tuple[Pair, ...] = (pair(source, "archive"),)
        self.clock = FakeClock()

    def found(self) -> list[Finding]:
        """Return what is found of the sources."""
        checkup = Checkup(
            connect=FakeAccounts(self.playlists),
            state=MemoryState(),
            place="memory",
            clock=self.clock,
            chance=NoChance(),
            stop=Stop(),
            files=read,
        )
        looked = checkup.examine(config(*self.pairs), lambda _done, _total: None).findings
        return [one for one in looked if one.about is About.PLAYLIST and one.role == "source"]

    @property
    def only(self) -> Finding:
        (one,) = self.found()
        return one

    @property
    def asked(self) -> list[str]:
        """What was asked for the sources."""
        return [one for one in self.playlists.reads if one not in ("me", "head archive")]

    def someone_heard(self, letters: str, context: str | None = None) -> None:
        self.playlists.someone_hears(letters, at=self.clock.now(), context=context)

    def someone_plays(self, word: str, *, at: int = 0) -> FakePlayer:
        self.playlists.player = FakePlayer(week="abc", other="xyz")
        self.playlists.player.someone_plays(word, at=at)
        return self.playlists.player


def furnish(playlists: FakePlaylists) -> None:
    """Give an account some of everything."""
    playlists.liked = "ab"
    playlists.albums |= {"moon": "abc", "sun": "d"}
    playlists.artists["anna"] = ["moon", "sun"]
    playlists.saved_albums = ["moon"]
    playlists.top[Term.SHORT] = "ab"
    playlists.episodes["news"] = "xyz"
    playlists.saved_episodes = "x"


# --- what stays -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("source", "message", "relation", "request_"),
    [
        ("liked", "Liked Songs: 2 items, can be read", Relation.OWN, "liked 0"),
        ("album:moon", f"the album spotify:album:{identifier('moon')}: 3 items, can be read", None, "album moon 0"),
        ("saved_albums", "your saved albums: 1 album, can be read", Relation.OWN, "saved albums 0"),
        (
            "artist:anna",
            f"the artist spotify:artist:{identifier('anna')}: 2 releases, can be read",
            None,
            "artist anna 0",
        ),
        ("top:short", "your top tracks (short): 2 items, can be read", Relation.OWN, "top short 0"),
        ("show:news", f"the show spotify:show:{identifier('news')}: 3 items, can be read", None, "show news 0"),
        ("saved_episodes", "your saved episodes: 1 item, can be read", Relation.OWN, "saved episodes 0"),
    ],
)
def test_each_kind_is_told_in_a_line_for_one_request(
    source: str, message: str, relation: Relation | None, request_: str
) -> None:
    desk = Desk(source)
    furnish(desk.playlists)
    found = desk.only
    assert (found.level, found.message, found.relation, found.action) == (Level.OK, message, relation, None)
    assert found.playlist == str(desk.pairs[0].sources[0])
    assert desk.asked == [request_]


@pytest.mark.parametrize(
    ("source", "scope"),
    [
        ("liked", "user-library-read"),
        ("saved_albums", "user-library-read"),
        ("top:long", "user-top-read"),
        ("show:news", "user-read-playback-position"),
        ("saved_episodes", "user-library-read"),
        ("recently_played", "user-read-recently-played"),
        ("queue", "user-read-playback-state"),
    ],
)
def test_a_source_that_was_not_consented_to_has_failed(source: str, scope: str) -> None:
    desk = Desk(source)
    furnish(desk.playlists)
    desk.playlists.lacks.add(scope)
    found = desk.only
    assert (found.level, found.code, scope in found.message) == (Level.FAILED, Code.MISSING_SCOPE, True)
    assert found.playlist == str(desk.pairs[0].sources[0])


@pytest.mark.parametrize("source", ["album:gone", "artist:gone", "show:gone"])
def test_what_is_not_there_has_failed(source: str) -> None:
    found = Desk(source).only
    assert (found.code, found.action) == (Code.NOT_FOUND, "check the link")


def test_what_spotify_closes_to_the_app_is_to_be_taken_out() -> None:
    desk = Desk("top:long")
    desk.playlists.before = lambda request: SourceClosed("top:long") if request == "top long 0" else None
    found = desk.only
    assert (found.code, found.action) == (Code.SOURCE_NOT_READABLE, "take the source out of the config")


# --- files ------------------------------------------------------------------------------------------------------------


def with_file(path: Path, text: str | None) -> Desk:
    """Return who looks at a file with *text* in it, or at none."""
    if text is not None:
        path.write_text(text, encoding="utf-8")
    desk = Desk("liked")
    desk.pairs = (replace(desk.pairs[0], sources=(FileSource(str(path), "list.txt"),)),)
    return desk


def test_a_file_is_looked_at_without_a_request(tmp_path: Path) -> None:
    desk = with_file(tmp_path / "list", f"{item('a').uri}\n{item('b').uri}\n")
    found = desk.only
    assert (found.level, found.message) == (Level.OK, "the file list.txt: 2 items, can be read")
    assert (found.playlist, found.relation, desk.asked) == ("file:list.txt", None, [])


def test_of_a_file_is_told_what_runs_have_to_look_up(tmp_path: Path) -> None:
    desk = with_file(tmp_path / "list", f"uri,isrc\n{item('a').uri},\n,USABC2600001\n")
    assert (
        desk.only.message
        == "the file list.txt: 2 items (1 of them by ISRC, which runs look up one by one), can be read"
    )
    assert desk.asked == []


def test_what_is_not_understood_in_a_file_is_a_warning_that_names_its_line(tmp_path: Path) -> None:
    found = with_file(tmp_path / "list", f"{item('a').uri}\nnonsense\n").only
    assert found.level is Level.WARNING
    assert found.message.startswith("the file list.txt: 1 item, can be read; list.txt:2: 'nonsense' is no link")
    assert found.action == "correct what is left out, if it matters"


def test_a_file_that_is_not_there_has_failed(tmp_path: Path) -> None:
    found = with_file(tmp_path / "list", None).only
    assert (found.code, found.message) == (Code.SOURCE_NOT_READABLE, "there is no file list.txt")


# --- what was played --------------------------------------------------------------------------------------------------


def test_plays_are_counted_and_the_newest_is_dated() -> None:
    desk = Desk("recently_played")
    desk.someone_heard("abc")
    assert desk.only.message == "recently played: 3 plays, newest today 06:00 UTC"
    desk.clock.sleep(timedelta(days=1).total_seconds())
    assert desk.only.message == "recently played: 3 plays, newest 2026-11-22 06:00 UTC"


def test_plays_are_polled_once_for_all_that_want_them() -> None:
    desk = Desk("recently_played+recently_played:week+recently_played:other")
    desk.someone_heard("abc", "week")
    assert [one.level for one in desk.found()] == [Level.OK] * 3
    assert desk.asked == ["plays"]


def test_of_plays_from_a_list_is_told_how_many_are_known_to_be() -> None:
    desk = Desk("recently_played:week")
    desk.someone_heard("xyz")
    desk.someone_heard("ab", "week")
    desk.someone_heard("c", "other")
    known = "recently played: 6 plays, newest today 06:00 UTC"
    assert desk.only.message == f"{known}; Spotify tells of 3 from what they were played: 2 from {WEEK}"
    assert desk.only.level is Level.OK


def test_plays_that_came_from_elsewhere_are_no_reason_to_worry() -> None:
    desk = Desk("recently_played:week")
    desk.someone_heard("c", "other")
    assert desk.only.level is Level.OK
    assert desk.only.message.endswith(f": 0 from {WEEK}")


def test_plays_of_which_nobody_tells_from_what_are_a_warning() -> None:
    desk = Desk("recently_played:week")
    desk.someone_heard("abc")
    found = desk.only
    told = "Spotify tells of none from what it was played, so none is found from"
    assert found.message == f"recently played: 3 plays, newest today 06:00 UTC; {told} {WEEK}"
    assert (found.level, found.code, found.action) == (Level.WARNING, None, INSTEAD)


@pytest.mark.parametrize("source", ["recently_played", "recently_played:week"])
def test_without_a_play_nothing_can_be_told(source: str) -> None:
    found = Desk(source).only
    assert (found.level, found.action) == (Level.OK, None)
    assert found.message == "recently played: 0 plays, so it cannot be told what Spotify shows of them"


# --- what comes next --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("source", "name"), [("queue", "the queue"), ("queue:week", f"the queue of {WEEK}")])
def test_the_queue_is_told_where_something_plays(source: str, name: str) -> None:
    desk = Desk(source)
    desk.someone_plays("week")
    assert desk.only.message == f"{name}: 2 items after what plays now, can be read"
    assert (desk.only.level, desk.asked[:2]) == (Level.OK, ["playing", "queue"])


@pytest.mark.parametrize(("source", "name"), [("queue", "the queue"), ("queue:week", f"the queue of {WEEK}")])
def test_where_nothing_plays_nothing_can_be_told_of_the_queue(source: str, name: str) -> None:
    desk = Desk(source)
    found = desk.only
    assert found.message == f"{name}: nothing plays right now, so it cannot be told what it shows"
    assert (found.level, found.action, desk.asked) == (Level.OK, None, ["playing"])


def test_the_player_is_asked_once_for_all_that_want_it() -> None:
    desk = Desk("queue+queue:week+queue:other")
    desk.someone_plays("week")
    assert [one.level for one in desk.found()] == [Level.OK] * 3
    assert desk.asked == ["playing", "queue"]


def test_where_something_else_plays_nothing_can_be_told_of_the_queue() -> None:
    desk = Desk("queue:week")
    desk.someone_plays("other")
    found = desk.only
    elsewhere = f"spotify:playlist:{identifier('other')} plays right now, so it cannot be told what it shows"
    assert (found.level, found.message) == (Level.OK, f"the queue of {WEEK}: {elsewhere}")
    assert desk.asked == ["playing"]


def test_a_player_that_hides_from_what_it_plays_is_a_warning() -> None:
    desk = Desk("queue:week")
    player = desk.someone_plays("week")
    player.tells_context = False
    player.someone_plays("week")
    found = desk.only
    told = "something plays, but Spotify does not tell from what, so its queue is not taken"
    assert (found.level, found.message) == (Level.WARNING, f"the queue of {WEEK}: {told}")
    assert found.action == f"if that list plays, {INSTEAD}"


Hides = Callable[[FakePlayer], object]


def hides_the_rest(player: FakePlayer) -> None:
    player.queued = 0


def hides_all(player: FakePlayer) -> None:
    assert player.now
    player.now = replace(player.now, item=None)


@pytest.mark.parametrize("source", ["queue", "queue:week"])
@pytest.mark.parametrize("hides", [hides_the_rest, hides_all])
def test_a_queue_that_shows_nothing_while_something_plays_is_a_warning(source: str, hides: Hides) -> None:
    desk = Desk(source)
    hides(desk.someone_plays("week"))
    found = desk.only
    assert found.message.endswith(": something plays, but Spotify shows nothing that comes next")
    assert (found.level, found.action) == (Level.WARNING, f"unless the last track plays, {INSTEAD}")


# --- lists that Spotify makes -----------------------------------------------------------------------------------------


def test_of_a_list_that_spotify_makes_the_ways_around_are_named() -> None:
    found = Desk(MADE).only
    assert (found.level, found.code) == (Level.FAILED, Code.SOURCE_SPOTIFY_MADE)
    assert found.action
    for way in ("playlist of your own", "`recently_played`", "`queue`", "`syncer capture`", "docs/discover-weekly.md"):
        assert way in found.action
    assert "\n" not in found.action
