"""The ``fields`` filter of the Web API: what it keeps, what it drops without a word (contract §2.1)."""

import re
from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import Any, Final

_TOKEN: Final = re.compile(r"[A-Za-z0-9_*]+|[!().,]")


class BadFields(ValueError):
    """The filter cannot be parsed."""


class Fields:
    """Which names of an object are wanted. Compared by identity, so that it can key a cache cheaply."""

    __slots__ = ("names", "without")

    def __init__(self, names: Mapping[str, "Fields"], without: frozenset[str]) -> None:
        self.names = names
        self.without = without

    def has(self, name: str) -> bool:
        """Whether *name* stays in the answer."""
        return name not in self.without and (not self.names or name in self.names)

    def under(self, name: str) -> "Fields":
        """Return what is wanted of the value called *name*."""
        return self.names.get(name, ALL)

    def of(self, value: Any) -> Any:
        """Return *value* with only the wanted names in it; a list is filtered entry by entry."""
        if self is ALL:
            return value
        if isinstance(value, dict):
            return {name: self.under(name).of(inner) for name, inner in value.items() if self.has(name)}
        if isinstance(value, list):
            return [self.of(inner) for inner in value]
        return value


ALL: Final = Fields({}, frozenset())


@lru_cache(maxsize=256)
def parse(text: str) -> Fields:
    """Parse ``a,b.c,d(e,f(g)),!h``; equal texts give the same object. :class:`BadFields` if it is malformed."""
    if not text:
        return ALL
    if "".join(_TOKEN.findall(text)) != text:
        raise BadFields(text)
    tokens = iter([*_TOKEN.findall(text), ""])
    fields, ended_by = _list(tokens)
    if ended_by:
        raise BadFields(text)
    return fields


def _list(tokens: Iterator[str]) -> tuple[Fields, str]:
    """Parse up to the closing bracket or the end, and say which of the two it was."""
    names: dict[str, Fields] = {}
    without: set[str] = set()
    while True:
        part = next(tokens)
        if part == "!":
            without.add(_name(next(tokens)))
            end = next(tokens)
        else:
            name = _name(part)
            inner, end = _after(tokens)
            names[name] = _merged(names[name], inner) if name in names else inner
        if end != ",":
            if end not in (")", ""):
                raise BadFields(end)
            return Fields(names, frozenset(without)), end


def _after(tokens: Iterator[str]) -> tuple[Fields, str]:
    """Parse what follows a name: nothing, ``.name…`` or ``(list)``; return it with the token behind it."""
    part = next(tokens)
    if part == ".":
        name = _name(next(tokens))
        inner, end = _after(tokens)
        return Fields({name: inner}, frozenset()), end
    if part == "(":
        inner, end = _list(tokens)
        if end != ")":
            raise BadFields(end)
        return inner, next(tokens)
    return ALL, part


def _name(part: str) -> str:
    if not part or part in "!().,":
        raise BadFields(part)
    return part


def _merged(one: Fields, other: Fields) -> Fields:
    if one is ALL or other is ALL:
        return ALL
    names = dict(one.names)
    for name, inner in other.names.items():
        names[name] = _merged(names[name], inner) if name in names else inner
    return Fields(names, one.without | other.without)
