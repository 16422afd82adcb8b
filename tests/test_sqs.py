"""Messages through SQS: all of them are taken or it is said why not, and every refusal says what to do."""

import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import Any

import botocore.exceptions as sdk
import pytest

from syncer.aws import ATTEMPTS
from syncer.errors import AwsDenied, Code, StoreUnreachable, SyncError
from syncer.ports import Messages
from syncer.sqs import BATCH, CONNECT_SECONDS, READ_SECONDS, ROUNDS, SqsQueue, connect

ROOT = Path(__file__).parent.parent
NAMES = map("groups-{}".format, count())
URL = "https://sqs.eu-west-1.amazonaws.com/123456789012/groups"
SECRET = "arn:aws:sts::123456789012:assumed-role/private"

Answer = Callable[[list[dict[str, Any]]], Mapping[str, Any]]


# --- over HTTP --------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def endpoint() -> Iterator[str]:
    """Serve SQS over loopback."""
    from moto.server import ThreadedMotoServer  # noqa: PLC0415 - half a second that only these tests spend

    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


@pytest.fixture
def client(endpoint: str, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Return the client that a queue has, which finds its way by the rules of the SDK."""
    monkeypatch.setenv("AWS_ENDPOINT_URL", endpoint)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "key")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-west-1")
    return connect()


@pytest.fixture
def url(client: Any) -> str:
    """Make an empty queue and return its URL."""
    made: str = client.create_queue(QueueName=next(NAMES))["QueueUrl"]
    return made


def waiting(client: Any, url: str) -> list[str]:
    """Take what can be received by now out of the queue at *url*."""
    found: list[str] = []
    while messages := client.receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages"):
        found += [message["Body"] for message in messages]
    return found


def held_back(client: Any, url: str) -> int:
    """Return how many messages are in the queue at *url* whose delay is not over."""
    name = "ApproximateNumberOfMessagesDelayed"
    return int(client.get_queue_attributes(QueueUrl=url, AttributeNames=[name])["Attributes"][name])


@pytest.mark.parametrize("number", [0, 1, BATCH, BATCH + 1, 25])
def test_every_message_arrives(client: Any, url: str, number: int) -> None:
    bodies = [f'{{"run": "1", "group": {at}, "text": "é𝄞"}}' for at in range(number)]

    SqsQueue(url).send(bodies)

    assert sorted(waiting(client, url)) == sorted(bodies)


def test_a_message_is_held_back_for_its_delay(client: Any, url: str) -> None:
    SqsQueue(url).send(["later", "later"], delay=60)
    SqsQueue(url).send(["now"])

    assert waiting(client, url) == ["now"]
    assert held_back(client, url) == 2


def test_a_queue_that_is_not_there_is_said_to_be_so(client: Any, url: str) -> None:
    client.delete_queue(QueueUrl=url)

    error = refusal(SqsQueue(url))

    assert isinstance(error, AwsDenied)
    assert str(error) == f"there is no SQS queue {url.rpartition('/')[2]} in this account and region"
    assert error.hint == "deploy the stack that makes it"


def test_the_client_keeps_its_limits(client: Any) -> None:
    config = client.meta.config
    assert (config.connect_timeout, config.read_timeout) == (CONNECT_SECONDS, READ_SECONDS)
    assert (config.retries["mode"], config.retries["total_max_attempts"]) == ("standard", ATTEMPTS)


def test_the_sdk_is_not_loaded_by_those_who_do_not_use_it() -> None:
    code = "import sys, syncer.sqs as s; s.SqsQueue('x'); sys.exit('boto3' in sys.modules or 'botocore' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=False).returncode == 0  # noqa: S603 - our own words


# --- by a script ------------------------------------------------------------------------------------------------------


@dataclass
class Scripted:
    """A client that keeps each batch, and answers by *answers* in turn, then that all is well."""

    answers: list[Answer] = field(default_factory=list)
    batches: list[list[dict[str, Any]]] = field(default_factory=list)

    def send_message_batch(self, **request: Any) -> Mapping[str, Any]:
        assert request.keys() == {"QueueUrl", "Entries"}
        assert request["QueueUrl"] == URL
        self.batches.append(request["Entries"])
        return self.answers.pop(0)(request["Entries"]) if self.answers else {"Successful": request["Entries"]}

    def bodies(self) -> list[list[str]]:
        return [[entry["MessageBody"] for entry in batch] for batch in self.batches]


def queue(*answers: Answer) -> tuple[SqsQueue, Scripted]:
    client = Scripted(list(answers))
    return SqsQueue(URL, lambda: client), client


def refusal(queue: Messages, *bodies: str) -> SyncError:
    """Return what *queue* says to *bodies*; it tells nothing that AWS says of the caller."""
    with pytest.raises(SyncError) as caught:
        queue.send(bodies or ("body",))
    assert SECRET not in str(caught.value) + caught.value.hint + repr(caught.value)
    assert caught.value.__suppress_context__ or caught.value.__context__ is None
    return caught.value


def refuse(code: str, status: int = 400) -> Answer:
    """Return an answer: AWS refuses the batch with *code*."""

    def answer(_entries: object) -> Mapping[str, Any]:
        error: Any = {
            "Error": {"Code": code, "Message": f"User: {SECRET} may not"},
            "ResponseMetadata": {"HTTPStatusCode": status},
        }
        raise sdk.ClientError(error, "SendMessageBatch")

    return answer


def fail(*bodies: str, code: str = "InternalError", by_sender: bool = False) -> Answer:
    """Return an answer: AWS takes all but *bodies*."""

    def answer(entries: list[dict[str, Any]]) -> Mapping[str, Any]:
        failed = [entry["Id"] for entry in entries if entry["MessageBody"] in bodies]
        assert len(failed) == len(bodies)
        return {
            "Successful": [{"Id": entry["Id"]} for entry in entries if entry["Id"] not in failed],
            "Failed": [{"Id": one, "Code": code, "Message": SECRET, "SenderFault": by_sender} for one in failed],
        }

    return answer


def go_wrong(error: sdk.BotoCoreError) -> Answer:
    def answer(_entries: object) -> Mapping[str, Any]:
        raise error

    return answer


def test_messages_go_ten_at_a_time_each_with_an_id_of_its_own() -> None:
    messages, client = queue()
    bodies = [f"{number}" for number in range(25)]

    messages.send(bodies)

    assert client.bodies() == [bodies[:10], bodies[10:20], bodies[20:]]
    for batch in client.batches:
        assert len({entry["Id"] for entry in batch}) == len(batch)


@pytest.mark.parametrize(
    ("delay", "seconds"), [(-1, 0), (0, 0), (0.01, 1), (1, 1), (59.5, 60), (900, 900), (900.1, 900), (4000, 900)]
)
def test_a_delay_is_rounded_up_to_what_aws_takes(delay: float, seconds: int) -> None:
    messages, client = queue()

    messages.send(["a", "b"], delay=delay)

    assert [entry["DelaySeconds"] for entry in client.batches[0]] == [seconds] * 2


def test_the_client_is_made_once_and_only_when_needed() -> None:
    made: list[Scripted] = []

    def factory() -> Scripted:
        made.append(Scripted())
        return made[-1]

    messages = SqsQueue(URL, factory)
    messages.send([])
    assert made == []
    messages.send(["a"])
    messages.send(["b"])
    assert len(made) == 1


def test_what_failed_of_a_batch_is_sent_again_and_nothing_else() -> None:
    messages, client = queue(fail("b", "d"), fail("d"))

    messages.send("abcd", delay=7)

    assert client.bodies() == [["a", "b", "c", "d"], ["b", "d"], ["d"]]
    assert {entry["DelaySeconds"] for batch in client.batches for entry in batch} == {7}


def test_what_keeps_failing_is_given_up_and_said_to_pass() -> None:
    messages, client = queue(fail("b"), fail("b"), fail("b", code="ServiceUnavailable"))

    error = refusal(messages, "a", "b", "c")

    assert client.bodies() == [["a", "b", "c"], ["b"], ["b"]]
    assert len(client.batches) == ROUNDS
    assert isinstance(error, StoreUnreachable)
    assert error.code is Code.TEMPORARY
    assert str(error) == "AWS could not do sqs:SendMessage on groups: ServiceUnavailable"


def test_what_failed_by_our_fault_is_not_sent_again() -> None:
    messages, client = queue(fail("b", code="InvalidMessageContents", by_sender=True))

    error = refusal(messages, "a", "b")

    assert len(client.batches) == 1
    assert isinstance(error, AwsDenied)
    assert str(error) == "AWS refused sqs:SendMessage on groups: InvalidMessageContents"


def test_no_further_batch_is_sent_after_one_that_was_refused() -> None:
    messages, client = queue(refuse("AccessDenied"))

    refusal(messages, *(f"{number}" for number in range(25)))

    assert len(client.batches) == 1


@pytest.mark.parametrize(
    "answer",
    [refuse("AccessDenied", 403), refuse("AccessDeniedException"), fail("body", code="AccessDenied", by_sender=True)],
    ids=["query", "json", "one"],
)
def test_what_a_role_may_not_do_is_named(answer: Answer) -> None:
    error = refusal(queue(answer)[0])

    assert isinstance(error, AwsDenied)
    assert error.code is Code.AWS_DENIED
    assert str(error) == "AWS does not allow sqs:SendMessage on groups"
    assert error.hint == "allow sqs:SendMessage on groups in the role used"


@pytest.mark.parametrize("code", ["AWS.SimpleQueueService.NonExistentQueue", "QueueDoesNotExist", "InvalidAddress"])
def test_a_queue_unknown_by_either_protocol_of_aws_is_said_to_be_missing(code: str) -> None:
    assert str(refusal(queue(refuse(code))[0])) == "there is no SQS queue groups in this account and region"


@pytest.mark.parametrize(
    "answer",
    [
        refuse("RequestThrottled"),
        refuse("ThrottlingException"),
        refuse("SomethingNew", 503),
        go_wrong(sdk.EndpointConnectionError(endpoint_url=URL)),
        go_wrong(sdk.ReadTimeoutError(endpoint_url=URL)),
    ],
    ids=["throttled", "throttled-too", "down", "unreachable", "silent"],
)
def test_trouble_of_aws_or_the_network_passes(answer: Answer) -> None:
    messages, client = queue(answer)

    error = refusal(messages)

    assert isinstance(error, StoreUnreachable)
    assert error.code is Code.TEMPORARY
    assert "sqs:SendMessage on groups" in str(error)
    assert len(client.batches) == 1  # the SDK has tried it again already


@pytest.mark.parametrize(
    ("answer", "hint"),
    [
        (go_wrong(sdk.NoCredentialsError()), "set up AWS credentials"),
        (refuse("ExpiredToken"), "renew the AWS credentials"),
        (refuse("InvalidClientTokenId", 403), "renew the AWS credentials"),
        (refuse("UnsupportedOperation"), "look at the queue groups in the AWS console"),
    ],
    ids=["none", "old", "wrong", "other"],
)
def test_every_other_refusal_says_what_to_do(answer: Answer, hint: str) -> None:
    error = refusal(queue(answer)[0])

    assert isinstance(error, AwsDenied)
    assert error.hint.startswith(hint)


def test_a_missing_region_is_said_to_be_so() -> None:
    error = refusal(SqsQueue(URL))

    assert isinstance(error, AwsDenied)
    assert str(error) == "AWS could not be asked for sqs:SendMessage on groups: NoRegionError"
    assert "AWS_DEFAULT_REGION" in error.hint
