"""Finds out what a list holds by playing it from one place after the other: which place to play next, and when to end.

Whether Spotify shows the queue of lists that it makes itself is not proved (contract §1.5, §9): here it is a guess
that is put to the proof, and without it the list is played place by place.
"""

from collections.abc import Callable, Sequence
from typing import Final, Protocol

from syncer.errors import NotPlayable, OutsideList
from syncer.model import Item, Kind

MAX_JUMPS: Final = 200
"""Plays that one search may take; a list that Spotify makes has 30 to 100 tracks."""
MAX_MISSES: Final = 3
"""How often the queue may be wrong before it is not asked any more: to find out how far it was right costs plays."""
HOLE: Final = Item(uri=None, kind=Kind.UNAVAILABLE)
"""A place of a list that does not play, where the one behind it does."""

Counted = Callable[[int, int], object]
"""Hears how many tracks are found, and how many are to be expected."""


class Turntable(Protocol):
    """Something that plays one list, from any place of it."""

    refusal: NotPlayable | None
    """Why the last play was refused, if it was."""

    @property
    def shown(self) -> Item | None:
        """What it showed last."""
        ...

    def at(self, place: int) -> Item | None:
        """Play *place*; return what is there, None if nothing else of the list came to play."""
        ...

    def upcoming(self) -> tuple[Item, ...]:
        """Return what the queue shows behind what plays; it may be anything, or nothing."""
        ...


class Search:
    """Finds all that a list holds, in order, with as few plays as the queue allows.

    What the queue shows is believed up to an item that plays at the very place where it should: that overlap proves, as
    with pages, that the queue followed the list. The end is where two places in a row play nothing of the list, while
    an earlier one still plays what it did; or where the list begins again. A list that has its first track three times
    in a row looks like one that begins again; so does one that has its first two in two places, without a queue.
    """

    def __init__(self, turntable: Turntable, name: str, *, counted: Counted, in_time: Callable[[], bool]) -> None:
        """*name* is how messages call the list."""
        self._turntable = turntable
        self._name = name
        self._counted = counted
        self._in_time = in_time
        self._jumps = 0
        self._found: list[Item] = []
        self._guess: tuple[Item, ...] = ()
        """What follows if the queue is right."""
        self._trusts_queue = True
        self._misses = 0
        self._is_over = False

    def run(self, first: Item) -> tuple[Item, ...]:
        """Return what the list holds, of which the *first* plays; NotPlayable if that cannot be found out."""
        self._take([first])
        while not self._is_over:
            if self._guess:
                self._check_guess()
            else:
                self._step()
        refusal = self._turntable.refusal
        if len(self._found) == 1 and not isinstance(refusal, OutsideList):  # it may play nothing but the beginning
            raise self._lost(str(refusal or "the player does not go to any other place"))
        return tuple(self._found)

    def _take(self, items: Sequence[Item]) -> None:
        """Keep *items*, the last of which plays, and look what follows."""
        self._found += items
        self._guess = self._turntable.upcoming() if self._trusts_queue else ()
        self._trusts_queue = bool(self._guess)
        shown = [*self._found, *self._guess]
        if turn := begins_again(shown):
            self._is_over = turn < len(self._found)
            self._guess = tuple(shown[len(self._found) : turn + 1])
            del self._found[turn:]
        self._counted(len(self._found), len(self._found) + len(self._guess))

    def _check_guess(self) -> None:
        """Play the last place that the queue showed; if that is something else, find out up to where it was right."""
        guess, self._guess = self._guess, ()
        begin = len(self._found) - 1
        if self._plays(begin + len(guess), guess[-1]):
            self._take(guess)
            return
        right, wrong = 0, len(guess)
        while wrong - right > 1:
            middle = (right + wrong) // 2
            if self._plays(begin + middle, guess[middle - 1]):
                right = middle
            else:
                wrong = middle
        self._found += guess[:right]
        self._misses += 1
        self._trusts_queue = self._misses < MAX_MISSES

    def _step(self) -> None:
        """Play the next place; the list has ended if neither it nor the one behind it plays."""
        place = len(self._found)
        item = self._at(place)
        if item is None:
            item = self._at(place + 1)
            if item is None:
                self._end()
                return
            self._found.append(HOLE)
        self._take([item])

    def _end(self) -> None:
        """Make sure that it is the list that has ended, and not the player that has stopped to obey."""
        shown = self._turntable.shown
        other = next((one for one in self._found if one is not HOLE and not is_same(one, shown)), None)
        if other and not self._plays(self._found.index(other), other):
            raise self._lost(str(self._turntable.refusal or "the player does not go where it is told"))
        self._is_over = True

    def _plays(self, place: int, item: Item) -> bool:
        return is_same(item, self._at(place))

    def _at(self, place: int) -> Item | None:
        self._jumps += 1
        if self._jumps > MAX_JUMPS or not self._in_time():
            raise self._lost("the end of the list was not found in time")
        return self._turntable.at(place)

    def _lost(self, why: str) -> NotPlayable:
        count = len(self._found)
        tracks = "1 track was" if count == 1 else f"{count} tracks were"
        return NotPlayable(
            f"{why}: {tracks} found of {self._name}",
            hint="leave Spotify alone while it is captured, and try again; or copy the links of its tracks into a file",
        )


def begins_again(items: Sequence[Item]) -> int | None:
    """Return where *items* begin to come a second time, or from where on only the first comes, twice at least."""
    for place in range(1, len(items) - 1):
        tail = items[place : place + max(place, 2)]
        if _are_same(tail, items) or _are_same(tail[:2], [items[0]] * 2):
            return place
    return None


def _are_same(tail: Sequence[Item], head: Sequence[Item]) -> bool:
    return all(map(is_same, tail, head))


def is_same(one: Item, other: Item | None) -> bool:
    """Whether *one* and *other* are the same track, as far as Spotify tells."""
    if other is None or one.uri or other.uri:
        return other is not None and one.uri == other.uri
    return (one.kind, one.name, one.artists) == (other.kind, other.name, other.artists)
