"""One run: what it keeps in mind from pair to pair, and the routine that every pair goes through."""

import logging
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import Final

from syncer.appending import Applied, Hand
from syncer.budget import Budget
from syncer.cache import Cache, Index, Ledger
from syncer.deciding import Decider, Read, There
from syncer.destination import Destination, Means
from syncer.errors import (
    Bug,
    DayIsSpent,
    NotFound,
    Outage,
    OutageStop,
    PlanTooLarge,
    Reach,
    SyncError,
    TargetFull,
    TargetUnstable,
    UnclearAdd,
)
from syncer.ids import PlaylistId
from syncer.library import Library
from syncer.model import (
    MAX_ITEMS,
    Addition,
    Begun,
    Config,
    Item,
    Outcome,
    Pair,
    Plan,
    PlaylistSource,
    Reason,
    SignIn,
    Skip,
    Source,
    Status,
)
from syncer.ports import Connect, Connection, Watch
from syncer.report import PASSES, failure, sign_in_warning
from syncer.targets import Targets

log = logging.getLogger(__name__)

OUTAGE_AFTER: Final = 3
"""Pairs in a row that fail for the network alone before the rest is not tried (fault model §3)."""


class Run:
    """The pairs of a config, taken through one after the other; gone with the run."""

    def __init__(
        self,
        begun: Begun,
        config: Config,
        names: frozenset[str],
        *,
        hand: Hand,
        targets: Targets,
        budget: Budget,
        connect: Connect,
        cache: Cache,
        library: Library,
        watch: Watch,
        ledger: Ledger,
        dry_run: bool,
        limit: int = MAX_ITEMS,
        at_once: bool = False,
    ) -> None:
        """*limit* is how many items a target may grow to; *at_once*: pairs take their turn though they are not due."""
        self.id = begun.run_id
        self.part = begun.part
        self.started = begun.at
        self.budget = budget
        self.hand = hand
        self.targets = targets
        self.ended: SyncError | None = None
        self.not_reached: str | None = None
        """The pair that the next run begins with, where this one was cut short."""
        self._config = config
        self._names = names
        self._connect = connect
        self._library = library
        self._watch = watch
        self._dry_run = dry_run
        self._limit = limit
        self._at_once = at_once
        self._due = names
        self._begun = False
        self._decider = Decider(cache, begun.at)
        self._ledger = ledger
        self._open: dict[str, Connection] = {}
        self._dead: dict[str, SyncError] = {}
        self._outages = 0
        self._tried = 0

    def outcomes(self, *, first: str | None = None) -> tuple[Outcome, ...]:
        """Take every pair through, beginning with the one called *first*; the outcomes are in file order all the same.

        Without that, a config larger than the quota would starve its last pairs (fault model P14).
        """
        self.begin()
        pairs = self._config.pairs
        begin = next((place for place, pair in enumerate(pairs) if pair.name == first), 0)
        found = {pair.name: self.outcome(pair) for pair in (*pairs[begin:], *pairs[:begin])}
        return tuple(found[pair.name] for pair in pairs)

    def begin(self) -> None:
        """Tell whose turn it is, and reckon with the others no more; once is enough."""
        if not (self.ended or self._begun):
            self._begun = True
            self._find_due()
            self._recall_targets()

    def due(self) -> tuple[Pair, ...]:
        """Return the pairs that take a turn, with the playlists of their targets, as far as those are known."""
        taking = (pair for pair in self._config.pairs if self._stands_down(pair) is None)
        return tuple(self.targets.known(pair) for pair in taking)

    def _find_due(self) -> None:
        if not self._at_once:
            due = {pair.name for pair in self._config.pairs if self._library.is_due(pair, self.started)}
            self._due = self._names & due
            self._library.leave_out(self._names - due)

    def _recall_targets(self) -> None:
        """Reckon with the playlists that were made for the targets of the pairs, as far as the state knows them."""
        for pair in self._config.pairs:
            if pair.makes_playlists and pair.enabled and pair.name in self._due:
                self._library.reckon_with(self.targets.known(pair))

    def outcome(self, pair: Pair) -> Outcome:
        """Take *pair* through, whatever happens: the guard around each pair."""
        if status := self._stands_down(pair):
            return Outcome(pair=pair, status=status)
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

    def _stands_down(self, pair: Pair) -> Status | None:
        """Why *pair* takes no turn, if so."""
        if not pair.enabled:
            return Status.DISABLED
        if pair.name not in self._names:
            return Status.NOT_SELECTED
        return None if pair.name in self._due else Status.NOT_DUE

    def at_a_glance(self, pair: Pair) -> Outcome | None:
        """Return the outcome of *pair* where its playlists are as it left them; None where more has to be asked.

        What goes wrong is left to whoever asks: it is no error here.
        """
        if self.ended or any(one in self._dead for one in pair.accounts) or not _is_listed(pair):
            return None
        try:
            return self._unchanged(self.targets.known(pair))
        except SyncError as error:
            if error.reach is Reach.RUN:
                self.ended = error
        except Exception:
            log.exception("bug in a glance", extra={"pair": pair.name})
        return None

    def _unchanged(self, pair: Pair) -> Outcome | None:
        self.budget.allow()
        with self.visit(pair.account):
            mark = self._library.settled(pair, self.visit)
        if mark is None:
            return None
        self._library.had_turn(pair, self.started)
        return Outcome(pair=pair, status=Status.UNCHANGED, skipped=mark.skipped)

    def _guarded(self, pair: Pair) -> Outcome:
        error: SyncError | None
        try:
            outcome, error = self._sync(pair)
        except SyncError as raised:
            error = self._told(pair, raised)
            outcome = _without_plan(pair, _status(error, begun=False), error)
        except Exception:
            error = Bug(f"{self.id}/{pair.name}")
            log.exception("bug %s", error.id, extra={"pair": pair.name})
            outcome = _without_plan(pair, Status.FAILED, error)
        self._library.release(pair)
        self._note(pair, error)
        if error is None or _is_for_a_person(error):
            self._library.had_turn(pair, self.started)
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
        pair = self.targets.known(pair)
        with self.visit(pair.account) as connection:
            if mark := self._library.settled(pair, self.visit):
                if not self._dry_run:
                    return Outcome(pair=pair, status=Status.UNCHANGED, skipped=mark.skipped), None
                self._library.presume(pair, mark)  # a plan says of every item why it is left out
            self._library.unsettle(pair)
            return self._through(pair, connection, self._read(pair))

    def _read(self, pair: Pair) -> Read:
        """Read the sources of *pair* and its never lists, each as the account that reads it."""
        return Read(
            sources=[(str(source), self._source(account, source)) for account, source in pair.reads],
            never=[item for one in pair.rules.never for item in self._source(pair.account, PlaylistSource(one))],
        )

    def _source(self, account: str, source: Source) -> Sequence[Item]:
        with self.visit(account) as connection:
            return self._library.source(account, connection, source)

    def _through(self, pair: Pair, connection: Connection, read: Read) -> tuple[Outcome, SyncError | None]:
        means = Means(
            targets=self.targets, library=self._library, hand=self.hand, limit=self._limit, dry_run=self._dry_run
        )
        target = Destination(pair, connection, means)
        self._library.keep_target(pair)
        plan = self._decider.look_up_and_decide(pair, read, _there(target), connection)
        while target.reaches_further(len(plan.additions)):
            plan = self._decider.look_up_and_decide(pair, read, _there(target), connection)
        error = _refusal(plan, target)
        applied = target.apply(() if error else _with_sources(plan.additions, read))
        error = error or (applied.error and self._told(target.pair, applied.error))
        if not error:
            self._settle(target, read, applied)
        return _with_plan(replace(plan, pair=target.pair), target.confirmed, applied, error), error

    def _settle(self, target: Destination, read: Read, applied: Applied) -> None:
        """Remember that a pair has nothing left to add, if its *target* as it is now says so."""
        left = self._decider.decide(target.pair, read, _there(target))
        if set(left.additions) <= set(applied.rejected):
            skipped = Counter(skip.reason for skip in left.skips)
            skipped[Reason.REJECTED] += len(left.additions)
            self._library.settle(target.pair, {reason: count for reason, count in skipped.items() if count})

    def _told(self, pair: Pair, error: SyncError) -> SyncError:
        """Return *error* as it is to be told of *pair*."""
        return self.targets.explained(pair, error) if isinstance(error, NotFound) else error

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

    def versions(self) -> dict[str, dict[PlaylistId, str]]:
        """Return, by account, what is known of the versions of playlists by now."""
        return self._library.versions()

    def index(self) -> Index:
        """Return what is remembered of all pairs by now."""
        return self._library.index

    def close(self) -> None:
        """Remember what later runs can do with."""
        if not self._dry_run:
            self._library.close()
        self._decider.close()
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
        yield from self._decider.warnings()
        yield from self._ledger.warnings()


def _is_listed(pair: Pair) -> bool:
    """Whether all that *pair* reads is in lists of playlists, which say of many at once what their versions are."""
    return all(isinstance(source, PlaylistSource) for source in pair.sources)


def _status(error: SyncError, *, begun: bool) -> Status:
    """Name what *error* leaves of a pair: partial and not-tried pass by themselves, failed needs a look."""
    if begun or isinstance(error, UnclearAdd | TargetFull | TargetUnstable):
        return Status.PARTIAL
    return Status.NOT_TRIED if error.reach is Reach.RUN or isinstance(error, DayIsSpent) else Status.FAILED


def _is_for_a_person(error: SyncError) -> bool:
    """Whether *error* befell one pair alone, and does not pass by itself."""
    return error.reach is Reach.PAIR and error.code not in PASSES and _status(error, begun=False) is Status.FAILED


def _refusal(plan: Plan, target: Destination) -> SyncError | None:
    """Why nothing of *plan* may be sent, if so."""
    planned, allowed = len(plan.additions), plan.pair.max_additions
    if target.items and planned > allowed:
        return PlanTooLarge(planned=planned, allowed=allowed)
    if target.barred.intersection(item.uri for item in plan.additions if item.uri):
        return UnclearAdd(target.name)
    return target.blocked if planned else None


def _there(target: Destination) -> There:
    return There(items=target.items, uris=target.uris, taken_out=target.taken_out)


def _with_sources(items: Sequence[Item], read: Read) -> list[Addition]:
    """Say of each of *items* which source had it first."""
    wanted = {item.uri for item in items}
    first = {item.uri: name for name, held in reversed(read.sources) for item in held if item.uri in wanted}
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
