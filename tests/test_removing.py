"""Taking entries out, as the port ``Playlists`` promises it: by the fake, by the adapter in process, and over HTTP."""

from collections.abc import Iterator

import pytest

from syncer.errors import MissingScope, NotFound, Outage, TargetNotWritable, UnclearAdd, UnreadableAnswer
from syncer.ids import PlaylistId
from syncer.model import MAX_BATCH
from syncer.sandbox import Fault, SandboxServer
from syncer.spotify.transport import UNDO_ENDPOINTS
from tests.fakes import identifier, uri
from tests.spotify.wiring import Wired
from tests.test_playlists_contract import FakeStage, SandboxStage, numbers

Stage = FakeStage | SandboxStage


@pytest.fixture(params=["fake", "in process", "over HTTP"])
def stage(request: pytest.FixtureRequest) -> Iterator[Stage]:
    if request.param == "fake":
        yield FakeStage()
    elif request.param == "in process":
        yield SandboxStage(undoing())
    else:
        wired = undoing(Wired(server=SandboxServer))
        assert wired.server
        with wired.server:
            yield SandboxStage(wired)
            wired.wire.hang_up()


def undoing(wired: Wired | None = None) -> Wired:
    """Return a process that was started to undo."""
    wired = wired or Wired()
    wired.new_process(endpoints=UNDO_ENDPOINTS)
    return wired


def test_what_is_named_goes_and_the_rest_stays_in_order(stage: Stage) -> None:
    playlist = stage.hold("archive", "abcd")
    stage.port.remove(playlist, [uri("d"), uri("b")])
    assert stage.held(playlist) == [uri("a"), uri("c")]


def test_every_entry_with_a_uri_goes_and_to_repeat_it_does_nothing_more(stage: Stage) -> None:
    playlist = stage.hold("archive", "abab")
    for _ in range(2):
        stage.port.remove(playlist, [uri("b"), uri("x")])
        assert stage.held(playlist) == [uri("a"), uri("a")]


def test_as_many_go_at_once_as_fit_a_batch(stage: Stage) -> None:
    playlist = stage.hold("archive", numbers(MAX_BATCH + 1))
    stage.port.remove(playlist, [uri(number) for number in numbers(MAX_BATCH)])
    assert stage.held(playlist) == [uri(str(MAX_BATCH))]


def test_a_playlist_of_someone_else_stays_as_it_is(stage: Stage) -> None:
    playlist = stage.hold("archive", "a")
    stage.give_away(playlist)
    with pytest.raises(TargetNotWritable):
        stage.port.remove(playlist, [uri("a")])
    assert stage.held(playlist) == [uri("a")]


def test_a_scope_that_was_not_consented_to_is_named(stage: Stage) -> None:
    playlist = stage.hold("archive", "a")
    stage.lack("playlist-modify-public")
    with pytest.raises(MissingScope):
        stage.port.remove(playlist, [uri("a")])


def test_nothing_is_taken_out_of_a_playlist_that_is_gone(stage: Stage) -> None:
    with pytest.raises(NotFound):
        stage.port.remove(identifier("gone"), [uri("a")])


# --- over the Web API -------------------------------------------------------------------------------------------------


def held(wired: Wired, playlist: PlaylistId) -> list[str | None]:
    return list(wired.world.playlists[playlist].uris)


@pytest.mark.parametrize("applied", [True, False])
def test_a_lost_answer_is_unclear_and_nothing_is_sent_twice(*, applied: bool) -> None:
    wired = undoing()
    playlist = PlaylistId(wired.world.playlist("archive", items=[uri("a")]).id)
    wired.world.inject(Fault(kind="close", method="DELETE", path="/v1/**", applied=applied))
    with pytest.raises(UnclearAdd, match="did not say whether all of it was taken out") as unclear:
        wired.open().playlists.remove(playlist, [uri("a")])
    assert "syncer undo" in unclear.value.hint
    assert [method for method, _, _ in wired.network.sent].count("DELETE") == 1
    assert held(wired, playlist) == ([] if applied else [uri("a")])


def test_what_never_left_is_sent_again_and_then_is_an_outage() -> None:
    wired = undoing()
    playlist = PlaylistId(wired.world.playlist("archive", items=[uri("a")]).id)
    wired.world.inject(Fault(kind="refuse", method="DELETE", path="/v1/**", times=None))
    with pytest.raises(Outage):
        wired.open().playlists.remove(playlist, [uri("a")])
    wired.world.heal()
    wired.world.inject(Fault(kind="refuse", method="DELETE", path="/v1/**"))
    wired.open().playlists.remove(playlist, [uri("a")])
    assert held(wired, playlist) == []


def test_a_refusal_that_makes_no_sense_is_told_as_such() -> None:
    wired = undoing()
    playlist = PlaylistId(wired.world.playlist("archive", items=[uri("a")]).id)
    wired.world.inject(Fault(kind="status", status=400, method="DELETE", path="/v1/**"))
    with pytest.raises(UnreadableAnswer, match="400"):
        wired.open().playlists.remove(playlist, [uri("a")])


def test_a_run_takes_nothing_out_and_an_undo_adds_nothing() -> None:
    """Fault model X6: each has a transport of its own, and neither can do what the other does."""
    wired = Wired()
    playlist = PlaylistId(wired.world.playlist("archive", items=[uri("a")]).id)
    with pytest.raises(RuntimeError, match="does not DELETE"):
        wired.open().playlists.remove(playlist, [uri("a")])
    with pytest.raises(RuntimeError, match="does not POST"):
        undoing(wired).open().playlists.append(playlist, [uri("b")])
    assert held(wired, playlist) == [uri("a")]
    assert not [url for _, url, _ in wired.network.sent if url.endswith("/items")]
