"""What a person took out stays out, where the pair says so, whatever happens to the runs in between."""

from collections.abc import Sequence
from dataclasses import replace
from itertools import count

import pytest

from syncer.model import Pair, Removed
from syncer.report import exit_code
from syncer.sandbox import World, track
from tests.promise import checks, scenes
from tests.promise.faults import FAULTS, TELLING
from tests.promise.harness import LONG, Trial, W


def scene(world: World) -> Sequence[Pair]:
    """Return a pair that adds five items to a target of two."""
    source = world.playlist("source", items=[track(number, "s") for number in range(5)])
    target = world.playlist("target", items=[track(0, "old"), track(1, "old")])
    return [replace(scenes.pair("only", source, target), removed=Removed.STAY_OUT)]


class Story:
    """A run, and then a person who takes two of its items out; the source has news."""

    def __init__(self) -> None:
        self.trial = Trial(scene)
        assert self.trial.run() is not None
        self.trial.later(2 * W)
        source, target = self.trial.world.playlists.values()
        self.taken = [target.uris[3], target.uris[5]]
        self.trial.world.remove_at(target, 5)
        self.trial.world.remove_at(target, 3)
        self.trial.world.add(source, [track(number, "news") for number in range(2)])
        self.trial.later(2 * W)
        self.wanted = [*target.uris, *source.uris[5:]]

    def check(self) -> None:
        """End all trouble: two runs later the target has the news, and nothing of what was taken out."""
        self.trial.heal()
        self.trial.later(LONG)
        self.trial.outlast()
        for _ in range(2):
            report = self.trial.run()
            assert report is not None
            assert exit_code(report) == 0
        target = self.trial.pairs[0].target
        assert list(self.trial.held(target)) == self.wanted
        checks.nothing_but_appends_to_targets(self.trial)


def test_what_was_taken_out_is_told_and_left_out() -> None:
    story = Story()
    planned = story.trial.plan()

    assert planned is not None
    assert planned.outcomes[0].plan
    skips = planned.outcomes[0].plan.skips
    assert [skip.item.uri for skip in skips if skip.reason == "taken-out"] == story.taken
    story.check()


@pytest.mark.parametrize("gap", [1, 100])
def test_a_run_may_be_killed_at_any_step(gap: float) -> None:
    for step in count():
        story = Story()
        if story.trial.run(kill_at=step) is not None:
            break
        story.trial.later(gap)
        story.trial.run()
        story.check()
    assert step > 10


@pytest.mark.parametrize("name", TELLING)
def test_no_fault_anywhere_brings_it_back(name: str) -> None:
    for place in count():
        story = Story()
        injected = story.trial.world.inject(replace(FAULTS[name], after=place))
        story.trial.run()
        if not injected.fired:
            break
        story.trial.later(1)
        story.trial.run()
        story.check()
    assert place > 0
