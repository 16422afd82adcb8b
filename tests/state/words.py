"""What the tests of the stores say adds, times and the like with."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any

from syncer.ids import Uri
from syncer.model import Add, Addition, AddState, Volume
from syncer.state.dynamodb import Client
from tests.fakes import identifier, items, uri

NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)
UNTIL = NOON + timedelta(minutes=15)


def at(minute: float) -> datetime:
    """Return the time so many minutes after noon."""
    return NOON + timedelta(minutes=minute)


def sent(minute: int, letters: str = "abc", target: str = "archive") -> Add:
    """Return an add of these tracks, sent so many minutes after noon."""
    return Add(
        id=f"{minute:06}",
        run_id="run",
        pair=f"week-to-{target}",
        target=identifier(target),
        at=at(minute),
        additions=tuple(Addition(item=one, source="liked") for one in items(letters)),
        position=7,
    )


def uris(letters: str) -> tuple[Uri, ...]:
    return tuple(map(uri, letters))


def landed(minute: int, letters: str = "abc", target: str = "archive", state: AddState = AddState.LANDED) -> Add:
    """Return what is kept of such an add once all of it landed."""
    add = sent(minute, letters, target)
    return Add(**{name: getattr(add, name) for name in add.__dataclass_fields__} | {"state": state})


def volume(number: int = 1, series: str = "Archive", account: str = "default", made: str | None = "made") -> Volume:
    """Return a playlist of a series; one of which nobody knows whether it was *made* has no word of its own."""
    name = series if number == 1 else f"{series} {number}"
    playlist = identifier(f"{made}{number}") if made else None
    return Volume(
        account=account, series=series, number=number, name=name, marked=True, at=at(number), playlist=playlist
    )


def noise(size: int, seed: int = 0) -> bytes:
    """Return so many bytes of any kind, the same each time."""
    return Random(f"{size} {seed}").randbytes(size)  # noqa: S311 - nothing secret


@dataclass
class Cloud:
    """A table, and a client that reaches it."""

    table: str
    client: Client
    endpoint: str

    def items(self) -> list[dict[str, dict[str, str]]]:
        """Return all that is in the table."""
        found: list[dict[str, dict[str, str]]] = []
        for partition in ("schema", "lock", "resume", "limit", "open", "record", "volumes#default#Archive"):
            found += self._in(partition)
        return found

    def parts(self, name: str) -> list[str]:
        """Return the sort keys of all that is kept of what is cached under *name*."""
        return [item["sk"]["S"] for item in self._in(f"cache#{name}")]

    def _in(self, partition: str) -> list[dict[str, dict[str, Any]]]:
        found: list[dict[str, dict[str, Any]]] = []
        start: dict[str, Any] = {}
        while True:
            answer = self.client.query(
                TableName=self.table,
                KeyConditionExpression="pk = :pk",
                ExpressionAttributeValues={":pk": {"S": partition}},
                **start,
            )
            found += answer["Items"]
            if "LastEvaluatedKey" not in answer:
                return found
            start = {"ExclusiveStartKey": answer["LastEvaluatedKey"]}

    def put(self, pk: str, sk: str, **attributes: dict[str, Any]) -> None:
        """Put an item there as somebody else might."""
        self.client.put_item(TableName=self.table, Item={"pk": {"S": pk}, "sk": {"S": sk}, **attributes})


def _nothing(_action: str) -> None: ...


@dataclass
class Between:
    """A client that passes calls on, remembers them, and may repeat them or go wrong, as networks do."""

    inner: Client
    before: Callable[[str], None] = _nothing
    times: int = 1
    calls: list[tuple[str, dict[str, Any]]] = field(default_factory=list)

    def _pass(self, action: str, call: Callable[..., Mapping[str, Any]], request: dict[str, Any]) -> Mapping[str, Any]:
        self.calls.append((action, dict(request)))
        self.before(action)
        for _ in range(self.times - 1):
            call(**request)
        return call(**request)

    def get_item(self, **request: Any) -> Mapping[str, Any]:
        return self._pass("GetItem", self.inner.get_item, request)

    def put_item(self, **request: Any) -> Mapping[str, Any]:
        return self._pass("PutItem", self.inner.put_item, request)

    def delete_item(self, **request: Any) -> Mapping[str, Any]:
        return self._pass("DeleteItem", self.inner.delete_item, request)

    def query(self, **request: Any) -> Mapping[str, Any]:
        return self._pass("Query", self.inner.query, request)

    def transact_write_items(self, **request: Any) -> Mapping[str, Any]:
        return self._pass("TransactWriteItems", self.inner.transact_write_items, request)

    def actions(self) -> Sequence[str]:
        return [action for action, _ in self.calls]
