"""The SQLite file: private, durable, never shared by two runs, and never trusted when it is damaged."""

import os
import resource
import shutil
import signal
import sqlite3
import stat
import subprocess
import sys
import zlib
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from random import Random

import pytest

from syncer.errors import Locked, StateUnreachable, StateUnusable
from syncer.model import Add, AddState, NotBefore, Volume
from syncer.state.sqlite import STEPS, SqliteState
from tests.fakes import FakeClock, identifier
from tests.state.words import NOON, UNTIL, at, landed, noise, sent, uris, volume

ROOT = Path(__file__).parent.parent.parent
ARCHIVE = identifier("archive")
EVER = at(-1_000_000)
BUSY = 0.05
CACHED = noise(9_000)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "state.sqlite3"


def opened(path: Path) -> SqliteState:
    return SqliteState(path, FakeClock().now, busy_seconds=BUSY)


def filled(path: Path) -> SqliteState:
    """Keep a little of everything."""
    store = opened(path)
    for minute in range(9):
        store.sending(sent(minute, "abcdefgh"))
        if minute % 3:
            store.settle(sent(minute, "abcdefgh"), landed=uris("abc"), state=AddState.LANDED)
    store.wait("app", NotBefore(at=at(9), quota=True))
    store.stopped_at("week")
    store.keep_volume(volume(1))
    store.keep_volume(volume(2, made=None))
    store.cache("week", CACHED)
    return store


@dataclass(frozen=True)
class Held:
    """All that a store says, but what it has in its cache."""

    adds: tuple[Add, ...]
    record: tuple[Add, ...]
    limit: NotBefore | None
    resume_at: str | None
    volumes: tuple[Volume, ...]


def held(store: SqliteState) -> Held:
    return Held(
        store.adds(ARCHIVE, since=EVER),
        tuple(store.record()),
        store.not_before("app"),
        store.resume_at(),
        store.volumes("default", "Archive"),
    )


NOTHING = Held((), (), None, None, ())


def torn(path: Path) -> list[Path]:
    return sorted(path.parent.glob("*.torn-*"))


def refusal(store: SqliteState) -> StateUnusable:
    """Return the one error that every call ends with."""
    with pytest.raises(StateUnusable) as caught:
        store.sending(sent(0))
    for call in (store.resume_at, lambda: list(store.record()), lambda: store.unknown_since):
        with pytest.raises(StateUnusable) as again:
            call()
        assert str(again.value) == str(caught.value)
    with pytest.raises(StateUnusable), store.lock("run", now=NOON, until=UNTIL):
        pytest.fail("locked")
    assert caught.value.hint
    return caught.value


# --- private ----------------------------------------------------------------------------------------------------------


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_only_its_owner_can_open_what_is_made(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        path = tmp_path / "rediscover" / "state.sqlite3"
        opened(path).sending(sent(0))
    finally:
        os.umask(before)

    assert mode(path.parent) == 0o700
    assert {each.name: mode(each) for each in path.parent.iterdir()} == {
        "state.sqlite3": 0o600,
        "state.sqlite3.lock": 0o600,
    }


def test_nothing_is_touched_before_the_first_call(tmp_path: Path) -> None:
    opened(tmp_path / "folder" / "state.sqlite3")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("dangling", [True, False])
def test_a_symbolic_link_is_refused(path: Path, *, dangling: bool) -> None:
    elsewhere = path.with_name("elsewhere")
    if not dangling:
        filled(elsewhere)
    path.symlink_to(elsewhere)

    assert str(refusal(opened(path))).startswith(f"{path} is a symbolic link")
    assert elsewhere.exists() is not dangling


@pytest.mark.parametrize("ending", ["", ".lock"])
def test_what_is_not_a_file_is_refused(path: Path, ending: str) -> None:
    os.mkfifo(f"{path}{ending}")
    if ending:
        opened(path).sending(sent(0))  # a lock is a lock on whatever is there, if it is ours
    else:
        assert str(refusal(opened(path))) == f"{path} is not a file"


def test_a_folder_is_refused(path: Path) -> None:
    path.mkdir()
    assert str(refusal(opened(path))) == f"{path} is not a file"


def test_a_lock_behind_a_symbolic_link_is_refused(path: Path) -> None:
    Path(f"{path}.lock").symlink_to(path.with_name("elsewhere"))
    refusal(opened(path))
    assert not path.with_name("elsewhere").exists()


def test_a_file_of_another_user_is_refused(path: Path) -> None:
    if os.geteuid() == 0:
        filled(path)
        os.chown(path, 12345, -1)
    else:
        path = Path("/etc/passwd")
    assert str(refusal(opened(path))) == f"{path} belongs to another user"


@pytest.mark.parametrize("extra", [0o020, 0o002])
def test_a_file_that_others_can_write_is_refused(path: Path, extra: int) -> None:
    filled(path)
    path.chmod(0o600 | extra)

    error = refusal(opened(path))

    assert (str(error), error.hint) == (f"{path} can be written by other users", f"run `chmod 600 {path}`")


# --- not ours ---------------------------------------------------------------------------------------------------------


def _browser(path: Path, *, journal: str = "delete") -> None:
    with closing(sqlite3.connect(path)) as db:
        db.execute(f"PRAGMA journal_mode = {journal}")
        db.execute("CREATE TABLE moz_places (url TEXT)")
        db.execute("INSERT INTO moz_places VALUES ('https://example.org')")
        db.execute("PRAGMA user_version = 1")
        db.commit()


def _browser_left_by_a_crash(path: Path) -> None:
    with closing(sqlite3.connect(path.with_name("live"))) as db:
        db.execute("PRAGMA journal_mode = WAL")
        db.execute("CREATE TABLE moz_places (url TEXT)")
        for ending in ("", "-wal", "-shm"):
            shutil.copy(path.with_name(f"live{ending}"), f"{path}{ending}")


@pytest.mark.parametrize(
    "make",
    [
        _browser,
        _browser_left_by_a_crash,
        lambda path: path.write_text("pairs:\n  - source: liked\n"),
        lambda path: path.write_text("short"),
        lambda path: path.write_bytes(bytes(range(1, 256)) * 40),
        lambda path: path.write_bytes(b"\x1f\x8b" + bytes(5000)),
    ],
    ids=["database", "crashed", "config", "short", "binary", "zeros-at-the-end"],
)
def test_what_is_not_ours_is_refused_and_left_as_it_is(path: Path, make: Callable[[Path], object]) -> None:
    make(path)
    before = {each: (each.read_bytes(), each.stat().st_mtime_ns) for each in path.parent.iterdir()}

    error = refusal(opened(path))

    assert str(error) == f"{path} is not a file of the syncer"
    assert {each: (each.read_bytes(), each.stat().st_mtime_ns) for each in before} == before
    assert {each.name for each in path.parent.iterdir()} - {each.name for each in before} <= {"state.sqlite3.lock"}


def test_a_file_of_a_newer_version_is_refused_and_left_as_it_is(path: Path) -> None:
    newer = SqliteState(path, FakeClock().now, steps=(*STEPS, ("CREATE TABLE later (body TEXT)",)))
    newer.sending(sent(0))
    before = path.read_bytes()

    error = refusal(opened(path))

    assert str(error) == f"{path} was written by a newer version of the syncer"
    assert path.read_bytes() == before
    assert newer.adds(ARCHIVE, since=NOON) == (sent(0),)


# --- torn, flipped ----------------------------------------------------------------------------------------------------


def check_damaged(path: Path, whole: Held) -> str:
    """See that what is damaged is either read as it was, or set aside and said to be unknown, or refused.

    Of a file that is whole the cache alone may be gone.
    """
    damaged = path.read_bytes()
    store = opened(path)
    try:
        unknown = store.unknown_since
    except StateUnusable:
        assert path.read_bytes() == damaged
        assert torn(path) == []
        return "refused"
    if unknown is None:
        assert held(store) == whole
        assert store.cached("week") in (CACHED, None)
        assert torn(path) == []
        return "whole"
    assert unknown == FakeClock().now()
    assert held(store) == NOTHING
    assert store.cached("week") is None
    if damaged:
        (aside,) = torn(path)
        assert aside.name == "state.sqlite3.torn-20261122T060000Z"
        assert aside.read_bytes() == damaged
        aside.unlink()
    return "aside"


def test_a_file_cut_anywhere_is_set_aside(path: Path) -> None:
    whole = held(filled(path))
    full = path.read_bytes()
    for size in (*range(0, 132, 13), 15, 16, 17, 71, 72, 99, 100, *range(200, len(full), 1511), len(full) - 1):
        path.write_bytes(full[:size])
        seen = check_damaged(path, whole)
        # SQLite leaves room in the last page, and nobody misses that.
        assert seen == "aside" or (seen == "whole" and size > len(full) - 4096), size


def test_a_flipped_byte_is_never_taken_for_the_truth(path: Path) -> None:
    whole = held(filled(path))
    full = path.read_bytes()
    chance = Random(7)  # noqa: S311 - the same bytes each time
    seen = []
    for place in (*range(100), *chance.sample(range(100, len(full)), 140)):
        damaged = bytearray(full)
        damaged[place] ^= chance.choice((1, 2, 0x80, 0xFF))
        path.write_bytes(damaged)
        seen.append(check_damaged(path, whole))
        if seen[-1] == "refused":
            assert 60 <= place < 72, place  # a version of tomorrow, or another program's mark

    assert seen.count("aside") > 60


@pytest.mark.parametrize("column", ["target", "id", "at", "state", "body"])
def test_a_changed_value_is_noticed_even_if_the_database_is_sound(path: Path, column: str) -> None:
    whole = held(filled(path))
    with closing(sqlite3.connect(path)) as db, db:
        db.execute(f"UPDATE adds SET {column} = replace({column}, substr({column}, 3, 1), '~') WHERE id = '000003'")  # noqa: S608 - column names

    assert check_damaged(path, whole) == "aside"


@pytest.mark.parametrize("column", ["account", "series", "number", "body"])
def test_a_changed_value_of_what_was_made_is_noticed_as_well(path: Path, column: str) -> None:
    whole = held(filled(path))
    with closing(sqlite3.connect(path)) as db, db:
        changed = "number + 1" if column == "number" else f"replace({column}, substr({column}, 3, 1), '~')"
        db.execute(f"UPDATE volumes SET {column} = {changed} WHERE number = 2")  # noqa: S608 - column names

    assert check_damaged(path, whole) == "aside"


@pytest.mark.parametrize("size", [1, 300, 9_000, 100_000])
@pytest.mark.parametrize("place", ["first", "middle", "last"])
def test_a_flipped_byte_of_the_cache_costs_the_cache_alone(path: Path, size: int, place: str) -> None:
    whole = held(filled(path))
    content = noise(size)
    opened(path).cache("other", content)
    where = {"first": 1, "middle": size // 2 + 1, "last": size}[place]
    with closing(sqlite3.connect(path)) as db, db:
        flipped = bytearray(content)
        flipped[where - 1] ^= 0x10
        db.execute("UPDATE cache SET content = ? WHERE name = 'other'", (bytes(flipped),))

    store = opened(path)

    assert store.cached("other") is None
    assert store.cached("week") == CACHED
    assert (held(store), store.unknown_since) == (whole, None)
    store.cache("other", content)
    assert opened(path).cached("other") == content


def test_a_byte_of_the_cache_flipped_on_the_disk_leaves_the_file_sound(path: Path) -> None:
    store = filled(path)
    store.cache("other", b"<" + b"x" * 50_000 + b">")
    whole = held(store)
    damaged = bytearray(path.read_bytes())
    damaged[damaged.index(b"x" * 2000) + 1000] ^= 1
    path.write_bytes(damaged)

    assert opened(path).cached("other") is None
    assert check_damaged(path, whole) == "whole"


@pytest.mark.parametrize("strange", ["x'6f'", "'content'", "CAST(x'fffe' AS TEXT)", "7", "1.5"])
@pytest.mark.parametrize("column", ["content", "crc"])
def test_a_cached_value_of_another_kind_is_not_there(path: Path, column: str, strange: str) -> None:
    store = filled(path)
    with closing(sqlite3.connect(path)) as db, db:
        db.execute(f"UPDATE cache SET {column} = {strange}")  # noqa: S608 - our own words

    assert store.cached("week") is None
    assert opened(path).cached("week") is None
    assert opened(path).unknown_since is None


def test_content_moved_to_another_name_is_not_there(path: Path) -> None:
    store = filled(path)
    with closing(sqlite3.connect(path)) as db, db:
        db.execute("UPDATE cache SET name = 'other'")

    assert (store.cached("other"), store.cached("week")) == (None, None)


def test_a_torn_file_takes_its_cache_with_it(path: Path) -> None:
    filled(path)
    os.truncate(path, path.stat().st_size - 4096)

    assert opened(path).cached("week") is None
    assert opened(path).unknown_since


def test_a_file_of_zeros_as_a_power_cut_leaves_it_is_set_aside(path: Path) -> None:
    whole = held(filled(path))
    path.write_bytes(bytes(path.stat().st_size))

    assert check_damaged(path, whole) == "aside"


def test_an_empty_file_is_filled_and_what_was_in_it_is_unknown(path: Path) -> None:
    path.touch(0o600)
    assert check_damaged(path, NOTHING) == "aside"


def test_a_file_without_a_version_is_set_aside(path: Path) -> None:
    whole = held(filled(path))
    with closing(sqlite3.connect(path)) as db:
        db.execute("PRAGMA user_version = 0")

    assert check_damaged(path, whole) == "aside"


def test_a_run_finds_a_torn_file_when_it_begins(path: Path) -> None:
    filled(path)
    os.truncate(path, 5000)
    store = opened(path)

    with store.lock("run", now=NOON, until=UNTIL):
        assert store.unknown_since == FakeClock().now()
        assert held(store) == NOTHING


def test_a_run_looks_at_the_file_again_whoever_looked_before(path: Path) -> None:
    store = filled(path)
    os.truncate(path, 5000)

    with store.lock("run", now=NOON, until=UNTIL):
        assert store.unknown_since == FakeClock().now()


def test_the_journal_of_a_torn_file_goes_with_it(path: Path) -> None:
    filled(path)
    path.write_bytes(bytes(8192))
    Path(f"{path}-journal").write_bytes(b"journal")

    assert opened(path).unknown_since

    assert [each.read_bytes() for each in torn(path)] == [bytes(8192), b"journal"]
    assert not Path(f"{path}-journal").exists()


def test_killed_after_a_torn_file_was_renamed_it_is_still_unknown_what_was_sent(path: Path) -> None:
    filled(path)
    path.rename(f"{path}.torn-20261121T060000Z")

    later = SqliteState(path, FakeClock().now)
    assert later.unknown_since == FakeClock().now()
    later.sending(sent(0))
    assert SqliteState(path, FakeClock("2027-01-01T00:00:00").now).unknown_since == FakeClock().now()


def test_nothing_is_set_aside_under_a_run(path: Path) -> None:
    filled(path)
    with opened(path).lock("run", now=NOON, until=UNTIL):
        os.truncate(path, 5000)
        with pytest.raises(Locked):
            opened(path).resume_at()

    assert path.stat().st_size == 5000


def test_two_that_find_it_torn_set_it_aside_once(path: Path) -> None:
    filled(path)
    os.truncate(path, 5000)
    one, two = opened(path), opened(path)
    one.sending(sent(1))
    two.sending(sent(2))

    assert one.adds(ARCHIVE, since=NOON) == (sent(1), sent(2))
    assert len(torn(path)) == 1


def test_a_disk_that_damages_every_file_is_said_to_be_so(path: Path) -> None:
    for _ in range(2):
        path.write_bytes(bytes(8192))
        path.chmod(0o600)
        error = None
        try:
            opened(path).sending(sent(0))
        except StateUnusable as refused:
            error = refused

    assert str(error) == f"{path} is damaged time and again"
    assert path.read_bytes() == bytes(8192)


def test_damage_in_the_middle_of_a_run_ends_it_and_the_next_one_sets_it_aside(path: Path) -> None:
    store = filled(path)
    with path.open("r+b") as file:
        file.seek(4096)
        file.write(b"\xff" * 30_000)

    with pytest.raises(StateUnusable) as caught:
        held(store)

    assert caught.value.hint == "try again: a damaged file is set aside and a new one begun"
    assert opened(path).unknown_since


def test_a_row_that_we_did_not_write_is_an_error_of_the_store(path: Path) -> None:
    store = filled(path)
    strange = [ARCHIVE, "x", "2026-11-22T12:00:00.000000Z", "sent", "{}"]
    with closing(sqlite3.connect(path)) as db, db:
        db.execute("INSERT INTO adds VALUES (?, ?, ?, ?, ?, ?)", (*strange, zlib.crc32("\0".join(strange).encode())))

    for each in (store, opened(path)):
        with pytest.raises(StateUnusable, match="holds something that we did not write"):
            each.adds(ARCHIVE, since=EVER)


def test_a_volume_that_we_did_not_write_is_an_error_of_the_store(path: Path) -> None:
    store = filled(path)
    strange = ["default", "Archive", "3", "{}"]
    with closing(sqlite3.connect(path)) as db, db:
        db.execute("INSERT INTO volumes VALUES (?, ?, ?, ?, ?)", (*strange, zlib.crc32("\0".join(strange).encode())))

    for each in (store, opened(path)):
        with pytest.raises(StateUnusable, match="holds something that we did not write"):
            each.volumes("default", "Archive")


def test_a_file_switched_to_another_journal_by_hand_goes_on_being_used(path: Path) -> None:
    whole = held(filled(path))
    with closing(sqlite3.connect(path)) as db:
        assert db.execute("PRAGMA journal_mode = WAL").fetchone() == ("wal",)

    assert held(opened(path)) == whole
    assert opened(path).unknown_since is None


# --- no room, no folder, no turn --------------------------------------------------------------------------------------


@contextmanager
def _no_file_larger_than(size: int) -> Iterator[None]:
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def test_without_room_nothing_is_kept_and_nothing_is_damaged(path: Path) -> None:
    whole = held(filled(path))
    with _no_file_larger_than(path.stat().st_size), pytest.raises(StateUnusable) as caught:
        opened(path).sending(sent(100, "abcdefghij" * 10))

    assert str(caught.value).startswith(f"{path} cannot be used: ")
    assert caught.value.hint == f"see that {path.parent} is writable and has room"
    with _no_file_larger_than(path.stat().st_size), pytest.raises(StateUnusable, match="cannot be used: "):
        opened(path).cache("week", noise(1_000_000))
    store = opened(path)
    assert store.unknown_since is None
    assert store.cached("week") == CACHED
    assert set(whole.record) <= set(held(store).record)
    store.sending(sent(300))


def test_without_room_for_the_file_itself_no_litter_is_left(path: Path) -> None:
    for _ in range(3):
        with _no_file_larger_than(1000):
            refusal(opened(path))

    assert torn(path) == []
    opened(path).sending(sent(0))


def test_a_folder_that_cannot_be_made_is_said_to_be_so(path: Path) -> None:
    path.write_text("not a folder")
    below = path / "state.sqlite3"

    error = refusal(opened(below))

    assert str(error) == f"{below} cannot be used: Not a directory"
    assert error.hint == f"see that {path} is writable and has room"


def test_a_folder_gone_in_the_middle_of_a_run_is_said_to_be_so(path: Path) -> None:
    store = filled(path)
    shutil.rmtree(path.parent)

    with pytest.raises(StateUnusable, match="cannot be used: unable to open database file"):
        store.sending(sent(0))


def test_a_file_kept_busy_is_an_error_that_passes(path: Path) -> None:
    store = filled(path)
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN EXCLUSIVE")
        for call in (lambda: store.sending(sent(0)), store.resume_at, opened(path).resume_at):
            with pytest.raises(StateUnreachable, match="kept busy by another process"):
                call()

    store.sending(sent(0))


# --- versions ---------------------------------------------------------------------------------------------------------

VERSION_1, VERSION_2 = (
    (Path(__file__).parent / f"version_{number}.sql").read_text(encoding="utf-8") for number in (1, 2)
)
LATER = ("CREATE TABLE later (snapshot TEXT)", "INSERT INTO later SELECT DISTINCT target FROM adds")


def version_1(path: Path, script: str = VERSION_1) -> None:
    """Make the file that version 1 made, or another one whose *script* is told."""
    with closing(sqlite3.connect(path)) as db:
        db.executescript(script)
    path.chmod(0o600)


def version(path: Path) -> int:
    with closing(sqlite3.connect(path)) as db:
        return int(db.execute("PRAGMA user_version").fetchone()[0])


def test_what_version_1_kept_is_read_by_every_later_one(path: Path) -> None:
    version_1(path)
    for steps in (STEPS, (*STEPS, LATER), (*STEPS, LATER, ("DROP TABLE later",))):
        store = SqliteState(path, FakeClock().now, steps=steps)

        assert store.adds(ARCHIVE, since=at(2)) == (sent(1), landed(2, "ab"))
        assert list(store.record()) == [landed(2, "ab")]
        assert store.not_before("app") == NotBefore(at=at(60), quota=True)
        assert store.resume_at() == "week"
        assert store.unknown_since is None
        assert version(path) == len(steps)


def test_a_file_of_version_1_gets_a_cache(path: Path) -> None:
    version_1(path)

    assert opened(path).cached("week") is None
    opened(path).cache("week", CACHED)

    assert opened(path).cached("week") == CACHED
    assert opened(path).adds(ARCHIVE, since=at(2)) == (sent(1), landed(2, "ab"))
    assert version(path) == len(STEPS)
    assert torn(path) == []


def test_a_file_of_version_2_keeps_what_it_had_and_what_is_made_from_now_on(path: Path) -> None:
    version_1(path, VERSION_2)
    undone = landed(3, "c", state=AddState.UNDONE)

    assert opened(path).volumes("default", "Archive") == ()
    opened(path).keep_volume(volume())

    store = opened(path)
    assert store.volumes("default", "Archive") == (volume(),)
    assert store.adds(ARCHIVE, since=at(2)) == (sent(1), landed(2, "ab"), undone)
    assert list(store.record()) == [undone, landed(2, "ab")]
    assert store.not_before("app") == NotBefore(at=at(60), quota=True)
    assert store.resume_at() == "week"
    assert store.cached("week") == b"\0\xff content"
    assert store.unknown_since is None
    assert version(path) == 3
    assert torn(path) == []


def test_a_damaged_file_of_version_2_is_set_aside(path: Path) -> None:
    version_1(path, VERSION_2.replace('"pair":"week-to-archive"', '"pair":"week-to-arkhive"'))

    assert held(opened(path)) == NOTHING
    assert opened(path).unknown_since
    assert len(torn(path)) == 1


def test_a_step_that_fails_changes_nothing(path: Path) -> None:
    version_1(path)
    broken = SqliteState(path, FakeClock().now, steps=(*STEPS, LATER, ("DROP TABLE adds", "no SQL")))

    with pytest.raises(StateUnusable):
        broken.resume_at()

    assert version(path) == 1
    assert opened(path).adds(ARCHIVE, since=at(2)) == (sent(1), landed(2, "ab"))


def test_steps_are_not_taken_under_a_run(path: Path) -> None:
    version_1(path)
    with opened(path).lock("run", now=NOON, until=UNTIL), pytest.raises(Locked):
        SqliteState(path, FakeClock().now, steps=(*STEPS, LATER)).resume_at()

    assert version(path) == len(STEPS)


ENDLESS = (
    "CREATE TABLE later (number INTEGER)",
    "DROP TABLE adds",
    """INSERT INTO later WITH RECURSIVE numbers (number) AS (SELECT 1 UNION ALL SELECT number + 1 FROM numbers)
        SELECT number FROM numbers""",
)


def test_killed_between_two_steps_the_old_version_is_there(path: Path) -> None:
    version_1(path)
    size = path.stat().st_size
    code = f"SqliteState(path, FakeClock().now, steps=(*STEPS, {ENDLESS!r})).resume_at()"
    child = spawned(path, code)
    while path.stat().st_size <= size * 50:  # SQLite's cache is full, and the file half changed
        assert child.poll() is None
    kill(child)

    assert Path(f"{path}-journal").stat().st_size
    assert opened(path).adds(ARCHIVE, since=at(2)) == (sent(1), landed(2, "ab"))
    assert opened(path).unknown_since is None


# --- processes --------------------------------------------------------------------------------------------------------


def spawned(path: Path, code: str, *arguments: str) -> "subprocess.Popen[str]":
    """Run *code* in a process of its own, which has *path* and what these tests have."""
    start = (
        "import sys; from pathlib import Path; path = Path(sys.argv[1]);"
        "from contextlib import suppress; from syncer.errors import *; from syncer.model import *;"
        "from syncer.state.sqlite import *; from tests.state.words import *; from tests.fakes import *\n"
    )
    return subprocess.Popen(  # noqa: S603 - our own words
        [sys.executable, "-c", start + code, path, *arguments],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )


def kill(child: "subprocess.Popen[str]") -> None:
    child.send_signal(signal.SIGKILL)
    assert child.wait(30) == -signal.SIGKILL
    assert child.stdin
    assert child.stdout
    child.stdin.close()
    child.stdout.close()


WRITER = """
store = SqliteState(path, FakeClock().now)
with store.lock("run", now=NOON, until=UNTIL):
    for minute in range(int(sys.argv[2]), 10 ** 6):
        store.sending(sent(minute))
        print("sent", minute, flush=True)
        store.settle(sent(minute), landed=uris("ab"), state=AddState.LANDED)
        print("landed", minute, flush=True)
"""


def test_killed_at_any_moment_what_was_said_to_be_kept_is_there(path: Path) -> None:
    """Twenty times: no lock is left, nothing is torn, and of the one add in question either answer is whole."""
    chance = Random(11)  # noqa: S311 - the same moments each time, as far as a process has them
    known: dict[int, str] = {}
    for round_ in range(20):
        child = spawned(path, WRITER, str(round_ * 1000))
        assert child.stdout
        for _ in range(chance.randrange(1, 60)):
            said, minute = child.stdout.readline().split()
            known[int(minute)] = said
        child.send_signal(signal.SIGKILL)
        for line in child.stdout.read().splitlines(keepends=True):
            if line.endswith("\n"):
                known[int(line.split()[1])] = line.split()[0]
        kill(child)

        with opened(path).lock("next", now=NOON, until=UNTIL):
            store = opened(path)
            found = {int(add.id): add for add in store.adds(ARCHIVE, since=EVER)}
            assert store.unknown_since is None
        for number, said in known.items():
            may_be = [landed(number, "ab")] if said == "landed" else [sent(number), landed(number, "ab")]
            assert found.pop(number) in may_be
        assert all(add == sent(number) for number, add in found.items())
        assert len(found) <= round_ + 1  # written, and killed before it could say so
    assert len(known) > 100
    assert torn(path) == []


CACHER = """
store = SqliteState(path, FakeClock().now)
for number in range(10 ** 6):
    store.cache("week", noise(1_000_000, number % 2))
    print(number, flush=True)
"""


def test_killed_at_any_moment_what_is_cached_is_the_old_or_the_new(path: Path) -> None:
    filled(path)
    chance = Random(13)  # noqa: S311 - the same moments each time, as far as a process has them
    journals = 0
    for _ in range(8):
        child = spawned(path, CACHER)
        assert child.stdout
        child.stdout.readline()
        with suppress(subprocess.TimeoutExpired):
            child.wait(chance.uniform(0, 0.05))
        child.send_signal(signal.SIGKILL)
        seen = child.stdout.read().count("\n")
        kill(child)
        journals += Path(f"{path}-journal").exists()

        store = opened(path)
        assert store.unknown_since is None
        assert store.cached("week") in (noise(1_000_000, 0), noise(1_000_000, 1)), seen
        assert store.resume_at() == "week"
    assert journals  # at least one was in the middle of a write


def test_a_lock_ends_with_its_process(path: Path) -> None:
    code = 'with SqliteState(path, FakeClock().now).lock("run", now=NOON, until=UNTIL): print(flush=True); input()'
    child = spawned(path, code)
    assert child.stdout
    child.stdout.readline()
    with pytest.raises(Locked, match=rf"\(it holds {path}\.lock\)"), opened(path).lock("b", now=NOON, until=UNTIL):
        pytest.fail("two runs at once")
    opened(path).sending(sent(0))  # only a second run is kept out
    kill(child)

    with opened(path).lock("run", now=NOON, until=UNTIL):
        pass


RACER = """
store, inside = SqliteState(path, FakeClock().now), path.with_name("inside")
sys.stdin.readline()
entered = 0
while entered < 50:
    with suppress(Locked), store.lock("run", now=NOON, until=UNTIL):
        inside.open("x").close()
        inside.unlink()
        entered += 1
print(entered)
"""
WAITER = """
store = SqliteState(path, FakeClock().now)
sys.stdin.readline()
for minute in map(int, sys.argv[2:]):
    store.wait("app", NotBefore(at=at(minute), quota=False))
    print(store.not_before("app").at.isoformat())
"""


def outputs(*children: "subprocess.Popen[str]") -> list[list[str]]:
    """Let all of them start at once; return the lines of each."""
    for child in children:
        assert child.stdin
        child.stdin.write("go\n")
        child.stdin.flush()
    lines = [child.communicate(timeout=60)[0].splitlines() for child in children]
    assert [child.returncode for child in children] == [0] * len(children)
    return lines


def test_two_processes_are_never_inside_the_lock_together(path: Path) -> None:
    """Also while the first of them makes the file."""
    assert outputs(*(spawned(path, RACER) for _ in range(2))) == [["50"], ["50"]]


def test_two_processes_never_make_a_wait_shorter(path: Path) -> None:
    opened(path).sending(sent(0))
    chance = Random(5)  # noqa: S311 - the same wishes each time
    wishes = [[str(minute) for minute in chance.sample(range(1000), 100)] for _ in range(2)]

    seen = outputs(*(spawned(path, WAITER, *each) for each in wishes))

    last = opened(path).not_before("app")
    assert last
    assert last.at == at(max(int(minute) for each in wishes for minute in each))
    for lines in seen:
        assert lines == sorted(lines)
