"""Reads from several threads at once, as the pages of one playlist are read (fault model §3)."""

import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import replace

import pytest

from syncer.budget import MAX_WAITED
from syncer.errors import Interrupted, QuotaExceeded, RateLimited
from syncer.model import Page
from syncer.sandbox import HttpRequest
from tests.spotify.crowd import LONG, PEOPLE, Crowd
from tests.spotify.raw_server import answer

QUOTA = answer(b'{"error": {"reason": "QUOTA_EXCEEDED"}}', "429 Too Many Requests", Retry_After="2")


def too_fast(seconds: int) -> bytes:
    return answer(b"{}", "429 Too Many Requests", Retry_After=str(seconds))


def read_whole(crowd: Crowd, done: Sequence[Future[list[Page]]]) -> bool:
    """Whether every page came to the thread that had asked for it."""
    held = crowd.wired.world.playlists[crowd.playlist].uris
    for person, future in enumerate(done):
        for turn, page in enumerate(future.result()):
            offset = 50 * (person + PEOPLE * turn)
            if [item.uri for item in page.items] != list(held[offset : offset + 50]):
                return False
    return True


def all_at_once(said: Callable[[int], bytes | None]) -> Callable[[int, HttpRequest], bytes | None]:
    """Answer the first request of each only when the others have come too."""
    everybody = threading.Barrier(PEOPLE)

    def answered(number: int, _: HttpRequest) -> bytes | None:
        if number <= PEOPLE:
            everybody.wait(LONG)
        return said(number)

    return answered


def test_pages_are_read_side_by_side_and_counted_one_by_one() -> None:
    crowd = Crowd(all_at_once(lambda _: None))
    assert read_whole(crowd, crowd.read(5))
    assert (crowd.asked, crowd.budget.requests) == (20, {"spotify": 20, "accounts": 1})


@pytest.mark.parametrize("refused", [0, 1, 2])
def test_a_limit_that_all_meet_is_waited_for_once_and_then_one_probe_is_sent(refused: int) -> None:
    """However often the probe is refused, one more is sent, and nobody else goes before it is served."""
    probes = range(PEOPLE + 1, PEOPLE + 2 + refused)

    def said(number: int) -> bytes | None:
        if number in probes:
            time.sleep(0.03)  # somebody else has time to come, if they do not wait
        if number < probes[-1]:
            return too_fast(3 if number <= PEOPLE else 2)
        return None

    crowd = Crowd(all_at_once(said), together=PEOPLE)
    assert read_whole(crowd, crowd.read(1))

    after = crowd.log[2 * PEOPLE :]
    assert after[: 2 * len(probes)] == [step for probe in probes for step in (probe, -probe)]
    assert crowd.asked == PEOPLE + refused + PEOPLE
    waited = 3 + 2 * refused
    assert crowd.budget.may_wait(MAX_WAITED - waited)
    assert not crowd.budget.may_wait(MAX_WAITED - waited + 0.1)
    assert crowd.clock.slept.count(3) == PEOPLE


def test_a_token_that_is_refused_to_all_is_refreshed_once() -> None:
    crowd = Crowd(all_at_once(lambda _: None))
    soon = crowd.clock.now().timestamp() + 1000
    crowd.store.credentials = replace(crowd.store.credentials, access_token="STALE", expires_at=soon)
    assert read_whole(crowd, crowd.read(2))
    assert crowd.tokens_asked == 1
    assert len(crowd.store.saves) == 1
    assert crowd.asked == PEOPLE * 3
    statuses = [call.status for call in crowd.wired.world.calls if call.path.startswith("/v1/")]
    assert sorted(statuses) == [200] * PEOPLE * 2 + [401] * PEOPLE  # in whatever order the world came to them


def test_after_a_limit_that_ends_the_run_nobody_sends_another_request() -> None:
    """Fault model I15."""
    kept = threading.Event()

    def said(number: int) -> bytes | None:
        if number == 1:
            return QUOTA
        assert kept.wait(LONG)
        return None

    crowd = Crowd(all_at_once(said))
    crowd.state.before = lambda call: kept.set() if call == "wait" else None
    done = crowd.read(20)
    assert [type(one.exception()) for one in done] == [QuotaExceeded] * PEOPLE
    assert len({str(one.exception()) for one in done}) == 1
    assert (crowd.asked, crowd.state.calls) == (PEOPLE, ["wait"])


def test_a_probe_that_is_told_to_wait_for_long_ends_it_for_those_who_wait_for_the_probe() -> None:
    crowd = Crowd(all_at_once(lambda number: too_fast(3 if number <= PEOPLE else 3600)), together=PEOPLE)
    done = crowd.read(1)
    assert [type(one.exception()) for one in done] == [RateLimited] * PEOPLE
    assert (crowd.asked, crowd.state.calls) == (PEOPLE + 1, ["wait"])


def test_after_a_wish_to_stop_nobody_sends_another_request() -> None:
    crowd = Crowd(all_at_once(lambda _: crowd.wired.stop(2)))
    done = crowd.read(20)
    assert [type(one.exception()) for one in done] == [Interrupted] * PEOPLE
    assert crowd.asked == PEOPLE
