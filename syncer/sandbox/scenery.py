"""Plausible music, made up from numbers: the same number is always the same track."""

import hashlib
from dataclasses import dataclass, field, replace
from functools import lru_cache
from typing import Final, Literal
from urllib.parse import quote_plus

_LETTERS: Final = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
_FIRST: Final = tuple(
    "Amber Broken Café Distant Electric Faded Golden Hollow Indigo July Kinder Lonely"  # noqa: SIM905 - words read better
    " Midnight Northern Olé Paper Quiet Røde Silver Tidal Über Velvet Winter Yellow".split()
)
_SECOND: Final = tuple(
    "Arcade Bridges Cinema Drive Echoes Fields Gardens Harbour Island Jukebox Kites Lanterns"  # noqa: SIM905 - as above
    " Motel Nights Oceans Parade Quarry Rivers Satellites Trains Umbrella Valley Windows 夜".split()
)
_ARTISTS: Final = (
    "Ada Marlow",
    "Björn & the Tides",
    "Casa Lumen",
    "Deep Orchard",
    "El Niño Solo",
    "Fern Avenue",
    "Glass Harbor",
    "Håkan Lind",
    "Ivory Static",
    "Juniper Wolves",
    "Kobayashi Trio",
    "Łukasz Zima",
    "Motel Polaris",
    "Nina Oduya",
    "Owls of August",
    "Pale Cassette",
)


ReleaseKind = Literal["album", "single", "compilation"]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Release:
    """What an album says of itself."""

    id: str
    name: str
    artists: tuple[str, ...]
    kind: ReleaseKind = "album"
    released: str
    """A year, a month or a day: what is known of it."""
    total: int

    @property
    def precision(self) -> str:
        return ("year", "month", "day")[self.released.count("-")]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Media:
    """Something a playlist can hold. Immutable, and shared by every world that holds it."""

    uri: str
    name: str
    artists: tuple[str, ...]
    album: str
    duration_ms: int
    isrc: str | None = None
    playable: bool = True
    explicit: bool = False
    number: int = 1
    """Its place on its album."""
    on: Release | None = None
    """The album it is on; None: one is made up from the name."""
    released: str = "2026-01-05"
    """When an episode came out."""
    rendered: dict[object, str] = field(default_factory=dict, init=False, repr=False)
    """Its JSON, kept per way of looking at it."""

    @property
    def kind(self) -> str:
        """What the API calls its type; a local file is a track."""
        return "track" if self.is_local else self.uri.split(":")[1]

    @property
    def is_local(self) -> bool:
        return self.uri.startswith("spotify:local:")

    @property
    def release(self) -> Release:
        """The album a track is on."""
        key, year = spotify_id("album", self.album), self.album[-4:]
        return self.on or Release(id=key, name=self.album, artists=self.artists[:1], released=year, total=12)

    @property
    def id(self) -> str | None:
        return None if self.is_local else self.uri.rsplit(":", 1)[1]


def spotify_id(*seed: object) -> str:
    """Return 22 letters and digits, always the same for the same *seed*."""
    number = int.from_bytes(hashlib.sha256(repr(seed).encode()).digest())
    letters = []
    for _ in range(22):
        number, rest = divmod(number, 62)
        letters.append(_LETTERS[rest])
    return "".join(letters)


@lru_cache(maxsize=100_000)
def media(uri: str) -> Media:
    """Return the track, episode, chapter, … that *uri* names; every URI names something."""
    dice = hashlib.sha256(uri.encode()).digest()
    lead = _ARTISTS[dice[2] % len(_ARTISTS)]
    guest = _ARTISTS[dice[3] % len(_ARTISTS)]
    return Media(
        uri=uri,
        name=f"{_FIRST[dice[0] % len(_FIRST)]} {_SECOND[dice[1] % len(_SECOND)]}",
        artists=(lead,) if lead == guest or dice[4] % 4 else (lead, guest),
        album=f"{_SECOND[dice[5] % len(_SECOND)]} {1970 + dice[6] % 56}",
        duration_ms=120_000 + int.from_bytes(dice[7:10]) % 240_000,
        isrc=f"QZ{_LETTERS[36 + dice[10] % 26]}AB{dice[11] % 27:02d}{int.from_bytes(dice[12:16]) % 100_000:05d}",
    )


@lru_cache(maxsize=100_000)
def track(number: int, seed: str = "") -> Media:
    """Return track *number* of the series *seed*."""
    return media(f"spotify:track:{spotify_id('track', seed, number)}")


def episode(number: int) -> Media:
    """Return a podcast episode."""
    return media(f"spotify:episode:{spotify_id('episode', number)}")


def chapter(number: int) -> Media:
    """Return an audiobook chapter: a kind that playlists hold and nobody documents (contract §6)."""
    return media(f"spotify:chapter:{spotify_id('chapter', number)}")


@lru_cache(maxsize=1000)
def local(number: int) -> Media:
    """Return a local file."""
    like = track(number, "local")
    parts = (like.artists[0], like.album, like.name, str(like.duration_ms // 1000))
    return Media(
        uri="spotify:local:" + ":".join(map(quote_plus, parts)),
        name=like.name,
        artists=like.artists[:1],
        album=like.album,
        duration_ms=like.duration_ms,
    )


def other_instance(of: Media) -> Media:
    """Return the same recording under another id, as relinking hands it out (contract §6)."""
    return replace(of, uri=f"spotify:track:{spotify_id('other instance', of.uri)}", playable=True)
