"""What one run knows of every playlist: what is known is not asked for, what has not changed is not read."""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import replace
from datetime import datetime, timedelta
from functools import cached_property, partial
from hashlib import sha256
from math import ceil
from typing import Final

from syncer.cache import Cache, Contents, Index, Mark, key, route
from syncer.errors import (
    MissingScope,
    NotFound,
    SourceNotReadable,
    SourceSpotifyMade,
    SyncError,
    TargetNotWritable,
    UnreadableAnswer,
)
from syncer.ids import PlaylistId, is_spotify_made, playlist_uri
from syncer.model import PAGE_SIZE, Head, Item, LikedSongs, Page, Pair, PlaylistSource, Reason, Source
from syncer.ports import Clock, Connection, Executor, Watch
from syncer.reading import Reader, Target

ONE_ANSWER: Final = 100
"""Entries that the head of a playlist may bring along (contract §2.1)."""
BELIEVED: Final = timedelta(days=30)
SPREAD: Final = 10
"""What was read is believed for 30 to 40 days: nothing that we may have got wrong stays wrong for ever."""
LOOK_AFTER: Final = timedelta(hours=20)
"""How long a target whose sources bring no news is left alone, where looking at it would cost a request."""


class Library:
    """The playlists of the pairs of one run, whoever reads them."""

    def __init__(self, pairs: Sequence[Pair], *, cache: Cache, clock: Clock, watch: Watch, executor: Executor) -> None:
        """*pairs* are those that the run takes through."""
        self._pairs = pairs
        self._cache = cache
        self._clock = clock
        self._watch = watch
        self._executor = executor
        self._shelves: dict[str, _Shelf] = {}
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
        if isinstance(source, LikedSongs):
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

    def settled(self, pair: Pair, connection: Connection) -> Mark | None:
        """Return how *pair* was left, if nothing has changed since: then it has nothing to add.

        A target whose sources bring no news is looked at where that costs nothing, else about once a day: then what
        a person took out of it comes back, and what Spotify refused is tried again.
        """
        mark, now = self._index.marks.get(pair.name), self._clock.now()
        if mark is None or mark.route != route(pair) or not _is_believed(mark.until - now):
            return None
        shelf = self._shelf(pair.account, connection)
        if any(self._version(shelf, source) != known for source, known in zip(pair.sources, mark.sources, strict=True)):
            return None
        overdue, refused = not timedelta() <= now - mark.seen_at <= LOOK_AFTER, mark.skipped.get(Reason.REJECTED)
        if overdue and refused:
            return None
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
        now, playlists = self._clock.now(), (*pair.sources, PlaylistSource(pair.target))
        held = [(one, contents) for one in playlists if (contents := self._contents(pair.account, one))]
        versions = [contents.version for _, contents in held if contents.version]
        if len(versions) == len(playlists):
            self._index.marks[pair.name] = Mark(
                route=route(pair),
                sources=tuple(versions[:-1]),
                target=versions[-1],
                seen_at=now,
                until=now + min(_belief_left(one, contents, now) for one, contents in held),
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

    def _version(self, shelf: "_Shelf", source: Source, *, ask: bool = True) -> str | None:
        """Return the version of *source* now; what this run did to it counts. None where it is not known."""
        if target := self._read_target(source):
            return target.version
        return shelf.version(source, ask=ask)

    def _shelf(self, account: str, connection: Connection) -> "_Shelf":
        if account not in self._shelves:
            marked = [pair for pair in self._pairs if pair.account == account and pair.name in self._as_kept.marks]
            self._shelves[account] = _Shelf(
                account,
                connection,
                known={source.id for pair in marked for source in pair.sources if isinstance(source, PlaylistSource)},
                library_size=self._as_kept.libraries.get(account),
                cache=self._cache,
                clock=self._clock,
                watch=self._watch,
                executor=self._executor,
            )
        return self._shelves[account]


def _belief_left(source: Source, contents: Contents, now: datetime) -> timedelta:
    """Return how much longer *contents* are believed: not all playlists are read again on one day."""
    return BELIEVED + timedelta(days=sum(str(source).encode()) % SPREAD) - (now - contents.read_at)


def _is_believed(left: timedelta) -> bool:
    """Whether there is belief *left*, and no more than there can be: else the clock was set back since."""
    return timedelta() <= left <= BELIEVED + timedelta(days=SPREAD)


def _uses(pair: Pair) -> list[tuple[str, Source]]:
    return [(pair.account, source) for source in (*pair.sources, PlaylistSource(pair.target))]


class _Shelf:
    """The playlists that one account sees."""

    def __init__(
        self,
        account: str,
        connection: Connection,
        *,
        known: set[PlaylistId],
        library_size: int | None,
        cache: Cache,
        clock: Clock,
        watch: Watch,
        executor: Executor,
    ) -> None:
        """*known* are those whose version alone may be all that a run needs of them."""
        self._account = account
        self._playlists = connection.playlists
        self._allowance = connection.allowance
        self._known = known
        self.library_size = library_size
        """How many playlists are in the account's own library; None while nobody has asked."""
        self._cache = cache
        self._clock = clock
        self._watch = watch
        self._executor = executor
        self._listed: dict[PlaylistId, str] | None = None
        self._presumed: dict[PlaylistId, str] = {}
        self._heads: dict[PlaylistId, Head | SyncError] = {}
        self._liked: Contents | None = None
        self._sources: dict[Source, Contents] = {}
        self._kept: dict[Source, Contents | None] = {}
        """What earlier runs read."""
        self._cached: dict[Source, tuple[str | None, int]] = {}
        """Version and number of the entries that are in the cache by now."""
        self._read: set[PlaylistId] = set()

    # --- versions ---

    def version(self, source: Source, *, ask: bool = True) -> str | None:
        """Return the version of *source* as of this run; None where it has none, or nobody asked and *ask* is False."""
        if isinstance(source, LikedSongs):
            return self._first_liked().version if ask or self._liked else None
        if source.id in self._heads:
            return self._head(source.id).snapshot_id or None
        if self._listed is None and (ask or self._known):  # those known will be asked for anyway
            self._listed = self._list()
        if version := (self._listed or {}).get(source.id):
            return version
        return self._ask(source.id, contents=self._is_small(source.id)).snapshot_id or None if ask else None

    def presume(self, playlist: PlaylistId, version: str) -> None:
        """Take *playlist*, unless its version is known, to be at *version*."""
        if self.version(PlaylistSource(playlist), ask=False) is None:
            self._presumed[playlist] = version

    def _list(self) -> dict[PlaylistId, str]:
        """Return the versions of many playlists at once, as long as that is cheaper than to ask for each of them."""
        found: dict[PlaylistId, str] = {}
        missing, offset = set(self._known), 0
        size = PAGE_SIZE if self.library_size is None else self.library_size
        while offset < size and ceil((size - offset) / PAGE_SIZE) <= len(missing):
            self._allowance.check()
            try:
                listing = self._playlists.listing(offset)
            except (MissingScope, UnreadableAnswer):
                break
            found.update(listing.snapshots)
            missing -= found.keys()
            self.library_size = size = listing.total
            offset += PAGE_SIZE
        return found

    def _head(self, playlist: PlaylistId) -> Head:
        """Return what *playlist* said of itself in this run."""
        if playlist not in self._heads:
            return self._ask(playlist, contents=False)
        head = self._heads[playlist]
        if isinstance(head, SyncError):
            raise head
        return head

    def _ask(self, playlist: PlaylistId, *, contents: bool) -> Head:
        with self._first_time(PlaylistSource(playlist)):
            self._allowance.check()
            try:
                head = self._heads[playlist] = self._playlists.head(playlist, contents=contents)
            except NotFound as gone:
                self._heads[playlist] = gone
                raise
        return head

    def check_readable(self, playlist: PlaylistId, refusal: Callable[[str], SyncError]) -> None:
        """Return if the account may read *playlist*, which was read in this run, but perhaps by another."""
        if playlist not in self._read and not self._head(playlist).readable:
            raise refusal(playlist_uri(playlist))

    # --- contents ---

    def source(self, source: Source) -> Contents:
        """Return what is in *source*."""
        if source not in self._sources:
            self._sources[source] = self._read_source(source)
        return self._sources[source]

    def _read_source(self, source: Source) -> Contents:
        kept = self._known_contents(source)
        if kept and kept.is_whole:
            return kept
        with self._first_time(source):
            read = self._reader(source).rest(kept or self._start(source, SourceNotReadable))
        self.keep(source, read)
        return read

    def target(self, playlist: PlaylistId, anew: bool) -> Contents:  # noqa: FBT001 - it is a reading.Load
        """Return what is in a target, from a read of all of it: now, or unless *anew* at the version that it has."""
        source = PlaylistSource(playlist)
        if anew:
            self._heads.pop(playlist, None)
        kept = None if anew else self._known_contents(source, self._presumed.get(playlist))
        if not (kept and kept.is_whole):
            with self._allowance.whatever_it_costs() if anew else self._first_time(source):
                kept = self._reader(source).whole(lambda: self._start(source, TargetNotWritable), kept)
        self._read.add(playlist)
        return kept

    def _known_contents(self, source: Source, version: str | None = None) -> Contents | None:
        """Return what an earlier run read of *source*, where it has not changed since; *version* if that is known."""
        kept = self._remembered(source)
        if kept and not _is_believed(_belief_left(source, kept, self._clock.now())):
            self._cached.pop(source, None)  # what is read now is to be kept, though it may look the same
            return None
        return kept if kept and (kept.version == version or kept.version == self.version(source)) else None

    def _start(self, source: Source, refusal: Callable[[str], SyncError]) -> Contents:
        """Return the first entries of *source* as they are now, with its version."""
        if isinstance(source, LikedSongs):
            return self._first_liked()
        head = self._heads.get(source.id)
        if not (isinstance(head, Head) and head.first):
            head = self._ask(source.id, contents=True)
        if not head.readable:
            raise refusal(playlist_uri(source.id))
        self._heads[source.id] = replace(head, first=())  # of use once: what is read later has to be newer
        return self._begun(source, head.snapshot_id or None, head.total, head.first)

    def _begun(self, source: Source, version: str | None, total: int, items: tuple[Item, ...]) -> Contents:
        again = self._was_read(source)
        return Contents(version=version, total=total, items=items, read_at=self._clock.now(), again=again)

    def _first_liked(self) -> Contents:
        """Return the first page of the Liked Songs; it and their number stand for a version (contract §5)."""
        if self._liked is None:
            with self._first_time(LikedSongs()):
                page = self._page(LikedSongs(), 0)
            seen = repr((page.total, [(item.uri, item.added_at) for item in page.items]))
            self._liked = self._begun(LikedSongs(), sha256(seen.encode()).hexdigest(), page.total, page.items)
        return self._liked

    def _reader(self, source: Source) -> Reader:
        return Reader(
            str(source),
            partial(self._page, source),
            executor=self._executor,
            watch=self._watch,
            cut_short=partial(self.keep, source),
        )

    def _page(self, source: Source, offset: int) -> Page:
        self._allowance.check()
        return self._playlists.liked_page(offset) if isinstance(source, LikedSongs) else self.page(source.id, offset)

    def page(self, playlist: PlaylistId, offset: int) -> Page:
        """Return entries of *playlist* for an add, which may always ask."""
        return self._playlists.page(playlist, offset)

    # --- what outlasts the run ---

    def keep(self, source: Source, contents: Contents) -> None:
        """Keep *contents* for later runs, unless they are known or nothing says what version they are."""
        if contents.version is None or not contents.items:
            return
        self._remembered(source)
        version, entries = self._cached.get(source, (None, 0))
        if version != contents.version or entries < len(contents.items):
            self._cache.keep(self._key(source), contents)
            self._cached[source] = contents.version, len(contents.items)

    def _remembered(self, source: Source) -> Contents | None:
        if source not in self._kept:
            kept = self._kept[source] = self._cache.contents(self._key(source))
            if kept:
                self._cached[source] = kept.version, len(kept.items)
        return self._kept[source]

    def _key(self, source: Source) -> str:
        return key(self._account, source)

    def forget(self, source: Source) -> None:
        """Let go of what is in *source*."""
        self._sources.pop(source, None)
        self._kept.pop(source, None)

    def _first_time(self, source: Source) -> AbstractContextManager[None]:
        return nullcontext() if self._was_read(source) else self._allowance.first_time()

    def _was_read(self, source: Source) -> bool:
        """Whether all of *source* was read before; a first read that was cut short goes on as one."""
        kept = self._remembered(source)
        return kept is not None and (kept.is_whole or kept.again)

    def _is_small(self, playlist: PlaylistId) -> bool:
        kept = self._remembered(PlaylistSource(playlist))
        return kept is not None and kept.total <= ONE_ANSWER
