"""Read a title as people mean it: its words, what it says of the recording, and who else is credited.

Nothing of a title is thrown away but what is known to say nothing of the recording: a word that nobody foresaw keeps
two titles apart.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise
from typing import Final
from unicodedata import category, name, normalize

from anyascii import anyascii

from syncer.vocabulary import (
    COMMON,
    COUNTED,
    FEATURING,
    FORERUNNERS,
    JOINTS,
    MARKS,
    MARKS_OF_ALBUMS,
    NUMBERED,
    NUMERALS,
    ROMAN,
    SAYING_NOTHING,
    SMALL,
    SPELT,
    UNSPACED,
    WITH,
)

Words = tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Title:
    """A title, taken apart."""

    words: Words
    """What it is called, without accents, and numbers as digits where that is sure."""
    accents: tuple[tuple[int, str], ...]
    """Those of the words that have accents, by their place."""
    marks: tuple[Words, ...]
    """What brackets, or what is behind a dash, say of the recording: live, a remix, a remaster. Sorted."""
    guests: frozenset[str]
    """The words of the names behind a ``feat.``."""
    explicit: bool
    """Whether it says so."""


def read(title: str, artists: Iterable[str]) -> Title:
    """Take *title* apart, of an item by *artists*."""
    known = credits_of(artists)
    parts = list(_parts(fold(title)))
    called: list[str] = []
    accents: list[tuple[int, str]] = []
    marks: list[Words] = []
    guests: set[str] = set()
    explicit = False
    for place, (is_aside, text) in enumerate(parts):
        spelt = _spelt(text)
        part, named = _without_guests(_plain(spelt, is_first=not place), is_aside=is_aside)
        guests |= named
        if is_aside and part in SAYING_NOTHING:
            explicit = explicit or "explicit" in part
        elif is_aside and (mark := _mark(part)):
            marks.append(mark)
        elif not (is_aside and _names_only(part, known)):
            accents += _accented(spelt[: len(part)], begin=len(called))
            called += part
    if not any(map(_has_letters, called)):
        called = [*_as_it_stands(text for _, text in parts if not _has_letters(text))]
    return Title(
        words=tuple(called),
        accents=tuple(accents),
        marks=tuple(sorted(marks)),
        guests=frozenset(guests),
        explicit=explicit,
    )


@lru_cache(maxsize=1024)  # an artist, and an album, has many tracks
def name_words(text: str) -> Words:
    """Return the words of a name; one that is nothing but signs is one word as it stands."""
    text = fold(text)
    return _plain(_spelt(text)) if _has_letters(text) else _as_it_stands([text])


def credits_of(artists: Iterable[str]) -> frozenset[str]:
    """Return the words of the names of *artists*: who they are, however they are joined."""
    return frozenset(word for artist in artists for word in name_words(artist)) - JOINTS


@lru_cache(maxsize=1024)
def marks_of(album: str) -> frozenset[str]:
    """Return what the name of an *album* says of the recordings on it."""
    folded = fold(album)
    unspaced = {mark for sign, mark in UNSPACED.items() if sign in folded}
    return frozenset(SPELT.get(word, word) for word in _plain(_spelt(folded))) & MARKS_OF_ALBUMS | unspaced


def says_which(mark: Words) -> bool:
    """Whether *mark*, of a title, tells one live recording, say, from another: by a place, a name, a year."""
    if "remaster" in mark:
        mark = tuple(word for word in mark if not _YEAR.fullmatch(word))
    return not MARKS.union(SMALL).issuperset(mark)


def says_little(words: Words) -> bool:
    """Whether many tracks are called like this: an intro, an allegro, a number; nothing at all, too."""
    if len(words) == 1 and _YEAR.fullmatch(words[0]):
        return False
    return all(word in COMMON or word in ROMAN or _COUNTER.fullmatch(word) for word in words)


_COUNTER: Final = re.compile(r"\d+|[a-z]")
_YEAR: Final = re.compile(r"(?:19|20)\d\d")

# --- signs and letters ------------------------------------------------------------------------------------------------

_SIGNS: Final = str.maketrans(
    dict.fromkeys("\u2018\u2019\u201b\u02bc\u02bb\u02b9\u2032`\xb4", "'")
    | dict.fromkeys("\u2010\u2011\u2012\u2013\u2014\u2015\u2212", "-")
    | dict.fromkeys("[{\u3010\u3014\u3008\u300a\u300c\u300e", "(")
    | dict.fromkeys("]}\u3011\u3015\u3009\u300b\u300d\u300f", ")")
    | dict.fromkeys("\u301c\u223c", "~")
    | dict.fromkeys("\u2122\xae\xa9\u2117\ufe0e\ufe0f\u0640", "")
    | {"\u0451": "\u0435"}  # a Russian yo, mostly written without its dots
)
"""Variants of one sign; trade marks, choices of glyph and the Arabic stroke that only makes a word longer."""
_ACCENTED: Final = frozenset({"LATIN", "GREEK", "ARABIC", "HEBREW"})
"""The scripts in which people leave marks out. In others they make another letter, as in Japanese, Hindi and Thai."""
_STRESS: Final = frozenset("\u0300\u0301")
"""What a Cyrillic letter may wear without being another letter."""

_SPELLINGS: Final = (
    (re.compile(r"(?<=n)'(?=t\b)|(?<=\bi)'(?=m\b)|(?<=\w)'(?=ve\b)"), ""),  # dont, im, ive; but we're is not were
    (re.compile(r"(?<=\s)(?:'n'?|n')(?=\s)|(?<=\w)'n'(?=\w)"), " and "),
    (re.compile(r"(?<=\d),(?=\d{3}(?!\d))"), ""),
    (re.compile(r"(?<!\S)-(?=\d)"), "minus "),
)
# Like any other apostrophe within a word, those put in for dots stay: U.S. is not us.
_INITIALS: Final = re.compile(r"(?<!\w)(?:[^\W\d_]\.)+[^\W\d_](?!\w)")


def fold(text: str) -> str:
    """Return *text* without case, width, variants of one sign and of the spelling of small words; accents stay."""
    text = text.translate(_SIGNS).casefold()
    if not text.isascii():
        text = normalize("NFKC", normalize("NFKC", text).casefold()).translate(_SIGNS)
    for pattern, replacement in _SPELLINGS:
        text = pattern.sub(replacement, text)
    return _INITIALS.sub(lambda found: found[0].replace(".", "'"), text)


def bare(text: str) -> str:
    """Return what is folded without the accents that people leave out.

    No script is turned into another: what sounds alike in Latin letters may well be two words.
    """
    return text if text.isascii() else normalize("NFC", "".join(_without_accents(normalize("NFD", text))))


def _without_accents(text: str) -> Iterator[str]:
    script = ""
    for char in text:
        kind = category(char)
        if char.isascii():
            script = "LATIN"
            yield char
        elif kind in ("Mn", "Me"):
            if script not in _ACCENTED and not (script == "CYRILLIC" and char in _STRESS):
                yield char
        else:
            script = name(char, "").partition(" ")[0]
            letters = anyascii(char) if script == "LATIN" else char
            yield letters if letters.isalpha() else char


# --- words ------------------------------------------------------------------------------------------------------------

_GLUED: Final = re.compile(r"(pts?|part|vol|no)(\d+)")
_SPELT_OUT: Final = {"&": " and ", "@": " at ", "\u266d": " flat ", "\u266f": " sharp "}
_KEPT: Final = {char: f" {char} " for char in "%#*"}
_BLANK: Final = dict.fromkeys("|~<>\u2044", " ")


class _Spacing(dict[int, str]):
    """What stands for a character: a blank for punctuation, nothing for what nobody sees, else itself.

    Symbols are words of their own: with a whole heart and with a broken one are two titles.
    """

    def __missing__(self, code: int) -> str:
        char = chr(code)
        kind = category(char)
        self[code] = "" if kind == "Cf" else char if kind[0] in "LMN" else f" {char} " if kind[0] == "S" else " "
        return self[code]


_SPACING: Final = _Spacing(str.maketrans(_SPELT_OUT | _KEPT | _BLANK | {"'": "'"}))


def _spelt(text: str) -> list[str]:
    """Return the words of what is folded, as they are spelt."""
    words = (word.strip("'") for word in text.translate(_SPACING).split())
    return [part for word in words if word for part in _unglued(word)]


def _plain(spelt: Iterable[str], *, is_first: bool = True) -> Words:
    """Return the same without accents, and numbers as digits where it is sure that they are numbers.

    The first word of all is not sure to be one.
    """
    return tuple(_numbered([bare(word) for word in spelt], before="" if is_first else "-"))


def _accented(spelt: Iterable[str], *, begin: int) -> Iterator[tuple[int, str]]:
    return ((place, word) for place, word in enumerate(spelt, begin) if word != bare(word))


def _unglued(word: str) -> Sequence[str]:
    glued = _GLUED.fullmatch(word)
    return glued.groups() if glued else (word,)


def _numbered(words: Sequence[str], before: str) -> Iterator[str]:
    for word, after in pairwise([*words, ""]):
        if word in COUNTED and _number(after):
            before = COUNTED[word]
        elif word in NUMBERED and after.isdecimal():
            before = NUMBERED[word]
        elif before in COUNTED or (before in NUMBERED and word.isdecimal()):
            before = _number(word) or word
        else:
            before = NUMERALS[word] if before and word in ROMAN else word
        yield before


def _number(word: str) -> str:
    return str(int(word)) if word.isdecimal() else NUMERALS.get(word, "")


def _has_letters(text: str) -> bool:
    return any(map(str.isalnum, text))


def _as_it_stands(texts: Iterable[str]) -> Words:
    whole = "".join("".join(text.split()) for text in texts)
    return (whole,) if whole else ()


# --- asides -----------------------------------------------------------------------------------------------------------

_DELIMITER: Final = re.compile(r"([()]|\s[-|/]+\s|~+)")
_YEAR_APART: Final = re.compile(r"\b((?:19|20)\d\d) - (?=remaster)")


def _parts(text: str) -> Iterator[tuple[bool, str]]:
    """Yield what stands in brackets or behind a dash, and what does not, in reading order; True: an aside."""
    depth, is_behind = 0, False
    for piece in _DELIMITER.split(_YEAR_APART.sub(r"\1 ", text)):
        if piece == "(":
            depth += 1
        elif piece == ")":
            depth = max(0, depth - 1)
        elif _DELIMITER.fullmatch(piece):
            is_behind = is_behind or depth == 0
        elif piece.strip():
            yield depth > 0 or is_behind, piece


def _without_guests(part: Words, *, is_aside: bool) -> tuple[Words, frozenset[str]]:
    """Return *part* up to a ``feat.``, and the words of the names behind it."""
    for place, word in enumerate(part):
        before, after = part[:place], part[place + 1 :]
        if word in FEATURING and not JOINTS.issuperset(after) and (before or is_aside):
            is_noun = after[0] == "of" or (before and before[-1].isdecimal())  # a feat of strength, 6 ft under
            return (part, frozenset()) if is_noun else (before, frozenset(after) - JOINTS)
    return part, frozenset()


def _names_only(part: Words, known: frozenset[str]) -> bool:
    """Whether an aside has nothing (left), or names only artists that the item has anyway."""
    if not part:
        return True
    named = {*part[1:]} - JOINTS - {"by"}
    return part[0] in WITH and bool(named) and known.issuperset(named)


def _mark(part: Words) -> Words:
    """Return *part* as one of :attr:`Title.marks`, nothing if it says nothing of the recording.

    Where it is no more than the usual words and a year, their order does not matter, nor does *version*.
    """
    every = [SPELT.get(word) or UNSPACED.get(word, word) for word in part]
    spelt = tuple(word for word, after in pairwise([*every, ""]) if FORERUNNERS.get(word) != after)
    if MARKS.isdisjoint(spelt):
        return ()
    if not all(word in MARKS or _YEAR.fullmatch(word) for word in spelt):
        return spelt
    return tuple(sorted(word for word in spelt if word != "version")) or spelt
