"""The command line as a process of its own, in a pipe or on a terminal, on a made-up machine beside a sandbox."""

import base64
import json
import os
import pty
import re
import select
import subprocess
import sys
import termios
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from threading import Event
from typing import IO, Any

from syncer.sandbox import Call, Fault, Playlist, SandboxServer, World

ROOT = Path(__file__).parent.parent.parent
WARDEN = Path(__file__).parent / "warden"
TIMEOUT = 30
COLUMNS = 80
ESCAPE = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")


@dataclass(frozen=True)
class Ended:
    """What a process left behind."""

    code: int
    out: str
    err: str = ""

    @property
    def json(self) -> Any:
        """All of stdout as one JSON document."""
        return json.loads(self.out)

    @property
    def lines(self) -> list[str]:
        return self.out.splitlines()

    @property
    def shown(self) -> list[str]:
        """The lines that a terminal was sent, without colours; what was written over counts as a line."""
        return [line.rstrip() for line in re.split(r"[\r\n]+", ESCAPE.sub("", self.out))]


@dataclass
class Machine:
    """A computer with a home, a folder to work in, credentials, and a Spotify on loopback.

    No process leaves it without being searched for the secrets of its world.
    """

    folder: Path
    world: World
    environ: dict[str, str] = field(default_factory=dict)
    program: Sequence[str] = (sys.executable, "-m", "syncer")

    @property
    def config(self) -> Path:
        return self.folder / "config" / "config.yaml"

    @property
    def debug_log(self) -> Path:
        return self.folder / "home" / ".local" / "state" / "rediscover-weekly" / "debug.log"

    def pairs(self, **pairs: tuple[str | Playlist, Playlist]) -> None:
        """Configure *pairs*, each a source and a target, under the names they are passed by."""
        self.configure({"pairs": [_entry(name, *both) for name, both in pairs.items()]})

    def configure(self, document: object) -> None:
        self.config.parent.mkdir(exist_ok=True)
        self.config.write_text(json.dumps(document), encoding="utf-8")  # all JSON is YAML

    def sign_in(self, **fields: str) -> None:
        """Store the credentials of a new sign-in, whose access token is good for an hour."""
        sign_in = self.world.sign_in()
        stored = {
            "spotify_client_id": self.world.app.client_id,
            "spotify_client_secret": self.world.app.client_secret,
            "refresh_token": sign_in.refresh_token,
            "access_token": self.world.access_token(sign_in),
            "expires_at": self.world.now() + 3600,
            "scope": " ".join(sign_in.scopes),
            "authorized_at": "2026-11-01",
        }
        path = self.folder / "credentials.json"
        path.touch(mode=0o600)
        path.write_text(json.dumps(stored | fields), encoding="utf-8")
        self.environ["SYNCER_CREDENTIALS_FILE"] = str(path)

    def run(
        self,
        *arguments: str,
        stdout: int | IO[bytes] = subprocess.PIPE,
        through: Sequence[str] = (),
        **variables: str,
    ) -> Ended:
        """Run ``syncer`` with *arguments* to its end, in a pipe, started *through* another program if need be."""
        return self.ended(self.start(*arguments, stdout=stdout, through=through, **variables))

    def start(
        self,
        *arguments: str,
        stdout: int | IO[bytes] = subprocess.PIPE,
        through: Sequence[str] = (),
        **variables: str,
    ) -> subprocess.Popen[bytes]:
        """Start ``syncer`` as :meth:`run` does; end it with :meth:`ended`."""
        return subprocess.Popen(  # noqa: S603 - our own program
            [*through, *self.program, *arguments],
            cwd=self.folder,
            env=self.environ | variables,
            stdin=subprocess.DEVNULL,
            stdout=stdout,
            stderr=subprocess.PIPE,
        )

    def ended(self, process: subprocess.Popen[bytes]) -> Ended:
        """Wait for the end of *process* and return all it wrote."""
        with process:
            try:
                out, err = process.communicate(timeout=TIMEOUT)
            finally:
                process.kill()
        return self._searched(Ended(process.returncode, (out or b"").decode(), err.decode()))

    def on_a_terminal(self, *arguments: str, ctrl_c: Event | None = None, **variables: str) -> Ended:
        """Run ``syncer`` on a terminal of 80 columns, where stdout and stderr are one; press Ctrl-C at *ctrl_c*."""
        ours, theirs = pty.openpty()
        termios.tcsetwinsize(theirs, (24, COLUMNS))
        # Whoever opens a terminal as the head of a new session owns it, and gets its Ctrl-C.
        takes_over = ["sh", "-c", 'exec "$@" <>"$0" >&0 2>&0', os.ttyname(theirs)]
        with subprocess.Popen(  # noqa: S603 - our own program
            [*takes_over, *self.program, *arguments],
            cwd=self.folder,
            env=self.environ | {"TERM": "xterm-256color"} | variables,
            start_new_session=True,
        ) as process:
            try:
                if ctrl_c:
                    assert ctrl_c.wait(TIMEOUT)
                    os.write(ours, b"\x03")
                out = b"".join(_until_the_end_of(process, ours))
            finally:
                process.kill()
                os.close(theirs)
                os.close(ours)
        return self._searched(Ended(process.returncode, out.decode()))

    def _searched(self, ended: Ended) -> Ended:
        log = self.debug_log.read_text(encoding="utf-8") if self.debug_log.is_file() else ""
        found = [form for form in secret_forms(self.world) if form in ended.out + ended.err + log]
        assert not found, f"a secret came out: {found}"
        assert "Traceback" not in ended.out + ended.err
        return ended

    def requests(self, method: str = "") -> list[str]:
        """Return the paths that were asked for, below the version."""
        calls = [record for record in self.world.history if isinstance(record, Call)]
        return [call.path.removeprefix("/v1/") for call in calls if call.method.startswith(method)]

    def when(self, path: str, *, method: str = "*", **fault: Any) -> Event:
        """Return what is set when the first request to *path* arrives; and let it meet *fault*, if one is told."""
        arrived = Event()
        self.world.inject(Fault(kind="edit", method=method, path=path, act=lambda _scene: arrived.set()))
        if fault:
            self.world.inject(Fault(method=method, path=path, **fault))
        return arrived


def _entry(name: str, source: str | Playlist, target: Playlist) -> dict[str, str]:
    return {"name": name, "source": source if isinstance(source, str) else source.id, "target": target.id}


def _until_the_end_of(process: subprocess.Popen[bytes], terminal: int) -> Iterator[bytes]:
    """Yield what *process* writes to *terminal*, the last of it too."""
    ends = time.monotonic() + TIMEOUT
    running = True
    while running:
        running = process.poll() is None  # looked at before the last read
        assert time.monotonic() < ends, "it did not end"
        while select.select([terminal], [], [], 0.02)[0]:
            yield os.read(terminal, 65536)


def secret_forms(world: World) -> Iterator[str]:
    """Yield what no output may contain: each secret of *world* from its first 8 letters on, and packed."""
    for app in world.apps.values():
        yield app.client_secret[:8]
        yield base64.b64encode(f"{app.client_id}:{app.client_secret}".encode()).decode()
    for secret in (*world.sign_ins, *world.access_tokens, *(app.client_secret for app in world.apps.values())):
        yield secret[:8]
        yield base64.b64encode(secret.encode()).decode()[:10]
        yield secret.encode().hex()[:16]


@contextmanager
def machine(
    folder: Path, *, latency: float = 0.0, path: Sequence[Path] = (ROOT,), world: World | None = None
) -> Iterator[Machine]:
    """Return a machine that works in *folder*, finds our code on *path*, and *world* on loopback."""
    (folder / "home").mkdir()
    world = world or World()
    with SandboxServer(world, latency=latency) as server:
        environ = {
            "HOME": str(folder / "home"),
            "LANG": "C.UTF-8",
            "PATH": os.environ["PATH"],
            "PYTHONPATH": os.pathsep.join(map(str, (WARDEN, *path))),
            "SPOTIFY_ACCOUNTS_URL": server.accounts_url,
            "SPOTIFY_API_URL": server.api_url,
        }
        yield Machine(folder, world, environ)
