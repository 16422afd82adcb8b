"""Tries sources that are no playlists: each is asked for as little as tells whether it can be read."""

from dataclasses import replace
from datetime import datetime
from functools import cached_property
from typing import Final

from syncer.diary import is_from
from syncer.errors import SourceClosed
from syncer.findings import Finding, Relation, many
from syncer.ids import PlaylistId, playlist_uri
from syncer.model import (
    AlbumSource,
    ArtistSource,
    Discography,
    FileSource,
    Heard,
    Item,
    LikedSongs,
    Listable,
    Play,
    Playing,
    Queue,
    RecentlyPlayed,
    SavedAlbums,
    SavedEpisodes,
    ShowSource,
    TopTracks,
)
from syncer.ports import Clock, ReadFile, Sources

Sampled = Listable | Discography | Heard | FileSource
"""All that a config can name but playlists."""
OTHER_WAYS: Final = (
    "copy the list into a playlist of your own and use that copy as the source, or use `syncer capture`:"
    " see docs/discover-weekly.md"
)
"""What to do about a playlist that cannot be told from what is played."""


class Sampler:
    """What *sources* show of one account; what several of its sources need is asked for once."""

    def __init__(self, sources: Sources, files: ReadFile, clock: Clock) -> None:
        self._sources = sources
        self._files = files
        self._clock = clock

    def sampled(self, source: Sampled, finding: Finding) -> Finding:
        """Return *finding* with what is to be said of *source*; an error where it cannot be read."""
        if not isinstance(source, AlbumSource | ArtistSource | ShowSource | FileSource):
            finding = replace(finding, relation=Relation.OWN)
        try:
            return self._seen(source, finding)
        except SourceClosed as error:
            return replace(finding.refused(error), action="take the source out of the config")

    def _seen(self, source: Sampled, finding: Finding) -> Finding:
        match source:
            case FileSource():
                return self._listed(source, finding)
            case RecentlyPlayed():
                return self._played(source, finding)
            case Queue():
                return self._queued(source, finding)
            case ArtistSource():
                size = many(self._sources.releases(source, 0).total, "release")
            case SavedAlbums():
                size = many(self._sources.releases(source, 0).total, "album")
            case _:
                size = many(self._sources.page(source, 0).total)
        return replace(finding, message=f"{_called(source)}: {size}, can be read")

    def _listed(self, source: FileSource, finding: Finding) -> Finding:
        listed = self._files(source)
        open_ = sum(item.uri is None for item in listed.items)
        by_isrc = f" ({open_} of them by ISRC, which runs look up one by one)" if open_ else ""
        message = f"the file {source.written}: {many(len(listed.items))}{by_isrc}, can be read"
        if listed.warnings:
            return finding.doubted("; ".join((message, *listed.warnings)), "correct what is left out, if it matters")
        return replace(finding, message=message)

    # --- what was played ---

    @cached_property
    def _plays(self) -> tuple[Play, ...]:
        return self._sources.plays(None)

    def _played(self, source: RecentlyPlayed, finding: Finding) -> Finding:
        """Tell what was played; of what was played from a list, also whether Spotify tells what that was."""
        plays, wanted = self._plays, source.context
        known = f"recently played: {many(len(plays), 'play')}"
        if not plays:
            return replace(finding, message=f"{known}, so it cannot be told what Spotify shows of them")
        known = f"{known}, newest {self._moment(plays[-1].at)}"
        if wanted is None:
            return replace(finding, message=known)
        told = sum(play.context is not None for play in plays)
        if not told:
            message = f"{known}; Spotify tells of none from what it was played, so none is found from"
            return finding.doubted(f"{message} {playlist_uri(wanted)}", OTHER_WAYS)
        found = sum(is_from(play.context, wanted) for play in plays)
        message = f"{known}; Spotify tells of {told} from what they were played: {found} from {playlist_uri(wanted)}"
        return replace(finding, message=message)

    def _moment(self, at: datetime) -> str:
        today = at.date() == self._clock.now().date()
        return f"today {at:%H:%M} UTC" if today else f"{at:%Y-%m-%d %H:%M} UTC"

    # --- what comes next ---

    @cached_property
    def _playing(self) -> Playing | None:
        return self._sources.playing()

    @cached_property
    def _queue(self) -> tuple[Item, ...]:
        return self._sources.queue()

    def _queued(self, source: Queue, finding: Finding) -> Finding:
        """Tell whether the queue shows anything, as far as something plays that *source* takes it from."""
        wanted = f"the queue of {playlist_uri(source.context)}" if source.context else "the queue"
        if self._playing is None:
            return replace(finding, message=f"{wanted}: nothing plays right now, so it cannot be told what it shows")
        if source.context and not is_from(self._playing.context, source.context):
            return _elsewhere(self._playing, source.context, finding)
        coming = len(self._queue) - 1  # it begins with what plays
        if coming > 0:
            return replace(finding, message=f"{wanted}: {many(coming)} after what plays now, can be read")
        message = f"{wanted}: something plays, but Spotify shows nothing that comes next"
        return finding.doubted(message, f"unless the last track plays, {OTHER_WAYS}")


def _elsewhere(playing: Playing, wanted: PlaylistId, finding: Finding) -> Finding:
    """Return *finding* where what plays does not come from the *wanted* list, as far as Spotify tells."""
    known = f"the queue of {playlist_uri(wanted)}"
    if playing.context is None:
        message = f"{known}: something plays, but Spotify does not tell from what, so its queue is not taken"
        return finding.doubted(message, f"if that list plays, {OTHER_WAYS}")
    message = f"{known}: {playing.context} plays right now, so it cannot be told what it shows"
    return replace(finding, message=message)


def _called(source: Listable | Discography) -> str:
    match source:
        case LikedSongs():
            return "Liked Songs"
        case TopTracks(term=term):
            return f"your top tracks ({term})"
        case SavedAlbums() | SavedEpisodes():
            return f"your {str(source).replace('_', ' ')}"
        case _:
            _, kind, _ = str(source).split(":")
            return f"the {kind} {source}"
