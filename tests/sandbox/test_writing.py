"""What writes do, and what the history keeps of it (contract §2.3)."""

from collections.abc import Callable

from syncer.sandbox import Playlist, World, episode, track
from tests.sandbox.client import Client, Clock

A, B, C, D = (track(number).uri for number in range(4))


def abc(world: World) -> Playlist:
    return world.playlist("abc", items=[A, B, C])


def test_an_add_appends_in_order_and_never_deduplicates(spotify: Client, world: World) -> None:
    playlist = abc(world)
    before = playlist.snapshot_id

    got = spotify.api("POST", f"playlists/{playlist.id}/items", {"uris": [D, A, D, episode(1).uri]})

    assert got.status == 201
    assert playlist.uris == (A, B, C, D, A, D, episode(1).uri)
    assert got.json == {"snapshot_id": playlist.snapshot_id}
    assert playlist.snapshot_id != before


def test_an_add_may_name_a_position(spotify: Client, world: World) -> None:
    playlist = abc(world)

    spotify.api("POST", f"playlists/{playlist.id}/items", {"uris": [D], "position": 1})

    assert playlist.uris == (A, D, B, C)


def test_uris_in_the_query_make_the_body_ignored(spotify: Client, world: World) -> None:
    playlist = abc(world)

    spotify.api("POST", f"playlists/{playlist.id}/items", {"uris": [C]}, uris=f"{D},{A}", position=0)

    assert playlist.uris == (D, A, A, B, C)


def test_a_removal_takes_every_occurrence(spotify: Client, world: World) -> None:
    playlist = world.playlist("abc", items=[A, B, A])
    body = {"items": [{"uri": A, "positions": [0]}], "snapshot_id": playlist.snapshot_id}

    first = spotify.api("DELETE", f"playlists/{playlist.id}/items", body)
    second = spotify.api("DELETE", f"playlists/{playlist.id}/items", {"items": [{"uri": A}]})

    assert playlist.uris == (B,)
    assert (first.status, first.json) == (200, {"snapshot_id": playlist.snapshot_id})
    assert second.json == first.json


def test_a_replacement_leaves_nothing_else(spotify: Client, world: World) -> None:
    playlist = abc(world)
    path = f"playlists/{playlist.id}/items"

    assert spotify.api("PUT", path, {"uris": [D]}).status == 200
    assert playlist.uris == (D,)
    assert spotify.api("PUT", path, uris=A).status == 200
    assert playlist.uris == (A,)
    assert spotify.api("PUT", path, {"uris": []}).status == 200
    assert not playlist.uris


def test_a_range_moves_in_front_of_a_place(spotify: Client, world: World) -> None:
    playlist = world.playlist("abcd", items=[A, B, C, D])
    path = f"playlists/{playlist.id}/items"

    spotify.api("PUT", path, {"range_start": 0, "insert_before": 4})
    assert playlist.uris == (B, C, D, A)
    spotify.api("PUT", path, {"range_start": 2, "insert_before": 0, "range_length": 2})
    assert playlist.uris == (D, A, B, C)


def test_a_created_playlist_is_mine_empty_public_and_first(spotify: Client, world: World) -> None:
    abc(world)

    made = [spotify.api("POST", "me/playlists", {"name": "new", "description": "hi"}) for _ in range(2)]

    ids = [got.json["id"] for got in made]
    assert [got.status for got in made] == [201, 201]
    assert len(set(ids)) == 2
    assert (made[0].json["public"], made[0].json["description"]) == (True, "hi")
    assert made[0].json["items"]["total"] == 0
    assert [entry["id"] for entry in spotify.get("me/playlists").json["items"]][:2] == ids[::-1]
    assert [change.kind for change in world.changes] == ["create", "create"]


def test_forgetting_a_playlist_takes_it_out_of_the_library_only(spotify: Client, world: World) -> None:
    playlist = abc(world)
    world.like([A, B])

    got = spotify.api("DELETE", "me/library", uris=f"{playlist.uri},{A}")

    assert (got.status, got.body) == (200, b"")
    assert spotify.get("me/playlists").json["total"] == 0
    assert spotify.get(f"playlists/{playlist.id}").status == 200
    assert [entry.uri for entry in world.me.liked] == [B]


def test_forgetting_has_its_limits(spotify: Client) -> None:
    many = ",".join(track(number).uri for number in range(41))

    assert spotify.api("DELETE", "me/library", uris=many).status == 400
    assert spotify.api("DELETE", "me/library", uris="nonsense").status == 400
    assert spotify.api("DELETE", "me/library").status == 400


def test_old_apps_write_through_tracks(spotify: Client, world: World) -> None:
    playlist = abc(world)
    world.app.mode = "old"
    path = f"playlists/{playlist.id}/tracks"

    assert spotify.api("POST", path, {"uris": [D]}).status == 201
    assert spotify.api("DELETE", path, {"tracks": [{"uri": A}]}).status == 200
    assert playlist.uris == (B, C, D)


def test_any_change_moves_the_snapshot_and_is_kept(world: World, clock: Clock) -> None:
    playlist = abc(world)
    seen = {playlist.snapshot_id}

    steps: tuple[Callable[[], str], ...] = (
        lambda: world.add(playlist, [D]),
        lambda: world.move(playlist, 0, 2),
        lambda: world.remove(playlist, [D]),
        lambda: world.remove_at(playlist, 0),
        lambda: world.replace(playlist, [A]),
        lambda: world.rename(playlist, "other"),
    )
    for step in steps:
        clock.time += 1
        seen.add(step())

    assert len(seen) == 7
    assert [change.kind for change in world.changes] == ["add", "move", "remove", "remove", "replace", "rename"]
    assert [version.uris for version in playlist.versions] == [
        (A, B, C),
        (A, B, C, D),
        (B, A, C, D),
        (B, A, C),
        (A, C),
        (A,),
        (A,),
    ]
    assert playlist.as_of(clock.time - 4).uris == (B, A, C, D)


def test_the_history_keeps_every_request_and_who_changed_what(spotify: Client, world: World, clock: Clock) -> None:
    playlist = abc(world)
    path = f"playlists/{playlist.id}/items"

    spotify.get(path, limit=50)
    spotify.api("POST", path, {"uris": [D]})
    spotify.api("POST", path, [A])

    read, write, refused = world.calls
    (change,) = world.changes
    assert (read.method, read.path, read.query, read.status) == ("GET", f"/v1/{path}", "limit=50", 200)
    assert [call.applied for call in (read, write, refused)] == [False, True, False]
    assert (write.uris, refused.uris, refused.status) == ((D,), (A,), 400)
    assert (write.user, write.at) == ("listener", clock.time)
    assert (change.by, change.uris, change.position) == ("listener", (D,), 3)
    assert world.history.index(write) < world.history.index(change)
