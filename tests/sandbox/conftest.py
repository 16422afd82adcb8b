from collections.abc import Iterator

import pytest

from syncer.sandbox import SandboxServer, World
from tests.sandbox.client import Client, Clock


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def world(clock: Clock) -> World:
    return World(clock)


@pytest.fixture
def spotify(world: World) -> Iterator[Client]:
    """A client of a sandbox over real HTTP, signed in with every scope."""
    with SandboxServer(world) as server:
        yield Client(world, server)
