"""What a plan holds, for every source and target there can be."""

import random
from collections.abc import Iterable
from dataclasses import replace
from itertools import combinations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from syncer.ids import Uri
from syncer.matching import Lookup, same
from syncer.model import Item, Kind, Match, Reason
from syncer.planner import plan
from tests.fakes import item, items, letters, pair, uri


def uris(of: Iterable[Item]) -> set[Uri]:
    return {item.uri for item in of if item.uri is not None}


names = st.lists(st.sampled_from("abcdefgh"), max_size=30)
entries = st.lists(
    st.one_of(
        st.sampled_from("abcd").map(lambda letter: items(letter)[0]),
        st.sampled_from(
            [
                Item(uri=None, kind=Kind.UNAVAILABLE),
                Item(uri=Uri("spotify:local:X:Y:Z:127"), kind=Kind.LOCAL),
                Item(uri=Uri("spotify:chapter:" + "c" * 22), kind=Kind.UNSUPPORTED),
                Item(uri=Uri("spotify:track:short"), kind=Kind.TRACK),
                Item(uri=None, kind=Kind.TRACK),
                Item(uri=Uri("spotify:episode:" + "e" * 22), kind=Kind.EPISODE),
            ]
        ),
    ),
    max_size=20,
)


@given(source=names, target=names)
def test_a_plan_closes_the_gap_exactly(source: list[str], target: list[str]) -> None:
    result = plan(pair("s", "t"), items(source), uris(items(target)))
    added = letters(result.additions)

    assert set(target) | set(added) == set(target) | set(source)  # nothing is missing
    assert set(target).isdisjoint(added)  # nothing is there already
    assert sorted(added, key=source.index) == list(added)  # source order is kept
    assert len(source) == len(added) + len(result.skips)  # every item is accounted for


@given(source=entries, target=entries)
def test_a_second_plan_after_the_first_adds_nothing(source: list[Item], target: list[Item]) -> None:
    first = plan(pair("s", "t"), source, uris(target))
    second = plan(pair("s", "t"), source, uris([*target, *first.additions]))

    assert second.additions == ()
    assert all(item.uri for item in first.additions)
    assert len({item.uri for item in first.additions}) == len(first.additions)


def test_every_kind_of_entry_has_its_reason() -> None:
    unusable = [
        Item(uri=None, kind=Kind.UNAVAILABLE),
        Item(uri=Uri("spotify:local:X:Y:Z:127"), kind=Kind.LOCAL),
        Item(uri=Uri("spotify:chapter:" + "c" * 22), kind=Kind.UNSUPPORTED),
        Item(uri=Uri("spotify:track:short\n"), kind=Kind.TRACK),
        Item(uri=None, kind=Kind.TRACK),
    ]

    result = plan(pair("s", "t"), [*items("aab"), *unusable], {uri("b")})

    assert letters(result.additions) == "a"
    assert [skip.item for skip in result.skips] == [*items("ab"), *unusable]
    assert [skip.reason for skip in result.skips] == [
        Reason.REPEATED,
        Reason.ALREADY_THERE,
        Reason.UNAVAILABLE,
        Reason.LOCAL,
        Reason.UNSUPPORTED,
        Reason.UNSUPPORTED,
        Reason.UNSUPPORTED,
    ]


def test_episodes_are_added_like_tracks() -> None:
    episode = Item(uri=Uri("spotify:episode:" + "e" * 22), kind=Kind.EPISODE)

    assert plan(pair("s", "t"), [episode], set()).additions == (episode,)


def test_what_was_taken_out_is_left_out_with_its_reason_however_often_the_source_has_it() -> None:
    result = plan(pair("s", "t"), items("abcab"), {uri("c")}, {uri("a"), uri("c")})

    assert letters(result.additions) == "b"
    assert [(skip.item.name, skip.reason) for skip in result.skips] == [
        ("a", Reason.TAKEN_OUT),
        ("c", Reason.ALREADY_THERE),
        ("a", Reason.TAKEN_OUT),
        ("b", Reason.REPEATED),
    ]


def test_what_counts_as_there_is_not_planned_though_no_read_shows_it() -> None:
    assert letters(plan(pair("s", "t"), items("abc"), {uri("b")}).additions) == "ac"


# --- where more than one URI is the same ------------------------------------------------------------------------------

versions = st.builds(
    lambda letter, **told: replace(item(letter), **told),
    st.sampled_from("abcdefgh"),
    name=st.sampled_from(["Neon", "NEON", "Neon (Live)", "Harbour", "Millennium Girl", "Millenium Girl"]),
    isrc=st.sampled_from([None, None, "SEABC2600001", "SEABC2600002"]),
    duration_ms=st.sampled_from([None, 200_000, 201_500, 203_000]),
)
playlists = st.lists(versions | entries.filter(bool).map(lambda some: some[0]), max_size=12)
matches = st.sampled_from(Match)


@given(matches, playlists, playlists)
def test_nothing_is_picked_that_is_the_same_as_something_there_or_picked(
    match: Match, source: list[Item], target: list[Item]
) -> None:
    result = plan(pair("s", "t"), source, uris(target), there=Lookup(match, target))

    assert not [one for one in result.additions for held in target if same(match, one, held)]
    assert not [both for both in combinations(result.additions, 2) if same(match, *both)]
    assert len(source) == len(result.additions) + len(result.skips)
    assert sorted(result.additions, key=source.index) == list(result.additions)


@given(matches, playlists, playlists)
def test_what_is_left_out_is_the_same_as_what_its_skip_names(
    match: Match, source: list[Item], target: list[Item]
) -> None:
    result = plan(pair("s", "t"), source, uris(target), there=Lookup(match, target))

    for skip in result.skips:
        if skip.equals:
            assert skip.equals in (target if skip.reason is Reason.ALREADY_THERE else result.additions)
            assert same(match, skip.item, skip.equals)
            assert skip.item.uri != skip.equals.uri


@given(matches, playlists, playlists, st.randoms(use_true_random=False))
def test_the_order_of_the_target_does_not_matter(
    match: Match, source: list[Item], target: list[Item], chance: random.Random
) -> None:
    once = list({one.uri: one for one in target}.values())  # a URI is one track, whatever a test makes up of it
    shuffled = chance.sample(once, len(once))

    assert plan(pair("s", "t"), source, uris(once), there=Lookup(match, shuffled)) == plan(
        pair("s", "t"), source, uris(once), there=Lookup(match, once)
    )


@given(matches, playlists, playlists, st.randoms(use_true_random=False))
def test_after_a_plan_another_order_of_the_source_adds_nothing(
    match: Match, source: list[Item], target: list[Item], chance: random.Random
) -> None:
    first = plan(pair("s", "t"), source, uris(target), there=Lookup(match, target))
    now = [*target, *first.additions]

    second = plan(pair("s", "t"), chance.sample(source, len(source)), uris(now), there=Lookup(match, now))

    assert second.additions == ()


@given(playlists, playlists)
def test_by_uri_it_makes_no_difference_whether_the_target_is_at_hand(source: list[Item], target: list[Item]) -> None:
    assert plan(pair("s", "t"), source, uris(target), there=Lookup(Match.URI, target)) == plan(
        pair("s", "t"), source, uris(target)
    )


def test_a_skip_names_what_is_there_and_what_was_picked_before() -> None:
    held = replace(item("a"), name="Neon", duration_ms=200_000)
    again = replace(item("b"), name="NEON", duration_ms=201_000)
    new = replace(item("c"), name="Harbour", duration_ms=200_000)
    newer = replace(item("d"), name="Harbour (Bonus Track)", duration_ms=200_000)
    live = replace(item("e"), name="Neon - Live", duration_ms=200_000)

    source = [again, new, newer, live, held]
    result = plan(pair("s", "t"), source, {uri("a")}, there=Lookup(Match.FUZZY, [held]))

    assert result.additions == (new, live)
    assert [(skip.item, skip.reason, skip.equals) for skip in result.skips] == [
        (again, Reason.ALREADY_THERE, held),
        (newer, Reason.REPEATED, new),
        (held, Reason.ALREADY_THERE, None),
    ]


@pytest.mark.parametrize(("order", "picked"), [("abc", "ac"), ("bac", "b"), ("cba", "ca")])
def test_of_three_of_which_only_neighbours_are_the_same_the_first_in_the_source_decides(
    order: str, picked: str
) -> None:
    lasting = {"a": 200_000, "b": 202_000, "c": 204_000}
    source = [replace(item(letter), name="Neon", duration_ms=lasting[letter]) for letter in order]

    result = plan(pair("s", "t"), source, set(), there=Lookup(Match.FUZZY))

    assert [one.uri for one in result.additions] == [uri(letter) for letter in picked]


def test_what_was_taken_out_stays_out_whatever_else_is_the_same() -> None:
    held, gone = (replace(item(letter), isrc="SEABC2600001") for letter in "ab")

    result = plan(pair("s", "t"), [gone], {uri("a")}, {uri("b")}, Lookup(Match.RECORDING, [held]))

    assert [(skip.reason, skip.equals) for skip in result.skips] == [(Reason.TAKEN_OUT, None)]
