"""``syncer doctor`` and ``syncer playlists`` as processes: what they print where, what they ask, and how they end."""

import re
import signal
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path
from threading import Event
from typing import Any, Literal

import jsonschema
import pytest

from syncer import config, report
from syncer.errors import PremiumNeeded, SourceNotReadable
from syncer.sandbox import Fault, Playlist, User
from syncer.sandbox.furnishing import furnish
from tests.cli.process import COLUMNS, Ended, Machine, machine
from tests.cli.test_commands import playlist
from tests.cli.test_output import HOSTILE

EXAMINED, SHELF = (jsonschema.Draft202012Validator(config.schema(name)) for name in ("doctor", "playlists"))


def examined(ended: Ended) -> dict[str, Any]:
    """Return what is all of stdout, and fits its schema."""
    told: dict[str, Any] = ended.json
    EXAMINED.validate(told)
    assert (told["exit_code"], told["ok"]) == (ended.code, ended.code == 0)
    return told


def listed(ended: Ended) -> dict[str, Any]:
    """Return what is all of stdout, and fits its schema."""
    told: dict[str, Any] = ended.json
    SHELF.validate(told)
    assert (told["exit_code"], told["ok"]) == (ended.code, ended.code == 0)
    return told


def failed(told: dict[str, Any]) -> list[tuple[str, str]]:
    return [(one["about"], one["code"]) for one in told["findings"] if one["level"] == "failed"]


def stranger(desk: Machine) -> Playlist:
    """Return a playlist of someone else that is in the user's library."""
    made = desk.world.playlist("party", tracks=2, owner=desk.world.add_user("friend", "A friend"))
    desk.world.me.library.append(made.id)
    return made


ACCOUNTS = {"default": {"file": "../credentials.json"}, "friend": {"file": "../friend.json"}}


def another_account(desk: Machine, user: User, *, scopes: Iterable[str] | None = None) -> None:
    """Sign *user* in too, as the account ``friend``; with *scopes* to no more than that."""
    mine = Path(desk.environ["SYNCER_CREDENTIALS_FILE"])
    kept = mine.read_text(encoding="utf-8")
    me, desk.world.me = desk.world.me, user
    desk.sign_in()
    desk.world.me = me
    mine.rename(desk.folder / "friend.json")
    mine.touch(mode=0o600)
    mine.write_text(kept, encoding="utf-8")
    if scopes is not None:
        *_, sign_in = desk.world.sign_ins.values()
        sign_in.scopes = frozenset(scopes)


# --- doctor -----------------------------------------------------------------------------------------------------------


def test_doctor_says_of_each_thing_how_it_stands_and_what_that_took(desk: Machine) -> None:
    week, archive = playlist(desk, "week"), playlist(desk, "archive")
    today = datetime.now(UTC).date()
    ends = report.sign_in_ends(today)
    desk.sign_in(authorized_at=today.isoformat())
    ended = desk.run("doctor")
    assert (ended.code, ended.err) == (0, "")
    scopes = "playlist-read-private, playlist-read-collaborative, playlist-modify-public, playlist-modify-private"
    state = desk.folder / "home" / ".local" / "state" / "rediscover-weekly" / "state.sqlite3"
    assert ended.lines == [
        "ok       config: it holds: 1 pair",
        f"ok       state: it can be read and written, and no run is under way (file {state})",
        f"ok       credentials of default: they can be read and are complete ({desk.folder / 'credentials.json'})",
        f"ok       sign-in of default: it works, and ends on {ends}, in {(ends - today).days} days",
        f"ok       scopes of default: all that its pairs need: {scopes}",
        "ok       app of default: Spotify serves it, for the user 'listener'",
        f"ok       source of discover-weekly: 'week' ({week.uri}): your own, 7 items, can be read",
        f"ok       target of discover-weekly: 'archive' ({archive.uri}): your own, 4 items, can be added to",
        "ok       quota of default: 2 requests to Spotify in 24 hours, and it does not ask to wait",
        "9 ok. 2 requests to Spotify, 1 to its accounts service.",
    ]
    assert desk.requests() == ["/api/token", "me/", "me/playlists"]
    assert not desk.debug_log.exists()


def test_doctor_as_json_is_all_there_is_on_stdout(desk: Machine) -> None:
    ended = desk.run("doctor", "--format", "json")
    told = examined(ended)
    assert (ended.code, ended.err, told["requests"]) == (0, "", {"spotify": 2, "accounts": 1})
    assert [(one["role"], one["relation"], one["pairs"]) for one in told["findings"] if one["role"]] == [
        ("source", "own", ["discover-weekly"]),
        ("target", "own", ["discover-weekly"]),
    ]


def test_doctor_names_the_one_action_below_what_it_mends_and_goes_on(desk: Machine) -> None:
    party = stranger(desk)
    desk.pairs(bad=(party, playlist(desk, "week")), good=(playlist(desk, "week"), playlist(desk, "archive")))
    ended = desk.run("doctor", "--quiet")
    assert ended.code == 4
    failure, action = ended.lines
    assert failure == f"failed   source of bad: {SourceNotReadable(party.uri)}"
    assert action == f"         -> {SourceNotReadable(party.uri).hint}"
    assert "ok       source of good: 'week'" in desk.run("doctor").out


def test_doctor_is_quiet_where_all_is_well(desk: Machine) -> None:
    assert desk.run("doctor", "--quiet") == Ended(0, "")


def test_doctor_contacts_nobody_about_a_config_that_does_not_hold(desk: Machine) -> None:
    desk.configure({"pairs": [{"source": "short", "target": playlist(desk, "archive").id, "soruce": 1}]})
    ended = desk.run("doctor", "--format", "json")
    told = examined(ended)
    assert (ended.code, failed(told), desk.requests()) == (2, [("config", "config")] * 2, [])
    assert "$.pairs[0]" in told["findings"][0]["message"]
    text = desk.run("doctor")
    assert (text.code, text.lines[-1]) == (2, "2 failed. 0 requests to Spotify, 0 to its accounts service.")
    host = desk.run("doctor", "--format", "json", SPOTIFY_API_URL="http://example.com")
    assert examined(host)["exit_code"] == 2


def test_doctor_tells_a_state_that_cannot_be_used(desk: Machine) -> None:
    (desk.folder / "state").write_text("somebody else's " * 10, encoding="utf-8")
    ended = desk.run("doctor", "--format", "json", SYNCER_STATE=f"file:{desk.folder / 'state'}")
    assert (ended.code, failed(examined(ended)), desk.requests()) == (2, [("state", "config")], [])


def test_doctor_tells_credentials_that_are_missing_open_or_no_json(desk: Machine) -> None:
    path = Path(desk.environ["SYNCER_CREDENTIALS_FILE"])
    path.chmod(0o644)
    told = [examined(desk.run("doctor", "--format", "json"))]
    path.chmod(0o600)
    path.write_text("{", encoding="utf-8")
    told.append(examined(desk.run("doctor", "--format", "json")))
    path.unlink()
    told.append(examined(desk.run("doctor", "--format", "json")))
    assert [(one["exit_code"], failed(one)) for one in told] == [(3, [("credentials", "credentials-unreadable")])] * 3
    assert ["chmod 600" in one["findings"][2]["action"] for one in told] == [True, False, False]
    assert desk.requests() == []


@pytest.mark.parametrize(
    ("fault", "expected", "exits"),
    [
        (Fault(kind="premium", path="/v1/**"), ("app", "premium-needed"), 3),
        (Fault(kind="not-allow-listed", path="/v1/**"), ("app", "not-allow-listed"), 3),
        (Fault(kind="quota", path="/v1/**"), ("quota", "quota-exceeded"), 5),
        (
            Fault(kind="status", status=400, path="/api/token", message="invalid_grant"),
            ("sign-in", "sign-in-needed"),
            3,
        ),
        (Fault(kind="status", status=400, path="/api/token", message="invalid_client"), ("app", "client-refused"), 3),
    ],
)
def test_doctor_tells_what_is_in_the_way_of_an_account(
    desk: Machine, fault: Fault, expected: tuple[str, str], exits: int
) -> None:
    desk.world.inject(fault)
    ended = desk.run("doctor", "--format", "json")
    told = examined(ended)
    assert (ended.code, failed(told)) == (exits, [expected])
    assert told["findings"][-1]["level"] in ("unknown", "ok")


def test_doctor_on_a_terminal_has_colours_and_no_line_too_long(desk: Machine) -> None:
    stranger(desk)
    ended = desk.on_a_terminal("doctor")
    assert ended.code == 0
    assert "\x1b[32mok" in ended.out
    assert max(map(len, ended.shown)) <= COLUMNS
    assert "\x1b[32m" not in desk.on_a_terminal("doctor", NO_COLOR="1").out


def test_hostile_names_in_a_diagnosis_do_nothing(desk: Machine) -> None:
    made = [desk.world.playlist(name) for name in HOSTILE]
    desk.configure({"pairs": [{"source": [one.id for one in made], "target": playlist(desk, "archive").id}]})
    ended = desk.run("doctor")
    assert ended.code == 0
    assert len(ended.lines) == 8 + len(HOSTILE) + 1
    assert all(line.isprintable() for line in ended.lines)


@pytest.mark.parametrize(
    ("command", "last"), [("doctor", {"about": "app", "level": "ok"}), ("playlists", {"playlists": []})]
)
def test_a_signal_leaves_what_was_found_before(desk: Machine, command: str, last: dict[str, object]) -> None:
    under_way, go_on = Event(), Event()

    def in_flight(_scene: object) -> None:
        under_way.set()
        assert go_on.wait(30)

    desk.when("/v1/me", kind="edit", act=in_flight)
    process = desk.start(command, "--format", "json")
    assert under_way.wait(30)
    process.send_signal(signal.SIGINT)
    assert process.stderr
    assert process.stderr.readline().startswith(b"Stopping after the request in flight")
    go_on.set()
    ended = desk.ended(process)
    told = examined(ended)["findings"][-1] if command == "doctor" else listed(ended)
    assert ended.code == 130
    assert told.items() >= last.items()
    assert "me/playlists" not in desk.requests()


# --- sources that are no playlists, and other people's ----------------------------------------------------------------

MADE = "37i9dQZEVXcSandboxList"


def weekly(desk: Machine) -> Playlist:
    """Have a list that Spotify makes, a life of the listener in which it plays, and pairs that want all of that."""
    made = desk.world.playlist("Discover Weekly", id=MADE, tracks=30, owner=desk.world.add_user("spotify"))
    life = furnish(desk.world, made)
    target = playlist(desk, "archive").id
    sources: dict[str, object] = {
        "songs": "liked",
        "album": life.albums[1].uri,
        "albums": "saved_albums",
        "artist": {"artist": life.artist.uri, "since": "2020-01-01"},
        "top": {"top": "short"},
        "show": life.show.uri,
        "episodes": "saved_episodes",
        "heard": {"recently_played": {"context": made.uri}},
        "coming": {"queue": {"context": made.uri}},
        "pasted": {"file": "pasted.txt"},
    }
    (desk.config.parent / "pasted.txt").write_text(f"{life.albums[0].uris[0]}\n", encoding="utf-8")
    desk.configure({"pairs": [{"name": name, "source": one, "target": target} for name, one in sources.items()]})
    return made


def told(desk: Machine) -> dict[str, str]:
    """Return what is said of the source of each pair, and how it stands."""
    lines = (re.fullmatch(r"(\w+) +source of ([a-z-]+): (.*)", line) for line in desk.run("doctor").lines)
    return {found[2]: f"{found[1]}: {found[3]}" for found in lines if found}


def test_doctor_tells_of_each_kind_of_source_in_a_line_for_a_request(desk: Machine) -> None:
    made = weekly(desk)
    found = told(desk)
    heard = found.pop("heard")
    assert heard.startswith("ok: recently played: 18 plays, newest ")
    assert heard.endswith(f"; Spotify tells of 18 from what they were played: 8 from {made.uri}")
    assert {name: line.partition("spotify:")[0] for name, line in found.items()} == {
        "songs": "ok: Liked Songs: 0 items, can be read",
        "album": "ok: the album ",
        "albums": "ok: your saved albums: 2 albums, can be read",
        "artist": "ok: the artist ",
        "top": "ok: your top tracks (short): 50 items, can be read",
        "show": "ok: the show ",
        "episodes": "ok: your saved episodes: 3 items, can be read",
        "coming": "ok: the queue of ",
        "pasted": "ok: the file pasted.txt: 1 item, can be read",
    }
    assert found["artist"].endswith(" since 2020-01-01: 3 releases, can be read")
    assert found["coming"].endswith(": 20 items after what plays now, can be read")
    assert len(desk.requests()) == 1 + 2 + 7 + 1 + 2  # tokens; me and the target; what stays; plays; what plays, queue


@pytest.mark.parametrize("which", ["own", "none"])
def test_doctor_says_so_where_spotify_hides_what_a_list_of_its_own_plays(
    desk: Machine, which: Literal["own", "none"]
) -> None:
    made = weekly(desk)
    desk.world.habits.shown_contexts = desk.world.habits.logged_contexts = which
    found = told(desk)
    assert found["coming"].startswith("warning: ")
    assert "Spotify does not tell from what" in found["coming"]
    if which == "own":
        assert found["heard"].startswith("ok: ")
        assert found["heard"].endswith(f"; Spotify tells of 10 from what they were played: 0 from {made.uri}")
    else:
        assert found["heard"].startswith("warning: ")
    ended = desk.run("doctor", "--quiet")
    assert "docs/discover-weekly.md" in ended.out
    assert ended.code == 0


def test_doctor_says_so_where_the_queue_hides_what_follows(desk: Machine) -> None:
    weekly(desk)
    desk.world.habits.queue_shows_spotify_made = False
    assert told(desk)["coming"].endswith(": something plays, but Spotify shows nothing that comes next")


def test_doctor_names_the_ways_around_a_list_that_spotify_makes(desk: Machine) -> None:
    made = weekly(desk)
    desk.pairs(weekly=(made, playlist(desk, "archive")))
    ended = desk.run("doctor", "--format", "json")
    (one,) = [one for one in examined(ended)["findings"] if one["code"]]
    assert (one["code"], one["relation"], ended.code) == ("source-spotify-made", "spotify-made", 4)
    assert all(way in one["action"] for way in ("recently_played", "queue", "syncer capture", "discover-weekly.md"))


def test_doctor_says_as_whom_each_thing_was_looked_at_where_there_are_several(desk: Machine) -> None:
    friend = desk.world.add_user("friend")
    party, archive = desk.world.playlist("party", tracks=2, owner=friend), playlist(desk, "archive")
    another_account(desk, friend, scopes=("playlist-read-private", "playlist-read-collaborative"))
    source = {"playlist": party.id, "account": "friend"}
    pair = {"name": "shared", "source": source, "target": archive.id}
    desk.configure({"accounts": ACCOUNTS, "pairs": [pair]})
    ended = desk.run("doctor")
    assert ended.code == 0
    assert [line for line in ended.lines if "party" in line or "archive" in line] == [
        f"ok       target of shared, as default: 'archive' ({archive.uri}): your own, 4 items, can be added to",
        f"ok       source of shared, as friend: 'party' ({party.uri}): your own, 2 items, can be read",
    ]
    scopes = [line for line in ended.lines if "scopes of friend" in line]
    assert scopes == [
        "ok       scopes of friend: all that its pairs need: playlist-read-private, playlist-read-collaborative"
    ]


# --- playlists --------------------------------------------------------------------------------------------------------


def test_playlists_are_a_line_each_with_tabs_between_in_a_pipe(desk: Machine) -> None:
    party = stranger(desk)
    ended = desk.run("playlists")
    week, archive = playlist(desk, "week"), playlist(desk, "archive")
    assert (ended.code, ended.lines) == (
        0,
        [
            f"{week.id}\tweek\tListener\t7\tyes\tyes",
            f"{archive.id}\tarchive\tListener\t4\tyes\tyes",
            f"{party.id}\tparty\tA friend\t2\tif invited\tif invited",
        ],
    )
    assert ended.err == "3 playlists of listener. 2 requests to Spotify.\n"
    assert desk.requests() == ["me/", "me/playlists"]


def test_playlists_are_a_table_on_a_terminal(desk: Machine) -> None:
    stranger(desk)
    ended = desk.on_a_terminal("playlists")
    assert ended.code == 0
    assert ended.shown[0].split() == ["id", "name", "owner", "size", "source", "target"]
    assert ended.shown[3].endswith("if invited  if invited")
    assert max(map(len, ended.shown)) <= COLUMNS


def test_playlists_as_json_are_all_there_is_on_stdout(desk: Machine) -> None:
    told = listed(desk.run("playlists", "--format", "json"))
    assert (told["account"], told["user"], told["error"]) == ("default", "listener", None)
    assert [(one["name"], one["size"], one["source"], one["target"]) for one in told["playlists"]] == [
        ("week", 7, "yes", "yes"),
        ("archive", 4, "yes", "yes"),
    ]


def test_playlists_come_in_pages_of_fifty_and_empty_places_are_left_out(desk: Machine) -> None:
    for number in range(100):
        desk.world.playlist(f"p{number}")
    desk.world.inject(Fault(kind="null-entry", path="/v1/me/playlists"))
    ended = desk.run("playlists")
    assert (ended.code, len(ended.lines)) == (0, 101)
    assert desk.requests() == ["me/", *["me/playlists"] * 3]


def test_hostile_names_stay_in_their_line_and_column(desk: Machine) -> None:
    for name in HOSTILE:
        desk.world.playlist(name)
    ended = desk.run("playlists")
    assert [line.split("\t")[1] for line in ended.lines[2:]] == list(HOSTILE.values())
    terminal = desk.on_a_terminal("playlists")
    assert all(line.isprintable() for line in terminal.shown)
    assert desk.run("playlists", "--format", "json").out.isascii()


def test_playlists_need_no_config_and_no_config_that_holds(desk: Machine) -> None:
    desk.configure({"pairs": []})
    broken = desk.run("playlists")
    assert (broken.code, len(broken.lines)) == (0, 2)
    assert "does not hold" in broken.err
    desk.config.unlink()
    assert desk.run("playlists").code == 0
    named = desk.run("playlists", "--config", "nowhere.yaml", "--format", "json")
    assert (listed(named)["error"]["code"], named.code) == ("config", 2)


def test_an_account_that_the_config_lacks_is_a_usage_error(desk: Machine) -> None:
    ended = desk.run("playlists", "--account", "\x1b[31m")
    assert (ended.code, ended.out, desk.requests()) == (2, "", [])
    assert "there is no account '\\x1b[31m' in the config: there are default" in ended.err


def test_playlists_of_another_account_are_those_of_its_user(desk: Machine) -> None:
    friend = desk.world.add_user("friend")
    desk.world.playlist("theirs", tracks=1, owner=friend)
    another_account(desk, friend)
    source, target = playlist(desk, "week").id, playlist(desk, "archive").id
    desk.configure({"accounts": ACCOUNTS, "pairs": [{"source": source, "target": target}]})
    assert [line.split("\t")[1] for line in desk.run("playlists", "--account", "friend").lines] == ["theirs"]


@pytest.mark.parametrize(
    ("fault", "code", "exits"),
    [
        (Fault(kind="premium", path="/v1/**"), "premium-needed", 3),
        (Fault(kind="quota", path="/v1/me/playlists"), "quota-exceeded", 5),
        (Fault(kind="status", status=404, path="/v1/me/playlists"), "unreadable-answer", 4),
    ],
)
def test_what_is_in_the_way_of_a_list_is_told_with_its_action(
    desk: Machine, fault: Fault, code: str, exits: int
) -> None:
    desk.world.inject(fault)
    ended = desk.run("playlists", "--format", "json")
    assert (listed(ended)["error"]["code"], ended.code, ended.err) == (code, exits, "")


def test_a_list_that_is_cut_short_shows_what_it_has_and_what_to_do(desk: Machine) -> None:
    for number in range(60):
        desk.world.playlist(f"p{number}")
    desk.world.inject(Fault(kind="premium", path="/v1/me/playlists", after=1))
    ended = desk.run("playlists")
    assert (ended.code, len(ended.lines)) == (3, 50)
    assert ended.err.splitlines() == [str(PremiumNeeded()), f"-> {PremiumNeeded().hint}"]


def test_a_bar_shows_how_far_a_long_list_is_after_a_second_and_not_before(tmp_path: Path) -> None:
    with machine(tmp_path, latency=0.25) as desk:
        desk.sign_in()
        for number in range(201):
            desk.world.playlist(f"p{number}")
        assert "playlists read" in desk.on_a_terminal("playlists").out
        desk.world.me.library.clear()
        assert "playlists read" not in desk.on_a_terminal("playlists").out
