"""Help that teaches by example, and what a shell completes: for every command there is, in real processes."""

import os
import shlex
import shutil
import sys
from pathlib import Path

import click
import pytest

from syncer.cli.main import cli
from tests.cli.process import COLUMNS, ROOT, Machine

NAMES = list(cli.commands)
DOCUMENTED = 'eval "$(_SYNCER_COMPLETE=bash_source syncer)"'


def examples(command: click.Command) -> list[str]:
    """Return the command lines that the help of *command* shows."""
    lines = map(str.strip, (command.help or "").splitlines())
    return [line.removeprefix("Example: ") for line in lines if line.startswith("Example: ")]


# --- help -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", NAMES)
def test_every_command_shows_an_example_that_it_takes(name: str) -> None:
    command = cli.commands[name]
    shown = examples(command)
    assert shown
    for example in shown:
        program, called, *arguments = shlex.split(example)
        assert (program, called) == ("syncer", name)
        with command.make_context(name, arguments):
            pass


@pytest.mark.parametrize("name", NAMES)
def test_help_fits_a_terminal_of_80_columns(desk: Machine, name: str) -> None:
    ended = desk.on_a_terminal(name, "--help")
    assert ended.code == 0
    assert any(line.strip().startswith(f"Example: syncer {name}") for line in ended.shown)
    assert max(map(len, ended.shown)) <= COLUMNS


def test_the_help_lists_every_command_with_a_whole_sentence(desk: Machine) -> None:
    ended = desk.on_a_terminal("--help")
    assert max(map(len, ended.shown)) <= COLUMNS
    listed = ended.shown[ended.shown.index("Commands:") + 1 :]
    told = {line.split()[0]: line for line in listed if line}
    assert list(told) == NAMES
    assert all(line.endswith(".") and not line.endswith("...") for line in told.values())


# --- completion -------------------------------------------------------------------------------------------------------


def completed(desk: Machine, *words: str) -> list[str]:
    """Return what a shell would offer for the last of *words*."""
    line = shlex.join(["syncer", *words[:-1]])
    ended = desk.run(_SYNCER_COMPLETE="bash_complete", COMP_WORDS=f"{line} {words[-1]}", COMP_CWORD=str(len(words)))
    assert (ended.code, ended.err) == (0, "")
    return [each.removeprefix("plain,") for each in ended.lines if each]


@pytest.fixture
def furnished(desk: Machine) -> Machine:
    """A machine whose config has two pairs and two accounts."""
    pairs = [
        {"name": "discover-weekly", "source": "liked", "target": "t" * 22},
        {"name": "family", "source": "liked", "target": "u" * 22, "account": "anna"},
    ]
    desk.configure({"accounts": {"default": {"file": "a"}, "anna": {"file": "b"}}, "pairs": pairs})
    return desk


def test_the_names_of_pairs_are_completed_from_the_config(furnished: Machine) -> None:
    assert completed(furnished, "run", "--pair", "") == ["discover-weekly", "family"]
    assert completed(furnished, "plan", "--quiet", "--pair", "d") == ["discover-weekly"]
    assert completed(furnished, "run", "--pair", "family", "--pair", "f") == ["family"]
    assert furnished.requests() == []


def test_the_names_of_accounts_are_completed_from_the_config(furnished: Machine) -> None:
    assert completed(furnished, "login", "--account", "") == ["default", "anna"]
    assert completed(furnished, "login", "--account", "a") == ["anna"]


def test_commands_and_formats_are_completed(furnished: Machine) -> None:
    assert completed(furnished, "val") == ["validate"]
    assert completed(furnished, "run", "--format", "") == ["text", "json"]


def test_the_config_that_the_command_line_names_is_the_one_that_is_read(furnished: Machine) -> None:
    elsewhere = furnished.folder / "my pairs.yaml"
    furnished.config.rename(elsewhere)
    assert completed(furnished, "--config", str(elsewhere), "run", "--pair", "f") == ["family"]
    assert completed(furnished, "run", "--config", str(elsewhere), "--pair", "f") == ["family"]


@pytest.mark.parametrize("content", [None, "pairs: [", "pairs: [{name: '\x1b[31m$(touch x)'}]"])
def test_a_config_that_does_not_hold_completes_nothing_and_says_nothing(
    furnished: Machine, content: str | None
) -> None:
    if content is None:
        furnished.config.unlink()
    else:
        furnished.config.write_text(content, encoding="utf-8")
    assert completed(furnished, "run", "--pair", "") == []
    assert completed(furnished, "login", "--account", "") == []


def test_the_documented_line_is_the_one_that_is_tested() -> None:
    assert DOCUMENTED in (ROOT / "README.md").read_text(encoding="utf-8")
    assert DOCUMENTED in (cli.help or "")


@pytest.mark.skipif(not shutil.which("bash"), reason="there is no bash")
def test_bash_completes_once_the_documented_line_has_run(furnished: Machine) -> None:
    command = furnished.folder / "syncer"
    command.write_text(f'#!/bin/sh\nexec {shlex.join([sys.executable, "-m", "syncer"])} "$@"\n', encoding="utf-8")
    command.chmod(0o755)
    furnished.environ["PATH"] = f"{furnished.folder}{os.pathsep}{furnished.environ['PATH']}"
    script = Path(furnished.folder, "session")
    script.write_text(
        f"{DOCUMENTED}\ncomplete -p syncer\nCOMP_WORDS=(syncer run --pair f)\nCOMP_CWORD=3\n"
        '_syncer_completion syncer\necho "${COMPREPLY[@]}"\n',
        encoding="utf-8",
    )
    furnished.program = ("bash", "--norc", str(script))
    ended = furnished.run()
    assert (ended.code, ended.err) == (0, "")
    assert ended.lines[0].endswith("-F _syncer_completion syncer")
    assert ended.lines[1:] == ["family"]


# --- progress ---------------------------------------------------------------------------------------------------------


def test_a_bar_is_there_from_the_first_second_on_and_before_the_first_answer(desk: Machine) -> None:
    """Whatever a pair waits for, its sign-in included."""
    desk.when("*", kind="status", status=503)
    ended = desk.on_a_terminal("run")
    bars = [line for line in ended.shown if "entries read" in line]
    assert bars[0].startswith("discover-weekly")
    assert "0/?" in bars[0]
