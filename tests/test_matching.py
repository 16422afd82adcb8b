"""When two items count as the same: a table of hard titles, and what holds for every item there can be."""

import random
import subprocess
import sys
from dataclasses import replace
from unicodedata import category, normalize

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from syncer.ids import Uri
from syncer.matching import Lookup, same
from syncer.model import Item, Kind, Match
from tests.hard_titles import ROWS, Row, Track

EVERY_TITLE = sorted({track.title for row in ROWS for track in (row.one, row.other)})
ALIKE = [row for row in ROWS if row.same and not (row.one.isrc or row.other.isrc)]


def a_track(title: str, number: int = 1, **told: object) -> Item:
    """Return a track that lacks nothing to be known by."""
    return replace(Track(title=title).item(number), **told)  # type: ignore[arg-type] # a test that misspells one fails


# --- the table --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("row", ROWS, ids=str)
def test_the_table_of_hard_titles_holds(row: Row) -> None:
    one, other = row.one.item(1), row.other.item(2)

    assert same(Match.FUZZY, one, other) is row.same
    assert same(Match.FUZZY, other, one) is row.same
    assert Lookup(Match.FUZZY, [one]).find(other) == (one if row.same else None)
    assert Lookup(Match.FUZZY, [other]).find(one) == (other if row.same else None)


def test_the_table_is_large_and_says_nothing_twice() -> None:
    pairs = {frozenset((str(row.one), str(row.other))) for row in ROWS}

    assert len(pairs) == len(ROWS) >= 150
    assert sum(not row.same for row in ROWS) >= 90


# --- for every item ---------------------------------------------------------------------------------------------------

items = st.builds(
    Item,
    uri=st.sampled_from([None, *(Uri(f"spotify:track:{number:022d}") for number in range(6))]),
    kind=st.sampled_from([Kind.TRACK] * 6 + list(Kind)),
    name=st.sampled_from(EVERY_TITLE[::9])
    | st.sampled_from(["Neon", "Neon (Live)", "Millennium Girl", "Millenium Girl"]),
    artists=st.sampled_from([(), ("Juno",), ("JUNO",), ("Juno", "Kit"), ("Kit", "Juno")]),
    album=st.sampled_from(["", "Stones", "Stones (Live)"]),
    duration_ms=st.sampled_from([None, 0, 1, 200_000, 201_999, 202_000, 203_500, 204_001]),
    explicit=st.sampled_from([None, True, False]),
    isrc=st.sampled_from([None, None, "SEABC2600001", "SEABC2600002", "UNKNOWN", ""]),
)
matches = st.sampled_from(Match)


@given(matches, items, items)
def test_it_does_not_matter_which_of_two_comes_first(match: Match, one: Item, other: Item) -> None:
    assert same(match, one, other) is same(match, other, one)


@given(matches, items)
def test_everything_with_a_uri_is_the_same_as_itself(match: Match, item: Item) -> None:
    assert same(match, item, item) is (item.uri is not None)


@given(items, items)
def test_each_way_to_match_finds_all_that_the_stricter_ones_do(one: Item, other: Item) -> None:
    by_uri, by_recording, by_title = (same(match, one, other) for match in Match)

    assert by_uri <= by_recording <= by_title


@given(matches, items, items)
def test_nothing_is_the_same_as_something_of_another_kind(match: Match, one: Item, other: Item) -> None:
    assert one.kind is other.kind or not same(match, one, other)


@given(items, items)
def test_what_is_no_track_is_known_by_its_uri_alone(one: Item, other: Item) -> None:
    if Kind.TRACK not in (one.kind, other.kind):
        assert same(Match.FUZZY, one, other) is same(Match.URI, one, other)


@given(matches, st.lists(items, max_size=12), items, st.randoms(use_true_random=False))
def test_a_lookup_finds_what_comparing_with_each_would_whatever_the_order(
    match: Match, held: list[Item], item: Item, chance: random.Random
) -> None:
    first = {one.uri: one for one in reversed(held)}  # of one URI the first is kept
    shuffled = chance.sample([*first.values()], len(first))

    found = Lookup(match, shuffled).find(item)

    assert (found is not None) is any(same(match, item, one) for one in first.values())
    assert found is None or same(match, item, found)
    assert found == Lookup(match, first.values()).find(item)


def test_of_several_it_is_the_nearest_that_is_found() -> None:
    sought = a_track("Millennium Girl", 9, isrc="SEABC2600001")
    by_uri = a_track("Neon", 9)
    by_isrc = a_track("Neon", 8, isrc="SEABC2600001")
    by_title = a_track("Millennium Girl", 7, duration_ms=212_500)
    nearer = a_track("Millennium Girl", 6, duration_ms=213_000)
    with_first_uri = a_track("Millennium Girl", 5, duration_ms=215_000)
    by_a_slip = a_track("Millenium Girl", 4)
    held = [by_a_slip, by_title, nearer, with_first_uri, by_isrc, by_uri]

    found = []
    while one := Lookup(Match.FUZZY, held).find(sought):
        found.append(one)
        held.remove(one)

    assert found == [by_uri, by_isrc, with_first_uri, nearer, by_title, by_a_slip]


# --- for every title --------------------------------------------------------------------------------------------------

MARKERS = (
    "Live", "En Vivo", "Ao Vivo", "Live at Paradiso", "MTV Unplugged", "Acoustic", "Versión Acústica", "Remix",
    "Kaskel Remix", "Radio Edit", "Extended Mix", "Instrumental", "Karaoke Version", "Demo", "Cover", "Clean",
    "Explicit", "Remastered", "2011 Remaster", "Remasterizado", "Taylor's Version", "Single Version", "Mono", "Sped Up",
    "Slowed", "Slowed + Reverb", "Nightcore", "A Cappella", "Part 2", "Pt. III", "Vol. 4", "Reprise", "Interlude",
    "Orchestral", "ライブ", "现场", "Концерт", "feat. Nobody", "with Strings", "Zorblax",
)  # fmt: skip
decorated = st.sampled_from(
    ["{0} ({1})", "{0} - {1}", "{0} [{1}]", "{0} \u2013 {1}", "{0}\uff08{1}\uff09", "({1}) {0}", "{0} {1}"]
)
words = st.text("abcdefghijklmnopqrstuvwxyz", min_size=2, max_size=12)
titles = st.lists(words, min_size=1, max_size=5).map(" ".join) | st.sampled_from(EVERY_TITLE)


@given(titles, st.sampled_from(MARKERS), decorated)
@example("??", "Live", "{0} ({1})")
def test_a_marker_always_makes_another_item_of_it(title: str, marker: str, way: str) -> None:
    if marker not in title:
        assert not same(Match.FUZZY, a_track(title), a_track(way.format(title, marker), 2))


@example("!!!", "W&", "{0} ({1})")
@example("!!!", "feat. &", "{0} ({1})")
@given(titles, st.text(min_size=1, max_size=12), decorated)
def test_nothing_that_has_letters_or_digits_is_overlooked_but_what_is_known_to_say_nothing(
    title: str, addition: str, way: str
) -> None:
    nothing = ("explicit", "album version", "bonus track", "original mix", "version")
    letters = [char for char in addition if char.isalnum() and category(char) != "Lm"]  # those are mostly apostrophes
    if letters and not any(said in normalize("NFKC", addition).casefold() for said in nothing):
        assert not same(Match.FUZZY, a_track(title), a_track(way.format(title, addition), 2))


@given(st.lists(words, min_size=1, max_size=5), st.randoms(use_true_random=False))
def test_accents_case_and_punctuation_leave_it_the_same(said: list[str], chance: random.Random) -> None:
    title = " ".join(["Harbour", *said])

    other = a_track(" ".join(_disguised(word, chance) for word in title.split()), 2)

    assert same(Match.FUZZY, a_track(title), other)


def _disguised(word: str, chance: random.Random) -> str:
    """Return *word* as someone else may type it."""
    letters = [
        chance.choice([letter, letter.upper(), letter + chance.choice("\u0300\u0301\u0302\u0308\u030a\u0327")])
        for letter in word
    ]
    before, after = chance.choice([("", ""), ('"', '"'), ("“", "”"), ("¡", "!")])
    return normalize(chance.choice(["NFC", "NFD"]), before + "".join(letters) + after) + chance.choice(
        ["", ",", "!", "…"]
    )


@given(st.sampled_from(ALIKE), st.sampled_from(["Live", "Remix", "2011 Remaster", "Demo", "Zorblax"]))
def test_what_is_the_same_stays_the_same_with_the_same_marker(row: Row, marker: str) -> None:
    one, other = (track.item(number) for number, track in enumerate((row.one, row.other)))
    marked = [replace(item, name=f"{item.name} ({marker})", album="One Album") for item in (one, other)]

    assert same(Match.FUZZY, marked[0], marked[1])


# --- what it takes ----------------------------------------------------------------------------------------------------


def test_what_only_titles_need_is_not_imported_for_others() -> None:
    program = (
        "import sys; from syncer.matching import Lookup; from syncer.model import Item, Match; import syncer.planner;"
        "Lookup(Match.RECORDING, [Item(uri='spotify:track:x', isrc='SEABC2600001')]);"
        "print(sorted({'anyascii', 'jellyfish', 'syncer.titles', 'syncer.vocabulary'}.intersection(sys.modules)))"
    )

    shown = subprocess.check_output([sys.executable, "-c", program], text=True)  # noqa: S603 - our own words

    assert shown.strip() == "[]"
