"""What must hold whatever happens (fault model §8), read from the world's own history and not from our reports."""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from typing import Final

from syncer.errors import Code
from syncer.ids import is_addable
from syncer.library import LOOK_AFTER
from syncer.model import (
    AddState,
    ArtistSource,
    FileSource,
    Outcome,
    Pair,
    PlaylistSource,
    Position,
    Queue,
    Reason,
    RecentlyPlayed,
    Report,
    SavedAlbums,
    Status,
)
from syncer.report import as_json, exit_code
from syncer.sandbox import Change, Entry, Version
from syncer.spotify.accounts import LONGEST_KEPT
from tests.promise import heard
from tests.promise.harness import LONG, Process, Sent, Told, Trial, W
from tests.promise.sources import Read, Uris, releases, rows

RETRIES: Final = 20
REREADS: Final = 4
SPLITS: Final = 30
WORST: Final = 45.0
SPARE: Final = 5.0
MOST_WAITED: Final = 120.0
INFINITE: Final = float("inf")
TICK: Final = 1e-3
"""What adding up seconds may cost."""
READ_BACK: Final = 45.0
"""Seconds that a read may be late at most (fault model A2)."""


# --- what we did to the playlists -------------------------------------------------------------------------------------


def states(trial: Trial) -> Iterator[tuple[Change, Uris, Uris]]:
    """Yield every change with what its playlist held before and after."""
    held = {
        version.snapshot_id: (playlist.versions[place - 1].uris if place else (), version.uris)
        for playlist in trial.world.playlists.values()
        for place, version in enumerate(playlist.versions)
    }
    for change in trial.world.changes:
        yield change, *held[change.snapshot_id]


def shown(entries: Sequence[Entry]) -> Uris:
    """Return what readers see of *entries*: of a relinked one another URI than was added."""
    return tuple(entry.media.uri if entry.media else None for entry in entries)


def grows_at_start(trial: Trial, target: str) -> bool:
    return any(pair.position is Position.START for pair in trial.pairs if pair.target == target)


def old_and_new(trial: Trial, target: str, held: Uris, old: int) -> tuple[Uris, Uris]:
    """Return of what *target* has *held* since the *old* entries of once were all: those, and what came beside them."""
    if grows_at_start(trial, target):
        return held[max(0, len(held) - old) :], held[: max(0, len(held) - old)]
    return held[:old], held[old:]


def nothing_but_appends_to_targets(trial: Trial) -> None:
    """I1, I6: what was there stays where it is."""
    targets = {pair.target for pair in trial.pairs}
    for change, before, after in states(trial):
        if change.by in trial.us:
            assert change.kind == "add", f"we sent a {change.kind}"
            assert change.playlist in targets, "we wrote to a playlist that is no target"
            old, new = old_and_new(trial, change.playlist, after, len(before))
            assert old == before, "we moved or removed what was there"
            assert new == change.uris, "we did not append"


def nothing_is_doubled(trial: Trial) -> None:
    """I3: nothing is added that is there, but for what others did too late for us to see."""
    for change, before, _ in states(trial):
        if change.by in trial.us and (twice := set(change.uris).intersection(before)):
            unseen = twice - _done_unseen(trial, change)
            assert not unseen, f"doubled {len(unseen)} in {change.playlist}"


def _done_unseen(trial: Trial, ours: Change) -> set[str | None]:
    """Return what others added too late for our check (A2, A3), or moved while we read (I3's documented gap)."""
    checks = [
        (sent.began, _begins_whole_read(sent))
        for process in trial.processes
        for sent in process.sent
        if sent.playlist == ours.playlist and sent.call.method == "GET" and sent.call.at <= ours.at
    ]
    if not checks:
        return set()
    start = trial.world.now() - trial.clock.elapsed
    read = max((began for began, whole in checks if whole), default=0.0) + start - READ_BACK
    found: set[str | None] = set()
    for change in trial.world.changes:
        if change.by not in trial.us and change.playlist == ours.playlist and read <= change.at <= ours.at:
            if change.kind == "move":
                found.update(change.uris)
            if change.kind == "add" and change.at >= checks[-1][0] + start - READ_BACK:
                found.update(change.uris)
    return found


def adds_are_well_formed(trial: Trial) -> None:
    """I14, X6: 1 to 100 distinct addable URIs in each add; nothing but reads, adds and token calls."""
    for sent in _sent(trial):
        if sent.is_add:
            uris = sent.call.uris
            assert 1 <= len(uris) <= 100
            assert len(set(uris)) == len(uris)
            assert all(map(is_addable, uris))
        else:
            assert sent.call.method == "GET" or sent.call.path == "/api/token"


def adds_hold_what_the_run_could_read(trial: Trial) -> None:
    """I6: every URI stood in a source of the target's pairs while the run, or reads that were late, could see it."""
    for process in trial.processes:
        for sent in process.adds:
            pairs = [pair for pair in trial.pairs if pair.target == sent.playlist]
            seen = {uri for pair in pairs for read in pair.reads for uri in _seen(trial, process, read)}
            assert seen.issuperset(sent.call.uris), "we added what no source held"


def _seen(trial: Trial, process: Process, read: Read) -> set[str | None]:
    """Return what a source held at any time that reads of *process* could show, or what was written down of it."""
    source = read[1]
    if isinstance(source, PlaylistSource):
        return {uri for version in _versions(trial, process, source.id) for uri in shown(version.entries)}
    return process.seen[read].union(heard.written(process.diaries, read))


def _versions(trial: Trial, process: Process, playlist: str) -> list[Version]:
    """Return what *playlist* held at the times that reads of *process* could show."""
    start = trial.world.now() - trial.clock.elapsed
    versions = trial.world.playlists[playlist].versions
    ends = [version.at for version in versions[1:]] + [INFINITE]
    return [
        version
        for version, end in zip(versions, ends, strict=True)
        if end >= process.began + start - READ_BACK and version.at <= process.ended + start
    ]


# --- how we sent it ---------------------------------------------------------------------------------------------------


def _sent(trial: Trial) -> Iterator[Sent]:
    return (sent for process in trial.processes for sent in process.sent)


def the_note_is_kept_before_the_first_byte(trial: Trial) -> None:
    """I13."""
    for sent in _sent(trial):
        assert sent.noted or not sent.is_add, "an add left without a note of it"


def after_a_doubt_a_whole_read_comes_first(trial: Trial) -> None:
    """I11: the next add after an unclear one follows a whole read begun W later, whichever run sends it.

    W counts from the end of the unclear add, or from the start of the run that finds its note.
    """
    doubtful: dict[str, float] = {}
    """When the last unclear add to a target ended."""
    for process in trial.processes:
        since = {playlist: _counts_from(trial, process, ended) for playlist, ended in doubtful.items()}
        for sent in process.sent:
            if _begins_whole_read(sent) and sent.began >= since.get(sent.playlist, INFINITE) + W - TICK:
                del since[sent.playlist], doubtful[sent.playlist]
            if sent.is_add:
                assert sent.playlist not in doubtful, "an add on a doubt, without a whole read begun late enough"
                if sent.told is Told.UNCLEAR:
                    doubtful[sent.playlist] = since[sent.playlist] = sent.ended
        doubtful |= dict.fromkeys(process.in_doubt - doubtful.keys(), process.ended)


def _counts_from(trial: Trial, process: Process, ended: float) -> float:
    """Return from when on W is counted in *process*: its start, or when the note of the doubt was found torn (R6)."""
    return min((torn for torn in trial.torn if ended <= torn <= process.began), default=process.began)


def _begins_whole_read(sent: Sent) -> bool:
    """Whether *sent* asks for the first entries of a playlist, with its head or without."""
    return sent.call.method == "GET" and ("offset=0" in sent.call.query or "items%28total%2Citems" in sent.call.query)


def nothing_is_sent_again_but_what_was_refused(trial: Trial) -> None:
    """I12, and more: no URI goes to a target twice in a run unless the first time surely did nothing."""
    for process in trial.processes:
        sent_before: set[tuple[str, str]] = set()
        for sent in process.adds:
            uris = {(sent.playlist, uri) for uri in sent.call.uris}
            again = uris & sent_before - _removed(trial, process)
            assert not again, "what was sent, and not refused, was sent again"
            if sent.told in (Told.DONE, Told.UNCLEAR):
                sent_before |= uris


def _meanwhile(trial: Trial, process: Process) -> list[Change]:
    """Return the changes that were made while *process* ran."""
    return [one for one in trial.world.history[process.first : process.last] if isinstance(one, Change)]


def _removed(trial: Trial, process: Process) -> set[tuple[str, str]]:
    changes = _meanwhile(trial, process)
    return {(one.playlist, str(uri)) for one in changes if one.kind == "remove" for uri in one.uris}


def no_request_after_the_end(trial: Trial) -> None:
    """I15, R1: nothing is begun after a wish to stop, so late that it may pass the deadline, or after a limit."""
    for process in trial.processes:
        if process.stopped is not None:
            assert len(process.sent) <= process.stopped + 1, "a request after the wish to stop"
        if process.deadline is not None:
            for sent in process.sent:
                assert process.deadline - sent.began > WORST + SPARE, "a request too close to the deadline"
            assert process.killed or process.deadline - process.ended >= min(1, process.deadline - process.began)
        for place, sent in enumerate(process.sent):
            heard = sent.call.status == 429 and sent.told is Told.REFUSED and sent.call.faults[:1] == ("quota",)
            assert not heard or place == len(process.sent) - 1, "a request after the quota"


def no_request_before_its_time(trial: Trial) -> None:
    """I15: what ended a run for a limit holds for later runs; only a torn state or a clock set anew can shorten it."""
    until = 0.0
    for process in trial.processes:
        if trial.jumped or any(torn <= process.began for torn in trial.torn):
            return
        assert all(sent.began >= until - TICK for sent in process.sent), "a request while we were asked to wait"
        error = process.report.error if process.report else None
        if error and error.code in (Code.RATE_LIMITED, Code.QUOTA_EXCEEDED) and process.sent:
            last = process.sent[-1]
            until = max(until, last.ended + min(last.asked, LONGEST_KEPT))


def waiting_has_its_limit(trial: Trial) -> None:
    """I15: at most 120 s, beside the pace of requests, which is never slower than one in two seconds."""
    for process in trial.processes:
        assert process.slept <= MOST_WAITED + 2 * len(process.sent) + 2


def requests_have_their_limit(trial: Trial) -> None:
    """I16: what a run needs without faults, and a bounded number more with them. A 429 is waited out, not counted."""
    for process in trial.processes:
        needed = len(trial.users) + sum(_needed(trial, pair) for pair in trial.pairs)
        longest = max(len(playlist.entries) for playlist in trial.world.playlists.values())
        rereads = REREADS * (2 + longest // 49) * len(trial.pairs)
        counted = [sent for sent in process.sent if sent.call.status != 429]
        renewals = sum(sent.call.status == 401 or sent.call.path == "/api/token" for sent in counted)
        assert len(counted) <= needed + rereads + RETRIES + len(counted) / 10 + SPLITS + renewals


def _needed(trial: Trial, pair: Pair) -> int:
    batches = 1 + sum(len(_uris(trial, read)) for read in pair.reads) // 100
    reads = sum(_looks(trial, read) for read in pair.reads) + 2 + len(trial.held(pair.target)) // 49
    at_both_ends = batches if grows_at_start(trial, pair.target) else 0
    return reads + 2 * batches + 1 + at_both_ends


def _looks(trial: Trial, read: Read) -> int:
    """Return how many requests it takes to read a source for the first time."""
    account, source = read
    match source:
        case ArtistSource():
            albums = len(releases(trial.world, source))
            return 2 + albums // 10 + albums
        case SavedAlbums():
            albums = len(trial.users[account].albums)
            return 2 + albums // 20
        case RecentlyPlayed() | Queue():
            return heard.LOOKS
        case FileSource(path=path):
            return sum(not row.startswith("spotify:") for row in rows(path))
    return 2 + len(_uris(trial, read)) // 50


def _uris(trial: Trial, read: Read) -> Uris:
    """Return what a source holds now; of what passes by, what was written down."""
    source = read[1]
    if isinstance(source, PlaylistSource):
        return shown(trial.world.playlists[source.id].entries)
    return heard.written(trial.diaries(), read) if read in trial.heard else trial.holds(read)


def a_dry_run_only_reads(trial: Trial) -> None:
    """I10, first half."""
    for process in trial.processes:
        assert not (process.dry_run and process.adds), "a dry run sent an add"


# --- what we said of it -----------------------------------------------------------------------------------------------


def reports_are_whole(trial: Trial) -> None:
    """I8: every pair once and in file order, the counts add up, and the code follows."""
    for report in trial.reports:
        assert [outcome.pair for outcome in report.outcomes] == list(trial.pairs)
        told = as_json(report)
        assert told["ok"] == (told["exit_code"] == 0)
        assert "bug" not in {one["error"]["code"] for one in told["pairs"] if one["error"]}
        for one, outcome in zip(told["pairs"], report.outcomes, strict=True):
            assert min(one["added"], one["deferred"], one["unconfirmed"]) >= 0
            rejected = len(outcome.rejected)
            assert one["planned"] == one["added"] + one["deferred"] + one["unconfirmed"] + rejected, one
            if one["status"] in ("added", "unchanged"):
                assert one["error"] is None
                assert one["deferred"] == one["unconfirmed"] == 0


def nothing_is_said_to_be_added_that_was_not(trial: Trial) -> None:
    """I9, first half: over all reports, every item that landed is told once at most."""
    told = Counter(
        (str(outcome.pair.target), item.uri)
        for report in trial.reports
        for outcome in report.outcomes
        for item in outcome.added
    )
    landed = Counter((change.playlist, uri) for change in trial.our_adds() for uri in change.uris)
    assert told <= landed, "reported more than was added"


def what_landed_is_told_or_said_to_be_unclear(trial: Trial) -> None:
    """I9, second half, run by run."""
    for process in trial.processes:
        if process.report is None or process.dry_run:
            continue
        for target in {pair.target for pair in trial.pairs}:
            outcomes = [outcome for outcome in process.report.outcomes if outcome.pair.target == target]
            landed = {uri for sent in process.adds if _landed(trial, process, sent, target) for uri in sent.call.uris}
            told = {item.uri for outcome in outcomes for item in outcome.added}
            unclear = sum(outcome.unconfirmed for outcome in outcomes)
            gone = {uri for playlist, uri in _removed(trial, process) if playlist == target}  # nobody can tell any more
            assert len(landed - told - gone) <= unclear, "added more than the report says"


def _landed(trial: Trial, process: Process, sent: Sent, target: str) -> bool:
    """Whether *sent* had landed in *target* when *process* ended."""
    start = trial.world.now() - trial.clock.elapsed
    # A run that begins in the second in which this one ended may add the same: that change is not this one's.
    return (sent.call.applied and sent.playlist == target) and any(
        change.by in trial.us
        and change.playlist == target
        and change.uris == sent.call.uris
        and sent.call.at <= change.at <= process.ended + start
        for change in trial.world.changes
    )


def everything_that_landed_is_told(trial: Trial) -> None:
    """I9 over all runs, where none was killed, no disk failed, and nobody took anything away."""
    told = {(one.pair.target, item.uri) for report in trial.reports for one in report.outcomes for item in one.added}
    landed = {(change.playlist, uri) for change in trial.our_adds() for uri in change.uris}
    assert landed <= told, "added, and never reported"


def all_is_well_is_said_only_where_it_is(trial: Trial) -> None:
    """A pair without an error has in its target all that its source held all the while."""
    for process in trial.processes:
        if process.report is None or process.dry_run:
            continue
        for outcome in process.report.outcomes:
            if outcome.status in (Status.ADDED, Status.UNCHANGED):
                held = _held_meanwhile(trial, process, outcome.pair.target) | {one.uri for one in outcome.rejected}
                if outcome.plan is None or trial.jumped:  # by a clock set back, what we added seems to be under way
                    held |= _removed_unseen(trial, process, outcome.pair.target)
                held |= _swapped_unseen(trial, outcome.pair.target)
                for read in outcome.pair.reads:
                    missing = _held_throughout(trial, process, read) - held
                    if isinstance(read[1], PlaylistSource):
                        missing -= _swapped_unseen(trial, read[1].id, kind="add")
                    refused = outcome.skipped.get(Reason.REJECTED, 0)  # remembered for a day
                    assert len(missing) <= refused, "all was well, and something was missing"


def _held_throughout(trial: Trial, process: Process, read: Read) -> set[str]:
    """Return what a source held at all times that reads of *process* could show, and can be added."""
    source = read[1]
    if not isinstance(source, PlaylistSource):
        return {uri for uri in process.held[read].union(heard.lasting(process, read)) if uri and is_addable(uri)}
    if any(change.kind == "move" and change.playlist == source.id for change in _meanwhile(trial, process)):
        return set()  # sources are read without overlap: what is missed there is added by the next run
    versions = [set(shown(version.entries)) for version in _versions(trial, process, source.id)]
    return {uri for uri in set.intersection(*versions) if uri and is_addable(uri)}


def _held_meanwhile(trial: Trial, process: Process, target: str) -> set[str | None]:
    """Return what *target* held at any time that reads of *process* could show, or that never comes back (P11)."""
    found = {*_relinked(trial, target), *_taken_for_relinked(trial, target)}
    for version in _versions(trial, process, target):
        found |= {*version.uris, *shown(version.entries)}
    return found


def _removed_unseen(trial: Trial, process: Process, target: str) -> set[str | None]:
    """Return what others took out since a target without news was looked at, which is done once in LOOK_AFTER."""
    passed = INFINITE if trial.jumped else LOOK_AFTER.total_seconds()
    since = process.began + trial.world.now() - trial.clock.elapsed - passed
    changes = (one for one in trial.world.changes if one.playlist == target and one.kind == "remove")
    return {uri for one in changes if one.at >= since for uri in one.uris}


def adds_follow_the_plan(trial: Trial) -> None:
    """I5: what a run sends is its plan from the end that joins what is there, but for what arrived or was in doubt."""
    for process in trial.processes:
        if process.report is None:
            continue
        for outcome in process.report.outcomes:
            if outcome.plan and sum(pair.target == outcome.pair.target for pair in trial.pairs) == 1:
                _follows(trial, process, outcome)


def _follows(trial: Trial, process: Process, outcome: Outcome) -> None:
    target = outcome.pair.target
    step = -1 if grows_at_start(trial, target) else 1
    sent = dict.fromkeys(uri for one in process.adds if one.playlist == target for uri in one.call.uris[::step])
    planned = [str(item.uri) for item in outcome.plan.additions][::step] if outcome.plan else []
    assert [uri for uri in planned if uri in sent] == [uri for uri in sent if uri in planned], "not in the plan's order"
    assert set(sent) <= set(planned) | _others_added(trial, process, target), "sent what was not planned"
    if sent:
        last = max(planned.index(uri) for uri in sent if uri in planned)
        assert set(planned[:last]) <= set(sent) | {str(uri) for uri in trial.held(target)}, "left a gap"


def _others_added(trial: Trial, process: Process, target: str) -> set[str]:
    changes = (one for one in trial.world.history[process.first : process.last] if isinstance(one, Change))
    return {str(uri) for one in changes if one.by not in trial.us and one.playlist == target for uri in one.uris}


def only_who_has_to_sign_in_is_told_so(trial: Trial) -> None:
    """T1: the end of one sign-in is no trouble for the pairs that do without it."""
    for process in trial.processes:
        for outcome in process.report.outcomes if process.report else ():
            if outcome.error and outcome.error.code == Code.SIGN_IN_NEEDED:
                assert not process.signed_in.issuperset(outcome.pair.accounts), "all of them were signed in"


ALWAYS: Final[Sequence[Callable[[Trial], None]]] = (
    nothing_but_appends_to_targets,
    nothing_is_doubled,
    adds_are_well_formed,
    adds_hold_what_the_run_could_read,
    the_note_is_kept_before_the_first_byte,
    after_a_doubt_a_whole_read_comes_first,
    nothing_is_sent_again_but_what_was_refused,
    no_request_after_the_end,
    no_request_before_its_time,
    waiting_has_its_limit,
    requests_have_their_limit,
    a_dry_run_only_reads,
    reports_are_whole,
    nothing_is_said_to_be_added_that_was_not,
    what_landed_is_told_or_said_to_be_unclear,
    all_is_well_is_said_only_where_it_is,
    adds_follow_the_plan,
    only_who_has_to_sign_in_is_told_so,
    *heard.ALWAYS,
)


# --- where it ends ----------------------------------------------------------------------------------------------------


def nothing_is_lost(trial: Trial) -> None:
    """I2: every target has what its sources have, each pair's news in its own order."""
    for target in {pair.target for pair in trial.pairs}:
        there = _counts_as_there(trial, target)
        for pair in (pair for pair in trial.pairs if pair.target == target):
            for read in pair.reads:
                excused = _taken_for_relinked(trial, target) | _swapped_unseen(trial, target)
                if isinstance(read[1], PlaylistSource):
                    excused |= _swapped_unseen(trial, read[1].id, kind="add")
                missing = set(_addable(trial, read)).difference(there, excused)
                assert not missing, f"lost {len(missing)}"


def _swapped_unseen(trial: Trial, target: str, *, kind: str = "remove") -> set[str]:
    """Return what others took out (or put in) between the read of a run and its add: with something else put in (or
    taken out), that is only noticed when the playlist changes once more, or after BELIEVED.
    """
    start = trial.world.now() - trial.clock.elapsed
    spans = [
        (start + process.began, max(one.call.at for one in process.adds if one.playlist == target))
        for process in trial.processes
        if any(one.playlist == target for one in process.adds)
    ]
    changes = (
        one for one in trial.world.changes if one.playlist == target and one.kind == kind and one.by not in trial.us
    )
    return {str(uri) for one in changes if any(first <= one.at <= last for first, last in spans) for uri in one.uris}


def _taken_for_relinked(trial: Trial, target: str) -> set[str]:
    """Return what stays out because someone removed it, and added something else, in the W after we had added it."""
    kept = {
        one.item.uri
        for add in trial.state.all()
        if add.target == target and add.state is AddState.RELINKED
        for one in add.additions
    }
    removed = {
        uri for one in trial.world.changes if one.playlist == target and one.kind == "remove" for uri in one.uris
    }
    return {str(uri) for uri in kept & removed}


def _counts_as_there(trial: Trial, target: str) -> set[str | None]:
    """Return what *target* holds, and what we added that reads back under other URIs: that never comes back (P11)."""
    entries = trial.world.playlists[target].entries
    return {*trial.held(target), *shown(entries), *_relinked(trial, target)}


def _relinked(trial: Trial, target: str) -> set[str | None]:
    return {
        entry.uri
        for version in trial.world.playlists[target].versions
        for entry in version.entries
        if entry.media and entry.uri != entry.media.uri
    }


def _grows_in_order(trial: Trial, pair: Pair) -> bool:
    """Whether what comes into the sources of *pair* later also stands later in its target: not where it goes on top."""
    return pair.position is Position.END and heard.is_in_order(trial, pair)


def targets_are_as_promised(trial: Trial, *, in_order: bool = True) -> None:
    """I2, where nobody but us has changed anything: the target is the old target and what was new, in order."""
    for target, old in trial.old.items():
        now = trial.held(target)
        there, new = old_and_new(trial, target, now, len(old))
        assert there == old, "what was there was moved or removed"
        gained = list(new)
        pairs = [pair for pair in trial.pairs if pair.target == target]
        wanted = [_news(trial, pair, old) for pair in pairs]
        news = {uri for one in wanted for uri in one}
        assert len(set(gained)) == len(gained), "doubled"
        assert news <= set(gained), "not all that was new"
        assert news | _gone(trial, pairs) >= set(gained), "more than was new"
        rejected = any(one.rejected for report in trial.reports for one in report.outcomes)  # it comes later, if at all
        if len(pairs) == 1 and (in_order or _grows_in_order(trial, pairs[0])) and not rejected:
            assert [uri for uri in gained if uri in news] == wanted[0], "not in source order"


def _news(trial: Trial, pair: Pair, old: Uris) -> list[str]:
    wanted = (uri for read in pair.reads for uri in _addable(trial, read))
    return list(dict.fromkeys(uri for uri in wanted if uri not in old))


def _gone(trial: Trial, pairs: Sequence[Pair]) -> set[str | None]:
    """Return what the sources of *pairs* held once that are no playlists."""
    reads = {read for pair in pairs for read in pair.reads if not isinstance(read[1], PlaylistSource)}
    return {uri for process in trial.processes for read in reads for uri in process.seen[read]}


def _addable(trial: Trial, read: Read) -> list[str]:
    return [uri for uri in _uris(trial, read) if uri and is_addable(uri)]


def a_clean_run_is_the_last_that_adds(trial: Trial) -> None:
    """I4: after it all is well, and one more run finds nothing to do."""
    if trial.state.resume_at():
        for _ in trial.pairs:
            trial.run()  # what begins in the middle settles a chain of pairs after as many runs as there are pairs
    report = trial.run()
    assert report is not None
    assert exit_code(report) == 0, _why(report)
    before = len(trial.our_adds())
    again = trial.run()
    assert again is not None
    assert all(outcome.status.value == "unchanged" for outcome in again.outcomes), _why(again)
    assert len(trial.our_adds()) == before, "a second clean run sent an add"


def _why(report: Report) -> list[object]:
    return [report.error, *((one.pair.name, one.status.value, one.error) for one in report.outcomes)]


def check(trial: Trial, *, undisturbed: bool = True, same_sources: bool = True) -> None:
    """Heal everything, let time pass, and see that all is as promised.

    *undisturbed*: nobody else changed the targets; *same_sources*: nor any source.
    """
    trial.heal()
    trial.later(LONG)
    trial.outlast()
    a_clean_run_is_the_last_that_adds(trial)
    nothing_is_lost(trial)
    if undisturbed:
        targets_are_as_promised(trial, in_order=same_sources)
    for holds in ALWAYS:
        holds(trial)


def a_run_adds_what_was_planned(planned: Report, ran: Report) -> None:
    """I10, second half, for a run right after the dry run."""
    for promise, outcome in zip(planned.outcomes, ran.outcomes, strict=True):
        assert [item.uri for item in promise.added] == [item.uri for item in outcome.added], promise.pair.name
