"""A plan is carried out in order, and every item of it is accounted for."""

from collections.abc import Sequence

from hypothesis import given
from hypothesis import strategies as st

from syncer.appending import apply
from syncer.budget import SPLITS, Budget
from syncer.errors import Outage, Rejected, UnclearAdd
from syncer.ids import Uri
from tests.fakes import FakeClock, items, uri


class Target:
    """A target in memory that fails as told."""

    def __init__(self, *, bad: Sequence[str] = (), unclear_at: int = -1, down_at: int = -1) -> None:
        self.bad = {uri(name) for name in bad}
        self.unclear_at, self.down_at = unclear_at, down_at
        self.sent: list[list[Uri]] = []
        self.held: list[Uri] = []

    def __call__(self, uris: Sequence[Uri]) -> None:
        self.sent.append(list(uris))
        if len(self.sent) - 1 == self.down_at:
            raise Outage("down")
        if self.bad & set(uris):
            raise Rejected("it")
        self.held += uris
        if len(self.sent) - 1 == self.unclear_at:
            raise UnclearAdd("it")


def numbered(count: int) -> list[str]:
    return [str(number) for number in range(count)]


def budget() -> Budget:
    return Budget(FakeClock())


def test_a_plan_goes_out_in_batches_of_100_in_order() -> None:
    target = Target()

    result = apply(items(numbered(250)), target, budget())

    assert [len(batch) for batch in target.sent] == [100, 100, 50]
    assert target.held == [uri(name) for name in numbered(250)]
    assert (len(result.added), result.deferred, result.unconfirmed, result.error) == (250, 0, 0, None)


def test_an_unclear_add_ends_it_and_is_counted_apart() -> None:
    target = Target(unclear_at=1)

    result = apply(items(numbered(250)), target, budget())

    assert len(target.sent) == 2
    assert (len(result.added), result.unconfirmed, result.deferred) == (100, 100, 50)
    assert isinstance(result.error, UnclearAdd)


def test_an_add_that_was_not_carried_out_is_left_for_later() -> None:
    result = apply(items(numbered(250)), Target(down_at=1), budget())

    assert (len(result.added), result.unconfirmed, result.deferred) == (100, 0, 150)
    assert isinstance(result.error, Outage)


def test_one_bad_uri_costs_only_itself() -> None:
    target = Target(bad=["37"])

    result = apply(items(numbered(120)), target, budget())

    assert [item.name for item in result.rejected] == ["37"]
    assert target.held == [uri(name) for name in numbered(120) if name != "37"]
    assert (len(result.added), result.error) == (119, None)


def test_halving_has_a_limit() -> None:
    target = Target(bad=numbered(100))

    result = apply(items(numbered(100)), target, budget())

    assert len(target.sent) <= 2 * SPLITS + 1
    assert isinstance(result.error, Rejected)
    assert len(result.rejected) + result.deferred == 100


@given(count=st.integers(0, 230), bad=st.sets(st.integers(0, 229), max_size=4), unclear_at=st.integers(-1, 6))
def test_what_was_added_is_a_prefix_of_the_plan_apart_from_bad_uris(count: int, bad: set[int], unclear_at: int) -> None:
    target = Target(bad=[str(number) for number in bad], unclear_at=unclear_at)
    plan = items(numbered(count))

    result = apply(plan, target, budget())

    good = [item for item in plan if item.uri not in target.bad]
    assert result.added == good[: len(result.added)]
    assert len(plan) == len(result.added) + len(result.rejected) + result.unconfirmed + result.deferred
    assert len(target.held) == len(set(target.held))
