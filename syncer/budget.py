"""What one run may spend: time, retries, waiting. One budget per run, shared by every account in it."""

import math
from collections import Counter, defaultdict
from threading import Lock
from typing import Final, Protocol

from syncer.allowance import Allowance
from syncer.errors import Interrupted, OutOfTime

RETRIES: Final = 20
SUCCESSES_PER_RETRY: Final = 10
"""Requests that must be served to earn one retry more (fault model §3)."""
SPLITS: Final = 15
"""Batches that may be halved in one run; each costs two adds (fault model §3: at most 30 extra adds)."""
MAX_WAITED: Final = 120.0
"""Seconds that a run may spend waiting: because Spotify asks for it, or before it tries again."""
SPARE: Final = 5.0
"""Seconds kept for the report beside a request's worst case (fault model §3)."""


class _Monotonic(Protocol):
    def monotonic(self) -> float: ...

    def sleep(self, seconds: float) -> None: ...


class Stop:
    """A wish to end the run soon, set by a signal handler and looked at between requests."""

    def __init__(self) -> None:
        self.signal: int | None = None

    def __call__(self, signal: int) -> None:
        self.signal = signal


class Budget:
    """The limits of one run; every request asks :meth:`allow` first. Several threads may spend from it."""

    def __init__(self, clock: _Monotonic, *, deadline: float | None = None, stop: Stop | None = None) -> None:
        """*deadline* is on the clock's monotonic scale; None = no deadline."""
        self._clock = clock
        self._deadline = deadline
        self._stop = stop or Stop()
        self._saved = RETRIES * SUCCESSES_PER_RETRY
        self._splits = SPLITS
        self._waited = 0.0
        self._waits_until = -math.inf
        self._lock = Lock()
        self.requests: Counter[str] = Counter()
        self.allowances: defaultdict[str, Allowance] = defaultdict(Allowance)
        """What each client id may ask for, today."""

    @property
    def interrupted_by(self) -> int | None:
        """The signal that asked this run to stop, if one did."""
        return self._stop.signal

    def allow(self, worst_case: float = 0.0) -> None:
        """Return if a request that may take *worst_case* seconds can start; OutOfTime or Interrupted if not."""
        if self._stop.signal is not None:
            raise Interrupted(self._stop.signal)
        if not self.has(worst_case):
            raise OutOfTime

    def has(self, seconds: float) -> bool:
        """Whether *seconds* are left beside what the report needs."""
        return self._deadline is None or self._deadline - self._clock.monotonic() > seconds + SPARE

    @property
    def sent(self) -> dict[str, int]:
        """How many requests each of Spotify's hosts was sent, as reports tell it."""
        return {host: self.requests[host] for host in ("spotify", "accounts")}

    def count(self, host: str) -> None:
        """Count a request to *host*."""
        with self._lock:
            self.requests[host] += 1

    def succeeded(self) -> None:
        """Earn a part of a retry."""
        with self._lock:
            self._saved += 1

    def take_retry(self) -> bool:
        """Spend one retry, if one is left."""
        with self._lock:
            if self._saved < SUCCESSES_PER_RETRY:
                return False
            self._saved -= SUCCESSES_PER_RETRY
            return True

    def take_split(self) -> bool:
        """Spend the halving of one refused batch, if one is left."""
        with self._lock:
            self._splits -= 1
            return self._splits >= 0

    def may_wait(self, seconds: float, worst_case: float = 0.0) -> bool:
        """Whether *seconds* of waiting, and then a request of at most *worst_case*, fit this run's limits."""
        with self._lock:
            waited = self._waited + self._added_by(seconds)
        return waited <= MAX_WAITED and self.has(seconds + worst_case)

    def wait(self, seconds: float) -> None:
        """Sleep; it counts against :data:`MAX_WAITED`. Interrupted if the wish to stop came meanwhile.

        What several threads wait at the same time counts once.
        """
        with self._lock:
            self._waited += self._added_by(seconds)
            self._waits_until = max(self._waits_until, self._clock.monotonic() + seconds)
        self._clock.sleep(seconds)
        self.allow()

    def _added_by(self, seconds: float) -> float:
        """Return by how much a wait of *seconds* from now on outlasts those under way."""
        under_way = max(0.0, self._waits_until - self._clock.monotonic())
        return max(0.0, seconds - under_way)
