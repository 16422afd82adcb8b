"""Trials made from a seed whose pairs read sources of every kind, some of them with a second person's sign-in."""

from collections.abc import Callable, Sequence
from functools import partial
from itertools import count
from typing import Final

from syncer.ids import PlaylistId
from syncer.model import DEFAULT_ACCOUNT, Pair
from syncer.sandbox import Playlist, User, World, track
from tests.promise.harness import Act
from tests.promise.scenes import HERS
from tests.promise.schedule import Schedule
from tests.promise.sources import Read
from tests.promise.supplies import Shop, Supply

SOURCES: Final = (
    "album",
    "artist",
    "saved_albums",
    "top",
    "show",
    "saved_episodes",
    "liked",
    "playlist",
    "recently_played",
    "recently_played of a list",
    "queue",
    "queue of a list",
    "file",
)
HEARD: Final = SOURCES[8:12]
KINDS: Final = (
    *(f"source {name}" for name in SOURCES),
    "read by another account",
    "written by another account",
    "T1 sign-in of one of two withdrawn",
    "played while we run",
    "more plays than Spotify shows",
    "plays missed",
)
"""All that such a trial can meet beside what others can."""


class Wider(Schedule):
    """The trial of *seed*."""

    # --- the world ---

    def _scene(self, world: World) -> Sequence[Pair]:
        self._large = large = self._maybe(0.08)
        self._pool = [track(number, "pool") for number in range(200 if large else 16)]
        self._lists = [world.playlist(name, items=self._some(self._pool, large=large)) for name in ("one", "two")]
        targets = [world.playlist(name, items=self._some(self._pool, large=large)) for name in ("three", "four")]
        other = world.add_user(HERS)
        hers = world.playlist("hers", items=self._some(self._pool, large=large), owner=other)
        self._people = {DEFAULT_ACCOUNT: world.me, HERS: other}
        self._supplies: dict[tuple[str, str], Supply] = {}
        return [self._pair(world, number, targets, hers) for number in range(self.chance.choice([1, 1, 2, 3]))]

    def _pair(self, world: World, number: int, targets: Sequence[Playlist], hers: Playlist) -> Pair:
        account = self.chance.choice([DEFAULT_ACCOUNT] * 4 + [HERS])
        target = hers if account == HERS else self.chance.choice(targets)
        reads = list(dict.fromkeys(self._read(world) for _ in range(self.chance.choice([1, 1, 2]))))
        self.met["read by another account"] += any(reader != account for reader, _ in reads)
        self.met["written by another account"] += account == HERS
        return Pair(
            name=f"pair-{number}",
            sources=tuple(source for _, source in reads),
            readers=tuple(reader for reader, _ in reads),
            target=PlaylistId(target.id),
            account=account,
        )

    def _read(self, world: World) -> Read:
        account = self.chance.choice([DEFAULT_ACCOUNT, DEFAULT_ACCOUNT, HERS])
        name = self.chance.choice([*SOURCES, *HEARD])
        if name == "file":
            account = DEFAULT_ACCOUNT  # there is one file
        if name.startswith("queue"):
            name = next((known for reader, known in self._supplies if reader == account and known in HEARD[2:]), name)
        if (account, name) not in self._supplies:
            self.met[f"source {name}"] += 1
            self._supplies[account, name] = self._supply(world, self._people[account], name)
        return account, self._supplies[account, name].source

    def _supply(self, world: World, user: User, name: str) -> Supply:
        kind, _, of_a_list = name.partition(" ")
        shop = Shop(world, user, self.chance, lambda: self._some(self._pool, large=self._large))
        return shop.supply(kind, self._lists[0] if of_a_list else None)

    # --- people ---

    def _withdraw(self) -> None:
        account = self.chance.choice(list(self.trial.users))
        self.trial.withdraw(account)
        self.met["T1 sign-in withdrawn"] += 1
        self.met["T1 sign-in of one of two withdrawn"] += len(self.trial.users) > 1

    def _break_disk(self) -> None:
        """Let it fail for good, or just once."""
        if self._maybe(0.5):
            super()._break_disk()
            return
        calls = count(-self.chance.randint(0, 40))

        def fails() -> bool:
            now = next(calls) == 0
            self.met["R6 disk fails"] += now
            return now

        self.trial.state.fails = fails
        self._untold = True

    def _edit_sources(self) -> None:
        for supply in self._supplies.values():
            if self._maybe(0.5):
                supply.renew(self._new())

    def _pause(self) -> None:
        """Let people listen to something meanwhile."""
        before = self.trial.clock.elapsed
        super()._pause()
        for user in self._people.values():
            self._listen(user, self.trial.clock.elapsed - before)
            if self._maybe(0.5):
                self._start_a_list(user)

    def _listen(self, user: User, seconds: float) -> None:
        """Have *user* heard some things in the last *seconds*, at times more than Spotify shows."""
        plays = self.chance.choice([0, 0, 1, 2, 3, 5, 49, 51, 70])
        if plays:
            world, self._serial = self.trial.world, self._serial + 1
            new = (track(number, f"heard {self._serial}") for number in range(plays - 1))
            user.player.catch_up(world.now())
            context = self.chance.choice([*self._lists, None])
            world.heard([self.chance.choice(self._pool), *new], context, every=seconds / (plays + 1), user=user)
            self.met["more plays than Spotify shows"] += plays > world.habits.visible_plays

    def _start_a_list(self, user: User) -> None:
        """Have *user* play a list from somewhere in it, but from what plays just now: there is no telling it then."""
        playlist, player = self.chance.choice(self._lists), user.player
        player.catch_up(self.trial.world.now())
        now = player.playing.item.uri if player.playing else None
        if places := [place for place, uri in enumerate(playlist.uris) if uri != now]:
            self.trial.world.play(playlist, place=self.chance.choice(places), user=user)

    def _acts(self) -> dict[int, Act]:
        acts = super()._acts()
        for user in self._people.values():
            for act in (self._hear, self._start_a_list):
                if self._maybe(0.1):
                    acts.setdefault(self.chance.randint(0, 25), partial(self._play_along, act, user))
        return acts

    def _play_along(self, act: Callable[[User], None], user: User) -> None:
        self.met["played while we run"] += 1
        act(user)

    def _hear(self, user: User) -> None:
        user.player.catch_up(self.trial.world.now())
        self.trial.world.heard(self._new(), self._lists[0], every=0.0, user=user)

    # --- the end ---

    def _sources_stayed(self) -> bool:
        return super()._sources_stayed() and not self.trial.heard

    def _measure(self) -> None:
        super()._measure()
        told = (one for process in self.trial.processes if process.report for one in process.report.warnings)
        self.met["plays missed"] += any("plays were missed" in one for one in told)
