"""Pairs in a sandbox, and both ways to sync them, each as a process of its own."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

from syncer.sandbox import Limit, SandboxServer, World, track
from syncer.sandbox.things import Playlist

ROOT: Final = Path(__file__).resolve().parents[1]
RULING: Final = ("AWS_", "SPOTIFY_", "SYNCER_")
"""What the variables begin with that would change what is measured."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Cost:
    """What a process took, and what became of its pairs."""

    requests: int
    """To the Web API, refused ones included."""
    refused: int
    """Those that were too fast (429)."""
    tokens: int
    """Requests to the accounts service."""
    lost: int
    """Pairs that were not done."""
    seconds: float
    cpu: float
    peak: float
    """Memory, in MB."""


class Stage:
    """Some *pairs* whose targets hold all that their sources hold. All sources hold the same, and all targets.

    With a *limit*, Spotify serves no more requests in any second.
    """

    def __init__(self, folder: Path, *, pairs: int, target: int, source: int = 50, limit: int | None = None) -> None:
        self.folder = folder
        self.folder.mkdir()
        self.world = World()
        self.world.limits += [Limit(requests=limit, window=1.0)] if limit else []
        self._same = self.world.playlist("pattern", tracks=target, owner=self.world.add_user("someone")).entries
        self.pairs = [
            (self._playlist(f"source {number}", last=source), self._playlist(f"target {number}", last=target))
            for number in range(pairs)
        ]
        self._configure()

    def _playlist(self, name: str, *, last: int) -> Playlist:
        """Add a playlist of the *last* entries of the pattern; the entries are shared, to take up no room here."""
        made = self.world.playlist(name)
        made.versions = [replace(made.versions[0], entries=self._same[-last:])]
        return made

    def _configure(self) -> None:
        pairs = [{"source": one.id, "target": other.id} for one, other in self.pairs]
        (self.folder / "config.yaml").write_text(json.dumps({"pairs": pairs}), encoding="utf-8")
        values = {
            "spotify_client_id": self.world.app.client_id,
            "spotify_client_secret": self.world.app.client_secret,
            "refresh_token": self.world.sign_in().refresh_token,
        }
        credentials = self.folder / "credentials.json"
        credentials.touch(mode=0o600)
        credentials.write_text(json.dumps(values), encoding="utf-8")

    def renew(self, number: int) -> None:
        """Put *number* new tracks into the first source, in place of its first ones."""
        source, _ = self.pairs[0]
        news = [track(place, f"version {len(source.versions)}") for place in range(number)]
        self.world.replace(source, [*(entry.media for entry in source.entries[number:] if entry.media), *news])

    def ours(self, *, latency: float = 0.0, per_second: float | None = None) -> Cost:
        """Do what `syncer run` does; *per_second* opens the gate as nobody else can."""
        command = [sys.executable, "-m"]
        command += ["syncer", "run", "--format", "json"] if per_second is None else ["tools.opened", str(per_second)]
        with SandboxServer(self.world, latency=latency) as server:
            environ = {
                "SPOTIFY_API_URL": server.api_url,
                "SPOTIFY_ACCOUNTS_URL": server.accounts_url,
                "SYNCER_CONFIG": str(self.folder / "config.yaml"),
                "SYNCER_CREDENTIALS_FILE": str(self.folder / "credentials.json"),
                "SYNCER_STATE": f"file:{self.folder / 'state.sqlite3'}",
            }
            said, cost = self._measured(command, environ)
        done = [pair["status"] in ("added", "unchanged") for pair in json.loads(said)["pairs"]]
        if not (all(done) or self.world.limits):
            sys.exit(f"ours did not do what was to be measured: {said}")
        return replace(cost, lost=done.count(False))

    def plain(self, *, latency: float = 0.0) -> Cost:
        """Do it as `tools/naive.py` does."""
        playlists = [playlist.id for pair in self.pairs for playlist in pair]
        with SandboxServer(self.world, latency=latency) as server:
            command = [sys.executable, str(ROOT / "tools" / "naive.py"), server.api_url, *playlists]
            said, cost = self._measured(command, {"TOKEN": self.world.access_token(self.world.sign_in())})
        return replace(cost, lost=len(self.pairs) - len(said.splitlines()))

    def _measured(self, command: Sequence[str], environ: dict[str, str]) -> tuple[str, Cost]:
        """Return what *command* printed, and what it took; who lost what is still to be said."""
        before = len(self.world.calls)
        said, used = metered(command, environ)
        calls = self.world.calls[before:]
        accounts = sum(not call.path.startswith("/v1/") for call in calls)
        refused = sum(call.status == 429 for call in calls)  # noqa: PLR2004 - too many requests
        return said, Cost(requests=len(calls) - accounts, refused=refused, tokens=accounts, lost=0, **used)


def metered(command: Sequence[str], environ: dict[str, str]) -> tuple[str, dict[str, Any]]:
    """Run *command* with nothing of ours in its environment but *environ*; what it printed, and what it took."""
    around = {name: value for name, value in os.environ.items() if not name.startswith(RULING)}
    with TemporaryDirectory() as folder:
        written = Path(folder, "cost.json")
        meter = [sys.executable, str(ROOT / "tools" / "meter.py"), str(written)]
        done = subprocess.run(  # noqa: S603 - ours
            [*meter, *command], env=around | environ, cwd=ROOT, check=False, capture_output=True, text=True
        )
        if not done.stdout:
            sys.exit(done.stderr)
        return done.stdout, json.loads(written.read_text(encoding="utf-8"))


@contextmanager
def staged(*, pairs: int, target: int, source: int = 50, limit: int | None = None) -> Iterator[Stage]:
    """Set a stage up for as long as this lasts."""
    with TemporaryDirectory() as folder:
        yield Stage(Path(folder, "stage"), pairs=pairs, target=target, source=source, limit=limit)
