"""``syncer capture``: play a list that Spotify shows to no app, and hand what is in it to a pair."""

import sys
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

import click

from syncer import bootstrap, config, report
from syncer.budget import Stop
from syncer.capturing import Capture, Left
from syncer.cli import debuglog
from syncer.cli.terminal import Screen
from syncer.errors import ConfigError, Interrupted, MissingScope, NotPlayable, Reach, SyncError, login_command
from syncer.ids import NotAPlaylist, PlaylistId, playlist_id, playlist_uri
from syncer.model import Captured, Config, Outcome, Pair, PlaylistSource, Report, Request, Source, Status
from syncer.restoring import Before, place, to_press
from syncer.service import selected

BUG: Final = 1
PERSON_NEEDED: Final = 3
WORSE: Final = (BUG, 2)
"""Codes that go before: our bug, and a config or a state that cannot be used."""
SIGNALLED: Final = 128

Stoppable = Callable[[], AbstractContextManager[Stop]]
"""Has a signal end what goes on inside after the request in flight."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What the command line says."""

    link: str | None
    pair: str
    device: str | None
    yes: bool
    restore: bool


def capture(path: Path, screen: Screen, stoppable: Stoppable, asked: Asked) -> int:
    """Capture a list and run its pair, or put back what a capture left; return the exit code."""
    playlist = _playlist(asked)
    if not asked.yes and not asked.restore and (screen.is_json or not sys.stdin.isatty()):
        raise click.UsageError("capture asks before it plays anything, and here it cannot: pass --yes")
    session = _Session(screen, stoppable, asked)
    try:
        settings = config.load(path)
        pair = _pair(settings, asked.pair)
    except ConfigError as error:
        return session.show(bootstrap.nothing_ran(error))
    try:
        result = session.run(settings, pair, playlist) if playlist else session.restore(settings, pair)
    except SyncError as error:
        if isinstance(error, MissingScope):  # a plain login does not ask for what only this needs
            error.hint = f"run `{login_command(error.account, '--capture')}` and agree to it"
        result = _not_run(settings, pair, error)
    return session.show(result) if result else 0


def _playlist(asked: Asked) -> PlaylistId | None:
    """Return the list to capture; None if there is only something to put back."""
    if (asked.link is None) != asked.restore:
        raise click.UsageError("say which list to capture, or pass --restore to put back what the last capture left")
    try:
        return None if asked.link is None else playlist_id(asked.link)
    except NotAPlaylist as error:
        raise click.BadParameter(str(error), param_hint="LIST") from None


def _pair(settings: Config, name: str) -> Pair:
    """Return the pair called *name*, enabled or not; ConfigError if there is none."""
    selected(settings, Request(names=(name,)))
    return next(pair for pair in settings.pairs if pair.name == name)


class _Session:
    """One ``syncer capture``, and what is to be told of it beside the result."""

    def __init__(self, screen: Screen, stoppable: Stoppable, asked: Asked) -> None:
        self._screen = screen
        self._stoppable = stoppable
        self._asked = asked
        self._requests: Counter[str] = Counter()
        self._warnings: list[str] = []
        self._press = ""
        """What a person has to do to have everything back."""

    def run(self, settings: Config, pair: Pair, playlist: PlaylistId) -> Report | None:
        """Find out what is in *playlist* and run *pair* with that as its source; None if somebody did not want it."""
        self._clear_up(settings, pair)
        source = self._source(settings, pair, playlist)
        if source is None:
            self._screen.say("Nothing was played.")
            return None
        readers = () if isinstance(source, Captured) else (_listener(pair),)
        changed = replace(pair, sources=(source,), readers=readers, enabled=True)
        pairs = tuple(changed if one is pair else one for one in settings.pairs)
        settings = replace(settings, pairs=pairs, warnings=())  # they are about the sources that it has else
        with self._stoppable() as stop, self._screen.watching() as watch:
            service = bootstrap.service(state=settings.state, watch=watch, stop=stop, to_create=changed.makes_playlists)
            return service.run(settings, Request(names=(pair.name,)))

    def restore(self, settings: Config, pair: Pair) -> Report | None:
        """Put back what the last capture of the account of *pair* left, and say so."""
        with self._open(settings, pair) as capturing:
            left = capturing.left_over()
            self._put_back(capturing, left)
        self._screen.say("What played before is back." if left else "There is nothing to put back.")
        if self._screen.is_json:
            self._screen.document({"ok": True, "exit_code": 0})
        return None

    def _clear_up(self, settings: Config, pair: Pair) -> None:
        """Put back what an earlier capture left, unless somebody does not want that."""
        with self._open(settings, pair) as capturing:
            left = capturing.left_over()
        if left is None:
            return
        told = (
            f"The last capture was ended before everything was back as it was ({to_press(left.before, left.changes)})."
        )
        wanted = self._agreed(told, "Put it back now?", default=True)
        with self._open(settings, pair) as capturing:
            if wanted:
                self._put_back(capturing, left)
            else:
                capturing.forget()

    def _put_back(self, capturing: Capture, left: Left | None) -> None:
        """Put back what an earlier capture has *left*; NotPlayable if a person has to."""
        still = capturing.restore(left) if left else None
        if still:
            self._press = to_press(still.before, still.changes)
            raise NotPlayable("what an earlier capture changed could not be put back", hint=self._press)

    def _source(self, settings: Config, pair: Pair, playlist: PlaylistId) -> Source | None:
        """Return the list as a source: as it can be read, or else what it was found to hold."""
        with self._open(settings, pair) as capturing:
            prospect = capturing.look(playlist, self._asked.device)
        if prospect.before is None:
            self._screen.say("Spotify lets this app read that list, so there is no need to play it.")
            return PlaylistSource(playlist)
        if not self._agreed(_announced(prospect.before), "Play it?", default=False):
            return None
        with self._open(settings, pair) as capturing:
            taken = capturing.capture(playlist, self._asked.device)
            self._warnings += taken.warnings
            if taken.left:
                self._press = to_press(taken.left.before, taken.left.changes)
                again = f"syncer capture --restore --pair {pair.name}"
                self._warnings.append(
                    f"what played before is not all back; in Spotify: {self._press}; or run `{again}`"
                )
        if taken.error:
            raise taken.error
        count = len(taken.items)
        self._warnings.append(
            f"{count} track{'' if count == 1 else 's'} of {playlist_uri(playlist)} found by playing it"
        )
        return Captured(playlist, taken.items)

    @contextmanager
    def _open(self, settings: Config, pair: Pair) -> Iterator[Capture]:
        """Have what captures as the listener of *pair*; Interrupted in the end if somebody wished to stop."""
        with self._stoppable() as stop, self._screen.counting("tracks found") as counted:
            capturing = bootstrap.capture(
                settings.account(_listener(pair)), state=settings.state, stop=stop, counted=counted
            )
            try:
                yield capturing
            finally:
                self._requests.update(capturing.requests)
        if stop.signal is not None:
            raise Interrupted(stop.signal)

    def _agreed(self, told: str, question: str, *, default: bool) -> bool:
        told = report.visible(told)
        if self._asked.yes:
            self._screen.say(told)
            return True
        return click.confirm(f"{told}\n{question}", default=default, err=True)

    def show(self, result: Report) -> int:
        """Show *result* and all that is to be told beside it; return the exit code."""
        result = replace(
            result,
            warnings=tuple(dict.fromkeys((*self._warnings, *result.warnings))),
            requests={host: count + self._requests[host] for host, count in result.requests.items()},
        )
        code = self._code(report.exit_code(result))
        if self._screen.is_json:
            for warning in self._warnings:
                self._screen.say(f"warning: {report.visible(warning)}")
            self._screen.document(report.as_json(result) | {"ok": code == 0, "exit_code": code})
        else:
            self._screen.show(result)
        if code == BUG:
            self._screen.say(debuglog.where())
        return code

    def _code(self, code: int) -> int:
        """Return *code*, or that a person must act if something is to be put back and nothing worse has happened."""
        return PERSON_NEEDED if self._press and code not in WORSE and code < SIGNALLED else code


def _listener(pair: Pair) -> str:
    """Return the account whose playback finds out what the source of *pair* holds."""
    return pair.reads[0][0]


def _announced(before: Before) -> str:
    """Say what is about to happen."""
    loud = "" if before.volume is not None else " It will be heard: apps cannot set how loud that device is."
    then = f"Then it goes back to {place(before)}" if before.item else "Then it stops"
    paused = ", paused" if before.item and not before.is_playing else ""
    return (
        f"To find out what is in {before.captured}, Spotify will play it on {before.device_name!r}"
        f"{'' if loud else ' with the volume at 0'} for about a minute.{loud} {then}{paused}."
    )


def _not_run(settings: Config, pair: Pair, error: SyncError) -> Report:
    """Return the report of a run that *error* kept from its only pair."""
    outcomes = [_outcome(one, error if one is pair else None) for one in settings.pairs]
    return replace(
        bootstrap.nothing_ran(error),
        outcomes=tuple(outcomes),
        error=report.failure(error) if error.reach is Reach.RUN else None,
        interrupted_by=error.signal if isinstance(error, Interrupted) else None,
    )


def _outcome(pair: Pair, error: SyncError | None) -> Outcome:
    if error is None:
        return Outcome(pair=pair, status=Status.NOT_SELECTED if pair.enabled else Status.DISABLED)
    status = Status.NOT_TRIED if error.reach is Reach.RUN else Status.FAILED
    return Outcome(pair=pair, status=status, error=report.failure(error))
