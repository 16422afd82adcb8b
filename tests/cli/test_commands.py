"""Every command as a process: what it prints where, what it contacts, and how it ends."""

import json
import os
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from syncer import __version__, config
from syncer.sandbox import Fault, Playlist, episode, local
from tests.cli.process import Ended, Machine

SCHEMA = jsonschema.Draft202012Validator(config.schema("report"))
COMMANDS = ("run", "plan", "validate", "demo", "sandbox")


def playlist(desk: Machine, name: str) -> Playlist:
    return next(one for one in desk.world.playlists.values() if one.name == name)


def added(desk: Machine) -> int:
    """Return how many items ``archive`` got beyond the 4 it had."""
    return len(playlist(desk, "archive").entries) - 4


def reported(ended: Ended) -> dict[str, Any]:
    """Return the report that is all of stdout, and fits its schema."""
    told: dict[str, Any] = ended.json
    SCHEMA.validate(told)
    assert told["exit_code"] == ended.code
    return told


# --- run --------------------------------------------------------------------------------------------------------------


def test_run_adds_what_is_new_and_says_so_in_a_line_a_pair(desk: Machine) -> None:
    ended = desk.run("run")
    assert ended == Ended(
        0,
        "discover-weekly: 3 added, 4 already there\n3 items added. Pairs: 1 added. 5 requests to Spotify.\n",
    )
    week = playlist(desk, "week")
    assert playlist(desk, "archive").uris == week.uris
    assert not desk.debug_log.exists()


def test_json_is_all_there_is_on_stdout(desk: Machine) -> None:
    ended = desk.run("run", "--format", "json")
    told = reported(ended)
    assert (ended.code, ended.err, told["ok"], told["added"]) == (0, "", True, 3)
    assert [account["sign_in_expires_at"] for account in told["accounts"]] == ["2027-05-01"]
    assert added(desk) == 3


def test_a_config_and_no_command_is_run(desk: Machine) -> None:
    elsewhere = desk.folder / "my pairs.yaml"
    desk.config.rename(elsewhere)
    ended = desk.run("--config", str(elsewhere))
    assert (ended.code, ended.lines[0]) == (0, "discover-weekly: 3 added, 4 already there")
    assert added(desk) == 3


def test_the_config_can_be_named_by_a_variable_and_the_option_goes_first(desk: Machine) -> None:
    elsewhere = desk.folder / "other.yaml"
    desk.config.rename(elsewhere)
    assert desk.run("validate", SYNCER_CONFIG=str(elsewhere)).code == 0
    assert desk.run("--config", str(elsewhere), "validate", SYNCER_CONFIG="nowhere").code == 0
    assert desk.run("validate", SYNCER_CONFIG="").err.startswith("config/config.yaml: there is no file")


def test_the_state_is_kept_where_the_config_says_or_in_the_users_own_folder(desk: Machine) -> None:
    """And the environment goes first."""
    assert desk.run("run").code == 0
    assert (desk.debug_log.parent / "state.sqlite3").is_file()
    document = json.loads(desk.config.read_text(encoding="utf-8"))

    desk.configure(document | {"state": {"file": "kept"}})
    assert desk.run("run").code == 0
    assert (desk.config.parent / "kept").is_file()

    desk.configure(document | {"state": "none"})
    (warning,) = reported(desk.run("run", "--format", "json"))["warnings"]
    assert warning.startswith("nothing is kept between runs")
    elsewhere = desk.folder / "elsewhere"
    assert reported(desk.run("run", "--format", "json", SYNCER_STATE=f"file:{elsewhere}"))["warnings"] == []
    assert elsewhere.is_file()


def test_pairs_can_be_chosen_by_name(desk: Machine) -> None:
    world = desk.world
    for name in ("b", "c"):
        world.playlist(name, tracks=1)
    desk.pairs(
        a=(playlist(desk, "week"), playlist(desk, "archive")),
        b=(playlist(desk, "b"), playlist(desk, "archive")),
        c=(playlist(desk, "c"), playlist(desk, "archive")),
    )
    assert desk.run("run", "--pair", "c", "--pair", "a").lines == [
        "a: 3 added, 4 already there",
        "b: not selected",
        "c: 1 added",
        "4 items added. Pairs: 2 added, 1 not selected. 9 requests to Spotify.",
    ]


def test_a_name_that_no_pair_has_is_a_usage_error_with_a_guess(desk: Machine) -> None:
    ended = desk.run("run", "--pair", "discoverweekly", "--pair", "\x1b[31m")
    assert (ended.code, ended.out) == (2, "")
    assert ended.err.splitlines()[:2] == [
        "pair: no pair is called 'discoverweekly': did you mean 'discover-weekly'?",
        "pair: no pair is called '\\x1b[31m': there are discover-weekly",
    ]
    assert desk.requests() == []


# --- plan -------------------------------------------------------------------------------------------------------------


def test_plan_tells_item_by_item_what_run_would_do_and_why_not_the_rest(desk: Machine) -> None:
    liked = [entry.media for entry in playlist(desk, "week").entries if entry.media]
    desk.world.like([*liked[3:5], episode(1), liked[4]])
    mixed = desk.world.playlist("mixed", items=[*liked[3:5], None, local(1), liked[4]])
    desk.pairs(liked=("liked", playlist(desk, "archive")), mixed=(mixed, playlist(desk, "archive")))

    ended = desk.run("plan")

    assert ended.code == 0
    names = [f"{', '.join(one.artists)}: {one.name}" for one in [*liked, episode(1), local(1)]]
    names[7] = episode(1).name  # shown as what it is, by whoever made it
    assert ended.lines[0] == "liked:"
    assert ended.lines[1] == f"  + {names[4]}"
    assert ended.lines[3:6] == [f"  - {names[3]} (already there)", f"  - {names[4]} (repeated in source)", ""]
    assert ended.lines[6] == "mixed:"
    assert ended.lines[7:11] == [
        f"  - {names[3]} (already there)",
        f"  - {names[4]} (already there)",
        "  - (no longer on Spotify) (unavailable)",
        f"  - {names[8]} (local file)",
    ]
    assert ended.lines[-3:] == [
        "liked: 2 to add, 1 already there, 1 repeated in source",
        "mixed: nothing new, 3 already there, 1 local file, 1 unavailable",
        "Nothing was changed: 2 items to add. Pairs: 1 to add, 1 unchanged. 3 requests to Spotify.",
    ]
    assert added(desk) == 0


def test_a_dry_run_is_a_plan_and_its_plan_is_what_a_run_adds(desk: Machine) -> None:
    planned = reported(desk.run("run", "--dry-run", "--format", "json"))
    assert desk.requests("POST") == []
    assert added(desk) == 0
    real = reported(desk.run("run", "--format", "json"))
    assert planned["dry_run"] is True
    assert [pair["items"] for pair in planned["pairs"]] == [pair["items"] for pair in real["pairs"]]
    assert (planned["added"], real["added"], added(desk)) == (0, 3, 3)


# --- quiet ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("arguments", [("--quiet", "run"), ("run", "-q"), ("plan", "--quiet"), ("-q", "validate")])
def test_quiet_says_nothing_where_all_is_well(desk: Machine, arguments: tuple[str, ...]) -> None:
    assert desk.run(*arguments) == Ended(0, "")


def test_quiet_still_says_what_went_wrong(desk: Machine) -> None:
    gone = desk.world.playlist("gone")
    del desk.world.playlists[gone.id]
    desk.pairs(good=(playlist(desk, "week"), playlist(desk, "archive")), bad=(gone, playlist(desk, "archive")))
    ended = desk.run("run", "--quiet")
    assert (ended.code, ended.err) == (4, "")
    assert ended.lines[0] == "bad: failed"
    assert ended.lines[2].startswith("  -> ")
    assert len(ended.lines) == 3


# --- validate ---------------------------------------------------------------------------------------------------------


def test_validate_contacts_nobody_and_needs_no_credentials(desk: Machine) -> None:
    del desk.environ["SYNCER_CREDENTIALS_FILE"]
    assert desk.run("validate") == Ended(0, "config/config.yaml: 1 pair, no problem found\n")
    assert desk.run("validate", "--format", "json").json == {"ok": True, "problems": [], "warnings": []}
    assert desk.requests() == []


def test_validate_tells_all_problems_at_once_and_warnings_apart(desk: Machine) -> None:
    target = playlist(desk, "archive").id
    made = {"name": "made", "source": "37i9dQZEVXcSandboxList", "target": target}
    desk.configure({"pairs": [made, {"source": "short", "target": target, "soruce": 1}]})

    text = desk.run("validate")
    assert (text.code, text.out) == (2, "")
    short, unknown, advice = text.err.splitlines()
    assert "$.pairs[1].source: 'short' is not a playlist id" in short
    assert "'soruce'" in unknown
    assert all(line.startswith("config/config.yaml:1:") for line in (short, unknown))
    assert advice.startswith("-> ")

    told = desk.run("validate", "--format", "json")
    assert (told.code, told.err, told.json["ok"], len(told.json["problems"])) == (2, "", False, 2)

    desk.configure({"pairs": [made]})
    odd = desk.run("validate")
    assert (odd.code, odd.lines) == (0, ["config/config.yaml: 1 pair, no problem found"])
    assert odd.err.startswith("warning: config/config.yaml:1:")


def test_validate_loads_no_library_for_the_network(desk: Machine) -> None:
    """It is what an editor or a hook calls on every save."""
    heavy = "spotipy", "requests", "boto3", "botocore", "urllib3"
    ended = desk.run("validate", PYTHONPROFILEIMPORTTIME="1")
    loaded = {line.rsplit("|", 1)[1].strip().split(".")[0] for line in ended.err.splitlines() if "|" in line}
    assert ended.code == 0
    assert "syncer" in loaded
    assert not loaded & set(heavy)


# --- help, version, usage ---------------------------------------------------------------------------------------------


def test_bare_syncer_prints_the_help(desk: Machine) -> None:
    ended = desk.run()
    assert (ended.code, ended.err) == (0, "")
    listed = ended.lines[ended.lines.index("Commands:") + 1 :]
    assert set(COMMANDS) <= {line.split()[0] for line in listed}
    assert not [line for line in listed if line.split()[0] in COMMANDS and line.endswith("...")]
    assert ended.out == desk.run("--help").out


@pytest.mark.parametrize("command", COMMANDS)
def test_the_help_of_a_command_has_an_example(desk: Machine, command: str) -> None:
    ended = desk.run(command, "-h")
    assert (ended.code, ended.err) == (0, "")
    assert f"  Example: syncer {command}" in ended.out
    assert max(map(len, ended.lines)) <= 80


def test_the_version_is_ours(desk: Machine) -> None:
    assert desk.run("--version") == Ended(0, f"syncer {__version__}\n")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("runn",), "Did you mean 'run'?"),
        (("run", "--colour"), "No such option"),
        (("run", "--format", "xml"), "'xml' is not one of"),
        (("plan", "discover-weekly"), "unexpected extra argument"),
    ],
)
def test_usage_errors_are_2_and_contact_nobody(desk: Machine, arguments: tuple[str, ...], said: str) -> None:
    ended = desk.run(*arguments)
    assert (ended.code, ended.out) == (2, "")
    assert said in ended.err
    assert desk.requests() == []


# --- other exit codes -------------------------------------------------------------------------------------------------


def test_without_credentials_it_says_what_to_do(desk: Machine) -> None:
    del desk.environ["SYNCER_CREDENTIALS_FILE"]
    ended = desk.run("run")
    assert ended.code == 3
    assert ended.lines[0] == "discover-weekly: failed"
    assert "there are no credentials at" in ended.lines[1]
    assert ended.lines[2] == "  -> run `syncer login`"
    assert desk.requests() == []


def test_a_sign_in_that_has_ended_needs_a_person(desk: Machine) -> None:
    desk.sign_in(access_token="", expires_at="0")
    for sign_in in desk.world.sign_ins.values():
        sign_in.revoked = True
    told = reported(desk.run("run", "--format", "json"))
    assert told["exit_code"] == 3
    assert told["pairs"][0]["error"]["code"] == "sign-in-needed"


def test_some_pairs_failing_is_4_and_the_others_go_on(desk: Machine) -> None:
    foreign = desk.world.playlist("foreign", tracks=2, owner=desk.world.add_user("friend"))
    desk.pairs(bad=(foreign, playlist(desk, "archive")), good=(playlist(desk, "week"), playlist(desk, "archive")))
    ended = desk.run("run")
    assert ended.code == 4
    assert ended.lines[0] == "bad: failed"
    assert ended.lines[3] == "good: 3 added, 4 already there"
    assert added(desk) == 3


def test_a_long_wait_that_spotify_asks_for_is_5_when_nothing_was_added(desk: Machine) -> None:
    desk.world.inject(Fault(kind="rate-limit", times=None, headers={"Retry-After": "7200"}))
    ended = desk.run("run")
    assert ended.code == 5
    assert ended.lines[:2] == [
        "discover-weekly: not tried",
        "  Spotify asks this app to wait 2 hours before the next request",
    ]
    assert len(desk.requests()) == 1


def test_spotify_can_only_be_replaced_by_this_machine(desk: Machine) -> None:
    ended = desk.run("run", SPOTIFY_API_URL="http://127.0.0.1@example.com")
    assert (ended.code, ended.out) == (2, "")
    assert ended.err.startswith("environment: $SPOTIFY_API_URL: ")
    assert ended.err.splitlines()[1].startswith("-> unset it")
    assert desk.requests() == []


# --- broken configs, as the command line sees them (C1-C9; in detail: tests/test_config.py) ----------------


def broken(form: str, path: Path) -> None:
    """Put something at *path* that is no config."""
    match form:
        case "pipe":
            os.mkfifo(path)
        case "depth bomb":
            path.write_text("[" * 100_000, encoding="utf-8")
        case "alias bomb":
            path.write_text("a: &a [x]\n" + "".join(f"b{n}: &b{n} [*a,*a]\n" for n in range(30)), encoding="utf-8")
        case "syntax":
            path.write_text("pairs: [\n", encoding="utf-8")
        case "hostile":
            path.write_text('"\\e]52;c;aGk=\\a\\u202e": {"\\x9b31m": "[red]"}\n', encoding="utf-8")


FORMS = ("missing", "pipe", "depth bomb", "alias bomb", "syntax", "hostile")


@pytest.mark.parametrize("form", FORMS)
def test_a_broken_config_is_2_and_a_line_for_each_problem(desk: Machine, form: str) -> None:
    desk.config.unlink()
    broken(form, desk.config)
    ended = desk.run("run")
    assert (ended.code, ended.out) == (2, "")
    *problems, advice = ended.err.splitlines()
    assert problems
    assert all(problem.startswith("config/config.yaml:") and problem.isprintable() for problem in problems)
    assert advice.startswith("-> ")
    assert desk.requests() == []


def test_a_broken_config_is_a_whole_report_as_json(desk: Machine) -> None:
    desk.config.write_text("pairs: []\n", encoding="utf-8")
    ended = desk.run("run", "--format", "json")
    told = reported(ended)
    assert (ended.code, ended.err, told["pairs"], told["requests"]) == (2, "", [], {"spotify": 0, "accounts": 0})
    assert [problem["line"] for problem in told["problems"]] == [1]
    assert json.dumps(told).isascii()
