"""``Playlists.create``, as the fake keeps it, as the adapter does in process, and as it does over HTTP."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property

import pytest

from syncer.budget import Budget
from syncer.errors import MissingScope, UnclearAdd, UnreadableAnswer
from syncer.model import Account
from syncer.ports import Playlists
from syncer.sandbox import Fault, SandboxServer
from syncer.spotify.accounts import SpotifyAccounts
from syncer.spotify.transport import SETUP_ENDPOINTS
from tests.fakes import FakePlaylists
from tests.spotify.wiring import ACCOUNTS_URL, API_URL, Wired


@dataclass
class Stage:
    """Somewhere to make playlists. All is arranged before ``port`` is asked for."""

    opened: Callable[[], Playlists]
    lack: Callable[[str], None]
    lose: Callable[[], None]

    @cached_property
    def port(self) -> Playlists:
        return self.opened()


def fake() -> Stage:
    port = FakePlaylists()

    def lose() -> None:
        port.loses = lambda _name: True

    return Stage(lambda: port, port.lacks.add, lose)


def real(wired: Wired) -> Stage:
    def lack(scope: str) -> None:
        wired.sign_in.scopes -= {scope}

    def lose() -> None:
        wired.world.inject(Fault(kind="close", method="POST", path="/v1/**", times=None, applied=True))

    return Stage(lambda: setting_up(wired), lack, lose)


def setting_up(wired: Wired) -> Playlists:
    """Return the playlists as one who may make some sees them."""
    connect = SpotifyAccounts(
        api_url=wired.server.api_url if wired.server else API_URL,
        accounts_url=wired.server.accounts_url if wired.server else ACCOUNTS_URL,
        store=lambda _account: wired.store,
        state=wired.state,
        wire=wired.wire,
        clock=wired.clock,
        chance=wired.chance,
        endpoints=SETUP_ENDPOINTS,
    )
    return connect(Account(name="default"), Budget(wired.clock)).playlists


@pytest.fixture(params=["fake", "in process", "over HTTP"])
def stage(request: pytest.FixtureRequest) -> Iterator[Stage]:
    if request.param == "fake":
        yield fake()
    elif request.param == "in process":
        yield real(Wired())
    else:
        wired = Wired(server=SandboxServer)
        assert wired.server
        with wired.server:
            yield real(wired)
            wired.wire.hang_up()


@pytest.mark.parametrize("public", [True, False])
def test_a_playlist_that_was_made_is_empty_mine_and_in_the_library(stage: Stage, public: bool) -> None:  # noqa: FBT001
    made = stage.port.create("Loved", public=public, description="by us")
    (listed,) = stage.port.listing(0).playlists
    assert (listed.id, listed.owner, listed.total, listed.description) == (made, stage.port.me(), 0, "by us")
    assert stage.port.head(made).total == 0


def test_one_whose_making_is_unclear_may_be_found_and_was_made_once(stage: Stage) -> None:
    stage.lose()
    with pytest.raises(UnclearAdd):
        stage.port.create("Loved", public=False, description="by us")
    (listed,) = stage.port.listing(0).playlists
    assert listed.description == "by us"


@pytest.mark.parametrize(("public", "scope"), [(True, "playlist-modify-public"), (False, "playlist-modify-private")])
def test_the_scope_that_is_missing_is_named(stage: Stage, public: bool, scope: str) -> None:  # noqa: FBT001
    stage.lack(scope)
    with pytest.raises(MissingScope) as missing:
        stage.port.create("Loved", public=public, description="")
    assert missing.value.scope == scope
    assert stage.port.listing(0).playlists == ()


@pytest.mark.parametrize("text", ["", "{}", "[]", "null", '{"id": null}', '{"id": 5}', '{"id": "short"}'])
def test_an_answer_that_does_not_say_which_it_is_leaves_it_unclear(text: str) -> None:
    wired = Wired()
    wired.world.inject(Fault(kind="other-body", method="POST", path="/v1/me/playlists", text=text))
    with pytest.raises(UnclearAdd):
        setting_up(wired).create("Loved", public=False, description="")
    assert len(wired.world.playlists) == 1


def test_a_name_that_spotify_refuses_is_no_unclear_matter() -> None:
    wired = Wired()
    with pytest.raises(UnreadableAnswer, match="400"):
        setting_up(wired).create("", public=False, description="")
    assert wired.world.playlists == {}


def test_a_run_cannot_make_a_playlist() -> None:
    """Fault model X6."""
    with pytest.raises(RuntimeError, match="me/playlists"):
        Wired().open().playlists.create("Loved", public=False, description="")
