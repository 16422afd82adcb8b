"""Targets that are made and that roll over: whatever happens, never two of one name, nothing doubled, nothing lost."""

import json
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import combinations, count
from typing import Any

import pytest
import requests

from syncer.ids import PlaylistId
from syncer.model import NewTarget, Pair, Position, Report
from syncer.report import as_json, exit_code
from syncer.sandbox import Change, Fault, Playlist, World, track
from syncer.state.nothing import NoState
from tests.promise import checks, scenes
from tests.promise.disk import Disk
from tests.promise.faults import FAULTS, TELLING, among_others
from tests.promise.harness import LONG, Process, Scene, Sent, Told, Trial, W

LIMIT = 4
"""Items that a playlist may grow to here."""
NAME = "Archive"
CREATE = "/v1/me/playlists"
READ_BACK = (
    checks.the_note_is_kept_before_the_first_byte,
    checks.after_a_doubt_a_whole_read_comes_first,
    checks.nothing_is_sent_again_but_what_was_refused,
    checks.no_request_after_the_end,
    checks.no_request_before_its_time,
    checks.waiting_has_its_limit,
    checks.a_dry_run_only_reads,
)
"""What holds of these as of any other."""


def made(name: str, source: Playlist) -> Pair:
    """Return the pair of *source* and a target that is to be made."""
    one = scenes.pair(name, source, source)
    return replace(one, target=PlaylistId(""), create=NewTarget(pattern=NAME), roll_over=True)


def one(world: World) -> Sequence[Pair]:
    """Return the least that makes a target."""
    return [made("only", world.playlist("source", items=[track(number, "s") for number in range(3)]))]


def shared(world: World) -> Sequence[Pair]:
    """Return two pairs into one target that is made and grows over two more, with something between them the same."""
    first = world.playlist("first", items=[track(number, "s") for number in range(6)])
    second = world.playlist("second", items=[track(number, "s") for number in range(4, 10)])
    return [made("a", first), made("b", second)]


def rolling(world: World) -> Sequence[Pair]:
    """Return a pair that fills up a playlist of a person's, and then another one."""
    source = world.playlist("source", items=[track(number, "s") for number in range(7)])
    target = world.playlist(NAME, items=[track(0, "old"), track(1, "s")])
    return [replace(scenes.pair("only", source, target), roll_over=True)]


def at_start(world: World) -> Sequence[Pair]:
    """Return the same with the newest on top."""
    return [replace(pair, position=Position.START) for pair in rolling(world)]


SCENES: Sequence[Scene] = (one, shared, rolling, at_start)


class Story(Trial):
    """A trial that knows what was made."""

    def __init__(self, scene: Scene, **options: Any) -> None:
        super().__init__(scene, limit=LIMIT, **options)
        self.unnoted: list[str] = []
        """The names of playlists that were sent to be made without a note of it."""

    def _is_noted(self, request: requests.PreparedRequest) -> bool:
        if request.method == "POST" and str(request.url).endswith("me/playlists"):
            name = json.loads(request.body or "{}")["name"]
            kept = NoState.volumes(self.state, "default", self.series)
            if not any(volume.name == name and volume.playlist is None for volume in kept):
                self.unnoted.append(name)
        return super()._is_noted(request)

    @property
    def series(self) -> str:
        return f"spotify:playlist:{self.pairs[0].target}" if self.pairs[0].target else NAME

    @property
    def made(self) -> list[Playlist]:
        """The playlists that we made, in order."""
        made = [change for change in self.world.changes if change.kind == "create"]
        assert all(change.by in self.us for change in made)
        return [self.world.playlists[change.playlist] for change in made]

    @property
    def volumes(self) -> list[Playlist]:
        """All that the target is made of, in order."""
        first = self.pairs[0].target
        return [*([self.world.playlists[first]] if first else []), *self.made]

    def lose_state(self) -> None:
        """Have the state gone, and nobody know it."""
        self.state = Disk()
        self.state.step = self._step
        self.torn.append(self.clock.elapsed)

    # --- what must hold ---

    def check(self) -> None:
        """Heal everything, let time pass, and see that all is as promised."""
        self.heal()
        self.later(LONG)
        self.outlast()
        checks.a_clean_run_is_the_last_that_adds(self)
        self.check_always()
        self.check_volumes()

    def check_always(self) -> None:
        """See what must hold at any time."""
        assert not self.unnoted, "a playlist was sent to be made without a note of it"
        names = Counter(playlist.name for playlist in self.volumes)
        assert max(names.values(), default=0) <= 1, f"two of one name: {names}"
        self._check_changes()
        self._check_doubts()
        for process in self.processes:
            self._check_report(process)
        for holds in READ_BACK:
            holds(self)

    def _check_changes(self) -> None:
        """I1, I3, I6: nothing but appends to what the target is made of, each item once over all of it."""
        ours = {playlist.id for playlist in self.volumes}
        added: Counter[str | None] = Counter()
        for change, before, after in checks.states(self):
            if change.by in self.us:
                assert change.kind in ("add", "create")
                assert change.playlist in ours
                assert len(after) <= LIMIT
                starts = self.pairs[0].position is Position.START
                assert after == ((*change.uris, *before) if starts else (*before, *change.uris))
                added.update(change.uris)
        for target, old in self.old.items():
            assert not added.keys() & set(old), f"added to {target} what was there"
        assert max(added.values(), default=0) <= 1, "doubled"

    def _check_doubts(self) -> None:
        """After an unclear answer none of that name is sent to be made before a look at the library W later."""
        doubtful: dict[str, float] = {}
        for process in self.processes:
            since = dict.fromkeys(doubtful, process.began)
            for sent in process.sent:
                if sent.call.path == CREATE and sent.call.method == "GET" and "offset=0" in sent.call.query:
                    for shown in [name for name, began in since.items() if sent.began >= began + W - checks.TICK]:
                        del since[shown], doubtful[shown]
                if made := self._name_in(sent):
                    assert made not in doubtful, "made on a doubt"
                    if sent.told is Told.UNCLEAR or (process.killed and sent is process.sent[-1]):
                        doubtful[made] = since[made] = sent.ended

    def _name_in(self, sent: Sent) -> str | None:
        if (sent.call.method, sent.call.path) != ("POST", CREATE):
            return None
        changes = self.world.history[sent.place : sent.place + 2]
        made = [change.playlist for change in changes if isinstance(change, Change) and change.kind == "create"]
        return self.world.playlists[made[0]].name if made else None

    def _check_report(self, process: Process) -> None:
        if process.report is None or process.dry_run:
            return
        told = as_json(process.report)
        assert [pair["name"] for pair in told["pairs"]] == [pair.name for pair in self.pairs]
        assert "bug" not in {pair["error"]["code"] for pair in told["pairs"] if pair["error"]}
        for pair, outcome in zip(told["pairs"], process.report.outcomes, strict=True):
            assert pair["target"].startswith(("spotify:playlist:", "create:"))
            counted = pair["added"] + pair["deferred"] + pair["unconfirmed"] + len(outcome.rejected)
            assert pair["planned"] == counted, pair
        landed = {uri for sent in process.adds if sent.told is Told.DONE for uri in sent.call.uris}
        reported = {item["uri"] for pair in told["pairs"] for item in pair["items"]}
        assert landed <= reported or any(pair["unconfirmed"] for pair in told["pairs"])

    def check_volumes(self) -> None:
        """I2, over all that the target is made of; each is full before the next is begun."""
        held = [list(playlist.uris) for playlist in self.volumes]
        assert all(len(uris) == LIMIT for uris in held[:-1]), "one was begun before the one before was full"
        starts = self.pairs[0].position is Position.START
        there = [uri for uris in (held[::-1] if starts else held) for uri in uris]
        old = list(self.old.get(self.pairs[0].target, ()))
        rest = [uri for uri in there if uri not in old]
        wanted = [
            uri for pair in self.pairs for _, source in pair.reads for uri in self.held(str(source).split(":")[2])
        ]
        news = [uri for uri in dict.fromkeys(wanted) if uri not in old]
        assert sorted(map(str, rest)) == sorted(map(str, news)), "not all that is new, or more"
        rejected = any(one.rejected for report in self.reports for one in report.outcomes)  # it comes later, if at all
        if len(self.pairs) == 1 and not rejected:
            assert rest == news, "not in the order of the source"

    def recover(self, gap: float) -> None:
        """Run again *gap* seconds after trouble that lasts, run again without it, and check what is left."""
        self.later(gap)
        self.run()
        self.heal()
        self.run()
        self.check()


def counted(scene: Scene) -> int:
    """Return how many requests it takes without trouble."""
    story = Story(scene)
    story.run()
    return len(story.processes[0].sent)


def steps(scene: Scene) -> int:
    story = Story(scene)
    story.run()
    return story.steps


# --- without trouble --------------------------------------------------------------------------------------------------


NAMES: dict[Scene, list[str]] = {
    one: [NAME],
    shared: [NAME, f"{NAME} 2", f"{NAME} 3"],
    rolling: [f"{NAME} 2"],
    at_start: [f"{NAME} 2"],
}


@pytest.mark.parametrize("scene", SCENES)
def test_without_trouble_all_of_it_is_made_in_one_run(scene: Scene) -> None:
    story = Story(scene)
    report = story.run()

    assert report is not None
    assert exit_code(report) == 0
    assert [playlist.name for playlist in story.made] == NAMES[scene]
    story.check()


@pytest.mark.parametrize("scene", SCENES)
def test_a_plan_only_reads_and_is_what_a_run_adds(scene: Scene) -> None:
    story = Story(scene)
    planned, ran = story.plan(), story.run()

    assert planned is not None
    assert ran is not None
    checks.a_run_adds_what_was_planned(planned, ran)
    story.check()


# --- one fault --------------------------------------------------------------------------------------------------------

CASES = [(name, 1) for name in FAULTS] + [(name, None) for name in TELLING]
RELINKS = [name for name in FAULTS if FAULTS[name].kind == "relink"]


@pytest.mark.parametrize("scene", [shared, at_start])
@pytest.mark.parametrize(("name", "times"), [case for case in CASES if case[0] not in RELINKS])
def test_no_fault_anywhere_makes_two_or_doubles_or_loses_anything(scene: Scene, name: str, times: int | None) -> None:
    for place in range(counted(scene)):
        story = Story(scene)
        story.world.inject(replace(FAULTS[name], after=place, times=times))
        story.run()
        story.recover(1)


@pytest.mark.parametrize("applied", [True, False], ids=["carried out", "not carried out"])
def test_an_answer_to_a_creation_may_end_at_any_byte(*, applied: bool) -> None:
    for byte in range(0, 800, 7):
        story = Story(rolling)
        story.world.inject(Fault(kind="close", at_byte=byte, applied=applied, method="POST", path=CREATE))
        story.run()
        story.recover(1)


@pytest.mark.parametrize("scene", [one, rolling])
def test_a_late_creation_is_never_made_twice_for_any_delay_below_w(scene: Scene) -> None:
    for delay in range(1, 45):
        story = Story(scene)
        story.world.inject(Fault(kind="late", seconds=delay, method="POST", path=CREATE))
        story.run()
        story.recover(1)


@pytest.mark.parametrize("first", TELLING)
@pytest.mark.parametrize("second", TELLING)
def test_no_two_faults_make_two(first: str, second: str) -> None:
    for early, late in combinations(range(1, 5), 2):
        story = Story(one)
        story.world.inject(replace(among_others(FAULTS[first]), after=early))
        story.world.inject(replace(among_others(FAULTS[second]), after=late))
        story.run()
        story.recover(1)


# --- ends of all kinds ------------------------------------------------------------------------------------------------


def killed_anywhere(scene: Scene, *faults: Fault) -> Iterator[Story]:
    """Yield a story that was killed at each of its steps."""
    for step in count():
        story = Story(scene)
        for fault in faults:
            story.world.inject(fault)
        if story.run(kill_at=step) is not None:
            assert step > 15
            return
        yield story


LATE = replace(FAULTS["A2 late reads"], times=None)


@pytest.mark.parametrize("gap", [1, 44, 100])
@pytest.mark.parametrize("scene", SCENES)
def test_a_process_may_be_killed_at_any_step(scene: Scene, gap: float) -> None:
    for story in killed_anywhere(scene):
        story.recover(gap)


@pytest.mark.parametrize("gap", [1, 44])
@pytest.mark.parametrize("scene", SCENES)
def test_a_process_may_be_killed_at_any_step_though_reads_are_late(scene: Scene, gap: float) -> None:
    """A2: what was made does not show for almost W, not in the library and not by itself."""
    for story in killed_anywhere(scene, LATE):
        story.recover(gap)


@pytest.mark.parametrize("gap", [1, 20])
@pytest.mark.parametrize("scene", [one, rolling])
def test_a_process_may_be_killed_while_what_it_makes_is_on_its_way(scene: Scene, gap: float) -> None:
    for story in killed_anywhere(scene, Fault(kind="late", seconds=20, method="POST", path=CREATE)):
        story.recover(gap)


@pytest.mark.parametrize("part", range(3))
def test_two_processes_in_a_row_may_be_killed_at_any_step(part: int) -> None:
    for first in range(part, steps(one), 3):
        for second in count():
            story = Story(one)
            story.run(kill_at=first)
            story.later(1)
            if story.run(kill_at=second) is not None:
                break
            story.recover(1)


@pytest.mark.parametrize("scene", SCENES)
def test_a_process_may_be_asked_to_stop_at_any_step(scene: Scene) -> None:
    for step in range(steps(scene)):
        story = Story(scene)
        report: Report | None = story.run(at={step: story.stop})
        assert report is not None
        assert exit_code(report) in (0, 130)
        story.recover(1)


@pytest.mark.parametrize("latency", [4, 14])
@pytest.mark.parametrize("name", [None, "N5 carried out 20 s later"])
def test_the_report_is_out_before_any_deadline(latency: float, name: str | None) -> None:
    for deadline in range(3, 240, 3):
        story = Story(rolling)
        story.latency = latency
        if name:
            story.world.inject(replace(FAULTS[name], method="POST", path=CREATE))
        assert story.run(deadline=deadline) is not None
        story.recover(1)


# --- the disk ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("lasting", [True, False], ids=["from then on", "once"])
@pytest.mark.parametrize("scene", [one, shared, rolling])
def test_the_disk_may_fail_at_any_call(scene: Scene, *, lasting: bool) -> None:
    """R6: nothing is made without a durable note."""
    met = True
    for place in count():
        if not met:
            break
        story, left, met = Story(scene), place, False

        def fails() -> bool:
            nonlocal left, met
            left -= 1
            met |= left < 0
            return left < 0 if lasting else left == -1

        story.state.fails = fails
        story.run()
        story.recover(1)
    assert place > 15


@pytest.mark.parametrize("gap", [1, 44])
@pytest.mark.parametrize("scene", SCENES)
def test_the_state_may_be_found_torn_after_a_kill_at_any_step(scene: Scene, gap: float) -> None:
    """R6: what may have been made without a note that is left of it has its time to show."""
    for story in killed_anywhere(scene, LATE):
        story.tear()
        story.recover(gap)


@pytest.mark.parametrize("scene", SCENES)
def test_the_state_may_be_lost_once_all_has_settled(scene: Scene) -> None:
    for story in killed_anywhere(scene):
        story.lose_state()
        story.later(2 * W)
        story.recover(1)
