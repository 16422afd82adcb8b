"""What an account can read that is no playlist: spotipy in, our words out."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from http import HTTPStatus
from typing import Any, Final

import spotipy

from syncer.errors import NotFound, SourceClosed, SyncError
from syncer.ids import Thing, Uri, linked
from syncer.model import (
    PAGE_SIZE,
    AlbumSource,
    ArtistSource,
    Device,
    Discography,
    Item,
    LikedSongs,
    Listable,
    Page,
    Play,
    Playing,
    Release,
    Releases,
    SavedEpisodes,
    ShowSource,
)
from syncer.scopes import READ_LIBRARY, READ_PLAYBACK, READ_QUEUE, READ_RECENT, to_read
from syncer.spotify.auth import Access
from syncer.spotify.items import Items, is_count, text
from syncer.spotify.refusals import missing_scope, not_playable, unexpected
from syncer.spotify.transport import NOTHING, Refused, Transport

GROUPS: Final = "album,single"
ARTIST_PAGE: Final = 10
"""What new apps get at most (contract §2.4)."""
ALBUM_PAGE: Final = 20
"""Each comes with up to 50 tracks of 1 KB, or 2 KB for apps that are told their markets; an answer may have 2 MiB."""
KINDS: Final = "track,episode"
EPOCH: Final = datetime.fromtimestamp(0, UTC)


class SpotifySources:
    """The port ``Sources`` over Spotify's Web API (contract §2.4)."""

    def __init__(self, *, api_url: str, transport: Transport, access: Access) -> None:
        self._access = access
        self._items = Items()
        self._spotify = spotipy.Spotify(requests_session=transport)
        self._spotify.prefix = api_url + "/"

    def page(self, source: Listable, offset: int) -> Page:
        try:
            return self._page(source, offset)
        except Refused as refused:
            raise self._unreadable(refused, str(source), *to_read(source)) from None

    def _page(self, source: Listable, offset: int) -> Page:
        window = {"limit": PAGE_SIZE, "offset": offset}
        match source:
            case LikedSongs():
                return self._items.page(self._spotify.current_user_saved_tracks(**window))
            case SavedEpisodes():
                return self._items.page(self._spotify.current_user_saved_episodes(**window))
            case AlbumSource(id=album):
                return self._items.page_of_media(self._spotify.album_tracks(album, **window))
            case ShowSource(id=show):
                return self._items.page_of_media(self._spotify.show_episodes(show, **window))
        top = self._spotify.current_user_top_tracks(**window, time_range=f"{source.term}_term")
        return self._items.page_of_media(top)

    def releases(self, source: Discography, offset: int) -> Releases:
        if isinstance(source, ArtistSource):
            return self._of_artist(source.id, offset)
        try:
            body = self._spotify.current_user_saved_albums(limit=ALBUM_PAGE, offset=offset)
        except Refused as refused:
            raise self._unreadable(refused, str(source), READ_LIBRARY) from None
        return self._releases(body, [entry and entry.get("album") for entry in body["items"]])

    def _of_artist(self, artist: str, offset: int) -> Releases:
        try:
            body = self._spotify.artist_albums(artist, include_groups=GROUPS, limit=ARTIST_PAGE, offset=offset)
        except Refused as refused:
            raise self._unreadable(refused, f"spotify:artist:{artist}") from None
        return self._releases(body, body["items"])

    def _releases(self, body: Mapping[str, Any], albums: list[Any]) -> Releases:
        releases = tuple(release for album in albums if album and (release := self._release(album)))
        return Releases(total=body["total"], releases=releases, places=len(albums))

    def _release(self, album: Mapping[str, Any]) -> Release | None:
        """Return *album*, with its tracks as far as they came with it; None if it does not say which it is."""
        match linked(text(album.get("uri"))):
            case (Thing.ALBUM, identifier):
                return Release(
                    album=AlbumSource(identifier),
                    name=text(album.get("name")),
                    released=self._items.released(album.get("release_date")),
                    total=album["total_tracks"],
                    first=self._first(album.get("tracks"), album["total_tracks"]),
                )
        return None

    def _first(self, tracks: Any, total: int) -> tuple[Item, ...]:
        found = tracks.get("items") if isinstance(tracks, dict) else None
        return tuple(map(self._items.media, found)) if isinstance(found, list) and len(found) <= total else ()

    def plays(self, after: datetime | None) -> tuple[Play, ...]:
        cursor = None if after is None else (after - EPOCH) // timedelta(milliseconds=1)
        try:
            body = self._spotify.current_user_recently_played(limit=PAGE_SIZE, after=cursor)
        except Refused as refused:
            raise self._unreadable(refused, "recently_played", *READ_RECENT) from None
        plays = [play for entry in reversed(body["items"]) if (play := self._play(entry))]  # newest first, as they come
        return tuple(sorted(plays, key=lambda play: play.at))

    def _play(self, entry: Any) -> Play | None:
        """Return a play; None if it does not say when it was, or what."""
        if not isinstance(entry, dict):
            return None
        at, item = _moment(entry.get("played_at")), self._items.media(entry.get("track"))
        return Play(item=item, at=at, context=_context(entry)) if at and item.uri else None

    def playing(self) -> Playing | None:
        try:
            body = self._spotify.current_playback(additional_types=KINDS)
        except Refused as refused:
            raise self._unreadable(refused, "queue", *READ_PLAYBACK) from None
        if body is NOTHING:
            return None
        item, progress, repeat = map(body.get, ("item", "progress_ms", "repeat_state"))
        return Playing(
            item=self._items.media(item) if isinstance(item, dict) else None,
            context=_context(body),
            is_playing=body["is_playing"],
            progress_ms=progress if is_count(progress) else 0,
            device=as_device(body.get("device")),
            shuffle=body.get("shuffle_state") is True,
            repeat=repeat if repeat in ("track", "context") else "off",
        )

    def queue(self) -> tuple[Item, ...]:
        try:
            body = self._spotify.queue()
        except Refused as refused:
            raise self._unreadable(refused, "queue", *READ_QUEUE) from None
        if body is NOTHING or not isinstance(body.get("currently_playing"), dict):
            return ()
        return tuple(map(self._items.media, [body["currently_playing"], *body["queue"]]))

    def track(self, isrc: str) -> Item | None:
        try:
            body = self._spotify.search(f"isrc:{isrc}", limit=1, type="track")
        except Refused as refused:
            raise unexpected(refused) from None
        found = map(self._items.media, body["tracks"]["items"])
        return next((item for item in found if item.uri and item.isrc in (isrc, None)), None)

    def isrc(self, track: Uri) -> str | None:
        try:
            return self._items.media(self._spotify.track(track)).isrc
        except Refused as refused:
            if refused.status in (HTTPStatus.NOT_FOUND, HTTPStatus.BAD_REQUEST):
                return None
            raise unexpected(refused) from None

    def _unreadable(self, refused: Refused, source: str, *scopes: str) -> SyncError:
        """Return what to say of a refusal; only what has an id can be missing, or have a wrong one (400)."""
        if refused.status == HTTPStatus.FORBIDDEN:
            return missing_scope(self._access, *scopes) or not_playable(refused) or SourceClosed(source)
        if refused.status in (HTTPStatus.NOT_FOUND, HTTPStatus.BAD_REQUEST) and source.startswith("spotify:"):
            return NotFound(source)
        return unexpected(refused)


def as_device(device: Any) -> Device | None:
    """Return a device; None if it is none."""
    if not isinstance(device, dict):
        return None
    volume = device.get("volume_percent") if device.get("supports_volume", True) is True else None
    return Device(
        id=text(device.get("id")) or None,
        name=text(device.get("name")),
        is_active=device.get("is_active") is True,
        is_restricted=device.get("is_restricted") is True,
        volume=volume if is_count(volume) else None,
    )


def _context(played: Mapping[str, Any]) -> str | None:
    """Return the URI of what *played* was played from."""
    context = played.get("context")
    return text(context.get("uri")) or None if isinstance(context, dict) else None


def _moment(value: Any) -> datetime | None:
    """Return the moment that *value* tells; None if it tells none."""
    try:
        moment = datetime.fromisoformat(value)
        return moment.astimezone(UTC) if moment.tzinfo else None
    except (TypeError, ValueError, OverflowError):
        return None
