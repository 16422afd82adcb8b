"""One gate per client id: every request to Spotify passes it, one after the other."""

from typing import Final

from syncer.ports import Clock

CEILING: Final = 10.0
"""Requests a second, at the start and at most (fault model §3)."""
FLOOR: Final = 0.5
RECOVERY: Final = 1.02
"""How much faster after each request that was served: about 35 of them undo one halving."""


class Gate:
    """Paces requests."""

    def __init__(self, clock: Clock, *, per_second: float = CEILING) -> None:
        self._clock = clock
        self._ceiling = self._rate = per_second
        self._next = clock.monotonic()

    def pass_through(self) -> None:
        """Return when the next request may go."""
        now = self._clock.monotonic()
        if self._next > now:
            self._clock.sleep(self._next - now)
        self._next = max(self._next, now) + 1 / self._rate

    def slow_down(self) -> None:
        """Spotify found us too fast."""
        self._rate = max(FLOOR, self._rate / 2)

    def speed_up(self) -> None:
        """A request was served."""
        self._rate = min(self._ceiling, self._rate * RECOVERY)
