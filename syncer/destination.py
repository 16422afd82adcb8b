"""What a pair adds to, as one list: one playlist, or several where the first are full, or one that is still to be made.

What is there is there, whichever of them it stands in; what is added goes into the last.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from syncer.appending import Applied, Hand
from syncer.errors import SyncError, TargetFull
from syncer.ids import PlaylistId, Uri
from syncer.library import Library
from syncer.model import Addition, Item, Pair
from syncer.ports import Connection
from syncer.reading import Target
from syncer.targets import Targets


@dataclass(frozen=True, slots=True, kw_only=True)
class Means:
    """What it takes to open targets and to add to them, the same for all pairs of a run."""

    targets: Targets
    library: Library
    hand: Hand
    limit: int
    """Items that a playlist may grow to."""
    dry_run: bool


class Destination:
    """The target of one pair, with all of it read."""

    def __init__(self, pair: Pair, connection: Connection, means: Means) -> None:
        """Open what is known of it; an error where that cannot be read."""
        self.pair = pair
        """With the playlists that the target is made of by now."""
        self.confirmed: list[Item] = []
        """What an earlier run sent there, and is only now known to be there."""
        self.taken_out: set[Uri] = set()
        """What the pair is not to add though it may not be there: it was taken out."""
        self._connection = connection
        self._means = means
        self._volumes: list[Target] = []
        self._is_all = False
        """Whether there surely are no more of them."""
        self._in_the_way: SyncError | None = None
        for playlist in pair.playlists:
            self._take(playlist)
        if means.dry_run and not self._volumes:
            self._volumes.append(means.targets.imagined(pair))

    def _take(self, playlist: PlaylistId) -> None:
        pair, library = self.pair, self._means.library
        target = library.target(pair.account, self._connection, playlist, pair.position)
        self.confirmed += self._means.hand.open(target)
        self.taken_out |= self._means.hand.taken_out(pair, target)
        self._volumes.append(target)

    # --- what is there ---

    @property
    def name(self) -> str:
        """How reports name what is added to."""
        return self.pair.target_name

    @property
    def items(self) -> Sequence[Item]:
        """What is there."""
        if len(self._volumes) == 1:
            return self._volumes[0].items
        return [item for volume in self._volumes for item in volume.items]

    @property
    def uris(self) -> set[Uri]:
        """What is there, and what counts as there."""
        return {uri for volume in self._volumes for uri in volume.uris}

    @property
    def barred(self) -> set[Uri]:
        """Sent with an unclear outcome: not to be sent again in this run."""
        return {uri for volume in self._volumes for uri in volume.barred}

    @property
    def blocked(self) -> SyncError | None:
        """Why nothing is added to it in this run, if so."""
        return self._in_the_way or next((volume.blocked for volume in self._volumes if volume.blocked), None)

    # --- what is added ---

    @property
    def _room(self) -> int:
        return max(0, self._means.limit - len(self._volumes[-1].items)) if self._volumes else 0

    @property
    def _grows(self) -> bool:
        """Whether another playlist may come behind those that there are."""
        return self.pair.roll_over or not self.pair.playlists

    def reaches_further(self, wanted: int) -> bool:
        """Whether it turns out to have one more playlist, where *wanted* items need one: then all is decided anew.

        The state may have been lost, but not what stands in the library.
        """
        room = self._room if self.pair.playlists else 0
        if self._is_all or not self._grows or wanted <= room:
            return False
        try:
            found = self._found()
        except SyncError as error:
            self._in_the_way = error
            return False
        if not found:
            return False
        if not self.pair.volumes:
            self._volumes.clear()  # what was only imagined is there
        self._take(self.pair.target)
        return True

    def _found(self) -> bool:
        """Whether there is one more of them, which the state did not know of: from now on it is known."""
        found = self._means.targets.found(self.pair, self._connection)
        self._is_all = found is None
        if found:
            self.pair = found
            self._means.library.hold(found.account, found.target)
        return found is not None

    def apply(self, additions: Sequence[Addition]) -> Applied:
        """Add *additions* in order, as many as there is room for; what does not fit goes into playlists that follow."""
        room, done = self._room, Applied()
        left = self._fill(additions, done)
        while left and done.error is None:
            if self._grows and not self._means.dry_run:
                left = self._fill(left, done) if self._has_grown(done) else left
            else:
                done.error = TargetFull(self.name, room=room, limit=self._means.limit)
        return done

    @property
    def _is_boundless(self) -> bool:
        """Whether there is room for anything: on paper, what does not fit would go into playlists that follow."""
        return self._means.dry_run and self.pair.roll_over

    def _fill(self, left: Sequence[Addition], done: Applied) -> Sequence[Addition]:
        """Add of what is *left* as much as there is room for; return what is left then."""
        if not (left and (self._room or self._is_boundless)):
            return left
        last = self._volumes[-1]
        fitting = left if self._is_boundless else last.growth.first(left, self._room)
        step = self._means.hand.apply(self.pair, last, self._connection.playlists, fitting)
        turned = last.growth.turned
        done.added = [*turned([*turned(done.added), *turned(step.added)])]
        done.rejected += step.rejected
        done.arrived += step.arrived
        done.unconfirmed = step.unconfirmed
        if not (isinstance(step.error, TargetFull) and self._grows):  # others were faster to fill it
            done.error = step.error
        told = {item.uri for item in (*step.added, *step.rejected, *step.arrived)}
        return [one for one in left if one.item.uri not in told]

    def _has_grown(self, done: Applied) -> bool:
        """Whether there is one more playlist now, an empty one."""
        try:
            if not self._is_all and self._found():  # what is in it was not reckoned with: the next run does that
                raise TargetFull(self.name, room=0, limit=self._means.limit)
            self.pair = pair = self._means.targets.made(self.pair, self._connection)
        except SyncError as error:
            done.error = error
            return False
        self._volumes.append(self._means.library.made(pair.account, self._connection, pair.target, pair.position))
        return True
