"""The routine that every pair goes through, and what one pair's trouble means for the others."""

import logging

import pytest
from hypothesis import given
from hypothesis import strategies as st

from syncer.budget import Stop
from syncer.errors import (
    Code,
    ConfigError,
    Outage,
    QuotaExceeded,
    SignInNeeded,
    SyncError,
    TargetNotWritable,
    Temporary,
)
from syncer.model import Report, Request
from syncer.report import exit_code
from syncer.service import Service
from tests.fakes import (
    FakeAccounts,
    FakeClock,
    FakePlaylists,
    FakeWatch,
    NoChance,
    config,
    identifier,
    items,
    letters,
    pair,
)


def service(playlists: FakePlaylists, *, stop: Stop | None = None, **refused: SyncError) -> Service:
    accounts = FakeAccounts(playlists, **refused)
    return Service(connect=accounts, clock=FakeClock(), chance=NoChance(), watch=FakeWatch(), stop=stop or Stop())


def statuses(report: Report) -> list[str]:
    return [outcome.status.value for outcome in report.outcomes]


def codes(report: Report) -> list[Code | None]:
    return [outcome.error.code if outcome.error else None for outcome in report.outcomes]


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
    assert len(report.outcomes[0].plan.skips if report.outcomes[0].plan else ()) == 1


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

    assert [request for request in playlists.reads if "fresh" in request] == ["head fresh", "page fresh 0"]
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


def test_an_unclear_add_ends_its_pair_and_stops_adds_to_that_target() -> None:
    playlists = FakePlaylists(one="ab", two="abc", three="", archive="", other="")
    playlists.loses = lambda sent: sent == "ab"
    pairs = config(pair("one", "archive"), pair("two", "archive"), pair("three", "archive"), pair("two", "other"))

    report = service(playlists).run(pairs)

    assert statuses(report) == ["partial", "partial", "unchanged", "added"]
    assert codes(report) == [Code.UNCLEAR_ADD, Code.UNCLEAR_ADD, None, None]
    assert playlists.added == [("archive", "ab"), ("other", "abc")]
    assert (report.outcomes[0].unconfirmed, report.outcomes[1].deferred) == (2, 3)
    assert exit_code(report) == 4


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
    playlists = FakePlaylists(fresh="ab", archive=numbered(60))

    def edit(request: str) -> None:
        if request.startswith("page archive"):
            playlists.held[identifier("archive")].pop(0)

    playlists.before = edit

    report = service(playlists).run(config(pair("fresh", "archive")))

    assert statuses(report) == ["unchanged"] or codes(report) == [Code.TARGET_UNSTABLE]


def test_our_own_mistake_costs_one_pair_and_leaves_its_trace_in_the_log(caplog: pytest.LogCaptureFixture) -> None:
    playlists = FakePlaylists(fresh="ab", one="", two="")

    def stumble(request: str) -> None:
        if request == "head one":
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
        if request == "head one":
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
    runner = Service(connect=FakeAccounts(playlists), clock=FakeClock(), chance=NoChance(), watch=watch, stop=Stop())

    runner.run(config(pair("fresh", "archive"), pair("fresh", "off", enabled=False)))

    assert watch.seen[0] == "start fresh-to-archive"
    assert watch.seen[-1] == "end fresh-to-archive added"


def test_what_an_account_has_to_say_comes_with_the_report() -> None:
    accounts = FakeAccounts(FakePlaylists(fresh="a", archive=""))
    accounts.warnings.append("the new access token could not be stored")
    runner = Service(connect=accounts, clock=FakeClock(), chance=NoChance(), watch=FakeWatch(), stop=Stop())

    report = runner.run(config(pair("fresh", "archive")))

    assert report.warnings == ("the new access token could not be stored",)
    assert report.run_id == "2026-11-22T06:00:00Z-0000"


worlds = st.fixed_dictionaries({word: st.lists(st.sampled_from("abcdef"), max_size=8) for word in ("s", "t", "u")})
failing = st.sets(st.sampled_from(["head s", "page t 0", "head u", "append t", "append u"]), max_size=2)


@given(held=worlds, failing=failing)
def test_whatever_fails_a_clean_run_afterwards_leaves_the_promised_targets(
    held: dict[str, list[str]], failing: set[str]
) -> None:
    playlists = FakePlaylists(s=held["s"], t=held["t"], u=held["u"])
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
