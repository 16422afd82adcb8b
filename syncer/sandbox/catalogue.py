"""What there is to hear, whoever asks: albums, artists, shows, and the search for tracks (contract §2.4)."""

import re
from collections.abc import Iterator, Mapping
from typing import Final

from syncer.sandbox import render, render_music
from syncer.sandbox.ask import MAX_PAGE, Ask, Endpoint, carried, need, window_of
from syncer.sandbox.exchange import HttpAnswer, json_text, refuse
from syncer.sandbox.scenery import Media
from syncer.sandbox.things import GROUPS

MAX_NEW_PAGE: Final = 10
"""How many releases or finds come at most at a time, to new apps."""
USUAL_NEW_PAGE: Final = 5
MAX_SEARCH_OFFSET: Final = 1000
TYPES: Final = ("album", "artist", "playlist", "track", "show", "episode", "audiobook")

_ID: Final = re.compile(r"[A-Za-z0-9]{22}", re.ASCII)
_ISRC: Final = re.compile(r"isrc:\"?([A-Za-z0-9-]+)\"?", re.ASCII)


def _album_tracks(ask: Ask, key: str) -> HttpAnswer:
    """Answer simplified tracks: no ISRC, no album, no date (contract §6)."""
    found = ask.scene.albums.get(_checked(key))
    if found is None:
        raise refuse(404, "Resource not found")
    window = window_of(ask.query)
    seen = render_music.view(ask.app, market="market" in ask.query)
    texts = [render_music.simplified_track_text(media, seen) for media in window.of(found.tracks)]
    extra = carried(ask.query, "market")
    return json_text(200, render.page(ask.href, window, texts, total=len(found.tracks), extra=extra))


def _track(ask: Ask, key: str) -> HttpAnswer:
    """Answer a full track, with its ISRC."""
    uri = f"spotify:track:{_checked(key)}"
    found = next((media for media in ask.scene.tracks() if media.uri == uri), None)
    if found is None:
        raise refuse(404, "Resource not found")
    seen = render_music.view(ask.app, market="market" in ask.query)
    return json_text(200, render_music.track_text(found, seen))


def _artist_albums(ask: Ask, key: str) -> HttpAnswer:
    """Answer the releases of an artist, group by group, the newest of each first (inferred)."""
    artist = ask.scene.artists.get(_checked(key))
    if artist is None:
        raise refuse(404, "Resource not found")
    groups = ask.query["include_groups"].split(",") if "include_groups" in ask.query else list(GROUPS)
    if not set(groups) <= set(GROUPS):
        raise refuse(400, "Invalid include_groups")
    new = ask.app.mode == "new"
    window = window_of(ask.query, MAX_NEW_PAGE, USUAL_NEW_PAGE) if new else window_of(ask.query)
    released = [(group, album) for group, album in ask.scene.releases(artist) if group in groups]
    seen = render_music.view(ask.app)
    texts = [render_music.discography_text(album, group, seen) for group, album in window.of(released)]
    extra = carried(ask.query, "include_groups", "market")
    return json_text(200, render.page(ask.href, window, texts, total=len(released), extra=extra))


def _show_episodes(ask: Ask, key: str) -> HttpAnswer:
    """Answer the episodes of a show, newest first; one that is gone is null."""
    need(ask, "user-read-playback-position")
    found = ask.scene.shows.get(_checked(key))
    if found is None:
        raise refuse(404, "Resource not found")
    window = window_of(ask.query)
    texts = [render_music.simplified_episode_text(media) for media in window.of(found.episodes)]
    extra = carried(ask.query, "market")
    return json_text(200, render.page(ask.href, window, texts, total=len(found.episodes), extra=extra))


def _search(ask: Ask, _: str) -> HttpAnswer:
    """Find tracks, by ISRC or by words in their names; of the other types there is nothing to find here."""
    query, types = ask.query.get("q") or ask.query.get("query"), ask.query.get("type", "").split(",")
    if not query:
        raise refuse(400, "No search query")
    if not set(types) <= set(TYPES):
        raise refuse(400, "Missing parameter type" if types == [""] else "Bad search type field")
    new = ask.app.mode == "new"
    window = window_of(ask.query, MAX_NEW_PAGE, USUAL_NEW_PAGE) if new else window_of(ask.query, MAX_PAGE)
    if window.offset > MAX_SEARCH_OFFSET:
        raise refuse(400, "Invalid offset")
    seen = render_music.view(ask.app, market="market" in ask.query)
    pages = []
    for kind in types:
        found = list(_matching(ask, query)) if kind == "track" else []
        texts = [render_music.track_text(media, seen) for media in window.of(found)]
        extra = carried({**ask.query, "query": query, "type": kind}, "query", "type", "market")
        pages.append(f'"{kind}s":{render.page(ask.href, window, texts, total=len(found), extra=extra)}')
    return json_text(200, "{" + ",".join(pages) + "}")


def _matching(ask: Ask, query: str) -> Iterator[Media]:
    wanted = _ISRC.fullmatch(query)
    words = query.lower().split()
    for media in ask.scene.tracks():
        if wanted:
            if media.isrc and media.isrc.upper() == wanted[1].upper():
                yield media
        elif all(word in " ".join((media.name, *media.artists, media.album)).lower() for word in words):
            yield media


def _checked(key: str) -> str:
    if not _ID.fullmatch(key):
        raise refuse(400, "Invalid base62 id")
    return key


FIXED: Final[Mapping[str, Mapping[str, Endpoint]]] = {"/v1/search": {"GET": _search}}
OF: Final[Mapping[str, Mapping[str | None, Mapping[str, Endpoint]]]] = {
    "albums": {"tracks": {"GET": _album_tracks}, "tracks/": {"GET": _album_tracks}},  # with the slash, as spotipy asks
    "artists": {"albums": {"GET": _artist_albums}},
    "tracks": {None: {"GET": _track}},
    "shows": {"episodes": {"GET": _show_episodes}, "episodes/": {"GET": _show_episodes}},
}
