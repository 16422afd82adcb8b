"""Each kind of fault, as a client meets it (fault model §7)."""

import gzip
import json
from http.client import HTTPException, IncompleteRead, RemoteDisconnected
from typing import Any

import pytest

from syncer.sandbox import KINDS, WRONG_SHAPES, Edit, Fault, HttpRequest, Playlist, World, track
from tests.sandbox.client import Client, Clock

A, B, C, D = (track(number).uri for number in range(4))
SHORT = 0.1
ITEMS = "/v1/playlists/*/items"


@pytest.fixture
def playlist(world: World) -> Playlist:
    return world.playlist("abc", items=[A, B, C])


def add(spotify: Client, playlist: Playlist, *uris: str, wait: float = 5) -> Any:
    headers = {"Authorization": f"Bearer {spotify.token}", "Content-Type": "application/json"}
    body = json.dumps({"uris": uris}).encode()
    return spotify.send("POST", f"/v1/playlists/{playlist.id}/items", body, headers, wait)


def read(spotify: Client, playlist: Playlist) -> list[str]:
    return [entry["item"]["uri"] for entry in spotify.get(f"playlists/{playlist.id}/items").json["items"]]


@pytest.mark.parametrize("status", [500, 502, 503, 504])
@pytest.mark.parametrize("applied", [False, True])
def test_a_server_error_hides_whether_the_add_took_effect(
    spotify: Client, world: World, playlist: Playlist, status: int, *, applied: bool
) -> None:
    world.inject(Fault(kind="status", method="POST", path=ITEMS, status=status, applied=applied))

    got = add(spotify, playlist, D)

    assert (got.status, got.json["error"]["status"]) == (status, status)
    assert (D in playlist.uris) is applied
    call = world.calls[-1]
    assert (call.status, call.applied, call.faults) == (status, applied, ("status",))
    assert add(spotify, playlist, D).status == 201


@pytest.mark.parametrize("applied", [False, True])
@pytest.mark.parametrize("kind", ["close", "reset", "stall"])
def test_a_lost_answer_hides_whether_the_add_took_effect(
    spotify: Client, world: World, playlist: Playlist, kind: str, *, applied: bool
) -> None:
    world.inject(Fault(kind=kind, method="POST", applied=applied))

    with pytest.raises((TimeoutError, RemoteDisconnected, ConnectionResetError)) as lost:
        add(spotify, playlist, D, wait=SHORT)

    assert (lost.type is TimeoutError) is (kind == "stall")
    assert (D in playlist.uris) is applied
    assert world.calls[-1].effect == kind


def test_a_refused_connection_changes_nothing(spotify: Client, world: World, playlist: Playlist) -> None:
    world.inject(Fault(kind="refuse", applied=True))

    with pytest.raises(ConnectionResetError):
        add(spotify, playlist, D)

    assert playlist.uris == (A, B, C)


@pytest.mark.parametrize("at_byte", [1, 15, 16, 40, 150])
def test_an_answer_may_end_at_any_byte(spotify: Client, world: World, at_byte: int) -> None:
    whole = spotify.raw("me")
    world.inject(Fault(kind="close", at_byte=at_byte))

    assert spotify.raw("me") == whole[:at_byte]


def test_an_answer_may_stop_at_any_byte(spotify: Client, world: World) -> None:
    world.inject(Fault(kind="stall", at_byte=100))

    assert len(spotify.raw("me", wait=SHORT)) == 100


def test_an_answer_may_drip(spotify: Client, world: World) -> None:
    whole = spotify.raw("me")
    world.inject(Fault(kind="drip", at_byte=400, seconds=0.001))
    world.inject(Fault(kind="drip", after=1))

    assert spotify.raw("me") == whole
    assert spotify.raw("me", wait=SHORT) == b""


def test_an_applied_add_may_answer_half_a_body(spotify: Client, world: World, playlist: Playlist) -> None:
    world.inject(Fault(kind="cut", method="POST"))

    with pytest.raises(IncompleteRead):
        add(spotify, playlist, D)

    assert playlist.uris == (A, B, C, D)


def test_a_lost_add_may_take_effect_later(spotify: Client, world: World, playlist: Playlist, clock: Clock) -> None:
    world.inject(Fault(kind="late", method="POST", seconds=40))
    world.inject(Fault(kind="late", method="POST", after=1, seconds=10, status=502))

    with pytest.raises(RemoteDisconnected):
        add(spotify, playlist, D)
    assert add(spotify, playlist, C).status == 502

    assert read(spotify, playlist) == [A, B, C]
    assert not world.calls[0].applied
    clock.time += 10
    assert read(spotify, playlist) == [A, B, C, C]
    clock.time += 30
    world.settle()
    assert playlist.uris == (A, B, C, C, D)
    assert world.calls[0].applied
    assert [change.at for change in world.changes] == [clock.time - 30, clock.time]


def test_reads_may_lag_behind_writes(spotify: Client, world: World, playlist: Playlist, clock: Clock) -> None:
    world.inject(Fault(kind="read-lag", method="GET", path=ITEMS, times=None, seconds=30))

    answered = add(spotify, playlist, D).json["snapshot_id"]

    assert read(spotify, playlist) == [A, B, C]
    head = spotify.get(f"playlists/{playlist.id}").json
    assert (head["items"]["total"], head["snapshot_id"]) == (4, answered)
    clock.time += 30
    assert read(spotify, playlist) == [A, B, C, D]


def test_so_may_the_list_of_my_playlists(spotify: Client, world: World, playlist: Playlist, clock: Clock) -> None:
    old = playlist.snapshot_id
    world.inject(Fault(kind="read-lag", method="GET", path="/v1/me/playlists", times=None, seconds=30))

    new = add(spotify, playlist, D).json["snapshot_id"]

    assert listed(spotify) == [(old, 3)]
    clock.time += 30
    assert listed(spotify) == [(new, 4)]


def test_a_playlist_may_show_some_time_after_it_was_made(spotify: Client, world: World, clock: Clock) -> None:
    world.inject(Fault(kind="read-lag", method="GET", path="/v1/**", times=None, seconds=30))

    made = spotify.api("POST", "me/playlists", {"name": "new"}).json["id"]

    assert listed(spotify) == []
    assert [spotify.get(f"playlists/{made}{rest}").status for rest in ("", "/items")] == [404, 404]
    assert spotify.api("POST", f"playlists/{made}/items", {"uris": [D]}).status == 201
    clock.time += 30
    assert [total for _, total in listed(spotify)] == [1]
    assert [spotify.get(f"playlists/{made}{rest}").status for rest in ("", "/items")] == [200, 200]


def test_the_snapshots_in_the_list_of_my_playlists_may_lag_on_their_own(
    spotify: Client, world: World, playlist: Playlist, clock: Clock
) -> None:
    old = playlist.snapshot_id
    world.inject(Fault(kind="snapshot-lag", path="/v1/me/playlists", times=None, seconds=30))

    new = add(spotify, playlist, D).json["snapshot_id"]

    assert listed(spotify) == [(old, 4)]
    clock.time += 15
    assert listed(spotify)[0][0] not in {old, new}
    clock.time += 15
    assert listed(spotify) == [(new, 4)]


def listed(spotify: Client) -> list[tuple[str, int]]:
    """Return what the list of my playlists tells of each: its snapshot id and how many items it has."""
    return [(each["snapshot_id"], each["items"]["total"]) for each in spotify.get("me/playlists").json["items"]]


def test_the_snapshot_may_lag_behind_the_items(spotify: Client, world: World, playlist: Playlist, clock: Clock) -> None:
    old = playlist.snapshot_id
    world.inject(Fault(kind="snapshot-lag", path="/v1/playlists/*", times=None, seconds=30))

    new = add(spotify, playlist, D).json["snapshot_id"]
    shown = []
    for _ in range(3):
        shown.append(spotify.get(f"playlists/{playlist.id}").json["snapshot_id"])
        clock.time += 15

    assert shown[0] == old
    assert shown[1] not in {old, new}
    assert shown[2] == new
    assert read(spotify, playlist) == [A, B, C, D]


def test_what_was_added_may_read_back_as_another_instance(spotify: Client, world: World, playlist: Playlist) -> None:
    world.inject(Fault(kind="relink", method="POST"))

    add(spotify, playlist, D)

    shown = read(spotify, playlist)
    assert (shown[:3], len(shown)) == ([A, B, C], 4)
    assert shown[3] not in {A, B, C, D}
    assert playlist.uris[3] == D


@pytest.mark.parametrize("times", [1, None])
def test_good_tokens_may_be_turned_away(spotify: Client, world: World, times: int | None) -> None:
    world.inject(Fault(kind="false-401", times=times))

    first, second = spotify.get("me"), spotify.get("me")

    assert (first.status, first.message) == (401, "Access token missing")
    assert "www-authenticate" in first.headers
    assert second.status == (200 if times else 401)


def test_the_two_account_wide_refusals_are_plain_text(spotify: Client, world: World) -> None:
    world.inject(Fault(kind="premium"))
    world.inject(Fault(kind="not-allow-listed", after=1))

    for begins in ("Active premium subscription required", "User not registered"):
        got = spotify.get("me")
        assert (got.status, got.headers["content-type"]) == (403, "text/plain; charset=utf-8")
        assert got.text.startswith(begins)


RETRY_AFTER = ["3", "61", "86400", "1000000000", "0", "-1", "1.5", "soon", "", "Wed, 21 Oct 2026 07:28:00 GMT"]


@pytest.mark.parametrize("value", RETRY_AFTER)
def test_a_limit_may_give_any_retry_after(spotify: Client, world: World, value: str) -> None:
    world.inject(Fault(kind="rate-limit", headers={"Retry-After": value}))

    got = spotify.get("me")

    assert (got.status, got.headers["retry-after"]) == (429, value)
    assert "reason" not in got.json["error"]


def test_a_limit_may_give_no_retry_after(spotify: Client, world: World) -> None:
    world.inject(Fault(kind="status", status=429))

    got = spotify.get("me")

    assert (got.status, "retry-after" in got.headers) == (429, False)


def test_a_quota_names_its_reason(spotify: Client, world: World) -> None:
    world.inject(Fault(kind="quota"))

    got = spotify.get("me")

    assert (got.status, got.headers["retry-after"], got.json["error"]["reason"]) == (429, "48925", "QUOTA_EXCEEDED")


@pytest.mark.parametrize("status", [302, 307])
def test_a_redirect_may_point_anywhere(spotify: Client, world: World, playlist: Playlist, status: int) -> None:
    location = {"Location": "https://thief.invalid/"}
    world.inject(Fault(kind="redirect", status=status, headers=location))

    got = add(spotify, playlist, D)

    assert (got.status, got.headers["location"]) == (status, "https://thief.invalid/")
    assert D not in playlist.uris


def test_a_status_may_come_with_any_text(spotify: Client, world: World) -> None:
    world.inject(Fault(kind="status", status=403, text="<h1>no</h1>", headers={"Content-Type": "text/html"}))
    world.inject(Fault(kind="status", status=404, after=1))

    shown = spotify.get("me")

    assert (shown.status, shown.text, shown.headers["content-type"]) == (403, "<h1>no</h1>", "text/html")
    assert spotify.get("me").message == "Resource not found"


def spoilt(spotify: Client, world: World, playlist: Playlist, **fault: Any) -> bytes:
    """Return the body of a page under a fault; its status is always good."""
    world.inject(Fault(path=ITEMS, **fault))
    got = spotify.get(f"playlists/{playlist.id}/items")
    assert got.status == 200
    assert int(got.headers["content-length"]) == len(got.body)
    return got.body


@pytest.mark.parametrize("kind", ["empty-body", "html-body", "short-body"])
def test_a_good_status_may_come_without_json(spotify: Client, world: World, playlist: Playlist, kind: str) -> None:
    with pytest.raises(json.JSONDecodeError):
        json.loads(spoilt(spotify, world, playlist, kind=kind))


@pytest.mark.parametrize("shape", WRONG_SHAPES)
def test_a_good_status_may_come_with_another_shape(
    spotify: Client, world: World, playlist: Playlist, shape: str
) -> None:
    assert spoilt(spotify, world, playlist, kind="other-body", text=shape).decode() == shape


def test_json_may_be_hostile(spotify: Client, world: World, playlist: Playlist) -> None:
    bodies = {
        kind: spoilt(spotify, world, playlist, kind=kind)
        for kind in (
            "nan-body",
            "huge-number-body",
            "infinite-body",
            "double-key-body",
            "lone-surrogate-body",
            "bad-utf8-body",
        )
    }

    assert b":NaN" in bodies["nan-body"]
    assert b":" + b"9" * 5000 in bodies["huge-number-body"]
    assert b":1e999" in bodies["infinite-body"]
    assert json.loads(bodies["double-key-body"])["items"] == []
    assert b'":"\\ud800' in bodies["lone-surrogate-body"]
    with pytest.raises(UnicodeDecodeError):
        bodies["bad-utf8-body"].decode()


def test_json_may_be_deep_or_large(spotify: Client, world: World, playlist: Playlist) -> None:
    deep = spoilt(spotify, world, playlist, kind="deep-body", size=10_000)
    huge = spoilt(spotify, world, playlist, kind="huge-body", size=3_000_000)
    bomb = spoilt(spotify, world, playlist, kind="gzip-bomb", size=2_000_000)

    assert deep == b"[" * 5000 + b"]" * 5000
    assert len(huge) > 3_000_000
    assert json.loads(huge)["total"] == 3
    assert len(bomb) < 10_000
    assert len(gzip.decompress(bomb)) == 2_000_000


def test_a_listing_may_hold_nulls(spotify: Client, world: World, playlist: Playlist) -> None:
    world.playlist("second")
    world.inject(Fault(kind="null-entry", path="/v1/me/playlists"))

    page = spotify.get("me/playlists").json

    assert page["items"][0] is None
    assert page["items"][1]["name"] == "second"
    assert page["total"] == 2
    assert playlist.id in world.me.library


def test_someone_else_may_edit_between_two_pages(spotify: Client, world: World, playlist: Playlist) -> None:
    edits = (Edit(playlist=playlist.id, remove=0), Edit(playlist=playlist.id, add=(D,), position=0))
    world.inject(Fault(kind="edit", method="GET", path=ITEMS, after=1, edits=edits))
    world.inject(
        Fault(kind="edit", method="GET", path=ITEMS, after=2, edits=(Edit(playlist=playlist.id, move=(0, 2)),))
    )
    world.inject(Fault(kind="edit", path=ITEMS, after=3, act=lambda scene: scene.rename(playlist, "other")))
    world.inject(Fault(kind="edit", path=ITEMS, after=4, edits=(Edit(playlist=playlist.id, remove=99),)))

    assert read(spotify, playlist) == [A, B, C]
    assert read(spotify, playlist) == [D, B, C]
    assert read(spotify, playlist) == [B, D, C]
    assert read(spotify, playlist) == [B, D, C]
    assert playlist.name == "other"
    assert read(spotify, playlist) == [B, D, C]
    assert {change.by for change in world.changes} == {"someone"}


def refresh(spotify: Client, refresh_token: str) -> Any:
    client_id = spotify.world.app.client_id
    return spotify.form("/api/token", grant_type="refresh_token", refresh_token=refresh_token, client_id=client_id)


@pytest.mark.parametrize("value", [0, -1, "soon", 10**12, None, 1.5])
def test_token_answers_may_be_odd(spotify: Client, world: World, value: object) -> None:
    sign_in = world.sign_in(pkce=True)
    world.inject(Fault(kind="patch", path="/api/token", put={"expires_in": value}))
    world.inject(Fault(kind="patch", path="/api/token", after=1, drop=("expires_in", "scope")))

    assert refresh(spotify, sign_in.refresh_token).json["expires_in"] == value
    assert refresh(spotify, sign_in.refresh_token).json.keys() == {"access_token", "token_type"}


@pytest.mark.parametrize(("kind", "then"), [("rotate", 200), ("rotate-and-revoke", 400)])
def test_a_refresh_may_bring_a_new_refresh_token(spotify: Client, world: World, kind: str, then: int) -> None:
    sign_in = world.sign_in(pkce=True)
    world.inject(Fault(kind=kind))

    fresh = refresh(spotify, sign_in.refresh_token).json["refresh_token"]

    assert refresh(spotify, sign_in.refresh_token).status == then
    assert refresh(spotify, fresh).status == 200
    assert world.sign_ins[fresh].ends_at == sign_in.ends_at


def test_the_accounts_service_fails_in_its_own_shape(spotify: Client, world: World) -> None:
    world.inject(Fault(kind="status", status=503, path="/api/token"))
    world.inject(Fault(kind="status", status=400, message="invalid_grant", path="/api/token", after=1))

    first, second = refresh(spotify, ""), refresh(spotify, "")

    assert (first.status, first.json) == (503, {"error": "server_error"})
    assert (second.status, second.json) == (400, {"error": "invalid_grant"})


def test_a_fault_strikes_the_requests_it_names_and_no_others(spotify: Client, world: World, playlist: Playlist) -> None:
    twice = world.inject(Fault(kind="status", status=500, method="GET", path=ITEMS, after=1, times=2))
    head = f"playlists/{playlist.id}"

    statuses = [spotify.get(f"{head}/items").status for _ in range(4)]

    assert statuses == [200, 500, 500, 200]
    assert spotify.get(head).status == 200
    assert (twice.seen, twice.fired) == (4, 2)


@pytest.mark.parametrize(
    ("pattern", "hits"),
    [
        ("**", 3),
        ("/v1/**", 3),
        ("/v1/playlists/*", 1),
        ("/v1/playlists/**", 2),
        ("/v1/me/", 1),
        ("/v1/*", 1),
        ("/v1/playlists/./items", 0),
    ],
)
def test_patterns_go_by_segment(spotify: Client, world: World, playlist: Playlist, pattern: str, hits: int) -> None:
    fault = world.inject(Fault(kind="status", path=pattern, times=None))

    for path in ("me", f"playlists/{playlist.id}", f"playlists/{playlist.id}/items"):
        spotify.get(path)

    assert fault.seen == fault.fired == hits


def test_faults_meet_in_the_order_they_came(spotify: Client, world: World, playlist: Playlist) -> None:
    world.inject(Fault(kind="edit", edits=(Edit(playlist=playlist.id, remove=0),)))
    outer = world.inject(Fault(kind="status", status=502, applied=True, times=None))
    inner = world.inject(Fault(kind="status", status=500, times=None))

    assert add(spotify, playlist, D).status == 502
    assert playlist.uris == (B, C)
    assert (outer.fired, inner.fired) == (1, 1)
    assert world.calls[0].faults == ("edit", "status", "status")
    world.heal()
    assert add(spotify, playlist, D).status == 201


def test_an_unknown_kind_is_told_at_once() -> None:
    with pytest.raises(ValueError, match="'nonsense' is no kind of fault"):
        Fault(kind="nonsense")


@pytest.mark.parametrize("kind", sorted(KINDS))
@pytest.mark.parametrize("applied", [False, True])
def test_every_kind_can_meet_every_request(world: World, spotify: Client, kind: str, *, applied: bool) -> None:
    """No fault may break the sandbox itself: the worst a client sees is what the fault says."""
    playlist = world.playlist("abc", items=[A, B, C])
    world.inject(Fault(kind=kind, applied=applied, seconds=0, times=None))
    spotify.world.playlist("second")

    for ask in (
        lambda: spotify.raw("me", wait=0.02),
        lambda: spotify.raw(f"playlists/{playlist.id}/items", wait=0.02),
        lambda: add(spotify, playlist, D, wait=0.02),
        lambda: spotify.form("/api/token", grant_type="refresh_token") if kind != "stall" else None,
    ):
        try:
            ask()
        except (HTTPException, OSError):
            continue

    world.heal()
    assert spotify.get("me").status == 200


EVERY = (
    ("GET", "me"),
    ("GET", "me/playlists"),
    ("GET", "me/tracks"),
    ("GET", "me/albums"),
    ("GET", "me/episodes"),
    ("GET", "me/top/tracks"),
    ("GET", "search?q=x&type=track"),
    ("GET", "tracks/{track}"),
    ("GET", "playlists/{playlist}"),
    ("GET", "playlists/{playlist}/items"),
    ("POST", "playlists/{playlist}/items"),
    ("GET", "albums/{album}/tracks/"),
    ("GET", "artists/{artist}/albums"),
    ("GET", "shows/{show}/episodes/"),
    ("GET", "me/player"),
    ("GET", "me/player/devices"),
    ("GET", "me/player/queue"),
    ("GET", "me/player/recently-played"),
    ("PUT", "me/player/play"),
    ("PUT", "me/player/pause"),
    ("PUT", "me/player/volume?volume_percent=7"),
    ("PUT", "me/player/shuffle?state=true"),
    ("PUT", "me/player/repeat?state=off"),
)


@pytest.mark.parametrize("kind", sorted(KINDS))
def test_every_kind_has_an_answer_to_every_request(world: World, kind: str) -> None:
    """With or without a page, with or without a body: the sandbox answers, and only so as HTTP can carry it."""
    album, show, playlist = (
        world.album("Blue", tracks=2),
        world.show("Talk", episodes=2),
        world.playlist("mix", tracks=2),
    )
    keys = {"album": album.id, "artist": world.artist("Ada Marlow").id, "show": show.id, "playlist": playlist.id}
    keys["track"] = album.uris[0].rpartition(":")[2]
    world.save_albums([album])
    world.heard([A], album)
    world.play(album)
    headers = {"Authorization": f"Bearer {world.access_token(world.sign_in())}"}
    world.inject(Fault(kind=kind, times=None, seconds=0, size=1000))

    for method, path in EVERY:
        body = json.dumps({"uris": [A]}).encode() if method != "GET" else b""
        url = f"http://127.0.0.1/v1/{path.format_map(keys)}"
        answer = world.answer(HttpRequest.to(method, url, headers=headers, body=body))
        assert answer.wire().startswith(b"HTTP/1.1 ")
        assert answer.status != 204 or answer.body == b""


@pytest.mark.parametrize(
    ("path", "where"),
    [
        ("me/albums", ("items",)),
        ("shows/{show}/episodes", ("items",)),
        ("me/player/recently-played", ("items",)),
        ("me/player/queue", ("queue",)),
        ("me/player/devices", ("devices",)),
        ("search?q=blue&type=track", ("tracks", "items")),
        ("playlists/{playlist}", ("items", "items")),
    ],
)
def test_every_list_may_hold_a_null(spotify: Client, world: World, path: str, where: tuple[str, ...]) -> None:
    album, show, playlist = (
        world.album("Blue", tracks=2),
        world.show("Talk", episodes=2),
        world.playlist("mix", tracks=2),
    )
    world.save_albums([album])
    world.heard([A])
    world.play(album)
    world.inject(Fault(kind="null-entry"))

    spoilt, whole = (spotify.get(path.format(show=show.id, playlist=playlist.id)).json for _ in range(2))

    for name in where:
        spoilt, whole = spoilt[name], whole[name]
    assert (spoilt[0], spoilt[1:]) == (None, whole[1:])


@pytest.mark.parametrize("kind", ["null-entry", "patch"])
def test_what_has_no_such_thing_stays_as_it_is(spotify: Client, world: World, kind: str) -> None:
    whole = spotify.get("me").json
    world.inject(Fault(kind=kind, times=None))

    nothing = spotify.get("me/player")

    assert (nothing.status, nothing.body) == (204, b"")
    assert spotify.get("me").json == whole


@pytest.mark.parametrize("applied", [False, True])
def test_a_command_may_take_effect_though_its_answer_is_lost(spotify: Client, world: World, *, applied: bool) -> None:
    world.play(items=[A])
    world.inject(Fault(kind="status", method="PUT", path="/v1/me/player/*", status=502, applied=applied))

    got = spotify.api("PUT", "me/player/play", {"uris": [B]})

    assert (got.status, world.calls[-1].applied) == (502, applied)
    assert spotify.get("me/player").json["item"]["uri"] == (B if applied else A)


def test_a_lost_command_may_take_effect_later(spotify: Client, world: World, clock: Clock) -> None:
    world.play(items=[A])
    world.inject(Fault(kind="late", method="PUT", seconds=10, status=502))

    assert spotify.api("PUT", "me/player/play", {"uris": [B]}).status == 502
    clock.time += 9
    before = spotify.get("me/player").json
    clock.time += 2

    assert before["item"]["uri"] == A
    now = spotify.get("me/player").json
    assert (now["item"]["uri"], now["progress_ms"]) == (B, 1000)
    assert world.calls[0].applied


def test_a_listener_may_act_between_two_requests(spotify: Client, world: World) -> None:
    world.play(items=[A])
    world.inject(Fault(kind="edit", act=lambda scene: scene.play(items=[C])))

    assert spotify.get("me/player").json["item"]["uri"] == C
