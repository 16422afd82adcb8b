"""One exchange at a time: what an answer that no sandbox gives means, and the words in which trouble is told."""

from collections.abc import Callable, Mapping
from email.utils import formatdate
from typing import Any

import pytest
import spotipy

from syncer.budget import Budget
from syncer.errors import NotAllowListed, Outage, QuotaExceeded, RateLimited, SyncError, Temporary, UnreadableAnswer
from syncer.model import LikedSongs
from syncer.sandbox import Fault
from syncer.spotify.gate import Gate
from syncer.spotify.transport import NOTHING, Caller, Means, Transport, retry_after
from syncer.spotify.wire import Lost, NeverSent, Reply
from tests.fakes import FakeClock, NoChance
from tests.spotify.wiring import API_URL, Wired

NOW = FakeClock().now().timestamp()
DATE = {"Date": formatdate(NOW, usegmt=True)}


class Desk:
    """A caller, and *replies* that it gets one after the other."""

    def __init__(self, *replies: Reply | Exception, limited: Callable[[RateLimited], None] = lambda _: None) -> None:
        self.replies = list(replies)
        self.clock = FakeClock()
        self.warnings: list[str] = []
        self.budget = Budget(self.clock)
        self.spent = 0
        self.caller = Caller(
            gate=Gate(self.clock),
            budget=self.budget,
            clock=self.clock,
            chance=NoChance(),
            worst_case=45,
            limited=limited,
            spent=self._spend,
            warnings=self.warnings,
        )

    def _spend(self) -> None:
        self.spent += 1

    def exchange(self) -> Reply:
        reply = self.replies.pop(0)
        if isinstance(reply, Exception):
            raise reply
        return reply

    def call(self, means: Means = Means.READ, fits: Callable[[Any], bool] = bool) -> Any:
        return self.caller.call(means, self.exchange, fits)


def reply(status: int = 200, body: bytes | None = b'{"a":1}', headers: Mapping[str, str] = DATE) -> Reply:
    return Reply(status=status, headers=headers, body=body)


# --- what people read -------------------------------------------------------------------------------------------------

UNTRUSTED = "what answers for {} shows a certificate that is not trusted here"
TROUBLE: dict[str, tuple[Reply | Exception, type[SyncError], type[SyncError]]] = {
    "{} could not be reached": (NeverSent(), Outage, Outage),
    "what answers for {} shows a certificate that is not trusted here": (NeverSent(certificate=True), Outage, Outage),
    "{} has trouble of its own (it answered 500)": (reply(500), Outage, Outage),
    "{} answered with a redirect (302), which is never followed": (reply(302), UnreadableAnswer, Temporary),
    "{} sent an answer that is not what its API promises": (reply(body=b"{"), UnreadableAnswer, Temporary),
}
"""By what is said of it: an answer, and the errors that a read and a request for a token make of it."""


@pytest.mark.parametrize("message", TROUBLE)
def test_trouble_is_told_with_whom_it_is(message: str) -> None:
    said, of_reads, of_tokens = TROUBLE[message]
    hosts = ((Means.READ, of_reads, "Spotify"), (Means.TOKEN, of_tokens, "Spotify's accounts service"))
    for means, error, host in hosts:
        with pytest.raises(error) as told:
            Desk(*[said] * 3).call(means)
        assert type(told.value) is error
        assert str(told.value) == message.format(host)


@pytest.mark.parametrize(("means", "host"), [(Means.READ, "Spotify"), (Means.TOKEN, "Spotify's accounts service")])
def test_an_answer_that_never_comes_is_told_like_a_host_that_is_not_there(means: Means, host: str) -> None:
    with pytest.raises(Outage) as told:
        Desk(*[Lost()] * 3).call(means)
    assert str(told.value) == f"{host} could not be reached"


def test_a_certificate_that_is_not_trusted_comes_with_what_to_look_at() -> None:
    with pytest.raises(Outage) as told:
        Desk(NeverSent(certificate=True)).call()
    assert told.value.hint == (
        "check this machine's clock and proxy; $REQUESTS_CA_BUNDLE names the certificates to trust"
    )


def test_a_token_that_is_refused_again_and_again_is_told_so() -> None:
    wired = Wired()
    sources = wired.open().sources
    wired.world.inject(Fault(kind="false-401", path="/v1/**", times=None))
    with pytest.raises(Temporary) as told:
        sources.page(LikedSongs(), 0)
    assert str(told.value) == "Spotify refuses an access token that it has just given out"


def test_a_user_who_is_not_allowed_is_named_by_account() -> None:
    wired = Wired()
    sources = wired.open().sources
    wired.world.inject(Fault(kind="status", path="/v1/**", status=403, text="User not registered"))
    with pytest.raises(NotAllowListed) as told:
        sources.page(LikedSongs(), 0)
    assert told.value.account == "default"


# --- refusals in plain text -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("body", "text"),
    [
        (None, ""),
        (b"", ""),
        (b"Active premium \xff", "Active premium \N{REPLACEMENT CHARACTER}"),
        (b'\n {"a":1}', ""),
        (b' ["premium"]', ""),
        (b"\t<p>premium", ""),
    ],
)
def test_only_plain_text_is_looked_at_for_what_a_refusal_means(body: bytes | None, text: str) -> None:
    assert Desk(reply(403, body)).call().text == text


def test_a_refusal_comes_with_its_document() -> None:
    assert Desk(reply(400, b'{"error":"invalid_grant"}')).call(Means.TOKEN).document == {"error": "invalid_grant"}


# --- how long to wait -------------------------------------------------------------------------------------------------


def test_a_date_to_wait_for_is_measured_by_our_clock_where_the_answer_has_none() -> None:
    desk = Desk(reply(429, b"", {"Retry-After": formatdate(NOW + 20, usegmt=True)}), reply())
    desk.call()
    assert desk.clock.slept == [20]


def test_a_date_to_wait_for_is_measured_by_the_answers_own_date_first() -> None:
    headers = {"Retry-After": formatdate(NOW + 20, usegmt=True), "Date": formatdate(NOW + 12, usegmt=True)}
    assert retry_after(headers, FakeClock()) == 8


def test_a_date_that_has_passed_asks_for_no_wait() -> None:
    assert retry_after({"Retry-After": formatdate(NOW - 20, usegmt=True)}, FakeClock()) == 0


def test_jitter_comes_on_top_of_a_wait_and_begins_at_nothing() -> None:
    desk = Desk(reply(429, b"", {"Retry-After": "3"}), reply())
    desk.call()
    assert desk.clock.slept == [3]


@pytest.mark.parametrize(
    ("body", "error"), [(b"", RateLimited), (b'{"error":{"reason":"QUOTA_EXCEEDED"}}', QuotaExceeded)]
)
def test_a_limit_that_ended_the_run_meets_all_who_come_later_and_nothing_more_is_sent(
    body: bytes, error: type[RateLimited]
) -> None:
    desk = Desk(reply(429, body, {"Retry-After": "3600"}))
    for _ in range(3):
        with pytest.raises(error) as limited:
            desk.call()
        assert (type(limited.value), limited.value.seconds) == (error, 3600)
    assert desk.spent == 1


@pytest.mark.parametrize(("status", "retries"), [(200, 21), (400, 20)])
def test_only_requests_that_were_served_earn_a_retry(status: int, retries: int) -> None:
    desk = Desk(*[reply(status)] * 10)
    for _ in range(10):
        desk.call()
    assert [desk.budget.take_retry() for _ in range(retries + 1)] == [True] * retries + [False]


# --- a token that is refused ------------------------------------------------------------------------------------------


class Bearer:
    """Has a new token for whoever says which one was refused."""

    account = "default"

    def token(self) -> str:
        return "OLD"

    def renewed(self, refused: str) -> str:
        return f"NOT-{refused}"


def test_a_token_is_renewed_for_the_one_that_was_refused() -> None:
    wired = Wired()
    desk = Desk()
    transport = Transport(api_url=API_URL, wire=wired.wire, caller=desk.caller, bearer=Bearer())
    with pytest.raises(Temporary):
        spotipy.Spotify(requests_session=transport).current_user_saved_tracks()
    assert [headers["Authorization"] for _, _, headers in wired.network.sent] == ["Bearer OLD", "Bearer NOT-OLD"]


# --- the clock of this machine ----------------------------------------------------------------------------------------


def dated(seconds: float) -> Reply:
    """Return a success from a Spotify whose clock is so many seconds from ours."""
    return reply(headers={"Date": formatdate(NOW + seconds, usegmt=True)})


@pytest.mark.parametrize(
    ("seconds", "warnings"),
    [
        (0, []),
        (300, []),
        (-300, []),
        (600, ["the clock of this machine is 10 minutes behind: set it right"]),
        (-7200, ["the clock of this machine is 120 minutes ahead: set it right"]),
    ],
)
def test_a_clock_that_is_far_off_is_told_once(seconds: float, warnings: list[str]) -> None:
    desk = Desk(reply(headers={}), dated(seconds), dated(seconds))
    for _ in range(3):
        desk.call()
    assert desk.warnings == warnings


def test_only_the_first_date_counts_for_the_clock() -> None:
    desk = Desk(dated(0), dated(7200))
    desk.call()
    desk.call()
    assert desk.warnings == []


def test_requests_are_counted_by_whom_they_went_to_and_spent_where_they_went_to_the_web_api() -> None:
    desk = Desk(reply(), reply(), reply(), reply())
    for means in Means:
        desk.call(means)
    assert desk.budget.requests == {"spotify": 3, "accounts": 1}
    assert desk.spent == 3


@pytest.mark.parametrize(
    ("answer", "is_nothing"),
    [
        (reply(204, b""), True),
        (reply(204, None), False),
        (reply(204, b"{}"), False),
        (reply(200, b""), False),
        (reply(200, None), False),
    ],
)
def test_nothing_is_said_by_an_empty_204_alone(answer: Reply, is_nothing: bool) -> None:  # noqa: FBT001 - by name
    document = Desk(answer).call(fits=lambda _document: True).document
    assert (document is NOTHING) == is_nothing
