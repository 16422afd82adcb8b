"""Credentials as JSON, the file that holds them, and how two writers keep out of each other's way.

A secret of AWS Secrets Manager holds the same JSON: syncer/secretsmanager.py.
"""

import errno
import fcntl
import hashlib
import json
import math
import os
import shlex
import stat
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import NoReturn, Self

from syncer.errors import CredentialsUnreadable, StoreUnreachable
from syncer.ports import Credentials, CredentialStore, Stored, StoredMeanwhile

MAX_BYTES = 65_536
"""More is never read or written, and is as much as a secret of AWS can hold."""

ROUNDS = 3
"""How often a change is put on top of somebody else's before we give up (fault model §5)."""

_KEYS = {
    "client_id": "spotify_client_id",
    "client_secret": "spotify_client_secret",
    "refresh_token": "refresh_token",
    "access_token": "access_token",
    "expires_at": "expires_at",
    "scope": "scope",
    "authorized_at": "authorized_at",
}


def keep(store: CredentialStore, stored: Stored, change: Callable[[Credentials], Credentials]) -> Stored:
    """Save *change* on top of *stored* and return what is kept now: ours, or theirs where somebody was faster.

    Theirs is adopted if it brings other tokens than we began with. Only their access token being new does not count
    if *change* brings a new refresh token: an access token is cheap to lose, a refresh token is not. Else *change* is
    made again on top of theirs, so *change* is a function of what it is given and nothing else.
    """
    base = stored
    for _ in range(1 + ROUNDS):
        changed = change(base.credentials)
        try:
            return store.save(changed, over=base)
        except StoredMeanwhile:
            theirs = store.load()
        began, there = stored.credentials, theirs.credentials
        ours_is_dearer = changed.refresh_token != began.refresh_token
        if there.refresh_token != began.refresh_token:
            return theirs
        if there.access_token != began.access_token and not ours_is_dearer:
            return theirs
        base = theirs
    raise busy(store.place)


def busy(place: str) -> StoreUnreachable:
    """Return what to raise when others were faster in every round."""
    return StoreUnreachable(
        f"{place} kept changing while it was to be written", hint="nothing to do: the next run tries again"
    )


# --- the JSON ---------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Document:
    """The JSON object at a place: our keys and everybody else's, in their order."""

    place: str
    fields: Mapping[str, object] = field(default_factory=dict, repr=False)

    @classmethod
    def parse(cls, raw: bytes, place: str) -> Self:
        """Read the one JSON object that *raw* is; CredentialsUnreadable if it is anything else."""
        if len(raw) > MAX_BYTES:
            _refuse(place, f"is larger than {MAX_BYTES // 1024} KiB")
        if not raw.strip():
            _refuse(place, "is empty")
        try:
            found = json.loads(raw.decode("utf-8-sig"), object_pairs_hook=_once, parse_constant=_no_constant)
        except _KeyTwice:
            raise _unusable(place, "has a key twice") from None
        except (ValueError, RecursionError):  # the latter for 30,000 opening brackets
            raise _unusable(place, "is not JSON") from None
        if not isinstance(found, dict):
            _refuse(place, "is not a JSON object")
        return cls(place, found)

    def credentials(self) -> Credentials:
        """Return what our keys say; CredentialsUnreadable, naming the key, if one of the first three cannot be used.

        The others only save work: what makes no sense there counts as absent.
        """
        get = self.fields.get
        return Credentials(
            client_id=self._needed("spotify_client_id"),
            client_secret=self._needed("spotify_client_secret") if "spotify_client_secret" in self.fields else None,
            refresh_token=self._needed("refresh_token"),
            access_token=_text(get("access_token")),
            expires_at=_seconds(get("expires_at")),
            scope=_text(get("scope")),
            authorized_at=_text(get("authorized_at")),
        )

    def saying(self, credentials: Credentials) -> "Document":
        """Return this document with our keys as *credentials* has them and all others as they are.

        A key that means the same already keeps its spelling. A field that is None has no key afterwards, so whoever
        only wants to change one starts from what was loaded.
        """
        fields = dict(self.fields)
        for name, key in _KEYS.items():
            value = getattr(credentials, name)
            if value is None:
                fields.pop(key, None)
            elif value not in (_text(fields.get(key)), _seconds(fields.get(key))):
                fields[key] = value
        return Document(self.place, fields)

    def encode(self) -> bytes:
        """Return the JSON in ASCII; CredentialsUnreadable if it could not be read back."""
        try:
            raw = json.dumps(self.fields, indent=2, allow_nan=False).encode("ascii") + b"\n"
        except ValueError:  # a number such as 1e999 under a key that is not ours
            raise _unusable(self.place, "holds a number too large to be written back") from None
        if len(raw) > MAX_BYTES:
            _refuse(self.place, f"would become larger than {MAX_BYTES // 1024} KiB")
        return raw

    def _needed(self, key: str) -> str:
        value = self.fields.get(key)
        flaw = _flaw(value) if key in self.fields else "is missing"
        if flaw:
            if key == "refresh_token":
                hint = "run `syncer login`, which stores a new one"
            else:
                hint = f"set {key} to what your app shows at developer.spotify.com/dashboard"
            raise CredentialsUnreadable(f"{key} in {self.place} {flaw}", hint=hint)
        return str(value).strip()


class _KeyTwice(ValueError):
    """Which of the two values was meant is anyone's guess."""


def _once(pairs: list[tuple[str, object]]) -> dict[str, object]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise _KeyTwice
    return found


def _no_constant(name: str) -> NoReturn:
    raise ValueError(name)


def _flaw(value: object) -> str | None:
    """Say why *value* is no client id, secret or token (RFC 6749, appendix A: printable ASCII); None if it is one."""
    if not isinstance(value, str):
        return "is not text"
    value = value.strip()
    if not value:
        return "is empty"
    if not (value.isascii() and value.isprintable()):
        return "holds a control character or a letter outside ASCII"
    return None


def _text(value: object) -> str | None:
    return value.strip() if isinstance(value, str) and not _flaw(value) else None


def _seconds(value: object) -> float | None:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    try:
        seconds = float(value)
    except OverflowError:  # an integer of 400 digits
        return None
    return seconds if math.isfinite(seconds) else None


def _unusable(place: str, flaw: str) -> CredentialsUnreadable:
    return CredentialsUnreadable(f"{place} {flaw}", hint=f"correct {place}, or run `syncer login` to write it anew")


def _refuse(place: str, flaw: str) -> NoReturn:
    raise _unusable(place, flaw)


# --- the file ---------------------------------------------------------------------------------------------------------


class FileStore:
    """Credentials in a file that only its owner can read: refused while others could, and never repaired silently.

    Writers of this program take turns on ``NAME.lock``, also between processes. ``NAME.new`` is a file being written;
    one left by a killed process is cleared by the next writer.
    """

    def __init__(self, path: Path) -> None:
        self.place = str(path)
        self.login_option = ""
        self.slowest = 0.0
        self._path = path

    def load(self) -> Stored:
        """Return what the file says, as CredentialStore promises."""
        raw = self._read()
        return Stored(credentials=Document.parse(raw, self.place).credentials(), version=_mark(raw))

    def save(self, changed: Credentials, *, over: Stored) -> Stored:
        """Replace the file in one step, as CredentialStore promises."""
        with self._writing():
            raw = self._read()
            if _mark(raw) != over.version:
                raise StoredMeanwhile
            return self._replace(Document.parse(raw, self.place).saying(changed))

    def create_or_replace(self, credentials: Credentials, *, at: datetime) -> Stored:
        """Store *credentials* whatever is there, for a new sign-in.

        Keys we do not know are kept. What cannot be read as JSON of ours is renamed ``NAME.bad-<at>``. A file open to
        others is closed; a missing folder is made, for its owner only.
        """
        with self._writing(make_folder=True):
            try:
                document = Document.parse(self._read(private=False), self.place)
            except CredentialsUnreadable:
                document = Document(self.place)
                if os.path.lexists(self._path):
                    self._path.rename(self._path.with_name(f"{self._path.name}.bad-{at:%Y%m%dT%H%M%SZ}"))
            return self._replace(document.saying(credentials))

    @contextmanager
    def _writing(self, *, make_folder: bool = False) -> Iterator[None]:
        """Keep other writers out; the kernel lets them in again when this process ends, however it ends."""
        try:
            if make_folder:
                self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            lock = os.open(self._beside("lock"), os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o600)
            try:
                fcntl.flock(lock, fcntl.LOCK_EX)
                yield
            finally:
                os.close(lock)
        except OSError as error:
            raise CredentialsUnreadable(
                f"{self.place} cannot be written: {error.strerror}",
                hint=f"see that {self._path.parent} is writable and has room",
            ) from None

    def _beside(self, ending: str) -> Path:
        return self._path.with_name(f"{self._path.name}.{ending}")

    def _read(self, *, private: bool = True) -> bytes:
        """Return the bytes, at most one more than allowed, of the very file that was examined."""
        try:
            # Without O_NONBLOCK a pipe put in its place would hold us here for ever.
            opened = os.open(self._path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
        except OSError as error:
            raise self._unopened(error) from None
        try:
            self._examine(os.fstat(opened), private=private)
            with os.fdopen(opened, "rb", closefd=False) as file:
                return file.read(MAX_BYTES + 1)
        finally:
            os.close(opened)

    def _unopened(self, error: OSError) -> CredentialsUnreadable:
        if error.errno == errno.ENOENT:
            return CredentialsUnreadable(f"there are no credentials at {self.place}", hint="run `syncer login`")
        if error.errno == errno.ELOOP:
            return CredentialsUnreadable(
                f"{self.place} is a symbolic link, which anyone could point elsewhere",
                hint="configure the path of the file itself",
            )
        return CredentialsUnreadable(
            f"{self.place} cannot be read: {error.strerror}", hint="make it a file that you can read"
        )

    def _examine(self, status: os.stat_result, *, private: bool) -> None:
        if not stat.S_ISREG(status.st_mode):
            raise CredentialsUnreadable(f"{self.place} is not a file", hint="move it away and run `syncer login`")
        if status.st_uid != os.geteuid():
            raise CredentialsUnreadable(
                f"{self.place} belongs to another user", hint="run the syncer as the user who owns the file"
            )
        if private and status.st_mode & (stat.S_IRWXG | stat.S_IRWXO):
            raise CredentialsUnreadable(
                f"{self.place} is open to other users", hint=f"run `chmod 600 {shlex.quote(self.place)}`"
            )

    def _replace(self, document: Document) -> Stored:
        """Put *document* in the file's place: a reader, or a crash, finds the whole old file or the whole new one."""
        stored = document.credentials()  # before anything is written that we would refuse to read
        raw = document.encode()
        fresh = self._beside("new")
        fresh.unlink(missing_ok=True)
        try:
            opened = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
            with os.fdopen(opened, "wb") as file:
                file.write(raw)
                file.flush()
                os.fsync(opened)
            fresh.replace(self._path)
        finally:
            fresh.unlink(missing_ok=True)
        _sync_folder(self._path.parent)
        return Stored(credentials=stored, version=_mark(raw))


def _mark(raw: bytes) -> str:
    return hashlib.sha256(raw).hexdigest()


def _sync_folder(folder: Path) -> None:
    """Make a rename in *folder* outlast a power cut."""
    opened = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(opened)
    finally:
        os.close(opened)
