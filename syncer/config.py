"""The config: checked for shape and for meaning, every problem with its place.

Both checks look at the whole document and collect, so that a person sees all there is to mend at once.
"""

import difflib
import json
import re
from collections.abc import Iterable, Iterator
from itertools import islice
from pathlib import Path
from typing import Any, Final

from syncer.document import Document, KeyPath, in_file_order, read
from syncer.ids import NotAPlaylist, PlaylistId, is_spotify_made, playlist_id, shorten
from syncer.model import DEFAULT_ACCOUNT, Account, Config, LikedSongs, Pair, PlaylistSource, Removed, Source

MAX_PAIRS: Final = 5_000


def load(path: Path, raw: bytes | None = None) -> Config:
    """Return the config in *path*; :class:`ConfigError` with every problem, in file order, if it does not hold.

    *raw* is read as if *path* held it.
    """
    document = read(path, raw)
    config = _meaning(document)
    _shape(document)
    if document.problems:
        raise document.error()
    return config


def schema(name: str) -> dict[str, Any]:
    """Return the JSON schema called *name*: inside the package in a wheel, beside it in a checkout and in Lambda."""
    package = Path(__file__).parent
    folder = next(home for home in (package / "schemas", package.parent / "schemas") if home.is_dir())
    loaded: dict[str, Any] = json.loads((folder / f"{name}.schema.json").read_text(encoding="utf-8"))
    return loaded


# --- shape: the schema, in people's words -----------------------------------------------------------------------------

_Error = Any
"""A jsonschema.ValidationError: typed, each of its parts might be unset."""


def _shape(document: Document) -> None:
    import jsonschema  # noqa: PLC0415 - takes as long to import as half of ours

    validator = jsonschema.Draft202012Validator(schema("config"))
    for error in validator.iter_errors(document.data):
        path: KeyPath = tuple(error.absolute_path)
        match error.validator:
            case "additionalProperties":
                _blame_unknown_keys(document, path, error)
            case "required":
                for key in error.validator_value:
                    if key not in error.instance:
                        document.blame(path, f"needs {'' if key.endswith('s') else 'a '}{key!r}")
            case _:
                document.blame(path, _complaint(document, path, error))


def _blame_unknown_keys(document: Document, path: KeyPath, error: _Error) -> None:
    """Blame each key that *error*, one for all of them, is about."""
    rules = error.schema
    known, pattern = rules.get("properties", {}), "|".join(rules.get("patternProperties", ()))
    for key in error.instance:
        if key in known or (pattern and re.search(pattern, key)):
            continue
        message = f"{shorten(key)} is not {rules['x-key-hint']}" if pattern else f"unknown key {_misspelt(key, known)}"
        document.blame((*path, key), message, place=document.keys[(*path, key)])


def _complaint(document: Document, path: KeyPath, error: _Error) -> str:
    """Say what is wrong with the value at *path*; under 'accounts' without quoting it, for it may be a secret."""
    value, hint = error.instance, error.schema["x-hint"]
    spelled, hidden = document.spelled.get(path, ""), path[:1] == ("accounts",)
    if error.validator == "type" and "string" in error.validator_value and spelled and value is not None:
        return "write it in quotes" if hidden else f"write it in quotes: {shorten(spelled)}"
    return f"must be {hint}" if hidden else f"must be {hint}, not {_shown(value, spelled)}"


def _shown(value: Any, spelled: str) -> str:
    match value:
        case str():
            return shorten(value)
        case dict() | list() if value:
            return "a list" if isinstance(value, list) else "'key: value' lines"
        case _:
            return shorten(spelled).strip("'") or "empty"


def _misspelt(word: str, known: Iterable[str]) -> str:
    """Quote *word* with the known one that is meant, or with some of them."""
    some = list(islice(known, 50))
    if close := difflib.get_close_matches(word.lower(), some, n=1):
        return f"{shorten(word)}: did you mean {close[0]!r}?"
    return f"{shorten(word)}: known here are {', '.join(map(repr, some[:10]))}"


# --- meaning: what the schema cannot say ------------------------------------------------------------------------------


def _meaning(document: Document) -> Config:
    """Return the config as far as it can be told; note what does not hold and what is odd.

    Values of a wrong shape are passed over: the shape check blames them.
    """
    top = _mapping(document.data)
    accounts = tuple(_accounts(document, _mapping(top.get("accounts")))) or (Account(name=DEFAULT_ACCOUNT),)
    readable = "accounts" not in top or bool(_mapping(top["accounts"]))
    names = [account.name for account in accounts] if readable else None
    defaults = _mapping(top.get("defaults"))
    pairs: dict[KeyPath, Pair] = {}
    for index, entry in enumerate(_entries(document, top.get("pairs"))):
        path: KeyPath = ("pairs", index)
        if names is not None:
            _check_account(document, path, _mapping(entry), defaults, names)
        if pair := _pair(document, path, _mapping(entry), defaults):
            pairs[path] = pair
    _check_twins(document, pairs)
    return Config(
        pairs=tuple(pairs.values()),
        accounts=accounts,
        state=_state(document, top.get("state")),
        warnings=in_file_order(document.warnings),
    )


def _entries(document: Document, value: Any) -> list[Any]:
    """Return the entries under 'pairs'; too many end the reading, for their problems would be too many too."""
    entries = value if isinstance(value, list) else []
    if len(entries) > MAX_PAIRS:
        message = f"{len(entries):,} pairs are more than the {MAX_PAIRS:,} that one run can serve: use several configs"
        document.blame(("pairs",), message)
        raise document.error()
    return entries


def _mapping(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _accounts(document: Document, entries: dict[str, Any]) -> Iterator[Account]:
    for name, entry in entries.items():
        path: KeyPath = ("accounts", name)
        if path in document.unquoted_keys:
            document.blame(path, f"write it in quotes: {shorten(name)}", place=document.keys[path])
        options = _mapping(entry)
        file, daily = options.get("file"), options.get("daily_requests")
        if name != DEFAULT_ACCOUNT and options.keys() == {"daily_requests"}:
            document.blame(path, "needs 'secret: NAME' or 'file: PATH' too: only 'default' has a place of its own")
        yield Account(
            name=name,
            secret=options.get("secret"),
            file=_absolute(document, (*path, "file"), file) if isinstance(file, str) else None,
            daily_requests=daily if type(daily) is int else None,
        )


def _state(document: Document, value: Any) -> str | None:
    """Return where the state is kept, in the words of $SYNCER_STATE; None where the config leaves that open."""
    match value:
        case "none":
            return "none"
        case {"file": str(file)} if file:
            path = _absolute(document, ("state", "file"), file)
            return f"file:{path}" if path else None
        case {"table": str(table)}:
            return f"table:{table}"
    return None


def _absolute(document: Document, path: KeyPath, text: str) -> str | None:
    """Return the file path *text* seen from the config, ``~`` expanded."""
    if not text.isprintable():
        document.blame(path, "must be the path of a file, without line breaks and control characters", settles=True)
        return None
    try:
        return str(Path(document.file).absolute().parent / Path(text).expanduser())
    except RuntimeError:
        document.blame(path, "the home folder that '~' stands for is not known here: write the whole path")
        return None


def _check_account(
    document: Document, path: KeyPath, entry: dict[str, Any], defaults: dict[str, Any], names: list[str]
) -> None:
    """Blame the account of a pair if there is none of that name, where the name is written."""
    holder, at = (entry, path) if "account" in entry else (defaults, ("defaults",))
    name = holder.get("account", DEFAULT_ACCOUNT)
    if not isinstance(name, str) or name in names:
        return
    if "account" in holder:
        document.blame((*at, "account"), f"unknown account {_misspelt(name, names)}")
        return
    first = ", ".join(map(repr, names[:10]))
    message = f"unknown account 'default', which pairs without an 'account' use: give them one of {first}"
    document.blame(("accounts",), f"{message}, each or under 'defaults'")


def _pair(document: Document, path: KeyPath, entry: dict[str, Any], defaults: dict[str, Any]) -> Pair | None:
    """Return the pair that *entry* stands for, its options unchecked; None if its sources or target cannot be told."""
    sources, complete = _sources(document, (*path, "source"), entry.get("source"))
    target = _target(document, (*path, "target"), entry.get("target"))
    if target and (at := sources.get(PlaylistSource(target))):
        target_path = (*path, "target")
        lines = f"the source in line {document.line(at)} and the target in line {document.line(target_path)}"
        document.blame(target_path, f"{lines} are the same playlist")
        return None
    if not (target and sources and complete):
        return None
    options = {key: value for key, value in {**defaults, **entry}.items() if key in _OPTIONS}
    removed = {**defaults, **entry}.get("removed")
    name = entry.get("name")
    return Pair(
        name=name if isinstance(name, str) else _name(tuple(sources), target),
        sources=tuple(sources),
        target=target,
        removed=Removed(removed) if removed in list(Removed) else Removed.COME_BACK,
        **options,
    )


_OPTIONS: Final = ("account", "enabled", "max_additions")


def _name(sources: tuple[Source, ...], target: PlaylistId) -> str:
    """Return what a pair without a name is called (interface §1)."""
    first = sources[0].id if isinstance(sources[0], PlaylistSource) else str(sources[0])
    more = f"-and-{len(sources) - 1}-more" if len(sources) > 1 else ""
    return f"{first}{more}-to-{target}"


def _sources(document: Document, path: KeyPath, value: Any) -> tuple[dict[Source, KeyPath], bool]:
    """Return each source that can be told, once, with its place; and whether that is all of them."""
    listed = (
        [((*path, index), text) for index, text in enumerate(value)] if isinstance(value, list) else [(path, value)]
    )
    found: dict[Source, KeyPath] = {}
    complete = True
    for at, text in listed:
        source = _source(document, at, text)
        if source is None:
            complete = False
        elif found.setdefault(source, at) != at:
            lines = f"lines {document.line(found[source])} and {document.line(at)}"
            document.warn(at, f"the same source is listed twice, in {lines}: it is read once")
    return found, complete


def _source(document: Document, path: KeyPath, text: Any) -> Source | None:
    if text == "liked":
        return LikedSongs()
    playlist = _playlist(document, path, text)
    if playlist is None:
        return None
    if is_spotify_made(playlist):
        document.warn(path, _SPOTIFY_MADE)
    return PlaylistSource(playlist)


_SPOTIFY_MADE: Final = (
    "this looks like a playlist that Spotify makes itself, and since November 2024 Spotify lets no new app read those:"
    " copy its tracks into a playlist of your own in a Spotify app and use that copy as the source"
)


def _target(document: Document, path: KeyPath, text: Any) -> PlaylistId | None:
    if text == "liked":
        document.blame(path, "'liked' can only be a source: the target is a playlist", settles=True)
        return None
    return _playlist(document, path, text)


def _playlist(document: Document, path: KeyPath, text: Any) -> PlaylistId | None:
    if not isinstance(text, str):
        return None
    try:
        return playlist_id(text)
    except NotAPlaylist as error:
        document.blame(path, str(error), settles=True)
        return None


def _check_twins(document: Document, pairs: dict[KeyPath, Pair]) -> None:
    """Blame pairs that do the same, and pairs that are called the same."""
    alike: dict[object, KeyPath] = {}
    names: dict[str, KeyPath] = {}
    for path, pair in pairs.items():
        first = alike.setdefault(_essence(pair), path)
        if first != path:
            lines = f"lines {document.line(first)} and {document.line(path)}"
            document.blame(path, f"the pairs in {lines} have the same source and target: keep one")
        named = (*path, "name")
        place = named if named in document.values else path
        if first != path and place == path:
            continue  # the names made for twins are alike, which says nothing new
        first = names.setdefault(pair.name, place)
        if first != place:
            lines = f"lines {document.line(first)} and {document.line(place)}"
            document.blame(place, f"the pairs in {lines} are both called {shorten(pair.name)}: give one another 'name'")


def _essence(pair: Pair) -> object:
    """Return what makes a pair do what it does: Liked Songs are another list for another account."""
    account = str(pair.account) if LikedSongs() in pair.sources else None
    return pair.sources, pair.target, account
