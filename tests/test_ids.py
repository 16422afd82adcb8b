"""What names a playlist or another thing, what does not, and what can be added."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from syncer.ids import (
    SHOWN,
    NotAnItem,
    NotAPlaylist,
    NotNamed,
    PlaylistId,
    Thing,
    id_of,
    is_addable,
    is_spotify_made,
    item_uri,
    linked,
    playlist_id,
    playlist_uri,
    shorten,
)

ID = "5ieJqeLJjjI8iJWaxeBLuK"
ids = st.from_regex(r"\A[A-Za-z0-9]{22}\Z")

LOOKS = "it should look like https://open.spotify.com/playlist/ID"

SPELLINGS = [
    "{}",
    "spotify:playlist:{}",
    "https://open.spotify.com/playlist/{}",
    "http://open.spotify.com/playlist/{}",
    "open.spotify.com/playlist/{}",
    "https://OPEN.Spotify.com/playlist/{}",
    "https://open.spotify.com/playlist/{}/",
    "https://open.spotify.com/playlist/{}?si=0123456789abcdef",
    "https://open.spotify.com/playlist/{}?si=a%20b&pt=x&nd=1",
    "https://open.spotify.com/intl-de/playlist/{}?si=x",
]

NO_PLAYLIST = [
    ("", "'' is not a playlist id of 22 letters and digits"),
    ("too-short", "'too-short' is not a playlist id of 22 letters and digits"),
    (ID[1:], f"'{ID[1:]}' is not a playlist id of 22 letters and digits"),
    (f"{ID}x", f"'{ID}x' is not a playlist id of 22 letters and digits"),
    (f"{ID[:-1]}é", f"'{ID[:-1]}é' is not a playlist id of 22 letters and digits"),
    (f"{ID}\n", f"'{ID}\\n' has white space or control characters around or in it"),
    (f" {ID}", f"' {ID}' has white space or control characters around or in it"),
    (f"{ID[:-1]}\u202e", f"'{ID[:-1]}\\u202e' has white space or control characters around or in it"),
    (f"spotify:playlist:{ID}\n", f"'spotify:playlist:{ID}\\n' has white space or control characters around or in it"),
    (
        "spotify.link/A",
        "'spotify.link/A' is a short link: open it, then copy the address that starts with https://open.spotify.com/",
    ),
    (
        f"https://open.spotify.com/album/{ID}",
        f"'https://open.spotify.com/album/{ID}' is a link to a Spotify album, not to a playlist",
    ),
    (
        f"spotify:user:anna:playlist:{ID}",
        (
            f"'spotify:user:anna:playlist:{ID}' is an old form of link:"
            " in Spotify choose Share > Copy link to playlist, and paste that"
        ),
    ),
    (f"spotify:track:{ID}", f"'spotify:track:{ID}' is a link to a Spotify track, not to a playlist"),
    (
        f"https://example.com/playlist/{ID}",
        f"'https://example.com/playlist/{ID}' is not an address at open.spotify.com",
    ),
    (
        f"https://u@open.spotify.com/playlist/{ID}",
        f"'https://u@open.spotify.com/playlist/{ID}' is not an address at open.spotify.com",
    ),
    (
        f"https://open.spotify.com@x.y/playlist/{ID}",
        f"'https://open.spotify.com@x.y/playlist/{ID}' is not an address at open.spotify.com",
    ),
    (
        f"https://open.spotify.com/playlist/%35{ID}",
        f"'https://open.spotify.com/playlist/%35{ID}' is not a playlist link: {LOOKS}",
    ),
    ("spotify:playlist:short", f"'spotify:playlist:short' is not a playlist link: {LOOKS}"),
]


@pytest.mark.parametrize("spelling", SPELLINGS)
@given(playlist=ids)
def test_every_spelling_of_a_playlist_gives_the_bare_id(spelling: str, playlist: str) -> None:
    assert playlist_id(spelling.format(playlist)) == playlist


@pytest.mark.parametrize(("text", "message"), NO_PLAYLIST)
def test_what_names_no_playlist_is_refused_with_the_reason(text: str, message: str) -> None:
    with pytest.raises(NotAPlaylist) as refused:
        playlist_id(text)
    assert str(refused.value) == message


@given(text=st.text(max_size=200))
def test_any_text_is_a_playlist_or_is_refused_in_one_short_line(text: str) -> None:
    try:
        found: str = playlist_uri(playlist_id(text))
    except NotAPlaylist as refused:
        found = str(refused)
    assert found.isprintable()
    assert len(found) < 1000


LINKS = [
    "spotify:{kind}:{id}",
    "https://open.spotify.com/{kind}/{id}",
    "http://open.spotify.com/{kind}/{id}/",
    "OPEN.Spotify.com/{kind}/{id}",
    "https://open.spotify.com/intl-de/{kind}/{id}?si=0123456789abcdef&pt=x",
]


@pytest.mark.parametrize("kind", Thing)
@pytest.mark.parametrize("form", LINKS)
def test_a_link_says_what_it_leads_to(form: str, kind: Thing) -> None:
    link = form.format(kind=kind, id=ID)

    assert linked(link) == (kind, ID)
    assert id_of(kind, link) == id_of(kind, ID) == ID


@pytest.mark.parametrize(
    "text", ["", ID, f"spotify:user:{ID}", f"spotify:album:{ID}\n", f"SPOTIFY:album:{ID}", "liked"]
)
def test_what_is_no_link_leads_nowhere(text: str) -> None:
    assert linked(text) is None


@pytest.mark.parametrize(
    ("thing", "text", "message"),
    [
        (Thing.ARTIST, f"spotify:album:{ID}", f"'spotify:album:{ID}' is a link to a Spotify album, not to an artist"),
        (
            Thing.ALBUM,
            f"open.spotify.com/playlist/{ID}",
            f"'open.spotify.com/playlist/{ID}' is a link to a Spotify playlist, not to an album",
        ),
        (Thing.SHOW, f"spotify:episode:{ID}", f"'spotify:episode:{ID}' is a link to a Spotify episode, not to a show"),
        (Thing.SHOW, "spotify:user:anna", "'spotify:user:anna' is a link to a Spotify user, not to a show"),
        (Thing.ALBUM, "ID", "'ID' is not an album id of 22 letters and digits"),
        (
            Thing.ALBUM,
            "spotify:album:short",
            "'spotify:album:short' is not an album link: it should look like https://open.spotify.com/album/ID",
        ),
        (
            Thing.ARTIST,
            f"spotify:user:anna:playlist:{ID}",
            (
                f"'spotify:user:anna:playlist:{ID}' is an old form of link:"
                " in Spotify choose Share > Copy link to artist, and paste that"
            ),
        ),
        (Thing.SHOW, f"https://x.y/show/{ID}", f"'https://x.y/show/{ID}' is not an address at open.spotify.com"),
        (Thing.SHOW, f"{ID} ", f"'{ID} ' has white space or control characters around or in it"),
    ],
)
def test_what_names_another_thing_or_none_is_refused_with_the_reason(thing: Thing, text: str, message: str) -> None:
    with pytest.raises(NotNamed) as refused:
        id_of(thing, text)
    assert str(refused.value) == message


@given(text=st.text(max_size=200), thing=st.sampled_from(Thing))
def test_any_text_names_a_thing_or_is_refused_in_one_short_line(text: str, thing: Thing) -> None:
    try:
        found = id_of(thing, text)
    except NotNamed as refused:
        found = str(refused)
    assert found.isprintable()
    assert len(found) < 1000


@given(playlist=ids)
def test_reports_name_a_playlist_by_its_uri(playlist: str) -> None:
    assert playlist_uri(playlist_id(playlist)) == f"spotify:playlist:{playlist}"


@given(text=st.text())
def test_a_shown_text_is_one_printable_line_with_no_more_than_its_beginning(text: str) -> None:
    shown = shorten(text)

    assert shown.isprintable()
    assert shown == repr(text) or (len(text) > SHOWN and shown == repr(f"{text[: SHOWN - 1]}…"))


def test_lists_that_spotify_makes_are_known_by_their_ids() -> None:
    assert is_spotify_made(PlaylistId("37i9dQZEVXcQ9COmYvdajy"))
    assert not is_spotify_made(PlaylistId(ID))


@pytest.mark.parametrize("uri", [f"spotify:track:{ID}", f"spotify:episode:{ID}"])
def test_tracks_and_episodes_can_be_added(uri: str) -> None:
    assert is_addable(uri)


@pytest.mark.parametrize(
    "uri", ["", ID, f"spotify:album:{ID}", f"spotify:track:{ID}\n", "spotify:track:short", "spotify:local:a:b:c:1"]
)
def test_nothing_else_can_be_added(uri: str) -> None:
    assert not is_addable(uri)


@pytest.mark.parametrize("kind", ["track", "episode"])
@pytest.mark.parametrize("form", LINKS)
def test_every_link_to_an_item_is_its_uri(form: str, kind: str) -> None:
    assert item_uri(form.format(kind=kind, id=ID)) == f"spotify:{kind}:{ID}"


@pytest.mark.parametrize(
    "text",
    [
        "",
        ID,
        f"spotify:album:{ID}",
        f"spotify:track:{ID}\n",
        f"https://open.spotify.com/playlist/{ID}",
        f"https://open.spotify.com/track/{ID}?si=a b",
        f"https://open.spotify.com.example.com/track/{ID}",
        f"https://someone@open.spotify.com/track/{ID}",
        "spotify:track:short",
        "\x1b[31m",
    ],
)
def test_what_is_no_link_to_an_item_is_refused_in_one_line(text: str) -> None:
    with pytest.raises(NotAnItem, match="is no link to a track or an episode") as refused:
        item_uri(text)
    assert str(refused.value).isprintable()
