"""Which trial a seed is, and many of them in a row."""

from collections import Counter
from collections.abc import Callable
from typing import Final

from tests.promise import schedule, wider
from tests.promise.harness import Killed
from tests.promise.schedule import Schedule
from tests.promise.wider import Wider

KINDS: Final = (*schedule.KINDS, *wider.KINDS)
"""All that a trial can meet, as it is counted."""
SEEDS: Final = 20_700
"""As many as each build plays."""
FEWEST: Final = 100
"""How often each of KINDS is to be met in so many trials."""
EACH: Final = 9
"""One trial of so many has sources of every kind; the others are of playlists and Liked Songs."""


def story(seed: int) -> Schedule:
    """Return the trial of *seed*."""
    wide, place = divmod(seed, EACH)
    return Wider(wide) if place == EACH - 1 else Schedule(seed - wide)


def play(seeds: range, *, fail: Callable[[int, BaseException], None]) -> Counter[str]:
    """Play the trials of *seeds* and return what they met; *fail* hears of each that went wrong."""
    met: Counter[str] = Counter()
    for seed in seeds:
        try:
            met += story(seed).play()
        except (Exception, Killed) as error:  # noqa: BLE001 - whatever it is, it belongs to its seed
            fail(seed, error)
    return met


def rare(met: Counter[str], fewest: float) -> list[str]:
    """Return what was met less often than *fewest* times."""
    return [name for name in KINDS if met[name] < fewest]
