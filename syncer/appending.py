"""Carry out a plan: append in order, batch by batch, and say exactly what became of each item."""

from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from syncer.budget import Budget
from syncer.errors import Rejected, SyncError, UnclearAdd
from syncer.ids import Uri
from syncer.model import MAX_BATCH, Item

Append = Callable[[Sequence[Uri]], None]
"""Adds URIs to the target, as Playlists.append does."""


@dataclass(slots=True, kw_only=True)
class Applied:
    """What became of the items of a plan, every one of them in exactly one of the four."""

    added: list[Item] = field(default_factory=list)
    rejected: list[Item] = field(default_factory=list)
    unconfirmed: int = 0
    deferred: int = 0
    error: SyncError | None = None


def apply(items: Sequence[Item], append: Append, budget: Budget) -> Applied:
    """Append *items* in order, at most MAX_BATCH at once, until all are through or an error ends it.

    A batch that Spotify refuses as malformed is halved until the bad URI stands alone (fault model §3); an add whose
    outcome is unclear is never sent again.
    """
    result = Applied()
    batches = deque(items[start : start + MAX_BATCH] for start in range(0, len(items), MAX_BATCH))
    while batches:
        batch = batches.popleft()
        try:
            append([item.uri for item in batch if item.uri is not None])
        except Rejected as refused:
            if len(batch) == 1:
                result.rejected += batch
            elif budget.take_split():
                middle = len(batch) // 2
                batches.extendleft((batch[middle:], batch[:middle]))
            else:
                return _ended(result, refused, deferred=[batch, *batches])
        except UnclearAdd as unclear:
            result.unconfirmed = len(batch)
            return _ended(result, unclear, deferred=batches)
        except SyncError as error:
            return _ended(result, error, deferred=[batch, *batches])
        else:
            result.added += batch
    return result


def _ended(result: Applied, error: SyncError, *, deferred: Sequence[Sequence[Item]]) -> Applied:
    result.error = error
    result.deferred = sum(map(len, deferred))
    return result
