"""serverless.yml as a template: what follows from the schedule and the config, and who may do what."""

import base64
import hashlib
import json
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.deploy.standins import (
    ACCOUNT,
    FUNCTION,
    REGION,
    ROOT,
    SECRET,
    STACK,
    Cloud,
    Project,
    as_role,
    make_table,
    ministack,
)

TWO_ACCOUNTS = """
state: {table: from-the-config}
accounts:
  default: {secret: mine}
  anna: {secret: household/anna}
pairs:
  - source: https://open.spotify.com/playlist/5ieJqeLJjjI8iJWaxeBLuK
    target: https://open.spotify.com/playlist/2mULMNIOjAkmgJvE6J7YhL
    account: anna
"""
SECRET_ACTIONS = [
    "secretsmanager:GetSecretValue",
    "secretsmanager:PutSecretValue",
    "secretsmanager:UpdateSecretVersionStage",
]


STATE_ACTIONS = [f"dynamodb:{call}" for call in ("GetItem", "PutItem", "DeleteItem", "Query")]
TABLE = {"Fn::If": ["MakesStateTable", {"Ref": "StateTable"}, {"Ref": "StateTableName"}]}


def derive(
    schedule: str = "rate(1 hour)",
    *,
    secret: str = SECRET,
    table: str = "",
    accounts: Any = None,
    fanout: object = "false",
    workers: object = 5,
) -> dict[str, Any]:
    """Return what follows from them; AssertionError with what node says if they are refused."""
    script = "console.log(JSON.stringify(require('./tools/serverless_stack.js').derive(JSON.parse(process.argv[1]))))"
    given = {"schedule": schedule, "secret": secret, "stateTable": table, "accounts": accounts}
    command = ["node", "-e", script, json.dumps({**given, "fanout": fanout, "workers": workers})]
    done = subprocess.run(command, cwd=ROOT, check=False, capture_output=True, text=True)  # noqa: S603 - our own
    assert done.returncode == 0, done.stderr
    derived: dict[str, Any] = json.loads(done.stdout)
    return derived


def resources(template: dict[str, Any], kind: str) -> list[dict[str, Any]]:
    return [each["Properties"] for each in template["Resources"].values() if each["Type"] == kind]


def statements(template: dict[str, Any]) -> list[dict[str, Any]]:
    policies = [policy for role in resources(template, "AWS::IAM::Role") for policy in role["Policies"]]
    return [statement for policy in policies for statement in policy["PolicyDocument"]["Statement"]]


@pytest.mark.parametrize(
    ("schedule", "timeout", "failed", "none", "not_fine"),
    [
        ("rate(1 minute)", 55, (60, 1), (180, 1), (3600, 24)),
        ("rate(5 minutes)", 295, (300, 1), (900, 1), (3600, 24)),
        ("rate(10 minutes)", 595, (600, 1), (1800, 1), (3600, 24)),
        ("rate(1 hour)", 600, (3600, 1), (3600, 3), (3600, 24)),
        ("rate(12 hours)", 600, (3600, 12), (3600, 36), (3600, 24)),
        ("rate(1 day)", 600, (3600, 24), (3600, 72), (3600, 48)),
        ("cron(0 6 * * ? *)", 600, (3600, 24), (3600, 72), (3600, 48)),
        ("cron(0/20 * * * ? *)", 600, (1200, 1), (3600, 1), (3600, 24)),
        ("cron(0,3 8-18 ? * * *)", 175, (3600, 14), (3600, 42), (3600, 28)),
        ("cron(* * * * ? *)", 55, (60, 1), (180, 1), (3600, 24)),
    ],
)
def test_alarms_and_timeout_follow_the_schedule(
    schedule: str, timeout: int, failed: tuple[int, int], none: tuple[int, int], not_fine: tuple[int, int]
) -> None:
    derived = derive(schedule)

    windows = [derived[name] for name in ("failedRun", "noRun", "noFineRun")]
    assert derived["timeout"] == timeout
    assert [(window["period"], window["periods"]) for window in windows] == [failed, none, not_fine]
    assert derived["expectsRuns"] == "yes"


@pytest.mark.parametrize(
    "schedule",
    [
        "rate(2 days)",
        "rate(30 days)",
        "cron(0 6 ? * MON-FRI *)",
        "cron(0 6 ? * MON *)",
        "cron(0 6 1 * ? *)",
        "cron(0 6 L * ? *)",
        "cron(0 6 ? * 6#3 *)",
        "cron(0 6 ? * 6L *)",
        "cron(0 6 * 1-6 ? *)",
        "cron(0 6 * * ? 2027)",
    ],
)
def test_where_runs_are_more_than_a_day_apart_nobody_waits_for_one(schedule: str) -> None:
    derived = derive(schedule)

    windows = [derived[name] for name in ("failedRun", "noRun", "noFineRun")]
    assert derived["expectsRuns"] == "no"
    assert all(0 < window["period"] * window["periods"] <= 7 * 86400 for window in windows)


@pytest.mark.parametrize(
    "schedule",
    [
        "hourly",
        "",
        "rate(0 hours)",
        "rate(1.5 hours)",
        "rate(1 week)",
        "at(2027-01-01T00:00:00)",
        "cron(0 6 * * *)",
        "cron(x 6 * * ? *)",
        "cron(0 6 31 2 ? *)",
        "cron(0 6 ? * XYZ *)",
        "cron(0/0 6 * * ? *)",
    ],
)
def test_a_schedule_that_makes_no_sense_is_refused(schedule: str) -> None:
    with pytest.raises(AssertionError, match="schedule: "):
        derive(schedule)


def test_the_role_reads_the_secrets_of_the_accounts_and_no_other() -> None:
    arn = "arn:aws:secretsmanager:eu-west-1:123456789012:secret:theirs-AbCdEf"
    accounts = {"default": {"secret": "unused"}, "anna": {"secret": "household/anna"}, "bo": {"secret": arn}}

    derived = derive(secret="mine", accounts=accounts)

    ours = "arn:${AWS::Partition}:secretsmanager:${AWS::Region}:${AWS::AccountId}:secret"
    assert derived["secretArns"] == [
        {"Fn::Sub": f"{ours}:mine-??????"},
        {"Fn::Sub": f"{ours}:household/anna-??????"},
        arn,
    ]
    assert len(derived["signInMetrics"]["Resources"]) == 3


def test_without_a_default_account_its_secret_is_not_readable() -> None:
    derived = derive(secret="mine", accounts={"anna": {"secret": "annas"}})

    assert [next(iter(arn.values())).rpartition(":")[2] for arn in derived["secretArns"]] == ["annas-??????"]


@pytest.mark.parametrize(
    "secret", ["*", "prefix-*", "a?c", "", "arn:aws:secretsmanager:*:*:secret:*", "${AWS::Region}"]
)
def test_a_secret_is_named_without_wildcards(secret: str) -> None:
    with pytest.raises(AssertionError, match="neither the name of a secret nor its ARN"):
        derive(secret=secret)


def test_an_account_whose_credentials_are_in_a_file_cannot_be_deployed() -> None:
    with pytest.raises(AssertionError, match="anna: Lambda has no files"):
        derive(accounts={"anna": {"file": "~/anna.json"}})


def test_the_secret_stands_in_for_the_file_of_the_default_account() -> None:
    derived = derive(secret="mine", accounts={"default": {"file": "~/me.json"}, "anna": {"secret": "annas"}})

    assert [next(iter(arn.values())).rpartition(":")[2] for arn in derived["secretArns"]] == [
        "mine-??????",
        "annas-??????",
    ]


@pytest.mark.parametrize("table", ["*", "my-*", "ab", "a b", "t" * 256, "${AWS::Region}", "table/one", "name\n"])
def test_a_table_is_named_without_wildcards(table: str) -> None:
    with pytest.raises(AssertionError, match="is not the name of a DynamoDB table"):
        derive(table=table)


def test_the_defaults_fit_a_new_account(packaged: Project) -> None:
    (function,) = resources(packaged.template, "AWS::Lambda::Function")

    assert function["ReservedConcurrentExecutions"] == {"Ref": "AWS::NoValue"}
    assert (function["Runtime"], function["Architectures"]) == ("python3.13", ["x86_64"])
    assert (function["MemorySize"], function["Timeout"]) == (512, 600)
    assert function["Environment"]["Variables"] == {
        "SYNCER_SECRET_ID": "spotify-credentials",
        "SYNCER_STATE": {"Fn::Sub": ["table:${Name}", {"Name": TABLE}]},
        "SPOTIFY_API_URL": "",
        "SPOTIFY_ACCOUNTS_URL": "",
    }
    assert packaged.template["Parameters"]["AlarmEmail"]["Default"] == ""
    assert packaged.template["Parameters"]["StateTableName"]["Default"] == ""


def test_the_table_of_the_state_outlives_the_stack_and_can_be_wound_back(packaged: Project) -> None:
    table = packaged.template["Resources"]["StateTable"]

    assert (table["DeletionPolicy"], table["UpdateReplacePolicy"]) == ("Retain", "Retain")
    assert table["Properties"]["PointInTimeRecoverySpecification"] == {"PointInTimeRecoveryEnabled": True}
    assert "TableName" not in table["Properties"]  # or the next stack could not make its own


def test_nobody_is_allowed_more_than_what_is_used(packaged: Project) -> None:
    allowed = {
        statement["Sid"]: (statement["Action"], statement["Resource"]) for statement in statements(packaged.template)
    }
    queue = {"Fn::GetAtt": ["FailedRuns", "Arn"]}
    ours = "${AWS::Region}:${AWS::AccountId}"
    secret = {"Fn::Sub": "arn:${AWS::Partition}:secretsmanager:" + ours + ":secret:spotify-credentials-??????"}
    table = {"Fn::Sub": ["arn:${AWS::Partition}:dynamodb:" + ours + ":table/${Name}", {"Name": TABLE}]}
    group = {"Fn::Sub": "arn:${AWS::Partition}:logs:" + ours + ":log-group:${SyncLogGroup}"}
    streams = {"Fn::GetAtt": ["SyncLogGroup", "Arn"]}

    assert allowed == {
        "Credentials": (SECRET_ACTIONS, [secret]),
        "State": (STATE_ACTIONS, table),
        "Log": (["logs:CreateLogStream", "logs:PutLogEvents"], [group, streams]),
        "FailedRuns": ("sqs:SendMessage", queue),
        "Run": ("lambda:InvokeFunction", {"Fn::GetAtt": ["SyncLambdaFunction", "Arn"]}),
    }
    assert [role.get("ManagedPolicyArns") for role in resources(packaged.template, "AWS::IAM::Role")] == [None, None]


def test_nothing_is_open_to_the_world(packaged: Project) -> None:
    kinds = {resource["Type"] for resource in packaged.template["Resources"].values()}
    (bucket,) = resources(packaged.template, "AWS::S3::Bucket")

    assert not kinds & {
        "AWS::Lambda::Permission",
        "AWS::Lambda::Url",
        "AWS::SecretsManager::Secret",
        "AWS::SNS::TopicPolicy",
        "AWS::SQS::QueuePolicy",
    }
    assert all(bucket["PublicAccessBlockConfiguration"].values())


def test_every_parameter_reaches_the_template(tmp_path: Path) -> None:
    project = Project(tmp_path / "project", TWO_ACCOUNTS)

    project.serverless(
        None,
        "package",
        params={
            "arch": "arm64",
            "schedule": "cron(0 6 ? * MON *)",
            "alarmEmail": "me@example.com",
            "reservedConcurrency": "1",
        },
    )

    template = project.template
    (function,) = resources(template, "AWS::Lambda::Function")
    (schedule,) = resources(template, "AWS::Scheduler::Schedule")
    assert (function["Architectures"], function["ReservedConcurrentExecutions"]) == (["arm64"], 1)
    assert schedule["ScheduleExpression"] == "cron(0 6 ? * MON *)"
    assert template["Parameters"]["AlarmEmail"]["Default"] == "me@example.com"
    assert template["Parameters"]["ExpectsRuns"]["Default"] == "no"
    assert template["Parameters"]["StateTableName"]["Default"] == "from-the-config"
    assert function["Environment"]["Variables"]["SYNCER_SECRET_ID"] == "mine"
    assert re.findall(r"secret:(\S+)-\?", json.dumps(statements(template))) == ["mine", "household/anna"]


def test_a_deploy_that_cannot_work_says_why_before_it_begins(tmp_path: Path) -> None:
    project = Project(tmp_path / "project")

    said = project.serverless(None, "package", fails=True, params={"schedule": "every hour"})

    assert "every hour is neither rate(...) nor cron(...)" in said
    assert "    at " not in said


# --- fan-out ----------------------------------------------------------------------------------------------------------

GROUPS = f"arn:aws:sqs:{REGION}:{ACCOUNT}:{STACK}-groups"
WORKER = f"{STACK}-work"


@pytest.fixture(scope="module")
def fanned(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """The project as it is shipped, packaged as a fan-out."""
    project = Project(tmp_path_factory.mktemp("fanned") / "project")
    project.serverless(None, "package", params={"fanout": "true"})
    return project


@pytest.mark.parametrize(
    ("schedule", "seconds", "hidden"),
    [
        ("rate(3 minutes)", "120", 295),
        ("rate(5 minutes)", "240", 415),
        ("rate(1 hour)", "3540", 720),
        ("cron(0 0,7 * * ? *)", "21540", 720),
        ("cron(0,3 8-18 ? * * *)", "120", 295),
        ("rate(1 day)", "21540", 720),
    ],
)
def test_a_fan_out_is_over_a_minute_before_the_next_run_and_within_six_hours(
    schedule: str, seconds: str, hidden: int
) -> None:
    derived = derive(schedule, fanout="true")

    assert derived["runSeconds"] == seconds
    assert derived["visibilityTimeout"] == hidden == derived["timeout"] + 120


def test_a_fan_out_needs_three_minutes_between_two_runs() -> None:
    with pytest.raises(AssertionError, match=r"fanout: rate\(2 minutes\) leaves a run no time"):
        derive("rate(2 minutes)", fanout="true")


@pytest.mark.parametrize("fanout", ["yes", "", "True", "1", None])
def test_a_fan_out_is_asked_for_or_not(fanout: object) -> None:
    with pytest.raises(AssertionError, match=r"fanout: .* is neither true nor false"):
        derive(fanout=fanout)


@pytest.mark.parametrize(("fanout", "adds"), [(True, True), ("true", True), (False, False), ("false", False)])
def test_a_stage_may_ask_for_a_fan_out_without_quotes(fanout: object, *, adds: bool) -> None:
    assert (derive(fanout=fanout)["fanout"] == "${file(tools/serverless_fanout.yml)}") == adds


@pytest.mark.parametrize("workers", [1, 1001, "2.5", "many", "", None])
def test_as_many_workers_as_aws_allows(workers: object) -> None:
    with pytest.raises(AssertionError, match=r"workers: .* is not a whole number from 2 to 1000"):
        derive(workers=workers)


def test_a_fan_out_adds_to_the_stack_and_changes_nothing_else(packaged: Project, fanned: Project) -> None:
    plain, template = without_artifact(packaged.template), without_artifact(fanned.template)
    environment = template["Resources"]["SyncLambdaFunction"]["Properties"]["Environment"]["Variables"]
    body = template["Resources"]["Dashboard"]["Properties"]["DashboardBody"]
    plain_body = plain["Resources"]["Dashboard"]["Properties"]["DashboardBody"]

    added = {part: template[part].keys() - plain[part].keys() for part in ("Resources", "Outputs")}

    assert added == {
        "Resources": {
            *("Groups", "DeadGroups", "WorkLambdaFunction", "WorkEventSourceMappingSQSGroups"),
            *("WorkRole", "DispatchPolicy", "DeadGroupsAlarm", "FailedFleetRunAlarm", "FailedFleetRunMetric"),
        },
        "Outputs": {"GroupsUrl", "DeadGroupsUrl"},
    }
    assert environment.pop("SYNCER_QUEUE_URL") == {"Ref": "Groups"}
    assert environment.pop("SYNCER_RUN_SECONDS") == "3540"
    assert body["Fn::Sub"].startswith(plain_body["Fn::Sub"].removesuffix("\n]}\n"))
    body["Fn::Sub"] = plain_body["Fn::Sub"]
    for part, names in added.items():
        for name in names:
            del template[part][name]
    assert template == plain


def without_artifact(template: dict[str, Any]) -> dict[str, Any]:
    """Return *template* without where the artifact is put, which tells the time."""
    for function in resources(template, "AWS::Lambda::Function"):
        assert function["Code"].pop("S3Key").endswith("/lambda.zip")
    return template


def test_the_worker_is_the_same_artifact_with_another_way_in(fanned: Project) -> None:
    functions = {one["FunctionName"]: one for one in resources(fanned.template, "AWS::Lambda::Function")}
    sync, work = functions[FUNCTION], functions[WORKER]

    assert work["Handler"] == "syncer.handler.work"
    assert work["Role"] == {"Fn::Sub": "${WorkRole.Arn}"}
    assert work["LoggingConfig"] == {**sync["LoggingConfig"], "LogGroup": f"/aws/lambda/{FUNCTION}"}
    own = {"FunctionName", "Handler", "Description", "Role", "LoggingConfig", "ReservedConcurrentExecutions"}
    assert {key: value for key, value in work.items() if key not in own} == {
        key: value for key, value in sync.items() if key not in own
    }
    (group,) = resources(fanned.template, "AWS::Logs::LogGroup")
    assert group["LogGroupName"] == work["LoggingConfig"]["LogGroup"]


def test_a_worker_gets_one_group_at_a_time_and_says_itself_which_failed(fanned: Project, tmp_path: Path) -> None:
    project = Project(tmp_path / "project")
    project.serverless(None, "package", params={"fanout": "true", "workers": "20"})

    (mapping,) = resources(fanned.template, "AWS::Lambda::EventSourceMapping")
    (wide,) = resources(project.template, "AWS::Lambda::EventSourceMapping")

    assert mapping == {
        "BatchSize": 1,
        "Enabled": True,
        "EventSourceArn": {"Fn::GetAtt": ["Groups", "Arn"]},
        "FunctionName": {"Fn::GetAtt": ["WorkLambdaFunction", "Arn"]},
        "FunctionResponseTypes": ["ReportBatchItemFailures"],
        "ScalingConfig": {"MaximumConcurrency": 5},
    }
    assert wide == {**mapping, "ScalingConfig": {"MaximumConcurrency": 20}}


def test_a_group_that_fails_five_times_is_kept_aside_for_two_weeks(fanned: Project) -> None:
    queues = {name: fanned.template["Resources"][name]["Properties"] for name in ("Groups", "DeadGroups")}
    groups = "arn:${AWS::Partition}:sqs:${AWS::Region}:${AWS::AccountId}:" + STACK + "-groups"

    assert queues == {
        "Groups": {
            "QueueName": f"{STACK}-groups",
            "VisibilityTimeout": 720,
            "MessageRetentionPeriod": 86400,
            "SqsManagedSseEnabled": True,
            "RedrivePolicy": {"deadLetterTargetArn": {"Fn::GetAtt": ["DeadGroups", "Arn"]}, "maxReceiveCount": 3},
        },
        "DeadGroups": {
            "MessageRetentionPeriod": 1209600,
            "SqsManagedSseEnabled": True,
            "RedriveAllowPolicy": {"redrivePermission": "byQueue", "sourceQueueArns": [{"Fn::Sub": groups}]},
        },
    }


def test_the_dispatcher_may_only_send_groups_and_the_worker_only_take_and_pass_them_on(fanned: Project) -> None:
    template = fanned.template
    (policy,) = resources(template, "AWS::IAM::Policy")
    roles = {name: template["Resources"][name]["Properties"] for name in ("SyncRole", "WorkRole")}
    allowed = {
        name: {one["Sid"]: one for policy in role["Policies"] for one in policy["PolicyDocument"]["Statement"]}
        for name, role in roles.items()
    }
    groups = {"Effect": "Allow", "Resource": {"Fn::GetAtt": ["Groups", "Arn"]}}

    assert policy["Roles"] == [{"Ref": "SyncRole"}]
    assert policy["PolicyDocument"]["Statement"] == [{"Sid": "Groups", "Action": "sqs:SendMessage", **groups}]
    assert allowed["SyncRole"].keys() == {"Credentials", "State", "Log", "FailedRuns"}
    assert allowed["WorkRole"] == {
        **{sid: allowed["SyncRole"][sid] for sid in ("Credentials", "State", "Log")},
        "Groups": {
            "Sid": "Groups",
            "Action": ["sqs:SendMessage", "sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes"],
            **groups,
        },
    }
    assert roles["WorkRole"].keys() == {"AssumeRolePolicyDocument", "Policies"}
    assert roles["WorkRole"]["AssumeRolePolicyDocument"] == roles["SyncRole"]["AssumeRolePolicyDocument"]


def test_a_run_that_needs_a_look_and_a_group_given_up_ring(fanned: Project) -> None:
    made = fanned.template["Resources"]
    metric = made["FailedFleetRunMetric"]["Properties"]
    alarms = {name: made[name]["Properties"] for name in ("FailedRunAlarm", "FailedFleetRunAlarm", "DeadGroupsAlarm")}
    look, dead = alarms["FailedFleetRunAlarm"], alarms["DeadGroupsAlarm"]
    source = {"Namespace", "MetricName", "Dimensions", "AlarmDescription"}

    assert metric["FilterPattern"] == '{ $.message = "run failed" }'
    assert metric["LogGroupName"] == {"Ref": "SyncLogGroup"}
    (counted,) = metric["MetricTransformations"]
    assert (counted["MetricNamespace"], counted["MetricName"]) == (look["Namespace"], look["MetricName"])
    assert {key: value for key, value in look.items() if key not in source} == {
        key: value for key, value in alarms["FailedRunAlarm"].items() if key not in source
    }
    assert (dead["Namespace"], dead["MetricName"]) == ("AWS/SQS", "ApproximateNumberOfMessagesVisible")
    assert dead["Dimensions"] == [{"Name": "QueueName", "Value": {"Fn::GetAtt": ["DeadGroups", "QueueName"]}}]
    assert (dead["ComparisonOperator"], dead["Threshold"]) == ("GreaterThanOrEqualToThreshold", 1)
    assert dead["AlarmActions"] == [{"Ref": "AlarmTopic"}]


def test_the_dashboard_of_a_fan_out_shows_its_groups_and_workers_too(packaged: Project, fanned: Project) -> None:
    plain, wide = widgets(packaged.template), widgets(fanned.template)

    added = [widget["properties"]["title"] for widget in wide[len(plain) :]]

    assert wide[: len(plain)] == plain
    assert added == ["Groups of pairs", "Seconds that the oldest group waits", "Workers"]
    below = max(widget["y"] + widget["height"] for widget in plain)
    assert all(widget["y"] == below for widget in wide[len(plain) :])


def widgets(template: dict[str, Any]) -> list[dict[str, Any]]:
    (dashboard,) = resources(template, "AWS::CloudWatch::Dashboard")
    found: list[dict[str, Any]] = json.loads(dashboard["DashboardBody"]["Fn::Sub"])["widgets"]
    return found


@pytest.fixture
def strict(tmp_path: Path) -> Iterator[Cloud]:
    """AWS with IAM in force and nothing in it."""
    with ministack(tmp_path / "log", AUTH="true") as started:
        yield started


def test_a_fan_out_is_deployed_switched_off_and_removed(strict: Cloud, tmp_path: Path) -> None:
    project = Project(tmp_path / "project")
    plain = {"alarmEmail": "me@example.com"}
    params = {**plain, "fanout": "true"}

    project.serverless(strict, "deploy", params=params)
    _all_of_the_fan_out_is_there(strict, project)
    _each_role_does_its_part_with_the_queue(strict)

    project.serverless(strict, "deploy", params=plain)
    assert _fan_out(strict) == ([FUNCTION], [], [])
    environment = strict.client("lambda").get_function_configuration(FunctionName=FUNCTION)["Environment"]
    assert not {"SYNCER_QUEUE_URL", "SYNCER_RUN_SECONDS"} & environment["Variables"].keys()

    project.serverless(strict, "deploy", params=params)
    project.serverless(strict, "remove", params=params)
    assert _fan_out(strict) == ([], [], [])
    assert strict.client("sqs").list_queues().get("QueueUrls", []) == []
    assert strict.client("iam").list_roles()["Roles"] == []
    assert strict.client("cloudwatch").describe_alarms()["MetricAlarms"] == []
    assert strict.client("logs").describe_log_groups()["logGroups"] == []


def _fan_out(cloud: Cloud) -> tuple[list[str], list[str], list[str]]:
    """Return the functions, what feeds them, and the queues of groups."""
    functions = cloud.client("lambda").list_functions()["Functions"]
    mappings = cloud.client("lambda").list_event_source_mappings()["EventSourceMappings"]
    queues = cloud.client("sqs").list_queues().get("QueueUrls", [])
    return (
        sorted(one["FunctionName"] for one in functions),
        [one["EventSourceArn"] for one in mappings],
        [url for url in queues if "groups" in url.lower()],
    )


def _all_of_the_fan_out_is_there(cloud: Cloud, project: Project) -> None:
    made = cloud.client("cloudformation").describe_stack_resources(StackName=STACK)["StackResources"]
    assert {one["LogicalResourceId"] for one in made} == project.template["Resources"].keys()
    assert all(one["ResourceStatus"].endswith("_COMPLETE") for one in made)
    functions, sources, queues = _fan_out(cloud)
    assert (functions, sources, len(queues)) == ([FUNCTION, WORKER], [GROUPS], 2)
    work = cloud.client("lambda").get_function_configuration(FunctionName=WORKER)
    assert work["CodeSha256"] == base64.b64encode(hashlib.sha256(project.artifact.read_bytes()).digest()).decode()
    assert work["Environment"]["Variables"]["SYNCER_QUEUE_URL"] in queues
    assert work["LoggingConfig"]["LogGroup"] == f"/aws/lambda/{FUNCTION}"
    (outputs,) = cloud.client("cloudformation").describe_stacks(StackName=STACK)["Stacks"]
    assert {one["OutputValue"] for one in outputs["Outputs"] if "GroupsUrl" in one["OutputKey"]} == set(queues)


def _each_role_does_its_part_with_the_queue(cloud: Cloud) -> None:
    (mapping,) = cloud.client("lambda").list_event_source_mappings()["EventSourceMappings"]
    cloud.client("lambda").update_event_source_mapping(UUID=mapping["UUID"], Enabled=False)
    queue = {"QueueUrl": cloud.client("sqs").get_queue_url(QueueName=f"{STACK}-groups")["QueueUrl"]}
    dispatcher, worker = as_role(cloud, "sync", "sqs"), as_role(cloud, "work", "sqs")

    dispatcher.send_message(**queue, MessageBody="group")
    with pytest.raises(ClientError, match="AccessDenied"):
        dispatcher.receive_message(**queue)
    (message,) = worker.receive_message(**queue)["Messages"]
    worker.delete_message(**queue, ReceiptHandle=message["ReceiptHandle"])
    assert worker.get_queue_attributes(**queue, AttributeNames=["RedrivePolicy"])["Attributes"]
    worker.send_message(**queue, MessageBody="group")
    with pytest.raises(ClientError, match="AccessDenied"):
        worker.purge_queue(**queue)


def test_a_second_reader_finds_the_same_fan_out(second_reader: Cloud, tmp_path: Path) -> None:
    project = Project(tmp_path / "project")
    table = make_table(second_reader, "not-the-stacks")
    params = {"deploymentMethod": "direct", "stateTable": table, "fanout": "true", "workers": "7"}

    project.serverless(second_reader, "deploy", params=params)

    functions, sources, queues = _fan_out(second_reader)
    assert (functions, sources, len(queues)) == ([FUNCTION, WORKER], [GROUPS], 2)
    (mapping,) = second_reader.client("lambda").list_event_source_mappings()["EventSourceMappings"]
    assert (mapping["BatchSize"], mapping["FunctionResponseTypes"]) == (1, ["ReportBatchItemFailures"])
    assert int(mapping["ScalingConfig"]["MaximumConcurrency"]) == 7
    queue = second_reader.client("sqs").get_queue_url(QueueName=f"{STACK}-groups")["QueueUrl"]
    kept = second_reader.client("sqs").get_queue_attributes(QueueUrl=queue, AttributeNames=["All"])["Attributes"]
    assert (kept["VisibilityTimeout"], kept["MessageRetentionPeriod"]) == ("720", "86400")
    assert json.loads(kept["RedrivePolicy"])["maxReceiveCount"] == 3
    filters = second_reader.client("logs").describe_metric_filters()["metricFilters"]
    assert "RunsToLookAt" in {each["metricName"] for one in filters for each in one["metricTransformations"]}
    assert len(second_reader.client("cloudwatch").describe_alarms()["MetricAlarms"]) == 6
    (group,) = second_reader.client("logs").describe_log_groups()["logGroups"]
    assert group["logGroupName"] == f"/aws/lambda/{FUNCTION}"
    said = project.serverless(second_reader, "info", "--verbose", params=params)
    assert re.search(rf"^  GroupsUrl: .*/{STACK}-groups$", said, re.MULTILINE)

    project.serverless(second_reader, "remove", params=params)
    assert _fan_out(second_reader) == ([], [], [])
