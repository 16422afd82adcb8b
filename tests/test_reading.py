"""Reads have no holes, whatever others do meanwhile, and in whatever order their pages come."""

import random
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from threading import Event, Lock

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from syncer.cache import Contents
from syncer.errors import SyncError, TargetUnstable, Temporary, UnreadableAnswer
from syncer.model import PAGE_SIZE, Item, Page, Position
from syncer.ports import Executor
from syncer.reading import REREADS, SIDE_BY_SIDE, TRIES, Fetch, Reader, Target
from tests.fakes import FakeWatch, OneByOne, identifier, item, items, letters, uri

NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)


def numbered(count: int, start: int = 0) -> list[str]:
    return [str(number) for number in range(start, start + count)]


def contents(
    held: Sequence[Item] = (), *, version: str | None = "now", total: int | None = None, read_at: datetime = NOON
) -> Contents:
    """Return what was read of a playlist: all of it, unless *total* says that there is more."""
    return Contents(version=version, total=len(held) if total is None else total, items=tuple(held), read_at=read_at)


class Edited:
    """A playlist that someone edits right before the pages named in *edits*; *nested* entries come with its head."""

    def __init__(self, held: Sequence[Item], edits: dict[int, list[Item]] | None = None, *, nested: int = 0) -> None:
        self.held, self.edits, self.nested = list(held), edits or {}, nested
        self.offsets: list[int] = []
        self.serves = PAGE_SIZE
        self.before: Callable[[int], SyncError | None] = lambda _offset: None

    @property
    def asked(self) -> int:
        return len(self.offsets)

    def __call__(self, offset: int) -> Page:
        self.held = self.edits.get(self.asked, self.held)
        self.offsets.append(offset)
        if error := self.before(offset):
            raise error
        return Page(total=len(self.held), items=tuple(self.held[offset : offset + self.serves]))

    def start(self) -> Contents:
        return contents(self.held[: self.nested], total=len(self.held))


def reader(fetch: Fetch, executor: Executor | None = None) -> Reader:
    return Reader("it", fetch, executor=executor or OneByOne(), watch=FakeWatch())


def whole(playlist: Edited) -> tuple[Item, ...]:
    """Read *playlist* as targets are read."""
    return reader(playlist).whole(playlist.start).items


def rest(playlist: Edited) -> Contents:
    """Read *playlist* as sources are read."""
    return reader(playlist).rest(playlist.start())


def kept_of(playlist: Edited, read: Callable[[Reader], object]) -> Contents:
    """Return what *read* hands over of *playlist* when it is cut short."""
    kept: list[Contents] = []
    with pytest.raises(Temporary):
        read(Reader("it", playlist, executor=OneByOne(), watch=FakeWatch(), cut_short=kept.append))
    (only,) = kept
    return only


DOWN = Temporary("down")


# --- whole reads of targets -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("size", "pages"),
    [(0, 0), (1, 1), (49, 1), (50, 1), (51, 2), (99, 2), (100, 3), (148, 3), (149, 4), (2000, 41)],
)
def test_a_quiet_target_costs_one_page_for_every_49_entries(size: int, pages: int) -> None:
    """Fault model I16."""
    playlist = Edited(items(numbered(size)))

    assert whole(playlist) == tuple(playlist.held)
    assert playlist.asked == pages


@pytest.mark.parametrize(("size", "pages"), [(99, 0), (100, 0), (101, 1), (149, 1), (150, 2)])
def test_what_came_with_the_head_is_not_read_again_but_for_one_entry(size: int, pages: int) -> None:
    playlist = Edited(items(numbered(size)), nested=100)

    assert whole(playlist) == tuple(playlist.held)
    assert playlist.asked == pages
    assert playlist.offsets[:1] == [99][:pages]


def test_an_entry_removed_between_two_pages_is_noticed() -> None:
    before = list(items(numbered(120)))
    playlist = Edited(before, {1: before[1:]})

    assert whole(playlist) == tuple(before[1:])


def test_an_entry_removed_after_the_head_is_noticed_though_another_came() -> None:
    before = list(items(numbered(120)))
    playlist = Edited(before, {0: [*before[1:], item("new")]}, nested=100)

    assert whole(playlist) == (*before[1:], item("new"))


def test_a_removal_and_an_addition_that_keep_the_total_are_noticed() -> None:
    before = list(items(numbered(120)))
    playlist = Edited(before, {1: [*before[1:], item("new")]})

    assert whole(playlist) == (*before[1:], item("new"))


def test_two_moves_that_cancel_out_are_noticed_by_the_entry_seen_twice() -> None:
    before = list(items(numbered(120)))
    seen, unseen = before[10], before[110]
    after = [one for one in before if one not in (seen, unseen)]
    after.insert(10, unseen)
    after.insert(110, seen)
    playlist = Edited(before, {1: after})

    assert whole(playlist) == tuple(after)


def test_true_repeats_cost_a_second_read_and_no_more() -> None:
    held = items([*numbered(60), *numbered(5)])
    playlist = Edited(held)

    assert whole(playlist) == held
    assert playlist.asked == 4


def test_repeats_within_one_answer_cost_nothing() -> None:
    playlist = Edited(items("aabb"), nested=100)

    assert letters(whole(playlist)) == "aabb"
    assert playlist.asked == 0


def test_a_target_that_never_holds_still_is_given_up() -> None:
    edits = {turn: list(items(numbered(60, start=turn))) for turn in range(1, 99)}
    playlist = Edited(items(numbered(60)), edits)

    with pytest.raises(TargetUnstable, match="kept changing"):
        whole(playlist)
    assert playlist.asked == 2 * TRIES


@given(data=st.data())
def test_no_single_edit_makes_a_read_miss_what_was_there_all_along(data: st.DataObject) -> None:
    """Whatever came with the head, and in whatever order the pages come."""
    before = list(items(numbered(data.draw(st.integers(51, 260)))))
    after = list(before)
    moved = after.pop(data.draw(st.integers(0, len(after) - 1)))
    if data.draw(st.booleans()):
        after.insert(data.draw(st.integers(0, len(after))), moved)
    playlist = Edited(before, {data.draw(st.integers(0, 5)): after}, nested=data.draw(st.sampled_from([0, 50, 100])))
    order = OneByOne(random.Random(data.draw(st.integers(0, 99))))  # noqa: S311 - a schedule, not a secret

    read = reader(playlist, order).whole(playlist.start).items

    assert set(before) & set(after) <= set(read)


# --- reads of sources -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("size", "nested", "offsets"),
    [(0, 0, []), (50, 0, [0]), (101, 0, [0, 50, 100]), (100, 100, []), (101, 100, [100]), (130, 30, [30, 80])],
)
def test_a_quiet_source_is_read_without_overlap(size: int, nested: int, offsets: list[int]) -> None:
    playlist = Edited(items(numbered(size)), nested=nested)

    assert rest(playlist) == contents(playlist.held)
    assert playlist.offsets == offsets


def test_a_source_that_grows_meanwhile_is_read_once_more_page_by_page_and_has_no_version() -> None:
    before, after = list(items(numbered(120))), list(items(numbered(130)))
    playlist = Edited(before, {2: after})

    assert rest(playlist) == contents(after, version=None)
    assert playlist.offsets == [0, 50, 100, 0, 50, 100]


def test_a_source_that_ends_in_a_hole_is_not_taken_for_shorter() -> None:
    playlist = Edited(items("abc"))

    def hollow(offset: int) -> Page:
        return Page(total=70, items=playlist(offset).items)

    for total in (70, 90):  # as its head said, or otherwise
        with pytest.raises(UnreadableAnswer, match="empty page"):
            reader(hollow).rest(contents(total=total))


# --- any read ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("read", [whole, lambda playlist: rest(playlist).items])
@pytest.mark.parametrize("serves", [49, 20, 2])
def test_a_page_shorter_than_asked_for_is_followed_by_a_read_from_where_it_ended(
    read: Callable[[Edited], object], serves: int
) -> None:
    playlist = Edited(items(numbered(75)))
    playlist.serves = serves

    assert read(playlist) == tuple(playlist.held)


def test_after_a_short_page_those_behind_it_are_not_waited_for() -> None:
    playlist = Edited(items(numbered(160)))
    playlist.serves = 40

    rest(playlist)

    assert playlist.offsets == [0, 40, 80, 120]


@pytest.mark.parametrize("total", [9, 60])
def test_an_empty_page_in_the_middle_is_no_end(total: int) -> None:
    start = contents(total=total)

    with pytest.raises(UnreadableAnswer, match="empty page"):
        reader(lambda _offset: Page(total=total, items=())).whole(lambda: start)


def test_an_empty_page_after_a_full_one_is_no_end() -> None:
    playlist = Edited(items(numbered(50)))

    def hollow(offset: int) -> Page:
        return Page(total=120, items=playlist(offset).items)

    for read in (reader(hollow).rest, lambda start: reader(hollow).whole(lambda: start)):
        with pytest.raises(UnreadableAnswer, match="empty page"):
            read(contents(total=120))


def test_a_page_that_brings_only_the_overlap_is_no_end() -> None:
    first = items(numbered(50))

    with pytest.raises(UnreadableAnswer, match="empty page"):
        reader(lambda offset: Page(total=60, items=first[offset:])).whole(lambda: contents(total=60))


def test_more_entries_than_there_are_fit_nothing() -> None:
    def overfull(offset: int) -> Page:
        return Page(total=60, items=items(numbered(PAGE_SIZE, start=offset)))

    with pytest.raises(TargetUnstable):
        reader(overfull).whole(lambda: contents(total=60))


@given(size=st.integers(0, 400), nested=st.sampled_from([0, 50, 100]), seed=st.integers(0, 9999))
def test_the_order_in_which_pages_come_does_not_matter(size: int, nested: int, seed: int) -> None:
    playlist = Edited(items(numbered(size)), nested=nested)
    order = OneByOne(random.Random(seed))  # noqa: S311 - a schedule, not a secret

    assert reader(playlist, order).whole(playlist.start).items == tuple(playlist.held)
    assert reader(playlist, order).rest(playlist.start()).items == tuple(playlist.held)


def test_real_threads_read_the_same() -> None:
    playlist = Edited(items(numbered(2000)), nested=100)

    with ThreadPoolExecutor(SIDE_BY_SIDE) as threads:
        assert reader(playlist, threads).whole(playlist.start).items == tuple(playlist.held)


def test_after_an_error_nothing_more_is_asked() -> None:
    playlist = Edited(items(numbered(2000)))
    playlist.before = lambda offset: DOWN if offset == 100 else None

    with pytest.raises(Temporary):
        rest(playlist)
    assert playlist.offsets == [0, 50, 100]


def test_after_a_page_that_does_not_fit_nothing_more_is_asked() -> None:
    held = items(numbered(2000))
    playlist = Edited(held, {turn: list(items(numbered(2000, start=turn))) for turn in range(1, 99)})

    with pytest.raises(TargetUnstable):
        whole(playlist)
    assert playlist.offsets == [0, 49] * TRIES


@pytest.mark.parametrize("ending", ["error", "mismatch"])
def test_when_a_read_ends_nothing_of_it_is_under_way(ending: str) -> None:
    first = contents(items(numbered(100)), total=2000)
    ended, lock, under_way = Event(), Lock(), set[int]()
    starts: list[int] = []

    def fetch(offset: int) -> Page:
        with lock:
            under_way.add(offset)
        if offset == 99:
            ended.set()
        else:
            assert ended.wait(10)
            Event().wait(0.05)  # so it is still on its way when the first ends this
        with lock:
            under_way.discard(offset)
        if offset == 99 and ending == "error":
            raise DOWN
        return Page(total=1999, items=())

    def start() -> Contents:
        starts.append(len(under_way))
        if len(starts) > 1:
            raise DOWN
        return first

    with ThreadPoolExecutor(SIDE_BY_SIDE) as threads:
        with pytest.raises(Temporary):
            reader(fetch, threads).whole(start)
        assert under_way == set()
    assert starts == [0] if ending == "error" else [0, 0]


@pytest.mark.parametrize("ends_at", [100, 150, 250])
def test_a_read_cut_short_hands_over_what_it_has_without_a_hole_and_its_version(ends_at: int) -> None:
    playlist = Edited(items(numbered(300)), nested=100)
    playlist.before = lambda offset: DOWN if offset == ends_at else None

    kept = kept_of(playlist, lambda reader: reader.rest(playlist.start()))

    assert kept == contents(playlist.held[:ends_at], total=300)
    assert not kept.is_whole


@given(seed=st.integers(0, 9999), ends_at=st.sampled_from([99, 148, 197]))
def test_pages_read_behind_a_hole_are_not_handed_over(seed: int, ends_at: int) -> None:
    playlist = Edited(items(numbered(300)), nested=100)
    playlist.before = lambda offset: DOWN if offset == ends_at else None
    kept: list[Contents] = []
    order = OneByOne(random.Random(seed))  # noqa: S311 - a schedule, not a secret

    with pytest.raises(Temporary):
        Reader("it", playlist, executor=order, watch=FakeWatch(), cut_short=kept.append).whole(playlist.start)

    assert kept[0].items == tuple(playlist.held[: ends_at + 1])


def test_a_read_goes_on_from_where_an_earlier_one_was_cut_short() -> None:
    playlist = Edited(items(numbered(300)), nested=100)
    playlist.before = lambda offset: DOWN if offset == 150 else None
    kept = kept_of(playlist, lambda reader: reader.rest(playlist.start()))
    playlist.before = lambda _offset: None
    playlist.offsets.clear()

    assert reader(playlist).rest(kept).items == tuple(playlist.held)
    assert reader(playlist).whole(playlist.start, kept).items == tuple(playlist.held)
    assert playlist.offsets == [150, 200, 250, 149, 198, 247, 296]


def test_what_was_cut_short_and_does_not_fit_any_more_is_let_go() -> None:
    playlist = Edited(items(numbered(300)), nested=100)
    stale = contents(items(numbered(150, start=7)), version="then", total=300)

    read = reader(playlist).whole(playlist.start, stale)

    assert read == contents(playlist.held)


def test_who_looks_on_sees_every_page() -> None:
    playlist, watch = Edited(items(numbered(130)), nested=30), FakeWatch()

    Reader("it", playlist, executor=OneByOne(), watch=watch).rest(playlist.start())

    assert watch.seen == ["it 80/130", "it 130/130"]


# --- a target within one run ------------------------------------------------------------------------------------------


class Shown:
    """A target behind a read that shows what a test says, and counts the pages."""

    def __init__(self, held: Sequence[str], *, own: Sequence[str] = (), position: Position = Position.END) -> None:
        self.shows = list(items(held))
        self.before: Callable[[int], object] = lambda _page: None
        self.pages = 0
        self.loads: list[bool] = []
        """Whole reads: whether it had to be anew."""
        self.now = NOON
        self.target = Target(identifier("archive"), position).opened(self.load, self.fetch)
        self.target.read()
        if own:
            self.target.extend(items(own), "adopted")

    def load(self, anew: bool) -> Contents:  # noqa: FBT001 - it is a reading.Load
        self.loads.append(anew)
        return contents(self.shows, version="read", read_at=self.now)

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
    known.target.opened(known.load, lambda offset: Page(total=9, items=tuple(known.shows[offset:])))

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


# --- a target that grows at its start ---------------------------------------------------------------------------------


def on_top(held: Sequence[str], *, own: Sequence[str] = ()) -> Shown:
    """Return a target to whose start *own* was added; no read has shown it yet."""
    return Shown(held, own=own, position=Position.START)


def test_what_was_added_to_its_start_stands_before_what_was_there() -> None:
    known = on_top("abc", own="de")
    known.target.extend(items("fg"), "adopted")

    assert letters(known.target.items) == "fgdeabc"
    assert known.target.unseen == [uri(letter) for letter in "fgde"]


@pytest.mark.parametrize("held", ["", "a", numbered(49), numbered(50), numbered(500)])
def test_one_that_nobody_touched_costs_one_page_too(held: Sequence[str]) -> None:
    known = on_top(held)

    assert known.target.check_tail()
    assert known.pages == 1


@pytest.mark.parametrize(("held", "own", "pages"), [(3, 46, 1), (3, 47, 2), (49, 1, 2), (500, 1, 2), (3, 300, 2)])
def test_own_adds_that_reads_show_are_seen_with_a_page_of_each_end(held: int, own: int, pages: int) -> None:
    known = on_top(numbered(held), own=numbered(own, start=1000))
    known.shows = list(known.target.items)

    assert known.target.check_tail()
    assert known.target.unseen == []
    assert known.target.version == "adopted"
    assert known.pages == pages


@pytest.mark.parametrize("own", [1, 30, 48, 49, 100, 300])
@pytest.mark.parametrize("held", ["", "abc", numbered(60)])
def test_own_adds_at_its_start_that_no_read_shows_yet_are_only_late(held: Sequence[str], own: int) -> None:
    known = on_top(held, own=numbered(own, start=1000))

    assert known.target.check_tail()
    assert len(known.target.unseen) == own
    assert known.target.version is None
    assert known.pages <= 2


@pytest.mark.parametrize("held", [3, 60])
@pytest.mark.parametrize("place", [0, 30, 47])
def test_one_own_add_at_its_start_that_reads_back_as_another_is_noticed(held: int, place: int) -> None:
    known = on_top(numbered(held), own=numbered(48, start=1000))
    known.shows = list(known.target.items)
    known.shows[place] = item("relinked")

    assert not known.target.check_tail()


@pytest.mark.parametrize("held", [3, 60])
def test_what_is_swapped_for_something_at_its_end_is_noticed(held: int) -> None:
    for own in ("", "z"):
        known = on_top(numbered(held), own=own)
        known.shows = [*known.target.items[:-2], known.target.items[-1], item("new")]

        assert not known.target.check_tail()


@pytest.mark.parametrize("held", [3, 60])
def test_what_others_put_on_top_is_not_taken_for_ours(held: int) -> None:
    for own in ("", "z"):
        known = on_top(numbered(held), own=own)
        known.shows = [item("new"), *known.target.items]

        assert not known.target.check_tail()


def test_pages_of_both_ends_that_do_not_agree_are_looked_at_again_but_not_for_ever() -> None:
    known = on_top(numbered(60), own=numbered(100, start=1000))
    known.before = lambda page: (
        known.shows.__setitem__(slice(0, 0), items(numbered(100, start=1000))) if page == 1 else 0
    )

    assert known.target.check_tail()
    assert (known.target.unseen, known.pages) == ([], 4)

    known = on_top(numbered(60), own=numbered(100, start=1000))
    known.before = lambda page: known.shows.append(item("z")) if page % 2 else known.shows.pop() if page else None

    assert not known.target.check_tail()
    assert known.pages == 2 * TRIES


@given(held=st.integers(0, 120), own=st.integers(0, 130), visible=st.integers(0, 130), others=st.integers(0, 120))
@example(held=3, own=120, visible=100, others=0)
@example(held=60, own=1, visible=1, others=120)
@example(held=49, own=1, visible=1, others=1)
def test_a_check_of_both_ends_that_finds_nothing_strange_has_taken_in_all_that_was_to_be_seen(
    held: int, own: int, visible: int, others: int
) -> None:
    known = on_top(numbered(held), own=numbered(own, start=1000))
    shown = items(numbered(own, start=1000))[max(0, own - visible) :]
    known.shows = [*shown, *known.shows, *items(numbered(others, start=5000))]

    as_known = known.target.check_tail()

    assert as_known or (others and visible < own)
    if as_known:
        assert {one.uri for one in known.shows} <= known.target.uris
        assert known.target.items[own : own + held] == list(items(numbered(held)))
        assert (known.target.version is None) == bool(others or visible < own)


# --- any target -------------------------------------------------------------------------------------------------------


def test_a_target_may_be_read_again_only_so_often_for_one_pair() -> None:
    known = Shown("abc")
    for _ in range(REREADS):
        known.target.read_again()

    with pytest.raises(TargetUnstable):
        known.target.read_again()
    known.target.opened(known.load, known.fetch).read_again()
    assert known.loads == [False] + [True] * (REREADS + 1)


def test_a_whole_read_shows_what_was_unseen() -> None:
    known = Shown("ab", own="cd")
    known.shows += items("cd")
    known.target.read_again()

    assert letters(known.target.items) == "abcd"
    assert known.target.unseen == []
    assert known.target.version == "read"


def test_a_read_of_all_of_it_says_its_version() -> None:
    assert Shown("abc").target.version == "read"


def test_the_version_of_an_own_add_counts_once_a_read_shows_it() -> None:
    known = Shown("abc", own="d")

    assert known.target.check_tail()
    assert known.target.version is None
    known.shows += items("d")
    assert known.target.check_tail()
    assert known.target.version == "adopted"


@pytest.mark.parametrize("version", [None, "adopted"])
def test_a_target_that_others_added_to_as_well_has_no_known_version(version: str | None) -> None:
    known = Shown("abc")
    known.target.extend(items("d"), version)
    known.shows += items("de")

    assert known.target.check_tail()
    assert known.target.version is None


def test_an_add_whose_version_nobody_told_leaves_none() -> None:
    known = Shown("abc")
    known.target.extend(items("d"), None)
    known.shows += items("d")

    assert known.target.check_tail()
    assert known.target.version is None


def test_what_is_sure_to_be_there_is_handed_over_for_later_runs_as_old_as_its_first_entries() -> None:
    known = Shown("abc", own="d")
    assert known.target.contents is None
    known.now += timedelta(days=1)
    known.shows += items("d")
    assert known.target.check_tail()

    assert known.target.contents == contents(items("abcd"), version="adopted", read_at=NOON)
    known.target.read_again()
    assert known.target.contents == contents(items("abcd"), version="read", read_at=NOON + timedelta(days=1))


def test_a_target_that_was_not_read_hands_nothing_over() -> None:
    assert Target(identifier("archive")).contents is None


def test_what_a_read_goes_on_with_is_as_old_as_where_it_began() -> None:
    playlist = Edited(items(numbered(300)), nested=100)
    begun = contents(playlist.held[:100], total=300, read_at=NOON - timedelta(days=7))

    assert reader(playlist).rest(begun).read_at == begun.read_at
    assert reader(playlist).whole(playlist.start, begun).read_at == begun.read_at


def test_what_an_earlier_run_added_is_expected_and_nothing_expected_changes_nothing() -> None:
    known = Shown("abc")
    known.target.expect(())
    assert known.target.version == "read"

    known.target.expect(items("d"))

    assert (letters(known.target.items), known.target.unseen) == ("abcd", [uri("d")])
    assert known.target.version is None


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
    assert target.version is None
    target.unbar([uri("b"), uri("c")])
    assert not target.barred
    assert target.blocked is None
    assert target.version == "read"


@pytest.mark.parametrize("asks", [Target.read, Target.check_tail])
def test_nothing_reads_a_target_that_nobody_opened(asks: Callable[[Target], object]) -> None:
    with pytest.raises(RuntimeError, match="opened before"):
        asks(Target(identifier("archive")))
