"""The accounts service: consent in a browser, and tokens for it (contract §3)."""

import base64
import binascii
import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final, NoReturn
from urllib.parse import urlencode, urlsplit

from syncer.sandbox import pages
from syncer.sandbox.ask import Exchange
from syncer.sandbox.exchange import HttpAnswer, HttpRequest, Refused, json_answer, text_answer
from syncer.sandbox.scene import Scene
from syncer.sandbox.things import SCOPES, App, SignIn

CODE_LIFE: Final = 600.0
ACCESS_LIFE: Final = 3600

_LOOPBACK: Final = ("127.0.0.1", "::1")
_CHALLENGE: Final = re.compile(r"[A-Za-z0-9_-]{43}", re.ASCII)
_VERIFIER: Final = re.compile(r"[A-Za-z0-9._~-]{43,128}", re.ASCII)
_ASKED: Final = (
    "client_id",
    "response_type",
    "redirect_uri",
    "scope",
    "state",
    "code_challenge",
    "code_challenge_method",
    "show_dialog",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Code:
    """An authorisation code, good for one exchange."""

    value: str = field(repr=False)
    client_id: str
    user: str
    scopes: frozenset[str]
    redirect_uri: str
    challenge: str | None
    made_at: float


class Accounts:
    """The service over one scene. It remembers the codes that are not exchanged yet."""

    def __init__(self, scene: Scene) -> None:
        self._scene = scene
        self._codes: dict[str, Code] = {}

    def answer(self, exchange: Exchange) -> HttpAnswer:
        """Carry out a request to the accounts service."""
        endpoints = {
            ("GET", "/authorize"): self._ask,
            ("POST", "/authorize"): self._decide,
            ("POST", "/api/token"): self._token,
        }
        request = exchange.request
        endpoint = endpoints.get((request.method, request.path))
        if endpoint is None:
            known = request.path in ("/authorize", "/api/token")
            return text_answer(405 if known else 404, "Method Not Allowed" if known else "Not Found")
        try:
            return endpoint(exchange)
        except Refused as refused:
            return refused.answer

    def _ask(self, exchange: Exchange) -> HttpAnswer:
        asked = exchange.request.parameters()
        app, scopes = self._checked(asked)
        sent = {name: value for name, value in asked.items() if name in _ASKED}
        page = pages.consent(app.name, self._scene.me.name, scopes, sent)
        return text_answer(200, page, "text/html", pages.HEADERS)

    def _decide(self, exchange: Exchange) -> HttpAnswer:
        asked = exchange.request.form()
        app, scopes = self._checked(asked)
        state = {"state": asked["state"]} if "state" in asked else {}
        if asked.get("answer") != "agree":
            return _redirect(asked["redirect_uri"], {"error": "access_denied"} | state)
        code = Code(
            value=self._scene.secret("AC"),
            client_id=app.client_id,
            user=self._scene.me.id,
            scopes=scopes,
            redirect_uri=asked["redirect_uri"],
            challenge=asked.get("code_challenge"),
            made_at=exchange.at,
        )
        self._codes[code.value] = code
        return _redirect(code.redirect_uri, {"code": code.value} | state)

    def _checked(self, asked: Mapping[str, str]) -> tuple[App, frozenset[str]]:
        """Return who asks for what; a request that is wrong gets a page, never a redirect."""
        app = self._scene.apps.get(asked.get("client_id", ""))
        if app is None:
            _turn_away("INVALID_CLIENT: Invalid client")
        if not is_registered(asked.get("redirect_uri", ""), app.redirect_uris):
            _turn_away("INVALID_CLIENT: Invalid redirect URI")
        if asked.get("response_type") != "code":
            _turn_away("response_type must be code")
        scopes = frozenset(asked.get("scope", "").split())
        if not scopes <= SCOPES:
            _turn_away("INVALID_SCOPE: Invalid scope")
        if "code_challenge" in asked or "code_challenge_method" in asked:
            if asked.get("code_challenge_method") != "S256":
                _turn_away("code_challenge_method must be S256")
            if not _CHALLENGE.fullmatch(asked.get("code_challenge", "")):
                _turn_away("Invalid code_challenge")
        return app, scopes

    def _token(self, exchange: Exchange) -> HttpAnswer:
        request = exchange.request
        if request.headers.get("content-type", "").partition(";")[0] != "application/x-www-form-urlencoded":
            raise _error("invalid_request", "Content-Type must be application/x-www-form-urlencoded")
        form = request.form()
        app, proven = self._client(request, form)
        match form.get("grant_type"):
            case "authorization_code":
                sign_in = self._exchange(form, app, proven=proven, at=exchange.at)
                return self._granted(exchange, sign_in, sign_in.refresh_token)
            case "refresh_token":
                sign_in = self._refreshed(form, app, proven=proven, at=exchange.at)
                return self._granted(exchange, sign_in, self._rotated(exchange, sign_in))
            case None:
                raise _error("unsupported_grant_type", "grant_type parameter is missing")
            case _:
                raise _error("unsupported_grant_type", "grant_type is not supported")

    def _client(self, request: HttpRequest, form: Mapping[str, str]) -> tuple[App, bool]:
        """Return the app that asks, and whether it proved itself with its secret."""
        kind, _, value = request.headers.get("authorization", "").partition(" ")
        if not kind:
            if "client_id" not in form:
                raise _error("invalid_client")
            app = self._scene.apps.get(form["client_id"])
            if app is None:
                raise _error("invalid_client", "Invalid client")
            return app, False
        try:
            client_id, _, secret = base64.b64decode(value, validate=True).decode().partition(":")
        except (binascii.Error, UnicodeDecodeError):
            raise _error("invalid_client", "Invalid client") from None
        app = self._scene.apps.get(client_id)
        if kind.lower() != "basic" or app is None:
            raise _error("invalid_client", "Invalid client")
        if secret != app.client_secret:
            raise _error("invalid_client", "Invalid client secret")
        return app, True

    def _exchange(self, form: Mapping[str, str], app: App, *, proven: bool, at: float) -> SignIn:
        """Turn a code into a sign-in; whatever comes of it, the code is spent."""
        code = self._codes.pop(form.get("code", ""), None)
        if code is None or code.client_id != app.client_id:
            raise _error("invalid_grant", "Invalid authorization code")
        if at >= code.made_at + CODE_LIFE:
            raise _error("invalid_grant", "Authorization code expired")
        if form.get("redirect_uri") != code.redirect_uri:
            raise _error("invalid_grant", "Invalid redirect URI")
        if code.challenge is None:
            if not proven:
                raise _error("invalid_client", "Invalid client")
        elif not _answers(form.get("code_verifier", ""), code.challenge):
            raise _error("invalid_grant", "code_verifier was incorrect")
        return self._scene.sign_in(
            self._scene.users[code.user], app=app, scopes=code.scopes, at=at, pkce=code.challenge is not None
        )

    def _refreshed(self, form: Mapping[str, str], app: App, *, proven: bool, at: float) -> SignIn:
        sign_in = self._scene.sign_ins.get(form.get("refresh_token", ""))
        if sign_in is None or sign_in.client_id != app.client_id:
            raise _error("invalid_grant", "Invalid refresh token")
        if not (proven or sign_in.pkce):
            raise _error("invalid_client", "Invalid client")
        if sign_in.revoked:
            raise _error("invalid_grant", "Refresh token revoked")
        if at >= sign_in.ends_at:
            raise _error("invalid_grant", "Refresh token expired")
        return sign_in

    def _rotated(self, exchange: Exchange, sign_in: SignIn) -> str | None:
        """Return the new refresh token that a refresh brings: none, unless a fault says so."""
        if not exchange.rotate:
            return None
        sign_in.revoked = exchange.revoke
        fresh = self._scene.sign_in(
            self._scene.users[sign_in.user],
            app=self._scene.apps[sign_in.client_id],
            scopes=sign_in.scopes,
            at=sign_in.consented_at,  # a new token does not make the consent younger
            pkce=sign_in.pkce,
        )
        return fresh.refresh_token

    def _granted(self, exchange: Exchange, sign_in: SignIn, refresh_token: str | None) -> HttpAnswer:
        exchange.call.user, exchange.call.applied = sign_in.user, True
        body: dict[str, Any] = {
            "access_token": self._scene.access_token(sign_in, life=ACCESS_LIFE, at=exchange.at),
            "token_type": "Bearer",
            "expires_in": ACCESS_LIFE,
            "scope": " ".join(sorted(sign_in.scopes)),
        }
        if refresh_token is not None:
            body["refresh_token"] = refresh_token
        return json_answer(200, body, {"Cache-Control": "no-store"})


def is_registered(uri: str, registered: tuple[str, ...]) -> bool:
    """Whether *uri* may be redirected to (contract §3.3)."""
    try:
        parts = urlsplit(uri)
        port = parts.port
    except ValueError:
        return False
    if parts.scheme == "http":
        if parts.hostname not in _LOOPBACK or "-" in parts.path:
            return False
        host, rest = parts.netloc, uri.removeprefix(f"http://{parts.netloc}")
        if port is not None and f"http://{host.removesuffix(f':{port}')}{rest}" in registered:
            return True
    elif parts.scheme != "https" or parts.hostname == "localhost":
        return False
    return uri in registered


def _answers(verifier: str, challenge: str) -> bool:
    digest = hashlib.sha256(verifier.encode()).digest()
    right = base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
    return _VERIFIER.fullmatch(verifier) is not None and right == challenge


def _redirect(uri: str, answer: Mapping[str, str]) -> HttpAnswer:
    location = f"{uri}{'&' if '?' in uri else '?'}{urlencode(answer)}"
    return HttpAnswer(status=302, headers={"Location": location, "Cache-Control": "no-store"})


def _turn_away(message: str) -> NoReturn:
    raise Refused(text_answer(400, pages.refusal(message), "text/html", pages.HEADERS))


def _error(error: str, description: str | None = None) -> Refused:
    about = {"error_description": description} if description else {}
    return Refused(json_answer(400, {"error": error} | about))
