"""Decide when a pair takes its turn. Values in, a value out: no clock, no request."""

from datetime import UTC, datetime, timedelta
from typing import Final

from syncer.model import Rhythm

SLACK: Final = timedelta(minutes=10)
"""What a run may come early, as schedules do, or a tenth of the time between two turns where that is less."""
PART: Final = 10


def is_due(rhythm: Rhythm, last: datetime | None, now: datetime) -> bool:
    """Whether a pair takes its turn *now*, whose *last* one is so long ago; a last turn to come counts as none."""
    if rhythm.days and now.astimezone(UTC).weekday() not in rhythm.days:
        return False
    if rhythm.every is None or last is None:
        return True
    return not timedelta() <= now - last < rhythm.every - min(rhythm.every / PART, SLACK)
