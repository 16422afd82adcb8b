"""The pace of all requests of one client id (fault model §3)."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from syncer.spotify.gate import CEILING, FLOOR, Gate
from tests.fakes import FakeClock
from tests.spotify.wiring import Wired


def test_ten_a_second_go_through_and_no_more() -> None:
    clock = FakeClock()
    gate = Gate(clock)
    for _ in range(101):
        gate.pass_through()
    assert clock.elapsed == pytest.approx(10)


def test_who_comes_late_waits_for_nobody_and_saves_up_nothing() -> None:
    clock = FakeClock()
    gate = Gate(clock)
    gate.pass_through()
    clock.elapsed += 100
    for _ in range(11):
        gate.pass_through()
    assert clock.elapsed == pytest.approx(101)


def test_each_429_halves_the_pace_down_to_a_floor_and_what_is_served_brings_it_back() -> None:
    clock = FakeClock()
    gate = Gate(clock)
    assert pace(gate, clock) == pytest.approx(10, rel=0.02)
    gate.slow_down()
    assert pace(gate, clock) == pytest.approx(5, rel=0.02)
    for _ in range(35):
        gate.speed_up()
    assert pace(gate, clock) == pytest.approx(10, rel=0.02)
    for _ in range(20):
        gate.slow_down()
    assert pace(gate, clock) == pytest.approx(FLOOR, rel=0.02)


@given(steps=st.lists(st.sampled_from(["slow_down", "speed_up", "pass_through", "pass_through"]), max_size=300))
def test_no_second_sees_more_than_the_ceiling_whatever_happens(steps: list[str]) -> None:
    clock = FakeClock()
    gate = Gate(clock)
    passed = []
    for step in steps:
        before = clock.elapsed
        getattr(gate, step)()
        if step == "pass_through":
            passed.append(clock.elapsed)
        assert clock.elapsed - before <= 1 / FLOOR + 1e-9
    for sooner, later in zip(passed, passed[int(CEILING) :], strict=False):
        assert later - sooner >= 1 - 1e-9


def pace(gate: Gate, clock: FakeClock) -> float:
    """Return how many a second pass now, in the long run."""
    for _ in range(30):
        gate.pass_through()
    started = clock.elapsed
    for _ in range(100):
        gate.pass_through()
    return 100 / (clock.elapsed - started)


def test_accounts_of_one_app_share_a_gate_and_others_do_not() -> None:
    wired = Wired()
    for _ in range(6):
        wired.open().playlists.liked_page(0)
    assert wired.clock.elapsed == pytest.approx(0)
    wired.open().playlists.liked_page(0)
    for _ in range(4):
        wired.open().playlists.liked_page(0)
    assert wired.clock.elapsed == pytest.approx(1, abs=0.001)
    other = wired.world.sign_in(app=wired.world.add_app("other"))
    second = Wired(world=wired.world, clock=wired.clock, sign_in=other)
    second.open()
    assert wired.clock.elapsed == pytest.approx(1, abs=0.001)
