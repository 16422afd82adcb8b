"""A plain HTTP client for the sandbox: no pool, no retry, no redirect, and it shows what came."""

import json
import socket
from dataclasses import dataclass
from http.client import HTTPConnection
from typing import Any
from urllib.parse import urlencode, urlsplit

from syncer.sandbox import SandboxServer, SignIn, World


class Clock:
    """Stands still until told otherwise."""

    def __init__(self) -> None:
        self.time = 1_795_000_000.0

    def __call__(self) -> float:
        return self.time


@dataclass(frozen=True)
class Got:
    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def text(self) -> str:
        return self.body.decode()

    @property
    def message(self) -> str:
        """The text of an error of the Web API."""
        return str(self.json["error"]["message"])


class Client:
    """Speaks to a sandbox as one signed-in user of one app. ``server`` is closed with the test."""

    def __init__(self, world: World, server: SandboxServer, sign_in: SignIn | None = None) -> None:
        self.world = world
        self.server = server
        self.token: str | None = world.access_token(sign_in or world.sign_in())

    def send(
        self, method: str, target: str, body: bytes = b"", headers: dict[str, str] | None = None, wait: float = 5
    ) -> Got:
        """Send one request on a connection of its own; ``wait`` bounds each read."""
        connection = HTTPConnection(urlsplit(self.server.accounts_url).netloc, timeout=wait)
        try:
            connection.request(method, target, body or None, headers or {})
            answer = connection.getresponse()
            return Got(answer.status, {name.lower(): value for name, value in answer.getheaders()}, answer.read())
        finally:
            connection.close()

    def api(self, method: str, path: str, body: Any = None, **query: Any) -> Got:
        """Ask the Web API; a *body* that is no bytes is sent as JSON."""
        headers = {"Authorization": f"Bearer {self.token}"} if self.token else {}
        sent = body if isinstance(body, bytes) else b"" if body is None else json.dumps(body).encode()
        if sent:
            headers["Content-Type"] = "application/json"
        return self.send(method, f"/v1/{path}{'?' if query else ''}{urlencode(query)}", sent, headers)

    def get(self, path: str, **query: Any) -> Got:
        return self.api("GET", path, **query)

    def follow(self, link: str) -> Got:
        """GET a link of an answer."""
        assert link.startswith(self.server.api_url)
        return self.api("GET", link.removeprefix(f"{self.server.api_url}/"))

    def form(self, path: str, headers: dict[str, str] | None = None, **form: str) -> Got:
        """Post a form to the accounts service."""
        kind = {"Content-Type": "application/x-www-form-urlencoded"}
        return self.send("POST", path, urlencode(form).encode(), kind | (headers or {}))

    def raw(self, target: str, wait: float = 0.1) -> bytes:
        """GET *target* of the Web API, and return what came on the wire within *wait* of silence."""
        parts = urlsplit(self.server.accounts_url)
        with socket.create_connection((parts.hostname or "", parts.port or 0), timeout=wait) as connection:
            head = f"Host: {parts.netloc}\r\nAuthorization: Bearer {self.token}\r\nConnection: close"
            connection.sendall(f"GET /v1/{target} HTTP/1.1\r\n{head}\r\n\r\n".encode())
            came = b""
            try:
                while part := connection.recv(65536):
                    came += part
            except TimeoutError:
                pass
            return came
