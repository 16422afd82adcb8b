"""A listener's life for the sandbox to try things out on: releases, a show, favourites, plays, devices."""

from dataclasses import dataclass

from syncer.sandbox.playing import Device
from syncer.sandbox.scene import Scene
from syncer.sandbox.scenery import track
from syncer.sandbox.things import Album, Artist, Playlist, Show

ARTIST = "Motel Polaris"


@dataclass(frozen=True, slots=True, kw_only=True)
class Furnished:
    """What was put in, for whoever wants to name it."""

    artist: Artist
    albums: tuple[Album, ...]
    """The artist's releases, the newest first."""
    show: Show
    laptop: Device
    phone: Device


def furnish(scene: Scene, weekly: Playlist) -> Furnished:
    """Give ``me`` a life; *weekly* is the list that plays just now, on the laptop, and was heard before."""
    albums = (
        scene.album("Polar Nights", tracks=2, artists=[ARTIST], released="2026-10-02", kind="single"),
        scene.album("Paper Lanterns", tracks=10, artists=[ARTIST], released="2026-03-13"),
        scene.album("Quiet Harbour", tracks=60, artists=[ARTIST], released="2019"),
    )
    show = scene.show("Sandbox Radio", episodes=60)
    scene.save_albums(albums[1:])
    scene.save_episodes([episode for episode in show.episodes[:3] if episode])
    for time_range in ("short_term", "medium_term", "long_term"):
        scene.top([track(number, time_range) for number in range(50)], time_range)
    laptop = scene.open_device("Laptop", is_active=True)
    phone = scene.open_device("Phone", type="Smartphone", supports_volume=False)
    scene.heard(albums[1].uris, albums[1], at=scene.now() - 7200)
    scene.heard([media for entry in weekly.entries[:8] if (media := entry.media)], weekly)
    scene.play(weekly, place=8, device=laptop)
    return Furnished(artist=scene.artist(ARTIST), albums=albums, show=show, laptop=laptop, phone=phone)
