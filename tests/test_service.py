"""The routine that every pair goes through, and what one pair's trouble means for the others."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from syncer.appending import SETTLE
from syncer.budget import Stop
from syncer.errors import (
    Code,
    ConfigError,
    Locked,
    Outage,
    QuotaExceeded,
    SignInNeeded,
    StateUnusable,
    SyncError,
    TargetNotWritable,
    Temporary,
    UnclearAdd,
)
from syncer.model import Reason, Report, Request, Status
from syncer.report import as_json, exit_code
from syncer.service import LEASE, LEASE_BEYOND_DEADLINE
from syncer.state.nothing import NoState
from tests.fakes import (
    FakeAccounts,
    FakeClock,
    FakePlaylists,
    FakeWatch,
    MemoryState,
    config,
    identifier,
    items,
    letters,
    pair,
)
from tests.running import codes, service, statuses


def words(report: Report) -> str:
    """Return the names of the pairs that were tried and went well."""
    good = (Status.ADDED, Status.UNCHANGED)
    return " ".join(outcome.pair.name for outcome in report.outcomes if outcome.status in good)


def numbered(count: int) -> list[str]:
    return [str(number) for number in range(count)]


def test_what_is_new_is_added_in_source_order() -> None:
    playlists = FakePlaylists(fresh="cab", archive="xa")

    report = service(playlists).run(config(pair("fresh", "archive")))

    assert playlists.now_in("archive") == "xacb"
    assert statuses(report) == ["added"]
    assert exit_code(report) == 0


def test_a_second_run_adds_nothing_and_sends_no_add() -> None:
    playlists = FakePlaylists(fresh="cab", archive="xa")
    runner = service(playlists)
    runner.run(config(pair("fresh", "archive")))

    report = runner.run(config(pair("fresh", "archive")))

    assert statuses(report) == ["unchanged"]
    assert playlists.added == [("archive", "cb")]


def test_a_plan_changes_nothing_and_says_what_a_run_would_do() -> None:
    playlists = FakePlaylists(fresh="abc", archive="a", second="")
    pairs = config(pair("fresh", "archive"), pair("archive", "second"))

    planned = service(playlists).plan(pairs)
    done = service(playlists).run(pairs)

    assert planned.dry_run
    assert not done.dry_run
    assert [letters(outcome.added) for outcome in planned.outcomes] == ["bc", "abc"]
    assert [letters(outcome.added) for outcome in done.outcomes] == ["bc", "abc"]
    assert playlists.now_in("second") == "abc"


def test_a_plan_only_reads() -> None:
    playlists = FakePlaylists(fresh="abc", archive="a")

    service(playlists).plan(config(pair("fresh", "archive")))

    assert playlists.added == []
    assert not [request for request in playlists.reads if request.startswith("append")]


def test_several_sources_are_read_in_order_as_one() -> None:
    playlists = FakePlaylists(liked="ba", fresh="cb", archive="")

    report = service(playlists).run(config(pair("liked+fresh", "archive")))

    assert playlists.now_in("archive") == "bac"
    assert report.outcomes[0].skipped == {Reason.REPEATED: 1}


def test_a_run_keeps_how_many_items_it_skipped_and_a_plan_keeps_which() -> None:
    of_service = service(FakePlaylists(fresh="abc", archive="ab"))

    (planned,) = of_service.plan(config(pair("fresh", "archive"))).outcomes
    (ran,) = of_service.run(config(pair("fresh", "archive"))).outcomes

    assert planned.plan
    assert [skip.item for skip in planned.plan.skips] == list(items("ab"))
    assert ran.plan
    assert (ran.plan.skips, ran.skipped) == ((), {Reason.ALREADY_THERE: 2})


def test_a_failing_pair_does_not_stop_the_next() -> None:
    """A playlist that is gone costs one pair, not the run."""
    playlists = FakePlaylists(fresh="abc", archive="a")

    report = service(playlists).run(config(pair("gone", "archive"), pair("fresh", "archive")))

    assert statuses(report) == ["failed", "added"]
    assert codes(report) == [Code.NOT_FOUND, None]
    assert playlists.now_in("archive") == "abc"
    assert exit_code(report) == 4


def test_a_source_that_two_pairs_share_is_read_once() -> None:
    playlists = FakePlaylists(fresh="ab", one="", two="")

    service(playlists).run(config(pair("fresh", "one"), pair("fresh", "two")))

    assert [request for request in playlists.reads if "fresh" in request] == ["head+ fresh"]
    assert playlists.now_in("one") == playlists.now_in("two") == "ab"


def test_two_pairs_into_one_target_never_add_a_track_twice() -> None:
    playlists = FakePlaylists(one="abc", two="bcd", archive="")

    service(playlists).run(config(pair("one", "archive"), pair("two", "archive")))

    assert playlists.now_in("archive") == "abcd"


def test_a_chain_takes_one_pass() -> None:
    playlists = FakePlaylists(one="a", two="b", three="")

    service(playlists).run(config(pair("one", "two"), pair("two", "three")))

    assert playlists.now_in("three") == "ba"


@given(
    held=st.lists(st.text("abcdef", max_size=5), min_size=3, max_size=3),
    routes=st.lists(st.sampled_from(["one two", "two three", "three one", "two one", "one three"]), min_size=1),
)
def test_cycles_settle_after_as_many_runs_as_pairs(held: list[str], routes: list[str]) -> None:
    routes = list(dict.fromkeys(routes))
    playlists = FakePlaylists(one=held[0], two=held[1], three=held[2])
    pairs = config(*(pair(*route.split()) for route in routes))
    for _ in routes:
        service(playlists).run(pairs)
    before = list(playlists.added)

    report = service(playlists).run(pairs)

    assert playlists.added == before
    assert set(statuses(report)) == {"unchanged"}
    for word, start in zip(("one", "two", "three"), held, strict=True):
        assert playlists.now_in(word).startswith(start)
        new = playlists.now_in(word)[len(start) :]
        assert len(set(new)) == len(new)
        assert set(new).isdisjoint(start)


def test_a_disabled_pair_and_one_not_asked_for_are_reported_and_touch_nothing() -> None:
    playlists = FakePlaylists(fresh="ab", one="", two="", three="")
    pairs = config(pair("fresh", "one", enabled=False), pair("fresh", "two"), pair("fresh", "three"))

    report = service(playlists).run(pairs, Request(names=("fresh-to-three",)))

    assert statuses(report) == ["disabled", "not-selected", "added"]
    assert exit_code(report) == 0


def test_an_unknown_name_is_refused_before_anything_happens() -> None:
    playlists = FakePlaylists(fresh="ab", archive="")

    with pytest.raises(ConfigError, match="did you mean 'fresh-to-archive'"):
        service(playlists).run(config(pair("fresh", "archive")), Request(names=("fresh-to-archiv",)))
    with pytest.raises(ConfigError, match="there are fresh-to-archive"):
        service(playlists).run(config(pair("fresh", "archive")), Request(names=("zzz",)))
    assert playlists.reads == []


def test_a_dead_sign_in_stops_the_pairs_of_its_account_and_no_others() -> None:
    playlists = FakePlaylists(fresh="ab", one="", two="", three="")
    pairs = config(pair("fresh", "one", account="gone"), pair("fresh", "two"), pair("fresh", "three", account="gone"))

    report = service(playlists, gone=SignInNeeded("gone")).run(pairs)

    assert statuses(report) == ["failed", "added", "not-tried"]
    assert codes(report) == [Code.SIGN_IN_NEEDED, None, Code.SIGN_IN_NEEDED]
    assert exit_code(report) == 3
    assert [sign_in.consented is None for sign_in in report.sign_ins] == [True, False]


def test_an_unclear_add_that_cannot_be_cleared_up_ends_its_pair_and_blocks_its_target() -> None:
    playlists = FakePlaylists(one="ab", two="cd", three="", archive="", other="")
    playlists.loses = lambda sent: sent == "ab"
    pairs = config(pair("one", "archive"), pair("two", "archive"), pair("three", "archive"), pair("two", "other"))

    report = service(playlists).run(pairs, deadline=SETTLE)

    assert statuses(report) == ["partial", "partial", "unchanged", "added"]
    assert codes(report) == [Code.UNCLEAR_ADD, Code.UNCLEAR_ADD, None, None]
    assert playlists.added == [("archive", "ab"), ("other", "cd")]
    assert (report.outcomes[0].unconfirmed, report.outcomes[1].deferred) == (2, 2)
    assert exit_code(report) == 4


def test_an_unclear_add_that_landed_is_no_more_than_a_delay() -> None:
    playlists, clock = FakePlaylists(one="ab", two="abc", archive=""), FakeClock()
    playlists.loses = lambda sent: sent == "ab"

    report = service(playlists, clock=clock).run(config(pair("one", "archive"), pair("two", "archive")))

    assert statuses(report) == ["added", "added"]
    assert playlists.added == [("archive", "ab"), ("archive", "c")]
    assert clock.slept == [SETTLE]


def test_what_an_unclear_add_did_not_bring_is_sent_by_no_pair_of_the_same_run() -> None:
    playlists, state = FakePlaylists(one="ab", two="bc", three="d", archive="", other=""), MemoryState()
    lost = [UnclearAdd("archive")]
    playlists.before = lambda request: lost.pop() if lost and request.startswith("append archive") else None
    pairs = config(pair("one", "archive"), pair("two", "archive"), pair("three", "archive"), pair("one", "other"))

    first = service(playlists, state=state).run(pairs)
    sent = list(playlists.added)
    second = service(playlists, state=state).run(pairs)

    assert statuses(first) == ["partial", "partial", "added", "added"]
    assert codes(first) == [Code.UNCLEAR_ADD, Code.UNCLEAR_ADD, None, None]
    assert [outcome.deferred for outcome in first.outcomes] == [2, 2, 0, 0]
    assert sent == [("archive", "d"), ("other", "ab")]
    assert exit_code(second) == 0
    assert playlists.now_in("archive") == "dabc"


def test_what_an_earlier_run_sent_is_counted_by_the_pair_that_finds_it() -> None:
    """Fault model N3: also where its own source has it no longer."""
    playlists, state, clock = FakePlaylists(one="ab", two="bc", archive=""), MemoryState(), FakeClock()
    playlists.loses = lambda sent: sent == "ab"
    service(playlists, state=state, clock=clock).run(config(pair("one", "archive")), deadline=10)

    report = service(playlists, state=state, clock=clock).run(config(pair("two", "archive"), pair("one", "archive")))

    assert [letters(outcome.added) for outcome in report.outcomes] == ["abc", ""]
    assert playlists.now_in("archive") == "abc"
    told = as_json(report)["pairs"]
    assert [(one["planned"], one["added"], one["deferred"]) for one in told] == [(3, 3, 0), (0, 0, 0)]


def test_what_someone_else_was_faster_to_add_was_there_already() -> None:
    playlists = FakePlaylists(fresh="abc", archive="x")

    def arrive(request: str) -> None:
        if request == "page archive 0" and playlists.reads.count(request) == 1:
            playlists.someone_adds("archive", "b")

    playlists.before = arrive
    report = service(playlists).run(config(pair("fresh", "archive")))

    assert playlists.now_in("archive") == "xbac"
    (told,) = as_json(report)["pairs"]
    assert (told["planned"], told["added"], told["skipped"]) == (2, 2, {"already-there": 1})
    assert statuses(report) == ["added"]


def test_an_outage_while_an_unclear_add_is_looked_for_leaves_its_pair_partial() -> None:
    playlists = FakePlaylists(fresh="ab", archive="x")
    playlists.loses = lambda _sent: True
    playlists.before = lambda request: Outage("down") if playlists.added and request.startswith("head") else None

    report = service(playlists).run(config(pair("fresh", "archive")))

    assert statuses(report) == ["partial"]
    assert (report.outcomes[0].unconfirmed, report.outcomes[0].deferred) == (2, 0)


def test_a_limit_ends_the_run_politely() -> None:
    playlists = FakePlaylists(fresh="ab", one="", two="")
    playlists.before = lambda request: QuotaExceeded(48925) if request.startswith("append") else None

    report = service(playlists).run(config(pair("fresh", "one"), pair("fresh", "two")))

    assert statuses(report) == ["partial", "not-tried"]
    assert codes(report) == [Code.QUOTA_EXCEEDED] * 2
    assert report.error is not None
    assert report.error.code is Code.QUOTA_EXCEEDED
    assert "14 hours" in report.error.message
    assert exit_code(report) == 5


def test_three_outages_in_a_row_end_the_run() -> None:
    playlists = FakePlaylists(fresh="ab")
    playlists.before = lambda _request: Outage("down")

    report = service(playlists).run(config(*(pair("fresh", f"t{number}") for number in range(1000))))

    assert statuses(report) == ["failed"] * 3 + ["not-tried"] * 997
    assert len(playlists.reads) == 3
    assert exit_code(report) == 5


def test_outages_with_a_good_pair_between_them_do_not() -> None:
    playlists = FakePlaylists(fresh="ab", bad="c", t0="", t1="", t2="", t3="", t4="")
    playlists.before = lambda request: Outage("down") if "bad" in request else None
    pairs = config(pair("bad", "t0"), pair("bad", "t1"), pair("fresh", "t2"), pair("bad", "t3"), pair("bad", "t4"))

    assert statuses(service(playlists).run(pairs)) == ["failed", "failed", "added", "failed", "failed"]


def test_other_trouble_that_passes_does_not_count_as_an_outage() -> None:
    playlists = FakePlaylists(fresh="ab")
    playlists.before = lambda _request: Temporary("a false 401")

    report = service(playlists).run(config(*(pair("fresh", f"t{number}") for number in range(5))))

    assert statuses(report) == ["failed"] * 5


def test_a_plan_larger_than_the_pair_allows_is_refused() -> None:
    playlists = FakePlaylists(fresh="abc", archive="x", empty="")
    pairs = config(pair("fresh", "archive", max_additions=2), pair("fresh", "empty", max_additions=2))

    report = service(playlists).run(pairs)

    assert statuses(report) == ["failed", "added"]
    assert codes(report) == [Code.PLAN_TOO_LARGE, None]
    assert report.outcomes[0].deferred == 3
    assert playlists.added == [("empty", "abc")]


@pytest.mark.parametrize(("held", "added", "deferred"), [(9_999, 1, 1), (10_000, 0, 2), (10_500, 0, 2)])
def test_a_target_is_filled_to_its_limit_and_no_further(held: int, added: int, deferred: int) -> None:
    playlists = FakePlaylists(fresh="ab", archive=numbered(held))

    report = service(playlists).run(config(pair("fresh", "archive")))

    assert statuses(report) == ["partial"]
    assert codes(report) == [Code.TARGET_FULL]
    assert (len(report.outcomes[0].added), report.outcomes[0].deferred) == (added, deferred)
    assert exit_code(report) == 4


def test_a_full_target_that_lacks_nothing_is_fine() -> None:
    playlists = FakePlaylists(fresh=["1"], archive=numbered(10_000))

    assert statuses(service(playlists).run(config(pair("fresh", "archive")))) == ["unchanged"]


def test_a_target_that_may_not_be_written_fails_its_pair() -> None:
    playlists = FakePlaylists(fresh="ab", theirs="")
    playlists.read_only.add(identifier("theirs"))

    report = service(playlists).run(config(pair("fresh", "theirs")))

    assert statuses(report) == ["failed"]
    assert codes(report) == [Code.TARGET_NOT_WRITABLE]
    assert report.outcomes[0].deferred == 2


def test_a_refusal_after_a_batch_landed_is_partial() -> None:
    playlists = FakePlaylists(fresh=numbered(150), archive="")
    playlists.before = lambda request: (
        TargetNotWritable("it") if request.startswith("append") and playlists.added else None
    )

    report = service(playlists).run(config(pair("fresh", "archive")))

    assert statuses(report) == ["partial"]
    assert (len(report.outcomes[0].added), report.outcomes[0].deferred) == (100, 50)


def test_a_target_that_never_holds_still_is_partial() -> None:
    playlists = FakePlaylists(fresh="ab", archive=numbered(160))

    def edit(request: str) -> None:
        if request.startswith("page archive"):
            playlists.held[identifier("archive")].pop(0)

    playlists.before = edit

    report = service(playlists).run(config(pair("fresh", "archive")))

    assert statuses(report) == ["partial"]
    assert codes(report) == [Code.TARGET_UNSTABLE]
    assert playlists.added == []


def test_our_own_mistake_costs_one_pair_and_leaves_its_trace_in_the_log(caplog: pytest.LogCaptureFixture) -> None:
    playlists = FakePlaylists(fresh="ab", one="", two="")

    def stumble(request: str) -> None:
        if request == "head+ one":
            raise ZeroDivisionError

    playlists.before = stumble

    with caplog.at_level(logging.ERROR):
        report = service(playlists).run(config(pair("fresh", "one"), pair("fresh", "two")))

    assert statuses(report) == ["failed", "added"]
    assert codes(report) == [Code.BUG, None]
    assert exit_code(report) == 1
    assert report.outcomes[0].error is not None
    assert caplog.records[0].getMessage().removeprefix("bug ") in report.outcomes[0].error.message
    assert "ZeroDivisionError" in caplog.text


def test_a_signal_lets_the_request_in_flight_end_and_nothing_more_start() -> None:
    playlists, stop = FakePlaylists(fresh=numbered(60), one="", two=""), Stop()

    def arrive(request: str) -> None:
        if request == "head+ one":
            stop(15)

    playlists.before = arrive
    report = service(playlists, stop=stop).run(config(pair("fresh", "one"), pair("fresh", "two")))

    # The fake asks for no permission between its requests; the pair in hand is finished, the next is not begun.
    assert statuses(report) == ["added", "not-tried"]
    assert codes(report)[1] is Code.INTERRUPTED
    assert exit_code(report) == 143


def test_a_run_past_its_deadline_tries_nothing() -> None:
    playlists = FakePlaylists(fresh="a", archive="")

    report = service(playlists).run(config(pair("fresh", "archive")), deadline=4.0)

    assert statuses(report) == ["not-tried"]
    assert codes(report) == [Code.OUT_OF_TIME]
    assert playlists.reads == []
    assert exit_code(report) == 5


def test_who_looks_on_hears_of_every_pair_that_is_tried() -> None:
    watch = FakeWatch()
    playlists = FakePlaylists(fresh="a", archive="")

    service(playlists, watch=watch).run(config(pair("fresh", "archive"), pair("fresh", "off", enabled=False)))

    assert watch.seen[0] == "start fresh-to-archive"
    assert watch.seen[-1] == "end fresh-to-archive added"


def test_what_an_account_has_to_say_comes_with_the_report() -> None:
    playlists = FakePlaylists(fresh="a", archive="")
    accounts = FakeAccounts(playlists)
    accounts.warnings.append("the new access token could not be stored")

    report = service(playlists, connect=accounts).run(config(pair("fresh", "archive")))

    assert report.warnings == ("the new access token could not be stored",)
    assert report.run_id == "2026-11-22T06:00:00Z-0000"


def test_a_sign_in_that_ends_soon_is_told_with_the_report() -> None:
    playlists, clock = FakePlaylists(fresh="a", archive=""), FakeClock(start="2027-04-25T06:00:00")

    (warning,) = service(playlists, clock=clock).run(config(pair("fresh", "archive"))).warnings

    assert "2027-05-01" in warning


worlds = st.fixed_dictionaries({word: st.lists(st.sampled_from("abcdef"), max_size=8) for word in ("s", "t", "u")})
failing = st.sets(st.sampled_from(["head+ s", "head+ t", "page t 0", "head+ u", "append t", "append u"]), max_size=2)


@given(held=worlds, failing=failing)
def test_whatever_fails_a_clean_run_afterwards_leaves_the_promised_targets(
    held: dict[str, list[str]], failing: set[str]
) -> None:
    playlists = FakePlaylists(**held)
    pairs = config(pair("s", "t"), pair("s", "u"))
    playlists.before = lambda request: Temporary("trouble") if any(map(request.startswith, failing)) else None
    service(playlists).run(pairs)
    playlists.before = lambda _request: None

    report = service(playlists).run(pairs)

    assert exit_code(report) == 0
    for word in ("t", "u"):
        old = "".join(held[word])
        new = "".join(dict.fromkeys(letter for letter in held["s"] if letter not in old))
        assert playlists.now_in(word) == old + new


def test_a_report_has_every_pair_once_in_file_order() -> None:
    playlists = FakePlaylists(a="x", b="", c="")
    pairs = config(pair("a", "c"), pair("gone", "b"), pair("a", "b"))

    report = service(playlists).run(pairs)

    assert [outcome.pair.name for outcome in report.outcomes] == ["a-to-c", "gone-to-b", "a-to-b"]
    assert items("x") == report.outcomes[0].added


# --- what is kept between runs ----------------------------------------------------------------------------------------

DISK_FULL = StateUnusable("the disk is full", hint="make room")


def quota_at(playlists: FakePlaylists, *requests: str) -> None:
    """Let the daily quota be used up at *requests*."""
    playlists.before = lambda request: QuotaExceeded(48925) if request in requests else None


def tried(watch: FakeWatch) -> list[str]:
    """Return the pairs that were begun, in the order they were."""
    return [seen.split()[1] for seen in watch.seen if seen.startswith("start")]


def test_while_another_run_is_under_way_nothing_is_tried() -> None:
    """Fault model R4."""
    playlists, state, clock = FakePlaylists(fresh="ab", one="", two="", three=""), MemoryState(), FakeClock()
    state.stopped_at("fresh-to-three")
    pairs = config(pair("fresh", "one"), pair("fresh", "two", enabled=False), pair("fresh", "three", account="other"))

    with state.lock("another", now=clock.now(), until=clock.now()):
        report = service(playlists, state=state, clock=clock).run(pairs)

    assert statuses(report) == ["not-tried", "disabled", "not-tried"]
    assert codes(report) == [Code.LOCKED, None, Code.LOCKED]
    assert report.error is not None
    assert report.error.code is Code.LOCKED
    assert exit_code(report) == 6
    assert playlists.reads == []
    assert state.resume_at() == "fresh-to-three"


@pytest.mark.parametrize("refusal", [Locked("the state file"), DISK_FULL], ids=["in the making", "unusable"])
def test_a_plan_that_cannot_read_what_is_kept_says_so(refusal: SyncError) -> None:
    playlists, state = FakePlaylists(fresh="ab", one=""), MemoryState()
    state.before = lambda _call: refusal

    report = service(playlists, state=state).plan(config(pair("fresh", "one")))

    assert report.dry_run
    assert statuses(report) == ["not-tried"]
    assert report.error is not None
    assert report.error.message == str(refusal)


@pytest.mark.parametrize(("deadline", "seconds"), [(None, LEASE), (900.0, 900 + LEASE_BEYOND_DEADLINE)])
def test_a_lock_that_nobody_sees_end_ends_a_little_after_the_run(deadline: float | None, seconds: float) -> None:
    class Leased(MemoryState):
        @contextmanager
        def lock(self, run_id: str, *, now: datetime, until: datetime) -> Iterator[None]:
            self.leases = [(until - now).total_seconds()]
            with super().lock(run_id, now=now, until=until):
                yield

    state = Leased()
    service(FakePlaylists(fresh="a", one=""), state=state).run(config(pair("fresh", "one")), deadline=deadline)

    assert state.leases == [seconds]


def test_a_lock_is_let_go_whatever_happens() -> None:
    playlists, state = FakePlaylists(fresh="ab", one=""), MemoryState()
    quota_at(playlists, "head+ fresh")
    service(playlists, state=state).run(config(pair("fresh", "one")))

    assert state.calls[0] == "lock"
    assert state.calls[-1] == "unlock"


def test_without_a_lock_or_what_was_kept_nothing_is_tried() -> None:
    playlists, state = FakePlaylists(fresh="ab", one=""), MemoryState()
    state.before = lambda call: DISK_FULL if call == "lock" else None

    report = service(playlists, state=state).run(config(pair("fresh", "one")))

    assert statuses(report) == ["not-tried"]
    assert report.error is not None
    assert report.error.message == "the disk is full"
    assert playlists.reads == []


def test_a_note_that_cannot_be_kept_ends_the_run_before_anything_is_sent() -> None:
    """Fault model R6."""
    playlists, state = FakePlaylists(fresh="ab", one="", two=""), MemoryState()
    state.before = lambda call: DISK_FULL if call.startswith("sending") else None

    report = service(playlists, state=state).run(config(pair("fresh", "one"), pair("fresh", "two")))

    assert statuses(report) == ["partial", "not-tried"]
    assert (report.outcomes[0].deferred, report.outcomes[0].unconfirmed) == (2, 0)
    assert playlists.added == []


def test_an_add_that_landed_but_cannot_be_kept_as_such_is_told_to_be_unconfirmed() -> None:
    playlists, state = FakePlaylists(fresh="ab", one="", two=""), MemoryState()
    state.before = lambda call: DISK_FULL if call.startswith(("settle", "stopped", "unlock")) else None

    report = service(playlists, state=state).run(config(pair("fresh", "one"), pair("fresh", "two")))

    assert statuses(report) == ["partial", "not-tried"]
    assert (report.outcomes[0].unconfirmed, len(report.outcomes[0].added)) == (2, 0)
    assert playlists.added == [("one", "ab")]


def test_a_run_whose_end_cannot_be_kept_still_tells_what_it_did() -> None:
    playlists, state = FakePlaylists(fresh="ab", one=""), MemoryState()
    state.before = lambda call: DISK_FULL if call.startswith(("stopped", "unlock")) else None

    report = service(playlists, state=state).run(config(pair("fresh", "one")))

    assert statuses(report) == ["added"]
    assert letters(report.outcomes[0].added) == "ab"
    assert report.error is not None
    assert report.error.message == "the disk is full"


def test_a_limit_stays_what_ended_the_run_though_its_end_cannot_be_kept() -> None:
    playlists, state = FakePlaylists(fresh="ab", one=""), MemoryState()
    quota_at(playlists, "append one ab")
    state.before = lambda call: DISK_FULL if call.startswith("stopped") else None

    report = service(playlists, state=state).run(config(pair("fresh", "one")))

    assert report.error is not None
    assert report.error.code is Code.QUOTA_EXCEEDED


def test_the_window_is_counted_from_when_no_other_run_can_send_any_more() -> None:
    """Getting the lock may take a while, in which the run before this one sends its last add."""
    playlists, state, clock = FakePlaylists(fresh="ab", archive="x"), MemoryState(), FakeClock()
    playlists.loses = lambda _sent: True
    service(playlists, state=state, clock=clock).run(config(pair("fresh", "archive")), deadline=10)

    def wait_for_it(call: str) -> None:
        clock.elapsed += 30 if call == "lock" else 0

    state.before = wait_for_it
    report = service(playlists, state=state, clock=clock).run(config(pair("fresh", "archive")))

    assert clock.slept == [SETTLE]
    assert letters(report.outcomes[0].added) == "ab"


def test_after_a_limit_the_next_run_begins_where_this_one_was_cut_short() -> None:
    """Fault model P14; the report stays in file order."""
    playlists, state = FakePlaylists(fresh="a", t0="", t1="", t2="", t3=""), MemoryState()
    pairs = config(*(pair("fresh", f"t{number}") for number in range(4)))
    quota_at(playlists, "append t2 a")
    service(playlists, state=state).run(pairs)
    quota_at(playlists, "append t1 a")
    watch = FakeWatch()

    report = service(playlists, state=state, watch=watch).run(pairs)

    assert tried(watch) == ["fresh-to-t2", "fresh-to-t3", "fresh-to-t0", "fresh-to-t1"]
    assert [outcome.pair.target[:2] for outcome in report.outcomes] == ["t0", "t1", "t2", "t3"]
    assert exit_code(report) == 0
    assert state.resume_at() is None


def test_a_pair_that_is_too_much_for_one_run_does_not_keep_the_others_out() -> None:
    playlists, state = FakePlaylists(fresh="a", huge="", small=""), MemoryState()
    pairs = config(pair("fresh", "huge"), pair("fresh", "small"))
    quota_at(playlists, "head+ huge")

    assert statuses(service(playlists, state=state).run(pairs)) == ["not-tried", "not-tried"]
    assert state.resume_at() == "fresh-to-small"
    assert statuses(service(playlists, state=state).run(pairs)) == ["not-tried", "added"]
    assert state.resume_at() == "fresh-to-huge"


def test_a_run_that_must_wait_for_a_limit_leaves_the_turn_to_whose_it_is() -> None:
    playlists, state = FakePlaylists(fresh="a", t0="", t1="", t2=""), MemoryState()
    pairs = config(*(pair("fresh", f"t{number}") for number in range(3)))
    quota_at(playlists, "append t1 a")
    service(playlists, state=state).run(pairs)

    for _ in range(3):
        report = service(playlists, state=state, default=QuotaExceeded(3600)).run(pairs)
        assert statuses(report) == ["not-tried"] * 3
    assert state.resume_at() == "fresh-to-t1"


def test_a_run_of_some_pairs_leaves_the_turn_of_the_others_alone() -> None:
    playlists, state = FakePlaylists(fresh="a", t0="", t1="", t2=""), MemoryState()
    pairs = config(*(pair("fresh", f"t{number}") for number in range(3)))
    state.stopped_at("fresh-to-t2")

    service(playlists, state=state).run(pairs, Request(names=("fresh-to-t0",)))
    assert state.resume_at() == "fresh-to-t2"

    quota_at(playlists, "head+ t1")
    service(playlists, state=state).run(pairs, Request(names=("fresh-to-t1",)))
    assert state.resume_at() == "fresh-to-t2"


def test_the_turn_of_a_pair_that_is_gone_from_the_config_goes_to_the_first() -> None:
    playlists, state, watch = FakePlaylists(fresh="a", t0="", t1=""), MemoryState(), FakeWatch()
    state.stopped_at("renamed")

    service(playlists, state=state, watch=watch).run(config(pair("fresh", "t0"), pair("fresh", "t1")))

    assert tried(watch) == ["fresh-to-t0", "fresh-to-t1"]


@given(
    pairs=st.integers(1, 7),
    requests=st.integers(2, 12),
    huge=st.sets(st.integers(0, 6), max_size=2),
    waits=st.lists(st.integers(0, 3), min_size=1, max_size=4),
)
def test_no_pair_starves(pairs: int, requests: int, huge: set[int], waits: list[int]) -> None:
    """A quota for *requests* a day, pairs that alone need more than that, and runs that find it used up."""
    state = MemoryState()
    playlists = FakePlaylists(fresh="a", **{f"t{number}": "" for number in range(pairs)})
    every = config(*(pair("fresh", f"t{number}") for number in range(pairs)))
    left, days = 0, 0

    def spend(request: str) -> SyncError | None:
        nonlocal left
        left -= 1 + 100 * any(request == f"head+ t{number}" for number in huge)
        return QuotaExceeded(48925) if left < 0 else None

    playlists.before = spend
    fine: set[str] = set()
    while days < 2 * pairs + 2:
        left = requests + 4  # the source, and the most that one pair of the usual size needs
        fine.update(words(service(playlists, state=state).run(every)).split())
        for _ in range(waits[days % len(waits)]):
            service(playlists, state=state, default=QuotaExceeded(3600)).run(every)
        days += 1

    assert {one.name for place, one in enumerate(every.pairs) if place not in huge} <= fine


def test_a_plan_takes_no_lock_and_keeps_nothing_but_what_it_read_and_how_often_it_asked() -> None:
    playlists, state, clock = FakePlaylists(fresh="abc", archive="a"), MemoryState(), FakeClock()

    with state.lock("another", now=clock.now(), until=clock.now()):
        report = service(playlists, state=state, clock=clock).plan(config(pair("fresh", "archive")))

    assert statuses(report) == ["added"]
    read = [f"cache contents default spotify:playlist:{identifier(word)}" for word in ("fresh", "archive")]
    assert state.calls == ["lock", *read, "cache spent app", "unlock"]


def test_a_plan_begins_where_a_run_would_and_leaves_the_turn_alone() -> None:
    playlists, state, watch = FakePlaylists(fresh="a", t0="", t1=""), MemoryState(), FakeWatch()
    state.stopped_at("fresh-to-t1")

    service(playlists, state=state, watch=watch).plan(config(pair("fresh", "t0"), pair("fresh", "t1")))

    assert tried(watch) == ["fresh-to-t1", "fresh-to-t0"]
    assert state.resume_at() == "fresh-to-t1"


@given(
    held=st.fixed_dictionaries({word: st.lists(st.sampled_from("abcdef"), max_size=8) for word in ("s", "t", "u")}),
    earlier=st.sampled_from(["landed", "did not"]),
    pause=st.sampled_from([0.0, 44.0, 46.0]),
    routes=st.lists(st.sampled_from(["s t", "t u", "s+t u", "u s"]), min_size=1, unique=True),
)
def test_a_plan_is_what_a_run_adds(
    held: dict[str, list[str]],
    earlier: str,
    pause: float,
    routes: list[str],
) -> None:
    """Fault model I10, with an add of an earlier run that nobody knows of."""
    playlists, state, clock = FakePlaylists(**held), MemoryState(), FakeClock()
    playlists.someone_adds("s", "g")
    playlists.loses = lambda _sent: True
    playlists.before = lambda request: UnclearAdd("t") if request.startswith("append") and earlier != "landed" else None
    service(playlists, state=state, clock=clock).run(config(pair("s", "t")), deadline=10)
    playlists.loses = lambda _sent: False
    playlists.before = lambda _request: None
    clock.elapsed += pause
    every = config(*(pair(*route.split()) for route in routes))

    planned = service(playlists, state=state, clock=clock).plan(every)
    done = service(playlists, state=state, clock=clock).run(every)

    assert [outcome.added for outcome in planned.outcomes] == [outcome.added for outcome in done.outcomes]
    assert statuses(planned) == statuses(done)


def test_where_nothing_is_kept_a_run_says_so_and_a_plan_has_no_reason_to() -> None:
    playlists = FakePlaylists(fresh="a", archive="")
    runner = service(playlists, state=NoState())

    assert runner.plan(config(pair("fresh", "archive"))).warnings == ()
    (warning,) = runner.run(config(pair("fresh", "archive"))).warnings
    assert "nothing is kept" in warning
