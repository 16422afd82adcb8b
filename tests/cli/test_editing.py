"""``syncer add``: what it puts into a file, what it leaves alone, and what it refuses."""

import difflib
import json
import stat
from collections.abc import Mapping
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from syncer import config
from syncer.cli.editing import create, put_in, with_pair, write
from syncer.errors import ConfigError
from syncer.ids import playlist_id
from syncer.model import Config, LikedSongs, Pair, PlaylistSource
from tests.cli.process import Machine

WEEK, ARCHIVE, OTHER = "5ieJqeLJjjI8iJWaxeBLuK", "2mULMNIOjAkmgJvE6J7YhL", "3kPq7TzWvYb1LxRm8NcA4s"
LINK = "https://open.spotify.com/playlist/"
NEW = {"source": "liked", "target": LINK + OTHER}
LEAST = f"pairs:\n  - source: {WEEK}\n    target: {ARCHIVE}\n"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "config.yaml"


def added_lines(before: str, after: str) -> list[str]:
    """Return the lines that *after* has more than *before*; none may be missing."""
    found = list(difflib.ndiff(before.splitlines(keepends=True), after.splitlines(keepends=True)))
    assert not [line for line in found if line.startswith("- ")], after
    return [line[2:].rstrip("\r\n") for line in found if line.startswith("+ ")]


def read(text: str) -> Config:
    return config.load(Path("config.yaml"), text.encode())


# --- where the lines go -----------------------------------------------------------------------------------------------


def test_the_pair_comes_after_the_last_and_before_what_follows() -> None:
    text = f"# mine\n{LEAST}\n# the end\nstate: none\n"
    assert with_pair(text, NEW) == (
        f"# mine\n{LEAST}  - source: liked\n    target: {LINK}{OTHER}\n\n# the end\nstate: none\n"
    )


def test_every_option_is_written_and_reads_back(path: Path) -> None:
    path.write_text("accounts: {anna: {file: a.json}, default: {file: b.json}}\n" + LEAST)
    fields: dict[str, str | int] = {
        "name": "no",
        "source": LINK + WEEK,
        "target": LINK + OTHER,
        "account": "anna",
        "max_additions": 5,
    }
    added = put_in(path, fields)
    assert config.load(path).pairs[-1] == Pair(
        name="no",
        sources=(PlaylistSource(playlist_id(WEEK)),),
        target=playlist_id(OTHER),
        account="anna",
        max_additions=5,
    )
    assert added.line == 5
    assert path.read_text().partition(ARCHIVE)[2].splitlines()[1:] == [
        '  - name: "no"',
        f"    source: {LINK}{WEEK}",
        f"    target: {LINK}{OTHER}",
        "    account: anna",
        "    max_additions: 5",
    ]


@pytest.mark.parametrize("name", ["no", "Yes", "null", "y", "089", "-", "-x", "_", "1e5", "1_0", "a-b"])
def test_a_name_that_yaml_would_take_for_something_else_is_quoted(name: str) -> None:
    assert read(with_pair(LEAST, {"name": name, **NEW})).pairs[-1].name == name
    flow = f"pairs: [{{source: {WEEK}, target: {ARCHIVE}}}]"
    assert read(with_pair(flow, {"name": name, **NEW})).pairs[-1].name == name


def test_an_empty_line_goes_between_pairs_that_have_one_between_them() -> None:
    second = f"\n  # two\n  - source: {ARCHIVE}\n    target: {WEEK}\n"
    assert added_lines(LEAST + second, with_pair(LEAST + second, NEW))[0] == ""


def test_a_comment_that_is_indented_like_the_keys_stays_with_its_pair() -> None:
    text = f"{LEAST}    # enabled: false\n  # another pair\n"
    lines = with_pair(text, NEW).splitlines()
    assert lines[3:] == ["    # enabled: false", "  - source: liked", f"    target: {LINK}{OTHER}", "  # another pair"]


def test_the_shipped_config_gets_only_new_lines(root: Path) -> None:
    text = (root / "config" / "config.yaml").read_text()
    new = {"source": LINK + WEEK, "target": LINK + OTHER}
    lines = [f"  - source: {LINK}{WEEK}", f"    target: {LINK}{OTHER}"]
    assert sorted(added_lines(text, with_pair(text, new))) == ["", *sorted(lines)]


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("[{A}]", "[{A}, {N}]"),
        ("[ {A} ] # x", "[ {A}, {N} ] # x"),
        ("[{A}, ]", "[{A}, {N}, ]"),
        ("[\n  {A}\n]", "[\n  {A},\n  {N}\n]"),
        ("[\n  {A}, # a, b\n]", "[\n  {A}, # a, b\n  {N},\n]"),
        ("[\n  {A} # a, b\n]", "[\n  {A}, # a, b\n  {N}\n]"),
        ("[\n  {A}]", "[\n  {A}, {N}]"),
        ("[\n  {A}\n  ,\n]", "[\n  {A}\n  ,\n  {N},\n]"),
        ("[{A}\n  , {B}\n]", "[{A}\n  , {B}, {N}\n]"),
        ("[\n  {A},\n  {B}, ]", "[\n  {A},\n  {B}, {N}, ]"),
    ],
)
def test_in_brackets_it_takes_the_shape_of_the_others(before: str, after: str) -> None:
    def filled(text: str) -> str:
        entries = {"A": (WEEK, ARCHIVE), "B": (ARCHIVE, WEEK), "N": ("liked", LINK + OTHER)}
        for letter, (source, target) in entries.items():
            text = text.replace(f"{{{letter}}}", f"{{source: {source}, target: {target}}}")
        return f"pairs: {text}\nstate: none\n"

    assert with_pair(filled(before), NEW) == filled(after)


@pytest.mark.parametrize("indent", [None, 2])
def test_json_stays_json(indent: int | None) -> None:
    held = {"state": "none", "pairs": [{"source": WEEK, "target": ARCHIVE}]}
    new = with_pair(json.dumps(held, indent=indent), NEW)
    assert json.loads(new)["pairs"] == [*held["pairs"], NEW]
    assert read(new).pairs[-1].sources == (LikedSongs(),)


# --- every layout -----------------------------------------------------------------------------------------------------

COMMENTS = st.sampled_from(["", "# mine", "# - source: x", "# 'it', \"is\": [so}"])


@st.composite
def sources(draw: st.DrawFn, indent: str) -> str:
    """Return what stands after ``source:``."""
    link = draw(st.sampled_from([WEEK, f'"{LINK}{WEEK}"', f"'{WEEK}'", f"{LINK}{WEEK}?si=1#2", "liked"]))
    forms = [f" {link}", f" [{link}, {OTHER}]", f"\n{indent}  - {link}\n{indent}  - {OTHER} # two"]
    forms += [f" [{link},\n{indent}      {OTHER}]", f"\n{indent}   {link}"]
    forms += [f" >-\n{indent}    {OTHER}\n{indent}# ends it"]
    return draw(st.sampled_from(forms))


@st.composite
def block_entries(draw: st.DrawFn, number: int, margin: str) -> str:
    """Return one pair and what stands around it, each line ended."""
    indent = margin + " " * draw(st.integers(2, 5))
    target = f"{number:022d}"
    dash = margin + "-" + indent[len(margin) + 1 :]
    comments = "".join(f"{' ' * draw(st.integers(0, 8))}{draw(COMMENTS)}\n" for _ in range(draw(st.integers(0, 2))))
    if draw(st.booleans()):
        spaces = " " * draw(st.integers(0, 2))
        return f"{comments}{dash}{{{spaces}source: {WEEK},{spaces} target: 'spotify:playlist:{target}'{spaces}}}\n"
    source = f"source:{draw(sources(indent))}"
    lines = draw(st.permutations([source, f"target: '{target}' {draw(COMMENTS)}", "enabled:   true  "]))
    first = f"{margin}-\n{indent}" if draw(st.booleans()) else dash
    return comments + first + f"\n{indent}".join(lines) + "\n"


@st.composite
def block_files(draw: st.DrawFn) -> str:
    margin = " " * draw(st.integers(0, 4))
    count = draw(st.integers(1, 3))
    pairs = "".join(draw(block_entries(number, margin)) for number in range(count))
    above = draw(st.sampled_from(["", "# all mine\n\n", "version: 1\n", "---\n", "defaults: {max_additions:   9}\n"]))
    below = draw(
        st.sampled_from(["", "\n", "\n# the end\n", "   # a, b\n", "state: none\n", "\n\nstate:\n  table: abc\n"])
    )
    key = draw(st.sampled_from(["pairs", '"pairs"']))
    return f"{above}{key}: {draw(COMMENTS)}\n{pairs}{below}"


@st.composite
def encoded(draw: st.DrawFn, text: str) -> bytes:
    """Return *text* with the ends of lines of some system, perhaps with a mark at its beginning, or unended."""
    if draw(st.booleans()):
        text = text.rstrip("\n")
    text = text.replace("\n", draw(st.sampled_from(["\n", "\r\n", "\r"])))
    return draw(st.sampled_from([b"", b"\xef\xbb\xbf"])) + text.encode()


@given(st.data())
def test_in_any_layout_nothing_is_touched_and_the_pair_is_the_last(data: st.DataObject) -> None:
    raw = data.draw(block_files().flatmap(encoded))
    before = config.load(Path("config.yaml"), raw)
    text = raw.decode("utf-8-sig")

    new = with_pair(text, NEW)

    after = read(new)
    assert after.pairs[:-1] == before.pairs
    assert (after.pairs[-1].sources, after.pairs[-1].target) == ((LikedSongs(),), OTHER)
    kept = next((at for at, both in enumerate(zip(text, new, strict=False)) if len(set(both)) > 1), len(text))
    assert new.endswith(text[kept:])  # one piece was put in
    assert not set(new) - set(text) - set(NEW["target"] + "- source:{}, liked\n")
    ends = {"\r\n", "\n", "\r"} if "\n" not in text and "\r" not in text else {_end_of_lines(text)}
    assert _end_of_lines(new) in ends


def _end_of_lines(text: str) -> str:
    return "\r\n" if "\r\n" in text else "\n" if "\n" in text else "\r"


@st.composite
def flow_files(draw: st.DrawFn) -> str:
    blank = st.sampled_from(["", " ", "\n", "\n  ", " # a, ]b\n    "])
    entries = [
        f"{{{draw(blank)}source: {WEEK},{draw(blank)} target: '{number:022d}'{draw(blank)}}}"
        for number in range(draw(st.integers(1, 3)))
    ]
    inner = f"{draw(blank)},{draw(blank)} ".join(entries) + draw(blank) + draw(st.sampled_from(["", ",", " ,"]))
    lists = f"[{draw(blank)}{inner}{draw(blank)}]"
    return draw(st.sampled_from([f"pairs: {lists}\n", f"{{state: none, pairs: {lists}}}\n", f"pairs:\n {lists}"]))


@given(st.data())
def test_in_any_brackets_no_more_is_added_than_the_pair_and_a_comma(data: st.DataObject) -> None:
    raw = data.draw(flow_files().flatmap(encoded))
    before = config.load(Path("config.yaml"), raw)
    text = raw.decode("utf-8-sig")

    new = with_pair(text, NEW)

    after = read(new)
    assert after.pairs[:-1] == before.pairs
    assert (after.pairs[-1].sources, after.pairs[-1].target) == ((LikedSongs(),), OTHER)
    was, rest = ("".join(each.split()) for each in (text, new.replace(f"{{source: liked, target: {LINK}{OTHER}}}", "")))
    at = next((at for at, both in enumerate(zip(was, rest, strict=False)) if len(set(both)) > 1), len(was))
    assert rest == f"{was[:at]},{was[at:]}"


# --- the file ---------------------------------------------------------------------------------------------------------


def test_the_file_keeps_its_mode_its_mark_and_its_ends_of_lines(path: Path) -> None:
    raw = b"\xef\xbb\xbf" + LEAST.replace("\n", "\r\n").encode()
    path.write_bytes(raw)
    path.chmod(0o640)
    put_in(path, NEW)
    assert path.read_bytes() == raw + f"  - source: liked\r\n    target: {LINK}{OTHER}\r\n".encode()
    assert stat.S_IMODE(path.stat().st_mode) == 0o640
    assert list(path.parent.iterdir()) == [path]


def test_a_link_goes_on_pointing_to_the_file(path: Path, tmp_path: Path) -> None:
    real = tmp_path / "real.yaml"
    real.write_text(LEAST)
    path.symlink_to(real)
    put_in(path, NEW)
    assert path.is_symlink()
    assert "liked" in real.read_text()


@pytest.mark.parametrize(
    ("fields", "complaint"),
    [
        ({"name": "x y"}, "must be a name"),
        ({"max_additions": 0}, "whole number from 1"),
        ({"account": "nobody"}, "unknown account 'nobody'"),
        ({"source": LINK + OTHER}, "are the same playlist"),
        ({"source": LINK + WEEK, "target": LINK + ARCHIVE}, "have the same source and target"),
    ],
)
def test_what_would_not_hold_is_refused_and_nothing_changes(
    path: Path, fields: Mapping[str, str | int], complaint: str
) -> None:
    path.write_text(LEAST)
    with pytest.raises(ConfigError, match=complaint) as refused:
        put_in(path, {**NEW, **fields})
    assert "nothing was added" in refused.value.hint
    assert path.read_text() == LEAST


def test_only_the_warnings_of_the_new_pair_are_told(path: Path) -> None:
    made = LINK + "37i9dQZEVXcJZyENOWUFo7"
    path.write_text(LEAST)
    assert len(put_in(path, {**NEW, "source": made}).config.warnings) == 1
    assert put_in(path, NEW).config.warnings == ()


def test_a_file_that_would_grow_beyond_what_is_read_is_left_alone(path: Path) -> None:
    text = LEAST + "#" * ((1 << 20) - len(LEAST))
    path.write_text(text)
    with pytest.raises(ConfigError, match="larger than 1 MiB"):
        put_in(path, NEW)
    assert path.read_text() == text


def test_a_folder_that_cannot_be_written_is_said_and_nothing_is_left(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="cannot be written"):
        write(tmp_path / "none" / "config.yaml", b"")
    with pytest.raises(ConfigError, match="cannot be written"):
        write(tmp_path, b"")
    assert list(tmp_path.iterdir()) == []


def test_a_new_file_is_made_with_its_folder_and_never_over_another(tmp_path: Path) -> None:
    path = tmp_path / "config" / "config.yaml"
    create(path, b"a")
    with pytest.raises(ConfigError, match="cannot be written: File exists"):
        create(path, b"b")
    assert path.read_bytes() == b"a"


# --- the command ------------------------------------------------------------------------------------------------------


def test_a_pair_is_added_without_asking_spotify(desk: Machine) -> None:
    desk.config.write_text(LEAST)
    ended = desk.run("add", f"spotify:playlist:{ARCHIVE}", f"{LINK}{OTHER}?si=abc", "--name", "again")
    assert (ended.code, ended.out) == (0, "config/config.yaml: 2 pairs, no problem found\n")
    assert ended.err == "Added the pair again in line 4.\n-> `syncer plan --pair again` shows what it would add\n"
    assert desk.config.read_text() == (
        f"{LEAST}  - name: again\n    source: {LINK}{ARCHIVE}\n    target: {LINK}{OTHER}\n"
    )
    assert desk.requests() == []


@pytest.mark.parametrize(
    ("source", "written"),
    [
        ("saved_albums", "saved_albums"),
        ("recently_played", "recently_played"),
        ("queue", "queue"),
        (f"spotify:artist:{WEEK}", f"https://open.spotify.com/artist/{WEEK}"),
        (f"https://open.spotify.com/intl-de/album/{WEEK}?si=1", f"https://open.spotify.com/album/{WEEK}"),
        (f"spotify:show:{WEEK}", f"https://open.spotify.com/show/{WEEK}"),
    ],
)
def test_a_source_may_be_of_any_kind_that_a_word_or_a_link_names(desk: Machine, source: str, written: str) -> None:
    desk.config.write_text(LEAST)
    ended = desk.run("add", source, OTHER)

    assert ended.code == 0
    assert desk.config.read_text().endswith(f"  - source: {written}\n    target: {LINK}{OTHER}\n")


@pytest.mark.parametrize(
    ("source", "target", "complaint"),
    [
        ("foo", OTHER, "SOURCE: 'foo' is not a playlist id"),
        ("liked", "spotify:album:x", "TARGET: 'spotify:album:x' is a link to a Spotify album"),
        ("liked", "liked", "TARGET is a playlist"),
        ("liked", "queue", "TARGET is a playlist: 'queue' can only be a source"),
        (f"spotify:track:{OTHER}", OTHER, "SOURCE: "),
    ],
)
def test_what_names_no_playlist_is_refused_at_once(desk: Machine, source: str, target: str, complaint: str) -> None:
    before = desk.config.read_bytes()
    ended = desk.run("add", source, target)
    assert (ended.code, ended.out) == (2, "")
    assert complaint in ended.err
    assert desk.config.read_bytes() == before


@pytest.mark.parametrize("text", ["pairs: []\n", "pairs: [", "\x00", "a: &a [*a]\n", "[" * 5000, "- x\n", ""])
def test_a_file_that_does_not_hold_is_reported_as_validate_does(desk: Machine, text: str) -> None:
    desk.config.write_text(text)
    ended, validated = desk.run("add", "liked", OTHER), desk.run("validate")
    assert (ended.code, ended.out, ended.err) == (2, "", validated.err)
    assert desk.config.read_text() == text


def test_without_a_config_it_says_so(desk: Machine) -> None:
    ended = desk.run("add", "liked", OTHER, "--config", "nowhere.yaml")
    assert ended.code == 2
    assert "there is no file nowhere.yaml" in ended.err
