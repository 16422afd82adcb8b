"""What the figures of a fleet stand on: virtual time, and that both ways do the same in it."""

import pytest

from tools.fleet_stage import Alone, Fleet, Place, took
from tools.virtual import VirtualTime

ACCOUNTS = 2
PAIRS = 6


def test_in_virtual_time_whoever_is_due_first_goes_on() -> None:
    time = VirtualTime()
    seen: list[tuple[str, float]] = []

    def live(name: str, *naps: float) -> None:
        for nap in naps:
            time.sleep(nap)
            seen.append((name, time.monotonic()))

    time.begin(lambda: live("slow", 5, 5))
    time.begin(lambda: live("fast", 2, 2, 2))
    time.later(3, lambda: seen.append(("in passing", time.monotonic())))
    time.begin_at(7, lambda: live("late", 1))
    time.run()

    assert seen == [("fast", 2), ("in passing", 3), ("fast", 4), ("slow", 5), ("fast", 6), ("late", 8), ("slow", 10)]


def test_in_virtual_time_an_error_ends_it_all() -> None:
    time = VirtualTime()

    def fail() -> None:
        time.sleep(1)
        raise LookupError

    time.begin(fail)
    time.begin(lambda: time.sleep(2))
    with pytest.raises(LookupError):
        time.run()


def test_a_fleet_does_what_one_lambda_does_with_as_many_requests() -> None:
    results = []
    for make in (Alone, lambda place: Fleet(place, 3)):
        place = Place(pairs=PAIRS, accounts=ACCOUNTS)
        way = make(place)
        first, idle = took(place, way), took(place, way)
        place.renew(0.5)
        results.append([(run.requests, run.refused, run.added, run.runs) for run in (first, idle, took(place, way))])

    assert results[0] == results[1]
    assert [added for _, _, added, _ in results[0]] == [PAIRS, 0, PAIRS / 2]


def test_the_same_fleet_always_takes_the_same() -> None:
    runs = []
    for _ in range(2):
        place = Place(pairs=PAIRS, accounts=ACCOUNTS)
        runs.append(took(place, Fleet(place, 3)))

    assert runs[0] == runs[1]
    assert runs[0].used.calls["Invoke"] > PAIRS / ACCOUNTS
