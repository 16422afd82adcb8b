"""A report as exit code, JSON and text: every outcome in, the right words out."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st

from syncer import config, report
from syncer.errors import Code, Problem
from syncer.ids import Uri
from syncer.model import Failure, Item, Kind, Outcome, Plan, Reason, Report, SignIn, Skip, Status
from tests.fakes import item, items, pair

START = datetime(2026, 11, 22, 6, 0, 0, tzinfo=UTC)
SCHEMA = jsonschema.Draft202012Validator(config.schema("report"))
PERSON = (
    Code.SIGN_IN_NEEDED,
    Code.MISSING_SCOPE,
    Code.PREMIUM_NEEDED,
    Code.NOT_ALLOW_LISTED,
    Code.CLIENT_REFUSED,
    Code.CREDENTIALS_UNREADABLE,
    Code.AWS_DENIED,
)
PASSING = (Code.TEMPORARY, Code.RATE_LIMITED, Code.QUOTA_EXCEEDED, Code.OUT_OF_TIME, Code.TARGET_UNSTABLE)
ONE_PAIR = (
    Code.SOURCE_NOT_READABLE,
    Code.SOURCE_SPOTIFY_MADE,
    Code.TARGET_NOT_WRITABLE,
    Code.NOT_FOUND,
    Code.UNCLEAR_ADD,
    Code.PLAN_TOO_LARGE,
    Code.TARGET_FULL,
    Code.RELINKED,
    Code.UNREADABLE_ANSWER,
)
LEFT_ALONE = (Status.DISABLED, Status.NOT_SELECTED, Status.NOT_DUE)
QUIET = (Status.ADDED, Status.UNCHANGED, *LEFT_ALONE)


def failure(code: Code, message: str = "it went wrong") -> Failure:
    return Failure(code=code, message=message, hint="do something")


def outcome(
    status: Status,
    code: Code | None = None,
    *,
    added: str = "",
    name: str = "a",
    deferred: int = 0,
    unconfirmed: int = 0,
) -> Outcome:
    """Return the outcome of a pair whose plan was to add *added* and as many more as the numbers say."""
    rest = "x" * (deferred + unconfirmed)
    planned = status not in (*LEFT_ALONE, Status.NOT_TRIED)
    return Outcome(
        pair=pair(name, "z"),
        status=status,
        plan=Plan(pair=pair(name, "z"), additions=items(added + rest)) if planned else None,
        added=items(added),
        error=failure(code) if code else None,
        deferred=deferred,
        unconfirmed=unconfirmed,
    )


def of(
    *outcomes: Outcome,
    error: Code | None = None,
    signal: int | None = None,
    dry_run: bool = False,
    contacted: bool = True,
) -> Report:
    return Report(
        run_id="2026-11-22T06:00:00Z-7f3a",
        started_at=START,
        finished_at=START + timedelta(seconds=2),
        dry_run=dry_run,
        outcomes=outcomes,
        error=failure(error) if error else None,
        requests={"spotify": 4, "accounts": 1} if contacted else {"spotify": 0, "accounts": 0},
        interrupted_by=signal,
    )


FINE = outcome(Status.ADDED, added="abc")
NOTHING_NEW = outcome(Status.UNCHANGED)

# --- exit codes -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("result", "code"),
    [
        pytest.param(of(), 0, id="no pair at all"),
        pytest.param(of(FINE), 0, id="added"),
        pytest.param(of(NOTHING_NEW), 0, id="0 added is fine"),
        pytest.param(of(*map(outcome, LEFT_ALONE)), 0, id="nothing was asked"),
        pytest.param(of(NOTHING_NEW, outcome(Status.FAILED, Code.TEMPORARY)), 5, id="temporary, nothing added"),
        pytest.param(of(FINE, outcome(Status.FAILED, Code.TEMPORARY)), 4, id="temporary, something added"),
        pytest.param(of(outcome(Status.PARTIAL, Code.TEMPORARY, added="a", deferred=1)), 4, id="half way"),
        pytest.param(of(outcome(Status.PARTIAL, Code.TARGET_UNSTABLE, deferred=3)), 5, id="unstable, nothing added"),
        pytest.param(of(outcome(Status.PARTIAL, Code.UNCLEAR_ADD, unconfirmed=3)), 4, id="unclear"),
        pytest.param(of(outcome(Status.NOT_TRIED, Code.RATE_LIMITED), error=Code.RATE_LIMITED), 5, id="limit at once"),
        pytest.param(of(FINE, outcome(Status.NOT_TRIED, Code.OUT_OF_TIME), error=Code.OUT_OF_TIME), 4, id="late"),
        pytest.param(
            of(outcome(Status.FAILED, Code.TEMPORARY), outcome(Status.FAILED, Code.NOT_FOUND)),
            4,
            id="not all pass",
        ),
        pytest.param(of(error=Code.LOCKED), 6, id="locked"),
        pytest.param(
            of(outcome(Status.NOT_TRIED, Code.LOCKED), outcome(Status.FAILED, Code.TEMPORARY)), 6, id="6 before 5"
        ),
        pytest.param(of(FINE, outcome(Status.FAILED, Code.SIGN_IN_NEEDED)), 3, id="a person, for any account"),
        pytest.param(of(outcome(Status.FAILED, Code.AWS_DENIED), error=Code.LOCKED), 3, id="3 before 6"),
        pytest.param(
            of(outcome(Status.FAILED, Code.SIGN_IN_NEEDED), error=Code.CONFIG, contacted=False), 2, id="2 before 3"
        ),
        pytest.param(of(FINE, error=Code.CONFIG), 4, id="the state broke half way"),
        pytest.param(of(outcome(Status.FAILED, Code.BUG), error=Code.CONFIG, contacted=False), 1, id="1 before 2"),
        pytest.param(of(FINE, outcome(Status.FAILED, Code.BUG)), 1, id="our bug in one pair"),
        pytest.param(of(outcome(Status.FAILED, Code.BUG), signal=2), 130, id="SIGINT before all"),
        pytest.param(of(outcome(Status.NOT_TRIED, Code.INTERRUPTED), signal=15), 143, id="SIGTERM"),
    ],
)
def test_the_exit_code_is_the_first_that_applies(result: Report, code: int) -> None:
    assert report.exit_code(result) == code
    assert report.as_json(result)["exit_code"] == code
    assert report.as_json(result)["ok"] is (code == 0)


@pytest.mark.parametrize("code", Code)
def test_every_error_code_of_a_pair_has_its_exit_code(code: Code) -> None:
    """A new code must be put in one of these groups, on purpose."""
    expected = {
        **dict.fromkeys(PERSON, 3),
        **dict.fromkeys(PASSING, 5),
        **dict.fromkeys(ONE_PAIR, 4),
        Code.INTERRUPTED: 4,
        Code.LOCKED: 6,
        Code.CONFIG: 2,
        Code.BUG: 1,
    }
    assert report.exit_code(of(outcome(Status.FAILED, code), contacted=code is not Code.CONFIG)) == expected[code]


# --- hypothesis: any report -------------------------------------------------------------------------------------------

texts = st.text(max_size=12)
failures = st.builds(
    Failure, code=st.sampled_from(Code), message=st.text(min_size=1, max_size=12), hint=st.text(min_size=1, max_size=12)
)
real_items = st.builds(
    Item,
    uri=st.sampled_from("abcde").map(lambda letter: item(letter).uri),
    name=texts,
    artists=st.lists(texts, max_size=2).map(tuple),
)
any_items = st.builds(
    Item,
    uri=st.none() | st.just(Uri("spotify:local:::x")),
    kind=st.sampled_from(Kind),
    name=texts,
    artists=st.just(()),
)
skips = st.builds(
    Skip,
    item=real_items | any_items,
    reason=st.sampled_from(Reason),
    detail=st.just("") | texts,
    equals=st.none() | real_items,
)
numbers = st.integers(0, 3)


@st.composite
def outcomes(draw: st.DrawFn) -> Outcome:
    """Return what a run can make of a pair: each planned item in exactly one of the four places."""
    status = draw(st.sampled_from(Status))
    of_pair = pair(draw(st.sampled_from(["a", "b", "liked", "a+b"])), "z")
    if status in LEFT_ALONE:
        return Outcome(pair=of_pair, status=status)
    trouble = draw(failures) if status not in QUIET else None
    if status is Status.NOT_TRIED:
        return Outcome(pair=of_pair, status=status, error=trouble)
    added, rejected, rest = (tuple(draw(st.lists(real_items, max_size=4))) for _ in range(3))
    unconfirmed = draw(st.integers(0, len(rest)))
    return Outcome(
        pair=of_pair,
        status=status,
        plan=Plan(pair=of_pair, additions=added + rejected + rest, skips=tuple(draw(st.lists(skips, max_size=4)))),
        added=added,
        rejected=rejected,
        unconfirmed=unconfirmed,
        deferred=len(rest) - unconfirmed,
        error=trouble,
    )


problems = st.builds(Problem, file=texts, line=numbers, column=numbers, path=texts, message=st.text(min_size=1))
sign_ins = st.builds(SignIn, account=texts, consented=st.none() | st.dates())
moments = st.datetimes(min_value=datetime(1000, 1, 1)).map(lambda moment: moment.replace(tzinfo=UTC))  # noqa: DTZ001 - made UTC here
reports = st.builds(
    Report,
    run_id=st.just("2026-11-22T06:00:00Z-7f3a"),
    started_at=moments,
    finished_at=moments,
    dry_run=st.booleans(),
    outcomes=st.lists(outcomes(), max_size=4, unique_by=lambda one: one.pair.name).map(tuple),
    error=st.none() | failures,
    problems=st.lists(problems, max_size=2).map(tuple),
    sign_ins=st.lists(sign_ins, max_size=2).map(tuple),
    requests=st.fixed_dictionaries({"spotify": numbers, "accounts": numbers}),
    warnings=st.lists(texts, max_size=2).map(tuple),
    interrupted_by=st.none() | st.sampled_from([2, 15]),
)


@given(result=reports, most=st.none() | st.integers(0, 3))
def test_every_report_fits_its_schema(result: Report, most: int | None) -> None:
    """Whatever the clock does: a run may even end before it began (N14)."""
    SCHEMA.validate(report.as_json(result, items_per_pair=most))


@given(result=reports)
def test_every_planned_item_is_accounted_for(result: Report) -> None:
    for one, told in zip(result.outcomes, report.as_json(result)["pairs"], strict=True):
        rejected = told["skipped"].get("rejected", 0) - sum(
            skip.reason is Reason.REJECTED for skip in (one.plan.skips if one.plan else ())
        )
        assert told["planned"] == len(one.added) + told["deferred"] + told["unconfirmed"] + rejected
        assert told["added"] == (0 if result.dry_run else len(told["items"]))
        assert sum(told["skipped"].values()) == rejected + len(one.plan.skips if one.plan else ())


@given(result=reports, most=st.none() | st.integers(0, 3))
def test_a_plan_tells_every_skip_as_far_as_there_is_room_and_a_run_none(result: Report, most: int | None) -> None:
    for one, told in zip(result.outcomes, report.as_json(result, items_per_pair=most)["pairs"], strict=True):
        if not result.dry_run:
            assert told.keys().isdisjoint({"skips", "skips_omitted"})
            continue
        skips = one.plan.skips if one.plan else ()
        assert [skip["uri"] for skip in told["skips"]] == [skip.item.uri for skip in skips[:most]]
        assert len(told["skips"]) + told.get("skips_omitted", 0) == len(skips)


@given(result=reports)
def test_every_pair_is_told_once_in_file_order(result: Report) -> None:
    assert [told["name"] for told in report.as_json(result)["pairs"]] == [one.pair.name for one in result.outcomes]
    assert report.as_json(result)["added"] == (0 if result.dry_run else sum(len(one.added) for one in result.outcomes))


@given(result=reports)
def test_the_exit_code_follows_from_what_the_report_says(result: Report) -> None:
    """Another program can work it out from the JSON alone, but for the number of the signal."""
    told = report.as_json(result)
    troubled = [one for one in told["pairs"] if one["status"] not in QUIET]
    codes = {one["error"]["code"] for one in troubled} | ({told["error"]["code"]} if told["error"] else set())
    landed = any(one["items"] for one in told["pairs"])
    rules = (
        (128 + (result.interrupted_by or 0), result.interrupted_by is not None),
        (1, "bug" in codes),
        (2, "config" in codes and not any(told["requests"].values())),
        (3, bool(codes & set(PERSON))),
        (6, "locked" in codes),
        (5, bool(codes) and codes <= set(PASSING) and not landed),
        (4, bool(codes)),
        (0, True),
    )
    assert told["exit_code"] == next(code for code, applies in rules if applies)


@given(result=reports, only_trouble=st.booleans())
def test_text_can_be_shown_anywhere(result: Report, only_trouble: bool) -> None:  # noqa: FBT001 - hypothesis passes it by name
    text = report.as_text(result, only_trouble=only_trouble)
    plans = "\n".join(report.plan_as_text(one) for one in result.outcomes)
    assert all(line.isprintable() for line in f"{text}\n{plans}".split("\n"))


@given(result=reports)
def test_every_trouble_is_told_with_its_advice_once(result: Report) -> None:
    lines = report.as_text(result).split("\n")
    for told, names in report.troubles(result).items():
        message, hint = report.advice(told)
        assert message in lines
        assert hint in lines
        assert names == [one.pair.name for one in result.outcomes if one.error == told]
    assert sum(line.startswith("  -> ") for line in lines) == len(report.troubles(result))


@given(text=st.text())
def test_what_is_visible_does_nothing_to_a_terminal(text: str) -> None:
    shown = report.visible(text)
    assert shown.isprintable()
    assert report.visible(shown) == shown
    if text.isprintable():
        assert shown == text


# --- JSON -------------------------------------------------------------------------------------------------------------


def test_a_whole_report_as_json() -> None:
    there, lost = Skip(item=item("a"), reason=Reason.ALREADY_THERE), Skip(item=item("."), reason=Reason.UNAVAILABLE)
    added = outcome(Status.ADDED, added="bc")
    assert added.plan
    added = replace(added, plan=replace(added.plan, skips=(there, there, lost)))
    failed = outcome(Status.FAILED, Code.NOT_FOUND, name="b")
    result = replace(
        of(added, replace(failed, plan=None)),
        sign_ins=(
            SignIn(account="default", consented=date(2026, 11, 1), requests_today=42, requests_left=258),
            SignIn(account="anna"),
        ),
        warnings=("look out",),
    )

    assert report.as_json(result) == {
        "run_id": "2026-11-22T06:00:00Z-7f3a",
        "started_at": "2026-11-22T06:00:00Z",
        "finished_at": "2026-11-22T06:00:02Z",
        "dry_run": False,
        "ok": False,
        "exit_code": 4,
        "added": 2,
        "error": None,
        "problems": [],
        "pairs": [
            {
                "name": "a-to-z",
                "source": ["spotify:playlist:axxxxxxxxxxxxxxxxxxxxx"],
                "target": "spotify:playlist:zxxxxxxxxxxxxxxxxxxxxx",
                "status": "added",
                "added": 2,
                "planned": 2,
                "deferred": 0,
                "unconfirmed": 0,
                "skipped": {"already-there": 2, "unavailable": 1},
                "items": [
                    {"uri": "spotify:track:000000000000000000000b", "name": "b", "artists": ["Anna"]},
                    {"uri": "spotify:track:000000000000000000000c", "name": "c", "artists": ["Anna"]},
                ],
                "error": None,
            },
            {
                "name": "b-to-z",
                "source": ["spotify:playlist:bxxxxxxxxxxxxxxxxxxxxx"],
                "target": "spotify:playlist:zxxxxxxxxxxxxxxxxxxxxx",
                "status": "failed",
                "added": 0,
                "planned": 0,
                "deferred": 0,
                "unconfirmed": 0,
                "skipped": {},
                "items": [],
                "error": {"code": "not-found", "message": "it went wrong", "hint": "do something"},
            },
        ],
        "accounts": [
            {
                "name": "default",
                "sign_in_expires_at": "2027-05-01",
                "days_left": 160,
                "requests_today": 42,
                "requests_left": 258,
            },
            {
                "name": "anna",
                "sign_in_expires_at": None,
                "days_left": None,
                "requests_today": None,
                "requests_left": None,
            },
        ],
        "requests": {"spotify": 4, "accounts": 1},
        "warnings": ["look out"],
    }


def test_problems_of_the_config_are_told_with_their_places() -> None:
    problem = Problem(file="c.yaml", line=3, column=13, path="$.pairs[0].source", message="too short")
    told = report.as_json(replace(of(error=Code.CONFIG), problems=(problem,)))
    assert told["problems"] == [
        {"file": "c.yaml", "line": 3, "column": 13, "path": "$.pairs[0].source", "message": "too short"}
    ]


def test_a_dry_run_adds_nothing_and_says_what_it_would_add() -> None:
    told = report.as_json(of(FINE, dry_run=True))
    assert (told["added"], told["pairs"][0]["added"], told["pairs"][0]["planned"]) == (0, 0, 3)
    assert [one["name"] for one in told["pairs"][0]["items"]] == ["a", "b", "c"]


@pytest.mark.parametrize(("most", "shown", "omitted"), [(None, 3, None), (3, 3, None), (2, 2, 1), (0, 0, 3)])
def test_items_can_be_left_out_for_size(most: int | None, shown: int, omitted: int | None) -> None:
    told = report.as_json(of(FINE), items_per_pair=most)["pairs"][0]
    assert len(told["items"]) == shown
    assert told.get("items_omitted") == omitted
    assert told["added"] == 3


@pytest.mark.parametrize(
    ("consented", "ends"),
    [
        ("2026-05-01", "2026-11-01"),
        ("2026-08-31", "2027-02-28"),
        ("2027-08-31", "2028-02-29"),
        ("2026-12-31", "2027-06-30"),
        ("2026-06-30", "2026-12-30"),
        ("2026-07-01", "2027-01-01"),
        ("9999-12-31", "9999-06-30"),  # made up, and no reason to lose a report
    ],
)
def test_a_sign_in_ends_six_calendar_months_after_consent(consented: str, ends: str) -> None:
    assert report.sign_in_ends(date.fromisoformat(consented)).isoformat() == ends


def test_a_sign_in_that_has_ended_has_days_below_zero() -> None:
    told = report.as_json(replace(of(), sign_ins=(SignIn(account="default", consented=date(2026, 5, 1)),)))
    assert told["accounts"][0]["days_left"] == -21


# --- text -------------------------------------------------------------------------------------------------------------


def test_a_report_as_text_has_a_line_for_each_pair() -> None:
    nothing_new = outcome(Status.UNCHANGED, name="b")
    waits = outcome(Status.PARTIAL, Code.TARGET_FULL, name="c", added="ab", deferred=2, unconfirmed=1)
    gone = replace(outcome(Status.FAILED, Code.NOT_FOUND, name="d"), plan=None)
    also = replace(outcome(Status.NOT_TRIED, Code.NOT_FOUND, name="e"))
    assert report.as_text(of(FINE, nothing_new, waits, gone, also, outcome(Status.DISABLED, name="f"))).split("\n") == [
        "a-to-z: 3 added",
        "b-to-z: nothing new",
        "c-to-z: partial, 2 added, 2 left for a later run, 1 unconfirmed",
        "  it went wrong",
        "  -> do something",
        "d-to-z: failed",
        "  it went wrong",
        "  -> do something",
        "e-to-z: not tried",
        "f-to-z: disabled",
        (
            "5 items added. Pairs: 1 added, 1 unchanged, 1 partial, 1 failed, 1 not tried, 1 disabled."
            " 5 requests to Spotify."
        ),
    ]


def test_only_trouble_means_only_trouble() -> None:
    gone = replace(outcome(Status.FAILED, Code.NOT_FOUND, name="d"), plan=None)
    assert report.as_text(of(FINE, gone), only_trouble=True) == "d-to-z: failed\n  it went wrong\n  -> do something"
    assert not report.as_text(of(FINE, NOTHING_NEW), only_trouble=True)


def test_what_ended_the_run_alone_is_told_too() -> None:
    assert report.as_text(of(error=Code.LOCKED)).split("\n") == [
        "  it went wrong",
        "  -> do something",
        "0 items added. 5 requests to Spotify.",
    ]


def test_a_dry_run_does_not_claim_to_have_added_anything() -> None:
    text = report.as_text(of(outcome(Status.ADDED, added="a"), dry_run=True))
    assert text.split("\n") == [
        "a-to-z: 1 to add",
        "Nothing was changed: 1 item to add. Pairs: 1 to add. 5 requests to Spotify.",
    ]


def test_refused_items_are_counted_among_the_skipped() -> None:
    one = outcome(Status.ADDED, added="ab")
    one = replace(one, added=items("a"), rejected=items("b"))
    assert report.headline(one, dry_run=False) == "1 added, 1 rejected"
    assert report.skipped(one) == {Reason.REJECTED: 1}


def test_a_plan_names_every_item_and_the_reason_of_each_skip() -> None:
    skips = tuple(Skip(item=item(letter), reason=reason) for letter, reason in zip("bc.", list(Reason), strict=False))
    planned = Plan(pair=pair("a", "z"), additions=items("ax"), skips=skips)
    one = Outcome(pair=pair("a", "z"), status=Status.PARTIAL, plan=planned, added=items("a"), deferred=1)
    assert report.plan_as_text(one).split("\n") == [
        "  + Anna: a",
        "  - Anna: x (left for a later run)",
        "  - Anna: b (already there)",
        "  - Anna: c (repeated in source)",
        "  - (no longer on Spotify) (local file)",
    ]
    assert not report.plan_as_text(outcome(Status.DISABLED))


def test_a_plan_says_more_of_a_reason_where_there_is_more_to_say() -> None:
    other = Item(uri=Uri("spotify:track:x"), name="One\x1b", artists=("Anna",))
    skips = (
        Skip(item=item("a"), reason=Reason.EXCLUDED, detail="the title matches /\x1b/"),
        Skip(item=item("b"), reason=Reason.NEVER),
        Skip(item=item("c"), reason=Reason.ALREADY_THERE, equals=other),
    )
    one = Outcome(
        pair=pair("a", "z"), status=Status.UNCHANGED, plan=Plan(pair=pair("a", "z"), additions=(), skips=skips)
    )
    assert report.plan_as_text(one).split("\n") == [
        "  - Anna: a (excluded: the title matches /\\x1b/)",
        "  - Anna: b (in never list)",
        "  - Anna: c (already there, as Anna: One\\x1b, spotify:track:x)",
    ]
    assert report.headline(one, dry_run=True) == "nothing new, 1 already there, 1 excluded, 1 in never list"
    told = report.as_json(of(one, dry_run=True))["pairs"][0]["skips"]
    assert [(skip["reason"], skip["detail"]) for skip in told[:2]] == [
        ("excluded", "the title matches /\x1b/"),
        ("in-never-list", ""),
    ]
    assert told[2]["equals"] == {"uri": "spotify:track:x", "name": "One\x1b", "artists": ["Anna"]}


def test_a_pair_that_is_not_due_says_so() -> None:
    result = of(outcome(Status.NOT_DUE), contacted=False)
    assert report.as_text(result).split("\n") == [
        "a-to-z: not due",
        "0 items added. Pairs: 1 not due. 0 requests to Spotify.",
    ]
    assert not report.as_text(result, only_trouble=True)


def test_an_item_without_a_name_is_called_by_its_uri() -> None:
    assert report.title(Item(uri=Uri("spotify:episode:x"), kind=Kind.EPISODE)) == "spotify:episode:x"
    assert report.title(Item(uri=None, name="lost")) == "lost"


@pytest.mark.parametrize(
    ("raw", "shown"),
    [
        ("\x1b]52;c;aGk=\x07", "\\x1b]52;c;aGk=\\x07"),
        ("\x9b31m", "\\x9b31m"),
        ("a\nb\r\tc", "a\\nb\\r\\tc"),
        ("\u202eabc\u2069", "\\u202eabc\\u2069"),
        ("\ud800", "\\ud800"),
        ("[red]=1+1 -x @y", "[red]=1+1 -x @y"),
        ("Für 夜 🎧", "Für 夜 🎧"),
        ("東京\u3000事変\u00a0!", "東京 事変 !"),
        ("\U000e0001", "\\U000e0001"),
    ],
)
def test_characters_that_do_something_are_made_visible(raw: str, shown: str) -> None:
    assert report.visible(raw) == shown


@pytest.mark.parametrize(
    ("problem", "line"),
    [
        (Problem(file="c.yaml", line=3, column=9, path="$.pairs", message="no"), "c.yaml:3:9: $.pairs: no"),
        (Problem(file="c.yaml", line=0, column=0, path="$", message="there is no file"), "c.yaml: there is no file"),
        (Problem(file="", line=0, column=0, path="--pair", message="no pair"), "--pair: no pair"),
        (Problem(file="e", line=0, column=0, path="$URL", message="\x1b"), "e: $URL: \\x1b"),
    ],
)
def test_a_problem_is_told_with_the_place_it_has(problem: Problem, line: str) -> None:
    assert report.complaint(problem) == line


@pytest.mark.parametrize(
    ("day", "option", "said"),
    [
        ("2027-04-01", "", None),
        ("2027-04-02", "", None),
        (
            "2027-04-03",
            "",
            "the sign-in of account 'me' ends on 2027-05-03, in 30 days: run `syncer login --account me`",
        ),
        (
            "2027-04-26",
            "--secret spotify-credentials",
            (
                "SIGN IN NOW: the sign-in of account 'me' ends on 2027-05-03, in 7 days:"
                " run `syncer login --account me --secret spotify-credentials`"
            ),
        ),
        (
            "2027-05-03",
            "",
            "SIGN IN NOW: the sign-in of account 'me' was to end on 2027-05-03: run `syncer login --account me`",
        ),
    ],
)
def test_the_end_of_a_sign_in_is_announced_from_thirty_days_and_loudly_from_seven(
    day: str, option: str, said: str | None
) -> None:
    sign_in = SignIn(account="me", consented=date(2026, 11, 3), login_option=option)

    assert report.sign_in_warning(sign_in, date.fromisoformat(day)) == said


def test_a_sign_in_of_unknown_age_says_so() -> None:
    said = report.sign_in_warning(SignIn(account="me"), date(2026, 11, 22))

    assert said is not None
    assert "not known" in said
    assert "syncer login --account me" in said
