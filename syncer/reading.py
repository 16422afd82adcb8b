"""Read playlists without holes, each at most once a run."""

from collections.abc import Callable, Iterator, Sequence
from typing import Final, Self

from syncer.errors import (
    NotFound,
    SourceNotReadable,
    SourceSpotifyMade,
    SyncError,
    TargetNotWritable,
    TargetUnstable,
    UnclearAdd,
    UnreadableAnswer,
)
from syncer.ids import PlaylistId, Uri, is_spotify_made, playlist_uri
from syncer.model import PAGE_SIZE, Head, Item, LikedSongs, Page, Source
from syncer.ports import Playlists, Watch

Fetch = Callable[[int], Page]
"""Entries from an offset on."""

TRIES: Final = 4
"""Whole reads of a target that keeps changing, before we give up on it (fault model §4)."""
REREADS: Final = 4
"""Whole reads that one pair may ask for because its target is not as it was read (fault model I16)."""


class Target:
    """A target as one run knows it: what a read showed and what the run added since, and what it must not add."""

    def __init__(self, playlist: PlaylistId) -> None:
        self.playlist = playlist
        self.items: list[Item] = []
        self.is_read = False
        self.settled: set[Uri] = set()
        """Counts as there for ever, though reads show other URIs in their place (fault model P11)."""
        self.barred: set[Uri] = set()
        """Sent with an unclear outcome: not to be sent again in this run, by any pair (fault model §2)."""
        self.blocked: UnclearAdd | None = None
        """Set while an unclear add could not be settled: nothing more is added in this run."""
        self._fetch: Fetch | None = None
        self._unseen = 0
        self._rereads = 0

    @property
    def name(self) -> str:
        """How reports name it."""
        return playlist_uri(self.playlist)

    @property
    def uris(self) -> set[Uri]:
        """What is there, and what counts as there."""
        return {item.uri for item in self.items if item.uri is not None} | self.settled

    @property
    def unseen(self) -> list[Uri]:
        """What this run added and no read has shown yet."""
        latest = self.items[len(self.items) - self._unseen :]
        return [item.uri for item in latest if item.uri is not None]

    def opened(self, fetch: Fetch) -> Self:
        """Return it for the next pair: read through *fetch* from now on, and again REREADS times at most."""
        self._fetch, self._rereads = fetch, REREADS
        return self

    def read(self) -> None:
        """Read all of it; TargetUnstable if it never holds still."""
        self.items, self._unseen, self.is_read = list(read_whole(self._page, self.name)), 0, True

    def read_again(self) -> None:
        """Read all of it once more; TargetUnstable if that was needed too often for one pair."""
        if self._rereads == 0:
            raise TargetUnstable(self.name)
        self._rereads -= 1
        self.read()

    def extend(self, items: Sequence[Item]) -> None:
        """Remember that *items* were added to its end, though no read has shown them yet."""
        self.items += items
        self._unseen += len(items)

    def bar(self, uris: Sequence[Uri]) -> None:
        """Remember that *uris* are about to be sent, with an outcome that is not known yet."""
        self.barred.update(uris)
        self.blocked = UnclearAdd(self.name)

    def unbar(self, uris: Sequence[Uri]) -> None:
        """Remember that what became of *uris* is known."""
        self.barred.difference_update(uris)
        self.blocked = None

    def check_tail(self) -> bool:
        """Read on from the last known entries and take in what others added; False if what is there is not as known.

        As much of what was added lately as fits on the page is looked at too. A read that does not show our own
        latest adds yet is only late (contract §4.4).
        """
        for _ in range(TRIES):
            start = max(0, len(self.items) - 1 - min(self._unseen, PAGE_SIZE - 2))
            page = self._page(start)
            if page.total >= len(self.items):
                return self._take_in(page, self.items[start:])
            seen = len(self.items) - self._unseen
            end = max(0, seen - 1, page.total - PAGE_SIZE + 1)
            late = page if start == end else self._page(end)
            if late.total == page.total:
                return page.total >= seen and _same(late.items, self.items[end : page.total])
            # it has caught up a little between the two
        return False

    def _take_in(self, page: Page, known: Sequence[Item]) -> bool:
        if not _same(page.items[: len(known)], known):
            return False
        arrived = page.items[len(known) :]
        self.items += arrived
        self._unseen = 0
        return len(self.items) == page.total or (bool(arrived) and self.check_tail())

    def _page(self, offset: int) -> Page:
        if self._fetch is None:
            raise RuntimeError("a target is opened before it is read")
        return self._fetch(offset)


class Library:
    """What one run knows of every playlist: each read once, and what the run itself added."""

    def __init__(self, watch: Watch) -> None:
        self._watch = watch
        self._heads: dict[tuple[str, PlaylistId], Head | SyncError] = {}
        self._sources: dict[tuple[str, Source], tuple[Item, ...]] = {}
        self._targets: dict[PlaylistId, Target] = {}

    def source(self, account: str, playlists: Playlists, source: Source) -> Sequence[Item]:
        """Return the items of *source* in order, as *account* sees them.

        A target that this run extended counts with what was added, whether a read shows it yet or not.
        """
        if isinstance(source, LikedSongs):
            return self._read_source(account, source, playlists.liked_page)
        try:
            fetch = self._readable(account, playlists, source.id)
            if (target := self._targets.get(source.id)) and target.is_read:
                return target.items
            return self._read_source(account, source, fetch)
        except (NotFound, SourceNotReadable):
            if is_spotify_made(source.id):
                raise SourceSpotifyMade(playlist_uri(source.id)) from None
            raise

    def _readable(self, account: str, playlists: Playlists, playlist: PlaylistId) -> Fetch:
        if not self._head(account, playlists, playlist).readable:
            raise SourceNotReadable(playlist_uri(playlist))
        return lambda offset: playlists.page(playlist, offset)

    def target(self, account: str, playlists: Playlists, playlist: PlaylistId) -> Target:
        """Return what the run knows of a target, to be read and written as *account*; nothing of it is read yet."""
        if not self._head(account, playlists, playlist).readable:
            raise TargetNotWritable(playlist_uri(playlist))
        target = self._targets.setdefault(playlist, Target(playlist))
        return target.opened(lambda offset: self._seen(target.name, offset, playlists.page(playlist, offset)))

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


def _same(some: Sequence[Item], others: Sequence[Item]) -> bool:
    return [item.uri for item in some] == [item.uri for item in others]


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
