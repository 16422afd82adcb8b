"""Where credentials are kept: one contract for every store, the JSON, and the file."""

import json
import os
import resource
import signal
import subprocess
import sys
import threading
import traceback
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any, Protocol

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from syncer.credentials import MAX_BYTES, ROUNDS, Document, FileStore, keep
from syncer.errors import CredentialsUnreadable, StoreUnreachable, SyncError
from syncer.ports import Credentials, CredentialStore, Stored, StoredMeanwhile
from syncer.secretsmanager import SecretsManagerStore
from tests.fake_secretsmanager import FakeClient, FakeSecretsManager

ROOT = Path(__file__).parent.parent
AT = datetime(2026, 11, 22, 6, tzinfo=UTC)
SECRETS = ("SeCrEt-client-0123", "ReFrEsH-token-4567", "AcCeSs-token-89ab", "ReFrEsH-newer-cdef", "AcCeSs-newer-ghij")
CLIENT_SECRET, REFRESH, ACCESS, NEWER_REFRESH, NEWER_ACCESS = SECRETS

SEED = {"spotify_client_id": "app", "spotify_client_secret": CLIENT_SECRET, "refresh_token": REFRESH}
FULL = {
    "note": {"kept": [1, None, "ü"]},
    **SEED,
    "access_token": ACCESS,
    "expires_at": 1_800_000_000,
    "scope": "playlist-read-private playlist-modify-private",
    "authorized_at": "2026-11-01",
    "last": True,
}
FRESH = Credentials(client_id="app", refresh_token=NEWER_REFRESH, access_token=NEWER_ACCESS, expires_at=2e9)


def assert_silent(text: str) -> None:
    """No secret, nor eight letters in a row of one."""
    for secret in SECRETS:
        for start in range(len(secret) - 7):
            assert secret[start : start + 8] not in text


def refusal(call: Callable[[], object]) -> SyncError:
    """Return the error of ours that *call* ends with, having looked for secrets in all that it says."""
    with pytest.raises(SyncError) as caught:
        call()
    error = caught.value
    assert error.hint
    for text in (str(error), repr(error), error.hint, "".join(traceback.format_exception(error))):
        assert_silent(text)
    return error


@pytest.fixture(autouse=True)
def _no_secret_in_the_log(caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    caplog.set_level(0)
    yield
    assert_silent(caplog.text)


# --- one contract -----------------------------------------------------------------------------------------------------


@dataclass
class MemoryStore:
    """The smallest store that keeps the contract."""

    text: str
    place: str = "memory"
    version: int = 1

    def load(self) -> Stored:
        return Stored(credentials=self._document().credentials(), version=str(self.version))

    def save(self, changed: Credentials, *, over: Stored) -> Stored:
        if over.version != str(self.version):
            raise StoredMeanwhile
        document = self._document().saying(changed)
        stored = document.credentials()
        self.hold(document.encode().decode())
        return Stored(credentials=stored, version=str(self.version))

    def hold(self, text: str) -> None:
        self.text = text
        self.version += 1

    def _document(self) -> Document:
        return Document.parse(self.text.encode(), self.place)


class World(Protocol):
    """A place to keep something in, and two programs that know it."""

    one: CredentialStore
    other: CredentialStore

    def hold(self, text: str) -> None: ...
    def held(self) -> str: ...


class InMemory:
    def __init__(self, _folder: Path) -> None:
        self.one = self.other = MemoryStore("")

    def hold(self, text: str) -> None:
        self.one.hold(text)

    def held(self) -> str:
        return self.one.text


class InFile:
    def __init__(self, folder: Path) -> None:
        self.path = folder / "credentials.json"
        self.one, self.other = FileStore(self.path), FileStore(self.path)

    def hold(self, text: str) -> None:
        write(self.path, text)

    def held(self) -> str:
        return self.path.read_text(encoding="utf-8")


class InSecret:
    def __init__(self, _folder: Path) -> None:
        self.aws = FakeSecretsManager()
        self.one, self.other = (SecretsManagerStore("spotify", lambda: FakeClient(self.aws)) for _ in range(2))

    def hold(self, text: str) -> None:
        self.aws.hold("spotify", text)

    def held(self) -> str:
        return self.aws.secrets["spotify"].current


@pytest.fixture(params=[InMemory, InFile, InSecret], ids=["memory", "file", "secret"])
def world(request: pytest.FixtureRequest, tmp_path: Path) -> World:
    made: World = request.param(tmp_path)
    return made


def write(path: Path, text: str | bytes, mode: int = 0o600) -> None:
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    path.chmod(mode)


class TestEveryStore:
    def test_the_three_seed_keys_are_enough(self, world: World) -> None:
        world.hold(json.dumps(SEED))

        assert world.one.load().credentials == Credentials(
            client_id="app", client_secret=CLIENT_SECRET, refresh_token=REFRESH
        )

    def test_every_key_is_read(self, world: World) -> None:
        world.hold(json.dumps(FULL))

        assert world.one.load().credentials == Credentials(
            client_id="app",
            client_secret=CLIENT_SECRET,
            refresh_token=REFRESH,
            access_token=ACCESS,
            expires_at=1_800_000_000,
            scope="playlist-read-private playlist-modify-private",
            authorized_at="2026-11-01",
        )

    def test_a_save_changes_only_what_differs_and_keeps_order_and_foreign_keys(self, world: World) -> None:
        padded = FULL | {"refresh_token": f" {REFRESH}\n"}
        world.hold(json.dumps(padded))
        before = world.one.load()

        world.one.save(replace(before.credentials, access_token=NEWER_ACCESS, expires_at=1.9e9), over=before)

        now = json.loads(world.held())
        assert now == padded | {"access_token": NEWER_ACCESS, "expires_at": 1.9e9}
        assert list(now) == list(padded)

    def test_a_field_that_becomes_none_loses_its_key_and_a_new_one_gets_its_own(self, world: World) -> None:
        world.hold(json.dumps(SEED | {"access_token": ACCESS, "mine": 1}))
        before = world.one.load()

        world.one.save(replace(before.credentials, access_token=None, scope="a b"), over=before)

        assert json.loads(world.held()) == SEED | {"mine": 1, "scope": "a b"}

    def test_what_a_save_returns_is_what_a_load_finds(self, world: World) -> None:
        world.hold(json.dumps(FULL))
        before = world.one.load()

        saved = world.one.save(replace(before.credentials, refresh_token=NEWER_REFRESH), over=before)

        assert saved == world.other.load()
        assert saved.version != before.version

    def test_the_mark_is_the_same_until_somebody_writes(self, world: World) -> None:
        world.hold(json.dumps(SEED))
        first = world.one.load()
        assert world.other.load() == first

        world.hold(json.dumps(SEED | {"by": "hand"}))

        assert world.one.load().version != first.version

    def test_the_second_of_two_savers_is_refused_and_changes_nothing(self, world: World) -> None:
        world.hold(json.dumps(SEED))
        mine, yours = world.one.load(), world.other.load()
        world.other.save(replace(yours.credentials, refresh_token=NEWER_REFRESH), over=yours)
        before = world.held()

        with pytest.raises(StoredMeanwhile):
            world.one.save(replace(mine.credentials, access_token=ACCESS), over=mine)

        assert world.held() == before

    def test_a_value_that_could_not_be_read_back_is_not_written(self, world: World) -> None:
        world.hold(json.dumps(SEED))
        before = world.one.load()

        for flawed in (f"{NEWER_REFRESH}\n{NEWER_REFRESH}", "x" * MAX_BYTES):
            save = partial(world.one.save, replace(before.credentials, refresh_token=flawed), over=before)
            assert isinstance(refusal(save), CredentialsUnreadable)

        assert world.one.load() == before

    def test_a_number_that_json_cannot_say_is_not_written(self, world: World) -> None:
        world.hold(json.dumps(SEED)[:-1] + ', "theirs": 1e999}')
        before = world.one.load()

        error = refusal(lambda: world.one.save(FRESH, over=before))

        assert "too large" in str(error)
        assert world.one.load() == before

    def test_nothing_secret_shows_in_a_repr(self, world: World) -> None:
        world.hold(json.dumps(FULL))
        assert_silent(repr(world.one.load()))
        assert_silent(repr(Document.parse(json.dumps(FULL).encode(), "here")))


# --- keep: two writers ------------------------------------------------------------------------------------------------


def renew(credentials: Credentials) -> Credentials:
    return replace(credentials, access_token=NEWER_ACCESS, expires_at=2e9)


def rotate(credentials: Credentials) -> Credentials:
    return replace(renew(credentials), refresh_token=NEWER_REFRESH)


class TestKeep:
    def test_alone_it_saves(self, world: World) -> None:
        world.hold(json.dumps(SEED))
        kept = keep(world.one, world.one.load(), rotate)
        assert kept == world.one.load()
        assert kept.credentials.refresh_token == NEWER_REFRESH

    @pytest.mark.parametrize("change", [renew, rotate])
    def test_another_refresh_token_is_adopted(self, world: World, change: Callable[[Credentials], Credentials]) -> None:
        world.hold(json.dumps(SEED))
        began = world.one.load()
        world.hold(json.dumps(SEED | {"refresh_token": "theirs"}))

        assert keep(world.one, began, change).credentials.refresh_token == "theirs"
        assert json.loads(world.held()) == SEED | {"refresh_token": "theirs"}

    def test_another_access_token_is_adopted_if_ours_is_no_more_than_that(self, world: World) -> None:
        world.hold(json.dumps(SEED))
        began = world.one.load()
        world.hold(json.dumps(SEED | {"access_token": "theirs"}))

        assert keep(world.one, began, renew).credentials.access_token == "theirs"

    def test_a_new_refresh_token_is_not_given_up_for_an_access_token(self, world: World) -> None:
        world.hold(json.dumps(SEED))
        began = world.one.load()
        world.hold(json.dumps(SEED | {"access_token": "theirs"}))

        assert keep(world.one, began, rotate) == world.one.load()
        assert json.loads(world.held())["refresh_token"] == NEWER_REFRESH

    def test_a_change_of_anything_else_is_kept_below_ours(self, world: World) -> None:
        world.hold(json.dumps(SEED))
        began = world.one.load()
        world.hold(json.dumps({"by": "hand"} | SEED | {"scope": "wider"}))

        keep(world.one, began, renew)

        assert json.loads(world.held()) == {"by": "hand"} | SEED | {
            "scope": "wider",
            "access_token": NEWER_ACCESS,
            "expires_at": 2e9,
        }

    @pytest.mark.parametrize(("meddlings", "wins"), [(ROUNDS, True), (ROUNDS + 1, False)])
    def test_it_gives_up_after_three_rounds(self, world: World, meddlings: int, wins: bool) -> None:  # noqa: FBT001 - a row of a table
        world.hold(json.dumps(SEED))
        left = meddlings

        def meddled_with(credentials: Credentials) -> Credentials:
            nonlocal left
            if left:
                left -= 1
                world.hold(json.dumps(SEED | {"count": left}))
            return renew(credentials)

        if wins:
            assert keep(world.one, world.one.load(), meddled_with) == world.other.load()
        else:
            assert isinstance(refusal(lambda: keep(world.one, world.one.load(), meddled_with)), StoreUnreachable)
            assert json.loads(world.held()) == SEED | {"count": 0}


# --- the JSON ---------------------------------------------------------------------------------------------------------

NOT_CREDENTIALS = {
    "empty": b"",
    "blank": b" \n",
    "binary": b"\x80\x04\x95\xff",
    "utf-16": json.dumps(SEED).encode("utf-16"),
    "text": b"spotify_client_id: app",
    "cut": json.dumps(SEED).encode()[:-9],
    "two": json.dumps(SEED).encode() * 2,
    "list": json.dumps([SEED]).encode(),
    "string": json.dumps(REFRESH).encode(),
    "null": b"null",
    "nan": json.dumps(SEED | {"x": float("nan")}).encode(),
    "deep": b"[" * 60_000,
    "long integer": b'{"x": ' + b"9" * 5_000 + b"}",
    "large": json.dumps(SEED | {"x": "y" * MAX_BYTES}).encode(),
    "key twice": json.dumps(SEED).encode()[:-1] + b', "refresh_token": "other"}',
    "no keys": b"{}",
}


@pytest.mark.parametrize("raw", NOT_CREDENTIALS.values(), ids=NOT_CREDENTIALS.keys())
def test_what_is_not_one_json_object_is_refused_and_left_alone(raw: bytes, tmp_path: Path) -> None:
    path = tmp_path / "credentials.json"
    write(path, raw)

    error = refusal(FileStore(path).load)

    assert isinstance(error, CredentialsUnreadable)
    assert str(path) in str(error)
    assert path.read_bytes() == raw


@pytest.mark.parametrize("key", ["spotify_client_id", "spotify_client_secret", "refresh_token"])
@pytest.mark.parametrize(
    "value",
    [None, True, 7, 1.5, [REFRESH], {"a": REFRESH}, "", " \t", f"{REFRESH}\r{REFRESH}", "a\x00b", "é", "\ud800"],
)
def test_a_seed_key_of_another_kind_is_refused_by_name(key: str, value: object) -> None:
    document = Document.parse(json.dumps(SEED | {key: value}).encode(), "here")

    error = refusal(document.credentials)

    assert isinstance(error, CredentialsUnreadable)
    assert str(error).startswith(f"{key} in here ")


@pytest.mark.parametrize("key", ["spotify_client_id", "refresh_token"])
def test_a_missing_seed_key_is_refused_by_name(key: str) -> None:
    error = refusal(Document("here", {k: v for k, v in SEED.items() if k != key}).credentials)
    assert str(error) == f"{key} in here is missing"


def test_a_missing_client_secret_means_pkce() -> None:
    assert Document("here", {"spotify_client_id": "app", "refresh_token": REFRESH}).credentials().client_secret is None


def test_white_space_around_values_and_a_byte_order_mark_do_not_count() -> None:
    padded = {key: f" \t{value}\r\n" for key, value in SEED.items()}
    raw = b"\xef\xbb\xbf" + json.dumps(padded).encode()
    assert Document.parse(raw, "here").credentials() == Document("here", SEED).credentials()


@pytest.mark.parametrize("odd", [None, True, [], {}, "", "a\nb", "é"])
def test_an_odd_optional_value_counts_as_absent(odd: object) -> None:
    document = Document("here", SEED | dict.fromkeys(["access_token", "expires_at", "scope", "authorized_at"], odd))
    assert document.credentials() == Document("here", SEED).credentials()


@pytest.mark.parametrize("odd", ["1e999", "-1e999", "true", '"1800000000"', "1" + "0" * 400])
def test_an_odd_expiry_counts_as_absent_and_is_written_over(odd: str) -> None:
    document = Document.parse(json.dumps(SEED).encode()[:-1] + f', "expires_at": {odd}}}'.encode(), "here")
    assert document.credentials().expires_at is None
    assert json.loads(document.saying(FRESH).encode())["expires_at"] == 2e9


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=8,
)


@settings(deadline=None)
@given(theirs=st.dictionaries(st.text().filter(lambda key: key not in FULL), json_values))
def test_any_foreign_key_survives_a_write(theirs: dict[str, Any]) -> None:
    document = Document.parse(json.dumps(theirs | SEED).encode(), "here")
    again = Document.parse(document.saying(FRESH).encode(), "here")
    assert {key: again.fields[key] for key in theirs} == theirs
    assert again.credentials() == FRESH


@settings(deadline=None)
@given(raw=st.binary() | json_values.map(lambda value: json.dumps(value).encode()))
def test_any_bytes_are_credentials_or_refused(raw: bytes) -> None:
    with pytest.raises(CredentialsUnreadable):
        Document.parse(raw, "here").credentials()


# --- the file ---------------------------------------------------------------------------------------------------------


@pytest.fixture
def path(tmp_path: Path) -> Path:
    found = tmp_path / "my credentials.json"
    write(found, json.dumps(FULL))
    return found


@pytest.fixture
def open_umask() -> Iterator[None]:
    before = os.umask(0)
    yield
    os.umask(before)


def mode(path: Path) -> int:
    return path.stat(follow_symlinks=False).st_mode & 0o777


class TestFile:
    @pytest.mark.usefixtures("open_umask")
    def test_it_is_for_its_owner_only_whatever_the_umask(self, path: Path) -> None:
        store = FileStore(path)
        store.save(FRESH, over=store.load())
        assert {p.name: mode(p) for p in path.parent.iterdir()} == {path.name: 0o600, f"{path.name}.lock": 0o600}

    def test_it_is_for_its_owner_only_from_the_first_byte_and_a_kill_there_costs_nothing(self, path: Path) -> None:
        """The system ends the process at the very first byte of the new file."""
        died = run_python(
            f"""
            os.umask(0)
            store = FileStore(Path({str(path)!r}))
            stored = store.load()
            signal.signal(signal.SIGXFSZ, signal.SIG_DFL)
            resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
            resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
            store.save(replace(stored.credentials, refresh_token="new"), over=stored)
            """
        )
        assert died.wait(30) == -signal.SIGXFSZ
        left = path.with_name(f"{path.name}.new")
        assert (left.stat().st_size, mode(left)) == (0, 0o600)
        assert json.loads(path.read_text(encoding="utf-8")) == FULL

        store = FileStore(path)
        store.save(FRESH, over=store.load())

        assert store.load().credentials == FRESH
        assert not left.exists()

    def test_a_full_disk_leaves_the_old_file(self, path: Path) -> None:
        store = FileStore(path)
        before, (soft, hard) = store.load(), resource.getrlimit(resource.RLIMIT_FSIZE)
        resource.setrlimit(resource.RLIMIT_FSIZE, (0, hard))
        try:
            error = refusal(lambda: store.save(FRESH, over=before))
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))

        assert str(error) == f"{path} cannot be written: File too large"
        assert store.load() == before
        assert not path.with_name(f"{path.name}.new").exists()

    @pytest.mark.parametrize("bits", [0o640, 0o604, 0o620, 0o602, 0o610, 0o666])
    def test_open_to_others_it_is_refused_with_the_command_that_closes_it(self, path: Path, bits: int) -> None:
        path.chmod(bits)
        error = refusal(FileStore(path).load)
        assert error.hint == f"run `chmod 600 '{path}'`"

        subprocess.run(["/bin/sh", "-c", error.hint.split("`")[1]], check=True)  # noqa: S603 - our own hint

        assert FileStore(path).load().credentials.refresh_token == REFRESH

    def test_of_another_user_it_is_refused(self, path: Path) -> None:
        if os.geteuid() == 0:
            os.chown(path, 12_345, -1)
        else:
            path = Path("/etc/passwd")
        assert "another user" in str(refusal(FileStore(path).load))

    def test_a_symbolic_link_is_refused_and_its_target_stays(self, path: Path) -> None:
        link = path.with_name("link.json")
        link.symlink_to(path)
        assert "symbolic link" in str(refusal(FileStore(link).load))

    def test_swapped_for_a_link_between_read_and_write_it_is_refused(self, path: Path) -> None:
        victim = path.with_name("victim")
        write(victim, json.dumps(FULL))
        store = FileStore(path)
        before = store.load()
        path.unlink()
        path.symlink_to(victim)

        refusal(lambda: store.save(FRESH, over=before))

        assert json.loads(victim.read_text(encoding="utf-8")) == FULL

    def test_someone_swapping_files_and_links_never_makes_us_follow_one(self, path: Path) -> None:
        victim, spare = path.with_name("victim"), path.with_name("spare")
        write(victim, "{}")
        done = threading.Event()

        def swap() -> None:
            while not done.is_set():
                spare.symlink_to(victim)
                spare.replace(path)
                write(spare, json.dumps(FULL))
                spare.replace(path)

        swapper = threading.Thread(target=swap)
        swapper.start()
        try:
            for _ in range(300):
                try:
                    FileStore(path).save(FRESH, over=FileStore(path).load())
                except (CredentialsUnreadable, StoredMeanwhile) as error:
                    assert "missing" not in str(error)  # noqa: PT017 - what the victim would say
        finally:
            done.set()
            swapper.join()
        assert victim.read_text(encoding="utf-8") == "{}"

    @pytest.mark.parametrize("make", [Path.mkdir, os.mkfifo])
    def test_what_is_not_a_file_is_refused_at_once(self, tmp_path: Path, make: Callable[[Path], None]) -> None:
        make(tmp_path / "thing")
        assert "is not a file" in str(refusal(FileStore(tmp_path / "thing").load))

    def test_missing_it_says_where_it_was_looked_for(self, tmp_path: Path) -> None:
        error = refusal(FileStore(tmp_path / "none.json").load)
        assert str(tmp_path / "none.json") in str(error)
        assert "syncer login" in error.hint

    def test_below_something_that_is_no_folder_it_cannot_be_read_nor_made(self, path: Path) -> None:
        store = FileStore(path / "below.json")
        assert "cannot be read" in str(refusal(store.load))
        assert "cannot be written" in str(refusal(lambda: store.create_or_replace(FRESH, at=AT)))

    def test_many_processes_save_at_once_and_no_save_is_lost(self, path: Path) -> None:
        """Each adds one to a number, again and again; only a real compare-and-set lets all of them count."""
        write(path, json.dumps(SEED | {"authorized_at": "0", "theirs": "kept"}))
        script = f"""
            store = FileStore(Path({str(path)!r}))
            done = 0
            while done < 15:
                stored = store.load()
                count = str(int(stored.credentials.authorized_at) + 1)
                try:
                    store.save(replace(stored.credentials, authorized_at=count), over=stored)
                    done += 1
                except StoredMeanwhile:
                    pass
            """
        writers = [run_python(script) for _ in range(3)]

        assert [writer.wait(60) for writer in writers] == [0, 0, 0]
        assert json.loads(path.read_text(encoding="utf-8")) == SEED | {"authorized_at": "45", "theirs": "kept"}


def run_python(script: str) -> subprocess.Popen[bytes]:
    lines = [
        "import os, resource, signal",
        "from dataclasses import replace",
        "from pathlib import Path",
        "from syncer.credentials import FileStore",
        "from syncer.ports import StoredMeanwhile",
        *(line.removeprefix(" " * 12) for line in script.splitlines()),
    ]
    return subprocess.Popen([sys.executable, "-c", "\n".join(lines)], cwd=ROOT)  # noqa: S603 - our own script


class TestSigningInAnew:
    """What `login` does with a file."""

    @pytest.mark.usefixtures("open_umask")
    def test_file_and_folder_are_made_for_their_owner_only(self, tmp_path: Path) -> None:
        path = tmp_path / "config" / "credentials.json"

        made = FileStore(path).create_or_replace(FRESH, at=AT)

        assert FileStore(path).load() == made
        assert (mode(path), mode(path.parent)) == (0o600, 0o700)

    def test_foreign_keys_are_kept_and_ours_are_all_new(self, path: Path) -> None:
        FileStore(path).create_or_replace(FRESH, at=AT)

        assert json.loads(path.read_text(encoding="utf-8")) == {
            "note": FULL["note"],
            "spotify_client_id": "app",
            "refresh_token": NEWER_REFRESH,
            "access_token": NEWER_ACCESS,
            "expires_at": 2e9,
            "last": True,
        }

    def test_a_file_without_a_token_yet_is_completed(self, path: Path) -> None:
        write(path, '{"mine": 1, "spotify_client_id": "app", "spotify_client_secret": null}')
        assert FileStore(path).create_or_replace(FRESH, at=AT).credentials == FRESH
        assert json.loads(path.read_text(encoding="utf-8"))["mine"] == 1

    def test_a_file_open_to_others_is_closed(self, path: Path) -> None:
        path.chmod(0o666)
        FileStore(path).create_or_replace(FRESH, at=AT)
        assert mode(path) == 0o600
        assert FileStore(path).load().credentials == FRESH

    @pytest.mark.parametrize("bad", [b"{torn", b"", b"[]", b"x" * (MAX_BYTES + 1)])
    def test_a_bad_file_is_set_aside(self, path: Path, bad: bytes) -> None:
        write(path, bad)
        FileStore(path).create_or_replace(FRESH, at=AT)
        aside = path.with_name(f"{path.name}.bad-20261122T060000Z")
        assert (aside.read_bytes(), mode(aside)) == (bad, 0o600)
        assert FileStore(path).load().credentials == FRESH

    def test_a_link_is_set_aside_and_its_target_stays(self, path: Path) -> None:
        link = path.with_name("link.json")
        link.symlink_to(path)
        FileStore(link).create_or_replace(FRESH, at=AT)
        assert link.with_name("link.json.bad-20261122T060000Z").is_symlink()
        assert not link.is_symlink()
        assert json.loads(path.read_text(encoding="utf-8")) == FULL
