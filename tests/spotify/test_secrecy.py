"""No secret in anything that a person, a log or another program could see (fault model X1, I17)."""

import base64
import json
import logging
import traceback
from collections.abc import Iterator
from urllib.parse import quote

import pytest

from syncer.errors import CredentialsUnreadable, SyncError
from syncer.model import Account, LikedSongs, Report
from syncer.sandbox import KINDS, Fault, SandboxServer
from syncer.spotify.auth import Granted
from syncer.spotify.transport import Served
from syncer.spotify.wire import Limits, Reply
from tests.spotify.wiring import Wired, pair

SHORTEST = 8


def forms(secret: str) -> Iterator[str]:
    """Return how *secret* might look in an output."""
    yield secret[:SHORTEST]
    yield secret[-SHORTEST:]
    yield quote(secret, safe="")
    yield json.dumps(secret)[1:-1]
    yield secret.encode().hex()
    yield base64.b64encode(secret.encode()).decode()[:SHORTEST]


def secrets(wired: Wired) -> set[str]:
    app, world = wired.world.apps[wired.sign_in.client_id], wired.world
    basic = f"{app.client_id}:{app.client_secret}"
    return {app.client_secret, *world.sign_ins, *world.access_tokens, base64.b64encode(basic.encode()).decode()[-30:]}


def seen(records: list[logging.LogRecord], *things: object) -> str:
    """Return all that could be read in *records* and *things*."""
    logged = [f"{record.getMessage()} {record.__dict__}" for record in records]
    trouble = [record.exc_info[1] for record in records if record.exc_info]
    return "\n".join([*logged, *map(repr, things), *(told(one) for one in trouble if one)])


def told(error: BaseException | None) -> str:
    """Return what *error* and all errors behind it say, shown ones and suppressed ones."""
    parts = []
    while error is not None:
        parts += [str(error), repr(error), *traceback.format_exception(error, chain=False)]
        error = error.__context__
    return "\n".join(parts)


def check(wired: Wired, text: str) -> None:
    for secret in secrets(wired):
        for form in forms(secret):
            assert form not in text


def run(wired: Wired) -> Report:
    make = wired.world.playlist
    return wired.run(pair(make("fresh", tracks=3), make("archive", tracks=2)), pair("liked", make("likes")))


@pytest.mark.parametrize("kind", sorted(KINDS.keys() - {"null-entry"}))
def test_nothing_that_any_logger_says_at_debug_holds_a_secret(kind: str, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    for path in ("/api/token", "/v1/**"):
        wired = Wired()
        wired.world.inject(Fault(kind=kind, path=path, times=None, size=100_000))
        report = run(wired)
        check(wired, seen(caplog.records, report))
        caplog.clear()


@pytest.mark.parametrize("kind", ["status", "close", "reset", "stall", "cut", "redirect", "false-401", "html-body"])
def test_neither_do_the_libraries_below_when_the_network_is_real(
    kind: str, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    caplog.set_level(logging.DEBUG)
    limits = Limits(connect=1, read=0.05, send=0.05, whole=0.2)
    for path in ("/api/token", "/v1/**"):
        wired = Wired(server=SandboxServer, limits=limits)
        wired.world.inject(Fault(kind=kind, path=path, times=4))
        assert wired.server
        with wired.server:
            report = run(wired)
            wired.wire.hang_up()
        assert any(record.name.startswith("urllib3") for record in caplog.records)
        check(wired, seen(caplog.records, report) + "".join(capfd.readouterr()))
        caplog.clear()


def test_what_is_raised_holds_no_secret_either(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    for kind in sorted(KINDS.keys() - {"null-entry"}):
        wired = Wired()
        wired.world.inject(Fault(kind=kind, times=None))
        try:
            wired.open().sources.page(LikedSongs(), 0)
        except SyncError as error:
            check(wired, told(error))


def test_a_mistake_of_ours_is_logged_without_secrets(caplog: pytest.LogCaptureFixture) -> None:
    """Fault model R7: its traceback is in the log."""
    caplog.set_level(logging.DEBUG)
    wired = Wired()
    ask = pair(wired.world.playlist("fresh", tracks=3), wired.world.playlist("archive"))

    def trip(_scene: object) -> None:
        raise LookupError("a mistake")

    wired.world.inject(Fault(kind="edit", path="/v1/playlists/*/items", act=trip))
    report = wired.run(ask)
    assert report.outcomes[0].error
    assert report.outcomes[0].error.code == "bug"
    assert "a mistake" in caplog.text
    check(wired, seen(caplog.records, report) + caplog.text)


def test_what_is_kept_in_memory_shows_no_secret() -> None:
    wired = Wired()
    wired.world.inject(Fault(kind="rotate", path="/api/token"))
    connection = wired.open()
    kept = wired.store.load()
    token = str(kept.credentials.access_token)
    granted = Granted(access_token=token, lasts=60, refresh_token=kept.credentials.refresh_token)
    reply = Reply(status=200, headers={"X": token}, body=token.encode())
    served = Served(status=200, document={"access_token": token}, text=token)
    shown = (connection, kept, kept.credentials, granted, reply, served, wired.wire, wired.accounts, Account(name="x"))
    check(wired, seen([], *shown))


def test_a_warning_about_the_store_holds_no_secret() -> None:
    wired = Wired()
    wired.world.inject(Fault(kind="rotate", path="/api/token"))
    wired.store.fails = CredentialsUnreadable("memory cannot be written", hint="see that it has room")
    warnings = wired.open().warnings
    assert warnings
    check(wired, "\n".join(warnings))
