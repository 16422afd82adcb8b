"""What can go wrong, told in data: each kind of fault is one line in :data:`KINDS`."""

import gzip
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields, replace
from functools import lru_cache, partial
from http import HTTPStatus
from typing import Any, Final, Self

from syncer.sandbox.api import BAD_TOKEN, NO_PREMIUM, NO_TOKEN, NOT_ALLOWED
from syncer.sandbox.ask import Exchange
from syncer.sandbox.exchange import Effect, HttpAnswer, HttpRequest, api_error, finished, json_answer, text_answer
from syncer.sandbox.scene import Scene

Proceed = Callable[[Exchange], HttpAnswer]
"""Carries the request out as if nothing were wrong."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Edit:
    """What someone else does to a playlist: ``add``, then ``remove``, then ``move``, those that are set."""

    playlist: str
    add: tuple[str, ...] = ()
    position: int | None = None
    """Where to add; None: at the end."""
    remove: int | None = None
    """The position of the entry to remove."""
    move: tuple[int, int] | None = None
    """Which position to move in front of which."""

    def carry_out(self, scene: Scene) -> None:
        """Do it, unless the positions are gone by now."""
        playlist = scene.playlists[self.playlist]
        length = len(playlist.entries)
        if self.add:
            scene.add(playlist, self.add, self.position)
        if self.remove is not None and self.remove < length:
            scene.remove_at(playlist, self.remove)
        if self.move is not None and max(self.move) < length:
            scene.move(playlist, *self.move)


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """One thing that goes wrong with ``times`` requests (None: all), once ``after`` matching ones went well.

    ``path`` matches by segment: ``*`` is any one of them, ``**`` any number. What the other values mean is up to the
    ``kind``; where one of them is needed and missing, the kind has its own default.
    """

    kind: str
    method: str = "*"
    path: str = "**"
    after: int = 0
    times: int | None = 1
    applied: bool = False
    """The request takes effect, and only its answer is spoilt."""
    at_byte: int = 0
    """How much of the answer arrives, status line and headers included."""
    seconds: float = 1.0
    """How late, how slow."""
    size: int = 1_000_000
    """How large a body is once it is unpacked."""
    status: int | None = None
    message: str | None = None
    reason: str | None = None
    text: str | None = None
    """A plain body, as it stands."""
    headers: Mapping[str, str] = field(default_factory=dict)
    put: Mapping[str, Any] = field(default_factory=dict)
    """Keys to set in the answer's JSON."""
    drop: tuple[str, ...] = ()
    """Keys to leave out of the answer's JSON."""
    edits: tuple[Edit, ...] = ()
    act: Callable[[Scene], object] | None = None
    """What to do to the scene, for edits that data cannot tell."""

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise ValueError(f"{self.kind!r} is no kind of fault; there are {', '.join(sorted(KINDS))}")

    @classmethod
    def from_json(cls, value: Any) -> Self:
        """Return the fault that a JSON object tells of; ValueError if it tells of none."""
        if not isinstance(value, dict):
            raise ValueError("a fault is an object")  # noqa: TRY004 - one kind of error for a caller
        known = {each.name for each in fields(cls)} - {"act"}
        if strange := value.keys() - known:
            raise ValueError(f"a fault has no {min(strange)!r}")
        for name, inner in value.items():
            if not isinstance(inner, _TYPES[name]) or (isinstance(inner, bool) and name != "applied"):
                raise ValueError(f"{name} cannot be {inner!r}")
        if "kind" not in value:
            raise ValueError("a fault needs its 'kind'")
        edits = tuple(_edit(edit) for edit in value.get("edits", ()))
        return cls(**(value | {"edits": edits, "drop": tuple(value.get("drop", ()))}))

    def matches(self, request: HttpRequest) -> bool:
        """Whether it is about such a request."""
        return self.method in ("*", request.method) and _pattern(self.path).fullmatch(request.path) is not None


_NUMBER: Final = (int, float)
_TYPES: Final[Mapping[str, type | tuple[type, ...]]] = {
    "kind": str,
    "method": str,
    "path": str,
    "after": int,
    "times": (int, type(None)),
    "applied": bool,
    "at_byte": int,
    "seconds": _NUMBER,
    "size": int,
    "status": (int, type(None)),
    "message": (str, type(None)),
    "reason": (str, type(None)),
    "text": (str, type(None)),
    "headers": dict,
    "put": dict,
    "drop": list,
    "edits": list,
}


def _edit(value: Any) -> Edit:
    try:
        tuples = {name: tuple(value[name]) for name in ("add", "move") if value.get(name) is not None}
        return Edit(**(value | tuples))
    except (TypeError, AttributeError):
        raise ValueError(f"{value!r} is no edit") from None


@lru_cache(maxsize=1024)
def _pattern(path: str) -> re.Pattern[str]:
    """Return the pattern of a path; a slash at its end makes no difference."""
    parts = re.split(r"(\*\*|\*)", path.rstrip("/"))
    meaning = {"**": ".*", "*": "[^/]*"}
    return re.compile("".join(meaning.get(part, re.escape(part)) for part in parts) + "/?", re.DOTALL)


@dataclass(slots=True)
class Injected:
    """A fault at work."""

    fault: Fault
    seen: int = 0
    """How many requests matched."""
    fired: int = 0
    """How many of them it spoilt."""

    def strikes(self, request: HttpRequest) -> bool:
        """Count *request*, and say whether the fault is in its way."""
        fault = self.fault
        if not fault.matches(request):
            return False
        self.seen += 1
        return self.seen > fault.after and (fault.times is None or self.seen <= fault.after + fault.times)

    def carry_out(self, scene: Scene, exchange: Exchange, proceed: Proceed) -> HttpAnswer:
        """Answer as the fault has it."""
        self.fired += 1
        return KINDS[self.fault.kind](self.fault, scene, exchange, proceed)


Kind = Callable[[Fault, Scene, Exchange, Proceed], HttpAnswer]

MESSAGES: Final = {
    401: BAD_TOKEN,
    403: "Forbidden",
    404: "Resource not found",
    429: "API rate limit exceeded",
    500: "Server error.",
    502: "Bad gateway.",
    503: "Service unavailable.",
    504: "Gateway timeout.",
}


def _status(fault: Fault, _: Scene, exchange: Exchange, proceed: Proceed, **preset: Any) -> HttpAnswer:
    """Answer with a status of the fault's choice; what the fault itself says goes before the *preset*."""
    if fault.applied:
        proceed(exchange)
    status = fault.status or preset.get("status", 500)
    headers = {**preset.get("headers", {}), **fault.headers}
    text = preset.get("text") if fault.text is None else fault.text
    if text is not None:
        return text_answer(status, text, headers=headers)
    message = fault.message or preset.get("message") or MESSAGES.get(status, "")
    if exchange.request.is_api:
        return api_error(status, message, reason=fault.reason or preset.get("reason"), headers=headers)
    return json_answer(status, {"error": fault.message or "server_error"}, headers)


def _transport(fault: Fault, scene: Scene, exchange: Exchange, proceed: Proceed, *, kind: Any) -> HttpAnswer:
    """Spoil the way back. A request that is not applied would have been answered by a 502."""
    carried_out = fault.applied or exchange.request.method == "GET"
    answer = proceed(exchange) if carried_out else _status(fault, scene, exchange, proceed, status=502)
    return replace(answer, effect=Effect(kind=kind, at_byte=fault.at_byte, seconds=fault.seconds))


def _refuse(fault: Fault, scene: Scene, exchange: Exchange, proceed: Proceed) -> HttpAnswer:
    answer = _status(replace(fault, applied=False), scene, exchange, proceed, status=502)
    return replace(answer, effect=Effect(kind="refuse"))


def _cut(fault: Fault, _: Scene, exchange: Exchange, proceed: Proceed) -> HttpAnswer:
    """Carry the request out, promise a whole body, and send ``at_byte`` bytes of it (by default half)."""
    answer = proceed(exchange)
    arrives = len(finished(answer, exchange.at).head()) + (fault.at_byte or len(answer.body) // 2)
    return replace(answer, effect=Effect(kind="close", at_byte=arrives))


def _late(fault: Fault, scene: Scene, exchange: Exchange, proceed: Proceed) -> HttpAnswer:
    """Lose the answer now (or answer ``status``), and carry the request out ``seconds`` later."""
    scene.later(exchange.at + fault.seconds, lambda due: proceed(replace(exchange, at=due)))
    lost = _status(replace(fault, applied=False), scene, exchange, proceed, status=502)
    return lost if fault.status else replace(lost, effect=Effect(kind="close", at_byte=fault.at_byte))


def _with(fault: Fault, _: Scene, exchange: Exchange, proceed: Proceed, **settings: Any) -> HttpAnswer:
    """Carry the request out another way; a setting that is ``...`` takes the fault's seconds."""
    chosen = replace(exchange)
    for name, value in settings.items():
        setattr(chosen, name, fault.seconds if value is ... else value)
    return proceed(chosen)


def _edits(fault: Fault, scene: Scene, exchange: Exchange, proceed: Proceed) -> HttpAnswer:
    """Let someone else be faster by a moment."""
    for edit in fault.edits:
        edit.carry_out(scene)
    if fault.act:
        fault.act(scene)
    return proceed(exchange)


def _patch(fault: Fault, _: Scene, exchange: Exchange, proceed: Proceed) -> HttpAnswer:
    """Change the answer's JSON; one that has none stays as it is."""
    answer = proceed(exchange)
    body = _object(answer)
    if body is None:
        return answer
    kept = {name: value for name, value in body.items() if name not in fault.drop}
    return replace(json_answer(answer.status, kept | dict(fault.put)), headers=answer.headers)


def _null_entry(_fault: Fault, _scene: Scene, exchange: Exchange, proceed: Proceed) -> HttpAnswer:
    """Put a null in place of the first entry of the answer; one without entries stays as it is."""
    answer = proceed(exchange)
    body = _object(answer)
    entries = _entries(body or {})
    if entries is None:
        return answer
    entries[:1] = [None]
    return replace(json_answer(answer.status, body), headers=answer.headers)


def _object(answer: HttpAnswer) -> dict[str, Any] | None:
    """Return the JSON object that was answered, if it is one."""
    try:
        body = answer.json()
    except ValueError:
        return None
    return body if isinstance(body, dict) else None


def _entries(body: Mapping[str, Any]) -> list[Any] | None:
    """Return the entries of a page, of the page in a playlist or a search, or of another list."""
    for name in ("items", "tracks", "queue", "devices"):
        found = body.get(name)
        if isinstance(found, dict):
            found = found.get("items")
        if isinstance(found, list):
            return found
    return None


def _body(fault: Fault, _: Scene, exchange: Exchange, proceed: Proceed, *, spoil: "Spoil") -> HttpAnswer:
    """Carry the request out and spoil the body; the status stays good."""
    answer = proceed(exchange)
    body, headers = spoil(fault, answer.body)
    status = 200 if body and answer.status == HTTPStatus.NO_CONTENT else answer.status  # a 204 cannot carry one
    return replace(answer, status=status, body=body, headers={**answer.headers, **headers})


Spoil = Callable[[Fault, bytes], tuple[bytes, Mapping[str, str]]]


@lru_cache(maxsize=2)
def _bomb(size: int) -> bytes:
    return gzip.compress(b" " * size, compresslevel=9, mtime=0)


def _number(body: bytes, number: bytes) -> bytes:
    """Put *number* where the first number is."""
    spoilt, found = re.subn(rb"(\":)-?\d+", rb"\g<1>" + number, body, count=1)
    return spoilt if found else number


def _surrogate(body: bytes) -> bytes:
    """Put a lone surrogate at the start of the first text that has a name."""
    return body.replace(b'":"', b'":"\\ud800', 1)


SPOILT: Final[Mapping[str, Spoil]] = {
    "empty-body": lambda _, __: (b"", {}),
    "html-body": lambda _, __: (
        b"<!doctype html><title>502</title><h1>Bad gateway</h1>",
        {"Content-Type": "text/html"},
    ),
    "short-body": lambda fault, body: (body[: fault.at_byte or len(body) // 2], {}),
    "other-body": lambda fault, _: ((fault.text or "{}").encode(), {}),
    "nan-body": lambda _, body: (_number(body, b"NaN"), {}),
    "huge-number-body": lambda _, body: (_number(body, b"9" * 5000), {}),
    "infinite-body": lambda _, body: (_number(body, b"1e999"), {}),
    "deep-body": lambda fault, _: (b"[" * (fault.size // 2) + b"]" * (fault.size // 2), {}),
    "double-key-body": lambda _, body: (body.rstrip()[:-1] + b',"total":0,"items":[]}', {}),
    "lone-surrogate-body": lambda _, body: (_surrogate(body), {}),
    "bad-utf8-body": lambda _, body: (body.replace(b'":"', b'":"\xff\xfe', 1), {}),
    "huge-body": lambda fault, body: (b" " * fault.size + body, {}),
    "gzip-bomb": lambda fault, _: (_bomb(fault.size), {"Content-Encoding": "gzip"}),
}

WRONG_SHAPES: Final = (
    "null",
    "42",
    '"text"',
    "[]",
    "{}",
    '{"items":{},"total":1}',
    '{"items":[1],"total":1}',
    '{"items":[],"total":"many"}',
    '{"items":[],"total":-1}',
    '{"items":null,"total":1}',
    '{"error":"text"}',
)
"""Bodies that are JSON and yet no answer to anything, for ``other-body``."""

_CHALLENGE: Final = {"WWW-Authenticate": 'Bearer realm="spotify"'}
_QUOTA: Final[Mapping[str, Any]] = {
    "message": "API rate limit exceeded",
    "reason": "QUOTA_EXCEEDED",
    "headers": {"Retry-After": "48925"},
}

KINDS: Final[Mapping[str, Kind]] = {
    "status": _status,
    "false-401": partial(_status, status=401, message=NO_TOKEN, headers=_CHALLENGE),
    "premium": partial(_status, status=403, text=NO_PREMIUM),
    "not-allow-listed": partial(_status, status=403, text=NOT_ALLOWED),
    "rate-limit": partial(_status, status=429, headers={"Retry-After": "3"}),
    "quota": partial(_status, status=429, **_QUOTA),
    "redirect": partial(_status, status=307, message="Moved", headers={"Location": "https://example.invalid/"}),
    "close": partial(_transport, kind="close"),
    "reset": partial(_transport, kind="reset"),
    "stall": partial(_transport, kind="stall"),
    "drip": partial(_transport, kind="drip"),
    "refuse": _refuse,
    "cut": _cut,
    "late": _late,
    "read-lag": partial(_with, read_lag=...),
    "snapshot-lag": partial(_with, snapshot_lag=...),
    "relink": partial(_with, relink=True),
    "rotate": partial(_with, rotate=True),
    "rotate-and-revoke": partial(_with, rotate=True, revoke=True),
    "edit": _edits,
    "patch": _patch,
    "null-entry": _null_entry,
    **{name: partial(_body, spoil=spoil) for name, spoil in SPOILT.items()},
}
