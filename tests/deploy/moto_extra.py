"""moto's server and the CloudFormation types of our stack that moto 5.2 would skip with no more than a warning.

Each only hands the template's properties to moto's own backend: what is read back afterwards is moto's answer.
AWS::S3::BucketPolicy stays skipped: moto enforces such policies without their conditions, and ours, which denies
all that comes without TLS, would deny every upload.
"""

import sys
from collections.abc import Callable
from importlib import import_module
from typing import Any

Properties = dict[str, Any]
Make = Callable[[str, Properties, str, str], str]
"""Makes a resource from its logical name, properties, account and region; returns its physical id."""
Remove = Callable[[str, str, str], object]
"""Removes one by physical id, account and region."""


def backend(module: str, service: str, account: str, region: str) -> Any:
    """Return what moto keeps of *service*."""
    return getattr(import_module(f"moto.{module}.models"), f"{service}_backends")[account][region]


def define(kind: str, make: Make, remove: Remove) -> None:
    """Teach moto the resource type *kind*."""

    def create(cls: Any, /, name: str, resource: Any, account_id: str, region_name: str, **_: Any) -> Any:
        given = {key: value for key, value in resource["Properties"].items() if value is not None}
        made = cls()
        made.physical_resource_id = make(name, given, account_id, region_name)
        return made

    def delete(_: Any, name: str, __: Any, account: str, region: str) -> None:
        remove(name, account, region)

    methods = {
        "cloudformation_name_type": staticmethod(lambda: ""),
        "cloudformation_type": staticmethod(lambda: kind),
        "create_from_cloudformation_json": classmethod(create),
        "delete_from_cloudformation_json": classmethod(delete),
        "has_cfn_attr": classmethod(lambda _, __: False),
        "physical_resource_id": "",
        "__module__": "moto.extra",  # moto files a model under the second part of this
    }
    model = import_module("moto.core.common_models").CloudFormationModel
    type(kind.replace("::", ""), (model,), methods)  # which registers it


def make_schedule(_: str, given: Properties, account: str, region: str) -> str:
    target = dict(given["Target"])
    target["RetryPolicy"] = {name: int(value) for name, value in target["RetryPolicy"].items()}
    backend("scheduler", "scheduler", account, region).create_schedule(
        name=given["Name"],
        description=given["Description"],
        schedule_expression=given["ScheduleExpression"],
        schedule_expression_timezone=None,
        flexible_time_window=given["FlexibleTimeWindow"],
        target=target,
        state="ENABLED",
        group_name=None,
        kms_key_arn=None,
        start_date=None,
        end_date=None,
        action_after_completion=None,
    )
    return str(given["Name"])


def make_event_invoke_config(_: str, given: Properties, account: str, region: str) -> str:
    numbers = {name: int(given[name]) for name in ("MaximumEventAgeInSeconds", "MaximumRetryAttempts")}
    config = {"DestinationConfig": given["DestinationConfig"], **numbers}
    backend("awslambda", "lambda", account, region).put_function_event_invoke_config(given["FunctionName"], config)
    return str(given["FunctionName"])


def make_alarm(name: str, given: Properties, account: str, region: str) -> str:
    alarm = backend("cloudwatch", "cloudwatch", account, region).put_metric_alarm(
        name=name,
        namespace=given["Namespace"],
        metric_name=given["MetricName"],
        comparison_operator=given["ComparisonOperator"],
        evaluation_periods=int(given["EvaluationPeriods"]),
        threshold=float(given["Threshold"]),
        description=given["AlarmDescription"],
        alarm_actions=given["AlarmActions"],
        dimensions=[{"Name": one["Name"], "Value": one["Value"]} for one in given.get("Dimensions", [])],
        period=int(given["Period"]),
        statistic=given["Statistic"],
        treat_missing_data=given["TreatMissingData"],
        actions_enabled=True,
    )
    return str(alarm.name)


def make_metric_filter(name: str, given: Properties, account: str, region: str) -> str:
    (metric,) = given["MetricTransformations"]
    transformation = {key[0].lower() + key[1:]: value for key, value in metric.items()}
    backend("logs", "logs", account, region).put_metric_filter(
        name, given["FilterPattern"], given["LogGroupName"], [transformation]
    )
    return name


define(
    "AWS::Scheduler::Schedule",
    make_schedule,
    lambda name, account, region: backend("scheduler", "scheduler", account, region).delete_schedule(None, name),
)
define(
    "AWS::Lambda::EventInvokeConfig",
    make_event_invoke_config,
    lambda *_: None,  # it goes with its function
)
define(
    "AWS::CloudWatch::Alarm",
    make_alarm,
    lambda name, account, region: backend("cloudwatch", "cloudwatch", account, region).delete_alarms([name]),
)
define(
    "AWS::Logs::MetricFilter",
    make_metric_filter,
    lambda *_: None,  # it goes with its log group
)

if __name__ == "__main__":
    import_module("moto.server").main(sys.argv[1:])
