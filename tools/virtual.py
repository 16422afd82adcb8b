"""Time that passes only while everybody waits, and those who live in it: one of them does something at a time."""

import heapq
import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Final

BEGINNING: Final = datetime(2026, 11, 22, 6, tzinfo=UTC)
Act = Callable[[], object]


class VirtualTime:
    """The port ``Clock`` for many threads, and what decides which of them goes on: whoever is due first.

    Those that are due at once go on in the order in which they came, so that the same steps always give the same
    story. Only threads that were begun here may sleep.
    """

    def __init__(self) -> None:
        self._seconds = 0.0
        self._serial = count()
        self._due: list[tuple[float, int, Act, bool]] = []
        """When, what to do, and whether that wakes somebody."""
        self._over = threading.Lock()
        self._errors: list[BaseException] = []

    def now(self) -> datetime:
        return BEGINNING + timedelta(seconds=self._seconds)

    def monotonic(self) -> float:
        return self._seconds

    def sleep(self, seconds: float) -> None:
        until = self._seconds + seconds
        if not self._due or until < self._due[0][0]:
            self._seconds = until
            return
        woken = self._before(until)
        self._hand_over()
        woken.acquire()

    def later(self, seconds: float, act: Act) -> None:
        """Have something done in *seconds*, in passing: it must not sleep."""
        self._put(self._seconds + seconds, act, wakes=False)

    def begin(self, act: Act) -> None:
        """Have something done from now on, beside all others."""
        self.begin_at(self._seconds, act)

    def begin_at(self, seconds: float, act: Act) -> None:
        """Have something done beside all others, from that moment on, or from now on if it is past."""
        due = self._before(max(seconds, self._seconds))
        threading.Thread(target=self._live, args=(act, due), daemon=True).start()

    def run(self) -> None:
        """Return once nobody has anything left to do; raise the first error, after which nothing else is done."""
        self._over.acquire()
        self._hand_over()
        with self._over:  # which whoever is last opens
            if self._errors:
                raise self._errors[0]

    def _before(self, until: float) -> threading.Lock:
        """Return what opens when it is due."""
        woken = threading.Lock()
        woken.acquire()
        self._put(until, woken.release, wakes=True)
        return woken

    def _put(self, at: float, act: Act, *, wakes: bool) -> None:
        heapq.heappush(self._due, (at, next(self._serial), act, wakes))

    def _live(self, act: Act, woken: threading.Lock) -> None:
        woken.acquire()
        try:
            act()
        except BaseException as error:  # noqa: BLE001 - raised where somebody waits for the end of it all
            self._errors.append(error)
        self._hand_over()

    def _hand_over(self) -> None:
        """Let whoever is due go on."""
        while self._due and not self._errors:
            self._seconds, _, act, wakes = heapq.heappop(self._due)
            act()
            if wakes:
                return
        self._over.release()
