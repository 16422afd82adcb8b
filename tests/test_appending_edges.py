"""The edges of waiting and of keeping: moments, counts and states that one step more would change."""

from collections.abc import Sequence

import pytest

from syncer.appending import SETTLE, Applied, Writer
from syncer.budget import Budget
from syncer.errors import Outage, Relinked, SyncError, TargetFull, TargetUnstable, UnclearAdd
from syncer.ids import Uri
from syncer.model import MAX_ITEMS, Add, Addition, AddState, Item
from syncer.reading import REREADS
from tests.fakes import (
    FakeClock,
    FakePlaylists,
    MemoryState,
    connection,
    identifier,
    item,
    items,
    letters,
    library,
    pair,
    uri,
)

ARCHIVE = identifier("archive")
NAME = f"spotify:playlist:{ARCHIVE}"


class Ledger(MemoryState):
    """Keeps every settlement as it was asked for."""

    def __init__(self) -> None:
        super().__init__()
        self.settled: list[tuple[str, AddState]] = []

    def settle(self, add: Add, *, landed: Sequence[Uri], state: AddState) -> None:
        self.settled.append(("".join(one[-1] for one in landed), state))
        super().settle(add, landed=landed, state=state)


class Desk:
    """A target called archive, and a run that adds to it."""

    def __init__(self, held: Sequence[str] = "", *, settle: float = SETTLE) -> None:
        self.clock = FakeClock()
        self.playlists = FakePlaylists(archive=held)
        self.state = Ledger()
        self.new_run(settle=settle)

    def new_run(self, *, settle: float = SETTLE, deadline: float | None = None) -> None:
        self.library = library()
        until = None if deadline is None else self.clock.monotonic() + deadline
        self.writer = Writer(
            "run", state=self.state, budget=Budget(self.clock, deadline=until), clock=self.clock, settle=settle
        )

    def add(self, wanted: Sequence[str]) -> Applied:
        target = self.library.target("me", connection(self.playlists), ARCHIVE)
        self.found = letters(self.writer.open(target))
        additions = [Addition(item=one, source="liked") for one in items(wanted)]
        return self.writer.apply(pair("fresh", "archive"), target, self.playlists, additions)

    def someone_adds_before_each_look(self, *what: str) -> None:
        left = list(what)

        def meanwhile(request: str) -> SyncError | None:
            if left and request.startswith("page"):
                self.playlists.someone_adds("archive", [left.pop(0)])
            return None

        self.playlists.before = meanwhile


def test_the_last_half_second_of_a_window_is_waited_too() -> None:
    desk = Desk()
    desk.state.unknown_since = desk.clock.now()
    desk.clock.elapsed += SETTLE - 0.5
    desk.add("")
    assert desk.clock.slept == [0.5]


def test_a_target_that_cannot_be_waited_for_is_named() -> None:
    desk = Desk()
    desk.state.unknown_since = desk.clock.now()
    desk.new_run(deadline=SETTLE)
    with pytest.raises(UnclearAdd) as unclear:
        desk.add("a")
    assert unclear.value.playlist == NAME


def test_all_that_earlier_runs_sent_is_found_and_kept_as_landed() -> None:
    desk = Desk("abc")
    for name in "abd":
        additions = (Addition(item=item(name), source="liked"),)
        at = desk.clock.now()
        desk.state.sending(
            Add(id=name, run_id="earlier", pair="week", target=ARCHIVE, at=at, additions=additions, position=0)
        )
    desk.add("")
    assert desk.found == "ab"
    assert desk.state.settled == [("a", AddState.LANDED), ("b", AddState.LANDED), ("", AddState.LANDED)]


def test_what_arrives_before_one_batch_and_before_the_next_is_counted_together() -> None:
    desk = Desk()
    desk.someone_adds_before_each_look("0", "149")
    result = desk.add([str(number) for number in range(150)])
    assert [one.name for one in result.arrived] == ["0", "149"]
    assert len(result.added) == 148


def test_a_target_that_others_fill_meanwhile_is_told_with_its_room_and_its_limit() -> None:
    desk = Desk([str(number) for number in range(MAX_ITEMS - 2)])
    desk.someone_adds_before_each_look("x")
    result = desk.add("yz")
    assert str(result.error) == str(TargetFull(NAME, room=1, limit=MAX_ITEMS))


def test_the_reads_after_unclear_adds_are_among_those_that_one_pair_may_cost() -> None:
    desk = Desk(settle=1)
    desk.playlists.loses = lambda _letters: True
    result = desk.add([str(number) for number in range(100 * (REREADS + 2))])
    assert isinstance(result.error, TargetUnstable)
    assert (len(result.added), result.unconfirmed) == (100 * REREADS, 100)


def test_of_an_add_that_was_not_carried_out_nothing_is_kept() -> None:
    desk = Desk()
    desk.playlists.before = lambda request: Outage("down") if request.startswith("append") else None
    desk.add("ab")
    assert desk.state.settled == [("", AddState.LANDED)]


def test_what_is_left_of_an_add_beside_what_was_relinked_is_kept_as_landed() -> None:
    def elsewhere(held: list[Item]) -> list[Item]:
        return [item("d9") if one.uri == uri("d") else one for one in held]

    desk = Desk("ab")
    desk.playlists.shows = elsewhere
    desk.add("cde")
    assert desk.state.settled == [("cde", AddState.LANDED), ("d", AddState.RELINKED), ("ce", AddState.LANDED)]
    kept = desk.state.adds(ARCHIVE, since=desk.clock.start)
    states = {letters([one.item for one in add.additions]): add.state for add in kept}
    assert states == {"d": AddState.RELINKED, "ce": AddState.LANDED}


def test_what_was_relinked_once_stays_settled_when_more_is() -> None:
    elsewhere = {uri(name): item(f"{name}9") for name in "de"}
    desk = Desk("ab")
    desk.playlists.shows = lambda held: [elsewhere.get(one.uri, one) if one.uri else one for one in held]
    for name in "de":
        desk.new_run()
        error = desk.add(name).error
        assert str(error) == str(Relinked(NAME))
    result = desk.add("de")
    assert (letters(result.arrived), result.added) == ("de", [])
