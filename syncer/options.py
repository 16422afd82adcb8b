"""The options of a pair, written on it or under 'defaults': read to values of ours, each problem at its place.

What is of a wrong shape is passed over here: the schema blames it.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import fields
from datetime import timedelta
from enum import StrEnum
from typing import Any, Final, TypeVar

from syncer import forms, rules
from syncer.document import Document, KeyPath
from syncer.forms import listed, mapping
from syncer.ids import PlaylistId, is_spotify_made, shorten
from syncer.model import Match, Position, Removed, Rhythm
from syncer.naming import is_line
from syncer.rules import Entry, Explicit, Filter, Medium, NotARule, Rules, Span
from syncer.spelling import misspelt

Options = dict[str, Any]
"""What is said, by the keys of the config; None where it says that there is to be nothing."""
NONE: Final = "none"
"""Stands for nothing, against what 'defaults' say."""
MAX_PATTERNS: Final = 200
"""Different patterns in one config: to try one takes up to a fortieth of a second, and no file may keep us busy."""
MAX_ENTRY: Final = 300
"""Characters in a pattern, or in a text; the longest titles have fewer."""
RIVALS: Final = ("first", "last")
"""Options that exclude each other."""
DAYS: Final = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
LEAST_EVERY: Final = timedelta(minutes=1)
MOST_EVERY: Final = timedelta(days=366)

_T = TypeVar("_T")
_E = TypeVar("_E", bound=StrEnum)


def merged(own: Options, usual: Options) -> Options:
    """Return the options of a pair: its *own*, and what it does not say as *usual*."""
    replaced = {other for one, other in (RIVALS, RIVALS[::-1]) if own.get(one)}
    return {key: value for key, value in usual.items() if key not in replaced} | own


def rules_of(options: Options) -> Rules:
    """Return what *options* say about what a pair takes."""
    return Rules(**_of(Rules, options))


def rhythm_of(options: Options) -> Rhythm:
    """Return what *options* say about when a pair takes its turn."""
    return Rhythm(**_of(Rhythm, options))


def _of(kind: type[Rules | Rhythm], options: Options) -> Options:
    return {field.name: value for field in fields(kind) if (value := options.get(field.name)) is not None}


def every(text: str) -> timedelta:
    """Return how long *text* lets pass between two turns: ``30m``, ``6h``, ``2d``; :class:`NotARule` if it is none."""
    found = _EVERY.fullmatch(text)
    if not found or not any(found.groups()):
        raise NotARule(f"{shorten(text)} is no rhythm: write one like 30m, 6h or 2d")
    days, hours, minutes = (int(part or 0) for part in found.groups())
    length = timedelta(days=days, hours=hours, minutes=minutes)
    if not LEAST_EVERY <= length <= MOST_EVERY:
        raise NotARule(f"{shorten(text)} is no rhythm: the shortest is 1m, the longest {MOST_EVERY.days}d")
    return length


_EVERY: Final = re.compile(r"(?:(\d{1,3})d)?(?:(\d{1,4})h)?(?:(\d{1,6})m)?", re.ASCII)


class Reader:
    """Reads the options of the pairs of one document. A pattern is tried once, wherever it stands."""

    def __init__(self, document: Document) -> None:
        self._document = document
        self.untold: set[KeyPath] = set()
        """The paths of pairs and defaults of which not all that is written can be told."""
        self._entries: dict[str, Entry] = {}
        self._patterns: set[str] = set()

    def read(self, path: KeyPath, written: Mapping[str, Any]) -> Options:
        """Return the options among *written*, a pair or the defaults at *path*, as far as they can be told."""
        found: Options = {}
        for key, value in written.items():
            if key not in _READERS:
                continue
            if value == NONE and key in CAN_BE_NONE:
                found[key] = None
            elif (told := _READERS[key](self, (*path, key), value)) is not None:
                found[key] = told
            else:
                self.untold.add(path)
        if all(map(found.get, RIVALS)):
            self._keep_one(path, found)
        return found

    def _keep_one(self, path: KeyPath, found: Options) -> None:
        """Blame the second of two that exclude each other, and count it out."""
        again = max(RIVALS, key=lambda key: self._document.keys[(*path, key)])
        message = "{!r} and {!r} exclude each other: keep one".format(*RIVALS)
        self._document.blame((*path, again), message, place=self._document.keys[(*path, again)])
        del found[again]

    # --- whom and what ------------------------------------------------------------------------------------------------

    def names(self, path: KeyPath, value: Any) -> Filter | None:
        """Return whom and what an include or an exclude names."""
        options = mapping(value)
        found = {
            field.name: self._entries_in((*path, field.name), options[field.name])
            for field in fields(Filter)
            if field.name in options
        }
        told = {key: entries for key, entries in found.items() if entries is not None}
        return Filter(**told) if told.keys() == found.keys() else None

    def _entries_in(self, path: KeyPath, value: Any) -> tuple[Entry, ...] | None:
        entries = [self._entry(at, one) if isinstance(one, str) else None for at, one in listed(path, value)]
        told = tuple(entry for entry in entries if entry)
        return told if len(told) == len(entries) else None

    def _entry(self, path: KeyPath, text: str) -> Entry | None:
        if text in self._entries:
            return self._entries[text]
        if problem := _unfit(text):
            self._document.blame(path, f"{shorten(text)} {problem}", settles=True)
            return None
        if text.startswith("/"):
            self._count(path, text)
        entry = self.parsed(path, text, rules.entry)
        if entry:
            self._entries[text] = entry
        return entry

    def _count(self, path: KeyPath, pattern: str) -> None:
        """Refuse the config if *pattern* is one too many."""
        self._patterns.add(pattern)
        if len(self._patterns) > MAX_PATTERNS:
            message = f"more than {MAX_PATTERNS} different patterns: use several configs, or texts"
            raise self._document.refuse(message, self._document.values[path])

    def never(self, path: KeyPath, value: Any) -> tuple[PlaylistId, ...] | None:
        """Return the playlists whose items stay out."""
        found = [(at, forms.playlist(self._document, at, one)) for at, one in listed(path, value)]
        for at, playlist in found:
            if playlist and is_spotify_made(playlist):
                self._document.warn(at, _SPOTIFY_MADE)
        playlists = tuple(dict.fromkeys(playlist for _, playlist in found if playlist))
        return playlists if all(playlist for _, playlist in found) else None

    # --- measures -----------------------------------------------------------------------------------------------------

    def span(self, path: KeyPath, value: Any) -> Span | None:
        """Return how long an item may last."""
        ends = {
            key: length
            for key, one in mapping(value).items()
            if key in ("min", "max") and (length := self.parsed((*path, key), one, rules.duration)) is not None
        }
        try:
            return Span(**ends)
        except NotARule as problem:
            self._document.blame(path, str(problem), settles=True)
            return None

    def parsed(self, path: KeyPath, value: Any, parse: Callable[[str], _T]) -> _T | None:
        """Return what *parse* makes of *value*, written with quotes or without; None, with the reason noted, if none.

        A number and a date are texts like any other here, of which the schema would say that they are none.
        """
        written = value if isinstance(value, str) else self._document.spelled.get(path)
        if written is None or (value is None and not written):
            return None
        try:
            found = parse(written)
        except NotARule as problem:
            self._document.blame(path, str(problem), settles=True)
            return None
        if not isinstance(value, str):
            self._document.settled.add(path)
        return found

    def count(self, _path: KeyPath, value: Any) -> int | None:
        """Return a number of items."""
        return value if type(value) is int and value > 0 else None

    def flag(self, _path: KeyPath, value: Any) -> bool | None:
        """Return whether it is to be."""
        return value if isinstance(value, bool) else None

    def text(self, _path: KeyPath, value: Any) -> str | None:
        """Return a text as it is."""
        return value if isinstance(value, str) else None

    # --- words --------------------------------------------------------------------------------------------------------

    def words(self, path: KeyPath, value: Any, what: str, known: tuple[str, ...]) -> list[str]:
        """Return the words of *value*, one or a list; none if one of them is not *known*, and so is no *what*."""
        found = listed(path, value)
        for at, one in found:
            if isinstance(one, str) and one not in known:
                self._document.blame(at, f"unknown {what} {misspelt(one, known)}", settles=True)
        return [one for _, one in found] if all(one in known for _, one in found) else []

    def kinds(self, path: KeyPath, value: Any) -> frozenset[Medium] | None:
        """Return what is taken."""
        return frozenset(map(Medium, self.words(path, value, "kind", tuple(map(str, Medium))))) or None

    def days(self, path: KeyPath, value: Any) -> frozenset[int] | None:
        """Return the days of the week, Monday being 0."""
        return frozenset(map(DAYS.index, self.words(path, value, "day", DAYS))) or None


_SPOTIFY_MADE: Final = (
    "this looks like a playlist that Spotify makes itself, and since November 2024 Spotify lets no new app read those:"
    " copy its tracks into a playlist of your own in a Spotify app and name that one here"
)


def _unfit(text: str) -> str | None:
    """Say why *text* can be no entry, whatever it stands for."""
    if not is_line(text):
        return "has a control character in it: in single quotes every backslash is one"
    return f"is longer than {MAX_ENTRY} characters: make several of it" if len(text) > MAX_ENTRY else None


def _one_of(words: type[_E]) -> "_Read":
    return lambda _reader, _path, value: words(value) if value in list(words) else None


def _by(parse: Callable[[str], object]) -> "_Read":
    return lambda reader, path, value: reader.parsed(path, value, parse)


_Read = Callable[[Reader, KeyPath, Any], Any]
"""Returns the value of an option; None if it cannot be told."""
_READERS: Final[Mapping[str, _Read]] = {
    "enabled": Reader.flag,
    "account": Reader.text,
    "max_additions": Reader.count,
    "removed": _one_of(Removed),
    "match": _one_of(Match),
    "position": _one_of(Position),
    "include": Reader.names,
    "exclude": Reader.names,
    "explicit": _one_of(Explicit),
    "duration": Reader.span,
    "released_since": _by(rules.day),
    "added_since": _by(rules.since),
    "kinds": Reader.kinds,
    "never": Reader.never,
    "first": Reader.count,
    "last": Reader.count,
    "order": _by(rules.order),
    "interleave": Reader.flag,
    "every": _by(every),
    "days": Reader.days,
}
"""Every option of a pair, and how it is read."""
KNOWN: Final = frozenset(_READERS)
CAN_BE_NONE: Final = KNOWN - {
    *("enabled", "account", "max_additions", "removed", "match", "position", "kinds", "order", "interleave")
}
"""Options of which no other value stands for nothing."""
