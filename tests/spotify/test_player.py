"""What only Spotify's answers hold of the player (contract §1.5), and who may touch it (fault model X6)."""

import json
from collections.abc import Callable
from urllib.parse import parse_qsl

import pytest

from syncer.errors import (
    NotPlayable,
    Outage,
    OutsideList,
    PremiumNeeded,
    RateLimited,
    SyncError,
    UnreadableAnswer,
)
from syncer.ids import PlaylistId, Uri
from syncer.ports import Player
from syncer.sandbox import Call, Fault, Injected
from syncer.spotify.transport import (
    CAPTURE_ENDPOINTS,
    CREATE_ENDPOINTS,
    ENDPOINTS,
    LOOK_ENDPOINTS,
    SETUP_ENDPOINTS,
    UNDO_ENDPOINTS,
)
from tests.fakes import uri
from tests.spotify.wiring import Wired

MADE = "37i9dQZEVXcJZyENOWUFo7"
REASON = '{{"error": {{"status": {status}, "message": "Player command failed", "reason": "{reason}"}}}}'


class Desk:
    """Someone who plays ``abcdef``, a list that Spotify made, on a phone whose id needs some care."""

    def __init__(self) -> None:
        self.wired = Wired()
        self.wired.new_process(endpoints=CAPTURE_ENDPOINTS)
        self.world = self.wired.world
        made = self.world.playlist("Discover Weekly", id=MADE, items=[uri(one) for one in "abcdef"], owner="spotify")
        self.week = made.uri
        self.phone = "a b&c/?d"
        self.device = self.world.open_device("Phone", id=self.phone)
        opened = self.wired.open()
        self.playlists = opened.playlists
        assert opened.player
        self.port = opened.player

    def fault(self, kind: str, path: str = "/v1/me/player/*", **details: object) -> Injected:
        return self.world.inject(Fault(kind=kind, method="PUT", path=path, **details))  # type: ignore[arg-type] # as named

    @property
    def calls(self) -> list[Call]:
        """What was to be changed."""
        return [call for call in self.world.calls if call.method == "PUT"]


@pytest.fixture
def desk() -> Desk:
    return Desk()


Deed = Callable[[Player, Desk], None]
DEEDS: dict[str, tuple[Deed, dict[str, str], object]] = {
    "play": (
        lambda port, desk: port.play(desk.phone, desk.week, offset=3, at_ms=5),
        {},
        {"context_uri": f"spotify:playlist:{MADE}", "offset": {"position": 3}, "position_ms": 5},
    ),
    "play by uri": (
        lambda port, desk: port.play(desk.phone, desk.week, offset=uri("c")),
        {},
        {"context_uri": f"spotify:playlist:{MADE}", "offset": {"uri": uri("c")}, "position_ms": 0},
    ),
    "play items": (
        lambda port, desk: port.play_items(desk.phone, (uri("a"), uri("b")), at_ms=7),
        {},
        {"uris": [uri("a"), uri("b")], "position_ms": 7},
    ),
    "pause": (lambda port, desk: port.pause(desk.phone), {}, None),
    "volume": (lambda port, desk: port.set_volume(desk.phone, 0), {"volume_percent": "0"}, None),
    "shuffle": (lambda port, desk: port.set_shuffle(desk.phone, on=False), {"state": "false"}, None),
    "repeat": (lambda port, desk: port.set_repeat(desk.phone, "context"), {"state": "context"}, None),
}
a_deed = pytest.mark.parametrize("what", DEEDS)


@a_deed
def test_a_command_is_one_request_for_one_device(desk: Desk, what: str) -> None:
    deed, query, body = DEEDS[what]
    desk.world.play(desk.week, device=desk.device)
    deed(desk.port, desk)
    (call,) = desk.calls
    assert (call.path, call.status) == (f"/v1/me/player/{what.split(maxsplit=1)[0]}", 204)
    assert dict(parse_qsl(call.query)) == query | {"device_id": desk.phone}
    (sent,) = [options for method, _, options in desk.wired.network.sent if method == "PUT"]
    assert int(sent["Content-Length"]) == len(json.dumps(body) if body else "")


@a_deed
@pytest.mark.parametrize(
    ("kind", "details", "error"),
    [
        ("close", {}, Outage),
        ("close", {"applied": True}, Outage),
        ("reset", {}, Outage),
        ("stall", {}, Outage),
        ("refuse", {}, Outage),
        ("status", {"status": 500}, Outage),
        ("status", {"status": 502, "applied": True}, Outage),
        ("status", {"status": 503}, Outage),
        ("redirect", {}, UnreadableAnswer),
    ],
)
def test_a_command_whose_outcome_is_unclear_is_never_sent_again(
    desk: Desk, what: str, kind: str, details: dict[str, object], error: type[SyncError]
) -> None:
    desk.fault(kind, **details)  # type: ignore[arg-type] # as named
    with pytest.raises(error) as unclear:
        DEEDS[what][0](desk.port, desk)
    assert not isinstance(unclear.value, NotPlayable)
    assert len(desk.calls) == 1


@pytest.mark.parametrize("kind", ["rate-limit", "false-401"])
def test_a_command_that_was_refused_for_now_is_sent_again(desk: Desk, kind: str) -> None:
    desk.fault(kind, headers={"Retry-After": "2"} if kind == "rate-limit" else {})
    desk.port.set_volume(desk.phone, 7)
    assert [call.status for call in desk.calls] == [429 if kind == "rate-limit" else 401, 204]
    assert desk.device.volume_percent == 7


def test_a_limit_ends_a_capture_as_it_ends_a_run(desk: Desk) -> None:
    desk.fault("quota")
    with pytest.raises(RateLimited):
        desk.port.set_volume(desk.phone, 7)
    with pytest.raises(RateLimited):
        desk.port.pause(desk.phone)
    assert len(desk.calls) == 1


@pytest.mark.parametrize("text", ["", "{}", "<html>", "null"])
@pytest.mark.parametrize("status", [200, 202, 204])
def test_whatever_is_said_of_a_success_it_is_one(desk: Desk, status: int, text: str) -> None:
    desk.fault("status", status=status, text=text)
    desk.port.set_repeat(desk.phone, "off")
    assert len(desk.calls) == 1


# --- refusals ---------------------------------------------------------------------------------------------------------


@a_deed
@pytest.mark.parametrize(
    ("status", "reason", "said"),
    [
        (404, "NO_ACTIVE_DEVICE", "Spotify is not open on any device"),
        (403, "PREMIUM_REQUIRED", "those alone who have Spotify Premium themselves"),
        (403, "VOLUME_CONTROL_DISALLOW", "how loud the device is cannot be set by apps"),
        (403, "DEVICE_NOT_CONTROLLABLE", "the device takes no commands from apps"),
        (403, "REMOTE_CONTROL_DISALLOW", "the device takes no commands from apps"),
        (403, "CONTEXT_DISALLOW", "Spotify does not allow this with that list"),
        (403, "RATE_LIMITED", "too quickly after one another"),
        (403, "UNKNOWN", "does not say why"),
        (403, "", "does not say why"),
    ],
)
def test_a_refusal_says_in_our_words_what_is_in_the_way_and_what_to_do(
    desk: Desk, what: str, status: int, reason: str, said: str
) -> None:
    desk.world.play(desk.week, device=desk.device)
    desk.fault("status", status=status, text=REASON.format(status=status, reason=reason), times=None)
    with pytest.raises(NotPlayable, match=said) as refused:
        DEEDS[what][0](desk.port, desk)
    assert type(refused.value) is NotPlayable
    assert refused.value.hint
    assert len(desk.calls) == 1


def test_the_premium_of_the_listener_is_not_that_of_the_app(desk: Desk) -> None:
    desk.world.me.premium = False
    with pytest.raises(NotPlayable, match="Premium"):
        desk.port.set_volume(desk.phone, 7)
    desk.fault("premium")
    with pytest.raises(PremiumNeeded):
        desk.port.set_volume(desk.phone, 7)


@pytest.mark.parametrize("status", [400, 404])
def test_a_place_outside_the_list_is_known_by_either_answer(desk: Desk, status: int) -> None:
    desk.world.habits.offset_outside = status
    for offset in (6, uri("z")):
        with pytest.raises(OutsideList):
            desk.port.play(desk.phone, desk.week, offset=offset)


def test_it_is_known_by_its_reason_too(desk: Desk) -> None:
    desk.fault("status", status=403, text=REASON.format(status=403, reason="NO_SPECIFIC_TRACK"), times=None)
    for offset in (0, 6, uri("z")):
        with pytest.raises(OutsideList):
            desk.port.play(desk.phone, desk.week, offset=offset)


@pytest.mark.parametrize("status", [403, 500])
def test_any_other_answer_to_it_is_not_taken_for_that(desk: Desk, status: int) -> None:
    desk.world.habits.offset_outside = status
    with pytest.raises((NotPlayable, Outage)) as refused:
        desk.port.play(desk.phone, desk.week, offset=6)
    assert type(refused.value) is (NotPlayable if status == 403 else Outage)


@pytest.mark.parametrize("status", [400, 404])
def test_a_list_that_cannot_even_be_begun_has_no_place_to_blame(desk: Desk, status: int) -> None:
    desk.fault("status", status=status)
    with pytest.raises(SyncError) as refused:
        desk.port.play(desk.phone, desk.week, offset=0)
    assert type(refused.value) is (NotPlayable if status == 404 else UnreadableAnswer)


@pytest.mark.parametrize("refuses", [True, False])
def test_a_needless_pause_is_none_whatever_spotify_makes_of_it(
    desk: Desk,
    refuses: bool,  # noqa: FBT001 - what pytest passes, it passes by name
) -> None:
    desk.world.habits.refuses_needless = refuses
    desk.world.play(desk.week, device=desk.device)
    desk.port.pause(desk.phone)
    desk.port.pause(desk.phone)
    assert [call.status for call in desk.calls] == [204, 403 if refuses else 204]


def test_what_plays_elsewhere_is_left_alone(desk: Desk) -> None:
    desk.world.play(desk.week, device=desk.world.open_device("Kitchen"))
    desk.port.pause(desk.phone)
    now = desk.port.playing()
    assert now
    assert now.is_playing


@pytest.mark.parametrize("text", ["", "{}", "[]", "null", '{"devices": null}', '{"devices": {}}'])
def test_a_broken_list_of_devices_is_none(desk: Desk, text: str) -> None:
    desk.world.inject(Fault(kind="status", path="/v1/me/player/devices", status=200, text=text, times=None))
    with pytest.raises(UnreadableAnswer):
        desk.port.devices()


def test_what_is_no_device_is_left_out(desk: Desk) -> None:
    text = '{"devices": [null, 5, {"id": "x", "name": "Kitchen"}]}'
    desk.world.inject(Fault(kind="status", path="/v1/me/player/devices", status=200, text=text))
    assert [one.name for one in desk.port.devices()] == ["Kitchen"]


# --- who may touch it -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("endpoints", [ENDPOINTS, CREATE_ENDPOINTS, UNDO_ENDPOINTS, LOOK_ENDPOINTS, SETUP_ENDPOINTS])
def test_nobody_but_a_capture_gets_at_the_player(endpoints: object) -> None:
    wired = Wired()
    wired.new_process(endpoints=endpoints)  # type: ignore[arg-type] # one of the five
    assert wired.open().player is None
    assert not [method for method, _, _, _ in endpoints if method == "PUT"]  # type: ignore[attr-defined] # as above


def test_a_capture_changes_no_playlist(desk: Desk) -> None:
    deeds: tuple[Callable[[], object], ...] = (
        lambda: desk.playlists.append(PlaylistId(MADE), [Uri(uri("a"))]),
        lambda: desk.playlists.remove(PlaylistId(MADE), [Uri(uri("a"))]),
        lambda: desk.playlists.create("new", public=False, description=""),
    )
    for deed in deeds:
        with pytest.raises(RuntimeError):
            deed()
    assert {call.method for call in desk.world.calls if call.path.startswith("/v1/")} <= {"GET"}
