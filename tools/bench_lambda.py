"""Measure the artifact that Lambda gets: the last rows of the table of tools/bench.py; exit 1 if one is missed.

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
from pathlib import Path
from typing import Final

from syncer.sandbox import SandboxServer, World
from tests.deploy.runtime_api import HANDLER, Lambda, unpack
from tests.deploy.standins import ROOT, SECRET, Cloud, Project, make_table, ministack, store
from tools.figures import Row, show

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
class Function:
    """What is started: an unpacked folder and the handler in it; with its own state, secret, Spotify and config."""

    task: Path
    handler: str
    state: str
    secret: str
    world: World
    config: str


def sizes(project: Project, folder: Path) -> Iterator[Row]:
    """Build ARCH.zip for each architecture into *folder*."""
    for arch in ("arm64", "x86_64"):
        artifact = folder / f"{arch}.zip"
        done = project.build("--arch", arch, "--out", str(artifact))
        if done.returncode:
            sys.exit(done.stderr)
        yield Row(what=f"artifact for Lambda, {arch}", ours=(artifact.stat().st_size / 1e6,), unit="MB", at_most=6)


def starts(artifact: Path, folder: Path, python: Path) -> Iterator[Row]:
    """Start *artifact*, with each kind of state, and the plain function in turn, each time anew."""
    ours, plain = unpack(artifact, folder / "ours"), plainly_installed(folder / "plain")
    with ministack(folder / "log") as cloud:
        table = make_table(cloud, "state")
        functions = [
            function(cloud, ours, handler=HANDLER, state="none"),
            function(cloud, ours, handler=HANDLER, state=f"table:{table}"),
            function(cloud, plain, handler="plain.lambda_handler", state="unknown to it"),
        ]
        rounds = [[first_answer(one, cloud, python) for one in functions] for _ in range(ROUNDS + 1)]
    measured = zip(*rounds[1:], strict=True)  # the first round fills the disk's cache, and the table
    bare, kept, plainly = (statistics.median(column) * 1000 for column in measured)
    what = "start to first answer in Lambda's runtime, two idle pairs, nothing kept (`state: none`)"
    yield Row(what=what, ours=(bare,), plain=(plainly,), unit="ms", at_most=400)
    yield Row(what="… with its state in a table", ours=(kept,), plain=(plainly,), unit="ms")


def plainly_installed(task: Path) -> Path:
    """Install the same versions whole, with byte code as pip makes it, valid where it lies."""
    options = ["--disable-pip-version-check", "--require-hashes", "--no-deps", "--target", str(task)]
    command = [sys.executable, "-m", "pip", "install", "-qqq", *options, "-r", str(ROOT / "requirements.txt")]
    subprocess.run(command, check=True)  # noqa: S603 - our own words and paths, no shell
    (task / "plain.py").write_text(PLAIN)
    return task


def function(cloud: Cloud, task: Path, *, handler: str, state: str) -> Function:
    """Return a function with two pairs without news."""
    world, secret = World(), f"{SECRET}-{len(handler)}-{len(state)}"
    store(cloud, world.app, world.sign_in(), name=secret)
    config = json.dumps({"pairs": [new_pair(world, number) for number in range(PAIRS)]})
    return Function(task=task, handler=handler, state=state, secret=secret, world=world, config=config)


def first_answer(started: Function, cloud: Cloud, python: Path) -> float:
    """Start a function and return the seconds to its first answer.

    Nothing waits: the sandbox has no latency, and a call to the stand-in for AWS takes some two milliseconds.
    """
    with tempfile.TemporaryDirectory() as home, SandboxServer(started.world) as sandbox:
        config = Path(home, "config.yaml")
        config.write_text(started.config)
        environment = cloud.environment | {
            "SYNCER_SECRET_ID": started.secret,
            "SYNCER_CONFIG": str(config),
            "SYNCER_STATE": started.state,
            "SPOTIFY_API_URL": sandbox.api_url,
            "SPOTIFY_ACCOUNTS_URL": sandbox.accounts_url,
        }
        start = time.perf_counter()
        with Lambda(
            started.task, Path(home), python=python, environment=environment, handler=started.handler
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


def rows() -> Iterator[Row]:
    """Measure everything."""
    with tempfile.TemporaryDirectory() as name:
        folder, python = Path(name), Path(os.environ["LAMBDA_PYTHON"]).absolute()
        yield from sizes(Project(folder / "project"), folder)
        yield from starts(folder / "x86_64.zip", folder, python)


if __name__ == "__main__":
    sys.exit(show(rows()))
