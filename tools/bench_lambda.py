"""Measure the artifact that Lambda gets, each figure beside its limit; exit 1 if one is missed.

Needs Python 3.13 with the packages of the group `deploy`; LAMBDA_PYTHON names one that has awslambdaric alone.
"""

import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Final

from syncer.sandbox import SandboxServer, World
from tests.deploy.runtime_api import HANDLER, Lambda, unpack
from tests.deploy.standins import ROOT, SECRET, Cloud, Project, ministack, store

ROUNDS: Final = 11
PAIRS: Final = 2

PLAIN: Final = '''\
"""Does the same work the short way: everything imported at the top, nothing checked, nothing kept."""

import json
import os

import boto3
import spotipy


def lambda_handler(event, context):
    secret = boto3.client("secretsmanager").get_secret_value(SecretId=os.environ["SYNCER_SECRET_ID"])
    kept = json.loads(secret["SecretString"])
    spotipy.SpotifyOAuth.OAUTH_TOKEN_URL = os.environ["SPOTIFY_ACCOUNTS_URL"] + "/api/token"
    login = spotipy.SpotifyOAuth(
        client_id=kept["spotify_client_id"],
        client_secret=kept["spotify_client_secret"],
        redirect_uri="http://127.0.0.1:8080/callback",
        cache_handler=spotipy.MemoryCacheHandler(),
    )
    spotify = spotipy.Spotify(auth=login.refresh_access_token(kept["refresh_token"])["access_token"])
    spotify.prefix = os.environ["SPOTIFY_API_URL"] + "/"
    with open(os.environ["SYNCER_CONFIG"]) as config:
        return {"added": sum(sync(spotify, **pair) for pair in json.load(config)["pairs"])}


def sync(spotify, source, target):
    there = uris(spotify, target)
    news = [uri for uri in uris(spotify, source) if uri not in there]
    if news:
        spotify._post(f"playlists/{target}/items", payload={"uris": news})
    return len(news)


def uris(spotify, playlist):
    return [entry["item"]["uri"] for entry in spotify.playlist_items(playlist)["items"]]
'''


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """One row of the table; without a limit, there to compare with."""

    what: str
    measured: float
    unit: str
    limit: float | None = None

    @property
    def holds(self) -> bool:
        return self.limit is None or self.measured <= self.limit

    def __str__(self) -> str:
        limit = "" if self.limit is None else f"{self.limit:g} {self.unit}"
        return f"| {self.what} | {self.measured:.3g} {self.unit} | {limit} |"


@dataclass(frozen=True, slots=True, kw_only=True)
class Function:
    """What is started: an unpacked folder and the handler in it."""

    task: Path
    handler: str


def sizes(project: Project, folder: Path) -> Iterator[Figure]:
    """Build ARCH.zip for each architecture into *folder*."""
    for arch in ("arm64", "x86_64"):
        artifact = folder / f"{arch}.zip"
        done = project.build("--arch", arch, "--out", str(artifact))
        if done.returncode:
            sys.exit(done.stderr)
        yield Figure(what=f"artifact for Lambda, {arch}", measured=artifact.stat().st_size / 1e6, unit="MB", limit=6)


def starts(artifact: Path, folder: Path, python: Path) -> Iterator[Figure]:
    """Start *artifact* and the plain function in turn, each time anew."""
    ours = Function(task=unpack(artifact, folder / "ours"), handler=HANDLER)
    plain = Function(task=plainly_installed(folder / "plain"), handler="plain.lambda_handler")
    with ministack(folder / "log") as cloud:
        rounds = [(first_answer(ours, cloud, python), first_answer(plain, cloud, python)) for _ in range(ROUNDS + 1)]
    measured = zip(*rounds[1:], strict=True)  # the first round fills the disk's cache
    first, plain_first = (statistics.median(column) * 1000 for column in measured)
    yield Figure(what="start to first answer in Lambda's runtime, two idle pairs", measured=first, unit="ms", limit=400)
    yield Figure(what="the same by a plain handler of boto3 and spotipy", measured=plain_first, unit="ms")


def plainly_installed(task: Path) -> Path:
    """Install the same versions whole, with byte code as pip makes it, valid where it lies."""
    options = ["--disable-pip-version-check", "--require-hashes", "--no-deps", "--target", str(task)]
    command = [sys.executable, "-m", "pip", "install", "-qqq", *options, "-r", str(ROOT / "requirements.txt")]
    subprocess.run(command, check=True)  # noqa: S603 - our own words and paths, no shell
    (task / "plain.py").write_text(PLAIN)
    return task


def first_answer(function: Function, cloud: Cloud, python: Path) -> float:
    """Start *function* for two pairs without news and return the seconds to its first answer.

    Nothing waits: the sandbox has no latency, and a call to the stand-in for AWS takes some two milliseconds.
    """
    world = World()
    store(cloud, world.app, world.sign_in())
    with tempfile.TemporaryDirectory() as home, SandboxServer(world) as sandbox:
        config = Path(home, "config.yaml")
        config.write_text(json.dumps({"pairs": [new_pair(world, number) for number in range(PAIRS)]}))
        environment = cloud.environment | {
            "SYNCER_SECRET_ID": SECRET,
            "SYNCER_CONFIG": str(config),
            "SPOTIFY_API_URL": sandbox.api_url,
            "SPOTIFY_ACCOUNTS_URL": sandbox.accounts_url,
        }
        start = time.perf_counter()
        with Lambda(
            function.task, Path(home), python=python, environment=environment, handler=function.handler
        ) as running:
            answer = running.invoke({})
            taken = time.perf_counter() - start
        assert answer.body["added"] == 0, answer  # noqa: S101 - or we measured something else
    return taken


def new_pair(world: World, number: int) -> dict[str, str]:
    """Add a playlist of 20 items and one that holds the same."""
    source = world.playlist(f"source {number}", tracks=20)
    target = world.playlist(f"target {number}", items=[entry.media for entry in source.entries])
    return {"source": source.id, "target": target.id}


def main() -> int:
    """Measure everything and print it as a table."""
    missed = 0
    print("| What | Measured | At most |\n|---|---|---|")
    with tempfile.TemporaryDirectory() as name:
        folder, python = Path(name), Path(os.environ["LAMBDA_PYTHON"]).absolute()
        for figure in chain(sizes(Project(folder / "project"), folder), starts(folder / "x86_64.zip", folder, python)):
            missed += not figure.holds
            print(figure, flush=True)
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
