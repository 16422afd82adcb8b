"""The port ``Sources``, as the fake keeps it, as the adapter does in process, and as it does over HTTP."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Protocol

import pytest

from syncer.errors import MissingScope, NotFound
from syncer.ids import playlist_uri
from syncer.model import (
    PAGE_SIZE,
    AlbumSource,
    ArtistSource,
    Kind,
    LikedSongs,
    Listable,
    Release,
    SavedAlbums,
    SavedEpisodes,
    ShowSource,
    Term,
    TopTracks,
)
from syncer.ports import Sources
from syncer.sandbox import SandboxServer, media
from tests.fakes import REMEMBERED, FakePlayer, FakePlaylists, episode, identifier, item, uri
from tests.spotify.wiring import Wired

NOON = datetime(2026, 11, 21, 12, tzinfo=UTC)
ISRC = "QZEAB2600001"


class Stage(Protocol):
    """Somewhere to keep what can be heard. All is arranged before ``port`` is asked for."""

    @property
    def port(self) -> Sources: ...

    def like(self, letters: Sequence[str]) -> None: ...

    def album(self, word: str, letters: Sequence[str], released: str = "2026-05-01") -> AlbumSource: ...

    def artist(self, word: str, albums: Sequence[str]) -> ArtistSource:
        """Have an artist, who has released *albums* of one track each, in that order."""
        ...

    def save(self, albums: Sequence[AlbumSource]) -> None: ...

    def show(self, word: str, letters: Sequence[str]) -> ShowSource: ...

    def save_episodes(self, letters: Sequence[str]) -> None: ...

    def top(self, term: Term, letters: Sequence[str]) -> None: ...

    def hear(self, letters: Sequence[str], at: datetime, playlist: str | None = None) -> str | None:
        """Have *letters* heard, the last of them *at*; return what they were played from."""
        ...

    def play(self, playlist: str, letters: Sequence[str], place: int) -> str:
        """Have a playlist of *letters* played, and return its URI."""
        ...

    def register(self, letter: str, isrc: str | None) -> None: ...

    def lack(self, scope: str) -> None: ...


class FakeStage:
    def __init__(self) -> None:
        self.port = FakePlaylists()

    def like(self, letters: Sequence[str]) -> None:
        self.port.liked = "".join(letters)

    def album(self, word: str, letters: Sequence[str], released: str = "2026-05-01") -> AlbumSource:
        self.port.albums[word], self.port.released[word] = letters, released
        return AlbumSource(identifier(word))

    def artist(self, word: str, albums: Sequence[str]) -> ArtistSource:
        for album in albums:
            self.album(album, "a")
        self.port.artists[word] = list(albums)
        return ArtistSource(identifier(word))

    def save(self, albums: Sequence[AlbumSource]) -> None:
        self.port.saved_albums = [album.id.rstrip("x") for album in albums]

    def show(self, word: str, letters: Sequence[str]) -> ShowSource:
        self.port.episodes[word] = letters
        return ShowSource(identifier(word))

    def save_episodes(self, letters: Sequence[str]) -> None:
        self.port.saved_episodes = letters

    def top(self, term: Term, letters: Sequence[str]) -> None:
        self.port.top[term] = letters

    def hear(self, letters: Sequence[str], at: datetime, playlist: str | None = None) -> str | None:
        self.port.someone_hears(letters, at=at, context=playlist)
        return playlist_uri(identifier(playlist)) if playlist else None

    def play(self, playlist: str, letters: Sequence[str], place: int) -> str:
        self.port.player = FakePlayer(**{playlist: letters})
        self.port.player.someone_plays(playlist, at=place)
        return playlist_uri(identifier(playlist))

    def register(self, letter: str, isrc: str | None) -> None:
        self.port.full[uri(letter)] = known = replace(item(letter), isrc=isrc)
        if isrc:
            self.port.isrcs[isrc] = known

    def lack(self, scope: str) -> None:
        self.port.lacks.add(scope)


class SandboxStage:
    def __init__(self, wired: Wired) -> None:
        self.wired = wired
        self.world = wired.world
        self._port: Sources | None = None

    @property
    def port(self) -> Sources:
        self._port = self._port or self.wired.open().sources
        return self._port

    def like(self, letters: Sequence[str]) -> None:
        self.world.like(map(uri, letters))

    def album(self, word: str, letters: Sequence[str], released: str = "2026-05-01") -> AlbumSource:
        return AlbumSource(self.world.album(word, items=map(uri, letters), released=released).id)

    def artist(self, word: str, albums: Sequence[str]) -> ArtistSource:
        for age, album in enumerate(albums):
            released = f"{(NOON - timedelta(days=age)):%Y-%m-%d}"
            self.world.album(album, items=[uri("a")], artists=[word], released=released)
        return ArtistSource(self.world.artist(word).id)

    def save(self, albums: Sequence[AlbumSource]) -> None:
        self.world.save_albums([self.world.albums[album.id] for album in albums])

    def show(self, word: str, letters: Sequence[str]) -> ShowSource:
        return ShowSource(self.world.show(word, items=[media(str(episode(letter).uri)) for letter in letters]).id)

    def save_episodes(self, letters: Sequence[str]) -> None:
        self.world.save_episodes([str(episode(letter).uri) for letter in letters])

    def top(self, term: Term, letters: Sequence[str]) -> None:
        self.world.top(map(uri, letters), f"{term}_term")

    def hear(self, letters: Sequence[str], at: datetime, playlist: str | None = None) -> str | None:
        context = self.world.playlist(playlist).uri if playlist else None
        self.world.heard(map(uri, letters), context, at=at.timestamp())
        return context

    def play(self, playlist: str, letters: Sequence[str], place: int) -> str:
        held = self.world.playlist(playlist, items=[uri(letter) for letter in letters])
        self.world.play(held, place=place)
        return held.uri

    def register(self, letter: str, isrc: str | None) -> None:
        self.world.know(replace(media(uri(letter)), isrc=isrc))

    def lack(self, scope: str) -> None:
        self.wired.sign_in.scopes -= {scope}


@pytest.fixture(params=["fake", "in process", "over HTTP"])
def stage(request: pytest.FixtureRequest) -> Iterator[Stage]:
    if request.param == "fake":
        yield FakeStage()
    elif request.param == "in process":
        yield SandboxStage(Wired())
    else:
        wired = Wired(server=SandboxServer)
        assert wired.server
        with wired.server:
            yield SandboxStage(wired)
            wired.wire.hang_up()


def numbers(count: int) -> list[str]:
    return [str(number) for number in range(count)]


def liked(stage: Stage, letters: Sequence[str]) -> Listable:
    stage.like(letters)
    return LikedSongs()


def top(stage: Stage, letters: Sequence[str]) -> Listable:
    stage.top(Term.MEDIUM, letters)
    return TopTracks(Term.MEDIUM)


def saved_episodes(stage: Stage, letters: Sequence[str]) -> Listable:
    stage.save_episodes(letters)
    return SavedEpisodes()


LISTS: dict[str, Callable[[Stage, Sequence[str]], Listable]] = {
    "liked": liked,
    "album": lambda stage, letters: stage.album("moon", letters),
    "top": top,
    "show": lambda stage, letters: stage.show("news", letters),
    "saved episodes": saved_episodes,
}
a_list = pytest.mark.parametrize("kind", LISTS)


def uris(kind: str, letters: Sequence[str]) -> list[str | None]:
    """Return what entries of a list of that *kind* have for URIs."""
    return [episode(letter).uri if kind in ("show", "saved episodes") else uri(letter) for letter in letters]


NEEDS: dict[str, tuple[Callable[[Sources], object], tuple[str, ...]]] = {
    "liked": (lambda port: port.page(LikedSongs(), 0), ("user-library-read",)),
    "saved albums": (lambda port: port.releases(SavedAlbums(), 0), ("user-library-read",)),
    "saved episodes": (
        lambda port: port.page(SavedEpisodes(), 0),
        ("user-library-read", "user-read-playback-position"),
    ),
    "top": (lambda port: port.page(TopTracks(Term.SHORT), 0), ("user-top-read",)),
    "plays": (lambda port: port.plays(None), ("user-read-recently-played",)),
    "playing": (lambda port: port.playing(), ("user-read-playback-state",)),
    "queue": (lambda port: port.queue(), ("user-read-playback-state", "user-read-currently-playing")),
}


class TestSources:
    """What every implementation of the port keeps."""

    @a_list
    @pytest.mark.parametrize("offset", [0, 1, 50, 55, 60, 500])
    def test_a_page_begins_at_any_offset_and_tells_the_whole_length(self, stage: Stage, kind: str, offset: int) -> None:
        letters = list("abcdefghijklmnopqrstuvwyzABCDEFGHIJKLMNOPQRSTUVWXYZ123456789")
        page = stage.port.page(LISTS[kind](stage, letters), offset)
        assert page.total == len(letters) == 60
        assert [one.uri for one in page.items] == uris(kind, letters)[offset : offset + PAGE_SIZE]

    @a_list
    def test_an_empty_list_is_one(self, stage: Stage, kind: str) -> None:
        page = stage.port.page(LISTS[kind](stage, ""), 0)
        assert (page.total, page.items) == (0, ())

    @a_list
    def test_entries_are_known_by_kind_and_name(self, stage: Stage, kind: str) -> None:
        (one,) = stage.port.page(LISTS[kind](stage, "a"), 0).items
        assert one.kind is (Kind.EPISODE if kind in ("show", "saved episodes") else Kind.TRACK)
        assert one.name

    def test_the_top_tracks_of_one_term_are_not_those_of_another(self, stage: Stage) -> None:
        for term, letter in zip(Term, "abc", strict=True):
            stage.top(term, letter)
        for term, letter in zip(Term, "abc", strict=True):
            assert [one.uri for one in stage.port.page(TopTracks(term), 0).items] == [uri(letter)]

    @pytest.mark.parametrize(
        ("source", "named"),
        [
            (AlbumSource(identifier("gone")), "album"),
            (ShowSource(identifier("gone")), "show"),
            (ArtistSource(identifier("gone"), since=NOON.date()), "artist"),
        ],
    )
    def test_what_is_not_there_is_not_found(
        self, stage: Stage, source: AlbumSource | ShowSource | ArtistSource, named: str
    ) -> None:
        with pytest.raises(NotFound) as missing:
            _ = stage.port.releases(source, 0) if isinstance(source, ArtistSource) else stage.port.page(source, 0)
        known_as = f"spotify:{named}:{source.id}"
        assert str(missing.value) == f"Spotify knows no {named} {known_as} that this account may see"
        assert missing.value.uri == known_as

    def test_an_artist_has_releases_that_come_ten_at_a_time(self, stage: Stage) -> None:
        words = [f"album{number}" for number in range(23)]
        artist = stage.artist("Anna", words)
        seen: list[Release] = []
        for offset, count in ((0, 10), (10, 10), (20, 3), (30, 0)):
            page = stage.port.releases(artist, offset)
            assert (page.total, page.places, len(page.releases)) == (23, count, count)
            seen += page.releases
        assert [one.name for one in seen] == words
        assert len({one.album for one in seen}) == 23
        assert {(one.total, one.first) for one in seen} == {(1, ())}
        assert [one.uri for one in stage.port.page(seen[7].album, 0).items] == [uri("a")]

    @pytest.mark.parametrize("released", ["2026", "2026-05", "2026-05-01"])
    def test_a_release_tells_when_it_came_out_as_far_as_that_is_known(self, stage: Stage, released: str) -> None:
        stage.save([stage.album("moon", "a", released)])
        (one,) = stage.port.releases(SavedAlbums(), 0).releases
        assert one.released == released

    def test_saved_albums_come_twenty_at_a_time_with_the_first_of_their_tracks(self, stage: Stage) -> None:
        longest = stage.album("longest", [str(number) for number in range(60)])
        albums = [longest, *(stage.album(f"album{number}", "abc") for number in range(40))]
        stage.save(albums)
        seen: list[Release] = []
        for offset, count in ((0, 20), (20, 20), (40, 1)):
            page = stage.port.releases(SavedAlbums(), offset)
            assert (page.total, page.places) == (41, count)
            seen += page.releases
        assert [one.album for one in seen] == albums
        assert [one.total for one in seen] == [60] + [3] * 40
        assert [one.uri for one in seen[0].first] == list(map(uri, numbers(PAGE_SIZE)))
        assert [one.uri for one in seen[1].first] == list(map(uri, "abc"))

    def test_plays_come_oldest_first_with_what_they_were_played_from(self, stage: Stage) -> None:
        week = stage.hear("ab", NOON, "week")
        stage.hear("c", NOON + timedelta(hours=1))
        plays = stage.port.plays(None)
        assert [one.item.uri for one in plays] == list(map(uri, "abc"))
        assert [one.context for one in plays] == [week, week, None]
        assert [one.at for one in plays] == [NOON - timedelta(minutes=3), NOON, NOON + timedelta(hours=1)]

    @pytest.mark.parametrize(("before", "count"), [(0, 1), (1, 2), (180_000, 2), (180_001, 3)])
    def test_plays_after_a_moment_are_told_from_those_at_it_by_a_millisecond(
        self, stage: Stage, before: int, count: int
    ) -> None:
        stage.hear("abc", NOON + timedelta(minutes=3, milliseconds=123))
        after = NOON + timedelta(milliseconds=123) - timedelta(milliseconds=before)
        assert len(stage.port.plays(after)) == count

    def test_only_the_last_plays_can_be_seen(self, stage: Stage) -> None:
        assert stage.port.plays(None) == ()
        stage.hear(numbers(60), NOON)
        shown = list(map(uri, numbers(60)))[-REMEMBERED:]
        for after in (None, NOON - timedelta(days=1)):
            assert [one.item.uri for one in stage.port.plays(after)] == shown
        assert stage.port.plays(NOON) == ()

    def test_while_nothing_plays_there_is_no_queue(self, stage: Stage) -> None:
        assert stage.port.playing() is None
        assert stage.port.queue() == ()

    def test_what_plays_is_told_with_what_it_is_played_from_and_on(self, stage: Stage) -> None:
        week = stage.play("week", "abcd", 1)
        now = stage.port.playing()
        assert now
        assert now.item
        assert now.device
        assert (now.item.uri, now.context, now.is_playing) == (uri("b"), week, True)
        assert (now.progress_ms, now.shuffle, now.repeat) == (0, False, "off")
        assert now.device.is_active
        assert now.device.name

    def test_the_queue_begins_with_what_plays(self, stage: Stage) -> None:
        stage.play("week", "abcd", 1)
        assert [one.uri for one in stage.port.queue()] == list(map(uri, "bcd"))

    def test_a_track_is_found_by_its_isrc(self, stage: Stage) -> None:
        stage.register("a", ISRC)
        found = stage.port.track(ISRC)
        assert found
        assert (found.uri, found.isrc) == (uri("a"), ISRC)
        assert stage.port.track("QZEAB2600002") is None

    def test_the_isrc_of_a_track_is_told(self, stage: Stage) -> None:
        stage.register("a", ISRC)
        stage.register("b", None)
        assert [stage.port.isrc(uri(letter)) for letter in "abc"] == [ISRC, None, None]

    @pytest.mark.parametrize(("scope", "what"), [(scope, what) for what in NEEDS for scope in NEEDS[what][1]])
    def test_what_was_not_consented_to_is_named(self, stage: Stage, scope: str, what: str) -> None:
        ask, _ = NEEDS[what]
        stage.lack(scope)
        with pytest.raises(MissingScope) as missing:
            ask(stage.port)
        assert (missing.value.account, missing.value.scope) == ("default", scope)

    def test_so_is_what_a_show_needs(self, stage: Stage) -> None:
        show = stage.show("news", "a")
        stage.lack("user-read-playback-position")
        with pytest.raises(MissingScope, match="user-read-playback-position"):
            stage.port.page(show, 0)

    def test_albums_artists_and_searches_need_no_scope(self, stage: Stage) -> None:
        album, artist = stage.album("moon", "a"), stage.artist("Anna", ["sun"])
        for scope in ("user-library-read", "user-read-playback-state", "user-top-read"):
            stage.lack(scope)
        assert stage.port.page(album, 0).total == stage.port.releases(artist, 0).total == 1
        assert stage.port.track(ISRC) is None
        stage.port.isrc(uri("a"))
