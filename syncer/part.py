"""What a worker sees of the state: all of it, and as its own only what concerns its group of pairs."""

import json
import logging
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime

from syncer.cache import INDEX, Index, index_as_json, index_of, packed, unpacked
from syncer.errors import Locked, StateUnusable
from syncer.ids import PlaylistId, Uri
from syncer.model import Add, AddState, NotBefore, Volume
from syncer.ports import FleetState

log = logging.getLogger(__name__)

TARGETS = "targets"
"""The family of the locks of single targets."""


class PartOfState:
    """The port ``StateStore`` for one group of pairs of a run whose lock somebody holds for all groups."""

    keeps = True

    def __init__(
        self,
        state: FleetState,
        *,
        index: Index,
        targets: Sequence[str],
        worker: str,
        taken: Callable[[datetime], None],
    ) -> None:
        """*index* is what is remembered of the pairs, *targets* are theirs, *worker* is a name that no other has.

        *taken* is called once all locks are held, with the moment until which.
        """
        self._state = state
        self._targets = targets
        self._worker = worker
        self._taken = taken
        self._index = packed(index_as_json(index))
        self.opens: datetime | None = None
        """When Spotify wants to hear of us again, if it said so in this run."""

    @property
    def index(self) -> Index:
        """What is remembered of the pairs by now."""
        return index_of(unpacked(self._index))

    @property
    def unknown_since(self) -> datetime | None:
        return self._state.unknown_since

    @contextmanager
    def lock(self, run_id: str, *, now: datetime, until: datetime) -> Iterator[None]:  # noqa: ARG002 - it is held for all
        """Keep every other worker away from the targets of the group; Locked if one is at one of them."""
        ours = json.dumps({"worker": self._worker, "until": until.isoformat()}).encode()
        held: list[str] = []
        try:
            for target in self._targets:
                self._take(target, ours, now)
                held.append(target)
            self._taken(until)
            yield
        finally:
            for target in held:
                self._let_go(target, ours)

    def _take(self, target: str, ours: bytes, now: datetime) -> None:
        there = self._state.get(TARGETS, target)
        if (there and now < _until(there)) or not self._state.swap(TARGETS, target, ours, over=there):
            raise Locked(f"the lock of {target}")

    def _let_go(self, target: str, ours: bytes) -> None:
        """Let others at *target*. If that fails, the lock ends by itself; the work is done."""
        try:
            self._state.swap(TARGETS, target, None, over=ours)
        except StateUnusable as error:
            log.warning("the lock of a target was left to expire", extra={"reason": str(error)})

    def sending(self, add: Add) -> None:
        self._state.sending(add)

    def settle(self, add: Add, *, landed: Sequence[Uri], state: AddState) -> None:
        self._state.settle(add, landed=landed, state=state)

    def adds(self, target: PlaylistId, *, since: datetime) -> tuple[Add, ...]:
        return self._state.adds(target, since=since)

    def record(self) -> Iterator[Add]:
        return self._state.record()

    def volumes(self, account: str, series: str) -> tuple[Volume, ...]:
        return self._state.volumes(account, series)

    def keep_volume(self, volume: Volume) -> None:
        self._state.keep_volume(volume)

    def forget_volume(self, volume: Volume) -> None:
        self._state.forget_volume(volume)

    def not_before(self, client_id: str) -> NotBefore | None:
        wish = self._state.not_before(client_id)
        self._heard(wish)
        return wish

    def wait(self, client_id: str, wish: NotBefore) -> None:
        self._heard(wish)
        self._state.wait(client_id, wish)

    def _heard(self, wish: NotBefore | None) -> None:
        if wish and (self.opens is None or wish.at > self.opens):
            self.opens = wish.at

    def resume_at(self) -> str | None:
        """Return nothing: where a run goes on is said by the order of its groups."""
        return None

    def stopped_at(self, pair: str | None) -> None:
        """Leave that to whoever closes the run."""

    def cached(self, name: str) -> bytes | None:
        return self._index if name == INDEX else self._state.cached(name)

    def cache(self, name: str, content: bytes) -> None:
        if name == INDEX:
            self._index = content
        else:
            self._state.cache(name, content)


def _until(lock: bytes) -> datetime:
    return datetime.fromisoformat(json.loads(lock)["until"])
