"""What a look at everything finds: every kind of trouble by its name, and the rest all the same."""

from collections.abc import Callable
from dataclasses import replace
from datetime import date

import pytest

from syncer.budget import Stop
from syncer.checkup import About, Checkup, Examined, Finding, Level, Relation, Role, Use, exit_code, misconfigured, uses
from syncer.cli.login import needs
from syncer.errors import (
    AwsDenied,
    ClientRefused,
    Code,
    ConfigError,
    CredentialsUnreadable,
    Interrupted,
    MissingScope,
    NotAllowListed,
    NotFound,
    Outage,
    PremiumNeeded,
    Problem,
    QuotaExceeded,
    RateLimited,
    SignInNeeded,
    SourceNotReadable,
    StateUnreachable,
    StateUnusable,
    StoreUnreachable,
    SyncError,
    Temporary,
    UnreadableAnswer,
)
from syncer.ids import PlaylistId
from syncer.model import MAX_ITEMS, PAGE_SIZE, Account, Config, Listed, NewTarget, Pair, Volume
from syncer.rules import Rules
from syncer.state.nothing import NoState
from syncer.targets import MARK
from syncer.tracklist import read
from tests.fakes import (
    SCOPES,
    FakeAccounts,
    FakeClock,
    FakePlaylists,
    MemoryState,
    NoChance,
    config,
    identifier,
    items,
    pair,
)

MADE = "37i9dQZEVXcJZyENOWUFo7"


class Desk:
    """Someone who looks."""

    def __init__(self, playlists: FakePlaylists, *pairs: Pair, state: NoState | None = None) -> None:
        self.playlists = playlists
        self.config = config(*pairs)
        self.accounts = FakeAccounts(playlists)
        self.state = state or MemoryState()
        self.counted: list[tuple[int, int]] = []

    @property
    def checkup(self) -> Checkup:
        return Checkup(
            connect=self.accounts,
            state=self.state,
            place="memory",
            clock=FakeClock(),
            chance=NoChance(),
            stop=Stop(),
            files=read,
        )

    def counts(self, done: int, total: int) -> None:
        self.counted.append((done, total))

    def examine(self) -> Examined:
        return self.checkup.examine(self.config, self.counts)

    def found(self, about: About, *, level: Level | None = None) -> list[Finding]:
        return [one for one in self.examine().findings if one.about is about and level in (None, one.level)]

    def only(self, about: About) -> Finding:
        (one,) = self.found(about)
        return one


@pytest.fixture
def desk() -> Desk:
    return Desk(FakePlaylists(week="abc", archive="a"), pair("week", "archive"))


def code(result: Examined) -> int:
    return exit_code((one.code for one in result.findings), result.interrupted_by)


def levels(result: Examined) -> set[Level]:
    return {one.level for one in result.findings}


# --- all is well ------------------------------------------------------------------------------------------------------


def test_where_all_is_well_every_thing_has_its_line_and_nothing_is_to_do(desk: Desk) -> None:
    result = desk.examine()
    assert [one.about for one in result.findings] == [
        About.CONFIG,
        About.STATE,
        About.CREDENTIALS,
        About.SIGN_IN,
        About.SCOPES,
        About.APP,
        About.PLAYLIST,
        About.PLAYLIST,
        About.QUOTA,
    ]
    assert levels(result) == {Level.OK}
    assert not [one for one in result.findings if one.action or one.code]
    assert code(result) == 0
    assert desk.counted == [(1, 2), (2, 2)]


def test_playlists_of_ones_own_cost_a_request_for_fifty_of_them() -> None:
    words = [f"p{number}" for number in range(60)]
    desk = Desk(FakePlaylists(**dict.fromkeys(words, "a")), *(pair(word, "p0") for word in words[1:]))
    assert levels(desk.examine()) == {Level.OK}
    assert desk.playlists.reads == ["me", "list 0", "list 50"]


def test_one_playlist_is_asked_for_itself() -> None:
    desk = Desk(FakePlaylists(archive="a", liked="ab"), pair("liked", "archive"))
    assert levels(desk.examine()) == {Level.OK}
    assert desk.playlists.reads == ["me", "liked 0", "head archive"]


def test_what_no_listing_shows_is_asked_for_once_whatever_its_roles() -> None:
    playlists = FakePlaylists(a="a", b="b", c="c")
    playlists.library = []
    desk = Desk(playlists, pair("a", "b"), pair("b", "c"), pair("gone", "c"))
    desk.examine()
    assert playlists.reads == ["me", "list 0", "head a", "head b", "head c", "head gone"]


def test_a_large_library_is_not_paged_for_a_few_playlists() -> None:
    playlists = FakePlaylists(a="a", b="b", **{f"p{number}": "" for number in range(200)})
    playlists.library = [f"p{number}" for number in range(200)]
    Desk(playlists, pair("a", "b")).examine()
    assert playlists.reads == ["me", "list 0", "head a", "head b"]


@pytest.mark.parametrize("error", [MissingScope("default", "playlist-read-private"), UnreadableAnswer("?")])
def test_without_a_listing_each_is_asked_for(desk: Desk, error: SyncError) -> None:
    desk.playlists.before = lambda request: error if request == "list 0" else None
    result = desk.examine()
    assert levels(result) == {Level.OK}
    assert desk.playlists.reads == ["me", "list 0", "head week", "head archive"]


def test_what_is_asked_counts_against_the_day(desk: Desk) -> None:
    assert desk.only(About.QUOTA).message.startswith("2 requests")
    assert desk.only(About.QUOTA).message.startswith("4 requests")
    desk.config = replace(desk.config, accounts=(Account(name="default", daily_requests=5),))
    spent = desk.only(About.QUOTA)
    assert (spent.level, spent.code) == (Level.WARNING, None)
    assert spent.action


# --- config and state -------------------------------------------------------------------------------------------------


def test_a_config_that_does_not_hold_is_all_that_is_found() -> None:
    problems = [Problem(file="c", line=1, column=2, path="$", message=word) for word in ("one", "two")]
    result = misconfigured(ConfigError(problems))
    assert [one.message for one in result.findings] == ["c:1:2: $: one", "c:1:2: $: two"]
    assert {one.level for one in result.findings} == {Level.FAILED}
    assert code(result) == 2


def test_what_is_odd_in_a_config_and_what_is_not_enabled_is_told(desk: Desk) -> None:
    odd = Problem(file="c", line=1, column=2, path="$", message="odd")
    pairs = (*desk.config.pairs, pair("gone", "archive", enabled=False))
    desk.config = replace(desk.config, pairs=pairs, warnings=(odd,))
    holds, warning = desk.found(About.CONFIG)
    assert holds.message == "it holds: 2 pairs (1 of them not enabled, and not looked at)"
    assert (warning.level, warning.message) == (Level.WARNING, "c:1:2: $: odd")
    assert code(desk.examine()) == 0


def test_a_run_under_way_is_no_failure(desk: Desk) -> None:
    now = FakeClock().now()
    with desk.state.lock("other", now=now, until=now):
        finding = desk.only(About.STATE)
    assert (finding.level, finding.code) == (Level.WARNING, None)
    assert finding.message.startswith("another run is under way")


def test_the_lock_is_free_again_at_once(desk: Desk) -> None:
    desk.examine()
    assert isinstance(desk.state, MemoryState)
    assert desk.state.calls[:2] == ["lock", "unlock"]


def test_no_state_is_a_warning() -> None:
    desk = Desk(FakePlaylists(week="abc", archive="a"), pair("week", "archive"), state=NoState())
    finding = desk.only(About.STATE)
    assert finding.level is Level.WARNING
    assert finding.action
    assert code(desk.examine()) == 0


@pytest.mark.parametrize(
    ("error", "exits"), [(StateUnusable("no", hint="do"), 2), (StateUnreachable("no", hint=""), 5)]
)
def test_a_state_that_cannot_be_used_is_told_once_and_does_not_hide_the_credentials(
    desk: Desk, error: SyncError, exits: int
) -> None:
    assert isinstance(desk.state, MemoryState)
    desk.state.before = lambda call: error if call == "lock" else None
    desk.accounts = FakeAccounts(desk.playlists, default=error)
    result = desk.examine()
    assert [(one.about, one.level) for one in result.findings] == [
        (About.CONFIG, Level.OK),
        (About.STATE, Level.FAILED),
        (About.CREDENTIALS, Level.OK),
        (About.PLAYLIST, Level.UNKNOWN),
    ]
    assert code(result) == exits


# --- accounts ---------------------------------------------------------------------------------------------------------

UNREADABLE = CredentialsUnreadable("unreadable", hint="mend")
AT_THE_DOOR: dict[str, tuple[SyncError, About, int]] = {
    "unreadable credentials": (UNREADABLE, About.CREDENTIALS, 3),
    "a secret that AWS denies": (AwsDenied("denied", hint="mend"), About.CREDENTIALS, 3),
    "a store that is not reached": (StoreUnreachable("later", hint="wait"), About.CREDENTIALS, 5),
    "a sign-in that has ended": (SignInNeeded("default"), About.SIGN_IN, 3),
    "a client that is refused": (ClientRefused("default"), About.APP, 3),
    "an accounts service in trouble": (Temporary("later"), About.SIGN_IN, 5),
    "a quota that is used up": (QuotaExceeded(48925), About.QUOTA, 5),
    "a wait that was asked for": (RateLimited(7200), About.QUOTA, 5),
}


@pytest.mark.parametrize(("error", "about", "exits"), AT_THE_DOOR.values(), ids=AT_THE_DOOR)
def test_an_account_that_cannot_be_opened_has_one_failure_with_its_action(
    desk: Desk, error: SyncError, about: About, exits: int
) -> None:
    desk.accounts = FakeAccounts(desk.playlists, default=error)
    result = desk.examine()
    (failed,) = [one for one in result.findings if one.level is Level.FAILED]
    assert (failed.about, failed.code, failed.account, failed.action) == (about, error.code, "default", error.hint)
    assert failed.message.startswith(str(error))
    readable = [one for one in result.findings if one.about is About.CREDENTIALS and one.level is Level.OK]
    assert bool(readable) == (about is not About.CREDENTIALS)
    assert result.findings[-1].level is Level.UNKNOWN
    assert code(result) == exits
    assert desk.playlists.reads == []


def test_a_wait_says_until_when(desk: Desk) -> None:
    desk.accounts = FakeAccounts(desk.playlists, default=QuotaExceeded(48925))
    assert desk.only(About.QUOTA).message.endswith("(until 2026-11-22 19:35 UTC)")


def test_a_sign_in_is_put_to_the_proof_whatever_token_is_stored(desk: Desk) -> None:
    desk.accounts.revoked = SignInNeeded("default")
    result = desk.examine()
    assert [one.code for one in result.findings if one.level is Level.FAILED] == [Code.SIGN_IN_NEEDED]
    assert (code(result), desk.playlists.reads) == (3, [])


@pytest.mark.parametrize("error", [PremiumNeeded(), NotAllowListed("default")])
def test_an_app_that_is_not_served_is_told_from_one_request(desk: Desk, error: SyncError) -> None:
    desk.playlists.before = lambda _request: error
    result = desk.examine()
    (failed,) = [one for one in result.findings if one.level is Level.FAILED]
    assert (failed.about, failed.code, code(result)) == (About.APP, error.code, 3)
    assert desk.playlists.reads == ["me"]


def test_each_account_is_looked_at_whatever_another_has_and_those_without_pairs_too(desk: Desk) -> None:
    spare = Account(name="spare")
    desk.config = replace(desk.config, accounts=(Account(name="broken"), *desk.config.accounts, spare))
    desk.accounts = FakeAccounts(desk.playlists, broken=UNREADABLE)
    result = desk.examine()
    assert desk.accounts.opened == ["broken", "default", "spare"]
    assert [one.account for one in result.findings if one.about is About.CREDENTIALS] == ["broken", "default", "spare"]
    assert [one.account for one in result.findings if one.about is About.SCOPES] == ["default"]
    assert Level.UNKNOWN not in levels(result)  # no pair waits for the broken one


@pytest.mark.parametrize(
    ("consented", "says"),
    [
        (None, "it works; when it ends is not known"),
        (date(2026, 5, 25), "it works, and ends on 2026-11-25, in 3 days"),
        (date(2026, 5, 1), "it works, and was to end on 2026-11-01"),
    ],
)
def test_a_sign_in_that_ends_soon_or_nobody_knows_when_is_a_warning(
    desk: Desk, consented: date | None, says: str
) -> None:
    desk.accounts.consented = consented
    finding = desk.only(About.SIGN_IN)
    assert finding.level is Level.WARNING
    assert finding.message.startswith(says)
    assert finding.action
    assert finding.action.startswith("run `syncer login --account default`")


def test_what_an_account_has_to_say_beside_is_told(desk: Desk) -> None:
    desk.accounts.warnings.append("the clock of this machine is 12 minutes ahead: set it right")
    assert [one.message for one in desk.found(About.SIGN_IN, level=Level.WARNING)] == desk.accounts.warnings


# --- scopes -----------------------------------------------------------------------------------------------------------


KINDS = (
    "liked",
    "album:moon",
    "saved_albums",
    "artist:anna",
    "top:short",
    "show:news",
    "saved_episodes",
    "recently_played",
    "recently_played:week",
    "queue",
    "queue:week",
)


@pytest.mark.parametrize("scope", ["playlist-read-private", "user-library-read"])
def test_a_scope_that_pairs_cannot_do_without_is_named(scope: str) -> None:
    desk = Desk(FakePlaylists(week="abc", archive="a"), pair("week+liked", "archive"))
    desk.accounts.scopes = SCOPES - {scope}
    (failed,) = desk.found(About.SCOPES)
    assert (failed.level, failed.code, scope in failed.message) == (Level.FAILED, Code.MISSING_SCOPE, True)
    assert failed.action == "run `syncer login --account default` and agree to it"
    assert code(desk.examine()) == 3


@pytest.mark.parametrize("scope", ["playlist-read-collaborative", "playlist-modify-public", "playlist-modify-private"])
def test_a_scope_that_some_playlists_do_without_is_a_warning(desk: Desk, scope: str) -> None:
    desk.accounts.scopes = SCOPES - {scope}
    (warning,) = desk.found(About.SCOPES)
    assert (warning.level, warning.code, scope in warning.message) == (Level.WARNING, None, True)
    assert code(desk.examine()) == 0


def test_without_any_scope_to_add_nothing_can_be_added(desk: Desk) -> None:
    desk.accounts.scopes = SCOPES - {"playlist-modify-public", "playlist-modify-private"}
    assert [one.level for one in desk.found(About.SCOPES)] == [Level.FAILED, Level.FAILED]


def test_liked_songs_are_not_asked_for_where_no_pair_wants_them(desk: Desk) -> None:
    desk.accounts.scopes = SCOPES - {"user-library-read"}
    assert desk.only(About.SCOPES).level is Level.OK


def test_scopes_that_nobody_tells_are_a_warning(desk: Desk) -> None:
    desk.accounts.scopes = None
    assert desk.only(About.SCOPES).level is Level.WARNING


@pytest.mark.parametrize("source", ["week", *KINDS])
def test_a_sign_in_asks_for_what_is_looked_for(source: str) -> None:
    settings = config(pair(source, "archive"))
    desk = Desk(FakePlaylists(week="abc", archive="a"), *settings.pairs)
    desk.accounts.scopes = frozenset()
    named = {one.message.rpartition(" ")[2] for one in desk.found(About.SCOPES)}
    assert named == {need.scope for need in needs(settings, "default")}


@pytest.mark.parametrize(
    ("source", "needed"),
    [
        ("week", {"playlist-read-private", "playlist-read-collaborative"}),
        ("liked", {"user-library-read"}),
        ("album:moon", set()),
        ("saved_albums", {"user-library-read"}),
        ("artist:anna", set()),
        ("top:short", {"user-top-read"}),
        ("show:news", {"user-read-playback-position"}),
        ("saved_episodes", {"user-library-read", "user-read-playback-position"}),
        ("recently_played:week", {"user-read-recently-played"}),
        ("queue:week", {"user-read-currently-playing", "user-read-playback-state"}),
    ],
)
def test_an_account_that_only_reads_needs_no_more_than_that_takes(source: str, needed: set[str]) -> None:
    desk = Desk(FakePlaylists(week="abc", archive="a"), pair(source, "archive", readers=("friend",)))
    desk.accounts.scopes = frozenset()
    found = [one for one in desk.found(About.SCOPES) if one.account == "friend"]
    assert {one.message.rpartition(" ")[2] for one in found if one.code or one.action} == needed
    assert all(one.action == "run `syncer login --account friend` and agree to it" for one in found if one.action)
    desk.accounts.scopes = frozenset(needed)
    assert [one.level for one in desk.found(About.SCOPES) if one.account == "friend"] == [Level.OK]


def test_an_account_that_needs_no_scope_is_not_asked_for_any() -> None:
    desk = Desk(FakePlaylists(archive="a"), pair("album:moon", "archive", readers=("friend",)))
    desk.accounts.scopes = None
    told = {one.account: one for one in desk.found(About.SCOPES)}
    assert (told["friend"].level, told["default"].level) == (Level.OK, Level.WARNING)
    assert told["friend"].message == "all that its pairs need: none"


# --- playlists --------------------------------------------------------------------------------------------------------

Deed = Callable[[FakePlaylists], object]


def foreign(playlists: FakePlaylists) -> None:
    playlists.foreign.add(identifier("it"))


def readable(playlists: FakePlaylists) -> None:
    playlists.read_only.add(identifier("it"))


def collaborative(playlists: FakePlaylists) -> None:
    readable(playlists)
    playlists.collaborative.add(identifier("it"))


def closed(playlists: FakePlaylists) -> None:
    foreign(playlists)
    playlists.collaborative.add(identifier("it"))


def gone(playlists: FakePlaylists) -> None:
    del playlists.held[identifier("it")]


def refused(playlists: FakePlaylists) -> None:
    foreign(playlists)
    playlists.before = lambda request: SourceNotReadable("spotify:playlist:it") if request == "head it" else None


def full(playlists: FakePlaylists) -> None:
    playlists.held[identifier("it")] = list(items("a") * 10_000)


PLAYLISTS: dict[str, tuple[Deed, Relation, Code | Level, Code | Level]] = {
    "own": (lambda _: None, Relation.OWN, Level.OK, Level.OK),
    "foreign": (foreign, Relation.FOREIGN, Code.SOURCE_NOT_READABLE, Code.TARGET_NOT_WRITABLE),
    "not even its head": (refused, Relation.FOREIGN, Code.SOURCE_NOT_READABLE, Code.TARGET_NOT_WRITABLE),
    "foreign and readable": (readable, Relation.FOREIGN, Level.OK, Level.WARNING),
    "collaborative": (collaborative, Relation.COLLABORATIVE, Level.OK, Level.OK),
    "collaborative and closed": (closed, Relation.COLLABORATIVE, Code.SOURCE_NOT_READABLE, Code.TARGET_NOT_WRITABLE),
    "gone": (gone, Relation.GONE, Code.NOT_FOUND, Code.NOT_FOUND),
    "full": (full, Relation.OWN, Level.OK, Code.TARGET_FULL),
}


@pytest.mark.parametrize(("deed", "relation", "as_source", "as_target"), PLAYLISTS.values(), ids=PLAYLISTS)
def test_each_kind_of_playlist_is_told_in_each_role(
    deed: Deed, relation: Relation, as_source: Code | Level, as_target: Code | Level
) -> None:
    playlists = FakePlaylists(it="abc", other="a")
    deed(playlists)
    desk = Desk(playlists, pair("it", "other"), pair("other", "it"))
    result = desk.examine()
    for role, expected in ((Role.SOURCE, as_source), (Role.TARGET, as_target)):
        (one,) = [f for f in result.findings if f.role is role and f.playlist == f"spotify:playlist:{identifier('it')}"]
        assert (one.relation, one.code or one.level) == (relation, expected)
        assert bool(one.action) == (one.level is not Level.OK)
    assert code(result) == (4 if isinstance(as_target, Code) else 0)


@pytest.mark.parametrize(
    ("held", "as_source", "as_target"),
    [
        (False, Code.SOURCE_SPOTIFY_MADE, Code.TARGET_NOT_WRITABLE),
        (True, Level.OK, Code.TARGET_NOT_WRITABLE),  # an app with the old privilege
    ],
)
def test_a_list_made_by_spotify_is_told_from_one_that_is_gone(
    held: bool,  # noqa: FBT001 - what pytest passes, it passes by name
    as_source: Code | Level,
    as_target: Code | Level,
) -> None:
    playlists = FakePlaylists(other="a")
    if held:
        playlists.held[PlaylistId(MADE)] = list(items("abc"))
        playlists.read_only.add(PlaylistId(MADE))
    desk = Desk(playlists, pair(MADE, "other"), pair("other", MADE))
    found = [one for one in desk.examine().findings if one.relation is Relation.SPOTIFY_MADE]
    assert [one.code or one.level for one in found] == [as_source, as_target]


def test_a_closed_list_made_by_spotify_is_told_by_its_id() -> None:
    playlists = FakePlaylists(other="a")
    playlists.held[PlaylistId(MADE)] = []
    playlists.foreign.add(PlaylistId(MADE))
    (one,) = [one for one in Desk(playlists, pair(MADE, "other")).examine().findings if one.code]
    assert one.code is Code.SOURCE_SPOTIFY_MADE


def test_one_playlist_in_one_role_is_one_line_for_all_its_pairs() -> None:
    desk = Desk(FakePlaylists(a="a", b="b", c="c"), pair("a", "c"), pair("b", "c"))
    assert [(one.role, one.pairs) for one in desk.found(About.PLAYLIST)] == [
        (Role.SOURCE, ("a-to-c",)),
        (Role.TARGET, ("a-to-c", "b-to-c")),
        (Role.SOURCE, ("b-to-c",)),
    ]


def test_liked_songs_are_looked_at_too() -> None:
    desk = Desk(FakePlaylists(archive="a", liked="ab"), pair("liked", "archive"))
    assert desk.found(About.PLAYLIST)[0].message == "Liked Songs: 2 items, can be read"
    desk.playlists.lacks.add("user-library-read")
    failed = desk.found(About.PLAYLIST)[0]
    assert (failed.playlist, failed.code) == ("liked", Code.MISSING_SCOPE)


def test_trouble_with_one_playlist_is_its_own(desk: Desk) -> None:
    desk.playlists.library = []
    desk.playlists.before = lambda request: Outage("later") if request == "head week" else None
    first, second = desk.found(About.PLAYLIST)
    assert (first.code, second.level) == (Code.TEMPORARY, Level.OK)
    assert code(desk.examine()) == 5


def test_an_outage_is_not_tried_on_every_playlist() -> None:
    desk = Desk(FakePlaylists(), *(pair(f"a{number}", f"b{number}") for number in range(10)))
    desk.playlists.before = lambda request: Outage("later") if request.startswith("head") else None
    result = desk.examine()
    assert len(desk.playlists.reads) == 5
    assert [one.level for one in result.findings if one.about is About.PLAYLIST] == [
        *[Level.FAILED] * 3,
        Level.UNKNOWN,
    ]
    assert code(result) == 5


def test_a_limit_in_the_middle_leaves_what_was_found_before(desk: Desk) -> None:
    desk.playlists.library = []
    desk.playlists.before = lambda request: RateLimited(3600) if request == "head archive" else None
    result = desk.examine()
    shown = [(one.about, one.level) for one in result.findings][-3:]
    assert shown == [
        (About.PLAYLIST, Level.OK),
        (About.QUOTA, Level.FAILED),
        (About.PLAYLIST, Level.UNKNOWN),
    ]
    assert code(result) == 5


def test_trouble_that_stays_goes_before_trouble_that_passes() -> None:
    assert exit_code([Code.TEMPORARY, Code.NOT_FOUND]) == 4
    assert exit_code([Code.TEMPORARY, Code.NOT_FOUND, Code.MISSING_SCOPE]) == 3
    assert exit_code([None, Code.TEMPORARY, Code.QUOTA_EXCEEDED]) == 5
    assert exit_code([None]) == 0
    assert exit_code([Code.NOT_FOUND], interrupted_by=15) == 143


def test_a_signal_leaves_what_was_found_before(desk: Desk) -> None:
    desk.playlists.before = lambda request: Interrupted(2) if request == "list 0" else None
    result = desk.examine()
    assert (code(result), result.findings[-1].about) == (130, About.APP)


# --- several accounts -------------------------------------------------------------------------------------------------


def shared() -> Desk:
    """Return what a pair reads as a friend and writes as oneself, who cannot see what the friend can."""
    desk = Desk(FakePlaylists(archive="a"), pair("week+liked", "archive", readers=("friend", "default")))
    desk.accounts.own["friend"] = FakePlaylists(week="abc")
    return desk


def test_each_account_is_looked_at_for_what_it_reads_and_what_it_writes() -> None:
    desk = shared()
    found = [(one.account, one.role, one.level) for one in desk.found(About.PLAYLIST)]
    assert found == [
        ("friend", Role.SOURCE, Level.OK),
        ("default", Role.SOURCE, Level.OK),
        ("default", Role.TARGET, Level.OK),
    ]
    assert desk.accounts.own["friend"].reads == ["me", "head week"]
    assert desk.playlists.reads == ["me", "liked 0", "head archive"]


def test_a_never_list_is_looked_at_as_a_source_of_who_writes() -> None:
    """Without it nothing is added, so it is as much in need of being readable."""
    rules = Rules(never=(identifier("ban"),))
    desk = Desk(FakePlaylists(week="abc", ban="b", archive="a"), pair("week", "archive", rules=rules))
    assert levels(desk.examine()) == {Level.OK}

    del desk.playlists.held[identifier("ban")]

    (gone,) = desk.found(About.PLAYLIST, level=Level.FAILED)
    assert (gone.role, gone.code, gone.account) == (Role.SOURCE, Code.NOT_FOUND, "default")


def test_one_source_read_as_two_is_looked_at_as_both() -> None:
    desk = shared()
    desk.config = config(*desk.config.pairs, pair("week", "archive"))
    assert [(one.account, one.code, one.pairs) for one in desk.found(About.PLAYLIST) if one.role is Role.SOURCE] == [
        ("friend", None, ("week-liked-to-archive",)),
        ("default", None, ("week-liked-to-archive",)),
        ("default", Code.NOT_FOUND, ("week-to-archive",)),
    ]


def test_a_reader_who_is_signed_out_does_not_hide_how_the_writer_stands() -> None:
    desk = shared()
    desk.accounts = FakeAccounts(desk.playlists, friend=SignInNeeded("friend"))
    result = desk.examine()
    (failed,) = [one for one in result.findings if one.level is Level.FAILED]
    assert (failed.account, failed.code, failed.action) == (
        "friend",
        Code.SIGN_IN_NEEDED,
        "run `syncer login --account friend`",
    )
    unknown = [one.account for one in result.findings if one.level is Level.UNKNOWN]
    assert unknown == ["friend"]
    assert code(result) == 3


# --- the library ------------------------------------------------------------------------------------------------------


def test_the_library_is_read_page_by_page_and_each_playlist_is_there_once() -> None:
    words = [f"p{number}" for number in range(PAGE_SIZE * 2 + 1)]
    desk = Desk(FakePlaylists(**dict.fromkeys(words, "a")))
    desk.playlists.library = [*words[:-1], "gone", words[0]]
    shelf = desk.checkup.library(Account(name="default"), desk.counts)
    assert [one.id for one in shelf.playlists] == list(map(identifier, words[:-1]))
    assert (shelf.user, shelf.error) == ("me", None)
    assert desk.playlists.reads == ["me", "list 0", "list 50", "list 100"]
    assert desk.counted == [(50, 102), (100, 102), (102, 102)]


def test_an_empty_library_is_a_library() -> None:
    desk = Desk(FakePlaylists())
    assert desk.checkup.library(Account(name="default"), desk.counts).playlists == ()


@pytest.mark.parametrize(("error", "signal"), [(RateLimited(90), None), (Interrupted(15), 15), (NotFound("x"), None)])
def test_what_was_read_before_an_error_is_there(error: SyncError, signal: int | None) -> None:
    desk = Desk(FakePlaylists(**{f"p{number}": "" for number in range(60)}))
    desk.playlists.before = lambda request: error if request == "list 50" else None
    shelf = desk.checkup.library(Account(name="default"), desk.counts)
    assert len(shelf.playlists) == 50
    assert shelf.error
    assert (shelf.error.code, shelf.interrupted_by) == (error.code, signal)


LISTED = Listed(
    id=identifier("it"), name="it", owner="me", owner_name="Me", collaborative=False, total=3, snapshot_id="1"
)


@pytest.mark.parametrize(
    ("one", "use"),
    [
        (LISTED, (Use.YES, Use.YES)),
        (replace(LISTED, total=10_000), (Use.YES, Use.NO)),
        (replace(LISTED, owner="someone", collaborative=True), (Use.YES, Use.YES)),
        (replace(LISTED, owner="someone"), (Use.IF_INVITED, Use.IF_INVITED)),
        (replace(LISTED, owner="spotify"), (Use.NO, Use.NO)),
        (replace(LISTED, owner="", id=PlaylistId(MADE)), (Use.NO, Use.NO)),
    ],
)
def test_a_listing_tells_what_a_playlist_can_be_used_for(one: Listed, use: tuple[Use, Use]) -> None:
    assert uses(one, "me") == use


def test_an_empty_config_of_pairs_that_are_not_enabled_looks_at_no_playlist() -> None:
    desk = Desk(FakePlaylists(), pair("a", "b", enabled=False))
    assert desk.found(About.PLAYLIST) == []
    assert isinstance(desk.config, Config)
    assert code(desk.examine()) == 0


# --- targets that are made --------------------------------------------------------------------------------------------


def making(sources: str = "week", *, public: bool = False, **options: object) -> Pair:
    """Return a pair whose target is to be made."""
    new = NewTarget(pattern="Archive {year}", public=public)
    return replace(pair(sources, "archive", **options), target=PlaylistId(""), create=new)


def target_of(desk: Desk) -> Finding:
    (found,) = [one for one in desk.found(About.PLAYLIST) if one.role is Role.TARGET]
    return found


def test_a_target_that_is_to_be_made_is_said_to_be_so() -> None:
    desk = Desk(FakePlaylists(week="abc", liked="x"), making(), making("liked"))

    found = target_of(desk)

    assert (found.level, found.playlist, found.action) == (Level.OK, "create:Archive {year}", None)
    assert found.message == "'Archive 2026': is made as soon as there is something to add"
    assert found.pairs == ("week-to-archive", "liked-to-archive")
    assert desk.playlists.names == {}


@pytest.mark.parametrize(("public", "scope"), [(False, "playlist-modify-private"), (True, "playlist-modify-public")])
def test_a_target_that_the_account_may_not_make_is_said_to_be_so(*, public: bool, scope: str) -> None:
    desk = Desk(FakePlaylists(week="abc"), making(public=public))
    desk.accounts.scopes = SCOPES - {scope}

    found = target_of(desk)

    assert (found.level, found.code) == (Level.FAILED, Code.MISSING_SCOPE)
    assert scope in found.message


def test_a_target_that_was_made_is_looked_at_as_any_other() -> None:
    desk = Desk(FakePlaylists(week="abc", archive="a"), making())
    desk.state.keep_volume(volume(identifier("archive")))

    found = target_of(desk)

    assert (found.level, found.playlist) == (Level.OK, f"spotify:playlist:{identifier('archive')}")
    del desk.playlists.held[identifier("archive")]
    assert target_of(desk).code is Code.NOT_FOUND


def volume(playlist: PlaylistId | None, number: int = 1, series: str = "Archive 2026") -> Volume:
    at = FakeClock().now()
    return Volume(account="default", series=series, number=number, name=series, marked=True, at=at, playlist=playlist)


def test_a_target_that_was_made_and_deleted_in_an_app_is_said_to_be_filled_unseen() -> None:
    desk = Desk(FakePlaylists(week="abc", archive="a"), making())
    desk.state.keep_volume(volume(identifier("archive")))
    desk.playlists.library = ["week"]

    found = target_of(desk)

    assert (found.level, found.code) == (Level.WARNING, None)
    assert "is not in your library any more" in found.message
    assert "recover-playlists" in str(found.action)
    desk.playlists.lacks.add("playlist-read-private")
    assert target_of(desk).level is Level.OK


@pytest.mark.parametrize("noted", [True, False])
def test_a_target_that_was_made_and_is_not_known_is_found_in_the_library(*, noted: bool) -> None:
    desk = Desk(FakePlaylists(week="abc", archive="a"), making())
    desk.playlists.names[identifier("archive")] = "Archive 2026"
    desk.playlists.descriptions[identifier("archive")] = MARK
    if noted:
        desk.state.keep_volume(volume(None))

    found = target_of(desk)

    assert (found.level, found.relation) == (Level.OK, Relation.OWN)
    assert f"(spotify:playlist:{identifier('archive')}): made by an earlier run" in found.message
    assert [one.playlist for one in desk.state.volumes("default", "Archive 2026")] == [None] * noted


def test_a_full_target_that_others_follow_is_no_trouble() -> None:
    desk = Desk(FakePlaylists(week="abc", archive=["x"] * MAX_ITEMS), pair("week", "archive", roll_over=True))

    found = target_of(desk)

    assert found.level is Level.OK
    assert found.message.endswith("10000 items, is full, so that another one follows it")


def test_of_a_target_that_has_rolled_over_the_last_playlist_is_looked_at() -> None:
    one = pair("week", "archive", roll_over=True)
    desk = Desk(FakePlaylists(week="abc", archive="a", second="b"), one)
    desk.state.keep_volume(volume(identifier("second"), 2, f"spotify:playlist:{one.target}"))

    assert target_of(desk).playlist == f"spotify:playlist:{identifier('second')}"


def test_a_state_that_cannot_be_read_is_told_once_and_the_rest_is_looked_at() -> None:
    class Broken(MemoryState):
        def volumes(self, account: str, series: str) -> tuple[Volume, ...]:
            raise StateUnusable(f"cannot read {series} of {account}", hint="mend it")

    desk = Desk(FakePlaylists(week="abc", archive="a"), pair("week", "archive", roll_over=True), state=Broken())

    assert target_of(desk).level is Level.OK
