"""Several workers with one client id: no second and no day sees more than it may, and each of them gets on."""

import heapq
import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from syncer.allowance import DAY, Allowance, Hours, share
from syncer.cache import Cache
from syncer.errors import DayIsSpent, StateUnusable, SyncError
from syncer.leasing import GUARD, LEAST, MOST, ROUNDS, SECOND, SLICES, TERM, Pace, SharedLedger, keep_days
from syncer.model import SignIn
from syncer.ports import Connection
from syncer.spotify import gate
from syncer.spotify.gate import Gate
from tests.fakes import FakeClock, FakePlaylists, MemoryFleet


class Later(Exception):
    """Somebody would sleep."""

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds


class Events(FakeClock):
    """Time that passes from event to event: who sleeps comes back later, and begins anew."""

    def sleep(self, seconds: float) -> None:
        raise Later(seconds)


class Slow(MemoryFleet):
    """Lets something happen between a look and the write that follows it, once."""

    def __init__(self) -> None:
        super().__init__()
        self.meanwhile: Callable[[], object] | None = None
        self.before = self._called_by

    def _called_by(self, call: str) -> SyncError | None:
        if call.startswith("swap") and self.meanwhile:
            happens, self.meanwhile = self.meanwhile, None
            happens()
        return None


class Contended(MemoryFleet):
    """Somebody else is always faster, once it is ``on``."""

    on = True

    def swap(self, family: str, name: str, value: bytes | None, *, over: bytes | None) -> bool:
        if not self.on:
            return super().swap(family, name, value, over=over)
        self.calls.append(f"lost {family}/{name} {value == over}")
        return False


# --- the requests of a second -----------------------------------------------------------------------------------------


def test_a_second_is_divided_into_what_the_gate_of_one_worker_lets_pass() -> None:
    assert (SLICES, SECOND) == (gate.CEILING, gate.SECOND)


@dataclass(frozen=True)
class Life:
    """A worker's: when it comes and goes, what it does at the end, and how it works."""

    comes: float
    stays: float
    dies: bool
    pause: float = 0.0
    """Between an answer and the next request."""
    too_fast: frozenset[int] = frozenset()
    """Which of its requests are."""


class Worker:
    def __init__(self, name: str, life: Life, fleet: MemoryFleet, clock: FakeClock) -> None:
        self.life = life
        self.pace = Pace(fleet, "app", name, clock)
        self.passed: list[float] = []
        self.longest = 0.0
        """What it waited, apart from its own pauses."""
        self._wants_since = life.comes
        self._gate = Gate(clock, share=self.pace)
        self._clock = clock

    @property
    def goes(self) -> float:
        return self.life.comes + self.life.stays

    def step(self) -> float | None:
        """Do what there is to do, and return when there is more; None if never."""
        now = self._clock.elapsed
        if now >= self.goes:
            if not self.life.dies:
                self.pace.give_back()
            return None
        try:
            with self._gate.pass_through(lambda: None):
                self._has_passed(now)
        except Later as later:
            self.longest = max(self.longest, now - self._wants_since)
            return min(self.goes, now + later.seconds + 1e-6)  # nobody wakes too soon
        return self._wants_since

    def _has_passed(self, now: float) -> None:
        if len(self.passed) in self.life.too_fast:
            self._gate.close(1.5)
        self.passed.append(now)
        self._wants_since = now + self.life.pause


def work(*lives: Life, until: float) -> list[Worker]:
    """Have workers with such *lives* ask for more than there is; return those that are still there, at *until*."""
    return [worker for worker in all_who_work(*lives, until=until) if worker.goes > until]


def all_who_work(*lives: Life, until: float) -> list[Worker]:
    clock, fleet = Events(), MemoryFleet()
    workers = [Worker(f"worker {number}", life, fleet, clock) for number, life in enumerate(lives)]
    events = [(worker.life.comes, number) for number, worker in enumerate(workers)]
    heapq.heapify(events)
    while events and events[0][0] <= until:
        clock.elapsed, number = heapq.heappop(events)
        if (again := workers[number].step()) is not None:
            heapq.heappush(events, (again, number))
    return workers


def forever(comes: float = 0.0) -> Life:
    return Life(comes=comes, stays=1000, dies=False)


def lives(*, too_fast: bool) -> st.SearchStrategy[Life]:
    return st.builds(
        Life,
        comes=st.floats(0, 12),
        stays=st.sampled_from([0.5, 4.0, 8.0, 1000.0]),
        dies=st.booleans(),
        pause=st.sampled_from([0.0, 0.01, 0.3]),
        too_fast=st.frozensets(st.integers(0, 60), max_size=2) if too_fast else st.just(frozenset()),
    )


@settings(max_examples=50)
@given(several=st.lists(lives(too_fast=True), min_size=1, max_size=13))
def test_no_second_sees_more_than_ten_requests_whoever_comes_goes_or_dies(several: list[Life]) -> None:
    workers = all_who_work(*several, until=30)

    passed = sorted(at for worker in workers for at in worker.passed)
    for sooner, later in zip(passed, passed[SLICES:], strict=False):
        assert later - sooner > SECOND - 1e-4


@settings(max_examples=50)
@given(several=st.lists(lives(too_fast=False), min_size=1, max_size=SLICES))
def test_everybody_gets_on_and_has_as_much_as_the_others_once_nobody_comes_or_goes(several: list[Life]) -> None:
    until = settled(several) + TERM
    workers = all_who_work(*several, until=until)

    assert max(worker.longest for worker in workers) < TERM + 4
    here = [worker for worker in workers if worker.goes > until]
    slices = [worker.pace.per_second() for worker in here]
    assert not slices or (sum(slices), max(slices) - min(slices) <= 1) == (SLICES, True)


def settled(several: list[Life]) -> float:
    """Return when the last of *several* has come, and the last that goes is gone."""
    gone = [life.comes + life.stays + TERM * life.dies for life in several if life.stays < 1000]
    return max([*(life.comes for life in several), *gone])


@pytest.mark.parametrize("number", [1, 2, 3, 4, 7, 10])
def test_what_passes_in_a_second_is_divided_by_those_who_work(number: int) -> None:
    fewest, more = divmod(SLICES, number)
    workers = work(*[forever(comes=0.1 * one) for one in range(number)], until=30)

    for place, worker in enumerate(workers):
        each = fewest + (place < more)
        assert len([at for at in worker.passed if at > 20]) == pytest.approx(10 * each, abs=each)


def test_what_a_worker_gave_back_is_the_others_soon_and_what_one_left_that_died_after_its_term() -> None:
    gone = [
        work(forever(), Life(comes=0, stays=10, dies=dies), until=until)[0]
        for dies, until in [(False, 10 + TERM / 2 + 2 * SECOND), (True, 10 + TERM + 2 * SECOND), (True, 10 + GUARD)]
    ]

    assert [worker.pace.per_second() for worker in gone] == [10, 10, 5]


def test_where_all_is_taken_one_more_waits_until_another_makes_room() -> None:
    nine = [forever() for _ in range(SLICES - 1)]
    going = Life(comes=0, stays=40, dies=False)

    workers = work(*nine, going, forever(comes=20), until=39)
    assert workers[-1].passed == []
    assert all(worker.passed[-1] > 37 for worker in workers[:-1])
    workers = work(*nine, going, forever(comes=20), until=44)
    assert 40 < workers[-1].passed[0] < 44
    assert all(worker.passed[-1] > 42 for worker in workers)


class Pair:
    """Two workers, ``a`` and ``b``, who do what a test says."""

    def __init__(self, fleet: MemoryFleet | None = None) -> None:
        self.clock = FakeClock()
        self.fleet = fleet or MemoryFleet()
        self.a, self.b = (Pace(self.fleet, "app", name, self.clock) for name in "ab")

    @property
    def writes(self) -> int:
        return self.fleet.calls.count("swap gate/app")

    def after(self, seconds: float) -> None:
        self.clock.elapsed += seconds


def test_each_client_id_has_a_second_of_its_own() -> None:
    fleet, clock = MemoryFleet(), FakeClock()

    assert [Pace(fleet, client_id, "a", clock).per_second() for client_id in ("app", "other")] == [10, 10]


def test_what_is_leased_is_asked_for_again_when_half_the_term_is_over() -> None:
    pair = Pair()
    for _ in range(100):
        assert pair.a.per_second() == 10
        pair.after(TERM / 100)
    assert pair.writes == 2


def test_who_waits_writes_no_more_than_to_be_seen() -> None:
    pair = Pair()
    pair.a.per_second()
    for _ in range(6):
        assert pair.b.per_second() == 0
        pair.after(1)
    assert pair.writes == 3


def test_what_is_given_up_is_nobodys_for_a_second() -> None:
    pair = Pair()
    pair.a.per_second()
    pair.b.per_second()
    pair.after(TERM / 2)
    assert pair.a.per_second() == 5
    pair.after(1)
    assert pair.b.per_second() == 0
    pair.after(1)
    assert pair.b.per_second() == 5


def test_who_gave_back_and_goes_on_all_the_same_leases_anew_what_was_not_used() -> None:
    pair = Pair()
    for _ in range(3):
        pair.a.per_second()
    pair.a.give_back()
    assert (pair.a.per_second(), pair.b.per_second()) == (7, 0)
    pair.after(2)
    assert (pair.a.per_second(), pair.b.per_second()) == (5, 3)
    pair.after(2)
    assert pair.b.per_second() == 5


def test_a_lease_that_was_long_in_coming_is_none() -> None:
    pair = Pair(fleet := Slow())
    fleet.meanwhile = lambda: pair.after(TERM - GUARD)

    assert pair.a.per_second() == 0
    assert pair.a.per_second() == 10


def test_two_who_ask_at_once_do_not_both_get_all() -> None:
    pair = Pair(fleet := Slow())
    fleet.meanwhile = pair.b.per_second

    assert (pair.a.per_second(), pair.b.per_second()) == (0, 10)


def test_who_is_never_fast_enough_gets_nothing_this_time() -> None:
    pair = Pair(fleet := Contended())

    assert pair.a.per_second() == 0
    assert fleet.calls == ["lost gate/app False"] * ROUNDS
    fleet.on = False
    assert pair.a.per_second() == 10
    pair.after(TERM / 2)
    fleet.on = True
    assert pair.a.per_second() == 0


def test_that_spotify_wants_to_hear_nothing_is_told_to_the_others_and_the_longest_time_counts() -> None:
    pair = Pair()
    pair.a.per_second()
    pair.after(4)
    pair.b.per_second()
    for seconds in (7, 20, 3):
        pair.a.close(seconds)
    assert pair.a.closed_for() == pytest.approx(20)
    assert pair.b.closed_for() < 0
    pair.after(1)
    pair.b.per_second()
    assert pair.b.closed_for() == pytest.approx(19)
    pair.after(20)
    pair.b.per_second()
    assert pair.b.closed_for() < 0


@pytest.mark.parametrize(
    "row",
    [
        b"",
        b"{",
        b"[]",
        b"null",
        b"\xff",
        b"[" * 100_000,
        b'{"holders": {}, "leaving": []}',
        b'{"holders": {"b": [10]}, "leaving": [], "closed": null}',
        b'{"holders": {"b": [10, "soon"]}, "leaving": [], "closed": null}',
        b'{"holders": {"b": [-10, 2e9]}, "leaving": [], "closed": null}',
        b'{"holders": {"b": ["10", 2e9]}, "leaving": [], "closed": null}',
        b'{"holders": {"b": [10, %s]}, "leaving": [], "closed": null}' % (b"9" * 400),
        b'{"holders": {"b": [10, 2e9]}, "leaving": [], "closed": "soon"}',
        b'{"holders": {"b": [10, 2e9]}, "leaving": [[null, 2e9]], "closed": null}',
    ],
)
def test_what_cannot_be_read_keeps_nobody_waiting(row: bytes) -> None:
    pair = Pair()
    pair.fleet.put("gate", "app", row)

    assert pair.a.per_second() == 10
    assert pair.a.closed_for() < 0


def test_where_more_is_taken_than_there_is_nothing_is_free() -> None:
    pair = Pair()
    until = pair.clock.now().timestamp() + 5
    pair.fleet.put("gate", "app", json.dumps({"holders": {"x": [12, until]}, "leaving": [], "closed": None}).encode())

    assert pair.a.per_second() == 0


def test_a_state_that_cannot_be_used_is_an_error_but_not_for_those_who_are_done(
    caplog: pytest.LogCaptureFixture,
) -> None:
    pair = Pair()
    pair.a.per_second()
    pair.fleet.before = lambda _call: StateUnusable("it is gone", hint="none")

    pair.a.give_back()
    assert "slices were not given back" in caplog.text
    with pytest.raises(StateUnusable):
        pair.a.per_second()
    with pytest.raises(StateUnusable):
        pair.a.close(1)


def test_threads_of_one_worker_lease_together() -> None:
    pair = Pair()
    with ThreadPoolExecutor(8) as threads:
        found = list(threads.map(lambda _: pair.a.per_second(), range(64)))

    assert (set(found), pair.writes) == ({10}, 1)


# --- the requests of a day --------------------------------------------------------------------------------------------

HOUR = int(FakeClock().now().timestamp() // 3600)
BUSY: Hours = {HOUR - back: (0, 0) for back in range(1, DAY)}
"""A day in which every hour but this one had a run."""


class Fleet:
    """A run of so many groups, each with a ledger of its own."""

    def __init__(
        self,
        groups: int,
        limit: int | None = 96,
        *,
        spent: Hours | None = None,
        state: MemoryFleet | None = None,
    ) -> None:
        self.state = state or MemoryFleet()
        self.cache = Cache(self.state)
        self.cache.keep_spent("app", spent or {})
        self.ledgers: list[SharedLedger] = []
        self.allowances: list[Allowance] = []
        for _ in range(groups):
            self.add(groups, limit)

    def add(self, groups: int, limit: int | None) -> Allowance:
        """Have one more ledger, for one of so many *groups*."""
        name = f"group {len(self.ledgers)}"
        ledger = SharedLedger(self.cache, self.state, "run", FakeClock().now(), worker=name, groups=groups)
        allowance = Allowance()
        allowance.limit_to(limit)
        playlists = FakePlaylists()
        account = Connection(
            playlists=playlists,
            sources=playlists,
            sign_in=SignIn(account=name),
            client_id="app",
            allowance=allowance,
        )
        assert ledger.open(ledger.open(account)) is account
        self.ledgers.append(ledger)
        self.allowances.append(allowance)
        return allowance

    @property
    def leased(self) -> tuple[int, int]:
        """What is counted for the run by now, slices included."""
        found = json.loads(self.state.get("days run", "app") or b'{"spent": 0, "again": 0}')
        return found["spent"], found["again"]

    def kept(self) -> Hours:
        """End the run, and return what later ones know of the day."""
        keep_days(self.state, self.cache, "run")
        assert self.state.all("days run") == {}
        return self.cache.spent("app")


def look(allowance: Allowance, times: int = 1000) -> int:
    """Look again so often, if it may; return how often it did."""
    for number in range(times):
        try:
            allowance.check()
        except DayIsSpent:
            return number
        allowance.spend()
    return times


def whole(limit: int, spent: Hours) -> int:
    """Return what a run of one worker may spend."""
    one = Allowance()
    one.limit_to(limit)
    one.begin(HOUR, spent)
    return look(one)


@pytest.mark.parametrize("groups", [1, 3, 7, 50])
@pytest.mark.parametrize(("limit", "spent"), [(96, {}), (96, BUSY), (300, {**BUSY, HOUR - 2: (7, 5)}), (3000, BUSY)])
def test_many_groups_may_look_again_as_often_as_one_worker(groups: int, limit: int, spent: Hours) -> None:
    fleet = Fleet(groups, limit, spent=spent)

    assert sum(map(look, fleet.allowances)) == int(share(limit, HOUR, spent))
    assert whole(limit, spent) - 1 <= int(share(limit, HOUR, spent)) <= whole(limit, spent)


@pytest.mark.parametrize(("groups", "size"), [(1, MOST), (4, MOST), (5, 19), (12, 8), (24, LEAST), (96, LEAST)])
def test_a_slice_is_what_each_group_would_have_but_not_too_little_and_not_too_much(groups: int, size: int) -> None:
    fleet = Fleet(groups)

    assert look(fleet.allowances[0], 1) == 1
    assert fleet.leased == (size, size)


@given(limit=st.integers(20, 400), groups=st.integers(1, 60), busy=st.booleans())
def test_each_group_has_a_slice_before_any_has_another_as_far_as_that_goes(
    limit: int, groups: int, *, busy: bool
) -> None:
    fleet = Fleet(groups, limit, spent=BUSY if busy else {})
    enough = int(share(limit, HOUR, BUSY if busy else {})) >= groups * LEAST

    assert all(look(one, LEAST) == LEAST for one in fleet.allowances) or not enough


def test_what_is_left_of_a_slice_is_given_back_at_the_end() -> None:
    fleet = Fleet(2)
    look(fleet.allowances[0], 3)
    assert fleet.leased == (20, 20)
    fleet.ledgers[0].close()
    fleet.ledgers[0].close()
    assert fleet.leased == (3, 3)
    assert look(fleet.allowances[1]) == 93


def test_what_was_read_for_the_first_time_is_counted_at_the_end_and_takes_no_slice() -> None:
    fleet = Fleet(2, spent={HOUR: (5, 2), HOUR - 1: (4, 4)})
    with fleet.allowances[0].first_time():
        assert look(fleet.allowances[0], 400) == 400
    assert fleet.leased == (0, 0)
    fleet.ledgers[0].close()

    assert fleet.leased == (400, 0)
    assert fleet.kept() == {HOUR: (405, 2), HOUR - 1: (4, 4)}


def test_what_adds_took_is_leased_before_there_is_another_look() -> None:
    fleet = Fleet(2)
    with fleet.allowances[0].whatever_it_costs():
        assert look(fleet.allowances[0], 30) == 30
    assert fleet.leased == (0, 0)
    fleet.allowances[0].check()
    assert fleet.leased == (40, 40)


def test_what_a_worker_leased_that_died_counts_as_spent() -> None:
    fleet = Fleet(2)
    look(fleet.allowances[0], 3)
    look(fleet.allowances[1], 1)
    fleet.ledgers[1].close()

    assert fleet.kept() == {HOUR: (21, 21)}


def test_a_client_without_a_limit_leases_nothing_and_is_counted() -> None:
    fleet = Fleet(2, None)
    assert fleet.allowances[0].has_plenty
    assert look(fleet.allowances[0], 500) == 500
    assert fleet.leased == (0, 0)
    fleet.ledgers[0].close()

    assert fleet.kept() == {HOUR: (500, 500)}


def test_the_lowest_limit_that_a_group_was_told_counts_for_all_from_then_on() -> None:
    fleet = Fleet(1, 300)
    look(fleet.allowances[0], 30)
    low = fleet.add(1, 96)

    assert look(low) == 96 - 40
    assert look(fleet.allowances[0]) == 10
    assert (fleet.allowances[0].left, fleet.add(1, None).left) == (0, 0)


def test_groups_that_lease_as_much_at_once_do_not_take_it_for_the_same() -> None:
    fleet = Fleet(2, state=(state := Slow()))
    state.meanwhile = fleet.allowances[1].check
    fleet.allowances[0].check()

    assert fleet.leased == (40, 40)


def test_what_can_wait_is_asked_for_with_the_first_half_of_what_was_leased() -> None:
    fleet = Fleet(4)
    for number in range(12):
        assert fleet.allowances[0].has_plenty == (number < 10)
        look(fleet.allowances[0], 1)
    assert fleet.leased == (20, 20)

    spent = Fleet(4, spent={HOUR - 1: (96, 96)})
    assert not spent.allowances[0].has_plenty


def test_a_group_knows_of_the_others_whenever_it_leases_and_when_it_is_done() -> None:
    fleet = Fleet(2, 96, spent={HOUR - 1: (10, 10)})
    one, other = fleet.allowances
    look(one, 5)
    assert (one.spent, one.left, other.spent, other.left) == (15, 81, 10, 86)
    with other.first_time():
        look(other, 90)
    assert list(fleet.ledgers[1].warnings()) == [other.warning]
    fleet.ledgers[1].close()
    assert (other.spent, other.left) == (10 + 20 + 90, 96 - 10 - 20)
    fleet.ledgers[0].close()
    assert (one.spent, one.left) == (10 + 5 + 90, 96 - 10 - 5)
    assert one.hours() == fleet.kept() == {HOUR - 1: (10, 10), HOUR: (95, 5)}


def test_all_that_a_run_spends_counts_in_the_hour_it_began_in() -> None:
    fleet = Fleet(1)
    look(fleet.allowances[0], 1)
    late = FakeClock()
    late.elapsed = 3 * 3600
    ledger = SharedLedger(fleet.cache, fleet.state, "run", late.now(), worker="late", groups=1)
    fleet.ledgers[0].close()
    ledger.close()

    assert fleet.kept() == {HOUR: (1, 1)}


def test_only_what_still_counts_is_kept() -> None:
    fleet = Fleet(1, spent={HOUR - 100: (1, 1), HOUR + 1: (2, 2), HOUR - 1: (3, 3)})
    fleet.ledgers[0].close()

    assert fleet.kept() == {HOUR - 1: (3, 3), HOUR: (0, 0)}


def test_a_group_that_is_never_fast_enough_has_nothing_to_look_with(caplog: pytest.LogCaptureFixture) -> None:
    fleet = Fleet(1, state=Contended())

    assert look(fleet.allowances[0]) == 0
    assert "others were faster" in caplog.text


DAYS = {"hour": HOUR, "before": [], "spent": 7, "again": 7, "limit": 96, "by": "somebody"}


@pytest.mark.parametrize(
    "row",
    [
        b"",
        b"{",
        b"null",
        b"[" * 100_000,
        *(json.dumps({name: value for name, value in DAYS.items() if name != lacks}).encode() for lacks in DAYS),
        *(json.dumps(DAYS | {name: -1}).encode() for name in ("hour", "spent", "again", "limit")),
        json.dumps(DAYS | {"before": [[1, 2]]}).encode(),
        json.dumps(DAYS | {"before": [[1, 2, None]]}).encode(),
    ],
)
def test_what_cannot_be_read_is_begun_anew_and_never_kept(row: bytes) -> None:
    fleet = Fleet(0, spent={HOUR - 1: (4, 4)})
    fleet.state.put("days run", "app", row)
    fleet.state.put("days run", "other", json.dumps(DAYS).encode())
    assert fleet.kept() == {HOUR - 1: (4, 4)}
    assert fleet.cache.spent("other") == {HOUR: (7, 7)}

    fleet.state.put("days run", "app", row)
    assert look(fleet.add(1, 96)) == int(share(96, HOUR, {HOUR - 1: (4, 4)}))


STEPS = st.lists(
    st.tuples(st.integers(0, 5), st.sampled_from(["look", "look", "look", "add", "discover", "die", "close"])),
    max_size=120,
)


@given(groups=st.integers(1, 6), limit=st.integers(10, 200), steps=STEPS)
def test_what_is_kept_is_never_too_little_and_what_is_leased_never_too_much(
    groups: int, limit: int, steps: list[tuple[int, str]]
) -> None:
    """Groups look again, add, read what is new, die and end in any order."""
    fleet = Fleet(groups, limit)
    working = set(range(groups))
    added = 0
    for number, step in steps:
        if number not in working:
            continue
        allowance = fleet.allowances[number]
        if step == "look":
            look(allowance, 1)
        elif step == "close":
            fleet.ledgers[number].close()
        elif step == "discover":
            with allowance.first_time():
                look(allowance, 3)
        elif step == "add":
            added += 1
            with allowance.whatever_it_costs():
                look(allowance, 1)
        working -= {number} if step in ("die", "close") else set()
        assert fleet.leased[1] <= int(share(limit, HOUR, {})) + added

    for number in working:
        fleet.ledgers[number].close()
    spent, again = map(sum, zip(*(allowance.asked for allowance in fleet.allowances), strict=True))
    kept = fleet.kept().get(HOUR, (0, 0))
    died = any(step == "die" for _, step in steps)
    assert died or kept == (spent, again)
    assert kept[1] >= again - added
