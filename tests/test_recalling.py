"""What the record and the cache tell of what was added, without a request."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import jsonschema
import pytest

from syncer import chronicle, recalling
from syncer.config import schema
from syncer.errors import Code, ConfigError
from syncer.ids import playlist_uri
from syncer.model import (
    Action,
    Add,
    Addition,
    AddState,
    Chosen,
    Config,
    Failure,
    Item,
    Left,
    Match,
    Reason,
    Removed,
    Reversal,
    Reversed,
    Skip,
    Stays,
)
from syncer.rules import Filter, Rules, entry
from syncer.state.nothing import NoState
from tests.fakes import FakeClock, FakePlaylists, MemoryState, config, identifier, item, items, letters, pair, uri
from tests.running import service

HISTORY, UNDO = (jsonschema.Draft202012Validator(schema(name)) for name in ("history", "undo"))
WHY = HISTORY.evolve(schema={"$ref": "#/$defs/why", "$defs": schema("history")["$defs"]})
NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)


def landed(
    number: int, what: str, *, days: float = 0, name: str = "fresh-to-archive", state: AddState = AddState.LANDED
) -> Add:
    return Add(
        id=f"{number:03}",
        run_id=f"run-{number}",
        pair=name,
        target=identifier("archive"),
        at=NOON - timedelta(days=days),
        additions=tuple(Addition(item=one, source="liked") for one in items(what)),
        position=0,
        state=state,
    )


def kept(*adds: Add) -> MemoryState:
    state = MemoryState()
    for add in adds:
        state.sending(add)
    return state


# --- history ----------------------------------------------------------------------------------------------------------


def test_the_record_is_summed_up_by_pair_and_week_newest_first() -> None:
    state = kept(
        landed(1, "abc", days=14),
        landed(2, "d", days=6),  # a Monday
        landed(3, "ef", days=7),  # the Sunday before
        landed(4, "gh", state=AddState.UNDONE),
        landed(5, "i", name="another"),
        landed(6, "j", state=AddState.RELINKED),
        landed(7, "k", state=AddState.SENT),
    )

    told = recalling.history(state, limit=4)

    assert [(one.name, one.added, one.undone) for one in told.pairs] == [("another", 1, 0), ("fresh-to-archive", 7, 2)]
    assert [(week.monday, week.added, week.undone) for week in told.pairs[1].weeks] == [
        (date(2026, 11, 16), 2, 2),
        (date(2026, 11, 9), 2, 0),
        (date(2026, 11, 2), 3, 0),
    ]
    assert (told.added, told.undone) == (8, 2)
    assert letters([one.item for one in told.latest]) == "jigh"
    assert [one.undone for one in told.latest] == [False, False, True, True]


def test_a_week_is_one_of_utc_wherever_the_time_was_told() -> None:
    sunday_night = datetime.fromisoformat("2026-11-16T01:00:00+05:00")
    told = recalling.history(kept(replace(landed(1, "a"), at=sunday_night)), limit=9)
    assert told.pairs[0].weeks[0].monday == date(2026, 11, 9)
    HISTORY.validate(chronicle.history_as_json(told))
    assert chronicle.history_as_json(told)["latest"][0]["at"] == "2026-11-15T20:00:00Z"


def test_bars_are_as_long_as_their_numbers_and_none_vanishes() -> None:
    told = recalling.history(
        kept(landed(1, "abcdefgh"), landed(2, "i", days=7), landed(3, "j", days=14, state=AddState.UNDONE)), limit=0
    )
    assert [row[1:] for row in chronicle.week_rows(told, width=4, ink="#")] == [
        ("2026-11-16", "8", "####"),
        ("2026-11-09", "1", "#"),
        ("2026-11-02", "0", "(1 undone)"),
    ]
    assert [
        row[3]
        for row in chronicle.week_rows(
            recalling.history(kept(landed(1, "a"), landed(2, "b", state=AddState.UNDONE)), limit=0), width=2, ink="#"
        )
    ] == ["## (1 undone)"]


def test_the_latest_stand_under_their_run() -> None:
    told = recalling.history(kept(landed(1, "ab"), landed(2, "c", state=AddState.UNDONE)), limit=9)
    assert list(chronicle.latest_lines(told)) == [
        "2026-11-22 12:00 fresh-to-archive, run run-2, undone",
        "  - Anna: c",
        "2026-11-22 12:00 fresh-to-archive, run run-1",
        "  + Anna: a",
        "  + Anna: b",
    ]
    assert chronicle.totals(told) == "2 items added by 1 pair, 1 undone."


def test_history_can_be_of_one_pair() -> None:
    state = kept(landed(1, "ab"), landed(2, "c", name="another"))
    assert recalling.history(state, pair="another", limit=9).added == 1
    assert recalling.history(state, pair="nobody", limit=9).pairs == ()


def test_without_a_state_there_is_no_record() -> None:
    for ask in (
        lambda: recalling.history(NoState(), limit=1),
        lambda: recalling.why(config(pair("fresh", "archive")), NoState(), uri("a"), now=NOON),
    ):
        with pytest.raises(ConfigError, match="nothing is kept between runs"):
            ask()


# --- why --------------------------------------------------------------------------------------------------------------


class Desk:
    """What real runs left in the state; nothing else is asked."""

    def __init__(self, pairs: Config, **held: Sequence[str]) -> None:
        self.playlists = FakePlaylists(**held)
        self.config = pairs
        self.state = MemoryState()
        self.clock = FakeClock()

    def run(self) -> None:
        self.clock.elapsed += 3600
        service(self.playlists, state=self.state, clock=self.clock).run(self.config)

    def now(self, letter: str) -> list[tuple[str, Reason | None]]:
        before = len(self.playlists.reads)
        told = self.why(letter)
        assert len(self.playlists.reads) == before
        return [(now.pair, now.skip.reason if now.skip else None) for now in told.now]

    def why(self, letter: str) -> chronicle.Why:
        return recalling.why(self.config, self.state, uri(letter), now=self.clock.now())


def test_why_goes_by_what_was_read_last() -> None:
    desk = Desk(config(pair("fresh", "archive"), pair("fresh", "off", enabled=False)), fresh="abc", archive="b", off="")
    desk.run()

    assert desk.now("a") == [("fresh-to-archive", Reason.ALREADY_THERE)]  # by the run
    assert desk.now("b") == [("fresh-to-archive", Reason.ALREADY_THERE)]  # before it
    assert desk.now("x") == []
    told = desk.why("a")
    assert [(one.source, one.undone) for one in told.happened] == [(playlist_uri(identifier("fresh")), False)]
    assert told.item == item("a")
    WHY.validate(chronicle.why_as_json(told))


def test_why_knows_what_is_undone_what_stays_out_and_what_would_come() -> None:
    desk = Desk(config(pair("fresh", "archive", removed=Removed.STAY_OUT)), fresh="abc", archive="x")
    desk.run()
    run = next(iter(desk.state.record())).run_id
    desk.playlists.held[identifier("archive")].pop(1)
    desk.playlists.someone_adds("fresh", "d")
    desk.run()
    assert desk.now("a") == [("fresh-to-archive", Reason.TAKEN_OUT)]

    desk.clock.elapsed += 3600
    service(desk.playlists, state=desk.state, clock=desk.clock).undo(desk.config, Chosen(run=run))

    assert desk.now("b") == [("fresh-to-archive", Reason.TAKEN_OUT)]
    desk.config = config(pair("fresh", "elsewhere"))
    assert desk.now("d") == [("fresh-to-elsewhere", None)]


def test_what_was_never_seen_is_unknown_and_what_would_come_is_said() -> None:
    desk = Desk(config(pair("fresh", "archive")), fresh="a", archive="")
    desk.run()
    nothing = desk.why("x")
    assert nothing.item is None
    WHY.validate(chronicle.why_as_json(nothing))
    assert chronicle.why_as_json(nothing) == {"uri": uri("x"), "name": None, "artists": [], "added": [], "now": []}
    desk.config = config(pair("fresh", "elsewhere"))
    assert list(chronicle.why_lines(desk.why("a")))[-1] == ("  fresh-to-elsewhere would add it with the next run")


# --- undo and redo, as they are told ----------------------------------------------------------------------------------

LOST = Failure(code=Code.TEMPORARY, message="Spotify could not be reached", hint="wait")


def reversal(
    *parts: Reversed, action: Action = Action.UNDO, error: Failure | None = None, dry: bool = False
) -> Reversal:
    return Reversal(
        action=action,
        of="run-1",
        run_id="run-2",
        started_at=NOON,
        finished_at=NOON,
        dry_run=dry,
        parts=parts,
        error=error,
        requests={"spotify": 1, "accounts": 0},
    )


def part(name: str, **what: object) -> Reversed:
    return Reversed(pair=name, target=identifier("archive"), **what)  # type: ignore[arg-type] # a test that misspells one fails


def test_each_item_of_an_undo_is_told_once_and_each_trouble_too() -> None:
    told = chronicle.reversal_lines(
        reversal(
            part("one", done=items("ab"), already=items("c"), left=(Left(item=item("d"), reason=Stays.ADDED_AGAIN),)),
            part("two", deferred=2, unconfirmed=3, error=LOST),
            part("three", error=LOST),
            error=LOST,
        )
    )
    assert list(told) == [
        ("one: 2 taken out, 1 not there any more, 1 left", True),
        ("  left: Anna: d (it was added again since)", True),
        ("two: 0 taken out, 2 not reached, 3 unconfirmed", True),
        ("  Spotify could not be reached", True),
        ("  -> wait", True),
        ("three: 0 taken out", True),
    ]


def test_what_ended_all_of_it_is_told_where_no_pair_was_begun() -> None:
    assert list(chronicle.reversal_lines(reversal(error=LOST))) == [
        ("  Spotify could not be reached", True),
        ("  -> wait", True),
    ]


def test_what_would_go_is_named_as_far_as_one_can_read() -> None:
    many = tuple(Item(uri=None, name=str(number)) for number in range(chronicle.FEW + 2))
    lines = [line for line, _ in chronicle.reversal_lines(reversal(part("one", done=many), dry=True))]
    assert lines[0] == f"one: {len(many)} to take out"
    assert lines[1] == "  - 0"
    assert lines[-1] == "  … and 2 more"
    assert len(lines) == chronicle.FEW + 2


def test_what_is_not_too_many_to_read_is_named_in_full() -> None:
    lines = [line for line, _ in chronicle.reversal_lines(reversal(part("one", done=items("ab")), dry=True))]
    assert lines == ["one: 2 to take out", "  - Anna: a", "  - Anna: b"]


def test_what_a_reason_says_is_in_peoples_words() -> None:
    skip = Skip(item=item("a"), reason=Reason.TAKEN_OUT)
    now = chronicle.Now(pair="week", target="spotify:playlist:x", item=item("a"), skip=skip)
    lines = chronicle.why_lines(chronicle.Why(uri=uri("a"), happened=(), now=(now,)))
    assert list(lines) == [f"Anna: a ({uri('a')})", "  week would skip it now: taken out"]


def test_why_goes_by_the_rules_of_each_pair_and_says_all_of_the_reason() -> None:
    rules = Rules(exclude=Filter(title=(entry("a"),)), never=(identifier("ban"),), first=2)
    desk = Desk(config(pair("fresh", "archive", rules=rules)), fresh="abcde", ban="b", archive="")
    desk.run()

    (now,) = desk.why("a").now
    assert now.skip == Skip(item=item("a"), reason=Reason.EXCLUDED, detail="the title contains 'a'")
    told = chronicle.why_as_json(desk.why("e"))
    WHY.validate(told)
    assert told["now"][0]["detail"] == "not among the first 2"
    assert list(chronicle.why_lines(desk.why("b")))[-1] == "  fresh-to-archive would skip it now: in never list"
    assert desk.now("c") == [("fresh-to-archive", Reason.ALREADY_THERE)]


def test_why_names_what_an_item_is_the_same_as_though_its_source_does_not_say() -> None:
    """What was once asked for is known."""
    desk = Desk(config(pair("album:moon", "archive", match=Match.RECORDING)))
    one, other = (replace(item(letter), isrc="USABC2600001") for letter in "ab")
    desk.playlists.full = {uri("a"): one, uri("b"): other}
    desk.playlists.albums["moon"] = "a"
    desk.playlists.held[identifier("archive")] = [other]
    desk.run()

    assert desk.now("a") == [("album-moon-to-archive", Reason.ALREADY_THERE)]
    told = chronicle.why_as_json(desk.why("a"))
    WHY.validate(told)
    assert told["now"][0]["equals"] == {"uri": uri("b"), "name": "b", "artists": ["Anna"]}


def test_why_does_without_a_never_list_that_nobody_has_read() -> None:
    desk = Desk(config(pair("fresh", "archive")), fresh="a", archive="a")
    desk.run()
    desk.config = config(pair("fresh", "archive", rules=Rules(never=(identifier("ban"),))))
    assert desk.now("a") == [("fresh-to-archive", Reason.ALREADY_THERE)]


def test_a_redo_has_its_own_words() -> None:
    told = chronicle.reversal_lines(reversal(part("one", done=items("a"), already=items("b")), action=Action.REDO))
    assert list(told) == [("one: 1 added again, 1 there anyway", False)]


def test_a_reversal_is_whole_as_json() -> None:
    left = Left(item=item("d"), reason=Stays.THERE_TWICE)
    told = chronicle.reversal_as_json(reversal(part("one", done=items("a"), left=(left,), error=LOST)))
    UNDO.validate(told)
    assert (told["ok"], told["exit_code"], told["of"], told["action"]) == (False, 4, "run-1", "undo")
    (one,) = told["pairs"]
    assert one["done"] == [{"uri": uri("a"), "name": "a", "artists": ["Anna"]}]
    assert one["left"] == [{"uri": uri("d"), "name": "d", "artists": ["Anna"], "reason": "there-twice"}]
    assert one["error"] == {"code": "temporary", "message": LOST.message, "hint": "wait"}


def test_the_schemas_hold_and_know_every_reason_to_leave_something() -> None:
    for name in ("history", "undo"):
        jsonschema.Draft202012Validator.check_schema(schema(name))
    left = schema("undo")["$defs"]["pair"]["properties"]["left"]["items"]["properties"]
    assert left["reason"]["enum"] == list(Stays)
