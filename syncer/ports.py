"""What the one path wants from the world. Adapters and test fakes keep these contracts alike."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Protocol, TypeVar

from syncer.allowance import Allowance
from syncer.budget import Budget
from syncer.ids import PlaylistId, Uri
from syncer.model import (
    Account,
    Add,
    AddState,
    Device,
    Discography,
    FileSource,
    Head,
    Item,
    Listable,
    Listing,
    NotBefore,
    Outcome,
    Page,
    Pair,
    Play,
    Playing,
    Releases,
    SignIn,
    Tracklist,
    Volume,
)

if TYPE_CHECKING:
    from concurrent.futures import Future

T = TypeVar("T")


class Clock(Protocol):
    """Time. Lifetimes and deadlines use :meth:`monotonic`, dates use :meth:`now`."""

    def now(self) -> datetime:
        """Return the date and time, in UTC."""
        ...

    def monotonic(self) -> float:
        """Return seconds that never run backwards."""
        ...

    def sleep(self, seconds: float) -> None:
        """Let *seconds* pass, or fewer if the run is asked to stop."""
        ...


class Chance(Protocol):
    """The one source of randomness."""

    def uniform(self, a: float, b: float) -> float:
        """Return a number between *a* and *b*."""
        ...


class Playlists(Protocol):
    """The playlists that one signed-in account can reach.

    Every call may raise what reaches further than a playlist: Temporary, UnreadableAnswer, and any error that ends the
    account or the run.
    """

    def head(self, playlist: PlaylistId, *, contents: bool = False) -> Head:
        """Return what *playlist* says of itself; NotFound if there is none for this account.

        With *contents* its first entries come along, as many as Spotify cares to send: it may send none.
        """
        ...

    def listing(self, offset: int) -> Listing:
        """Return at most PAGE_SIZE playlists of the account's library from *offset* on; MissingScope without consent.

        A playlist may be missing from it, and still be one that the account can read.
        """
        ...

    def page(self, playlist: PlaylistId, offset: int) -> Page:
        """Return at most PAGE_SIZE entries from *offset* on, holes included.

        SourceNotReadable where Spotify keeps the items to owner and collaborators, NotFound if it is gone.
        """
        ...

    def me(self) -> str:
        """Return the id of the user who signed in."""
        ...

    def create(self, name: str, *, public: bool, description: str) -> PlaylistId:
        """Make a playlist of the account's own and return its id; MissingScope if not consented to.

        NameRefused: not with that name, or that description. UnclearCreation: it may have been made; after every other
        error it was not. It is never tried twice (contract §4.3).
        """
        ...

    def remove(self, playlist: PlaylistId, uris: Sequence[Uri]) -> None:
        """Take every entry with one of 1 to MAX_BATCH *uris* out of *playlist*.

        Safe to repeat. UnclearAdd: it may have been done; every other error: it was not. Only connections that were
        opened for it may do it (fault model X6).
        """
        ...

    def append(self, playlist: PlaylistId, uris: Sequence[Uri], *, position: int | None = None) -> str | None:
        """Add 1 to MAX_BATCH addable *uris* in order, all or none; return the new snapshot id, if told.

        They come to stand at the end, or from *position* on. Returns only if they were added. UnclearAdd: they may have
        been. Every other error: they were not; TargetNotWritable, MissingScope or NotFound say why, Rejected that one
        of the URIs is bad.
        """
        ...


class Sources(Protocol):
    """What one signed-in account can read that is no playlist (contract §2.4).

    Every call may raise what the port ``Playlists`` may, and MissingScope without consent to what it reads.
    """

    def page(self, source: Listable, offset: int) -> Page:
        """Return at most PAGE_SIZE entries of *source* from *offset* on; NotFound if there is no such album or show."""
        ...

    def releases(self, source: Discography, offset: int) -> Releases:
        """Return some albums of *source* from *offset* on; NotFound if there is no such artist.

        How many come at a time is Spotify's to say: the next page begins where this one ends.
        """
        ...

    def plays(self, after: datetime | None) -> tuple[Play, ...]:
        """Return at most PAGE_SIZE plays, oldest first: those after *after*, to the millisecond, or the latest."""
        ...

    def playing(self) -> Playing | None:
        """Return what the account plays or has paused; None if nothing, on no device."""
        ...

    def queue(self) -> tuple[Item, ...]:
        """Return what plays now and what would come next, in that order; empty if nothing plays."""
        ...

    def track(self, isrc: str) -> Item | None:
        """Return a track with that *isrc*; None if Spotify has none."""
        ...

    def isrc(self, track: Uri) -> str | None:
        """Return the ISRC of *track*; None if it has none, or is no longer there."""
        ...


class ReadFile(Protocol):
    """Reads the file that a source is."""

    def __call__(self, source: FileSource) -> Tracklist:
        """Return what the file lists; FileUnreadable if it cannot be had."""
        ...


class Player(Protocol):
    """The playback of one signed-in account, to be changed: for `capture` alone.

    Every call may raise what the port ``Playlists`` may, and NotPlayable where the device, the list or the
    subscription does not allow it. A change is safe to repeat, and is never repeated by itself.
    """

    def devices(self) -> tuple[Device, ...]:
        """Return the devices on which a Spotify app is open."""
        ...

    def playing(self) -> Playing | None:
        """Return what the account plays or has paused; None if nothing, on no device."""
        ...

    def queue(self) -> tuple[Item, ...]:
        """Return what plays now and what would come next, in that order; empty if nothing plays."""
        ...

    def play(self, device: str, context: str, *, offset: int | Uri, at_ms: int = 0) -> None:
        """Play *context* from a place in it, or from the item with that URI, *at_ms* into it."""
        ...

    def play_items(self, device: str, uris: Sequence[Uri], *, at_ms: int = 0) -> None:
        """Play *uris*, with no context, from *at_ms* into the first."""
        ...

    def pause(self, device: str) -> None:
        """Stop playing; where nothing plays, that is no error."""
        ...

    def set_volume(self, device: str, percent: int) -> None:
        """Set how loud *device* is."""
        ...

    def set_shuffle(self, device: str, *, on: bool) -> None:
        """Set whether the order is mixed up."""
        ...

    def set_repeat(self, device: str, mode: str) -> None:
        """Set what is repeated: ``off``, ``track`` or ``context``."""
        ...


@dataclass(slots=True, kw_only=True)
class Connection:
    """An account, signed in for one run. ``warnings`` may grow while the run lasts."""

    playlists: Playlists
    sources: Sources
    sign_in: SignIn
    warnings: list[str] = field(default_factory=list)
    client_id: str = ""
    allowance: Allowance = field(default_factory=Allowance)
    """The same one for all accounts of a client id in one run."""
    place: str = ""
    """What a message calls where the credentials are."""
    renew: Callable[[], None] = lambda: None
    """Has the stored sign-in proved by a new access token; an error that ends the account if it does not hold."""
    player: Player | None = None
    """Only where it was opened to be captured from."""
    scope: Callable[[], frozenset[str] | None] = lambda: None
    """Returns what was consented to; None if even a new access token does not say."""


class Connect(Protocol):
    """Opens an account for one run: reads its credentials and has an access token ready."""

    def __call__(self, account: Account, budget: Budget) -> Connection:
        """Return *account*, signed in; an error that ends the account where that cannot be had."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Credentials:
    """What we keep secret for one account (interface §4). Values are stripped and hold no control characters."""

    client_id: str
    client_secret: str | None = field(default=None, repr=False)
    refresh_token: str = field(repr=False)
    access_token: str | None = field(default=None, repr=False)
    expires_at: float | None = None
    scope: str | None = None
    authorized_at: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Stored:
    """Credentials as read, with the mark of the version they came from. Equal marks mean nobody wrote in between."""

    credentials: Credentials
    version: str


class CredentialStore(Protocol):
    """Where one account's credentials are kept."""

    place: str
    """What a message calls it: a path, or the name of a secret."""
    login_option: str
    """What `syncer login` must be told to write here, beside the account; empty if nothing."""
    slowest: float
    """Seconds that one request of it may take; a load is one, a save up to three."""

    def load(self) -> Stored:
        """Return what is kept; CredentialsUnreadable, AwsDenied or StoreUnreachable where that cannot be had."""
        ...

    def save(self, changed: Credentials, *, over: Stored) -> Stored:
        """Keep *changed*, if what is kept is still *over*, and every key we do not know.

        Stored in the meantime by someone else: nothing is written and StoredMeanwhile is raised. A store that cannot
        be written raises like :meth:`load`. What was there before is never damaged.
        """
        ...


class LoginStore(CredentialStore, Protocol):
    """A store that takes a new sign-in."""

    def create_or_replace(self, credentials: Credentials, *, at: datetime) -> Stored:
        """Keep *credentials*, whatever was there, and every key we do not know; raises like ``save``.

        What was there and cannot be read is set aside under a name that has *at* in it.
        """
        ...


class StoredMeanwhile(Exception):
    """Someone else wrote first; read again."""


class StateStore(Protocol):
    """What is kept between runs: every append and every playlist that is made, from before its first byte; limits;
    where a cut-short run stopped.

    Every call may raise StateUnusable, which ends the run: without a durable note nothing is sent (fault model R6).
    What a call wrote is durable when it returns.
    """

    keeps: bool
    """False where nothing outlives the process, so that promises about crashes cannot be given."""

    @property
    def unknown_since(self) -> datetime | None:
        """When what had been kept was found torn and set aside: adds until then may be unknown to us; else None."""
        ...

    def lock(self, run_id: str, *, now: datetime, until: datetime) -> AbstractContextManager[None]:
        """Keep every other run out while inside; Locked if one is in already.

        A lock dies with its process, or at *until* where nobody can see the process.
        """
        ...

    def sending(self, add: Add) -> None:
        """Keep *add*, in state SENT, before its first byte leaves."""
        ...

    def settle(self, add: Add, *, landed: Sequence[Uri], state: AddState) -> None:
        """Keep of *add*, which was SENT, those URIs that *landed*, as *state*; forget the others, and it if none."""
        ...

    def adds(self, target: PlaylistId, *, since: datetime) -> tuple[Add, ...]:
        """Return the adds to *target*, oldest first, that are SENT, RELINKED, UNDONE, or LANDED since *since*."""
        ...

    def record(self) -> Iterator[Add]:
        """Yield every add that landed, newest first."""
        ...

    def volumes(self, account: str, series: str) -> tuple[Volume, ...]:
        """Return what was made of *series*, and what may have been, in the order of their numbers."""
        ...

    def keep_volume(self, volume: Volume) -> None:
        """Keep *volume* in place of what was kept as that number of its series."""
        ...

    def forget_volume(self, volume: Volume) -> None:
        """Keep nothing as that number of its series: it was not made."""
        ...

    def not_before(self, client_id: str) -> NotBefore | None:
        """Return what Spotify last asked *client_id* to wait for, past or not."""
        ...

    def wait(self, client_id: str, wish: NotBefore) -> None:
        """Keep *wish*, unless one that lies later is kept already."""
        ...

    def resume_at(self) -> str | None:
        """Return the name of the pair that a run cut short did not reach first, if the last one was."""
        ...

    def stopped_at(self, pair: str | None) -> None:
        """Keep *pair* for :meth:`resume_at`; None if the run reached them all."""
        ...

    def cached(self, name: str) -> bytes | None:
        """Return what :meth:`cache` kept last under *name*, whole; None if there is nothing, or it is damaged.

        What is cached only saves requests: it may be gone at any time.
        """
        ...

    def cache(self, name: str, content: bytes) -> None:
        """Keep *content*, of up to some megabytes, under *name* in place of what was there: all of it or nothing."""
        ...


class Shared(Protocol):
    """What the workers of one run tell each other: small values, each under a family and a name.

    Every call may raise StateUnusable. What a call wrote is durable when it returns, and every later call of anyone
    sees it.
    """

    def get(self, family: str, name: str) -> bytes | None:
        """Return the value of *name*; None if it has none."""
        ...

    def all(self, family: str, *, at_most: int | None = None) -> dict[str, bytes]:
        """Return the values of *family* by name, in the order of the names: all, or the first *at_most*."""
        ...

    def put(self, family: str, name: str, value: bytes) -> None:
        """Give *name* the *value*, of up to 300 KB, whatever it had."""
        ...

    def swap(self, family: str, name: str, value: bytes | None, *, over: bytes | None) -> bool:
        """Give *name* the *value* in place of *over* and return True; False where it has another value by now.

        None stands for no value. A *value* has to tell who wrote it, where that matters: one that is there already
        counts as written.
        """
        ...

    def drop(self, family: str) -> None:
        """Take every value out of *family*."""
        ...


class FleetState(StateStore, Shared, Protocol):
    """A state store that many processes share, on one machine or on several."""

    def hold(self, run_id: str, *, now: datetime, until: datetime) -> None:
        """Keep every other run out until :meth:`let_go`, or until *until*, as ``lock`` does; Locked if one is in.

        Safe to repeat.
        """
        ...

    def let_go(self, run_id: str, *, until: datetime) -> None:
        """Let others in, unless another run has taken over by now."""
        ...


class Messages(Protocol):
    """A queue, each of whose messages is delivered to a worker: soon, perhaps late, perhaps twice."""

    def send(self, bodies: Sequence[str], *, delay: float = 0) -> None:
        """Send *bodies*, to be delivered no earlier than in *delay* seconds, of which up to 900 count.

        AwsDenied or StoreUnreachable where AWS takes not all of them; some may be under way then.
        """
        ...


class Executor(Protocol):
    """Does several things side by side; ``concurrent.futures`` has those that do."""

    def submit(self, task: Callable[[int], T], argument: int, /) -> "Future[T]":
        """Have *task* done soon; at most SIDE_BY_SIDE at a time are under way."""
        ...


class Watch(Protocol):
    """Someone who looks on while a run goes."""

    def reading(self, what: str, done: int, total: int) -> None:
        """*done* of *total* entries of *what* are read."""
        ...

    def starting(self, pair: Pair) -> None:
        """*pair* is next."""
        ...

    def ended(self, outcome: Outcome) -> None:
        """A pair is through."""
        ...
