"""One report of what many workers did."""

import json
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st

from syncer.config import schema
from syncer.errors import Code
from syncer.gathering import ITEMS_PER_PAIR, as_report, cut_to, gathered, part, with_earlier
from syncer.model import Add, Addition, AddState, Failure, Outcome, Pair, Plan, Reason, Report, SignIn, Status
from syncer.report import as_json, exit_code
from tests.fakes import identifier, items, letters, pair

SCHEMA = jsonschema.Draft202012Validator(schema("report"))
NOW = datetime(2026, 11, 22, 6, tzinfo=UTC)
RUN = "2026-11-22T06:00:00Z-0001"
ONE, TWO, THREE = (pair(word, "x") for word in "abc")


def failed(code: Code) -> Failure:
    return Failure(code=code, message="what", hint="do")


def outcome(one: Pair, status: str, added: str = "", code: Code | None = None, **counts: Any) -> Outcome:
    plan = Plan(pair=one, additions=items(added)) if added else None
    error = failed(code) if code else None
    return Outcome(pair=one, status=Status(status), plan=plan, added=items(added), error=error, **counts)


def add(what: str) -> Add:
    additions = tuple(Addition(item=one, source="a") for one in items(what))
    return Add(
        id="1",
        run_id=RUN,
        pair="a-to-x",
        target=identifier("x"),
        at=NOW,
        additions=additions,
        position=0,
        state=AddState.LANDED,
    )


def report(*outcomes: Outcome, **options: Any) -> Report:
    requests = {"spotify": 1, "accounts": 0}
    usual: dict[str, Any] = {"run_id": RUN, "started_at": NOW, "finished_at": NOW, "requests": requests}
    return Report(outcomes=outcomes, **usual | options)


def glance(*outcomes: Outcome, **options: Any) -> dict[str, Any]:
    return as_json(report(*outcomes, **options), items_per_pair=0)


def left(*outcomes: Outcome, **options: Any) -> dict[str, Any]:
    """Return what a worker tells beside what came of its pairs."""
    told = glance(*outcomes, **options)
    return {key: told[key] for key in ("accounts", "requests", "warnings")}


def at_end(glance: dict[str, Any], *outcomes: Outcome, left: list[dict[str, Any]] | None = None) -> dict[str, Any]:
    whole = gathered(glance, {one.pair.name: part(one) for one in outcomes}, left or [], at=NOW.replace(hour=7))
    SCHEMA.validate(whole)
    return whole


# --- what another worker added before ---------------------------------------------------------------------------------


def test_what_another_worker_added_before_is_told_as_well() -> None:
    told = with_earlier(outcome(ONE, "added", "c", skipped={Reason.ALREADY_THERE: 5}), [add("ab")])
    assert letters(told.added) == "abc"
    assert told.plan
    assert letters(told.plan.additions) == "abc"
    assert told.status is Status.ADDED
    assert told.skipped[Reason.ALREADY_THERE] == 3  # it saw there what the other had added


def test_a_pair_for_which_all_was_added_before_was_not_unchanged() -> None:
    told = part(with_earlier(outcome(ONE, "unchanged"), [add("a"), add("b")]))
    assert (told["status"], told["added"], told["planned"], told["skipped"]) == ("added", 2, 2, {})


@pytest.mark.parametrize("status", ["failed", "not-tried", "partial"])
def test_a_pair_that_went_wrong_later_is_partial(status: str) -> None:
    told = with_earlier(outcome(ONE, status, code=Code.RATE_LIMITED), [add("a")])
    assert (told.status, letters(told.added)) == (Status.PARTIAL, "a")


def test_what_is_told_already_is_not_told_twice() -> None:
    one = outcome(ONE, "added", "ab")
    assert with_earlier(one, [add("b"), add("a")]) is one


def test_a_part_has_so_many_items_and_counts_the_others() -> None:
    told = part(replace(outcome(ONE, "added"), added=items([str(number) for number in range(1, 24)])))
    assert (told["added"], len(told["items"]), told["items_omitted"]) == (23, ITEMS_PER_PAIR, 3)


# --- the whole --------------------------------------------------------------------------------------------------------


def test_pairs_are_told_in_the_order_of_the_file_as_their_workers_told() -> None:
    began = glance(
        outcome(ONE, "not-tried", code=Code.OUT_OF_TIME), outcome(TWO, "unchanged"), outcome(THREE, "not-due")
    )
    whole = at_end(began, outcome(ONE, "added", "ab"))
    assert [one["status"] for one in whole["pairs"]] == ["added", "unchanged", "not-due"]
    assert (whole["added"], whole["ok"], whole["exit_code"], whole["error"]) == (2, True, 0, None)
    assert (whole["run_id"], whole["started_at"]) == (RUN, "2026-11-22T06:00:00Z")
    assert whole["finished_at"] == "2026-11-22T07:00:00Z"


def test_what_nobody_told_of_holds_as_it_began() -> None:
    whole = at_end(glance(outcome(ONE, "not-tried", code=Code.OUT_OF_TIME)))
    assert (whole["pairs"][0]["status"], whole["exit_code"], whole["ok"]) == ("not-tried", 5, False)


def test_requests_are_counted_together_and_each_warning_is_told_once() -> None:
    began = glance(outcome(ONE, "unchanged"), warnings=("old", "both"))
    whole = at_end(
        began,
        left=[left(warnings=("both", "new")), left(requests={"spotify": 2, "accounts": 3}), left(warnings=("new",))],
    )
    assert whole["requests"] == {"spotify": 1 + 1 + 2 + 1, "accounts": 3}
    assert whole["warnings"] == ["old", "both", "new"]


def test_who_counted_the_most_requests_of_an_account_knew_most() -> None:
    def signed_in(account: str, today: int | None, rest: int | None, *, known: bool = True) -> SignIn:
        consented = NOW.date() if known else None
        return SignIn(account=account, consented=consented, requests_today=today, requests_left=rest)

    began = glance(outcome(ONE, "unchanged"), sign_ins=(signed_in("me", 5, 95), SignIn(account="friend")))
    whole = at_end(
        began,
        left=[
            left(sign_ins=(signed_in("me", 9, 91, known=False), signed_in("friend", 2, None))),
            left(sign_ins=(signed_in("me", 7, 93), signed_in("other", 0, 100))),
        ],
    )
    told = [(one["name"], one["requests_today"], one["requests_left"], one["days_left"]) for one in whole["accounts"]]
    assert told == [("me", 9, 91, 181), ("friend", 2, None, 181), ("other", 0, 100, 181)]


# --- how it went ------------------------------------------------------------------------------------------------------

codes = st.sampled_from(list(Code))


@st.composite
def outcomes(draw: st.DrawFn, name: str) -> Outcome:
    status = draw(st.sampled_from(list(Status)))
    code = draw(st.none() | codes)
    return outcome(replace(ONE, name=name), status, draw(st.sampled_from(["", "a", "ab"])), code)


@st.composite
def reports(draw: st.DrawFn) -> Report:
    found = [draw(outcomes(str(number))) for number in range(draw(st.integers(0, 4)))]
    code = draw(st.none() | codes)
    requests = {"spotify": draw(st.integers(0, 1)), "accounts": 0}
    return report(*found, error=failed(code) if code else None, requests=requests)


@given(reports())
def test_a_report_that_was_told_says_what_the_report_said(one: Report) -> None:
    told = as_json(one, items_per_pair=ITEMS_PER_PAIR)
    again = as_report(json.loads(json.dumps(told)))
    assert exit_code(again) == exit_code(one) == told["exit_code"]
    assert again.error == one.error
    assert [(each.pair.name, each.status, each.error) for each in again.outcomes] == [
        (each.pair.name, each.status, each.error) for each in one.outcomes
    ]


@given(reports())
def test_what_is_gathered_says_how_it_went(one: Report) -> None:
    began = glance(*(outcome(each.pair, "not-tried", code=Code.OUT_OF_TIME) for each in one.outcomes))
    whole = at_end(began | {"error": as_json(one)["error"], "requests": one.requests}, *one.outcomes)
    assert whole["exit_code"] == exit_code(one)
    assert whole["ok"] == (whole["exit_code"] == 0)


# --- a report that is too long ----------------------------------------------------------------------------------------


def size(answer: dict[str, Any]) -> int:
    return len(json.dumps(answer, separators=(",", ":")))


def test_a_report_that_fits_is_whole() -> None:
    answer = glance(outcome(ONE, "unchanged"), outcome(TWO, "unchanged"))
    assert cut_to(answer, size(answer)) == answer


def test_pairs_that_went_wrong_are_left_out_last() -> None:
    answer = as_json(
        report(
            outcome(replace(ONE, name="idle"), "unchanged"),
            outcome(replace(ONE, name="late"), "not-tried", code=Code.OUT_OF_TIME),
            outcome(replace(ONE, name="good"), "added", "a"),
            outcome(replace(ONE, name="gone"), "failed", code=Code.NOT_FOUND),
        )
    )
    shown = []
    for room in range(size(answer), size(answer | {"pairs": []}) + 30, -1):
        cut = cut_to(answer, room)
        SCHEMA.validate(cut)
        names = [one["name"] for one in cut["pairs"]]
        if names not in shown:
            shown.append(names)
    assert shown == [
        ["idle", "late", "good", "gone"],
        ["late", "good", "gone"],
        ["late", "gone"],
        ["gone"],
        [],
    ]


@given(one=reports(), share=st.floats(0, 1))
def test_a_report_is_never_longer_than_it_may_be_and_counts_what_it_leaves_out(one: Report, share: float) -> None:
    answer = as_json(one)
    least = size(answer | {"pairs": [], "pairs_omitted": len(answer["pairs"])})
    room = int(least + share * max(0, size(answer) - least))

    cut = cut_to(answer, room)

    SCHEMA.validate(cut)
    assert size(cut) <= room
    assert len(cut["pairs"]) + cut.get("pairs_omitted", 0) == len(answer["pairs"])
    assert {key: cut[key] for key in answer if key != "pairs"} == {key: answer[key] for key in answer if key != "pairs"}
    names = [each["name"] for each in answer["pairs"]]
    assert [each["name"] for each in cut["pairs"]] == [
        name for name in names if name in {p["name"] for p in cut["pairs"]}
    ]
