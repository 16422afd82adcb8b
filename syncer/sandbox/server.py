"""The sandbox over HTTP, on loopback only."""

import json
import select
import socket
import struct
import sys
import threading
from collections.abc import Callable
from dataclasses import asdict
from http.server import BaseHTTPRequestHandler
from socketserver import TCPServer, ThreadingMixIn
from types import TracebackType
from typing import Any, Final, Self

from syncer.sandbox.exchange import Effect, HttpAnswer, HttpRequest, api_error, finished, json_answer, text_answer
from syncer.sandbox.faults import Fault
from syncer.sandbox.things import Call
from syncer.sandbox.world import World

MAX_BODY: Final = 1 << 20
_POLL: Final = 0.01


class SandboxServer:
    """Serves *world* while it is entered. The system chooses the port, unless one is asked for.

    ``latency`` seconds are really waited before every answer of the Web API.
    """

    def __init__(self, world: World, *, latency: float = 0.0, port: int = 0) -> None:
        self.world = world
        self._listener = _Listener(world, latency, port)
        self._thread = threading.Thread(target=self._listener.serve_forever, args=(_POLL,), daemon=True)

    @property
    def accounts_url(self) -> str:
        return f"http://127.0.0.1:{self._listener.port}"

    @property
    def api_url(self) -> str:
        return f"{self.accounts_url}/v1"

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._listener.stopping.set()
        self._listener.shutdown()
        self._thread.join()
        self._listener.hang_up()
        self._listener.server_close()


class _Listener(ThreadingMixIn, TCPServer):
    """Accepts connections, one thread each, and can end them all."""

    allow_reuse_address = True
    daemon_threads = True
    request_queue_size = 128

    def __init__(self, world: World, latency: float, port: int) -> None:
        self.world = world
        self.latency = latency
        self.stopping = threading.Event()
        self.resets: set[socket.socket] = set()
        self._threads_of: dict[socket.socket, threading.Thread] = {}
        self._guard = threading.Lock()
        super().__init__(("127.0.0.1", port), _Handler)

    @property
    def port(self) -> int:
        return int(self.server_address[1])

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        with self._guard:
            self._threads_of[request] = threading.current_thread()
        try:
            super().process_request_thread(request, client_address)
        finally:
            with self._guard:
                del self._threads_of[request]

    def shutdown_request(self, request: Any) -> None:
        """End a connection; one to be reset is not shut down first, so that no orderly end precedes the reset."""
        if request in self.resets:
            self.resets.discard(request)
            request.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            self.close_request(request)
        else:
            super().shutdown_request(request)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say nothing of clients that hang up; a bug of the sandbox shows."""
        if not isinstance(sys.exc_info()[1], OSError):
            super().handle_error(request, client_address)

    def hang_up(self) -> None:
        """End the connections that clients keep alive, and wait for their threads."""
        with self._guard:
            left = dict(self._threads_of)
        for connection in left:
            try:
                connection.shutdown(socket.SHUT_RDWR)
            except OSError:
                continue  # the client was faster
        for thread in left.values():
            thread.join(timeout=5)


class _Handler(BaseHTTPRequestHandler):
    """Reads requests, passes them on, and does to the answers what their effects say."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True  # or a kept-alive connection waits 40 ms for each answer
    server: _Listener

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the name is the base class's
        """Print nothing: request lines carry codes and states."""

    def __getattr__(self, name: str) -> Callable[[], None]:
        """Take every method alike: which of them fit where is the world's business."""
        if name.startswith("do_"):
            return self._handle
        raise AttributeError(name)

    def _handle(self) -> None:
        answer = self._answer()
        wire = answer.wire()
        if answer.effect is None:
            self.wfile.write(wire)
        else:
            self.close_connection = True
            self._spoil(wire, answer.effect)

    def _answer(self) -> HttpAnswer:
        port = self.server.port
        if self.headers.get("Host", "") not in (f"127.0.0.1:{port}", f"localhost:{port}"):
            return self._refused(421, "This is not the host you look for")
        length = self.headers.get("Content-Length", "0")
        if "Transfer-Encoding" in self.headers or not (length.isascii() and length.isdecimal()):
            return self._refused(411, "Length required")
        if len(length) > len(str(MAX_BODY)) or int(length) > MAX_BODY:
            return self._refused(413, "Too large")
        path, _, query = self.path.partition("?")
        request = HttpRequest(
            method=self.command,
            path=path,
            query=query,
            headers={name.lower(): value for name, value in self.headers.items()},
            body=self.rfile.read(int(length)),
        )
        if request.path.startswith("/sandbox/"):
            return finished(_control(self.server.world, request), self.server.world.now())
        if request.is_api and self.server.latency:
            self.server.stopping.wait(self.server.latency)
        return self.server.world.answer(request)

    def _refused(self, status: int, message: str) -> HttpAnswer:
        """Refuse a request whose body is not even read, so that nothing can follow on this connection."""
        self.close_connection = True
        return finished(text_answer(status, message, headers={"Connection": "close"}), self.server.world.now())

    def _spoil(self, wire: bytes, effect: Effect) -> None:
        self.wfile.write(wire[: effect.at_byte])
        if effect.kind == "stall":
            self._wait_for_the_client(None)
        if effect.kind == "drip":
            for byte in wire[effect.at_byte :]:
                if self._wait_for_the_client(effect.seconds):
                    break
                self.wfile.write(bytes([byte]))
        if effect.kind in ("reset", "refuse"):
            self.server.resets.add(self.connection)

    def _wait_for_the_client(self, seconds: float | None) -> bool:
        """Wait *seconds*, or for ever; return early and say so if the client hangs up or the server stops."""
        left = seconds
        while not self.server.stopping.is_set() and (left is None or left > 0):
            step = _POLL if left is None else min(_POLL, left)
            if select.select([self.connection], [], [], step)[0]:
                return True
            left = None if left is None else left - step
        return self.server.stopping.is_set()


def _control(world: World, request: HttpRequest) -> HttpAnswer:
    """Answer what other processes ask about the sandbox itself."""
    match (request.method, request.path.split("/")[2:]):
        case ("GET", ["history"]):
            with world.lock:
                world.settle()
                return json_answer(200, [_record(record) for record in world.history])
        case ("GET", ["playlists", key]):
            return _uris(world, key)
        case ("POST", ["faults"]):
            return _inject(world, request)
        case _:
            return api_error(404, "The sandbox has history, playlists/ID and faults")


def _record(record: Any) -> dict[str, Any]:
    return {"record": "request" if isinstance(record, Call) else "change"} | asdict(record)


def _uris(world: World, key: str) -> HttpAnswer:
    with world.lock:
        world.settle()
        playlist = world.playlists.get(key)
        return json_answer(200, list(playlist.uris)) if playlist else api_error(404, "No such playlist")


def _inject(world: World, request: HttpRequest) -> HttpAnswer:
    """Take a fault. Only as JSON by name, which a page in a browser cannot send from elsewhere unasked."""
    if request.headers.get("content-type", "").partition(";")[0] != "application/json":
        return api_error(415, "A fault is sent as application/json")
    try:
        fault = Fault.from_json(json.loads(request.body))
    except (ValueError, RecursionError) as error:
        return api_error(400, str(error))
    for edit in fault.edits:
        if edit.playlist not in world.playlists:
            return api_error(400, f"There is no playlist {edit.playlist!r}")
    world.inject(fault)
    return json_answer(201, {"kind": fault.kind})
