"""Measure the figures that the README quotes, each beside plain spotipy and its limit; exit 1 if one is missed.

Each run is a process of its own against a sandbox on loopback: ours is `syncer run` with its state in a file, the
other one is tools/naive.py, which keeps nothing, so that all its runs are alike.
"""

import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from syncer.ids import PlaylistId, Uri
from syncer.model import Item, Pair, PlaylistSource
from syncer.planner import plan
from syncer.spotify.gate import CEILING
from tools import fleet, kinds
from tools.figures import HEADER, Row, show
from tools.stage import Cost, Stage, staged

LATENCIES: Final = (0.0, 0.05, 0.15)
USUAL: Final = 0.05
"""Seconds that the sandbox waits before each answer."""
AT: Final = "at 0 / 50 / 150 ms a request"
UNPACED: Final = 1_000.0
"""Requests a second: more than the sandbox can serve."""
OPENED: Final = 100.0
LIMIT: Final = 10
SIDE_BY_SIDE: Final = 6
GROWTH: Final = (1, 10, 100, 1_000)
MANY: Final = 10_000
NEWS: Final = 30
ROUNDS: Final = 15


@dataclass(frozen=True, slots=True, kw_only=True)
class Waits:
    """Runs that wait more than they work; those of a tuple differ in latency."""

    plain: tuple[Cost, ...]
    """20 pairs of 2,000."""
    cold: tuple[Cost, ...]
    """The same by ours, for the first time."""
    plain_limited: Cost
    limited: Cost
    """Both within a limit of Spotify's."""
    plain_large: tuple[Cost, ...]
    """One pair of 9,900."""
    large: tuple[Cost, ...]


def waits() -> Waits:
    """Measure side by side what would take a quarter of an hour one by one."""
    plain, cold = (partial(way, pairs=20, target=2_000) for way in (_plain, _cold))
    plain_large, large = (partial(way, pairs=1, target=9_900) for way in (_plain, _cold))
    with ThreadPoolExecutor(SIDE_BY_SIDE) as pool:
        plain_limited = pool.submit(plain, USUAL, limit=LIMIT)
        limited = pool.submit(cold, USUAL, limit=LIMIT)
        slowest = pool.submit(plain, LATENCIES[-1])
        colds, plain_larges, larges = (pool.map(way, LATENCIES) for way in (cold, plain_large, large))
    return Waits(
        plain=(*map(plain, LATENCIES[:-1]), slowest.result()),  # two of them undisturbed
        cold=tuple(colds),
        plain_limited=plain_limited.result(),
        limited=limited.result(),
        plain_large=tuple(plain_larges),
        large=tuple(larges),
    )


def _plain(latency: float, *, pairs: int, target: int, limit: int | None = None) -> Cost:
    with staged(pairs=pairs, target=target, limit=limit) as stage:
        return stage.plain(latency=latency)


def _cold(latency: float, *, pairs: int, target: int, limit: int | None = None, pace: float | None = None) -> Cost:
    with staged(pairs=pairs, target=target, limit=limit) as stage:
        return stage.ours(latency=latency, per_second=pace)


def idle(what: str, plain: Sequence[Cost] = (), *, pairs: int, requests: int) -> Iterator[Row]:
    """Sync pairs of 2,000 without news, after a run that read them."""
    with staged(pairs=pairs, target=2_000) as stage:
        stage.ours(per_second=UNPACED)
        ours = [stage.ours(latency=latency) for latency in LATENCIES]
        plain = plain or [stage.plain(latency=latency) for latency in LATENCIES]
    yield _requests(what, ours, plain, at_most=requests)
    yield Row(what="… requests for a token", ours=(max(cost.tokens for cost in ours),), at_most=0)
    yield _seconds(ours, plain)


def changed() -> Iterator[Row]:
    """Add 30 new items to a source of 50, sync, and sync once more."""
    ours, after, plain, plain_after = zip(*_changes(), strict=True)
    yield _requests(f"{NEWS} new items for a target of 2,000", ours, plain, at_most=5)
    yield _seconds(ours, plain)
    yield _requests("the idle run after it", after, plain_after, at_most=2)
    yield _seconds(after, plain_after)


def _changes() -> Iterator[tuple[Cost, ...]]:
    for latency in LATENCIES:
        with staged(pairs=1, target=2_000) as stage, staged(pairs=1, target=2_000) as other:
            stage.ours(per_second=UNPACED)
            ours = _change(stage, partial(stage.ours, latency=latency))
            yield *ours, *_change(other, partial(other.plain, latency=latency))


def _change(stage: Stage, sync: Callable[[], Cost]) -> tuple[Cost, Cost]:
    stage.renew(NEWS)
    return sync(), sync()


def cold(waited: Waits) -> Iterator[Row]:
    """Sync for the first time: everything has to be read."""
    plain, ours = waited.plain, waited.cold
    opened = _cold(USUAL, pairs=20, target=2_000, pace=OPENED)
    yield _requests("20 pairs of 2,000, first run", ours, plain, at_most=1.05 * plain[0].requests)
    yield _seconds(ours, plain, at_most=1.1 * ours[0].requests / CEILING)
    yield Row(
        what=f"… at 50 ms, if Spotify let us ask {OPENED:.0f} times a second",
        ours=(opened.seconds,),
        plain=(plain[1].seconds,),
        unit="s",
        at_most=0.4 * plain[1].seconds,
    )
    yield _requests("one pair of 9,900, first run", waited.large, waited.plain_large)
    yield _seconds(waited.large, waited.plain_large)


def limited(waited: Waits) -> Iterator[Row]:
    """Sync for the first time where Spotify serves 10 requests a second."""
    ours, plain = waited.limited, waited.plain_limited
    what = "20 pairs of 2,000, first run, at 50 ms and no more than 10 requests a second: pairs not done"
    yield Row(what=what, ours=(ours.lost,), plain=(plain.lost,), at_most=0)
    yield Row(what="… requests refused as too many", ours=(ours.refused,), plain=(plain.refused,))
    yield Row(what="… seconds", ours=(ours.seconds,), plain=(plain.seconds,), unit="s")


def growth() -> Iterator[Row]:
    """Sync ever more pairs without news."""
    ours, plain = zip(*map(_grown, GROWTH), strict=True)
    yield _requests("1 / 10 / 100 / 1,000 pairs of 50, idle", ours, plain, at_most=40, each=True)
    cpu = [tuple(cost.cpu for cost in costs) for costs in (ours, plain)]
    yield Row(what="… CPU", ours=cpu[0], plain=cpu[1], unit="s", at_most=3)


def _grown(pairs: int) -> tuple[Cost, Cost]:
    with staged(pairs=pairs, target=50) as stage:
        stage.ours(per_second=UNPACED)
        return stage.ours(), stage.plain()


def memory() -> Iterator[Row]:
    """Sync large playlists for the first time, as fast as the sandbox can serve."""
    peaks = []
    for pairs in (1, 100):
        with staged(pairs=pairs, target=MANY, source=MANY) as stage:
            ours = stage.ours(per_second=UNPACED)
            plain = stage.plain().peak if pairs == 1 else None
            peaks.append((pairs, ours.peak, plain))
    for pairs, peak, other in peaks:
        what = f"{'one pair' if pairs == 1 else f'{pairs} pairs'} of 10,000 x 10,000, first run: peak memory"
        yield Row(what=what, ours=(peak,), plain=(other,) if other else (), unit="MB", at_most=128)


def importing() -> Iterator[Row]:
    """Import what Lambda imports before the first event, and what a handler would that imports all it uses."""
    lines = "syncer.handler", "boto3, spotipy"
    rounds = [[_import(line) for line in lines] for _ in range(ROUNDS)]
    ours, plain = (min(column) * 1000 for column in zip(*rounds, strict=True))  # other work can only add to it
    what = "importing the handler, beside `import boto3, spotipy`: CPU"
    yield Row(what=what, ours=(ours,), plain=(plain,), unit="ms", at_most=0.5 * plain)


def _import(line: str) -> float:
    program = f"import time; start = time.process_time(); import {line}; print(time.process_time() - start)"
    return float(subprocess.check_output([sys.executable, "-c", program]))  # noqa: S603 - ours


def planning() -> Iterator[Row]:
    """Plan a source of 10,000 items into a target of 10,000, half of them shared."""
    pair = Pair(name="p", sources=(PlaylistSource(PlaylistId("s" * 22)),), target=PlaylistId("t" * 22))
    source = [_item(number) for number in range(MANY)]
    target = [_item(number + MANY // 2) for number in range(MANY)]
    seconds = _median(lambda: plan(pair, source, {item.uri for item in target if item.uri}), runs=ROUNDS)
    yield Row(what="planning 10,000 x 10,000 items", ours=(seconds * 1000,), unit="ms", at_most=50)


def _item(number: int) -> Item:
    return Item(uri=Uri(f"spotify:track:{number:022d}"), name=f"Track {number}", artists=("Someone",))


def validating() -> Iterator[Row]:
    """Run `syncer validate` on 1,000 pairs as a process of its own."""
    with TemporaryDirectory() as folder:
        path = Path(folder, "config.yaml")
        pairs = (f"  - name: pair-{n}\n    source: {n:022x}\n    target: {n:021x}t\n" for n in range(1000))
        path.write_text("pairs:\n" + "".join(pairs).replace(": 0", ": a"), encoding="utf-8")
        command = [sys.executable, "-m", "syncer", "validate", "--config", str(path)]
        seconds = _median(lambda: subprocess.run(command, check=True, capture_output=True), runs=5)  # noqa: S603 - ours
    yield Row(what="`syncer validate` of 1,000 pairs, whole process", ours=(seconds,), unit="s", at_most=1)


def _median(act: Callable[[], object], *, runs: int) -> float:
    taken = []
    for _ in range(runs):
        start = time.perf_counter()
        act()
        taken.append(time.perf_counter() - start)
    return statistics.median(taken)


def _requests(
    what: str, ours: Sequence[Cost], plain: Sequence[Cost], *, at_most: float | None = None, each: bool = False
) -> Row:
    """Return how many there were: of *each*, or the most of any, since they do not depend on how long one takes."""
    counts = [tuple(cost.requests for cost in costs) for costs in (ours, plain)]
    shown = counts if each else [(max(count),) for count in counts]
    return Row(what=f"{what}: requests", ours=shown[0], plain=shown[1], at_most=at_most)


def _seconds(ours: Sequence[Cost], plain: Sequence[Cost], *, at_most: float | None = None) -> Row:
    taken = [tuple(cost.seconds for cost in costs) for costs in (ours, plain)]
    return Row(what=f"… {AT}", ours=taken[0], plain=taken[1], unit="s", at_most=at_most)


def rows() -> Iterator[Row]:
    """Measure everything."""
    waited = waits()
    yield from idle("one pair of 2,000, idle", pairs=1, requests=1)
    yield from idle("20 pairs of 2,000, idle", waited.plain, pairs=20, requests=1)
    yield from changed()
    yield from cold(waited)
    yield from limited(waited)
    yield from growth()
    yield from memory()
    yield from importing()
    yield from planning()
    yield from validating()
    yield from kinds.rows()
    yield from fleet.rows()


if __name__ == "__main__":
    print(HEADER, flush=True)
    sys.exit(show(rows()))
