"""What the sources hold that are no playlists, read from the world itself."""

import atexit
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

from syncer.ids import PlaylistId
from syncer.model import (
    AlbumSource,
    ArtistSource,
    FileSource,
    LikedSongs,
    Queue,
    RecentlyPlayed,
    SavedAlbums,
    SavedEpisodes,
    ShowSource,
    Source,
    TopTracks,
)
from syncer.sandbox import Album, Play, User, World

Read = tuple[str, Source]
"""A source, and the account that reads it."""
Uris = tuple[str | None, ...]


def holds(world: World, user: User, source: Source) -> Uris:
    """Return what *source* shows *user* now, in its order; None for an entry without a URI."""
    match source:
        case RecentlyPlayed(context=context):
            return tuple(play.media.uri for play in visible(world, user) if is_from(play.context, context))
        case Queue(context=context):
            return _coming(world, user, context)
        case FileSource(path=path):
            return listed(world, path)
        case AlbumSource() | ArtistSource() | ShowSource():
            return _published(world, source)
        case LikedSongs() | SavedAlbums() | SavedEpisodes() | TopTracks():
            return _kept(user, source)
    raise ValueError(source)


def _published(world: World, source: AlbumSource | ArtistSource | ShowSource) -> Uris:
    match source:
        case AlbumSource(id=album):
            return world.albums[album].uris
        case ArtistSource():
            return tuple(uri for album in releases(world, source) for uri in album.uris)
        case ShowSource(id=show):
            return tuple(media.uri if media else None for media in world.shows[show].episodes)


def _kept(user: User, source: LikedSongs | SavedAlbums | SavedEpisodes | TopTracks) -> Uris:
    match source:
        case LikedSongs():
            return tuple(entry.uri for entry in user.liked)
        case SavedAlbums():
            return tuple(uri for saved in user.albums for uri in saved.album.uris)
        case SavedEpisodes():
            return tuple(entry.uri for entry in user.episodes)
        case TopTracks(term=term):
            return tuple(media.uri for media in user.top[f"{term}_term"])


def releases(world: World, source: ArtistSource) -> list[Album]:
    """Return the albums and singles of an artist, oldest first; all that are ever released here have a day."""
    artist, since = world.artists[source.id], source.since.isoformat() if source.since else ""
    own = [album for group, album in world.releases(artist) if group in ("album", "single")]
    return sorted((album for album in own if album.head.released >= since), key=lambda album: album.head.released)


def visible(world: World, user: User) -> list[Play]:
    """Return the plays that Spotify shows, oldest first."""
    user.player.catch_up(world.now())
    return user.player.plays[-world.habits.visible_plays :]


def _coming(world: World, user: User, context: PlaylistId | None) -> Uris:
    player = user.player
    player.catch_up(world.now())
    if player.playing is None or not is_from(player.playing.context, context):
        return ()
    return tuple(media.uri for media in (player.playing.item, *player.upcoming()))


def is_from(context: str | None, wanted: PlaylistId | None) -> bool:
    """Whether what was played from *context* is *wanted*, where None stands for all."""
    return wanted is None or context == f"spotify:playlist:{wanted}"


# --- files ------------------------------------------------------------------------------------------------------------

HEADER = "Track URI,ISRC"
UNKNOWN = "QZZZZ9999999"
"""An ISRC that no track has."""


def sheet() -> FileSource:
    """Return the one file that there is; each trial writes it anew."""
    return FileSource(str(_folder() / "songs.csv"), "songs.csv")


@cache
def _folder() -> Path:
    made = TemporaryDirectory(prefix="promise-")
    atexit.register(made.cleanup)
    return Path(made.name)


def write(path: str, *rows: str) -> None:
    """Let the file at *path* list *rows*; each is a URI, or an ISRC."""
    cells = (row if row.startswith("spotify:") else f",{row}" for row in rows)
    Path(path).write_text("\n".join([HEADER, *cells, ""]), encoding="utf-8")


def rows(path: str) -> list[str]:
    """Return what :func:`write` wrote."""
    return [row.removeprefix(",") for row in Path(path).read_text(encoding="utf-8").splitlines()[1:]]


def listed(world: World, path: str) -> Uris:
    """Return what the file at *path* lists; None for an ISRC that nobody knows."""
    by_isrc = {media.isrc: media.uri for media in reversed(list(world.tracks()))}  # the first that was there counts
    return tuple(row if row.startswith("spotify:") else by_isrc.get(row) for row in rows(path))
