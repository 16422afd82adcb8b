"""Tell from what is kept what was added, when and why, and what would become of an item now; nobody is asked."""

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime

from syncer.appending import EVER, taken_out
from syncer.cache import Cache, key
from syncer.chronicle import History, Now, Why, happened, summed_up
from syncer.deciding import Decider, Read, There
from syncer.ids import PlaylistId, Uri
from syncer.model import Add, AddState, Config, Item, Pair, Plan, PlaylistSource, Skip, Source
from syncer.ports import StateStore
from syncer.targets import known
from syncer.undoing import must_keep


def history(state: StateStore, *, pair: str | None = None, limit: int) -> History:
    """Return what is kept of all pairs, or of *pair*, with the latest *limit* items; ConfigError without a record."""
    must_keep(state, "there is no history")
    return summed_up((add for add in state.record() if pair in (None, add.pair)), limit=limit)


def why(config: Config, state: StateStore, uri: Uri, *, now: datetime) -> Why:
    """Return what is known of *uri*: who added it, and what the rules say of it *now*, by what was read last."""
    must_keep(state, "there is no record of why anything was added")
    found = [one for add in state.record() for one in happened(add) if one.item.uri == uri]
    return Why(uri=uri, happened=tuple(found), now=tuple(_now(config, state, uri, now)))


def _now(config: Config, state: StateStore, uri: Uri, now: datetime) -> Iterator[Now]:
    cache = Cache(state)
    decider = Decider(cache, now)
    for pair in (known(state, pair, now) for pair in config.pairs if pair.enabled):
        read = Read(
            sources=[(str(source), _contents(cache, account, source)) for account, source in pair.reads],
            never=[item for one in pair.rules.never for item in _contents(cache, pair.account, PlaylistSource(one))],
        )
        if item := _find(uri, (item for _, items in read.sources for item in items)):
            skip = _skip(uri, decider.decide(pair, read, _there(pair, cache, state)))
            yield Now(pair=pair.name, target=pair.target_name, item=item, skip=skip)


def _contents(cache: Cache, account: str, source: Source) -> Sequence[Item]:
    contents = cache.contents(key(account, source))
    return contents.items if contents else ()


def _find(uri: Uri, items: Iterable[Item]) -> Item | None:
    return next((item for item in items if item.uri == uri), None)


def _skip(uri: Uri, plan: Plan) -> Skip | None:
    """Return why *plan* leaves *uri* out; None if it does not."""
    return None if _find(uri, plan.additions) else next(skip for skip in plan.skips if skip.item.uri == uri)


def _there(pair: Pair, cache: Cache, state: StateStore) -> There:
    """Return what the target of *pair* holds, in all the playlists that it is made of."""
    volumes = [_held(pair, one, cache, state.adds(one, since=EVER)) for one in pair.playlists]
    return There(
        items=[item for volume in volumes for item in volume.items],
        uris={uri for volume in volumes for uri in volume.uris},
        taken_out={uri for volume in volumes for uri in volume.taken_out},
    )


def _held(pair: Pair, playlist: PlaylistId, cache: Cache, adds: Sequence[Add]) -> There:
    """Return what was in *playlist* when it was read last, as far as it was not undone, and what came since.

    An undo leaves what was read as it is: until the next read nobody knows better than the record.
    """
    read = cache.contents(key(pair.account, PlaylistSource(playlist)))
    since = read.read_at if read else EVER
    late = [add for add in adds if add.state is AddState.RELINKED or (add.state is AddState.LANDED and add.at >= since)]
    undone = {one.item.uri for add in adds if add.state is AddState.UNDONE for one in add.additions}
    held = [item for item in (read.items if read else ()) if item.uri not in undone]
    items = [*held, *(one.item for add in late for one in add.additions)]
    return There(items=items, uris={item.uri for item in items if item.uri}, taken_out=taken_out(pair, adds))
