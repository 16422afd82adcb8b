"""Small worlds, and the pairs that are to be kept in step there."""

from collections.abc import Callable, Sequence
from dataclasses import replace

from syncer.ids import PlaylistId
from syncer.model import (
    DEFAULT_ACCOUNT,
    ArtistSource,
    LikedSongs,
    Pair,
    PlaylistSource,
    Position,
    Queue,
    RecentlyPlayed,
)
from syncer.sandbox import Playlist, World, episode, local, track
from tests.promise.sources import UNKNOWN, Read, rows, sheet, write

HERS = "anna"
"""The second account, and the user whose it is."""
ARTIST = "Ada Marlow"


def pair(name: str, source: Playlist | str, target: Playlist) -> Pair:
    """Return the pair of two playlists of the sandbox; ``liked`` is a source too."""
    one = LikedSongs() if isinstance(source, str) else PlaylistSource(PlaylistId(source.id))
    return Pair(name=name, sources=(one,), target=PlaylistId(target.id))


def at_start(scene: Callable[[World], Sequence[Pair]]) -> Callable[[World], Sequence[Pair]]:
    """Return *scene* with pairs that add before what is there."""
    return lambda world: [replace(one, position=Position.START) for one in scene(world)]


def reference(world: World) -> Sequence[Pair]:
    """Return some twenty requests of everything: news, repeats, holes, two batches, Liked Songs, a chain."""
    archived = [track(number, "archive") for number in range(55)]
    fresh = [track(number, "week") for number in range(3)]
    week = world.playlist("week", items=[fresh[0], archived[3], fresh[1], fresh[0], None, local(1), fresh[2]])
    archive = world.playlist("archive", items=archived)
    loved = world.playlist("loved", items=[track(number, "liked") for number in range(2)])
    copy = world.playlist("copy", items=[*archived[:50], *archived[:1]])
    world.like([*(track(number, "liked") for number in range(103)), episode(1)])
    return [pair("week", week, archive), pair("liked", "liked", loved), pair("chain", archive, copy)]


def small(world: World) -> Sequence[Pair]:
    """Return the least that has a read, a batch and a target: eight requests."""
    source = world.playlist("source", items=[track(number, "s") for number in range(3)])
    target = world.playlist("target", items=[track(0, "s"), track(1, "other")])
    return [pair("only", source, target)]


def apart(world: World) -> Sequence[Pair]:
    """Return three pairs that have nothing to do with each other."""
    made = []
    for name in ("first", "second", "third"):
        source = world.playlist(f"{name} source", items=[track(number, name) for number in range(3)])
        target = world.playlist(f"{name} target", items=[track(0, name)])
        made.append(pair(name, source, target))
    return made


def shared(world: World) -> Sequence[Pair]:
    """Return three pairs of which two have one target, and two one source, some of it the same."""
    first = world.playlist("first", items=[track(number, "s") for number in range(4)])
    second = world.playlist("second", items=[track(number, "s") for number in range(2, 7)])
    target = world.playlist("target", items=[track(3, "s")])
    other = world.playlist("other")
    return [pair("a", first, target), pair("b", second, target), pair("c", second, other)]


def listening(world: World) -> Sequence[Pair]:
    """Return some thirty requests of two accounts: what is played and queued, an artist, a file, a list of hers."""
    other = world.add_user(HERS)
    week = world.playlist("week", items=[track(number, "week") for number in range(4)])
    hers = world.playlist("hers", items=[track(number, "hers") for number in range(2)], owner=other)
    mine = [world.playlist(name, items=[track(0, "week"), track(0, "hers")]) for name in ("archive", "mixed")]
    next_up = world.playlist("next up", owner=other)
    world.heard([*(track(number, "heard") for number in range(3)), track(0, "week")])
    world.heard([track(number, "week") for number in range(2)], week)
    world.play(week, place=1, user=other)
    for _ in range(2):
        _release(world)
    write(sheet().path, track(0, "listed").uri, _isrc(world, 1), _isrc(world, 2), UNKNOWN)
    artist = ArtistSource(world.artist(ARTIST).id)
    return [
        _pair("plays", mine[0], (DEFAULT_ACCOUNT, RecentlyPlayed(PlaylistId(week.id)))),
        _pair("all", mine[1], (DEFAULT_ACCOUNT, RecentlyPlayed()), (HERS, PlaylistSource(PlaylistId(hers.id)))),
        _pair("next", next_up, (HERS, Queue(PlaylistId(week.id))), account=HERS),
        _pair("new", mine[0], (HERS, artist), (DEFAULT_ACCOUNT, sheet())),
    ]


def news(world: World) -> None:
    """Let there be something new in every source of :func:`listening`."""
    week, hers = (one for one in world.playlists.values() if one.name in ("week", "hers"))
    world.heard([track(4, "week"), track(2, "week")], week, every=0.0)
    world.add(hers, [track(2, "hers")])
    world.play(week, place=0, user=world.users[HERS])
    _release(world)
    path = sheet().path
    write(path, *rows(path), _isrc(world, 3), track(4, "listed").uri)


def _pair(name: str, target: Playlist, *reads: Read, account: str = DEFAULT_ACCOUNT) -> Pair:
    """Return the pair of what some accounts read, into a playlist that *account* writes to."""
    readers, sources = zip(*reads, strict=True)
    return Pair(name=name, sources=sources, readers=readers, target=PlaylistId(target.id), account=account)


def _release(world: World) -> None:
    """Let the artist release something."""
    number = len(world.albums)
    tracks = [track(2 * number + one, "released") for one in range(2)]
    world.album(f"release {number}", items=tracks, artists=(ARTIST,), released=f"2026-01-{1 + number:02d}")


def _isrc(world: World, number: int) -> str:
    """Return the ISRC of a track that can be found by it."""
    one = track(number, "listed")
    world.know(one)
    assert one.isrc
    return one.isrc
