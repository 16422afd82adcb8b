"""The pace of all requests of one client id (fault model §3)."""

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest
from hypothesis import given
from hypothesis import strategies as st

from syncer.budget import Budget
from syncer.model import Account, LikedSongs
from syncer.spotify.accounts import SpotifyAccounts
from syncer.spotify.gate import CEILING, FLOOR, SECOND, Gate
from tests.fakes import FakeClock, NoChance
from tests.spotify.crowd import PEOPLE, SharedClock
from tests.spotify.wiring import ACCOUNTS_URL, API_URL, Wired


def go(gate: Gate) -> None:
    """Be one request that is answered at once."""
    with gate.pass_through(lambda: None):
        pass


def test_ten_a_second_go_through_and_no_more() -> None:
    clock = FakeClock()
    gate = Gate(clock)
    for _ in range(101):
        go(gate)
    assert clock.elapsed == pytest.approx(10 * SECOND)


def test_who_comes_late_waits_for_nobody_and_saves_up_nothing() -> None:
    clock = FakeClock()
    gate = Gate(clock)
    go(gate)
    clock.elapsed += 100
    for _ in range(11):
        go(gate)
    assert clock.elapsed == pytest.approx(100 + SECOND)


def test_each_429_halves_the_pace_down_to_a_floor_and_what_is_served_brings_it_back() -> None:
    clock = FakeClock()
    gate = Gate(clock)
    assert pace(gate, clock) == pytest.approx(10 / SECOND, rel=0.02)
    gate.slow_down()
    assert pace(gate, clock) == pytest.approx(5 / SECOND, rel=0.02)
    for _ in range(36):
        gate.speed_up()
    assert pace(gate, clock) == pytest.approx(10 / SECOND, rel=0.02)
    for _ in range(20):
        gate.slow_down()
    assert pace(gate, clock) == pytest.approx(FLOOR, rel=0.02)


@given(steps=st.lists(st.sampled_from(["slow_down", *["speed_up", "pass_through"] * 4]), max_size=300))
def test_no_second_sees_more_than_the_ceiling_whatever_happens(steps: list[str]) -> None:
    clock = FakeClock()
    gate = Gate(clock)
    passed = []
    for step in steps:
        before = clock.elapsed
        go(gate) if step == "pass_through" else getattr(gate, step)()
        if step == "pass_through":
            passed.append(clock.elapsed)
        assert clock.elapsed - before <= 1 / FLOOR + 1e-9
    for sooner, later in zip(passed, passed[int(CEILING) :], strict=False):
        assert later - sooner >= SECOND - 1e-9


def pace(gate: Gate, clock: FakeClock) -> float:
    """Return how many a second pass now, in the long run."""
    for _ in range(30):
        go(gate)
    started = clock.elapsed
    for _ in range(100):
        go(gate)
    return 100 / (clock.elapsed - started)


@pytest.mark.parametrize("served", [0, 8, 20, 34])
def test_no_second_sees_more_than_the_ceiling_while_the_pace_grows(served: int) -> None:
    clock = FakeClock()
    gate = Gate(clock)
    gate.slow_down()
    for _ in range(served):
        gate.speed_up()
    passed = []
    for _ in range(40):
        go(gate)
        passed.append(clock.elapsed)
        gate.speed_up()
    for sooner, later in zip(passed, passed[int(CEILING) :], strict=False):
        assert later - sooner >= SECOND - 1e-9


@pytest.mark.parametrize("per_second", [0.2, 0.5, 1.0, 2.5, 4.0])
def test_another_ceiling_is_kept_too_however_often_it_is_too_fast(per_second: float) -> None:
    clock = FakeClock()
    gate = Gate(clock, per_second=per_second)
    assert pace(gate, clock) <= per_second + 1e-9
    for _ in range(20):
        gate.slow_down()
    assert pace(gate, clock) == pytest.approx(min(FLOOR, per_second), rel=0.02)


# --- closed, half open, open ------------------------------------------------------------------------------------------


def test_a_gate_that_was_closed_opens_when_its_time_has_come() -> None:
    clock = FakeClock()
    gate = Gate(clock)
    go(gate)
    gate.close(7)
    go(gate)
    assert clock.elapsed == pytest.approx(7)
    go(gate)
    assert clock.elapsed == pytest.approx(7)


def test_a_later_time_prolongs_it_and_a_sooner_one_does_not_shorten_it() -> None:
    clock = FakeClock()
    gate = Gate(clock)
    for seconds in (7, 20, 3):
        gate.close(seconds)
    go(gate)
    assert clock.elapsed == pytest.approx(20)


def test_what_is_found_too_fast_at_the_same_time_slows_down_once() -> None:
    clock = FakeClock()
    gate = Gate(clock)
    for _ in range(4):
        gate.close(1)
    assert pace(gate, clock) == pytest.approx(5 / SECOND, rel=0.02)
    gate.close(1)
    assert pace(gate, clock) == pytest.approx(2 / SECOND, rel=0.02)


class Other:
    """Somebody who comes to *gate* in a thread of their own."""

    def __init__(self, gate: Gate) -> None:
        self._gate = gate
        self._arrived, self._passed = threading.Event(), threading.Event()
        self._thread = threading.Thread(target=self._come, daemon=True)
        self._thread.start()
        assert self._arrived.wait(5)

    def _come(self) -> None:
        with self._gate.pass_through(self._arrived.set):
            self._passed.set()

    @property
    def still_waits(self) -> bool:
        return not self._passed.wait(0.02)

    @property
    def passes(self) -> bool:
        return self._passed.wait(5)


def test_the_others_wait_until_the_probe_was_answered() -> None:
    gate = Gate(FakeClock())
    gate.close(1)
    with gate.pass_through(lambda: None):
        other, third = Other(gate), Other(gate)
        assert other.still_waits
        assert third.still_waits
    assert other.passes
    assert third.passes


def test_a_probe_that_is_found_too_fast_leaves_it_to_the_next() -> None:
    clock = FakeClock()
    gate = Gate(clock)
    gate.close(1)
    with gate.pass_through(lambda: None):
        gate.close(5)
    with gate.pass_through(lambda: None):
        assert clock.elapsed == pytest.approx(6)
        other = Other(gate)
        assert other.still_waits
    assert other.passes


def test_the_answer_to_what_was_under_way_before_opens_nothing() -> None:
    gate = Gate(FakeClock())
    with gate.pass_through(lambda: None):
        gate.close(1)
        probe = gate.pass_through(lambda: None)
        probe.__enter__()
    other = Other(gate)
    assert other.still_waits
    probe.__exit__(None, None, None)
    assert other.passes


def test_what_was_under_way_before_may_close_it_once_more_behind_the_probe() -> None:
    clock = FakeClock()
    gate = Gate(clock)
    with gate.pass_through(lambda: None):
        gate.close(1)
        go(gate)
        gate.close(9)
    with gate.pass_through(lambda: None):
        assert clock.elapsed == pytest.approx(10)
        other = Other(gate)
        assert other.still_waits
    assert other.passes


class NotNow(Exception):
    """What keeps a request from going."""


def test_who_may_not_go_any_more_does_not_pass_and_leaves_the_probe_to_others() -> None:
    clock = FakeClock()
    gate = Gate(clock)
    gate.close(1)

    def may_go() -> None:
        if clock.elapsed:
            raise NotNow

    with pytest.raises(NotNow):
        go_if(gate, may_go)
    with gate.pass_through(lambda: None):
        other = Other(gate)
        assert other.still_waits
    assert other.passes


def go_if(gate: Gate, may_go: Callable[[], object]) -> None:
    with gate.pass_through(may_go):
        raise AssertionError("it went")


# --- threads ----------------------------------------------------------------------------------------------------------


def test_several_threads_keep_the_pace_together() -> None:
    clock = SharedClock()
    gate = Gate(clock)

    def read(_: int) -> list[float]:
        passed = []
        for _ in range(25):
            go(gate)
            passed.append(clock.last_seen)
        return passed

    with ThreadPoolExecutor(PEOPLE) as executor:
        passed = sorted(at for mine in executor.map(read, range(PEOPLE)) for at in mine)
    assert len(passed) == 100
    for sooner, later in zip(passed, passed[int(CEILING) :], strict=False):
        assert later - sooner >= SECOND - 1e-9


def test_accounts_of_one_app_share_a_gate_and_others_do_not() -> None:
    wired = Wired()
    for _ in range(6):
        wired.open().sources.page(LikedSongs(), 0)
    assert wired.clock.elapsed == pytest.approx(0)
    wired.open().sources.page(LikedSongs(), 0)
    for _ in range(4):
        wired.open().sources.page(LikedSongs(), 0)
    assert wired.clock.elapsed == pytest.approx(SECOND, abs=0.001)
    other = wired.world.sign_in(app=wired.world.add_app("other"))
    second = Wired(world=wired.world, clock=wired.clock, sign_in=other)
    second.open()
    assert wired.clock.elapsed == pytest.approx(SECOND, abs=0.001)


# --- one of several workers -------------------------------------------------------------------------------------------


class Part:
    """What a worker has of a client id, as a test says: ``given`` by the second, and the ``closed`` ones left.

    ``told`` lists what it told the others.
    """

    def __init__(self, *given: int) -> None:
        self.given = list(given)
        self.closed: list[float] = []
        self.told: list[float] = []

    def per_second(self) -> int:
        return self.given.pop(0) if len(self.given) > 1 else self.given[0]

    def closed_for(self) -> float:
        return self.closed.pop(0) if self.closed else -1.0

    def close(self, seconds: float) -> None:
        self.told.append(seconds)


@pytest.mark.parametrize(("given", "rate"), [(1, 1), (3, 3), (5, 5), (10, 5)])
def test_the_smaller_of_its_own_pace_and_its_part_counts(given: int, rate: int) -> None:
    clock = FakeClock()
    gate = Gate(clock, share=Part(given))
    gate.slow_down()

    assert pace(gate, clock) == pytest.approx(rate / SECOND, rel=0.02)


def test_who_has_no_part_asks_again_each_second_whether_it_may_go() -> None:
    clock = FakeClock()
    asked: list[float] = []
    with Gate(clock, share=Part(0, 0, 0, 2)).pass_through(lambda: asked.append(clock.elapsed)):
        pass

    assert asked == [0, 1, 2, 3]


def test_who_may_not_wait_any_longer_for_a_part_does_not() -> None:
    clock = FakeClock()

    def may_go() -> None:
        if clock.elapsed > 2:
            raise NotNow

    with pytest.raises(NotNow):
        go_if(Gate(clock, share=Part(0)), may_go)
    assert clock.elapsed == 3


def test_what_another_worker_was_told_holds_it_off_and_has_it_send_a_probe() -> None:
    clock = FakeClock()
    part = Part(10)
    part.closed = [2.5, 1.5, 0.5]
    gate = Gate(clock, share=part)
    with gate.pass_through(lambda: None):
        assert clock.slept == pytest.approx([1, 1, 0.5])
        other = Other(gate)
        assert other.still_waits
    assert other.passes
    assert pace(gate, clock) == pytest.approx(10 / SECOND, rel=0.02)


def test_what_it_is_told_itself_it_tells_the_others_and_waits_in_short_steps() -> None:
    clock = FakeClock()
    gate = Gate(clock, share=(part := Part(10)))
    gate.close(2.5)
    go(gate)

    assert part.told == [2.5]
    assert clock.slept == pytest.approx([1, 1, 0.5])


def test_each_client_id_has_one_part_whatever_its_accounts() -> None:
    wired = Wired()
    asked: list[str] = []

    def share(client_id: str) -> Part:
        asked.append(client_id)
        return Part(1)

    other = wired.world.sign_in(app=wired.world.add_app("other"))
    wired.add_account("other", other)
    accounts = SpotifyAccounts(
        api_url=API_URL,
        accounts_url=ACCOUNTS_URL,
        store=lambda account: wired.others.get(account.name, wired.store),
        state=wired.state,
        wire=wired.wire,
        clock=wired.clock,
        chance=NoChance(),
        share=share,
    )
    for name in ("default", "other", "default", "other"):
        accounts(Account(name=name), Budget(wired.clock))

    assert asked == [wired.sign_in.client_id, other.client_id]
    assert wired.clock.elapsed == pytest.approx(0)
    accounts(Account(name="other"), Budget(wired.clock)).sources.page(LikedSongs(), 0)
    assert wired.clock.elapsed == pytest.approx(SECOND, abs=0.001)
