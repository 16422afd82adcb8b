"""One strict fake per port: it refuses what the real thing refuses, and keeps the history that tests read."""

import random
import zlib
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from threading import Lock
from typing import Any, Final, TypeVar

from syncer.allowance import Allowance
from syncer.budget import Budget
from syncer.cache import Cache
from syncer.errors import (
    Locked,
    MissingScope,
    NameRefused,
    NotFound,
    NotPlayable,
    OutsideList,
    Rejected,
    SourceNotReadable,
    SyncError,
    TargetNotWritable,
    UnclearAdd,
    UnclearCreation,
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
    AlbumSource,
    ArtistSource,
    Config,
    Device,
    Discography,
    Head,
    Item,
    Kind,
    LikedSongs,
    Listable,
    Listed,
    Listing,
    NotBefore,
    Outcome,
    Page,
    Pair,
    Play,
    Playing,
    PlaylistSource,
    Queue,
    RecentlyPlayed,
    Release,
    Releases,
    SavedAlbums,
    SavedEpisodes,
    ShowSource,
    SignIn,
    Source,
    Term,
    TopTracks,
    Volume,
)
from syncer.ports import Connection
from syncer.reading import SIDE_BY_SIDE
from syncer.state import rows
from syncer.state.nothing import NoState
from syncer.tracklist import read

T = TypeVar("T")
SCOPES = frozenset(
    {
        "playlist-read-private",
        "playlist-read-collaborative",
        "playlist-modify-public",
        "playlist-modify-private",
        "user-library-read",
        "user-modify-playback-state",
        "user-read-currently-playing",
        "user-read-playback-position",
        "user-read-playback-state",
        "user-read-recently-played",
        "user-top-read",
    }
)
ARTIST_PAGE: Final = 10
"""Albums that come at a time where they are an artist's."""
ALBUM_PAGE: Final = 20
"""Albums that come at a time where they are those that the account has saved."""
REMEMBERED: Final = 50
"""Plays that Spotify remembers."""


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


def episode(letter: str) -> Item:
    """Return the episode called *letter*."""
    return Item(uri=Uri(f"spotify:episode:{letter.rjust(22, '0')}"), kind=Kind.EPISODE, name=letter)


def items(letters: Sequence[str]) -> tuple[Item, ...]:
    """Return one track a letter."""
    return tuple(map(item, letters))


def letters(of: Sequence[Item]) -> str:
    """Return the names of *of*, run together."""
    return "".join(one.name for one in of)


def source(word: str) -> Source:
    """Return the source that a test names by a word: ``week``, ``liked``, ``album:moon``, ``queue:week``."""
    kind, _, rest = word.partition(":")
    context = identifier(rest) if rest else None
    named: dict[str, Callable[[], Source]] = {
        "liked": LikedSongs,
        "album": lambda: AlbumSource(identifier(rest)),
        "artist": lambda: ArtistSource(identifier(rest)),
        "saved_albums": SavedAlbums,
        "top": lambda: TopTracks(Term(rest)),
        "show": lambda: ShowSource(identifier(rest)),
        "saved_episodes": SavedEpisodes,
        "recently_played": lambda: RecentlyPlayed(context),
        "queue": lambda: Queue(context),
    }
    return named[kind]() if kind in named else PlaylistSource(identifier(word))


def pair(sources: str, target: str, **options: object) -> Pair:
    """Return the pair ``a+b`` → target, named ``a-b-to-target``."""
    return Pair(
        name=f"{sources}-to-{target}".replace("+", "-").replace(":", "-"),
        sources=tuple(map(source, sources.split("+"))),
        target=identifier(target),
        **options,  # type: ignore[arg-type] # a test that misspells one fails
    )


def config(*pairs: Pair) -> Config:
    """Return a config of *pairs*, with every account they name."""
    names = dict.fromkeys(name for pair in pairs for name in pair.accounts)
    return Config(pairs=pairs, accounts=tuple(map(_account, names)))


def _account(name: str) -> Account:
    return Account(name=name)


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


class FakePlayer:
    """A player that does as it is told. ``FakePlayer(week="abc")`` has one list of three tracks that it can play.

    A list is known by ``spotify:playlist:`` and its word; ``lists`` has what is in them. ``asked`` has every request;
    ``before`` is called with each before it is carried out, and what it returns is raised. ``now`` is what plays, as
    :meth:`someone_plays` has it at first. The queue shows ``queued`` items beside it, then those of ``autoplay`` where
    the list ends, unless it is repeated. ``tells_context`` and ``obeys_offset`` are False where Spotify would keep
    that from an app; ``mixed`` is the order in which a list plays with shuffle on.
    """

    def __init__(self, **lists: Sequence[str]) -> None:
        self.lists = {playlist_uri(identifier(word)): list(items(what)) for word, what in lists.items()}
        self.open = [Device(id="phone", name="Phone", is_active=False, is_restricted=False, volume=80)]
        self.now: Playing | None = None
        self.queued = 20
        self.autoplay = ""
        self.tells_context = True
        self.obeys_offset = True
        self.lacks: set[str] = set()
        self.asked: list[str] = []
        self.before: Callable[[str], SyncError | None] = lambda _request: None
        self.mixed: Callable[[list[Item]], list[Item]] = lambda order: order[::-1]
        self._list: list[Item] = []
        self._order: list[Item] = []
        self._place = 0

    def someone_plays(
        self, word: str, *, at: int = 0, progress_ms: int = 0, shuffle: bool = False, repeat: str = "off"
    ) -> None:
        """Let a person play the list called *word* on the first device."""
        device = self.open[0].id
        assert device is not None
        self.now = Playing(
            item=None,
            context=None,
            is_playing=False,
            progress_ms=0,
            device=None,
            shuffle=shuffle,
            repeat=repeat,
        )
        self._start(device, playlist_uri(identifier(word)), self.lists[playlist_uri(identifier(word))], at, progress_ms)

    def someone_pauses(self) -> None:
        """Let a person stop what plays."""
        assert self.now is not None
        self.now = replace(self.now, is_playing=False)

    @property
    def coming(self) -> tuple[Item, ...]:
        """What plays, and what the queue shows after it."""
        if self.now is None or self.now.item is None:
            return ()
        after = self._order[self._place + 1 :]
        after += self._order[: self._place] if self.now.repeat == "context" else list(items(self.autoplay))
        return (self.now.item, *after[: self.queued])

    def devices(self) -> tuple[Device, ...]:
        self._asked("devices", "user-read-playback-state")
        return tuple(self.open)

    def playing(self) -> Playing | None:
        self._asked("playing", "user-read-playback-state")
        return self.now

    def queue(self) -> tuple[Item, ...]:
        self._asked("queue", "user-read-currently-playing", "user-read-playback-state")
        return self.coming

    def play(self, device: str, context: str, *, offset: int | Uri, at_ms: int = 0) -> None:
        self._asked(f"play {_word(context)} {offset if isinstance(offset, int) else _letter(offset)} {at_ms}", CONTROL)
        if context not in self.lists:
            raise NotPlayable(f"there is no {context}", hint="play another")
        order = self.lists[context]
        places = [at for at, one in enumerate(order) if offset in (at, one.uri)]
        if not places:
            raise OutsideList(context)
        self._start(device, context, order, places[0] if self.obeys_offset else 0, at_ms)

    def play_items(self, device: str, uris: Sequence[Uri], *, at_ms: int = 0) -> None:
        self._asked(f"play items {''.join(map(_letter, uris))} {at_ms}", CONTROL)
        assert uris
        self._start(device, None, [item(_letter(one)) for one in uris], 0, at_ms)

    def pause(self, device: str) -> None:
        self._asked("pause", CONTROL)
        if self.now and self.now.is_playing and self.now.device and self.now.device.id == device:
            self._device(device)
            self.now = replace(self.now, is_playing=False)

    def set_volume(self, device: str, percent: int) -> None:
        self._asked(f"volume {percent}", CONTROL)
        assert 0 <= percent <= 100
        found = self._device(device)
        if found.volume is None:
            raise NotPlayable(f"how loud {found.name} is cannot be set", hint="set it there")
        self._change(device, volume=percent)

    def set_shuffle(self, device: str, *, on: bool) -> None:
        self._asked(f"shuffle {'on' if on else 'off'}", CONTROL)
        self._device(device)
        if self.now and self.now.shuffle != on:
            self.now = replace(self.now, shuffle=on)
            self._line_up()

    def set_repeat(self, device: str, mode: str) -> None:
        self._asked(f"repeat {mode}", CONTROL)
        assert mode in ("off", "track", "context")
        self._device(device)
        if self.now:
            self.now = replace(self.now, repeat=mode)

    def _asked(self, request: str, *scopes: str) -> None:
        self.asked.append(request)
        if error := self.before(request):
            raise error
        for scope in scopes:
            if scope in self.lacks:
                raise MissingScope("default", scope)

    def _device(self, device: str) -> Device:
        found = next((one for one in self.open if one.id == device), None)
        if found is None or found.is_restricted:
            raise NotPlayable(f"there is no device {device} that takes commands", hint="open Spotify on one")
        return found

    def _change(self, device: str, **change: object) -> None:
        self.open = [replace(one, **change) if one.id == device else one for one in self.open]  # type: ignore[arg-type] # a misspelt one fails
        if self.now and self.now.device and self.now.device.id == device:
            self.now = replace(self.now, device=self._device(device))

    def _start(self, device: str, context: str | None, order: list[Item], place: int, at_ms: int) -> None:
        self._device(device)
        self.open = [replace(one, is_active=one.id == device) for one in self.open]
        self.now = Playing(
            item=order[place],
            context=context if self.tells_context else None,
            is_playing=True,
            progress_ms=at_ms,
            device=self._device(device),
            shuffle=self.now.shuffle if self.now else False,
            repeat=self.now.repeat if self.now else "off",
        )
        self._list = order
        self._line_up()

    def _line_up(self) -> None:
        """Put the list into the order of playing; what plays goes on."""
        assert self.now is not None
        assert self.now.item is not None
        self._order = self.mixed(self._list) if self.now.shuffle else self._list
        self._place = self._order.index(self.now.item)


CONTROL: Final = "user-modify-playback-state"


def _word(known_as: str) -> str:
    """Return the word behind an id, or behind a URI with one."""
    return known_as.rpartition(":")[2].rstrip("x")


def _letter(uri: str) -> str:
    """Return the letter behind *uri*."""
    return uri.rpartition(":")[2].lstrip("0") or "0"


class FakeSources:
    """What an account can read beside playlists. ``FakeSources(liked="abc")`` has three liked tracks.

    Words stand for albums, artists and shows, letters for what is in them: ``albums["moon"] = "abc"``,
    ``artists["anna"] = ["moon", "sun"]`` (in Spotify's order), ``released["moon"] = "2026-05-01"``,
    ``saved_albums = ["moon"]``, ``top[Term.SHORT] = "ab"``, ``episodes["news"] = "xyz"``, ``saved_episodes = "x"``,
    ``isrcs["USABC2600001"] = item("a")``. An album that is listed and not in ``albums`` leaves an empty place.
    ``full`` are the tracks of which there is more to tell than a letter, by URI: albums tell it but for the ISRC,
    which can be asked for, and playlists to which they are added tell all of it. ``heard`` are the plays, oldest
    first: :meth:`someone_hears` adds to them. ``player`` knows what plays and what comes next.

    ``reads`` lists every request. ``before`` is called with each before it is carried out, and what it returns is
    raised; ``spent`` is called with each too. ``lacks`` are the scopes that were not consented to.
    """

    def __init__(self, *, liked: Sequence[str] = "") -> None:
        self.liked = "".join(liked)
        self.albums: dict[str, Sequence[str]] = {}
        self.artists: dict[str, list[str]] = {}
        self.saved_albums: list[str] = []
        self.released: dict[str, str] = {}
        self.top: defaultdict[Term, Sequence[str]] = defaultdict(str)
        self.episodes: dict[str, Sequence[str]] = {}
        self.saved_episodes: Sequence[str] = ""
        self.heard: list[Play] = []
        self.isrcs: dict[str, Item] = {}
        self.full: dict[Uri, Item] = {}
        self.player = FakePlayer()
        self.lacks: set[str] = set()
        self.reads: list[str] = []
        self.spent: Callable[[], None] = lambda: None
        self.before: Callable[[str], SyncError | None] = lambda _request: None

    def someone_hears(self, letters: Sequence[str], *, at: datetime, context: str | None = None) -> None:
        """Let a person hear *letters* from the list called *context*: one each three minutes, the last of them *at*."""
        uri = playlist_uri(identifier(context)) if context else None
        for number, letter in enumerate(letters, start=1 - len(letters)):
            self.heard.append(Play(item=item(letter), at=at + timedelta(minutes=3 * number), context=uri))

    def page(self, source: Listable, offset: int) -> Page:
        request, found = self._list(source)
        self._asked(f"{request} {offset}")
        self._need(*PAGE_SCOPES.get(type(source), ()))
        if found is None:
            raise NotFound(str(source))
        return Page(total=len(found), items=found[offset : offset + PAGE_SIZE])

    def _list(self, source: Listable) -> tuple[str, tuple[Item, ...] | None]:
        """Return how ``reads`` calls *source*, and what is in it."""
        match source:
            case LikedSongs():
                return "liked", items(self.liked)
            case AlbumSource(id=album):
                tracks = self.albums.get(_word(album))
                return f"album {_word(album)}", None if tracks is None else self._tracks(tracks)
            case TopTracks(term=term):
                return f"top {term}", items(self.top[term])
            case ShowSource(id=show):
                aired = self.episodes.get(_word(show))
                return f"show {_word(show)}", None if aired is None else tuple(map(episode, aired))
            case SavedEpisodes():
                return "saved episodes", tuple(map(episode, self.saved_episodes))

    def releases(self, source: Discography, offset: int) -> Releases:
        if isinstance(source, SavedAlbums):
            self._asked(f"saved albums {offset}")
            self._need("user-library-read")
            return self._releases(self.saved_albums, offset, ALBUM_PAGE, with_tracks=True)
        self._asked(f"artist {_word(source.id)} {offset}")
        if _word(source.id) not in self.artists:
            raise NotFound(f"spotify:artist:{source.id}")
        return self._releases(self.artists[_word(source.id)], offset, ARTIST_PAGE, with_tracks=False)

    def _releases(self, words: list[str], offset: int, size: int, *, with_tracks: bool) -> Releases:
        page = words[offset : offset + size]
        releases = tuple(
            Release(
                album=AlbumSource(identifier(word)),
                name=word,
                released=self.released.get(word),
                total=len(self.albums[word]),
                first=self._tracks(self.albums[word][:PAGE_SIZE]) if with_tracks else (),
            )
            for word in page
            if word in self.albums
        )
        return Releases(total=len(words), releases=releases, places=len(page))

    def _tracks(self, letters: Sequence[str]) -> tuple[Item, ...]:
        return tuple(replace(self.full.get(uri(letter), item(letter)), isrc=None) for letter in letters)

    def plays(self, after: datetime | None) -> tuple[Play, ...]:
        self._asked(f"plays after {after:%H:%M:%S}" if after else "plays")
        self._need("user-read-recently-played")
        known = sorted(self.heard, key=lambda play: play.at)[-REMEMBERED:]
        return tuple(play for play in known if after is None or _in_ms(play.at) > _in_ms(after))

    def playing(self) -> Playing | None:
        self._asked("playing")
        self._need("user-read-playback-state")
        return self.player.now

    def queue(self) -> tuple[Item, ...]:
        self._asked("queue")
        self._need("user-read-currently-playing", "user-read-playback-state")
        return self.player.coming

    def track(self, isrc: str) -> Item | None:
        self._asked(f"isrc {isrc}")
        return self.isrcs.get(isrc)

    def isrc(self, track: Uri) -> str | None:
        self._asked(f"track {_letter(track)}")
        return self.full[track].isrc if track in self.full else None

    def _asked(self, request: str) -> None:
        self.reads.append(request)
        self.spent()
        if error := self.before(request):
            raise error

    def _need(self, *scopes: str) -> None:
        for scope in scopes:
            if scope in self.lacks:
                raise MissingScope("default", scope)


def _in_ms(moment: datetime) -> int:
    return (moment - datetime.fromtimestamp(0, UTC)) // timedelta(milliseconds=1)


PAGE_SCOPES: Final[dict[type, tuple[str, ...]]] = {
    LikedSongs: ("user-library-read",),
    TopTracks: ("user-top-read",),
    ShowSource: ("user-read-playback-position",),
    SavedEpisodes: ("user-library-read", "user-read-playback-position"),
}


class FakePlaylists(FakeSources):
    """Playlists in memory. ``FakePlaylists(fresh="abc")`` has one playlist of three one-letter tracks.

    ``held`` is the truth, ``shows`` what a read makes of it; ``added`` lists every append that was carried out as
    (playlist, letters), ``reads`` every request, ``head+`` being one with contents. ``bad`` are URIs that no add may
    hold. ``foreign`` playlists are someone else's, and closed; ``read_only`` ones can be read; ``collaborative`` ones
    say that they are. ``library`` has the words of the playlists that a listing names, None: all of them; those that
    are not there leave an empty place. ``nested`` entries come with a head, if it is asked for them. ``names`` are of
    playlists that are called something else than their ids; one that is made is known by its name with dashes, and a
    second one of that name with a ``~``. ``takes`` says which descriptions Spotify takes.

    It keeps the port ``Sources`` too, as :class:`FakeSources` does, so that a connection has one fake for both.
    """

    def __init__(self, *, liked: Sequence[str] = "", **held: Sequence[str]) -> None:
        super().__init__(liked=liked)
        self.held: dict[PlaylistId, list[Item]] = {identifier(word): list(items(what)) for word, what in held.items()}
        self.foreign: set[PlaylistId] = set()
        self.collaborative: set[PlaylistId] = set()
        self.read_only: set[PlaylistId] = set()
        self.names: dict[PlaylistId, str] = {}
        self.descriptions: dict[PlaylistId, str] = {}
        self.takes: Callable[[str], bool] = lambda _description: True
        self.bad: set[Uri] = set()
        self.added: list[tuple[str, str]] = []
        self.library: list[str] | None = None
        self.nested = 100
        self.loses: Callable[[str], bool] = lambda _letters: False
        self.shows: Callable[[list[Item]], list[Item]] = lambda held: held

    def someone_adds(self, word: str, what: Sequence[str]) -> None:
        """Let a person add *what* to the playlist called *word*."""
        self.held[identifier(word)] += items(what)

    def now_in(self, word: str) -> str:
        """Return what the playlist called *word* holds, as letters."""
        return letters(self.held[identifier(word)])

    def _items(self, playlist: PlaylistId) -> list[Item]:
        if playlist not in self.held:
            raise NotFound(playlist_uri(playlist))
        return self.held[playlist]

    def _snapshot_id(self, playlist: PlaylistId) -> str:
        """Return a mark of what *playlist* holds, whoever put it there."""
        held = [str(one.uri) for one in self.held[playlist]]
        return f"{_word(playlist)}-{len(held)}-{zlib.crc32(' '.join(held).encode()):08x}"

    def head(self, playlist: PlaylistId, *, contents: bool = False) -> Head:
        self._asked(f"head{'+' * contents} {_word(playlist)}")
        held = self.shows(self._items(playlist))
        readable = playlist not in self.foreign
        return Head(
            id=playlist,
            name=self.names.get(playlist, playlist),
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
            name=self.names.get(playlist, playlist),
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
        if not self.takes(description):
            raise NameRefused(name)
        made = identifier("-".join(name.split()) + "~" * list(self.names.values()).count(name))
        self.held[made], self.names[made], self.descriptions[made] = [], name, description
        if self.loses(name):
            raise UnclearCreation(name)
        return made

    def page(self, source: PlaylistId | Listable, offset: int) -> Page:
        if not isinstance(source, str):
            return super().page(source, offset)
        playlist = source
        self._asked(f"page {_word(playlist)} {offset}")
        held = self.shows(self._items(playlist))
        self._need("playlist-read-private")
        if playlist in self.foreign:
            raise SourceNotReadable(playlist_uri(playlist))
        return Page(total=len(held), items=tuple(held[offset : offset + PAGE_SIZE]))

    def append(self, playlist: PlaylistId, uris: Sequence[Uri], *, position: int | None = None) -> str | None:
        assert 1 <= len(uris) <= MAX_BATCH
        assert all(map(is_addable, uris))
        word, what = _word(playlist), "".join(one[-1] for one in uris)
        self._asked(f"append {word} {what}")
        held = self._items(playlist)
        self._need("playlist-modify-public")
        if playlist in self.foreign | self.read_only:
            raise TargetNotWritable(playlist_uri(playlist))
        if self.bad.intersection(uris):
            raise Rejected(playlist_uri(playlist))
        place = len(held) if position is None else position
        held[place:place] = [self.full.get(one) or replace(item(_letter(one)), uri=one) for one in uris]
        self.added.append((word, what))
        if self.loses(what):
            raise UnclearAdd(playlist_uri(playlist))
        return self._snapshot_id(playlist)

    def remove(self, playlist: PlaylistId, uris: Sequence[Uri]) -> None:
        assert 1 <= len(uris) <= MAX_BATCH
        word, what = _word(playlist), "".join(one[-1] for one in uris)
        self._asked(f"remove {word} {what}")
        held = self._items(playlist)
        self._need("playlist-modify-public")
        if playlist in self.foreign | self.read_only:
            raise TargetNotWritable(playlist_uri(playlist))
        held[:] = [one for one in held if one.uri not in uris]
        if self.loses(what):
            raise UnclearRemoval(playlist_uri(playlist))


class FakeAccounts:
    """The port ``Connect``: every account reaches the same playlists and sources, through the same app.

    ``own`` has the playlists of those accounts that reach others, ``clients`` the client ids of those with an app of
    their own. ``scopes`` were consented to on the day ``consented``; ``revoked`` is raised where that is put to the
    proof. Only where it is ``for_capture`` can what plays be changed.
    """

    def __init__(self, playlists: FakePlaylists, **refused: SyncError) -> None:
        self._playlists = playlists
        self._refused = refused
        self._run: Budget | None = None
        self._allowances: defaultdict[str, Allowance] = defaultdict(Allowance)
        self.own: dict[str, FakePlaylists] = {}
        self.clients: dict[str, str] = {}
        self.for_capture = False
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
            self._run, self._allowances = budget, defaultdict(Allowance)
        client_id = self.clients.get(account.name, "app")
        allowance = self._allowances[client_id]
        allowance.limit_to(account.daily_requests)
        reached = self.own.get(account.name, self._playlists)
        reached.spent = allowance.spend
        return Connection(
            playlists=reached,
            sources=reached,
            player=reached.player if self.for_capture else None,
            sign_in=SignIn(account=account.name, consented=self.consented),
            warnings=self.warnings,
            client_id=client_id,
            allowance=allowance,
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
        files=read,
    )


def connection(playlists: FakePlaylists) -> Connection:
    """Return an account that reaches *playlists*, and what else they know."""
    return Connection(playlists=playlists, sources=playlists, sign_in=SignIn(account="me"))


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

    def keep_volume(self, volume: Volume) -> None:
        self.watch()
        self._called(f"keep volume {volume.number} of {volume.series}{'' if volume.playlist else ', unclear'}")
        super().keep_volume(volume)
        self.watch()

    def forget_volume(self, volume: Volume) -> None:
        self._called(f"forget volume {volume.number} of {volume.series}")
        super().forget_volume(volume)

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


MAX_SHARED: Final = 300_000
"""Bytes of a value that processes share."""


class MemoryFleet(MemoryState):
    """A state store that many processes share, in memory.

    ``before`` is called with each call of Shared and with ``hold`` and ``let go``, reads as well, and ``after`` with
    each that wrote: what it returns is raised, as if the answer had been lost. ``calls`` lists those that write.
    """

    def __init__(self) -> None:
        super().__init__()
        self.after: Callable[[str], SyncError | None] = lambda _call: None
        self.shared: dict[tuple[str, str], bytes] = {}
        self._at_once = Lock()
        self._holder: tuple[str, datetime] | None = None

    def process_died(self) -> None:
        """Change nothing: nobody sees it, and the lock is left to expire."""

    @contextmanager
    def lock(self, run_id: str, *, now: datetime, until: datetime) -> Iterator[None]:
        self._called("lock")
        self._take(run_id, now, until)
        try:
            yield
        finally:
            self._give_back(run_id, until)
        self._called("unlock")

    def hold(self, run_id: str, *, now: datetime, until: datetime) -> None:
        with self._write(f"hold {run_id}"):
            self._take(run_id, now, until)

    def let_go(self, run_id: str, *, until: datetime) -> None:
        with self._write(f"let go {run_id}"):
            self._give_back(run_id, until)

    def _take(self, run_id: str, now: datetime, until: datetime) -> None:
        if self._holder is not None and self._holder != (run_id, until) and now < self._holder[1]:
            raise Locked("the lock of this fleet")
        self._holder = run_id, until

    def _give_back(self, run_id: str, until: datetime) -> None:
        if self._holder == (run_id, until):
            self._holder = None

    def get(self, family: str, name: str) -> bytes | None:
        self._read(f"get {family}/{name}")
        return self.shared.get(_shared_key(family, name))

    def all(self, family: str, *, at_most: int | None = None) -> dict[str, bytes]:
        self._read(f"all {family}")
        with self._at_once:
            found = sorted(key for key in self.shared if key[0] == family)
            return {name: self.shared[family, name] for _, name in found[:at_most]}

    def put(self, family: str, name: str, value: bytes) -> None:
        with self._write(f"put {family}/{name}"):
            self.shared[_shared_key(family, name)] = _shared_value(value)

    def swap(self, family: str, name: str, value: bytes | None, *, over: bytes | None) -> bool:
        key = _shared_key(family, name)
        assert over is None or _shared_value(over) is over
        with self._write(f"swap {family}/{name}"):
            kept = self.shared.get(key)
            new = None if value is None else _shared_value(value)
            if kept == over and new is None:
                self.shared.pop(key, None)
            elif kept == over and new is not None:
                self.shared[key] = new
            return kept in (over, new)

    def drop(self, family: str) -> None:
        with self._write(f"drop {family}"):
            for key in [key for key in self.shared if key[0] == family]:
                del self.shared[key]

    def _read(self, call: str) -> None:
        if error := self.before(call):
            raise error

    @contextmanager
    def _write(self, call: str) -> Iterator[None]:
        self._called(call)
        with self._at_once:
            yield
        if error := self.after(call):
            raise error


def _shared_key(family: str, name: str) -> tuple[str, str]:
    assert family
    assert name
    return family, name


def _shared_value(value: bytes) -> bytes:
    assert isinstance(value, bytes)
    assert len(value) <= MAX_SHARED
    return value


class FakeMessages:
    """A queue whose messages are ``sent``: each body, and the delay that counts.

    ``before`` is called with each body before it is taken, and what it returns is raised: those before it are sent.
    """

    def __init__(self) -> None:
        self.sent: list[tuple[str, float]] = []
        self.before: Callable[[str], SyncError | None] = lambda _body: None

    def send(self, bodies: Sequence[str], *, delay: float = 0) -> None:
        for body in bodies:
            assert isinstance(body, str)
            assert body
            if error := self.before(body):
                raise error
            self.sent.append((body, min(delay, 900)))
