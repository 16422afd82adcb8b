"""A run's report as JSON, as text and as an exit code. Values in, values out."""

from calendar import monthrange
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from datetime import MAXYEAR, date, datetime
from typing import Any, Final
from unicodedata import category

from syncer.errors import Code, Problem, SyncError, login_command
from syncer.model import Failure, Item, Outcome, Reason, Report, Reversal, SignIn, Skip, Status

CONSENT_MONTHS: Final = 6
"""What a sign-in lasts, counted from the consent (contract §3.2)."""
WARN_DAYS, LOUD_DAYS = 30, 7
"""Days before a sign-in ends, from which on every report says so, and says so loudly."""
QUIET: Final = frozenset({Status.ADDED, Status.UNCHANGED, Status.DISABLED, Status.NOT_SELECTED, Status.NOT_DUE})
_SAID_BY_COUNTS: Final = frozenset({Status.ADDED, Status.UNCHANGED})
PERSON_NEEDED: Final = frozenset(
    {
        Code.SIGN_IN_NEEDED,
        Code.MISSING_SCOPE,
        Code.PREMIUM_NEEDED,
        Code.NOT_ALLOW_LISTED,
        Code.CLIENT_REFUSED,
        Code.CREDENTIALS_UNREADABLE,
        Code.AWS_DENIED,
    }
)
PASSES: Final = frozenset(
    {Code.TEMPORARY, Code.RATE_LIMITED, Code.QUOTA_EXCEEDED, Code.OUT_OF_TIME, Code.TARGET_UNSTABLE}
)
SIGNAL_EXIT: Final = 128


def exit_code(report: Report) -> int:
    """Return the first code of interface §2 that applies."""
    troubled = [outcome for outcome in report.outcomes if outcome.status not in QUIET]
    errors = [outcome.error for outcome in troubled]
    return _code(report, errors, done_something=any(outcome.added for outcome in report.outcomes))


def reversal_code(reversal: Reversal) -> int:
    """Return the first code of interface §2 that applies to an undo or a redo."""
    errors = [part.error for part in reversal.parts if part.error]
    return _code(reversal, errors, done_something=any(part.done for part in reversal.parts))


def _code(what: Report | Reversal, errors: Sequence[Failure | None], *, done_something: bool) -> int:
    codes = {error.code for error in (*errors, what.error) if error}
    if what.interrupted_by is not None:
        return SIGNAL_EXIT + what.interrupted_by
    contacted = any(what.requests.values())  # then what broke is the state, in the middle of the run
    unusable = frozenset() if contacted else frozenset({Code.CONFIG})
    for code, wanted in ((1, {Code.BUG}), (2, unusable), (3, PERSON_NEEDED), (6, {Code.LOCKED})):
        if codes & wanted:
            return code
    if not errors and not what.error:
        return 0
    return 5 if codes <= PASSES and not done_something else 4


def as_json(report: Report, *, items_per_pair: int | None = None) -> dict[str, Any]:
    """Return the report as `schemas/report.schema.json` describes it, with at most *items_per_pair* items each."""
    code = exit_code(report)
    return {
        "run_id": report.run_id,
        "started_at": stamp(report.started_at),
        "finished_at": stamp(report.finished_at),
        "dry_run": report.dry_run,
        "ok": code == 0,
        "exit_code": code,
        "added": 0 if report.dry_run else sum(len(outcome.added) for outcome in report.outcomes),
        "error": error_as_json(report.error),
        "problems": problems_as_json(report.problems),
        "pairs": [pair_as_json(outcome, dry_run=report.dry_run, most=items_per_pair) for outcome in report.outcomes],
        "accounts": [_account(sign_in, report.started_at.date()) for sign_in in report.sign_ins],
        "requests": report.requests,
        "warnings": list(report.warnings),
    }


def problems_as_json(problems: Sequence[Problem]) -> list[dict[str, Any]]:
    """Return config problems as interface §3 has them."""
    return [
        {
            "file": problem.file,
            "line": problem.line,
            "column": problem.column,
            "path": problem.path,
            "message": problem.message,
        }
        for problem in problems
    ]


def pair_as_json(outcome: Outcome, *, dry_run: bool, most: int | None = None) -> dict[str, Any]:
    """Return *outcome* as reports tell it, with at most *most* items."""
    items = outcome.added if most is None else outcome.added[:most]
    result = {
        "name": outcome.pair.name,
        "source": [str(source) for source in outcome.pair.sources],
        "target": outcome.pair.target_name,
        "status": outcome.status.value,
        "added": 0 if dry_run else len(outcome.added),
        "planned": len(outcome.plan.additions) if outcome.plan else 0,
        "deferred": outcome.deferred,
        "unconfirmed": outcome.unconfirmed,
        "skipped": {reason.value: count for reason, count in skipped(outcome).items()},
        "items": [_item(item) for item in items],
        "error": error_as_json(outcome.error),
    }
    if len(items) < len(outcome.added):
        result["items_omitted"] = len(outcome.added) - len(items)
    return result | _skips(outcome, most) if dry_run else result


def _skips(outcome: Outcome, most: int | None) -> dict[str, Any]:
    """Return each item that a plan leaves out, with its reason."""
    skips = outcome.plan.skips if outcome.plan else ()
    told = [_item(skip.item) | {"reason": skip.reason.value} | details_as_json(skip) for skip in skips[:most]]
    return {"skips": told} | ({"skips_omitted": len(skips) - len(told)} if len(told) < len(skips) else {})


def details_as_json(skip: Skip | None) -> dict[str, Any]:
    """Return what there is to say of *skip* beside its reason."""
    return {
        "detail": skip.detail if skip else "",
        "equals": _item(skip.equals) if skip and skip.equals else None,
    }


def skipped(outcome: Outcome) -> dict[Reason, int]:
    """Count what *outcome* left out, by reason, in a fixed order; reasons that never applied are absent."""
    counts = Counter(outcome.skipped)
    counts.update(skip.reason for skip in (outcome.plan.skips if outcome.plan else ()))
    counts[Reason.REJECTED] += len(outcome.rejected)
    return {reason: counts[reason] for reason in Reason if counts[reason]}


def _item(item: Item) -> dict[str, Any]:
    return {"uri": item.uri, "name": item.name, "artists": list(item.artists)}


def error_as_json(failure: Failure | None) -> dict[str, str] | None:
    """Return *failure* as interface §3 has it."""
    if failure is None:
        return None
    return {"code": failure.code.value, "message": failure.message, "hint": failure.hint}


def _account(sign_in: SignIn, today: date) -> dict[str, Any]:
    ends = sign_in_ends(sign_in.consented) if sign_in.consented else None
    return {
        "name": sign_in.account,
        "sign_in_expires_at": ends.isoformat() if ends else None,
        "days_left": (ends - today).days if ends else None,
        "requests_today": sign_in.requests_today,
        "requests_left": sign_in.requests_left,
    }


def sign_in_warning(sign_in: SignIn, today: date) -> str | None:
    """Say that a sign-in ends soon, or that nobody knows when; None while there is time (fault model T2)."""
    renew = f"run `{login_command(sign_in.account, sign_in.login_option)}`"
    if sign_in.consented is None:
        return f"it is not known when the sign-in of account {sign_in.account!r} ends: {renew} to have it counted"
    ends = sign_in_ends(sign_in.consented)
    left = (ends - today).days
    if left > WARN_DAYS:
        return None
    when = f"ends on {ends}, in {left} days" if left > 0 else f"was to end on {ends}"
    loud = "SIGN IN NOW: " if left <= LOUD_DAYS else ""
    return f"{loud}the sign-in of account {sign_in.account!r} {when}: {renew}"


def sign_in_ends(consented: date) -> date:
    """Return the day on which Spotify ends a sign-in given on *consented*."""
    years, month = divmod(consented.month - 1 + CONSENT_MONTHS, 12)
    year, month = min(consented.year + years, MAXYEAR), month + 1  # a date may be made up
    return date(year, month, min(consented.day, monthrange(year, month)[1]))


def failure(error: SyncError) -> Failure:
    """Return *error* as reports carry it."""
    return Failure(code=error.code, message=str(error), hint=error.hint)


def stamp(moment: datetime) -> str:
    """Return *moment* as reports tell it."""
    return f"{moment:%Y-%m-%dT%H:%M:%SZ}"


def as_text(report: Report, *, only_trouble: bool = False) -> str:
    """Return the report as plain lines: one a pair, and below the first pair it befell what went wrong."""
    found = troubles(report)
    shown = [outcome for outcome in report.outcomes if not (only_trouble and outcome.status in QUIET)]
    lines = [line for outcome in shown for line in _lines(outcome, found, dry_run=report.dry_run)]
    if report.error and not found[report.error]:
        lines += advice(report.error)
    if not only_trouble:
        lines.append(summary(report))
    return "\n".join(lines)


def troubles(report: Report) -> dict[Failure, list[str]]:
    """Return everything that went wrong, each once, with the names of the pairs it befell; none for the run alone."""
    found: dict[Failure, list[str]] = {}
    for outcome in report.outcomes:
        if outcome.error:
            found.setdefault(outcome.error, []).append(outcome.pair.name)
    if report.error:
        found.setdefault(report.error, [])
    return found


def _lines(outcome: Outcome, found: Mapping[Failure, Sequence[str]], *, dry_run: bool) -> Iterator[str]:
    yield f"{visible(outcome.pair.name)}: {headline(outcome, dry_run=dry_run)}"
    if outcome.error and found[outcome.error][0] == outcome.pair.name:
        yield from advice(outcome.error)


def advice(failure: Failure) -> Iterator[str]:
    """Yield what happened and what to do, a line each."""
    yield f"  {visible(failure.message)}"
    yield f"  -> {visible(failure.hint)}"


def complaint(problem: Problem) -> str:
    """Return *problem* in a line: ``file:line:col: path: message``, or without what it has no use for."""
    if problem.line:
        return visible(str(problem))
    path = "" if problem.path == "$" else problem.path
    return visible(": ".join(filter(None, (problem.file, path, problem.message))))


def headline(outcome: Outcome, *, dry_run: bool) -> str:
    """Say what became of a pair, such as ``7 added, 22 already there`` or ``partial, 3 added``."""
    parts = [] if outcome.status in _SAID_BY_COUNTS else [words(outcome.status)]
    return ", ".join([*parts, *counts(outcome, dry_run=dry_run)])


def counts(outcome: Outcome, *, dry_run: bool) -> Iterator[str]:
    """Yield what became of the items of a pair, a few words each."""
    if outcome.status is Status.UNCHANGED:
        yield "nothing new"
    elif outcome.plan:
        yield f"{len(outcome.added)} {'to add' if dry_run else 'added'}"
    if outcome.deferred:
        yield f"{outcome.deferred} left for a later run"
    if outcome.unconfirmed:
        yield f"{outcome.unconfirmed} unconfirmed"
    for reason, count in skipped(outcome).items():
        yield f"{count} {words(reason)}"


def words(value: Reason | Status, *, dry_run: bool = False) -> str:
    """Say *value* as people do; in a dry run nothing was added yet."""
    return "to add" if dry_run and value is Status.ADDED else value.value.replace("-", " ")


def summary(report: Report) -> str:
    """Say what the run did, in a line."""
    items = _many(sum(len(outcome.added) for outcome in report.outcomes), "item")
    happened = Counter(outcome.status for outcome in report.outcomes)
    pairs = [f"{happened[status]} {words(status, dry_run=report.dry_run)}" for status in Status if happened[status]]
    sentences = [
        f"Nothing was changed: {items} to add" if report.dry_run else f"{items} added",
        *([f"Pairs: {', '.join(pairs)}"] if pairs else []),
        f"{_many(sum(report.requests.values()), 'request')} to Spotify{_left(report.sign_ins)}",
    ]
    return "".join(f"{sentence}. " for sentence in sentences).rstrip()


def _left(sign_ins: Sequence[SignIn]) -> str:
    """Say how many more the day allows, where that has a limit: of several accounts, the one with the fewest."""
    left = [one.requests_left for one in sign_ins if one.requests_left is not None]
    return f", {min(left)} left for today" if left else ""


def _many(count: int, word: str) -> str:
    return f"{count} {word}" + ("" if count == 1 else "s")


def plan_as_text(outcome: Outcome) -> str:
    """Return the plan of *outcome* item by item: what would be added, what would have to wait, each skip's reason."""
    if not outcome.plan:
        return ""
    later = outcome.plan.additions[len(outcome.added) :]
    return "\n".join(
        [
            *(f"  + {title(item)}" for item in outcome.added),
            *(f"  - {title(item)} (left for a later run)" for item in later),
            *(f"  - {title(skip.item)} ({because(skip)})" for skip in outcome.plan.skips),
        ]
    )


def because(skip: Skip) -> str:
    """Say why an item is left out, such as ``excluded: it is explicit`` or ``already there, as Anna: One, URI``."""
    detail = f": {visible(skip.detail)}" if skip.detail else ""
    equals = f", as {title(skip.equals)}, {visible(str(skip.equals.uri))}" if skip.equals else ""
    return f"{words(skip.reason)}{detail}{equals}"


def title(item: Item) -> str:
    """Name *item* for a person, with every character that could do something on a terminal made visible."""
    artists = ", ".join(item.artists)
    name = f"{artists}: {item.name}" if artists else item.name
    return visible(name or item.uri or "(no longer on Spotify)")


def visible(text: str) -> str:
    """Return *text* with control, direction and other unprintable characters as escapes (fault model X4)."""
    return "".join(map(_shown, text))


def _shown(char: str) -> str:
    if char.isprintable():
        return char
    if category(char) == "Zs":  # the wide spaces of other scripts: harmless
        return " "
    return char.encode("unicode_escape").decode()
