"""The composition root: the only module that knows all adapters and reads the environment."""

import logging
import math
import os
import random
import re
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from syncer.allowance import DAILY_REQUESTS
from syncer.appending import SETTLE
from syncer.budget import MAX_WAITED, Budget, Stop
from syncer.cache import Cache, Ledger
from syncer.credentials import FileStore
from syncer.errors import ConfigError, Problem, SyncError
from syncer.ids import shorten
from syncer.model import DEFAULT_ACCOUNT, Account, FileSource, Report, Tracklist
from syncer.ports import Clock, Connection, FleetState, LoginStore, StateStore, Watch
from syncer.reading import SIDE_BY_SIDE
from syncer.report import failure
from syncer.service import Service, run_id
from syncer.state.nothing import NoState

if TYPE_CHECKING:
    from syncer.capturing import Capture
    from syncer.checkup import Checkup
    from syncer.dispatching import Dispatcher
    from syncer.seeking import Counted
    from syncer.spotify.accounts import SpotifyAccounts
    from syncer.spotify.auth import TokenEndpoint
    from syncer.spotify.gate import Share
    from syncer.spotify.transport import Endpoints
    from syncer.spotify.wire import Wire
    from syncer.working import Worker

APP: Final = "rediscover-weekly"
"""What our folders are called below the user's config and state folders."""
API_URL: Final = "https://api.spotify.com/v1"
ACCOUNTS_URL: Final = "https://accounts.spotify.com"
DEFAULT_CONFIG: Final = Path("config/config.yaml")
NAP: Final = 0.2
MAX_PORT: Final = 65535
_LOOPBACK: Final = re.compile(
    r"http://(?:127(?:\.(?:25[0-5]|2[0-4][0-9]|1?[0-9]{1,2})){3}|\[::1\])(?::(?P<port>[0-9]{1,5}))?(?:/[A-Za-z0-9._~/-]*)?"
)
"""Plain on purpose: two readers of a URL cannot disagree about one of these."""


class SystemClock:
    """The machine's clock. Its sleep ends early once *stop* is set."""

    def __init__(self, stop: Stop) -> None:
        self._stop = stop

    def now(self) -> datetime:
        return datetime.now(UTC)

    def monotonic(self) -> float:
        return time.monotonic()

    def sleep(self, seconds: float) -> None:
        # Naps, since a signal handler cannot safely wake anything that waits on a lock.
        ends = time.monotonic() + seconds
        while self._stop.signal is None and (left := ends - time.monotonic()) > 0:
            time.sleep(min(left, NAP))


@dataclass(frozen=True, slots=True, kw_only=True)
class Hosts:
    """Where Spotify is."""

    api: str = API_URL
    accounts: str = ACCOUNTS_URL


def config_path(environ: Mapping[str, str] = os.environ) -> Path:
    """Return the config that is used where nobody names one."""
    return Path(environ.get("SYNCER_CONFIG") or DEFAULT_CONFIG)


def state_folder() -> Path:
    """Return the folder for what we keep between runs on this machine."""
    import platformdirs  # noqa: PLC0415 - not shipped to Lambda, where nothing is kept on disk

    return platformdirs.user_state_path(APP)


def hosts(environ: Mapping[str, str]) -> Hosts:
    """Return Spotify's hosts, or the loopback ones that *environ* puts in their place; ConfigError if they are not."""
    variables = {"SPOTIFY_API_URL": API_URL, "SPOTIFY_ACCOUNTS_URL": ACCOUNTS_URL}
    problems = [
        Problem(
            file="environment",
            line=0,
            column=0,
            path=f"${name}",
            message=f"{shorten(value)} is not an address on this machine, such as http://127.0.0.1:8000",
        )
        for name in variables
        if (value := environ.get(name)) and not _is_loopback(value)
    ]
    if problems:
        raise ConfigError(problems, hint="unset it: it is for tests and the sandbox only")
    api, accounts = ((environ.get(name) or fixed).rstrip("/") for name, fixed in variables.items())
    return Hosts(api=api, accounts=accounts)


def _is_loopback(url: str) -> bool:
    found = _LOOPBACK.fullmatch(url)
    return found is not None and 0 < int(found["port"] or 1) <= MAX_PORT


def credential_store(account: Account, environ: Mapping[str, str]) -> LoginStore:
    """Return where the credentials of *account* are: environment, then config, then default (interface §4)."""
    if account.name == DEFAULT_ACCOUNT:
        if secret := environ.get("SYNCER_SECRET_ID"):
            return _secret(secret)
        if file := environ.get("SYNCER_CREDENTIALS_FILE"):
            return FileStore(Path(os.path.expanduser(file)))  # noqa: PTH111 - leaves a '~' alone that it does not know
    if account.secret is not None:
        return _secret(account.secret)
    if account.file is not None:
        return FileStore(Path(account.file))
    import platformdirs  # noqa: PLC0415 - not shipped to Lambda, where the environment names a secret

    return FileStore(platformdirs.user_config_path(APP) / "credentials.json")


def _secret(name: str) -> LoginStore:
    from syncer.secretsmanager import SecretsManagerStore  # noqa: PLC0415 - for users of AWS

    return SecretsManagerStore(name)


def state_store(environ: Mapping[str, str], clock: Clock, *, configured: str | None = None) -> StateStore:
    """Return what is kept between runs: environment, then *configured* in the same words, then default (interface §4).

    ConfigError if the environment names no such place.
    """
    kind, where = _state_place(environ, configured)
    if kind == "file" and where:
        from syncer.state.sqlite import SqliteState  # noqa: PLC0415 - not every Python has SQLite

        return SqliteState(Path(os.path.expanduser(where)), clock.now)  # noqa: PTH111 - as for credentials
    if kind == "table" and where:
        from syncer.state.dynamodb import DynamoDbState  # noqa: PLC0415 - for users of AWS

        return DynamoDbState(where)
    if kind == "none" and not where:
        return NoState()
    raise ConfigError([_misnamed("SYNCER_STATE", environ, "file:PATH, table:NAME or none")])


def _state_place(environ: Mapping[str, str], configured: str | None) -> tuple[str, str]:
    kind, _, where = (environ.get("SYNCER_STATE") or configured or _default_state(environ)).partition(":")
    return kind, where


def _default_state(environ: Mapping[str, str]) -> str:
    if "AWS_LAMBDA_FUNCTION_NAME" in environ:
        return "none"
    return f"file:{state_folder() / 'state.sqlite3'}"


def settle_seconds(environ: Mapping[str, str]) -> float:
    """Return the window W of the fault model; ConfigError if *environ* sets it to what is no number of seconds."""
    try:
        seconds = float(environ.get("SYNCER_SETTLE_SECONDS") or SETTLE)
    except ValueError:
        seconds = math.nan
    if 0 <= seconds <= MAX_WAITED:
        return seconds
    raise ConfigError([_misnamed("SYNCER_SETTLE_SECONDS", environ, f"a number from 0 to {MAX_WAITED:g}")])


def _misnamed(name: str, environ: Mapping[str, str], wanted: str) -> Problem:
    message = f"{shorten(environ.get(name, ''))} is not {wanted}"
    return Problem(file="environment", line=0, column=0, path=f"${name}", message=message)


class NobodyWatches:
    """The port ``Watch`` where nobody looks on."""

    def reading(self, what: str, done: int, total: int) -> None: ...

    def starting(self, pair: object) -> None: ...

    def ended(self, outcome: object) -> None: ...


def cap_foreign_loggers() -> None:
    """Keep libraries from logging what they send: at DEBUG some print tokens and secrets (fault model X1)."""
    for name in ("boto3", "botocore", "requests", "spotipy", "urllib3"):
        logging.getLogger(name).setLevel(logging.INFO)


def read_file(source: FileSource) -> Tracklist:
    """Return what the file lists that is a source; FileUnreadable if it cannot be had."""
    from syncer.tracklist import read  # noqa: PLC0415 - few configs name a file

    return read(source)


def nothing_ran(error: SyncError, *, dry_run: bool = False) -> Report:
    """Return the report of a run that ended before its first pair."""
    now = datetime.now(UTC)
    return Report(
        run_id=run_id(now, random.SystemRandom()),
        started_at=now,
        finished_at=now,
        dry_run=dry_run,
        error=failure(error),
        problems=error.problems if isinstance(error, ConfigError) else (),
        requests={"spotify": 0, "accounts": 0},
    )


def _wire(environ: Mapping[str, str], clock: Clock) -> "Wire":
    from syncer.spotify.wire import Wire  # noqa: PLC0415 - requests takes long to import

    return Wire(
        monotonic=clock.monotonic,
        proxy=environ.get("SYNCER_PROXY") or None,
        ca_bundle=environ.get("REQUESTS_CA_BUNDLE") or None,
    )


def token_endpoint(environ: Mapping[str, str], clock: Clock) -> "TokenEndpoint":
    """Return where a sign-in gets its tokens, as *environ* says; ConfigError if it says something that cannot be."""
    from syncer.spotify.auth import TokenEndpoint  # noqa: PLC0415 - requests takes long to import
    from syncer.spotify.gate import Gate  # noqa: PLC0415 - the same
    from syncer.spotify.transport import Caller  # noqa: PLC0415 - the same

    wire = _wire(environ, clock)
    caller = Caller(
        gate=Gate(clock),
        budget=Budget(clock),
        clock=clock,
        chance=random.SystemRandom(),
        worst_case=wire.limits.whole,
        limited=lambda _limit: None,  # a person who signs in sees it and waits
        spent=lambda: None,  # a sign-in asks nothing of the Web API
        warnings=[],
    )
    return TokenEndpoint(accounts_url=hosts(environ).accounts, wire=wire, caller=caller)


def set_up(account: Account, environ: Mapping[str, str] = os.environ, *, state: str | None = None) -> Connection:
    """Return *account*, signed in to look around and to make a playlist; an error that ends it where that cannot be.

    *state* is what the config says of where it is kept: Spotify's wishes to wait are kept to here as well.
    """
    from syncer.spotify.transport import SETUP_ENDPOINTS  # noqa: PLC0415 - requests takes long to import

    clock = SystemClock(Stop())
    kept = state_store(environ, clock, configured=state)
    return _accounts(environ, kept, clock, endpoints=SETUP_ENDPOINTS)(account, Budget(clock))


def checkup(
    environ: Mapping[str, str] = os.environ, *, state: str | None = None, stop: Stop | None = None
) -> "Checkup":
    """Wire what looks at everything and changes nothing at Spotify, as *environ* and *state* say it for a run."""
    from syncer.checkup import Checkup  # noqa: PLC0415 - a run has no use for it
    from syncer.spotify.transport import LOOK_ENDPOINTS  # noqa: PLC0415 - requests takes long to import

    stop = stop or Stop()
    clock = SystemClock(stop)
    kept = state_store(environ, clock, configured=state)
    kind, where = _state_place(environ, state)
    return Checkup(
        connect=_accounts(environ, kept, clock, endpoints=LOOK_ENDPOINTS),
        state=kept,
        place=f"{kind} {where}".rstrip(),
        clock=clock,
        chance=random.SystemRandom(),
        stop=stop,
        files=read_file,
    )


def _accounts(
    environ: Mapping[str, str],
    state: StateStore,
    clock: Clock,
    *,
    endpoints: "Endpoints | None" = None,
    share: "Callable[[str], Share] | None" = None,
) -> "SpotifyAccounts":
    """Return what opens accounts, to ask for *endpoints*, or for what a run asks for.

    *share* returns what there is of a client id that others make use of too.
    """
    from syncer.spotify.accounts import SpotifyAccounts  # noqa: PLC0415 - spotipy takes long to import
    from syncer.spotify.transport import ENDPOINTS  # noqa: PLC0415 - the same

    places = hosts(environ)
    return SpotifyAccounts(
        api_url=places.api,
        accounts_url=places.accounts,
        store=partial(credential_store, environ=environ),
        state=state,
        wire=_wire(environ, clock),
        clock=clock,
        chance=random.SystemRandom(),
        daily_requests=DAILY_REQUESTS if places.api == API_URL else None,  # no other server has Spotify's quota
        endpoints=endpoints or ENDPOINTS,
        share=share,
    )


def service(
    environ: Mapping[str, str] = os.environ,
    *,
    state: str | None = None,
    watch: Watch | None = None,
    stop: Stop | None = None,
    to_undo: bool = False,
    to_create: bool = False,
) -> Service:
    """Wire the service to Spotify as *environ* says, *state* being what the config says of where it is kept.

    Only one that is made *to_undo* can take something out of a playlist, and that one cannot add; only one that is
    made *to_create* can make playlists (fault model X6). ConfigError if one of them says something that cannot be.
    """
    from syncer.spotify import transport  # noqa: PLC0415 - requests takes long to import

    stop = stop or Stop()
    clock = SystemClock(stop)
    kept = state_store(environ, clock, configured=state)
    to_add = transport.CREATE_ENDPOINTS if to_create else transport.ENDPOINTS
    accounts = _accounts(environ, kept, clock, endpoints=transport.UNDO_ENDPOINTS if to_undo else to_add)
    return _service(environ, kept, accounts, clock=clock, stop=stop, watch=watch)


def _service(
    environ: Mapping[str, str],
    kept: StateStore,
    accounts: "SpotifyAccounts",
    *,
    clock: Clock,
    stop: Stop,
    watch: Watch | None = None,
    ledger: Callable[[Cache, datetime], Ledger] = Ledger,
) -> Service:
    return Service(
        connect=accounts,
        state=kept,
        clock=clock,
        chance=random.SystemRandom(),
        watch=watch or NobodyWatches(),
        stop=stop,
        executor=ThreadPoolExecutor(SIDE_BY_SIDE),
        files=read_file,
        settle=settle_seconds(environ),
        ledger=ledger,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Fleet:
    """What does a run together: who begins it, and who works at it. Whoever is last closes it."""

    dispatcher: "Dispatcher"
    worker: "Worker"


def fleet(
    environ: Mapping[str, str] = os.environ,
    *,
    state: str | None = None,
    to_create: bool = False,
    tell: Callable[[dict[str, Any]], None],
) -> Fleet:
    """Wire a fleet to Spotify and its queue as *environ* says; *tell* hears the report of each run that is closed.

    ConfigError where it has no table to share.
    """
    from syncer.closing import Closer  # noqa: PLC0415 - for users of a fleet
    from syncer.dispatching import Dispatcher  # noqa: PLC0415 - the same
    from syncer.leasing import Pace  # noqa: PLC0415 - the same
    from syncer.spotify import transport  # noqa: PLC0415 - requests takes long to import
    from syncer.sqs import SqsQueue  # noqa: PLC0415 - for users of a fleet
    from syncer.working import Worker  # noqa: PLC0415 - the same

    stop = Stop()
    clock, chance = SystemClock(stop), random.SystemRandom()
    kept = _fleet_state(environ, state)
    endpoints = transport.CREATE_ENDPOINTS if to_create else transport.ENDPOINTS

    @contextmanager
    def made(
        seen: StateStore,
        *,
        worker: str,
        watch: Watch | None = None,
        ledger: Callable[[Cache, datetime], Ledger] = Ledger,
    ) -> Iterator[Service]:
        paces: dict[str, Pace] = {}

        def share(client_id: str) -> Pace:
            return paces.setdefault(client_id, Pace(kept, client_id, worker, clock))

        accounts = _accounts(environ, seen, clock, endpoints=endpoints, share=share)
        try:
            yield _service(environ, seen, accounts, clock=clock, stop=stop, watch=watch, ledger=ledger)
        finally:
            for pace in paces.values():
                pace.give_back()

    messages = SqsQueue(environ["SYNCER_QUEUE_URL"])
    closer = Closer(kept, messages=messages, clock=clock, chance=chance, tell=tell)
    return Fleet(
        dispatcher=Dispatcher(
            kept,
            messages=messages,
            clock=clock,
            chance=chance,
            service=made,
            closer=closer,
            lasts=float(environ["SYNCER_RUN_SECONDS"]),
        ),
        worker=Worker(kept, messages=messages, clock=clock, chance=chance, service=made, closer=closer),
    )


def last_report(environ: Mapping[str, str] = os.environ, *, state: str | None = None) -> dict[str, Any] | None:
    """Return the whole report of the run of a fleet that was closed last; None if there is none."""
    return Cache(_fleet_state(environ, state)).report()


def _fleet_state(environ: Mapping[str, str], configured: str | None) -> FleetState:
    from syncer.state.dynamodb import DynamoDbState  # noqa: PLC0415 - for users of AWS

    kind, where = _state_place(environ, configured)
    if kind == "table" and where:
        return DynamoDbState(where)
    raise ConfigError([_misnamed("SYNCER_STATE", environ, "table:NAME, which workers need to share")])


def capture(
    account: Account,
    environ: Mapping[str, str] = os.environ,
    *,
    state: str | None = None,
    stop: Stop,
    counted: "Counted",
) -> "Capture":
    """Wire what captures lists as *account*, as *environ* and *state* say it for a run.

    It can read and change what is played, and no playlist (fault model X6).
    """
    from syncer.capturing import Capture  # noqa: PLC0415 - a run has no use for it
    from syncer.spotify.transport import CAPTURE_ENDPOINTS  # noqa: PLC0415 - requests takes long to import

    clock = SystemClock(stop)
    kept = state_store(environ, clock, configured=state)
    return Capture(
        account,
        connect=_accounts(environ, kept, clock, endpoints=CAPTURE_ENDPOINTS),
        state=kept,
        clock=clock,
        stop=stop,
        counted=counted,
    )
