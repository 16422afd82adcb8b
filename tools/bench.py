"""Measure the figures that the README quotes, each beside its limit; exit 1 if one is missed."""

import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from syncer.ids import PlaylistId, Uri
from syncer.model import Item, Pair, PlaylistSource
from syncer.planner import plan
from syncer.sandbox import SandboxServer, World, track

MANY = 10_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """One row of the table."""

    what: str
    measured: float
    limit: float
    unit: str

    @property
    def holds(self) -> bool:
        return self.measured <= self.limit


def planning() -> Figure:
    """Plan a source of 10,000 items into a target of 10,000, half of them shared."""
    pair = Pair(name="p", sources=(PlaylistSource(PlaylistId("s" * 22)),), target=PlaylistId("t" * 22))
    source = [_item(number) for number in range(MANY)]
    target = [_item(number + MANY // 2) for number in range(MANY)]
    seconds = _median(lambda: plan(pair, source, {item.uri for item in target if item.uri}), runs=15)
    return Figure(what="planning 10,000 x 10,000 items", measured=seconds * 1000, limit=50, unit="ms")


def _item(number: int) -> Item:
    return Item(uri=Uri(f"spotify:track:{number:022d}"), name=f"Track {number}", artists=("Someone",))


def _median(act: Callable[[], object], *, runs: int) -> float:
    taken = []
    for _ in range(runs):
        start = time.perf_counter()
        act()
        taken.append(time.perf_counter() - start)
    return statistics.median(taken)


def validating() -> Figure:
    """Run `syncer validate` on 1,000 pairs as a process of its own."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "config.yaml")
        pairs = (f"  - name: pair-{n}\n    source: {n:022x}\n    target: {n:021x}t\n" for n in range(1000))
        path.write_text("pairs:\n" + "".join(pairs).replace(": 0", ": a"), encoding="utf-8")
        command = [sys.executable, "-m", "syncer", "validate", "--config", str(path)]
        seconds = _median(lambda: subprocess.run(command, check=True, capture_output=True), runs=5)  # noqa: S603 - ours
    return Figure(what="`syncer validate` of 1,000 pairs, whole process", measured=seconds, limit=1, unit="s")


def memory() -> Figure:
    """Run a pair of 10,000 x 10,000 items against the sandbox as a process of its own."""
    world = World()
    source = world.playlist("source", items=[track(number) for number in range(MANY)])
    target = world.playlist("target", items=[track(number + 10) for number in range(MANY)])
    with _environment(world, source.id, target.id) as environ:
        command = [sys.executable, "-m", "syncer", "plan", "--format", "json"]
        done = subprocess.run(command, env=environ, capture_output=True, check=False)  # noqa: S603 - ours
        report = json.loads(done.stdout)
        assert report["pairs"][0]["planned"] == 10, report  # noqa: S101, PLR2004 - or we measured something else
    peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / (1024 if sys.platform == "linux" else 1024**2)
    return Figure(what="peak memory of a pair of 10,000 x 10,000 items", measured=peak, limit=100, unit="MB")


@contextmanager
def _environment(world: World, source: str, target: str) -> Iterator[dict[str, str]]:
    with tempfile.TemporaryDirectory() as folder, SandboxServer(world) as server:
        config = Path(folder, "config.yaml")
        config.write_text(f"pairs:\n  - source: {source}\n    target: {target}\n", encoding="utf-8")
        credentials = Path(folder, "credentials.json")
        credentials.touch(mode=0o600)
        values = {
            "spotify_client_id": world.app.client_id,
            "spotify_client_secret": world.app.client_secret,
            "refresh_token": world.sign_in().refresh_token,
        }
        credentials.write_text(json.dumps(values), encoding="utf-8")
        yield {
            **os.environ,
            "SPOTIFY_API_URL": server.api_url,
            "SPOTIFY_ACCOUNTS_URL": server.accounts_url,
            "SYNCER_CONFIG": str(config),
            "SYNCER_CREDENTIALS_FILE": str(credentials),
        }


def main() -> int:
    """Measure everything and print it as a table."""
    missed = 0
    print("| What | Measured | At most |\n|---|---|---|")
    for measure in (planning, validating, memory):
        figure = measure()
        missed += not figure.holds
        print(f"| {figure.what} | {figure.measured:.3g} {figure.unit} | {figure.limit:g} {figure.unit} |", flush=True)
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
