"""What a pair takes of its sources, and in which order: the rules as frozen values, and how a config writes them."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum
from typing import Any, Final
from unicodedata import combining, normalize

from syncer.ids import SHOWN, PlaylistId, shorten

MAX_PATTERN: Final = 1 << 20
"""Bytes that a compiled pattern may take: some thousand steps, far more than any title needs."""


class NotARule(ValueError):
    """The text or value is no rule of its kind; the message says why, in people's words."""


class Medium(StrEnum):
    """What can be taken, as the config calls it."""

    TRACKS = "tracks"
    EPISODES = "episodes"


class Explicit(StrEnum):
    """What to do about what Spotify marks as explicit."""

    EXCLUDE = "exclude"
    ONLY = "only"


class By(StrEnum):
    """What decides which item comes first."""

    SOURCE = "source"
    NEWEST = "newest"
    OLDEST = "oldest"
    SHUFFLE = "shuffle"


@dataclass(frozen=True, slots=True)
class Text:
    """What a name is, or what a title has in it, but for case, accents and width."""

    words: str

    def __post_init__(self) -> None:
        """Refuse what would match everything."""
        if not fold(self.words):
            raise NotARule("an empty text matches nothing: write a name, a word or a /pattern/")

    def __str__(self) -> str:
        """Return how messages quote it."""
        return shorten(self.words)


@dataclass(frozen=True, slots=True)
class Pattern:
    """A regular expression of RE2, looked for anywhere in a text, upper and lower case alike."""

    expression: str

    def __post_init__(self) -> None:
        """Refuse what is none."""
        if problem := pattern_problem(self.expression):
            raise NotARule(problem)

    def __str__(self) -> str:
        """Return how messages quote it."""
        return f"/{_on_a_line(self.expression)}/"

    @property
    def sees_accents(self) -> bool:
        """Whether it is about letters as they are written: one in plain letters looks at plain letters."""
        return not self.expression.isascii()

    def finder(self) -> Callable[[str], bool]:
        """Return what tells whether it is in a text, in a time that grows with the text and no faster."""
        search = _compiled(self.expression).search
        return lambda text: search(text.encode(errors="replace")) is not None


Entry = Text | Pattern
"""What one line of an include or exclude says."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Filter:
    """Whom and what an include or an exclude names."""

    artist: tuple[Entry, ...] = ()
    """Any one of an item's artists, by the whole name."""
    album: tuple[Entry, ...] = ()
    title: tuple[Entry, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Span:
    """How long an item may last, both ends included."""

    min: timedelta | None = None
    max: timedelta | None = None

    def __post_init__(self) -> None:
        """Refuse what nothing fits into."""
        if self.max == timedelta():
            raise NotARule("nothing is as short as a max of 0: leave max out, or write one like 10m")
        if self.min is not None and self.max is not None and self.min > self.max:
            raise NotARule("min is longer than max, so that nothing fits: swap them, or leave one out")


@dataclass(frozen=True, slots=True)
class Order:
    """Which item comes first."""

    by: By = By.SOURCE
    seed: str | None = None
    """Another one shuffles otherwise; None = the name of the pair."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """What one pair takes of its sources. These leave nothing out and change no order."""

    include: Filter = Filter()
    """What is taken matches each of its keys that is given, by any one entry."""
    exclude: Filter = Filter()
    """Whatever matches any entry of any key stays out."""
    explicit: Explicit | None = None
    duration: Span = Span()
    released_since: date | None = None
    added_since: date | timedelta | None = None
    """A day, or how long ago."""
    kinds: frozenset[Medium] = frozenset(Medium)
    never: tuple[PlaylistId, ...] = ()
    """Whatever is in these stays out."""
    first: int | None = None
    last: int | None = None
    order: Order = Order()
    interleave: bool = False
    """Several sources are taken in turns."""

    def __post_init__(self) -> None:
        """Refuse what contradicts itself, or leaves everything out."""
        if not self.kinds:
            raise NotARule("no kind is left to take: write tracks, episodes or both")
        if self.first is not None and self.last is not None:
            raise NotARule("'first' and 'last' exclude each other: keep one")
        if any(count is not None and count < 1 for count in (self.first, self.last)):
            raise NotARule("'first' and 'last' are numbers of items, from 1 on")


# --- as a config writes them ------------------------------------------------------------------------------------------

_DURATION: Final = re.compile(r"(?:(\d{1,5})h)?(?:(\d{1,5})m)?(?:(\d{1,5})s)?", re.ASCII)
_SECONDS: Final = re.compile(r"\d{1,8}", re.ASCII)
_DAYS: Final = re.compile(r"(\d{1,5})d", re.ASCII)
_DATE: Final = re.compile(r"(\d{4})(?:-(\d\d))?(?:-(\d\d))?", re.ASCII)
_SHUFFLE: Final = re.compile(r"shuffle\(([A-Za-z0-9_-]{1,64})\)", re.ASCII)
_FLAGGED: Final = re.compile(r"(/.+/)[gimsux]+", re.DOTALL)


def entry(text: str) -> Entry:
    """Return what *text* of an include or exclude stands for: ``/…/`` is a pattern, anything else a text."""
    if not text.startswith("/"):
        return Text(text)
    shown = _on_a_line(text)
    if flagged := _FLAGGED.fullmatch(text):
        raise NotARule(f"{shown} has a flag, and there are none: write {_on_a_line(flagged[1])}, for case never counts")
    if len(text) == 1 or not text.endswith("/"):
        raise NotARule(f"{shown} begins like a pattern, and does not end like one: write it between two slashes")
    return Pattern(text[1:-1])


def duration(text: str) -> timedelta:
    """Return the time that *text* gives: ``90s``, ``10m``, ``1h30m``, or seconds as a bare number."""
    if _SECONDS.fullmatch(text):
        return timedelta(seconds=int(text))
    found = _DURATION.fullmatch(text)
    if not found or not any(found.groups()):
        raise NotARule(f"{shorten(text)} is no length of time: write one like 90s, 10m or 1h30m")
    hours, minutes, seconds = (int(part or 0) for part in found.groups())
    return timedelta(hours=hours, minutes=minutes, seconds=seconds)


def day(text: str) -> date:
    """Return the day that *text* gives, or the first of the month or the year."""
    if found := _DATE.fullmatch(text):
        try:
            return date(int(found[1]), int(found[2] or 1), int(found[3] or 1))
        except ValueError:
            raise NotARule(f"{shorten(text)} is not in the calendar") from None
    raise NotARule(f"{shorten(text)} is no date: write one like 2020-01-31, 2020-01 or 2020")


def since(text: str) -> date | timedelta:
    """Return the day that *text* gives, or how long ago: ``30d``."""
    if found := _DAYS.fullmatch(text):
        return timedelta(days=int(found[1]))
    if _DATE.fullmatch(text):
        return day(text)
    raise NotARule(f"{shorten(text)} is no date and no number of days: write one like 2026-01-31 or 30d")


def order(text: str) -> Order:
    """Return the order that *text* names, a shuffle with its seed."""
    if found := _SHUFFLE.fullmatch(text):
        return Order(By.SHUFFLE, found[1])
    if text in list(By):
        return Order(By(text))
    raise NotARule(
        f"{shorten(text)} is no order: write source, newest, oldest or shuffle,"
        " or shuffle(SEED) with a word or number of your own"
    )


# --- texts and patterns -----------------------------------------------------------------------------------------------

_PLAIN_LETTERS: Final = re.compile(r"\\[bBwW]")
"""What takes letters for those from a to z alone."""
_AS_TYPED: Final = str.maketrans(
    "\u2018\u2019\u02bc" + "\u2010\u2011\u2012\u2013\u2014\u2015" + "\u201c\u201d\u201e", "'" * 3 + "-" * 6 + '"' * 3
)
"""Apostrophes, dashes and quotes as keyboards have them."""
_ACCENTS: Final = 200
"""The least combining class of accents; below are marks that make other letters, as in Hindi, Thai and Japanese."""


def fold(text: str) -> str:
    """Return *text* as it counts in comparisons: without case, accents and width, each white space one blank."""
    if not text.isascii():
        letters = normalize("NFKD", text.replace("\xb4", "'")).casefold().translate(_AS_TYPED)
        text = normalize("NFC", "".join(letter for letter in letters if combining(letter) < _ACCENTS))
    return " ".join(text.casefold().split())


def pattern_problem(expression: str) -> str | None:
    """Say what is wrong with the pattern, None if nothing is: then it can be looked for, whatever the text."""
    shown = f"/{_on_a_line(expression)}/"
    if not expression:
        return f"{shown} is empty: write what to look for between the slashes"
    if not expression.isascii() and _PLAIN_LETTERS.search(expression.replace(r"\\", "")):
        return (
            rf"{shown} does not do what it seems to: \b and \w know no letters but a-z;"
            " write it without accents, or as a text, which is found as a whole word anyway"
        )
    try:
        _compiled(expression)
    except ImportError:
        return f"{shown} is a pattern, and those need the package google-re2, which is not installed here"
    except UnicodeEncodeError:
        return f"{shown} has half a character in it"
    except _re2().error as error:
        return f"{shown} is no pattern: {_in_words(error)}"
    return None


def _in_words(error: Exception) -> str:
    """Say what RE2 said, and what to do about what only other kinds of patterns have."""
    what, _, where = error.args[0].decode(errors="replace").partition(": ")
    if what == "invalid perl operator":
        return f"{_on_a_line(where)} is not known here; to take some of what matches, use include and exclude together"
    if what.startswith("pattern too large"):
        return "it is too large"
    return f"{what}, at {_on_a_line(where)}"


def _on_a_line(text: str) -> str:
    """Return *text* for a message as it was written, for people count its backslashes."""
    shown = text if len(text) <= SHOWN else f"{text[: SHOWN - 1]}…"
    return shown if shown.isprintable() else repr(shown)[1:-1]


def _compiled(expression: str) -> Any:
    """Return *expression* as RE2 has it; RE2 keeps those it has had lately."""
    re2 = _re2()
    options = re2.Options()
    options.case_sensitive = False
    options.never_capture = True
    options.log_errors = False  # it would write them to stderr
    options.max_mem = MAX_PATTERN
    return re2.compile(normalize("NFC", expression), options)


def _re2() -> Any:
    import re2  # noqa: PLC0415 - only a rule with a pattern takes it, and few have one

    return re2
