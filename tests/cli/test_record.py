"""History, why, undo and redo as processes, by a record that real runs made."""

import json
import os
import pty
import subprocess
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest

from syncer.sandbox import Fault, Media, Playlist, track
from tests.cli.process import Ended, Machine
from tests.cli.test_commands import playlist

COMMANDS = ("history", "why", "undo", "redo")


@pytest.fixture
def run(desk: Machine) -> str:
    """Let a run add 3 tracks; return its id."""
    desk.environ["SYNCER_SETTLE_SECONDS"] = "0.2"
    told = desk.run("run", "--format", "json").json
    assert told["added"] == 3
    return str(told["run_id"])


def uris(of: Playlist) -> list[str | None]:
    return list(of.uris)


def typed(desk: Machine, answer: bytes, *arguments: str) -> Ended:
    """Run a command on a terminal where somebody types *answer*, all of it at once."""
    ours, theirs = pty.openpty()
    os.write(ours, answer)
    with subprocess.Popen(  # noqa: S603 - our own program
        [*desk.program, *arguments],
        cwd=desk.folder,
        env=desk.environ | {"TERM": "dumb"},
        stdin=theirs,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    ) as process:
        out, err = process.communicate(timeout=30)
    os.close(ours)
    os.close(theirs)
    return Ended(process.returncode, out.decode(), err.decode())


def configured(desk: Machine, **more: Any) -> None:
    desk.configure(json.loads(desk.config.read_text(encoding="utf-8")) | more)


def names(media: Sequence[Media]) -> list[str]:
    return [f"{', '.join(one.artists)}: {one.name}" for one in media]


# --- history ----------------------------------------------------------------------------------------------------------


def test_history_tells_what_was_added_and_by_which_run_and_contacts_nobody(desk: Machine, run: str) -> None:
    before = len(desk.requests())
    ended = desk.run("history")

    media = [entry.media for entry in playlist(desk, "week").entries[4:] if entry.media]
    assert (ended.code, ended.err) == (0, "")
    name, week, added, bar = ended.lines[0].split("\t")
    assert (name, added, bar) == ("discover-weekly", "3", "█" * 20)
    assert week <= run[:10]
    assert ended.lines[1].endswith(f" discover-weekly, run {run}")
    assert ended.lines[2:] == [*(f"  + {one}" for one in names(media)), "3 items added by 1 pair."]
    assert len(desk.requests()) == before


def test_history_as_json_is_all_there_is_on_stdout(desk: Machine, run: str) -> None:
    told = desk.run("history", "--format", "json", "--limit", "2").json
    (pair,) = told["pairs"]
    assert (told["added"], told["undone"], pair["name"], pair["added"], len(pair["weeks"])) == (
        *(3, 0, "discover-weekly"),
        *(3, 1),
    )
    assert [one["run_id"] for one in told["latest"]] == [run, run]
    assert told["latest"][0]["source"] == playlist(desk, "week").uri


def test_history_can_be_of_one_pair(desk: Machine, run: str) -> None:
    assert run
    assert desk.run("history", "--pair", "other").lines == ["0 items added by 0 pairs."]
    assert desk.run("history", "--pair", "discover-weekly", "--limit", "0").lines[-1] == "3 items added by 1 pair."


def test_history_fits_a_terminal_of_80_columns_and_knows_one_that_has_no_blocks(desk: Machine, run: str) -> None:
    assert run
    ended = desk.on_a_terminal("history")
    assert ended.code == 0
    assert max(map(len, ended.shown)) <= 80
    assert any("█" in line for line in ended.shown)
    plain = desk.on_a_terminal("history", NO_COLOR="1", LANG="C", PYTHONUTF8="0", PYTHONIOENCODING="ascii")
    assert any(line.endswith("#" * 20) for line in plain.shown)


def test_before_the_first_run_there_is_no_history(desk: Machine) -> None:
    assert desk.run("history") == Ended(0, "0 items added by 0 pairs.\n")


def test_names_that_mean_harm_are_shown_and_do_nothing(desk: Machine) -> None:
    evil = replace(track(1, "evil"), name="\x1b]52;c;aGk=\x07\u202e", artists=("=cmd()\r\n",))
    desk.environ["SYNCER_SETTLE_SECONDS"] = "0.2"
    desk.pairs(evil=(desk.world.playlist("evil", items=[evil]), playlist(desk, "archive")))
    desk.run("run")
    for arguments in (("history",), ("why", evil.uri), ("undo", "--pair", "evil", "--last", "--yes")):
        ended = desk.run(*arguments)
        assert ended.code == 0
        assert all(char.isprintable() or char in "\n\t" for char in ended.out + ended.err)


# --- why --------------------------------------------------------------------------------------------------------------


def test_why_says_which_run_and_pair_added_an_item_and_what_the_rules_say_now(desk: Machine, run: str) -> None:
    week = playlist(desk, "week")
    ours, old = (str(uri) for uri in (week.uris[5], week.uris[0]))
    before = len(desk.requests())
    link = f"https://open.spotify.com/intl-de/track/{ours.rsplit(':', 1)[1]}?si=0123"

    for item in (ours, link):
        lines = desk.run("why", item).lines
        assert lines[0].endswith(f" ({ours})")
        assert lines[1].endswith(f" by discover-weekly from {week.uri}")
        assert lines[2:] == [
            f"    to {playlist(desk, 'archive').uri} in run {run}",
            "  discover-weekly would skip it now: already there",
        ]
    assert desk.run("why", old).lines[1:] == ["  discover-weekly would skip it now: already there"]
    assert len(desk.requests()) == before


def test_why_knows_what_stays_out_and_what_nobody_ever_saw(desk: Machine, run: str) -> None:
    ours = str(playlist(desk, "week").uris[5])
    assert desk.run("undo", run, "--yes").code == 0

    told = desk.run("why", ours, "--format", "json").json
    assert [one["undone"] for one in told["added"]] == [True]
    assert [one["skipped"] for one in told["now"]] == ["taken-out"]
    stranger = track(1, "stranger").uri
    assert desk.run("why", stranger).lines == [f"{stranger} is unknown: no run added it, and no source had it"]


@pytest.mark.parametrize(
    "item", ["spotify:album:" + "a" * 22, "song", "https://example.com/track/" + "a" * 22, "\x1b[0m"]
)
def test_why_wants_a_track_or_an_episode(desk: Machine, item: str) -> None:
    ended = desk.run("why", item)
    assert (ended.code, ended.out) == (2, "")
    assert "is no link to a track or an episode" in ended.err
    assert "\x1b" not in ended.err


# --- undo and redo ----------------------------------------------------------------------------------------------------


def test_undo_shows_what_it_would_take_out_and_asks(desk: Machine, run: str) -> None:
    archive = playlist(desk, "archive")
    full = uris(archive)

    no = typed(desk, b"n\n", "undo", run)
    assert (no.code, uris(archive)) == (0, full)
    media = [entry.media for entry in playlist(desk, "week").entries[4:] if entry.media]
    assert no.lines == ["discover-weekly: 3 to take out", *(f"  - {one}" for one in names(media))]
    assert "Take out 3 items? [y/N]" in no.err
    assert desk.requests("DELETE") == []

    yes = typed(desk, b"y\n", "undo", "--pair", "discover-weekly", "--last")
    assert (yes.code, uris(archive)) == (0, full[:4])
    assert yes.lines[-2:] == ["discover-weekly: 3 taken out", f"It stays out. To bring it back: syncer redo {run}"]
    assert desk.run("run").lines[0] == "discover-weekly: nothing new, 4 already there, 3 taken out"


def test_undo_asks_nobody_who_is_not_there(desk: Machine, run: str) -> None:
    for arguments in (("undo", run), ("undo", run, "--format", "json")):
        ended = desk.run(*arguments)
        assert (ended.code, ended.out) == (2, "")
        assert "pass --yes" in ended.err
    assert desk.requests("DELETE") == []


@pytest.mark.parametrize(
    "arguments", [(), ("--last",), ("--pair", "discover-weekly"), ("some-run", "--pair", "discover-weekly", "--last")]
)
def test_undo_wants_to_know_which_run(desk: Machine, arguments: tuple[str, ...]) -> None:
    ended = desk.run("undo", *arguments, "--yes")
    assert (ended.code, ended.out) == (2, "")
    assert "say which run to undo" in ended.err


def test_undo_and_redo_leave_the_same_tracks_and_a_whole_report(desk: Machine, run: str) -> None:
    archive = playlist(desk, "archive")
    full = uris(archive)

    undone = desk.run("undo", run, "--yes", "--format", "json")
    assert (undone.code, undone.err, uris(archive)) == (0, "", full[:4])
    told = undone.json
    assert (told["action"], told["of"], told["ok"], told["exit_code"], told["dry_run"]) == ("undo", run, True, 0, False)
    (pair,) = told["pairs"]
    assert [item["uri"] for item in pair["done"]] == full[4:]

    redone = desk.run("redo", run, "--format", "json")
    assert (redone.code, redone.json["action"], uris(archive)) == (0, "redo", full)
    assert desk.run("history", "--format", "json").json["added"] == 3
    assert desk.run("redo", run).code == 2


def test_the_last_run_that_was_undone_for_a_pair_can_be_redone_without_its_name(desk: Machine, run: str) -> None:
    archive = playlist(desk, "archive")
    full = uris(archive)
    desk.run("undo", run, "--yes")

    assert desk.run("redo", "--pair", "discover-weekly", "--last", "--yes").code == 0
    assert uris(archive) == full
    assert desk.run("redo", "--pair", "discover-weekly", "--last").code == 2
    assert desk.run("redo").code == 2


def test_what_stands_there_twice_is_left_and_said_even_to_the_quiet(desk: Machine, run: str) -> None:
    archive = playlist(desk, "archive")
    again = next(entry.media for entry in archive.entries[4:] if entry.media)
    desk.world.add(archive, [again])

    ended = desk.run("undo", run, "--yes", "--quiet")

    assert ended.code == 0
    assert ended.lines == [
        "discover-weekly: 2 taken out, 1 left",
        f"  left: {names([again])[0]} (it is there twice, and Spotify would take out both)",
    ]


def test_a_run_that_the_record_does_not_know_is_2_and_contacts_nobody(desk: Machine) -> None:
    for command in (("undo", "\x1b[0m", "--yes"), ("redo", "nowhere")):
        ended = desk.run(*command)
        assert (ended.code, ended.out) == (2, "")
        assert ended.err.splitlines()[-1] == "-> look at `syncer history` for what there is"
        assert ended.err.isascii()
    assert desk.requests() == []


def test_trouble_is_told_with_its_code(desk: Machine, run: str) -> None:
    desk.world.inject(Fault(kind="status", status=403, method="DELETE", path="/v1/**", times=None))
    ended = desk.run("undo", run, "--yes")
    assert ended.code == 4
    assert ended.lines[0] == "discover-weekly: 0 taken out, 3 not reached"
    assert ended.lines[-1].startswith("  -> ")


# --- without a record -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "arguments", [("history",), ("why", "spotify:track:" + "a" * 22), ("undo", "x", "--yes"), ("redo", "x")]
)
def test_without_a_state_there_is_no_record(desk: Machine, arguments: tuple[str, ...]) -> None:
    configured(desk, state="none")
    ended = desk.run(*arguments)
    assert (ended.code, ended.out) == (2, "")
    assert ended.err.startswith("state: nothing is kept between runs (none), so there is no ")
    told = desk.run(*arguments, "--format", "json")
    assert (told.code, told.err, told.json["ok"]) == (2, "", False)
    assert desk.requests() == []


def test_without_a_state_nothing_can_stay_out(desk: Machine) -> None:
    configured(desk, state="none", defaults={"removed": "stay-out"})
    ended = desk.run("run")
    assert (ended.code, ended.out) == (2, "")
    assert "removed: stay-out" in ended.err
    assert desk.requests() == []


def test_a_state_that_cannot_be_used_is_told(desk: Machine) -> None:
    (desk.folder / "config" / "kept").write_bytes(b"somebody else's")
    configured(desk, state={"file": "kept"})
    ended = desk.run("history")
    assert (ended.code, ended.out) == (2, "")
    assert ended.err.splitlines()[1].startswith("-> ")
    assert desk.run("history", "--format", "json").json["error"]["code"] == "config"


# --- help -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("command", COMMANDS)
def test_the_help_has_an_example_and_is_80_wide(desk: Machine, command: str) -> None:
    ended = desk.run(command, "-h")
    assert (ended.code, ended.err) == (0, "")
    assert f"  Example: syncer {command}" in ended.out
    assert max(map(len, ended.lines)) <= 80


@pytest.mark.parametrize("command", ["history", "why spotify:track:" + "a" * 22])
def test_looking_back_loads_no_library_for_the_network(desk: Machine, command: str) -> None:
    ended = desk.run(*command.split(), PYTHONPROFILEIMPORTTIME="1")
    loaded = {line.rsplit("|", 1)[1].strip().split(".")[0] for line in ended.err.splitlines() if "|" in line}
    assert ended.code == 0
    assert not loaded & {"spotipy", "requests", "boto3", "botocore", "urllib3"}
