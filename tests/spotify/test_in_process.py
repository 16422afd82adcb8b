"""The in-process network shows the Wire the same as a socket does."""

import time
from collections.abc import Iterator

import pytest
import requests

from syncer.sandbox import KINDS, Fault, SandboxServer, World
from syncer.spotify.wire import Limits, Lost, NeverSent, Wire
from tests.fakes import FakeClock
from tests.spotify.in_process import InProcess

LIMITS = Limits(connect=2, read=0.5, send=0.5, whole=1.5)
FIELDS = "total,items(item(uri,name))"


class Side:
    """A world of its own, always the same, and a wire to it."""

    def __init__(self, world: World, wire: Wire, accounts_url: str, api_url: str) -> None:
        self.world, self.wire = world, wire
        self.held = world.playlist("held", tracks=60)
        sign_in = world.sign_in()
        bearer = {"Authorization": f"Bearer {world.access_token(sign_in)}"}
        url = f"{api_url}/playlists/{self.held.id}/items"
        form = {"grant_type": "refresh_token", "refresh_token": sign_in.refresh_token}
        app = (world.app.client_id, world.app.client_secret)
        self.requests = {
            "read": requests.Request("GET", url, bearer, params={"fields": FIELDS, "limit": 2}),
            "add": requests.Request("POST", url, bearer, json={"uris": [self.held.uris[0]]}),
            "token": requests.Request("POST", f"{accounts_url}/api/token", data=form, auth=app),
        }

    def outcome(self, what: str) -> object:
        try:
            reply = self.wire.exchange(self.requests[what])
        except (Lost, NeverSent) as error:
            return type(error)
        return reply.status, reply.headers.get("Content-Type"), reply.headers.get("Retry-After"), reply.body


@pytest.fixture
def inside() -> Side:
    clock = FakeClock()
    world = World(lambda: clock.now().timestamp())
    wire = Wire(monotonic=clock.monotonic, limits=LIMITS, adapter=InProcess(world, clock))
    return Side(world, wire, "https://accounts.spotify.com", "https://api.spotify.com/v1")


@pytest.fixture
def outside() -> Iterator[Side]:
    world = World(lambda: FakeClock().now().timestamp())
    with SandboxServer(world) as server:
        wire = Wire(monotonic=time.monotonic, limits=LIMITS)
        yield Side(world, wire, server.accounts_url, server.api_url)
        wire.hang_up()


@pytest.mark.parametrize("what", ["read", "add", "token"])
@pytest.mark.parametrize("kind", sorted(KINDS.keys() - {"refuse", "null-entry", "patch"}))
def test_every_kind_of_fault_looks_the_same_from_both_sides(kind: str, what: str, inside: Side, outside: Side) -> None:
    seen = set()
    for side in (inside, outside):
        injected = side.world.inject(Fault(kind=kind, seconds=0.05, applied=True, size=3_000_000))
        seen.add(side.outcome(what))
        assert injected.fired == 1
    assert len(seen) == 1


@pytest.mark.parametrize("kind", ["stall", "drip", "reset"])
@pytest.mark.parametrize("at_byte", [0, 1, 12, 40, 195, 210, 100_000])
def test_so_does_an_answer_that_breaks_off_anywhere(kind: str, at_byte: int, inside: Side, outside: Side) -> None:
    seen = set()
    for side in (inside, outside):
        side.world.inject(Fault(kind=kind, at_byte=at_byte, seconds=0.2, applied=True))
        seen.add(side.outcome("add"))
    assert len(seen) == 1


def test_so_does_a_connection_closed_at_any_byte_of_the_answer(inside: Side, outside: Side) -> None:
    """Fault model N6, on the way back: the status line decides."""
    seen = []
    for at_byte in range(260):
        for side in (inside, outside):
            side.world.heal()
            side.world.inject(Fault(kind="close", at_byte=at_byte, applied=True))
        seen.append(inside.outcome("add"))
        assert seen[-1] == outside.outcome("add"), at_byte

    assert all(one is Lost for one in seen[: len("HTTP/1.1 201")])
    assert all(isinstance(one, tuple) and one[0] == 201 for one in seen[len("HTTP/1.1 201") :])


def test_only_here_a_connection_can_be_refused_outright(inside: Side, outside: Side) -> None:
    """A server that has accepted a connection can only reset it, and by then the request has left."""
    for side in (inside, outside):
        side.world.inject(Fault(kind="refuse"))
    assert inside.outcome("add") is NeverSent
    assert outside.outcome("add") is Lost
