"""``syncer add``: one more pair in a config that people have laid out, and not a letter of theirs touched.

Libraries that write YAML lay it out anew. So the pair is put in as text, where the parser says that the last one ends;
and the result counts only if reading it gives what was there before, and the pair.
"""

import json
import os
import re
import stat
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

import click
import yaml

from syncer import config, document
from syncer.cli.terminal import Screen
from syncer.errors import ConfigError, Problem
from syncer.forms import KINDS
from syncer.ids import NotAPlaylist, Thing, linked, playlist_id
from syncer.model import Config

Fields = Mapping[str, str | int]
"""A pair as the config spells it: its keys, in the order in which they are written."""

USAGE: Final = 2
WORDS: Final = tuple(kind for kind, written in KINDS.items() if written == kind)
"""The sources that a word stands for."""
_BOM: Final = b"\xef\xbb\xbf"
_LOADER: Final = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_LINE_BREAK: Final = re.compile(r"\r\n|\r|\n")
_PLAIN: Final = re.compile(
    r"(?!(?:y|n|yes|no|on|off|true|false|null)$)[A-Za-z][A-Za-z0-9_-]*|https://[!-~]+", re.IGNORECASE
)
"""What every reader of YAML takes for text without quotes."""


# --- the command ------------------------------------------------------------------------------------------------------


def add(path: Path, fields: Fields, screen: Screen) -> int:
    """Carry out the command and return its exit code (interface §2)."""
    try:
        added = put_in(path, fields)
    except ConfigError as error:
        screen.problems(error)
        return USAGE
    screen.say(f"Added the pair {added.config.pairs[-1].name} in line {added.line}.")
    screen.valid(path, added.config)
    only = f" --pair {fields['name']}" if "name" in fields else ""
    screen.say(f"-> `syncer plan{only}` shows what it would add")
    return 0


def fields_of(
    source: str, target: str, *, name: str | None = None, account: str | None = None, max_additions: int | None = None
) -> Fields:
    """Return a pair as it is written; click's UsageError if *source* or *target* cannot be one."""
    if target in WORDS:
        raise click.UsageError(f"TARGET is a playlist: {target!r} can only be a source")
    fields = {
        "name": name,
        "source": source if source in WORDS else _linked(source) or _link(source, "SOURCE"),
        "target": _link(target, "TARGET"),
        "account": account,
        "max_additions": max_additions,
    }
    return {key: value for key, value in fields.items() if value is not None}


def _linked(text: str) -> str | None:
    """Return the link to the album, artist or show that *text* names; None if it names none."""
    found = linked(text)
    if found and found[0] in (Thing.ALBUM, Thing.ARTIST, Thing.SHOW):
        return f"https://open.spotify.com/{found[0]}/{found[1]}"
    return None


def _link(text: str, what: str) -> str:
    try:
        return f"https://open.spotify.com/playlist/{playlist_id(text)}"
    except NotAPlaylist as error:
        raise click.UsageError(f"{what}: {error}") from None


# --- from a file to a file --------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Added:
    """What became of the file: the line in which the pair begins, and the config, of whose warnings only its own."""

    line: int
    config: Config


def put_in(path: Path, fields: Fields) -> Added:
    """Put the pair of *fields* into the config *path*, after the others.

    ConfigError if the config does not hold, would not hold any more, or cannot be written: nothing was changed.
    """
    raw = document.content(path)
    before = config.load(path, raw)
    text = raw.decode("utf-8-sig")
    longer = with_pair(text, fields)
    new = raw[: len(_BOM)] * raw.startswith(_BOM) + longer.encode()
    try:
        after = config.load(path, new)
    except ConfigError as error:
        hint = "with this pair the config would not hold, so nothing was added"
        raise ConfigError(error.problems, hint=hint) from None
    if replace(after, pairs=after.pairs[:-1], warnings=()) != replace(before, warnings=()):
        raise RuntimeError("a pair that was put into the config would have changed another part of it")
    if document.content(path) != raw:
        raise _unwritten(path, "was changed in this moment", hint="run the command again")
    write(path, new)
    place = f"$.pairs[{len(before.pairs)}]"
    own = tuple(warning for warning in after.warnings if warning.path.startswith(place))
    return Added(line=_pairs(longer).value[-1].start_mark.line + 1, config=replace(after, warnings=own))


def write(path: Path, raw: bytes) -> None:
    """Put *raw* in the place of the file *path*, in one step, with its mode; ConfigError if that cannot be done."""
    with _or_complaint(path):
        real = path.resolve()  # a link goes on pointing there
        opened, fresh = tempfile.mkstemp(prefix=f".{real.name}.", dir=real.parent)
        try:
            with os.fdopen(opened, "wb") as file:
                os.fchmod(opened, stat.S_IMODE(real.stat().st_mode))
                file.write(raw)
                file.flush()
                os.fsync(opened)
            Path(fresh).replace(real)
        finally:
            with suppress(FileNotFoundError):
                Path(fresh).unlink()


def create(path: Path, raw: bytes) -> None:
    """Make the file *path*, and its folder, with *raw* in it; ConfigError if it is there or cannot be made."""
    with _or_complaint(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("xb") as file:
            file.write(raw)


@contextmanager
def _or_complaint(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        hint = "check the path and its permissions, and that the disk has room"
        raise _unwritten(path, f"cannot be written: {error.strerror}", hint=hint) from None


def _unwritten(path: Path, what: str, *, hint: str) -> ConfigError:
    return ConfigError([Problem(file=str(path), line=0, column=0, path="$", message=f"{path} {what}")], hint=hint)


# --- from text to text ------------------------------------------------------------------------------------------------


def with_pair(text: str, fields: Fields) -> str:
    """Return *text*, a config that holds, with the pair of *fields* after its last one; nothing of it is left out."""
    pairs = _pairs(text)
    return (_in_brackets if pairs.flow_style else _in_lines)(text, pairs, fields)


def _pairs(text: str) -> Any:
    """Return the node of the list under 'pairs'."""
    top: Any = yaml.compose(text, Loader=_LOADER)
    return next(value for key, value in top.value if key.value == "pairs")


def _in_lines(text: str, pairs: Any, fields: Fields) -> str:
    """Put it on lines of its own, below what belongs to the last pair: its comments are indented as its keys are."""
    last, margin = pairs.value[-1], pairs.start_mark.column
    at = _line_end(text, _end(text, last))
    while comment := re.compile(rf"(?:\r\n|\r|\n) {{{margin + 1},}}#[^\r\n]*").match(text, at):
        at = comment.end()
    if last.flow_style:
        lines = [" " * margin + f"- {_flow(last, fields)}"]
    else:
        lines = lines_of(fields, margin=margin, indent=max(2, last.start_mark.column - margin))
    return text[:at] + "".join(_break(text) + line for line in (*_gap(text, pairs), *lines)) + text[at:]


def lines_of(fields: Fields, *, margin: int = 2, indent: int = 2) -> list[str]:
    """Return a pair as lines: its dash *margin* columns from the left, its keys *indent* from the dash."""
    lines = [" " * (margin + indent) + f"{key}: {_scalar(value)}" for key, value in fields.items()]
    return [" " * margin + "-" + lines[0][margin + 1 :], *lines[1:]]


def _gap(text: str, pairs: Any) -> list[str]:
    """Return the empty line that belongs above a pair, if there is one above the last."""
    if len(pairs.value) == 1:
        return []
    before, last = pairs.value[-2:]
    between = _LINE_BREAK.split(text[_end(text, before) : last.start_mark.index])
    return [""] if any(not line.strip() for line in between[1:-1]) else []


def _in_brackets(text: str, pairs: Any, fields: Fields) -> str:
    """Put it after the last entry: on a line of its own, with a comma behind it, if that is how the last one stands."""
    last = pairs.value[-1]
    start, end, close = last.start_mark.index, last.end_mark.index, pairs.end_mark.index - 1
    tail = re.sub(r"#[^\r\n]*", lambda comment: " " * len(comment[0]), text[end:close])
    comma = "," in tail
    after = end + tail.index(",") + 1 if comma else end
    entry, indent = _flow(last, fields), text[:start].rpartition("\n" if "\n" in text else "\r")[2]
    if not indent.strip() and _LINE_BREAK.search(tail, after - end):
        at = _line_end(text, after)
        return text[:end] + "," * (not comma) + text[end:at] + _break(text) + indent + entry + "," * comma + text[at:]
    return text[:after] + (f" {entry}," if comma else f", {entry}") + text[after:]


def _end(text: str, node: Any) -> int:
    """Return where the last letter of *node* is; the parser's own mark may lie behind comments that follow."""
    while not isinstance(node, yaml.ScalarNode) and not node.flow_style:
        node = node.value[-1][1] if isinstance(node, yaml.MappingNode) else node.value[-1]
    return len(text[: node.end_mark.index].rstrip())


def _line_end(text: str, at: int) -> int:
    found = _LINE_BREAK.search(text, at)
    return found.start() if found else len(text)


def _break(text: str) -> str:
    found = _LINE_BREAK.search(text)
    return found[0] if found else "\n"


def _flow(like: Any, fields: Fields) -> str:
    """Write a pair in one line: as JSON if *like* looks like that."""
    if like.value[0][0].style == '"':
        return json.dumps(fields)
    return "{" + ", ".join(f"{key}: {_scalar(value)}" for key, value in fields.items()) + "}"


def _scalar(value: str | int) -> str:
    return value if isinstance(value, str) and _PLAIN.fullmatch(value) else json.dumps(value)
