"""The callback over real sockets, with clients that mean well and clients that do not (fault model X3)."""

import re
import socket
import time
from base64 import b64encode
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from hashlib import sha256
from urllib.parse import urlsplit

import pytest

from syncer.cli.callback import MAX_CLIENTS, MAX_HEAD, Callback, Page, Patience, Visit

STATE = "the-state-of-this-sign-in"
RIGHT = f"/callback?code=CODE-1&state={STATE}"
GENEROUS = Patience(answer=10, client=10)


class Waiting:
    """A callback that waits in the background. ``came`` is the visit it waits for."""

    def __init__(self, patience: Patience) -> None:
        self.callback = Callback(STATE, monotonic=time.monotonic, patience=patience)
        self.port = urlsplit(self.callback.redirect_uri).port or 0
        self.pool = ThreadPoolExecutor(1)
        self.came: Future[Visit | None] = self.pool.submit(self._wait)

    def _wait(self) -> Visit | None:
        with self.callback:
            return self.callback.wait()

    def connect(self) -> socket.socket:
        return socket.create_connection(("127.0.0.1", self.port), timeout=5)

    def head(self, target: str, *, method: str = "GET", host: str | None = None) -> bytes:
        return f"{method} {target} HTTP/1.1\r\nHost: {host or f'127.0.0.1:{self.port}'}\r\n\r\n".encode("latin-1")

    def send(self, head: bytes) -> bytes:
        """Send *head* on a connection of its own and return all that comes back."""
        with self.connect() as connection:
            return said_to(connection, head)

    def agree(self) -> tuple[str | None, bytes]:
        """Bring the right answer; return the code that was understood, and what the browser saw."""
        with self.connect() as connection:
            connection.sendall(self.head(RIGHT))
            visit = self.came.result(5)
            assert visit is not None
            visit.show(Page.SIGNED_IN)
            return visit.answer.code, everything(connection)


def said_to(connection: socket.socket, head: bytes) -> bytes:
    try:
        connection.sendall(head)
        return everything(connection)
    except ConnectionError:  # hung up on before all was said
        return b""


def everything(connection: socket.socket) -> bytes:
    came = b""
    while part := connection.recv(65536):
        came += part
    return came


def status(answer: bytes) -> int:
    return int(answer.split(b" ", 2)[1])


@pytest.fixture
def waiting() -> Iterator[Waiting]:
    yield from waiting_for(GENEROUS)


def waiting_for(patience: Patience) -> Iterator[Waiting]:
    one = Waiting(patience)
    try:
        yield one
    finally:
        if not one.came.done():
            one.agree()
        if visit := one.came.result():
            visit.show(Page.FAILED)
        one.pool.shutdown()


def test_the_right_answer_is_taken_and_its_browser_is_told_how_things_went(waiting: Waiting) -> None:
    code, seen = waiting.agree()

    assert code == "CODE-1"
    assert status(seen) == 200
    assert b"You are signed in" in seen


def test_nothing_answers_any_more_after_the_right_answer(waiting: Waiting) -> None:
    waiting.agree()

    with pytest.raises(ConnectionError):
        waiting.send(waiting.head(RIGHT))


def test_of_two_right_answers_only_one_counts(waiting: Waiting) -> None:
    with waiting.connect() as one, waiting.connect() as other:
        one.sendall(waiting.head(RIGHT))
        assert waiting.came.result(5)
        assert b"200" not in said_to(other, waiting.head(f"/callback?code=CODE-2&state={STATE}"))

    visit = waiting.came.result()
    assert visit is not None
    assert visit.answer.code == "CODE-1"
    visit.show(Page.SIGNED_IN)


STRAY = {
    "favicon": ("/favicon.ico", 404),
    "the root": ("/", 404),
    "a path that goes on": (f"/callback/?code=x&state={STATE}", 404),
    "a path in other letters": (f"/Callback?code=x&state={STATE}", 404),
    "an absolute address": (f"http://127.0.0.1/callback?code=x&state={STATE}", 404),
    "no query": ("/callback", 400),
    "no state": ("/callback?code=x", 400),
    "an empty state": ("/callback?code=x&state=", 400),
    "another state": ("/callback?code=x&state=that-of-someone-else", 400),
    "a state that begins well": (f"/callback?code=x&state={STATE}x", 400),
    "a state beyond ASCII": ("/callback?code=x&state=%C3%A9%FF%00", 400),
    "two states": (f"/callback?code=x&state={STATE}&state={STATE}", 400),
    "two codes": (f"/callback?code=x&code=y&state={STATE}", 400),
    "a code and an error": (f"/callback?code=x&error=access_denied&state={STATE}", 400),
    "neither code nor error": (f"/callback?state={STATE}", 400),
    "an empty code": (f"/callback?code=&state={STATE}", 400),
    "a code with a line break": (f"/callback?code=x%0D%0Ay&state={STATE}", 400),
    "too many parameters": (f"/callback?code=x&state={STATE}&" + "a=b&" * 30, 400),
    "a denial for someone else": ("/callback?error=access_denied&state=other", 400),
    "script for someone else": ("/callback?error=%3Cscript%3Ealert(1)%3C/script%3E&state=other", 400),
}


@pytest.mark.parametrize(("target", "wanted"), STRAY.values(), ids=STRAY)
def test_a_stray_request_is_turned_away_and_the_right_one_still_counts(
    waiting: Waiting, target: str, wanted: int
) -> None:
    answer = waiting.send(waiting.head(target))

    assert status(answer) == wanted
    assert b"alert" not in answer
    assert STATE.encode() not in answer
    assert waiting.agree()[0] == "CODE-1"


@pytest.mark.parametrize(
    "host", ["evil.example:{port}", "localhost:{port}", "127.0.0.1", "127.0.0.1:1", "[::1]:{port}", "127.0.0.1:{port}."]
)
def test_the_right_answer_under_another_host_is_refused(waiting: Waiting, host: str) -> None:
    """A name of someone else's that was made to point here: DNS rebinding."""
    answer = waiting.send(waiting.head(RIGHT, host=host.format(port=waiting.port)))

    assert status(answer) == 421
    assert waiting.agree()[0] == "CODE-1"


def test_a_request_without_host_or_with_two_is_refused(waiting: Waiting) -> None:
    mine = f"Host: 127.0.0.1:{waiting.port}\r\n"

    for hosts in ("", mine + mine, mine + "host: evil.example\r\n"):
        assert status(waiting.send(f"GET {RIGHT} HTTP/1.1\r\n{hosts}\r\n".encode())) == 421

    assert waiting.agree()[0] == "CODE-1"


@pytest.mark.parametrize("method", ["HEAD", "POST", "PUT", "OPTIONS", "CONNECT", "get"])
def test_only_get_counts(waiting: Waiting, method: str) -> None:
    answer = waiting.send(waiting.head(RIGHT, method=method))

    assert status(answer) == 405
    assert b"\r\nAllow: GET\r\n" in answer
    assert answer.endswith(b"\r\n\r\n")
    assert waiting.agree()[0] == "CODE-1"


@pytest.mark.parametrize(
    "head",
    [
        b"\r\n\r\n",
        b"GET\r\n\r\n",
        b"GET /callback\r\n\r\n",
        b"GET  /callback HTTP/1.1\r\n\r\n",
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n",
        b"\xff\xfe\x00 \xc3\r\n\r\n",
    ],
)
def test_what_is_no_request_is_refused(waiting: Waiting, head: bytes) -> None:
    assert status(waiting.send(head)) == 400
    assert waiting.agree()[0] == "CODE-1"


def test_a_huge_header_is_refused(waiting: Waiting) -> None:
    endless = b"GET / HTTP/1.1\r\nX: " + b"a" * (MAX_HEAD - 18)

    assert status(waiting.send(endless)) == 431
    assert waiting.send(endless + b"a" * 1_000_000)[:13] in (b"", b"HTTP/1.1 431 ")
    assert waiting.agree()[0] == "CODE-1"


def test_a_client_that_says_nothing_does_not_hold_up_others(waiting: Waiting) -> None:
    with waiting.connect() as silent, waiting.connect() as halfway:
        halfway.sendall(b"GET /callback HTTP/1.1\r\nHo")

        assert waiting.agree()[0] == "CODE-1"

        assert said_to(silent, b"GET") == b""


def test_a_right_answer_in_pieces_counts(waiting: Waiting) -> None:
    with waiting.connect() as slow:
        for byte in waiting.head(RIGHT):
            slow.sendall(bytes([byte]))
        visit = waiting.came.result(5)

    assert visit is not None
    assert visit.answer.code == "CODE-1"
    visit.show(Page.SIGNED_IN)  # the browser has gone, which is no trouble


def test_a_client_that_takes_too_long_is_hung_up_on() -> None:
    for waiting in waiting_for(Patience(answer=10, client=0.05)):
        with waiting.connect() as slow:
            slow.sendall(b"GET /callback HTTP/1.1\r\n")
            assert everything(slow) == b""

        assert waiting.agree()[0] == "CODE-1"


def test_clients_that_never_speak_cannot_keep_all_others_out(waiting: Waiting) -> None:
    silent = [waiting.connect() for _ in range(MAX_CLIENTS + 8)]
    try:
        assert waiting.agree()[0] == "CODE-1"
    finally:
        for connection in silent:
            connection.close()


def test_clients_that_come_and_go_leave_no_trace(waiting: Waiting) -> None:
    for _ in range(2 * MAX_CLIENTS):
        waiting.connect().close()

    assert waiting.agree()[0] == "CODE-1"


def test_after_its_time_it_is_gone() -> None:
    one = Waiting(Patience(answer=0.05))

    assert one.came.result(5) is None
    with pytest.raises(ConnectionError):
        one.connect()
    one.pool.shutdown()


def test_it_listens_on_one_loopback_address_and_no_other(waiting: Waiting) -> None:
    with pytest.raises(OSError, match=r"refused|unreachable|assign"):
        socket.create_connection(("127.0.0.2", waiting.port), timeout=5)
    with pytest.raises(OSError, match=r"refused|unreachable|assign"):
        socket.create_connection(("::1", waiting.port), timeout=5)


@pytest.mark.parametrize(
    ("error", "declined"),
    [("access_denied", True), ("server_error", False), ("%3Cscript%3Ealert(1)%3C/script%3E", False)],
)
def test_an_error_ends_the_wait_and_appears_nowhere(waiting: Waiting, error: str, *, declined: bool) -> None:
    with waiting.connect() as connection:
        connection.sendall(waiting.head(f"/callback?error={error}&state={STATE}"))
        visit = waiting.came.result(5)
        assert visit is not None
        with visit:
            assert (visit.answer.code, visit.answer.declined) == (None, declined)
        seen = everything(connection)

    assert status(seen) == 200
    assert b"The sign-in failed" in seen
    assert b"alert" not in seen
    assert "script" not in repr(visit)


def test_a_visit_left_without_a_word_shows_that_the_sign_in_failed(waiting: Waiting) -> None:
    with waiting.connect() as connection:
        connection.sendall(waiting.head(RIGHT))
        visit = waiting.came.result(5)
        assert visit is not None
        with pytest.raises(KeyboardInterrupt), visit:
            raise KeyboardInterrupt
        assert b"The sign-in failed" in everything(connection)


def test_the_code_is_in_no_representation(waiting: Waiting) -> None:
    waiting.agree()

    assert "CODE-1" not in repr(waiting.came.result())


def test_a_page_can_do_nothing_but_show_itself(waiting: Waiting) -> None:
    _, seen = waiting.agree()
    head, _, body = seen.decode().partition("\r\n\r\n")
    headers = dict(line.split(": ", 1) for line in head.split("\r\n")[1:])
    style = body.partition("<style>")[2].partition("</style>")[0]
    allowed = b64encode(sha256(style.encode()).digest()).decode()

    assert headers["Content-Security-Policy"] == (
        f"default-src 'none'; style-src 'sha256-{allowed}'; img-src data:;"
        " base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    )
    assert headers["Cache-Control"] == "no-store"
    assert headers["Referrer-Policy"] == "no-referrer"
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Content-Length"] == str(len(body.encode()))


@pytest.mark.parametrize("page", list(Page))
def test_a_page_is_whole_and_brings_nothing_from_elsewhere(page: Page) -> None:
    text = page.html().decode()
    links = re.findall(r"(?:href|src|action)=\"([^\"]*)\"|url\(|@import", text)

    assert "$" not in text
    assert "<script" not in text
    assert " style=" not in text
    assert links == ["data:,"]
    assert "prefers-color-scheme: dark" in text
