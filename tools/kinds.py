"""Count what each kind of source costs: a first run, a run without news, and one after one new thing.

Only requests that read the source are counted: what a target costs is the same for all kinds. The limits are those of
docs/sources.md.
"""

import json
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from syncer.sandbox import Media, Playlist, World, episode, spotify_id, track
from tools.figures import Row
from tools.stage import Stage

ARTIST: Final = "Ada Marlow"
PLAYLIST: Final = spotify_id("playlist", "list")


@dataclass(frozen=True, slots=True)
class Place:
    """A world, and the folder of the config; what the kinds put there."""

    world: World
    folder: Path

    def listen(self, count: int, seed: str = "", *, at_once: bool = False) -> None:
        """Have tracks been heard from the playlist."""
        self.world.heard(_tracks(count, seed), self.playlist, every=0.0 if at_once else 180.0)

    @property
    def playlist(self) -> Playlist:
        """The one that there is beside the target."""
        return self.world.playlists[PLAYLIST]

    def release(self, *numbers: int) -> None:
        """Have an artist release something."""
        for number in numbers:
            name, released = f"release {number}", f"{2000 + number}-01-01"
            self.world.album(name, tracks=12, artists=(ARTIST,), released=released)

    def save_albums(self, *numbers: int, tracks: int = 12) -> None:
        self.world.save_albums([self.world.album(f"album {number}", tracks=tracks) for number in numbers])

    def save_a_long_one_too(self) -> None:
        self.save_albums(0, tracks=60)
        self.save_albums(*range(1, 45))

    def play(self) -> None:
        """Start the playlist."""
        self.world.add(self.playlist, _tracks(20))
        self.world.play(self.playlist)

    def publish(self, number: int) -> None:
        (show,) = self.world.shows.values()
        show.episodes.insert(0, episode(number))

    def write(self, *lines: str) -> None:
        """Write *lines* to the file."""
        (self.folder / "songs.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")

    def write_isrcs(self, count: int) -> None:
        self.world.know(*_tracks(count))
        self.write("ISRC", *(str(media.isrc) for media in _tracks(count)))


def _tracks(count: int, seed: str = "") -> list[Media]:
    return [track(number, seed) for number in range(count)]


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """A kind of source."""

    what: str
    source: object
    """How the config names it."""
    fill: Callable[[Place], object]
    renew: Callable[[Place], object] | None = None
    """Has one new thing come into it, where that is possible."""
    at_most: tuple[int, int, int]
    """Requests of a first run, of one without news, of one with one new thing."""


KINDS: Final = (
    Kind(
        what="a playlist of 320",
        source=f"spotify:playlist:{PLAYLIST}",
        fill=lambda place: place.world.add(place.playlist, _tracks(320)),
        renew=lambda place: place.world.add(place.playlist, _tracks(1, "new")),
        at_most=(8, 1, 9),
    ),
    Kind(
        what="`liked`, 120 songs",
        source="liked",
        fill=lambda place: place.world.like(_tracks(120)),
        renew=lambda place: place.world.like(_tracks(1, "new")),
        at_most=(3, 1, 3),
    ),
    Kind(
        what="an album of 60",
        source=f"spotify:album:{spotify_id('album', 'album 0')}",
        fill=lambda place: place.save_albums(0, tracks=60),
        at_most=(2, 0, 0),
    ),
    Kind(
        what="`saved_albums`, 45 of them, one of more than 50 tracks",
        source="saved_albums",
        fill=Place.save_a_long_one_too,
        renew=lambda place: place.save_albums(45),
        at_most=(4, 1, 3),
    ),
    Kind(
        what="an artist with 25 releases",
        source=f"spotify:artist:{spotify_id('artist', ARTIST)}",
        fill=lambda place: place.release(*range(25)),
        renew=lambda place: place.release(25),
        at_most=(28, 1, 4),
    ),
    Kind(
        what="`top: short`, 50 tracks",
        source={"top": "short"},
        fill=lambda place: place.world.top(_tracks(50), "short_term"),
        renew=lambda place: place.world.top([*_tracks(1, "new"), *_tracks(49)], "short_term"),
        at_most=(1, 1, 1),
    ),
    Kind(
        what="a show of 120 episodes",
        source=f"spotify:show:{spotify_id('show', 'show')}",
        fill=lambda place: place.world.show("show", episodes=120),
        renew=lambda place: place.publish(1),
        at_most=(3, 1, 3),
    ),
    Kind(
        what="`saved_episodes`, 120 of them",
        source="saved_episodes",
        fill=lambda place: place.world.save_episodes(map(episode, range(120))),
        renew=lambda place: place.world.save_episodes([episode(120)]),
        at_most=(3, 1, 3),
    ),
    Kind(
        what="`recently_played`",
        source="recently_played",
        fill=lambda place: place.listen(20),
        renew=lambda place: place.listen(1, "new", at_once=True),
        at_most=(1, 1, 1),
    ),
    Kind(
        what="`recently_played` with a context",
        source={"recently_played": {"context": PLAYLIST}},
        fill=lambda place: place.listen(20),
        renew=lambda place: place.listen(1, "new", at_once=True),
        at_most=(1, 1, 1),
    ),
    Kind(
        what="`queue`",
        source="queue",
        fill=lambda place: place.world.play(items=_tracks(8)),
        renew=lambda place: place.world.queue_up(_tracks(1, "new")),
        at_most=(1, 1, 1),
    ),
    Kind(
        what="`queue` with a context",
        source={"queue": {"context": PLAYLIST}},
        fill=Place.play,
        renew=lambda place: place.world.queue_up(_tracks(1, "new")),
        at_most=(2, 2, 2),
    ),
    Kind(
        what="`file` of 40 links",
        source={"file": "songs.csv"},
        fill=lambda place: place.write(*(media.uri for media in _tracks(40))),
        renew=lambda place: place.write(*(media.uri for media in _tracks(41))),
        at_most=(0, 0, 0),
    ),
    Kind(
        what="`file` of 40 ISRCs",
        source={"file": "songs.csv"},
        fill=lambda place: place.write_isrcs(40),
        renew=lambda place: place.write_isrcs(41),
        at_most=(40, 0, 1),
    ),
)


def rows() -> Iterator[Row]:
    """Run each kind three times, as processes of their own."""
    for number, kind in enumerate(KINDS):
        lead = "…" if number else "requests to read a source, at first / without news / with one new thing:"
        yield Row(what=f"{lead} {kind.what}", ours=_asked(kind), at_most=kind.at_most)


def _asked(kind: Kind) -> tuple[int, int, int]:
    with TemporaryDirectory() as folder:
        stage = Stage(Path(folder, "stage"), pairs=0, target=0)
        place = Place(stage.world, stage.folder)
        stage.world.playlist("list")
        target = stage.world.playlist("target")
        kind.fill(place)
        pair = {"source": kind.source, "target": target.id}
        (stage.folder / "config.yaml").write_text(json.dumps({"pairs": [pair]}), encoding="utf-8")
        first, idle = _count(stage, target, news=True), _count(stage, target, news=False)
        if kind.renew:
            kind.renew(place)
        return first, idle, _count(stage, target, news=kind.renew is not None)


def _count(stage: Stage, target: Playlist, *, news: bool) -> int:
    """Return what a run asked for that is neither about its *target* nor a token; it is to find *news*, or none."""
    before, held = len(stage.world.calls), len(target.entries)
    stage.ours()
    if (len(target.entries) > held) != news:
        sys.exit(f"this run was {'' if news else 'not '}to find news: {stage.folder / 'config.yaml'}")
    asked = [call.path for call in stage.world.calls[before:]]
    return sum(path.startswith("/v1/") and target.id not in path for path in asked)
