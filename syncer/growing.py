"""Which end of a target grows: all that ``position`` changes.

What goes out first stands next to what was there. So wherever a run is cut short, the next one goes on in the order of
the plan (fault model I1, I5).
"""

from collections.abc import Sequence
from typing import Protocol, TypeVar

from syncer.model import PAGE_SIZE, Position

T = TypeVar("T")


class Growth(Protocol):
    """One end of a target, as the one that grows."""

    insert_at: int | None
    """The place that an append names; None where it names none."""

    def lands_at(self, length: int) -> int:
        """Return the place of what is added next, where *length* entries are there."""
        ...

    def turned(self, entries: Sequence[T]) -> Sequence[T]:
        """Return *entries*, which stand as in a playlist, in the order in which they get there; or the other way."""
        ...

    def latest_at(self, length: int, latest: int) -> int:
        """Return where a page begins that shows the *latest* of *length* entries, or as many of them as fit."""
        ...

    def tail_at(self, length: int, latest: int) -> int:
        """Return where a page begins that shows the last of *length* entries and what others put behind them."""
        ...

    def first(self, entries: Sequence[T], count: int) -> Sequence[T]:
        """Return the *count* of *entries* that get there first, as they stand in a playlist."""
        return self.turned(self.turned(entries)[:count])


class _AtEnd(Growth):
    """What is added comes behind what is there. That is where others add too, so that one page shows both."""

    insert_at = None

    def lands_at(self, length: int) -> int:
        return length

    def turned(self, entries: Sequence[T]) -> Sequence[T]:
        return entries

    def latest_at(self, length: int, latest: int) -> int:
        return max(0, length - 1 - min(latest, PAGE_SIZE - 2))

    def tail_at(self, length: int, latest: int) -> int:
        return self.latest_at(length, latest)


class _AtStart(Growth):
    """What is added comes before what is there. Others add at the end all the same."""

    insert_at = 0

    def lands_at(self, length: int) -> int:  # noqa: ARG002 - the other end needs it
        return 0

    def turned(self, entries: Sequence[T]) -> Sequence[T]:
        return entries[::-1]

    def latest_at(self, length: int, latest: int) -> int:
        return 0 if latest else self.tail_at(length, latest)

    def tail_at(self, length: int, latest: int) -> int:  # noqa: ARG002 - the other end needs it
        return length - 1 if length >= PAGE_SIZE else 0


def growth(position: Position) -> Growth:
    """Return the end at which a target grows where its pairs say *position*."""
    return _AtStart() if position is Position.START else _AtEnd()
