"""What someone plays and has played: the history, the player and the queue (contract §1.5, §9)."""

from typing import Any, Literal

import pytest

from syncer.sandbox import Media, Playlist, World, episode, local, track
from tests.sandbox.client import Client, Clock

A, B, C, D, E = (track(number) for number in range(5))
MADE_BY_SPOTIFY = "37i9dQZEVXcJZyENOWUFo7"
PLAYS = "me/player/recently-played"


@pytest.fixture
def weekly(world: World) -> Playlist:
    return world.playlist("Discover Weekly", tracks=30, owner="spotify", id=MADE_BY_SPOTIFY)


def named(items: list[Any]) -> list[str]:
    return [entry["track"]["uri"] for entry in items]


def on(spotify: Client) -> Any:
    """Return what the player shows."""
    return spotify.get("me/player", additional_types="track,episode").json


def queued(spotify: Client) -> list[str]:
    return [item["uri"] for item in spotify.get("me/player/queue").json["queue"]]


def test_plays_come_newest_first_with_their_moment_and_context(spotify: Client, world: World, weekly: Playlist) -> None:
    at = world.now() - 1000
    world.heard([A, B], weekly, at=at + 0.1234, every=100)
    world.heard([C], at=at + 50)

    page = spotify.get(PLAYS).json

    assert named(page["items"]) == [C.uri, B.uri, A.uri]
    assert [entry["played_at"] for entry in page["items"]] == [
        "2026-11-18T10:50:50.000Z",
        "2026-11-18T10:50:00.123Z",
        "2026-11-18T10:48:20.123Z",
    ]
    assert [entry["context"] and entry["context"]["uri"] for entry in page["items"]] == [None, weekly.uri, weekly.uri]
    assert page["items"][1]["context"] == {
        "external_urls": {"spotify": f"https://open.spotify.com/playlist/{weekly.id}"},
        "href": f"https://api.spotify.com/v1/playlists/{weekly.id}",
        "type": "playlist",
        "uri": weekly.uri,
    }
    assert page["items"][0]["track"]["external_ids"] == {"isrc": C.isrc}
    assert (page["limit"], page["next"], "total" in page) == (20, None, False)
    assert page["cursors"] == {"after": str(round(at + 50) * 1000), "before": str(round(at - 100) * 1000 + 123)}


def test_without_plays_there_are_no_cursors(spotify: Client) -> None:
    page = spotify.get(PLAYS).json

    assert (page["items"], page["cursors"], page["next"]) == ([], None, None)


def test_only_the_last_fifty_plays_are_ever_seen(spotify: Client, world: World) -> None:
    plays = world.heard([track(number) for number in range(60)])

    page = spotify.get(PLAYS, limit=50).json
    rest = spotify.follow(page["next"]).json
    from_the_start = spotify.get(PLAYS, limit=50, after=0).json

    assert named(page["items"]) == [play.media.uri for play in reversed(plays[10:])]
    assert rest["items"] == []
    assert from_the_start["items"] == page["items"]


def test_pages_of_plays_follow_each_other_backwards(spotify: Client, world: World) -> None:
    world.heard([A, B, C, D, E])

    first = spotify.get(PLAYS, limit=2).json
    second = spotify.follow(first["next"]).json
    third = spotify.follow(second["next"]).json

    assert [named(page["items"]) for page in (first, second, third)] == [[E.uri, D.uri], [C.uri, B.uri], [A.uri]]
    assert third["next"] is None


def test_a_cursor_shows_what_came_after_it_but_not_itself(spotify: Client, world: World) -> None:
    plays = world.heard([A, B, C])

    after = spotify.get(PLAYS, after=plays[0].at_ms).json
    with_it = spotify.get(PLAYS, after=plays[0].at_ms - 1).json
    before = spotify.get(PLAYS, before=plays[2].at_ms).json

    assert [named(page["items"]) for page in (after, before)] == [[C.uri, B.uri], [B.uri, A.uri]]
    assert len(with_it["items"]) == 3
    assert after["href"].endswith(f"?limit=20&after={plays[0].at_ms}")


@pytest.mark.parametrize(("which", "uris"), [("newest", [E.uri, D.uri]), ("oldest", [C.uri, B.uri])])
def test_which_plays_follow_a_cursor_is_a_setting(
    spotify: Client, world: World, which: Literal["newest", "oldest"], uris: list[str]
) -> None:
    plays = world.heard([A, B, C, D, E])
    world.habits.after_shows = which

    page = spotify.get(PLAYS, limit=2, after=plays[0].at_ms).json

    assert named(page["items"]) == uris
    assert f"?after={page['cursors']['after']}&" in page["next"]


def test_how_far_back_plays_are_seen_is_a_setting(spotify: Client, world: World) -> None:
    world.heard([track(number) for number in range(60)])
    world.habits.visible_plays, world.habits.after_shows = 1000, "oldest"

    assert named(spotify.get(PLAYS, limit=1, after=0).json["items"]) == [track(0).uri]


@pytest.mark.parametrize(
    ("shown", "contexts"), [("all", [True, True]), ("own", [True, False]), ("none", [False, False])]
)
def test_which_contexts_are_shown_is_a_setting(
    spotify: Client, world: World, weekly: Playlist, shown: Literal["all", "own", "none"], contexts: list[bool]
) -> None:
    mine = world.playlist("mine", tracks=1)
    world.heard([A], mine)
    world.heard([B], weekly, at=world.now() + 1)
    world.habits.logged_contexts = world.habits.shown_contexts = shown

    plays = spotify.get(PLAYS).json["items"]
    played = []
    for context in (mine, weekly):
        world.play(context)
        played.append(on(spotify)["context"])

    assert [entry["context"] is not None for entry in reversed(plays)] == contexts
    assert [context is not None for context in played] == contexts


@pytest.mark.parametrize(
    "query", [{"limit": 51}, {"limit": 0}, {"after": 1, "before": 2}, {"after": "then"}, {"before": -1}, {"after": ""}]
)
def test_a_bad_question_about_plays_is_refused(spotify: Client, query: dict[str, Any]) -> None:
    assert spotify.get(PLAYS, **query).status == 400


def test_episodes_leave_no_trace_among_the_plays(spotify: Client, world: World, clock: Clock) -> None:
    world.heard([episode(1)])
    world.play(items=[episode(2), A])
    clock.time += episode(2).duration_ms / 1000 + A.duration_ms / 1000 + 1

    assert named(spotify.get(PLAYS).json["items"]) == [A.uri]


def test_an_item_that_ends_is_a_play_and_the_next_begins(spotify: Client, world: World, clock: Clock) -> None:
    mine = world.playlist("mine", items=[A, B, C])
    world.play(mine)
    clock.time += A.duration_ms / 1000 + 5

    now = on(spotify)
    plays = spotify.get(PLAYS).json["items"]

    assert (now["item"]["uri"], now["progress_ms"], now["is_playing"]) == (B.uri, 5000, True)
    assert [(entry["track"]["uri"], entry["context"]["uri"]) for entry in plays] == [(A.uri, mine.uri)]
    assert queued(spotify) == [C.uri]


@pytest.mark.parametrize(("seconds", "uris"), [(29, []), (30, [A.uri])])
def test_what_is_left_early_was_not_heard(
    spotify: Client, world: World, clock: Clock, seconds: int, uris: list[str]
) -> None:
    world.play(items=[A, B])
    clock.time += seconds
    world.play(items=[C])

    assert named(spotify.get(PLAYS).json["items"]) == uris


def test_nothing_plays_at_first(spotify: Client, world: World) -> None:
    world.open_device("Kitchen")

    got = spotify.get("me/player")

    assert (got.status, got.body, "content-length" in got.headers) == (204, b"", False)
    assert spotify.get("me/player/queue").json == {"currently_playing": None, "queue": []}


def test_the_player_shows_what_is_on(spotify: Client, world: World, clock: Clock) -> None:
    album = world.album("Blue", tracks=3)
    kitchen = world.open_device("Kitchen", volume_percent=30)
    world.play(album, place=1, at_ms=2000)
    clock.time += 1.5

    now = on(spotify)

    assert now["item"]["uri"] == album.uris[1]
    assert now["context"]["uri"] == album.uri
    assert now["context"]["href"] == f"https://api.spotify.com/v1/albums/{album.id}"
    assert (now["progress_ms"], now["timestamp"]) == (3500, 1_795_000_001_500)
    assert (now["shuffle_state"], now["repeat_state"], now["currently_playing_type"]) == (False, "off", "track")
    assert now["actions"] == {"disallows": {"resuming": True}}
    assert now["device"] == spotify.get("me/player/devices").json["devices"][0]
    assert now["device"] == {
        "id": kitchen.id,
        "is_active": True,
        "is_private_session": False,
        "is_restricted": False,
        "name": "Kitchen",
        "supports_volume": True,
        "type": "Computer",
        "volume_percent": 30,
    }


def test_an_episode_is_shown_to_those_who_ask_for_it(spotify: Client, world: World) -> None:
    show = world.show("Talk", items=[None], episodes=1)
    world.play(show)

    plain, asked = spotify.get("me/player").json, on(spotify)

    assert (plain["item"], plain["currently_playing_type"]) == (None, "episode")
    assert (asked["item"]["type"], asked["context"]["type"]) == ("episode", "show")
    assert spotify.get("me/player/queue").json["currently_playing"]["type"] == "episode"


def test_the_queue_shows_the_next_twenty(spotify: Client, world: World, weekly: Playlist) -> None:
    world.play(weekly, place=2)

    assert queued(spotify) == list(weekly.uris[3:23])
    world.habits.queue_length = 5
    assert queued(spotify) == list(weekly.uris[3:8])


def test_what_cannot_be_played_is_passed_over(spotify: Client, world: World) -> None:
    gone = Media(uri=D.uri, name="gone", artists=("X",), album="Y", duration_ms=1, playable=False)
    mine = world.playlist("mine", items=[A, None, local(1), gone, B])
    world.play(mine, place=1)

    assert on(spotify)["item"]["uri"] == B.uri


def test_what_shows_behind_the_end_is_a_setting(spotify: Client, world: World, weekly: Playlist) -> None:
    world.play(weekly, place=28)

    assert queued(spotify) == list(weekly.uris[29:])
    world.habits.after_context = "wrap"
    assert queued(spotify) == [*weekly.uris[29:], *weekly.uris[:19]]
    world.habits.after_context = "autoplay"
    shown = queued(spotify)
    assert (len(shown), shown[0]) == (20, weekly.uris[29])
    assert set(shown[1:]).isdisjoint(weekly.uris)


def test_a_short_list_goes_round_and_round_in_the_queue(spotify: Client, world: World) -> None:
    world.habits.after_context, world.habits.queue_length = "wrap", 6
    world.play(items=[A, B])

    assert queued(spotify) == [B.uri, A.uri, B.uri, A.uri, B.uri, A.uri]


@pytest.mark.parametrize("setting", ["nothing", "wrap"])
def test_playing_stops_at_the_end(
    spotify: Client, world: World, clock: Clock, setting: Literal["nothing", "wrap"]
) -> None:
    world.habits.after_context = setting
    world.play(items=[A, B])
    clock.time += 1200

    now = on(spotify)

    assert (now["item"]["uri"], now["is_playing"], now["progress_ms"]) == (A.uri, False, 0)
    assert named(spotify.get(PLAYS).json["items"]) == [B.uri, A.uri]


def test_autoplay_goes_on_outside_the_context(spotify: Client, world: World, clock: Clock) -> None:
    world.habits.after_context = "autoplay"
    world.play(world.playlist("mine", items=[A]))
    follows = queued(spotify)[0]
    clock.time += A.duration_ms / 1000

    now = on(spotify)

    assert (now["item"]["uri"], now["context"], now["is_playing"]) == (follows, None, True)


@pytest.mark.parametrize(("mode", "uri"), [("context", A.uri), ("track", B.uri)])
def test_what_is_repeated_begins_again(
    spotify: Client, world: World, clock: Clock, mode: Literal["context", "track"], uri: str
) -> None:
    world.play(items=[A, B], place=1)
    spotify.api("PUT", f"me/player/repeat?state={mode}")
    clock.time += B.duration_ms / 1000

    now = on(spotify)

    assert (now["item"]["uri"], now["is_playing"], now["repeat_state"]) == (uri, True, mode)


def test_a_repeated_context_follows_itself_in_the_queue(spotify: Client, world: World) -> None:
    world.habits.queue_length = 3
    world.play(items=[A, B])
    spotify.api("PUT", "me/player/repeat?state=context")

    assert queued(spotify) == [B.uri, A.uri, B.uri]


def test_the_queue_of_a_list_made_by_spotify_may_stay_empty(spotify: Client, world: World, weekly: Playlist) -> None:
    world.habits.queue_shows_spotify_made = False
    world.play(weekly)

    assert on(spotify)["item"]["uri"] == weekly.uris[0]
    assert queued(spotify) == []
    world.play(world.playlist("mine", items=[A, B]))
    assert queued(spotify) == [B.uri]


def test_what_was_queued_by_hand_comes_first_and_survives(spotify: Client, world: World, clock: Clock) -> None:
    world.play(world.playlist("one", items=[A, B]))
    world.queue_up([E, D])
    at_first = queued(spotify)
    world.play(world.playlist("other", items=[B, C]))

    assert at_first == [E.uri, D.uri, B.uri]
    assert queued(spotify) == [E.uri, D.uri, C.uri]
    clock.time += B.duration_ms / 1000
    assert on(spotify)["item"]["uri"] == E.uri
    assert queued(spotify) == [D.uri, C.uri]
    clock.time += (E.duration_ms + D.duration_ms) / 1000
    assert on(spotify)["item"]["uri"] == C.uri


def test_nobody_can_start_what_is_not_there(world: World) -> None:
    with pytest.raises(ValueError, match="there is nothing in spotify:album:nowhere"):
        world.play("spotify:album:nowhere")


def test_a_closed_device_is_gone_with_what_it_played(spotify: Client, world: World) -> None:
    kitchen, phone = world.open_device("Kitchen"), world.open_device("Phone")
    world.play(items=[A], device=kitchen)

    world.close_device(phone)
    assert on(spotify)["device"]["name"] == "Kitchen"
    world.close_device(kitchen)

    assert spotify.get("me/player").status == 204
    assert spotify.get("me/player/devices").json == {"devices": []}


def test_everyone_listens_alone(spotify: Client, world: World) -> None:
    friend = world.add_user("friend")
    world.play(items=[A], user=friend)
    world.heard([B], user=friend)
    world.queue_up([C], user=friend)
    theirs = Client(world, spotify.server, world.sign_in(friend))

    assert spotify.get("me/player").status == 204
    assert (spotify.get(PLAYS).json["items"], spotify.get("me/player/devices").json["devices"]) == ([], [])
    assert named(theirs.get(PLAYS).json["items"]) == [B.uri]
    assert (on(theirs)["item"]["uri"], queued(theirs)) == (A.uri, [C.uri])


@pytest.mark.parametrize(
    ("path", "scope"),
    [
        (PLAYS, "user-read-recently-played"),
        ("me/player", "user-read-playback-state"),
        ("me/player/devices", "user-read-playback-state"),
        ("me/player/queue", "user-read-playback-state"),
        ("me/player/queue", "user-read-currently-playing"),
    ],
)
def test_listening_in_needs_a_scope(spotify: Client, world: World, path: str, scope: str) -> None:
    sign_in = world.sign_in()
    sign_in.scopes -= {scope}

    got = Client(world, spotify.server, sign_in).get(path)

    assert (got.status, got.message) == (403, "Insufficient client scope")
