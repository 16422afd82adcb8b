"""Play trials made from seeds for as long as one likes: ``make soak``, or with numbers of one's own.

python tools/soak.py --seeds 1000000 --minutes 600
python tools/soak.py --replay 4711
python tools/soak.py --years 10
python tools/soak.py --kills 1000
"""

import argparse
import os
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import FIRST_COMPLETED, Executor, ProcessPoolExecutor, wait
from itertools import islice
from pathlib import Path

ROOT = Path(__file__).parent.parent
sys.path.insert(0, str(ROOT))

from tests.promise.stories import FEWEST, KINDS, SEEDS, play, rare, story  # noqa: E402 - found below the root
from tests.promise.years import Years  # noqa: E402 - the same

CHUNK = 200


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=SEEDS, help="how many (default %(default)s)")
    parser.add_argument("--from", dest="first", type=int, default=0, metavar="SEED", help="the first of them")
    parser.add_argument("--minutes", type=float, default=float("inf"), help="begin no more after that")
    parser.add_argument("--replay", type=int, metavar="SEED", help="play one, and show where it fails")
    parser.add_argument("--years", type=float, help="live through years of hourly runs instead")
    parser.add_argument("--kills", type=int, help="kill that many real processes instead")
    asked = parser.parse_args()
    if asked.replay is not None:
        print(dict(+story(asked.replay).play()))
        return 0
    if asked.years is not None:
        return _live(asked.years)
    if asked.kills is not None:
        return _kill(asked.kills)
    return _soak(asked.first, asked.seeds, asked.minutes)


def _live(number: float) -> int:
    years = Years(number)
    years.live()
    print(f"{years.runs} runs, {years.deaths} ends of a sign-in, each announced; {years.added} items added")
    return 0


def _kill(number: int) -> int:
    command = [sys.executable, "-m", "pytest", "-q", "-n", "auto", "tests/promise/test_processes.py"]
    return subprocess.run(command, cwd=ROOT, env={**os.environ, "PROMISE_KILLS": str(number)}, check=False).returncode  # noqa: S603 - our own tests


def _soak(first: int, seeds: int, minutes: float) -> int:
    ends = time.monotonic() + 60 * minutes
    met: Counter[str] = Counter()
    failed: dict[int, str] = {}
    played = 0
    with ProcessPoolExecutor() as processes:
        for chunk, found, wrong in _in_step(processes, _chunks(first, seeds, ends)):
            met += found
            failed |= wrong
            played += len(chunk)
            for seed, error in wrong.items():
                print(f"seed {seed}: {error}\n    python tools/soak.py --replay {seed}", flush=True)
    fewest = FEWEST * played / SEEDS
    for name in KINDS:
        print(f"{met[name]:10} {name}{'   HARDLY MET' if met[name] < fewest else ''}")
    print(f"{played} trials, {len(failed)} failed")
    return 1 if failed or rare(met, fewest) or not played else 0


Result = tuple[range, Counter[str], dict[int, str]]


def _in_step(processes: Executor, chunks: Iterator[range]) -> Iterator[Result]:
    """Yield what comes of *chunks*, each taken from there when somebody is about to have time for it."""
    under_way = {processes.submit(_played, chunk) for chunk in islice(chunks, 2 * (os.cpu_count() or 1))}
    while under_way:
        done, under_way = wait(under_way, return_when=FIRST_COMPLETED)
        under_way |= {processes.submit(_played, chunk) for chunk in islice(chunks, len(done))}
        yield from (one.result() for one in done)


def _chunks(first: int, seeds: int, ends: float) -> Iterator[range]:
    for start in range(first, first + seeds, CHUNK):
        if time.monotonic() > ends:
            return
        yield range(start, min(start + CHUNK, first + seeds))


def _played(chunk: range) -> Result:
    failed: dict[int, str] = {}
    met = play(chunk, fail=lambda seed, error: failed.update({seed: repr(error)}))
    return chunk, met, failed


if __name__ == "__main__":
    sys.exit(main())
