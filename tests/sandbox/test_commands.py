"""The commands that change what plays, and when they are refused (contract §1.4, §3.4)."""

from typing import Any, Literal

import pytest

from syncer.sandbox import Call, Device, Playlist, World, episode, local, track
from tests.sandbox.client import Client, Clock, Got

A, B, C = (track(number) for number in range(3))
UNKNOWN = "0" * 22
MADE_BY_SPOTIFY = "37i9dQZEVXcJZyENOWUFo7"
COMMANDS = ("play", "pause", "volume?volume_percent=7", "shuffle?state=true", "repeat?state=track")


@pytest.fixture
def kitchen(world: World) -> Device:
    return world.open_device("Kitchen", is_active=True)


@pytest.fixture
def weekly(world: World) -> Playlist:
    return world.playlist("Discover Weekly", tracks=30, owner="spotify", id=MADE_BY_SPOTIFY)


def command(spotify: Client, what: str, body: Any = None) -> Got:
    return spotify.api("PUT", f"me/player/{what}", body)


def on(spotify: Client) -> Any:
    return spotify.get("me/player", additional_types="track,episode").json


def refusal(got: Got) -> tuple[int, str, str | None]:
    error = got.json["error"]
    return got.status, error["message"].removeprefix("Player command failed: "), error.get("reason")


def last(world: World) -> Call:
    return world.calls[-1]


def test_a_list_made_by_spotify_plays_though_it_cannot_be_read(
    spotify: Client, world: World, kitchen: Device, weekly: Playlist
) -> None:
    got = command(spotify, "play", {"context_uri": weekly.uri, "offset": {"position": 20}, "position_ms": 1000})
    call = last(world)
    now = on(spotify)

    assert (got.status, got.body, call.applied) == (204, b"", True)
    assert (now["item"]["uri"], now["context"]["uri"]) == (weekly.uris[20], weekly.uri)
    assert (now["progress_ms"], now["is_playing"], now["device"]["id"]) == (1000, True, kitchen.id)
    queue = spotify.get("me/player/queue").json["queue"]
    assert [item["uri"] for item in queue] == list(weekly.uris[21:])
    assert spotify.get(f"playlists/{weekly.id}/items").status == 404


@pytest.mark.parametrize("kind", ["album", "artist", "show", "playlist"])
def test_every_kind_of_context_plays(spotify: Client, world: World, kitchen: Device, kind: str) -> None:
    album, show = world.album("Blue", tracks=2, artists=["X"]), world.show("Talk", episodes=2)
    foreign = world.playlist("theirs", items=album.tracks, owner="stranger")
    uris = {"album": album.uri, "artist": world.artist("X").uri, "show": show.uri, "playlist": foreign.uri}
    first = show.episodes[0] if kind == "show" else album.tracks[0]

    assert command(spotify, f"play?device_id={kitchen.id}", {"context_uri": uris[kind]}).status == 204

    assert first
    assert (on(spotify)["item"]["uri"], on(spotify)["context"]["type"]) == (first.uri, kind)


@pytest.mark.usefixtures("kitchen")
def test_a_play_may_begin_at_an_item(spotify: Client, weekly: Playlist) -> None:
    command(spotify, "play", {"context_uri": weekly.uri, "offset": {"uri": weekly.uris[3]}})

    assert on(spotify)["item"]["uri"] == weekly.uris[3]


def test_positions_count_what_cannot_be_played(spotify: Client, world: World, kitchen: Device) -> None:
    mine = world.playlist("mine", items=[None, A, local(1), B])
    world.open_device("Other")

    command(spotify, "play", {"context_uri": mine.uri, "offset": {"position": 2}})

    assert on(spotify)["item"]["uri"] == B.uri
    assert on(spotify)["device"]["name"] == kitchen.name


def test_bare_items_play_without_a_context(spotify: Client, world: World, kitchen: Device) -> None:
    uris = [A.uri, episode(1).uri, B.uri]

    got = command(spotify, "play", {"uris": uris, "offset": {"position": 1}, "position_ms": 500})

    assert (got.status, last(world).uris) == (204, tuple(uris))
    now = on(spotify)
    assert (now["item"]["uri"], now["context"], now["progress_ms"]) == (episode(1).uri, None, 500)
    assert now["device"]["id"] == kitchen.id


@pytest.mark.usefixtures("kitchen")
def test_a_place_behind_the_end_of_an_item_is_the_next_item(spotify: Client) -> None:
    command(spotify, "play", {"uris": [A.uri, B.uri], "position_ms": A.duration_ms})

    assert (on(spotify)["item"]["uri"], on(spotify)["progress_ms"]) == (B.uri, 0)


def test_a_play_wakes_the_device_it_names(spotify: Client, world: World, kitchen: Device) -> None:
    phone = world.open_device("Phone")

    command(spotify, f"play?device_id={phone.id}", {"uris": [A.uri]})

    assert [each["is_active"] for each in spotify.get("me/player/devices").json["devices"]] == [False, True]
    assert on(spotify)["device"]["name"] == "Phone"
    assert not kitchen.is_active


@pytest.mark.usefixtures("kitchen")
def test_a_pause_keeps_the_place_and_a_play_goes_on_from_it(spotify: Client, world: World, clock: Clock) -> None:
    world.play(items=[A, B])
    clock.time += 10

    assert command(spotify, "pause").status == 204
    clock.time += 600
    paused = on(spotify)
    assert command(spotify, "play").status == 204
    clock.time += 5

    assert (paused["is_playing"], paused["progress_ms"]) == (False, 10_000)
    assert paused["actions"] == {"disallows": {"pausing": True}}
    assert (on(spotify)["is_playing"], on(spotify)["progress_ms"]) == (True, 15_000)


@pytest.mark.usefixtures("kitchen")
def test_what_is_paused_may_go_on_from_elsewhere_in_it(spotify: Client, world: World) -> None:
    world.play(items=[A])
    command(spotify, "pause")

    assert command(spotify, "play", {"position_ms": 7000}).status == 204
    assert (on(spotify)["is_playing"], on(spotify)["progress_ms"]) == (True, 7000)


def test_going_on_elsewhere_moves_what_plays(spotify: Client, world: World, clock: Clock, kitchen: Device) -> None:
    world.play(items=[A], device=kitchen)
    phone = world.open_device("Phone")
    clock.time += 10

    assert command(spotify, f"play?device_id={phone.id}", {}).status == 204

    assert (on(spotify)["device"]["name"], on(spotify)["progress_ms"]) == ("Phone", 10_000)


@pytest.mark.usefixtures("kitchen")
@pytest.mark.parametrize("body", [None, {"position_ms": 0}])
def test_a_needless_command_is_refused_or_not(spotify: Client, world: World, body: Any) -> None:
    violated = (403, "Restriction violated", "UNKNOWN")
    nothing_to_play = refusal(command(spotify, "play", body))
    nothing_to_pause = refusal(command(spotify, "pause"))
    world.play(items=[A])
    playing_already = refusal(command(spotify, "play", body))
    command(spotify, "pause")
    paused_already = refusal(command(spotify, "pause"))
    world.habits.refuses_needless = False

    assert [nothing_to_play, nothing_to_pause, playing_already, paused_already] == [violated] * 4
    assert (command(spotify, "pause").status, last(world).applied) == (204, False)
    assert [command(spotify, "play", body).status for _ in range(2)] == [204, 204]


@pytest.mark.parametrize("percent", [0, 100])
def test_the_volume_is_set(spotify: Client, world: World, kitchen: Device, percent: int) -> None:
    assert command(spotify, f"volume?volume_percent={percent}").status == 204
    assert (kitchen.volume_percent, last(world).applied) == (percent, True)


def test_a_device_that_does_not_play_has_a_volume_too(spotify: Client, world: World, kitchen: Device) -> None:
    phone = world.open_device("Phone")

    command(spotify, f"volume?volume_percent=9&device_id={phone.id}")

    assert (kitchen.volume_percent, phone.volume_percent) == (50, 9)


def test_some_devices_have_no_volume(spotify: Client, world: World, kitchen: Device) -> None:
    kitchen.supports_volume, kitchen.volume_percent = False, None

    got = command(spotify, "volume?volume_percent=0")

    assert refusal(got) == (403, "Cannot control device volume", "VOLUME_CONTROL_DISALLOW")
    assert (kitchen.volume_percent, last(world).applied) == (None, False)


def test_shuffle_mixes_up_what_follows_and_puts_it_back(spotify: Client, world: World, weekly: Playlist) -> None:
    world.habits.queue_length = 30
    world.play(weekly, place=5)

    def shown() -> list[str]:
        return [item["uri"] for item in spotify.get("me/player/queue").json["queue"]]

    in_order = shown()
    command(spotify, "shuffle?state=true")
    mixed = shown()
    again = on(spotify)
    command(spotify, "shuffle?state=true")

    assert (again["shuffle_state"], again["item"]["uri"]) == (True, weekly.uris[5])
    assert sorted(mixed) == sorted(uri for uri in weekly.uris if uri and uri != weekly.uris[5])
    assert mixed[: len(in_order)] != in_order
    assert shown() == mixed
    command(spotify, "shuffle?state=false")
    assert (shown(), on(spotify)["shuffle_state"]) == (in_order, False)


@pytest.mark.usefixtures("kitchen")
def test_shuffle_stays_on_for_the_next_context(spotify: Client, world: World) -> None:
    mine = world.playlist("mine", tracks=20)
    command(spotify, "shuffle?state=true")

    command(spotify, "play", {"context_uri": mine.uri, "offset": {"position": 4}})

    queue = [item["uri"] for item in spotify.get("me/player/queue").json["queue"]]
    assert on(spotify)["item"]["uri"] == mine.uris[4]
    assert (len(queue), queue == sorted(queue, key=mine.uris.index)) == (19, False)


@pytest.mark.usefixtures("kitchen")
def test_a_command_may_take_effect_later(spotify: Client, world: World, clock: Clock) -> None:
    world.play(items=[A])
    world.habits.delay = 2.0

    for what, body in (("volume?volume_percent=0", None), ("play", {"uris": [B.uri]})):
        assert command(spotify, what, body).status == 204
        assert last(world).applied
    clock.time += 1
    before = on(spotify)
    clock.time += 1.5
    after = on(spotify)

    assert (before["item"]["uri"], before["progress_ms"], before["device"]["volume_percent"]) == (A.uri, 1000, 50)
    assert (after["item"]["uri"], after["progress_ms"], after["device"]["volume_percent"]) == (B.uri, 500, 0)


def test_a_device_that_wakes_late_shows_nothing_before(spotify: Client, world: World, clock: Clock) -> None:
    kitchen = world.open_device("Kitchen")
    world.habits.delay = 1.0

    command(spotify, f"play?device_id={kitchen.id}", {"uris": [A.uri]})
    before = spotify.get("me/player")
    clock.time += 1

    assert (before.status, on(spotify)["item"]["uri"]) == (204, A.uri)


@pytest.mark.parametrize("offset", [{"position": 30}, {"uri": A.uri}])
@pytest.mark.parametrize(
    ("setting", "status", "uri"),
    [(404, 404, B.uri), (400, 400, B.uri), (502, 502, B.uri), ("start", 204, None), ("nothing", 204, B.uri)],
)
def test_what_a_place_outside_the_context_does_is_a_setting(
    spotify: Client,
    world: World,
    kitchen: Device,
    weekly: Playlist,
    offset: dict[str, Any],
    setting: int | Literal["start", "nothing"],
    status: int,
    uri: str | None,
) -> None:
    world.habits.offset_outside = setting
    world.play(items=[B], device=kitchen)

    got = command(spotify, "play", {"context_uri": weekly.uri, "offset": offset})

    assert (got.status, last(world).applied) == (status, setting == "start")
    assert on(spotify)["item"]["uri"] == (uri or weekly.uris[0])


@pytest.mark.usefixtures("weekly")
@pytest.mark.parametrize(
    ("body", "message"),
    [
        ({"context_uri": f"spotify:playlist:{MADE_BY_SPOTIFY}", "uris": [A.uri]}, "Only one of"),
        ({"context_uri": "nonsense"}, "Invalid context uri"),
        ({"context_uri": 7}, "Invalid context uri"),
        ({"context_uri": f"https://open.spotify.com/playlist/{MADE_BY_SPOTIFY}"}, "Invalid context uri"),
        ({"context_uri": A.uri}, "Non supported context uri"),
        ({"context_uri": f"spotify:playlist:{MADE_BY_SPOTIFY}", "offset": {}}, "At least one of"),
        ({"context_uri": f"spotify:playlist:{MADE_BY_SPOTIFY}", "offset": 1}, "Malformed json"),
        ({"context_uri": f"spotify:playlist:{MADE_BY_SPOTIFY}", "offset": {"position": -1}}, "Invalid offset"),
        ({"context_uri": f"spotify:playlist:{MADE_BY_SPOTIFY}", "offset": {"position": "1"}}, "Invalid offset"),
        ({"context_uri": f"spotify:playlist:{MADE_BY_SPOTIFY}", "position_ms": -1}, "Invalid position_ms"),
        ({"context_uri": f"spotify:playlist:{MADE_BY_SPOTIFY}", "position_ms": "0"}, "Invalid position_ms"),
        ({"uris": []}, "Malformed json"),
        ({"uris": A.uri}, "Malformed json"),
        ({"uris": ["spotify:track:short"]}, "Invalid track uri"),
        ({"uris": [local(1).uri]}, "Invalid track uri"),
        ({"uris": [7]}, "Invalid track uri"),
        ([], "Malformed json"),
        (b"{", "Malformed json"),
        (b"[" * 100_000, "Malformed json"),
    ],
)
def test_a_malformed_play_is_refused_and_changes_nothing(
    spotify: Client, world: World, kitchen: Device, body: Any, message: str
) -> None:
    world.play(items=[B], device=kitchen)

    got = command(spotify, "play", body)

    assert (got.status, got.message.startswith(message), last(world).applied) == (400, True, False)
    assert on(spotify)["item"]["uri"] == B.uri


@pytest.mark.usefixtures("kitchen")
def test_an_artist_has_no_places(spotify: Client, world: World) -> None:
    world.album("Blue", tracks=2, artists=["X"])

    got = command(spotify, "play", {"context_uri": world.artist("X").uri, "offset": {"position": 1}})

    assert (got.status, got.message) == (400, "Can't have offset for context type: ARTIST")


@pytest.mark.usefixtures("kitchen")
@pytest.mark.parametrize("kind", ["playlist", "album", "artist", "show"])
def test_a_context_that_is_not_there_is_not_found(spotify: Client, kind: str) -> None:
    got = command(spotify, "play", {"context_uri": f"spotify:{kind}:{UNKNOWN}"})

    assert refusal(got) == (404, "Resource not found", None)


@pytest.mark.usefixtures("kitchen")
def test_a_private_playlist_of_others_cannot_be_played(spotify: Client, world: World) -> None:
    hidden = world.playlist("diary", tracks=2, owner="stranger", private=True)

    assert command(spotify, "play", {"context_uri": hidden.uri}).status == 404


@pytest.mark.usefixtures("kitchen")
def test_a_context_of_nothing_that_plays_is_a_violation(spotify: Client, world: World) -> None:
    silent = world.playlist("silent", items=[None, local(1)])

    got = command(spotify, "play", {"context_uri": silent.uri})

    assert refusal(got) == (403, "Restriction violated", "UNKNOWN")
    assert spotify.get("me/player").status == 204


@pytest.mark.parametrize(
    "what",
    [
        "volume",
        "volume?volume_percent=101",
        "volume?volume_percent=-1",
        "volume?volume_percent=loud",
        "shuffle",
        "shuffle?state=True",
        "repeat",
        "repeat?state=all",
    ],
)
def test_a_malformed_setting_is_refused(spotify: Client, world: World, kitchen: Device, what: str) -> None:
    assert command(spotify, what).status == 400
    assert (kitchen.volume_percent, world.me.player.shuffle, world.me.player.repeat) == (50, False, "off")
    assert not last(world).applied


@pytest.mark.parametrize("what", COMMANDS)
def test_every_command_needs_its_scope_a_subscription_and_a_device(spotify: Client, world: World, what: str) -> None:
    sign_in = world.sign_in()
    sign_in.scopes -= {"user-modify-playback-state"}
    narrow = Client(world, spotify.server, sign_in)
    kitchen = world.open_device("Kitchen")
    wanted = f"{what}{'&' if '?' in what else '?'}device_id="

    without_scope = refusal(command(narrow, what))
    no_device = refusal(command(spotify, what))
    other_device = refusal(command(spotify, f"{wanted}elsewhere"))
    kitchen.is_restricted = True
    restricted = refusal(command(spotify, f"{wanted}{kitchen.id}"))
    world.me.premium = False
    without_premium = refusal(command(spotify, what))

    assert without_scope == (403, "Insufficient client scope", None)
    assert no_device == (404, "No active device found", "NO_ACTIVE_DEVICE")
    assert other_device == (404, "Device not found", None)
    assert restricted == (403, "Restricted device", "UNKNOWN")
    assert without_premium == (403, "Premium required", "PREMIUM_REQUIRED")
    assert not any(call.applied for call in world.calls)


def test_who_has_no_premium_may_still_look(spotify: Client, world: World) -> None:
    world.me.premium = False
    world.play(items=[A])

    assert on(spotify)["item"]["uri"] == A.uri
    assert spotify.get("me/player/queue").status == 200


@pytest.mark.parametrize(("method", "path"), [("POST", "me/player/play"), ("GET", "me/player/pause")])
def test_commands_are_put(spotify: Client, method: str, path: str) -> None:
    assert spotify.api(method, path).status == 405
