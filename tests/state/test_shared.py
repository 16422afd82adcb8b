"""What the workers of one run share: one set of tests for the table and for our fake of it."""

from collections.abc import Callable
from itertools import product
from typing import Any

import pytest

from syncer.errors import Locked, StateUnreachable, StateUnusable, SyncError
from syncer.ports import FleetState
from syncer.state.dynamodb import DynamoDbState, StateDenied
from tests.fakes import MAX_SHARED, MemoryFleet
from tests.state.test_dynamodb import refuse
from tests.state.words import NOON, UNTIL, Between, Cloud, at, noise

LATER = at(60)

Open = Callable[[], FleetState]


@pytest.fixture(params=["memory", "dynamodb", "dynamodb-repeating"])
def opened(request: pytest.FixtureRequest) -> Open:
    """Open what is shared anew, as another machine does."""
    if request.param == "memory":
        only = MemoryFleet()
        return lambda: only
    cloud: Cloud = request.getfixturevalue("cloud")
    # An answer may be lost, and then the SDK asks again.
    client = Between(cloud.client, times=2 if request.param == "dynamodb-repeating" else 1)
    return lambda: DynamoDbState(cloud.table, lambda: client)


def set_to(state: FleetState, name: str, value: bytes | None) -> None:
    if value is None:
        state.swap("family", name, None, over=state.get("family", name))
    else:
        state.put("family", name, value)


# --- values -----------------------------------------------------------------------------------------------------------


def test_a_name_without_a_value_has_none(opened: Open) -> None:
    assert opened().get("family", "name") is None
    assert opened().all("family") == {}


@pytest.mark.parametrize("value", [b"", b"value", bytes(range(256)), noise(MAX_SHARED)], ids=len)
def test_others_see_a_value_as_it_was_put(opened: Open, value: bytes) -> None:
    opened().put("family", "name", b"before")
    opened().put("family", "name", value)

    assert opened().get("family", "name") == value
    assert opened().all("family") == {"name": value}


def test_every_value_of_a_family_is_found_in_the_order_of_the_names(opened: Open) -> None:
    names = ["week", "group#00010", "group#00009", "é", "-", " ", "Z", "~", "#", "𝄞", "\uffee"]
    for name in names:
        opened().put("run 1", name, name.encode())

    found = opened().all("run 1")

    assert list(found) == sorted(names)
    assert found == {name: name.encode() for name in names}


@pytest.mark.parametrize("at_most", [0, 1, 2, 3, 4])
def test_so_many_of_a_family_as_are_asked_for_are_found(opened: Open, at_most: int) -> None:
    for name in "cab":
        opened().put("family", name, b"value")

    assert list(opened().all("family", at_most=at_most)) == list("abc"[:at_most])


def test_families_are_apart(opened: Open) -> None:
    families = ["runs", "run 1", "run 10", "run 1#a"]
    for family in families:
        opened().put(family, "a", family.encode())

    assert [opened().all(family) for family in families] == [{"a": family.encode()} for family in families]


def test_what_is_dropped_is_one_family_and_all_of_it(opened: Open) -> None:
    for family, name in product(("run 1", "run 10"), ("group#00001", "pair#week", "-")):
        opened().put(family, name, b"value")

    for _ in range(2):
        opened().drop("run 1")

        assert opened().all("run 1") == {}
        assert len(opened().all("run 10")) == 3


# --- compare and set --------------------------------------------------------------------------------------------------

VALUES = (None, b"", b"one", b"two")


@pytest.mark.parametrize("before", VALUES)
def test_a_value_is_swapped_if_it_is_the_one_expected(opened: Open, before: bytes | None) -> None:
    """Or if it is the one wanted: then it is done already."""
    for number, (over, value) in enumerate(product(VALUES, VALUES)):
        name = f"{number}"
        set_to(opened(), name, before)

        swapped = opened().swap("family", name, value, over=over)

        assert swapped == (before in (over, value))
        assert opened().get("family", name) == (value if swapped else before)


def test_of_two_who_swap_the_same_value_one_does(opened: Open) -> None:
    for number, before in enumerate(VALUES):
        name = f"{number}"
        set_to(opened(), name, before)

        assert opened().swap("family", name, b"mine", over=before)
        assert not opened().swap("family", name, b"yours", over=before)
        assert opened().get("family", name) == b"mine"


# --- the lock ---------------------------------------------------------------------------------------------------------


def assert_locked(state: FleetState) -> None:
    """Nobody else gets in, neither way, not even a moment before the end."""
    for now in (NOON, at(14.999)):
        with pytest.raises(Locked):
            state.hold("other", now=now, until=LATER)
        with pytest.raises(Locked), state.lock("other", now=now, until=LATER):
            pytest.fail("two runs at once")


def assert_free(state: FleetState) -> None:
    with state.lock("any", now=NOON, until=LATER):
        pass


def test_who_holds_the_lock_keeps_others_out_until_it_lets_go(opened: Open) -> None:
    for _ in range(2):  # safe to repeat
        opened().hold("run", now=NOON, until=UNTIL)
        assert_locked(opened())

    for _ in range(2):
        opened().let_go("run", until=UNTIL)
        assert_free(opened())


def test_who_is_inside_a_lock_keeps_others_out(opened: Open) -> None:
    with opened().lock("run", now=NOON, until=UNTIL):
        assert_locked(opened())
    assert_free(opened())


def test_a_lock_is_let_go_when_its_run_fails(opened: Open) -> None:
    with pytest.raises(KeyError), opened().lock("run", now=NOON, until=UNTIL):
        raise KeyError
    assert_free(opened())


def test_a_lock_ends_by_itself(opened: Open) -> None:
    opened().hold("dead", now=NOON, until=UNTIL)
    assert_locked(opened())

    opened().hold("next", now=UNTIL, until=LATER)
    opened().let_go("dead", until=UNTIL)

    with pytest.raises(Locked):
        opened().hold("third", now=UNTIL, until=LATER)


def test_a_lock_is_let_go_by_nobody_else(opened: Open) -> None:
    opened().hold("run", now=NOON, until=UNTIL)

    opened().let_go("other", until=UNTIL)
    opened().let_go("run", until=LATER)

    assert_locked(opened())


# --- our fake alone ---------------------------------------------------------------------------------------------------


def test_the_fake_fails_before_or_after_it_writes() -> None:
    state = MemoryFleet()

    def fail(call: str) -> SyncError | None:
        return StateUnreachable("no", hint="no") if call == "put family/name" else None

    state.before = fail
    with pytest.raises(StateUnreachable):
        state.put("family", "name", b"value")
    assert state.get("family", "name") is None

    state.before, state.after = state.after, fail
    with pytest.raises(StateUnreachable):
        state.put("family", "name", b"value")
    assert state.get("family", "name") == b"value"
    assert state.calls == ["put family/name"] * 2


@pytest.mark.parametrize(
    "value", ["text", None, bytearray(b"x"), bytes(MAX_SHARED + 1)], ids=["text", "none", "changing", "large"]
)
def test_the_fake_takes_nothing_but_small_values(value: Any) -> None:
    with pytest.raises(AssertionError):
        MemoryFleet().put("family", "name", value)


# --- DynamoDB alone ---------------------------------------------------------------------------------------------------


def between(cloud: Cloud) -> tuple[DynamoDbState, Between]:
    """Return a store whose table is known, and what passes its calls on from now on."""
    passing = Between(cloud.client)
    state = DynamoDbState(cloud.table, lambda: passing)
    state.resume_at()
    passing.calls.clear()
    return state, passing


def test_a_swap_whose_answer_is_lost_can_be_repeated(cloud: Cloud) -> None:
    """The SDK gives up, though the last of its requests was carried out."""
    state, passing = between(cloud)

    def lose(action: str) -> None:
        cloud.client.put_item(**passing.calls[-1][1])
        refuse("InternalServerError", 500)(action)

    passing.before = lose
    with pytest.raises(StateUnreachable):
        state.swap("family", "name", b"mine", over=None)
    passing.before = lambda _action: None

    assert state.swap("family", "name", b"mine", over=None)


def test_a_swap_sees_who_was_faster_by_a_moment(cloud: Cloud) -> None:
    state, passing = between(cloud)

    def meddle(action: str) -> None:
        if action == "PutItem":
            DynamoDbState(cloud.table, lambda: cloud.client).put("family", "name", b"theirs")

    passing.before = meddle

    assert not state.swap("family", "name", b"mine", over=None)
    assert state.get("family", "name") == b"theirs"


def test_a_swap_that_works_takes_one_call(cloud: Cloud) -> None:
    state, passing = between(cloud)

    state.swap("family", "name", b"one", over=None)
    state.swap("family", "name", b"two", over=b"one")
    state.swap("family", "name", None, over=b"two")

    assert passing.actions() == ["PutItem", "PutItem", "DeleteItem"]


def test_no_empty_map_of_values_is_sent(cloud: Cloud) -> None:
    """AWS refuses one: a condition without values goes without."""
    state, passing = between(cloud)

    state.swap("family", "name", b"one", over=None)

    [(_, request)] = passing.calls
    assert request["ConditionExpression"]
    assert "ExpressionAttributeValues" not in request


def test_a_family_of_many_pages_is_found_and_dropped_to_its_end(cloud: Cloud) -> None:
    """DynamoDB answers with at most 1 MB."""
    state, passing = between(cloud)
    names = [f"group#{number:05}" for number in range(7)]
    for name in names:
        state.put("run 1", name, noise(MAX_SHARED))
    passing.calls.clear()

    assert list(state.all("run 1")) == names
    assert passing.actions() == ["Query"] * 3
    assert list(state.all("run 1", at_most=5)) == names[:5]
    state.drop("run 1")
    assert state.all("run 1") == {}


def test_no_more_is_read_than_was_asked_for(cloud: Cloud) -> None:
    state, passing = between(cloud)
    for number in range(5):
        state.put("family", f"{number}", b"value")
    passing.calls.clear()

    state.all("family", at_most=2)

    [(action, request)] = passing.calls
    assert (action, cloud.client.query(**request)["ScannedCount"]) == ("Query", 2)


def test_only_keys_are_read_of_what_is_dropped(cloud: Cloud) -> None:
    state, passing = between(cloud)
    state.put("family", "name", b"value")
    passing.calls.clear()

    state.drop("family")

    [(_, request), _] = passing.calls
    assert cloud.client.query(**request)["Items"] == []
    assert request["ProjectionExpression"] == "pk, sk"


def test_the_largest_value_fits_into_an_item(cloud: Cloud) -> None:
    state, passing = between(cloud)
    state.put("f" * 1000, "n" * 1000, noise(MAX_SHARED))

    [(_, request)] = passing.calls
    assert sum(len(name) + sum(map(len, value.values())) for name, value in request["Item"].items()) < 400_000


CALLS: dict[str, tuple[str, Callable[[FleetState], object]]] = {
    "get": ("GetItem", lambda state: state.get("family", "name")),
    "all": ("Query", lambda state: state.all("family")),
    "put": ("PutItem", lambda state: state.put("family", "name", b"value")),
    "swap": ("PutItem", lambda state: state.swap("family", "name", b"value", over=None)),
    "swap for none": ("DeleteItem", lambda state: state.swap("family", "name", None, over=b"value")),
    "drop": ("Query", lambda state: state.drop("family")),
    "hold": ("PutItem", lambda state: state.hold("run", now=NOON, until=UNTIL)),
    "let go": ("DeleteItem", lambda state: state.let_go("run", until=UNTIL)),
}


@pytest.mark.parametrize("name", CALLS)
def test_what_a_role_may_not_do_is_named(cloud: Cloud, name: str) -> None:
    action, call = CALLS[name]
    state, passing = between(cloud)
    passing.before = refuse("AccessDeniedException")

    with pytest.raises(StateDenied) as caught:
        call(state)

    assert str(caught.value) == f"AWS does not allow dynamodb:{action} on the table {cloud.table}"
    assert caught.value.hint == f"allow dynamodb:{action} on {cloud.table} in the role used"


@pytest.mark.parametrize(
    "strange", [{}, {"content": {"S": "value"}}, {"content": {"N": "7"}}], ids=["empty", "text", "number"]
)
def test_a_strange_item_is_an_error_of_the_store(cloud: Cloud, strange: dict[str, dict[str, Any]]) -> None:
    cloud.put("shared#family", "name", **strange)
    state, _ = between(cloud)

    calls: list[Callable[[], object]] = [
        lambda: state.get("family", "name"),
        lambda: state.all("family"),
        lambda: state.swap("family", "name", b"mine", over=b"value"),
    ]
    for call in calls:
        with pytest.raises(StateUnusable, match="holds something that we did not write"):
            call()

    state.put("family", "name", b"ours")
    assert state.get("family", "name") == b"ours"
