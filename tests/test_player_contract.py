"""The port ``Player``, as the fake keeps it, as the adapter does in process, and as it does over HTTP."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Protocol

import pytest

from syncer.errors import MissingScope, NotPlayable, OutsideList
from syncer.ids import playlist_uri
from syncer.model import Playing
from syncer.ports import Player
from syncer.sandbox import SandboxServer
from syncer.spotify.transport import CAPTURE_ENDPOINTS
from tests.fakes import FakePlayer, identifier, uri
from tests.spotify.wiring import Wired

CONTROL = "user-modify-playback-state"


class Stage(Protocol):
    """Somewhere with a playlist ``abcdef`` and a phone, on which nothing plays. Arranged before ``port`` is asked for.

    ``week`` is the URI of the playlist, ``phone`` the id of the device.
    """

    week: str
    phone: str

    @property
    def port(self) -> Player: ...

    def mute(self) -> None:
        """Let nobody but the phone itself say how loud it is."""
        ...

    def close_to_apps(self) -> None:
        """Let the phone take no commands."""
        ...

    def close(self) -> None:
        """Have no Spotify app open on the phone."""
        ...

    def lack(self, scope: str) -> None: ...


class FakeStage:
    def __init__(self) -> None:
        self.port = FakePlayer(week="abcdef")
        self.week = playlist_uri(identifier("week"))
        self.phone = "phone"

    def mute(self) -> None:
        self.port.open = [replace(one, volume=None) for one in self.port.open]

    def close_to_apps(self) -> None:
        self.port.open = [replace(one, is_restricted=True) for one in self.port.open]

    def close(self) -> None:
        self.port.open = []

    def lack(self, scope: str) -> None:
        self.port.lacks.add(scope)


class SandboxStage:
    def __init__(self, wired: Wired) -> None:
        self.wired = wired
        self.week = wired.world.playlist("week", items=[uri(letter) for letter in "abcdef"]).uri
        self.device = wired.world.open_device("Phone", volume_percent=80)
        self.phone = str(self.device.id)
        self._port: Player | None = None

    @property
    def port(self) -> Player:
        if self._port is None:
            self.wired.new_process(endpoints=CAPTURE_ENDPOINTS)
            self._port = self.wired.open().player
        assert self._port
        return self._port

    def mute(self) -> None:
        self.device.supports_volume, self.device.volume_percent = False, 100

    def close_to_apps(self) -> None:
        self.device.is_restricted = True

    def close(self) -> None:
        self.wired.world.close_device(self.device)

    def lack(self, scope: str) -> None:
        self.wired.sign_in.scopes -= {scope}


@pytest.fixture(params=["fake", "in process", "over HTTP"])
def stage(request: pytest.FixtureRequest) -> Iterator[Stage]:
    if request.param == "fake":
        yield FakeStage()
    elif request.param == "in process":
        yield SandboxStage(Wired())
    else:
        wired = Wired(server=SandboxServer)
        assert wired.server
        with wired.server:
            yield SandboxStage(wired)
            wired.wire.hang_up()


def now(stage: Stage) -> Playing:
    playing = stage.port.playing()
    assert playing
    return playing


def coming(stage: Stage) -> str:
    """Return what plays and what follows, as letters."""
    return "".join(str(one.uri)[-1] for one in stage.port.queue())


Deed = Callable[[Player, str, str], None]
DEEDS: dict[str, Deed] = {
    "play": lambda port, phone, week: port.play(phone, week, offset=0),
    "play items": lambda port, phone, _: port.play_items(phone, [uri("a")]),
    "pause": lambda port, phone, _: port.pause(phone),
    "volume": lambda port, phone, _: port.set_volume(phone, 0),
    "shuffle": lambda port, phone, _: port.set_shuffle(phone, on=True),
    "repeat": lambda port, phone, _: port.set_repeat(phone, "off"),
}
a_deed = pytest.mark.parametrize("deed", DEEDS.values(), ids=DEEDS.keys())


class TestPlayer:
    """What every implementation of the port keeps."""

    def test_the_devices_are_those_on_which_spotify_is_open(self, stage: Stage) -> None:
        (phone,) = stage.port.devices()
        assert (phone.id, phone.name, phone.volume) == (stage.phone, "Phone", 80)
        assert (phone.is_active, phone.is_restricted) == (False, False)
        assert stage.port.playing() is None
        assert stage.port.queue() == ()

    @pytest.mark.parametrize("offset", [3, uri("d")], ids=["place", "uri"])
    def test_a_list_is_played_from_any_place(self, stage: Stage, offset: int) -> None:
        stage.port.play(stage.phone, stage.week, offset=offset, at_ms=1500)
        playing = now(stage)
        assert playing.item
        assert (playing.item.uri, playing.context, playing.is_playing) == (uri("d"), stage.week, True)
        assert playing.progress_ms == pytest.approx(1500, abs=5000)
        assert playing.device
        assert (playing.device.id, playing.device.is_active) == (stage.phone, True)
        assert coming(stage) == "def"

    @pytest.mark.parametrize("offset", [6, 500, uri("z")], ids=["one too far", "far off", "uri"])
    def test_a_place_that_a_list_has_not_is_told_from_other_troubles(self, stage: Stage, offset: int) -> None:
        with pytest.raises(OutsideList) as outside:
            stage.port.play(stage.phone, stage.week, offset=offset)
        assert outside.value.context == stage.week

    def test_a_list_that_is_not_there_is_none(self, stage: Stage) -> None:
        with pytest.raises(NotPlayable) as refused:
            stage.port.play(stage.phone, playlist_uri(identifier("gone")), offset=0)
        assert type(refused.value) is NotPlayable

    def test_items_are_played_without_a_list(self, stage: Stage) -> None:
        stage.port.play_items(stage.phone, [uri("x"), uri("y")])
        assert (now(stage).context, coming(stage)) == (None, "xy")

    def test_a_pause_ends_the_playing_and_a_second_one_does_no_harm(self, stage: Stage) -> None:
        stage.port.pause(stage.phone)
        assert stage.port.playing() is None
        stage.port.play(stage.phone, stage.week, offset=1)
        for _ in range(2):
            stage.port.pause(stage.phone)
            assert not now(stage).is_playing
        assert coming(stage) == "bcdef"

    def test_where_spotify_is_not_open_nothing_has_to_be_paused(self, stage: Stage) -> None:
        stage.close()
        stage.port.pause(stage.phone)

    def test_a_device_is_as_loud_as_it_is_told(self, stage: Stage) -> None:
        stage.port.set_volume(stage.phone, 0)
        assert [one.volume for one in stage.port.devices()] == [0]

    def test_how_loud_some_devices_are_is_not_for_apps_to_say(self, stage: Stage) -> None:
        stage.mute()
        assert [one.volume for one in stage.port.devices()] == [None]
        with pytest.raises(NotPlayable):
            stage.port.set_volume(stage.phone, 0)

    def test_shuffle_mixes_up_what_follows_until_it_is_off(self, stage: Stage) -> None:
        stage.port.play(stage.phone, stage.week, offset=0)
        stage.port.set_shuffle(stage.phone, on=True)
        assert now(stage).shuffle
        assert coming(stage) != "abcdef"
        stage.port.set_shuffle(stage.phone, on=False)
        assert not now(stage).shuffle
        assert coming(stage) == "abcdef"

    @pytest.mark.parametrize("mode", ["track", "context", "off"])
    def test_what_is_repeated_is_told(self, stage: Stage, mode: str) -> None:
        stage.port.play(stage.phone, stage.week, offset=0)
        stage.port.set_repeat(stage.phone, mode)
        assert now(stage).repeat == mode

    @a_deed
    def test_a_device_that_is_closed_to_apps_takes_no_command(self, stage: Stage, deed: Deed) -> None:
        stage.port.play(stage.phone, stage.week, offset=0)
        stage.close_to_apps()
        with pytest.raises(NotPlayable) as refused:
            deed(stage.port, stage.phone, stage.week)
        assert type(refused.value) is NotPlayable

    @pytest.mark.parametrize("what", [name for name in DEEDS if name != "pause"])
    def test_nor_does_one_that_is_gone(self, stage: Stage, what: str) -> None:
        stage.close()
        with pytest.raises(NotPlayable) as refused:
            DEEDS[what](stage.port, stage.phone, stage.week)
        assert type(refused.value) is NotPlayable

    def test_a_device_that_is_gone_is_not_taken_for_the_end_of_a_list(self, stage: Stage) -> None:
        stage.close()
        with pytest.raises(NotPlayable) as refused:
            stage.port.play(stage.phone, stage.week, offset=3)
        assert type(refused.value) is NotPlayable

    @a_deed
    def test_without_consent_nothing_can_be_changed(self, stage: Stage, deed: Deed) -> None:
        stage.lack(CONTROL)
        with pytest.raises(MissingScope) as missing:
            deed(stage.port, stage.phone, stage.week)
        assert (missing.value.account, missing.value.scope) == ("default", CONTROL)
        assert stage.port.playing() is None

    def test_nor_can_it_be_seen_on_what(self, stage: Stage) -> None:
        stage.lack("user-read-playback-state")
        for ask in (stage.port.devices, stage.port.playing, stage.port.queue):
            with pytest.raises(MissingScope) as missing:
                ask()
            assert missing.value.scope == "user-read-playback-state"
