"""A file as a source: links to tracks and episodes as Spotify's apps copy them, or a CSV as exporters write it.

Nobody vouches for what is in it: it is read within limits, and what is not understood costs its line and no more.
"""

import csv
import hashlib
import os
import re
import stat
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from typing import Final, NamedTuple

from syncer.errors import FileUnreadable
from syncer.ids import NotNamed, Thing, Uri, id_of, linked, shorten
from syncer.model import FileSource, Item, Kind, Tracklist

MAX_BYTES: Final = 16 << 20
MAX_ITEMS: Final = 100_000
"""Items in one file, and lines: ten times what a playlist takes."""
MAX_ROW: Final = 100_000
"""Characters in one row of a CSV."""
MAX_NAME: Final = 500


def read(source: FileSource) -> Tracklist:
    """Return what the file lists; :class:`FileUnreadable` if it is no file, no text, or lists nothing that is known.

    Lines that are not understood are left out, and one warning tells of them.
    """
    raw = _content(source)
    lines = list(islice(_lines(_decoded(raw, source)), MAX_ITEMS + 1))
    above, understand = _form(lines)
    items: list[Item] = []
    first, left_out = "", 0
    for number, line in enumerate(lines[above:], start=above + 1):
        found, odd = understand(line)
        items += found
        if max(number, len(items)) > MAX_ITEMS:
            raise FileUnreadable(f"{source.written}:{number}: more than {MAX_ITEMS:,} lines or items", hint=_TOO_MUCH)
        if odd:
            left_out += 1
            first = first or f"{source.written}:{number}: {odd}"
    if first and not items:
        raise FileUnreadable(first, hint="list links to songs, or use a CSV with a column of links, ids or ISRCs")
    some = "one line was" if left_out == 1 else f"{left_out:,} lines were"
    warnings = (f"{first}; {some} left out",) if first else ()
    return Tracklist(version=hashlib.sha256(raw).hexdigest(), items=tuple(items), warnings=warnings)


# --- from the file to lines -------------------------------------------------------------------------------------------

_TOO_MUCH: Final = "split it into several files: a source can be a list of them"
_BOMS: Final = ((b"\xef\xbb\xbf", "utf-8"), (b"\xff\xfe", "utf-16-le"), (b"\xfe\xff", "utf-16-be"))
"""UTF-16 is what spreadsheets save as `Unicode text`."""
_BREAK: Final = re.compile(r"\r\n|\r|\n")
_LINE: Final = re.compile(rf"[^\r\n]*(?:{_BREAK.pattern})|[^\r\n]+")


def _content(source: FileSource) -> bytes:
    shown = source.written
    try:
        with open(source.path, "rb", opener=_open_at_once) as file:
            if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
                message = f"{shown} is not a file but a pipe or device"
                raise FileUnreadable(message, hint="name a file in the config")
            raw = file.read(MAX_BYTES + 1)
    except (FileNotFoundError, NotADirectoryError):
        hint = "create it, or correct the path in the config"
        raise FileUnreadable(f"there is no file {shown}", hint=hint) from None
    except IsADirectoryError:
        raise FileUnreadable(f"{shown} is a folder", hint="name a file in it") from None
    except OSError as error:
        hint = "check the path and its permissions"
        raise FileUnreadable(f"{shown} cannot be read: {error.strerror}", hint=hint) from None
    if len(raw) > MAX_BYTES:
        raise FileUnreadable(f"{shown} is larger than {MAX_BYTES >> 20} MiB", hint=_TOO_MUCH)
    return raw


def _open_at_once(path: str, flags: int) -> int:
    """Open without waiting for someone to write into a pipe."""
    return os.open(path, flags | os.O_NONBLOCK)


def _decoded(raw: bytes, source: FileSource) -> str:
    bom, encoding = next((one for one in _BOMS if raw.startswith(one[0])), (b"", "utf-8"))
    try:
        text = raw[len(bom) :].decode(encoding)
    except UnicodeDecodeError as error:
        raise _no_text(source, error.object[: error.start].decode(encoding)) from None
    before, nul, _ = text.partition("\0")
    if nul:
        raise _no_text(source, before)
    return text


def _no_text(source: FileSource, before: str) -> FileUnreadable:
    number = sum(1 for _ in _BREAK.finditer(before)) + 1
    hint = "save it as UTF-8; a spreadsheet as CSV in UTF-8"
    return FileUnreadable(f"{source.written}:{number}: this is not text in UTF-8", hint=hint)


def _lines(text: str) -> Iterator[str]:
    return (found[0].rstrip("\r\n") for found in _LINE.finditer(text))


# --- from a line to items ---------------------------------------------------------------------------------------------


class _Understood(NamedTuple):
    """The items of a line, and what is odd about the rest of it, if anything is."""

    items: Sequence[Item] = ()
    odd: str = ""


def _form(lines: Sequence[str]) -> tuple[int, Callable[[str], _Understood]]:
    """Return how many lines stand above the first that may list something, and how such lines are understood."""
    for number, line in enumerate(lines, start=1):
        if columns := _columns(line):
            return number, columns.understand
        if line.strip() and not line.lstrip().startswith("#"):
            break
    return 0, _pasted


_WORD: Final = re.compile(r"[^\s,;\"<>]+")
_LINK: Final = re.compile(r"spotify:\w|(?:https?://)?[a-z.]{0,20}spoti[a-z.]{0,20}/", re.IGNORECASE)
"""What is meant to lead to something at Spotify, be it well formed or not."""
_LOCAL: Final = re.compile(r"(?:spotify:local:|(?:https?://)?open\.spotify\.com/local/)(\S{1,2000})")


def _pasted(line: str) -> _Understood:
    """Take each link, wherever it stands; what follows a ``#`` is a comment."""
    items: list[Item] = []
    prose, odd = False, ""
    for found in _WORD.finditer(line):
        word = found[0]
        if word.startswith("#"):
            break
        if not _LINK.match(word):
            prose = True
        elif item := _item(word):
            items.append(item)
        else:
            odd = odd or _why_not(word)
    if prose and not (items or odd):
        odd = f"{shorten(line.strip())} is no link to a track"
    return _Understood(items, odd)


def _item(text: str) -> Item | None:
    """Return what the link or URI *text* leads to, if that can be an entry of a playlist."""
    match linked(text):
        case (Thing.TRACK | Thing.EPISODE as thing, spotify_id):
            return Item(uri=Uri(f"spotify:{thing}:{spotify_id}"), kind=Kind(thing))
    if (local := _LOCAL.fullmatch(text)) and text.isprintable():
        return Item(uri=Uri(f"spotify:local:{local[1].replace('/', ':')}"), kind=Kind.LOCAL)
    return None


def _why_not(link: str) -> str:
    why = ""
    try:
        id_of(Thing.TRACK, link)
    except NotNamed as error:
        why = str(error)
    return why


# --- from a row to an item --------------------------------------------------------------------------------------------

_COLUMNS: Final = {
    "id": ("trackuri", "spotifyuri", "spotifytrackid", "spotifyid", "trackid", "uri", "id"),
    "isrc": ("isrc", "trackisrc"),
    "type": ("type",),
    "name": ("trackname", "tracktitle", "title", "songname", "song", "track", "name"),
    "artists": ("artistnames", "artistname", "artists", "artist"),
    "album": ("albumname", "albumtitle", "album"),
}
"""What exporters write above a column, as :func:`_label` has it; the first that is there counts."""
_LINKS: Final = re.compile(r"uri\w*|\w*uri|(?:spotify|track|song)*(?:url|link)")
"""What stands above a column of links, in any language."""
_ISRC: Final = re.compile(r"[A-Z]{2}[A-Z0-9]{3}[0-9]{7}", re.ASCII)
_NO_TRACKS: Final = {"album", "artist"}
"""Rows of this type are about something else, whose id looks no different."""


@dataclass(frozen=True, slots=True)
class _Columns:
    """What the header of a CSV says."""

    delimiter: str
    places: dict[str, int]

    def understand(self, line: str) -> _Understood:
        """Take the first link of a row, else its id, else its ISRC.

        A row is one line, so a quote that is never closed costs its own row and none of those below.
        """
        if len(line) > MAX_ROW:
            return _Understood(odd="this row is longer than any should be")
        cells = [cell.strip() for cell in _cells(line, self.delimiter)]
        row = {field: cells[place] for field, place in self.places.items() if place < len(cells)}
        if item := next(filter(None, map(_item, cells)), None) or _unlinked(row):
            return _Understood([_described(item, row)])
        return _Understood(odd="this row has no link, no id and no ISRC of a track" if any(cells) else "")


def _columns(line: str) -> _Columns | None:
    """Return what *line* says of the rows below it; None if it is no header."""
    if len(line) > MAX_ROW:
        return None
    delimiter = max(",;\t", key=lambda one: len(_cells(line, one)))
    labels = [_label(cell) for cell in _cells(line, delimiter)]
    found = {field: next((alias for alias in aliases if alias in labels), "") for field, aliases in _COLUMNS.items()}
    if found["id"] or found["isrc"] or any(map(_LINKS.fullmatch, labels)):
        return _Columns(delimiter, {field: labels.index(label) for field, label in found.items() if label})
    return None


def _label(cell: str) -> str:
    """Return the letters and digits of a header's *cell*; nothing of a link, which is no header."""
    return "" if ":" in cell or "/" in cell else re.sub(r"[\W_]+", "", cell.casefold())


def _cells(line: str, delimiter: str) -> list[str]:
    return next(csv.reader([line], delimiter=delimiter))


def _unlinked(row: Mapping[str, str]) -> Item | None:
    if row.get("type", "").casefold() in _NO_TRACKS:
        return None
    return _item(f"spotify:track:{row.get('id', '')}") or (Item(uri=None) if _isrc(row) else None)


def _described(item: Item, row: Mapping[str, str]) -> Item:
    artists = row.get("artists", "")
    # Those who separate artists by commas put a backslash before one that belongs to a name, if anything.
    each = artists.split(";") if ";" in artists else re.split(r"(?<!\\),", artists)
    names = (_name(one.replace("\\,", ",")) for one in each)
    return replace(
        item,
        name=_name(row.get("name", "")),
        artists=tuple(filter(None, names)),
        album=_name(row.get("album", "")),
        isrc=_isrc(row),
    )


def _name(text: str) -> str:
    return re.sub(r"[\x00-\x1f\x7f-\x9f]+", " ", text[:MAX_NAME]).strip()


def _isrc(row: Mapping[str, str]) -> str | None:
    written = re.sub(r"[\s-]+", "", row.get("isrc", "").upper())
    return written if _ISRC.fullmatch(written) else None
