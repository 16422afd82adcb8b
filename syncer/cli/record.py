"""``syncer history``, ``why``, ``undo`` and ``redo``: the kept record, and what can be done by it."""

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Final

import click

from syncer import bootstrap, chronicle, config, recalling, report
from syncer.budget import Stop
from syncer.cli.terminal import Screen
from syncer.errors import ConfigError, SyncError
from syncer.ids import NotAnItem, item_uri
from syncer.model import Action, Chosen, Config, Reversal
from syncer.ports import StateStore
from syncer.service import Service

USAGE: Final = 2
COLUMNS: Final = ("pair", "week of", "added", "")
BAR: Final = 20
"""Letters of the longest bar."""

Stoppable = Callable[[], AbstractContextManager[Stop]]
"""Has a signal end what goes on inside after the request in flight."""


def history(path: Path, screen: Screen, *, pair: str | None, limit: int, html: Path | None = None) -> int:
    """Show what was added when, by which pair, or write it to *html* as a page; return the exit code."""

    def show() -> int:
        settings, state = _kept(path)
        if html:
            return _write_page(html, screen, settings, state, pair=pair)
        told = recalling.history(state, pair=pair, limit=limit)
        if screen.is_json:
            screen.document(chronicle.history_as_json(told))
            return 0
        if told.pairs:
            screen.rows(COLUMNS, chronicle.week_rows(told, width=BAR, ink=_ink()))
            screen.line("")
        for line in (*chronicle.latest_lines(told), chronicle.totals(told)):
            screen.line(line)
        return 0

    return _explained(screen, show)


def _write_page(html: Path, screen: Screen, settings: Config, state: StateStore, *, pair: str | None) -> int:
    from syncer.cli import page  # noqa: PLC0415 - loaded by those who ask for it

    shown = [one for one in settings.pairs if pair in (None, one.name)]
    facts = page.gather(
        recalling.history(state, pair=pair, limit=page.LATEST),
        replace(settings, pairs=tuple(shown)),
        state,
        stores=partial(bootstrap.credential_store, environ=os.environ),
        now=datetime.now(UTC),
    )
    try:
        html.write_text(page.page(facts), encoding="utf-8")
    except OSError as error:
        raise click.BadParameter(f"{html}: {error.strerror}", param_hint="--html") from None
    screen.say(f"written to {report.visible(str(html))}: open it in a browser")
    return 0


def why(path: Path, screen: Screen, *, item: str) -> int:
    """Show what is known of *item*, a URI or a link; return the exit code."""
    try:
        uri = item_uri(item)
    except NotAnItem as error:
        raise click.BadParameter(str(error), param_hint="ITEM") from None

    def show() -> int:
        told = recalling.why(*_kept(path), uri, now=datetime.now(UTC))
        if screen.is_json:
            screen.document(chronicle.why_as_json(told))
            return 0
        for line in chronicle.why_lines(told):
            screen.line(line)
        return 0

    return _explained(screen, show)


def undo(path: Path, screen: Screen, stoppable: Stoppable, chosen: Chosen, *, yes: bool) -> int:
    """Take out what was *chosen*, after it was shown and agreed to, or at once with *yes*; return the exit code."""
    if not yes and (screen.is_json or not sys.stdin.isatty()):
        raise click.UsageError("undo asks before it takes anything out, and here it cannot: pass --yes")

    def show_ask_and_do() -> int:
        settings, which = config.load(path), chosen
        if not yes:
            with _service(settings, screen, stoppable, to_undo=True) as service:
                shown = service.would_undo(settings, chosen)
            _show(screen, shown)
            if code := report.reversal_code(shown):
                return code
            if not _agreed(shown):
                screen.say("Nothing was changed.")
                return 0
            which = replace(chosen, run=shown.of)  # a run may have come in between
        with _service(settings, screen, stoppable, to_undo=True) as service:
            return _show(screen, service.undo(settings, which))

    return _explained(screen, show_ask_and_do)


def redo(path: Path, screen: Screen, stoppable: Stoppable, chosen: Chosen) -> int:
    """Add again what was undone of what was *chosen*; return the exit code."""

    def do() -> int:
        settings = config.load(path)
        with _service(settings, screen, stoppable) as service:
            return _show(screen, service.redo(settings, chosen))

    return _explained(screen, do)


def _explained(screen: Screen, do: Callable[[], int]) -> int:
    """Return the code of *do*, or say what kept it from anything."""
    try:
        return do()
    except ConfigError as error:
        screen.problems(error)
        return USAGE
    except SyncError as error:
        code = report.exit_code(bootstrap.nothing_ran(error))
        if screen.is_json:
            screen.document({"ok": False, "exit_code": code, "error": report.error_as_json(report.failure(error))})
        else:
            screen.trouble(report.failure(error))
        return code


def _kept(path: Path) -> tuple[Config, StateStore]:
    settings = config.load(path)
    return settings, bootstrap.state_store(os.environ, bootstrap.SystemClock(Stop()), configured=settings.state)


@contextmanager
def _service(settings: Config, screen: Screen, stoppable: Stoppable, *, to_undo: bool = False) -> Iterator[Service]:
    with stoppable() as stop, screen.watching() as watch:
        yield bootstrap.service(state=settings.state, watch=watch, stop=stop, to_undo=to_undo)


def _show(screen: Screen, reversal: Reversal) -> int:
    """Show what became of it; return its exit code."""
    code = report.reversal_code(reversal)
    if screen.is_json:
        screen.document(chronicle.reversal_as_json(reversal))
        return code
    for warning in reversal.warnings:
        screen.say(f"warning: {report.visible(warning)}")
    for line, matters in chronicle.reversal_lines(reversal):
        screen.line(line, matters=matters)
    if reversal.action is Action.UNDO and not reversal.dry_run and code == 0:
        screen.line(f"It stays out. To bring it back: syncer redo {reversal.of}")
    return code


def _agreed(shown: Reversal) -> bool:
    count = sum(len(part.done) for part in shown.parts)
    what = f"Take out {count} item{'' if count == 1 else 's'}?" if count else "Have nothing of it added again?"
    return click.confirm(what, default=False, err=True)


def _ink() -> str:
    """Return what bars are made of: blocks, where the output can show them."""
    try:
        "█".encode(sys.stdout.encoding or "ascii")
    except (UnicodeError, LookupError):
        return "#"
    return "█"
