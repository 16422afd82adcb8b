"""``syncer init`` from nothing to a plan: a terminal, Chromium, and the consent page of the sandbox."""

import os
from pathlib import Path

from syncer import config
from syncer.sandbox import SandboxServer, World
from tests.browser.webdriver import Chromium
from tests.login.terminal import ROOT, SYNCER, Desktop, Terminal


def test_a_newcomer_answers_six_questions_and_sees_the_plan(tmp_path: Path) -> None:
    """The client id, its secret, the source, the target, its name, and whether to go on."""
    world, desktop, folder = World(), Desktop(tmp_path), tmp_path / "chromium"
    week = world.playlist("My Week", tracks=7)
    folder.mkdir()
    with SandboxServer(world) as server, Chromium(folder) as chromium:
        environ = {
            "PATH": os.environ["PATH"],
            "HOME": str(tmp_path),
            "PYTHONPATH": str(ROOT),
            "SPOTIFY_API_URL": server.api_url,
            "SPOTIFY_ACCOUNTS_URL": server.accounts_url,
            "BROWSER": str(desktop.script),
        }
        with Terminal((*SYNCER, "init"), environ, tmp_path) as terminal:
            for question, answer in (("Client id: ", world.app.client_id), ("one): ", world.app.client_secret)):
                terminal.until(question)
                terminal.type(f"{answer}\n")
            chromium.open(desktop.opened())
            chromium.click("button[value=agree]")
            assert chromium.text("h1") == "You are signed in"
            for question, answer in (("'liked'): ", "1"), ("to make one): ", "new"), ("]: ", ""), ("[Y/n]: ", "")):
                terminal.until(question)
                terminal.type(f"{answer}\n")
            assert terminal.code() == 0
    desktop.close()

    (pair,) = config.load(tmp_path / "config" / "config.yaml").pairs
    assert world.playlists[pair.target].name == "My Week archive"
    assert [str(source) for source in pair.sources] == [f"spotify:playlist:{week.id}"]
    assert "7 items to add" in terminal.shown
