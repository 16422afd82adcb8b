"""Trials made from a seed: a world, pairs, faults, people, and pauses between runs. The same seed is the same trial.

These are of playlists and Liked Songs; those of wider.py have sources of every kind and two accounts.
"""

import random
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from typing import Final, TypeVar

from syncer.model import Pair, PlaylistSource
from syncer.sandbox import Injected, Limit, Media, Playlist, World, track
from tests.promise import checks
from tests.promise.faults import ADD, FAULTS, among_others
from tests.promise.harness import Act, Trial, W, kill
from tests.promise.scenes import at_start, pair

T = TypeVar("T")
PAUSES: Final = (1, 5, 20, 40, 43, 50, 120, 3600, 100_000)
DEADLINES: Final = (None, None, None, None, 3, 20, 55, 70, 120, 180, 600)
ROUTES: Final = (
    *([(("one", "two"),), (("liked", "two"),)] * 3),
    (("one", "two"), ("two", "three")),
    (("one", "two"), ("liked", "three")),
    (("one", "two"), ("three", "two")),
    (("one", "two"), ("two", "one")),
    (("liked", "one"), ("one", "two"), ("two", "three")),
)
SIZES: Final = (0, 1, 2, 3, 5, 8)
LARGE: Final = (49, 50, 51, 99, 100, 101, 130)

RELINKED: Final = "P11 relinked"
MIXED: Final = [name for name in FAULTS if name != RELINKED]
KINDS: Final = (
    *FAULTS,
    "R1 deadline",
    "R2 kill",
    "R3 again within seconds",
    "R4 second process",
    "R5 signal",
    "R6 disk fails",
    "R6 torn state",
    "N14 clock set anew",
    "T1 sign-in withdrawn",
    "P7 added while we run",
    "P7 removed while we run",
    "P7 moved while we run",
    "P13 removed between runs",
    "N10 limit of the app",
    "two batches",
    "many pages",
    "position start",
)
"""All that a trial can meet, as it is counted."""


class Schedule:
    """The trial of *seed*. ``met`` counts what it met."""

    def __init__(self, seed: int) -> None:
        self.chance = random.Random(seed)  # noqa: S311 - the same each time is the point
        self.met: Counter[str] = Counter()
        starts = seed % 3 == 2  # one in three
        self.trial = Trial(at_start(self._scene) if starts else self._scene, seed=seed)
        self.met["position start"] += starts
        self._disturbed = False
        """Whether somebody changed a target."""
        self._untold = False
        """Whether what landed may never be told: killed, or a disk that failed."""
        self._relinked = False
        """Whether something reads back under another URI, which only the state knows."""
        self._serial = 0

    def _maybe(self, share: float) -> bool:
        return self.chance.random() < share

    # --- the world ---

    def _scene(self, world: World) -> Sequence[Pair]:
        self._large = large = self._maybe(0.08)
        pool: list[Media | str | None] = [track(number, "pool") for number in range(200 if large else 16)]
        lists = {name: world.playlist(name, items=self._some(pool, large=large)) for name in ("one", "two", "three")}
        world.like([item for item in self._some(pool, large=large) if item is not None])
        return [
            pair(f"{source}-{target}", source if source == "liked" else lists[source], lists[target])
            for source, target in self.chance.choice(ROUTES)
        ]

    def _some(self, pool: Sequence[T], *, large: bool) -> list[T]:
        picked = self.chance.sample(pool, min(len(pool), self.chance.choice(LARGE if large else SIZES)))
        repeats = self.chance.sample(picked, min(self.chance.randint(0, 2), len(picked)))
        return [*picked, *repeats]

    # --- the story ---

    def play(self) -> Counter[str]:
        """Play it and check what it leaves; return what it met."""
        for _ in range(self.chance.randint(1, 3)):
            if self._maybe(0.03):
                injected = self._relinking()
                self.trial.run()
                self.trial.heal()
            else:
                injected = self._troubles()
                self.trial.run(at=self._acts(), deadline=self._deadline())
            self.met.update({name: one.fired for name, one in injected})
            self._pause()
        self._dry_run()
        checks.check(self.trial, undisturbed=not self._disturbed, same_sources=self._sources_stayed())
        if not self._untold:
            checks.everything_that_landed_is_told(self.trial)
        self._measure()
        return self.met

    def _relinking(self) -> list[tuple[str, Injected]]:
        """Let what is added read back under other URIs.

        Alone, for there is a gap: only the run that adds can find that out, W later. One that is cut short before has
        the next run add the same once more.
        """
        self.trial.heal()
        self.trial.later(2 * W)
        self._disturbed = self._relinked = True
        return [(RELINKED, self.trial.world.inject(FAULTS[RELINKED]))]

    def _troubles(self) -> list[tuple[str, Injected]]:
        injected = []
        for name in self.chance.sample(MIXED, self.chance.choice([0, 1, 1, 1, 2, 3])):
            fault = among_others(FAULTS[name])
            if fault.method == "*" and self._maybe(0.3):
                fault = replace(fault, **ADD)
            after = self.chance.randint(0, 2 if fault.method == "POST" else 12)
            times = self.chance.choice([1, 1, 1, 2, 5, None])
            injected.append((name, self.trial.world.inject(replace(fault, after=after, times=times))))
        if self._maybe(0.04):
            self.trial.world.limits.append(Limit(requests=self.chance.randint(1, 20), window=30))
            self.met["N10 limit of the app"] += 1
        if self._maybe(0.04):
            self._withdraw()
        if self._maybe(0.05):
            self._break_disk()
        return injected

    def _withdraw(self) -> None:
        self.trial.wired.sign_in.revoked = True
        self.trial.world.access_tokens.clear()
        self.met["T1 sign-in withdrawn"] += 1

    def _break_disk(self) -> None:
        left = self.chance.randint(0, 12)

        def fails() -> bool:
            nonlocal left
            left -= 1
            self.met["R6 disk fails"] += left == -1
            return left < 0

        self.trial.state.fails = fails
        self._untold = True

    def _deadline(self) -> float | None:
        seconds = self.chance.choice(DEADLINES)
        self.met["R1 deadline"] += seconds is not None
        self.trial.latency = self.chance.choice([0, 0, 0.5, 4])
        return seconds

    def _pause(self) -> None:
        """Let some time pass, and others do things meanwhile."""
        seconds = self.chance.choice(PAUSES)
        self.met["R3 again within seconds"] += seconds < W
        torn = self._maybe(0.03) and not self._relinked
        if torn:
            self.trial.tear()
            self.met["R6 torn state"] += 1
            self._untold = True
        if self._maybe(0.06):
            self._set_clock(ahead=seconds >= 2 * W and not torn)
        self.trial.later(seconds)
        if self._maybe(0.6):
            self.trial.heal()
        if self._maybe(0.3):
            self._edit_sources()
        if self._maybe(0.1):
            self._remove_between_runs()

    def _set_clock(self, *, ahead: bool) -> None:
        """Set our clock anew; ahead only where no two runs follow within W: then what was kept seems older."""
        self.trial.jump(self.chance.choice([-86_400, -3600, -30] + ([3600, 86_400] if ahead else [])))
        self.met["N14 clock set anew"] += 1

    # --- people ---

    def _edit_sources(self) -> None:
        for one in self.trial.pairs:
            source = one.sources[0]
            if isinstance(source, PlaylistSource) and source.id not in self.trial.old:
                playlist = self.trial.world.playlists[source.id]
                self.trial.world.add(playlist, self._new(), self.chance.choice([None, 0]))
        self.trial.world.like(self._new())

    def _new(self) -> list[Media]:
        self._serial += 1
        return [track(100 * self._serial + number, "new") for number in range(self.chance.randint(1, 3))]

    def _target(self) -> Playlist:
        return self.trial.world.playlists[self.chance.choice(list(self.trial.old))]

    def _remove_between_runs(self) -> None:
        playlist = self._target()
        if playlist.entries:
            self.trial.world.remove_at(playlist, self.chance.randrange(len(playlist.entries)))
            self.met["P13 removed between runs"] += 1
            self._disturbed = self._untold = True

    def _acts(self) -> dict[int, Act]:
        """Return what happens at some of the steps of the next run."""
        acts: dict[int, Act] = {}
        choices: tuple[tuple[float, Act], ...] = (
            (0.3, self._kill),
            (0.05, self._stop),
            (0.04, self._intrude),
            (0.12, self._add),
            (0.08, self._remove),
            (0.06, self._move),
        )
        for share, act in choices:
            if self._maybe(share):
                acts[self.chance.randint(0, 50)] = act
        if self._large:  # where a target has several pages, let entries go and come between two of them
            for step in self.chance.sample(range(6, 30), self.chance.randint(0, 4)):
                acts[step] = self.chance.choice([self._remove, self._add])
        return acts

    def _kill(self) -> None:
        self.met["R2 kill"] += 1
        self._untold = True
        kill()

    def _stop(self) -> None:
        self.met["R5 signal"] += 1
        self.trial.stop()

    def _intrude(self) -> None:
        report = self.trial.intrude()
        if report.error and report.error.code == "locked":
            self.met["R4 second process"] += 1

    def _add(self) -> None:
        playlist = self._target()
        self.trial.world.add(playlist, self._new(), self.chance.choice([None, None, 0]))
        self.met["P7 added while we run"] += 1
        self._disturbed = True

    def _remove(self) -> None:
        playlist = self._target()
        if playlist.entries:
            self.trial.world.remove_at(playlist, self.chance.randrange(len(playlist.entries)))
            self.met["P7 removed while we run"] += 1
            self._disturbed = self._untold = True

    def _move(self) -> None:
        playlist = self._target()
        if length := len(playlist.entries):
            self.trial.world.move(playlist, self.chance.randrange(length), self.chance.randrange(length + 1))
            self.met["P7 moved while we run"] += 1
            self._disturbed = True

    # --- the end ---

    def _sources_stayed(self) -> bool:
        return not self._serial

    def _dry_run(self) -> None:
        """Let a plan be made now and then, and see that a run adds just that (I10)."""
        if not self._maybe(0.1):
            return
        self.trial.heal()
        self.trial.later(100_000)
        self.trial.outlast()
        planned = self.trial.plan()
        ran = self.trial.run()
        assert planned is not None
        assert ran is not None
        if not planned.error and not ran.error:
            checks.a_run_adds_what_was_planned(planned, ran)

    def _measure(self) -> None:
        self.met["two batches"] += any(len(sent.call.uris) == 100 for run in self.trial.processes for sent in run.adds)
        self.met["many pages"] += any(len(self.trial.held(target)) > 50 for target in self.trial.old)
