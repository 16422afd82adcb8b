"""Who and what there is in the sandbox, everything that was ever done to it, and plain methods to set it up."""

import base64
import hashlib
import heapq
import itertools
import math
import time
from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime
from functools import lru_cache
from threading import RLock

from syncer.sandbox import scenery
from syncer.sandbox.scenery import Media, spotify_id
from syncer.sandbox.things import (
    SCOPES,
    AccessToken,
    App,
    Call,
    Change,
    Entry,
    Kind,
    Limit,
    Playlist,
    SignIn,
    User,
    Version,
)


class Scene:
    """All that exists. Time comes from *now* alone; the same steps always give the same scene.

    There is a user ``me``, who sits at the browser, and an ``app`` from the start.
    """

    def __init__(self, now: Callable[[], float] = time.time) -> None:
        self.now = now
        self.lock = RLock()
        self.users: dict[str, User] = {}
        self.apps: dict[str, App] = {}
        self.playlists: dict[str, Playlist] = {}
        self.sign_ins: dict[str, SignIn] = {}
        self.access_tokens: dict[str, AccessToken] = {}
        self.history: list[Call | Change] = []
        self.limits: list[Limit] = []
        self.bad_uris: set[str] = set()
        """Well-formed URIs that adds are refused for."""
        self.ceiling = 11_000
        """An add that would make a playlist longer than this gets a 500 (contract §2.3)."""
        self.spotify_made_items = 404
        """What ``/items`` of a list made by Spotify answers: 404 or 403 (contract §1.4)."""
        self._later: list[tuple[float, int, Callable[[float], object]]] = []
        self._serial = itertools.count(1)
        self.me = self.add_user("listener", "Listener")
        self.app = self.add_app("sandbox")

    def add_user(self, user: str, name: str | None = None) -> User:
        """Add a person."""
        made = User(id=user, name=name or user, account_id=spotify_id("account", user))
        self.users[user] = made
        return made

    def add_app(self, name: str, **settings: object) -> App:
        """Add an app; *settings* are attributes of :class:`App`."""
        made = App(client_id=_hex("client", name), client_secret=_hex("secret", name), name=name)
        for setting, value in settings.items():
            setattr(made, setting, value)
        self.apps[made.client_id] = made
        return made

    def playlist(
        self,
        name: str,
        *,
        tracks: int = 0,
        items: Iterable[Media | str | None] = (),
        owner: User | str | None = None,
        id: str | None = None,  # noqa: A002 - the word of the API
        public: bool = True,
        private: bool = False,
        collaborative: bool = False,
        collaborators: Iterable[str] = (),
    ) -> Playlist:
        """Add a playlist of *items*, then *tracks* made-up tracks of its own; by default it is mine."""
        who = owner.id if isinstance(owner, User) else owner or self.me.id
        held = [*items, *(scenery.track(number, name) for number in range(tracks))]
        key = id or spotify_id("playlist", name)
        if key in self.playlists:
            raise ValueError(f"there is a playlist {name!r} already; give this one an id of its own")
        start = Version(-math.inf, tuple(self.entry(item, who) for item in held), _snapshot(key, 0))
        made = Playlist(id=key, name=name, owner=who, versions=[start], public=public, private=private)
        made.collaborative = collaborative
        made.collaborators = set(collaborators)
        self.playlists[key] = made
        for user in {who, *made.collaborators} & set(self.users):
            self.users[user].library.append(key)
        return made

    def like(self, items: Iterable[Media | str], user: User | None = None) -> None:
        """Put *items* on top of the Liked Songs, the first one uppermost."""
        (user or self.me).liked[:0] = [self.entry(item, None) for item in items]

    def entry(self, item: Media | str | None, by: str | None) -> Entry:
        """Return a new entry that holds *item* since now."""
        held = scenery.media(item) if isinstance(item, str) else item
        if held is None:
            return Entry(uri=None, media=None, added_at=None, added_by=None)
        return Entry(uri=held.uri, media=held, added_at=_iso(int(self.now())), added_by=by)

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

    def add(
        self,
        playlist: Playlist,
        items: Sequence[Media | str],
        position: int | None = None,
        *,
        by: str = "someone",
        at: float | None = None,
        relinked: bool = False,
    ) -> str:
        """Insert *items*, at the end if no *position* is given; ``relinked`` ones read back under another URI."""
        new = tuple(self.entry(item, by) for item in items)
        uris = tuple(entry.uri for entry in new)
        if relinked:
            new = tuple(_relinked(entry) for entry in new)
        old = playlist.entries
        place = len(old) if position is None else position
        return self._commit(playlist, (*old[:place], *new, *old[place:]), "add", by, uris=uris, position=place, at=at)

    def remove(self, playlist: Playlist, uris: Iterable[str], *, by: str = "someone", at: float | None = None) -> str:
        """Remove every occurrence of *uris*; without any, nothing changes."""
        gone = set(uris)
        kept = tuple(entry for entry in playlist.entries if entry.uri not in gone)
        if len(kept) == len(playlist.entries):
            return playlist.snapshot_id
        return self._commit(playlist, kept, "remove", by, uris=tuple(sorted(gone)), at=at)

    def remove_at(self, playlist: Playlist, position: int, *, by: str = "someone") -> str:
        """Remove the one entry at *position*."""
        old = playlist.entries
        uris = (old[position].uri,)
        return self._commit(playlist, old[:position] + old[position + 1 :], "remove", by, uris=uris, position=position)

    def move(
        self,
        playlist: Playlist,
        start: int,
        before: int,
        length: int = 1,
        *,
        by: str = "someone",
        at: float | None = None,
    ) -> str:
        """Move *length* entries from *start* to in front of the one that is at *before*."""
        old = playlist.entries
        moved = old[start : start + length]
        rest = old[:start] + old[start + length :]
        place = before - length if before > start else before
        uris = tuple(entry.uri for entry in moved)
        return self._commit(playlist, rest[:place] + moved + rest[place:], "move", by, uris=uris, position=place, at=at)

    def replace(
        self, playlist: Playlist, items: Sequence[Media | str], *, by: str = "someone", at: float | None = None
    ) -> str:
        """Let *items* be all it holds."""
        new = tuple(self.entry(item, by) for item in items)
        return self._commit(playlist, new, "replace", by, uris=tuple(entry.uri for entry in new), position=0, at=at)

    def rename(self, playlist: Playlist, name: str, *, by: str = "someone") -> str:
        """Give it another name: a new snapshot of the same items."""
        playlist.name = name
        return self._commit(playlist, playlist.entries, "rename", by)

    def create(self, user: str, name: str, *, public: bool, collaborative: bool, description: str) -> Playlist:
        """Make an empty playlist as ``POST /me/playlists`` does: first in the library, names may repeat."""
        key = spotify_id("created", user, name, next(self._serial))
        made = self.playlist(name, owner=user, id=key, public=public, collaborative=collaborative)
        made.description = description
        library = self.users[user].library
        library.insert(0, library.pop())
        self._note(made, "create", user, at=self.now())
        return made

    @property
    def calls(self) -> list[Call]:
        """The requests of the history."""
        return [record for record in self.history if isinstance(record, Call)]

    @property
    def changes(self) -> list[Change]:
        """The changes of the history."""
        return [record for record in self.history if isinstance(record, Change)]

    def _commit(
        self,
        playlist: Playlist,
        entries: tuple[Entry, ...],
        kind: Kind,
        by: str,
        *,
        uris: tuple[str | None, ...] = (),
        position: int | None = None,
        at: float | None = None,
    ) -> str:
        """Let *playlist* hold *entries* from now on, under a new snapshot id, and note who did it."""
        when = self.now() if at is None else at
        playlist.versions.append(Version(when, entries, _snapshot(playlist.id, len(playlist.versions))))
        return self._note(playlist, kind, by, at=when, uris=uris, position=position)

    def _note(
        self,
        playlist: Playlist,
        kind: Kind,
        by: str,
        *,
        at: float,
        uris: tuple[str | None, ...] = (),
        position: int | None = None,
    ) -> str:
        key, snapshot_id = playlist.id, playlist.snapshot_id
        change = Change(at=at, playlist=key, kind=kind, by=by, uris=uris, position=position, snapshot_id=snapshot_id)
        self.history.append(change)
        return snapshot_id


def _relinked(entry: Entry) -> Entry:
    other = scenery.other_instance(entry.media) if entry.media else None
    return Entry(uri=entry.uri, media=other, added_at=entry.added_at, added_by=entry.added_by)


def _snapshot(playlist: str, number: int) -> str:
    digest = hashlib.sha256(f"{playlist}/{number}".encode()).digest()[:20]
    return base64.b64encode(number.to_bytes(4) + digest).decode()


def _hex(*seed: object) -> str:
    return hashlib.sha256(repr(seed).encode()).hexdigest()[:32]


@lru_cache(maxsize=1024)
def _iso(when: int) -> str:
    return datetime.fromtimestamp(when, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
