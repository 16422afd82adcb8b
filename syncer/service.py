"""The one path: every way in ends here, and every pair takes it."""

import logging
from collections import Counter
from collections.abc import Iterator, Sequence
from collections.abc import Set as AbstractSet
from contextlib import AbstractContextManager, nullcontext
from dataclasses import replace
from datetime import datetime, timedelta
from difflib import get_close_matches
from functools import partial
from typing import Final

from syncer import planner
from syncer.appending import SETTLE, Applied, Hand, Memory, Pretence, Writer
from syncer.budget import Budget, Stop
from syncer.cache import Cache, Ledger
from syncer.errors import (
    Bug,
    ConfigError,
    DayIsSpent,
    Interrupted,
    Locked,
    Outage,
    OutageStop,
    PlanTooLarge,
    Problem,
    Reach,
    StateUnusable,
    SyncError,
    TargetFull,
    TargetUnstable,
    UnclearAdd,
)
from syncer.ids import Uri, shorten
from syncer.library import Library
from syncer.model import (
    MAX_ITEMS,
    Action,
    Addition,
    Chosen,
    Config,
    Item,
    Outcome,
    Pair,
    Plan,
    Reason,
    Removed,
    Report,
    Request,
    Reversal,
    Reversed,
    SignIn,
    Skip,
    Status,
)
from syncer.ports import Chance, Clock, Connect, Connection, Executor, StateStore, Watch
from syncer.reading import Target
from syncer.report import failure, sign_in_warning
from syncer.undoing import Undoing, concerned, must_keep

log = logging.getLogger(__name__)

OUTAGE_AFTER: Final = 3
"""Pairs in a row that fail for the network alone before the rest is not tried (fault model §3)."""

LEASE: Final = 3600.0
"""Seconds that a run may take where nobody sets a deadline and nobody could see that it has died."""
LEASE_BEYOND_DEADLINE: Final = 60.0


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
        settle: float = SETTLE,
    ) -> None:
        """*settle* is the window W of the fault model, in seconds."""
        self._connect = connect
        self._state = state
        self._clock = clock
        self._chance = chance
        self._watch = watch
        self._stop = stop
        self._executor = executor
        self._settle = settle

    def run(self, config: Config, request: Request | None = None, *, deadline: float | None = None) -> Report:
        """Add what each target lacks and report on every pair; ConfigError if *request* names a pair there is not.

        *deadline* is on the clock's monotonic scale: no request starts that might pass it.
        """
        run = self._begun(config, request, deadline, dry_run=False)
        outcomes: tuple[Outcome, ...] = ()
        try:
            with self._lock(run, deadline):
                run.hand = Writer(run.id, state=self._state, budget=run.budget, clock=self._clock, settle=self._settle)
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

    def _undoing(self, run: "_Run", config: Config) -> Undoing:
        return Undoing(
            run.id,
            config,
            state=self._state,
            budget=run.budget,
            clock=self._clock,
            settle=self._settle,
            connection=run.connection,
            library=partial(self._library, Cache(self._state)),
        )

    def _reversal(
        self,
        run: "_Run",
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

    def _lock(self, run: "_Run", deadline: float | None) -> AbstractContextManager[None]:
        left = LEASE if deadline is None else deadline - self._clock.monotonic() + LEASE_BEYOND_DEADLINE
        return self._state.lock(run.id, now=run.started, until=run.started + timedelta(seconds=left))

    def _library(self, cache: Cache, pairs: Sequence[Pair]) -> Library:
        return Library(pairs, cache=cache, clock=self._clock, watch=self._watch, executor=self._executor)

    def _begun(self, config: Config, request: Request | None, deadline: float | None, *, dry_run: bool) -> "_Run":
        names = _selected(config, request or Request())
        if any(pair.enabled and pair.removed is Removed.STAY_OUT for pair in config.pairs):
            must_keep(self._state, "what someone takes out cannot stay out (removed: stay-out)")
        started, cache = self._clock.now(), Cache(self._state)
        run = _Run(
            run_id(started, self._chance),
            config,
            names,
            started=started,
            hand=Pretence(Memory(self._state, clock=self._clock, settle=self._settle)),
            budget=Budget(self._clock, deadline=deadline, stop=self._stop),
            connect=self._connect,
            cache=cache,
            library=self._library(cache, [pair for pair in config.pairs if pair.enabled and pair.name in names]),
            watch=self._watch,
            dry_run=dry_run,
        )
        log.info("run started", extra={"run_id": run.id})
        return run

    def _report(self, run: "_Run", outcomes: tuple[Outcome, ...], *, dry_run: bool = False) -> Report:
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


class _Run:
    """What one run keeps in mind from pair to pair; gone with the run."""

    def __init__(
        self,
        run_id: str,
        config: Config,
        names: frozenset[str],
        *,
        started: datetime,
        hand: Hand,
        budget: Budget,
        connect: Connect,
        cache: Cache,
        library: Library,
        watch: Watch,
        dry_run: bool,
    ) -> None:
        self.id = run_id
        self.started = started
        self.budget = budget
        self.hand = hand
        self.ended: SyncError | None = None
        self.not_reached: str | None = None
        """The pair that the next run begins with, where this one was cut short."""
        self._config = config
        self._names = names
        self._connect = connect
        self._library = library
        self._watch = watch
        self._dry_run = dry_run
        self._ledger = Ledger(cache, started)
        self._open: dict[str, Connection] = {}
        self._dead: dict[str, SyncError] = {}
        self._outages = 0
        self._tried = 0

    def outcomes(self, *, first: str | None = None) -> tuple[Outcome, ...]:
        """Take every pair through, beginning with the one called *first*; the outcomes are in file order all the same.

        Without that, a config larger than the quota would starve its last pairs (fault model P14).
        """
        pairs = self._config.pairs
        begin = next((place for place, pair in enumerate(pairs) if pair.name == first), 0)
        found = {pair.name: self.outcome(pair) for pair in (*pairs[begin:], *pairs[:begin])}
        return tuple(found[pair.name] for pair in pairs)

    def outcome(self, pair: Pair) -> Outcome:
        """Take *pair* through, whatever happens: the guard around each pair."""
        if not pair.enabled:
            return Outcome(pair=pair, status=Status.DISABLED)
        if pair.name not in self._names:
            return Outcome(pair=pair, status=Status.NOT_SELECTED)
        if self.ended and self.not_reached is None:
            self.not_reached = pair.name
        if stopped := self.ended or self._dead.get(pair.account):
            return _without_plan(pair, Status.NOT_TRIED, stopped)
        self._tried += 1
        self._watch.starting(pair)
        outcome = self._guarded(pair)
        self._watch.ended(outcome)
        log.info("pair", extra={"pair": pair.name, "status": outcome.status.value, "added": len(outcome.added)})
        return outcome

    def _guarded(self, pair: Pair) -> Outcome:
        error: SyncError | None
        try:
            outcome, error = self._sync(pair)
        except SyncError as raised:
            error = raised
            outcome = _without_plan(pair, _status(raised, begun=False), raised)
        except Exception:
            error = Bug(f"{self.id}/{pair.name}")
            log.exception("bug %s", error.id, extra={"pair": pair.name})
            outcome = _without_plan(pair, Status.FAILED, error)
        self._library.release(pair)
        self._note(pair, error)
        return outcome if self._dry_run else _counted(outcome)

    def _note(self, pair: Pair, error: SyncError | None) -> None:
        """Remember how far *error* reaches."""
        self._outages = self._outages + 1 if isinstance(error, Outage) else 0
        if error and error.reach is Reach.RUN:
            self.ended = error
            if self._tried > 1 or pair.account not in self._open:
                # It has had no fair turn. A pair too large for one run has had one: it must not keep the others out.
                self.not_reached = pair.name
        elif error and error.reach is Reach.ACCOUNT:
            self._dead[pair.account] = error
            if isinstance(error, DayIsSpent):
                self.not_reached = self.not_reached or pair.name
        elif self._outages == OUTAGE_AFTER:
            self.ended = OutageStop()

    def _sync(self, pair: Pair) -> tuple[Outcome, SyncError | None]:
        """Read, plan, append: the routine that every pair goes through, unless nothing has changed since the last."""
        self.budget.allow()
        connection = self.connection(pair.account)
        if mark := self._library.settled(pair, connection):
            if not self._dry_run:
                return Outcome(pair=pair, status=Status.UNCHANGED, skipped=mark.skipped), None
            self._library.presume(pair, mark)  # a plan says of every item why it is left out
        self._library.unsettle(pair)
        sources = [(str(one), self._library.source(pair.account, connection, one)) for one in pair.sources]
        target = self._library.target(pair.account, connection, pair.target)
        confirmed = self.hand.open(target)
        self._library.keep_target(pair)
        taken_out = self.hand.taken_out(pair, target)
        plan = planner.plan(pair, _all_items(sources), target.uris, taken_out)
        error = _refusal(plan, target)
        room = max(0, MAX_ITEMS - len(target.items))
        items = () if error else _with_sources(plan.additions[:room], sources)
        applied = self.hand.apply(pair, target, connection.playlists, items)
        error = error or applied.error
        if len(plan.additions) > room:
            error = error or TargetFull(target.name, room=room, limit=MAX_ITEMS)
        if not error:
            self._settle(pair, sources, target, taken_out, applied)
        return _with_plan(plan, confirmed, applied, error), error

    def _settle(
        self, pair: Pair, sources: "Sources", target: Target, taken_out: AbstractSet[Uri], applied: Applied
    ) -> None:
        """Remember that *pair* has nothing left to add, if the target as it is now says so."""
        left = planner.plan(pair, _all_items(sources), target.uris, taken_out)
        if set(left.additions) <= set(applied.rejected):
            skipped = Counter(skip.reason for skip in left.skips)
            skipped[Reason.REJECTED] += len(left.additions)
            self._library.settle(pair, {reason: count for reason, count in skipped.items() if count})

    def connection(self, account: str) -> Connection:
        """Return *account*, signed in."""
        if account not in self._open:
            self._open[account] = self._ledger.open(self._connect(self._config.account(account), self.budget))
        return self._open[account]

    def close(self) -> None:
        """Remember what later runs can do with."""
        if not self._dry_run:
            self._library.close()
        self._ledger.close()

    def sign_ins(self) -> tuple[SignIn, ...]:
        """What is known of the sign-in of each account that the pairs of this run name."""
        used = {pair.account for pair in self._config.pairs if pair.enabled and pair.name in self._names}
        return tuple(self._sign_in(account.name) for account in self._config.accounts if account.name in used)

    def _sign_in(self, account: str) -> SignIn:
        if account not in self._open:
            return SignIn(account=account)
        allowance = self._open[account].allowance
        return replace(self._open[account].sign_in, requests_today=allowance.spent, requests_left=allowance.left)

    def warnings(self) -> Iterator[str]:
        """What the config and the accounts of this run had to say beside the errors."""
        yield from map(str, self._config.warnings)
        for connection in self._open.values():
            yield from connection.warnings
            if warning := sign_in_warning(connection.sign_in, self.started.date()):
                yield warning
        yield from self._ledger.warnings()


def _status(error: SyncError, *, begun: bool) -> Status:
    """Name what *error* leaves of a pair: partial and not-tried pass by themselves, failed needs a look."""
    if begun or isinstance(error, UnclearAdd | TargetFull | TargetUnstable):
        return Status.PARTIAL
    return Status.NOT_TRIED if error.reach is Reach.RUN or isinstance(error, DayIsSpent) else Status.FAILED


def _refusal(plan: Plan, target: Target) -> SyncError | None:
    """Why nothing of *plan* may be sent, if so."""
    planned, allowed = len(plan.additions), plan.pair.max_additions
    if target.items and planned > allowed:
        return PlanTooLarge(planned=planned, allowed=allowed)
    if target.barred.intersection(item.uri for item in plan.additions if item.uri):
        return UnclearAdd(target.name)
    return target.blocked if planned else None


Sources = Sequence[tuple[str, Sequence[Item]]]
"""What each source holds, by how reports name it."""


def _all_items(sources: Sources) -> Iterator[Item]:
    return (item for _, items in sources for item in items)


def _with_sources(items: Sequence[Item], sources: Sources) -> list[Addition]:
    """Say of each of *items* which source had it first."""
    wanted = {item.uri for item in items}
    first = {item.uri: name for name, held in reversed(sources) for item in held if item.uri in wanted}
    return [Addition(item=item, source=first[item.uri]) for item in items]


def _with_plan(plan: Plan, confirmed: Sequence[Item], applied: Applied, error: SyncError | None) -> Outcome:
    """Tell what became of *plan*: what an earlier run sent belongs to it, what others were faster to add does not."""
    landed, arrived = (*confirmed, *applied.added), set(applied.arrived)
    plan = Plan(
        pair=plan.pair,
        additions=(*confirmed, *(item for item in plan.additions if item not in arrived)),
        skips=(*plan.skips, *(Skip(item=item, reason=Reason.ALREADY_THERE) for item in applied.arrived)),
    )
    told = len(landed) + len(applied.rejected) + applied.unconfirmed
    begun = bool(told) or (error is not None and error.reach is Reach.RUN)
    full = Status.ADDED if landed else Status.UNCHANGED
    return Outcome(
        pair=plan.pair,
        status=_status(error, begun=begun) if error else full,
        plan=plan,
        added=landed,
        rejected=tuple(applied.rejected),
        unconfirmed=applied.unconfirmed,
        deferred=len(plan.additions) - told,
        error=failure(error) if error else None,
    )


def _counted(outcome: Outcome) -> Outcome:
    """Keep only the number of skips: no report of a run names their items, of which there may be a million."""
    if outcome.plan is None:
        return outcome
    counts = Counter(skip.reason for skip in outcome.plan.skips)
    return replace(outcome, plan=replace(outcome.plan, skips=()), skipped=counts)


def _without_plan(pair: Pair, status: Status, error: SyncError) -> Outcome:
    return Outcome(pair=pair, status=status, error=failure(error))


NOTHING_KEPT: Final = (
    "nothing is kept between runs (state: none):"
    " a run that is killed in the middle of an add may be followed by a double"
)


def run_id(started: datetime, chance: Chance) -> str:
    """Name a run by when it started, and a little chance for those that start together."""
    return f"{started:%Y-%m-%dT%H:%M:%SZ}-{int(chance.uniform(0, 0xFFFF)):04x}"


def _selected(config: Config, request: Request) -> frozenset[str]:
    """Return the names that *request* asks for, or all; ConfigError if one is not in the config."""
    known = [pair.name for pair in config.pairs]
    if unknown := [name for name in request.names if name not in known]:
        raise ConfigError((_no_such_pair(name, known) for name in unknown), hint="ask for pairs that the config has")
    return frozenset(request.names or known)


def _no_such_pair(name: str, known: Sequence[str]) -> Problem:
    near = get_close_matches(name, known, n=1)
    advice = f"did you mean {near[0]!r}?" if near else f"there are {', '.join(known)}"
    return Problem(file="", line=0, column=0, path="pair", message=f"no pair is called {shorten(name)}: {advice}")
