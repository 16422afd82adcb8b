"""Years of hourly runs in a tiny world, where every sign-in dies six months after it was given."""

from dataclasses import dataclass, field
from typing import Final

from syncer.model import Report
from syncer.report import WARN_DAYS, as_json, exit_code
from syncer.sandbox import track
from tests.promise import checks
from tests.promise.harness import Trial
from tests.promise.scenes import small

HOUR: Final = 3600
YEAR: Final = 365 * 24
"""In hours."""
NEWS: Final = 7 * 24
"""Hours between two news in the source."""
LAZY: Final = 3 * 24
"""Hours for which a person does nothing about a sign-in that has ended."""
AHEAD: Final = 14
"""Days before its end from which on every report must say when a sign-in ends (fault model §9)."""


@dataclass(slots=True)
class Years:
    """What happened in *years* of hourly runs."""

    years: float
    runs: int = 0
    deaths: int = 0
    added: int = 0
    announced: dict[int, int] = field(default_factory=dict)
    """How often each number of days left was told."""

    def live(self) -> None:
        """Live through them and check what they leave."""
        trial = Trial(small)
        dead_for = 0
        for hour in range(int(self.years * YEAR)):
            if hour % NEWS == 0:
                trial.world.add(next(iter(trial.world.playlists.values())), [track(hour, "year")])
            report = trial.run()
            assert report is not None
            self._look(trial, report)
            dead_for = dead_for + 1 if exit_code(report) == 3 else 0
            if dead_for > LAZY:
                trial.sign_in()
            self._forget(trial)
            trial.later(HOUR - 30)
        checks.check(trial, undisturbed=False)
        checks.nothing_is_doubled(trial)

    def _look(self, trial: Trial, report: Report) -> None:
        self.runs += 1
        told = as_json(report)
        self.added += told["added"]
        days = told["accounts"][0]["days_left"]
        if exit_code(report) == 3:
            assert {one["error"]["code"] for one in told["pairs"]} == {"sign-in-needed"}
            self._died(trial)
        else:
            assert exit_code(report) == 0
            assert days is not None
            assert days > WARN_DAYS or any("the sign-in of account" in one for one in told["warnings"])
            self.announced[days] = self.announced.get(days, 0) + 1

    def _died(self, trial: Trial) -> None:
        """See that the end was announced day by day, if it is the first run that meets it."""
        if self.announced:
            assert trial.world.now() >= trial.wired.sign_in.ends_at, "it ended before its time"
            assert all(self.announced.get(days, 0) >= 20 for days in range(1, AHEAD + 1)), "ended unannounced"
            self.announced.clear()
            self.deaths += 1

    def _forget(self, trial: Trial) -> None:
        """Let go of what is long past and was fine, or memory fills up over the years."""
        checks.adds_are_well_formed(trial)
        checks.the_note_is_kept_before_the_first_byte(trial)
        trial.processes.clear()
        trial.world.history[:] = [one for one in trial.world.changes if one.by in trial.us]
        trial.world.access_tokens.clear()
