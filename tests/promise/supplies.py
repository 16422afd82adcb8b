"""Sources of every kind in a small world, and what people do so that there is news in them."""

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Final

from syncer.ids import PlaylistId
from syncer.model import (
    AlbumSource,
    ArtistSource,
    LikedSongs,
    PlaylistSource,
    Queue,
    RecentlyPlayed,
    SavedAlbums,
    SavedEpisodes,
    ShowSource,
    Source,
    Term,
    TopTracks,
)
from syncer.sandbox import Media, Playlist, User, World, media
from syncer.sandbox.scenery import ReleaseKind
from tests.promise.scenes import ARTIST
from tests.promise.sources import UNKNOWN, rows, sheet, write

GROUPS: Final[Sequence[ReleaseKind]] = ("album", "single", "compilation")
FIRST: Final = date(2020, 1, 1)
"""When the first release of anybody came out."""

Some = Callable[[], list[Media]]
"""Picks some tracks."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Supply:
    """A source, and the hands that fill it."""

    source: Source
    renew: Callable[[list[Media]], object]
    """Has news come into it, where that is possible."""


@dataclass(frozen=True, slots=True)
class Shop:
    """Makes the supplies that *user* reads; *some* picks what is in them at first."""

    world: World
    user: User
    chance: random.Random
    some: Some

    def supply(self, kind: str, context: Playlist | None) -> Supply:
        """Make one of *kind*; of what is played from *context* alone, if there is one."""
        made: dict[str, Callable[[], Supply]] = {
            "album": self.album,
            "artist": self.artist,
            "saved_albums": self.saved_albums,
            "top": self.top,
            "show": self.show,
            "saved_episodes": self.saved_episodes,
            "liked": self.liked,
            "playlist": self.playlist,
            "recently_played": lambda: self.recently_played(context),
            "queue": lambda: self.queue(context),
            "file": self.file,
        }
        return made[kind]()

    def album(self) -> Supply:
        """An album never changes."""
        made = self.world.album(f"album of {self.user.id}", items=self.some())
        return Supply(source=AlbumSource(made.id), renew=lambda _news: None)

    def artist(self) -> Supply:
        """An artist has releases, in this order, and more to come."""
        name = f"{ARTIST} of {self.user.id}"
        source = ArtistSource(self.world.artist(name).id, self.chance.choice([None, FIRST + timedelta(days=1)]))

        def release(items: list[Media]) -> None:
            number = len(self.world.albums)
            kind = self.chance.choice(GROUPS)
            day = (FIRST + timedelta(days=number)).isoformat()
            self.world.album(f"release {number}", items=items, artists=(name,), released=day, kind=kind)

        for _ in range(self.chance.choice([1, 2, 3, 11])):
            release(self.some()[:2])
        return Supply(source=source, renew=release)

    def saved_albums(self) -> Supply:
        def save(items: list[Media]) -> None:
            made = self.world.album(f"album {len(self.world.albums)}", items=items)
            self.world.save_albums([made], self.user)

        for _ in range(self.chance.choice([0, 1, 2, 21])):
            save(self.some()[:2])
        return Supply(source=SavedAlbums(), renew=save)

    def top(self) -> Supply:
        """What is played most changes: something goes for everything that comes."""
        time_range = "short_term"

        def change(items: list[Media]) -> None:
            self.world.top([*items, *self.user.top[time_range][: -len(items)]], time_range, self.user)

        self.world.top(self.some()[:50], time_range, self.user)
        return Supply(source=TopTracks(Term.SHORT), renew=change)

    def show(self) -> Supply:
        made = self.world.show(f"show of {self.user.id}", items=map(_spoken, self.some()))

        def publish(items: list[Media]) -> None:
            made.episodes[:0] = map(_spoken, items)

        return Supply(source=ShowSource(made.id), renew=publish)

    def saved_episodes(self) -> Supply:
        def save(items: list[Media]) -> None:
            self.world.save_episodes(map(_spoken, items), self.user)

        save(self.some())
        return Supply(source=SavedEpisodes(), renew=save)

    def liked(self) -> Supply:
        """Songs of somebody else are another source than mine."""

        def like(items: list[Media]) -> None:
            self.world.like(items, self.user)

        like(self.some())
        return Supply(source=LikedSongs(), renew=like)

    def playlist(self) -> Supply:
        made = self.world.playlist(f"list of {self.user.id}", items=self.some(), owner=self.user)
        source = PlaylistSource(PlaylistId(made.id))
        return Supply(source=source, renew=lambda news: self.world.add(made, news))

    def recently_played(self, context: Playlist | None) -> Supply:
        """Plays come when somebody listens."""
        self.world.heard(self.some(), context, user=self.user)
        source = RecentlyPlayed(PlaylistId(context.id) if context else None)
        return Supply(source=source, renew=lambda _news: None)

    def queue(self, context: Playlist | None) -> Supply:
        source = Queue(PlaylistId(context.id) if context else None)
        return Supply(source=source, renew=lambda _news: None)

    def file(self) -> Supply:
        """A file lists URIs, and ISRCs of what Spotify knows, or does not."""
        source = sheet()
        write(source.path, *self._lines(self.some()), *self.chance.choice([[], [UNKNOWN]]))

        def append(items: list[Media]) -> None:
            write(source.path, *rows(source.path), *self._lines(items))

        return Supply(source=source, renew=append)

    def _lines(self, items: Sequence[Media]) -> list[str]:
        self.world.know(*items)
        return [one.isrc if one.isrc and self.chance.random() < 0.3 else one.uri for one in items]


def _spoken(item: Media) -> Media:
    """Return the episode with the id of a track."""
    return media(item.uri.replace(":track:", ":episode:"))
