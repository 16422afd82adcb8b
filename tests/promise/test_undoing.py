"""Undo and redo, killed and led astray at every step: what a person put there stays, and what is undone stays out."""

from collections import Counter
from dataclasses import replace
from itertools import count

import pytest

from syncer.model import Action, Pair, Position, Reversal
from syncer.report import reversal_code
from syncer.sandbox import World, track
from tests.promise import checks, scenes
from tests.promise.faults import FAULTS
from tests.promise.harness import LONG, Trial, W
from tests.promise.sources import Uris

HAND = [track(number, "hand") for number in range(2)]
UNDOING = [name for name in FAULTS if not name.startswith(("P11", "N8", "T3"))]
"""What is only another unreadable answer, or only concerns adds, says nothing new here."""


def scene(world: World) -> list[Pair]:
    """Return two pairs: one run of theirs takes two batches, and three requests to undo."""
    long = world.playlist("long", items=[track(number, "long") for number in range(103)])
    first = world.playlist("first", items=[track(0, "old"), track(1, "long")])
    short = world.playlist("short", items=[track(number, "short") for number in range(3)])
    second = world.playlist("second", items=[track(0, "short"), track(1, "old")])
    return [scenes.pair("long", long, first), scenes.pair("short", short, second)]


class Story:
    """A run, and then people who add something by hand: one of their tracks is one of ours, for the second time."""

    def __init__(self, position: Position = Position.END) -> None:
        self.starts = position is Position.START
        self.trial = Trial(scenes.at_start(scene) if self.starts else scene)
        report = self.trial.run()
        assert report is not None
        self.run_id = report.run_id
        self.trial.later(2 * W)
        self.theirs = track(2, "short")
        self.added = {target: self._added(target, len(old)) for target, old in self.trial.old.items()}
        for pair in self.trial.pairs:
            self.trial.world.add(self.trial.world.playlists[pair.target], [*HAND, self.theirs])
        self.trial.later(2 * W)  # what somebody adds in the seconds of an undo it cannot see
        self.at_first = {target: self.trial.held(target) for target in self.trial.old}

    def _added(self, target: str, old: int) -> Uris:
        return checks.old_and_new(self.trial, target, self.trial.held(target), old)[1]

    def undo(self, kill_at: int | None = None) -> Reversal | None:
        return self.trial.reverse(Action.UNDO, self.run_id, kill_at=kill_at)

    def redo(self, kill_at: int | None = None) -> Reversal | None:
        return self.trial.reverse(Action.REDO, self.run_id, kill_at=kill_at)

    def check_undone(self) -> None:
        """In each target is all that was there but what the run added; runs add none of it, and only what is left."""
        for _ in range(2):
            for target, old in self.trial.old.items():
                twice = [self.theirs.uri] * (self.theirs.uri in self.added[target])
                hand = [*(one.uri for one in HAND), self.theirs.uri]
                kept = [*twice, *old] if self.starts else [*old, *twice]
                assert list(self.trial.held(target)) == [*kept, *hand]
            self.trial.later(LONG)
            assert self.trial.run() is not None

    def check_redone(self) -> None:
        """In each target is again what was there at first, each as often, and the record has it once."""
        for target, held in self.at_first.items():
            assert Counter(self.trial.held(target)) == Counter(held)
            recorded = [
                one.item.uri for add in self.trial.state.record() if add.target == target for one in add.additions
            ]
            assert Counter(recorded) == Counter(self.added[target])

    def check_always(self) -> None:
        """Whatever happened, we took out nothing but what we had added."""
        ours = {(target, uri) for target, uris in self.added.items() for uri in uris}
        for change in self.trial.world.changes:
            if change.by in self.trial.us and change.kind != "add":
                assert change.kind == "remove"
                assert {(change.playlist, uri) for uri in change.uris} <= ours
        for sent in (sent for process in self.trial.processes for sent in process.sent if sent.call.method == "DELETE"):
            assert 1 <= len(sent.call.uris) <= 100
        for target, old in self.trial.old.items():
            held = self.trial.held(target)
            first = len(held) - len(HAND) - 1 - len(old) if self.starts else 0  # what is added by hand comes last
            assert held[first : first + len(old)] == old
            assert set(held).issuperset(one.uri for one in (*HAND, self.theirs))

    def recover(self, gap: float) -> None:
        """Let a run come in between, end all trouble, and undo once more."""
        self.trial.later(gap)
        self.trial.run()
        self.check_always()
        self.trial.heal()
        self.trial.later(2 * W)
        self.trial.outlast()
        undone = self.undo()
        assert undone is not None
        assert reversal_code(undone) == 0
        self.check_always()
        self.check_undone()


BOTH_ENDS = pytest.mark.parametrize("position", list(Position))


@BOTH_ENDS
def test_an_undo_takes_out_what_the_run_added_and_a_redo_brings_it_back(position: Position) -> None:
    story = Story(position)
    undone = story.undo()
    assert undone is not None
    assert [(len(part.done), len(part.left)) for part in undone.parts] == [(102, 0), (1, 1)]
    story.check_undone()

    redone = story.redo()

    assert redone is not None
    assert [(len(part.done), len(part.already)) for part in redone.parts] == [(102, 0), (1, 1)]
    story.check_redone()
    story.check_always()
    for target in story.trial.old if story.starts else ():
        ours = [uri for uri in story.added[target] if uri != story.theirs.uri]
        assert list(story.trial.held(target)[: len(ours)]) == ours, "not where it was"
    again = story.trial.run()
    assert again is not None
    assert not any(outcome.added for outcome in again.outcomes)


@BOTH_ENDS
@pytest.mark.parametrize("gap", [1, 100])
def test_an_undo_may_be_killed_at_any_step(gap: float, position: Position) -> None:
    """Either side of every request and of every write; a run that comes in between adds nothing of it again."""
    for step in count():
        story = Story(position)
        if story.undo(kill_at=step) is not None:
            break
        story.recover(gap)
    assert step > 20


@BOTH_ENDS
@pytest.mark.parametrize("gap", [1, 100])
def test_a_redo_may_be_killed_at_any_step(gap: float, position: Position) -> None:
    for step in count():
        story = Story(position)
        story.undo()
        story.trial.later(gap)
        if story.redo(kill_at=step) is not None:
            break
        story.trial.later(gap)
        story.trial.run()
        story.trial.later(gap)
        if any(add.state == "undone" for add in story.trial.state.record()):
            redone = story.redo()
            assert redone is not None
            assert reversal_code(redone) == 0
        story.check_redone()
        story.check_always()
    assert step > 20


@pytest.mark.parametrize("times", [1, None], ids=["once", "from then on"])
@pytest.mark.parametrize("name", UNDOING)
def test_no_fault_anywhere_makes_an_undo_take_too_much_or_lets_it_come_back(name: str, times: int | None) -> None:
    for place in count():
        story = Story()
        injected = story.trial.world.inject(replace(FAULTS[name], after=place, times=times))
        story.undo()
        if not injected.fired:
            break
        story.recover(1)
    assert place > 1


@pytest.mark.parametrize("lasting", [True, False], ids=["from then on", "once"])
def test_the_disk_may_fail_at_any_call_of_an_undo(*, lasting: bool) -> None:
    met = True
    for place in count():
        if not met:
            break
        story, left, met = Story(), place, False

        def fails() -> bool:
            nonlocal left, met
            left -= 1
            met |= left < 0
            return left < 0 if lasting else left == -1

        story.trial.state.fails = fails
        story.undo()
        story.recover(1)
    assert place > 1


@pytest.mark.parametrize("deadline", range(3, 130, 6))
@pytest.mark.parametrize("name", [None, "N5 carried out 20 s later"])
def test_an_undo_ends_before_any_deadline(deadline: int, name: str | None) -> None:
    story = Story()
    story.trial.latency = 4
    if name:
        story.trial.world.inject(replace(FAULTS[name], method="DELETE"))
    assert story.trial.reverse(Action.UNDO, story.run_id, deadline=deadline) is not None
    assert story.trial.processes[-1].ended - story.trial.processes[-1].began <= deadline - 1
    story.recover(1)
