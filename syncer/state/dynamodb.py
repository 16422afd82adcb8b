"""State in one DynamoDB table with the string keys ``pk`` and ``sk``, shared by every machine that may use it."""

import logging
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from datetime import datetime
from functools import cached_property
from hashlib import sha256
from itertools import islice
from typing import Any, Final, Protocol

from syncer import aws
from syncer.errors import AwsDenied, Locked, Reach, StateUnreachable, StateUnusable
from syncer.ids import PlaylistId, Uri
from syncer.model import Add, AddState, NotBefore, Volume
from syncer.state import rows

log = logging.getLogger(__name__)

CONNECT_SECONDS, READ_SECONDS = 5, 10
VERSION: Final = 1
"""Of what is in the table."""
PART_BYTES: Final = 330_000
"""Of what is cached, in one item: it takes 400 KB with its keys, and a page of a query, of 1 MB, three of these."""

Key = tuple[str, str]
Row = Mapping[str, str | bytes]
"""The attributes of an item; only what is cached or shared is not text."""

_SCHEMA: Final = ("schema", "schema")
_LOCK: Final = ("lock", "lock")
_RESUME: Final = ("resume", "resume")
_LIMIT: Final = "limit"
_OPEN: Final = "open"
"""Adds SENT or RELINKED, by target and id."""
_RECORD: Final = "record"
"""Adds LANDED or RELINKED, by time and id. Who reads only the latest pays only for the latest."""
_VOLUMES: Final = "volumes"
"""A partition for each account and series, by number."""
_CACHE: Final = "cache"
"""A partition for each name: the head, which holds what fits, and before it the parts of what does not, by digest."""
_HEAD: Final = "head"
"""Greater than every digest, which has no letter above f."""
_SHARED: Final = "shared"
"""A partition for each family, by name."""

_IS_OURS: Final = "#owner = :owner AND #until = :until"
_IS_FREE: Final = f"attribute_not_exists(#until) OR #until <= :now OR ({_IS_OURS})"
_IS_UNDERSTOOD: Final = "attribute_not_exists(#version) OR #version = :version"
_IS_NOT_EARLIER: Final = "attribute_not_exists(#at) OR #at <= :at"
_HAS_NO_PARTS: Final = "attribute_not_exists(#parts) OR #parts = :parts"
_HAS_NO_VALUE: Final = "attribute_not_exists(#content)"
_HAS_THE_VALUE: Final = "#content = :content"

_YES, _NO = "yes", "no"

_NEEDS: Final = {"TransactWriteItems": "PutItem and dynamodb:DeleteItem"}
"""What a role must be allowed for a call that is no permission itself."""


class Client(Protocol):
    """The calls of a boto3 client that are used.

    A role needs GetItem, PutItem, DeleteItem and Query on the table: a transaction asks for what it is made of.
    """

    def get_item(self, **request: Any) -> Mapping[str, Any]: ...
    def put_item(self, **request: Any) -> Mapping[str, Any]: ...
    def delete_item(self, **request: Any) -> Mapping[str, Any]: ...
    def query(self, **request: Any) -> Mapping[str, Any]: ...
    def transact_write_items(self, **request: Any) -> Mapping[str, Any]: ...


def connect() -> Client:
    """Return boto3's client, found by boto3's own rules."""
    client: Client = aws.client("dynamodb", connect_seconds=CONNECT_SECONDS, read_seconds=READ_SECONDS)
    return client


class StateDenied(AwsDenied, StateUnusable):
    """AWS does not let us use the table."""

    reach = Reach.RUN


class DynamoDbState:
    """State in the table *name*, as FleetState promises. AWS is not touched before the first call.

    Every write may be carried out twice, which is what the SDK does when an answer is lost.
    """

    keeps = True
    unknown_since: datetime | None = None

    def __init__(self, name: str, client_factory: Callable[[], Client] = connect) -> None:
        self._name = name
        self._client_factory = client_factory

    @contextmanager
    def lock(self, run_id: str, *, now: datetime, until: datetime) -> Iterator[None]:
        """Keep other runs out, no longer than *until*."""
        self.hold(run_id, now=now, until=until)
        try:
            yield
        finally:
            try:
                self.let_go(run_id, until=until)
            except StateUnusable as error:  # the lock ends by itself; the run's work is done
                log.warning("the lock was left to expire", extra={"reason": str(error)})

    def hold(self, run_id: str, *, now: datetime, until: datetime) -> None:
        """Keep other runs out. *run_id* and *until* together say whose the lock is."""
        owner = _owner(run_id, until)
        try:
            self._table.put(_LOCK, owner, when=_IS_FREE, given={"now": rows.stamp(now), **owner})
        except _Refused:
            raise Locked(f"the lock in the table {self._name}") from None

    def let_go(self, run_id: str, *, until: datetime) -> None:
        with suppress(_Refused):
            self._table.delete(_LOCK, when=_IS_OURS, given=_owner(run_id, until))

    def sending(self, add: Add) -> None:
        self._table.put(_open_key(add), {"body": rows.encode(add)})

    def settle(self, add: Add, *, landed: Sequence[Uri], state: AddState) -> None:
        left = rows.settled(add, landed, state)
        row = None if left is None else {"body": rows.encode(left)}
        self._table.change(
            {
                _open_key(add): None if state is AddState.LANDED else row,
                _record_key(add): None if state is AddState.SENT else row,
            }
        )

    def adds(self, target: PlaylistId, *, since: datetime) -> tuple[Add, ...]:
        # The open ones first: one that is settled while we read is then found twice, rather than not at all.
        found = {add.id: add for add in self._adds(_OPEN, "begins_with(sk, :sk)", f"{target}#")}
        lately = self._adds(_RECORD, "sk >= :sk", rows.stamp(since), of=target)
        found |= {add.id: add for add in lately if add.target == target}
        return tuple(found[each] for each in sorted(found))

    def record(self) -> Iterator[Add]:
        return self._adds(_RECORD, "sk >= :sk", "0", newest_first=True)

    def _adds(
        self, partition: str, condition: str, value: str, *, newest_first: bool = False, of: str = ""
    ) -> Iterator[Add]:
        """Yield the adds that are found; of those that do not name *of* anywhere, none needs to be understood."""
        for row in self._table.query(partition, condition, value, newest_first=newest_first):
            if of not in str(row.get("body", of)):
                continue
            with self._table.explained("Query"):
                add = rows.decode(row.get("body"))
            yield add

    def volumes(self, account: str, series: str) -> tuple[Volume, ...]:
        found = self._table.query(f"{_VOLUMES}#{account}#{series}", "sk >= :sk", "0")
        with self._table.explained("Query"):
            return tuple(rows.decode_volume(row.get("body")) for row in found)

    def keep_volume(self, volume: Volume) -> None:
        self._table.put(_volume_key(volume), {"body": rows.encode_volume(volume)})

    def forget_volume(self, volume: Volume) -> None:
        self._table.delete(_volume_key(volume))

    def not_before(self, client_id: str) -> NotBefore | None:
        row = self._table.get((_LIMIT, client_id))
        if row is None:
            return None
        with self._table.explained("GetItem"):
            return NotBefore(at=rows.moment(row.get("at")), quota=row.get("quota") == _YES)

    def wait(self, client_id: str, wish: NotBefore) -> None:
        row = {"at": rows.stamp(wish.at), "quota": _YES if wish.quota else _NO}
        with suppress(_Refused):
            self._table.put((_LIMIT, client_id), row, when=_IS_NOT_EARLIER, given={"at": row["at"]})

    def resume_at(self) -> str | None:
        pair = (self._table.get(_RESUME) or {}).get("pair")
        return pair if isinstance(pair, str) else None

    def stopped_at(self, pair: str | None) -> None:
        if pair is None:
            self._table.delete(_RESUME)
        else:
            self._table.put(_RESUME, {"pair": pair})

    def cached(self, name: str) -> bytes | None:
        """Return what its digest proves to be whole: a write may be under way, or was never finished."""
        partition = f"{_CACHE}#{name}"
        head = self._table.get((partition, _HEAD))
        if head is None:
            return None
        fits, digest = head.get("parts") == "0", str(head.get("digest"))
        parts = [head] if fits else self._table.query(partition, "begins_with(sk, :sk)", f"{digest}#")
        content = b"".join(map(_content, parts))
        return content if _digest(content) == digest else None

    def cache(self, name: str, content: bytes) -> None:
        """Keep *content* in the head, or else in parts under keys of its own before the head that speaks of them."""
        partition, digest = f"{_CACHE}#{name}", _digest(content)
        if len(content) <= PART_BYTES:
            head: Row = {"digest": digest, "parts": "0", "content": content}
            with suppress(_Refused):
                self._table.put((partition, _HEAD), head, when=_HAS_NO_PARTS, given={"parts": "0"})
                return
        else:
            parts = [content[start : start + PART_BYTES] for start in range(0, len(content), PART_BYTES)]
            for number, part in enumerate(parts):
                self._table.put((partition, f"{digest}#{number:05}"), {"content": part})
            head = {"digest": digest, "parts": str(len(parts))}
        self._table.put((partition, _HEAD), head)
        self._forget_parts(partition, but=digest)

    def _forget_parts(self, partition: str, *, but: str) -> None:
        """Delete what other contents left. If AWS is not up to it, it is left to the next time: nobody reads it."""
        with suppress(StateUnreachable):
            for row in self._table.query(partition, "sk < :sk", _HEAD, keys_only=True):
                part = str(row["sk"])
                if not part.startswith(f"{but}#"):
                    self._table.delete((partition, part))

    def get(self, family: str, name: str) -> bytes | None:
        row = self._table.get(_shared_key(family, name))
        if row is None:
            return None
        with self._table.explained("GetItem"):
            return _shared_value(row)

    def all(self, family: str, *, at_most: int | None = None) -> dict[str, bytes]:
        found = self._table.query(f"{_SHARED}#{family}", at_most=at_most)
        with self._table.explained("Query"):
            return {str(row["sk"]): _shared_value(row) for row in found}

    def put(self, family: str, name: str, value: bytes) -> None:
        self._table.put(_shared_key(family, name), {"content": value})

    def swap(self, family: str, name: str, value: bytes | None, *, over: bytes | None) -> bool:
        key = _shared_key(family, name)
        when, given = (_HAS_NO_VALUE, None) if over is None else (_HAS_THE_VALUE, {"content": over})
        try:
            if value is None:
                self._table.delete(key, when=when, given=given)
            else:
                self._table.put(key, {"content": value}, when=when, given=given)
        except _Refused:
            return self.get(family, name) == value  # then it was we: the SDK asked twice
        return True

    def drop(self, family: str) -> None:
        for row in self._table.query(f"{_SHARED}#{family}", keys_only=True):
            self._table.delete(_shared_key(family, str(row["sk"])))

    @cached_property
    def _table(self) -> "_Table":
        """The table, once it is known to be of our version."""
        table = _Table(self._name, self._client_factory)
        mark = {"version": str(VERSION)}
        try:
            table.put(_SCHEMA, mark, when=_IS_UNDERSTOOD, given=mark)
        except _Refused:
            raise StateUnusable(
                f"the table {self._name} was written by a newer version of the syncer",
                hint="update the syncer, or configure another table for the state",
            ) from None
        return table


def _open_key(add: Add) -> Key:
    return _OPEN, f"{add.target}#{add.id}"


def _record_key(add: Add) -> Key:
    return _RECORD, f"{rows.stamp(add.at)}#{add.id}"


def _volume_key(volume: Volume) -> Key:
    return f"{_VOLUMES}#{volume.account}#{volume.series}", f"{volume.number:05}"


def _shared_key(family: str, name: str) -> Key:
    return f"{_SHARED}#{family}", name


def _owner(run_id: str, until: datetime) -> Row:
    return {"owner": run_id, "until": rows.stamp(until)}


class _Refused(Exception):
    """A condition did not hold, so nothing was written."""


class _Table:
    """The calls that are made, in our terms."""

    def __init__(self, name: str, client_factory: Callable[[], Client]) -> None:
        self._name = name
        with self.explained("PutItem"):  # of which the making of a client is a part: credentials, region
            self._client = client_factory()

    def get(self, key: Key) -> Row | None:
        with self.explained("GetItem"):
            answer = self._client.get_item(TableName=self._name, Key=_wire(key), ConsistentRead=True)
            return _row(answer["Item"]) if "Item" in answer else None

    def put(self, key: Key, row: Row, *, when: str = "", given: Row | None = None) -> None:
        """Keep *row* under *key*; _Refused unless *when* holds of what is there, with the values *given*."""
        with self.explained("PutItem"):
            self._client.put_item(TableName=self._name, Item=_wire(key, row), **_condition(when, given))

    def delete(self, key: Key, *, when: str = "", given: Row | None = None) -> None:
        with self.explained("DeleteItem"):
            self._client.delete_item(TableName=self._name, Key=_wire(key), **_condition(when, given))

    def change(self, changes: Mapping[Key, Row | None]) -> None:
        """Keep every row under its key, and nothing under the keys without one: all of it or none."""
        with self.explained("TransactWriteItems"):
            self._client.transact_write_items(TransactItems=[self._part(*each) for each in changes.items()])

    def _part(self, key: Key, row: Row | None) -> dict[str, Any]:
        if row is None:
            return {"Delete": {"TableName": self._name, "Key": _wire(key)}}
        return {"Put": {"TableName": self._name, "Item": _wire(key, row)}}

    def query(
        self,
        partition: str,
        condition: str = "",
        sk: str = "",
        *,
        newest_first: bool = False,
        keys_only: bool = False,
        at_most: int | None = None,
    ) -> Iterator[Row]:
        """Yield the rows of *partition* for which *condition* holds of their sort key, in its order.

        All of them, or the first *at_most*.
        """
        request: dict[str, Any] = {
            "TableName": self._name,
            "KeyConditionExpression": f"pk = :pk AND {condition}" if condition else "pk = :pk",
            "ExpressionAttributeValues": {":pk": {"S": partition}, **({":sk": {"S": sk}} if condition else {})},
            "ScanIndexForward": not newest_first,
            "ConsistentRead": True,
            **({"ProjectionExpression": "pk, sk"} if keys_only else {}),
            **({"Limit": at_most} if at_most else {}),
        }
        return islice(self._pages(request), at_most)

    def _pages(self, request: dict[str, Any]) -> Iterator[Row]:
        while True:
            with self.explained("Query"):
                answer = self._client.query(**request)
                page = [_row(item) for item in answer["Items"]]
            yield from page
            if "LastEvaluatedKey" not in answer:
                return
            request["ExclusiveStartKey"] = answer["LastEvaluatedKey"]

    @contextmanager
    def explained(self, action: str) -> Iterator[None]:
        """Turn what the SDK raises, and what we cannot read, into errors of ours."""
        from botocore.exceptions import BotoCoreError, ClientError  # noqa: PLC0415 - only users of AWS

        try:
            yield
        except rows.Unreadable:
            raise StateUnusable(
                f"the table {self._name} holds something that we did not write",
                hint="configure a table of its own for the state",
            ) from None
        except ClientError as error:
            raise _refusal(error.response, action, self._name) from None
        except BotoCoreError as error:
            raise _not_sent(error, action, self._name) from None


def _digest(content: bytes) -> str:
    return sha256(content).hexdigest()


def _content(row: Row) -> bytes:
    content = row.get("content")
    return content if isinstance(content, bytes) else b""


def _shared_value(row: Row) -> bytes:
    content = row.get("content")
    if not isinstance(content, bytes):
        raise rows.Unreadable
    return content


def _wire(key: Key, row: Row | None = None) -> dict[str, dict[str, str | bytes]]:
    pk, sk = key
    return {name: _value(content) for name, content in {"pk": pk, "sk": sk, **(row or {})}.items()}


def _value(content: str | bytes) -> dict[str, str | bytes]:
    return {"B" if isinstance(content, bytes) else "S": content}


def _row(item: Mapping[str, Mapping[str, Any]]) -> Row:
    """Return the attributes of *item* that are text or binary; we write no others."""
    return {name: content for name, value in item.items() for kind, content in value.items() if kind in ("S", "B")}


def _condition(when: str, given: Row | None) -> dict[str, Any]:
    if not when:
        return {}
    names = {f"#{name}": name for name in re.findall(r"#(\w+)", when)}
    values = {f":{name}": _value(content) for name, content in (given or {}).items()}
    return {
        "ConditionExpression": when,
        "ExpressionAttributeNames": names,
        **({"ExpressionAttributeValues": values} if values else {}),  # AWS refuses an empty one
    }


def _refusal(answer: Mapping[str, Any], action: str, name: str) -> Exception:
    """Say what AWS answered. Its own words stay out: they name the caller."""
    code: str = answer["Error"]["Code"]
    call = f"dynamodb:{action} on the table {name}"
    if code == "ConditionalCheckFailedException":
        return _Refused()
    if aws.passes(answer):
        return StateUnreachable(f"AWS could not do {call}: {code}", hint="nothing to do: the next run tries again")
    if aws.is_unknown_caller(answer):
        return StateDenied(f"AWS does not accept its credentials for {call}: {code}", hint=aws.RENEW)
    if code.startswith("AccessDenied"):
        needed = _NEEDS.get(action, action)
        return StateDenied(f"AWS does not allow {call}", hint=f"allow dynamodb:{needed} on {name} in the role used")
    if code == "ResourceNotFoundException":
        return StateUnusable(
            f"there is no DynamoDB table {name} in this account and region",
            hint="check its name and the AWS region, or deploy the stack that makes it",
        )
    return StateUnusable(
        f"AWS refused {call}: {code}", hint=f"see that {name} has the string keys pk (partition) and sk (sort)"
    )


def _not_sent(error: Exception, action: str, name: str) -> StateUnusable:
    """Say why there is no answer."""
    call = f"dynamodb:{action} on the table {name}"
    kind = type(error).__name__
    if aws.is_unreached(error):
        return StateUnreachable(f"AWS was not reached for {call}: {kind}", hint="check the network and try again")
    return StateDenied(f"AWS could not be asked for {call}: {kind}", hint=aws.SET_UP)
