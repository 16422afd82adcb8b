"""The config: checked for shape and for meaning, every problem with its place.

Both checks look at the whole document and collect, so that a person sees all there is to mend at once.
"""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from syncer import forms
from syncer.document import Document, KeyPath, in_file_order, read
from syncer.forms import Found, Target, mapping
from syncer.ids import ID_LENGTH, shorten
from syncer.model import (
    DEFAULT_ACCOUNT,
    Account,
    AlbumSource,
    ArtistSource,
    Config,
    FileSource,
    LikedSongs,
    Pair,
    PlaylistSource,
    Queue,
    RecentlyPlayed,
    SavedAlbums,
    SavedEpisodes,
    ShowSource,
    Source,
    TopTracks,
)
from syncer.options import Options, Reader, merged, rhythm_of, rules_of
from syncer.spelling import misspelt

MAX_PAIRS: Final = 5_000
MAX_NAME: Final = 64
"""Characters in the name of a pair."""


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
        match list(error.schema_path)[-3:]:
            case [*_, "additionalProperties"]:
                _blame_unknown_keys(document, path, error)
            case [*_, "required"]:
                for key in error.validator_value:
                    if key not in error.instance:
                        document.blame(path, f"needs {'' if key.endswith('s') else 'a '}{key!r}")
            case [*_, "then", "oneOf"]:
                _blame_choice(document, path, error)
            case ["dependentSchemas", str(option), "anyOf"]:
                message = f"{option!r} goes with {' or '.join(map(repr, _choices(error)))} only"
                document.blame(path, message, place=document.keys[(*path, option)])
            case _:
                document.blame(path, _complaint(document, path, error))


def _blame_unknown_keys(document: Document, path: KeyPath, error: _Error) -> None:
    """Blame each key that *error*, one for all of them, is about."""
    rules = error.schema
    known, pattern = rules.get("properties", {}), "|".join(rules.get("patternProperties", ()))
    for key in error.instance:
        if key in known or (pattern and re.search(pattern, key)):
            continue
        message = f"{shorten(key)} is not {rules['x-key-hint']}" if pattern else f"unknown key {misspelt(key, known)}"
        document.blame((*path, key), message, place=document.keys[(*path, key)])


def _choices(error: _Error) -> list[str]:
    """Return the keys of which *error*, about a choice, wants one."""
    return [key for choice in error.validator_value for key in choice["required"]]


def _blame_choice(document: Document, path: KeyPath, error: _Error) -> None:
    """Blame a source or target that is several things at each beyond the first, and one that is none of them."""
    known = _choices(error)
    first, *others = [key for key in error.instance if key in known] or [""]
    for key in others:
        message = f"{first!r} and {key!r} {error.schema['x-several']}"
        document.blame((*path, key), message, place=document.keys[(*path, key)])
    if not first and not error.instance.keys() - {"account", "roll_over"}:  # of any other key more is to be said
        document.blame(path, f"needs one of {', '.join(map(repr, known))}")


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


# --- meaning: what the schema cannot say ------------------------------------------------------------------------------


def _meaning(document: Document) -> Config:
    """Return the config as far as it can be told; note what does not hold and what is odd.

    Values of a wrong shape are passed over: the shape check blames them.
    """
    top = mapping(document.data)
    accounts = tuple(_accounts(document, mapping(top.get("accounts")))) or (Account(name=DEFAULT_ACCOUNT),)
    readable = "accounts" not in top or bool(mapping(top["accounts"]))
    names = [account.name for account in accounts] if readable else None
    reader, written = Reader(document), mapping(top.get("defaults"))
    defaults = reader.read(("defaults",), written)
    pairs: dict[KeyPath, Pair] = {}
    for index, one in enumerate(_entries(document, top.get("pairs"))):
        path, entry = ("pairs", index), mapping(one)
        if names is not None:
            _check_accounts(document, path, entry, written, names)
        if pair := _pair(document, path, entry, merged(reader.read(path, entry), defaults)):
            pairs[path] = pair
    told = {} if ("defaults",) in reader.untold else {at: pairs[at] for at in pairs if at not in reader.untold}
    twins = _check_twins(document, told)
    _check_names(document, pairs, twins)
    _check_targets(document, told)
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


def _accounts(document: Document, entries: dict[str, Any]) -> Iterator[Account]:
    for name, entry in entries.items():
        path: KeyPath = ("accounts", name)
        if path in document.unquoted_keys:
            document.blame(path, f"write it in quotes: {shorten(name)}", place=document.keys[path])
        options = mapping(entry)
        file, daily = options.get("file"), options.get("daily_requests")
        if name != DEFAULT_ACCOUNT and options.keys() == {"daily_requests"}:
            document.blame(path, "needs 'secret: NAME' or 'file: PATH' too: only 'default' has a place of its own")
        yield Account(
            name=name,
            secret=options.get("secret"),
            file=document.path_of((*path, "file"), file) if isinstance(file, str) else None,
            daily_requests=daily if type(daily) is int else None,
        )


def _state(document: Document, value: Any) -> str | None:
    """Return where the state is kept, in the words of $SYNCER_STATE; None where the config leaves that open."""
    match value:
        case "none":
            return "none"
        case {"file": str(file)} if file:
            path = document.path_of(("state", "file"), file)
            return f"file:{path}" if path else None
        case {"table": str(table)}:
            return f"table:{table}"
    return None


def _check_accounts(
    document: Document, path: KeyPath, entry: dict[str, Any], defaults: dict[str, Any], names: list[str]
) -> None:
    """Blame the accounts of a pair that nobody defines, where their names are written."""
    ends = [*forms.listed((*path, "source"), entry.get("source")), ((*path, "target"), entry.get("target"))]
    own = [(at, end) for at, end in ends if "account" in mapping(end)]
    usual = [(at, options) for at, options in ((path, entry), (("defaults",), defaults)) if "account" in options][:1]
    for at, holder in (*own, *usual):
        name = holder["account"]
        if isinstance(name, str) and name not in names:
            document.blame((*at, "account"), f"unknown account {misspelt(name, names)}")
    if not usual and len(own) < len(ends) and DEFAULT_ACCOUNT not in names:
        first = ", ".join(map(repr, names[:10]))
        message = f"unknown account 'default', which pairs without an 'account' use: give them one of {first}"
        document.blame(("accounts",), f"{message}, each or under 'defaults'")


def _pair(document: Document, path: KeyPath, entry: dict[str, Any], told: Options) -> Pair | None:
    """Return the pair that *entry* stands for, with the options *told*; None if its ends cannot be told."""
    usual = told.get("account", DEFAULT_ACCOUNT)
    found, complete = forms.sources(document, (*path, "source"), entry.get("source"), usual)
    target = forms.target(document, (*path, "target"), entry.get("target"))
    if target and _is_source(document, (*path, "target"), target, found):
        return None
    if not (target and found and complete):
        return None
    sources = tuple(source for _, source in found)
    readers, account = tuple(reader for reader, _ in found), forms.account_in(entry["target"], usual)
    name = entry.get("name")
    return Pair(
        name=name if isinstance(name, str) else _name(sources, target),
        sources=sources,
        target=target.playlist,
        account=account,
        readers=readers if set(readers) != {account} else (),
        rules=rules_of(told),
        rhythm=rhythm_of(told),
        create=target.create,
        roll_over=target.roll_over,
        **{key: told[key] for key in _AS_TOLD if key in told},
    )


_AS_TOLD: Final = ("enabled", "max_additions", "removed", "match", "position")
"""Options that a pair has as they are."""


def _is_source(document: Document, path: KeyPath, target: Target, found: Found) -> bool:
    """Blame a target that is a source of its pair too, whoever reads it; return whether it is."""
    for (_, source), at in found.items():
        if source == PlaylistSource(target.playlist):
            lines = f"the source in line {document.line(at)} and the target in line {document.line(path)}"
            document.blame(path, f"{lines} are the same playlist")
            return True
    return False


def _name(sources: tuple[Source, ...], target: Target) -> str:
    """Return what a pair without a name is called (interface §1)."""
    more = f"-and-{len(sources) - 1}-more" if len(sources) > 1 else ""
    to = (_slug(target.create.pattern) or "new") if target.create else target.playlist
    rest = f"{more}-to-{to}"
    return _short(sources[0])[: MAX_NAME - len(rest)] + rest


def _slug(text: str) -> str:
    """Return *text* in the letters of names, as long as an id."""
    return re.sub(r"[^A-Za-z0-9_]+", "-", text).strip("-")[:ID_LENGTH].rstrip("-")


def _short(source: Source) -> str:
    match source:
        case PlaylistSource() | AlbumSource() | ArtistSource() | ShowSource():
            return source.id
        case RecentlyPlayed() | Queue():
            return str(type(source)())
        case FileSource():
            return re.sub(r"[^A-Za-z0-9_-]", "-", Path(source.path).stem) or "file"
        case _:
            return str(source).replace(":", "-")


def _check_twins(document: Document, pairs: dict[KeyPath, Pair]) -> set[KeyPath]:
    """Blame pairs that do the same, and return which they are."""
    firsts: dict[object, KeyPath] = {}
    twins: set[KeyPath] = set()
    for path, pair in pairs.items():
        first = firsts.setdefault(_essence(pair), path)
        if first != path:
            lines = f"lines {document.line(first)} and {document.line(path)}"
            document.blame(path, f"the pairs in {lines} have the same source and target: keep one")
            twins.add(path)
    return twins


def _check_names(document: Document, pairs: dict[KeyPath, Pair], twins: set[KeyPath]) -> None:
    """Blame pairs that are called the same, but for *twins* without a name: that theirs are alike is nothing new."""
    firsts: dict[str, KeyPath] = {}
    for path, pair in pairs.items():
        named = (*path, "name")
        place = named if named in document.values else path
        if place == path and path in twins:
            continue
        first = firsts.setdefault(pair.name, place)
        if first != place:
            lines = f"lines {document.line(first)} and {document.line(place)}"
            document.blame(place, f"the pairs in {lines} are both called {shorten(pair.name)}: give one another 'name'")


def _essence(pair: Pair) -> object:
    """Return what makes a pair do what it does: what is someone's own is another list for another account."""
    lists = tuple((reader if isinstance(source, _PERSONAL) else None, source) for reader, source in pair.reads)
    return lists, _destination(pair), pair.rules


_PERSONAL: Final = LikedSongs | SavedAlbums | TopTracks | SavedEpisodes | RecentlyPlayed | Queue
"""Sources of which every account has its own."""


def _destination(pair: Pair) -> object:
    """Return what two pairs have in common that add to one target."""
    return (pair.account, pair.create.pattern) if pair.create else pair.target


def _check_targets(document: Document, pairs: dict[KeyPath, Pair]) -> None:
    """Blame pairs that add to one target, but do not agree on what it is and where in it they add."""
    firsts: dict[object, KeyPath] = {}
    for path, pair in pairs.items():
        first = firsts.setdefault(_destination(pair), path)
        one, other = _of_target(pairs[first]), _of_target(pair)
        for key in (key for key in one if one[key] != other[key]):
            at = next(at for at in ((*path, "target", key), (*path, key), path) if at in document.values)
            lines = f"lines {document.line(first)} and {document.line(path)}"
            document.blame(at, f"the pairs in {lines} add to the same target: give both the same {key!r}")


def _of_target(pair: Pair) -> dict[str, object]:
    """Return what all the pairs that add to one target have to say alike."""
    made = pair.create
    return {
        "position": pair.position,
        "roll_over": pair.roll_over,
        "public": made and made.public,
        "description": made and made.description,
    }
