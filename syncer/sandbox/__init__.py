"""A strict stand-in for Spotify, for tests and for people who want to try things out. It needs nothing but Python."""

from syncer.sandbox.exchange import Effect, HttpAnswer, HttpRequest
from syncer.sandbox.faults import KINDS, WRONG_SHAPES, Edit, Fault, Injected
from syncer.sandbox.playing import Device, Habits, Play, Player
from syncer.sandbox.scenery import Media, chapter, episode, local, media, spotify_id, track
from syncer.sandbox.server import SandboxServer
from syncer.sandbox.things import Album, App, Artist, Call, Change, Entry, Limit, Playlist, Show, SignIn, User, Version
from syncer.sandbox.world import World

__all__ = [
    "KINDS",
    "WRONG_SHAPES",
    "Album",
    "App",
    "Artist",
    "Call",
    "Change",
    "Device",
    "Edit",
    "Effect",
    "Entry",
    "Fault",
    "Habits",
    "HttpAnswer",
    "HttpRequest",
    "Injected",
    "Limit",
    "Media",
    "Play",
    "Player",
    "Playlist",
    "SandboxServer",
    "Show",
    "SignIn",
    "User",
    "Version",
    "World",
    "chapter",
    "episode",
    "local",
    "media",
    "spotify_id",
    "track",
]
