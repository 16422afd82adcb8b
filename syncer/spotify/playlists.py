"""spotipy in, our words out."""

from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any, Final, NoReturn

import spotipy

from syncer.errors import (
    NameRefused,
    NotFound,
    Rejected,
    SourceNotReadable,
    SyncError,
    TargetNotWritable,
    UnclearAdd,
    UnclearCreation,
    UnclearRemoval,
)
from syncer.ids import NotAPlaylist, PlaylistId, Uri, playlist_id, playlist_uri, shorten
from syncer.model import PAGE_SIZE, Head, Item, Listed, Listing, Page
from syncer.scopes import MODIFY, READ_PRIVATE
from syncer.spotify.auth import Access
from syncer.spotify.items import Items, is_count, text
from syncer.spotify.refusals import missing_scope, unexpected
from syncer.spotify.transport import Refused, Transport, is_page
from syncer.spotify.wire import Lost

KINDS: Final = ("track", "episode")
_MEDIA: Final = (
    "uri,type,name,is_local,duration_ms,explicit,release_date,external_ids(isrc),artists(name)"
    ",album(name,release_date),show(name)"
)
ENTRY_FIELDS: Final = f"total,items(added_at,is_local,item({_MEDIA}),track({_MEDIA}))"
"""Both names of everything that Spotify renamed: an unknown one is dropped without an error (contract §2.1)."""
_OF_HEAD: Final = "id,name,snapshot_id,owner(id),collaborative"
HEAD_FIELDS: Final = f"{_OF_HEAD},items(total),tracks(total)"
WHOLE_HEAD_FIELDS: Final = f"{_OF_HEAD},items({ENTRY_FIELDS}),tracks({ENTRY_FIELDS})"


class SpotifyPlaylists:
    """The port ``Playlists`` over Spotify's Web API (contract §2)."""

    def __init__(self, *, api_url: str, transport: Transport, access: Access) -> None:
        self._access = access
        self._items = Items()
        self._spotify = spotipy.Spotify(requests_session=transport)
        self._spotify.prefix = api_url + "/"

    def head(self, playlist: PlaylistId, *, contents: bool = False) -> Head:
        fields = WHOLE_HEAD_FIELDS if contents else HEAD_FIELDS
        try:
            body = self._spotify.playlist(playlist, fields=fields, additional_types=KINDS)
        except Refused as refused:
            self._unreadable(refused, playlist)
        nested = _nested(body)
        return Head(
            id=playlist,
            name=text(body.get("name")),
            snapshot_id=text(body.get("snapshot_id")),
            readable=nested is not None,
            total=nested["total"] if nested else 0,
            first=self._first(nested) if nested else (),
            owner=_owner(body)[0],
            collaborative=body.get("collaborative") is True,
        )

    def listing(self, offset: int) -> Listing:
        try:
            body = self._spotify.current_user_playlists(limit=PAGE_SIZE, offset=offset)
        except Refused as refused:
            missing = missing_scope(self._access, READ_PRIVATE) if refused.status == HTTPStatus.FORBIDDEN else None
            raise missing or unexpected(refused) from None
        listed = map(_listed, filter(None, body["items"]))
        return Listing(total=body["total"], playlists=tuple(one for one in listed if one.id))

    def page(self, playlist: PlaylistId, offset: int) -> Page:
        try:
            body = self._spotify.playlist_items(
                playlist, fields=ENTRY_FIELDS, limit=PAGE_SIZE, offset=offset, additional_types=KINDS
            )
        except Refused as refused:
            self._unreadable(refused, playlist)
        return self._items.page(body)

    def me(self) -> str:
        try:
            body = self._spotify.me()
        except Refused as refused:
            raise unexpected(refused) from None
        return text(body["id"])

    def create(self, name: str, *, public: bool, description: str) -> PlaylistId:
        about = {"name": name, "public": public, "description": description}
        try:
            # Not spotipy's own method: it asks under the user's id, which new apps may not (contract §1.3).
            body = self._spotify._post("me/playlists", payload=about)  # noqa: SLF001
        except Lost:
            raise UnclearCreation(shorten(name)) from None
        except Refused as refused:
            raise self._not_made(refused, name, MODIFY[not public]) from None
        try:
            return playlist_id(body["id"])
        except (NotAPlaylist, TypeError, KeyError):  # it was made, and we were not told which it is
            raise UnclearCreation(shorten(name)) from None

    def append(self, playlist: PlaylistId, uris: Sequence[Uri], *, position: int | None = None) -> str | None:
        place = {} if position is None else {"position": position}
        try:
            # Not spotipy's own method: its body is not the documented one (contract §7.1).
            body = self._spotify._post(f"playlists/{playlist}/items", payload={"uris": list(uris), **place})  # noqa: SLF001
        except Lost:
            raise UnclearAdd(playlist_uri(playlist)) from None
        except Refused as refused:
            raise self._not_added(refused, playlist) from None
        return (text(body.get("snapshot_id")) or None) if isinstance(body, dict) else None

    def remove(self, playlist: PlaylistId, uris: Sequence[Uri]) -> None:
        items = [{"uri": uri} for uri in uris]
        try:
            # Not spotipy's own method: it refuses what it cannot parse in ways of its own.
            self._spotify._delete(f"playlists/{playlist}/items", payload={"items": items})  # noqa: SLF001
        except Lost:
            raise UnclearRemoval(playlist_uri(playlist)) from None
        except Refused as refused:
            is_known = refused.status != HTTPStatus.BAD_REQUEST
            raise (self._not_added(refused, playlist) if is_known else unexpected(refused)) from None

    def _unreadable(self, refused: Refused, playlist: PlaylistId) -> NoReturn:
        if refused.status == HTTPStatus.NOT_FOUND:
            raise NotFound(playlist_uri(playlist)) from None
        if refused.status == HTTPStatus.FORBIDDEN:
            raise missing_scope(self._access, READ_PRIVATE) or SourceNotReadable(playlist_uri(playlist)) from None
        raise unexpected(refused) from None

    def _not_made(self, refused: Refused, name: str, scope: str) -> SyncError:
        if refused.status == HTTPStatus.BAD_REQUEST:
            return NameRefused(shorten(name))
        missing = missing_scope(self._access, scope) if refused.status == HTTPStatus.FORBIDDEN else None
        return missing or unexpected(refused)

    def _not_added(self, refused: Refused, playlist: PlaylistId) -> SyncError:
        if refused.status == HTTPStatus.BAD_REQUEST:
            return Rejected(playlist_uri(playlist))
        if refused.status == HTTPStatus.NOT_FOUND:
            return NotFound(playlist_uri(playlist))
        if refused.status == HTTPStatus.FORBIDDEN:
            return missing_scope(self._access, *MODIFY) or TargetNotWritable(playlist_uri(playlist))
        return unexpected(refused)

    def _first(self, nested: Mapping[str, Any]) -> tuple[Item, ...]:
        """Return the entries that came with a head. It may come without, and what is no page is none (contract §9)."""
        is_sound = is_page(nested) and len(nested["items"]) <= nested["total"]
        return self._items.page(nested).items if is_sound else ()


def _nested(body: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """Return what a playlist says of its entries, under its new name or its old one; None where it does not."""
    return next((found for name in ("items", "tracks") if isinstance(found := body.get(name), dict)), None)


def _owner(body: Mapping[str, Any]) -> tuple[str, str]:
    """Return the id and the name of who made a playlist; what is missing is empty."""
    owner = body.get("owner")
    return (text(owner.get("id")), text(owner.get("display_name"))) if isinstance(owner, dict) else ("", "")


def _listed(entry: Mapping[str, Any]) -> Listed:
    """Return a playlist of the library; what is missing is empty."""
    total = (_nested(entry) or {}).get("total")
    owner, owner_name = _owner(entry)
    return Listed(
        id=PlaylistId(text(entry.get("id"))),
        name=text(entry.get("name")),
        owner=owner,
        owner_name=owner_name,
        collaborative=entry.get("collaborative") is True,
        total=total if is_count(total) else 0,
        snapshot_id=text(entry.get("snapshot_id")),
        description=text(entry.get("description")),
    )
