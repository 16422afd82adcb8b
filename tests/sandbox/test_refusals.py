"""The sandbox refuses what Spotify refuses (contract §2.3, §3.4, §4.1)."""

from typing import Any

import pytest

from syncer.sandbox import Limit, World, local, track
from tests.sandbox.client import Client, Clock

UNKNOWN = "0" * 22


@pytest.fixture
def playlist(world: World) -> str:
    return world.playlist("mine", tracks=3).id


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ([track(1).uri], "No uris provided"),
        ({}, "No uris provided"),
        ({"uris": []}, "No uris provided"),
        ({"uris": track(1).uri}, "Error parsing JSON."),
        (b"", "Error parsing JSON."),
        (b"{", "Error parsing JSON."),
        (b"[" * 100_000, "Error parsing JSON."),
        (b"\xff", "Error parsing JSON."),
        ({"uris": ["spotify:track:short"]}, "Invalid track uri: spotify:track:short"),
        ({"uris": [f"{track(1).uri}\n"]}, f"Invalid track uri: {track(1).uri}\n"),
        ({"uris": [local(1).uri]}, f"Invalid track uri: {local(1).uri}"),
        ({"uris": [f"spotify:album:{UNKNOWN}"]}, f"Invalid track uri: spotify:album:{UNKNOWN}"),
        ({"uris": [7]}, "Invalid track uri: 7"),
        ({"uris": [track(n).uri for n in range(101)]}, "You can add a maximum of 100 tracks per request."),
        ({"uris": [track(1).uri], "position": 4}, "Index out of bounds."),
        ({"uris": [track(1).uri], "position": -1}, "Index out of bounds."),
        ({"uris": [track(1).uri], "position": "0"}, "Index out of bounds."),
    ],
)
def test_a_bad_add_is_refused_and_changes_nothing(
    spotify: Client, world: World, playlist: str, body: Any, message: str
) -> None:
    got = spotify.api("POST", f"playlists/{playlist}/items", body)

    assert (got.status, got.message) == (400, message)
    assert world.changes == []
    assert not world.calls[-1].applied


def test_a_single_bad_uri_refuses_the_whole_add(spotify: Client, world: World, playlist: str) -> None:
    world.bad_uris.add(track(2).uri)

    got = spotify.api("POST", f"playlists/{playlist}/items", {"uris": [track(1).uri, track(2).uri]})

    assert (got.status, got.message) == (400, f"Invalid track uri: {track(2).uri}")
    assert len(world.playlists[playlist].uris) == 3


def test_a_full_playlist_answers_500(spotify: Client, world: World, playlist: str) -> None:
    world.ceiling = 4

    fits = spotify.api("POST", f"playlists/{playlist}/items", {"uris": [track(1).uri]})
    full = spotify.api("POST", f"playlists/{playlist}/items", {"uris": [track(1).uri]})

    assert [fits.status, full.status] == [201, 500]
    assert len(world.playlists[playlist].uris) == 4


@pytest.mark.parametrize(
    ("method", "body"),
    [
        ("PUT", {"uris": [track(n).uri for n in range(101)]}),
        ("PUT", {"uris": ["nonsense"]}),
        ("PUT", {}),
        ("PUT", {"uris": [], "range_start": 0, "insert_before": 1}),
        ("PUT", {"range_start": 3, "insert_before": 0}),
        ("PUT", {"range_start": 0}),
        ("PUT", {"range_start": 0, "insert_before": 1, "snapshot_id": "never"}),
        ("DELETE", {}),
        ("DELETE", {"tracks": [{"uri": track(1).uri}]}),
        ("DELETE", {"items": []}),
        ("DELETE", {"items": [track(1).uri]}),
        ("DELETE", {"items": [{"uri": "nonsense"}]}),
        ("DELETE", {"items": [{"uri": track(n).uri} for n in range(101)]}),
        ("DELETE", {"items": [{"uri": track(1).uri}], "snapshot_id": "never"}),
    ],
)
def test_a_bad_edit_is_refused_and_changes_nothing(
    spotify: Client, world: World, playlist: str, method: str, body: Any
) -> None:
    assert spotify.api(method, f"playlists/{playlist}/items", body).status == 400
    assert world.changes == []


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"name": ""},
        {"name": 7},
        [],
        {"name": "new", "public": "yes"},
        {"name": "new", "public": True, "collaborative": True},
    ],
)
def test_a_bad_creation_is_refused(spotify: Client, world: World, body: Any) -> None:
    assert spotify.api("POST", "me/playlists", body).status == 400
    assert world.playlists == {}


@pytest.mark.parametrize(
    "query",
    [
        {"limit": 51},
        {"limit": 0},
        {"limit": -1},
        {"limit": "many"},
        {"limit": ""},
        {"limit": "9" * 5000},
        {"offset": -1},
    ],
)
@pytest.mark.parametrize("path", ["playlists/{}/items", "me/tracks", "me/playlists"])
def test_pages_beyond_the_rules_are_refused(
    spotify: Client, playlist: str, path: str, query: dict[str, object]
) -> None:
    assert spotify.get(path.format(playlist), **query).status == 400


def test_old_pages_may_hold_a_hundred_and_the_library_ends_somewhere(
    spotify: Client, world: World, playlist: str
) -> None:
    assert spotify.get("me/playlists", offset=100_001).status == 400
    world.app.mode = "old"

    assert spotify.get(f"playlists/{playlist}/tracks", limit=100).status == 200
    assert spotify.get(f"playlists/{playlist}/tracks", limit=101).status == 400


@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "DELETE"])
def test_new_apps_have_lost_tracks(spotify: Client, playlist: str, method: str) -> None:
    got = spotify.api(method, f"playlists/{playlist}/tracks", {"uris": [track(1).uri]} if method != "GET" else None)

    assert (got.status, got.message) == (403, "Forbidden")


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "playlists/{}/nonsense", 404),
        ("GET", "playlists/{}/", 404),
        ("GET", "playlists", 404),
        ("GET", "users/listener/playlists", 404),
        ("GET", "tracks?ids=1,2", 404),
        ("GET", f"playlists/{UNKNOWN}", 404),
        ("GET", f"playlists/{UNKNOWN}/items", 404),
        ("POST", f"playlists/{UNKNOWN}/items", 404),
        ("PATCH", "playlists/{}/items", 405),
        ("DELETE", "playlists/{}", 405),
        ("POST", "me", 405),
        ("GET", "me/library", 405),
    ],
)
def test_other_paths_and_methods_do_not_exist(
    spotify: Client, playlist: str, method: str, path: str, status: int
) -> None:
    got = spotify.api(method, path.format(playlist))

    assert got.status == status
    assert got.json["error"]["status"] == status


def test_a_private_playlist_of_others_does_not_exist(spotify: Client, world: World) -> None:
    hidden = world.playlist("diary", owner="stranger", private=True)

    assert [spotify.get(f"playlists/{hidden.id}{rest}").status for rest in ("", "/items")] == [404, 404]


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE"])
def test_a_foreign_playlist_cannot_be_changed(spotify: Client, world: World, method: str) -> None:
    foreign = world.playlist("theirs", tracks=1, owner="stranger")

    got = spotify.api(method, f"playlists/{foreign.id}/items", {"uris": [track(1).uri]})

    assert (got.status, got.message) == (403, "Forbidden")
    assert world.changes == []


@pytest.mark.parametrize(
    ("method", "path", "scope", "setting"),
    [
        ("GET", "playlists/{}/items", "playlist-read-private", {}),
        ("GET", "playlists/{}", "playlist-read-private", {"public": False}),
        ("POST", "playlists/{}/items", "playlist-modify-public", {}),
        ("POST", "playlists/{}/items", "playlist-modify-private", {"public": False}),
        ("POST", "playlists/{}/items", "playlist-modify-private", {"collaborative": True}),
        ("PUT", "playlists/{}/items", "playlist-modify-public", {}),
        ("DELETE", "playlists/{}/items", "playlist-modify-public", {}),
        ("POST", "me/playlists", "playlist-modify-public", {}),
        ("GET", "me/tracks", "user-library-read", {}),
        ("DELETE", "me/library", "user-library-modify", {}),
        ("DELETE", "me/library", "user-follow-modify", {}),
        ("DELETE", "me/library", "playlist-modify-public", {}),
    ],
)
def test_a_missing_scope_is_told(
    spotify: Client, world: World, method: str, path: str, scope: str, setting: dict[str, Any]
) -> None:
    mine = world.playlist("mine", tracks=1, **setting)
    sign_in = world.sign_in()
    sign_in.scopes -= {scope}
    narrow = Client(world, spotify.server, sign_in)
    body = {"name": "new", "uris": [track(1).uri], "items": [{"uri": track(1).uri}]} if method != "GET" else None

    got = narrow.api(method, path.format(mine.id), body)

    assert (got.status, got.message) == (403, "Insufficient client scope")


def test_private_creation_needs_its_own_scope(spotify: Client, world: World) -> None:
    narrow = Client(world, spotify.server, world.sign_in(scopes=["playlist-modify-public"]))

    assert narrow.api("POST", "me/playlists", {"name": "new", "public": False}).status == 403
    assert narrow.api("POST", "me/playlists", {"name": "new"}).status == 201


def test_a_request_without_a_good_token_is_told_which_it_lacks(spotify: Client, clock: Clock) -> None:
    good = spotify.token
    spotify.token = None
    missing = spotify.get("me")
    spotify.token = "nonsense"
    invalid = spotify.get("me")
    spotify.token = good
    clock.time += 3600
    expired = spotify.get("me")

    assert [got.status for got in (missing, invalid, expired)] == [401] * 3
    assert missing.headers["www-authenticate"] == 'Bearer realm="spotify"'
    assert 'error="invalid_token"' in invalid.headers["www-authenticate"]
    assert invalid.message == expired.message == "Missing/invalid/expired access token"


def test_the_owner_of_the_app_needs_premium(spotify: Client, world: World) -> None:
    world.app.owner_premium = False

    got = spotify.get("me")

    assert (got.status, got.headers["content-type"]) == (403, "text/plain; charset=utf-8")
    assert got.text.startswith("Active premium subscription required")


def test_a_user_has_to_be_on_the_list(spotify: Client, world: World) -> None:
    world.app.allowed = {"someone else"}

    got = spotify.get("me")

    assert (got.status, got.headers["content-type"]) == (403, "text/plain; charset=utf-8")
    assert got.text == "User not registered in the Developer Dashboard"


def test_a_rolling_limit_says_when_there_is_room_again(spotify: Client, world: World, clock: Clock) -> None:
    world.limits.append(Limit(requests=2, window=30))
    first = spotify.get("me")
    clock.time += 10
    second = spotify.get("me")
    refused = spotify.get("me")
    clock.time += 20

    assert [first.status, second.status, refused.status] == [200, 200, 429]
    assert refused.headers["retry-after"] == "20"
    assert "reason" not in refused.json["error"]
    assert [spotify.get("me").status for _ in range(2)] == [200, 429]


def test_a_daily_quota_gives_its_reason(spotify: Client, world: World, clock: Clock) -> None:
    world.limits.append(Limit(requests=1, window=86400, reason="QUOTA_EXCEEDED"))
    spotify.get("me")
    clock.time += 0.5

    refused = spotify.get("me")

    assert (refused.status, refused.headers["retry-after"]) == (429, "86400")
    assert refused.json["error"]["reason"] == "QUOTA_EXCEEDED"
