"""One report of what many workers did, each with some pairs of a run. Values in, values out."""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any, Final

from syncer.errors import Code
from syncer.ids import PlaylistId, Uri
from syncer.model import Add, Failure, Item, Outcome, Pair, Plan, Reason, Report, Status
from syncer.report import exit_code, pair_as_json, stamp

ITEMS_PER_PAIR: Final = 20
"""That reports in a log name; the others are counted."""


def part(outcome: Outcome) -> dict[str, Any]:
    """Return what a worker tells of a pair, as the report is going to have it."""
    return pair_as_json(outcome, dry_run=False, most=ITEMS_PER_PAIR)


def with_earlier(outcome: Outcome, adds: Iterable[Add]) -> Outcome:
    """Return *outcome* with what *adds* say that was added for it before, in the same run, and nobody has told."""
    told = {item.uri for item in outcome.added}
    before = tuple(one.item for add in adds for one in add.additions if one.item.uri not in told)
    if not before:
        return outcome
    plan = outcome.plan or Plan(pair=outcome.pair, additions=(), skips=())
    already = outcome.skipped.get(Reason.ALREADY_THERE, 0) - len(before)
    return replace(
        outcome,
        status=Status.PARTIAL if outcome.error else Status.ADDED,
        plan=replace(plan, additions=(*before, *plan.additions)),
        added=(*before, *outcome.added),
        skipped={**outcome.skipped, Reason.ALREADY_THERE: max(0, already)},
    )


def gathered(
    glance: Mapping[str, Any], parts: Mapping[str, Any], left: Sequence[Mapping[str, Any]], *, at: datetime
) -> dict[str, Any]:
    """Return the report of a run that was closed *at* that moment.

    *glance* is what it told when it began, with an outcome for each pair that holds unless *parts* has one, by name;
    *left* is what each worker told of its accounts, requests and warnings.
    """
    pairs = [parts.get(pair["name"], pair) for pair in glance["pairs"]]
    whole = {
        **glance,
        "finished_at": stamp(at),
        "added": sum(pair["added"] for pair in pairs),
        "pairs": pairs,
        "accounts": _accounts([glance["accounts"], *(one["accounts"] for one in left)]),
        "requests": _summed([glance["requests"], *(one["requests"] for one in left)]),
        "warnings": list(dict.fromkeys([*glance["warnings"], *(text for one in left for text in one["warnings"])])),
    }
    code = exit_code(as_report(whole))
    return whole | {"ok": code == 0, "exit_code": code}


def _accounts(told: Iterable[Sequence[Mapping[str, Any]]]) -> list[dict[str, Any]]:
    """Return what is known of each account: of its requests, who counted the most of them knew most."""
    found: dict[str, dict[str, Any]] = {}
    for account in (account for accounts in told for account in accounts):
        known = found.setdefault(account["name"], dict(account))
        if (account["requests_today"] or 0) >= (known["requests_today"] or 0):
            known |= {key: value for key, value in account.items() if value is not None}
    return list(found.values())


def _summed(told: Iterable[Mapping[str, int]]) -> dict[str, int]:
    counts: dict[str, int] = {}
    for requests in told:
        for host, count in requests.items():
            counts[host] = counts.get(host, 0) + count
    return counts


def as_report(answer: Mapping[str, Any]) -> Report:
    """Return of the report *answer* what tells whether all went well: statuses, errors, names of pairs and items."""
    return Report(
        run_id=answer["run_id"],
        started_at=datetime.fromisoformat(answer["started_at"]),
        finished_at=datetime.fromisoformat(answer["finished_at"]),
        outcomes=tuple(map(_outcome, answer["pairs"])),
        error=_failure(answer["error"]),
        requests=answer["requests"],
    )


def _outcome(pair: Mapping[str, Any]) -> Outcome:
    return Outcome(
        pair=Pair(name=pair["name"], sources=(), target=PlaylistId("")),
        status=Status(pair["status"]),
        added=tuple(Item(uri=Uri(item["uri"]), name=item["name"]) for item in pair["items"]),
        error=_failure(pair["error"]),
    )


def _failure(error: Mapping[str, str] | None) -> Failure | None:
    return Failure(code=Code(error["code"]), message=error["message"], hint=error["hint"]) if error else None


def cut_to(answer: Mapping[str, Any], size: int) -> dict[str, Any]:
    """Return the report *answer* in at most *size* bytes of JSON, if need be without those pairs that matter least.

    ``pairs_omitted`` says how many; all of them count in the other fields.
    """
    if _size(answer) <= size:
        return dict(answer)
    pairs = sorted(answer["pairs"], key=_matters)
    shown, room = set(), size - _size({**answer, "pairs": [], "pairs_omitted": len(pairs)})
    for pair in pairs:
        room -= _size(pair) + 1
        if room >= 0:
            shown.add(pair["name"])
    kept = [pair for pair in answer["pairs"] if pair["name"] in shown]
    return {**answer, "pairs": kept, "pairs_omitted": len(pairs) - len(kept)}


def _matters(pair: Mapping[str, Any]) -> int:
    """Rank what went wrong first, then what brought something."""
    if pair["error"]:
        return 0 if pair["status"] == Status.FAILED else 1
    return 2 if pair["added"] else 3


def _size(value: object) -> int:
    return len(json.dumps(value, separators=(",", ":")).encode())
