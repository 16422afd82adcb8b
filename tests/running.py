"""A service over fakes, and what its reports come to."""

from collections.abc import Callable, Sequence

from syncer.budget import Stop
from syncer.errors import Code, SyncError
from syncer.model import MAX_ITEMS, Outcome, Pair, Report, Request
from syncer.ports import Connect, Watch
from syncer.service import Service
from syncer.state.nothing import NoState
from syncer.tracklist import read
from tests.fakes import FakeAccounts, FakeClock, FakePlaylists, FakeWatch, MemoryState, NoChance, OneByOne, config


def service(
    playlists: FakePlaylists,
    *,
    state: NoState | None = None,
    clock: FakeClock | None = None,
    stop: Stop | None = None,
    watch: Watch | None = None,
    connect: Connect | None = None,
    limit: int = MAX_ITEMS,
    **refused: SyncError,
) -> Service:
    """Return a service as a new process has it; what is kept is in *state*, and a target holds *limit* items."""
    return Service(
        connect=connect or FakeAccounts(playlists, **refused),
        state=state or MemoryState(),
        clock=clock or FakeClock(),
        chance=NoChance(),
        watch=watch or FakeWatch(),
        stop=stop or Stop(),
        executor=OneByOne(),
        files=read,
        limit=limit,
    )


class Runs:
    """Runs of the same pairs, one after the other, each as a new process has it."""

    def __init__(self, playlists: FakePlaylists, *pairs: Pair, state: Callable[[], NoState] | None = None) -> None:
        kept = MemoryState()
        self.playlists = playlists
        self.pairs = pairs
        self.state = state or (lambda: kept)
        self.clock = FakeClock()
        self.connect: Connect = FakeAccounts(playlists)
        self.limit = MAX_ITEMS
        self.report: Report | None = None

    def run(self, *, hours: float = 1, plan: bool = False, only: Sequence[str] = ()) -> list[str]:
        """Run or *plan* all pairs or *only* some, *hours* after the last one; return what was asked for."""
        self.clock.elapsed += hours * 3600
        self.playlists.reads.clear()
        process = self.service()
        self.report = (process.plan if plan else process.run)(config(*self.pairs), Request(names=tuple(only)))
        return list(self.playlists.reads)

    def service(self) -> Service:
        """Return the service as a new process has it."""
        return service(self.playlists, state=self.state(), clock=self.clock, connect=self.connect, limit=self.limit)

    @property
    def outcome(self) -> Outcome:
        """What became of the first pair in the last run."""
        assert self.report is not None
        return self.report.outcomes[0]

    @property
    def said(self) -> list[str]:
        assert self.report is not None
        return [outcome.status.value for outcome in self.report.outcomes]

    @property
    def codes(self) -> list[Code | None]:
        assert self.report is not None
        return [outcome.error.code if outcome.error else None for outcome in self.report.outcomes]


def statuses(report: Report) -> list[str]:
    return [outcome.status.value for outcome in report.outcomes]


def codes(report: Report) -> list[Code | None]:
    return [outcome.error.code if outcome.error else None for outcome in report.outcomes]
