"""Judges playlists by what a pair wants of them: whose they are, and whether they can be read and added to."""

from collections.abc import Collection
from dataclasses import replace
from enum import StrEnum
from math import ceil
from typing import Final

from syncer.errors import (
    MissingScope,
    NotFound,
    SourceNotReadable,
    SourceSpotifyMade,
    SyncError,
    TargetFull,
    TargetNotWritable,
    UnreadableAnswer,
)
from syncer.findings import Finding, Relation, Role, many
from syncer.ids import PlaylistId, is_spotify_made, playlist_uri, shorten
from syncer.model import MAX_ITEMS, PAGE_SIZE, Head, Listed
from syncer.ports import Playlists

SPOTIFY: Final = "spotify"
"""The user id under which Spotify makes playlists."""


class Use(StrEnum):
    """Whether a playlist can be a source, or a target."""

    YES = "yes"
    NO = "no"
    IF_INVITED = "if-invited"
    """Only as its collaborator, of which Spotify tells nothing (contract §2.1)."""


def uses(one: Listed, user: str) -> tuple[Use, Use]:
    """Return whether *user* can have *one* as a source, and as a target, as far as a listing tells."""
    if one.owner == user or one.collaborative:
        return Use.YES, Use.YES if one.total < MAX_ITEMS else Use.NO
    if is_spotify_made(one.id) or one.owner == SPOTIFY:
        return Use.NO, Use.NO
    return Use.IF_INVITED, Use.IF_INVITED


class Judge:
    """Playlists as *user* sees them, for few requests: a page of the library shows 50 that are the user's own."""

    def __init__(
        self,
        playlists: Playlists,
        user: str,
        wanted: Collection[PlaylistId],
        *,
        rolling: Collection[PlaylistId] = (),
    ) -> None:
        """*wanted* are all that will be asked about; those that are *rolling* may be full: others follow them."""
        self._playlists = playlists
        self._user = user
        self._wanted = frozenset(wanted)
        self._rolling = frozenset(rolling)
        self._heads: dict[PlaylistId, Head | SyncError] | None = None

    def judged(self, playlist: PlaylistId, finding: Finding) -> Finding:
        """Return *finding* with what is to be said of *playlist*; an error where that cannot be had."""
        try:
            head = self._head(playlist)
        except (NotFound, SourceNotReadable) as error:
            return _hidden(playlist, error, finding)
        return _judged(head, _relation(head, self._user), finding, rolls=playlist in self._rolling)

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


def _judged(head: Head, relation: Relation, finding: Finding, *, rolls: bool) -> Finding:
    finding = replace(finding, relation=relation)
    error = _refusal(head, relation, finding.role)
    is_full = isinstance(error, TargetFull)
    if error and not (is_full and rolls):
        return finding.refused(error)
    whose = {Relation.OWN: "your own", Relation.COLLABORATIVE: "collaborative"}.get(relation, "someone else's")
    able = "can be read" if finding.role is Role.SOURCE else "can be added to"
    able = "is full, so that another one follows it" if is_full else able
    known = f"{shorten(head.name)} ({finding.playlist}): {whose}, {many(head.total)}"
    if finding.role is Role.TARGET and relation is Relation.FOREIGN:
        return finding.doubted(
            f"{known}; Spotify does not say whether this account may add to it",
            "see that its owner has invited you as a collaborator, or use a playlist of your own as the target",
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
        return replace(finding, relation=Relation.SPOTIFY_MADE).refused(refusal)
    if isinstance(error, NotFound):
        return replace(finding, relation=Relation.GONE).refused(error)
    return replace(finding, relation=Relation.FOREIGN).refused(error if is_source else TargetNotWritable(name))
