"""Messages through an Amazon SQS queue."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cached_property
from math import ceil
from typing import Any, Final, Protocol

from syncer import aws
from syncer.errors import AwsDenied, StoreUnreachable, SyncError

CONNECT_SECONDS, READ_SECONDS = 3, 5
BATCH: Final = 10
"""Messages that AWS takes at a time. Together they may have 1 MiB, of which ours do not have a hundredth."""
MAX_DELAY: Final = 900
ROUNDS: Final = 3
"""How often a message is tried of which AWS says that it failed for no fault of ours."""

_ACTION: Final = "SendMessage"
"""The permission; SendMessageBatch is none of its own."""
_NO_QUEUE: Final = {"AWS.SimpleQueueService.NonExistentQueue", "InvalidAddress", "QueueDoesNotExist"}

Entry = Mapping[str, str | int]


class Client(Protocol):
    """The call of a boto3 client that is used. A role needs SendMessage on the queue."""

    def send_message_batch(self, **request: Any) -> Mapping[str, Any]: ...


def connect() -> Client:
    """Return boto3's client, found by boto3's own rules."""
    client: Client = aws.client("sqs", connect_seconds=CONNECT_SECONDS, read_seconds=READ_SECONDS)
    return client


class SqsQueue:
    """The queue at *url*, as Messages promises. AWS is not touched before the first call."""

    def __init__(self, url: str, client_factory: Callable[[], Client] = connect) -> None:
        self._url = url
        self._name = url.rpartition("/")[2]
        self._client_factory = client_factory

    def send(self, bodies: Sequence[str], *, delay: float = 0) -> None:
        seconds = min(MAX_DELAY, max(0, ceil(delay)))
        for start in range(0, len(bodies), BATCH):
            batch = enumerate(bodies[start : start + BATCH])
            self._send([{"Id": str(at), "MessageBody": body, "DelaySeconds": seconds} for at, body in batch])

    def _send(self, entries: Sequence[Entry]) -> None:
        """Send up to BATCH *entries*, of which AWS takes or refuses each on its own."""
        for _ in range(ROUNDS):
            failed = self._failed(entries)
            if not failed:
                return
            entries = [entry for entry in entries if entry["Id"] in failed]
        raise _passing(next(iter(failed.values())), self._name)

    def _failed(self, entries: Sequence[Entry]) -> dict[str, str]:
        """Send *entries* once; return the code of each, by its id, that failed and may be tried again."""
        with self._explained():
            answer = self._client.send_message_batch(QueueUrl=self._url, Entries=list(entries))
        failed = answer.get("Failed", ())
        for entry in failed:
            if entry["SenderFault"]:
                raise _refused(entry["Code"], self._name)
        return {entry["Id"]: entry["Code"] for entry in failed}

    @cached_property
    def _client(self) -> Client:
        return self._client_factory()

    @contextmanager
    def _explained(self) -> Iterator[None]:
        """Turn what the SDK raises into errors of ours. Its own words stay out: they name the caller."""
        from botocore.exceptions import BotoCoreError, ClientError  # noqa: PLC0415 - only users of AWS

        try:
            yield
        except ClientError as error:
            raise _refusal(error.response, self._name) from None
        except BotoCoreError as error:
            raise _not_sent(error, self._name) from None


def _call(name: str) -> str:
    return f"sqs:{_ACTION} on {name}"


def _refusal(answer: Mapping[str, Any], name: str) -> SyncError:
    """Say what AWS answered."""
    code: str = answer["Error"]["Code"]
    if aws.passes(answer):
        return _passing(code, name)
    if aws.is_unknown_caller(answer):
        return AwsDenied(f"AWS does not accept its credentials for {_call(name)}: {code}", hint=aws.RENEW)
    return _refused(code, name)


def _passing(code: str, name: str) -> SyncError:
    return StoreUnreachable(f"AWS could not do {_call(name)}: {code}", hint="nothing to do: the next run tries again")


def _refused(code: str, name: str) -> SyncError:
    """Say what a person has to see to."""
    if code.startswith("AccessDenied"):
        return AwsDenied(f"AWS does not allow {_call(name)}", hint=f"allow sqs:{_ACTION} on {name} in the role used")
    if code in _NO_QUEUE:
        return AwsDenied(
            f"there is no SQS queue {name} in this account and region", hint="deploy the stack that makes it"
        )
    return AwsDenied(f"AWS refused {_call(name)}: {code}", hint=f"look at the queue {name} in the AWS console")


def _not_sent(error: Exception, name: str) -> SyncError:
    """Say why there is no answer."""
    kind = type(error).__name__
    if aws.is_unreached(error):
        return StoreUnreachable(
            f"AWS was not reached for {_call(name)}: {kind}", hint="check the network and try again"
        )
    return AwsDenied(f"AWS could not be asked for {_call(name)}: {kind}", hint=aws.SET_UP)
