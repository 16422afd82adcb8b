"""What the record and an undo come to, as JSON and as lines for people. Values in, values out."""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any, Final

from syncer.ids import PlaylistId, Uri, playlist_uri
from syncer.model import Action, Add, AddState, Failure, Item, Reversal, Reversed, Skip, Stays
from syncer.report import advice, because, details_as_json, error_as_json, reversal_code, title, visible

FEW: Final = 20
"""Items that are named one by one before an undo; the rest is counted."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Happened:
    """One item that was added."""

    at: datetime
    run_id: str
    pair: str
    target: PlaylistId
    source: str
    item: Item
    undone: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Week:
    """What a pair added in a week, by its Monday in UTC."""

    monday: date
    added: int
    undone: int


@dataclass(frozen=True, slots=True, kw_only=True)
class PairHistory:
    """What a pair ever added; the latest week first, and none in which there was nothing."""

    name: str
    weeks: tuple[Week, ...]

    @property
    def added(self) -> int:
        return sum(week.added for week in self.weeks)

    @property
    def undone(self) -> int:
        return sum(week.undone for week in self.weeks)


@dataclass(frozen=True, slots=True, kw_only=True)
class History:
    """The record, summed up: each pair by its name, and what was added last, newest first."""

    pairs: tuple[PairHistory, ...]
    latest: tuple[Happened, ...]

    @property
    def added(self) -> int:
        return sum(pair.added for pair in self.pairs)

    @property
    def undone(self) -> int:
        return sum(pair.undone for pair in self.pairs)


@dataclass(frozen=True, slots=True, kw_only=True)
class Now:
    """What the rules of a pair say of an item that its sources had when they were read last."""

    pair: str
    target: str
    """How reports name it."""
    item: Item
    skip: Skip | None
    """Why it would be left out; None if it would be added."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Why:
    """All that is known of an item: when it was added, newest first, and what each pair makes of it now."""

    uri: Uri
    happened: tuple[Happened, ...]
    now: tuple[Now, ...]

    @property
    def item(self) -> Item | None:
        """The item as it was last seen; None if it never was."""
        seen = [*(one.item for one in self.happened), *(one.item for one in self.now)]
        return seen[0] if seen else None


# --- the record -------------------------------------------------------------------------------------------------------


def happened(add: Add) -> list[Happened]:
    """Return each item of *add*, in order."""
    return [
        Happened(
            at=add.at,
            run_id=add.run_id,
            pair=add.pair,
            target=add.target,
            source=one.source,
            item=one.item,
            undone=add.state is AddState.UNDONE,
        )
        for one in add.additions
    ]


def summed_up(adds: Iterable[Add], *, limit: int) -> History:
    """Sum up *adds*, which come newest first, with the latest *limit* items."""
    latest: list[Happened] = []
    counts: dict[str, dict[date, Counter[bool]]] = {}
    for add in adds:
        latest += happened(add)[: limit - len(latest)]
        week = counts.setdefault(add.pair, {}).setdefault(_monday(add.at), Counter())
        week[add.state is AddState.UNDONE] += len(add.additions)
    return History(
        pairs=tuple(
            PairHistory(
                name=name,
                weeks=tuple(Week(monday=monday, added=one[False], undone=one[True]) for monday, one in weeks.items()),
            )
            for name, weeks in sorted(counts.items())
        ),
        latest=tuple(latest),
    )


def _monday(moment: datetime) -> date:
    day = moment.astimezone(UTC).date()
    return day - timedelta(days=day.weekday())


def history_as_json(history: History) -> dict[str, Any]:
    """Return *history* for programs."""
    return {
        "added": history.added,
        "undone": history.undone,
        "pairs": [
            {
                "name": pair.name,
                "added": pair.added,
                "undone": pair.undone,
                "weeks": [
                    {"week": week.monday.isoformat(), "added": week.added, "undone": week.undone} for week in pair.weeks
                ],
            }
            for pair in history.pairs
        ],
        "latest": [_happened_as_json(one) for one in history.latest],
    }


def _happened_as_json(one: Happened) -> dict[str, Any]:
    return {
        "at": _stamp(one.at),
        "run_id": one.run_id,
        "pair": one.pair,
        "target": playlist_uri(one.target),
        "source": one.source,
        **_item_as_json(one.item),
        "undone": one.undone,
    }


def _item_as_json(item: Item) -> dict[str, Any]:
    return {"uri": item.uri, "name": item.name, "artists": list(item.artists)}


def _stamp(moment: datetime) -> str:
    return f"{moment.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"


def week_rows(history: History, *, width: int, ink: str) -> Iterator[tuple[str, ...]]:
    """Yield a row for each pair and week: its name, Monday, number, and a bar of *ink*, the longest of them *width*."""
    most = max((week.added for pair in history.pairs for week in pair.weeks), default=0)
    for pair in history.pairs:
        for week in pair.weeks:
            bar = ink * -(-width * week.added // max(most, 1))
            yield pair.name, week.monday.isoformat(), f"{week.added}", f"{bar}{_undone(week.undone, before=bar)}"


def _undone(count: int, *, before: str) -> str:
    return f"{' ' if before else ''}({count} undone)" if count else ""


def latest_lines(history: History) -> Iterator[str]:
    """Yield what was added last, a heading for each run and pair with what `undo` is told, and a line an item."""
    last = None
    for one in history.latest:
        if last != (last := (one.run_id, one.pair, one.undone)):
            yield f"{one.at.astimezone(UTC):%Y-%m-%d %H:%M} {one.pair}, run {one.run_id}{', undone' * one.undone}"
        yield f"  {'-' if one.undone else '+'} {title(one.item)}"


def totals(history: History) -> str:
    """Say how much the record holds, in a line."""
    pairs = len(history.pairs)
    undone = f", {history.undone} undone" if history.undone else ""
    return f"{_many(history.added, 'item')} added by {_many(pairs, 'pair')}{undone}."


def _many(count: int, word: str) -> str:
    return f"{count} {word}" + ("" if count == 1 else "s")


# --- why --------------------------------------------------------------------------------------------------------------


def why_as_json(why: Why) -> dict[str, Any]:
    """Return *why* for programs."""
    item = why.item
    return {
        "uri": why.uri,
        "name": item.name if item else None,
        "artists": list(item.artists) if item else [],
        "added": [_happened_as_json(one) for one in why.happened],
        "now": [
            {
                "pair": now.pair,
                "target": now.target,
                "skipped": now.skip.reason.value if now.skip else None,
                **details_as_json(now.skip),
            }
            for now in why.now
        ],
    }


def why_lines(why: Why) -> Iterator[str]:
    """Yield all that is known of an item, a line each."""
    item = why.item
    yield f"{title(item)} ({why.uri})" if item else f"{why.uri} is unknown: no run added it, and no source had it"
    for one in why.happened:
        yield f"  added {one.at.astimezone(UTC):%Y-%m-%d %H:%M} by {one.pair} from {one.source}"
        yield f"    to {playlist_uri(one.target)} in run {one.run_id}{', and undone since' * one.undone}"
    for now in why.now:
        said = f"would skip it now: {because(now.skip)}" if now.skip else "would add it with the next run"
        yield f"  {now.pair} {said}"


# --- undo and redo ----------------------------------------------------------------------------------------------------


def reversal_as_json(reversal: Reversal) -> dict[str, Any]:
    """Return *reversal* for programs."""
    code = reversal_code(reversal)
    return {
        "action": reversal.action.value,
        "of": reversal.of,
        "run_id": reversal.run_id,
        "started_at": _stamp(reversal.started_at),
        "finished_at": _stamp(reversal.finished_at),
        "dry_run": reversal.dry_run,
        "ok": code == 0,
        "exit_code": code,
        "error": error_as_json(reversal.error),
        "pairs": [_part_as_json(part) for part in reversal.parts],
        "requests": reversal.requests,
        "warnings": list(reversal.warnings),
    }


def _part_as_json(part: Reversed) -> dict[str, Any]:
    return {
        "name": part.pair,
        "target": playlist_uri(part.target),
        "done": [_item_as_json(item) for item in part.done],
        "already": [_item_as_json(item) for item in part.already],
        "left": [_item_as_json(one.item) | {"reason": one.reason.value} for one in part.left],
        "deferred": part.deferred,
        "unconfirmed": part.unconfirmed,
        "error": error_as_json(part.error),
    }


def reversal_lines(reversal: Reversal) -> Iterator[tuple[str, bool]]:
    """Yield what an undo or a redo did, or would do, line by line, with whether it matters to who wants no details."""
    told: list[Failure] = []
    for part in reversal.parts:
        yield f"{visible(part.pair)}: {', '.join(_counts(reversal, part))}", bool(part.left or part.error)
        if reversal.dry_run:
            yield from ((line, False) for line in _some([f"  - {title(item)}" for item in part.done]))
        yield from ((f"  left: {title(one.item)} ({_REASONS[one.reason]})", True) for one in part.left)
        if part.error and part.error not in told:
            told.append(part.error)
            yield from ((line, True) for line in advice(part.error))
    if reversal.error and reversal.error not in told:
        yield from ((line, True) for line in advice(reversal.error))


def _some(lines: Sequence[str]) -> Iterator[str]:
    yield from lines[:FEW]
    if len(lines) > FEW:
        yield f"  … and {len(lines) - FEW} more"


_REASONS: Final = {
    Stays.THERE_TWICE: "it is there twice, and Spotify would take out both",
    Stays.ADDED_AGAIN: "it was added again since",
    Stays.RELINKED: "Spotify shows it under another id",
    Stays.REJECTED: "Spotify refused it",
}


def _counts(reversal: Reversal, part: Reversed) -> Iterator[str]:
    undo = reversal.action is Action.UNDO
    yield f"{len(part.done)} {_DONE[reversal.action, reversal.dry_run]}"
    if part.already:
        yield f"{len(part.already)} {'not there any more' if undo else 'there anyway'}"
    if part.left:
        yield f"{len(part.left)} left"
    if part.deferred:
        yield f"{part.deferred} not reached"
    if part.unconfirmed:
        yield f"{part.unconfirmed} unconfirmed"


_DONE: Final = {
    (Action.UNDO, True): "to take out",
    (Action.UNDO, False): "taken out",
    (Action.REDO, False): "added again",
}
