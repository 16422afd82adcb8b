"""What a pair takes of its sources, and in which order. Values in, values out: no clock, no log, no request."""

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import partial
from hashlib import blake2b
from itertools import chain, zip_longest
from typing import Final
from unicodedata import normalize

from syncer.ids import Uri, is_addable
from syncer.model import Item, Kind, Reason, Skip
from syncer.rules import By, Entry, Explicit, Filter, Medium, Order, Pattern, Rules, fold

Never = Callable[[Item], Item | None]
"""Tells which item of the never lists equals an item; None where none does."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Selection:
    """What is left for the planner, in the order of adding; and what was left out, each item with its reason."""

    items: tuple[Item, ...]
    skips: tuple[Skip, ...] = ()


def select(rules: Rules, held: Sequence[Sequence[Item]], *, never: Never, now: datetime, name: str) -> Selection:
    """Pick and order by *rules* what is *held* by the sources, in their order, of the pair called *name*.

    Every item ends up in the selection once: among its items, or as a skip with its reason. What can never be added
    is among the items, for the planner has better reasons: no rule is about it, and it takes no place of the first N.
    """
    checks = tuple(_checks(rules, now))
    items: list[Item] = []
    skips: list[Skip] = []
    for item in _in_turns(held) if rules.interleave else chain.from_iterable(held):
        if not _counts(item):
            items.append(item)
        elif detail := next(filter(None, (check(item) for check in checks)), ""):
            skips.append(Skip(item=item, reason=Reason.EXCLUDED, detail=detail))
        elif twin := never(item):
            skips.append(Skip(item=item, reason=Reason.NEVER, equals=None if twin.uri == item.uri else twin))
        else:
            items.append(item)
    left, beyond = _cut(_ordered(items, rules.order, name), rules)
    return Selection(items=tuple(left), skips=(*skips, *beyond))


def _counts(item: Item) -> bool:
    return item.kind in _MEDIA and item.uri is not None and is_addable(item.uri)


def _in_turns(held: Sequence[Sequence[Item]]) -> Iterator[Item]:
    """Yield the first of each, then the second of each; those that are longer go on without the others."""
    for turn in zip_longest(*held):
        yield from (item for item in turn if item is not None)


# --- order and number -------------------------------------------------------------------------------------------------


def _ordered(items: list[Item], order: Order, name: str) -> list[Item]:
    """Return *items* in *order*; those of unknown age come last, and what is alike stays as it was."""
    if order.by is By.SOURCE:
        return items
    if order.by is By.SHUFFLE:
        return sorted(items, key=partial(_lot, order.seed or name))
    dated = [(at, item) for item in items if (at := _added(item))]
    dated.sort(key=lambda one: one[0], reverse=order.by is By.NEWEST)
    return [*(item for _, item in dated), *(item for item in items if not _added(item))]


def _lot(seed: str, item: Item) -> bytes:
    """Return what decides about the place of *item*: itself and *seed* alone, so that others may come and go."""
    return blake2b(f"{seed} {item.uri}".encode(errors="backslashreplace"), digest_size=16).digest()


def _cut(items: Sequence[Item], rules: Rules) -> tuple[Sequence[Item], list[Skip]]:
    """Return the end of *items* that the rules want, and the rest as skips."""
    if rules.first is not None:
        wanted, detail = range(_reach(items, rules.first)), f"not among the first {rules.first}"
    elif rules.last is not None:
        start = len(items) - _reach(items[::-1], rules.last)
        wanted, detail = range(start, len(items)), f"not among the last {rules.last}"
    else:
        return items, []
    left: list[Item] = []
    beyond: list[Skip] = []
    for place, item in enumerate(items):
        if place in wanted or not _counts(item):
            left.append(item)
        else:
            beyond.append(Skip(item=item, reason=Reason.EXCLUDED, detail=detail))
    return left, beyond


def _reach(items: Sequence[Item], number: int) -> int:
    """Return how many of *items*, from the front, hold *number* different ones: repeats take no place."""
    different: set[Uri | None] = set()
    for place, item in enumerate(items):
        if _counts(item):
            different.add(item.uri)
            if len(different) > number:
                return place
    return len(items)


# --- one item ---------------------------------------------------------------------------------------------------------

_Check = Callable[[Item], str]
"""Says why a rule leaves an item out; empty where it does not. What Spotify does not tell is no reason."""
_MEDIA: Final = {Kind.TRACK: Medium.TRACKS, Kind.EPISODE: Medium.EPISODES}
_MILLISECOND: Final = timedelta(milliseconds=1)
_RELEASED: Final = re.compile(r"[1-9]\d{3}(?:-\d\d){0,2}", re.ASCII)


def _checks(rules: Rules, now: datetime) -> Iterator[_Check]:
    """Yield what *rules* ask of an item, the quick first."""
    if rules.kinds != frozenset(Medium):
        yield partial(_other_kind, rules.kinds)
    if rules.explicit is not None:
        yield partial(_explicitness, rules.explicit)
    if rules.duration.min is not None:
        yield partial(_too_short, rules.duration.min)
    if rules.duration.max is not None:
        yield partial(_too_long, rules.duration.max)
    if rules.released_since is not None:
        yield partial(_too_old, rules.released_since)
    if rules.added_since is not None:
        yield partial(_there_too_long, *_limit(rules.added_since, now))
    for field, entries in _fields(rules.include):
        yield partial(_not_included, field, _matcher(field, entries))
    for field, entries in _fields(rules.exclude):
        yield partial(_ruled_out, field, _matcher(field, entries))


def _other_kind(wanted: frozenset[Medium], item: Item) -> str:
    return "" if _MEDIA[item.kind] in wanted else f"it is {'an episode' if item.kind is Kind.EPISODE else 'a track'}"


def _explicitness(rule: Explicit, item: Item) -> str:
    if rule is Explicit.EXCLUDE:
        return "it is explicit" if item.explicit else ""
    return "it is not explicit" if item.explicit is False else ""


def _too_short(least: timedelta, item: Item) -> str:
    is_it = item.duration_ms is not None and item.duration_ms < least // _MILLISECOND
    return f"shorter than {_spoken(least)}" if is_it else ""


def _too_long(most: timedelta, item: Item) -> str:
    is_it = item.duration_ms is not None and item.duration_ms > most // _MILLISECOND
    return f"longer than {_spoken(most)}" if is_it else ""


def _spoken(length: timedelta) -> str:
    minutes, seconds = divmod(length // timedelta(seconds=1), 60)
    hours, minutes = divmod(minutes, 60)
    parts = ((hours, "hour"), (minutes, "minute"), (seconds, "second"))
    return " ".join(_many(count, unit) for count, unit in parts if count)


def _many(count: int, unit: str) -> str:
    return f"{count} {unit}{'s' * (count != 1)}"


def _too_old(since: date, item: Item) -> str:
    """Compare as text; the year alone, or the month, counts by the last day that it can mean."""
    released = item.released or ""
    is_known = _RELEASED.fullmatch(released) is not None
    is_it = is_known and released + "-12-31"[len(released) - 4 :] < since.isoformat()
    return f"released in {released}, before {since}" if is_it else ""


def _limit(since: date | timedelta, now: datetime) -> tuple[datetime, str]:
    """Return the moment that *since* means, and how to say that something was before."""
    if isinstance(since, timedelta):
        return now - since, f"more than {_many(since.days, 'day')} ago"
    return datetime.combine(since, time(), UTC), f"before {since}"


def _there_too_long(since: datetime, before: str, item: Item) -> str:
    at = _added(item)
    return f"added on {at.date()}, {before}" if at and at < since else ""


def _added(item: Item) -> datetime | None:
    """Return when *item* was added to where it comes from, as far as that is known."""
    try:
        at = datetime.fromisoformat(item.added_at or "")
    except ValueError:
        return None
    return at if at.tzinfo else at.replace(tzinfo=UTC)


# --- names, titles and patterns ---------------------------------------------------------------------------------------

_Matcher = Callable[[str], Entry | None]
"""Tells which of some entries a text matches first; None where none does."""


def _fields(rule: Filter) -> list[tuple[str, tuple[Entry, ...]]]:
    fields = [("artist", rule.artist), ("album", rule.album), ("title", rule.title)]
    return [(field, entries) for field, entries in fields if entries]


def _texts(field: str, item: Item) -> tuple[str, ...]:
    match field:
        case "artist":
            return item.artists
        case "album":
            return (item.album,)
        case _:
            return (item.name,)


def _not_included(field: str, matcher: _Matcher, item: Item) -> str:
    return "" if any(map(matcher, _texts(field, item))) else f"the {field} matches nothing under include"


def _ruled_out(field: str, matcher: _Matcher, item: Item) -> str:
    found = next(filter(None, map(matcher, _texts(field, item))), None)
    if found is None:
        return ""
    verb = "matches" if isinstance(found, Pattern) else "is" if field == "artist" else "contains"
    return f"the {field} {verb} {found}"


def _matcher(field: str, entries: Iterable[Entry]) -> _Matcher:
    tests = [(entry, _test(entry, is_whole=field == "artist")) for entry in entries]

    def first(text: str) -> Entry | None:
        folded, written = fold(text), normalize("NFC", text)
        return next((entry for entry, test in tests if test(folded, written)), None)

    return first


def _test(entry: Entry, *, is_whole: bool) -> Callable[[str, str], bool]:
    """Return what tells whether *entry* matches a text, given folded and as it is written."""
    if isinstance(entry, Pattern):
        find = entry.finder()
        return lambda folded, written: find(written if entry.sees_accents else folded)
    words = fold(entry.words)
    if is_whole:
        return lambda folded, _: folded == words
    begin, end = (r"\b" if edge.isalnum() else "" for edge in (words[0], words[-1]))
    search = re.compile(f"{begin}{re.escape(words)}{end}").search
    return lambda folded, _: words in folded and search(folded) is not None
