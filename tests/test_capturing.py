"""Captures as a whole, over a player that behaves in every way that Spotify's might, and one that fails at any request.

How Spotify's own lists behave is not proved (contract §1.5, §9): whatever it is, what is found is the list, or nothing
is; and what played before plays again, or a person is told what to press.
"""

import json
import signal
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from syncer.budget import Budget, Stop
from syncer.capturing import Capture, Taken, choose_device, own_part
from syncer.errors import (
    Bug,
    ConfigError,
    Interrupted,
    Locked,
    NotFound,
    NotPlayable,
    OutsideList,
    RateLimited,
    SourceNotReadable,
    StateUnreachable,
    SyncError,
    Temporary,
)
from syncer.ids import Uri, is_addable, playlist_uri
from syncer.model import Account, Device, Item, Kind, Playing
from syncer.ports import Connection
from syncer.restoring import Before, Change, still, to_press, unpacked
from syncer.seeking import HOLE, MAX_JUMPS, begins_again
from syncer.state.nothing import NoState
from tests.fakes import FakeAccounts, FakeClock, FakePlaylists, MemoryState, identifier

WEEK = identifier("week")
WEEK_URI = playlist_uri(WEEK)
ALBUM = "spotify:album:" + "a" * 22
ACCOUNT = Account(name="default")
KITCHEN = Device(id="kitchen", name="Kitchen", is_active=True, is_restricted=False, volume=40)
LATENCY = 0.05
"""Seconds that a request takes."""


def track(name: object) -> Item:
    return Item(uri=Uri(f"spotify:track:{name!s:0>22}"), name=str(name), artists=("Anna",))


def tracks(names: str | range) -> list[Item]:
    return [track(name) for name in names]


Ending = Literal["refuses", "starts again", "goes round", "ignores", "stops", "plays on"]
After = Literal["nothing", "autoplay", "wrap"]


@dataclass
class Deck:
    """The port ``Player``: a device, the list ``week`` that it can play, and an album that somebody plays on it.

    ``ending`` is what becomes of a play from behind the end; ``after`` is what the queue of ``queue_length`` shows
    there; ``own`` are tracks that somebody put into the queue. A command shows ``delay`` seconds later. ``shows`` is
    how the list is shown as a context; ``is_deaf`` plays it from its start, wherever it should; ``holes`` are places
    that are skipped, ``gone`` those that are refused. ``before`` is called with each request and may raise; ``lost``
    says which commands are carried out without an answer, ``ignored`` which are answered and not carried out.
    """

    week: list[Item]
    clock: FakeClock = field(default_factory=FakeClock)
    ending: Ending = "refuses"
    after: After = "nothing"
    queue_length: int = 20
    own: list[Item] = field(default_factory=list)
    delay: float = 0.0
    shows: str | None = WEEK_URI
    is_deaf: bool = False
    holes: set[int] = field(default_factory=set)
    gone: set[int] = field(default_factory=set)
    open: list[Device] = field(default_factory=lambda: [KITCHEN])
    before: Callable[[str], None] = lambda _request: None
    lost: Callable[[str], bool] = lambda _request: False
    ignored: Callable[[str], bool] = lambda _request: False
    album: list[Item] = field(default_factory=lambda: tracks("XYZ"))
    context: str | None = None
    order: list[Item] = field(default_factory=list)
    place: int = 0
    since: float | None = None
    at_ms: int = 0
    shuffle: bool = False
    repeat: str = "off"
    asked: list[str] = field(default_factory=list)
    heard: list[str] = field(default_factory=list)
    """What began to play with the volume up."""
    _due: list[tuple[float, Callable[[], None]]] = field(default_factory=list)

    # --- what a person does, and sees ---

    def someone_plays(self, place: int = 1, at_ms: int = 83_000, *, paused: bool = False) -> None:
        self._start(ALBUM, self.album, place, at_ms)
        self.heard.clear()
        if paused:
            self._pause()

    @property
    def volume(self) -> int | None:
        return self.open[0].volume

    @property
    def plays(self) -> tuple[object, ...]:
        """All of the playback that a capture has to put back."""
        self._catch_up()
        item = self.order[self.place].name if self.order else None
        return (self.context, item, self.since is not None, self.shuffle, self.repeat, self.volume)

    @property
    def progress_ms(self) -> int:
        return self.at_ms + (round((self.clock.elapsed - self.since) * 1000) if self.since is not None else 0)

    # --- the port ---

    def devices(self) -> tuple[Device, ...]:
        self._ask("devices")
        return tuple(self.open)

    def playing(self) -> Playing | None:
        self._ask("playing")
        if not self.order:
            return None
        return Playing(
            item=self.order[self.place],
            context=self.shows if self.context == WEEK_URI else self.context,
            is_playing=self.since is not None,
            progress_ms=self.progress_ms,
            device=self.open[0],
            shuffle=self.shuffle,
            repeat=self.repeat,
        )

    def queue(self) -> tuple[Item, ...]:
        self._ask("queue")
        if not self.order:
            return ()
        rest = [one for at, one in enumerate(self.order) if at > self.place and not self._is_hole(at)]
        if self.shuffle:
            rest.reverse()
        if self.after == "autoplay":
            rest += tracks(range(900, 930))
        elif self.after == "wrap" or self.repeat == "context":
            rest += self.order * 30
        return (self.order[self.place], *[*self.own, *rest][: self.queue_length])

    def play(self, device: str, context: str, *, offset: int | Uri, at_ms: int = 0) -> None:
        self._ask(f"play {context[-22:].strip('x')} {offset if isinstance(offset, int) else _name(offset)}")
        self._device(device)
        order = {WEEK_URI: self.week, ALBUM: self.album}.get(context)
        if order is None:
            raise NotPlayable("no such context", hint="play another")
        places = [at for at, one in enumerate(order) if offset in (at, one.uri) and at not in self.gone]
        if self.is_deaf and context == WEEK_URI:
            places = [0]
        if places:
            place = next(at for at in range(places[0], len(order)) if not self._is_hole(at))
            self._do("play", lambda: self._start(context, order, place, at_ms))
        else:
            self._outside(context, order, offset)
        self._lose("play")

    def _outside(self, context: str, order: list[Item], offset: int | Uri) -> None:
        if self.ending == "refuses" or not order or not isinstance(offset, int):
            raise OutsideList(context)
        if self.ending in ("starts again", "goes round"):
            place = offset % len(order) if self.ending == "goes round" else 0
            self._do("play", lambda: self._start(context, order, place, 0))
        elif self.ending == "stops":
            self._do("play", self._pause)
        elif self.ending == "plays on":
            self._do("play", lambda: self._start(None, tracks(range(900, 930)), offset % 7, 0))

    def play_items(self, device: str, uris: Sequence[Uri], *, at_ms: int = 0) -> None:
        assert uris
        assert all(map(is_addable, uris))
        self._ask(f"play items {' '.join(map(_name, uris))}")
        self._device(device)
        self._do("play", lambda: self._start(None, [track(_name(uri)) for uri in uris], 0, at_ms))
        self._lose("play")

    def pause(self, device: str) -> None:
        self._ask("pause")
        self._device(device)
        self._do("pause", self._pause)
        self._lose("pause")

    def set_volume(self, device: str, percent: int) -> None:
        self._ask(f"volume {percent}")
        if self._device(device).volume is None:
            raise NotPlayable("it has no volume", hint="set it there")
        self._do("volume", lambda: self._turn(percent))
        self._lose("volume")

    def set_shuffle(self, device: str, *, on: bool) -> None:
        self._ask(f"shuffle {'on' if on else 'off'}")
        self._device(device)
        self._do("shuffle", lambda: setattr(self, "shuffle", on))
        self._lose("shuffle")

    def set_repeat(self, device: str, mode: str) -> None:
        self._ask(f"repeat {mode}")
        self._device(device)
        self._do("repeat", lambda: setattr(self, "repeat", mode))
        self._lose("repeat")

    # --- how it works ---

    def _ask(self, request: str) -> None:
        self.asked.append(request)
        self.clock.elapsed += LATENCY
        self.before(request)
        self._catch_up()

    def _do(self, command: str, change: Callable[[], None]) -> None:
        if not self.ignored(command):
            self._due.append((self.clock.elapsed + self.delay, change))
            self._catch_up()

    def _lose(self, command: str) -> None:
        if self.lost(command):
            raise Temporary("the answer was lost")

    def _catch_up(self) -> None:
        while self._due and self._due[0][0] <= self.clock.elapsed:
            self._due.pop(0)[1]()

    def _device(self, device: str) -> Device:
        found = next((one for one in self.open if one.id == device and not one.is_restricted), None)
        if found is None:
            raise NotPlayable("no such device", hint="open it")
        return found

    def _turn(self, percent: int) -> None:
        self.open[0] = replace(self.open[0], volume=percent)

    def _start(self, context: str | None, order: list[Item], place: int, at_ms: int) -> None:
        self.context, self.order, self.place = context, order, place
        self.since, self.at_ms = self.clock.elapsed, at_ms
        if self.volume:
            self.heard.append(order[place].name)

    def _pause(self) -> None:
        self.since, self.at_ms = None, self.progress_ms

    def _is_hole(self, place: int) -> bool:
        return self.context == WEEK_URI and place in self.holes


def _name(uri: Uri) -> str:
    return uri.rpartition(":")[2].lstrip("0") or "0"


class Desk:
    """Captures of ``week`` as one account that plays on *deck*; :attr:`playlists` are what it may read."""

    def __init__(self, deck: Deck, state: MemoryState | None = None) -> None:
        self.deck = deck
        self.state = state or MemoryState()
        self.playlists = FakePlaylists()
        self.stop = Stop()
        self.counts: list[tuple[int, int]] = []
        self.refused: SyncError | None = None
        """Raised where the account is opened."""
        self.budget = Budget(deck.clock)

    def _connect(self, account: Account, budget: Budget) -> Connection:
        self.budget = budget
        if self.refused:
            raise self.refused
        connection = FakeAccounts(self.playlists)(account, budget)
        connection.player = self.deck
        return connection

    @property
    def capture(self) -> Capture:
        return Capture(
            ACCOUNT,
            connect=self._connect,
            state=self.state,
            clock=self.deck.clock,
            stop=self.stop,
            counted=lambda done, total: self.counts.append((done, total)),
        )

    def take(self) -> Taken:
        return self.capture.capture(WEEK, None)

    @property
    def note(self) -> Before | None:
        return unpacked(self.state.cached("capture default"))


def names(items: Sequence[Item]) -> list[str]:
    return [one.name for one in items if one is not HOLE]


def jumps(deck: Deck) -> list[str]:
    return [request.split()[-1] for request in deck.asked if request.startswith("play week")]


# --- what is found ----------------------------------------------------------------------------------------------------

LENGTHS = (1, 2, 3, 19, 20, 21, 22, 30, 41, 42, 50, 100)
ENDINGS: tuple[Ending, ...] = ("refuses", "starts again", "goes round", "ignores", "stops", "plays on")
AFTERS: tuple[After, ...] = ("nothing", "autoplay", "wrap")


def found(deck: Deck) -> list[str] | None:
    """Return what is found of ``week``, None where that ends with a message; what played before is back in any case."""
    deck.someone_plays()
    before, desk = deck.plays, Desk(deck)
    taken = desk.take()
    assert deck.plays == before
    assert deck.progress_ms // 10_000 == 8
    assert (taken.left, desk.note, deck.heard) == (None, None, [])
    if taken.error is None:
        return names(taken.items)
    assert isinstance(taken.error, NotPlayable)
    assert taken.items == ()
    return None


@pytest.mark.parametrize("queue_length", [0, 1, 5, 20])
@pytest.mark.parametrize("after", AFTERS)
@pytest.mark.parametrize("ending", ENDINGS)
def test_a_list_is_found_as_it_is_however_it_ends_and_whatever_the_queue_shows(
    ending: Ending, after: After, queue_length: int
) -> None:
    for length in LENGTHS:
        week = tracks(range(1, length + 1))
        deck = Deck(week, ending=ending, after=after, queue_length=queue_length)
        # A list of one that is not told to end looks like a player that goes nowhere.
        assert found(deck) == (None if length == 1 and ending != "refuses" else names(week)), length


@given(
    length=st.integers(1, 60),
    ending=st.sampled_from(ENDINGS),
    after=st.sampled_from(AFTERS),
    queue_length=st.integers(0, 25),
    own=st.sampled_from(["", "P", "PQR"]),
    delay=st.sampled_from([0.0, 0.2, 0.7, 2.0, 4.5]),
    shows=st.sampled_from([WEEK_URI, None, f"spotify:user:anna:playlist:{WEEK}"]),
    shuffle=st.booleans(),
    repeat=st.sampled_from(["off", "context", "track"]),
    paused=st.booleans(),
)
def test_whatever_is_found_is_the_list(  # all that a player may do at once
    length: int,
    ending: Ending,
    after: After,
    queue_length: int,
    own: str,
    delay: float,
    shows: str | None,
    shuffle: bool,  # noqa: FBT001 - hypothesis passes it by name
    repeat: str,
    paused: bool,  # noqa: FBT001 - the same
) -> None:
    deck = Deck(tracks(range(1, length + 1)), ending=ending, after=after, queue_length=queue_length)
    deck.own, deck.delay, deck.shows = tracks(own), delay, shows
    deck.someone_plays(paused=paused)
    deck.shuffle, deck.repeat = shuffle, repeat
    before, desk = deck.plays, Desk(deck)

    taken = desk.take()

    deck.clock.elapsed += 10
    assert deck.plays == before
    assert desk.note is None
    if taken.error is None:
        assert list(taken.items) == deck.week
    else:  # what plays on without a context cannot be told from a list without one
        is_slow = delay >= 2 and "not found in time" in str(taken.error)
        assert length == 1 or is_slow or (ending == "plays on" and shows is None)


def test_the_queue_saves_almost_all_plays() -> None:
    deck = Deck(tracks(range(1, 31)))
    assert found(deck) == names(deck.week)
    assert jumps(deck) == ["0", "20", "29", "30", "31", "0"]
    assert len(deck.asked) == 22


def test_what_somebody_put_into_the_queue_is_no_part_of_the_list() -> None:
    deck = Deck(tracks(range(1, 31)), own=tracks("PQR"))
    assert found(deck) == names(deck.week)
    assert len(jumps(deck)) == 6


def test_without_a_queue_a_list_is_played_place_by_place() -> None:
    deck = Deck(tracks(range(1, 31)), queue_length=0)
    assert found(deck) == names(deck.week)
    assert len(jumps(deck)) == 33


@pytest.mark.parametrize("week", ["abac", "aab", "abba", "abcabdabe"])
@pytest.mark.parametrize("ending", ENDINGS)
def test_tracks_that_stand_twice_do_not_hide_others(week: str, ending: Ending) -> None:
    seen = found(Deck(tracks(week), ending=ending))
    assert seen is not None
    assert list(dict.fromkeys(seen)) == list(dict.fromkeys(week))


def test_places_that_do_not_play_are_counted_and_hide_nothing() -> None:
    for queue_length in (0, 5, 20):
        deck = Deck(tracks(range(1, 31)), holes={2, 7, 8}, queue_length=queue_length)
        seen = found(deck)
        assert seen is not None
        assert list(dict.fromkeys(seen)) == [
            name for place, name in enumerate(names(deck.week)) if place not in deck.holes
        ]


def test_a_place_that_is_refused_is_no_end_where_the_next_one_plays() -> None:
    deck = Deck(tracks(range(1, 31)), gone={4}, queue_length=0)
    deck.someone_plays()
    taken = Desk(deck).take()
    assert [None if one is HOLE else one for one in taken.items] == [*deck.week[:4], None, *deck.week[5:]]
    assert (HOLE.uri, HOLE.kind) == (None, Kind.UNAVAILABLE)


def test_what_is_found_is_told_while_it_is_looked_for() -> None:
    desk = Desk(Deck(tracks(range(1, 31))))
    desk.deck.someone_plays()
    desk.take()
    assert desk.counts == [(1, 21), (21, 30), (30, 30)]


def test_a_list_without_an_end_is_given_up() -> None:
    deck = Deck(tracks(range(1, 1000)), queue_length=0)
    deck.someone_plays()
    before, desk = deck.plays, Desk(deck)
    taken = desk.take()
    assert (
        str(taken.error)
        == f"the end of the list was not found in time: {MAX_JUMPS + 1} tracks were found of {WEEK_URI}"
    )
    assert len(jumps(deck)) == MAX_JUMPS + 1
    assert (taken.items, deck.plays) == ((), before)


def test_a_list_that_takes_too_long_is_given_up() -> None:
    deck = Deck(tracks(range(1, 100)), queue_length=0, delay=4.0)
    deck.someone_plays()
    taken = Desk(deck).take()
    assert "not found in time" in str(taken.error)
    assert 180 < deck.clock.elapsed < 200


def test_a_player_that_goes_nowhere_does_not_pass_for_a_list_of_one() -> None:
    for queue_length in (0, 20):
        deck = Deck(tracks("abc"), is_deaf=True, queue_length=queue_length)
        assert found(deck) is None


def test_a_player_that_stops_to_obey_does_not_pass_for_the_end() -> None:
    deck = Deck(tracks(range(1, 31)), queue_length=0)
    deck.ignored = lambda _command: "play week 5" in deck.asked and not deck.asked[-1].startswith(f"play {ALBUM[-22:]}")
    deck.someone_plays()
    taken = Desk(deck).take()
    assert str(taken.error).startswith("the player does not go where it is told: 5 tracks were found")


def test_a_refusal_that_is_none_of_the_place_is_told_as_it_is() -> None:
    deck = Deck(tracks(range(1, 31)))
    deck.someone_plays()

    def refuse(request: str) -> None:
        if request.startswith("play week") and "play week 20" in deck.asked:
            raise NotPlayable("tracks are started too quickly", hint="try again in a minute")

    deck.before = refuse
    taken = Desk(deck).take()
    assert str(taken.error).startswith("tracks are started too quickly: 1 track was found")


@pytest.mark.parametrize(("ending", "what"), [("refuses", "finds nothing in it"), ("ignores", "shows Anna: Y from")])
def test_a_list_that_does_not_come_to_play_is_told_with_what_is_seen(ending: Ending, what: str) -> None:
    deck = Deck(tracks("abc"), ending=ending)
    if ending == "refuses":
        deck.week = []
    else:
        deck.ignored = lambda command: command == "play" and deck.asked[-1].startswith("play week")
    deck.someone_plays()
    before = deck.plays
    taken = Desk(deck).take()
    assert str(taken.error).startswith(f"{WEEK_URI} did not come to play: Spotify {what}")
    assert deck.plays == before


def test_a_list_that_does_not_come_to_play_where_nothing_does_is_told_so() -> None:
    taken = Desk(Deck(tracks("abc"), ignored=lambda command: command == "play")).take()
    assert str(taken.error) == f"{WEEK_URI} did not come to play: Spotify shows nothing that plays"


def test_a_list_that_plays_already_is_found_from_its_beginning() -> None:
    for place in (0, 7):
        for paused in (False, True):
            deck = Deck(tracks(range(1, 31)))
            deck.someone_plays()
            deck.context, deck.order, deck.place = WEEK_URI, deck.week, place
            if paused:
                deck.pause("kitchen")
            before = deck.plays
            taken = Desk(deck).take()
            assert list(taken.items) == deck.week
            assert deck.plays == before


def test_items_that_have_no_uri_are_kept_as_what_they_are() -> None:
    local = Item(uri=Uri("spotify:local:Anna:Album:Home:127"), kind=Kind.LOCAL, name="Home")
    chapters = [Item(uri=None, kind=Kind.UNSUPPORTED, name=f"chapter {number}") for number in (1, 2)]
    deck = Deck([*tracks("ab"), local, *chapters, *tracks("c")], queue_length=0)
    deck.someone_plays()
    assert list(Desk(deck).take().items) == deck.week


def test_a_list_begins_again_where_all_that_is_seen_does() -> None:
    for shown, place in {
        "abca": None,
        "abcab": 3,
        "abcabd": None,
        "abcabcabd": 3,
        "abcaa": 3,
        "ab": None,
        "aab": None,
        "aaa": 1,
    }.items():
        assert begins_again(tracks(shown)) == place, shown


@pytest.mark.parametrize(
    ("before", "after", "own"),
    [
        ("XYZ", "abc", 0),
        ("XPQY", "aPQb", 2),
        ("XPQ", "aPQb", 2),
        ("XPQ", "aPQ", 2),
        ("abc", "abc", 0),
        ("", "abc", 0),
        ("X", "", 0),
    ],
)
def test_what_comes_next_before_and_after_is_what_somebody_put_there(before: str, after: str, own: int) -> None:
    assert own_part(tracks(before), tracks(after)) == own


# --- on which device --------------------------------------------------------------------------------------------------

PHONE = replace(KITCHEN, id="phone", name="Phone", is_active=False)
TV = replace(KITCHEN, id="tv", name="TV", is_active=False, is_restricted=True)


@pytest.mark.parametrize(
    ("devices", "name", "chosen"),
    [
        ([PHONE, KITCHEN, TV], None, KITCHEN),
        ([PHONE, KITCHEN], "kitchen", KITCHEN),
        ([TV, PHONE], None, PHONE),
        ([replace(KITCHEN, is_active=False), PHONE], "PHONE", PHONE),
    ],
)
def test_the_device_is_the_active_one_or_the_only_one_or_the_one_that_is_named(
    devices: list[Device], name: str | None, chosen: Device
) -> None:
    assert choose_device(devices, name) == chosen


@pytest.mark.parametrize(
    ("devices", "name", "why"),
    [
        ([], None, "there is no device to play on"),
        ([TV, replace(PHONE, id=None)], None, "there is no device to play on"),
        ([replace(TV, is_active=True), PHONE], None, "'TV', which plays now, takes no commands"),
        ([KITCHEN, PHONE], "phone", "Spotify plays on 'Kitchen', and not on 'phone'"),
        ([PHONE], "kitchen", "Spotify is open on 'Phone', and not on 'kitchen'"),
        ([replace(KITCHEN, is_active=False), PHONE], None, "none of 'Kitchen', 'Phone' is active"),
    ],
)
def test_no_device_is_an_error_that_says_what_to_do(devices: list[Device], name: str | None, why: str) -> None:
    with pytest.raises(NotPlayable) as caught:
        choose_device(devices, name)
    assert str(caught.value) == why
    assert "a second" in caught.value.hint or "--device NAME" in caught.value.hint


def test_without_a_device_nothing_is_touched() -> None:
    deck = Deck(tracks("abc"), open=[])
    desk = Desk(deck)
    assert isinstance(desk.take().error, NotPlayable)
    assert deck.asked == ["devices"]
    assert desk.note is None


# --- what a capture would do ------------------------------------------------------------------------------------------


def test_a_look_tells_what_would_be_done_and_changes_nothing() -> None:
    deck = Deck(tracks("abc"))
    deck.someone_plays()
    desk = Desk(deck)
    prospect = desk.capture.look(WEEK, None)
    assert prospect.before
    assert (prospect.before.device_name, prospect.before.title) == ("Kitchen", "Anna: Y")
    assert deck.asked == ["devices", "playing"]
    assert desk.note is None


@pytest.mark.parametrize("foreign", [True, False])
def test_what_can_be_read_is_not_played(foreign: bool) -> None:  # noqa: FBT001 - pytest passes it by name
    deck = Deck(tracks("abc"))
    desk = Desk(deck)
    desk.playlists.held[WEEK] = tracks("abc")
    if foreign:
        desk.playlists.foreign.add(WEEK)
        deck.someone_plays()
    assert desk.capture.look(WEEK, None).is_readable is not foreign
    assert bool(deck.asked) is foreign


@pytest.mark.parametrize("error", [NotFound(WEEK_URI), SourceNotReadable(WEEK_URI), RateLimited(90)])
def test_trouble_with_the_account_is_not_taken_for_a_closed_list(error: SyncError) -> None:
    deck = Deck(tracks("abc"))
    deck.someone_plays()
    desk = Desk(deck)
    desk.playlists.before = lambda _request: error
    if isinstance(error, RateLimited):
        with pytest.raises(RateLimited):
            desk.capture.look(WEEK, None)
    else:
        assert not desk.capture.look(WEEK, None).is_readable


def test_without_a_state_that_lasts_nothing_is_touched() -> None:
    deck = Deck(tracks("abc"))
    deck.someone_plays()
    capture = Capture(
        ACCOUNT,
        connect=FakeAccounts(FakePlaylists()),
        state=NoState(),
        clock=deck.clock,
        stop=Stop(),
        counted=lambda _done, _total: None,
    )
    for begin in (capture.look, capture.capture):
        with pytest.raises(ConfigError, match="could not be put back"):
            begin(WEEK, None)
    assert deck.asked == []


def test_a_capture_keeps_runs_and_other_captures_out() -> None:
    deck = Deck(tracks("abc"))
    deck.someone_plays()
    desk = Desk(deck)
    with desk.state.lock("run", now=deck.clock.now(), until=deck.clock.now()), pytest.raises(Locked):
        desk.take()
    assert deck.asked == []
    assert desk.take().error is None
    assert (desk.state.calls[0], desk.state.calls[-1]) == ("lock", "unlock")


def test_an_account_that_was_not_opened_for_it_is_a_bug() -> None:
    desk = Desk(Deck(tracks("abc")))
    capture = Capture(
        ACCOUNT,
        connect=FakeAccounts(desk.playlists),
        state=desk.state,
        clock=desk.deck.clock,
        stop=desk.stop,
        counted=lambda _done, _total: None,
    )
    assert isinstance(capture.capture(WEEK, None).error, Bug)


# --- what is put back -------------------------------------------------------------------------------------------------


@dataclass
class Died(BaseException):
    """The process is gone."""


def quiet(deck: Deck) -> None:
    """Nobody plays anything."""


def playing(deck: Deck) -> None:
    deck.someone_plays()
    deck.shuffle, deck.repeat = True, "context"


def paused(deck: Deck) -> None:
    deck.someone_plays(paused=True)
    deck.repeat = "track"


def mixed_up(deck: Deck) -> None:
    """Nobody plays anything, and it will be mixed up."""
    deck.shuffle, deck.repeat = True, "context"


SCENES = [quiet, playing, paused, mixed_up]
Scene = Callable[[Deck], None]


def scene(of: Scene) -> Deck:
    deck = Deck(tracks(range(1, 31)), queue_length=5)
    of(deck)
    return deck


def requests_of(of: Scene) -> list[str]:
    deck = scene(of)
    Desk(deck).take()
    return deck.asked


def owed(deck: Deck, before: tuple[object, ...]) -> set[Change]:
    """Return what differs from *before*, where something can be done about it."""
    context, item, plays, shuffle, repeat, volume = before
    now = deck.plays
    differs = {Change.SHUFFLE: now[3] != shuffle, Change.REPEAT: now[4] != repeat, Change.VOLUME: now[5] != volume}
    differs[Change.PLACE] = item is not None and now[:2] != (context, item)
    differs[Change.PAUSE] = not plays and bool(now[2])
    return {change for change, is_so in differs.items() if is_so}


@pytest.mark.parametrize("of", SCENES)
def test_what_played_before_plays_again(of: Scene) -> None:
    deck = scene(of)
    before, progress = deck.plays, deck.progress_ms
    desk = Desk(deck)
    taken = desk.take()
    assert (list(taken.items), taken.error, taken.left, desk.note) == (deck.week, None, None, None)
    assert owed(deck, before) == set()
    assert deck.heard == []
    if before[1]:
        assert deck.plays == before
        assert deck.progress_ms // 10_000 == progress // 10_000


@pytest.mark.parametrize("of", SCENES)
def test_an_error_at_any_request_leaves_everything_as_it_was(of: Scene) -> None:
    """One answer is lost, or one command is refused, and every later one is served."""
    for number in range(len(requests_of(of))):
        for error in (Temporary("it is gone"), NotPlayable("no", hint="no"), ValueError("a bug")):
            deck = scene(of)
            before, desk = deck.plays, Desk(deck)

            def fail(_request: str, deck: Deck = deck, at: int = number, error: Exception = error) -> None:
                if len(deck.asked) == at + 1:
                    raise error

            deck.before = fail
            taken = desk.take()
            assert owed(deck, before) <= (taken.left.changes if taken.left else set()), (number, error)
            assert bool(taken.left) == bool(desk.note)
            assert taken.error is None or taken.items == ()


@pytest.mark.parametrize("of", SCENES)
def test_a_lost_answer_to_any_command_leaves_everything_as_it_was(of: Scene) -> None:
    for number in range(len(requests_of(of))):
        deck = scene(of)
        before, desk = deck.plays, Desk(deck)

        def lose(_command: str, deck: Deck = deck, at: int = number) -> bool:
            return len(deck.asked) == at + 1

        deck.lost = lose
        taken = desk.take()
        assert owed(deck, before) <= (taken.left.changes if taken.left else set()), number


@pytest.mark.parametrize("of", SCENES)
def test_ctrl_c_at_any_request_leaves_everything_as_it_was(of: Scene) -> None:
    for number in range(len(requests_of(of))):
        deck = scene(of)
        before, desk = deck.plays, Desk(deck)

        def stop(_request: str, desk: Desk = desk, at: int = number) -> None:
            desk.budget.allow()
            if len(desk.deck.asked) == at + 1:
                desk.stop(signal.SIGINT)

        deck.before = stop
        taken = desk.take()
        assert owed(deck, before) == set(), number
        assert (taken.left, desk.note) == (None, None)
        assert desk.stop.signal == signal.SIGINT  # whoever asked for the capture has to hear of it
        assert isinstance(taken.error, Interrupted) or list(taken.items) == deck.week


@pytest.mark.parametrize("of", SCENES)
def test_an_outage_from_any_request_on_says_what_to_press_and_a_later_try_does_it(of: Scene) -> None:
    for number in range(len(requests_of(of))):
        deck = scene(of)
        before, desk = deck.plays, Desk(deck)

        def fail(_request: str, deck: Deck = deck, at: int = number) -> None:
            if len(deck.asked) > at:
                raise Temporary("there is no network")

        deck.before = fail
        taken = desk.take()
        assert owed(deck, before) <= (taken.left.changes if taken.left else set()), number

        deck.before = lambda _request: None
        if left := desk.capture.left_over():
            assert desk.capture.restore(left) is None
        assert owed(deck, before) == set(), number
        assert desk.note is None


@pytest.mark.parametrize("of", SCENES)
def test_a_process_that_dies_at_any_request_leaves_a_note_and_the_next_one_puts_it_all_back(of: Scene) -> None:
    for number in range(len(requests_of(of))):
        deck = scene(of)
        before, desk = deck.plays, Desk(deck)

        def die(_request: str, deck: Deck = deck, at: int = number) -> None:
            if len(deck.asked) > at:
                raise Died

        deck.before = die
        with pytest.raises(Died):
            desk.take()
        deck.before = lambda _request: None
        desk.state.process_died()

        if left := desk.capture.left_over():
            assert owed(deck, before) <= left.changes
            assert desk.capture.restore(left) is None
        assert owed(deck, before) == set(), number
        assert (desk.note, desk.capture.left_over()) == (None, None)
        assert deck.heard == []


def test_without_a_durable_note_nothing_is_touched() -> None:
    deck = scene(playing)
    desk = Desk(deck)
    desk.state.before = lambda call: StateUnreachable("gone", hint="wait") if call.startswith("cache capture") else None
    taken = desk.take()
    assert isinstance(taken.error, StateUnreachable)
    assert deck.asked == ["devices", "playing", "queue"]


def test_an_account_that_cannot_be_opened_again_is_told_with_all_there_is_to_press() -> None:
    deck = scene(playing)
    desk = Desk(deck)
    deck.before = lambda _request: setattr(desk, "refused", RateLimited(90))
    taken = desk.take()
    assert taken.left
    assert to_press(taken.left.before, taken.left.changes) == (
        f"go back to Anna: Y at 1:23 in https://open.spotify.com/album/{ALBUM[-22:]}; turn shuffle on;"
        " turn repeat on, for the whole list; turn the volume of 'Kitchen' up to 40"
    )


def test_a_device_without_a_volume_is_left_as_loud_as_it_is() -> None:
    deck = scene(playing)
    deck.open = [replace(KITCHEN, volume=None)]
    before = deck.plays
    assert Desk(deck).take().error is None
    assert deck.plays == before
    assert not [request for request in deck.asked if request.startswith("volume")]


@pytest.mark.parametrize("context", [None, "spotify:user:anna:collection"])
def test_what_has_no_list_to_go_back_to_goes_on_with_a_copy_of_the_queue(context: str | None) -> None:
    """Of a list that Spotify does not play for apps it is said all the same."""
    deck = scene(playing)
    deck.shuffle, deck.context, deck.queue_length = False, context, 20
    desk = Desk(deck)
    taken = desk.take()
    assert deck.plays[1:3] == ("Y", True)
    if context is None:
        assert taken.left is None
    else:
        assert taken.left
        assert to_press(taken.left.before, taken.left.changes) == f"go back to Anna: Y at 1:23 in {context}"
        assert desk.capture.left_over() is None  # what plays now is nothing of ours


def test_a_track_that_no_app_can_start_is_told() -> None:
    deck = scene(playing)
    deck.album = deck.order = [Item(uri=Uri("spotify:local:A:B:Home:7"), kind=Kind.LOCAL, name="Home")]
    deck.place, deck.context = 0, None
    taken = Desk(deck).take()
    assert taken.left
    assert taken.left.changes == {Change.PLACE}
    assert to_press(taken.left.before, {Change.PLACE}) == "go back to Home at 1:23"


def test_what_spotify_did_not_show_cannot_be_put_back() -> None:
    deck = scene(playing)
    deck.order = [Item(uri=None, kind=Kind.UNSUPPORTED)]
    deck.place = 0
    taken = Desk(deck).take()
    assert taken.left
    assert to_press(taken.left.before, taken.left.changes) == "play again what you played before"


@pytest.mark.parametrize(
    ("command", "change"),
    [
        ("play", Change.PLACE),
        ("pause", Change.PAUSE),
        ("volume", Change.VOLUME),
        ("shuffle", Change.SHUFFLE),
        ("repeat", Change.REPEAT),
    ],
)
def test_a_command_that_is_taken_and_not_carried_out_is_noticed(command: str, change: Change) -> None:
    deck = scene(paused if command == "pause" else playing)
    ended: list[int] = []

    def is_back(request: str) -> None:
        if request.startswith(("shuffle on", "repeat context", "repeat track")):
            ended.append(1)

    deck.before = is_back
    deck.ignored = lambda what: what == command and bool(ended)
    desk = Desk(deck)
    taken = desk.take()
    assert taken.left
    assert change in taken.left.changes
    assert (
        "; ".join(["", to_press(taken.left.before, {change})]) in f"; {to_press(taken.left.before, taken.left.changes)}"
    )
    assert desk.note


# --- the note ---------------------------------------------------------------------------------------------------------

NOTE = Before(
    captured=WEEK_URI,
    device="kitchen",
    device_name="Kitchen",
    volume=40,
    shuffle=True,
    repeat="track",
    is_playing=False,
    context=ALBUM,
    item=track("Y").uri,
    title="Anna: Y",
    progress_ms=83_000,
    queue=(),
)


def noted(note: bytes) -> Desk:
    desk = Desk(scene(playing))
    desk.state.cache("capture default", note)
    return desk


@pytest.mark.parametrize(
    "damaged",
    [
        b"",
        b"\xff",
        b"null",
        b"[]",
        b"{}",
        b'{"format": 2}',
        b'{"format": 1}',
        b"[" * 100_000,
        json.dumps({"format": 1, **dict.fromkeys(Before.__slots__)}).encode(),
    ],
)
def test_a_damaged_note_counts_as_none(damaged: bytes) -> None:
    desk = noted(damaged)
    assert desk.capture.left_over() is None
    assert desk.deck.asked == []


def test_a_note_is_small() -> None:
    deck = scene(playing)
    kept: list[int] = []
    desk = Desk(deck)
    deck.order = [replace(track(name), name="N" * 500) for name in range(50)]
    deck.before = lambda _request: kept.append(len(desk.state.cached("capture default") or b""))
    desk.take()
    assert 0 < max(kept) < 2000


@pytest.mark.parametrize(
    ("now", "volume", "left"),
    [
        (None, 0, {Change.VOLUME, Change.SHUFFLE, Change.REPEAT}),
        (None, 30, {Change.SHUFFLE, Change.REPEAT}),
        (WEEK_URI, 0, set(Change)),
        (f"spotify:user:anna:playlist:{WEEK}", 25, set(Change) - {Change.VOLUME}),
        ("spotify:playlist:other", 25, set()),
        ("spotify:playlist:other", 0, set(Change) - {Change.PLACE}),
    ],
)
def test_only_what_is_still_as_a_capture_left_it_is_put_back_later(
    now: str | None, volume: int, left: set[Change]
) -> None:
    shown = Playing(
        item=track("Q"),
        context=now,
        is_playing=True,
        progress_ms=0,
        device=KITCHEN,
        shuffle=False,
        repeat="off",
    )
    assert still(NOTE, shown if now else None, [replace(KITCHEN, volume=volume)]) == left


def test_where_spotify_hides_the_list_anything_but_what_played_before_may_be_it() -> None:
    shown = Playing(
        item=track("Y"), context=None, is_playing=False, progress_ms=0, device=KITCHEN, shuffle=False, repeat="off"
    )
    assert still(NOTE, shown, [KITCHEN]) == set()
    assert Change.PLACE in still(NOTE, replace(shown, item=track("Q")), [KITCHEN])
    assert Change.PLACE in still(NOTE, replace(shown, item=None), [KITCHEN])


def test_a_device_that_is_closed_is_told_once_and_then_forgotten() -> None:
    deck = scene(playing)
    desk = Desk(deck)
    deck.before = lambda request: setattr(deck, "open", []) if request == "play week 29" else None
    taken = desk.take()
    assert taken.left
    deck.order = []
    left = desk.capture.left_over()
    assert left
    again = desk.capture.restore(left)
    assert again
    assert "turn the volume of 'Kitchen' up to 40" in to_press(again.before, again.changes)
    assert (desk.note, desk.capture.left_over()) == (None, None)


def test_what_is_left_can_be_forgotten() -> None:
    deck = scene(playing)
    desk = Desk(deck)
    deck.before = lambda request: setattr(desk, "refused", Temporary("gone")) if request == "play week 5" else None
    assert desk.take().left
    desk.refused = None
    assert desk.capture.left_over()
    desk.capture.forget()
    assert desk.capture.left_over() is None
