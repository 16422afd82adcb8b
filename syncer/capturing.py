"""Captures a list that Spotify plays to everybody and shows to no new app: plays it, and puts back what played before.

Whether Spotify tells such apps that it plays one of its own lists is not proved (contract §1.5, §9): nothing in here
relies on it.
"""

import logging
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Final

from syncer.budget import Budget, Stop
from syncer.cache import Cache, Ledger
from syncer.errors import (
    Bug,
    NotFound,
    NotPlayable,
    OutsideList,
    SourceNotReadable,
    SourceSpotifyMade,
    StateUnusable,
    SyncError,
)
from syncer.ids import PlaylistId, playlist_uri
from syncer.model import Account, Device, Item, Playing
from syncer.ports import Clock, Connect, Connection, Player, Playlists, StateStore
from syncer.report import title
from syncer.restoring import NOTHING, WAITS, Before, Change, Restoring, before, is_list, packed, still, unpacked
from syncer.seeking import Counted, Search, is_same
from syncer.undoing import must_keep

log = logging.getLogger(__name__)

MAX_SECONDS: Final = 180.0
"""What one search may take."""
AHEAD: Final = 15_000
"""Milliseconds by which no player gets ahead by itself while it is looked at."""
QUEUE_WAITS: Final = (0.0, 0.5, 1.0)
LEASE: Final = timedelta(minutes=10)
"""How long the lock would keep runs out if we died where nobody could see it."""


# --- the player -------------------------------------------------------------------------------------------------------


class PlayerTurntable:
    """The port :class:`Turntable` over someone's player, which shows what it does a little after it was told to."""

    def __init__(
        self, player: Player, device: str, playlist: str, *, queue: Sequence[Item], wait: Callable[[float], None]
    ) -> None:
        """*playlist* is a URI; *queue* is what the player showed before it was told anything."""
        self._player = player
        self._device = device
        self._list = playlist
        self._queue = queue
        self._wait = wait
        self._own = 0
        """Items that a person put into the queue: they come before what follows in any list."""
        self._context: str | None = None
        """How Spotify shows that the list plays."""
        self.last: Playing | None = None
        self.refusal: NotPlayable | None = None

    @property
    def shown(self) -> Item | None:
        return self.last.item if self.last else None

    def start(self) -> Item:
        """Play the first place and return what is there; NotPlayable if it does not come to play."""
        was = self.last = self._player.playing()
        try:
            self._player.play(self._device, self._list, offset=0)
        except OutsideList:
            raise _did_not_start(self._list, "finds nothing in it") from None
        item = self._comes(was, lambda now: is_list(now.context, self._list)) or self._may_be_it(was)
        if item is None or self.last is None:
            raise _did_not_start(self._list, f"shows {_seen(self.last)}")
        self._context = self.last.context
        self._own = own_part(self._queue, self._shown_queue())
        return item

    def at(self, place: int) -> Item | None:
        was, self.refusal = self.last, None
        try:
            self._player.play(self._device, self._list, offset=place)
            item = self._comes(was, self._is_ours)
            if item is None:  # the same track may be in this place too: that shows in where in it the player is
                was, ahead = self.last, _ahead(self.last)
                self._player.play(self._device, self._list, offset=place, at_ms=ahead)
                item = self._comes(was, self._is_ours, ahead)
        except NotPlayable as refusal:
            self.refusal = refusal
            return None
        return item

    def _is_ours(self, now: Playing) -> bool:
        return now.context == self._context

    def upcoming(self) -> tuple[Item, ...]:
        return self._shown_queue()[1 + self._own :]

    def _comes(self, was: Playing | None, is_it: Callable[[Playing], bool], ahead: int = 0) -> Item | None:
        """Return what comes to play that was not there before, and *is_it*; None if nothing does in good time."""
        for seconds in WAITS:
            self._wait(seconds)
            earlier, self.last = self.last, self._player.playing()
            now = self.last
            if now and is_it(now) and (is_news(now, was) or is_news(now, earlier) or 0 < ahead <= now.progress_ms):
                return now.item
        return None

    def _may_be_it(self, was: Playing | None) -> Item | None:
        """Return what plays if it can be the list: it was in this place before, or Spotify hides from what it plays."""
        now = self.last
        if now is None or not now.is_playing:
            return None
        is_hidden = is_news(now, was) and (now.context is None or was is None or now.context != was.context)
        return now.item if is_hidden or is_list(now.context, self._list) else None

    def _shown_queue(self) -> tuple[Item, ...]:
        """Return the queue as it is when it begins with what plays; nothing if it does not come to that."""
        for seconds in QUEUE_WAITS:
            self._wait(seconds)
            queue = self._player.queue()
            if queue and is_same(queue[0], self.shown):
                return queue
        return ()


def is_news(now: Playing, was: Playing | None) -> bool:
    """Whether something plays *now* that did not play before, or plays from another place, or anew."""
    if now.item is None or not now.is_playing:
        return False
    if was is None or not was.is_playing or not is_same(now.item, was.item):
        return True
    return now.context != was.context or now.progress_ms < was.progress_ms


def _ahead(now: Playing | None) -> int:
    """Return a moment of what plays that it cannot have reached by itself; 0 where there is none left."""
    if now is None or now.item is None or not now.is_playing:
        return 0
    ahead = now.progress_ms + AHEAD
    return ahead if now.item.duration_ms is None or ahead < now.item.duration_ms - AHEAD else 0


def own_part(before: Sequence[Item], after: Sequence[Item]) -> int:
    """Return how many items a person has put into the queue, which showed *before* and shows *after* a list was begun.

    They come next in both. If nothing is new in what is shown, it played from this place of this list before.
    """
    if not before or not after or is_same(before[0], after[0]):
        return 0
    differ = (count for count, pair in enumerate(zip(before[1:], after[1:], strict=False)) if not is_same(*pair))
    return next(differ, min(len(before), len(after)) - 1)


def _did_not_start(playlist: str, seen: str) -> NotPlayable:
    return NotPlayable(
        f"{playlist} did not come to play: Spotify {seen}",
        hint="try whether it plays in the Spotify app on that device; play anything there for a second, then try again",
    )


def _seen(now: Playing | None) -> str:
    if now is None or now.item is None:
        return "nothing that plays"
    return f"{title(now.item)}{'' if now.is_playing else ', paused'}{f' from {now.context}' if now.context else ''}"


def choose_device(devices: Sequence[Device], name: str | None) -> Device:
    """Return what to capture on: the active device, else the only one, else that with the *name*; or NotPlayable."""
    active = next((device for device in devices if device.is_active), None)
    usable = [device for device in ([active] if active else devices) if device.id and not device.is_restricted]
    if not usable:
        what = f"{active.name!r}, which plays now, takes no commands" if active else "there is no device to play on"
        raise NotPlayable(what, hint="open Spotify on a device and play anything for a second, then try again")
    wanted = [device for device in usable if name is None or device.name.casefold() == name.casefold()]
    if len(wanted) == 1:
        return wanted[0]
    names = ", ".join(repr(device.name) for device in usable)
    if not wanted:
        why = "Spotify plays on" if active else "Spotify is open on"
        raise NotPlayable(
            f"{why} {names}, and not on {name!r}", hint="play anything there for a second, then try again"
        )
    raise NotPlayable(f"none of {names} is active", hint="say which with --device NAME, or play anything there")


# --- the whole --------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Prospect:
    """What a capture would do, and to what."""

    is_readable: bool
    """Whether the list can be read like any other: then there is no need to play it."""
    before: Before | None = None
    """What plays now, and on which device; only where it would be captured."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Left:
    """What a capture has changed and not put back."""

    before: Before
    changes: frozenset[Change]


@dataclass(slots=True, kw_only=True)
class Taken:
    """What came of a capture."""

    items: tuple[Item, ...] = ()
    error: SyncError | None = None
    """What kept it from finding all of them."""
    left: Left | None = None
    """What a person has to put back now."""
    warnings: list[str] = field(default_factory=list)


class Capture:
    """Captures lists as one account, and leaves its playback as it was."""

    def __init__(
        self, account: Account, *, connect: Connect, state: StateStore, clock: Clock, stop: Stop, counted: Counted
    ) -> None:
        """*connect* opens it to be captured from."""
        self._account = account
        self._connect = connect
        self._state = state
        self._clock = clock
        self._stop = stop
        self._counted = counted
        self.requests: Counter[str] = Counter()
        """What was sent to each of Spotify's hosts."""

    def look(self, playlist: PlaylistId, device: str | None) -> Prospect:
        """Return what :meth:`capture` would do; an error if it could not begin. Changes nothing."""
        must_keep(self._state, "what plays could not be put back if the capture were killed")
        with self._visit() as (connection, _):
            if _is_readable(connection.playlists, playlist):
                return Prospect(is_readable=True)
            player = _player(connection)
            chosen = choose_device(player.devices(), device)
            return Prospect(is_readable=False, before=before(playlist_uri(playlist), chosen, player.playing(), ()))

    def capture(self, playlist: PlaylistId, device: str | None) -> Taken:
        """Play *playlist* to find out what it holds, and put back what played before, whatever happens.

        What went wrong is in what is returned; raised are Locked and StateUnusable, where nothing was begun.
        """
        must_keep(self._state, "what plays could not be put back if the capture were killed")
        taken, sitting = Taken(), _Sitting(playlist_uri(playlist), self._keep, self._clock, self._counted)
        with self._lock() as name:
            try:
                with self._visit() as (connection, wait):
                    taken.warnings = connection.warnings
                    taken.items = sitting.find(_player(connection), device, wait)
            except SyncError as error:
                taken.error = error
            except Exception:
                taken.error = Bug(name)
                log.exception("bug %s", name)
            if sitting.before:
                taken.left = self._put_back(Left(before=sitting.before, changes=frozenset(sitting.changes)))
        return taken

    def left_over(self) -> Left | None:
        """Return what earlier captures changed and could not put back, if nobody has changed it since."""
        note = unpacked(self._state.cached(self._note))
        if note is None:
            return None
        with self._visit() as (connection, _):
            player = _player(connection)
            left = Left(before=note, changes=still(note, player.playing(), player.devices()))
        if left.changes:
            return left
        self.forget()
        return None

    def restore(self, left: Left) -> Left | None:
        """Put back what an earlier capture has *left*; return what a person has to put back.

        What no later try would put back either is forgotten.
        """
        with self._lock():
            return self._put_back(left, for_good=True)

    def forget(self) -> None:
        """Leave things as they are."""
        self._state.cache(self._note, NOTHING)

    def _put_back(self, left: Left, *, for_good: bool = False) -> Left | None:
        """Put *left* back, told to stop or not; on a connection of its own: that before may have spent its retries."""
        failed: Mapping[Change, SyncError]
        heard, self._stop.signal = self._stop.signal, None  # or the clock would not wait
        try:
            with self._visit(Stop()) as (connection, wait):
                restoring = Restoring(_player(connection), left.before, wait)
                restoring.put_back(left.changes)
                failed = restoring.failed
        except SyncError as error:
            failed = dict.fromkeys(left.changes, error)
        if heard is not None:
            self._stop(heard)
        is_hopeless = for_good and all(isinstance(error, NotPlayable) for error in failed.values())
        if not failed or is_hopeless:
            with suppress(StateUnusable):  # looked at again, it will be seen to be over
                self.forget()
        return Left(before=left.before, changes=frozenset(failed)) if failed else None

    @contextmanager
    def _visit(self, stop: Stop | None = None) -> Iterator[tuple[Connection, Callable[[float], None]]]:
        """Have the account signed in, and a way to wait, until it is told to *stop*; count what that costs."""
        budget = Budget(self._clock, stop=stop or self._stop)
        ledger = Ledger(Cache(self._state), self._clock.now())

        def wait(seconds: float) -> None:
            if seconds:
                self._clock.sleep(seconds)
            budget.allow()

        try:
            connection = ledger.open(self._connect(self._account, budget))
            with connection.allowance.first_time():
                yield connection, wait
        finally:
            ledger.close()
            self.requests.update(budget.sent)

    @contextmanager
    def _lock(self) -> Iterator[str]:
        """Keep everybody else out who would change what plays, or what is kept of it."""
        now = self._clock.now()
        name = f"{now:%Y-%m-%dT%H:%M:%SZ}-capture"
        with self._state.lock(name, now=now, until=now + LEASE):
            yield name

    @property
    def _note(self) -> str:
        return f"capture {self._account.name}"

    def _keep(self, note: Before) -> None:
        self._state.cache(self._note, packed(note))


class _Sitting:
    """One capture while it is under way, and what it has changed so far."""

    def __init__(self, playlist: str, keep: Callable[[Before], None], clock: Clock, counted: Counted) -> None:
        """*keep* makes what played before outlive us."""
        self._playlist = playlist
        self._keep = keep
        self._clock = clock
        self._counted = counted
        self.before: Before | None = None
        self.changes: set[Change] = set()
        """What was changed, or may have been."""

    def find(self, player: Player, device: str | None, wait: Callable[[float], None]) -> tuple[Item, ...]:
        """Return what the list holds; raises what ends the search."""
        chosen = choose_device(player.devices(), device)
        now, queue = player.playing(), player.queue()
        note = before(self._playlist, chosen, now, queue)
        self._note(note)
        turntable = PlayerTurntable(player, note.device, self._playlist, queue=queue, wait=wait)
        first = self._begin(player, turntable, note, now)
        ends = self._clock.monotonic() + MAX_SECONDS
        search = Search(
            turntable, self._playlist, counted=self._counted, in_time=lambda: self._clock.monotonic() < ends
        )
        return search.run(first)

    def _begin(self, player: Player, turntable: PlayerTurntable, note: Before, now: Playing | None) -> Item:
        """Have the list play from its beginning, in its order, unheard; return its first item."""
        if note.volume:
            self.changes.add(Change.VOLUME)
            player.set_volume(note.device, 0)
        if now:
            self._straighten(player, note.device, now)
        self.changes |= note.place_and_pause
        first = turntable.start()
        if now is None and turntable.last:  # only now does it show what is mixed up or repeated
            self._note(replace(note, shuffle=turntable.last.shuffle, repeat=turntable.last.repeat))
            if self._straighten(player, note.device, turntable.last):
                turntable.at(1)  # so that the first place can be seen to play anew
                first = turntable.at(0) or first
        return first

    def _straighten(self, player: Player, device: str, now: Playing) -> bool:
        """Have nothing mixed up and nothing repeated; return whether it was."""
        if now.shuffle:
            self.changes.add(Change.SHUFFLE)
            player.set_shuffle(device, on=False)
        if now.repeat != "off":
            self.changes.add(Change.REPEAT)
            player.set_repeat(device, "off")
        return now.shuffle or now.repeat != "off"

    def _note(self, note: Before) -> None:
        """Keep *note* before anything is changed that it is about."""
        self._keep(note)
        self.before = note


def _player(connection: Connection) -> Player:
    if connection.player is None:
        raise RuntimeError("the account was not opened to be captured from")
    return connection.player


def _is_readable(playlists: Playlists, playlist: PlaylistId) -> bool:
    try:
        return playlists.head(playlist).readable
    except (NotFound, SourceNotReadable, SourceSpotifyMade):
        return False
