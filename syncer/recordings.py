"""Which recording a track is, where its source does not say: asked for once, and never for many in one run."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import cached_property
from itertools import islice
from typing import Final

from syncer.cache import Cache
from syncer.ids import Uri
from syncer.model import Item, Kind
from syncer.ports import Connection

AT_MOST: Final = 50
"""Tracks that one run asks for: each takes a request (contract §2.4)."""
KEPT: Final = 20_000
"""Tracks of which it is remembered; those go first that were asked for first."""


class Recordings:
    """The ISRCs that are known beside those that came with the items; those that are asked for are kept."""

    def __init__(self, cache: Cache) -> None:
        self._cache = cache
        self._asked = 0

    @cached_property
    def _known(self) -> dict[Uri, str]:
        """The ISRC by URI; empty where Spotify has none."""
        return self._cache.isrcs()

    def told(self, items: Sequence[Item]) -> Sequence[Item]:
        """Return *items* with the ISRCs that they lack, as far as they are known."""
        if not any(map(_is_open, items)):
            return items
        known = self._known
        return [_with_isrc(item, known) if _is_open(item) else item for item in items]

    def open(self, items: Iterable[Item]) -> Iterator[Uri]:
        """Yield those of *items* whose ISRC nobody has asked for yet."""
        return (item.uri for item in items if _is_open(item) and item.uri and item.uri not in self._known)

    def look_up(self, items: Iterable[Item], connection: Connection) -> bool:
        """Ask for the ISRCs that *items* lack, as far as that may be; return whether any was asked for.

        It takes half of what the run may ask for news with at most: the rest is for the pairs behind.
        """
        before = self._asked
        for uri in islice(self.open(items), AT_MOST - before):
            if not connection.allowance.has_plenty:
                break
            self._known[uri] = connection.sources.isrc(uri) or ""
            self._asked += 1
        return self._asked > before

    def close(self) -> None:
        """Keep what was asked for."""
        if self._asked:
            self._cache.keep_isrcs(dict(list(self._known.items())[-KEPT:]))


def _is_open(item: Item) -> bool:
    """Whether *item* may be a recording that others are too, and does not say which."""
    return item.isrc is None and item.kind is Kind.TRACK


def _with_isrc(item: Item, known: Mapping[Uri, str]) -> Item:
    isrc = known.get(item.uri) if item.uri else None
    return replace(item, isrc=isrc) if isrc else item
