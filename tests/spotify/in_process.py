"""The network as a function call: what a World answers reaches the Wire byte by byte, and time is that of a fake clock.

Only the socket is made up. The bytes are parsed by http.client and urllib3 under the guard of the Wire, as they are
when they come over the network; tests/spotify/test_in_process.py compares the two.
"""

import io
from collections.abc import Mapping
from typing import Any, cast

import requests
import urllib3
from requests.adapters import BaseAdapter, HTTPAdapter

from syncer.sandbox import Effect, HttpRequest, World
from syncer.spotify.wire import GUARD, timed_response
from tests.fakes import FakeClock


class InProcess(BaseAdapter):
    """Hands requests to *world*. ``sent`` keeps each as (method, url, headers), those that were refused too."""

    def __init__(self, world: World, clock: FakeClock) -> None:
        super().__init__()
        self._world = world
        self._clock = clock
        self._built = HTTPAdapter().build_response
        self.sent: list[tuple[str, str, dict[str, str]]] = []

    def send(
        self,
        request: requests.PreparedRequest,
        stream: bool = False,  # noqa: FBT001, FBT002 - requests' signature
        timeout: Any = None,
        verify: bool | str = True,  # noqa: FBT001, FBT002 - requests' signature
        cert: Any = None,
        proxies: Mapping[str, str] | None = None,
    ) -> requests.Response:
        del stream, verify, cert, proxies
        method, url = str(request.method), str(request.url)
        headers = {name: value.encode("latin-1").decode("latin-1") for name, value in request.headers.items()}
        self.sent.append((method, url, headers))
        answer = self._world.answer(HttpRequest.to(method, url, headers=headers, body=_bytes(request.body)))
        if answer.effect and answer.effect.kind == "refuse":
            raise requests.ConnectionError("refused")
        GUARD.get().sent = True
        sock = _Socket(answer.wire(), answer.effect, self._clock, timeout[1])
        return self._built(request, _received(sock, method))

    def close(self) -> None:
        """Keep no connections."""


def _bytes(body: Any) -> bytes:
    return body.encode() if isinstance(body, str) else body or b""


def _received(sock: "_Socket", method: str) -> urllib3.HTTPResponse:
    """Read the head of an answer as urllib3's connections do."""
    answer = timed_response(cast("Any", sock), method=method)
    answer.begin()
    return urllib3.HTTPResponse(
        body=answer,
        headers=urllib3.HTTPHeaderDict(answer.msg.items()),
        status=answer.status,
        preload_content=False,
        decode_content=False,
        original_response=answer,
        request_method=method,
    )


class _Socket:
    """As much of a socket as is needed to read from it."""

    def __init__(self, wire: bytes, effect: Effect | None, clock: FakeClock, timeout: float) -> None:
        self._stream = _Stream(wire, effect, clock, self)
        self.timeout = timeout

    def gettimeout(self) -> float:
        return self.timeout

    def settimeout(self, seconds: float) -> None:
        self.timeout = seconds

    def makefile(self, _mode: str, buffering: int) -> "_Stream":
        assert buffering == 0
        return self._stream


class _Stream(io.RawIOBase):
    """The bytes that arrive, and what comes after them."""

    def __init__(self, wire: bytes, effect: Effect | None, clock: FakeClock, sock: _Socket) -> None:
        super().__init__()
        self._effect, self._clock, self._sock = effect, clock, sock
        self._at_once = io.BytesIO(wire[: effect.at_byte] if effect else wire)
        self._late = io.BytesIO(wire[effect.at_byte :] if effect and effect.kind == "drip" else b"")

    def readinto(self, buffer: Any) -> int:
        if came := self._at_once.readinto(buffer):
            return came
        match self._effect:
            case Effect(kind="reset"):
                raise ConnectionResetError
            case Effect(kind="stall"):
                self._wait(float("inf"))
            case Effect(kind="drip", seconds=seconds):
                self._wait(seconds)
                return self._late.readinto(memoryview(buffer)[:1])
        return 0

    def _wait(self, seconds: float) -> None:
        self._clock.elapsed += min(seconds, self._sock.timeout)
        if seconds > self._sock.timeout:
            raise TimeoutError
