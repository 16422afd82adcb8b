"""One HTTP exchange over real sockets: what is told apart, what is bounded, and what never leaves."""

import gzip
import os
import socket
import ssl
import threading
import time
import tracemalloc
import zlib
from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import requests
import trustme
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from syncer.sandbox import HttpRequest
from syncer.spotify.wire import MAX_BODY, Limits, Lost, NeverSent, Reply, Wire
from tests.spotify.raw_server import RawServer, answer, read_request, reset, saying

LIMITS = Limits(connect=1, read=0.2, send=0.2, whole=0.5)


def wire(*, proxy: str | None = None, ca_bundle: str | None = None) -> Wire:
    return Wire(monotonic=time.monotonic, limits=LIMITS, proxy=proxy, ca_bundle=ca_bundle)


def get(server: RawServer | str, over: Wire | None = None) -> Reply:
    url = server if isinstance(server, str) else server.url
    return (over or wire()).exchange(requests.Request("GET", url, {"Authorization": "Bearer TOKEN"}))


def post(server: RawServer | str, over: Wire | None = None) -> Reply:
    url = server if isinstance(server, str) else server.url
    return (over or wire()).exchange(
        requests.Request("POST", url, {"Authorization": "Bearer TOKEN"}, json={"uris": []})
    )


def closed_port() -> str:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        host, port = taken.getsockname()
    return f"http://{host}:{port}"


# --- N1, N2, N6: what counts as sent ----------------------------------------------------------------------------------


def test_a_name_that_is_not_known_and_a_refused_connection_are_never_sent() -> None:
    for url in (closed_port(), "http://[fe80::1%25nowhere]/"):
        with pytest.raises(NeverSent) as refused:
            post(url)
        assert not refused.value.certificate


def test_a_connection_that_nobody_accepts_is_never_sent() -> None:
    """The queue of the listener is full, so the kernel leaves the next caller waiting."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        host, port = listener.getsockname()
        waiting = [socket.socket() for _ in range(4)]
        for each in waiting:
            each.setblocking(False)  # noqa: FBT003 - its signature
            each.connect_ex((host, port))
        over = Wire(monotonic=time.monotonic, limits=Limits(connect=0.2, read=0.2))
        with pytest.raises(NeverSent):
            get(f"http://{host}:{port}", over)
        for each in waiting:
            each.close()


@pytest.mark.parametrize("length", [0, 1, 7, 20, 100, 150])
def test_a_request_that_broke_off_anywhere_may_have_been_carried_out(length: int) -> None:
    def script(connection: socket.socket) -> None:
        connection.recv(1, socket.MSG_PEEK)  # a reset before that may be told as a connection that never was
        if length:
            connection.recv(length, socket.MSG_WAITALL)
        reset(connection)

    with RawServer(script) as server, pytest.raises(Lost):
        post(server)


class Trust:
    """A certificate authority of the test's own, and its certificates."""

    def __init__(self, folder: Path) -> None:
        self._authority = trustme.CA()
        self.bundle = str(folder / "authority.pem")
        self._authority.cert_pem.write_to_path(self.bundle)

    def server(self, script: Callable[[socket.socket], object], name: str = "127.0.0.1", *, days: int = 1) -> RawServer:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        ends = datetime.now(UTC) + timedelta(days=days)
        self._authority.issue_cert(name, not_after=ends).configure_cert(context)
        return RawServer(script, tls=context)


@pytest.fixture(scope="module")
def trust(tmp_path_factory: pytest.TempPathFactory) -> Trust:
    return Trust(tmp_path_factory.mktemp("trust"))


def test_a_certificate_of_the_given_bundle_is_trusted(trust: Trust) -> None:
    with trust.server(saying(answer(b"hello"))) as server:
        assert get(server, wire(ca_bundle=trust.bundle)).body == b"hello"


@pytest.mark.parametrize("flaw", ["authority", "name", "date"])
def test_a_certificate_that_proves_nothing_gets_no_request(flaw: str, trust: Trust) -> None:
    heard: list[HttpRequest | None] = []
    name = "elsewhere.example" if flaw == "name" else "127.0.0.1"
    over = wire() if flaw == "authority" else wire(ca_bundle=trust.bundle)
    server = trust.server(lambda c: heard.append(read_request(c)), name, days=-1 if flaw == "date" else 1)
    with server, pytest.raises(NeverSent) as refused:
        post(server, over)
    assert refused.value.certificate
    assert not heard


@pytest.mark.parametrize("said", [b"", b"HTTP/1.1 400 Bad Request\r\n\r\n"])
def test_a_handshake_that_fails_is_never_sent_and_no_matter_of_certificates(said: bytes) -> None:
    def script(connection: socket.socket) -> None:
        connection.recv(65536)
        connection.sendall(said)

    with RawServer(script) as server, pytest.raises(NeverSent) as refused:
        post(server.url.replace("http:", "https:"))
    assert not refused.value.certificate


# --- N7, N8, N15: hostile answers -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "head",
    [
        b"",
        b"HTTP/1.1 20",
        b"HTTP/1.1 2x0 OK\r\n\r\n",
        b"HTTP/9.9 200 OK\r\n\r\n",
        b"hello\r\n\r\n",
        b"HTTP/1.1 200 " + b"x" * 100_000 + b"\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nA: " + b"x" * 100_000 + b"\r\n\r\n",
        b"HTTP/1.1 200 OK\r\n" + b"A: b\r\n" * 200 + b"\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 2, 3\r\n\r\n{}",
    ],
)
def test_a_head_that_makes_no_sense_is_an_answer_lost(head: bytes) -> None:
    with RawServer(saying(head)) as server:
        for send in (get, post):
            with pytest.raises(Lost):
                send(server)


@pytest.mark.parametrize(
    ("headers", "body"),
    [
        ({"Content-Length": "100"}, b"{}"),
        ({"Transfer-Encoding": "chunked"}, b"2\r\n{}"),
        ({"Transfer-Encoding": "chunked"}, b"zz\r\n{}\r\n0\r\n\r\n"),
        ({"Content-Encoding": "gzip"}, b"{}"),
        ({"Content-Encoding": "gzip, gzip, gzip, gzip, gzip, gzip"}, b"{}"),
        ({}, b" " * (MAX_BODY + 1)),
    ],
)
def test_a_body_that_is_cut_too_long_or_not_packed_as_it_says_is_no_body(headers: dict[str, str], body: bytes) -> None:
    lines = ({"Connection": "close"} | headers).items()
    head = "HTTP/1.1 200 OK\r\n" + "".join(f"{name}: {value}\r\n" for name, value in lines) + "\r\n"
    with RawServer(saying(head.encode() + body)) as server:
        reply = get(server)
    assert (reply.status, reply.body) == (200, None)


@pytest.mark.parametrize(
    "headers",
    [
        {"Content_Type": "application/json; charset"},
        {"Content_Type": "text/html; charset=\xff"},
        {"Set_Cookie": "a=b; expires=never; domain=..; max-age=x"},
        {"Content_Length": "2\r\n: nameless\r\n folded\r\n\xe9: \xff"},
        {"Location": "//["},
        {"Content_Encoding": "br"},
    ],
)
def test_headers_that_we_have_no_use_for_do_no_harm(headers: dict[str, str]) -> None:
    with RawServer(saying(answer(b"{}", **headers))) as server:
        assert get(server).body == b"{}"


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    said=st.one_of(
        st.binary(max_size=300),
        st.tuples(
            st.sampled_from(
                [b"HTTP/1.1 200 OK\r\n", b"HTTP/1.1 201\r\n", b"HTTP/1.0 999 \r\n", b"HTTP/1.1 100 C\r\n\r\n"]
            ),
            st.lists(
                st.sampled_from(
                    [
                        b"Content-Length: 5\r\n",
                        b"Content-Length: -1\r\n",
                        b"Content-Length: " + b"9" * 5000 + b"\r\n",
                        b"Transfer-Encoding: chunked\r\n",
                        b"Content-Encoding: gzip\r\n",
                        b"Content-Encoding: deflate, gzip\r\n",
                        b"Connection: close\r\n",
                        b"\xff\xfe: \x00\r\n",
                        b"\r\n",
                    ]
                )
            ).map(b"".join),
            st.binary(max_size=60),
        ).map(b"".join),
    )
)
def test_whatever_is_answered_is_a_reply_or_lost(said: bytes, talker: "Talker") -> None:
    talker.says = said
    with suppress(Lost):
        assert post(talker.server, talker.wire).status >= 100


class Talker:
    """A server whose answer can be changed."""

    def __init__(self) -> None:
        self.says = b""
        self.server = RawServer(self._talk)
        self.wire = wire()

    def _talk(self, connection: socket.socket) -> None:
        saying(self.says)(connection)


@pytest.fixture
def talker() -> Iterator[Talker]:
    made = Talker()
    with made.server:
        yield made


@pytest.mark.parametrize("packed", ["gzip", "gzip, gzip", "deflate"])
def test_a_bomb_costs_a_few_megabytes(packed: str) -> None:
    bomb = zlib.compress(bytes(200_000_000), 9) if packed == "deflate" else gzip.compress(bytes(200_000_000), 9)
    bomb = gzip.compress(bomb, 9) if packed == "gzip, gzip" else bomb
    with RawServer(saying(answer(bomb, Content_Encoding=packed))) as server:
        tracemalloc.start()
        try:
            reply = get(server)
            _, peak = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
    assert (reply.status, reply.body) == (200, None)
    assert peak < 10 * MAX_BODY


def drip(connection: socket.socket, wire_form: bytes, at_once: int) -> None:
    read_request(connection)
    connection.sendall(wire_form[:at_once])
    for byte in wire_form[at_once:]:
        connection.sendall(bytes([byte]))
        time.sleep(0.02)


def test_a_head_that_drips_is_lost_when_the_whole_exchange_has_taken_long_enough() -> None:
    started = time.monotonic()
    with RawServer(lambda connection: drip(connection, answer(b" " * 100), 0)) as server, pytest.raises(Lost):
        post(server)
    assert LIMITS.whole <= time.monotonic() - started < 3 * LIMITS.whole


def test_a_body_that_drips_is_no_body_and_its_connection_is_not_used_again() -> None:
    over = wire()
    started = time.monotonic()
    with RawServer(lambda connection: drip(connection, answer(b" " * 100), 45)) as server:
        assert get(server, over).body is None
        assert time.monotonic() - started < 3 * LIMITS.whole
        assert get(server, over).body is None
        assert server.connections == 2


# --- N13, X5: what does not leave -------------------------------------------------------------------------------------


def test_a_redirect_is_an_answer_like_any_other() -> None:
    heard: list[HttpRequest | None] = []
    with RawServer(lambda connection: heard.append(read_request(connection))) as other:
        for status in ("301 Moved", "302 Found", "303 See Other", "307 Temporary Redirect", "308 Permanent Redirect"):
            with RawServer(saying(answer(status=status, Location=other.url))) as server:
                assert get(server).status == int(status[:3])
                assert post(server).status == int(status[:3])
    assert not heard


def test_no_netrc_and_no_proxy_of_the_environment_is_used(monkeypatch: pytest.MonkeyPatch) -> None:
    netrc = Path(os.environ["HOME"]) / ".netrc"
    netrc.write_text("machine 127.0.0.1 login somebody password else\n")
    netrc.chmod(0o600)
    for name in ("http_proxy", "https_proxy", "all_proxy", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"):
        monkeypatch.setenv(name, closed_port())
    heard: list[HttpRequest | None] = []

    def script(connection: socket.socket) -> None:
        heard.append(read_request(connection))
        connection.sendall(answer())

    with RawServer(script) as server:
        get(server)
    assert heard[0] is not None
    assert heard[0].headers["authorization"] == "Bearer TOKEN"
    assert "proxy-authorization" not in heard[0].headers


def test_a_proxy_that_was_asked_for_is_used() -> None:
    heard: list[HttpRequest | None] = []

    def script(connection: socket.socket) -> None:
        heard.append(read_request(connection))
        connection.sendall(answer(b"through the proxy"))

    with RawServer(script) as proxy:
        assert get("http://api.example/v1", wire(proxy=proxy.url)).body == b"through the proxy"
    assert heard[0] is not None
    assert heard[0].path == "http://api.example/v1"


def tunnel(target: RawServer) -> Callable[[socket.socket], None]:
    """Return the script of a proxy that connects everybody to *target*."""

    def script(connection: socket.socket) -> None:
        read_request(connection)
        host, _, port = target.netloc.partition(":")
        with socket.create_connection((host, int(port))) as other:
            connection.sendall(b"HTTP/1.1 200 Connection established\r\n\r\n")
            threading.Thread(target=pump, args=(connection, other), daemon=True).start()
            pump(other, connection)

    return script


def pump(source: socket.socket, sink: socket.socket) -> None:
    try:
        while part := source.recv(65536):
            sink.sendall(part)
        sink.shutdown(socket.SHUT_WR)
    except OSError:
        pass  # one of the two hung up


def test_through_a_tunnel_what_was_sent_is_told_by_the_request_alone(trust: Trust) -> None:
    """What the tunnel itself needed is no part of it."""
    with trust.server(saying(answer(b"hello"))) as target, RawServer(tunnel(target)) as proxy:
        over = wire(proxy=proxy.url, ca_bundle=trust.bundle)
        assert get(target.url, over).body == b"hello"
        assert post(target.url, over).status == 200
        with pytest.raises(NeverSent) as refused:
            post(target.url, wire(proxy=proxy.url))
        assert refused.value.certificate
    with trust.server(read_request) as mute, RawServer(tunnel(mute)) as proxy, pytest.raises(Lost):
        post(mute.url, wire(proxy=proxy.url, ca_bundle=trust.bundle))


@pytest.mark.parametrize("said", [b"", answer(status="407 Proxy Authentication Required"), b"hello\r\n\r\n"])
def test_a_proxy_that_makes_no_tunnel_has_sent_nothing(said: bytes) -> None:
    with RawServer(saying(said)) as proxy, pytest.raises(NeverSent) as refused:
        post("https://api.example/v1", wire(proxy=proxy.url))
    assert not refused.value.certificate


def test_a_proxy_that_drips_is_given_up_like_anyone_else() -> None:
    started = time.monotonic()
    with RawServer(lambda connection: drip(connection, answer(b" " * 100), 0)) as proxy, pytest.raises(NeverSent):
        post("https://api.example/v1", wire(proxy=proxy.url))
    assert time.monotonic() - started < 3 * LIMITS.whole


# --- connections ------------------------------------------------------------------------------------------------------


def keeping(connection: socket.socket) -> None:
    while read_request(connection):
        connection.sendall(answer(b'{"id": "x"}'))


@pytest.mark.parametrize("headers", [{}, {"Content_Encoding": "gzip"}])
def test_reads_share_a_connection_and_each_write_has_its_own(headers: dict[str, str]) -> None:
    body = gzip.compress(b"{}") if headers else b"{}"

    def script(connection: socket.socket) -> None:
        while read_request(connection):
            connection.sendall(answer(body, **headers))

    over = wire()
    with RawServer(script) as server:
        for _ in range(20):
            assert get(server, over).body == b"{}"
        assert server.connections == 1
        for _ in range(3):
            post(server, over)
        assert server.connections == 4
        get(server, over)
        assert server.connections == 4
        over.hang_up()
        get(server, over)
        assert server.connections == 5
        over.hang_up()


def test_chunked_answers_keep_their_connection_too() -> None:
    def script(connection: socket.socket) -> None:
        while read_request(connection):
            connection.sendall(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\n{\r\n1\r\n}\r\n0\r\n\r\n")

    over = wire()
    with RawServer(script) as server:
        assert [get(server, over).body for _ in range(5)] == [b"{}"] * 5
        assert server.connections == 1
        over.hang_up()


def test_a_kept_connection_that_the_server_has_closed_meanwhile_costs_nothing() -> None:
    """It is seen before the request is sent, so it is neither an error nor a retry."""
    over = wire()
    with RawServer(saying(answer(b"{}"))) as server:  # says nothing of closing, and closes
        for count in range(1, 6):
            assert get(server, over).body == b"{}"
            time.sleep(0.02)
            assert server.connections == count
        over.hang_up()


def test_a_guard_is_not_shared_between_threads() -> None:
    """Side by side, each exchange is told apart by its own connection."""
    over = wire()
    outcomes: dict[str, object] = {}

    def run(name: str, url: str) -> None:
        try:
            outcomes[name] = get(url, over).body
        except (Lost, NeverSent) as error:
            outcomes[name] = type(error)

    with RawServer(keeping) as good, RawServer(read_request) as bad:
        urls = {"good": good.url, "bad": bad.url, "closed": closed_port()}
        threads = [threading.Thread(target=run, args=each) for each in urls.items()]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        over.hang_up()
    assert outcomes == {"good": b'{"id": "x"}', "bad": Lost, "closed": NeverSent}
