"""Credentials in AWS Secrets Manager, never written blindly (fault model §5)."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from functools import cached_property
from typing import Any, Protocol
from uuid import NAMESPACE_URL, uuid5

from syncer import aws
from syncer.credentials import ROUNDS, Document, busy
from syncer.errors import AwsDenied, CredentialsUnreadable, StoreUnreachable, SyncError
from syncer.ports import Credentials, Stored, StoredMeanwhile

CONNECT_SECONDS, READ_SECONDS = 3, 5
BACKOFF_SECONDS = 3
"""What the SDK waits between its attempts at most: up to 1 s, then up to 2."""

_CURRENT = "AWSCURRENT"
_NEXT = "syncer-next"
"""Marks the version last put. It stays there: the next put moves it, and AWS never has to make another."""

_KEY_REFUSED = {"DecryptionFailure", "EncryptionFailure"}


class Client(Protocol):
    """The four calls of a boto3 client that are used. Which permissions a role needs follows from them.

    A run: GetSecretValue, PutSecretValue, UpdateSecretVersionStage. A login into a new secret: CreateSecret too.
    """

    def get_secret_value(self, **request: Any) -> Mapping[str, Any]: ...
    def put_secret_value(self, **request: Any) -> Mapping[str, Any]: ...
    def update_secret_version_stage(self, **request: Any) -> Mapping[str, Any]: ...
    def create_secret(self, **request: Any) -> Mapping[str, Any]: ...


def connect() -> Client:
    """Return boto3's client, found by boto3's own rules."""
    client: Client = aws.client("secretsmanager", connect_seconds=CONNECT_SECONDS, read_seconds=READ_SECONDS)
    return client


class SecretsManagerStore:
    """Credentials in the secret *name* (a name or an ARN). AWS is not touched before the first call."""

    def __init__(self, name: str, client_factory: Callable[[], Client] = connect) -> None:
        self.place = name
        self.login_option = f"--secret {name}"
        self.slowest = float(aws.ATTEMPTS * (CONNECT_SECONDS + READ_SECONDS) + BACKOFF_SECONDS)
        self._client_factory = client_factory

    def load(self) -> Stored:
        """Return what the current version says, as CredentialStore promises."""
        raw, version = self._read()
        return Stored(credentials=self._parse(raw).credentials(), version=version)

    def save(self, changed: Credentials, *, over: Stored) -> Stored:
        """Make a version that says *changed* the current one, as CredentialStore promises."""
        raw, version = self._read()
        if version != over.version:
            raise StoredMeanwhile
        return self._replace(self._parse(raw).saying(changed), over=version)

    def create_or_replace(self, credentials: Credentials, *, at: datetime) -> Stored:
        """Store *credentials* whatever is there, for a new sign-in.

        Keys we do not know are kept. A version that cannot be read as JSON of ours gets the label
        ``syncer-bad-<at>``, so that AWS keeps it. A missing secret is made.
        """
        for _ in range(1 + ROUNDS):
            try:
                try:
                    raw, version = self._read()
                except _NoValue:
                    if self.place.startswith("arn:"):  # AWS chooses the end of an ARN, so none can be asked for
                        raise
                    return self._create(Document(self.place).saying(credentials))
                return self._replace(self._document_or_aside(raw, version, at).saying(credentials), over=version)
            except StoredMeanwhile:
                continue
        raise busy(self.place)

    @cached_property
    def _client(self) -> Client:
        return self._client_factory()

    def _read(self) -> tuple[bytes | None, str]:
        """Return the current value, None if it is binary, and its version id."""
        with self._explained("GetSecretValue"):
            answer = self._client.get_secret_value(SecretId=self.place, VersionStage=_CURRENT)
        text: str | None = answer.get("SecretString")
        version: str = answer["VersionId"]
        return None if text is None else text.encode(errors="surrogatepass"), version

    def _parse(self, raw: bytes | None) -> Document:
        if raw is None:
            raise CredentialsUnreadable(
                f"{self.place} is binary", hint=f"store {self.place} as JSON text, or run `syncer login`"
            )
        return Document.parse(raw, self.place)

    def _document_or_aside(self, raw: bytes | None, version: str, at: datetime) -> Document:
        try:
            return self._parse(raw)
        except CredentialsUnreadable:
            self._label(f"syncer-bad-{at:%Y%m%dT%H%M%SZ}", MoveToVersionId=version)
            return Document(self.place)

    def _replace(self, document: Document, *, over: str) -> Stored:
        """Put *document* under a private label, then move the current label from *over* to it, or not at all.

        The new version's id follows from *over* and the whole value: both calls can be repeated by anyone, any time.
        """
        stored = document.credentials()  # before anything is written that we would refuse to read
        version = self._put(document, over=over)
        try:
            self._label(_CURRENT, MoveToVersionId=version, RemoveFromVersionId=over)
        except _MoveRefused:
            _, current = self._read()
            if current == over:
                raise
            if current != version:
                raise StoredMeanwhile from None
            # Else the SDK asked twice, for the first answer was lost: it is done.
        return Stored(credentials=stored, version=version)

    def _create(self, document: Document) -> Stored:
        """Make the secret, or give its first value to one that has none; StoredMeanwhile if somebody else did."""
        stored = document.credentials()
        try:
            with self._explained("CreateSecret"):
                answer = self._client.create_secret(Name=self.place, SecretString=document.encode().decode())
            version: str = answer["VersionId"]
        except _AlreadyThere:
            version = self._put(document, over="nothing")  # AWS itself makes the first version the current one
            if self._read()[1] != version:
                raise StoredMeanwhile from None
        return Stored(credentials=stored, version=version)

    def _put(self, document: Document, *, over: str) -> str:
        text = document.encode().decode()
        version = str(uuid5(NAMESPACE_URL, f"{over} {text}"))
        with self._explained("PutSecretValue"):
            self._client.put_secret_value(
                SecretId=self.place, ClientRequestToken=version, SecretString=text, VersionStages=[_NEXT]
            )
        return version

    def _label(self, label: str, **versions: str) -> None:
        with self._explained("UpdateSecretVersionStage"):
            self._client.update_secret_version_stage(SecretId=self.place, VersionStage=label, **versions)

    @contextmanager
    def _explained(self, action: str) -> Iterator[None]:
        """Turn what the SDK raises into errors of ours. Its own words stay out: they can quote the request."""
        from botocore.exceptions import BotoCoreError, ClientError  # noqa: PLC0415 - only users of AWS

        try:
            yield
        except ClientError as error:
            raise _refusal(error.response, action, self.place) from None
        except BotoCoreError as error:
            raise _not_sent(error, action, self.place) from None


class _NoValue(CredentialsUnreadable):
    """No such secret, or one without a value."""


class _AlreadyThere(AwsDenied):
    """CreateSecret found a secret of that name."""


class _MoveRefused(AwsDenied):
    """A label was not moved."""


def _refusal(answer: Mapping[str, Any], action: str, name: str) -> SyncError:
    """Say what AWS answered."""
    code: str = answer["Error"]["Code"]
    call = f"secretsmanager:{action} on {name}"
    if aws.passes(answer):
        return StoreUnreachable(f"AWS could not do {call}: {code}", hint="nothing to do: the next run tries again")
    if aws.is_unknown_caller(answer):
        return AwsDenied(f"AWS does not accept its credentials for {call}: {code}", hint=aws.RENEW)
    if code.startswith("AccessDenied") or code in _KEY_REFUSED:
        if code in _KEY_REFUSED or "KMS" in answer["Error"]["Message"]:
            needed = "kms:Decrypt" if action == "GetSecretValue" else "kms:GenerateDataKey and kms:Decrypt"
            return AwsDenied(
                f"AWS refused {call}: its KMS key may not be used ({code})",
                hint=f"enable the key of {name} and allow {needed} on it",
            )
        return AwsDenied(f"AWS does not allow {call}", hint=f"allow secretsmanager:{action} on {name} in the role used")
    return _unfit(code, action, name, call)


def _unfit(code: str, action: str, name: str, call: str) -> SyncError:
    """Say in which state the secret is that AWS refuses *call* for."""
    if code == "ResourceNotFoundException":
        return _NoValue(
            f"AWS Secrets Manager has no secret {name}, or none with a value, in this account and region",
            hint="check its name and the AWS region, or run `syncer login` to make it",
        )
    if code == "InvalidRequestException" and action != "UpdateSecretVersionStage":
        return CredentialsUnreadable(
            f"{name} is scheduled for deletion or kept by another AWS service, so AWS refuses {call}",
            hint=f"run `aws secretsmanager restore-secret --secret-id {name}`",
        )
    kind = {
        ("CreateSecret", "ResourceExistsException"): _AlreadyThere,
        ("UpdateSecretVersionStage", "InvalidParameterException"): _MoveRefused,
        ("UpdateSecretVersionStage", "InvalidRequestException"): _MoveRefused,
    }.get((action, code), AwsDenied)
    return kind(f"AWS refused {call}: {code}", hint=f"look at the secret {name} in the AWS console")


def _not_sent(error: Exception, action: str, name: str) -> SyncError:
    """Say why there is no answer."""
    call = f"secretsmanager:{action} on {name}"
    kind = type(error).__name__
    if aws.is_unreached(error):
        return StoreUnreachable(f"AWS was not reached for {call}: {kind}", hint="check the network and try again")
    return AwsDenied(f"AWS could not be asked for {call}: {kind}", hint=aws.SET_UP)
