"""What played before a capture: kept where it outlives us, and put back afterwards, whatever happened in between."""

import json
import logging
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields
from enum import StrEnum
from types import NoneType
from typing import Any, Final

from syncer.errors import Bug, NotPlayable, SyncError
from syncer.ids import Uri, is_addable
from syncer.model import Device, Item, Playing
from syncer.ports import Player
from syncer.report import title

log = logging.getLogger(__name__)

FORMAT: Final = 1
"""Of the note; one in another format counts as none."""
LONGEST_TITLE: Final = 100
WAITS: Final = (0.0, 0.3, 0.5, 0.8, 1.2, 2.4)
"""Seconds before each look at a player that was told something: it takes half of one to show it, or several."""

RETRY_AFTER: Final = 0.5
"""Seconds before what failed is tried once more."""


class Change(StrEnum):
    """What a capture changes, in the order in which it is put back: the volume last, so that nobody hears the rest."""

    SHUFFLE = "shuffle"
    REPEAT = "repeat"
    PLACE = "place"
    """What plays, and where in it."""
    PAUSE = "pause"
    """That something plays at all."""
    VOLUME = "volume"


@dataclass(frozen=True, slots=True, kw_only=True)
class Before:
    """What an account played when a capture began, and how; None where Spotify does not tell, or there is none."""

    captured: str
    """The context that plays in its place."""
    device: str
    device_name: str
    volume: int | None
    shuffle: bool | None
    repeat: str | None
    is_playing: bool
    context: str | None
    item: str | None
    title: str
    progress_ms: int
    queue: tuple[str, ...]
    """What was to come, for want of a context."""

    @property
    def place_and_pause(self) -> frozenset[Change]:
        """What is to be put back once the captured list has played."""
        place = {Change.PLACE} if self.item or self.is_playing else set()
        return frozenset(place if self.is_playing else {*place, Change.PAUSE})


def before(captured: str, device: Device, now: Playing | None, queue: Sequence[Item]) -> Before:
    """Return what *device* plays *now*, before it plays *captured*."""
    item = now.item if now else None
    return Before(
        captured=captured,
        device=device.id or "",
        device_name=device.name,
        volume=device.volume,
        shuffle=now.shuffle if now else None,
        repeat=now.repeat if now else None,
        is_playing=now is not None and now.is_playing,
        context=now.context if now else None,
        item=item.uri if item else None,
        title=_titled(item) if item else "",
        progress_ms=now.progress_ms if now else 0,
        queue=tuple(one.uri for one in queue[1:] if one.uri and is_addable(one.uri)),
    )


# --- the note ---------------------------------------------------------------------------------------------------------

NOTHING: Final = b"null"
"""The note that there is nothing to put back."""
_TYPES: Final[Mapping[str, tuple[type, ...]]] = {
    "volume": (int, NoneType),
    "shuffle": (bool, NoneType),
    "repeat": (str, NoneType),
    "is_playing": (bool,),
    "context": (str, NoneType),
    "item": (str, NoneType),
    "progress_ms": (int,),
    "queue": (list,),
}
"""Of the fields that are no text."""


def packed(note: Before) -> bytes:
    """Return *note* as it is kept."""
    return json.dumps({"format": FORMAT, **asdict(note)}).encode()


def unpacked(content: bytes | None) -> Before | None:
    """Return what was :func:`packed`; None if it is no such thing, or damaged."""
    try:
        document = json.loads(content or NOTHING)
        if document is None or document["format"] != FORMAT:
            return None
        values = {each.name: _of_type(each.name, document[each.name]) for each in fields(Before)}
        return Before(**values | {"queue": tuple(map(str, values["queue"]))})
    except (ValueError, KeyError, TypeError, RecursionError):
        log.warning("the note of a capture cannot be read")
        return None


def _of_type(name: str, value: Any) -> Any:
    if type(value) not in _TYPES.get(name, (str,)):
        raise TypeError(name)
    return value


def still(note: Before, now: Playing | None, devices: Collection[Device]) -> frozenset[Change]:
    """Return what is still as a capture left it that could not put it back; what a person has changed since is not."""
    device = next((device for device in devices if device.id == note.device), None)
    changes = {Change.VOLUME} if note.volume and (device is None or device.volume == 0) else set[Change]()
    goes_on = now is not None and _plays_list(note, now)
    # The volume goes down first and up last: where it is down, or the same goes on, it is not known to be over.
    if goes_on or changes or now is None or now.context == note.context:
        changes |= {Change.SHUFFLE} if note.shuffle and not (now and now.shuffle) else set()
        changes |= (
            {Change.REPEAT} if note.repeat in ("track", "context") and not (now and now.repeat != "off") else set()
        )
    if goes_on:
        changes |= note.place_and_pause
    elif Change.VOLUME in changes and now and now.is_playing and not note.is_playing:
        changes.add(Change.PAUSE)
    return frozenset(changes)


def _plays_list(note: Before, now: Playing) -> bool:
    """Whether the captured list plays, or is paused; without a context, anything but what played before may be it."""
    if now.context is not None:
        return is_list(now.context, note.captured)
    return now.item is None or now.item.uri != note.item


def is_list(context: str | None, captured: str) -> bool:
    """Whether *context* is the list *captured*, in its old spelling with the user's name too."""
    return context is not None and (context == captured or context.endswith(captured.removeprefix("spotify")))


# --- putting back -----------------------------------------------------------------------------------------------------


@dataclass(slots=True)
class Restoring:
    """Puts back, step by step, what was *before*; ``failed`` has what could not be, and why."""

    player: Player
    before: Before
    wait: Callable[[float], None]
    failed: dict[Change, SyncError] = field(default_factory=dict)

    def put_back(self, changes: Collection[Change]) -> None:
        """Put *changes* back. Each is tried, even if one before it failed; then the player is asked whether it did."""
        steps: Mapping[Change, Callable[[], None]] = {
            Change.SHUFFLE: self._shuffle,
            Change.REPEAT: self._repeat,
            Change.PLACE: self._place,
            Change.PAUSE: self._pause,
            Change.VOLUME: self._volume,
        }
        for change in Change:
            if change in changes:
                self._try(change, steps[change])
        self._verify(changes)

    def _try(self, change: Change, step: Callable[[], None]) -> None:
        for pause in (RETRY_AFTER, None):
            try:
                step()
            except SyncError as error:
                self.failed[change] = error
            except Exception:
                self.failed[change] = Bug(f"restoring/{change}")
                log.exception("bug %s", f"restoring/{change}")
            else:
                self.failed.pop(change, None)
                return
            if pause:
                self.wait(pause)

    def _shuffle(self) -> None:
        self.player.set_shuffle(self.before.device, on=self.before.shuffle is True)

    def _repeat(self) -> None:
        self.player.set_repeat(self.before.device, self.before.repeat or "off")

    def _volume(self) -> None:
        if Change.PAUSE in self.failed:  # nobody wants to hear what should not play
            raise self.failed[Change.PAUSE]
        self.player.set_volume(self.before.device, self.before.volume or 0)

    def _place(self) -> None:
        note = self.before
        if note.item is None:
            raise _did_not("Spotify did not tell what played")
        try:
            if note.context is None:
                raise _did_not("Spotify did not tell from what it played")
            self.player.play(note.device, note.context, offset=Uri(note.item), at_ms=note.progress_ms)
        except NotPlayable:
            if not is_addable(note.item):
                raise
            uris = [Uri(uri) for uri in (note.item, *note.queue)]
            self.player.play_items(note.device, uris, at_ms=note.progress_ms)
            if note.context is not None:  # it plays, but goes on with a copy of the queue
                raise

    def _pause(self) -> None:
        if self.before.item and Change.PLACE not in self.failed:
            # Sent at once, it could be carried out before the play that it is to end.
            self._until(lambda now: now.is_playing and not self._is_off(Change.PLACE, now))
        self.player.pause(self.before.device)

    def _verify(self, changes: Collection[Change]) -> None:
        """Go by what the player shows: it may ignore what it was told, and have done what seemed to fail."""
        awaited = [change for change in changes if change not in self.failed]
        now = self._until(lambda now: not any(self._is_off(change, now) for change in awaited))
        if now is None:  # nobody can tell
            return
        self.failed = {
            change: self.failed.get(change, _did_not("the player did not do it"))
            for change in changes
            if self._is_off(change, now)
        }

    def _until(self, is_so: Callable[[Playing], bool]) -> Playing | None:
        """Look until *is_so*, or for as long as that should take; return what was seen last, None if nothing was."""
        now = None
        try:
            for seconds in WAITS:
                self.wait(seconds)
                now = self.player.playing()
                if now and is_so(now):
                    break
        except SyncError:
            return None
        except Exception:  # there is more to put back
            log.exception("bug while looking at the player")
            return None
        return now

    def _is_off(self, change: Change, now: Playing) -> bool:
        """Whether *now* shows that *change* was not put back."""
        match change:
            case Change.SHUFFLE:
                return now.shuffle is not self.before.shuffle
            case Change.REPEAT:
                return now.repeat != self.before.repeat
            case Change.PLACE:
                return not self._is_it(now) or (self.before.is_playing and not now.is_playing)
            case Change.PAUSE:
                return now.is_playing
            case Change.VOLUME:  # not every device takes every step
                return now.device is not None and now.device.id == self.before.device and now.device.volume == 0

    def _is_it(self, now: Playing) -> bool:
        """Whether what played before plays *now*; Spotify may show it under another of its ids."""
        if now.item is None or (self.before.context and not is_list(now.context, self.before.context)):
            return False
        return now.item.uri == self.before.item or _titled(now.item) == self.before.title


def _titled(item: Item) -> str:
    return title(item)[:LONGEST_TITLE]


def _did_not(why: str) -> NotPlayable:
    return NotPlayable(f"what played before could not be put back: {why}", hint="put it back in Spotify")


# --- what a person can do ---------------------------------------------------------------------------------------------


def to_press(note: Before, failed: Collection[Change]) -> str:
    """Say what a person has to do to have it all back; nothing if none *failed*."""
    return "; ".join(_presses(note, failed))


def _presses(note: Before, failed: Collection[Change]) -> Iterator[str]:
    if Change.PLACE in failed:
        yield f"go back to {place(note)}" if note.item else "play again what you played before"
    if Change.PAUSE in failed:
        yield f"pause what plays on {note.device_name!r}"
    if Change.SHUFFLE in failed:
        yield "turn shuffle on"
    if Change.REPEAT in failed:
        yield f"turn repeat on, for {'one track' if note.repeat == 'track' else 'the whole list'}"
    if Change.VOLUME in failed:
        yield f"turn the volume of {note.device_name!r} up to {note.volume}"


def place(note: Before) -> str:
    """Say what played, where in it, and from what."""
    minutes, seconds = divmod(note.progress_ms // 1000, 60)
    return f"{note.title} at {minutes}:{seconds:02}" + (f" in {_link(note.context)}" if note.context else "")


def _link(context: str) -> str:
    """Return *context* as something that opens, where it is of a kind that has links."""
    kind, _, known_as = context.removeprefix("spotify:").partition(":")
    return context if ":" in known_as else f"https://open.spotify.com/{kind}/{known_as}"
