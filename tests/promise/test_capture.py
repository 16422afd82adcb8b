"""A real capture, killed when any of its requests arrives: the next command puts everything back."""

from pathlib import Path

import pytest

from tests.cli.process import machine
from tests.cli.test_capture import killed, room_of

REQUESTS = 32
"""More than a capture of two tracks takes."""


@pytest.mark.parametrize("after", range(REQUESTS))
def test_killed_at_any_request_it_is_put_back_by_the_next(tmp_path: Path, after: int) -> None:
    with machine(tmp_path) as desk:
        desk.world.playlist("archive")
        desk.sign_in()
        room = room_of(desk, tracks=2)
        before = room.plays
        if not killed(room, after=after):
            assert after > REQUESTS // 2
            assert room.archived()
        assert desk.run("capture", "--restore", "--pair", "discover-weekly").code == 0
        assert room.plays == before


def test_there_is_no_request_beyond(tmp_path: Path) -> None:
    with machine(tmp_path) as desk:
        desk.world.playlist("archive")
        desk.sign_in()
        assert not killed(room_of(desk, tracks=2), after=REQUESTS - 1)
