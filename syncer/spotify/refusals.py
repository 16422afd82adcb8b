"""What to say of a refusal, whatever was asked for."""

from typing import Final

from syncer.errors import MissingScope, NotPlayable, UnreadableAnswer
from syncer.spotify.auth import Access
from syncer.spotify.transport import Refused

_ELSEWHERE: Final = "choose another device"
_REASONS: Final = {
    "NO_ACTIVE_DEVICE": ("Spotify is not open on any device", "open Spotify on a device and play something there"),
    "PREMIUM_REQUIRED": (
        "Spotify lets apps steer the player of those alone who have Spotify Premium themselves",
        "use an account with Premium, or another kind of source",
    ),
    "DEVICE_NOT_CONTROLLABLE": ("the device takes no commands from apps", _ELSEWHERE),
    "REMOTE_CONTROL_DISALLOW": ("the device takes no commands from apps", _ELSEWHERE),
    "VOLUME_CONTROL_DISALLOW": ("how loud the device is cannot be set by apps", "set it on the device itself"),
    "CONTEXT_DISALLOW": ("Spotify does not allow this with that list", "copy its tracks in a Spotify app instead"),
    "RATE_LIMITED": ("Spotify finds that tracks are started too quickly after one another", "try again in a minute"),
}
"""What a player's refusals say and what to do, by the reasons that Spotify documents."""


def missing_scope(access: Access, *scopes: str) -> MissingScope | None:
    """Say which of *scopes* was not consented to. The text of a 403 is no safe way to tell (contract §4.1)."""
    granted = access.scope()
    missing = [scope for scope in scopes if granted is not None and scope not in granted]
    return MissingScope(access.account, missing[0]) if missing else None


def not_playable(refused: Refused) -> NotPlayable | None:
    """Return what a player's refusal gives as its reason; None where it gives none that says anything."""
    known = _REASONS.get(refused.reason)
    return NotPlayable(known[0], hint=known[1]) if known else None


def unexpected(refused: Refused) -> UnreadableAnswer:
    """Return what there is to say where nothing is known of the reason."""
    return UnreadableAnswer(f"Spotify refused the request in a way we do not know (it answered {refused.status})")
