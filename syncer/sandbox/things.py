"""What there is in the sandbox: people, apps, consents, playlists and the records of what was done to them."""

import math
from collections import defaultdict, deque
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Final, Literal

from syncer.sandbox.playing import Player
from syncer.sandbox.scenery import Media, Release, spotify_id

Mode = Literal["new", "old", "extended"]
Keys = Literal["new", "old", "both"]
Kind = Literal["create", "add", "remove", "move", "replace", "rename"]

GROUPS: Final = ("album", "single", "compilation", "appears_on")
"""The kinds of releases of an artist, in the order of listing."""
SCOPES: Final = frozenset(
    {
        "playlist-read-private",
        "playlist-read-collaborative",
        "playlist-modify-public",
        "playlist-modify-private",
        "user-library-read",
        "user-library-modify",
        "user-follow-modify",
        "user-read-recently-played",
        "user-read-currently-playing",
        "user-read-playback-state",
        "user-modify-playback-state",
        "user-read-playback-position",
        "user-read-private",
        "user-read-email",
        "user-top-read",
    }
)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Album:
    head: Release
    tracks: tuple[Media, ...]

    @property
    def id(self) -> str:
        return self.head.id

    @property
    def name(self) -> str:
        return self.head.name

    @property
    def uri(self) -> str:
        return f"spotify:album:{self.id}"

    @property
    def uris(self) -> tuple[str, ...]:
        return tuple(media.uri for media in self.tracks)

    @property
    def upc(self) -> str:
        return str(int(self.id, 36) % 10**12)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Artist:
    name: str

    @property
    def id(self) -> str:
        return spotify_id("artist", self.name)

    @property
    def uri(self) -> str:
        return f"spotify:artist:{self.id}"


@dataclass(slots=True, kw_only=True, eq=False)
class Show:
    name: str
    episodes: list[Media | None]
    """Newest first; None for one that is gone."""

    @property
    def id(self) -> str:
        return spotify_id("show", self.name)

    @property
    def uri(self) -> str:
        return f"spotify:show:{self.id}"


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class SavedAlbum:
    album: Album
    added_at: str


@dataclass(slots=True, kw_only=True)
class User:
    id: str
    name: str
    account_id: str
    player: Player
    """What the user plays and has played, and on what."""
    premium: bool = True
    library: list[str] = field(default_factory=list)
    """Ids of the playlists that ``GET /me/playlists`` lists."""
    liked: list["Entry"] = field(default_factory=list)
    """Liked Songs, newest first."""
    albums: list[SavedAlbum] = field(default_factory=list)
    """Saved albums, newest first."""
    episodes: list["Entry"] = field(default_factory=list)
    """Saved episodes, newest first."""
    top: dict[str, list[Media]] = field(default_factory=dict)
    """What the user plays most, by ``time_range``."""


@dataclass(slots=True, kw_only=True)
class App:
    """A client id and what Spotify lets it do (contract §1.2). All of it may be changed while the world runs."""

    client_id: str
    client_secret: str = field(repr=False)
    name: str
    mode: Mode = "new"
    keys: Keys | None = None
    """Which names playlists use for their items; None: those of the mode."""
    owner_premium: bool = True
    allowed: set[str] | None = None
    """Ids of the users on the allow-list; None: everyone."""
    redirect_uris: tuple[str, ...] = ("http://127.0.0.1/callback",)
    reads_foreign: bool | None = None
    """Whether it reads items of playlists of others; None: as its mode does."""
    reads_spotify_made: bool = False
    """The old privilege to read lists made by Spotify."""
    nested_page: int = 100
    """How many entries come with a playlist's head; with 0, only their total does (contract §2.1, §9)."""

    @property
    def entry_keys(self) -> tuple[tuple[str, str], ...]:
        """Pairs of names: of the page in a playlist, of the thing in an entry."""
        new, old = ("items", "item"), ("tracks", "track")
        keys = self.keys or {"new": "new", "old": "old", "extended": "both"}[self.mode]
        return {"new": (new,), "old": (old,), "both": (new, old)}[keys]

    @property
    def sees_foreign(self) -> bool:
        return self.mode != "new" if self.reads_foreign is None else self.reads_foreign


@dataclass(slots=True, kw_only=True)
class SignIn:
    """One consent of a user to an app, and the refresh token that came of it."""

    refresh_token: str = field(repr=False)
    user: str
    client_id: str
    scopes: frozenset[str]
    consented_at: float
    pkce: bool = False
    revoked: bool = False

    @property
    def ends_at(self) -> float:
        """Six months after consent; a refresh does not move it (contract §3.2)."""
        start = datetime.fromtimestamp(self.consented_at, UTC)
        months = start.month + 5
        year, month = start.year + months // 12, months % 12 + 1
        for day in range(start.day, start.day - 4, -1):
            try:
                return start.replace(year=year, month=month, day=day).timestamp()
            except ValueError:  # the month is shorter than that
                continue
        raise AssertionError(start)


@dataclass(frozen=True, slots=True, kw_only=True)
class AccessToken:
    user: str
    client_id: str
    scopes: frozenset[str]
    expires_at: float


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Entry:
    """One place in a playlist. ``media`` is what readers see there: None where it was taken down."""

    uri: str | None
    media: Media | None
    added_at: str | None
    added_by: str | None
    rendered: dict[object, str] = field(default_factory=dict, init=False, repr=False)


@dataclass(frozen=True, slots=True)
class Version:
    """What a playlist held from ``at`` on."""

    at: float
    entries: tuple[Entry, ...]
    snapshot_id: str

    @property
    def uris(self) -> tuple[str | None, ...]:
        return tuple(entry.uri for entry in self.entries)


@dataclass(slots=True, kw_only=True, eq=False)
class Playlist:
    id: str
    name: str
    owner: str
    versions: list[Version]
    """All it ever held, oldest first."""
    description: str = ""
    public: bool = True
    private: bool = False
    """Hidden from everyone but owner and collaborators; a setting that only Spotify's own apps have."""
    collaborative: bool = False
    collaborators: set[str] = field(default_factory=set)

    @property
    def entries(self) -> tuple[Entry, ...]:
        return self.versions[-1].entries

    @property
    def uris(self) -> tuple[str | None, ...]:
        """What was put there, in order; None for an entry that never had a URI."""
        return self.versions[-1].uris

    @property
    def uri(self) -> str:
        return f"spotify:playlist:{self.id}"

    @property
    def snapshot_id(self) -> str:
        return self.versions[-1].snapshot_id

    def belongs_to(self, user: str) -> bool:
        """Whether *user* may read and write its items."""
        return user == self.owner or self.collaborative or user in self.collaborators

    def as_of(self, when: float) -> Version:
        """Return what it held at *when*."""
        return next((version for version in reversed(self.versions) if version.at <= when), self.versions[0])


@dataclass(slots=True, kw_only=True)
class Call:
    """One request as it was received."""

    at: float
    host: str
    method: str
    path: str
    query: str
    uris: tuple[str, ...] = ()
    """The URIs in its body."""
    user: str | None = None
    status: int = 0
    """What was answered, even if that answer never arrived."""
    applied: bool = False
    """Whether it changed anything, then or later."""
    effect: str | None = None
    faults: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """One change of a playlist, by whomever."""

    at: float
    playlist: str
    kind: Kind
    by: str
    uris: tuple[str | None, ...]
    position: int | None
    snapshot_id: str


@dataclass(slots=True, kw_only=True)
class Limit:
    """At most ``requests`` of one app in any ``window`` seconds (contract §4.2); a reason makes it a quota."""

    requests: int
    window: float = 30.0
    reason: str | None = None
    retry_after: str | None = None
    """None: the seconds until there is room again."""
    seen: dict[str, deque[float]] = field(default_factory=lambda: defaultdict(deque), repr=False)

    def admit(self, client_id: str, at: float) -> str | None:
        """Count a request, or return the Retry-After of its refusal."""
        seen = self.seen[client_id]
        while seen and seen[0] <= at - self.window:
            seen.popleft()
        if len(seen) < self.requests:
            seen.append(at)
            return None
        wait = seen[0] + self.window - at if seen else self.window
        return self.retry_after if self.retry_after is not None else str(math.ceil(wait))
