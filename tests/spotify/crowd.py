"""Several threads at once, in an order that a test decides."""

import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from socket import socket
from typing import Final

from syncer.budget import Budget
from syncer.ids import PlaylistId
from syncer.model import Account, Page
from syncer.sandbox import HttpRequest, World
from tests.fakes import FakeClock, MemoryState, NoChance
from tests.spotify.raw_server import RawServer, read_request
from tests.spotify.wiring import MemoryStore, Wired

PEOPLE: Final = 4
LONG: Final = 5.0
"""Seconds after which a test that waits for something has failed."""


class SharedClock(FakeClock):
    """Time that passes for all threads at once: who sleeps at the same time wakes at the same time.

    The first sleeps begin together, as many as ``together`` says.
    """

    def __init__(self, *, together: int = 1) -> None:
        super().__init__()
        self._lock = threading.Lock()
        self._seen = threading.local()
        self._left = together
        self._together = threading.Barrier(together)

    @property
    def last_seen(self) -> float:
        """The time that this thread saw last."""
        return float(self._seen.at)

    def monotonic(self) -> float:
        self._seen.at = self.elapsed
        return self.elapsed

    def sleep(self, seconds: float) -> None:
        with self._lock:
            waits, self._left = self._left > 0, self._left - 1
        if waits:
            self._together.wait(LONG)
        with self._lock:
            self.slept.append(seconds)
            self.elapsed = max(self.elapsed, self.last_seen + seconds)


Answer = Callable[[int, HttpRequest], bytes | None]
"""Answers the nth request to the Web API; None: as the world does."""


class Crowd:
    """Four threads that read one playlist over loopback. Enter it, and let them :meth:`read`.

    ``log`` tells when requests to the Web API came and were answered: ``3`` and ``-3`` for the third, from 1.
    """

    def __init__(self, answer: Answer, *, together: int = 1) -> None:
        self.clock = SharedClock(together=together)
        self.wired = Wired(clock=self.clock, chance=NoChance(), server=self._server)
        self.state = MemoryState()
        self.wired.new_process(self.state)
        self.playlist = PlaylistId(self.wired.world.playlist("week", tracks=1000).id)
        self.budget = Budget(self.clock, stop=self.wired.stop)
        self.log: list[int] = []
        self._answer = answer
        self._lock = threading.Lock()

    @property
    def store(self) -> MemoryStore:
        return self.wired.store

    @property
    def asked(self) -> int:
        """How many requests to the Web API came."""
        return max(self.log, default=0)

    @property
    def tokens_asked(self) -> int:
        return sum(call.path == "/api/token" for call in self.wired.world.calls)

    def read(self, pages: int) -> Sequence[Future[list[Page]]]:
        """Have each thread read so many pages; the first ones are asked for by all at once."""
        assert self.wired.server
        with self.wired.server, ThreadPoolExecutor(PEOPLE) as executor:
            playlists = self.wired.accounts(Account(name="default"), self.budget).playlists
            start = threading.Barrier(PEOPLE)

            def one(person: int) -> list[Page]:
                start.wait(LONG)
                return [playlists.page(self.playlist, 50 * (person + PEOPLE * turn)) for turn in range(pages)]

            done = [executor.submit(one, person) for person in range(PEOPLE)]
        self.wired.wire.hang_up()
        return done

    def _server(self, world: World) -> RawServer:
        def script(connection: socket) -> None:
            while request := read_request(connection):
                connection.sendall(self._answered(world, request))

        return RawServer(script)

    def _answered(self, world: World, request: HttpRequest) -> bytes:
        if not request.is_api:
            return world.answer(request).wire()
        with self._lock:
            number = self.asked + 1
            self.log.append(number)
        answer = self._answer(number, request) or world.answer(request).wire()
        with self._lock:
            self.log.append(-number)
        return answer
