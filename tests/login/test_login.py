"""A sign-in from start to end over the sandbox: what is asked, what is stored, and every way it can go wrong."""

import json
import os
import re
import stat
from base64 import urlsafe_b64encode
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from hashlib import sha256
from itertools import chain
from pathlib import Path
from typing import Any, get_args
from urllib.parse import parse_qs, parse_qsl, urlencode, urlsplit

import click
import pytest

from syncer import bootstrap
from syncer.cli.callback import Patience
from syncer.cli.login import ALWAYS, BY_SOURCE, CAPTURE, READS, Login, Need, NotSignedIn, needs
from syncer.credentials import FileStore
from syncer.errors import AwsDenied, ClientRefused, CredentialsUnreadable, Temporary, UnreadableAnswer
from syncer.model import (
    AlbumSource,
    ArtistSource,
    Captured,
    FileSource,
    LikedSongs,
    Pair,
    PlaylistSource,
    Queue,
    RecentlyPlayed,
    SavedAlbums,
    SavedEpisodes,
    ShowSource,
    Source,
    Term,
    TopTracks,
)
from syncer.ports import LoginStore
from syncer.sandbox import Fault, SandboxServer, World
from syncer.secretsmanager import SecretsManagerStore
from tests.fake_secretsmanager import FakeClient, FakeSecretsManager, refuse
from tests.fakes import FakeClock, config, identifier, pair
from tests.login.people import FakePerson, browse, decide, send

SECRETS = re.compile(r"A[CQ][0-9A-Za-z]{88}|BQ[0-9A-Za-z]{88}")
"""Codes and tokens as the sandbox makes them."""


@dataclass
class Scene:
    """A sandbox, a person at a terminal, and a browser that does what a test says."""

    world: World
    server: SandboxServer
    clock: FakeClock
    folder: Path
    person: FakePerson = field(default_factory=FakePerson)
    opened: list[str] = field(default_factory=list)
    pages: list[Future[str]] = field(default_factory=list)
    pool: ThreadPoolExecutor = field(default_factory=lambda: ThreadPoolExecutor(1))

    @property
    def path(self) -> Path:
        return self.folder / "credentials.json"

    @property
    def kept(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self.path.read_text())
        return found

    @property
    def page(self) -> str:
        """What the browser showed in the end."""
        return self.pages[-1].result(10)

    def hold(self, **fields: object) -> None:
        """Put credentials into the file: those of the sandbox's app, changed by *fields*; ``...`` leaves one out."""
        app = self.world.app
        held = {
            "spotify_client_id": app.client_id,
            "spotify_client_secret": app.client_secret,
            "refresh_token": "old",
        } | fields
        self.path.touch(mode=0o600)
        self.path.write_text(json.dumps({key: value for key, value in held.items() if value is not ...}))

    def sign_in(
        self,
        browser: Callable[[str], str] | None = browse,
        *,
        wanted: tuple[Need, ...] = ALWAYS,
        store: LoginStore | None = None,
        client_id: str | None = None,
        patience: Patience | None = None,
    ) -> tuple[Need, ...]:
        environ = {"SPOTIFY_ACCOUNTS_URL": self.server.accounts_url}

        def open_in_browser(address: str) -> None:
            assert browser is not None
            self.opened.append(address)
            self.pages.append(self.pool.submit(browser, address))

        one = Login(
            account="default",
            store=store or FileStore(self.path),
            accounts_url=self.server.accounts_url,
            tokens=bootstrap.token_endpoint(environ, self.clock),
            clock=self.clock,
            person=self.person,
            browser=open_in_browser if browser else None,
            patience=patience or Patience(),
        )
        return one.run(wanted, client_id)

    def asked(self) -> dict[str, str]:
        """Return what the last address to be opened asks for."""
        return dict(parse_qsl(urlsplit(self.opened[-1]).query))

    def token_requests(self) -> int:
        return len([call for call in self.world.calls if call.path == "/api/token"])


@pytest.fixture
def scene(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> Iterator[Scene]:
    """A sandbox and who meets there. Whatever a test does, nothing secret may be said or logged."""
    caplog.set_level(0)
    clock = FakeClock()
    world = World(lambda: clock.now().timestamp())
    with SandboxServer(world) as server:
        one = Scene(world, server, clock, tmp_path)
        yield one
        one.pool.shutdown()
    said = one.person.all_told + caplog.text
    assert not SECRETS.search(said)
    assert world.app.client_secret not in said


def test_agreeing_stores_a_sign_in_that_works(scene: Scene) -> None:
    scene.hold()

    missing = scene.sign_in()

    kept = scene.kept
    assert missing == ()
    assert kept["spotify_client_id"] == scene.world.app.client_id
    assert scene.world.sign_ins[kept["refresh_token"]].scopes == {need.scope for need in ALWAYS}
    assert kept["access_token"] in scene.world.access_tokens
    assert kept["expires_at"] == scene.clock.now().timestamp() + 3600
    assert set(kept["scope"].split()) == {need.scope for need in ALWAYS}
    assert kept["authorized_at"] == "2026-11-22"
    assert stat.S_IMODE(scene.path.stat().st_mode) == 0o600
    assert "You are signed in" in scene.page
    assert "2027-05-22" in scene.person.all_told
    assert scene.person.asked == []


def test_spotify_is_asked_with_pkce_and_with_everything_the_syncer_needs(scene: Scene) -> None:
    scene.hold()
    scene.sign_in()

    asked = scene.asked()
    redirect = urlsplit(asked["redirect_uri"])

    assert asked["code_challenge_method"] == "S256"
    assert asked["response_type"] == "code"
    assert asked["show_dialog"] == "true"
    assert asked["scope"].split() == [need.scope for need in ALWAYS]
    assert (redirect.scheme, redirect.hostname, redirect.path) == ("http", "127.0.0.1", "/callback")
    assert redirect.port
    assert len(asked["state"]) == 43  # 256 bits


def test_every_sign_in_has_a_state_and_a_challenge_of_its_own(scene: Scene) -> None:
    scene.hold()
    scene.sign_in()
    first = scene.asked()
    scene.sign_in()
    second = scene.asked()

    assert first["state"] != second["state"]
    assert first["code_challenge"] != second["code_challenge"]


def test_an_app_without_a_secret_signs_in_with_pkce_alone(scene: Scene) -> None:
    scene.hold(spotify_client_secret=...)

    scene.sign_in()

    assert "spotify_client_secret" not in scene.kept
    assert scene.world.sign_ins[scene.kept["refresh_token"]].pkce


def test_the_first_sign_in_asks_for_the_app_and_says_where_to_create_it(scene: Scene) -> None:
    app = scene.world.app
    scene.person.answers = [app.client_id, app.client_secret]

    scene.sign_in()

    assert scene.person.asked[0] == "Client id"
    assert scene.person.asked[1].endswith("[hidden]")
    assert "\n  http://127.0.0.1/callback\n" in scene.person.all_told
    assert "https://developer.spotify.com/dashboard" in scene.person.all_told
    assert scene.kept["spotify_client_secret"] == app.client_secret


def test_an_empty_secret_at_the_prompt_means_pkce(scene: Scene) -> None:
    scene.person.answers = [scene.world.app.client_id, ""]

    scene.sign_in()

    assert "spotify_client_secret" not in scene.kept


def test_a_client_id_on_the_command_line_replaces_the_stored_app(scene: Scene) -> None:
    other = scene.world.add_app("other")
    scene.hold(mine="kept")
    scene.person.answers = [other.client_secret]

    scene.sign_in(client_id=other.client_id)

    assert scene.asked()["client_id"] == other.client_id
    assert (scene.kept["spotify_client_id"], scene.kept["mine"]) == (other.client_id, "kept")


@pytest.mark.parametrize("answers", [["no id"], ["id\x1b[31m"], [""], ["abc", "ünfit"]])
def test_what_cannot_be_an_app_is_refused_before_anything_is_opened(scene: Scene, answers: list[str]) -> None:
    scene.person.answers = answers

    with pytest.raises(click.UsageError):
        scene.sign_in()

    assert not scene.opened
    assert not scene.path.exists()


def test_keys_that_are_not_ours_are_kept(scene: Scene) -> None:
    scene.hold(note={"from": "me"}, scope="old", authorized_at="2020-01-01")

    scene.sign_in()

    assert scene.kept["note"] == {"from": "me"}
    assert scene.kept["authorized_at"] == "2026-11-22"
    assert scene.kept["refresh_token"] != "old"


def test_whoever_takes_four_minutes_to_agree_is_still_waited_for(scene: Scene) -> None:
    scene.hold()

    def read_it_all(address: str) -> str:
        scene.clock.elapsed += 240
        return browse(address)

    assert scene.sign_in(read_it_all) == ()
    assert "You are signed in" in scene.page


# --- what goes wrong --------------------------------------------------------------------------------------------------


def refused(scene: Scene, error: type[Exception], *args: Any, **options: Any) -> str:
    """Expect a sign-in to end in *error* and the stored one to be as it was; return what it says."""
    before = scene.path.read_bytes()
    with pytest.raises(error) as caught:
        scene.sign_in(*args, **options)
    assert scene.path.read_bytes() == before
    assert [path.name for path in scene.folder.iterdir()] == ["credentials.json"]
    said = f"{caught.value} {getattr(caught.value, 'hint', '')}"
    assert not SECRETS.search(said)
    return said


def test_declining_changes_nothing(scene: Scene) -> None:
    scene.hold()

    said = refused(scene, NotSignedIn, partial(browse, answer="cancel"))

    assert "declined" in said
    assert "You said no" in scene.page
    assert scene.token_requests() == 0


def test_without_an_answer_in_time_it_gives_up(scene: Scene) -> None:
    scene.hold()

    said = refused(scene, NotSignedIn, lambda _: "", patience=Patience(answer=0))

    assert "in time" in said
    assert "http://127.0.0.1/callback" in said


def test_a_code_that_came_too_late_is_told_apart(scene: Scene) -> None:
    scene.hold()

    def dawdle(address: str) -> str:
        location = decide(address)
        scene.clock.elapsed += 601
        return send("GET", location)[2]

    assert "too long ago" in refused(scene, NotSignedIn, dawdle, patience=Patience(answer=700))
    assert "The sign-in failed" in scene.page


def test_a_code_that_spotify_never_gave_is_refused(scene: Scene) -> None:
    scene.hold()

    def invent(address: str) -> str:
        asked = parse_qs(urlsplit(address).query)
        forged = urlencode({"code": "made-up", "state": asked["state"][0]})
        return send("GET", f"{asked['redirect_uri'][0]}?{forged}")[2]

    assert "does not take the consent" in refused(scene, NotSignedIn, invent)


def test_a_code_for_another_challenge_is_refused(scene: Scene) -> None:
    """Someone who saw our address gets a code for a verifier of their own, and brings it to us."""
    scene.hold()

    def swap(address: str) -> str:
        challenge = urlsafe_b64encode(sha256(b"theirs").digest()).rstrip(b"=").decode()
        return browse(re.sub(r"code_challenge=[^&]+", f"code_challenge={challenge}", address))

    refused(scene, NotSignedIn, swap)


def test_a_wrong_client_secret_is_said_to_be_wrong(scene: Scene) -> None:
    scene.hold(spotify_client_secret="wrong")

    assert "client secret" in refused(scene, ClientRefused)
    assert "The sign-in failed" in scene.page


def test_trouble_at_spotify_is_repeated_and_then_said(scene: Scene) -> None:
    scene.hold()
    scene.world.inject(Fault(kind="status", path="/api/token", status=503, times=None))

    refused(scene, Temporary)

    assert scene.token_requests() == 3


def test_a_passing_fault_at_spotify_does_not_show(scene: Scene) -> None:
    scene.hold()
    scene.world.inject(Fault(kind="status", path="/api/token", status=503, times=1))

    assert scene.sign_in() == ()


def test_an_answer_without_refresh_token_is_no_sign_in(scene: Scene) -> None:
    scene.hold()
    scene.world.inject(Fault(kind="patch", path="/api/token", drop=("refresh_token",)))

    refused(scene, UnreadableAnswer)


def test_a_scope_that_was_not_granted_is_named_and_the_rest_is_stored(scene: Scene) -> None:
    scene.hold()
    less = " ".join(need.scope for need in ALWAYS[:3])

    missing = scene.sign_in(partial(browse, scope=less))

    assert missing == ALWAYS[3:]
    assert set(scene.kept["scope"].split()) == set(less.split())
    assert "signed in, in part" in scene.page


def test_an_answer_that_says_nothing_of_scopes_grants_what_was_asked(scene: Scene) -> None:
    scene.hold()
    scene.world.inject(Fault(kind="patch", path="/api/token", drop=("scope",)))

    assert scene.sign_in() == ()
    assert scene.kept["scope"] == " ".join(need.scope for need in ALWAYS)


# --- by hand ----------------------------------------------------------------------------------------------------------


class Carrier(FakePerson):
    """Opens the address elsewhere and brings back the one it ends at, after what *first* makes of it."""

    def __init__(self, *first: Callable[[str], str]) -> None:
        super().__init__()
        self.first = list(first)
        self.ends_at = ""

    def ask(self, question: str, *, hidden: bool = False) -> str:
        super().ask(question, hidden=hidden)
        self.ends_at = self.ends_at or decide(self.address)
        return self.first.pop(0)(self.ends_at) if self.first else self.ends_at


def test_without_a_browser_the_address_is_pasted(scene: Scene) -> None:
    scene.hold()
    scene.person = Carrier()

    assert scene.sign_in(None) == ()
    assert scene.kept["refresh_token"] in scene.world.sign_ins
    assert scene.person.asked == ["Address (not shown) [hidden]"]


WRONG_PASTES: dict[str, Callable[[str], str]] = {
    "nothing": lambda _: "",
    "not an address": lambda _: "http://[",
    "the address that was to be opened": lambda _: "https://accounts.spotify.com/authorize?x=y",
    "another state": lambda right: re.sub(r"state=[^&]+", "state=other", right),
    "no state": lambda right: right.partition("&state=")[0],
    "another host": lambda right: right.replace("127.0.0.1", "evil.example"),
    "another path": lambda right: right.replace("/callback", "/elsewhere"),
}


@pytest.mark.parametrize("spoil", WRONG_PASTES.values(), ids=WRONG_PASTES)
def test_a_wrong_address_is_refused_and_asked_for_again(scene: Scene, spoil: Callable[[str], str]) -> None:
    scene.hold()
    scene.person = Carrier(spoil)

    assert scene.sign_in(None) == ()
    assert "not the address" in scene.person.all_told


def test_three_wrong_addresses_end_it(scene: Scene) -> None:
    scene.hold()
    scene.person = Carrier(*[WRONG_PASTES["another state"]] * 3)

    assert "not pasted" in refused(scene, NotSignedIn, None)
    assert scene.token_requests() == 0


# --- where it is kept -------------------------------------------------------------------------------------------------


def test_a_secret_of_aws_is_made_where_there_is_none(scene: Scene) -> None:
    aws = FakeSecretsManager()
    scene.person.answers = [scene.world.app.client_id, scene.world.app.client_secret]

    scene.sign_in(store=SecretsManagerStore("spotify", lambda: FakeClient(aws)))

    kept = json.loads(aws.secrets["spotify"].current)
    assert kept["refresh_token"] in scene.world.sign_ins
    assert kept["authorized_at"] == "2026-11-22"
    assert not scene.path.exists()


def test_a_secret_of_aws_keeps_what_is_not_ours(scene: Scene) -> None:
    aws, app = FakeSecretsManager(), scene.world.app
    held = {"spotify_client_id": app.client_id, "refresh_token": "old", "mine": [1]}
    secret = aws.hold("spotify", json.dumps(held))

    scene.sign_in(store=SecretsManagerStore("spotify", lambda: FakeClient(aws)))

    kept = json.loads(secret.current)
    assert kept["mine"] == [1]
    assert kept["refresh_token"] in scene.world.sign_ins


def test_aws_that_refuses_is_noticed_before_anyone_is_asked_for_consent(scene: Scene) -> None:
    def deny(action: str) -> None:
        refuse(action, "AccessDeniedException", "no")

    with pytest.raises(AwsDenied):
        scene.sign_in(store=SecretsManagerStore("spotify", lambda: FakeClient(FakeSecretsManager(), before=deny)))

    assert not scene.opened


def test_a_store_that_fails_at_the_end_says_so_on_the_page_too(scene: Scene) -> None:
    aws = FakeSecretsManager()
    scene.person.answers = [scene.world.app.client_id, ""]

    def deny_writing(action: str) -> None:
        if action == "CreateSecret":
            refuse(action, "AccessDeniedException", "no")

    with pytest.raises(AwsDenied):
        scene.sign_in(store=SecretsManagerStore("spotify", lambda: FakeClient(aws, before=deny_writing)))

    assert "The sign-in failed" in scene.page
    assert "Signed in" not in scene.person.all_told


def meanwhile(act: Callable[[], object]) -> Callable[[str], str]:
    """Return a browser in which someone agrees once *act* has happened."""

    def browsing(address: str) -> str:
        location = decide(address)
        act()
        return send("GET", location)[2]

    return browsing


def test_a_symbolic_link_put_in_the_place_of_the_file_is_not_followed(scene: Scene) -> None:
    scene.hold()
    theirs = scene.folder / "theirs"
    theirs.write_text("untouched")

    def swap() -> None:
        scene.path.unlink()
        scene.path.symlink_to(theirs)

    scene.sign_in(meanwhile(swap))

    assert theirs.read_text() == "untouched"
    assert not scene.path.is_symlink()
    assert stat.S_IMODE(scene.path.stat().st_mode) == 0o600
    assert scene.kept["refresh_token"] in scene.world.sign_ins


def test_a_link_planted_where_the_new_file_is_written_is_not_followed(scene: Scene) -> None:
    scene.hold()
    theirs = scene.folder / "theirs"
    theirs.write_text("untouched")

    scene.sign_in(meanwhile(lambda: scene.path.with_name("credentials.json.new").symlink_to(theirs)))

    assert theirs.read_text() == "untouched"
    assert scene.kept["refresh_token"] in scene.world.sign_ins


def test_a_lock_that_is_a_symbolic_link_is_refused(scene: Scene) -> None:
    scene.hold()
    theirs = scene.folder / "theirs"

    with pytest.raises(CredentialsUnreadable):
        scene.sign_in(meanwhile(lambda: scene.path.with_name("credentials.json.lock").symlink_to(theirs)))

    assert not theirs.exists()
    assert scene.kept["refresh_token"] == "old"
    assert "The sign-in failed" in scene.page


def test_a_file_opened_to_others_meanwhile_is_closed(scene: Scene) -> None:
    scene.hold(mine="kept")

    scene.sign_in(meanwhile(lambda: scene.path.chmod(0o644)))

    assert stat.S_IMODE(scene.path.stat().st_mode) == 0o600
    assert scene.kept["mine"] == "kept"


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a file away")
def test_a_file_of_another_user_is_set_aside_and_not_trusted(scene: Scene) -> None:
    scene.hold(mine="from someone else")

    scene.sign_in(meanwhile(lambda: os.chown(scene.path, 12345, 12345)))

    assert scene.path.stat().st_uid == os.geteuid()
    assert "mine" not in scene.kept
    assert [path.stat().st_uid for path in scene.folder.glob("credentials.json.bad-*")] == [12345]


# --- scopes -----------------------------------------------------------------------------------------------------------

SCOPES_OF = {
    LikedSongs(): ["user-library-read"],
    SavedAlbums(): ["user-library-read"],
    SavedEpisodes(): ["user-library-read", "user-read-playback-position"],
    ShowSource("s" * 22): ["user-read-playback-position"],
    TopTracks(Term.SHORT): ["user-top-read"],
    RecentlyPlayed(): ["user-read-recently-played"],
    Queue(): ["user-read-currently-playing", "user-read-playback-state"],
    PlaylistSource(identifier("week")): [],
    AlbumSource("a" * 22): [],
    ArtistSource("b" * 22): [],
    FileSource("/songs.txt", "songs.txt"): [],
}
READING = [need.scope for need in READS]
PLAYER = ["user-read-currently-playing", "user-read-playback-state", "user-modify-playback-state"]


def asked_of(account: str, *pairs: Pair, capture: bool = False) -> list[str]:
    """Return the scopes that *account* is asked for."""
    return [need.scope for need in needs(config(*pairs), account, capture=capture)]


def from_source(*sources: Source, account: str = "default", readers: tuple[str, ...] = ()) -> Pair:
    return Pair(name="p", sources=sources, target=identifier("archive"), account=account, readers=readers)


def test_every_kind_of_source_has_its_scopes_told() -> None:
    assert set(map(type, SCOPES_OF)) == set(get_args(Source)) - {Captured}


@pytest.mark.parametrize("source", SCOPES_OF, ids=str)
def test_a_source_needs_its_scopes_beside_those_of_every_account(source: Source) -> None:
    assert asked_of("default", from_source(source)) == [*(need.scope for need in ALWAYS), *SCOPES_OF[source]]


def test_a_scope_that_serves_several_sources_is_asked_for_once_with_all_that_it_is_for() -> None:
    wanted = needs(config(from_source(SavedAlbums(), LikedSongs()), from_source(RecentlyPlayed())), "default")

    assert [(need.scope, need.to) for need in wanted[len(ALWAYS) :]] == [
        ("user-library-read", "read your Liked Songs and read the albums that you saved"),
        ("user-read-recently-played", "read what you played lately"),
    ]


def test_what_other_accounts_do_needs_no_scope_of_this_one() -> None:
    assert needs(config(pair("liked", "archive", account="anna")), "default") == ALWAYS


def test_an_account_that_only_reads_is_not_asked_to_let_anything_be_changed() -> None:
    shared = from_source(LikedSongs(), PlaylistSource(identifier("week")), readers=("anna", "default"))

    assert asked_of("anna", shared) == [*READING, "user-library-read"]
    assert asked_of("default", shared) == [need.scope for need in ALWAYS]


def test_an_account_that_reads_here_and_adds_there_is_asked_for_both() -> None:
    assert asked_of(
        "anna", from_source(TopTracks(Term.LONG), readers=("anna",)), from_source(Queue(), account="anna")
    ) == [
        *(need.scope for need in ALWAYS),
        "user-top-read",
        "user-read-currently-playing",
        "user-read-playback-state",
    ]


def test_only_capture_asks_to_play_something() -> None:
    assert asked_of("default", from_source(Queue()), capture=True) == [*(need.scope for need in ALWAYS), *PLAYER]
    assert asked_of("anna", from_source(ShowSource("s" * 22), readers=("anna",)), capture=True) == [
        *READING,
        "user-read-playback-position",
        *PLAYER,
    ]
    assert needs(None, "default", capture=True) == (*ALWAYS, *CAPTURE)
    assert not [scope for scopes in SCOPES_OF.values() for scope in scopes if "modify" in scope]


def test_without_a_config_the_playlists_are_what_is_asked_for() -> None:
    assert needs(None, "default") == ALWAYS


def test_the_docs_name_every_scope_and_what_it_is_for(root: Path) -> None:
    lines = (root / "docs" / "login.md").read_text(encoding="utf-8").splitlines()

    for need in (*ALWAYS, *chain.from_iterable(BY_SOURCE.values()), *CAPTURE):
        (line,) = (line for line in lines if line.startswith(f"| `{need.scope}` | "))
        assert need.to in line
