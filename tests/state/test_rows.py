"""What is kept reads back as what it was, or is said to be nothing of ours."""

import json
import time
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from syncer.model import Add, Addition, AddState, Item, Kind, Volume
from syncer.state import rows
from tests.fakes import identifier, uri
from tests.state.words import at, sent, volume

TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
TIMES = st.datetimes(
    min_value=datetime(2, 1, 1),  # noqa: DTZ001 - the zone comes beside it
    max_value=datetime(9998, 1, 1),  # noqa: DTZ001 - the same
    timezones=st.sampled_from([timezone(timedelta(hours=hours)) for hours in (-12, -3.5, 0, 9.75, 14)]),
)
ITEMS = st.builds(
    Item,
    uri=st.sampled_from([uri("a"), uri("b")]),
    kind=st.sampled_from(Kind),
    name=TEXT,
    artists=st.lists(TEXT, max_size=3).map(tuple),
    added_at=st.none() | TEXT,
)
ADDS = st.builds(
    Add,
    id=TEXT,
    run_id=TEXT,
    pair=TEXT,
    target=st.just(identifier("archive")),
    at=TIMES,
    additions=st.lists(st.builds(Addition, item=ITEMS, source=TEXT), max_size=3).map(tuple),
    position=st.integers(min_value=0),
    state=st.sampled_from(AddState),
)


@given(add=ADDS)
def test_an_add_reads_back_as_it_was(add: Add) -> None:
    assert rows.decode(rows.encode(add)) == add


VOLUMES = st.builds(
    Volume,
    account=TEXT,
    series=TEXT,
    number=st.integers(min_value=1),
    name=TEXT,
    marked=st.booleans(),
    at=TIMES,
    playlist=st.sampled_from([None, identifier("archive")]),
)


@given(kept=VOLUMES)
def test_a_volume_reads_back_as_it_was(kept: Volume) -> None:
    assert rows.decode_volume(rows.encode_volume(kept)) == kept


@pytest.mark.parametrize("value", [None, 1.5, {}, [[]], -1, GONE := "gone"])
@pytest.mark.parametrize("key", ["account", "series", "number", "name", "marked", "at"])
def test_what_is_no_volume_of_ours_is_refused(key: str, value: object) -> None:
    row = json.loads(rows.encode_volume(volume())) | {key: value}
    if value == GONE:
        del row[key]

    with pytest.raises(rows.Unreadable):
        rows.decode_volume(json.dumps(row))


@given(one=TIMES, other=TIMES)
def test_stamps_are_ordered_as_the_times_are(one: datetime, other: datetime) -> None:
    assert (rows.stamp(one) < rows.stamp(other)) == (one < other)
    assert rows.moment(rows.stamp(one)) == one


@pytest.mark.parametrize(
    "text", [None, 5, b"then", "", "now", "2026-11-22", "2026-11-22T12:00:00Z", "2026-11-22T12:00:00.000000+00:00"]
)
def test_what_is_no_stamp_of_ours_is_refused(text: object) -> None:
    with pytest.raises(rows.Unreadable):
        rows.moment(text)


KEYS = ("id", "run_id", "pair", "target", "at", "position", "state", "additions")
PARTS = ("uri", "kind", "name", "artists", "added_at", "source")
WRONG: list[tuple[Sequence[str | int], Sequence[object]]] = [
    (KEYS, (None, 1.5, {}, [[]], GONE)),
    (PARTS, (7, {}, [[]], True, GONE)),
    (["position"], (-1, True)),
    (["artists"], ("abc",)),
    ([0], ("a", None)),
]
CHANGES = {f"{key}: {value}": (key, value) for keys, values in WRONG for key in keys for value in values}


@pytest.mark.parametrize("change", CHANGES)
def test_what_is_no_add_of_ours_is_refused(change: str) -> None:
    row = json.loads(rows.encode(sent(0)))
    key, value = CHANGES[change]
    place = row if key in KEYS else row["additions"] if key == 0 else row["additions"][0]
    if value == GONE:
        del place[key]
    else:
        place[key] = value

    with pytest.raises(rows.Unreadable):
        rows.decode(json.dumps(row))


@pytest.mark.parametrize(
    "text", [None, b"xx", "", "{", "null", "[]", "7", "[" * 100_000, "9" * 5_000], ids=lambda text: str(text)[:9]
)
def test_what_is_not_even_an_object_is_refused(text: object) -> None:
    with pytest.raises(rows.Unreadable):
        rows.decode(text)
    with pytest.raises(rows.Unreadable):
        rows.decode_volume(text)


def _large(letter: str, *, artists: int) -> Add:
    """Return the largest add there can be of what Spotify says, names being at most 500 characters (contract §2.2)."""
    item = Item(uri=uri("a"), kind=Kind.EPISODE, name=letter * 500, artists=(letter * 500,) * artists, added_at="")
    return replace(
        sent(0),
        pair="p" * 64,
        additions=(Addition(item=replace(item, added_at=letter * 500), source="spotify:playlist:" + "x" * 22),) * 100,
    )


@pytest.mark.parametrize("letter", ["a", "é", "𝄞", "\0", '"'])
@pytest.mark.parametrize("artists", [1, 5, 200])
def test_an_add_fits_whatever_its_names_are(letter: str, artists: int) -> None:
    add = _large(letter, artists=artists)

    text = rows.encode(add)

    kept = rows.decode(text)
    assert len(text.encode()) <= rows.MAX_BYTES
    assert [one.item.uri for one in kept.additions] == [one.item.uri for one in add.additions]
    assert {one.source for one in kept.additions} == {add.additions[0].source}
    assert {one.item.name.strip(letter) for one in kept.additions} == {""}
    assert {one.item.artists[0].strip(letter) for one in kept.additions} == {""}
    assert min(len(one.item.name) for one in kept.additions) >= 50
    assert replace(kept, additions=()) == replace(add, additions=())


def test_what_fits_is_kept_whole() -> None:
    add = _large("a", artists=3)
    assert rows.decode(rows.encode(add)) == add


def test_of_a_settled_add_only_what_landed_is_left() -> None:
    assert rows.settled(sent(0, "abc"), [uri("c"), uri("a"), uri("z")], AddState.LANDED) == replace(
        sent(0, "ac"), state=AddState.LANDED
    )
    assert rows.settled(sent(0, "abc"), [], AddState.LANDED) is None


def test_the_text_of_an_add_is_the_one_that_was_always_written() -> None:
    """Other versions of the syncer read it, and every byte counts towards what a store takes."""
    name = "é\ud800"  # half of a surrogate pair, as JSON may bring it
    item = Item(uri=None, kind=Kind.UNAVAILABLE, name=name, artists=("Anna", "Bo"), added_at="2026-11-01T00:00:00Z")
    add = replace(sent(0, "a"), additions=(Addition(item=item, source="liked"), *sent(0, "a").additions))

    assert rows.encode(add) == (
        '{"id":"000000","run_id":"run","pair":"week-to-archive","target":"archivexxxxxxxxxxxxxxx",'
        '"at":"2026-11-22T12:00:00.000000Z","position":7,"state":"sent","additions":['
        '{"uri":null,"kind":"unavailable","name":"é?","artists":["Anna","Bo"],"added_at":"2026-11-01T00:00:00Z",'
        '"source":"liked"},'
        '{"uri":"spotify:track:000000000000000000000a","kind":"track","name":"a","artists":["Anna"],"added_at":null,'
        '"source":"liked"}]}'
    )
    assert rows.decode(rows.encode(add)).additions[0].item == replace(item, name="é?")


def test_the_text_of_a_volume_is_the_one_that_was_always_written() -> None:
    assert rows.encode_volume(replace(volume(2), name="é\ud800")) == (
        '{"account":"default","series":"Archive","number":2,"name":"é?","marked":true,'
        '"at":"2026-11-22T12:02:00.000000Z","playlist":"made2xxxxxxxxxxxxxxxxx"}'
    )


def test_an_add_is_kept_whole_up_to_the_last_byte() -> None:
    def named(length: int) -> Add:
        item = Item(uri=uri("a"), name="a" * length)
        return replace(sent(0), additions=(Addition(item=item, source="liked"),))

    room = rows.MAX_BYTES - len(rows.encode(named(0)).encode())

    assert rows.decode(rows.encode(named(room))) == named(room)
    assert rows.decode(rows.encode(named(room + 1))) == named(50)


def test_a_date_that_is_too_long_is_cut_like_a_name() -> None:
    (kept, *_) = rows.decode(rows.encode(_large("a", artists=200))).additions
    assert (kept.item.name, kept.item.added_at) == ("a" * 50, "a" * 50)
    assert kept.item.artists == ("a" * 50,) * 5


@pytest.fixture
def tokyo(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Let this machine stand in Tokyo."""
    with monkeypatch.context() as place:
        place.setenv("TZ", "Asia/Tokyo")
        time.tzset()
        yield
    time.tzset()


@pytest.mark.usefixtures("tokyo")
def test_a_stamp_says_the_same_wherever_the_machine_stands() -> None:
    assert rows.stamp(at(0)) == "2026-11-22T12:00:00.000000Z"
