"""A strict stand-in for Spotify, for tests and for people who want to try things out. It needs nothing but Python."""

from syncer.sandbox.exchange import Effect, HttpAnswer, HttpRequest
from syncer.sandbox.faults import KINDS, WRONG_SHAPES, Edit, Fault, Injected
from syncer.sandbox.scenery import Media, chapter, episode, local, media, spotify_id, track
from syncer.sandbox.server import SandboxServer
from syncer.sandbox.things import App, Call, Change, Entry, Limit, Playlist, SignIn, User, Version
from syncer.sandbox.world import World

__all__ = [
    "KINDS",
    "WRONG_SHAPES",
    "App",
    "Call",
    "Change",
    "Edit",
    "Effect",
    "Entry",
    "Fault",
    "HttpAnswer",
    "HttpRequest",
    "Injected",
    "Limit",
    "Media",
    "Playlist",
    "SandboxServer",
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
