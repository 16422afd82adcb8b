"""Which pairs have to be done one after the other, and which need not know of each other."""

from collections.abc import Hashable, Iterator, Sequence
from datetime import datetime

from syncer.ids import PlaylistId
from syncer.model import Pair, PlaylistSource, Queue, RecentlyPlayed
from syncer.naming import folded
from syncer.naming import name as name_at

Groups = tuple[tuple[Pair, ...], ...]


def groups(pairs: Sequence[Pair], at: datetime) -> Groups:
    """Return *pairs* such that those that touch each other are together, each group in the order of *pairs*.

    They touch each other through a target of both, through a target of one that is a source of the other, or through
    what one account plays, which is written down once. *at* is the moment that targets to be made are named after.
    """
    targets = {key for pair in pairs for key in _targets(pair, at)}
    parents = list(range(len(pairs)))

    def root(place: int) -> int:
        while parents[place] != place:
            parents[place] = place = parents[parents[place]]
        return place

    first: dict[Hashable, int] = {}
    for place, pair in enumerate(pairs):
        for key in (*_targets(pair, at), *(key for key in _sources(pair) if key in targets)):
            one, other = sorted((root(place), root(first.setdefault(key, place))))
            parents[other] = one
    found: dict[int, list[Pair]] = {}
    for place, pair in enumerate(pairs):
        found.setdefault(root(place), []).append(pair)
    return tuple(map(tuple, found.values()))


def _targets(pair: Pair, at: datetime) -> Iterator[Hashable]:
    """Yield what no other group may touch."""
    yield from pair.playlists
    if pair.create:
        yield pair.account, folded(name_at(pair.create.pattern, at))
    for account, source in pair.reads:
        if isinstance(source, RecentlyPlayed | Queue):
            yield account, type(source).__name__


def _sources(pair: Pair) -> Iterator[PlaylistId]:
    """Yield the playlists that decide what *pair* adds."""
    yield from (source.id for _, source in pair.reads if isinstance(source, PlaylistSource))
    yield from pair.rules.never
