"""The real command over real HTTP and with a real disk: killed at any moment, and eight started at once."""

import json
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from syncer.sandbox import Playlist, SandboxServer, World, local, track

KILLS = int(os.environ.get("PROMISE_KILLS", "200"))
CHUNKS = 8
SETTLE = 0.6
"""W in seconds. Nothing here is late, so it may be short."""
BEFORE_EACH = 5
"""Kills in a row before a run is let through."""
LONGEST = 60


@dataclass(frozen=True, slots=True, kw_only=True)
class Desk:
    """A home with a config, a sign-in and a state, and a sandbox to talk to."""

    world: World
    environ: dict[str, str]
    source: Playlist
    target: Playlist
    old: tuple[str | None, ...]

    def start(self) -> subprocess.Popen[bytes]:
        command = [sys.executable, "-m", "syncer", "run", "--format", "json"]
        return subprocess.Popen(  # noqa: S603 - our own command
            command, env=self.environ, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
        )

    def run(self) -> tuple[int, dict[str, Any]]:
        """Run to the end."""
        process = self.start()
        out, _ = process.communicate(timeout=LONGEST)
        return process.returncode, json.loads(out)

    def bring_news(self, number: int) -> None:
        self.world.add(self.source, [track(number * 3 + one, "news") for one in range(3)])

    def kill_one(self, chance: random.Random) -> None:
        """Start a process and kill it: some while after one of its requests, or at any time at all."""
        seen, after = len(self.world.calls), chance.choice([0, 1, 2, 3, 4, 5, 6])
        process = self.start()
        ends = time.monotonic() + LONGEST
        while process.poll() is None and len(self.world.calls) < seen + after and time.monotonic() < ends:
            time.sleep(0.001)
        time.sleep(chance.uniform(0, 0.03 if after else 0.4))
        process.send_signal(signal.SIGKILL)
        process.communicate(timeout=LONGEST)

    def check(self) -> None:
        """See that the target is the old target and all the news, in order, once."""
        wanted = [uri for uri in self.source.uris if uri and uri.startswith("spotify:track:") and uri not in self.old]
        assert self.target.uris == (*self.old, *dict.fromkeys(wanted))


@contextmanager
def desk(home: Path, *, latency: float = 0.0) -> Iterator[Desk]:
    """Set one up in *home*."""
    world = World()
    old = [track(number, "old") for number in range(60)]
    source = world.playlist("source", items=[old[3], None, local(1), *(track(number, "first") for number in range(4))])
    target = world.playlist("target", items=old)
    sign_in = world.sign_in()
    app = world.apps[sign_in.client_id]
    home.mkdir(parents=True)
    (home / "config.yaml").write_text(f"pairs:\n  - source: {source.id}\n    target: {target.id}\n", encoding="utf-8")
    secret = {
        "spotify_client_id": app.client_id,
        "spotify_client_secret": app.client_secret,
        "refresh_token": sign_in.refresh_token,
    }
    credentials = home / "credentials.json"
    credentials.touch(mode=0o600)
    credentials.write_text(json.dumps(secret), encoding="utf-8")
    with SandboxServer(world, latency=latency) as server:
        environ = {
            "PATH": os.environ["PATH"],
            "PYTHONPATH": str(Path(__file__).parents[2]),
            "HOME": str(home),
            "SPOTIFY_API_URL": server.api_url,
            "SPOTIFY_ACCOUNTS_URL": server.accounts_url,
            "SYNCER_CONFIG": str(home / "config.yaml"),
            "SYNCER_CREDENTIALS_FILE": str(credentials),
            "SYNCER_STATE": f"file:{home / 'state.sqlite3'}",
            "SYNCER_SETTLE_SECONDS": str(SETTLE),
        }
        yield Desk(world=world, environ=environ, source=source, target=target, old=target.uris)


@pytest.mark.parametrize("chunk", range(CHUNKS))
def test_processes_killed_at_any_moment_double_and_lose_nothing(chunk: int, tmp_path: Path) -> None:
    """R2, R3: each is followed at once by another, and now and then one is let through."""

    def torment(part: int) -> None:
        chance = random.Random(100 * chunk + part)  # noqa: S311 - when to kill
        with desk(tmp_path / str(part), latency=0.01) as here:
            for kill in range(max(1, KILLS // CHUNKS // 2)):
                here.bring_news(kill)
                here.kill_one(chance)
                if kill % BEFORE_EACH == BEFORE_EACH - 1:
                    code, report = here.run()
                    assert code == 0, report
                    here.check()
            assert here.run()[0] == 0
            here.check()
            assert here.run()[1]["added"] == 0

    with ThreadPoolExecutor(2) as threads:  # most of the time they wait
        list(threads.map(torment, range(2)))


def test_of_eight_started_at_once_one_runs_at_a_time(tmp_path: Path) -> None:
    """R4: the others say so with exit code 6 and send nothing, or come after it and find nothing to do."""
    with desk(tmp_path / "home", latency=0.2) as here:
        processes = [here.start() for _ in range(8)]
        ended = [(process.communicate(timeout=LONGEST)[0], process.returncode) for process in processes]
        reports = [json.loads(out) for out, _ in ended]
        codes = [code for _, code in ended]

        assert sorted(set(codes)) in ([0], [0, 6])
        assert [report["exit_code"] for report in reports] == codes
        assert all(report["requests"]["spotify"] == 0 for report in reports if report["exit_code"] == 6)
        assert sum(report["added"] for report in reports) == 4
        here.check()
