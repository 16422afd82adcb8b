"""How the playback of someone looks as JSON."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from syncer.sandbox.exchange import dumps
from syncer.sandbox.playing import Device, Play, Player, Playing, is_shown
from syncer.sandbox.render_music import View, links, media_text


def context(uri: str | None) -> dict[str, Any] | None:
    """Return what something is played from."""
    if uri is None:
        return None
    kind, key = uri.split(":")[1:]
    made = links(kind, key) | {"uri": uri}
    del made["id"]
    return made


def device(of: Device) -> dict[str, Any]:
    return {
        "id": of.id,
        "is_active": of.is_active,
        "is_private_session": of.is_private_session,
        "is_restricted": of.is_restricted,
        "name": of.name,
        "supports_volume": of.supports_volume,
        "type": of.type,
        "volume_percent": of.volume_percent,
    }


def playback(of: Player, now: Playing, at: float, seen: View) -> str:
    """Return the playback state; an item that was not asked for is null."""
    around = {
        "actions": {"disallows": {"pausing" if now.since is None else "resuming": True}},
        "context": context(now.context) if is_shown(now.context, of.habits.shown_contexts) else None,
        "currently_playing_type": now.item.kind,
        "device": device(now.device),
        "is_playing": now.since is not None,
        "progress_ms": now.progress_ms(at),
        "repeat_state": of.repeat,
        "shuffle_state": of.shuffle,
        "timestamp": round(at * 1000),
    }
    return f'{dumps(around)[:-1]},"item":{media_text(now.item, seen)}}}'


def queue(of: Player, seen: View) -> str:
    texts = [media_text(media, seen) for media in of.upcoming()]
    current = media_text(of.playing.item if of.playing else None, seen)
    return f'{{"currently_playing":{current},"queue":[{",".join(texts)}]}}'


def plays(of: Sequence[Play], player: Player, seen: View) -> str:
    """Return plays, in the order given."""
    return f"[{','.join(_play(each, player, seen) for each in of)}]"


def _play(of: Play, player: Player, seen: View) -> str:
    shown = context(of.context) if is_shown(of.context, player.habits.logged_contexts) else None
    when = datetime.fromtimestamp(of.at_ms // 1000, UTC).strftime("%Y-%m-%dT%H:%M:%S")
    around = {"context": shown, "played_at": f"{when}.{of.at_ms % 1000:03d}Z"}
    return f'{dumps(around)[:-1]},"track":{media_text(of.media, seen)}}}'
