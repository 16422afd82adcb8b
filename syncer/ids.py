"""The one place that decides what is a playlist and what can be added to one."""

import re
from typing import Final, NewType

PlaylistId = NewType("PlaylistId", str)
"""The bare 22 letters and digits of a playlist."""

Uri = NewType("Uri", str)
"""What Spotify calls an item: ``spotify:track:…``, ``spotify:episode:…``, ``spotify:local:…``."""

_ID: Final = re.compile(r"[A-Za-z0-9]{22}", re.ASCII)
_PLAYLIST_URI: Final = re.compile(r"spotify:playlist:([A-Za-z0-9]{22})", re.ASCII)
_PLAYLIST_URL: Final = re.compile(
    r"(?:https?://)?(?i:open\.spotify\.com)/(?:intl-[a-z]{2,5}/)?playlist/([A-Za-z0-9]{22})/?(?:\?[!-~]*)?",
    re.ASCII,
)
_ADDABLE: Final = re.compile(r"spotify:(?:track|episode):[A-Za-z0-9]{22}", re.ASCII)
_ITEM_URL: Final = re.compile(
    r"(?:https?://)?(?i:open\.spotify\.com)/(?:intl-[a-z]{2,5}/)?(track|episode)/([A-Za-z0-9]{22})/?(?:\?[!-~]*)?",
    re.ASCII,
)
_OTHER_KIND: Final = re.compile(
    r"(?:spotify:|(?:https?://)?open\.spotify\.com/(?:intl-[a-z]{2,5}/)?)"
    r"(track|album|artist|show|episode|user|audiobook|collection)\b",
    re.ASCII | re.IGNORECASE,
)
_NO_LINKS: Final = (
    (
        re.compile(r"(?:spotify:|(?:https?://)?open\.spotify\.com/)user[:/][^:/]+[:/]playlist[:/]", re.IGNORECASE),
        "is an old form of link: in Spotify choose Share > Copy link to playlist, and paste that",
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
"""What people paste instead of a playlist's link, and what to say of it."""
SPOTIFY_MADE: Final = "37i9dQZ"
SHOWN: Final = 60


class NotAPlaylist(ValueError):
    """The text names no playlist; the message says why, in people's words."""


def playlist_id(text: str) -> PlaylistId:
    """Return the id that *text* (id, URI or URL) names; :class:`NotAPlaylist` if it names none."""
    for pattern in (_ID, _PLAYLIST_URI, _PLAYLIST_URL):
        if found := pattern.fullmatch(text):
            return PlaylistId(found[found.lastindex or 0])
    raise NotAPlaylist(_why_not(text))


class NotAnItem(ValueError):
    """The text names no track and no episode; the message says why."""


def item_uri(text: str) -> Uri:
    """Return the URI of the track or episode that *text* (URI or URL) names; :class:`NotAnItem` if it names none."""
    if is_addable(text):
        return Uri(text)
    if found := _ITEM_URL.fullmatch(text):
        return Uri(f"spotify:{found[1]}:{found[2]}")
    raise NotAnItem(
        f"{shorten(text)} is no link to a track or an episode: in Spotify choose Share > Copy Song Link, and paste that"
    )


def _why_not(text: str) -> str:
    shown = shorten(text)
    if text != text.strip() or not text.isprintable():
        return f"{shown} has white space or control characters around or in it"
    for pattern, what in _NO_LINKS:
        if pattern.match(text):
            return f"{shown} {what}"
    if other := _OTHER_KIND.match(text):
        return f"{shown} is a link to a Spotify {other[1].lower()}, not to a playlist"
    if "/" in text or ":" in text:
        return f"{shown} is not a playlist link: it should look like https://open.spotify.com/playlist/ID"
    return f"{shown} is not a playlist id of 22 letters and digits"


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
