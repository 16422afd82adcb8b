"""One gate per client id: every request to Spotify passes it, from whichever thread it comes."""

import math
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import Condition
from typing import Final, Protocol

from syncer.ports import Clock

CEILING: Final = 10.0
"""Requests a second, at the start and at most (fault model §3)."""
FLOOR: Final = 0.5
SECOND: Final = 1.02
"""How long a second's worth is given: requests arrive closer together than they left, and a limit counts arrivals."""
RECOVERY: Final = 1.02
"""How much faster after each request that was served: about 35 of them undo one halving."""
ASK_AGAIN: Final = 1.0
"""Seconds between two looks at what others have done."""


class Share(Protocol):
    """What one of several workers has of a client id. Called from any thread; may raise StateUnusable."""

    def per_second(self) -> int:
        """Return how many requests a second this worker may make now; 0: none before others make room."""
        ...

    def closed_for(self) -> float:
        """Return for how many seconds Spotify wants to hear nothing, as far as is known; not above 0: it listens."""
        ...

    def close(self, seconds: float) -> None:
        """Tell the others that Spotify wants to hear nothing for *seconds*."""
        ...


class Gate:
    """Paces requests: as many at once as a second allows, and never more than that in any second.

    Closed for a while after a 429, it then lets one request through, the probe, and the others once that is answered.
    Threads sleep by the clock, and wait for nothing else but a probe that is under way in another thread.

    With a *share* it lets no more pass than that says, and is closed too when another worker was found too fast.
    """

    def __init__(self, clock: Clock, *, per_second: float = CEILING, share: Share | None = None) -> None:
        self._clock = clock
        self._share = share
        self._longest = ASK_AGAIN if share else math.inf
        """Seconds to sleep at most before what others do, and *may_go*, are asked again."""
        self._ceiling = self._rate = per_second
        self._passed: deque[float] = deque(maxlen=max(1, int(per_second)))
        self._changed = Condition()
        self._closed = False
        self._probing = False
        self._opens = -math.inf
        """When it was closed, the time from which the probe may pass."""

    @contextmanager
    def pass_through(self, may_go: Callable[[], object]) -> Iterator[None]:
        """Be one request: enter when it may go, leave when it is answered.

        *may_go* is asked right before, after all waiting; what it raises is raised, and nothing has passed.
        """
        is_probe = self._admit(may_go)
        try:
            yield
        finally:
            if is_probe:
                with self._changed:
                    self._probing = False
                    self._changed.notify_all()

    def _admit(self, may_go: Callable[[], object]) -> bool:
        """Return once a request may go, and whether it is the probe."""
        while True:
            may_go()
            with self._changed:
                if self._probing:
                    self._changed.wait()
                    continue
                rate = self._shared_rate()  # which may take a while: what time it is comes after
                now = self._clock.monotonic()
                wait = self._free_at(rate) - now
                if wait <= 0:
                    self._passed.append(now)
                    self._probing, self._closed = self._closed, False
                    return self._probing
            self._clock.sleep(min(wait, self._longest))

    def _shared_rate(self) -> float:
        """Return how many may pass in a second, and know of it if others were found too fast."""
        if self._share is None:
            return self._rate
        given = self._share.per_second()
        left = self._share.closed_for()
        if left > 0:
            self._opens = max(self._opens, self._clock.monotonic() + left)
            self._closed = True
        return min(self._rate, given)

    def _free_at(self, rate: float) -> float:
        if rate == 0:
            return math.inf
        burst = max(1, int(rate))
        paced = self._passed[-burst] + max(SECOND, 1 / rate) if len(self._passed) >= burst else -math.inf
        return max(paced, self._opens)

    def close(self, seconds: float) -> None:
        """Spotify found us too fast, and wants to hear nothing for *seconds*."""
        with self._changed:
            now = self._clock.monotonic()
            if now >= self._opens:  # else this one was under way when another was found too fast: the same news
                self.slow_down()
            self._opens = max(self._opens, now + seconds)
            self._closed = True
        if self._share:
            self._share.close(seconds)

    def slow_down(self) -> None:
        """Spotify found us too fast."""
        with self._changed:
            self._rate = max(min(FLOOR, self._ceiling), self._rate / 2)

    def speed_up(self) -> None:
        """A request was served."""
        with self._changed:
            self._rate = min(self._ceiling, self._rate * RECOVERY)
