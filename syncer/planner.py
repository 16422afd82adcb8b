"""Decide what a target lacks. Values in, a value out: no clock, no log, no request."""

from collections.abc import Iterable, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import chain

from syncer.ids import Uri, is_addable
from syncer.matching import Lookup
from syncer.model import Item, Kind, Pair, Plan, Reason, Skip
from syncer.rules import Rules
from syncer.selecting import Selection, select

_NEVER_ADDABLE = {
    Kind.LOCAL: Reason.LOCAL,
    Kind.UNAVAILABLE: Reason.UNAVAILABLE,
    Kind.UNSUPPORTED: Reason.UNSUPPORTED,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """All that decides what a pair adds, as it was read."""

    sources: Sequence[Sequence[Item]]
    never: Sequence[Item] = ()
    """What the never lists hold."""
    present: AbstractSet[Uri] = frozenset()
    """What the target holds, or counts as there."""
    taken_out: AbstractSet[Uri] = frozenset()
    there: Lookup | None = None
    """What the target holds, for a pair to which more counts as the same than one URI."""


def decide(pair: Pair, held: Held, *, now: datetime) -> Plan:
    """Take of the sources what the rules of *pair* want, in their order, and plan that.

    Every item of every source ends up in the plan: as an addition, or as a skip with its reason.
    """
    selection = _selection(pair, held, now)
    decided = plan(pair, selection.items, held.present, held.taken_out, held.there)
    return replace(decided, skips=(*selection.skips, *decided.skips)) if selection.skips else decided


def _selection(pair: Pair, held: Held, now: datetime) -> Selection:
    if pair.rules == Rules():  # as most pairs have it: there is nothing to look into
        return Selection(items=tuple(chain.from_iterable(held.sources)))
    never = Lookup(pair.match, held.never)
    return select(pair.rules, held.sources, never=never.find, now=now, name=pair.name)


def plan(
    pair: Pair,
    source: Iterable[Item],
    present: AbstractSet[Uri],
    taken_out: AbstractSet[Uri] = frozenset(),
    there: Lookup | None = None,
) -> Plan:
    """Pick what is not *present* in the target, in source order, each URI once, but nothing that was *taken_out*.

    *there* is what the target holds, for a pair to which more counts as the same than one URI. Then nothing is picked
    that is the same as something there or as something picked before it: no two additions are the same, and each item
    left out is the same as the one that its skip names. Which of several in the source is picked is a matter of their
    order, which one of the target is named is not of its order.

    Every item of *source* ends up in the plan: as an addition, or as a skip with its reason.
    """
    chosen: dict[Uri, Item] = {}
    skips: list[Skip] = []
    twins = _Twins(there) if there else None
    for item in source:
        uri = item.uri
        if item.kind in _NEVER_ADDABLE:
            skips.append(Skip(item=item, reason=_NEVER_ADDABLE[item.kind]))
        elif uri is None or not is_addable(uri):
            skips.append(Skip(item=item, reason=Reason.UNSUPPORTED))
        elif uri in present:
            skips.append(Skip(item=item, reason=Reason.ALREADY_THERE))
        elif uri in taken_out:
            skips.append(Skip(item=item, reason=Reason.TAKEN_OUT))
        elif uri in chosen:
            skips.append(Skip(item=item, reason=Reason.REPEATED))
        elif twins and (skip := twins.skip_or_pick(item)):
            skips.append(skip)
        else:
            chosen[uri] = item
    return Plan(pair=pair, additions=tuple(chosen.values()), skips=tuple(skips))


class _Twins:
    """What an item may be the same as under another URI."""

    def __init__(self, there: Lookup) -> None:
        self._there = there
        self._picked = Lookup(there.match)

    def skip_or_pick(self, item: Item) -> Skip | None:
        """Return why *item* is left out; if it is not, the next ones may be the same as it."""
        if twin := self._there.find(item):
            return Skip(item=item, reason=Reason.ALREADY_THERE, equals=twin)
        if twin := self._picked.find(item):
            return Skip(item=item, reason=Reason.REPEATED, equals=twin)
        self._picked.add(item)
        return None
