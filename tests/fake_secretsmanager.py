"""AWS Secrets Manager in memory, after the API text of 2017-10-17: versions never change, labels move."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Any, NoReturn
from uuid import UUID

import botocore.session
from botocore.exceptions import ClientError, ParamValidationError
from botocore.model import ServiceModel
from botocore.validate import ParamValidator

Value = tuple[str, str | bytes]
"""``SecretString`` or ``SecretBinary``, and what it is."""


@dataclass
class Secret:
    """One secret: its versions, and on which of them each label is."""

    versions: dict[str, Value] = field(default_factory=dict)
    labels: dict[str, str] = field(default_factory=dict)
    current_ids: list[str] = field(default_factory=list)
    """Every version that was the current one, in order."""
    deleted: bool = False

    def move(self, label: str, version: str) -> None:
        before = self.labels.get(label)
        self.labels[label] = version
        if label == "AWSCURRENT" and before != version:
            self.current_ids.append(version)
            if before is not None:
                self.labels["AWSPREVIOUS"] = before

    @property
    def current(self) -> str:
        """The text of the current version."""
        kind, value = self.versions[self.labels["AWSCURRENT"]]
        assert kind == "SecretString"
        return str(value)


@dataclass
class FakeSecretsManager:
    """What all clients of one account and region see. ``hold`` is how a test puts something there."""

    secrets: dict[str, Secret] = field(default_factory=dict)
    _ids: Iterator[int] = field(default_factory=lambda: iter(range(1, 1_000_000)))

    def hold(self, name: str, value: str | bytes) -> Secret:
        kind = "SecretString" if isinstance(value, str) else "SecretBinary"
        secret = self.secrets.setdefault(name, Secret())
        version = self.new_id()
        secret.versions[version] = (kind, value)
        secret.move("AWSCURRENT", version)
        return secret

    def new_id(self) -> str:
        return str(UUID(int=next(self._ids)))


def _nothing(_action: str) -> None: ...


@dataclass
class FakeClient:
    """A boto3 client of *aws*: same requests, answers and errors.

    ``before`` and ``after`` are called around the effect of each call and may raise, as a network or a kill does.
    """

    aws: FakeSecretsManager
    before: Callable[[str], None] = _nothing
    after: Callable[[str], None] = _nothing
    calls: list[str] = field(default_factory=list)

    def get_secret_value(self, **request: Any) -> dict[str, Any]:
        return self._serve("GetSecretValue", request, self._get)

    def put_secret_value(self, **request: Any) -> dict[str, Any]:
        return self._serve("PutSecretValue", request, self._put)

    def update_secret_version_stage(self, **request: Any) -> dict[str, Any]:
        return self._serve("UpdateSecretVersionStage", request, self._update)

    def create_secret(self, **request: Any) -> dict[str, Any]:
        return self._serve("CreateSecret", request, self._create)

    def _serve(self, action: str, request: dict[str, Any], effect: Callable[[dict[str, Any]], Any]) -> dict[str, Any]:
        shape = _model().operation_model(action).input_shape
        assert shape is not None
        problems = ParamValidator().validate(request, shape)
        if problems.has_errors():
            raise ParamValidationError(report=problems.generate_report())
        self.calls.append(action)
        self.before(action)
        answer: dict[str, Any] = effect(request)
        self.after(action)
        return answer

    def _secret(self, action: str, name: str) -> Secret:
        secret = self.aws.secrets.get(name)
        if secret is None:
            refuse(action, "ResourceNotFoundException", "Secrets Manager can't find the specified secret.")
        if secret.deleted:
            refuse(action, "InvalidRequestException", "The secret was marked for deletion.")
        return secret

    def _get(self, request: Mapping[str, Any]) -> dict[str, Any]:
        secret = self._secret("GetSecretValue", request["SecretId"])
        label = request.get("VersionStage", "AWSCURRENT")
        version = secret.labels.get(label)
        if version is None:
            refuse(
                "GetSecretValue",
                "ResourceNotFoundException",
                f"Secrets Manager can't find the specified secret value for staging label: {label}",
            )
        kind, value = secret.versions[version]
        on_it = sorted(label for label, at in secret.labels.items() if at == version)
        return {"Name": request["SecretId"], "VersionId": version, kind: value, "VersionStages": on_it}

    def _put(self, request: Mapping[str, Any]) -> dict[str, Any]:
        secret = self._secret("PutSecretValue", request["SecretId"])
        version = request.get("ClientRequestToken") or self.aws.new_id()
        value: Value = ("SecretString", request["SecretString"])
        if version in secret.versions:
            if secret.versions[version] != value:
                refuse("PutSecretValue", "ResourceExistsException", "You can't modify an existing version.")
            return {"Name": request["SecretId"], "VersionId": version}  # "succeeds but does nothing"
        secret.versions[version] = value
        labels = request.get("VersionStages", ["AWSCURRENT"])
        if "AWSCURRENT" not in secret.labels:
            labels = [*labels, "AWSCURRENT"]
        for label in labels:
            secret.move(label, version)
        return {"Name": request["SecretId"], "VersionId": version, "VersionStages": labels}

    def _update(self, request: Mapping[str, Any]) -> dict[str, Any]:
        action = "UpdateSecretVersionStage"
        secret = self._secret(action, request["SecretId"])
        label, target = request["VersionStage"], request["MoveToVersionId"]
        at = secret.labels.get(label)
        if target not in secret.versions:
            refuse(action, "ResourceNotFoundException", "Secrets Manager can't find the specified secret version.")
        if at is not None and request.get("RemoveFromVersionId") != at:
            refuse(
                action,
                "InvalidParameterException",
                f"RemoveFromVersionId must be the version that currently has the staging label {label}.",
            )
        secret.move(label, target)
        return {"Name": request["SecretId"]}

    def _create(self, request: Mapping[str, Any]) -> dict[str, Any]:
        if request["Name"] in self.aws.secrets:
            refuse("CreateSecret", "ResourceExistsException", "A secret of this name exists.")
        secret = self.aws.hold(request["Name"], request["SecretString"])
        return {"Name": request["Name"], "VersionId": secret.labels["AWSCURRENT"]}


def refuse(action: str, code: str, message: str, *, status: int = 400) -> NoReturn:
    """Raise what botocore raises for such an answer."""
    raise ClientError({"Error": {"Code": code, "Message": message}, "ResponseMetadata": _metadata(status)}, action)


def _metadata(status: int) -> Any:
    return {"HTTPStatusCode": status, "HTTPHeaders": {}, "RequestId": "r", "RetryAttempts": 0, "HostId": ""}


@cache
def _model() -> ServiceModel:
    return botocore.session.get_session().get_service_model("secretsmanager")
