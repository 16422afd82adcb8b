"""What only Spotify's answers hold of sources that are no playlists (contract §2.4)."""

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qsl

import pytest

from syncer.errors import NotFound, NotPlayable, Outage, SourceClosed, SyncError, UnreadableAnswer
from syncer.ids import PlaylistId, Uri
from syncer.model import (
    AlbumSource,
    ArtistSource,
    Item,
    Kind,
    LikedSongs,
    Listable,
    Playing,
    Release,
    Releases,
    SavedAlbums,
    SavedEpisodes,
    ShowSource,
    Term,
    TopTracks,
)
from syncer.ports import Sources
from syncer.sandbox import WRONG_SHAPES, Call, Fault, episode, media, track
from syncer.spotify.transport import LOOK_ENDPOINTS
from tests.fakes import identifier, uri
from tests.spotify.wiring import Wired

ID = identifier("some")
PLAYS, PLAYER, QUEUE = "/v1/me/player/recently-played", "/v1/me/player", "/v1/me/player/queue"
NOON = datetime(2026, 11, 21, 12, tzinfo=UTC)
ASKS: dict[str, Callable[[Sources], object]] = {
    "liked": lambda port: port.page(LikedSongs(), 50),
    "album": lambda port: port.page(AlbumSource(ID), 50),
    "top": lambda port: port.page(TopTracks(Term.LONG), 50),
    "show": lambda port: port.page(ShowSource(ID), 50),
    "saved episodes": lambda port: port.page(SavedEpisodes(), 50),
    "artist": lambda port: port.releases(ArtistSource(ID), 10),
    "saved albums": lambda port: port.releases(SavedAlbums(), 20),
    "plays": lambda port: port.plays(NOON + timedelta(microseconds=123_456)),
    "playing": lambda port: port.playing(),
    "queue": lambda port: port.queue(),
    "isrc": lambda port: port.track("QZEAB2600001"),
    "track": lambda port: port.isrc(uri("a")),
}
an_ask = pytest.mark.parametrize("ask", ASKS.values(), ids=ASKS.keys())


class Desk:
    """Someone who says what Spotify answers."""

    def __init__(self) -> None:
        self.wired = Wired()
        self.world = self.wired.world
        self.port = self.wired.open().sources

    def answers(self, document: object, path: str = "/v1/**") -> None:
        self.says(200, document if isinstance(document, str) else json.dumps(document), path)

    def says(self, status: int, text: str | None = None, path: str = "/v1/**") -> None:
        self.world.inject(Fault(kind="status", path=path, status=status, text=text, times=None))

    @property
    def calls(self) -> list[Call]:
        """What was asked of the Web API."""
        return [call for call in self.world.calls if call.path.startswith("/v1/")]


@pytest.fixture
def desk() -> Desk:
    return Desk()


def some(**changes: object) -> dict[str, object]:
    """Return a track as Spotify tells it."""
    return {
        "type": "track",
        "uri": uri("a"),
        "name": "a",
        "artists": [{"name": "Anna"}],
        "album": {"name": "Moon", "release_date": "2026-05-01"},
        "duration_ms": 1000,
        "explicit": True,
        "external_ids": {"isrc": "USABC2600001"},
    } | changes


WHOLE = Item(
    uri=uri("a"),
    name="a",
    artists=("Anna",),
    album="Moon",
    released="2026-05-01",
    duration_ms=1000,
    explicit=True,
    isrc="USABC2600001",
)


# --- what is asked ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("ask", "path", "query"),
    [
        ("liked", "me/tracks", {"limit": "50", "offset": "50"}),
        ("album", f"albums/{ID}/tracks/", {"limit": "50", "offset": "50"}),
        ("top", "me/top/tracks", {"limit": "50", "offset": "50", "time_range": "long_term"}),
        ("show", f"shows/{ID}/episodes/", {"limit": "50", "offset": "50"}),
        ("saved episodes", "me/episodes", {"limit": "50", "offset": "50"}),
        ("artist", f"artists/{ID}/albums", {"limit": "10", "offset": "10", "include_groups": "album,single"}),
        ("saved albums", "me/albums", {"limit": "20", "offset": "20"}),
        ("plays", "me/player/recently-played", {"limit": "50", "after": "1795262400123"}),
        ("playing", "me/player", {"additional_types": "track,episode"}),
        ("queue", "me/player/queue", {}),
        ("isrc", "search", {"q": "isrc:QZEAB2600001", "type": "track", "limit": "1", "offset": "0"}),
        ("track", f"tracks/{uri('a').removeprefix('spotify:track:')}", {}),
    ],
)
def test_one_request_asks_for_as_much_as_there_may_be_and_for_no_market(
    desk: Desk, ask: str, path: str, query: dict[str, str]
) -> None:
    desk.says(410)
    with pytest.raises(UnreadableAnswer):
        ASKS[ask](desk.port)
    (call,) = desk.calls
    assert (call.method, call.path, dict(parse_qsl(call.query))) == ("GET", f"/v1/{path}", query)


@an_ask
def test_those_who_only_look_may_ask_for_it_all(desk: Desk, ask: Callable[[Sources], object]) -> None:
    desk.wired.new_process(endpoints=LOOK_ENDPOINTS)
    port = desk.wired.open().sources
    desk.says(410)
    with pytest.raises(UnreadableAnswer):
        ask(port)


# --- items ------------------------------------------------------------------------------------------------------------


def test_all_that_is_known_of_an_item_comes_along() -> None:
    wired = Wired()
    moon = wired.world.album("Moon", items=[replace(media(uri("a")), explicit=True)], released="2026-05")
    news = wired.world.show("News", items=[media("spotify:episode:000000000000000000000b")])
    (one,), (two,) = moon.tracks, news.episodes
    assert two
    wired.world.like([one])
    wired.world.top([one], "short_term")
    wired.world.save_episodes([two])
    wired.world.play(items=[one, two])
    wired.world.heard([one])
    held = wired.world.playlist("week", items=[one, two])
    opened = wired.open()
    sources = opened.sources
    full = Item(
        uri=uri("a"),
        name=one.name,
        artists=one.artists,
        album="Moon",
        released="2026-05",
        duration_ms=one.duration_ms,
        explicit=True,
        isrc=one.isrc,
    )
    aired = Item(
        uri=Uri(two.uri),
        kind=Kind.EPISODE,
        name=two.name,
        album="News",
        released="2026-06-01",
        duration_ms=two.duration_ms,
        explicit=two.explicit,
    )

    def undated(*items: Item) -> list[Item]:
        return [replace(item, added_at=None) for item in items]

    assert undated(*opened.playlists.page(PlaylistId(held.id), 0).items) == [full, aired]
    assert undated(*opened.playlists.head(PlaylistId(held.id), contents=True).first) == [full, aired]
    assert undated(*sources.page(LikedSongs(), 0).items) == [full]
    assert undated(*sources.page(SavedEpisodes(), 0).items) == [aired]
    assert sources.page(TopTracks(Term.SHORT), 0).items == (full,)
    assert sources.queue() == (full, aired)
    assert [play.item for play in sources.plays(None)] == [full]
    assert sources.track(one.isrc or "") == full
    # An album does not say of its tracks what it says of itself, nor a show of its episodes.
    assert sources.page(AlbumSource(moon.id), 0).items == (replace(full, album="", released=None, isrc=None),)
    assert sources.page(ShowSource(news.id), 0).items == (replace(aired, album=""),)


@pytest.mark.parametrize("keys", ["new", "old", "both"])
def test_it_does_so_under_old_and_new_names(keys: str) -> None:
    wired = Wired()
    wired.world.app.keys = keys  # type: ignore[assignment] # one of the three
    held = wired.world.playlist("week", items=[track(1)])
    (one,) = wired.open().playlists.page(PlaylistId(held.id), 0).items
    assert (one.album, one.isrc, one.duration_ms) == (track(1).album, track(1).isrc, track(1).duration_ms)


def test_what_was_saved_tells_when(desk: Desk) -> None:
    desk.world.like([uri("a")])
    desk.world.save_episodes([episode(1)])
    for source in (LikedSongs(), SavedEpisodes()):
        (one,) = desk.port.page(source, 0).items
        assert one.added_at == "2026-11-22T06:00:00Z"


@pytest.mark.parametrize(
    ("isrc", "known"),
    [
        ("usabc2600001", "USABC2600001"),
        ("US-ABC-26-00001", "USABC2600001"),
        ("", None),
        ("USABC260000", None),
        ("USABC26000010", None),
        ("USABC26 00001", None),
        ("ÜSABC2600001", None),
        ("USABC26000ⅷ1", None),
        (5, None),
        (["USABC2600001"], None),
    ],
)
def test_an_isrc_is_known_in_one_form_or_not_at_all(desk: Desk, isrc: object, known: str | None) -> None:
    desk.answers({"total": 1, "items": [some(external_ids={"isrc": isrc})]})
    (one,) = desk.port.page(TopTracks(Term.SHORT), 0).items
    assert one == replace(WHOLE, isrc=known)


@pytest.mark.parametrize(
    ("changes", "read"),
    [
        ({"album": None}, {"album": "", "released": None}),
        ({"album": 5, "show": 5}, {"album": "", "released": None}),
        ({"album": {"name": 5, "release_date": 2026}}, {"album": "", "released": None}),
        ({"album": {"name": "\ud800"}}, {"album": "?", "released": None}),
        ({"album": {"name": "x" * 600, "release_date": "2026-05-01T00:00"}}, {"album": "x" * 500, "released": None}),
        ({"album": {"name": "Moon", "release_date": "0000"}}, {"released": None}),
        ({"album": {"name": "Moon", "release_date": "٢٠٢٦"}}, {"released": None}),
        ({"album": {"name": "Moon"}, "release_date": "1999"}, {"released": "1999"}),
        ({"duration_ms": "1000", "explicit": 1}, {"duration_ms": None, "explicit": None}),
        ({"duration_ms": True, "explicit": None}, {"duration_ms": None, "explicit": None}),
        ({"duration_ms": -1, "explicit": False}, {"duration_ms": None, "explicit": False}),
        ({"external_ids": ["USABC2600001"]}, {"isrc": None}),
        ({"type": ["track"]}, {"kind": Kind.UNSUPPORTED}),
        ({"type": "ad"}, {"kind": Kind.UNSUPPORTED}),
        ({"is_local": True}, {"kind": Kind.LOCAL}),
        ({"artists": [None, {"name": 5}, {"name": "Anna"}]}, {"artists": ("", "Anna")}),
    ],
)
def test_what_is_not_as_it_should_be_is_left_out(
    desk: Desk, changes: dict[str, object], read: dict[str, object]
) -> None:
    desk.answers({"total": 1, "items": [some(**changes)]})
    (one,) = desk.port.page(TopTracks(Term.SHORT), 0).items
    assert one == replace(WHOLE, **read)  # type: ignore[arg-type] # a misspelt one fails


def test_holes_keep_their_places(desk: Desk) -> None:
    hole = Item(uri=None, kind=Kind.UNAVAILABLE)
    desk.answers({"total": 2, "items": [None, some()]})
    bare: tuple[Listable, ...] = (AlbumSource(ID), ShowSource(ID), TopTracks(Term.SHORT))
    for source in bare:
        assert desk.port.page(source, 0).items == (hole, WHOLE)
    assert desk.port.page(LikedSongs(), 0).items == (hole, hole)  # which takes entries


# --- releases ---------------------------------------------------------------------------------------------------------

MOON = {"uri": f"spotify:album:{ID}", "name": "Moon", "release_date": "2026", "total_tracks": 2}
READ = Release(album=AlbumSource(ID), name="Moon", released="2026", total=2)


def test_albums_that_are_no_more_keep_their_places(desk: Desk) -> None:
    strange = [{"total_tracks": 1}, MOON | {"uri": "spotify:artist:x"}, MOON | {"uri": f"spotify:artist:{ID}"}]
    desk.answers({"total": 9, "items": [None, MOON, *strange]}, "/v1/artists/**")
    assert desk.port.releases(ArtistSource(ID), 0) == Releases(total=9, releases=(READ,), places=5)
    saved = [{"album": album} for album in (None, MOON, *strange)]
    desk.answers({"total": 9, "items": [None, {}, *saved]}, "/v1/me/albums")
    assert desk.port.releases(SavedAlbums(), 0) == Releases(total=9, releases=(READ,), places=7)


@pytest.mark.parametrize(
    ("changes", "read"),
    [
        ({"name": None, "release_date": None}, {"name": "", "released": None}),
        ({"tracks": None}, {}),
        ({"tracks": {"items": None}}, {}),
        ({"tracks": {"items": [some(album=None)]}}, {"first": (replace(WHOLE, album="", released=None),)}),
        ({"tracks": {"items": [None, None]}}, {"first": (Item(uri=None, kind=Kind.UNAVAILABLE),) * 2}),
        ({"tracks": {"items": [None, None, None]}}, {}),  # more than there are
    ],
)
def test_an_album_brings_of_its_tracks_what_is_sound(
    desk: Desk, changes: dict[str, object], read: dict[str, object]
) -> None:
    desk.answers({"total": 1, "items": [{"album": MOON | changes}]})
    assert desk.port.releases(SavedAlbums(), 0).releases == (replace(READ, **read),)  # type: ignore[arg-type] # a misspelt one fails


@pytest.mark.parametrize(
    "album", [5, "x", {"name": "Moon"}, MOON | {"total_tracks": None}, MOON | {"total_tracks": -1}]
)
def test_a_list_of_albums_that_do_not_say_how_long_they_are_is_none(desk: Desk, album: object) -> None:
    desk.answers({"total": 1, "items": [album]}, "/v1/artists/**")
    desk.answers({"total": 1, "items": [{"album": album}]}, "/v1/me/albums")
    for source in (ArtistSource(ID), SavedAlbums()):
        with pytest.raises(UnreadableAnswer):
            desk.port.releases(source, 0)


@pytest.mark.parametrize("mode", ["new", "old"])
def test_a_page_of_the_longest_albums_is_not_too_long(desk: Desk, mode: str) -> None:
    """Wire takes 2 MiB."""
    desk.world.app.mode = mode  # type: ignore[assignment] # one of those
    artists = ("Ada Marlow", "Björn & the Tides")
    albums = [desk.world.album(f"Box {number}", tracks=60, artists=artists) for number in range(20)]
    desk.world.save_albums(albums)
    page = desk.port.releases(SavedAlbums(), 0)
    assert [len(release.first) for release in page.releases] == [50] * 20


# --- plays ------------------------------------------------------------------------------------------------------------


def play(letter: str, at: object, **changes: object) -> dict[str, object]:
    return {"track": some(uri=uri(letter)), "played_at": at, "context": None} | changes


@pytest.mark.parametrize("direction", [1, -1])
def test_plays_are_told_oldest_first_in_whichever_order_they_come(desk: Desk, direction: int) -> None:
    times = ["2026-11-21T11:00:00Z", "2026-11-21T11:59:59.999Z", "2026-11-21T14:00:00.000+02:00"]
    desk.answers({"items": [play(*one) for one in zip("abc", times, strict=True)][::direction]}, PLAYS)
    plays = desk.port.plays(None)
    assert [one.item.uri for one in plays] == list(map(uri, "abc"))
    assert [one.at for one in plays][1:] == [NOON - timedelta(milliseconds=1), NOON]
    assert {one.at.tzinfo for one in plays} == {UTC}


@pytest.mark.parametrize("context", [None, {}, {"uri": None}, {"uri": 5}, {"uri": ""}, "spotify:playlist:x", 5])
def test_a_play_need_not_say_where_it_came_from(desk: Desk, context: object) -> None:
    desk.answers({"items": [play("a", "2026-11-21T12:00:00Z", context=context)]}, PLAYS)
    (one,) = desk.port.plays(None)
    assert (one.item, one.at, one.context) == (WHOLE, NOON, None)


@pytest.mark.parametrize(
    "strange",
    [
        None,
        {},
        *(
            play("b", at)
            for at in (None, 5, "", "yesterday", "2026-11-21", "2026-11-21T12:00:00", "0001-01-01T00:00+09")
        ),
        play("b", "2026-11-21T12:00:00Z", track=None),
        play("b", "2026-11-21T12:00:00Z", track=5),
        play("b", "2026-11-21T12:00:00Z", track={"name": "b"}),
    ],
)
def test_a_play_that_does_not_say_what_or_when_is_left_out(desk: Desk, strange: object) -> None:
    desk.answers({"items": [strange, play("a", "2026-11-21T12:00:00Z")]}, PLAYS)
    assert [one.item.uri for one in desk.port.plays(None)] == [uri("a")]


# --- what plays -------------------------------------------------------------------------------------------------------

NOTHING_KNOWN = Playing(
    item=None,
    context=None,
    is_playing=True,
    progress_ms=0,
    device=None,
    shuffle=False,
    repeat="off",
)


def test_where_nothing_plays_an_empty_answer_says_so_and_is_not_asked_for_twice(desk: Desk) -> None:
    assert desk.port.playing() is None
    desk.says(204, "")
    assert desk.port.queue() == ()
    assert [call.status for call in desk.calls] == [204, 204]


@pytest.mark.parametrize("ask", ["playing", "queue", "plays", "isrc", "track"])
@pytest.mark.parametrize("body", ["", *(shape for shape in WRONG_SHAPES if '"items":[],' not in shape)])
def test_a_broken_answer_is_never_taken_for_nothing(desk: Desk, body: str, ask: str) -> None:
    desk.answers(body)
    with pytest.raises(UnreadableAnswer):
        ASKS[ask](desk.port)
    assert len(desk.calls) == 3


@pytest.mark.parametrize("ask", ["liked", "artist", "saved albums", "plays", "isrc", "track"])
def test_where_there_is_always_something_to_say_an_empty_answer_is_broken(desk: Desk, ask: str) -> None:
    desk.says(204, "")
    with pytest.raises(UnreadableAnswer):
        ASKS[ask](desk.port)


@pytest.mark.parametrize("ask", ["album", "artist", "saved albums", "plays", "playing", "queue", "isrc", "track"])
def test_trouble_is_sat_out_like_that_of_any_read(desk: Desk, ask: str) -> None:
    desk.says(503)
    with pytest.raises(Outage):
        ASKS[ask](desk.port)
    assert len(desk.calls) == 3


@pytest.mark.parametrize(
    ("changes", "read"),
    [
        ({}, {}),
        ({"is_playing": False}, {"is_playing": False}),
        ({"item": None, "context": None, "device": None, "progress_ms": None}, {}),  # an advertisement
        ({"item": 5, "context": 5, "device": 5, "progress_ms": -1, "shuffle_state": 1, "repeat_state": 5}, {}),
        ({"repeat_state": []}, {}),
        ({"item": some()}, {"item": WHOLE}),
        ({"context": {"uri": "spotify:album:x"}}, {"context": "spotify:album:x"}),
        ({"progress_ms": 5, "shuffle_state": True}, {"progress_ms": 5, "shuffle": True}),
        ({"repeat_state": "context"}, {"repeat": "context"}),
        ({"repeat_state": "off"}, {}),
    ],
)
def test_of_what_plays_all_is_told_that_is_known(
    desk: Desk, changes: dict[str, object], read: dict[str, object]
) -> None:
    desk.answers({"is_playing": True} | changes, PLAYER)
    assert desk.port.playing() == replace(NOTHING_KNOWN, **read)  # type: ignore[arg-type] # a misspelt one fails


@pytest.mark.parametrize(
    ("device", "read"),
    [
        ({}, (None, "", False, False, None)),
        ({"id": "x", "name": "X", "is_active": True, "is_restricted": True}, ("x", "X", True, True, None)),
        ({"id": "x", "volume_percent": 0, "supports_volume": True}, ("x", "", False, False, 0)),
        ({"id": "x", "volume_percent": 40}, ("x", "", False, False, 40)),
        ({"id": "x", "volume_percent": 40, "supports_volume": False}, ("x", "", False, False, None)),
        (
            {"id": 5, "name": 5, "is_active": 1, "is_restricted": 1, "volume_percent": "5"},
            (None, "", False, False, None),
        ),
    ],
)
def test_a_device_need_not_tell_all(desk: Desk, device: dict[str, object], read: tuple[object, ...]) -> None:
    desk.answers({"is_playing": True, "device": device}, PLAYER)
    now = desk.port.playing()
    assert now
    assert now.device
    one = now.device
    assert (one.id, one.name, one.is_active, one.is_restricted, one.volume) == read


def test_a_queue_without_anything_that_plays_is_empty(desk: Desk) -> None:
    desk.answers({"currently_playing": None, "queue": [some()]}, QUEUE)
    assert desk.port.queue() == ()


def test_in_a_queue_holes_keep_their_places(desk: Desk) -> None:
    desk.answers({"currently_playing": some(), "queue": [None, 5, some()]}, QUEUE)
    hole = Item(uri=None, kind=Kind.UNAVAILABLE)
    assert desk.port.queue() == (WHOLE, hole, hole, WHOLE)


@pytest.mark.parametrize(
    ("found", "read"),
    [
        ([], None),
        ([None], None),
        ([some()], WHOLE),
        ([some(external_ids={})], replace(WHOLE, isrc=None)),
        ([some(external_ids={"isrc": "USABC2600009"})], None),
        ([some(uri=None)], None),
    ],
)
def test_a_search_finds_what_was_searched_for_or_nothing(desk: Desk, found: list[object], read: Item | None) -> None:
    desk.answers({"tracks": {"total": len(found), "items": found}})
    assert desk.port.track("USABC2600001") == read


@pytest.mark.parametrize(
    ("codes", "isrc"), [({"isrc": "us-abc-26-00001"}, "USABC2600001"), ({"isrc": "none"}, None), ({}, None)]
)
def test_the_isrc_of_a_track_is_told_where_it_has_one(desk: Desk, codes: object, isrc: str | None) -> None:
    desk.answers(some(external_ids=codes))
    assert desk.port.isrc(uri("a")) == isrc


# --- refusals ---------------------------------------------------------------------------------------------------------

NAMED = ("album", "show", "artist")
"""What has an id."""
PREMIUM = '{"error": {"status": 403, "message": "Forbidden", "reason": "PREMIUM_REQUIRED"}}'


@pytest.mark.parametrize("status", [400, 403, 404, 410])
@pytest.mark.parametrize("ask", [ask for ask in ASKS if ask not in ("isrc", "track")])
def test_a_refusal_is_not_repeated_and_says_why(desk: Desk, ask: str, status: int) -> None:
    missing = NotFound if ask in NAMED else UnreadableAnswer
    errors: dict[int, type[SyncError]] = {400: missing, 403: SourceClosed, 404: missing, 410: UnreadableAnswer}
    desk.says(status)
    with pytest.raises(SyncError) as refused:
        ASKS[ask](desk.port)
    assert type(refused.value) is errors[status]
    assert len(desk.calls) == 1


@pytest.mark.parametrize("status", [400, 404])
def test_a_track_that_is_no_more_has_no_isrc(desk: Desk, status: int) -> None:
    desk.says(status)
    assert desk.port.isrc(uri("a")) is None
    assert len(desk.calls) == 1


def test_what_is_closed_to_an_app_is_named_as_the_config_names_it(desk: Desk) -> None:
    desk.says(403)
    with pytest.raises(SourceClosed) as closed:
        desk.port.page(TopTracks(Term.SHORT), 0)
    assert str(closed.value) == "Spotify does not let this app read the source top:short"
    assert "owner" not in closed.value.hint


def test_a_listener_without_premium_is_told_so(desk: Desk) -> None:
    desk.says(403, PREMIUM)
    with pytest.raises(NotPlayable, match="Premium"):
        desk.port.queue()
