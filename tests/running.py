"""A service over fakes, and what its reports come to."""

from syncer.budget import Stop
from syncer.errors import Code, SyncError
from syncer.model import Report
from syncer.ports import Connect, Watch
from syncer.service import Service
from syncer.state.nothing import NoState
from tests.fakes import FakeAccounts, FakeClock, FakePlaylists, FakeWatch, MemoryState, NoChance, OneByOne


def service(
    playlists: FakePlaylists,
    *,
    state: NoState | None = None,
    clock: FakeClock | None = None,
    stop: Stop | None = None,
    watch: Watch | None = None,
    connect: Connect | None = None,
    **refused: SyncError,
) -> Service:
    """Return a service as a new process has it; what is kept is in *state*."""
    return Service(
        connect=connect or FakeAccounts(playlists, **refused),
        state=state or MemoryState(),
        clock=clock or FakeClock(),
        chance=NoChance(),
        watch=watch or FakeWatch(),
        stop=stop or Stop(),
        executor=OneByOne(),
    )


def statuses(report: Report) -> list[str]:
    return [outcome.status.value for outcome in report.outcomes]


def codes(report: Report) -> list[Code | None]:
    return [outcome.error.code if outcome.error else None for outcome in report.outcomes]
