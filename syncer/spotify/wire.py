"""One HTTP exchange, bounded in time and size: no redirect, no retry, no environment, no ``.netrc``."""

import http.client
import io
import socket
import ssl
from collections.abc import Callable, Mapping
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Any, Final

import requests
import urllib3
from requests.adapters import BaseAdapter, HTTPAdapter
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool

MAX_BODY: Final = 2 * 1024 * 1024
"""Bytes of an answer, unpacked; a page of 50 entries has some 100 KiB."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """Seconds that an exchange may take (fault model §3)."""

    connect: float = 5
    read: float = 15
    send: float = 30
    whole: float = 45


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """What came back. ``body`` is None where it was cut, too long, or not packed as it says."""

    status: int
    headers: Mapping[str, str] = field(repr=False)
    body: bytes | None = field(repr=False)


class NeverSent(Exception):
    """Nothing left this machine. ``certificate``: the other side could not prove who it is."""

    def __init__(self, *, certificate: bool = False) -> None:
        self.certificate = certificate
        super().__init__("not sent")


class Lost(Exception):
    """The request went out, at least in part, and no answer came back: it may have been carried out or not."""


@dataclass(slots=True, kw_only=True)
class Guard:
    """Watches one exchange: when it must end, and whether its first byte has left."""

    ends: float
    monotonic: Callable[[], float]
    sent: bool = False


GUARD: ContextVar[Guard] = ContextVar("GUARD")
"""The guard of the exchange under way; connections are made deep inside urllib3 and find it here."""


class Wire:
    """Sends requests to the hosts it is told, and to no other."""

    def __init__(
        self,
        *,
        monotonic: Callable[[], float],
        proxy: str | None = None,
        ca_bundle: str | None = None,
        limits: Limits | None = None,
        adapter: BaseAdapter | None = None,
    ) -> None:
        """*adapter* stands in for the network in tests; it sets ``GUARD.get().sent`` when it takes a request."""
        self.limits = limits or Limits()
        self._monotonic = monotonic
        self._proxies = {"http": proxy, "https": proxy} if proxy else {}
        self._verify: str | bool = ca_bundle or True
        self._adapter = adapter or _GuardedAdapter()

    def exchange(self, request: requests.Request) -> Reply:
        """Send *request* once, a POST over a connection of its own; NeverSent or Lost if no status line came back."""
        prepared = request.prepare()  # what is wrong with it is not the network's fault: no NeverSent
        writing = request.method != "GET"
        if writing:
            self.hang_up()
        guard = Guard(ends=self._monotonic() + self.limits.whole, monotonic=self._monotonic)
        token = GUARD.set(guard)
        try:
            return self._send(prepared, self.limits.send if writing else self.limits.read)
        except (requests.RequestException, urllib3.exceptions.HTTPError, http.client.HTTPException, OSError) as error:
            if guard.sent:
                raise Lost from None
            raise NeverSent(certificate=_is_mistrust(error)) from None
        finally:
            GUARD.reset(token)

    def hang_up(self) -> None:
        """Close the connections that are kept for the next request."""
        self._adapter.close()

    def _send(self, request: requests.PreparedRequest, read: float) -> Reply:
        response = self._adapter.send(
            request,
            stream=True,
            timeout=(self.limits.connect, read),
            verify=self._verify,
            proxies=self._proxies,
        )
        try:
            body = response.raw.read(MAX_BODY + 1, decode_content=True)
        except (urllib3.exceptions.HTTPError, http.client.HTTPException, OSError):
            body = None
        response.close()  # with the connection, where something of the answer is left in it
        return Reply(
            status=response.status_code,
            headers=response.headers,
            body=body if body is not None and len(body) <= MAX_BODY else None,
        )


def _is_mistrust(error: BaseException | None) -> bool:
    """Whether *error* came of a certificate, whatever the libraries have wrapped it in."""
    while error is not None and not isinstance(error, ssl.SSLCertVerificationError):
        error = error.__context__
    return error is not None


class _Timed(io.RawIOBase):
    """Reads a socket until the guard says that the whole exchange has taken long enough."""

    def __init__(self, sock: socket.socket, guard: Guard) -> None:
        self._sock, self._guard = sock, guard
        self._timeout = sock.gettimeout()
        self._raw = sock.makefile("rb", buffering=0)

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int | None:
        left = self._guard.ends - self._guard.monotonic()
        if left <= 0:
            raise TimeoutError("the whole exchange took too long")
        self._sock.settimeout(left if self._timeout is None else min(left, self._timeout))
        return self._raw.readinto(buffer)

    def close(self) -> None:
        self._raw.close()
        super().close()


class _TimedSocket:
    """What http.client asks of a socket to read an answer."""

    def __init__(self, sock: socket.socket, guard: Guard) -> None:
        self._sock, self._guard = sock, guard

    def makefile(self, _mode: str) -> io.BufferedReader:
        return io.BufferedReader(_Timed(self._sock, self._guard))


def timed_response(sock: socket.socket, *args: Any, **options: Any) -> http.client.HTTPResponse:
    """Return the answer that is about to come from *sock*, read under the guard of the exchange under way."""
    return http.client.HTTPResponse(_TimedSocket(sock, GUARD.get()), *args, **options)  # type: ignore[arg-type] # makefile is all it uses


class _Guarded(HTTPConnection):
    # Called, nothing else; also for what a proxy answers to CONNECT.
    response_class = staticmethod(timed_response)  # type: ignore[assignment] # a function will do

    def connect(self) -> None:
        try:
            super().connect()
        finally:
            GUARD.get().sent = False  # what a tunnel through a proxy needed was not the request

    def send(self, data: Any) -> None:
        if self.sock is None:
            self.connect()
        GUARD.get().sent = True
        super().send(data)


class _GuardedTls(_Guarded, HTTPSConnection):
    pass


class _Pool(HTTPConnectionPool):
    ConnectionCls = _Guarded


class _TlsPool(HTTPSConnectionPool):
    ConnectionCls = _GuardedTls


_POOLS: Final = {"http": _Pool, "https": _TlsPool}


class _GuardedAdapter(HTTPAdapter):
    def init_poolmanager(self, *args: Any, **options: Any) -> None:
        super().init_poolmanager(*args, **options)
        self.poolmanager.pool_classes_by_scheme = _POOLS

    def proxy_manager_for(self, *args: Any, **options: Any) -> Any:
        manager = super().proxy_manager_for(*args, **options)
        manager.pool_classes_by_scheme = _POOLS
        return manager
