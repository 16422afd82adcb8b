"""The one path: every way in ends here, and every pair takes it."""

import logging
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from datetime import datetime, timedelta
from difflib import get_close_matches
from functools import partial
from typing import Final

from syncer.appending import SETTLE, Memory, Pretence, Writer
from syncer.budget import Budget, Stop
from syncer.cache import Cache, Index, Ledger
from syncer.errors import (
    ConfigError,
    Interrupted,
    Locked,
    OutOfTime,
    Problem,
    StateUnusable,
)
from syncer.grouping import Groups, groups
from syncer.ids import PlaylistId, shorten
from syncer.library import Library
from syncer.model import (
    MAX_ITEMS,
    Action,
    Begun,
    Chosen,
    Config,
    Outcome,
    Pair,
    Removed,
    Report,
    Request,
    Reversal,
    Reversed,
)
from syncer.ports import Chance, Clock, Connect, Executor, ReadFile, StateStore, Watch
from syncer.report import failure
from syncer.run import Run
from syncer.targets import Targets
from syncer.undoing import Undoing, concerned, must_keep

log = logging.getLogger(__name__)

LEASE: Final = 3600.0
"""Seconds that a run may take where nobody sets a deadline and nobody could see that it has died."""
LEASE_BEYOND_DEADLINE: Final = 60.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Glance:
    """What a run can tell before it reads anything, and what is left to do for it."""

    report: Report
    """With the outcomes that are known; those of the pairs in ``groups`` are those of a run that never got to them."""
    groups: Groups
    versions: Mapping[str, Mapping[PlaylistId, str]]
    index: Index


class Service:
    """Runs the pairs of a config against the accounts that *connect* opens."""

    def __init__(
        self,
        *,
        connect: Connect,
        state: StateStore,
        clock: Clock,
        chance: Chance,
        watch: Watch,
        stop: Stop,
        executor: Executor,
        files: ReadFile,
        settle: float = SETTLE,
        limit: int = MAX_ITEMS,
        ledger: Callable[[Cache, datetime], Ledger] = Ledger,
    ) -> None:
        """*settle* is the window W of the fault model, in seconds; *limit* how many items a target may grow to.

        *ledger* makes what reckons with the day, for a run that starts at a moment.
        """
        self._connect = connect
        self._state = state
        self._clock = clock
        self._chance = chance
        self._watch = watch
        self._stop = stop
        self._executor = executor
        self._files = files
        self._settle = settle
        self._limit = limit
        self._ledger = ledger

    def run(self, config: Config, request: Request | None = None, *, deadline: float | None = None) -> Report:
        """Add what each target lacks and report on every pair; ConfigError if *request* names a pair there is not.

        *deadline* is on the clock's monotonic scale: no request starts that might pass it.
        """
        run = self._begun(config, request, deadline, dry_run=False)
        outcomes: tuple[Outcome, ...] = ()
        try:
            with self._lock(run, deadline):
                run.hand = writer = self._writer(run)
                run.targets = self._targets(run.started, writer)
                outcomes = run.outcomes(first=self._state.resume_at())
                run.close()
                if not (request and request.names):
                    self._state.stopped_at(run.not_reached)
        except (Locked, StateUnusable) as refused:
            run.ended = run.ended or refused
        return self._report(run, outcomes or run.outcomes())

    def plan(self, config: Config, request: Request | None = None, *, deadline: float | None = None) -> Report:
        """Report what :meth:`run` would do, from reads alone."""
        run = self._begun(config, request, deadline, dry_run=True)
        outcomes: tuple[Outcome, ...] = ()
        try:
            outcomes = run.outcomes(first=self._state.resume_at())
            run.close()
        except (Locked, StateUnusable) as refused:  # what is kept may be in the making
            run.ended = refused
        return self._report(run, outcomes or run.outcomes(), dry_run=True)

    def glance(self, config: Config, begun: Begun, *, deadline: float | None = None) -> Glance:
        """Return what can be told of the run that has *begun* from few requests, and what is left, in groups.

        Only accounts that several groups need are looked at. The caller keeps other runs out. StateUnusable where that
        cannot be told.
        """
        run = self._begun(config, Request(begun=begun), deadline, dry_run=False)
        run.begin()
        touching = groups(run.due(), run.started)
        needed = Counter(account for group in touching for account in {one for pair in group for one in pair.accounts})
        seen: dict[str, Outcome] = {}
        left: list[tuple[Pair, ...]] = []
        for group in touching:
            shared = all(needed[account] > 1 for pair in group for account in pair.accounts)
            outcomes = [run.at_a_glance(pair) for pair in group] if shared else [None]
            if all(outcomes):
                seen |= {outcome.pair.name: outcome for outcome in outcomes if outcome}
            else:
                left.append(group)
        run.close()
        run.ended = OutOfTime()
        told = tuple(seen.get(pair.name) or run.outcome(pair) for pair in config.pairs)
        run.ended = None  # the others go on
        report = self._report(run, told)
        return Glance(report=report, groups=tuple(left), versions=run.versions(), index=run.index())

    def undo(self, config: Config, chosen: Chosen, *, deadline: float | None = None) -> Reversal:
        """Take out of its targets what the *chosen* run added: what is there once, and nobody added again.

        It stays out until it is redone. To undo once more goes on where the last time was cut short. ConfigError if
        there is no record, or nothing of what was *chosen* in it. The accounts have to be open to removals.
        """
        return self._reverse(Action.UNDO, config, chosen, deadline)

    def redo(self, config: Config, chosen: Chosen, *, deadline: float | None = None) -> Reversal:
        """Add again what was undone of the *chosen* run and is not there; else like :meth:`undo`."""
        return self._reverse(Action.REDO, config, chosen, deadline)

    def would_undo(self, config: Config, chosen: Chosen, *, deadline: float | None = None) -> Reversal:
        """Report what :meth:`undo` would do, from reads alone."""
        return self._reverse(Action.UNDO, config, chosen, deadline, dry_run=True)

    def _reverse(
        self, action: Action, config: Config, chosen: Chosen, deadline: float | None, *, dry_run: bool = False
    ) -> Reversal:
        must_keep(self._state, f"there is no record to {action} anything by")
        run = self._begun(config, None, deadline, dry_run=dry_run)
        of, parts = chosen.run or "", tuple[Reversed, ...]()
        try:
            with nullcontext() if dry_run else self._lock(run, deadline):
                what = concerned(self._state, action, chosen)
                of, undoing = what.run, self._undoing(run, config)
                undo = undoing.look if dry_run else undoing.undo
                parts = (undo if action is Action.UNDO else undoing.redo)(what)
                run.ended = undoing.ended
                run.close()
        except (Locked, StateUnusable) as refused:
            run.ended = run.ended or refused
        return self._reversal(run, action, of, parts, dry_run=dry_run)

    def _writer(self, run: Run) -> Writer:
        """Return what adds, made under the lock."""
        return Writer(
            run.id,
            part=run.part,
            state=self._state,
            budget=run.budget,
            clock=self._clock,
            settle=self._settle,
            limit=self._limit,
        )

    def _targets(self, started: datetime, writer: Writer | None = None) -> Targets:
        return Targets(self._state, started, clock=self._clock, settle=self._settle, writer=writer)

    def _undoing(self, run: Run, config: Config) -> Undoing:
        return Undoing(
            run.id,
            config,
            state=self._state,
            budget=run.budget,
            clock=self._clock,
            settle=self._settle,
            writer=self._writer(run),
            targets=run.targets,
            connection=run.connection,
            library=partial(self._library, Cache(self._state)),
        )

    def _reversal(
        self,
        run: Run,
        action: Action,
        of: str,
        parts: tuple[Reversed, ...],
        *,
        dry_run: bool,
    ) -> Reversal:
        return Reversal(
            action=action,
            of=of,
            run_id=run.id,
            started_at=run.started,
            finished_at=self._clock.now(),
            dry_run=dry_run,
            parts=parts,
            error=failure(run.ended) if run.ended else None,
            requests=run.budget.sent,
            warnings=tuple(run.warnings()),
            interrupted_by=run.ended.signal if isinstance(run.ended, Interrupted) else None,
        )

    def _lock(self, run: Run, deadline: float | None) -> AbstractContextManager[None]:
        left = LEASE if deadline is None else deadline - self._clock.monotonic() + LEASE_BEYOND_DEADLINE
        now = self._clock.now()
        return self._state.lock(run.id, now=now, until=now + timedelta(seconds=left))

    def _library(
        self, cache: Cache, pairs: Sequence[Pair], versions: Mapping[str, Mapping[PlaylistId, str]] | None = None
    ) -> Library:
        return Library(
            pairs,
            cache=cache,
            clock=self._clock,
            watch=self._watch,
            executor=self._executor,
            files=self._files,
            versions=versions,
        )

    def _begin(self) -> Begun:
        now = self._clock.now()
        return Begun(run_id=run_id(now, self._chance), at=now)

    def _begun(self, config: Config, request: Request | None, deadline: float | None, *, dry_run: bool) -> Run:
        names = selected(config, request or Request())
        if any(pair.enabled and pair.removed is Removed.STAY_OUT for pair in config.pairs):
            must_keep(self._state, "what someone takes out cannot stay out (removed: stay-out)")
        if any(pair.enabled and pair.rhythm.every for pair in config.pairs):
            must_keep(self._state, "nobody knows when a pair had its last turn (every)")
        if config.makes_playlists:
            must_keep(self._state, "a playlist could be made twice (create, roll_over)")
        begun = (request and request.begun) or self._begin()
        started, cache = begun.at, Cache(self._state)
        run = Run(
            begun,
            config,
            names,
            hand=Pretence(Memory(self._state, clock=self._clock, settle=self._settle)),
            targets=self._targets(started),
            budget=Budget(self._clock, deadline=deadline, stop=self._stop),
            connect=self._connect,
            cache=cache,
            library=self._library(
                cache, [pair for pair in config.pairs if pair.enabled and pair.name in names], begun.versions
            ),
            watch=self._watch,
            ledger=self._ledger(cache, started),
            dry_run=dry_run,
            limit=self._limit,
            at_once=bool(request and request.names),
        )
        log.info("run started", extra={"run_id": run.id})
        return run

    def _report(self, run: Run, outcomes: tuple[Outcome, ...], *, dry_run: bool = False) -> Report:
        return Report(
            run_id=run.id,
            started_at=run.started,
            finished_at=self._clock.now(),
            dry_run=dry_run,
            outcomes=outcomes,
            error=failure(run.ended) if run.ended else None,
            sign_ins=run.sign_ins(),
            requests=run.budget.sent,
            warnings=(*run.warnings(), *(() if dry_run or self._state.keeps else (NOTHING_KEPT,))),
            interrupted_by=run.ended.signal if isinstance(run.ended, Interrupted) else None,
        )


NOTHING_KEPT: Final = (
    "nothing is kept between runs (state: none):"
    " a run that is killed in the middle of an add may be followed by a double"
)


def run_id(started: datetime, chance: Chance) -> str:
    """Name a run by when it started, and a little chance for those that start together."""
    return f"{started:%Y-%m-%dT%H:%M:%SZ}-{int(chance.uniform(0, 0xFFFF)):04x}"


def selected(config: Config, request: Request) -> frozenset[str]:
    """Return the names that *request* asks for, or all; ConfigError if one is not in the config."""
    known = [pair.name for pair in config.pairs]
    if unknown := [name for name in request.names if name not in known]:
        raise ConfigError((_no_such_pair(name, known) for name in unknown), hint="ask for pairs that the config has")
    return frozenset(request.names or known)


def _no_such_pair(name: str, known: Sequence[str]) -> Problem:
    near = get_close_matches(name, known, n=1)
    advice = f"did you mean {near[0]!r}?" if near else f"there are {', '.join(known)}"
    return Problem(file="", line=0, column=0, path="pair", message=f"no pair is called {shorten(name)}: {advice}")
