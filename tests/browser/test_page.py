"""The page of ``syncer history --html`` in a browser: it asks for nothing, obeys no name in it, and fits a phone."""

from collections.abc import Iterator
from pathlib import Path
from socketserver import BaseRequestHandler, ThreadingTCPServer
from threading import Thread

import pytest

from syncer.cli import page
from tests.browser.webdriver import Chromium
from tests.cli import histories
from tests.login.terminal import ROOT

PICTURES = ROOT / "build" / "browser"
SIZES = {"phone": (390, 844), "desktop": (1280, 900)}


@pytest.fixture(scope="module")
def chromium(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Chromium]:
    with Chromium(tmp_path_factory.mktemp("chromium")) as browser:
        yield browser


@pytest.fixture
def canary() -> Iterator[tuple[str, list[str]]]:
    """Return an address, and what anybody who connected to it sent first."""
    heard: list[str] = []

    class Handler(BaseRequestHandler):
        def handle(self) -> None:
            self.request.settimeout(1)
            try:
                heard.append(self.request.recv(100).decode())
            except TimeoutError:
                heard.append("")

    with ThreadingTCPServer(("127.0.0.1", 0), Handler) as server:
        thread = Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_address[1]}", heard
        server.shutdown()
        thread.join()


def opened(chromium: Chromium, folder: Path, facts: page.Facts) -> str:
    """Open the page of *facts*, and return its address."""
    file = folder / "history.html"
    file.write_text(page.page(facts), encoding="utf-8")
    chromium.requested()  # forget what other pages asked for
    chromium.open(file.as_uri())
    return file.as_uri()


def test_the_page_has_its_charts_on_a_phone_and_a_desktop_in_light_and_dark(chromium: Chromium, tmp_path: Path) -> None:
    address = opened(chromium, tmp_path, histories.long())
    looks = set()
    for name, size in SIZES.items():
        chromium.resize(*size)
        for scheme in ("dark", "light"):
            chromium.prefer(scheme)
            looks.add(chromium.screenshot(PICTURES / f"history-{name}-{scheme}.png"))
            assert chromium.evaluate("return document.documentElement.scrollWidth - innerWidth") <= 0
            assert chromium.evaluate("return document.querySelectorAll('.chart canvas').length") == 3
    assert len(looks) == 4
    assert chromium.requested() == [address]
    assert chromium.complaints() == []


def test_all_weeks_are_shown_on_request(chromium: Chromium, tmp_path: Path) -> None:
    opened(chromium, tmp_path, histories.long())
    before = chromium.screenshot(PICTURES / "history-year.png")

    chromium.evaluate("document.querySelector('#range button[data-weeks=\"0\"]').click()")

    assert chromium.screenshot(PICTURES / "history-all.png") != before
    assert chromium.evaluate("return document.querySelector('#range [aria-pressed=true]').innerText") == "All"


def test_an_empty_history_is_a_page_too(chromium: Chromium, tmp_path: Path) -> None:
    address = opened(chromium, tmp_path, histories.facts())
    assert chromium.text("h1") == "Nothing was added yet"
    assert chromium.requested() == [address]
    assert chromium.complaints() == []


def test_no_name_does_or_loads_anything(chromium: Chromium, tmp_path: Path, canary: tuple[str, list[str]]) -> None:
    host, heard = canary
    tags = ("<img src={}/img>", "<link rel=stylesheet href={}/css>", "<script src={}/js></script>", "<base href={}/>")
    address = opened(chromium, tmp_path, histories.hostile(*(tag.format(host) for tag in tags)))

    assert chromium.evaluate("return window.pwned") is None
    assert chromium.evaluate("return [...document.querySelectorAll('.from')].map(e => e.innerText)[0]").startswith(
        "</script><script>"
    )
    assert chromium.requested() == [address]
    assert heard == []
    assert chromium.complaints() == []


def test_the_policy_stops_what_would_be_loaded_or_run_all_the_same(
    chromium: Chromium, tmp_path: Path, canary: tuple[str, list[str]]
) -> None:
    """The second wall: markup that got into the page would ask for nothing and run nothing either.

    It could still open a connection and send nothing (a frame, a preconnect): no policy keeps Chromium from that.
    """
    host, heard = canary
    opened(chromium, tmp_path, histories.facts())
    chromium.evaluate(
        f"document.body.insertAdjacentHTML('beforeend', `<img src={host}/img onerror='window.pwned = 1'>"
        f"<link rel=stylesheet href={host}/css>`);"
        f"const script = document.createElement('script'); script.src = '{host}/js'; document.body.append(script);"
        f"return fetch('{host}/fetch').catch(() => null)"
    )
    assert chromium.evaluate("return window.pwned") is None
    assert heard == []
    assert any("Content Security Policy" in complaint for complaint in chromium.complaints())
