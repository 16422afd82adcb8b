"""What is found by looking at all that a run needs: values, and what they come to."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum

from syncer.errors import Code, ConfigError, SyncError
from syncer.model import Failure, Listed
from syncer.report import PASSES, PERSON_NEEDED, SIGNAL_EXIT


class Level(StrEnum):
    """How something stands."""

    OK = "ok"
    WARNING = "warning"
    FAILED = "failed"
    UNKNOWN = "unknown"
    """It was not looked at, since something else failed."""


class About(StrEnum):
    """What a finding is about."""

    CONFIG = "config"
    STATE = "state"
    CREDENTIALS = "credentials"
    SIGN_IN = "sign-in"
    SCOPES = "scopes"
    APP = "app"
    QUOTA = "quota"
    PLAYLIST = "playlist"
    """Or any other source."""


class Role(StrEnum):
    """What a pair wants of a playlist."""

    SOURCE = "source"
    TARGET = "target"


class Relation(StrEnum):
    """Whose a playlist is, as the account sees it."""

    OWN = "own"
    COLLABORATIVE = "collaborative"
    FOREIGN = "foreign"
    SPOTIFY_MADE = "spotify-made"
    GONE = "gone"


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """How one thing stands. ``action`` is the one thing to do about it; ``code`` is there if it failed."""

    about: About
    level: Level
    message: str
    action: str | None = None
    code: Code | None = None
    account: str | None = None
    playlist: str | None = None
    """A source or target, as reports name it."""
    role: Role | None = None
    relation: Relation | None = None
    pairs: tuple[str, ...] = ()
    """Those that want the playlist in this role."""

    def refused(self, error: SyncError) -> "Finding":
        """Return it for what failed with *error*."""
        return replace(self, level=Level.FAILED, message=str(error), action=error.hint, code=error.code)

    def doubted(self, message: str, action: str) -> "Finding":
        """Return it for what works, or may work, but not as one might think."""
        return replace(self, level=Level.WARNING, message=message, action=action)


@dataclass(frozen=True, slots=True, kw_only=True)
class Examined:
    """All that was found, and what it took."""

    findings: tuple[Finding, ...]
    requests: Mapping[str, int]
    interrupted_by: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Collection:
    """The playlists in the library of a user, as far as they were read before an error, and what it took."""

    user: str
    playlists: tuple[Listed, ...]
    requests: Mapping[str, int]
    error: Failure | None = None
    interrupted_by: int | None = None


def ok(about: About, message: str, account: str | None = None) -> Finding:
    """Return that all is well."""
    return Finding(about=about, level=Level.OK, message=message, account=account)


def failed(about: About, error: SyncError, account: str | None = None) -> Finding:
    """Return that *error* came of it."""
    return ok(about, "", account).refused(error)


def misconfigured(error: ConfigError) -> Examined:
    """Return what is found where the config, or the environment, does not hold: then nothing else is looked at."""
    findings = (
        Finding(about=About.CONFIG, level=Level.FAILED, message=str(problem), action=error.hint, code=error.code)
        for problem in error.problems
    )
    return Examined(findings=tuple(findings), requests={"spotify": 0, "accounts": 0})


def exit_code(codes: Iterable[Code | None], interrupted_by: int | None = None) -> int:
    """Return the first code of interface §2 that applies where *codes* are of what failed."""
    of_failures = {code for code in codes if code}
    if interrupted_by is not None:
        return SIGNAL_EXIT + interrupted_by
    if Code.CONFIG in of_failures:
        return 2
    if of_failures & PERSON_NEEDED:
        return 3
    if not of_failures:
        return 0
    return 5 if of_failures <= PASSES else 4


def many(number: int, what: str = "item") -> str:
    """Return how many there are, in words."""
    return f"{number} {what}" if number == 1 else f"{number} {what}s"
