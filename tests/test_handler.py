"""AWS Lambda's way in, from the event to the answer, against a sandbox over HTTP (interface §5)."""

import importlib
import itertools
import json
import logging
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType
from typing import Any

import jsonschema
import pytest

from syncer import config
from syncer.sandbox import Call, Fault, Playlist, SandboxServer, World, track
from syncer.targets import MARK
from tests.cli.process import secret_forms

SCHEMA = jsonschema.Draft202012Validator(config.schema("report"))
SCHEDULER = {
    "version": "0",
    "id": "53dc4d37-cffa-4f76-80c9-8b7d4a4d2eaa",
    "detail-type": "Scheduled Event",
    "source": "aws.events",
    "time": "2026-11-22T06:00:00Z",
    "resources": ["arn:aws:events:eu-central-1:123456789012:rule/sync"],
    "detail": {},
}


class Context:
    """What is left of a function's timeout."""

    def __init__(self, seconds: float = 300) -> None:
        self.seconds = seconds

    def get_remaining_time_in_millis(self) -> int:
        return int(self.seconds * 1000)


@dataclass
class Container:
    """A Lambda environment: our code loaded once, called event by event, with what it logged."""

    handler: ModuleType
    world: World
    config: Path
    caplog: pytest.LogCaptureFixture
    playlists: dict[str, Playlist] = field(default_factory=dict)

    def configure(self, *pairs: tuple[str, str], **options: object) -> None:
        """Configure pairs of playlists by name; each pair is called like its source."""
        entries = [
            {"name": source, "source": self.playlists[source].id, "target": self.playlists[target].id} | options
            for source, target in pairs
        ]
        self.config.write_text(json.dumps({"pairs": entries}), encoding="utf-8")

    def call(self, event: object = None, *, seconds: float = 300) -> dict[str, Any]:
        """Send *event* and return the answer, which is what was logged."""
        self.caplog.clear()
        answer: dict[str, Any] = self.handler.lambda_handler({} if event is None else event, Context(seconds))
        assert answer == self.logged()
        return answer

    def fails(self, event: object = None) -> tuple[dict[str, Any], list[str]]:
        """Send *event* and return the report that was logged and the lines of the error that was raised."""
        self.caplog.clear()
        with pytest.raises(self.handler.SyncFailed) as caught:
            self.handler.lambda_handler({} if event is None else event, Context())
        return self.logged(), str(caught.value).split("\n")

    def logged(self) -> dict[str, Any]:
        """Return the one report in the log."""
        (record,) = [record for record in self.caplog.records if record.getMessage() == "report"]
        assert record.levelname == "INFO"
        told: dict[str, Any] = record.report  # type: ignore[attr-defined] # put there by `extra`
        SCHEMA.validate(told)
        return told

    def sent(self, method: str = "") -> int:
        return sum(isinstance(record, Call) and record.method.startswith(method) for record in self.world.history)


@pytest.fixture
def container(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> Iterator[Container]:
    """A cold start beside a sandbox. ``week`` has 3 tracks, ``foreign`` is someone else's, ``archive`` is empty."""
    world = World()
    sign_in = world.sign_in()
    credentials = tmp_path / "credentials.json"
    credentials.touch(mode=0o600)
    stored = {
        "spotify_client_id": world.app.client_id,
        "spotify_client_secret": world.app.client_secret,
        "refresh_token": sign_in.refresh_token,
        "access_token": world.access_token(sign_in),
        "expires_at": world.now() + 3600,
    }
    credentials.write_text(json.dumps(stored), encoding="utf-8")
    with SandboxServer(world) as server:
        monkeypatch.setenv("SPOTIFY_API_URL", server.api_url)
        monkeypatch.setenv("SPOTIFY_ACCOUNTS_URL", server.accounts_url)
        monkeypatch.setenv("SYNCER_CREDENTIALS_FILE", str(credentials))
        monkeypatch.setenv("SYNCER_CONFIG", str(tmp_path / "config.yaml"))
        sys.modules.pop("syncer.handler", None)
        made = Container(importlib.import_module("syncer.handler"), world, tmp_path / "config.yaml", caplog)
        made.playlists = {
            "week": world.playlist("week", tracks=3),
            "other": world.playlist("other", tracks=2),
            "foreign": world.playlist("foreign", tracks=1, owner=world.add_user("friend")),
            "archive": world.playlist("archive"),
        }
        made.configure(("week", "archive"))
        yield made
    told = caplog.text + "".join(str(vars(record)) for record in caplog.records)
    assert not [form for form in secret_forms(world) if form in told]


# --- events -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("event", [{}, SCHEDULER, None, "text", [1], {"pairs": None}, {"pairs": ["week"], "more": 1}])
def test_an_event_that_names_no_pair_means_all(container: Container, event: object) -> None:
    answer = container.call(event)
    assert (answer["exit_code"], answer["added"]) == (0, 3)
    assert len(container.playlists["archive"].entries) == 3
    assert json.loads(json.dumps(answer)) == answer


def test_an_event_may_name_pairs(container: Container) -> None:
    container.configure(("week", "archive"), ("other", "archive"))
    answer = container.call({"pairs": ["other"]})
    assert [pair["status"] for pair in answer["pairs"]] == ["not-selected", "added"]
    assert answer["added"] == 2


def test_an_event_may_ask_for_a_dry_run(container: Container) -> None:
    answer = container.call({"dry_run": True, "pairs": ["week"]})
    assert (answer["dry_run"], answer["added"], answer["pairs"][0]["planned"]) == (True, 0, 3)
    assert container.sent("POST") == 0


@pytest.mark.parametrize(
    ("event", "line"),
    [
        ({"pairs": []}, "event: pairs: must be a list of names"),
        ({"pairs": "week"}, "event: pairs: must be a list of names"),
        ({"pairs": ["week", 1]}, "event: pairs: must be a list of names"),
        ({"pairs": {"week": 1}}, "event: pairs: must be a list of names"),
        ({"dry_run": "yes"}, "event: dry_run: must be true or false"),
        ({"dry_run": 1}, "event: dry_run: must be true or false"),
        ({"pairs": ["weak"], "dry_run": True}, "pair: no pair is called 'weak': did you mean 'week'?"),
    ],
)
def test_an_event_that_cannot_be_meant_is_refused(container: Container, event: dict[str, object], line: str) -> None:
    told, lines = container.fails(event)
    assert (told["exit_code"], told["pairs"], lines) == (2, [], [line])
    assert told["dry_run"] is (event.get("dry_run") is True)
    assert container.sent() == 0


# --- answers ----------------------------------------------------------------------------------------------------------


def test_an_answer_has_at_most_twenty_items_a_pair(container: Container) -> None:
    container.playlists["long"] = container.world.playlist("long", tracks=23)
    container.configure(("long", "archive"))
    (pair,) = container.call()["pairs"]
    assert (pair["added"], len(pair["items"]), pair["items_omitted"]) == (23, 20, 3)


def test_a_pair_that_failed_raises_with_a_line_of_its_own(container: Container) -> None:
    container.configure(("foreign", "archive"), ("week", "archive"))
    told, lines = container.fails()
    assert (told["exit_code"], told["added"]) == (4, 3)
    error = told["pairs"][0]["error"]
    assert lines == [f"foreign: {error['message']} -> {error['hint']}"]


def test_a_full_target_raises_although_it_took_what_fits(container: Container) -> None:
    """Almost 10,000 items, which stand in one page here to save 200 requests."""
    held = [{"item": {"uri": track(number).uri, "type": "track"}} for number in range(9_999)]
    container.world.inject(
        Fault(
            kind="patch",
            path=f"/v1/playlists/{container.playlists['archive'].id}",
            put={"items": {"items": held, "total": 9_999}},
        )
    )
    told, lines = container.fails()
    assert (told["pairs"][0]["status"], told["added"], told["exit_code"]) == ("partial", 1, 4)
    assert len(lines) == 1
    assert lines[0].startswith("week: ")


def test_a_target_is_made_once_where_the_config_asks_for_one(
    container: Container, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("SYNCER_STATE", f"file:{tmp_path / 'state.sqlite3'}")
    week = container.playlists["week"]
    pairs = [{"name": "week", "source": week.id, "target": {"create": "Archive", "description": "Of every week"}}]
    container.config.write_text(json.dumps({"pairs": pairs}), encoding="utf-8")

    planned = container.call({"dry_run": True})
    told = [container.call() for _ in range(2)]

    (made,) = [playlist for playlist in container.world.playlists.values() if playlist.name == "Archive"]
    assert made.uris == week.uris
    assert made.description == f"Of every week {MARK}"
    assert not made.public
    assert planned["pairs"][0]["target"] == "create:Archive"
    assert [one["pairs"][0]["target"] for one in told] == [f"spotify:playlist:{made.id}"] * 2
    assert [one["added"] for one in told] == [3, 0]


def test_without_a_state_a_config_that_makes_targets_is_refused(container: Container) -> None:
    pairs = [{"name": "week", "source": container.playlists["week"].id, "target": {"create": "Archive"}}]
    container.config.write_text(json.dumps({"pairs": pairs, "state": "none"}), encoding="utf-8")

    told, (line,) = container.fails()

    assert told["exit_code"] == 2
    assert "a playlist could be made twice" in line
    assert container.sent() == 0


def test_what_only_a_person_can_mend_raises_even_half_way(container: Container) -> None:
    """Premium ends between two batches: something was added, and nothing more will be."""
    container.playlists["long"] = container.world.playlist("long", tracks=101)
    container.configure(("long", "archive"), ("week", "archive"))
    container.world.inject(Fault(kind="premium", method="POST", path="/v1/playlists/*/items", after=1, times=None))
    told, lines = container.fails()
    assert told["exit_code"] == 3
    assert [pair["status"] for pair in told["pairs"]] == ["partial", "not-tried"]
    assert [line.split(":")[0] for line in lines] == ["long"]


def test_missing_credentials_raise(container: Container, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SYNCER_CREDENTIALS_FILE", "/no/such/file")
    told, lines = container.fails()
    assert told["exit_code"] == 3
    assert lines == ["week: there are no credentials at /no/such/file -> run `syncer login`"]


def test_a_limit_before_anything_was_added_does_not_raise(container: Container) -> None:
    container.world.inject(Fault(kind="quota"))
    assert container.call()["exit_code"] == 5


def test_pairs_that_are_only_late_do_not_raise(container: Container) -> None:
    container.configure(("week", "archive"), ("other", "archive"))
    container.world.inject(Fault(kind="quota", after=5))  # what the first pair takes
    answer = container.call()
    assert [pair["status"] for pair in answer["pairs"]] == ["added", "not-tried"]
    assert answer["exit_code"] == 4


def test_a_pair_that_failed_for_a_passing_reason_raises_only_beside_one_that_did_not(container: Container) -> None:
    """Nothing added and all of it temporary is exit 5, which passes; next to a success it is a failed pair."""
    outage = Fault(kind="status", status=503, path=f"/v1/playlists/{container.playlists['other'].id}", times=None)
    container.world.inject(outage)
    container.configure(("other", "archive"))
    assert container.call()["exit_code"] == 5
    container.configure(("other", "archive"), ("week", "archive"))
    told, lines = container.fails()
    assert (told["exit_code"], len(lines)) == (4, 1)


def test_the_end_of_the_timeout_is_a_deadline(container: Container) -> None:
    answer = container.call(seconds=3)
    assert answer["exit_code"] == 5
    assert answer["error"]["code"] == "out-of-time"
    assert container.sent() == 0


# --- config -----------------------------------------------------------------------------------------------------------


def test_a_broken_config_raises_with_a_line_for_each_problem(container: Container) -> None:
    container.config.write_text("pairs:\n  - source: x\n    target: y\n", encoding="utf-8")
    told, lines = container.fails()
    assert told["exit_code"] == 2
    assert [problem["line"] for problem in told["problems"]] == [2, 3]
    assert [line.startswith(f"{container.config}:{number}:") for line, number in zip(lines, (2, 3), strict=True)]
    assert container.sent() == 0


def test_a_state_that_cannot_be_used_raises(container: Container, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is no pair's fault, so the run has a line of its own."""
    monkeypatch.setenv("SYNCER_STATE", "file:/dev/null/state")
    told, lines = container.fails()
    error = told["error"]
    assert (told["exit_code"], error["code"]) == (2, "config")
    assert lines == [f"{error['message']} -> {error['hint']}"]
    assert container.sent() == 0


def test_a_host_that_may_not_stand_in_raises(container: Container, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SPOTIFY_API_URL", "https://example.com")
    told, lines = container.fails()
    assert told["exit_code"] == 2
    assert lines[0].startswith("environment: $SPOTIFY_API_URL: ")


def test_a_warm_container_keeps_nothing_from_one_event_to_the_next(container: Container) -> None:
    """R9: two events, two configs, and a playlist that someone changed in between."""
    assert container.call()["added"] == 3
    first = container.sent()
    container.world.remove_at(container.playlists["archive"], 0)
    container.configure(("other", "archive"), ("week", "archive"))
    second = container.call()
    assert [pair["added"] for pair in second["pairs"]] == [2, 1]
    assert second["requests"]["spotify"] == container.sent() - first
    container.configure(("other", "week"), max_additions=1)
    assert container.fails()[0]["pairs"][0]["error"]["code"] == "plan-too-large"


def test_a_warm_container_keeps_each_state_where_its_config_says(container: Container, tmp_path: Path) -> None:
    for name in ("one", "other"):
        settings = json.loads(container.config.read_text(encoding="utf-8"))
        container.config.write_text(json.dumps(settings | {"state": {"file": name}}), encoding="utf-8")
        container.call()
        assert (tmp_path / name).is_file()


def test_libraries_may_not_log_what_they_send(container: Container) -> None:
    with container.caplog.at_level(logging.DEBUG):
        container.call()
        assert not [record.name for record in container.caplog.records if record.levelno < logging.INFO]


def test_a_cold_start_builds_nothing_and_loads_no_library_for_the_network() -> None:
    code = (
        "import sys, syncer.handler;"
        "print([name for name in ('spotipy', 'requests', 'boto3', 'botocore', 'click', 'rich') if name in sys.modules])"
    )
    root = Path(__file__).parent.parent
    done = subprocess.run([sys.executable, "-c", code], cwd=root, capture_output=True, check=True, text=True)  # noqa: S603 - our own program
    assert done.stdout == "[]\n"


# --- a fleet ----------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def aws() -> Iterator[str]:
    """Serve AWS over loopback."""
    from moto.server import ThreadedMotoServer  # noqa: PLC0415 - half a second that only these tests spend

    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


@dataclass
class Fleet:
    """A queue and a table, and functions that share them."""

    container: Container
    queue: Any
    url: str

    def begin(self, event: object = None) -> dict[str, Any]:
        """Send *event*, and return the answer."""
        self.container.caplog.clear()
        answer: dict[str, Any] = self.container.handler.lambda_handler({} if event is None else event, Context())
        return answer

    def work(self, *bodies: str) -> list[str]:
        """Have messages done: these, or all that can be received; return the ids of those that are to come again."""
        self.container.caplog.clear()
        records = [
            {"messageId": f"{number}", "body": body, "attributes": {"ApproximateReceiveCount": "1"}}
            for number, body in enumerate(bodies or self.waiting())
        ]
        answer = self.container.handler.work({"Records": records}, Context())
        return [each["itemIdentifier"] for each in answer["batchItemFailures"]]

    def waiting(self) -> list[str]:
        """Take what can be received by now."""
        found: list[str] = []
        while batch := self.queue.receive_message(QueueUrl=self.url, MaxNumberOfMessages=10).get("Messages"):
            found += [message["Body"] for message in batch]
        return found

    def logged(self, message: str) -> list[logging.LogRecord]:
        return [record for record in self.container.caplog.records if record.getMessage() == message]


_NAMES = map("fleet-{}".format, itertools.count())


@pytest.fixture
def fleet(container: Container, aws: str, monkeypatch: pytest.MonkeyPatch) -> Fleet:
    """A fleet with two pairs: ``week`` to ``archive``, and ``other`` to ``shelf``."""
    from boto3.session import Session  # noqa: PLC0415 - as above

    name = next(_NAMES)
    monkeypatch.setenv("AWS_ENDPOINT_URL", aws)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "key")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-west-1")
    session = Session()
    session.client("dynamodb").create_table(
        TableName=name,
        BillingMode="PAY_PER_REQUEST",
        KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}, {"AttributeName": "sk", "KeyType": "RANGE"}],
        AttributeDefinitions=[
            {"AttributeName": "pk", "AttributeType": "S"},
            {"AttributeName": "sk", "AttributeType": "S"},
        ],
    )
    queue = session.client("sqs")
    url = queue.create_queue(QueueName=name)["QueueUrl"]
    monkeypatch.setenv("SYNCER_STATE", f"table:{name}")
    monkeypatch.setenv("SYNCER_QUEUE_URL", url)
    monkeypatch.setenv("SYNCER_RUN_SECONDS", "3540")
    container.playlists["shelf"] = container.world.playlist("shelf")
    container.configure(("week", "archive"), ("other", "shelf"))
    return Fleet(container, queue, url)


def test_a_fleets_run_is_begun_by_the_schedule_and_told_by_the_last_worker(fleet: Fleet) -> None:
    answer = fleet.begin(SCHEDULER)

    assert (answer["pairs"], answer["waiting"], answer["groups"]) == (2, 2, 2)
    assert not fleet.logged("report")
    first, second = fleet.waiting()
    assert fleet.work(first) == []
    assert not fleet.logged("report")
    assert fleet.work(second) == []
    told = fleet.container.logged()
    assert told["run_id"] == answer["run_id"]
    assert ([pair["added"] for pair in told["pairs"]], told["exit_code"]) == ([3, 2], 0)
    assert told["requests"]["spotify"] == fleet.container.sent()
    assert not fleet.logged("run failed")
    assert fleet.begin({"report": "last"}) == told
    assert len(fleet.container.playlists["archive"].entries) == 3

    idle = fleet.container.call(SCHEDULER)

    assert [pair["status"] for pair in idle["pairs"]] == ["unchanged", "unchanged"]
    assert fleet.waiting() == []


def test_a_fleet_does_named_pairs_and_dry_runs_at_once(fleet: Fleet) -> None:
    planned = fleet.container.call({"dry_run": True})
    assert [pair["planned"] for pair in planned["pairs"]] == [3, 2]
    done = fleet.container.call({"pairs": ["other"]})
    assert [pair["status"] for pair in done["pairs"]] == ["not-selected", "added"]
    assert fleet.waiting() == []
    assert fleet.begin({"report": "last"}) == {}


def test_a_fleets_run_that_needs_a_person_says_so_in_a_line_of_its_own(fleet: Fleet) -> None:
    fleet.container.configure(("foreign", "archive"), ("other", "shelf"))
    fleet.begin()

    assert fleet.work() == []  # the group is done all the same

    (record,) = fleet.logged("run failed")
    assert record.levelname == "ERROR"
    error = fleet.container.logged()["pairs"][0]["error"]
    assert record.lines == [f"foreign: {error['message']} -> {error['hint']}"]  # type: ignore[attr-defined] # put there by `extra`


def test_a_message_that_cannot_be_done_is_to_come_again_and_the_others_are_done(fleet: Fleet) -> None:
    fleet.begin()
    first, second = fleet.waiting()
    assert fleet.work(first, "no json", second) == ["1"]
    assert [pair["added"] for pair in fleet.container.logged()["pairs"]] == [3, 2]
    assert fleet.logged("a message is to come again")


def test_a_fleets_second_run_is_turned_away_while_the_first_is_under_way(fleet: Fleet) -> None:
    fleet.begin()
    told = fleet.container.call()
    assert (told["exit_code"], told["error"]["code"], told["pairs"]) == (6, "locked", [])
    named = fleet.container.call({"pairs": ["week"]})
    assert named["error"]["code"] == "locked"


def test_a_fleet_without_a_table_raises(fleet: Fleet, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SYNCER_STATE", "none")
    told, lines = fleet.container.fails()
    assert told["exit_code"] == 2
    assert lines == ["environment: $SYNCER_STATE: 'none' is not table:NAME, which workers need to share"]


def test_a_fleet_with_a_broken_config_raises_and_its_messages_come_again(fleet: Fleet) -> None:
    fleet.container.config.write_text("pairs:\n  - source: x\n    target: y\n", encoding="utf-8")
    told, lines = fleet.container.fails()
    assert (told["exit_code"], len(lines)) == (2, 2)
    assert fleet.work('{"run": "x", "group": 0}') == ["0"]
