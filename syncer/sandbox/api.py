"""The Web API: what its endpoints answer, and what they refuse (contract §2, §4)."""

import json
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import quote

from syncer.sandbox import render
from syncer.sandbox.exchange import (
    HttpAnswer,
    HttpRequest,
    Refused,
    dumps,
    json_answer,
    json_text,
    refuse,
    text_answer,
)
from syncer.sandbox.fields import ALL, BadFields, Fields, parse
from syncer.sandbox.render import Window
from syncer.sandbox.scene import Scene
from syncer.sandbox.things import SPOTIFY_MADE, AccessToken, App, Call, Entry, Playlist, User, Version

MAX_URIS: Final = 100
MAX_PAGE: Final = 50
MAX_OLD_PAGE: Final = 100
MAX_LIBRARY_URIS: Final = 40
MAX_LIBRARY_OFFSET: Final = 100_000

NO_PREMIUM: Final = "Active premium subscription required for the owner of the app."
NOT_ALLOWED: Final = "User not registered in the Developer Dashboard"
BAD_TOKEN: Final = "Missing/invalid/expired access token"  # noqa: S105 - what the API says, not a token
NO_TOKEN: Final = "Access token missing"  # noqa: S105 - what the API says, not a token

_ADDABLE: Final = re.compile(r"spotify:(?:track|episode):[A-Za-z0-9]{22}", re.ASCII)
_NUMBER: Final = re.compile(r"[0-9]{1,9}", re.ASCII)
_LIBRARY: Final = re.compile(r"spotify:(?:track|episode|playlist|album|show|artist|user):[A-Za-z0-9]+", re.ASCII)


@dataclass(slots=True, kw_only=True)
class Exchange:
    """One request while it is carried out, and what faults have to say about how."""

    request: HttpRequest
    call: Call
    at: float
    read_lag: float = 0.0
    """Items are shown as they were so many seconds ago."""
    snapshot_lag: float = 0.0
    """The newest snapshot id takes so many seconds to show."""
    relink: bool = False
    """What is added reads back under other URIs."""
    rotate: bool = False
    """A token answer brings a new refresh token…"""
    revoke: bool = False
    """…and ends the old one."""


@dataclass(frozen=True, slots=True)
class Ask:
    """A request whose sender is known."""

    scene: Scene
    exchange: Exchange
    token: AccessToken
    app: App
    user: User
    query: Mapping[str, str]

    @property
    def at(self) -> float:
        return self.exchange.at

    @property
    def base(self) -> str:
        return self.exchange.request.base


Endpoint = Callable[[Ask, str], HttpAnswer]


def answer(scene: Scene, exchange: Exchange) -> HttpAnswer:
    """Carry out a request to the Web API."""
    try:
        ask = _admit(scene, exchange)
        methods, playlist = _route(exchange.request.path)
        endpoint = methods.get(exchange.request.method)
        if endpoint is None:
            raise refuse(405, "Method not allowed", headers={"Allow": ", ".join(methods)})
        return endpoint(ask, playlist)
    except Refused as refused:
        return refused.answer


def _admit(scene: Scene, exchange: Exchange) -> Ask:
    """Find out who asks, and whether they may at all."""
    kind, _, value = exchange.request.headers.get("authorization", "").partition(" ")
    if kind.lower() != "bearer" or not value:
        raise refuse(401, NO_TOKEN, headers={"WWW-Authenticate": 'Bearer realm="spotify"'})
    token = scene.access_tokens.get(value)
    if token is None or token.expires_at <= exchange.at:
        about = f'Bearer realm="spotify", error="invalid_token", error_description="{BAD_TOKEN}"'
        raise refuse(401, BAD_TOKEN, headers={"WWW-Authenticate": about})
    app, user = scene.apps[token.client_id], scene.users[token.user]
    exchange.call.user = user.id
    if not app.owner_premium and app.mode != "extended":
        raise Refused(text_answer(403, NO_PREMIUM))
    if app.allowed is not None and user.id not in app.allowed:
        raise Refused(text_answer(403, NOT_ALLOWED))
    for limit in scene.limits:
        wait = limit.admit(app.client_id, exchange.at)
        if wait is not None:
            raise refuse(429, "API rate limit exceeded", reason=limit.reason, headers={"Retry-After": wait})
    return Ask(scene, exchange, token, app, user, exchange.request.parameters())


def _route(path: str) -> tuple[Mapping[str, Endpoint], str]:
    """Return what a path offers, and the playlist id in it."""
    if path in _FIXED:
        return _FIXED[path], ""
    parts = path.split("/")
    if parts[:3] == ["", "v1", "playlists"] and len(parts) in (4, 5):
        rest = parts[4] if len(parts) == 5 else ""  # noqa: PLR2004 - /v1/playlists/ID/REST
        if (len(parts) == 4 or rest) and rest in _OF_PLAYLIST:  # noqa: PLR2004 - /v1/playlists/ID
            return _OF_PLAYLIST[rest], parts[3]
    raise refuse(404, "Service not found")


def _me(ask: Ask, _: str) -> HttpAnswer:
    return json_answer(200, render.me(ask.user, ask.app))


def _my_playlists(ask: Ask, _: str) -> HttpAnswer:
    window = _window(ask.query, MAX_PAGE)
    if window.offset > MAX_LIBRARY_OFFSET:
        raise refuse(400, "Invalid offset")
    shown = [
        playlist for playlist in map(ask.scene.playlists.__getitem__, ask.user.library) if _is_listed(ask, playlist)
    ]
    texts = [_listed(ask, playlist) for playlist in window.of(shown)]
    return json_text(200, render.page(f"{ask.base}/v1/me/playlists", window, texts, total=len(shown)))


def _listed(ask: Ask, playlist: Playlist) -> str:
    version = playlist.as_of(ask.at - ask.exchange.read_lag)
    head = _head(ask, playlist, version)
    return render.listed(head, playlist.id, ask.app, ask.base, total=len(version.entries))


def _is_listed(ask: Ask, playlist: Playlist) -> bool:
    if playlist.id.startswith(SPOTIFY_MADE) and not ask.app.reads_spotify_made:
        return False
    shared = playlist.collaborative or (playlist.owner != ask.user.id and ask.user.id in playlist.collaborators)
    if shared and "playlist-read-collaborative" not in ask.token.scopes:
        return False
    return playlist.public or "playlist-read-private" in ask.token.scopes


def _my_tracks(ask: Ask, _: str) -> HttpAnswer:
    _need(ask, "user-library-read")
    window = _window(ask.query, MAX_PAGE)
    liked = ask.user.liked
    seen = render.view(ask.app, episodes=False, market="market" in ask.query)
    texts = [render.saved_track(entry, seen) for entry in window.of(liked)]
    extra = _carried(ask.query, "market")
    return json_text(200, render.page(f"{ask.base}/v1/me/tracks", window, texts, total=len(liked), extra=extra))


def _playlist(ask: Ask, key: str) -> HttpAnswer:
    """Answer the head, with the first page in it where the items may be read (contract §2.1)."""
    found = _find(ask, key)
    if not found.public:
        _need(ask, "playlist-read-private")
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
    _need(ask, "playlist-read-private")
    if not _is_readable(ask, found):
        raise refuse(403, "Forbidden")
    window = _window(ask.query, most)
    version = found.as_of(ask.at - ask.exchange.read_lag)
    return json_text(200, _page(ask, key, version.entries, window, _fields(ask.query)))


def _page(ask: Ask, key: str, entries: tuple[Entry, ...], window: Window, fields: Fields) -> str:
    episodes = "episode" in ask.query.get("additional_types", "").split(",")
    seen = render.view(ask.app, episodes=episodes, market="market" in ask.query)
    inner = fields.under("items")
    texts = (render.entry(entry, seen, inner) for entry in window.of(entries))
    extra = _carried(ask.query, "additional_types", "fields", "market")
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
        body = _object(ask, otherwise="No uris provided")
        return _strings(body.get("uris", [])), body.get("position")
    position = ask.query.get("position")
    place = int(position) if position is not None and _NUMBER.fullmatch(position) else position
    return ask.query["uris"].split(",") if ask.query["uris"] else [], place


def _put(ask: Ask, key: str) -> HttpAnswer:
    """Replace everything, or move a range; one of the two."""
    playlist = _writable(ask, key)
    if "uris" in ask.query:
        body: Mapping[str, Any] = {"uris": _uris_and_position(ask)[0]}
    else:
        body = _object(ask, otherwise="No uris provided")
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
    wanted = _object(ask, otherwise=f"Missing {name}").get(name)
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
    body = _object(ask, otherwise="Missing required field: name")
    name, description = body.get("name"), body.get("description", "")
    public, collaborative = body.get("public", True), body.get("collaborative", False)
    if not isinstance(name, str) or not name:
        raise refuse(400, "Missing required field: name")
    if type(public) is not bool or type(collaborative) is not bool or not isinstance(description, str):
        raise refuse(400, "Error parsing JSON.")
    if collaborative and public:
        raise refuse(400, "Collaborative playlists can only be private")
    if public or collaborative:
        _need(ask, "playlist-modify-public")
    if not public:
        _need(ask, "playlist-modify-private")
    made = ask.scene.create(ask.user.id, name, public=public, collaborative=collaborative, description=description)
    ask.exchange.call.applied = True
    head = render.head(made, ask.user, made.snapshot_id)
    nested = json.loads(_nested(ask, made.id, (), ALL))
    return json_answer(201, head | {name: nested for name, _ in ask.app.entry_keys})


def _forget(ask: Ask, _: str) -> HttpAnswer:
    """Take playlists and tracks out of the library; a playlist lives on without its place there."""
    for scope in ("user-library-modify", "user-follow-modify", "playlist-modify-public"):
        _need(ask, scope)
    uris = ask.query.get("uris", "").split(",")
    if len(uris) > MAX_LIBRARY_URIS:
        raise refuse(400, "Too many uris")
    if not all(_LIBRARY.fullmatch(uri) for uri in uris):
        raise refuse(400, "Invalid uris")
    gone = set(uris)
    ask.user.library[:] = [key for key in ask.user.library if f"spotify:playlist:{key}" not in gone]
    ask.user.liked[:] = [entry for entry in ask.user.liked if entry.uri not in gone]
    ask.exchange.call.applied = True
    return HttpAnswer(status=200)


def _old(endpoint: Endpoint) -> Endpoint:
    """Return *endpoint* for the paths that new apps have lost."""

    def checked(ask: Ask, key: str) -> HttpAnswer:
        if ask.app.mode == "new":
            raise refuse(403, "Forbidden")
        return endpoint(ask, key)

    return checked


_FIXED: Final[Mapping[str, Mapping[str, Endpoint]]] = {
    "/v1/me": {"GET": _me},
    "/v1/me/": {"GET": _me},  # what spotipy asks for (contract §7.1)
    "/v1/me/playlists": {"GET": _my_playlists, "POST": _create},
    "/v1/me/tracks": {"GET": _my_tracks},
    "/v1/me/library": {"DELETE": _forget},
}
_OF_PLAYLIST: Final[Mapping[str, Mapping[str, Endpoint]]] = {
    "": {"GET": _playlist},
    "items": {"GET": _items, "POST": _add, "PUT": _put, "DELETE": _delete},
    "tracks": {"GET": _old(_old_items), "POST": _old(_add), "PUT": _old(_put), "DELETE": _old(_delete)},
}


def _need(ask: Ask, scope: str) -> None:
    if scope not in ask.token.scopes:
        raise refuse(403, "Insufficient client scope")


def _find(ask: Ask, key: str, *, items: bool = False) -> Playlist:
    """Return a playlist this app and user may know of."""
    if key.startswith(SPOTIFY_MADE) and not ask.app.reads_spotify_made:
        if items and ask.scene.spotify_made_items == 403:  # noqa: PLR2004 - a status
            raise refuse(403, "Forbidden")
        raise refuse(404, "Resource not found")
    found = ask.scene.playlists.get(key)
    if found is None or (found.private and not found.belongs_to(ask.user.id)):
        raise refuse(404, "Resource not found")
    return found


def _is_readable(ask: Ask, playlist: Playlist) -> bool:
    if playlist.id.startswith(SPOTIFY_MADE):
        return True  # an app without the privilege does not come this far
    return playlist.belongs_to(ask.user.id) or ask.app.sees_foreign


def _writable(ask: Ask, key: str) -> Playlist:
    found = _find(ask, key, items=True)
    _need(ask, "playlist-modify-public" if found.public and not found.collaborative else "playlist-modify-private")
    if not found.belongs_to(ask.user.id):
        raise refuse(403, "Forbidden")
    return found


def _window(query: Mapping[str, str], most: int) -> Window:
    limit, offset = query.get("limit", "20"), query.get("offset", "0")
    if not (_NUMBER.fullmatch(limit) and 1 <= int(limit) <= most):
        raise refuse(400, "Invalid limit")
    if not _NUMBER.fullmatch(offset):
        raise refuse(400, "Invalid offset")
    return Window(int(limit), int(offset))


def _fields(query: Mapping[str, str]) -> Fields:
    try:
        return parse(query.get("fields", ""))
    except BadFields:
        raise refuse(400, "Invalid fields parameter") from None


def _carried(query: Mapping[str, str], *names: str) -> str:
    """Return the parameters that a link to the next page repeats."""
    return "".join(f"&{name}={quote(query[name], safe=',().')}" for name in names if name in query)


def _object(ask: Ask, *, otherwise: str) -> Mapping[str, Any]:
    try:
        body = json.loads(ask.exchange.request.body)
    except (ValueError, RecursionError):
        raise refuse(400, "Error parsing JSON.") from None
    if not isinstance(body, dict):
        raise refuse(400, otherwise)
    return body


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
