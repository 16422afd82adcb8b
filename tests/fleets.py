"""A fleet over fakes: a queue that delivers when it is asked to, and workers one after the other."""

import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import Any, Final

import jsonschema

from syncer.budget import Budget, Stop
from syncer.cache import Cache, Ledger
from syncer.closing import Closer
from syncer.config import schema
from syncer.dispatching import Dispatcher
from syncer.errors import RateLimited, SyncError
from syncer.fleet import ATTEMPTS
from syncer.model import MAX_ITEMS, Account, Config, NotBefore
from syncer.ports import Connection, StateStore, Watch
from syncer.service import Service
from syncer.tracklist import read
from syncer.working import Worker
from tests.fakes import (
    FakeAccounts,
    FakeClock,
    FakeMessages,
    FakePlaylists,
    FakeWatch,
    MemoryFleet,
    OneByOne,
    config,
)

HOUR: Final = 3600.0
TIMEOUT: Final = 600.0
"""Seconds that one worker may take."""
VISIBLE: Final = TIMEOUT + 120
"""Seconds after which a message comes again that nobody was through with."""
APP: Final = "app"
"""The client id of every account of a FakeAccounts."""


SCHEMA: Final = jsonschema.Draft202012Validator(schema("report"))


class Killed(BaseException):
    """kill -9: nothing runs after it, not even our own guards."""


class Counting:
    """Chance that never falls the same way twice, and on the low end where people would notice."""

    def __init__(self) -> None:
        self._number = 0

    def uniform(self, a: float, b: float) -> float:
        self._number += 1
        return min(a + self._number, b) if b >= 0xFFFF else a


class Queue(FakeMessages):
    """``before`` is called with each body before it is sent, ``after`` once it is."""

    def __init__(self) -> None:
        super().__init__()
        self.after: Callable[[str], None] = lambda _body: None

    def send(self, bodies: Sequence[str], *, delay: float = 0) -> None:
        for body in bodies:
            super().send([body], delay=delay)
            self.after(body)


class Fleet:
    """Runs of a config as many workers do them. ``reports`` are those of the runs that were closed.

    Spotify asks to be left alone until ``closed_until``, in seconds of the clock, and each request ``takes`` so many;
    ``asked`` is called before each beside that, and what it returns is raised.
    """

    def __init__(self, playlists: FakePlaylists, *pairs: Any, **refused: SyncError) -> None:
        self.playlists = playlists
        self.config: Config = config(*pairs)
        self.accounts = FakeAccounts(playlists, **refused)
        self.clock = FakeClock()
        self.chance = Counting()
        self.state = MemoryFleet()
        self.messages = Queue()
        self.limit = MAX_ITEMS
        self.lasts = HOUR - 60
        self.reports: list[dict[str, Any]] = []
        self.dead: list[str] = []
        """The messages that the queue has given up."""
        self.leased: list[str] = []
        self.received: dict[int, int] = {}
        """How often each message, by its place among those that were sent, was delivered."""
        self.closed_until = 0.0
        self.takes = 0.0
        self.asked: Callable[[str], SyncError | None] = lambda _request: None
        self.is_killed = False
        self.under_way: str | None = None
        """The message that a worker has in hand."""
        self.tell: Callable[[dict[str, Any]], None] = self.reports.append
        self._seen_by: StateStore = self.state
        self._budget = Budget(self.clock)
        playlists.before = self._asked

    # --- what is asked of Spotify ---

    def _connect(self, account: Account, budget: Budget) -> Connection:
        wish = self._seen_by.not_before(APP)
        if wish and wish.at > self.clock.now():
            raise RateLimited((wish.at - self.clock.now()).total_seconds())
        self._budget = budget
        return self.accounts(account, budget)

    def _asked(self, request: str) -> SyncError | None:
        self._budget.allow()
        self.clock.elapsed += self.takes
        if error := self.asked(request):
            return error
        left = self.closed_until - self.clock.monotonic()
        if left <= 0:
            return None
        self._seen_by.wait(APP, NotBefore(at=self.clock.now() + timedelta(seconds=left), quota=False))
        return RateLimited(left)

    @contextmanager
    def service(
        self,
        state: StateStore,
        /,
        *,
        worker: str = "",
        watch: Watch | None = None,
        ledger: Callable[[Cache, datetime], Ledger] = Ledger,
    ) -> Iterator[Service]:
        """Return a service over *state*; what it leased is given back once it is left."""
        self.leased.append(worker)
        before, self._seen_by = (self._seen_by, self._budget), state
        try:
            yield Service(
                connect=self._connect,
                state=state,
                clock=self.clock,
                chance=self.chance,
                watch=watch or FakeWatch(),
                stop=Stop(),
                executor=OneByOne(),
                files=read,
                limit=self.limit,
                ledger=ledger,
            )
        finally:
            self.leased.remove(worker)
            self._seen_by, self._budget = before

    # --- who does something ---

    def closer(self) -> Closer:
        return Closer(self.state, messages=self.messages, clock=self.clock, chance=self.chance, tell=self._tell)

    def _tell(self, report: dict[str, Any]) -> None:
        self.tell(json.loads(json.dumps(report)))

    def dispatch(self) -> dict[str, Any]:
        """Begin a run, as the schedule does."""
        dispatcher = Dispatcher(
            self.state,
            messages=self.messages,
            clock=self.clock,
            chance=self.chance,
            service=self.service,
            closer=self.closer(),
            lasts=self.lasts,
        )
        return dispatcher.dispatch(self.config, deadline=self.clock.monotonic() + TIMEOUT)

    def work(self, body: str, *, attempt: int = 1) -> None:
        """Have a worker do what *body* asks for."""
        worker = Worker(
            self.state,
            messages=self.messages,
            clock=self.clock,
            chance=self.chance,
            service=self.service,
            closer=self.closer(),
        )
        worker.work(body, self.config, attempt=attempt, deadline=self.clock.monotonic() + TIMEOUT)

    def deliver(self, *, choose: Callable[[list[tuple[float, int]]], tuple[float, int]] = min, times: int = 1) -> None:
        """Have all messages done that are there, and those that come of them, each when it is due, so many *times*.

        *choose* picks the next of those that wait, each with the time at which it is due and its place.
        """
        waiting: list[tuple[float, int]] = []
        taken = 0
        while taken < len(self.messages.sent) or waiting:
            now = self.clock.monotonic()
            sent = enumerate(self.messages.sent)
            waiting += [(now + delay, place) for place, (_, delay) in sent if place >= taken] * times
            taken = len(self.messages.sent)
            due, place = choose(waiting)
            waiting.remove((due, place))
            self.clock.elapsed = max(self.clock.elapsed, due)
            if not self._received(place):
                waiting.append((self.clock.monotonic() + VISIBLE, place))
        self.messages.sent.clear()
        self.received.clear()

    def _received(self, place: int) -> bool:
        """Deliver a message; return whether that is the end of it."""
        body, _ = self.messages.sent[place]
        attempt = self.received[place] = self.received.get(place, 0) + 1
        try:
            with self.process(body):
                self.work(body, attempt=attempt)
        except (Exception, Killed):  # noqa: BLE001 - whatever it is, the queue delivers it again
            if attempt < ATTEMPTS:
                return False
            self.dead.append(body)
        return True

    @contextmanager
    def process(self, body: str | None = None) -> Iterator[None]:
        """Be a process, with the message *body* in hand: one that is killed does nothing any more."""
        self.under_way = body
        try:
            yield
        finally:
            self.is_killed, self.under_way = False, None

    def run(self, *, hours: float = 1) -> dict[str, Any]:
        """Begin a run *hours* after the last and have it done; return its report."""
        self.clock.elapsed += hours * HOUR
        told = len(self.reports)
        self.dispatch()
        self.deliver()
        assert len(self.reports) == told + 1, "one report"
        assert not self.leased
        SCHEMA.validate(self.reports[-1])
        return self.reports[-1]

    @property
    def groups(self) -> list[str]:
        """The messages that stand for groups."""
        return [body for body, _ in self.messages.sent if "group" in json.loads(body)]

    # --- what goes wrong ---

    def at_each_step(self, step: Callable[[str], SyncError | None], *, after: bool = True) -> None:
        """Have *step* called before each call of the state, the queue and Spotify, and *after* those that change it.

        What it returns is raised by that call. A process in which it raises Killed does not get any further.
        """

        def called(call: str) -> SyncError | None:
            if self.is_killed:
                raise Killed
            try:
                return step(call)
            except Killed:
                self.is_killed = True
                raise

        def answered(call: str) -> SyncError | None:
            return called(f"after {call}") if after else None

        def sent(body: str) -> None:
            if error := answered(f"send {body}"):
                raise error

        self.state.before, self.state.after = called, answered
        self.messages.before, self.messages.after = (lambda body: called(f"send {body}")), sent
        self.asked = called
        self.playlists.loses = lambda letters: answered(f"append {letters}") is not None

        def tell(report: dict[str, Any]) -> None:
            self.reports.append(report)
            called("told")

        self.tell = tell


def statuses(report: dict[str, Any]) -> dict[str, str]:
    """Return what became of each pair."""
    return {pair["name"]: pair["status"] for pair in report["pairs"]}


def codes(report: dict[str, Any]) -> dict[str, str]:
    """Return the code of the error of each pair that has one."""
    return {pair["name"]: pair["error"]["code"] for pair in report["pairs"] if pair["error"]}
