"""Opens accounts: credentials in, a signed-in connection out."""

from collections.abc import Callable

from syncer.budget import Budget
from syncer.model import Account, SignIn
from syncer.ports import Chance, Clock, Connection, CredentialStore
from syncer.spotify.auth import Access, TokenEndpoint
from syncer.spotify.gate import Gate
from syncer.spotify.playlists import SpotifyPlaylists
from syncer.spotify.transport import Caller, Transport
from syncer.spotify.wire import Wire


class SpotifyAccounts:
    """The port ``Connect`` over Spotify. One gate per client id, for as long as this object lives."""

    def __init__(
        self,
        *,
        api_url: str,
        accounts_url: str,
        store: Callable[[Account], CredentialStore],
        wire: Wire,
        clock: Clock,
        chance: Chance,
    ) -> None:
        self._api_url = api_url
        self._accounts_url = accounts_url
        self._store = store
        self._wire = wire
        self._clock = clock
        self._chance = chance
        self._gates: dict[str, Gate] = {}

    def __call__(self, account: Account, budget: Budget) -> Connection:
        store = self._store(account)
        budget.allow(store.slowest)
        stored = store.load()
        self._wire.hang_up()  # a connection kept since an earlier run may be dead without a sign
        warnings: list[str] = []
        caller = Caller(
            gate=self._gates.setdefault(stored.credentials.client_id, Gate(self._clock)),
            budget=budget,
            clock=self._clock,
            chance=self._chance,
            worst_case=self._wire.limits.whole,
            warnings=warnings,
        )
        tokens = TokenEndpoint(accounts_url=self._accounts_url, wire=self._wire, caller=caller)
        access = Access(
            account.name, stored, store=store, tokens=tokens, clock=self._clock, budget=budget, warnings=warnings
        )
        access.token()
        transport = Transport(api_url=self._api_url, wire=self._wire, caller=caller, bearer=access)
        return Connection(
            playlists=SpotifyPlaylists(api_url=self._api_url, transport=transport, access=access),
            sign_in=SignIn(account=account.name, consented=access.consented, login_option=store.login_option),
            warnings=warnings,
        )
