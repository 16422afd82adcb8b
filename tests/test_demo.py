"""The demo and the sandbox from an installed wheel, far from the checkout: no home, no network, no settings."""

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cli.process import WARDEN, Ended, Machine, machine

INPUTS = ("pyproject.toml", "LICENSE", "syncer", "schemas")


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Build the wheel from a copy of what goes into it, and install it into a folder of its own."""
    root, source = Path(__file__).parent.parent, tmp_path_factory.mktemp("source")
    for name in INPUTS:
        if (root / name).is_dir():
            shutil.copytree(root / name, source / name, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(root / name, source)
    (source / "README.md").write_text("What it says is not what is tested here.\n", encoding="utf-8")
    folder = tmp_path_factory.mktemp("installed")
    offline = ["--quiet", "--disable-pip-version-check", "--no-index", "--no-deps"]
    for action in (
        ["wheel", *offline, "--no-build-isolation", "--wheel-dir", str(folder), str(source)],
        ["install", *offline, "--find-links", str(folder), "--target", str(folder / "site"), "rediscover-weekly"],
    ):
        subprocess.run([sys.executable, "-m", "pip", *action], check=True, cwd=folder)  # noqa: S603 - our own words
    return folder / "site"


@pytest.fixture
def far_away(installed: Path, tmp_path: Path) -> Iterator[Machine]:
    """A machine that has the wheel and knows nothing: no home, no variable of ours; and Spotify is far away."""
    with machine(tmp_path, path=[installed]) as made:
        made.program = [str(installed / "bin" / "syncer")]
        for name in ("HOME", "SPOTIFY_API_URL", "SPOTIFY_ACCOUNTS_URL"):
            del made.environ[name]
        (tmp_path / "tmp").mkdir()
        made.environ["TMPDIR"] = str(tmp_path / "tmp")
        yield made
        assert list((tmp_path / "tmp").iterdir()) == []


def test_the_wheel_carries_the_schemas_and_no_test(installed: Path) -> None:
    schemas = {path.name for path in (installed / "syncer" / "schemas").iterdir()}
    assert schemas == {path.name for path in (Path(__file__).parent.parent / "schemas").iterdir()}
    assert {path.name.split("-")[0] for path in installed.iterdir()} == {"bin", "syncer", "rediscover_weekly"}


def test_it_is_the_wheel_that_runs(far_away: Machine, installed: Path) -> None:
    far_away.program = [sys.executable, "-c", "import syncer; print(syncer.__file__)"]
    assert far_away.run().out == f"{installed}/syncer/__init__.py\n"


def test_the_demo_shows_the_whole_job(far_away: Machine) -> None:
    """Whatever is set for real runs: this is another Spotify, and these are other credentials."""
    for name in ("SPOTIFY_API_URL", "SYNCER_PROXY", "SYNCER_SECRET_ID", "SYNCER_STATE", "SYNCER_CONFIG", "HTTP_PROXY"):
        far_away.environ[name] = "http://example.com"
    ended = far_away.run("demo")
    assert (ended.code, ended.err) == (0, "")
    for line in (
        "  - name: discover-weekly            # your own copy of this week's list",
        "discover-weekly: 7 added, 22 already there, 1 repeated in source, 1 local file, 1 unavailable",
        "liked-songs: 41 added, 120 already there",
        "a-friends-party: failed",
        "spotifys-own-list: failed",
        "discover-weekly: nothing new, 30 already there, 1 local file, 1 unavailable",
        "liked-songs: nothing new, 161 already there",
    ):
        assert line in ended.lines
    shown = ended.lines.index("The last 7 tracks of 'Discover archive', as Spotify has them now:")
    assert all(line.startswith("  ") and ": " in line for line in ended.lines[shown + 2 : shown + 9])
    assert list((far_away.folder / "home").iterdir()) == []  # what it keeps is gone with it
    assert str(far_away.folder) not in ended.out  # paths that are gone afterwards help nobody


def test_the_demo_on_a_terminal_shows_bars_and_tables(far_away: Machine) -> None:
    ended = far_away.on_a_terminal("demo")
    assert ended.code == 0
    assert any("━" in line and "entries read" in line for line in ended.shown)
    assert "liked-songs        added   41 added, 120 already there" in ended.shown
    assert "liked-songs        unchanged     nothing new, 161 already there" in ended.shown
    assert max(map(len, ended.shown)) <= 80


def test_the_sandbox_prints_what_makes_other_commands_find_it(far_away: Machine) -> None:
    """In a shell, as a person would paste it, and in a folder with a space in its name."""
    with_space = far_away.folder / "tmp" / "with space"
    with_space.mkdir()
    process = far_away.start("sandbox", TMPDIR=str(with_space))
    exports = opened(process)
    paste = ("sh", "-c", f'{exports}exec "$@"', "sh")
    planned = far_away.run("plan", through=paste)
    real = far_away.run("run", "--pair", "liked-songs", through=paste)
    process.send_signal(signal.SIGTERM)
    ended = far_away.ended(process)

    assert f"export SYNCER_STATE='file:{with_space}/" in exports
    assert "export SYNCER_SETTLE_SECONDS=2\n" in exports
    assert planned.code == 4
    assert "liked-songs: 41 to add, 120 already there" in planned.lines
    assert (real.code, real.lines[1]) == (0, "liked-songs: 41 added, 120 already there")
    assert ended == Ended(0, "", "The sandbox is closed.\n")
    with_space.rmdir()  # or this fails: something is left in it


def opened(process: subprocess.Popen[bytes]) -> str:
    """Return what a sandbox prints, once it is open."""
    assert process.stdout
    assert process.stderr
    exports = b"".join(process.stdout.readline() for _ in range(6)).decode()
    assert b"The sandbox is open" in process.stderr.readline()
    assert b"Ctrl-C closes it" in process.stderr.readline()
    return exports


def test_ctrl_c_closes_the_sandbox(far_away: Machine) -> None:
    process = far_away.start("sandbox")
    opened(process)
    process.send_signal(signal.SIGINT)
    assert far_away.ended(process) == Ended(0, "", "The sandbox is closed.\n")


def test_a_port_that_is_taken_is_a_sentence(far_away: Machine) -> None:
    process = far_away.start("sandbox")
    port = opened(process).split(":")[2].split("/")[0]
    taken = far_away.run("sandbox", "--port", port)
    process.terminate()
    assert far_away.ended(process).code == 0
    assert (taken.code, taken.out) == (2, "")
    assert f"port {port} cannot be used: Address already in use" in taken.err


def test_the_warden_of_these_tests_stays_awake() -> None:
    """No network means that a process that tries is stopped, and says so."""
    code = "import urllib.request; urllib.request.urlopen('http://example.com')"
    done = subprocess.run(  # noqa: S603 - our own words
        [sys.executable, "-c", code], env=os.environ | {"PYTHONPATH": str(WARDEN)}, capture_output=True, check=False
    )
    assert (done.returncode, done.stderr) == (99, b"a process that a test started tried to reach example.com\n")
