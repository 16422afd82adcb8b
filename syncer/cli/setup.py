"""``syncer init``: from nothing to a config that holds, in a handful of questions, each of which may be an option.

All that changes something comes after the last question: stopped at any of them, a sign-in is the most that is left.
"""

import os
import re
import unicodedata
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Final

import click

from syncer import bootstrap, config, report
from syncer.budget import Stop
from syncer.cli import editing
from syncer.cli.login import LIKED, AtTerminal, needs, prepared
from syncer.cli.terminal import Screen
from syncer.errors import (
    Code,
    ConfigError,
    CredentialsUnreadable,
    MissingScope,
    NotFound,
    SignInNeeded,
    SourceNotReadable,
    SourceSpotifyMade,
    SyncError,
    TargetNotWritable,
    Temporary,
    UnclearAdd,
)
from syncer.ids import NotAPlaylist, is_spotify_made, playlist_id, playlist_uri, shorten
from syncer.model import DEFAULT_ACCOUNT, PAGE_SIZE, Account, Config, LikedSongs, Listed
from syncer.ports import Playlists, Sources
from syncer.targets import MARK

TRIES: Final = 5
"""How often a question is asked."""
SHOWN: Final = 200
"""Playlists of the library that are shown; all others can be named by their links."""
LOOK_EVERY: Final = 5.0
"""Seconds between two looks for a playlist that may have been made."""
EXAMPLES: Final = frozenset({"2mULMNIOjAkmgJvE6J7YhL", "3kPq7TzWvYb1LxRm8NcA4s", "4QsOj2FzLkHa6PbNr9Yc5I"})
"""The targets, all made up, of the config that comes with the syncer."""
_PASSING: Final = frozenset({Code.TEMPORARY, Code.RATE_LIMITED, Code.QUOTA_EXCEEDED})
LINK: Final = "https://open.spotify.com/playlist/"
_USAGE, _PERSON_NEEDED, _FAILED, _TEMPORARY, _INTERRUPTED = 2, 3, 4, 5, 130
_NUMBER: Final = re.compile(r"[0-9]{1,3}")
_COLUMNS: Final = (3, 38, 7)


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """What stands on the command line; None is asked for."""

    path: Path
    client_id: str | None = None
    source: str | None = None
    target: str | None = None
    create: str | None = None
    yes: bool = False
    force: bool = False
    no_browser: bool = False
    quiet: bool = False


@dataclass(frozen=True, slots=True)
class Chosen:
    """A source or target: as the config spells it, and as people call it. A target without spelling is to be made."""

    value: str
    name: str


def init(options: Options, environ: Mapping[str, str] = os.environ) -> int:
    """Carry out the command but for the plan at its end, and return its exit code (interface §2)."""
    person = AtTerminal(quiet=options.quiet)
    try:
        _Wizard(options, person, environ).run()
    except ConfigError as error:
        Screen("text", quiet=options.quiet).problems(error)
        return _USAGE
    except SyncError as error:
        person.tell(f"{error}.", f"-> {error.hint}")
        if error.code in report.PERSON_NEEDED:
            return _PERSON_NEEDED
        return _TEMPORARY if error.code in _PASSING else _FAILED
    except (KeyboardInterrupt, click.Abort):
        person.tell("", "Stopped: no config was written.")
        return _INTERRUPTED
    return 0


class _Wizard:
    def __init__(self, options: Options, person: AtTerminal, environ: Mapping[str, str]) -> None:
        self._options = options
        self._person = person
        self._environ = environ
        self._account = Account(name=DEFAULT_ACCOUNT)
        self._held: Config | None = None
        """The config that is there already and gets one more pair."""
        self._playlists: Playlists
        self._sources: Sources
        self._library: tuple[Listed, ...] = ()

    def run(self) -> None:
        options = self._options
        if options.target and options.create:
            raise click.UsageError("--target and --create are two ways to name one playlist: pass one of them")
        if options.create is not None and not options.create.strip():
            raise click.UsageError("--create: a playlist needs a name")
        self._look_at_the_config()
        self._sign_in()
        if options.source is None or (options.target or options.create) is None:
            self._show_library()
        source = self._asked("Source (a number, a link, or 'liked')", "--source", options.source, self._source)
        target = self._target(source)
        self._confirm(source, target)
        if not target.value:
            target = Chosen(LINK + self._made(target.name), target.name)
        self._write(source, target)

    # --- what is there ---

    def _look_at_the_config(self) -> None:
        """See what becomes of a config that is there: it gets another pair, or is replaced if it is the example."""
        path = self._options.path
        if self._options.force or not os.path.lexists(path):
            return
        found = config.load(path)
        if {pair.target for pair in found.pairs} <= EXAMPLES:
            return
        pairs = "a pair" if len(found.pairs) == 1 else f"{len(found.pairs)} pairs"
        if not self._agreed(f"{path} is there already, with {pairs}. Add another pair to it?"):
            raise click.UsageError(f"{path} stays as it is; --force writes a new one in its place")
        self._held = found
        names = {account.name: account for account in found.accounts}
        self._account = names.get(DEFAULT_ACCOUNT, found.accounts[0])

    def _agreed(self, question: str) -> bool:
        """Return whether the answer is yes, as it is with --yes and for an empty one."""
        if self._options.yes:
            return True
        if not self._person.present:
            raise click.UsageError(f"{question} There is no terminal to ask in: pass --yes if so")
        for _ in range(TRIES):
            answer = self._person.ask(f"{question} [Y/n]").lower()
            if answer in ("", "y", "yes"):
                return True
            if answer in ("n", "no"):
                return False
        return False

    # --- who asks ---

    def _sign_in(self) -> None:
        """Sign in if nobody is, and for Liked Songs if that was not consented to."""
        store = bootstrap.credential_store(self._account, self._environ)
        try:
            kept = store.load().credentials
        except CredentialsUnreadable:
            self._consent()
        else:
            if self._options.client_id not in (None, kept.client_id):
                self._consent()
        try:
            self._connect()
        except SignInNeeded as error:
            self._person.tell(f"{error}.")
            self._consent()
            self._connect()

    def _consent(self) -> None:
        """Have the person agree in a browser, to Liked Songs too unless the source is known to be something else."""
        store = bootstrap.credential_store(self._account, self._environ)
        wanted = needs(self._held, self._account.name)
        if self._options.source in (None, "liked") and LIKED not in wanted:
            wanted = (*wanted, LIKED)
        login = prepared(self._account.name, store, self._environ, self._person, no_browser=self._options.no_browser)
        for need in login.run(wanted, self._options.client_id):
            if need != LIKED:
                raise MissingScope(self._account.name, need.scope)

    def _connect(self) -> None:
        state = self._held.state if self._held else None
        connection = bootstrap.set_up(self._account, self._environ, state=state)
        self._playlists, self._sources = connection.playlists, connection.sources

    @cached_property
    def _me(self) -> str:
        return self._playlists.me()

    # --- what there is to choose from ---

    def _listed(self, most: int | None = None) -> Iterator[Listed]:
        """Yield the library, or its first *most* playlists."""
        offset, total = 0, 1
        while offset < (total if most is None else min(total, most)):
            page = self._playlists.listing(offset)
            yield from page.playlists
            offset, total = offset + PAGE_SIZE, page.total

    def _show_library(self) -> None:
        self._library = tuple(self._listed(SHOWN))
        self._person.tell("", "Your playlists:")
        for number, one in enumerate(self._library, start=1):
            self._person.tell(_row(str(number), one.name, str(one.total), _whose(one, self._me)))
        self._person.tell("")

    def _source(self, text: str) -> Chosen:
        """Return the source that *text* means; a SyncError if it cannot be read."""
        if text.lower() == "liked":
            self._read_liked()
            return Chosen("liked", "Liked Songs")
        key = playlist_id(self._link(text))
        try:
            head = self._playlists.head(key)
        except NotFound:
            if is_spotify_made(key):
                raise SourceSpotifyMade(playlist_uri(key)) from None
            raise
        if not head.readable:
            raise (SourceSpotifyMade if is_spotify_made(key) else SourceNotReadable)(playlist_uri(key))
        return Chosen(LINK + key, head.name)

    def _read_liked(self) -> None:
        """See that Liked Songs can be read; if that was not agreed to when signing in, ask for it now."""
        try:
            self._sources.page(LikedSongs(), 0)
        except MissingScope as error:
            self._person.tell(f"{error}.")
            self._consent()
            self._connect()
            self._sources.page(LikedSongs(), 0)

    def _target(self, source: Chosen) -> Chosen:
        if self._options.create is not None:
            return Chosen("", self._options.create)

        def chosen(text: str) -> Chosen:
            if text.lower() == "new":
                usual = f"{source.name} archive"
                return Chosen("", self._person.ask(f"Its name [{usual}]") or usual)
            key = playlist_id(self._link(text))
            if LINK + key == source.value:
                raise _Unfit("that is the source: the target is another playlist")
            head = self._playlists.head(key)
            if not head.readable:
                raise TargetNotWritable(playlist_uri(key))
            return Chosen(LINK + key, head.name)

        return self._asked("Target (a number, a link, or 'new' to make one)", "--target", self._options.target, chosen)

    def _link(self, text: str) -> str:
        """Return what the number *text* stands for in the list that was shown; *text* if it is no number."""
        if not _NUMBER.fullmatch(text):
            return text
        if not 0 < int(text) <= len(self._library):
            raise _Unfit(f"there is no number {text} in the list")
        return self._library[int(text) - 1].id

    def _asked(self, question: str, option: str, given: str | None, fitting: Callable[[str], Chosen]) -> Chosen:
        """Return what is chosen by *option*, or in answer to *question*: asked again until the answer is *fitting*."""
        if given is None and not self._person.present:
            raise click.UsageError(f"there is no terminal to ask in: pass {option}")
        for _ in range(TRIES):
            try:
                return fitting(self._person.ask(question) if given is None else given)
            except (NotAPlaylist, _Unfit) as error:
                if given is not None:
                    raise click.UsageError(f"{option}: {error}") from None
                self._person.tell(f"  {error}.")
            except (NotFound, SourceNotReadable, SourceSpotifyMade, TargetNotWritable) as error:
                if given is not None:
                    raise
                self._person.tell(f"  {error}.", f"  -> {error.hint}")
        raise click.UsageError(f"{TRIES} answers did not fit: look at your playlists and run `syncer init` again")

    # --- what changes something ---

    def _confirm(self, source: Chosen, target: Chosen) -> None:
        path = self._options.path
        doing = "put the pair into" if self._held else "write over" if os.path.lexists(path) else "write"
        making = "" if target.value else f"make the private playlist {shorten(target.name)} and "
        self._person.explain("", f"From {shorten(source.name)} to {shorten(target.name)}.")
        if not self._agreed(f"Now {making}{doing} {path}?"):
            raise click.Abort

    def _made(self, name: str) -> str:
        """Make the playlist *name*, once; one made by an earlier try is found by name and mark (contract §4.3)."""
        if found := self._found(name):
            self._person.explain(f"{shorten(name)} was made by an earlier `syncer init`: it is used.")
            return found
        try:
            return self._playlists.create(name, public=False, description=MARK)
        except UnclearAdd:
            return self._waited_for(name)

    def _waited_for(self, name: str) -> str:
        clock = bootstrap.SystemClock(Stop())
        ends = clock.monotonic() + bootstrap.settle_seconds(self._environ)
        self._person.explain(f"Spotify did not say whether it made {shorten(name)}: looking for it.")
        while not (found := self._found(name)):
            if clock.monotonic() >= ends:
                hint = "run `syncer init` again in some minutes: if it was made after all, it is used"
                raise Temporary(f"Spotify did not say whether it made {shorten(name)}, and does not show it", hint=hint)
            clock.sleep(LOOK_EVERY)
        return found

    def _found(self, name: str) -> str | None:
        own = (one for one in self._listed() if one.owner == self._me and one.name == name)
        return next((one.id for one in own if MARK in one.description), None)

    def _write(self, source: Chosen, target: Chosen) -> None:
        path, held = self._options.path, self._held
        name = _name(source.name)
        fields = {"name": name, "source": source.value, "target": target.value}
        if not name or name in {pair.name for pair in (held.pairs if held else ())}:
            del fields["name"]
        if held is None:
            raw = _text(source, target, fields).encode()
            config.load(path, raw)
            (editing.write if os.path.lexists(path) else editing.create)(path, raw)
        else:
            several = len(held.accounts) > 1 or self._account.name != DEFAULT_ACCOUNT
            editing.put_in(path, fields | ({"account": self._account.name} if several else {}))
        self._person.explain(f"Written: {path}")


class _Unfit(ValueError):
    """An answer that means nothing here."""


def _whose(one: Listed, me: str) -> str:
    if one.owner == me:
        return "yours"
    if one.collaborative:
        return "shared with you"
    return "made by Spotify" if is_spotify_made(one.id) else f"by {one.owner_name or one.owner}"


def _row(number: str, name: str, total: str, whose: str) -> str:
    """Return a line of at most 80 columns."""
    first, second, third = _COLUMNS
    return f"{number:>{first}}  {_fit(name, second)}  {total:>{third}}  {_fit(whose, 80 - sum(_COLUMNS) - 7).rstrip()}"


def _fit(text: str, columns: int) -> str:
    """Return *text* as wide as *columns* on a terminal, where the letters of some scripts take two."""
    shown = ""
    for char in report.visible(text):
        width = 2 if unicodedata.east_asian_width(char) in "WF" else 0 if unicodedata.combining(char) else 1
        if width > columns:
            break
        shown, columns = shown + char, columns - width
    return shown + " " * columns


def _name(text: str) -> str:
    """Return *text* as the name of a pair; empty if it has no letters for one."""
    letters = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode().lower()
    return re.sub(r"[^a-z0-9]+", "-", letters).strip("-")[:64].rstrip("-")


def _text(source: Chosen, target: Chosen, fields: Mapping[str, str]) -> str:
    """Return the text of a config with one pair."""
    about = f"  # From {_comment(source.name)} into {_comment(target.name)}."
    return "".join(f"{line}\n" for line in (*_ABOVE, about, *editing.lines_of(fields), *_BELOW))


def _comment(text: str) -> str:
    return "".join(char for char in text if char.isprintable())[:30] or "a playlist"


_ABOVE: Final = """\
# Which playlists to keep in step. Each pair copies one way: whatever the source has and the target lacks
# is added at the end of the target. Nothing is ever removed, moved or added twice.
#
#   syncer validate             checks this file
#   syncer plan                 shows what would be added, and adds nothing
#   syncer run                  adds it
#   syncer add SOURCE TARGET    puts another pair in here

pairs:""".splitlines()
_BELOW: Final = """\

# A source may be a list of sources, read in order; 'liked' stands for Liked Songs. 'enabled: false' skips a pair.
# All there is to set is told in the README.

# Options for every pair that does not set them itself:
# defaults:
#   max_additions: 200 # refuse to add more than this at once to a playlist that is not empty (1000)
""".splitlines(keepends=False)
