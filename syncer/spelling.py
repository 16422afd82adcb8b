"""What people may have meant by a word that is not known."""

import difflib
from collections.abc import Iterable
from itertools import islice
from typing import Final

from syncer.ids import shorten

SOME: Final = 23
"""How many known words are listed: as many as the longest object of the config has keys."""
_LEAST: Final = 3
"""Letters by which a known word is told at the beginning of a longer one."""


def misspelt(word: str, known: Iterable[str]) -> str:
    """Quote *word* with the known one that is meant, or with some of them."""
    some = list(islice(known, 50))
    meant = difflib.get_close_matches(word.lower(), some, n=1)
    meant += [one for one in some if len(one) >= _LEAST and word.lower().startswith(one)]
    if meant:
        return f"{shorten(word)}: did you mean {meant[0]!r}?"
    return f"{shorten(word)}: known here are {', '.join(map(repr, some[:SOME]))}"
