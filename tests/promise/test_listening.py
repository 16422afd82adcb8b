"""Every fault, kill and failure of the disk again, where two accounts read what passes by, an artist and a file."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from syncer.errors import Code
from syncer.model import DEFAULT_ACCOUNT, Status
from syncer.report import exit_code
from syncer.sandbox import World, track
from tests.promise import checks, scenes
from tests.promise.faults import FAULTS, TELLING
from tests.promise.harness import Trial

OWN = ("/v1/me/player", "/v1/artists", "/v1/albums", "/v1/search")
"""Where the requests go that only such a scene has."""
GRID = 3
"""The distance of places that are tried where all of them would take too long: the other scenes have them all."""


def measured() -> Trial:
    """Return the trial of a run without trouble."""
    trial = Trial(scenes.listening)
    trial.run()
    return trial


def places(name: str) -> range:
    """Return at which of its requests a run is to meet that fault: every third, and others for the next fault."""
    return range(list(FAULTS).index(name) % GRID, len(measured().processes[0].sent), GRID)


def recover(trial: Trial, *, gap: float) -> None:
    """Have news come, run again *gap* seconds after trouble that lasts, run without it, and check what is left."""
    scenes.news(trial.world)
    trial.later(gap)
    trial.run()
    trial.heal()
    trial.run()
    checks.check(trial, same_sources=False)


def test_the_scene_has_everything() -> None:
    trial = measured()
    report = trial.processes[0].report

    assert report is not None
    assert exit_code(report) == 0
    assert 20 <= len(trial.processes[0].sent) <= 30
    assert {one.call.user for one in trial.processes[0].adds} == {"listener", "anna"}
    for start in OWN:
        assert any(one.call.path.startswith(start) for one in trial.processes[0].sent)
    recover(trial, gap=1)


@pytest.mark.parametrize(
    ("name", "times"), [(name, 1) for name in FAULTS if name != "P11 relinked"] + [(name, None) for name in TELLING]
)
def test_no_fault_anywhere_doubles_or_loses_anything(name: str, times: int | None) -> None:
    for place in places(name):
        trial = Trial(scenes.listening)
        trial.world.inject(replace(FAULTS[name], after=place, times=times))
        trial.run()
        recover(trial, gap=1)


def test_a_process_may_be_killed_at_any_step() -> None:
    for step in range(measured().steps):
        trial = Trial(scenes.listening)
        assert trial.run(kill_at=step) is None
        recover(trial, gap=1)


def test_what_a_killed_process_was_shown_is_added_or_said_to_be_missed() -> None:
    """Spotify shows it no more when the next run comes: only what was written down is known of it."""
    told = []
    for step in range(0, measured().steps, 2):
        trial = Trial(scenes.listening)
        trial.run()
        trial.later(100)
        scenes.news(trial.world)
        trial.run(kill_at=step)
        trial.later(100)
        trial.world.heard([track(number, "later") for number in range(49)], every=1.0)
        trial.run()
        checks.check(trial, same_sources=False)
        told.append(any("plays were missed between" in one for report in trial.reports for one in report.warnings))
    assert {True, False} <= set(told)


def something_else(world: World) -> None:
    """Let her play a list that nobody asked for."""
    world.play(next(one for one in world.playlists.values() if one.name == "hers"), user=world.users[scenes.HERS])


@pytest.mark.parametrize("act", [scenes.news, something_else])
def test_people_listen_while_a_run_looks(act: Callable[[World], None]) -> None:
    """At every second step, also in the very millisecond of the last play that is known."""
    for step in range(0, measured().steps, 2):
        trial = Trial(scenes.listening)
        trial.run(at={step: lambda trial=trial: act(trial.world)})  # type: ignore[misc] # bound now
        trial.later(1)
        checks.check(trial, same_sources=False)


@pytest.mark.parametrize("lasting", [True, False], ids=["from then on", "once"])
def test_the_disk_may_fail_at_any_call(*, lasting: bool) -> None:
    place, met = 0, True
    while met:
        trial = Trial(scenes.listening)
        trial.run()
        scenes.news(trial.world)
        trial.later(1)
        left, met = place, False

        def fails() -> bool:
            nonlocal left, met
            left -= 1
            met |= left < 0
            return left < 0 if lasting else left == -1

        trial.state.fails = fails
        trial.run()
        trial.world.play(trial.world.playlists[trial.pairs[0].target], user=trial.users[scenes.HERS])
        trial.world.heard([track(number, "later") for number in range(45)], every=0.01)
        recover(trial, gap=1)
        place += GRID if lasting else 1
    assert place > 20


def test_the_state_may_be_found_torn_after_a_kill() -> None:
    for step in range(0, measured().steps, GRID):
        trial = Trial(scenes.listening)
        trial.run(kill_at=step)
        trial.tear()
        recover(trial, gap=1)


@pytest.mark.parametrize("whose", [DEFAULT_ACCOUNT, scenes.HERS])
def test_where_one_sign_in_ends_the_pairs_of_the_other_go_on(whose: str) -> None:
    """T1: in the middle of a run, and in the next one."""
    for step in range(0, measured().steps, GRID):
        trial = Trial(scenes.listening)
        trial.run(at={step: lambda trial=trial: trial.withdraw(whose)})  # type: ignore[misc] # bound now
        trial.later(4000)
        scenes.news(trial.world)
        report = trial.run()

        assert report is not None
        for outcome in report.outcomes:
            if whose in outcome.pair.accounts:
                assert outcome.error
                assert outcome.error.code is Code.SIGN_IN_NEEDED
            else:
                assert outcome.status is Status.ADDED
        recover(trial, gap=1)
