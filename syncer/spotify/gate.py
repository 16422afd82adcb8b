"""One gate per client id: every request to Spotify passes it, one after the other."""

from collections import deque
from typing import Final

from syncer.ports import Clock

CEILING: Final = 10.0
"""Requests a second, at the start and at most (fault model §3)."""
FLOOR: Final = 0.5
RECOVERY: Final = 1.02
"""How much faster after each request that was served: about 35 of them undo one halving."""


class Gate:
    """Paces requests: as many at once as a second allows, and never more than that in any second."""

    def __init__(self, clock: Clock, *, per_second: float = CEILING) -> None:
        self._clock = clock
        self._ceiling = self._rate = per_second
        self._passed: deque[float] = deque(maxlen=max(1, int(per_second)))

    def pass_through(self) -> None:
        """Return when the next request may go."""
        burst = max(1, int(self._rate))
        if len(self._passed) >= burst:
            wait = self._passed[-burst] + burst / self._rate - self._clock.monotonic()
            if wait > 0:
                self._clock.sleep(wait)
        self._passed.append(self._clock.monotonic())

    def slow_down(self) -> None:
        """Spotify found us too fast."""
        self._rate = max(FLOOR, self._rate / 2)

    def speed_up(self) -> None:
        """A request was served."""
        self._rate = min(self._ceiling, self._rate * RECOVERY)
