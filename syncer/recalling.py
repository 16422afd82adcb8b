"""Tell from what is kept what was added, when and why, and what would become of an item now; nobody is asked."""

from collections.abc import Iterator, Sequence

from syncer import planner
from syncer.appending import EVER, taken_out
from syncer.cache import Cache, key
from syncer.chronicle import History, Now, Why, happened, summed_up
from syncer.ids import Uri
from syncer.model import Add, AddState, Config, Pair, PlaylistSource
from syncer.ports import StateStore
from syncer.undoing import must_keep


def history(state: StateStore, *, pair: str | None = None, limit: int) -> History:
    """Return what is kept of all pairs, or of *pair*, with the latest *limit* items; ConfigError without a record."""
    must_keep(state, "there is no history")
    return summed_up((add for add in state.record() if pair in (None, add.pair)), limit=limit)


def why(config: Config, state: StateStore, uri: Uri) -> Why:
    """Return what is known of *uri*: who added it, and what the rules say of it now, by what was read last."""
    must_keep(state, "there is no record of why anything was added")
    found = [one for add in state.record() for one in happened(add) if one.item.uri == uri]
    return Why(uri=uri, happened=tuple(found), now=tuple(_now(config, state, uri)))


def _now(config: Config, state: StateStore, uri: Uri) -> Iterator[Now]:
    cache = Cache(state)
    for pair in (pair for pair in config.pairs if pair.enabled):
        read = [cache.contents(key(*read)) for read in pair.reads]
        items = [item for contents in read if contents for item in contents.items if item.uri == uri]
        if items:
            adds = state.adds(pair.target, since=EVER)
            plan = planner.plan(pair, items[:1], _present(pair, cache, adds), taken_out(pair, adds))
            reason = plan.skips[0].reason if plan.skips else None
            yield Now(pair=pair.name, target=pair.target, item=items[0], reason=reason)


def _present(pair: Pair, cache: Cache, adds: Sequence[Add]) -> set[Uri]:
    """Return what was in the target of *pair* when it was read last, as far as it was not undone, and what came since.

    An undo leaves what was read as it is: until the next read nobody knows better than the record.
    """
    read = cache.contents(key(pair.account, PlaylistSource(pair.target)))
    since = read.read_at if read else EVER
    late = [add for add in adds if add.state is AddState.RELINKED or (add.state is AddState.LANDED and add.at >= since)]
    undone = {one.item.uri for add in adds if add.state is AddState.UNDONE for one in add.additions}
    held = [item for item in (read.items if read else ()) if item.uri not in undone]
    return {item.uri for item in (*held, *(one.item for add in late for one in add.additions)) if item.uri}
