"""What a pattern is called at a moment, and which patterns are refused with which words."""

import locale
from contextlib import suppress
from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from syncer.naming import MAX_NAME, PERIODS, name, pattern_problem

NOW = datetime(2026, 3, 7, 23, 30, tzinfo=UTC)


@pytest.mark.parametrize(
    ("pattern", "called"),
    [
        ("Archive", "Archive"),
        ("Archive {year}-{month}", "Archive 2026-03"),
        ("{year}-{month}-{day}", "2026-03-07"),
        ("{month_name} {year}", "March 2026"),
        ("Week {week}/{week_year}", "Week 10/2026"),
        ("{year} Q{quarter}", "2026 Q1"),
        ("{weekday}s", "Saturdays"),
        ("{{year}} {year}", "{year} 2026"),
        ("{{{year}}}", "{2026}"),
        ("100 % café 🎵", "100 % café 🎵"),
        ("👩\u200d🎤 {year} می\u200cشد", "👩\u200d🎤 2026 می\u200cشد"),
    ],
)
def test_what_stands_in_braces_is_the_time(pattern: str, called: str) -> None:
    assert pattern_problem(pattern) is None
    assert name(pattern, NOW) == called


def test_the_time_is_that_of_utc_wherever_it_is_told() -> None:
    assert name("{day}", NOW.astimezone(timezone(timedelta(hours=9)))) == "07"


@pytest.mark.parametrize("month", range(1, 13))
def test_there_are_four_quarters_of_three_months(month: int) -> None:
    assert name("{quarter}", datetime(2026, month, 1, tzinfo=UTC)) == "111222333444"[month - 1]


@pytest.mark.parametrize(
    ("day", "week"),
    [((2025, 12, 28), "2025-52"), ((2025, 12, 29), "2026-01"), ((2027, 1, 3), "2026-53"), ((2027, 1, 4), "2027-01")],
)
def test_weeks_are_those_of_the_calendar_on_the_wall(day: tuple[int, int, int], week: str) -> None:
    assert name("{week_year}-{week}", datetime(*day, tzinfo=UTC)) == week


def test_names_are_the_same_in_every_country() -> None:
    before = locale.setlocale(locale.LC_TIME)
    with suppress(locale.Error):
        locale.setlocale(locale.LC_TIME, "de_DE.UTF-8")
    assert name("{month_name} {weekday}", NOW) == "March Saturday"
    locale.setlocale(locale.LC_TIME, before)


BLANKS = "is no name: write one line, with no blanks around it"


@pytest.mark.parametrize(
    ("pattern", "problem"),
    [
        ("", f"'' {BLANKS}"),
        (" Archive", f"' Archive' {BLANKS}"),
        ("Archive\n", f"'Archive\\n' {BLANKS}"),
        ("Archive\u2028a", f"'Archive\\u2028a' {BLANKS}"),
        ("Archive \ud83c", f"'Archive \\ud83c' {BLANKS}"),
        ("{yaer}", "unknown period 'yaer': did you mean 'year'?"),
        ("{Month}", "unknown period 'Month': did you mean 'month'?"),
        ("{year:04}", "unknown period 'year:04': did you mean 'year'?"),
        ("{monthname}", "unknown period 'monthname': did you mean 'month_name'?"),
        (
            "{}",
            (
                "unknown period '': known here are 'year', 'quarter', 'month', 'month_name', 'week', 'week_year',"
                " 'day', 'weekday'"
            ),
        ),
        ("Archive {year", "'Archive {year' has a lone '{': write it twice if it belongs to the name"),
        ("year}", "'year}' has a lone '}': write it twice if it belongs to the name"),
        ("x" * 91, f"'{'x' * 59}…' makes a name of more than 90 characters: write a shorter one"),
        (
            "{year}-{week}",
            "around New Year a week belongs to another year than its days: write {week_year} beside {week}",
        ),
        ("{week_year}-{month}", "{week_year} is the year that a {week} belongs to: without one write {year}"),
    ],
)
def test_what_is_no_pattern_is_refused(pattern: str, problem: str) -> None:
    assert pattern_problem(pattern) == problem


@given(
    st.lists(st.sampled_from([*(f"{{{period}}}" for period in PERIODS), "{{", "}}", "{", "}", "a", " ", "é"])).map(
        "".join
    ),
    st.datetimes(timezones=st.just(UTC)),
)
@example("{weekday}" * 10, NOW)
@example("x" * 90, NOW)
def test_whatever_is_written_it_has_a_problem_or_makes_a_name_that_fits(pattern: str, at: datetime) -> None:
    problem = pattern_problem(pattern)

    assert problem is None or problem.isprintable()
    if problem is None:
        called = name(pattern, at)
        assert called == called.strip()
        assert 0 < len(called) <= MAX_NAME
