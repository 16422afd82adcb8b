"""A plan is carried out in order, every item of it is accounted for, and nothing is ever sent twice on a doubt."""

from collections.abc import Callable, Sequence
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from syncer.appending import SETTLE, Applied, Memory, Pretence, Writer
from syncer.budget import MAX_WAITED, SPLITS, Budget
from syncer.errors import (
    Outage,
    OutOfTime,
    Rejected,
    Relinked,
    StateUnusable,
    SyncError,
    TargetFull,
    TargetUnstable,
    UnclearAdd,
)
from syncer.ids import Uri
from syncer.model import MAX_BATCH, MAX_ITEMS, Addition, AddState, Item
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
DISK_FULL = StateUnusable("the disk is full", hint="make room")


def numbered(count: int, start: int = 0) -> list[str]:
    return [str(number) for number in range(start, start + count)]


def once(request: str, act: Callable[[], Any], *, after: int = 0) -> Callable[[str], SyncError | None]:
    """Return a hook that acts before the request that begins with *request*; *after* so many of them."""
    left = [after]

    def hook(asked: str) -> SyncError | None:
        if asked.startswith(request):
            left[0] -= 1
            if left[0] == -1:
                result = act()
                return result if isinstance(result, SyncError) else None
        return None

    return hook


class Desk:
    """A target called archive, what is kept, and runs that come one after the other."""

    def __init__(self, held: Sequence[str] = "") -> None:
        self.clock = FakeClock()
        self.playlists = FakePlaylists(archive=held)
        self.state = MemoryState()
        self.runs = 0
        self.new_run()

    def new_run(self, *, later: float = 0.0, deadline: float | None = None) -> None:
        """Begin a run *later*, with *deadline* seconds to live."""
        self.clock.elapsed += later
        self.runs += 1
        until = None if deadline is None else self.clock.monotonic() + deadline
        self.budget = Budget(self.clock, deadline=until)
        self.writer = Writer(f"{self.runs}", state=self.state, budget=self.budget, clock=self.clock, settle=SETTLE)
        self.library = library()

    def open(self) -> Target:
        return self.library.target("me", connection(self.playlists), ARCHIVE)

    def add(self, wanted: Sequence[str]) -> Applied:
        """Open the target as the next pair does, and add *wanted*."""
        target = self.open()
        self.found = letters(self.writer.open(target))
        return self.writer.apply(pair("fresh", "archive"), target, self.playlists, additions(wanted))

    def sent_before(self, wanted: Sequence[str], *, landed: bool) -> None:
        """Let a run send *wanted* and be killed before it knows of the outcome; begin the next run."""
        self.playlists.before = once("append", lambda: None if landed else UnclearAdd("it"))
        self.playlists.loses = lambda _letters: True
        self.new_run(deadline=10)
        assert isinstance(self.add(wanted).error, UnclearAdd)
        self.playlists.before = lambda _request: None
        self.playlists.loses = lambda _letters: False
        self.new_run()

    def hide(self, hidden: Sequence[str], *, until: float) -> None:
        """Let reads not show *hidden* before *until* on the clock."""
        gone = {uri(name) for name in hidden}
        self.playlists.shows = lambda held: [one for one in held if self.clock.elapsed >= until or one.uri not in gone]

    @property
    def held(self) -> str:
        return self.playlists.now_in("archive")

    def requests(self, kind: str) -> list[str]:
        return [request for request in self.playlists.reads if request.startswith(kind)]

    def kept(self, state: AddState) -> str:
        return "".join(
            letters([one.item for one in add.additions])
            for add in self.state.adds(ARCHIVE, since=self.clock.start)
            if add.state is state
        )


def additions(wanted: Sequence[str]) -> list[Addition]:
    return [Addition(item=one, source="spotify:playlist:fresh") for one in items(wanted)]


def counts(result: Applied) -> tuple[int, int, int, int]:
    return len(result.added), len(result.rejected), result.unconfirmed, len(result.arrived)


# --- the quiet day ----------------------------------------------------------------------------------------------------


def test_a_plan_goes_out_in_batches_of_100_in_order() -> None:
    desk = Desk("ab")

    result = desk.add(numbered(250))

    assert [len(what) for _, what in desk.playlists.added] == [100, 100, 50]
    assert desk.playlists.held[ARCHIVE] == [*items("ab"), *items(numbered(250))]
    assert counts(result) == (250, 0, 0, 0)
    assert result.error is None


def test_each_batch_costs_a_look_and_an_add_and_the_whole_one_look_more() -> None:
    desk = Desk("ab")
    desk.add(numbered(250))

    assert [request.split()[0] for request in desk.playlists.reads] == [
        "head+",
        *["page", "append"] * 3,
        "page",
    ]


def test_an_empty_plan_asks_for_nothing() -> None:
    desk = Desk("ab")

    assert desk.add("") == Applied()
    assert desk.playlists.reads == ["head+ archive"]


def test_every_add_is_kept_before_it_is_sent_and_settled_after() -> None:
    desk = Desk("ab")
    seen: list[str] = []
    desk.playlists.before = lambda request: seen.append(desk.kept(AddState.SENT)) if "append" in request else None
    desk.add("cd")

    assert seen == ["cd"]
    assert desk.kept(AddState.SENT) == ""
    (kept,) = desk.state.record()
    assert (kept.id, kept.run_id, kept.pair, kept.target) == ("1/000001", "1", "fresh-to-archive", ARCHIVE)
    assert (kept.position, kept.state, kept.at) == (2, AddState.LANDED, desk.clock.start)
    assert kept.additions == tuple(additions("cd"))


def test_the_adds_of_a_run_are_kept_in_the_order_they_were_sent() -> None:
    desk = Desk()
    desk.add(numbered(1100))

    kept = sorted(desk.state.record(), key=lambda add: add.id)

    assert [add.position for add in kept] == list(range(0, 1100, 100))


# --- others are at it too ---------------------------------------------------------------------------------------------


def test_what_someone_adds_before_our_add_is_left_out_and_counted_as_arrived() -> None:
    desk = Desk("ab")
    desk.playlists.before = once("page", lambda: desk.playlists.someone_adds("archive", "xd"))

    result = desk.add("cde")

    assert desk.held == "abxdce"
    assert (letters(result.added), letters(result.arrived)) == ("ce", "d")
    assert counts(result) == (2, 0, 0, 1)


def test_what_someone_adds_between_two_batches_is_left_out_of_the_second() -> None:
    desk = Desk("ab")
    desk.playlists.before = once("page", lambda: desk.playlists.someone_adds("archive", ["120"]), after=1)

    result = desk.add(numbered(150))

    assert counts(result) == (149, 0, 0, 1)
    assert [one.name for one in desk.playlists.held[ARCHIVE]].count("120") == 1


def test_a_batch_that_someone_else_added_whole_is_not_sent() -> None:
    desk = Desk()
    desk.playlists.before = once("page", lambda: desk.playlists.someone_adds("archive", "ab"))

    assert counts(desk.add("ab")) == (0, 0, 0, 2)
    assert desk.playlists.added == []
    assert not desk.state.calls


def test_where_someone_removes_the_target_is_read_whole_again() -> None:
    desk = Desk(numbered(160))
    desk.playlists.before = once("page", lambda: desk.playlists.held[ARCHIVE].pop(3), after=2)

    result = desk.add(["a", "b"])

    assert counts(result) == (2, 0, 0, 0)
    assert desk.playlists.reads == [
        *("head+ archive", "page archive 99", "page archive 148", "page archive 159"),
        *("head+ archive", "page archive 99", "page archive 148"),
        *("append archive ab", "page archive 158"),
    ]


def test_whole_reads_for_one_pair_have_an_end() -> None:
    desk = Desk(numbered(2000))

    def edit() -> None:
        desk.playlists.held[ARCHIVE].pop(3)

    desk.playlists.before = lambda request: edit() if request.startswith("append") else None
    desk.add("a")
    before = len(desk.requests("head+"))
    result = desk.add(numbered(900, start=5000))

    assert isinstance(result.error, TargetUnstable)
    assert len(desk.requests("head+")) - before == REREADS
    assert 0 < len(result.added) < 900
    assert counts(desk.add("b")) == (1, 0, 0, 0), "the next pair may read it again"


def test_a_read_that_does_not_show_our_adds_yet_is_waited_for_by_nobody() -> None:
    desk = Desk("ab")
    desk.hide(numbered(250), until=1000)

    result = desk.add(numbered(250))

    assert counts(result) == (250, 0, 0, 0)
    assert desk.clock.slept == []
    assert [len(what) for _, what in desk.playlists.added] == [100, 100, 50]


def test_a_whole_read_that_is_late_does_not_have_our_adds_sent_again() -> None:
    desk = Desk("ab")
    desk.add("cd")
    desk.hide("cd", until=1000)
    desk.playlists.held[ARCHIVE].pop(0)

    result = desk.add("cde")

    assert letters(result.arrived) == "cd"
    assert desk.held == "bcde"


def test_what_someone_takes_out_again_at_once_looks_late_and_stays_out() -> None:
    desk = Desk("ab")
    desk.playlists.before = once("page", desk.playlists.held[ARCHIVE].pop, after=1)

    assert counts(desk.add("c")) == (1, 0, 0, 0)
    assert counts(desk.add("c")) == (0, 0, 0, 1)
    assert desk.held == "ab"
    assert desk.clock.slept == []


def someone_takes_out(desk: Desk, *places: int) -> Callable[[], None]:
    def edit() -> None:
        desk.playlists.held[ARCHIVE] = [
            one for place, one in enumerate(desk.playlists.held[ARCHIVE]) if place not in places
        ]

    return edit


def test_a_target_that_is_shorter_than_it_should_be_was_edited_and_not_relinked() -> None:
    desk = Desk("ab")
    desk.playlists.before = once("page", someone_takes_out(desk, 0, 2), after=1)

    result = desk.add("cd")

    assert result.error is None
    assert desk.clock.slept == [SETTLE]
    assert desk.held == "bd"
    assert desk.kept(AddState.RELINKED) == ""


def test_where_there_is_no_time_to_look_closer_what_we_added_counts_as_there() -> None:
    desk = Desk("ab")
    desk.new_run(deadline=30)
    desk.playlists.before = once("page", someone_takes_out(desk, 0, 2), after=1)
    desk.add("cd")

    assert desk.clock.slept == []
    assert counts(desk.add("cd")) == (0, 0, 0, 2)
    assert desk.held == "bd"


# --- unclear adds -----------------------------------------------------------------------------------------------------


def test_an_unclear_add_that_landed_is_waited_for_once_confirmed_and_gone_on_from() -> None:
    desk = Desk("ab")
    desk.playlists.loses = lambda _letters: len(desk.playlists.added) == 1

    result = desk.add(numbered(150))

    assert counts(result) == (150, 0, 0, 0)
    assert result.error is None
    assert desk.clock.slept == [SETTLE]
    assert [len(what) for _, what in desk.playlists.added] == [100, 50]
    assert len(desk.requests("head+")) == 2
    assert desk.kept(AddState.SENT) == ""


def test_an_unclear_add_that_never_landed_stops_its_pair_and_is_not_sent_again_in_the_run() -> None:
    desk = Desk("ab")
    desk.playlists.before = once("append", lambda: UnclearAdd("it"))

    result = desk.add(numbered(150))

    assert counts(result) == (0, 0, 0, 0)
    assert isinstance(result.error, UnclearAdd)
    assert desk.clock.slept == [SETTLE]
    assert desk.open().barred == {uri(name) for name in numbered(100)}
    assert desk.open().blocked is None
    assert desk.state.adds(ARCHIVE, since=desk.clock.start) == ()


def test_an_unclear_add_that_landed_in_part_is_counted_for_what_is_there() -> None:
    """Spotify adds all or none; what is counted is what is there all the same."""
    desk = Desk("ab")

    def half() -> SyncError:
        desk.playlists.someone_adds("archive", "cd")
        return UnclearAdd("it")

    desk.playlists.before = once("append", half)
    result = desk.add("cdef")

    assert letters(result.added) == "cd"
    assert isinstance(result.error, UnclearAdd)
    assert desk.kept(AddState.LANDED) == "cd"


def test_without_time_to_wait_an_unclear_add_stays_unconfirmed_and_its_target_blocked() -> None:
    desk = Desk("ab")
    desk.new_run(deadline=SETTLE)
    desk.playlists.loses = lambda _letters: True

    result = desk.add("cd")

    assert counts(result) == (0, 0, 2, 0)
    assert isinstance(result.error, UnclearAdd)
    assert isinstance(desk.open().blocked, UnclearAdd)
    assert desk.kept(AddState.SENT) == "cd"
    assert desk.clock.slept == []


def test_a_third_wait_in_one_run_is_one_too_many() -> None:
    desk = Desk()
    desk.playlists.loses = lambda _letters: True

    result = desk.add(numbered(300))

    assert counts(result) == (200, 0, 100, 0)
    assert sum(desk.clock.slept) <= MAX_WAITED


def test_a_read_that_fails_after_the_wait_leaves_the_add_unconfirmed() -> None:
    desk = Desk("ab")
    desk.playlists.loses = lambda _letters: True
    desk.playlists.before = once("head+", lambda: Outage("down"), after=1)

    result = desk.add("cd")

    assert counts(result) == (0, 0, 2, 0)
    assert isinstance(result.error, Outage)
    assert desk.open().blocked
    assert desk.kept(AddState.SENT) == "cd"


def test_an_add_that_ends_in_a_way_nobody_expects_blocks_its_target() -> None:
    """Whatever our own mistake was, the add may have been carried out."""
    desk = Desk("ab")

    def stumble() -> None:
        raise ZeroDivisionError

    desk.playlists.before = once("append", stumble)
    with pytest.raises(ZeroDivisionError):
        desk.add("cd")

    assert desk.open().blocked
    assert desk.open().barred == {uri("c"), uri("d")}
    assert desk.kept(AddState.SENT) == "cd"


# --- adds that were not carried out -----------------------------------------------------------------------------------


def test_an_add_that_was_not_carried_out_is_left_for_later_and_forgotten() -> None:
    desk = Desk()
    desk.playlists.before = once("append", lambda: Outage("down"), after=1)

    result = desk.add(numbered(250))

    assert counts(result) == (100, 0, 0, 0)
    assert isinstance(result.error, Outage)
    assert desk.kept(AddState.SENT) == ""
    assert not desk.open().barred
    assert desk.open().blocked is None


def test_one_bad_uri_costs_only_itself() -> None:
    desk = Desk()
    desk.playlists.bad = {uri("37")}

    result = desk.add(numbered(120))

    assert [one.name for one in result.rejected] == ["37"]
    assert desk.playlists.held[ARCHIVE] == list(items([name for name in numbered(120) if name != "37"]))
    assert (len(result.added), result.error) == (119, None)


def test_halving_has_a_limit() -> None:
    desk = Desk()
    desk.playlists.bad = {uri(name) for name in numbered(100)}

    result = desk.add(numbered(100))

    assert len(desk.requests("append")) <= 2 * SPLITS + 1
    assert isinstance(result.error, Rejected)
    assert result.added == []
    assert desk.kept(AddState.SENT) == ""


# --- room -------------------------------------------------------------------------------------------------------------


def test_a_target_that_others_filled_meanwhile_gets_no_add_that_cannot_fit() -> None:
    desk = Desk(numbered(MAX_ITEMS - 150))
    desk.playlists.before = once("page", lambda: desk.playlists.someone_adds("archive", "xyz"), after=200)

    result = desk.add(numbered(150, start=20_000))

    assert isinstance(result.error, TargetFull)
    assert result.error.room == 47
    assert len(result.added) == 100
    assert len(desk.playlists.held[ARCHIVE]) == MAX_ITEMS - 47


def test_a_target_that_is_over_the_limit_has_no_room() -> None:
    desk = Desk(numbered(MAX_ITEMS + 20))

    result = desk.add("a")

    assert isinstance(result.error, TargetFull)
    assert result.error.room == 0
    assert desk.requests("append") == []


# --- what earlier runs left -------------------------------------------------------------------------------------------


def test_an_add_of_an_earlier_run_is_waited_out_from_the_start_of_this_one_and_found() -> None:
    desk = Desk("ab")
    desk.sent_before("cd", landed=True)
    desk.clock.elapsed += 20

    result = desk.add("e")

    assert desk.clock.slept == [SETTLE - 20]
    assert desk.found == "cd"
    assert letters(result.added) == "e"
    assert desk.held == "abcde"
    assert desk.kept(AddState.SENT) == ""


def test_what_was_found_is_counted_once() -> None:
    desk = Desk("ab")
    desk.sent_before("cd", landed=True)
    desk.add("")
    desk.add("")
    assert desk.found == ""

    desk.new_run(later=1)
    desk.add("")
    assert desk.found == ""


def test_what_an_earlier_run_sent_and_is_not_there_is_sent_again() -> None:
    desk = Desk("ab")
    desk.sent_before("cd", landed=False)

    result = desk.add("cd")

    assert desk.found == ""
    assert counts(result) == (2, 0, 0, 0)
    assert desk.held == "abcd"


def test_an_add_that_is_carried_out_late_is_not_sent_again() -> None:
    """Fault model N5: for any delay below W."""
    desk = Desk("ab")
    desk.sent_before("cd", landed=False)
    sleep = desk.clock.sleep

    def meanwhile(seconds: float) -> None:
        sleep(seconds)
        desk.playlists.someone_adds("archive", "cd")

    desk.clock.sleep = meanwhile  # type: ignore[method-assign] # time is where it happens
    result = desk.add("cd")

    assert desk.found == "cd"
    assert counts(result) == (0, 0, 0, 2)
    assert desk.held == "abcd"


def test_a_run_older_than_the_window_waits_for_nothing() -> None:
    desk = Desk("ab")
    desk.sent_before("cd", landed=True)
    desk.clock.elapsed += SETTLE

    desk.add("e")

    assert desk.clock.slept == []
    assert desk.found == "cd"


def test_without_time_to_wait_out_an_earlier_add_the_target_is_left_alone() -> None:
    desk = Desk("ab")
    desk.sent_before("cd", landed=True)
    desk.new_run(deadline=SETTLE)

    with pytest.raises(UnclearAdd):
        desk.add("e")
    assert desk.requests("append archive e") == []
    assert desk.kept(AddState.SENT) == "cd"


def test_what_landed_a_moment_ago_counts_though_a_late_read_does_not_show_it() -> None:
    desk = Desk("ab")
    desk.add("cd")
    desk.hide("cde", until=desk.clock.elapsed + SETTLE)
    desk.new_run(later=SETTLE - 1)

    result = desk.add("cde")

    assert (letters(result.added), letters(result.arrived)) == ("e", "cd")
    assert desk.held == "abcde"
    assert desk.clock.slept == []


def test_what_was_long_under_way_counts_from_when_it_landed() -> None:
    """A limit may keep an add for minutes between its note and its answer."""
    desk = Desk("ab")

    def dawdle() -> None:
        desk.clock.elapsed += 200

    desk.playlists.before = once("append", dawdle)
    desk.add("cd")
    desk.playlists.before = lambda _request: None
    desk.hide("cd", until=desk.clock.elapsed + SETTLE)
    desk.new_run(later=1)

    assert counts(desk.add("cd")) == (0, 0, 0, 2)
    assert desk.held == "abcd"


def test_what_landed_long_ago_and_was_taken_out_comes_back() -> None:
    desk = Desk("ab")
    desk.add("cd")
    del desk.playlists.held[ARCHIVE][2]
    desk.new_run(later=SETTLE + 1)

    assert letters(desk.add("c").added) == "c"
    assert desk.held == "abdc"


def test_a_torn_state_is_waited_out_as_if_something_had_been_sent() -> None:
    desk = Desk("ab")
    desk.state.unknown_since = desk.clock.now()

    desk.add("c")
    assert desk.clock.slept == [SETTLE]


def test_a_state_torn_long_ago_is_no_reason_to_wait() -> None:
    desk = Desk("ab")
    desk.state.unknown_since = desk.clock.now() - timedelta(seconds=SETTLE + 1)

    desk.add("c")
    assert desk.clock.slept == []


# --- relinked ---------------------------------------------------------------------------------------------------------


def relinked(names: Sequence[str]) -> Callable[[list[Item]], list[Item]]:
    """Return reads that show *names* under other URIs."""
    changed = {uri(name): item(name + "9") for name in names}
    return lambda held: [changed.get(one.uri, one) if one.uri else one for one in held]


def test_what_reads_back_under_another_uri_stops_the_pair_and_is_never_added_again() -> None:
    desk = Desk("ab")
    desk.playlists.shows = relinked("d")

    result = desk.add("cde")

    assert isinstance(result.error, Relinked)
    assert counts(result) == (3, 0, 0, 0)
    assert desk.clock.slept == [SETTLE]
    assert counts(desk.add("d")) == (0, 0, 0, 1)

    desk.new_run(later=86_400)
    assert counts(desk.add("d")) == (0, 0, 0, 1)
    assert [what for _, what in desk.playlists.added] == ["cde"]


def test_only_what_was_relinked_is_kept_as_such_and_nothing_is_lost_from_the_record() -> None:
    desk = Desk("ab")
    desk.add("f")
    desk.playlists.shows = relinked("d")
    desk.add("cde")

    assert desk.kept(AddState.RELINKED) == "d"
    assert sorted(letters([one.item for add in desk.state.record() for one in add.additions])) == list("cdef")
    someone_takes_out(desk, 3)()  # which is c

    desk.new_run(later=86_400)
    assert letters(desk.add("c").added) == "c"


def test_the_batches_after_one_that_was_relinked_are_not_sent() -> None:
    desk = Desk("ab")
    desk.playlists.shows = relinked(["99"])

    result = desk.add(numbered(250))

    assert isinstance(result.error, Relinked)
    assert len(result.added) == 100


def test_a_later_pair_that_finds_an_earlier_ones_adds_relinked_keeps_that() -> None:
    desk = Desk("ab")
    desk.hide("c", until=1)
    desk.add("c")
    desk.playlists.shows = relinked("c")

    result = desk.add("d")

    assert isinstance(result.error, Relinked)
    assert result.added == []
    desk.new_run(later=86_400)
    assert counts(desk.add("c")) == (0, 0, 0, 1)


# --- the state store fails --------------------------------------------------------------------------------------------


def test_without_a_durable_note_nothing_is_sent() -> None:
    desk = Desk("ab")
    desk.state.before = lambda call: DISK_FULL if call.startswith("sending") else None

    result = desk.add("cd")

    assert result.error is DISK_FULL
    assert counts(result) == (0, 0, 0, 0)
    assert desk.requests("append") == []


def test_a_landed_add_that_cannot_be_kept_as_such_is_unconfirmed_and_found_by_the_next_run() -> None:
    desk = Desk("ab")
    desk.state.before = lambda call: DISK_FULL if call.startswith("settle") else None

    result = desk.add("cd")

    assert result.error is DISK_FULL
    assert counts(result) == (0, 0, 2, 0)

    desk.state.before = lambda _call: None
    desk.new_run(later=1)
    desk.add("cd")
    assert desk.found == "cd"
    assert desk.held == "abcd"


def test_an_add_that_was_refused_is_not_unconfirmed_though_its_note_cannot_be_taken_back() -> None:
    desk = Desk("ab")
    desk.playlists.before = once("append", lambda: Outage("down"))
    desk.state.before = lambda call: DISK_FULL if call.startswith("settle") else None

    result = desk.add("cd")

    assert result.error is DISK_FULL
    assert counts(result) == (0, 0, 0, 0)


# --- a plan -----------------------------------------------------------------------------------------------------------


def pretend(desk: Desk, wanted: Sequence[str]) -> tuple[str, Applied]:
    hand = Pretence(Memory(desk.state, clock=desk.clock, settle=SETTLE))
    target = desk.open()
    found = letters(hand.open(target))
    assert hand.open(target) == ()
    present = target.uris
    new = [one for one in additions(wanted) if one.item.uri not in present]
    return found, hand.apply(pair("fresh", "archive"), target, desk.playlists, new)


@pytest.mark.parametrize("landed", [True, False])
def test_a_plan_knows_what_earlier_runs_left_and_changes_none_of_it(landed: bool) -> None:  # noqa: FBT001 - by name
    desk = Desk("ab")
    desk.add("c")
    desk.sent_before("d", landed=landed)
    desk.hide("c", until=1000)
    before = list(desk.state.calls)

    found, planned = pretend(desk, "bcde")

    assert found == ("d" if landed else "")
    assert letters(planned.added) == ("e" if landed else "de")
    assert (planned.error, desk.state.calls, desk.clock.slept) == (None, before, [])
    assert letters(desk.open().items) == "abdce" if landed else "abcde"
    desk.new_run()
    assert letters(desk.add("bcde").added) == letters(planned.added)
    assert desk.found == found


# --- whatever comes ---------------------------------------------------------------------------------------------------

FATES = ("lands", "lost", "not sent", "drops", "disk", "someone")


@given(
    held=st.integers(0, 60),
    runs=st.lists(
        st.tuples(st.integers(0, 230), st.lists(st.sampled_from(FATES), max_size=6), st.integers(0, 100)), max_size=4
    ),
    bad=st.sets(st.integers(0, 229), max_size=3),
)
def test_whatever_befalls_its_adds_every_uri_lands_once_and_every_item_is_told(
    held: int, runs: list[tuple[int, list[str], int]], bad: set[int]
) -> None:
    """Fates of adds, several runs, someone who adds the same: nothing doubles, and nothing is said that is not so."""
    desk = Desk(numbered(held, start=1000))
    desk.playlists.bad = {uri(str(number)) for number in bad}
    told: list[Uri | None] = []
    for count, fates, pause in [*runs, *[(230, list[str](), 100)] * 3]:
        left = iter(fates)

        def befall(request: str, left: Any = left) -> SyncError | None:
            if not request.startswith("append"):
                return None
            match next(left, "lands"):
                case "lost":
                    desk.playlists.loses = lambda _letters: True
                case "not sent":
                    return Outage("down")
                case "drops":
                    return UnclearAdd("it")
                case "disk":
                    desk.state.before = lambda call: DISK_FULL if call.startswith("settle") else None
                case "someone":
                    desk.playlists.someone_adds("archive", [f"{3000 + len(desk.playlists.reads)}"])
            return None

        desk.playlists.before = befall
        desk.playlists.loses = lambda _letters: False
        desk.state.before = lambda _call: None
        desk.new_run(later=pause)
        target = desk.open()
        found = desk.writer.open(target)
        plan = [one for one in additions(numbered(count)) if one.item.uri not in target.uris]

        result = desk.writer.apply(pair("fresh", "archive"), target, desk.playlists, plan)

        told += [one.uri for one in (*found, *result.added)]
        good = [one.item for one in plan if one.item.uri not in desk.playlists.bad]
        assert result.added == good[: len(result.added)], "what was added is a prefix of the plan, but for bad ones"
        assert sum(counts(result)) <= len(plan)
        assert isinstance(result.error, SyncError) or sum(counts(result)) == len(plan)
        assert all(len(add.additions) <= MAX_BATCH for add in desk.state.record())

    now = [one.uri for one in desk.playlists.held[ARCHIVE]]
    assert len(set(now)) == len(now)
    assert {uri(name) for name in numbered(230)} - desk.playlists.bad <= set(now)
    assert sorted(map(str, told)) == sorted(str(uri(name)) for name in numbered(230) if uri(name) in now)


def test_a_run_that_is_out_of_time_after_the_wait_leaves_the_add_unconfirmed() -> None:
    desk = Desk("ab")
    desk.new_run(deadline=SETTLE + 6)
    desk.playlists.loses = lambda _letters: True
    desk.playlists.before = once("append", lambda: setattr(desk.clock, "elapsed", desk.clock.elapsed + 0.5))
    sleep = desk.clock.sleep
    desk.clock.sleep = lambda seconds: sleep(seconds + 5)  # type: ignore[method-assign] # a machine that was suspended

    result = desk.add("cd")

    assert isinstance(result.error, OutOfTime)
    assert counts(result) == (0, 0, 2, 0)
