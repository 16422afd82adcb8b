"""Where the browser brings the answer of a sign-in: on this machine only, for five minutes, once (fault model X3).

Anything may connect: other programs, pages in the browser, names that were made to point here. So a request is read
within bounds, judged by its method, host, path and state, and answered with a page in which nothing of it appears.
"""

import re
import selectors
import socket
from base64 import b64encode
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from enum import Enum
from functools import cache
from hashlib import sha256
from hmac import compare_digest
from http import HTTPStatus
from pathlib import Path
from string import Template
from types import TracebackType
from typing import Final, Self
from urllib.parse import parse_qs

HOST: Final = "127.0.0.1"
PATH: Final = "/callback"
REGISTERED: Final = f"http://{HOST}{PATH}"
"""The redirect URI to register; Spotify allows any port at run time (contract §3.3)."""
MAX_HEAD: Final = 16_384
MAX_CLIENTS: Final = 32
_CODE: Final = re.compile(r"[!-~]+")
_MARKS: Final = {"good": "M15 25l6.5 6.5L34 18", "mixed": "M24 13v13M24 33.5v.1", "bad": "M17 17l14 14M31 17L17 31"}
"""What is drawn above the title, by mood: a check, an exclamation mark, a cross."""


class Page(Enum):
    """What the browser may be told: mood, title and text."""

    SIGNED_IN = ("good", "You are signed in", "The syncer has stored your sign-in. You can close this tab.")
    PARTLY = (
        "mixed",
        "You are signed in, in part",
        "Some of what was asked for was not granted. The terminal says what that means.",
    )
    DECLINED = ("mixed", "You said no", "Nothing was stored and nothing has changed. You can close this tab.")
    FAILED = ("bad", "The sign-in failed", "The terminal says why, and what to do next. You can close this tab.")
    STRAY = (
        "mixed",
        "Not the answer expected here",
        "If you are signing in: go back to the terminal and open the address that stands there.",
    )

    def html(self) -> bytes:
        """Return the whole page."""
        mood, title, text = self.value
        return _template().substitute(mood=mood, mark=_MARKS[mood], title=title, text=text).encode()


@cache
def _template() -> Template:
    return Template(Path(__file__).with_name("page.html").read_text(encoding="utf-8"))


@cache
def _security() -> dict[str, str]:
    """Return the headers that let a page do nothing but show itself in its own style."""
    style = _template().template.partition("<style>")[2].partition("</style>")[0]
    allowed = f"'sha256-{b64encode(sha256(style.encode()).digest()).decode()}'"
    policy = f"default-src 'none'; style-src {allowed}; img-src data:"
    return {
        "Content-Security-Policy": f"{policy}; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
        "Cross-Origin-Opener-Policy": "same-origin",
        "Cross-Origin-Resource-Policy": "same-origin",
        "Referrer-Policy": "no-referrer",
        "X-Content-Type-Options": "nosniff",
        "Cache-Control": "no-store",
    }


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What came of asking for consent: a code to exchange, or None, and then whether the person said no."""

    code: str | None = field(default=None, repr=False)
    declined: bool = False


def answer_in(query: str, state: str) -> Answer | None:
    """Return the answer to *state* that *query* brings; None if it brings none, or one to anything else."""
    try:
        found = parse_qs(query, keep_blank_values=True, max_num_fields=20)
    except ValueError:
        return None
    states, codes, errors = (found.get(name, []) for name in ("state", "code", "error"))
    # As bytes, since text beyond ASCII cannot be compared in constant time.
    if len(states) != 1 or not compare_digest(states[0].encode(errors="replace"), state.encode()):
        return None
    match codes, errors:
        case [code], [] if _CODE.fullmatch(code):
            return Answer(code=code)
        case [], [error]:
            return Answer(declined=error == "access_denied")
    return None


@dataclass(slots=True)
class Visit:
    """The answer, and the browser that brought it and waits to be told how things went.

    Leaving it without a word shows that the sign-in failed.
    """

    answer: Answer
    redirect_uri: str
    _connection: socket.socket | None = None

    def show(self, page: Page) -> None:
        """Let the browser see *page*, if it is still there and has seen none."""
        if self._connection is not None:
            _send(self._connection, HTTPStatus.OK, page)
            self._connection = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.show(Page.FAILED)


@dataclass(frozen=True, slots=True, kw_only=True)
class Patience:
    """Seconds that are waited: for the answer, and for one client to finish its request."""

    answer: float = 300.0
    client: float = 10.0


@dataclass(slots=True, eq=False)
class _Client:
    connection: socket.socket
    until: float
    heard: bytes = b""


class Callback:
    """The address that Spotify sends the browser back to, for as long as this is entered."""

    def __init__(self, state: str, *, monotonic: Callable[[], float], patience: Patience | None = None) -> None:
        self._state = state
        self._monotonic = monotonic
        self._patience = patience or Patience()
        self._clients: list[_Client] = []
        self._selector = selectors.DefaultSelector()
        self._listener = socket.create_server((HOST, 0))
        self._listener.settimeout(0)
        self._selector.register(self._listener, selectors.EVENT_READ)
        self._host = f"{HOST}:{self._listener.getsockname()[1]}"

    @property
    def redirect_uri(self) -> str:
        return f"http://{self._host}{PATH}"

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        while self._clients:
            self._hang_up(self._clients[0])
        self._selector.close()
        self._listener.close()

    def wait(self) -> Visit | None:
        """Return the first answer to our state; None if there was none in time. Everything else is turned away."""
        ends = self._monotonic() + self._patience.answer
        while (now := self._monotonic()) < ends:
            while self._clients and self._clients[0].until <= now:  # they stand in the order in which they came
                self._hang_up(self._clients[0])
            nearest = min(ends, self._clients[0].until) if self._clients else ends
            for key, _ in self._selector.select(nearest - now):
                if key.data is None:
                    self._accept()
                elif visit := self._hear(key.data):
                    return visit
        return None

    def _accept(self) -> None:
        try:
            connection, _ = self._listener.accept()
        except OSError:  # it has gone again
            return
        if len(self._clients) == MAX_CLIENTS:  # or a few that never speak could keep all others out
            self._hang_up(self._clients[0])
        connection.settimeout(0)
        client = _Client(connection, self._monotonic() + self._patience.client)
        self._clients.append(client)
        self._selector.register(connection, selectors.EVENT_READ, client)

    def _hear(self, client: _Client) -> Visit | None:
        """Take in what *client* has to say; once its request is whole, turn it away or return the visit."""
        if client not in self._clients:  # hung up on for a newer one a moment ago
            return None
        try:
            part = client.connection.recv(MAX_HEAD + 1 - len(client.heard))
        except OSError:
            part = b""
        client.heard += part
        head, whole, _ = client.heard.partition(b"\r\n\r\n")
        if not part:
            self._hang_up(client)
        elif whole:
            return self._judge(client, head)
        elif len(client.heard) > MAX_HEAD:
            self._turn_away(client, HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE)
        return None

    def _judge(self, client: _Client, head: bytes) -> Visit | None:
        request, *headers = head.decode("latin-1").split("\r\n")
        match request.split(" "):
            case [method, target, "HTTP/1.1" | "HTTP/1.0"]:
                path, _, query = target.partition("?")
            case _:
                self._turn_away(client, HTTPStatus.BAD_REQUEST)
                return None
        named = (header.partition(":") for header in headers)
        hosts = [value.strip() for name, _, value in named if name.lower() == "host"]
        if hosts != [self._host]:  # such as a name of someone else's that was made to point here
            self._turn_away(client, HTTPStatus.MISDIRECTED_REQUEST)
        elif path != PATH:
            self._turn_away(client, HTTPStatus.NOT_FOUND)
        elif method != "GET":
            self._turn_away(client, HTTPStatus.METHOD_NOT_ALLOWED)
        elif answer := answer_in(query, self._state):
            self._forget(client)
            return Visit(answer, self.redirect_uri, client.connection)
        else:
            self._turn_away(client, HTTPStatus.BAD_REQUEST)
        return None

    def _turn_away(self, client: _Client, status: HTTPStatus) -> None:
        self._forget(client)
        _send(client.connection, status, Page.STRAY)

    def _hang_up(self, client: _Client) -> None:
        self._forget(client)
        client.connection.close()

    def _forget(self, client: _Client) -> None:
        self._clients.remove(client)
        self._selector.unregister(client.connection)


def _send(connection: socket.socket, status: HTTPStatus, page: Page) -> None:
    """Send *page* and hang up. It fits what a system holds for a client, so nobody can make us wait."""
    body = b"" if status is HTTPStatus.METHOD_NOT_ALLOWED else page.html()  # an answer to HEAD has none
    headers = {
        "Content-Type": "text/html; charset=utf-8",
        "Content-Length": str(len(body)),
        "Connection": "close",
        **({"Allow": "GET"} if status is HTTPStatus.METHOD_NOT_ALLOWED else {}),
        **_security(),
    }
    lines = [f"HTTP/1.1 {status} {status.phrase}", *(f"{name}: {value}" for name, value in headers.items())]
    with connection, suppress(OSError):  # who has gone needs no page
        connection.send("\r\n".join([*lines, "", ""]).encode() + body)
        connection.shutdown(socket.SHUT_WR)
