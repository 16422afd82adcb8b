"""One strict fake per port: it refuses what the real thing refuses, and keeps the history that tests read."""

import random
import zlib
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta
from typing import Any, TypeVar

from syncer.allowance import Allowance
from syncer.budget import Budget
from syncer.cache import Cache
from syncer.errors import (
    MissingScope,
    NotFound,
    Rejected,
    SourceNotReadable,
    SyncError,
    TargetNotWritable,
    UnclearAdd,
    UnclearRemoval,
)
from syncer.ids import PlaylistId, Uri, is_addable, playlist_uri
from syncer.library import Library
from syncer.model import (
    MAX_BATCH,
    PAGE_SIZE,
    Account,
    Add,
    AddState,
    Config,
    Head,
    Item,
    Kind,
    LikedSongs,
    Listed,
    Listing,
    NotBefore,
    Outcome,
    Page,
    Pair,
    PlaylistSource,
    SignIn,
    Source,
)
from syncer.ports import Connection, Playlists
from syncer.reading import SIDE_BY_SIDE
from syncer.state import rows
from syncer.state.nothing import NoState

T = TypeVar("T")
SCOPES = frozenset(
    {
        "playlist-read-private",
        "playlist-read-collaborative",
        "playlist-modify-public",
        "playlist-modify-private",
        "user-library-read",
    }
)


def identifier(word: str) -> PlaylistId:
    """Return a playlist id that shows *word*: ``week`` is ``weekxxxxxxxxxxxxxxxxxx``."""
    return PlaylistId(word.ljust(22, "x"))


def uri(letter: str) -> Uri:
    """Return the uri of the track called *letter*."""
    return Uri(f"spotify:track:{letter.rjust(22, '0')}")


def item(letter: str) -> Item:
    """Return the track called *letter*; ``.`` is an entry that is no longer there."""
    if letter == ".":
        return Item(uri=None, kind=Kind.UNAVAILABLE)
    return Item(uri=uri(letter), name=letter, artists=("Anna",))


def items(letters: Sequence[str]) -> tuple[Item, ...]:
    """Return one track a letter."""
    return tuple(map(item, letters))


def letters(of: Sequence[Item]) -> str:
    """Return the names of *of*, run together."""
    return "".join(one.name for one in of)


def source(word: str) -> Source:
    """Return the source that a test names by a word."""
    return LikedSongs() if word == "liked" else PlaylistSource(identifier(word))


def pair(sources: str, target: str, **options: object) -> Pair:
    """Return the pair ``a+b`` → target, named ``a+b-to-target``."""
    return Pair(
        name=f"{sources}-to-{target}".replace("+", "-"),
        sources=tuple(map(source, sources.split("+"))),
        target=identifier(target),
        **options,  # type: ignore[arg-type] # a test that misspells one fails
    )


def config(*pairs: Pair) -> Config:
    """Return a config of *pairs*, with every account they name."""
    return Config(pairs=pairs, accounts=tuple(Account(name=name) for name in dict.fromkeys(p.account for p in pairs)))


class FakeClock:
    """Time that passes only when someone sleeps."""

    def __init__(self, start: str = "2026-11-22T06:00:00") -> None:
        self.start = datetime.fromisoformat(start).replace(tzinfo=UTC)
        self.elapsed = 0.0
        self.slept: list[float] = []

    def now(self) -> datetime:
        return self.start + timedelta(seconds=self.elapsed)

    def monotonic(self) -> float:
        return self.elapsed

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.elapsed += seconds


class NoChance:
    """Chance that always falls on the low end."""

    def uniform(self, a: float, _b: float) -> float:
        return a


class FakePlaylists:
    """Playlists in memory. ``FakePlaylists(fresh="abc")`` has one playlist of three one-letter tracks.

    ``held`` is the truth, ``shows`` what a read makes of it; ``added`` lists every append that was carried out as
    (playlist, letters), ``reads`` every request, ``head+`` being one with contents. ``before`` is called with each
    request before it is carried out, and what it returns is raised. ``bad`` are URIs that no add may hold, ``lacks``
    the scopes that were not consented to. ``foreign`` playlists are someone else's, and closed; ``read_only`` ones can
    be read; ``collaborative`` ones say that they are. ``library`` has the words of the playlists that a listing names,
    None: all of them; those that are not there leave an empty place. ``nested`` entries come with a head, if it is
    asked for them.
    ``spent`` is called with each request too.
    """

    def __init__(self, *, liked: Sequence[str] = "", **held: Sequence[str]) -> None:
        self.liked = "".join(liked)
        self.held: dict[PlaylistId, list[Item]] = {identifier(word): list(items(what)) for word, what in held.items()}
        self.foreign: set[PlaylistId] = set()
        self.collaborative: set[PlaylistId] = set()
        self.read_only: set[PlaylistId] = set()
        self.descriptions: dict[PlaylistId, str] = {}
        self.bad: set[Uri] = set()
        self.lacks: set[str] = set()
        self.added: list[tuple[str, str]] = []
        self.reads: list[str] = []
        self.library: list[str] | None = None
        self.nested = 100
        self.spent: Callable[[], None] = lambda: None
        self.before: Callable[[str], SyncError | None] = lambda _request: None
        self.loses: Callable[[str], bool] = lambda _letters: False
        self.shows: Callable[[list[Item]], list[Item]] = lambda held: held

    def someone_adds(self, word: str, what: Sequence[str]) -> None:
        """Let a person add *what* to the playlist called *word*."""
        self.held[identifier(word)] += items(what)

    def now_in(self, word: str) -> str:
        """Return what the playlist called *word* holds, as letters."""
        return letters(self.held[identifier(word)])

    def _asked(self, request: str) -> None:
        self.reads.append(request)
        self.spent()
        if error := self.before(request):
            raise error

    def _need(self, scope: str) -> None:
        if scope in self.lacks:
            raise MissingScope("default", scope)

    def _items(self, playlist: PlaylistId) -> list[Item]:
        if playlist not in self.held:
            raise NotFound(playlist_uri(playlist))
        return self.held[playlist]

    def _snapshot_id(self, playlist: PlaylistId) -> str:
        """Return a mark of what *playlist* holds, whoever put it there."""
        held = [str(one.uri) for one in self.held[playlist]]
        return f"{playlist.rstrip('x')}-{len(held)}-{zlib.crc32(' '.join(held).encode()):08x}"

    def head(self, playlist: PlaylistId, *, contents: bool = False) -> Head:
        self._asked(f"head{'+' * contents} {playlist.rstrip('x')}")
        held = self.shows(self._items(playlist))
        readable = playlist not in self.foreign
        return Head(
            id=playlist,
            name=playlist,
            snapshot_id=self._snapshot_id(playlist),
            readable=readable,
            total=len(held),
            first=tuple(held[: self.nested]) if contents and readable else (),
            owner=self._owner(playlist),
            collaborative=playlist in self.collaborative,
        )

    def _owner(self, playlist: PlaylistId) -> str:
        return "someone" if playlist in self.foreign | self.read_only else "me"

    def me(self) -> str:
        self._asked("me")
        return "me"

    def listing(self, offset: int) -> Listing:
        self._asked(f"list {offset}")
        self._need("playlist-read-private")
        library = list(self.held) if self.library is None else list(map(identifier, self.library))
        page = library[offset : offset + PAGE_SIZE]
        return Listing(total=len(library), playlists=tuple(self._listed(one) for one in page if one in self.held))

    def _listed(self, playlist: PlaylistId) -> Listed:
        return Listed(
            id=playlist,
            name=playlist,
            owner=self._owner(playlist),
            owner_name=self._owner(playlist).title(),
            collaborative=playlist in self.collaborative,
            total=len(self.held[playlist]),
            snapshot_id=self._snapshot_id(playlist),
            description=self.descriptions.get(playlist, ""),
        )

    def create(self, name: str, *, public: bool, description: str) -> PlaylistId:
        self._asked(f"create {name}")
        self._need("playlist-modify-public" if public else "playlist-modify-private")
        made = identifier(name)
        self.held[made], self.descriptions[made] = [], description
        if self.loses(name):
            raise UnclearAdd(name)
        return made

    def page(self, playlist: PlaylistId, offset: int) -> Page:
        self._asked(f"page {playlist.rstrip('x')} {offset}")
        held = self.shows(self._items(playlist))
        self._need("playlist-read-private")
        if playlist in self.foreign:
            raise SourceNotReadable(playlist_uri(playlist))
        return Page(total=len(held), items=tuple(held[offset : offset + PAGE_SIZE]))

    def liked_page(self, offset: int) -> Page:
        self._asked(f"liked {offset}")
        self._need("user-library-read")
        return Page(total=len(self.liked), items=items(self.liked[offset : offset + PAGE_SIZE]))

    def append(self, playlist: PlaylistId, uris: Sequence[Uri]) -> str | None:
        assert 1 <= len(uris) <= MAX_BATCH
        assert all(map(is_addable, uris))
        word, what = playlist.rstrip("x"), "".join(one[-1] for one in uris)
        self._asked(f"append {word} {what}")
        held = self._items(playlist)
        self._need("playlist-modify-public")
        if playlist in self.foreign | self.read_only:
            raise TargetNotWritable(playlist_uri(playlist))
        if self.bad.intersection(uris):
            raise Rejected(playlist_uri(playlist))
        held.extend(Item(uri=one, name=one.rsplit(":", 1)[1].lstrip("0") or "0", artists=("Anna",)) for one in uris)
        self.added.append((word, what))
        if self.loses(what):
            raise UnclearAdd(playlist_uri(playlist))
        return self._snapshot_id(playlist)

    def remove(self, playlist: PlaylistId, uris: Sequence[Uri]) -> None:
        assert 1 <= len(uris) <= MAX_BATCH
        word, what = playlist.rstrip("x"), "".join(one[-1] for one in uris)
        self._asked(f"remove {word} {what}")
        held = self._items(playlist)
        self._need("playlist-modify-public")
        if playlist in self.foreign | self.read_only:
            raise TargetNotWritable(playlist_uri(playlist))
        held[:] = [one for one in held if one.uri not in uris]
        if self.loses(what):
            raise UnclearRemoval(playlist_uri(playlist))


class FakeAccounts:
    """The port ``Connect``: every account reaches the same playlists, through the same app.

    ``scopes`` were consented to on the day ``consented``; ``revoked`` is raised where that is put to the proof.
    """

    def __init__(self, playlists: FakePlaylists, **refused: SyncError) -> None:
        self._playlists = playlists
        self._refused = refused
        self._run: Budget | None = None
        self._allowance = Allowance()
        self.opened: list[str] = []
        self.warnings: list[str] = []
        self.consented: date | None = date(2026, 11, 1)
        self.scopes: frozenset[str] | None = SCOPES
        self.revoked: SyncError | None = None

    def _renew(self) -> None:
        if self.revoked:
            raise self.revoked

    def __call__(self, account: Account, budget: Budget) -> Connection:
        budget.allow()
        self.opened.append(account.name)
        if account.name in self._refused:
            raise self._refused[account.name]
        if budget is not self._run:
            self._run, self._allowance = budget, Allowance()
        self._allowance.limit_to(account.daily_requests)
        self._playlists.spent = self._allowance.spend
        return Connection(
            playlists=self._playlists,
            sign_in=SignIn(account=account.name, consented=self.consented),
            warnings=self.warnings,
            client_id="app",
            allowance=self._allowance,
            place="memory",
            renew=self._renew,
            scope=lambda: self.scopes,
        )


class OneByOne:
    """The port ``Executor`` where nothing is done side by side, in an order that *chance* decides if it is given."""

    def __init__(self, chance: random.Random | None = None) -> None:
        self._chance = chance
        self._waiting: list[_Task[Any]] = []

    def submit(self, task: Callable[[int], T], argument: int, /) -> "Future[T]":
        future = _Task(task, argument, self._get_on)
        self._waiting.append(future)
        return future

    def _get_on(self, wanted: "_Task[Any]") -> None:
        """Do what SIDE_BY_SIDE workers would, until *wanted* is done."""
        while not wanted.done():
            started = [one for one in self._waiting if not one.cancelled()][:SIDE_BY_SIDE]
            chosen = self._chance.choice(started) if self._chance else started[0]
            self._waiting.remove(chosen)
            chosen.carry_out()


class _Task(Future[T]):
    """Something to be done when somebody wants its result."""

    def __init__(self, task: Callable[[int], T], argument: int, get_on: "Callable[[_Task[Any]], None]") -> None:
        super().__init__()
        self._task = task
        self._argument = argument
        self._get_on = get_on

    def result(self, timeout: float | None = None) -> T:
        self._get_on(self)
        return super().result(timeout)

    def carry_out(self) -> None:
        try:
            self.set_result(self._task(self._argument))
        except Exception as error:  # noqa: BLE001 - as every executor does: raised where the result is wanted
            self.set_exception(error)


def library(*pairs: Pair, state: "MemoryState | None" = None, watch: "FakeWatch | None" = None) -> Library:
    """Return what a run of *pairs* knows of playlists, before its first."""
    return Library(
        pairs,
        cache=Cache(state or MemoryState()),
        clock=FakeClock(),
        watch=watch or FakeWatch(),
        executor=OneByOne(),
    )


def connection(playlists: Playlists) -> Connection:
    """Return an account that reaches *playlists*."""
    return Connection(playlists=playlists, sign_in=SignIn(account="me"))


class FakeWatch:
    """Remembers what it saw."""

    def __init__(self) -> None:
        self.seen: list[str] = []

    def reading(self, what: str, done: int, total: int) -> None:
        self.seen.append(f"{what} {done}/{total}")

    def starting(self, pair: Pair) -> None:
        self.seen.append(f"start {pair.name}")

    def ended(self, outcome: Outcome) -> None:
        self.seen.append(f"end {outcome.pair.name} {outcome.status}")


class MemoryState(NoState):
    """A state store that outlives processes, in memory.

    ``watch`` is called around each write of an add. ``calls`` lists every call but reads; ``before`` is called with
    each of them and with ``resume at``, and what it returns is raised before anything is kept.
    """

    keeps = True

    def __init__(self) -> None:
        super().__init__()
        self.watch: Callable[[], None] = lambda: None
        self.calls: list[str] = []
        self.before: Callable[[str], SyncError | None] = lambda _call: None
        self._cache: dict[str, bytes] = {}

    def _called(self, call: str) -> None:
        self.calls.append(call)
        if error := self.before(call):
            raise error

    def process_died(self) -> None:
        """Let go of the lock, as the kernel does for a process that is gone."""
        self._locked = False

    @contextmanager
    def lock(self, run_id: str, *, now: datetime, until: datetime) -> Iterator[None]:
        self._called("lock")
        with super().lock(run_id, now=now, until=until):
            yield
        self._called("unlock")

    def sending(self, add: Add) -> None:
        self.watch()
        self._called(f"sending {_names(add)}")
        super().sending(add)
        self.watch()

    def settle(self, add: Add, *, landed: Sequence[Uri], state: AddState) -> None:
        self.watch()
        self._called(f"settle {_names(add)}")
        self._adds.pop((add.target, add.id), None)
        if left := rows.settled(add, landed, state):
            super().sending(left)
        self.watch()

    def wait(self, client_id: str, wish: NotBefore) -> None:
        self._called("wait")
        super().wait(client_id, wish)

    def resume_at(self) -> str | None:
        if error := self.before("resume at"):
            raise error
        return super().resume_at()

    def stopped_at(self, pair: str | None) -> None:
        self._called(f"stopped at {pair}")
        super().stopped_at(pair)

    def cached(self, name: str) -> bytes | None:
        return self._cache.get(name)

    def cache(self, name: str, content: bytes) -> None:
        self._called(f"cache {name}")
        self._cache[name] = content


def _names(add: Add) -> str:
    return letters([addition.item for addition in add.additions])
