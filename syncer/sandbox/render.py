"""How the things of a scene look as JSON, to the app that asks. What never changes is rendered once and kept."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final, NamedTuple, TypeVar

from syncer.sandbox import scenery
from syncer.sandbox.exchange import API_HOST, dumps
from syncer.sandbox.fields import ALL, Fields
from syncer.sandbox.scenery import Media, spotify_id
from syncer.sandbox.things import App, Entry, Playlist, User

_T = TypeVar("_T")

_API: Final = f"https://{API_HOST}/v1"
_WEB: Final = "https://open.spotify.com"
_IMAGES: Final[list[Any]] = [{"url": "https://i.scdn.co/image/sandbox", "height": 640, "width": 640}]
_MARKETS: Final = ["DE", "SE", "US"]


@dataclass(frozen=True, slots=True, eq=False)
class View:
    """What of a thing an app gets to see. Compared by identity; get one from :func:`view`."""

    keys: tuple[tuple[str, str], ...]
    old_fields: bool
    episodes: bool
    market: bool


@lru_cache(maxsize=64)
def _view(keys: tuple[tuple[str, str], ...], old_fields: bool, episodes: bool, market: bool) -> View:  # noqa: FBT001 - a cache key
    return View(keys, old_fields, episodes, market)


def view(app: App, *, episodes: bool, market: bool) -> View:
    """Return how *app* sees entries; equal arguments give the same object."""
    return _view(app.entry_keys, app.mode != "new", episodes, market)


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
            parts.append(f'"{name}":{_media(of.media, seen, fields.under(name))}')
    return "{" + ",".join(part for part in parts if part) + "}"


def saved_track(of: Entry, seen: View) -> str:
    """Return an entry of the Liked Songs; its key stays ``track`` in every mode (contract §1.3)."""
    text = of.rendered.get(seen)
    if text is None:
        text = f'{{"added_at":{dumps(of.added_at)},"track":{dumps(_track(of.media, seen)) if of.media else "null"}}}'
        of.rendered[seen] = text
    return text


def _media(of: Media | None, seen: View, fields: Fields) -> str:
    if of is None or (of.kind != "track" and not seen.episodes):
        return "null"
    key = (seen, fields)
    text = of.rendered.get(key)
    if text is None:
        whole = _track(of, seen) if of.kind == "track" else _episode(of)
        text = of.rendered[key] = dumps(fields.of(whole))
    return text


def _links(kind: str, key: str | None) -> dict[str, Any]:
    if key is None:
        return {"external_urls": {}, "href": None, "id": None, "type": kind}
    return {
        "external_urls": {"spotify": f"{_WEB}/{kind}/{key}"},
        "href": f"{_API}/{kind}s/{key}",
        "id": key,
        "type": kind,
    }


def _named(kind: str, key: str | None, name: str) -> dict[str, Any]:
    return _links(kind, key) | {"name": name, "uri": f"spotify:{kind}:{key}" if key else None}


def _track(asked: Media, seen: View) -> dict[str, Any]:
    """Return a full track. With a market, every third one comes as another instance (contract §6)."""
    of = asked
    if seen.market and not asked.is_local and sum(asked.uri.encode()) % 3 == 0:
        of = scenery.other_instance(asked)
    known = not of.is_local
    artists = [_named("artist", spotify_id("artist", name) if known else None, name) for name in of.artists]
    made = _links("track", of.id) | {
        "album": _album(of, artists, seen),
        "artists": artists,
        "disc_number": 1 if known else 0,
        "duration_ms": of.duration_ms,
        "explicit": False,
        "external_ids": {"isrc": of.isrc} if of.isrc else {},
        "is_local": of.is_local,
        "name": of.name,
        "preview_url": None,
        "track_number": 1 if known else 0,
        "uri": of.uri,
    }
    if seen.market:
        made["is_playable"] = of.playable
    if not of.playable:
        made["restrictions"] = {"reason": "market"}
    if seen.old_fields:
        made |= {"available_markets": _MARKETS if known else [], "popularity": 40}
        if of is not asked:
            made["linked_from"] = _links("track", asked.id) | {"uri": asked.uri}
    return made


def _album(of: Media, artists: list[Any], seen: View) -> dict[str, Any]:
    made = _named("album", None if of.is_local else spotify_id("album", of.album), of.album) | {
        "album_type": None if of.is_local else "album",
        "artists": [] if of.is_local else artists[:1],
        "images": [] if of.is_local else _IMAGES,
        "release_date": None if of.is_local else of.album[-4:],
        "release_date_precision": None if of.is_local else "year",
        "total_tracks": 12,
    }
    return made | ({"available_markets": _MARKETS} if seen.old_fields else {})


def _episode(of: Media) -> dict[str, Any]:
    """Return an episode, or whatever else is no track, in the shape of one."""
    show = {
        "available_markets": _MARKETS,
        "copyrights": [],
        "description": of.album,
        "explicit": False,
        "html_description": of.album,
        "images": _IMAGES,
        "is_externally_hosted": False,
        "languages": ["en"],
        "media_type": "audio",
        "publisher": of.artists[0],
        "total_episodes": 40,
    }
    return _links(of.kind, of.id) | {
        "audio_preview_url": None,
        "description": of.name,
        "duration_ms": of.duration_ms,
        "explicit": False,
        "html_description": of.name,
        "images": _IMAGES,
        "is_externally_hosted": False,
        "is_playable": of.playable,
        "language": "en",
        "languages": ["en"],
        "name": of.name,
        "release_date": "2026-01-05",
        "release_date_precision": "day",
        "show": _named("show", spotify_id("show", of.album), of.album) | show,
        "uri": of.uri,
    }


def _user_link(user: str) -> dict[str, Any]:
    return _links("user", user) | {"uri": f"spotify:user:{user}"}


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
    return _links("playlist", of.id) | {
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
