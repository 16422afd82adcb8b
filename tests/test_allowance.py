"""A day of one client id: every run has its share, what is new may cost more, and an add always goes."""

from concurrent.futures import ThreadPoolExecutor

import pytest
from hypothesis import given
from hypothesis import strategies as st

from syncer.allowance import DAILY_REQUESTS, DAY, DAYS, WORTH_IT, Allowance, Hours
from syncer.errors import DayIsSpent

NOON = 500_000
"""An hour since the epoch."""


def allowance(limit: int | None = 100, spent: Hours | None = None) -> Allowance:
    one = Allowance()
    one.limit_to(limit)
    one.begin(NOON, spent or {})
    return one


def lasts(one: Allowance, most: int = 1000) -> int:
    """Return how many requests it lets through, of *most*."""
    for number in range(most):
        try:
            one.check()
        except DayIsSpent:
            return number
        one.spend()
    return most


def busy(hours: int, **spent: int) -> Hours:
    """Return a day in which so many of the last hours had a run; *spent* says how often ``h5``, 5 hours ago, looked."""
    looked = {int(name.removeprefix("h")): count for name, count in spent.items()}
    return {NOON - back: (looked.get(back, 0), looked.get(back, 0)) for back in range(hours)}


@pytest.mark.parametrize(("hours", "share"), [(0, 96), (8, 48), (16, 32), (DAY, 24)])
def test_the_more_runs_a_day_has_the_smaller_is_what_one_may_spend_at_once(hours: int, share: int) -> None:
    assert lasts(allowance(96, busy(hours))) == share


@pytest.mark.parametrize(
    ("spent", "share"),
    [({"h0": 24}, 0), ({"h0": 12}, 12), ({"h4": 24}, 12), ({"h5": 24}, 15), ({"h5": 10}, 24), ({"h8": 24}, 24)],
)
def test_what_was_spent_comes_back_evenly_over_the_day(spent: dict[str, int], share: int) -> None:
    assert lasts(allowance(96, busy(DAY, **spent))) == share


def test_a_burst_is_not_forgotten_the_moment_it_is_a_day_old() -> None:
    assert lasts(allowance(96, {**busy(DAY), NOON - DAY: (96, 96)})) < 24
    assert lasts(allowance(96, {**busy(DAY), NOON - DAYS * DAY: (96, 96)})) == 24


def test_whatever_came_back_a_day_has_no_more_than_was_planned() -> None:
    assert lasts(allowance(96, {NOON - 23: (90, 90)})) == 6


@pytest.mark.parametrize("runs", [1, 2, 3, 4, 6, 8, 12, DAY])
def test_runs_spread_over_a_day_may_spend_most_of_it_together_day_after_day(runs: int) -> None:
    spent: Hours = {}
    for hour in range(NOON, NOON + 9 * DAY, DAY // runs):
        one = Allowance()
        one.limit_to(DAILY_REQUESTS)
        one.begin(hour, spent)
        lasts(one)
        spent = one.hours()

    assert one.spent >= 2 / 3 * DAILY_REQUESTS


def test_a_run_without_a_limit_may_ask_for_as_much_as_it_likes() -> None:
    one = allowance(None)

    assert lasts(one) == 1000
    assert one.left is None
    assert one.warning is None


def test_who_is_told_no_hears_how_much_a_day_is() -> None:
    with pytest.raises(DayIsSpent, match="share of the 100 requests a day"):
        allowance(100, {NOON: (100, 100)}).check()


def test_the_lowest_limit_counts_whenever_it_is_told() -> None:
    one = allowance(100)
    one.limit_to(None)
    one.limit_to(300)
    assert lasts(one) == 100

    one = allowance(300)
    one.limit_to(100)
    assert one.left == 100
    assert lasts(one) == 100


@pytest.mark.parametrize(("hour", "kept"), [(NOON - DAYS * DAY, False), (NOON - DAYS * DAY + 1, True), (NOON, True)])
def test_what_was_spent_is_kept_for_some_days(hour: int, kept: bool) -> None:  # noqa: FBT001 - by name
    found = allowance(100, {hour: (60, 40)}).hours()

    assert found == ({NOON: (0, 0)} | ({hour: (60, 40)} if kept else {}))


@pytest.mark.parametrize(("hour", "counts"), [(NOON - DAY, False), (NOON - DAY + 1, True), (NOON, True)])
def test_the_last_24_hours_count_and_no_others(hour: int, counts: bool) -> None:  # noqa: FBT001 - by name
    one = allowance(100, {hour: (60, 40)})

    assert (one.spent, one.left) == ((60, 60) if counts else (0, 100))


def test_hours_that_lie_ahead_because_the_clock_was_wrong_are_let_go() -> None:
    assert allowance(100, {NOON + 1: (100, 100)}).left == 100


def test_what_is_spent_goes_into_the_hour_it_was_begun_in() -> None:
    one = allowance(100, {NOON - 2: (5, 5), NOON: (3, 1)})
    one.spend()
    with one.first_time():
        one.spend()

    assert one.spent == 10
    assert one.hours() == {NOON - 2: (5, 5), NOON: (5, 2)}


def test_what_is_read_for_the_first_time_is_spent_but_leaves_as_many_looks() -> None:
    one = allowance(100)
    with one.first_time():
        for _ in range(400):
            one.check()
            one.spend()

    assert (one.spent, one.left) == (400, 100)
    assert lasts(one) == 100


def test_what_is_new_may_be_asked_for_though_the_day_is_spent() -> None:
    one = allowance(100, {NOON - 1: (100, 100)})
    with one.first_time():
        with one.first_time():
            one.check()
        one.check()

    with pytest.raises(DayIsSpent):
        one.check()


def test_what_an_add_needs_may_be_asked_for_though_the_day_is_spent_and_counts() -> None:
    one = allowance(100, {NOON: (99, 99)})
    with one.whatever_it_costs():
        with one.whatever_it_costs():
            one.check()
        one.check()
        one.spend()

    assert one.left == 0
    with pytest.raises(DayIsSpent):
        one.check()


def test_an_error_ends_the_first_time_too() -> None:
    one = allowance(100, {NOON - 1: (100, 100)})
    with pytest.raises(ZeroDivisionError), one.first_time():
        raise ZeroDivisionError

    with pytest.raises(DayIsSpent):
        one.check()


def test_nothing_is_left_where_more_was_spent_than_planned() -> None:
    assert allowance(100, {NOON - 1: (150, 130)}).left == 0


@pytest.mark.parametrize(("before", "now", "warns"), [(99, 1, False), (99, 2, True), (500, 0, False)])
def test_a_day_that_took_more_than_planned_is_told_by_those_who_took_it(before: int, now: int, warns: bool) -> None:  # noqa: FBT001 - by name
    one = allowance(100, {NOON - 1: (before, 0)})
    with one.first_time():
        for _ in range(now):
            one.spend()

    assert bool(one.warning) == warns
    if one.warning:
        assert one.warning.startswith("101 requests to Spotify in 24 hours are more than the 100 that were planned")


def test_threads_lose_no_request() -> None:
    one = allowance(None)

    def spend(times: int) -> None:
        for _ in range(times):
            one.spend()

    with ThreadPoolExecutor(8) as threads:
        list(threads.map(spend, [500] * 8))

    assert one.spent == 4000
    assert one.hours() == {NOON: (4000, 4000)}


@given(wishes=st.lists(st.integers(0, 80), max_size=60), limit=st.integers(1, 300))
def test_runs_never_look_again_more_often_in_a_day_than_planned(wishes: list[int], limit: int) -> None:
    """One run an hour, each of which wants to ask for so much."""
    spent: Hours = {}
    for hour, wish in enumerate(wishes, start=NOON):
        one = Allowance()
        one.limit_to(limit)
        one.begin(hour, spent)
        lasts(one, most=wish)
        spent = one.hours()

        assert sum(again for one, (_, again) in spent.items() if one > hour - DAY) <= limit
        assert len(spent) <= DAYS * DAY


@pytest.mark.parametrize(("spent", "share"), [({"h0": 12}, 12), ({"h0": 13}, 0), ({"h3": 24}, 0)])
def test_so_little_that_a_run_could_do_nothing_with_it_is_left_to_grow(spent: dict[str, int], share: int) -> None:
    assert lasts(allowance(96, busy(DAY, **spent))) == share
    assert lasts(allowance(960, busy(DAY, h0=240 - WORTH_IT))) == WORTH_IT
    assert lasts(allowance(960, busy(DAY, h0=240 - WORTH_IT + 1))) == 0


def test_where_there_is_a_run_every_hour_one_of_a_few_can_do_something_however_much_they_want() -> None:
    spent: Hours = {}
    shares: list[int] = []
    for hour in range(NOON, NOON + 4 * DAY):
        one = Allowance()
        one.limit_to(DAILY_REQUESTS)
        one.begin(hour, spent)
        shares.append(lasts(one))
        spent = one.hours()

    assert {share for share in shares[DAY:] if share < WORTH_IT} == {0}
    assert all(sum(shares[hour : hour + 4]) for hour in range(DAY, 3 * DAY))
