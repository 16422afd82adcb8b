"""Take back what a run added, and bring it back: by the record alone, and never what somebody else put there."""

import logging
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from functools import partial
from typing import Final

from syncer.appending import EVER, Memory, Writer
from syncer.budget import Budget
from syncer.errors import Bug, ConfigError, NotConfigured, Problem, Reach, SyncError, UnclearAdd
from syncer.ids import PlaylistId, Uri, playlist_uri, shorten
from syncer.library import Library
from syncer.model import (
    MAX_BATCH,
    Action,
    Add,
    Addition,
    AddState,
    Chosen,
    Config,
    Item,
    Left,
    Pair,
    Reversed,
    Stays,
)
from syncer.ports import Clock, Connection, Playlists, StateStore
from syncer.reading import Target
from syncer.report import failure
from syncer.targets import Targets

log = logging.getLogger(__name__)

LATER: Final = timedelta(minutes=5)
"""What two clocks may differ, and an add may take: an entry that is younger than its add by more is another one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Concerned:
    """What an undo or a redo is about: a run, and the pairs for which it added something, with their targets."""

    run: str
    parts: tuple[tuple[str, PlaylistId], ...]


def concerned(state: StateStore, action: Action, chosen: Chosen) -> Concerned:
    """Return what was *chosen*, by the record; ConfigError if there is nothing of it to undo or redo."""
    run, parts = chosen.run, dict[tuple[str, PlaylistId], None]()
    for add in state.record():
        if chosen.pair not in (None, add.pair) or (action is Action.REDO and add.state is not AddState.UNDONE):
            continue
        run = run or add.run_id
        if add.run_id == run:
            parts[add.pair, add.target] = None
    if run is None or not parts:
        raise _nothing_of(action, chosen)
    return Concerned(run=run, parts=tuple(reversed(parts)))


def _nothing_of(action: Action, chosen: Chosen) -> ConfigError:
    what = "nothing that is undone" if action is Action.REDO else "nothing"
    by = f"that run {shorten(chosen.run)} added" if chosen.run else "that was added"
    pair = f" for pair {shorten(chosen.pair)}" if chosen.pair else ""
    problem = Problem(file="", line=0, column=0, path="record", message=f"it holds {what} {by}{pair}")
    return ConfigError([problem], hint="look at `syncer history` for what there is")


def must_keep(state: StateStore, so: str) -> None:
    """Return if *state* outlives the process; ConfigError if it does not, and *so*."""
    if not state.keeps:
        message = f"nothing is kept between runs (none), so {so}"
        problem = Problem(file="", line=0, column=0, path="state", message=message)
        raise ConfigError([problem], hint="give the state a place, in a file or in a table, or leave `state` out")


class Undoing:
    """Undoes, redoes, or looks at what that would do, under the lock of a run."""

    def __init__(
        self,
        run_id: str,
        config: Config,
        *,
        state: StateStore,
        budget: Budget,
        clock: Clock,
        settle: float,
        writer: Writer,
        targets: Targets,
        connection: Callable[[str], Connection],
        library: Callable[[Sequence[Pair]], Library],
    ) -> None:
        """Make it when no other run can send any more, as a Writer. *connection* opens an account by its name."""
        self._run_id = run_id
        self._config = config
        self._targets = targets
        self._state = state
        self._budget = budget
        self._window = settle
        self._memory = Memory(state, clock=clock, settle=settle)
        self._writer = writer
        self._connection = connection
        self._library = library
        self.ended: SyncError | None = None
        """What ended all of it."""

    def undo(self, what: Concerned) -> tuple[Reversed, ...]:
        """Take out what is safe to take out, part by part; each is kept as undone before anything of it is."""
        return tuple(self._through(self._undo, what))

    def redo(self, what: Concerned) -> tuple[Reversed, ...]:
        """Add again what was undone and is not there, as a run adds."""
        return tuple(self._through(self._redo, what))

    def look(self, what: Concerned) -> tuple[Reversed, ...]:
        """Say what :meth:`undo` would do, from reads alone."""
        return tuple(self._through(self._look, what))

    def _through(self, do: "Callable[[_Part, _Opened], None]", what: Concerned) -> Iterator[Reversed]:
        for pair, target in what.parts:
            part = _Part(run=what.run, pair=pair, target=target)
            if self.ended is None:
                self._guarded(do, part)
            yield part.told(self.ended)

    def _guarded(self, do: "Callable[[_Part, _Opened], None]", part: "_Part") -> None:
        try:
            do(part, self._opened(part))
        except SyncError as error:
            part.error = error
        except Exception:
            part.error = Bug(f"{self._run_id}/{part.pair}")
            log.exception("bug %s", part.error.id, extra={"pair": part.pair})
        if part.error and part.error.reach is Reach.RUN:
            self.ended = part.error

    def _opened(self, part: "_Part") -> "_Opened":
        """Open the target of *part* by what the config says of it; NotConfigured where it says nothing."""
        self._budget.allow()
        pairs = self._pairs_of(part)
        if not pairs:
            raise NotConfigured(playlist_uri(part.target))
        pair = next((pair for pair in pairs if pair.name == part.pair), pairs[0])
        connection = self._connection(pair.account)
        library = self._library(pairs)
        target = library.target(pair.account, connection, part.target, pair.position)
        return _Opened(replace(pair, name=part.pair), connection.playlists, target, library, pairs)

    def _pairs_of(self, part: "_Part") -> Sequence[Pair]:
        """Return the pairs that add to the target of *part*, be it one that was made for them."""
        known = map(self._targets.known, self._config.pairs)
        if pairs := [pair for pair in known if part.target in pair.playlists]:
            return pairs
        # One that was made at another time has another name: the pair that added to it tells which pairs share it.
        same = {(one.account, one.create) for one in self._config.pairs if one.name == part.pair and one.create}
        return [pair for pair in self._config.pairs if (pair.account, pair.create) in same]

    # --- undo ---

    def _look(self, part: "_Part", opened: "_Opened") -> None:
        target = opened.target
        self._memory.read(target, self._memory.adds(target), partial(target.read, anew=True))
        self._sort_out(part, target)
        part.done = part.todo

    def _undo(self, part: "_Part", opened: "_Opened") -> None:
        self._writer.open_anew(opened.target)
        adds = self._sort_out(part, opened.target)
        opened.unsettle()
        # Kept first: killed between the two, no run adds again what is about to go, and the next undo goes on.
        for add in adds:
            if add.state is AddState.LANDED:
                self._state.settle(add, landed=_uris(add.additions), state=AddState.UNDONE)
        for start in range(0, len(part.todo), MAX_BATCH):
            self._remove(part, opened, part.todo[start : start + MAX_BATCH])

    def _sort_out(self, part: "_Part", target: Target) -> Sequence[Add]:
        """Tell for each item that the run added what is to be done about it; return its adds."""
        adds, later = self._adds(part)
        counts = Counter(item.uri for item in target.items)
        entries = {item.uri: item for item in target.items}
        for add in adds:
            for item in _items(add):
                if add.state is AddState.RELINKED:
                    part.leave(item, Stays.RELINKED)
                elif not counts[item.uri]:
                    part.already.append(item)
                elif counts[item.uri] > 1:
                    part.leave(item, Stays.THERE_TWICE)
                elif later.get(item.uri, "") > add.id or _is_younger(entries[item.uri], add):
                    part.leave(item, Stays.ADDED_AGAIN)
                else:
                    part.todo.append(item)
        return adds

    def _adds(self, part: "_Part") -> tuple[Sequence[Add], Mapping[Uri | None, str]]:
        """Return the adds of *part*; and of all other runs the id of the last add of each URI that is not undone."""
        adds = [add for add in self._state.adds(part.target, since=EVER) if add.state is not AddState.SENT]
        ours = [add for add in adds if add.run_id == part.run and add.pair == part.pair]
        others = (add for add in adds if add.run_id != part.run and add.state is not AddState.UNDONE)
        return ours, {item.uri: add.id for add in others for item in _items(add)}

    def _remove(self, part: "_Part", opened: "_Opened", batch: Sequence[Item]) -> None:
        part.unconfirmed = len(batch)  # until we know better, also where the call ends in a way nobody expects
        try:
            opened.playlists.remove(part.target, [item.uri for item in batch if item.uri])
        except UnclearAdd as unclear:
            self._clear_up(part, opened.target, batch, unclear)
        except SyncError:
            part.unconfirmed = 0
            raise
        else:
            part.unconfirmed = 0
            part.done += batch

    def _clear_up(self, part: "_Part", target: Target, batch: Sequence[Item], unclear: UnclearAdd) -> None:
        """Find out what became of *batch*, if there is time; *unclear* unless all of it is gone."""
        if not self._budget.may_wait(self._window):
            raise unclear
        self._budget.wait(self._window)
        target.read_again()
        there = {item.uri for item in target.items}
        gone = [item for item in batch if item.uri not in there]
        part.unconfirmed = 0
        part.done += gone
        if len(gone) < len(batch):
            raise unclear

    # --- redo ---

    def _redo(self, part: "_Part", opened: "_Opened") -> None:
        target = opened.target
        self._writer.open_anew(target)
        adds, later = self._adds(part)
        undone = [add for add in adds if add.state is AddState.UNDONE]
        wanted = {one.item.uri: one for one in _planned(undone, target) if one.item.uri}
        if target.uris.intersection(wanted):  # there anyway, or what took it out does not show yet
            self._writer.open_anew(target, late=True)
        missing = [one for uri, one in wanted.items() if uri not in target.uris]
        part.already = [one.item for uri, one in wanted.items() if uri in target.uris]
        part.todo = [one.item for one in missing]
        opened.unsettle()
        applied = self._writer.apply(opened.pair, target, opened.playlists, missing)
        part.done, part.unconfirmed, part.error = applied.added, applied.unconfirmed, applied.error
        part.drop(applied.arrived)
        part.already += applied.arrived
        part.drop(applied.rejected)
        for item in applied.rejected:
            part.leave(item, Stays.REJECTED)
        there, added = target.uris, {item.uri for item in applied.added}
        for add in undone:
            self._settle_redone(add, there=there, known={*added, *(uri for uri in later if later[uri] > add.id)})

    def _settle_redone(self, add: Add, *, there: Collection[Uri], known: Collection[Uri | None]) -> None:
        """Keep as undone what is still not *there*, as landed what is and no other add is *known* of, and no more."""
        uris = _uris(add.additions)
        rest = [uri for uri in uris if uri not in there]
        back = [uri for uri in uris if uri in there and uri not in known]
        if rest and back:
            self._state.settle(replace(add, id=f"{add.id}-redone"), landed=back, state=AddState.LANDED)
        state = AddState.UNDONE if rest else AddState.LANDED
        self._state.settle(add, landed=rest or back, state=state)


@dataclass(frozen=True, slots=True)
class _Opened:
    """The target of a part, and how to reach it."""

    pair: Pair
    playlists: Playlists
    target: Target
    library: Library
    pairs: Sequence[Pair]
    """Those that add to it."""

    def unsettle(self) -> None:
        """Remember that none of the pairs of the target is as it was left."""
        for pair in self.pairs:
            self.library.unsettle(pair)
        self.library.close()


@dataclass(slots=True, kw_only=True)
class _Part:
    """What is known of a part, and done about it, so far."""

    run: str
    pair: str
    target: PlaylistId
    todo: list[Item] = field(default_factory=list)
    done: list[Item] = field(default_factory=list)
    already: list[Item] = field(default_factory=list)
    left: list[Left] = field(default_factory=list)
    unconfirmed: int = 0
    error: SyncError | None = None

    def leave(self, item: Item, reason: Stays) -> None:
        self.left.append(Left(item=item, reason=reason))

    def drop(self, items: Collection[Item]) -> None:
        """Have no more to do about *items*."""
        self.todo = [item for item in self.todo if item not in items]

    def told(self, ended: SyncError | None) -> Reversed:
        """Return it as it is reported; *ended* is what kept it from being begun, or from its end."""
        error = self.error or ended
        return Reversed(
            pair=self.pair,
            target=self.target,
            done=tuple(self.done),
            already=tuple(self.already),
            left=tuple(self.left),
            deferred=len(self.todo) - len(self.done) - self.unconfirmed,
            unconfirmed=self.unconfirmed,
            error=failure(error) if error else None,
        )


def _planned(adds: Sequence[Add], target: Target) -> Sequence[Addition]:
    """Return what *adds*, oldest first, brought to *target*, in the order in which it stood there."""
    turned = target.growth.turned
    return turned([one for add in adds for one in turned(add.additions)])


def _items(add: Add) -> list[Item]:
    return [addition.item for addition in add.additions]


def _uris(additions: Sequence[Addition]) -> list[Uri]:
    return [one.item.uri for one in additions if one.item.uri is not None]


def _is_younger(entry: Item, add: Add) -> bool:
    """Whether *entry* came so long after *add* that it is another; where nobody knows when it came, it is not."""
    try:
        added_at = datetime.fromisoformat(entry.added_at or "")
        return added_at - add.at > LATER
    except (ValueError, TypeError, OverflowError):  # none, no date, or one without a zone
        return False
