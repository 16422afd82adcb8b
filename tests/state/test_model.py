"""Whatever is asked of the SQLite file in whatever order, it answers as a few dictionaries would."""

import tempfile
from pathlib import Path

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from syncer.model import Add, AddState, NotBefore, Volume
from syncer.state.sqlite import SqliteState
from tests.fakes import FakeClock, identifier
from tests.state.words import NOON, UNTIL, at, landed, noise, sent, uris, volume

TARGETS = ("archive", "other")
LETTERS = "abc"
CLIENTS = st.sampled_from(["app", "other"])


class StateMachine(RuleBasedStateMachine):
    """The file, opened anew at any time, beside what it should hold."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = tempfile.TemporaryDirectory()
        self.minute = 0
        self.sent: dict[int, str] = {}
        self.kept: dict[int, Add] = {}
        self.limits: dict[str, NotBefore] = {}
        self.pair: str | None = None
        self.volumes: dict[int, Volume] = {}
        self.cache: dict[str, bytes] = {}
        self.open_anew()

    @rule()
    def open_anew(self) -> None:
        self.store = SqliteState(Path(self.folder.name) / "state.sqlite3", FakeClock().now)

    @rule()
    def run_through(self) -> None:
        with self.store.lock("run", now=NOON, until=UNTIL):
            pass

    @rule(target_word=st.sampled_from(TARGETS))
    def send(self, target_word: str) -> None:
        self.minute += 1
        self.store.sending(sent(self.minute, LETTERS, target_word))
        self.sent[self.minute] = target_word
        self.kept[self.minute] = sent(self.minute, LETTERS, target_word)

    @precondition(lambda self: self.sent)
    @rule(
        data=st.data(),
        of_it=st.sampled_from(["", "a", "bc", "cab"]),
        state=st.sampled_from([AddState.LANDED, AddState.RELINKED]),
    )
    def settle(self, data: st.DataObject, of_it: str, state: AddState) -> None:
        minute = data.draw(st.sampled_from(sorted(self.sent)))
        word = self.sent[minute]
        self.store.settle(sent(minute, LETTERS, word), landed=uris(of_it), state=state)
        self.kept.pop(minute, None)
        if of_it:
            self.kept[minute] = landed(minute, "".join(sorted(of_it)), word, state)

    @rule(client=CLIENTS, minute=st.integers(-5, 5), quota=st.booleans())
    def wait(self, client: str, minute: int, quota: bool) -> None:  # noqa: FBT001 - hypothesis passes by name
        wish = NotBefore(at=at(minute), quota=quota)
        self.store.wait(client, wish)
        self.limits[client] = max(wish, self.limits.get(client, wish), key=lambda one: one.at)

    @rule(pair=st.none() | st.sampled_from(["week", "fresh"]))
    def stop(self, pair: str | None) -> None:
        self.store.stopped_at(pair)
        self.pair = pair

    @rule(number=st.integers(1, 3), made=st.none() | st.sampled_from(TARGETS))
    def make(self, number: int, made: str | None) -> None:
        self.volumes[number] = volume(number, made=made)
        self.store.keep_volume(self.volumes[number])

    @rule(number=st.integers(1, 3))
    def make_not(self, number: int) -> None:
        self.store.forget_volume(volume(number))
        self.volumes.pop(number, None)

    @rule(name=CLIENTS, size=st.sampled_from([0, 10, 5_000, 50_000]), seed=st.integers(0, 9))
    def keep_in_the_cache(self, name: str, size: int, seed: int) -> None:
        self.store.cache(name, noise(size, seed))
        self.cache[name] = noise(size, seed)

    @rule(word=st.sampled_from(TARGETS), ago=st.integers(0, 9))
    def ask_for_adds(self, word: str, ago: int) -> None:
        since = at(self.minute - ago)
        assert self.store.adds(identifier(word), since=since) == tuple(
            add
            for _, add in sorted(self.kept.items())
            if add.target == identifier(word) and (add.state is not AddState.LANDED or add.at >= since)
        )

    @invariant()
    def the_rest_is_as_it_should_be(self) -> None:
        expected = [add for _, add in sorted(self.kept.items(), reverse=True) if add.state is not AddState.SENT]
        assert list(self.store.record()) == expected
        assert {client: self.store.not_before(client) for client in self.limits} == self.limits
        assert self.store.resume_at() == self.pair
        assert self.store.volumes("default", "Archive") == tuple(one for _, one in sorted(self.volumes.items()))
        assert [self.store.cached(name) for name in ("app", "other")] == list(map(self.cache.get, ("app", "other")))

    def teardown(self) -> None:
        self.folder.cleanup()


TestStateMachine = StateMachine.TestCase
TestStateMachine.settings = settings(max_examples=15, stateful_step_count=20, deadline=None)
