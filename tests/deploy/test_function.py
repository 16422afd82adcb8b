"""The artifact at work: under AWS's runtime client, alone in a bare Python, with the sandbox for Spotify."""

import base64
import json
import re
import socket
import zipfile
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from syncer.sandbox.faults import Fault
from syncer.sandbox.scene import Scene
from syncer.sandbox.server import SandboxServer
from syncer.sandbox.things import Playlist, SignIn
from syncer.sandbox.world import World
from tests.deploy.runtime_api import Lambda
from tests.deploy.standins import SECRET, Cloud, Project, kept, make_table, store, stored
from tests.deploy.turnstile import Turnstile

Start = Callable[..., Lambda]

FRESH, OLD, LIKED = "5ieJqeLJjjI8iJWaxeBLuK", "2mULMNIOjAkmgJvE6J7YhL", "3kPq7TzWvYb1LxRm8NcA4s"
"""From the shipped config: the pair discover-weekly, and the target of liked-songs."""


@pytest.fixture
def start(
    packaged: Project, lambda_python: Path, sandbox: SandboxServer, cloud: Cloud, tmp_path: Path
) -> Iterator[Start]:
    """Start the function; keywords are variables of its environment."""
    given = {
        **cloud.environment,
        "SYNCER_SECRET_ID": SECRET,
        "SPOTIFY_API_URL": sandbox.api_url,
        "SPOTIFY_ACCOUNTS_URL": sandbox.accounts_url,
    }
    with ExitStack() as stack:

        def started(**environment: str) -> Lambda:
            made = Lambda(packaged.artifact, tmp_path, python=lambda_python, environment=given | environment)
            return stack.enter_context(made)

        yield started


@pytest.fixture
def sign_in(world: World, cloud: Cloud) -> SignIn:
    made = world.sign_in()
    store(cloud, world.app, made)
    return made


@pytest.fixture
def target(world: World) -> Playlist:
    """The scene that the shipped config wants; its first pair lacks two of three."""
    fresh = world.playlist("Fresh", tracks=3, id=FRESH)
    world.playlist("Liked", id=LIKED)
    return world.playlist("Old", items=[fresh.entries[1].media], id=OLD)


def by_name(report: dict[str, Any]) -> dict[str, str]:
    return {pair["name"]: pair["status"] for pair in report["pairs"]}


def secrets_of(world: World) -> list[str]:
    return [world.app.client_secret, *world.sign_ins, *world.access_tokens]


@pytest.mark.usefixtures("sign_in")
def test_it_runs_alone_and_keeps_its_token(start: Start, world: World, target: Playlist, cloud: Cloud) -> None:
    function = start()

    first, second = function.invoke({}), function.invoke({})

    assert by_name(first.body) == {"discover-weekly": "added", "liked-songs": "unchanged", "family": "disabled"}
    assert first.body["added"] == 2
    assert set(target.uris) == set(world.playlists[FRESH].uris)
    assert stored(cloud)["access_token"] in world.access_tokens
    assert by_name(second.body)["discover-weekly"] == "unchanged"
    assert second.body["requests"]["accounts"] == 0
    assert [record["report"] for record in function.records("report")] == [first.body, second.body]


@pytest.mark.usefixtures("sign_in", "target")
def test_a_pair_that_fails_is_reported_whole_before_the_run_is_called_failed(start: Start, world: World) -> None:
    del world.playlists[FRESH]
    function = start()

    answer = function.invoke({})

    assert answer.failed
    assert answer.body["errorType"] == "SyncFailed"
    assert answer.body["errorMessage"].startswith("discover-weekly: ")
    (record,) = function.records("report")
    assert by_name(record["report"])["discover-weekly"] == "failed"
    assert by_name(record["report"])["liked-songs"] == "unchanged"


@pytest.mark.usefixtures("sign_in", "target")
def test_no_secret_is_in_the_log_the_answers_or_the_artifact(start: Start, world: World, packaged: Project) -> None:
    function = start()
    answers = [function.invoke({})]
    del world.playlists[FRESH]
    answers.append(function.invoke({}))
    world.inject(Fault(kind="false-401", times=None))
    answers.append(function.invoke({"pairs": ["liked-songs"]}))

    with zipfile.ZipFile(packaged.artifact) as archive:
        shipped = b"".join(archive.read(name) for name in archive.namelist())
    told = json.dumps([answer.body for answer in answers]) + function.log
    assert len(secrets_of(world)) >= 3
    for secret in secrets_of(world):
        for form in (secret, base64.b64encode(secret.encode()).decode(), secret[:8]):
            assert form not in told
            assert form.encode() not in shipped


@pytest.mark.usefixtures("sign_in", "target")
def test_metrics_and_dashboard_name_what_the_log_really_says(start: Start, packaged: Project) -> None:
    function = start()
    function.invoke({})
    (record,) = function.records("report")
    resources = packaged.template["Resources"]
    filters = [each["Properties"] for each in resources.values() if each["Type"] == "AWS::Logs::MetricFilter"]
    named = re.findall(r"\$\.([\w.\[\]]+) (IS|>=)", " ".join(one["FilterPattern"] for one in filters))
    values = re.findall(r"\$\.([\w.\[\]]+)\"", json.dumps([one["MetricTransformations"] for one in filters]))

    assert {path for path, _ in named} == {
        "report.ok",
        "report.dry_run",
        "report.added",
        "report.requests.spotify",
        "report.accounts[0].days_left",
    }
    assert all(type(look_up(record, path)) is {"IS": bool, ">=": int}[operator] for path, operator in named)
    assert {path for path, operator in named if operator == ">="} == set(values)

    shown = json.dumps(resources["Dashboard"]["Properties"]["DashboardBody"])
    assert {path for path in re.findall(r"(report\.[\w.]+)", shown) if look_up(record, path) is ...} <= {
        "report.error.message"  # null in a fine run
    }
    assert {"pair", "status", "added"} <= function.records("pair")[0].keys()


def look_up(record: Any, path: str) -> Any:
    for key in re.findall(r"\w+", path):
        if record is None:
            return ...
        record = record[int(key)] if key.isdecimal() else record[key]
    return record


@pytest.mark.usefixtures("sign_in", "target")
@pytest.mark.parametrize("seconds", [3, 6, 12])
def test_the_report_is_out_a_second_before_the_deadline(start: Start, world: World, seconds: int) -> None:
    world.inject(Fault(kind="stall", times=None))
    function = start()

    answer = function.invoke({}, seconds=seconds)

    assert by_name(answer.body)["discover-weekly"] == "not-tried"
    assert answer.left >= 1
    assert function.records("report")


@pytest.mark.usefixtures("sign_in")
def test_a_run_stops_between_requests_when_its_time_is_up(
    packaged: Project, lambda_python: Path, cloud: Cloud, world: World, target: Playlist, tmp_path: Path
) -> None:
    """52 s are left, a request may take 45 s, 5 s are kept for the report: two seconds' worth of slow requests fit."""
    with SandboxServer(world, latency=0.7) as slow:
        environment = {
            **cloud.environment,
            "SYNCER_SECRET_ID": SECRET,
            "SPOTIFY_API_URL": slow.api_url,
            "SPOTIFY_ACCOUNTS_URL": slow.accounts_url,
        }
        with Lambda(packaged.artifact, tmp_path, python=lambda_python, environment=environment) as function:
            function.invoke({}, seconds=10)  # time for nothing but to start, which may take long on a busy machine
            answer = function.invoke({}, seconds=52)

    report = answer.body
    assert report["exit_code"] in (4, 5)
    assert "out-of-time" in json.dumps(report)
    assert report["requests"]["spotify"] > 0
    assert answer.left >= 1
    assert len(set(target.uris)) == len(target.uris)


@pytest.mark.usefixtures("sign_in", "target")
@pytest.mark.parametrize("seconds", [4, 12])
def test_a_secret_store_that_does_not_answer_leaves_time_for_the_report(start: Start, seconds: int) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        function = start(AWS_ENDPOINT_URL=f"http://127.0.0.1:{silent.getsockname()[1]}")

        answer = function.invoke({}, seconds=seconds)

    assert answer.left >= 1
    assert function.records("report")


def test_nothing_of_one_event_shows_in_the_next(start: Start, world: World, cloud: Cloud, tmp_path: Path) -> None:
    """Two configs, two people, one warm container."""
    anna = world.add_user("anna")
    bo = world.add_user("bo")
    configs = [one_pair(world, cloud, user=user.id, secret=f"of-{user.id}") for user in (anna, bo)]
    path = tmp_path / "config.yaml"
    function = start(SYNCER_CONFIG=str(path))
    reports = []
    for text in (*configs, *configs):
        path.write_text(text)
        before = len(world.calls)
        reports.append(function.invoke({}).body)
        who = {call.user for call in world.calls[before:] if call.user}
        assert who == {reports[-1]["accounts"][0]["name"]}

    assert [by_name(report) for report in reports] == [
        {"for-anna": "added"},
        {"for-bo": "added"},
        {"for-anna": "unchanged"},
        {"for-bo": "unchanged"},
    ]
    assert [report["requests"]["accounts"] for report in reports] == [1, 1, 0, 0]
    assert len({report["run_id"] for report in reports}) == 4


def one_pair(world: Scene, cloud: Cloud, *, user: str, secret: str) -> str:
    """Return a config with one pair of *user*, whose credentials are in *secret*."""
    source = world.playlist(f"source of {user}", tracks=2, owner=user)
    target = world.playlist(f"target of {user}", owner=user)
    store(cloud, world.app, world.sign_in(world.users[user]), name=secret)
    pair = {"name": f"for-{user}", "source": source.id, "target": target.id, "account": user}
    return json.dumps({"accounts": {user: {"secret": secret}}, "pairs": [pair]})


@pytest.mark.usefixtures("sign_in", "target")
def test_an_event_chooses_pairs_and_a_dry_run_adds_nothing(start: Start, world: World) -> None:
    function = start()

    report = function.invoke({"pairs": ["discover-weekly"], "dry_run": True}).body

    assert report["dry_run"] is True
    assert by_name(report) == {"discover-weekly": "added", "liked-songs": "not-selected", "family": "disabled"}
    assert world.changes == []


@pytest.mark.usefixtures("sign_in")
def test_what_it_adds_is_in_the_table_before_and_after(start: Start, cloud: Cloud, target: Playlist) -> None:
    table = make_table(cloud, "of-one-run")
    function = start(SYNCER_STATE=f"table:{table}")

    report = function.invoke({}).body

    assert (report["added"], report["warnings"]) == (2, [])
    (record,) = kept(cloud, table, "record")
    assert all(uri in record["body"]["S"] for uri in target.uris[1:])
    assert (kept(cloud, table, "open"), kept(cloud, table, "lock")) == ([], [])


@pytest.mark.usefixtures("sign_in")
def test_a_run_of_ten_pairs_makes_the_calls_that_the_table_of_costs_counts(
    start: Start, world: World, cloud: Cloud, tmp_path: Path
) -> None:
    """Up to 50 items a playlist, nothing new: the first run, when the last access token is spent, and the idle one."""
    held = [world.playlist(f"source {number}", tracks=40).entries for number in range(10)]
    ids = [playlist.id for playlist in world.playlists.values()]
    targets = [
        world.playlist(f"target {number}", items=[entry.media for entry in entries]).id
        for number, entries in enumerate(held)
    ]
    settings = tmp_path / "config.yaml"
    pairs = [{"source": source, "target": target} for source, target in zip(ids, targets, strict=True)]
    settings.write_text(json.dumps({"pairs": pairs}))
    with Turnstile(cloud.url) as turnstile:
        table = make_table(cloud, "of-ten-pairs")

        def run() -> tuple[dict[str, int], Counter[str], str]:
            """Be one run of a function that was not kept warm; return its requests, its calls to AWS and its log."""
            turnstile.calls.clear()
            function = start(SYNCER_CONFIG=str(settings), SYNCER_STATE=f"table:{table}", AWS_ENDPOINT_URL=turnstile.url)
            report = function.invoke({}).body
            assert report["ok"]
            return report["requests"], Counter(turnstile.calls), function.log

        first, first_calls, _ = run()
        run()  # learns how many playlists there are, and keeps that
        idle, idle_calls, log = run()

    assert first == {"spotify": 20, "accounts": 1}
    assert first_calls == {
        "GetSecretValue": 2,
        "PutSecretValue": 1,
        "UpdateSecretVersionStage": 1,
        "GetItem": 24,
        "PutItem": 24,
        "DeleteItem": 2,
        "Query": 20,
    }
    assert idle == {"spotify": 1, "accounts": 0}
    assert idle_calls == {"GetSecretValue": 1, "GetItem": 4, "PutItem": 3, "DeleteItem": 2}
    assert len(log) < 10_000
