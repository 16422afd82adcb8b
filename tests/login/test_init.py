"""``syncer init`` as a person uses it, in a terminal of its own, and as a script does."""

import json
import os
import signal
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from unicodedata import east_asian_width

import pytest

from syncer import config
from syncer.ids import PlaylistId
from syncer.model import LikedSongs, PlaylistSource
from syncer.sandbox import Fault, Playlist, SandboxServer, World
from tests.login.people import browse
from tests.login.terminal import PATIENCE, ROOT, SYNCER, Desktop, Terminal

CLIENT_ID = "Client id: "
SECRET = "Client secret (not shown; leave it empty to sign in without one): "
SOURCE = "Source (a number, a link, or 'liked'): "
TARGET = "Target (a number, a link, or 'new' to make one): "
SPOTIFY_MADE = "37i9dQZEVXcJZyENOWUFo7"


@dataclass
class Home:
    """Someone's home with a desktop, and a Spotify with two playlists of theirs and one of somebody else's."""

    folder: Path
    world: World
    desktop: Desktop
    environ: dict[str, str]
    week: Playlist
    archive: Playlist
    theirs: Playlist

    @property
    def config(self) -> Path:
        return self.folder / "config" / "config.yaml"

    @property
    def credentials(self) -> Path:
        return self.folder / "credentials.json"

    def sign_in(self, *, without: str = "") -> None:
        """Let someone have signed in before, who did not agree to the scope *without*."""
        app, sign_in = self.world.app, self.world.sign_in()
        sign_in.scopes -= {without}
        held = {
            "spotify_client_id": app.client_id,
            "spotify_client_secret": app.client_secret,
            "refresh_token": sign_in.refresh_token,
        }
        self.credentials.touch(mode=0o600)
        self.credentials.write_text(json.dumps(held))

    def terminal(self, *options: str) -> Terminal:
        return Terminal((*SYNCER, "init", *options), self.environ, self.folder)

    def run(self, *options: str, given: str = "") -> tuple[int, str, str]:
        """Run the command to its end, without a terminal."""
        ended = subprocess.run(  # noqa: S603 - our own command
            (*SYNCER, "init", *options),
            env=self.environ,
            cwd=self.folder,
            input=given,
            capture_output=True,
            check=False,
            text=True,
            timeout=PATIENCE,
        )
        assert "Traceback" not in ended.stderr
        assert not [secret for secret in self.secrets() if secret in ended.stdout + ended.stderr]
        return ended.returncode, ended.stdout, ended.stderr

    def secrets(self) -> list[str]:
        return [self.world.app.client_secret, *self.world.sign_ins, *self.world.access_tokens]

    def made(self) -> list[Playlist]:
        """Return the playlists that are neither of the three."""
        known = {self.week.id, self.archive.id, self.theirs.id}
        return [one for one in self.world.playlists.values() if one.id not in known]

    def writes(self) -> list[str]:
        return [call.path for call in self.world.calls if call.method == "POST" and call.path.startswith("/v1/")]


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Home]:
    world = World()
    week, archive = world.playlist("My Week", tracks=7), world.playlist("Archive")
    theirs = world.playlist("Theirs", owner="someone", tracks=3)
    world.me.library.append(theirs.id)
    world.like(["spotify:track:" + letter * 22 for letter in "abc"])
    desktop = Desktop(tmp_path)
    with SandboxServer(world) as server:
        environ = {
            "PATH": os.environ["PATH"],
            "HOME": str(tmp_path),
            "PYTHONPATH": str(ROOT),
            "SPOTIFY_API_URL": server.api_url,
            "SPOTIFY_ACCOUNTS_URL": server.accounts_url,
            "SYNCER_CREDENTIALS_FILE": str(tmp_path / "credentials.json"),
            "BROWSER": str(desktop.script),
            "LANG": "C.UTF-8",
            "SYNCER_SETTLE_SECONDS": "0",
        }
        yield Home(tmp_path, world, desktop, environ, week, archive, theirs)
    desktop.close()


# --- in a terminal ----------------------------------------------------------------------------------------------------


def test_a_newcomer_gets_from_nothing_to_a_plan(home: Home) -> None:
    app = home.world.app
    with home.terminal() as terminal:
        asked = terminal.until(CLIENT_ID)
        assert "http://127.0.0.1/callback" in asked
        assert "Premium" in asked
        assert "User Management" in asked
        terminal.type(f"{app.client_id}\n")
        terminal.until(SECRET)
        terminal.type(f"{app.client_secret}\n")
        browse(home.desktop.opened())
        shown = terminal.until(SOURCE)
        assert "  1  My Week" in shown
        assert "by someone" in shown
        terminal.type("1\n")
        terminal.until(TARGET)
        terminal.type("2\n")
        terminal.until("Now write config/config.yaml? [Y/n]: ")
        assert not home.config.exists()
        terminal.type("\n")
        assert terminal.code() == 0

    settings = config.load(home.config)
    (pair,) = settings.pairs
    assert (pair.name, pair.sources, pair.target) == (
        "my-week",
        (PlaylistSource(PlaylistId(home.week.id)),),
        home.archive.id,
    )
    assert settings.warnings == ()
    assert "7 items to add" in terminal.shown
    assert terminal.shown.rstrip().endswith("-> `syncer run` adds it")
    assert home.archive.uris == ()
    assert not [secret for secret in home.secrets() if secret in terminal.shown]


def test_a_target_can_be_made_and_gets_a_name(home: Home) -> None:
    home.sign_in()
    with home.terminal() as terminal:
        terminal.until(SOURCE)
        terminal.type("1\n")
        terminal.until(TARGET)
        terminal.type("new\n")
        terminal.until("Its name [My Week archive]: ")
        terminal.type("\n")
        terminal.until("make the private playlist 'My Week archive' and write config/config.yaml? [Y/n]: ")
        assert home.made() == []
        terminal.type("y\n")
        assert terminal.code() == 0

    (made,) = home.made()
    assert (made.name, made.owner, made.public) == ("My Week archive", home.world.me.id, False)
    assert config.load(home.config).pairs[0].target == made.id


@pytest.mark.parametrize("key", ["\x03", "\x04"], ids=["Ctrl-C", "Ctrl-D"])
@pytest.mark.parametrize("answers", [0, 1, 2, 3], ids=["source", "target", "name", "confirm"])
def test_stopped_at_any_question_nothing_is_half_done(home: Home, answers: int, key: str) -> None:
    home.sign_in()
    with home.terminal() as terminal:
        asked = (SOURCE, "1"), (TARGET, "new"), ("Its name", ""), ("[Y/n]: ", "")
        for question, answer in asked[:answers]:
            terminal.until(question)
            terminal.type(f"{answer}\n")
        terminal.until(asked[answers][0])
        terminal.insist(key)
        assert terminal.code() in (130, -signal.SIGINT)  # the latter on a second press; shells call both 130

    assert "Stopped: no config was written." in terminal.shown
    assert not home.config.parent.exists()
    assert home.writes() == []


def test_no_at_the_end_writes_nothing(home: Home) -> None:
    home.sign_in()
    with home.terminal("--source", "liked", "--create", "Loved") as terminal:
        terminal.until("[Y/n]: ")
        terminal.type("what\n")
        terminal.until("[Y/n]: ")
        terminal.type("n\n")
        assert terminal.code() == 130

    assert not home.config.exists()
    assert home.made() == []


def test_what_cannot_be_read_is_explained_and_asked_again(home: Home) -> None:
    home.sign_in()
    with home.terminal() as terminal:
        for answer, said in (
            ("9", "there is no number 9 in the list"),
            ("nonsense", "'nonsense' is not a playlist id"),
            ("3", "only to its owner and collaborators"),
            (SPOTIFY_MADE, "Spotify no longer lets new apps read such playlists"),
        ):
            terminal.until(SOURCE)
            terminal.type(f"{answer}\n")
            terminal.until(said)
        assert "copy its tracks into a playlist of your own" in terminal.shown
        terminal.until(SOURCE)
        terminal.type("1\n")
        for answer, said in (("1", "that is the source"), ("3", "may not add to"), ("liked", "is not a playlist")):
            terminal.until(TARGET)
            terminal.type(f"{answer}\n")
            terminal.until(said)
        terminal.until(TARGET)
        terminal.type(f"https://open.spotify.com/playlist/{home.archive.id}?si=abc\n")
        terminal.until("[Y/n]: ")
        terminal.type("\n")
        assert terminal.code() == 0

    assert config.load(home.config).pairs[0].target == home.archive.id


def test_liked_songs_that_were_not_agreed_to_are_asked_for(home: Home) -> None:
    home.sign_in(without="user-library-read")
    with home.terminal("--target", home.archive.id, "--yes") as terminal:
        terminal.until(SOURCE)
        terminal.type("liked\n")
        address = home.desktop.opened()
        assert "user-library-read" in address
        browse(address)
        assert terminal.code() == 0

    assert config.load(home.config).pairs[0].sources == (LikedSongs(),)
    assert "3 items to add" in terminal.shown


def test_a_sign_in_that_has_ended_is_renewed(home: Home) -> None:
    home.sign_in()
    home.credentials.write_text(home.credentials.read_text().replace(next(iter(home.world.sign_ins)), "old"))
    with home.terminal("--source", home.week.id, "--target", home.archive.id, "--yes") as terminal:
        address = home.desktop.opened()
        assert "user-library-read" not in address
        browse(address)
        assert terminal.code() == 0


# --- a config that is there -------------------------------------------------------------------------------------------


def held(home: Home, text: str) -> None:
    home.config.parent.mkdir()
    home.config.write_text(text)


def test_a_config_that_is_there_gets_another_pair(home: Home) -> None:
    home.sign_in()
    text = f"# mine\npairs:\n  - name: my-week\n    source: {home.week.id}\n    target: {home.archive.id}\n"
    held(home, text)
    with home.terminal() as terminal:
        terminal.until("config/config.yaml is there already, with a pair. Add another pair to it? [Y/n]: ")
        terminal.type("\n")
        terminal.until(SOURCE)
        terminal.type("2\n")
        terminal.until(TARGET)
        terminal.type("1\n")
        terminal.until("[Y/n]: ")
        terminal.type("\n")
        assert terminal.code() == 0

    assert home.config.read_text().startswith(text)
    assert [pair.name for pair in config.load(home.config).pairs] == ["my-week", "archive"]


def test_a_config_that_is_there_stays_if_nobody_agrees(home: Home) -> None:
    text = f"pairs: [{{source: liked, target: {home.archive.id}}}]\n"
    held(home, text)
    code, out, said = home.run("--source", "liked", "--target", home.week.id)
    assert (code, out) == (2, "")
    assert "config/config.yaml is there already" in said
    assert "--yes" in said
    with home.terminal() as terminal:
        terminal.until("[Y/n]: ")
        terminal.type("n\n")
        assert terminal.code() == 2
    assert "--force writes a new one" in terminal.shown
    assert home.config.read_text() == text
    assert home.world.calls == []


def test_force_writes_over_even_what_does_not_hold(home: Home) -> None:
    home.sign_in()
    held(home, "pairs: [")
    options = ("--source", home.week.id, "--target", home.archive.id, "--yes")
    code, _, said = home.run(*options)
    assert code == 2
    assert "config.yaml:1:" in said
    code, _, said = home.run(*options, "--force")
    assert code == 0, said
    assert len(config.load(home.config).pairs) == 1


def test_the_example_that_comes_along_is_replaced(home: Home, root: Path) -> None:
    home.sign_in()
    held(home, (root / "config" / "config.yaml").read_text())
    code, _, said = home.run("--source", home.week.id, "--target", home.archive.id, "--yes")
    assert code == 0, said
    assert len(config.load(home.config).pairs) == 1


def test_the_pair_of_another_account_says_so(home: Home) -> None:
    home.sign_in()
    accounts = f"accounts: {{anna: {{file: {home.credentials}}}}}\n"
    held(home, f"{accounts}pairs: [{{source: liked, target: {home.archive.id}, account: anna}}]\n")
    code, _, said = home.run("--source", home.archive.id, "--target", home.week.id, "--yes")
    assert code == 0, said
    assert config.load(home.config).pairs[1].account == "anna"


# --- scripted ---------------------------------------------------------------------------------------------------------


def test_with_every_answer_as_an_option_nothing_is_asked(home: Home) -> None:
    home.sign_in()
    code, out, said = home.run("--source", "liked", "--create", "Loved Ones", "--yes")
    assert code == 0, said
    (made,) = home.made()
    (pair,) = config.load(home.config).pairs
    assert (pair.name, pair.sources, pair.target) == ("liked-songs", (LikedSongs(),), made.id)
    assert "liked-songs: 3 to add" in out
    assert made.uris == ()


def test_the_client_secret_is_piped_in_and_the_browser_agreed_in(home: Home) -> None:
    app = home.world.app
    options = ("--client-id", app.client_id, "--source", "liked", "--target", home.archive.id, "--yes")
    with subprocess.Popen(  # noqa: S603 - our own command
        (*SYNCER, "init", *options),
        env=home.environ,
        cwd=home.folder,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    ) as process:
        assert process.stdin
        process.stdin.write(f"{app.client_secret}\n")
        process.stdin.flush()
        browse(home.desktop.opened())
        said, _ = process.communicate(timeout=PATIENCE)
    assert process.returncode == 0, said
    assert app.client_secret not in said
    assert home.config.exists()


@pytest.mark.parametrize(
    ("options", "code", "complaint"),
    [
        ((), 2, "pass --source"),
        (("--source", "liked"), 2, "pass --target"),
        (("--source", "x", "--target", "y"), 2, "--source: 'x' is not a playlist id"),
        (("--source", "liked", "--target", "y", "--create", "z"), 2, "pass one of them"),
        (("--source", "liked", "--create", "z"), 2, "pass --yes"),
        (("--source", "liked", "--create", " "), 2, "needs a name"),
        (("--source", SPOTIFY_MADE, "--create", "z", "--yes"), 4, "is made by Spotify"),
        (("--source", "5ieJqeLJjjI8iJWaxeBLuK", "--create", "z", "--yes"), 4, "knows no playlist"),
    ],
)
def test_what_is_missing_or_wrong_ends_with_a_sentence_and_changes_nothing(
    home: Home, options: tuple[str, ...], code: int, complaint: str
) -> None:
    home.sign_in()
    ended, _, said = home.run(*options)
    assert ended == code
    assert complaint in said
    assert not home.config.parent.exists()
    assert home.writes() == []


def test_a_scope_that_making_a_playlist_needs_is_named(home: Home) -> None:
    home.sign_in(without="playlist-modify-private")
    code, _, said = home.run("--source", home.week.id, "--create", "z", "--yes")
    assert code == 3
    assert "lacks the scope playlist-modify-private" in said
    assert not home.config.exists()


def test_trouble_that_passes_is_told_from_the_rest(home: Home) -> None:
    home.sign_in()
    home.world.inject(Fault(kind="quota", path="/v1/**"))
    code, _, said = home.run("--source", home.week.id, "--target", home.archive.id, "--yes")
    assert code == 5
    assert "quota" in said


# --- a playlist is made once ------------------------------------------------------------------------------------------


def test_a_playlist_whose_making_is_unclear_is_found_and_never_made_twice(home: Home) -> None:
    home.sign_in()
    home.world.inject(Fault(kind="close", method="POST", path="/v1/me/playlists", applied=True))
    code, _, said = home.run("--source", home.week.id, "--create", "Once", "--yes")
    assert code == 0, said
    (made,) = home.made()
    assert home.writes() == ["/v1/me/playlists"]
    assert config.load(home.config).pairs[0].target == made.id


def test_a_playlist_that_was_not_made_is_not_tried_again(home: Home) -> None:
    home.sign_in()
    home.world.inject(Fault(kind="close", method="POST", path="/v1/me/playlists", applied=False))
    code, _, said = home.run("--source", home.week.id, "--create", "Once", "--yes")
    assert code == 5
    assert "did not say whether it made 'Once'" in said
    assert home.writes() == ["/v1/me/playlists"]
    assert not home.config.exists()


def test_what_an_earlier_try_has_made_is_used(home: Home) -> None:
    home.sign_in()
    for _ in range(2):
        code, _, said = home.run("--source", home.week.id, "--create", "Once", "--yes", "--force")
        assert code == 0, said
    assert len(home.made()) == 1
    assert "was made by an earlier" in said


# --- names that people give -------------------------------------------------------------------------------------------


def test_names_of_any_script_fit_the_terminal_and_cannot_steer_it(home: Home) -> None:
    home.sign_in()
    home.world.playlist("東京の夜" * 12, tracks=1)
    home.world.playlist("red \x1b[31m" + "x" * 90, tracks=1)
    with home.terminal() as terminal:
        listed = terminal.until(SOURCE)
        terminal.insist("\x03")

    rows = [line for line in listed.splitlines() if line.rstrip().endswith(("yours", "someone"))]
    assert len(rows) == 5
    assert "\x1b" not in listed
    assert max(sum(2 if east_asian_width(char) == "W" else 1 for char in row) for row in rows) <= 80


@pytest.mark.parametrize("name", ["東京", "two\nlines # and: [more]", "-", "\u2028\x1b[0m", "null", "x" * 99])
def test_a_playlist_of_any_name_makes_a_config_that_holds(home: Home, name: str) -> None:
    home.sign_in()
    source = home.world.playlist(name, tracks=1)
    code, _, said = home.run("--source", source.id, "--create", name, "--yes")
    assert code == 0, said
    assert config.load(home.config).pairs[0].sources == (PlaylistSource(PlaylistId(source.id)),)
