"""The beginning of a run that many workers do: it is split into groups of pairs, and a message sent for each."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack
from dataclasses import replace
from datetime import datetime, timedelta
from itertools import zip_longest
from typing import Any, Protocol

from syncer.cache import Cache, Index, Ledger
from syncer.closing import Closer
from syncer.fleet import Head, Rows, Task, message
from syncer.grouping import Groups
from syncer.ids import PlaylistId
from syncer.library import uses
from syncer.model import Begun, Config, Pair, PlaylistSource
from syncer.ports import Chance, Clock, FleetState, Messages, StateStore, Watch
from syncer.report import as_json, stamp
from syncer.service import Glance, Service, run_id


class MakeService(Protocol):
    """Makes the service that a dispatcher or a worker takes pairs through."""

    def __call__(
        self,
        state: StateStore,
        /,
        *,
        worker: str,
        watch: Watch | None = None,
        ledger: Callable[[Cache, datetime], Ledger] = Ledger,
    ) -> AbstractContextManager[Service]:
        """Return the service, over *state*; once left, it has given back what *worker* had leased."""
        ...


class Dispatcher:
    """Begins runs."""

    def __init__(
        self,
        state: FleetState,
        *,
        messages: Messages,
        clock: Clock,
        chance: Chance,
        service: MakeService,
        closer: Closer,
        lasts: float,
    ) -> None:
        """A run *lasts* for that many seconds at most."""
        self._state = state
        self._messages = messages
        self._clock = clock
        self._chance = chance
        self._service = service
        self._closer = closer
        self._lasts = timedelta(seconds=lasts)

    def dispatch(self, config: Config, *, deadline: float) -> dict[str, Any]:
        """Begin a run and return how many groups of it are left to workers; if none are, its report.

        Locked while another run is under way. One that is over, and was never closed, is closed first.
        """
        self._closer.close_what_is_over()
        now = self._clock.now()
        head = Head(run_id=run_id(now, self._chance), at=now, until=now + self._lasts, first=self._state.resume_at())
        self._state.hold(head.run_id, now=now, until=head.until)
        with ExitStack() as unless_begun:
            unless_begun.callback(self._call_off, head)
            head, tasks = self._begin(head, config, deadline)
            if tasks:
                self._closer.look_again(head)  # first: where the queue refuses it, no worker has begun yet
            unless_begun.pop_all()
        if not tasks:
            return self._closer.close(head) or {}
        self._messages.send([message(head.run_id, number) for number in range(len(tasks))])
        return {
            "run_id": head.run_id,
            "started_at": stamp(head.at),
            "pairs": len(config.pairs),
            "waiting": sum(len(task.names) for task in tasks),
            "groups": len(tasks),
        }

    def _begin(self, head: Head, config: Config, deadline: float) -> tuple[Head, list[Task]]:
        """Keep all that workers, and whoever closes the run, need to know; return what there is to do."""
        rows, now = Rows(self._state, head.run_id), self._clock.monotonic()
        rows.change_head(head, over=None)  # first: by it, what is kept of a run that is cut off here is found
        with self._service(self._state, worker=head.run_id) as service:
            begun, half = Begun(run_id=head.run_id, at=head.at), now + (deadline - now) / 2
            glance = service.glance(config, begun, deadline=half)  # the rest is for telling the workers
        tasks = list(_tasks(glance, _in_turns(glance.groups, head.first)))
        rows.keep_glance(as_json(glance.report, items_per_pair=0))
        for number, task in enumerate(tasks):
            rows.keep_task(number, task)
        ready = replace(head, begun=True, groups=len(tasks))
        rows.change_head(ready, over=head)
        return ready, tasks

    def _call_off(self, head: Head) -> None:
        rows = Rows(self._state, head.run_id)
        rows.drop()
        rows.change_head(None, over=rows.head())
        self._state.let_go(head.run_id, until=head.until)


def _in_turns(groups: Groups, first: str | None) -> Groups:
    """Return *groups* such that accounts take turns, from the group on that has the pair called *first*.

    Each app has a rate of its own: workers that are all at one of them would wait for each other.
    """
    begin = next((place for place, group in enumerate(groups) if first in {pair.name for pair in group}), 0)
    by_account: dict[str, list[tuple[Pair, ...]]] = {}
    for group in (*groups[begin:], *groups[:begin]):
        by_account.setdefault(group[0].account, []).append(group)
    rounds = zip_longest(*by_account.values())
    return tuple(group for each in rounds for group in each if group)


def _tasks(glance: Glance, groups: Groups) -> Iterator[Task]:
    index = glance.index
    for group in groups:
        names = [pair.name for pair in group]
        accounts = {account for pair in group for account in pair.accounts}
        versions: dict[str, dict[PlaylistId, str]] = {}
        for account, source in (use for pair in group for use in uses(pair)):
            known = glance.versions.get(account, {})
            if isinstance(source, PlaylistSource) and source.id in known:
                versions.setdefault(account, {})[source.id] = known[source.id]
        yield Task(
            names=tuple(names),
            index=Index(
                marks={name: index.marks[name] for name in names if name in index.marks},
                libraries={name: index.libraries[name] for name in accounts if name in index.libraries},
                turns={name: index.turns[name] for name in names if name in index.turns},
            ),
            versions=versions,
        )
