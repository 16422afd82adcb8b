"""The life that the sandbox offers to those who want to try things out."""

from typing import Any

import pytest

from syncer.sandbox import Playlist, World
from syncer.sandbox.furnishing import Furnished, furnish
from tests.sandbox.client import Client


@pytest.fixture
def weekly(world: World) -> Playlist:
    return world.playlist("Discover Weekly", tracks=30, owner="spotify", id="37i9dQZEVXcSandboxList")


@pytest.fixture
def furnished(world: World, weekly: Playlist) -> Furnished:
    return furnish(world, weekly)


def test_there_is_something_of_every_kind(spotify: Client, furnished: Furnished) -> None:
    def total(path: str, **query: Any) -> Any:
        return spotify.get(path, **query).json["total"]

    assert total(f"artists/{furnished.artist.id}/albums") == len(furnished.albums) == 3
    assert [total(f"albums/{album.id}/tracks") for album in furnished.albums] == [2, 10, 60]
    assert total(f"shows/{furnished.show.id}/episodes") == 60
    assert (total("me/albums"), total("me/episodes")) == (2, 3)
    assert [total("me/top/tracks", time_range=f"{term}_term") for term in ("short", "medium", "long")] == [50] * 3


def test_the_weekly_list_was_heard_and_plays(spotify: Client, furnished: Furnished, weekly: Playlist) -> None:
    plays = spotify.get("me/player/recently-played", limit=50).json["items"]
    now = spotify.get("me/player").json

    contexts = [entry["context"]["uri"] for entry in plays]
    assert contexts == [weekly.uri] * 8 + [furnished.albums[1].uri] * 10
    assert (now["context"]["uri"], now["item"]["uri"]) == (weekly.uri, weekly.uris[8])
    assert now["device"]["name"] == "Laptop"
    assert len(spotify.get("me/player/queue").json["queue"]) == 20


def test_its_ids_never_change(furnished: Furnished) -> None:
    """People write them into configs."""
    assert (furnished.artist.id, furnished.albums[1].id, furnished.show.id) == (
        "acf5G89FGO3nWwcFj6PLZI",
        "mSJGH6QVSmI5tTdKFNkaCj",
        "Xjh0VzwSpYQ07XPB4dMU7l",
    )
