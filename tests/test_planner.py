"""What a plan holds, for every source and target there can be."""

from collections.abc import Iterable

from hypothesis import given
from hypothesis import strategies as st

from syncer.ids import Uri
from syncer.model import Item, Kind, Reason
from syncer.planner import plan
from tests.fakes import items, letters, pair, uri


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
