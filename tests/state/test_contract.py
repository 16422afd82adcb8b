"""What every store promises: one set of tests for all of them."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest

from syncer.appending import EVER as BEFORE_ALL
from syncer.errors import Locked
from syncer.model import Addition, AddState, Item, Kind, NotBefore
from syncer.ports import StateStore
from syncer.state.dynamodb import DynamoDbState
from syncer.state.nothing import NoState
from syncer.state.sqlite import SqliteState
from tests.fakes import FakeClock, MemoryState, identifier, uri
from tests.state.words import NOON, UNTIL, Between, Cloud, at, landed, noise, sent, uris, volume

ARCHIVE = identifier("archive")
EVER = at(-1_000_000)

Open = Callable[[], StateStore]


@pytest.fixture(params=["sqlite", "dynamodb", "dynamodb-repeating", "nothing"])
def opened(request: pytest.FixtureRequest, tmp_path: Path) -> Open:
    """Open what is kept anew, as another process does; what keeps nothing stays the same object."""
    if request.param == "nothing":
        only = NoState()
        return lambda: only
    return keeping(request, tmp_path)


@pytest.fixture(params=["sqlite", "dynamodb", "dynamodb-repeating", "memory"])
def caching(request: pytest.FixtureRequest, tmp_path: Path) -> Open:
    """Open what keeps a cache anew; our fake has to be as good."""
    if request.param == "memory":
        only = MemoryState()
        return lambda: only
    return keeping(request, tmp_path)


def keeping(request: pytest.FixtureRequest, tmp_path: Path) -> Open:
    if request.param == "sqlite":
        return lambda: SqliteState(tmp_path / "state.sqlite3", FakeClock().now)
    cloud: Cloud = request.getfixturevalue("cloud")
    # An answer may be lost, and then the SDK asks again.
    client = Between(cloud.client, times=2 if request.param == "dynamodb-repeating" else 1)
    return lambda: DynamoDbState(cloud.table, lambda: client)


# --- adds -------------------------------------------------------------------------------------------------------------


def test_an_add_is_kept_before_it_is_sent(opened: Open) -> None:
    opened().sending(sent(0))

    assert opened().adds(ARCHIVE, since=NOON) == (sent(0),)
    assert list(opened().record()) == []


def test_of_a_settled_add_what_landed_is_kept_in_its_order(opened: Open) -> None:
    store = opened()
    store.sending(sent(0, "abcd"))
    store.settle(sent(0, "abcd"), landed=uris("dxb"), state=AddState.LANDED)

    assert opened().adds(ARCHIVE, since=NOON) == (landed(0, "bd"),)
    assert list(opened().record()) == [landed(0, "bd")]


def test_an_add_of_which_nothing_landed_is_forgotten(opened: Open) -> None:
    store = opened()
    for state in (AddState.LANDED, AddState.RELINKED):
        store.sending(sent(0))
        store.settle(sent(0), landed=(), state=state)

        assert opened().adds(ARCHIVE, since=EVER) == ()
        assert list(opened().record()) == []


def test_to_settle_twice_is_to_settle_once(opened: Open) -> None:
    store = opened()
    store.sending(sent(0))
    for _ in range(2):
        store.settle(sent(0), landed=uris("ab"), state=AddState.LANDED)

    assert opened().adds(ARCHIVE, since=EVER) == (landed(0, "ab"),)
    assert list(opened().record()) == [landed(0, "ab")]


@pytest.mark.parametrize("first", list(AddState))
@pytest.mark.parametrize("last", list(AddState))
def test_of_two_settlements_the_last_holds(opened: Open, first: AddState, last: AddState) -> None:
    store = opened()
    store.sending(sent(0))
    store.settle(sent(0), landed=uris("ab"), state=first)
    store.settle(sent(0), landed=uris("bc"), state=last)

    assert opened().adds(ARCHIVE, since=NOON) == (landed(0, "bc", state=last),)
    assert list(opened().record()) == ([] if last is AddState.SENT else [landed(0, "bc", state=last)])


def test_open_questions_are_never_too_old_and_landed_adds_are(opened: Open) -> None:
    store = opened()
    store.sending(sent(1))
    kept = (AddState.RELINKED, AddState.LANDED, AddState.LANDED, AddState.RELINKED, AddState.UNDONE)
    for minute, state in enumerate(kept, start=2):
        store.sending(sent(minute))
        store.settle(sent(minute), landed=uris("abc"), state=state)
    store.sending(sent(7, target="other"))
    store.sending(sent(8, target="other"))
    store.settle(sent(8, target="other"), landed=uris("abc"), state=AddState.LANDED)

    found = opened().adds(ARCHIVE, since=at(4))

    assert found == (
        sent(1),
        landed(2, state=AddState.RELINKED),
        landed(4),
        landed(5, state=AddState.RELINKED),
        landed(6, state=AddState.UNDONE),
    )
    assert [add.id for add in opened().adds(ARCHIVE, since=at(4) + timedelta(microseconds=1))] == [
        "000001",
        "000002",
        "000005",
        "000006",
    ]


def test_what_is_undone_is_told_however_old_until_it_is_redone(opened: Open) -> None:
    store = opened()
    store.sending(sent(0))
    for state in (AddState.LANDED, AddState.UNDONE):
        store.settle(sent(0), landed=uris("abc"), state=state)

    assert opened().adds(ARCHIVE, since=at(9)) == (landed(0, state=AddState.UNDONE),)
    assert list(opened().record()) == [landed(0, state=AddState.UNDONE)]

    opened().settle(landed(0, state=AddState.UNDONE), landed=uris("b"), state=AddState.LANDED)

    assert opened().adds(ARCHIVE, since=at(9)) == ()
    assert opened().adds(ARCHIVE, since=EVER) == (landed(0, "b"),)
    opened().settle(landed(0, "b"), landed=(), state=AddState.LANDED)
    assert list(opened().record()) == []


def test_all_that_was_ever_added_to_a_target_can_be_asked_for(opened: Open) -> None:
    store = opened()
    for minute, target in ((0, "archive"), (1, "other"), (2, "archive")):
        store.settle(sent(minute, target=target), landed=uris("abc"), state=AddState.LANDED)

    assert opened().adds(ARCHIVE, since=BEFORE_ALL) == (landed(0), landed(2))


def test_the_record_goes_from_the_newest_to_the_oldest_across_targets(opened: Open) -> None:
    """More of them than one page has, and some of the same moment."""
    store = opened()
    for number in (*range(0, 104, 2), *range(1, 104, 2)):
        add = replace(sent(number, target=f"target{number % 3}"), at=at(number // 4))
        store.settle(add, landed=uris("a"), state=AddState.LANDED)
    store.settle(sent(104), landed=uris("b"), state=AddState.RELINKED)
    store.sending(sent(105))

    assert [int(add.id) for add in opened().record()] == list(range(104, -1, -1))


def test_who_reads_the_record_keeps_nobody_from_writing(opened: Open) -> None:
    store = opened()
    for minute in range(3):
        store.settle(sent(minute), landed=uris("a"), state=AddState.LANDED)
    reading = opened().record()
    next(reading)

    store.sending(sent(3))

    assert store.adds(ARCHIVE, since=NOON)[-1] == sent(3)
    assert len(list(reading)) == 2


def test_every_letter_comes_back(opened: Open) -> None:
    odd = "\0\x07\"\\'\u2028\u202e𝄞 n\u0303\r\n%;--"
    item = Item(uri=uri("a"), kind=Kind.EPISODE, name=odd, artists=(odd, "", odd), added_at=odd)
    add = replace(sent(0), additions=(Addition(item=item, source=odd), Addition(item=Item(uri=None), source="")))
    opened().sending(add)

    assert opened().adds(ARCHIVE, since=NOON) == (add,)


def test_half_of_a_surrogate_pair_becomes_a_question_mark(opened: Open) -> None:
    if not opened().keeps:
        return  # what is never written needs no encoding
    broken = Addition(item=Item(uri=uri("a"), name="x\ud834y"), source="liked")
    opened().sending(replace(sent(0), additions=(broken,)))

    (add,) = opened().adds(ARCHIVE, since=NOON)

    assert add.additions[0].item.name == "x?y"


def test_times_are_the_same_in_every_zone(opened: Open) -> None:
    there = timezone(timedelta(hours=9, minutes=30))
    store = opened()
    store.settle(replace(sent(0), at=NOON.astimezone(there)), landed=uris("abc"), state=AddState.LANDED)

    assert opened().adds(ARCHIVE, since=NOON.astimezone(UTC)) == (landed(0),)
    assert opened().adds(ARCHIVE, since=at(1).astimezone(there)) == ()


# --- what is made -----------------------------------------------------------------------------------------------------


def test_a_playlist_is_kept_before_it_is_made_and_then_which_it_is(opened: Open) -> None:
    assert opened().volumes("default", "Archive") == ()
    for made in (None, None, "made", "made", "other", None):
        opened().keep_volume(volume(made=made))

        assert opened().volumes("default", "Archive") == (volume(made=made),)


def test_a_playlist_that_was_not_made_is_forgotten(opened: Open) -> None:
    store = opened()
    store.keep_volume(volume(1))
    store.keep_volume(volume(2, made=None))
    for _ in range(2):
        store.forget_volume(volume(2, made=None))

        assert opened().volumes("default", "Archive") == (volume(1),)


def test_the_volumes_of_a_series_come_in_their_order(opened: Open) -> None:
    store = opened()
    numbers = [3, 1, 12, 2, 101, 10]
    for number in numbers:
        store.keep_volume(volume(number, made=None if number == 12 else "made"))

    assert opened().volumes("default", "Archive") == tuple(
        volume(number, made=None if number == 12 else "made") for number in sorted(numbers)
    )


def test_a_series_is_known_by_its_account_and_its_name_to_the_last_letter(opened: Open) -> None:
    """Neither case nor blanks nor what a store might part names with make two of them one."""
    names = ["a", "A", "a ", "a#1", "a#00001", "a/b", "é 𝄞", "spotify:playlist:x", "a" * 90, "%", "a_", "'\"\\"]
    known = [(account, name) for account in ("default", "second") for name in names]
    for number, (account, name) in enumerate(known, start=1):
        opened().keep_volume(volume(number, name, account))

    for number, (account, name) in enumerate(known, start=1):
        assert opened().volumes(account, name) == (volume(number, name, account),)


def test_what_is_made_is_apart_from_all_else_that_is_kept(opened: Open) -> None:
    store = opened()
    store.sending(sent(0))
    store.stopped_at("week")
    store.keep_volume(volume(1, ARCHIVE))

    assert opened().adds(ARCHIVE, since=NOON) == (sent(0),)
    assert list(opened().record()) == []
    assert opened().resume_at() == "week"
    assert opened().volumes("default", ARCHIVE) == (volume(1, ARCHIVE),)


# --- limits -----------------------------------------------------------------------------------------------------------


def test_a_wait_is_kept_for_its_client_alone(opened: Open) -> None:
    wish = NotBefore(at=at(60), quota=True)
    opened().wait("app", wish)

    assert opened().not_before("app") == wish
    assert opened().not_before("other") is None


def test_a_wait_is_made_longer_and_never_shorter(opened: Open) -> None:
    store = opened()
    for minute, quota, kept in ((5, False, 5), (9, True, 9), (4, False, 9), (9, False, 9), (10, True, 10)):
        store.wait("app", NotBefore(at=at(minute), quota=quota))
        found = opened().not_before("app")

        assert found
        assert found.at == at(kept)
        assert found.quota == (quota if kept == minute else True)


def test_a_wait_may_be_centuries(opened: Open) -> None:
    wish = NotBefore(at=datetime.max.replace(tzinfo=NOON.tzinfo), quota=False)
    opened().wait("app", wish)
    opened().wait("app", NotBefore(at=NOON, quota=True))

    assert opened().not_before("app") == wish


# --- where a run stopped ----------------------------------------------------------------------------------------------


def test_where_a_run_stopped_is_kept_until_one_reaches_the_end(opened: Open) -> None:
    assert opened().resume_at() is None
    for pair in ("b", "c", None, None, "a"):
        opened().stopped_at(pair)

        assert opened().resume_at() == pair


# --- the cache --------------------------------------------------------------------------------------------------------

MEGABYTE = 1_000_000


@pytest.mark.parametrize("content", [b"", b"\0", b"text", noise(MEGABYTE), noise(5 * MEGABYTE)], ids=len)
def test_what_is_cached_comes_back_to_the_last_byte(caching: Open, content: bytes) -> None:
    caching().cache("week", content)

    assert caching().cached("week") == content


def test_nothing_is_cached_under_a_name_that_was_never_used(caching: Open) -> None:
    caching().cache("week", b"content")

    assert caching().cached("wee") is None
    assert caching().cached("week#") is None


def test_the_last_of_what_is_cached_under_a_name_is_there(caching: Open) -> None:
    """Also where the one is large and the other is not."""
    store = caching()
    contents = [b"first", noise(MEGABYTE), noise(MEGABYTE, seed=1), b"", noise(2 * MEGABYTE), noise(MEGABYTE), b"last"]
    for content in contents:
        for _ in range(2):
            store.cache("week", content)

            assert caching().cached("week") == content


def test_what_is_cached_under_one_name_is_nothing_to_another(caching: Open) -> None:
    names = ["a", "A", "a/b", "a:b", "a#b", "a/b:c", "spotify:playlist:x", "head", "é 𝄞", "a" * 500]
    for number, name in enumerate(names):
        caching().cache(name, noise(500_000 * (number % 2), seed=number) + name.encode())
    caching().cache("a", b"other")

    for number, name in enumerate(names[1:], start=1):
        assert caching().cached(name) == noise(500_000 * (number % 2), seed=number) + name.encode()
    assert caching().cached("a") == b"other"


def test_the_cache_is_apart_from_all_else_that_is_kept(caching: Open) -> None:
    store = caching()
    store.sending(sent(0))
    store.stopped_at("week")
    store.wait("app", NotBefore(at=NOON, quota=False))
    for name in ("week", "app", "resume_at", ARCHIVE):
        store.cache(name, noise(MEGABYTE))

    assert caching().adds(ARCHIVE, since=NOON) == (sent(0),)
    assert caching().resume_at() == "week"
    assert caching().not_before("app") == NotBefore(at=NOON, quota=False)


def test_without_state_nothing_is_cached() -> None:
    """Else a process that lives on would ask for less than a new one."""
    store = NoState()
    store.cache("week", b"content")

    assert store.cached("week") is None


# --- one run at a time ------------------------------------------------------------------------------------------------


def test_one_run_keeps_another_out_until_it_ends(opened: Open) -> None:
    ours, theirs = opened(), opened()
    for number in range(2):
        with ours.lock(f"one-{number}", now=NOON, until=UNTIL):
            with pytest.raises(Locked, match="another run is under way"), theirs.lock("two", now=NOON, until=UNTIL):
                pytest.fail("two runs at once")
            with pytest.raises(Locked), ours.lock("three", now=NOON, until=UNTIL):
                pytest.fail("two runs at once")
            ours.sending(sent(0))
            assert theirs.adds(ARCHIVE, since=NOON) == (sent(0),)


def test_a_run_that_fails_lets_the_next_one_in_and_its_error_out(opened: Open) -> None:
    with pytest.raises(FileNotFoundError), opened().lock("one", now=NOON, until=UNTIL):
        raise FileNotFoundError
    with opened().lock("two", now=NOON, until=UNTIL):
        pass


def test_nothing_is_unknown_where_nothing_was_torn(opened: Open) -> None:
    with opened().lock("one", now=NOON, until=UNTIL):
        assert opened().unknown_since is None


def test_only_what_outlives_the_process_is_called_kept(opened: Open) -> None:
    assert opened().keeps == (opened() is not opened())
