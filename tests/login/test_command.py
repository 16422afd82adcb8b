"""``syncer login`` as a person meets it: a process, in a terminal or without one, over the sandbox."""

import json
import os
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest
from botocore.exceptions import ClientError

from syncer.sandbox import Fault, SandboxServer, World
from tests.fake_secretsmanager import FakeClient, FakeSecretsManager
from tests.login.people import browse, decide, send
from tests.login.terminal import PATIENCE, SYNCER, Desktop, Terminal

ARCHIVE = "2mULMNIOjAkmgJvE6J7YhL"


@dataclass
class Home:
    """A user's home, with a desktop, and a Spotify."""

    folder: Path
    world: World
    desktop: Desktop
    environ: dict[str, str]

    @property
    def path(self) -> Path:
        return self.folder / "credentials.json"

    @property
    def kept(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self.path.read_text())
        return found

    def hold(self) -> bytes:
        """Put an old sign-in into the file, and return its bytes."""
        app = self.world.app
        held = {"spotify_client_id": app.client_id, "spotify_client_secret": app.client_secret, "refresh_token": "old"}
        self.path.touch(mode=0o600)
        self.path.write_text(json.dumps(held))
        return self.path.read_bytes()

    def config(self, text: str) -> None:
        """Put a config where the command looks for one."""
        (self.folder / "config").mkdir()
        (self.folder / "config" / "config.yaml").write_text(text)

    def terminal(self, *options: str) -> Terminal:
        return Terminal((*SYNCER, "login", *options), self.environ, self.folder)

    def start(self, *options: str, given: bytes | None = None) -> "subprocess.Popen[bytes]":
        """Start the command without a terminal; *given* is piped in."""
        process = subprocess.Popen(  # noqa: S603 - our own command
            (*SYNCER, "login", *options),
            env=self.environ,
            cwd=self.folder,
            stdin=subprocess.DEVNULL if given is None else subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            start_new_session=True,
        )
        if given is not None:
            assert process.stdin
            process.stdin.write(given)
            process.stdin.flush()
        return process

    def headless(self) -> None:
        del self.environ["BROWSER"]

    def secrets(self) -> list[str]:
        """Everything that must never be shown."""
        return [
            self.world.app.client_secret,
            *self.world.sign_ins,
            *self.world.access_tokens,
        ]


def ended(process: "subprocess.Popen[bytes]") -> tuple[int, str]:
    out, err = process.communicate(timeout=PATIENCE)
    assert out == b""
    return process.returncode, err.decode()


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Home]:
    world = World()
    desktop = Desktop(tmp_path)
    with SandboxServer(world) as server:
        places = {
            "SPOTIFY_API_URL": server.api_url,
            "SPOTIFY_ACCOUNTS_URL": server.accounts_url,
            "SYNCER_CREDENTIALS_FILE": str(tmp_path / "credentials.json"),
            "BROWSER": str(desktop.script),
            "PYTHONPATH": str(Path(__file__).resolve().parents[2]),
        }
        ours = {name: os.environ[name] for name in ("PATH", "HOME", "AWS_EC2_METADATA_DISABLED")}
        yield Home(tmp_path, world, desktop, ours | places)
    desktop.close()


# --- in a terminal ----------------------------------------------------------------------------------------------------


def test_a_person_signs_in_for_the_first_time(home: Home) -> None:
    app = home.world.app
    with home.terminal() as terminal:
        assert "http://127.0.0.1/callback" in terminal.until("Client id: ")
        terminal.type(f"{app.client_id}\n")
        terminal.until("Client secret (not shown; leave it empty to sign in without one): ")
        terminal.type(f"{app.client_secret}\n")
        address = home.desktop.opened()
        page = browse(address)
        assert terminal.code() == 0

    assert "You are signed in" in page
    assert f"Kept in {home.path}" in terminal.shown
    assert "read your private playlists  (playlist-read-private)" in terminal.shown
    assert home.kept["refresh_token"] in home.world.sign_ins
    assert home.kept["spotify_client_secret"] == app.client_secret
    assert not [secret for secret in home.secrets() if secret in terminal.shown]


def test_a_person_signs_in_again_without_a_question(home: Home) -> None:
    home.hold()
    with home.terminal() as terminal:
        browse(home.desktop.opened())
        assert terminal.code() == 0

    assert "Client id:" not in terminal.shown
    assert home.kept["refresh_token"] in home.world.sign_ins


def test_after_a_login_a_run_finds_its_credentials(home: Home) -> None:
    home.hold()
    source = home.world.playlist("Week", tracks=3)
    target = home.world.playlist("Archive")
    home.config(f"pairs:\n  - source: {source.id}\n    target: {target.id}\n")
    with home.terminal() as terminal:
        browse(home.desktop.opened())
        assert terminal.code() == 0

    run = subprocess.run(  # noqa: S603 - our own command
        (*SYNCER, "run"), env=home.environ, cwd=home.folder, check=False, capture_output=True
    )

    assert run.returncode == 0, run.stderr
    assert target.uris == source.uris


def test_without_a_browser_a_person_pastes_the_address(home: Home) -> None:
    home.hold()
    home.headless()
    with home.terminal() as terminal:
        terminal.until("Address (not shown): ")
        address = next(word for word in terminal.shown.split() if "/authorize?" in word)
        right = decide(address)
        terminal.type("http://127.0.0.1/callback?code=x&state=of-another-sign-in\n")
        terminal.until("not the address")
        terminal.until("Address (not shown): ")
        terminal.type(f"{right}\n")
        assert terminal.code() == 0

    assert dict(parse_qsl(urlsplit(right).query))["code"] not in terminal.shown
    assert home.kept["refresh_token"] in home.world.sign_ins


def test_ctrl_c_ends_the_wait_and_changes_nothing(home: Home) -> None:
    before = home.hold()
    with home.terminal() as terminal:
        address = home.desktop.opened()
        terminal.insist("\x03")
        assert terminal.code() == 130

    assert "Stopped before the sign-in was through." in terminal.shown
    assert "Traceback" not in terminal.shown
    assert home.path.read_bytes() == before
    with pytest.raises(ConnectionError):
        send("GET", decide(address))


@pytest.mark.parametrize("key", ["\x03", "\x04"], ids=["Ctrl-C", "Ctrl-D"])
def test_ctrl_c_and_ctrl_d_end_a_question(home: Home, key: str) -> None:
    with home.terminal() as terminal:
        terminal.until("Client id: ")
        terminal.insist(key)
        assert terminal.code() == 130

    assert "Stopped before the sign-in was through." in terminal.shown
    assert not home.path.exists()


# --- what it says -----------------------------------------------------------------------------------------------------


def test_declining_ends_with_a_sentence_and_code_3(home: Home) -> None:
    before = home.hold()
    process = home.start()
    page = browse(home.desktop.opened(), "cancel")
    code, said = ended(process)

    assert code == 3
    assert "the sign-in was declined in the browser.\n-> run `syncer login` and agree\n" in said
    assert "You said no" in page
    assert home.path.read_bytes() == before


def test_a_scope_that_is_missing_is_named_with_what_will_not_work(home: Home) -> None:
    home.hold()
    process = home.start()
    browse(home.desktop.opened(), scope="playlist-read-private playlist-modify-public playlist-read-collaborative")
    code, said = ended(process)

    assert code == 3
    assert "did not grant playlist-modify-private: the syncer cannot add to your private and shared playlists" in said
    assert home.kept["refresh_token"] in home.world.sign_ins


def test_a_wrong_secret_ends_with_code_3_and_the_way_out(home: Home) -> None:
    home.hold()
    home.world.app.client_secret = "renewed"
    process = home.start()
    browse(home.desktop.opened())
    code, said = ended(process)

    assert code == 3
    assert "`syncer login --client-id ID`" in said


def test_a_limit_of_spotify_ends_with_code_5(home: Home) -> None:
    before = home.hold()
    home.world.inject(Fault(kind="quota", path="/api/token"))
    process = home.start()
    browse(home.desktop.opened())
    code, said = ended(process)

    assert code == 5
    assert "wait 14 hours" in said
    assert "-> nothing was stored: run `syncer login` again later" in said
    assert home.path.read_bytes() == before


def test_quiet_says_nothing_when_all_is_well(home: Home) -> None:
    home.hold()
    process = home.start("--quiet")
    browse(home.desktop.opened())

    assert ended(process) == (0, "")


# --- without a terminal -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("options", [(), ("--no-browser",)])
def test_with_neither_terminal_nor_browser_it_says_so_at_once(home: Home, options: Sequence[str]) -> None:
    home.hold()
    home.headless()
    code, said = ended(home.start(*options))

    assert code == 2
    assert "there is no terminal" in said


def test_an_open_pipe_instead_of_a_terminal_does_not_make_it_hang(home: Home) -> None:
    home.headless()
    with home.start(given=b"") as process:
        assert process.wait(PATIENCE) == 2


def test_the_client_secret_can_be_piped_in(home: Home) -> None:
    app = home.world.app
    with home.start("--client-id", app.client_id, given=f"{app.client_secret}\n".encode()) as process:
        browse(home.desktop.opened())
        code, said = ended(process)

    assert code == 0
    assert home.kept["spotify_client_secret"] == app.client_secret
    assert not [secret for secret in home.secrets() if secret in said]


def test_without_a_terminal_the_client_id_must_be_given(home: Home) -> None:
    code, said = ended(home.start())

    assert code == 2
    assert "--client-id" in said


# --- config, accounts, places -----------------------------------------------------------------------------------------


def asked(address: str) -> list[str]:
    return dict(parse_qsl(urlsplit(address).query))["scope"].split()


def test_an_account_of_the_config_is_kept_where_the_config_says(home: Home) -> None:
    home.config(
        f"accounts: {{anna: {{file: anna.json}}}}\npairs:\n  - {{source: liked, target: {ARCHIVE}, account: anna}}\n"
    )
    process = home.start("--account", "anna", "--client-id", home.world.app.client_id)
    address = home.desktop.opened()
    browse(address)
    code, said = ended(process)

    assert code == 0, said
    assert "user-library-read" in asked(address)
    kept = json.loads((home.folder / "config" / "anna.json").read_text())
    assert kept["refresh_token"] in home.world.sign_ins
    assert not home.path.exists()


def test_to_play_a_list_is_asked_for_by_an_option_and_granted(home: Home) -> None:
    home.hold()
    process = home.start("--capture")
    address = home.desktop.opened()
    browse(address)
    code, said = ended(process)

    assert code == 0, said
    assert asked(address)[-1] == "user-modify-playback-state"
    assert "play a list on a device of yours, for `syncer capture` alone  (user-modify-playback-state)" in said
    assert "user-modify-playback-state" in home.kept["scope"].split()


def test_who_only_reads_for_a_pair_signs_in_without_leave_to_change_anything(home: Home) -> None:
    home.config(
        "accounts: {default: {file: mine.json}, anna: {file: anna.json}}\n"
        f"pairs:\n  - {{source: {{top: short, account: anna}}, target: {ARCHIVE}}}\n"
    )
    process = home.start("--account", "anna", "--client-id", home.world.app.client_id)
    address = home.desktop.opened()
    browse(address)
    code, said = ended(process)

    assert code == 0, said
    assert asked(address) == ["playlist-read-private", "playlist-read-collaborative", "user-top-read"]


def test_a_config_that_does_not_hold_is_said_and_left_aside(home: Home) -> None:
    home.hold()
    home.config("pairs: []\n")
    process = home.start()
    address = home.desktop.opened()
    browse(address)
    code, said = ended(process)

    assert code == 0
    assert "config.yaml:1:8: $.pairs" in said
    assert "user-library-read" not in asked(address)


def test_a_config_that_was_named_must_hold(home: Home) -> None:
    home.hold()
    code, said = ended(home.start("--config", "nowhere.yaml"))

    assert code == 2
    assert "nowhere.yaml" in said


def test_an_account_that_nobody_knows_is_refused(home: Home) -> None:
    code, said = ended(home.start("--account", "\x1b[31mnobody"))

    assert code == 2
    assert "pass --account with one of default" in said
    assert "\x1b" not in said


def test_spotify_cannot_be_put_on_another_machine(home: Home) -> None:
    home.hold()
    home.environ["SPOTIFY_ACCOUNTS_URL"] = "http://evil.example:80"
    code, said = ended(home.start())

    assert code == 2
    assert "SPOTIFY_ACCOUNTS_URL" in said


class Aws(BaseHTTPRequestHandler):
    """Secrets Manager over HTTP, as boto3 speaks to it."""

    client: FakeClient

    def do_POST(self) -> None:
        action = self.headers["X-Amz-Target"].rpartition(".")[2]
        request = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        calls = {
            "GetSecretValue": self.client.get_secret_value,
            "PutSecretValue": self.client.put_secret_value,
            "UpdateSecretVersionStage": self.client.update_secret_version_stage,
            "CreateSecret": self.client.create_secret,
        }
        try:
            status, answer = 200, calls[action](**request)
        except ClientError as error:
            status = 400
            answer = {"__type": error.response["Error"]["Code"], "Message": error.response["Error"]["Message"]}
        body = json.dumps(answer).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/x-amz-json-1.1")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the name is the base class's
        pass


@contextmanager
def aws(account: FakeSecretsManager) -> Iterator[dict[str, str]]:
    """Yield the variables that lead boto3 to *account*."""
    served = type("_Aws", (Aws,), {"client": FakeClient(account)})
    with HTTPServer(("127.0.0.1", 0), served) as server:
        thread = Thread(target=partial(server.serve_forever, 0.01))
        thread.start()
        try:
            yield {
                "AWS_ENDPOINT_URL": f"http://127.0.0.1:{server.server_port}",
                "AWS_ACCESS_KEY_ID": "test",
                "AWS_SECRET_ACCESS_KEY": "test",
                "AWS_DEFAULT_REGION": "eu-west-1",
            }
        finally:
            server.shutdown()
            thread.join()


def test_a_secret_that_is_named_is_made_and_the_config_for_it_is_shown(home: Home) -> None:
    account, app = FakeSecretsManager(), home.world.app
    with aws(account) as variables:
        home.environ |= variables
        with home.start(
            "--secret", "spotify", "--client-id", app.client_id, given=f"{app.client_secret}\n".encode()
        ) as process:
            browse(home.desktop.opened())
            code, said = ended(process)

    assert code == 0, said
    kept = json.loads(account.secrets["spotify"].current)
    assert kept["refresh_token"] in home.world.sign_ins
    assert "accounts: {default: {secret: spotify}}" in said
    assert not home.path.exists()
    assert not [secret for secret in home.secrets() if secret in said]
