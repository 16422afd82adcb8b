"""What one client id may ask of Spotify in a day, so that its hidden quota lasts (contract §4.2)."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from threading import Lock
from typing import Final

from syncer.errors import DayIsSpent

DAY: Final = 24
"""Hours; Spotify's quota behaves like a window of that length that moves (contract §4.2)."""
DAILY_REQUESTS: Final = 300
"""What may be asked for in a day where nobody says otherwise."""

DAYS: Final = 3
"""For which it is kept what was spent: a burst is not forgotten the moment it is a day old."""
PARTS: Final = 4
"""Of a day, one of which may be spent at once where there was a run in each of its hours."""

WORTH_IT: Final = 20
"""Requests with which a run can do something."""

Hours = Mapping[int, tuple[int, int]]
"""By hour since the epoch: all requests, and those of them that looked again at what was known."""


def recent(hour: int, hours: Hours) -> Hours:
    """Return those of *hours* that still count in *hour*."""
    return {one: counts for one, counts in hours.items() if hour - DAYS * DAY < one <= hour}


def share(limit: int, hour: int, hours: Hours) -> float:
    """Return what a run that begins in *hour* may spend of *limit*, after *hours*.

    It is what has come back hour by hour, less what was spent in it. So little that a run could do nothing with it is
    left to grow.
    """
    today = _today(hour, hours)
    busy = len(today) / DAY
    share = most = limit / (1 + (PARTS - 1) * busy)
    back = (limit - most * busy) / DAY
    for one in range(hour - DAYS * DAY + 1, hour + 1):
        share = min(most, share + back) - hours.get(one, (0, 0))[1]
    return min(share, limit - sum(again for _, again in today)) if share >= min(most / 2, WORTH_IT) else 0


def _today(hour: int, hours: Hours) -> list[tuple[int, int]]:
    return [counts for one, counts in hours.items() if hour - DAY < one <= hour]


class Allowance:
    """The requests of one client id: those of this run, and of the 24 hours before.

    What may be spent on looking again comes back evenly over the day, up to a fourth of it where there is a run every
    hour, and more where there are fewer: so every run of the day has a share. What was never read before may cost more,
    and what belongs to an add always goes.
    """

    def __init__(self) -> None:
        self._limit: int | None = None
        self._hour = 0
        self._before: Hours = {}
        self._today: list[tuple[int, int]] = []
        self._more: Callable[[int], int] | None = None
        self._leased = 0
        self._spent = self._again = 0
        self._is_first = self._is_free = False
        self._lock = Lock()

    def limit_to(self, requests: int | None) -> None:
        """Allow *requests* a day, or fewer where that was said before; None allows any number."""
        if requests is not None and (self._limit is None or requests < self._limit):
            self._limit = requests

    def begin(self, hour: int, spent: Hours) -> None:
        """Begin in *hour*, with what was *spent* before; or learn better what that was."""
        self._hour = hour
        self._before = recent(hour, spent)
        self._today = _today(hour, self._before)

    def lease_from(self, more: Callable[[int], int]) -> None:
        """Look again with what *more* gives alone, slice by slice.

        It is told the limit whenever a slice is used up, and returns how large the next one is: 0 if there is none.
        """
        self._more = more

    def spend(self) -> None:
        """Count a request; from any thread."""
        with self._lock:
            self._spent += 1
            self._again += not self._is_first

    @contextmanager
    def first_time(self) -> Iterator[None]:
        """Inside, what is asked for was never read before: it may cost what it costs, and does not count as a look."""
        before, self._is_first = self._is_first, True
        try:
            with self.whatever_it_costs():
                yield
        finally:
            self._is_first = before

    @contextmanager
    def whatever_it_costs(self) -> Iterator[None]:
        """Inside, what is asked for is needed for an add: it always may be."""
        before, self._is_free = self._is_free, True
        try:
            yield
        finally:
            self._is_free = before

    def check(self) -> None:
        """Return if there is something left to look again with; DayIsSpent if not."""
        if self._limit is None or self._is_free:
            return
        while self._again >= self._share(self._limit):
            if not self._gets_more(self._limit):
                raise DayIsSpent(self._limit)

    @property
    def has_plenty(self) -> bool:
        """Whether there is more than half left of what this run may look again with: enough for what can wait."""
        if self._limit is None:
            return True
        if not self._leased:
            self._gets_more(self._limit)
        return self._again < self._share(self._limit) / 2

    def _gets_more(self, limit: int) -> bool:
        """Lease another slice, if there is one."""
        more = self._more(limit) if self._more else 0
        self._leased += more
        return more > 0

    def _share(self, limit: int) -> float:
        return self._leased if self._more else share(limit, self._hour, self._before)

    @property
    def asked(self) -> tuple[int, int]:
        """Requests of this run: all, and those of them that looked again."""
        return self._spent, self._again

    def hours(self) -> dict[int, tuple[int, int]]:
        """Return what was spent until now, for :meth:`begin`."""
        spent, again = self._before.get(self._hour, (0, 0))
        return {**self._before, self._hour: (spent + self._spent, again + self._again)}

    @property
    def spent(self) -> int:
        """Requests of the last 24 hours, this run's included."""
        return self._spent + sum(spent for spent, _ in self._today)

    @property
    def left(self) -> int | None:
        """How often this client may still look again today; None if as often as it likes."""
        return None if self._limit is None else max(0, self._limit - self._again_before - self._again)

    @property
    def _again_before(self) -> int:
        return sum(again for _, again in self._today)

    @property
    def warning(self) -> str | None:
        """What a person should know of it."""
        if self._limit is None or self.spent <= self._limit or not self._spent:
            return None
        return (
            f"{self.spent} requests to Spotify in 24 hours are more than the {self._limit} that were planned for"
            " (daily_requests): reading playlists for the first time takes many"
        )
