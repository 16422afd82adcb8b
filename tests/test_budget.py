"""What one run may spend."""

from concurrent.futures import ThreadPoolExecutor

import pytest

from syncer.budget import MAX_WAITED, RETRIES, SPARE, SPLITS, Budget, Stop
from syncer.errors import Interrupted, OutOfTime
from tests.fakes import FakeClock


def test_without_a_deadline_and_a_wish_to_stop_everything_may_start() -> None:
    Budget(FakeClock()).allow(1e9)


@pytest.mark.parametrize(("now", "allowed"), [(0, True), (9.9, True), (10, False), (1000, False)])
def test_what_might_pass_the_deadline_does_not_start(now: float, allowed: bool) -> None:  # noqa: FBT001
    clock = FakeClock()
    budget = Budget(clock, deadline=60)
    clock.elapsed = now
    if allowed:
        budget.allow(50 - SPARE)
    else:
        with pytest.raises(OutOfTime):
            budget.allow(50 - SPARE)


def test_after_a_wish_to_stop_nothing_starts() -> None:
    stop = Stop()
    budget = Budget(FakeClock(), stop=stop)
    assert budget.interrupted_by is None
    stop(15)
    assert budget.interrupted_by == 15
    with pytest.raises(Interrupted) as interrupted:
        budget.allow()
    assert interrupted.value.signal == 15


def test_a_wish_to_stop_that_comes_while_waiting_is_heard_at_its_end() -> None:
    stop = Stop()

    class Interrupting(FakeClock):
        def sleep(self, seconds: float) -> None:
            super().sleep(seconds)
            stop(2)

    with pytest.raises(Interrupted):
        Budget(Interrupting(), stop=stop).wait(1)


def test_there_are_some_retries_and_one_more_for_ten_successes() -> None:
    budget = Budget(FakeClock())
    assert sum(budget.take_retry() for _ in range(100)) == RETRIES
    for _ in range(9):
        budget.succeeded()
    assert not budget.take_retry()
    budget.succeeded()
    assert budget.take_retry()
    assert not budget.take_retry()


def test_there_are_some_splits() -> None:
    budget = Budget(FakeClock())
    assert sum(budget.take_split() for _ in range(100)) == SPLITS


def test_the_waiting_of_a_run_is_counted_together() -> None:
    budget = Budget(FakeClock())
    budget.wait(MAX_WAITED - 10)
    assert budget.may_wait(10)
    assert not budget.may_wait(10.1)


class Asleep(FakeClock):
    """A clock on which others fall asleep before the first one wakes."""

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)


def test_what_several_wait_at_the_same_time_counts_once() -> None:
    clock = Asleep()
    budget = Budget(clock)
    budget.wait(100)
    clock.elapsed = 90
    assert budget.may_wait(30)
    assert not budget.may_wait(30.1)
    budget.wait(5)  # ends before the first does
    budget.wait(15)  # prolongs it by five
    assert clock.slept == [100, 5, 15]
    assert budget.may_wait(15 + 15)
    clock.elapsed = 200
    assert budget.may_wait(15)
    assert not budget.may_wait(15.1)


def test_several_threads_spend_from_one_budget() -> None:
    budget = Budget(FakeClock())

    def spend(_: int) -> tuple[int, int]:
        for _ in range(1000):
            budget.count("spotify")
            budget.succeeded()
        return sum(budget.take_retry() for _ in range(1000)), sum(budget.take_split() for _ in range(100))

    with ThreadPoolExecutor(4) as executor:
        retries, splits = zip(*executor.map(spend, range(4)), strict=True)
    assert sum(retries) == RETRIES + 4 * 100
    assert sum(splits) == SPLITS
    assert budget.requests == {"spotify": 4000}


def test_a_wait_leaves_time_for_the_request_after_it() -> None:
    budget = Budget(FakeClock(), deadline=60)
    assert budget.may_wait(54)
    assert not budget.may_wait(55)
    assert budget.may_wait(9, worst_case=45)
    assert not budget.may_wait(10, worst_case=45)


def test_requests_are_counted_by_host() -> None:
    budget = Budget(FakeClock())
    budget.count("spotify")
    assert (budget.requests["spotify"], budget.requests["accounts"]) == (1, 0)
