"""What is taken of the sources and in which order, for every rule and every source there can be."""

import re
from calendar import monthrange
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from itertools import chain
from typing import Any
from unicodedata import combining, normalize

import pytest
from hypothesis import given
from hypothesis import strategies as st

from syncer.ids import Uri
from syncer.model import Item, Kind, Reason
from syncer.rules import By, Entry, Explicit, Filter, Medium, Order, Pattern, Rules, Span, Text, entry
from syncer.selecting import Never, Selection, select
from tests.fakes import item, items, letters

NOW = datetime(2026, 11, 22, 6, tzinfo=UTC)
EPISODE = Item(uri=Uri("spotify:episode:" + "e" * 22), kind=Kind.EPISODE, name="e", duration_ms=3_000_000)
LOST = Item(uri=None, kind=Kind.UNAVAILABLE)
LOCAL = Item(uri=Uri("spotify:local:X:Y:Z:127"), kind=Kind.LOCAL, name="Live")


def listed(of: str) -> Never:
    """Return what tells which of the tracks *of* has the URI of an item."""
    known = {one.uri: one for one in items(of)}
    return lambda one: known.get(one.uri)


def chosen(rules: Rules, *held: Sequence[Item], never: Never = lambda _: None, name: str = "weekly") -> Selection:
    return select(rules, held, never=never, now=NOW, name=name)


def details(selection: Selection) -> dict[str, str]:
    return {skip.item.name: skip.detail for skip in selection.skips}


def titled(*names: str) -> list[Item]:
    """Return a track for each of *names*."""
    return [replace(item(chr(97 + index)), name=name) for index, name in enumerate(names)]


def entries(*texts: str) -> tuple[Entry, ...]:
    return tuple(map(entry, texts))


def taken(rules: Rules, held: Sequence[Item]) -> list[str]:
    return [one.name for one in chosen(rules, held).items]


# --- examples ---------------------------------------------------------------------------------------------------------


def test_without_rules_everything_is_taken_source_after_source() -> None:
    result = chosen(Rules(), items("ab"), [LOST, EPISODE], items("ba"))

    assert result == Selection(items=(*items("ab"), LOST, EPISODE, *items("ba")))


def test_a_text_is_found_as_whole_words_whatever_its_case_and_accents() -> None:
    held = titled("Café del Mar", "CAFE", "Cafeteria", "Le café (live)", "Live at the Café", "Decaf")

    assert taken(Rules(include=Filter(title=entries("café"))), held) == [
        "Café del Mar",
        "CAFE",
        "Le café (live)",
        "Live at the Café",
    ]
    assert taken(Rules(exclude=Filter(title=entries("cafe", "decaf"))), held) == ["Cafeteria"]


def test_a_text_may_have_several_words_and_signs() -> None:
    held = titled("Don’t Stop Me Now", "Don't Stop", "Stop", "A+", "What?! (Remix)", "What")  # noqa: RUF001 - as Spotify

    assert taken(Rules(include=Filter(title=entries("don't stop"))), held) == ["Don’t Stop Me Now", "Don't Stop"]  # noqa: RUF001 - the same
    assert taken(Rules(include=Filter(title=entries("+", "?!"))), held) == ["A+", "What?! (Remix)"]


def test_an_artist_counts_by_the_whole_name_and_any_one_of_several_will_do() -> None:
    held = [
        replace(item("a"), artists=("Queen",)),
        replace(item("b"), artists=("Queens of the Stone Age",)),
        replace(item("c"), artists=("David Bowie", "QUEEN")),
        replace(item("d"), artists=("Queen Latifah",)),
        replace(item("e"), artists=()),
    ]

    assert taken(Rules(include=Filter(artist=entries("queen"))), held) == ["a", "c"]
    assert taken(Rules(exclude=Filter(artist=entries("queen"))), held) == ["b", "d", "e"]
    assert taken(Rules(include=Filter(artist=entries("/^queen/"))), held) == ["a", "b", "c", "d"]


def test_include_wants_each_of_its_keys_and_exclude_any() -> None:
    held = [
        replace(item("a"), artists=("Anna",), album="Hits"),
        replace(item("b"), artists=("Anna",), album="More"),
        replace(item("c"), artists=("Bert",), album="Hits"),
        replace(item("d"), artists=("Bert",), album="More"),
    ]
    both = Filter(artist=entries("Anna"), album=entries("hits"))

    assert taken(Rules(include=both), held) == ["a"]
    assert taken(Rules(exclude=both), held) == ["d"]
    assert taken(Rules(include=Filter(artist=entries("Anna")), exclude=Filter(album=entries("hits"))), held) == ["b"]


def test_a_pattern_in_plain_letters_sees_no_accents_and_one_with_accents_does() -> None:
    held = titled("Été 91", "Ete 91", "Ｌｉｖｅ", "ライブ盤", "Дома")  # noqa: RUF001 - letters of another width

    assert taken(Rules(include=Filter(title=entries(r"/\bete\b/"))), held) == ["Été 91", "Ete 91"]
    assert taken(Rules(include=Filter(title=entries("/été/"))), held) == ["Été 91"]
    assert taken(Rules(include=Filter(title=entries("/e\u0301t/"))), held) == ["Été 91"]
    assert taken(Rules(include=Filter(title=entries("/^live$/", "/ライブ/", "/ДОМ/"))), held) == held_names(held[2:])


def held_names(held: Iterable[Item]) -> list[str]:
    return [one.name for one in held]


def test_half_a_character_in_a_title_is_no_trouble() -> None:
    held = titled("Live \ud83d", "\ud800")
    rules = Rules(exclude=Filter(title=entries("live", "/liv/", "/…/")), order=Order(By.SHUFFLE, "7"))

    assert taken(rules, held) == ["\ud800"]


@pytest.mark.parametrize(
    "runaway",
    [
        "(a+)+$",
        "^(a|a)*$",
        "(.*a){20}!",
        "^(([a-z])+.)+[A-Z]([a-z])+$",
        "(x+x+)+y",
        "(a?){40}a{40}b",
        r"(\w+\s?)+!!$",
        "(.*)(.*)(.*)(.*)(.*)(.*)(.*)(.*)(.*)x$",
    ],
)
def test_a_pattern_that_never_ends_elsewhere_ends_here(runaway: str) -> None:
    """Each takes Python's own engine longer than this machine will last, for one title or another."""
    held = titled("a" * 499 + "!", "a" * 500 + "é", "live at the " * 41 + "end?")

    taken(Rules(exclude=Filter(title=(Pattern(runaway),))), held * 100)


def test_explicit_ones_can_be_left_out_or_be_all() -> None:
    held = [replace(item("a"), explicit=True), replace(item("b"), explicit=False), item("c")]

    assert details(chosen(Rules(explicit=Explicit.EXCLUDE), held)) == {"a": "it is explicit"}
    assert details(chosen(Rules(explicit=Explicit.ONLY), held)) == {"b": "it is not explicit"}


def test_a_duration_counts_with_its_ends_and_an_unknown_one_is_fine() -> None:
    rules = Rules(duration=Span(min=timedelta(seconds=90), max=timedelta(minutes=10)))
    lengths = {"a": 89_999, "b": 90_000, "c": 600_000, "d": 600_001, "e": None}
    held = [replace(item(letter), duration_ms=length) for letter, length in lengths.items()]

    assert details(chosen(rules, held)) == {"a": "shorter than 1 minute 30 seconds", "d": "longer than 10 minutes"}


def test_a_release_known_by_its_year_alone_counts_by_its_last_day() -> None:
    known = {"a": "2019", "b": "2020", "c": "2020-04", "d": "2020-05", "e": "2020-05-14", "f": "2020-05-15"}
    unknown = {"g": None, "h": "0000", "i": "soon", "j": ""}
    held = [replace(item(letter), released=day) for letter, day in {**known, **unknown}.items()]

    assert details(chosen(Rules(released_since=date(2020, 5, 15)), held)) == {
        "a": "released in 2019, before 2020-05-15",
        "c": "released in 2020-04, before 2020-05-15",
        "e": "released in 2020-05-14, before 2020-05-15",
    }


def test_added_since_is_a_day_or_so_many_days_ago() -> None:
    moments = {
        "a": "2026-10-23T05:59:59Z",
        "b": "2026-10-23T06:00:00Z",
        "c": "2026-10-24T01:00:00+02:00",
        "d": "2026-10-24T00:00:00Z",
        "e": None,
        "f": "long ago",
        "g": "0001-01-01T00:00:00+14:00",
        "h": "2026-10-23",
        "i": "2026-10-24",
    }
    held = [replace(item(letter), added_at=at) for letter, at in moments.items()]

    assert details(chosen(Rules(added_since=timedelta(days=30)), held)) == {
        "a": "added on 2026-10-23, more than 30 days ago",
        "g": "added on 0001-01-01, more than 30 days ago",
        "h": "added on 2026-10-23, more than 30 days ago",
    }
    assert list(details(chosen(Rules(added_since=date(2026, 10, 24)), held))) == ["a", "b", "c", "g", "h"]


def test_tracks_or_episodes_alone_can_be_taken() -> None:
    held = [*items("a"), EPISODE]

    assert details(chosen(Rules(kinds=frozenset({Medium.TRACKS})), held)) == {"e": "it is an episode"}
    assert details(chosen(Rules(kinds=frozenset({Medium.EPISODES})), held)) == {"a": "it is a track"}


def test_what_is_in_a_never_list_stays_out_and_names_what_it_equals_there() -> None:
    other = replace(item("x"), name="B (Remastered)")

    def equal(one: Item) -> Item | None:
        return {"a": item("a"), "b": other}.get(one.name)

    result = chosen(Rules(), items("abca"), never=equal)

    assert letters(result.items) == "c"
    assert [(skip.item.name, skip.reason, skip.equals) for skip in result.skips] == [
        ("a", Reason.NEVER, None),
        ("b", Reason.NEVER, other),
        ("a", Reason.NEVER, None),
    ]


def test_every_rule_says_why_it_leaves_something_out() -> None:
    held = titled("Live", "Song", "Mix", "Jam", "End")
    rules = Rules(
        include=Filter(title=entries("/./"), artist=entries("Anna")),
        exclude=Filter(title=entries("/live/", "song"), artist=entries("bert"), album=entries("/hits/")),
        first=1,
    )
    held[2] = replace(held[2], album="Greatest Hits")
    held[3] = replace(held[3], artists=("Carl",))
    held.append(replace(item("z"), name="Z"))
    held.append(replace(item("y"), name="Y", artists=("Anna", "Bert")))

    assert details(chosen(rules, held)) == {
        "Live": "the title matches /live/",
        "Song": "the title contains 'song'",
        "Mix": "the album matches /hits/",
        "Jam": "the artist matches nothing under include",
        "Y": "the artist is 'bert'",
        "Z": "not among the first 1",
    }


def test_what_can_never_be_added_is_left_to_the_planner_and_takes_no_place() -> None:
    rules = Rules(exclude=Filter(title=entries("live")), kinds=frozenset({Medium.TRACKS}), first=2)

    result = chosen(rules, [LOST, *items("a"), LOCAL, *items("bc"), LOST])

    assert result.items == (LOST, item("a"), LOCAL, item("b"), LOST)
    assert [(skip.item.name, skip.detail) for skip in result.skips] == [("c", "not among the first 2")]


def test_first_and_last_count_different_items() -> None:
    assert letters(chosen(Rules(first=2), items("abacb")).items) == "aba"
    assert letters(chosen(Rules(last=2), items("abcac")).items) == "cac"
    assert details(chosen(Rules(last=2), items("abcac"))) == dict.fromkeys("ab", "not among the last 2")


def test_sources_can_take_turns() -> None:
    assert letters(chosen(Rules(interleave=True), items("adgh"), items("b"), [], items("cef")).items) == "abcdegfh"
    assert letters(chosen(Rules(), items("adgh"), items("b"), [], items("cef")).items) == "adghbcef"


def test_newest_and_oldest_go_by_when_an_item_was_added_and_unknown_comes_last() -> None:
    moments = {
        "a": None,
        "b": "2026-01-02T00:00:00Z",
        "c": "2026-01-03T00:00:00Z",
        "d": "2026-01-02T00:00:00Z",
        "e": "",
    }
    held = [replace(item(letter), added_at=at) for letter, at in moments.items()]

    assert letters(chosen(Rules(order=Order(By.NEWEST)), held).items) == "cbdae"
    assert letters(chosen(Rules(order=Order(By.OLDEST)), held).items) == "bdcae"
    assert letters(chosen(Rules(order=Order(By.NEWEST), first=2), held).items) == "cb"


def test_a_shuffle_is_the_same_every_time_and_another_one_for_another_seed() -> None:
    by_name, by_seed = Rules(order=Order(By.SHUFFLE)), Rules(order=Order(By.SHUFFLE, "7"))
    held = items("abcdefghij")

    assert letters(chosen(by_seed, held).items) == "ejafdcbghi"
    assert chosen(by_seed, held, name="other") == chosen(by_seed, held)
    assert chosen(by_name, held, name="7") == chosen(by_seed, held)
    assert chosen(by_name, held, name="other") != chosen(by_name, held)


# --- for every rule and every source ----------------------------------------------------------------------------------

TITLES = ("Live", "Alive", "Song", "Song (Live)", "Café", "cafe - remix", "SONG 2", "")
ARTISTS = ("Anna", "ANNA", "Änna", "Anna Bell", "Bert")
WORDS = ("live", "song", "café", "Anna", "bert", "/live/", "/^song/", r"/\bcafe\b/", "/[0-9]|remix$/", "/^$/")
MOMENTS = (None, "", "2026-11-01T00:00:00Z", "2026-11-21T06:00:00Z", "2026-11-21T05:59:59Z", "2025-01-01T00:00:00Z")
RELEASES = (None, "2019", "2020", "2020-02", "2020-05", "2020-05-16", "2020-05-14")

playable = st.builds(
    replace,
    st.sampled_from([*items("abcdefgh"), EPISODE]),
    name=st.sampled_from(TITLES),
    album=st.sampled_from(TITLES),
    artists=st.lists(st.sampled_from(ARTISTS), max_size=2).map(tuple),
    explicit=st.sampled_from([None, True, False]),
    duration_ms=st.sampled_from([None, 59_999, 60_000, 60_001, 600_000, 600_001, 10**40]),
    released=st.sampled_from(RELEASES),
    added_at=st.sampled_from(MOMENTS),
)
lists = st.lists(st.one_of(playable, playable, playable, st.sampled_from([LOST, LOCAL])), max_size=12)
sources = st.lists(lists, max_size=3)
some = st.lists(st.sampled_from(WORDS).map(entry), max_size=2).map(tuple)
filters = st.builds(Filter, artist=some, album=some, title=some)
orders = st.sampled_from([Order(), Order(By.NEWEST), Order(By.OLDEST), Order(By.SHUFFLE), Order(By.SHUFFLE, "7")])
refusing: dict[str, st.SearchStrategy[Any]] = {
    "include": st.one_of(st.just(Filter()), filters),
    "exclude": st.one_of(st.just(Filter()), filters),
    "explicit": st.sampled_from([None, *Explicit]),
    "duration": st.builds(
        Span,
        min=st.sampled_from([None, timedelta(minutes=1)]),
        max=st.sampled_from([None, timedelta(minutes=1), timedelta(minutes=10)]),
    ),
    "released_since": st.sampled_from([None, date(2020, 1, 1), date(2020, 5, 15)]),
    "added_since": st.sampled_from([None, date(2026, 11, 1), timedelta(days=1)]),
    "kinds": st.sets(st.sampled_from(Medium), min_size=1).map(frozenset),
}
refusals = st.builds(Rules, **refusing)
numbers: st.SearchStrategy[dict[str, int]] = st.one_of(
    st.just({}),
    st.integers(1, 6).map(lambda count: {"first": count}),
    st.integers(1, 6).map(lambda count: {"last": count}),
)
all_rules = st.builds(
    lambda rules, order, interleave, number: replace(rules, order=order, interleave=interleave, **number),
    refusals,
    orders,
    st.booleans(),
    numbers,
)
nevers = st.lists(st.sampled_from("abcdefgh"), max_size=2).map("".join).map(listed)


def naive_fold(text: str) -> str:
    return "".join(letter for letter in normalize("NFD", text) if not combining(letter)).lower()


def naive_match(one: Entry, text: str, *, is_whole: bool) -> bool:
    if isinstance(one, Pattern):
        return re.search(one.expression, naive_fold(text), re.IGNORECASE) is not None
    if is_whole:
        return naive_fold(text) == naive_fold(one.words)
    return naive_fold(one.words) in re.findall(r"\w+", naive_fold(text))


def naive_hits(rule: Filter, one: Item) -> list[bool]:
    """Tell of each key of *rule* that is given whether *one* matches it."""
    found = []
    for wanted, texts, is_whole in (
        (rule.artist, one.artists, True),
        (rule.album, [one.album], False),
        (rule.title, [one.name], False),
    ):
        if wanted:
            found.append(any(naive_match(entry, text, is_whole=is_whole) for entry in wanted for text in texts))
    return found


def latest(released: str) -> date:
    year, month, day = ([int(part) for part in released.split("-")] + [0, 0])[:3]
    return date(year, month or 12, day or monthrange(year, month or 12)[1])


def naive_takes(rules: Rules, one: Item) -> bool:
    """Say by the words of the docs, one after the other, whether *rules* take *one*."""
    medium = Medium.TRACKS if one.kind is Kind.TRACK else Medium.EPISODES
    length = None if one.duration_ms is None else one.duration_ms / 1000
    day_or_age = rules.added_since
    added = datetime.fromisoformat(one.added_at) if one.added_at else None
    return (
        medium in rules.kinds
        and not (rules.explicit == "exclude" and one.explicit is True)
        and not (rules.explicit == "only" and one.explicit is False)
        and not (length is not None and rules.duration.min and length < rules.duration.min.total_seconds())
        and not (length is not None and rules.duration.max and length > rules.duration.max.total_seconds())
        and not (one.released and rules.released_since and latest(one.released) < rules.released_since)
        and not (added and isinstance(day_or_age, timedelta) and NOW - added > day_or_age)
        and not (added and isinstance(day_or_age, date) and added.date() < day_or_age)
        and all(naive_hits(rules.include, one))
        and not any(naive_hits(rules.exclude, one))
    )


@given(rules=all_rules, held=sources, never=nevers)
def test_every_item_is_taken_or_left_out_with_its_reason_once(
    rules: Rules, held: list[list[Item]], never: Never
) -> None:
    result = chosen(rules, *held, never=never)

    assert Counter(result.items) + Counter(skip.item for skip in result.skips) == Counter(chain.from_iterable(held))
    assert all(skip.detail for skip in result.skips if skip.reason is Reason.EXCLUDED)
    assert {skip.reason for skip in result.skips} <= {Reason.EXCLUDED, Reason.NEVER}
    assert not [skip for skip in result.skips if skip.item in (LOST, LOCAL)]


@given(rules=refusals, held=lists, never=nevers)
def test_the_rules_take_what_their_words_say_and_keep_the_order(rules: Rules, held: list[Item], never: Never) -> None:
    result = chosen(rules, held, never=never)
    expected = [one for one in held if one in (LOST, LOCAL) or (naive_takes(rules, one) and not never(one))]

    assert list(result.items) == expected
    for skip in result.skips:
        assert skip.reason is (Reason.NEVER if naive_takes(rules, skip.item) else Reason.EXCLUDED)


@given(rules=all_rules, held=sources, never=nevers)
def test_to_select_again_changes_nothing(rules: Rules, held: list[list[Item]], never: Never) -> None:
    once = chosen(rules, *held, never=never)

    assert chosen(rules, once.items, never=never) == Selection(items=once.items)


@given(rules=refusals, order=orders, held=sources, more=lists)
def test_a_rule_judges_each_item_by_itself(
    rules: Rules, order: Order, held: list[list[Item]], more: list[Item]
) -> None:
    """Whatever else there is, what is taken stays taken, and in the same order."""
    rules = replace(rules, order=order)
    alone = chosen(rules, *held).items
    among = list(chosen(rules, *held, more).items)

    assert Counter(alone) + Counter(chosen(rules, more).items) == Counter(among)
    assert is_within(first_of_each(alone), first_of_each(one for one in among if one in alone))


def first_of_each(of: Iterable[Item]) -> list[Item]:
    return list(dict.fromkeys(of))


def is_within(some: Sequence[Item], others: Iterable[Item]) -> bool:
    rest = iter(others)
    return all(one in rest for one in some)


@given(order=orders, held=lists, number=st.integers(1, 12))
def test_first_and_last_take_the_ends_of_what_is_left(order: Order, held: list[Item], number: int) -> None:
    everything = [one for one in chosen(Rules(order=order), held).items if one not in (LOST, LOCAL)]
    first = [one for one in chosen(Rules(order=order, first=number), held).items if one not in (LOST, LOCAL)]
    last = [one for one in chosen(Rules(order=order, last=number), held).items if one not in (LOST, LOCAL)]
    different = len({one.uri for one in everything})

    assert first == everything[: len(first)]
    assert last == everything[len(everything) - len(last) :]
    assert len({one.uri for one in first}) == len({one.uri for one in last}) == min(number, different)
    assert len(first) >= min(number, len(everything)) or len(first) < len(everything)


@given(held=lists, order=st.sampled_from([Order(By.NEWEST), Order(By.OLDEST)]))
def test_by_age_what_is_alike_stays_as_it_was(held: list[Item], order: Order) -> None:
    result = list(chosen(Rules(order=order), held).items)
    dated = [one for one in result if one.added_at]
    moments = [datetime.fromisoformat(one.added_at or "") for one in dated]

    assert moments == sorted(moments, reverse=order.by is By.NEWEST)
    assert result[: len(dated)] == dated
    for moment in MOMENTS:
        assert [one for one in result if one.added_at == moment] == [one for one in held if one.added_at == moment]


@given(
    held=st.lists(st.sampled_from("abcdefghijklmnop"), unique=True),
    gone=st.sets(st.sampled_from("abcdefghijklmnop")),
    seed=st.sampled_from([None, "7", "monday"]),
)
def test_the_place_in_a_shuffle_does_not_depend_on_what_else_there_is(
    held: list[str], gone: set[str], seed: str | None
) -> None:
    rules = Rules(order=Order(By.SHUFFLE, seed))
    before = letters(chosen(rules, items(held)).items)
    after = letters(chosen(rules, items([letter for letter in reversed(held) if letter not in gone])).items)

    assert after == "".join(letter for letter in before if letter not in gone)


@given(sizes=st.lists(st.integers(0, 6), max_size=4))
def test_sources_take_turns_as_long_as_they_last(sizes: list[int]) -> None:
    supply = iter(map(chr, range(97, 123)))
    held = [items([next(supply) for _ in range(size)]) for size in sizes]
    result = list(chosen(Rules(interleave=True), *held).items)

    for length in range(len(result) + 1):
        so_far = [sum(one in source for one in result[:length]) for source in held]
        most = max(so_far, default=0)
        assert all(count >= min(most - 1, len(source)) for count, source in zip(so_far, held, strict=True))
    for source in held:
        assert tuple(one for one in result if one in source) == source


@given(
    text=st.text(st.characters(exclude_categories=()), min_size=1, max_size=20), around=st.sampled_from(["", " ", "("])
)
def test_a_title_always_matches_itself(text: str, around: str) -> None:
    try:
        wanted = Text(text)
    except ValueError:
        return  # there is nothing in it to match
    held = [replace(item("a"), name=f"{around}{text}{around}", artists=(text,), album=text)]

    for rule in (Filter(title=(wanted,)), Filter(artist=(wanted,)), Filter(album=(wanted,))):
        assert chosen(Rules(include=rule), held).items == tuple(held)
        assert chosen(Rules(exclude=rule), held).items == ()
