"""A wish to stop: the request in flight ends, the report is printed; asked twice, everything ends at once (R5)."""

import signal
from threading import Event

import pytest

from tests.cli.process import Machine
from tests.cli.test_commands import added, reported


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_ends_the_run_after_the_request_in_flight(desk: Machine, number: signal.Signals, code: int) -> None:
    under_way, go_on = Event(), Event()

    def in_flight(_scene: object) -> None:
        under_way.set()
        assert go_on.wait(30)

    desk.when("/v1/playlists/*", kind="edit", act=in_flight)
    process = desk.start("run", "--format", "json")
    assert under_way.wait(30)
    process.send_signal(number)
    assert process.stderr
    assert process.stderr.readline().startswith(b"Stopping after the request in flight")
    go_on.set()
    ended = desk.ended(process)
    told = reported(ended)

    assert ended.code == code
    assert told["error"]["code"] == "interrupted"
    assert [pair["status"] for pair in told["pairs"]] == ["not-tried"]
    assert len(desk.requests()) == 1
    assert added(desk) == 0


def test_a_signal_during_an_add_does_not_lose_what_was_added(desk: Machine) -> None:
    """The add was answered, so it counts; there is nothing left that could not be done."""
    under_way, go_on = Event(), Event()

    def in_flight(_scene: object) -> None:
        under_way.set()
        assert go_on.wait(30)

    desk.when("/v1/playlists/*/items", method="POST", kind="edit", act=in_flight)
    process = desk.start("run", "--format", "json")
    assert under_way.wait(30)
    process.send_signal(signal.SIGTERM)
    go_on.set()
    told = reported(desk.ended(process))

    assert (told["added"], added(desk)) == (3, 3)


def test_a_second_signal_ends_everything_at_once(desk: Machine) -> None:
    under_way = desk.when("/v1/playlists/*", kind="stall", times=None)
    process = desk.start("run")
    assert under_way.wait(30)
    process.send_signal(signal.SIGINT)
    assert process.stderr
    assert process.stderr.readline().startswith(b"Stopping after the request in flight")
    process.send_signal(signal.SIGINT)
    ended = desk.ended(process)
    assert (ended.code, ended.out) == (-signal.SIGINT, "")


def test_a_wait_that_spotify_asks_for_ends_with_the_signal(desk: Machine) -> None:
    waiting = desk.when("/v1/playlists/*", kind="rate-limit", headers={"Retry-After": "30"})
    process = desk.start("run")
    assert waiting.wait(30)
    process.send_signal(signal.SIGTERM)
    ended = desk.ended(process)
    assert ended.code == 143
    assert ended.lines[:2] == ["discover-weekly: not tried", "  the run was interrupted"]
    assert len(desk.requests()) == 1


def test_ctrl_c_on_a_terminal_ends_the_run_with_its_report(desk: Machine) -> None:
    ended = desk.on_a_terminal("run", ctrl_c=desk.when("/v1/playlists/*", kind="rate-limit"))
    assert ended.code == 130
    assert any(line.startswith("Stopping after the request in flight") for line in ended.shown)
    assert "discover-weekly  not tried" in ended.shown
    assert "-> run it again: it goes on from here" in ended.shown


def test_the_demo_ends_at_once_and_leaves_nothing_behind(desk: Machine) -> None:
    """It has no state to save."""
    (desk.folder / "tmp").mkdir()
    for number, code in ((signal.SIGINT, 130), (signal.SIGTERM, 143)):
        process = desk.start("demo", TMPDIR=str(desk.folder / "tmp"), PYTHONUNBUFFERED="1")
        assert process.stdout
        assert process.stdout.readline()
        process.send_signal(number)
        assert desk.ended(process).code == code
        assert list((desk.folder / "tmp").iterdir()) == []
