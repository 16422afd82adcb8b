"""State in a SQLite file that only its owner can write."""

import errno
import fcntl
import logging
import os
import shlex
import sqlite3
import stat
import zlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager, suppress
from datetime import datetime
from enum import Enum, auto
from glob import escape
from pathlib import Path
from typing import Final

from syncer.errors import Locked, StateUnreachable, StateUnusable
from syncer.ids import PlaylistId, Uri
from syncer.model import Add, AddState, NotBefore, Volume
from syncer.state import rows

log = logging.getLogger(__name__)

Steps = Sequence[Sequence[str]]
STEPS: Final[Steps] = (
    (
        """CREATE TABLE adds (target TEXT NOT NULL, id TEXT NOT NULL, at TEXT NOT NULL, state TEXT NOT NULL,
            body TEXT NOT NULL, crc INTEGER NOT NULL, UNIQUE (target, id))""",
        "CREATE INDEX adds_by_time ON adds (at, id)",
        """CREATE TABLE limits (client_id TEXT NOT NULL PRIMARY KEY, at TEXT NOT NULL, quota INTEGER NOT NULL,
            crc INTEGER NOT NULL) WITHOUT ROWID""",
        """CREATE TABLE facts (name TEXT NOT NULL PRIMARY KEY, value TEXT NOT NULL,
            crc INTEGER NOT NULL) WITHOUT ROWID""",
    ),
    (
        """CREATE TABLE cache (name TEXT NOT NULL PRIMARY KEY, content BLOB NOT NULL,
            crc INTEGER NOT NULL) WITHOUT ROWID""",
    ),
    (
        """CREATE TABLE volumes (account TEXT NOT NULL, series TEXT NOT NULL, number INTEGER NOT NULL,
            body TEXT NOT NULL, crc INTEGER NOT NULL, PRIMARY KEY (account, series, number)) WITHOUT ROWID""",
    ),
)
"""The SQL that leads from each version of the file to the next, from nothing on. What was released never changes."""

BUSY_SECONDS: Final = 5.0
"""How long another process may keep us from reading or writing."""

_KEEP_ADD: Final = "REPLACE INTO adds VALUES (?1, ?2, ?3, ?4, ?5, crc(?1, ?2, ?3, ?4, ?5))"
_KEEP_VOLUME: Final = "REPLACE INTO volumes VALUES (?1, ?2, ?3, ?4, crc(?1, ?2, ?3, ?4))"
_KEEP_FACT: Final = "REPLACE INTO facts VALUES (?1, ?2, crc(?1, ?2))"
_KEEP_LIMIT: Final = """INSERT INTO limits VALUES (?1, ?2, ?3, crc(?1, ?2, ?3))
    ON CONFLICT DO UPDATE SET at = excluded.at, quota = excluded.quota, crc = excluded.crc
    WHERE excluded.at >= limits.at"""
_ADDS: Final = "SELECT body FROM adds WHERE target = ? AND (state != ? OR at >= ?) ORDER BY id"
_RECORD: Final = """SELECT body FROM adds WHERE state != ? AND (at, id) < (?, ?)
    ORDER BY at DESC, id DESC LIMIT ?"""
_KEEP_CACHED: Final = "REPLACE INTO cache VALUES (?1, ?2, crc(?1, ?2))"
_CACHED: Final = """SELECT CAST(content AS BLOB) FROM cache
    WHERE name = ?1 AND crc IS crc(?1, CAST(content AS BLOB))"""
"""What is damaged is not there. A flipped byte can make text of a blob, and not every blob is text that can be read."""
_FLIPPED: Final = """SELECT 1 FROM adds WHERE crc IS NOT crc(target, id, at, state, body)
    UNION ALL SELECT 1 FROM volumes WHERE crc IS NOT crc(account, series, number, body)
    UNION ALL SELECT 1 FROM limits WHERE crc IS NOT crc(client_id, at, quota)
    UNION ALL SELECT 1 FROM facts WHERE crc IS NOT crc(name, value)"""
"""SQLite sees damage to its own structure; the bytes of a value are ours to watch.

Those of the cache are left out: without it we make a few requests more, without the rest we know less than we promise.
"""

_RESUME_AT: Final = "resume_at"
_UNKNOWN_SINCE: Final = "unknown_since"
_PAGE: Final = 100

_OURS: Final = 0x72645777
_MARK: Final = slice(68, 72)
"""The application id of our files, and where SQLite keeps it."""
_MAGIC: Final = b"SQLite format 3\0"
_HEADER: Final = 100
_BUSY: Final = {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED, sqlite3.SQLITE_PROTOCOL}
_OUTSIDE: Final = _BUSY | {
    sqlite3.SQLITE_AUTH,
    sqlite3.SQLITE_CANTOPEN,
    sqlite3.SQLITE_FULL,
    sqlite3.SQLITE_INTERRUPT,
    sqlite3.SQLITE_IOERR,
    sqlite3.SQLITE_NOLFS,
    sqlite3.SQLITE_NOMEM,
    sqlite3.SQLITE_PERM,
    sqlite3.SQLITE_READONLY,
}
"""Errors that say nothing against what is in the file."""
_SQLITE: Final = (sqlite3.Error, UnicodeDecodeError)
"""Python raises the latter for SQLite's message where that quotes damaged text."""
_AGAIN: Final = "try again: a damaged file is set aside and a new one begun"


class SqliteState:
    """State in the file *path*, as StateStore promises. Nothing is touched before the first call."""

    keeps = True

    def __init__(
        self, path: Path, now: Callable[[], datetime], *, steps: Steps = STEPS, busy_seconds: float = BUSY_SECONDS
    ) -> None:
        self._file = _File(path, now, steps, busy_seconds)

    @property
    def unknown_since(self) -> datetime | None:
        text = self._fact(_UNKNOWN_SINCE)
        return None if text is None else rows.moment(text)

    @contextmanager
    def lock(self, run_id: str, *, now: datetime, until: datetime) -> Iterator[None]:  # noqa: ARG002 - ends by itself
        with self._file.locked():
            yield

    def sending(self, add: Add) -> None:
        self._write(_KEEP_ADD, add.target, add.id, rows.stamp(add.at), add.state, rows.encode(add))

    def settle(self, add: Add, *, landed: Sequence[Uri], state: AddState) -> None:
        if left := rows.settled(add, landed, state):
            self.sending(left)
        else:
            self._write("DELETE FROM adds WHERE target = ? AND id = ?", add.target, add.id)

    def adds(self, target: PlaylistId, *, since: datetime) -> tuple[Add, ...]:
        return self._adds(_ADDS, target, AddState.LANDED, rows.stamp(since))

    def record(self) -> Iterator[Add]:
        before = ("~", "")  # later than every stamp
        # Page by page: a reader who takes an hour must not keep a run from writing.
        while page := self._adds(_RECORD, AddState.SENT, *before, _PAGE):
            yield from page
            before = (rows.stamp(page[-1].at), page[-1].id)

    def volumes(self, account: str, series: str) -> tuple[Volume, ...]:
        query = "SELECT body FROM volumes WHERE account = ? AND series = ? ORDER BY number"
        with self._file.opened() as db:
            return tuple(rows.decode_volume(body) for (body,) in db.execute(query, (account, series)))

    def keep_volume(self, volume: Volume) -> None:
        self._write(_KEEP_VOLUME, volume.account, volume.series, volume.number, rows.encode_volume(volume))

    def forget_volume(self, volume: Volume) -> None:
        which = (volume.account, volume.series, volume.number)
        self._write("DELETE FROM volumes WHERE account = ? AND series = ? AND number = ?", *which)

    def not_before(self, client_id: str) -> NotBefore | None:
        with self._file.opened() as db:
            row = db.execute("SELECT at, quota FROM limits WHERE client_id = ?", (client_id,)).fetchone()
        return None if row is None else NotBefore(at=rows.moment(row[0]), quota=bool(row[1]))

    def wait(self, client_id: str, wish: NotBefore) -> None:
        self._write(_KEEP_LIMIT, client_id, rows.stamp(wish.at), wish.quota)

    def resume_at(self) -> str | None:
        return self._fact(_RESUME_AT)

    def stopped_at(self, pair: str | None) -> None:
        if pair is None:
            self._write("DELETE FROM facts WHERE name = ?", _RESUME_AT)
        else:
            self._write(_KEEP_FACT, _RESUME_AT, pair)

    def cached(self, name: str) -> bytes | None:
        with self._file.opened() as db:
            row = db.execute(_CACHED, (name,)).fetchone()
        return None if row is None else bytes(row[0])

    def cache(self, name: str, content: bytes) -> None:
        self._write(_KEEP_CACHED, name, content)

    def _write(self, statement: str, *values: str | int | bytes) -> None:
        """Carry out *statement*, on the disk when this returns or not at all."""
        with self._file.opened() as db:
            db.execute(statement, values)

    def _adds(self, query: str, *values: str | int) -> tuple[Add, ...]:
        with self._file.opened() as db:
            return tuple(rows.decode(body) for (body,) in db.execute(query, values))

    def _fact(self, name: str) -> str | None:
        with self._file.opened() as db:
            row = db.execute("SELECT value FROM facts WHERE name = ?", (name,)).fetchone()
        return None if row is None else str(row[0])


class _Look(Enum):
    """What there is in the file's place, as far as it is ours."""

    MISSING = auto()
    EMPTY = auto()
    TORN = auto()
    OLD = auto()
    SOUND = auto()


class _File:
    """The file as a whole, never open between calls.

    The kernel locks ``NAME.lock`` for a run, and while the file is made, set aside or brought to a newer version. A
    file of ours that is damaged is renamed ``NAME.torn-<time>``. What is not ours, or of a version newer than ours, is
    refused and left as it is.
    """

    def __init__(self, path: Path, now: Callable[[], datetime], steps: Steps, busy_seconds: float) -> None:
        self._path = path.absolute()
        self._now = now
        self._steps = steps
        self._busy_seconds = busy_seconds
        self._held = False
        self._sound = False

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Keep everybody else's :meth:`locked` out; Locked if someone is in.

        The lock is free when its file is closed: here, or by the kernel when this process ends in any way.
        """
        place = self._beside("lock")
        with self._explained():
            self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            opened = os.open(place, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_NONBLOCK, 0o600)
        with os.fdopen(opened, "rb", buffering=0) as lock:
            with self._explained():
                try:
                    fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                except BlockingIOError:
                    raise Locked(str(place)) from None
            with self._holding():
                yield

    @contextmanager
    def _holding(self) -> Iterator[None]:
        self._held = True
        self._sound = False  # what was looked at earlier may have been set aside since
        try:
            with self._explained():
                self._ready()
            yield
        finally:
            self._held = False

    @contextmanager
    def opened(self) -> Iterator[sqlite3.Connection]:
        """Have a sound file of the newest version open; each statement is a transaction."""
        with self._explained():
            self._ready()
            with self._connected() as db:
                yield db

    def _ready(self) -> None:
        """See to a sound file of the newest version. What that takes is done with everybody else locked out."""
        if self._sound:
            return
        if self._look() is not _Look.SOUND:
            if not self._held:
                with self.locked():
                    return
            while (look := self._look()) is not _Look.SOUND:
                self._mend(look)
        self._sound = True

    # --- looking ---

    def _look(self) -> _Look:
        """Say what there is; StateUnusable if it is not ours to touch."""
        header = self._header()
        if header is None:
            return _Look.MISSING
        if not header:
            return _Look.EMPTY
        if _is_foreign(header):
            raise self._refusal("is not a file of the syncer", "configure another path for the state")
        if not _is_whole(header):
            return _Look.TORN
        try:
            with self._connected() as db:
                return self._look_inside(db)
        except _SQLITE as error:
            if _kind(error) in _OUTSIDE:
                raise
            return _Look.TORN

    def _header(self) -> bytes | None:
        """Return the first bytes, None if there is no file; StateUnusable if others could have written them."""
        try:
            opened = os.open(self._path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
        except FileNotFoundError:
            return None
        try:
            self._examine(os.fstat(opened))
            return os.read(opened, _HEADER)
        finally:
            os.close(opened)

    def _examine(self, status: os.stat_result) -> None:
        if not stat.S_ISREG(status.st_mode):
            raise self._refusal("is not a file", "configure another path for the state")
        if status.st_uid != os.geteuid():
            raise self._refusal("belongs to another user", "run the syncer as the user who owns the file")
        if status.st_mode & (stat.S_IWGRP | stat.S_IWOTH):
            raise self._refusal("can be written by other users", f"run `chmod 600 {shlex.quote(str(self._path))}`")

    def _look_inside(self, db: sqlite3.Connection) -> _Look:
        version = _version(db)
        if version > len(self._steps):
            raise self._refusal(
                "was written by a newer version of the syncer",
                "update the syncer, or configure another path for the state",
            )
        if version < 1 or db.execute("PRAGMA integrity_check(1)").fetchone() != ("ok",):
            return _Look.TORN
        if version < len(self._steps):
            return _Look.OLD
        return _Look.TORN if db.execute(_FLIPPED).fetchone() else _Look.SOUND

    # --- mending, with everybody else locked out ---

    def _mend(self, look: _Look) -> None:
        if look is _Look.TORN:
            self._set_aside()
        elif look is _Look.OLD:
            self._upgrade()
        elif look is _Look.EMPTY:  # what was in it, if anything was, is not known
            self._upgrade(unknown_since=self._now())
        else:
            os.close(os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600))
            torn = any(self._path.parent.glob(f"{escape(self._path.name)}.torn-*"))
            self._upgrade(unknown_since=self._now() if torn else None)

    def _set_aside(self) -> None:
        """Rename the file, and then the journal beside it, which SQLite would play into the next one."""
        torn = self._beside(f"torn-{self._now():%Y%m%dT%H%M%SZ}")
        if os.path.lexists(torn):
            raise self._refusal(
                "is damaged time and again", f"see that the disk that holds {self._path.parent} is sound"
            )
        self._path.rename(torn)
        with suppress(FileNotFoundError):
            Path(f"{self._path}-journal").rename(f"{torn}-journal")
        log.warning("damaged state set aside", extra={"path": str(torn)})

    def _upgrade(self, *, unknown_since: datetime | None = None) -> None:
        """Take all steps to the newest version, or none, also if the process is killed between two."""
        with self._connected() as db, db:
            db.execute("BEGIN IMMEDIATE")
            for step in self._steps[_version(db) :]:
                for statement in step:
                    db.execute(statement)
            db.execute(f"PRAGMA application_id = {_OURS}")
            db.execute(f"PRAGMA user_version = {len(self._steps)}")
            if unknown_since:
                db.execute(_KEEP_FACT, (_UNKNOWN_SINCE, rows.stamp(unknown_since)))

    # --- the ways to it ---

    @contextmanager
    def _connected(self) -> Iterator[sqlite3.Connection]:
        url = f"{self._path.as_uri()}?mode=rw"  # only _mend makes the file
        with closing(sqlite3.connect(url, uri=True, timeout=self._busy_seconds, isolation_level=None)) as db:
            db.create_function("crc", -1, _crc)
            db.execute("PRAGMA journal_mode = DELETE")
            db.execute("PRAGMA synchronous = EXTRA")  # a note outlasts the power cut right after it
            db.execute("PRAGMA fullfsync = ON")  # on macOS nothing less reaches the disk
            yield db

    @contextmanager
    def _explained(self) -> Iterator[None]:
        """Turn what goes wrong into errors of ours."""
        room = f"see that {self._path.parent} is writable and has room"
        try:
            yield
        except OSError as error:
            if error.errno == errno.ELOOP:
                what, room = "is a symbolic link, which anyone could point elsewhere", "configure the file's own path"
            else:
                what = f"cannot be used: {error.strerror}"
            raise StateUnusable(f"{error.filename or self._path} {what}", hint=room) from None
        except rows.Unreadable:
            raise self._refusal("holds something that we did not write", _AGAIN) from None
        except _SQLITE as error:
            if _kind(error) in _BUSY:
                raise StateUnreachable(
                    f"{self._path} is kept busy by another process", hint="nothing to do: the next run tries again"
                ) from None
            if _kind(error) in _OUTSIDE:
                raise self._refusal(f"cannot be used: {error}", room) from None
            raise self._refusal("is damaged", _AGAIN) from None

    def _beside(self, ending: str) -> Path:
        return self._path.with_name(f"{self._path.name}.{ending}")

    def _refusal(self, what: str, hint: str) -> StateUnusable:
        return StateUnusable(f"{self._path} {what}", hint=hint)


def _is_foreign(header: bytes) -> bool:
    """Whether it is somebody else's: neither marked as ours nor too damaged to be anybody's."""
    cut_off = len(header) < _MARK.stop and _MAGIC.startswith(header[: len(_MAGIC)])
    return header[_MARK] != _OURS.to_bytes(4, "big") and not cut_off and any(header)


def _is_whole(header: bytes) -> bool:
    return len(header) == _HEADER and header.startswith(_MAGIC) and header[18:20] in (b"\1\1", b"\2\2")


def _version(db: sqlite3.Connection) -> int:
    return int(db.execute("PRAGMA user_version").fetchone()[0])


def _crc(*values: object) -> int:
    return zlib.crc32(b"\0".join(each if isinstance(each, bytes) else str(each).encode() for each in values))


def _kind(error: Exception) -> int:
    """Return SQLite's own code, which what Python itself finds wrong has none of."""
    code: int = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_ERROR)
    return code & 0xFF
