"""Who I am and what I keep: my profile, and everything I saved (contract §2.4)."""

import re
from collections.abc import Mapping
from typing import Final

from syncer.sandbox import render, render_music
from syncer.sandbox.ask import Ask, Endpoint, carried, need, window_of
from syncer.sandbox.exchange import HttpAnswer, json_answer, json_text, refuse

MAX_LIBRARY_URIS: Final = 40
TIME_RANGES: Final = ("short_term", "medium_term", "long_term")

_LIBRARY: Final = re.compile(r"spotify:(?:track|episode|playlist|album|show|artist|user):[A-Za-z0-9]+", re.ASCII)


def _me(ask: Ask, _: str) -> HttpAnswer:
    return json_answer(200, render.me(ask.user, ask.app))


def _tracks(ask: Ask, _: str) -> HttpAnswer:
    need(ask, "user-library-read")
    window = window_of(ask.query)
    liked = ask.user.liked
    seen = render_music.view(ask.app, market="market" in ask.query)
    texts = [render.saved_track(entry, seen) for entry in window.of(liked)]
    extra = carried(ask.query, "market")
    return json_text(200, render.page(ask.href, window, texts, total=len(liked), extra=extra))


def _albums(ask: Ask, _: str) -> HttpAnswer:
    """Answer the saved albums, each with the first of its tracks in it."""
    need(ask, "user-library-read")
    window = window_of(ask.query)
    saved = ask.user.albums
    seen = render_music.view(ask.app, market="market" in ask.query)
    texts = [render.saved_album(each, seen, ask.base) for each in window.of(saved)]
    extra = carried(ask.query, "market")
    return json_text(200, render.page(ask.href, window, texts, total=len(saved), extra=extra))


def _episodes(ask: Ask, _: str) -> HttpAnswer:
    need(ask, "user-library-read", "user-read-playback-position")
    window = window_of(ask.query)
    saved = ask.user.episodes
    texts = [render.saved_episode(entry) for entry in window.of(saved)]
    extra = carried(ask.query, "market")
    return json_text(200, render.page(ask.href, window, texts, total=len(saved), extra=extra))


def _top(ask: Ask, _: str) -> HttpAnswer:
    need(ask, "user-top-read")
    term = ask.query.get("time_range", "medium_term")
    if term not in TIME_RANGES:
        raise refuse(400, "Invalid time range")
    window = window_of(ask.query)
    most = ask.user.top.get(term, [])
    seen = render_music.view(ask.app)
    texts = [render_music.track_text(media, seen) for media in window.of(most)]
    extra = carried(ask.query, "time_range")
    return json_text(200, render.page(ask.href, window, texts, total=len(most), extra=extra))


def _forget(ask: Ask, _: str) -> HttpAnswer:
    """Take things out of the library; a playlist lives on without its place there."""
    need(ask, "user-library-modify", "user-follow-modify", "playlist-modify-public")
    uris = ask.query.get("uris", "").split(",")
    if len(uris) > MAX_LIBRARY_URIS:
        raise refuse(400, "Too many uris")
    if not all(_LIBRARY.fullmatch(uri) for uri in uris):
        raise refuse(400, "Invalid uris")
    gone, user = set(uris), ask.user
    user.library[:] = [key for key in user.library if f"spotify:playlist:{key}" not in gone]
    user.liked[:] = [entry for entry in user.liked if entry.uri not in gone]
    user.episodes[:] = [entry for entry in user.episodes if entry.uri not in gone]
    user.albums[:] = [saved for saved in user.albums if saved.album.uri not in gone]
    ask.exchange.call.applied = True
    return HttpAnswer(status=200)


FIXED: Final[Mapping[str, Mapping[str, Endpoint]]] = {
    "/v1/me": {"GET": _me},
    "/v1/me/": {"GET": _me},  # what spotipy asks for (contract §7.1)
    "/v1/me/tracks": {"GET": _tracks},
    "/v1/me/albums": {"GET": _albums},
    "/v1/me/episodes": {"GET": _episodes},
    "/v1/me/top/tracks": {"GET": _top},
    "/v1/me/library": {"DELETE": _forget},
}
