"""Access tokens: the stored one while it is good, else a new one, written back before anything else happens."""

import logging
import math
from base64 import b64encode
from dataclasses import dataclass, field, replace
from datetime import date
from http import HTTPStatus
from threading import Lock
from typing import Any, Final

import requests

from syncer.budget import Budget
from syncer.credentials import keep
from syncer.errors import ClientRefused, SignInNeeded, SyncError, Temporary
from syncer.ports import Clock, Credentials, CredentialStore, Stored
from syncer.spotify.transport import Caller, Means, Served
from syncer.spotify.wire import Wire

log = logging.getLogger(__name__)

GOOD_FOR: Final = 60.0
"""Seconds that a stored access token must still last to be used (interface §4)."""
SHORTEST_LIFE, LONGEST_LIFE = 60.0, 3600.0
SAVE_REQUESTS: Final = 3
"""What a save into the slowest of stores takes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Granted:
    """What the token endpoint gave. ``refresh_token`` and ``scope`` are None where it left them out."""

    access_token: str = field(repr=False)
    lasts: float
    refresh_token: str | None = field(default=None, repr=False)
    scope: str | None = None


class InvalidGrant(Exception):
    """The refresh token or the code is not good, or not any more."""


class TokenEndpoint:
    """Spotify's accounts service (contract §3.1)."""

    def __init__(self, *, accounts_url: str, wire: Wire, caller: Caller) -> None:
        self._url = f"{accounts_url}/api/token"
        self._wire = wire
        self._caller = caller

    def refresh(self, account: str, credentials: Credentials) -> Granted:
        """Return a new access token; InvalidGrant, ClientRefused or Temporary if there is none."""
        form = {"grant_type": "refresh_token", "refresh_token": credentials.refresh_token}
        return self._grant(account, credentials.client_id, credentials.client_secret, form)

    def exchange(
        self, account: str, *, client_id: str, client_secret: str | None, code: str, verifier: str, redirect_uri: str
    ) -> Granted:
        """Return what the consent behind *code* gives; raises like :meth:`refresh`. A code is good for one exchange."""
        form = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": redirect_uri,
            "code_verifier": verifier,
        }
        return self._grant(account, client_id, client_secret, form)

    def _grant(self, account: str, client_id: str, client_secret: str | None, form: dict[str, str]) -> Granted:
        headers = {"Content-Type": "application/x-www-form-urlencoded"}
        if client_secret is None:
            form = form | {"client_id": client_id}
        else:
            headers["Authorization"] = "Basic " + b64encode(f"{client_id}:{client_secret}".encode()).decode()
        request = requests.Request("POST", self._url, headers=headers, data=form)
        served = self._caller.call(Means.TOKEN, lambda: self._wire.exchange(request), _is_grant)
        if served.status >= HTTPStatus.BAD_REQUEST:
            raise _refusal(account, served)
        return _granted(served.document)


def _refusal(account: str, served: Served) -> Exception:
    error = served.document.get("error") if isinstance(served.document, dict) else None
    if error == "invalid_grant":
        return InvalidGrant()
    if error in ("invalid_client", "unauthorized_client"):
        return ClientRefused(account)
    return Temporary(f"Spotify's accounts service refused the request (it answered {served.status})")


def _is_grant(document: Any) -> bool:
    return isinstance(document, dict) and _is_token(document.get("access_token"))


def _is_token(value: Any) -> bool:
    """Whether *value* can stand in a header."""
    return isinstance(value, str) and value.isascii() and value.isprintable() and bool(value) and " " not in value


def _granted(document: dict[str, Any]) -> Granted:
    refresh, scope = document.get("refresh_token"), document.get("scope")
    return Granted(
        access_token=document["access_token"],
        lasts=_life(document.get("expires_in")),
        refresh_token=refresh if _is_token(refresh) else None,
        scope=scope if isinstance(scope, str) else None,
    )


def _life(value: Any) -> float:
    """Clamp ``expires_in``: what it cannot say is an hour (fault model T8)."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return LONGEST_LIFE
    return float(min(max(value, SHORTEST_LIFE), LONGEST_LIFE))


class Access:
    """The access token of one account during one run. Threads that need a new one together cause one refresh."""

    def __init__(
        self,
        account: str,
        stored: Stored,
        *,
        store: CredentialStore,
        tokens: TokenEndpoint,
        clock: Clock,
        budget: Budget,
        warnings: list[str],
    ) -> None:
        """*warnings* is where a person is told what could not be stored."""
        self.account = account
        self._stored = stored
        self._store = store
        self._tokens = tokens
        self._clock = clock
        self._budget = budget
        self._warnings = warnings
        self._fresh_until = -math.inf
        self._lock = Lock()

    @property
    def consented(self) -> date | None:
        """The day of the consent, if it was kept."""
        try:
            return date.fromisoformat((self._stored.credentials.authorized_at or "")[:10])
        except ValueError:
            return None

    def token(self) -> str:
        """Return the stored token if it is good for a minute, else a new one; what ends the account is raised."""
        with self._lock:
            return self._good() or self._refresh()

    def renewed(self, refused: str) -> str | None:
        """Return a token other than *refused*; None if *refused* came from Spotify in this very run."""
        with self._lock:
            current = self._stored.credentials.access_token
            if current and current != refused:  # another thread was refused it too, and was here before
                return current
            if self._clock.monotonic() < self._fresh_until:
                return None
            token = self._refresh()
            return token if token != refused else None

    def renew(self) -> None:
        """Have a token that came from Spotify in this very run; what ends the account is raised."""
        with self._lock:
            if self._clock.monotonic() >= self._fresh_until:
                self._refresh()

    def scope(self) -> frozenset[str] | None:
        """Return what was consented to; None if even a new token does not say."""
        with self._lock:
            if self._stored.credentials.scope is None and self._clock.monotonic() >= self._fresh_until:
                self._refresh()
            scope = self._stored.credentials.scope
        return None if scope is None else frozenset(scope.split())

    def _good(self) -> str | None:
        credentials = self._stored.credentials
        left = (credentials.expires_at or 0.0) - self._clock.now().timestamp()
        # More than an hour left: the clock ran ahead when it was stored, or runs behind now.
        if GOOD_FOR <= left <= LONGEST_LIFE + GOOD_FOR or self._clock.monotonic() < self._fresh_until:
            return credentials.access_token
        return None

    def _refresh(self) -> str:
        granted = self._granted()
        now = self._clock.now().timestamp()
        self._fresh_until = self._clock.monotonic() + granted.lasts - GOOD_FOR / 2

        def change(old: Credentials) -> Credentials:
            return replace(
                old,
                access_token=granted.access_token,
                expires_at=now + granted.lasts,
                refresh_token=granted.refresh_token or old.refresh_token,
                scope=granted.scope or old.scope,
            )

        try:
            self._budget.allow(SAVE_REQUESTS * self._store.slowest)
            self._stored = keep(self._store, self._stored, change)
        except SyncError as error:
            self._stored = replace(self._stored, credentials=change(self._stored.credentials))
            self._warn(error, rotated=granted.refresh_token is not None)
        return self._stored.credentials.access_token or granted.access_token

    def _granted(self) -> Granted:
        """Ask for a token; if the sign-in is refused, look once whether someone has stored a newer one."""
        try:
            return self._tokens.refresh(self.account, self._stored.credentials)
        except InvalidGrant:
            used = self._stored.credentials.refresh_token
            self._budget.allow(self._store.slowest)
            self._stored = self._store.load()
        if self._stored.credentials.refresh_token == used:
            raise self._sign_in_needed()
        try:
            return self._tokens.refresh(self.account, self._stored.credentials)
        except InvalidGrant:
            raise self._sign_in_needed() from None

    def _sign_in_needed(self) -> SignInNeeded:
        return SignInNeeded(self.account, login_option=self._store.login_option)

    def _warn(self, error: SyncError, *, rotated: bool) -> None:
        what = "the new sign-in" if rotated else "the new access token"
        self._warnings.append(f"{what} of account {self.account!r} could not be stored: {error}; {error.hint}")
        log.warning("credentials not stored", extra={"account": self.account})
