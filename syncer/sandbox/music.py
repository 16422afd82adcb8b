"""What music there is in the sandbox, and what people keep of it."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache

from syncer.sandbox import scenery
from syncer.sandbox.people import People
from syncer.sandbox.scenery import Media, Release, ReleaseKind, spotify_id
from syncer.sandbox.things import GROUPS, Album, Artist, Entry, SavedAlbum, Show, User


class Music(People):
    """All that can be heard. Whatever was once put anywhere can be found again by its URI or its ISRC."""

    def __init__(self, now: Callable[[], float]) -> None:
        super().__init__(now)
        self.albums: dict[str, Album] = {}
        self.artists: dict[str, Artist] = {}
        self.shows: dict[str, Show] = {}
        self._known: dict[str, Media] = {}

    def media(self, uri: str) -> Media:
        """Return what *uri* names, as it is known here."""
        return self._known.get(uri) or scenery.media(uri)

    def know(self, *items: Media) -> None:
        """Let *items* be found, wherever they are."""
        self._known.update((item.uri, item) for item in items)

    def tracks(self) -> Iterator[Media]:
        """Return the tracks that can be found, those first that were there first."""
        return (media for media in self._known.values() if media.kind == "track" and not media.is_local)

    def album(
        self,
        name: str,
        *,
        tracks: int = 0,
        items: Iterable[Media | str] = (),
        artists: Sequence[str] = ("Ada Marlow",),
        released: str = "2026-01-02",
        kind: ReleaseKind = "album",
    ) -> Album:
        """Add an album of *items*, then *tracks* made-up tracks; *released* is a year, a month or a day."""
        key = spotify_id("album", name)
        if key in self.albums:
            raise ValueError(f"there is an album {name!r} already")
        own = (replace(scenery.track(number, name), artists=tuple(artists)) for number in range(tracks))
        held = [*(self.media(item) if isinstance(item, str) else item for item in items), *own]
        head = Release(id=key, name=name, artists=tuple(artists), kind=kind, released=released, total=len(held))
        listed = tuple(replace(media, album=name, number=number, on=head) for number, media in enumerate(held, 1))
        self.know(*listed)
        self.albums[key] = made = Album(head=head, tracks=listed)
        for artist in (*artists, *(artist for media in listed for artist in media.artists)):
            self.artist(artist)
        return made

    def artist(self, name: str) -> Artist:
        """Return the artist of that name, who may have released nothing."""
        made = Artist(name=name)
        return self.artists.setdefault(made.id, made)

    def releases(self, artist: Artist) -> list[tuple[str, Album]]:
        """Return what *artist* is on, with the group it belongs to: group by group, the newest of each first."""
        found = [(group, album) for album in self.albums.values() if (group := _group(artist, album))]
        found.sort(key=lambda each: each[1].head.released, reverse=True)
        return sorted(found, key=lambda each: GROUPS.index(each[0]))

    def show(self, name: str, *, episodes: int = 0, items: Iterable[Media | None] = ()) -> Show:
        """Add a show of *items*, then *episodes* made-up ones, newest first."""
        made = Show(name=name, episodes=[])
        if made.id in self.shows:
            raise ValueError(f"there is a show {name!r} already")
        own = (scenery.media(f"spotify:episode:{spotify_id('episode', name, n)}") for n in reversed(range(episodes)))
        newest = date(2026, 6, 1)
        for age, media in enumerate([*items, *own]):
            when = (newest - timedelta(weeks=age)).isoformat()
            made.episodes.append(replace(media, album=name, artists=(name,), released=when) if media else None)
        self.know(*filter(None, made.episodes))
        self.shows[made.id] = made
        return made

    def like(self, items: Iterable[Media | str], user: User | None = None) -> None:
        """Put *items* on top of the Liked Songs, the first one uppermost."""
        (user or self.me).liked[:0] = [self.entry(item, None) for item in items]

    def save_albums(self, albums: Iterable[Album], user: User | None = None) -> None:
        """Put *albums* on top of those that are saved, the first one uppermost."""
        when = iso(int(self.now()))
        (user or self.me).albums[:0] = [SavedAlbum(album=album, added_at=when) for album in albums]

    def save_episodes(self, items: Iterable[Media | str], user: User | None = None) -> None:
        """Put *items* on top of the saved episodes, the first one uppermost."""
        (user or self.me).episodes[:0] = [self.entry(item, None) for item in items]

    def top(self, items: Iterable[Media | str], time_range: str = "medium_term", user: User | None = None) -> None:
        """Let *items* be what is played most, the first one more than any other."""
        (user or self.me).top[time_range] = [self._held(item) for item in items]

    def entry(self, item: Media | str | None, by: str | None) -> Entry:
        """Return a new entry that holds *item* since now."""
        if item is None:
            return Entry(uri=None, media=None, added_at=None, added_by=None)
        held = self._held(item)
        return Entry(uri=held.uri, media=held, added_at=iso(int(self.now())), added_by=by)

    def _held(self, item: Media | str) -> Media:
        """Return the thing itself, which can be found from now on."""
        held = self.media(item) if isinstance(item, str) else item
        self._known[held.uri] = held
        return held


def _group(artist: Artist, album: Album) -> str | None:
    if artist.name in album.head.artists:
        return album.head.kind
    return "appears_on" if any(artist.name in media.artists for media in album.tracks) else None


@lru_cache(maxsize=1024)
def iso(when: int) -> str:
    return datetime.fromtimestamp(when, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
