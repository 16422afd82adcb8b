"""How the config writes where items come from and where they go: a source, a list of them, a target.

What is of a wrong shape is passed over here: the schema blames it.
"""

import difflib
import re
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import date
from typing import Any, Final

from syncer import naming
from syncer.document import Document, KeyPath
from syncer.ids import ID_LENGTH, NotNamed, PlaylistId, Thing, id_of, is_spotify_made, linked, shorten
from syncer.model import (
    AlbumSource,
    ArtistSource,
    FileSource,
    LikedSongs,
    NewTarget,
    PlaylistSource,
    Queue,
    RecentlyPlayed,
    SavedAlbums,
    SavedEpisodes,
    ShowSource,
    Source,
    Term,
    TopTracks,
)

Found = dict[tuple[str, Source], KeyPath]
"""Sources, each with the account that reads it and its place."""

_WORDS: Final[Mapping[str, Source]] = {
    str(source): source for source in (LikedSongs(), SavedAlbums(), SavedEpisodes(), RecentlyPlayed(), Queue())
}
"""The sources that need no value."""
_HEARD: Final[Mapping[str, type[RecentlyPlayed | Queue]]] = {str(heard()): heard for heard in (RecentlyPlayed, Queue)}
_LINKED: Final[Mapping[Thing, Callable[[str], Source]]] = {
    Thing.PLAYLIST: lambda identifier: PlaylistSource(PlaylistId(identifier)),
    Thing.ALBUM: AlbumSource,
    Thing.ARTIST: ArtistSource,
    Thing.SHOW: ShowSource,
}
"""The sources that have a link."""
KINDS: Final[Mapping[str, str]] = {
    **{kind: f"{kind}: LINK" for kind in _LINKED},
    **{kind: kind for kind in _WORDS},
    "top": "top: short",
    "file": "file: PATH",
}
"""What can be a source, and how it is written; an object has one of these keys."""


def mapping(value: Any) -> dict[str, Any]:
    """Return *value* if it is an object, else an empty one."""
    return value if isinstance(value, dict) else {}


def account_in(value: Any, usual: str) -> str:
    """Return the account that *value*, an object or not, names; *usual* if it names none."""
    name = mapping(value).get("account")
    return name if isinstance(name, str) else usual


def listed(path: KeyPath, value: Any) -> list[tuple[KeyPath, Any]]:
    """Return what is given as 'source', one or a list, each with its path."""
    return [((*path, index), one) for index, one in enumerate(value)] if isinstance(value, list) else [(path, value)]


def sources(document: Document, path: KeyPath, value: Any, usual: str) -> tuple[Found, bool]:
    """Return each source that can be told, once, and whether that is all; the account *usual* reads if none is named.

    What does not hold, and what is odd, is noted in *document*.
    """
    found: Found = {}
    complete = True
    for at, one in listed(path, value):
        source = _source(document, at, one)
        if source is None:
            complete = False
            continue
        first = found.setdefault((account_in(one, usual), source), at)
        if first != at:
            lines = f"lines {document.line(first)} and {document.line(at)}"
            document.warn(at, f"the same source is listed twice, in {lines}: it is read once")
    return found, complete


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """Where items go: a playlist that there is, or one to be made."""

    playlist: PlaylistId
    """Empty while it is to be made."""
    create: NewTarget | None = None
    roll_over: bool = False


TARGETS: Final = ("playlist", "create")
"""What a target is, where it is an object: it has one of these keys."""


def target(document: Document, path: KeyPath, value: Any) -> Target | None:
    """Return what *value*, a target, stands for; None, with what does not hold noted, if that cannot be told."""
    if value in list(_WORDS):
        document.blame(path, _ONLY_A_SOURCE.format(value), settles=True)
        return None
    if not isinstance(value, dict):
        identifier = playlist(document, path, value)
        return Target(playlist=identifier) if identifier else None
    for key in value:
        if key in KINDS and key not in TARGETS:
            document.blame(path, _ONLY_A_SOURCE.format(key), place=document.keys[(*path, key)], settles=True)
            return None
    given = [key for key in TARGETS if key in value]
    if len(given) != 1:
        return None
    return _existing(document, path, value) if given == ["playlist"] else _new(document, path, value)


_ONLY_A_SOURCE: Final = "'{}' can only be a source: the target is a playlist"


def _existing(document: Document, path: KeyPath, options: dict[str, Any]) -> Target | None:
    identifier = playlist(document, (*path, "playlist"), options["playlist"])
    return Target(playlist=identifier, roll_over=options.get("roll_over") is True) if identifier else None


def _new(document: Document, path: KeyPath, options: dict[str, Any]) -> Target | None:
    pattern, description = options["create"], options.get("description", "")
    if not isinstance(pattern, str):
        return None
    if problem := naming.pattern_problem(pattern):
        document.blame((*path, "create"), problem, settles=True)
        return None
    if not isinstance(description, str):
        return None
    if not naming.is_line(description):
        message = "must be one line, without line breaks and control characters"
        document.blame((*path, "description"), message, settles=True)
    made = NewTarget(pattern=pattern, public=options.get("public") is True, description=description)
    return Target(playlist=PlaylistId(""), create=made, roll_over=options.get("roll_over") is not False)


# --- one source -------------------------------------------------------------------------------------------------------


def _source(document: Document, path: KeyPath, value: Any) -> Source | None:
    """Return the source that *value* stands for; None if that cannot be told."""
    if isinstance(value, str):
        return _plain(document, path, value)
    options = mapping(value)
    since = _day(document, (*path, "since"), options["since"]) if "since" in options else None
    kinds = [key for key in options if key in KINDS]
    if len(kinds) != 1:
        return None
    source = _of_kind(document, path, kinds[0], options)
    return replace(source, since=since) if isinstance(source, ArtistSource) else source


def _plain(document: Document, path: KeyPath, text: str) -> Source | None:
    """Return the source that is written as a word or as a link."""
    if text in _WORDS:
        return _WORDS[text]
    thing, identifier = linked(text) or (Thing.PLAYLIST, "")
    if thing not in _LINKED:
        message = f"{shorten(text)} is a link to a Spotify {thing}, which is no list: put such links into a file"
        document.blame(path, f"{message}, one a line, and write 'file: PATH'", settles=True)
        return None
    if not identifier and (meant := _meant(text)):
        document.blame(path, f"{shorten(text)} is no source: did you mean {meant!r}?", settles=True)
        return None
    return _named(document, path, thing, text)


def _meant(text: str) -> str | None:
    """Return how the kind of source is written that *text* comes close to, or begins with; None if there is none."""
    word = text.partition(":")[0].lower()
    if len(word) >= ID_LENGTH:
        return None
    begun = [kind for kind in KINDS if word.startswith(kind)]
    close = difflib.get_close_matches(word, KINDS, n=1, cutoff=0.75)  # 'short' is not 'show'
    return KINDS[(close or begun)[0]] if close or begun else None


def _of_kind(document: Document, path: KeyPath, kind: str, options: dict[str, Any]) -> Source | None:
    """Return the source whose *kind* is a key of *options*."""
    at, value = (*path, kind), options[kind]
    match kind:
        case "top":
            return TopTracks(Term(value)) if value in list(Term) else None
        case "file":
            return _file(document, at, value)
        case _ if kind in _HEARD:
            return _heard(document, path, kind, options)
        case _ if kind in _WORDS:
            return _WORDS[kind] if _said(value) else None
        case _:
            return _named(document, at, Thing(kind), value)


def _named(document: Document, path: KeyPath, thing: Thing, text: Any) -> Source | None:
    """Return the source with the id that *text* names."""
    identifier = _id(document, path, thing, text)
    if identifier and thing is Thing.PLAYLIST and is_spotify_made(PlaylistId(identifier)):
        document.warn(path, _SPOTIFY_MADE)
    return _LINKED[thing](identifier) if identifier else None


_SPOTIFY_MADE: Final = (
    "this looks like a playlist that Spotify makes itself, and since November 2024 Spotify lets no new app read those:"
    " copy its tracks into a playlist of your own in a Spotify app and use that copy as the source, or give"
    " 'recently_played' or 'queue' with this playlist as its 'context', or use `syncer capture`"
    " (docs/discover-weekly.md)"
)


def _heard(document: Document, path: KeyPath, kind: str, options: dict[str, Any]) -> Source | None:
    """Return what is heard, all of it or from one playlist, which is said below the kind or beside it."""
    below, beside = (*path, kind, "context"), (*path, "context")
    inner = mapping(options[kind])
    if not inner and not _said(options[kind]):
        return None
    if "context" in inner and "context" in options:
        lines = f"line {document.keys[below].line} and again in line {document.keys[beside].line}"
        document.blame(beside, f"the key 'context' is in {lines}: keep one", place=document.keys[beside])
    holder, at = (inner, below) if "context" in inner else (options, beside)
    if "context" not in holder:
        return _HEARD[kind]()
    context = playlist(document, at, holder["context"])
    return _HEARD[kind](context) if context else None


def _said(value: Any) -> bool:
    """Whether *value* is what stands behind a kind that needs none."""
    return value is None or value is True


def _file(document: Document, path: KeyPath, text: Any) -> FileSource | None:
    where = document.path_of(path, text) if isinstance(text, str) and text else None
    return FileSource(path=where, written=text) if where else None


_DAY: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", re.ASCII)


def _day(document: Document, path: KeyPath, value: Any) -> date | None:
    """Return the day that is written, with quotes or without; None, with the reason noted, if it is none."""
    written = value if isinstance(value, str) else document.spelled.get(path)
    if not written:
        return None
    day = None
    if _DAY.fullmatch(written):
        with suppress(ValueError):
            day = date.fromisoformat(written)
    if day is None:
        document.blame(path, f"must be a date like 2026-01-31, not {shorten(written)}")
    document.settled.add(path)  # for the schema a date without quotes is no text
    return day


# --- what a link names ------------------------------------------------------------------------------------------------


def playlist(document: Document, path: KeyPath, text: Any) -> PlaylistId | None:
    """Return the playlist that *text* names; None, with the reason noted, if it names none."""
    identifier = _id(document, path, Thing.PLAYLIST, text)
    return PlaylistId(identifier) if identifier else None


def _id(document: Document, path: KeyPath, thing: Thing, text: Any) -> str | None:
    """Return the id of the *thing* that *text* names; None, with the reason noted, if it names none."""
    if not isinstance(text, str):
        return None
    try:
        return id_of(thing, text)
    except NotNamed as error:
        document.blame(path, str(error), settles=True)
        return None
