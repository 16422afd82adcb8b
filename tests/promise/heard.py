"""What must hold of what passes by: a play that was shown to us once is not lost (fault model §8, I2)."""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import timedelta
from typing import Final

from syncer.diary import KEPT, ROUNDS
from syncer.model import Pair, Play, Queue, RecentlyPlayed
from tests.promise.harness import Process, Trial, diary_of
from tests.promise.sources import Read, is_from

Diaries = Mapping[str, Sequence[Play]]

LOOKS: Final = ROUNDS
"""Requests that one look at what passes by may take."""


def written(diaries: Diaries, read: Read) -> tuple[str | None, ...]:
    """Return what is written down of a source that passes by; nothing of any other."""
    if not isinstance(read[1], RecentlyPlayed | Queue):
        return ()
    context = read[1].context if isinstance(read[1], RecentlyPlayed) else None  # a queue has a diary of its own
    return tuple(play.item.uri for play in diaries.get(diary_of(read), ()) if is_from(play.context, context))


def lasting(process: Process, read: Read) -> set[str | None]:
    """Return what *process* found written down of a source, and was not to let go of for its age."""
    kept = {name: _lasting(plays, process) for name, plays in process.diaries.items()}
    return set(written(kept, read))


def _lasting(plays: Sequence[Play], process: Process) -> list[Play]:
    return [play for play in plays if play.at >= process.clock - KEPT + timedelta(days=1)]


def is_in_order(trial: Trial, pair: Pair) -> bool:
    """Whether all that *pair* ever read passed by once, and is still written down in that order."""
    kept = not trial.torn and trial.clock.elapsed < KEPT.total_seconds()
    return kept and len(pair.reads) == 1 and pair.reads[0] in trial.heard


def what_was_written_down_stays(trial: Trial) -> None:
    """Whatever ends a run, and whatever fails: only age and a torn state take anything out of a diary."""
    for process, after in _in_turn(trial):
        for name, plays in process.diaries.items():
            kept = {(play.at, play.item.uri) for play in after[name]}
            lost = [play for play in _lasting(plays, process) if (play.at, play.item.uri) not in kept]
            assert not lost, f"{len(lost)} were written down and are not any more"


def what_was_shown_is_written_down(trial: Trial) -> None:
    """Before the run does anything else that may fail; one that is killed, or whose disk fails, may not get to it."""
    for process, after in _in_turn(trial):
        for name, uris in process.shown:
            if not (process.killed or process.disk_failed):
                assert uris <= {play.item.uri for play in after[name]}, "what was shown was not written down"


def plays_are_only_missed_with_a_word(trial: Trial) -> None:
    """Between two looks there are no gaps but those that Spotify leaves, and the report tells of these."""
    for process, after in _in_turn(trial):
        for account in dict.fromkeys(account for account, source in trial.heard if isinstance(source, RecentlyPlayed)):
            name = f"{account} recently_played"
            plays = [(play.at_ms, play.media.uri) for play in trial.users[account].player.plays]
            known = [(_ms(play), str(play.item.uri)) for play in after[name]]
            assert Counter(known) <= Counter(plays), "this was not played"
            if not (process.diaries[name] and known):
                continue
            passed = [play for play in plays if _ms(process.diaries[name][-1]) < play[0] <= known[-1][0]]
            missed = [play for play in passed if play[0] < known[-1][0] and play not in known]
            assert not missed or len(passed) > trial.world.habits.visible_plays, "plays were missed that were shown"
            if missed and process.report:
                assert any("plays were missed" in one for one in process.report.warnings), "missed without a word"


def _ms(play: Play) -> int:
    return round(play.at.timestamp() * 1000)


def _in_turn(trial: Trial) -> Iterator[tuple[Process, Diaries]]:
    """Yield each process that followed no torn state, with what is written down after it."""
    if not trial.processes:
        return
    ends = [process.began for process in trial.processes[1:]] + [trial.clock.elapsed]
    afters = [process.diaries for process in trial.processes[1:]] + [trial.diaries()]
    for process, end, after in zip(trial.processes, ends, afters, strict=True):
        if not any(process.began <= torn <= end for torn in trial.torn):
            yield process, after


ALWAYS: Final[Sequence[Callable[[Trial], None]]] = (
    what_was_written_down_stays,
    what_was_shown_is_written_down,
    plays_are_only_missed_with_a_word,
)
