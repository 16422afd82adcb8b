"""Playlists: what they show, and what is done to them (contract §2.1 to §2.3)."""

import json
import re
from collections.abc import Iterable, Mapping
from typing import Any, Final

from syncer.sandbox import render, render_music
from syncer.sandbox.ask import MAX_PAGE, NUMBER, Ask, Endpoint, body_of, carried, need, window_of
from syncer.sandbox.exchange import HttpAnswer, dumps, json_answer, json_text, refuse
from syncer.sandbox.fields import ALL, BadFields, Fields, parse
from syncer.sandbox.playing import SPOTIFY_MADE
from syncer.sandbox.render import Window
from syncer.sandbox.scene import Scene
from syncer.sandbox.things import Entry, Playlist, Version

MAX_URIS: Final = 100
MAX_OLD_PAGE: Final = 100
MAX_LIBRARY_OFFSET: Final = 100_000

_ADDABLE: Final = re.compile(r"spotify:(?:track|episode):[A-Za-z0-9]{22}", re.ASCII)


def _my_playlists(ask: Ask, _: str) -> HttpAnswer:
    window = window_of(ask.query)
    if window.offset > MAX_LIBRARY_OFFSET:
        raise refuse(400, "Invalid offset")
    held = map(ask.scene.playlists.get, ask.user.library)  # one that is gone has left the libraries too
    shown = [playlist for playlist in held if playlist and _is_listed(ask, playlist) and not _is_too_new(ask, playlist)]
    texts = [_listed(ask, playlist) for playlist in window.of(shown)]
    return json_text(200, render.page(f"{ask.base}/v1/me/playlists", window, texts, total=len(shown)))


def _listed(ask: Ask, playlist: Playlist) -> str:
    version = playlist.as_of(ask.at - ask.exchange.read_lag)
    head = _head(ask, playlist, version)
    return render.listed(head, playlist.id, ask.app, ask.base, total=len(version.entries))


def _is_too_new(ask: Ask, playlist: Playlist) -> bool:
    """Whether a read that is late does not show yet that *playlist* was made."""
    return playlist.versions[0].at > ask.at - ask.exchange.read_lag


def _is_listed(ask: Ask, playlist: Playlist) -> bool:
    if playlist.id.startswith(SPOTIFY_MADE) and not ask.app.reads_spotify_made:
        return False
    shared = playlist.collaborative or (playlist.owner != ask.user.id and ask.user.id in playlist.collaborators)
    if shared and "playlist-read-collaborative" not in ask.token.scopes:
        return False
    return playlist.public or "playlist-read-private" in ask.token.scopes


def _playlist(ask: Ask, key: str) -> HttpAnswer:
    """Answer the head, with the first page in it where the items may be read (contract §2.1)."""
    found = _find(ask, key)
    if not found.public:
        need(ask, "playlist-read-private")
    fields = _fields(ask.query)
    version = found.as_of(ask.at - ask.exchange.read_lag)
    head = _head(ask, found, version)
    if ask.app.mode != "new":
        head["followers"] = {"href": None, "total": 0}
    parts = [dumps(fields.of(head))[1:-1]]
    if _is_readable(ask, found):
        for name, _ in ask.app.entry_keys:
            if fields.has(name):
                nested = _nested(ask, key, version.entries, fields.under(name))
                parts.append(f'"{name}":{nested}')
    return json_text(200, "{" + ",".join(part for part in parts if part) + "}")


def _head(ask: Ask, playlist: Playlist, version: Version) -> dict[str, Any]:
    """Return what *playlist* said of itself when it was *version*, but for a snapshot id that lags on its own."""
    snapshot_id = _shown_snapshot(playlist, ask) if ask.exchange.snapshot_lag else version.snapshot_id
    return render.head(playlist, ask.scene.users.get(playlist.owner), snapshot_id)


def _nested(ask: Ask, key: str, entries: tuple[Entry, ...], fields: Fields) -> str:
    """Return the page inside a playlist, or what is left of it where no entries come along."""
    if ask.app.nested_page:
        return _page(ask, key, entries, Window(ask.app.nested_page, 0), fields)
    return dumps(fields.of(render.reference(key, ask.base, total=len(entries))))


def _shown_snapshot(playlist: Playlist, ask: Ask) -> str:
    """Return a lagging snapshot id: the one before, then a third that nobody knows, then the newest (contract §4.4)."""
    newest, age = playlist.versions[-1], ask.at - playlist.versions[-1].at
    if age >= ask.exchange.snapshot_lag:
        return newest.snapshot_id
    if age >= ask.exchange.snapshot_lag / 2:
        return newest.snapshot_id[::-1]
    return playlist.versions[-2].snapshot_id


def _items(ask: Ask, key: str) -> HttpAnswer:
    return _entries(ask, key, MAX_PAGE)


def _old_items(ask: Ask, key: str) -> HttpAnswer:
    return _entries(ask, key, MAX_OLD_PAGE)


def _entries(ask: Ask, key: str, most: int) -> HttpAnswer:
    found = _find(ask, key, items=True)
    need(ask, "playlist-read-private")
    if not _is_readable(ask, found):
        raise refuse(403, "Forbidden")
    window = window_of(ask.query, most)
    version = found.as_of(ask.at - ask.exchange.read_lag)
    return json_text(200, _page(ask, key, version.entries, window, _fields(ask.query)))


def _page(ask: Ask, key: str, entries: tuple[Entry, ...], window: Window, fields: Fields) -> str:
    episodes = "episode" in ask.query.get("additional_types", "").split(",")
    seen = render_music.view(ask.app, episodes=episodes, market="market" in ask.query)
    inner = fields.under("items")
    texts = (render.entry(entry, seen, inner) for entry in window.of(entries))
    extra = carried(ask.query, "additional_types", "fields", "market")
    path = "tracks" if ask.exchange.request.path.endswith("/tracks") else "items"
    href = f"{ask.base}/v1/playlists/{key}/{path}"
    return render.page(href, window, texts, total=len(entries), fields=fields, extra=extra)


def _add(ask: Ask, key: str) -> HttpAnswer:
    """Add what ``uris`` names. In the query they win over the body, which has to be an object (contract §2.3)."""
    playlist = _writable(ask, key)
    uris, position = _uris_and_position(ask)
    if not uris:
        raise refuse(400, "No uris provided")
    _check_addable(ask.scene, uris)
    length = len(playlist.entries)
    if position is not None and not (type(position) is int and 0 <= position <= length):
        raise refuse(400, "Index out of bounds.")
    if length + len(uris) > ask.scene.ceiling:
        raise refuse(500, "Server error.")
    done = ask.scene.add(playlist, uris, position, by=ask.user.id, at=ask.at, relinked=ask.exchange.relink)
    return _applied(ask, 201, done)


def _uris_and_position(ask: Ask) -> tuple[list[str], Any]:
    if "uris" not in ask.query:
        body = body_of(ask, otherwise="No uris provided")
        return _strings(body.get("uris", [])), body.get("position")
    position = ask.query.get("position")
    place = int(position) if position is not None and NUMBER.fullmatch(position) else position
    return ask.query["uris"].split(",") if ask.query["uris"] else [], place


def _put(ask: Ask, key: str) -> HttpAnswer:
    """Replace everything, or move a range; one of the two."""
    playlist = _writable(ask, key)
    if "uris" in ask.query:
        body: Mapping[str, Any] = {"uris": _uris_and_position(ask)[0]}
    else:
        body = body_of(ask, otherwise="No uris provided")
    if ("uris" in body) == ("range_start" in body):
        raise refuse(400, "No uris provided" if "uris" not in body else "Cannot both replace and reorder")
    if "uris" in body:
        uris = _strings(body["uris"])
        _check_addable(ask.scene, uris)
        return _applied(ask, 200, ask.scene.replace(playlist, uris, by=ask.user.id, at=ask.at))
    start, before, length = body["range_start"], body.get("insert_before"), body.get("range_length", 1)
    total = len(playlist.entries)
    if not (type(start) is int and type(before) is int and type(length) is int):
        raise refuse(400, "Error parsing JSON.")
    if not (0 <= start < total and 0 <= before <= total and 1 <= length <= total - start):
        raise refuse(400, "Index out of bounds.")
    _check_snapshot(playlist, body)
    return _applied(ask, 200, ask.scene.move(playlist, start, before, length, by=ask.user.id, at=ask.at))


def _delete(ask: Ask, key: str) -> HttpAnswer:
    """Remove every occurrence of each URI; ``positions`` is ignored (contract §2.3)."""
    playlist = _writable(ask, key)
    name = "tracks" if ask.exchange.request.path.endswith("/tracks") else "items"
    wanted = body_of(ask, otherwise=f"Missing {name}").get(name)
    if not isinstance(wanted, list) or not wanted:
        raise refuse(400, f"Missing {name}")
    if len(wanted) > MAX_URIS:
        raise refuse(400, "You can remove a maximum of 100 tracks per request.")
    uris = _strings([item.get("uri") if isinstance(item, dict) else None for item in wanted])
    for uri in uris:
        if not (_ADDABLE.fullmatch(uri) or uri.startswith("spotify:local:")):
            raise refuse(400, f"Invalid track uri: {uri}")
    _check_snapshot(playlist, json.loads(ask.exchange.request.body))
    return _applied(ask, 200, ask.scene.remove(playlist, uris, by=ask.user.id, at=ask.at))


def _create(ask: Ask, _: str) -> HttpAnswer:
    body = body_of(ask, otherwise="Missing required field: name")
    name, description = body.get("name"), body.get("description", "")
    public, collaborative = body.get("public", True), body.get("collaborative", False)
    if not isinstance(name, str) or not name:
        raise refuse(400, "Missing required field: name")
    if type(public) is not bool or type(collaborative) is not bool or not isinstance(description, str):
        raise refuse(400, "Error parsing JSON.")
    if collaborative and public:
        raise refuse(400, "Collaborative playlists can only be private")
    if public or collaborative:
        need(ask, "playlist-modify-public")
    if not public:
        need(ask, "playlist-modify-private")
    made = ask.scene.create(ask.user.id, name, public=public, collaborative=collaborative, description=description)
    ask.exchange.call.applied = True
    head = render.head(made, ask.user, made.snapshot_id)
    nested = json.loads(_nested(ask, made.id, (), ALL))
    return json_answer(201, head | {name: nested for name, _ in ask.app.entry_keys})


def _find(ask: Ask, key: str, *, items: bool = False) -> Playlist:
    """Return a playlist this app and user may know of."""
    if key.startswith(SPOTIFY_MADE) and not ask.app.reads_spotify_made:
        if items and ask.scene.spotify_made_items == 403:  # noqa: PLR2004 - a status
            raise refuse(403, "Forbidden")
        raise refuse(404, "Resource not found")
    found = ask.scene.playlists.get(key)
    if found is None or (found.private and not found.belongs_to(ask.user.id)) or _is_too_new(ask, found):
        raise refuse(404, "Resource not found")
    return found


def _is_readable(ask: Ask, playlist: Playlist) -> bool:
    if playlist.id.startswith(SPOTIFY_MADE):
        return True  # an app without the privilege does not come this far
    return playlist.belongs_to(ask.user.id) or ask.app.sees_foreign


def _writable(ask: Ask, key: str) -> Playlist:
    found = _find(ask, key, items=True)
    need(ask, "playlist-modify-public" if found.public and not found.collaborative else "playlist-modify-private")
    if not found.belongs_to(ask.user.id):
        raise refuse(403, "Forbidden")
    return found


def _fields(query: Mapping[str, str]) -> Fields:
    try:
        return parse(query.get("fields", ""))
    except BadFields:
        raise refuse(400, "Invalid fields parameter") from None


def _strings(values: Any) -> list[str]:
    if not isinstance(values, list):
        raise refuse(400, "Error parsing JSON.")
    for value in values:
        if not isinstance(value, str):
            raise refuse(400, f"Invalid track uri: {value}")
    return values


def _check_addable(scene: Scene, uris: Iterable[str]) -> None:
    wanted = list(uris)
    if len(wanted) > MAX_URIS:
        raise refuse(400, "You can add a maximum of 100 tracks per request.")
    for uri in wanted:
        if not _ADDABLE.fullmatch(uri) or uri in scene.bad_uris:
            raise refuse(400, f"Invalid track uri: {uri}")


def _check_snapshot(playlist: Playlist, body: Mapping[str, Any]) -> None:
    """Refuse a snapshot id this playlist never had; an old one is fine (contract §5)."""
    wanted = body.get("snapshot_id")
    if wanted is not None and all(version.snapshot_id != wanted for version in playlist.versions):
        raise refuse(400, "Invalid snapshot_id")


def _applied(ask: Ask, status: int, snapshot_id: str) -> HttpAnswer:
    ask.exchange.call.applied = True
    return json_answer(status, {"snapshot_id": snapshot_id})


def _old(endpoint: Endpoint) -> Endpoint:
    """Return *endpoint* for the paths that new apps have lost."""

    def checked(ask: Ask, key: str) -> HttpAnswer:
        if ask.app.mode == "new":
            raise refuse(403, "Forbidden")
        return endpoint(ask, key)

    return checked


FIXED: Final[Mapping[str, Mapping[str, Endpoint]]] = {
    "/v1/me/playlists": {"GET": _my_playlists, "POST": _create},
}
OF_PLAYLIST: Final[Mapping[str | None, Mapping[str, Endpoint]]] = {
    None: {"GET": _playlist},
    "items": {"GET": _items, "POST": _add, "PUT": _put, "DELETE": _delete},
    "tracks": {"GET": _old(_old_items), "POST": _old(_add), "PUT": _old(_put), "DELETE": _old(_delete)},
}
