"""What holds of adds at the end holds mirrored of adds at the start: the plan goes out from its end, to the top."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from syncer.appending import SETTLE, Applied, Memory, Pretence, Writer
from syncer.budget import Budget
from syncer.errors import Outage, Rejected, Relinked, StateUnusable, SyncError, TargetFull, UnclearAdd
from syncer.model import MAX_ITEMS, Addition, AddState, Item, Position
from syncer.reading import REREADS, Target
from tests.fakes import (
    FakeClock,
    FakePlaylists,
    MemoryState,
    connection,
    identifier,
    item,
    items,
    letters,
    library,
    pair,
    uri,
)

ARCHIVE = identifier("archive")
PAIR = pair("fresh", "archive", position=Position.START)
OUTAGE = Outage("down")


def numbered(count: int, start: int = 0) -> list[str]:
    return [str(number) for number in range(start, start + count)]


def additions(wanted: Sequence[str]) -> list[Addition]:
    return [Addition(item=one, source="liked") for one in items(wanted)]


def names(of: Sequence[Item]) -> list[str]:
    return [one.name for one in of]


class Desk:
    """A target called archive that grows at its start, what is kept, and runs that come one after the other."""

    def __init__(self, held: Sequence[str] = "") -> None:
        self.clock = FakeClock()
        self.playlists = FakePlaylists(archive=held)
        self.state = MemoryState()
        self.new_run()

    def new_run(self, *, later: float = 0.0, deadline: float | None = None) -> None:
        """Begin a run *later*, with *deadline* seconds to live."""
        self.clock.elapsed += later
        until = None if deadline is None else self.clock.monotonic() + deadline
        budget = Budget(self.clock, deadline=until)
        run_id = f"{self.clock.elapsed:09.3f}"
        self.writer = Writer(run_id, state=self.state, budget=budget, clock=self.clock, settle=SETTLE)
        self.library = library()

    def open(self) -> Target:
        return self.library.target("me", connection(self.playlists), ARCHIVE, Position.START)

    def add(self, wanted: Sequence[str]) -> Applied:
        """Open the target as the next pair does, and add what is missing of *wanted*."""
        target = self.open()
        self.found = letters(self.writer.open(target))
        missing = [one for one in additions(wanted) if one.item.uri not in target.uris]
        return self.writer.apply(PAIR, target, self.playlists, missing)

    def before(self, request: str, act: Callable[[], object], *, after: int = 0) -> None:
        """Let *act* happen before a request that begins with *request*, *after* so many of them."""
        left = [after]

        def hook(asked: str) -> SyncError | None:
            if asked.startswith(request):
                left[0] -= 1
                if left[0] == -1:
                    result = act()
                    return result if isinstance(result, SyncError) else None
            return None

        self.playlists.before = hook

    def hide(self, hidden: Sequence[str], *, until: float) -> None:
        """Let reads not show *hidden* before *until* on the clock."""
        gone = {uri(name) for name in hidden}
        self.playlists.shows = lambda held: [one for one in held if self.clock.elapsed >= until or one.uri not in gone]

    @property
    def held(self) -> list[str]:
        return names(self.playlists.held[ARCHIVE])

    def pages(self) -> list[str]:
        """Return what was asked for after the last whole read."""
        reads = self.playlists.reads
        last = max(place for place, request in enumerate(reads) if request.startswith("head+"))
        return [request.replace(" archive", "") for request in reads[last + 1 :]]


# --- the quiet day ----------------------------------------------------------------------------------------------------


def test_a_plan_goes_out_from_its_end_in_batches_of_100_and_stands_on_top_in_order() -> None:
    desk = Desk("ab")

    result = desk.add(numbered(250))

    assert [len(what) for _, what in desk.playlists.added] == [100, 100, 50]
    assert desk.playlists.added[-1][1] == "".join(name[-1] for name in numbered(50))
    assert desk.held == [*numbered(250), "a", "b"]
    assert names(result.added) == numbered(250)
    assert (result.error, desk.clock.slept) == (None, [])


def test_a_target_that_fits_on_a_page_costs_what_it_costs_at_the_end() -> None:
    desk = Desk("ab")
    desk.add("cd")

    assert desk.pages() == ["page 0", "append cd", "page 0"]


def test_a_longer_one_costs_a_second_look_after_each_batch_at_its_other_end() -> None:
    desk = Desk(numbered(60))
    desk.add(numbered(150, start=1000))

    assert ["append" if request.startswith("append") else request for request in desk.pages()] == [
        "page 59",
        *("append", "page 0", "page 159"),
        *("append", "page 0", "page 209"),
    ]


def test_each_add_is_kept_with_its_place_and_its_items_in_the_order_of_the_plan() -> None:
    desk = Desk("ab")
    desk.add(numbered(150))

    kept = sorted(desk.state.record(), key=lambda add: add.id)

    assert [add.position for add in kept] == [0, 0]
    assert [names([one.item for one in add.additions]) for add in kept] == [numbered(100, start=50), numbered(50)]


def test_a_plan_shows_what_a_run_adds() -> None:
    desk = Desk("ab")
    hand = Pretence(Memory(desk.state, clock=desk.clock, settle=SETTLE))
    target = desk.open()
    hand.open(target)

    planned = hand.apply(PAIR, target, desk.playlists, additions(numbered(150)))

    assert names(target.items) == [*numbered(150), "a", "b"]
    desk.new_run()
    assert desk.add(numbered(150)).added == planned.added


# --- cut short --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("error", [OUTAGE, UnclearAdd("it"), StateUnusable("full", hint="make room")])
@pytest.mark.parametrize("batches", [1, 2])
def test_a_run_that_is_cut_short_leaves_the_end_of_its_plan_and_the_next_goes_on(
    batches: int, error: SyncError
) -> None:
    desk = Desk("ab")
    desk.before("append", lambda: error, after=batches)

    cut = desk.add(numbered(250))

    assert cut.error is error
    assert names(cut.added) == numbered(100 * batches, start=250 - 100 * batches)
    assert desk.held == [*names(cut.added), "a", "b"]
    desk.new_run(later=100)
    assert desk.add(numbered(250)).error is None
    assert desk.held == [*numbered(250), "a", "b"]


def test_what_an_earlier_run_sent_is_found_on_top_and_gone_on_from() -> None:
    desk = Desk(numbered(60, start=1000))
    desk.playlists.loses = lambda _what: len(desk.playlists.added) == 2
    desk.new_run(deadline=40)
    cut = desk.add(numbered(250))
    assert (names(cut.added), cut.unconfirmed) == (numbered(100, start=150), 100)

    desk.new_run(later=1)
    result = desk.add(numbered(250))

    assert desk.clock.slept == [SETTLE]
    assert len(desk.found) == len("".join(numbered(100, start=50)))
    assert names(result.added) == numbered(50)
    assert desk.held == [*numbered(250), *numbered(60, start=1000)]


@pytest.mark.parametrize("landed", [True, False])
def test_an_unclear_add_is_waited_for_and_only_gone_on_from_if_it_landed(landed: bool) -> None:  # noqa: FBT001 - by name
    desk = Desk("ab")
    desk.playlists.loses = lambda _what: len(desk.playlists.added) == 1
    if not landed:
        desk.before("append", lambda: UnclearAdd("it"))

    result = desk.add(numbered(150))

    assert desk.clock.slept == [SETTLE]
    assert (names(result.added), result.unconfirmed) == (numbered(150) if landed else [], 0)
    assert isinstance(result.error, UnclearAdd) is not landed
    assert desk.held == [*names(result.added), "a", "b"]


def test_of_a_plan_with_bad_uris_each_costs_only_itself_and_all_is_told_in_order() -> None:
    desk = Desk("ab")
    desk.playlists.bad = {uri("37"), uri("99"), uri("100")}
    good = [name for name in numbered(120) if uri(name) not in desk.playlists.bad]

    result = desk.add(numbered(120))

    assert names(result.rejected) == ["37", "99", "100"]
    assert names(result.added) == good
    assert desk.held == [*good, "a", "b"]


def test_halving_begins_with_the_half_that_joins_what_is_there() -> None:
    desk = Desk("x")
    desk.playlists.bad = {uri("a")}
    desk.add("abcd")

    assert [request.split()[-1] for request in desk.pages() if request.startswith("append")] == [
        *("abcd", "cd", "ab", "b", "a")
    ]


def test_halving_has_a_limit_that_leaves_the_end_of_the_plan() -> None:
    desk = Desk("x")
    desk.playlists.bad = {uri(name) for name in numbered(80)}

    result = desk.add(numbered(100))

    assert isinstance(result.error, Rejected)
    assert desk.held == [*numbered(20, start=80), "x"]


# --- others are at it too ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("held", [2, 60])
def test_what_someone_puts_at_the_end_before_our_add_is_left_out(held: int) -> None:
    desk = Desk(numbered(held, start=1000))
    target = desk.open()
    desk.writer.open(target)
    desk.playlists.someone_adds("archive", "xd")

    result = desk.writer.apply(PAIR, target, desk.playlists, additions("cde"))

    assert (letters(result.added), letters(result.arrived)) == ("ce", "d")
    assert desk.held == ["c", "e", *numbered(held, start=1000), "x", "d"]


@pytest.mark.parametrize("held", [2, 60])
def test_what_someone_puts_at_the_end_between_two_batches_is_left_out_of_the_second(held: int) -> None:
    desk = Desk(numbered(held, start=1000))
    desk.before("append", lambda: None)
    target = desk.open()
    desk.writer.open(target)
    desk.before("page", lambda: desk.playlists.someone_adds("archive", ["7"]), after=1)

    result = desk.writer.apply(PAIR, target, desk.playlists, additions(numbered(150)))

    assert names(result.arrived) == ["7"]
    assert (desk.held.count("7"), desk.clock.slept) == (1, [])


@pytest.mark.parametrize("swap", [0, 1])
def test_what_someone_swaps_for_something_at_the_end_is_seen_though_the_length_says_nothing(swap: int) -> None:
    """The start alone would not tell: what is added there by us is just as we left it."""
    desk = Desk(numbered(200, start=1000))
    target = desk.open()
    desk.writer.open(target)

    def edit() -> None:
        desk.playlists.held[ARCHIVE].pop(-100)
        desk.playlists.someone_adds("archive", ["7"])

    desk.before("page", edit, after=swap)
    result = desk.writer.apply(PAIR, target, desk.playlists, additions(numbered(150)))

    assert names(result.arrived) == ["7"]
    assert desk.held.count("7") == 1


def test_what_someone_puts_on_top_has_the_target_read_again() -> None:
    desk = Desk(numbered(60, start=1000))
    target = desk.open()
    desk.writer.open(target)
    desk.playlists.held[ARCHIVE].insert(0, item("d"))

    result = desk.writer.apply(PAIR, target, desk.playlists, additions("cde"))

    assert (letters(result.added), letters(result.arrived)) == ("ce", "d")
    assert desk.held[:3] == ["c", "e", "d"]
    assert desk.clock.slept == []


def test_what_someone_puts_on_top_of_ours_is_seen_too() -> None:
    desk = Desk(numbered(60, start=1000))
    target = desk.open()
    desk.writer.open(target)
    desk.before("page", lambda: desk.playlists.held[ARCHIVE].insert(0, item("7")), after=1)

    result = desk.writer.apply(PAIR, target, desk.playlists, additions(numbered(150)))

    assert (result.error, names(result.arrived)) == (None, ["7"])
    assert desk.held == [*numbered(7), *numbered(42, start=8), "7", *numbered(100, start=50), *numbered(60, start=1000)]


def test_whole_reads_for_one_pair_have_an_end() -> None:
    desk = Desk(numbered(2000, start=5000))
    target = desk.open()
    desk.writer.open(target)

    def edit(request: str) -> None:
        if request.startswith("append"):
            desk.playlists.held[ARCHIVE].pop()

    desk.playlists.before = edit
    result = desk.writer.apply(PAIR, target, desk.playlists, additions(numbered(900)))

    heads = [request for request in desk.playlists.reads if request.startswith("head+")]
    assert len(heads) == 1 + REREADS
    assert names(result.added) == numbered(len(result.added), start=900 - len(result.added))


def test_a_target_that_others_filled_meanwhile_gets_no_add_that_cannot_fit() -> None:
    desk = Desk(numbered(MAX_ITEMS - 150, start=1000))
    target = desk.open()
    desk.writer.open(target)
    desk.before("page", lambda: desk.playlists.someone_adds("archive", "xyz"), after=1)

    result = desk.writer.apply(PAIR, target, desk.playlists, additions(numbered(150)))

    assert isinstance(result.error, TargetFull)
    assert result.error.room == 47
    assert names(result.added) == numbered(100, start=50)


# --- reads that are late ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("held", [0, 2, 60])
@pytest.mark.parametrize("hidden", [250, 150, 50])
def test_a_read_that_does_not_show_our_latest_adds_yet_is_waited_for_by_nobody(held: int, hidden: int) -> None:
    desk = Desk(numbered(held, start=1000))
    desk.hide(numbered(hidden), until=1000)

    result = desk.add(numbered(250))

    assert (result.error, len(result.added)) == (None, 250)
    assert desk.clock.slept == []
    assert desk.held == [*numbered(250), *numbered(held, start=1000)]


@pytest.mark.parametrize("held", [2, 60])
def test_what_landed_a_moment_ago_counts_though_a_late_read_does_not_show_it(held: int) -> None:
    desk = Desk(numbered(held, start=1000))
    desk.add(numbered(150, start=50))
    desk.hide(numbered(200), until=desk.clock.elapsed + SETTLE)
    desk.new_run(later=SETTLE - 1)

    result = desk.add(numbered(200))

    assert names(result.added) == numbered(50)
    assert desk.held == [*numbered(200), *numbered(held, start=1000)]
    assert desk.clock.slept == []


def test_what_landed_at_the_end_a_moment_ago_does_no_harm_where_the_pair_has_changed_its_mind() -> None:
    desk = Desk("ab")
    target = desk.library.target("me", connection(desk.playlists), ARCHIVE)
    desk.writer.open(target)
    desk.writer.apply(replace(PAIR, position=Position.END), target, desk.playlists, additions("cd"))
    desk.hide("cd", until=desk.clock.elapsed + 1.5)
    desk.new_run(later=1)
    desk.before("append", lambda: setattr(desk.clock, "elapsed", desk.clock.elapsed + 1))

    result = desk.add("cde")

    assert (letters(result.added), result.error) == ("e", None)
    assert desk.held == list("eabcd")


# --- relinked ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("held", [2, 60])
def test_what_reads_back_under_another_uri_stops_the_pair_and_is_never_added_again(held: int) -> None:
    desk = Desk(numbered(held, start=1000))
    other = {uri("d"): item("d9")}
    desk.playlists.shows = lambda held: [other.get(one.uri, one) if one.uri else one for one in held]

    result = desk.add("cde")

    assert isinstance(result.error, Relinked)
    assert desk.clock.slept == [SETTLE]
    desk.new_run(later=86_400)
    assert desk.add("cde").added == []
    assert [what for _, what in desk.playlists.added] == ["cde"]


def test_the_batches_after_one_that_was_relinked_are_not_sent() -> None:
    desk = Desk(numbered(60, start=1000))
    other = {uri("150"): item("1509")}
    desk.playlists.shows = lambda held: [other.get(one.uri, one) if one.uri else one for one in held]

    result = desk.add(numbered(250))

    assert isinstance(result.error, Relinked)
    assert names(result.added) == numbered(100, start=150)


# --- whatever comes ---------------------------------------------------------------------------------------------------

FATES = ("lands", "lost", "not sent", "drops", "disk", "someone")


@given(
    held=st.integers(0, 120),
    runs=st.lists(
        st.tuples(st.integers(0, 230), st.lists(st.sampled_from(FATES), max_size=6), st.integers(0, 100)), max_size=4
    ),
    bad=st.sets(st.integers(0, 229), max_size=3),
)
def test_whatever_befalls_its_adds_the_old_target_stays_below_and_what_is_added_is_the_end_of_the_plan(
    held: int, runs: list[tuple[int, list[str], int]], bad: set[int]
) -> None:
    desk = Desk(numbered(held, start=1000))
    desk.playlists.bad = {uri(str(number)) for number in bad}
    for count, fates, pause in [*runs, *[(230, list[str](), 100)] * 3]:
        left = iter(fates)

        def befall(request: str, left: Iterator[str] = left) -> SyncError | None:
            if not request.startswith("append"):
                return None
            match next(left, "lands"):
                case "lost":
                    desk.playlists.loses = lambda _letters: True
                case "not sent":
                    return OUTAGE
                case "drops":
                    return UnclearAdd("it")
                case "disk":
                    full = StateUnusable("full", hint="make room")
                    desk.state.before = lambda call: full if call.startswith("settle") else None
                case "someone":
                    desk.playlists.someone_adds("archive", [f"{3000 + len(desk.playlists.reads)}"])
            return None

        desk.playlists.before = befall
        desk.playlists.loses = lambda _letters: False
        desk.state.before = lambda _call: None
        desk.new_run(later=pause)
        target = desk.open()
        desk.writer.open(target)
        plan = [one for one in additions(numbered(count)) if one.item.uri not in target.uris]

        result = desk.writer.apply(PAIR, target, desk.playlists, plan)

        good = [one.item for one in plan if one.item.uri not in desk.playlists.bad]
        assert result.added == good[len(good) - len(result.added) :], "the end of the plan, but for bad ones"
        by_others = [name for name in desk.held if int(name) >= 3000]
        assert desk.held[len(desk.held) - held - len(by_others) :] == [*numbered(held, start=1000), *by_others]

    assert len(set(desk.held)) == len(desk.held)
    assert {uri(name) for name in numbered(230)} - desk.playlists.bad <= {uri(name) for name in desk.held}
    assert all(add.state is AddState.LANDED for add in desk.state.record())
