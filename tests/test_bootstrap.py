"""What the environment may decide, and what it may not (interface §4)."""

import json
import logging
import sys
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

from syncer import bootstrap
from syncer.budget import Stop
from syncer.credentials import FileStore
from syncer.errors import Code, ConfigError, Problem, StateUnusable, Temporary
from syncer.model import Account
from syncer.ports import StateStore
from syncer.report import exit_code
from syncer.secretsmanager import SecretsManagerStore
from syncer.state.dynamodb import DynamoDbState
from syncer.state.nothing import NoState
from syncer.state.sqlite import SqliteState
from tests.fakes import config, pair

DEFAULT = Account(name="default")

# --- Spotify's hosts --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("environ", [{}, {"SPOTIFY_API_URL": "", "SPOTIFY_ACCOUNTS_URL": ""}])
def test_spotify_is_where_it_is(environ: Mapping[str, str]) -> None:
    assert bootstrap.hosts(environ) == bootstrap.Hosts(
        api="https://api.spotify.com/v1", accounts="https://accounts.spotify.com"
    )


@pytest.mark.parametrize(
    ("url", "used"),
    [
        ("http://127.0.0.1:8000/v1", "http://127.0.0.1:8000/v1"),
        ("http://127.0.0.1:8000/v1/", "http://127.0.0.1:8000/v1"),
        ("http://127.0.0.1", "http://127.0.0.1"),
        ("http://127.8.9.255:65535/any/path-1.0_~", "http://127.8.9.255:65535/any/path-1.0_~"),
        ("http://[::1]:1", "http://[::1]:1"),
    ],
)
def test_a_sandbox_on_this_machine_may_stand_in(url: str, used: str) -> None:
    assert bootstrap.hosts({"SPOTIFY_API_URL": url}).api == used
    assert bootstrap.hosts({"SPOTIFY_ACCOUNTS_URL": url}).accounts == used
    assert bootstrap.hosts({"SPOTIFY_ACCOUNTS_URL": url}).api == "https://api.spotify.com/v1"


@pytest.mark.parametrize(
    "url",
    [
        "http://example.com",
        "http://192.168.0.1:8000",
        "http://0.0.0.0:8000",
        "http://[::]:8000",
        "http://[::ffff:127.0.0.1]:8000",
        "http://[::1%25lo]:8000",
        "http://localhost:8000",  # a name can mean anything
        "http://127.0.0.1.example.com",
        "http://127.0.0.1@example.com",
        "http://example.com@127.0.0.1",
        "http://user:word@127.0.0.1",
        "http://@127.0.0.1",
        "http://127.0.0.1\\@example.com",
        "http://example.com\\@127.0.0.1",
        "http://127.0.0.1#@example.com",
        "http://127.0.0.1?@example.com",
        "http://127.0.0.1/v1?x=1",
        "http://127.0.0.1/v1#x",
        "http://127.0.0.1/%0d%0aHost:x",
        "http://127.0.0.1\n.example.com",
        "http://127.0.0.1/\n",
        " http://127.0.0.1",
        "https://127.0.0.1:8000",
        "ftp://127.0.0.1",
        "//127.0.0.1",
        "127.0.0.1:8000",
        "http://127.0.0.1:0",
        "http://127.0.0.1:00",
        "http://127.0.0.1:65536",
        "http://127.0.0.1:-1",
        "http://127.0.0.1:8000:1",
        "http://127.0.0.256",
        "http://127.1",
        "http://2130706433",
        "http://0177.0.0.1",
        "http://١٢٧.0.0.1",
        "http://127.0.0.1:٨٠",
        "http://[::1",
        "http:///v1",
        "no address at all",
    ],
)
@pytest.mark.parametrize("name", ["SPOTIFY_API_URL", "SPOTIFY_ACCOUNTS_URL"])
def test_nothing_else_may(name: str, url: str) -> None:
    with pytest.raises(ConfigError) as caught:
        bootstrap.hosts({name: url})
    (problem,) = caught.value.problems
    assert (problem.file, problem.path) == ("environment", f"${name}")
    assert problem.message.isprintable()
    assert "unset it" in caught.value.hint


def test_both_addresses_are_checked_at_once() -> None:
    with pytest.raises(ConfigError) as caught:
        bootstrap.service({"SPOTIFY_API_URL": "x", "SPOTIFY_ACCOUNTS_URL": "y"})
    assert [problem.path for problem in caught.value.problems] == ["$SPOTIFY_API_URL", "$SPOTIFY_ACCOUNTS_URL"]


# --- paths ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("environ", "path"),
    [({}, "config/config.yaml"), ({"SYNCER_CONFIG": ""}, "config/config.yaml"), ({"SYNCER_CONFIG": "/x"}, "/x")],
)
def test_the_config_is_where_the_environment_says(environ: Mapping[str, str], path: str) -> None:
    assert bootstrap.config_path(environ) == Path(path)


def test_state_is_kept_in_the_users_own_folder() -> None:
    assert bootstrap.state_folder().is_relative_to(Path.home())
    assert bootstrap.state_folder().name == "rediscover-weekly"


# --- credentials ------------------------------------------------------------------------------------------------------

BOTH = {"SYNCER_SECRET_ID": "in-aws", "SYNCER_CREDENTIALS_FILE": "/from/environment.json"}
FILE = {"SYNCER_CREDENTIALS_FILE": "/from/environment.json"}


@pytest.mark.parametrize(
    ("account", "environ", "kind", "place"),
    [
        (DEFAULT, BOTH, SecretsManagerStore, "in-aws"),
        (DEFAULT, BOTH | {"SYNCER_SECRET_ID": ""}, FileStore, "/from/environment.json"),
        (Account(name="default", secret="from-config"), BOTH, SecretsManagerStore, "in-aws"),
        (Account(name="default", secret="from-config"), FILE, FileStore, "/from/environment.json"),
        (Account(name="default", secret="from-config"), {}, SecretsManagerStore, "from-config"),
        (Account(name="default", file="/from/config.json"), {}, FileStore, "/from/config.json"),
        (Account(name="anna", secret="from-config"), BOTH, SecretsManagerStore, "from-config"),
        (Account(name="anna", file="/from/config.json"), BOTH, FileStore, "/from/config.json"),
    ],
)
def test_credentials_are_found_by_environment_then_config(
    account: Account, environ: Mapping[str, str], kind: type, place: str
) -> None:
    store = bootstrap.credential_store(account, environ)
    assert (type(store), store.place) == (kind, place)


def test_credentials_are_in_the_users_config_folder_where_nothing_else_is_said() -> None:
    place = Path(bootstrap.credential_store(DEFAULT, {}).place)
    assert place.is_relative_to(Path.home())
    assert (place.parent.name, place.name) == ("rediscover-weekly", "credentials.json")


@pytest.mark.parametrize(("said", "place"), [("~/c.json", "{home}/c.json"), ("~nobody-at-all/c", "~nobody-at-all/c")])
def test_a_tilde_in_the_environment_is_expanded_where_it_can_be(said: str, place: str) -> None:
    store = bootstrap.credential_store(DEFAULT, {"SYNCER_CREDENTIALS_FILE": said})
    assert store.place == place.format(home=Path.home())


# --- state ------------------------------------------------------------------------------------------------------------


def state(environ: Mapping[str, str], configured: str | None = None) -> StateStore:
    return bootstrap.state_store(environ, bootstrap.SystemClock(Stop()), configured=configured)


@pytest.mark.parametrize(
    ("environ", "configured", "kind"),
    [
        ({}, None, SqliteState),
        ({}, "none", NoState),
        ({}, "table:syncer", DynamoDbState),
        ({"SYNCER_STATE": ""}, "none", NoState),
        ({"SYNCER_STATE": "file:/from/environment"}, "none", SqliteState),
        ({"SYNCER_STATE": "table:syncer"}, "file:/from/config", DynamoDbState),
        ({"SYNCER_STATE": "none"}, "table:syncer", NoState),
        ({"AWS_LAMBDA_FUNCTION_NAME": "sync"}, None, NoState),
        ({"AWS_LAMBDA_FUNCTION_NAME": "sync"}, "table:syncer", DynamoDbState),
    ],
)
def test_state_is_kept_where_the_environment_says_then_the_config(
    environ: Mapping[str, str], configured: str | None, kind: type
) -> None:
    assert isinstance(state(environ, configured), kind)


@pytest.mark.parametrize(
    ("environ", "configured", "place"),
    [
        ({}, None, "~/.local/state/rediscover-weekly/state.sqlite3"),
        ({}, "file:{home}/a: b", "~/a: b"),
        ({"SYNCER_STATE": "file:~/c"}, None, "~/c"),
    ],
)
@pytest.mark.skipif(sys.platform != "linux", reason="macOS has another folder for it")
def test_a_file_of_state_is_made_where_it_is_wanted(
    environ: Mapping[str, str], configured: str | None, place: str
) -> None:
    configured = configured and configured.format(home=Path.home())
    state(environ, configured).stopped_at("a")
    assert state(environ, configured).resume_at() == "a"
    assert Path(place).expanduser().is_file()


def test_a_table_of_state_is_the_one_that_is_named() -> None:
    with pytest.raises(StateUnusable, match="dynamodb:PutItem on the table syncer: NoRegionError"):
        state({"SYNCER_STATE": "table:syncer"}).resume_at()


@pytest.mark.parametrize("said", ["file", "file:", "table:", "/srv/state", "none:at all", "File:x", "s3:x"])
def test_a_place_for_state_that_there_is_not_is_a_problem_of_the_environment(said: str) -> None:
    with pytest.raises(ConfigError) as caught:
        bootstrap.service({"SYNCER_STATE": said})
    assert list(map(str, caught.value.problems)) == [
        f"environment:0:0: $SYNCER_STATE: '{said}' is not file:PATH, table:NAME or none"
    ]


@pytest.mark.parametrize(("said", "seconds"), [(None, 45), ("", 45), ("2", 2), ("0", 0), ("0.5", 0.5)])
def test_the_window_of_the_fault_model_is_45_seconds_unless_a_test_says_otherwise(
    said: str | None, seconds: float
) -> None:
    assert bootstrap.settle_seconds({} if said is None else {"SYNCER_SETTLE_SECONDS": said}) == seconds


@pytest.mark.parametrize("said", ["soon", "-1", "nan", "inf", "1e9"])
def test_a_window_that_is_no_number_of_seconds_is_a_problem_of_the_environment(said: str) -> None:
    with pytest.raises(ConfigError) as caught:
        bootstrap.service({"SYNCER_SETTLE_SECONDS": said})
    (problem,) = caught.value.problems
    assert problem.path == "$SYNCER_SETTLE_SECONDS"
    assert problem.message.startswith(f"'{said}' is not a number from 0 to ")


# --- proxy, certificates ----------------------------------------------------------------------------------------------


class _Doorman(BaseHTTPRequestHandler):
    """Writes down what it is asked, and refuses: an app for good, a tunnel so that nobody tries again."""

    server: "_Door"

    def do_POST(self) -> None:
        self.server.asked.append(self.path)
        answer = b'{"error": "invalid_client"}'
        self.send_response(400)
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    def do_CONNECT(self) -> None:
        self.server.asked.append(self.path)
        self.server.stop(15)
        self.send_error(403)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the name is the base class's
        pass


class _Door(HTTPServer):
    asked: list[str]
    stop: Stop

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"


@contextmanager
def doorman() -> Iterator[_Door]:
    with _Door(("127.0.0.1", 0), _Doorman) as door:
        door.asked, door.stop = [], Stop()
        thread = threading.Thread(target=door.serve_forever, args=(0.02,))
        thread.start()
        yield door
        door.shutdown()
        thread.join()


@pytest.fixture
def credentials(tmp_path: Path) -> dict[str, str]:
    path = tmp_path / "credentials.json"
    path.touch(mode=0o600)
    path.write_text(json.dumps({"spotify_client_id": "id", "refresh_token": "token"}), encoding="utf-8")
    return {"SYNCER_CREDENTIALS_FILE": str(path)}


def test_requests_go_through_the_proxy_that_is_ours_and_no_other(
    credentials: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    with doorman() as proxy, doorman() as spotify, doorman() as other:
        for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY"):
            monkeypatch.setenv(name, other.url)
        environ = credentials | {"SPOTIFY_ACCOUNTS_URL": spotify.url}

        straight = bootstrap.service(environ).run(config(pair("a", "z")))
        around = bootstrap.service(environ | {"SYNCER_PROXY": proxy.url}).run(config(pair("a", "z")))

        assert (spotify.asked, proxy.asked, other.asked) == (["/api/token"], [f"{spotify.url}/api/token"], [])
        assert exit_code(straight) == exit_code(around) == 3


def test_spotify_itself_is_reached_through_the_proxy_too(credentials: dict[str, str]) -> None:
    with doorman() as proxy:
        service = bootstrap.service(credentials | {"SYNCER_PROXY": proxy.url}, stop=proxy.stop)
        service.run(config(pair("a", "z")))
        assert proxy.asked == ["accounts.spotify.com:443"]


def test_a_bundle_of_certificates_is_looked_at_before_anything_leaves(credentials: dict[str, str]) -> None:
    with doorman() as proxy:
        environ = credentials | {"SYNCER_PROXY": proxy.url, "REQUESTS_CA_BUNDLE": "/no/such/bundle.pem"}
        result = bootstrap.service(environ).run(config(pair("a", "z")))
        assert proxy.asked == []
        assert exit_code(result) == 5


# --- the rest ---------------------------------------------------------------------------------------------------------


def test_sleep_ends_early_once_the_run_is_to_stop() -> None:
    stop = Stop()
    clock = bootstrap.SystemClock(stop)
    began = clock.monotonic()
    threading.Timer(0.05, stop, [15]).start()
    clock.sleep(60)
    assert clock.monotonic() - began < 10


def test_sleep_lasts_as_long_as_asked() -> None:
    clock = bootstrap.SystemClock(Stop())
    began = clock.monotonic()
    clock.sleep(0.01)
    assert clock.monotonic() - began >= 0.01
    assert abs((clock.now() - datetime.now(UTC)).total_seconds()) < 5


def test_libraries_may_not_log_what_they_send() -> None:
    bootstrap.cap_foreign_loggers()
    for name in ("boto3.anything", "botocore.parsers", "spotipy.client", "urllib3.connectionpool", "requests.x"):
        assert not logging.getLogger(name).isEnabledFor(logging.DEBUG)


def test_a_run_that_never_began_has_a_report_too() -> None:
    problem = Problem(file="c", line=1, column=1, path="$", message="no")
    broken = bootstrap.nothing_ran(ConfigError([problem]), dry_run=True)
    assert (broken.problems, broken.dry_run, exit_code(broken)) == ((problem,), True, 2)
    passing = bootstrap.nothing_ran(Temporary("no luck"))
    assert (passing.problems, passing.outcomes, exit_code(passing)) == ((), (), 5)
    assert passing.error
    assert passing.error.code is Code.TEMPORARY


# --- a fleet ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("said", ["none", "file:state", "table:"])
def test_a_fleet_needs_a_table_to_share(said: str) -> None:
    environ = {"SYNCER_STATE": said, "SYNCER_QUEUE_URL": "https://sqs.eu-west-1.amazonaws.com/1/groups"}
    with pytest.raises(ConfigError) as caught:
        bootstrap.fleet(environ, tell=lambda _report: None)
    (problem,) = caught.value.problems
    assert problem.message == f"'{said}' is not table:NAME, which workers need to share"
    with pytest.raises(ConfigError):
        bootstrap.last_report(environ)


def test_a_fleet_is_wired_before_anything_is_asked_of_aws() -> None:
    environ = {
        "SYNCER_STATE": "table:syncer",
        "SYNCER_QUEUE_URL": "https://sqs.eu-west-1.amazonaws.com/1/groups",
        "SYNCER_RUN_SECONDS": "3540",
    }
    wired = bootstrap.fleet(environ, tell=lambda _report: None)
    with pytest.raises(StateUnusable, match="NoRegionError"):
        wired.dispatcher.dispatch(config(pair("a", "b")), deadline=0)
