"""Reads have no holes, whatever others do meanwhile."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from syncer.errors import (
    NotFound,
    SourceNotReadable,
    SourceSpotifyMade,
    SyncError,
    TargetNotWritable,
    TargetUnstable,
    Temporary,
    UnreadableAnswer,
)
from syncer.ids import PlaylistId
from syncer.model import PAGE_SIZE, Item, Page, PlaylistSource
from syncer.reading import TRIES, Library, read_whole
from tests.fakes import FakePlaylists, FakeWatch, identifier, item, items, letters, source

MADE_BY_SPOTIFY = PlaylistId("37i9dQZEVXcABCDEFGHIJK")


def numbered(count: int, start: int = 0) -> list[str]:
    return [str(number) for number in range(start, start + count)]


class Edited:
    """A playlist that someone edits right before the pages named in *edits*."""

    def __init__(self, held: list[Item], edits: dict[int, list[Item]]) -> None:
        self.held, self.edits, self.asked = held, edits, 0

    def __call__(self, offset: int) -> Page:
        self.held = self.edits.get(self.asked, self.held)
        self.asked += 1
        return Page(total=len(self.held), items=tuple(self.held[offset : offset + PAGE_SIZE]))


@pytest.mark.parametrize(
    ("size", "pages"), [(0, 1), (1, 1), (49, 1), (50, 1), (51, 2), (99, 2), (100, 3), (148, 3), (149, 4), (2000, 41)]
)
def test_a_quiet_target_costs_one_page_for_every_49_entries(size: int, pages: int) -> None:
    playlist = Edited(list(items(numbered(size))), {})

    assert read_whole(playlist, "it") == tuple(playlist.held)
    assert playlist.asked == pages


def test_an_entry_removed_between_two_pages_is_noticed() -> None:
    before = list(items(numbered(120)))
    playlist = Edited(before, {1: before[1:]})

    assert read_whole(playlist, "it") == tuple(before[1:])


def test_a_removal_and_an_addition_that_keep_the_total_are_noticed() -> None:
    before = list(items(numbered(120)))
    playlist = Edited(before, {1: [*before[1:], item("new")]})

    assert read_whole(playlist, "it") == (*before[1:], item("new"))


def test_two_moves_that_cancel_out_are_noticed_by_the_entry_seen_twice() -> None:
    before = list(items(numbered(120)))
    seen, unseen = before[10], before[110]
    after = [one for one in before if one not in (seen, unseen)]
    after.insert(10, unseen)
    after.insert(110, seen)
    playlist = Edited(before, {1: after})

    assert read_whole(playlist, "it") == tuple(after)


def test_true_repeats_cost_a_second_read_and_no_more() -> None:
    held = list(items([*numbered(60), *numbered(5)]))
    playlist = Edited(held, {})

    assert read_whole(playlist, "it") == tuple(held)
    assert playlist.asked == 4


def test_repeats_within_one_page_cost_nothing() -> None:
    playlist = Edited(list(items("aabb")), {})

    assert letters(read_whole(playlist, "it")) == "aabb"
    assert playlist.asked == 1


def test_a_target_that_never_holds_still_is_given_up() -> None:
    edits = {turn: list(items(numbered(60, start=turn))) for turn in range(1, 99)}
    playlist = Edited(list(items(numbered(60))), edits)

    with pytest.raises(TargetUnstable, match="kept changing"):
        read_whole(playlist, "it")
    assert playlist.asked == 2 * TRIES


@pytest.mark.parametrize("answers", [[Page(total=9, items=())], [Page(total=60, items=items(numbered(50)))] * 2])
def test_an_empty_page_in_the_middle_is_no_end(answers: list[Page]) -> None:
    pages = iter([*answers, Page(total=60, items=items(["49"]))])
    with pytest.raises((UnreadableAnswer, TargetUnstable)):
        read_whole(lambda _offset: next(pages, Page(total=60, items=())), "it")


def test_a_page_that_brings_only_the_overlap_is_no_end() -> None:
    first = items(numbered(50))
    pages = iter([Page(total=60, items=first), Page(total=60, items=first[-1:])])

    with pytest.raises(UnreadableAnswer, match="empty page"):
        read_whole(lambda _offset: next(pages), "it")


@given(data=st.data())
def test_no_single_edit_makes_a_read_miss_what_was_there_all_along(data: st.DataObject) -> None:
    before = list(items(numbered(data.draw(st.integers(51, 160)))))
    after = list(before)
    moved = after.pop(data.draw(st.integers(0, len(after) - 1)))
    if data.draw(st.booleans()):
        after.insert(data.draw(st.integers(0, len(after))), moved)
    playlist = Edited(before, {data.draw(st.integers(1, 3)): after})

    read = read_whole(playlist, "it")

    assert set(before) & set(after) <= set(read)


def library() -> Library:
    return Library(FakeWatch())


def test_a_source_is_read_once_a_run_and_without_overlap() -> None:
    playlists, known = FakePlaylists(fresh=numbered(101)), library()

    for _ in range(2):
        assert len(known.source("me", playlists, source("fresh"))) == 101
    assert playlists.reads == ["head fresh", "page fresh 0", "page fresh 50", "page fresh 100"]


def test_liked_songs_need_no_head() -> None:
    playlists = FakePlaylists(liked="abc")

    assert letters(library().source("me", playlists, source("liked"))) == "abc"
    assert playlists.reads == ["liked 0"]


def test_a_source_that_ends_in_a_hole_is_not_taken_for_shorter() -> None:
    class Hollow(FakePlaylists):
        def page(self, playlist: PlaylistId, offset: int) -> Page:
            return Page(total=70, items=super().page(playlist, offset).items)

    with pytest.raises(UnreadableAnswer, match="empty page"):
        library().source("me", Hollow(fresh="abc"), source("fresh"))


def test_a_target_extended_by_this_run_counts_with_what_was_added() -> None:
    playlists, known = FakePlaylists(archive="a"), library()
    known.target("me", playlists, identifier("archive"))
    known.extend(identifier("archive"), items("bc"))

    assert letters(known.target("me", playlists, identifier("archive"))) == "abc"
    assert letters(known.source("me", playlists, source("archive"))) == "abc"
    assert letters(known.source("other", playlists, source("archive"))) == "abc"
    assert [read for read in playlists.reads if read.startswith("page")] == ["page archive 0"] * 2


def test_a_lagging_read_by_another_account_still_knows_what_was_added() -> None:
    playlists, known = FakePlaylists(archive="ab"), library()
    known.extend(identifier("archive"), items("bc"))

    assert letters(known.target("other", playlists, identifier("archive"))) == "abc"


def test_a_source_read_before_does_not_serve_as_a_target() -> None:
    playlists, known = FakePlaylists(archive="a"), library()
    known.source("me", playlists, source("archive"))
    known.target("me", playlists, identifier("archive"))

    assert playlists.reads == ["head archive", "page archive 0", "page archive 0"]


def test_a_foreign_target_is_seen_from_its_head() -> None:
    playlists = FakePlaylists(theirs=numbered(2000))
    playlists.foreign.add(identifier("theirs"))

    with pytest.raises(TargetNotWritable):
        library().target("me", playlists, identifier("theirs"))
    assert playlists.reads == ["head theirs"]


def test_a_foreign_source_says_so() -> None:
    playlists = FakePlaylists(theirs="a")
    playlists.foreign.add(identifier("theirs"))

    with pytest.raises(SourceNotReadable):
        library().source("me", playlists, source("theirs"))


@pytest.mark.parametrize("readable", [True, False])
def test_a_list_made_by_spotify_is_told_apart(readable: bool) -> None:  # noqa: FBT001 - pytest gives it by name
    playlists = FakePlaylists()
    if readable:
        playlists.held[MADE_BY_SPOTIFY] = list(items("a"))
        playlists.foreign.add(MADE_BY_SPOTIFY)

    with pytest.raises(SourceSpotifyMade):
        library().source("me", playlists, PlaylistSource(MADE_BY_SPOTIFY))


def test_a_missing_playlist_is_asked_for_once() -> None:
    playlists, known = FakePlaylists(), library()

    for _ in range(2):
        with pytest.raises(NotFound):
            known.source("me", playlists, source("gone"))
    assert playlists.reads == ["head gone"]


def test_trouble_that_passes_is_not_remembered() -> None:
    playlists, known = FakePlaylists(fresh="a"), library()
    troubles: list[SyncError] = [Temporary("down")]
    playlists.before = lambda _request: troubles.pop() if troubles else None

    with pytest.raises(Temporary):
        known.source("me", playlists, source("fresh"))
    assert letters(known.source("me", playlists, source("fresh"))) == "a"


def test_who_looks_on_sees_every_page() -> None:
    watch = FakeWatch()
    Library(watch).source("me", FakePlaylists(fresh=numbered(60)), source("fresh"))

    assert [seen.split()[1] for seen in watch.seen] == ["50/60", "60/60"]
