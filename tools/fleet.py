"""Count how long a fleet takes for very many pairs, beside one Lambda, and what both cost; exit 1 if a limit is missed.

It takes minutes of ours to go through hours of theirs: tools/fleet_stage.py says what is real of it. `--costs` counts
what a run uses of AWS, hour by hour, in place of the time.
"""

import sys
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from dataclasses import dataclass
from multiprocessing import get_context
from typing import Final

from tools.figures import HEADER, Row, show
from tools.fleet_stage import Alone, Fleet, Place, Took, took

SIZES: Final = (10, 100, 1_000, 5_000)
APPS: Final = 20
WORKERS: Final = 5
"""At once, where the stack is told no other number."""
SIDE_BY_SIDE: Final = 2
NEARLY: Final = 1.1
"""How many times the requests of one Lambda a fleet may need."""
WORTH_IT: Final = 5
"""How many times as fast as one Lambda APPS workers have to be for as many apps, where there is much to do."""
NEWS: Final = 0.05
"""Share of the sources that have something new every hour."""
RUNS_A_MONTH: Final = 730
IDLE_RECEIVES: Final = 648_000
"""Requests a month with which Lambda asks a queue for messages while it has none: five at a time, 20 s each."""
LAMBDA_GB: Final = 0.5


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """What runs took: one with news in every pair, and one without any."""

    news: Took
    idle: Took


def measure(pairs: int, accounts: int, workers: int) -> Measured:
    """Have a fleet of so many *workers* do both; without any, one Lambda."""
    place = Place(pairs=pairs, accounts=accounts)
    way = Fleet(place, workers) if workers else Alone(place)
    news, idle = took(place, way), took(place, way)
    if news.added != pairs or idle.added:
        sys.exit(f"this is not what was to be measured: {news}, {idle}")
    return Measured(news=news, idle=idle)


def rows() -> Iterator[Row]:
    """Measure all sizes, with one app and with many."""
    with ProcessPoolExecutor(SIDE_BY_SIDE, get_context("spawn")) as pool:

        def all_sizes(accounts: int, workers: int) -> list[Future[Measured]]:
            return [pool.submit(measure, pairs, accounts, workers) for pairs in reversed(SIZES)][::-1]

        few, few_alone = all_sizes(1, WORKERS), all_sizes(1, 0)
        many, many_alone = all_sizes(APPS, APPS), all_sizes(APPS, 0)
        yield from _beside(f"all of one app, {WORKERS} workers", _results(few), _results(few_alone))
        yield from _beside(f"spread over {APPS} apps, {APPS} workers", _results(many), _results(many_alone))
        large = SIZES.index(1_000)
        ours, alone = many[large].result().news.seconds, many_alone[large].result().news.seconds
        what = f"… {SIZES[large]:,} pairs of {APPS} apps with news"
        yield Row(what=what, ours=(ours,), plain=(alone,), unit="s", at_most=alone / WORTH_IT)


def _results(futures: Sequence[Future[Measured]]) -> list[Measured]:
    return [future.result() for future in futures]


def _beside(what: str, ours: Sequence[Measured], alone: Sequence[Measured]) -> Iterator[Row]:
    """Yield what a fleet took, and in place of spotipy what one Lambda did."""
    sizes = " / ".join(f"{size:,}" for size in SIZES)
    yield from _took(
        f"a fleet beside one Lambda: {sizes} pairs, {what}, at 50 ms a request, news in every pair",
        [one.news for one in ours],
        [one.news for one in alone],
    )
    yield from _took("… without news", [one.idle for one in ours], [one.idle for one in alone])


def _took(what: str, ours: Sequence[Took], alone: Sequence[Took]) -> Iterator[Row]:
    yield Row(
        what=f"{what}: requests",
        ours=tuple(one.requests for one in ours),
        plain=tuple(one.requests for one in alone),
        at_most=tuple(NEARLY * one.requests for one in alone),
    )
    yield Row(what="… requests refused as too many", ours=(sum(one.refused for one in ours),), at_most=0)
    seconds = [tuple(one.seconds for one in each) for each in (ours, alone)]
    yield Row(what="… seconds", ours=seconds[0], plain=seconds[1], unit="s")
    runs = [tuple(one.runs for one in each) for each in (ours, alone)]
    yield Row(what="… hourly runs", ours=runs[0], plain=runs[1])


# --- what it costs ----------------------------------------------------------------------------------------------------


def hourly(pairs: int, accounts: int) -> tuple[Took, Took]:
    """Return what one run of many takes, by a fleet and by one Lambda, with NEWS in some pairs."""
    place = Place(pairs=pairs, accounts=accounts)
    fleet, alone = Fleet(place, WORKERS), Alone(place)
    took(place, fleet)  # which reads everything
    found = []
    for way in (fleet, alone):
        place.renew(NEWS)
        found.append(took(place, way))
        if found[-1].added != pairs * NEWS:
            sys.exit(f"this is not what was to be measured: {found[-1]}")
    return found[0], found[1]


@dataclass(frozen=True, slots=True, kw_only=True)
class Paid:
    """Something that has a price."""

    what: str
    times: float
    """In a run."""
    usd: float
    """For each."""
    a_month: float = 0
    """Beside those of the runs."""

    @property
    def usd_a_month(self) -> float:
        return (self.times * RUNS_A_MONTH + self.a_month) * self.usd


def paid(run: Took, *, has_queue: bool) -> list[Paid]:
    """Return what a month of such runs is paid by; list prices are those of docs/deploy.md."""
    calls = run.used.calls
    secrets = sum(calls[name] for name in ("GetSecretValue", "PutSecretValue", "UpdateSecretVersionStage"))
    sqs = sum(calls[name] for name in ("SendMessageBatch", "ReceiveMessage", "DeleteMessage"))
    reads = calls["GetItem"] + calls["Query"]
    writes = calls["PutItem"] + calls["DeleteItem"] + calls["TransactWriteItems"]
    return [
        Paid(what="requests to Spotify", times=run.requests, usd=0),
        Paid(what="DynamoDB: reads", times=reads, usd=0),
        Paid(what="DynamoDB: read units", times=run.used.read_units, usd=0.14e-6),
        Paid(what="DynamoDB: writes", times=writes, usd=0),
        Paid(what="DynamoDB: write units", times=run.used.write_units, usd=0.70e-6),
        Paid(what="SQS: requests", times=sqs, usd=0.40e-6, a_month=IDLE_RECEIVES if has_queue else 0),
        Paid(what="Lambda: invocations", times=calls["Invoke"], usd=0.20e-6),
        Paid(what="Lambda: GB-s", times=run.used.seconds * LAMBDA_GB, usd=0.0000166667),
        Paid(what="Secrets Manager: calls", times=secrets, usd=0.05e-4),
    ]


def costs() -> None:
    """Print what an hourly run uses, and what that is in USD a month."""
    places = [(pairs, accounts) for pairs in (1_000, 5_000) for accounts in (1, APPS)]
    with ProcessPoolExecutor(SIDE_BY_SIDE, get_context("spawn")) as pool:
        runs = list(pool.map(hourly, *zip(*places, strict=True)))
    for (pairs, accounts), run in zip(places, runs, strict=True):
        apps = "one app" if accounts == 1 else f"{accounts} apps"
        print(f"\n{pairs:,} pairs of {apps}, {pairs * NEWS:,.0f} with news every hour:\n")
        print(f"| In a run | {WORKERS} workers | USD a month | One Lambda | USD a month |\n|---|---|---|---|---|")
        print(*_lines(*run), sep="\n", flush=True)


def _lines(fleet: Took, alone: Took) -> Iterator[str]:
    each = paid(fleet, has_queue=True), paid(alone, has_queue=False)
    for ours, other in zip(*each, strict=True):
        cells = [f"{one.times:,.0f} | {one.usd_a_month:.2f}" for one in (ours, other)]
        yield f"| {ours.what} | {' | '.join(cells)} |"
    cells = [
        f"{run.seconds:.0f} s | {sum(one.usd_a_month for one in paid):.2f}"
        for run, paid in zip((fleet, alone), each, strict=True)
    ]
    yield f"| All of it | {' | '.join(cells)} |"


if __name__ == "__main__":
    if "--costs" in sys.argv:
        costs()
    else:
        print(HEADER, flush=True)
        sys.exit(show(rows()))
