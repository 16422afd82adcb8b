"""One run: what it keeps in mind from pair to pair, and the routine that every pair goes through."""

import logging
from collections import Counter
from collections.abc import Iterator, Sequence
from collections.abc import Set as AbstractSet
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime
from typing import Final

from syncer import planner
from syncer.appending import Applied, Hand
from syncer.budget import Budget
from syncer.cache import Cache, Ledger
from syncer.errors import (
    Bug,
    DayIsSpent,
    Outage,
    OutageStop,
    PlanTooLarge,
    Reach,
    SyncError,
    TargetFull,
    TargetUnstable,
    UnclearAdd,
)
from syncer.ids import Uri
from syncer.library import Library
from syncer.model import MAX_ITEMS, Addition, Config, Item, Outcome, Pair, Plan, Reason, SignIn, Skip, Status
from syncer.ports import Connect, Connection, Watch
from syncer.reading import Target
from syncer.report import failure, sign_in_warning

log = logging.getLogger(__name__)

OUTAGE_AFTER: Final = 3
"""Pairs in a row that fail for the network alone before the rest is not tried (fault model §3)."""


class Run:
    """The pairs of a config, taken through one after the other; gone with the run."""

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
        if stopped := self.ended or next((self._dead[one] for one in pair.accounts if one in self._dead), None):
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
            self._ends(pair.account, error)
            if isinstance(error, DayIsSpent):
                self.not_reached = self.not_reached or pair.name
        elif self._outages == OUTAGE_AFTER:
            self.ended = OutageStop()

    def _sync(self, pair: Pair) -> tuple[Outcome, SyncError | None]:
        """Read, plan, append: the routine that every pair goes through, unless nothing has changed since the last."""
        self.budget.allow()
        with self.visit(pair.account) as connection:
            if mark := self._library.settled(pair, self.visit):
                if not self._dry_run:
                    return Outcome(pair=pair, status=Status.UNCHANGED, skipped=mark.skipped), None
                self._library.presume(pair, mark)  # a plan says of every item why it is left out
            self._library.unsettle(pair)
            return self._through(pair, connection, self._sources(pair))

    def _sources(self, pair: Pair) -> "Sources":
        """Read the sources of *pair*, each as the account that reads it."""
        sources: list[tuple[str, Sequence[Item]]] = []
        for account, source in pair.reads:
            with self.visit(account) as connection:
                sources.append((str(source), self._library.source(account, connection, source)))
        return sources

    def _through(self, pair: Pair, connection: Connection, sources: "Sources") -> tuple[Outcome, SyncError | None]:
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

    @contextmanager
    def visit(self, account: str) -> Iterator[Connection]:
        """Have *account* signed in; what ends it inside ends it for the pairs behind, unless that was another's."""
        try:
            yield self.connection(account)
        except SyncError as error:
            self._ends(account, error)
            raise

    def _ends(self, account: str, error: SyncError) -> None:
        if error.reach is Reach.ACCOUNT and error not in self._dead.values():
            self._dead[account] = error

    def close(self) -> None:
        """Remember what later runs can do with."""
        if not self._dry_run:
            self._library.close()
        self._ledger.close()

    def sign_ins(self) -> tuple[SignIn, ...]:
        """What is known of the sign-in of each account that the pairs of this run name."""
        pairs = [pair for pair in self._config.pairs if pair.enabled and pair.name in self._names]
        used = {account for pair in pairs for account in pair.accounts}
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
