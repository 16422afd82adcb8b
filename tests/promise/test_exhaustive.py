"""Every fault at every place, every kill, every two faults, every deadline, every failure of the disk."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import count

import pytest

from syncer.model import Outcome
from syncer.report import exit_code
from syncer.sandbox import Fault
from tests.promise import checks, scenes
from tests.promise.faults import ADD, FAULTS, TELLING, UNREADABLE, among_others
from tests.promise.harness import Scene, Trial


def measured(scene: Scene) -> Trial:
    """Return the trial of a run without trouble, to count its requests and steps."""
    trial = Trial(scene)
    trial.run()
    return trial


def requests_of(scene: Scene) -> int:
    return len(measured(scene).processes[0].sent)


def steps_of(scene: Scene) -> int:
    return measured(scene).steps


def recover(trial: Trial, *, gap: float, undisturbed: bool = True) -> None:
    """Run again *gap* seconds after trouble that lasts, run again without it, and check what is left."""
    trial.later(gap)
    trial.run()
    trial.heal()
    trial.run()
    checks.check(trial, undisturbed=undisturbed)


def test_the_reference_scenario_has_everything() -> None:
    """Some twenty requests: two batches, several pages, Liked Songs, a chain; and a clean run that is all well."""
    trial = measured(scenes.reference)
    report = trial.processes[0].report

    assert report is not None
    assert exit_code(report) == 0
    assert 20 <= len(trial.processes[0].sent) <= 30
    assert [len(sent.call.uris) for sent in trial.processes[0].adds] == [3, 100, 2, 8]
    checks.check(trial)


# --- one fault --------------------------------------------------------------------------------------------------------


CASES = [(name, 1) for name in FAULTS] + [(name, None) for name in FAULTS if name not in UNREADABLE[1:]]


@pytest.mark.parametrize(("name", "times"), CASES)
def test_no_fault_anywhere_doubles_or_loses_anything(name: str, times: int | None) -> None:
    """In the case of relinking for one target: a run has time to find it out for two, and there it would meet three."""
    relinked = FAULTS[name].kind == "relink"
    scene = scenes.small if relinked else scenes.reference
    for place in range(requests_of(scene)):
        trial = Trial(scene)
        trial.world.inject(replace(FAULTS[name], after=place, times=times))
        trial.run()
        recover(trial, gap=1, undisturbed=not relinked)


@pytest.mark.parametrize("name", FAULTS)
def test_a_plan_made_in_trouble_only_reads_and_a_plan_made_in_peace_is_what_a_run_adds(name: str) -> None:
    """I10."""
    for place in range(requests_of(scenes.small)):
        trial = Trial(scenes.small)
        trial.world.inject(replace(FAULTS[name], after=place, times=None))
        assert trial.plan() is not None
        trial.heal()
        trial.outlast()
        planned, ran = trial.plan(), trial.run()
        assert planned is not None
        assert ran is not None
        checks.a_run_adds_what_was_planned(planned, ran)
        checks.check(trial)


@pytest.mark.parametrize("applied", [True, False], ids=["carried out", "not carried out"])
def test_an_answer_to_an_add_may_end_at_any_byte(*, applied: bool) -> None:
    """N6."""
    for byte in range(240):
        trial = Trial(scenes.small)
        trial.world.inject(Fault(kind="close", at_byte=byte, applied=applied, **ADD))
        trial.run()
        recover(trial, gap=1)


@pytest.mark.parametrize("latency", [0, 4])
def test_a_late_add_is_never_doubled_for_any_delay_below_w(latency: float) -> None:
    """N5: the next run comes 1 s after a run that had no time to wait for it."""
    for delay in range(1, 45):
        trial = Trial(scenes.small)
        trial.latency = latency
        trial.world.inject(Fault(kind="late", seconds=delay, **ADD))
        trial.run(deadline=52 + 7 * latency)
        recover(trial, gap=1)


@pytest.mark.parametrize("name", FAULTS)
def test_trouble_with_one_pair_is_not_the_others_trouble(name: str) -> None:
    """I7: the others end as they would have, unless the report says what ended the whole run."""
    quiet = measured(scenes.apart).processes[0].report
    assert quiet is not None
    for playlist in ("second source", "second target"):
        trial = Trial(scenes.apart)
        key = next(each.id for each in trial.world.playlists.values() if each.name == playlist)
        for path in (f"/v1/playlists/{key}", f"/v1/playlists/{key}/items"):
            trial.world.inject(replace(FAULTS[name], path=path, times=None))
        report = trial.run()
        assert report is not None
        if report.error is None and "N12 no" not in name:
            assert [_told(report.outcomes[place]) for place in (0, 2)] == [
                _told(quiet.outcomes[place]) for place in (0, 2)
            ]
        recover(trial, gap=1)


def _told(outcome: Outcome) -> tuple[str, Sequence[object]]:
    return outcome.status.value, outcome.added


# --- two faults -------------------------------------------------------------------------------------------------------

PLACES = 10
"""A run of the small scene has eight requests, and some more once one of them is repeated."""


@pytest.mark.parametrize("first", TELLING)
@pytest.mark.parametrize("second", TELLING)
def test_no_two_faults_double_or_lose_anything(first: str, second: str) -> None:
    for early, late in _two_places():
        trial = Trial(scenes.small)
        trial.world.inject(replace(among_others(FAULTS[first]), after=early))
        trial.world.inject(replace(among_others(FAULTS[second]), after=late))
        trial.run()
        trial.later(1)
        trial.run()
        trial.heal()
        checks.check(trial)


def _two_places() -> Iterator[tuple[int, int]]:
    return ((early, late) for late in range(PLACES) for early in range(late))


# --- ends of all kinds ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("gap", [1, 20, 100])
def test_a_process_may_be_killed_at_any_step(gap: float) -> None:
    """R2, R3: either side of every request and of every write to the state; another run comes soon."""
    for step in range(steps_of(scenes.reference)):
        trial = Trial(scenes.reference)
        assert trial.run(kill_at=step) is None
        recover(trial, gap=gap)


@pytest.mark.parametrize("gap", [1, 20, 43, 44])
def test_a_process_may_be_killed_at_any_step_though_reads_are_late(gap: float) -> None:
    """A2: what was added is not shown for almost W, and only our notes know of it."""
    for step in count():
        trial = Trial(scenes.shared)
        trial.world.inject(replace(FAULTS["A2 late reads"], times=None))
        if trial.run(kill_at=step) is not None:
            break
        recover(trial, gap=gap)
    assert step > 20


@pytest.mark.parametrize("part", range(4))
def test_two_processes_in_a_row_may_be_killed_at_any_step(part: int) -> None:
    steps = steps_of(scenes.small)
    for first in range(part, steps, 4):
        for second in range(steps):
            trial = Trial(scenes.small)
            trial.run(kill_at=first)
            trial.later(1)
            trial.run(kill_at=second)
            recover(trial, gap=1)


def test_a_process_may_be_asked_to_stop_at_any_step() -> None:
    """R5: no request after it, and the report says what was added."""
    for step in range(steps_of(scenes.reference)):
        trial = Trial(scenes.reference)
        report = trial.run(at={step: trial.stop})
        assert report is not None
        assert exit_code(report) in (0, 130)
        recover(trial, gap=1)
        checks.everything_that_landed_is_told(trial)


def test_a_second_process_is_turned_away_at_any_step() -> None:
    """R4."""
    for step in range(1, steps_of(scenes.reference)):
        trial = Trial(scenes.reference)
        trial.run(at={step: lambda trial=trial: _turned_away(trial)})  # type: ignore[misc] # bound now
        checks.check(trial)


def _turned_away(trial: Trial) -> None:
    if trial.state.is_locked:
        assert exit_code(trial.intrude()) == 6


@pytest.mark.parametrize("latency", [0.2, 4, 14])
@pytest.mark.parametrize("name", [None, "N4 closed before it was carried out", "N5 carried out 44 s later"])
def test_the_report_is_out_before_any_deadline(latency: float, name: str | None) -> None:
    """R1, I15: checked for every whole second from 3 s to more than the run would need."""
    whole = int(latency * requests_of(scenes.shared)) + 120
    for deadline in range(3, min(whole, 260)):
        trial = Trial(scenes.shared)
        trial.latency = latency
        if name:
            trial.world.inject(replace(FAULTS[name], **ADD))
        assert trial.run(deadline=deadline) is not None
        recover(trial, gap=1)


# --- the disk ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("lasting", [True, False], ids=["from then on", "once"])
@pytest.mark.parametrize("scene", [scenes.reference, scenes.shared])
def test_the_disk_may_fail_at_any_call(scene: Scene, *, lasting: bool) -> None:
    """R6: nothing is sent without a durable note, and what landed is told or said to be unclear."""
    place, met = 0, True
    while met:
        trial = Trial(scene)
        left, met = place, False

        def fails() -> bool:
            nonlocal left, met
            left -= 1
            met |= left < 0
            return left < 0 if lasting else left == -1

        trial.state.fails = fails
        trial.run()
        recover(trial, gap=1)
        place += 1
    assert place > 20


@pytest.mark.parametrize("gap", [1, 20, 100])
def test_the_state_may_be_found_torn_after_a_kill_at_any_step(gap: float) -> None:
    """R6: a note that is gone is unknown until now + W."""
    for step in range(steps_of(scenes.shared)):
        trial = Trial(scenes.shared)
        trial.world.inject(replace(FAULTS["A2 late reads"], times=None))
        trial.run(kill_at=step)
        trial.tear()
        recover(trial, gap=gap)
