"""The command as a process: in a terminal of its own, or without one."""

import os
import select
import subprocess
import sys
import time
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Final, Self

SYNCER: Final = (sys.executable, "-m", "syncer")
ROOT: Final = Path(__file__).resolve().parents[2]
PATIENCE: Final = 20.0


class Desktop:
    """What ``$BROWSER`` leads to: a script that hands over the address instead of showing it."""

    def __init__(self, folder: Path) -> None:
        pipe, self.script = folder / "opened", folder / "browser"
        os.mkfifo(pipe)
        self.script.write_text(f"#!/bin/sh\nprintf '%s\\n' \"$1\" >'{pipe}'\n")
        self.script.chmod(0o700)
        self._pipe = os.open(pipe, os.O_RDWR | os.O_NONBLOCK)

    def opened(self) -> str:
        """Return the address that is opened next."""
        heard = b""
        while not heard.endswith(b"\n"):
            assert select.select([self._pipe], [], [], PATIENCE)[0], "no browser was opened"
            heard += os.read(self._pipe, 65536)
        return heard.decode().strip()

    def close(self) -> None:
        os.close(self._pipe)


class Terminal:
    """Runs *command* in a pseudo-terminal that is its controlling one, as a person would."""

    def __init__(self, command: tuple[str, ...], environ: Mapping[str, str], folder: Path) -> None:
        self._ours, theirs = os.openpty()
        # The first terminal that the leader of a session opens becomes the one that it gets its signals from.
        attach = ("sh", "-c", 'exec "$@" <"$0" >"$0" 2>&1', os.ttyname(theirs))
        self._process = subprocess.Popen(  # noqa: S603 - our own command
            (*attach, *command), env=environ, cwd=folder, start_new_session=True
        )
        self._theirs = theirs  # kept open, or a read before the process opens it would fail
        self.shown = ""
        self._seen = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._process.poll() is None:
            self._process.kill()
            self._process.wait()
        for end in (self._ours, self._theirs):
            os.close(end)

    def until(self, text: str) -> str:
        """Read until *text* is shown; return what was shown since the last call, up to that."""
        start, ends = self._seen, time.monotonic() + PATIENCE
        while (found := self.shown.find(text, start)) < 0:
            assert select.select([self._ours], [], [], max(0, ends - time.monotonic()))[0], self.shown
            self.shown += os.read(self._ours, 65536).decode()
        self._seen = found + len(text)
        return self.shown[start:found]

    def type(self, text: str) -> None:
        os.write(self._ours, text.encode())

    def insist(self, key: str) -> None:
        """Press *key* until the command ends: one that comes between a prompt and its read waits for the next."""
        ends = time.monotonic() + PATIENCE
        while self._process.poll() is None:
            assert time.monotonic() < ends, self.shown
            self.type(key)
            with suppress(subprocess.TimeoutExpired):
                self._process.wait(0.5)

    def code(self) -> int:
        """Wait for the end and return the exit code; ``shown`` is complete then."""
        code = self._process.wait(PATIENCE)
        while select.select([self._ours], [], [], 0)[0]:
            self.shown += os.read(self._ours, 65536).decode()
        return code
