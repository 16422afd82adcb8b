"""What is kept between runs, as text: written and read in one place for every store."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from datetime import UTC, datetime
from typing import Any, Final

from syncer.ids import PlaylistId, Uri
from syncer.model import Add, Addition, AddState, Item, Kind, Volume

MAX_BYTES: Final = 300_000
"""Of one add: DynamoDB takes items of up to 400 KB, keys included."""
_SHORT: Final = 50
_FEW: Final = 5
"""Characters of a name, and artists, that are kept where all of them would be too much."""


class Unreadable(ValueError):
    """What was found is nothing that we wrote."""


def settled(add: Add, landed: Sequence[Uri], state: AddState) -> Add | None:
    """Return what is left to keep of *add*, as StateStore.settle has it."""
    there = set(landed)
    additions = tuple(addition for addition in add.additions if addition.item.uri in there)
    return replace(add, additions=additions, state=state) if additions else None


def stamp(at: datetime) -> str:
    """Return *at* in UTC, such that later is greater."""
    return at.astimezone(UTC).replace(tzinfo=None).isoformat(timespec="microseconds") + "Z"


def moment(text: object) -> datetime:
    """Return what :func:`stamp` made *text* of; Unreadable if nothing was."""
    try:
        at = datetime.fromisoformat(_text(text))
        if stamp(at) == text:
            return at
    except (TypeError, ValueError, OverflowError):
        pass
    raise Unreadable


def encode(add: Add) -> str:
    """Return *add* as JSON of at most MAX_BYTES in UTF-8.

    Where names would make it larger they are cut and artists left out: they are there for people to read.
    """
    text = _json(add)
    return text if len(text.encode()) <= MAX_BYTES else _json(_shortened(add))


def decode(text: object) -> Add:
    """Return the add that :func:`encode` made *text* of; Unreadable if none was."""
    try:
        row = json.loads(_text(text))
        return Add(
            id=_text(row["id"]),
            run_id=_text(row["run_id"]),
            pair=_text(row["pair"]),
            target=PlaylistId(_text(row["target"])),
            at=moment(row["at"]),
            position=_count(row["position"]),
            state=AddState(row["state"]),
            additions=tuple(map(_addition, _list(row["additions"]))),
        )
    except (KeyError, TypeError, ValueError, RecursionError):
        raise Unreadable from None


def encode_volume(volume: Volume) -> str:
    """Return *volume* as JSON."""
    return _packed(asdict(volume) | {"at": stamp(volume.at)})


def decode_volume(text: object) -> Volume:
    """Return the volume that :func:`encode_volume` made *text* of; Unreadable if none was."""
    try:
        row = json.loads(_text(text))
        return Volume(
            account=_text(row["account"]),
            series=_text(row["series"]),
            number=_count(row["number"]),
            name=_text(row["name"]),
            marked=_flag(row["marked"]),
            at=moment(row["at"]),
            playlist=None if row["playlist"] is None else PlaylistId(_text(row["playlist"])),
        )
    except (KeyError, TypeError, ValueError, RecursionError):
        raise Unreadable from None


def _json(add: Add) -> str:
    row = {
        "id": add.id,
        "run_id": add.run_id,
        "pair": add.pair,
        "target": add.target,
        "at": stamp(add.at),
        "position": add.position,
        "state": add.state,
        "additions": [
            {
                "uri": one.item.uri,
                "kind": one.item.kind,
                "name": one.item.name,
                "artists": one.item.artists,
                "added_at": one.item.added_at,
                "source": one.source,
            }
            for one in add.additions
        ],
    }
    return _packed(row)


def _packed(row: Mapping[str, object]) -> str:
    text = json.dumps(row, ensure_ascii=False, separators=(",", ":"))
    return text.encode("utf-8", "replace").decode()  # half of a surrogate pair is nothing a store takes


def _shortened(add: Add) -> Add:
    return replace(add, additions=tuple(replace(one, item=_short(one.item)) for one in add.additions))


def _short(item: Item) -> Item:
    return replace(
        item,
        name=item.name[:_SHORT],
        artists=tuple(name[:_SHORT] for name in item.artists[:_FEW]),
        added_at=item.added_at and item.added_at[:_SHORT],
    )


def _addition(row: Any) -> Addition:
    item = Item(
        uri=None if row["uri"] is None else Uri(_text(row["uri"])),
        kind=Kind(row["kind"]),
        name=_text(row["name"]),
        artists=tuple(map(_text, _list(row["artists"]))),
        added_at=None if row["added_at"] is None else _text(row["added_at"]),
    )
    return Addition(item=item, source=_text(row["source"]))


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError
    return value


def _list(value: object) -> list[object]:
    if not isinstance(value, list):
        raise TypeError
    return value


def _flag(value: object) -> bool:
    if not isinstance(value, bool):
        raise TypeError
    return value


def _count(value: object) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or value < 0:
        raise TypeError
    return value
