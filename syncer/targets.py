"""Which playlists a target is made of, where we make them: kept in the state, found in the library, or made now.

A playlist has no key that would keep Spotify from making it twice, as an add has none (contract §4.3). So a note is
kept from before the first byte, an unclear answer ends the matter for this run, and a later one makes it anew only if
it does not stand in the library W after that: there it is told by its name, its owner, and a mark in its description.
"""

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final

from syncer.appending import Writer
from syncer.errors import (
    MadeAndGone,
    MissingScope,
    NameRefused,
    NotFound,
    SyncError,
    TargetUnstable,
    Temporary,
    UnclearAdd,
    UnclearCreation,
)
from syncer.ids import PlaylistId, playlist_uri, shorten
from syncer.model import PAGE_SIZE, Listed, Pair, Volume
from syncer.naming import folded
from syncer.naming import name as name_at
from syncer.ports import Clock, Connection, StateStore
from syncer.reading import Target

MARK: Final = "Filled by the syncer of (re)Discover Weekly."
"""What the description of a playlist says that we made, so that it is found again."""
_MARKED: Final = re.compile(re.escape(MARK) + r"(?: Volume ([0-9]{1,5})\.)?")
LONGEST_NAME: Final = 100
LONGEST_DESCRIPTION: Final = 300
"""Characters that Spotify's apps take."""
TRIES: Final = 4
"""Whole reads of a library that keeps changing, before we give up on it."""


def known(state: StateStore, pair: Pair, at: datetime) -> Pair:
    """Return *pair* with the playlists that its target is made of at the moment *at*, as far as *state* knows them."""
    return _with(pair, state.volumes(pair.account, series(pair, at))) if pair.makes_playlists else pair


def series(pair: Pair, at: datetime) -> str:
    """Return what the playlists go by of which the target of *pair* is made at the moment *at*."""
    return name_at(pair.create.pattern, at) if pair.create else playlist_uri((*pair.volumes, pair.target)[0])


def _with(pair: Pair, kept: Sequence[Volume]) -> Pair:
    """Return *pair* with the playlists that are *kept* of its series; the first may be the config's own."""
    first = () if pair.create else (*pair.volumes, pair.target)[:1]
    playlists = (*first, *(volume.playlist for volume in kept if volume.playlist))
    return replace(pair, volumes=playlists[:-1], target=playlists[-1]) if playlists else pair


def descriptions(text: str, number: int) -> Iterator[str]:
    """Yield what the description may say of the volume with that *number*, and what if Spotify takes none of that.

    Some it refuses, and nobody knows which (contract §2.3).
    """
    mark = MARK if number == 1 else f"{MARK} Volume {number}."
    if text:
        yield f"{text[: LONGEST_DESCRIPTION - len(mark) - 1].rstrip()} {mark}"
    yield mark
    yield ""


class Targets:
    """The targets that are made, as one run knows them."""

    def __init__(
        self, state: StateStore, at: datetime, *, clock: Clock, settle: float, writer: Writer | None = None
    ) -> None:
        """*at* is the moment that they are named after. Without a *writer* nothing is made, and nothing kept."""
        self._state = state
        self._at = at
        self._clock = clock
        self._window = timedelta(seconds=settle)
        self._writer = writer
        self._volumes: dict[tuple[str, str], tuple[Volume, ...]] = {}
        self._unclear: set[tuple[str, str]] = set()
        """Those of which this run does not know whether it made one."""
        self._imagined: dict[tuple[str, str], Target] = {}
        self._names: dict[PlaylistId, str] = {}
        self._libraries: dict[str, _Own] = {}

    def known(self, pair: Pair) -> Pair:
        """Return *pair* with the playlists that its target is made of, as far as that is known; nobody is asked."""
        return _with(pair, self._kept(pair)) if pair.makes_playlists else pair

    def name(self, pair: Pair) -> str:
        """Return what the first of them is called where they are made, or goes by where a person made it."""
        return series(pair, self._at)

    def imagined(self, pair: Pair) -> Target:
        """Return what stands, on paper, for the target of *pair* that is not made yet: an empty one at first."""
        key = pair.account, series(pair, self._at)
        if key not in self._imagined:
            self._imagined[key] = Target(pair.target, pair.position)
            self._imagined[key].begin(self._at)
        return self._imagined[key]

    def explained(self, pair: Pair, gone: NotFound) -> SyncError:
        """Return *gone*, or what it means where that was made for the target of *pair*."""
        made = self._kept(pair) if pair.makes_playlists else ()
        volume = next((one for one in made if one.playlist and playlist_uri(one.playlist) == gone.uri), None)
        if volume is None:
            return gone
        if self._clock.now() - volume.at < self._window:
            return Temporary(f"Spotify does not show the playlist {shorten(volume.name)} yet, which was made just now")
        return MadeAndGone(gone.uri, shorten(volume.name))

    def found(self, pair: Pair, connection: Connection) -> Pair | None:
        """Return *pair* with one more of them, which the state does not know of; None if there surely is none.

        UnclearCreation where nobody can tell yet, MissingScope where the library cannot be read.
        """
        wanted = self._next(pair, connection)
        self._see_that_it_shows(wanted)
        own = self._own(pair.account, connection)
        if listed := own.find(wanted, but=pair.playlists):
            return self._keep(pair, replace(wanted, playlist=listed.id, at=self._clock.now()))
        return None

    def is_listed(self, pair: Pair, connection: Connection) -> bool:
        """Whether the target of *pair*, one that was made, stands in the library; also if nobody may look."""
        try:
            own = self._own(pair.account, connection)
        except MissingScope:
            return True
        return any(one.id == pair.target for one in own.listed)

    def made(self, pair: Pair, connection: Connection) -> Pair:
        """Return *pair* with one more of them, which is made now: only where none was :meth:`found`."""
        wanted = self._next(pair, connection)
        refused: SyncError | None = None
        for description in descriptions(pair.create.description if pair.create else "", wanted.number):
            try:
                volume = replace(wanted, marked=bool(description), at=self._clock.now())
                return self._make(pair, volume, description, connection)
            except NameRefused as error:
                refused = refused or error
        raise refused or NameRefused(shorten(wanted.name))

    def _make(self, pair: Pair, volume: Volume, description: str, connection: Connection) -> Pair:
        key, public = (volume.account, volume.series), pair.create.public if pair.create else False
        self._keep(pair, volume)
        self._unclear.add(key)  # until we know better, also where the call ends in a way nobody expects
        try:
            made = connection.playlists.create(volume.name, public=public, description=description)
        except UnclearAdd:
            raise
        except SyncError:
            self._unclear.discard(key)
            self._forget(volume)
            raise
        self._unclear.discard(key)
        return self._keep(pair, replace(volume, playlist=made, at=self._clock.now()))

    # --- what is known of a series ---

    def _kept(self, pair: Pair) -> tuple[Volume, ...]:
        key = pair.account, series(pair, self._at)
        if key not in self._volumes:
            self._volumes[key] = self._state.volumes(*key)
        return self._volumes[key]

    def _keep(self, pair: Pair, volume: Volume) -> Pair:
        if self._writer:
            self._state.keep_volume(volume)
        key = volume.account, volume.series
        self._volumes[key] = (*_before(volume, self._volumes[key]), volume)
        return _with(pair, self._volumes[key])

    def _forget(self, volume: Volume) -> None:
        key = volume.account, volume.series
        self._volumes[key] = tuple(_before(volume, self._volumes[key]))
        self._state.forget_volume(volume)

    def _next(self, pair: Pair, connection: Connection) -> Volume:
        """Return what comes after the playlists of *pair*: as it was sent to be made, if it was."""
        number, kept = len(pair.playlists) + 1, self._kept(pair)
        if noted := next((volume for volume in kept if volume.number == number), None):
            return noted
        called = series(pair, self._at)
        name = called if number == 1 else _numbered(self._name_of(pair.playlists[0], connection), number)
        return Volume(account=pair.account, series=called, number=number, name=name, marked=True, at=self._at)

    def _name_of(self, playlist: PlaylistId, connection: Connection) -> str:
        """Return what Spotify calls *playlist*: a person may have found a better name than we had."""
        if playlist not in self._names:
            self._names[playlist] = connection.playlists.head(playlist).name
        return self._names[playlist]

    # --- what stands in the library ---

    def _see_that_it_shows(self, wanted: Volume) -> None:
        """Return once *wanted* shows if an earlier run made it; UnclearCreation if that cannot be waited for."""
        key, unclear = (wanted.account, wanted.series), UnclearCreation(shorten(wanted.name))
        if key in self._unclear:
            raise unclear
        if self._writer and (wanted in self._volumes[key] or self._writer.may_miss_some()):
            self._writer.outwait(unclear)

    def _own(self, account: str, connection: Connection) -> "_Own":
        """Return the library of *account*, as it is late enough for what is to be found there."""
        late = self._writer is not None and self._writer.is_late_enough
        own = self._libraries.get(account)
        if own is None or (late and not own.is_late):
            own = self._libraries[account] = _Own(_library(connection, account), connection.playlists.me, late)
        return own


@dataclass(slots=True)
class _Own:
    """The library of an account, as it was at one time of the run."""

    listed: Sequence[Listed]
    me: Callable[[], str]
    is_late: bool
    """Whether all that runs before this one made shows in it."""

    def find(self, wanted: Volume, *, but: Sequence[PlaylistId]) -> Listed | None:
        """Return what *wanted* is there, if it is."""
        alike = [one for one in self.listed if _is_alike(one, wanted) and one.id not in but]
        user = self.me() if alike else ""  # whoever follows a friend's playlists may have a friend who does this too
        return next((one for one in alike if one.owner == user), None)


def _library(connection: Connection, account: str) -> Sequence[Listed]:
    """Return all that is in the library of *account*; TargetUnstable if it never held still."""
    for _ in range(TRIES):
        if (found := _read_once(connection)) is not None:
            return found
    raise TargetUnstable(f"the library of account {account!r}")


def _read_once(connection: Connection) -> Sequence[Listed] | None:
    """Return all that is in the library; None if something came or went meanwhile, for that may hide another."""
    first = connection.playlists.listing(0)
    found = list(first.playlists)
    for offset in range(PAGE_SIZE, first.total, PAGE_SIZE):
        listing = connection.playlists.listing(offset)
        if listing.total != first.total:
            return None
        found += listing.playlists
    return found


def _is_alike(listed: Listed, wanted: Volume) -> bool:
    mark = _MARKED.search(listed.description)
    says = int(mark[1] or 1) if mark else None
    fits = says == wanted.number if wanted.marked else not listed.description
    return fits and folded(listed.name) == folded(wanted.name)


def _numbered(first: str, number: int) -> str:
    """Return what the volume with that *number* is called where *first* is the name of the first."""
    tail = f" {number}"
    return f"{first[: LONGEST_NAME - len(tail)].rstrip()}{tail}".strip()


def _before(volume: Volume, others: Sequence[Volume]) -> Iterator[Volume]:
    return (one for one in others if one.number < volume.number)
