"""Small worlds, and the pairs that are to be kept in step there."""

from collections.abc import Sequence

from syncer.ids import PlaylistId
from syncer.model import LikedSongs, Pair, PlaylistSource
from syncer.sandbox import Playlist, World, episode, local, track


def pair(name: str, source: Playlist | str, target: Playlist) -> Pair:
    """Return the pair of two playlists of the sandbox; ``liked`` is a source too."""
    one = LikedSongs() if isinstance(source, str) else PlaylistSource(PlaylistId(source.id))
    return Pair(name=name, sources=(one,), target=PlaylistId(target.id))


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
