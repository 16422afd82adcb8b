"""Signing in, staying signed in, and what is kept of it (contract §3, fault model T1, T3, T4, T8, N14)."""

from base64 import urlsafe_b64encode
from collections.abc import Callable
from dataclasses import replace
from datetime import date, timedelta
from functools import partial
from hashlib import sha256
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest

from syncer.budget import Budget
from syncer.errors import (
    ClientRefused,
    CredentialsUnreadable,
    Outage,
    OutOfTime,
    RateLimited,
    SignInNeeded,
    SyncError,
    Temporary,
)
from syncer.model import LikedSongs
from syncer.ports import StoredMeanwhile
from syncer.sandbox import Fault, HttpRequest, World
from syncer.spotify.auth import InvalidGrant, TokenEndpoint
from syncer.spotify.gate import Gate
from syncer.spotify.transport import Caller
from tests.fakes import FakeClock
from tests.spotify.wiring import ACCOUNTS_URL, Wired, pair

TOKEN = "/api/token"


def asked(wired: Wired) -> int:
    """Return how often the token endpoint was asked."""
    return sum(call.path == TOKEN for call in wired.world.calls)


def reads(wired: Wired) -> bool:
    """Open the account and read something with it."""
    return wired.open().sources.page(LikedSongs(), 0).total == 0


# --- a first run, and the next ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("pkce", [False, True])
def test_a_store_that_holds_only_what_a_person_put_there_works_and_is_completed(pkce: bool) -> None:  # noqa: FBT001
    wired = Wired()
    wired = Wired(world=wired.world, clock=wired.clock, sign_in=wired.world.sign_in(pkce=pkce))
    before = wired.store.credentials

    assert reads(wired)

    kept = wired.store.credentials
    now = wired.clock.now().timestamp()
    assert kept.access_token in wired.world.access_tokens
    assert kept.expires_at == pytest.approx(now + 3600, abs=1)
    assert set((kept.scope or "").split()) == wired.sign_in.scopes
    assert replace(kept, access_token=None, expires_at=None, scope=None) == before
    assert len(wired.store.saves) == 1


def test_a_stored_token_that_is_good_for_a_minute_is_used_and_nothing_is_written() -> None:
    wired = Wired()
    wired.open()
    wired.clock.elapsed += 3600 - 65
    assert reads(wired)
    assert (asked(wired), len(wired.store.saves)) == (1, 1)
    wired.clock.elapsed += 10
    assert reads(wired)
    assert (asked(wired), len(wired.store.saves)) == (2, 2)


@pytest.mark.parametrize("hours", [-24, -1, 24, 24 * 365])
def test_a_clock_that_jumps_during_a_run_has_no_effect(hours: int) -> None:
    """Fault model N14: the token of this run is good by the monotonic clock."""
    wired = Wired()
    sources = wired.open().sources
    for token in wired.world.access_tokens:  # Spotify's clock does not jump
        wired.world.access_tokens[token] = replace(wired.world.access_tokens[token], expires_at=1e12)
    wired.clock.start += timedelta(hours=hours)
    for _ in range(3):
        sources.page(LikedSongs(), 0)
    assert asked(wired) == 1


@pytest.mark.parametrize("hours", [-24, 24])
def test_a_clock_that_was_off_when_the_token_was_stored_costs_one_refresh(hours: int) -> None:
    wired = Wired()
    wired.open()
    wired.store.credentials = replace(
        wired.store.credentials, expires_at=(wired.store.credentials.expires_at or 0) + hours * 3600
    )
    assert reads(wired)
    assert asked(wired) == 2


def test_a_token_that_ends_during_a_long_run_is_replaced_before_it_does() -> None:
    wired = Wired()
    sources = wired.open().sources
    for _ in range(100):
        sources.page(LikedSongs(), 0)
        wired.clock.elapsed += 100
    assert all(call.status == 200 for call in wired.world.calls)
    assert asked(wired) == 3


@pytest.mark.parametrize(
    ("kept", "consented"),
    [("2026-05-22", date(2026, 5, 22)), ("2026-05-22T10:00:00Z", date(2026, 5, 22)), ("yes", None), (None, None)],
)
def test_the_day_of_the_consent_is_told_where_it_is_known(kept: str | None, consented: date | None) -> None:
    wired = Wired()
    wired.store.credentials = replace(wired.store.credentials, authorized_at=kept)
    assert wired.open().sign_in.consented == consented


# --- the code of a consent --------------------------------------------------------------------------------------------

VERIFIER = "v" * 43


def consented(wired: Wired, challenge: str) -> str:
    """Agree in the browser, and return the code that comes of it."""
    asked = {
        "client_id": wired.sign_in.client_id,
        "response_type": "code",
        "redirect_uri": "http://127.0.0.1/callback",
        "code_challenge": challenge,
        "code_challenge_method": "S256",
        "answer": "agree",
    }
    answer = wired.world.answer(HttpRequest.to("POST", "http://127.0.0.1/authorize", body=urlencode(asked).encode()))
    return parse_qs(urlsplit(answer.headers["Location"]).query)["code"][0]


@pytest.mark.parametrize("secret", [True, False])
def test_a_code_is_exchanged_for_tokens_once(secret: bool) -> None:  # noqa: FBT001
    wired = Wired()
    challenge = urlsafe_b64encode(sha256(VERIFIER.encode()).digest()).rstrip(b"=").decode()
    budget = Budget(wired.clock)
    caller = Caller(
        gate=Gate(wired.clock),
        budget=budget,
        clock=wired.clock,
        chance=wired.chance,
        worst_case=45,
        limited=lambda _limit: None,
        spent=lambda: None,
        warnings=[],
    )
    tokens = TokenEndpoint(accounts_url=ACCOUNTS_URL, wire=wired.wire, caller=caller)
    known = wired.store.credentials
    exchange = partial(
        tokens.exchange,
        "default",
        client_id=known.client_id,
        client_secret=known.client_secret if secret else None,
        code=consented(wired, challenge),
        verifier=VERIFIER,
        redirect_uri="http://127.0.0.1/callback",
    )

    granted = exchange()

    assert granted.access_token in wired.world.access_tokens
    assert granted.refresh_token in wired.world.sign_ins
    assert granted.lasts == 3600
    with pytest.raises(InvalidGrant):
        exchange()


# --- T8 ---------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("says", "lasts"),
    [
        ("3600", 3600),
        ("1800.5", 1800.5),
        ("0", 60),
        ("-1", 60),
        ("-1e999", 60),
        ("59", 60),
        ("86400", 3600),
        ("1e999", 3600),
        ("9" * 400, 3600),
        ('"3600"', 3600),
        ("null", 3600),
        ("true", 3600),
        ("[]", 3600),
    ],
)
def test_a_life_is_between_a_minute_and_an_hour(says: str, lasts: float) -> None:
    wired = Wired()
    token = wired.world.access_token(wired.sign_in)
    wired.world.inject(
        Fault(kind="other-body", path=TOKEN, text=f'{{"access_token": "{token}", "expires_in": {says}}}')
    )
    now = wired.clock.now().timestamp()
    assert reads(wired)
    assert wired.store.credentials.expires_at == pytest.approx(now + lasts)


def test_a_life_that_is_not_said_is_an_hour() -> None:
    wired = Wired()
    wired.world.inject(Fault(kind="patch", path=TOKEN, drop=("expires_in",)))
    now = wired.clock.now().timestamp()
    assert reads(wired)
    assert wired.store.credentials.expires_at == pytest.approx(now + 3600)


# --- T3: what an answer may bring -------------------------------------------------------------------------------------


@pytest.mark.parametrize("put", [{"refresh_token": None}, {"refresh_token": "two words"}, {"refresh_token": "a\nb"}])
def test_without_a_usable_new_refresh_token_the_old_one_stays(put: dict[str, object]) -> None:
    wired = Wired()
    wired.world.inject(Fault(kind="patch", path=TOKEN, put=put))
    before = wired.store.credentials.refresh_token
    wired.open()
    assert wired.store.credentials.refresh_token == before


@pytest.mark.parametrize("scope", [None, 5])
def test_without_a_scope_the_old_one_stays(scope: object) -> None:
    wired = Wired()
    wired.store.credentials = replace(wired.store.credentials, scope="as it was")
    wired.world.inject(Fault(kind="patch", path=TOKEN, put={"scope": scope}))
    wired.open()
    assert wired.store.credentials.scope == "as it was"


@pytest.mark.parametrize("kind", ["rotate", "rotate-and-revoke"])
def test_a_new_refresh_token_is_kept_before_the_access_token_is_used(kind: str) -> None:
    wired = Wired()
    old = wired.store.credentials.refresh_token
    wired.world.inject(Fault(kind=kind, path=TOKEN))
    wired.store.before_save = lambda: seen.append([call.path for call in wired.world.calls])
    seen: list[list[str]] = []

    assert reads(wired)

    assert seen == [[TOKEN]]
    assert wired.store.credentials.refresh_token != old
    wired.clock.elapsed += 4000
    assert reads(wired)


@pytest.mark.parametrize("kind", ["rotate-and-revoke", "read-lag"])
def test_a_store_that_cannot_be_written_costs_a_warning_and_no_more(kind: str) -> None:
    wired = Wired()
    before = wired.store.credentials
    wired.world.inject(Fault(kind=kind, path=TOKEN))
    wired.store.fails = CredentialsUnreadable("memory cannot be written", hint="see that it has room")

    connection = wired.open()

    assert connection.sources.page(LikedSongs(), 0).total == 0
    assert asked(wired) == 1
    assert wired.store.credentials == before
    what = "the new sign-in" if kind == "rotate-and-revoke" else "the new access token"
    assert connection.warnings == [
        f"{what} of account 'default' could not be stored: memory cannot be written; see that it has room"
    ]


def test_whoever_was_faster_at_storing_is_not_overwritten() -> None:
    """T5 in the terms of this adapter: their token is adopted, and used."""
    wired = Wired()
    other = replace(wired.store.credentials, access_token=wired.world.access_token(wired.sign_in), expires_at=1e10)

    def meanwhile() -> None:
        if not wired.store.saves:
            wired.store.put(other)
            raise StoredMeanwhile

    wired.store.before_save = meanwhile
    sources = wired.open().sources
    wired.world.access_tokens = {other.access_token or "": wired.world.access_tokens[other.access_token or ""]}
    assert sources.page(LikedSongs(), 0).total == 0
    assert wired.store.saves == [other]


def test_a_run_killed_between_refresh_and_store_leaves_a_store_that_works() -> None:
    """Fault model T4, for a refresh token that stays good; T1 says what follows if it does not."""
    wired = Wired()

    def kill() -> None:
        raise KeyboardInterrupt

    wired.store.before_save = kill
    with pytest.raises(KeyboardInterrupt):
        wired.open()
    wired.store.before_save = lambda: None
    assert reads(wired)


# --- T1 and other refusals --------------------------------------------------------------------------------------------


def revoke(wired: Wired) -> None:
    wired.sign_in.revoked = True


def expire(wired: Wired) -> None:
    wired.clock.start += timedelta(days=190)


@pytest.mark.parametrize("end", [revoke, expire])
def test_a_sign_in_that_has_ended_says_which_command_mends_it_and_stays_stored(end: Callable[[Wired], None]) -> None:
    wired = Wired()
    wired.open()
    end(wired)
    wired.clock.elapsed += 4000
    before = wired.store.credentials
    with pytest.raises(SignInNeeded) as needed:
        wired.open()
    assert needed.value.hint == "run `syncer login --account default`"
    assert asked(wired) == 2
    assert wired.store.credentials == before


def test_a_sign_in_that_ends_during_a_run_ends_the_account_at_the_next_401() -> None:
    wired = Wired()
    wired.open()
    sources = wired.open().sources
    wired.world.access_tokens.clear()
    revoke(wired)
    with pytest.raises(SignInNeeded):
        sources.page(LikedSongs(), 0)


@pytest.mark.parametrize("good", [True, False])
def test_a_refused_sign_in_is_looked_up_once_more_in_case_someone_has_signed_in_anew(good: bool) -> None:  # noqa: FBT001
    wired = Wired()
    loaded = wired.store.load

    def signed_in_anew() -> object:
        wired.store.load = loaded  # type: ignore[method-assign] # once is enough
        stored = loaded()
        fresh = wired.world.sign_in()
        fresh.revoked = not good
        wired.store.put(replace(wired.store.credentials, refresh_token=fresh.refresh_token))
        return stored

    revoke(wired)
    wired.store.load = signed_in_anew  # type: ignore[method-assign,assignment] # a store of the test's own
    if good:
        assert reads(wired)
    else:
        with pytest.raises(SignInNeeded):
            wired.open()
    assert asked(wired) == 2


@pytest.mark.parametrize(
    ("fault", "error", "times"),
    [
        (Fault(kind="other-body", text='{"error": "invalid_client"}'), Temporary, 3),
        (Fault(kind="status", status=400, text='{"error": "invalid_client"}'), ClientRefused, 1),
        (Fault(kind="status", status=401, text='{"error": "invalid_client"}'), ClientRefused, 1),
        (Fault(kind="status", status=400, text='{"error": "unauthorized_client"}'), ClientRefused, 1),
        (Fault(kind="status", status=400, text='{"error": "invalid_grant"}'), SignInNeeded, 1),
        (Fault(kind="status", status=400, text='{"error": "server_error"}'), Temporary, 1),
        (Fault(kind="status", status=400, text='{"error": {"status": 400}}'), Temporary, 1),
        (Fault(kind="status", status=400, text="[]"), Temporary, 1),
        (Fault(kind="status", status=403, text="<h1>invalid_grant</h1>"), Temporary, 1),
        (Fault(kind="status", status=403, text="Active premium subscription required"), Temporary, 1),
        (Fault(kind="status", status=404, text=""), Temporary, 1),
        (Fault(kind="status", status=302), Temporary, 3),
        (Fault(kind="status", status=500), Outage, 3),
        (Fault(kind="status", status=503, text="busy"), Outage, 3),
        (Fault(kind="close"), Outage, 3),
        (Fault(kind="stall"), Outage, 3),
        (Fault(kind="refuse"), Outage, 3),
        (Fault(kind="empty-body"), Temporary, 3),
        (Fault(kind="html-body"), Temporary, 3),
        (Fault(kind="cut"), Temporary, 3),
        (Fault(kind="gzip-bomb", size=3_000_000), Temporary, 3),
        (Fault(kind="patch", put={"access_token": ""}), Temporary, 3),
        (Fault(kind="patch", put={"access_token": "two words"}), Temporary, 3),
        (Fault(kind="patch", put={"access_token": "a\r\nb"}), Temporary, 3),
        (Fault(kind="patch", put={"access_token": "\ud800"}), Temporary, 3),
        (Fault(kind="patch", put={"access_token": 5}), Temporary, 3),
        (Fault(kind="rate-limit", headers={"Retry-After": "3600"}), RateLimited, 1),
    ],
)
def test_what_the_accounts_service_may_say(fault: Fault, error: type[SyncError], times: int) -> None:
    wired = Wired()
    before = wired.store.credentials
    wired.world.inject(replace(fault, path=TOKEN, times=None))
    with pytest.raises(error) as refused:
        wired.open()
    assert type(refused.value) is error
    assert asked(wired) == times
    assert wired.store.credentials == before


@pytest.mark.parametrize("kind", ["status", "close", "refuse", "empty-body", "rate-limit"])
def test_what_passes_is_tried_again(kind: str) -> None:
    wired = Wired()
    wired.world.inject(Fault(kind=kind, path=TOKEN, times=2))
    assert reads(wired)
    assert asked(wired) == 3


def test_an_app_that_spotify_does_not_know_is_named_as_the_cause() -> None:
    wired = Wired()
    wired.store.credentials = replace(wired.store.credentials, client_secret="wrong")
    with pytest.raises(ClientRefused):
        wired.open()


def test_scopes_that_a_new_token_does_not_tell_either_are_unknown_and_blame_nobody() -> None:
    wired = Wired()
    theirs = wired.world.playlist("theirs", tracks=1, owner="someone")
    wired.world.inject(Fault(kind="patch", path=TOKEN, drop=("scope",), times=None))
    playlists = wired.open().playlists
    for _ in range(2):
        with pytest.raises(SyncError, match="only to its owner"):
            playlists.page(theirs.id, 0)  # type: ignore[arg-type] # an id of the sandbox
    assert asked(wired) == 1


def test_scopes_that_are_not_stored_are_asked_for_once() -> None:
    wired = Wired()
    theirs = wired.world.playlist("theirs", tracks=1, owner="someone")
    wired.open()
    wired.store.credentials = replace(wired.store.credentials, scope=None)
    playlists = wired.open().playlists
    for _ in range(2):
        with pytest.raises(SyncError, match="only to its owner"):
            playlists.page(theirs.id, 0)  # type: ignore[arg-type] # an id of the sandbox
    assert asked(wired) == 2


def test_a_token_endpoint_that_gives_the_refused_token_again_is_waited_for() -> None:
    """The wave of false 401 may reach the token endpoint's caches too: then a short wait is what remains."""
    wired = Wired()
    wired.open()
    token = wired.store.credentials.access_token
    wired.world.inject(Fault(kind="patch", path=TOKEN, put={"access_token": token}))
    wired.world.inject(Fault(kind="false-401", path="/v1/**"))
    started = wired.clock.elapsed
    assert reads(wired)
    assert wired.clock.elapsed - started >= 1


def test_a_dead_sign_in_names_the_command_that_renews_it_where_it_is_kept() -> None:
    wired = Wired()
    wired.store.login_option = "--secret spotify-credentials"
    wired.store.forget_access()
    wired.sign_in.revoked = True

    with pytest.raises(SignInNeeded) as needed:
        wired.open()

    assert needed.value.hint == "run `syncer login --account default --secret spotify-credentials`"


def test_a_store_that_may_take_longer_than_is_left_is_not_asked() -> None:
    wired = Wired()
    wired.store.slowest = 27.0

    with pytest.raises(OutOfTime):
        wired.open(deadline=wired.clock.monotonic() + 30)

    assert wired.store.loads == 0


def test_a_token_that_there_is_no_time_to_store_is_used_all_the_same() -> None:
    wired = Wired()
    wired.store.slowest = 27.0
    wired.store.forget_access()

    connection = wired.open(deadline=wired.clock.monotonic() + 80)

    assert wired.store.saves == []
    assert "could not be stored" in connection.warnings[0]


@pytest.mark.parametrize(
    ("start", "said"),
    [("2026-11-23T06:00:00", "1440 minutes ahead"), ("2026-11-22T05:50:00", "10 minutes behind")],
)
def test_a_clock_that_is_far_off_is_told_once_and_changes_nothing(start: str, said: str) -> None:
    theirs = FakeClock()
    wired = Wired(clock=FakeClock(start), world=World(lambda: theirs.now().timestamp()))
    target = wired.world.playlist("target")

    report = wired.run(pair(wired.world.playlist("source", tracks=3), target))

    assert [warning for warning in report.warnings if "clock" in warning] == [
        f"the clock of this machine is {said}: set it right"
    ]
    assert len(target.uris) == 3
