"""The sandbox as a server: who may ask, what it shows of itself, how it ends."""

import json
import socket
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from http.client import HTTPConnection
from urllib.parse import urlsplit

import pytest
import requests

from syncer.sandbox import HttpRequest, SandboxServer, World, track
from tests.sandbox.client import Client

JSON = {"Content-Type": "application/json"}


@pytest.mark.parametrize("host", ["example.org", "127.0.0.1", "localhost:1", "[::1]", ""])
def test_other_hosts_are_not_served(spotify: Client, world: World, host: str) -> None:
    assert spotify.send("GET", "/v1/me", headers={"Host": host}).status == 421
    assert world.calls == []


def test_localhost_is_served_too(spotify: Client) -> None:
    port = urlsplit(spotify.server.api_url).port

    assert spotify.send("GET", "/v1/me", headers={"Host": f"localhost:{port}"}).status == 401


def test_connections_are_kept_and_answer_without_delay(world: World) -> None:
    token = world.access_token(world.sign_in())
    with SandboxServer(world) as server, requests.Session() as session:
        session.trust_env = False
        started = time.perf_counter()
        for _ in range(50):
            session.get(f"{server.api_url}/me", headers={"Authorization": f"Bearer {token}"}).raise_for_status()
        took = time.perf_counter() - started

    assert took < 50 * 0.04  # what delayed acknowledgements would cost


def test_latency_is_waited_for_the_api_alone(world: World) -> None:
    with SandboxServer(world, latency=0.05) as server:
        client = Client(world, server)
        started = time.perf_counter()
        client.get("me")
        api = time.perf_counter() - started
        client.send("GET", "/sandbox/history")
        rest = time.perf_counter() - started - api

    assert api >= 0.05 > rest


def test_requests_side_by_side_wait_for_latency_together(world: World) -> None:
    with SandboxServer(world, latency=0.2) as server, ThreadPoolExecutor(4) as pool:
        client = Client(world, server)
        started = time.perf_counter()
        answers = list(pool.map(client.get, ["me"] * 4))
        took = time.perf_counter() - started

    assert [answer.status for answer in answers] == [200] * 4
    assert took < 4 * 0.2


def test_nothing_is_printed_whatever_happens(spotify: Client, capfd: pytest.CaptureFixture[str]) -> None:
    spotify.get("me", code="secret")
    with socket.create_connection(
        (urlsplit(spotify.server.api_url).hostname, urlsplit(spotify.server.api_url).port)
    ) as raw:
        raw.sendall(b"nonsense\r\n\r\n")
        raw.recv(1000)

    assert capfd.readouterr() == ("", "")


def test_the_server_ends_at_once_though_clients_hold_on(world: World) -> None:
    with SandboxServer(world) as server:
        kept = HTTPConnection(urlsplit(server.api_url).netloc, timeout=1)
        kept.request("GET", "/v1/me")
        assert kept.getresponse().read()
        started = time.perf_counter()
    took = time.perf_counter() - started
    kept.close()

    assert took < 1
    with pytest.raises(ConnectionRefusedError):
        Client(world, server).get("me")


def test_bodies_have_a_length_and_a_limit(spotify: Client) -> None:
    assert spotify.send("POST", "/api/token", headers={"Transfer-Encoding": "chunked"}).status == 411
    assert spotify.send("POST", "/api/token", headers={"Content-Length": "9999999"}).status == 413
    assert spotify.send("POST", "/api/token", headers={"Content-Length": "9" * 5000}).status == 413
    assert spotify.send("POST", "/api/token", headers={"Content-Length": "many"}).status == 411


def test_every_method_is_answered(spotify: Client) -> None:
    assert [spotify.api(method, "me").status for method in ("OPTIONS", "PATCH", "BREW")] == [405, 405, 405]


def test_history_and_playlists_can_be_seen_from_outside(spotify: Client, world: World) -> None:
    playlist = world.playlist("mine", items=[track(1), None])
    spotify.api("POST", f"playlists/{playlist.id}/items", {"uris": [track(2).uri]})

    request, change = json.loads(spotify.send("GET", "/sandbox/history").body)
    uris = json.loads(spotify.send("GET", f"/sandbox/playlists/{playlist.id}").body)

    assert (request["record"], request["status"], request["uris"]) == ("request", 201, [track(2).uri])
    assert (change["record"], change["kind"], change["by"]) == ("change", "add", "listener")
    assert uris == [track(1).uri, None, track(2).uri]
    assert spotify.send("GET", "/sandbox/playlists/none").status == 404
    assert spotify.send("GET", "/sandbox/nonsense").status == 404
    assert len(world.calls) == 1


def test_faults_can_be_told_from_outside(spotify: Client, world: World) -> None:
    playlist = world.playlist("mine", tracks=3)
    limit = {"kind": "rate-limit", "method": "GET", "path": "/v1/me", "times": None, "headers": {"Retry-After": "7"}}
    edit = {
        "kind": "edit",
        "edits": [{"playlist": playlist.id, "move": [0, 2]}, {"playlist": playlist.id, "remove": 0}],
    }

    made = [spotify.send("POST", "/sandbox/faults", json.dumps(each).encode(), JSON).status for each in (edit, limit)]

    assert made == [201, 201]
    assert [spotify.get("me").headers["retry-after"] for _ in range(2)] == ["7", "7"]
    assert playlist.uris == (track(0, "mine").uri, track(2, "mine").uri)


@pytest.mark.parametrize(
    ("body", "says"),
    [
        ("{", "Expecting"),
        ("[]", "a fault is an object"),
        ("{}", "needs its 'kind'"),
        ('{"kind": "nonsense"}', "'nonsense' is no kind"),
        ('{"kind": "status", "colour": 1}', "has no 'colour'"),
        ('{"kind": "status", "act": 1}', "has no 'act'"),
        ('{"kind": "status", "after": "1"}', "after cannot be '1'"),
        ('{"kind": "status", "after": true}', "after cannot be True"),
        ('{"kind": "edit", "edits": [7]}', "is no edit"),
        ('{"kind": "edit", "edits": [{"playlist": "none", "remove": 0}]}', "There is no playlist 'none'"),
    ],
)
def test_a_wrong_fault_is_told(spotify: Client, body: str, says: str) -> None:
    got = spotify.send("POST", "/sandbox/faults", body.encode(), JSON)

    assert got.status == 400
    assert says in got.message


def test_a_page_elsewhere_cannot_send_faults(spotify: Client) -> None:
    got = spotify.send("POST", "/sandbox/faults", b'{"kind": "premium"}', {"Content-Type": "text/plain"})

    assert got.status == 415
    assert spotify.get("me").status == 200


def test_adds_from_many_threads_all_land(world: World) -> None:
    playlist = world.playlist("mine")
    token = world.access_token(world.sign_in())
    url = f"https://api.spotify.com/v1/playlists/{playlist.id}/items"

    def add(number: int) -> None:
        for step in range(20):
            body = json.dumps({"uris": [track(number * 20 + step).uri]}).encode()
            world.answer(HttpRequest.to("POST", url, headers={"Authorization": f"Bearer {token}"}, body=body))

    threads = [threading.Thread(target=add, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert set(playlist.uris) == {track(number).uri for number in range(160)}
    assert len(playlist.uris) == len(world.changes) == 160
