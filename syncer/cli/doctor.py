"""``syncer doctor`` and ``syncer playlists``: look, and say what was seen."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from syncer import bootstrap, checkup, config
from syncer.budget import Stop
from syncer.checkup import About, Collection, Examined, Finding, Level
from syncer.cli.terminal import Screen
from syncer.errors import ConfigError, Problem
from syncer.ids import shorten
from syncer.model import DEFAULT_ACCOUNT, Account, Config
from syncer.report import failure, visible

COLOURS: Final = {Level.OK: "green", Level.WARNING: "yellow", Level.FAILED: "red", Level.UNKNOWN: "dim"}
COLUMNS: Final = ("id", "name", "owner", "size", "source", "target")
_NO_REQUESTS: Final = {"spotify": 0, "accounts": 0}


def examine(path: Path, screen: Screen, stop: Stop) -> int:
    """Look at all that the config in *path* needs, show it, and return the exit code."""
    try:
        settings = config.load(path)
        look = bootstrap.checkup(state=settings.state, stop=stop)
        with screen.counting("playlists looked at") as counted:
            result = look.examine(settings, counted)
    except ConfigError as error:
        result = checkup.misconfigured(error)
    code = checkup.exit_code((one.code for one in result.findings), result.interrupted_by)
    if screen.is_json:
        screen.document(examined_as_json(result, code))
    else:
        several = len({finding.account for finding in result.findings if finding.account}) > 1
        for finding in result.findings:
            screen.line(
                _line(finding, several=several), style=COLOURS[finding.level], matters=finding.level is not Level.OK
            )
            if finding.action:
                screen.line(f"         -> {finding.action}", matters=True)
        screen.line(_summary(result))
    return code


def examined_as_json(result: Examined, code: int) -> dict[str, Any]:
    """Return *result* as `schemas/doctor.schema.json` describes it."""
    return {
        "ok": code == 0,
        "exit_code": code,
        "findings": [_finding_as_json(finding) for finding in result.findings],
        "requests": dict(result.requests),
    }


def _finding_as_json(finding: Finding) -> dict[str, Any]:
    return {
        "about": finding.about.value,
        "account": finding.account,
        "playlist": finding.playlist,
        "role": finding.role and finding.role.value,
        "relation": finding.relation and finding.relation.value,
        "pairs": list(finding.pairs),
        "level": finding.level.value,
        "code": finding.code and finding.code.value,
        "message": finding.message,
        "action": finding.action,
    }


def _line(finding: Finding, *, several: bool) -> str:
    return f"{finding.level.value:8} {_subject(finding, several=several)}: {finding.message}"


def _subject(finding: Finding, *, several: bool) -> str:
    """Return what *finding* is about; as whom that was looked at, where there are *several* accounts."""
    if finding.role:
        as_whom = f", as {finding.account}" if several else ""
        return f"{finding.role.value} of {', '.join(finding.pairs)}{as_whom}"
    if finding.about is About.PLAYLIST:
        return f"playlists of {finding.account}"
    return f"{finding.about.value} of {finding.account}" if finding.account else finding.about.value


def _summary(result: Examined) -> str:
    levels = [finding.level for finding in result.findings]
    counts = ", ".join(f"{levels.count(level)} {level.value}" for level in Level if level in levels)
    return f"{counts}. {_spent(result.requests['spotify'])}, {result.requests['accounts']} to its accounts service."


def _spent(requests: int) -> str:
    return f"{requests} request{'' if requests == 1 else 's'} to Spotify"


# --- playlists --------------------------------------------------------------------------------------------------------


def playlists(name: str, path: Path | None, screen: Screen, stop: Stop) -> int:
    """List the playlists in the library of the account *name*, and return the exit code.

    What *path* holds must hold; a config that nobody named may be missing, or in the making.
    """
    try:
        settings = _settings(path, screen)
        account = _account(name, settings)
        look = bootstrap.checkup(state=settings.state if settings else None, stop=stop)
        with screen.counting("playlists read") as counted:
            library = look.library(account, counted)
    except ConfigError as error:
        library = Collection(user="", playlists=(), requests=_NO_REQUESTS, error=failure(error))
    code = checkup.exit_code([library.error.code] if library.error else [], library.interrupted_by)
    if screen.is_json:
        screen.document(library_as_json(name, library, code))
        return code
    screen.rows(COLUMNS, _rows(library))
    if library.error:
        screen.trouble(library.error)
    else:
        screen.say(
            f"{len(library.playlists)} playlists of {visible(library.user)}. {_spent(library.requests['spotify'])}."
        )
    return code


def _settings(path: Path | None, screen: Screen) -> Config | None:
    """Return the config; None where there is none, or none that holds and nobody named it."""
    usual = path or bootstrap.config_path()
    try:
        return config.load(usual)
    except ConfigError as error:
        if path:
            raise
        if usual.exists():
            for problem in error.problems:
                screen.say(visible(str(problem)))
            screen.say(f"Since {visible(str(usual))} does not hold, it is left aside.")
        return None


def _account(name: str, settings: Config | None) -> Account:
    known = settings.accounts if settings else (Account(name=DEFAULT_ACCOUNT),)
    for account in known:
        if account.name == name:
            return account
    message = f"there is no account {shorten(name)} in the config: there are {', '.join(one.name for one in known)}"
    raise ConfigError(
        [Problem(file="", line=0, column=0, path="account", message=message)], hint="pass --account with one of those"
    )


def library_as_json(account: str, library: Collection, code: int) -> dict[str, Any]:
    """Return *library* as `schemas/playlists.schema.json` describes it."""
    error = library.error
    return {
        "ok": code == 0,
        "exit_code": code,
        "account": account,
        "user": library.user or None,
        "playlists": [
            {
                "id": one.id,
                "name": one.name,
                "owner": one.owner,
                "owner_name": one.owner_name,
                "collaborative": one.collaborative,
                "size": one.total,
                "source": source.value,
                "target": target.value,
            }
            for one in library.playlists
            for source, target in [checkup.uses(one, library.user)]
        ],
        "error": error and {"code": error.code.value, "message": error.message, "hint": error.hint},
        "requests": dict(library.requests),
    }


def _rows(library: Collection) -> Iterator[tuple[str, ...]]:
    for one in library.playlists:
        used = (use.value.replace("-", " ") for use in checkup.uses(one, library.user))
        yield (one.id, one.name, one.owner_name or one.owner, str(one.total), *used)
