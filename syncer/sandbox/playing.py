"""What someone plays, and what comes next. Nothing in here looks at a clock: every step is told the time."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import cycle, islice
from typing import Final, Literal

from syncer.sandbox import scenery
from syncer.sandbox.scenery import Media, spotify_id

Repeat = Literal["off", "track", "context"]

SPOTIFY_MADE: Final = "37i9dQZ"
HEARD_MS: Final = 30_000
"""A track that was left later than this was heard."""


@dataclass(slots=True, kw_only=True)
class Habits:
    """How Spotify's player behaves where nobody has proved it (contract §1.5, §9). May be changed at any time."""

    delay: float = 0.0
    """A command takes effect so many seconds later; until then the player shows what was before."""
    queue_length: int = 20
    """How many entries the queue shows at most."""
    after_context: Literal["nothing", "autoplay", "wrap"] = "nothing"
    """What the queue shows behind the last item: nothing, tracks that are not in it, or its start once more.

    Only with autoplay does anything play then.
    """
    queue_shows_spotify_made: bool = True
    """Whether the queue shows what follows in a list that Spotify made."""
    shown_contexts: Literal["all", "own", "none"] = "all"
    """Which contexts the player shows: ``own`` leaves out those of lists that Spotify made."""
    logged_contexts: Literal["all", "own", "none"] = "all"
    """Which contexts the plays keep."""
    after_shows: Literal["newest", "oldest"] = "newest"
    """Of the plays after a cursor: the latest of all, or those that follow it."""
    visible_plays: int = 50
    """How far back the plays can be seen."""
    offset_outside: int | Literal["start", "nothing"] = 404
    """A play from a place that the context has not: refused with this status, from the start, or nothing happens."""
    refuses_needless: bool = True
    """Whether a pause while paused, or a resume while playing, is refused."""


@dataclass(slots=True, kw_only=True, eq=False)
class Device:
    """Something that Spotify can play on."""

    id: str | None
    name: str
    type: str = "Computer"
    is_active: bool = False
    is_private_session: bool = False
    is_restricted: bool = False
    """Whether it takes no commands from apps."""
    volume_percent: int | None = 50
    supports_volume: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Play:
    """One track that was heard, until ``at``."""

    media: Media
    at: float
    context: str | None

    @property
    def at_ms(self) -> int:
        return round(self.at * 1000)


@dataclass(slots=True, kw_only=True)
class Playing:
    """What is on, in the order in which it plays."""

    device: Device
    context: str | None
    listed: tuple[Media, ...]
    """What can be played of the context, in its own order."""
    order: list[int]
    """Places in ``listed``, in the order of playing."""
    index: int
    """A place in ``order``."""
    since: float | None
    """When it went on from ``at_ms``; None while it is paused."""
    at_ms: int = 0
    between: Media | None = None
    """What was put into the queue by hand, and plays now."""

    @property
    def item(self) -> Media:
        return self.between or self.listed[self.order[self.index]]

    @property
    def rest(self) -> list[Media]:
        """What of the context follows."""
        return [self.listed[place] for place in self.order[self.index + 1 :]]

    def progress_ms(self, at: float) -> int:
        """Return how far into the item it is."""
        return self.at_ms + (round((at - self.since) * 1000) if self.since is not None else 0)


def can_play(media: Media | None) -> bool:
    return media is not None and media.playable and not media.is_local


def is_shown(context: str | None, which: Literal["all", "own", "none"]) -> bool:
    """Whether *context* is among those that are shown."""
    return which == "all" or (which == "own" and not is_spotify_made(context))


def is_spotify_made(context: str | None) -> bool:
    return context is not None and context.startswith(f"spotify:playlist:{SPOTIFY_MADE}")


@dataclass(slots=True, kw_only=True)
class Player:
    """The playback of one listener."""

    habits: Habits
    devices: list[Device] = field(default_factory=list)
    playing: Playing | None = None
    queued: list[Media] = field(default_factory=list)
    """What was put into the queue by hand; it survives a change of context."""
    shuffle: bool = False
    repeat: Repeat = "off"
    plays: list[Play] = field(default_factory=list)
    """All that was ever heard, oldest first."""

    @property
    def active(self) -> Device | None:
        return next((device for device in self.devices if device.is_active), None)

    def catch_up(self, at: float) -> None:
        """Let everything play that has had the time to by *at*."""
        while (now := self.playing) and now.since is not None and now.progress_ms(at) >= _length(now.item):
            ended = now.since + (_length(now.item) - now.at_ms) / 1000
            self._heard(now, ended)
            self._go_on(now, ended)

    def start(
        self,
        device: Device,
        held: Sequence[Media | None],
        place: int,
        at: float,
        *,
        context: str | None,
        at_ms: int = 0,
    ) -> None:
        """Play on *device* what can be played of *held*, from *place* on; nothing happens if nothing can."""
        places = [number for number, media in enumerate(held) if can_play(media)]
        first = next((number for number, found in enumerate(places) if found >= place), None)
        if first is None:
            return
        self.catch_up(at)
        self._leave(at)
        self.activate(device)
        order = _mixed(len(places), first, context) if self.shuffle else list(range(len(places)))
        self.playing = Playing(
            device=device,
            context=context,
            listed=tuple(media for media in held if media and can_play(media)),
            order=order,
            index=order.index(first),
            since=at,
            at_ms=at_ms,
        )

    def activate(self, device: Device) -> None:
        """Let *device* be the one that plays."""
        for each in self.devices:
            each.is_active = each is device

    def resume(self, device: Device, at: float, *, at_ms: int | None = None) -> None:
        """Go on with what is on, on *device*, from *at_ms* or from where it is."""
        self.catch_up(at)
        if self.playing:
            self.activate(device)
            self.playing.at_ms = self.playing.progress_ms(at) if at_ms is None else at_ms
            self.playing.device, self.playing.since = device, at

    def pause(self, at: float) -> None:
        """Stop, to go on later."""
        self.catch_up(at)
        if self.playing:
            self.playing.at_ms, self.playing.since = self.playing.progress_ms(at), None

    def set_shuffle(self, at: float, *, on: bool) -> None:
        """Mix up what follows, or put it back in order."""
        self.catch_up(at)
        if self.playing and on != self.shuffle:
            place = self.playing.order[self.playing.index]
            length = len(self.playing.listed)
            self.playing.order = _mixed(length, place, self.playing.context) if on else list(range(length))
            self.playing.index = self.playing.order.index(place)
        self.shuffle = on

    def set_repeat(self, at: float, mode: Repeat) -> None:
        """Set what begins again when it has ended."""
        self.catch_up(at)
        self.repeat = mode

    def upcoming(self) -> list[Media]:
        """Return what the queue shows."""
        now = self.playing
        if now is None:
            return []
        shown = list(self.queued)
        if self.habits.queue_shows_spotify_made or not is_spotify_made(now.context):
            shown += now.rest
            if self.repeat == "context" or self.habits.after_context == "wrap":
                again = cycle([now.listed[place] for place in now.order])
                shown += islice(again, max(0, self.habits.queue_length - len(shown)))
            elif self.habits.after_context == "autoplay":
                shown += self._autoplay(now)
        return shown[: self.habits.queue_length]

    def _autoplay(self, now: Playing) -> list[Media]:
        return [scenery.track(number, f"autoplay {now.context}") for number in range(self.habits.queue_length)]

    def _go_on(self, now: Playing, at: float) -> None:
        """Move on from an item that has ended."""
        now.since, now.at_ms = at, 0
        if self.queued:
            now.between = self.queued.pop(0)
            return
        if self.repeat == "track" and now.between is None:
            return
        now.between = None
        now.index += 1
        if now.index < len(now.order):
            return
        now.index = 0
        if self.repeat == "off":
            if self.habits.after_context == "autoplay":
                now.context, now.listed = None, tuple(self._autoplay(now))
                now.order = list(range(len(now.listed)))
            else:
                now.since = None

    def _leave(self, at: float) -> None:
        if self.playing and self.playing.progress_ms(at) >= HEARD_MS:
            self._heard(self.playing, at)

    def _heard(self, now: Playing, at: float) -> None:
        """Note a play; of episodes there is no record."""
        if now.item.kind == "track":
            self.plays.append(Play(media=now.item, at=at, context=now.context))


def _length(of: Media) -> int:
    return max(of.duration_ms, 1000)  # or a silent item would end any number of times at once


def _mixed(length: int, first: int, context: str | None) -> list[int]:
    """Return the places from 0 on in an order that looks random, *first* in front; the same one every time."""
    return sorted(range(length), key=lambda place: (place != first, spotify_id("shuffle", context, place)))
