"""How rules are written, and what is refused with which words."""

import sys
from collections.abc import Callable
from datetime import date, timedelta
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from syncer import rules
from syncer.rules import By, Filter, NotARule, Order, Pattern, Rules, Span, Text, fold, pattern_problem


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("90s", 90), ("10m", 600), ("1h30m", 5400), ("2h", 7200), ("1h5s", 3605), ("1h2m3s", 3723), ("90", 90), ("0", 0)],
)
def test_a_length_of_time_is_written_as_people_write_it(text: str, seconds: int) -> None:
    assert rules.duration(text) == timedelta(seconds=seconds)


@pytest.mark.parametrize("text", ["", "10 m", "1.5h", "10m1h", "-5s", "ten", "10min", "1d", "٣m", "9" * 99 + "h"])
def test_what_is_no_length_of_time_is_refused(text: str) -> None:
    with pytest.raises(NotARule, match="is no length of time: write one like 90s, 10m or 1h30m"):
        rules.duration(text)


@pytest.mark.parametrize(
    ("text", "day"),
    [("2020-02-29", date(2020, 2, 29)), ("2020-05", date(2020, 5, 1)), ("1999", date(1999, 1, 1))],
)
def test_a_date_may_leave_its_end_open(text: str, day: date) -> None:
    assert rules.day(text) == day
    assert rules.since(text) == day


def test_since_can_be_days_ago() -> None:
    assert rules.since("30d") == timedelta(days=30)


@pytest.mark.parametrize("read", [rules.day, rules.since])
@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("2021-02-29", "is not in the calendar"),
        ("2020-13", "is not in the calendar"),
        ("0000", "is not in the calendar"),
        ("20", "is no date"),
        ("2020-1-1", "is no date"),
        ("yesterday", "is no date"),
        ("30 d", "is no date"),
    ],
)
def test_what_is_no_date_is_refused(read: Callable[[str], object], text: str, why: str) -> None:
    with pytest.raises(NotARule, match=f"'{text}' {why}"):
        read(text)


@pytest.mark.parametrize(
    ("text", "order"),
    [
        ("source", Order()),
        ("newest", Order(By.NEWEST)),
        ("oldest", Order(By.OLDEST)),
        ("shuffle", Order(By.SHUFFLE)),
        ("shuffle(7)", Order(By.SHUFFLE, "7")),
        ("shuffle(monday-mix)", Order(By.SHUFFLE, "monday-mix")),
    ],
)
def test_an_order_is_one_word(text: str, order: Order) -> None:
    assert rules.order(text) == order


@pytest.mark.parametrize("text", ["", "random", "shuffle()", "shuffle(a b)", "shuffle(7", "newest(7)", "Shuffle"])
def test_another_word_is_no_order(text: str) -> None:
    with pytest.raises(NotARule, match="is no order: write source, newest, oldest or shuffle, or shuffle"):
        rules.order(text)


def test_what_stands_between_slashes_is_a_pattern_and_all_else_a_text() -> None:
    assert rules.entry("Anna") == Text("Anna")
    assert rules.entry("AC/DC") == Text("AC/DC")
    assert rules.entry("/^live at/") == Pattern("^live at")
    assert rules.entry("/a/b/") == Pattern("a/b")


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "an empty text matches nothing"),
        (" \u0301", "an empty text matches nothing"),
        ("//", "// is empty: write what to look for"),
        ("/", "begins like a pattern, and does not end like one"),
        ("/live", "begins like a pattern, and does not end like one"),
        ("/live/i", "/live/i has a flag, and there are none: write /live/, for case never counts"),
    ],
)
def test_what_is_neither_is_refused(text: str, why: str) -> None:
    with pytest.raises(NotARule, match=why):
        rules.entry(text)


@pytest.mark.parametrize(
    ("expression", "why"),
    [
        ("(live", "missing ), at (live"),
        ("[a-", "missing ]"),
        ("*live", "no argument for repetition operator, at *"),
        (r"(a)\1", r"/(a)\1/ is no pattern: invalid escape sequence, at \1"),
        (r"\pFoo", "invalid character class range"),
        ("live(?!r)", "(?! is not known here; to take some of what matches, use include and exclude together"),
        ("(?<=a)live", "is not known here"),
        (r"(\pL*\w*){100}", "it is too large"),
        ("(" * 2000, "missing )"),
        (r"\bété\b", r"\b and \w know no letters but a-z"),
        (r"дом\w+", "write it without accents, or as a text"),
        ("\ud800", "has half a character in it"),
        ("", "is empty"),
    ],
)
def test_a_pattern_that_cannot_be_used_is_refused_in_words_and_nowhere_else(
    expression: str, why: str, capfd: pytest.CaptureFixture[str]
) -> None:
    problem = pattern_problem(expression)

    assert problem is not None
    assert why in problem
    assert len(problem) < 250
    with pytest.raises(NotARule):
        Pattern(expression)
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize("expression", ["live", r"\blive\b", r"été", r"\\bété\\w", r"\p{Han}{2,20}", "(?:a|b)+$"])
def test_a_pattern_that_can_be_used_has_no_problem(expression: str) -> None:
    assert pattern_problem(expression) is None


@given(st.text(st.characters(), max_size=20))
def test_whatever_is_written_it_is_a_pattern_or_its_problem_is_said(expression: str) -> None:
    problem = pattern_problem(expression)

    assert problem is None or problem.isprintable()
    if problem is None:
        assert Pattern(expression).finder()("some title") in (True, False)


def test_patterns_say_what_they_lack_where_there_is_no_engine(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "re2", None)

    assert "need the package google-re2, which is not installed here" in str(pattern_problem("live"))
    assert rules.entry("live") == Text("live")


@pytest.mark.parametrize(
    ("wrong", "why"),
    [
        ({"first": 1, "last": 1}, "exclude each other"),
        ({"first": 0}, "from 1 on"),
        ({"last": -1}, "from 1 on"),
        ({"kinds": frozenset()}, "no kind is left"),
    ],
)
def test_rules_that_contradict_themselves_are_refused(wrong: dict[str, Any], why: str) -> None:
    with pytest.raises(NotARule, match=why):
        Rules(**wrong)


def test_a_span_of_time_that_nothing_fits_into_is_refused() -> None:
    with pytest.raises(NotARule, match="min is longer than max"):
        Span(min=timedelta(seconds=60), max=timedelta(seconds=59))
    with pytest.raises(NotARule, match="nothing is as short as a max of 0"):
        Span(max=timedelta())
    assert Span(min=timedelta(seconds=60), max=timedelta(seconds=60)).min == timedelta(minutes=1)


def test_entries_are_quoted_as_they_were_written_on_one_line() -> None:
    assert str(Pattern(r"\d+'s (re)?mix")) == r"/\d+'s (re)?mix/"
    assert str(Pattern("a\nb")) == r"/a\nb/"
    assert str(Text("Guns N' Roses")) == '"Guns N\' Roses"'
    assert len(str(Text("x" * 500))) < 70
    assert Filter(title=(Text("a"),)) == Filter(title=(Text("a"),))


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Beyoncé", "BEYONCE"),
        ("Ｌｉｖｅ", "live"),  # noqa: RUF001 - it is about such letters
        ("Don’t  Stop", "don't stop"),  # noqa: RUF001 - the same
        ("Part 1 – Live", "part 1 - live"),  # noqa: RUF001 - the same
        ("STRASSE", "Straße"),
        ("Ёлка", "елка"),
        ("한국", "\u1112\u1161\u11ab\u1100\u116e\u11a8"),
        ("İstanbul", "istanbul"),
        ("Sigur\u00a0Rós", "sigur ros"),
        ("ﬁre", "Fire"),
    ],
)
def test_case_accents_width_and_typography_do_not_count(one: str, other: str) -> None:
    assert fold(one) == fold(other)


@pytest.mark.parametrize(("one", "other"), [("ハハ", "パパ"), ("कु", "क"), ("กิ", "ก"), ("Mø", "Mo"), ("live", "alive")])
def test_other_letters_are_other_letters(one: str, other: str) -> None:
    assert fold(one) != fold(other)


@given(st.text(max_size=30))
@example("\u0149")  # turns into two signs
@example("\u1fb3")  # is two letters in upper case
def test_what_counts_of_a_text_counts_for_its_other_case_too(text: str) -> None:
    assert fold(fold(text)) == fold(text)
    assert fold(text.casefold()) == fold(text)
