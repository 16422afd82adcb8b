"""`serverless deploy`, for real, to stand-ins on this machine. What they cannot show is listed in docs/deploy.md."""

import base64
import hashlib
import json
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from syncer import config
from syncer.ids import PlaylistId
from syncer.model import PlaylistSource
from syncer.sandbox.scene import Scene
from syncer.sandbox.server import SandboxServer
from syncer.sandbox.things import Playlist, SignIn
from syncer.sandbox.world import World
from syncer.state.dynamodb import DynamoDbState
from tests.deploy.standins import (
    FUNCTION,
    ROOT,
    SECRET,
    STACK,
    Cloud,
    Project,
    as_role,
    at,
    invoke,
    kept,
    state_table,
    store,
    stored,
    wait_for,
    without_right,
)

ACTIONS = ("GetSecretValue", "PutSecretValue", "UpdateSecretVersionStage")


def shipped_scene(world: Scene) -> tuple[Playlist, Playlist]:
    """Set up what the shipped config names, and return source and target of its first pair."""
    pairs = config.load(ROOT / "config" / "config.yaml").pairs
    for pair in pairs:
        for playlist in (*(one.id for one in pair.sources if isinstance(one, PlaylistSource)), pair.target):
            world.playlist(f"of {pair.name}: {playlist}", id=playlist)
    (first,) = (source.id for source in pairs[0].sources if isinstance(source, PlaylistSource))
    world.add(world.playlists[first], ["spotify:track:" + PlaylistId("0" * 22)])
    return world.playlists[first], world.playlists[pairs[0].target]


def failed_runs(cloud: Cloud) -> list[str]:
    (queue,) = (url for url in cloud.client("sqs").list_queues()["QueueUrls"] if "FailedRuns" in url)
    messages = cloud.client("sqs").receive_message(QueueUrl=queue, MaxNumberOfMessages=10).get("Messages", [])
    return [message["Body"] for message in messages]


def alarms(cloud: Cloud) -> dict[str, dict[str, Any]]:
    """Return the alarms by their last word in the template."""
    found = cloud.client("cloudwatch").describe_alarms()["MetricAlarms"]
    names = ("FailedRunAlarm", "NoRunAlarm", "NoFineRunAlarm", "SignInAlarm")
    return {name: alarm for alarm in found for name in names if name in alarm["AlarmName"]}


def test_a_stack_from_deploy_to_remove(cloud: Cloud, world: World, sandbox: SandboxServer, tmp_path: Path) -> None:
    """What a user does, in this order: deploy, again, info, invoke, change the schedule, break a pair, remove."""
    project = Project(tmp_path / "project")
    params = {**at(sandbox), "alarmEmail": "me@example.com"}
    source, target = shipped_scene(world)
    store(cloud, world.app, world.sign_in())

    project.serverless(cloud, "deploy", params=params)
    _the_whole_template_is_there(cloud, project)
    assert "No changes to deploy" in project.serverless(cloud, "deploy", params=params)
    assert FUNCTION in project.serverless(cloud, "info", params=params)

    said = project.serverless(cloud, "invoke", "--function", "sync", params=params)
    assert '"added": 1' in said
    assert target.uris == source.uris
    assert stored(cloud)["access_token"] in world.access_tokens
    table = state_table(cloud)
    assert (len(kept(cloud, table, "record")), kept(cloud, table, "open"), kept(cloud, table, "lock")) == (1, [], [])

    project.serverless(cloud, "deploy", params=params | {"schedule": "rate(1 minute)"})
    assert cloud.client("lambda").get_function_configuration(FunctionName=FUNCTION)["Timeout"] == 55
    assert alarms(cloud)["NoRunAlarm"]["Period"] == 180
    world.add(source, ["spotify:track:" + PlaylistId("1" * 22)])
    wait_for(lambda: len(target.uris) == 2, seconds=75)  # nobody invoked it

    project.serverless(cloud, "deploy", params=params)
    del world.playlists[source.id]
    world.me.library.remove(source.id)
    cloud.client("lambda").invoke(FunctionName=FUNCTION, InvocationType="Event", Payload=b"{}")
    (message, *_) = wait_for(lambda: failed_runs(cloud), seconds=30)
    assert "discover-weekly: " in message
    _no_secret_shows(cloud, world, project, message)

    project.serverless(cloud, "remove", params=params)
    assert cloud.client("lambda").list_functions()["Functions"] == []
    assert cloud.client("scheduler").list_schedules()["Schedules"] == []
    assert cloud.client("iam").list_roles()["Roles"] == []
    assert cloud.client("sqs").list_queues().get("QueueUrls", []) == []
    assert cloud.client("s3").list_buckets()["Buckets"] == []
    assert alarms(cloud) == {}
    assert stored(cloud)["access_token"] in world.access_tokens
    assert len(kept(cloud, table, "record")) == 2

    project.serverless(cloud, "deploy", params=params | {"stateTable": table})
    assert state_table(cloud) == table  # there is no other
    with _lock(cloud, table):
        assert invoke(cloud)[1]["error"]["code"] == "locked"
    project.serverless(cloud, "remove", params=params | {"stateTable": table})
    cloud.client("dynamodb").delete_table(TableName=table)


def _lock(cloud: Cloud, table: str) -> AbstractContextManager[None]:
    """Be another run."""
    now = datetime.now(UTC)
    state = DynamoDbState(table, lambda: cloud.client("dynamodb"))
    return state.lock("another", now=now, until=now + timedelta(minutes=1))


def _the_whole_template_is_there(cloud: Cloud, project: Project) -> None:
    made = cloud.client("cloudformation").describe_stack_resources(StackName=STACK)["StackResources"]
    assert {one["LogicalResourceId"] for one in made} == project.template["Resources"].keys()
    assert all(one["ResourceStatus"].endswith("_COMPLETE") for one in made)
    function = cloud.client("lambda").get_function_configuration(FunctionName=FUNCTION)
    assert function["CodeSha256"] == base64.b64encode(hashlib.sha256(project.artifact.read_bytes()).digest()).decode()
    schedule = cloud.client("scheduler").get_schedule(Name=STACK)
    assert (schedule["State"], schedule["Target"]["Arn"]) == ("ENABLED", function["FunctionArn"])
    assert schedule["Target"]["RoleArn"] != function["Role"]
    (subscription,) = cloud.client("sns").list_subscriptions()["Subscriptions"]
    assert (subscription["Protocol"], subscription["Endpoint"]) == ("email", "me@example.com")


def _no_secret_shows(cloud: Cloud, world: World, project: Project, message: str) -> None:
    events = cloud.client("logs").filter_log_events(logGroupName=f"/aws/lambda/{FUNCTION}")["events"]
    variables = cloud.client("lambda").get_function_configuration(FunctionName=FUNCTION)["Environment"]
    shown = json.dumps([project.template, events, variables]) + message
    assert events
    for secret in (world.app.client_secret, *world.sign_ins, *world.access_tokens):
        assert secret[:8] not in shown


@pytest.fixture(scope="module")
def strict_world() -> World:
    """Two people with a pair each."""
    made = World()
    for user in (made.me, made.add_user("anna")):
        made.playlist(f"source of {user.id}", tracks=1, owner=user)
        made.playlist(f"target of {user.id}", owner=user)
    return made


def config_of(world: Scene, secrets: dict[str, str]) -> str:
    """Return a config of one pair for each account in *secrets*, and the owner of its playlists."""
    source, target, her_source, her_target = world.playlists
    pairs = [
        {"name": "mine", "source": source, "target": target},
        {"name": "annas", "source": her_source, "target": her_target, "account": "anna"},
    ]
    return json.dumps({"accounts": {name: {"secret": secret} for name, secret in secrets.items()}, "pairs": pairs})


@pytest.fixture(scope="module")
def guarded(strict_cloud: Cloud, strict_world: World, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cloud]:
    """AWS with the stack in it and IAM in force."""
    annas = f"{SECRET}-of-anna"
    settings = config_of(strict_world, {"default": SECRET, "anna": annas})
    project = Project(tmp_path_factory.mktemp("guarded") / "project", settings)
    store(strict_cloud, strict_world.app, strict_world.sign_in())
    store(strict_cloud, strict_world.app, strict_world.sign_in(strict_world.users["anna"]), name=annas)
    strict_cloud.client("secretsmanager").create_secret(Name=f"{SECRET}-of-someone-else", SecretString="{}")
    with SandboxServer(strict_world) as sandbox:
        project.serverless(strict_cloud, "deploy", params=at(sandbox))
        yield strict_cloud


@pytest.fixture
def sign_in(guarded: Cloud, strict_world: World) -> SignIn:
    """A sign-in without an access token yet."""
    made = strict_world.sign_in()
    store(guarded, strict_world.app, made)
    return made


@pytest.fixture
def forbid(guarded: Cloud) -> Iterator[Callable[[str, str], None]]:
    """Take one action out of a policy, until the end of the test."""
    with ExitStack() as until_the_end:
        yield lambda policy, action: until_the_end.enter_context(without_right(guarded, policy, action))


@pytest.mark.usefixtures("sign_in")
def test_the_role_is_enough_for_all_accounts_of_the_config(guarded: Cloud, strict_world: World) -> None:
    failed, report = invoke(guarded)

    assert not failed
    assert report["ok"]
    assert report["warnings"] == []
    assert {stored(guarded, name)["access_token"] for name in (SECRET, f"{SECRET}-of-anna")} <= set(
        strict_world.access_tokens
    )


@pytest.mark.usefixtures("sign_in")
def test_without_the_right_to_read_nothing_runs_and_the_error_names_it(
    guarded: Cloud, forbid: Callable[[str, str], None]
) -> None:
    forbid("sync", "secretsmanager:GetSecretValue")

    failed, error = invoke(guarded)

    assert failed
    assert f"secretsmanager:GetSecretValue on {SECRET}" in error["errorMessage"]


@pytest.mark.usefixtures("sign_in")
@pytest.mark.parametrize("action", ["PutSecretValue", "UpdateSecretVersionStage"])
def test_without_the_right_to_write_the_run_goes_on_but_keeps_no_token(
    guarded: Cloud, forbid: Callable[[str, str], None], action: str
) -> None:
    forbid("sync", f"secretsmanager:{action}")

    failed, report = invoke(guarded)

    assert not failed
    assert report["ok"]
    assert f"secretsmanager:{action}" in " ".join(report["warnings"])
    assert "access_token" not in stored(guarded)


@pytest.fixture
def free(guarded: Cloud) -> Iterator[None]:
    """Take away the lock that a run leaves if it may not delete."""
    yield
    lock = {"pk": {"S": "lock"}, "sk": {"S": "lock"}}
    guarded.client("dynamodb").delete_item(TableName=state_table(guarded), Key=lock)


@pytest.mark.usefixtures("sign_in", "free")
@pytest.mark.parametrize("action", ["GetItem", "PutItem", "DeleteItem", "Query"])
def test_without_a_right_on_the_table_the_run_fails_and_the_error_names_it(
    guarded: Cloud, strict_world: World, forbid: Callable[[str, str], None], action: str
) -> None:
    for playlist in strict_world.playlists.values():  # an idle run has no use for all rights
        strict_world.add(playlist, ["spotify:track:" + action.ljust(22, "0")])
    forbid("sync", f"dynamodb:{action}")

    failed, error = invoke(guarded)

    assert failed
    assert f"dynamodb:{action} on {state_table(guarded)}" in error["errorMessage"]


@pytest.mark.usefixtures("sign_in")
def test_two_runs_are_never_under_way_at_once(guarded: Cloud) -> None:
    with _lock(guarded, state_table(guarded)):
        failed, report = invoke(guarded)

    assert not failed  # it passes: the other run does the work
    assert (report["exit_code"], report["error"]["code"]) == (6, "locked")


def log_events(cloud: Cloud) -> None:
    logs, group = as_role(cloud, "sync", "logs"), f"/aws/lambda/{FUNCTION}"
    stream = f"test-{datetime.now(UTC):%H%M%S%f}"
    logs.create_log_stream(logGroupName=group, logStreamName=stream)
    event = {"timestamp": int(datetime.now(UTC).timestamp() * 1000), "message": "hello"}
    logs.put_log_events(logGroupName=group, logStreamName=stream, logEvents=[event])


def report_failure(cloud: Cloud, policy: str) -> None:
    (queue,) = (url for url in cloud.client("sqs").list_queues()["QueueUrls"] if "FailedRuns" in url)
    as_role(cloud, policy, "sqs").send_message(QueueUrl=queue, MessageBody="{}")


def run_once(cloud: Cloud) -> None:
    as_role(cloud, "schedule", "lambda").invoke(FunctionName=FUNCTION, Payload=b'{"dry_run": true}')


@pytest.mark.usefixtures("sign_in")
@pytest.mark.parametrize(
    ("policy", "action", "use"),
    [
        ("sync", "logs:CreateLogStream", log_events),
        ("sync", "logs:PutLogEvents", log_events),
        ("sync", "sqs:SendMessage", lambda cloud: report_failure(cloud, "sync")),
        ("schedule", "sqs:SendMessage", lambda cloud: report_failure(cloud, "schedule")),
        ("schedule", "lambda:InvokeFunction", run_once),
    ],
)
def test_every_other_right_is_needed_for_what_aws_does_with_it(
    guarded: Cloud, forbid: Callable[[str, str], None], policy: str, action: str, use: Callable[[Cloud], None]
) -> None:
    use(guarded)

    forbid(policy, action)

    with pytest.raises(ClientError, match="AccessDenied"):
        use(guarded)


def test_the_role_reaches_its_secret_and_its_table_and_nothing_else(guarded: Cloud) -> None:
    secrets, tables = as_role(guarded, "sync", "secretsmanager"), as_role(guarded, "sync", "dynamodb")
    table = {"TableName": state_table(guarded)}
    refused: list[Callable[[], object]] = [
        lambda: secrets.get_secret_value(SecretId=f"{SECRET}-of-someone-else"),
        lambda: secrets.update_secret(SecretId=SECRET, SecretString="{}"),
        lambda: secrets.delete_secret(SecretId=SECRET),
        lambda: secrets.describe_secret(SecretId=SECRET),
        secrets.list_secrets,
        lambda: tables.scan(**table),
        lambda: tables.delete_table(**table),
        lambda: tables.query(
            TableName=table["TableName"] + "-2",
            KeyConditionExpression="pk = :pk",
            ExpressionAttributeValues={":pk": {"S": "lock"}},
        ),
        tables.list_tables,
        as_role(guarded, "sync", "s3").list_buckets,
        lambda: as_role(guarded, "sync", "lambda").invoke(FunctionName=FUNCTION),
        lambda: as_role(guarded, "schedule", "secretsmanager").get_secret_value(SecretId=SECRET),
    ]

    assert secrets.get_secret_value(SecretId=SECRET)["Name"] == SECRET
    for call in refused:
        with pytest.raises(ClientError, match="AccessDenied"):
            call()


def test_a_second_reader_finds_the_settings_that_the_first_drops(second_reader: Cloud, tmp_path: Path) -> None:
    """moto runs no code, but keeps reserved concurrency and retries, which MiniStack does not."""
    project = Project(tmp_path / "project")
    params = {"deploymentMethod": "direct", "reservedConcurrency": "1"}

    project.serverless(second_reader, "deploy", params=params)

    functions = second_reader.client("lambda")
    assert functions.get_function_concurrency(FunctionName=FUNCTION)["ReservedConcurrentExecutions"] == 1
    on_failure = functions.get_function_event_invoke_config(FunctionName=FUNCTION)
    assert (on_failure["MaximumRetryAttempts"], on_failure["MaximumEventAgeInSeconds"]) == (0, 300)
    assert "FailedRuns" in on_failure["DestinationConfig"]["OnFailure"]["Destination"]
    schedule = second_reader.client("scheduler").get_schedule(Name=STACK)
    assert schedule["ScheduleExpression"] == "rate(1 hour)"
    assert schedule["Target"]["RetryPolicy"] == {"MaximumRetryAttempts": 0, "MaximumEventAgeInSeconds": 300}
    (group,) = second_reader.client("logs").describe_log_groups()["logGroups"]
    assert (group["logGroupName"], group["retentionInDays"]) == (f"/aws/lambda/{FUNCTION}", 30)
    assert len(alarms(second_reader)) == 4
    assert all(alarm["AlarmActions"] for alarm in alarms(second_reader).values())
    (dashboard,) = second_reader.client("cloudwatch").list_dashboards()["DashboardEntries"]
    body = second_reader.client("cloudwatch").get_dashboard(DashboardName=dashboard["DashboardName"])["DashboardBody"]
    assert len(json.loads(body)["widgets"]) == 7
    filters = second_reader.client("logs").describe_metric_filters()["metricFilters"]
    metrics = {each["metricName"] for one in filters for each in one["metricTransformations"]}
    assert metrics == {"Added", "FineRuns", "Requests", "SignInDaysLeft"}
    table = state_table(second_reader)
    described = second_reader.client("dynamodb").describe_table(TableName=table)["Table"]
    assert described["BillingModeSummary"]["BillingMode"] == "PAY_PER_REQUEST"
    assert [key["AttributeName"] for key in described["KeySchema"]] == ["pk", "sk"]
    said = project.serverless(second_reader, "info", "--verbose", params=params)
    assert SECRET in said
    assert table in said
    project.serverless(second_reader, "remove", params=params)
    assert functions.list_functions()["Functions"] == []
    assert state_table(second_reader) == table
