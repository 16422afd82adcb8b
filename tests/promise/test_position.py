"""Targets that grow at their start: what is promised is the mirror image, whatever goes wrong and wherever."""

from collections.abc import Sequence
from dataclasses import replace
from itertools import count

import pytest

from syncer.model import Pair
from syncer.sandbox import World, track
from tests.promise import checks, scenes
from tests.promise.faults import ADD, FAULTS, TELLING
from tests.promise.harness import Scene, Trial, W


def reference(world: World) -> Sequence[Pair]:
    return scenes.at_start(scenes.reference)(world)


def small(world: World) -> Sequence[Pair]:
    return scenes.at_start(scenes.small)(world)


def shared(world: World) -> Sequence[Pair]:
    return scenes.at_start(scenes.shared)(world)


def long(world: World) -> Sequence[Pair]:
    """Return a pair that takes three batches to a target of two pages."""
    source = world.playlist("source", items=[track(number, "s") for number in range(230)])
    target = world.playlist("target", items=[track(number, "old") for number in range(60)])
    return scenes.at_start(lambda _world: [scenes.pair("only", source, target)])(world)


def requests_of(scene: Scene) -> int:
    trial = Trial(scene)
    trial.run()
    return len(trial.processes[0].sent)


def recover(trial: Trial, *, gap: float, undisturbed: bool = True) -> None:
    trial.later(gap)
    trial.run()
    trial.heal()
    trial.run()
    checks.check(trial, undisturbed=undisturbed)


def test_what_is_new_stands_on_top_in_the_order_of_the_source_and_only_a_look_more_is_asked_for() -> None:
    trial = Trial(reference)
    trial.run()

    assert [len(sent.call.uris) for sent in trial.processes[0].adds] == [3, 100, 2, 8]
    assert len(trial.processes[0].sent) - requests_of(scenes.reference) == 4, "one a batch, where both ends take two"
    week, liked, _ = trial.pairs
    assert trial.held(week.target)[:3] == tuple(track(number, "week").uri for number in range(3))
    assert trial.held(liked.target)[:102] == trial.holds(liked.reads[0])[2:]
    checks.check(trial)


@pytest.mark.parametrize("times", [1, None], ids=["once", "from then on"])
@pytest.mark.parametrize("name", FAULTS)
def test_no_fault_anywhere_doubles_or_loses_anything(name: str, times: int | None) -> None:
    for place in range(requests_of(small)):
        trial = Trial(small)
        trial.world.inject(replace(FAULTS[name], after=place, times=times))
        trial.run()
        recover(trial, gap=1, undisturbed=FAULTS[name].kind != "relink")


@pytest.mark.parametrize("name", TELLING)
def test_no_fault_between_batches_and_both_ends_of_a_long_target_does_either(name: str) -> None:
    for place in range(requests_of(long)):
        trial = Trial(long)
        trial.world.inject(replace(FAULTS[name], after=place))
        trial.run()
        recover(trial, gap=1)


@pytest.mark.parametrize("gap", [1, 100])
def test_a_process_may_be_killed_at_any_step(gap: float) -> None:
    """R2, R3: the next run goes on above what this one put there, and all of it stands in the order of the plan."""
    for step in count():
        trial = Trial(reference)
        if trial.run(kill_at=step) is not None:
            break
        recover(trial, gap=gap)
    assert step > 40


@pytest.mark.parametrize("scene", [shared, long])
@pytest.mark.parametrize("gap", [1, 43])
def test_a_process_may_be_killed_at_any_step_though_reads_are_late(gap: float, scene: Scene) -> None:
    """A2: what was added is not shown for almost W, and only our notes know of it."""
    for step in count():
        trial = Trial(scene)
        trial.world.inject(replace(FAULTS["A2 late reads"], times=None))
        if trial.run(kill_at=step) is not None:
            break
        recover(trial, gap=gap)
    assert step > 20


@pytest.mark.parametrize("latency", [0, 4])
def test_a_late_add_is_never_doubled_for_any_delay_below_w(latency: float) -> None:
    """N5."""
    for delay in range(1, int(W)):
        trial = Trial(small)
        trial.latency = latency
        trial.world.inject(replace(FAULTS["N5 carried out 1 s later"], seconds=delay, **ADD))
        trial.run(deadline=52 + 7 * latency)
        recover(trial, gap=1)


@pytest.mark.parametrize("place", [None, 0, 30])
def test_someone_may_add_and_take_out_at_any_step(place: int | None) -> None:
    """P7: at the end, on top, and in the middle, while the length stays the same."""
    for step in count():
        trial = Trial(long)
        target = trial.world.playlists[trial.pairs[0].target]
        met = [False]

        def edit(trial: Trial = trial, met: list[bool] = met) -> None:
            met[0] = True
            held = trial.world.playlists[trial.pairs[0].target]
            trial.world.remove_at(held, len(held.entries) - 20)
            trial.world.add(held, [track(0, "of theirs")], place)

        trial.run(at={step: edit})
        if not met[0]:
            break
        assert track(0, "of theirs").uri in target.uris
        recover(trial, gap=1, undisturbed=False)
    assert step > 10
