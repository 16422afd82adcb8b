"""Small scenes of what only one mistake in our code would spoil; ``make sabotage`` makes those mistakes."""

from collections.abc import Sequence
from dataclasses import replace

import pytest

from syncer.model import Pair, Status
from syncer.report import exit_code
from syncer.sandbox import Edit, Fault, SandboxServer, World, track
from syncer.spotify.wire import Limits
from tests.promise import checks, scenes
from tests.promise.faults import ADD, FAULTS, ITEMS
from tests.promise.harness import Trial
from tests.spotify.wiring import Wired, pair


def items_of(playlist: str) -> str:
    return ITEMS.replace("*", playlist)


def source_of(one: Pair) -> str:
    return str(one.sources[0]).rsplit(":", 1)[-1]


def long_target(world: World) -> Sequence[Pair]:
    """Return a pair whose source has what stands where the second page of its target ends."""
    archived = [track(number, "archive") for number in range(110)]
    source = world.playlist("source", items=[*archived[66:73], track(0, "new")])
    return [pair(source, world.playlist("target", items=archived))]


def long_source(world: World) -> Sequence[Pair]:
    """Return a pair whose source takes two pages behind what its head brings along."""
    source = world.playlist("source", items=[track(number, "s") for number in range(100)])
    return [pair(source, world.playlist("target"))]


@pytest.mark.parametrize("place", [0, 20, 49])
@pytest.mark.parametrize("seed", range(4))
def test_an_entry_that_slides_from_one_page_to_the_one_before_is_not_added_again(place: int, seed: int) -> None:
    """P7: someone removes one entry and adds another while we page, so that the total says nothing."""
    trial = Trial(long_target, seed=seed)
    target = trial.pairs[0].target
    theirs = Edit(playlist=target, add=(track(1, "of theirs").uri,), remove=place)
    trial.world.inject(Fault(kind="edit", method="GET", path=items_of(target), after=1, edits=(theirs,)))
    trial.run()

    checks.nothing_is_doubled(trial)
    checks.check(trial, undisturbed=False)


def test_a_playlist_that_changed_is_read_again() -> None:
    """The cache only ever saves requests."""
    trial = Trial(scenes.small)
    trial.run()
    trial.world.add(trial.world.playlists[source_of(trial.pairs[0])], [track(1, "news")])

    checks.check(trial)


@pytest.mark.parametrize("seconds", [1, 20, 44])
def test_an_add_that_takes_effect_late_is_not_sent_again_by_a_run_that_comes_soon(seconds: float) -> None:
    """N5."""
    trial = Trial(scenes.small)
    trial.world.inject(Fault(kind="late", seconds=seconds, **ADD))
    trial.run()
    trial.later(1)
    trial.run()
    trial.later(60)

    checks.nothing_is_doubled(trial)
    checks.check(trial)


def test_a_run_that_is_killed_while_its_add_is_on_its_way_is_not_repeated_by_the_next() -> None:
    """R3."""
    for step in range(20):
        trial = Trial(scenes.small)
        trial.world.inject(Fault(kind="late", seconds=20, **ADD))
        trial.run(kill_at=step)
        trial.later(1)
        trial.run()
        trial.later(60)

        checks.nothing_is_doubled(trial)


def test_an_add_that_never_took_effect_is_not_counted() -> None:
    """N4, I9."""
    trial = Trial(scenes.small)
    trial.world.inject(replace(FAULTS["N4 500, not carried out"], **ADD))
    report = trial.run()

    checks.nothing_is_said_to_be_added_that_was_not(trial)
    assert report is not None
    assert [one.status for one in report.outcomes] == [Status.PARTIAL]
    checks.check(trial)


def test_pairs_with_one_target_do_not_repeat_each_other_though_reads_are_late() -> None:
    """P10, A2."""
    trial = Trial(scenes.shared)
    trial.world.inject(replace(FAULTS["A2 late reads"], times=None))
    trial.run()

    checks.nothing_is_doubled(trial)
    checks.check(trial)


@pytest.mark.parametrize("name", ["N4 500, not carried out", "N7 empty body", "N7 page of HTML", "N9 503"])
def test_a_source_of_which_one_page_cannot_be_read_is_not_taken_for_a_short_one(name: str) -> None:
    """N7: nothing is added, and the report says why."""
    trial = Trial(long_source)
    path = items_of(source_of(trial.pairs[0]))
    trial.world.inject(replace(FAULTS[name], method="GET", path=path, after=1, times=None))
    report = trial.run()

    assert report is not None
    assert exit_code(report) != 0, "a page that could not be read was taken for the end"
    assert not trial.our_adds()
    checks.check(trial)


def test_a_pair_whose_source_is_gone_leaves_the_others_alone() -> None:
    """I7: one playlist that is gone is no reason to end a run, not even one that is reported."""
    trial = Trial(scenes.apart)
    path = f"/v1/playlists/{source_of(trial.pairs[0])}"
    trial.world.inject(Fault(kind="status", status=404, path=path, times=None))
    report = trial.run()

    assert report is not None
    assert [one.status for one in report.outcomes] == [Status.FAILED, Status.ADDED, Status.ADDED]
    checks.check(trial)


def test_a_new_sign_in_is_kept_before_the_first_request_that_uses_it() -> None:
    """T4: whoever is killed after that leaves a sign-in that works, though Spotify has ended the old one."""
    for step in range(2, 14):  # the first two are the sides of the token call
        trial = Trial(scenes.small)
        trial.world.inject(Fault(kind="rotate-and-revoke", method="POST", path="/api/token"))
        assert trial.run(kill_at=step) is None
        trial.world.access_tokens.clear()
        trial.later(100)
        report = trial.run()

        assert report is not None
        assert exit_code(report) == 0, "the new sign-in died with the process"
        checks.check(trial)


@pytest.mark.parametrize("deadline", [60, 90, 120, 150])
def test_a_run_that_gets_slow_in_the_middle_of_a_pair_still_ends_in_time(deadline: float) -> None:
    """R1: one pair takes several requests, and each of them 14 s."""
    trial = Trial(scenes.apart)
    trial.latency = 14
    trial.run(deadline=deadline)

    checks.check(trial)


def test_nothing_below_us_repeats_an_add() -> None:
    """N3: over real HTTP, so that the libraries get their turn."""
    with SandboxServer(world := World()) as server:
        wired = Wired(world=world, server=lambda _world: server, limits=Limits(connect=2, read=2, send=2, whole=5))
        source = world.playlist("source", items=[track(number, "s") for number in range(3)])
        target = world.playlist("target")
        world.inject(replace(FAULTS["N3 502, carried out"], times=1, **ADD))
        report = wired.run(pair(source, target))
        wired.wire.hang_up()

    assert len([call for call in world.calls if call.uris]) == 1, "an add was repeated"
    assert target.uris == source.uris
    assert report.outcomes[0].status is Status.ADDED
