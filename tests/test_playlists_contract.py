"""The port ``Playlists``, as the fake keeps it, as the adapter does in process, and as it does over HTTP."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Protocol

import pytest

from syncer.errors import (
    MissingScope,
    NotFound,
    Rejected,
    SourceNotReadable,
    TargetNotWritable,
    UnclearAdd,
    UnreadableAnswer,
)
from syncer.ids import PlaylistId, Uri
from syncer.model import MAX_BATCH, PAGE_SIZE, Item, Kind
from syncer.ports import Playlists
from syncer.sandbox import Fault, SandboxServer, chapter, episode, local, media
from syncer.spotify.transport import LOOK_ENDPOINTS
from tests.fakes import FakePlaylists, identifier, items, uri
from tests.spotify.wiring import Wired

HOLE = "."


class Stage(Protocol):
    """Somewhere to keep playlists. All is arranged before ``port`` is asked for."""

    @property
    def port(self) -> Playlists: ...

    @property
    def looking(self) -> Playlists:
        """The same for those who only look."""
        ...

    def hold(self, word: str, letters: Sequence[str] = "") -> PlaylistId: ...

    def held(self, playlist: PlaylistId) -> list[str | None]: ...

    def give_away(self, playlist: PlaylistId) -> None: ...

    def open_to_all(self, playlist: PlaylistId) -> None: ...

    def lack(self, scope: str) -> None: ...

    def spoil(self, bad: Uri) -> None: ...

    def lose_adds(self) -> None: ...

    def nest(self, entries: int) -> None: ...


class FakeStage:
    def __init__(self) -> None:
        self.port = self.looking = FakePlaylists()

    def hold(self, word: str, letters: Sequence[str] = "") -> PlaylistId:
        self.port.held[identifier(word)] = list(items(letters))
        return identifier(word)

    def held(self, playlist: PlaylistId) -> list[str | None]:
        return [one.uri for one in self.port.held[playlist]]

    def give_away(self, playlist: PlaylistId) -> None:
        self.port.foreign.add(playlist)

    def open_to_all(self, playlist: PlaylistId) -> None:
        self.port.collaborative.add(playlist)

    def lack(self, scope: str) -> None:
        self.port.lacks.add(scope)

    def spoil(self, bad: Uri) -> None:
        self.port.bad.add(bad)

    def lose_adds(self) -> None:
        self.port.loses = lambda _letters: True

    def nest(self, entries: int) -> None:
        self.port.nested = entries


class SandboxStage:
    def __init__(self, wired: Wired) -> None:
        self.wired = wired
        self._port: Playlists | None = None

    @property
    def port(self) -> Playlists:
        self._port = self._port or self.wired.open().playlists
        return self._port

    @property
    def looking(self) -> Playlists:
        self.wired.new_process(endpoints=LOOK_ENDPOINTS)
        return self.wired.open().playlists

    def hold(self, word: str, letters: Sequence[str] = "") -> PlaylistId:
        held = [None if letter == HOLE else uri(letter) for letter in letters]
        return PlaylistId(self.wired.world.playlist(word, items=held).id)

    def held(self, playlist: PlaylistId) -> list[str | None]:
        return list(self.wired.world.playlists[playlist].uris)

    def give_away(self, playlist: PlaylistId) -> None:
        self.wired.world.playlists[playlist].owner = "someone"

    def open_to_all(self, playlist: PlaylistId) -> None:
        self.wired.world.playlists[playlist].collaborative = True

    def lack(self, scope: str) -> None:
        self.wired.sign_in.scopes -= {scope}

    def spoil(self, bad: Uri) -> None:
        self.wired.world.bad_uris.add(bad)

    def lose_adds(self) -> None:
        self.wired.world.inject(Fault(kind="close", method="POST", path="/v1/**", times=None, applied=True))

    def nest(self, entries: int) -> None:
        self.wired.world.app.nested_page = entries


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


def numbers(count: int, start: int = 0) -> list[str]:
    return [str(number) for number in range(start, start + count)]


class TestPlaylists:
    """What every implementation of the port keeps."""

    def test_a_head_tells_the_length_and_that_the_items_can_be_read(self, stage: Stage) -> None:
        playlist = stage.hold("week", "abc")
        head = stage.port.head(playlist)
        assert (head.id, head.total, head.readable) == (playlist, 3, True)
        assert head.name
        assert head.snapshot_id

    def test_an_empty_playlist_is_readable(self, stage: Stage) -> None:
        playlist = stage.hold("week")
        assert stage.port.head(playlist).readable
        page = stage.port.page(playlist, 0)
        assert (page.total, page.items) == (0, ())

    def test_a_playlist_of_someone_else_has_a_head_and_no_items(self, stage: Stage) -> None:
        playlist = stage.hold("week", "abc")
        stage.give_away(playlist)
        assert not stage.port.head(playlist).readable
        with pytest.raises(SourceNotReadable):
            stage.port.page(playlist, 0)
        with pytest.raises(TargetNotWritable):
            stage.port.append(playlist, [uri("d")])

    def test_a_playlist_that_is_not_there_is_not_found(self, stage: Stage) -> None:
        missing = identifier("missing")
        with pytest.raises(NotFound):
            stage.port.head(missing)
        with pytest.raises(NotFound):
            stage.port.page(missing, 0)
        with pytest.raises(NotFound):
            stage.port.append(missing, [uri("a")])

    @pytest.mark.parametrize("offset", [0, 1, 49, 50, 119, 120, 500])
    def test_a_page_begins_at_any_offset_and_tells_the_whole_length(self, stage: Stage, offset: int) -> None:
        playlist = stage.hold("week", numbers(120))
        page = stage.port.page(playlist, offset)
        assert page.total == 120
        assert [one.uri for one in page.items] == stage.held(playlist)[offset : offset + PAGE_SIZE]

    def test_an_entry_that_is_no_longer_there_keeps_its_place(self, stage: Stage) -> None:
        playlist = stage.hold("week", "a.b")
        first, hole, last = stage.port.page(playlist, 0).items
        assert (first.uri, last.uri) == (uri("a"), uri("b"))
        assert hole == Item(uri=None, kind=Kind.UNAVAILABLE)

    def test_a_track_has_a_name_and_artists(self, stage: Stage) -> None:
        (one,) = stage.port.page(stage.hold("week", "a"), 0).items
        assert one.kind is Kind.TRACK
        assert one.name
        assert one.artists

    def test_an_append_adds_at_the_end_in_order(self, stage: Stage) -> None:
        playlist = stage.hold("archive", "ab")
        before = stage.port.head(playlist).snapshot_id
        stage.port.append(playlist, [uri("d"), uri("c")])
        assert stage.held(playlist) == [uri(letter) for letter in "abdc"]
        assert stage.port.head(playlist).snapshot_id != before
        assert [one.uri for one in stage.port.page(playlist, 0).items] == stage.held(playlist)

    def test_a_head_brings_its_first_entries_only_when_asked_for_them(self, stage: Stage) -> None:
        playlist = stage.hold("week", "a.b")
        assert stage.port.head(playlist).first == ()
        whole = stage.port.head(playlist, contents=True)
        assert whole.first == stage.port.page(playlist, 0).items
        assert replace(whole, first=()) == stage.port.head(playlist)

    @pytest.mark.parametrize("nested", [0, 1, 30, 100])
    def test_how_many_entries_come_with_a_head_is_up_to_spotify(self, stage: Stage, nested: int) -> None:
        playlist = stage.hold("week", numbers(120))
        stage.nest(nested)
        head = stage.port.head(playlist, contents=True)
        assert (head.total, head.readable) == (120, True)
        assert [one.uri for one in head.first] == stage.held(playlist)[:nested]

    def test_an_empty_playlist_and_one_of_someone_else_bring_no_entries(self, stage: Stage) -> None:
        empty, foreign = stage.hold("week"), stage.hold("theirs", "abc")
        stage.give_away(foreign)
        assert stage.port.head(empty, contents=True) == stage.port.head(empty)
        assert stage.port.head(foreign, contents=True) == stage.port.head(foreign)

    @pytest.mark.parametrize("offset", [0, 1, 49, 50, 59, 60, 500])
    def test_a_listing_tells_the_snapshots_of_some_of_the_library_and_its_length(
        self, stage: Stage, offset: int
    ) -> None:
        held = [stage.hold(f"week{number}", "abc"[: number % 4]) for number in range(60)]
        listing = stage.port.listing(offset)
        assert listing.total == 60
        assert listing.snapshots == {one: stage.port.head(one).snapshot_id for one in held[offset : offset + PAGE_SIZE]}

    def test_head_and_listing_tell_whose_a_playlist_is(self, stage: Stage) -> None:
        mine, shared, theirs = stage.hold("mine", "abc"), stage.hold("shared", "ab"), stage.hold("theirs", "a")
        stage.open_to_all(shared)
        stage.give_away(theirs)
        port = stage.looking
        me = port.me()
        listed = {one.id: one for one in port.listing(0).playlists}
        assert list(listed) == [mine, shared, theirs]
        for one, is_mine, collaborative, total in (
            (mine, True, False, 3),
            (shared, True, True, 2),
            (theirs, False, False, 1),
        ):
            place, head = listed[one], port.head(one)
            assert (place.total, place.collaborative) == (total, collaborative)
            assert (place.owner == me) == is_mine
            assert place.name
            assert place.owner_name
            assert (head.owner, head.collaborative) == (place.owner, place.collaborative)

    def test_an_append_tells_the_snapshot_that_it_made(self, stage: Stage) -> None:
        playlist, other = stage.hold("archive", "ab"), stage.hold("other", "a")
        before = stage.port.listing(0).snapshots
        new = stage.port.append(playlist, [uri("c")])
        assert new == stage.port.head(playlist).snapshot_id != before[playlist]
        assert stage.port.listing(0).snapshots == {playlist: new, other: before[other]}

    def test_an_append_at_a_position_moves_what_was_there_on(self, stage: Stage) -> None:
        playlist = stage.hold("archive", "ab")
        new = stage.port.append(playlist, [uri("d"), uri("c")], position=0)
        assert stage.held(playlist) == [uri(letter) for letter in "dcab"]
        assert new == stage.port.head(playlist).snapshot_id

    def test_an_append_never_looks_whether_it_is_there_already(self, stage: Stage) -> None:
        playlist = stage.hold("archive", "a")
        stage.port.append(playlist, [uri("a"), uri("b"), uri("b")])
        stage.port.append(playlist, [uri("a")])
        assert stage.held(playlist) == [uri(letter) for letter in "aabba"]

    def test_an_append_takes_a_whole_batch_and_no_more(self, stage: Stage) -> None:
        playlist = stage.hold("archive")
        stage.port.append(playlist, list(map(uri, numbers(MAX_BATCH))))
        with pytest.raises((Rejected, AssertionError)):  # the fake takes it for a mistake of the caller
            stage.port.append(playlist, list(map(uri, numbers(MAX_BATCH + 1))))
        assert stage.held(playlist) == list(map(uri, numbers(MAX_BATCH)))

    def test_one_bad_uri_has_the_whole_append_rejected(self, stage: Stage) -> None:
        playlist = stage.hold("archive", "a")
        stage.spoil(uri("c"))
        with pytest.raises(Rejected):
            stage.port.append(playlist, list(map(uri, "bcd")))
        assert stage.held(playlist) == [uri("a")]

    def test_an_append_whose_answer_is_lost_is_unclear(self, stage: Stage) -> None:
        playlist = stage.hold("archive", "a")
        stage.lose_adds()
        with pytest.raises(UnclearAdd):
            stage.port.append(playlist, [uri("b")])
        assert stage.held(playlist) == [uri("a"), uri("b")]

    def test_what_was_not_consented_to_is_named(self, stage: Stage) -> None:
        playlist = stage.hold("archive", "a")
        for scope in ("playlist-read-private", "playlist-modify-public"):
            stage.lack(scope)
        for scope, ask in (
            ("playlist-read-private", lambda: stage.port.page(playlist, 0)),
            ("playlist-modify-public", lambda: stage.port.append(playlist, [uri("b")])),
        ):
            with pytest.raises(MissingScope) as missing:
                ask()
            assert (missing.value.account, missing.value.scope) == ("default", scope)
        assert stage.held(playlist) == [uri("a")]


class TestSpotify:
    """What only Spotify's answers hold (contract §1.3, §2.2, §6)."""

    @pytest.mark.parametrize("keys", ["new", "old", "both"])
    def test_old_and_new_names_read_the_same(self, keys: str) -> None:
        wired = Wired()
        wired.world.app.keys = keys  # type: ignore[assignment] # one of the three
        held = wired.world.playlist("week", tracks=60)
        port = wired.open().playlists
        assert port.head(PlaylistId(held.id)).total == 60
        assert [one.uri for one in port.head(PlaylistId(held.id), contents=True).first] == list(held.uris)
        assert [one.uri for one in port.page(PlaylistId(held.id), 20).items] == list(held.uris[20:])

    def test_every_kind_of_entry_is_told_apart_and_keeps_its_place(self) -> None:
        """Fault model P4."""
        wired = Wired()
        gone = replace(media(uri("b")), playable=False)
        items = [uri("a"), None, local(1), episode(1), chapter(1), gone]
        held = wired.world.playlist("mix", items=items)
        seen = wired.open().playlists.page(PlaylistId(held.id), 0)
        assert [one.kind for one in seen.items] == [
            Kind.TRACK,
            Kind.UNAVAILABLE,
            Kind.LOCAL,
            Kind.EPISODE,
            Kind.UNSUPPORTED,
            Kind.TRACK,
        ]
        assert seen.total == 6

    @pytest.mark.parametrize(
        "entry",
        [
            "{}",
            '{"item": null}',
            '{"item": {}}',
            '{"item": 5, "track": []}',
            '{"item": {"uri": 5, "type": "track"}}',
            '{"item": {"type": ["track"]}}',
            '{"item": {"uri": "spotify:track:x", "artists": 5, "name": []}}',
            '{"item": {"uri": "spotify:track:x", "artists": [5, null, {"name": 7}]}}',
            '{"is_local": "yes", "added_at": 5, "item": {"is_local": 1, "name": "\\ud800"}}',
        ],
    )
    def test_an_entry_of_any_shape_is_an_entry(self, entry: str) -> None:
        wired = Wired()
        held = wired.world.playlist("week", tracks=1)
        text = f'{{"total": 2, "items": [{entry}, null]}}'
        wired.world.inject(Fault(kind="other-body", path="/v1/playlists/*/items", text=text))
        page = wired.open().playlists.page(PlaylistId(held.id), 0)
        assert len(page.items) == 2
        repr(page).encode()  # and can be written anywhere

    @pytest.mark.parametrize(
        ("body", "readable"),
        [
            ('{"id": "x"}', False),
            ('{"id": "x", "items": null}', False),
            ('{"id": "x", "items": []}', False),
            ('{"id": "x", "items": {}}', True),
            ('{"id": "x", "items": null, "tracks": {"total": 3}}', True),
            ('{"id": "x", "items": {"total": "3"}, "name": 5, "snapshot_id": null}', True),
        ],
    )
    def test_a_head_is_readable_where_it_holds_a_page(self, body: str, readable: bool) -> None:  # noqa: FBT001
        wired = Wired()
        held = wired.world.playlist("week", tracks=1)
        wired.world.inject(Fault(kind="other-body", path="/v1/playlists/*", text=body))
        assert wired.open().playlists.head(PlaylistId(held.id)).readable is readable

    @pytest.mark.parametrize(
        "nested",
        [
            '{"total": 3}',
            '{"total": 1, "items": {}}',
            '{"total": 1, "items": [5]}',
            '{"total": 1, "items": [{}, {}]}',
        ],
    )
    def test_a_nested_page_that_is_none_brings_no_entries(self, nested: str) -> None:
        """Contract §2.1: it may also come without them."""
        wired = Wired()
        held = wired.world.playlist("week", tracks=1)
        text = f'{{"id": "x", "name": "week", "items": {nested}}}'
        wired.world.inject(Fault(kind="other-body", path="/v1/playlists/*", text=text))
        head = wired.open().playlists.head(PlaylistId(held.id), contents=True)
        assert (head.first, head.readable, head.name) == ((), True, "week")

    def test_a_nested_page_keeps_its_holes(self) -> None:
        wired = Wired()
        held = wired.world.playlist("week", tracks=1)
        text = '{"id": "x", "items": {"total": 3, "items": [null, {"item": null}]}}'
        wired.world.inject(Fault(kind="other-body", path="/v1/playlists/*", text=text))
        head = wired.open().playlists.head(PlaylistId(held.id), contents=True)
        assert head.first == (Item(uri=None, kind=Kind.UNAVAILABLE),) * 2

    def test_places_of_a_listing_may_be_empty(self) -> None:
        """Contract §1.4, §2.4: what is null or lacks an id or a snapshot id still has its place."""
        wired = Wired()
        entries = (
            '{"id": "a", "snapshot_id": "1"}',
            "null",
            "{}",
            '{"id": "b"}',
            '{"snapshot_id": "2"}',
            '{"id": 5, "snapshot_id": "3"}',
            '{"id": "c", "snapshot_id": 4}',
            '{"id": "d", "snapshot_id": ""}',
            '{"id": "e", "snapshot_id": "5"}',
        )
        text = f'{{"total": 70, "items": [{",".join(entries)}]}}'
        wired.world.inject(Fault(kind="other-body", path="/v1/me/playlists", text=text))
        listing = wired.open().playlists.listing(0)
        assert (listing.total, listing.snapshots) == (70, {"a": "1", "e": "5"})
        assert [one.id for one in listing.playlists] == ["a", "b", "c", "d", "e"]

    @pytest.mark.parametrize(
        "fields",
        [
            "",
            ', "name": null, "owner": null, "collaborative": null, "items": null, "tracks": null, "description": null',
            ', "name": 5, "owner": 5, "collaborative": 5, "items": 5, "snapshot_id": 5',
            ', "name": [], "owner": {"id": 5, "display_name": null}, "items": {"total": "3"}, "tracks": {"total": 4}',
            ', "owner": {}, "collaborative": "true", "items": {"total": -3}',
            ', "items": {"total": true}',
        ],
    )
    def test_a_playlist_of_a_listing_need_not_tell_anything_but_its_id(self, fields: str) -> None:
        wired = Wired()
        text = f'{{"total": 1, "items": [{{"id": "a"{fields}}}]}}'
        wired.world.inject(Fault(kind="other-body", path="/v1/me/playlists", text=text))
        (one,) = wired.open().playlists.listing(0).playlists
        assert (one.id, one.name, one.owner, one.owner_name) == ("a", "", "", "")
        assert (one.collaborative, one.total, one.snapshot_id) == (False, 0, "")

    @pytest.mark.parametrize("keys", ["new", "old", "both"])
    def test_a_listing_tells_sizes_under_old_and_new_names(self, keys: str) -> None:
        wired = Wired()
        wired.world.app.keys = keys  # type: ignore[assignment] # one of the three
        wired.world.playlist("week", tracks=60)
        assert [one.total for one in wired.open().playlists.listing(0).playlists] == [60]

    @pytest.mark.parametrize("text", ["null", "[]", "{}", '{"id": null}', '{"id": 5}', '{"id": ""}'])
    def test_an_answer_that_does_not_say_who_asks_is_none(self, text: str) -> None:
        wired = Wired()
        wired.new_process(endpoints=LOOK_ENDPOINTS)
        wired.world.inject(Fault(kind="other-body", path="/v1/me", text=text, times=None))
        with pytest.raises(UnreadableAnswer):
            wired.open().playlists.me()

    @pytest.mark.parametrize("status", [400, 403, 404])
    def test_a_refusal_to_say_who_asks_is_nothing_we_know(self, status: int) -> None:
        wired = Wired()
        wired.new_process(endpoints=LOOK_ENDPOINTS)
        wired.world.inject(Fault(kind="status", path="/v1/me", status=status))
        with pytest.raises(UnreadableAnswer):
            wired.open().playlists.me()

    def test_who_only_looks_cannot_add_and_a_run_does_not_ask_who_it_is(self) -> None:
        """Fault model X6: neither reaches the network."""
        wired = Wired()
        held = wired.world.playlist("archive", tracks=1)
        with pytest.raises(RuntimeError):
            wired.open().playlists.me()
        wired.new_process(endpoints=LOOK_ENDPOINTS)
        with pytest.raises(RuntimeError):
            wired.open().playlists.append(PlaylistId(held.id), [uri("a")])
        assert not [call for call in wired.world.calls if call.path.startswith("/v1/")]

    def test_an_add_names_a_position_only_where_it_was_given_one(self) -> None:
        wired = Wired()
        playlist = PlaylistId(wired.world.playlist("archive").id)
        port = wired.open().playlists
        port.append(playlist, [uri("a")])
        port.append(playlist, [uri("b")], position=0)
        bodies = ({"uris": [uri("a")]}, {"uris": [uri("b")], "position": 0})
        sent = [headers["Content-Length"] for _, url, headers in wired.network.sent if url.endswith("/items")]
        assert sent == [str(len(json.dumps(body))) for body in bodies]

    @pytest.mark.parametrize("text", ["{}", "[]", "null", '"new"', '{"snapshot_id": null}', '{"snapshot_id": 5}'])
    def test_an_add_need_not_tell_its_snapshot(self, text: str) -> None:
        wired = Wired()
        held = wired.world.playlist("archive")
        wired.world.inject(Fault(kind="other-body", method="POST", path="/v1/**", text=text))
        assert wired.open().playlists.append(PlaylistId(held.id), [uri("a")]) is None
        assert held.uris == (uri("a"),)

    def test_a_list_made_by_spotify_is_not_found(self) -> None:
        """Contract §1.4: for new apps there is no such list."""
        port = Wired().open().playlists
        with pytest.raises(NotFound):
            port.head(PlaylistId("37i9dQZEVXcJZyENOWUFo7"))

    def test_a_relinked_add_reads_back_under_another_uri_and_no_market_is_ever_sent(self) -> None:
        """Fault model P11."""
        wired = Wired()
        held = wired.world.playlist("archive")
        wired.world.inject(Fault(kind="relink", method="POST", path="/v1/**"))
        port = wired.open().playlists
        port.append(PlaylistId(held.id), [uri("a")])
        (one,) = port.page(PlaylistId(held.id), 0).items
        assert one.uri != uri("a")
        assert not any("market" in call.query for call in wired.world.calls)
