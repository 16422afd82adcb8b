"""What is remembered of playlists from run to run, so that nothing is read twice. Losing it only costs requests.

Diaries alone hold what cannot be asked for again.
"""

import json
import logging
import zlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, fields, is_dataclass
from datetime import datetime
from hashlib import sha256
from typing import Any, Final, TypeVar

from syncer.allowance import Allowance, Hours
from syncer.errors import StateUnusable
from syncer.ids import Uri
from syncer.model import Item, Kind, Match, Pair, Play, PlaylistSource, Position, Reason, Removed, Source
from syncer.ports import Connection, StateStore
from syncer.rules import Rules

log = logging.getLogger(__name__)
T = TypeVar("T")

FORMAT: Final = 2
"""Of everything that is kept here; what is in another one counts as lost."""
REPORT: Final = "report"
"""What the last report of a run of many workers is kept as."""
INDEX: Final = "index"
"""What the index is kept as."""
MOST: Final = 32 * 1024 * 1024
"""Bytes that anything kept here may unpack to."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Contents:
    """The entries of a playlist at one version of it: all, or the first ones where a read was cut short."""

    version: str | None
    """Its snapshot id, or what stands for one; None where it is not known for sure."""
    total: int
    items: tuple[Item, ...]
    read_at: datetime
    """When its first entries were read; what we added since, and saw there, may be in it too."""
    again: bool = False
    """Whether all of it had been read before."""

    @property
    def is_whole(self) -> bool:
        return len(self.items) == self.total


@dataclass(frozen=True, slots=True, kw_only=True)
class Mark:
    """That a pair had nothing left to add, and at which versions of its playlists."""

    route: str
    """What the pair was then; one that reads or writes elsewhere now is another pair."""
    sources: tuple[str, ...]
    targets: tuple[str, ...]
    """Of the playlists that its target is made of."""
    seen_at: datetime
    """When these were last seen at those versions."""
    until: datetime
    """When the first of what is known of them is too old to be believed."""
    skipped: Mapping[Reason, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Turn:
    """When a pair that does not take one in every run had its last turn."""

    pair: str
    """What the pair was then; one that was edited since has had none."""
    at: datetime


@dataclass(slots=True, kw_only=True)
class Index:
    """What is remembered of all pairs; small, and read in one go."""

    marks: dict[str, Mark] = field(default_factory=dict)
    """By the name of the pair."""
    libraries: dict[str, int] = field(default_factory=dict)
    """How many playlists each account has."""
    turns: dict[str, Turn] = field(default_factory=dict)
    """By the name of the pair."""


def looked_at(pair: Pair) -> tuple[tuple[str, Source], ...]:
    """Return all that decides what *pair* adds, with the account that reads it: its sources, then its never lists."""
    return (*pair.reads, *((pair.account, PlaylistSource(one)) for one in pair.rules.never))


def route(pair: Pair) -> str:
    """Return what decides which items *pair* has nothing left to do about."""
    options = {
        "removed": (pair.removed, Removed.COME_BACK),
        "rules": (pair.rules, Rules()),
        "match": (pair.match, Match.URI),
        "position": (pair.position, Position.END),
        "create": (pair.create, None),
        "roll_over": (pair.roll_over, False),
    }
    said = {name: _spelled_out(value) for name, (value, usual) in options.items() if value != usual}
    digest = [sha256(json.dumps(said).encode()).hexdigest()] if said else []
    return " ".join([pair.account, *(key(*read) for read in pair.reads), *pair.playlists, *digest])


def _spelled_out(value: object) -> object:
    """Return *value* as JSON can have it, the same in every process."""
    if is_dataclass(value):
        return [type(value).__name__, *(_spelled_out(getattr(value, part.name)) for part in fields(value))]
    if isinstance(value, tuple | frozenset):
        return [_spelled_out(one) for one in (value if isinstance(value, tuple) else sorted(value))]
    return None if value is None else str(value)


def key(account: str, source: Source) -> str:
    """Return what the contents of *source* are kept as, which *account* read."""
    return f"{account} {source}"


class Cache:
    """What is remembered, in the store *state*, which may lose or refuse it."""

    def __init__(self, state: StateStore) -> None:
        self._state = state

    def contents(self, key: str) -> Contents | None:
        """Return what was kept as *key*."""
        return self._get(f"contents {key}", _contents)

    def keep(self, key: str, contents: Contents) -> None:
        """Keep *contents* as *key*."""
        rows = list(map(_row, contents.items))
        head = {"version": contents.version, "total": contents.total, "again": contents.again}
        self._put(f"contents {key}", {**head, "read_at": contents.read_at.isoformat(), "items": rows})

    def diary(self, name: str) -> tuple[Play, ...]:
        """Return what was kept as *name*; nothing where there is none.

        StateUnusable where nobody can tell: what is kept there must not be written over then.
        """
        return self._kept(f"diary {name}", _plays) or ()

    def keep_diary(self, name: str, plays: Sequence[Play]) -> None:
        """Keep *plays* as *name* in place of what was there."""
        rows = [[play.at.isoformat(), play.context, _row(play.item)] for play in plays]
        self._put(f"diary {name}", {"plays": rows})

    def index(self) -> Index:
        """Return the index, an empty one where there is none."""
        return self._get(INDEX, index_of) or Index()

    def keep_index(self, index: Index) -> None:
        """Keep *index* in place of the one before."""
        self._put(INDEX, index_as_json(index))

    def report(self) -> dict[str, Any] | None:
        """Return the report that was kept last."""
        return self._get(REPORT, lambda document: dict(document["report"]))

    def keep_report(self, report: Mapping[str, Any]) -> None:
        """Keep *report* in place of the one before."""
        self._put(REPORT, {"report": report})

    def isrcs(self) -> dict[Uri, str]:
        """Return the ISRC of each track that was asked for; empty for one that has none."""
        return self._get("isrcs", _isrcs) or {}

    def keep_isrcs(self, isrcs: Mapping[Uri, str]) -> None:
        """Keep *isrcs* in place of those before."""
        self._put("isrcs", {"isrcs": isrcs})

    def spent(self, client_id: str) -> Hours:
        """Return what was counted for *client_id* lately."""
        return self._get(f"spent {client_id}", _spent) or {}

    def keep_spent(self, client_id: str, hours: Hours) -> None:
        """Keep *hours* for :meth:`spent`."""
        self._put(f"spent {client_id}", {"hours": [[hour, *counts] for hour, counts in hours.items()]})

    def _get(self, name: str, read: Callable[[Any], T]) -> T | None:
        """Return what was kept as *name*; nothing where it cannot be had, which only costs requests."""
        try:
            return self._kept(name, read)
        except StateUnusable as error:
            log.warning("the cache was not read", extra={"reason": str(error)})
            return None

    def _kept(self, name: str, read: Callable[[Any], T]) -> T | None:
        content = self._state.cached(name)
        return None if content is None else _read(name, content, read)

    def _put(self, name: str, document: Mapping[str, object]) -> None:
        try:
            self._state.cache(name, packed(document))
        except StateUnusable as error:
            log.warning("the cache was not written", extra={"reason": str(error)})


def _read(name: str, content: bytes, read: Callable[[Any], T]) -> T | None:
    try:
        return read(unpacked(content))
    except (zlib.error, ValueError, KeyError, TypeError, AttributeError, OverflowError, RecursionError):
        log.warning("what was cached cannot be read", extra={"cached": name})
        return None


def index_as_json(index: Index) -> dict[str, object]:
    """Return *index* as it is kept, once it is packed."""
    marks = {
        name: {
            "route": mark.route,
            "sources": mark.sources,
            "targets": mark.targets,
            "seen_at": mark.seen_at.isoformat(),
            "until": mark.until.isoformat(),
            "skipped": mark.skipped,
        }
        for name, mark in index.marks.items()
    }
    turns = {name: [turn.pair, turn.at.isoformat()] for name, turn in index.turns.items()}
    return {"marks": marks, "libraries": index.libraries, "turns": turns}


def packed(document: Mapping[str, object]) -> bytes:
    """Return *document* as it is kept."""
    text = json.dumps({"format": FORMAT, **document}, separators=(",", ":"))
    return zlib.compress(text.encode(), 3)


def unpacked(content: bytes) -> Any:
    """Return the document that was packed into *content*; an error of zlib, or ValueError or KeyError, if none was."""
    document = json.loads(zlib.decompressobj().decompress(content, MOST))
    if document["format"] != FORMAT:
        raise ValueError(document["format"])
    return document


class Ledger:
    """What the client ids of one run asked for lately, and what they ask for in it."""

    def __init__(self, cache: Cache, now: datetime) -> None:
        self._cache = cache
        self._hour = int(now.timestamp() // 3600)
        self._open: dict[str, Allowance] = {}

    def open(self, connection: Connection) -> Connection:
        """Return *connection*, whose client id reckons with what was spent before."""
        if connection.client_id not in self._open:
            self._begin(connection.client_id, connection.allowance)
            self._open[connection.client_id] = connection.allowance
        return connection

    def _begin(self, client_id: str, allowance: Allowance) -> None:
        allowance.begin(self._hour, self._cache.spent(client_id))

    def warnings(self) -> Iterator[str]:
        """Yield what a person should know of the spending of each client id."""
        yield from filter(None, (allowance.warning for allowance in self._open.values()))

    def close(self) -> None:
        """Have later runs reckon with this one."""
        for client_id, allowance in self._open.items():
            self._cache.keep_spent(client_id, allowance.hours())


def _row(item: Item) -> list[object]:
    """Return *item* as it is kept; what comes last and is not known is left out."""
    row: list[object] = [
        item.uri,
        item.kind,
        item.name,
        item.artists,
        item.added_at,
        item.album,
        item.released,
        item.duration_ms,
        item.explicit,
        item.isrc,
    ]
    while row[-1] == _UNKNOWN[len(row) - 1]:
        row.pop()
    return row


_KINDS: Final = {kind.value: kind for kind in Kind}


def _item(row: Any) -> Item:
    whole: list[Any] = [*row, *_UNKNOWN[len(row) :]]
    uri, kind, name, artists, added_at, album, released, duration_ms, explicit, isrc = whole
    return Item(
        uri=None if uri is None else Uri(_text(uri)),
        kind=_KINDS[kind],
        name=_text(name),
        artists=tuple(map(_text, artists)),
        added_at=_known(added_at),
        album=_text(album),
        released=_known(released),
        duration_ms=None if duration_ms is None else _count(duration_ms),
        explicit=_flag(explicit),
        isrc=_known(isrc),
    )


_UNKNOWN: Final[tuple[Any, ...]] = (None, "", "", (), None, "", None, None, None, None)
"""What stands for what a row leaves out."""


def _plays(document: Any) -> tuple[Play, ...]:
    return tuple(
        Play(item=_item(row), at=_moment(at), context=_known(context)) for at, context, row in document["plays"]
    )


def _contents(document: Any) -> Contents:
    items = tuple(map(_item, document["items"]))
    total = _count(document["total"])
    if len(items) > total:
        raise ValueError(total)
    return Contents(
        version=_text(document["version"]),
        total=total,
        items=items,
        read_at=_moment(document["read_at"]),
        again=document["again"] is True,
    )


def index_of(document: Any) -> Index:
    """Return the index that ``index_as_json`` made *document* of."""
    return Index(
        marks={name: _mark(mark) for name, mark in document["marks"].items()},
        libraries={account: _count(total) for account, total in document["libraries"].items()},
        turns={name: Turn(pair=_text(of), at=_moment(at)) for name, (of, at) in document.get("turns", {}).items()},
    )


def _mark(row: Any) -> Mark:
    return Mark(
        route=_text(row["route"]),
        sources=tuple(map(_text, row["sources"])),
        targets=tuple(map(_text, row["targets"])),
        seen_at=_moment(row["seen_at"]),
        until=_moment(row["until"]),
        skipped={Reason(reason): _count(count) for reason, count in row["skipped"].items()},
    )


def _isrcs(document: Any) -> dict[Uri, str]:
    return {Uri(uri): _text(isrc) for uri, isrc in document["isrcs"].items()}


def _spent(document: Any) -> Hours:
    return {_count(hour): (_count(spent), _count(again)) for hour, spent, again in document["hours"]}


def _moment(text: Any) -> datetime:
    at = datetime.fromisoformat(_text(text))
    if at.tzinfo is None:
        raise ValueError(text)
    return at


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError
    return value


def _known(value: object) -> str | None:
    return None if value is None else _text(value)


def _flag(value: object) -> bool | None:
    if value is not None and not isinstance(value, bool):
        raise TypeError
    return value


def _count(value: object) -> int:
    if type(value) is not int or value < 0:
        raise TypeError
    return value
