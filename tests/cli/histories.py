"""Histories for the tests of the page: an empty one, a long one, and one whose names mean harm."""

from collections.abc import Iterable, Mapping
from datetime import UTC, date, datetime, timedelta
from random import Random

from syncer.chronicle import Happened, History, PairHistory, Week
from syncer.cli.page import LATEST, WEEK, Facts
from syncer.ids import PlaylistId, Uri
from syncer.model import Item, Reason, SignIn

NOW = datetime(2026, 11, 22, 20, 56, tzinfo=UTC)
MONDAY = date(2026, 11, 16)
HOSTILE = (
    "</script><script>window.pwned = 1</script>",
    "<img src=x onerror='window.pwned = 1'>",
    '" onmouseover="window.pwned = 1" x="',
    "' onfocus='window.pwned = 1' autofocus='",
    "<!-- <script> ]]> --!>",
    "&lt;b&gt; &amp; ${x} $policy",
    "\u202egpj.exe\u2066",
    "\x1b]52;c;cm0gLXJm\x07\x00\x9b31m",
    "javascript:window.pwned=1",
    "\ud83d",
    "نوال الزغبي",
    "long " * 2000,
)


def facts(
    weeks: Mapping[str, Mapping[date, int]] | None = None,
    *,
    latest: Iterable[Happened] = (),
    left_out: Mapping[str, Mapping[Reason, int]] | None = None,
    sign_ins: Iterable[SignIn] = (),
) -> Facts:
    """Return what the page shows of pairs that brought so many items in the week of a Monday."""
    pairs = tuple(
        PairHistory(
            name=name,
            weeks=tuple(Week(monday=monday, added=added, undone=0) for monday, added in brought.items()),
        )
        for name, brought in (weeks or {}).items()
    )
    history = History(pairs=pairs, latest=tuple(latest))
    return Facts(history=history, left_out=left_out or {}, sign_ins=tuple(sign_ins), made_at=NOW)


def happened(number: int, name: str, artist: str, *, pair: str = "discover-weekly", undone: bool = False) -> Happened:
    return Happened(
        at=NOW - timedelta(hours=9 * number),
        run_id="run",
        pair=pair,
        target=PlaylistId("t" * 22),
        source="liked",
        item=Item(uri=Uri(f"spotify:track:{number:022}"), name=name, artists=(artist,)),
        undone=undone,
    )


def long(years: int = 10, pairs: int = 3) -> Facts:
    """Return *years* of *pairs* that brought up to 30 items in most weeks, and accounts in every state."""
    chance = Random(7)  # noqa: S311 - a picture, not a secret
    names = ("discover-weekly", "liked-songs", "family", *(f"pair-{number}" for number in range(pairs)))[:pairs]
    weeks = {
        name: {
            MONDAY - number * WEEK: chance.randint(1, 30 - 8 * (place % 3))
            for number in range(years * 52)
            if chance.random() < 0.9 - 0.3 * (place % 3)
        }
        for place, name in enumerate(names)
    }
    titles = ("Für Elise", "夜に駆ける", "Paranoid Android", "A Song With a Rather Long Name (2026 Remaster)")
    return facts(
        weeks,
        latest=[
            happened(number, titles[number % 4], f"Artist {number}", undone=number == 3) for number in range(LATEST)
        ],
        left_out={name: {Reason.ALREADY_THERE: 22, Reason.REPEATED: 1} for name in names},
        sign_ins=[
            SignIn(account="default", consented=date(2026, 11, 1), requests_today=42, requests_left=120),
            SignIn(account="anna", consented=date(2026, 6, 10), login_option="--secret x", requests_today=3),
            SignIn(account="bert", consented=date(2026, 5, 24), requests_today=0, requests_left=0),
            SignIn(account="carl"),
        ],
    )


def hostile(*more: str) -> Facts:
    """Return a history in which every name means harm."""
    names = (*HOSTILE, *more)
    return facts(
        {name: {MONDAY: 3} for name in names},
        latest=[happened(number, name, name, pair=name) for number, name in enumerate(names)],
        sign_ins=[SignIn(account=name, login_option=name) for name in names],
    )
