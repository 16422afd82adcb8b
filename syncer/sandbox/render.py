"""How the things of a scene look as JSON, to the app that asks. What never changes is rendered once and kept."""

from collections.abc import Callable, Iterable, Sequence
from typing import Any, Final, NamedTuple, TypeVar

from syncer.sandbox.exchange import dumps
from syncer.sandbox.fields import ALL, Fields
from syncer.sandbox.render_music import (
    View,
    album_head,
    episode_text,
    links,
    media_text,
    simplified_track_text,
    track_text,
)
from syncer.sandbox.things import App, Entry, Playlist, SavedAlbum, User

ALBUM_PAGE: Final = 50
"""How many tracks come with an album."""

_T = TypeVar("_T")


class Window(NamedTuple):
    """Which part of a list is asked for."""

    limit: int
    offset: int

    def of(self, entries: Sequence[_T]) -> Sequence[_T]:
        return entries[self.offset : self.offset + self.limit]


def page(
    href: str, window: Window, entries: Iterable[str], *, total: int, fields: Fields = ALL, extra: str = ""
) -> str:
    """Return a paging object around *entries*, which are JSON already."""

    def link(start: int) -> str:
        return dumps(f"{href}?offset={start}&limit={window.limit}{extra}")

    limit, offset = window
    parts: dict[str, Callable[[], str]] = {
        "href": lambda: link(offset),
        "items": lambda: f"[{','.join(entries)}]",
        "limit": lambda: str(limit),
        "next": lambda: link(offset + limit) if offset + limit < total else "null",
        "offset": lambda: str(offset),
        "previous": lambda: link(max(0, offset - limit)) if offset else "null",
        "total": lambda: str(total),
    }
    return "{" + ",".join(f'"{name}":{part()}' for name, part in parts.items() if fields.has(name)) + "}"


def entry(of: Entry, seen: View, fields: Fields) -> str:
    """Return one place of a playlist, whatever it holds."""
    key = (seen, fields)
    text = of.rendered.get(key)
    if text is None:
        text = of.rendered[key] = _entry(of, seen, fields)
    return text


def _entry(of: Entry, seen: View, fields: Fields) -> str:
    around = {
        "added_at": of.added_at,
        "added_by": _user_link(of.added_by) if of.added_by else None,
        "is_local": of.media is not None and of.media.is_local,
        "primary_color": None,
        "video_thumbnail": {"url": None},
    }
    parts = [dumps(fields.of(around))[1:-1]]
    for _, name in seen.keys:
        if fields.has(name):
            parts.append(f'"{name}":{media_text(of.media, seen, fields.under(name))}')
    return "{" + ",".join(part for part in parts if part) + "}"


def saved_album(of: SavedAlbum, seen: View, base: str) -> str:
    """Return an entry of the saved albums; its first tracks come along as a page."""
    album = of.album
    window = Window(ALBUM_PAGE, 0)
    texts = [simplified_track_text(media, seen) for media in window.of(album.tracks)]
    tracks = page(f"{base}/v1/albums/{album.id}/tracks", window, texts, total=len(album.tracks))
    head = dumps(album_head(album, seen))[1:-1]
    return f'{{"added_at":{dumps(of.added_at)},"album":{{{head},"tracks":{tracks}}}}}'


def saved_episode(of: Entry) -> str:
    """Return an entry of the saved episodes."""
    return f'{{"added_at":{dumps(of.added_at)},"episode":{episode_text(of.media)}}}'


def saved_track(of: Entry, seen: View) -> str:
    """Return an entry of the Liked Songs; its key stays ``track`` in every mode (contract §1.3)."""
    text = of.rendered.get(seen)
    if text is None:
        text = f'{{"added_at":{dumps(of.added_at)},"track":{track_text(of.media, seen)}}}'
        of.rendered[seen] = text
    return text


def _user_link(user: str) -> dict[str, Any]:
    return links("user", user) | {"uri": f"spotify:user:{user}"}


def me(user: User, app: App) -> dict[str, Any]:
    """Return the answer of ``GET /me``."""
    made = _user_link(user.id) | {"account_id": user.account_id, "display_name": user.name, "images": []}
    if app.mode == "new":
        return made
    content = {"filter_enabled": False, "filter_locked": False}
    return made | {"country": "SE", "explicit_content": content, "followers": _FOLLOWERS, "product": "premium"}


_FOLLOWERS: Final = {"href": None, "total": 0}


def head(of: Playlist, owner: User | None, snapshot_id: str) -> dict[str, Any]:
    """Return a playlist without its items."""
    return links("playlist", of.id) | {
        "collaborative": of.collaborative,
        "description": of.description,
        "images": [],
        "name": of.name,
        "owner": _user_link(of.owner) | {"display_name": owner.name if owner else of.owner},
        "primary_color": None,
        "public": of.public,
        "snapshot_id": snapshot_id,
        "uri": of.uri,
    }


def listed(head: dict[str, Any], key: str, app: App, base: str, *, total: int) -> str:
    """Return an entry of ``GET /me/playlists``: its *head*, and where its entries are."""
    return dumps(head | {page: reference(key, base, total=total) for page, _ in app.entry_keys})


def reference(key: str, base: str, *, total: int) -> dict[str, Any]:
    """Return where the entries of a playlist are, and how many."""
    return {"href": f"{base}/v1/playlists/{key}/items", "total": total}
