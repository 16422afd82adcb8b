"""Which pairs are done one after the other, because they touch each other."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from syncer.grouping import groups
from syncer.ids import PlaylistId
from syncer.model import NewTarget, Pair, PlaylistSource, Queue, RecentlyPlayed
from syncer.naming import name as name_at
from syncer.rules import Rules
from tests.fakes import identifier, pair

NOW = datetime(2026, 11, 22, 6, tzinfo=UTC)
FRIEND = {"account": "friend"}


def named(*pairs: Pair) -> list[str]:
    """Return the groups of *pairs*, each as the names in it, run together."""
    return [" ".join(one.name for one in group) for group in groups(pairs, NOW)]


def made(sources: str, pattern: str, **options: object) -> Pair:
    """Return a pair whose target is not made yet."""
    one = pair(sources, "made", **options)
    return replace(one, name=f"{sources}-made", target=PlaylistId(""), create=NewTarget(pattern=pattern))


@pytest.mark.parametrize(
    ("pairs", "found"),
    [
        pytest.param((), [], id="none"),
        pytest.param((pair("a", "x"), pair("b", "y")), ["a-to-x", "b-to-y"], id="strangers"),
        pytest.param((pair("a", "x"), pair("a", "y")), ["a-to-x", "a-to-y"], id="one source"),
        pytest.param((pair("a", "x"), pair("b", "x")), ["a-to-x b-to-x"], id="one target"),
        pytest.param((pair("a", "x"), pair("b", "x", **FRIEND)), ["a-to-x b-to-x"], id="one target, two accounts"),
        pytest.param((pair("a", "x"), pair("x", "y")), ["a-to-x x-to-y"], id="chain"),
        pytest.param((pair("x", "y"), pair("a", "x")), ["x-to-y a-to-x"], id="chain backwards"),
        pytest.param((pair("a+x", "y"), pair("b", "x")), ["a-x-to-y b-to-x"], id="second source"),
        pytest.param(
            (pair("a", "x"), pair("b", "y"), pair("y", "x")), ["a-to-x b-to-y y-to-x"], id="joined by a third"
        ),
        pytest.param(
            (pair("a", "x"), pair("b", "y", rules=Rules(never=(identifier("x"),)))), ["a-to-x b-to-y"], id="never list"
        ),
        pytest.param(
            (
                pair("a", "x", rules=Rules(never=(identifier("n"),))),
                pair("b", "y", rules=Rules(never=(identifier("n"),))),
            ),
            ["a-to-x", "b-to-y"],
            id="never list of both",
        ),
        pytest.param(
            (made("a", "Café"), made("b", "Cafe\u0301")), ["a-made b-made"], id="one name, spelled in two ways"
        ),
        pytest.param(
            (pair("a", "x", volumes=(identifier("v"),)), pair("v", "y")), ["a-to-x v-to-y"], id="an earlier volume"
        ),
        pytest.param((made("a", "One {year}"), made("b", "One 2026")), ["a-made b-made"], id="made by one name"),
        pytest.param((made("a", "One"), made("b", "Two")), ["a-made", "b-made"], id="made by two names"),
        pytest.param((made("a", "One"), made("b", "One", **FRIEND)), ["a-made", "b-made"], id="made in two accounts"),
        pytest.param(
            (pair("queue", "x"), pair("b", "z"), pair("queue:week", "y")),
            ["queue-to-x queue-week-to-y", "b-to-z"],
            id="queue",
        ),
        pytest.param(
            (pair("recently_played", "x"), pair("recently_played", "y", **FRIEND)),
            ["recently_played-to-x", "recently_played-to-y"],
            id="plays of two accounts",
        ),
        pytest.param(
            (pair("recently_played", "x"), pair("queue", "y")),
            ["recently_played-to-x", "queue-to-y"],
            id="plays, queue",
        ),
    ],
)
def test_pairs_that_touch_each_other_are_together_in_file_order(pairs: Sequence[Pair], found: list[str]) -> None:
    assert named(*pairs) == found


def test_what_another_account_plays_is_that_accounts() -> None:
    read_by_friend = pair("recently_played", "x", readers=("friend",))
    assert len(named(read_by_friend, pair("recently_played", "y"))) == 2
    assert len(named(read_by_friend, pair("recently_played", "y", **FRIEND))) == 1


# --- against a plainer way to say it ----------------------------------------------------------------------------------

words = st.sampled_from("abcdefgh")
accounts = st.sampled_from(["default", "friend"])


@st.composite
def any_pair(draw: st.DrawFn) -> Pair:
    sources = draw(
        st.lists(st.one_of(words, st.sampled_from(["queue", "recently_played", "liked"])), min_size=1, max_size=3)
    )
    never = tuple(map(identifier, draw(st.sets(words, max_size=1))))
    one = pair("+".join(sources), draw(words), account=draw(accounts), rules=Rules(never=never))
    if draw(st.booleans()):
        one = replace(
            one, target=PlaylistId(""), create=NewTarget(pattern=draw(st.sampled_from(["One", "One {year}"])))
        )
    elif draw(st.booleans()):
        one = replace(one, volumes=(identifier(draw(words)),))
    return one


def touch(one: Pair, other: Pair) -> bool:
    """Whether two pairs must not be done side by side."""
    return (
        bool({*one.playlists} & {*other.playlists})
        or _feeds(one, other)
        or _feeds(other, one)
        or (_made(one) is not None and _made(one) == _made(other))
        or bool(_heard(one) & _heard(other))
    )


def _feeds(one: Pair, other: Pair) -> bool:
    read = {source.id for source in other.sources if isinstance(source, PlaylistSource)} | {*other.rules.never}
    return bool(read & {*one.playlists})


def _made(one: Pair) -> tuple[str, str] | None:
    return (one.account, name_at(one.create.pattern, NOW)) if one.create else None


def _heard(one: Pair) -> set[tuple[str, type]]:
    return {(account, type(source)) for account, source in one.reads if isinstance(source, Queue | RecentlyPlayed)}


@given(st.lists(any_pair(), max_size=8))
def test_groups_are_the_connected_components(found: list[Pair]) -> None:
    pairs = [replace(one, name=f"{place}") for place, one in enumerate(found)]
    reached = {one.name: {one.name} for one in pairs}
    for _ in pairs:
        for one in pairs:
            near = [other.name for other in pairs if touch(one, other)]
            reached[one.name] = {*reached[one.name]}.union(*(reached[name] for name in near))

    result = groups(pairs, NOW)

    assert [{one.name for one in group} for group in result] == list(
        {min(reached[one.name], key=int): reached[one.name] for one in pairs}.values()
    )
    for group in result:
        places = [int(one.name) for one in group]
        assert places == sorted(places)
    assert [group[0].name for group in result] == sorted((group[0].name for group in result), key=int)
    assert sorted(one.name for group in result for one in group) == sorted(one.name for one in pairs)
