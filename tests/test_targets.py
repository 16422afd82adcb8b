"""Targets that are made when they are needed, found again, never made twice, and followed by others when full."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime

import pytest

from syncer import recalling
from syncer.appending import SETTLE
from syncer.errors import Code, ConfigError, MissingScope, NameRefused, NotFound, SyncError, Temporary, UnclearCreation
from syncer.ids import PlaylistId, playlist_uri
from syncer.model import Action, Chosen, NewTarget, Pair, Position, Reason, Removed, Reversal, Status, Volume
from syncer.report import as_json, plan_as_text
from syncer.state.nothing import NoState
from syncer.targets import LONGEST_DESCRIPTION, MARK, descriptions
from tests.fakes import FakeAccounts, FakePlaylists, MemoryState, config, identifier, letters, pair, uri
from tests.running import Runs

NOVEMBER, DECEMBER = "Archive-2026-11", "Archive-2026-12"
"""What the fake knows them by."""


def made(sources: str = "fresh", pattern: str = "Archive {year}-{month}", **options: object) -> Pair:
    """Return the pair of these sources and a target that is to be made."""
    new = NewTarget(
        pattern=pattern, public=bool(options.pop("public", False)), description=str(options.pop("about", ""))
    )
    usual: dict[str, object] = {"create": new, "roll_over": True}
    return replace(pair(sources, "archive"), target=PlaylistId(""), **usual | options)  # type: ignore[arg-type] # a misspelt one fails


def rolling(sources: str = "fresh", target: str = "archive", **options: object) -> Pair:
    """Return the pair of these sources and a playlist that others follow when it is full."""
    return pair(sources, target, roll_over=True, **options)


class Stage(Runs):
    """Runs over some playlists, and what came of them."""

    def __init__(self, *pairs: Pair, **held: Sequence[str]) -> None:
        super().__init__(FakePlaylists(**held), *pairs, state=lambda: self.kept)
        self.kept = MemoryState()

    def lose_state(self) -> None:
        """Let everything be gone that was kept."""
        self.kept = MemoryState()

    def now(self) -> dict[str, str]:
        """Return what the playlists hold that were made, by what the fake knows them by."""
        return {name.rstrip("x"): letters(self.playlists.held[name]) for name in self.playlists.names}

    @property
    def targets(self) -> list[str]:
        """How the last report names the target of each pair."""
        assert self.report is not None
        return [one["target"] for one in as_json(self.report)["pairs"]]

    def volumes(self, series: str = "Archive 2026-11") -> list[PlaylistId | None]:
        """Return which playlists are kept of *series*."""
        return [volume.playlist for volume in self.kept.volumes("default", series)]

    @property
    def notes(self) -> list[str]:
        """What was kept of playlists that were made, in order."""
        return [call for call in self.kept.calls if "volume" in call]


def created(asked: Sequence[str]) -> list[str]:
    return [request for request in asked if request.startswith("create")]


# --- made -------------------------------------------------------------------------------------------------------------


def test_a_target_is_made_when_there_is_something_to_add() -> None:
    stage = Stage(made(about="What I liked"), fresh="abc")

    asked = stage.run()

    assert created(asked) == ["create Archive 2026-11"]
    assert stage.now() == {NOVEMBER: "abc"}
    assert stage.playlists.descriptions[identifier(NOVEMBER)] == f"What I liked {MARK}"
    assert stage.said == [Status.ADDED]
    assert stage.targets == [playlist_uri(identifier(NOVEMBER))]


def test_nothing_is_made_and_nobody_is_asked_for_it_while_there_is_nothing_to_add() -> None:
    stage = Stage(made(), fresh="")

    asked = stage.run()

    assert asked == ["head+ fresh"]
    assert stage.now() == {}
    assert stage.said == [Status.UNCHANGED]
    assert stage.targets == ["create:Archive {year}-{month}"]
    assert stage.run() == ["list 0"]


def test_what_was_made_is_known_and_never_made_again() -> None:
    stage = Stage(made(), fresh="abc")
    stage.run()
    stage.playlists.someone_adds("fresh", "d")

    asked = stage.run()

    assert asked == ["list 0", "head+ fresh", f"page {NOVEMBER} 2", f"append {NOVEMBER} d", f"page {NOVEMBER} 2"]
    assert stage.now() == {NOVEMBER: "abcd"}
    assert stage.run() == ["list 0"]
    assert stage.said == [Status.UNCHANGED]
    assert stage.targets == [playlist_uri(identifier(NOVEMBER))]


def test_the_note_is_kept_before_it_is_made() -> None:
    stage = Stage(made(), fresh="abc")
    asked: list[list[str]] = []
    stage.playlists.before = lambda request: asked.append([request, *stage.notes])

    stage.run()

    assert ["create Archive 2026-11", "keep volume 1 of Archive 2026-11, unclear"] in asked
    assert stage.notes == ["keep volume 1 of Archive 2026-11, unclear", "keep volume 1 of Archive 2026-11"]


@pytest.mark.parametrize("public", [True, False])
def test_it_is_as_public_as_the_config_says(public: bool) -> None:  # noqa: FBT001
    stage = Stage(made(public=public), fresh="a")
    stage.playlists.lacks.add("playlist-modify-public" if not public else "playlist-modify-private")
    stage.playlists.before = lambda request: Temporary("enough") if request.startswith("append") else None

    stage.run()

    assert stage.now() == {NOVEMBER: ""}


def test_every_period_has_its_own_and_the_ones_before_stay_as_they_are() -> None:
    stage = Stage(made(), fresh="ab")
    stage.run()
    stage.run(hours=24 * 30)

    assert stage.now() == {NOVEMBER: "ab", DECEMBER: "ab"}
    assert stage.targets == [playlist_uri(identifier(DECEMBER))]


def test_a_run_across_midnight_goes_by_the_day_on_which_it_started() -> None:
    stage = Stage(made("fresh", "{day}"), made("other", "{day}"), fresh="a", other="b")
    stage.clock.start = datetime.fromisoformat("2026-11-22T22:59:59+00:00")

    def slow(_request: str) -> None:
        stage.clock.elapsed += 30

    stage.playlists.before = slow
    stage.run()

    assert stage.now() == {"22": "ab"}


def test_pairs_with_one_name_in_one_account_share_what_is_made() -> None:
    stage = Stage(made("fresh"), made("liked"), made("week"), fresh="ab", week="bdc")
    stage.playlists.liked = "bc"

    asked = stage.run()

    assert len(created(asked)) == 1
    assert stage.now() == {NOVEMBER: "abcd"}
    assert len(set(stage.targets)) == 1
    assert [request for request in asked if request.startswith("head")] == ["head+ fresh", "head+ week"]


def test_accounts_do_not_share_what_they_make() -> None:
    stage = Stage(made("fresh"), made("week", account="second"), fresh="ab")
    theirs = FakePlaylists(week="b")
    stage.connect = accounts = FakeAccounts(stage.playlists)
    accounts.own["second"] = theirs

    stage.run()

    assert stage.now() == {NOVEMBER: "ab"}
    assert theirs.now_in(NOVEMBER) == "b"
    assert [one.account for one in stage.kept.volumes("second", "Archive 2026-11")] == ["second"]


def test_without_a_state_nothing_is_made() -> None:
    for one in (made(), rolling()):
        stage = Stage(one, fresh="a", archive="")
        stage.state = NoState
        with pytest.raises(ConfigError, match="a playlist could be made twice"):
            stage.run()
        stage.pairs = (replace(one, enabled=False),)
        assert stage.run() == []


# --- planned ----------------------------------------------------------------------------------------------------------


def test_a_plan_makes_nothing_and_keeps_nothing() -> None:
    stage = Stage(made("fresh"), made("week"), fresh="ab", week="bc")

    asked = stage.run(plan=True)

    assert asked == ["head+ fresh", "list 0", "head+ week"]
    assert stage.targets == ["create:Archive {year}-{month}"] * 2
    assert stage.report
    assert [letters(one.added) for one in stage.report.outcomes] == ["ab", "c"]
    assert "(already there)" in plan_as_text(stage.report.outcomes[1])
    assert stage.notes == []
    stage.run()
    assert stage.now() == {NOVEMBER: "abc"}


def test_a_plan_finds_what_was_made_though_the_state_was_lost() -> None:
    stage = Stage(made(), fresh="ab")
    stage.run()
    stage.lose_state()

    stage.run(plan=True)

    assert stage.targets == [playlist_uri(identifier(NOVEMBER))]
    assert stage.said == [Status.UNCHANGED]
    assert stage.volumes() == []


def test_a_plan_goes_on_where_the_playlist_ends() -> None:
    stage = Stage(rolling("fresh"), rolling("week"), fresh="abcde", week="def", archive="xyz")
    stage.limit = 4

    stage.run(plan=True)

    assert stage.report
    assert [letters(one.added) for one in stage.report.outcomes] == ["abcde", "f"]
    assert stage.said == [Status.ADDED, Status.ADDED]
    assert stage.targets == [playlist_uri(identifier("archive"))] * 2


def test_a_plan_of_one_that_does_not_go_on_ends_where_it_is_full() -> None:
    stage = Stage(made(roll_over=False), fresh="abcde")
    stage.limit = 4
    for plan in (True, False):
        stage.run(plan=plan)
        assert letters(stage.outcome.added) == "abcd"
        assert stage.outcome.deferred == 1
        assert stage.codes == [Code.TARGET_FULL]


# --- found again ------------------------------------------------------------------------------------------------------


def test_what_was_made_is_found_in_the_library_though_the_state_was_lost() -> None:
    stage = Stage(made(), fresh="ab")
    stage.run()
    stage.lose_state()
    stage.playlists.someone_adds("fresh", "c")

    asked = stage.run()

    assert created(asked) == []
    assert stage.now() == {NOVEMBER: "abc"}
    assert stage.volumes() == [identifier(NOVEMBER)]


def test_it_is_found_on_any_page_and_by_what_people_leave_of_its_description() -> None:
    stage = Stage(made(), fresh="a", **{f"list{number}": "" for number in range(120)})
    stage.run()
    stage.lose_state()
    stage.playlists.descriptions[identifier(NOVEMBER)] = f"Mine! {MARK} And more."
    stage.playlists.names[identifier(NOVEMBER)] = "Archive  2026-11 "

    assert stage.run()[1:] == ["list 0", "list 50", "list 100", "me", f"head+ {NOVEMBER}"]
    assert stage.volumes() == [identifier(NOVEMBER)]


def test_playlists_of_that_name_that_are_not_ours_are_left_alone() -> None:
    """One of my own without a word of us, one of a friend who does this too, one that follows another, one to come."""
    stage = Stage(made(), fresh="a", mine="x", friends="y", second="z")
    for word, about in (("mine", "My own"), ("friends", MARK), ("second", f"{MARK} Volume 2.")):
        stage.playlists.names[identifier(word)] = "Archive 2026-11"
        stage.playlists.descriptions[identifier(word)] = about
    stage.playlists.read_only.add(identifier("friends"))

    assert created(stage.run()) == ["create Archive 2026-11"]
    assert [letters(stage.playlists.held[identifier(word)]) for word in ("mine", "friends", "second")] == [
        "x",
        "y",
        "z",
    ]


def test_a_library_that_changes_while_it_is_read_is_read_again() -> None:
    """What someone takes out moves the rest up: one on the next page would be missed, and made a second time."""
    words = [f"list{number}" for number in range(120)]
    stage = Stage(made(), fresh="a", **dict.fromkeys(words, ""))
    stage.run()
    stage.lose_state()

    def someone_tidies_up(request: str) -> None:
        if request in ("list 50", "list 100"):
            del stage.playlists.held[identifier(words.pop(0))]

    stage.playlists.before = someone_tidies_up
    asked = stage.run()

    assert created(asked) == []
    assert stage.codes == [Code.TARGET_UNSTABLE]
    assert asked.count("list 0") == 4
    stage.playlists.before = lambda _request: None
    assert created(stage.run()) == []
    assert stage.volumes() == [identifier(NOVEMBER)]


def test_the_library_is_read_once_for_all_pairs() -> None:
    stage = Stage(made("fresh", "One"), made("week", "Two"), fresh="a", week="b")

    asked = stage.run()

    assert created(asked) == ["create One", "create Two"]
    assert asked.count("list 0") == 1


# --- unclear ----------------------------------------------------------------------------------------------------------


def never_made(request: str) -> SyncError | None:
    return UnclearCreation("Archive") if request.startswith("create") else None


def test_a_playlist_that_may_have_been_made_is_not_made_again_in_this_run_by_any_pair() -> None:
    stage = Stage(made("fresh"), made("week"), fresh="ab", week="c")
    stage.playlists.loses = lambda what: what == "Archive 2026-11"

    asked = stage.run()

    assert len(created(asked)) == 1
    assert stage.said == [Status.PARTIAL, Status.PARTIAL]
    assert stage.codes == [Code.UNCLEAR_ADD] * 2
    assert stage.outcome.deferred == 2
    assert "whether it made the playlist Archive 2026-11" in str(stage.outcome.error)
    assert stage.now() == {NOVEMBER: ""}
    assert stage.volumes() == [None]


@pytest.mark.parametrize("was_made", [True, False])
def test_the_next_run_takes_what_was_made_after_all_or_makes_it_anew(was_made: bool) -> None:  # noqa: FBT001
    stage = Stage(made(), fresh="ab")
    if was_made:
        stage.playlists.loses = lambda what: what == "Archive 2026-11"
    else:
        stage.playlists.before = never_made
    stage.run()
    stage.playlists.loses, stage.playlists.before = lambda _what: False, lambda _request: None

    asked = stage.run()

    assert len(created(asked)) == (not was_made)
    assert stage.now() == {NOVEMBER: "ab"}
    assert stage.said == [Status.ADDED]
    assert stage.volumes() == [identifier(NOVEMBER)]


def test_a_plan_does_not_wait_to_see_whether_it_was_made() -> None:
    stage = Stage(made(), fresh="ab")
    stage.playlists.before = never_made
    stage.run()
    stage.playlists.before = lambda _request: None

    stage.run(plan=True)

    assert stage.clock.slept == []
    assert stage.said == [Status.ADDED]


class Died(BaseException):
    """The end of a process."""


def dies_at(call: str) -> Callable[[str], SyncError | None]:
    def before(what: str) -> None:
        if what == call:
            raise Died

    return before


@pytest.mark.parametrize("seconds", [0, 1, 20, 44])
def test_killed_before_it_was_kept_which_it_is_it_is_looked_for_w_later(seconds: float) -> None:
    stage = Stage(made(), fresh="ab")
    stage.kept.before = dies_at("keep volume 1 of Archive 2026-11")
    with pytest.raises(Died):
        stage.run()
    stage.kept.process_died()
    stage.kept.before = lambda _call: None
    looked: list[tuple[str, float]] = []
    began = stage.clock.elapsed + seconds
    stage.playlists.before = lambda request: looked.append((request, stage.clock.elapsed - began))

    asked = stage.run(hours=seconds / 3600)

    assert ("list 0", SETTLE) in looked
    assert created(asked) == []
    assert stage.now() == {NOVEMBER: "ab"}


def test_a_library_that_was_read_before_that_is_read_once_more() -> None:
    stage = Stage(made("week", "Other"), made(), fresh="ab", week="c")
    stage.playlists.before = lambda request: UnclearCreation("Archive") if request == "create Archive 2026-11" else None
    stage.run()
    stage.playlists.before = lambda _request: None
    stage.playlists.someone_adds("week", "d")
    stage.kept.forget_volume(stage.kept.volumes("default", "Other")[0])

    asked = stage.run()

    assert [request for request in asked if request.startswith(("list", "create"))] == [
        "list 0",  # for the versions of what is known
        "list 0",
        "list 0",
        "create Archive 2026-11",
    ]
    assert stage.now() == {"Other": "cd", NOVEMBER: "ab"}


def test_without_the_time_to_wait_it_is_left_to_a_later_run() -> None:
    stage = Stage(made(), fresh="ab")
    stage.playlists.before = never_made
    stage.run()
    stage.playlists.before = lambda _request: None
    deadline = stage.clock.elapsed + SETTLE

    report = stage.service().run(config(*stage.pairs), deadline=deadline)

    assert [one.status for one in report.outcomes] == [Status.PARTIAL]
    assert report.outcomes[0].deferred == 2
    assert stage.now() == {}
    stage.run()
    assert stage.now() == {NOVEMBER: "ab"}


def test_where_the_state_was_torn_just_now_what_nobody_remembers_has_its_time_to_show() -> None:
    stage = Stage(made(), fresh="ab")
    stage.kept.unknown_since = stage.clock.now()

    stage.run(hours=1 / 3600)

    assert stage.clock.slept == [SETTLE]
    assert stage.now() == {NOVEMBER: "ab"}


@pytest.mark.parametrize("error", [Temporary("down"), MissingScope("default", "playlist-modify-private")])
def test_what_was_refused_leaves_no_doubt(error: SyncError) -> None:
    stage = Stage(made(), fresh="ab")
    stage.playlists.before = lambda request: error if request.startswith("create") else None
    stage.run()

    assert stage.codes == [error.code]
    assert stage.outcome.deferred == 2
    assert stage.volumes() == []

    stage.playlists.before = lambda _request: None
    stage.run()
    assert stage.now() == {NOVEMBER: "ab"}
    assert stage.clock.slept == []


def test_where_the_library_cannot_be_read_nothing_is_made() -> None:
    stage = Stage(made(), fresh="ab")
    stage.playlists.before = lambda request: (
        MissingScope("default", "playlist-read-private") if request.startswith("list") else None
    )

    assert created(stage.run()) == []
    assert stage.codes == [Code.MISSING_SCOPE]
    assert stage.said == [Status.FAILED]


# --- names and descriptions -------------------------------------------------------------------------------------------


def test_a_description_that_spotify_does_not_take_is_left_out_and_if_need_be_the_mark_too() -> None:
    whole = f"What <I> liked {MARK}"
    for taken in (whole, MARK, ""):
        stage = Stage(made(about="What <I> liked"), fresh="ab")
        stage.playlists.takes = taken.__eq__

        stage.run()

        assert stage.playlists.descriptions == {identifier(NOVEMBER): taken}
        assert stage.now() == {NOVEMBER: "ab"}
        assert [one.marked for one in stage.kept.volumes("default", "Archive 2026-11")] == [bool(taken)]


def test_one_without_a_mark_whose_making_is_unclear_is_told_by_its_name_and_by_having_no_description() -> None:
    stage = Stage(made(), fresh="ab", mine="")
    stage.playlists.names[identifier("mine")] = "Archive 2026-11"
    stage.playlists.descriptions[identifier("mine")] = "My own"
    stage.playlists.takes = "".__eq__
    stage.playlists.loses = lambda what: what == "Archive 2026-11"
    stage.run()
    stage.playlists.loses = lambda _what: False

    stage.run()

    assert stage.volumes() == [identifier(f"{NOVEMBER}~")]


def test_a_name_that_spotify_does_not_take_is_said_to_be_so() -> None:
    stage = Stage(made(), fresh="ab")
    stage.playlists.takes = lambda _description: False

    asked = stage.run()

    assert len(created(asked)) == 2
    assert stage.said == [Status.FAILED]
    assert str(stage.outcome.error and stage.outcome.error.message) == str(NameRefused("Archive 2026-11"))
    assert stage.volumes() == []


@pytest.mark.parametrize("number", [1, 2, 99_999])
@pytest.mark.parametrize("text", ["", "short", "x" * 299, "x " * 400])
def test_a_description_has_room_for_the_mark(text: str, number: int) -> None:
    said = list(descriptions(text, number))

    assert max(map(len, said)) <= LONGEST_DESCRIPTION
    assert said[0].startswith(text[:200].rstrip())
    assert [MARK in one for one in said] == [True] * (len(said) - 1) + [False]
    assert len(said) == (3 if text else 2)


# --- what people do ---------------------------------------------------------------------------------------------------


def test_one_that_a_person_has_renamed_stays_the_target() -> None:
    stage = Stage(made(), fresh="ab")
    stage.run()
    stage.playlists.names[identifier(NOVEMBER)] = "Novembers"
    stage.playlists.descriptions[identifier(NOVEMBER)] = ""
    stage.playlists.someone_adds("fresh", "c")

    assert created(stage.run()) == []
    assert stage.now() == {NOVEMBER: "abc"}


def test_one_that_is_gone_is_said_to_be_gone_and_not_made_again_before_its_next_period() -> None:
    stage = Stage(made(), fresh="ab")
    stage.run()
    del stage.playlists.held[identifier(NOVEMBER)]
    del stage.playlists.names[identifier(NOVEMBER)]
    stage.playlists.someone_adds("fresh", "c")
    for plan in (True, False, False):
        assert created(stage.run(plan=plan)) == []
        assert stage.codes == [Code.NOT_FOUND]
        error = stage.outcome.error
        assert error
        assert error.message == (
            f"'Archive 2026-11', which was made for this target, is not there any more"
            f" ({playlist_uri(identifier(NOVEMBER))})"
        )
        assert "recover-playlists" in error.hint

    stage.run(hours=24 * 30)
    assert stage.now() == {DECEMBER: "abc"}


def test_one_that_goes_in_the_middle_of_a_run_is_said_to_be_gone() -> None:
    stage = Stage(made(), fresh="ab")
    stage.run()
    stage.playlists.someone_adds("fresh", "c")

    def someone_takes_it_away(request: str) -> None:
        if request.startswith("append"):
            del stage.playlists.held[identifier(NOVEMBER)]

    stage.playlists.before = someone_takes_it_away
    stage.run()

    assert stage.codes == [Code.NOT_FOUND]
    assert "which was made for this target" in str(stage.outcome.error and stage.outcome.error.message)


def test_one_that_was_made_just_now_and_does_not_show_yet_is_not_said_to_be_gone() -> None:
    stage = Stage(made(), fresh="ab")
    stage.playlists.before = lambda request: (
        NotFound(playlist_uri(identifier(NOVEMBER))) if request.startswith("page") else None
    )
    for _ in range(2):
        stage.run(hours=1 / 3600)
        assert stage.codes == [Code.TEMPORARY]
        assert "does not show the playlist 'Archive 2026-11' yet" in str(
            stage.outcome.error and stage.outcome.error.message
        )
    stage.playlists.before = lambda _request: None

    stage.run()

    assert stage.now() == {NOVEMBER: "ab"}


def test_a_target_of_the_config_that_is_gone_is_not_said_to_be_made() -> None:
    stage = Stage(rolling(), fresh="ab")
    stage.run()
    assert "Spotify knows no playlist" in str(stage.outcome.error and stage.outcome.error.message)


# --- roll-over --------------------------------------------------------------------------------------------------------


def test_what_does_not_fit_goes_into_the_next_in_the_same_run() -> None:
    stage = Stage(made(pattern="Archive"), fresh="abcdefghijk")
    stage.limit = 4

    asked = stage.run()

    assert created(asked) == ["create Archive", "create Archive 2", "create Archive 3"]
    assert stage.now() == {"Archive": "abcd", "Archive-2": "efgh", "Archive-3": "ijk"}
    assert stage.playlists.descriptions[identifier("Archive-2")] == f"{MARK} Volume 2."
    assert stage.said == [Status.ADDED]
    assert letters(stage.outcome.added) == "abcdefghijk"
    assert stage.targets == [playlist_uri(identifier("Archive-3"))]
    assert stage.run() == ["list 0"]
    assert stage.said == [Status.UNCHANGED]


def test_what_stands_in_any_of_them_is_there() -> None:
    stage = Stage(made(pattern="Archive"), fresh="abcdef")
    stage.limit = 4
    stage.run()
    stage.playlists.held[identifier("fresh")] = [*stage.playlists.held[identifier("Archive")][::-1]]
    stage.playlists.someone_adds("fresh", "gae")

    asked = stage.run()

    assert stage.now() == {"Archive": "abcd", "Archive-2": "efg"}
    assert [request for request in asked if "Archive" in request] == [
        "page Archive-2 1",
        "append Archive-2 g",
        "page Archive-2 1",
    ]
    assert stage.outcome.skipped == {Reason.ALREADY_THERE: 6}


def test_one_that_is_just_full_is_followed_only_when_there_is_news() -> None:
    stage = Stage(made(pattern="Archive"), fresh="abcd")
    stage.limit = 4
    stage.run()
    assert stage.now() == {"Archive": "abcd"}
    stage.playlists.someone_adds("fresh", "e")
    stage.run()
    assert stage.now() == {"Archive": "abcd", "Archive-2": "e"}


def test_a_playlist_of_ones_own_is_followed_by_others_of_its_name() -> None:
    stage = Stage(rolling(), fresh="abcdef", archive="xy")
    stage.playlists.names[identifier("archive")] = "All of it"
    stage.limit = 4

    stage.run()

    assert letters(stage.playlists.held[identifier("archive")]) == "xyab"
    assert stage.now() == {"archive": "xyab", "All-of-it-2": "cdef"}
    assert stage.targets == [playlist_uri(identifier("All-of-it-2"))]
    assert stage.volumes(playlist_uri(identifier("archive"))) == [identifier("All-of-it-2")]
    assert stage.run() == ["list 0"]


def test_the_next_is_called_what_people_call_the_first_by_now() -> None:
    stage = Stage(made(pattern="Archive"), fresh="abcd")
    stage.limit = 4
    stage.run()
    stage.playlists.names[identifier("Archive")] = "N" * 100
    stage.playlists.someone_adds("fresh", "e")

    assert created(stage.run()) == [f"create {'N' * 98} 2"]


def test_one_that_is_not_to_be_followed_is_full() -> None:
    stage = Stage(pair("fresh", "archive"), fresh="abcdef", archive="xy")
    stage.limit = 4

    stage.run()

    assert stage.now() == {}
    assert letters(stage.outcome.added) == "ab"
    assert stage.codes == [Code.TARGET_FULL]
    assert "roll_over" in str(stage.outcome.error and stage.outcome.error.hint)


@pytest.mark.parametrize("first", [made(pattern="Archive"), rolling()])
def test_all_of_them_are_found_in_the_library_before_anything_is_sent(first: Pair) -> None:
    stage = Stage(first, fresh="abcdefghij", archive="")
    stage.limit = 4
    stage.run()
    before = stage.now()
    stage.lose_state()
    stage.playlists.someone_adds("fresh", "k")

    asked = stage.run()

    assert created(asked) == []
    assert [request for request in asked if request.startswith("append")] == [f"append {list(before)[-1]} k"]
    assert stage.targets == [playlist_uri(identifier(list(before)[-1]))]


def test_volumes_are_shared_like_any_target() -> None:
    stage = Stage(made("fresh", "Archive"), made("week", "Archive"), fresh="abc", week="bcdefg")
    stage.limit = 4

    stage.run()

    assert stage.now() == {"Archive": "abcd", "Archive-2": "efg"}
    assert stage.targets == [playlist_uri(identifier("Archive")), playlist_uri(identifier("Archive-2"))]
    assert stage.run() == ["list 0"]
    assert stage.targets == [playlist_uri(identifier("Archive-2"))] * 2


def test_at_the_start_the_newest_go_into_the_next() -> None:
    """Wherever it is cut short, what is missing is the beginning of the plan."""
    stage = Stage(rolling(position=Position.START), fresh="abcdef", archive="xy")
    stage.limit = 4

    stage.run()

    assert letters(stage.playlists.held[identifier("archive")]) == "efxy"
    assert stage.now() == {f"{identifier('archive')}-2": "abcd"}
    assert letters(stage.outcome.added) == "abcdef"


def test_others_may_fill_it_while_it_is_filled() -> None:
    stage = Stage(rolling(), fresh="abcd", archive="xy")
    stage.limit = 4
    stage.pairs = (rolling(),)

    def someone_adds(request: str) -> None:
        if request == "page archive 0" and len(stage.playlists.held[identifier("archive")]) < 4:
            stage.playlists.someone_adds("archive", "pq")

    stage.playlists.before = someone_adds
    stage.playlists.nested = 0
    stage.run()
    stage.run()

    held = letters(stage.playlists.held[identifier("archive")])
    assert held == "xypq"
    assert list(stage.now().values()) == ["abcd"]


def test_one_that_is_found_while_it_is_filled_is_left_to_the_next_run() -> None:
    """What stands in it was not reckoned with when this run decided what to add."""
    stage = Stage(rolling(), fresh="abcdef", archive="xy")
    stage.limit = 4
    stage.run()
    stage.lose_state()
    del stage.playlists.held[identifier("archive")][2:]  # now "a" and "b" fit, and nobody looks for more of them
    stage.playlists.held[identifier("fresh")][2:] = []
    stage.playlists.nested = 0

    def someone_fills_it(request: str) -> None:
        if request == "page archive 1":
            stage.playlists.before = lambda _request: None
            stage.playlists.someone_adds("archive", "pq")

    stage.playlists.before = someone_fills_it
    asked = stage.run()

    assert created(asked) == []
    assert stage.codes == [Code.TARGET_FULL]
    assert stage.outcome.deferred == 2

    stage.run()
    assert list(stage.now().values()) == ["cdef", "ab"]


def test_an_unclear_second_one_leaves_what_was_added_to_the_first() -> None:
    stage = Stage(made(pattern="Archive"), fresh="abcdef")
    stage.limit = 4
    stage.playlists.loses = lambda what: what == "Archive 2"
    stage.run()

    assert stage.said == [Status.PARTIAL]
    assert (letters(stage.outcome.added), stage.outcome.deferred) == ("abcd", 2)
    assert stage.volumes("Archive") == [identifier("Archive"), None]

    stage.playlists.loses = lambda _what: False
    assert created(stage.run()) == []
    assert stage.now() == {"Archive": "abcd", "Archive-2": "ef"}


def test_an_unclear_add_to_one_of_them_bars_it_from_all() -> None:
    stage = Stage(made("fresh", "Archive"), made("week", "Archive"), fresh="abcdef", week="bg")
    stage.limit = 4
    stage.playlists.loses = lambda what: what == "abcd"

    report = stage.service().run(config(*stage.pairs), deadline=stage.clock.elapsed + SETTLE)

    assert [one.status for one in report.outcomes] == [Status.PARTIAL, Status.PARTIAL]
    assert stage.now() == {"Archive": "abcd"}
    stage.playlists.loses = lambda _what: False
    stage.run()
    assert stage.now() == {"Archive": "abcd", "Archive-2": "efg"}


def test_what_is_taken_out_of_one_of_them_comes_back_or_stays_out() -> None:
    for removed, after in ((Removed.COME_BACK, "efb"), (Removed.STAY_OUT, "ef")):
        stage = Stage(made(pattern="Archive", removed=removed), fresh="abcdef")
        stage.limit = 4
        stage.run()
        del stage.playlists.held[identifier("Archive")][1]

        stage.run(hours=48)

        assert stage.now() == {"Archive": "acd", "Archive-2": after}


# --- the record -------------------------------------------------------------------------------------------------------


def reversed_of(stage: Stage, action: Action) -> Reversal:
    service = stage.service()
    return (service.undo if action is Action.UNDO else service.redo)(config(*stage.pairs), Chosen())


def test_an_undo_and_a_redo_go_over_all_of_them() -> None:
    stage = Stage(made(pattern="Archive"), fresh="abcdef")
    stage.limit = 4
    stage.run()
    stage.clock.elapsed += 3600

    undone = reversed_of(stage, Action.UNDO)

    assert [(playlist_uri(part.target), letters(part.done)) for part in undone.parts] == [
        (playlist_uri(identifier("Archive")), "abcd"),
        (playlist_uri(identifier("Archive-2")), "ef"),
    ]
    assert stage.now() == {"Archive": "", "Archive-2": ""}
    stage.run(hours=48)
    assert stage.now() == {"Archive": "", "Archive-2": ""}
    assert stage.outcome.skipped == {Reason.TAKEN_OUT: 6}

    reversed_of(stage, Action.REDO)

    assert stage.now() == {"Archive": "abcd", "Archive-2": "ef"}


def test_what_was_added_in_another_period_can_be_undone() -> None:
    stage = Stage(made("fresh"), made("week"), made("other", "Other"), fresh="ab", week="cd", other="")
    stage.run()
    stage.clock.elapsed += 24 * 3600 * 30
    stage.playlists.held[identifier("fresh")] = []

    undone = reversed_of(stage, Action.UNDO)

    assert [part.error for part in undone.parts] == [None, None]
    assert stage.now() == {NOVEMBER: ""}


def test_what_was_made_for_a_pair_that_is_gone_is_not_touched() -> None:
    stage = Stage(made("fresh"), fresh="ab", other="")
    stage.run()
    stage.clock.elapsed += 24 * 3600 * 30
    stage.pairs = (made("other"),)

    (part,) = reversed_of(stage, Action.UNDO).parts

    assert part.error
    assert part.error.code is Code.CONFIG
    assert stage.now() == {NOVEMBER: "ab"}


def test_why_looks_into_all_of_them() -> None:
    stage = Stage(made(pattern="Archive"), made("week"), fresh="abcdef", week="")
    stage.limit = 4
    stage.run()
    stage.run()
    stage.playlists.someone_adds("week", "b")

    told = recalling.why(config(*stage.pairs), stage.kept, uri("b"), now=stage.clock.now())

    (now,) = told.now
    assert now.target == playlist_uri(identifier("Archive-2"))
    assert now.skip
    assert now.skip.reason is Reason.ALREADY_THERE


def test_what_is_kept_of_a_volume_says_how_it_was_made() -> None:
    stage = Stage(made(pattern="Archive"), fresh="abcdef")
    stage.limit = 4
    stage.run()

    assert stage.kept.volumes("default", "Archive") == tuple(
        Volume(
            account="default",
            series="Archive",
            number=number,
            name=name,
            marked=True,
            at=stage.clock.now(),
            playlist=identifier(name.replace(" ", "-")),
        )
        for number, name in ((1, "Archive"), (2, "Archive 2"))
    )
