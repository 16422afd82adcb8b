"""Consent and tokens (contract §3)."""

import base64
import hashlib
from datetime import UTC, datetime
from html.parser import HTMLParser
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest

from syncer.sandbox import World
from tests.sandbox.client import Client, Clock, Got

CALLBACK = "http://127.0.0.1:8765/callback"
VERIFIER = "v" * 64
CHALLENGE = base64.urlsafe_b64encode(hashlib.sha256(VERIFIER.encode()).digest()).rstrip(b"=").decode()


class Form(HTMLParser):
    """Collects what the form of a page would send."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.hidden: dict[str, str] = {}
        self.buttons: list[str] = []
        self.tags: set[str] = set()
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = {name: value or "" for name, value in attrs}
        self.tags.add(tag)
        if tag == "input":
            self.hidden[found["name"]] = found["value"]
        if tag == "button":
            self.buttons.append(found["value"])


def ask(spotify: Client, **changes: str | None) -> Got:
    """Open the consent page; a change to None leaves a parameter out."""
    asked: dict[str, str | None] = {
        "client_id": spotify.world.app.client_id,
        "response_type": "code",
        "redirect_uri": CALLBACK,
        "scope": "playlist-read-private user-library-read",
        "state": 'a"b&c',
        **changes,
    }
    return spotify.send("GET", f"/authorize?{urlencode({n: v for n, v in asked.items() if v is not None})}")


def decide(spotify: Client, page: Got, answer: str) -> dict[str, list[str]]:
    """Press a button, and return what the redirect brings back."""
    got = spotify.form("/authorize", None, **Form(page.text).hidden, answer=answer)
    assert got.status == 302
    assert got.headers["location"].split("?")[0] == CALLBACK
    return parse_qs(urlsplit(got.headers["location"]).query)


def basic(world: World, secret: str | None = None) -> dict[str, str]:
    text = f"{world.app.client_id}:{secret or world.app.client_secret}"
    return {"Authorization": f"Basic {base64.b64encode(text.encode()).decode()}"}


def exchange(spotify: Client, code: str, headers: dict[str, str] | None = None, **more: str) -> Got:
    form = {"grant_type": "authorization_code", "code": code, "redirect_uri": CALLBACK, **more}
    return spotify.form("/api/token", headers, **form)


def refresh(spotify: Client, token: str, headers: dict[str, str] | None = None, **more: str) -> Got:
    return spotify.form("/api/token", headers, grant_type="refresh_token", refresh_token=token, **more)


def test_consent_with_a_secret_leads_to_tokens_that_work(spotify: Client, world: World) -> None:
    page = ask(spotify)
    assert "<script" not in page.text
    assert Form(page.text).buttons == ["agree", "cancel"]
    assert "default-src 'none'" in page.headers["content-security-policy"]

    back = decide(spotify, page, "agree")
    granted = exchange(spotify, back["code"][0], basic(world)).json

    assert back["state"] == ['a"b&c']
    assert granted["scope"] == "playlist-read-private user-library-read"
    assert (granted["token_type"], granted["expires_in"]) == ("Bearer", 3600)
    refreshed = refresh(spotify, granted["refresh_token"], basic(world)).json
    assert "refresh_token" not in refreshed
    for token in (granted["access_token"], refreshed["access_token"]):
        spotify.token = token
        assert spotify.get("me").json["id"] == "listener"


def test_consent_with_a_verifier_needs_no_secret(spotify: Client, world: World) -> None:
    page = ask(spotify, code_challenge=CHALLENGE, code_challenge_method="S256")
    code = decide(spotify, page, "agree")["code"][0]

    granted = exchange(spotify, code, client_id=world.app.client_id, code_verifier=VERIFIER).json

    assert refresh(spotify, granted["refresh_token"], client_id=world.app.client_id).status == 200


def test_cancelling_brings_back_no_code(spotify: Client) -> None:
    assert decide(spotify, ask(spotify), "cancel") == {"error": ["access_denied"], "state": ['a"b&c']}


def test_what_the_app_sends_cannot_become_part_of_the_page(spotify: Client, world: World) -> None:
    world.app.name = "<script>alert(1)</script>"

    page = ask(spotify, state='"><script>alert(2)</script>')

    assert "script" not in Form(page.text).tags
    assert Form(page.text).hidden["state"] == '"><script>alert(2)</script>'


@pytest.mark.parametrize(
    "change",
    [
        {"client_id": "nobody"},
        {"client_id": None},
        {"response_type": "token"},
        {"redirect_uri": None},
        {"scope": "everything"},
        {"code_challenge": CHALLENGE},
        {"code_challenge": CHALLENGE, "code_challenge_method": "plain"},
        {"code_challenge": "short", "code_challenge_method": "S256"},
        {"code_challenge_method": "S256"},
    ],
)
def test_a_wrong_request_gets_a_page_and_never_a_redirect(spotify: Client, change: dict[str, str | None]) -> None:
    got = ask(spotify, **change)

    assert (got.status, got.headers["content-type"]) == (400, "text/html; charset=utf-8")
    assert "location" not in got.headers


@pytest.mark.parametrize(
    ("uri", "registered", "accepted"),
    [
        ("http://127.0.0.1:1/callback", "http://127.0.0.1/callback", True),
        ("http://[::1]:1/callback", "http://[::1]/callback", True),
        ("http://127.0.0.1:1/callback", "http://127.0.0.1:1/callback", True),
        ("http://127.0.0.1:1/callback", "http://127.0.0.1:2/callback", False),
        ("http://127.0.0.1:1/callback/", "http://127.0.0.1/callback", False),
        ("http://127.0.0.1:1/Callback", "http://127.0.0.1/callback", False),
        ("http://127.0.0.1:1/call-back", "http://127.0.0.1/call-back", False),
        ("http://localhost:1/callback", "http://localhost:1/callback", False),
        ("http://example.org/callback", "http://example.org/callback", False),
        ("https://example.org/call-back", "https://example.org/call-back", True),
        ("https://example.org:8/callback", "https://example.org/callback", False),
        ("https://localhost/callback", "https://localhost/callback", False),
        ("http://127.0.0.1:port/callback", "http://127.0.0.1/callback", False),
    ],
)
def test_redirects_follow_the_rules(
    spotify: Client, world: World, uri: str, registered: str, *, accepted: bool
) -> None:
    world.app.redirect_uris = (registered,)

    assert (ask(spotify, redirect_uri=uri).status == 200) is accepted


def test_a_code_is_good_once_soon_and_where_it_was_asked_for(spotify: Client, world: World, clock: Clock) -> None:
    def code() -> str:
        return decide(spotify, ask(spotify), "agree")["code"][0]

    used, elsewhere, unproven, late = code(), code(), code(), code()
    assert exchange(spotify, used, basic(world)).status == 200

    answers = [
        exchange(spotify, used, basic(world)),
        exchange(spotify, elsewhere, basic(world), redirect_uri="http://127.0.0.1:1/callback"),
        exchange(spotify, unproven, client_id=world.app.client_id),
    ]
    clock.time += 600
    answers.append(exchange(spotify, late, basic(world)))

    assert [answer.status for answer in answers] == [400] * 4
    assert [answer.json["error"] for answer in answers] == [
        "invalid_grant",
        "invalid_grant",
        "invalid_client",
        "invalid_grant",
    ]


@pytest.mark.parametrize("verifier", ["w" * 64, "", "v" * 63])
def test_the_verifier_has_to_fit_the_challenge(spotify: Client, world: World, verifier: str) -> None:
    page = ask(spotify, code_challenge=CHALLENGE, code_challenge_method="S256")
    code = decide(spotify, page, "agree")["code"][0]

    got = exchange(spotify, code, client_id=world.app.client_id, code_verifier=verifier)

    assert (got.status, got.json["error"]) == (400, "invalid_grant")


@pytest.mark.parametrize(
    ("signed", "ends"),
    [
        ("2026-05-10", "2026-11-10"),
        ("2026-08-31", "2027-02-28"),
        ("2027-08-31", "2028-02-29"),
        ("2026-12-01", "2027-06-01"),
    ],
)
def test_a_consent_dies_after_six_months_however_often_it_is_used(
    spotify: Client, world: World, clock: Clock, signed: str, ends: str
) -> None:
    clock.time = datetime.fromisoformat(signed).replace(tzinfo=UTC).timestamp()
    sign_in = world.sign_in()
    clock.time = datetime.fromisoformat(ends).replace(tzinfo=UTC).timestamp() - 1
    assert refresh(spotify, sign_in.refresh_token, basic(world)).status == 200

    clock.time += 1
    got = refresh(spotify, sign_in.refresh_token, basic(world))

    expected = {"error": "invalid_grant", "error_description": "Refresh token expired"}
    assert (got.status, got.json) == (400, expected)


def test_a_withdrawn_consent_is_told_from_an_unknown_one(spotify: Client, world: World) -> None:
    sign_in = world.sign_in()
    sign_in.revoked = True
    other = world.sign_in(app=world.add_app("other"))

    texts = [
        refresh(spotify, token, basic(world)).json["error_description"]
        for token in (sign_in.refresh_token, "nonsense", other.refresh_token)
    ]

    assert texts == ["Refresh token revoked", "Invalid refresh token", "Invalid refresh token"]


def test_a_client_has_to_prove_itself(spotify: Client, world: World) -> None:
    token = world.sign_in().refresh_token

    answers = [
        refresh(spotify, token),
        refresh(spotify, token, client_id="nobody"),
        refresh(spotify, token, client_id=world.app.client_id),
        refresh(spotify, token, basic(world, "wrong")),
        refresh(spotify, token, {"Authorization": "Basic ???"}),
        refresh(spotify, token, {"Authorization": "Bearer token"}),
    ]

    assert [answer.status for answer in answers] == [400] * 6
    assert {answer.json["error"] for answer in answers} == {"invalid_client"}
    assert answers[0].json == {"error": "invalid_client"}


def test_other_requests_for_tokens_are_refused(spotify: Client, world: World) -> None:
    proof = basic(world)

    missing = spotify.form("/api/token", proof)
    unknown = spotify.form("/api/token", proof, grant_type="client_credentials")
    as_json = spotify.send("POST", "/api/token", b"{}", proof | {"Content-Type": "application/json"})

    assert [got.status for got in (missing, unknown, as_json)] == [400] * 3
    assert missing.json["error"] == unknown.json["error"] == "unsupported_grant_type"
    assert as_json.json["error"] == "invalid_request"


@pytest.mark.parametrize(
    ("method", "path", "status"), [("GET", "/", 404), ("GET", "/api/token", 405), ("PUT", "/authorize", 405)]
)
def test_there_is_nothing_else(spotify: Client, method: str, path: str, status: int) -> None:
    assert spotify.send(method, path).status == status
