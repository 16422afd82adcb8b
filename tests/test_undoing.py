"""Undo and redo over fakes: what goes, what stays and why, and what later runs make of it."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from syncer.errors import (
    Code,
    ConfigError,
    Interrupted,
    Outage,
    QuotaExceeded,
    StateUnusable,
    SyncError,
    TargetNotWritable,
    UnclearAdd,
)
from syncer.ids import playlist_uri
from syncer.model import AddState, Chosen, Config, Position, Reason, Removed, Report, Reversal, Stays
from syncer.report import exit_code, reversal_code
from syncer.service import Service
from syncer.state.nothing import NoState
from syncer.undoing import LATER
from tests.fakes import (
    FakeAccounts,
    FakeClock,
    FakePlaylists,
    MemoryState,
    config,
    identifier,
    item,
    letters,
    pair,
    uri,
)
from tests.running import service, statuses

LONG = 3600.0


class Desk:
    """Playlists, pairs, and what is kept of them. Time passes between any two commands."""

    def __init__(self, *pairs: str, **held: Sequence[str]) -> None:
        self.playlists = FakePlaylists(**held)
        self.state = MemoryState()
        self.clock = FakeClock()
        self.config = config(*(pair(*one.split(">")) for one in pairs or ("fresh>archive",)))
        self.refused: dict[str, SyncError] = {}
        self.pause = LONG

    def run(self, **options: object) -> Report:
        self.clock.elapsed += self.pause
        return self._service().run(self.configured(options))

    def plan(self, **options: object) -> Report:
        self.clock.elapsed += self.pause
        return self._service().plan(self.configured(options))

    def undo(self, run: str | None = None, name: str | None = None, *, deadline: float | None = None) -> Reversal:
        self.clock.elapsed += self.pause
        return self._service().undo(self.config, Chosen(run=run, pair=name), deadline=deadline)

    def would_undo(self, run: str | None = None) -> Reversal:
        return self._service().would_undo(self.config, Chosen(run=run))

    def redo(self, run: str | None = None, name: str | None = None, *, deadline: float | None = None) -> Reversal:
        self.clock.elapsed += self.pause
        return self._service().redo(self.config, Chosen(run=run, pair=name), deadline=deadline)

    def _service(self) -> Service:
        return service(
            self.playlists, connect=FakeAccounts(self.playlists, **self.refused), state=self.state, clock=self.clock
        )

    def configured(self, options: dict[str, object]) -> Config:
        return replace(self.config, pairs=tuple(replace(one, **options) for one in self.config.pairs))  # type: ignore[arg-type]

    @property
    def archive(self) -> str:
        return self.playlists.now_in("archive")

    def sent(self, what: str) -> list[str]:
        return [request for request in self.playlists.reads if request.startswith(what)]

    def rows(self) -> list[tuple[str, str]]:
        return [(letters([one.item for one in add.additions]), add.state.value) for add in self.state.record()]


def told(reversal: Reversal) -> list[tuple[str, str, list[tuple[str, Stays]]]]:
    """Return of each part what was done, what needed nothing, and what was left."""
    return [
        (letters(part.done), letters(part.already), [(one.item.name, one.reason) for one in part.left])
        for part in reversal.parts
    ]


def code(reversal: Reversal) -> Code | None:
    (part,) = reversal.parts
    return part.error.code if part.error else None


# --- undo -------------------------------------------------------------------------------------------------------------


def test_undo_takes_out_what_the_run_added_and_nothing_else() -> None:
    desk = Desk(fresh="abc", archive="xb")
    ran = desk.run()

    undone = desk.undo(ran.run_id)

    assert told(undone) == [("ac", "", [])]
    assert (undone.of, undone.error, undone.dry_run, reversal_code(undone)) == (ran.run_id, None, False, 0)
    assert desk.archive == "xb"
    assert desk.rows() == [("ac", "undone")]


def test_what_was_undone_is_not_added_again_by_its_pair_whatever_the_pair_says_of_removals() -> None:
    for removed in Removed:
        desk = Desk(fresh="abc", archive="x")
        desk.undo(desk.run().run_id)
        desk.playlists.someone_adds("fresh", "d")

        planned, ran = desk.plan(removed=removed), desk.run(removed=removed)

        assert letters(planned.outcomes[0].added) == letters(ran.outcomes[0].added) == "d"
        assert ran.outcomes[0].skipped == {Reason.TAKEN_OUT: 3}
        again = desk.run(removed=removed)
        assert (statuses(again), again.outcomes[0].skipped) == (
            ["unchanged"],
            {Reason.TAKEN_OUT: 3, Reason.ALREADY_THERE: 1},
        )
        assert desk.archive == "xd"


def test_what_was_undone_for_one_pair_another_may_add() -> None:
    desk = Desk("fresh>archive", "other>archive", fresh="ab", other="b", archive="")
    ran = desk.run()
    desk.undo(ran.run_id)

    assert desk.run().outcomes[1].added[0].name == "b"
    assert desk.archive == "b"


def test_an_undo_is_shown_first_and_then_only_reads() -> None:
    desk = Desk(fresh="abc", archive="x")
    ran = desk.run()
    desk.playlists.someone_adds("archive", "c")
    before = desk.rows()

    shown = desk.would_undo(ran.run_id)

    assert told(shown) == [("ab", "", [("c", Stays.THERE_TWICE)])]
    assert shown.dry_run
    assert (desk.archive, desk.rows(), desk.sent("remove")) == ("xabcc", before, [])


def test_what_stands_there_twice_is_left() -> None:
    desk = Desk(fresh="ab", archive="")
    ran = desk.run()
    desk.playlists.someone_adds("archive", "a")

    assert told(desk.undo(ran.run_id)) == [("b", "", [("a", Stays.THERE_TWICE)])]
    assert desk.archive == "aa"


@pytest.mark.parametrize(("after", "left"), [(LATER, False), (LATER + timedelta(seconds=1), True)])
def test_what_somebody_took_out_and_added_again_is_left(after: timedelta, *, left: bool) -> None:
    desk = Desk(fresh="ab", archive="")
    ran = desk.run()
    (add,) = desk.state.record()
    again = replace(item("a"), added_at=(add.at + after).isoformat())
    desk.playlists.held[identifier("archive")] = [item("b"), again]

    undone = desk.undo(ran.run_id)

    assert told(undone) == [("b", "", [("a", Stays.ADDED_AGAIN)]) if left else ("ab", "", [])]
    assert desk.archive == ("a" if left else "")


@pytest.mark.parametrize("added_at", [None, "", "soon", "2030-01-01T00:00:00"])
def test_an_entry_of_which_nobody_knows_when_it_came_is_ours(added_at: str | None) -> None:
    desk = Desk(fresh="a", archive="")
    ran = desk.run()
    desk.playlists.held[identifier("archive")] = [replace(item("a"), added_at=added_at)]

    assert told(desk.undo(ran.run_id)) == [("a", "", [])]


def test_what_a_later_run_added_again_is_left_to_that_run() -> None:
    desk = Desk(fresh="ab", archive="")
    first = desk.run()
    desk.playlists.held[identifier("archive")].pop(0)
    desk.playlists.someone_adds("fresh", "c")
    second = desk.run()
    assert desk.archive == "bac"

    assert told(desk.undo(first.run_id)) == [("b", "", [("a", Stays.ADDED_AGAIN)])]
    assert told(desk.undo(second.run_id)) == [("ac", "", [])]
    assert desk.archive == ""


def test_what_is_gone_already_does_not_come_back_either() -> None:
    desk = Desk(fresh="ab", archive="")
    ran = desk.run()
    desk.playlists.held[identifier("archive")].pop(0)

    assert told(desk.undo(ran.run_id)) == [("b", "a", [])]
    desk.run()
    assert desk.archive == ""


def test_what_reads_back_as_another_is_left() -> None:
    desk = Desk(fresh="ab", archive="")
    ran = desk.run()
    (add,) = desk.state.record()
    desk.state.settle(add, landed=[uri("a")], state=AddState.LANDED)
    desk.state.settle(replace(add, id=f"{add.id}-relinked"), landed=[uri("b")], state=AddState.RELINKED)

    assert told(desk.undo(ran.run_id)) == [("a", "", [("b", Stays.RELINKED)])]
    assert desk.archive == "b"
    assert desk.run().outcomes[0].skipped == {Reason.ALREADY_THERE: 1, Reason.TAKEN_OUT: 1}


def test_an_undo_of_one_pair_leaves_the_others() -> None:
    desk = Desk("fresh>archive", "fresh>other", fresh="ab", archive="", other="")
    ran = desk.run()

    undone = desk.undo(ran.run_id, "fresh-to-other")

    assert [(part.pair, part.target) for part in undone.parts] == [("fresh-to-other", identifier("other"))]
    assert (desk.archive, desk.playlists.now_in("other")) == ("ab", "")


def test_the_parts_come_in_the_order_in_which_they_were_added_each_with_one_read() -> None:
    desk = Desk("fresh>archive", "other>archive", "fresh>copy", fresh="ab", other="c", archive="", copy="")
    ran = desk.run()
    undone = desk.undo(ran.run_id)
    assert [part.pair for part in undone.parts] == ["fresh-to-archive", "other-to-archive", "fresh-to-copy"]
    assert (desk.archive, desk.playlists.now_in("copy")) == ("", "")


def test_the_last_run_of_a_pair_is_found_without_its_name() -> None:
    desk = Desk("fresh>archive", "other>copy", fresh="a", other="b", archive="", copy="")
    desk.run()
    desk.playlists.someone_adds("fresh", "c")
    last = desk.run()
    desk.playlists.someone_adds("other", "d")
    desk.run()

    undone = desk.undo(name="fresh-to-archive")

    assert (undone.of, told(undone)) == (last.run_id, [("c", "", [])])
    assert told(desk.undo(name="fresh-to-archive")) == [("", "c", [])]  # not the run before: this goes on where it was


def test_all_of_a_large_run_goes_in_batches() -> None:
    desk = Desk(fresh="", archive="x")
    desk.playlists.held[identifier("fresh")] = [replace(item("a"), uri=uri(f"{number:03}")) for number in range(250)]
    ran = desk.run()
    desk.playlists.reads.clear()

    undone = desk.undo(ran.run_id)

    assert len(undone.parts[0].done) == 250
    assert [len(request) - len("remove archive ") for request in desk.sent("remove")] == [100, 100, 50]
    assert desk.archive == "x"


def test_a_pair_that_was_renamed_is_found_by_its_target() -> None:
    desk = Desk(fresh="a", archive="")
    ran = desk.run()
    desk.config = desk.configured({"name": "renamed"})

    undone = desk.undo(ran.run_id)

    assert (undone.parts[0].pair, letters(undone.parts[0].done)) == ("fresh-to-archive", "a")


def test_without_a_pair_in_the_config_nobody_knows_who_may_take_it_out() -> None:
    desk = Desk(fresh="a", archive="")
    ran = desk.run()
    desk.config = config(pair("fresh", "other"))

    undone = desk.undo(ran.run_id)

    assert (code(undone), reversal_code(undone)) == (Code.CONFIG, 2)
    assert undone.parts[0].error
    assert playlist_uri(identifier("archive")) in undone.parts[0].error.message
    assert desk.archive == "a"


# --- what cannot be undone or redone ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("chosen", "said"),
    [
        (("nowhere", None), "it holds nothing that run 'nowhere' added"),
        (("nowhere", "fresh-to-archive"), "it holds nothing that run 'nowhere' added for pair 'fresh-to-archive'"),
        ((None, "who"), "it holds nothing that was added for pair 'who'"),
    ],
)
def test_what_the_record_does_not_know_is_refused(chosen: tuple[str | None, str | None], said: str) -> None:
    desk = Desk(fresh="a", archive="")
    desk.run()
    desk.playlists.reads.clear()

    with pytest.raises(ConfigError) as refused:
        desk.undo(*chosen)

    assert [(problem.path, problem.message) for problem in refused.value.problems] == [("record", said)]
    assert desk.playlists.reads == []


def test_only_what_is_undone_can_be_redone() -> None:
    desk = Desk(fresh="a", archive="")
    ran = desk.run()
    with pytest.raises(ConfigError, match=f"it holds nothing that is undone that run '{ran.run_id}' added"):
        desk.redo(ran.run_id)


def test_without_a_state_there_is_nothing_to_go_by() -> None:
    bare = service(FakePlaylists(fresh="a", archive=""), state=NoState())
    pairs = config(pair("fresh", "archive"))
    for refused in (bare.undo, bare.redo, bare.would_undo):
        with pytest.raises(ConfigError, match="nothing is kept between runs"):
            refused(pairs, Chosen(run="any"))


# --- trouble ----------------------------------------------------------------------------------------------------------


def test_an_unclear_answer_is_cleared_up_by_a_read_w_later() -> None:
    desk = Desk(fresh="ab", archive="")
    ran = desk.run()
    desk.playlists.loses = lambda _what: True

    undone = desk.undo(ran.run_id)

    assert (told(undone), reversal_code(undone), desk.clock.slept) == ([("ab", "", [])], 0, [45.0])


def test_what_an_unclear_answer_left_there_is_told_and_the_next_undo_goes_on() -> None:
    desk = Desk(fresh="ab", archive="x")
    ran = desk.run()
    fail = lambda request: UnclearAdd("archive") if request.startswith("remove") else None  # noqa: E731
    desk.playlists.before = fail

    undone = desk.undo(ran.run_id)

    (part,) = undone.parts
    assert (code(undone), part.done, part.unconfirmed, part.deferred) == (Code.UNCLEAR_ADD, (), 0, 2)
    assert reversal_code(undone) == 4
    assert desk.rows() == [("ab", "undone")]
    desk.playlists.before = lambda _request: None
    assert desk.run().outcomes[0].skipped == {Reason.ALREADY_THERE: 2}
    assert told(desk.undo(ran.run_id)) == [("ab", "", [])]
    assert desk.archive == "x"


def test_without_time_to_clear_it_up_it_stays_unconfirmed() -> None:
    desk = Desk(fresh="ab", archive="")
    ran = desk.run()
    desk.playlists.loses = lambda _what: True

    undone = desk.undo(ran.run_id, deadline=desk.clock.elapsed + LONG + 40)

    (part,) = undone.parts
    assert (part.unconfirmed, part.deferred, code(undone)) == (2, 0, Code.UNCLEAR_ADD)


def test_trouble_with_one_target_is_not_the_next_ones() -> None:
    desk = Desk("fresh>archive", "fresh>copy", fresh="ab", archive="", copy="")
    ran = desk.run()
    desk.playlists.before = lambda request: TargetNotWritable("it") if request.startswith("remove archive") else None

    undone = desk.undo(ran.run_id)

    assert [part.error.code if part.error else None for part in undone.parts] == [Code.TARGET_NOT_WRITABLE, None]
    assert [part.deferred for part in undone.parts] == [2, 0]
    assert (reversal_code(undone), desk.archive, desk.playlists.now_in("copy")) == (4, "ab", "")


@pytest.mark.parametrize(("error", "wanted"), [(QuotaExceeded(60), 5), (Interrupted(2), 130)])
def test_what_ends_a_run_ends_an_undo(error: SyncError, wanted: int) -> None:
    desk = Desk("fresh>archive", "fresh>copy", fresh="ab", archive="", copy="")
    ran = desk.run()
    desk.playlists.before = lambda request: error if request.startswith("remove") else None

    undone = desk.undo(ran.run_id)

    assert [part.error.code if part.error else None for part in undone.parts] == [error.code, error.code]
    assert undone.error
    assert (reversal_code(undone), desk.sent("head+ copy")[1:]) == (wanted, [])


def test_a_mistake_of_ours_is_told_as_one() -> None:
    desk = Desk(fresh="ab", archive="")
    ran = desk.run()

    def stumble(request: str) -> None:
        assert not request.startswith("remove")

    desk.playlists.before = stumble
    undone = desk.undo(ran.run_id)

    assert (code(undone), undone.parts[0].unconfirmed, reversal_code(undone)) == (Code.BUG, 2, 1)


def test_an_undo_waits_for_no_other_run() -> None:
    desk = Desk(fresh="a", archive="")
    ran = desk.run()
    with desk.state.lock("other", now=desk.clock.now(), until=desk.clock.now()):
        undone = desk.undo(ran.run_id)
    assert (undone.parts, reversal_code(undone)) == ((), 6)
    assert desk.archive == "a"


def test_nothing_is_taken_out_that_was_not_kept_as_undone_before() -> None:
    desk = Desk(fresh="a", archive="")
    ran = desk.run()
    full = StateUnusable("the disk is full", hint="make room")
    desk.state.before = lambda call: full if call.startswith("settle") else None

    undone = desk.undo(ran.run_id)

    assert (desk.archive, desk.sent("remove")) == ("a", [])
    assert undone.error
    assert undone.error.code is Code.CONFIG


def test_a_record_that_cannot_be_read_while_it_goes_on_is_told() -> None:
    desk = Desk(fresh="a", archive="")
    ran = desk.run()
    desk.state.before = lambda call: StateUnusable("gone", hint="look") if call == "lock" else None
    assert reversal_code(desk.undo(ran.run_id)) == 2


def test_an_undo_right_after_a_run_waits_until_reads_show_what_it_added() -> None:
    desk = Desk(fresh="ab", archive="x")
    ran = desk.run()
    desk.pause = 1
    landed = desk.clock.elapsed
    desk.playlists.shows = lambda held: held if desk.clock.elapsed >= landed + 44 else held[:1]

    assert told(desk.undo(ran.run_id)) == [("ab", "", [])]
    assert desk.archive == "x"


def test_a_run_that_was_killed_in_the_middle_is_cleared_up_before_it_is_undone() -> None:
    desk = Desk(fresh="ab", archive="x")
    ran = desk.run()
    (add,) = desk.state.record()
    desk.state.settle(add, landed=[uri("a")], state=AddState.LANDED)
    desk.state.settle(replace(add, id=f"{add.id}-next"), landed=[uri("b")], state=AddState.SENT)

    assert told(desk.undo(ran.run_id)) == [("ab", "", [])]
    assert desk.archive == "x"


# --- redo -------------------------------------------------------------------------------------------------------------


def test_redo_adds_again_what_was_undone_and_can_be_undone_itself() -> None:
    desk = Desk(fresh="abc", archive="x")
    ran = desk.run()
    desk.undo(ran.run_id)

    redone = desk.redo(ran.run_id)

    assert (told(redone), redone.of, reversal_code(redone)) == ([("abc", "", [])], ran.run_id, 0)
    assert desk.archive == "xabc"
    assert desk.rows() == [("abc", "landed")]
    assert statuses(desk.run()) == ["unchanged"]
    assert told(desk.undo(redone.run_id)) == [("abc", "", [])]
    assert desk.archive == "x"


def test_a_redo_right_after_an_undo_waits_until_reads_show_that_it_went() -> None:
    desk = Desk(fresh="ab", archive="x")
    ran = desk.run()
    desk.undo(ran.run_id)
    desk.pause = 0
    gone, before = desk.clock.elapsed, list(map(item, "xab"))
    desk.playlists.shows = lambda held: held if desk.clock.elapsed > gone + 44 else before

    assert told(desk.redo(ran.run_id)) == [("ab", "", [])]
    assert desk.archive == "xab"


def test_without_time_to_wait_a_redo_does_nothing() -> None:
    desk = Desk(fresh="ab", archive="x")
    ran = desk.run()
    desk.undo(ran.run_id)
    desk.playlists.someone_adds("archive", "a")

    redone = desk.redo(ran.run_id, deadline=desk.clock.elapsed + LONG + 40)

    assert (code(redone), desk.archive, desk.rows()) == (Code.UNCLEAR_ADD, "xa", [("ab", "undone")])


def test_what_was_left_there_is_the_runs_again_after_a_redo() -> None:
    desk = Desk(fresh="ab", archive="")
    ran = desk.run()
    desk.playlists.someone_adds("archive", "a")
    desk.undo(ran.run_id)

    redone = desk.redo(ran.run_id)

    assert told(redone) == [("b", "a", [])]
    assert (desk.archive, sorted(desk.rows())) == ("aab", [("a", "landed"), ("b", "landed")])


def test_what_a_redo_cannot_add_stays_undone() -> None:
    desk = Desk(fresh="abc", archive="")
    ran = desk.run()
    desk.undo(ran.run_id)
    desk.playlists.bad = {uri("b")}
    desk.playlists.someone_adds("archive", "c")

    redone = desk.redo(ran.run_id)

    assert told(redone) == [("a", "c", [("b", Stays.REJECTED)])]
    assert redone.parts[0].deferred == 0
    assert sorted(desk.rows()) == [("a", "landed"), ("b", "undone"), ("c", "landed")]
    desk.playlists.bad = set()
    assert told(desk.redo(ran.run_id)) == [("b", "", [])]
    assert sorted(desk.rows()) == [("a", "landed"), ("b", "landed"), ("c", "landed")]


def test_what_somebody_was_faster_to_add_again_is_not_added_twice() -> None:
    desk = Desk(fresh="ab", archive="x")
    ran = desk.run()
    desk.undo(ran.run_id)
    desk.playlists.reads.clear()

    def meanwhile(request: str) -> None:
        if request == "page archive 0" and desk.playlists.reads.count(request) == 1:
            desk.playlists.someone_adds("archive", "b")

    desk.playlists.before = meanwhile
    redone = desk.redo(ran.run_id)

    assert (told(redone), redone.parts[0].deferred) == ([("a", "b", [])], 0)
    assert desk.archive == "xba"


def test_an_unclear_add_of_a_redo_is_found_by_the_next_and_nothing_stands_in_the_record_twice() -> None:
    desk = Desk(fresh="ab", archive="x")
    ran = desk.run()
    desk.undo(ran.run_id)
    desk.playlists.loses = lambda _what: True

    unclear = desk.redo(ran.run_id, deadline=desk.clock.elapsed + LONG + 40)

    assert (code(unclear), unclear.parts[0].unconfirmed, unclear.parts[0].deferred) == (Code.UNCLEAR_ADD, 2, 0)
    desk.playlists.loses = lambda _what: False
    assert told(desk.redo(ran.run_id)) == [("", "ab", [])]
    assert (desk.archive, desk.rows()) == ("xab", [("ab", "landed")])


def test_an_outage_leaves_a_redo_for_later() -> None:
    desk = Desk(fresh="ab", archive="x")
    ran = desk.run()
    desk.undo(ran.run_id)
    desk.playlists.before = lambda request: Outage("down") if request.startswith("append") else None

    redone = desk.redo(ran.run_id)

    assert (code(redone), redone.parts[0].deferred, reversal_code(redone)) == (Code.TEMPORARY, 2, 5)
    desk.playlists.before = lambda _request: None
    assert told(desk.redo(ran.run_id)) == [("ab", "", [])]


# --- position: start --------------------------------------------------------------------------------------------------


def at_start(**held: Sequence[str]) -> Desk:
    desk = Desk(**held)
    desk.config = desk.configured({"position": Position.START})
    return desk


def test_what_was_added_at_the_start_goes_and_comes_back_there_in_the_order_of_the_plan() -> None:
    fresh = [str(number) for number in range(100, 350)]
    desk = at_start(fresh=fresh, archive="xy")
    ran = desk.run()
    undone = desk.undo(ran.run_id)
    assert (len(undone.parts[0].done), desk.archive) == (250, "xy")
    desk.playlists.someone_adds("archive", "z")

    redone = desk.redo(ran.run_id)

    assert [one.name for one in redone.parts[0].done] == fresh
    assert desk.archive == "".join([*fresh, *"xyz"])
    assert [row[1] for row in desk.rows()] == ["landed"] * 3
    assert statuses(desk.run()) == ["unchanged"]
    assert len(desk.undo(redone.run_id).parts[0].done) == 250
    assert desk.archive == "xyz"


def test_a_redo_at_the_start_that_is_cut_short_is_gone_on_with_on_top() -> None:
    fresh = [str(number) for number in range(100, 350)]
    desk = at_start(fresh=fresh, archive="x")
    ran = desk.run()
    desk.undo(ran.run_id)
    left = [1]

    def fails(request: str) -> Outage | None:
        if request.startswith("append"):
            left[0] -= 1
        return Outage("down") if left[0] < 0 else None

    desk.playlists.before = fails
    assert desk.redo(ran.run_id).parts[0].deferred == 150
    assert desk.archive == "".join([*fresh[150:], "x"])
    desk.playlists.before = lambda _request: None

    desk.redo(ran.run_id)

    assert desk.archive == "".join([*fresh, "x"])


# --- removed: stay-out ------------------------------------------------------------------------------------------------


def test_what_somebody_took_out_stays_out_where_the_pair_says_so_and_comes_back_where_not() -> None:
    for removed, left in ((Removed.STAY_OUT, "xb"), (Removed.COME_BACK, "xba")):
        desk = Desk(fresh="ab", archive="x")
        desk.run()
        desk.playlists.held[identifier("archive")].pop(1)

        ran = desk.run(removed=removed)

        assert desk.archive == left
        assert ran.outcomes[0].skipped.get(Reason.TAKEN_OUT, 0) == (removed is Removed.STAY_OUT)
        assert statuses(desk.run(removed=removed)) == ["unchanged"]


def test_a_pair_that_no_longer_keeps_things_out_lets_them_come_back_at_once() -> None:
    desk = Desk(fresh="ab", archive="x")
    desk.run(removed=Removed.STAY_OUT)
    desk.playlists.held[identifier("archive")].pop(1)
    desk.run(removed=Removed.STAY_OUT)
    assert desk.archive == "xb"

    desk.run()

    assert desk.archive == "xba"


def test_what_this_pair_never_added_is_not_kept_out() -> None:
    desk = Desk("fresh>archive", "other>archive", fresh="ab", other="b", archive="")
    desk.run(removed=Removed.STAY_OUT)
    desk.playlists.held[identifier("archive")].clear()

    desk.run(removed=Removed.STAY_OUT)

    assert desk.archive == "b"  # it was there when `other` came, which therefore never added it


def test_a_plan_shows_item_by_item_what_stays_out() -> None:
    desk = Desk(fresh="ab", archive="x")
    desk.run()
    desk.playlists.held[identifier("archive")].pop(1)

    (outcome,) = desk.plan(removed=Removed.STAY_OUT).outcomes

    assert outcome.plan
    assert [(skip.item.name, skip.reason) for skip in outcome.plan.skips] == [
        ("a", Reason.TAKEN_OUT),
        ("b", Reason.ALREADY_THERE),
    ]


def test_without_a_state_nothing_can_stay_out() -> None:
    bare = service(FakePlaylists(fresh="a", archive=""), state=NoState())
    pairs = config(pair("fresh", "archive", removed=Removed.STAY_OUT))
    for refused in (bare.run, bare.plan):
        with pytest.raises(ConfigError, match="stay-out"):
            refused(pairs)
    assert exit_code(bare.run(config(pair("fresh", "archive", removed=Removed.STAY_OUT, enabled=False)))) == 0


# --- whatever happens -------------------------------------------------------------------------------------------------

some = st.lists(st.sampled_from("abcdefgh"), max_size=8)


@given(fresh=some, old=some, removed=some, added=some, position=st.sampled_from(Position))
def test_undo_then_redo_leaves_what_was_there(
    fresh: list[str], old: list[str], removed: list[str], added: list[str], position: Position
) -> None:
    """And an undo takes out nothing that a person put there."""
    desk = Desk(fresh=fresh, archive=old)
    desk.config = desk.configured({"position": position})
    ran = desk.run()
    if not ran.outcomes[0].added:
        return
    held = desk.playlists.held[identifier("archive")]
    held[:] = [one for one in held if one.name not in removed]
    late = (desk.clock.now() + timedelta(days=1)).isoformat()
    by_hand = [replace(item(letter), added_at=late) for letter in added]
    held += by_hand
    kept = [one for one in held if one in by_hand or one.name in old]
    before = {one.name for one in held}

    desk.undo(ran.run_id)

    assert [one for one in held if one in kept] == kept
    undone = {one.name for one in held}
    desk.run()
    assert {one.name for one in held} == undone | (set(fresh) & set(old))
    desk.redo(ran.run_id)
    assert {one.name for one in held} == before | set(letters(ran.outcomes[0].added)) | (set(fresh) & set(old))
