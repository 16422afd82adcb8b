"""As much of AWS as a fleet uses, in memory: each call takes its time, and everything is counted that has a price."""

import math
from bisect import bisect_left, insort
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from itertools import islice, takewhile
from typing import Any, Final

from botocore.exceptions import ClientError

from tools.virtual import VirtualTime

CALL: Final = 0.005
"""Seconds that a call of AWS takes."""
READ_UNIT, WRITE_UNIT = 4096, 1024
"""Bytes, of items with their keys and names: what a strongly consistent read, and a write, is paid by."""
PAGE: Final = 1_000_000
"""Bytes of the items of one answer to a query."""

Item = dict[str, dict[str, str | bytes]]


@dataclass(slots=True, kw_only=True)
class Used:
    """What is paid for."""

    calls: Counter[str] = field(default_factory=Counter)
    """By the words of AWS."""
    read_units: int = 0
    write_units: int = 0
    seconds: float = 0.0
    """Of functions."""

    def taken(self) -> "Used":
        """Return what was used until now, and begin anew."""
        until_now = replace(self, calls=Counter(self.calls))
        self.calls.clear()
        self.read_units = self.write_units = 0
        self.seconds = 0.0
        return until_now


def _refuse(code: str, action: str) -> ClientError:
    return ClientError({"Error": {"Code": code, "Message": ""}}, action)


class Table:
    """A DynamoDB table, as much of a client of it as ``syncer.state.dynamodb`` uses."""

    def __init__(self, time: VirtualTime, used: Used) -> None:
        self._time = time
        self._used = used
        self._items: defaultdict[str, dict[str, Item]] = defaultdict(dict)
        self._sorted: defaultdict[str, list[str]] = defaultdict(list)

    def get_item(self, **request: Any) -> dict[str, Any]:
        self._called("GetItem")
        found = self._at(request["Key"])
        self._used.read_units += _units([found or {}], READ_UNIT)
        return {"Item": found} if found else {}

    def put_item(self, **request: Any) -> dict[str, Any]:
        self._called("PutItem")
        self._write(request["Item"], request["Item"], request)
        return {}

    def delete_item(self, **request: Any) -> dict[str, Any]:
        self._called("DeleteItem")
        self._write(request["Key"], None, request)
        return {}

    def transact_write_items(self, **request: Any) -> dict[str, Any]:
        self._called("TransactWriteItems")
        before = self._used.write_units
        for part in request["TransactItems"]:
            put = part.get("Put", {}).get("Item")
            self._write(put or part["Delete"]["Key"], put, {})
        self._used.write_units += self._used.write_units - before  # twice as much as outside of a transaction
        return {}

    def query(self, **request: Any) -> dict[str, Any]:
        self._called("Query")
        values = request["ExpressionAttributeValues"]
        partition = values[":pk"]["S"]
        keys = _meeting(request["KeyConditionExpression"], self._sorted[partition], values)
        if not request["ScanIndexForward"]:
            keys.reverse()
        if last := request.get("ExclusiveStartKey"):  # which may be gone by now
            start = last["sk"]["S"]
            keys = [sk for sk in keys if (sk > start if request["ScanIndexForward"] else sk < start)]
        page: list[Item] = []
        size = 0
        for sk in keys:
            if size > PAGE or len(page) == request.get("Limit"):
                break
            page.append(self._items[partition][sk])
            size += _size(page[-1])
        self._used.read_units += _units(page, READ_UNIT)
        more = {"LastEvaluatedKey": {"sk": {"S": keys[len(page) - 1]}}} if len(page) < len(keys) else {}
        return {"Items": page, **more}

    def _called(self, action: str) -> None:
        self._used.calls[action] += 1
        self._time.sleep(CALL)

    def _at(self, key: Item) -> Item | None:
        return self._items[str(key["pk"]["S"])].get(str(key["sk"]["S"]))

    def _write(self, key: Item, item: Item | None, condition: Mapping[str, Any]) -> None:
        old = self._at(key)
        self._used.write_units += max(_units([old or {}], WRITE_UNIT), _units([item or {}], WRITE_UNIT))
        if not _holds(old or {}, condition):
            raise _refuse("ConditionalCheckFailedException", "PutItem")
        pk, sk = str(key["pk"]["S"]), str(key["sk"]["S"])
        if item is not None:
            self._items[pk][sk] = item
            if old is None:
                insort(self._sorted[pk], sk)
        elif old is not None:
            del self._items[pk][sk]
            self._sorted[pk].remove(sk)


def _size(item: Item) -> int:
    return sum(len(name) + len(content) for name, value in item.items() for content in value.values())


def _units(items: Iterable[Item], unit: int) -> int:
    return max(1, math.ceil(sum(map(_size, items)) / unit))


def _meeting(condition: str, keys: list[str], values: Mapping[str, Any]) -> list[str]:
    """Return those of *keys*, which are sorted, that a query is about."""
    wanted = values.get(":sk", {"S": ""})["S"]
    place = bisect_left(keys, wanted)
    if "begins_with" in condition:
        return list(takewhile(lambda sk: sk.startswith(wanted), islice(keys, place, None)))
    return keys[:place] if "sk <" in condition else keys[place:]


def _holds(item: Item, condition: Mapping[str, Any]) -> bool:
    """Whether the condition of a write holds of *item*: one of several that are joined by OR, all parts of it."""
    names, values = condition.get("ExpressionAttributeNames", {}), condition.get("ExpressionAttributeValues", {})

    def is_so(clause: str) -> bool:
        if clause.startswith("attribute_not_exists"):
            return names[clause[len("attribute_not_exists(") : -1]] not in item
        name, sign, wanted = clause.split()
        kept = item.get(names[name])
        if kept is None:
            return False
        return kept == values[wanted] if sign == "=" else [*kept.values()] <= [*values[wanted].values()]

    ways = condition.get("ConditionExpression", "").split(" OR ")
    return ways == [""] or any(all(map(is_so, _clauses(way))) for way in ways)


def _clauses(way: str) -> list[str]:
    return (way[1:-1] if way.startswith("(") else way).split(" AND ")


class Secrets:
    """Secrets Manager, as much of a client of it as a run uses."""

    def __init__(self, time: VirtualTime, used: Used) -> None:
        self._time = time
        self._used = used
        self._versions: dict[tuple[str, str], str] = {}
        self._current: dict[str, str] = {}

    def hold(self, name: str, value: str) -> None:
        """Have a secret of that *name*."""
        self._current[name] = "first"
        self._versions[name, "first"] = value

    def get_secret_value(self, **request: Any) -> dict[str, str]:
        self._called("GetSecretValue")
        name = request["SecretId"]
        version = self._current[name]
        return {"SecretString": self._versions[name, version], "VersionId": version}

    def put_secret_value(self, **request: Any) -> dict[str, str]:
        self._called("PutSecretValue")
        self._versions[request["SecretId"], request["ClientRequestToken"]] = request["SecretString"]
        return {}

    def update_secret_version_stage(self, **request: Any) -> dict[str, str]:
        self._called("UpdateSecretVersionStage")
        name = request["SecretId"]
        if self._current[name] != request["RemoveFromVersionId"]:
            raise _refuse("InvalidParameterException", "UpdateSecretVersionStage")
        self._current[name] = request["MoveToVersionId"]
        return {}

    def create_secret(self, **_request: Any) -> dict[str, str]:
        raise _refuse("ResourceExistsException", "CreateSecret")

    def _called(self, action: str) -> None:
        self._used.calls[action] += 1
        self._time.sleep(CALL)


class Queue:
    """An SQS queue, as much of a client of it as ``syncer.sqs`` uses; *arrives* gets each message once it is due."""

    def __init__(self, time: VirtualTime, used: Used, arrives: Callable[[str], None]) -> None:
        self._time = time
        self._used = used
        self._arrives = arrives

    def send_message_batch(self, **request: Any) -> dict[str, Any]:
        self._used.calls["SendMessageBatch"] += 1
        self._time.sleep(CALL)
        for entry in request["Entries"]:
            body = str(entry["MessageBody"])
            self._time.later(float(entry["DelaySeconds"]), partial(self._arrives, body))
        return {}
