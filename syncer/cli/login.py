"""``syncer login``: consent in a browser, a code for it, tokens for the code, and those where the account keeps them.

Authorization code with PKCE, and with the client secret too where there is one (contract §3.1). What is secret goes to
Spotify and into the store: never to the terminal, a page, a log or a command line.
"""

import os
import re
import sys
import webbrowser
from base64 import urlsafe_b64encode
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from hashlib import sha256
from pathlib import Path
from secrets import token_urlsafe
from threading import Thread
from typing import Final, Protocol
from urllib.parse import urlencode, urlsplit

import click

from syncer import bootstrap, config, report
from syncer.budget import Stop
from syncer.cli.callback import REGISTERED, Callback, Page, Patience, Visit, answer_in
from syncer.cli.terminal import Screen
from syncer.errors import (
    ClientRefused,
    Code,
    ConfigError,
    CredentialsUnreadable,
    Reach,
    SyncError,
    UnreadableAnswer,
)
from syncer.model import (
    DEFAULT_ACCOUNT,
    Account,
    Config,
    LikedSongs,
    Queue,
    RecentlyPlayed,
    SavedAlbums,
    SavedEpisodes,
    ShowSource,
    TopTracks,
)
from syncer.ports import Clock, Credentials, LoginStore
from syncer.spotify.auth import Granted, InvalidGrant, TokenEndpoint

DASHBOARD: Final = "https://developer.spotify.com/dashboard"
PASTES: Final = 3
MAX_LINE: Final = 4096
_USAGE, _PERSON_NEEDED, _TEMPORARY, _INTERRUPTED = 2, 3, 5, 130
_IDENTIFIER: Final = re.compile(r"[0-9A-Za-z._~-]{1,255}")

# --- what is asked for ------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Need:
    """A scope, and what the syncer can do with it and cannot without (contract §3.4)."""

    scope: str
    to: str = field(compare=False)


READS: Final = (
    Need("playlist-read-private", "read your private playlists"),
    Need("playlist-read-collaborative", "find the playlists that others share with you"),
)
"""What every account needs."""
ALWAYS: Final = (
    *READS,
    Need("playlist-modify-public", "add to your public playlists"),
    Need("playlist-modify-private", "add to your private and shared playlists"),
)
"""What an account needs unless others alone add for it."""
LIKED: Final = Need("user-library-read", "read your Liked Songs")
_EPISODES: Final = Need("user-read-playback-position", "read the episodes of shows")
_PLAYING: Final = Need("user-read-currently-playing", "see what you play and what would come next")
_PLAYBACK: Final = Need("user-read-playback-state", "see from which list you play it, and on which device")
BY_SOURCE: Final[Mapping[type, tuple[Need, ...]]] = {
    LikedSongs: (LIKED,),
    SavedAlbums: (Need("user-library-read", "read the albums that you saved"),),
    SavedEpisodes: (Need("user-library-read", "read the episodes that you saved"), _EPISODES),
    ShowSource: (_EPISODES,),
    TopTracks: (Need("user-top-read", "read which tracks you play most"),),
    RecentlyPlayed: (Need("user-read-recently-played", "read what you played lately"),),
    Queue: (_PLAYING, _PLAYBACK),
}
"""What a kind of source needs beside that."""
CAPTURE: Final = (
    _PLAYING,
    _PLAYBACK,
    Need("user-modify-playback-state", "play a list on a device of yours, for `syncer capture` alone"),
)
"""What `syncer capture` needs beside that."""


def needs(settings: Config | None, account: str, *, capture: bool = False) -> tuple[Need, ...]:
    """Return what *account* needs for its part in the pairs, and with *capture* for that too; each scope once."""
    pairs = settings.pairs if settings else ()
    kinds = {type(source) for pair in pairs for reader, source in pair.reads if reader == account}
    only_reads = kinds and all(pair.account != account for pair in pairs)
    for_kinds = (need for kind, needed in BY_SOURCE.items() if kind in kinds for need in needed)
    wanted: dict[str, dict[str, None]] = {}
    for need in (*(READS if only_reads else ALWAYS), *for_kinds, *(CAPTURE if capture else ())):
        wanted.setdefault(need.scope, {})[need.to] = None
    return tuple(Need(scope, " and ".join(uses)) for scope, uses in wanted.items())


# --- who is asked -----------------------------------------------------------------------------------------------------


class Person(Protocol):
    """Someone at a terminal, or nobody."""

    present: bool

    def tell(self, *lines: str) -> None:
        """Say something that matters."""
        ...

    def explain(self, *lines: str) -> None:
        """Say something that can be left out."""
        ...

    def ask(self, question: str, *, hidden: bool = False) -> str:
        """Return the answer; where there is no terminal, the next line of what is piped in, or nothing."""
        ...


class AtTerminal:
    """Whoever started the command. It speaks on stderr."""

    def __init__(self, *, quiet: bool) -> None:
        self.present = sys.stdin is not None and sys.stdin.isatty()
        self._quiet = quiet

    def tell(self, *lines: str) -> None:
        for line in lines:
            click.echo(report.visible(line), err=True)

    def explain(self, *lines: str) -> None:
        if not self._quiet:
            self.tell(*lines)

    def ask(self, question: str, *, hidden: bool = False) -> str:
        if not self.present:
            return sys.stdin.readline(MAX_LINE).strip() if sys.stdin else ""
        answer: str = click.prompt(question, default="", show_default=False, hide_input=hidden, err=True)
        return answer.strip()


Browser = Callable[[str], object]
"""Opens an address and does not wait until it is closed."""


def browser(environ: Mapping[str, str]) -> Browser | None:
    """Return the browser of this desktop; None where there is none."""
    if sys.platform != "darwin" and not environ.keys() & {"BROWSER", "DISPLAY", "WAYLAND_DISPLAY"}:
        return None  # at most one for text, in which Spotify's pages do not work
    try:
        found = webbrowser.get()
    except webbrowser.Error:
        return None
    # Some stay until the window is closed.
    return lambda address: Thread(target=found.open, args=(address,), daemon=True).start()


# --- one sign-in ------------------------------------------------------------------------------------------------------


def command(account: str) -> str:
    """Return what to type to sign *account* in."""
    return "`syncer login`" if account == DEFAULT_ACCOUNT else f"`syncer login --account {account}`"


class NotSignedIn(SyncError):
    """The consent was not given, or did not lead to tokens."""

    code = Code.SIGN_IN_NEEDED
    reach = Reach.ACCOUNT


@dataclass(frozen=True, slots=True, kw_only=True)
class App:
    """The app at Spotify that asks; without a secret PKCE alone protects the sign-in."""

    client_id: str
    client_secret: str | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """What Spotify is asked through the browser: 256 bits of state and 512 of verifier, made for this once."""

    app: App
    needs: tuple[Need, ...]
    state: str = field(default_factory=partial(token_urlsafe, 32), repr=False)
    verifier: str = field(default_factory=partial(token_urlsafe, 64), repr=False)

    def address(self, accounts_url: str, redirect_uri: str) -> str:
        """Return where the person says yes or no."""
        challenge = urlsafe_b64encode(sha256(self.verifier.encode()).digest()).rstrip(b"=").decode()
        asked = {
            "client_id": self.app.client_id,
            "response_type": "code",
            "redirect_uri": redirect_uri,
            "scope": " ".join(need.scope for need in self.needs),
            "state": self.state,
            "code_challenge_method": "S256",
            "code_challenge": challenge,
            "show_dialog": "true",  # the six months begin with a consent, so there must be one
        }
        return f"{accounts_url}/authorize?{urlencode(asked)}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Login:
    """Signs one account in. ``browser`` None: the person carries the address to a browser and back by hand."""

    account: str
    store: LoginStore
    accounts_url: str
    tokens: TokenEndpoint
    clock: Clock
    person: Person
    browser: Browser | None
    patience: Patience = field(default_factory=Patience)

    def run(self, wanted: tuple[Need, ...], client_id: str | None = None) -> tuple[Need, ...]:
        """Sign in, store that, and return what was wanted and not granted.

        *client_id* names another app than the stored one. Any SyncError, or an interruption: nothing was stored.
        """
        question = Question(app=self._app(client_id), needs=wanted)
        self.person.explain(
            f"Signing in to Spotify for the account {self.account!r}. You will be asked to let the syncer",
            *(f"  {need.to}  ({need.scope})" for need in wanted),
        )
        visit = self._by_browser(question, self.browser) if self.browser else self._by_hand(question)
        with visit:
            granted = self._granted(question, visit)
            scope = " ".join(need.scope for need in wanted) if granted.scope is None else granted.scope
            self._store(question.app, granted, scope)
            missing = tuple(need for need in wanted if need.scope not in scope.split())
            visit.show(Page.PARTLY if missing else Page.SIGNED_IN)
        return missing

    def _app(self, client_id: str | None) -> App:
        """Return the app to sign in with: the stored one, or what the person says."""
        try:
            known = self.store.load().credentials
        except CredentialsUnreadable as error:
            self.person.explain(f"Asking for your app, since {error}.")
        else:
            if client_id is None:
                return App(client_id=known.client_id, client_secret=known.client_secret)
        if client_id is None:
            client_id = self._asked_for_id()
        secret = self.person.ask("Client secret (not shown; leave it empty to sign in without one)", hidden=True)
        for name, value in (("client id", client_id), ("client secret", secret)):
            if value and not _IDENTIFIER.fullmatch(value):
                raise click.UsageError(f"that is no {name}: copy it from your app at {DASHBOARD}")
        return App(client_id=client_id, client_secret=secret or None)

    def _asked_for_id(self) -> str:
        if not self.person.present:
            raise click.UsageError("there is no terminal to ask for the client id: pass it as --client-id ID")
        self.person.tell(
            "The syncer signs in with an app of yours, for which you need Spotify Premium.",
            f"Create one at {DASHBOARD}, tick Web API,",
            "and paste exactly this as its redirect URI, without a port:",
            f"  {REGISTERED}",
            "Under User Management add everyone who is to sign in, by e-mail address.",
            "Its settings show the client id and the client secret.",
        )
        if client_id := self.person.ask("Client id"):
            return client_id
        raise click.UsageError("without a client id there is no sign-in")

    def _by_browser(self, question: Question, open_in_browser: Browser) -> Visit:
        with Callback(question.state, monotonic=self.clock.monotonic, patience=self.patience) as callback:
            address = question.address(self.accounts_url, callback.redirect_uri)
            self.person.explain(
                "Your browser opens now; you have five minutes. If nothing opens, open this address on this machine,",
                "or stop and start again with --no-browser:",
                f"  {address}",
            )
            open_in_browser(address)
            visit = callback.wait()
        if visit is None:
            raise NotSignedIn(
                "no answer came from the browser in time",
                hint=f"run {command(self.account)} again; if Spotify showed an error, compare the client id and the"
                f" redirect URI {REGISTERED} with your app at {DASHBOARD}",
            )
        return visit

    def _by_hand(self, question: Question) -> Visit:
        self.person.tell(
            "Open this address in any browser, on any machine:",
            f"  {question.address(self.accounts_url, REGISTERED)}",
            "Once you have agreed, the browser shows an error, for nobody answers there. That is fine:",
            f"copy the whole address from its address bar. It begins with {REGISTERED}?",
        )
        for _ in range(PASTES):
            pasted = self.person.ask("Address (not shown)", hidden=True)
            if visit := _pasted(pasted, question.state):
                return visit
            self.person.tell("That is not the address at which this sign-in ends.")
        raise NotSignedIn("the address was not pasted", hint=f"run {command(self.account)} again")

    def _granted(self, question: Question, visit: Visit) -> Granted:
        again = command(self.account)
        if visit.answer.code is None:
            if visit.answer.declined:
                visit.show(Page.DECLINED)
                raise NotSignedIn("the sign-in was declined in the browser", hint=f"run {again} and agree")
            raise NotSignedIn(
                "Spotify did not carry out the sign-in", hint=f"run {again} again; see your app at {DASHBOARD}"
            )
        try:
            granted = self.tokens.exchange(
                self.account,
                client_id=question.app.client_id,
                client_secret=question.app.client_secret,
                code=visit.answer.code,
                verifier=question.verifier,
                redirect_uri=visit.redirect_uri,
            )
        except InvalidGrant:
            raise NotSignedIn(
                "Spotify does not take the consent: it was given too long ago, or used before",
                hint=f"run {again} again",
            ) from None
        if granted.refresh_token is None:
            raise UnreadableAnswer("Spotify's accounts service gave no refresh token")
        return granted

    def _store(self, app: App, granted: Granted, scope: str) -> None:
        now = self.clock.now()
        credentials = Credentials(
            client_id=app.client_id,
            client_secret=app.client_secret,
            refresh_token=granted.refresh_token or "",
            access_token=granted.access_token,
            expires_at=now.timestamp() + granted.lasts,
            scope=scope,
            authorized_at=now.date().isoformat(),
        )
        self.store.create_or_replace(credentials, at=now)
        ends = report.sign_in_ends(now.date())
        self.person.explain(f"Signed in. Kept in {self.store.place}; Spotify ends this sign-in on {ends}.")


def _pasted(text: str, state: str) -> Visit | None:
    """Return the answer in an address that a person copied; None if it is not the one that was waited for."""
    try:
        parts = urlsplit(text)
    except ValueError:
        return None
    if f"{parts.scheme}://{parts.netloc}{parts.path}" != REGISTERED:
        return None
    answer = answer_in(parts.query, state)
    return Visit(answer, REGISTERED) if answer else None


# --- the command ------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """What stands on the command line."""

    account: str
    secret: str | None
    client_id: str | None
    no_browser: bool
    config_path: Path | None
    quiet: bool
    capture: bool = False


def login(options: Options, environ: Mapping[str, str] = os.environ) -> int:
    """Carry out the command and return its exit code (interface §2)."""
    person = AtTerminal(quiet=options.quiet)
    try:
        missing = _sign_in(options, environ, person)
    except ConfigError as error:
        Screen("text", quiet=options.quiet).problems(error)
        return _USAGE
    except SyncError as error:
        if error.code not in report.PERSON_NEEDED:
            person.tell(f"{error}.", f"-> nothing was stored: run {command(options.account)} again later")
            return _TEMPORARY
        person.tell(f"{error}.", f"-> {error.hint}")
        if isinstance(error, ClientRefused):
            person.tell("   `syncer login --client-id ID` takes another id or secret than the stored ones")
        return _PERSON_NEEDED
    except (KeyboardInterrupt, click.Abort):
        person.tell("", "Stopped before the sign-in was through.")
        return _INTERRUPTED
    for need in missing:
        person.tell(f"Spotify did not grant {need.scope}: the syncer cannot {need.to}.")
    if missing:
        person.tell(f"-> run {command(options.account)} again and agree to all of it")
        return _PERSON_NEEDED
    return 0


def _sign_in(options: Options, environ: Mapping[str, str], person: AtTerminal) -> tuple[Need, ...]:
    settings = _settings(options, environ, person)
    account = _account(settings, options)
    usual = bootstrap.credential_store(account, environ)
    chosen = bootstrap.credential_store(Account(name=account.name, secret=options.secret), {})
    store = chosen if options.secret else usual
    one = prepared(account.name, store, environ, person, no_browser=options.no_browser)
    missing = one.run(needs(settings, account.name, capture=options.capture), options.client_id)
    if options.secret and usual.place != options.secret:
        person.explain(
            f"A run still looks in {usual.place}. To let it use the secret, put this into the config:",
            f"  accounts: {{{account.name}: {{secret: {options.secret}}}}}",
        )
    return missing


def prepared(account: str, store: LoginStore, environ: Mapping[str, str], person: Person, *, no_browser: bool) -> Login:
    """Return what signs *account* in from here, as *environ* says; click's UsageError if nobody could answer."""
    clock = bootstrap.SystemClock(Stop())
    desktop = None if no_browser else browser(environ)
    if desktop is None and not person.present:
        raise click.UsageError("there is no terminal to paste an address into: run `syncer login` in one")
    return Login(
        account=account,
        store=store,
        accounts_url=bootstrap.hosts(environ).accounts,
        tokens=bootstrap.token_endpoint(environ, clock),
        clock=clock,
        person=person,
        browser=desktop,
    )


def _settings(options: Options, environ: Mapping[str, str], person: AtTerminal) -> Config | None:
    """Return the config; None where there is none, or none that holds and nobody named it."""
    path = options.config_path or bootstrap.config_path(environ)
    try:
        return config.load(path)
    except ConfigError as error:
        if options.config_path:
            raise
        if path.exists():
            person.tell(
                *map(str, error.problems),
                f"Since {path} does not hold, it is left aside: the sign-in covers no more than playlists.",
            )
        return None


def _account(settings: Config | None, options: Options) -> Account:
    known = settings.accounts if settings else (Account(name=DEFAULT_ACCOUNT),)
    for account in known:
        if account.name == options.account:
            return account
    if settings is None and options.secret:
        return Account(name=options.account, secret=options.secret)
    names = ", ".join(account.name for account in known)
    raise click.UsageError(f"there is no account {options.account!r} in the config: pass --account with one of {names}")
