"""Runs that many workers do: everything once, one report, and no request more than one process would make."""

import json
import random
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from syncer.cache import Cache, Index, Mark, Turn
from syncer.errors import AwsDenied, Code, Locked, SignInNeeded, Temporary
from syncer.fleet import Head, Rows, Task, message
from syncer.ids import PlaylistId
from syncer.model import NewTarget, Pair, Reason, Removed, Rhythm
from syncer.part import PartOfState
from tests.fakes import FakePlaylists, MemoryFleet, identifier, letters, pair
from tests.fleets import HOUR, Fleet, Killed, codes, statuses

MINUTES = 60.0


def three_pairs() -> Fleet:
    """Return a fleet of three groups, one of which has nothing to do."""
    playlists = FakePlaylists(a="abc", x="", b="de", y="d", c="f", z="f")
    return Fleet(playlists, pair("a", "x"), pair("b", "y"), pair("c", "z"))


def two_accounts() -> tuple[Fleet, FakePlaylists]:
    """Return a fleet with two pairs of its own and one of a friend, and what the friend has."""
    fleet = Fleet(
        FakePlaylists(a="a", x="", b="b", y=""), pair("a", "x"), pair("b", "y"), pair("c", "z", account="friend")
    )
    fleet.accounts.own["friend"] = friends = FakePlaylists(c="c", z="")
    return fleet, friends


def one_group() -> Fleet:
    """Return a fleet of three pairs with one target."""
    playlists = FakePlaylists(a="ab", b="cd", c="ef", t="")
    return Fleet(playlists, pair("a", "t"), pair("b", "t"), pair("c", "t"))


def held(fleet: Fleet, *words: str) -> list[str]:
    return [fleet.playlists.now_in(word) for word in words]


def names(fleet: Fleet) -> list[tuple[str, ...]]:
    """Return the names of the pairs of each group of the run under way, in the order of their messages."""
    found = []
    for body in fleet.groups:
        told = json.loads(body)
        task = Rows(fleet.state, told["run"]).task(told["group"])
        assert task
        found.append(task.names)
    return found


# --- a run ------------------------------------------------------------------------------------------------------------


def test_pairs_are_done_by_workers_and_reported_once() -> None:
    fleet = three_pairs()

    first = fleet.run()

    assert held(fleet, "x", "y", "z") == ["abc", "de", "f"]
    assert statuses(first) == {"a-to-x": "added", "b-to-y": "added", "c-to-z": "unchanged"}
    assert (first["added"], first["exit_code"], first["ok"], first["error"]) == (4, 0, True, None)
    assert [item["name"] for item in first["pairs"][0]["items"]] == ["a", "b", "c"]
    assert Cache(fleet.state).report() == first

    second = fleet.run()

    assert set(statuses(second).values()) == {"unchanged"}
    assert second["run_id"] != first["run_id"]
    assert not fleet.state.shared


def test_what_is_dispatched_tells_how_much_is_left_to_workers() -> None:
    fleet = three_pairs()
    answer = fleet.dispatch()
    (run_id,) = {json.loads(body)["run"] for body, _ in fleet.messages.sent}
    started = f"{fleet.clock.now():%Y-%m-%dT%H:%M:%SZ}"
    assert answer == {"run_id": run_id, "started_at": started, "pairs": 3, "waiting": 3, "groups": 3}


def test_pairs_that_touch_each_other_are_one_workers() -> None:
    fleet = one_group()
    assert fleet.dispatch()["groups"] == 1
    assert names(fleet) == [("a-to-t", "b-to-t", "c-to-t")]
    fleet.deliver()
    assert held(fleet, "t") == ["abcdef"]


# --- what the dispatcher sees at a glance -----------------------------------------------------------------------------


def test_what_is_idle_is_told_by_the_dispatcher_and_takes_no_worker() -> None:
    fleet = three_pairs()
    fleet.run()
    fleet.playlists.someone_adds("a", "q")
    fleet.playlists.reads.clear()

    fleet.clock.elapsed += HOUR
    answer = fleet.dispatch()

    assert (answer["groups"], answer["waiting"], answer["pairs"]) == (1, 1, 3)
    assert names(fleet) == [("a-to-x",)]
    assert fleet.playlists.reads == ["list 0"]
    fleet.deliver()
    assert fleet.playlists.now_in("x") == "abcq"
    assert statuses(fleet.reports[-1]) == {"a-to-x": "added", "b-to-y": "unchanged", "c-to-z": "unchanged"}


def test_a_worker_asks_for_nothing_that_the_dispatcher_has_seen() -> None:
    """It reads what has news, and looks at the target, as the process that does all of it would."""
    fleet = three_pairs()
    fleet.run()
    fleet.playlists.someone_adds("a", "q")
    fleet.playlists.reads.clear()
    fleet.run()
    assert not [request for request in fleet.playlists.reads[1:] if request.startswith("list")]
    assert len(fleet.playlists.reads) <= 6


def test_where_all_is_idle_no_worker_is_needed() -> None:
    fleet = three_pairs()
    fleet.run()
    fleet.playlists.reads.clear()

    fleet.clock.elapsed += HOUR
    answer = fleet.dispatch()

    assert answer == fleet.reports[-1]
    assert set(statuses(answer).values()) == {"unchanged"}
    assert (answer["exit_code"], fleet.messages.sent) == (0, [])
    assert fleet.playlists.reads == ["list 0"]
    assert not fleet.state.shared


def test_an_account_that_one_group_alone_needs_is_left_to_its_worker() -> None:
    fleet, friends = two_accounts()
    fleet.run()
    fleet.accounts.opened.clear()
    friends.reads.clear()

    fleet.clock.elapsed += HOUR
    fleet.dispatch()

    assert (fleet.accounts.opened, friends.reads) == (["default"], [])
    assert names(fleet) == [("c-to-z",)]
    fleet.deliver()
    assert statuses(fleet.reports[-1]) == {"a-to-x": "unchanged", "b-to-y": "unchanged", "c-to-z": "unchanged"}


def test_what_goes_wrong_at_a_glance_is_left_to_the_workers() -> None:
    fleet = three_pairs()
    fleet.run()
    fleet.asked = lambda request: Temporary("down") if request.startswith("list") else None
    fleet.clock.elapsed += HOUR

    assert fleet.dispatch()["groups"] == 3

    fleet.asked = lambda _request: None
    fleet.deliver()
    assert set(statuses(fleet.reports[-1]).values()) == {"unchanged"}


def test_a_bug_in_a_glance_is_logged_and_left_to_the_workers(caplog: pytest.LogCaptureFixture) -> None:
    fleet = three_pairs()
    fleet.run()

    def fail(request: str) -> None:
        raise ZeroDivisionError(request)

    fleet.asked = fail
    fleet.clock.elapsed += HOUR

    assert fleet.dispatch()["groups"] == 3
    assert "bug in a glance" in caplog.text


def test_a_glance_ends_with_the_time_for_it() -> None:
    """Half of what the dispatcher has is left to tell the workers in."""
    fleet = three_pairs()
    fleet.run()
    fleet.takes = 400.0
    fleet.playlists.reads.clear()
    fleet.clock.elapsed += HOUR

    assert fleet.dispatch()["groups"] == 2

    assert fleet.playlists.reads == ["list 0"]


def test_what_the_dispatcher_saw_is_not_believed_for_long() -> None:
    """A worker that comes late looks for itself."""
    fleet = three_pairs()
    fleet.run()
    fleet.playlists.someone_adds("a", "q")
    fleet.clock.elapsed += HOUR
    fleet.dispatch()
    fleet.playlists.someone_adds("a", "r")
    fleet.clock.elapsed += 15 * MINUTES
    fleet.deliver()
    assert held(fleet, "x") == ["abcqr"]


def test_pairs_that_take_no_turn_are_in_no_group() -> None:
    fleet = three_pairs()
    first, second, third = fleet.config.pairs
    weekly = replace(second, rhythm=Rhythm(every=timedelta(days=7)))
    fleet.config = replace(fleet.config, pairs=(replace(first, enabled=False), weekly, third))

    assert statuses(fleet.run()) == {"a-to-x": "disabled", "b-to-y": "added", "c-to-z": "unchanged"}
    fleet.playlists.someone_adds("b", "q")
    assert statuses(fleet.run()) == {"a-to-x": "disabled", "b-to-y": "not-due", "c-to-z": "unchanged"}
    assert statuses(fleet.run(hours=7 * 24))["b-to-y"] == "added"
    assert held(fleet, "x", "y") == ["", "deq"]


# --- what is remembered from run to run -------------------------------------------------------------------------------


def test_what_workers_remember_is_kept_for_later_runs() -> None:
    fleet = three_pairs()
    first, *others = fleet.config.pairs
    fleet.config = replace(fleet.config, pairs=(replace(first, rhythm=Rhythm(every=timedelta(hours=1))), *others))

    fleet.run()
    fleet.run()

    index = Cache(fleet.state).index()
    assert set(index.marks) == {"a-to-x", "b-to-y", "c-to-z"}
    assert list(index.turns) == ["a-to-x"]
    assert index.turns["a-to-x"].at == fleet.clock.now()
    assert index.libraries == {"default": 6}


def test_what_is_no_longer_so_is_forgotten() -> None:
    fleet = three_pairs()
    fleet.run()
    fleet.playlists.someone_adds("a", "q")
    fleet.asked = lambda request: Temporary("down") if request.startswith("append") else None

    assert statuses(fleet.run())["a-to-x"] == "failed"

    assert set(Cache(fleet.state).index().marks) == {"b-to-y", "c-to-z"}


def test_what_the_accounts_said_is_gathered() -> None:
    fleet, _ = two_accounts()
    fleet.accounts.warnings.append("look here")

    report = fleet.run()

    assert report["warnings"] == ["look here"]
    assert [(one["name"], one["days_left"]) for one in report["accounts"]] == [("default", 160), ("friend", 160)]
    assert report["accounts"][0]["requests_today"] > 0


def test_an_account_that_needs_a_sign_in_ends_its_own_pairs_alone() -> None:
    playlists = FakePlaylists(a="a", x="", b="b", y="", c="c", z="")
    pairs = pair("a", "x"), pair("b", "y", account="friend"), pair("c", "z", account="friend")
    fleet = Fleet(playlists, *pairs, friend=SignInNeeded("friend"))

    report = fleet.run()

    assert statuses(report) == {"a-to-x": "added", "b-to-y": "failed", "c-to-z": "failed"}
    assert codes(report) == {"b-to-y": "sign-in-needed", "c-to-z": "sign-in-needed"}
    assert report["exit_code"] == 3


# --- one run at a time ------------------------------------------------------------------------------------------------


def test_another_run_is_turned_away_until_the_last_group_is_done() -> None:
    fleet = three_pairs()
    fleet.dispatch()
    with pytest.raises(Locked):
        fleet.dispatch()
    with fleet.service(fleet.state) as service:
        report = service.run(fleet.config)
    assert report.error
    assert report.error.code is Code.LOCKED

    fleet.deliver()

    assert len(fleet.reports) == 1
    with fleet.service(fleet.state) as service:
        assert not service.run(fleet.config).error


def test_a_fleet_is_turned_away_while_one_process_does_a_run() -> None:
    fleet = three_pairs()
    with fleet.state.lock("mine", now=fleet.clock.now(), until=fleet.clock.now() + timedelta(hours=1)):
        with pytest.raises(Locked):
            fleet.dispatch()
        assert not fleet.messages.sent
        assert not fleet.state.shared
    assert fleet.run()["exit_code"] == 0


def test_a_run_whose_time_is_over_is_closed_by_the_next() -> None:
    fleet = three_pairs()
    fleet.dispatch()
    first = list(fleet.messages.sent)
    fleet.work(first[2][0])
    fleet.messages.sent.clear()
    fleet.playlists.reads.clear()

    fleet.clock.elapsed += HOUR
    fleet.dispatch()

    (report,) = fleet.reports
    assert statuses(report) == {"a-to-x": "not-tried", "b-to-y": "added", "c-to-z": "not-tried"}
    assert codes(report) == {"a-to-x": "out-of-time", "c-to-z": "out-of-time"}
    assert fleet.state.resume_at() == "a-to-x"
    fleet.playlists.reads.clear()
    for body, _ in first:  # they come late
        fleet.work(body)
    assert not fleet.playlists.reads
    assert len(fleet.reports) == 1
    fleet.deliver()
    assert len(fleet.reports) == 2
    assert held(fleet, "x", "y", "z") == ["abc", "de", "f"]


def test_a_message_that_comes_once_the_time_is_over_closes_the_run() -> None:
    fleet = three_pairs()
    fleet.dispatch()
    fleet.clock.elapsed += HOUR
    fleet.work(fleet.groups[0])
    assert set(statuses(fleet.reports[0]).values()) == {"not-tried"}
    assert not fleet.state.shared


def test_a_run_that_two_would_close_at_once_is_told_once() -> None:
    fleet = one_group()
    run_id = fleet.dispatch()["run_id"]
    closing: list[str] = []

    def second(call: str) -> None:
        if call.startswith("swap runs") and not closing:
            closing.append(call)
            fleet.work(message(run_id))

    fleet.state.before = second
    fleet.deliver()

    assert closing
    assert [report["run_id"] for report in fleet.reports] == [run_id]
    assert not fleet.state.shared


def test_nothing_of_a_run_is_cleared_away_while_another_closes_it() -> None:
    fleet = one_group()
    run_id = fleet.dispatch()["run_id"]
    calls: list[str] = []

    def faster(call: str) -> None:
        calls.append(call.partition(" 2026")[0].partition("/")[0])
        if calls.count("swap runs") == 1 and calls[-1] == "swap runs":
            with suppress(Killed):
                fleet.work(message(run_id))
        elif calls.count("all glance") == 1 and calls[-1] == "all glance":
            raise Killed

    fleet.state.before = faster
    fleet.deliver()

    assert [report["added"] for report in fleet.reports] == [6]


def test_who_closes_a_run_is_left_alone_with_it_for_a_while() -> None:
    """Then it is taken to be dead, and somebody else does it."""
    fleet = one_group()
    run_id = fleet.dispatch()["run_id"]

    def die(call: str) -> None:
        if call.startswith("all glance") and not fleet.closed_until:
            fleet.closed_until = 1.0
            raise Killed

    fleet.at_each_step(die)
    with pytest.raises(Killed), fleet.process():
        fleet.work(fleet.groups[0])
    fleet.work(message(run_id))
    assert not fleet.reports

    fleet.clock.elapsed += 2 * MINUTES
    fleet.work(message(run_id))

    assert statuses(fleet.reports[0]) == {"a-to-t": "added", "b-to-t": "added", "c-to-t": "added"}
    assert not fleet.state.shared


def test_what_a_worker_keeps_of_a_run_that_is_closed_is_cleared_away() -> None:
    fleet = three_pairs()
    fleet.dispatch()

    def close(call: str) -> None:
        if call.startswith("put parts") and not fleet.reports:
            fleet.clock.elapsed += HOUR
            fleet.closer().close_what_is_over()
            assert fleet.reports

    fleet.state.before = close
    fleet.deliver()

    assert len(fleet.reports) == 1
    assert not fleet.state.shared


def test_a_run_begins_with_the_pair_that_the_last_one_did_not_reach() -> None:
    fleet = three_pairs()
    fleet.dispatch()
    for body in fleet.groups[:1]:
        fleet.work(body)
    fleet.messages.sent.clear()
    fleet.clock.elapsed += HOUR
    fleet.playlists.someone_adds("a", "q")

    fleet.dispatch()

    assert names(fleet) == [("b-to-y",), ("c-to-z",), ("a-to-x",)]
    fleet.work(fleet.groups[0])
    fleet.messages.sent.clear()
    fleet.clock.elapsed += HOUR
    fleet.dispatch()
    assert [report["pairs"][0]["name"] for report in fleet.reports] == ["a-to-x", "a-to-x"]
    assert names(fleet)[0] == ("c-to-z",)
    fleet.deliver()
    assert fleet.state.resume_at() is None


# --- messages that come twice -----------------------------------------------------------------------------------------


def test_a_group_that_is_done_is_not_done_again() -> None:
    fleet = three_pairs()
    fleet.dispatch()
    first = fleet.groups[0]
    fleet.work(first)
    fleet.playlists.reads.clear()
    fleet.work(first, attempt=2)
    assert not fleet.playlists.reads
    fleet.deliver()
    assert len(fleet.reports) == 1


def test_a_group_that_is_being_done_is_put_off() -> None:
    fleet = one_group()
    fleet.dispatch()
    (body,) = fleet.groups
    seen: list[str] = []

    def second(request: str) -> None:
        if request.startswith("append") and not seen:
            seen.append(request)
            fleet.work(body, attempt=2)
            assert fleet.messages.sent[-1] == (body, 60.0)

    fleet.asked = second
    fleet.deliver()

    assert seen
    assert held(fleet, "t") == ["abcdef"]
    (report,) = fleet.reports
    assert report["added"] == 6


def test_a_group_whose_worker_is_at_its_end_is_left_to_it() -> None:
    """Only that worker knows what is to be remembered."""
    fleet = one_group()
    fleet.dispatch()
    (body,) = fleet.groups

    def second(call: str) -> None:
        if call.startswith("put left"):
            fleet.work(body, attempt=2)
            assert fleet.messages.sent[-1] == (body, 60.0)

    fleet.state.before = second
    fleet.deliver()

    assert len(fleet.reports) == 1
    assert len(Cache(fleet.state).index().marks) == 3


# --- a worker's time is over ------------------------------------------------------------------------------------------


def test_what_one_worker_has_no_time_for_is_left_to_another() -> None:
    fleet = one_group()
    fleet.takes = 100.0

    report = fleet.run()

    assert held(fleet, "t") == ["abcdef"]
    assert set(statuses(report).values()) == {"added"}
    assert len(Cache(fleet.state).index().marks) == 3


def test_a_pair_that_takes_longer_than_a_worker_has_gets_as_far_as_it_does() -> None:
    """It has had its turn: in this run it is not tried again, and the others come first in the next."""
    many = [str(number) for number in range(1, 251)]
    fleet = Fleet(FakePlaylists(a=many, b="b", t=""), pair("a", "t"), pair("b", "t"))
    fleet.takes = 60.0

    report = fleet.run()

    assert statuses(report) == {"a-to-t": "partial", "b-to-t": "not-tried"}
    assert set(codes(report).values()) == {"out-of-time"}
    assert 0 < report["added"] < 250
    assert report["pairs"][0]["deferred"] == 250 - report["added"]
    assert fleet.state.resume_at() == "b-to-t"
    assert statuses(fleet.run())["b-to-t"] == "added"
    fleet.run()
    assert [one.name for one in fleet.playlists.held[identifier("t")] if one.name != "b"] == many


# --- Spotify asks to be left alone ------------------------------------------------------------------------------------


@pytest.mark.parametrize("begun", [False, True])
def test_a_group_goes_on_once_spotify_listens_again(begun: bool) -> None:  # noqa: FBT001 - pytest passes it by name
    """For some minutes of silence nothing is lost: the message is sent anew, and comes when they are over."""
    fleet = one_group()
    fleet.dispatch()
    (body,) = fleet.groups

    def close(request: str) -> None:
        if not fleet.closed_until and (not begun or request == "append t cd"):
            fleet.closed_until = fleet.clock.monotonic() + 300

    fleet.asked = close
    fleet.work(body)

    assert not fleet.reports
    again, delay = fleet.messages.sent[-1]
    assert again == body
    assert 300 < delay <= 305
    assert held(fleet, "t") == ["ab" if begun else ""]
    fleet.messages.sent.remove((body, 0))  # it was done with, if only to be put off
    fleet.deliver()
    (report,) = fleet.reports
    assert held(fleet, "t") == ["abcdef"]
    assert statuses(report) == {"a-to-t": "added", "b-to-t": "added", "c-to-t": "added"}
    assert report["added"] == 6
    assert report["finished_at"] <= "2026-11-22T06:06:00Z"


def test_a_group_that_cannot_go_on_in_this_run_is_left_to_the_next() -> None:
    fleet = three_pairs()
    fleet.closed_until = 3 * HOUR

    report = fleet.run()

    assert set(statuses(report).values()) == {"not-tried"}
    assert set(codes(report).values()) == {"rate-limited"}
    assert report["exit_code"] == 5
    assert fleet.state.resume_at() == "a-to-x"
    assert statuses(fleet.run(hours=3)) == {"a-to-x": "added", "b-to-y": "added", "c-to-z": "unchanged"}


def test_the_dispatcher_asks_for_nothing_while_spotify_wants_to_hear_nothing() -> None:
    fleet = three_pairs()
    fleet.run()
    fleet.closed_until = 10 * HOUR
    fleet.run()
    fleet.playlists.reads.clear()
    fleet.clock.elapsed += HOUR
    fleet.dispatch()
    assert not fleet.playlists.reads


def test_where_the_day_is_spent_pairs_are_left_to_the_next() -> None:
    fleet = three_pairs()
    fleet.config = replace(
        fleet.config, accounts=tuple(replace(one, daily_requests=1) for one in fleet.config.accounts)
    )
    fleet.run()
    fleet.playlists.someone_adds("a", "q")
    report = fleet.run()
    assert set(codes(report).values()) == {"quota-exceeded"}
    assert set(statuses(report).values()) == {"not-tried"}
    assert fleet.state.resume_at() == "a-to-x"


# --- targets that are made, and what is kept of them ------------------------------------------------------------------


def archive(sources: str, **options: object) -> Pair:
    """Return the pair of these sources and the archive of the year, which is made."""
    return replace(
        pair(sources, "archive", **options), target=PlaylistId(""), create=NewTarget(pattern="Archive {year}")
    )


def test_a_target_is_made_once_for_all_pairs_that_want_it() -> None:
    playlists = FakePlaylists(a="abc", b="cde", c="f", t="")
    fleet = Fleet(playlists, archive("a"), pair("c", "t"), archive("b"))

    first = fleet.run()

    made = identifier("Archive-2026")
    assert letters(playlists.held[made]) == "abcde"
    assert [one["target"] for one in first["pairs"]][::2] == [f"spotify:playlist:{made}"] * 2
    assert set(statuses(fleet.run()).values()) == {"unchanged"}
    assert len([request for request in playlists.reads if request.startswith("create")]) == 1


def test_a_target_that_is_full_is_followed_by_another() -> None:
    playlists = FakePlaylists(a="abcdef")
    fleet = Fleet(playlists, replace(archive("a"), roll_over=True))
    fleet.limit = 4

    assert fleet.run()["added"] == 6

    assert letters(playlists.held[identifier("Archive-2026")]) == "abcd"
    assert letters(playlists.held[identifier("Archive-2026-2")]) == "ef"
    assert statuses(fleet.run()) == {"a-to-archive": "unchanged"}


def test_what_was_added_to_a_target_that_was_made_is_told_though_its_worker_died() -> None:
    """The next one may not even get as far as to look at it."""
    playlists = FakePlaylists(a="abc")
    fleet = Fleet(playlists, archive("a"))
    fleet.dispatch()

    def die(call: str) -> None:
        if call.startswith("put parts") and not fleet.closed_until:
            fleet.closed_until = 10 * HOUR
            raise Killed

    fleet.at_each_step(die)
    fleet.deliver()

    (report,) = fleet.reports
    assert (report["added"], statuses(report), codes(report)) == (
        3,
        {"a-to-archive": "partial"},
        {"a-to-archive": "rate-limited"},
    )


def test_what_was_taken_out_stays_out() -> None:
    playlists = FakePlaylists(a="abc", t="", b="b", u="")
    fleet = Fleet(playlists, pair("a", "t", removed=Removed.STAY_OUT), pair("b", "u"))
    fleet.run()
    del playlists.held[identifier("t")][1]
    playlists.someone_adds("a", "d")
    fleet.run()
    assert held(fleet, "t") == ["acd"]


def test_what_an_account_hears_is_written_down_once() -> None:
    playlists = FakePlaylists(t="", u="", a="a", v="")
    fleet = Fleet(playlists, pair("recently_played", "t"), pair("recently_played", "u"), pair("a", "v"))
    playlists.someone_hears("kl", at=fleet.clock.now())

    fleet.dispatch()

    assert len(names(fleet)) == 2
    fleet.deliver()
    playlists.heard.clear()
    fleet.run()
    assert held(fleet, "t", "u") == ["kl", "kl"]


def test_a_worker_sees_the_whole_record() -> None:
    fleet = three_pairs()
    fleet.run()
    seen = PartOfState(fleet.state, index=Index(), targets=(), worker="me", taken=lambda _until: None)
    assert [*seen.record()] == [*fleet.state.record()]
    assert seen.resume_at() is None


# --- what is kept of a run --------------------------------------------------------------------------------------------

moments = st.datetimes(timezones=st.just(UTC))
words = st.text(min_size=1, max_size=5)
heads = st.builds(
    Head,
    run_id=words,
    at=moments,
    until=moments,
    begun=st.booleans(),
    groups=st.integers(0, 99),
    first=st.none() | words,
    claimed=st.none() | moments,
    claimant=words,
)
marks = st.builds(
    Mark,
    route=words,
    sources=st.tuples(words),
    targets=st.tuples(words),
    seen_at=moments,
    until=moments,
    skipped=st.dictionaries(st.sampled_from(list(Reason)), st.integers(0, 9)),
)
indexes = st.builds(
    Index,
    marks=st.dictionaries(words, marks, max_size=2),
    libraries=st.dictionaries(words, st.integers(0, 99)),
    turns=st.dictionaries(words, st.builds(Turn, pair=words, at=moments)),
)
tasks = st.builds(
    Task,
    names=st.lists(words).map(tuple),
    index=indexes,
    versions=st.dictionaries(words, st.dictionaries(words.map(identifier), words)),
    attempt=st.integers(0, 9),
    until=st.none() | moments,
    resumed=st.booleans(),
)


@given(head=heads, task=tasks)
def test_what_is_kept_is_what_it_was(head: Head, task: Task) -> None:
    assert Head.decode(head.encode()) == head
    assert Task.decode(task.encode()) == task
    rows = Rows(MemoryFleet(), "run")
    rows.keep_task(7, task)
    assert rows.tasks() == {7: rows.task(7)} == {7: task}


def test_a_task_that_is_too_large_is_kept_without_what_only_saves_requests() -> None:
    chance = random.Random(1)  # noqa: S311 - what cannot be packed
    versions = {identifier(str(number)): f"{chance.getrandbits(256):x}" for number in range(8000)}
    task = Task(names=("a",), index=Index(libraries={"me": 1}), versions={"me": versions}, attempt=2, resumed=True)
    rows = Rows(MemoryFleet(), "run")

    rows.keep_task(1, task)

    assert rows.task(1) == replace(task, index=Index(), versions={})


def test_a_report_of_any_length_is_kept() -> None:
    chance = random.Random(1)  # noqa: S311 - what cannot be packed
    report = {"pairs": [f"{chance.getrandbits(256):x}" for _ in range(20_000)]}
    rows = Rows(MemoryFleet(), "run")
    assert rows.glance() is None

    rows.keep_glance(report)

    assert rows.glance() == report
    rows.drop()
    assert rows.glance() is None


def test_accounts_take_turns_and_each_keeps_its_order() -> None:
    """Each has an app of its own: workers that are all at one of them would wait for its gate."""
    playlists = FakePlaylists(a="a", v="", b="b", w="", c="c", x="", d="d", y="")
    hers = pair("d", "y", account="anna")
    fleet = Fleet(playlists, pair("a", "v"), pair("b", "w"), pair("c", "x"), hers)

    answer = fleet.dispatch()

    tasks = Rows(fleet.state, answer["run_id"]).tasks()
    assert [task.names for task in tasks.values()] == [("a-to-v",), ("d-to-y",), ("b-to-w",), ("c-to-x",)]


def test_a_queue_that_takes_nothing_leaves_nothing_behind() -> None:
    """The next run, as soon as there is one, begins as if this one had never been."""
    fleet = three_pairs()
    fleet.messages.before = lambda _body: AwsDenied("AWS does not allow sqs:SendMessage on Groups", hint="allow it")

    with pytest.raises(AwsDenied):
        fleet.dispatch()

    assert not fleet.state.shared
    fleet.messages.before = lambda _body: None
    fleet.clock.elapsed += 1
    assert fleet.run(hours=0)["ok"]
