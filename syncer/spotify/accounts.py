"""Opens accounts: credentials in, a signed-in connection out."""

from collections.abc import Callable
from datetime import timedelta
from typing import Final

from syncer.budget import Budget
from syncer.errors import QuotaExceeded, RateLimited
from syncer.model import Account, NotBefore, SignIn
from syncer.ports import Chance, Clock, Connection, CredentialStore, StateStore
from syncer.spotify.auth import Access, TokenEndpoint
from syncer.spotify.gate import CEILING, Gate, Share
from syncer.spotify.player import SpotifyPlayer
from syncer.spotify.playlists import SpotifyPlaylists
from syncer.spotify.sources import SpotifySources
from syncer.spotify.transport import ENDPOINTS, Caller, Endpoints, Transport
from syncer.spotify.wire import Wire

LONGEST_KEPT: Final = 366 * 86_400.0
"""Seconds; what Spotify has been seen to ask for is below two days (contract §4.2)."""


class SpotifyAccounts:
    """The port ``Connect`` over Spotify. One gate per client id, for as long as this object lives."""

    def __init__(
        self,
        *,
        api_url: str,
        accounts_url: str,
        store: Callable[[Account], CredentialStore],
        state: StateStore,
        wire: Wire,
        clock: Clock,
        chance: Chance,
        per_second: float = CEILING,
        daily_requests: int | None = None,
        endpoints: Endpoints = ENDPOINTS,
        share: Callable[[str], Share] | None = None,
    ) -> None:
        """*endpoints* are all that the connections may ask for.

        *share*, where several workers share a client id, returns what this one has of it; it is called once for each.
        """
        self._api_url = api_url
        self._accounts_url = accounts_url
        self._store = store
        self._state = state
        self._wire = wire
        self._clock = clock
        self._chance = chance
        self._per_second = per_second
        self._daily_requests = daily_requests
        self._endpoints = endpoints
        self._share = share
        self._gates: dict[str, Gate] = {}

    def __call__(self, account: Account, budget: Budget) -> Connection:
        store = self._store(account)
        budget.allow(store.slowest)
        stored = store.load()
        client_id = stored.credentials.client_id
        self._wait_is_over(client_id)
        self._wire.hang_up()  # a connection kept since an earlier run may be dead without a sign
        allowance = budget.allowances[client_id]
        allowance.limit_to(account.daily_requests or self._daily_requests)
        warnings: list[str] = []
        caller = Caller(
            gate=self._gate(client_id),
            budget=budget,
            clock=self._clock,
            chance=self._chance,
            worst_case=self._wire.limits.whole,
            limited=lambda limit: self._keep(client_id, limit),
            spent=allowance.spend,
            warnings=warnings,
        )
        tokens = TokenEndpoint(accounts_url=self._accounts_url, wire=self._wire, caller=caller)
        access = Access(
            account.name, stored, store=store, tokens=tokens, clock=self._clock, budget=budget, warnings=warnings
        )
        access.token()
        transport = Transport(
            api_url=self._api_url, wire=self._wire, caller=caller, bearer=access, endpoints=self._endpoints
        )
        playlists = SpotifyPlaylists(api_url=self._api_url, transport=transport, access=access)
        sources = SpotifySources(api_url=self._api_url, transport=transport, access=access)
        player = SpotifyPlayer(api_url=self._api_url, transport=transport, access=access, sources=sources)
        return Connection(
            playlists=playlists,
            sources=sources,
            player=player if transport.permits("PUT", "me/player/play") else None,
            sign_in=SignIn(account=account.name, consented=access.consented, login_option=store.login_option),
            warnings=warnings,
            client_id=client_id,
            allowance=allowance,
            place=store.place,
            renew=access.renew,
            scope=access.scope,
        )

    def _gate(self, client_id: str) -> Gate:
        if client_id not in self._gates:
            share = self._share(client_id) if self._share else None
            self._gates[client_id] = Gate(self._clock, per_second=self._per_second, share=share)
        return self._gates[client_id]

    def _wait_is_over(self, client_id: str) -> None:
        """Raise what Spotify asked an earlier run to wait for, while it lies ahead (fault model §3)."""
        wish = self._state.not_before(client_id)
        left = (wish.at - self._clock.now()).total_seconds() if wish else 0.0
        if wish and left > 0:
            raise (QuotaExceeded if wish.quota else RateLimited)(left)

    def _keep(self, client_id: str, limit: RateLimited) -> None:
        until = self._clock.now() + timedelta(seconds=min(limit.seconds, LONGEST_KEPT))
        self._state.wait(client_id, NotBefore(at=until, quota=isinstance(limit, QuotaExceeded)))
