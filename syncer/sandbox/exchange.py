"""One request and its answer, as they are before anything is written to a socket."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from email.utils import formatdate
from functools import lru_cache
from http import HTTPStatus
from typing import Any, Final, Literal, Self
from urllib.parse import parse_qsl, urlsplit

API_HOST: Final = "api.spotify.com"
ACCOUNTS_HOST: Final = "accounts.spotify.com"


@dataclass(frozen=True, slots=True, kw_only=True)
class HttpRequest:
    """What arrived. Header names are in lower case. ``/v1/…`` is the Web API, all else the accounts service."""

    method: str
    path: str
    query: str = ""
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    body: bytes = field(default=b"", repr=False)

    @classmethod
    def to(cls, method: str, url: str, *, headers: Mapping[str, str] | None = None, body: bytes = b"") -> Self:
        """Return a request to *url*; its host is taken for the header ``host`` if there is none."""
        parts = urlsplit(url)
        lower = {"host": parts.netloc} | {name.lower(): value for name, value in (headers or {}).items()}
        return cls(method=method, path=parts.path, query=parts.query, headers=lower, body=body)

    @property
    def is_api(self) -> bool:
        return self.path.startswith("/v1/")

    @property
    def host(self) -> str:
        return self.headers.get("host", "")

    @property
    def base(self) -> str:
        """Where this request was sent, so that links in the answer lead back to the same place."""
        name = self.host.partition(":")[0]
        return f"http://{self.host}" if name in ("127.0.0.1", "localhost") else f"https://{API_HOST}"

    def parameters(self) -> dict[str, str]:
        """Return the query; of a repeated name the last one counts."""
        return dict(parse_qsl(self.query, keep_blank_values=True)) if self.query else {}

    def form(self) -> dict[str, str]:
        """Return a form-encoded body."""
        return dict(parse_qsl(self.body.decode("utf-8", "replace"), keep_blank_values=True))


@dataclass(frozen=True, slots=True, kw_only=True)
class Effect:
    """What the transport does to an answer from byte ``at_byte`` of its wire form on.

    ``close`` ends the connection, ``reset`` ends it hard, ``stall`` sends nothing more, ``drip`` one byte every
    ``seconds``. ``refuse``: there was no connection; a server that has already accepted one can only reset it.
    """

    kind: Literal["close", "reset", "stall", "drip", "refuse"]
    at_byte: int = 0
    seconds: float = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class HttpAnswer:
    """What goes back, and what becomes of it on the way."""

    status: int
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""
    effect: Effect | None = None

    def head(self) -> bytes:
        """Return the status line and the headers as they are sent."""
        try:
            phrase = HTTPStatus(self.status).phrase
        except ValueError:
            phrase = "Unknown"
        lines = [f"HTTP/1.1 {self.status} {phrase}", *(f"{name}: {value}" for name, value in self.headers.items())]
        return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1", "replace")

    def wire(self) -> bytes:
        """Return the whole answer as it is sent."""
        return self.head() + self.body

    def json(self) -> Any:
        """Return the parsed body, for tests that look at it."""
        return json.loads(self.body)


def dumps(value: Any) -> str:
    """Return compact JSON, in plain UTF-8 where the text allows it (a lone surrogate does not)."""
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    try:
        text.encode()
    except UnicodeEncodeError:
        return json.dumps(value, separators=(",", ":"))
    return text


def json_answer(status: int, value: Any, headers: Mapping[str, str] | None = None) -> HttpAnswer:
    return json_text(status, dumps(value), headers)


def json_text(status: int, text: str, headers: Mapping[str, str] | None = None) -> HttpAnswer:
    """Return an answer whose JSON is rendered already."""
    kind = {"Content-Type": "application/json; charset=utf-8"}
    return HttpAnswer(status=status, headers=kind | dict(headers or {}), body=text.encode())


def text_answer(
    status: int, text: str, kind: str = "text/plain", headers: Mapping[str, str] | None = None
) -> HttpAnswer:
    types = {"Content-Type": f"{kind}; charset=utf-8"}
    return HttpAnswer(status=status, headers=types | dict(headers or {}), body=text.encode())


def api_error(
    status: int, message: str, *, reason: str | None = None, headers: Mapping[str, str] | None = None
) -> HttpAnswer:
    """Return an error in the Web API's shape (contract §4.1)."""
    error: dict[str, Any] = {"status": status, "message": message}
    return json_answer(status, {"error": error | ({"reason": reason} if reason else {})}, headers)


class Refused(Exception):
    """An endpoint says no; carries the answer that says so."""

    def __init__(self, answer: HttpAnswer) -> None:
        super().__init__(answer.status)
        self.answer = answer


def refuse(status: int, message: str, **more: Any) -> Refused:
    """Return the exception that answers with an error of the Web API."""
    return Refused(api_error(status, message, **more))


def finished(answer: HttpAnswer, now: float) -> HttpAnswer:
    """Return *answer* with the headers every answer has; one that is set already stays."""
    always = {"Date": _date(int(now))}
    if answer.status != HTTPStatus.NO_CONTENT:  # which has no body, so no length of one (RFC 9110 §8.6)
        always["Content-Length"] = str(len(answer.body))
    return HttpAnswer(
        status=answer.status, headers=always | dict(answer.headers), body=answer.body, effect=answer.effect
    )


@lru_cache(maxsize=64)
def _date(now: int) -> str:
    return formatdate(now, usegmt=True)
