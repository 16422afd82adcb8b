"""Where output goes: pipes that close, terminals of all kinds, and names that mean harm (R8, X4)."""

import os
from dataclasses import replace
from pathlib import Path

import pytest

from syncer.sandbox import Media, track
from tests.cli.process import COLUMNS, Ended, Machine
from tests.cli.test_commands import added, playlist, reported

HOSTILE = {
    "\x1b]52;c;cm0gLXJm\x07": "\\x1b]52;c;cm0gLXJm\\x07",  # puts text on the clipboard
    "\x1b[2J\x1b[31m": "\\x1b[2J\\x1b[31m",
    "\x9b31m": "\\x9b31m",
    "one\ntwo\r\tthree": "one\\ntwo\\r\\tthree",
    "\u202egpj.exe\u2066": "\\u202egpj.exe\\u2066",
    "[red]markup[/red] :smile:": "[red]markup[/red] :smile:",
    "=1+1": "=1+1",
    "+1-1@x": "+1-1@x",
    "\ud83d": "?",
}
"""Names, and how they are shown: nothing in them does anything."""


def hostile(number: int, name: str) -> Media:
    return replace(track(number, "hostile"), name=name, artists=(name,))


@pytest.fixture
def rogue(desk: Machine) -> Machine:
    """A machine whose pair brings hostile names."""
    media = [hostile(number, name) for number, name in enumerate(HOSTILE)]
    desk.pairs(rogue=(desk.world.playlist("rogue", items=media), playlist(desk, "archive")))
    return desk


def is_harmless(line: str) -> bool:
    return line.isprintable()


# --- names ------------------------------------------------------------------------------------------------------------


def test_hostile_names_reach_a_pipe_as_escapes(rogue: Machine) -> None:
    ended = rogue.run("plan")
    assert ended.lines[1 : 1 + len(HOSTILE)] == [f"  + {shown}: {shown}" for shown in HOSTILE.values()]
    assert all(map(is_harmless, ended.lines))


def test_hostile_names_reach_a_terminal_as_escapes(rogue: Machine) -> None:
    ended = rogue.on_a_terminal("plan")
    for shown in HOSTILE.values():
        assert f"  + {shown}: {shown}" in ended.shown
    assert all(map(is_harmless, ended.shown))


def test_hostile_names_are_escaped_in_json_and_survive_it(rogue: Machine) -> None:
    ended = rogue.run("run", "--format", "json")
    told = reported(ended)
    names = [item["name"] for item in told["pairs"][0]["items"]]
    assert names[:-1] == list(HOSTILE)[:-1]
    assert ended.out.isascii()
    assert all(map(is_harmless, ended.lines))


def test_a_terminal_without_unicode_shows_escapes(rogue: Machine) -> None:
    """Names in every script, on a terminal that has ASCII and nothing else."""
    week = rogue.world.playlist("wide", items=[hostile(20, "Für 夜"), hostile(21, "🎧")])
    rogue.pairs(wide=(week, playlist(rogue, "archive")))
    utf8 = rogue.run("plan", PYTHONIOENCODING="ascii")
    rogue.environ |= {"LC_ALL": "C", "PYTHONCOERCECLOCALE": "0", "PYTHONUTF8": "0"}
    ended = rogue.run("plan")
    assert ended.lines[1:3] == ["  + F\\xfcr \\u591c: F\\xfcr \\u591c", "  + \\U0001f3a7: \\U0001f3a7"]
    assert utf8 == ended
    on_terminal = rogue.on_a_terminal("run")
    assert on_terminal.code == 0
    assert on_terminal.out.isascii()


def test_hostile_paths_and_options_are_shown_as_escapes(desk: Machine) -> None:
    name = "\x1b[31m\u202e\udcff.yaml"
    for ended in (desk.run("validate", "--config", name), desk.run("run", f"--{name}"), desk.run(name)):
        assert ended.code == 2
        assert all(map(is_harmless, ended.err.splitlines()))
    desk.config.rename(desk.folder / "\x1b]0;x\x07.yaml")
    assert desk.run("validate", "--config", "\x1b]0;x\x07.yaml").out.startswith("\\x1b]0;x\\x07.yaml: 1 pair")


# --- pipes ------------------------------------------------------------------------------------------------------------


def to_nobody(desk: Machine, *arguments: str) -> Ended:
    """Run into a pipe that nobody reads any more."""
    reading, writing = os.pipe()
    os.close(reading)
    with os.fdopen(writing, "wb") as nobody:
        return desk.run(*arguments, stdout=nobody)


@pytest.mark.parametrize("arguments", [("--help",), ("validate",), ("plan", "--format", "json")])
def test_a_closed_pipe_is_no_trouble(desk: Machine, arguments: tuple[str, ...]) -> None:
    assert to_nobody(desk, *arguments) == Ended(0, "")


def test_a_closed_pipe_hides_the_report_and_not_the_exit_code(desk: Machine) -> None:
    del desk.environ["SYNCER_CREDENTIALS_FILE"]
    assert to_nobody(desk, "run") == Ended(3, "")


@pytest.mark.parametrize("closed", [">&-", ">&- 2>&-"])
def test_streams_that_are_closed_from_the_start_are_no_trouble(desk: Machine, closed: str) -> None:
    ended = desk.run("validate", through=("sh", "-c", f'exec "$@" {closed}', "sh"))
    assert (ended.code, ended.err) == (0, "")


def test_a_full_disk_is_told_and_is_not_success(desk: Machine) -> None:
    if not Path("/dev/full").exists():
        pytest.skip("this system has no /dev/full")
    with Path("/dev/full").open("wb") as full:
        ended = desk.run("run", "--format", "json", stdout=full)
    assert (ended.code, ended.err) == (1, "syncer: [Errno 28] No space left on device\n")
    assert added(desk) == 3


# --- terminals --------------------------------------------------------------------------------------------------------


def long_pairs(desk: Machine) -> None:
    """Configure what a table of 80 columns can hardly hold."""
    foreign = desk.world.playlist("foreign", tracks=1, owner=desk.world.add_user("friend"))
    archive = playlist(desk, "archive")
    desk.pairs(**{"a" * 64: (playlist(desk, "week"), archive), "b-" * 32: (foreign, archive)}, c=("liked", archive))


def test_a_terminal_shows_a_bar_while_it_reads_and_a_table_at_the_end(desk: Machine) -> None:
    long_pairs(desk)
    ended = desk.on_a_terminal("run")
    assert ended.code == 4
    assert any("━" in line and "entries read" in line for line in ended.shown)
    assert "pair                            status     items" in ended.shown
    assert f"{'a' * 30}  added      3 added, 4 already there" in ended.shown
    assert "c                               unchanged  nothing new" in ended.shown
    assert "3 items added. Pairs: 1 added, 1 unchanged, 1 failed. 7 requests to Spotify." in ended.shown
    assert max(map(len, ended.shown)) <= COLUMNS
    assert "\x1b[32m" in ended.out
    assert "\x1b[?25l" not in ended.out  # a cursor that is never hidden is there after any end


def test_no_color_is_respected(desk: Machine) -> None:
    ended = desk.on_a_terminal("run", NO_COLOR="1")
    assert "discover-weekly  added   3 added, 4 already there" in ended.shown
    assert not any(f"\x1b[{colour}m" in ended.out for colour in (*range(30, 38), *range(90, 98)))


def test_quiet_on_a_terminal_shows_no_bar_and_no_table(desk: Machine) -> None:
    assert desk.on_a_terminal("run", "--quiet") == Ended(0, "")


def test_a_terminal_that_cannot_move_its_cursor_gets_plain_lines(desk: Machine) -> None:
    ended = desk.on_a_terminal("plan", TERM="dumb")
    assert ended.shown[-3] == "discover-weekly: 3 to add, 4 already there"
    assert "\x1b" not in ended.out


def test_a_wish_for_colour_does_not_make_a_pipe_a_terminal(desk: Machine) -> None:
    ended = desk.run("run", FORCE_COLOR="1")
    assert ended.lines[0] == "discover-weekly: 3 added, 4 already there"
    assert "\x1b" not in ended.out + ended.err
