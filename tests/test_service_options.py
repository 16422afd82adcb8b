"""What pairs select, compare and wait for: each option from a config of pairs to what Spotify is asked."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from syncer.cache import Cache
from syncer.errors import (
    Code,
    ConfigError,
    NotFound,
    PlanTooLarge,
    SignInNeeded,
    SyncError,
    TargetFull,
    Temporary,
    UnclearAdd,
)
from syncer.ids import Uri
from syncer.model import Item, Kind, Match, Pair, Reason, Removed, Rhythm, Skip
from syncer.recordings import AT_MOST, Recordings
from syncer.report import as_json, exit_code, plan_as_text
from syncer.rules import By, Explicit, Filter, Medium, Order, Rules, Span, entry
from syncer.state.nothing import NoState
from tests.fakes import FakeAccounts, FakePlaylists, MemoryState, episode, identifier, item, pair, uri
from tests.running import Runs

ISRC = "USABC26{:05}"
DOWN = Temporary("down")


def song(letter: str, **told: object) -> Item:
    """Return the track called *letter*, of which more is *told*."""
    return replace(item(letter), **{"name": letter, "duration_ms": 180_000, **told})  # type: ignore[arg-type] # a test that misspells one fails


def known(*every: Item, **held: Sequence[Item | str]) -> FakePlaylists:
    """Return playlists where all is told of *every* track, that hold these and others by their letters."""
    playlists = FakePlaylists()
    playlists.full = {one.uri: one for one in every if one.uri}
    for word, what in held.items():
        playlists.held[identifier(word)] = [
            one if isinstance(one, Item) else playlists.full.get(uri(one), item(one)) for one in what
        ]
    return playlists


def letters(of: Iterable[Item]) -> str:
    return "".join(str(one.uri)[-1] for one in of)


def holds(playlists: FakePlaylists, word: str = "archive") -> str:
    return letters(playlists.held[identifier(word)])


def planned(runs: Runs) -> dict[str, Skip]:
    """Return what a plan leaves out, by letter."""
    runs.run(plan=True)
    plan = runs.outcome.plan
    assert plan
    return {letters([skip.item]): skip for skip in plan.skips}


def details(runs: Runs) -> dict[str, str]:
    return {letter: skip.detail for letter, skip in planned(runs).items()}


def told(runs: Runs) -> dict[str, Any]:
    """Return what the last report says of the first pair."""
    assert runs.report
    first: dict[str, Any] = as_json(runs.report)["pairs"][0]
    return first


# --- what is taken ----------------------------------------------------------------------------------------------------

TAKEN: list[tuple[Rules, list[Item], str, dict[str, str]]] = [
    (
        Rules(
            include=Filter(artist=(entry("Anna"),)), exclude=Filter(title=(entry("/live/"),), album=(entry("hits"),))
        ),
        [song("a"), song("b", artists=("Bob",)), song("c", name="c (Live)"), song("d", album="Greatest Hits")],
        "a",
        {
            "b": "the artist matches nothing under include",
            "c": "the title matches /live/",
            "d": "the album contains 'hits'",
        },
    ),
    (Rules(explicit=Explicit.EXCLUDE), [song("a"), song("b", explicit=True)], "a", {"b": "it is explicit"}),
    (
        Rules(duration=Span(min=timedelta(seconds=90), max=timedelta(minutes=10))),
        [song("a"), song("b", duration_ms=1000), song("c", duration_ms=600_001)],
        "a",
        {"b": "shorter than 1 minute 30 seconds", "c": "longer than 10 minutes"},
    ),
    (
        Rules(released_since=date(2020, 1, 1)),
        [song("a", released="2020"), song("b", released="2019-12")],
        "a",
        {"b": "released in 2019-12, before 2020-01-01"},
    ),
    (
        Rules(added_since=timedelta(days=30)),
        [song("a", added_at="2026-11-01T00:00:00Z"), song("b", added_at="2026-10-01T00:00:00Z")],
        "a",
        {"b": "added on 2026-10-01, more than 30 days ago"},
    ),
    (Rules(kinds=frozenset({Medium.TRACKS})), [song("a"), episode("b")], "a", {"b": "it is an episode"}),
    (Rules(first=2), [song("a"), song("b"), song("c")], "ab", {"c": "not among the first 2"}),
    (
        Rules(last=1, order=Order(By.OLDEST)),
        [song("a", added_at="2026-11-02T00:00:00Z"), song("b", added_at="2026-11-01T00:00:00Z")],
        "a",
        {"b": "not among the last 1"},
    ),
]


@pytest.mark.parametrize(("rules", "source", "taken", "left"), TAKEN)
def test_rules_decide_what_is_added_and_the_plan_says_why_the_rest_is_not(
    rules: Rules, source: list[Item], taken: str, left: dict[str, str]
) -> None:
    playlists = known(*source, fresh=source, archive="")
    runs = Runs(playlists, pair("fresh", "archive", rules=rules))
    assert details(runs) == left

    runs.run()

    assert holds(playlists) == taken
    assert told(runs)["skipped"] == {"excluded": len(left)}
    assert set(runs.run()) <= {"list 0"}
    assert told(runs)["skipped"] == {"excluded": len(left), "already-there": len(taken)}


def test_what_can_never_be_added_keeps_its_better_reason() -> None:
    runs = Runs(known(fresh=".", archive=""), pair("fresh", "archive", rules=Rules(explicit=Explicit.ONLY)))
    runs.run()
    assert told(runs)["skipped"] == {"unavailable": 1}


@pytest.mark.parametrize(
    ("rules", "added"),
    [
        (Rules(order=Order(By.NEWEST)), "cbyax"),
        (Rules(order=Order(By.OLDEST)), "axbyc"),
        (Rules(interleave=True), "axbyc"),
        (Rules(interleave=True, last=2), "yc"),
    ],
)
def test_order_is_that_of_adding(rules: Rules, added: str) -> None:
    def day(number: int) -> str:
        return f"2026-11-{number:02}T00:00:00Z"

    one = [song("a", added_at=day(1)), song("b", added_at=day(2)), song("c", added_at=day(3))]
    other = [song("x", added_at=day(1)), song("y", added_at=day(2))]
    playlists = known(one=one, two=other, archive="")
    Runs(playlists, pair("one+two", "archive", rules=rules)).run()
    assert holds(playlists) == added


def test_a_shuffle_is_the_same_in_every_run_and_another_for_another_pair() -> None:
    def shuffled(order: Order, name: str = "week") -> str:
        playlists = known(fresh="abcdefgh", archive="")
        runs = Runs(playlists, replace(pair("fresh", "archive", rules=Rules(order=order)), name=name))
        runs.run()
        playlists.someone_adds("fresh", "ijkl")
        runs.run()
        return holds(playlists)

    by_name = shuffled(Order(By.SHUFFLE))
    assert by_name == shuffled(Order(By.SHUFFLE))
    assert sorted(by_name) == list("abcdefghijkl")
    assert len({by_name, shuffled(Order(By.SHUFFLE), "other"), shuffled(Order(By.SHUFFLE, "7")), "abcdefghijkl"}) == 4


# --- never lists ------------------------------------------------------------------------------------------------------


def never(*words: str) -> Rules:
    return Rules(never=tuple(map(identifier, words)))


def test_what_is_in_a_never_list_stays_out_and_what_gets_into_one_later_too() -> None:
    playlists = known(fresh="abc", ban="b", archive="")
    runs = Runs(playlists, pair("fresh", "archive", rules=never("ban")))
    runs.run()
    assert holds(playlists) == "ac"
    assert told(runs)["skipped"] == {"in-never-list": 1}

    playlists.someone_adds("ban", "d")
    playlists.someone_adds("fresh", "d")
    runs.run()

    assert holds(playlists) == "ac"
    assert told(runs)["skipped"] == {"already-there": 2, "in-never-list": 2}


def test_what_somebody_takes_off_a_never_list_is_added() -> None:
    playlists = known(fresh="abc", ban="xb", more="c", archive="")
    runs = Runs(playlists, pair("fresh", "archive", rules=never("ban", "more")))
    runs.run()
    assert runs.run() == ["list 0"]
    assert runs.said == ["unchanged"]

    playlists.held[identifier("ban")].pop()
    runs.run()

    assert holds(playlists) == "ab"


def test_a_never_list_is_asked_for_with_the_others_or_once_by_itself() -> None:
    playlists = known(fresh="abc", ban="b", archive="")
    playlists.library = ["fresh", "archive"]
    runs = Runs(playlists, pair("fresh", "archive", rules=never("ban")), pair("fresh", "ban"))
    runs.pairs = runs.pairs[:1]
    runs.run()
    assert runs.run() == ["list 0", "head+ ban"]
    assert runs.said == ["unchanged"]


def test_never_lists_alone_are_worth_a_look_at_the_listing() -> None:
    playlists = known(ban="b", more="c", archive="")
    playlists.liked = "abc"
    runs = Runs(playlists, pair("liked", "archive", rules=never("ban", "more")))
    runs.run()
    assert runs.run() == ["liked 0", "list 0"]


def test_what_an_earlier_pair_adds_to_a_never_list_stays_out_in_the_same_run() -> None:
    playlists = known(bad="b", fresh="abc", ban="", archive="")
    Runs(playlists, pair("bad", "ban"), pair("fresh", "archive", rules=never("ban"))).run()
    assert holds(playlists) == "ac"


def test_the_target_itself_can_be_a_never_list() -> None:
    playlists = known(fresh="ab", archive="b")
    runs = Runs(playlists, pair("fresh", "archive", rules=never("archive")))
    runs.run()
    assert holds(playlists) == "ba"
    runs.run()
    assert runs.said == ["unchanged"]


@pytest.mark.parametrize("account", ["default", "anna"])
def test_a_never_list_is_read_as_who_writes_and_nothing_is_added_without_it(account: str) -> None:
    playlists, own = known(fresh="ab", ban="b", archive=""), known(fresh="ab", archive="")
    runs = Runs(playlists, pair("fresh", "archive", rules=never("ban"), account=account, readers=("default",)))
    accounts = runs.connect = FakeAccounts(playlists)
    accounts.own["anna"] = own
    runs.run()
    if account == "default":
        assert holds(playlists) == "a"
    else:
        assert runs.codes == [Code.NOT_FOUND]
        assert not own.added


# --- what counts as the same ------------------------------------------------------------------------------------------


def test_the_same_recording_is_left_out_and_the_plan_names_the_other() -> None:
    album = song("a", name="One", isrc=ISRC.format(1))
    best_of = song("b", name="One (Remastered)", isrc=ISRC.format(1), album="Best")
    again = song("c", isrc=ISRC.format(2))
    single = song("d", isrc=ISRC.format(2), album="Single")
    playlists = known(album, best_of, again, single, fresh="bcd", archive="a")
    runs = Runs(playlists, pair("fresh", "archive", match=Match.RECORDING))

    assert planned(runs) == {
        "b": Skip(item=best_of, reason=Reason.ALREADY_THERE, equals=album),
        "d": Skip(item=single, reason=Reason.REPEATED, equals=again),
    }
    assert told(runs)["skips"][0] == {
        "uri": best_of.uri,
        "name": "One (Remastered)",
        "artists": ["Anna"],
        "reason": "already-there",
        "detail": "",
        "equals": {"uri": album.uri, "name": "One", "artists": ["Anna"]},
    }
    assert f"  - Anna: One (Remastered) (already there, as Anna: One, {album.uri})" in plan_as_text(runs.outcome)
    runs.run()
    assert holds(playlists) == "ac"
    assert runs.run() == ["list 0"]


def test_fuzzy_knows_a_track_by_its_title_and_its_length() -> None:
    there = song("a", name="Paper Moon")
    same, live = song("b", name="Paper Moon - Remastered 2011"), song("c", name="Paper Moon (Live)")
    longer = song("d", name="Paper Moon", duration_ms=190_000)
    again = song("e", name="paper moon (live)")
    playlists = known(there, same, live, longer, again, fresh="acde", archive="a")
    runs = Runs(playlists, pair("fresh", "archive", match=Match.FUZZY))
    runs.run()
    assert holds(playlists) == "acd"
    runs.run()
    assert runs.said == ["unchanged"]


def test_what_an_earlier_pair_of_the_run_added_counts_as_there() -> None:
    one, other, last = (song(letter, isrc=ISRC.format(1)) for letter in "abc")
    playlists = known(one, other, last, first="a", second="bx", third="cy", archive="")
    sources = ("first", "second", "third")
    Runs(playlists, *(pair(word, "archive", match=Match.RECORDING) for word in sources)).run()
    assert holds(playlists) == "axy"


@pytest.mark.parametrize("match", [Match.RECORDING, Match.FUZZY])
def test_what_somebody_takes_out_of_the_target_is_no_longer_there_for_later_pairs(match: Match) -> None:
    one, other = (song(letter, name="Paper Moon", isrc=ISRC.format(1)) for letter in "ab")
    playlists = known(one, other, first="x", second="b", archive="a", copy="")
    first, second = pair("first", "archive", match=match), pair("second", "archive", match=match)
    runs = Runs(playlists, first, second)

    def leave(request: str) -> None:
        if request.startswith("append"):
            playlists.held[identifier("archive")].remove(one)

    playlists.before = leave
    runs.run()
    playlists.before = lambda _request: None
    runs.run()

    assert sorted(holds(playlists)) == ["b", "x"]


def test_a_never_list_counts_what_is_the_same() -> None:
    banned, single = song("a", isrc=ISRC.format(1)), song("b", isrc=ISRC.format(1))
    playlists = known(banned, single, fresh="bc", ban="a", archive="")
    runs = Runs(playlists, pair("fresh", "archive", match=Match.RECORDING, rules=never("ban")))
    assert planned(runs)["b"] == Skip(item=single, reason=Reason.NEVER, equals=banned)


def test_what_was_taken_out_stays_out_whatever_counts_as_the_same() -> None:
    one, other = (song(letter, isrc=ISRC.format(1)) for letter in "ab")
    playlists = known(one, other, fresh="a", archive="x")
    runs = Runs(playlists, pair("fresh", "archive", match=Match.RECORDING, removed=Removed.STAY_OUT))
    runs.run()
    del playlists.held[identifier("archive")][1]
    assert planned(runs)["a"].reason is Reason.TAKEN_OUT
    runs.run()
    assert holds(playlists) == "x"
    playlists.held[identifier("fresh")].append(other)
    runs.run()
    assert holds(playlists) == "xb"


# --- recordings of tracks that do not say which they are --------------------------------------------------------------


def discography(count: int = 2) -> FakePlaylists:
    """Return an album of *count* tracks, of which the target has the last as a single, and every other has an ISRC."""
    tracks = [song(f"{number:03}", isrc=ISRC.format(number) if number % 2 else None) for number in range(count)]
    playlists = known(*tracks, song("single", isrc=ISRC.format(count - 1)), archive=["single"])
    playlists.albums["moon"] = [f"{number:03}" for number in range(count)]
    return playlists


def looked_up(requests: Sequence[str]) -> list[str]:
    return [request for request in requests if request.startswith("track ")]


def test_the_tracks_of_an_album_are_asked_for_once_each() -> None:
    playlists = discography(4)
    runs = Runs(playlists, pair("album:moon", "archive", match=Match.RECORDING))

    assert looked_up(runs.run()) == ["track 0", "track 1", "track 2", "track 3"]
    assert len(playlists.held[identifier("archive")]) == 4
    assert runs.outcome.skipped == {Reason.ALREADY_THERE: 1}
    assert runs.report
    assert runs.report.warnings == ()

    assert looked_up(runs.run()) == []
    runs.pairs = (pair("album:moon", "other", match=Match.RECORDING),)
    playlists.held[identifier("other")] = [playlists.full[uri("single")]]
    assert looked_up(runs.run()) == []
    assert runs.outcome.skipped == {Reason.ALREADY_THERE: 1}


def test_what_is_known_to_have_no_isrc_is_not_asked_for_again() -> None:
    playlists = known(song("a"), song("b"), archive="")
    playlists.albums["moon"] = "ab"
    playlists.bad = {uri("a")}
    runs = Runs(playlists, pair("album:moon", "archive", match=Match.FUZZY))
    assert looked_up(runs.run()) == ["track a", "track b"]
    assert looked_up(runs.run(hours=48)) == []


def test_what_is_not_about_to_be_added_is_not_asked_for() -> None:
    every = [song(letter, isrc=ISRC.format(number)) for number, letter in enumerate("abc")]
    playlists = known(*every, fresh="b", archive="a")
    playlists.albums["moon"] = "acc"
    runs = Runs(playlists, pair("fresh+album:moon", "archive", match=Match.RECORDING))
    assert looked_up(runs.run()) == ["track c"]


def test_where_nothing_is_about_to_be_added_nothing_is_asked_for() -> None:
    runs = Runs(known(song("a"), song("b"), fresh="b", archive="ab"), pair("fresh", "archive", match=Match.RECORDING))
    assert looked_up(runs.run()) == []


@pytest.mark.parametrize("never_list", [False, True])
def test_what_was_added_from_an_album_before_anybody_compared_is_asked_for_too(never_list: bool) -> None:  # noqa: FBT001 - by name
    """What is kept of a playlist that we added to is what the album told, and that was less than the playlist tells."""
    playlists = known(song("a", isrc=ISRC.format(1)), song("b", isrc=ISRC.format(1)), fresh="b", archive="", other="")
    playlists.albums["moon"] = "a"
    runs = Runs(playlists, pair("album:moon", "archive"))
    runs.run()
    if never_list:
        runs.pairs = (
            pair("album:moon", "archive", match=Match.RECORDING),
            pair("fresh", "other", match=Match.RECORDING, rules=never("archive")),
        )
        assert looked_up(runs.run()) == []
        playlists.held[identifier("other")] = [item("c")]
        playlists.held[identifier("else")] = []
        runs.pairs = (pair("album:moon", "else", match=Match.RECORDING), runs.pairs[1])
    else:
        runs.pairs = (pair("fresh", "archive", match=Match.RECORDING),)
    assert looked_up(runs.run()) == ["track a"]
    assert "b" not in holds(playlists)


def test_by_uri_nothing_is_asked_for() -> None:
    runs = Runs(discography(), pair("album:moon", "archive"))
    assert looked_up(runs.run()) == []


def test_a_plan_asks_for_what_the_run_would_and_leaves_it_for_the_run() -> None:
    runs = Runs(discography(), pair("album:moon", "archive", match=Match.RECORDING))
    assert looked_up(runs.run(plan=True)) == ["track 0", "track 1"]
    assert letters(runs.outcome.added) == "0"
    assert looked_up(runs.run()) == []
    assert letters(runs.outcome.added) == "0"


def test_what_turns_out_to_be_there_no_longer_hides_another() -> None:
    """By its title b is the same as a, until a is known to be what is there under another title."""
    there = song("x", name="Mondlicht", isrc=ISRC.format(1))
    a, b = (song(letter, name="Paper Moon", duration_ms=at, isrc=None) for letter, at in (("a", 1800), ("b", 1801)))
    playlists = known(there, replace(a, isrc=ISRC.format(1)), replace(b, isrc=ISRC.format(2)), archive="x")
    playlists.albums["moon"] = "ab"
    runs = Runs(playlists, pair("album:moon", "archive", match=Match.FUZZY))

    assert looked_up(runs.run()) == ["track a", "track b"]
    assert holds(playlists) == "xb"


def test_no_run_asks_for_many_and_says_so() -> None:
    playlists = discography(AT_MOST + 3)
    runs = Runs(playlists, pair("album:moon", "archive", match=Match.RECORDING), pair("album:moon", "other"))

    assert len(looked_up(runs.run())) == AT_MOST
    assert runs.report
    (warning,) = runs.report.warnings
    assert warning.startswith("album-moon-to-archive: 3 tracks come without the code of the recording (ISRC)")

    runs.run()
    assert runs.report.outcomes[0].status == "unchanged"


def test_what_the_target_does_not_tell_counts_among_those() -> None:
    playlists = discography(AT_MOST + 3)
    playlists.held |= known(fresh="x", archive="").held
    runs = Runs(playlists, pair("album:moon", "archive"))
    runs.run()
    runs.pairs = (pair("fresh", "archive", match=Match.RECORDING),)

    requests = looked_up(runs.run())

    assert requests[0] == "track x"
    assert len(requests) == AT_MOST
    assert runs.report
    assert "4 tracks come without" in runs.report.warnings[0]


def test_one_is_said_to_be_one() -> None:
    runs = Runs(discography(AT_MOST + 1), pair("album:moon", "archive", match=Match.RECORDING))
    runs.run()
    assert runs.report
    assert "1 track comes without" in runs.report.warnings[0]


def test_half_of_what_a_day_allows_is_left_to_other_pairs() -> None:
    playlists = discography(40)
    playlists.held |= known(fresh="ab", copy="").held
    runs = Runs(playlists, pair("album:moon", "archive", match=Match.RECORDING), pair("fresh", "copy"))
    runs.connect = limited = FakeAccounts(playlists)
    runs.run(only=["fresh-to-copy"])
    playlists.someone_adds("fresh", "c")

    def with_a_limit(account: Any, budget: Any) -> Any:
        return limited(replace(account, daily_requests=30), budget)

    runs.connect = with_a_limit
    assert 5 < len(looked_up(runs.run())) <= 15
    assert runs.said == ["added", "added"]


def test_trouble_while_asking_is_that_of_the_pair_and_what_was_told_is_kept() -> None:
    playlists = discography(4)
    runs = Runs(playlists, pair("album:moon", "archive", match=Match.RECORDING))
    playlists.before = lambda request: DOWN if request == "track 2" else None
    runs.run()
    assert runs.codes == [Code.TEMPORARY]
    assert not playlists.added

    playlists.before = lambda _request: None
    assert looked_up(runs.run()) == ["track 2", "track 3"]


def test_what_was_asked_for_long_ago_gives_way() -> None:
    state = MemoryState()
    before = {Uri(f"spotify:track:{number:021}z"): "" for number in range(20_000)}
    Cache(state).keep_isrcs(before)
    runs = Runs(discography(), pair("album:moon", "archive", match=Match.RECORDING), state=lambda: state)
    runs.run()
    kept = list(Cache(state).isrcs())
    assert kept == [*list(before)[2:], uri("000"), uri("001")]


def test_an_item_without_a_uri_has_no_isrc_to_be_known() -> None:
    nameless = Item(uri=None)
    assert Recordings(Cache(MemoryState())).told([nameless]) == [nameless]


# --- a pair that is settled -------------------------------------------------------------------------------------------

EDITS: list[dict[str, Any]] = [
    {"rules": Rules(exclude=Filter(title=(entry("b"),)))},
    {"rules": Rules(exclude=Filter(title=(entry("/b/"),)))},
    {"rules": Rules(order=Order(By.NEWEST))},
    {"rules": Rules(kinds=frozenset({Medium.TRACKS}))},
    {"rules": Rules(added_since=date(2026, 1, 1))},
    {"rules": Rules(duration=Span(max=timedelta(minutes=1)))},
    {"rules": never("ban")},
    {"match": Match.RECORDING},
    {"match": Match.FUZZY},
    {"removed": Removed.STAY_OUT},
]


@pytest.mark.parametrize("edit", EDITS, ids=range(len(EDITS)))
def test_an_idle_run_asks_for_no_more_with_options_than_without(edit: dict[str, Any]) -> None:
    runs = Runs(known(song("b"), fresh="abc", ban="b", archive=""), pair("fresh", "archive", **edit))
    runs.run()
    for plan in (False, True, False, False):
        assert runs.run(plan=plan) == ["list 0"]
        assert runs.said == ["unchanged"]


@pytest.mark.parametrize("edit", EDITS, ids=range(len(EDITS)))
def test_an_edited_pair_is_looked_at_anew(edit: dict[str, Any]) -> None:
    playlists = known(fresh="abc", ban="b", archive="")
    runs = Runs(playlists, pair("fresh", "archive", rules=Rules(first=2)))
    runs.run()
    assert holds(playlists) == "ab"
    runs.run()
    runs.pairs = (replace(runs.pairs[0], **{"rules": Rules(), **edit}),)
    runs.run()
    assert runs.said == ["added"]


def test_what_changes_with_the_time_is_looked_at_once_a_day() -> None:
    """The oldest goes out of the window, and the next takes its place."""
    days = [song(letter, added_at=f"2026-11-{day:02}T12:00:00Z") for letter, day in (("a", 17), ("b", 18), ("c", 19))]
    playlists = known(fresh=days, archive="")
    rules = Rules(added_since=timedelta(days=5), first=1)
    runs = Runs(playlists, pair("fresh", "archive", rules=rules))
    runs.run()
    assert holds(playlists) == "a"
    for hours in (1, 1, 12):
        assert runs.run(hours=hours) == ["list 0"]
        assert holds(playlists) == "a"
    runs.run(hours=12)
    assert holds(playlists) == "ab"
    runs.run(hours=25)
    assert holds(playlists) == "abc"


def test_what_does_not_change_with_the_time_is_left_alone() -> None:
    playlists = known(fresh="abc", archive="")
    playlists.library = ["fresh"]
    runs = Runs(playlists, pair("fresh", "archive", rules=Rules(added_since=date(2026, 1, 1))))
    runs.run()
    assert [len(runs.run(hours=hours)) for hours in (19, 19)] == [1, 2]


# --- rhythms ----------------------------------------------------------------------------------------------------------


def every(hours: float, **options: Any) -> Pair:
    return pair("fresh", "archive", rhythm=Rhythm(every=timedelta(hours=hours)), **options)


class Rounds(Runs):
    """Runs whose accounts are counted."""

    def __init__(self, playlists: FakePlaylists, *pairs: Pair, **refused: SyncError) -> None:
        super().__init__(playlists, *pairs)
        self.accounts = self.connect = FakeAccounts(playlists, **refused)

    def statuses(self, *hours: float, plan: bool = False) -> list[str]:
        """Return what becomes of the first pair, so many hours after one another."""
        said = []
        for one in hours:
            self.run(hours=one, plan=plan)
            said.append(self.said[0])
        return said


def test_where_no_pair_is_due_nothing_is_asked_for_not_even_a_token() -> None:
    runs = Rounds(known(fresh="ab", archive=""), every(6), every(6, account="anna", max_additions=7))
    runs.pairs = (runs.pairs[0], replace(runs.pairs[1], name="second"))
    assert runs.statuses(0) == ["added"]
    runs.accounts.opened.clear()

    for hours in (1, 4.5):
        assert runs.run(hours=hours) == []
        assert runs.said == ["not-due", "not-due"]
        assert runs.report
        assert exit_code(runs.report) == 0
        assert told(runs)["skipped"] == {}
    assert runs.accounts.opened == []


def test_pairs_that_are_not_due_cost_the_others_nothing() -> None:
    """Ten sources were worth three pages of the listing, and one is not."""
    words = [f"s{number}" for number in range(10)]
    playlists = known(archive="", **dict.fromkeys([*words, *(f"o{number}" for number in range(120))], "a"))
    slow = [pair(word, "archive", rhythm=Rhythm(every=timedelta(days=1))) for word in words[1:]]
    runs = Rounds(playlists, pair("s0", "archive"), *slow)
    runs.run()
    assert runs.run(hours=25) == ["list 0"]
    assert runs.said == ["unchanged"] * 10

    assert runs.run() == ["head+ s0"]
    assert runs.said == ["unchanged"] + ["not-due"] * 9


def test_a_pair_is_due_again_when_its_time_has_passed_and_a_little_early_too() -> None:
    runs = Rounds(known(fresh="ab", archive=""), every(6))
    assert runs.statuses(0, 5.8, 0.1) == ["added", "not-due", "unchanged"]
    assert runs.statuses(5.8, 0.2) == ["not-due", "unchanged"]


def test_a_short_time_has_a_short_slack() -> None:
    runs = Rounds(known(fresh="ab", archive=""), every(0.5))
    assert runs.statuses(0, 0.4, 0.05) == ["added", "not-due", "unchanged"]


def test_one_schedule_serves_pairs_of_different_rhythms() -> None:
    playlists = known(fresh="ab", archive="", slow="", always="")
    runs = Rounds(playlists, every(3), replace(every(5), name="slow"), pair("fresh", "always"))
    seen: Counter[str] = Counter()
    for _ in range(15):
        runs.run()
        seen.update(f"{place}" for place, status in enumerate(runs.said) if status != "not-due")
    assert seen == {"0": 5, "1": 3, "2": 15}


def test_a_pair_that_is_asked_for_takes_its_turn_whenever_that_is() -> None:
    runs = Rounds(known(fresh="ab", archive=""), every(6), pair("fresh", "other"))
    runs.run(hours=0)
    runs.run(only=["fresh-to-archive"])
    assert runs.said == ["unchanged", "not-selected"]
    assert runs.statuses(5.5, 0.5) == ["not-due", "unchanged"]


def test_on_its_days_a_pair_takes_every_turn_and_on_others_none() -> None:
    """The first is a Sunday, six o'clock; the pair is not due before Monday has begun in UTC."""
    runs = Rounds(known(fresh="ab", archive=""), pair("fresh", "archive", rhythm=Rhythm(days=frozenset({0}))))
    assert runs.statuses(0, 17.9, 0.2, 1, 22.7, 0.2) == [
        "not-due",
        "not-due",
        "added",
        "unchanged",
        "unchanged",
        "not-due",
    ]


def test_once_on_each_of_its_days() -> None:
    rhythm = Rhythm(every=timedelta(days=1), days=frozenset({0, 1}))
    runs = Rounds(known(fresh="ab", archive=""), pair("fresh", "archive", rhythm=rhythm))
    said = runs.statuses(*[1] * 24 * 7)
    assert [place for place, status in enumerate(said) if status != "not-due"] == [17, 41]


@pytest.mark.parametrize(
    ("trouble", "next_one"),
    [
        (NotFound("it"), "not-due"),
        (PlanTooLarge(planned=1, allowed=1), "not-due"),
        (DOWN, "added"),
    ],
)
def test_what_needs_a_person_waits_for_the_next_turn_and_what_passes_does_not(
    trouble: SyncError, next_one: str
) -> None:
    playlists = known(fresh="ab", archive="")
    playlists.before = lambda _request: trouble
    runs = Rounds(playlists, every(6))
    assert runs.statuses(0) == ["failed"]
    playlists.before = lambda _request: None
    assert runs.statuses(1) == [next_one]


def test_a_pair_that_could_not_sign_in_is_tried_as_soon_as_it_can() -> None:
    runs = Rounds(known(fresh="ab", archive=""), every(6), default=SignInNeeded("default"))
    assert runs.statuses(0, 1) == ["failed", "failed"]
    runs.connect = FakeAccounts(runs.playlists)
    assert runs.statuses(1) == ["added"]


def test_a_pair_that_is_not_tried_keeps_its_turn() -> None:
    runs = Rounds(known(fresh="ab", archive=""), every(6, account="anna"), every(6, account="anna", readers=("bob",)))
    runs.pairs = (runs.pairs[0], replace(runs.pairs[1], name="second"))
    runs.connect = FakeAccounts(runs.playlists, anna=SignInNeeded("anna"))
    runs.run()
    assert runs.said == ["failed", "not-tried"]
    runs.connect = FakeAccounts(runs.playlists)
    runs.run()
    assert runs.said == ["added", "unchanged"]


@pytest.mark.parametrize("trouble", [UnclearAdd("it"), TargetFull("it", room=0, limit=1)])
def test_what_was_begun_is_gone_on_with_as_soon_as_may_be(trouble: SyncError) -> None:
    playlists = known(fresh="ab", archive="")
    playlists.before = lambda request: trouble if request.startswith("append") else None
    runs = Rounds(playlists, every(6))
    assert runs.statuses(0) == ["partial"]
    playlists.before = lambda _request: None
    assert runs.statuses(1) == ["added"]


def test_where_nothing_has_a_rhythm_an_idle_run_keeps_nothing_of_turns() -> None:
    kept = MemoryState()
    runs = Runs(known(fresh="ab", archive=""), pair("fresh", "archive"), state=lambda: kept)
    runs.run()
    runs.run()
    kept.calls.clear()
    runs.run()
    assert "cache index" not in kept.calls


@pytest.mark.parametrize(
    "edit", [{"max_additions": 9}, {"rules": Rules(first=1)}, {"match": Match.FUZZY}], ids=range(3)
)
def test_an_edited_pair_is_due(edit: dict[str, Any]) -> None:
    runs = Rounds(known(fresh="ab", archive=""), every(6))
    assert runs.statuses(0, 1) == ["added", "not-due"]
    runs.pairs = (replace(runs.pairs[0], **edit),)
    assert runs.statuses(1) == ["unchanged"]


def test_a_clock_that_was_set_back_keeps_nobody_waiting() -> None:
    runs = Rounds(known(fresh="ab", archive=""), every(6))
    assert runs.statuses(0, -48) == ["added", "unchanged"]


def test_a_plan_says_what_is_not_due_and_takes_no_turn() -> None:
    runs = Rounds(known(fresh="ab", archive=""), every(6))
    assert runs.statuses(0, 1, plan=True) == ["added", "added"]
    assert runs.statuses(1) == ["added"]
    assert runs.statuses(1, plan=True) == ["not-due"]


def test_where_it_is_forgotten_when_the_last_turn_was_a_pair_is_due() -> None:
    runs = Rounds(known(fresh="ab", archive=""), every(6))
    runs.state = MemoryState
    assert runs.statuses(0, 1) == ["added", "unchanged"]


def test_where_nothing_is_ever_kept_there_can_be_no_turns() -> None:
    runs = Rounds(known(fresh="ab", archive=""), every(6))
    runs.state = NoState
    with pytest.raises(ConfigError, match="nobody knows when a pair had its last turn"):
        runs.run()
    off = replace(every(6, enabled=False), name="off")
    runs.pairs = (pair("fresh", "archive", rhythm=Rhythm(days=frozenset({6}))), off)
    assert runs.statuses(0) == ["added"]


# --- the property -----------------------------------------------------------------------------------------------------

TITLES = ("Paper Moon", "Paper Moon (Live)", "Paper Moon - Remastered", "Night Train")
tracks = st.builds(
    song,
    letter=st.sampled_from("abcdefghij"),
    name=st.sampled_from(TITLES),
    artists=st.sampled_from([("Anna",), ("Bob", "Anna"), ()]),
    album=st.sampled_from(["", "Moon", "Live at Home"]),
    isrc=st.sampled_from([None, ISRC.format(1), ISRC.format(2)]),
    duration_ms=st.sampled_from([None, 180_000, 181_500, 183_000]),
    explicit=st.sampled_from([None, True, False]),
    released=st.sampled_from([None, "2019", "2026-05-01"]),
    added_at=st.sampled_from([None, "2026-10-01T00:00:00Z", "2026-11-20T00:00:00Z"]),
)
others = st.sampled_from([episode("e"), item("."), Item(uri=Uri("spotify:local:a:b:c:1"), kind=Kind.LOCAL)])
lists = st.lists(tracks | others, max_size=12)
filters = st.builds(
    Filter,
    artist=st.sampled_from([(), (entry("anna"),)]),
    album=st.sampled_from([(), (entry("moon"),)]),
    title=st.sampled_from([(), (entry("/live/"),), (entry("Paper"),)]),
)
counts = st.none() | st.integers(1, 4)
rules = st.builds(
    lambda number, is_last, **rest: Rules(**{"last" if is_last else "first": number}, **rest),
    number=counts,
    is_last=st.booleans(),
    include=filters,
    exclude=filters,
    explicit=st.none() | st.sampled_from(Explicit),
    duration=st.sampled_from([Span(), Span(min=timedelta(seconds=181))]),
    released_since=st.sampled_from([None, date(2020, 1, 1)]),
    added_since=st.sampled_from([None, date(2026, 11, 1)]),
    kinds=st.sampled_from([frozenset(Medium), frozenset({Medium.TRACKS})]),
    never=st.sampled_from([(), (identifier("ban"),)]),
    order=st.sampled_from([Order(by) for by in By]),
    interleave=st.booleans(),
)


@given(
    one=lists,
    two=lists,
    album=st.lists(tracks, max_size=3),
    ban=lists,
    target=lists,
    rules=rules,
    match=st.sampled_from(Match),
)
def test_whatever_the_options_every_item_is_an_addition_or_a_skip_and_the_next_run_adds_nothing(
    one: list[Item],
    two: list[Item],
    album: list[Item],
    ban: list[Item],
    target: list[Item],
    rules: Rules,
    match: Match,
) -> None:
    playlists = known(*one, *two, *album, one=one, two=two, ban=ban, archive=target)
    playlists.albums["moon"] = letters(album)
    runs = Runs(playlists, pair("one+two+album:moon", "archive", rules=rules, match=match))
    every = Counter(one.uri for one in (*one, *two, *album))

    runs.run(plan=True)
    plan = runs.outcome.plan
    assert plan
    assert Counter([item.uri for item in plan.additions] + [skip.item.uri for skip in plan.skips]) == every
    assert all(skip.detail for skip in plan.skips if skip.reason is Reason.EXCLUDED)

    runs.run()
    assert [one.uri for one in runs.outcome.added] == [one.uri for one in plan.additions]
    assert len(plan.additions) + sum(told(runs)["skipped"].values()) == every.total()

    for _ in range(2):
        runs.run()
        assert runs.said == ["unchanged"]
        assert sum(told(runs)["skipped"].values()) == every.total()
