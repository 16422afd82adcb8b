"""What one run knows of every playlist: what is known is not asked for, what has not changed is not read."""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import replace
from datetime import timedelta
from functools import cached_property, partial
from typing import Final

from syncer.cache import Cache, Contents, Index, Mark, route
from syncer.errors import NotFound, SourceNotReadable, SourceSpotifyMade, TargetNotWritable
from syncer.ids import PlaylistId, is_spotify_made, playlist_uri
from syncer.model import Item, Pair, PlaylistSource, Reason, Source
from syncer.ports import Clock, Connection, Executor, ReadFile, Watch
from syncer.reading import Target
from syncer.shelf import Shelf, belief_left, is_believed

Visit = Callable[[str], AbstractContextManager[Connection]]
"""Has an account at hand, by its name; what ends the account inside ends that one."""
LOOK_AFTER: Final = timedelta(hours=20)
"""How long a target whose sources bring no news is left alone, where looking at it would cost a request."""


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
    ) -> None:
        """*pairs* are those that the run takes through."""
        self._pairs = pairs
        self._cache = cache
        self._clock = clock
        self._watch = watch
        self._executor = executor
        self._files = files
        self._shelves: dict[str, Shelf] = {}
        self._targets: dict[PlaylistId, Target] = {}
        self._uses = Counter(use for pair in pairs for use in _uses(pair))
        self._uses_by_all = Counter(source for _, source in self._uses.elements())

    @cached_property
    def _as_kept(self) -> Index:
        return self._cache.index()

    @cached_property
    def _index(self) -> Index:
        return Index(marks=dict(self._as_kept.marks), libraries=dict(self._as_kept.libraries))

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

    def target(self, account: str, connection: Connection, playlist: PlaylistId) -> Target:
        """Return what the run knows of a target, to be read and written as *account*; it may not be read yet."""
        shelf = self._shelf(account, connection)
        target = self._targets.setdefault(playlist, Target(playlist))
        if target.is_read:
            shelf.check_readable(playlist, TargetNotWritable)
        return target.opened(partial(shelf.target, playlist), partial(shelf.page, playlist))

    def settled(self, pair: Pair, visit: Visit) -> Mark | None:
        """Return how *pair* was left, if nothing has changed since: then it has nothing to add.

        A target whose sources bring no news is looked at where that costs nothing, else about once a day: then what
        a person took out of it comes back, and what Spotify refused is tried again.
        """
        mark, now = self._index.marks.get(pair.name), self._clock.now()
        if mark is None or mark.route != route(pair) or not is_believed(mark.until - now):
            return None
        for (account, source), known in zip(pair.reads, mark.sources, strict=True):
            with visit(account) as connection:
                if self._version(self._shelf(account, connection), source) != known:
                    return None
        overdue, refused = not timedelta() <= now - mark.seen_at <= LOOK_AFTER, mark.skipped.get(Reason.REJECTED)
        if overdue and refused:
            return None
        with visit(pair.account) as connection:
            shelf = self._shelf(pair.account, connection)
            target = self._version(shelf, PlaylistSource(pair.target), ask=overdue)
        if target is None and not overdue:
            return mark
        if target != mark.target:
            return None
        if now - mark.seen_at > LOOK_AFTER / 2 and not refused:
            self._index.marks[pair.name] = mark = replace(mark, seen_at=now)
        return mark

    def presume(self, pair: Pair, mark: Mark) -> None:
        """Take the target of *pair* to be as *mark* has it, like a run that does not look at it."""
        self._shelves[pair.account].presume(pair.target, mark.target)

    def keep_target(self, pair: Pair) -> None:
        """Remember what the target of *pair* holds, if that is sure."""
        if contents := self._targets[pair.target].contents:
            self._shelves[pair.account].keep(PlaylistSource(pair.target), contents)

    def settle(self, pair: Pair, skipped: Mapping[Reason, int]) -> None:
        """Remember that *pair* has nothing left to add, if it is sure at which versions."""
        self.keep_target(pair)
        now, uses = self._clock.now(), _uses(pair)
        held = [(source, contents) for account, source in uses if (contents := self._contents(account, source))]
        versions = [contents.version for _, contents in held if contents.version]
        if len(versions) == len(uses):
            self._index.marks[pair.name] = Mark(
                route=route(pair),
                sources=tuple(versions[:-1]),
                target=versions[-1],
                seen_at=now,
                until=now + min(belief_left(one, contents, now) for one, contents in held),
                skipped=skipped,
            )

    def unsettle(self, pair: Pair) -> None:
        """Remember that *pair* may have something left to add."""
        self._index.marks.pop(pair.name, None)

    def release(self, pair: Pair) -> None:
        """Let go of what no pair after *pair* needs."""
        uses = _uses(pair)
        self._uses.subtract(uses)
        self._uses_by_all.subtract(source for _, source in uses)
        for account, source in uses:
            if not self._uses[account, source] and account in self._shelves:
                self._shelves[account].forget(source)
            if isinstance(source, PlaylistSource) and not self._uses_by_all[source]:
                self._targets.pop(source.id, None)

    def close(self) -> None:
        """Remember what was learned of all pairs."""
        for account, shelf in self._shelves.items():
            if shelf.library_size is not None:
                self._index.libraries[account] = shelf.library_size
        if self._index != self._as_kept:
            self._cache.keep_index(self._index)

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
            marked = [read for pair in self._pairs if pair.name in self._as_kept.marks for read in pair.reads]
            self._shelves[account] = Shelf(
                account,
                connection,
                known={one.id for reader, one in marked if reader == account and isinstance(one, PlaylistSource)},
                library_size=self._as_kept.libraries.get(account),
                cache=self._cache,
                clock=self._clock,
                watch=self._watch,
                executor=self._executor,
                files=self._files,
            )
        return self._shelves[account]


def _uses(pair: Pair) -> list[tuple[str, Source]]:
    return [*pair.reads, (pair.account, PlaylistSource(pair.target))]
