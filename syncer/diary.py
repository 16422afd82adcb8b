"""What passes by only once: what somebody plays, and what would come next. It is written down while it shows.

The diary is kept from run to run, so that a play waits for its add however long that takes (contract §1.5).
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Final

from syncer.cache import Cache
from syncer.ids import PlaylistId, Uri, is_spotify_made, playlist_uri
from syncer.model import PAGE_SIZE, Heard, Item, Play, Playing, Queue
from syncer.ports import Clock, Sources

KEPT: Final = timedelta(days=30)
"""How long a play is remembered: what was not added by then is not added any more."""
MOST: Final = 2_000
"""Plays that are remembered; the oldest go first."""
JUST_BEFORE: Final = timedelta(milliseconds=1)
ROUNDS: Final = 3
"""Pages of one poll; Spotify shows the last 50 plays, so there should never be a second with anything in it."""


class Diaries:
    """The diaries of one account, each brought up to date at most once in a run."""

    def __init__(
        self,
        account: str,
        sources: Callable[[], Sources],
        *,
        cache: Cache,
        clock: Clock,
        warnings: list[str],
    ) -> None:
        """*sources* is asked for each request; *warnings* is where a person is told what was missed."""
        self._account = account
        self._sources = sources
        self._cache = cache
        self._clock = clock
        self._warnings = warnings
        self._played: tuple[Play, ...] | None = None

    def read(self, source: Heard) -> tuple[Play, ...]:
        """Return what is written down of *source*, oldest first, with what can be heard now."""
        if isinstance(source, Queue):
            return self._queue(source)
        if self._played is None:
            self._played = self._recently_played()
        if source.context is None:
            return self._played
        self._tell_if_blind(source.context, self._played)
        return tuple(play for play in self._played if is_from(play.context, source.context))

    def _continued(self, name: str, known: Sequence[Play], new: Sequence[Play]) -> tuple[Play, ...]:
        """Write *new* behind what is *known*, and let go of what is too old; the latest always stay."""
        since = self._clock.now() - KEPT
        plays = [*known, *new][-MOST:]
        kept = tuple(play for place, play in enumerate(plays) if play.at >= since or len(plays) - place <= PAGE_SIZE)
        if kept != known:
            self._cache.keep_diary(name, kept)
        return kept

    # --- what was played ---

    def _recently_played(self) -> tuple[Play, ...]:
        name = f"{self._account} recently_played"
        known = self._cache.diary(name)
        for new in self._poll(known):
            known = self._continued(name, known, new)  # page by page: Spotify may not show it again
        return known

    def _poll(self, known: Sequence[Play]) -> Iterator[Sequence[Play]]:
        """Yield what was played beside what is *known*, the last of which has to show up, so that nothing is missed."""
        latest, there = (known[-1] if known else None), set(map(_identity, known))
        after = latest.at - JUST_BEFORE if latest else None
        for number in range(ROUNDS):
            page = self._sources().plays(after)
            if latest and number == 0 and len(page) >= PAGE_SIZE and _identity(latest) not in map(_identity, page):
                self._warnings.append(_missed(latest.at, page[0].at))
            new = [play for play in page if _identity(play) not in there]
            there.update(map(_identity, new))
            yield new
            # One page is all that Spotify has, unless it counts from the cursor on: then the rest is behind it.
            if after is None or len(page) < PAGE_SIZE or not new:
                return
            after = new[-1].at - JUST_BEFORE

    def _tell_if_blind(self, wanted: PlaylistId, plays: Sequence[Play]) -> None:
        """Say so where Spotify does not tell from what anything was played: then nothing can ever be found."""
        if plays and all(play.context is None for play in plays):
            made = ", which Spotify makes itself" if is_spotify_made(wanted) else ""
            self._warnings.append(
                f"Spotify tells of none of the last {len(plays)} plays from what they were played, so none can be found"
                f" that came from {playlist_uri(wanted)}{made}"
            )

    # --- what would come next ---

    def _queue(self, source: Queue) -> tuple[Play, ...]:
        name = f"{self._account} {source}"
        known = self._cache.diary(name)
        there = {play.item.uri for play in known}
        now = self._clock.now()
        new = {item.uri: item for item in self._upcoming(source) if item.uri not in there}
        return self._continued(name, known, [Play(item=item, at=now, context=None) for item in new.values()])

    def _upcoming(self, source: Queue) -> Sequence[Item]:
        """Return what is in the queue, if what is played is what *source* asks for."""
        if source.context is None:
            return self._sources().queue()
        playing = self._playing(source.context)
        if playing is None:
            return ()
        queue = self._sources().queue()
        has_moved = playing.item is None or not queue or queue[0].uri != playing.item.uri
        if has_moved and self._playing(source.context) is None:  # another list was started between the two looks
            return ()
        return queue

    def _playing(self, wanted: PlaylistId) -> Playing | None:
        """Return what is played, if it is from *wanted*."""
        playing = self._sources().playing()
        if playing and playing.context is None:
            self._warnings.append(
                "something is played, but Spotify does not tell from what: the queue cannot be taken"
                f" for {playlist_uri(wanted)}"
            )
        return playing if playing and is_from(playing.context, wanted) else None


def is_from(context: str | None, playlist: PlaylistId) -> bool:
    """Whether *context* is the URI of *playlist*, in its old form or its new one."""
    return context is not None and context.endswith(f":playlist:{playlist}")


def as_items(plays: Sequence[Play]) -> tuple[Item, ...]:
    """Return what was played, as entries that were added when they were played."""
    return tuple(replace(play.item, added_at=f"{play.at:%Y-%m-%dT%H:%M:%SZ}") for play in plays)


def _identity(play: Play) -> tuple[datetime, Uri | None]:
    return play.at, play.item.uri


def _missed(last: datetime, first: datetime) -> str:
    return (
        f"plays were missed between {last:%Y-%m-%d %H:%M} and {first:%Y-%m-%d %H:%M} UTC: Spotify shows only the last"
        f" {PAGE_SIZE}; run more often while music plays"
    )
