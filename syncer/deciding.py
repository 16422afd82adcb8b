"""What a pair adds, going by what was read: its rules, what its target holds, and what is known of recordings."""

from collections.abc import Iterator, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from datetime import datetime

from syncer import planner
from syncer.cache import Cache
from syncer.ids import Uri
from syncer.matching import Lookup
from syncer.model import Item, Match, Pair, Plan
from syncer.ports import Connection
from syncer.recordings import Recordings


@dataclass(frozen=True, slots=True, kw_only=True)
class Read:
    """What the sources of a pair hold, each by how reports name it, and what its never lists do."""

    sources: Sequence[tuple[str, Sequence[Item]]]
    never: Sequence[Item] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class There:
    """What its target holds."""

    items: Sequence[Item]
    uris: AbstractSet[Uri]
    """Of those, and of what counts as there beside them."""
    taken_out: AbstractSet[Uri] = frozenset()


class Decider:
    """Decides for the pairs of one run, one after the other."""

    def __init__(self, cache: Cache, now: datetime) -> None:
        self._now = now
        self._recordings = Recordings(cache)
        self._lookup = Lookup(Match.URI)
        self._in_lookup: dict[Uri, str | None] = {}
        self._untold: dict[str, int] = {}
        """By pair, the tracks of which nobody knows which recording they are."""

    def decide(self, pair: Pair, read: Read, there: There) -> Plan:
        """Return what *pair* would add, by what is known."""
        return planner.decide(pair, self._held(pair, read, there), now=self._now)

    def look_up_and_decide(self, pair: Pair, read: Read, there: There, connection: Connection) -> Plan:
        """Return what *pair* would add, having asked for the recordings that matter to it, as far as that may be."""
        plan = self.decide(pair, read, there)
        if pair.match is Match.URI or not plan.additions:
            return plan
        while self._recordings.look_up([*plan.additions, *there.items], connection):
            plan = self.decide(pair, read, there)  # what is left out now may have hidden others
        self._untold[pair.name] = len(set(self._recordings.open([*plan.additions, *there.items])))
        return plan

    def warnings(self) -> Iterator[str]:
        """Yield what a person should know of the decisions."""
        return (_told(name, count) for name, count in self._untold.items() if count)

    def close(self) -> None:
        """Keep what was asked for."""
        self._recordings.close()

    def _held(self, pair: Pair, read: Read, there: There) -> planner.Held:
        sources = [items for _, items in read.sources]
        if pair.match is Match.URI:
            return planner.Held(sources=sources, never=read.never, present=there.uris, taken_out=there.taken_out)
        return planner.Held(
            sources=list(map(self._recordings.told, sources)),
            never=self._recordings.told(read.never),
            present=there.uris,
            taken_out=there.taken_out,
            there=self._lookup_of(pair.match, there),
        )

    def _lookup_of(self, match: Match, there: There) -> Lookup:
        """Return what finds the items that are *there*: the last one, with what came since, if nothing has gone."""
        items = self._recordings.told(there.items)
        uris = {item.uri: item.isrc for item in items if item.uri}
        if self._lookup.match is not match or not self._in_lookup.items() <= uris.items():
            self._lookup = Lookup(match, items)
        else:
            for item in items:
                if item.uri not in self._in_lookup:
                    self._lookup.add(item)
        self._in_lookup = uris
        return self._lookup


def _told(pair: str, count: int) -> str:
    tracks = "1 track comes" if count == 1 else f"{count} tracks come"
    return (
        f"{pair}: {tracks} without the code of the recording (ISRC), and this run asks for no more of those,"
        " so that one recording may be added twice"
    )
