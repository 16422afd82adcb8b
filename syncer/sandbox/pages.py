"""The pages of the accounts service that people see."""

from collections.abc import Iterable, Mapping
from html import escape
from typing import Final

_STYLE: Final = """
:root { color-scheme: light dark; --ink: #16211b; --paper: #f3f6f4; --card: #fff; --line: #d5ddd8; --go: #12703f }
@media (prefers-color-scheme: dark) {
  :root { --ink: #e8efeb; --paper: #101613; --card: #19211d; --line: #33403a; --go: #5fd796 }
}
* { box-sizing: border-box }
body { margin: 0; min-height: 100vh; display: grid; place-items: center; padding: 1rem; background: var(--paper);
  color: var(--ink); font: 1rem/1.5 system-ui, sans-serif }
main { width: min(30rem, 100%); padding: 2rem; background: var(--card); border: 1px solid var(--line);
  border-radius: 1rem }
h1 { margin: 0 0 .5rem; font-size: 1.4rem; line-height: 1.25; overflow-wrap: anywhere }
p, ul { margin: 0 0 1rem }
li { margin: .25rem 0 }
small { display: inline-block; margin-bottom: 1rem; padding: .1rem .6rem; border: 1px solid var(--line);
  border-radius: 1rem }
form { display: flex; flex-wrap: wrap; gap: .75rem; margin-top: 1.5rem }
button { flex: 1; min-height: 2.75rem; padding: .5rem 1.25rem; border: 1px solid var(--line); border-radius: 2rem;
  background: none; color: inherit; font: inherit; font-weight: 600; cursor: pointer }
button[value=agree] { background: var(--go); border-color: var(--go); color: var(--card) }
button:focus-visible { outline: 3px solid var(--go); outline-offset: 3px }
"""

HEADERS: Final[Mapping[str, str]] = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; frame-ancestors 'none'",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}

_MEANINGS: Final = {
    "playlist-read-private": "See your private playlists",
    "playlist-read-collaborative": "See playlists you share with others",
    "playlist-modify-public": "Change your public playlists",
    "playlist-modify-private": "Change your private playlists",
    "user-library-read": "See your Liked Songs",
    "user-library-modify": "Change your library",
    "user-follow-modify": "Change what you follow",
    "user-read-recently-played": "See what you played lately",
    "user-read-currently-playing": "See what is playing",
    "user-read-playback-state": "See your devices and what they play",
    "user-modify-playback-state": "Control what your devices play",
    "user-read-playback-position": "See where you are in podcasts",
    "user-read-private": "See your subscription and country",
    "user-read-email": "See your e-mail address",
    "user-top-read": "See your top artists and tracks",
}


def consent(app: str, user: str, scopes: Iterable[str], asked: Mapping[str, str]) -> str:
    """Return the page that asks for consent; its form sends back what was *asked* and the answer."""
    rights = "".join(f"<li>{escape(_MEANINGS[scope])}</li>" for scope in sorted(scopes, key=list(_MEANINGS).index))
    hidden = "".join(
        f'<input type="hidden" name="{escape(name)}" value="{escape(value)}">' for name, value in asked.items()
    )
    may = f"<p>It will be able to:</p><ul>{rights}</ul>" if rights else "<p>It will only see your public profile.</p>"
    return _page(
        f"{app} asks for access",
        f"""<p>You are signed in as <strong>{escape(user)}</strong>.</p>
{may}
<form method="post" action="/authorize">{hidden}
<button name="answer" value="agree">Agree</button>
<button name="answer" value="cancel">Cancel</button>
</form>""",
    )


def refusal(message: str) -> str:
    """Return the page for a request that cannot even be answered by a redirect."""
    return _page("This sign-in cannot go on", f"<p>{escape(message)}</p><p>Go back to the app that sent you here.</p>")


def _page(title: str, content: str) -> str:
    return f"""<!doctype html>
<html lang="en">
<head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>{escape(title)}</title><style>{_STYLE}</style></head>
<body><main>
<small>Sandbox: no real account is involved</small>
<h1>{escape(title)}</h1>
{content}
</main></body>
</html>
"""
