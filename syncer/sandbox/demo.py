"""The job on made-up playlists: shown once from start to end, or served for whoever wants to play."""

import json
import shlex
import signal
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import click

from syncer import bootstrap, config
from syncer.cli.terminal import Screen
from syncer.model import Config, Report, Request, Status
from syncer.sandbox import Playlist, SandboxServer, World, episode, local, track
from syncer.sandbox.furnishing import furnish

LATENCY: Final = 0.05
"""Seconds a request takes in the demo, so that there is something to watch."""
SETTLE: Final = "2"
"""Seconds after which this Spotify has surely done what it was sent; the real one takes longer."""
FIRST: Final = {
    "discover-weekly": Status.ADDED,
    "liked-songs": Status.ADDED,
    "a-friends-party": Status.FAILED,
    "spotifys-own-list": Status.FAILED,
}
SECOND: Final = {
    "discover-weekly": Status.UNCHANGED,
    "liked-songs": Status.UNCHANGED,
    "a-friends-party": Status.NOT_SELECTED,
    "spotifys-own-list": Status.NOT_SELECTED,
}
NEW: Final = 7
"""Tracks in this week's list that the archive lacks."""
CONFIG: Final = """\
pairs:
  - name: discover-weekly            # your own copy of this week's list
    source: https://open.spotify.com/playlist/{week}
    target: https://open.spotify.com/playlist/{archive}
  - name: liked-songs
    source: liked
    target: https://open.spotify.com/playlist/{loved}
  - name: a-friends-party            # someone else's playlist
    source: https://open.spotify.com/playlist/{party}
    target: https://open.spotify.com/playlist/{archive}
  - name: spotifys-own-list          # Discover Weekly itself
    source: https://open.spotify.com/playlist/{made}
    target: https://open.spotify.com/playlist/{archive}
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Stage:
    """A small world and a config for it. ``archive`` is where the weeks go."""

    world: World
    config: str
    archive: Playlist


def stage() -> Stage:
    """Return the stage as it is before the first run."""
    world = World()
    archived = [track(number, "weeks") for number in range(120)]
    fresh = [track(number, "week 47") for number in range(NEW)]
    friend = world.add_user("friend", "A friend")
    liked = [track(number, "liked") for number in range(160)]
    archive = world.playlist("Discover archive", items=archived)
    playlists = {
        "week": world.playlist("This week", items=[*archived[98:], *fresh, fresh[0], None, local(1)]),
        "archive": archive,
        "loved": world.playlist("Everything I ever liked", items=liked[40:]),
        "party": world.playlist("A friend's party", tracks=25, owner=friend),
        "made": world.playlist("Discover Weekly", tracks=30, owner="spotify", id="37i9dQZEVXcSandboxList"),
    }
    world.like([*liked, episode(1)])
    furnish(world, playlists["made"])
    links = {name: playlist.id for name, playlist in playlists.items()}
    return Stage(world=world, config=CONFIG.format_map(links), archive=archive)


@contextmanager
def _served(shown: Stage, *, latency: float, port: int = 0) -> Iterator[Mapping[str, str]]:
    """Serve the stage and yield the environment in which `syncer` finds it."""
    sign_in = shown.world.sign_in()
    credentials = {
        "spotify_client_id": shown.world.app.client_id,
        "spotify_client_secret": shown.world.app.client_secret,
        "refresh_token": sign_in.refresh_token,
        "authorized_at": datetime.now(UTC).date().isoformat(),
    }
    with (
        _server(shown.world, latency=latency, port=port) as at,
        tempfile.TemporaryDirectory(prefix="syncer-") as folder,
    ):
        paths = {name: Path(folder, name) for name in ("config.yaml", "credentials.json", "state.sqlite3")}
        paths["config.yaml"].write_text(shown.config, encoding="utf-8")
        paths["credentials.json"].touch(mode=0o600)
        paths["credentials.json"].write_text(json.dumps(credentials), encoding="utf-8")
        yield {
            "SPOTIFY_API_URL": at.api_url,
            "SPOTIFY_ACCOUNTS_URL": at.accounts_url,
            "SYNCER_CONFIG": str(paths["config.yaml"]),
            "SYNCER_CREDENTIALS_FILE": str(paths["credentials.json"]),
            "SYNCER_STATE": f"file:{paths['state.sqlite3']}",
            "SYNCER_SETTLE_SECONDS": SETTLE,
        }


def _server(world: World, *, latency: float, port: int) -> SandboxServer:
    try:
        return SandboxServer(world, latency=latency, port=port)
    except OSError as error:
        raise click.UsageError(f"port {port} cannot be used: {error.strerror}") from None


def demonstrate(screen: Screen) -> int:
    """Run the config of the stage, and then what of it works once more; 0 if all went as it should."""
    shown = stage()
    with _served(shown, latency=LATENCY) as environ:
        settings = replace(config.load(Path(environ["SYNCER_CONFIG"])), warnings=())  # the report says it better
        _tell(
            "A make-believe Spotify now runs on this machine, and the syncer talks to it over",
            "HTTP. This is the config:\n",
            CONFIG.format_map(_Shortened()),
            "First run: what is new is added, what is there already is skipped, and what",
            "Spotify does not allow is explained.\n",
        )
        first = _run(screen, settings, environ)
        _tell(
            f"\nThe last {NEW} tracks of {shown.archive.name!r}, as Spotify has them now:\n",
            *_last(shown.archive),
            "\nSecond run, of the pairs that work: nothing is new, nothing is added twice.\n",
        )
        names = tuple(name for name, status in SECOND.items() if status is Status.UNCHANGED)
        second = _run(screen, settings, environ, Request(names=names))
        _tell("\nNext: README.md says how to point it at your own playlists.")
    return 0 if (_statuses(first), _statuses(second)) == (FIRST, SECOND) else 1


class _Shortened(dict[str, str]):
    """Shows where an id stands without 22 letters of noise."""

    def __missing__(self, name: str) -> str:
        return f"<{name}>"


def _last(archive: Playlist) -> Iterator[str]:
    for entry in archive.entries[-NEW:]:
        if entry.media:
            yield f"  {', '.join(entry.media.artists)}: {entry.media.name}"


def _tell(*lines: str) -> None:
    for line in lines:
        click.echo(line, file=sys.stdout)


def _run(screen: Screen, settings: Config, environ: Mapping[str, str], request: Request | None = None) -> Report:
    with screen.watching() as watch:
        result = bootstrap.service(environ, watch=watch).run(settings, request)
    screen.show(result)
    return result


def _statuses(result: Report) -> dict[str, Status]:
    return {outcome.pair.name: outcome.status for outcome in result.outcomes}


def serve(*, port: int, latency: float) -> int:
    """Serve the stage until a signal ends it."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        with _served(stage(), latency=latency, port=port) as environ:
            for name, value in environ.items():
                click.echo(f"export {name}={shlex.quote(value)}")
            click.echo("The sandbox is open. Paste these lines into another terminal and try", err=True)
            click.echo("`syncer plan` there. Ctrl-C closes it.", err=True)
            signal.pause()
    except KeyboardInterrupt:
        click.echo("The sandbox is closed.", err=True)
    return 0
