"""A config is read whole or refused with every problem at its place; nothing in a file makes us hang, crash or tell."""

import dataclasses
import importlib.util
import json
import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import date, timedelta
from pathlib import Path
from types import ModuleType
from typing import Any, get_args

import jsonschema
import pytest
import yaml
from hypothesis import example, given
from hypothesis import strategies as st

from syncer import config, document, forms, naming, options
from syncer.errors import Code, ConfigError, Problem
from syncer.ids import SHOWN, NotAPlaylist, PlaylistId, Thing, linked, playlist_id
from syncer.model import (
    MAX_ITEMS,
    Account,
    AlbumSource,
    ArtistSource,
    Captured,
    Config,
    FileSource,
    LikedSongs,
    Match,
    NewTarget,
    Pair,
    PlaylistSource,
    Position,
    Queue,
    RecentlyPlayed,
    Removed,
    Rhythm,
    SavedAlbums,
    SavedEpisodes,
    ShowSource,
    Source,
    Term,
    TopTracks,
)
from syncer.rules import By, Explicit, Filter, Medium, Order, Pattern, Rules, Span, Text

ROOT = Path(__file__).parent.parent
A = "5ieJqeLJjjI8iJWaxeBLuK"
B = "2mULMNIOjAkmgJvE6J7YhL"
C = "3kPq7TzWvYb1LxRm8NcA4s"
MADE = "37i9dQZEVXcQ9COmYvdajy"

Load = Callable[[str | bytes], Config]


def loaded_anew(path: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location("config_anew", path)
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(sys.modules, spec.name, module)  # where dataclasses look for it
        spec.loader.exec_module(module)
    return module


def without_libyaml() -> ModuleType:
    """The same module, as it is where PyYAML has no compiled parser."""
    with pytest.MonkeyPatch.context() as patch:
        patch.delattr(yaml, "CSafeLoader")
        patch.setitem(sys.modules, "syncer.document", loaded_anew(Path(document.__file__)))
        return loaded_anew(Path(config.__file__))


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("config")


def loader(module: ModuleType, folder: Path) -> Load:
    def load(content: str | bytes) -> Config:
        path = folder / "config.yaml"
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        loaded: Config = module.load(path)
        return loaded

    return load


@pytest.fixture(scope="module")
def load(folder: Path) -> Load:
    return loader(config, folder)


@pytest.fixture(scope="module", params=[config, without_libyaml()], ids=["libyaml", "python"])
def load_either_way(folder: Path, request: pytest.FixtureRequest) -> Load:
    return loader(request.param, folder)


def places(problems: tuple[Problem, ...]) -> list[str]:
    return [f"{problem.line}:{problem.column}: {problem.path}: {problem.message}" for problem in problems]


def problems(load: Load, content: str | bytes) -> list[str]:
    with pytest.raises(ConfigError) as refused:
        load(content)
    return places(refused.value.problems)


def pairs(*entries: str) -> str:
    return "pairs:\n" + "".join(f"  - {{{entry}}}\n" for entry in entries)


GOOD = f"source: {A}, target: {B}"


# --- what a good config says ------------------------------------------------------------------------------------------


def test_the_least_that_works_gives_one_pair_with_every_default(load_either_way: Load) -> None:
    loaded = load_either_way(
        f"pairs:\n  - source: https://open.spotify.com/playlist/{A}\n"
        f"    target: https://open.spotify.com/playlist/{B}\n"
    )

    assert loaded == Config(
        pairs=(Pair(name=f"{A}-to-{B}", sources=(PlaylistSource(PlaylistId(A)),), target=PlaylistId(B)),)
    )


def test_every_key_is_heard(load: Load, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/home/someone")
    loaded = load(
        f"""---
version: 1
accounts:
  default: {{secret: spotify-credentials}}
  anna: {{file: keys/anna.json}}
  bob: {{file: ~/bob.json}}
  eve: {{file: /srv/eve.json, daily_requests: 150}}
defaults: {{enabled: off, account: anna, max_additions: 20, removed: stay-out}}
state: {{file: ~/kept/state.sqlite3}}
pairs:
  - {{name: first, source: liked, target: {A}, enabled: yes, account: bob, max_additions: 10000, removed: come-back}}
  - {{source: [spotify:playlist:{A}, liked, {C}], target: {B}}}
"""
    )

    assert loaded.accounts == (
        Account(name="default", secret="spotify-credentials"),
        Account(name="anna", file=str(folder / "keys/anna.json")),
        Account(name="bob", file="/home/someone/bob.json"),
        Account(name="eve", file="/srv/eve.json", daily_requests=150),
    )
    assert loaded.state == "file:/home/someone/kept/state.sqlite3"
    assert loaded.pairs == (
        Pair(
            name="first",
            sources=(LikedSongs(),),
            target=PlaylistId(A),
            account="bob",
            enabled=True,
            max_additions=10000,
        ),
        Pair(
            name=f"{A}-and-2-more-to-{B}",
            sources=(PlaylistSource(PlaylistId(A)), LikedSongs(), PlaylistSource(PlaylistId(C))),
            target=PlaylistId(B),
            account="anna",
            enabled=False,
            max_additions=20,
            removed=Removed.STAY_OUT,
        ),
    )


def test_the_default_account_may_leave_its_place_open(load: Load) -> None:
    loaded = load(f"accounts: {{default: {{daily_requests: 20}}}}\n{pairs(GOOD)}")

    assert loaded.accounts == (Account(name="default", daily_requests=20),)


def test_a_pair_from_liked_songs_is_named_after_them(load: Load) -> None:
    assert load(pairs(f"source: liked, target: {A}")).pairs[0].name == f"liked-to-{A}"


FORMS = [
    (f"{{playlist: https://open.spotify.com/playlist/{A}}}", PlaylistSource(PlaylistId(A)), A),
    ("{liked: true}", LikedSongs(), "liked"),
    ("{liked: }", LikedSongs(), "liked"),
    ("liked: yes", LikedSongs(), "liked"),
    (f"spotify:album:{A}", AlbumSource(A), A),
    (f"https://open.spotify.com/intl-de/album/{A}?si=x", AlbumSource(A), A),
    (f"{{album: {A}}}", AlbumSource(A), A),
    (f"{{album: open.spotify.com/album/{A}}}", AlbumSource(A), A),
    ("saved_albums", SavedAlbums(), "saved_albums"),
    ("saved_albums:", SavedAlbums(), "saved_albums"),
    (f"https://open.spotify.com/artist/{A}", ArtistSource(A), A),
    (f"{{artist: {A}, since: 2026-01-31}}", ArtistSource(A, date(2026, 1, 31)), A),
    (f"{{artist: spotify:artist:{A}, since: '2024-02-29'}}", ArtistSource(A, date(2024, 2, 29)), A),
    ("{top: short}", TopTracks(Term.SHORT), "top-short"),
    ("top: medium", TopTracks(Term.MEDIUM), "top-medium"),
    ("{top: long}", TopTracks(Term.LONG), "top-long"),
    (f"https://open.spotify.com/show/{A}", ShowSource(A), A),
    (f"{{show: {A}}}", ShowSource(A), A),
    ("saved_episodes", SavedEpisodes(), "saved_episodes"),
    ("{saved_episodes: }", SavedEpisodes(), "saved_episodes"),
    ("recently_played", RecentlyPlayed(), "recently_played"),
    ("{recently_played: true}", RecentlyPlayed(), "recently_played"),
    (f"{{recently_played: {{context: {MADE}}}}}", RecentlyPlayed(PlaylistId(MADE)), "recently_played"),
    (
        f"{{recently_played: true, context: spotify:playlist:{MADE}}}",
        RecentlyPlayed(PlaylistId(MADE)),
        "recently_played",
    ),
    ("queue", Queue(), "queue"),
    ("{queue: }", Queue(), "queue"),
    (f"{{queue: {{context: https://open.spotify.com/playlist/{MADE}}}}}", Queue(PlaylistId(MADE)), "queue"),
    (f"{{context: {MADE}, queue: }}", Queue(PlaylistId(MADE)), "queue"),
    ("{file: /srv/my songs (1).csv}", FileSource("/srv/my songs (1).csv", "/srv/my songs (1).csv"), "my-songs--1-"),
    ("{file: /}", FileSource("/", "/"), "file"),
]


@pytest.mark.parametrize(("form", "source", "name"), FORMS)
def test_every_kind_of_source_is_understood_and_names_its_pair(
    load_either_way: Load, form: str, source: Source, name: str
) -> None:
    loaded = load_either_way(f"pairs:\n- target: {B}\n  source:\n    {form}\n")

    assert loaded.pairs == (Pair(name=f"{name}-to-{B}", sources=(source,), target=PlaylistId(B)),)
    assert loaded.warnings == ()


def test_there_is_a_form_for_every_kind_of_source() -> None:
    assert {type(source) for _, source, _ in FORMS} == set(get_args(Source)) - {Captured}


def test_kinds_are_mixed_in_a_list_and_kept_in_its_order(load: Load) -> None:
    (pair,) = load(f"pairs:\n- target: {B}\n  source:\n" + "".join(f"  - {form}\n" for form, _, _ in FORMS)).pairs

    assert pair.sources == tuple(dict.fromkeys(source for _, source, _ in FORMS))


def test_a_file_is_found_from_the_config_and_called_as_it_is_written(
    load: Load, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", "/home/someone")
    (pair,) = load(pairs(f"source: [{{file: lists/a.txt}}, {{file: ~/b.csv}}], target: {B}")).pairs

    assert pair.sources == (
        FileSource(str(folder / "lists/a.txt"), "lists/a.txt"),
        FileSource("/home/someone/b.csv", "~/b.csv"),
    )
    assert list(map(str, pair.sources)) == ["file:lists/a.txt", "file:~/b.csv"]


def test_a_name_made_from_a_long_file_name_keeps_to_64_characters(load: Load) -> None:
    one = load(pairs(f"source: {{file: {'x' * 200}.csv}}, target: {B}")).pairs[0].name
    more = load(pairs(f"source: [{{file: {'x' * 200}.csv}}, liked, queue], target: {B}")).pairs[0].name

    assert one == f"{'x' * 38}-to-{B}"
    assert more == f"{'x' * 27}-and-2-more-to-{B}"
    assert len(one) == len(more) == 64


# --- what is taken, and how -------------------------------------------------------------------------------------------


def pair_with(load: Load, options: str, defaults: str = "") -> Pair:
    head = f"defaults:\n  {defaults}\n" if defaults else ""
    (pair,) = load(f"{head}pairs:\n- source: {A}\n  target: {B}\n  {options}\n").pairs
    return pair


OPTIONS: list[tuple[str, dict[str, Any]]] = [
    ("include: {artist: Łukasz Zima}", {"rules": Rules(include=Filter(artist=(Text("Łukasz Zima"),)))}),
    (
        "exclude: {title: [live, '/re-?mix/'], album: '1975'}",
        {"rules": Rules(exclude=Filter(title=(Text("live"), Pattern("re-?mix")), album=(Text("1975"),)))},
    ),
    (
        r"exclude: {title: ['/\bdemo\b/', AC/DC]}",
        {"rules": Rules(exclude=Filter(title=(Pattern(r"\bdemo\b"), Text("AC/DC"))))},
    ),
    ("include: {artist: 'می\u200cشد'}", {"rules": Rules(include=Filter(artist=(Text("می\u200cشد"),)))}),
    ("explicit: exclude", {"rules": Rules(explicit=Explicit.EXCLUDE)}),
    ("explicit: only", {"rules": Rules(explicit=Explicit.ONLY)}),
    (
        "duration: {min: 90s, max: 1h30m}",
        {"rules": Rules(duration=Span(min=timedelta(seconds=90), max=timedelta(minutes=90)))},
    ),
    ("duration: {min: 90}", {"rules": Rules(duration=Span(min=timedelta(seconds=90)))}),
    ("duration: {max: 0090}", {"rules": Rules(duration=Span(max=timedelta(seconds=90)))}),
    ("duration: {min: 0}", {"rules": Rules(duration=Span(min=timedelta()))}),
    *(
        (f"released_since: {text}", {"rules": Rules(released_since=date(2020, 1, 1))})
        for text in ("2020", "'2020'", "2020-01", "2020-01-01", "'2020-01-01'")
    ),
    ("added_since: 2026-02-28", {"rules": Rules(added_since=date(2026, 2, 28))}),
    ("added_since: 30d", {"rules": Rules(added_since=timedelta(days=30))}),
    ("kinds: episodes", {"rules": Rules(kinds=frozenset({Medium.EPISODES}))}),
    ("kinds: [tracks]", {"rules": Rules(kinds=frozenset({Medium.TRACKS}))}),
    ("kinds: [tracks, episodes]", {}),
    (f"never: {C}", {"rules": Rules(never=(PlaylistId(C),))}),
    (
        f"never: [spotify:playlist:{C}, https://open.spotify.com/playlist/{A}, {C}]",
        {"rules": Rules(never=(PlaylistId(C), PlaylistId(A)))},
    ),
    ("first: 50", {"rules": Rules(first=50)}),
    ("last: 1", {"rules": Rules(last=1)}),
    ("order: newest", {"rules": Rules(order=Order(By.NEWEST))}),
    ("order: shuffle", {"rules": Rules(order=Order(By.SHUFFLE))}),
    ("order: shuffle(2026)", {"rules": Rules(order=Order(By.SHUFFLE, "2026"))}),
    ("interleave: on", {"rules": Rules(interleave=True)}),
    ("match: recording", {"match": Match.RECORDING}),
    ("match: fuzzy", {"match": Match.FUZZY}),
    ("position: start", {"position": Position.START}),
    ("every: 30m", {"rhythm": Rhythm(every=timedelta(minutes=30))}),
    ("every: 1d12h", {"rhythm": Rhythm(every=timedelta(hours=36))}),
    ("every: 366d", {"rhythm": Rhythm(every=timedelta(days=366))}),
    ("days: mon", {"rhythm": Rhythm(days=frozenset({0}))}),
    ("days: [sun, tue, sun]", {"rhythm": Rhythm(days=frozenset({1, 6}))}),
]


@pytest.mark.parametrize(("written", "meant"), OPTIONS)
def test_every_option_is_understood_on_a_pair_and_under_defaults(
    load_either_way: Load, written: str, meant: dict[str, Any]
) -> None:
    usual = pair_with(load_either_way, "enabled: true")

    assert pair_with(load_either_way, written) == dataclasses.replace(usual, **meant)
    assert pair_with(load_either_way, "enabled: true", defaults=written) == dataclasses.replace(usual, **meant)


def test_there_is_an_example_of_every_option() -> None:
    held = {written.partition(":")[0] for written, _ in OPTIONS}

    assert held == options.KNOWN - {"enabled", "account", "max_additions", "removed"}


def test_what_a_pair_says_replaces_the_whole_of_what_defaults_say(load: Load) -> None:
    pair = pair_with(
        load, "exclude: {title: live}\n  days: [tue]", defaults="exclude: {artist: someone}\n  days: [mon]\n  every: 6h"
    )

    assert pair.rules == Rules(exclude=Filter(title=(Text("live"),)))
    assert pair.rhythm == Rhythm(every=timedelta(hours=6), days=frozenset({1}))


def test_first_and_last_replace_each_other(load: Load) -> None:
    assert pair_with(load, "last: 3", defaults="first: 5").rules == Rules(last=3)
    assert pair_with(load, "first: 3", defaults="last: 5").rules == Rules(first=3)
    assert pair_with(load, "last: none", defaults="first: 5").rules == Rules(first=5)


@pytest.mark.parametrize(
    "written", [written for written, _ in OPTIONS if written.partition(":")[0] in options.CAN_BE_NONE]
)
def test_none_takes_back_what_defaults_say(load: Load, written: str) -> None:
    key = written.partition(":")[0]

    assert (
        pair_with(load, f"{key}: none", defaults=written)
        == pair_with(load, f"{key}: none")
        == pair_with(load, "enabled: true")
    )


@pytest.mark.parametrize(
    ("form", "made", "rolls_over", "called"),
    [
        ("create: Archive {year}-{month}", NewTarget(pattern="Archive {year}-{month}"), True, "Archive-year-month"),
        ('{create: "{year}"}', NewTarget(pattern="{year}"), True, "year"),
        ("create: '{{a}}'", NewTarget(pattern="{{a}}"), True, "a"),
        ("create: Архив", NewTarget(pattern="Архив"), True, "new"),
        (
            "create: Everything that I ever liked",
            NewTarget(pattern="Everything that I ever liked"),
            True,
            "Everything-that-I-ever",
        ),
        (
            "{create: a, public: yes, description: 'b: c', roll_over: no}",
            NewTarget(pattern="a", public=True, description="b: c"),
            False,
            "a",
        ),
        ("{create: a, roll_over: true}", NewTarget(pattern="a"), True, "a"),
        (f"{{playlist: {B}, roll_over: true}}", None, True, B),
        (f"{{playlist: {B}, roll_over: false}}", None, False, B),
        (f"{{playlist: {B}}}", None, False, B),
    ],
)
def test_a_target_can_be_made_and_can_roll_over(
    load_either_way: Load, form: str, made: NewTarget | None, rolls_over: Any, called: str
) -> None:
    (pair,) = load_either_way(f"pairs:\n- source: liked\n  target:\n    {form}\n").pairs

    assert pair == Pair(
        name=f"liked-to-{called}",
        sources=(LikedSongs(),),
        target=PlaylistId("" if made else B),
        create=made,
        roll_over=rolls_over,
    )


def test_a_made_target_belongs_to_the_account_that_it_names(load: Load) -> None:
    (pair,) = load(PEOPLE + pairs("source: liked, target: {create: a, account: anna}")).pairs

    assert (pair.readers, pair.account) == (("default",), "anna")


def test_pairs_with_other_rules_or_other_makers_do_not_do_the_same(load: Load) -> None:
    loaded = load(
        PEOPLE
        + pairs(
            f"name: one, {GOOD}, first: 5",
            f"name: two, {GOOD}, include: {{artist: Nina Oduya}}",
            f"name: three, source: {A}, target: {{create: x}}",
            f"name: four, source: {A}, target: {{create: x, account: anna}}",
            f"name: five, source: {A}, target: {{create: y}}",
        )
    )

    assert len(loaded.pairs) == 5


def test_a_never_list_made_by_spotify_is_a_warning_with_a_way_out(load: Load) -> None:
    (warning,) = places(load(pairs(f"{GOOD}, never: [{C}, {MADE}]")).warnings)

    assert warning == (
        "2:102: $.pairs[0].never[1]: this looks like a playlist that Spotify makes itself, and since November 2024"
        " Spotify lets no new app read those: copy its tracks into a playlist of your own in a Spotify app and name"
        " that one here"
    )


def test_a_thousand_pairs_may_share_a_pattern(load: Load) -> None:
    rule = r"exclude: {title: '/(\pL*\w*){30}/'}"
    loaded = load(pairs(*(f"name: p{n}, source: liked, target: '{n:022}', {rule}" for n in range(1000))))

    assert len({pair.rules for pair in loaded.pairs}) == 1


# --- who reads and who writes -----------------------------------------------------------------------------------------

PEOPLE = "accounts: {default: {file: d}, anna: {file: a}, bob: {file: b}}\n"


@pytest.mark.parametrize(
    ("entry", "readers", "writer"),
    [
        (f"source: {A}, target: {B}", (), "default"),
        (f"source: {{playlist: {A}}}, target: {{playlist: {B}}}", (), "default"),
        (f"source: {{playlist: {A}, account: anna}}, target: {B}", ("anna",), "default"),
        (f"source: {A}, target: {{playlist: {B}, account: anna}}", ("default",), "anna"),
        (f"source: {{liked: , account: anna}}, target: {{playlist: {B}, account: anna}}", (), "anna"),
        (f"source: [{A}, {{top: short, account: anna}}], target: {B}, account: bob", ("bob", "anna"), "bob"),
        (f"source: {A}, target: {{playlist: {B}, account: anna}}, account: bob", ("bob",), "anna"),
        (f"source: [liked, {{liked: true, account: bob}}], target: {B}", ("default", "bob"), "default"),
    ],
)
def test_a_source_and_a_target_can_have_accounts_of_their_own(
    load: Load, entry: str, readers: tuple[str, ...], writer: str
) -> None:
    (pair,) = load(PEOPLE + pairs(entry)).pairs

    assert (pair.readers, pair.account) == (readers, writer)


def test_the_account_under_defaults_is_for_what_names_none(load: Load) -> None:
    entry = f"source: [liked, {{queue: , account: bob}}], target: {B}"
    (pair,) = load(PEOPLE + "defaults: {account: anna}\n" + pairs(entry)).pairs

    assert pair.reads == (("anna", LikedSongs()), ("bob", Queue()))
    assert pair.account == "anna"


def test_the_default_account_need_not_be_there_where_nothing_uses_it(load: Load) -> None:
    entry = f"source: {{liked: , account: anna}}, target: {{playlist: {B}, account: bob}}"

    assert load("accounts: {anna: {file: a}, bob: {file: b}}\n" + pairs(entry)).pairs[0].accounts == ("anna", "bob")


OWN = ["liked", "saved_albums", "top: short", "saved_episodes", "recently_played", "queue"]
COMMON = [f"playlist: {A}", f"album: {A}", f"artist: {A}", f"show: {A}", "file: a.txt"]


@pytest.mark.parametrize("kind", OWN)
def test_what_is_someones_own_is_another_source_for_another_account(load: Load, kind: str) -> None:
    kind = kind if ":" in kind else f"{kind}: true"
    loaded = load(
        PEOPLE
        + pairs(
            f"name: one, source: {{{kind}, account: anna}}, target: {B}",
            f"name: two, source: {{{kind}, account: bob}}, target: {B}",
        )
    )

    assert [pair.name for pair in loaded.pairs] == ["one", "two"]


@pytest.mark.parametrize("kind", COMMON)
def test_what_is_the_same_for_all_is_copied_by_one_pair(load: Load, kind: str) -> None:
    content = PEOPLE + pairs(
        f"name: one, source: {{{kind}, account: anna}}, target: {B}",
        f"name: two, source: {{{kind}, account: bob}}, target: {B}",
    )

    assert problems(load, content) == [
        "4:5: $.pairs[1]: the pairs in lines 3 and 4 have the same source and target: keep one"
    ]


def test_paths_are_relative_to_the_config_wherever_it_is_started_from(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "config.yaml").write_text(f"accounts: {{default: {{file: a.json}}}}\nstate: {{file: s}}\n{pairs(GOOD)}")
    monkeypatch.chdir(tmp_path)

    loaded = config.load(Path("config.yaml"))

    assert loaded.accounts[0].file == str(tmp_path / "a.json")
    assert loaded.state == f"file:{tmp_path / 's'}"


@pytest.mark.parametrize(
    ("said", "state"),
    [
        ("none", "none"),
        ("{table: rediscover-weekly}", "table:rediscover-weekly"),
        ("{file: '/srv/a: b.sqlite3'}", "file:/srv/a: b.sqlite3"),
    ],
)
def test_the_state_is_kept_where_the_config_says(load: Load, said: str, state: str) -> None:
    assert load(f"state: {said}\n{pairs(GOOD)}").state == state


def test_liked_songs_of_two_accounts_are_two_sources(load: Load) -> None:
    accounts = "accounts: {a: {file: a}, b: {file: b}}\n"
    loaded = load(
        accounts
        + pairs(
            f"name: one, source: liked, target: {A}, account: a", f"name: two, source: liked, target: {A}, account: b"
        )
    )

    assert [pair.name for pair in loaded.pairs] == ["one", "two"]


def test_the_shipped_example_holds_and_points_editors_to_the_schema() -> None:
    path = ROOT / "config" / "config.yaml"
    loaded = config.load(path)

    assert len(loaded.pairs) >= 2
    assert any(LikedSongs() in pair.sources for pair in loaded.pairs)
    assert loaded.warnings == ()
    modeline = path.read_text(encoding="utf-8").splitlines()[0]
    assert modeline == "# yaml-language-server: $schema=../schemas/config.schema.json"


def test_what_the_shipped_example_has_in_comments_holds_too(load: Load) -> None:
    """A beginner who takes the '# ' away from the optional part gets a config that works."""
    text = (ROOT / "config" / "config.yaml").read_text(encoding="utf-8")
    for block in ("defaults:", "accounts:", "state:"):
        before, after = text.split(f"# {block}")
        lines, rest = after.split("\n\n")[0].splitlines(), after.split("\n\n")[1:]
        text = (
            before + "\n".join([block, *(line.removeprefix("# ") for line in lines[1:])]) + "\n\n" + "\n\n".join(rest)
        )

    loaded = load(text)

    assert [account.name for account in loaded.accounts] == ["default", "anna"]
    assert {(pair.account, pair.max_additions) for pair in loaded.pairs} == {("anna", 200)}
    assert loaded.state
    assert loaded.state.endswith("/.local/state/rediscover-weekly/state.sqlite3")


# --- what is odd but runs ---------------------------------------------------------------------------------------------


def test_a_playlist_made_by_spotify_is_a_warning_with_a_way_out(load: Load) -> None:
    loaded = load(pairs(f"source: [{A}, spotify:playlist:{MADE}], target: {B}"))

    (warning,) = places(loaded.warnings)
    assert warning == (
        "2:39: $.pairs[0].source[1]: this looks like a playlist that Spotify makes itself, and since November 2024"
        " Spotify lets no new app read those: copy its tracks into a playlist of your own in a Spotify app and use that"
        " copy as the source, or give 'recently_played' or 'queue' with this playlist as its 'context', or use"
        " `syncer capture` (docs/discover-weekly.md)"
    )
    assert loaded.pairs[0].sources[1] == PlaylistSource(PlaylistId(MADE))


def test_a_source_listed_twice_is_a_warning_and_is_read_once(load: Load) -> None:
    loaded = load(f"pairs:\n- target: {B}\n  source:\n  - {A}\n  - liked\n  - spotify:playlist:{A}\n")

    assert places(loaded.warnings) == [
        "6:5: $.pairs[0].source[2]: the same source is listed twice, in lines 4 and 6: it is read once"
    ]
    assert loaded.pairs[0].sources == (PlaylistSource(PlaylistId(A)), LikedSongs())


def test_the_same_source_in_other_words_is_the_same_and_by_another_account_is_not(load: Load) -> None:
    loaded = load(
        f"{PEOPLE}pairs:\n- target: {B}\n  source:\n  - queue\n  - {{playlist: {A}}}\n"
        f"  - {{queue: true, account: default}}\n  - {{playlist: {A}, account: anna}}\n"
        f"  - {{queue: {{context: {A}}}}}\n  - spotify:playlist:{A}\n"
    )

    assert [problem.line for problem in loaded.warnings] == [7, 10]
    playlist = PlaylistSource(PlaylistId(A))
    assert loaded.pairs[0].reads == (
        ("default", Queue()),
        ("default", playlist),
        ("anna", playlist),
        ("default", Queue(PlaylistId(A))),
    )


# --- C1: the file -----------------------------------------------------------------------------------------------------


def refusal(path: Path) -> str:
    with pytest.raises(ConfigError) as refused:
        config.load(path)
    (problem,) = refused.value.problems
    assert (problem.file, problem.line, problem.column, problem.path) == (str(path), 0, 0, "$")
    return problem.message


def test_a_missing_file_is_refused_with_the_next_step(tmp_path: Path) -> None:
    path = tmp_path / "no.yaml"
    assert refusal(path) == f"there is no file {path}: pass --config PATH or create it"
    (tmp_path / "file").touch()
    path = tmp_path / "file" / "config.yaml"
    assert refusal(path) == f"there is no file {path}: pass --config PATH or create it"


def test_a_folder_is_refused(tmp_path: Path) -> None:
    assert refusal(tmp_path) == f"{tmp_path} is a folder: pass a file with --config PATH"


def test_a_pipe_that_nobody_writes_to_is_refused_at_once(tmp_path: Path) -> None:
    path = tmp_path / "pipe"
    os.mkfifo(path)
    assert refusal(path) == f"{path} is not a file but a pipe or device: pass a file with --config PATH"


def test_an_endless_device_is_refused() -> None:
    path = Path("/dev/zero")
    assert refusal(path) == f"{path} is not a file but a pipe or device: pass a file with --config PATH"


@pytest.fixture
def without_rights() -> Iterator[None]:
    """Root may read everything, so be someone else for a while."""
    user = os.geteuid()
    if user == 0:
        os.seteuid(65534)
    yield
    os.seteuid(user)


@pytest.mark.usefixtures("without_rights")
def test_a_file_without_read_permission_is_refused() -> None:
    # made by the fixture's user, so that the folder above is no obstacle
    path = Path(f"/tmp/unreadable-{os.getpid()}.yaml")  # noqa: S108 - its own name, gone below
    path.touch(mode=0o000)
    try:
        assert refusal(path) == f"{path} cannot be read: Permission denied; check the path and its permissions"
    finally:
        path.unlink()


def test_a_link_to_itself_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "loop"
    path.symlink_to(path)
    assert refusal(path).startswith(f"{path} cannot be read: ")


def test_a_megabyte_is_read_and_one_byte_more_is_refused(load: Load, folder: Path) -> None:
    good = pairs(GOOD).encode()
    assert load(good + b"#" * (document.MAX_BYTES - len(good))).pairs
    (folder / "large").write_bytes(good + b"#" * (document.MAX_BYTES - len(good) + 1))
    assert refusal(folder / "large").endswith(
        "is larger than 1 MiB, more than a config needs: pass another with --config PATH"
    )


# --- C7: the text -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (pairs(GOOD).encode("utf-16"), "1:1: $: this is UTF-16 text: save the file as UTF-8"),
        (pairs(GOOD).encode("utf-16-be"), "1:1: $: the invisible character U+0000 is not allowed here: delete it"),
        ("a: 1\nb: ä\xfc".encode("latin-1"), "2:4: $: this character is not UTF-8: save the file as UTF-8"),
        (b"\xef\xbb\xbfa: \xc3\xa4\xff", "1:5: $: this character is not UTF-8: save the file as UTF-8"),
        (b"a: 1\r\nb: \0", "2:4: $: the invisible character U+0000 is not allowed here: delete it"),
        (b"a: \x1b[31m", "1:4: $: the invisible character U+001B is not allowed here: delete it"),
        ("a: 1\n\n# é\x85", "3:4: $: the invisible character U+0085 is not allowed here: delete it"),
        ("# \u2028", "1:3: $: the invisible character U+2028 is not allowed here: delete it"),
        ("\ufeff\ufeffa: 1", "1:1: $: the invisible character U+FEFF is not allowed here: delete it"),
    ],
)
def test_what_is_not_plain_utf8_text_is_refused_at_its_place(load: Load, content: str | bytes, problem: str) -> None:
    assert problems(load, content) == [problem]


# --- C2, C4-C6: the gate ----------------------------------------------------------------------------------------------

MISFIT = "this does not fit the lines above: check its indentation, and that quotes and brackets close"
EMPTY = "1:1: $: the file is empty: it needs 'pairs:' and at least one pair"
NO_COLON = "no ':' can stand here: check the indentation, and write a value with ': ' in it in quotes"
NO_TOKEN = "no value can begin with this character: write the value in quotes"
BRACKET = "this bracket is not closed, or lacks a ',' between its parts"


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        ("", EMPTY),
        ("# only a comment\n", EMPTY),
        ("pairs:\n\t- a: 1\n", "2:1: $: a tab cannot indent: use spaces"),
        ("pairs:\n  - a: 1\n \tb: 2\n", "3:2: $: a tab cannot indent: use spaces"),
        ("pairs:\n  - a: 'x\n    b: c\n", "2:8: $: this quote is never closed"),
        ('a: "x\n---\n', "1:4: $: this quote is never closed"),
        ('a: "C:\\q"\n', "1:7: $: a backslash in double quotes begins an escape: use single quotes"),
        ("a: b: c\n", f"1:5: $: {NO_COLON}"),
        ("a: @x\n", f"1:4: $: {NO_TOKEN}"),
        ("é: 🎵\nb: `x\n", f"2:4: $: {NO_TOKEN}"),
        ("a: - b\n", "1:4: $: no '- ' can stand here: begin the list on a line of its own"),
        ("pairs: [1, 2\n", f"1:8: $: {BRACKET}"),
        ("pairs: [", f"1:9: $: {MISFIT}"),
        ("a: {b: c]\n", f"1:4: $: {BRACKET}"),
        ("a: b\nfoo\nc: d\n", "2:1: $: this line lacks the ':' after its key"),
        ("a: *\n", "1:4: $: a value that begins with &, * or ! must be in quotes"),
        ("a: !<x y\n", "1:4: $: a value that begins with &, * or ! must be in quotes"),
        ("%x\n", "1:3: $: lines that begin with '%' are not used here"),
        ("%YAML 3.0\n---\na", "1:1: $: lines that begin with '%' are not used here"),
        ("a:\n  b: 1\n c: 2\n", f"3:2: $: {MISFIT}"),
        ("a: 'it's'\n", f"1:8: $: {MISFIT}"),
        (f"{pairs(GOOD)}---\na: 1\n", "3:1: $: a second document begins with this '---': a config is one document"),
        ("a: {year}-{month}\n", "1:4: $: a name with {...} in it must be in quotes"),
        ("a:\n  b: {create: Archive {year}}\n", "2:23: $: a name with {...} in it must be in quotes"),
        ("a: {{ x }}\n", "1:5: $: a key must be plain text: write what begins with [, { or * in quotes"),
        ("? [a]\n: b\n", "1:3: $: a key must be plain text: write what begins with [, { or * in quotes"),
    ],
)
def test_broken_yaml_is_refused_in_one_line_at_its_place(load: Load, content: str, problem: str) -> None:
    assert problems(load, content) == [problem]


def test_broken_yaml_is_refused_without_libyaml_too(folder: Path) -> None:
    load = loader(without_libyaml(), folder)

    assert problems(load, "a: 'x\n") == ["1:4: $: this quote is never closed"]
    assert problems(load, "a:\tb\n") == ["1:3: $: a tab cannot indent: use spaces"]
    assert problems(load, 'a: "\\U00110000"') == [
        "0:0: $: an escape after a backslash names no character: use single quotes"
    ]


ALIAS = "'*' begins an alias, which is not used here: write the value out, or in quotes"
ANCHOR = "'&' begins an anchor, which is not used here: leave it out, or write the value in quotes"
TAG = "'!' begins a tag, which is not used here: leave it out, or write the value in quotes"


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (f"pairs:\n- source: &a {A}\n  target: {B}\n", [f"2:11: $.pairs[0].source: {ANCHOR}"]),
        (
            f"pairs: &p\n- {{{GOOD}}}\nx: *p\n",
            [f"1:8: $.pairs: {ANCHOR}", f"3:4: $.x: {ALIAS}"],
        ),
        (f"pairs:\n- source: *a\n  target: {B}\n", [f"2:11: $.pairs[0].source: {ALIAS}"]),
        (f"pairs:\n- source: !!str {A}\n  target: {B}\n", [f"2:11: $.pairs[0].source: {TAG}"]),
        (f"pairs: !x\n- source: {A}\n", [f"1:8: $.pairs: {TAG}"]),
        (f"pairs:\n- !!map {{{GOOD}}}\n", [f"2:3: $.pairs[0]: {TAG}"]),
        (
            f"pairs:\n- target: {B}\n  <<: *a\n",
            [
                "3:3: $.pairs[0]: '<<' is not used here: write the options out, or put them under 'defaults'",
            ],
        ),
        (f"&k pairs:\n- {{{GOOD}}}\n", [f"1:1: $.pairs: {ANCHOR}"]),
    ],
)
def test_yaml_beyond_plain_data_is_refused_once_at_its_place(
    load_either_way: Load, content: str, expected: list[str]
) -> None:
    assert problems(load_either_way, content) == expected


def test_a_key_given_twice_is_refused_with_both_lines(load_either_way: Load) -> None:
    assert problems(load_either_way, f"pairs:\n- source: {A}\n  target: {B}\n  source: {C}\n") == [
        "4:3: $.pairs[0].source: the key 'source' is in line 2 and again in line 4: keep one"
    ]
    assert problems(load_either_way, f"pairs:\n- {{{GOOD}}}\npairs:\n- {{{GOOD}}}\n") == [
        "3:1: $.pairs: the key 'pairs' is in line 1 and again in line 3: keep one"
    ]


BOMBS = {
    "100,000 brackets": ("[" * 100_000, "1:13: $: nested more than 12 deep: a config needs no more than 6"),
    "100,000 mappings": ("{a: " * 100_000, "1:49: $: nested more than 12 deep: a config needs no more than 6"),
    "100,000 dashes": ("- " * 100_000, "1:25: $: nested more than 12 deep: a config needs no more than 6"),
    "100,000 questions": (
        "? " * 100_000,
        "1:3: $: a key must be plain text: write what begins with [, { or * in quotes",
    ),
    "a million quotes": ("'" * 1_000_001, "1:1: $: this quote is never closed"),
    "500,000 values": ("pairs: [" + "1," * 500_000 + "]", "1:400003: $: more than 200,000 values"),
    "5,001 pairs": (
        "pairs:\n" + f"- {{source: liked, target: {A}}}\n" * 5001,
        "2:1: $.pairs: 5,001 pairs are more than the 5,000 that one run can serve: use several configs",
    ),
    "an alias bomb": (
        "a: &a [x]\n" + "".join(f"{y}: &{y} [*{x}, *{x}]\n" for x, y in zip("abcdefghijk", "bcdefghijkl", strict=True)),
        "1:1: $: needs 'pairs'",
    ),
    "a value of a megabyte": (
        "pairs: " + "x" * 1_000_000,
        "1:8: $.pairs: must be a list with at least one pair, each beginning with '- ', not 'xxxxxx",
    ),
    "a number of a megabyte": (
        f"pairs: [{{{GOOD}, max_additions: {'9' * 1_000_000}}}]",
        "1:89: $.pairs[0].max_additions: must be a whole number from 1 to 10000 (digits only, without quotes), not 99",
    ),
    "a key of a megabyte": ("k" * 1_000_000 + ": 1", f"1:1000001: $: {NO_COLON}"),
    "20,000 patterns": (
        f"pairs: [{{{GOOD}, exclude: {{title: ["
        + ", ".join(rf"'/{n}(\pL*\w*){{30}}/'" for n in range(20_000))
        + "]}}]",
        "1:4382: $: more than 200 different patterns: use several configs, or texts",
    ),
    "a pattern of a megabyte": (
        f"pairs: [{{{GOOD}, exclude: {{title: '/" + r"\pL" * 300_000 + "/'}}]",
        "1:91: $.pairs[0].exclude.title: '/",
    ),
    "40,000 unknown keys": (
        "pairs: [{" + "".join(f"key{n}: 1, " for n in range(40_000)) + "}]",
        "1:9: $.pairs[0]: needs a 'source'",
    ),
}

GUARDED = """
import resource, sys
from pathlib import Path
resource.setrlimit(resource.RLIMIT_CPU, (20, 20))
resource.setrlimit(resource.RLIMIT_AS, (2**30, 2**30))
from syncer import config, document
from syncer.errors import ConfigError
try:
    config.load(Path(sys.argv[1]))
except ConfigError as error:
    print(error)
"""


@pytest.mark.parametrize("bomb", BOMBS)
def test_a_bomb_is_refused_within_bounds(tmp_path: Path, bomb: str) -> None:
    content, problem = BOMBS[bomb]
    path = tmp_path / "config.yaml"
    path.write_text(content)

    ended = subprocess.run(  # noqa: S603 - our own words
        [sys.executable, "-c", GUARDED, str(path)], cwd=ROOT, capture_output=True, text=True, check=True, timeout=60
    )

    assert ended.stderr == ""
    assert ended.stdout.startswith(f"{path}:{problem}")


def test_the_bounds_let_through_what_they_say_and_no_more(load: Load) -> None:
    deep = "nested more than 12 deep: a config needs no more than 6"
    assert deep not in str(problems(load, "[" * 12 + "]" * 12))
    assert problems(load, "[" * 13 + "]" * 13) == [f"1:13: $: {deep}"]
    assert "values" not in problems(load, "{x: [" + "1," * 199_997 + "]}")[0]
    assert problems(load, "{x: [" + "1," * 199_998 + "]}") == [
        "1:400000: $: more than 200,000 values: no config needs as many"
    ]
    assert problems(load, many(5001)) == [
        "2:3: $.pairs: 5,001 pairs are more than the 5,000 that one run can serve: use several configs"
    ]


# --- C8, C9, C11: the shape -------------------------------------------------------------------------------------------

DAILY = "must be a whole number from 1 to 1000000 (digits only, without quotes)"
WHOLE = "must be a whole number from 1 to 10000 (digits only, without quotes)"
STAYS = "must be come-back or stay-out"
TRUE_OR_FALSE = "must be true or false (without quotes)"
NAMES = "a name of up to 64 letters, digits, '-' and '_'"
TOP_KEYS = "known here are 'version', 'accounts', 'defaults', 'state', 'pairs'"
OPTION_KEYS = (
    "'enabled', 'account', 'max_additions', 'removed', 'include', 'exclude', 'explicit', 'duration', 'released_since',"
    " 'added_since', 'kinds', 'never', 'first', 'last', 'order', 'interleave', 'match', 'position', 'every', 'days'"
)
PAIR_KEYS = f"known here are 'name', 'source', 'target', {OPTION_KEYS}"
TOP = "must be a config: 'pairs:' and, if needed, other keys, one 'key: value' a line"
LIST = "must be a list with at least one pair, each beginning with '- '"
PAIR = "must be a pair with its 'source' and 'target'"
TABLE = "must be the name of a DynamoDB table"
SOURCE = "must be a link, a word like 'liked', or one kind of source with its value, like 'album: LINK'"
KINDS = (
    "'playlist', 'liked', 'album', 'saved_albums', 'artist', 'top', 'show', 'saved_episodes', 'recently_played',"
    " 'queue', 'file'"
)
FLAG = "must be true, or left empty"
HEARD = "must be true, left empty, or 'context: PLAYLIST'"
DAY = "must be a date like 2026-01-31"
NAMED = "must be 'artist', 'album' or 'title', each with a text, a /pattern/ or a list of those; or none"
ENTRIES = "must be a text, a /pattern/, or a list of those"
COUNT = "must be a whole number from 1 on (digits only, without quotes), or none"
NO_LENGTH = "is no length of time: write one like 90s, 10m or 1h30m"
NO_RHYTHM = "is no rhythm: write one like 30m, 6h or 2d"
NO_ORDER = "is no order: write source, newest, oldest or shuffle, or shuffle(SEED) with a word or number of your own"
NEVER = "must be a playlist link, a list of them, or none"
ON_DAYS = "must be a day like mon, a list of days, or none"
TARGET = "must be a playlist link, or 'create: NAME' for one to be made"
NEW_NAME = 'must be a name in quotes, like "Archive {year}-{month}"'
BLANKS = "is no name: write one line, with no blanks around it"
STATE = "must be a single 'file: PATH' or 'table: NAME', or none"
PLACE = "must be 'secret: NAME' or 'file: PATH', exactly one of the two"

SHAPES = [
    ("just words", [f"1:1: $: {TOP}, not 'just words'"]),
    ("~", [f"1:1: $: {TOP}, not ~"]),
    ("- a\n- b\n", [f"1:1: $: {TOP}, not a list"]),
    ("{}", ["1:1: $: needs 'pairs'"]),
    ("pairs:\n", [f"1:7: $.pairs: {LIST}, not empty"]),
    ("pairs: []\n", [f"1:8: $.pairs: {LIST}, not empty"]),
    (f"pairs:\n  source: {A}\n", [f"2:3: $.pairs: {LIST}, not 'key: value' lines"]),
    ("pairs:\n- hello\n- 5\n", [f"2:3: $.pairs[0]: {PAIR}, not 'hello'", f"3:3: $.pairs[1]: {PAIR}, not 5"]),
    (f"version: 2\n{pairs(GOOD)}", ["1:10: $.version: must be 1, the only version there is, not 2"]),
    (f"version: '1'\n{pairs(GOOD)}", ["1:10: $.version: must be 1, the only version there is, not '1'"]),
    (f"version: yes\n{pairs(GOOD)}", ["1:10: $.version: must be 1, the only version there is, not yes"]),
    (f"{pairs(GOOD)}pears: 1\n", ["3:1: $.pears: unknown key 'pears': did you mean 'pairs'?"]),
    (f"{pairs(GOOD)}VERSION: 1\n", ["3:1: $.VERSION: unknown key 'VERSION': did you mean 'version'?"]),
    (f"{pairs(GOOD)}x y: 1\n", [f"3:1: $['x y']: unknown key 'x y': {TOP_KEYS}"]),
    (f"{pairs(GOOD)}on: 1\n", [f"3:1: $.on: unknown key 'on': {TOP_KEYS}"]),
    (
        f"pairs:\n- source: {A}\n  targt: {B}\n",
        ["2:3: $.pairs[0]: needs a 'target'", "3:3: $.pairs[0].targt: unknown key 'targt': did you mean 'target'?"],
    ),
    (
        f"pairs:\n- source: {A}\n  target: {B}\n  Max-Additions: 3\n",
        ["4:3: $.pairs[0]['Max-Additions']: unknown key 'Max-Additions': did you mean 'max_additions'?"],
    ),
    (f"pairs:\n- {{{GOOD}}}\n- {{}}\n", ["3:3: $.pairs[1]: needs a 'source'", "3:3: $.pairs[1]: needs a 'target'"]),
    (f"pairs:\n- {{{GOOD}, zzz: 1}}\n", [f"2:68: $.pairs[0].zzz: unknown key 'zzz': {PAIR_KEYS}"]),
    (f"pairs:\n- {{{GOOD}, name: a b}}\n", [f"2:74: $.pairs[0].name: must be {NAMES}, not 'a b'"]),
    (f"pairs:\n- {{{GOOD}, name: ''}}\n", [f"2:74: $.pairs[0].name: must be {NAMES}, not ''"]),
    (f'pairs:\n- {{{GOOD}, name: "a\\n"}}\n', [f"2:74: $.pairs[0].name: must be {NAMES}, not 'a\\n'"]),
    (f"pairs:\n- {{{GOOD}, name: {'x' * 65}}}\n", [f"2:74: $.pairs[0].name: must be {NAMES}, not '{'x' * 59}…'"]),
    (f"pairs:\n- {{{GOOD}, name: null}}\n", [f"2:74: $.pairs[0].name: must be {NAMES}, not null"]),
    (f"pairs:\n- {{{GOOD}, name: [a]}}\n", [f"2:74: $.pairs[0].name: must be {NAMES}, not a list"]),
    (f"pairs:\n- {{{GOOD}, enabled: maybe}}\n", [f"2:77: $.pairs[0].enabled: {TRUE_OR_FALSE}, not 'maybe'"]),
    (f"pairs:\n- {{{GOOD}, enabled: 'yes'}}\n", [f"2:77: $.pairs[0].enabled: {TRUE_OR_FALSE}, not 'yes'"]),
    (f"pairs:\n- {{{GOOD}, enabled: 1}}\n", [f"2:77: $.pairs[0].enabled: {TRUE_OR_FALSE}, not 1"]),
    (f"defaults: {{enabled: y}}\n{pairs(GOOD)}", [f"1:21: $.defaults.enabled: {TRUE_OR_FALSE}, not 'y'"]),
    (f"defaults:\n{pairs(GOOD)}", ["1:10: $.defaults: must be pair options, like 'enabled: true', not empty"]),
    (
        f"defaults: {{name: x}}\n{pairs(GOOD)}",
        [f"1:12: $.defaults.name: unknown key 'name': known here are {OPTION_KEYS}"],
    ),
    *[
        (f"pairs:\n- {{{GOOD}, removed: {text}}}\n", [f"2:77: $.pairs[0].removed: {STAYS}, not {shown}"])
        for text, shown in (("no", "no"), ("Stay-Out", "'Stay-Out'"), ("[]", "empty"), ("{a: 1}", "'key: value' lines"))
    ],
    *[
        (
            f"defaults: {{max_additions: {number}}}\n{pairs(GOOD)}",
            [f"1:27: $.defaults.max_additions: {WHOLE}, not {number}"],
        )
        for number in (
            "0",
            "-5",
            "10001",
            "'100'",
            "1.0",
            "1_000",
            "0100",
            "0x10",
            "1:30",
            "+5",
            "yes",
            "2026-11-22",
            ".inf",
        )
    ],
    (
        "pairs:\n- {source: [], target: true}\n",
        [
            "2:12: $.pairs[0].source: must be a source, or a list of sources, each beginning with '- ', not empty",
            "2:24: $.pairs[0].target: write it in quotes: 'true'",
        ],
    ),
    *[
        (f"pairs:\n- {{{GOOD}, name: {text}}}\n", [f"2:74: $.pairs[0].name: write it in quotes: '{text}'"])
        for text in (
            "no",
            "On",
            "TRUE",
            "1:30",
            "0123",
            "0899",
            "12",
            "1.5",
            "2026-11-22",
            "0x1F",
            "1_000",
            "=",
            ".nan",
        )
    ],
    (
        f"pairs:\n- source: [liked, {'1234567890' * 2}12]\n  target: {'0123456789' * 2}01\n",
        [
            f"2:19: $.pairs[0].source[1]: write it in quotes: '{'1234567890' * 2}12'",
            f"3:11: $.pairs[0].target: write it in quotes: '{'0123456789' * 2}01'",
        ],
    ),
    (
        f"pairs:\n- source: [[liked], {{playlist: {A}}}, ~]\n  target: {{}}\n",
        [
            f"2:12: $.pairs[0].source[0]: {SOURCE}, not a list",
            f"2:57: $.pairs[0].source[2]: {SOURCE}, not ~",
            "3:11: $.pairs[0].target: needs one of 'playlist', 'create'",
        ],
    ),
    *[
        (
            f"pairs:\n- target: {B}\n  source: {form}\n",
            [f"3:{place}: $.pairs[0].source{problem}" for place, problem in found],
        )
        for form, found in (
            ("", [(10, f": {SOURCE}, not empty")]),
            ("5", [(11, ": write it in quotes: '5'")]),
            ("{}", [(11, f": needs one of {KINDS}")]),
            ("{account: default}", [(11, f": needs one of {KINDS}")]),
            ("{albun: x}", [(12, ".albun: unknown key 'albun': did you mean 'album'?")]),
            ("{x y: 1}", [(12, f"['x y']: unknown key 'x y': known here are {KINDS}, 'since', 'context', 'account'")]),
            (
                f"{{album: {A}, artist: {C}}}",
                [(43, ".artist: 'album' and 'artist' are two sources: give each its own '- ' in a list")],
            ),
            (
                "{queue: , liked: , top: short, zzz: 1}",
                [
                    (21, ".liked: 'queue' and 'liked' are two sources: give each its own '- ' in a list"),
                    (30, ".top: 'queue' and 'top' are two sources: give each its own '- ' in a list"),
                    (42, f".zzz: unknown key 'zzz': known here are {KINDS}, 'since', 'context', 'account'"),
                ],
            ),
            *[
                (f"{{{kind}: {text}}}", [(14 + len(kind), f".{kind}: {FLAG}, not {shown}")])
                for kind in ("liked", "saved_albums", "saved_episodes")
                for text, shown in (("no", "no"), ("1", "1"), ("'yes'", "'yes'"), ("[a]", "a list"), ("{}", "empty"))
            ],
            *[
                (f"{{{kind}: {text}}}", [(14 + len(kind), f".{kind}: {HEARD}, not {shown}")])
                for kind in ("recently_played", "queue")
                for text, shown in (("no", "no"), ("0", "0"), (A, f"'{A}'"), ("[a]", "a list"), ("{}", "empty"))
            ],
            *[
                (f"{{top: {text}}}", [(place, f".top: must be short, medium or long, not {shown}")])
                for text, place, shown in (
                    ("null", 17, "null"),
                    ("weekly", 17, "'weekly'"),
                    ("4", 17, "4"),
                    ("[a]", 17, "a list"),
                )
            ],
            *[
                (f"{{{kind}: [a]}}", [(14 + len(kind), f".{kind}: must be {hint}, not a list")])
                for kind, hint in (
                    ("playlist", "a playlist link"),
                    ("album", "an album link"),
                    ("artist", "an artist link"),
                    ("show", "a show link"),
                    ("file", "the path of a file"),
                )
            ],
            (f"{{album: {'1' * 22}}}", [(19, f".album: write it in quotes: '{'1' * 22}'")]),
            ("{queue: {contxt: x}}", [(20, ".queue.contxt: unknown key 'contxt': did you mean 'context'?")]),
            ("{queue: {context: ~}}", [(29, ".queue.context: must be a playlist link, not ~")]),
            ("{queue: , context: 0123}", [(30, ".context: write it in quotes: '0123'")]),
            ("{file: ''}", [(18, ".file: must be the path of a file, not ''")]),
            ("{file: 0123}", [(18, ".file: write it in quotes: '0123'")]),
            (
                '{file: "a\\n"}',
                [(18, ".file: must be the path of a file, without line breaks and control characters")],
            ),
            (
                "{file: ~nobody-here/x}",
                [(18, ".file: the home folder that '~' stands for is not known here: write the whole path")],
            ),
            *[
                (f"{{artist: {A}, since: {text}}}", [(51, f".since: {DAY}, not {shown}")])
                for text, shown in (
                    ("2026", "'2026'"),
                    ("2026-05", "'2026-05'"),
                    ("2026-1-1", "'2026-1-1'"),
                    ("'2026-02-30'", "'2026-02-30'"),
                    ("2026-13-01", "'2026-13-01'"),
                    ("0000-01-01", "'0000-01-01'"),
                    ("2026-01-01 10:00:00", "'2026-01-01 10:00:00'"),
                    ("last year", "'last year'"),
                    ("yes", "'yes'"),
                    ("~", "'~'"),
                    ("''", "''"),
                    ("[2026-01-01]", "a list"),
                )
            ],
            (f"{{album: {A}, since: 2026-01-01}}", [(43, ": 'since' goes with 'artist' only")]),
            ("{since: '2026-01-01'}", [(12, ": 'since' goes with 'artist' only")]),
            (f"{{show: {A}, context: {C}}}", [(42, ": 'context' goes with 'recently_played' or 'queue' only")]),
            (f"{{context: {C}}}", [(12, ": 'context' goes with 'recently_played' or 'queue' only")]),
            ("{liked: , account: 12}", [(30, ".account: write it in quotes: '12'")]),
        )
    ],
    *[
        (f"pairs:\n- source: {A}\n  target: {form}\n", [f"3:{place}: $.pairs[0].target{problem}"])
        for form, place, problem in (
            (f"[{B}]", 11, f": {TARGET}, not a list"),
            ("{account: default}", 11, ": needs one of 'playlist', 'create'"),
            ("{roll_over: true}", 11, ": needs one of 'playlist', 'create'"),
            ("{playlist: ~}", 22, ".playlist: must be a playlist link, not ~"),
            (
                f"{{playlist: {B}, name: x}}",
                46,
                (
                    ".name: unknown key 'name': known here are 'playlist', 'create', 'public', 'description',"
                    " 'account', 'roll_over'"
                ),
            ),
            (f"{{playlist: {B}, account: 12}}", 55, ".account: write it in quotes: '12'"),
            (f"{{playlist: {B}, create: a}}", 46, ".create: 'playlist' and 'create' exclude each other: keep one"),
            (f"{{create: a, playlist: {B}}}", 23, ".playlist: 'create' and 'playlist' exclude each other: keep one"),
            (f"{{playlist: {B}, public: true}}", 46, ": 'public' goes with 'create' only"),
            (f"{{playlist: {B}, description: x}}", 46, ": 'description' goes with 'create' only"),
            (f"{{playlist: {B}, roll_over: 1}}", 57, f".roll_over: {TRUE_OR_FALSE}, not 1"),
            ("{create: a, public: 'no'}", 31, f".public: {TRUE_OR_FALSE}, not 'no'"),
            ("{create: {year}}", 20, f".create: {NEW_NAME}, not 'key: value' lines"),
            ("{create: ~}", 20, f".create: {NEW_NAME}, not ~"),
            ("{create: 2026}", 20, ".create: write it in quotes: '2026'"),
            ("{create: ''}", 20, f".create: '' {BLANKS}"),
            ("{create: ' a'}", 20, f".create: ' a' {BLANKS}"),
            ("{create: '{yaer}'}", 20, ".create: unknown period 'yaer': did you mean 'year'?"),
            ("{create: a, description: 5}", 36, ".description: write it in quotes: '5'"),
            ("{create: a, description: ''}", 36, ".description: must be one line of up to 200 characters, not ''"),
            (
                f"{{create: a, description: {'x' * 201}}}",
                36,
                f".description: must be one line of up to 200 characters, not '{'x' * 59}…'",
            ),
            (
                '{create: a, description: "b\\nc"}',
                36,
                ".description: must be one line, without line breaks and control characters",
            ),
        )
    ],
    *[
        (
            f"pairs:\n- source: {A}\n  target: {B}\n  {key}: {text}\n",
            [f"4:{5 + len(key) + place}: $.pairs[0].{key}{problem}"],
        )
        for key, text, place, problem in (
            *(
                ("exclude", text, place, problem)
                for text, place, problem in (
                    ("", -1, f": {NAMED}, not empty"),
                    ("{}", 0, f": {NAMED}, not empty"),
                    ("live", 0, f": {NAMED}, not 'live'"),
                    ("[live]", 0, f": {NAMED}, not a list"),
                    ("no", 0, f": {NAMED}, not no"),
                    ("{titel: live}", 1, ".titel: unknown key 'titel': did you mean 'title'?"),
                    ("{artists: x}", 1, ".artists: unknown key 'artists': did you mean 'artist'?"),
                    ("{title: ~}", 8, f".title: {ENTRIES}, not ~"),
                    ("{title: []}", 8, f".title: {ENTRIES}, not empty"),
                    ("{title: {a: b}}", 8, f".title: {ENTRIES}, not 'key: value' lines"),
                    ("{title: 1975}", 8, ".title: write it in quotes: '1975'"),
                    ("{title: [no]}", 9, ".title[0]: write it in quotes: 'no'"),
                    ("{title: [[a]]}", 9, ".title[0]: must be a text, or a /pattern/ between slashes, not a list"),
                    ("{title: ''}", 8, ".title: an empty text matches nothing: write a name, a word or a /pattern/"),
                    (
                        f"{{title: {'x' * 301}}}",
                        8,
                        f".title: '{'x' * 59}…' is longer than 300 characters: make several of it",
                    ),
                    ("{title: /(live/}", 8, ".title: /(live/ is no pattern: missing ), at (live"),
                    (
                        "{title: /live/i}",
                        8,
                        ".title: /live/i has a flag, and there are none: write /live/, for case never counts",
                    ),
                    (
                        r'{title: "/\blive/"}',
                        8,
                        r".title: '/\x08live/' has a control character in it: in single quotes every backslash is one",
                    ),
                )
            ),
            *(
                ("explicit", text, place, f": must be exclude, only or none, not {shown}")
                for text, place, shown in (
                    ("no", 0, "no"),
                    ("", -1, "empty"),
                    ("include", 0, "'include'"),
                    ("[only]", 0, "a list"),
                )
            ),
            *(
                ("duration", text, place, problem)
                for text, place, problem in (
                    ("10m", 0, ": must be 'min', 'max' or both, like 'max: 10m'; or none, not '10m'"),
                    ("{}", 0, ": must be 'min', 'max' or both, like 'max: 10m'; or none, not empty"),
                    ("{mix: 1m}", 1, ".mix: unknown key 'mix': did you mean 'min'?"),
                    ("{min: [1]}", 6, ".min: must be a length of time like 90s, 10m or 1h30m, not a list"),
                    ("{max: 10 m}", 6, f".max: '10 m' {NO_LENGTH}"),
                    ("{max: 1:30}", 6, f".max: '1:30' {NO_LENGTH}"),
                    ("{max: 1.5}", 6, f".max: '1.5' {NO_LENGTH}"),
                    ("{max: -5}", 6, f".max: '-5' {NO_LENGTH}"),
                    ("{max: no}", 6, f".max: 'no' {NO_LENGTH}"),
                    ("{max: ~}", 6, f".max: '~' {NO_LENGTH}"),
                    (
                        "{min: 10m, max: 5m}",
                        0,
                        ": min is longer than max, so that nothing fits: swap them, or leave one out",
                    ),
                    ("{max: 0}", 0, ": nothing is as short as a max of 0: leave max out, or write one like 10m"),
                )
            ),
            *(
                ("released_since", text, place, problem)
                for text, place, problem in (
                    ("", -1, ": must be a date like 2020-01-31, 2020-01 or 2020, or none, not empty"),
                    ("[2020]", 0, ": must be a date like 2020-01-31, 2020-01 or 2020, or none, not a list"),
                    ("20", 0, ": '20' is no date: write one like 2020-01-31, 2020-01 or 2020"),
                    ("30d", 0, ": '30d' is no date: write one like 2020-01-31, 2020-01 or 2020"),
                    ("2020-02-30", 0, ": '2020-02-30' is not in the calendar"),
                )
            ),
            *(
                ("added_since", text, place, problem)
                for text, place, problem in (
                    ("", -1, ": must be a date like 2026-01-31 or a number of days like 30d, or none, not empty"),
                    ("30", 0, ": '30' is no date and no number of days: write one like 2026-01-31 or 30d"),
                    ("2026-13", 0, ": '2026-13' is not in the calendar"),
                )
            ),
            *(
                ("kinds", text, place, problem)
                for text, place, problem in (
                    ("", -1, ": must be tracks, episodes or a list of both, not empty"),
                    ("[]", 0, ": must be tracks, episodes or a list of both, not empty"),
                    ("none", 0, ": unknown kind 'none': known here are 'tracks', 'episodes'"),
                    ("[tracks, episode]", 9, "[1]: unknown kind 'episode': did you mean 'episodes'?"),
                    ("[5]", 1, "[0]: must be tracks or episodes, not 5"),
                )
            ),
            *(
                ("never", text, place, problem)
                for text, place, problem in (
                    ("", -1, f": {NEVER}, not empty"),
                    ("[]", 0, f": {NEVER}, not empty"),
                    ("{a: b}", 0, f": {NEVER}, not 'key: value' lines"),
                    ("[none]", 1, "[0]: 'none' is not a playlist id of 22 letters and digits"),
                    ("1" * 22, 0, f": write it in quotes: '{'1' * 22}'"),
                    (f"[{C}, [x]]", 25, "[1]: must be a playlist link, not a list"),
                )
            ),
            *(
                (key, text, 0, f": {COUNT}, not {text}")
                for key in ("first", "last")
                for text in ("0", "-1", "'5'", "1.5", "1_000", "010", "yes")
            ),
            *(
                ("order", text, place, problem)
                for text, place, problem in (
                    ("", -1, ": must be source, newest, oldest or shuffle, or shuffle(SEED), not empty"),
                    ("[newest]", 0, ": must be source, newest, oldest or shuffle, or shuffle(SEED), not a list"),
                    ("random", 0, f": 'random' {NO_ORDER}"),
                    ("7", 0, f": '7' {NO_ORDER}"),
                )
            ),
            ("interleave", "1", 0, f": {TRUE_OR_FALSE}, not 1"),
            ("match", "isrc", 0, ": must be uri, recording or fuzzy, not 'isrc'"),
            ("position", "top", 0, ": must be end or start, not 'top'"),
            *(
                ("every", text, place, problem)
                for text, place, problem in (
                    ("", -1, ": must be a length of time like 30m, 6h or 2d, or none, not empty"),
                    ("[6h]", 0, ": must be a length of time like 30m, 6h or 2d, or none, not a list"),
                    ("30", 0, f": '30' {NO_RHYTHM}"),
                    ("10s", 0, f": '10s' {NO_RHYTHM}"),
                    ("1:30", 0, f": '1:30' {NO_RHYTHM}"),
                    ("0h", 0, ": '0h' is no rhythm: the shortest is 1m, the longest 366d"),
                    ("366d1m", 0, ": '366d1m' is no rhythm: the shortest is 1m, the longest 366d"),
                )
            ),
            *(
                ("days", text, place, problem)
                for text, place, problem in (
                    ("", -1, f": {ON_DAYS}, not empty"),
                    ("[]", 0, f": {ON_DAYS}, not empty"),
                    ("5", 0, f": {ON_DAYS}, not 5"),
                    ("[mon, 5]", 6, "[1]: must be mon, tue, wed, thu, fri, sat or sun, not 5"),
                    ("Mon", 0, ": unknown day 'Mon': did you mean 'mon'?"),
                    ("[mon, wednesday]", 6, "[1]: unknown day 'wednesday': did you mean 'wed'?"),
                    (
                        "[none]",
                        1,
                        "[0]: unknown day 'none': known here are 'mon', 'tue', 'wed', 'thu', 'fri', 'sat', 'sun'",
                    ),
                )
            ),
        )
    ],
    *[
        (
            f"pairs:\n- source: {A}\n  {one}: 1\n  target: {B}\n  {other}: 2\n",
            [f"5:3: $.pairs[0].{other}: 'first' and 'last' exclude each other: keep one"],
        )
        for one, other in (("first", "last"), ("last", "first"))
    ],
    (
        f"defaults: {{exclude: {{title: /(/}}}}\n{pairs(GOOD, f'source: liked, target: {B}')}",
        ["1:29: $.defaults.exclude.title: /(/ is no pattern: missing ), at ("],
    ),
    (
        f"accounts: {{}}\n{pairs(GOOD)}",
        ["1:11: $.accounts: must be account names, each with its own 'secret' or 'file'"],
    ),
    (f"accounts: x\n{pairs(GOOD)}", ["1:11: $.accounts: must be account names, each with its own 'secret' or 'file'"]),
    (f"accounts: {{default: {{}}}}\n{pairs(GOOD)}", [f"1:21: $.accounts.default: {PLACE}"]),
    (f"accounts: {{default: a.json}}\n{pairs(GOOD)}", [f"1:21: $.accounts.default: {PLACE}"]),
    (f"accounts: {{default: {{file: a, secret: b}}}}\n{pairs(GOOD)}", [f"1:21: $.accounts.default: {PLACE}"]),
    (
        f"accounts: {{default: {{daily_requests: 0}}}}\n{pairs(GOOD)}",
        [f"1:38: $.accounts.default.daily_requests: {DAILY}"],
    ),
    (
        f"accounts: {{anna: {{daily_requests: 9}}}}\n{pairs(GOOD + ', account: anna')}",
        ["1:18: $.accounts.anna: needs 'secret: NAME' or 'file: PATH' too: only 'default' has a place of its own"],
    ),
    (
        f"accounts: {{default: {{file: a, path: b}}}}\n{pairs(GOOD)}",
        ["1:31: $.accounts.default.path: unknown key 'path': known here are 'secret', 'file', 'daily_requests'"],
    ),
    (f"accounts: {{default: {{file: 0123}}}}\n{pairs(GOOD)}", ["1:28: $.accounts.default.file: write it in quotes"]),
    (
        f"accounts: {{default: {{file: ''}}}}\n{pairs(GOOD)}",
        ["1:28: $.accounts.default.file: must be the path of a file"],
    ),
    (
        f'accounts: {{default: {{file: "a\\0"}}}}\n{pairs(GOOD)}',
        ["1:28: $.accounts.default.file: must be the path of a file, without line breaks and control characters"],
    ),
    (
        f"accounts: {{default: {{file: ~nobody-here/x}}}}\n{pairs(GOOD)}",
        ["1:28: $.accounts.default.file: the home folder that '~' stands for is not known here: write the whole path"],
    ),
    (
        f"accounts: {{default: {{secret: a b}}}}\n{pairs(GOOD)}",
        ["1:30: $.accounts.default.secret: must be the name or ARN of a secret in AWS Secrets Manager"],
    ),
    (
        f"accounts: {{default: {{file: a}}, 'a b': {{file: b}}, no: {{file: c}}}}\n{pairs(GOOD)}",
        [f"1:32: $.accounts['a b']: 'a b' is not {NAMES}", "1:50: $.accounts.no: write it in quotes: 'no'"],
    ),
    *[
        (f"state: {said}\n{pairs(GOOD)}", [f"1:8: $.state: {STATE}, not {shown}"])
        for said, shown in (
            ("nothing", "'nothing'"),
            ("file:/srv/state", "'file:/srv/state'"),
            ("no", "no"),
            ("~", "~"),
            ("17", "17"),
            ("[none]", "a list"),
            ("{}", "empty"),
            ("{file: a, table: abc}", "'key: value' lines"),
        )
    ],
    (f"state:\n{pairs(GOOD)}", [f"1:7: $.state: {STATE}, not empty"]),
    (
        f"state: {{file: a, path: b}}\n{pairs(GOOD)}",
        ["1:18: $.state.path: unknown key 'path': known here are 'file', 'table'"],
    ),
    (f"state: {{file: 0123}}\n{pairs(GOOD)}", ["1:15: $.state.file: write it in quotes: '0123'"]),
    (f"state: {{file: ''}}\n{pairs(GOOD)}", ["1:15: $.state.file: must be the path of a file, not ''"]),
    (f"state: {{file: [a]}}\n{pairs(GOOD)}", ["1:15: $.state.file: must be the path of a file, not a list"]),
    (
        f'state: {{file: "a\\n"}}\n{pairs(GOOD)}',
        ["1:15: $.state.file: must be the path of a file, without line breaks and control characters"],
    ),
    (
        f"state: {{file: ~nobody-here/x}}\n{pairs(GOOD)}",
        ["1:15: $.state.file: the home folder that '~' stands for is not known here: write the whole path"],
    ),
    *[
        (f"state: {{table: {name}}}\n{pairs(GOOD)}", [f"1:16: $.state.table: {TABLE}, not '{name}'"])
        for name in ("ab", "a b", "my-*", "arn:aws:dynamodb:eu-west-1:123456789012:table/abc")
    ],
]


@pytest.mark.parametrize(("content", "expected"), SHAPES)
def test_a_wrong_shape_is_refused_in_peoples_words_at_its_place(
    load_either_way: Load, content: str, expected: list[str]
) -> None:
    assert problems(load_either_way, content) == expected


SECRET = "AQDx7c-canary-4f"


@pytest.mark.parametrize(
    "content",
    [
        f"client_secret: {SECRET}\n{pairs(GOOD)}",
        f"spotify: {{refresh_token: {SECRET}}}\n{pairs(GOOD)}",
        f"pairs:\n- source: {A}\n  target: {B}\n  access-token: {SECRET}\n",
        f"pairs:\n- source: {A}\n  target: {B}\n  apiKey: [{SECRET}]\n",
        f"pairs:\n- source: {{PASSWORD: {SECRET}}}\n  target: {B}\n",
        f"accounts: {{default: {{file: a, token: {SECRET}}}}}\n{pairs(GOOD)}",
        f"accounts: {{token: {SECRET}}}\n{pairs(GOOD)}",
        f"defaults: {{Api_Key: {SECRET}, 'client secret': x}}\n{pairs(GOOD)}",
    ],
)
def test_a_secret_in_the_config_is_refused_and_not_repeated(load: Load, content: str) -> None:
    with pytest.raises(ConfigError) as refused:
        load(content)

    assert "looks like a secret, and secrets do not belong in the config" in str(refused.value)
    assert SECRET[:8] not in f"{refused.value}{refused.value!r}{refused.value.problems}"


@pytest.mark.parametrize(
    "content",
    [
        f"accounts: {SECRET}\n",
        f"accounts: {{default: {SECRET}}}\n",
        f"accounts: {{default: {{secret: '{SECRET} x'}}}}\n",
        f"accounts: {{default: {{secret: [{SECRET}]}}}}\n",
        f"accounts: {{default: {{client_id: {SECRET}}}}}\n",
        f"secret: {SECRET}\n",
        f"client_secret: '{SECRET}\n",
        f"client_secret: {SECRET}: x\n",
        f"client_secret: a\nclient_secret: {SECRET}\n",
        f"client_secret: !{SECRET} &{SECRET} {SECRET}\n",
    ],
)
def test_what_stands_where_a_secret_may_be_pasted_is_not_repeated(load: Load, content: str) -> None:
    assert SECRET[:8] not in str(problems(load, content))


def test_a_secret_looking_key_is_told_once_with_where_secrets_belong(load: Load) -> None:
    (problem,) = problems(load, f"Client-Secret: {SECRET}\n{pairs(GOOD)}")
    assert problem == (
        "1:1: $['Client-Secret']: 'Client-Secret' looks like a secret, and secrets do not belong in the config:"
        " delete it, and run `syncer login`, which keeps them in the file or AWS secret that 'accounts' names"
    )


# --- P9, C10 and the rest of the meaning ------------------------------------------------------------------------------

ONE_TARGET = "add to the same target: give both the same"
RENAME = "give one another 'name'"
NO_DEFAULT = (
    "unknown account 'default', which pairs without an 'account' use:"
    " give them one of 'anna', 'bob', each or under 'defaults'"
)

MEANINGS = [
    *[
        (f"pairs:\n- source: {form}\n  target: {B}\n", [f"2:{place}: $.pairs[0].source{problem}"])
        for form, place, problem in (
            ("saved-albums", 11, ": 'saved-albums' is no source: did you mean 'saved_albums'?"),
            ("Liked Songs", 11, ": 'Liked Songs' is no source: did you mean 'liked'?"),
            ("short", 11, ": 'short' is not a playlist id of 22 letters and digits"),
            ("top tracks", 11, ": 'top tracks' is no source: did you mean 'top: short'?"),
            ("top", 11, ": 'top' is no source: did you mean 'top: short'?"),
            ("file:songs.txt", 11, ": 'file:songs.txt' is no source: did you mean 'file: PATH'?"),
            ("albums", 11, ": 'albums' is no source: did you mean 'album: LINK'?"),
            (
                "recentlyplayedrecently.",
                11,
                ": 'recentlyplayedrecently.' is not a playlist id of 22 letters and digits",
            ),
            (
                f"spotify:track:{A}",
                11,
                (
                    f": 'spotify:track:{A}' is a link to a Spotify track, which is no list:"
                    " put such links into a file, one a line, and write 'file: PATH'"
                ),
            ),
            (
                f"open.spotify.com/episode/{A}",
                11,
                (
                    f": 'open.spotify.com/episode/{A}' is a link to a Spotify episode, which is no list:"
                    " put such links into a file, one a line, and write 'file: PATH'"
                ),
            ),
            ("spotify:user:anna", 11, ": 'spotify:user:anna' is a link to a Spotify user, not to a playlist"),
            (
                f"{{artist: spotify:album:{A}}}",
                20,
                f".artist: 'spotify:album:{A}' is a link to a Spotify album, not to an artist",
            ),
            ("{playlist: liked}", 22, ".playlist: 'liked' is not a playlist id of 22 letters and digits"),
            (
                f"{{queue: , context: spotify:album:{A}}}",
                30,
                f".context: 'spotify:album:{A}' is a link to a Spotify album, not to a playlist",
            ),
            (
                f"{{queue: {{context: {A}}}, context: {B}}}",
                54,
                ".context: the key 'context' is in line 2 and again in line 2: keep one",
            ),
            ("{liked: , account: an}", 30, ".account: unknown account 'an': known here are 'default'"),
        )
    ],
    *[
        (f"pairs:\n- target: {form}\n  source: liked\n", [f"2:{place}: $.pairs[0].target{problem}"])
        for form, place, problem in (
            ("saved_albums", 11, ": 'saved_albums' can only be a source: the target is a playlist"),
            ("{liked: true}", 12, ": 'liked' can only be a source: the target is a playlist"),
            (f"{{account: default, album: {B}}}", 30, ": 'album' can only be a source: the target is a playlist"),
            (f"spotify:show:{B}", 11, f": 'spotify:show:{B}' is a link to a Spotify show, not to a playlist"),
            (f"{{playlist: {B}, account: an}}", 55, ".account: unknown account 'an': known here are 'default'"),
        )
    ],
    (
        (
            f"accounts: {{anna: {{file: a}}}}\ndefaults: {{account: anna}}\npairs:\n"
            f"- target: {{playlist: {B}, account: ana}}\n"
            "  source:\n  - {liked: , account: bob}\n  - {queue: , account: ann}\n"
        ),
        [
            "4:55: $.pairs[0].target.account: unknown account 'ana': did you mean 'anna'?",
            "6:24: $.pairs[0].source[0].account: unknown account 'bob': known here are 'anna'",
            "7:24: $.pairs[0].source[1].account: unknown account 'ann': did you mean 'anna'?",
        ],
    ),
    (
        "accounts: {anna: {file: a}, bob: {file: b}}\n" + pairs(f"source: {{liked: , account: bob}}, target: {B}"),
        [f"1:11: $.accounts: {NO_DEFAULT}"],
    ),
    (
        (
            f"accounts: {{a: {{file: a}}, b: {{file: b}}}}\npairs:\n- target: {{playlist: {A}, account: a}}\n"
            f"  source: {{playlist: {A}, account: b}}\n"
        ),
        ["3:11: $.pairs[0].target: the source in line 4 and the target in line 3 are the same playlist"],
    ),
    (
        pairs(f"source: recently_played, target: {B}", f"source: {{recently_played: {{context: {A}}}}}, target: {B}"),
        [f"3:5: $.pairs[1]: the pairs in lines 2 and 3 are both called 'recently_played-to-{B}': {RENAME}"],
    ),
    (
        pairs(f"source: saved_albums, target: {B}", f"source: [{{saved_albums: }}], target: {{playlist: {B}}}"),
        ["3:5: $.pairs[1]: the pairs in lines 2 and 3 have the same source and target: keep one"],
    ),
    (
        f"pairs:\n- source: too-short\n  target: spotify:album:{A}\n",
        [
            "2:11: $.pairs[0].source: 'too-short' is not a playlist id of 22 letters and digits",
            f"3:11: $.pairs[0].target: 'spotify:album:{A}' is a link to a Spotify album, not to a playlist",
        ],
    ),
    (
        f'pairs:\n- source: [liked, "{A}\\n"]\n  target: liked\n',
        [
            f"2:19: $.pairs[0].source[1]: '{A}\\n' has white space or control characters around or in it",
            "3:11: $.pairs[0].target: 'liked' can only be a source: the target is a playlist",
        ],
    ),
    (
        f"pairs:\n- source: {A}\n  target: http://evil.example/playlist/{B}\n",
        [f"3:11: $.pairs[0].target: 'http://evil.example/playlist/{B}' is not an address at open.spotify.com"],
    ),
    (
        f"pairs:\n- source: spotify:playlist:{A}\n\n  target: https://open.spotify.com/intl-de/playlist/{A}?si=1\n",
        ["4:11: $.pairs[0].target: the source in line 2 and the target in line 4 are the same playlist"],
    ),
    (
        f"pairs:\n- target: {A}\n  source:\n  - {B}\n  - {A}\n  - nonsense\n",
        [
            "2:11: $.pairs[0].target: the source in line 5 and the target in line 2 are the same playlist",
            "6:5: $.pairs[0].source[2]: 'nonsense' is not a playlist id of 22 letters and digits",
        ],
    ),
    (
        f"pairs:\n- source: {A}\n  target: {B}\n- target: spotify:playlist:{B}\n  source: [{A}]\n",
        ["4:3: $.pairs[1]: the pairs in lines 2 and 4 have the same source and target: keep one"],
    ),
    (
        "accounts: {a: {file: a}, b: {file: b}}\n" + pairs(f"{GOOD}, account: a", f"{GOOD}, account: b"),
        ["4:5: $.pairs[1]: the pairs in lines 3 and 4 have the same source and target: keep one"],
    ),
    (
        pairs(f"{GOOD}, first: 5", f"{GOOD}, first: 0"),
        [
            f"3:5: $.pairs[1]: the pairs in lines 2 and 3 are both called '{A}-to-{B}': {RENAME}",
            f"3:77: $.pairs[1].first: {COUNT}, not 0",
        ],
    ),
    (
        f"defaults: {{first: 0}}\n{pairs(f'name: x, {GOOD}', f'name: y, {GOOD}, order: newest')}",
        [f"1:19: $.defaults.first: {COUNT}, not 0"],
    ),
    (
        pairs("source: liked, target: {create: a}", "source: [{liked: }], target: {create: a, public: no}"),
        ["3:5: $.pairs[1]: the pairs in lines 2 and 3 have the same source and target: keep one"],
    ),
    (
        pairs(f"{GOOD}, order: newest, every: 6h", f"{GOOD}, order: newest, days: mon"),
        ["3:5: $.pairs[1]: the pairs in lines 2 and 3 have the same source and target: keep one"],
    ),
    (
        pairs(f"source: liked, target: {B}, position: start", f"source: {A}, target: {B}"),
        [f"3:5: $.pairs[1]: the pairs in lines 2 and 3 {ONE_TARGET} 'position'"],
    ),
    (
        pairs(
            f"source: liked, target: {B}",
            f"source: queue, target: {C}, position: start",
            f"source: {A}, target: {{playlist: {B}, roll_over: true}}, position: start",
        ),
        [
            f"4:92: $.pairs[2].target.roll_over: the pairs in lines 2 and 4 {ONE_TARGET} 'roll_over'",
            f"4:109: $.pairs[2].position: the pairs in lines 2 and 4 {ONE_TARGET} 'position'",
        ],
    ),
    (
        pairs(
            "source: liked, target: {create: a, public: true}",
            "source: queue, target: {create: a, description: b}",
            "source: top, target: {create: b, roll_over: false}",
        ),
        [
            f"3:5: $.pairs[1]: the pairs in lines 2 and 3 {ONE_TARGET} 'public'",
            f"3:54: $.pairs[1].target.description: the pairs in lines 2 and 3 {ONE_TARGET} 'description'",
            "4:14: $.pairs[2].source: 'top' is no source: did you mean 'top: short'?",
        ],
    ),
    (
        f"pairs:\n- {{name: x, {GOOD}}}\n- {{name: x, {GOOD}}}\n",
        [
            "3:3: $.pairs[1]: the pairs in lines 2 and 3 have the same source and target: keep one",
            "3:10: $.pairs[1].name: the pairs in lines 2 and 3 are both called 'x': give one another 'name'",
        ],
    ),
    (
        f"pairs:\n- {{source: [{A}, liked], target: {B}}}\n- {{source: [{A}, {C}], target: {B}}}\n",
        [f"3:3: $.pairs[1]: the pairs in lines 2 and 3 are both called '{A}-and-1-more-to-{B}': {RENAME}"],
    ),
    (
        f"pairs:\n- {{name: {A}-to-{C}, {GOOD}}}\n- {{source: {A}, target: {C}}}\n",
        [f"3:3: $.pairs[1]: the pairs in lines 2 and 3 are both called '{A}-to-{C}': give one another 'name'"],
    ),
    (
        f"pairs:\n- {{{GOOD}, account: bob}}\n",
        ["2:77: $.pairs[0].account: unknown account 'bob': known here are 'default'"],
    ),
    (
        f"accounts: {{default: {{file: a}}, anna: {{file: b}}}}\npairs:\n- {{{GOOD}, account: ana}}\n",
        ["3:77: $.pairs[0].account: unknown account 'ana': did you mean 'anna'?"],
    ),
    (
        f"accounts: {{anna: {{file: a}}}}\ndefaults: {{account: an na}}\n{pairs(GOOD, f'source: {A}, target: {C}')}",
        ["2:21: $.defaults.account: unknown account 'an na': did you mean 'anna'?"],
    ),
    (
        f"accounts: {{anna: {{file: a}}, bob: {{file: b}}}}\npairs:\n- {{{GOOD}}}\n- {{source: {A}, target: {C}}}\n",
        [f"1:11: $.accounts: {NO_DEFAULT}"],
    ),
    (f"pairs:\n- {{{GOOD}, account: 12}}\n", ["2:77: $.pairs[0].account: write it in quotes: '12'"]),
    (
        f"accounts: [a]\npairs:\n- {{{GOOD}, account: bob}}\n",
        ["1:11: $.accounts: must be account names, each with its own 'secret' or 'file'"],
    ),
]


@pytest.mark.parametrize(("content", "expected"), MEANINGS)
def test_what_cannot_be_meant_is_refused_at_its_place(load_either_way: Load, content: str, expected: list[str]) -> None:
    assert problems(load_either_way, content) == expected


def test_all_problems_come_at_once_in_file_order_as_lines_that_editors_jump_to(load: Load, folder: Path) -> None:
    """A broken pair does not hide what is wrong with a healthy one, nor a broken shape the meaning."""
    with pytest.raises(ConfigError) as refused:
        load(
            f"""vershion: 1
pairs:
  - source: {A}
    target: {A}
  - source: {A}
    enabled: perhaps
  - 17
  - source: nowhere
    target: {B}
    target: {C}
"""
        )

    path = folder / "config.yaml"
    assert refused.value.code is Code.CONFIG
    assert str(refused.value).splitlines() == [
        f"{path}:1:1: $.vershion: unknown key 'vershion': did you mean 'version'?",
        f"{path}:4:13: $.pairs[0].target: the source in line 3 and the target in line 4 are the same playlist",
        f"{path}:5:5: $.pairs[1]: needs a 'target'",
        f"{path}:6:14: $.pairs[1].enabled: {TRUE_OR_FALSE}, not 'perhaps'",
        f"{path}:7:5: $.pairs[2]: {PAIR}, not 17",
        f"{path}:8:13: $.pairs[3].source: 'nowhere' is not a playlist id of 22 letters and digits",
        f"{path}:10:5: $.pairs[3].target: the key 'target' is in line 9 and again in line 10: keep one",
    ]


# --- C12: size --------------------------------------------------------------------------------------------------------


def many(count: int) -> str:
    return pairs(*(f"name: p{n}, source: ['{n:022}', liked], target: {B}, enabled: on" for n in range(count)))


def test_a_thousand_pairs_load_within_a_second(load: Load) -> None:
    begun = time.process_time()
    loaded = load(many(1000))

    assert time.process_time() - begun < 1
    assert len(loaded.pairs) == 1000


def test_five_thousand_pairs_are_accepted(load: Load) -> None:
    assert len(load(many(config.MAX_PAIRS)).pairs) == 5000


# --- any file at all --------------------------------------------------------------------------------------------------

FRAGMENTS = [
    *(
        "pairs:",
        "accounts:",
        "defaults:",
        "state:",
        "table: ",
        "none",
        "version: 1",
        "- ",
        "  ",
        "\n",
        "\t",
        "source: ",
        "target: ",
        "name: ",
        "liked",
    ),
    *(
        "account: ",
        "file: ",
        "secret: ",
        "enabled: ",
        "max_additions: ",
        "token: ",
        A,
        B,
        f"spotify:playlist:{C}",
        MADE,
    ),
    *(
        "[",
        "]",
        "{",
        "}",
        ", ",
        ": ",
        "'",
        '"',
        "&a ",
        "*a",
        "!!str ",
        "<<: ",
        "? ",
        "# ",
        "| ",
        "> ",
        "---\n",
        "...",
        "~",
    ),
    *(
        "create: ",
        "{year}",
        "exclude: ",
        "title: ",
        "/live/",
        "duration: ",
        "max: ",
        "10m",
        "never: ",
        "first: ",
        "last: ",
    ),
    *(
        "order: ",
        "shuffle",
        "every: ",
        "6h",
        "days: ",
        "mon",
        "position: ",
        "start",
        "match: ",
        "roll_over: ",
        "kinds: ",
    ),
    *("playlist: ", "album: ", "artist: ", "since: ", "top: ", "short", "queue: ", "recently_played", "context: "),
    *("%YAML 1.1\n", "no", "0123", "1:30", "2026-11-22", "=", "\\", "é", "🎵", "\r", "~root", '"\\0"', "\ufeff"),
]
yamlish = st.lists(st.sampled_from(FRAGMENTS), max_size=40).map("".join)


@given(content=st.one_of(st.binary(max_size=200), yamlish.map(str.encode), st.text(max_size=100).map(str.encode)))
@example(content=b"a: &a [*a]")
@example(content=b'accounts: {a: {file: "~\\0"}}')
@example(content=b'accounts: {a: {file: "\\ud800"}}')
@example(content=b"? \n: \n? \n")
@example(content=b"---\n  ")
def test_any_bytes_are_a_config_or_are_refused_with_places(load_either_way: Load, content: bytes) -> None:
    try:
        loaded = load_either_way(content)
        assert loaded.pairs
        found = loaded.warnings
    except ConfigError as refused:
        found = refused.problems
        assert found, content
    lines = content.decode("utf-8-sig", "replace").replace("\r\n", "\n").replace("\r", "\n").split("\n")
    for problem in found:
        assert problem.line <= len(lines)
        assert problem.column <= max(map(len, lines)) + 1
        assert str(problem).isprintable()
    assert [(p.line, p.column) for p in found] == sorted((p.line, p.column) for p in found)


ids = st.from_regex(r"\A[A-Za-z0-9]{22}\Z")


def spelled(thing: str) -> st.SearchStrategy[str]:
    forms = [
        "{}",
        f"spotify:{thing}:{{}}",
        f"https://open.spotify.com/{thing}/{{}}",
        f"open.spotify.com/intl-de/{thing}/{{}}?si=a,b",
    ]
    return st.builds(str.format, st.sampled_from(forms), ids)


spelled_ids = spelled("playlist")
# PyYAML writes 0899 without quotes, for it holds an 8; we ask for quotes around anything that is all digits.
names = st.from_regex(r"\A[A-Za-z0-9_-]{1,64}\Z").filter(lambda name: not name.isdigit()) | st.sampled_from(
    ["no", "ON", "null", "0123", "12", "1e3", "0x1F", "2026-11-22", "-", "---", "true", "1_0"]
)
words = st.sampled_from(["liked", "saved_albums", "saved_episodes", "recently_played", "queue"])
links = st.one_of(*map(spelled, ("playlist", "album", "artist", "show")))
flags = st.sampled_from([True, None])
context = st.fixed_dictionaries({"context": spelled_ids})
kinds: st.SearchStrategy[dict[str, Any]] = st.one_of(
    *(st.fixed_dictionaries({thing: spelled(thing)}) for thing in ("playlist", "album", "show")),
    st.fixed_dictionaries({"artist": spelled("artist")}, optional={"since": st.dates().map(str)}),
    *(st.fixed_dictionaries({word: flags}) for word in ("liked", "saved_albums", "saved_episodes")),
    *(st.fixed_dictionaries({word: flags | context}) for word in ("recently_played", "queue")),
    st.fixed_dictionaries({"queue": flags, "context": spelled_ids}),
    st.fixed_dictionaries({"top": st.sampled_from(list(map(str, Term)))}),
    st.fixed_dictionaries({"file": st.sampled_from(["a.txt", "~/b c.csv", "0123", "#1", "null"])}),
)


def with_account(thing: st.SearchStrategy[dict[str, Any]], account: st.SearchStrategy[str]) -> Any:
    return st.builds(dict.__or__, thing, st.fixed_dictionaries({}, optional={"account": account}))


def one_or_more(each: st.SearchStrategy[Any], most: int = 3) -> st.SearchStrategy[Any]:
    return each | st.lists(each, min_size=1, max_size=most)


none = st.just("none")
entries = st.sampled_from(["live", "/re-?mix/", "1975", "no", "{a}", "é: #1", "'", "- x", "none", r"/\bdemo\b/"])
named = none | st.dictionaries(st.sampled_from(["artist", "album", "title"]), one_or_more(entries), min_size=1)
counts = st.integers(1, 10**6)
lengths = st.sampled_from(["90s", "10m", "1h30m", "90", 90, 600])
since = st.sampled_from(["none", "2020", 2020, "2020-05", "2020-05-31"])
pair_options = {
    "enabled": st.booleans(),
    "max_additions": st.integers(1, MAX_ITEMS),
    "removed": st.sampled_from(list(map(str, Removed))),
    "include": named,
    "exclude": named,
    "explicit": st.sampled_from(["exclude", "only", "none"]),
    "duration": none
    | st.fixed_dictionaries({"max": lengths})
    | st.fixed_dictionaries({"min": lengths, "max": st.just("2h")}),
    "released_since": since,
    "added_since": since | st.just("30d"),
    "kinds": one_or_more(st.sampled_from(["tracks", "episodes"])),
    "never": none | one_or_more(spelled_ids),
    "order": st.sampled_from(["source", "newest", "oldest", "shuffle", "shuffle(7)"]),
    "interleave": st.booleans(),
    "match": st.sampled_from(list(map(str, Match))),
    "position": st.sampled_from(list(map(str, Position))),
    "every": st.sampled_from(["30m", "6h", "2d", "none"]),
    "days": none | one_or_more(st.sampled_from(options.DAYS)),
}
"""All but 'account', and 'first' and 'last', which exclude each other."""


def some_options(**more: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    beginning: st.SearchStrategy[dict[str, Any]] = (
        st.just({}) | st.fixed_dictionaries({"first": counts | none}) | st.fixed_dictionaries({"last": counts | none})
    )
    return st.builds(dict.__or__, st.fixed_dictionaries({}, optional={**pair_options, **more}), beginning)


accounts = st.dictionaries(
    names, st.fixed_dictionaries({"file": st.sampled_from(["a.json", "~/b c.json", "0123", "ä: #1"])}), min_size=1
)

new_targets: st.SearchStrategy[dict[str, Any]] = st.fixed_dictionaries(
    {"create": st.sampled_from(["Archive {year}-{month}", "{week_year}/{week}", "{{a}}", "2026", "é: #1", "none"])},
    optional={"public": st.booleans(), "description": st.sampled_from(["a: b", "0123"]), "roll_over": st.booleans()},
)
states = (
    st.just("none")
    | st.fixed_dictionaries({"file": st.sampled_from(["state", "~/a b", "0123", "#1"])})
    | st.fixed_dictionaries({"table": st.sampled_from(["rediscover-weekly", "0123", "1.5", "null"])})
)


@st.composite
def good_configs(draw: st.DrawFn) -> dict[str, Any]:
    found: dict[str, Any] = draw(
        st.fixed_dictionaries({}, optional={"version": st.just(1), "accounts": accounts, "state": states})
    )
    account = st.sampled_from(list(found.get("accounts", ["default"])))
    sources = words | links | with_account(kinds, account)
    target = (
        spelled_ids
        | with_account(st.fixed_dictionaries({"playlist": spelled_ids}, optional={"roll_over": st.booleans()}), account)
        | with_account(new_targets, account)
    )
    entry = st.builds(
        dict.__or__,
        st.fixed_dictionaries({"source": one_or_more(sources), "target": target, "account": account}),
        some_options(),
    )
    found["defaults"] = draw(some_options(account=account))
    found["pairs"] = [
        {**draw(entry), "name": name} for name in draw(st.lists(names, min_size=1, max_size=3, unique=True))
    ]
    return found


class _Quoted(yaml.SafeDumper):
    """Writes every text in quotes."""


class _Folded(yaml.SafeDumper):
    """Writes every text as a block of its own."""


_Quoted.add_representer(str, lambda dumper, text: dumper.represent_scalar("tag:yaml.org,2002:str", text, style='"'))
_Folded.add_representer(str, lambda dumper, text: dumper.represent_scalar("tag:yaml.org,2002:str", text, style=">"))


def styled(data: dict[str, Any], **style: Any) -> str:
    style = {"Dumper": yaml.SafeDumper, "sort_keys": False, "width": 10_000, **style}
    written: str = yaml.dump(data, **style)
    return written


REFORMATTINGS: dict[str, Callable[[dict[str, Any]], str]] = {
    "flow": lambda data: styled(data, default_flow_style=True),
    "narrow": lambda data: styled(data, width=20),
    "deep, sorted": lambda data: styled(data, indent=7, sort_keys=True),
    "quoted": lambda data: styled(data, Dumper=_Quoted),
    "folded": lambda data: styled(data, Dumper=_Folded),
    "explicit": lambda data: styled(data, explicit_start=True, explicit_end=True, version=(1, 1)),
    "CRLF and BOM": lambda data: "\ufeff" + styled(data).replace("\n", "\r\n"),
    "comments": lambda data: "# x\n\n" + styled(data).replace("\n", " # é\n\n"),
    "JSON": json.dumps,
    "indented JSON": lambda data: json.dumps(data, indent=3, ensure_ascii=False),
}


@given(data=good_configs(), reformat=st.sampled_from(sorted(REFORMATTINGS)))
def test_a_good_config_means_the_same_after_reformatting(load: Load, data: dict[str, Any], reformat: str) -> None:
    def meaning(content: str) -> object:
        try:
            loaded = load(content)
        except ConfigError as refused:  # drawn with a target that is a source too, or the like
            return {(problem.path, problem.message.partition(" line")[0]) for problem in refused.problems}
        return loaded.pairs, set(loaded.accounts), loaded.state

    assert meaning(REFORMATTINGS[reformat](data)) == meaning(styled(data))


# --- the schema -------------------------------------------------------------------------------------------------------

SCHEMA = config.schema("config")


def keys_of(node: Any) -> Iterator[tuple[str, dict[str, Any]]]:
    """Every property that the schema describes, references followed."""
    if isinstance(node, dict):
        for name, rules in node.get("properties", {}).items():
            yield name, SCHEMA["$defs"][rules["$ref"].rpartition("/")[2]] if "$ref" in rules else rules
        for child in node.values():
            yield from keys_of(child)


def test_the_schema_is_one_and_explains_every_key_with_examples_that_hold() -> None:
    jsonschema.Draft202012Validator.check_schema(SCHEMA)
    assert SCHEMA["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    assert SCHEMA["title"]
    for name, rules in [("config", SCHEMA), *keys_of(SCHEMA)]:
        assert rules["description"], name
        assert rules["examples"], name
        whole = jsonschema.Draft202012Validator({**rules, "$defs": SCHEMA["$defs"]})
        for sample in rules["examples"]:
            whole.validate(sample)


def test_an_installed_package_has_the_schemas_inside(tmp_path: Path) -> None:
    shutil.copytree(ROOT / "schemas", tmp_path / "syncer" / "schemas")
    shutil.copy(config.__file__, tmp_path / "syncer" / "config.py")

    assert loaded_anew(tmp_path / "syncer" / "config.py").schema("config") == SCHEMA


def test_every_object_of_the_schema_is_closed() -> None:
    nodes = [SCHEMA, *SCHEMA["$defs"].values(), *(rules for _, rules in keys_of(SCHEMA))]
    objects = {id(node): node for node in nodes if "object" in str(node.get("type")) or "properties" in node}

    assert len(objects) == 13
    assert all(node["additionalProperties"] is False for node in objects.values())


def test_schema_and_code_know_the_same_kinds_of_source() -> None:
    source = SCHEMA["$defs"]["source"]
    kinds = [key for choice in source["then"]["oneOf"] for key in choice["required"]]
    words = [kind for kind, written in forms.KINDS.items() if kind == written]

    assert len(kinds) == len(set(kinds)) == len(forms.KINDS)
    assert set(kinds) == set(forms.KINDS) == set(source["properties"]) - {"since", "context", "account"}
    assert source["properties"]["top"]["enum"] == list(Term)
    assert {kind for kind in kinds if None in str_enum(source["properties"][kind])} == set(words)
    for sample in (*words, *source["examples"]):
        jsonschema.Draft202012Validator({**source, "$defs": SCHEMA["$defs"]}).validate(sample)


def str_enum(rules: dict[str, Any]) -> list[Any]:
    return [value for choice in rules.get("anyOf", [rules]) for value in choice.get("enum", ())]


def fields_of(kind: Any) -> dict[str, Any]:
    """The fields of a dataclass with their defaults."""
    made = {field.name: field.default_factory for field in dataclasses.fields(kind)}
    return {
        field.name: field.default if field.default is not dataclasses.MISSING else made[field.name]
        for field in dataclasses.fields(kind)
    }


def test_schema_and_dataclasses_say_the_same() -> None:
    """A key enters the schema together with the behaviour behind it."""
    top, definitions = SCHEMA["properties"], SCHEMA["$defs"]
    apart = {"sources", "readers", "rules", "rhythm", "create", "roll_over", "volumes"}
    ends = {"name", "source", "target"}
    usual = fields_of(Pair) | fields_of(Rules) | fields_of(Rhythm)
    described = {name: definitions["pair"]["properties"][name]["$ref"] for name in options.KNOWN}
    defaults = {name: definitions[ref.rpartition("/")[2]].get("default") for name, ref in described.items()}

    assert set(top) == {"version", "defaults"} | set(fields_of(Config)) - {"warnings"}
    assert set(definitions["pair"]["properties"]) == ends | options.KNOWN
    assert ends | options.KNOWN == {"source"} | set(usual) - apart
    assert top["defaults"]["properties"] == {name: {"$ref": ref} for name, ref in described.items()}
    assert {name: default for name, default in defaults.items() if default is not None} == {
        "kinds": list(Medium),
        "order": str(Order().by),
        **{
            name: usual[name]
            for name in ("enabled", "account", "max_additions", "removed", "interleave", "match", "position")
        },
    }
    nameable = {name for name in options.KNOWN if re.search(r'"none"|none\|', json.dumps(definitions.get(name)))}
    assert nameable == options.CAN_BE_NONE
    assert set(definitions["account"]["properties"]) == set(fields_of(Account)) - {"name"}
    assert set(top["state"]["properties"]) == {"file", "table"}  # as $SYNCER_STATE has them
    assert top["pairs"]["maxItems"] == config.MAX_PAIRS


def test_schema_and_code_know_the_same_words() -> None:
    definitions = SCHEMA["$defs"]
    target = definitions["pair"]["properties"]["target"]

    assert definitions["max_additions"]["maximum"] == MAX_ITEMS
    assert definitions["removed"]["enum"] == list(Removed)
    assert definitions["match"]["enum"] == list(Match)
    assert definitions["position"]["enum"] == list(Position)
    assert definitions["explicit"]["enum"] == [*Explicit, "none"]
    assert definitions["kind"]["enum"] == definitions["kinds"]["else"]["enum"] == list(Medium)
    assert definitions["day"]["enum"] == list(options.DAYS)
    assert definitions["days"]["else"]["enum"] == [*options.DAYS, "none"]
    assert set(definitions["include"]["properties"]) == set(fields_of(Filter))
    assert set(definitions["duration"]["properties"]) == set(fields_of(Span))
    assert [key for choice in target["then"]["oneOf"] for key in choice["required"]] == list(forms.TARGETS)
    assert set(target["properties"]) == {"playlist", "create", "account", "roll_over"} | set(fields_of(NewTarget)) - {
        "pattern"
    }
    assert set(re.findall(r"\{(\w+)\}", target["properties"]["create"]["description"])) == set(naming.PERIODS)
    for sample in target["properties"]["create"]["examples"]:
        assert naming.pattern_problem(sample) is None


@given(text=words | links | st.text(max_size=80))
@example(text=f"{A}\n")
@example(text="https://OPEN.Spotify.com/playlist/" + A)
@example(text="https://OPEN.Spotify.com/album/" + A)
def test_the_schema_accepts_every_word_and_link_that_we_accept(text: str) -> None:
    """Its patterns serve editors; what a text names is decided in one place, which may be stricter."""
    holds = jsonschema.Draft202012Validator(SCHEMA).is_valid
    thing, _ = linked(text) or (None, "")
    known: list[dict[str, Any]] = []
    if text in forms.KINDS and forms.KINDS[text] == text:
        known += [{"source": text, "target": B}]
    if thing in (Thing.PLAYLIST, Thing.ALBUM, Thing.ARTIST, Thing.SHOW):
        known += [{"source": text, "target": B}, {"source": [{str(thing): text}], "target": B}]
    with suppress(NotAPlaylist):
        playlist_id(text)
        known += [
            {"source": text, "target": {"playlist": text}},
            {"source": {"queue": {"context": text}}, "target": text},
            {"source": {"queue": None, "context": text}, "target": text},
        ]
    for pair in known:
        assert holds({"pairs": [pair]}), pair


def test_a_long_value_is_shown_by_its_beginning(load: Load) -> None:
    (problem,) = problems(load, pairs(f"source: {'x' * 500}, target: {A}"))
    assert "x" * (SHOWN - 1) + "…'" in problem
    assert "x" * SHOWN not in problem
