"""A Spotify with very many pairs in virtual time, and both ways to sync them: a fleet, and one Lambda.

All that is ours is real, adapters included. Only the network, AWS (tools/cloud.py) and time (tools/virtual.py) are made
up, and what our own code takes to compute is left out.
"""

import io
import json
import random
import sys
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime
from http import HTTPStatus
from typing import Any, Final, TypeVar

import requests
import urllib3
from requests.adapters import BaseAdapter, HTTPAdapter

from syncer.bootstrap import ACCOUNTS_URL, API_URL, NobodyWatches, read_file
from syncer.budget import Stop
from syncer.cache import Cache, Ledger
from syncer.closing import Closer
from syncer.dispatching import Dispatcher
from syncer.errors import Code
from syncer.gathering import ITEMS_PER_PAIR
from syncer.ids import PlaylistId
from syncer.leasing import Pace
from syncer.model import Account, Config, Pair, PlaylistSource
from syncer.ports import StateStore, Watch
from syncer.report import as_json
from syncer.sandbox import Call, HttpRequest, Limit, Playlist, World, track
from syncer.secretsmanager import SecretsManagerStore
from syncer.service import Service
from syncer.spotify.accounts import SpotifyAccounts
from syncer.spotify.gate import CEILING
from syncer.spotify.wire import GUARD, Wire
from syncer.sqs import SqsQueue
from syncer.state.dynamodb import DynamoDbState
from syncer.working import Worker
from tools.cloud import Queue, Secrets, Table, Used
from tools.virtual import VirtualTime

T = TypeVar("T")

LATENCY: Final = 0.05
"""Seconds that a request to Spotify takes."""
COLD_START: Final = 0.4
"""Seconds until a function does something that was not there yet."""
TAKE_UP: Final = 0.02
"""Seconds in which a message gets to a worker that is free."""
TIMEOUT: Final = 600.0
"""Seconds that Lambda lets a function take (serverless.yml)."""
HOUR: Final = 3600.0
"""Between runs."""
LASTS: Final = HOUR - 60
PLENTY: Final = 1_000_000
"""Requests a day: no run is held up, and the day is reckoned with all the same."""
SOURCE, TARGET = 30, 50
"""Tracks when it all begins: the last of a source is missing in its target."""


class Network(BaseAdapter):
    """Has *world* answer what is sent, each request after LATENCY."""

    def __init__(self, world: World, time: VirtualTime) -> None:
        super().__init__()
        self._world = world
        self._time = time
        self._built = HTTPAdapter().build_response

    def send(self, request: requests.PreparedRequest, *_args: Any, **_options: Any) -> requests.Response:
        GUARD.get().sent = True
        self._time.sleep(LATENCY)
        method, url, headers = str(request.method), str(request.url), dict(request.headers)
        body = request.body.encode() if isinstance(request.body, str) else request.body or b""
        came = self._world.answer(HttpRequest.to(method, url, headers=headers, body=body))
        read = io.BytesIO(came.body)
        raw = urllib3.HTTPResponse(read, headers=dict(came.headers), status=came.status, preload_content=False)
        return self._built(request, raw)

    def close(self) -> None:
        """Keep no connections."""


class OneAfterTheOther:
    """The port ``Executor`` for playlists so short that there is nothing to be done side by side."""

    def submit(self, task: Callable[[int], T], argument: int, /) -> "Future[T]":
        done: Future[T] = Future()
        done.set_result(task(argument))
        return done


class Place:
    """A Spotify with so many *pairs*, and the AWS where they are synced: account after account, each with its app.

    Spotify serves no app more often than we take to be safe (fault model §3).
    """

    def __init__(self, *, pairs: int, accounts: int = 1) -> None:
        self.time = VirtualTime()
        self.used = Used()
        self.chance = random.Random(pairs)  # noqa: S311 - jitter, and the same each time
        self.world = World(lambda: self.time.now().timestamp())
        self.world.limits.append(Limit(requests=int(CEILING), window=1.0))
        self.secrets = Secrets(self.time, self.used)
        table = Table(self.time, self.used)
        self.state = DynamoDbState("state", lambda: table)
        self.hours = 0
        self._entries = self.world.playlist("all", tracks=TARGET + 1, owner=self.world.add_user("someone")).entries
        self._accounts = [self._account(f"account-{number}") for number in range(accounts)]
        self._sources: list[Playlist] = []
        self.config = Config(
            pairs=tuple(self._pair(number, self._accounts[number * accounts // pairs]) for number in range(pairs)),
            accounts=tuple(self._accounts),
        )

    def _account(self, name: str) -> Account:
        app = self.world.add_app(name)
        sign_in = self.world.sign_in(self.world.add_user(name), app=app)
        values = {
            "spotify_client_id": app.client_id,
            "spotify_client_secret": app.client_secret,
            "refresh_token": sign_in.refresh_token,
        }
        self.secrets.hold(name, json.dumps(values))
        return Account(name=name, secret=name)

    def _pair(self, number: int, account: Account) -> Pair:
        source = self._playlist(f"source {number}", account, slice(TARGET + 1 - SOURCE, None))
        target = self._playlist(f"target {number}", account, slice(TARGET))
        self._sources.append(source)
        sources = (PlaylistSource(PlaylistId(source.id)),)
        return Pair(name=f"pair-{number}", sources=sources, target=PlaylistId(target.id), account=account.name)

    def _playlist(self, name: str, owner: Account, which: slice) -> Playlist:
        """Add a playlist; the entries are shared, to take up no room here."""
        made = self.world.playlist(name, owner=owner.name)
        made.versions = [replace(made.versions[0], entries=self._entries[which])]
        return made

    def renew(self, share: float) -> None:
        """Add a track to such a *share* of the sources, evenly spread."""
        for source in self._sources[:: round(1 / share)]:
            self.world.add(source, [track(len(source.versions), "news")])

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
        """Wire a service as bootstrap does, for a fleet if a *worker* is named."""
        paces: dict[str, Pace] = {}

        def share(client_id: str) -> Pace:
            return paces.setdefault(client_id, Pace(self.state, client_id, worker, self.time))

        accounts = SpotifyAccounts(
            api_url=API_URL,
            accounts_url=ACCOUNTS_URL,
            store=lambda account: SecretsManagerStore(str(account.secret), lambda: self.secrets),
            state=state,
            wire=Wire(monotonic=self.time.monotonic, adapter=Network(self.world, self.time)),
            clock=self.time,
            chance=self.chance,
            daily_requests=PLENTY,
            share=share if worker else None,
        )
        yield Service(
            connect=accounts,
            state=state,
            clock=self.time,
            chance=self.chance,
            watch=watch or NobodyWatches(),
            stop=Stop(),
            executor=OneAfterTheOther(),
            files=read_file,
            ledger=ledger,
        )
        for pace in paces.values():
            pace.give_back()

    @contextmanager
    def invocation(self, *, cold: bool) -> Iterator[float]:
        """Be a call of a function, which is paid for from start to end; it is told when that is to be."""
        began = self.time.monotonic()
        self.used.calls["Invoke"] += 1
        if cold:
            self.time.sleep(COLD_START)
        yield began + TIMEOUT
        self.used.seconds += self.time.monotonic() - began


class Alone:
    """One Lambda that takes all pairs through."""

    def __init__(self, place: Place) -> None:
        self._place = place
        self.reports: list[tuple[float, dict[str, Any]]] = []
        """Of all runs, each with when it was told."""

    def run(self) -> None:
        """Do what the schedule starts."""
        place = self._place
        with place.invocation(cold=True) as deadline, place.service(place.state) as service:
            report = service.run(place.config, deadline=deadline)
        self.reports.append((place.time.monotonic(), as_json(report, items_per_pair=ITEMS_PER_PAIR)))


class Fleet:
    """A dispatcher, and so many *workers* at most."""

    def __init__(self, place: Place, workers: int) -> None:
        self._place = place
        self._workers = workers
        self._busy = 0
        self._warm: list[Worker] = []
        self._waiting: deque[str] = deque()
        self._queue = Queue(place.time, place.used, self._arrives)
        self.reports: list[tuple[float, dict[str, Any]]] = []
        """Of all runs, each with when it was told."""

    def run(self) -> None:
        """Do what the schedule starts: workers go on with it."""
        place = self._place
        self._warm.clear()  # nobody keeps them for an hour
        dispatcher = Dispatcher(
            place.state,
            messages=self._messages(),
            clock=place.time,
            chance=place.chance,
            service=place.service,
            closer=self._closer(),
            lasts=LASTS,
        )
        with place.invocation(cold=True) as deadline:
            dispatcher.dispatch(place.config, deadline=deadline)

    def _arrives(self, body: str) -> None:
        self._waiting.append(body)
        if self._busy < self._workers:
            self._busy += 1
            self._place.time.begin(self._work)

    def _work(self) -> None:
        """Be a container while there is something to do."""
        place, worker = self._place, self._warm.pop() if self._warm else None
        while self._waiting:
            body = self._waiting.popleft()
            place.used.calls.update(("ReceiveMessage", "DeleteMessage"))
            place.time.sleep(TAKE_UP)
            with place.invocation(cold=worker is None) as deadline:
                worker = worker or self._worker()
                worker.work(body, place.config, attempt=1, deadline=deadline)
        self._busy -= 1
        self._warm += [worker] if worker else []

    def _worker(self) -> Worker:
        place = self._place
        return Worker(
            place.state,
            messages=self._messages(),
            clock=place.time,
            chance=place.chance,
            service=place.service,
            closer=self._closer(),
        )

    def _messages(self) -> SqsQueue:
        return SqsQueue("groups", lambda: self._queue)

    def _closer(self) -> Closer:
        place = self._place
        return Closer(place.state, messages=self._messages(), clock=place.time, chance=place.chance, tell=self._tell)

    def _tell(self, report: dict[str, Any]) -> None:
        self.reports.append((self._place.time.monotonic(), report))


@dataclass(frozen=True, slots=True, kw_only=True)
class Took:
    """What it took until every pair was reached."""

    seconds: float
    """From the start of each run to its report, in all."""
    runs: int
    requests: int
    """To the Web API, refused ones included."""
    refused: int
    """Those that were too fast (429)."""
    added: int
    used: Used


def took(place: Place, way: Alone | Fleet) -> Took:
    """Do a run at every hour until one has reached all pairs."""
    before, seconds, added, runs = len(place.world.history), 0.0, 0, 0
    is_over = False
    while not is_over:
        runs += 1
        place.hours += 1
        place.time.begin_at(place.hours * HOUR, way.run)
        place.time.run()
        ((told, report),) = way.reports
        way.reports.clear()
        seconds += told - place.hours * HOUR
        added += report["added"]
        codes = {pair["error"]["code"] for pair in report["pairs"] if pair["error"]}
        if codes - {Code.OUT_OF_TIME}:
            sys.exit(f"this is not what was to be measured: {codes}")
        is_over = not codes
    calls = [one for one in place.world.history[before:] if isinstance(one, Call) and one.path.startswith("/v1/")]
    refused = sum(call.status == HTTPStatus.TOO_MANY_REQUESTS for call in calls)
    return Took(seconds=seconds, runs=runs, requests=len(calls), refused=refused, added=added, used=place.used.taken())
