"""The disk under the state store: it outlives processes, and it can fail."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime

from syncer.cache import Cache
from syncer.errors import StateUnusable
from syncer.ids import PlaylistId, Uri
from syncer.model import Add, AddState, NotBefore, Play, Volume
from tests.fakes import MemoryState


class Disk(MemoryState):
    """A state store that outlives processes. It can fail, and it can be found torn.

    ``step`` is called on either side of every write; ``fails`` says of each of its calls whether it does.
    """

    def __init__(self) -> None:
        super().__init__()
        self.step: Callable[[], object] = lambda: None
        self.fails: Callable[[], bool] = lambda: False
        self.failed = 0
        """How often it did."""
        self._writing = False

    @property
    def is_locked(self) -> bool:
        """Whether a process is in."""
        return self._locked

    def all(self) -> list[Add]:
        """Return every add that is kept."""
        return list(self._adds.values())

    def diary(self, name: str) -> tuple[Play, ...]:
        """Return what is written down there, whether the disk fails or not."""
        fails, self.fails = self.fails, lambda: False
        try:
            return Cache(self).diary(name)
        finally:
            self.fails = fails

    def tear(self, now: datetime) -> None:
        """Lose everything, as a store does that is found torn."""
        self._adds.clear()
        self._volumes.clear()
        self._limits.clear()
        self._stopped_at = None
        self._cache.clear()
        self.unknown_since = now

    @contextmanager
    def lock(self, run_id: str, *, now: datetime, until: datetime) -> Iterator[None]:
        self._may_fail()
        with super().lock(run_id, now=now, until=until):
            yield

    def sending(self, add: Add) -> None:
        with self._write():
            super().sending(add)

    def settle(self, add: Add, *, landed: Sequence[Uri], state: AddState) -> None:
        with self._write():
            super().settle(add, landed=landed, state=state)

    def adds(self, target: PlaylistId, *, since: datetime) -> tuple[Add, ...]:
        self._may_fail()
        return super().adds(target, since=since)

    def volumes(self, account: str, series: str) -> tuple[Volume, ...]:
        self._may_fail()
        return super().volumes(account, series)

    def keep_volume(self, volume: Volume) -> None:
        with self._write():
            super().keep_volume(volume)

    def forget_volume(self, volume: Volume) -> None:
        with self._write():
            super().forget_volume(volume)

    def not_before(self, client_id: str) -> NotBefore | None:
        self._may_fail()
        return super().not_before(client_id)

    def wait(self, client_id: str, wish: NotBefore) -> None:
        with self._write():
            super().wait(client_id, wish)

    def resume_at(self) -> str | None:
        self._may_fail()
        return super().resume_at()

    def stopped_at(self, pair: str | None) -> None:
        with self._write():
            super().stopped_at(pair)

    def cached(self, name: str) -> bytes | None:
        self._may_fail()
        return super().cached(name)

    def cache(self, name: str, content: bytes) -> None:
        with self._write():
            super().cache(name, content)

    @contextmanager
    def _write(self) -> Iterator[None]:
        """Be one write, all or nothing, whatever it is made of; a failure may come before it or after."""
        if self._writing:
            yield
            return
        self.step()
        self._may_fail()
        self._writing = True
        try:
            yield
        finally:
            self._writing = False
        self.step()
        self._may_fail()

    def _may_fail(self) -> None:
        if not self._writing and self.fails():
            self.failed += 1
            raise StateUnusable("the disk is full", hint="make room on it")
