"""The Web API: who may ask, and which endpoint answers (contract §2, §4)."""

from collections.abc import Mapping
from typing import Final

from syncer.sandbox import catalogue, library, player, playlists
from syncer.sandbox.ask import Ask, Endpoint, Exchange
from syncer.sandbox.exchange import HttpAnswer, Refused, refuse, text_answer
from syncer.sandbox.scene import Scene

NO_PREMIUM: Final = "Active premium subscription required for the owner of the app."
NOT_ALLOWED: Final = "User not registered in the Developer Dashboard"
BAD_TOKEN: Final = "Missing/invalid/expired access token"  # noqa: S105 - what the API says, not a token
NO_TOKEN: Final = "Access token missing"  # noqa: S105 - what the API says, not a token

_FIXED: Final = {**library.FIXED, **playlists.FIXED, **catalogue.FIXED, **player.FIXED}
_OF: Final = {"playlists": playlists.OF_PLAYLIST, **catalogue.OF}


def answer(scene: Scene, exchange: Exchange) -> HttpAnswer:
    """Carry out a request to the Web API."""
    try:
        ask = _admit(scene, exchange)
        methods, key = _route(exchange.request.path)
        endpoint = methods.get(exchange.request.method)
        if endpoint is None:
            raise refuse(405, "Method not allowed", headers={"Allow": ", ".join(methods)})
        return endpoint(ask, key)
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
    """Return what a path offers, and the id in it."""
    if path in _FIXED:
        return _FIXED[path], ""
    parts = path.split("/", 4)
    if len(parts) > 3 and parts[1] == "v1" and parts[2] in _OF:  # noqa: PLR2004 - /v1/KIND/ID
        rest = parts[4] if len(parts) == 5 else None  # noqa: PLR2004 - /v1/KIND/ID/REST
        if rest in _OF[parts[2]]:
            return _OF[parts[2]][rest], parts[3]
    raise refuse(404, "Service not found")
