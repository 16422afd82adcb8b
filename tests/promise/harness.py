"""Runs that go wrong on purpose, in a small world that remembers everything.

Everything is real but the network (a function call), the clock, chance, and the disk under the state store.
What must hold whatever happens is in tests/promise/checks.py.
"""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from enum import Enum
from signal import SIGINT
from typing import Any, Final

import requests

from syncer.appending import SETTLE
from syncer.ids import PlaylistId
from syncer.model import (
    DEFAULT_ACCOUNT,
    MAX_ITEMS,
    Account,
    Action,
    AddState,
    Chosen,
    Config,
    NotBefore,
    Pair,
    Play,
    PlaylistSource,
    Queue,
    RecentlyPlayed,
    Report,
    Reversal,
)
from syncer.sandbox import Call, Change, SignIn, User, World
from syncer.spotify.transport import CREATE_ENDPOINTS, ENDPOINTS, UNDO_ENDPOINTS, Endpoints
from tests.fakes import FakeClock, MemoryState
from tests.promise.disk import Disk
from tests.promise.sources import Read, Uris, holds
from tests.spotify.wiring import Wired, credentials

LONG: Final = 300_000.0
"""Seconds after which every limit has passed and every late add has happened."""
W: Final = SETTLE
NESTED: Final = 20
"""Entries that come with a head: few, so that small playlists have several pages too."""

SHOWN_AT: Final = {"/v1/me/player/recently-played": RecentlyPlayed, "/v1/me/player/queue": Queue}
"""Where what passes by is shown."""

Scene = Callable[[World], Sequence[Pair]]
Act = Callable[[], object]


class Killed(BaseException):
    """kill -9: nothing runs after it, not even our own guards."""


def kill() -> None:
    """Be what ends a process at one of its steps."""
    raise Killed


class Told(Enum):
    """What the process that sent a request could know of its outcome."""

    DONE = "done"
    REFUSED = "refused"
    NEVER_SENT = "never sent"
    UNCLEAR = "unclear"


@dataclass(frozen=True, slots=True, kw_only=True)
class Sent:
    """A request that left a process."""

    call: Call
    place: int
    """Its index in the history of the world."""
    began: float
    ended: float
    told: Told
    noted: bool
    """Whether, as it left, the state held a note of just this add."""
    asked: float = 0.0
    """Seconds that the answer asked us to wait, where it said so in plain seconds."""

    @property
    def is_add(self) -> bool:
        return self.call.method == "POST" and self.call.path.endswith("/items")

    @property
    def playlist(self) -> str:
        """The id of the playlist that it is about."""
        return self.call.path.split("/")[3] if self.call.path.startswith("/v1/playlists/") else ""


@dataclass(slots=True, kw_only=True)
class Process:
    """One start of the syncer, and what came of it."""

    began: float
    first: int
    """Where in the history of the world it began."""
    clock: datetime
    """What our clock showed as it began."""
    diaries: dict[str, tuple[Play, ...]]
    """What was written down before it, by the names of the diaries."""
    held: dict[Read, set[str | None]]
    """What the sources that are no playlists held all the while that it could look."""
    seen: dict[Read, set[str | None]]
    """What they held at any time that it could look."""
    not_before: NotBefore | None
    deadline: float | None = None
    dry_run: bool = False
    last: int = 0
    ended: float = 0.0
    slept: float = 0.0
    killed: bool = False
    in_doubt: frozenset[str] = frozenset()
    """The targets of adds that were carried out and whose end it, being killed, did not note."""
    signed_in: frozenset[str]
    """The accounts whose consent held from its start to its end."""
    disk_failed: bool = False
    shown: list[tuple[str, set[str | None]]] = field(default_factory=list)
    """What passed by and was shown to it for certain, each time, with the name of the diary that it belongs in."""
    stopped: int | None = None
    """How many requests had been sent when it was asked to stop."""
    sent: list[Sent] = field(default_factory=list)
    report: Report | None = None
    reversal: Reversal | None = None

    @property
    def adds(self) -> list[Sent]:
        return [one for one in self.sent if one.is_add]


class Trial:
    """A small world, some pairs, and processes that come and go in it."""

    def __init__(self, scene: Scene, *, seed: int = 0, limit: int = MAX_ITEMS) -> None:
        """*limit* is how many items a target may grow to."""
        self.clock = FakeClock()
        epoch = self.clock.now().timestamp()
        self.world = World(lambda: epoch + self.clock.elapsed)  # goes right, whatever our clock shows
        self.world.app.nested_page = NESTED
        self.wired = Wired(world=self.world, clock=self.clock, seed=seed, limit=limit)
        self.pairs = tuple(scene(self.world))
        names = dict.fromkeys([DEFAULT_ACCOUNT, *(name for pair in self.pairs for name in pair.accounts)])
        self.users = {name: self._user(name) for name in names}
        """Whose the accounts are, by the names of the accounts."""
        self.others = {name: self.world.sign_in(self.users[name]) for name in list(names)[1:]}
        """The sign-ins of the accounts beside the default one."""
        for name, sign_in in self.others.items():
            self.wired.add_account(name, sign_in)
        reads = dict.fromkeys(read for pair in self.pairs for read in pair.reads)
        self._looked_at = [read for read in reads if not isinstance(read[1], PlaylistSource)]
        self.heard = [read for read in self._looked_at if isinstance(read[1], RecentlyPlayed | Queue)]
        """What passes by."""
        self.state = Disk()
        self.state.step = self._step
        self.old = {pair.target: self.held(pair.target) for pair in self.pairs if pair.target}
        self.processes: list[Process] = []
        self.steps = 0
        self.latency = 0.0
        """Seconds that every request takes."""
        self.jumped = False
        """Whether the clock of this machine was ever set anew."""
        self.torn: list[float] = []
        """When the state was found torn."""
        self._at: dict[int, Act] = {}
        self._send = self.wired.network.send
        self.wired.network.send = self._watched  # type: ignore[method-assign,assignment] # the world's own door stays as it is

    @property
    def us(self) -> frozenset[str]:
        """The ids of the users whose accounts are used."""
        return frozenset(user.id for user in self.users.values())

    @property
    def sign_ins(self) -> dict[str, SignIn]:
        """The sign-in of each account, by its name."""
        return {DEFAULT_ACCOUNT: self.wired.sign_in, **self.others}

    @property
    def reports(self) -> list[Report]:
        return [process.report for process in self.processes if process.report and not process.dry_run]

    @property
    def wish(self) -> NotBefore | None:
        """What Spotify was heard to ask us to wait for."""
        return MemoryState.not_before(self.state, self.wired.sign_in.client_id)

    def held(self, playlist: str) -> Uris:
        return self.world.playlists[playlist].uris

    def holds(self, read: Read) -> Uris:
        """Return what a source that is no playlist shows now."""
        account, source = read
        return holds(self.world, self.users[account], source)

    def diaries(self) -> dict[str, tuple[Play, ...]]:
        """Return what is written down of all that passes by."""
        return {name: self.state.diary(name) for name in map(diary_of, self.heard)}

    # --- what happens ---

    def run(
        self,
        *,
        at: Mapping[int, Act] | None = None,
        kill_at: int | None = None,
        deadline: float | None = None,
        dry_run: bool = False,
    ) -> Report | None:
        """Start a process and let it run; None if it was killed.

        Each of *at* happens at its step. A step is either side of a request or of a write to the state.
        """
        makes = self._config.makes_playlists
        process = self._started(deadline, dry_run=dry_run, endpoints=CREATE_ENDPOINTS if makes else ENDPOINTS)
        go = self.wired.service.plan if dry_run else self.wired.service.run
        with self._under_way(process, {**(at or {}), **({} if kill_at is None else {kill_at: kill})}):
            process.report = go(self._config, deadline=process.deadline)
        return process.report

    def reverse(
        self, action: Action, run: str, *, kill_at: int | None = None, deadline: float | None = None
    ) -> Reversal | None:
        """Start a process that undoes or redoes *run*; None if it was killed."""
        process = self._started(
            deadline, dry_run=False, endpoints=UNDO_ENDPOINTS if action is Action.UNDO else ENDPOINTS
        )
        go = self.wired.service.undo if action is Action.UNDO else self.wired.service.redo
        with self._under_way(process, {} if kill_at is None else {kill_at: kill}):
            process.reversal = go(self._config, Chosen(run=run), deadline=process.deadline)
        return process.reversal

    @contextmanager
    def _under_way(self, process: Process, at: Mapping[int, Act]) -> Iterator[None]:
        """Be *process* from its start to its end, however that comes."""
        self._at = dict(at)
        failed = self.state.failed
        try:
            yield
        except Killed:
            process.killed = True
            noted = {add.target for add in self.state.all() if add.state is AddState.SENT}
            process.in_doubt = frozenset(noted & {one.playlist for one in process.sent[-1:] if one.told is Told.DONE})
            self.state.process_died()
        finally:
            self._at = {}
            process.disk_failed = self.state.failed > failed
            process.signed_in &= self._signed_in()
            process.last, process.ended = len(self.world.history), self.clock.elapsed
            process.slept = sum(self.clock.slept)

    def _started(self, deadline: float | None, *, dry_run: bool, endpoints: Endpoints = ENDPOINTS) -> Process:
        self.wired.new_process(self.state, endpoints=endpoints)
        self.wired.stop.signal = None
        self.clock.slept.clear()
        self.steps = 0
        process = Process(
            began=self.clock.elapsed,
            first=len(self.world.history),
            clock=self.clock.now(),
            diaries=self.diaries(),
            held={read: set(self.holds(read)) for read in self._looked_at},
            seen={read: set(self.holds(read)) for read in self._looked_at},
            signed_in=self._signed_in(),
            not_before=self.wish,
            deadline=None if deadline is None else self.clock.elapsed + deadline,
            dry_run=dry_run,
        )
        self.processes.append(process)
        return process

    def plan(self) -> Report | None:
        return self.run(dry_run=True)

    def stop(self) -> None:
        """Ask the process under way to stop, as Ctrl-C does."""
        self.wired.stop(SIGINT)
        self.processes[-1].stopped = len(self.processes[-1].sent)

    def intrude(self) -> Report:
        """Start one more process while this one runs, and see it turned away."""
        other = Wired(world=self.world, clock=self.clock, sign_in=self.wired.sign_in)
        for name, sign_in in self.others.items():
            other.add_account(name, sign_in)
        other.new_process(self.state)
        before = len(self.world.history)
        report = other.run(*self.pairs)
        assert len(self.world.history) == before, "a second run sent something"
        return report

    def jump(self, seconds: float) -> None:
        """Set the clock of this machine anew; the world goes on as it did."""
        self.clock.start += timedelta(seconds=seconds)
        self.jumped = True

    def tear(self) -> None:
        """Let the state be found torn."""
        self.state.tear(self.clock.now())
        self.torn.append(self.clock.elapsed)

    def sign_in(self, account: str = DEFAULT_ACCOUNT) -> None:
        """Let the person sign in once more, as `syncer login` does."""
        made = self.world.sign_in(self.users[account])
        fresh = credentials(self.world, made)
        fresh = replace(fresh, authorized_at=self.clock.now().astimezone(UTC).date().isoformat())
        if account == DEFAULT_ACCOUNT:
            self.wired.sign_in = made
            self.wired.store.put(fresh)
        else:
            self.others[account] = made
            self.wired.others[account].put(fresh)

    def withdraw(self, account: str = DEFAULT_ACCOUNT) -> None:
        """Let the person take back the consent, as Spotify's page of apps does."""
        self.sign_ins[account].revoked = True
        mine, tokens = self.users[account].id, self.world.access_tokens
        for token in [token for token, known in tokens.items() if known.user == mine]:
            del tokens[token]

    def heal(self) -> None:
        """End whatever goes wrong."""
        self.world.heal()
        self.world.limits.clear()
        self.state.fails = lambda: False
        self.latency = 0.0
        for account, sign_in in self.sign_ins.items():
            if sign_in.revoked:
                self.sign_in(account)

    def later(self, seconds: float) -> None:
        self.clock.elapsed += seconds
        self.world.settle()

    def outlast(self) -> None:
        """Let pass what Spotify asked us to wait for, even where that outlasts the sign-in."""
        if wish := self.wish:
            self.later(max(0.0, (wish.at - self.clock.now()).total_seconds()))
        for account, sign_in in self.sign_ins.items():
            if self.world.now() >= sign_in.ends_at:
                self.sign_in(account)

    # --- the network, watched ---

    def _step(self) -> None:
        self.steps += 1
        if act := self._at.get(self.steps - 1):
            act()

    def _watched(self, request: requests.PreparedRequest, **options: Any) -> requests.Response:
        self._step()
        began, place, told = self.clock.elapsed, len(self.world.history), Told.UNCLEAR
        noted, asked = self._is_noted(request), 0.0
        self._look()
        try:
            response = self._send(request, **options)
            told, asked = _told(response.status_code), _asked(response)
        finally:
            place, call = self._call_from(place)
            told = Told.NEVER_SENT if call.effect == "refuse" else told
            if told is Told.DONE:
                self._note_shown(call)
            self.clock.elapsed += self.latency
            ended = self.clock.elapsed
            sent = Sent(call=call, place=place, began=began, ended=ended, told=told, noted=noted, asked=asked)
            self.processes[-1].sent.append(sent)
            self._step()
        return response

    def _look(self) -> None:
        """Note what the sources hold just now that are no playlists."""
        for read in self._looked_at:
            now = self.holds(read)
            self.processes[-1].held[read].intersection_update(now)
            self.processes[-1].seen[read].update(now)

    def _note_shown(self, call: Call) -> None:
        """Note what the answer to *call* showed for certain of what passes by.

        A spoilt one may look as if there were nothing to show: a page of plays may well be empty.
        """
        process, kind = self.processes[-1], SHOWN_AT.get(call.path)
        for read in self.heard:
            if type(read[1]) is kind and self.users[read[0]].id == call.user:
                if call.faults:
                    process.held[read].clear()
                else:
                    process.shown.append((diary_of(read), set(self.holds(read))))

    def _call_from(self, place: int) -> tuple[int, Call]:
        for found in range(place, len(self.world.history)):
            if isinstance(call := self.world.history[found], Call):
                return found, call
        raise AssertionError("a request did not reach the world")

    def _is_noted(self, request: requests.PreparedRequest) -> bool:
        path = str(request.url).split("/")
        if request.method != "POST" or path[-1] != "items":
            return False
        uris = json.loads(request.body or "{}").get("uris")
        since = self.clock.now()
        return any(
            add.state is AddState.SENT and [one.item.uri for one in add.additions] == uris
            for add in MemoryState.adds(self.state, PlaylistId(path[-2]), since=since)
        )

    # --- what happened ---

    def our_adds(self) -> list[Change]:
        return [change for change in self.world.changes if change.by in self.us]

    # --- what it is made of ---

    def _user(self, account: str) -> User:
        """Return whose *account* is: mine, or of the user with that id."""
        return self.world.me if account == DEFAULT_ACCOUNT else self.world.users[account]

    def _signed_in(self) -> frozenset[str]:
        now = self.world.now()
        return frozenset(name for name, one in self.sign_ins.items() if not one.revoked and now < one.ends_at)

    @property
    def _config(self) -> Config:
        return Config(pairs=self.pairs, accounts=tuple(Account(name=name) for name in self.users))


def diary_of(read: Read) -> str:
    """Return the name of the diary in which a source is written down that passes by."""
    account, source = read
    return f"{account} {source if isinstance(source, Queue) else 'recently_played'}"


def _told(status: int) -> Told:
    if 200 <= status < 300:
        return Told.DONE
    return Told.REFUSED if 400 <= status < 500 else Told.UNCLEAR


def _asked(response: requests.Response) -> float:
    said = response.headers.get("Retry-After", "")
    return float(said) if response.status_code == 429 and said.isdecimal() else 0.0
