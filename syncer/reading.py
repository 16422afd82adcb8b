"""Read playlists without holes, each at most once a run."""

from collections.abc import Callable, Iterator
from typing import Final

from syncer.errors import (
    NotFound,
    SourceNotReadable,
    SourceSpotifyMade,
    SyncError,
    TargetNotWritable,
    TargetUnstable,
    UnreadableAnswer,
)
from syncer.ids import PlaylistId, is_spotify_made, playlist_uri
from syncer.model import PAGE_SIZE, Head, Item, LikedSongs, Page, Source
from syncer.ports import Playlists, Watch

Fetch = Callable[[int], Page]
"""Entries from an offset on."""

TRIES: Final = 4
"""Whole reads of a target that keeps changing, before we give up on it (fault model §4)."""


class Library:
    """What one run knows of every playlist: each read once, and what the run itself added."""

    def __init__(self, watch: Watch) -> None:
        self._watch = watch
        self._heads: dict[tuple[str, PlaylistId], Head | SyncError] = {}
        self._sources: dict[tuple[str, Source], tuple[Item, ...]] = {}
        self._targets: dict[tuple[str, PlaylistId], tuple[Item, ...]] = {}
        self._added: dict[PlaylistId, list[Item]] = {}

    def source(self, account: str, playlists: Playlists, source: Source) -> tuple[Item, ...]:
        """Return the items of *source* in order, as *account* sees them.

        A target that this run extended counts with what was added, whether a read shows it yet or not.
        """
        if isinstance(source, LikedSongs):
            return self._read_source(account, source, playlists.liked_page)
        if (account, source.id) in self._targets:
            return self._known(source.id, self._targets[account, source.id])
        try:
            items = self._read_source(account, source, self._readable(account, playlists, source.id))
        except (NotFound, SourceNotReadable):
            if is_spotify_made(source.id):
                raise SourceSpotifyMade(playlist_uri(source.id)) from None
            raise
        return self._known(source.id, items)

    def _readable(self, account: str, playlists: Playlists, playlist: PlaylistId) -> Fetch:
        if not self._head(account, playlists, playlist).readable:
            raise SourceNotReadable(playlist_uri(playlist))
        return lambda offset: playlists.page(playlist, offset)

    def target(self, account: str, playlists: Playlists, target: PlaylistId) -> tuple[Item, ...]:
        """Return what *target* holds, in order: what *account* reads there and what this run added."""
        if (account, target) not in self._targets:
            if not self._head(account, playlists, target).readable:
                raise TargetNotWritable(playlist_uri(target))
            self._targets[account, target] = read_whole(
                lambda offset: self._seen(playlist_uri(target), offset, playlists.page(target, offset)),
                playlist_uri(target),
            )
        return self._known(target, self._targets[account, target])

    def extend(self, target: PlaylistId, items: tuple[Item, ...]) -> None:
        """Remember that *items* were added to the end of *target*."""
        self._added.setdefault(target, []).extend(items)

    def _known(self, playlist: PlaylistId, items: tuple[Item, ...]) -> tuple[Item, ...]:
        added = self._added.get(playlist)
        if not added:
            return items
        present = {item.uri for item in items}
        return items + tuple(item for item in added if item.uri not in present)

    def _head(self, account: str, playlists: Playlists, playlist: PlaylistId) -> Head:
        key = (account, playlist)
        if key not in self._heads:
            try:
                self._heads[key] = playlists.head(playlist)
            except NotFound as gone:
                self._heads[key] = gone
        head = self._heads[key]
        if isinstance(head, SyncError):
            raise head
        return head

    def _read_source(self, account: str, source: Source, fetch: Fetch) -> tuple[Item, ...]:
        key = (account, source)
        if key not in self._sources:
            self._sources[key] = tuple(
                _entries(lambda offset: self._seen(str(source), offset, fetch(offset)), str(source))
            )
        return self._sources[key]

    def _seen(self, what: str, offset: int, page: Page) -> Page:
        self._watch.reading(what, min(offset + len(page.items), page.total), page.total)
        return page


def read_whole(fetch: Fetch, name: str) -> tuple[Item, ...]:
    """Return all entries of a playlist that someone may be editing; TargetUnstable if it never held still.

    Pages overlap by one entry, so an entry that moves between two pages is noticed (fault model §4).
    """
    previous: tuple[Item, ...] | None = None
    for _ in range(TRIES):
        items = _overlapping_pass(fetch, name)
        if items is not None and (items == previous or not _seen_twice(items)):
            return items
        previous = items
    raise TargetUnstable(name)


def _overlapping_pass(fetch: Fetch, name: str) -> tuple[Item, ...] | None:
    """Read once from start to end; None if the playlist shifted meanwhile."""
    page = fetch(0)
    total, items = page.total, list(page.items)
    while len(items) < total:
        if not items:
            raise _hole(name)
        page = fetch(len(items) - 1)
        if page.total != total or not page.items or page.items[0] != items[-1]:
            return None
        if len(page.items) == 1:
            raise _hole(name)
        items += page.items[1:]
    return tuple(items) if len(items) == total else None


def _seen_twice(items: tuple[Item, ...]) -> bool:
    """Whether one entry shows up twice in a read of several pages, as it would if entries were moved meanwhile."""
    if len(items) <= PAGE_SIZE:
        return False
    entries = [(item.uri, item.added_at) for item in items if item.uri is not None]
    return len(set(entries)) < len(entries)


def _entries(fetch: Fetch, name: str) -> Iterator[Item]:
    """Yield the entries of a source. One that moves meanwhile costs a run's delay at most: no overlap needed."""
    offset = 0
    while True:
        page = fetch(offset)
        yield from page.items
        offset += len(page.items)
        if offset >= page.total:
            return
        if not page.items:
            raise _hole(name)


def _hole(name: str) -> UnreadableAnswer:
    return UnreadableAnswer(f"Spotify sent an empty page in the middle of {name}")
