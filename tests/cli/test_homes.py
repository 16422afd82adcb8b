"""docs/homes.md as it stands: each snippet is read by what would read it, and its commands run against the sandbox."""

import configparser
import re
import shlex
import shutil
import stat
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType
from typing import Any

import pytest
import yaml

from tests.cli.process import ROOT, Ended, Machine
from tests.cli.test_commands import added

PAGE = (ROOT / "docs" / "homes.md").read_text(encoding="utf-8")
FIELD = re.compile(r"(?:\*|[0-9]+(?:-[0-9]+)?)(?:/[0-9]+)?(?:,[0-9]+(?:-[0-9]+)?)*")
BASH = ("bash", "--noprofile", "--norc", "-eo", "pipefail")
"""How GitHub starts a step."""
ANALYZE = shutil.which("systemd-analyze")


def snippets(language: str) -> list[str]:
    """Return every block of *language* on the page."""
    found: list[str] = re.findall(rf"^```{language}\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
    assert found
    return found


def install(path: Path) -> None:
    """Put a ``syncer`` that is this one at *path*."""
    path.parent.mkdir(parents=True)
    path.write_text(f'#!/bin/sh\nexec {shlex.join([sys.executable, "-m", "syncer"])} "$@"\n', encoding="utf-8")
    path.chmod(0o755)


@pytest.fixture
def home(desk: Machine) -> Machine:
    """A machine with a clone where the page says it is, and the little that cron and systemd hand on."""
    clone = Path(desk.environ["HOME"]) / "rediscover-weekly"
    install(clone / ".venv" / "bin" / "syncer")
    shutil.move(desk.config.parent, clone / "config")
    desk.environ["PATH"] = "/usr/bin:/bin"
    return desk


def in_shell(desk: Machine, command: str, *shell: str, variables: Mapping[str, str] = MappingProxyType({})) -> Ended:
    program = (*(shell or ("/bin/sh",)), "-c", command)
    return replace(desk, program=program, environ={**desk.environ, **variables}).run()


# --- cron -------------------------------------------------------------------------------------------------------------


def test_the_line_for_cron_adds_what_is_new_and_mails_nothing(home: Machine) -> None:
    (line,) = snippets("cron")
    *fields, command = line.strip().split(maxsplit=5)
    assert all(map(FIELD.fullmatch, fields))
    assert "%" not in command  # a new line, to cron

    assert in_shell(home, command) == Ended(0, "")

    assert added(home) == 3


def test_the_line_for_cron_mails_trouble(home: Machine) -> None:
    home.sign_in(authorized_at="2026-05-24", refresh_token="revoked", access_token="")
    ended = in_shell(home, snippets("cron")[0].strip().split(maxsplit=5)[5])
    assert ended.code == 3
    assert "sign-in" in ended.out + ended.err


# --- systemd ----------------------------------------------------------------------------------------------------------


def units() -> dict[str, configparser.ConfigParser]:
    """Return the units of the page, by the name under which it says to store them."""
    names = re.findall(r"^`~/\.config/systemd/user/(\S+)`:$", PAGE, re.MULTILINE)
    parsed = {}
    for name, text in zip(names, snippets("ini"), strict=True):
        parsed[name] = configparser.ConfigParser(interpolation=None, strict=True)
        parsed[name].optionxform = str  # type: ignore[assignment,method-assign] # as its documentation says to
        parsed[name].read_string(text)
    return parsed


def test_the_units_belong_together() -> None:
    found = units()
    assert list(found) == ["syncer.service", "syncer.timer"]
    assert found["syncer.timer"]["Install"]["WantedBy"] == "timers.target"
    assert found["syncer.service"]["Service"]["SuccessExitStatus"].split() == ["5", "6"]


def test_the_service_adds_what_is_new(home: Machine) -> None:
    command = units()["syncer.service"]["Service"]["ExecStart"].replace("%h", home.environ["HOME"])
    home.program = shlex.split(command)
    assert home.run() == Ended(0, "")
    assert added(home) == 3


@pytest.mark.skipif(not ANALYZE, reason="there is no systemd-analyze")
def test_systemd_finds_nothing_wrong_with_the_units(home: Machine, tmp_path: Path) -> None:
    assert ANALYZE
    folder = tmp_path / "units"
    folder.mkdir()
    for name, text in zip(units(), snippets("ini"), strict=True):
        (folder / name).write_text(text.replace("%h", home.environ["HOME"]), encoding="utf-8")
    for arguments in (
        ("verify", "--user", "--man=no", str(folder / "syncer.timer"), str(folder / "syncer.service")),
        ("calendar", units()["syncer.timer"]["Timer"]["OnCalendar"]),
    ):
        ended = subprocess.run(  # noqa: S603 - found on the path
            [ANALYZE, *arguments],
            env=home.environ | {"XDG_RUNTIME_DIR": str(tmp_path)},
            capture_output=True,
            text=True,
            check=False,
        )
        assert (ended.returncode, ended.stderr) == (0, "")


# --- GitHub Actions ---------------------------------------------------------------------------------------------------


def workflow() -> dict[Any, Any]:
    """Return the workflow; YAML reads its key ``on`` as true."""
    (text,) = snippets("yaml")
    found: dict[Any, Any] = yaml.safe_load(text)
    return found


def filled_in(text: str, runner: Path, secret: str) -> str:
    """Return *text* as the runner has it, once every expression is worked out."""
    known = {"runner.temp": str(runner), "secrets.SPOTIFY_CREDENTIALS": secret}
    return re.sub(r"\$\{\{ (\S+) \}\}", lambda found: known[found[1]], text)


def test_the_workflow_runs_on_its_own_one_at_a_time_and_may_write_nothing() -> None:
    found = workflow()
    (schedule,) = found[True]["schedule"]
    assert all(map(FIELD.fullmatch, schedule["cron"].split()))
    assert found["permissions"] == {"contents": "read"}
    assert found["concurrency"]["cancel-in-progress"] is False
    assert all(re.fullmatch(r"actions/[a-z/-]+@v\d+", step["uses"]) for step in steps() if "uses" in step)


def steps() -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = workflow()["jobs"]["sync"]["steps"]
    return found


def test_the_workflow_installs_what_the_repository_has() -> None:
    install_step = next(step["run"] for step in steps() if "pip install" in step.get("run", ""))
    assert install_step.splitlines() == ["pip install --require-hashes -r requirements.txt", "pip install --no-deps ."]
    assert "--hash=" in (ROOT / "requirements.txt").read_text(encoding="utf-8")


def test_the_workflow_caches_the_state_and_not_the_credentials() -> None:
    restore, save = (step["with"] for step in steps() if step.get("uses", "").startswith("actions/cache/"))
    assert restore["path"] == save["path"] == "state"
    assert restore["key"] == save["key"]
    assert restore["key"].startswith(restore["restore-keys"])
    assert workflow()["jobs"]["sync"]["env"]["SYNCER_STATE"].startswith("file:state/")
    assert steps()[-1]["if"] == "always()"


def test_the_workflow_adds_what_is_new_once(desk: Machine, tmp_path: Path) -> None:
    """Its commands in order, in a shell as GitHub starts it; then again, with the state that it caches."""
    bin_, temp = tmp_path / "bin", tmp_path / "temp"
    install(bin_ / "syncer")
    temp.mkdir()
    secret = Path(desk.environ.pop("SYNCER_CREDENTIALS_FILE")).read_text(encoding="utf-8")
    desk.environ |= {"PATH": f"{bin_}:/usr/bin:/bin"} | workflow()["jobs"]["sync"]["env"]
    ours = [step for step in steps() if "run" in step and "pip install" not in step["run"]]
    for told in (3, 0):
        for step in ours:
            variables = {name: filled_in(value, temp, secret) for name, value in step["env"].items()}
            ended = in_shell(desk, step["run"], *BASH, variables=variables)
            assert (ended.code, ended.err) == (0, "")
        assert f"{told} items added." in ended.out
        assert (desk.folder / "state" / "state.sqlite3").is_file()
        assert stat.S_IMODE((temp / "credentials.json").stat().st_mode) == 0o600
        assert not list((desk.folder / "state").glob("*.json"))
    assert added(desk) == 3


def test_the_workflow_fails_where_a_person_must_act_and_not_for_what_passes(desk: Machine, tmp_path: Path) -> None:
    install(tmp_path / "bin" / "syncer")
    desk.environ |= {"PATH": f"{tmp_path / 'bin'}:/usr/bin:/bin"}
    command = steps()[-2]["run"]
    for problem, code in ((5, 0), (3, 1), (4, 1)):
        (tmp_path / "bin" / "syncer").write_text(f"#!/bin/sh\nexit {problem}\n", encoding="utf-8")
        assert in_shell(desk, command, *BASH).code == code
