"""State that ends with the process, for those who keep none."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime

from syncer.errors import Locked
from syncer.ids import PlaylistId, Uri
from syncer.model import Add, AddState, NotBefore, Volume
from syncer.state import rows


class NoState:
    """Remembers while the process lives, so that a run knows what it sent itself."""

    keeps = False
    unknown_since: datetime | None = None

    def __init__(self) -> None:
        self._locked = False
        self._adds: dict[tuple[PlaylistId, str], Add] = {}
        self._volumes: dict[tuple[str, str, int], Volume] = {}
        self._limits: dict[str, NotBefore] = {}
        self._stopped_at: str | None = None

    @contextmanager
    def lock(self, run_id: str, *, now: datetime, until: datetime) -> Iterator[None]:  # noqa: ARG002 - the port's
        """Keep out other runs of this process alone: there is nothing here that another process could see."""
        if self._locked:
            raise Locked("this process")
        self._locked = True
        try:
            yield
        finally:
            self._locked = False

    def sending(self, add: Add) -> None:
        self._adds[add.target, add.id] = add

    def settle(self, add: Add, *, landed: Sequence[Uri], state: AddState) -> None:
        self._adds.pop((add.target, add.id), None)
        if left := rows.settled(add, landed, state):
            self.sending(left)

    def adds(self, target: PlaylistId, *, since: datetime) -> tuple[Add, ...]:
        concerned = (
            add
            for add in self._adds.values()
            if add.target == target and (add.state is not AddState.LANDED or add.at >= since)
        )
        return tuple(sorted(concerned, key=lambda add: add.id))

    def record(self) -> Iterator[Add]:
        landed = (add for add in self._adds.values() if add.state is not AddState.SENT)
        yield from sorted(landed, key=lambda add: (add.at, add.id), reverse=True)

    def volumes(self, account: str, series: str) -> tuple[Volume, ...]:
        return tuple(self._volumes[key] for key in sorted(self._volumes) if key[:2] == (account, series))

    def keep_volume(self, volume: Volume) -> None:
        self._volumes[volume.account, volume.series, volume.number] = volume

    def forget_volume(self, volume: Volume) -> None:
        self._volumes.pop((volume.account, volume.series, volume.number), None)

    def not_before(self, client_id: str) -> NotBefore | None:
        return self._limits.get(client_id)

    def wait(self, client_id: str, wish: NotBefore) -> None:
        kept = self._limits.get(client_id)
        if kept is None or wish.at >= kept.at:
            self._limits[client_id] = wish

    def resume_at(self) -> str | None:
        return self._stopped_at

    def stopped_at(self, pair: str | None) -> None:
        self._stopped_at = pair

    def cached(self, name: str) -> bytes | None:  # noqa: ARG002 - the port's
        """Return nothing: a run without state asks for the same in a warm process as in a cold one."""
        return None

    def cache(self, name: str, content: bytes) -> None: ...
