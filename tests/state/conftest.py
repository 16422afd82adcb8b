"""A DynamoDB on this machine, and what the stores keep."""

from collections.abc import Callable, Iterator
from functools import partial
from itertools import count
from typing import Any, cast

import pytest

from syncer.state.dynamodb import Client
from tests.state.words import Cloud

_NAMES = map("state-{}".format, count())


@pytest.fixture(scope="session")
def _endpoint() -> Iterator[str]:
    """Serve DynamoDB over loopback."""
    from moto.server import ThreadedMotoServer  # noqa: PLC0415 - half a second that only these tests spend

    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


@pytest.fixture(scope="session")
def _new_client(_endpoint: str) -> Callable[..., Any]:
    from boto3.session import Session  # noqa: PLC0415 - the same

    session = Session(aws_access_key_id="key", aws_secret_access_key="secret", region_name="eu-west-1")
    return partial(session.client, "dynamodb", endpoint_url=_endpoint)


@pytest.fixture(scope="session")
def _client(_new_client: Callable[..., Any]) -> Any:
    return _new_client()


@pytest.fixture
def cloud(_client: Any, _endpoint: str) -> Cloud:
    """An empty table of its own for each test."""
    name = next(_NAMES)
    _client.create_table(
        TableName=name,
        BillingMode="PAY_PER_REQUEST",
        KeySchema=[
            {"AttributeName": "pk", "KeyType": "HASH"},
            {"AttributeName": "sk", "KeyType": "RANGE"},
        ],
        AttributeDefinitions=[
            {"AttributeName": "pk", "AttributeType": "S"},
            {"AttributeName": "sk", "AttributeType": "S"},
        ],
    )
    return Cloud(name, cast("Client", _client), _endpoint)
