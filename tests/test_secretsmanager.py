"""Credentials in AWS Secrets Manager: nothing is lost, nothing half written, and every refusal says what to do."""

import json
import queue
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import botocore.exceptions as sdk
import pytest

from syncer.aws import ATTEMPTS
from syncer.credentials import ROUNDS, keep
from syncer.errors import AwsDenied, CredentialsUnreadable, StoreUnreachable, SyncError
from syncer.ports import Credentials, Stored, StoredMeanwhile
from syncer.secretsmanager import CONNECT_SECONDS, READ_SECONDS, SecretsManagerStore, connect
from tests.fake_secretsmanager import FakeClient, FakeSecretsManager, refuse
from tests.test_credentials import ACCESS, FRESH, FULL, NEWER_REFRESH, SEED, assert_silent, refusal

ROOT = Path(__file__).parent.parent
AT = datetime(2026, 11, 22, 6, tzinfo=UTC)
NAME = "spotify-credentials"
MOVE = "UpdateSecretVersionStage"


@pytest.fixture(autouse=True)
def _no_secret_in_the_log(caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    caplog.set_level(0, "syncer")  # the SDK's own DEBUG lines are another matter: they do hold the secret
    yield
    assert_silent(caplog.text)


@pytest.fixture
def aws() -> FakeSecretsManager:
    made = FakeSecretsManager()
    made.hold(NAME, json.dumps(FULL))
    return made


def store(client: FakeClient) -> SecretsManagerStore:
    return SecretsManagerStore(NAME, lambda: client)


def rotated(credentials: Credentials) -> Credentials:
    return replace(credentials, refresh_token=NEWER_REFRESH, access_token="A" * 20)


# --- one writer -------------------------------------------------------------------------------------------------------


def test_a_save_moves_the_current_label_and_aws_keeps_the_former_version(aws: FakeSecretsManager) -> None:
    client, secret = FakeClient(aws), aws.secrets[NAME]
    before = store(client).load()

    saved = store(client).save(rotated(before.credentials), over=before)

    assert secret.labels == {
        "AWSCURRENT": saved.version,
        "AWSPREVIOUS": before.version,
        "syncer-next": saved.version,
    }
    assert client.calls == ["GetSecretValue", "GetSecretValue", "PutSecretValue", MOVE]


def test_the_private_label_is_used_again(aws: FakeSecretsManager) -> None:
    one = store(FakeClient(aws))
    for number in range(30):
        one.save(replace(one.load().credentials, access_token=f"token-{number}"), over=one.load())
    assert sorted(aws.secrets[NAME].labels) == ["AWSCURRENT", "AWSPREVIOUS", "syncer-next"]


def test_a_save_over_something_old_puts_nothing(aws: FakeSecretsManager) -> None:
    """Every version put counts against AWS's hundred a day."""
    one = store(FakeClient(aws))
    old = one.load()
    aws.hold(NAME, json.dumps(SEED))
    versions = dict(aws.secrets[NAME].versions)

    with pytest.raises(StoredMeanwhile):
        one.save(rotated(old.credentials), over=old)

    assert aws.secrets[NAME].versions == versions


def test_the_client_is_made_once_and_only_when_needed(aws: FakeSecretsManager) -> None:
    made: list[FakeClient] = []

    def factory() -> FakeClient:
        made.append(FakeClient(aws))
        return made[-1]

    lazy = SecretsManagerStore(NAME, factory)
    assert (lazy.place, made) == (NAME, [])
    lazy.load()
    lazy.load()
    assert len(made) == 1


def test_the_sdk_repeating_a_move_that_worked_is_a_success(aws: FakeSecretsManager) -> None:
    """The first answer is lost, the SDK asks again, and AWS refuses: the label is no longer where it was."""
    client = FakeClient(aws)
    inner = client.update_secret_version_stage
    twice = Repeating(client, inner)
    before = store(client).load()

    saved = SecretsManagerStore(NAME, lambda: twice).save(rotated(before.credentials), over=before)

    assert client.calls.count(MOVE) == 2
    assert aws.secrets[NAME].labels["AWSCURRENT"] == saved.version


@dataclass
class Repeating:
    """A client whose moves are each sent twice."""

    client: FakeClient
    move: Callable[..., object]

    def __getattr__(self, name: str) -> Callable[..., dict[str, object]]:
        def call(**request: object) -> dict[str, object]:
            if name == "update_secret_version_stage":
                self.move(**request)
            answer: dict[str, object] = getattr(self.client, name)(**request)
            return answer

        return call


def test_a_move_refused_though_nobody_was_faster_is_said_so(aws: FakeSecretsManager) -> None:
    def fault(action: str) -> None:
        if action == MOVE:
            refuse(action, "InvalidParameterException", "no")

    one = store(FakeClient(aws, before=fault))
    before = one.load()

    error = refusal(lambda: one.save(rotated(before.credentials), over=before))

    assert str(error) == f"AWS refused secretsmanager:{MOVE} on {NAME}: InvalidParameterException"
    assert one.load() == before


# --- T4: killed anywhere ----------------------------------------------------------------------------------------------


class Killed(BaseException):
    """The process ends here."""


@pytest.mark.parametrize("moment", ["before", "after"])
@pytest.mark.parametrize("position", range(4))
def test_killed_at_any_call_the_secret_is_whole_and_the_next_run_works(
    aws: FakeSecretsManager, position: int, moment: str
) -> None:
    client = FakeClient(aws)

    def kill(_action: str) -> None:
        if len(client.calls) == position + 1:
            raise Killed

    setattr(client, moment, kill)
    with pytest.raises(Killed):
        keep(store(client), store(client).load(), rotated)

    assert json.loads(aws.secrets[NAME].current)["refresh_token"] in (FULL["refresh_token"], NEWER_REFRESH)
    next_run = store(FakeClient(aws))
    kept = keep(next_run, next_run.load(), rotated)
    assert kept == next_run.load()
    assert json.loads(aws.secrets[NAME].current)["note"] == FULL["note"]
    assert kept.credentials.refresh_token == NEWER_REFRESH


def test_what_a_killed_run_put_is_put_again_under_the_same_id(aws: FakeSecretsManager) -> None:
    def kill(action: str) -> None:
        if action == MOVE:
            raise Killed

    first = store(FakeClient(aws, before=kill))
    before = first.load()
    with pytest.raises(Killed):
        first.save(rotated(before.credentials), over=before)
    count = len(aws.secrets[NAME].versions)

    store(FakeClient(aws)).save(rotated(before.credentials), over=before)

    assert len(aws.secrets[NAME].versions) == count


# --- T5: two runs rotate at once --------------------------------------------------------------------------------------


class Schedule:
    """Runs writers as threads, one step of one of them at a time, in the order that *choices* gives.

    Where *choices* ends the first writer that can go goes on; ``taken`` is then every choice there was, and out of
    how many.
    """

    def __init__(self, choices: list[int]) -> None:
        self.taken: list[tuple[int, int]] = []
        self._choices = choices
        self._here: queue.SimpleQueue[tuple[str, bool]] = queue.SimpleQueue()
        self._go: dict[str, threading.Semaphore] = {}

    def step(self, name: str) -> None:
        """Wait for this writer's turn."""
        self._here.put((name, False))
        self._go[name].acquire()

    def run(self, writers: dict[str, Callable[[], None]]) -> None:
        self._go = {name: threading.Semaphore(0) for name in writers}
        threads = [threading.Thread(target=self._live, args=each) for each in writers.items()]
        for thread in threads:
            thread.start()
        ready: set[str] = set()
        underway = len(threads)
        while True:
            for _ in range(underway):
                name, ended = self._here.get(timeout=30)
                if not ended:
                    ready.add(name)
            if not ready:
                break
            chosen = sorted(ready)[self._choose(len(ready))]
            ready.remove(chosen)
            self._go[chosen].release()
            underway = 1
        for thread in threads:
            thread.join()

    def _live(self, name: str, writer: Callable[[], None]) -> None:
        try:
            writer()
        finally:
            self._here.put((name, True))

    def _choose(self, options: int) -> int:
        place = len(self.taken)
        choice = self._choices[place] if place < len(self._choices) else 0
        self.taken.append((choice, options))
        return choice


def every_order(run: Callable[[Schedule], None]) -> int:
    """Call *run* with each order of steps there is; return how many."""
    choices: list[int] | None = []
    count = 0
    while choices is not None:
        schedule = Schedule(choices)
        run(schedule)
        count += 1
        choices = after(schedule.taken)
    return count


def after(taken: list[tuple[int, int]]) -> list[int] | None:
    """Return the next choices in the order of an odometer."""
    for place in reversed(range(len(taken))):
        choice, options = taken[place]
        if choice + 1 < options:
            return [earlier for earlier, _ in taken[:place]] + [choice + 1]
    return None


@dataclass
class Tokens:
    """A token endpoint. Answer *n* brings a new refresh token if ``rotates(n)``; ``strict``: the old one ends then."""

    rotates: Callable[[int], bool]
    strict: bool
    valid: str = str(SEED["refresh_token"])
    issued: list[str] = field(default_factory=list)
    answers: int = 0

    def refresh(self, refresh_token: str) -> Callable[[Credentials], Credentials] | None:
        """Return the change an answer makes, None for invalid_grant."""
        if self.strict and refresh_token != self.valid:
            return None
        self.answers += 1
        access = f"access-{self.answers}"
        if not self.rotates(self.answers):
            return lambda now: replace(now, access_token=access)
        self.valid = f"refresh-{self.answers}"
        self.issued.append(self.valid)
        new = self.valid
        return lambda now: replace(now, access_token=access, refresh_token=new)


@pytest.mark.parametrize("strict", [True, False], ids=["strict", "lenient"])
@pytest.mark.parametrize(
    "rotates",
    [lambda _: True, lambda _: False, lambda n: n % 2 == 0, lambda n: n % 2 == 1],
    ids=["always", "never", "second", "first"],
)
def test_two_runs_refresh_at_once_in_every_order_of_their_steps(rotates: Callable[[int], bool], strict: bool) -> None:  # noqa: FBT001 - a row of a table
    """Reads, token calls, puts and moves of two runs, interleaved in every way."""

    def once(schedule: Schedule) -> None:
        aws, tokens = FakeSecretsManager(), Tokens(rotates, strict)
        secret = aws.hold(NAME, json.dumps(FULL))
        kept: dict[str, Stored] = {}
        refused: list[str] = []

        def writer(name: str) -> Callable[[], None]:
            one = store(FakeClient(aws, before=lambda _action: schedule.step(name)))

            def write() -> None:
                for _ in range(2):  # after invalid_grant the secret is read once more
                    began = one.load()
                    schedule.step(name)
                    if change := tokens.refresh(began.credentials.refresh_token):
                        kept[name] = keep(one, began, change)
                        return
                refused.append(name)

            return write

        schedule.run({"A": writer("A"), "B": writer("B")})

        current = json.loads(secret.current)
        assert len(kept) + len(refused) == 2
        assert len(refused) < 2
        # Nobody is left with tokens that were never stored, and the last to be stored is the current one.
        stored = [json.loads(str(secret.versions[version][1])) for version in secret.current_ids]
        for result in kept.values():
            assert result.credentials.refresh_token in {each["refresh_token"] for each in stored}
            assert result.credentials.access_token in {each.get("access_token") for each in stored}
        # A new refresh token is never overwritten by an older one, and where only the newest is good, it is there.
        rank = [FULL["refresh_token"], *tokens.issued]
        assert [rank.index(each["refresh_token"]) for each in stored] == sorted(
            rank.index(each["refresh_token"]) for each in stored
        )
        if strict:
            assert current["refresh_token"] == tokens.valid
        assert (current["refresh_token"] in tokens.issued) == bool(tokens.issued)
        assert current["note"] == FULL["note"]
        assert len(secret.current_ids) == len(set(secret.current_ids))

    assert every_order(once) > 70


# --- signing in anew --------------------------------------------------------------------------------------------------


def test_a_login_makes_the_secret() -> None:
    aws = FakeSecretsManager()
    made = store(FakeClient(aws)).create_or_replace(FRESH, at=AT)
    assert store(FakeClient(aws)).load() == made
    assert made.credentials == FRESH


def test_a_login_fills_a_secret_that_has_no_value_yet(aws: FakeSecretsManager) -> None:
    """As a stack or Terraform leaves it."""
    empty(aws)
    made = store(FakeClient(aws)).create_or_replace(FRESH, at=AT)
    assert store(FakeClient(aws)).load() == made


def test_two_logins_into_a_secret_without_a_value_both_end_and_one_is_kept_whole() -> None:
    def once(schedule: Schedule) -> None:
        aws = FakeSecretsManager()
        empty(aws)

        def login(name: str) -> Callable[[], None]:
            one = store(FakeClient(aws, before=lambda _action: schedule.step(name)))
            return lambda: made.append(one.create_or_replace(replace(FRESH, refresh_token=name), at=AT))

        made: list[Stored] = []
        schedule.run({"A": login("A"), "B": login("B")})

        assert len(made) == 2
        assert store(FakeClient(aws)).load() in made

    assert every_order(once) > 70


def empty(aws: FakeSecretsManager) -> None:
    secret = aws.hold(NAME, "x")
    secret.versions.clear()
    secret.labels.clear()


def test_a_login_keeps_foreign_keys(aws: FakeSecretsManager) -> None:
    store(FakeClient(aws)).create_or_replace(FRESH, at=AT)
    now = json.loads(aws.secrets[NAME].current)
    assert {key: now[key] for key in ("note", "last", "refresh_token")} == {
        "note": FULL["note"],
        "last": True,
        "refresh_token": NEWER_REFRESH,
    }


@pytest.mark.parametrize("bad", ["{torn", b"\x80binary", "[]"])
def test_a_login_over_something_unreadable_labels_it_so_that_aws_keeps_it(bad: str | bytes) -> None:
    aws = FakeSecretsManager()
    secret = aws.hold(NAME, bad)
    old = secret.labels["AWSCURRENT"]

    made = store(FakeClient(aws)).create_or_replace(FRESH, at=AT)

    assert store(FakeClient(aws)).load() == made
    assert secret.labels["syncer-bad-20261122T060000Z"] == old


@pytest.mark.parametrize(("meddlings", "wins"), [(ROUNDS, True), (ROUNDS + 1, False)])
def test_a_login_wins_over_a_run_unless_that_never_ends(aws: FakeSecretsManager, meddlings: int, wins: bool) -> None:  # noqa: FBT001 - a row of a table
    left = meddlings

    def meddle(action: str) -> None:
        nonlocal left
        if action == MOVE and left:
            left -= 1
            aws.hold(NAME, json.dumps(SEED))

    one = store(FakeClient(aws, before=meddle))
    if wins:
        assert one.create_or_replace(FRESH, at=AT) == one.load()
    else:
        assert isinstance(refusal(lambda: one.create_or_replace(FRESH, at=AT)), StoreUnreachable)


def test_a_login_cannot_make_a_secret_by_its_arn() -> None:
    arn = "arn:aws:secretsmanager:eu-west-1:123456789012:secret:spotify-AbCdEf"
    client = FakeClient(FakeSecretsManager())
    error = refusal(lambda: SecretsManagerStore(arn, lambda: client).create_or_replace(FRESH, at=AT))
    assert arn in str(error)
    assert client.calls == ["GetSecretValue"]


# --- T6, T7: what AWS refuses -----------------------------------------------------------------------------------------


def test_a_missing_secret_is_named() -> None:
    error = refusal(store(FakeClient(FakeSecretsManager())).load)
    assert isinstance(error, CredentialsUnreadable)
    assert NAME in str(error)


@pytest.mark.parametrize("bad", [b"\x80binary", " ", "{torn", '"text"', "\ud800", '{"refresh_token": 1}'])
def test_an_unreadable_secret_is_named(bad: str | bytes) -> None:
    aws = FakeSecretsManager()
    aws.hold(NAME, bad)
    error = refusal(store(FakeClient(aws)).load)
    assert isinstance(error, CredentialsUnreadable)
    assert NAME in str(error)


def test_a_secret_about_to_be_deleted_comes_with_the_command_that_saves_it(aws: FakeSecretsManager) -> None:
    aws.secrets[NAME].deleted = True
    error = refusal(store(FakeClient(aws)).load)
    assert isinstance(error, CredentialsUnreadable)
    assert error.hint == f"run `aws secretsmanager restore-secret --secret-id {NAME}`"


ANSWERS = [
    ("AccessDeniedException", "User is not authorized to perform: it", 400, AwsDenied, "allow secretsmanager:{action}"),
    (
        "AccessDeniedException",
        "Access to KMS is not allowed",
        400,
        AwsDenied,
        "enable the key of {name} and allow kms:",
    ),
    ("DecryptionFailure", "can't decrypt", 400, AwsDenied, "enable the key of {name} and allow kms:"),
    ("EncryptionFailure", "KMS key is disabled", 400, AwsDenied, "enable the key of {name} and allow kms:"),
    ("ThrottlingException", "Rate exceeded", 400, StoreUnreachable, "nothing to do"),
    ("LimitExceededException", "too many versions", 400, StoreUnreachable, "nothing to do"),
    ("InternalServiceError", "An error occurred on the server side.", 500, StoreUnreachable, "nothing to do"),
    ("503", "Service Unavailable", 503, StoreUnreachable, "nothing to do"),
    ("ExpiredTokenException", "The security token is expired", 400, AwsDenied, "renew the AWS credentials"),
    ("UnrecognizedClientException", "The security token is invalid", 403, AwsDenied, "renew the AWS credentials"),
    ("SomethingNew", "what it says", 400, AwsDenied, "look at the secret {name}"),
]
FAILURES = [
    (sdk.NoCredentialsError(), AwsDenied, "set up AWS credentials"),
    (sdk.NoRegionError(), AwsDenied, "set up AWS credentials and a region"),
    (sdk.ProfileNotFound(profile="p"), AwsDenied, "set up AWS credentials"),
    (sdk.UnauthorizedSSOTokenError(), AwsDenied, "set up AWS credentials"),
    (sdk.EndpointConnectionError(endpoint_url="https://x"), StoreUnreachable, "check the network"),
    (sdk.ConnectTimeoutError(endpoint_url="https://x"), StoreUnreachable, "check the network"),
    (sdk.ReadTimeoutError(endpoint_url="https://x"), StoreUnreachable, "check the network"),
    (sdk.SSLError(endpoint_url="https://x", error=OSError()), StoreUnreachable, "check the network"),
    (sdk.ConnectionClosedError(endpoint_url="https://x"), StoreUnreachable, "check the network"),
    (sdk.ParamValidationError(report=f"value: {json.dumps(FULL)}"), AwsDenied, "set up AWS credentials"),
]
ACTIONS = ["GetSecretValue", "PutSecretValue", MOVE]


def failing(aws: FakeSecretsManager, action: str, fail: Callable[[], None]) -> SyncError:
    """Save through a client whose *action* fails; return the error after looking that the secret is as it was."""
    before, held = store(FakeClient(aws)).load(), aws.secrets[NAME].current

    def fault(doing: str) -> None:
        if doing == action:
            fail()

    one = store(FakeClient(aws, before=fault))
    error = refusal(lambda: one.save(rotated(before.credentials), over=before))
    assert aws.secrets[NAME].current == held
    assert f"secretsmanager:{action} on {NAME}" in str(error)
    return error


@pytest.mark.parametrize("action", ACTIONS)
@pytest.mark.parametrize("answer", ANSWERS, ids=lambda answer: f"{answer[0]}: {answer[1]}")
def test_a_refusal_names_action_and_secret(
    aws: FakeSecretsManager, action: str, answer: tuple[str, str, int, type, str]
) -> None:
    code, message, status, kind, hint = answer
    error = failing(aws, action, lambda: refuse(action, code, f"{message} {json.dumps(FULL)}", status=status))
    assert isinstance(error, kind)
    assert error.hint.startswith(hint.format(action=action, name=NAME))


@pytest.mark.parametrize("action", ACTIONS)
@pytest.mark.parametrize(("failure", "kind", "hint"), FAILURES, ids=lambda value: type(value).__name__)
def test_no_answer_names_action_and_secret(
    aws: FakeSecretsManager, action: str, failure: Exception, kind: type, hint: str
) -> None:
    def fail() -> None:
        raise failure

    error = failing(aws, action, fail)
    assert isinstance(error, kind)
    assert error.hint.startswith(hint)


# --- the real client --------------------------------------------------------------------------------------------------


def test_aws_is_imported_by_its_users_only() -> None:
    script = (
        "import sys, syncer.secretsmanager as s; s.SecretsManagerStore('x');"
        "sys.exit('boto3' in sys.modules or 'botocore' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", script], cwd=ROOT, check=False).returncode == 0  # noqa: S603 - our own script


def test_without_a_region_it_says_what_to_set() -> None:
    error = refusal(SecretsManagerStore(NAME).load)
    assert isinstance(error, AwsDenied)
    assert "AWS_DEFAULT_REGION" in error.hint


def test_without_aws_credentials_it_says_what_to_set(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-west-1")
    error = refusal(SecretsManagerStore(NAME).load)
    assert isinstance(error, AwsDenied)
    assert "NoCredentialsError" in str(error)


class Answering(BaseHTTPRequestHandler):
    """Answers GetSecretValue as AWS does."""

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        version = "00000000-0000-0000-0000-000000000001"
        body = json.dumps({"Name": NAME, "VersionId": version, "SecretString": json.dumps(FULL)}).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/x-amz-json-1.1")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None: ...


def test_the_real_client_reads_a_secret_within_its_limits(monkeypatch: pytest.MonkeyPatch) -> None:
    with HTTPServer(("127.0.0.1", 0), Answering) as server:
        threading.Thread(target=server.handle_request).start()
        monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{server.server_port}")
        monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-west-1")
        monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test")
        monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")
        client = connect()

        stored = SecretsManagerStore(NAME, lambda: client).load()

    assert stored.credentials.access_token == ACCESS
    config = client.meta.config  # type: ignore[attr-defined]  # boto3's, not among what we use
    assert (config.connect_timeout, config.read_timeout) == (CONNECT_SECONDS, READ_SECONDS)
    assert (config.retries["mode"], config.retries["total_max_attempts"]) == ("standard", ATTEMPTS)
