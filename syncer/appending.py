"""Carry out a plan: append in order, each item exactly once, and say what became of every one of them."""

from collections import deque
from collections.abc import Callable, Iterable, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from functools import partial
from itertools import count
from typing import Final, Protocol

from syncer.budget import Budget
from syncer.errors import Rejected, Relinked, SyncError, TargetFull, UnclearAdd
from syncer.ids import Uri
from syncer.model import MAX_BATCH, MAX_ITEMS, Add, Addition, AddState, Item, Pair, Removed
from syncer.ports import Clock, Playlists, StateStore
from syncer.reading import Target

SETTLE: Final = 45.0
"""Seconds after which an add has taken effect or never will, and a read shows it (fault model §1, W)."""
EVER: Final = datetime.min.replace(tzinfo=UTC)
"""Before everything that is kept."""


@dataclass(slots=True, kw_only=True)
class Applied:
    """What became of the items of a plan, every one of them counted once; what no field tells is left for later."""

    added: list[Item] = field(default_factory=list)
    rejected: list[Item] = field(default_factory=list)
    arrived: list[Item] = field(default_factory=list)
    """Those that someone else was faster to add."""
    unconfirmed: int = 0
    error: SyncError | None = None


class Hand(Protocol):
    """Opens targets and adds to them: really, or only on paper."""

    def open(self, target: Target) -> Sequence[Item]:
        """Have *target* read, unless it is; return what an earlier run sent there and is only now known to be there."""
        ...

    def taken_out(self, pair: Pair, target: Target) -> AbstractSet[Uri]:
        """Return what *pair* is not to add to *target*, which is read, though it may not be there: it was taken out."""
        ...

    def apply(self, pair: Pair, target: Target, playlists: Playlists, items: Sequence[Addition]) -> Applied:
        """Add *items* to *target* in order."""
        ...


class Memory:
    """What is kept of adds to a target, beside what a read of it shows."""

    def __init__(self, state: StateStore, *, clock: Clock, settle: float) -> None:
        self._state = state
        self._clock = clock
        self._window = settle

    def lately(self) -> datetime:
        """Return since when something may have happened that a read does not show yet."""
        return self._clock.now() - timedelta(seconds=self._window)

    def adds(self, target: Target) -> Sequence[Add]:
        """Return what is kept of adds that a read of *target* may not show."""
        return self._state.adds(target.playlist, since=self.lately())

    def read(self, target: Target, adds: Sequence[Add], read: Callable[[], None]) -> None:
        """Have *target* read; what landed lately of *adds* counts as there, though that is too early to show it.

        *adds* are those from before the read.
        """
        read()
        there, lately = target.uris, self.lately()
        target.undone = [add for add in adds if add.state is AddState.UNDONE]
        for add in adds:
            items = _items(add)
            if add.state is AddState.RELINKED:
                target.settled.update(_uris(items))
            elif add.state is AddState.LANDED and add.at >= lately:
                target.expect([item for item in items if item.uri not in there])

    def taken_out(self, pair: Pair, target: Target) -> AbstractSet[Uri]:
        """Return what an undo took from *pair*; where removals are to last, all that it ever added to *target* too."""
        stays = pair.removed is Removed.STAY_OUT
        return taken_out(pair, self._state.adds(target.playlist, since=EVER) if stays else target.undone)

    def read_again(self, target: Target) -> None:
        """Have *target* read once more, as it is now."""
        self.read(target, self.adds(target), target.read_again)


class Pretence:
    """The hand of a plan: it reads, and pretends that every add lands."""

    def __init__(self, memory: Memory) -> None:
        self._memory = memory

    def open(self, target: Target) -> Sequence[Item]:
        if target.is_read:
            return ()
        adds = self._memory.adds(target)
        sent = _sent(adds)
        self._memory.read(target, adds, partial(target.read, anew=bool(sent)))
        return [item for add in sent for item in _landed(add, target)]

    def taken_out(self, pair: Pair, target: Target) -> AbstractSet[Uri]:
        return self._memory.taken_out(pair, target)

    def apply(self, _pair: Pair, target: Target, _playlists: Playlists, items: Sequence[Addition]) -> Applied:
        added = [addition.item for addition in items]
        target.expect(added)
        return Applied(added=added)


class Writer:
    """The hand of a run: every append is kept from before its first byte, and none is sent twice on a doubt."""

    def __init__(
        self,
        run_id: str,
        *,
        state: StateStore,
        budget: Budget,
        clock: Clock,
        settle: float,
        limit: int = MAX_ITEMS,
        part: str = "",
    ) -> None:
        """Make it when no other run can send any more: from now on W is counted (fault model I11).

        *limit* is how many items a target may grow to; *part* tells the writers of one run apart, in their order.
        """
        self._run_id = run_id
        self._part = part
        self._state = state
        self._memory = Memory(state, clock=clock, settle=settle)
        self._budget = budget
        self._clock = clock
        self._window = settle
        self._limit = limit
        self._settled_at = clock.monotonic() + settle
        """When whatever a run before this one sent has taken effect or never will."""
        self._serial = count(1)

    def open(self, target: Target) -> Sequence[Item]:
        if target.is_read:
            return ()
        adds = self._memory.adds(target)
        sent = _sent(adds)
        doubtful = bool(sent) or self.may_miss_some()
        return self._read(target, adds, anew=doubtful, late=doubtful)

    def open_anew(self, target: Target, *, late: bool = False) -> None:
        """Have *target* read, whatever is remembered of it, and late enough to show all that was ever added to it.

        *late*: late enough to show whatever was done to it before this run.
        """
        adds, lately = self._memory.adds(target), self._memory.lately()
        recent = any(add.state is AddState.LANDED and add.at >= lately for add in adds)
        self._read(target, adds, anew=True, late=late or recent or bool(_sent(adds)) or self.may_miss_some())

    def _read(self, target: Target, adds: Sequence[Add], *, anew: bool, late: bool) -> Sequence[Item]:
        if late:
            self.outwait(UnclearAdd(target.name))
        self._memory.read(target, adds, partial(target.read, anew=anew))
        return self._settle(target, _sent(adds))

    def taken_out(self, pair: Pair, target: Target) -> AbstractSet[Uri]:
        return self._memory.taken_out(pair, target)

    def may_miss_some(self) -> bool:
        """Whether something that nobody remembers sending may still take effect (fault model R6)."""
        unknown = self._state.unknown_since
        return unknown is not None and unknown >= self._memory.lately()

    @property
    def is_late_enough(self) -> bool:
        """Whether nothing that an earlier run sent can take effect any more."""
        return self._clock.monotonic() >= self._settled_at

    def outwait(self, unclear: UnclearAdd) -> None:
        """Wait until nothing that an earlier run sent can take effect any more; *unclear* if there is no time."""
        left = self._settled_at - self._clock.monotonic()
        if left > 0:
            if not self._budget.may_wait(left):
                raise unclear
            self._budget.wait(left)

    def _settle(self, target: Target, sent: Sequence[Add]) -> list[Item]:
        """Tell from a read begun late enough which of *sent* landed, and keep that."""
        found: list[Item] = []
        for add in sent:
            landed = _landed(add, target)
            self._state.settle(add, landed=_uris(landed), state=AddState.LANDED)
            found += landed
        return found

    def apply(self, pair: Pair, target: Target, playlists: Playlists, items: Sequence[Addition]) -> Applied:
        """Add *items*, at most MAX_BATCH at once, until all are through or an error ends it."""
        work = _Work(pair=pair, target=target, playlists=playlists)
        try:
            self._append_all(work, target.growth.turned(items))
        except SyncError as error:
            work.done.error = error
        return work.told()

    def _append_all(self, work: "_Work", items: Sequence[Addition]) -> None:
        """Add *items*, which come in the order of growth, batch by batch.

        Right before each the tail is read, and what has arrived meanwhile is left out. A batch that Spotify refuses as
        malformed is halved until the bad URI stands alone (fault model §3).
        """
        queue = deque(items[start : start + MAX_BATCH] for start in range(0, len(items), MAX_BATCH))
        while queue:
            batch = self._still_missing(work, queue.popleft())
            try:
                if batch:
                    self._append(work, work.target.growth.turned(batch))
            except Rejected:
                if len(batch) == 1:
                    work.done.rejected.append(batch[0].item)
                elif self._budget.take_split():
                    middle = len(batch) // 2
                    queue.extendleft((batch[middle:], batch[:middle]))
                else:
                    raise
        if work.done.added:
            self._look(work.target)

    def _still_missing(self, work: "_Work", batch: Sequence[Addition]) -> Sequence[Addition]:
        self._look(work.target)
        there = work.target.uris
        missing = [addition for addition in batch if addition.item.uri not in there]
        work.done.arrived += [addition.item for addition in batch if addition.item.uri in there]
        room = max(0, self._limit - len(work.target.items))
        if len(missing) > room:
            raise TargetFull(work.target.name, room=room, limit=self._limit)
        return missing

    def _append(self, work: "_Work", batch: Sequence[Addition]) -> None:
        add = self._sending(work, batch)
        target, items = work.target, [addition.item for addition in batch]
        work.done.unconfirmed = len(items)  # until we know better, also where the call ends in a way nobody expects
        target.bar(_uris(items))
        try:
            version = work.playlists.append(target.playlist, _uris(items), position=target.growth.insert_at)
        except UnclearAdd as unclear:
            self._clear_up(work, add, unclear)
        except SyncError:
            work.done.unconfirmed = 0
            target.unbar(_uris(items))
            self._state.settle(add, landed=(), state=AddState.LANDED)
            raise
        else:
            target.unbar(_uris(items))
            target.extend(items, version)
            self._keep_landed(work, add, items)

    def _sending(self, work: "_Work", batch: Sequence[Addition]) -> Add:
        """Keep that *batch* is about to be sent, before its first byte leaves (fault model I13)."""
        add = Add(
            id=f"{self._run_id}/{self._part}{next(self._serial):06d}",
            run_id=self._run_id,
            pair=work.pair.name,
            target=work.target.playlist,
            at=self._clock.now(),
            additions=tuple(batch),
            position=work.target.growth.lands_at(len(work.target.items)),
        )
        self._state.sending(add)
        return add

    def _keep_landed(self, work: "_Work", add: Add, items: Sequence[Item]) -> None:
        add = replace(add, at=self._clock.now())  # it may have been under way for long, and reads lag from now on
        self._state.settle(add, landed=_uris(items), state=AddState.LANDED)
        work.done.unconfirmed = 0
        work.done.added += work.target.growth.turned(items)

    def _clear_up(self, work: "_Work", add: Add, unclear: UnclearAdd) -> None:
        """Find out what became of *add*, if there is time; UnclearAdd unless all of it landed (fault model §2)."""
        if not self._budget.may_wait(self._window):
            raise unclear
        self._budget.wait(self._window)
        self._memory.read_again(work.target)
        work.target.blocked = None
        landed = _landed(add, work.target)
        self._keep_landed(work, add, landed)
        if len(landed) < len(add.additions):
            raise unclear

    def _look(self, target: Target) -> None:
        """Take in what others did to *target* since it was read; Relinked if what we added is there as another."""
        if target.check_tail():
            return
        if not target.unseen or not self._budget.may_wait(self._window):
            self._memory.read_again(target)
            return
        # What we added last is not what is there: moved or taken out by someone, or it reads back under other URIs.
        known, adds = target.uris, self._memory.adds(target)
        ours = {uri for add in adds if add.run_id == self._run_id for uri in _uris(_items(add))}.intersection(
            target.unseen
        )
        self._budget.wait(self._window)
        target.read_again()
        absent = ours - target.uris
        strangers = [item for item in target.items if item.uri not in known]
        if absent and len(strangers) >= len(absent):
            self._keep_relinked(adds, absent)
            target.settled |= absent
            raise Relinked(target.name)

    def _keep_relinked(self, adds: Sequence[Add], absent: set[Uri]) -> None:
        """Keep what is *absent* apart from the rest of *adds*, which is only landed."""
        for add in adds:
            uris = _uris(_items(add))
            if relinked := [uri for uri in uris if uri in absent]:
                apart = replace(add, id=f"{add.id}-relinked")
                self._state.settle(apart, landed=relinked, state=AddState.RELINKED)
                rest = [uri for uri in uris if uri not in absent]
                self._state.settle(add, landed=rest, state=AddState.LANDED)


@dataclass(slots=True, kw_only=True)
class _Work:
    """One plan on its way into one target."""

    pair: Pair
    target: Target
    playlists: Playlists
    done: Applied = field(default_factory=Applied)
    """Each item of it in the order of growth."""

    def told(self) -> Applied:
        """Return what became of the plan, in its order."""
        turned, done = self.target.growth.turned, self.done
        return replace(
            done,
            added=[*turned(done.added)],
            rejected=[*turned(done.rejected)],
            arrived=[*turned(done.arrived)],
        )


def taken_out(pair: Pair, adds: Iterable[Add]) -> set[Uri]:
    """Return what *pair* is not to add again, if it is not there, going by *adds* to its target."""
    kept = {AddState.UNDONE}
    if pair.removed is Removed.STAY_OUT:
        kept |= {AddState.LANDED, AddState.RELINKED}
    ours = (add for add in adds if add.pair == pair.name and add.state in kept)
    return {uri for add in ours for uri in _uris(_items(add))}


def _uris(items: Sequence[Item]) -> list[Uri]:
    return [item.uri for item in items if item.uri is not None]


def _items(add: Add) -> list[Item]:
    return [addition.item for addition in add.additions]


def _sent(adds: Sequence[Add]) -> list[Add]:
    """Return those of *adds* of which nobody knows whether they were carried out."""
    return [add for add in adds if add.state is AddState.SENT]


def _landed(add: Add, target: Target) -> list[Item]:
    there = target.uris
    return [item for item in _items(add) if item.uri in there]
