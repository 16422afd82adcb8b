"""The one place that decides what a link, a URI or an id names, and what can be added to a playlist."""

import re
from enum import StrEnum
from typing import Final, NewType

PlaylistId = NewType("PlaylistId", str)
"""The bare 22 letters and digits of a playlist."""

Uri = NewType("Uri", str)
"""What Spotify calls an item: ``spotify:track:…``, ``spotify:episode:…``, ``spotify:local:…``."""


class Thing(StrEnum):
    """What a link can lead to, in Spotify's words."""

    PLAYLIST = "playlist"
    ALBUM = "album"
    ARTIST = "artist"
    SHOW = "show"
    TRACK = "track"
    EPISODE = "episode"


ID_LENGTH: Final = 22
_ID: Final = re.compile(r"[A-Za-z0-9]{22}", re.ASCII)
_URI: Final = re.compile(rf"spotify:({'|'.join(Thing)}):([A-Za-z0-9]{{22}})", re.ASCII)
_URL: Final = re.compile(
    r"(?:https?://)?(?i:open\.spotify\.com)/(?:intl-[a-z]{2,5}/)?"
    rf"({'|'.join(Thing)})/([A-Za-z0-9]{{22}})/?(?:\?[!-~]*)?",
    re.ASCII,
)
_ADDABLE: Final = re.compile(r"spotify:(?:track|episode):[A-Za-z0-9]{22}", re.ASCII)
_ANY_KIND: Final = re.compile(
    r"(?:spotify:|(?:https?://)?open\.spotify\.com/(?:intl-[a-z]{2,5}/)?)"
    rf"({'|'.join(Thing)}|user|audiobook|collection)\b",
    re.ASCII | re.IGNORECASE,
)
_NO_LINKS: Final = (
    (
        re.compile(r"(?:spotify:|(?:https?://)?open\.spotify\.com/)user[:/][^:/]+[:/]playlist[:/]", re.IGNORECASE),
        "is an old form of link: in Spotify choose Share > Copy link to {}, and paste that",
    ),
    (
        re.compile(r"(?:https?://)?(?:spotify\.link|spoti\.fi|link\.tospotify\.com)/", re.IGNORECASE),
        "is a short link: open it, then copy the address that starts with https://open.spotify.com/",
    ),
    (
        re.compile(r"(?!https?://open\.spotify\.com/).*://", re.IGNORECASE),
        "is not an address at open.spotify.com",
    ),
)
"""What people paste instead of a link, and what to say of it."""
SPOTIFY_MADE: Final = "37i9dQZ"
SHOWN: Final = 60


def linked(text: str) -> tuple[Thing, str] | None:
    """Return what the link or URI *text* leads to, with its id; None if it is no such link, or a bare id."""
    for pattern in (_URI, _URL):
        if found := pattern.fullmatch(text):
            return Thing(found[1]), found[2]
    return None


class NotNamed(ValueError):
    """The text does not name what it should; the message says why, in people's words."""


class NotAPlaylist(NotNamed):
    """The text names no playlist."""


def id_of(thing: Thing, text: str) -> str:
    """Return the id of the *thing* that *text* (id, URI or URL) names; :class:`NotNamed` if it names none."""
    if _ID.fullmatch(text):
        return text
    found = linked(text)
    if found and found[0] is thing:
        return found[1]
    raise (NotAPlaylist if thing is Thing.PLAYLIST else NotNamed)(_why_not(thing, text))


def playlist_id(text: str) -> PlaylistId:
    """Return the id that *text* (id, URI or URL) names; :class:`NotAPlaylist` if it names none."""
    return PlaylistId(id_of(Thing.PLAYLIST, text))


class NotAnItem(ValueError):
    """The text names no track and no episode; the message says why."""


def item_uri(text: str) -> Uri:
    """Return the URI of the track or episode that *text* (URI or URL) names; :class:`NotAnItem` if it names none."""
    match linked(text):
        case (Thing.TRACK | Thing.EPISODE as thing, identifier):
            return Uri(f"spotify:{thing}:{identifier}")
    raise NotAnItem(
        f"{shorten(text)} is no link to a track or an episode: in Spotify choose Share > Copy Song Link, and paste that"
    )


def _why_not(thing: Thing, text: str) -> str:
    shown, one = shorten(text), f"{'an' if thing[0] in 'ae' else 'a'} {thing}"
    if text != text.strip() or not text.isprintable():
        return f"{shown} has white space or control characters around or in it"
    for pattern, what in _NO_LINKS:
        if pattern.match(text):
            return f"{shown} {what.format(thing)}"
    other = _ANY_KIND.match(text)
    if other and other[1].lower() != thing:
        return f"{shown} is a link to a Spotify {other[1].lower()}, not to {one}"
    if "/" in text or ":" in text:
        return f"{shown} is not {one} link: it should look like https://open.spotify.com/{thing}/ID"
    return f"{shown} is not {one} id of 22 letters and digits"


def shorten(text: str) -> str:
    """Quote *text* for a message: escapes visible, never longer than a line."""
    return repr(text if len(text) <= SHOWN else text[: SHOWN - 1] + "…")


def is_spotify_made(playlist: PlaylistId) -> bool:
    """Whether the id looks like one of Spotify's own lists (contract §1.4; inferred, not documented)."""
    return playlist.startswith(SPOTIFY_MADE)


def is_addable(uri: str) -> bool:
    """Whether Spotify accepts *uri* in an append: a track or an episode, well formed (contract §2.3)."""
    return _ADDABLE.fullmatch(uri) is not None


def playlist_uri(playlist: PlaylistId) -> str:
    """Return the ``spotify:playlist:`` form that reports use."""
    return f"spotify:playlist:{playlist}"
