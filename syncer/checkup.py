"""Looks at all that a run needs before one needs it; says of each thing how it stands, and what one action mends it."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from typing import Final

from syncer.allowance import Allowance
from syncer.appending import SETTLE
from syncer.budget import Budget, Stop
from syncer.cache import Cache, Ledger, looked_at
from syncer.errors import (
    Code,
    Interrupted,
    Locked,
    MissingScope,
    Outage,
    RateLimited,
    Reach,
    StateUnusable,
    StoreUnreachable,
    SyncError,
    login_command,
)
from syncer.findings import (
    About,
    Collection,
    Examined,
    Finding,
    Level,
    Relation,
    Role,
    exit_code,
    failed,
    many,
    misconfigured,
    ok,
)
from syncer.ids import PlaylistId, shorten
from syncer.judging import Judge, Use, uses
from syncer.model import PAGE_SIZE, Account, Captured, Config, Listed, NewTarget, Pair, PlaylistSource, SignIn
from syncer.ports import Chance, Clock, Connect, Connection, ReadFile, StateStore
from syncer.report import WARN_DAYS, failure, sign_in_ends
from syncer.run import OUTAGE_AFTER
from syncer.sampling import Sampled, Sampler
from syncer.scopes import MODIFY, READ_SHARED, TO_WRITE, to_read
from syncer.service import NOTHING_KEPT, run_id
from syncer.targets import Targets

__all__ = [  # with what it tells its findings in
    "About",
    "Checkup",
    "Collection",
    "Examined",
    "Finding",
    "Level",
    "Relation",
    "Role",
    "Use",
    "exit_code",
    "misconfigured",
    "uses",
]

LOOK: Final = timedelta(minutes=1)
"""How long the lock would keep runs out if we died while we look whether it is free."""

Counted = Callable[[int, int], object]
"""Hears how many of how many are looked at."""


class Checkup:
    """Looks, through *connect* and at *state*, which is kept at *place*. Nothing at Spotify is changed by it."""

    def __init__(
        self,
        *,
        connect: Connect,
        state: StateStore,
        place: str,
        clock: Clock,
        chance: Chance,
        stop: Stop,
        files: ReadFile,
    ) -> None:
        self._connect = connect
        self._state = state
        self._place = place
        self._clock = clock
        self._chance = chance
        self._stop = stop
        self._files = files

    def examine(self, config: Config, counted: Counted) -> Examined:
        """Look at the state, every account, and all that enabled pairs read and write; go on whatever is found."""
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

    def library(self, account: Account, counted: Counted) -> Collection:
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
        return Collection(
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
        targets = Targets(self._state, self._clock.now(), clock=self._clock, settle=SETTLE)
        pairs = [_known(pair, targets) for pair in config.pairs if pair.enabled]
        for account in config.accounts:
            wanted = _Wanted(pairs, account.name, targets)
            yield from _Examination(
                account, wanted, visit=visit, files=self._files, clock=self._clock, counted=counted
            ).findings()

    def _kept(self) -> Finding:
        """Look whether the state can be used and no run is under way, by taking its lock for a moment."""
        now = self._clock.now()
        try:
            with self._state.lock(run_id(now, self._chance), now=now, until=now + LOOK):
                self._state.resume_at()
        except Locked as locked:
            return ok(About.STATE, "").doubted(str(locked), locked.hint)
        except StateUnusable as error:
            return failed(About.STATE, error)
        if self._state.keeps:
            return ok(About.STATE, f"it can be read and written, and no run is under way ({self._place})")
        return ok(About.STATE, "").doubted(NOTHING_KEPT, "set `state` in the config, or $SYNCER_STATE")


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


def _config(config: Config) -> Iterator[Finding]:
    off = sum(not pair.enabled for pair in config.pairs)
    left_out = f" ({off} of them not enabled, and not looked at)" if off else ""
    yield ok(About.CONFIG, f"it holds: {many(len(config.pairs), 'pair')}{left_out}")
    for warning in config.warnings:
        yield ok(About.CONFIG, "").doubted(str(warning), "change it there, unless it is meant")


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
What = PlaylistSource | Sampled | NewTarget
Roles = Mapping[tuple[What, Role], tuple[str, ...]]
"""What is wanted of an account in which role, and the pairs that want it."""


@dataclass(frozen=True, slots=True)
class _Wanted:
    """What pairs want of an account."""

    pairs: Sequence[Pair]
    """With the playlists that their targets are made of by now."""
    account: str
    targets: Targets

    @property
    def roles(self) -> Roles:
        return _roles(self.pairs, self.account)

    @property
    def unmade(self) -> Mapping[NewTarget, Pair]:
        """The targets that are not known to be made yet, with a pair of each."""
        return {pair.create: pair for pair in self.pairs if pair.account == self.account and pair.create}

    @property
    def made(self) -> Mapping[PlaylistId, Pair]:
        """The targets that were made, with a pair of each."""
        ours = (pair for pair in self.pairs if pair.account == self.account and (pair.create or pair.volumes))
        return {pair.target: pair for pair in ours if pair.target}

    @property
    def rolling(self) -> frozenset[PlaylistId]:
        """The targets that others follow when they are full."""
        return frozenset(pair.target for pair in self.pairs if pair.account == self.account and pair.roll_over)


def _known(pair: Pair, targets: Targets) -> Pair:
    """Return *pair* with the playlists that its target is made of; as it is where the state cannot be read."""
    try:
        return targets.known(pair)
    except StateUnusable:  # which is told apart from this
        return pair


def _roles(pairs: Sequence[Pair], account: str) -> Roles:
    """Return what *pairs* want of *account*: some have it read alone, or write alone."""
    found: dict[tuple[What, Role], tuple[str, ...]] = {}
    for pair in pairs:
        for reader, source in looked_at(pair):
            if reader == account and not isinstance(source, Captured):  # which no config can name
                found[source, Role.SOURCE] = (*found.get((source, Role.SOURCE), ()), pair.name)
        if pair.account == account:
            target = PlaylistSource(pair.target) if pair.target or pair.create is None else pair.create
            found[target, Role.TARGET] = (*found.get((target, Role.TARGET), ()), pair.name)
    return found


class _Examination:
    """One account, and what pairs want of it."""

    def __init__(
        self, account: Account, wanted: _Wanted, *, visit: _Visit, files: ReadFile, clock: Clock, counted: Counted
    ) -> None:
        self._account = account
        self._name = account.name
        self._wanted = wanted
        self._roles = wanted.roles
        self._visit = visit
        self._files = files
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
            yield ok(About.APP, f"Spotify serves it, for the user {shorten(user)}", self._name)
            step = About.PLAYLIST
            yield from self._all(_Looks(connection, user, self._wanted, self._files, self._clock))
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
        return ok(About.CREDENTIALS, f"they can be read and are complete{where}", self._name)

    def _ended(self, about: About, error: SyncError) -> Iterator[Finding]:
        """Say what is in the way of all the rest."""
        found = failed(about, error, None if about is About.STATE else self._name)
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
        found = ok(About.QUOTA, message, self._name)
        if allowance.left != 0:
            return found
        return found.doubted(
            f"{message}; but what we allow ourselves in a day is spent, so runs leave pairs for later",
            "wait, or raise daily_requests of the account",
        )

    def _all(self, looks: "_Looks") -> Iterator[Finding]:
        outages = 0
        for done, ((what, role), pairs) in enumerate(self._roles.items(), 1):
            finding = replace(ok(About.PLAYLIST, "", self._name), playlist=str(what), role=role, pairs=pairs)
            try:
                yield looks.at(what, finding)
                outages = 0
            except SyncError as error:
                outages = outages + 1 if isinstance(error, Outage) else 0
                if error.reach is not Reach.PAIR or outages == OUTAGE_AFTER:
                    raise
                yield finding.refused(error)
            self._counted(done, len(self._roles))


class _Looks:
    """Looks at what pairs want of one account."""

    def __init__(self, connection: Connection, user: str, wanted: _Wanted, files: ReadFile, clock: Clock) -> None:
        playlists = {what.id for what, _ in wanted.roles if isinstance(what, PlaylistSource)}
        self._connection = connection
        self._wanted = wanted
        self._judge = Judge(connection.playlists, user, playlists, rolling=wanted.rolling)
        self._sampler = Sampler(connection.sources, files, clock)

    def at(self, what: What, finding: Finding) -> Finding:
        """Return *finding* with what is to be said of *what*; an error where that cannot be had."""
        match what:
            case PlaylistSource():
                return self._still_listed(what.id, self._judge.judged(what.id, finding))
            case NewTarget():
                return self._unmade(what, finding)
        return self._sampler.sampled(what, finding)

    def _still_listed(self, playlist: PlaylistId, finding: Finding) -> Finding:
        """Return *finding*, doubted if it is of a target that we made and that has left the library since.

        What is deleted in Spotify's apps stays where it is, and can be added to (contract §2.3).
        """
        pair = self._wanted.made.get(playlist) if finding.role is Role.TARGET else None
        if pair is None or finding.level is not Level.OK or self._wanted.targets.is_listed(pair, self._connection):
            return finding
        return finding.doubted(
            f"{finding.message}, but it is not in your library any more: what is added there nobody sees",
            "restore it at spotify.com/account/recover-playlists, or give the target another name",
        )

    def _unmade(self, new: NewTarget, finding: Finding) -> Finding:
        """Say whether a run could make the target, and whether it would have to."""
        granted, scope = self._connection.scope(), MODIFY[not new.public]
        if granted is not None and scope not in granted:
            return finding.refused(MissingScope(self._wanted.account, scope))
        pair, targets = self._wanted.unmade[new], self._wanted.targets
        name = shorten(targets.name(pair))
        if found := targets.found(pair, self._connection):
            made = f"{name} ({found.target_name}): made by an earlier run, and found in the library"
            return replace(finding, relation=Relation.OWN, message=f"{made}, can be added to")
        return replace(finding, message=f"{name}: is made as soon as there is something to add")


def _sign_in(sign_in: SignIn, today: date) -> Finding:
    finding = ok(About.SIGN_IN, "", sign_in.account)
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
    needed = _needed(roles)
    if granted is None and needed:
        yield ok(About.SCOPES, "", name).doubted("Spotify does not say what was agreed to", action)
        return
    granted = granted or frozenset()
    missing = [scope for scope in needed if scope not in granted]
    for scope in missing:
        found = replace(failed(About.SCOPES, MissingScope(name, scope), name), action=action)
        can_do_without = scope == READ_SHARED or (scope in MODIFY and granted.intersection(MODIFY))
        yield replace(found, level=Level.WARNING, code=None) if can_do_without else found
    if not missing:
        yield ok(About.SCOPES, f"all that its pairs need: {', '.join(needed) or 'none'}", name)


def _needed(roles: Roles) -> tuple[str, ...]:
    """Return what *roles* need, each once."""
    return tuple(dict.fromkeys(scope for what, role in roles for scope in _takes(what, role)))


def _takes(what: What, role: Role) -> tuple[str, ...]:
    return TO_WRITE if isinstance(what, NewTarget) or role is Role.TARGET else to_read(what)
