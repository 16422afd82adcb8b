"""The table of figures that the benchmarks print."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

HEADER: Final = "| What | Ours | Plain spotipy | At most |\n|---|---|---|---|"
SMALL: Final = 10
LARGE: Final = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """What was measured, once or under several conditions; what the plain way took, and what ours may take at most."""

    what: str
    ours: tuple[float, ...]
    plain: tuple[float, ...] = ()
    unit: str = ""
    at_most: float | None = None

    @property
    def holds(self) -> bool:
        return self.at_most is None or max(self.ours) <= self.at_most

    def __str__(self) -> str:
        limit = () if self.at_most is None else (self.at_most,)
        cells = [self.what, *(self._cell(numbers) for numbers in (self.ours, self.plain, limit))]
        return f"| {' | '.join(cells)} |"

    def _cell(self, numbers: tuple[float, ...]) -> str:
        return f"{' / '.join(map(_number, numbers))} {self.unit}".strip() if numbers else ""


def _number(value: float) -> str:
    if value >= LARGE or value == int(value):
        return f"{value:,.0f}"
    return f"{value:.2f}" if value < SMALL else f"{value:.1f}"


def show(rows: Iterable[Row]) -> int:
    """Print each of *rows* as it comes, and return the exit code: 1 if one is over its limit."""
    missed = 0
    for row in rows:
        missed += not row.holds
        print(row, flush=True)
    return 1 if missed else 0
