"""What every request to Spotify goes through: limits, classification of the raw answer, and the only retries there are.

spotipy builds requests and hands them to :class:`Transport`, a ``requests.Session`` of ours. Answers that are no
success never get back to spotipy, which would lose what matters of them (contract §7.2).
"""

import gc
import json
import logging
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from email.utils import parsedate_to_datetime
from enum import Enum
from http import HTTPStatus
from threading import Lock
from typing import Any, Final, Protocol

import requests

from syncer.budget import Budget
from syncer.errors import (
    NotAllowListed,
    Outage,
    PremiumNeeded,
    QuotaExceeded,
    RateLimited,
    SyncError,
    Temporary,
    UnreadableAnswer,
)
from syncer.ports import Chance, Clock
from syncer.spotify.gate import Gate
from syncer.spotify.wire import Lost, NeverSent, Reply, Wire

log = logging.getLogger(__name__)

TRIES: Final = 3
FIRST_BACKOFF, LONGEST_BACKOFF = 0.5, 8.0
LONGEST_WAIT: Final = 60.0
"""Seconds of Retry-After that a run sits out; more ends it (fault model §3)."""
UNSAID_WAIT: Final = 5.0
"""Seconds to wait where Spotify does not say, doubled each time."""
CLOCK_TOLERANCE: Final = 300.0
"""Seconds that two clocks may differ before a person is told."""
FALSE_401_PAUSE: Final = 1.0


class Means(Enum):
    """What a request does, which decides whether it may be repeated."""

    READ = "read"
    ADD = "add"
    """Whatever changes a playlist: an unclear answer is for the caller to clear up."""
    COMMAND = "command"
    """Whatever changes what is played: only a refusal for now (401, 429) has it sent again."""
    TOKEN = "token"  # noqa: S105 - the name of a kind of request


class Refused(Exception):
    """Spotify answered with a 4xx that its caller must explain; the request was not carried out."""

    def __init__(self, status: int, reason: str = "") -> None:
        self.status = status
        self.reason = reason
        """In Spotify's own words, which mostly it keeps to itself."""
        super().__init__(f"refused with {status}")


NOTHING: Final = object()
"""The document of an answer that is empty because there is nothing to say (204)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Served:
    """An answer to act on: its status, and the JSON document in it.

    None where there is no readable one, NOTHING where there was none to be sent.
    """

    status: int
    document: Any = field(repr=False)
    text: str = field(default="", repr=False)
    """The body of a refusal where it is plain text, no JSON and no HTML."""


class Caller:
    """Repeats what may be repeated, waits where waiting is right, and stops where it is not (fault model §3).

    Reads may call from several threads. Once one of them was told of a limit that ends the run, the others are too.
    """

    def __init__(
        self,
        *,
        gate: Gate,
        budget: Budget,
        clock: Clock,
        chance: Chance,
        worst_case: float,
        limited: Callable[[RateLimited], None],
        spent: Callable[[], None],
        warnings: list[str],
    ) -> None:
        """*limited* hears of every wish for a longer wait than a run takes, before the run ends over it.

        *spent* hears of every request to the Web API, before it is sent. Neither is called by two threads at a time.
        *warnings* is where a person is told of a clock that is wrong.
        """
        self._gate = gate
        self._budget = budget
        self._clock = clock
        self._chance = chance
        self._worst_case = worst_case
        self._limited = limited
        self._spent = spent
        self._warnings = warnings
        self._lock = Lock()
        self._compared = False
        self._limit: RateLimited | None = None
        """What ended the run."""

    def call(self, means: Means, exchange: Callable[[], Reply], fits: Callable[[Any], bool]) -> Served:
        """Return the answer to *exchange*: 2xx with a document that *fits*, or a 4xx other than 429.

        Lost, for an add only: it may have been carried out. Outage, UnreadableAnswer, RateLimited, OutOfTime,
        Interrupted: it was not (or, for a read, it makes no difference). A command may have been carried out if it
        ends with Outage or UnreadableAnswer.
        """
        failures = limits = 0
        while True:
            with self._gate.pass_through(self._may_go):
                came = self._once(means, exchange, fits, limits)
            if isinstance(came, Served):
                return came
            if isinstance(came, SyncError):
                if means is Means.COMMAND:
                    raise came
                failures += 1
                self._back_off(failures, came)
            else:
                limits += 1
                self._budget.wait(came)

    def _may_go(self) -> None:
        if self._limit:
            raise type(self._limit)(self._limit.seconds)
        self._budget.allow(self._worst_case)

    def _once(
        self, means: Means, exchange: Callable[[], Reply], fits: Callable[[Any], bool], limits: int
    ) -> Served | SyncError | float:
        """Send one request; return its answer, or the trouble that a repeat may end, or the seconds to sit out."""
        self._count(means)
        try:
            reply = exchange()
        except NeverSent as error:
            if error.certificate:  # trying again would not mend it
                raise _mistrusted(means) from None
            return _unreachable(means)
        except Lost:
            if means is Means.ADD:
                raise
            return _unreachable(means)
        self._compare_clocks(reply)
        if reply.status == HTTPStatus.TOO_MANY_REQUESTS:
            return self._closed(reply, limits + 1)
        answer = _classify(means, reply, fits)
        if isinstance(answer, Served):
            self._gate.speed_up()
            if answer.status < HTTPStatus.BAD_REQUEST:
                self._budget.succeeded()
        return answer

    def _count(self, means: Means) -> None:
        if means is Means.TOKEN:
            self._budget.count("accounts")
            return
        self._budget.count("spotify")
        with self._lock:
            self._spent()

    def _compare_clocks(self, reply: Reply) -> None:
        """Warn once if this machine's clock is far from Spotify's; nothing we do depends on it (fault model N14)."""
        theirs = _date(reply.headers.get("Date"))
        with self._lock:
            if self._compared or theirs is None:
                return
            self._compared = True
        off = (self._clock.now() - theirs).total_seconds()
        if abs(off) > CLOCK_TOLERANCE:
            direction = "ahead" if off > 0 else "behind"
            self._warnings.append(f"the clock of this machine is {abs(off) / 60:.0f} minutes {direction}: set it right")

    def pause(self, seconds: float, trouble: SyncError) -> None:
        """Wait for *seconds* before a repeat; *trouble* is raised if the run has no time or no retry left for it."""
        if not self._affords(seconds):
            raise trouble from None
        self._budget.wait(seconds)

    def _affords(self, seconds: float) -> bool:
        """Spend a retry after a wait of *seconds*, if both are left."""
        return self._budget.may_wait(seconds, self._worst_case) and self._budget.take_retry()

    def _back_off(self, failures: int, trouble: SyncError) -> None:
        if failures == TRIES:
            raise trouble from None
        longest = min(LONGEST_BACKOFF, FIRST_BACKOFF * 2 ** (failures - 1))
        self.pause(self._chance.uniform(0, longest), trouble)

    def _closed(self, reply: Reply, times: int) -> float:
        """Close the gate and return for how many seconds; RateLimited if the run cannot sit that out."""
        asked = retry_after(reply.headers, self._clock)
        seconds = UNSAID_WAIT * 2 ** (times - 1) if asked is None else max(1.0, asked)
        wish = QuotaExceeded(seconds) if _reason(parse(reply.body)) == "QUOTA_EXCEEDED" else RateLimited(seconds)
        pause = seconds + self._chance.uniform(0, 1)
        out_of_patience = seconds > LONGEST_WAIT or (asked is None and times > TRIES)
        if isinstance(wish, QuotaExceeded) or out_of_patience or not self._affords(pause):
            self._gate.slow_down()
            with self._lock:
                self._limit = wish
                self._limited(wish)
            raise wish
        self._gate.close(pause)
        return pause


def _host(means: Means) -> str:
    return "Spotify's accounts service" if means is Means.TOKEN else "Spotify"


def _unreachable(means: Means) -> Outage:
    return Outage(f"{_host(means)} could not be reached")


def _mistrusted(means: Means) -> Outage:
    return Outage(
        f"what answers for {_host(means)} shows a certificate that is not trusted here",
        hint="check this machine's clock and proxy; $REQUESTS_CA_BUNDLE names the certificates to trust",
    )


def _unreadable(means: Means, what: str) -> SyncError:
    """Whatever else the accounts service says, it is temporary (interface §3)."""
    return Temporary(f"{_host(means)} {what}") if means is Means.TOKEN else UnreadableAnswer(f"{_host(means)} {what}")


def _classify(means: Means, reply: Reply, fits: Callable[[Any], bool]) -> Served | SyncError:
    """Return what to act on, or the trouble that a repeat may end; Lost for an add whose outcome is unclear."""
    status = reply.status
    if HTTPStatus.BAD_REQUEST <= status < HTTPStatus.INTERNAL_SERVER_ERROR:
        return Served(status=status, document=parse(reply.body), text=_plain_text(reply.body))
    if HTTPStatus.OK <= status < HTTPStatus.MULTIPLE_CHOICES:
        document = NOTHING if (status, reply.body) == (HTTPStatus.NO_CONTENT, b"") else parse(reply.body)
        if means is Means.ADD or fits(document):
            return Served(status=status, document=document)
        return _unreadable(means, "sent an answer that is not what its API promises")
    if means is Means.ADD:
        raise Lost
    if status < HTTPStatus.INTERNAL_SERVER_ERROR:
        return _unreadable(means, f"answered with a redirect ({status}), which is never followed")
    return Outage(f"{_host(means)} has trouble of its own (it answered {status})")


def _plain_text(body: bytes | None) -> str:
    text = (body or b"").decode("utf-8", "replace").lstrip()
    return "" if text.startswith(("{", "[", "<")) else text


def parse(body: bytes | None) -> Any:
    """Return the JSON document in *body*; None if there is none, or none that is plain JSON (fault model N8)."""
    try:
        with _nothing_collected():
            return json.loads(body or b"", object_pairs_hook=_unique, parse_constant=_no_constant)
    except (ValueError, RecursionError):
        return None


@contextmanager
def _nothing_collected() -> Iterator[None]:
    """Hold back the garbage collector: amid a document that is nested too deep, a finalizer has no stack to run on."""
    collects = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if collects:
            gc.enable()


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    result = dict(pairs)
    if len(result) < len(pairs):
        raise ValueError("a key stands twice")
    return result


def _no_constant(name: str) -> None:
    raise ValueError(name)


def _reason(document: Any) -> str:
    """Return the reason that a refusal gives, in Spotify's own words; mostly it gives none."""
    error = document.get("error") if isinstance(document, dict) else None
    reason = error.get("reason") if isinstance(error, dict) else None
    return reason if isinstance(reason, str) else ""


_SECONDS: Final = re.compile(r"[0-9]{1,12}", re.ASCII)


def retry_after(headers: Mapping[str, str], clock: Clock) -> float | None:
    """Return the seconds that *headers* ask to wait, 0 or more; None where they do not say it in a way we know."""
    value = headers.get("Retry-After", "").strip()
    if _SECONDS.fullmatch(value):
        return float(value)
    until = _date(value)
    return max(0.0, (until - (_date(headers.get("Date")) or clock.now())).total_seconds()) if until else None


def _date(value: str | None) -> datetime | None:
    """Return the moment that an HTTP date names, None if it names none."""
    try:
        moment = parsedate_to_datetime(value or "")
    except (ValueError, TypeError, OverflowError):
        return None
    return moment if moment.tzinfo else None


class Bearer(Protocol):
    """Who has the access token of one account."""

    account: str

    def token(self) -> str:
        """Return a token that should be good."""
        ...

    def renewed(self, refused: str) -> str | None:
        """Return a token other than *refused*; None if *refused* is as new as it gets."""
        ...


def _is_head(document: Any) -> bool:
    return (
        isinstance(document, dict)
        and isinstance(document.get("id"), str)
        and all(_has_total(part) for name in ("items", "tracks") if isinstance(part := document.get(name), dict))
    )


def _has_total(document: Mapping[str, Any]) -> bool:
    return type(document.get("total")) is int and document["total"] >= 0


def is_page(document: Any) -> bool:
    """Whether *document* is a page of some list; any of its entries may be null."""
    return _has_entries(document) and _has_total(document)


def _has_entries(document: Any) -> bool:
    return (
        isinstance(document, dict)
        and isinstance(document.get("items"), list)
        and all(entry is None or isinstance(entry, dict) for entry in document["items"])
    )


def _is_me(document: Any) -> bool:
    return isinstance(document, dict) and isinstance(document.get("id"), str) and bool(document["id"])


def _is_thing(document: Any) -> bool:
    return isinstance(document, dict) and isinstance(document.get("uri"), str)


def _is_list_of_albums(document: Any) -> bool:
    """Whether *document* is a page of albums that tell how long they are; any of them may be null."""
    return is_page(document) and all(map(_is_album, filter(None, document["items"])))


def _is_list_of_saved_albums(document: Any) -> bool:
    return is_page(document) and all(
        entry.get("album") is None or _is_album(entry["album"]) for entry in filter(None, document["items"])
    )


def _is_album(document: Any) -> bool:
    length = document.get("total_tracks") if isinstance(document, dict) else None
    return type(length) is int and length >= 0


def _is_playback(document: Any) -> bool:
    return document is NOTHING or (isinstance(document, dict) and isinstance(document.get("is_playing"), bool))


def _is_queue(document: Any) -> bool:
    return document is NOTHING or (isinstance(document, dict) and isinstance(document.get("queue"), list))


def _are_devices(document: Any) -> bool:
    return isinstance(document, dict) and isinstance(document.get("devices"), list)


def _are_finds(document: Any) -> bool:
    return isinstance(document, dict) and is_page(document.get("tracks"))


def _anything(_document: Any) -> bool:
    return True


Endpoints = Sequence[tuple[str, re.Pattern[str], Means, Callable[[Any], bool]]]
"""What may be asked: method, path below the version, what that does, and what fits as an answer."""
_ID: Final = r"[A-Za-z0-9]{22}"
_PLAYLIST: Final = rf"playlists/{_ID}"
_PLAYLISTS: Final[Endpoints] = (
    ("GET", re.compile(_PLAYLIST), Means.READ, _is_head),
    ("GET", re.compile(rf"{_PLAYLIST}/items"), Means.READ, is_page),
    ("GET", re.compile(r"me/playlists"), Means.READ, is_page),
)
_READS: Final[Endpoints] = (
    *_PLAYLISTS,
    ("GET", re.compile(r"me/(?:tracks|episodes|top/tracks)"), Means.READ, is_page),
    ("GET", re.compile(rf"albums/{_ID}/tracks/"), Means.READ, is_page),
    ("GET", re.compile(rf"shows/{_ID}/episodes/"), Means.READ, is_page),
    ("GET", re.compile(rf"artists/{_ID}/albums"), Means.READ, _is_list_of_albums),
    ("GET", re.compile(r"me/albums"), Means.READ, _is_list_of_saved_albums),
    ("GET", re.compile(r"me/player/recently-played"), Means.READ, _has_entries),
    ("GET", re.compile(r"me/player"), Means.READ, _is_playback),
    ("GET", re.compile(r"me/player/queue"), Means.READ, _is_queue),
    ("GET", re.compile(r"search"), Means.READ, _are_finds),
    ("GET", re.compile(rf"tracks/{_ID}"), Means.READ, _is_thing),
)
ENDPOINTS: Final[Endpoints] = (*_READS, ("POST", re.compile(rf"{_PLAYLIST}/items"), Means.ADD, bool))
"""All that a run may ask of Spotify (fault model X6); to an add, any answer fits."""
_CREATE: Final[Endpoints] = (
    ("GET", re.compile(r"me/"), Means.READ, _is_me),
    ("POST", re.compile(r"me/playlists"), Means.ADD, bool),
)
CREATE_ENDPOINTS: Final[Endpoints] = (*ENDPOINTS, *_CREATE)
"""All that a run may ask whose config has targets to be made: what is found by its name has to be the user's own."""
UNDO_ENDPOINTS: Final[Endpoints] = (*_PLAYLISTS, ("DELETE", re.compile(rf"{_PLAYLIST}/items"), Means.ADD, bool))
"""All that an undo may ask: it takes out, and never adds."""
LOOK_ENDPOINTS: Final[Endpoints] = (*_READS, ("GET", re.compile(r"me/"), Means.READ, _is_me))
"""All that those may ask who only look."""
SETUP_ENDPOINTS: Final[Endpoints] = (*_READS, *_CREATE)
"""All that a set-up may ask: it looks, and makes a playlist."""
CAPTURE_ENDPOINTS: Final[Endpoints] = (
    *_READS,
    ("GET", re.compile(r"me/player/devices"), Means.READ, _are_devices),
    ("PUT", re.compile(r"me/player/(?:play|pause|volume|shuffle|repeat)"), Means.COMMAND, _anything),
)
"""All that a capture may ask: it reads, and changes what is played."""


class _Answer(requests.Response):
    """A success as spotipy wants to see it; its body was read and understood already."""

    def __init__(self, served: Served) -> None:
        super().__init__()
        self.status_code = served.status
        self._document = served.document

    def json(self, **_options: Any) -> Any:
        return self._document


class Transport(requests.Session):
    """The session under spotipy: one account, one run."""

    def __init__(
        self, *, api_url: str, wire: Wire, caller: Caller, bearer: Bearer, endpoints: Endpoints = ENDPOINTS
    ) -> None:
        super().__init__()
        self._endpoints = endpoints
        self._base = api_url + "/"
        self._wire = wire
        self._caller = caller
        self._bearer = bearer

    def permits(self, method: str, path: str) -> bool:
        """Whether *path* below the version may be asked for with *method*."""
        return any(method == allowed and pattern.fullmatch(path) for allowed, pattern, _, _ in self._endpoints)

    def request(self, method: str, url: str, **options: Any) -> requests.Response:  # type: ignore[override] # spotipy's use of it
        """Return a success; Refused, Lost (an add that may have happened) or an error of ours for anything else."""
        try:
            return self._answer(self._served(method, url, params=options["params"], data=options.get("data")))
        except ValueError as error:
            # spotipy takes it for a body that is no JSON and returns None, as if an add had happened.
            raise RuntimeError(f"{type(error).__name__} on the way to {url}") from None

    def _served(self, method: str, url: str, **content: Any) -> Served:
        means, fits = self._permitted(method, url.removeprefix(self._base))

        def send(token: str) -> Served:
            headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
            request = requests.Request(method, url, headers, **content)
            return self._caller.call(means, lambda: self._wire.exchange(request), fits)

        token = self._bearer.token()
        served = send(token)
        return send(self._after_401(token)) if served.status == HTTPStatus.UNAUTHORIZED else served

    def _permitted(self, method: str, path: str) -> tuple[Means, Callable[[Any], bool]]:
        for allowed, pattern, means, fits in self._endpoints:
            if method == allowed and pattern.fullmatch(path):
                return means, fits
        raise RuntimeError(f"a run does not {method} {path}")

    def _after_401(self, refused: str) -> str:
        """A token that is surely new can meet a false 401, which passes after a short wait (contract §4.1)."""
        if renewed := self._bearer.renewed(refused):
            return renewed
        self._caller.pause(FALSE_401_PAUSE, _token_refused())
        return refused

    def _answer(self, served: Served) -> requests.Response:
        if served.status < HTTPStatus.BAD_REQUEST:
            return _Answer(served)
        if served.status == HTTPStatus.UNAUTHORIZED:
            raise _token_refused()
        if served.status == HTTPStatus.FORBIDDEN:
            self._account_wide(served.text.lower())
        raise Refused(served.status, _reason(served.document))

    def _account_wide(self, text: str) -> None:
        """Raise what a 403 in plain text says of the app or its user, which JSON ones never do (contract §4.1)."""
        if "premium" in text:
            raise PremiumNeeded
        if "registered" in text or "approved" in text:
            raise NotAllowListed(self._bearer.account)


def _token_refused() -> Temporary:
    return Temporary("Spotify refuses an access token that it has just given out")
