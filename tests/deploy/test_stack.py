"""serverless.yml as a template: what follows from the schedule and the config, and who may do what."""

import json
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.deploy.standins import ROOT, SECRET, Project

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
    schedule: str = "rate(1 hour)", *, secret: str = SECRET, table: str = "", accounts: Any = None
) -> dict[str, Any]:
    """Return what follows from them; AssertionError with what node says if they are refused."""
    script = "console.log(JSON.stringify(require('./tools/serverless_stack.js').derive(JSON.parse(process.argv[1]))))"
    given = json.dumps({"schedule": schedule, "secret": secret, "stateTable": table, "accounts": accounts})
    command = ["node", "-e", script, given]
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
