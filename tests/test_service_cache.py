"""What a run knows from the runs before it: it asks for no more than has changed, and for no more than a day allows."""

from collections.abc import Callable, Sequence
from dataclasses import replace

import pytest

from syncer.cache import Cache
from syncer.errors import Code, StateUnusable, SyncError, TargetNotWritable, UnclearAdd
from syncer.model import Config, Pair, Report
from syncer.report import as_json, exit_code
from tests.fakes import FakeClock, FakePlaylists, FakeWatch, MemoryState, config, identifier, items, letters, pair, uri
from tests.running import codes, service, statuses

HOUR = 3600.0


def numbered(count: int, start: int = 0) -> list[str]:
    return [str(number) for number in range(start, start + count)]


class Desk:
    """A service that runs again and again, each time as a new process. ``reads`` are the requests of the last run."""

    def __init__(self, *, liked: Sequence[str] = "", **held: Sequence[str]) -> None:
        self.playlists = FakePlaylists(liked=liked, **held)
        self.state = MemoryState()
        self.clock = FakeClock()
        self.watch = FakeWatch()

    def run(self, *pairs: Pair, daily: int | None = None) -> Report:
        """Run *pairs*, where *daily* requests are allowed."""
        self.playlists.reads.clear()
        self.watch = FakeWatch()
        runner = service(self.playlists, state=self.state, clock=self.clock, watch=self.watch)
        return runner.run(allowed(config(*pairs), daily))

    def plan(self, *pairs: Pair) -> Report:
        self.playlists.reads.clear()
        return service(self.playlists, state=self.state, clock=self.clock).plan(config(*pairs))

    @property
    def reads(self) -> list[str]:
        return self.playlists.reads

    @property
    def tried(self) -> list[str]:
        """The pairs that the last run began, in the order it did."""
        return [seen.split()[1] for seen in self.watch.seen if seen.startswith("start")]


def allowed(asked: Config, daily: int | None) -> Config:
    return replace(asked, accounts=tuple(replace(one, daily_requests=daily) for one in asked.accounts))


def skipped(report: Report) -> list[dict[str, int]]:
    return [told["skipped"] for told in as_json(report)["pairs"]]


# --- nothing is read twice --------------------------------------------------------------------------------------------


def test_an_idle_run_of_twenty_pairs_costs_one_request_and_tells_what_it_would_without_a_cache() -> None:
    sources = {f"s{number}": "ab.bd" for number in range(1, 20)}
    desk = Desk(s0="ab.cbd", **sources, **{f"t{number}": "da" for number in range(20)})
    desk.playlists.bad = {uri("c")}
    pairs = [pair(f"s{number}", f"t{number}") for number in range(20)]
    assert exit_code(desk.run(*pairs)) == 0

    idle = desk.run(*pairs)

    assert desk.reads == ["list 0"]
    assert statuses(idle) == ["unchanged"] * 20
    assert skipped(idle)[:2] == [
        {"already-there": 4, "unavailable": 1, "rejected": 1},
        {"already-there": 4, "unavailable": 1},
    ]
    assert skipped(idle) == skipped(service(desk.playlists).run(config(*pairs)))


def test_thirty_news_for_a_large_target_cost_five_requests_and_the_idle_run_after_them_one() -> None:
    desk = Desk(fresh=numbered(30), archive=numbered(2000, start=5000))
    week = pair("fresh", "archive")
    desk.run(week)
    desk.playlists.held[identifier("fresh")] = list(items(numbered(30, start=30)))

    report = desk.run(week)

    assert [request.split()[0] for request in desk.reads] == ["list", "head+", "page", "append", "page"]
    assert report.outcomes[0].added == items(numbered(30, start=30))
    assert desk.playlists.held[identifier("archive")][2000:] == [*items(numbered(60))]

    assert statuses(desk.run(week)) == ["unchanged"]
    assert desk.reads == ["list 0"]


def test_news_for_one_pair_of_many_leave_the_others_unread() -> None:
    desk = Desk(**{f"s{number}": "ab" for number in range(20)}, **{f"t{number}": "" for number in range(20)})
    pairs = [pair(f"s{number}", f"t{number}") for number in range(20)]
    desk.run(*pairs)
    desk.playlists.someone_adds("s7", "c")

    report = desk.run(*pairs)

    assert letters([one for outcome in report.outcomes for one in outcome.added]) == "c"
    assert desk.reads == ["list 0", "head+ s7", "page t7 1", "append t7 c", "page t7 1"]


def test_what_a_person_takes_out_of_a_listed_target_comes_back_with_the_next_run() -> None:
    desk = Desk(fresh="ab", archive="x")
    desk.run(pair("fresh", "archive"))
    desk.playlists.held[identifier("archive")].pop()
    desk.clock.elapsed += HOUR

    assert letters(desk.run(pair("fresh", "archive")).outcomes[0].added) == "b"
    assert desk.playlists.now_in("archive") == "xab"


def test_news_of_the_liked_songs_are_seen_on_their_first_page() -> None:
    desk = Desk(liked="abc", archive="")
    liked = pair("liked", "archive")
    desk.run(liked)
    assert statuses(desk.run(liked)) == ["unchanged"]
    assert desk.reads == ["liked 0"]
    desk.playlists.liked = "dabc"

    assert letters(desk.run(liked).outcomes[0].added) == "d"
    assert desk.reads == ["liked 0", "head+ archive", "page archive 2", "append archive d", "page archive 2"]


def test_a_chain_is_idle_in_the_run_after_it_grew() -> None:
    desk = Desk(one="ab", two="c", three="")
    pairs = (pair("one", "two"), pair("two", "three"))
    desk.run(*pairs)

    assert statuses(desk.run(*pairs)) == ["unchanged"] * 2
    assert desk.reads == ["list 0"]
    assert desk.playlists.now_in("three") == "cab"


def test_a_pair_that_reads_elsewhere_now_is_another_pair() -> None:
    desk = Desk(one="a", two="b", archive="")
    desk.run(pair("one", "archive"))

    report = desk.run(replace(pair("two", "archive"), name="one-to-archive"))

    assert letters(report.outcomes[0].added) == "b"


def test_a_cache_that_cannot_be_written_costs_requests_and_nothing_else() -> None:
    desk = Desk(fresh="ab", archive="")
    desk.state.before = lambda call: StateUnusable("full", hint="") if call.startswith("cache") else None
    assert exit_code(desk.run(pair("fresh", "archive"))) == 0

    assert statuses(desk.run(pair("fresh", "archive"))) == ["unchanged"]
    assert desk.reads == ["head+ fresh", "head+ archive"]


# --- plans ------------------------------------------------------------------------------------------------------------


def test_a_dry_run_after_a_run_shows_every_skip_item_by_item_though_nothing_is_read_again() -> None:
    desk = Desk(fresh=["1", ".", *numbered(150)], archive=numbered(200, start=100))
    desk.run(pair("fresh", "archive"))

    (outcome,) = desk.plan(pair("fresh", "archive")).outcomes

    assert desk.reads == ["list 0"]
    assert outcome.plan
    assert [skip.item for skip in outcome.plan.skips] == list(items(["1", ".", *numbered(150)]))


def test_a_dry_run_leaves_no_mark_for_the_next_run() -> None:
    desk = Desk(fresh="ab", archive="")
    desk.plan(pair("fresh", "archive"))

    assert letters(desk.run(pair("fresh", "archive")).outcomes[0].added) == "ab"


def test_a_plan_before_the_first_run_leaves_what_it_read_for_the_run() -> None:
    desk = Desk(fresh=numbered(150), archive=numbered(300, start=5000))
    desk.plan(pair("fresh", "archive"))

    report = desk.run(pair("fresh", "archive"))

    assert len(report.outcomes[0].added) == 150
    assert [request.split()[0] for request in desk.reads] == ["head", "head", *["page", "append"] * 2, "page"]
    assert desk.reads[2] == "page archive 299"


# --- what is not settled ----------------------------------------------------------------------------------------------


def refused(request: str) -> SyncError | None:
    return TargetNotWritable("it") if request.startswith("append") else None


def lost(request: str) -> SyncError | None:
    return UnclearAdd("it") if request.startswith("append") else None


@pytest.mark.parametrize(("trouble", "status"), [(refused, "failed"), (lost, "partial")])
def test_a_pair_that_had_trouble_is_looked_at_again(trouble: Callable[[str], SyncError | None], status: str) -> None:
    desk = Desk(fresh="a", archive="")
    desk.run(pair("fresh", "archive"))
    desk.playlists.someone_adds("fresh", "bc")
    desk.playlists.before = trouble
    assert statuses(desk.run(pair("fresh", "archive"))) == [status]
    desk.playlists.before = lambda _request: None

    assert letters(desk.run(pair("fresh", "archive")).outcomes[0].added) == "bc"


def test_a_pair_whose_items_were_rejected_until_no_more_could_be_halved_is_looked_at_again() -> None:
    desk = Desk(fresh=numbered(100), archive="")
    desk.playlists.bad = {uri(name) for name in numbered(100)}
    assert codes(desk.run(pair("fresh", "archive"))) == [Code.UNREADABLE_ANSWER]
    desk.playlists.bad = set()

    assert len(desk.run(pair("fresh", "archive")).outcomes[0].added) == 100


def test_a_pair_with_more_than_it_may_add_is_told_so_every_time() -> None:
    desk = Desk(fresh="abc", archive="x")
    careful = pair("fresh", "archive", max_additions=2)
    for _ in range(2):
        assert codes(desk.run(careful)) == [Code.PLAN_TOO_LARGE]

    assert letters(desk.run(replace(careful, max_additions=3)).outcomes[0].added) == "abc"


def test_an_item_that_was_rejected_is_tried_again_when_something_changes() -> None:
    desk = Desk(fresh="ab", archive="")
    desk.playlists.bad = {uri("a")}
    desk.run(pair("fresh", "archive"))
    desk.playlists.bad = set()
    assert statuses(desk.run(pair("fresh", "archive"))) == ["unchanged"]
    desk.playlists.someone_adds("fresh", "c")

    assert letters(desk.run(pair("fresh", "archive")).outcomes[0].added) == "ac"


def test_a_pair_whose_target_lost_something_while_it_was_added_to_is_looked_at_again() -> None:
    desk = Desk(fresh="bc", archive="ab")

    def take_out(request: str) -> None:
        if request.startswith("page") and desk.reads.count(request) == 1 and not desk.playlists.added:
            desk.playlists.held[identifier("archive")].pop()

    desk.playlists.before = take_out
    assert letters(desk.run(pair("fresh", "archive")).outcomes[0].added) == "c"

    assert letters(desk.run(pair("fresh", "archive")).outcomes[0].added) == "b"
    assert desk.playlists.now_in("archive") == "acb"


# --- a day's requests -------------------------------------------------------------------------------------------------

SIX = [pair(f"s{number}", f"t{number}") for number in range(6)]


def six() -> Desk:
    """Return six pairs with nothing to add, whose sources no listing names: to look at each costs a request."""
    desk = Desk(**{f"s{number}": "a" for number in range(6)}, **{f"t{number}": "a" for number in range(6)})
    desk.playlists.library = []
    return desk


def busy(desk: Desk) -> None:
    """Let there have been a run in each hour of the day before: then a run's share is a fourth of what is left."""
    hour = int(desk.clock.now().timestamp() // HOUR)
    Cache(desk.state).keep_spent("app", {hour - back: (0, 0) for back in range(24)})


def test_a_first_read_over_the_limit_goes_on_with_one_warning() -> None:
    desk = six()

    report = desk.run(*SIX, daily=8)

    assert statuses(report) == ["unchanged"] * 6
    assert len(desk.reads) == 12
    (warning,) = report.warnings
    assert warning.startswith("12 requests to Spotify in 24 hours are more than the 8 ")


def test_pairs_beyond_the_share_of_a_run_are_not_tried_and_come_first_in_the_next() -> None:
    desk = six()
    busy(desk)
    desk.run(*SIX, daily=16)

    first = desk.run(*SIX, daily=16)

    assert desk.reads == ["list 0", "head+ s0", "head+ s1", "head+ s2"]
    assert statuses(first) == ["unchanged"] * 3 + ["not-tried"] * 3
    assert codes(first) == [None] * 3 + [Code.QUOTA_EXCEEDED] * 3
    assert exit_code(first) == 5

    desk.clock.elapsed += 6 * HOUR
    second = desk.run(*SIX, daily=16)

    assert desk.tried[0] == "s3-to-t3"
    assert desk.reads[:3] == ["head+ s3", "head+ s4", "head+ s5"]
    assert statuses(second)[3:] == ["unchanged"] * 3


def test_the_only_run_of_a_day_may_ask_for_all_that_the_day_allows() -> None:
    desk = six()
    desk.run(*SIX, daily=7)
    desk.clock.elapsed += 24 * HOUR

    assert statuses(desk.run(*SIX, daily=13)) == ["unchanged"] * 6
    assert len(desk.reads) == 13
    desk.clock.elapsed += 24 * HOUR
    assert statuses(desk.run(*SIX, daily=13)) == ["unchanged"] * 6


def test_where_the_day_is_spent_nothing_is_asked_until_it_is_over() -> None:
    desk = six()
    for _ in range(9):
        report = desk.run(*SIX, daily=2)
        desk.clock.elapsed += HOUR / 10
    assert desk.reads == []
    assert statuses(report) == ["not-tried"] * 6
    assert exit_code(report) == 5
    assert report.sign_ins[0].requests_left == 0

    desk.clock.elapsed += 24 * HOUR
    assert "unchanged" in statuses(desk.run(*SIX, daily=100))


def test_what_a_run_asked_for_is_missing_from_what_the_next_has_left() -> None:
    desk = six()
    told = [desk.run(*SIX, daily=20).sign_ins[0] for _ in range(3)]
    assert [(one.requests_today, one.requests_left) for one in told] == [(12, 20), (19, 13), (25, 7)]

    desk.clock.elapsed += 24 * HOUR
    (one,) = desk.run(*SIX, daily=20).sign_ins
    assert one.requests_left
    assert one.requests_left > 7


def test_accounts_of_one_app_share_its_day() -> None:
    desk = six()
    busy(desk)
    shared = [replace(one, account=f"a{place % 2}") for place, one in enumerate(SIX)]
    desk.run(*shared, daily=16)

    report = desk.run(*shared, daily=16)

    assert len(desk.reads) == 4
    assert {one.requests_left for one in report.sign_ins} == {12}


def test_an_account_without_a_limit_never_stops() -> None:
    desk = six()
    for _ in range(100):
        report = desk.run(*SIX)

    assert statuses(report) == ["unchanged"] * 6
    assert report.warnings == ()
    assert report.sign_ins[0].requests_left is None
    assert report.sign_ins[0].requests_today
    assert report.sign_ins[0].requests_today > 600
