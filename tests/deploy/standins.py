"""AWS on this machine, and a copy of the project to deploy to it."""

import json
import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self, TypeVar

import boto3

from syncer.sandbox.server import SandboxServer
from syncer.sandbox.things import App, SignIn

ROOT: Final = Path(__file__).resolve().parents[2]
BIN: Final = Path(sys.executable).parent
REGION, ACCOUNT = "eu-west-1", "123456789012"
STACK: Final = "rediscover-weekly-test"
FUNCTION: Final = f"{STACK}-sync"
SECRET: Final = "spotify-credentials"
ROOT_KEYS: Final = {"aws_access_key_id": "test", "aws_secret_access_key": "test"}
"""Whose owner may do everything in MiniStack."""

FOREIGN: Final = ("AWS_", "SERVERLESS_", "SLS_", "SPOTIFY_", "SYNCER_")
ENVIRONMENT: Final = {
    **{name: value for name, value in os.environ.items() if not name.startswith(FOREIGN)},
    "PATH": f"{BIN}{os.pathsep}{os.environ['PATH']}",
    "PYTHON": sys.executable,
}
"""Ours without anything that could point at a real account, or prove anything to it."""

Got = TypeVar("Got")


class Cloud:
    """A server on loopback that answers as AWS does."""

    def __init__(
        self, command: Sequence[str], environment: Mapping[str, str], *, port: int, health: str, log: Path
    ) -> None:
        self.url = f"http://127.0.0.1:{port}"
        self._log = log
        with log.open("w") as out:
            self._process = subprocess.Popen(  # noqa: S603 - our own command
                command, env={**ENVIRONMENT, **environment}, cwd=ROOT, stdout=out, stderr=subprocess.STDOUT
            )
        wait_for(lambda: self._answers(health), seconds=20)

    def _answers(self, path: str) -> bool:
        if self._process.poll() is not None:
            raise AssertionError(self._log.read_text()[-2000:])
        try:
            with urllib.request.urlopen(self.url + path, timeout=1):  # noqa: S310 - on loopback
                return True
        except OSError:
            return False

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._process.terminate()
        self._process.wait(10)

    def client(self, service: str, **keys: str) -> Any:
        """Return boto3's client of *service*; the owner's unless *keys* say otherwise."""
        make: Any = boto3.client  # typed for the services whose stubs are installed
        return make(service, endpoint_url=self.url, region_name=REGION, **(keys or ROOT_KEYS))

    @property
    def environment(self) -> dict[str, str]:
        """What makes an AWS SDK talk to this server."""
        return {
            "AWS_ENDPOINT_URL": self.url,
            "AWS_ACCESS_KEY_ID": "test",
            "AWS_SECRET_ACCESS_KEY": "test",
            "AWS_REGION": REGION,
            "AWS_EC2_METADATA_DISABLED": "true",
        }


def ministack(log: Path, **environment: str) -> Cloud:
    """Start MiniStack, which runs the functions that are deployed to it."""
    port = free_port()
    settings = {
        "BIND_HOST": "127.0.0.1",
        "MINISTACK_HOST": "127.0.0.1",
        "GATEWAY_PORT": str(port),
        "MINISTACK_REGION": REGION,
        "MINISTACK_ACCOUNT_ID": ACCOUNT,
        "LAMBDA_EXECUTOR": "local",
        "LAMBDA_ASYNC_RETRY_BASE_SECONDS": "0.1",
        "TMPDIR": str(log.parent),  # where it unpacks each function, and leaves it
    }
    command = [str(BIN / "ministack")]
    return Cloud(command, {**settings, **environment}, port=port, health="/_ministack/health", log=log)


def moto(log: Path) -> Cloud:
    """Start moto, a second reader of the template that runs nothing."""
    port = free_port()
    command = [sys.executable, "tests/deploy/moto_extra.py", "-H", "127.0.0.1", "-p", str(port)]
    return Cloud(command, {}, port=port, health="/moto-api/", log=log)


class Project:
    """A copy of what a user has on disk to deploy from."""

    def __init__(self, folder: Path, config: str | None = None) -> None:
        """*config* takes the place of the shipped one."""
        self.folder = folder
        without_caches = shutil.ignore_patterns("__pycache__")
        for name in ("syncer", "schemas", "tools"):
            shutil.copytree(ROOT / name, folder / name, ignore=without_caches)
        for name in ("config/config.yaml", "serverless.yml", "package.json", "requirements-lambda.txt"):
            (folder / name).parent.mkdir(exist_ok=True)
            shutil.copy(ROOT / name, folder / name)
        if config is not None:
            (folder / "config" / "config.yaml").write_text(config)

    @property
    def artifact(self) -> Path:
        return self.folder / "build" / "lambda.zip"

    @property
    def template(self) -> dict[str, Any]:
        """What was last packaged."""
        path = self.folder / ".serverless" / "cloudformation-template-update-stack.json"
        template: dict[str, Any] = json.loads(path.read_text())
        return template

    def build(self, *options: str, environment: Mapping[str, str] = ENVIRONMENT) -> subprocess.CompletedProcess[str]:
        """Build the artifact with no help from the framework."""
        command = [sys.executable, "tools/build_lambda.py", *options]
        return subprocess.run(  # noqa: S603 - our own command
            command, cwd=self.folder, env=environment, check=False, text=True, capture_output=True, timeout=120
        )

    def serverless(
        self, cloud: Cloud | None, *words: str, params: Mapping[str, str] | None = None, fails: bool = False
    ) -> str:
        """Run `serverless` as a user does and return what it prints."""
        given = [word for name, value in (params or {}).items() for word in ("--param", f"{name}={value}")]
        environment = {
            **ENVIRONMENT,
            **(cloud.environment if cloud else {}),
            "NODE_NO_WARNINGS": "1",  # the SDK about this version of node
            "SLS_AWS_MONITORING_FREQUENCY": "200",
        }
        done = subprocess.run(  # noqa: S603 - our own command
            [ROOT / "node_modules" / ".bin" / "serverless", *words, "--stage", "test", *given],
            cwd=self.folder,
            env=environment,
            check=False,
            text=True,
            capture_output=True,
            timeout=180,
        )
        said = done.stdout + done.stderr
        assert (done.returncode != 0) == fails, said
        return said


def at(sandbox: SandboxServer) -> dict[str, str]:
    """The parameters that put *sandbox* in Spotify's place."""
    return {"spotifyApiUrl": sandbox.api_url, "spotifyAccountsUrl": sandbox.accounts_url}


def store(cloud: Cloud, app: App, sign_in: SignIn, *, name: str = SECRET) -> None:
    """Keep the credentials of *sign_in* as a fresh sign-in does."""
    value = json.dumps(
        {
            "spotify_client_id": app.client_id,
            "spotify_client_secret": app.client_secret,
            "refresh_token": sign_in.refresh_token,
            "authorized_at": datetime.fromtimestamp(sign_in.consented_at, UTC).date().isoformat(),
        }
    )
    secrets = cloud.client("secretsmanager")
    try:
        secrets.create_secret(Name=name, SecretString=value)
    except secrets.exceptions.ResourceExistsException:
        secrets.put_secret_value(SecretId=name, SecretString=value)


def stored(cloud: Cloud, name: str = SECRET) -> dict[str, Any]:
    """What is kept under *name* now."""
    answer = cloud.client("secretsmanager").get_secret_value(SecretId=name)
    kept: dict[str, Any] = json.loads(answer["SecretString"])
    return kept


def make_table(cloud: Cloud, name: str) -> str:
    """Make a table as the stack does, and return its name."""
    keys = {"pk": "HASH", "sk": "RANGE"}
    cloud.client("dynamodb").create_table(
        TableName=name,
        BillingMode="PAY_PER_REQUEST",
        AttributeDefinitions=[{"AttributeName": key, "AttributeType": "S"} for key in keys],
        KeySchema=[{"AttributeName": key, "KeyType": kind} for key, kind in keys.items()],
    )
    return name


def state_table(cloud: Cloud) -> str:
    """The one table that a stack has made and no test has deleted."""
    (name,) = (name for name in cloud.client("dynamodb").list_tables()["TableNames"] if "StateTable" in name)
    return str(name)


def kept(cloud: Cloud, table: str, partition: str) -> list[dict[str, Any]]:
    """What *table* holds of *partition*."""
    rows: list[dict[str, Any]] = cloud.client("dynamodb").scan(TableName=table)["Items"]
    return [row for row in rows if row["pk"]["S"] == partition]


def invoke(cloud: Cloud, *, event: Any = None) -> tuple[bool, dict[str, Any]]:
    """Return whether the run failed, and its report or error."""
    answer = cloud.client("lambda").invoke(FunctionName=FUNCTION, Payload=json.dumps(event or {}))
    return "FunctionError" in answer, json.loads(answer["Payload"].read())


def role_of(cloud: Cloud, policy: str) -> str:
    """Return the name of the role that has *policy*."""
    iam = cloud.client("iam")
    names: list[str] = [role["RoleName"] for role in iam.list_roles()["Roles"]]
    return next(name for name in names if policy in iam.list_role_policies(RoleName=name)["PolicyNames"])


@contextmanager
def changed(cloud: Cloud, policy: str, change: Callable[[list[str]], list[str]]) -> Iterator[None]:
    """Make *change* to the actions that each statement of *policy* allows."""
    iam, name = cloud.client("iam"), {"RoleName": role_of(cloud, policy), "PolicyName": policy}
    before = json.dumps(iam.get_role_policy(**name)["PolicyDocument"])
    document = json.loads(before)
    for statement in document["Statement"]:
        actions = statement["Action"] if isinstance(statement["Action"], list) else [statement["Action"]]
        statement["Action"] = change(actions) or ["none:None"]
    iam.put_role_policy(**name, PolicyDocument=json.dumps(document))
    try:
        yield
    finally:
        iam.put_role_policy(**name, PolicyDocument=before)


def without_right(cloud: Cloud, policy: str, action: str) -> AbstractContextManager[None]:
    """Keep one action out of *policy*."""
    return changed(cloud, policy, lambda actions: [one for one in actions if one.removesuffix("Batch") != action])


def with_batches(cloud: Cloud, policy: str) -> AbstractContextManager[None]:
    """Have whoever may send messages send several at once, which MiniStack takes for an action of its own."""
    return changed(
        cloud,
        policy,
        lambda actions: [*actions, *(f"{one}Batch" for one in actions if one == "sqs:SendMessage")],
    )


def as_role(cloud: Cloud, policy: str, service: str) -> Any:
    """Return a client with the rights of the role that has *policy*, which is made to trust this account for it."""
    role = role_of(cloud, policy)
    arn = f"arn:aws:iam::{ACCOUNT}:role/{role}"
    trust = {"Effect": "Allow", "Principal": {"AWS": f"arn:aws:iam::{ACCOUNT}:root"}, "Action": "sts:AssumeRole"}
    document = json.dumps({"Version": "2012-10-17", "Statement": [trust]})
    cloud.client("iam").update_assume_role_policy(RoleName=role, PolicyDocument=document)
    keys = cloud.client("sts").assume_role(RoleArn=arn, RoleSessionName="test")["Credentials"]
    return cloud.client(
        service,
        aws_access_key_id=keys["AccessKeyId"],
        aws_secret_access_key=keys["SecretAccessKey"],
        aws_session_token=keys["SessionToken"],
    )


def free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        port: int = one.getsockname()[1]
        return port


def wait_for(what: Callable[[], Got], *, seconds: float) -> Got:
    """Return the first true answer of *what*."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if got := what():
            return got
        time.sleep(0.1)
    raise AssertionError(f"nothing came within {seconds} s")
