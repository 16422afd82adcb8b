"""AWS Lambda's ways in: an event becomes a request, a report the answer; a message becomes work for one of a fleet."""

import logging
import os
import time
from collections.abc import Mapping
from functools import cache
from typing import Any, Final, Protocol

from syncer import bootstrap, config, report
from syncer.errors import Code, ConfigError, Problem, SyncError
from syncer.gathering import ITEMS_PER_PAIR, as_report, cut_to
from syncer.model import Config, Report, Request, Status
from syncer.service import Service

log = logging.getLogger(__name__)

FLEET: Final = "SYNCER_QUEUE_URL"
"""Set where runs are split among workers."""
LONGEST_LINE: Final = 200_000
"""Bytes of a report in the log, which takes 256 KiB a line."""
PASSING: Final = frozenset({5, 6})
"""Exit codes of trouble that passes by itself."""
FOR_PEOPLE: Final = frozenset({1, 2, 3})
"""Exit codes of trouble that stays until a person acts."""


class LambdaContext(Protocol):
    """What we use of the context object."""

    def get_remaining_time_in_millis(self) -> int:
        """Return what is left of the function's timeout."""
        ...


class SyncFailed(Exception):
    """A person should look: the report is in the log, whole; the message has one line per pair that failed."""


@cache  # built on first use, then kept for the life of a warm container; a config may put its state elsewhere
def _service(state: str | None, *, to_create: bool) -> Service:
    return bootstrap.service(state=state, to_create=to_create)


@cache  # the same; each run is told by whoever closes it
def _fleet(state: str | None, *, to_create: bool) -> bootstrap.Fleet:
    return bootstrap.fleet(state=state, to_create=to_create, tell=_tell)


@cache  # it is part of the artifact: a worker takes many groups of the same pairs
def _settings() -> Config:
    return config.load(bootstrap.config_path())


def lambda_handler(event: object, context: LambdaContext) -> dict[str, Any]:
    """Run the pairs that *event* names, or all; SyncFailed after logging the report if a person should look."""
    logging.getLogger("syncer").setLevel(logging.INFO)
    bootstrap.cap_foreign_loggers()
    deadline = time.monotonic() + context.get_remaining_time_in_millis() / 1000
    asked = event if isinstance(event, dict) else {}
    if FLEET in os.environ and not asked.keys() & {"pairs", "dry_run"}:
        return _dispatched(asked, deadline)
    return _told(_result(asked, deadline))


def work(event: Mapping[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Do what the messages in *event* ask for, as part of a fleet; the answer names those that are to come again."""
    logging.getLogger("syncer").setLevel(logging.INFO)
    bootstrap.cap_foreign_loggers()
    deadline = time.monotonic() + context.get_remaining_time_in_millis() / 1000
    failed = [record["messageId"] for record in event["Records"] if not _is_done(record, deadline)]
    return {"batchItemFailures": [{"itemIdentifier": each} for each in failed]}


def _is_done(record: Mapping[str, Any], deadline: float) -> bool:
    try:
        settings = _settings()
        _fleet(settings.state, to_create=settings.makes_playlists).worker.work(
            record["body"],
            settings,
            attempt=int(record["attributes"]["ApproximateReceiveCount"]),
            deadline=deadline,
        )
    except Exception:
        log.exception("a message is to come again", extra={"body": record["body"]})
        return False
    return True


def _dispatched(event: dict[object, object], deadline: float) -> dict[str, Any]:
    """Begin a run that is split among workers; return its report if that is all, or how many groups are left to do."""
    try:
        settings = config.load(bootstrap.config_path())
        if event.get("report") == "last":
            return bootstrap.last_report(state=settings.state) or {}
        dispatcher = _fleet(settings.state, to_create=settings.makes_playlists).dispatcher
        return dispatcher.dispatch(settings, deadline=deadline)
    except SyncError as error:
        return _told(bootstrap.nothing_ran(error))


def _tell(answer: dict[str, Any]) -> None:
    """Log the report of a run that a fleet did; an alarm listens to the second line."""
    log.info("report", extra={"report": cut_to(answer, LONGEST_LINE)})
    if lines := _attention(as_report(answer)):
        log.error("run failed", extra={"lines": lines})


def _told(result: Report) -> dict[str, Any]:
    answer = report.as_json(result, items_per_pair=ITEMS_PER_PAIR)
    log.info("report", extra={"report": answer})
    if lines := _attention(result):
        raise SyncFailed("\n".join(lines))
    return answer


def _result(event: dict[object, object], deadline: float) -> Report:
    """Do what *event* asks for; a scheduler's event, which knows neither key, asks for everything."""
    dry_run = event.get("dry_run", False)
    try:
        if not isinstance(dry_run, bool):
            raise _bad_event("dry_run", "must be true or false")
        request = Request(names=_names(event))
        settings = config.load(bootstrap.config_path())
        service = _service(settings.state, to_create=settings.makes_playlists)
        return (service.plan if dry_run else service.run)(settings, request, deadline=deadline)
    except ConfigError as error:
        return bootstrap.nothing_ran(error, dry_run=dry_run is True)


def _names(event: dict[object, object]) -> tuple[str, ...]:
    """Return the pairs that *event* names; none of them means all."""
    asked = event.get("pairs")
    if asked is None:
        return ()
    if not (isinstance(asked, list) and asked and all(isinstance(name, str) for name in asked)):
        raise _bad_event("pairs", "must be a list of names")  # an empty one is a mistake, not a wish for everything
    return tuple(asked)


def _bad_event(key: str, message: str) -> ConfigError:
    problem = Problem(file="event", line=0, column=0, path=key, message=message)
    return ConfigError([problem], hint="correct the event and send it again")


def _attention(result: Report) -> list[str]:
    """Return a line for each failure a person should see; what passes by itself is left to the alarm on a bad day."""
    if report.exit_code(result) in PASSING:
        return []
    if result.problems:
        return [report.complaint(problem) for problem in result.problems]
    lines = [
        f"{outcome.pair.name}: {outcome.error.message} -> {outcome.error.hint}"
        for outcome in result.outcomes
        if outcome.error and (outcome.status is Status.FAILED or _is_for_people(outcome.status, outcome.error.code))
    ]
    if result.error and report.exit_code(result) in FOR_PEOPLE:  # what ended the run may be no pair's fault
        lines.append(f"{result.error.message} -> {result.error.hint}")
    return lines


def _is_for_people(status: Status, code: Code) -> bool:
    """Whether a pair that went half way, or was cut to the room left, needs someone."""
    return status is Status.PARTIAL and code in {Code.TARGET_FULL, *report.PERSON_NEEDED}
