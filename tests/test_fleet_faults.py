"""A fleet whose dispatchers and workers are ended at every step, whose answers are lost, whose messages come twice.

Whatever happened, after one more run without trouble: nothing is lost, nothing is there twice, all is in the order of
its source, every run that had begun was told of, and nothing is left behind.
"""

import json
import random
from collections import Counter, defaultdict
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from functools import cache
from typing import Any, Final

import pytest

from syncer.errors import Code, Locked, StateUnusable, StoreUnreachable, SyncError, Temporary
from syncer.fleet import ATTEMPTS, RUNS, Head
from syncer.ids import PlaylistId
from syncer.model import NewTarget, Removed
from syncer.part import TARGETS
from tests.fakes import FakePlaylists, letters, pair
from tests.fleets import HOUR, Fleet, Killed, codes, statuses

LONG: Final = 6 * HOUR
"""Seconds after which every lock is free that somebody left behind."""
REQUESTS: Final = ("head", "list", "page", "append", "create", "me", "plays")
Fault = Callable[[int, str], SyncError | None]


def many_kinds_of_groups() -> Fleet:
    """Return a fleet of four groups, in two accounts: pairs that share a target, a chain, and others."""
    playlists = FakePlaylists(a="abc", b="cde", x="a", c="fgh", y="", z="h", d="ij", w="", e="k", v="k")
    return Fleet(
        playlists,
        pair("a", "x"),
        pair("c", "y"),
        pair("d", "w", account="friend"),
        pair("b", "x"),
        pair("y", "z"),
        pair("e", "v", account="friend"),
    )


def many_kinds_of_pairs() -> Fleet:
    """Return a fleet whose targets are made, and roll over, or that keep out what was taken out, or that hear."""
    playlists = FakePlaylists(a="abcdef", b="gh", x="", c="ij", y="")
    archive = NewTarget(pattern="Archive {year}")
    fleet = Fleet(
        playlists,
        replace(pair("a", "archive"), target=PlaylistId(""), create=archive, roll_over=True),
        replace(pair("b", "archive"), target=PlaylistId(""), create=archive, roll_over=True),
        pair("c", "x", removed=Removed.STAY_OUT),
        pair("recently_played", "y"),
    )
    fleet.limit = 4
    playlists.someone_hears("kl", at=fleet.clock.now())
    return fleet


FLEETS: Final = (many_kinds_of_groups, many_kinds_of_pairs)


class Trial:
    """A fleet of which one run goes wrong at one place, or at many."""

    def __init__(self, make: Callable[[], Fleet]) -> None:
        self.make = make
        self.fleet = make()
        self.steps: list[str] = []
        self.begun: set[str] = set()
        """The runs that got as far as to be told of."""
        self.untold = 0
        """How often one was told of, and nobody could keep that it was."""
        self.sources = [letters(held) for held in self.fleet.playlists.held.values()] + ["kl"]

    def go(self, fault: Fault = lambda _at, _call: None, **how: Any) -> None:
        """Begin a run and have it done, *fault* being asked at each step what goes wrong there."""

        def step(call: str) -> SyncError | None:
            self.steps.append(call)
            just_told = call.startswith(("told", "drop glance"))
            self.untold += just_told  # unless nothing goes wrong
            error = fault(len(self.steps) - 1, call)
            self.untold -= just_told and error is None
            return error

        self.fleet.clock.elapsed += HOUR
        self.fleet.at_each_step(step)
        with suppress(SyncError, Killed), self.fleet.process():
            self.fleet.dispatch()
        shared = self.fleet.state.shared
        heads = [Head.decode(value) for (family, _), value in shared.items() if family == RUNS]
        glances = {family for family, _ in shared}  # is gone where a dispatcher could call the run off, not quite
        self.begun |= {head.run_id for head in heads if head.begun and f"glance {head.run_id}" in glances}
        self.fleet.deliver(**how)

    def recover(self) -> None:
        """Have one more run go well, after all that was left behind is over."""
        self.fleet.clock.elapsed += LONG
        self.fleet.at_each_step(lambda _call: None)
        self.fleet.dispatch()
        self.fleet.deliver()

    @property
    def told(self) -> int:
        """How many items all runs together told that they had added."""
        return sum({report["run_id"]: report["added"] for report in self.fleet.reports}.values())

    @property
    def applied(self) -> int:
        """How many items were added."""
        return sum(len(what) for _, what in self.fleet.playlists.added)

    @property
    def held(self) -> dict[str, str]:
        """What the playlists hold, those together that one target is made of."""
        found: defaultdict[str, str] = defaultdict(str)
        for playlist, held in self.fleet.playlists.held.items():
            found[playlist[: len("Archive")]] += letters(held)
        return dict(found)

    def check(self) -> None:
        """See that all is as it is to be in the end."""
        fleet = self.fleet
        assert {word: sorted(held) for word, held in self.held.items()} == {
            word: sorted(held) for word, held in clean(self.make).held.items()
        }
        for _, what in fleet.playlists.added:
            assert any(is_in_order(what, source) for source in self.sources)
        told = Counter(report["run_id"] for report in fleet.reports)
        assert self.begun <= told.keys()
        assert max(told.values()) <= 1 + self.untold
        assert self.told <= self.applied == sum(len(add.additions) for add in fleet.state.record())
        self.nothing_is_left_behind()

    def nothing_is_left_behind(self) -> None:
        """See that nobody is kept out by what is left, and nothing of any run is."""
        state, now = self.fleet.state, self.fleet.clock.now()
        assert {family for family, _ in state.shared} <= {TARGETS}
        assert all(json.loads(value)["until"] <= now.isoformat() for value in state.shared.values())
        assert not self.fleet.leased
        state.hold("another", now=now, until=now)


@cache
def clean(make: Callable[[], Fleet]) -> Trial:
    """Return the trial in which nothing goes wrong."""
    trial = Trial(make)
    trial.go()
    trial.recover()
    return trial


def is_in_order(what: str, source: str) -> bool:
    """Whether all of *what* is in *source*, in that order."""
    left = iter(source)
    return all(letter in left for letter in what)


def trouble(call: str) -> SyncError | None:
    """Return what goes wrong with *call*, whose answer is lost if it is made; None for what cannot fail."""
    if call == "told":
        return None
    if call.startswith(("send", "after send")):
        return StoreUnreachable("AWS was not reached", hint="wait")
    if call.startswith(REQUESTS):
        return Temporary("down")
    return StateUnusable("the state cannot be reached", hint="wait")


every_fleet = pytest.mark.parametrize("make", FLEETS)


# --- one thing goes wrong ---------------------------------------------------------------------------------------------


@every_fleet
def test_nothing_goes_wrong(make: Callable[[], Fleet]) -> None:
    trial = clean(make)
    trial.check()
    assert trial.told == trial.applied > 0
    assert [report["exit_code"] for report in trial.fleet.reports] == [0, 0]
    assert all(sorted(set(held)) == sorted(held) for held in trial.held.values())


@every_fleet
def test_a_process_may_be_killed_at_any_step(make: Callable[[], Fleet]) -> None:
    """Its message comes again once it can be dead no longer than its locks."""
    for at in range(len(clean(make).steps)):
        trial = Trial(make)

        def kill(place: int, _call: str, at: int = at) -> None:
            if place == at:
                raise Killed

        trial.go(kill)
        trial.recover()
        trial.check()
        assert trial.told == trial.applied, trial.steps[at]


@every_fleet
def test_any_call_may_fail_and_any_answer_be_lost(make: Callable[[], Fleet]) -> None:
    for at in range(len(clean(make).steps)):
        trial = Trial(make)
        trial.go(lambda place, call, at=at: trouble(call) if place == at else None)  # type: ignore[misc] # mypy cannot infer it
        trial.recover()
        trial.check()
        assert trial.told == trial.applied, trial.steps[at]


# --- messages that come twice, late, or side by side ------------------------------------------------------------------


@every_fleet
def test_every_message_may_come_twice(make: Callable[[], Fleet]) -> None:
    trial = Trial(make)
    trial.go(times=2)
    trial.recover()
    trial.check()
    assert trial.told == trial.applied


@every_fleet
def test_a_message_may_come_a_second_time_while_its_worker_is_at_any_step(make: Callable[[], Fleet]) -> None:
    for at in range(len(clean(make).steps)):
        trial = Trial(make)

        def second(place: int, _call: str, trial: Trial = trial, at: int = at) -> None:
            if place == at and (body := trial.fleet.under_way):
                trial.fleet.work(body, attempt=2)

        trial.go(second)
        trial.recover()
        trial.check()
        assert trial.told == trial.applied, trial.steps[at]


@every_fleet
def test_another_run_is_turned_away_at_every_step(make: Callable[[], Fleet]) -> None:
    trial, turned_away = Trial(make), Counter[str]()

    def intrude(_place: int, _call: str) -> None:
        kinds = {step.partition(" 2026")[0] for step in trial.steps}
        if "after hold" not in kinds or "after let go" in kinds or turned_away["now"]:
            return
        turned_away["now"] += 1  # what it does is no step of ours
        with pytest.raises(Locked):
            trial.fleet.dispatch()
        with trial.fleet.service(trial.fleet.state) as service:
            report = service.run(trial.fleet.config)
        assert report.error
        assert report.error.code is Code.LOCKED
        turned_away["now"] -= 1
        turned_away["in all"] += 1

    trial.go(intrude)

    assert turned_away["in all"] > 100
    trial.recover()
    trial.check()
    assert trial.told == trial.applied


@pytest.mark.parametrize("seed", range(300))
def test_anything_may_go_wrong_at_once(seed: int) -> None:
    """Messages come in any order, some of them twice; processes die, calls fail and answers are lost."""
    chance = random.Random(seed)  # noqa: S311 - to be had again
    trial = Trial(chance.choice(FLEETS))
    deadly, shaky, double = (chance.choice([0, 0.01, 0.03]) for _ in range(3))

    def anything(_place: int, call: str) -> SyncError | None:
        if chance.random() < deadly:
            raise Killed
        if chance.random() < double and (body := trial.fleet.under_way):
            with suppress(Exception):  # its own trouble: the message comes again anyway
                trial.fleet.work(body, attempt=2)
        return trouble(call) if chance.random() < shaky else None

    for _ in range(2):
        trial.go(anything, choose=chance.choice, times=chance.choice([1, 2]))
    trial.recover()
    trial.recover()
    trial.check()


# --- a group that ends its workers ------------------------------------------------------------------------------------


def test_a_group_that_ends_each_of_its_workers_is_given_up() -> None:
    """The others are done, and the run is told of as soon as nobody can be at it any more."""
    trial = Trial(many_kinds_of_groups)

    def poison(_place: int, call: str) -> None:
        if call == "append y fgh":
            raise Killed

    trial.go(poison)

    (report,) = trial.fleet.reports
    assert [json.loads(body)["group"] for body in trial.fleet.dead] == [2]
    assert statuses(report) == {
        "a-to-x": "added",
        "c-to-y": "failed",
        "d-to-w": "added",
        "b-to-x": "added",
        "y-to-z": "failed",
        "e-to-v": "unchanged",
    }
    assert set(codes(report).values()) == {"bug"}
    assert (report["exit_code"], report["added"]) == (1, 6)
    assert f"{ATTEMPTS} workers in a row" in report["pairs"][1]["error"]["message"]
    trial.recover()
    trial.check()
    assert trial.told == trial.applied


def test_a_group_whose_workers_all_fail_is_given_up_at_once() -> None:
    trial = Trial(many_kinds_of_groups)

    def fail(_place: int, call: str) -> SyncError | None:
        return StateUnusable("no", hint="wait") if call.startswith("swap targets/y") else None

    trial.go(fail)

    (report,) = trial.fleet.reports
    assert codes(report) == {"c-to-y": "bug", "y-to-z": "bug"}
    assert len(trial.fleet.dead) == 1
    trial.recover()
    trial.check()
