"""Looks at all that a run needs before one needs it; says of each thing how it stands, and what one action mends it."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from enum import StrEnum
from math import ceil
from typing import Final

from syncer.allowance import Allowance
from syncer.budget import Budget, Stop
from syncer.cache import Cache, Ledger
from syncer.errors import (
    Code,
    ConfigError,
    Interrupted,
    Locked,
    MissingScope,
    NotFound,
    Outage,
    RateLimited,
    Reach,
    SourceNotReadable,
    SourceSpotifyMade,
    StateUnusable,
    StoreUnreachable,
    SyncError,
    TargetFull,
    TargetNotWritable,
    UnreadableAnswer,
    login_command,
)
from syncer.ids import PlaylistId, is_spotify_made, playlist_uri, shorten
from syncer.model import (
    MAX_ITEMS,
    PAGE_SIZE,
    Account,
    Config,
    Failure,
    Head,
    LikedSongs,
    Listed,
    Pair,
    PlaylistSource,
    SignIn,
    Source,
)
from syncer.ports import Chance, Clock, Connect, Connection, Playlists, StateStore
from syncer.report import PASSES, PERSON_NEEDED, SIGNAL_EXIT, WARN_DAYS, failure, sign_in_ends
from syncer.service import NOTHING_KEPT, OUTAGE_AFTER, run_id

LOOK: Final = timedelta(minutes=1)
"""How long the lock would keep runs out if we died while we look whether it is free."""
READ_PRIVATE: Final = "playlist-read-private"
READ_SHARED: Final = "playlist-read-collaborative"
READ_LIKED: Final = "user-library-read"
MODIFY: Final = ("playlist-modify-public", "playlist-modify-private")
SPOTIFY: Final = "spotify"
"""The user id under which Spotify makes playlists."""

Counted = Callable[[int, int], object]
"""Hears how many of how many are looked at."""


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


class Use(StrEnum):
    """Whether a playlist can be a source, or a target."""

    YES = "yes"
    NO = "no"
    IF_INVITED = "if-invited"
    """Only as its collaborator, of which Spotify tells nothing (contract §2.1)."""


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
    role: Role | None = None
    relation: Relation | None = None
    pairs: tuple[str, ...] = ()
    """Those that want the playlist in this role."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Examined:
    """All that was found, and what it took."""

    findings: tuple[Finding, ...]
    requests: Mapping[str, int]
    interrupted_by: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Shelf:
    """The playlists in the library of a user, as far as they were read before an error, and what it took."""

    user: str
    playlists: tuple[Listed, ...]
    requests: Mapping[str, int]
    error: Failure | None = None
    interrupted_by: int | None = None


def exit_code(codes: Iterable[Code | None], interrupted_by: int | None = None) -> int:
    """Return the first code of interface §2 that applies where *codes* are of what failed."""
    failed = {code for code in codes if code}
    if interrupted_by is not None:
        return SIGNAL_EXIT + interrupted_by
    if Code.CONFIG in failed:
        return 2
    if failed & PERSON_NEEDED:
        return 3
    if not failed:
        return 0
    return 5 if failed <= PASSES else 4


def misconfigured(error: ConfigError) -> Examined:
    """Return what is found where the config, or the environment, does not hold: then nothing else is looked at."""
    findings = (
        Finding(about=About.CONFIG, level=Level.FAILED, message=str(problem), action=error.hint, code=error.code)
        for problem in error.problems
    )
    return Examined(findings=tuple(findings), requests={"spotify": 0, "accounts": 0})


def uses(one: Listed, user: str) -> tuple[Use, Use]:
    """Return whether *user* can have *one* as a source, and as a target, as far as a listing tells."""
    if one.owner == user or one.collaborative:
        return Use.YES, Use.YES if one.total < MAX_ITEMS else Use.NO
    if is_spotify_made(one.id) or one.owner == SPOTIFY:
        return Use.NO, Use.NO
    return Use.IF_INVITED, Use.IF_INVITED


class Checkup:
    """Looks, through *connect* and at *state*, which is kept at *place*. Nothing at Spotify is changed by it."""

    def __init__(
        self, *, connect: Connect, state: StateStore, place: str, clock: Clock, chance: Chance, stop: Stop
    ) -> None:
        self._connect = connect
        self._state = state
        self._place = place
        self._clock = clock
        self._chance = chance
        self._stop = stop

    def examine(self, config: Config, counted: Counted) -> Examined:
        """Look at the state, every account, and every playlist of a pair that is enabled; go on whatever is found."""
        visit = self._visit()
        found: list[Finding] = []
        interrupted_by = None
        try:
            for finding in self._findings(config, visit, counted):
                if finding not in found:  # a broken state is met again by each account
                    found.append(finding)
        except Interrupted as stopped:
            interrupted_by = stopped.signal
        visit.close()
        return Examined(findings=tuple(found), requests=visit.requests, interrupted_by=interrupted_by)

    def library(self, account: Account, counted: Counted) -> Shelf:
        """Return the playlists in the library of *account*, in its order."""
        visit = self._visit()
        user, found, error = "", dict[PlaylistId, Listed](), None
        offset, total = 0, 1
        try:
            connection = visit.open(account)
            user = connection.playlists.me()
            while offset < total:
                listing = connection.playlists.listing(offset)
                found.update((one.id, one) for one in listing.playlists)
                total, offset = listing.total, offset + PAGE_SIZE
                counted(min(offset, total), total)
        except SyncError as raised:
            error = raised
        visit.close()
        return Shelf(
            user=user,
            playlists=tuple(found.values()),
            requests=visit.requests,
            error=failure(error) if error else None,
            interrupted_by=error.signal if isinstance(error, Interrupted) else None,
        )

    def _visit(self) -> "_Visit":
        return _Visit(self._connect, Budget(self._clock, stop=self._stop), Cache(self._state), self._clock)

    def _findings(self, config: Config, visit: "_Visit", counted: Counted) -> Iterator[Finding]:
        yield from _config(config)
        yield self._kept()
        for account in config.accounts:
            pairs = [pair for pair in config.pairs if pair.enabled and pair.account == account.name]
            yield from _Examination(account, pairs, visit, self._clock, counted).findings()

    def _kept(self) -> Finding:
        """Look whether the state can be used and no run is under way, by taking its lock for a moment."""
        now = self._clock.now()
        try:
            with self._state.lock(run_id(now, self._chance), now=now, until=now + LOOK):
                self._state.resume_at()
        except Locked as locked:
            return Finding(about=About.STATE, level=Level.WARNING, message=str(locked), action=locked.hint)
        except StateUnusable as error:
            return _failed(About.STATE, error)
        if self._state.keeps:
            return _ok(About.STATE, f"it can be read and written, and no run is under way ({self._place})")
        action = "set `state` in the config, or $SYNCER_STATE"
        return Finding(about=About.STATE, level=Level.WARNING, message=NOTHING_KEPT, action=action)


class _Visit:
    """The accounts that are opened, and what that costs."""

    def __init__(self, connect: Connect, budget: Budget, cache: Cache, clock: Clock) -> None:
        self._connect = connect
        self._budget = budget
        self._ledger = Ledger(cache, clock.now())

    @property
    def requests(self) -> dict[str, int]:
        return self._budget.sent

    def open(self, account: Account) -> Connection:
        return self._ledger.open(self._connect(account, self._budget))

    def close(self) -> None:
        """Have later runs reckon with the requests of this visit."""
        self._ledger.close()


def _ok(about: About, message: str, account: str | None = None) -> Finding:
    return Finding(about=about, level=Level.OK, message=message, account=account)


def _failed(about: About, error: SyncError, account: str | None = None) -> Finding:
    return Finding(
        about=about, level=Level.FAILED, message=str(error), action=error.hint, code=error.code, account=account
    )


def _config(config: Config) -> Iterator[Finding]:
    off = sum(not pair.enabled for pair in config.pairs)
    left_out = f" ({off} of them not enabled, and not looked at)" if off else ""
    pairs = "1 pair" if len(config.pairs) == 1 else f"{len(config.pairs)} pairs"
    yield _ok(About.CONFIG, f"it holds: {pairs}{left_out}")
    for warning in config.warnings:
        action = "change it there, unless it is meant"
        yield Finding(about=About.CONFIG, level=Level.WARNING, message=str(warning), action=action)


# --- one account ------------------------------------------------------------------------------------------------------

_ABOUT: Final = {
    Code.CREDENTIALS_UNREADABLE: About.CREDENTIALS,
    Code.AWS_DENIED: About.CREDENTIALS,
    Code.SIGN_IN_NEEDED: About.SIGN_IN,
    Code.CLIENT_REFUSED: About.APP,
    Code.PREMIUM_NEEDED: About.APP,
    Code.NOT_ALLOW_LISTED: About.APP,
    Code.RATE_LIMITED: About.QUOTA,
    Code.QUOTA_EXCEEDED: About.QUOTA,
}
"""What an error speaks of, whenever it comes."""


class _Examination:
    """One account, and what its pairs want of it."""

    def __init__(self, account: Account, pairs: Sequence[Pair], visit: _Visit, clock: Clock, counted: Counted) -> None:
        self._account = account
        self._name = account.name
        self._roles = _roles(pairs)
        self._visit = visit
        self._clock = clock
        self._counted = counted

    def findings(self) -> Iterator[Finding]:
        """Look at the credentials first, and at what needs them only if they serve."""
        step, connection, about = About.SIGN_IN, None, None
        try:
            connection = self._visit.open(self._account)
            yield self._readable(connection.place)
            connection.renew()
            yield _sign_in(connection.sign_in, self._clock.now().date())
            yield from _scopes(connection.sign_in, connection.scope(), self._roles)
            step = About.APP
            user = connection.playlists.me()
            yield _ok(About.APP, f"Spotify serves it, for the user {shorten(user)}", self._name)
            step = About.PLAYLIST
            yield from self._playlists(_Shelves(connection.playlists, user, self._roles))
        except Interrupted:
            raise
        except SyncError as error:
            about = self._about(error, step)
            if connection is None and about is not About.CREDENTIALS:
                yield self._readable()
            yield from self._ended(about, error)
        if connection:
            yield from (
                Finding(about=About.SIGN_IN, level=Level.WARNING, message=warning, account=self._name)
                for warning in connection.warnings
            )  # they say themselves what to do
            if about is not About.QUOTA:
                yield self._spent(connection.allowance)

    def _about(self, error: SyncError, step: About) -> About:
        if isinstance(error, StateUnusable):
            return About.STATE
        return About.CREDENTIALS if isinstance(error, StoreUnreachable) else _ABOUT.get(error.code, step)

    def _readable(self, place: str = "") -> Finding:
        where = f" ({place})" if place else ""
        return _ok(About.CREDENTIALS, f"they can be read and are complete{where}", self._name)

    def _ended(self, about: About, error: SyncError) -> Iterator[Finding]:
        """Say what is in the way of all the rest."""
        found = _failed(about, error, None if about is About.STATE else self._name)
        if isinstance(error, RateLimited):
            until = self._clock.now() + timedelta(seconds=error.seconds)
            found = replace(found, message=f"{error} (until {until:%Y-%m-%d %H:%M} UTC)")
        yield found
        if self._roles:
            yield Finding(
                about=About.PLAYLIST,
                level=Level.UNKNOWN,
                message="what is not named here was not looked at, since what failed is in the way",
                action="mend that, then run `syncer doctor` again",
                account=self._name,
            )

    def _spent(self, allowance: Allowance) -> Finding:
        message = f"{allowance.spent} requests to Spotify in 24 hours, and it does not ask to wait"
        if allowance.left != 0:
            return _ok(About.QUOTA, message, self._name)
        return Finding(
            about=About.QUOTA,
            level=Level.WARNING,
            message=f"{message}; but what we allow ourselves in a day is spent, so runs leave pairs for later",
            action="wait, or raise daily_requests of the account",
            account=self._name,
        )

    def _playlists(self, shelves: "_Shelves") -> Iterator[Finding]:
        outages = 0
        for done, ((source, role), pairs) in enumerate(self._roles.items(), 1):
            finding = Finding(
                about=About.PLAYLIST,
                level=Level.OK,
                message="",
                account=self._name,
                playlist=str(source),
                role=role,
                pairs=pairs,
            )
            try:
                yield shelves.judged(source, finding)
                outages = 0
            except SyncError as error:
                outages = outages + 1 if isinstance(error, Outage) else 0
                if error.reach is not Reach.PAIR or outages == OUTAGE_AFTER:
                    raise
                yield _refused(finding, error)
            self._counted(done, len(self._roles))


Roles = Mapping[tuple[Source, Role], tuple[str, ...]]
"""What is wanted in which role, and the pairs that want it."""


def _roles(pairs: Sequence[Pair]) -> Roles:
    found: dict[tuple[Source, Role], tuple[str, ...]] = {}
    for pair in pairs:
        wanted = [*((source, Role.SOURCE) for source in pair.sources), (PlaylistSource(pair.target), Role.TARGET)]
        for one in wanted:
            found[one] = (*found.get(one, ()), pair.name)
    return found


def _sign_in(sign_in: SignIn, today: date) -> Finding:
    finding = _ok(About.SIGN_IN, "", sign_in.account)
    renew = f"run `{login_command(sign_in.account, sign_in.login_option)}`"
    if sign_in.consented is None:
        message = "it works; when it ends is not known, since the day of consent is not"
        return replace(finding, level=Level.WARNING, message=message, action=f"{renew} to have it counted")
    ends = sign_in_ends(sign_in.consented)
    left = (ends - today).days
    message = f"it works, and ends on {ends}, in {left} days" if left > 0 else f"it works, and was to end on {ends}"
    if left > WARN_DAYS:
        return replace(finding, message=message)
    return replace(finding, level=Level.WARNING, message=message, action=renew)


def _scopes(sign_in: SignIn, granted: frozenset[str] | None, roles: Roles) -> Iterator[Finding]:
    """Tell which scopes are missing of those that *roles* need (contract §3.4)."""
    if not roles:
        return
    name, action = sign_in.account, f"run `{login_command(sign_in.account, sign_in.login_option)}` and agree to it"
    if granted is None:
        message = "Spotify does not say what was agreed to"
        yield Finding(about=About.SCOPES, level=Level.WARNING, message=message, action=action, account=name)
        return
    needed = [READ_PRIVATE, READ_SHARED, *MODIFY]
    if any(isinstance(source, LikedSongs) for source, _ in roles):
        needed.append(READ_LIKED)
    missing = [scope for scope in needed if scope not in granted]
    for scope in missing:
        found = replace(_failed(About.SCOPES, MissingScope(name, scope), name), action=action)
        can_do_without = scope == READ_SHARED or (scope in MODIFY and granted.intersection(MODIFY))
        yield replace(found, level=Level.WARNING, code=None) if can_do_without else found
    if not missing:
        yield _ok(About.SCOPES, f"all that its pairs need: {', '.join(needed)}", name)


# --- playlists --------------------------------------------------------------------------------------------------------


class _Shelves:
    """Playlists as *user* sees them, for few requests: a page of the library shows 50 that are the user's own."""

    def __init__(self, playlists: Playlists, user: str, roles: Roles) -> None:
        self._playlists = playlists
        self._user = user
        self._wanted = {source.id for source, _ in roles if isinstance(source, PlaylistSource)}
        self._heads: dict[PlaylistId, Head | SyncError] | None = None

    def judged(self, source: Source, finding: Finding) -> Finding:
        """Return *finding* with what is to be said of *source*; an error where that cannot be had."""
        if isinstance(source, LikedSongs):
            total = self._playlists.liked_page(0).total
            return replace(finding, message=f"Liked Songs: {_many(total)}, can be read", relation=Relation.OWN)
        try:
            head = self._head(source.id)
        except (NotFound, SourceNotReadable) as error:
            return _hidden(source.id, error, finding)
        return _judged(head, _relation(head, self._user), finding)

    def _head(self, playlist: PlaylistId) -> Head:
        """Return what is known of *playlist*, which is asked for at most once."""
        if self._heads is None:
            self._heads = {}
            self._heads.update(self._own())
        if playlist not in self._heads:
            try:
                self._heads[playlist] = self._playlists.head(playlist)
            except SyncError as error:
                self._heads[playlist] = error
        head = self._heads[playlist]
        if isinstance(head, SyncError):
            raise head
        return head

    def _own(self) -> dict[PlaylistId, Head]:
        """Return those of the user's own that a listing shows, as long as that is cheaper than to ask for each."""
        found: dict[PlaylistId, Head] = {}
        offset, size = 0, PAGE_SIZE
        while offset < size and ceil((size - offset) / PAGE_SIZE) < len(self._wanted - found.keys()):
            try:
                listing = self._playlists.listing(offset)
            except (MissingScope, UnreadableAnswer):
                break
            found.update((one.id, _as_head(one)) for one in listing.playlists if one.owner == self._user)
            offset, size = offset + PAGE_SIZE, listing.total
        return found


def _as_head(one: Listed) -> Head:
    return Head(
        id=one.id,
        name=one.name,
        snapshot_id=one.snapshot_id,
        readable=True,  # as all of the user's own are
        total=one.total,
        owner=one.owner,
        collaborative=one.collaborative,
    )


def _relation(head: Head, user: str) -> Relation:
    if head.owner == user:
        return Relation.OWN
    if is_spotify_made(head.id) or head.owner == SPOTIFY:
        return Relation.SPOTIFY_MADE
    return Relation.COLLABORATIVE if head.collaborative else Relation.FOREIGN


def _judged(head: Head, relation: Relation, finding: Finding) -> Finding:
    finding = replace(finding, relation=relation)
    if error := _refusal(head, relation, finding.role):
        return _refused(finding, error)
    whose = {Relation.OWN: "your own", Relation.COLLABORATIVE: "collaborative"}.get(relation, "someone else's")
    able = "can be read" if finding.role is Role.SOURCE else "can be added to"
    known = f"{shorten(head.name)} ({finding.playlist}): {whose}, {_many(head.total)}"
    if finding.role is Role.TARGET and relation is Relation.FOREIGN:
        return replace(
            finding,
            level=Level.WARNING,
            message=f"{known}; Spotify does not say whether this account may add to it",
            action="see that its owner has invited you as a collaborator, or use a playlist of your own as the target",
        )
    return replace(finding, message=f"{known}, {able}")


def _refusal(head: Head, relation: Relation, role: Role | None) -> SyncError | None:
    """Say why a run could do nothing with a playlist in *role*, if so."""
    name = playlist_uri(head.id)
    if role is Role.SOURCE:
        if head.readable:
            return None
        return SourceSpotifyMade(name) if relation is Relation.SPOTIFY_MADE else SourceNotReadable(name)
    if relation is Relation.SPOTIFY_MADE or not head.readable:
        return TargetNotWritable(name)
    return TargetFull(name, room=0, limit=MAX_ITEMS) if head.total >= MAX_ITEMS else None


def _hidden(playlist: PlaylistId, error: SyncError, finding: Finding) -> Finding:
    """Return *finding* for a playlist that Spotify does not show at all."""
    name, is_source = playlist_uri(playlist), finding.role is Role.SOURCE
    if is_spotify_made(playlist):
        refusal = SourceSpotifyMade(name) if is_source else TargetNotWritable(name)
        return _refused(replace(finding, relation=Relation.SPOTIFY_MADE), refusal)
    if isinstance(error, NotFound):
        return _refused(replace(finding, relation=Relation.GONE), error)
    return _refused(replace(finding, relation=Relation.FOREIGN), error if is_source else TargetNotWritable(name))


def _refused(finding: Finding, error: SyncError) -> Finding:
    return replace(finding, level=Level.FAILED, message=str(error), action=error.hint, code=error.code)


def _many(items: int) -> str:
    return "1 item" if items == 1 else f"{items} items"
