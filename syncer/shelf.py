"""What one account sees in one run: what is known is not asked for, what has not changed is not read."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial
from hashlib import sha256
from math import ceil
from typing import Final

from syncer.cache import Cache, Contents, key
from syncer.diary import Diaries, as_items
from syncer.errors import (
    DayIsSpent,
    MissingScope,
    NotFound,
    SourceNotReadable,
    SyncError,
    TargetNotWritable,
    UnreadableAnswer,
)
from syncer.ids import PlaylistId, playlist_uri
from syncer.model import (
    PAGE_SIZE,
    AlbumSource,
    ArtistSource,
    Captured,
    Discography,
    FileSource,
    Head,
    Heard,
    Item,
    Kind,
    Listable,
    Page,
    PlaylistSource,
    Queue,
    RecentlyPlayed,
    Release,
    Releases,
    SavedAlbums,
    Source,
    Tracklist,
)
from syncer.ports import Clock, Connection, Executor, ReadFile, Sources, Watch
from syncer.reading import Reader

Unversioned = Listable | Discography | Heard | FileSource | Captured
"""What has no snapshot id."""
ONE_ANSWER: Final = 100
"""Entries that the head of a playlist may bring along (contract §2.1)."""
BELIEVED: Final = timedelta(days=30)
SPREAD: Final = 10
"""What was read is believed for 30 to 40 days: nothing that we may have got wrong stays wrong for ever."""


class Shelf:
    """The playlists and other sources that one account sees."""

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
        files: ReadFile,
        versions: Mapping[PlaylistId, str] | None = None,
    ) -> None:
        """*known* are those whose version alone may be all that a run needs of them; *versions* were looked up."""
        self._account = account
        self._playlists = connection.playlists
        self._connected = connection.sources
        self._allowance = connection.allowance
        self._warnings = connection.warnings
        self._known = known
        self.library_size = library_size
        """How many playlists are in the account's own library; None while nobody has asked."""
        self._cache = cache
        self._clock = clock
        self._watch = watch
        self._executor = executor
        self._files = files
        self._diaries = Diaries(account, self._sources, cache=cache, clock=clock, warnings=connection.warnings)
        self._listed: Mapping[PlaylistId, str] | None = versions
        self._presumed: dict[PlaylistId, str] = {}
        self._heads: dict[PlaylistId, Head | SyncError] = {}
        self._begun: dict[Source, Contents] = {}
        """What a first look at a source showed that is no playlist."""
        self._releases: dict[Discography, Releases] = {}
        self._files_read: dict[FileSource, Tracklist] = {}
        self._held: dict[Source, Contents] = {}
        self._kept: dict[Source, Contents | None] = {}
        """What earlier runs read."""
        self._cached: dict[Source, tuple[str | None, int]] = {}
        """Version and number of the entries that are in the cache by now."""
        self._read: set[PlaylistId] = set()

    def _sources(self) -> Sources:
        """Return what is asked for one request."""
        self._allowance.check()
        return self._connected

    # --- versions ---

    def version(self, source: Source, *, ask: bool = True) -> str | None:
        """Return the version of *source* as of this run; None where it has none, or nobody asked and *ask* is False."""
        if not isinstance(source, PlaylistSource):
            return self._look(source).version if ask or source in self._begun else None
        if source.id in self._heads:
            return self._head(source.id).snapshot_id or None
        if self._listed is None and (ask or self._known):  # those known will be asked for anyway
            self._listed = self._list()
        if version := (self._listed or {}).get(source.id):
            return version
        return self._ask(source.id, contents=self._is_small(source.id)).snapshot_id or None if ask else None

    def versions(self) -> dict[PlaylistId, str]:
        """Return what is known of the versions of playlists."""
        heads = {one: head.snapshot_id for one, head in self._heads.items() if isinstance(head, Head)}
        return {one: version for one, version in {**(self._listed or {}), **heads}.items() if version}

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

    def has_made(self, playlist: PlaylistId) -> None:
        """Know that the account may read *playlist*: it made it."""
        self._read.add(playlist)

    def check_readable(self, playlist: PlaylistId, refusal: Callable[[str], SyncError]) -> None:
        """Return if the account may read *playlist*, which was read in this run, but perhaps by another."""
        if playlist not in self._read and not self._head(playlist).readable:
            raise refusal(playlist_uri(playlist))

    # --- contents ---

    def source(self, source: Source) -> Contents:
        """Return what is in *source*."""
        if source not in self._held:
            self._held[source] = self._read_source(source)
        return self._held[source]

    def _read_source(self, source: Source) -> Contents:
        kept = self._known_contents(source)
        if kept and kept.is_whole:
            return kept
        with self._first_time(source):
            read = self._rest(source, kept or self._start(source, SourceNotReadable))
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
        if kept and not is_believed(belief_left(source, kept, self._clock.now())):
            self._cached.pop(source, None)  # what is read now is to be kept, though it may look the same
            return None
        return kept if kept and (kept.version == version or kept.version == self.version(source)) else None

    def _start(self, source: Source, refusal: Callable[[str], SyncError]) -> Contents:
        """Return the first entries of *source* as they are now, with its version."""
        if not isinstance(source, PlaylistSource):
            return self._look(source)
        head = self._heads.get(source.id)
        if not (isinstance(head, Head) and head.first):
            head = self._ask(source.id, contents=True)
        if not head.readable:
            raise refusal(playlist_uri(source.id))
        self._heads[source.id] = replace(head, first=())  # of use once: what is read later has to be newer
        return self._contents(source, head.snapshot_id or None, head.total, head.first)

    def _rest(self, source: Source, start: Contents) -> Contents:
        """Return all of *source*, *start* being what is known of it."""
        match source:
            case ArtistSource() | SavedAlbums():
                return _whole(start, [item for tracks in self._discography(source) for item in tracks])
            case FileSource():
                return self._resolved(source, start)
            case RecentlyPlayed() | Queue() | Captured():
                return start
        return self._reader(source).rest(start)

    def _contents(self, source: Source, version: str | None, total: int, items: tuple[Item, ...]) -> Contents:
        again = self._was_read(source)
        return Contents(version=version, total=total, items=items, read_at=self._clock.now(), again=again)

    def _reader(self, source: PlaylistSource | Listable) -> Reader:
        return Reader(
            str(source),
            partial(self._page, source),
            executor=self._executor,
            watch=self._watch,
            cut_short=partial(self.keep, source),
        )

    def _page(self, source: PlaylistSource | Listable, offset: int) -> Page:
        if isinstance(source, PlaylistSource):
            self._allowance.check()
            return self.page(source.id, offset)
        return self._sources().page(source, offset)

    def page(self, playlist: PlaylistId, offset: int) -> Page:
        """Return entries of *playlist* for an add, which may always ask."""
        return self._playlists.page(playlist, offset)

    # --- sources that are no playlists: a first look stands for a version (contract §5) ---

    def _look(self, source: Unversioned) -> Contents:
        """Return what can be told of *source* at once."""
        if source not in self._begun:
            with self._first_time(source):
                self._begun[source] = self._seen(source)
        return self._begun[source]

    def _seen(self, source: Unversioned) -> Contents:
        match source:
            case Captured():
                return self._contents(source, None, len(source.items), source.items)
            case FileSource():
                return self._listed_in(source)
            case RecentlyPlayed() | Queue():
                items = as_items(self._diaries.read(source))
                return self._contents(source, _digest(len(items), items), len(items), items)
            case ArtistSource() | SavedAlbums():
                page = self._releases[source] = self._sources().releases(source, 0)
                seen = [(release.album, release.total) for release in page.releases]
                return self._contents(source, _digest(page.total, seen), max(1, page.total), ())
            case AlbumSource() if kept := self._believed_album(source):
                return kept  # nobody changes an album: what is believed of one needs no look
        first = self._page(source, 0)
        return self._contents(source, _digest(first.total, first.items), first.total, first.items)

    def _believed_album(self, source: AlbumSource) -> Contents | None:
        kept = self._remembered(source)
        return kept if kept and kept.is_whole and is_believed(belief_left(source, kept, self._clock.now())) else None

    def _discography(self, source: Discography) -> Iterator[tuple[Item, ...]]:
        """Yield the tracks of each album of *source*; of an artist's, what was released first comes first."""
        albums = self._all_releases(source)
        if isinstance(source, ArtistSource):
            since = source.since.isoformat() if source.since else ""
            albums = sorted((one for one in albums if _latest_day(one) >= since), key=_latest_day)
        for done, release in enumerate(albums, start=1):
            yield self._tracks(release)
            self._watch.reading(str(source), done, len(albums))

    def _all_releases(self, source: Discography) -> list[Release]:
        page = self._releases[source]
        albums, read = list(page.releases), page.places
        while read < page.total and page.places:
            page = self._sources().releases(source, read)
            albums += page.releases
            read += page.places
        return list({release.album: release for release in albums}.values())

    def _tracks(self, release: Release) -> tuple[Item, ...]:
        """Return the tracks of an album; those of an album that was read once are known."""
        items = release.first if len(release.first) == release.total else self._album(release)
        return tuple(replace(item, album=release.name, released=release.released) for item in items)

    def _album(self, release: Release) -> tuple[Item, ...]:
        album = release.album
        kept = self._remembered(album)
        if not (kept and kept.is_whole and kept.total == release.total):
            with self._first_time(album):
                kept = self._reader(album).rest(self._contents(album, album.id, release.total, release.first))
            self.keep(album, replace(kept, version=album.id))
        return kept.items

    def _listed_in(self, source: FileSource) -> Contents:
        listed = self._files_read[source] = self._files(source)
        self._warnings += listed.warnings
        items = () if any(map(_is_open, listed.items)) else listed.items
        return self._contents(source, listed.version, len(listed.items), items)

    def _resolved(self, source: FileSource, start: Contents) -> Contents:
        """Return what a file lists, having asked for what it names by ISRC alone: once for each, in as many runs as
        the allowance of a day makes of it.
        """
        old, listed = self._remembered(source), self._files_read[source].items
        known = {item.isrc: item for item in (old.items if old else ())}
        items: list[Item] = []
        try:
            for item in listed:
                if _is_open(item) and item.isrc not in known:
                    known[item.isrc] = self._by_isrc(item)
                items.append(known[item.isrc] if _is_open(item) else item)
                self._watch.reading(str(source), len(items), len(listed))
        except SyncError as error:
            self.keep(source, replace(start, items=tuple(items)))
            if not (isinstance(error, DayIsSpent) and items):
                raise
            self._warnings.append(f"{source}: {len(items)} of {len(listed)} are looked up, later runs go on from here")
            return replace(_whole(start, items), version=None)
        return _whole(start, items)

    def _by_isrc(self, listed: Item) -> Item:
        found = self._sources().track(listed.isrc or "")
        return replace(found, isrc=listed.isrc) if found else replace(listed, kind=Kind.UNAVAILABLE)

    # --- what outlasts the run ---

    def keep(self, source: Source, contents: Contents) -> None:
        """Keep *contents* for later runs, unless they are known or nothing says what version they are."""
        if contents.version is None or not contents.items or isinstance(source, RecentlyPlayed | Queue):
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
        self._held.pop(source, None)
        self._kept.pop(source, None)

    def _first_time(self, source: Source) -> AbstractContextManager[None]:
        return nullcontext() if self._was_read(source) else self._allowance.first_time()

    def _was_read(self, source: Source) -> bool:
        """Whether all of *source* was read before; a first read that was cut short goes on as one."""
        if isinstance(source, RecentlyPlayed | Queue | FileSource):
            return True  # each look is one of many
        kept = self._remembered(source)
        return kept is not None and (kept.is_whole or kept.again)

    def _is_small(self, playlist: PlaylistId) -> bool:
        kept = self._remembered(PlaylistSource(playlist))
        return kept is not None and kept.total <= ONE_ANSWER


def belief_left(source: Source, contents: Contents, now: datetime) -> timedelta:
    """Return how much longer *contents* are believed: not all playlists are read again on one day."""
    return BELIEVED + timedelta(days=sum(str(source).encode()) % SPREAD) - (now - contents.read_at)


def is_believed(left: timedelta) -> bool:
    """Whether there is belief *left*, and no more than there can be: else the clock was set back since."""
    return timedelta() <= left <= BELIEVED + timedelta(days=SPREAD)


def _whole(start: Contents, items: list[Item]) -> Contents:
    return replace(start, total=len(items), items=tuple(items))


def _digest(total: int, seen: Iterable[object]) -> str:
    """Return what stands for the version of something that has none."""
    shown = [(one.uri, one.added_at) if isinstance(one, Item) else one for one in seen]
    return sha256(repr((total, shown)).encode()).hexdigest()


def _is_open(listed: Item) -> bool:
    """Whether a file names an item by its ISRC alone."""
    return listed.uri is None and listed.isrc is not None and listed.kind is Kind.TRACK


def _latest_day(release: Release) -> str:
    """Return the last day on which *release* may have come out, by what Spotify knows of it."""
    released = release.released or ""
    return released + "-12-31"[len(released) - len("2026") :] if released else "9999"
