"""What the adapters of AWS share: a client that gives up in time, and what it means when AWS refuses."""

from collections.abc import Mapping
from functools import cache
from http import HTTPStatus
from typing import Any, Final, Literal

ATTEMPTS: Final = 3

SET_UP: Final = "set up AWS credentials and a region: `aws configure`, or AWS_PROFILE and AWS_DEFAULT_REGION"
"""AWS_REGION alone would not do: boto3 does not read it."""
RENEW: Final = "renew the AWS credentials, for example with `aws sso login`"

_PASSING: Final = {
    "InternalFailure",
    "InternalServerError",
    "InternalServiceError",
    "LimitExceededException",  # of secrets: a hundred versions within a day
    "ProvisionedThroughputExceededException",
    "RequestLimitExceeded",
    "RequestThrottled",
    "RequestTimeout",
    "RequestTimeoutException",
    "ServiceUnavailable",
    "ServiceUnavailableException",
    "Throttling",
    "ThrottledException",
    "ThrottlingException",
    "TooManyRequestsException",
    "TransactionCanceledException",  # ours have no conditions: another write was under way, or too many were
    "TransactionConflictException",
    "TransactionInProgressException",
}
_UNKNOWN_CALLER: Final = {
    "ExpiredToken",
    "ExpiredTokenException",
    "IncompleteSignature",
    "IncompleteSignatureException",
    "InvalidClientTokenId",
    "InvalidSignatureException",
    "MissingAuthenticationToken",
    "MissingAuthenticationTokenException",
    "SignatureDoesNotMatch",
    "UnrecognizedClientException",
}


def client(service: Literal["dynamodb", "secretsmanager", "sqs"], *, connect_seconds: int, read_seconds: int) -> Any:
    """Return boto3's client of *service*, found by boto3's own rules; each call is tried ATTEMPTS times at most."""
    from boto3.session import Session  # noqa: PLC0415 - a quarter of a second that only users of AWS spend
    from botocore.config import Config  # noqa: PLC0415 - the same
    from botocore.session import get_session  # noqa: PLC0415 - the same

    config = Config(
        connect_timeout=connect_seconds,
        read_timeout=read_seconds,
        retries={"mode": "standard", "total_max_attempts": ATTEMPTS},
    )
    session = get_session()
    session.register_component("data_loader", _loader())
    return Session(botocore_session=session).client(service, config=config)


@cache
def _loader() -> object:
    """Return what reads botocore's own files, and parses each only once: most of the time that a client takes."""
    from botocore.loaders import create_loader  # noqa: PLC0415 - as above

    return create_loader()


def passes(answer: Mapping[str, Any]) -> bool:
    """Return whether AWS refused for trouble that ends by itself."""
    server_error: bool = answer["ResponseMetadata"]["HTTPStatusCode"] >= HTTPStatus.INTERNAL_SERVER_ERROR
    return server_error or answer["Error"]["Code"] in _PASSING


def is_unknown_caller(answer: Mapping[str, Any]) -> bool:
    """Return whether AWS refused for whom it takes us, whatever we asked for."""
    return answer["Error"]["Code"] in _UNKNOWN_CALLER


def is_unreached(error: Exception) -> bool:
    """Return whether it is for the network that the SDK, raising *error*, has no answer."""
    from botocore import exceptions  # noqa: PLC0415 - loaded already, by whoever made the call

    return isinstance(error, exceptions.HTTPClientError | exceptions.ConnectionError)
