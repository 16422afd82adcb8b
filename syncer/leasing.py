"""What the workers of one run share of a client id, leased in slices: the requests of a second, and those of a day."""

import json
import logging
import math
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from threading import Lock
from typing import Any, Final, NamedTuple, TypeVar

from syncer.allowance import Allowance, Hours, recent, share
from syncer.cache import Cache, Ledger
from syncer.errors import StateUnusable
from syncer.ports import Clock, Shared

log = logging.getLogger(__name__)
T = TypeVar("T")

ROUNDS: Final = 50
"""Swaps that may be lost in a row, each to another worker that got on with it."""
_UNREADABLE: Final = (ValueError, KeyError, TypeError, AttributeError, OverflowError, RecursionError)
"""What comes of reading a row that we did not write."""


def _swapped(shared: Shared, family: str, name: str, change: Callable[[bytes | None], tuple[bytes, T]]) -> T | None:
    """Give *name* the value that *change* makes of it, and return what it says besides.

    None where others were faster each time: nothing was changed then.
    """
    for _ in range(ROUNDS):
        before = shared.get(family, name)
        after, said = change(before)
        if after == before or shared.swap(family, name, after, over=before):
            return said
    return None


def _packed(document: object) -> bytes:
    return json.dumps(document, separators=(",", ":"), sort_keys=True).encode()


def _count(value: object) -> int:
    if type(value) is not int or value < 0:
        raise TypeError
    return value


# --- the requests of a second -----------------------------------------------------------------------------------------

GATE: Final = "gate"
"""The family that has a row for each client id."""
SLICES: Final = 10
"""Of a second, each of them one request: what the gate of a single worker lets pass (fault model §3)."""
SECOND: Final = 1.02
"""How long a second's worth is given, as the gate has it: so long nobody else has a slice that was given back."""
TERM: Final = 10.0
"""Seconds for which slices are leased; they are leased anew when half of it is over."""
GUARD: Final = 2.0
"""Seconds before the end of a lease from which nothing passes: one for what passed last, one for clocks that differ."""
SOON: Final = 0.5
"""Seconds after which one who has less than is due asks again."""


class _Lease(NamedTuple):
    slices: int
    until: float
    renew_at: float


_NONE: Final = _Lease(0, -math.inf, -math.inf)


@dataclass(slots=True)
class _Second:
    """Who may pass how often in a second; times are seconds since the epoch."""

    holders: dict[str, tuple[int, float]] = field(default_factory=dict)
    """By worker: slices, and until when. One that has none is waiting for them."""
    leaving: list[tuple[int, float]] = field(default_factory=list)
    """Slices that were given back, and from when on they are free."""
    closed: float = -math.inf
    """Until when Spotify wanted to hear nothing, as far as it ever did."""

    def lease(self, worker: str, now: float) -> _Lease:
        """Give *worker* what is due, as far as it is free."""
        held, until = self.holders.pop(worker, (0, now))
        before, among = sum(other < worker for other in self.holders), len(self.holders) + 1
        fair = max(1, SLICES // among + (before < SLICES % among))
        taken = sum(slices for slices, _ in (*self.holders.values(), *self.leaving))
        mine = max(0, min(fair, SLICES - taken))
        if mine < held:
            self.leaving.append((held - mine, now + SECOND))
        if mine != held or until - now <= TERM / 2:  # else there is nothing to tell the others
            until = now + TERM
        self.holders[worker] = mine, until
        return _Lease(mine, until, until - TERM / 2 if mine == fair else now + SOON)

    def give_back(self, worker: str, now: float, used: Sequence[float]) -> None:
        """Take back what *worker* has, which was *used* at those times: the rest is free at once."""
        held, _ = self.holders.pop(worker, (0, now))
        self.leaving += [(1, at + SECOND) for at in sorted(used, reverse=True)[:held] if at + SECOND > now]

    def close(self, until: float) -> None:
        self.closed = max(self.closed, until)

    def packed(self) -> bytes:
        """Return it for :func:`_second`."""
        closed = self.closed if math.isfinite(self.closed) else None
        return _packed({"holders": self.holders, "leaving": self.leaving, "closed": closed})


def _second(packed: bytes | None, now: float) -> _Second:
    """Return what *packed* says, but for what is over; nobody has anything where it says nothing that can be read."""
    try:
        row = json.loads(packed or b"{}")
        holders = {worker: (_count(slices), float(until)) for worker, (slices, until) in row["holders"].items()}
        leaving = [(_count(slices), float(until)) for slices, until in row["leaving"]]
        closed = -math.inf if row["closed"] is None else float(row["closed"])
    except _UNREADABLE:
        return _Second()
    return _Second(
        {worker: lease for worker, lease in holders.items() if lease[1] > now},
        [lease for lease in leaving if lease[1] > now],
        closed,
    )


class Pace:
    """How many requests a second one worker may make with a client id: its part of what all may make together.

    All that work have the same, within a term. What one leaves, or leaves behind when it dies, the others get.
    Threads may share it. StateUnusable where it cannot be told what the others do.
    """

    def __init__(self, shared: Shared, client_id: str, worker: str, clock: Clock) -> None:
        """*worker* is what no other process is called."""
        self._shared = shared
        self._client_id = client_id
        self._worker = worker
        self._clock = clock
        self._lease = _NONE
        self._closed = -math.inf
        self._used: deque[float] = deque(maxlen=SLICES)
        self._lock = Lock()

    def per_second(self) -> int:
        """Return how many requests may pass in a second from now on; 0: none is free, ask again in a second."""
        with self._lock:
            if self._now() >= self._lease.renew_at:
                self._lease = self._change(lambda row, now: row.lease(self._worker, now)) or _NONE
            now = self._now()
            slices = self._lease.slices if now < self._lease.until - GUARD else 0
            if slices:
                self._used.append(now)  # the one who asks is about to pass, now or when it asks again
            return slices

    def closed_for(self) -> float:
        """Return for how many seconds Spotify wants to hear nothing, as far as is known; not above 0: it listens."""
        with self._lock:
            return self._closed - self._now()

    def close(self, seconds: float) -> None:
        """Spotify wants to hear nothing for *seconds*: tell the others."""
        with self._lock:
            self._change(lambda row, now: row.close(now + seconds))

    def give_back(self) -> None:
        """Leave what is leased to the others; where that fails they have it when the term is over."""
        with self._lock:
            self._lease = _NONE
            try:
                self._change(lambda row, now: row.give_back(self._worker, now, self._used))
            except StateUnusable as error:
                log.warning("slices were not given back", extra={"reason": str(error)})

    def _now(self) -> float:
        return self._clock.now().timestamp()

    def _change(self, change: Callable[[_Second, float], T]) -> T | None:
        """Make *change* to what all share, at some time; return what that returns, or None if nothing was changed."""

        def changed(packed: bytes | None) -> tuple[bytes, T]:
            now = self._now()
            row = _second(packed, now)
            said = change(row, now)
            self._closed = row.closed
            return row.packed(), said

        return _swapped(self._shared, GATE, self._client_id, changed)


# --- the requests of a day --------------------------------------------------------------------------------------------

LEAST, MOST = 4, 20
"""Requests of a slice; in between it is what each group of the run would have if all had the same."""


def _days(run_id: str) -> str:
    """Return the family that has a row for each client id of a run."""
    return f"days {run_id}"


@dataclass(slots=True, kw_only=True)
class _Day:
    """What one client id has spent: before the run, and in it, slices that are leased included."""

    hour: int
    """That the run began in; all that it spends counts there."""
    before: Hours
    spent: int = 0
    again: int = 0
    limit: int | None = None
    """The lowest that a group was told, if any was."""
    by: str = ""
    """Who counted last: two groups that lease as much at once must not take what one of them wrote for their own."""

    def slice(self, limit: int, groups: int) -> int:
        """Return how large the next slice may be where there are so many *groups*."""
        self.limit = limit if self.limit is None else min(limit, self.limit)
        whole = int(share(self.limit, self.hour, self.before))
        return max(0, min(MOST, max(LEAST, whole // groups), whole - self.again))

    def hours(self, *, but: tuple[int, int] = (0, 0)) -> Hours:
        """Return all that was spent until now, *but* so much of what was spent in the run."""
        spent, again = self.before.get(self.hour, (0, 0))
        return {**self.before, self.hour: (spent + self.spent - but[0], again + self.again - but[1])}

    def packed(self) -> bytes:
        """Return it for :func:`_day`."""
        before = [[hour, *counts] for hour, counts in self.before.items()]
        counts = {"spent": self.spent, "again": self.again, "limit": self.limit}
        return _packed({"hour": self.hour, "before": before, **counts, "by": self.by})


def _day(packed: bytes | None) -> _Day | None:
    """Return what *packed* says; None if that is nothing that can be read."""
    try:
        row: Any = json.loads(packed or b"{}")
        return _Day(
            hour=_count(row["hour"]),
            before={_count(hour): (_count(spent), _count(again)) for hour, spent, again in row["before"]},
            spent=_count(row["spent"]),
            again=_count(row["again"]),
            limit=None if row["limit"] is None else _count(row["limit"]),
            by=str(row["by"]),
        )
    except _UNREADABLE:
        return None


class SharedLedger(Ledger):
    """The ledger of one group of a run: its client ids look again with slices of what the run may spend.

    What is kept is never too little: a slice counts as spent from before it is used, and what is left of it is given
    back by :meth:`close` alone. StateUnusable where it cannot be told what the others do.
    """

    def __init__(self, cache: Cache, shared: Shared, run_id: str, now: datetime, *, worker: str, groups: int) -> None:
        """*worker* is what no other process is called; the run has so many *groups*."""
        super().__init__(cache, now)
        self._shared = shared
        self._family = _days(run_id)
        self._worker = worker
        self._groups = groups
        self._counted: dict[str, tuple[int, int]] = {}
        """What the row of each client id has for this group."""
        self._writes = 0

    def _begin(self, client_id: str, allowance: Allowance) -> None:
        self._counted[client_id] = 0, 0
        self._learn(client_id, allowance, self._day(client_id, self._shared.get(self._family, client_id)))
        allowance.lease_from(lambda limit: self._lease(client_id, allowance, limit))

    def close(self) -> None:
        """Have the others, and later runs, reckon with what this group spent instead of what it leased."""
        for client_id, allowance in self._open.items():
            self._settle(client_id, allowance)

    def _settle(self, client_id: str, allowance: Allowance) -> None:
        self._count(client_id, allowance, lambda _day: allowance.asked)

    def _lease(self, client_id: str, allowance: Allowance, limit: int) -> int:
        spent, again = self._counted[client_id]

        def with_more(day: _Day) -> tuple[int, int]:
            more = day.slice(limit, self._groups)
            return spent + more, again + more

        self._count(client_id, allowance, with_more)
        return self._counted[client_id][1] - again

    def _count(self, client_id: str, allowance: Allowance, mine: Callable[[_Day], tuple[int, int]]) -> None:
        """Count what *mine* returns for this group, in place of what was counted for it."""
        before = self._counted[client_id]

        def counted(packed: bytes | None) -> tuple[bytes, tuple[_Day, tuple[int, int]]]:
            day = self._day(client_id, packed)
            after = mine(day)
            if after != before:
                self._writes += 1
                day.by = f"{self._worker} {self._writes}"
                day.spent += after[0] - before[0]
                day.again += after[1] - before[1]
            return day.packed(), (day, after)

        if done := _swapped(self._shared, self._family, client_id, counted):
            day, self._counted[client_id] = done
            self._learn(client_id, allowance, day)
        else:
            log.warning("others were faster to count each time", extra={"counted": before})

    def _learn(self, client_id: str, allowance: Allowance, day: _Day) -> None:
        """Reckon with what the others have spent by now."""
        allowance.limit_to(day.limit)
        allowance.begin(day.hour, day.hours(but=self._counted[client_id]))

    def _day(self, client_id: str, packed: bytes | None) -> _Day:
        return _day(packed) or _Day(hour=self._hour, before=recent(self._hour, self._cache.spent(client_id)))


def keep_days(shared: Shared, cache: Cache, run_id: str) -> None:
    """Have later runs reckon with what all groups of a run spent, which is over: its last step. Safe to repeat."""
    for client_id, packed in shared.all(_days(run_id)).items():
        if day := _day(packed):
            cache.keep_spent(client_id, day.hours())
    drop_days(shared, run_id)


def drop_days(shared: Shared, run_id: str) -> None:
    """Have nobody reckon any more with what groups of a run spent or leased."""
    shared.drop(_days(run_id))
