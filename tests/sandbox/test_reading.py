"""What can be read, and in which shape (contract §1.3, §2)."""

import pytest

from syncer.sandbox import World, chapter, episode, local, media, track
from syncer.sandbox.fields import BadFields, parse
from tests.sandbox.client import Client, Clock

KINDS = "track,episode"
MADE_BY_SPOTIFY = "37i9dQZEVXcJZyENOWUFo7"


def test_a_page_holds_entries_of_every_kind_at_their_places(spotify: Client, world: World) -> None:
    playlist = world.playlist("mix", items=[track(1), None, local(2), episode(3), chapter(4)])

    page = spotify.get(f"playlists/{playlist.id}/items", additional_types=KINDS).json

    assert (page["total"], page["limit"], page["offset"], page["next"]) == (5, 20, 0, None)
    items = [entry["item"] for entry in page["items"]]
    assert [item and item["type"] for item in items] == ["track", None, "track", "episode", "chapter"]
    assert [entry["is_local"] for entry in page["items"]] == [False, False, True, False, False]
    assert items[0]["uri"] == track(1).uri
    assert items[2]["id"] is None
    assert page["items"][1]["added_at"] is None


def test_episodes_come_empty_unless_asked_for(spotify: Client, world: World) -> None:
    playlist = world.playlist("pod", items=[episode(1)])

    page = spotify.get(f"playlists/{playlist.id}/items").json

    assert page["total"] == 1
    assert page["items"][0]["item"] is None


def test_pages_follow_each_other_by_offset_and_link_to_this_sandbox(spotify: Client, world: World) -> None:
    playlist = world.playlist("long", tracks=120)
    path = f"playlists/{playlist.id}/items"

    pages = [spotify.get(path, limit=50, offset=offset).json for offset in (0, 50, 100, 150)]

    uris = [entry["item"]["uri"] for page in pages for entry in page["items"]]
    assert tuple(uris) == world.playlists[playlist.id].uris
    assert pages[0]["next"] == f"{spotify.server.api_url}/{path}?offset=50&limit=50"
    assert pages[1]["previous"] == f"{spotify.server.api_url}/{path}?offset=0&limit=50"
    assert pages[2]["next"] is None
    assert pages[3]["items"] == []


def test_fields_keep_what_they_name_and_drop_unknown_names_silently(spotify: Client, world: World) -> None:
    playlist = world.playlist("mix", tracks=1)
    path = f"playlists/{playlist.id}"

    filtered = "next,total,items(added_at,item(uri,artists(name)),track(uri)),nonsense"
    page = spotify.get(f"{path}/items", fields=filtered).json
    old_filter = spotify.get(f"{path}/items", fields="items(track(uri))").json
    head = spotify.get(path, fields="id,owner(id),items(total),tracks(total)").json
    dotted = spotify.get(path, fields="items.items.item.uri,name").json
    without = spotify.get(path, fields="items(items(!added_by,item(uri)))").json

    assert page.keys() == {"next", "total", "items"}
    assert page["items"][0].keys() == {"added_at", "item"}
    assert page["items"][0]["item"].keys() == {"uri", "artists"}
    assert page["items"][0]["item"]["artists"][0].keys() == {"name"}
    assert old_filter == {"items": [{}]}
    assert head == {"id": playlist.id, "owner": {"id": "listener"}, "items": {"total": 1}}
    assert dotted == {"name": "mix", "items": {"items": [{"item": {"uri": track(0, "mix").uri}}]}}
    assert "added_by" not in without["items"]["items"][0]


@pytest.mark.parametrize("text", ["a(", "a)", "a(b", "(a)", "a,,b", "a.", "!", "a b", "a(b)c", "a!b", ","])
def test_a_malformed_filter_is_refused(spotify: Client, world: World, text: str) -> None:
    playlist = world.playlist("mix", tracks=1)

    with pytest.raises(BadFields):
        parse(text)

    assert spotify.get(f"playlists/{playlist.id}/items", fields=text).status == 400


def test_a_filter_may_name_a_thing_twice() -> None:
    value = {"a": {"b": 1, "c": 2, "d": 3}}

    assert parse("a(b),a.c").of(value) == {"a": {"b": 1, "c": 2}}
    assert parse("a(b),a").of(value) == value
    assert parse("a(b(c)),a(b(d))").of({"a": {"b": {"c": 1, "d": 2}}}) == {"a": {"b": {"c": 1, "d": 2}}}


def test_a_head_brings_up_to_a_hundred_entries_with_it(spotify: Client, world: World) -> None:
    playlist = world.playlist("long", tracks=120)

    head = spotify.get(f"playlists/{playlist.id}").json

    assert head["snapshot_id"] == playlist.snapshot_id
    assert head["items"]["total"] == 120
    assert len(head["items"]["items"]) == 100
    assert head["items"]["next"].endswith(f"/playlists/{playlist.id}/items?offset=100&limit=100")


@pytest.mark.parametrize("most", [1, 20])
def test_how_many_entries_a_head_brings_is_a_setting(spotify: Client, world: World, most: int) -> None:
    playlist = world.playlist("long", tracks=30)
    world.app.nested_page = most

    nested = spotify.get(f"playlists/{playlist.id}").json["items"]

    assert (nested["total"], nested["limit"], len(nested["items"])) == (30, most, most)


def test_a_head_may_bring_no_entries_but_their_total(spotify: Client, world: World) -> None:
    playlist = world.playlist("long", tracks=30)
    world.app.nested_page = 0

    nested = spotify.get(f"playlists/{playlist.id}").json["items"]
    filtered = spotify.get(f"playlists/{playlist.id}", fields="items(total,items(item(uri)))").json
    made = spotify.api("POST", "me/playlists", {"name": "new"}).json

    assert nested == {"href": f"{spotify.server.api_url}/playlists/{playlist.id}/items", "total": 30}
    assert filtered == {"items": {"total": 30}}
    assert made["items"].keys() == {"href", "total"}


def test_a_foreign_playlist_shows_its_head_and_nothing_more(spotify: Client, world: World) -> None:
    foreign = world.playlist("theirs", tracks=3, owner="stranger")

    head = spotify.get(f"playlists/{foreign.id}")
    items = spotify.get(f"playlists/{foreign.id}/items")

    assert head.json["name"] == "theirs"
    assert head.json.keys().isdisjoint({"items", "tracks"})
    assert (items.status, items.message) == (403, "Forbidden")


@pytest.mark.parametrize("how", [{"collaborative": True}, {"collaborators": ["listener"]}])
def test_a_collaborator_reads_the_items(spotify: Client, world: World, how: dict[str, object]) -> None:
    shared = world.playlist("ours", tracks=3, owner="stranger", **how)  # type: ignore[arg-type] # one of two settings

    assert spotify.get(f"playlists/{shared.id}").json["items"]["total"] == 3
    assert spotify.get(f"playlists/{shared.id}/items").json["total"] == 3


def test_old_apps_see_the_old_shape_and_still_have_tracks(spotify: Client, world: World) -> None:
    playlist = world.playlist("mix", tracks=60)
    world.app.mode = "old"

    page = spotify.get(f"playlists/{playlist.id}/tracks", limit=60).json
    head = spotify.get(f"playlists/{playlist.id}").json

    assert page["items"][0]["track"]["popularity"]
    assert "item" not in page["items"][0]
    assert page["href"].split("?")[0].endswith("/tracks")
    assert (head["tracks"]["total"], "items" in head) == (60, False)


def test_some_apps_see_both_shapes(spotify: Client, world: World) -> None:
    playlist = world.playlist("mix", tracks=1)
    world.app.keys = "both"

    head = spotify.get(f"playlists/{playlist.id}").json
    entry = spotify.get(f"playlists/{playlist.id}/items").json["items"][0]

    assert head["items"]["total"] == head["tracks"]["total"] == 1
    assert entry["item"] == entry["track"]
    assert "popularity" not in entry["item"]


def test_extended_apps_read_what_others_own(spotify: Client, world: World) -> None:
    foreign = world.playlist("theirs", tracks=3, owner="stranger")
    world.app.mode = "extended"

    assert spotify.get(f"playlists/{foreign.id}/items").json["total"] == 3


def test_a_list_made_by_spotify_is_there_only_for_apps_with_the_old_privilege(spotify: Client, world: World) -> None:
    weekly = world.playlist("Discover Weekly", tracks=30, owner="spotify", id=MADE_BY_SPOTIFY)

    refused = [spotify.get(f"playlists/{weekly.id}{rest}") for rest in ("", "/items")]
    world.spotify_made_items = 403
    forbidden = spotify.get(f"playlists/{weekly.id}/items")
    world.app.reads_spotify_made = True
    page = spotify.get(f"playlists/{weekly.id}/items")

    assert [(got.status, got.message) for got in refused] == [(404, "Resource not found")] * 2
    assert (forbidden.status, forbidden.message) == (403, "Forbidden")
    assert page.json["total"] == 30


def test_a_market_brings_other_instances_of_tracks(spotify: Client, world: World) -> None:
    playlist = world.playlist("mix", tracks=30)

    page = spotify.get(f"playlists/{playlist.id}/items", limit=50, market="SE").json

    uris = [entry["item"]["uri"] for entry in page["items"]]
    assert len(uris) == 30
    assert 0 < sum(uri not in playlist.uris for uri in uris) < 30
    assert all("linked_from" not in entry["item"] for entry in page["items"])


def test_liked_songs_are_entries_with_a_track_newest_first(spotify: Client, world: World, clock: Clock) -> None:
    world.like([track(1), track(2)])
    clock.time += 60
    world.like([track(3)])

    page = spotify.get("me/tracks", limit=2).json

    assert [entry["track"]["uri"] for entry in page["items"]] == [track(3).uri, track(1).uri]
    assert (page["total"], page["next"] is None) == (3, False)
    assert page["items"][0]["added_at"] > page["items"][1]["added_at"]


def test_whatever_is_liked_has_the_shape_of_a_track(spotify: Client, world: World) -> None:
    world.like([episode(1)])

    item = spotify.get("me/tracks").json["items"][0]["track"]

    assert (item["uri"], item["type"]) == (episode(1).uri, "track")


def test_my_playlists_lists_what_the_scopes_allow(world: World, spotify: Client) -> None:
    world.playlist("open", tracks=2)
    world.playlist("closed", public=False)
    world.playlist("ours", owner="stranger", collaborators=["listener"])
    world.me.library.append(world.playlist("weekly", owner="spotify", id=MADE_BY_SPOTIFY).id)
    narrow = Client(world, spotify.server, world.sign_in(scopes=()))

    every = spotify.get("me/playlists").json
    some = narrow.get("me/playlists").json

    assert [entry["name"] for entry in every["items"]] == ["open", "closed", "ours"]
    assert every["items"][0]["items"]["total"] == 2
    assert [entry["name"] for entry in some["items"]] == ["open"]
    assert spotify.get("me/playlists", limit=1, offset=1).json["items"][0]["name"] == "closed"


def test_a_playlist_that_is_gone_is_in_no_library(spotify: Client, world: World) -> None:
    gone = world.playlist("gone")
    world.playlist("there")
    del world.playlists[gone.id]

    page = spotify.get("me/playlists").json

    assert ([entry["name"] for entry in page["items"]], page["total"]) == (["there"], 1)


@pytest.mark.parametrize("path", ["me", "me/"])
def test_me_says_who_i_am_and_no_more_to_new_apps(spotify: Client, world: World, path: str) -> None:
    profile = spotify.get(path).json
    world.app.mode = "old"

    assert (profile["id"], profile["account_id"]) == ("listener", world.me.account_id)
    assert profile.keys().isdisjoint({"email", "country", "product"})
    assert spotify.get(path).json["product"] == "premium"


def test_scenery_is_the_same_every_time_and_never_twice_the_same() -> None:
    assert track(7) is track(7)
    assert media(track(7).uri) is track(7)
    assert len({track(number).uri for number in range(5000)}) == 5000
    assert track(1, "one").uri != track(1, "two").uri
    assert len(track(7).isrc or "") == 12
