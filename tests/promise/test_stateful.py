"""Whatever people, Spotify, the disk and the system do, in any order that hypothesis thinks of."""

from dataclasses import replace

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from syncer.report import exit_code
from syncer.sandbox import Media, Playlist, track
from tests.promise import checks, scenes
from tests.promise.faults import FAULTS, among_others
from tests.promise.harness import Act, Scene, Trial, kill

STEPS = st.integers(0, 60)
NAMES = st.sampled_from([name for name in FAULTS if name != "P11 relinked"])


class Life(RuleBasedStateMachine):
    """One world. Afterwards everything is healed, and must be as promised."""

    @initialize(scene=st.sampled_from([scenes.small, scenes.apart, scenes.shared]))
    def begin(self, scene: Scene) -> None:
        self.trial = Trial(scene)
        self.acts: dict[int, Act] = {}
        self.serial = 0

    # --- what a run meets ---

    @rule(name=NAMES, after=st.integers(0, 20), times=st.sampled_from([1, 2, None]))
    def something_goes_wrong(self, name: str, after: int, times: int | None) -> None:
        self.trial.world.inject(replace(among_others(FAULTS[name]), after=after, times=times))

    @rule(step=STEPS)
    def it_will_be_killed(self, step: int) -> None:
        self.acts[step] = kill

    @rule(step=STEPS)
    def it_will_be_asked_to_stop(self, step: int) -> None:
        self.acts[step] = self.trial.stop

    @rule(step=STEPS)
    def another_will_come(self, step: int) -> None:
        self.acts[step] = self._intrude

    def _intrude(self) -> None:
        if self.trial.state.is_locked:
            assert exit_code(self.trial.intrude()) == 6

    @rule(step=STEPS)
    def somebody_will_add(self, step: int) -> None:
        self.acts[step] = self.somebody_adds_to_a_target

    @rule(left=st.integers(0, 15))
    def the_disk_will_fail(self, left: int) -> None:
        calls = iter(range(left))
        self.trial.state.fails = lambda: next(calls, None) is None

    @rule(deadline=st.sampled_from([None, None, 3, 60, 120]), latency=st.sampled_from([0, 0.5, 5]))
    def it_runs(self, deadline: float | None, latency: float) -> None:
        self.trial.latency = latency
        self.trial.run(at=self.acts, deadline=deadline)
        self.acts = {}

    @rule()
    def it_plans(self) -> None:
        self.trial.plan()

    # --- what happens between runs ---

    @rule(seconds=st.sampled_from([1, 20, 44, 100, 5000]))
    def time_passes(self, seconds: float) -> None:
        self.trial.later(seconds)

    @rule(seconds=st.sampled_from([-86_400, -60, 3600]))
    def the_clock_is_set(self, seconds: float) -> None:
        self.trial.later(100)  # no run within W: see N14 in schedule.py
        self.trial.jump(seconds)
        self.trial.later(100)

    @rule()
    def the_state_is_found_torn(self) -> None:
        self.trial.tear()

    @rule()
    def the_sign_in_ends(self) -> None:
        self.trial.wired.sign_in.revoked = True
        self.trial.world.access_tokens.clear()

    @rule()
    def somebody_signs_in(self) -> None:
        self.trial.sign_in()

    @rule()
    def a_source_gets_news(self) -> None:
        for pair in self.trial.pairs[:1]:
            self.trial.world.add(self._playlist(str(pair.sources[0])), [self._new()])

    @rule()
    def somebody_adds_to_a_target(self) -> None:
        self.trial.world.add(self._playlist(self.trial.pairs[-1].target), [self._new()])

    @rule(place=st.integers(0, 9))
    def somebody_removes_from_a_target(self, place: int) -> None:
        playlist = self._playlist(self.trial.pairs[0].target)
        if place < len(playlist.entries):
            self.trial.later(100)  # in the seconds after an add of ours it could be taken for relinking (P11)
            self.trial.world.remove_at(playlist, place)
            self.trial.later(100)

    def _playlist(self, uri: str) -> Playlist:
        return self.trial.world.playlists[uri.rsplit(":", 1)[-1]]

    def _new(self) -> Media:
        self.serial += 1
        return track(self.serial, "news")

    @rule()
    def all_is_mended(self) -> None:
        self.trial.heal()

    # --- what must hold ---

    @invariant()
    def everything_holds(self) -> None:
        if hasattr(self, "trial"):
            for holds in checks.ALWAYS:
                holds(self.trial)

    def teardown(self) -> None:
        if hasattr(self, "trial"):
            self.trial.outlast()
            checks.check(self.trial, undisturbed=False)


Life.TestCase.settings = settings(
    max_examples=250,
    stateful_step_count=20,
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=list(HealthCheck),
)
TestLife = Life.TestCase
