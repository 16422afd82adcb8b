"""What people see: tables and bars on a terminal, plain lines in a pipe, JSON for programs."""

import json
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Final

import click
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn
from rich.table import Column, Table
from rich.text import Text

from syncer import report
from syncer.bootstrap import NobodyWatches
from syncer.errors import ConfigError, Problem
from syncer.model import Config, Failure, Outcome, Pair, Report, Status
from syncer.ports import Watch

COLOURS: Final = {
    Status.ADDED: "green",
    Status.UNCHANGED: "green",
    Status.PARTIAL: "yellow",
    Status.NOT_TRIED: "yellow",
    Status.FAILED: "red",
}
LONGEST_NAME: Final = 30
"""Letters of a pair's name in a line, before it takes two."""
PATIENCE: Final = 1.0
"""Seconds that people wait without a sign of progress."""


class _Console(Console):
    """Text as it stands, and a cursor that is left alone: ended at once, we could not bring it back."""

    def __init__(self, *, stderr: bool = False) -> None:
        super().__init__(stderr=stderr, highlight=False, markup=False, emoji=False)

    def show_cursor(self, show: bool = True) -> bool:  # noqa: ARG002, FBT001, FBT002 - the signature is rich's
        return False

    @property
    def is_seen(self) -> bool:
        """Whether a person looks at it, on a terminal that can move its cursor."""
        return self.file.isatty() and not self.is_dumb_terminal


class Screen:
    """Where a command speaks: results on stdout, everything else on stderr."""

    def __init__(self, form: str, *, quiet: bool) -> None:
        self._json = form == "json"
        self._quiet = quiet
        self._out = _Console()
        self._err = _Console(stderr=True)

    def say(self, message: str) -> None:
        """Tell a person something beside the result."""
        if not self._quiet:
            _tell(message)

    @contextmanager
    def watching(self) -> Iterator[Watch]:
        """Show progress while something goes on, where there is a terminal to show it on."""
        if self._quiet or not self._err.is_seen:
            yield NobodyWatches()
            return
        columns = (
            TextColumn("{task.description}", table_column=Column(no_wrap=True, max_width=LONGEST_NAME)),
            BarColumn(bar_width=20),
            MofNCompleteColumn(),
            TextColumn("entries read"),
        )
        with Progress(*columns, console=self._err, transient=True) as progress:
            yield _Bar(progress)

    @contextmanager
    def counting(self, what: str) -> Iterator[Callable[[int, int], None]]:
        """Show how many *what* are done, from a second on, where there is a terminal to show it on."""
        columns = (BarColumn(bar_width=20), MofNCompleteColumn(), TextColumn(what))
        progress = Progress(*columns, console=self._err, transient=True)
        task, began = progress.add_task("", total=None), progress.get_time()

        def counted(done: int, total: int) -> None:
            progress.update(task, completed=done, total=total)
            if not self._quiet and self._err.is_seen and progress.get_time() - began > PATIENCE:
                progress.start()

        try:
            yield counted
        finally:
            if progress.live.is_started:  # else it would leave an empty line
                progress.stop()

    @property
    def is_json(self) -> bool:
        """Whether the result is for a program: one document, and nothing else on stdout."""
        return self._json

    def document(self, document: dict[str, Any]) -> None:
        """Show a result for a program."""
        _print_json(document)

    def line(self, text: str, *, style: str = "", matters: bool = False) -> None:
        """Show a line of a result for people, with its first word in *style*; all that *matters* if it is quiet."""
        if self._quiet and not matters:
            return
        shown = Text(report.visible(text))
        if self._out.is_seen:
            shown.stylize(style, 0, shown.plain.find(" "))
            self._out.print(shown)
        else:
            _print(shown.plain)

    def rows(self, names: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
        """Show *rows*: a table under *names* on a terminal, else a line each with tabs between."""
        shown = [[report.visible(cell) for cell in row] for row in rows]
        if not self._out.is_seen:
            _print("\n".join(map("\t".join, shown)))
            return
        table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="dim")
        for place, name in enumerate(names):
            table.add_column(name, overflow="fold", no_wrap=place == 0)
        for row in shown:
            table.add_row(*map(Text, row))
        self._out.print(table)

    def trouble(self, failure: Failure) -> None:
        """Tell what went wrong and what to do."""
        for line in report.advice(failure):
            _tell(line.strip())

    def show(self, result: Report) -> None:
        """Show what became of a run."""
        if self._json:
            _print_json(report.as_json(result))
            return
        self._warn(result.warnings)
        if result.problems:
            self._complain(result.problems, result.error.hint if result.error else "")
            return
        if result.dry_run and not self._quiet:
            _plans(result)
        if self._out.is_seen and not self._quiet:
            self._table(result)
        else:
            _print(report.as_text(result, only_trouble=self._quiet))

    def problems(self, error: ConfigError) -> None:
        """Show what is wrong with a config."""
        if self._json:
            _verdict(error.problems, ())
        else:
            self._complain(error.problems, error.hint)

    def valid(self, path: Path, settings: Config) -> None:
        """Show that a config holds."""
        if self._json:
            _verdict((), settings.warnings)
            return
        self._warn(settings.warnings)
        if not self._quiet:
            pairs = "1 pair" if len(settings.pairs) == 1 else f"{len(settings.pairs)} pairs"
            _print(f"{report.visible(str(path))}: {pairs}, no problem found")

    @staticmethod
    def _warn(warnings: Sequence[object]) -> None:
        for warning in warnings:
            _tell(f"warning: {report.visible(str(warning))}")

    @staticmethod
    def _complain(problems: Sequence[Problem], hint: str) -> None:
        for problem in problems:
            _tell(report.complaint(problem))
        _tell(f"-> {hint}")

    def _table(self, result: Report) -> None:
        table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="dim")
        table.add_column("pair", overflow="fold", max_width=LONGEST_NAME)
        table.add_column("status", no_wrap=True)
        table.add_column("items")
        for outcome in result.outcomes:
            table.add_row(*_row(outcome, dry_run=result.dry_run))
        self._out.print(table)
        for failure, names in report.troubles(result).items():
            self._out.print(Text(f"\n{', '.join(names) or 'the whole run'}:", style="yellow"))
            for line in report.advice(failure):
                self._out.print(Text(line.strip()), width=self._out.width)
        self._out.print(Text(f"\n{report.summary(result)}", style="dim"))


def _row(outcome: Outcome, *, dry_run: bool) -> tuple[Text, Text, Text]:
    style = COLOURS.get(outcome.status, "dim")
    status = Text(report.words(outcome.status, dry_run=dry_run), style=style)
    return Text(outcome.pair.name), status, Text(", ".join(report.counts(outcome, dry_run=dry_run)))


def _plans(result: Report) -> None:
    for outcome in result.outcomes:
        if text := report.plan_as_text(outcome):
            _print(f"{outcome.pair.name}:\n{text}\n")


def _verdict(problems: Sequence[Problem], warnings: Sequence[Problem]) -> None:
    _print_json(
        {
            "ok": not problems,
            "problems": report.problems_as_json(problems),
            "warnings": report.problems_as_json(warnings),
        }
    )


def _print_json(document: dict[str, Any]) -> None:
    _print(json.dumps(document, indent=2))


def _print(text: str) -> None:
    """Write a result. If whoever read it has gone, the exit code still says what became of the run."""
    if text:
        with suppress(BrokenPipeError):
            click.echo(text, file=sys.stdout)  # named, or click sends UTF-8 to a terminal that has ASCII


def _tell(message: str) -> None:
    """Write a message. It may come from a signal handler, and must not fail what it is about."""
    with suppress(OSError, RuntimeError):
        click.echo(message, file=sys.stderr)


class _Bar:
    """Shows how far the playlist that is being read has got, under the name of its pair."""

    def __init__(self, progress: Progress) -> None:
        self._progress = progress
        self._task: TaskID | None = None

    def starting(self, pair: Pair) -> None:
        if self._task is not None:
            self._progress.remove_task(self._task)
        self._task = self._progress.add_task(pair.name, total=None)

    def reading(self, _what: str, done: int, total: int) -> None:
        if self._task is not None:
            self._progress.update(self._task, completed=done, total=total)

    def ended(self, outcome: Outcome) -> None:
        pass
