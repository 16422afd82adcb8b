"""The DynamoDB table: few permissions, no trust in answers that get lost, and every refusal says what to do."""

import logging
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError, EndpointConnectionError, NoCredentialsError, ReadTimeoutError

from syncer.errors import AwsDenied, Code, Locked, Reach, StateUnreachable, StateUnusable
from syncer.model import Add, Addition, AddState, Item, NotBefore
from syncer.state.dynamodb import PART_BYTES, Client, DynamoDbState, StateDenied, connect
from tests.fakes import identifier, uri
from tests.state.words import NOON, UNTIL, Between, Cloud, at, noise, sent, uris, volume

ROOT = Path(__file__).parent.parent.parent
ARCHIVE = identifier("archive")
SMALLEST_LARGE = noise(PART_BYTES + 1)
LARGE = noise(4 * PART_BYTES)
SECRET = "arn:aws:sts::123456789012:assumed-role/private"


def store(cloud: Cloud, client: Client | None = None) -> DynamoDbState:
    return DynamoDbState(cloud.table, lambda: client or cloud.client)


def refuse(code: str, status: int = 400) -> Callable[[str], None]:
    """Return a fault: AWS answers *code*."""

    def fault(action: str) -> None:
        answer: Any = {
            "Error": {"Code": code, "Message": f"User: {SECRET} may not"},
            "ResponseMetadata": {"HTTPStatusCode": status},
        }
        raise ClientError(answer, action)

    return fault


CALLS: dict[str, Callable[[DynamoDbState], object]] = {
    "PutItem": lambda state: state.sending(sent(0)),
    "GetItem": lambda state: state.not_before("app"),
    "Query": lambda state: list(state.record()),
    "DeleteItem": lambda state: state.stopped_at(None),
    "TransactWriteItems": lambda state: state.settle(sent(0), landed=uris("a"), state=AddState.LANDED),
}


def failing(cloud: Cloud, action: str, fault: Callable[[str], None]) -> StateUnusable:
    """Return what a store says whose table is known, when *fault* befalls *action*."""
    between = Between(cloud.client)
    state = store(cloud, between)
    state.resume_at()
    between.before = fault
    with pytest.raises(StateUnusable) as caught:
        CALLS[action](state)
    assert between.actions()[-1] == action
    assert SECRET not in str(caught.value) + caught.value.hint + repr(caught.value)
    assert caught.value.__suppress_context__
    return caught.value


# --- what is asked of AWS ---------------------------------------------------------------------------------------------


def use_everything(state: DynamoDbState) -> None:
    with state.lock("run", now=NOON, until=UNTIL):
        state.sending(sent(0))
        state.settle(sent(0), landed=uris("a"), state=AddState.LANDED)
        state.adds(ARCHIVE, since=NOON)
        list(state.record())
        state.wait("app", NotBefore(at=NOON, quota=False))
        state.not_before("app")
        state.keep_volume(volume(1))
        state.keep_volume(volume(2, made=None))
        state.volumes("default", "Archive")
        state.forget_volume(volume(2, made=None))
        state.stopped_at("week")
        state.resume_at()
        state.stopped_at(None)
        for content in (b"small", SMALLEST_LARGE, LARGE, b"small"):
            state.cache("week", content)
            assert state.cached("week") == content
        state.put("family", "name", b"value")
        state.swap("family", "name", b"other", over=b"value")
        state.swap("family", "name", None, over=b"value")
        state.all("family")
        state.drop("family")


def test_no_other_calls_are_made_than_a_role_is_told_to_allow(cloud: Cloud) -> None:
    """TransactWriteItems needs PutItem and DeleteItem; it is no permission of its own."""
    between = Between(cloud.client)
    use_everything(store(cloud, between))

    assert set(between.actions()) == {"GetItem", "PutItem", "DeleteItem", "Query", "TransactWriteItems"}
    named = [request.get("TableName") for action, request in between.calls if action != "TransactWriteItems"]
    assert set(named) == {cloud.table}


def test_every_read_sees_every_write_before_it(cloud: Cloud) -> None:
    between = Between(cloud.client)
    use_everything(store(cloud, between))

    reads = [request for action, request in between.calls if action in ("GetItem", "Query")]
    assert [request["ConsistentRead"] for request in reads] == [True] * len(reads)


def test_the_latest_adds_are_found_without_reading_the_old_ones(cloud: Cloud) -> None:
    for minute in range(20):
        store(cloud).settle(sent(minute), landed=uris("a"), state=AddState.LANDED)
    between = Between(cloud.client)
    state = store(cloud, between)

    assert len(state.adds(ARCHIVE, since=at(18))) == 2

    for action, request in between.calls[1:]:
        answer = cloud.client.query(**request)
        assert (action, answer["ScannedCount"] <= 2) == ("Query", True)


def test_the_client_is_made_once_and_only_when_needed(cloud: Cloud) -> None:
    made = []

    def factory() -> Client:
        made.append(1)
        return cloud.client

    state = DynamoDbState(cloud.table, factory)
    assert made == []
    use_everything(state)
    assert made == [1]


def test_the_sdk_is_not_loaded_by_those_who_do_not_use_it() -> None:
    code = "import sys, syncer.state.dynamodb; sys.exit('boto3' in sys.modules or 'botocore' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=False)  # noqa: S603 - our own words
    assert done.returncode == 0


def test_a_store_connects_by_the_rules_of_the_sdk(cloud: Cloud, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", cloud.endpoint)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "key")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-west-1")

    DynamoDbState(cloud.table).stopped_at("week")

    assert store(cloud).resume_at() == "week"


# --- size -------------------------------------------------------------------------------------------------------------


def large(number: int, letter: str) -> Add:
    item = Item(uri=uri("a"), name=letter * 500, artists=(letter * 500,) * 200, added_at=letter * 500)
    return replace(sent(number), additions=(Addition(item=item, source="liked"),) * 100)


@pytest.mark.parametrize("letter", ["a", "𝄞", "\0"])
def test_the_largest_add_fits_into_an_item(cloud: Cloud, letter: str) -> None:
    store(cloud).sending(large(0, letter))
    store(cloud).settle(large(0, letter), landed=uris("a"), state=AddState.RELINKED)

    for item in cloud.items():
        assert sum(len(name) + len(value["S"].encode()) for name, value in item.items()) < 400_000


def test_a_record_of_many_pages_is_read_to_its_end(cloud: Cloud) -> None:
    """DynamoDB answers with at most 1 MB."""
    state = store(cloud)
    artists = ("x" * 500,) * 3
    additions = tuple(replace(one, item=replace(one.item, artists=artists)) for one in large(0, "a").additions)
    add = replace(sent(0), additions=additions)
    for number in range(6):
        state.settle(replace(add, id=f"{number}", at=at(number)), landed=uris("a"), state=AddState.LANDED)
    between = Between(cloud.client)

    assert [kept.id for kept in store(cloud, between).record()] == ["5", "4", "3", "2", "1", "0"]
    assert between.actions().count("Query") > 1


# --- the cache --------------------------------------------------------------------------------------------------------


def caching(cloud: Cloud) -> tuple[DynamoDbState, Between]:
    """Return a store whose table is known, and what passes its calls on from now on."""
    between = Between(cloud.client)
    state = store(cloud, between)
    state.resume_at()
    between.calls.clear()
    return state, between


@pytest.mark.parametrize("size", [0, 50_000, PART_BYTES])
def test_what_fits_into_an_item_takes_one_call_to_cache_and_one_to_read(cloud: Cloud, size: int) -> None:
    state, between = caching(cloud)
    for seed in range(2):
        between.calls.clear()
        state.cache("week", noise(size, seed))
        assert between.actions() == ["PutItem"]
        assert state.cached("week") == noise(size, seed)
        assert between.actions() == ["PutItem", "GetItem"]


def test_what_does_not_fit_is_read_three_items_at_a_time(cloud: Cloud) -> None:
    state, between = caching(cloud)
    state.cache("week", noise(5_000_000))
    assert between.actions().count("PutItem") == 16 + 1
    between.calls.clear()

    assert state.cached("week") == noise(5_000_000)

    assert between.actions() == ["GetItem"] + ["Query"] * 6


def test_every_item_of_the_cache_fits(cloud: Cloud) -> None:
    state, between = caching(cloud)
    for content in (noise(PART_BYTES), LARGE):
        state.cache("n" * 1000, content)

    for action, request in between.calls:
        if action == "PutItem":
            item = request["Item"]
            assert sum(len(name) + sum(map(len, value.values())) for name, value in item.items()) < 400_000


def test_what_was_cached_before_leaves_nothing_behind(cloud: Cloud) -> None:
    state = store(cloud)
    for content, parts in ((LARGE, 4), (noise(PART_BYTES * 2), 2), (SMALLEST_LARGE, 2), (LARGE, 4), (b"small", 0)):
        state.cache("week", content)
        state.cache("other", LARGE)

        assert len(cloud.parts("week")) == parts + 1
        assert len(cloud.parts("other")) == 4 + 1


def killed_at(number: int) -> Callable[[str], None]:
    """Return a fault: the process ends before call *number*."""
    left = iter(range(number, -1, -1))

    def fault(_action: str) -> None:
        if not next(left):
            raise KeyboardInterrupt

    return fault


@pytest.mark.parametrize("before", [b"small", noise(PART_BYTES * 2, seed=5)], ids=len)
def test_killed_at_any_call_what_is_cached_is_the_old_or_the_new(cloud: Cloud, before: bytes) -> None:
    """Never a mix of both; and the next write takes away what was left lying."""
    for number in range(1 + 4 + 1 + 2 + 2):
        store(cloud).cache("week", before)
        state, between = caching(cloud)
        between.before = killed_at(number)
        try:
            state.cache("week", LARGE)
        except KeyboardInterrupt:
            assert store(cloud).cached("week") == (before if number <= 4 else LARGE)
        else:
            assert number > 4 + 1
    store(cloud).cache("week", LARGE)
    assert len(cloud.parts("week")) == 4 + 1


@pytest.mark.parametrize("part", range(4))
def test_a_part_that_is_gone_is_noticed(cloud: Cloud, part: int) -> None:
    store(cloud).cache("week", LARGE)
    cloud.client.delete_item(
        TableName=cloud.table, Key={"pk": {"S": "cache#week"}, "sk": {"S": sorted(cloud.parts("week"))[part]}}
    )

    assert store(cloud).cached("week") is None


def test_parts_of_two_writes_are_never_taken_for_one(cloud: Cloud) -> None:
    store(cloud).cache("other", noise(4 * PART_BYTES, seed=1))
    store(cloud).cache("week", LARGE)
    cloud.put("cache#week", cloud.parts("week")[2], content={"B": noise(PART_BYTES, seed=1)})
    assert store(cloud).cached("week") is None

    store(cloud).cache("week", LARGE)
    cloud.put("cache#week", "head", digest={"S": cloud.parts("other")[0].split("#")[0]}, parts={"S": "4"})
    assert store(cloud).cached("week") is None


def test_a_write_between_the_two_calls_of_a_read_is_noticed(cloud: Cloud) -> None:
    store(cloud).cache("week", LARGE)
    state, between = caching(cloud)

    def meddle(action: str) -> None:
        if action == "Query":
            store(cloud).cache("week", noise(4 * PART_BYTES, seed=1))

    between.before = meddle

    assert state.cached("week") is None
    between.before = lambda _action: None
    assert state.cached("week") == noise(4 * PART_BYTES, seed=1)


@pytest.mark.parametrize(
    "head",
    [
        {},
        {"parts": {"S": "0"}, "content": {"B": b"content"}},
        {"parts": {"S": "0"}, "content": {"B": b"content"}, "digest": {"S": "0" * 64}},
        {"parts": {"S": "0"}, "content": {"S": "content"}, "digest": {"S": "0" * 64}},
        {"parts": {"N": "0"}, "content": {"BS": [b"content"]}, "digest": {"B": b"0"}},
    ],
    ids=["empty", "no-digest", "other-digest", "text", "numbers"],
)
def test_what_we_did_not_cache_is_not_there_and_can_be_replaced(cloud: Cloud, head: dict[str, dict[str, Any]]) -> None:
    cloud.put("cache#week", "head", **head)

    assert store(cloud).cached("week") is None
    store(cloud).cache("week", b"ours")
    assert store(cloud).cached("week") == b"ours"


def test_what_cannot_be_cleared_away_is_left_to_the_next_write(cloud: Cloud) -> None:
    store(cloud).cache("week", LARGE)
    state, between = caching(cloud)

    def busy(action: str) -> None:
        if action == "DeleteItem":
            refuse("ThrottlingException")(action)

    between.before = busy
    state.cache("week", SMALLEST_LARGE)

    assert store(cloud).cached("week") == SMALLEST_LARGE
    assert len(cloud.parts("week")) == 4 + 2 + 1
    store(cloud).cache("week", SMALLEST_LARGE)
    assert len(cloud.parts("week")) == 2 + 1


# --- the lock ---------------------------------------------------------------------------------------------------------


def test_a_lock_whose_run_died_is_free_when_its_time_is_over(cloud: Cloud) -> None:
    dead = store(cloud).lock("dead", now=NOON, until=UNTIL)
    dead.__enter__()
    for now, free in ((NOON, False), (UNTIL - timedelta(microseconds=1), False), (UNTIL, True)):
        next_run = store(cloud).lock("next", now=now, until=UNTIL + timedelta(minutes=15))
        if free:
            with next_run:
                pass
        else:
            with pytest.raises(Locked, match=f"it holds the lock in the table {cloud.table}"), next_run:
                pytest.fail("two runs at once")


def test_a_run_that_took_too_long_leaves_the_lock_of_the_next_one_alone(cloud: Cloud) -> None:
    late = store(cloud).lock("late", now=NOON, until=UNTIL)
    late.__enter__()
    with store(cloud).lock("next", now=UNTIL, until=at(60)):
        late.__exit__(None, None, None)
        with pytest.raises(Locked), store(cloud).lock("third", now=UNTIL, until=at(60)):
            pytest.fail("two runs at once")


def test_a_lock_that_cannot_be_given_back_is_left_to_expire(cloud: Cloud, caplog: pytest.LogCaptureFixture) -> None:
    between = Between(cloud.client)
    with caplog.at_level(logging.WARNING, "syncer"):
        with store(cloud, between).lock("run", now=NOON, until=UNTIL):
            between.before = refuse("InternalServerError", 500)
        with pytest.raises(KeyError), store(cloud).lock("next", now=UNTIL, until=at(60)):
            raise KeyError

    assert [record.message for record in caplog.records] == ["the lock was left to expire"]


# --- refusals ---------------------------------------------------------------------------------------------------------


def test_a_table_that_is_not_there_is_said_to_be_so(cloud: Cloud) -> None:
    missing = replace(cloud, table="nowhere")
    for call in CALLS.values():
        with pytest.raises(StateUnusable) as caught:
            call(store(missing))
        assert str(caught.value) == "there is no DynamoDB table nowhere in this account and region"
        assert (caught.value.code, caught.value.reach) == (Code.CONFIG, Reach.RUN)


def test_a_table_with_other_keys_is_said_to_be_so(cloud: Cloud) -> None:
    client: Any = cloud.client
    client.create_table(
        TableName=f"{cloud.table}-other",
        BillingMode="PAY_PER_REQUEST",
        KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
    )
    with pytest.raises(StateUnusable) as caught:
        store(replace(cloud, table=f"{cloud.table}-other")).resume_at()

    assert "ValidationException" in str(caught.value)
    assert caught.value.hint == f"see that {cloud.table}-other has the string keys pk (partition) and sk (sort)"


def test_a_table_of_a_newer_version_is_refused_and_left_as_it_is(cloud: Cloud) -> None:
    cloud.put("schema", "schema", version={"S": "2"})
    before = cloud.items()
    for call in CALLS.values():
        with pytest.raises(StateUnusable, match="was written by a newer version of the syncer"):
            call(store(cloud))

    assert cloud.items() == before


@pytest.mark.parametrize("action", CALLS)
def test_what_a_role_may_not_do_is_named(cloud: Cloud, action: str) -> None:
    error = failing(cloud, action, refuse("AccessDeniedException"))

    needed = "PutItem and dynamodb:DeleteItem" if action == "TransactWriteItems" else action
    assert str(error) == f"AWS does not allow dynamodb:{action} on the table {cloud.table}"
    assert error.hint == f"allow dynamodb:{needed} on {cloud.table} in the role used"
    assert isinstance(error, AwsDenied)
    assert (error.code, error.reach) == (Code.AWS_DENIED, Reach.RUN)


@pytest.mark.parametrize(
    "fault",
    [
        refuse("ThrottlingException"),
        refuse("ProvisionedThroughputExceededException"),
        refuse("TransactionCanceledException"),
        refuse("SomethingNew", 503),
    ],
    ids=["throttled", "too-much", "canceled", "down"],
)
@pytest.mark.parametrize("action", CALLS)
def test_trouble_of_aws_passes(cloud: Cloud, action: str, fault: Callable[[str], None]) -> None:
    error = failing(cloud, action, fault)

    assert isinstance(error, StateUnreachable)
    assert (error.code, error.reach) == (Code.TEMPORARY, Reach.RUN)


def unreachable(_action: str) -> None:
    raise EndpointConnectionError(endpoint_url="https://dynamodb.eu-west-1.amazonaws.com")


def silent(_action: str) -> None:
    raise ReadTimeoutError(endpoint_url="https://dynamodb.eu-west-1.amazonaws.com")


def anonymous(_action: str) -> None:
    raise NoCredentialsError


@pytest.mark.parametrize("fault", [unreachable, silent])
def test_no_answer_from_aws_passes(cloud: Cloud, fault: Callable[[str], None]) -> None:
    error = failing(cloud, "PutItem", fault)

    assert isinstance(error, StateUnreachable)
    assert error.hint == "check the network and try again"


@pytest.mark.parametrize(
    ("fault", "hint"), [(anonymous, "set up AWS credentials"), (refuse("ExpiredTokenException"), "renew the AWS cred")]
)
def test_credentials_that_are_missing_or_old_are_said_to_be_so(
    cloud: Cloud, fault: Callable[[str], None], hint: str
) -> None:
    error = failing(cloud, "GetItem", fault)

    assert isinstance(error, StateDenied)
    assert error.hint.startswith(hint)


def test_a_missing_region_is_said_to_be_so() -> None:
    with pytest.raises(StateDenied) as caught:
        DynamoDbState("table", connect).resume_at()

    assert str(caught.value) == "AWS could not be asked for dynamodb:PutItem on the table table: NoRegionError"


# --- what we did not write --------------------------------------------------------------------------------------------


@pytest.fixture(
    params=[
        {"body": {"S": "{}"}},
        {"body": {"N": "7"}},
        {"body": {"S": "{}"}, "more": {"B": b"x"}},
        {},
    ],
    ids=["empty", "number", "binary", "nothing"],
)
def strange(request: pytest.FixtureRequest) -> dict[str, dict[str, Any]]:
    found: dict[str, dict[str, Any]] = request.param
    return found


def test_a_strange_item_is_an_error_of_the_store(cloud: Cloud, strange: dict[str, dict[str, Any]]) -> None:
    cloud.put("open", f"{ARCHIVE}#1", **strange)
    cloud.put("record", "2026-11-22T12:00:00.000000Z#1", **strange)
    cloud.put("limit", "app", **strange)
    cloud.put("resume", "resume", pair={"B": b"week"}, **strange)
    state = store(cloud)
    assert state.resume_at() is None
    for call in (
        lambda: state.adds(ARCHIVE, since=NOON),
        lambda: list(state.record()),
        lambda: state.not_before("app"),
    ):
        with pytest.raises(StateUnusable, match="holds something that we did not write"):
            call()
