"""Chromium without a window, by the W3C WebDriver protocol: JSON over HTTP to ``chromedriver``."""

import base64
import json
import shutil
import socket
import subprocess
import time
import urllib.error
import urllib.request
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

ELEMENT: Final = "element-6066-11e4-a52e-4f735466cecf"
"""The name under which the protocol hands out elements."""
PATIENCE, PAUSE = 30.0, 0.02
FLAGS: Final = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--disable-dev-shm-usage",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--hide-scrollbars",
    "--window-size=900,700",
)


class Chromium:
    """A browser with an empty profile in *folder*, for as long as it is entered."""

    def __init__(self, folder: Path) -> None:
        driver = shutil.which("chromedriver")
        assert driver, "chromedriver is missing: apt-get install chromium chromium-driver"
        with socket.create_server(("127.0.0.1", 0)) as free:
            port = free.getsockname()[1]
        self._base = f"http://127.0.0.1:{port}"
        self._process = subprocess.Popen([driver, f"--port={port}", "--log-level=SEVERE"])  # noqa: S603 - found on the path
        self._folder = folder

    def __enter__(self) -> Self:
        try:
            self._wait_until_ready()
            chrome = {"args": [*FLAGS, f"--user-data-dir={self._folder}"]}
            wanted = {"goog:chromeOptions": chrome, "goog:loggingPrefs": {"performance": "ALL"}}
            answer = self._ask("POST", "/session", {"capabilities": {"alwaysMatch": wanted}})
        except BaseException:
            self._process.kill()
            self._process.wait()
            raise
        self._base += f"/session/{answer['sessionId']}"
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._ask("DELETE", "")
        self._process.terminate()
        self._process.wait()

    def open(self, address: str) -> None:
        self._ask("POST", "/url", {"url": address})

    @property
    def address(self) -> str:
        return str(self._ask("GET", "/url"))

    def text(self, css: str) -> str:
        return str(self._ask("GET", f"/element/{self._find(css)}/text"))

    def style(self, css: str, name: str) -> str:
        return str(self._ask("GET", f"/element/{self._find(css)}/css/{name}"))

    def click(self, css: str) -> None:
        """Click, and wait for the page that this leads to; the protocol itself does not always."""
        before, ends = self.address, time.monotonic() + PATIENCE
        self._ask("POST", f"/element/{self._find(css)}/click", {})
        while self.address == before:
            assert time.monotonic() < ends, f"a click on {css} led nowhere"
            time.sleep(PAUSE)

    def prefer(self, scheme: str) -> None:
        """Let the system be ``light`` or ``dark`` from now on."""
        features = [{"name": "prefers-color-scheme", "value": scheme}]
        self._devtools("Emulation.setEmulatedMedia", {"features": features})

    def resize(self, width: int, height: int) -> None:
        metrics = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 600}
        self._devtools("Emulation.setDeviceMetricsOverride", metrics)

    def screenshot(self, path: Path) -> bytes:
        picture = base64.b64decode(self._ask("GET", "/screenshot"))
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(picture)
        return picture

    def complaints(self) -> list[str]:
        """Return what the browser has logged about its pages, such as a style that a policy refused."""
        return [entry["message"] for entry in self._ask("POST", "/se/log", {"type": "browser"})]

    def requested(self) -> list[str]:
        """Return every address that pages but the browser's own asked for since this was last called."""
        logged = self._ask("POST", "/se/log", {"type": "performance"})
        events = (json.loads(entry["message"])["message"] for entry in logged)
        asked = (event["params"] for event in events if event["method"] == "Network.requestWillBeSent")
        return [event["request"]["url"] for event in asked if not event["documentURL"].startswith("chrome:")]

    def evaluate(self, script: str) -> Any:
        """Return what the body of a function comes to, in the page."""
        return self._ask("POST", "/execute/sync", {"script": script, "args": []})

    def _find(self, css: str) -> str:
        return str(self._ask("POST", "/element", {"using": "css selector", "value": css})[ELEMENT])

    def _devtools(self, command: str, parameters: dict[str, Any]) -> None:
        self._ask("POST", "/goog/cdp/execute", {"cmd": command, "params": parameters})

    def _ask(self, method: str, path: str, body: dict[str, Any] | None = None) -> Any:
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self._base + path, data, method=method)  # noqa: S310 - loopback
        try:
            with urllib.request.urlopen(request, timeout=60) as answer:  # noqa: S310 - loopback
                return json.load(answer)["value"]
        except urllib.error.HTTPError as error:
            raise AssertionError(f"{method} {path}: {error.read().decode()[:500]}") from None

    def _wait_until_ready(self) -> None:
        ends = time.monotonic() + PATIENCE
        while True:
            try:
                if self._ask("GET", "/status")["ready"]:
                    return
            except OSError:
                assert time.monotonic() < ends, "chromedriver does not answer"
                assert self._process.poll() is None, "chromedriver has ended"
            time.sleep(PAUSE)
