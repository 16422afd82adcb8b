"""What is remembered comes back as it was, or not at all, and never stands in the way."""

import json
import logging
import os
import subprocess
import sys
import zlib
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from syncer.cache import FORMAT, MOST, Cache, Contents, Index, Mark, Turn, route
from syncer.errors import StateUnusable, Temporary
from syncer.ids import Uri
from syncer.model import (
    Item,
    Kind,
    Match,
    NewTarget,
    Play,
    Position,
    Reason,
    Removed,
    Rhythm,
)
from syncer.rules import Filter, Rules, entry
from syncer.state.nothing import NoState
from tests.fakes import MemoryState, identifier, item, items, pair, uri

NOW = datetime(2026, 11, 22, 6, tzinfo=UTC)
CONTENTS = Contents(version="v1", total=3, items=items("ab"), read_at=NOW)
INDEX = Index(
    marks={
        "a-to-b": Mark(
            route="default liked x",
            sources=("v1", "v2"),
            targets=("v3", "v4"),
            seen_at=NOW,
            until=NOW + timedelta(days=9),
            skipped={Reason.ALREADY_THERE: 7},
        )
    },
    libraries={"default": 40},
    turns={"a-to-b": Turn(pair="default liked x 1000", at=NOW)},
)
ISRCS = {uri("a"): "USABC2600001", uri("b"): ""}
HOURS = {494_000: (12, 7), 494_001: (0, 0)}
DIARY = (Play(item=item("a"), at=datetime(2026, 11, 22, 5, tzinfo=UTC), context="spotify:playlist:week"),)

READS: dict[str, Callable[[Cache], object]] = {
    "contents it": lambda cache: cache.contents("it"),
    "diary it": lambda cache: cache.diary("it"),
    "index": lambda cache: cache.index(),
    "isrcs": lambda cache: cache.isrcs(),
    "spent client": lambda cache: cache.spent("client"),
}
"""By the name under which it is kept."""
NOTHING: dict[str, object] = {
    "contents it": None,
    "diary it": (),
    "index": Index(),
    "isrcs": {},
    "spent client": {},
}


def full() -> MemoryState:
    """Return a store with one of everything."""
    state = MemoryState()
    cache = Cache(state)
    cache.keep("it", CONTENTS)
    cache.keep_diary("it", DIARY)
    cache.keep_index(INDEX)
    cache.keep_isrcs(ISRCS)
    cache.keep_spent("client", HOURS)
    return state


def packed(document: object) -> bytes:
    return zlib.compress(json.dumps(document).encode())


def unpacked(state: MemoryState, name: str) -> Any:
    content = state.cached(name)
    assert content is not None
    return json.loads(zlib.decompress(content))


def test_everything_comes_back_in_another_process() -> None:
    cache = Cache(full())

    assert cache.contents("it") == CONTENTS
    assert cache.diary("it") == DIARY
    assert cache.index() == INDEX
    assert cache.isrcs() == ISRCS
    assert cache.spent("client") == HOURS


words = st.text(max_size=8)
entries = st.builds(
    Item,
    uri=st.none() | words.map(Uri),
    kind=st.sampled_from(Kind),
    name=words,
    artists=st.lists(words, max_size=2).map(tuple),
    added_at=st.none() | words,
    album=words,
    released=st.none() | words,
    duration_ms=st.none() | st.integers(0, 10**7),
    explicit=st.none() | st.booleans(),
    isrc=st.none() | words,
)


moments = st.datetimes(timezones=st.sampled_from([UTC, timezone(timedelta(hours=-9))]))


contents = st.builds(
    lambda held, more, **rest: Contents(items=held, total=len(held) + more, **rest),
    held=st.lists(entries, max_size=5).map(tuple),
    more=st.integers(0, 9),
    version=words,
    read_at=moments,
    again=st.booleans(),
)


plays = st.builds(Play, item=entries, at=moments, context=st.none() | words)


@given(diary=st.lists(plays, max_size=5).map(tuple), name=words)
def test_any_diary_comes_back(diary: tuple[Play, ...], name: str) -> None:
    cache = Cache(MemoryState())
    assert cache.diary(name) == ()

    cache.keep_diary(name, diary)

    assert cache.diary(name) == diary


@given(contents=contents, key=words)
def test_any_contents_come_back(contents: Contents, key: str) -> None:
    cache = Cache(MemoryState())

    cache.keep(key, contents)

    assert cache.contents(key) == contents
    assert contents.is_whole == (len(contents.items) == contents.total)


@pytest.mark.parametrize("name", READS)
def test_where_nothing_was_kept_there_is_nothing_and_nothing_to_say(
    name: str, caplog: pytest.LogCaptureFixture
) -> None:
    for state in (MemoryState(), NoState()):
        assert READS[name](Cache(state)) == NOTHING[name]
    assert not caplog.records


def test_what_is_kept_last_counts() -> None:
    cache = Cache(full())
    newer = Contents(version="v2", total=0, items=(), read_at=NOW)
    cache.keep("it", newer)
    cache.keep_index(Index())
    cache.keep_spent("client", {})

    assert (cache.contents("it"), cache.index(), cache.spent("client")) == (newer, Index(), {})


def test_what_is_kept_under_one_key_is_not_what_is_kept_under_another() -> None:
    cache = Cache(full())

    assert cache.contents("that") is None
    assert cache.spent("other") == {}


def bomb() -> bytes:
    """Return little that unpacks to more than anything may."""
    start = json.dumps({"format": FORMAT, "version": "v", "total": 0, "items": []})[:-1].encode()
    return zlib.compress(start + b" " * MOST + b"}", 9)


DAMAGE: dict[str, bytes] = {
    "nothing": b"",
    "no zlib": b"\x00\xffgarbage",
    "no JSON": zlib.compress(b"{"),
    "no UTF-8": zlib.compress(b'{"format": "\xff"}'),
    "too deep": zlib.compress(b"[" * 200_000),
    "a bomb": bomb(),
    "a list": packed([1]),
    "a number": packed(1),
    "null": packed(None),
    "no format": packed({"items": [], "marks": {}, "libraries": {}, "hours": []}),
    "no more than a format": packed({"format": FORMAT}),
    "a digit too many": zlib.compress(b'{"format": ' + b"1" * 9999 + b"}"),
}


@pytest.mark.parametrize("damage", DAMAGE)
@pytest.mark.parametrize("name", READS)
def test_what_is_damaged_or_foreign_counts_as_lost_and_is_logged(
    name: str, damage: str, caplog: pytest.LogCaptureFixture
) -> None:
    state = MemoryState()
    state.cache(name, DAMAGE[damage])

    assert READS[name](Cache(state)) == NOTHING[name]
    (record,) = caplog.records
    assert record.levelno == logging.WARNING
    assert record.__dict__["cached"] == name


@pytest.mark.parametrize("name", READS)
def test_what_was_cut_off_counts_as_lost(name: str) -> None:
    state = full()
    state.cache(name, (state.cached(name) or b"")[:-9])

    assert READS[name](Cache(state)) == NOTHING[name]


@pytest.mark.parametrize("form", [0, FORMAT + 1, "1", None, [1]])
@pytest.mark.parametrize("name", READS)
def test_what_is_in_another_format_counts_as_lost(name: str, form: object, caplog: pytest.LogCaptureFixture) -> None:
    state = full()
    state.cache(name, packed(unpacked(state, name) | {"format": form}))

    assert READS[name](Cache(state)) == NOTHING[name]
    assert len(caplog.records) == 1


ROW = ["spotify:track:1", "track", "One", ["Anna"], None]
WHEN = "2026-11-22T06:00:00+00:00"
MARK = {"route": "r", "sources": ["v"], "targets": ["t"], "seen_at": WHEN, "until": WHEN, "skipped": {}}
WRONG: list[tuple[str, dict[str, object]]] = [
    ("contents it", {"version": None}),
    ("contents it", {"version": 7}),
    ("contents it", {"total": "3"}),
    ("contents it", {"total": True}),
    ("contents it", {"total": -1}),
    ("contents it", {"total": 3.0}),
    ("contents it", {"total": 1}),
    ("contents it", {"items": None}),
    ("contents it", {"items": [[]]}),
    ("contents it", {"items": [7]}),
    ("contents it", {"items": [[7, *ROW[1:]]]}),
    ("contents it", {"items": [[*ROW[:1], "song", *ROW[2:]]]}),
    ("contents it", {"items": [[*ROW[:1], [], *ROW[2:]]]}),
    ("contents it", {"items": [[*ROW[:2], None, *ROW[3:]]]}),
    ("contents it", {"items": [[*ROW[:3], [1], None]]}),
    ("contents it", {"items": [[*ROW[:3], None, None]]}),
    ("contents it", {"items": [[*ROW[:4], 2026]]}),
    ("contents it", {"items": [[*ROW, 7]]}),
    ("contents it", {"items": [[*ROW, "", 2026]]}),
    ("contents it", {"items": [[*ROW, "", None, "long"]]}),
    ("contents it", {"items": [[*ROW, "", None, -1]]}),
    ("contents it", {"items": [[*ROW, "", None, None, 1]]}),
    ("contents it", {"items": [[*ROW, "", None, None, None, 1]]}),
    ("contents it", {"items": [[*ROW, "", None, None, None, None, None]]}),
    ("diary it", {"plays": None}),
    ("diary it", {"plays": [7]}),
    ("diary it", {"plays": [[WHEN, None]]}),
    ("diary it", {"plays": [["2026-11-22T06:00:00", None, ROW]]}),
    ("diary it", {"plays": [[WHEN, 7, ROW]]}),
    ("diary it", {"plays": [[WHEN, None, []]]}),
    ("contents it", {"read_at": None}),
    ("contents it", {"read_at": 7}),
    ("contents it", {"read_at": "2026-11-22T06:00:00"}),
    ("index", {"marks": []}),
    ("index", {"marks": {"a": None}}),
    ("index", {"marks": {"a": MARK | {"route": 7}}}),
    ("index", {"marks": {"a": MARK | {"sources": [7]}}}),
    ("index", {"marks": {"a": MARK | {"targets": None}}}),
    ("index", {"marks": {"a": MARK | {"targets": [None]}}}),
    ("index", {"marks": {"a": MARK | {"seen_at": "yesterday"}}}),
    ("index", {"marks": {"a": MARK | {"seen_at": "2026-11-22T06:00:00"}}}),
    ("index", {"marks": {"a": MARK | {"seen_at": 7}}}),
    ("index", {"marks": {"a": MARK | {"until": None}}}),
    ("index", {"marks": {"a": MARK | {"until": "2026-11-22T06:00:00"}}}),
    ("index", {"marks": {"a": MARK | {"skipped": {"tired": 7}}}}),
    ("index", {"marks": {"a": MARK | {"skipped": {"rejected": "7"}}}}),
    ("index", {"libraries": {"default": None}}),
    ("index", {"libraries": 7}),
    ("index", {"turns": 7}),
    ("index", {"turns": {"a": ["r"]}}),
    ("index", {"turns": {"a": [7, WHEN]}}),
    ("index", {"turns": {"a": ["r", "2026-11-22T06:00:00"]}}),
    ("isrcs", {"isrcs": 7}),
    ("isrcs", {"isrcs": {"spotify:track:1": None}}),
    ("spent client", {"hours": 7}),
    ("spent client", {"hours": [[1, 2]]}),
    ("spent client", {"hours": [["1", 2, 3]]}),
    ("spent client", {"hours": [[1, 2, -3]]}),
]


def test_a_mark_with_nothing_wrong_comes_back() -> None:
    """Else what is said below of wrong ones would say nothing."""
    state = full()
    state.cache("index", packed(unpacked(state, "index") | {"marks": {"a": MARK}}))

    assert list(Cache(state).index().marks) == ["a"]


@pytest.mark.parametrize("value", [*INDEX.marks["a-to-b"].__slots__])
def test_a_mark_that_lacks_something_spoils_the_index(value: str) -> None:
    state = full()
    index = unpacked(state, "index")
    del index["marks"]["a-to-b"][value]
    state.cache("index", packed(index))

    assert Cache(state).index() == Index()


def test_an_index_from_before_there_were_turns_comes_back() -> None:
    state = full()
    index = unpacked(state, "index")
    del index["turns"]
    state.cache("index", packed(index))

    assert Cache(state).index() == replace(INDEX, turns={})


@pytest.mark.parametrize(("name", "change"), WRONG, ids=[f"{number}" for number in range(len(WRONG))])
def test_one_value_of_a_wrong_type_spoils_all_of_it(
    name: str, change: dict[str, object], caplog: pytest.LogCaptureFixture
) -> None:
    state = full()
    state.cache(name, packed(unpacked(state, name) | change))

    assert READS[name](Cache(state)) == NOTHING[name]
    assert len(caplog.records) == 1


class Unusable(MemoryState):
    def cached(self, name: str) -> bytes | None:
        raise StateUnusable(f"no way to read {name}", hint="")

    def cache(self, name: str, content: bytes) -> None:
        raise StateUnusable(f"no room for {len(content)} bytes of {name}", hint="")


def test_a_diary_that_cannot_be_read_is_not_taken_for_an_empty_one() -> None:
    """It would be written over."""
    with pytest.raises(StateUnusable):
        Cache(Unusable()).diary("it")


@pytest.mark.parametrize("name", [name for name in READS if not name.startswith("diary")])
def test_a_store_that_cannot_be_read_only_costs_requests(name: str, caplog: pytest.LogCaptureFixture) -> None:
    assert READS[name](Cache(Unusable())) == NOTHING[name]
    assert caplog.records[0].__dict__["reason"] == f"no way to read {name}"


@pytest.mark.parametrize(
    "keep",
    [
        lambda cache: cache.keep("it", CONTENTS),
        lambda cache: cache.keep_diary("it", DIARY),
        lambda cache: cache.keep_index(INDEX),
        lambda cache: cache.keep_isrcs(ISRCS),
        lambda cache: cache.keep_spent("client", HOURS),
    ],
    ids=list(READS),
)
def test_a_store_that_cannot_be_written_only_costs_requests(
    keep: Callable[[Cache], None], caplog: pytest.LogCaptureFixture
) -> None:
    keep(Cache(Unusable()))

    assert "no room for" in caplog.records[0].__dict__["reason"]


def test_any_other_trouble_of_a_store_is_not_hidden() -> None:
    state = full()
    state.before = lambda _call: Temporary("something else")

    with pytest.raises(Temporary):
        Cache(state).keep("it", CONTENTS)


def test_a_pair_that_reads_or_writes_elsewhere_has_another_route() -> None:
    one = pair("liked+fresh", "archive")
    others = [
        pair("fresh+liked", "archive"),
        pair("liked", "archive"),
        pair("liked+fresh", "other"),
        pair("liked+fresh", "archive", account="other"),
        pair("liked+fresh", "archive", removed=Removed.STAY_OUT),
        pair("liked+fresh", "archive", rules=Rules(first=1)),
        pair("liked+fresh", "archive", rules=Rules(last=1)),
        pair("liked+fresh", "archive", rules=Rules(include=Filter(title=(entry("moon"),)))),
        pair("liked+fresh", "archive", rules=Rules(exclude=Filter(title=(entry("moon"),)))),
        pair("liked+fresh", "archive", rules=Rules(exclude=Filter(title=(entry("/moon/"),)))),
        pair("liked+fresh", "archive", rules=Rules(exclude=Filter(album=(entry("/moon/"),)))),
        pair("liked+fresh", "archive", rules=Rules(added_since=timedelta(days=3))),
        pair("liked+fresh", "archive", rules=Rules(never=(identifier("ban"),))),
        pair("liked+fresh", "archive", match=Match.FUZZY),
        pair("liked+fresh", "archive", position=Position.START),
        pair("liked+fresh", "archive", create=NewTarget(pattern="Archive")),
        pair("liked+fresh", "archive", create=NewTarget(pattern="Archive", public=True)),
        pair("liked+fresh", "archive", roll_over=True),
    ]

    assert len({route(one), *map(route, others)}) == 1 + len(others)
    rhythm = Rhythm(every=timedelta(hours=6))
    assert route(one) == route(pair("liked+fresh", "archive", max_additions=7, enabled=False, rhythm=rhythm))


def test_the_route_of_a_pair_is_the_same_in_every_process() -> None:
    """Sets are in an order of their own in each."""
    program = (
        "from syncer.cache import route; from syncer.rules import Rules; from tests.fakes import pair;"
        "print(route(pair('fresh', 'archive', rules=Rules(first=1))))"
    )
    told = {
        subprocess.check_output([sys.executable, "-c", program], env={**os.environ, "PYTHONHASHSEED": str(seed)})  # noqa: S603 - ours
        for seed in range(1, 5)
    }
    assert told == {f"{route(pair('fresh', 'archive', rules=Rules(first=1)))}\n".encode()}
