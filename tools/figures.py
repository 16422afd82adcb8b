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
    at_most: float | tuple[float, ...] | None = None
    """The limit of all, or that of each."""

    @property
    def holds(self) -> bool:
        each = self._limits if isinstance(self.at_most, tuple) else self._limits * len(self.ours)
        return not each or all(ours <= limit for ours, limit in zip(self.ours, each, strict=True))

    @property
    def _limits(self) -> tuple[float, ...]:
        if self.at_most is None:
            return ()
        return self.at_most if isinstance(self.at_most, tuple) else (self.at_most,)

    def __str__(self) -> str:
        cells = [self.what, *(self._cell(numbers) for numbers in (self.ours, self.plain, self._limits))]
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
