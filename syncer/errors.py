"""Every failure we expect: its code, what happened, the one thing to do next, and how far it reaches."""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import Enum, StrEnum
from typing import ClassVar


class Code(StrEnum):
    """The codes of interface §3."""

    SOURCE_NOT_READABLE = "source-not-readable"
    SOURCE_SPOTIFY_MADE = "source-spotify-made"
    TARGET_NOT_WRITABLE = "target-not-writable"
    NOT_FOUND = "not-found"
    SIGN_IN_NEEDED = "sign-in-needed"
    MISSING_SCOPE = "missing-scope"
    PREMIUM_NEEDED = "premium-needed"
    NOT_ALLOW_LISTED = "not-allow-listed"
    CLIENT_REFUSED = "client-refused"
    CREDENTIALS_UNREADABLE = "credentials-unreadable"
    AWS_DENIED = "aws-denied"
    RATE_LIMITED = "rate-limited"
    QUOTA_EXCEEDED = "quota-exceeded"
    TEMPORARY = "temporary"
    UNCLEAR_ADD = "unclear-add"
    PLAN_TOO_LARGE = "plan-too-large"
    TARGET_FULL = "target-full"
    TARGET_UNSTABLE = "target-unstable"
    RELINKED = "relinked"
    UNREADABLE_ANSWER = "unreadable-answer"
    OUT_OF_TIME = "out-of-time"
    INTERRUPTED = "interrupted"
    LOCKED = "locked"
    CONFIG = "config"
    BUG = "bug"


class Reach(Enum):
    """How much of a run an error ends."""

    PAIR = "pair"
    ACCOUNT = "account"
    RUN = "run"


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """One thing wrong with the config, where a person finds it. Lines and columns count from 1; 0 = the whole file."""

    file: str
    line: int
    column: int
    path: str
    message: str

    def __str__(self) -> str:
        """Return ``file:line:col: path: message``, the form editors jump to."""
        return f"{self.file}:{self.line}:{self.column}: {self.path}: {self.message}"


class SyncError(Exception):
    """An expected failure. ``str()`` is one sentence for a person; ``hint`` the one thing to do next."""

    code: ClassVar[Code]
    reach: ClassVar[Reach] = Reach.PAIR

    def __init__(self, message: str, *, hint: str) -> None:
        super().__init__(message)
        self.hint = hint


class ConfigError(SyncError):
    """Nothing runs. ``problems`` are in file order."""

    code = Code.CONFIG
    reach = Reach.RUN

    def __init__(self, problems: Iterable[Problem], *, hint: str = "correct the config and try again") -> None:
        self.problems = tuple(problems)
        super().__init__("\n".join(map(str, self.problems)), hint=hint)


# --- one playlist: this pair only -------------------------------------------------------------------------------------


class NotFound(SyncError):
    """There is none for this account: gone, private to someone else, or never there."""

    code = Code.NOT_FOUND

    def __init__(self, uri: str) -> None:
        self.uri = uri
        kind = uri.removeprefix("spotify:").partition(":")[0]
        super().__init__(
            f"Spotify knows no {kind} {uri} that this account may see",
            hint="check the link; if the playlist is someone else's and private, ask them to share it"
            if kind == "playlist"
            else "check the link",
        )


class MadeAndGone(NotFound):
    """A playlist that was made for a target is not there any more. It is not made again: a person took it away."""

    def __init__(self, uri: str, name: str) -> None:
        super().__init__(uri)
        self.args = (f"{name}, which was made for this target, is not there any more ({uri})",)
        self.hint = (
            "restore it at spotify.com/account/recover-playlists, or give the target another name in `create`:"
            " under the old one it is not made a second time"
        )


class SourceNotReadable(SyncError):
    """The playlist exists, but Spotify keeps its items from this app (contract §1.2)."""

    code = Code.SOURCE_NOT_READABLE

    def __init__(self, playlist: str) -> None:
        self.playlist = playlist
        super().__init__(
            f"Spotify shows the items of {playlist} only to its owner and collaborators",
            hint="copy its tracks into a playlist of your own in a Spotify app and use that as the source,"
            " or become a collaborator",
        )


class SourceClosed(SourceNotReadable):
    """Spotify keeps something that is no playlist from this app."""

    def __init__(self, source: str) -> None:
        super().__init__(source)
        self.args = (f"Spotify does not let this app read the source {source}",)
        self.hint = "run `syncer doctor`; if it finds nothing, take the source out of the config"


class NotPlayable(SyncError):
    """The player of an account did not do as it was told."""

    code = Code.SOURCE_NOT_READABLE


class OutsideList(NotPlayable):
    """What was to be played is not in the list that it was to be played from."""

    def __init__(self, context: str) -> None:
        self.context = context
        super().__init__(
            f"Spotify finds nothing to play at that place of {context}",
            hint="try again; the list may have changed in the meantime",
        )


class FileUnreadable(SyncError):
    """A file that is a source cannot be read; the message says where in it, and why."""

    code = Code.SOURCE_NOT_READABLE


class SourceSpotifyMade(SyncError):
    """A list that Spotify makes itself, closed to apps since 2024-11-27 (contract §1.4)."""

    code = Code.SOURCE_SPOTIFY_MADE

    def __init__(self, playlist: str) -> None:
        self.playlist = playlist
        super().__init__(
            f"{playlist} is made by Spotify, and Spotify no longer lets new apps read such playlists",
            hint="copy its tracks into a playlist of your own in a Spotify app and use that copy as the source, or use"
            " `recently_played` or `queue` with this list as its context, or `syncer capture`:"
            " see docs/discover-weekly.md",
        )


class TargetNotWritable(SyncError):
    """The account may not add to the playlist."""

    code = Code.TARGET_NOT_WRITABLE

    def __init__(self, playlist: str) -> None:
        self.playlist = playlist
        super().__init__(
            f"this account may not add to {playlist}",
            hint="use a playlist of your own as the target, or ask its owner to make you a collaborator",
        )


class PlanTooLarge(SyncError):
    """The plan is larger than its pair allows for a target that is not empty."""

    code = Code.PLAN_TOO_LARGE

    def __init__(self, *, planned: int, allowed: int) -> None:
        self.planned, self.allowed = planned, allowed
        super().__init__(
            f"the run would add {planned} items, and max_additions is {allowed}",
            hint="look at `syncer plan`, then raise max_additions for this pair or fix the source",
        )


class TargetFull(SyncError):
    """The target has no room for the whole plan below Spotify's ceiling (contract §2.3)."""

    code = Code.TARGET_FULL

    def __init__(self, playlist: str, *, room: int, limit: int) -> None:
        self.playlist, self.room, self.limit = playlist, room, limit
        super().__init__(
            f"{playlist} has room for {room} more items below Spotify's limit of {limit}",
            hint="say `roll_over: true` of the target, or make a new playlist and use that",
        )


class TargetUnstable(SyncError):
    """The target kept changing while we read it, so nothing could be added safely."""

    code = Code.TARGET_UNSTABLE

    def __init__(self, playlist: str) -> None:
        self.playlist = playlist
        super().__init__(
            f"{playlist} kept changing while it was read, so nothing was added to it",
            hint="leave the playlist alone for a minute; the next run tries again",
        )


class Relinked(SyncError):
    """What was added reads back under other URIs, so it cannot be told from what others add (fault model P11)."""

    code = Code.RELINKED

    def __init__(self, playlist: str) -> None:
        self.playlist = playlist
        super().__init__(
            f"Spotify shows what was added to {playlist} under other ids than it was sent with",
            hint="nothing is lost: what was sent is remembered and not added again; replace the tracks in the source"
            " with the versions that the target shows, to keep them apart no longer",
        )


class UnclearAdd(SyncError):
    """Spotify did not say whether an add happened; it is never sent again in this run (fault model §2)."""

    code = Code.UNCLEAR_ADD

    def __init__(self, playlist: str) -> None:
        self.playlist = playlist
        super().__init__(
            f"Spotify did not say whether the last add to {playlist} happened, so this run adds nothing more to it",
            hint="nothing to do: the next run reads the playlist and adds what is missing",
        )


class UnclearCreation(UnclearAdd):
    """Spotify did not say whether it made a playlist (contract §4.3)."""

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.args = (f"Spotify did not say whether it made the playlist {name}, so this run adds nothing to it",)
        self.hint = "nothing to do: the next run looks for it, and makes it only if it is not there"


class UnclearRemoval(UnclearAdd):
    """Spotify did not say whether it took something out."""

    def __init__(self, playlist: str) -> None:
        super().__init__(playlist)
        self.args = (f"Spotify did not say whether all of it was taken out of {playlist}",)
        self.hint = "run the same `syncer undo` again: it goes on from here"


class NotConfigured(SyncError):
    """No pair of the config has the target any more, so nobody says which account may change it."""

    code = Code.CONFIG

    def __init__(self, playlist: str) -> None:
        self.playlist = playlist
        super().__init__(
            f"no pair of the config has {playlist} as its target, so it is not known which account may change it",
            hint="put the pair back into the config; with `enabled: false` it is used for this alone",
        )


class Rejected(SyncError):
    """Spotify refused an add as malformed (400): one of its URIs is bad, and nothing of it was carried out."""

    code = Code.UNREADABLE_ANSWER

    def __init__(self, playlist: str) -> None:
        self.playlist = playlist
        super().__init__(
            f"Spotify refused to add to {playlist}", hint="run `syncer plan` and report the items it lists"
        )


class MissingScope(SyncError):
    """The sign-in does not allow what the pair needs; only a new consent widens it (contract §3.4)."""

    code = Code.MISSING_SCOPE

    def __init__(self, account: str, scope: str) -> None:
        self.account, self.scope = account, scope
        super().__init__(
            f"the sign-in of account {account!r} lacks the scope {scope}",
            hint=f"run `syncer login --account {account}` and agree to it",
        )


# --- trouble that passes ----------------------------------------------------------------------------------------------


class Temporary(SyncError):
    """The network or Spotify failed; a later run has every chance."""

    code = Code.TEMPORARY

    def __init__(self, what: str, *, hint: str = "nothing to do: the next run tries again") -> None:
        super().__init__(what, hint=hint)


class Outage(Temporary):
    """Nothing but the network or Spotify's servers was in the way: the next pair would likely meet the same."""


class UnreadableAnswer(SyncError):
    """Spotify answered with something that is not what its API promises."""

    code = Code.UNREADABLE_ANSWER

    def __init__(self, what: str) -> None:
        super().__init__(what, hint="try again later; if it stays, look for a newer version of the syncer")


class NameRefused(UnreadableAnswer):
    """Spotify takes no playlist of that name, or not with that description; none was made."""

    def __init__(self, name: str) -> None:
        super().__init__(f"Spotify refused to make a playlist {name} (it answered 400)")
        self.hint = "choose another name, without characters that are out of the ordinary"


# --- an account: its pairs stop, others go on -------------------------------------------------------------------------


class SignInNeeded(SyncError):
    """The consent has expired or was withdrawn (contract §3.2)."""

    code = Code.SIGN_IN_NEEDED
    reach = Reach.ACCOUNT

    def __init__(self, account: str, *, login_option: str = "") -> None:
        self.account = account
        super().__init__(
            f"the Spotify sign-in of account {account!r} has expired or was withdrawn"
            " (Spotify ends every sign-in after six months)",
            hint=f"run `{login_command(account, login_option)}`",
        )


def login_command(account: str, option: str = "") -> str:
    """Return what to type to sign *account* in anew, into the place it has now."""
    return " ".join(filter(None, ("syncer login", f"--account {account}", option)))


class ClientRefused(SyncError):
    """The token endpoint does not accept the app itself."""

    code = Code.CLIENT_REFUSED
    reach = Reach.ACCOUNT

    def __init__(self, account: str) -> None:
        self.account = account
        super().__init__(
            f"Spotify does not accept the app of account {account!r}: its client id or client secret is wrong",
            hint="compare spotify_client_id and spotify_client_secret with your app at developer.spotify.com/dashboard",
        )


class PremiumNeeded(SyncError):
    """The owner of the app has no Premium (contract §4.1)."""

    code = Code.PREMIUM_NEEDED
    reach = Reach.ACCOUNT

    def __init__(self) -> None:
        super().__init__(
            "Spotify serves this app only while the owner of the app has Spotify Premium",
            hint="renew Premium for the account that owns the app; it can take some hours to be noticed",
        )


class NotAllowListed(SyncError):
    """The user is not among the users of the app (contract §1.2)."""

    code = Code.NOT_ALLOW_LISTED
    reach = Reach.ACCOUNT

    def __init__(self, account: str) -> None:
        self.account = account
        super().__init__(
            f"the user of account {account!r} is not on the allow-list of the app",
            hint="add the user under User Management of your app at developer.spotify.com/dashboard",
        )


class CredentialsUnreadable(SyncError):
    """The stored credentials cannot be used as they are. Messages name keys and places, never values."""

    code = Code.CREDENTIALS_UNREADABLE
    reach = Reach.ACCOUNT


class AwsDenied(SyncError):
    """AWS refused the call; the message names the action and the resource."""

    code = Code.AWS_DENIED
    reach = Reach.ACCOUNT


class StoreUnreachable(SyncError):
    """What keeps our credentials or brings our messages failed in a way that passes: throttled, or not reached."""

    code = Code.TEMPORARY
    reach = Reach.ACCOUNT


class DayIsSpent(SyncError):
    """What the app may ask for in a day, by our own reckoning, is spent but for what later runs need."""

    code = Code.QUOTA_EXCEEDED
    reach = Reach.ACCOUNT

    def __init__(self, requests: int) -> None:
        super().__init__(
            f"this run's share of the {requests} requests a day is spent",
            hint="nothing to do: the next runs go on from here; or raise daily_requests of the account",
        )


# --- the whole run ----------------------------------------------------------------------------------------------------


class RateLimited(SyncError):
    """Spotify asks for a longer wait than a run may take (contract §4.2)."""

    code = Code.RATE_LIMITED
    reach = Reach.RUN

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        super().__init__(
            f"Spotify asks this app to wait {_span(seconds)} before the next request",
            hint="nothing to do: later runs go on; if it happens often, run less often",
        )


class QuotaExceeded(RateLimited):
    """The daily quota of the developer account is used up (contract §4.2)."""

    code = Code.QUOTA_EXCEEDED

    def __init__(self, seconds: float) -> None:
        super().__init__(seconds)
        self.args = (f"the daily Spotify quota of the app's owner is used up; it opens again in {_span(seconds)}",)


class OutOfTime(SyncError):
    """Another request might not end before the deadline."""

    code = Code.OUT_OF_TIME
    reach = Reach.RUN

    def __init__(self) -> None:
        super().__init__("the time for this run is used up", hint="nothing to do: the next run goes on from here")


class Interrupted(SyncError):
    """A person or the system asked us to stop."""

    code = Code.INTERRUPTED
    reach = Reach.RUN

    def __init__(self, signal: int) -> None:
        self.signal = signal
        super().__init__("the run was interrupted", hint="run it again: it goes on from here")


class Locked(SyncError):
    """Another run is under way."""

    code = Code.LOCKED
    reach = Reach.RUN

    def __init__(self, where: str) -> None:
        super().__init__(f"another run is under way (it holds {where})", hint="wait until it has ended, then try again")


class StateUnusable(SyncError):
    """What we keep between runs cannot be read or written; nothing is added without it."""

    code = Code.CONFIG
    reach = Reach.RUN


class StateUnreachable(StateUnusable):
    """The same, in a way that passes."""

    code = Code.TEMPORARY


class OutageStop(Temporary):
    """Three pairs in a row failed for the network or Spotify's servers: trying the rest would only wait."""

    reach = Reach.RUN

    def __init__(self) -> None:
        super().__init__("Spotify could not be reached for several pairs in a row, so the rest was not tried")


# --- us ---------------------------------------------------------------------------------------------------------------


class Bug(SyncError):
    """Something that should not happen; the log holds the traceback under ``id``."""

    code = Code.BUG

    def __init__(self, bug_id: str) -> None:
        self.id = bug_id
        super().__init__(
            f"the syncer made a mistake of its own ({bug_id})",
            hint=f"look for {bug_id} in the log and report what stands there",
        )


class GroupGivenUp(SyncError):
    """Whoever ran a group of pairs was ended in the middle of it, time and again."""

    code = Code.BUG

    def __init__(self, group: int, times: int) -> None:
        super().__init__(
            f"{times} workers in a row were ended before they were through with group {group} of the run",
            hint="look into the log for what ended them; the message of the group is in the dead-letter queue,"
            " and the next run tries again",
        )


_MINUTE, _HOUR = 60, 3600


def _span(seconds: float) -> str:
    """Say a wait as people do: rounded up, in one unit."""
    for unit, size in (("hours", _HOUR), ("minutes", _MINUTE)):
        if seconds >= 2 * size:
            return f"{-int(-seconds // size)} {unit}"
    return f"{-int(-seconds // 1)} seconds"
