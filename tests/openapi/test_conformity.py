"""The sandbox answers what the published document says, as a new app sees it."""

import copy
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

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
    return Answer(method, path, got.status, got.json)


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


@pytest.fixture(scope="module")
def collected() -> list[Answer]:
    world = World(Clock())
    with SandboxServer(world) as server:
        return list(answers(Client(world, server)))


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
    assert len({(answer.method, answer.path, answer.status) for answer in collected}) == 14


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


def test_an_undocumented_status_is_refused(collected: list[Answer], rules: Conformity) -> None:
    assert rules.problems("POST", ITEMS, 202, collected[8].body)


def test_the_document_is_the_one_the_readme_names() -> None:
    assert re.findall(r"[0-9a-f]{64}", (HERE / "README.md").read_text(encoding="utf-8")) == [digest()]
    assert "Copyright (c) 2020 sonallux" in (HERE / "LICENSE-sonallux.txt").read_text(encoding="utf-8")
