"""The page of ``syncer history --html`` as a document: well formed, of one file, and deaf to its names (X4)."""

import json
import re
from base64 import b64encode
from dataclasses import replace
from datetime import UTC, date, datetime
from hashlib import sha256
from html.parser import HTMLParser
from typing import Any

import pytest

from syncer import config
from syncer.cache import Cache, Index, Mark
from syncer.cli import page
from syncer.errors import CredentialsUnreadable
from syncer.ids import PlaylistId, Uri
from syncer.model import Account, Config, Item, Pair, Reason
from syncer.ports import Credentials, Stored
from tests.cli import histories
from tests.cli.histories import HOSTILE, MONDAY, NOW
from tests.cli.process import ROOT, Machine
from tests.fakes import MemoryState

VOID = {"meta", "link", "br", "img", "input", "hr"}
LOADS = {"src", "srcset", "data", "poster", "background", "action", "formaction", "ping", "manifest", "xlink:href"}


class Read(HTMLParser):
    """What a document comes to: each element and its attributes, and the text that a person sees."""

    def __init__(self, document: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.inside: dict[str, list[str]] = {}
        self.feed(document)
        self.close()
        assert self.open == [], "an element is never closed"

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        assert len(dict(attrs)) == len(attrs), f"<{tag}> has an attribute twice"
        self.elements.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        for tag in self.open[-1:]:
            self.inside.setdefault(tag, []).append(data)

    def all(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.elements if name == tag]

    @property
    def data(self) -> Any:
        return json.loads(self.inside["script"][0])


HISTORIES = {"empty": histories.facts(), "long": histories.long(), "hostile": histories.hostile()}


@pytest.fixture(params=HISTORIES)
def document(request: pytest.FixtureRequest) -> str:
    return page.page(HISTORIES[request.param])


def test_the_page_is_well_formed_and_can_be_written_as_utf_8(document: str) -> None:
    read = Read(document)
    assert document.startswith("<!doctype html>")
    assert document.encode()
    assert [len(read.all(tag)) for tag in ("html", "head", "body", "title", "h1", "main")] == [1] * 6
    names = [attributes["id"] for _, attributes in read.elements if "id" in attributes]
    assert len(set(names)) == len(names)


def test_nothing_in_the_page_would_load_anything(document: str) -> None:
    read = Read(document)
    for tag, attributes in read.elements:
        assert not LOADS & attributes.keys(), tag
        if "href" in attributes:
            assert tag in ("a", "link")
            wanted = r"https://open\.spotify\.com/(track|episode)/\w{22}" if tag == "a" else "data:,"
            assert re.fullmatch(wanted, attributes["href"] or "")
    assert not re.search(r"url\(|@import|image-set", "".join(read.inside["style"]))
    assert {tag for tag, _ in read.elements}.isdisjoint({"img", "iframe", "object", "embed", "base", "form", "svg"})


def test_nothing_in_the_page_runs_but_what_its_policy_names(document: str) -> None:
    """By the hash of each script and style; no attribute is a script or a style."""
    read = Read(document)
    (policy,) = (each["content"] for each in read.all("meta") if each.get("http-equiv") == "Content-Security-Policy")
    assert policy
    assert policy.startswith("default-src 'none'; ")
    assert "unsafe" not in policy
    named = re.findall(r"'sha256-([^']+)'", policy)
    ran = [*read.inside["script"][1:], *read.inside["style"]]
    assert named == [b64encode(sha256(each.encode()).digest()).decode() for each in ran]
    assert read.all("script") == [{"type": "application/json", "id": "data"}, {}, {}]
    for tag, attributes in read.elements:
        assert not [name for name in attributes if name.startswith("on") or name == "style"], tag


def test_the_library_is_the_one_that_is_documented_and_brings_its_licence(document: str) -> None:
    told = (ROOT / "docs" / "dependencies.md").read_text(encoding="utf-8")
    assets = ROOT / "syncer" / "cli" / "assets"
    for name in ("uPlot.iife.min.js", "uPlot.min.css"):
        assert f"`{sha256((assets / name).read_bytes()).hexdigest()}`" in told
        assert (assets / name).read_text(encoding="utf-8") in document
    assert (assets / "LICENSE-uPlot.txt").read_text(encoding="utf-8") in document


def test_a_name_that_means_harm_is_text_and_no_more() -> None:
    read, plain = (Read(page.page(histories.hostile())), Read(page.page(histories.long(years=1, pairs=len(HOSTILE)))))
    shown = read.inside["bdi"]
    assert {tag for tag, _ in read.elements} == {tag for tag, _ in plain.elements}
    assert {name for _, found in read.elements for name in found} == {
        name for _, found in plain.elements for name in found
    }
    assert set(HOSTILE[:6]) <= set(shown)
    assert "\\u202egpj.exe\\u2066" in shown
    assert "\\x1b]52;c;cm0gLXJm\\x07\\x00\\x9b31m" in shown
    assert "نوال الزغبي" in shown
    assert all(text.isprintable() for text in shown)
    assert max(map(len, shown)) == page.LONGEST_NAME


def test_only_what_can_be_played_becomes_a_link() -> None:
    item = Item(uri=Uri("spotify:local:a:b:c:1"), name="local")
    read = Read(page.page(histories.facts(latest=[replace(histories.happened(1, "", ""), item=item)])))
    assert read.all("a") == []
    assert "local" in read.inside["bdi"]


def test_ten_years_of_many_pairs_stay_a_small_page() -> None:
    document = page.page(histories.long(years=10, pairs=200))
    read = Read(document)
    assert len(document.encode()) < 300_000
    assert len(read.data["pairs"]) == page.MOST_PAIRS == document.count('class="chart"')
    assert "And 150 more pairs, which brought " in document
    assert read.data["weeks"] == 520


def test_a_clock_that_was_wrong_once_does_not_make_the_page_endless() -> None:
    read = Read(page.page(histories.facts({"odd": {date(1, 1, 1): 7, MONDAY: 2, date(9999, 12, 27): 1}})))
    assert read.data["weeks"] == len(read.data["pairs"][0]) == page.MOST_WEEKS
    assert read.data["pairs"][0][-1] == 2
    assert read.inside["h1"] == ["10 items added"]


def test_the_charts_end_with_this_week_and_reach_back_half_a_year_at_least() -> None:
    data = Read(page.page(histories.facts({"new": {MONDAY: 2, MONDAY - page.WEEK: 1}}))).data
    assert data["pairs"] == [[0] * 24 + [1, 2]]
    last = datetime.fromtimestamp(data["first"], UTC) + 25 * page.WEEK
    assert last == datetime(2026, 11, 16, tzinfo=UTC)


def test_the_numbers_of_a_pair_are_told_in_words_too() -> None:
    weeks = {MONDAY: 2, MONDAY - 51 * page.WEEK: 10, MONDAY - 52 * page.WEEK: 100}
    left_out = {"new": {Reason.ALREADY_THERE: 22, Reason.REPEATED: 0}}
    read = Read(page.page(histories.facts({"new": weeks}, left_out=left_out)))
    assert "2 this week · 12 in 52 weeks · 112 in all" in read.inside["p"]
    assert "Left out: 22 already there" in read.inside["p"]


def test_pairs_come_in_the_order_of_the_config_then_those_that_only_the_record_knows() -> None:
    read = Read(page.page(histories.facts({"gone": {MONDAY: 1}, "a": {MONDAY: 1}}, left_out={"b": {}, "a": {}})))
    assert read.inside["bdi"] == ["b", "a", "gone"]


def test_a_sign_in_that_ends_soon_says_what_to_do() -> None:
    document = page.page(histories.long())
    read = Read(document)
    said = " ".join(read.inside["p"])
    assert "SIGN IN NOW: the sign-in of account 'bert' ends on 2026-11-24, in 2 days: run `syncer login" in said
    assert "42 requests in the last 24 hours, 120 left" in said
    assert "Its credentials cannot be read here" in said
    assert 'class="figure good">160 <' in document
    assert 'class="figure mixed">18 <' in document
    assert 'class="figure bad">2 <' in document


# --- what is gathered -------------------------------------------------------------------------------------------------


class Store:
    """A store of credentials that may refuse."""

    place, login_option, slowest = "memory", "--secret here", 1.0

    def __init__(self, client_id: str, authorized_at: str | None = "2026-11-01") -> None:
        self._credentials = Credentials(client_id=client_id, refresh_token="r", authorized_at=authorized_at)

    def load(self) -> Stored:
        if not self._credentials.client_id:
            raise CredentialsUnreadable("they are gone", hint="find them")
        return Stored(credentials=self._credentials, version="1")

    def save(self, changed: Credentials, *, over: Stored) -> Stored:
        raise AssertionError((changed, over))


def gathered(state: MemoryState, *, accounts: dict[str, Store] | None = None, limit: int | None = None) -> page.Facts:
    stores = accounts or {"default": Store("client")}
    settings = Config(
        pairs=tuple(Pair(name=name, sources=(), target=PlaylistId("t" * 22)) for name in ("b", "a")),
        accounts=tuple(Account(name=name, daily_requests=limit if name == "default" else None) for name in stores),
    )
    history = histories.facts().history
    return page.gather(history, settings, state, stores=lambda account: stores[account.name], now=NOW)


def test_skips_are_those_of_the_last_time_a_pair_was_through() -> None:
    state = MemoryState()
    mark = Mark(route="", sources=(), targets=(), seen_at=NOW, until=NOW, skipped={Reason.ALREADY_THERE: 5})
    Cache(state).keep_index(Index(marks={"a": mark}))
    assert gathered(state).left_out == {"b": {}, "a": {Reason.ALREADY_THERE: 5}}


def test_requests_are_those_of_the_app_and_left_is_by_the_lowest_limit_of_those_that_share_it() -> None:
    state = MemoryState()
    hour = int(NOW.timestamp() // 3600)
    Cache(state).keep_spent("client", {hour: (40, 30), hour - 30: (500, 500)})
    facts = gathered(state, accounts={"anna": Store("client"), "default": Store("client")}, limit=100)
    assert [(each.requests_today, each.requests_left) for each in facts.sign_ins] == [(40, 70), (40, 70)]


def test_credentials_that_cannot_be_had_cost_their_dates_and_no_more() -> None:
    stores = {"default": Store(""), "odd": Store("client", "someday"), "good": Store("client")}
    facts = gathered(MemoryState(), accounts=stores)
    assert [each.consented for each in facts.sign_ins] == [None, None, date(2026, 11, 1)]
    assert [each.requests_today for each in facts.sign_ins] == [None, 0, 0]
    assert Read(page.page(facts)).open == []


def test_what_runs_have_kept_is_on_the_page(desk: Machine) -> None:
    for _ in range(2):
        assert desk.run("run").code == 0
    written = desk.folder / "history.html"
    shown = desk.run("history", "--html", str(written))
    assert (shown.code, shown.out) == (0, "")
    assert "open it in a browser" in shown.err
    settings, read = config.load(desk.config), Read(written.read_text(encoding="utf-8"))
    assert read.inside["h1"] == ["3 items added"]
    assert read.data["pairs"] == [[0] * 25 + [3]]
    landed = [uri.split(":")[2] for uri in desk.world.playlists[settings.pairs[0].target].uris[4:] if uri]
    assert [link["href"] for link in read.all("a")] == [f"https://open.spotify.com/track/{one}" for one in landed]
    said = " ".join(read.inside["p"])
    assert f"{len(desk.requests())} requests in the last 24 hours" in said
    assert "Left out: 7 already there" in said
