"""A look at everything over the sandbox: each body of contract §4.1 under the name of what is behind it."""

from dataclasses import replace

import pytest

from syncer.checkup import About, Checkup, Examined, Finding, Level, Relation, exit_code
from syncer.errors import Code
from syncer.model import Account, Config, Pair
from syncer.sandbox import Call, Fault, Playlist
from syncer.spotify.transport import LOOK_ENDPOINTS
from syncer.tracklist import read
from tests.spotify.wiring import Wired, pair


class Desk:
    """Someone who looks at ``week``, a friend's playlist to which they were invited, and at ``archive``, their own."""

    def __init__(self) -> None:
        self.wired = Wired()
        self.world = self.wired.world
        self.friend = self.world.add_user("friend")
        self.week = self.world.playlist("week", tracks=3, owner=self.friend, collaborators=["listener"])
        self.archive = self.world.playlist("archive", tracks=1)
        self.pairs: tuple[Pair, ...] = (pair(self.week, self.archive),)

    def fault(self, kind: str, path: str = "/v1/**", **details: object) -> None:
        self.world.inject(Fault(kind=kind, path=path, times=None, **details))  # type: ignore[arg-type] # as named

    @property
    def checkup(self) -> Checkup:
        self.wired.new_process(endpoints=LOOK_ENDPOINTS)
        return Checkup(
            connect=self.wired.accounts,
            state=self.wired.state,
            place="memory",
            clock=self.wired.clock,
            chance=self.wired.chance,
            stop=self.wired.stop,
            files=read,
        )

    def examine(self) -> Examined:
        return self.checkup.examine(Config(pairs=self.pairs), lambda _done, _total: None)

    @property
    def calls(self) -> list[Call]:
        return list(self.world.calls)


@pytest.fixture
def desk() -> Desk:
    return Desk()


def code(result: Examined) -> int:
    return exit_code(one.code for one in result.findings)


def failed(result: Examined) -> list[tuple[About, Code | None]]:
    return [(one.about, one.code) for one in result.findings if one.level is Level.FAILED]


def about(result: Examined, playlist: Playlist) -> Finding:
    (one,) = [one for one in result.findings if one.playlist == playlist.uri]
    return one


def test_a_sound_sign_in_is_proved_once_and_never_more(desk: Desk) -> None:
    desk.wired.store.forget_access()
    for tokens in (1, 2):  # the second time in spite of the token that is stored by then
        result = desk.examine()
        assert (failed(result), code(result)) == ([], 0)
        assert len([call for call in desk.calls if call.path == "/api/token"]) == tokens
    assert dict(result.requests) == {"spotify": 3, "accounts": 1}
    assert {call.method for call in desk.calls if call.path.startswith("/v1/")} == {"GET"}


def test_an_invited_collaborator_can_read_and_is_told_that_adding_is_not_sure(desk: Desk) -> None:
    desk.pairs = (pair(desk.week, desk.archive), pair(desk.archive, desk.week))
    result = desk.examine()
    found = [(one.role, one.level) for one in result.findings if one.playlist == desk.week.uri]
    assert found == [("source", Level.OK), ("target", Level.WARNING)]


@pytest.mark.parametrize(
    ("kind", "details", "expected", "exits"),
    [
        ("premium", {}, (About.APP, Code.PREMIUM_NEEDED), 3),
        ("not-allow-listed", {}, (About.APP, Code.NOT_ALLOW_LISTED), 3),
        ("status", {"status": 403, "text": "User not approved for app"}, (About.APP, Code.NOT_ALLOW_LISTED), 3),
        ("quota", {}, (About.QUOTA, Code.QUOTA_EXCEEDED), 5),
        ("rate-limit", {"headers": {"Retry-After": "7200"}}, (About.QUOTA, Code.RATE_LIMITED), 5),
        ("status", {"status": 403}, (About.APP, Code.UNREADABLE_ANSWER), 4),
        ("status", {"status": 404}, (About.APP, Code.UNREADABLE_ANSWER), 4),
        ("status", {"status": 403, "text": "<html>Forbidden</html>"}, (About.APP, Code.UNREADABLE_ANSWER), 4),
        ("status", {"status": 503, "text": "Service unavailable"}, (About.APP, Code.TEMPORARY), 5),
        ("status", {"status": 401}, (About.APP, Code.TEMPORARY), 5),
    ],
)
def test_what_befalls_every_request_is_one_failure(
    desk: Desk, kind: str, details: dict[str, object], expected: tuple[About, Code], exits: int
) -> None:
    desk.fault(kind, **details)  # type: ignore[arg-type] # as named
    result = desk.examine()
    assert (failed(result), code(result)) == ([expected], exits)
    assert {call.path for call in desk.calls if call.path.startswith("/v1/")} == {"/v1/me/"}


def test_a_false_401_is_no_failure(desk: Desk) -> None:
    desk.world.inject(Fault(kind="false-401", path="/v1/**"))
    assert failed(desk.examine()) == []


def test_a_wait_that_spotify_asked_for_is_kept_to_by_the_next_look(desk: Desk) -> None:
    desk.fault("quota")
    desk.examine()
    before = len(desk.calls)
    result = desk.examine()
    (one,) = [one for one in result.findings if one.level is Level.FAILED]
    assert (one.code, len(desk.calls)) == (Code.QUOTA_EXCEEDED, before)
    assert "it opens again in 14 hours (until 2026-11-22 19:35 UTC)" in one.message


@pytest.mark.parametrize(
    ("details", "expected", "relation"),
    [
        ({"status": 404}, Code.NOT_FOUND, Relation.GONE),
        ({"status": 404, "message": "Not found."}, Code.NOT_FOUND, Relation.GONE),
        ({"status": 403}, Code.SOURCE_NOT_READABLE, Relation.FOREIGN),
        ({"status": 403, "text": "<html>Forbidden</html>"}, Code.SOURCE_NOT_READABLE, Relation.FOREIGN),
        ({"status": 400}, Code.UNREADABLE_ANSWER, None),
        ({"status": 502}, Code.TEMPORARY, None),
    ],
)
def test_what_befalls_one_playlist_is_its_own_failure(
    desk: Desk, details: dict[str, object], expected: Code, relation: Relation | None
) -> None:
    desk.fault("status", f"/v1/playlists/{desk.week.id}", **details)
    result = desk.examine()
    assert failed(result) == [(About.PLAYLIST, expected)]
    assert about(result, desk.week).relation is relation
    assert about(result, desk.archive).level is Level.OK


def test_a_missing_scope_is_named_and_not_taken_for_a_closed_playlist(desk: Desk) -> None:
    desk.wired.sign_in.scopes -= {"playlist-read-private"}
    desk.week.public = False
    result = desk.examine()
    assert failed(result)[0] == (About.SCOPES, Code.MISSING_SCOPE)
    assert about(result, desk.week).code is Code.MISSING_SCOPE
    assert code(result) == 3


@pytest.mark.parametrize(
    ("deed", "relation", "expected"),
    [
        ("foreign", Relation.FOREIGN, Code.SOURCE_NOT_READABLE),
        ("private", Relation.GONE, Code.NOT_FOUND),
        ("collaborative", Relation.COLLABORATIVE, None),
    ],
)
def test_a_playlist_of_someone_else_is_what_its_owner_made_of_it(
    desk: Desk, deed: str, relation: Relation, expected: Code | None
) -> None:
    desk.week.collaborators.clear()
    desk.week.private = deed == "private"
    desk.week.collaborative = deed == "collaborative"
    one = about(desk.examine(), desk.week)
    assert (one.relation, one.code) == (relation, expected)


@pytest.mark.parametrize(("privileged", "expected"), [(False, Code.SOURCE_SPOTIFY_MADE), (True, None)])
def test_a_list_made_by_spotify_is_read_by_old_apps_alone(
    desk: Desk,
    privileged: bool,  # noqa: FBT001 - what pytest passes, it passes by name
    expected: Code | None,
) -> None:
    desk.world.app.reads_spotify_made = privileged
    made = desk.world.playlist("Discover Weekly", id="37i9dQZEVXcJZyENOWUFo7", tracks=3, owner="spotify")
    desk.pairs = (pair(made, desk.archive, "made"),)
    one = about(desk.examine(), made)
    assert (one.relation, one.code) == (Relation.SPOTIFY_MADE, expected)


@pytest.mark.parametrize(("change", "expected"), [("revoked", Code.SIGN_IN_NEEDED), ("secret", Code.CLIENT_REFUSED)])
def test_a_sign_in_that_is_over_is_found_though_its_access_token_is_good(
    desk: Desk, change: str, expected: Code
) -> None:
    desk.examine()  # which stores a token
    before = len(desk.calls)
    if change == "revoked":
        desk.wired.sign_in.revoked = True
    else:
        desk.world.app.client_secret = "another"
    result = desk.examine()
    assert [one for _, one in failed(result)] == [expected]
    assert {call.path for call in desk.calls[before:]} == {"/api/token"}


def test_a_sign_in_whose_day_was_not_kept_works_and_is_a_warning(desk: Desk) -> None:
    desk.wired.store.credentials = replace(desk.wired.store.credentials, authorized_at=None)
    result = desk.examine()
    assert [one.level for one in result.findings if one.about is About.SIGN_IN] == [Level.WARNING]
    assert code(result) == 0


def test_nulls_and_strangers_in_a_library_are_survived(desk: Desk) -> None:
    desk.fault("null-entry", "/v1/me/playlists")
    desk.world.playlist("last", tracks=1)
    shelf = desk.checkup.library(Account(name="default"), lambda _done, _total: None)
    assert [one.name for one in shelf.playlists] == ["archive", "last"]
    assert shelf.user == "listener"
