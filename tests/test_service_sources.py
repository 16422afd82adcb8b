"""Runs whose sources are no playlists: what is read, what is remembered, and who reads it."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest

from syncer.budget import Budget
from syncer.errors import Code, NotFound, PremiumNeeded, SignInNeeded, SyncError, Temporary
from syncer.ids import Uri
from syncer.model import (
    Account,
    ArtistSource,
    Captured,
    FileSource,
    Item,
    Kind,
    Pair,
    Reason,
    RecentlyPlayed,
    Source,
    Term,
)
from syncer.ports import Connection
from tests.fakes import FakeAccounts, FakePlayer, FakePlaylists, MemoryState, identifier, item, items, pair, uri
from tests.running import Runs, codes, statuses

ARCHIVE = identifier("archive")
DOWN = Temporary("down")


def to_archive(one: Source, **options: object) -> Pair:
    return replace(pair("x", "archive"), name="kept", sources=(one,), **options)  # type: ignore[arg-type] # a test that misspells one fails


def filled() -> FakePlaylists:
    """Return an account with something of every kind."""
    playlists = FakePlaylists(liked="ab", archive="")
    playlists.albums |= {"moon": "cd", "sun": "ef"}
    playlists.artists["anna"] = ["sun", "moon"]
    playlists.released |= {"moon": "2020", "sun": "2026-05-01"}
    playlists.saved_albums = ["moon"]
    playlists.top[Term.SHORT] = "gh"
    playlists.episodes["news"] = "ij"
    playlists.saved_episodes = "k"
    return playlists


@pytest.mark.parametrize(
    ("source", "added", "first", "later"),
    [
        ("liked", "ab", ["liked 0"], ["liked 0"]),
        ("album:moon", "cd", ["album moon 0"], []),
        ("saved_albums", "cd", ["saved albums 0"], ["saved albums 0"]),
        ("artist:anna", "cdef", ["artist anna 0", "album moon 0", "album sun 0"], ["artist anna 0"]),
        ("top:short", "gh", ["top short 0"], ["top short 0"]),
        ("show:news", "ij", ["show news 0"], ["show news 0"]),
        ("saved_episodes", "k", ["saved episodes 0"], ["saved episodes 0"]),
    ],
)
def test_every_kind_is_read_once_and_then_only_looked_at(
    source: str, added: str, first: list[str], later: list[str]
) -> None:
    playlists = filled()
    runs = Runs(playlists, pair(source, "archive"))

    assert [request for request in runs.run() if "archive" not in request] == first
    assert playlists.now_in("archive") == added
    assert runs.run() == later
    assert runs.said == ["unchanged"]


@pytest.mark.parametrize(
    ("source", "scope"),
    [
        ("saved_albums", "user-library-read"),
        ("top:short", "user-top-read"),
        ("show:news", "user-read-playback-position"),
        ("saved_episodes", "user-library-read"),
        ("recently_played", "user-read-recently-played"),
        ("queue", "user-read-currently-playing"),
    ],
)
def test_without_consent_to_a_source_the_report_names_the_scope(source: str, scope: str) -> None:
    playlists = filled()
    playlists.lacks.add(scope)
    runs = Runs(playlists, pair(source, "archive"), pair("liked", "archive"))
    playlists.lacks.discard("user-library-read") if scope != "user-library-read" else None
    runs.run()

    assert runs.codes[0] is Code.MISSING_SCOPE
    assert runs.report
    assert runs.report.outcomes[0].error
    assert scope in runs.report.outcomes[0].error.message


# --- albums and artists -----------------------------------------------------------------------------------------------


def test_of_a_grown_artist_only_the_new_album_is_read() -> None:
    playlists = filled()
    runs = Runs(playlists, pair("artist:anna", "archive"))
    runs.run()
    playlists.albums["star"], playlists.released["star"] = "xy", "2026-11-20"
    playlists.artists["anna"].insert(0, "star")

    assert runs.run()[:2] == ["artist anna 0", "album star 0"]
    assert playlists.now_in("archive") == "cdefxy"


def test_an_album_that_got_a_track_more_is_read_again() -> None:
    playlists = filled()
    runs = Runs(playlists, pair("artist:anna", "archive"))
    runs.run()
    playlists.albums["moon"] = "cdz"

    assert "album moon 0" in runs.run()
    assert playlists.now_in("archive") == "cdefz"


def test_an_artist_with_many_releases_is_read_page_by_page() -> None:
    playlists = filled()
    words = [f"w{number:02d}" for number in range(23)]
    playlists.artists["anna"] = list(reversed(words))
    for number, word in enumerate(words):
        playlists.albums[word], playlists.released[word] = [f"{number + 1000}"], f"20{number + 1:02d}-01-01"
    runs = Runs(playlists, pair("artist:anna", "archive"))

    asked = runs.run()

    assert [request for request in asked if request.startswith("artist")] == [f"artist anna {n}" for n in (0, 10, 20)]
    assert playlists.now_in("archive") == "".join(f"{number + 1000}" for number in range(23))
    assert runs.run() == ["artist anna 0"]


@pytest.mark.parametrize(
    ("since", "added"),
    [
        (date(2020, 12, 31), "cdef"),  # known as 2020: it may have come out that late
        (date(2021, 1, 1), "ef"),
        (date(2026, 5, 1), "ef"),
        (date(2026, 5, 2), ""),
    ],
)
def test_since_leaves_out_what_was_released_before(since: date, added: str) -> None:
    playlists = filled()
    runs = Runs(playlists, to_archive(ArtistSource(identifier("anna"), since)))
    asked = runs.run()

    assert playlists.now_in("archive") == added
    assert ("album moon 0" in asked) == ("c" in added)


def test_a_read_of_an_artist_that_was_cut_short_goes_on_with_the_albums_that_are_missing() -> None:
    playlists = filled()
    runs = Runs(playlists, pair("artist:anna", "archive"))
    playlists.before = lambda request: DOWN if request == "album sun 0" else None
    runs.run()
    assert runs.codes == [Code.TEMPORARY]
    playlists.before = lambda _request: None

    assert "album moon 0" not in runs.run()
    assert playlists.now_in("archive") == "cdef"


def test_tracks_of_an_artist_know_their_album() -> None:
    playlists = filled()
    runs = Runs(playlists, pair("artist:anna", "archive"))
    runs.run()

    assert runs.report
    added = runs.report.outcomes[0].added
    assert [(one.album, one.released) for one in added[::2]] == [("moon", "2020"), ("sun", "2026-05-01")]


def test_the_rest_of_a_long_saved_album_is_read_once() -> None:
    playlists = filled()
    playlists.albums["moon"] = [str(number) for number in range(1000, 1070)]
    runs = Runs(playlists, pair("saved_albums", "archive"))

    assert runs.run()[:2] == ["saved albums 0", "album moon 50"]
    assert len(playlists.held[ARCHIVE]) == 70
    playlists.albums["sun"] = "ef"
    playlists.saved_albums.insert(0, "sun")
    assert [request for request in runs.run() if "a" in request and "archive" not in request] == ["saved albums 0"]


def test_an_artist_without_releases_is_no_trouble() -> None:
    playlists = filled()
    playlists.artists["anna"] = []
    runs = Runs(playlists, pair("artist:anna", "archive"))
    runs.run()

    assert runs.said == ["unchanged"]


def test_an_album_that_is_gone_fails_its_pair_alone() -> None:
    playlists = filled()
    runs = Runs(playlists, pair("album:nowhere", "archive"), pair("album:moon", "archive"))
    runs.run()

    assert runs.said == ["failed", "added"]
    assert runs.codes == [Code.NOT_FOUND, None]


# --- what was played --------------------------------------------------------------------------------------------------


def test_what_was_played_from_a_list_is_kept_in_the_order_of_playing() -> None:
    playlists = filled()
    runs = Runs(playlists, pair("recently_played:week", "archive"))
    playlists.someone_hears("abc", at=runs.clock.now(), context="week")
    playlists.someone_hears("xyz", at=runs.clock.now() + timedelta(minutes=30))
    runs.run()

    assert playlists.now_in("archive") == "abc"


def test_a_poll_asks_from_the_last_known_play_on() -> None:
    playlists = filled()
    runs = Runs(playlists, pair("recently_played", "archive"))
    playlists.someone_hears("ab", at=runs.clock.now())
    assert runs.run()[0] == "plays"

    assert runs.run() == ["plays after 05:59:59"]
    assert runs.said == ["unchanged"]
    playlists.someone_hears("c", at=runs.clock.now())
    assert runs.run()[0] == "plays after 05:59:59"
    assert runs.run() == ["plays after 07:59:59"]
    assert playlists.now_in("archive") == "abc"


def test_one_poll_serves_all_pairs_of_an_account() -> None:
    playlists = filled()
    playlists.held[identifier("other")] = []
    runs = Runs(playlists, pair("recently_played:week", "archive"), pair("recently_played:mix", "other"))
    playlists.someone_hears("a", at=runs.clock.now(), context="week")
    playlists.someone_hears("b", at=runs.clock.now(), context="mix")
    asked = runs.run()

    assert [request for request in asked if request.startswith("plays")] == ["plays"]
    assert (playlists.now_in("archive"), playlists.now_in("other")) == ("a", "b")


def test_a_play_that_could_not_be_added_is_added_when_spotify_shows_it_no_more() -> None:
    playlists = filled()
    runs = Runs(playlists, pair("recently_played:week", "archive"))
    playlists.someone_hears("abc", at=runs.clock.now(), context="week")
    playlists.before = lambda request: DOWN if request.startswith("append") else None
    runs.run()
    assert playlists.now_in("archive") == ""
    playlists.before = lambda _request: None
    playlists.someone_hears([str(number) for number in range(1000, 1060)], at=runs.clock.now())
    runs.run()

    assert playlists.now_in("archive") == "abc"


def warnings(runs: Runs) -> str:
    assert runs.report
    return "\n".join(runs.report.warnings)


def test_plays_that_were_lost_between_two_polls_are_told() -> None:
    playlists = filled()
    runs = Runs(playlists, pair("recently_played", "archive"))
    runs.connect = accounts = FakeAccounts(playlists)
    playlists.someone_hears("a", at=runs.clock.now())
    runs.run()
    assert "missed" not in warnings(runs)
    playlists.someone_hears([str(number) for number in range(1000, 1050)], at=runs.clock.now() + timedelta(hours=5))
    runs.run(hours=6)

    assert "plays were missed between 2026-11-22 06:00 and" in warnings(runs)
    accounts.warnings.clear()
    runs.run()
    assert "missed" not in warnings(runs)


def test_fifty_plays_with_the_last_known_one_among_them_are_all() -> None:
    playlists = filled()
    runs = Runs(playlists, pair("recently_played", "archive"))
    playlists.someone_hears("a", at=runs.clock.now())
    runs.run()
    playlists.someone_hears([str(number) for number in range(1000, 1049)], at=runs.clock.now() + timedelta(hours=5))
    runs.run(hours=6)

    assert "missed" not in warnings(runs)
    assert len(playlists.held[ARCHIVE]) == 50


def test_where_spotify_tells_no_context_the_report_says_so() -> None:
    playlists = filled()
    runs = Runs(playlists, pair("recently_played:week", "archive"))
    playlists.someone_hears("ab", at=runs.clock.now())
    runs.run()

    assert runs.said == ["unchanged"]
    assert "Spotify tells of none of the last 2 plays from what they were played" in warnings(runs)


def test_plays_are_remembered_for_a_month() -> None:
    playlists = filled()
    playlists.held[identifier("late")] = []
    runs = Runs(playlists, pair("recently_played", "archive"))
    for week in range(6):
        playlists.someone_hears([str(1000 + 30 * week + number) for number in range(30)], at=runs.clock.now())
        runs.run(hours=7 * 24)
    assert len(playlists.held[ARCHIVE]) == 180
    runs.pairs = (pair("recently_played", "late"),)
    runs.run()

    assert len(playlists.held[identifier("late")]) == 30 * 4


# --- the queue --------------------------------------------------------------------------------------------------------


def test_the_queue_is_taken_while_its_list_plays_and_grows_with_every_look() -> None:
    playlists = filled()
    playlists.player = FakePlayer(week="abcdef")
    playlists.player.queued = 2
    runs = Runs(playlists, pair("queue:week", "archive"))
    runs.run()
    assert runs.said == ["unchanged"]
    playlists.player.someone_plays("week")
    runs.run()
    assert playlists.now_in("archive") == "abc"
    playlists.player.someone_plays("week", at=3)
    runs.run()

    assert playlists.now_in("archive") == "abcdef"


def test_the_queue_of_another_list_is_left_alone() -> None:
    playlists = filled()
    runs = Runs(playlists, pair("queue:week", "archive"))
    playlists.player = FakePlayer(week="abc", mix="xyz")
    playlists.player.someone_plays("mix")
    runs.run()

    assert "queue" not in playlists.reads
    assert playlists.now_in("archive") == ""


def test_a_queue_whose_list_is_not_told_is_not_taken_and_that_is_said() -> None:
    playlists = filled()
    runs = Runs(playlists, pair("queue:week", "archive"))
    playlists.player = FakePlayer(week="abc")
    playlists.player.tells_context = False
    playlists.player.someone_plays("week")
    runs.run()

    assert playlists.now_in("archive") == ""
    assert "Spotify does not tell from what" in warnings(runs)


# --- a file -----------------------------------------------------------------------------------------------------------


def listed(path: Path, *lines: str) -> Pair:
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return to_archive(FileSource(str(path), path.name))


def test_a_file_is_a_source_and_costs_no_request(tmp_path: Path) -> None:
    playlists = filled()
    path = tmp_path / "songs.txt"
    runs = Runs(playlists, listed(path, f"https://open.spotify.com/track/{uri('a')[-22:]}?si=1", uri("b")))
    runs.run()
    assert playlists.now_in("archive") == "ab"

    assert runs.run() == []
    listed(path, uri("a"), uri("b"), uri("c"))
    runs.run()
    assert playlists.now_in("archive") == "abc"


def test_what_a_file_names_by_isrc_is_looked_up_once(tmp_path: Path) -> None:
    playlists = filled()
    playlists.isrcs |= {"USABC2600001": item("a"), "USABC2600003": item("c")}
    path = tmp_path / "songs.csv"
    runs = Runs(playlists, listed(path, "Title,ISRC", "A,USABC2600001", "B,USABC2600002"))
    asked = runs.run()

    assert [request for request in asked if "isrc" in request] == ["isrc USABC2600001", "isrc USABC2600002"]
    assert playlists.now_in("archive") == "a"
    assert runs.report
    assert runs.report.outcomes[0].plan
    assert runs.run() == []
    listed(path, "Title,ISRC", "A,USABC2600001", "B,USABC2600002", "C,USABC2600003")
    assert [request for request in runs.run() if "isrc" in request] == ["isrc USABC2600003"]
    assert playlists.now_in("archive") == "ac"


def test_a_long_file_of_isrcs_is_looked_up_over_several_days(tmp_path: Path) -> None:
    playlists = filled()
    codes_of = [f"USABC26{number:05d}" for number in range(100)]
    playlists.isrcs |= {code: item(str(1000 + number)) for number, code in enumerate(codes_of)}
    runs = Runs(playlists, listed(tmp_path / "songs.csv", "ISRC", *codes_of))
    runs.connect = Limited(playlists, 60)
    runs.run()

    assert runs.said == ["added"]
    assert 0 < len(playlists.held[ARCHIVE]) < 100
    assert "later runs go on from here" in warnings(runs)
    for _ in range(6):
        runs.run(hours=24)
    assert [one.uri for one in playlists.held[ARCHIVE]] == [uri(str(1000 + number)) for number in range(100)]


def test_a_look_up_that_was_cut_short_goes_on_where_it_was(tmp_path: Path) -> None:
    playlists = filled()
    playlists.isrcs |= {"USABC2600001": item("a"), "USABC2600002": item("c")}
    runs = Runs(playlists, listed(tmp_path / "songs.csv", "ISRC", "USABC2600001", "USABC2600002"))
    playlists.before = lambda request: DOWN if request == "isrc USABC2600002" else None
    runs.run()
    assert runs.codes == [Code.TEMPORARY]
    assert playlists.now_in("archive") == ""
    playlists.before = lambda _request: None

    assert [request for request in runs.run() if "isrc" in request] == ["isrc USABC2600002"]
    assert playlists.now_in("archive") == "ac"


class Limited(FakeAccounts):
    """An app that may ask so many times a day."""

    def __init__(self, playlists: FakePlaylists, daily_requests: int) -> None:
        super().__init__(playlists)
        self._daily = daily_requests

    def __call__(self, account: Account, budget: Budget) -> Connection:
        return super().__call__(replace(account, daily_requests=self._daily), budget)


def test_a_file_that_is_missing_fails_its_pair_alone(tmp_path: Path) -> None:
    playlists = filled()
    gone = to_archive(FileSource(str(tmp_path / "gone.txt"), "gone.txt"))
    runs = Runs(playlists, gone, pair("liked", "archive"))
    runs.run()

    assert runs.said == ["failed", "added"]
    assert runs.codes[0] is Code.SOURCE_NOT_READABLE


def test_local_files_in_a_file_are_skipped(tmp_path: Path) -> None:
    playlists = filled()
    runs = Runs(playlists, listed(tmp_path / "songs.txt", "spotify:local:A:B:C:1", uri("a")))
    runs.run()

    assert runs.report
    assert runs.report.outcomes[0].skipped == {Reason.LOCAL: 1}


# --- what was captured ------------------------------------------------------------------------------------------------


def test_a_captured_list_is_a_source_like_any_other() -> None:
    playlists = filled()
    runs = Runs(playlists, to_archive(Captured(identifier("week"), (*items("abc"), Item(uri=None, kind=Kind.LOCAL)))))
    runs.run()

    assert playlists.now_in("archive") == "abc"
    runs.run()
    assert runs.said == ["unchanged"]


# --- two accounts -----------------------------------------------------------------------------------------------------


def shared() -> tuple[FakePlaylists, FakePlaylists, FakeAccounts]:
    """Return what I see, what Anna sees, and the accounts: her list is closed to me, my archive to her."""
    mine, hers = FakePlaylists(archive="", liked="m"), FakePlaylists(week="abc", liked="h")
    accounts = FakeAccounts(mine)
    accounts.own["anna"] = hers
    return mine, hers, accounts


def both(*sources: str) -> Pair:
    made = pair("+".join(sources), "archive")
    return replace(made, readers=("anna",) * len(sources), account="me")


def test_one_account_reads_and_the_other_writes() -> None:
    mine, hers, accounts = shared()
    runs = Runs(mine, both("week"))
    runs.connect = accounts
    runs.run()

    assert mine.now_in("archive") == "abc"
    assert hers.added == []
    assert [one.account for one in runs.report.sign_ins] == ["anna", "me"] if runs.report else False
    hers.reads.clear()
    assert runs.run() == []
    assert hers.reads == ["list 0"]


def test_the_liked_songs_of_two_people_are_two_sources() -> None:
    mine, _hers, accounts = shared()
    made = replace(pair("liked+week", "archive"), readers=("me", "anna"), account="me")
    made = replace(made, sources=(made.sources[0], made.sources[0]))
    runs = Runs(mine, made)
    runs.connect = accounts
    runs.run()

    assert mine.now_in("archive") == "mh"


@pytest.mark.parametrize("error", [SignInNeeded("anna"), PremiumNeeded()])
def test_an_account_that_ends_takes_the_pairs_along_that_read_with_it_and_no_others(error: SyncError) -> None:
    mine, _hers, _ = shared()
    accounts = FakeAccounts(mine, anna=error)
    runs = Runs(
        mine, both("week"), replace(pair("liked", "archive"), account="me"), replace(both("liked"), name="hers")
    )
    runs.connect = accounts
    report = runs.run() and runs.report

    assert report
    assert statuses(report) == ["failed", "added", "not-tried"]
    assert codes(report) == [error.code, None, error.code]
    assert accounts.opened.count("anna") == 1


def test_an_account_that_ends_while_it_reads_does_not_end_the_one_that_writes() -> None:
    mine, hers, accounts = shared()
    runs = Runs(mine, both("week"), replace(pair("liked", "archive"), account="me"))
    runs.connect = accounts
    hers.before = lambda _request: PremiumNeeded()
    runs.run()

    assert runs.said == ["failed", "added"]


def test_what_one_account_may_not_see_is_not_found_for_it_alone() -> None:
    mine, hers, accounts = shared()
    hers.before = lambda request: NotFound("spotify:playlist:x") if "week" in request else None
    runs = Runs(mine, both("week"), replace(pair("liked", "archive"), account="me"))
    runs.connect = accounts
    runs.run()

    assert runs.codes == [Code.NOT_FOUND, None]


def test_the_context_of_an_older_form_is_known_too() -> None:
    playlists = filled()
    runs = Runs(playlists, to_archive(RecentlyPlayed(identifier("week"))))
    playlists.someone_hears("a", at=datetime(2026, 11, 22, 6, tzinfo=UTC), context="week")
    playlists.heard[0] = replace(playlists.heard[0], context=Uri(f"spotify:user:spotify:playlist:{identifier('week')}"))
    runs.run()

    assert playlists.now_in("archive") == "a"


def test_nothing_is_kept_where_the_state_keeps_nothing() -> None:
    playlists = filled()
    runs = Runs(playlists, pair("recently_played", "archive"), state=MemoryState)
    playlists.someone_hears("ab", at=runs.clock.now())
    runs.run()

    assert runs.run()[0] == "plays"
    assert playlists.now_in("archive") == "ab"
