"""What an account has to agree to, by what a pair wants of it (contract §3.4)."""

from collections.abc import Mapping
from typing import Final

from syncer.model import (
    LikedSongs,
    PlaylistSource,
    Queue,
    RecentlyPlayed,
    SavedAlbums,
    SavedEpisodes,
    ShowSource,
    Source,
    TopTracks,
)

READ_PRIVATE: Final = "playlist-read-private"
READ_SHARED: Final = "playlist-read-collaborative"
READ_LIBRARY: Final = "user-library-read"
READ_POSITION: Final = "user-read-playback-position"
READ_RECENT: Final = ("user-read-recently-played",)
READ_PLAYBACK: Final = ("user-read-playback-state",)
READ_QUEUE: Final = ("user-read-currently-playing", *READ_PLAYBACK)
CONTROL: Final = "user-modify-playback-state"
MODIFY: Final = ("playlist-modify-public", "playlist-modify-private")
"""One for each sort of playlist; which sort it is, Spotify does not tell for sure."""
TO_WRITE: Final = (READ_PRIVATE, READ_SHARED, *MODIFY)
"""Nothing is added to a target that was not read."""

_TO_READ: Final[Mapping[type, tuple[str, ...]]] = {
    PlaylistSource: (READ_PRIVATE, READ_SHARED),
    LikedSongs: (READ_LIBRARY,),
    SavedAlbums: (READ_LIBRARY,),
    TopTracks: ("user-top-read",),
    ShowSource: (READ_POSITION,),
    SavedEpisodes: (READ_LIBRARY, READ_POSITION),
    RecentlyPlayed: READ_RECENT,
    Queue: READ_QUEUE,
}


def to_read(source: Source) -> tuple[str, ...]:
    """Return what it takes to read *source*; nothing for what everyone may read, and for files."""
    return _TO_READ.get(type(source), ())
