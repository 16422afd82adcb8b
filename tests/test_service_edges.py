"""What a report says to the letter, and the limits of a run from both sides."""

import logging
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime

import pytest

from syncer.appending import SETTLE
from syncer.budget import Budget
from syncer.errors import (
    Code,
    ConfigError,
    Outage,
    Problem,
    QuotaExceeded,
    SignInNeeded,
    SyncError,
    TargetFull,
    UnclearAdd,
)
from syncer.model import MAX_ITEMS, Account, Reason, Request, SignIn
from syncer.ports import Connect, Connection
from syncer.service import LEASE, LEASE_BEYOND_DEADLINE, Service
from tests.fakes import (
    FakeAccounts,
    FakeClock,
    FakePlaylists,
    MemoryState,
    config,
    identifier,
    items,
    letters,
    pair,
    uri,
)
from tests.running import service, statuses


class Ledger(MemoryState):
    """Remembers who asked for the lock, and for how many seconds."""

    def __init__(self) -> None:
        super().__init__()
        self.locks: list[tuple[str, float]] = []

    @contextmanager
    def lock(self, run_id: str, *, now: datetime, until: datetime) -> Iterator[None]:
        self.locks.append((run_id, (until - now).total_seconds()))
        with super().lock(run_id, now=now, until=until):
            yield


class Desk:
    """A service over *held* playlists, and what it keeps."""

    def __init__(self, **held: Sequence[str]) -> None:
        self.playlists = FakePlaylists(**held)
        self.state = Ledger()
        self.clock = FakeClock()
        self.service = self.served_by(FakeAccounts(self.playlists))

    def served_by(self, connect: Connect) -> Service:
        return service(self.playlists, connect=connect, state=self.state, clock=self.clock)


# --- a plan is asked for as a run is ----------------------------------------------------------------------------------


def test_a_plan_is_made_of_the_pairs_that_were_asked_for() -> None:
    pairs = config(pair("fresh", "one"), pair("fresh", "two"))
    report = Desk(fresh="a", one="", two="").service.plan(pairs, Request(names=("fresh-to-two",)))
    assert statuses(report) == ["not-selected", "added"]


def test_a_plan_ends_with_its_time() -> None:
    report = Desk(fresh="a", one="").service.plan(config(pair("fresh", "one")), deadline=4.0)
    assert statuses(report) == ["not-tried"]


def test_who_asks_for_a_pair_that_there_is_not_hears_which_there_are() -> None:
    pairs = config(pair("fresh", "one"), pair("fresh", "two"))
    with pytest.raises(ConfigError) as refused:
        Desk(fresh="", one="", two="").service.plan(pairs, Request(names=("zzz", "fresh-to-twoo")))
    assert refused.value.problems == (
        Problem(
            file="",
            line=0,
            column=0,
            path="pair",
            message="no pair is called 'zzz': there are fresh-to-one, fresh-to-two",
        ),
        Problem(
            file="",
            line=0,
            column=0,
            path="pair",
            message="no pair is called 'fresh-to-twoo': did you mean 'fresh-to-two'?",
        ),
    )
    assert refused.value.hint == "ask for pairs that the config has"


def test_a_run_that_was_asked_for_one_pair_asks_for_nothing_that_only_others_need() -> None:
    desk = Desk(fresh="a", one="", two="")
    desk.playlists.liked = "b"
    pairs = config(pair("liked", "one"), pair("fresh", "two"))
    desk.service.run(pairs)
    desk.playlists.reads.clear()
    report = desk.service.run(pairs, Request(names=("liked-to-one",)))
    assert statuses(report) == ["unchanged", "not-selected"]
    assert desk.playlists.reads == ["liked 0"]


# --- refusals ---------------------------------------------------------------------------------------------------------


def test_a_plan_as_large_as_the_pair_allows_is_carried_out() -> None:
    desk = Desk(fresh="ab", archive="x")
    assert statuses(desk.service.run(config(pair("fresh", "archive", max_additions=2)))) == ["added"]


def test_a_plan_that_is_too_large_is_told_with_both_numbers_and_what_to_do() -> None:
    desk = Desk(fresh="abc", archive="x")
    error = desk.service.run(config(pair("fresh", "archive", max_additions=2))).outcomes[0].error
    assert error
    assert "3" in error.message
    assert "2" in error.message
    assert error.hint


def test_what_is_barred_by_an_unclear_add_is_told_with_its_target() -> None:
    desk = Desk(one="ab", two="bc", archive="")
    desk.playlists.loses = lambda _sent: True
    pairs = config(pair("one", "archive"), pair("two", "archive"))
    outcomes = desk.service.run(pairs, deadline=40.0).outcomes
    for outcome in outcomes:
        assert outcome.error
        assert outcome.error.code is Code.UNCLEAR_ADD
        assert f"spotify:playlist:{identifier('archive')}" in outcome.error.message


# --- every item is told once ------------------------------------------------------------------------------------------


def test_a_rejected_item_is_told_as_such_and_is_not_deferred() -> None:
    desk = Desk(fresh="abc", archive="")
    desk.playlists.bad = {uri("b")}
    (outcome,) = desk.service.run(config(pair("fresh", "archive"))).outcomes
    assert (letters(outcome.added), letters(outcome.rejected), outcome.deferred) == ("ac", "b", 0)


def test_what_someone_was_faster_to_add_is_skipped() -> None:
    desk = Desk(fresh="ab", archive="x")

    def meanwhile(request: str) -> None:
        if request == "page archive 0" and desk.playlists.reads.count(request) == 1:
            desk.playlists.someone_adds("archive", "b")

    desk.playlists.before = meanwhile
    (outcome,) = desk.service.run(config(pair("fresh", "archive"))).outcomes
    assert (letters(outcome.added), outcome.skipped) == ("a", {Reason.ALREADY_THERE: 1})


def test_what_is_kept_of_an_add_says_which_source_had_each_item_first() -> None:
    desk = Desk(one="ab", two="bcd", archive="")
    desk.service.run(config(pair("one+two", "archive")))
    (add,) = desk.state.adds(identifier("archive"), since=desk.clock.start)
    one, two = (f"spotify:playlist:{identifier(word)}" for word in ("one", "two"))
    assert [(addition.item, addition.source) for addition in add.additions] == list(
        zip(items("abcd"), (one, one, two, two), strict=True)
    )


@pytest.mark.parametrize("is_plan", [False, True])
def test_what_a_run_left_unclear_is_looked_for_as_the_target_is_now(is_plan: bool) -> None:  # noqa: FBT001 - by name
    """The version that a listing named is from before it may have landed."""
    desk = Desk(fresh="a", archive="x")
    week = config(pair("fresh", "archive"))
    desk.service.run(week)
    desk.playlists.someone_adds("fresh", "b")

    def die(request: str) -> None:
        if request.startswith("append"):
            raise KeyboardInterrupt

    desk.playlists.before = die
    with pytest.raises(KeyboardInterrupt):
        desk.service.run(week)
    desk.playlists.reads.clear()

    def land(request: str) -> None:
        if "archive" in request and desk.playlists.now_in("archive") == "xa":
            desk.playlists.someone_adds("archive", "b")

    desk.playlists.before = land
    (outcome,) = (desk.service.plan if is_plan else desk.service.run)(week).outcomes
    assert letters(outcome.added) == "b"
    assert desk.playlists.now_in("archive") == "xab"
    assert "list 0" in desk.playlists.reads


# --- what one pair means for the next ---------------------------------------------------------------------------------


def test_outages_are_counted_anew_after_a_good_pair() -> None:
    words = ("one", "two", "three", "four", "five")
    desk = Desk(fresh="a", **dict.fromkeys(words, ""))
    down = {f"head+ {word}" for word in words if word != "two"}
    desk.playlists.before = lambda request: Outage("down") if request in down else None
    report = desk.service.run(config(*(pair("fresh", word) for word in words)))
    assert statuses(report) == ["failed", "added", "failed", "failed", "failed"]


def test_a_source_and_a_target_are_looked_at_by_every_account_that_uses_them() -> None:
    """What one account may read or write, another may not."""
    desk = Desk(fresh="a", archive="", other="")
    pairs = config(pair("fresh", "archive"), pair("fresh", "other", account="other"))
    desk.service.run(pairs)
    assert desk.playlists.reads.count("head+ fresh") == 2

    desk = Desk(fresh="a", second="b", archive="")
    desk.service.run(config(pair("fresh", "archive"), pair("second", "archive", account="other")))
    assert [request for request in desk.playlists.reads if request.startswith("head")] == [
        *("head+ fresh", "head+ archive"),
        *("head+ second", "head archive"),
    ]


def test_what_an_unclear_add_of_one_account_holds_is_sent_by_no_other_account_either() -> None:
    desk = Desk(one="a", two="a", archive="")

    def get_lost(request: str) -> SyncError | None:
        desk.clock.elapsed += 40
        return UnclearAdd("archive") if request.startswith("append") else None

    desk.playlists.before = get_lost
    pairs = config(pair("one", "archive"), pair("two", "archive", account="other"))
    report = desk.service.run(pairs, deadline=4 * 40 + SETTLE)
    assert statuses(report) == ["partial", "partial"]
    assert [request for request in desk.playlists.reads if request.startswith("append")] == ["append archive a"]


def test_every_outcome_carries_its_pair_whatever_became_of_it() -> None:
    one, off, two, three = (pair("fresh", word) for word in ("one", "off", "two", "three"))
    pairs = (one, replace(off, enabled=False), two, three)
    desk = Desk(fresh="a", one="", off="", two="", three="")
    desk.playlists.before = lambda request: QuotaExceeded(60) if request == "head+ one" else None
    report = desk.service.run(config(*pairs), Request(names=(one.name, three.name)))
    assert statuses(report) == ["not-tried", "disabled", "not-selected", "not-tried"]
    assert tuple(outcome.pair for outcome in report.outcomes) == pairs


def test_only_accounts_that_a_run_uses_are_told_of() -> None:
    pairs = config(pair("fresh", "one"), pair("fresh", "two", account="off", enabled=False))
    report = Desk(fresh="a", one="", two="").service.run(pairs)
    assert [sign_in.account for sign_in in report.sign_ins] == ["default"]


def test_an_account_that_could_not_be_opened_is_told_of_by_its_name() -> None:
    desk = Desk(fresh="a", archive="")
    accounts = FakeAccounts(desk.playlists, default=SignInNeeded("default"))
    report = desk.served_by(accounts).run(config(pair("fresh", "archive")))
    assert report.sign_ins == (SignIn(account="default"),)


def test_what_the_config_had_to_say_is_told_with_the_report() -> None:
    problem = Problem(file="config.yaml", line=1, column=1, path="$.pairs[0]", message="a pair of one playlist")
    pairs = replace(config(pair("fresh", "archive")), warnings=(problem,))
    assert Desk(fresh="a", archive="").service.run(pairs).warnings == (str(problem),)


def test_a_run_goes_by_one_name_in_its_report_its_lock_and_its_record() -> None:
    desk = Desk(fresh="a", archive="")
    report = desk.service.run(config(pair("fresh", "archive")))
    (add,) = desk.state.adds(identifier("archive"), since=desk.clock.start)
    assert desk.state.locks == [(report.run_id, LEASE)]
    assert (add.run_id, add.id) == (report.run_id, f"{report.run_id}/000001")


def test_a_lock_is_measured_from_now_to_the_deadline_wherever_the_monotonic_clock_stands() -> None:
    desk = Desk(fresh="a", archive="")
    desk.clock.elapsed = 500
    desk.service.run(config(pair("fresh", "archive")), deadline=800)
    assert [seconds for _, seconds in desk.state.locks] == [300 + LEASE_BEYOND_DEADLINE]


def test_a_report_counts_the_requests_of_its_run() -> None:
    desk = Desk(fresh="a", archive="")

    def connect(account: Account, budget: Budget) -> Connection:
        budget.requests.update(spotify=3, accounts=2)
        return FakeAccounts(desk.playlists)(account, budget)

    report = desk.served_by(connect).run(config(pair("fresh", "archive")))
    assert report.requests == {"spotify": 3, "accounts": 2}


def test_a_target_that_fills_up_is_told_with_its_room_and_its_limit() -> None:
    desk = Desk(fresh="ab", archive=[str(number) for number in range(MAX_ITEMS - 1)])
    error = desk.service.run(config(pair("fresh", "archive"))).outcomes[0].error
    assert error
    assert error.message == str(TargetFull(f"spotify:playlist:{identifier('archive')}", room=1, limit=MAX_ITEMS))


# --- the log ----------------------------------------------------------------------------------------------------------


def test_a_run_logs_one_line_at_its_start_and_one_per_pair(caplog: pytest.LogCaptureFixture) -> None:
    pairs = config(pair("fresh", "one"), pair("fresh", "two", enabled=False))
    with caplog.at_level(logging.INFO):
        report = Desk(fresh="ab", one="", two="").service.run(pairs)
    started, of_pair = (vars(record) for record in caplog.records)
    assert (started["msg"], started["run_id"]) == ("run started", report.run_id)
    assert [of_pair[fact] for fact in ("msg", "pair", "status", "added")] == ["pair", "fresh-to-one", "added", 2]


def test_a_mistake_of_ours_is_logged_with_its_run_and_its_pair(caplog: pytest.LogCaptureFixture) -> None:
    desk = Desk(fresh="ab", one="")

    def stumble(_request: str) -> None:
        raise ZeroDivisionError

    desk.playlists.before = stumble
    with caplog.at_level(logging.ERROR):
        report = desk.service.run(config(pair("fresh", "one")))
    (logged,) = caplog.records
    assert logged.getMessage() == f"bug {report.run_id}/fresh-to-one"
    assert vars(logged)["pair"] == "fresh-to-one"
