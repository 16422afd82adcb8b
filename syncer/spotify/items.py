"""What Spotify says of a track, an episode or anything else, as an Item. What is not as it should be is left out."""

import re
from collections.abc import Mapping
from typing import Any, Final, TypeGuard

from syncer.ids import Uri
from syncer.model import Item, Kind, Page

MAX_NAME: Final = 500
_RELEASED: Final = re.compile(r"(?!0000)\d{4}(?:-\d\d(?:-\d\d)?)?", re.ASCII)
_ISRC: Final = re.compile(r"[A-Z]{2}[A-Z0-9]{3}[0-9]{7}", re.ASCII)


class Items:
    """Makes Items. What many of them share (albums, artists, dates) is kept once, for as long as this object lives."""

    def __init__(self) -> None:
        self._texts: dict[str, str] = {}
        self._names: dict[tuple[str, ...], tuple[str, ...]] = {}

    def page(self, body: Mapping[str, Any]) -> Page:
        """Return a page of entries."""
        return Page(total=body["total"], items=tuple(map(self.entry, body["items"])))

    def page_of_media(self, body: Mapping[str, Any]) -> Page:
        """Return a page of tracks or episodes that stand by themselves."""
        return Page(total=body["total"], items=tuple(map(self.media, body["items"])))

    def entry(self, entry: Any) -> Item:
        """Return an entry in our words. One that cannot be added is still an entry: positions count."""
        if not isinstance(entry, dict):
            return self.media(None)
        media = entry.get("item") or entry.get("track") or entry.get("episode")
        return self.media(media, added_at=text(entry.get("added_at")) or None, is_local=entry.get("is_local") is True)

    def media(self, media: Any, *, added_at: str | None = None, is_local: bool = False) -> Item:
        """Return a track or an episode; whatever is neither is an Item too."""
        if not isinstance(media, dict):
            return Item(uri=None, kind=Kind.UNAVAILABLE, added_at=added_at)
        uri, artists, length, explicit = map(media.get, ("uri", "artists", "duration_ms", "explicit"))
        of = media.get("album") or media.get("show")
        of = of if isinstance(of, dict) else {}
        return Item(
            uri=Uri(_writable(uri)) if isinstance(uri, str) else None,
            kind=Kind.LOCAL if is_local or media.get("is_local") is True else _kind(media),
            name=text(media.get("name")),
            artists=self._artists(artists) if isinstance(artists, list) else (),
            added_at=added_at,
            album=self._once(text(of.get("name"))),
            released=self.released(of.get("release_date") or media.get("release_date")),
            duration_ms=length if is_count(length) else None,
            explicit=explicit if isinstance(explicit, bool) else None,
            isrc=_isrc(media.get("external_ids")),
        )

    def released(self, value: Any) -> str | None:
        """Return the year, month or day that *value* is; None if it is none."""
        return self._once(value) if isinstance(value, str) and _RELEASED.fullmatch(value) else None

    def _artists(self, artists: list[Any]) -> tuple[str, ...]:
        names = tuple([text(artist.get("name")) for artist in artists if isinstance(artist, dict)])
        return self._names.setdefault(names, names)

    def _once(self, value: str) -> str:
        return self._texts.setdefault(value, value)


def _kind(media: Mapping[str, Any]) -> Kind:
    match media.get("type"):
        case "track":
            return Kind.TRACK
        case "episode":
            return Kind.EPISODE
    return Kind.UNSUPPORTED


def _isrc(external_ids: Any) -> str | None:
    code = external_ids.get("isrc") if isinstance(external_ids, dict) else None
    if not isinstance(code, str):
        return None
    code = code.replace("-", "").upper()
    return code if _ISRC.fullmatch(code) else None


def is_count(value: Any) -> TypeGuard[int]:
    """Whether *value* is a whole number that something can have."""
    return type(value) is int and value >= 0


def text(value: Any) -> str:
    """Return *value* if it is text, of a length to show; else nothing."""
    return _writable(value[:MAX_NAME]) if isinstance(value, str) else ""


def _writable(value: str) -> str:
    """Return *value* without what no file takes: half of a surrogate pair (fault model R8)."""
    return value if value.isascii() else value.encode("utf-8", "replace").decode()
