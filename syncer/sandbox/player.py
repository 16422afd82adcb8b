"""What someone plays and has played, and the commands that change it (contract §1.5, §3.4)."""

import json
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from syncer.sandbox import render_music, render_player
from syncer.sandbox.ask import NUMBER, Ask, Endpoint, carried, need, window_of
from syncer.sandbox.exchange import HttpAnswer, Refused, dumps, json_answer, json_text, refuse
from syncer.sandbox.playing import Device, Play, Player, Repeat, can_play
from syncer.sandbox.scenery import Media

_CURSOR: Final = re.compile(r"[0-9]{1,16}", re.ASCII)
_CONTEXT: Final = re.compile(r"spotify:(?P<kind>[a-z]+):[A-Za-z0-9]{22}", re.ASCII)
_PLAYABLE: Final = re.compile(r"spotify:(?:track|episode):[A-Za-z0-9]{22}", re.ASCII)
_REPEATS: Final[Mapping[str, Repeat]] = {"off": "off", "track": "track", "context": "context"}
_CONTEXTS: Final = ("playlist", "album", "artist", "show")


def _recently_played(ask: Ask, _: str) -> HttpAnswer:
    """Answer the latest plays, newest first. Further back than the last 50 nothing is ever seen."""
    need(ask, "user-read-recently-played")
    limit = window_of(ask.query).limit
    after, before = _cursor(ask, "after"), _cursor(ask, "before")
    if after is not None and before is not None:
        raise refuse(400, "Only one of after and before may be given")
    player = _player(ask)
    fitting = [play for play in player.plays[-player.habits.visible_plays :] if _is_between(play, after, before)]
    oldest = after is not None and player.habits.after_shows == "oldest"
    shown = (fitting[:limit] if oldest else fitting[-limit:])[::-1]
    seen = render_music.view(ask.app)
    around = _around(ask, shown, limit, forward=after is not None)
    return json_text(200, f'{dumps(around)[:-1]},"items":{render_player.plays(shown, player, seen)}}}')


def _around(ask: Ask, shown: Sequence[Play], limit: int, *, forward: bool) -> dict[str, Any]:
    """Return what is around a page of plays; a full one has a next, whether there is anything in it or not."""
    extra = carried(ask.query, "after", "before")
    ends = {"after": str(shown[0].at_ms), "before": str(shown[-1].at_ms)} if shown else None
    towards = "after" if forward else "before"
    more = f"{ask.href}?{towards}={ends[towards]}&limit={limit}" if ends and len(shown) == limit else None
    return {"href": f"{ask.href}?limit={limit}{extra}", "limit": limit, "next": more, "cursors": ends}


def _cursor(ask: Ask, name: str) -> int | None:
    value = ask.query.get(name)
    if value is None:
        return None
    if not _CURSOR.fullmatch(value):
        raise refuse(400, f"Invalid {name}")
    return int(value)


def _is_between(play: Play, after: int | None, before: int | None) -> bool:
    return (after is None or play.at_ms > after) and (before is None or play.at_ms < before)


def _playback(ask: Ask, _: str) -> HttpAnswer:
    need(ask, "user-read-playback-state")
    player = _player(ask)
    if player.playing is None:
        return HttpAnswer(status=204)
    episodes = "episode" in ask.query.get("additional_types", "").split(",")
    seen = render_music.view(ask.app, episodes=episodes, market="market" in ask.query)
    return json_text(200, render_player.playback(player, player.playing, ask.at, seen))


def _queue(ask: Ask, _: str) -> HttpAnswer:
    need(ask, "user-read-currently-playing", "user-read-playback-state")
    return json_text(200, render_player.queue(_player(ask), render_music.view(ask.app, episodes=True)))


def _devices(ask: Ask, _: str) -> HttpAnswer:
    need(ask, "user-read-playback-state")
    return json_answer(200, {"devices": [render_player.device(each) for each in ask.user.player.devices]})


def _play(ask: Ask, _: str) -> HttpAnswer:
    """Start a context or some URIs, or go on with what is paused."""
    device = _commanded(ask)
    body = _command(ask)
    context, uris = body.get("context_uri"), body.get("uris")
    if context is not None and uris is not None:
        raise refuse(400, "Only one of context_uri and uris may be given")
    at_ms = body.get("position_ms")
    if at_ms is not None and (type(at_ms) is not int or at_ms < 0):
        raise refuse(400, "Invalid position_ms")
    if context is None and uris is None:
        return _resume(ask, device, at_ms)
    held = _context(ask, context) if uris is None else _items(ask, uris)
    if "offset" in body and isinstance(context, str) and context.startswith("spotify:artist:"):
        raise refuse(400, "Can't have offset for context type: ARTIST")
    place = _place(ask, body.get("offset"), held)
    if place is None:
        return HttpAnswer(status=204)
    if not any(map(can_play, held[place:])):
        raise _violated()
    player = ask.user.player
    return _do(ask, lambda at: player.start(device, held, place, at, context=context, at_ms=at_ms or 0))


def _resume(ask: Ask, device: Device, at_ms: int | None) -> HttpAnswer:
    player = _player(ask)
    now = player.playing
    if now is None or (now.since is not None and now.device is device and player.habits.refuses_needless):
        raise _violated()
    return _do(ask, lambda at: player.resume(device, at, at_ms=at_ms))


def _context(ask: Ask, uri: Any) -> Sequence[Media | None]:
    """Return what a context holds. Those that Spotify made can be played, though not read (contract §1.4)."""
    fits = _CONTEXT.fullmatch(uri) if isinstance(uri, str) else None
    if fits is None:
        raise refuse(400, "Invalid context uri")
    if fits["kind"] not in _CONTEXTS:
        raise refuse(400, "Non supported context uri")
    held = ask.scene.contents(uri)
    playlist = ask.scene.playlists.get(uri.rsplit(":", 1)[1])
    if held is None or (playlist and playlist.private and not playlist.belongs_to(ask.user.id)):
        raise refuse(404, "Resource not found")
    return held


def _items(ask: Ask, uris: Any) -> Sequence[Media]:
    if not isinstance(uris, list) or not uris:
        raise refuse(400, "Malformed json")
    for uri in uris:
        if not isinstance(uri, str) or not _PLAYABLE.fullmatch(uri):
            raise refuse(400, f"Invalid track uri: {uri}")
    return [ask.scene.media(uri) for uri in uris]


def _place(ask: Ask, offset: Any, held: Sequence[Media | None]) -> int | None:
    """Return where to begin; None if nothing is to happen."""
    if offset is None:
        return 0
    if not isinstance(offset, dict):
        raise refuse(400, "Malformed json")
    position, uri = offset.get("position"), offset.get("uri")
    if position is None and uri is None:
        raise refuse(400, 'At least one of "uri" or "position" should be specified')
    if uri is not None:
        uris = [media.uri if media else None for media in held]
        return uris.index(uri) if uri in uris else _outside(ask)
    if type(position) is not int or position < 0:
        raise refuse(400, "Invalid offset position")
    return position if position < len(held) else _outside(ask)


def _outside(ask: Ask) -> int | None:
    """Begin where the context has nothing, as it is set."""
    match ask.scene.habits.offset_outside:
        case "start":
            return 0
        case "nothing":
            return None
        case int(status):
            raise refuse(status, {404: "Resource not found", 400: "position out of range"}.get(status, "Server error."))


def _pause(ask: Ask, _: str) -> HttpAnswer:
    device = _commanded(ask)
    player = _player(ask)
    now = player.playing
    if now is None or now.since is None or now.device is not device:
        if player.habits.refuses_needless:
            raise _violated()
        return HttpAnswer(status=204)
    return _do(ask, player.pause)


def _volume(ask: Ask, _: str) -> HttpAnswer:
    device = _commanded(ask)
    value = ask.query.get("volume_percent", "")
    if not NUMBER.fullmatch(value) or int(value) > 100:  # noqa: PLR2004 - percent
        raise refuse(400, "Invalid volume_percent")
    if not device.supports_volume:
        message = "Player command failed: Cannot control device volume"
        raise refuse(403, message, reason="VOLUME_CONTROL_DISALLOW")
    return _do(ask, lambda _at: setattr(device, "volume_percent", int(value)))


def _shuffle(ask: Ask, _: str) -> HttpAnswer:
    _commanded(ask)
    state = ask.query.get("state")
    if state not in ("true", "false"):
        raise refuse(400, "Invalid state")
    player = ask.user.player
    return _do(ask, lambda at: player.set_shuffle(at, on=state == "true"))


def _repeat(ask: Ask, _: str) -> HttpAnswer:
    _commanded(ask)
    mode = _REPEATS.get(ask.query.get("state", ""))
    if mode is None:
        raise refuse(400, "Invalid state")
    player = ask.user.player
    return _do(ask, lambda at: player.set_repeat(at, mode))


def _commanded(ask: Ask) -> Device:
    """Return the device that a command is for, if it may have one at all."""
    need(ask, "user-modify-playback-state")
    if not ask.user.premium:
        raise refuse(403, "Player command failed: Premium required", reason="PREMIUM_REQUIRED")
    player = _player(ask)
    wanted = ask.query.get("device_id")
    if wanted is None:
        device = player.active
        if device is None:
            raise refuse(404, "Player command failed: No active device found", reason="NO_ACTIVE_DEVICE")
    else:
        device = next((each for each in player.devices if each.id == wanted), None)
        if device is None:
            raise refuse(404, "Device not found")
    if device.is_restricted:
        raise refuse(403, "Player command failed: Restricted device", reason="UNKNOWN")
    return device


def _command(ask: Ask) -> Mapping[str, Any]:
    """Return the body of a command, which need not have one."""
    if not ask.exchange.request.body:
        return {}
    try:
        body = json.loads(ask.exchange.request.body)
    except (ValueError, RecursionError):
        body = None
    if not isinstance(body, dict):
        raise refuse(400, "Malformed json")
    return body


def _violated() -> Refused:
    return refuse(403, "Player command failed: Restriction violated", reason="UNKNOWN")


def _do(ask: Ask, action: Callable[[float], object]) -> HttpAnswer:
    """Carry out a command, now or as late as it takes effect."""
    ask.exchange.call.applied = True
    delay = ask.scene.habits.delay
    if delay:
        ask.scene.later(ask.at + delay, action)
    else:
        action(ask.at)
    return HttpAnswer(status=204)


def _player(ask: Ask) -> Player:
    """Return who plays what by now."""
    ask.user.player.catch_up(ask.at)
    return ask.user.player


FIXED: Final[Mapping[str, Mapping[str, Endpoint]]] = {
    "/v1/me/player": {"GET": _playback},
    "/v1/me/player/devices": {"GET": _devices},
    "/v1/me/player/queue": {"GET": _queue},
    "/v1/me/player/recently-played": {"GET": _recently_played},
    "/v1/me/player/play": {"PUT": _play},
    "/v1/me/player/pause": {"PUT": _pause},
    "/v1/me/player/volume": {"PUT": _volume},
    "/v1/me/player/shuffle": {"PUT": _shuffle},
    "/v1/me/player/repeat": {"PUT": _repeat},
}
