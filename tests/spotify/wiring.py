"""A whole service over a sandbox world: real but for the network, the clock, chance and the store."""

import random
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime

from syncer.budget import Budget, Stop
from syncer.errors import SyncError
from syncer.ids import PlaylistId
from syncer.model import MAX_ITEMS, Account, Config, LikedSongs, Pair, PlaylistSource, Report
from syncer.ports import Chance, Connection, Credentials, StateStore, Stored, StoredMeanwhile
from syncer.sandbox import Playlist, SandboxServer, SignIn, World
from syncer.service import Service
from syncer.spotify.accounts import SpotifyAccounts
from syncer.spotify.transport import ENDPOINTS, Endpoints
from syncer.spotify.wire import Limits, Wire
from syncer.tracklist import read
from tests.fakes import FakeClock, FakeWatch, MemoryState, OneByOne
from tests.spotify.in_process import InProcess
from tests.spotify.raw_server import RawServer

API_URL = "https://api.spotify.com/v1"
ACCOUNTS_URL = "https://accounts.spotify.com"


class MemoryStore:
    """A credential store in memory. ``saves`` lists what was kept, in order; ``fails`` is raised by every save."""

    login_option = ""
    slowest = 0.0

    def __init__(self, credentials: Credentials, *, place: str = "memory") -> None:
        self.place = place
        self.credentials = credentials
        self.saves: list[Credentials] = []
        self.loads = 0
        self.fails: SyncError | None = None
        self.before_save: Callable[[], object] = lambda: None

    def load(self) -> Stored:
        self.loads += 1
        return Stored(credentials=self.credentials, version=str(len(self.saves)))

    def save(self, changed: Credentials, *, over: Stored) -> Stored:
        self.before_save()
        if self.fails:
            raise self.fails
        if over.version != str(len(self.saves)):
            raise StoredMeanwhile
        self.put(changed)
        return Stored(credentials=changed, version=str(len(self.saves)))

    def put(self, changed: Credentials) -> None:
        """Store *changed* as somebody else would."""
        self.saves.append(changed)
        self.credentials = changed

    def forget_access(self) -> None:
        """Keep only what a first run finds."""
        self.credentials = replace(self.credentials, access_token=None, expires_at=None, scope=None)


class Wired:
    """Runs pairs against ``world``. The same *seed* and the same steps give the same run.

    In process by default; *server* puts real HTTP in between, where *limits* should be short, and is entered by the
    test. *world* and *clock* go together: give both to let several services meet in one world.
    """

    def __init__(
        self,
        *,
        world: World | None = None,
        clock: FakeClock | None = None,
        sign_in: SignIn | None = None,
        seed: int = 0,
        limits: Limits | None = None,
        server: Callable[[World], SandboxServer | RawServer] | None = None,
        ca_bundle: str | None = None,
        chance: Chance | None = None,
        daily_requests: int | None = None,
        limit: int = MAX_ITEMS,
    ) -> None:
        """*limit* is how many items a target may grow to."""
        self.clock = clock = clock or FakeClock()
        self.world = world or World(lambda: clock.now().timestamp())
        self.sign_in = sign_in or self.world.sign_in()
        self.store = MemoryStore(credentials(self.world, self.sign_in))
        self.others: dict[str, MemoryStore] = {}
        self.network = InProcess(self.world, self.clock)
        self.stop = Stop()
        self.seed = seed
        self.daily_requests = daily_requests
        self.limit = limit
        self.watch = FakeWatch()
        self.chance = chance or random.Random(seed)  # noqa: S311 - jitter, and the same each time
        self.server = server(self.world) if server else None
        if self.server:  # its faults take real time
            self.wire = Wire(monotonic=time.monotonic, limits=limits, ca_bundle=ca_bundle)
        else:
            self.wire = Wire(monotonic=clock.monotonic, limits=limits, adapter=self.network)
        self.new_process(MemoryState())

    def new_process(self, state: StateStore | None = None, *, endpoints: Endpoints = ENDPOINTS) -> None:
        """Begin anew, as a process does, with what is kept in *state* and in the credential store.

        *endpoints* are all that it may ask for.
        """
        self.state: StateStore = state or self.state
        self.accounts = SpotifyAccounts(
            api_url=self.server.api_url if self.server else API_URL,
            accounts_url=self.server.accounts_url if self.server else ACCOUNTS_URL,
            store=lambda account: self.others.get(account.name, self.store),
            state=self.state,
            wire=self.wire,
            clock=self.clock,
            chance=self.chance,
            daily_requests=self.daily_requests,
            endpoints=endpoints,
        )
        self.service = Service(
            connect=self.accounts,
            state=self.state,
            clock=self.clock,
            chance=self.chance,
            watch=self.watch,
            stop=self.stop,
            executor=OneByOne(random.Random(self.seed)),  # noqa: S311 - the same each time
            files=read,
            limit=self.limit,
        )

    def add_account(self, name: str, sign_in: SignIn) -> None:
        """Have an account called *name* beside the default one."""
        self.others[name] = MemoryStore(credentials(self.world, sign_in))

    def open(self, *, deadline: float | None = None) -> Connection:
        """Sign in, as a run does before its first pair."""
        return self.accounts(Account(name="default"), Budget(self.clock, deadline=deadline, stop=self.stop))

    def run(self, *pairs: Pair, deadline: float | None = None) -> Report:
        return self.service.run(self._config(pairs), deadline=deadline)

    def plan(self, *pairs: Pair) -> Report:
        return self.service.plan(self._config(pairs))

    def _config(self, pairs: tuple[Pair, ...]) -> Config:
        return Config(pairs=pairs, accounts=tuple(Account(name=name) for name in ("default", *self.others)))


def credentials(world: World, sign_in: SignIn) -> Credentials:
    """Return what somebody who signed in would have stored; without a client secret where the sign-in used PKCE."""
    return Credentials(
        client_id=sign_in.client_id,
        client_secret=None if sign_in.pkce else world.apps[sign_in.client_id].client_secret,
        refresh_token=sign_in.refresh_token,
        authorized_at=datetime.fromtimestamp(sign_in.consented_at, UTC).date().isoformat(),
    )


def pair(source: Playlist | str, target: Playlist, name: str | None = None) -> Pair:
    """Return the pair of two playlists of the sandbox; ``liked`` is a source too."""
    one = LikedSongs() if isinstance(source, str) else PlaylistSource(PlaylistId(source.id))
    return Pair(
        name=name or f"{'liked' if isinstance(source, str) else source.name}-to-{target.name}".replace(" ", "-"),
        sources=(one,),
        target=PlaylistId(target.id),
    )
