"""Albums, artists, shows, and what someone keeps of them (contract §1.2, §2.4)."""

from typing import Any

import pytest

from syncer.sandbox import Media, World, episode, local, track
from tests.sandbox.client import Client, Clock

UNKNOWN = "0" * 22


@pytest.mark.parametrize("slash", ["", "/"])
def test_an_album_lists_simplified_tracks_in_order(spotify: Client, world: World, slash: str) -> None:
    album = world.album("Blue", tracks=60, items=[track(1)], artists=["Ada Marlow"])

    pages = [spotify.get(f"albums/{album.id}/tracks{slash}", limit=50, offset=offset).json for offset in (0, 50)]

    listed = [entry for page in pages for entry in page["items"]]
    assert tuple(entry["uri"] for entry in listed) == album.uris
    assert listed[0]["uri"] == track(1).uri
    assert [entry["track_number"] for entry in listed] == list(range(1, 62))
    assert all(entry.keys().isdisjoint({"external_ids", "added_at", "album", "popularity"}) for entry in listed)
    assert pages[0]["next"] == f"{spotify.server.api_url}/albums/{album.id}/tracks?offset=50&limit=50"
    assert (pages[0]["total"], pages[1]["next"]) == (61, None)


def test_a_track_names_its_album_wherever_it_is(spotify: Client, world: World) -> None:
    album = world.album("Blue", items=[track(1)], released="2026-03-13", kind="single", artists=["X"])
    playlist = world.playlist("mix", items=[track(1).uri])

    item = spotify.get(f"playlists/{playlist.id}/items").json["items"][0]["item"]

    assert item["external_ids"] == {"isrc": track(1).isrc}
    about = {name: item["album"][name] for name in ("id", "name", "album_type", "release_date", "total_tracks")}
    assert about == {
        "id": album.id,
        "name": "Blue",
        "album_type": "single",
        "release_date": "2026-03-13",
        "total_tracks": 1,
    }


@pytest.mark.parametrize(("released", "precision"), [("2026", "year"), ("2026-03", "month"), ("2026-03-13", "day")])
def test_a_release_is_dated_as_well_as_it_is_known(
    spotify: Client, world: World, released: str, precision: str
) -> None:
    world.album("Blue", tracks=1, released=released)

    release = spotify.get(f"artists/{world.artist('Ada Marlow').id}/albums").json["items"][0]

    assert (release["release_date"], release["release_date_precision"]) == (released, precision)


def test_an_artist_lists_releases_group_by_group_newest_first(spotify: Client, world: World) -> None:
    guest = Media(uri=track(1).uri, name="duet", artists=("Y", "X"), album="", duration_ms=1)
    world.album("old", tracks=1, artists=["X"], released="2019")
    world.album("new", tracks=1, artists=["X"], released="2026-03")
    world.album("short", tracks=1, artists=["X"], released="2026-05-01", kind="single")
    world.album("best", tracks=1, artists=["X"], kind="compilation")
    world.album("theirs", items=[guest], artists=["Y"])
    world.album("another", tracks=1, artists=["Z"])
    path = f"artists/{world.artist('X').id}/albums"

    every = spotify.get(path).json
    some = spotify.get(path, include_groups="single,album").json

    assert [each["name"] for each in every["items"]] == ["new", "old", "short", "best", "theirs"]
    assert [each["name"] for each in some["items"]] == ["new", "old", "short"]
    assert (every["total"], some["total"]) == (5, 3)
    assert some["href"].endswith("&include_groups=single,album")
    assert "album_group" not in every["items"][0]
    world.app.mode = "old"
    assert [each["album_group"] for each in spotify.get(path).json["items"]][-2:] == ["compilation", "appears_on"]
    assert spotify.get(path, include_groups="albums").status == 400


def test_new_apps_get_releases_five_or_at_most_ten_at_a_time(spotify: Client, world: World) -> None:
    for number in range(12):
        world.album(f"{number}", tracks=1)
    path = f"artists/{world.artist('Ada Marlow').id}/albums"

    few, more, last = spotify.get(path).json, spotify.get(path, limit=10).json, spotify.get(path, limit=10, offset=10)
    refused = spotify.get(path, limit=11)
    world.app.mode = "old"

    assert [len(page["items"]) for page in (few, more, last.json)] == [5, 10, 2]
    assert (refused.status, refused.message) == (400, "Invalid limit")
    assert len(spotify.get(path, limit=50).json["items"]) == 12


def test_an_artist_without_releases_is_still_known(spotify: Client, world: World) -> None:
    assert spotify.get(f"artists/{world.artist('Quiet').id}/albums").json["total"] == 0


@pytest.mark.parametrize("slash", ["", "/"])
def test_a_show_lists_its_episodes_newest_first_with_holes(spotify: Client, world: World, slash: str) -> None:
    show = world.show("Talk", items=[None, episode(1)], episodes=3)

    page = spotify.get(f"shows/{show.id}/episodes{slash}").json

    assert page["items"][0] is None
    assert page["items"][1]["uri"] == episode(1).uri
    dates = [entry["release_date"] for entry in page["items"][1:]]
    assert dates == sorted(set(dates), reverse=True)
    assert (page["total"], "show" in page["items"][1]) == (5, False)
    assert page["items"][1]["resume_point"] == {"fully_played": False, "resume_position_ms": 0}


def test_a_new_episode_pushes_the_others_on(spotify: Client, world: World) -> None:
    show = world.show("Talk", episodes=2)
    show.episodes.insert(0, episode(7))

    page = spotify.get(f"shows/{show.id}/episodes", limit=1, offset=1).json

    assert show.episodes[1]
    assert (page["total"], page["items"][0]["uri"]) == (3, show.episodes[1].uri)


def test_saved_albums_bring_their_first_tracks(spotify: Client, world: World, clock: Clock) -> None:
    long, short = world.album("long", tracks=60), world.album("short", tracks=2)
    world.save_albums([long])
    clock.time += 60
    world.save_albums([short])

    page = spotify.get("me/albums", limit=20).json

    assert [entry["album"]["id"] for entry in page["items"]] == [short.id, long.id]
    assert page["items"][0]["added_at"] > page["items"][1]["added_at"]
    tracks = page["items"][1]["album"]["tracks"]
    assert (tracks["total"], tracks["limit"]) == (60, 50)
    assert tuple(entry["uri"] for entry in tracks["items"]) == long.uris[:50]
    assert "external_ids" not in tracks["items"][0]
    assert spotify.follow(tracks["next"]).json["offset"] == 50


def test_new_apps_have_lost_some_of_an_album(spotify: Client, world: World) -> None:
    world.save_albums([world.album("Blue", tracks=1)])
    lost = {"label", "popularity", "available_markets"}

    new = spotify.get("me/albums").json["items"][0]["album"]
    world.app.mode = "old"
    old = spotify.get("me/albums").json["items"][0]["album"]

    assert new.keys().isdisjoint(lost)
    assert old.keys() >= lost
    assert new["external_ids"]["upc"].isdecimal()


def test_saved_episodes_are_entries_with_a_whole_episode(spotify: Client, world: World) -> None:
    world.save_episodes([episode(1), episode(2)])

    page = spotify.get("me/episodes").json

    assert [entry["episode"]["uri"] for entry in page["items"]] == [episode(1).uri, episode(2).uri]
    assert page["items"][0]["episode"]["show"]["name"] == episode(1).album


def test_top_tracks_are_told_apart_by_time(spotify: Client, world: World) -> None:
    world.top([track(1), track(2)], "short_term")
    world.top([track(3)])

    def uris(**query: Any) -> list[str]:
        return [item["uri"] for item in spotify.get("me/top/tracks", **query).json["items"]]

    assert uris(time_range="short_term") == [track(1).uri, track(2).uri]
    assert uris() == uris(time_range="medium_term") == [track(3).uri]
    assert uris(time_range="long_term") == []
    assert spotify.get("me/top/tracks", time_range="all_time").status == 400


@pytest.mark.parametrize("query", ["isrc:{}", 'isrc:"{}"'])
def test_a_track_is_found_by_its_isrc_in_any_case(spotify: Client, world: World, query: str) -> None:
    world.know(*(track(number) for number in range(20)))
    isrc = str(track(7).isrc)

    for text in (isrc, isrc.lower()):
        found = spotify.get("search", q=query.format(text), type="track", limit=1).json["tracks"]
        assert [item["uri"] for item in found["items"]] == [track(7).uri]
        assert found["items"][0]["external_ids"] == {"isrc": isrc}


def test_whatever_is_anywhere_can_be_found(spotify: Client, world: World) -> None:
    world.playlist("mix", items=[track(1), local(1), episode(1)])
    world.like([track(2)])
    world.heard([track(3)])
    world.album("Blue", items=[track(4)])

    found = [spotify.get("search", q=f"isrc:{track(n).isrc}", type="track").json["tracks"] for n in range(1, 6)]

    assert [page["total"] for page in found] == [1, 1, 1, 1, 0]


def test_a_track_that_is_anywhere_can_be_asked_for_by_itself(spotify: Client, world: World) -> None:
    album = world.album("Blue", items=[track(1)])
    world.like([episode(1)])

    got = spotify.get(f"tracks/{track(1).id}").json

    assert (got["uri"], got["album"]["id"], got["external_ids"]) == (track(1).uri, album.id, {"isrc": track(1).isrc})
    for key, status in ((UNKNOWN, 404), (episode(1).id, 404), ("short", 400)):
        assert spotify.get(f"tracks/{key}").status == status


def test_other_searches_match_words(spotify: Client, world: World) -> None:
    world.album("Paper Lanterns", tracks=12, artists=["Motel Polaris"])

    found = spotify.get("search", q="polaris lanterns", type="track,album").json

    assert (found["tracks"]["total"], len(found["tracks"]["items"])) == (12, 5)
    assert found["albums"]["items"] == []
    again = spotify.follow(found["tracks"]["next"]).json
    assert (again["tracks"]["offset"], "albums" in again) == (5, False)


@pytest.mark.parametrize(
    ("query", "status"),
    [
        ({"q": "x", "type": "track", "limit": 10, "offset": 1000}, 200),
        ({"q": "x", "type": "track", "limit": 11}, 400),
        ({"q": "x", "type": "track", "offset": 1001}, 400),
        ({"q": "x"}, 400),
        ({"q": "x", "type": "song"}, 400),
        ({"type": "track"}, 400),
        ({"q": "", "type": "track"}, 400),
    ],
)
def test_a_search_has_its_limits(spotify: Client, query: dict[str, Any], status: int) -> None:
    assert spotify.get("search", **query).status == status


def test_old_apps_may_search_for_more_at_once(spotify: Client, world: World) -> None:
    world.app.mode = "old"

    assert spotify.get("search", q="x", type="track", limit=50).status == 200
    assert spotify.get("search", q="x", type="track", limit=51).status == 400


@pytest.mark.parametrize("path", ["albums/{}/tracks", "artists/{}/albums", "shows/{}/episodes"])
def test_what_is_not_there_is_not_found(spotify: Client, path: str) -> None:
    unknown, malformed = spotify.get(path.format(UNKNOWN)), spotify.get(path.format("short"))

    assert (unknown.status, unknown.message) == (404, "Resource not found")
    assert (malformed.status, malformed.message) == (400, "Invalid base62 id")


@pytest.mark.parametrize("path", ["albums/{}/tracks", "shows/{}/episodes", "me/albums", "me/episodes", "me/top/tracks"])
def test_pages_of_music_have_the_usual_limits(spotify: Client, world: World, path: str) -> None:
    world.album("Blue", tracks=1)
    world.show("Blue", episodes=1)
    key = next(iter(world.albums if path.startswith("albums") else world.shows))

    got = {limit: spotify.get(path.format(key), limit=limit).status for limit in (0, 1, 50, 51)}

    assert got == {0: 400, 1: 200, 50: 200, 51: 400}
    assert spotify.get(path.format(key)).json["limit"] == 20


@pytest.mark.parametrize(
    ("path", "scope"),
    [
        ("me/albums", "user-library-read"),
        ("me/episodes", "user-library-read"),
        ("me/episodes", "user-read-playback-position"),
        ("me/top/tracks", "user-top-read"),
        (f"shows/{UNKNOWN}/episodes", "user-read-playback-position"),
    ],
)
def test_music_of_someone_needs_a_scope(spotify: Client, world: World, path: str, scope: str) -> None:
    sign_in = world.sign_in()
    sign_in.scopes -= {scope}

    got = Client(world, spotify.server, sign_in).get(path)

    assert (got.status, got.message) == (403, "Insufficient client scope")


@pytest.mark.parametrize(
    "path", ["albums/{album}/tracks", "artists/{artist}/albums", "tracks/{track}", "search?q=x&type=track"]
)
def test_the_catalogue_is_open_to_every_consent(spotify: Client, world: World, path: str) -> None:
    album = world.album("Blue", tracks=1, artists=["X"])
    path = path.format(album=album.id, artist=world.artist("X").id, track=album.tracks[0].id)

    assert Client(world, spotify.server, world.sign_in(scopes=())).get(path).status == 200


def test_everyone_keeps_their_own(spotify: Client, world: World) -> None:
    friend = world.add_user("friend")
    world.save_albums([world.album("Blue", tracks=1)], friend)
    world.save_episodes([episode(1)], friend)
    world.top([track(1)], user=friend)
    theirs = Client(world, spotify.server, world.sign_in(friend))
    paths = ("me/albums", "me/episodes", "me/top/tracks")

    assert [spotify.get(path).json["total"] for path in paths] == [0, 0, 0]
    assert [theirs.get(path).json["total"] for path in paths] == [1, 1, 1]


def test_what_is_saved_can_be_forgotten(spotify: Client, world: World) -> None:
    blue, red = world.album("Blue", tracks=1), world.album("Red", tracks=1)
    world.save_albums([blue, red])
    world.save_episodes([episode(1)])

    spotify.api("DELETE", f"me/library?uris={blue.uri},{episode(1).uri}")

    assert [entry["album"]["id"] for entry in spotify.get("me/albums").json["items"]] == [red.id]
    assert spotify.get("me/episodes").json["total"] == 0


def test_names_are_unique_because_ids_come_of_them(world: World) -> None:
    world.album("Blue")
    world.show("Talk")

    with pytest.raises(ValueError, match="there is an album 'Blue' already"):
        world.album("Blue")
    with pytest.raises(ValueError, match="there is a show 'Talk' already"):
        world.show("Talk")
