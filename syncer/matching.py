"""Decide when two items count as the same, and find among many the one that does. No clock, no log, no request.

`fuzzy` is careful: an item that is wrongly left out is lost to its owner, one that is added twice is not. Two tracks
are the same by it if all of this holds.

- The words of the title are the same: case, accents, width and punctuation aside. Accents may be left out altogether.
  One long word may have two letters swapped or one doubled, if their ISRCs do not say otherwise.
- The first artist is the same, and so is everyone else who is credited, in the title or among the artists: with a guest
  it is another recording.
- They last as long, give or take 2 s, and both are explicit or neither is.
- What brackets or dashes say of the recording is the same: live, acoustic, a remix and whose, an edit, a remaster and
  of which year. A remaster is not the first master. What no list knows counts as well.
- What the names of their albums say of it is the same; and of what an artist may have recorded more than once, as live,
  either the title says which it is, or the albums are called the same.
- The name is not one that many tracks have, as an intro, an untitled one or an allegro.
"""

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator
from functools import lru_cache
from itertools import groupby
from typing import Final, NamedTuple

from syncer.ids import Uri
from syncer.model import Item, Kind, Match

WINDOW: Final = 2_000
"""Milliseconds by which one recording may last longer in one release than in another."""
LONG_WORD: Final = 10
"""Letters of a word in which a slip of the pen does not make another word."""
_ISRC: Final = re.compile(r"[A-Z]{2}[A-Z0-9]{3}(?!0{7})[0-9]{7}")
"""One that is well formed. What stands for a missing one would make everything the same."""


class _Sign(NamedTuple):
    """What is alike in two items that are the same by ``fuzzy``, but for a slip of the pen and how long they last."""

    words: tuple[str, ...]
    artist: tuple[str, ...]
    credits: frozenset[str]
    marks: tuple[tuple[str, ...], ...]
    unsaid: frozenset[str]
    """What only the name of the album says of the recording."""
    place: tuple[str, ...]
    """The album, where nothing else says which live recording it is."""
    explicit: bool


class _Signed(NamedTuple):
    """An item that ``fuzzy`` can tell from others, and by what."""

    item: Item
    uri: Uri
    duration: int
    isrc: str | None
    sign: _Sign
    accents: tuple[tuple[int, str], ...]


def same(match: Match, one: Item, other: Item) -> bool:
    """Whether the two count as the same; the order of the two does not matter.

    What is the same by ``uri`` is so by ``recording``, and what is by ``recording`` is so by ``fuzzy``. It is not
    transitive: of three that last 1, 3 and 5 seconds only neighbours are the same by ``fuzzy``.
    """
    if one.kind is not other.kind or one.uri is None or other.uri is None:
        return False
    if one.uri == other.uri:
        return True
    if match is Match.URI or one.kind is not Kind.TRACK:
        return False
    if (isrc := _isrc(one)) and isrc == _isrc(other):
        return True
    if match is not Match.FUZZY:
        return False
    signed, against = _signed(one), _signed(other)
    return signed is not None and against is not None and _are_alike(signed, against)


class Lookup:
    """Items among which the one that counts as the same as another is found at once, whatever order they came in."""

    def __init__(self, match: Match, items: Iterable[Item] = ()) -> None:
        self.match = match
        self._by_uri: dict[tuple[Kind, Uri], Item] = {}
        self._by_isrc: dict[str, Item] = {}
        self._alike: defaultdict[object, dict[object, _Signed]] = defaultdict(dict)
        for item in items:
            self.add(item)

    def add(self, item: Item) -> None:
        """Take *item* in; one without a URI is the same as none."""
        if item.uri is None:
            return
        self._by_uri.setdefault((item.kind, item.uri), item)
        if self.match is Match.URI or item.kind is not Kind.TRACK:
            return
        if isrc := _isrc(item):
            known = self._by_isrc.setdefault(isrc, item)
            self._by_isrc[isrc] = min(item, known, key=lambda one: one.uri or "")
        if self.match is Match.FUZZY and (signed := _signed(item)):
            for shape in _shapes(signed.sign):
                self._take(shape, signed)

    def find(self, item: Item) -> Item | None:
        """Return what is the same as *item* by :func:`same`, None if nothing is.

        Of several it is the one with its URI, else with its ISRC, else with its title word by word, else the one that
        lasts as long, else the one with the first URI: never a matter of order.
        """
        if item.uri is None:
            return None
        if found := self._by_uri.get((item.kind, item.uri)):
            return found
        if self.match is Match.URI or item.kind is not Kind.TRACK:
            return None
        if (isrc := _isrc(item)) and isrc in self._by_isrc:
            return self._by_isrc[isrc]
        signed = _signed(item) if self.match is Match.FUZZY else None
        if signed is None:
            return None
        alike = (one for one in self._near(signed) if _are_alike(signed, one))
        best = min(alike, key=lambda one: _distance(signed, one), default=None)
        return best.item if best else None

    def _take(self, shape: "_Shape", signed: _Signed) -> None:
        """Keep *signed* where :meth:`_near` looks for it; of those that differ in their URI alone, one will do."""
        held = self._alike[shape, signed.duration // WINDOW]
        key = signed.sign.words, signed.accents, signed.duration, signed.isrc
        held[key] = min(held.setdefault(key, signed), signed, key=lambda one: one.uri)

    def _near(self, signed: _Signed) -> Iterator[_Signed]:
        bucket = signed.duration // WINDOW
        for shape in _shapes(signed.sign):
            for near in (bucket - 1, bucket, bucket + 1):
                yield from self._alike.get((shape, near), {}).values()


_Shape = _Sign
"""A sign with one word, at most, of which only the letters are told."""


def _shapes(sign: _Sign) -> Iterator[_Shape]:
    """Yield what a sign has in common with those that are alike: itself, then itself but for one long word each."""
    yield sign
    for place, word in enumerate(sign.words):
        if len(word) >= LONG_WORD - 1 and word.isascii() and word.isalpha():
            yield sign._replace(words=(*sign.words[:place], _letters(word), *sign.words[place + 1 :]))


def _are_alike(one: _Signed, other: _Signed) -> bool:
    if abs(one.duration - other.duration) > WINDOW or one.sign[1:] != other.sign[1:]:
        return False
    if one.accents and other.accents and one.accents != other.accents:
        return False  # people leave accents out; other accents make another word
    return one.sign.words == other.sign.words or (
        None in (one.isrc, other.isrc) and _is_slip(one.sign.words, other.sign.words)
    )


def _is_slip(words: tuple[str, ...], others: tuple[str, ...]) -> bool:
    """Whether the titles differ in one long word alone, by two letters swapped or a letter doubled.

    Any other change of a letter makes too many other words: *intentions* and *inventions*.
    """
    differing = [pair for pair in zip(words, others, strict=False) if pair[0] != pair[1]]
    if len(words) != len(others) or len(differing) != 1:
        return False
    word, other = differing[0]
    if not (word.isascii() and word.isalpha() and other.isascii() and other.isalpha()):
        return False
    return max(len(word), len(other)) >= LONG_WORD and _letters(word) == _letters(other) and _edits(word, other) == 1


def _letters(word: str) -> str:
    """Return the first and the last letter of *word*, and all of them in alphabetical order, doubled ones once."""
    return f"{word[0]}-{word[-1]}-" + "".join(sorted(letter for letter, _ in groupby(word)))


def _edits(word: str, other: str) -> int:
    import jellyfish  # noqa: PLC0415 - few runs match by title, and fewer find a title that is nearly another

    return jellyfish.damerau_levenshtein_distance(word, other)


def _distance(signed: _Signed, other: _Signed) -> tuple[bool, int, Uri]:
    return signed.sign.words != other.sign.words, abs(signed.duration - other.duration), other.uri


def _isrc(item: Item) -> str | None:
    return item.isrc if item.isrc and _ISRC.fullmatch(item.isrc) else None


@lru_cache(maxsize=4)  # one item is asked for several times in a row
def _signed(item: Item) -> _Signed | None:
    """Return *item* with its sign, None if it tells too little of itself."""
    from syncer import titles, vocabulary  # noqa: PLC0415 - their tables take time, and few runs match by title

    if item.uri is None or item.kind is not Kind.TRACK or not item.artists or not item.duration_ms:
        return None
    artist, title = titles.name_words(item.artists[0]), titles.read(item.name, item.artists)
    if not artist or artist in vocabulary.NOBODY or titles.says_little(title.words):
        return None
    unsaid = titles.marks_of(item.album).difference(*title.marks)
    unclear = [mark for mark in title.marks if not titles.says_which(mark)]
    depends = vocabulary.PERFORMED & unsaid.union(*unclear)
    sign = _Sign(
        words=title.words,
        artist=artist,
        credits=titles.credits_of(item.artists) | title.guests,
        marks=title.marks,
        unsaid=unsaid,
        place=titles.name_words(item.album) if depends else (),
        explicit=title.explicit or bool(item.explicit),
    )
    return _Signed(item, item.uri, item.duration_ms, _isrc(item), sign, title.accents)
