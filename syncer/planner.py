"""Decide what a target lacks. Values in, a value out: no clock, no log, no request."""

from collections.abc import Iterable
from collections.abc import Set as AbstractSet

from syncer.ids import Uri, is_addable
from syncer.model import Item, Kind, Pair, Plan, Reason, Skip

_NEVER_ADDABLE = {
    Kind.LOCAL: Reason.LOCAL,
    Kind.UNAVAILABLE: Reason.UNAVAILABLE,
    Kind.UNSUPPORTED: Reason.UNSUPPORTED,
}


def plan(
    pair: Pair, source: Iterable[Item], present: AbstractSet[Uri], taken_out: AbstractSet[Uri] = frozenset()
) -> Plan:
    """Pick what is not *present* in the target, in source order, each URI once, but nothing that was *taken_out*.

    Every item of *source* ends up in the plan: as an addition, or as a skip with its reason.
    """
    chosen: dict[Uri, Item] = {}
    skips: list[Skip] = []
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
        else:
            chosen[uri] = item
    return Plan(pair=pair, additions=tuple(chosen.values()), skips=tuple(skips))
