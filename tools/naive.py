"""The job in the few lines that spotipy takes, to compare with: TOKEN=… python tools/naive.py API_URL SOURCE TARGET …

Reads source and target whole, adds what is missing, keeps nothing. Not for use.
"""

import os
import sys

import spotipy


def uris(spotify: spotipy.Spotify, playlist: str) -> list[str]:
    page = spotify.playlist_items(playlist, limit=50)
    items = page["items"]
    while page["next"]:
        page = spotify.next(page)
        items += page["items"]
    return [entry["item"]["uri"] for entry in items]


def sync(spotify: spotipy.Spotify, source: str, target: str) -> int:
    there = set(uris(spotify, target))
    news = [uri for uri in dict.fromkeys(uris(spotify, source)) if uri not in there]
    for start in range(0, len(news), 100):
        spotify._post(f"playlists/{target}/items", payload={"uris": news[start : start + 100]})  # noqa: SLF001 - no public method has the path of 2026
    return len(news)


if __name__ == "__main__":
    spotify = spotipy.Spotify(auth=os.environ["TOKEN"])
    spotify.prefix = sys.argv[1] + "/"
    for source, target in zip(sys.argv[2::2], sys.argv[3::2], strict=True):
        print(sync(spotify, source, target), "added", flush=True)
