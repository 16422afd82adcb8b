"""A run that many functions do, for real, with IAM in force and all going wrong that can: one story, told in tests."""

import itertools
import json
import os
import signal
import threading
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import cached_property, partial
from pathlib import Path
from typing import Any, Final

import pytest
from botocore.exceptions import ClientError

from syncer.fleet import ATTEMPTS, RUNS, Rows, message
from syncer.part import TARGETS
from syncer.sandbox.faults import Fault
from syncer.sandbox.scenery import track
from syncer.sandbox.server import SandboxServer
from syncer.sandbox.things import Call, Limit, Playlist
from syncer.sandbox.world import World
from syncer.state.dynamodb import DynamoDbState
from syncer.working import TAKEN_WAIT
from tests.deploy.standins import (
    FUNCTION,
    SECRET,
    STACK,
    Cloud,
    Project,
    as_role,
    at,
    invoke,
    ministack,
    state_table,
    store,
    wait_for,
    with_batches,
    without_right,
)

WORKER: Final = f"{STACK}-work"
GROUPS, CLIENTS = 40, 4
CUT_AFTER_ADD, CUT_BEFORE_ADD, POISONED, CLOSED_TO = 0, 4, 8, 11
"""Groups with a fate of their own."""

HIDDEN: Final = 15
"""Seconds until a message that is not done comes again; where its worker takes longer, while that is at work."""
FOUND_TAKEN: Final = 2.5 * HIDDEN
"""Seconds by which another worker has had the message of one that was killed, and has sent it again for later."""
CLOSED: Final = 61
"""Seconds that Spotify wants to hear nothing of a client id: longer than a worker waits for it."""
TEN_A_SECOND: Final = Limit(requests=50, window=4.8)
"""Of a client id. Counted over some seconds, for what has left in time may arrive a moment late."""

Additions = dict[str, list[str | None]]


@dataclass(frozen=True, eq=False)
class Pair:
    name: str
    account: str
    source: Playlist
    target: Playlist


def fan_in(world: World, number: int) -> list[tuple[Playlist, Playlist]]:
    """Make five lists, which have an item in common, and one that they all go into."""
    target, common = world.playlist(f"{number} target"), track(0, f"{number} common")
    return [(world.playlist(f"{number} source {k}", items=[common], tracks=1 + k % 3), target) for k in range(5)]


def chain(world: World, number: int) -> list[tuple[Playlist, Playlist]]:
    """Make six lists, each of which goes into the next."""
    links = [world.playlist(f"{number} link {k}", tracks=1) for k in range(6)]
    return list(itertools.pairwise(links))


def furnish(world: World) -> list[list[Pair]]:
    """Make all groups: each client id has as many of one kind as of the other."""
    return [
        [
            Pair(f"{number}-{place}", f"client-{number % CLIENTS}", source, target)
            for place, (source, target) in enumerate((chain if number // CLIENTS % 2 else fan_in)(world, number))
        ]
        for number in range(GROUPS)
    ]


def additions(pairs: Sequence[Pair]) -> Additions:
    """Return what each of *pairs* has to add, one after the other."""
    held = {one.id: list(one.uris) for pair in pairs for one in (pair.source, pair.target)}
    found: Additions = {}
    for pair in pairs:
        there = held[pair.target.id]
        found[pair.name] = [uri for uri in dict.fromkeys(held[pair.source.id]) if uri not in there]
        there += found[pair.name]
    return found


def config_of(pairs: Sequence[Pair]) -> str:
    accounts = {pair.account: {"secret": f"{SECRET}-{pair.account}"} for pair in pairs}
    listed = [
        {"name": pair.name, "account": pair.account, "source": pair.source.id, "target": pair.target.id}
        for pair in pairs
    ]
    return json.dumps({"accounts": accounts, "pairs": listed})


class Fleet:
    """A stack in a strict cloud, and the Spotify that it talks to."""

    def __init__(self, cloud: Cloud, sandbox: SandboxServer, groups: Sequence[Sequence[Pair]]) -> None:
        self.cloud = cloud
        self.sandbox = sandbox
        self.world = sandbox.world
        self.groups = groups
        self.pairs = [pair for group in groups for pair in group]
        self.whole = additions(self.pairs)
        self.state = DynamoDbState(state_table(cloud), lambda: cloud.client("dynamodb"))

    @cached_property
    def queue(self) -> str:
        return str(self.cloud.client("sqs").get_queue_url(QueueName=f"{STACK}-groups")["QueueUrl"])

    @cached_property
    def dead_letters(self) -> str:
        (url,) = (url for url in self.cloud.client("sqs").list_queues()["QueueUrls"] if "DeadGroups" in url)
        return str(url)

    def send(self, body: str) -> None:
        self.cloud.client("sqs").send_message(QueueUrl=self.queue, MessageBody=body)

    def attributes(self) -> dict[str, str]:
        """What there is to know of the queue."""
        sqs = self.cloud.client("sqs")
        found: dict[str, str] = sqs.get_queue_attributes(QueueUrl=self.queue, AttributeNames=["All"])["Attributes"]
        return found

    def put_aside(self) -> list[str]:
        """The messages that were given up."""
        sqs = self.cloud.client("sqs")
        found = sqs.receive_message(QueueUrl=self.dead_letters, MaxNumberOfMessages=10, VisibilityTimeout=0)
        return [one["Body"] for one in found.get("Messages", ())]

    def is_closed(self) -> bool:
        return not self.state.all(RUNS)

    def rests(self) -> bool:
        """Whether no message is waiting or under way but for those that are put off."""
        counts = self.attributes()
        return counts["ApproximateNumberOfMessages"] == counts["ApproximateNumberOfMessagesNotVisible"] == "0"

    def logged(self, line: str) -> int:
        """How often the functions have logged *line*."""
        pages = self.cloud.client("logs").get_paginator("filter_log_events")
        events = (event for page in pages.paginate(logGroupName=f"/aws/lambda/{FUNCTION}") for event in page["events"])
        return sum(event["message"] == line for event in events)

    def calls(self, pairs: Sequence[Pair]) -> list[Call]:
        """What Spotify was asked of the playlists of *pairs*."""
        lists = {one.id for pair in pairs for one in (pair.source, pair.target)}
        return [call for call in self.world.calls if lists & set(call.path.split("/"))]

    def added(self) -> Additions:
        """What was ever added, by target, as Spotify tells it."""
        found: Additions = defaultdict(list)
        for change in self.world.changes:
            assert change.kind == "add"
            found[change.playlist] += change.uris
        return found

    def by_target(self, wanted: Additions) -> Additions:
        """What is *wanted* of pairs, by target."""
        found: Additions = defaultdict(list)
        for pair in self.pairs:
            found[pair.target.id] += wanted.get(pair.name, [])
        return found


@pytest.fixture(scope="module")
def fleet(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Fleet]:
    """Deploy it, with less to wait for."""
    folder, world = tmp_path_factory.mktemp("fleet"), World()
    groups = furnish(world)
    project = Project(folder / "project", config_of([pair for group in groups for pair in group]))
    with ministack(folder / "log", AUTH="true") as cloud, SandboxServer(world) as sandbox:
        for account in {group[0].account for group in groups}:
            app = world.add_app(account)
            store(cloud, app, world.sign_in(app=app), name=f"{SECRET}-{account}")
        project.serverless(cloud, "deploy", params={**at(sandbox), "fanout": "true"})
        with with_batches(cloud, "dispatch"), with_batches(cloud, "work"):
            made = Fleet(cloud, sandbox, groups)
            _shorten(made)
            yield made


def _shorten(fleet: Fleet) -> None:
    functions = fleet.cloud.client("lambda")
    variables = functions.get_function_configuration(FunctionName=WORKER)["Environment"]["Variables"]
    functions.update_function_configuration(
        FunctionName=WORKER, Environment={"Variables": {**variables, "SYNCER_SETTLE_SECONDS": "1"}}
    )
    hidden = {"VisibilityTimeout": str(HIDDEN)}
    fleet.cloud.client("sqs").set_queue_attributes(QueueUrl=fleet.queue, Attributes=hidden)


def callers(sandbox: SandboxServer) -> set[int]:
    """Return the process whose request the sandbox answers in this thread, or none if it has died."""
    connections = dict(sandbox._listener._threads_of)  # noqa: SLF001 - nothing that is public tells who asks
    (ours,) = (connection for connection, thread in connections.items() if thread is threading.current_thread())
    ends = [f"0100007F:{port:04X}" for _, port in (ours.getpeername(), ours.getsockname())]
    rows = (line.split() for line in Path("/proc/net/tcp").read_text().splitlines())
    sockets = {f"socket:[{row[9]}]" for row in rows if row[1:3] == ends}
    found = set()
    for file in Path("/proc").glob("[0-9]*/fd/*"):
        with suppress(OSError):  # it is gone, or not ours
            if str(file.readlink()) in sockets:
                found.add(int(file.parts[2]))
    return found


def let_time_pass(fleet: Fleet, number: int) -> None:
    """Be the eleven minutes in which nobody goes on with a group whose worker was killed."""
    (run_id,) = fleet.state.all(RUNS)
    rows = Rows(fleet.state, run_id)
    task = rows.task(number)
    assert task
    rows.keep_task(number, replace(task, until=datetime.now(UTC)))
    for target in {pair.target.id for pair in fleet.groups[number]}:
        fleet.state.swap(TARGETS, target, None, over=fleet.state.get(TARGETS, target))


@dataclass(frozen=True, kw_only=True)
class Story:
    """What there is to tell of a run."""

    run_id: str
    report: dict[str, Any]
    wanted: Additions
    killed: Mapping[int, set[int]]
    """Workers, by their group."""


def _everything_goes_wrong(fleet: Fleet, killed: dict[int, set[int]]) -> None:
    def kill(number: int, _: object) -> None:
        for process in callers(fleet.sandbox):
            os.kill(process, signal.SIGKILL)
            killed[number].add(process)
        if number == CUT_BEFORE_ADD:
            threading.Timer(FOUND_TAKEN, let_time_pass, (fleet, number)).start()
        else:
            let_time_pass(fleet, number)

    cut, lost = (f"/v1/playlists/{fleet.groups[number][2].target.id}/*" for number in (CUT_AFTER_ADD, CUT_BEFORE_ADD))
    closed, poisoned = (f"/v1/playlists/{fleet.groups[number][1].source.id}**" for number in (CLOSED_TO, POISONED))
    for fault in (
        Fault(kind="edit", method="POST", path=cut, after=1, act=partial(kill, CUT_AFTER_ADD)),
        Fault(kind="edit", method="POST", path=lost, act=partial(kill, CUT_BEFORE_ADD)),
        Fault(kind="close", method="POST", path=lost),
        Fault(kind="rate-limit", path=closed, headers={"Retry-After": str(CLOSED)}),
        Fault(kind="edit", path=poisoned, times=None, act=partial(kill, POISONED)),
    ):
        fleet.world.inject(fault)
    fleet.world.limits.append(TEN_A_SECOND)


@pytest.fixture(scope="module")
def story(fleet: Fleet) -> Story:
    """Have a run in which all goes wrong that can.

    Two workers are killed in mid-add, and all of one group; Spotify carries out one of those adds. Half of the messages
    are sent twice, some of those three times. One client id is not heard for a minute.
    """
    killed: dict[int, set[int]] = defaultdict(set)
    wanted = additions([pair for pair in fleet.pairs if pair not in fleet.groups[POISONED][1:]])
    _everything_goes_wrong(fleet, killed)

    failed, begun = invoke(fleet.cloud)
    for number in (*range(20, 40), 39, 38, 37):
        fleet.send(message(begun["run_id"], number))
    rows = Rows(fleet.state, begun["run_id"])
    wait_for(lambda: set(rows.tasks()) <= {POISONED} and fleet.put_aside(), seconds=300)
    fleet.send(message(begun["run_id"]))  # as there is one every five minutes
    wait_for(fleet.is_closed, seconds=30)

    assert not failed
    assert (begun["groups"], begun["pairs"], begun["waiting"]) == (GROUPS, 5 * GROUPS, 5 * GROUPS)
    fleet.world.heal()
    _, report = invoke(fleet.cloud, event={"report": "last"})
    return Story(run_id=begun["run_id"], report=report, wanted=wanted, killed=killed)


def test_the_queue_gives_a_group_up_when_the_workers_do(fleet: Fleet) -> None:
    assert json.loads(fleet.attributes()["RedrivePolicy"])["maxReceiveCount"] == ATTEMPTS


def test_nothing_is_lost_or_doubled_or_out_of_order(fleet: Fleet, story: Story) -> None:
    assert [len(story.killed[number]) for number in (CUT_AFTER_ADD, CUT_BEFORE_ADD, POISONED)] == [1, 1, ATTEMPTS]
    assert fleet.added() == fleet.by_target(story.wanted)


def test_the_report_tells_of_every_pair_once_what_was_added_for_it(fleet: Fleet, story: Story) -> None:
    pairs = story.report["pairs"]

    assert story.report["run_id"] == story.run_id
    assert [pair["name"] for pair in pairs] == [pair.name for pair in fleet.pairs]
    assert {pair["name"]: [item["uri"] for item in pair["items"]] for pair in pairs} == {
        pair.name: story.wanted.get(pair.name, []) for pair in fleet.pairs
    }
    assert story.report["added"] == sum(map(len, story.wanted.values()))


@pytest.mark.usefixtures("story")
def test_a_run_that_needs_someone_says_so_once(fleet: Fleet) -> None:
    assert fleet.logged("run failed") == 1


def test_a_group_that_ends_all_its_workers_is_put_aside_and_told_of(fleet: Fleet, story: Story) -> None:
    in_trouble = {pair["name"]: pair for pair in story.report["pairs"] if pair["error"] or pair["status"] != "added"}

    assert fleet.put_aside() == [message(story.run_id, POISONED)]
    assert list(in_trouble) == [pair.name for pair in fleet.groups[POISONED][1:]]
    assert {(pair["status"], pair["error"]["code"]) for pair in in_trouble.values()} == {("failed", "bug")}
    assert (story.report["ok"], story.report["exit_code"], story.report["error"]) == (False, 1, None)


@pytest.mark.usefixtures("story")
def test_together_they_are_never_too_fast_for_spotify(fleet: Fleet) -> None:
    refused = [call.faults for call in fleet.world.calls if call.status == 429]

    assert refused == [("rate-limit",)]


@pytest.mark.usefixtures("story")
def test_while_spotify_wants_to_hear_nothing_of_a_client_no_worker_asks_for_it(fleet: Fleet) -> None:
    account = fleet.groups[CLOSED_TO][0].account
    asked = fleet.calls([pair for pair in fleet.pairs if pair.account == account])
    (closed,) = (call.at for call in asked if "rate-limit" in call.faults)

    later = [call.at - closed for call in asked if call.at > closed]

    assert later
    assert not [seconds for seconds in later if 10 < seconds < CLOSED]  # after ten all have heard of it


@pytest.mark.usefixtures("story")
def test_a_message_whose_group_another_worker_has_comes_again_in_a_minute(fleet: Fleet) -> None:
    asked = fleet.calls(fleet.groups[CUT_BEFORE_ADD])
    (cut,) = (call.at for call in asked if "close" in call.faults)

    # By itself the message came back within seconds; a copy of it may have been put off a little before the cut.
    assert min(call.at for call in asked if call.at > cut) > cut + TAKEN_WAIT / 2


def test_a_message_that_comes_late_asks_for_nothing(fleet: Fleet, story: Story) -> None:
    wait_for(fleet.rests, seconds=30)
    asked = len(fleet.world.calls)

    fleet.send(message(story.run_id, 3))
    wait_for(fleet.rests, seconds=30)

    assert len(fleet.world.calls) == asked
    assert fleet.is_closed()


def test_nothing_is_left_of_a_run_but_what_it_did(fleet: Fleet, story: Story) -> None:
    rows = fleet.cloud.client("dynamodb").get_paginator("scan").paginate(TableName=state_table(fleet.cloud))
    partitions = {row["pk"]["S"] for page in rows for row in page["Items"]}

    assert not [each for each in partitions if story.run_id in each]
    assert partitions & {"lock", "open", f"shared#{TARGETS}"} == set()
    assert sum(len(uris) for uris in fleet.added().values()) == story.report["added"]


@pytest.mark.usefixtures("story")
def test_the_next_run_takes_up_what_was_given_up_and_nothing_else(fleet: Fleet) -> None:
    invoke(fleet.cloud)
    wait_for(fleet.is_closed, seconds=60)

    _, report = invoke(fleet.cloud, event={"report": "last"})
    assert report["ok"]
    assert [pair["name"] for pair in report["pairs"] if pair["added"]] == [
        pair.name for pair in fleet.groups[POISONED][1:]
    ]
    assert fleet.added() == fleet.by_target(fleet.whole)


@pytest.mark.usefixtures("story")
def test_without_the_right_to_send_a_run_fails_and_the_error_names_it(fleet: Fleet) -> None:
    fleet.world.add(fleet.pairs[0].source, [track(9, "new")])

    with without_right(fleet.cloud, "dispatch", "sqs:SendMessage"):
        failed, error = invoke(fleet.cloud)

    assert failed
    assert f"sqs:SendMessage on {STACK}-groups" in error["errorMessage"]
    for run_id in fleet.state.all(RUNS):  # it is open, and may be done all the same
        for number in Rows(fleet.state, run_id).tasks():
            fleet.send(message(run_id, number))
    wait_for(fleet.is_closed, seconds=60)


@pytest.fixture
def by_hand(fleet: Fleet) -> Iterator[None]:
    """Have nobody take messages from the queue."""
    functions = fleet.cloud.client("lambda")
    (mapping,) = functions.list_event_source_mappings()["EventSourceMappings"]
    functions.update_event_source_mapping(UUID=mapping["UUID"], Enabled=False)
    yield
    functions.update_event_source_mapping(UUID=mapping["UUID"], Enabled=True)


def deliver(fleet: Fleet) -> None:
    """Do with a message what Lambda and a worker do, as the worker's role."""
    sqs, queue = as_role(fleet.cloud, "work", "sqs"), {"QueueUrl": fleet.queue}
    sqs.get_queue_attributes(**queue, AttributeNames=["All"])
    sqs.send_message_batch(**queue, Entries=[{"Id": "0", "MessageBody": message("a run that is over")}])
    (delivered,) = sqs.receive_message(**queue)["Messages"]
    sqs.delete_message(**queue, ReceiptHandle=delivered["ReceiptHandle"])


@pytest.mark.usefixtures("by_hand")
@pytest.mark.parametrize("action", ["SendMessage", "ReceiveMessage", "DeleteMessage", "GetQueueAttributes"])
def test_a_worker_needs_every_right_that_it_has_on_the_queue(fleet: Fleet, action: str) -> None:
    deliver(fleet)

    with without_right(fleet.cloud, "work", f"sqs:{action}"), pytest.raises(ClientError, match="AccessDenied"):
        deliver(fleet)
