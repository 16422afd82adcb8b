"""The one path: every way in ends here, and every pair takes it."""

import logging
from collections.abc import Callable, Iterator, Sequence
from datetime import date, datetime
from difflib import get_close_matches
from typing import Final

from syncer import planner
from syncer.appending import Applied, apply
from syncer.budget import Budget, Stop
from syncer.errors import (
    Bug,
    ConfigError,
    Interrupted,
    Outage,
    OutageStop,
    PlanTooLarge,
    Problem,
    Reach,
    SyncError,
    TargetFull,
    TargetUnstable,
    UnclearAdd,
)
from syncer.ids import PlaylistId, Uri, playlist_uri, shorten
from syncer.model import MAX_ITEMS, Config, Failure, Outcome, Pair, Plan, Report, Request, SignIn, Status
from syncer.ports import Chance, Clock, Connect, Connection, Playlists, Watch
from syncer.reading import Library
from syncer.report import sign_in_warning

log = logging.getLogger(__name__)

OUTAGE_AFTER: Final = 3
"""Pairs in a row that fail for the network alone before the rest is not tried (fault model §3)."""

Adder = Callable[[Playlists, PlaylistId, Sequence[Uri]], None]


class Service:
    """Runs the pairs of a config against the accounts that *connect* opens."""

    def __init__(self, *, connect: Connect, clock: Clock, chance: Chance, watch: Watch, stop: Stop) -> None:
        self._connect = connect
        self._clock = clock
        self._chance = chance
        self._watch = watch
        self._stop = stop

    def run(self, config: Config, request: Request | None = None, *, deadline: float | None = None) -> Report:
        """Add what each target lacks and report on every pair; ConfigError if *request* names a pair there is not.

        *deadline* is on the clock's monotonic scale: no request starts that might pass it.
        """
        return self._walk(config, request, deadline, add=_add, dry_run=False)

    def plan(self, config: Config, request: Request | None = None, *, deadline: float | None = None) -> Report:
        """Report what :meth:`run` would do, from reads alone."""
        return self._walk(config, request, deadline, add=_pretend, dry_run=True)

    def _walk(
        self, config: Config, request: Request | None, deadline: float | None, *, add: Adder, dry_run: bool
    ) -> Report:
        names = _selected(config, request or Request())
        started = self._clock.now()
        budget = Budget(self._clock, deadline=deadline, stop=self._stop)
        this_run = run_id(started, self._chance)
        run = _Run(this_run, config, names, budget=budget, connect=self._connect, watch=self._watch, add=add)
        log.info("run started", extra={"run_id": this_run, "dry_run": dry_run})
        outcomes = tuple(run.outcome(pair) for pair in config.pairs)
        return Report(
            run_id=this_run,
            started_at=started,
            finished_at=self._clock.now(),
            dry_run=dry_run,
            outcomes=outcomes,
            error=failure(run.ended) if run.ended else None,
            sign_ins=run.sign_ins(),
            requests={"spotify": budget.requests["spotify"], "accounts": budget.requests["accounts"]},
            warnings=(*map(str, config.warnings), *run.warnings(started.date())),
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
        budget: Budget,
        connect: Connect,
        watch: Watch,
        add: Adder,
    ) -> None:
        self.ended: SyncError | None = None
        self._id = run_id
        self._config = config
        self._names = names
        self._budget = budget
        self._connect = connect
        self._watch = watch
        self._add = add
        self._library = Library(watch)
        self._open: dict[str, Connection] = {}
        self._dead: dict[str, SyncError] = {}
        self._unclear: dict[PlaylistId, UnclearAdd] = {}
        self._outages = 0

    def outcome(self, pair: Pair) -> Outcome:
        """Take *pair* through, whatever happens: the guard around each pair."""
        if not pair.enabled:
            return Outcome(pair=pair, status=Status.DISABLED)
        if pair.name not in self._names:
            return Outcome(pair=pair, status=Status.NOT_SELECTED)
        if stopped := self.ended or self._dead.get(pair.account):
            return _without_plan(pair, Status.NOT_TRIED, stopped)
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
            error = Bug(f"{self._id}/{pair.name}")
            log.exception("bug %s", error.id, extra={"pair": pair.name})
            outcome = _without_plan(pair, Status.FAILED, error)
        self._note(pair, error)
        return outcome

    def _note(self, pair: Pair, error: SyncError | None) -> None:
        """Remember how far *error* reaches."""
        self._outages = self._outages + 1 if isinstance(error, Outage) else 0
        if error and error.reach is Reach.RUN:
            self.ended = error
        elif error and error.reach is Reach.ACCOUNT:
            self._dead[pair.account] = error
        elif self._outages == OUTAGE_AFTER:
            self.ended = OutageStop()

    def _sync(self, pair: Pair) -> tuple[Outcome, SyncError | None]:
        """Read, plan, append: the routine that every pair goes through."""
        self._budget.allow()
        playlists = self._playlists(pair.account)
        source = [item for one in pair.sources for item in self._library.source(pair.account, playlists, one)]
        target = self._library.target(pair.account, playlists, pair.target)
        plan = planner.plan(pair, source, target)
        room = max(0, MAX_ITEMS - len(target))
        refusal = self._refusal(plan, in_target=len(target))
        applied = apply(
            () if refusal else plan.additions[:room],
            lambda uris: self._add(playlists, pair.target, uris),
            self._budget,
        )
        self._library.extend(pair.target, tuple(applied.added))
        if isinstance(applied.error, UnclearAdd):
            self._unclear[pair.target] = applied.error
        error = refusal or applied.error
        if len(plan.additions) > room:
            error = error or TargetFull(playlist_uri(pair.target), room=room, limit=MAX_ITEMS)
        return _with_plan(plan, applied, error), error

    def _refusal(self, plan: Plan, *, in_target: int) -> SyncError | None:
        """Why nothing of *plan* may be sent, if so."""
        planned, allowed = len(plan.additions), plan.pair.max_additions
        if in_target and planned > allowed:
            return PlanTooLarge(planned=planned, allowed=allowed)
        return self._unclear.get(plan.pair.target) if planned else None

    def _playlists(self, account: str) -> Playlists:
        if account not in self._open:
            self._open[account] = self._connect(self._config.account(account), self._budget)
        return self._open[account].playlists

    def sign_ins(self) -> tuple[SignIn, ...]:
        """What is known of the sign-in of each account that the pairs of this run name."""
        used = {pair.account for pair in self._config.pairs if pair.enabled and pair.name in self._names}
        return tuple(
            self._open[account.name].sign_in if account.name in self._open else SignIn(account=account.name)
            for account in self._config.accounts
            if account.name in used
        )

    def warnings(self, today: date) -> Iterator[str]:
        """What the accounts of this run had to say beside the errors."""
        for connection in self._open.values():
            yield from connection.warnings
            if warning := sign_in_warning(connection.sign_in, today):
                yield warning


def _full_status(applied: Applied) -> Status:
    return Status.ADDED if applied.added else Status.UNCHANGED


def _status(error: SyncError, *, begun: bool) -> Status:
    """Name what *error* leaves of a pair: partial and not-tried pass by themselves, failed needs a look."""
    if begun or isinstance(error, UnclearAdd | TargetFull | TargetUnstable):
        return Status.PARTIAL
    return Status.NOT_TRIED if error.reach is Reach.RUN else Status.FAILED


def _with_plan(plan: Plan, applied: Applied, error: SyncError | None) -> Outcome:
    landed = len(applied.added) + len(applied.rejected)
    return Outcome(
        pair=plan.pair,
        status=_status(error, begun=bool(landed) or error.reach is Reach.RUN) if error else _full_status(applied),
        plan=plan,
        added=tuple(applied.added),
        rejected=tuple(applied.rejected),
        unconfirmed=applied.unconfirmed,
        deferred=len(plan.additions) - landed - applied.unconfirmed,
        error=failure(error) if error else None,
    )


def _without_plan(pair: Pair, status: Status, error: SyncError) -> Outcome:
    return Outcome(pair=pair, status=status, error=failure(error))


def run_id(started: datetime, chance: Chance) -> str:
    """Name a run by when it started, and a little chance for those that start together."""
    return f"{started:%Y-%m-%dT%H:%M:%SZ}-{int(chance.uniform(0, 0xFFFF)):04x}"


def failure(error: SyncError) -> Failure:
    """Return *error* as reports carry it."""
    return Failure(code=error.code, message=str(error), hint=error.hint)


def _add(playlists: Playlists, target: PlaylistId, uris: Sequence[Uri]) -> None:
    playlists.append(target, uris)


def _pretend(playlists: Playlists, target: PlaylistId, uris: Sequence[Uri]) -> None:
    """Add nothing, as a plan does."""


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
