"""The end of a run that many workers did: one report, told once, and everybody let in again."""

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any, Final

from syncer.cache import Cache, index_of
from syncer.errors import GroupGivenUp
from syncer.fleet import ATTEMPTS, RUNS, Head, Rows, anyone, message
from syncer.gathering import gathered
from syncer.leasing import drop_days, keep_days
from syncer.model import Status
from syncer.ports import Chance, Clock, FleetState, Messages
from syncer.report import error_as_json, failure

log = logging.getLogger(__name__)

LOOK_EVERY: Final = 300.0
"""Seconds after which it is looked again whether a run is over that nobody has closed."""
CLAIM: Final = timedelta(minutes=2)
"""How long one who closes a run is left alone with it."""


class Closer:
    """Closes runs. Whoever thinks that one is over may say so, at any time and as often as they like."""

    def __init__(
        self,
        state: FleetState,
        *,
        messages: Messages,
        clock: Clock,
        chance: Chance,
        tell: Callable[[dict[str, Any]], None],
    ) -> None:
        """*tell* hears the report of each run that is closed, once, but for those who are cut off right after that."""
        self._state = state
        self._messages = messages
        self._clock = clock
        self._chance = chance
        self._tell = tell

    def close_what_is_over(self) -> None:
        """Close the runs whose time is over."""
        for value in self._state.all(RUNS).values():
            head = Head.decode(value)
            if self._clock.now() >= head.until:
                self.close(head)

    def close_if_over(self, head: Head) -> bool:
        """Close the run if nobody does anything for it any more, or its time is over; return whether that is so."""
        rows, now = Rows(self._state, head.run_id), self._clock.now()
        is_over = now >= head.until or all(
            task.is_given_up(now)
            for at_most in (1, None)  # mostly the first one tells
            for task in rows.tasks(at_most=at_most).values()
        )
        if is_over:
            self.close(head)
        return is_over

    def look_again(self, head: Head) -> None:
        """Have it asked later whether the run is over."""
        left = (head.until - self._clock.now()).total_seconds()
        self._messages.send([message(head.run_id)], delay=max(1.0, min(LOOK_EVERY, left)))

    def close(self, head: Head) -> dict[str, Any] | None:
        """Gather the report of a run that is over, tell it, and let others in; None where somebody else does that."""
        rows, now = Rows(self._state, head.run_id), self._clock.now()
        claimed = replace(head, claimed=now, claimant=anyone(self._chance))
        if head.claimed and now < head.claimed + CLAIM:
            return None
        if not rows.change_head(claimed, over=head):
            self._clear_away(rows)
            return None
        report = self._gather(rows, head)
        if report is None:
            log.warning("a run was cut off before it had begun", extra={"run_id": head.run_id})
        else:
            self._tell(report)
        rows.drop()
        rows.change_head(None, over=claimed)
        self._state.let_go(head.run_id, until=head.until)
        return report

    def _clear_away(self, rows: Rows) -> None:
        """Take out what was kept of a run after it had been closed: somebody was late."""
        if rows.head() is None:
            rows.drop()
            drop_days(self._state, rows.run_id)

    def _gather(self, rows: Rows, head: Head) -> dict[str, Any] | None:
        glance = rows.glance() if head.begun else None
        if glance is None:  # the second time, if it was told: the glance is what goes first
            return None
        now, left = self._clock.now(), rows.left()
        parts = {**_given_up(rows, glance), **rows.parts()}
        report = gathered(glance, parts, left, at=now)
        cache = Cache(self._state)
        _remember(cache, left)
        keep_days(self._state, cache, head.run_id)
        cache.keep_report(report)
        self._state.stopped_at(_not_reached(report, head.first))
        return report


def _given_up(rows: Rows, glance: Mapping[str, Any]) -> dict[str, Any]:
    """Return the parts of the pairs whose workers were all ended before they could tell of them."""
    told = {pair["name"]: pair for pair in glance["pairs"]}
    return {
        name: told[name]
        | {"status": Status.FAILED.value, "error": error_as_json(failure(GroupGivenUp(number, ATTEMPTS)))}
        for number, task in rows.tasks().items()
        if task.attempt >= ATTEMPTS
        for name in task.names
    }


def _remember(cache: Cache, left: Sequence[Mapping[str, Any]]) -> None:
    """Keep what workers remember of their pairs."""
    index = cache.index()
    for one in left:
        known = index_of(one["index"])
        for name in one["names"]:
            index.marks.pop(name, None)
            index.turns.pop(name, None)
        index.marks.update(known.marks)
        index.turns.update(known.turns)
        index.libraries.update(known.libraries)
    cache.keep_index(index)


def _not_reached(report: Mapping[str, Any], first: str | None) -> str | None:
    """Return the pair that the next run is to begin with: the first that this one, which began with *first*, missed."""
    pairs = [(pair["name"], pair["status"]) for pair in report["pairs"]]
    begin = next((place for place, (name, _) in enumerate(pairs) if name == first), 0)
    turned = (*pairs[begin:], *pairs[:begin])
    return next((name for name, status in turned if status == Status.NOT_TRIED), None)
