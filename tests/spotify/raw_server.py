"""A server that says exactly what a test wants said, byte by byte, with or without TLS."""

import socket
import ssl
import struct
import threading
from collections.abc import Callable
from types import TracebackType
from typing import Self

from syncer.sandbox import HttpRequest, World

Script = Callable[[socket.socket], object]
"""Talks on one connection; when it returns, the connection is closed."""


class RawServer:
    """Lets *script* talk on every connection while it is entered. ``connections`` counts them."""

    def __init__(self, script: Script, *, tls: ssl.SSLContext | None = None) -> None:
        self.connections = 0
        self._script = script
        self._tls = tls
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._open: list[socket.socket] = []
        self._threads = [threading.Thread(target=self._accept, daemon=True)]

    @property
    def netloc(self) -> str:
        host, port = self._listener.getsockname()
        return f"{host}:{port}"

    @property
    def url(self) -> str:
        return f"{'https' if self._tls else 'http'}://{self.netloc}"

    @property
    def accounts_url(self) -> str:
        return self.url

    @property
    def api_url(self) -> str:
        return f"{self.url}/v1"

    def __enter__(self) -> Self:
        self._threads[0].start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._threads[0].join(timeout=5)
        for connection in self._open:
            try:
                connection.shutdown(socket.SHUT_RDWR)
            except OSError:
                continue  # closed already
        for thread in self._threads:
            thread.join(timeout=5)

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            self.connections += 1
            self._open.append(connection)
            self._threads.append(threading.Thread(target=self._talk, args=(connection,), daemon=True))
            self._threads[-1].start()

    def _talk(self, connection: socket.socket) -> None:
        try:
            if self._tls:
                connection = self._tls.wrap_socket(connection, server_side=True)
                self._open.append(connection)
            self._script(connection)
        except OSError:
            pass  # the client hung up
        finally:
            connection.close()


def read_request(connection: socket.socket) -> HttpRequest | None:
    """Read one request; None if the client has hung up."""
    came = b""
    while b"\r\n\r\n" not in came:
        part = connection.recv(65536)
        if not part:
            return None
        came += part
    head, _, body = came.partition(b"\r\n\r\n")
    line, *lines = head.decode("latin-1").split("\r\n")
    headers = {name.lower(): value.strip() for name, _, value in (each.partition(":") for each in lines)}
    while len(body) < int(headers.get("content-length", "0")):
        body += connection.recv(65536)
    method, target, _ = line.split(" ")
    path, _, query = target.partition("?")
    return HttpRequest(method=method, path=path, query=query, headers=headers, body=body)


def saying(answer: bytes) -> Script:
    """Return the script that answers every connection's first request with these bytes, and hangs up."""

    def script(connection: socket.socket) -> None:
        if read_request(connection):
            connection.sendall(answer)

    return script


def serving(world: World) -> Script:
    """Return the script that serves *world* and keeps connections alive."""

    def script(connection: socket.socket) -> None:
        while request := read_request(connection):
            connection.sendall(world.answer(request).wire())

    return script


def reset(connection: socket.socket) -> None:
    """End *connection* hard."""
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    connection.close()


def answer(body: bytes = b"{}", status: str = "200 OK", **headers: str) -> bytes:
    """Return an answer as it is on the wire; ``Content_Type="…"`` is a header."""
    lines = {"Content-Length": str(len(body))} | {name.replace("_", "-"): value for name, value in headers.items()}
    head = "".join(f"{name}: {value}\r\n" for name, value in lines.items())
    return f"HTTP/1.1 {status}\r\n{head}\r\n".encode("latin-1") + body
