"""A request to the Web API whose sender is known, and what every endpoint needs to judge it."""

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import quote

from syncer.sandbox.exchange import HttpAnswer, HttpRequest, refuse
from syncer.sandbox.render import Window
from syncer.sandbox.scene import Scene
from syncer.sandbox.things import AccessToken, App, Call, User

MAX_PAGE: Final = 50
NUMBER: Final = re.compile(r"[0-9]{1,9}", re.ASCII)


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

    @property
    def href(self) -> str:
        """Return where this request went, for links in a page."""
        return self.base + self.exchange.request.path.rstrip("/")


Endpoint = Callable[[Ask, str], HttpAnswer]
"""Answers a request; it is told the id in the path, if there is one."""


def need(ask: Ask, *scopes: str) -> None:
    if not ask.token.scopes.issuperset(scopes):
        raise refuse(403, "Insufficient client scope")


def window_of(query: Mapping[str, str], most: int = MAX_PAGE, usual: int = 20) -> Window:
    """Return which part of a list *query* asks for: at most *most* entries, *usual* ones unless it says."""
    limit, offset = query.get("limit", str(usual)), query.get("offset", "0")
    if not (NUMBER.fullmatch(limit) and 1 <= int(limit) <= most):
        raise refuse(400, "Invalid limit")
    if not NUMBER.fullmatch(offset):
        raise refuse(400, "Invalid offset")
    return Window(int(limit), int(offset))


def carried(query: Mapping[str, str], *names: str) -> str:
    """Return the parameters that a link to the next page repeats."""
    return "".join(f"&{name}={quote(query[name], safe=',().')}" for name in names if name in query)


def body_of(ask: Ask, *, otherwise: str) -> Mapping[str, Any]:
    """Return the JSON object that was sent; *otherwise* is said where it is other JSON."""
    try:
        body = json.loads(ask.exchange.request.body)
    except (ValueError, RecursionError):
        raise refuse(400, "Error parsing JSON.") from None
    if not isinstance(body, dict):
        raise refuse(400, otherwise)
    return body
