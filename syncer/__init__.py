"""(re)Discover Weekly: keep Spotify playlists in step, pair by pair, append-only."""

__version__ = "0.1.0"
