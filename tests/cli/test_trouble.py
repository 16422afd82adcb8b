"""Our own mistakes, and a machine that does not let us write: a sentence, a code, and never a traceback (R7)."""

import os
import stat
from pathlib import Path

import pytest

from syncer.sandbox import Fault
from tests.cli.process import Machine
from tests.cli.test_commands import playlist

BROKEN_LIBRARY = {
    "spotipy": """
class Spotify:
    def __init__(self, **options):
        self.session = options["requests_session"]
    def playlist(self, *_args, **_options):
        token = self.session._bearer.token()
        raise RuntimeError(f"\\x1b[31mBearer {token}\\n{token[:40]} sent to {self.session._base}")
""",
    "jsonschema": """
class Draft202012Validator:
    def __init__(self, *_args, **_options):
        raise RuntimeError("what a strange library")
""",
}
"""Libraries that do what they never should: one tells the access token."""


def install(desk: Machine, library: str) -> None:
    """Put a broken *library* in front of the real one."""
    folder = desk.folder / "libraries"
    folder.mkdir()
    (folder / f"{library}.py").write_text(BROKEN_LIBRARY[library], encoding="utf-8")
    desk.environ["PYTHONPATH"] = f"{folder}:{desk.environ['PYTHONPATH']}"


def test_a_bug_in_a_pair_is_a_line_on_screen_and_a_traceback_in_the_log(desk: Machine) -> None:
    install(desk, "spotipy")
    desk.pairs(
        a=(playlist(desk, "week"), playlist(desk, "archive")), b=(playlist(desk, "archive"), playlist(desk, "week"))
    )
    ended = desk.run("run")

    assert ended.code == 1
    assert [line for line in ended.lines if not line.startswith(" ")][:2] == ["a: failed", "b: failed"]
    assert ended.err == f"please report what {desk.debug_log} says about it\n"
    log = desk.debug_log.read_text(encoding="utf-8")
    bug_id = ended.lines[1].rpartition("(")[2].removesuffix(")")
    assert f"bug {bug_id}\n" in log
    assert log.count("Traceback (most recent call last):") == 2
    assert "/syncer/run.py" in log
    assert "\\x1b[31mBearer [hidden]\n[hidden] sent to http://127.0.0.1" in log
    assert stat.S_IMODE(desk.debug_log.stat().st_mode) == 0o600


def test_a_bug_outside_every_pair_is_a_sentence_too(desk: Machine) -> None:
    install(desk, "jsonschema")
    ended = desk.run("validate")
    assert (ended.code, ended.out) == (1, "")
    assert ended.err.startswith("syncer: this is a mistake of ours (")
    assert ended.err.endswith(f"; please report what {desk.debug_log} says about it\n")
    assert "what a strange library" in desk.debug_log.read_text(encoding="utf-8")


def test_a_date_of_consent_that_cannot_be_is_no_reason_to_lose_a_report(desk: Machine) -> None:
    desk.sign_in(authorized_at="9999-12-31")
    assert desk.run("run", "--format", "json").json["accounts"][0]["days_left"] > 0


@pytest.mark.parametrize("command", ["run", "plan"])
def test_a_state_that_cannot_be_used_is_told_before_anyone_is_contacted(desk: Machine, command: str) -> None:
    (desk.folder / "home" / ".local").write_text("in the way", encoding="utf-8")
    ended = desk.run(command, "--format", "json")
    assert (ended.code, ended.json["error"]["code"], desk.requests()) == (2, "config", [])


def test_a_state_that_breaks_in_the_middle_of_a_run_ends_it_and_is_not_called_a_broken_config(desk: Machine) -> None:
    """2 would say that nobody was contacted. The next run finds out whether it stays so."""
    state = desk.folder / "state"
    broken = Fault(kind="edit", method="GET", path="/v1/playlists/*", act=lambda _: state.write_bytes(b"broken" * 9999))
    desk.world.inject(broken)
    ended = desk.run("run", "--format", "json", SYNCER_STATE=f"file:{state}")
    assert (ended.code, ended.json["error"]["code"], ended.json["added"]) == (4, "config", 0)
    assert ended.json["requests"]["spotify"] > 0
    assert desk.requests("POST") == []


@pytest.mark.parametrize("obstacle", ["file", "link", "pipe"])
def test_a_log_that_cannot_be_written_is_no_reason_to_crash(desk: Machine, tmp_path: Path, obstacle: str) -> None:
    install(desk, "spotipy")
    desk.environ["SYNCER_STATE"] = "none"  # which would be kept beside the log
    log = desk.debug_log
    match obstacle:
        case "file":
            (desk.folder / "home" / ".local").write_text("in the way", encoding="utf-8")
        case "link":
            log.parent.mkdir(parents=True)
            log.symlink_to(tmp_path / "elsewhere")
        case "pipe":
            log.parent.mkdir(parents=True)
            os.mkfifo(log)
    ended = desk.run("run")
    assert (ended.code, ended.lines[0]) == (1, "discover-weekly: failed")
    assert str(log) in ended.err
    assert not (tmp_path / "elsewhere").exists()
