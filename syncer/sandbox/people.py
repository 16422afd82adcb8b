"""Who there is in the sandbox: people, apps and their consents; and what is due to happen."""

import hashlib
import heapq
import itertools
import time
from collections.abc import Callable, Iterable
from threading import RLock

from syncer.sandbox.playing import Habits, Player
from syncer.sandbox.scenery import spotify_id
from syncer.sandbox.things import SCOPES, AccessToken, App, Call, Change, Limit, SignIn, User


class People:
    """All who there are. Time comes from *now* alone; the same steps always give the same people."""

    def __init__(self, now: Callable[[], float] = time.time) -> None:
        self.now = now
        self.lock = RLock()
        self.users: dict[str, User] = {}
        self.apps: dict[str, App] = {}
        self.sign_ins: dict[str, SignIn] = {}
        self.access_tokens: dict[str, AccessToken] = {}
        self.history: list[Call | Change] = []
        self.limits: list[Limit] = []
        self.habits = Habits()
        """How Spotify's player behaves where nobody has proved it."""
        self._later: list[tuple[float, int, Callable[[float], object]]] = []
        self._serial = itertools.count(1)
        self.me = self.add_user("listener", "Listener")
        self.app = self.add_app("sandbox")

    def add_user(self, user: str, name: str | None = None) -> User:
        """Add a person."""
        made = User(
            id=user, name=name or user, account_id=spotify_id("account", user), player=Player(habits=self.habits)
        )
        self.users[user] = made
        return made

    def add_app(self, name: str, **settings: object) -> App:
        """Add an app; *settings* are attributes of :class:`App`."""
        made = App(client_id=_hex("client", name), client_secret=_hex("secret", name), name=name)
        for setting, value in settings.items():
            setattr(made, setting, value)
        self.apps[made.client_id] = made
        return made

    def sign_in(
        self,
        user: User | None = None,
        *,
        app: App | None = None,
        scopes: Iterable[str] = SCOPES,
        at: float | None = None,
        pkce: bool = False,
        refresh_token: str | None = None,
    ) -> SignIn:
        """Let *user* consent to *app*, now or *at* some other time."""
        made = SignIn(
            refresh_token=refresh_token or self.secret("AQ"),
            user=(user or self.me).id,
            client_id=(app or self.app).client_id,
            scopes=frozenset(scopes),
            consented_at=self.now() if at is None else at,
            pkce=pkce,
        )
        self.sign_ins[made.refresh_token] = made
        return made

    def access_token(self, sign_in: SignIn, *, life: float = 3600, at: float | None = None) -> str:
        """Hand out an access token for *sign_in*."""
        token = self.secret("BQ")
        self.access_tokens[token] = AccessToken(
            user=sign_in.user,
            client_id=sign_in.client_id,
            scopes=sign_in.scopes,
            expires_at=(self.now() if at is None else at) + life,
        )
        return token

    def secret(self, prefix: str) -> str:
        """Return a token that was never there before."""
        return prefix + "".join(spotify_id(prefix, next(self._serial), part) for part in range(4))

    def later(self, due: float, action: Callable[[float], object]) -> None:
        """Have *action* happen at *due*; it is told that time."""
        heapq.heappush(self._later, (due, next(self._serial), action))

    def settle(self) -> None:
        """Let everything happen that is due by now."""
        with self.lock:
            while self._later and self._later[0][0] <= self.now():
                due, _, action = heapq.heappop(self._later)
                action(due)

    @property
    def calls(self) -> list[Call]:
        """The requests of the history."""
        return [record for record in self.history if isinstance(record, Call)]

    @property
    def changes(self) -> list[Change]:
        """The changes of the history."""
        return [record for record in self.history if isinstance(record, Change)]


def _hex(*seed: object) -> str:
    return hashlib.sha256(repr(seed).encode()).hexdigest()[:32]
