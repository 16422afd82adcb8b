"""The whole of ``syncer login`` as a person does it: a terminal, Chromium, and the consent page of the sandbox.

``make test-browser`` runs this; it needs Chromium and its driver. Pictures of every page are left in build/browser.
"""

import json
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from syncer.sandbox import SandboxServer, World
from tests.browser.webdriver import Chromium
from tests.login.terminal import ROOT, SYNCER, Desktop, Terminal

PICTURES = ROOT / "build" / "browser"
PHONE, LAPTOP = (390, 844), (900, 700)


@dataclass
class Home:
    """A user's home and a Spotify."""

    folder: Path
    world: World
    desktop: Desktop
    environ: dict[str, str]

    def terminal(self, *options: str) -> Terminal:
        return Terminal((*SYNCER, "login", *options), self.environ, self.folder)

    @property
    def path(self) -> Path:
        return self.folder / "credentials.json"


@pytest.fixture(scope="module")
def chromium(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Chromium]:
    with Chromium(tmp_path_factory.mktemp("chromium")) as browser:
        yield browser


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Home]:
    world = World()
    app, path = world.app, tmp_path / "credentials.json"
    path.touch(mode=0o600)
    held = {"spotify_client_id": app.client_id, "spotify_client_secret": app.client_secret, "refresh_token": "old"}
    path.write_text(json.dumps(held))
    desktop = Desktop(tmp_path)
    with SandboxServer(world) as server:
        environ = {
            "PATH": os.environ["PATH"],
            "HOME": str(tmp_path),
            "PYTHONPATH": str(ROOT),
            "SPOTIFY_ACCOUNTS_URL": server.accounts_url,
            "SYNCER_CREDENTIALS_FILE": str(path),
            "BROWSER": str(desktop.script),
        }
        yield Home(tmp_path, world, desktop, environ)
    desktop.close()


def pictures(chromium: Chromium, name: str) -> None:
    """Take *name* in both colour schemes and on a phone; the two schemes must not look the same."""
    chromium.resize(*LAPTOP)
    taken = []
    for scheme in ("dark", "light"):
        chromium.prefer(scheme)
        taken.append((chromium.screenshot(PICTURES / f"{name}-{scheme}.png"), chromium.style("body", "color")))
    chromium.resize(*PHONE)
    chromium.screenshot(PICTURES / f"{name}-phone.png")
    chromium.resize(*LAPTOP)
    (dark, dark_ink), (light, light_ink) = taken
    assert dark != light
    assert dark_ink != light_ink


def test_a_person_agrees_in_the_browser_and_is_signed_in(home: Home, chromium: Chromium) -> None:
    with home.terminal() as terminal:
        chromium.open(home.desktop.opened())
        assert "Sandbox" in chromium.text("small")
        pictures(chromium, "consent")

        chromium.click("button[value=agree]")

        assert chromium.text("h1") == "You are signed in"
        assert terminal.code() == 0
        pictures(chromium, "signed-in")

    kept = json.loads(home.path.read_text())
    assert kept["refresh_token"] in home.world.sign_ins
    assert chromium.style("main", "text-align") == "center"  # the policy lets the page have its style
    assert chromium.complaints() == []


def test_a_person_says_no_and_nothing_changes(home: Home, chromium: Chromium) -> None:
    before = home.path.read_bytes()
    with home.terminal() as terminal:
        chromium.open(home.desktop.opened())

        chromium.click("button[value=cancel]")

        assert chromium.text("h1") == "You said no"
        assert terminal.code() == 3
        pictures(chromium, "declined")

    assert "declined in the browser" in terminal.shown
    assert home.path.read_bytes() == before
    assert chromium.complaints() == []


def test_a_sign_in_that_fails_is_told_on_the_page_and_in_the_terminal(home: Home, chromium: Chromium) -> None:
    home.world.app.client_secret = "renewed"
    with home.terminal() as terminal:
        chromium.open(home.desktop.opened())
        chromium.click("button[value=agree]")

        assert chromium.text("h1") == "The sign-in failed"
        assert terminal.code() == 3
        pictures(chromium, "failed")

    assert "client secret is wrong" in terminal.shown


def test_a_page_for_another_sign_in_leaves_this_one_waiting(home: Home, chromium: Chromium) -> None:
    with home.terminal() as terminal:
        address = home.desktop.opened()
        chromium.open(address.partition("&state=")[0] + "&state=of-another-sign-in")
        chromium.click("button[value=agree]")
        assert chromium.text("h1") == "Not the answer expected here"
        pictures(chromium, "stray")

        chromium.open(address)
        chromium.click("button[value=agree]")

        assert chromium.text("h1") == "You are signed in"
        assert terminal.code() == 0


def test_a_person_carries_the_address_over_from_another_machine(home: Home, chromium: Chromium) -> None:
    """Nobody answers at the address, and yet it stands in the address bar."""
    with home.terminal("--no-browser") as terminal:
        terminal.until("Address (not shown): ")
        chromium.open(next(word for word in terminal.shown.split() if "/authorize?" in word))
        chromium.click("button[value=agree]")
        terminal.type(f"{chromium.address}\n")
        assert terminal.code() == 0

    assert json.loads(home.path.read_text())["refresh_token"] in home.world.sign_ins
