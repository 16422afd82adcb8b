"""No test touches the world outside: no network but loopback, no AWS account, nobody's home."""

import ipaddress
import os
import socket
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, settings

# How fast an example is drawn says something about the machine, and nothing about the product.
settings.register_profile("patient", deadline=None, suppress_health_check=[HealthCheck.too_slow])
# For `make mutate`: the same few examples for each mutant, and no time spent on making a failure small.
settings.register_profile(
    "mutate",
    parent=settings.get_profile("patient"),
    derandomize=True,
    database=None,
    max_examples=30,
    phases=[Phase.explicit, Phase.generate],
)
settings.load_profile("patient")

OURS = ("AWS_", "SYNCER_", "SPOTIFY_")


@pytest.fixture(autouse=True)
def _shelter(monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory) -> None:
    """Give each test an empty home and an environment without our variables, and refuse real connections."""
    for name in list(os.environ):
        if name.startswith(OURS) or name.lower().endswith("_proxy") or name.startswith("XDG_"):
            monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", str(tmp_path_factory.mktemp("home")))
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    connect = socket.socket.connect

    def only_loopback(self: socket.socket, address: Any) -> None:
        if self.family != socket.AF_UNIX and not ipaddress.ip_address(address[0]).is_loopback:
            raise AssertionError(f"a test tried to reach {address[0]}: tests talk to this machine only")
        connect(self, address)

    monkeypatch.setattr(socket.socket, "connect", only_loopback)


@pytest.fixture
def root() -> Path:
    """Return the folder of the checkout."""
    return Path(__file__).parent.parent
