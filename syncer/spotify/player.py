"""The playback of an account, to be changed: spotipy in, our words out."""

from collections.abc import Sequence
from http import HTTPStatus
from typing import Any, Final

import spotipy

from syncer.errors import NotPlayable, OutsideList, SyncError
from syncer.ids import Uri
from syncer.model import Device, Item, Playing
from syncer.scopes import READ_PLAYBACK
from syncer.spotify.auth import Access
from syncer.spotify.refusals import missing_scope, not_playable, unexpected
from syncer.spotify.sources import SpotifySources, as_device
from syncer.spotify.transport import Refused, Transport

CONTROL: Final = "user-modify-playback-state"
NO_SUCH_PLACE: Final = (HTTPStatus.BAD_REQUEST, HTTPStatus.NOT_FOUND)
"""What has been seen in answer to a place that a list has not."""


class SpotifyPlayer:
    """The port ``Player`` over Spotify's Web API."""

    def __init__(self, *, api_url: str, transport: Transport, access: Access, sources: SpotifySources) -> None:
        """*sources* are those of the same account."""
        self._access = access
        self._sources = sources
        self._spotify = spotipy.Spotify(requests_session=transport)
        self._spotify.prefix = api_url + "/"

    def devices(self) -> tuple[Device, ...]:
        try:
            body = self._spotify.devices()
        except Refused as refused:
            raise self._not_done(refused, *READ_PLAYBACK) from None
        return tuple(filter(None, map(as_device, body["devices"])))

    def playing(self) -> Playing | None:
        return self._sources.playing()

    def queue(self) -> tuple[Item, ...]:
        return self._sources.queue()

    def play(self, device: str, context: str, *, offset: int | Uri, at_ms: int = 0) -> None:
        place = {"position": offset} if isinstance(offset, int) else {"uri": offset}
        try:
            self._put("play", device, {"context_uri": context, "offset": place, "position_ms": at_ms})
        except Refused as refused:
            if self._is_outside(refused, device, offset):
                raise OutsideList(context) from None
            raise self._not_done(refused, CONTROL) from None

    def _is_outside(self, refused: Refused, device: str, offset: int | Uri) -> bool:
        """Whether a refusal is about the place: where the device is gone, it reads the same."""
        return refused.reason == "NO_SPECIFIC_TRACK" or (
            refused.status in NO_SUCH_PLACE
            and not refused.reason
            and bool(offset)
            and any(one.id == device for one in self.devices())
        )

    def play_items(self, device: str, uris: Sequence[Uri], *, at_ms: int = 0) -> None:
        self._command("play", device, {"uris": list(uris), "position_ms": at_ms})

    def pause(self, device: str) -> None:
        try:
            self._put("pause", device)
        except Refused as refused:
            trouble = self._not_done(refused, CONTROL)
            # What is paused already is refused like anything else that is not allowed (reported).
            if not isinstance(trouble, NotPlayable) or self._plays_on(device):
                raise trouble from None

    def _plays_on(self, device: str) -> bool:
        now = self.playing()
        return now is not None and now.is_playing and now.device is not None and now.device.id == device

    def set_volume(self, device: str, percent: int) -> None:
        self._command("volume", device, volume_percent=percent)

    def set_shuffle(self, device: str, *, on: bool) -> None:
        self._command("shuffle", device, state="true" if on else "false")

    def set_repeat(self, device: str, mode: str) -> None:
        self._command("repeat", device, state=mode)

    def _command(self, what: str, device: str, body: Any = None, **options: object) -> None:
        try:
            self._put(what, device, body, **options)
        except Refused as refused:
            raise self._not_done(refused, CONTROL) from None

    def _put(self, what: str, device: str, body: Any = None, **options: object) -> None:
        # Not spotipy's own methods: they say nothing of what they leave undone, and put the device into the path.
        self._spotify._put(f"me/player/{what}", payload=body, device_id=device, **options)  # noqa: SLF001

    def _not_done(self, refused: Refused, *scopes: str) -> SyncError:
        if refused.status == HTTPStatus.FORBIDDEN:
            return missing_scope(self._access, *scopes) or not_playable(refused) or _not_allowed()
        if refused.status == HTTPStatus.NOT_FOUND:
            return not_playable(refused) or _gone()
        return unexpected(refused)


def _not_allowed() -> NotPlayable:
    return NotPlayable(
        "Spotify did not let the player do that, and does not say why",
        hint="try it on another device, and with something that plays in the Spotify app",
    )


def _gone() -> NotPlayable:
    return NotPlayable(
        "Spotify does not find the device, or what it should play",
        hint="keep Spotify open on the device; if it is, check that the list plays in the Spotify app",
    )
