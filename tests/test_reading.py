"""Reads have no holes, whatever others do meanwhile."""

from collections.abc import Callable, Sequence
from dataclasses import replace

import pytest
from hypothesis import example, given
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
from syncer.model import PAGE_SIZE, Head, Item, Page, PlaylistSource
from syncer.reading import REREADS, TRIES, Library, Target, read_whole
from tests.fakes import FakePlaylists, FakeWatch, identifier, item, items, letters, source, uri

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


def opened(known: Library, playlists: FakePlaylists, word: str = "archive", *, account: str = "me") -> Target:
    """Return a target that was read, as a run has it after its first pair."""
    target = known.target(account, playlists, identifier(word))
    if not target.is_read:
        target.read()
    return target


def test_a_target_extended_by_this_run_counts_with_what_was_added() -> None:
    playlists, known = FakePlaylists(archive="a"), library()
    opened(known, playlists).extend(items("bc"))

    assert letters(known.target("me", playlists, identifier("archive")).items) == "abc"
    assert letters(known.source("me", playlists, source("archive"))) == "abc"
    assert letters(known.source("other", playlists, source("archive"))) == "abc"
    assert playlists.reads == ["head archive", "page archive 0", "head archive"]


def test_a_target_that_could_not_be_read_is_read_as_a_source() -> None:
    playlists, known = FakePlaylists(archive="ab"), library()
    known.target("me", playlists, identifier("archive"))

    assert letters(known.source("me", playlists, source("archive"))) == "ab"


def test_a_source_that_an_account_may_not_read_stays_so_though_another_extends_it() -> None:
    class Two(FakePlaylists):
        def head(self, playlist: PlaylistId) -> Head:
            return replace(super().head(playlist), readable=False)

    known = library()
    opened(known, FakePlaylists(archive="a"))

    with pytest.raises(SourceNotReadable):
        known.source("other", Two(archive="a"), source("archive"))


def test_a_source_read_before_does_not_serve_as_a_target() -> None:
    playlists, known = FakePlaylists(archive="a"), library()
    known.source("me", playlists, source("archive"))
    opened(known, playlists)

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


class Shown:
    """A target behind a read that shows what a test says, and counts the pages."""

    def __init__(self, held: Sequence[str], *, own: Sequence[str] = ()) -> None:
        self.shows = list(items(held))
        self.before: Callable[[int], object] = lambda _page: None
        self.pages = 0
        self.target = Target(identifier("archive")).opened(self.fetch)
        self.target.read()
        self.target.extend(items(own))
        self.pages = 0

    def fetch(self, offset: int) -> Page:
        self.before(self.pages)
        self.pages += 1
        return Page(total=len(self.shows), items=tuple(self.shows[offset : offset + PAGE_SIZE]))


def test_a_target_nobody_touched_costs_one_page_to_check() -> None:
    for held in ("", "a", numbered(50), numbered(500)):
        known = Shown(held)

        assert known.target.check_tail()
        assert known.pages == 1


def test_what_others_added_is_taken_in_to_the_last_of_several_pages() -> None:
    for held in ("", "a", ".", numbered(120)):
        known = Shown(held)
        known.shows += items(numbered(200, start=1000))

        assert known.target.check_tail()
        assert known.target.items == known.shows


def test_a_target_that_someone_shortened_is_not_as_known() -> None:
    known = Shown("abc")
    del known.shows[0]

    assert not known.target.check_tail()


def test_a_target_whose_last_entry_is_another_is_not_as_known() -> None:
    known = Shown("abc")
    known.shows[-1] = item("d")

    assert not known.target.check_tail()


@pytest.mark.parametrize("own", [1, 30, 48, 49, 100, 300])
def test_own_adds_that_reads_show_are_seen_with_one_page(own: int) -> None:
    known = Shown("abc", own=numbered(own))
    known.shows = list(known.target.items)

    assert known.target.check_tail()
    assert known.target.unseen == []
    assert known.pages == 1


@pytest.mark.parametrize("own", [1, 30, 48, 49, 100, 300])
@pytest.mark.parametrize("held", ["", "abc"])
def test_own_adds_that_no_read_shows_yet_are_only_late(held: str, own: int) -> None:
    known = Shown(held, own=numbered(own))

    assert known.target.check_tail()
    assert len(known.target.unseen) == own
    assert known.pages <= 2


def test_one_own_add_that_reads_back_as_another_is_noticed_among_fifty() -> None:
    known = Shown("abc", own=numbered(48))
    known.shows = [*known.target.items[:10], item("relinked"), *known.target.items[11:]]

    assert not known.target.check_tail()


def test_someone_elses_add_is_not_taken_for_a_late_one_of_ours() -> None:
    known = Shown("abc", own=numbered(100))
    known.shows += items("z")

    assert not known.target.check_tail()


def test_a_read_that_catches_up_between_two_pages_is_looked_at_again() -> None:
    known = Shown("abc", own=numbered(100))
    known.before = lambda page: known.shows.extend(items(numbered(100))) if page == 1 else None

    assert known.target.check_tail()
    assert known.target.unseen == []
    assert known.pages == 3


def test_reads_that_never_agree_are_not_looked_at_for_ever() -> None:
    known = Shown("abc", own=numbered(100))
    known.before = lambda page: known.shows.append(item("z")) if page % 2 else known.shows.pop() if page else None

    assert not known.target.check_tail()
    assert known.pages == 2 * TRIES


def test_a_page_that_ends_early_is_no_end() -> None:
    known = Shown("abc")
    known.target.opened(lambda offset: Page(total=9, items=tuple(known.shows[offset:])))

    assert not known.target.check_tail()


@given(held=st.integers(0, 120), own=st.integers(0, 130), visible=st.integers(0, 130), others=st.integers(0, 60))
@example(held=3, own=120, visible=100, others=5)
@example(held=3, own=120, visible=100, others=0)
@example(held=3, own=120, visible=0, others=120)
@example(held=3, own=49, visible=49, others=1)
def test_a_check_that_finds_nothing_strange_has_taken_in_all_that_was_to_be_seen(
    held: int, own: int, visible: int, others: int
) -> None:
    """However much of our own adds a read shows, and whoever added something beside them."""
    known = Shown(numbered(held), own=numbered(own, start=1000))
    known.shows += [*items(numbered(own, start=1000))[:visible], *items(numbered(others, start=5000))]

    as_known = known.target.check_tail()

    assert as_known or (others and visible < own)
    if as_known:
        assert {one.uri for one in known.shows} <= known.target.uris
        assert len(known.target.items) >= held + own


def test_a_target_may_be_read_again_only_so_often_for_one_pair() -> None:
    known = Shown("abc")
    for _ in range(REREADS):
        known.target.read_again()

    with pytest.raises(TargetUnstable):
        known.target.read_again()
    assert known.pages == REREADS
    known.target.opened(known.fetch).read_again()
    assert known.pages == REREADS + 1


def test_a_whole_read_shows_what_was_unseen() -> None:
    known = Shown("ab", own="cd")
    known.shows += items("cd")
    known.target.read_again()

    assert letters(known.target.items) == "abcd"
    assert known.target.unseen == []


def test_a_hole_is_there_under_no_uri() -> None:
    known = Shown("a.", own="b")

    assert known.target.uris == {uri("a"), uri("b")}
    known.target.settled.add(uri("c"))
    assert known.target.uris == {uri("a"), uri("b"), uri("c")}


def test_what_is_on_its_way_is_barred_until_its_outcome_is_known() -> None:
    target = Shown("a").target
    target.bar([uri("b"), uri("c")])

    assert target.barred == {uri("b"), uri("c")}
    assert target.blocked is not None
    target.unbar([uri("b"), uri("c")])
    assert not target.barred
    assert target.blocked is None


def test_nothing_reads_a_target_that_nobody_opened() -> None:
    with pytest.raises(RuntimeError, match="opened before"):
        Target(identifier("archive")).read()
