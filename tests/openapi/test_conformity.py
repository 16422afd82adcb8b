"""The sandbox answers what the published document says, to new apps and, where music is asked for, to old ones."""

import copy
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Literal

import pytest

from syncer.sandbox import Fault, Media, SandboxServer, World, episode, local, track
from tests.openapi.conformity import HERE, Conformity, digest, tolerated
from tests.sandbox.client import Client, Clock, Got

ITEMS = "/playlists/{playlist_id}/items"
HEAD = "/playlists/{playlist_id}"
KINDS = "track,episode"


@dataclass(frozen=True)
class Answer:
    method: str
    path: str
    status: int
    body: Any


def shown(method: str, path: str, got: Got) -> Answer:
    return Answer(method, path, got.status, got.json if got.body else None)


def answers(spotify: Client) -> Iterator[Answer]:
    """Every kind of answer that the document describes."""
    world = spotify.world
    unplayable = Media(uri=track(9).uri, name="gone", artists=("X",), album="Y 1999", duration_ms=1, playable=False)
    mine = world.playlist("mine", items=[track(1), None, local(2), episode(3), unplayable])
    foreign = world.playlist("theirs", tracks=1, owner="stranger")
    world.like([track(4)])
    path = f"playlists/{mine.id}/items"

    yield shown("GET", "/me", spotify.get("me"))
    yield shown("GET", "/me/playlists", spotify.get("me/playlists"))
    yield shown("GET", "/me/tracks", spotify.get("me/tracks"))
    yield shown("GET", HEAD, spotify.get(f"playlists/{mine.id}", additional_types=KINDS))
    yield shown("GET", HEAD, spotify.get(f"playlists/{foreign.id}"))
    yield shown("GET", ITEMS, spotify.get(path, additional_types=KINDS))
    yield shown("GET", ITEMS, spotify.get(path, limit=1, offset=1))
    yield shown("GET", ITEMS, spotify.get(path, market="SE"))
    yield shown("POST", ITEMS, spotify.api("POST", path, {"uris": [track(5).uri]}))
    yield shown("PUT", ITEMS, spotify.api("PUT", path, {"range_start": 0, "insert_before": 1}))
    yield shown("PUT", ITEMS, spotify.api("PUT", path, {"uris": [track(5).uri]}))
    yield shown("DELETE", ITEMS, spotify.api("DELETE", path, {"items": [{"uri": track(5).uri}]}))
    yield shown("POST", "/me/playlists", spotify.api("POST", "me/playlists", {"name": "new"}))
    yield shown("GET", ITEMS, spotify.get(f"playlists/{foreign.id}/items"))
    yield shown("GET", "/playlists/{playlist_id}/tracks", spotify.get(f"playlists/{mine.id}/tracks"))
    for kind in ("rate-limit", "quota", "false-401"):
        world.inject(Fault(kind=kind))
        yield shown("GET", ITEMS, spotify.get(path))
        world.heal()
    spotify.token = None
    yield shown("GET", "/me", spotify.get("me"))


def music(spotify: Client) -> Iterator[Answer]:
    """Every kind of answer about what can be heard."""
    world = spotify.world
    album = world.album("Blue", tracks=60, released="2026-03")
    gone = Media(uri=track(9).uri, name="gone", artists=("X",), album="Y", duration_ms=1, playable=False)
    world.album("One", items=[gone], kind="single", released="2026-03-01")
    show = world.show("Talk", episodes=2, items=[None])
    world.save_albums([album])
    world.save_episodes([episode(1)])
    world.top([track(1)], "short_term")
    artist = world.artist("Ada Marlow")

    yield shown("GET", "/albums/{id}/tracks", spotify.get(f"albums/{album.id}/tracks/", limit=50))
    yield shown("GET", "/albums/{id}/tracks", spotify.get(f"albums/{album.id}/tracks", market="SE"))
    yield shown("GET", "/artists/{id}/albums", spotify.get(f"artists/{artist.id}/albums", limit=10))
    yield shown("GET", "/shows/{id}/episodes", spotify.get(f"shows/{show.id}/episodes/"))
    yield shown("GET", "/me/albums", spotify.get("me/albums"))
    yield shown("GET", "/me/episodes", spotify.get("me/episodes"))
    yield shown("GET", "/me/top/tracks", spotify.get("me/top/tracks", time_range="short_term"))
    yield shown("GET", "/search", spotify.get("search", q=f"isrc:{track(1).isrc}", type="track,album"))


def listening(spotify: Client) -> Iterator[Answer]:
    """Every kind of answer about what is heard."""
    world = spotify.world
    playlist = world.playlist("mix", items=[track(1), episode(2), track(3)])

    yield shown("GET", "/me/player/recently-played", spotify.get("me/player/recently-played"))
    yield shown("GET", "/me/player", spotify.get("me/player"))
    yield shown("GET", "/me/player/queue", spotify.get("me/player/queue"))
    world.heard([track(1)], playlist)
    world.heard([track(2)])
    yield shown("GET", "/me/player/recently-played", spotify.get("me/player/recently-played", limit=2))
    world.open_device("Kitchen", is_active=True)
    world.open_device("Car", id=None, supports_volume=False, volume_percent=None)
    yield shown("GET", "/me/player/devices", spotify.get("me/player/devices"))
    yield shown("PUT", "/me/player/play", spotify.api("PUT", "me/player/play", {"context_uri": playlist.uri}))
    yield shown("GET", "/me/player", spotify.get("me/player"))
    yield shown("GET", "/me/player/queue", spotify.get("me/player/queue"))
    yield shown("PUT", "/me/player/play", spotify.api("PUT", "me/player/play", {"uris": [episode(2).uri]}))
    yield shown("GET", "/me/player", spotify.get("me/player", additional_types=KINDS))
    yield shown("GET", "/me/player", spotify.get("me/player"))
    for command in ("volume?volume_percent=7", "shuffle?state=true", "repeat?state=off", "pause", "pause"):
        path = f"me/player/{command}"
        yield shown("PUT", f"/{path.partition('?')[0]}", spotify.api("PUT", path))


@pytest.fixture(scope="module")
def collected() -> list[Answer]:
    return [*_asked(answers), *_asked(music), *_asked(music, "old"), *_asked(listening), *_asked(listening, "old")]


def _asked(ask: Callable[[Client], Iterator[Answer]], mode: Literal["new", "old"] = "new") -> list[Answer]:
    world = World(Clock())
    world.app.mode = mode
    with SandboxServer(world) as server:
        return list(ask(Client(world, server)))


@pytest.fixture(scope="module")
def rules() -> Conformity:
    return Conformity(tolerated())


def test_every_answer_is_as_documented(collected: list[Answer], rules: Conformity) -> None:
    found = {
        (answer.method, answer.path, answer.status): problems
        for answer in collected
        if (problems := rules.problems(answer.method, answer.path, answer.status, answer.body))
    }

    assert found == {}
    assert len({(answer.method, answer.path, answer.status) for answer in collected}) == 32


def test_every_tolerated_difference_is_needed(collected: list[Answer]) -> None:
    """Without its line in the list, some answer is refused."""
    every = tolerated()
    for left_out in every:
        strict = Conformity(each for each in every if each is not left_out)
        assert any(strict.problems(a.method, a.path, a.status, a.body) for a in collected), left_out


def _break(body: Any, *path: str | int, to: Any) -> Any:
    broken = copy.deepcopy(body)
    inner = broken
    for step in path[:-1]:
        inner = inner[step]
    if to is KeyError:
        del inner[path[-1]]
    else:
        inner[path[-1]] = to
    return broken


@pytest.mark.parametrize(
    ("index", "path", "to"),
    [
        (0, ("account_id",), 7),
        (1, ("items", 0, "snapshot_id"), None),
        (2, ("items", 0, "track", "uri"), 7),
        (3, ("items", "items", 0, "item", "artists"), "X"),
        (3, ("owner", "id"), 7),
        (5, ("total",), KeyError),
        (5, ("next",), 7),
        (5, ("items", 0, "item", "type"), "song"),
        (5, ("items", 0, "item", "album", "name"), KeyError),
        (5, ("items", 0, "added_at"), "yesterday"),
        (5, ("items", 3, "item", "show"), KeyError),
        (8, ("snapshot_id",), None),
        (13, ("error", "message"), KeyError),
        (13, ("error",), "text"),
    ],
)
def test_a_broken_answer_is_refused(
    collected: list[Answer], rules: Conformity, index: int, path: tuple[str | int, ...], to: Any
) -> None:
    answer = collected[index]

    assert rules.problems(answer.method, answer.path, answer.status, _break(answer.body, *path, to=to))


@pytest.mark.parametrize(
    ("path", "steps", "to"),
    [
        ("/albums/{id}/tracks", ("items", 0, "uri"), 7),
        ("/artists/{id}/albums", ("items", 0, "release_date_precision"), "week"),
        ("/shows/{id}/episodes", ("items", 1, "release_date"), KeyError),
        ("/me/albums", ("items", 0, "album", "tracks"), KeyError),
        ("/me/albums", ("items", 0, "album", "tracks", "items", 0, "uri"), 7),
        ("/me/episodes", ("items", 0, "episode", "show"), KeyError),
        ("/me/top/tracks", ("items", 0, "type"), "song"),
        ("/search", ("tracks", "total"), KeyError),
        ("/me/player/recently-played", ("items", 0, "played_at"), "2026-01-01T00:00:00.1Z"),
        ("/me/player/recently-played", ("cursors", "after"), 7),
        ("/me/player/devices", ("devices",), KeyError),
        ("/me/player/devices", ("devices", 0, "volume_percent"), 101),
        ("/me/player", ("device", "is_active"), "yes"),
        ("/me/player", ("item", "type"), "song"),
        ("/me/player/queue", ("queue", 0, "uri"), 7),
    ],
)
def test_a_broken_answer_about_music_is_refused(
    collected: list[Answer], rules: Conformity, path: str, steps: tuple[str | int, ...], to: Any
) -> None:
    answer = next(each for each in reversed(collected) if each.path == path and _has(each.body, *steps))

    assert rules.problems(answer.method, path, answer.status, _break(answer.body, *steps, to=to))


def _has(body: Any, *steps: str | int) -> bool:
    try:
        for step in steps:
            body = body[step]
    except (LookupError, TypeError):
        return False
    return True


def test_a_body_is_refused_where_none_is_documented(rules: Conformity) -> None:
    assert rules.problems("PUT", "/me/player/pause", 204, {})


def test_an_undocumented_status_is_refused(collected: list[Answer], rules: Conformity) -> None:
    assert rules.problems("POST", ITEMS, 202, collected[8].body)


def test_the_document_is_the_one_the_readme_names() -> None:
    assert re.findall(r"[0-9a-f]{64}", (HERE / "README.md").read_text(encoding="utf-8")) == [digest()]
    assert "Copyright (c) 2020 sonallux" in (HERE / "LICENSE-sonallux.txt").read_text(encoding="utf-8")
