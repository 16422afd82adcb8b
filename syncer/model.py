"""The words of the product as frozen values; nothing here does anything."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from enum import StrEnum
from typing import Final

from syncer.errors import Code, Problem
from syncer.ids import PlaylistId, Uri, playlist_uri
from syncer.rules import Rules

MAX_BATCH: Final = 100
"""URIs in one append (contract §2.3)."""
PAGE_SIZE: Final = 50
"""Entries in one page of a read, and playlists in one of the library (contract §2.2, §2.4)."""
MAX_ITEMS: Final = 10_000
"""Items we let a target grow to (contract §2.3; fault model P8)."""
DEFAULT_ACCOUNT: Final = "default"


class Kind(StrEnum):
    """What an entry of a playlist is; only tracks and episodes can be added."""

    TRACK = "track"
    EPISODE = "episode"
    LOCAL = "local-file"
    UNAVAILABLE = "unavailable"
    UNSUPPORTED = "unsupported"


class Reason(StrEnum):
    """Why a plan leaves an item of the source out."""

    ALREADY_THERE = "already-there"
    REPEATED = "repeated-in-source"
    LOCAL = "local-file"
    UNAVAILABLE = "unavailable"
    UNSUPPORTED = "unsupported"
    REJECTED = "rejected"
    TAKEN_OUT = "taken-out"
    EXCLUDED = "excluded"
    NEVER = "in-never-list"


class Match(StrEnum):
    """When two items count as the same."""

    URI = "uri"
    RECORDING = "recording"
    """Also two tracks with one ISRC."""
    FUZZY = "fuzzy"
    """Also two tracks of one artist with one title, equally long, that do not say to be different recordings."""


class Removed(StrEnum):
    """What a pair does about items that it added and someone took out of the target since."""

    COME_BACK = "come-back"
    STAY_OUT = "stay-out"


class Position(StrEnum):
    """Where in its target a pair puts what it adds."""

    END = "end"
    START = "start"
    """Before what is there; a run's additions keep their order among themselves."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rhythm:
    """When a pair takes its turn; without either, in every run."""

    every: timedelta | None = None
    days: frozenset[int] = frozenset()
    """Days of the week in UTC, Monday being 0; none = all."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NewTarget:
    """A target that is made when it is first needed, and found again by the state."""

    pattern: str
    """Its name, with what stands for the time in it: ``Archive {year}-{month}``."""
    public: bool = False
    description: str = ""

    def __str__(self) -> str:
        """Return how reports name it while it is not made yet."""
        return f"create:{self.pattern}"


class Term(StrEnum):
    """How far back Spotify looks for the tracks that someone plays most: weeks, half a year, a year or more."""

    SHORT = "short"
    MEDIUM = "medium"
    LONG = "long"


class Status(StrEnum):
    """What became of one pair in one run (interface §3)."""

    ADDED = "added"
    UNCHANGED = "unchanged"
    PARTIAL = "partial"
    FAILED = "failed"
    NOT_TRIED = "not-tried"
    DISABLED = "disabled"
    NOT_SELECTED = "not-selected"
    NOT_DUE = "not-due"


@dataclass(frozen=True, slots=True)
class PlaylistSource:
    """A playlist to read from."""

    id: PlaylistId

    def __str__(self) -> str:
        """Return how reports name it."""
        return playlist_uri(self.id)


@dataclass(frozen=True, slots=True)
class LikedSongs:
    """The account's Liked Songs, newest first (contract §2.4)."""

    def __str__(self) -> str:
        """Return how reports and the config name it."""
        return "liked"


@dataclass(frozen=True, slots=True)
class AlbumSource:
    """The tracks of an album."""

    id: str

    def __str__(self) -> str:
        """Return how reports name it."""
        return f"spotify:album:{self.id}"


@dataclass(frozen=True, slots=True)
class SavedAlbums:
    """The tracks of the albums that the account has saved, the album saved last first."""

    def __str__(self) -> str:
        """Return how reports and the config name it."""
        return "saved_albums"


@dataclass(frozen=True, slots=True)
class ArtistSource:
    """The tracks of an artist's albums and singles, oldest release first."""

    id: str
    since: date | None = None
    """Nothing that was released before counts."""

    def __str__(self) -> str:
        """Return how reports name it."""
        return f"spotify:artist:{self.id}" + (f" since {self.since}" if self.since else "")


@dataclass(frozen=True, slots=True)
class TopTracks:
    """The tracks that the account plays most, the first of them first."""

    term: Term

    def __str__(self) -> str:
        """Return how reports name it."""
        return f"top:{self.term}"


@dataclass(frozen=True, slots=True)
class ShowSource:
    """The episodes of a show, as Spotify lists them: newest first."""

    id: str

    def __str__(self) -> str:
        """Return how reports name it."""
        return f"spotify:show:{self.id}"


@dataclass(frozen=True, slots=True)
class SavedEpisodes:
    """The episodes that the account has saved, newest first."""

    def __str__(self) -> str:
        """Return how reports and the config name it."""
        return "saved_episodes"


@dataclass(frozen=True, slots=True)
class RecentlyPlayed:
    """The tracks that the account has played lately, in the order of playing."""

    context: PlaylistId | None = None
    """Only what was played from this playlist."""

    def __str__(self) -> str:
        """Return how reports name it."""
        return f"recently_played{_from(self.context)}"


@dataclass(frozen=True, slots=True)
class Queue:
    """What the account plays, and what would come next, each time that somebody looks."""

    context: PlaylistId | None = None
    """Only while this playlist is played."""

    def __str__(self) -> str:
        """Return how reports name it."""
        return f"queue{_from(self.context)}"


def _from(context: PlaylistId | None) -> str:
    return f":{playlist_uri(context)}" if context else ""


@dataclass(frozen=True, slots=True)
class FileSource:
    """The tracks and episodes that a file lists."""

    path: str
    """Where it is, absolute."""
    written: str
    """How the config writes that."""

    def __str__(self) -> str:
        """Return how reports name it."""
        return f"file:{self.written}"


@dataclass(frozen=True, slots=True)
class Captured:
    """What a playlist was found to hold by playing it: it cannot be read again."""

    playlist: PlaylistId
    items: tuple["Item", ...] = field(repr=False)

    def __str__(self) -> str:
        """Return how reports name it."""
        return f"captured:{playlist_uri(self.playlist)}"


Listable = LikedSongs | AlbumSource | TopTracks | ShowSource | SavedEpisodes
"""What is read page by page, like a playlist, but has no version of its own."""
Discography = ArtistSource | SavedAlbums
"""What is a list of albums."""
Heard = RecentlyPlayed | Queue
"""What passes by, and has to be written down while it shows."""
Source = PlaylistSource | Listable | Discography | Heard | FileSource | Captured


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """A name in the config and where its credentials are; exactly one place is set, or none for the default."""

    name: str
    secret: str | None = None
    file: str | None = None
    daily_requests: int | None = None
    """What its app may ask of Spotify in a day; None = what is known to last."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Pair:
    """One configured entry, one way: sources → target."""

    name: str
    sources: tuple[Source, ...]
    target: PlaylistId
    account: str = DEFAULT_ACCOUNT
    """Whose token writes to the target."""
    readers: tuple[str, ...] = ()
    """Whose token reads each of the sources; empty where it is the same account for all."""
    enabled: bool = True
    max_additions: int = 1000
    removed: Removed = Removed.COME_BACK
    rules: Rules = field(default_factory=Rules)
    match: Match = Match.URI
    position: Position = Position.END
    rhythm: Rhythm = Rhythm()
    create: NewTarget | None = None
    """What ``target`` is to be, where it is made by us: until it is known which it is, ``target`` is empty."""
    roll_over: bool = False
    """Whether a full target is followed by another one of its name and a number."""
    volumes: tuple[PlaylistId, ...] = ()
    """Those that came before ``target``, where it has rolled over, as far as that is known."""

    @property
    def reads(self) -> tuple[tuple[str, Source], ...]:
        """The sources in order, each with the account that reads it."""
        return tuple(zip(self.readers or (self.account,) * len(self.sources), self.sources, strict=True))

    @property
    def accounts(self) -> tuple[str, ...]:
        """The accounts that it takes, each once: those that read, then the one that writes."""
        return tuple(dict.fromkeys((*self.readers, self.account)))

    @property
    def playlists(self) -> tuple[PlaylistId, ...]:
        """What its target is made of, as far as that is known, in order."""
        return (*self.volumes, self.target) if self.target else ()

    @property
    def makes_playlists(self) -> bool:
        """Whether its target may have to be made."""
        return self.create is not None or self.roll_over

    @property
    def target_name(self) -> str:
        """How reports name its target."""
        return playlist_uri(self.target) if self.target or self.create is None else str(self.create)


@dataclass(frozen=True, slots=True, kw_only=True)
class Config:
    """A config that holds: at least one pair, names unique, in file order."""

    pairs: tuple[Pair, ...]
    accounts: tuple[Account, ...] = (Account(name=DEFAULT_ACCOUNT),)
    state: str | None = None
    """Where what runs must know of each other is kept, in the words of $SYNCER_STATE (interface §4)."""
    warnings: tuple[Problem, ...] = ()

    def account(self, name: str) -> Account:
        """Return the account called *name*; there is one for every pair."""
        return next(account for account in self.accounts if account.name == name)

    @property
    def makes_playlists(self) -> bool:
        """Whether a run may have to make playlists."""
        return any(pair.enabled and pair.makes_playlists for pair in self.pairs)


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """An entry of a playlist. ``uri`` is None where Spotify gave none; the entry still has its position."""

    uri: Uri | None
    kind: Kind = Kind.TRACK
    name: str = ""
    artists: tuple[str, ...] = ()
    added_at: str | None = None
    album: str = ""
    released: str | None = None
    """When its album came out: a year, a month or a day, as far as Spotify knows it."""
    duration_ms: int | None = None
    explicit: bool | None = None
    isrc: str | None = None
    """Of its recording, in upper case; album tracks come without one (contract §6)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Head:
    """What a playlist says of itself. ``readable`` is False where Spotify keeps its items from this app."""

    id: PlaylistId
    name: str
    snapshot_id: str
    readable: bool
    total: int
    first: tuple[Item, ...] = ()
    """The first entries, as far as they were asked for and came with it."""
    owner: str = ""
    """The user id of who made it."""
    collaborative: bool = False
    """Whether everyone with the link may add; who was invited is not told (contract §2.1)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """Some entries, from an offset on, and how many there are in all."""

    total: int
    items: tuple[Item, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Release:
    """An album, and the first of its tracks as far as they came with it."""

    album: AlbumSource
    name: str
    released: str | None
    total: int
    """Tracks in it."""
    first: tuple[Item, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Releases:
    """Some albums of a list, from an offset on, and how many there are in all."""

    total: int
    releases: tuple[Release, ...]
    places: int
    """How many albums these are, with those that Spotify names no more."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Tracklist:
    """What a file lists, in order. An item that it names by its ISRC alone has no URI yet."""

    version: str
    """Equal means unchanged."""
    items: tuple[Item, ...]
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Play:
    """A track or episode that was heard, or was about to be."""

    item: Item
    at: datetime
    """When it was played, or seen in the queue."""
    context: str | None
    """The URI of what it was played from, where Spotify tells it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Playing:
    """What an account plays just now, or has paused."""

    item: Item | None
    context: str | None
    """The URI of what it is played from, where Spotify tells it."""
    is_playing: bool
    progress_ms: int
    device: "Device | None"
    shuffle: bool
    repeat: str
    """``off``, ``track`` or ``context``."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Device:
    """Something that Spotify can play on."""

    id: str | None
    name: str
    is_active: bool
    is_restricted: bool
    """Whether it takes no commands from apps."""
    volume: int | None
    """In percent; None where the device has none that apps may set."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Listed:
    """A playlist as the account's library shows it."""

    id: PlaylistId
    name: str
    owner: str
    """The user id of who made it; Spotify's own are made by ``spotify``."""
    owner_name: str
    collaborative: bool
    total: int
    snapshot_id: str
    description: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Listing:
    """One page of the account's library of playlists, and how many playlists are in it in all."""

    total: int
    playlists: tuple[Listed, ...]
    """Some places of a page are empty (contract §2.4): there may be fewer than fit on it."""

    @property
    def snapshots(self) -> dict[PlaylistId, str]:
        """The snapshot id of each playlist on the page that has one."""
        return {one.id: one.snapshot_id for one in self.playlists if one.snapshot_id}


@dataclass(frozen=True, slots=True, kw_only=True)
class Skip:
    """An item of the source that the plan leaves out, and why."""

    item: Item
    reason: Reason
    detail: str = ""
    """More of why, in people's words, where the reason leaves something to say."""
    equals: Item | None = None
    """What it counts as the same as, where that has another URI: in the target, or chosen for it already."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """The decision as data: every item of the source is in ``additions`` or in ``skips``."""

    pair: Pair
    additions: tuple[Item, ...]
    skips: tuple[Skip, ...] = ()


class AddState(StrEnum):
    """What is known of an append."""

    SENT = "sent"
    """It may be carried out or not, now or a little later (fault model A1)."""
    LANDED = "landed"
    RELINKED = "relinked"
    """It landed, but reads show other URIs in its place (fault model P11): never to be added again."""
    UNDONE = "undone"
    """It landed, and a person has taken it back since: not to be added again by its pair, until it is redone."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Addition:
    """An item on its way into a target, and the source it came from as reports name it."""

    item: Item
    source: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Add:
    """One append to one target, as it is kept."""

    id: str
    """Unique, and ordered by time within a target."""
    run_id: str
    pair: str
    target: PlaylistId
    at: datetime
    additions: tuple[Addition, ...]
    position: int
    """Where in the target the first of them was to land, from 0."""
    state: AddState = AddState.SENT


@dataclass(frozen=True, slots=True, kw_only=True)
class Volume:
    """A playlist of ours that a target is made of: the first of a series, or one that follows where those are full."""

    account: str
    """Who made it, and writes to it."""
    series: str
    """What the series goes by: the name that its first was made with, or its URI where a person had made that."""
    number: int
    """Its place in the series, from 1 on."""
    name: str
    """What it was made as; it may be called something else by now."""
    marked: bool
    """Whether its description says that it is ours."""
    at: datetime
    """When it was made, or found."""
    playlist: PlaylistId | None = None
    """None while nobody knows whether it was made."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Failure:
    """An error as reports carry it."""

    code: Code
    message: str
    hint: str


class Stays(StrEnum):
    """Why `undo` leaves an item in its target, or `redo` out of it."""

    THERE_TWICE = "there-twice"
    """Spotify takes out every entry with a URI, and one of these is not ours (contract §2.3)."""
    ADDED_AGAIN = "added-again"
    """What is there came later: from a person, or from a run that is not the one to undo."""
    RELINKED = "relinked"
    """It reads back under another URI, so it cannot be told which entry it is (fault model P11)."""
    REJECTED = "rejected"
    """Spotify no longer takes it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Left:
    """An item that an undo or a redo did nothing about, and why."""

    item: Item
    reason: Stays


@dataclass(frozen=True, slots=True, kw_only=True)
class Chosen:
    """What to undo or redo: a run, or the last one of a pair; all that it added, or what it added for a pair."""

    run: str | None = None
    pair: str | None = None


class Action(StrEnum):
    """What can be done about what a run added."""

    UNDO = "undo"
    REDO = "redo"


@dataclass(frozen=True, slots=True, kw_only=True)
class Reversed:
    """What an undo or a redo did about what one pair had added; each of its items is in one of these."""

    pair: str
    target: PlaylistId
    done: tuple[Item, ...] = ()
    """Taken out, or added again; before it is really done: those that would be."""
    already: tuple[Item, ...] = ()
    """Not there any more, or there anyway."""
    left: tuple[Left, ...] = ()
    deferred: int = 0
    unconfirmed: int = 0
    error: Failure | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Reversal:
    """Of one undo or redo: a part for each pair of the run it is about."""

    action: Action
    of: str
    """The run it is about."""
    run_id: str
    """Its own."""
    started_at: datetime
    finished_at: datetime
    dry_run: bool = False
    parts: tuple[Reversed, ...] = ()
    error: Failure | None = None
    requests: dict[str, int] = field(default_factory=dict)
    warnings: tuple[str, ...] = ()
    interrupted_by: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class NotBefore:
    """A wish of Spotify's: no request with this client id before *at*. ``quota``: the daily quota is used up."""

    at: datetime
    quota: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What became of one pair. ``added`` holds the items that landed (in a dry run: would land)."""

    pair: Pair
    status: Status
    plan: Plan | None = None
    added: tuple[Item, ...] = ()
    deferred: int = 0
    unconfirmed: int = 0
    rejected: tuple[Item, ...] = ()
    skipped: Mapping[Reason, int] = field(default_factory=dict)
    """What was left out beside the skips of the plan, counted."""
    error: Failure | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SignIn:
    """When an account's consent was given; Spotify ends it six months later (contract §3.2)."""

    account: str
    consented: date | None = None
    login_option: str = ""
    """What `syncer login` must be told to renew it, beside the account."""
    requests_today: int | None = None
    """What its app asked of Spotify in the last 24 hours, as far as that was kept."""
    requests_left: int | None = None
    """How often it may still look for news today; None if as often as it likes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Begun:
    """A run that began elsewhere, as each of its parts has to know it."""

    run_id: str
    at: datetime
    part: str = ""
    """Tells adds of one part from those of all others; what begins later is greater."""
    versions: Mapping[str, Mapping[PlaylistId, str]] = field(default_factory=dict)
    """By account, those of playlists that were looked up for it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """What the caller asks of a run: these pairs, or all."""

    names: tuple[str, ...] = ()
    begun: Begun | None = None
    """The run that this is a part of, where it is."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """Of one run: one outcome per configured pair, in file order."""

    run_id: str
    started_at: datetime
    finished_at: datetime
    dry_run: bool = False
    outcomes: tuple[Outcome, ...] = ()
    error: Failure | None = None
    problems: tuple[Problem, ...] = ()
    sign_ins: tuple[SignIn, ...] = ()
    requests: dict[str, int] = field(default_factory=dict)
    warnings: tuple[str, ...] = ()
    interrupted_by: int | None = None
