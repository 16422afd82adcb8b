"""Capture as a process: what it asks, what it plays and puts back, and what is left of it when it is killed."""

import json
import signal
import subprocess
from dataclasses import dataclass
from threading import Event
from typing import Any

import pytest

from syncer.sandbox import Fault, Playlist
from tests.cli.process import Machine
from tests.cli.test_commands import playlist, reported
from tests.cli.test_record import configured, typed

WEEKLY = "37i9dQZEVXcSandboxList"
LINK = f"https://open.spotify.com/playlist/{WEEKLY}?si=1"
CAPTURE = ("capture", LINK, "--pair", "discover-weekly")


@dataclass
class Room:
    """The kitchen of *desk*, where an album plays, and the list of the week, which no app may read."""

    desk: Machine
    weekly: Playlist

    @property
    def plays(self) -> tuple[Any, ...]:
        """What plays: from what, whether it goes on, how it is mixed up and repeated, and how loud."""
        with self.desk.world.lock:
            player = self.desk.world.me.player
            now = player.playing
            what = (now.context, now.item.uri, now.since is not None) if now else (None, None, False)
            return (*what, player.shuffle, player.repeat, player.devices[0].volume_percent)

    @property
    def commands(self) -> list[str]:
        return [path.partition("?")[0].removeprefix("me/player/") for path in self.desk.requests("PUT")]

    def archived(self) -> bool:
        """Whether the archive has all of the list."""
        return set(self.weekly.uris) <= set(playlist(self.desk, "archive").uris)


def room_of(desk: Machine, *, tracks: int = 30) -> Room:
    world = desk.world
    weekly = world.playlist("Discover Weekly", tracks=tracks, owner="spotify", id=WEEKLY)
    kitchen = world.open_device("Kitchen", volume_percent=40)
    world.play(world.album("Home", tracks=9), place=2, at_ms=20_000, device=kitchen)
    world.me.player.set_shuffle(world.now(), on=True)
    desk.pairs(**{"discover-weekly": (weekly, playlist(desk, "archive"))})
    return Room(desk, weekly)


@pytest.fixture
def room(desk: Machine) -> Room:
    return room_of(desk)


# --- a yes, and a no --------------------------------------------------------------------------------------------------


def test_it_says_what_it_will_do_and_asks(room: Room) -> None:
    before = room.plays
    no = typed(room.desk, b"n\n", *CAPTURE)
    assert (no.code, no.out) == (0, "")
    said = no.err.splitlines()
    assert said[0].startswith(
        f"To find out what is in spotify:playlist:{WEEKLY}, Spotify will play it on 'Kitchen' with the volume at 0"
    )
    assert " at 0:2" in said[0]
    assert said[1] == "Play it? [y/N]: Nothing was played."
    assert (room.commands, room.plays) == ([], before)

    yes = typed(room.desk, b"y\n", *CAPTURE)
    assert yes.code == 0
    assert yes.lines == ["discover-weekly: 30 added", yes.lines[-1]]
    assert yes.err.endswith(f"warning: 30 tracks of spotify:playlist:{WEEKLY} found by playing it\n")
    assert room.archived()
    assert room.plays == before


def test_it_asks_nobody_who_is_not_there(room: Room) -> None:
    for more in ((), ("--format", "json")):
        ended = room.desk.run(*CAPTURE, *more)
        assert (ended.code, ended.out) == (2, "")
        assert "pass --yes" in ended.err
    assert room.desk.requests() == []


def test_json_is_the_report_of_the_run(room: Room) -> None:
    ended = room.desk.run(*CAPTURE, "--yes", "--format", "json")
    told = reported(ended)
    assert (ended.code, told["ok"], told["added"]) == (0, True, 30)
    (pair,) = told["pairs"]
    assert pair["source"] == [f"captured:spotify:playlist:{WEEKLY}"]
    assert told["warnings"] == [f"30 tracks of spotify:playlist:{WEEKLY} found by playing it"]
    assert told["requests"]["spotify"] == len(room.desk.requests())
    assert ended.err.splitlines()[-1] == f"warning: {told['warnings'][0]}"


def test_again_it_adds_nothing(room: Room) -> None:
    assert room.desk.run(*CAPTURE, "--yes").code == 0
    again = room.desk.run(*CAPTURE, "--yes")
    assert (again.code, again.lines[0]) == (0, "discover-weekly: nothing new, 30 already there")


def test_a_pair_that_is_off_is_run_for_this_once(room: Room) -> None:
    configured(room.desk, defaults={"enabled": False})
    assert room.desk.run("run").lines[0] == "discover-weekly: disabled"
    assert room.desk.run(*CAPTURE, "--yes").lines[0] == "discover-weekly: 30 added"


def test_other_pairs_are_left_alone(room: Room) -> None:
    room.desk.pairs(
        liked=("liked", playlist(room.desk, "archive")),
        **{"discover-weekly": (room.weekly, playlist(room.desk, "archive"))},
    )
    assert room.desk.run(*CAPTURE, "--yes").lines[:2] == ["liked: not selected", "discover-weekly: 30 added"]
    room.desk.world.me.player.devices[0].is_restricted = True
    assert room.desk.run(*CAPTURE, "--yes").lines[:2] == ["liked: not selected", "discover-weekly: failed"]


def test_what_an_app_may_read_is_not_played(room: Room) -> None:
    week = playlist(room.desk, "week")
    ended = room.desk.run("capture", week.id, "--pair", "discover-weekly", "--yes")
    assert (ended.code, ended.lines[0]) == (0, "discover-weekly: 3 added, 4 already there")
    assert ended.err == "Spotify lets this app read that list, so there is no need to play it.\n"
    assert room.commands == []


# --- what cannot be ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        ((), "Missing option '--pair'"),
        (("--pair", "discover-weekly"), "say which list to capture"),
        ((LINK, "--restore", "--pair", "discover-weekly"), "say which list to capture"),
        (("spotify:album:" + "a" * 22, "--pair", "discover-weekly"), "is a link to a Spotify album"),
        ((LINK, "--pair", "discoverweekly", "--yes"), "did you mean 'discover-weekly'?"),
    ],
)
def test_a_wrong_use_is_2_and_contacts_nobody(room: Room, arguments: tuple[str, ...], why: str) -> None:
    ended = room.desk.run("capture", *arguments)
    assert (ended.code, ended.out) == (2, "")
    assert why in ended.err
    assert room.desk.requests() == []


def test_without_a_state_nothing_is_played(room: Room) -> None:
    configured(room.desk, state="none")
    ended = room.desk.run(*CAPTURE, "--yes")
    assert ended.code == 2
    assert "could not be put back" in ended.out + ended.err
    assert room.desk.requests() == []


def test_without_a_device_it_says_what_to_do(room: Room) -> None:
    room.desk.world.close_device(room.desk.world.me.player.devices[0])
    ended = room.desk.run(*CAPTURE, "--yes")
    assert ended.code == 4
    assert ended.lines[:3] == [
        "discover-weekly: failed",
        "  there is no device to play on",
        "  -> open Spotify on a device and play anything for a second, then try again",
    ]
    assert room.commands == []


def test_a_device_can_be_named(room: Room) -> None:
    world = room.desk.world
    world.me.player.playing, world.me.player.devices[0].is_active = None, False
    phone = world.open_device("Phone", volume_percent=70)
    ended = room.desk.run(*CAPTURE, "--yes")
    assert (ended.code, ended.lines[1]) == (4, "  none of 'Kitchen', 'Phone' is active")
    ended = room.desk.run(*CAPTURE, "--yes", "--device", "phone")
    assert (ended.code, ended.lines[0]) == (0, "discover-weekly: 30 added")
    assert "Then it stops." in ended.err
    assert (phone.is_active, phone.volume_percent, room.plays[2]) == (True, 70, False)


def test_a_device_without_a_volume_is_said_to_be_heard(room: Room) -> None:
    room.desk.world.me.player.devices[0].supports_volume = False
    ended = typed(room.desk, b"n\n", *CAPTURE)
    assert "It will be heard: apps cannot set how loud that device is." in ended.err


def test_a_missing_consent_is_3(room: Room) -> None:
    some = [scope for scope in room.desk.world.sign_in().scopes if scope != "user-modify-playback-state"]
    sign_in = room.desk.world.sign_in(scopes=some)
    room.desk.sign_in(
        refresh_token=sign_in.refresh_token, access_token=room.desk.world.access_token(sign_in), scope=" ".join(some)
    )
    before = room.plays
    ended = room.desk.run(*CAPTURE, "--yes")
    assert ended.code == 3
    assert ended.lines[1:3] == [
        "  the sign-in of account 'default' lacks the scope user-modify-playback-state",
        "  -> run `syncer login --account default --capture` and agree to it",
    ]
    assert room.plays == before


def test_it_is_played_as_the_one_who_reads_the_source_and_added_as_the_one_who_writes(room: Room) -> None:
    desk = room.desk
    world, anna = desk.world, desk.world.add_user("anna")
    hers = world.sign_in(user=anna)
    stored = json.loads((desk.folder / "credentials.json").read_text(encoding="utf-8"))
    path = desk.config.parent / "anna.json"
    path.touch(mode=0o600)
    fields = {"refresh_token": hers.refresh_token, "access_token": world.access_token(hers)}
    path.write_text(json.dumps(stored | fields), encoding="utf-8")
    kitchen = world.open_device("Den", user=anna, volume_percent=20)
    world.play(None, items=[str(room.weekly.uris[0])], device=kitchen, user=anna)
    desk.configure(
        {
            "accounts": {"default": {"file": str(desk.folder / "credentials.json")}, "anna": {"file": "anna.json"}},
            "pairs": [
                {
                    "name": "discover-weekly",
                    "source": {"playlist": WEEKLY, "account": "anna"},
                    "target": playlist(desk, "archive").id,
                }
            ],
        }
    )
    before = room.plays
    ended = desk.run(*CAPTURE, "--yes")
    assert (ended.code, ended.lines[0]) == (0, "discover-weekly: 30 added")
    assert "on 'Den'" in ended.err
    assert room.plays == before
    assert (kitchen.volume_percent, kitchen.is_active) == (20, True)


# --- cut short --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_puts_everything_back_and_ends_with_the_report(room: Room, number: signal.Signals, code: int) -> None:
    before = room.plays
    process = stopped_at(room, number, after=12)
    ended = room.desk.ended(process)
    assert ended.code == code
    assert ended.lines[:2] == ["discover-weekly: not tried", "  the run was interrupted"]
    assert room.plays == before
    assert room.desk.run("capture", "--restore", "--pair", "discover-weekly").err == "There is nothing to put back.\n"


def stopped_at(room: Room, number: signal.Signals, *, after: int) -> "subprocess.Popen[bytes]":
    """Start a capture and send it *number* while its request *after* so many is in flight."""
    under_way, go_on = Event(), Event()

    def in_flight(_scene: object) -> None:
        under_way.set()
        assert go_on.wait(30)

    room.desk.world.inject(Fault(kind="edit", path="/v1/**", after=after, act=in_flight))
    process = room.desk.start(*CAPTURE, "--yes")
    assert under_way.wait(30)
    process.send_signal(number)
    assert process.stderr
    assert process.stderr.readline()  # what it says that it will do
    assert process.stderr.readline().startswith(b"Stopping after the request in flight")
    go_on.set()
    return process


def test_what_cannot_be_put_back_is_3_and_says_what_to_press(room: Room) -> None:
    before = room.plays
    room.desk.world.inject(
        Fault(kind="status", method="PUT", path="/v1/me/player/volume", status=418, after=1, times=None)
    )
    ended = room.desk.run(*CAPTURE, "--yes", "--format", "json")
    told = reported(ended)
    assert (ended.code, told["ok"], told["added"], room.archived()) == (3, False, 30, True)
    press = "turn the volume of 'Kitchen' up to 40"
    assert any(
        press in warning and "syncer capture --restore --pair discover-weekly" in warning
        for warning in told["warnings"]
    )
    assert press in ended.err

    again = room.desk.run("capture", "--restore", "--pair", "discover-weekly")
    assert (again.code, again.out) == (3, again.out)
    assert press in again.out + again.err

    room.desk.world.heal()
    again = room.desk.run("capture", "--restore", "--pair", "discover-weekly")
    assert (again.code, again.err) == (0, "What played before is back.\n")
    assert room.plays == before
    assert room.desk.run("capture", "--restore", "--pair", "discover-weekly", "--format", "json").json["ok"] is True


def killed(room: Room, *, after: int) -> bool:
    """Kill a capture when its request *after* so many arrives; return whether it came so far."""
    started: list[subprocess.Popen[bytes]] = []
    room.desk.world.inject(Fault(kind="edit", path="/v1/**", after=after, act=lambda _scene: started[0].kill()))
    started.append(room.desk.start(*CAPTURE, "--yes", stdout=subprocess.DEVNULL))
    ended = room.desk.ended(started[0])
    room.desk.world.heal()
    return ended.code == -signal.SIGKILL


def test_the_next_capture_offers_to_put_back_what_a_killed_one_left(room: Room) -> None:
    before = room.plays
    assert killed(room, after=14)
    assert room.plays != before

    ended = typed(room.desk, b"y\nn\n", *CAPTURE)
    assert ended.code == 0
    said = ended.err.splitlines()
    assert said[0].startswith("The last capture was ended before everything was back as it was (go back to ")
    assert said[1].startswith("Put it back now? [Y/n]: To find out what is in")
    assert room.plays == before

    assert killed(room, after=14)
    left = room.plays
    ended = typed(room.desk, b"n\nn\n", *CAPTURE)
    assert "Put it back now?" in ended.err
    assert room.plays == left
    assert "Put it back now?" not in typed(room.desk, b"n\n", *CAPTURE).err
