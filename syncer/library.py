"""What one run knows of every playlist: what is known is not asked for, what has not changed is not read."""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from contextlib import AbstractContextManager
from dataclasses import replace
from datetime import datetime, timedelta
from functools import cached_property, partial
from typing import Final

from syncer.cache import Cache, Contents, Index, Mark, Turn, looked_at, route
from syncer.errors import NotFound, SourceNotReadable, SourceSpotifyMade, TargetNotWritable
from syncer.ids import PlaylistId, is_spotify_made, playlist_uri
from syncer.model import Item, Pair, PlaylistSource, Position, Reason, Source
from syncer.ports import Clock, Connection, Executor, ReadFile, Watch
from syncer.reading import Target
from syncer.shelf import Shelf, belief_left, is_believed
from syncer.turns import is_due

Visit = Callable[[str], AbstractContextManager[Connection]]
"""Has an account at hand, by its name; what ends the account inside ends that one."""
LOOK_AFTER: Final = timedelta(hours=20)
"""How long a target whose sources bring no news is left alone, where looking at it would cost a request."""
DAY: Final = timedelta(days=1)
"""After which a pair is looked at anew though nothing has changed, where what it takes changes with the time."""


class Library:
    """The playlists of the pairs of one run, whoever reads them."""

    def __init__(
        self,
        pairs: Sequence[Pair],
        *,
        cache: Cache,
        clock: Clock,
        watch: Watch,
        executor: Executor,
        files: ReadFile,
        versions: Mapping[str, Mapping[PlaylistId, str]] | None = None,
    ) -> None:
        """*pairs* are those that the run takes through; *versions* were looked up for it, by account."""
        self._pairs = pairs
        self._cache = cache
        self._clock = clock
        self._watch = watch
        self._executor = executor
        self._files = files
        self._versions = versions or {}
        self._shelves: dict[str, Shelf] = {}
        self._targets: dict[PlaylistId, Target] = {}
        self._needs = {pair.name: uses(pair) for pair in pairs}
        self._uses = Counter(use for needs in self._needs.values() for use in needs)
        self._uses_by_all = Counter(source for _, source in self._uses.elements())

    @cached_property
    def _as_kept(self) -> Index:
        return self._cache.index()

    @cached_property
    def index(self) -> Index:
        """What is remembered of all pairs, this run's news included."""
        kept = self._as_kept
        return Index(marks=dict(kept.marks), libraries=dict(kept.libraries), turns=dict(kept.turns))

    def is_due(self, pair: Pair, now: datetime) -> bool:
        """Whether *pair* takes a turn in a run that starts *now*; nobody is asked."""
        turn = self.index.turns.get(pair.name) if pair.rhythm.every else None
        return is_due(pair.rhythm, turn.at if turn and turn.pair == _told(pair) else None, now)

    def had_turn(self, pair: Pair, now: datetime) -> None:
        """Remember that *pair* had its turn in the run that started *now*."""
        if pair.rhythm.every:
            self.index.turns[pair.name] = Turn(pair=_told(pair), at=now)

    def leave_out(self, names: AbstractSet[str]) -> None:
        """Reckon no more with the pairs of these *names*: they take no turn in this run."""
        for name in names:
            self._discount(self._needs.pop(name, []))
        self._pairs = [pair for pair in self._pairs if pair.name not in names]

    def source(self, account: str, connection: Connection, source: Source) -> Sequence[Item]:
        """Return the items of *source* in order, as *account* sees them.

        A target that this run extended counts with what was added, whether a read shows it yet or not.
        """
        shelf = self._shelf(account, connection)
        if not isinstance(source, PlaylistSource):
            return shelf.source(source).items
        try:
            if target := self._read_target(source):
                shelf.check_readable(source.id, SourceNotReadable)
                return target.items
            return shelf.source(source).items
        except (NotFound, SourceNotReadable):
            if is_spotify_made(source.id):
                raise SourceSpotifyMade(playlist_uri(source.id)) from None
            raise

    def target(
        self, account: str, connection: Connection, playlist: PlaylistId, position: Position = Position.END
    ) -> Target:
        """Return what the run knows of a target, to be read and written as *account*; it may not be read yet.

        *position* is where its pairs add to it.
        """
        shelf = self._shelf(account, connection)
        target = self._targets.setdefault(playlist, Target(playlist, position))
        if target.is_read:
            shelf.check_readable(playlist, TargetNotWritable)
        return target.opened(partial(shelf.target, playlist), partial(shelf.page, playlist))

    def made(
        self, account: str, connection: Connection, playlist: PlaylistId, position: Position = Position.END
    ) -> Target:
        """Return a target that *account* has made just now, as an empty one: it needs no reading."""
        shelf = self._shelf(account, connection)
        shelf.has_made(playlist)
        target = self._targets[playlist] = Target(playlist, position)
        target.begin(self._clock.now())
        self.hold(account, playlist)
        return target.opened(partial(shelf.target, playlist), partial(shelf.page, playlist))

    def hold(self, account: str, playlist: PlaylistId) -> None:
        """Let nobody let go of *playlist* in this run, a target that nobody knew of when it began."""
        source = PlaylistSource(playlist)
        self._uses[account, source] += 1
        self._uses_by_all[source] += 1

    def reckon_with(self, pair: Pair) -> None:
        """Reckon with *pair* as it is, in place of the pair of its name, whose target was not known."""
        self._discount(self._needs[pair.name])
        self._needs[pair.name] = needs = uses(pair)
        self._uses.update(needs)
        self._uses_by_all.update(source for _, source in needs)

    def _discount(self, uses: Sequence[tuple[str, Source]]) -> None:
        self._uses.subtract(uses)
        self._uses_by_all.subtract(source for _, source in uses)

    def settled(self, pair: Pair, visit: Visit) -> Mark | None:
        """Return how *pair* was left, if nothing has changed since: then it has nothing to add.

        A target whose sources bring no news is looked at where that costs nothing, else about once a day: then what
        a person took out of it comes back, and what Spotify refused is tried again.
        """
        mark, now = self.index.marks.get(pair.name), self._clock.now()
        if mark is None or mark.route != route(pair) or not is_believed(mark.until - now):
            return None
        for (account, source), known in zip(looked_at(pair), mark.sources, strict=True):
            with visit(account) as connection:
                if self._version(self._shelf(account, connection), source) != known:
                    return None
        overdue, refused = not timedelta() <= now - mark.seen_at <= LOOK_AFTER, mark.skipped.get(Reason.REJECTED)
        if overdue and refused:
            return None
        with visit(pair.account) as connection:
            shelf = self._shelf(pair.account, connection)
            targets = [self._version(shelf, PlaylistSource(one), ask=overdue) for one in pair.playlists]
        seen = zip(targets, mark.targets, strict=True)
        if any(version != then for version, then in seen if overdue or version is not None):
            return None
        if None in targets:
            return mark
        if now - mark.seen_at > LOOK_AFTER / 2 and not refused:
            self.index.marks[pair.name] = mark = replace(mark, seen_at=now)
        return mark

    def presume(self, pair: Pair, mark: Mark) -> None:
        """Take the target of *pair* to be as *mark* has it, like a run that does not look at it."""
        for playlist, version in zip(pair.playlists, mark.targets, strict=True):
            self._shelves[pair.account].presume(playlist, version)

    def keep_target(self, pair: Pair) -> None:
        """Remember what the target of *pair* holds, if that is sure."""
        for playlist in pair.playlists:
            if contents := self._targets[playlist].contents:
                self._shelves[pair.account].keep(PlaylistSource(playlist), contents)

    def settle(self, pair: Pair, skipped: Mapping[Reason, int]) -> None:
        """Remember that *pair* has nothing left to add, if it is sure at which versions."""
        self.keep_target(pair)
        now, needs = self._clock.now(), uses(pair)
        held = [(source, contents) for account, source in needs if (contents := self._contents(account, source))]
        versions = [contents.version for _, contents in held if contents.version]
        if len(versions) == len(needs):
            left = [belief_left(one, contents, now) for one, contents in held]
            if isinstance(pair.rules.added_since, timedelta):
                left.append(DAY)
            self.index.marks[pair.name] = Mark(
                route=route(pair),
                sources=tuple(versions[: len(looked_at(pair))]),
                targets=tuple(versions[len(looked_at(pair)) :]),
                seen_at=now,
                until=now + min(left),
                skipped=skipped,
            )

    def unsettle(self, pair: Pair) -> None:
        """Remember that *pair* may have something left to add."""
        self.index.marks.pop(pair.name, None)

    def release(self, pair: Pair) -> None:
        """Let go of what no pair after *pair* needs."""
        uses = self._needs.pop(pair.name, [])
        self._discount(uses)
        for account, source in uses:
            if not self._uses[account, source] and account in self._shelves:
                self._shelves[account].forget(source)
            if isinstance(source, PlaylistSource) and not self._uses_by_all[source]:
                self._targets.pop(source.id, None)

    def versions(self) -> dict[str, dict[PlaylistId, str]]:
        """Return what is known of the versions of playlists, by account."""
        return {account: shelf.versions() for account, shelf in self._shelves.items()}

    def close(self) -> None:
        """Remember what was learned of all pairs."""
        for account, shelf in self._shelves.items():
            if shelf.library_size is not None:
                self.index.libraries[account] = shelf.library_size
        if self.index != self._as_kept:
            self._cache.keep_index(self.index)

    def _contents(self, account: str, source: Source) -> Contents | None:
        """Return what is in *source*, which was read in this run; None if that is not sure."""
        if target := self._read_target(source):
            return target.contents
        return self._shelves[account].source(source)

    def _read_target(self, source: Source) -> Target | None:
        target = self._targets.get(source.id) if isinstance(source, PlaylistSource) else None
        return target if target and target.is_read else None

    def _version(self, shelf: Shelf, source: Source, *, ask: bool = True) -> str | None:
        """Return the version of *source* now; what this run did to it counts. None where it is not known."""
        if target := self._read_target(source):
            return target.version
        return shelf.version(source, ask=ask)

    def _shelf(self, account: str, connection: Connection) -> Shelf:
        if account not in self._shelves:
            marked = [read for pair in self._pairs if pair.name in self._as_kept.marks for read in looked_at(pair)]
            self._shelves[account] = Shelf(
                account,
                connection,
                known={one.id for reader, one in marked if reader == account and isinstance(one, PlaylistSource)},
                library_size=self._as_kept.libraries.get(account),
                versions=self._versions.get(account),
                cache=self._cache,
                clock=self._clock,
                watch=self._watch,
                executor=self._executor,
                files=self._files,
            )
        return self._shelves[account]


def uses(pair: Pair) -> list[tuple[str, Source]]:
    """Return all that *pair* reads or writes, with the account that does."""
    return [*looked_at(pair), *((pair.account, PlaylistSource(one)) for one in pair.playlists)]


def _told(pair: Pair) -> str:
    """Return what *pair* is: edited, it is another one, and due."""
    return f"{route(pair)} {pair.max_additions}"
