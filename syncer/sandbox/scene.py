"""All there is in the sandbox, everything that was ever done to it, and plain methods to set it up."""

import base64
import hashlib
import math
import time
from collections.abc import Callable, Iterable, Sequence

from syncer.sandbox import scenery
from syncer.sandbox.music import Music
from syncer.sandbox.playing import Device, Play
from syncer.sandbox.scenery import Media, spotify_id
from syncer.sandbox.things import Album, Change, Entry, Kind, Playlist, Show, User, Version


class Scene(Music):
    """All that exists. Time comes from *now* alone; the same steps always give the same scene.

    There is a user ``me``, who sits at the browser, and an ``app`` from the start.
    """

    def __init__(self, now: Callable[[], float] = time.time) -> None:
        super().__init__(now)
        self.playlists: dict[str, Playlist] = {}
        self.bad_uris: set[str] = set()
        """Well-formed URIs that adds are refused for."""
        self.ceiling = 11_000
        """An add that would make a playlist longer than this gets a 500 (contract §2.3)."""
        self.spotify_made_items = 404
        """What ``/items`` of a list made by Spotify answers: 404 or 403 (contract §1.4)."""

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

    def contents(self, context: str) -> Sequence[Media | None] | None:
        """Return what the playlist, album, artist or show of that URI holds; None if there is none."""
        kind, key = context.split(":")[1:]
        if kind == "playlist" and key in self.playlists:
            return [entry.media for entry in self.playlists[key].entries]
        if kind == "album" and key in self.albums:
            return self.albums[key].tracks
        if kind == "artist" and key in self.artists:
            return [media for _, album in self.releases(self.artists[key]) for media in album.tracks]
        if kind == "show" and key in self.shows:
            return self.shows[key].episodes
        return None

    def open_device(self, name: str = "Kitchen", user: User | None = None, **settings: object) -> Device:
        """Have Spotify open on a device, which is active only if told; *settings* are attributes of it."""
        made = Device(id=_device_id(name), name=name)
        for setting, value in settings.items():
            setattr(made, setting, value)
        (user or self.me).player.devices.append(made)
        return made

    def close_device(self, device: Device, user: User | None = None) -> None:
        """Have Spotify closed on *device*; what it plays ends with it."""
        player = (user or self.me).player
        player.devices.remove(device)
        if player.playing and player.playing.device is device:
            player.playing = None

    def play(
        self,
        context: Playlist | Album | Show | str | None = None,
        *,
        items: Iterable[Media | str] = (),
        place: int = 0,
        at_ms: int = 0,
        device: Device | None = None,
        user: User | None = None,
    ) -> None:
        """Let *user* start *context*, or *items* of none, at *place*; a device is opened if there is none."""
        player = (user or self.me).player
        uri = context if context is None or isinstance(context, str) else context.uri
        held = self.contents(uri) if uri else [self._held(item) for item in items]
        if not held:
            raise ValueError(f"there is nothing in {uri}")
        on = device or player.active or next(iter(player.devices), None) or self.open_device(user=user)
        player.start(on, held, place, self.now(), context=uri, at_ms=at_ms)

    def queue_up(self, items: Iterable[Media | str], user: User | None = None) -> None:
        """Put *items* into the queue by hand."""
        (user or self.me).player.queued += [self._held(item) for item in items]

    def heard(
        self,
        items: Iterable[Media | str],
        context: Playlist | Album | Show | str | None = None,
        *,
        at: float | None = None,
        every: float = 180.0,
        user: User | None = None,
    ) -> list[Play]:
        """Have *items* been heard from *context*, one after the other, the last of them until *at* (now).

        Of episodes there is no record.
        """
        uri = context if context is None or isinstance(context, str) else context.uri
        held = [media for media in map(self._held, items) if media.kind == "track"]
        end = self.now() if at is None else at
        made = [
            Play(media=media, at=end - every * (len(held) - place), context=uri) for place, media in enumerate(held, 1)
        ]
        player = (user or self.me).player
        player.plays = sorted([*player.plays, *made], key=lambda play: play.at)
        return made

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
        made.versions = [Version(self.now(), (), made.versions[0].snapshot_id)]
        made.description = description
        library = self.users[user].library
        library.insert(0, library.pop())
        self._note(made, "create", user, at=self.now())
        return made

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


def _device_id(name: str) -> str:
    return hashlib.sha1(name.encode(), usedforsecurity=False).hexdigest()
