"""A file of links or a CSV: read as it is meant, within limits, and never believed."""

import csv
import io
import os
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from syncer.errors import FileUnreadable
from syncer.ids import Uri
from syncer.model import FileSource, Item, Kind, Tracklist
from syncer.tracklist import MAX_BYTES, MAX_ITEMS, MAX_NAME, read

A, B, C = (letter * 22 for letter in "ABC")
PLAYLIST = "37i9dQZF1DXcBWIGoYBM5M"


def listed(content: str | bytes, name: str = "songs.txt") -> Tracklist:
    """Return what a file that holds *content* lists."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "not-shown")
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return read(FileSource(path=str(path), written=name))


def refused(content: str | bytes) -> FileUnreadable:
    with pytest.raises(FileUnreadable) as caught:
        listed(content)
    return caught.value


def uris(content: str | bytes) -> list[str | None]:
    return [item.uri for item in listed(content).items]


def track(letter: str) -> Item:
    return Item(uri=Uri(f"spotify:track:{letter * 22}"))


# --- links ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "text",
    [
        f"spotify:track:{A}",
        f"https://open.spotify.com/track/{A}",
        f"https://open.spotify.com/track/{A}?si=0123456789abcdef",
        f"https://open.spotify.com/intl-de/track/{A}?si=0123&utm_source=copy-link",
        f"open.spotify.com/track/{A}/",
        f"  - <https://open.spotify.com/track/{A}>,",
        f"Listen on Spotify: https://open.spotify.com/track/{A}  # the good one",
    ],
)
def test_every_form_of_link_that_spotify_copies_is_understood(text: str) -> None:
    assert listed(text).items == (track("A"),)
    assert not listed(text).warnings


def test_a_selection_pasted_into_one_line_keeps_its_order() -> None:
    text = f"https://open.spotify.com/track/{B}?si=1 https://open.spotify.com/track/{A}\tspotify:episode:{C}"

    assert uris(text) == [f"spotify:track:{B}", f"spotify:track:{A}", f"spotify:episode:{C}"]
    assert [item.kind for item in listed(text).items] == [Kind.TRACK, Kind.TRACK, Kind.EPISODE]


def test_a_song_listed_twice_is_there_twice() -> None:
    assert len(uris(f"spotify:track:{A}\nspotify:track:{A}\n")) == 2


def test_a_file_of_the_desktop_app_is_local_and_cannot_be_added() -> None:
    text = "spotify:local:Me:Demo:Song+One:211\nhttps://open.spotify.com/local/Me/Demo/Song+One/211\n"

    local = Item(uri=Uri("spotify:local:Me:Demo:Song+One:211"), kind=Kind.LOCAL)
    assert listed(text).items == (local, local)


@pytest.mark.parametrize(
    "text", ["", "\n", "\ufeff", " \r\n\t\n", "# nothing yet\n\n  # still nothing", "Track URI,ISRC\n"]
)
def test_a_file_that_lists_nothing_lists_nothing(text: str) -> None:
    assert listed(text) == Tracklist(version=listed(text).version, items=(), warnings=())


@pytest.mark.parametrize("line_break", ["\n", "\r\n", "\r"])
def test_lines_are_counted_as_editors_count_them(line_break: str) -> None:
    text = line_break.join([f"spotify:track:{A}", "", "Hello\u2028world", f"spotify:track:{B}"])

    assert listed(text).warnings == ("songs.txt:3: 'Hello\\u2028world' is no link to a track; one line was left out",)


def test_what_is_no_song_is_left_out_with_one_warning_for_all() -> None:
    text = "\n".join(
        [
            f"spotify:track:{A}",
            f"https://open.spotify.com/playlist/{PLAYLIST}?si=1",
            f"spotify:album:{B} spotify:track:{B}",
            "My favourites",
            f"https://open.spotify.com/track/{C}",
        ]
    )

    assert uris(text) == [f"spotify:track:{letter}" for letter in (A, B, C)]
    (warning,) = listed(text).warnings
    assert warning.startswith("songs.txt:2: 'https://open.spotify.com/playlist/")
    assert warning.endswith(" is a link to a Spotify playlist, not to a track; 3 lines were left out")


@pytest.mark.parametrize(
    ("line", "why"),
    [
        (f"spotify:artist:{A}", "is a link to a Spotify artist, not to a track"),
        ("https://spotify.link/AbCdEf", "is a short link: open it"),
        (f"spotify:track:{A[1:]}", "is not a track link"),
        (A, "is no link to a track"),
        ("https://youtu.be/dQw4w9WgXcQ", "is no link to a track"),
        ("Title,Artist", "is no link to a track"),
        ("x" * 200_000, "is no link to a track"),
    ],
)
def test_a_file_in_which_nothing_is_understood_is_refused_with_its_first_line(line: str, why: str) -> None:
    error = refused(f"# my songs\n\n{line}\nand so on\n")

    assert str(error).startswith("songs.txt:3: '")
    assert why in str(error)
    assert len(str(error)) < 250
    assert error.hint


# --- CSV --------------------------------------------------------------------------------------------------------------

EXPORTIFY = f"""\
"Name","Track URI","Track Name","Artist URI(s)","Artist Name(s)","Album URI","Album Name","Explicit","ISRC","Added By"
"Best of","spotify:track:{A}","Yonkers","spotify:artist:{B}","Tyler\\, The Creator, X","spotify:album:{C}","Goblin",\
"true","US7VG1103567","spotify:user:me"
"""
EXPORTIFY_IN_GERMAN = f"""\
"Name","Track-URI","Track-Name","Künstler-URI(s)","Künstlername(n)","Album-URI","Album-Name","ISRC"
"Best of","spotify:track:{A}","Yonkers","spotify:artist:{B}","Tyler\\, The Creator","spotify:album:{C}","Goblin",""
"""
EXPORTIFY_NET = f"""\
\ufeffTrack URI,Track Name,Album Name,Artist Name(s),Release Date,Duration (ms),Popularity,Explicit,Added By,Added At
spotify:track:{A},"Yonkers","Goblin","Tyler, The Creator;X",2011-05-10,249000,70,true,me,2026-01-01T00:00:00Z
"""
EXPORTIFY_OF_OLD = f"""\
Spotify ID,Artist IDs,Track Name,Album Name,Artist Name(s),Release Date
{A},"{B}","Yonkers","Goblin",""Weird Al" Yankovic",2011-05-10
"""
TUNEMYMUSIC = f"""\
Track name,Artist name,Album,Playlist name,Type,ISRC,Spotify - id\r
Yonkers,"Tyler, X",Goblin,Best of,Playlist,US7VG1103567,{A}\r
,X,Goblin,,Album,,{B}\r
,X,,,Artist,,{C}\r
"""
SOUNDIIZ = """\
index,title,artist,album,isrc
0,Yonkers,X,Goblin,us-7vg-11-03567
1,Without,X,Goblin,
"""
KNOWN = Item(uri=Uri(f"spotify:track:{A}"), name="Yonkers", album="Goblin")


@pytest.mark.parametrize(
    ("text", "item"),
    [
        (EXPORTIFY, replace(KNOWN, artists=("Tyler, The Creator", "X"), isrc="US7VG1103567")),
        (EXPORTIFY_IN_GERMAN, KNOWN),
        (EXPORTIFY_NET, replace(KNOWN, artists=("Tyler, The Creator", "X"))),
        (EXPORTIFY_OF_OLD, replace(KNOWN, artists=('Weird Al" Yankovic"',))),
        (TUNEMYMUSIC, replace(KNOWN, artists=("Tyler", "X"), isrc="US7VG1103567")),
        (SOUNDIIZ, replace(KNOWN, uri=None, artists=("X",), isrc="US7VG1103567")),
        (f"My song;URL\nYonkers;https://open.spotify.com/intl-de/track/{A}?si=1\n", track("A")),
        (f"track_uri\tsong\nspotify:track:{A}\tYonkers\n", replace(track("A"), name="Yonkers")),
        (
            f"# from my old phone\n\nISRC,Link\nUS7VG1103567,spotify:track:{A}\n",
            replace(track("A"), isrc="US7VG1103567"),
        ),
        (f"Track URI\nspotify:track:{A}\n", track("A")),
        ("URL,ISRC\nhttps://www.deezer.com/track/1,US7VG1103567\n", Item(uri=None, isrc="US7VG1103567")),
    ],
    ids=lambda value: value.split("\n")[0] if isinstance(value, str) else "",
)
def test_what_exporters_write_is_understood(text: str, item: Item) -> None:
    assert listed(text).items == (item,)


def test_the_columns_of_a_spreadsheet_are_understood_in_its_own_encoding() -> None:
    text = f"Track Name\tSpotify URI\r\nÜber\tspotify:track:{A}\r\n"

    for encoding in ("utf-16", "utf-16-be", "utf-8-sig"):
        bom = "\ufeff" if encoding == "utf-16-be" else ""
        assert listed((bom + text).encode(encoding)).items == (replace(track("A"), name="Über"),)


def test_a_local_file_and_an_episode_in_a_csv_are_what_they_are() -> None:
    text = f"Track URI,Track Name\nspotify:local:::Demo:9,Demo\nspotify:episode:{A},Talk\n"

    assert listed(text).items == (
        Item(uri=Uri("spotify:local:::Demo:9"), kind=Kind.LOCAL, name="Demo"),
        Item(uri=Uri(f"spotify:episode:{A}"), kind=Kind.EPISODE, name="Talk"),
    )


def test_rows_without_a_track_are_left_out_with_one_warning() -> None:
    (warning,) = listed(TUNEMYMUSIC).warnings

    assert warning == "songs.txt:3: this row has no link, no id and no ISRC of a track; 2 lines were left out"


def test_empty_rows_of_a_spreadsheet_are_nothing_to_warn_of() -> None:
    assert not listed(f"Track URI,Track Name\nspotify:track:{A},One\n,\n , \n").warnings


def test_a_quote_that_is_never_closed_costs_no_other_row() -> None:
    text = f'Track Name,Track URI\n"Never closed,spotify:track:{A}\nNext,spotify:track:{B}\n'

    assert listed(text).items == (replace(track("B"), name="Next"),)
    assert "songs.txt:2: " in listed(text).warnings[0]


def test_a_row_that_lacks_columns_or_has_more_is_read_as_far_as_it_goes() -> None:
    text = f"Track URI,Track Name,ISRC\nspotify:track:{A}\nspotify:track:{B},Two,US7VG1103567,more\n"

    assert listed(text).items == (track("A"), replace(track("B"), name="Two", isrc="US7VG1103567"))


def test_names_come_without_control_characters_and_no_longer_than_needed() -> None:
    name = "\x1b]52\x07evil\x85name" + "x" * 600

    (item,) = listed(f"Track URI,Title,Album,Artist\nspotify:track:{A},{name},{name},{name}\n").items

    assert item.name == item.album == item.artists[0] == "]52 evil name" + "x" * (MAX_NAME - 14)


def test_a_row_that_is_far_too_long_is_left_out() -> None:
    text = f"Track URI,Title\nspotify:track:{B},{'x' * 200_000}\nspotify:track:{A}\n"

    assert listed(text).items == (track("A"),)
    assert listed(text).warnings == ("songs.txt:2: this row is longer than any should be; one line was left out",)


def test_a_link_to_a_file_of_a_million_letters_is_no_item() -> None:
    assert "songs.txt:1" in str(refused("spotify:local:" + "x" * 1_000_000))


# --- whatever is written, it reads back -------------------------------------------------------------------------------

letters = st.sampled_from("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789")
ids = st.text(letters, min_size=22, max_size=22)
names = st.text(st.characters(exclude_categories=("Cc", "Cs"), exclude_characters=";,\\"), max_size=20).map(str.strip)
isrcs = st.from_regex(r"[A-Z]{2}[A-Z0-9]{3}[0-9]{7}", fullmatch=True)
kinds = st.sampled_from([Kind.TRACK, Kind.EPISODE])
linked = st.builds(lambda kind, spotify_id: Item(uri=Uri(f"spotify:{kind}:{spotify_id}"), kind=kind), kinds, ids)
LINK_FORMS = (
    "spotify:{kind}:{id}",
    "https://open.spotify.com/{kind}/{id}?si=0f",
    "https://open.spotify.com/intl-pt/{kind}/{id}",
)


def link(item: Item, form: str) -> str:
    assert item.uri
    return form.format(kind=item.kind, id=item.uri[-22:])


@given(
    st.lists(st.tuples(linked, st.sampled_from(LINK_FORMS), st.sampled_from(["\n", "\r\n", " ", "\t", "\n# so\n\n"]))),
    st.sampled_from(["utf-8", "utf-8-sig", "utf-16"]),
)
def test_any_list_of_links_reads_back_in_order(written: Sequence[tuple[Item, str, str]], encoding: str) -> None:
    text = "".join(link(item, form) + separator for item, form, separator in written)

    assert listed(text.encode(encoding)) == Tracklist(
        version=listed(text.encode(encoding)).version, items=tuple(item for item, _, _ in written)
    )


described = st.builds(
    lambda item, name, artists, album, isrc: replace(item, name=name, artists=artists, album=album, isrc=isrc),
    linked,
    names,
    st.lists(names.filter(bool), max_size=3).map(tuple),
    names,
    st.none() | isrcs,
)
unlinked = st.builds(lambda item, isrc: replace(item, uri=None, kind=Kind.TRACK, isrc=isrc), described, isrcs)
headers = st.tuples(
    st.sampled_from(["Track URI", "Spotify URI", "spotify-uri", "URI", "Spotify - id", "url", "Link", "トラックURI"]),
    st.sampled_from(["Track Name", "Title", "name", " SONG "]),
    st.sampled_from(["Artist Name(s)", "Artist name", "artist"]),
    st.sampled_from(["Album Name", "album"]),
    st.sampled_from(["ISRC", "isrc", "Track ISRC"]),
)


@given(
    st.lists(described | unlinked),
    headers,
    st.permutations(range(5)),
    st.sampled_from(",;\t"),
    st.sampled_from([csv.QUOTE_MINIMAL, csv.QUOTE_ALL]),
    st.sampled_from(["utf-8", "utf-8-sig", "utf-16"]),
)
def test_any_list_of_items_reads_back_from_a_csv(
    written: Sequence[Item],
    header: Sequence[str],
    order: Sequence[int],
    delimiter: str,
    quoting: int,
    encoding: str,
) -> None:
    out = io.StringIO()
    writer = csv.writer(out, delimiter=delimiter, quoting=quoting)  # type: ignore[arg-type]  # one of csv's own
    writer.writerow([header[place] for place in order])
    for item in written:
        row = (item.uri or "", item.name, ";".join([*item.artists, ""]), item.album, item.isrc or "")
        writer.writerow([row[place] for place in order])

    result = listed(out.getvalue().encode(encoding))

    assert result.items == tuple(written)
    assert not result.warnings


fragments = st.sampled_from(
    [
        *("\n", "\r", ",", ";", "\t", '"', " ", "#", "\ufeff", "\0", A, "Track URI", "ISRC", "US7VG1103567"),
        *("spotify:", "spotify:local:", "https://spotify.link/x"),
        *(f"spotify:track:{A}", f"https://open.spotify.com/playlist/{B}"),
    ]
)


@given(st.binary(max_size=200) | st.lists(fragments | st.text(max_size=5)).map(lambda all_: "".join(all_).encode()))
@example(b"\xff\xfe\x00\xd8")
@example(b"\xfe\xffa")
@example(b"\xef\xbb\xbf\xef\xbb\xbfISRC")
def test_no_file_raises_anything_but_that_it_is_unreadable(content: bytes) -> None:
    try:
        result = listed(content)
    except FileUnreadable:
        return
    assert all(item.uri or item.isrc for item in result.items)
    assert len(result.warnings) <= 1


# --- what is no file of links -----------------------------------------------------------------------------------------


def test_its_version_is_its_content() -> None:
    one, same, other = (
        listed(text).version for text in (f"spotify:track:{A}", f"spotify:track:{A}", f"spotify:track:{B}")
    )

    assert one == same != other


@pytest.mark.parametrize(
    ("content", "line"),
    [
        (f"spotify:track:{A}\r\nÜber\r\n".encode("latin-1"), 2),
        (f"spotify:track:{A}\n\n\0".encode(), 3),
        (f"spotify:track:{A}".encode("utf-16-le"), 1),
        (f"spotify:track:{A}\n\n".encode("utf-16") + b"x", 3),
        (b"PK\x03\x04\x14\x00\x06\x00", 1),
    ],
)
def test_what_is_no_text_is_refused_with_its_line(content: bytes, line: int) -> None:
    error = refused(content)

    assert str(error) == f"songs.txt:{line}: this is not text in UTF-8"
    assert "save it as UTF-8" in error.hint


def test_a_file_that_is_too_large_is_refused_without_reading_it_all(tmp_path: Path) -> None:
    path = tmp_path / "songs"
    path.touch()
    os.truncate(path, 1 << 40)

    with pytest.raises(FileUnreadable, match=r"songs\.txt is larger than 16 MiB"):
        read(FileSource(path=str(path), written="songs.txt"))


def test_a_file_of_the_largest_size_is_read() -> None:
    text = f"spotify:track:{A}\n#"

    assert uris(text + "x" * (MAX_BYTES - len(text))) == [f"spotify:track:{A}"]
    assert "larger" in str(refused(text + "x" * (MAX_BYTES - len(text) + 1)))


@pytest.mark.parametrize("separator", ["\n", " "])
def test_more_items_than_anyone_lists_are_refused(separator: str) -> None:
    link = f"spotify:track:{A}{separator}"

    assert len(uris((link * MAX_ITEMS)[:-1])) == MAX_ITEMS
    assert ": more than 100,000 lines or items" in str(refused(link * (MAX_ITEMS + 1)))


def test_more_lines_than_anyone_writes_are_refused_without_looking_at_them() -> None:
    assert str(refused("\n" * MAX_BYTES)).startswith("songs.txt:100001: ")


def test_what_is_no_file_is_refused_in_a_word(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "folder").mkdir()
    (tmp_path / "loop").symlink_to("loop")
    cases = {
        "missing": "there is no file X",
        "missing/below": "there is no file X",
        "folder": "X is a folder",
        "pipe": "X is not a file but a pipe or device",
        "/dev/zero": "X is not a file but a pipe or device",
        "loop": "X cannot be read: Too many levels of symbolic links",
        "l" * 300: "X cannot be read: File name too long",
    }

    for path, message in cases.items():
        with pytest.raises(FileUnreadable) as caught:
            read(FileSource(path=str(tmp_path / path), written="X"))
        assert str(caught.value) == message
        assert caught.value.hint


@pytest.fixture
def without_rights() -> Iterator[None]:
    """Root may read everything, so be someone else for a while."""
    user = os.geteuid()
    if user == 0:
        os.seteuid(65534)
    yield
    os.seteuid(user)


def test_a_file_that_may_not_be_read_is_refused(tmp_path: Path, request: pytest.FixtureRequest) -> None:
    path = tmp_path / "songs"
    path.touch(mode=0)
    request.getfixturevalue("without_rights")

    with pytest.raises(FileUnreadable, match="X cannot be read: Permission denied"):
        read(FileSource(path=str(path), written="X"))
