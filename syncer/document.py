"""A YAML file as plain data, with the place of every key and value, read so that no file can hurt us.

Nothing is built before the gate has passed a parse event, so no file can make us hang or crash (fault model C1-C7).
"""

import os
import re
import stat
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, NamedTuple

import yaml
from yaml.resolver import Resolver

from syncer.errors import ConfigError, Problem
from syncer.ids import shorten

MAX_BYTES: Final = 1 << 20
MAX_DEPTH: Final = 12
MAX_NODES: Final = 200_000
"""Keys and values in one file: the largest config that is accepted, with every option, has fewer."""

KeyPath = tuple[str | int, ...]


class Place(NamedTuple):
    """Where something begins; both count from 1."""

    line: int
    column: int


WHOLE_FILE: Final = Place(0, 0)


def read(path: Path, raw: bytes | None = None) -> "Document":
    """Return what *path* says; :class:`ConfigError` if it is no file, no text, or no YAML that passes the gate.

    What can be read on from is collected in the document's ``problems`` instead. *raw* is read as if *path* held it.
    """
    document = Document(file=str(path))
    _parse(_decoded(_content(path, document) if raw is None else raw, document), document)
    return document


def content(path: Path) -> bytes:
    """Return what is in the file *path*, as far as it could be a config; :class:`ConfigError` if it is no file."""
    return _content(path, Document(file=str(path)))


@dataclass(slots=True, kw_only=True)
class Document:
    """What a file says, where it says it, and what is wrong with it."""

    file: str
    data: Any = None
    keys: dict[KeyPath, Place] = field(default_factory=dict)
    values: dict[KeyPath, Place] = field(default_factory=dict)
    spelled: dict[KeyPath, str] = field(default_factory=dict)
    """How a plain scalar that YAML does not take for text is written."""
    unquoted_keys: set[KeyPath] = field(default_factory=set)
    settled: set[KeyPath] = field(default_factory=set)
    """All has been said about what is here and below."""
    problems: list[Problem] = field(default_factory=list)
    warnings: list[Problem] = field(default_factory=list)

    def line(self, path: KeyPath) -> int:
        """Return the line in which the value at *path* begins."""
        return self.values[path].line

    def path_of(self, path: KeyPath, text: str) -> str | None:
        """Return the file path *text*, the value at *path*, seen from this file, ``~`` expanded; None if it is none."""
        if not text.isprintable():
            message = "must be the path of a file, without line breaks and control characters"
            self.blame(path, message, settles=True)
            return None
        try:
            return str(Path(self.file).absolute().parent / Path(text).expanduser())
        except RuntimeError:
            self.blame(path, "the home folder that '~' stands for is not known here: write the whole path")
            return None

    def blame(self, path: KeyPath, message: str, *, place: Place | None = None, settles: bool = False) -> None:
        """Note a problem of the value at *path*; one that *settles* it keeps later ones about it away."""
        if any(path[:length] in self.settled for length in range(len(path) + 1)):
            return
        self.problems.append(self._problem(path, message, place or self.values[path]))
        if settles:
            self.settled.add(path)

    def warn(self, path: KeyPath, message: str) -> None:
        """Note something about the value at *path* that does not keep the config from running."""
        self.warnings.append(self._problem(path, message, self.values[path]))

    def refuse(self, message: str, place: Place = WHOLE_FILE) -> ConfigError:
        """Return the error that ends the reading here, with all that was found before."""
        self.problems.append(self._problem((), message, place))
        return self.error()

    def error(self) -> ConfigError:
        """Return the problems so far as one error, in file order, each once."""
        return ConfigError(in_file_order(dict.fromkeys(self.problems)))

    def _problem(self, path: KeyPath, message: str, place: Place) -> Problem:
        return Problem(file=self.file, line=place.line, column=place.column, path=_json_path(path), message=message)


def in_file_order(problems: Iterable[Problem]) -> tuple[Problem, ...]:
    """Return *problems* by line and column."""
    return tuple(sorted(problems, key=lambda problem: (problem.line, problem.column)))


def _json_path(path: KeyPath) -> str:
    return "$" + "".join(map(_step, path))


def _step(part: str | int) -> str:
    if isinstance(part, int):
        return f"[{part}]"
    return f".{part}" if re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]{0,59}", part) else f"[{shorten(part)}]"


# --- from the file to text --------------------------------------------------------------------------------------------

_NOT_TEXT: Final = re.compile(
    "[^\\t\\n\\r\\x20-\\x7e\\xa0-\\u2027\\u202a-\\ud7ff\\ue000-\\ufefe\\uff00-\\ufffd\\U00010000-\\U0010ffff]"
)
"""What YAML does not allow in a file; and the line breaks and marks that editors do not show as such."""


def _content(path: Path, document: Document) -> bytes:
    try:
        with open(path, "rb", opener=_open_at_once) as file:
            if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
                raise document.refuse(f"{path} is not a file but a pipe or device: pass a file with --config PATH")
            return file.read(MAX_BYTES + 1)
    except (FileNotFoundError, NotADirectoryError):
        raise document.refuse(f"there is no file {path}: pass --config PATH or create it") from None
    except IsADirectoryError:
        raise document.refuse(f"{path} is a folder: pass a file with --config PATH") from None
    except OSError as error:
        raise document.refuse(f"{path} cannot be read: {error.strerror}; check the path and its permissions") from None


def _open_at_once(path: str, flags: int) -> int:
    """Open without waiting for someone to write into a pipe."""
    return os.open(path, flags | os.O_NONBLOCK)


def _decoded(raw: bytes, document: Document) -> str:
    if len(raw) > MAX_BYTES:
        message = f"{document.file} is larger than 1 MiB, more than a config needs: pass another with --config PATH"
        raise document.refuse(message)
    if raw.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise document.refuse("this is UTF-16 text: save the file as UTF-8", Place(1, 1))
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        place = _end_of(error.object[: error.start].decode())
        raise document.refuse("this character is not UTF-8: save the file as UTF-8", place) from None
    if bad := _NOT_TEXT.search(text):
        message = f"the invisible character U+{ord(bad[0]):04X} is not allowed here: delete it"
        raise document.refuse(message, _end_of(text[: bad.start()]))
    return text


_LINE_BREAK: Final = re.compile(r"\r\n|\r|\n")


def _end_of(text: str) -> Place:
    lines = _LINE_BREAK.split(text)
    return Place(len(lines), len(lines[-1]) + 1)


# --- from text to a document, event by event --------------------------------------------------------------------------

_LOADER: Final = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_RESOLVER: Final[Any] = Resolver()
_PLAIN_INTEGER: Final = re.compile(r"-?(?:0|[1-9][0-9]{0,17})")
_SECRET_KEY: Final = re.compile(
    r"token|password|passwd|passphrase|apikey|clientsecret|appsecret|secretkey|accesskey|privatekey|authorization"
)
_UNREAD: Final = object()
"""Stands for a value that is neither text nor a plain number, true, false or null; it fits no type of the schema."""


def _parse(text: str, document: Document) -> None:
    end = _end_of(text)
    builder = _Builder(document, end)
    try:
        for event in yaml.parse(text, Loader=_LOADER):
            builder.take(event)
    except yaml.MarkedYAMLError as error:
        raise document.refuse(*_syntax(error, text, end)) from None
    except ValueError:  # the scanner written in Python, where an escape names no character
        raise document.refuse("an escape after a backslash names no character: use single quotes") from None
    if not document.values:
        raise document.refuse("the file is empty: it needs 'pairs:' and at least one pair", Place(1, 1))


@dataclass(slots=True)
class _Frame:
    """A list or mapping, ``held``, that is being filled."""

    path: KeyPath
    held: Any
    key: str | None = None
    """Of a mapping: the key whose value comes next; None while a key comes next."""


class _Builder:
    """Fills a document from parse events, on a stack of its own: depth and size are judged before anything grows."""

    def __init__(self, document: Document, end: Place) -> None:
        self._document = document
        self._end = end
        self._stack: list[_Frame] = []
        self._nodes = 0

    def take(self, event: yaml.Event) -> None:
        """Carry out one event; :class:`ConfigError` where the gate closes."""
        match event:
            case yaml.NodeEvent():
                self._node(event, _place(event.start_mark, self._end))
            case yaml.CollectionEndEvent():
                self._stack.pop()
            case yaml.DocumentStartEvent() if self._document.values:
                message = "a second document begins with this '---': a config is one document"
                raise self._document.refuse(message, _place(event.start_mark, self._end))
            case _:
                pass

    def _node(self, event: yaml.NodeEvent, place: Place) -> None:
        self._nodes += 1
        if self._nodes > MAX_NODES:
            message = f"more than {MAX_NODES:,} values: no config needs as many"
            raise self._document.refuse(message, place)
        frame = self._stack[-1] if self._stack else None
        if frame and frame.key is None and isinstance(frame.held, dict):
            self._key(frame, event, place)
        else:
            self._value(frame, event, place)

    def _key(self, frame: _Frame, event: yaml.NodeEvent, place: Place) -> None:
        if not isinstance(event, yaml.ScalarEvent):
            raise self._document.refuse("a key must be plain text: write what begins with [, { or * in quotes", place)
        frame.key = key = event.value
        path = (*frame.path, key)
        if key in frame.held:
            again = f"the key {shorten(key)} is in line {self._document.keys[path].line} and again in line {place.line}"
            self._document.blame(path, f"{again}: keep one", place=place)
        self._document.keys[path] = place
        self._plainness(event, path, place)
        kind = _kind(event)
        if kind == "merge":
            message = "'<<' is not used here: write the options out, or put them under 'defaults'"
            self._document.blame(frame.path, message, place=place, settles=True)
        elif kind != "str":
            self._document.unquoted_keys.add(path)
        if _SECRET_KEY.search(re.sub(r"[^a-z]", "", key.lower())):
            self._document.blame(path, _NO_SECRETS.format(shorten(key)), place=place, settles=True)

    def _value(self, frame: _Frame | None, event: yaml.NodeEvent, place: Place) -> None:
        path = self._next_path(frame)
        self._document.values[path] = place
        self._plainness(event, path, place)
        value = self._built(event, path, place)
        if frame is None:
            self._document.data = value
        elif isinstance(frame.held, list):
            frame.held.append(value)
        else:
            frame.held[frame.key] = value
            frame.key = None

    @staticmethod
    def _next_path(frame: _Frame | None) -> KeyPath:
        if frame is None:
            return ()
        return (*frame.path, len(frame.held) if frame.key is None else frame.key)

    def _plainness(self, event: yaml.NodeEvent, path: KeyPath, place: Place) -> None:
        """Blame what YAML has beyond plain data, and settle what then cannot be known."""
        match event:
            case yaml.AliasEvent():
                message = "'*' begins an alias, which is not used here: write the value out, or in quotes"
                self._document.blame(path, message, place=place, settles=True)
                return
            case yaml.ScalarEvent(tag=str()) | yaml.CollectionStartEvent(tag=str()):
                message = "'!' begins a tag, which is not used here: leave it out, or write the value in quotes"
                self._document.blame(path, message, place=place, settles=True)
            case _:
                pass
        if event.anchor is not None:
            message = "'&' begins an anchor, which is not used here: leave it out, or write the value in quotes"
            self._document.blame(path, message, place=place)

    def _built(self, event: yaml.NodeEvent, path: KeyPath, place: Place) -> Any:
        if isinstance(event, yaml.ScalarEvent):
            value = _plain(event)
            if not isinstance(value, str):
                self._document.spelled[path] = event.value
            return value
        if isinstance(event, yaml.AliasEvent):
            return _UNREAD
        if len(self._stack) == MAX_DEPTH:
            raise self._document.refuse(f"nested more than {MAX_DEPTH} deep: a config needs no more than 6", place)
        held: Any = {} if isinstance(event, yaml.MappingStartEvent) else []
        self._stack.append(_Frame(path, held))
        return held


_NO_SECRETS: Final = (
    "{} looks like a secret, and secrets do not belong in the config: delete it, and run `syncer login`,"
    " which keeps them in the file or AWS secret that 'accounts' names"
)


def _place(mark: Any, end: Place) -> Place:
    """Return the place of *mark*: within the text, though libyaml counts a line more if nothing ends the last one."""
    return min(Place(mark.line + 1, mark.column + 1), end)


def _kind(event: yaml.ScalarEvent) -> str:
    """Return what YAML takes a scalar for; all-digit text counts as a number whatever it begins with."""
    if not event.implicit[0]:
        return "str"
    if re.fullmatch(r"[0-9]+", event.value):
        return "int"
    tag: str = _RESOLVER.resolve(yaml.ScalarNode, event.value, (True, False))
    return tag.rpartition(":")[2]


def _plain(event: yaml.ScalarEvent) -> Any:
    """Return the value of a scalar where every reader of YAML agrees on it."""
    text: str = event.value
    match _kind(event):
        case "str":
            return text
        case "bool":
            return text.lower() in {"true", "yes", "on"}
        case "null":
            return None
        case "int" if _PLAIN_INTEGER.fullmatch(text):
            return int(text)
        case _:
            return _UNREAD


class _Advice(NamedTuple):
    """What to say where the parser's words match; at the ``opening`` of what went wrong, or where it was noticed."""

    words: str
    message: str
    opening: bool = False


_MISFIT: Final = "this does not fit the lines above: check its indentation, and that quotes and brackets close"
_SYNTAX: Final = (
    _Advice("quoted scalar.*(?:end of stream|document indicator)", "this quote is never closed", opening=True),
    _Advice("quoted scalar", "a backslash in double quotes begins an escape: use single quotes"),
    _Advice("cannot start any token", "no value can begin with this character: write the value in quotes"),
    _Advice(
        "mapping values are not allowed",
        "no ':' can stand here: check the indentation, and write a value with ': ' in it in quotes",
    ),
    _Advice("sequence entries are not allowed", "no '- ' can stand here: begin the list on a line of its own"),
    _Advice("flow (?:sequence|mapping)", "this bracket is not closed, or lacks a ',' between its parts", opening=True),
    _Advice("could not find expected ':'", "this line lacks the ':' after its key", opening=True),
    _Advice("an? (?:anchor|alias|tag)", "a value that begins with &, * or ! must be in quotes", opening=True),
    _Advice("directive|incompatible|tag handle", "lines that begin with '%' are not used here"),
    _Advice("", _MISFIT),
)


_BRACED: Final = re.compile(r"\{[a-z_]+\}")
"""What stands for the time in the name of a playlist, and means something else to YAML."""


def _syntax(error: yaml.MarkedYAMLError, text: str, end: Place) -> tuple[str, Place]:
    """Put a parser's complaint into our words; its own may quote the file."""
    place = _place(error.problem_mark, end)
    line = _LINE_BREAK.split(text)[place.line - 1]
    indentation = line[: len(line) - len(line.lstrip())]
    if "\t" in indentation or line[place.column - 1 : place.column] == "\t":
        return "a tab cannot indent: use spaces", place._replace(column=line.index("\t") + 1)
    if name := _BRACED.search(line):
        return "a name with {...} in it must be in quotes", place._replace(column=name.start() + 1)
    words = f"{error.context or ''} {error.problem}"
    advice = next(advice for advice in _SYNTAX if re.search(advice.words, words))
    return advice.message, _place(error.context_mark, end) if advice.opening else place
