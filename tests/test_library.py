"""What is known is not asked for, what has not changed is not read, and what is forgotten only costs requests."""

import gc
import weakref
from collections.abc import Callable, Sequence
from copy import deepcopy
from dataclasses import replace
from datetime import timedelta
from string import ascii_letters, digits

import pytest
from hypothesis import given
from hypothesis import strategies as st

from syncer.allowance import Allowance
from syncer.budget import Budget
from syncer.cache import Cache, Contents
from syncer.errors import (
    Code,
    MissingScope,
    SourceNotReadable,
    SourceSpotifyMade,
    SyncError,
    TargetNotWritable,
    Temporary,
    UnclearAdd,
    UnreadableAnswer,
)
from syncer.ids import PlaylistId, Uri
from syncer.library import LOOK_AFTER, Library
from syncer.model import Account, Head, Listable, Page, Pair, PlaylistSource, SignIn
from syncer.ports import Connection
from syncer.reading import Target
from syncer.shelf import BELIEVED, ONE_ANSWER, SPREAD
from syncer.state.nothing import NoState
from tests.fakes import (
    FakePlaylists,
    MemoryState,
    connection,
    identifier,
    item,
    items,
    letters,
    library,
    pair,
    source,
    uri,
)
from tests.running import Runs

MADE_BY_SPOTIFY = PlaylistId("37i9dQZEVXcABCDEFGHIJK")
DOWN = Temporary("down")


def numbered(count: int, start: int = 0) -> list[str]:
    return [str(number) for number in range(start, start + count)]


def settled(playlists: FakePlaylists, *pairs: Pair) -> Runs:
    """Return runs after which *pairs* have nothing left to add."""
    runs = Runs(playlists, *pairs)
    for _ in pairs:
        runs.run()
    assert set(runs.run()) <= {request for request in playlists.reads if not request.startswith(("page", "append"))}
    return runs


# --- within one run ---------------------------------------------------------------------------------------------------


def test_a_playlist_that_was_never_read_is_a_head_with_contents_and_the_rest() -> None:
    playlists, known = FakePlaylists(fresh=numbered(201)), library()

    for _ in range(2):
        assert len(known.source("me", connection(playlists), source("fresh"))) == 201
    assert playlists.reads == ["head+ fresh", "page fresh 100", "page fresh 150", "page fresh 200"]


def test_where_a_head_brings_no_contents_all_pages_are_asked_for() -> None:
    playlists = FakePlaylists(fresh=numbered(60))
    playlists.nested = 0

    assert len(library().source("me", connection(playlists), source("fresh"))) == 60
    assert playlists.reads == ["head+ fresh", "page fresh 0", "page fresh 50"]


def test_liked_songs_need_no_head() -> None:
    playlists, known = FakePlaylists(liked=numbered(9)), library()

    for _ in range(2):
        assert letters(known.source("me", connection(playlists), source("liked"))) == "012345678"
    assert playlists.reads == ["liked 0"]


def opened(known: Library, playlists: FakePlaylists, word: str = "archive", *, account: str = "me") -> Target:
    """Return a target that was read, as a run has it after its first pair."""
    target = known.target(account, connection(playlists), identifier(word))
    if not target.is_read:
        target.read()
    return target


def test_a_target_extended_by_this_run_counts_with_what_was_added() -> None:
    playlists, known = FakePlaylists(archive="a"), library()
    opened(known, playlists).extend(items("bc"), "v2")

    assert letters(known.target("me", connection(playlists), identifier("archive")).items) == "abc"
    for account in ("me", "other", "other"):
        assert letters(known.source(account, connection(playlists), source("archive"))) == "abc"
    assert playlists.reads == ["head+ archive", "head archive"]


def test_a_target_that_could_not_be_read_is_read_as_a_source() -> None:
    playlists, known = FakePlaylists(archive="ab"), library()
    known.target("me", connection(playlists), identifier("archive"))

    assert letters(known.source("me", connection(playlists), source("archive"))) == "ab"


@pytest.mark.parametrize("readable", [True, False])
def test_what_another_account_has_read_is_not_readable_for_all(readable: bool) -> None:  # noqa: FBT001 - by name
    class Theirs(FakePlaylists):
        def head(self, playlist: PlaylistId, *, contents: bool = False) -> Head:
            return replace(super().head(playlist, contents=contents), readable=readable)

    known, theirs = library(), Theirs(archive="a")
    opened(known, FakePlaylists(archive="a"))
    if readable:
        assert opened(known, theirs, account="other").is_read
        assert letters(known.source("other", connection(theirs), source("archive"))) == "a"
        return

    with pytest.raises(SourceNotReadable):
        known.source("other", connection(theirs), source("archive"))
    with pytest.raises(TargetNotWritable):
        known.target("other", connection(theirs), identifier("archive"))


def test_a_source_read_before_does_not_serve_as_a_target() -> None:
    playlists, known = FakePlaylists(archive="a"), library()
    known.source("me", connection(playlists), source("archive"))
    opened(known, playlists)

    assert playlists.reads == ["head+ archive", "head+ archive"]


def test_a_target_read_again_is_read_as_it_is_then() -> None:
    playlists, known = FakePlaylists(archive="a"), library()
    target = opened(known, playlists)
    playlists.someone_adds("archive", "b")
    target.read_again()

    assert letters(target.items) == "ab"
    assert playlists.reads == ["head+ archive", "head+ archive"]


def test_a_target_is_read_again_whatever_its_head_or_an_earlier_run_said() -> None:
    """Fault model I11."""

    class SameVersion(FakePlaylists):
        def head(self, playlist: PlaylistId, *, contents: bool = False) -> Head:
            return replace(super().head(playlist, contents=contents), snapshot_id="v1")

    playlists, state = SameVersion(fresh="", archive="a"), MemoryState()
    Runs(playlists, pair("fresh", "archive"), state=lambda: state).run()
    target = opened(library(state=state), playlists, account="default")
    playlists.someone_adds("archive", "b")
    target.read_again()

    assert letters(target.items) == "ab"


def test_a_foreign_target_is_seen_from_its_head() -> None:
    playlists = FakePlaylists(theirs=numbered(2000))
    playlists.foreign.add(identifier("theirs"))

    with pytest.raises(TargetNotWritable):
        library().target("me", connection(playlists), identifier("theirs")).read()
    assert playlists.reads == ["head+ theirs"]


def test_a_foreign_source_says_so() -> None:
    playlists = FakePlaylists(theirs="a")
    playlists.foreign.add(identifier("theirs"))

    with pytest.raises(SourceNotReadable):
        library().source("me", connection(playlists), source("theirs"))


@pytest.mark.parametrize("exists", [True, False])
def test_a_list_made_by_spotify_is_told_apart(exists: bool) -> None:  # noqa: FBT001 - by name
    playlists = FakePlaylists()
    if exists:
        playlists.held[MADE_BY_SPOTIFY] = list(items("a"))
        playlists.foreign.add(MADE_BY_SPOTIFY)

    with pytest.raises(SourceSpotifyMade):
        library().source("me", connection(playlists), PlaylistSource(MADE_BY_SPOTIFY))


def test_trouble_that_passes_is_not_remembered() -> None:
    playlists, known = FakePlaylists(fresh="a"), library()
    troubles: list[SyncError] = [DOWN]
    playlists.before = lambda _request: troubles.pop() if troubles else None

    with pytest.raises(Temporary):
        known.source("me", connection(playlists), source("fresh"))
    assert letters(known.source("me", connection(playlists), source("fresh"))) == "a"


# --- from run to run --------------------------------------------------------------------------------------------------


def test_what_has_not_changed_is_not_read() -> None:
    runs = settled(FakePlaylists(fresh=numbered(300), archive=numbered(300)), pair("fresh", "archive"))

    assert runs.run() == ["list 0"]
    assert runs.said == ["unchanged"]


def test_a_pair_left_alone_tells_what_it_skips() -> None:
    runs = settled(FakePlaylists(fresh="abc.", archive="a"), pair("fresh", "archive"))
    assert runs.report is not None

    assert runs.report.outcomes[0].skipped == {"already-there": 3, "unavailable": 1}


def test_what_has_changed_is_read_again_and_what_has_not_comes_from_the_cache() -> None:
    playlists = FakePlaylists(fresh=numbered(120), still=numbered(300), archive=numbered(300))
    runs = settled(playlists, pair("fresh+still", "archive"))

    playlists.someone_adds("fresh", ["new"])

    assert runs.run() == [
        "list 0",
        "head+ fresh",
        "page fresh 100",
        "page archive 299",
        "append archive w",
        "page archive 299",
    ]


def test_a_target_that_someone_changed_is_read_again_when_the_listing_shows_it() -> None:
    playlists = FakePlaylists(fresh="abc", archive="x")
    runs = settled(playlists, pair("fresh", "archive"))

    del playlists.held[identifier("archive")][1]

    assert runs.run()[:2] == ["list 0", "head+ archive"]
    assert sorted(playlists.now_in("archive")) == list("abcx")


def test_a_target_whose_sources_bring_no_news_is_not_asked_for_until_it_is_time() -> None:
    playlists = FakePlaylists(fresh="abc", archive="x")
    playlists.library = ["fresh"]
    runs = settled(playlists, pair("fresh", "archive"))
    del playlists.held[identifier("archive")][1]

    assert runs.run() == ["list 0"]
    assert runs.run(hours=LOOK_AFTER / timedelta(hours=1))[:2] == ["list 0", "head+ archive"]
    assert sorted(playlists.now_in("archive")) == list("abcx")


def test_a_target_that_was_looked_at_is_left_alone_for_another_day() -> None:
    playlists = FakePlaylists(fresh="abc", archive="x")
    playlists.library = ["fresh"]
    runs = settled(playlists, pair("fresh", "archive"))

    assert [len(runs.run(hours=hours)) for hours in (21, 1, 1, 21, 1)] == [2, 1, 1, 2, 1]


def test_a_target_that_the_listing_shows_need_not_be_asked_for_every_day() -> None:
    playlists = FakePlaylists(fresh="abc", archive="x")
    runs = settled(playlists, pair("fresh", "archive"))
    assert runs.run(hours=15) == ["list 0"]
    playlists.library = ["fresh"]

    assert runs.run(hours=15) == ["list 0"]


def test_a_target_that_is_due_is_not_left_alone_because_another_pair_has_just_added_to_it() -> None:
    playlists = FakePlaylists(one="a", two="b", archive="x")
    playlists.library = ["one", "two"]
    runs = settled(playlists, pair("one", "archive"), pair("two", "archive"))
    playlists.held[identifier("archive")].remove(item("b"))
    playlists.someone_adds("one", "c")
    playlists.shows = lambda held: [one for one in held if one.name != "c" or len(held) == 2]
    runs.run(hours=21)

    assert sorted(playlists.now_in("archive")) == list("abcx")


def test_a_clock_that_was_set_back_has_targets_looked_at() -> None:
    playlists = FakePlaylists(fresh="abc", archive="x")
    playlists.library = ["fresh"]
    runs = settled(playlists, pair("fresh", "archive"))

    assert runs.run(hours=-48) == ["list 0", "head+ archive"]


@pytest.mark.parametrize(
    ("others", "probes"),
    [
        (0, ["list 0"]),
        (47, ["list 0"]),
        (48, ["list 0"]),
        (99, ["head+ s0", "head+ s1"]),
    ],
)
def test_the_listing_is_asked_for_where_that_is_cheaper(others: int, probes: list[str]) -> None:
    """Two sources are worth no more than two pages."""
    words = [f"o{number}" for number in range(others)]
    playlists = FakePlaylists(s0="a", s1="b", t="", **dict.fromkeys(words, ""))
    runs = settled(playlists, pair("s0", "t"), pair("s1", "t"))

    assert runs.run() == probes


def test_several_pages_of_a_listing_are_asked_for_until_all_sources_were_seen() -> None:
    words = [f"o{number}" for number in range(120)]
    playlists = FakePlaylists(s0="a", s1="b", s2="c", s3="d", t="", **dict.fromkeys(words, ""))
    playlists.library = [*words[:60], "s0", "s1", "s2", "s3", *words[60:]]
    runs = settled(playlists, *(pair(f"s{number}", "t") for number in range(4)))

    assert runs.run() == ["list 0", "list 50"]


def test_a_source_that_the_listing_does_not_show_is_asked_for_by_itself() -> None:
    playlists = FakePlaylists(s0="a", s1="b", t="")
    playlists.library = ["s0", "gone", "t"]
    runs = settled(playlists, pair("s0", "t"), pair("s1", "t"))

    assert runs.run() == ["list 0", "head+ s1"]


@pytest.mark.parametrize("error", [MissingScope("default", "playlist-read-private"), UnreadableAnswer("no JSON")])
def test_without_a_listing_every_source_is_asked_for_by_itself(error: SyncError) -> None:
    playlists = FakePlaylists(s0="a", s1="b", t="")
    runs = settled(playlists, pair("s0", "t"), pair("s1", "t"))
    playlists.before = lambda request: error if request.startswith("list") else None

    assert runs.run() == ["list 0", "head+ s0", "head+ s1"]
    assert runs.said == ["unchanged", "unchanged"]


def test_trouble_with_a_listing_is_the_trouble_of_its_pair() -> None:
    playlists = FakePlaylists(s0="a", s1="b", t="")
    runs = settled(playlists, pair("s0", "t"), pair("s1", "t"))
    troubles: list[SyncError] = [DOWN]
    playlists.before = lambda _request: troubles.pop() if troubles else None

    assert runs.run() == ["list 0", "list 0"]
    assert runs.said == ["failed", "unchanged"]


@pytest.mark.parametrize(("size", "requests"), [(ONE_ANSWER - 1, ["head+ fresh"]), (ONE_ANSWER + 1, ["head fresh"])])
def test_a_small_playlist_is_asked_for_with_what_is_in_it(size: int, requests: list[str]) -> None:
    playlists = FakePlaylists(fresh=numbered(size), archive=numbered(size))
    playlists.library = []
    runs = settled(playlists, pair("fresh", "archive"))

    assert runs.run() == requests


def test_a_change_of_a_small_playlist_costs_one_request() -> None:
    playlists = FakePlaylists(fresh=numbered(50), archive=numbered(50))
    playlists.library = numbered(1000)
    runs = settled(playlists, pair("fresh", "archive"))
    playlists.held[identifier("fresh")].reverse()

    assert [request for request in runs.run() if "fresh" in request] == ["head+ fresh"]


def test_liked_songs_that_are_as_many_and_begin_alike_are_not_read() -> None:
    playlists = FakePlaylists(liked=ascii_letters + digits[:-2], archive="x")
    runs = settled(playlists, pair("liked", "archive"))
    assert runs.run() == ["liked 0"]

    playlists.liked = playlists.liked[:-1]
    assert runs.run() == ["liked 0", "liked 50", "head+ archive"]
    playlists.liked = "9" + playlists.liked[:-1]
    assert runs.run()[:2] == ["liked 0", "liked 50"]
    assert playlists.now_in("archive")[-1] == "9"


def test_a_song_that_was_liked_anew_is_news() -> None:
    class Dated(FakePlaylists):
        day = "2026-11-01"

        def page(self, playlist: PlaylistId | Listable, offset: int) -> Page:
            page = super().page(playlist, offset)
            return replace(page, items=tuple(replace(one, added_at=self.day) for one in page.items))

    playlists = Dated(liked="a", archive="")
    runs = settled(playlists, pair("liked", "archive"))
    assert runs.run() == ["liked 0"]
    playlists.day = "2026-11-22"

    assert runs.run() == ["liked 0", "head+ archive"]


def test_own_adds_are_known_to_the_next_run() -> None:
    playlists = FakePlaylists(fresh=numbered(150), archive=numbered(300, start=1000))
    runs = Runs(playlists, pair("fresh", "archive"))
    runs.run()

    assert runs.run() == ["list 0"]
    playlists.someone_adds("fresh", ["new"])
    assert [request for request in runs.run() if "archive" in request] == [
        "page archive 449",
        "append archive w",
        "page archive 449",
    ]


def late(playlists: FakePlaylists) -> None:
    playlists.shows = lambda held: held[:60] if len(held) < 100 else held[:-1]


def someone_adds_too(playlists: FakePlaylists) -> None:
    def add(request: str) -> SyncError | None:
        if request.startswith("page archive") and playlists.added and "z" not in playlists.now_in("archive"):
            playlists.someone_adds("archive", "z")
        return None

    playlists.before = add


def nobody_tells_the_id(playlists: FakePlaylists) -> None:
    append = playlists.append

    def untold(playlist: PlaylistId, uris: Sequence[Uri], *, position: int | None = None) -> None:
        append(playlist, uris, position=position)

    playlists.append = untold  # type: ignore[method-assign] # what the test is about


@pytest.mark.parametrize("happens", [late, someone_adds_too, nobody_tells_the_id])
def test_own_adds_that_are_not_sure_are_read_by_the_next_run(happens: Callable[[FakePlaylists], None]) -> None:
    playlists = FakePlaylists(fresh="a", archive=numbered(60))
    happens(playlists)
    runs = Runs(playlists, pair("fresh", "archive"))
    runs.run()
    assert playlists.added == [("archive", "a")]
    playlists.shows, playlists.before = lambda held: held, lambda _request: None

    assert "head+ archive" in runs.run()
    assert runs.said == ["unchanged"]
    assert runs.run() == ["list 0"]


def test_a_read_cut_short_goes_on_while_the_playlist_is_the_same() -> None:
    playlists = FakePlaylists(fresh=numbered(300), archive="")
    runs = Runs(playlists, pair("fresh", "archive"))
    playlists.before = lambda request: DOWN if request == "page fresh 200" else None
    runs.run()
    playlists.before = lambda _request: None

    assert runs.run()[:3] == ["head fresh", "page fresh 200", "page fresh 250"]
    assert len(playlists.held[identifier("archive")]) == 300


def test_a_read_cut_short_begins_anew_where_the_playlist_has_changed() -> None:
    playlists = FakePlaylists(fresh=numbered(300), archive="")
    runs = Runs(playlists, pair("fresh", "archive"))
    playlists.before = lambda request: DOWN if request == "page fresh 200" else None
    runs.run()
    playlists.before = lambda _request: None
    playlists.held[identifier("fresh")].reverse()

    assert runs.run()[:3] == ["head fresh", "head+ fresh", "page fresh 100"]
    assert len(playlists.held[identifier("archive")]) == 300


def test_a_target_cut_short_goes_on_from_there() -> None:
    playlists = FakePlaylists(fresh="a", archive=numbered(300))
    runs = Runs(playlists, pair("fresh", "archive"))
    playlists.before = lambda request: DOWN if request == "page archive 197" else None
    runs.run()
    playlists.before = lambda _request: None

    assert runs.run()[:5] == ["head+ fresh", "head archive", "page archive 197", "page archive 246", "page archive 295"]
    assert playlists.added == [("archive", "a")]


def test_a_missing_playlist_is_asked_for_once() -> None:
    playlists = FakePlaylists(fresh="a", archive="", other="")
    runs = settled(playlists, pair("fresh", "archive"), pair("fresh", "other"))
    del playlists.held[identifier("fresh")]

    assert runs.run() == ["list 0", "head+ fresh"]
    assert runs.said == ["failed", "failed"]


def test_a_pair_with_another_route_is_not_settled() -> None:
    playlists = FakePlaylists(fresh="a", archive="", other="")
    playlists.library = ["fresh"]
    runs = settled(playlists, pair("fresh", "archive"))
    runs.pairs = (replace(pair("fresh", "other"), name="fresh-to-archive"),)
    runs.run()

    assert playlists.now_in("other") == "a"


def test_a_pair_that_failed_is_not_settled() -> None:
    playlists = FakePlaylists(fresh="ab", archive="x")
    runs = Runs(playlists, pair("fresh", "archive", max_additions=1))
    runs.run()
    runs.run()

    assert runs.said == ["failed"]


@pytest.mark.parametrize("listed", [None, ["fresh"], []])
def test_what_spotify_refused_is_tried_again_after_so_long_and_not_before(listed: list[str] | None) -> None:
    playlists = FakePlaylists(fresh="ab", archive="x")
    playlists.library = listed
    playlists.bad.add(uri("b"))
    runs = Runs(playlists, pair("fresh", "archive"))
    tried = [hour for hour in range(64) if "append archive b" in runs.run()]
    hours = LOOK_AFTER // timedelta(hours=1)

    assert tried == [0, hours + 1, 2 * (hours + 1), 3 * (hours + 1)]
    playlists.bad.clear()
    assert "append archive b" in runs.run(hours=hours + 1)
    assert runs.run() == (["head+ fresh"] if listed == [] else ["list 0"])


def test_what_another_pair_put_into_a_target_is_news_for_those_it_is_a_source_of() -> None:
    playlists = FakePlaylists(one="a", two="", three="")
    runs = settled(playlists, pair("one", "two"), pair("two", "three"))
    playlists.someone_adds("one", "b")
    requests = runs.run()

    assert playlists.now_in("three") == "ab"
    assert runs.said == ["added", "added"]
    assert [request for request in requests if request.startswith("head")] == ["head+ one"]


def test_a_source_of_which_no_version_is_known_is_read_every_time() -> None:
    class Nameless(FakePlaylists):
        def head(self, playlist: PlaylistId, *, contents: bool = False) -> Head:
            return replace(super().head(playlist, contents=contents), snapshot_id="")

    playlists = Nameless(fresh="a", archive="x")
    runs = Runs(playlists, pair("fresh", "archive"))

    for _ in range(3):
        assert "head+ fresh" in runs.run()


def test_a_source_that_changed_while_it_was_read_is_read_by_the_next_run() -> None:
    playlists = FakePlaylists(fresh=numbered(120), archive=numbered(120))

    def add(request: str) -> SyncError | None:
        if request == "page fresh 100" and len(playlists.held[identifier("fresh")]) == 120:
            playlists.someone_adds("fresh", ["5"])
        return None

    playlists.before = add
    runs = Runs(playlists, pair("fresh", "archive"))
    assert runs.run()[:5] == ["head+ fresh", "page fresh 100", "page fresh 0", "page fresh 50", "page fresh 100"]

    assert "head+ fresh" in runs.run()
    assert runs.run() == ["list 0"]


def test_where_nothing_is_kept_everything_is_read_every_time() -> None:
    nothing = NoState()
    runs = Runs(FakePlaylists(fresh="abc", archive="abc"), pair("fresh", "archive"), state=lambda: nothing)

    for _ in range(3):
        assert runs.run() == ["head+ fresh", "head+ archive"]


def test_a_plan_reads_from_the_cache_and_settles_nothing() -> None:
    kept = MemoryState()
    playlists = FakePlaylists(fresh=numbered(150), archive=numbered(150))
    runs = Runs(playlists, pair("fresh", "archive"), state=lambda: kept)
    runs.run(plan=True)
    assert Cache(kept).index().marks == {}

    assert runs.run() == ["head fresh", "head archive"]
    assert runs.run(plan=True) == ["list 0"]
    assert runs.said == ["unchanged"]


def test_what_a_playlist_holds_is_written_once() -> None:
    kept = MemoryState()
    playlists = FakePlaylists(fresh="abc", archive="abc")
    runs = Runs(playlists, pair("fresh", "archive"), state=lambda: kept)
    runs.run()
    playlists.held[identifier("archive")].reverse()
    runs.run()

    written = [call for call in kept.calls if call.startswith("cache contents")]
    assert [call.count("archive") for call in written] == [0, 1, 1]


def test_an_index_in_which_nothing_changed_is_not_written_again() -> None:
    kept = MemoryState()
    runs = Runs(FakePlaylists(fresh="abc", archive="x"), pair("fresh", "archive"), state=lambda: kept)
    runs.run()
    runs.run()
    kept.calls.clear()
    runs.run()

    assert not [call for call in kept.calls if call.startswith(("cache index", "cache contents"))]


def test_every_account_has_its_own_view() -> None:
    playlists = FakePlaylists(fresh="a", mine="", yours="")
    runs = settled(playlists, pair("fresh", "mine"), pair("fresh", "yours", account="you"))

    assert runs.run() == ["list 0", "list 0"]


# --- what is old ------------------------------------------------------------------------------------------------------

DAY = 24.0
LONGEST = BELIEVED / timedelta(hours=1) + SPREAD * DAY
"""Hours after which nothing is believed any more."""


def words_of(requests: Sequence[str]) -> set[str]:
    """Return which playlists were read whole or begun to be."""
    return {request.split()[1] for request in requests if request.startswith("head+")}


def test_what_was_read_is_believed_for_so_long_and_then_read_again_once() -> None:
    playlists = FakePlaylists(fresh=numbered(120), archive=numbered(120))
    runs = settled(playlists, pair("fresh", "archive"))

    assert runs.run(hours=BELIEVED / timedelta(hours=1) - DAY) == ["list 0"]
    assert runs.run(hours=LONGEST) == ["head+ fresh", "page fresh 100", "head+ archive", "page archive 99"]
    assert runs.run() == ["list 0"]
    assert runs.said == ["unchanged"]


def test_what_was_read_on_one_day_is_read_again_on_different_days() -> None:
    sources = [f"s{number}" for number in range(SPREAD)]
    playlists = FakePlaylists(**dict.fromkeys(sources, "a"), t="a")
    runs = settled(playlists, *(pair(word, "t") for word in sources))
    read: dict[str, list[int]] = {}
    for day in range(1, BELIEVED.days + SPREAD + 1):
        for word in words_of(runs.run(hours=DAY)):
            read.setdefault(word, []).append(day)

    assert set(read) == {*sources, "t"}
    assert all(len(days) == 1 for days in read.values())
    assert len({day for (day,) in map(tuple, read.values())}) == SPREAD
    assert min(read.values()) >= [BELIEVED.days]


def test_a_pair_is_left_alone_on_every_day_on_which_none_of_its_playlists_is_read_again() -> None:
    class Counted(MemoryState):
        reads = 0

        def cached(self, name: str) -> bytes | None:
            self.reads += name.startswith("contents")
            return super().cached(name)

    kept = Counted()
    runs = Runs(FakePlaylists(s0="a", s4="b", archive="ab"), pair("s0+s4", "archive"), state=lambda: kept)
    runs.run()
    days: list[tuple[bool, bool]] = []
    for _ in range(BELIEVED.days + SPREAD):
        kept.reads = 0
        days.append((bool(words_of(runs.run(hours=DAY))), kept.reads > 0))

    assert set(days) == {(False, False), (True, True)}
    assert days.count((True, True)) == 3


def someone_swaps(playlists: FakePlaylists, before: str) -> None:
    """Let somebody put y in the place of the first entry of the archive, right before the request *before*."""

    def swap(request: str) -> SyncError | None:
        if request == before:
            playlists.held[identifier("archive")][0] = item("y")
        return None

    playlists.before = swap


def test_a_copy_that_is_wrong_since_somebody_swapped_entries_between_look_and_add_heals() -> None:
    playlists = FakePlaylists(fresh="ab", archive="axz")
    someone_swaps(playlists, "append archive b")
    runs = Runs(playlists, pair("fresh", "archive"))
    runs.run()
    playlists.before = lambda _request: None
    assert playlists.now_in("archive") == "yxzb"

    assert runs.run() == ["list 0"]
    playlists.someone_adds("fresh", "c")
    runs.run(hours=20 * DAY)
    assert playlists.now_in("archive") == "yxzbc"
    runs.run(hours=LONGEST - 20 * DAY)
    assert playlists.now_in("archive") == "yxzbca"
    assert runs.run() == ["list 0"]


def test_a_copy_that_is_wrong_heals_though_the_pair_is_never_left_alone() -> None:
    """Adding to it does not make it younger."""
    playlists = FakePlaylists(fresh="ab", archive="axz")
    someone_swaps(playlists, "append archive b")
    runs = Runs(playlists, pair("fresh", "archive"))
    runs.run()
    playlists.before = lambda _request: None
    for number in range(BELIEVED.days + SPREAD):
        playlists.someone_adds("fresh", [str(100 + number)])
        runs.run(hours=DAY)

    assert playlists.now_in("archive").count("a") == 1


def test_what_is_read_again_for_its_age_is_kept_though_it_looks_the_same() -> None:
    playlists = FakePlaylists(one="a", two=numbered(300), archive=numbered(300))
    runs = settled(playlists, pair("one+two", "archive"))
    runs.run(hours=LONGEST)
    playlists.someone_adds("one", ["new"])

    assert [request for request in runs.run() if "two" in request] == []
    assert "w" in playlists.now_in("archive")


def test_what_is_read_again_for_its_age_keeps_to_the_share_of_a_run_and_goes_on_in_the_next() -> None:
    playlists = FakePlaylists(fresh=numbered(1000), archive=numbered(1000))
    runs = settled(playlists, pair("fresh", "archive"))
    runs.connect = Metered(playlists, 10)

    first = runs.run(hours=LONGEST)

    assert runs.codes == [Code.QUOTA_EXCEEDED]
    assert len(first) <= 10
    goes_on_after(first[-1], runs)
    assert runs.said == ["unchanged"]


def test_what_was_read_by_a_clock_that_was_far_ahead_is_not_believed() -> None:
    playlists = FakePlaylists(fresh=numbered(3), archive=numbered(3))
    runs = settled(playlists, pair("fresh", "archive"))

    assert runs.run(hours=-365 * DAY) == ["head+ fresh", "head+ archive"]
    assert runs.run() == ["list 0"]


@pytest.mark.parametrize("listed", [None, ["fresh"], []])
def test_a_plan_of_a_settled_pair_asks_for_what_the_run_asks_for_and_says_the_same(listed: list[str] | None) -> None:
    """Whether the listing shows its playlists or not, and however old what is known of them is."""
    playlists, kept = FakePlaylists(liked="ab", fresh="abc.", archive=numbered(300)), MemoryState()
    playlists.library = listed
    runs = Runs(playlists, pair("liked+fresh", "archive"), state=lambda: kept)
    runs.run()
    runs.run()
    now = kept
    for hours in [1, 18, 3, *[DAY] * (BELIEVED.days + SPREAD)]:
        kept = deepcopy(now)
        planned = runs.run(hours=hours, plan=True)
        assert runs.said == ["unchanged"]
        kept = now
        assert planned == runs.run(hours=0)
        assert runs.said == ["unchanged"]


def test_a_plan_of_a_pair_whose_target_another_pair_extended_costs_one_look_at_most() -> None:
    playlists = FakePlaylists(one="a", two="b", archive=numbered(300))
    playlists.library = ["one", "two"]
    runs = Runs(playlists, pair("one", "archive"), pair("two", "archive"))
    runs.run()

    assert runs.run(plan=True) == ["list 0", "head archive"]
    assert runs.run() == ["list 0"]


def test_an_idle_pair_does_not_hide_a_change_of_its_target_from_pairs_that_need_it() -> None:
    """It looks at it once a day, where that costs a request; the others look whenever they have a reason to."""
    playlists = FakePlaylists(one="a", two="b", archive="x", after="")
    playlists.library = ["one", "two"]
    runs = settled(playlists, pair("one", "archive"), pair("two", "archive"), pair("archive", "after"))
    playlists.held[identifier("archive")][1] = item("y")
    runs.run()
    assert playlists.now_in("after") == "xaby"
    playlists.someone_adds("two", "c")
    runs.run()

    assert sorted(playlists.now_in("archive")) == list("bcxy")
    assert playlists.now_in("after") == "xabyc"


# --- what a run lets go -----------------------------------------------------------------------------------------------


def alive(total: int) -> int:
    """Return how many playlists of so many entries are in memory."""
    gc.collect()
    return sum(isinstance(one, Contents) and one.total == total for one in gc.get_objects())


def test_what_a_playlist_holds_is_let_go_after_the_last_pair_that_uses_it() -> None:
    playlists, kept = FakePlaylists(fresh=numbered(123), one="", two="", off=""), MemoryState()
    Runs(playlists, pair("fresh", "one"), state=lambda: kept).run()
    pairs = [pair("fresh", "one"), pair("fresh", "two"), pair("fresh", "off", account="you")]
    known = library(*pairs, state=kept)
    counts: list[bool] = []
    for each in pairs[:2]:
        known.source(each.account, connection(playlists), each.sources[0])
        counts.append(alive(123) > 0)
        known.release(each)
        counts.append(alive(123) > 0)

    assert counts == [True, True, True, False]
    known.release(pairs[2])  # it failed before anything of it was read


def test_pairs_that_take_no_turn_hold_nothing() -> None:
    playlists = FakePlaylists(fresh=numbered(123), one="", two="")
    pairs = [pair("fresh", "one"), pair("fresh", "two")]
    known = library(*pairs)
    known.leave_out({pairs[1].name, "another"})
    known.source(pairs[0].account, connection(playlists), pairs[0].sources[0])
    known.release(pairs[0])

    assert alive(123) == 0


def test_a_target_is_let_go_after_the_last_pair_that_uses_it() -> None:
    playlists = FakePlaylists(fresh="a", one="b", two="", other="")
    pairs = [pair("fresh", "one"), pair("one", "two"), pair("fresh", "other")]
    known = library(*pairs)
    target = weakref.ref(opened(known, playlists, "one", account="default"))

    known.release(pairs[0])
    assert target() is not None
    known.release(pairs[1])
    assert target() is None


def test_a_target_that_a_later_pair_of_another_account_uses_is_not_let_go() -> None:
    """Else what was sent there with an unclear outcome would be forgotten, and sent again."""
    playlists = FakePlaylists(fresh="a", archive="")
    runs = Runs(playlists, pair("fresh", "archive"), pair("fresh", "archive", account="you", max_additions=7))
    runs.pairs = (runs.pairs[0], replace(runs.pairs[1], name="second"))
    playlists.before = lambda request: UnclearAdd("archive") if request.startswith("append") else None
    runs.run()

    assert playlists.reads.count("append archive a") == 1
    assert runs.codes == [Code.UNCLEAR_ADD] * 2


# --- the day's allowance ----------------------------------------------------------------------------------------------


class Metered:
    """The port ``Connect`` where every request counts against *limit* a day."""

    def __init__(self, playlists: FakePlaylists, limit: int) -> None:
        self.playlists, self.limit = playlists, limit

    def __call__(self, account: Account, budget: Budget) -> Connection:
        budget.allow()
        allowance = Allowance()
        allowance.limit_to(self.limit)
        self.playlists.before = lambda _request: allowance.spend()
        return Connection(
            playlists=self.playlists,
            sources=self.playlists,
            sign_in=SignIn(account=account.name),
            client_id="c",
            allowance=allowance,
        )


def test_what_is_read_for_the_first_time_is_read_though_it_takes_more_than_a_day_allows() -> None:
    playlists = FakePlaylists(fresh=numbered(1000), archive="")
    runs = Runs(playlists, pair("fresh", "archive"))
    runs.connect = Metered(playlists, 4)
    runs.run()

    assert len(playlists.held[identifier("archive")]) == 1000


def test_what_was_read_before_keeps_to_the_share_of_a_run_and_goes_on_in_the_next_where_it_stopped() -> None:
    playlists = FakePlaylists(fresh=numbered(1000), archive=numbered(1000))
    runs = settled(playlists, pair("fresh", "archive"))
    runs.connect = Metered(playlists, 10)
    playlists.held[identifier("fresh")].reverse()
    playlists.someone_adds("fresh", ["new"])
    first = runs.run(hours=25)

    assert runs.codes == [Code.QUOTA_EXCEEDED]
    assert len(first) <= 10
    goes_on_after(first[-1], runs)
    assert "new" in playlists.now_in("archive")


def goes_on_after(last: str, runs: Runs) -> None:
    """Check that the next of *runs* goes on behind the page *last*, with its own share; then have some more."""
    offset = int(last.removeprefix("page fresh ")) + 50
    second = runs.run(hours=25)
    assert second[:2] == ["head fresh", f"page fresh {offset}"]
    assert len(second) <= 10
    assert runs.codes == [Code.QUOTA_EXCEEDED]
    for _ in range(6):
        runs.run(hours=25)


def test_a_first_read_that_was_cut_short_is_a_first_read_still() -> None:
    playlists = FakePlaylists(fresh=numbered(1000), archive=numbered(1000, start=5000))
    runs = Runs(playlists, pair("fresh", "archive"))
    for last in ("page fresh 500", "page archive 540"):
        playlists.before = lambda request, last=last: DOWN if request == last else None  # type: ignore[misc] # mypy cannot infer it
        runs.run()
    runs.connect = Metered(playlists, 2)
    playlists.before = lambda _request: None

    assert "page archive 540" in runs.run()
    assert "page fresh 500" not in playlists.reads
    assert runs.said == ["added"]


def test_a_day_that_is_spent_asks_for_no_listing() -> None:
    playlists = FakePlaylists(fresh="a", archive="")
    runs = settled(playlists, pair("fresh", "archive"))
    runs.connect = Metered(playlists, 0)

    assert runs.run() == []
    assert runs.codes == [Code.QUOTA_EXCEEDED]


# --- the property -----------------------------------------------------------------------------------------------------

WORDS = ("a", "b", "c", "d")
edits = st.tuples(
    st.sampled_from(["add", "remove", "move"]), st.sampled_from(WORDS), st.integers(0, 9), st.integers(0, 9)
)
histories = st.lists(st.none() | edits, max_size=14)
"""None is a run."""
routes = st.lists(
    st.sampled_from(["a b", "b c", "a+b c", "c d", "d a", "b a", "liked b", "liked+d c"]),
    min_size=1,
    max_size=4,
    unique=True,
)
listed = st.none() | st.lists(st.sampled_from(WORDS), unique=True)
held = st.fixed_dictionaries({word: st.text("efgh", max_size=4) for word in (*WORDS, "liked")})
Edit = tuple[str, str, int, int]


def change(playlists: FakePlaylists, edit: Edit) -> None:
    kind, word, one, other = edit
    entries = playlists.held[identifier(word)]
    if kind == "add":
        entries.insert(min(one, len(entries)), item("efghijklmn"[other]))
    elif entries:
        taken = entries.pop(one % len(entries))
        if kind == "move":
            entries.insert(other % (len(entries) + 1), taken)


def lived_through(
    held: dict[str, str],
    routes: list[str],
    history: Sequence[Edit | None],
    *,
    cache: bool,
    hours: float,
    listed: list[str] | None = None,
) -> list[str]:
    """Return what is in each playlist after *history*, a run every so many hours, and a last one."""
    kept = MemoryState()
    playlists = FakePlaylists(**held)
    playlists.library = listed
    accounts = ("default", "other")
    pairs = [pair(*route.split(), account=accounts[len(route) % 2]) for route in routes]
    runs = Runs(playlists, *pairs, state=lambda: kept if cache else MemoryState())
    for edit in history:
        if edit:
            change(playlists, edit)
        else:
            runs.run(hours=hours)
    for _ in routes:
        runs.run(hours=21)
    return [playlists.now_in(word) for word in WORDS]


@given(held=held, routes=routes, history=histories, listed=listed)
def test_runs_a_day_apart_leave_the_same_with_a_cache_and_without(
    held: dict[str, str], routes: list[str], history: list[Edit | None], listed: list[str] | None
) -> None:
    """Whatever people do to sources and targets between them, and whatever the listing shows."""
    with_cache = lived_through(held, routes, history, cache=True, hours=21, listed=listed)

    assert with_cache == lived_through(held, routes, history, cache=False, hours=21, listed=listed)


@given(held=held, routes=routes, history=histories, listed=listed)
def test_runs_an_hour_apart_leave_the_same_where_nobody_takes_anything_out_of_a_target(
    held: dict[str, str], routes: list[str], history: list[Edit | None], listed: list[str] | None
) -> None:
    """What somebody takes out may come back a day later, and then behind what was added meanwhile."""
    targets = {route.split()[1] for route in routes}
    history = [edit for edit in history if not (edit and edit[0] == "remove" and edit[1] in targets)]
    with_cache = lived_through(held, routes, history, cache=True, hours=1, listed=listed)

    assert with_cache == lived_through(held, routes, history, cache=False, hours=1, listed=listed)


@given(held=held, routes=routes.filter(lambda routes: "liked" not in " ".join(routes)), history=histories)
def test_runs_an_hour_apart_leave_the_same_where_the_listing_shows_every_playlist(
    held: dict[str, str], routes: list[str], history: list[Edit | None]
) -> None:
    with_cache = lived_through(held, routes, history, cache=True, hours=1)

    assert with_cache == lived_through(held, routes, history, cache=False, hours=1)


@given(held=held, routes=routes, history=histories, listed=listed)
def test_a_day_later_every_target_has_all_that_its_sources_have_and_nothing_twice_because_of_us(
    held: dict[str, str], routes: list[str], history: list[Edit | None], listed: list[str] | None
) -> None:
    """Whoever took out what."""
    held = {word: "".join(dict.fromkeys(what)) for word, what in held.items()}
    targets = {route.split()[1] for route in routes}
    history = [edit for edit in history if not (edit and edit[0] == "add" and edit[1] in targets)]
    found = lived_through(held, routes, history, cache=True, hours=1, listed=listed)

    now = dict(zip(WORDS, found, strict=True), liked=held["liked"])
    for sources, target in map(str.split, routes):
        assert {*"".join(now[word] for word in sources.split("+"))} <= {*now[target]}
        assert len(set(now[target])) == len(now[target])
