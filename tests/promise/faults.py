"""What can go wrong with one request, by the words of the fault model §7."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Final

from syncer.sandbox import WRONG_SHAPES, Fault

ITEMS: Final = "/v1/playlists/*/items"
ADD: Final[Mapping[str, Any]] = {"method": "POST", "path": ITEMS}
READ: Final[Mapping[str, Any]] = {"method": "GET", "path": "/v1/**"}


def _limit(seconds: str | None) -> Fault:
    headers = {"Retry-After": seconds} if seconds is not None else {}
    return Fault(kind="status", status=429, headers=headers)


LIMITS: Final = {
    "of 3 s": "3",
    "of 61 s": "61",
    "of a day": "86400",
    "of 10^9 s": "1000000000",
    "without a time": None,
    "of 0 s": "0",
    "of -1 s": "-1",
    "of 1.5 s": "1.5",
    "of some time": "soon",
    "until the past": "Sun, 22 Nov 2020 06:00:00 GMT",
    "until the future": "Sun, 22 Nov 2026 06:00:30 GMT",
}

FAULTS: Final[dict[str, Fault]] = {
    "N1 refused connection": Fault(kind="refuse"),
    "N3 502, carried out": Fault(kind="status", status=502, applied=True),
    "N3 closed after it was carried out": Fault(kind="close", applied=True),
    "N3 reset after it was carried out": Fault(kind="reset", applied=True),
    "N3 stalled, carried out": Fault(kind="stall", applied=True),
    "N3 cut body": Fault(kind="cut"),
    "N4 500, not carried out": Fault(kind="status", status=500),
    "N4 closed before it was carried out": Fault(kind="close"),
    "N4 stalled, not carried out": Fault(kind="stall"),
    "N5 carried out 1 s later": Fault(kind="late", seconds=1),
    "N5 carried out 20 s later": Fault(kind="late", seconds=20),
    "N5 carried out 44 s later": Fault(kind="late", seconds=44),
    "N6 closed in the status line": Fault(kind="close", applied=True, at_byte=9),
    "N6 reset in the headers": Fault(kind="reset", applied=True, at_byte=60),
    "N7 empty body": Fault(kind="empty-body"),
    "N7 page of HTML": Fault(kind="html-body"),
    "N7 short body": Fault(kind="short-body"),
    **{f"N7 {text}": Fault(kind="other-body", text=text) for text in WRONG_SHAPES},
    "N8 NaN": Fault(kind="nan-body"),
    "N8 huge number": Fault(kind="huge-number-body"),
    "N8 infinity": Fault(kind="infinite-body"),
    "N8 depth": Fault(kind="deep-body", size=10_000),
    "N8 double key": Fault(kind="double-key-body"),
    "N8 lone surrogate": Fault(kind="lone-surrogate-body"),
    "N8 bad UTF-8": Fault(kind="bad-utf8-body"),
    "N8 huge body": Fault(kind="huge-body", size=3_000_000),
    "N8 gzip bomb": Fault(kind="gzip-bomb", size=50_000_000),
    "N9 503": Fault(kind="status", status=503),
    "N9 504, twice": Fault(kind="status", status=504, times=2),
    **{f"N10 limit {name}": _limit(seconds) for name, seconds in LIMITS.items()},
    "N10 quota": Fault(kind="quota"),
    "N11 false 401": Fault(kind="false-401"),
    "N12 400": Fault(kind="status", status=400),
    "N12 403": Fault(kind="status", status=403),
    "N12 404": Fault(kind="status", status=404),
    "N12 no Premium": Fault(kind="premium"),
    "N12 not on the allow-list": Fault(kind="not-allow-listed"),
    "N13 redirect": Fault(kind="redirect"),
    "N15 a byte a second": Fault(kind="drip", applied=True),
    "P11 relinked": Fault(kind="relink", **ADD),
    "A2 late reads": Fault(kind="read-lag", seconds=44, **READ),
    "A2 late reads of items alone": Fault(kind="read-lag", seconds=44, method="GET", path=ITEMS),
    "A2 late snapshot ids": Fault(kind="snapshot-lag", seconds=44, **READ),
    "T3 new refresh token": Fault(kind="rotate", method="POST", path="/api/token"),
}

UNREADABLE: Final = [name for name in FAULTS if name.startswith(("N7", "N8"))]
"""All alike to whoever reads: where it takes long to try them all, one of them will do."""

TELLING: Final = (
    "N1 refused connection",
    "N3 502, carried out",
    "N3 stalled, carried out",
    "N4 closed before it was carried out",
    "N5 carried out 20 s later",
    "N7 page of HTML",
    "N10 limit of 3 s",
    "N10 limit of a day",
    "N11 false 401",
    "N12 400",
    "N12 403",
    "A2 late reads",
)
"""One of each kind that our code can tell apart, for trials of two at once."""


def among_others(fault: Fault) -> Fault:
    """Return *fault* for a trial of several: what is late to happen and then late to show is within W (A1, A2)."""
    most = {"late": 20, "read-lag": 24}.get(fault.kind, fault.seconds)
    return replace(fault, seconds=min(fault.seconds, most))
