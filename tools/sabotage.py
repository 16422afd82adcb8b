"""Break the syncer on purpose, one mistake at a time, and see that the tests notice each of them (fault model §9).

Every broken build is a copy of the checkout in a folder of its own; the checkout itself stays as it is.
"""

import argparse
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).resolve().parents[1]
PARTS: Final = ("config", "schemas", "syncer", "tests")
AT_ONCE: Final = 2
LONGEST: Final = 300
"""Seconds that the tests of one build may take."""
TESTS_FAILED: Final = 1
"""What pytest exits with then; an error in collecting them, say, is another code and no proof of anything."""

PYTEST: Final = ("-x", "-q", "--tb=short", "--no-header", "--color=no", "-p", "no:cacheprovider")
ENVIRON: Final = {
    "PYTHONDONTWRITEBYTECODE": "1",
    "PYTHONHASHSEED": "0",  # what is shuffled is shuffled the same way each time
    "PYTHONPATH": "",  # the folder that it is started in comes first
}
RUN: Final = """
import pathlib, sys
import pytest
import syncer
root, *arguments = sys.argv[1:]
if not pathlib.Path(syncer.__file__).is_relative_to(root):
    sys.exit(f"not the copy: {syncer.__file__}")
sys.exit(pytest.main(arguments))
"""
"""Runs pytest in a copy, and makes sure that it is the copy's syncer which is tested."""

SCENES: Final = "tests/promise/test_sabotage_scenes.py"
EXHAUSTIVE: Final = "tests/promise/test_exhaustive.py"
LISTENING: Final = "tests/promise/test_listening.py"
ONE_FAULT: Final = f"{EXHAUSTIVE}::test_no_fault_anywhere_doubles_or_loses_anything"
TARGETS: Final = "tests/promise/test_targets.py"
FLEET: Final = "tests/test_fleet.py"
FLEET_FAULTS: Final = "tests/test_fleet_faults.py"
REFERENCE: Final = f"{EXHAUSTIVE}::test_the_reference_scenario_has_everything"


class Stale(Exception):
    """The text to break is not there just once."""


class NotGreen(Exception):
    """The tests fail before anything is broken."""


Files = Mapping[str, str]
"""Texts by their paths in the checkout."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Edit:
    """Puts *new* in place of *old*, which stands in *file* exactly once."""

    file: str
    old: str
    new: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Sabotage:
    """One broken build, and what must notice it."""

    name: str
    harm: str
    """What it would do to a user."""
    edits: tuple[Edit, ...]
    tests: tuple[str, ...]
    red: str
    """Stands in what the failing test says, if it fails for the right reason; a regular expression."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What the tests of a build said."""

    caught: bool
    by: str
    """The test that failed."""
    why: str
    """What it said, or what is wrong."""
    seconds: float


SABOTAGES: Final = (
    Sabotage(
        name="library retries 5xx adds",
        harm="a batch that Spotify carried out behind a 502 is there twice",
        edits=(
            Edit(
                file="syncer/spotify/wire.py",
                old="adapter or _GuardedAdapter()",
                new="adapter or _GuardedAdapter(max_retries=urllib3.Retry(\n"
                "            4, status_forcelist=(500, 502, 503, 504), allowed_methods=None))",
            ),
        ),
        tests=(f"{SCENES}::test_nothing_below_us_repeats_an_add",),
        red="an add was repeated",
    ),
    Sabotage(
        name='"max retries" becomes 429',
        harm="an add that was carried out is reported as never sent, and may be sent again",
        edits=(
            Edit(
                file="syncer/spotify/transport.py",
                old="    if means is Means.ADD:\n        raise Lost\n",
                new="    if means is Means.ADD:\n        raise RateLimited(60.0)\n",
            ),
        ),
        tests=(f"{ONE_FAULT}[N3 502, carried out-1]",),
        red="added more than the report says",
    ),
    Sabotage(
        name="re-read once without waiting",
        harm="an add that takes effect some seconds late is sent again: its tracks are there twice",
        edits=(
            Edit(
                file="syncer/appending.py",
                old="            raise unclear\n        self._budget.wait(self._window)\n",
                new="            raise unclear\n",
            ),
        ),
        tests=(f"{SCENES}::test_an_add_that_takes_effect_late_is_not_sent_again_by_a_run_that_comes_soon",),
        red=r"doubled \d+",
    ),
    Sabotage(
        name="window too short",
        harm="the same, for an add that takes effect after the window",
        edits=(Edit(file="syncer/appending.py", old="SETTLE: Final = 45.0", new="SETTLE: Final = 20.0"),),
        tests=(f"{SCENES}::test_an_add_that_takes_effect_late_is_not_sent_again_by_a_run_that_comes_soon",),
        red=r"doubled \d+",
    ),
    Sabotage(
        name="no page overlap",
        harm="someone edits the archive while it is read, a track slips between two pages and is added again",
        edits=(
            Edit(
                file="syncer/reading.py",
                old="self._read_on(begun, overlap=1)",
                new="self._read_on(begun, overlap=0)",
            ),
        ),
        tests=(f"{SCENES}::test_an_entry_that_slides_from_one_page_to_the_one_before_is_not_added_again",),
        red="doubled 1",
    ),
    Sabotage(
        name="unordered difference",
        harm="new tracks arrive shuffled",
        edits=(
            Edit(
                file="syncer/planner.py",
                old="additions=tuple(chosen.values())",
                new="additions=tuple(chosen[uri] for uri in set(chosen))",
            ),
        ),
        tests=(REFERENCE,),
        red="not in source order",
    ),
    Sabotage(
        name="no dedupe in source",
        harm="a track that stands twice in the source is added twice",
        edits=(
            Edit(file="syncer/planner.py", old="chosen: dict[Uri, Item] = {}", new="chosen: list[Item] = []"),
            Edit(
                file="syncer/planner.py",
                old="        elif uri in chosen:\n            skips.append(Skip(item=item, reason=Reason.REPEATED))\n",
                new="",
            ),
            Edit(file="syncer/planner.py", old="chosen[uri] = item", new="chosen.append(item)"),
            Edit(file="syncer/planner.py", old="tuple(chosen.values())", new="tuple(chosen)"),
        ),
        tests=(REFERENCE,),
        red=r"assert \[4, 100, 2, 9\] == \[3, 100, 2, 8\]",
    ),
    Sabotage(
        name="no note",
        harm="a run that is killed in the middle of an add is followed by one that adds the same again",
        edits=(Edit(file="syncer/appending.py", old="        self._state.sending(add)\n", new=""),),
        tests=(f"{SCENES}::test_a_run_that_is_killed_while_its_add_is_on_its_way_is_not_repeated_by_the_next",),
        red=r"doubled \d+",
    ),
    Sabotage(
        name="second pair trusts a lagging read",
        harm="two pairs with one target add what both their sources have, twice",
        edits=(
            Edit(
                file="syncer/library.py",
                old="target = self._targets.setdefault(playlist, Target(playlist, position))",
                new="target = self._targets[playlist] = Target(playlist, position)",
            ),
            Edit(
                file="syncer/appending.py",
                old="            elif add.state is AddState.LANDED and add.at >= lately:\n"
                "                target.expect([item for item in items if item.uri not in there])\n",
                new="",
            ),
        ),
        tests=(f"{SCENES}::test_pairs_with_one_target_do_not_repeat_each_other_though_reads_are_late",),
        red=r"doubled \d+",
    ),
    Sabotage(
        name="error page ends the list",
        harm="while Spotify has trouble, half a source passes for the whole and the report says that all is well",
        edits=(
            Edit(
                file="syncer/reading.py",
                old="            self._cut_short(replace(start, items=tuple(items)))\n            raise\n",
                new="            return replace(start, version=None, total=len(items), items=tuple(items))\n",
            ),
        ),
        tests=(f"{SCENES}::test_a_source_of_which_one_page_cannot_be_read_is_not_taken_for_a_short_one",),
        red="a page that could not be read was taken for the end",
    ),
    Sabotage(
        name="batch of 101",
        harm="Spotify refuses every full batch",
        edits=(Edit(file="syncer/model.py", old="MAX_BATCH: Final = 100", new="MAX_BATCH: Final = 101"),),
        tests=(f"{ONE_FAULT}[N4 500, not carried out-1]",),
        red="adds_are_well_formed",
    ),
    Sabotage(
        name="first failure stops all",
        harm="one playlist that is gone keeps every pair after it from being synced",
        edits=(
            Edit(
                file="syncer/run.py",
                old="        if error and error.reach is Reach.RUN:\n",
                new="        if error:\n",
            ),
        ),
        tests=(f"{SCENES}::test_a_pair_whose_source_is_gone_leaves_the_others_alone",),
        red="<Status.NOT_TRIED: 'not-tried'> != <Status.ADDED: 'added'>",
    ),
    Sabotage(
        name="counts planned not confirmed",
        harm="the report says that tracks were added which are not there",
        edits=(
            Edit(
                file="syncer/appending.py",
                old="        landed = _landed(add, work.target)\n",
                new="        landed = [addition.item for addition in add.additions]\n",
            ),
        ),
        tests=(f"{SCENES}::test_an_add_that_never_took_effect_is_not_counted",),
        red="reported more than was added",
    ),
    Sabotage(
        name="token stored after the work",
        harm="a run that is killed takes the new sign-in with it: the next one cannot sign in",
        edits=(
            Edit(
                file="syncer/budget.py",
                old="        self._stop = stop or Stop()\n",
                new="        self._stop = stop or Stop()\n        self.afterwards = []\n",
            ),
            Edit(
                file="syncer/spotify/auth.py",
                old="            self._stored = keep(self._store, self._stored, change)\n",
                new="            stored = self._stored\n"
                "            self._stored = replace(stored, credentials=change(stored.credentials))\n"
                "            self._budget.afterwards.append(lambda: keep(self._store, stored, change))\n",
            ),
            Edit(
                file="syncer/service.py",
                old="                outcomes = run.outcomes(first=self._state.resume_at())\n"
                "                run.close()\n"
                "                if not (request and request.names):\n",
                new="                outcomes = run.outcomes(first=self._state.resume_at())\n"
                "                for store in run.budget.afterwards:\n"
                "                    store()\n"
                "                if not (request and request.names):\n",
            ),
        ),
        tests=(f"{SCENES}::test_a_new_sign_in_is_kept_before_the_first_request_that_uses_it",),
        red="the new sign-in died with the process",
    ),
    Sabotage(
        name="unconditional secret update",
        harm="of two runs that renew the sign-in at once, the one with the older token wins: signed out",
        edits=(
            Edit(
                file="syncer/secretsmanager.py",
                old="SecretString=text, VersionStages=[_NEXT]",
                new="SecretString=text, VersionStages=[_CURRENT]",
            ),
        ),
        tests=("tests/test_secretsmanager.py::test_two_runs_refresh_at_once_in_every_order_of_their_steps",),
        red=r"assert \[0, 2, 1\] == \[0, 1, 2\]",
    ),
    Sabotage(
        name="follows `next`",
        harm="an answer that was tampered with sends the access token to a host of its choice",
        edits=(
            Edit(file="syncer/spotify/playlists.py", old='f"total,items(added_at,', new='f"total,next,items(added_at,'),
            Edit(
                file="syncer/spotify/playlists.py",
                old="            self._unreadable(refused, playlist)\n        return self._items.page(body)\n",
                new="            self._unreadable(refused, playlist)\n"
                "        items = list(body['items'])\n"
                "        if body.get('next'):\n"
                "            items += self._spotify.next(body)['items']\n"
                "        return self._items.page({**body, 'items': items})\n",
            ),
            Edit(
                file="syncer/spotify/transport.py",
                old="_permitted(method, url.removeprefix(self._base))",
                new="_permitted(method, url.partition('?')[0].partition('/v1/')[2])",
            ),
        ),
        tests=("tests/spotify/test_runs.py::test_links_and_redirects_in_answers_lead_nowhere",),
        red=re.escape('assert url.startswith("https://api.spotify.com/v1/")'),
    ),
    Sabotage(
        name="headers logged",
        harm="the access token stands in the log",
        edits=(
            Edit(file="syncer/spotify/wire.py", old="import io\n", new="import io\nimport logging\n"),
            Edit(
                file="syncer/spotify/wire.py",
                old="        writing = request.method != ",
                new="        logging.getLogger(__name__).debug('sending %s', prepared.headers)\n"
                "        writing = request.method != ",
            ),
        ),
        tests=("tests/spotify/test_secrecy.py::test_nothing_that_any_logger_says_at_debug_holds_a_secret",),
        red="assert form not in text",
    ),
    Sabotage(
        name="id with newline accepted",
        harm="an id that was pasted with its line end passes the check of the config and breaks requests later",
        edits=(
            Edit(
                file="syncer/ids.py",
                old="    if _ID.fullmatch(text):\n        return text\n",
                new='    if re.match(f"(?:{_ID.pattern})$", text, _ID.flags):\n        return text\n',
            ),
        ),
        tests=("tests/test_ids.py::test_what_names_no_playlist_is_refused_with_the_reason",),
        red="DID NOT RAISE NotAPlaylist",
    ),
    Sabotage(
        name="deadline checked only between pairs",
        harm="Lambda kills the run in the middle of a slow pair, and there is no report",
        edits=(
            Edit(
                file="syncer/spotify/transport.py",
                old="        self._budget.allow(self._worst_case)\n",
                new="",
            ),
        ),
        tests=(f"{SCENES}::test_a_run_that_gets_slow_in_the_middle_of_a_pair_still_ends_in_time",),
        red="a request too close to the deadline",
    ),
    Sabotage(
        name="cache believed at any version",
        harm="a playlist that was read once never has news again, and the report says that all is well",
        edits=(
            Edit(
                file="syncer/shelf.py",
                old="kept if kept and (kept.version == version or kept.version == self.version(source)) else None",
                new="kept",
            ),
        ),
        tests=(f"{SCENES}::test_a_playlist_that_changed_is_read_again",),
        red=r"lost \d+",
    ),
    Sabotage(
        name="plays not written down",
        harm="a track that was played while its add could not be made is never added",
        edits=(
            Edit(
                file="syncer/diary.py",
                old="        if kept != known:\n            self._cache.keep_diary(name, kept)\n",
                new="",
            ),
        ),
        tests=(f"{LISTENING}::test_the_scene_has_everything",),
        red="what was shown was not written down",
    ),
    Sabotage(
        name="unreadable diary taken for empty",
        harm="one failure of the disk, and all that was played and not added yet is forgotten",
        edits=(
            Edit(
                file="syncer/cache.py",
                old='return self._kept(f"diary {name}", _plays) or ()',
                new='return self._get(f"diary {name}", _plays) or ()',
            ),
        ),
        tests=(f"{LISTENING}::test_the_disk_may_fail_at_any_call[once]",),
        red=r"not in source order|\d+ were written down and are not any more",
    ),
    Sabotage(
        name="gap in the plays not told",
        harm="more was played between two runs than Spotify shows, and nobody hears of it",
        edits=(
            Edit(
                file="syncer/diary.py",
                old="                self._warnings.append(_missed(latest.at, page[0].at))\n",
                new="                pass\n",
            ),
        ),
        tests=(f"{LISTENING}::test_what_a_killed_process_was_shown_is_added_or_said_to_be_missed",),
        red="missed without a word",
    ),
    Sabotage(
        name="one sign-in for all accounts",
        harm="when a friend's sign-in ends, nothing of yours is synced any more either",
        edits=(
            Edit(
                file="syncer/run.py",
                old="self._dead[account] = error\n",
                new="self._dead |= dict.fromkeys((one.name for one in self._config.accounts), error)\n",
            ),
        ),
        tests=(f"{LISTENING}::test_where_one_sign_in_ends_the_pairs_of_the_other_go_on[default]",),
        red="<Status.NOT_TRIED: 'not-tried'> is <Status.ADDED: 'added'>",
    ),
    Sabotage(
        name="no note of a new playlist",
        harm="a run that is killed while a playlist is made is followed by one that makes it a second time",
        edits=(
            Edit(
                file="syncer/targets.py",
                old="        self._keep(pair, volume)\n        self._unclear.add(key)",
                new="        self._unclear.add(key)",
            ),
        ),
        tests=(f"{TARGETS}::test_a_process_may_be_killed_while_what_it_makes_is_on_its_way",),
        red="two of one name|made on a doubt|without a note of it",
    ),
    Sabotage(
        name="too early a look for it",
        harm="the same, for one that shows some seconds late",
        edits=(
            Edit(file="syncer/targets.py", old="            self._writer.outwait(unclear)\n", new="            pass\n"),
        ),
        tests=(f"{TARGETS}::test_a_late_creation_is_never_made_twice_for_any_delay_below_w",),
        red="two of one name|made on a doubt",
    ),
    Sabotage(
        name="makes without looking",
        harm="whoever loses the state has every target a second time",
        edits=(
            Edit(
                file="syncer/targets.py",
                old="        if listed := own.find(wanted, but=pair.playlists):\n",
                new="        if (listed := own.find(wanted, but=pair.playlists)) and not wanted.number:\n",
            ),
        ),
        tests=(f"{TARGETS}::test_the_state_may_be_lost_once_all_has_settled",),
        red="two of one name",
    ),
    Sabotage(
        name="matches one playlist of several",
        harm="a target that has rolled over gets everything once more",
        edits=(
            Edit(
                file="syncer/destination.py",
                old="{uri for volume in self._volumes for uri in volume.uris}",
                new="{uri for volume in self._volumes[-1:] for uri in volume.uris}",
            ),
        ),
        tests=(f"{TARGETS}::test_a_process_may_be_killed_at_any_step",),
        red="doubled|'a', 'added', None",
    ),
    Sabotage(
        name="`market` sent",
        harm="tracks read back under other URIs than were added, and their pairs stop",
        edits=(
            Edit(
                file="syncer/spotify/playlists.py",
                old="playlist, fields=ENTRY_FIELDS, limit=PAGE_SIZE, offset=offset, additional_types=KINDS",
                new="playlist, fields=ENTRY_FIELDS, limit=PAGE_SIZE, offset=offset, additional_types=KINDS,\n"
                "                market='SE',",
            ),
        ),
        tests=("tests/spotify/test_runs.py::test_the_same_uris_are_sent_again_only_after_a_refusal",),
        red='assert "market" not in url',
    ),
    Sabotage(
        name="targets not locked by workers",
        harm="a message that comes twice has two workers at one target at once",
        edits=(
            Edit(
                file="syncer/part.py",
                old='            raise Locked(f"the lock of {target}")\n',
                new="            return\n",
            ),
        ),
        tests=(f"{FLEET_FAULTS}::test_a_message_may_come_a_second_time_while_its_worker_is_at_any_step",),
        red=r"AssertionError: after swap tasks .*",
    ),
    Sabotage(
        name="adds of all workers under one name",
        harm="the note of a worker that was killed is written over, and what it sent is sent once more",
        edits=(
            Edit(
                file="syncer/appending.py",
                old='f"{self._run_id}/{self._part}{next(self._serial):06d}"',
                new='f"{self._run_id}/{next(self._serial):06d}"',
            ),
        ),
        tests=(f"{FLEET_FAULTS}::test_a_process_may_be_killed_at_any_step",),
        red=r"assert \d+ == \d+",
    ),
    Sabotage(
        name="adds of a killed worker not told",
        harm="the report of a run says that less was added than there is",
        edits=(
            Edit(
                file="syncer/working.py",
                old="with_earlier(outcome, self._earlier(outcome.pair))",
                new="outcome",
            ),
        ),
        tests=(f"{FLEET}::test_what_was_added_to_a_target_that_was_made_is_told_though_its_worker_died",),
        red=r"assert \(0, .*\) == \(3, .*\)",
    ),
    Sabotage(
        name="run closed by everybody",
        harm="one run is reported twice",
        edits=(
            Edit(
                file="syncer/closing.py",
                old="        if head.claimed and now < head.claimed + CLAIM:\n",
                new="        if head.claimed and head.claimed > now:\n",
            ),
        ),
        tests=(f"{FLEET}::test_who_closes_a_run_is_left_alone_with_it_for_a_while",),
        red=r"assert not \[.{,30}",
    ),
    Sabotage(
        name="gate leased without a look at the others",
        harm="ten workers of one app ask a hundred times a second, and Spotify shuts it out",
        edits=(
            Edit(
                file="syncer/leasing.py",
                old="mine = max(0, min(fair, SLICES - taken))",
                new="mine = SLICES if taken else fair",
            ),
        ),
        tests=("tests/test_leasing.py::test_no_second_sees_more_than_ten_requests_whoever_comes_goes_or_dies",),
        red=r"assert .* > .*",
    ),
)


def main() -> int:
    """Print what became of each build; 0 if the unbroken one is green and every broken one is red for its reason."""
    options = _options()
    chosen = [one for one in SABOTAGES if not options.only or one.name in options.only]
    row = markdown if options.markdown else plain
    try:
        builds = [broken(one) for one in chosen]
        check_unbroken(chosen)
    except (Stale, NotGreen) as error:
        print(error, file=sys.stderr)
        return 1
    if options.markdown:
        print(HEAD, flush=True)
    caught = []
    with ThreadPoolExecutor(AT_ONCE) as pool:
        for one, verdict in zip(chosen, pool.map(judge, chosen, builds), strict=True):
            print(row(one, verdict), flush=True)
            caught.append(verdict.caught)
    return 0 if all(caught) else 1


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Break the syncer on purpose and see that the tests notice.")
    names = [one.name for one in SABOTAGES]
    parser.add_argument("--only", metavar="NAME", action="append", choices=names, help="only this one (repeatable)")
    parser.add_argument("--markdown", action="store_true", help="print the table of docs/sabotage.md")
    return parser.parse_args()


def broken(one: Sabotage) -> Files:
    """Return the files that *one* changes, as it leaves them; Stale if what it changes is not there just once."""
    files: dict[str, str] = {}
    for edit in one.edits:
        text = files.get(edit.file) or (ROOT / edit.file).read_text(encoding="utf-8")
        if (found := text.count(edit.old)) != 1:
            raise Stale(f"{one.name}: {edit.file} has this {found} times, and not once:\n{edit.old}")
        files[edit.file] = text.replace(edit.old, edit.new)
    return files


def check_unbroken(chosen: Sequence[Sabotage]) -> None:
    """NotGreen unless all tests that are to turn red are green where nothing is broken."""
    code, output = run_tests(dict.fromkeys(test for one in chosen for test in one.tests), {})
    if code:
        raise NotGreen(f"{output}\nwhere nothing is broken these tests are not green")


def judge(one: Sabotage, files: Files) -> Verdict:
    """Run the tests of *one* on a copy with *files* in it."""
    began = time.monotonic()
    code, output = run_tests(one.tests, files)
    seconds = time.monotonic() - began
    failed = re.search(r"^FAILED (.+?)(?: - |$)", output, re.MULTILINE)
    if code != TESTS_FAILED or not failed:
        why = "the tests could not be run" if code else "stays green"
        return Verdict(caught=False, by=f"pytest ended with {code}", why=why, seconds=seconds)
    reason = re.search(one.red, output)
    why = reason[0] if reason else "fails for another reason"
    return Verdict(caught=reason is not None, by=failed[1], why=why, seconds=seconds)


def run_tests(tests: Iterable[str], files: Files) -> tuple[int, str]:
    """Return the exit code and the output of pytest for *tests* on a copy of the checkout with *files* in it."""
    with tempfile.TemporaryDirectory(prefix="sabotage-") as folder:
        root = Path(folder).resolve()
        for part in PARTS:
            shutil.copytree(ROOT / part, root / part, ignore=shutil.ignore_patterns("__pycache__", ".*"))
        shutil.copy(ROOT / "pyproject.toml", root)
        for name, text in files.items():
            (root / name).write_text(text, encoding="utf-8")
        command = [sys.executable, "-c", RUN, str(root), *PYTEST, *tests]
        done = subprocess.run(  # noqa: S603 - our own command
            command, cwd=root, env=os.environ | ENVIRON, capture_output=True, text=True, timeout=LONGEST, check=False
        )
    return done.returncode, done.stdout + done.stderr


def plain(one: Sabotage, verdict: Verdict) -> str:
    mark = "red" if verdict.caught else "MISSED"
    return f"{mark:7}{verdict.seconds:5.1f} s  {one.name:37}{verdict.why}  ({verdict.by.rpartition('::')[2]})"


HEAD: Final = "| Broken build | What it would do to you | Caught by | For |\n|---|---|---|---|"


def markdown(one: Sabotage, verdict: Verdict) -> str:
    file, _, test = verdict.by.partition("[")[0].partition("::")
    return f"| {one.name} | {one.harm} | `{test}` in `{file}` | `{verdict.why}` |"


if __name__ == "__main__":
    sys.exit(main())
