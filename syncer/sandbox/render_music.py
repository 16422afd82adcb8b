"""How music looks as JSON, to the app that asks. What never changes is rendered once and kept."""

from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final

from syncer.sandbox import scenery
from syncer.sandbox.exchange import API_HOST, dumps
from syncer.sandbox.fields import ALL, Fields
from syncer.sandbox.scenery import Media, Release, spotify_id
from syncer.sandbox.things import Album, App

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


def view(app: App, *, episodes: bool = False, market: bool = False) -> View:
    """Return how *app* sees entries; equal arguments give the same object."""
    return _view(app.entry_keys, app.mode != "new", episodes, market)


def media_text(of: Media | None, seen: View, fields: Fields = ALL) -> str:
    """Return a track; or whatever else it is, if *seen* takes those."""
    if of is None or (of.kind != "track" and not seen.episodes):
        return "null"
    key = (seen, fields)
    text = of.rendered.get(key)
    if text is None:
        whole = _track(of, seen) if of.kind == "track" else _episode(of)
        text = of.rendered[key] = dumps(fields.of(whole))
    return text


def links(kind: str, key: str | None) -> dict[str, Any]:
    if key is None:
        return {"external_urls": {}, "href": None, "id": None, "type": kind}
    return {
        "external_urls": {"spotify": f"{_WEB}/{kind}/{key}"},
        "href": f"{_API}/{kind}s/{key}",
        "id": key,
        "type": kind,
    }


def named(kind: str, key: str | None, name: str) -> dict[str, Any]:
    return links(kind, key) | {"name": name, "uri": f"spotify:{kind}:{key}" if key else None}


def track_text(of: Media | None, seen: View) -> str:
    """Return a full track; where only tracks are listed, whatever else it is has the shape of one."""
    if of is None:
        return "null"
    key = ("track", seen)
    text = of.rendered.get(key)
    if text is None:
        text = of.rendered[key] = dumps(_track(of, seen))
    return text


def simplified_track_text(of: Media, seen: View) -> str:
    """Return a track as its album lists it."""
    key = ("simplified", seen)
    text = of.rendered.get(key)
    if text is None:
        text = of.rendered[key] = dumps(_simplified_track(of, seen))
    return text


def simplified_episode_text(of: Media | None) -> str:
    """Return an episode as its show lists it."""
    return dumps(_simplified_episode(of) | _RESUME if of else None)


def episode_text(of: Media | None) -> str:
    """Return a full episode, with how far it was heard."""
    return dumps(_episode(of) | _RESUME if of else None)


def discography_text(of: Album, group: str, seen: View) -> str:
    """Return an album as its artist lists it; new apps have lost the group (contract §1.3)."""
    return dumps(_release(of.head, seen) | ({"album_group": group} if seen.old_fields else {}))


def album_head(of: Album, seen: View) -> dict[str, Any]:
    """Return a whole album but for its tracks."""
    made = _release(of.head, seen) | {"copyrights": [], "external_ids": {"upc": of.upc}, "genres": []}
    return made | ({"label": "Sandbox", "popularity": 40} if seen.old_fields else {})


def _track(asked: Media, seen: View) -> dict[str, Any]:
    """Return a full track. With a market, every third one comes as another instance (contract §6)."""
    of = asked
    if seen.market and not asked.is_local and sum(asked.uri.encode()) % 3 == 0:
        of = scenery.other_instance(asked)
    made = _simplified_track(of, seen) | {
        "album": _LOCAL_ALBUM | {"name": of.album} if of.is_local else _release(of.release, seen),
        "external_ids": {"isrc": of.isrc} if of.isrc else {},
    }
    if seen.old_fields:
        made["popularity"] = 40
        if of is not asked:
            made["linked_from"] = links("track", asked.id) | {"uri": asked.uri}
    return made


def _simplified_track(of: Media, seen: View) -> dict[str, Any]:
    known = not of.is_local
    made = links("track", of.id) | {
        "artists": [_artist(name, known=known) for name in of.artists],
        "disc_number": 1 if known else 0,
        "duration_ms": of.duration_ms,
        "explicit": of.explicit,
        "is_local": of.is_local,
        "name": of.name,
        "preview_url": None,
        "track_number": of.number if known else 0,
        "uri": of.uri,
    }
    if seen.market:
        made["is_playable"] = of.playable
    if not of.playable:
        made["restrictions"] = {"reason": "market"}
    return made | ({"available_markets": _MARKETS if known else []} if seen.old_fields else {})


def _artist(name: str, *, known: bool = True) -> dict[str, Any]:
    return named("artist", spotify_id("artist", name) if known else None, name)


def _release(of: Release, seen: View) -> dict[str, Any]:
    made = named("album", of.id, of.name) | {
        "album_type": of.kind,
        "artists": [_artist(name) for name in of.artists],
        "images": _IMAGES,
        "release_date": of.released,
        "release_date_precision": of.precision,
        "total_tracks": of.total,
    }
    return made | ({"available_markets": _MARKETS} if seen.old_fields else {})


_LOCAL_ALBUM: Final = named("album", None, "") | {
    "album_type": None,
    "artists": [],
    "images": [],
    "release_date": None,
    "release_date_precision": None,
    "total_tracks": 12,
}


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
    return _simplified_episode(of) | {"show": named("show", spotify_id("show", of.album), of.album) | show}


def _simplified_episode(of: Media) -> dict[str, Any]:
    return links(of.kind, of.id) | {
        "audio_preview_url": None,
        "description": of.name,
        "duration_ms": of.duration_ms,
        "explicit": of.explicit,
        "html_description": of.name,
        "images": _IMAGES,
        "is_externally_hosted": False,
        "is_playable": of.playable,
        "language": "en",
        "languages": ["en"],
        "name": of.name,
        "release_date": of.released,
        "release_date_precision": "day",
        "uri": of.uri,
    }


_RESUME: Final = {"resume_point": {"fully_played": False, "resume_position_ms": 0}}
