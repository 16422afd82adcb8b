"""What the adapter owes to a whole run: how many requests, to whom, how long, and when no more."""

import math
import ssl
from collections import defaultdict

import pytest
import trustme

from syncer.errors import Code, Outage
from syncer.model import Pair, Report
from syncer.report import exit_code
from syncer.sandbox import KINDS, WRONG_SHAPES, Call, Fault, Playlist
from tests.fakes import MemoryState
from tests.spotify.raw_server import RawServer, read_request, serving
from tests.spotify.wiring import Wired, pair


def pairs(wired: Wired, count: int) -> list[Pair]:
    """Return *count* pairs, each of its own source and target."""
    make = wired.world.playlist
    return [pair(make(f"s{n}", tracks=2), make(f"t{n}")) for n in range(count)]


def codes(report: Report) -> list[Code | None]:
    return [outcome.error.code if outcome.error else None for outcome in report.outcomes]


# --- I16: how many requests -------------------------------------------------------------------------------------------


def requests_for(source: int, target: int, new: int) -> tuple[int, int]:
    """Return the least and the most that one pair may cost without faults."""
    reading = 2 + max(0, math.ceil((source - 100) / 50)) + max(0, math.ceil((target - 100) / 49))
    batches = math.ceil(new / 100)
    return reading + batches, reading + 2 * batches + bool(new)


@pytest.mark.parametrize("source", [0, 1, 100, 101, 151])
@pytest.mark.parametrize("target", [0, 1, 99, 100, 101, 148, 149])
def test_a_run_without_faults_costs_what_was_promised(source: int, target: int) -> None:
    wired = Wired()
    one = pair(wired.world.playlist("s", tracks=source), wired.world.playlist("t", tracks=target))
    report = wired.run(one)
    least, most = requests_for(source, target, source)
    assert least <= report.requests["spotify"] <= most
    assert report.requests["accounts"] == 1
    assert report.requests["spotify"] + 1 == len(wired.world.calls)

    again = wired.run(one)
    assert again.requests == {"spotify": 1, "accounts": 0}

    wired.new_process(MemoryState())  # which lost what it had read
    again = wired.run(one)
    assert again.requests == {"spotify": requests_for(source, target + source, 0)[0], "accounts": 0}


# --- N9, N1, N2: outages ----------------------------------------------------------------------------------------------

OUTAGES = [
    *(Fault(kind="status", status=status, times=None) for status in (500, 502, 503, 504)),
    *(Fault(kind=kind, times=None) for kind in ("refuse", "close", "reset")),
]


@pytest.mark.parametrize("path", ["**", "/v1/**", "/v1/playlists/*/items"])
@pytest.mark.parametrize("after", [0, 1, 3, 20])
@pytest.mark.parametrize("fault", OUTAGES, ids=lambda fault: f"{fault.kind}-{fault.status}")
def test_a_whole_outage_ends_a_run_of_a_thousand_pairs_soon(fault: Fault, after: int, path: str) -> None:
    wired = Wired()
    many = pairs(wired, 1000)
    wired.world.inject(Fault(kind=fault.kind, status=fault.status, path=path, after=after, times=None))
    report = wired.run(*many)
    assert len(wired.world.calls) <= 30 + after
    assert wired.clock.elapsed <= 60
    assert len(report.outcomes) == 1000
    assert codes(report)[-1] is Code.TEMPORARY
    if not after:
        assert exit_code(report) == 5


def test_a_burst_that_the_retries_outlast_is_not_seen_in_the_report() -> None:
    wired = Wired()
    for after in range(0, 40, 4):
        wired.world.inject(Fault(kind="status", method="GET", status=503, after=after, times=2))
    report = wired.run(*pairs(wired, 8))
    assert exit_code(report) == 0
    assert report.requests["spotify"] == sum(call.path.startswith("/v1/") for call in wired.world.calls)


def test_a_certificate_that_nobody_trusts_is_asked_once_and_named() -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    trustme.CA().issue_cert("127.0.0.1").configure_cert(context)
    heard: list[object] = []
    wired = Wired(server=lambda _world: RawServer(lambda c: heard.append(read_request(c)), tls=context))
    assert isinstance(wired.server, RawServer)
    with wired.server, pytest.raises(Outage, match="certificate") as mistrusted:
        wired.open()
    assert "REQUESTS_CA_BUNDLE" in mistrusted.value.hint
    assert wired.server.connections == 1
    assert not heard


def test_a_certificate_that_the_bundle_vouches_for_is_fine(tmp_path_factory: pytest.TempPathFactory) -> None:
    authority = trustme.CA()
    bundle = tmp_path_factory.mktemp("trust") / "authority.pem"
    authority.cert_pem.write_to_path(str(bundle))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    wired = Wired(server=lambda world: RawServer(serving(world), tls=context), ca_bundle=str(bundle))
    one = pair(wired.world.playlist("s", tracks=3), wired.world.playlist("t"))
    assert wired.server
    with wired.server:
        report = wired.run(one)
        wired.wire.hang_up()
    assert report.outcomes[0].added


def test_all_reads_of_a_run_share_one_connection_and_each_add_has_its_own() -> None:
    wired = Wired(server=lambda world: RawServer(serving(world)))
    assert isinstance(wired.server, RawServer)
    one = pair(wired.world.playlist("s", tracks=450), wired.world.playlist("t", tracks=150))
    with wired.server:
        wired.plan(one)
        assert wired.server.connections == 1
        wired.run(one)
        assert wired.server.connections == 1 + 1 + 5  # the run before, the reads, the adds
        wired.wire.hang_up()


# --- I15: no more requests --------------------------------------------------------------------------------------------


def scene(wired: Wired) -> list[Pair]:
    """Return pairs that need LENGTH requests, adds among them."""
    make = wired.world.playlist
    source, target = make("fresh", tracks=230), make("archive", tracks=60)
    return [pair(source, target), pair(target, make("second"))]


def calls(wired: Wired) -> list[Call]:
    return wired.world.calls


LENGTH = 21
"""Requests of that run."""


@pytest.mark.parametrize("position", range(LENGTH))
def test_after_a_wish_to_stop_no_request_follows(position: int) -> None:
    wired = Wired()
    ask = scene(wired)
    wired.world.inject(Fault(kind="edit", after=position, act=lambda _scene: wired.stop(2)))
    report = wired.run(*ask)
    assert len(calls(wired)) == position + 1
    assert report.interrupted_by == (2 if position + 1 < LENGTH else None)


@pytest.mark.parametrize("position", range(LENGTH))
@pytest.mark.parametrize("fault", [Fault(kind="quota"), Fault(kind="rate-limit", headers={"Retry-After": "3600"})])
def test_after_a_limit_no_request_follows(fault: Fault, position: int) -> None:
    wired = Wired()
    ask = scene(wired)
    wired.world.inject(Fault(kind=fault.kind, headers=fault.headers, after=position))
    report = wired.run(*ask)
    assert len(calls(wired)) == position + 1
    assert codes(report)[-1] in (Code.QUOTA_EXCEEDED, Code.RATE_LIMITED)


@pytest.mark.parametrize(
    "fault", [None, Fault(kind="stall"), Fault(kind="rate-limit"), Fault(kind="status", status=503)]
)
@pytest.mark.parametrize("deadline", [3, 49, 50, 50.5, 51, 52, 70, 110, 200])
def test_no_request_starts_that_might_not_end_before_the_deadline(deadline: float, fault: Fault | None) -> None:
    wired = Wired()
    ask = scene(wired)
    if fault:
        wired.world.inject(Fault(kind=fault.kind, status=fault.status, after=2, times=None))
    wired.run(*ask, deadline=deadline)
    started = wired.clock.start.timestamp()
    assert all(call.at - started < deadline - 50 + 1e-6 or deadline > 200 for call in calls(wired))
    assert wired.clock.elapsed <= max(1, deadline - 1)


# --- I12, I14, X5, X6, P11: what is sent ------------------------------------------------------------------------------

REFUSED = {400, 401, 403, 404, 429}


@pytest.mark.parametrize("applied", [False, True])
@pytest.mark.parametrize("kind", sorted(KINDS))
def test_the_same_uris_are_sent_again_only_after_a_refusal(kind: str, applied: bool) -> None:  # noqa: FBT001
    for position in range(3):
        for times in (1, None):
            wired = Wired(seed=position)
            ask = scene(wired)
            fault = Fault(kind=kind, method="POST", path="/v1/**", after=position, times=times, applied=applied)
            wired.world.inject(fault)
            wired.run(*ask)
            check_adds(wired)
            check_hosts_and_paths(wired)


def check_adds(wired: Wired) -> None:
    sent: dict[tuple[str, tuple[str, ...]], list[Call]] = defaultdict(list)
    for call in calls(wired):
        if call.uris:
            assert 1 <= len(call.uris) == len(set(call.uris)) <= 100
            sent[call.path, call.uris].append(call)
    for repeated in sent.values():
        assert all(call.status in REFUSED or call.effect == "refuse" for call in repeated[:-1])
        assert sum(call.applied and call.status not in REFUSED for call in repeated) <= 1


def check_hosts_and_paths(wired: Wired) -> None:
    """Fault model I18, X6: two hosts over TLS, known templates, GET and POST."""
    for method, url, headers in wired.network.sent:
        if url == "https://accounts.spotify.com/api/token":
            assert (method, headers["Authorization"][:6]) == ("POST", "Basic ")
            continue
        assert url.startswith("https://api.spotify.com/v1/")
        assert headers["Authorization"].startswith("Bearer ")
        path = url.partition("?")[0].removeprefix("https://api.spotify.com/v1/").split("/")
        assert path in (["me", "tracks"], ["me", "playlists"]) or (
            path[0] == "playlists" and len(path[1]) == 22 and path[2:] in ([], ["items"])
        )
        assert method == "GET" or (method == "POST" and path[2:] == ["items"])
        assert "market" not in url  # P11: it would read back other URIs than were added


HOSTILE = {
    "next": "https://elsewhere.example/v1/me/tracks",
    "href": "https://elsewhere.example/v1/me/tracks",
    "snapshot_id": "../../me",
    "id": "../../../etc",
}


@pytest.mark.parametrize("fault", [Fault(kind="patch", put=HOSTILE), Fault(kind="redirect", applied=True)])
def test_links_and_redirects_in_answers_lead_nowhere(fault: Fault) -> None:
    wired = Wired()
    wired.world.like([playlist_track(wired)])
    ask = [*scene(wired), pair("liked", wired.world.playlist("liked"))]
    wired.world.inject(Fault(kind=fault.kind, put=fault.put, applied=fault.applied, path="/v1/**", times=None))
    wired.run(*ask)
    check_hosts_and_paths(wired)


def playlist_track(wired: Wired) -> str:
    found: Playlist = wired.world.playlist("for its track", tracks=1)
    return str(found.uris[0])


@pytest.mark.parametrize("kind", sorted(KINDS))
def test_no_answer_is_too_strange_for_a_report(kind: str) -> None:
    """Fault model N7, N8: no traceback, and nothing that is taken for an empty list."""
    pages = ("/v1/playlists/*/items", "/v1/me/tracks")
    for path in pages if kind == "null-entry" else (*pages, "/v1/playlists/*", "/api/token"):
        for text in WRONG_SHAPES if kind == "other-body" else ("",):
            wired = Wired()
            ask = [*scene(wired), pair("liked", wired.world.playlist("liked"))]
            method = "GET" if kind == "null-entry" else "*"  # an add answers with no page
            fault = Fault(kind=kind, method=method, path=path, times=None, text=text or None, size=3_000_000)
            wired.world.inject(fault)
            report = wired.run(*ask)
            assert Code.BUG not in codes(report)
            check_hosts_and_paths(wired)
            check_adds(wired)
