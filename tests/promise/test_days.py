"""A daily budget lasts the day: what is asked for is spread over its runs, and no pair starves."""

from collections.abc import Iterator, Sequence

import pytest

from syncer.model import Pair, Report
from syncer.report import exit_code
from syncer.sandbox import Call, World, track
from tests.promise import checks
from tests.promise.harness import Trial
from tests.promise.scenes import pair

HOUR = 3600
PAIRS = 12


def busy(world: World) -> Sequence[Pair]:
    """Return pairs whose archives take several pages."""
    return [
        pair(
            f"pair-{number}",
            world.playlist(f"source {number}", items=[track(1, f"old {number}")]),
            world.playlist(f"archive {number}", items=[track(each, f"archive {number}") for each in range(150)]),
        )
        for number in range(PAIRS)
    ]


def hours(trial: Trial, count: int) -> Iterator[Report]:
    """Let every source have news each hour, and an archive change by hand now and then; yield the reports."""
    for hour in range(count):
        for place, one in enumerate(trial.pairs):
            source = next(each for each in trial.world.playlists.values() if each.name == f"source {place}")
            trial.world.add(source, [track(hour, f"news {place}")])
            if (hour + 4 * place) % 48 == 0:
                trial.world.add(trial.world.playlists[one.target], [track(hour, f"by hand {place}")], 0)
        report = trial.run()
        assert report is not None
        yield report
        trial.later(HOUR)


@pytest.mark.parametrize(("daily", "days"), [(60, 9), (150, 4), (300, 3)])
def test_more_news_than_a_day_allows_are_spread_over_its_runs(daily: int, days: int) -> None:
    trial = Trial(busy)
    trial.run()  # the first read of everything may take more
    trial.wired.daily_requests = daily
    trial.later(25 * HOUR)
    began = len(trial.world.history)
    reports = list(hours(trial, 24 * days))
    calls = [one for one in trial.world.history[began:] if isinstance(one, Call) and one.path.startswith("/v1/")]

    for report in reports:
        assert exit_code(report) in (0, 4, 5)
        assert {outcome.error.code for outcome in report.outcomes if outcome.error} <= {"quota-exceeded"}
        (account,) = report.sign_ins
        assert account.requests_left is not None
    for call in calls[::10]:
        assert sum(call.at <= one.at < call.at + 24 * HOUR for one in calls) <= daily
    for place in range(PAIRS):
        assert any(report.outcomes[place].added for report in reports[24:]), "a pair starved"


def test_an_idle_day_leaves_nearly_all_of_it() -> None:
    trial = Trial(busy)
    trial.run()
    trial.wired.daily_requests = 300
    trial.later(25 * HOUR)
    for _ in range(24):
        trial.run()
        trial.later(HOUR)
    report = trial.run()

    assert report is not None
    assert report.sign_ins[0].requests_left == 300 - 24
    checks.check(trial)
