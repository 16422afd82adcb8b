"""Read playlists without holes, several pages side by side."""

from collections.abc import Callable, Generator, Iterator, Sequence
from concurrent.futures import wait
from contextlib import closing
from dataclasses import replace
from datetime import datetime
from typing import Final, Self

from syncer.cache import Contents
from syncer.errors import SyncError, TargetUnstable, UnclearAdd, UnreadableAnswer
from syncer.growing import growth
from syncer.ids import PlaylistId, Uri, playlist_uri
from syncer.model import PAGE_SIZE, Add, Item, Page, Position
from syncer.ports import Executor, Watch

Fetch = Callable[[int], Page]
"""Entries from an offset on."""
Start = Callable[[], Contents]
"""The first entries of a playlist as it is now, asked for anew."""
CutShort = Callable[[Contents], None]
"""Hears what was read before an error ended a read."""

TRIES: Final = 4
"""Whole reads of a target that keeps changing, before we give up on it (fault model §4)."""
REREADS: Final = 4
"""Whole reads that one pair may ask for because its target is not as it was read (fault model I16)."""
SIDE_BY_SIDE: Final = 4
"""Pages of one read that may be under way at once (fault model §3)."""


class Reader:
    """Reads the pages of one playlist behind its first entries."""

    def __init__(
        self,
        name: str,
        fetch: Fetch,
        *,
        executor: Executor,
        watch: Watch,
        cut_short: CutShort = lambda _read: None,
    ) -> None:
        """*name* is how reports call it; *cut_short* is for those who can go on from there another time."""
        self._name = name
        self._fetch = fetch
        self._executor = executor
        self._watch = watch
        self._cut_short = cut_short

    def rest(self, start: Contents) -> Contents:
        """Return all entries, *start* being the first of them.

        One that moves meanwhile costs a delay at most: good enough for a source.
        """
        if read := self._read_on(start, overlap=0):
            return read
        items = tuple(self._entries())
        return replace(start, version=None, total=len(items), items=items)

    def _entries(self) -> Iterator[Item]:
        """Yield the entries of a playlist that changed while it was read."""
        offset = 0
        while True:
            page = self._fetch(offset)
            yield from page.items
            offset += len(page.items)
            if offset >= page.total:
                return
            if not page.items:
                raise self._hole()

    def whole(self, start: Start, first: Contents | None = None) -> Contents:
        """Return all entries of a playlist that someone may be editing; TargetUnstable if it never held still.

        Pages overlap by one entry, so an entry that moves between two pages is noticed (fault model §4). *first* is
        what a read cut short left of it.
        """
        previous: Contents | None = None
        for _ in range(TRIES):
            begun, first = first or start(), None
            read = self._read_on(begun, overlap=1)
            if read and (len(read.items) == len(begun.items) or not _seen_twice(read.items) or _equal(read, previous)):
                return read
            previous = read
        raise TargetUnstable(self._name)

    def _read_on(self, start: Contents, *, overlap: int) -> Contents | None:
        """Return everything, read once from the end of *start* on; None if the playlist shifted meanwhile."""
        items, total = list(start.items), start.total
        try:
            while len(items) < total:
                begin = max(0, len(items) - overlap)
                end = max(begin + 1, total - overlap)  # a page of nothing but the overlap is not asked for
                if not self._read_pages(items, total, range(begin, end, PAGE_SIZE - overlap)):
                    return None
        except SyncError:
            self._cut_short(replace(start, items=tuple(items)))
            raise
        return replace(start, items=tuple(items))

    def _read_pages(self, items: list[Item], total: int, offsets: Sequence[int]) -> bool:
        """Add to *items* what is on the pages at *offsets*, up to a page that is short; False if it does not fit."""
        before = len(items)
        with closing(self._side_by_side(offsets)) as pages:
            for offset, page in zip(offsets, pages, strict=True):
                known = items[offset:]
                if page.total != total or page.items[: len(known)] != tuple(known):
                    return False
                items += page.items[len(known) :]
                self._watch.reading(self._name, min(len(items), total), total)
                if len(page.items) < PAGE_SIZE:
                    break  # Spotify may serve smaller pages than we ask for; then the next begins where this one ends
        if len(items) == before:
            raise self._hole()
        return len(items) <= total

    def _side_by_side(self, offsets: Sequence[int]) -> Generator[Page, None, None]:
        """Yield the page at each of *offsets*; whatever ends that, none of its requests is under way afterwards."""
        if len(offsets) == 1:
            yield self._fetch(offsets[0])
            return
        pages = [self._executor.submit(self._fetch, offset) for offset in offsets]
        try:
            for page in pages:
                yield page.result()
        finally:
            wait([page for page in pages if not page.cancel()])

    def _hole(self) -> UnreadableAnswer:
        return UnreadableAnswer(f"Spotify sent an empty page in the middle of {self._name}")


def _equal(read: Contents, other: Contents | None) -> bool:
    return other is not None and read.items == other.items


def _seen_twice(items: Sequence[Item]) -> bool:
    """Whether one entry shows up twice, as it would if entries were moved while several pages were read."""
    entries = [(item.uri, item.added_at) for item in items if item.uri is not None]
    return len(set(entries)) < len(entries)


class Target:
    """A target as one run knows it: what a read showed and what the run added since, and what it must not add."""

    def __init__(self, playlist: PlaylistId, position: Position = Position.END) -> None:
        self.playlist = playlist
        self.growth = growth(position)
        """The end at which runs add to it."""
        self.items: list[Item] = []
        self.is_read = False
        self.settled: set[Uri] = set()
        """Counts as there for ever, though reads show other URIs in their place (fault model P11)."""
        self.undone: list[Add] = []
        """What was added to it and then undone: each pair is not to add its own again."""
        self.barred: set[Uri] = set()
        """Sent with an unclear outcome: not to be sent again in this run, by any pair (fault model §2)."""
        self.blocked: UnclearAdd | None = None
        """Set while an unclear add could not be settled: nothing more is added in this run."""
        self._version: str | None = None
        self._read_at: datetime | None = None
        self._is_sure = True
        """Whether nobody was seen to change it since it was read whole: a tail alone says little of the rest."""
        self._load: Load | None = None
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
        latest = self.growth.turned(self.items)[len(self.items) - self._unseen :]
        return [item.uri for item in self.growth.turned(latest) if item.uri is not None]

    @property
    def version(self) -> str | None:
        """The snapshot id under which ``items`` is what is there; None while that is not sure."""
        return self._version if self._is_sure and not self._unseen and not self.blocked else None

    @property
    def contents(self) -> Contents | None:
        """What is there, for later runs; None while that is not sure."""
        if self._read_at is None or self.version is None:
            return None
        items = tuple(self.items)
        return Contents(version=self.version, total=len(items), items=items, read_at=self._read_at)

    def opened(self, load: "Load", fetch: Fetch) -> Self:
        """Return it for the next pair: read through these from now on, and again REREADS times at most."""
        self._load, self._fetch, self._rereads = load, fetch, REREADS
        return self

    def read(self, *, anew: bool = False) -> None:
        """Have all of it; TargetUnstable if it never holds still. *anew*: what was read before does not count."""
        if self._load is None:
            raise _unopened()
        contents = self._load(anew)
        self.items, self._version, self._read_at = list(contents.items), contents.version, contents.read_at
        self._unseen, self.is_read, self._is_sure = 0, True, True

    def begin(self, at: datetime) -> None:
        """Know that it is empty, having been made *at* that moment: nobody needs to read it."""
        self.items, self._version, self._read_at = [], None, at
        self._unseen, self.is_read, self._is_sure = 0, True, True

    def read_again(self) -> None:
        """Read all of it once more; TargetUnstable if that was needed too often for one pair."""
        if self._rereads == 0:
            raise TargetUnstable(self.name)
        self._rereads -= 1
        self.read(anew=True)

    def expect(self, items: Sequence[Item]) -> None:
        """Remember that *items* were added to it before it was read, though the read does not show them yet."""
        if items:
            self.extend(items, None)

    def extend(self, items: Sequence[Item], version: str | None) -> None:
        """Remember that *items* were added to it, though no read has shown them yet.

        *version* is the snapshot id that it has once they show, where that is known.
        """
        turned = self.growth.turned
        self.items = [*turned([*turned(self.items), *turned(items)])]
        self._unseen += len(items)
        self._version = version

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

        As much of what was added lately as fits on a page is looked at too. A read that does not show our own latest
        adds yet is only late (contract §4.4).
        """
        for _ in range(TRIES):
            begin = self.growth.latest_at(len(self.items), self._unseen)
            page = self._page(begin)
            late = min(self._unseen, max(0, len(self.items) - page.total))
            known = self.growth.first(self.items, len(self.items) - late)  # what a read shows that is late
            end = self.growth.tail_at(len(known), self._unseen - late)
            tail = page if end == begin else self._page(end)
            if tail.total != page.total:
                continue  # it has caught up a little between the two
            if tail is not page and not _same(page.items, known[begin : begin + PAGE_SIZE]):
                return False
            if page.total < len(self.items):
                return page.total == len(known) and _same(tail.items, known[end:])
            return self._take_in(tail, known[end:])
        return False

    def _take_in(self, tail: Page, known: Sequence[Item]) -> bool:
        if not _same(tail.items[: len(known)], known):
            return False
        arrived = tail.items[len(known) :]
        self.items = [*self.items, *arrived]
        self._unseen = 0
        self._is_sure = self._is_sure and not arrived
        return len(self.items) == tail.total or (bool(arrived) and self.check_tail())

    def _page(self, offset: int) -> Page:
        if self._fetch is None:
            raise _unopened()
        return self._fetch(offset)


Load = Callable[[bool], Contents]
"""All entries of a target; asked with True, as they are now."""


def _unopened() -> RuntimeError:
    return RuntimeError("a target is opened before it is read")


def _same(some: Sequence[Item], others: Sequence[Item]) -> bool:
    return [item.uri for item in some] == [item.uri for item in others]
