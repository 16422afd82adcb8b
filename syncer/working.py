"""The middle of a run that many workers do: each takes the pairs of one group through, like any run takes its own."""

import json
import logging
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Final

from syncer.cache import Cache, Ledger, index_as_json
from syncer.closing import Closer
from syncer.dispatching import MakeService
from syncer.errors import Code, Locked, StateUnusable
from syncer.fleet import ATTEMPTS, Head, Rows, Task, anyone, message
from syncer.gathering import part, with_earlier
from syncer.leasing import SharedLedger
from syncer.model import Add, AddState, Begun, Config, Outcome, Pair, Report, Request
from syncer.part import PartOfState
from syncer.ports import Chance, Clock, FleetState, Messages
from syncer.report import as_json
from syncer.targets import known

log = logging.getLogger(__name__)

TAKEN_WAIT: Final = 60.0
"""Seconds after which a group is tried again whose targets another worker has."""
CLOSED_WAIT: Final = 30.0
"""Seconds at least until a group is tried again that found Spotify's gate closed: a worker has waited long by then."""
SPREAD: Final = 5.0
"""Seconds over which those spread that were told to wait until the same moment."""
LEAST: Final = timedelta(seconds=60)
"""With less than that left of a run, nothing of it is put off."""
BELIEVED: Final = timedelta(minutes=10)
"""How long the versions are believed that the dispatcher looked up: as long as in a run that one process does."""
LIMITS: Final = frozenset({Code.RATE_LIMITED, Code.QUOTA_EXCEEDED})


class Worker:
    """Does what messages ask for."""

    def __init__(
        self,
        state: FleetState,
        *,
        messages: Messages,
        clock: Clock,
        chance: Chance,
        service: MakeService,
        closer: Closer,
    ) -> None:
        self._state = state
        self._messages = messages
        self._clock = clock
        self._chance = chance
        self._service = service
        self._closer = closer

    def work(self, body: str, config: Config, *, attempt: int, deadline: float) -> None:
        """Do what the message *body* asks for, which is delivered for the *attempt*-th time.

        After an error it is not done, and is to be delivered again. A late message asks for nothing.
        """
        told = json.loads(body)
        head = Rows(self._state, told["run"]).head()
        if head is None:
            log.info("a message came late", extra={"run_id": told["run"]})
            return
        if "group" in told:
            self._group(head, told["group"], config, attempt, deadline)
        if not self._closer.close_if_over(head) and "group" not in told:
            self._closer.look_again(head)

    def _group(self, head: Head, number: int, config: Config, attempt: int, deadline: float) -> None:
        now = self._clock.now()
        left = (head.until - now).total_seconds()
        rows = Rows(self._state, head.run_id)
        task = rows.task(number)
        if left <= 0 or task is None or task.is_given_up(now):  # too late, or twice, or once too often
            return
        group = _Group(self._state, head, number, task, rows, worker=f"{now:%Y%m%dT%H%M%S%f}-{anyone(self._chance)}")
        try:
            self._take_through(group, config, min(deadline, self._clock.monotonic() + left))
        except Exception:
            log.exception("a group was not done", extra={"group": group.worker, "attempt": attempt})
            if attempt >= ATTEMPTS:
                group.give_up(now)
                self._closer.close_if_over(head)
            raise

    def _take_through(self, group: "_Group", config: Config, deadline: float) -> None:
        pairs = tuple(pair for pair in config.pairs if group.has_left(pair))
        if not pairs:
            self._end(group)
            return
        is_fresh = not group.is_resumed and self._clock.now() - group.head.at <= BELIEVED
        state = group.state([target for pair in pairs for target in _targets(pair)])
        run_id, groups = group.head.run_id, group.head.groups

        def ledger(cache: Cache, at: datetime) -> Ledger:
            return SharedLedger(cache, self._state, run_id, at, worker=group.worker, groups=groups)

        with self._service(state, worker=group.worker, watch=group, ledger=ledger) as service:
            report = service.run(
                replace(config, pairs=pairs, warnings=()),
                Request(begun=group.begun(is_fresh=is_fresh)),
                deadline=deadline,
            )
        self._leave(group, state, report)

    def _end(self, group: "_Group") -> None:
        """Have it kept that *group* is done, as all its pairs are: by its own worker, if that may be alive."""
        if group.may_be_under_way(self._clock.now()):
            self._messages.send([group.message], delay=TAKEN_WAIT)
        else:
            group.done()

    def _leave(self, group: "_Group", state: PartOfState, report: Report) -> None:
        """Have the group tried again where that makes sense in this run; else it is done."""
        delay = self._delay(group, state, report)
        if group.is_taken:
            group.leave(state, report)
            if delay is None:
                group.finish(report)
            else:
                group.put_off(state)
        elif report.error and report.error.code is not Code.LOCKED:
            raise StateUnusable(report.error.message, hint=report.error.hint)
        if delay is not None:
            self._messages.send([group.message], delay=delay)

    def _delay(self, group: "_Group", state: PartOfState, report: Report) -> float | None:
        """Return in how many seconds the group is to go on; None if nothing is left to do, or no time to do it in."""
        code, now = report.error.code if report.error else None, self._clock.now()
        if code is Code.LOCKED:
            delay = TAKEN_WAIT
        elif code in LIMITS and state.opens:
            delay = max(CLOSED_WAIT, (state.opens - now).total_seconds()) + self._chance.uniform(1, SPREAD)
        elif code is Code.OUT_OF_TIME and group.tried > 1:  # a pair that had all the time for itself has had its turn
            delay = 0.0
        else:
            return None
        return delay if now + timedelta(seconds=delay) + LEAST <= group.head.until else None


class _Group:
    """One group in the hands of one worker, who watches what comes of its pairs."""

    def __init__(self, state: FleetState, head: Head, number: int, task: Task, rows: Rows, *, worker: str) -> None:
        """*worker* is a name that no other has; of those who begin later it is greater."""
        self.head = head
        self.worker = worker
        self.message = message(head.run_id, number)
        self.tried = 0
        self.is_taken = False
        """Whether no other worker is at it."""
        self._state = state
        self._number = number
        self._rows = rows
        self._task = task
        self._final: set[str] = set()
        self._before = False
        """Whether another worker may have done a part of it before this one began."""

    @property
    def is_resumed(self) -> bool:
        """Whether another worker may have done a part of it."""
        return self._task.resumed or self._task.attempt > 0

    def may_be_under_way(self, now: datetime) -> bool:
        """Whether another worker may be at it."""
        return self._task.until is not None and now < self._task.until

    def has_left(self, pair: Pair) -> bool:
        """Whether *pair* is to be taken through."""
        return pair.name in self._task.names and not (self.is_resumed and self._rows.is_final(pair.name))

    def state(self, targets: list[str]) -> PartOfState:
        """Return the state as a worker of this group sees it, which locks *targets*."""
        return PartOfState(
            self._state,
            index=self._task.index,
            targets=sorted(set(targets)),
            worker=self.worker,
            taken=self._taken,
        )

    def begun(self, *, is_fresh: bool) -> Begun:
        """Return the run that this is a part of."""
        versions = self._task.versions if is_fresh else {}
        return Begun(run_id=self.head.run_id, at=self.head.at, part=f"{self.worker}/", versions=versions)

    def _taken(self, until: datetime) -> None:
        self._before = self.is_resumed
        self._task = replace(self._task, attempt=self._task.attempt + 1, until=until)
        if not self._rows.change_task(self._number, self._task):
            raise Locked("the group")  # another worker did something with it since it was read
        self.is_taken = True

    # --- what comes of its pairs ---

    def reading(self, what: str, done: int, total: int) -> None: ...

    def starting(self, pair: Pair) -> None:  # noqa: ARG002 - the port's
        self.tried += 1

    def ended(self, outcome: Outcome) -> None:
        """Keep what came of a pair as soon as it is known: the worker may be ended at any time."""
        passes = outcome.error is not None and outcome.error.code in {*LIMITS, Code.OUT_OF_TIME}
        self._keep(outcome, final=not passes)

    def _keep(self, outcome: Outcome, *, final: bool) -> None:
        told = with_earlier(outcome, self._earlier(outcome.pair)) if self._before else outcome
        self._rows.keep_part(outcome.pair.name, part(told), final=final)
        if final:
            self._final.add(outcome.pair.name)

    def _earlier(self, pair: Pair) -> Iterator[Add]:
        """Yield what was added for *pair* in this run, by whichever worker."""
        for playlist in known(self._state, pair, self.head.at).playlists:
            for add in self._state.adds(playlist, since=self.head.at):
                if add.run_id == self.head.run_id and add.pair == pair.name and add.state is not AddState.SENT:
                    yield add

    # --- the end of it ---

    def leave(self, state: PartOfState, report: Report) -> None:
        """Keep what is to be told and remembered beside the outcomes."""
        told = as_json(report, items_per_pair=0)
        names = [outcome.pair.name for outcome in report.outcomes]
        rest = {key: told[key] for key in ("accounts", "requests", "warnings")}
        self._rows.leave(self.worker, {"names": names, "index": index_as_json(state.index), **rest})

    def finish(self, report: Report) -> None:
        """Keep all outcomes as they are, and that nothing is left to do."""
        self._before |= report.error is not None  # what came of a pair may be what could not be kept
        for outcome in report.outcomes:
            if outcome.pair.name not in self._final:
                self._keep(outcome, final=True)
        self.done()

    def done(self) -> None:
        """Keep that nothing is left to do."""
        self._rows.change_task(self._number, None)

    def put_off(self, state: PartOfState) -> None:
        """Keep that another worker is to go on."""
        task = replace(self._task, index=state.index, attempt=0, until=None, resumed=True)
        self._rows.change_task(self._number, task)

    def give_up(self, now: datetime) -> None:
        """Keep that no worker is to try it again."""
        self._rows.change_task(self._number, replace(self._task, attempt=ATTEMPTS, until=now))


def _targets(pair: Pair) -> Iterator[str]:
    """Yield what the target of *pair* is locked as."""
    if pair.create:
        yield f"{pair.account} {pair.create.pattern}"
    if pair.target:
        yield pair.target
