"""Names with the time in them: ``Archive {year}-{month}`` is ``Archive 2026-11`` in November 2026, in UTC."""

import re
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from typing import Final
from unicodedata import category, normalize

from syncer.ids import shorten
from syncer.spelling import misspelt

MAX_NAME: Final = 90
"""Characters in a name: Spotify's apps take 100, and the number of a volume may follow."""

_MONTHS: Final = (
    *("January", "February", "March", "April", "May", "June"),
    *("July", "August", "September", "October", "November", "December"),
)
_WEEKDAYS: Final = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
PERIODS: Final[Mapping[str, Callable[[datetime], str]]] = {
    "year": lambda at: f"{at.year:04}",
    "quarter": lambda at: str((at.month + 2) // 3),
    "month": lambda at: f"{at.month:02}",
    "month_name": lambda at: _MONTHS[at.month - 1],
    "week": lambda at: f"{at.isocalendar().week:02}",
    "week_year": lambda at: f"{at.isocalendar().year:04}",
    "day": lambda at: f"{at.day:02}",
    "weekday": lambda at: _WEEKDAYS[at.weekday()],
}
"""What can stand in a pattern between braces, and what it is at a moment."""
_PART: Final = re.compile(r"\{\{|\}\}|\{([^{}]*)\}|[{}]")
_NO_LINE: Final = frozenset({"Cc", "Cs", "Zl", "Zp"})
"""Categories of control characters, half characters and line breaks."""
_LONGEST: Final = datetime(2026, 9, 30, tzinfo=UTC)
"""A Wednesday in September: no name is longer at another moment."""


def folded(name: str) -> str:
    """Return *name* but for what a store or Spotify may have changed about it: what is equal then is one name."""
    return " ".join(normalize("NFC", name).encode("utf-8", "replace").decode().split())


def name(pattern: str, at: datetime) -> str:
    """Return the name that *pattern*, one without a problem, stands for at the moment *at*."""
    moment = at.astimezone(UTC)
    return _PART.sub(lambda part: _braces(part) if part[1] is None else PERIODS[part[1]](moment), pattern)


def _braces(part: re.Match[str]) -> str:
    return part[0][0]


def pattern_problem(pattern: str) -> str | None:
    """Say why nothing can be called by *pattern*, None if there is no reason."""
    if not is_line(pattern) or pattern != pattern.strip() or not pattern:
        return f"{shorten(pattern)} is no name: write one line, with no blanks around it"
    for part in _PART.finditer(pattern):
        if part[0] in ("{", "}"):
            return f"{shorten(pattern)} has a lone {part[0]!r}: write it twice if it belongs to the name"
        if part[1] is not None and part[1] not in PERIODS:
            return f"unknown period {misspelt(part[1], PERIODS)}"
    if len(name(pattern, _LONGEST)) > MAX_NAME:
        return f"{shorten(pattern)} makes a name of more than {MAX_NAME} characters: write a shorter one"
    return _years_apart(set(_periods(pattern)))


def is_line(text: str) -> bool:
    """Whether *text* is one line without control characters; what joins letters, as in emoji and Persian, is none."""
    return not any(category(letter) in _NO_LINE for letter in text)


def _periods(pattern: str) -> Iterator[str]:
    return (part[1] for part in _PART.finditer(pattern) if part[1] is not None)


def _years_apart(periods: set[str]) -> str | None:
    """Say which year the pattern should name: the days around New Year are in weeks of the other one."""
    if "week" in periods and "week_year" not in periods and "year" in periods:
        return "around New Year a week belongs to another year than its days: write {week_year} beside {week}"
    if "week_year" in periods and "week" not in periods:
        return "{week_year} is the year that a {week} belongs to: without one write {year}"
    return None
