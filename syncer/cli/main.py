"""The ``syncer`` command: options in, an exit code out."""

import os
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import Any, Final, TextIO

import click

from syncer import __version__, bootstrap, config, report
from syncer.budget import Stop
from syncer.cli import completion, debuglog
from syncer.cli.terminal import Screen
from syncer.errors import ConfigError
from syncer.model import DEFAULT_ACCOUNT, Chosen, Request

BUG: Final = 1
USAGE: Final = 2
SIGNALLED: Final = 128
"""What a shell adds to the number of the signal that ended a command."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Common:
    """Options that may stand before the command as well as after it."""

    config_path: Path | None
    quiet: bool


class _App(click.Group):
    """Lists commands in the order a newcomer needs them."""

    def list_commands(self, _context: click.Context) -> list[str]:
        return list(self.commands)


def _common(command: Callable[..., int]) -> Callable[..., int]:
    config_option = click.option(
        "--config",
        "config_path",
        type=click.Path(path_type=Path),
        help="The config to use.  [default: $SYNCER_CONFIG, then config/config.yaml]",
    )
    quiet_option = click.option("--quiet", "-q", is_flag=True, help="No progress; report only what went wrong.")
    return config_option(quiet_option(command))


_format = click.option(
    "--format",
    "form",
    type=click.Choice(["text", "json"]),
    default="text",
    show_default=True,
    help="For people or for programs.",
)
_pair = click.option(
    "--pair",
    "names",
    multiple=True,
    metavar="NAME",
    shell_complete=completion.pairs,
    help="Only this pair (repeatable).",
)


@click.group(cls=_App, invoke_without_command=True, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, "-V", "--version", prog_name="syncer", message="%(prog)s %(version)s")
@_common
@click.pass_context
def cli(context: click.Context, config_path: Path | None, *, quiet: bool) -> int:
    """Keep Spotify playlists in step.

    What a source has and its target lacks is added at the end of the target, each track once. No run removes anything.

    \b
    Try it without an account:    syncer demo
    Set up the first pair:        syncer init
    Check the config:             syncer validate
    See what would be added:      syncer plan
    Add it:                       syncer run
    Complete names with Tab:      eval "$(_SYNCER_COMPLETE=bash_source syncer)"
    """
    context.obj = _Common(config_path=config_path, quiet=quiet)
    if context.invoked_subcommand is None:
        if config_path is not None:
            return int(context.invoke(run))
        click.echo(context.get_help())
    return 0


@cli.command()
@_common
@_pair
@click.option("--dry-run", is_flag=True, help="Only say what would be added, like `syncer plan`.")
@_format
@click.pass_obj
def run(
    common: _Common, config_path: Path | None, names: tuple[str, ...], form: str, *, quiet: bool, dry_run: bool
) -> int:
    """Add what each target lacks, in source order.

    \b
    Example: syncer run --pair discover-weekly
    """
    screen = Screen(form, quiet=quiet or common.quiet)
    return _sync(screen, config_path or common.config_path, Request(names=names), dry_run=dry_run)


@cli.command()
@_common
@_pair
@_format
@click.pass_obj
def plan(common: _Common, config_path: Path | None, names: tuple[str, ...], form: str, *, quiet: bool) -> int:
    """Show what `run` would add, and why it skips the rest.

    Item by item. Reads from Spotify, and changes nothing.

    \b
    Example: syncer plan --pair discover-weekly
    """
    screen = Screen(form, quiet=quiet or common.quiet)
    return _sync(screen, config_path or common.config_path, Request(names=names), dry_run=True)


def _sync(screen: Screen, config_path: Path | None, request: Request, *, dry_run: bool) -> int:
    with _stoppable(screen) as stop:
        try:
            settings = config.load(config_path or bootstrap.config_path())
            with screen.watching() as watch:
                service = bootstrap.service(
                    state=settings.state, watch=watch, stop=stop, to_create=settings.makes_playlists
                )
                result = (service.plan if dry_run else service.run)(settings, request)
        except ConfigError as error:
            result = bootstrap.nothing_ran(error, dry_run=dry_run)
        screen.show(result)
    code = report.exit_code(result)
    if code == BUG:
        screen.say(debuglog.where())
    return code


@cli.command()
@_common
@_format
@click.pass_obj
def validate(common: _Common, config_path: Path | None, form: str, *, quiet: bool) -> int:
    """Check the config and list every problem at once.

    Contacts nobody.

    \b
    Example: syncer validate --config config/config.yaml
    """
    path = config_path or common.config_path or bootstrap.config_path()
    screen = Screen(form, quiet=quiet or common.quiet)
    try:
        settings = config.load(path)
    except ConfigError as error:
        screen.problems(error)
        return USAGE
    screen.valid(path, settings)
    return 0


@cli.command("init")
@_common
@click.option("--client-id", metavar="ID", help="The app to sign in with; its secret is asked for, or piped in.")
@click.option("--source", metavar="LINK", help="A playlist, or 'liked'.")
@click.option("--target", metavar="LINK", help="A playlist of yours.")
@click.option("--create", metavar="NAME", help="Make a private playlist to be the target.")
@click.option("--yes", is_flag=True, help="Do not ask before writing.")
@click.option("--force", is_flag=True, help="Write over a config that is there.")
@click.option("--no-browser", is_flag=True, help="Print the address to open, and take the one it ends at.")
@click.pass_obj
def init_(common: _Common, /, config_path: Path | None, *, quiet: bool, **answers: Any) -> int:
    """Set up the first pair, from sign-in to plan.

    Asks for what the options do not say. Reads from Spotify, and changes nothing there but for a target that it makes.

    \b
    Example: syncer init --source liked --create "Liked archive"
    """
    from syncer.cli import setup  # noqa: PLC0415 - loaded by those who ask for it

    path = config_path or common.config_path or bootstrap.config_path()
    screen = Screen("text", quiet=quiet or common.quiet)
    code = setup.init(setup.Options(path=path, quiet=quiet or common.quiet, **answers))
    if code == 0:
        code = _sync(screen, path, Request(), dry_run=True)
        where = "" if path == bootstrap.config_path() else f" --config {path}"
        screen.say(f"-> `syncer run{where}` adds it" if code == 0 else f"-> when that is mended: `syncer run{where}`")
    return code


@cli.command()
@_common
@click.argument("source")
@click.argument("target")
@click.option("--name", metavar="NAME", help="What reports call the pair.  [default: made from the two ids]")
@click.option(
    "--account",
    metavar="NAME",
    shell_complete=completion.accounts,
    help="The account, of those in the config, that reads and writes.",
)
@click.option("--max-additions", type=int, metavar="N", help="Refuse to add more at once to what is not empty.")
@click.pass_obj
def add(
    common: _Common,
    config_path: Path | None,
    source: str,
    target: str,
    *,
    name: str | None,
    account: str | None,
    max_additions: int | None,
    quiet: bool,
) -> int:
    """Add a pair to the config.

    SOURCE is a playlist (link, URI or id), an album, an artist or a show (link or URI), 'liked', 'saved_albums',
    'saved_episodes', 'recently_played' or 'queue', TARGET a playlist. Comments and layout stay. Contacts nobody.

    \b
    Example: syncer add liked 2mULMNIOjAkmgJvE6J7YhL
    """
    from syncer.cli import editing  # noqa: PLC0415 - loaded by those who ask for it

    fields = editing.fields_of(source, target, name=name, account=account, max_additions=max_additions)
    path = config_path or common.config_path or bootstrap.config_path()
    return editing.add(path, fields, Screen("text", quiet=quiet or common.quiet))


@cli.command()
@_common
@click.option(
    "--account",
    default=DEFAULT_ACCOUNT,
    show_default=True,
    metavar="NAME",
    shell_complete=completion.accounts,
    help="Whose sign-in this is.",
)
@click.option("--secret", metavar="NAME", help="Store in this secret of AWS; it is made if there is none.")
@click.option("--client-id", metavar="ID", help="Use this app rather than the stored one; its secret is asked for.")
@click.option("--no-browser", is_flag=True, help="Print the address to open, and take the one it ends at.")
@click.option("--capture", is_flag=True, help="Also to play a list on a device, for `syncer capture`.")
@click.pass_obj
def login(
    common: _Common,
    config_path: Path | None,
    account: str,
    secret: str | None,
    client_id: str | None,
    *,
    quiet: bool,
    no_browser: bool,
    capture: bool,
) -> int:
    """Sign in to Spotify in the browser and store that.

    Also every six months, or for another scope.

    \b
    Example: syncer login --account anna
    """
    from syncer.cli import login  # noqa: PLC0415 - takes long to import

    options = login.Options(
        account=account,
        secret=secret,
        client_id=client_id,
        no_browser=no_browser,
        config_path=config_path or common.config_path,
        quiet=quiet or common.quiet,
        capture=capture,
    )
    return login.login(options)


@cli.command()
@_common
@_format
@click.pass_obj
def doctor(common: _Common, config_path: Path | None, form: str, *, quiet: bool) -> int:
    """Find what is in the way of a run, and what mends it.

    Looks at the config, the state, every sign-in, and every playlist of the pairs. Changes nothing.

    \b
    Example: syncer doctor
    """
    from syncer.cli import doctor  # noqa: PLC0415 - loaded by those who ask for it

    screen = Screen(form, quiet=quiet or common.quiet)
    with _stoppable(screen) as stop:
        return doctor.examine(config_path or common.config_path or bootstrap.config_path(), screen, stop)


@cli.command()
@_common
@click.option(
    "--account",
    default=DEFAULT_ACCOUNT,
    show_default=True,
    metavar="NAME",
    shell_complete=completion.accounts,
    help="Whose playlists.",
)
@_format
@click.pass_obj
def playlists(common: _Common, config_path: Path | None, account: str, form: str, *, quiet: bool) -> int:
    """List your playlists, and what each can be used for.

    Id, name, owner, size, and whether it can be a source and a target. In a pipe: a line each, with tabs between.

    \b
    Example: syncer playlists
    """
    from syncer.cli import doctor  # noqa: PLC0415 - loaded by those who ask for it

    screen = Screen(form, quiet=quiet or common.quiet)
    with _stoppable(screen) as stop:
        return doctor.playlists(account, config_path or common.config_path, screen, stop)


@cli.command()
@_common
@click.argument("link", metavar="[LIST]", required=False)
@click.option("--pair", metavar="NAME", required=True, shell_complete=completion.pairs, help="What gets the tracks.")
@click.option("--device", metavar="NAME", help="Where to play it, if several are open and none is active.")
@click.option("--restore", is_flag=True, help="Only put back what an earlier capture could not.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@_format
@click.pass_obj
def capture(
    common: _Common,
    config_path: Path | None,
    *,
    link: str | None,
    pair: str,
    device: str | None,
    restore: bool,
    yes: bool,
    form: str,
    quiet: bool,
) -> int:
    """Play a list to find out what is in it.

    For lists that Spotify makes, and shows to no new app. Asks first, plays LIST (a link) unheard on a device of yours
    where Spotify is open, puts back what played before, and runs the pair with what was found as its source.

    \b
    Example: syncer capture 37i9dQZEVXcQ9COmYvdajy --pair discover-weekly
    """
    from syncer.cli import capture  # noqa: PLC0415 - loaded by those who ask for it

    screen = Screen(form, quiet=quiet or common.quiet)
    path = config_path or common.config_path or bootstrap.config_path()
    asked = capture.Asked(link=link, pair=pair, device=device, yes=yes, restore=restore)
    return capture.capture(path, screen, lambda: _stoppable(screen), asked)


@cli.command()
@_common
@click.option("--pair", metavar="NAME", shell_complete=completion.pairs, help="Only what this pair added.")
@click.option("--limit", type=click.IntRange(0), default=20, show_default=True, help="Items to list one by one.")
@click.option(
    "--html", type=click.Path(path_type=Path, dir_okay=False), metavar="FILE", help="Write it as a page for a browser."
)
@_format
@click.pass_obj
def history(
    common: _Common,
    config_path: Path | None,
    *,
    pair: str | None,
    limit: int,
    html: Path | None,
    form: str,
    quiet: bool,
) -> int:
    """Show what was added, week by week.

    And the latest items, with the runs that added them. Contacts nobody.

    \b
    Example: syncer history --pair discover-weekly
    """
    from syncer.cli import record  # noqa: PLC0415 - loaded by those who ask for it

    path = config_path or common.config_path or bootstrap.config_path()
    return record.history(path, Screen(form, quiet=quiet or common.quiet), pair=pair, limit=limit, html=html)


@cli.command()
@_common
@click.argument("item")
@_format
@click.pass_obj
def why(common: _Common, config_path: Path | None, item: str, form: str, *, quiet: bool) -> int:
    """Tell why an item was added, or is not.

    ITEM is a link to a track or an episode, or its URI. Goes by the record and by what was read last; contacts nobody.

    \b
    Example: syncer why https://open.spotify.com/track/4iV5W9uYEdYUVa79Axb7Rh
    """
    from syncer.cli import record  # noqa: PLC0415 - loaded by those who ask for it

    path = config_path or common.config_path or bootstrap.config_path()
    return record.why(path, Screen(form, quiet=quiet or common.quiet), item=item)


_of_pair = click.option("--pair", metavar="NAME", shell_complete=completion.pairs, help="Only for this pair.")


@cli.command()
@_common
@click.argument("run", required=False)
@_of_pair
@click.option("--last", is_flag=True, help="Without RUN: the last run that added something for that pair.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@_format
@click.pass_obj
def undo(
    common: _Common,
    config_path: Path | None,
    run: str | None,
    *,
    pair: str | None,
    last: bool,
    yes: bool,
    form: str,
    quiet: bool,
) -> int:
    """Take out again what a run added.

    Shows it and asks first. What somebody else added stays. What is taken out stays out, until `redo`. RUN is in every
    report, and in `syncer history`.

    \b
    Example: syncer undo 2026-11-22T06:00:00Z-7f3a
    Example: syncer undo --pair discover-weekly --last
    """
    from syncer.cli import record  # noqa: PLC0415 - loaded by those who ask for it

    screen = Screen(form, quiet=quiet or common.quiet)
    path = config_path or common.config_path or bootstrap.config_path()
    return record.undo(path, screen, lambda: _stoppable(screen), _chosen("undo", run, pair, last=last), yes=yes)


@cli.command()
@_common
@click.argument("run", required=False)
@_of_pair
@click.option("--last", is_flag=True, help="Without RUN: the last run that was undone for that pair.")
@click.option("--yes", is_flag=True, help="For scripts: it never asks.")
@_format
@click.pass_obj
def redo(
    common: _Common,
    config_path: Path | None,
    run: str | None,
    *,
    pair: str | None,
    last: bool,
    yes: bool,  # noqa: ARG001 - taken like undo's, so that a script need not tell the two apart
    form: str,
    quiet: bool,
) -> int:
    """Add again what `undo` took out.

    RUN is the one that was undone.

    \b
    Example: syncer redo 2026-11-22T06:00:00Z-7f3a
    Example: syncer redo --pair discover-weekly --last
    """
    from syncer.cli import record  # noqa: PLC0415 - loaded by those who ask for it

    screen = Screen(form, quiet=quiet or common.quiet)
    path = config_path or common.config_path or bootstrap.config_path()
    return record.redo(path, screen, lambda: _stoppable(screen), _chosen("redo", run, pair, last=last))


def _chosen(action: str, run: str | None, pair: str | None, *, last: bool) -> Chosen:
    if (run is None) != last or (last and pair is None):
        raise click.UsageError(f"say which run to {action}: RUN, or --pair NAME --last")
    return Chosen(run=run, pair=pair)


@cli.command()
def demo() -> int:
    """Watch the whole job on made-up playlists.

    Needs no account, no network and no settings.

    \b
    Example: syncer demo
    """
    from syncer.sandbox.demo import demonstrate  # noqa: PLC0415 - loaded by those who ask for it

    return demonstrate(Screen("text", quiet=False))


@cli.command()
@click.option("--port", type=click.IntRange(0, 65535), default=0, help="Where to listen.  [default: any free port]")
@click.option("--latency", type=click.FloatRange(0, 60), default=0.0, help="Seconds that each request takes.")
def sandbox(port: int, latency: float) -> int:
    """Serve a make-believe Spotify on this machine.

    Prints the variables that let other commands find it, in another terminal, until Ctrl-C ends it.

    \b
    Example: syncer sandbox --latency 0.2
    """
    from syncer.sandbox.demo import serve  # noqa: PLC0415 - loaded by those who ask for it

    return serve(port=port, latency=latency)


@contextmanager
def _stoppable(screen: Screen) -> Iterator[Stop]:
    """Let the first signal end the run after the request in flight, and the second end everything at once."""
    stop = Stop()
    former = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}

    def handle(number: int, _frame: FrameType | None) -> None:
        for each in former:
            signal.signal(each, signal.SIG_DFL)
        stop(number)
        screen.say("Stopping after the request in flight; once more stops at once.")

    for number in former:
        signal.signal(number, handle)
    try:
        yield stop
    finally:
        for number, handler in former.items():
            signal.signal(number, handler)


def main() -> None:
    """Run the command line and exit with a code of interface §2, whatever happens; never a traceback."""
    signal.signal(signal.SIGTERM, _terminated)
    for stream in (sys.stdout, sys.stderr):
        _forgive(stream)
    debuglog.start()
    code = _exit_code()
    for stream in (sys.stdout, sys.stderr):
        _let_go(stream)
    sys.exit(code)


def _terminated(number: int, _frame: FrameType | None) -> None:
    """End as on Ctrl-C: what was opened is closed, what was temporary is gone."""
    raise SystemExit(SIGNALLED + number)


def _forgive(stream: TextIO | Any) -> None:
    """Let a terminal that cannot show a character see its escape instead of killing us."""
    if hasattr(stream, "reconfigure"):
        stream.reconfigure(errors="backslashreplace")


def _let_go(stream: TextIO | None) -> None:
    """Drop what could not be written, or Python would try again on its way out and end with a code of its own."""
    if stream is None:  # it was closed before we began
        return
    try:
        stream.flush()
    except OSError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())


def _exit_code() -> int:
    try:
        return int(cli.main(standalone_mode=False, prog_name="syncer") or 0)
    except click.ClickException as error:
        error.show()
        return error.exit_code
    except (click.Abort, KeyboardInterrupt):
        return SIGNALLED + signal.SIGINT
    except SystemExit as ended:
        # 1 is click's way to say that whoever read its help has gone.
        return 0 if ended.code == 1 else int(ended.code or 0)
    except OSError as error:  # a full disk, a port in use: what we can foresee of them is a SyncError
        debuglog.log.warning("ended by the system", exc_info=True)
        click.echo(f"syncer: {report.visible(str(error))}", err=True)
        return BUG
    except Exception:  # noqa: BLE001 - the last guard: whatever it is, a person gets a sentence and a code
        click.echo(f"syncer: {debuglog.caught()}", err=True)
        return BUG
