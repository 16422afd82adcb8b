"""What is kept of a run that many workers do: its head, what its groups have to do, and what came of its pairs."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Final

from syncer.cache import Index, index_as_json, index_of, packed, unpacked
from syncer.ids import PlaylistId
from syncer.ports import Chance, Shared

RUNS: Final = "runs"
"""The family of the heads of the runs that are not closed."""
CHUNK: Final = 250_000
"""Bytes of one value that is shared."""
ATTEMPTS: Final = 3
"""How often the queue delivers a message before it gives it up (maxReceiveCount of the stack): as often as an hour has
room for, each time after the whole time of a worker."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Head:
    """A run under way."""

    run_id: str
    at: datetime
    until: datetime
    """When it is closed, whatever is left of it: nothing is begun in it after that."""
    begun: bool = False
    """Whether all is kept that workers, and whoever closes it, need to know of it."""
    groups: int = 0
    first: str | None = None
    """The pair that it began with."""
    claimed: datetime | None = None
    """When somebody began to close it."""
    claimant: str = ""
    """Who that is: a name that no other has."""

    def encode(self) -> bytes:
        """Return the head as it is kept."""
        row = {
            "run_id": self.run_id,
            "at": self.at.isoformat(),
            "until": self.until.isoformat(),
            "begun": self.begun,
            "groups": self.groups,
            "first": self.first,
            "claimed": self.claimed and self.claimed.isoformat(),
            "claimant": self.claimant,
        }
        return json.dumps(row).encode()

    @staticmethod
    def decode(value: bytes) -> "Head":
        """Return the head that is kept as *value*."""
        row = json.loads(value)
        return Head(
            run_id=row["run_id"],
            at=datetime.fromisoformat(row["at"]),
            until=datetime.fromisoformat(row["until"]),
            begun=row["begun"],
            groups=row["groups"],
            first=row["first"],
            claimed=row["claimed"] and datetime.fromisoformat(row["claimed"]),
            claimant=row["claimant"],
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """A group of pairs that is not done."""

    names: tuple[str, ...]
    index: Index
    """What is remembered of them."""
    versions: Mapping[str, Mapping[PlaylistId, str]]
    """Those of their playlists that were looked up, by account."""
    attempt: int = 0
    """How often a worker began with it, since one was last through with what it could do."""
    until: datetime | None = None
    """When the last of them was at its end, one way or another."""
    resumed: bool = False
    """Whether a part of it may be done."""

    def is_given_up(self, now: datetime) -> bool:
        """Whether no worker is at it any more, and none will be."""
        return self.attempt >= ATTEMPTS and self.until is not None and self.until <= now

    def encode(self) -> bytes:
        """Return the task as it is kept; where that is too much, without what only saves requests."""
        row = {
            "names": self.names,
            "index": index_as_json(self.index),
            "versions": self.versions,
            "attempt": self.attempt,
            "until": self.until and self.until.isoformat(),
            "resumed": self.resumed,
        }
        content = packed(row)
        return content if len(content) <= CHUNK else replace(self, index=Index(), versions={}).encode()

    @staticmethod
    def decode(value: bytes) -> "Task":
        """Return the task that is kept as *value*."""
        row = unpacked(value)
        return Task(
            names=tuple(row["names"]),
            index=index_of(row["index"]),
            versions=row["versions"],
            attempt=row["attempt"],
            until=row["until"] and datetime.fromisoformat(row["until"]),
            resumed=row["resumed"],
        )


class Rows:
    """All of that of one run, as it is kept in what its workers share."""

    def __init__(self, shared: Shared, run_id: str) -> None:
        self.run_id = run_id
        self._shared = shared
        self._read: dict[int, bytes | None] = {}
        self._glance, self._tasks, self._parts, self._left = (
            f"{what} {run_id}" for what in ("glance", "tasks", "parts", "left")
        )

    def head(self) -> Head | None:
        """Return the head; None if the run is closed."""
        value = self._shared.get(RUNS, self.run_id)
        return Head.decode(value) if value else None

    def change_head(self, head: Head | None, *, over: Head | None) -> bool:
        """Keep *head*, None for nothing, in place of *over*; False if somebody was faster."""
        value, there = (one.encode() if one else None for one in (head, over))
        return self._shared.swap(RUNS, self.run_id, value, over=there)

    def keep_glance(self, report: Mapping[str, Any]) -> None:
        """Keep the *report* of a run that gets no further."""
        content = packed({"report": report})
        for number, start in enumerate(range(0, len(content), CHUNK)):
            self._shared.put(self._glance, _name(number), content[start : start + CHUNK])

    def glance(self) -> dict[str, Any] | None:
        """Return the report that was kept; None if there is none."""
        content = b"".join(self._shared.all(self._glance).values())
        report: dict[str, Any] | None = unpacked(content)["report"] if content else None
        return report

    def task(self, number: int) -> Task | None:
        """Return what the group of that *number* has to do; None if it is done."""
        value = self._shared.get(self._tasks, _name(number))
        self._read[number] = value
        return Task.decode(value) if value else None

    def tasks(self, *, at_most: int | None = None) -> dict[int, Task]:
        """Return what is not done, by the numbers of the groups: all, or the first *at_most*."""
        found = self._shared.all(self._tasks, at_most=at_most)
        return {int(name): Task.decode(value) for name, value in found.items()}

    def keep_task(self, number: int, task: Task) -> None:
        """Keep what the group of that *number* has to do."""
        self._shared.put(self._tasks, _name(number), task.encode())

    def change_task(self, number: int, task: Task | None) -> bool:
        """Keep *task*, None where it is done, in place of the one that was read here; False if somebody was faster."""
        value = task.encode() if task else None
        changed = self._shared.swap(self._tasks, _name(number), value, over=self._read[number])
        if changed:
            self._read[number] = value
        return changed

    def keep_part(self, pair: str, part: Mapping[str, Any], *, final: bool) -> None:
        """Keep what came of *pair*, as the report is to tell it; *final*: nobody is to try it again in this run."""
        self._shared.put(self._parts, pair, packed({"part": part, "final": final}))

    def is_final(self, pair: str) -> bool:
        """Whether *pair* is done."""
        value = self._shared.get(self._parts, pair)
        return value is not None and bool(unpacked(value)["final"])

    def parts(self) -> dict[str, Any]:
        """Return what came of the pairs, by their names."""
        return {pair: unpacked(value)["part"] for pair, value in self._shared.all(self._parts).items()}

    def leave(self, worker: str, told: Mapping[str, Any]) -> None:
        """Keep what *worker* has to tell beside the parts."""
        self._shared.put(self._left, worker, packed(told))

    def left(self) -> list[dict[str, Any]]:
        """Return what all workers had to tell beside the parts."""
        return [unpacked(value) for value in self._shared.all(self._left).values()]

    def drop(self) -> None:
        """Take all but the head out."""
        for family in (self._glance, self._tasks, self._parts, self._left):
            self._shared.drop(family)


def anyone(chance: Chance) -> str:
    """Return a name that no other worker has."""
    return f"{int(chance.uniform(0, 2**48)):012x}"


def message(run_id: str, group: int | None = None) -> str:
    """Return the message that has *group* done; without one, the message that has the run closed once it is over."""
    return json.dumps({"run": run_id} if group is None else {"run": run_id, "group": group})


def _name(number: int) -> str:
    return f"{number:05}"
