"""The kept record as one page for a browser: it loads nothing, and no name in it can do anything (fault model X4)."""

import base64
import hashlib
import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta
from html import escape
from pathlib import Path
from string import Template
from typing import Final

from syncer import ids, report
from syncer.allowance import DAILY_REQUESTS, Allowance
from syncer.cache import Cache
from syncer.chronicle import Happened, History
from syncer.errors import SyncError
from syncer.model import Account, Config, Reason, SignIn
from syncer.ports import CredentialStore, StateStore

LATEST: Final = 50
"""Additions that are listed one by one."""
MOST_PAIRS: Final = 50
"""Pairs with a chart of their own: those that brought something last."""
LEAST_WEEKS, MOST_WEEKS = 26, 20 * 53
"""Weeks that charts reach back: enough to read, and no more if a clock was once wrong by centuries."""
LONGEST_NAME: Final = 200
"""Letters of a name that are shown."""
WEEK: Final = timedelta(weeks=1)
_ASSETS: Final = Path(__file__).parent / "assets"


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """All that the page shows."""

    history: History
    left_out: Mapping[str, Mapping[Reason, int]]
    """By pair, in the config's order: what it skipped when it was last through with everything."""
    sign_ins: tuple[SignIn, ...]
    made_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class _Card:
    """A pair as the page shows it."""

    name: str
    weeks: Mapping[date, int]
    left_out: Mapping[Reason, int]


def gather(
    history: History,
    settings: Config,
    state: StateStore,
    *,
    stores: Callable[[Account], CredentialStore],
    now: datetime,
) -> Facts:
    """Return *history* with what else the page shows; credentials that cannot be had leave their account undated."""
    cache = Cache(state)
    marks = cache.index().marks
    return Facts(
        history=history,
        left_out={pair.name: marks[pair.name].skipped if pair.name in marks else {} for pair in settings.pairs},
        sign_ins=tuple(_sign_ins(settings.accounts, cache, stores, now)),
        made_at=now,
    )


def _sign_ins(
    accounts: Iterable[Account], cache: Cache, stores: Callable[[Account], CredentialStore], now: datetime
) -> Iterator[SignIn]:
    allowances: dict[str, Allowance] = {}
    found: list[tuple[SignIn, Allowance | None]] = []
    for account in accounts:
        store = stores(account)
        sign_in = SignIn(account=account.name, login_option=store.login_option)
        try:
            credentials = store.load().credentials
        except SyncError:
            found.append((sign_in, None))
            continue
        allowance = allowances.setdefault(credentials.client_id, Allowance())
        allowance.limit_to(account.daily_requests or DAILY_REQUESTS)
        allowance.begin(int(now.timestamp() // 3600), cache.spent(credentials.client_id))
        found.append((replace(sign_in, consented=_day(credentials.authorized_at)), allowance))
    for sign_in, shared in found:  # only now is the lowest limit known of those that share an app
        yield replace(sign_in, requests_today=shared.spent, requests_left=shared.left) if shared else sign_in


def _day(authorized_at: str | None) -> date | None:
    try:
        return date.fromisoformat((authorized_at or "")[:10])
    except ValueError:
        return None


def page(facts: Facts) -> str:
    """Return *facts* as one HTML document, with its style, its script and the charts' library inside it."""
    cards = _cards(facts)
    charted = _charted(cards)
    style = _asset("uPlot.min.css") + _asset("page.css")
    library = f"/*!\n{_asset('LICENSE-uPlot.txt')}*/\n{_asset('uPlot.iife.min.js')}"
    script = _asset("page.js")
    policy = (
        f"default-src 'none'; script-src {_hash(library)} {_hash(script)}; style-src {_hash(style)};"
        " img-src data:; base-uri 'none'; form-action 'none'"
    )
    this_week, made_at = _monday(facts.made_at), facts.made_at.astimezone(UTC)
    return Template(_asset("page.html")).substitute(
        policy=policy,
        style=style,
        library=library,
        script=script,
        data=_data(charted, this_week),
        headline=_headline(facts.history),
        summary=_summary(facts.history),
        accounts="".join(_account(sign_in, made_at.date()) for sign_in in facts.sign_ins),
        pairs="".join(_pair(card, this_week) for card in charted),
        others=_others(cards, charted),
        latest=_latest(facts.history.latest),
        made_at=f"{made_at:%-d %B %Y, %H:%M} UTC",
    )


def _cards(facts: Facts) -> list[_Card]:
    """Return each pair of the config, then each that only the record knows."""
    weeks = {pair.name: {week.monday: week.added for week in pair.weeks} for pair in facts.history.pairs}
    names = dict.fromkeys([*facts.left_out, *weeks])
    return [_Card(name=name, weeks=weeks.get(name, {}), left_out=facts.left_out.get(name, {})) for name in names]


def _monday(moment: datetime) -> date:
    day = moment.astimezone(UTC).date()
    return day - timedelta(days=day.weekday())


def _asset(name: str) -> str:
    return (_ASSETS / name).read_text(encoding="utf-8")


def _hash(content: str) -> str:
    """Return what a policy calls an inline script or style."""
    return f"'sha256-{base64.b64encode(hashlib.sha256(content.encode()).digest()).decode()}'"


def _data(cards: Sequence[_Card], this_week: date) -> str:
    """Return the weeks of *cards* as JSON that can stand inside a script element, for it holds numbers alone."""
    known = min((week for card in cards for week in card.weeks), default=this_week)
    length = min(max((this_week - known) // WEEK + 1, LEAST_WEEKS), MOST_WEEKS)
    weeks = [this_week - number * WEEK for number in reversed(range(length))]
    counts = [[card.weeks.get(week, 0) for week in weeks] for card in cards]
    first = int(datetime.combine(weeks[0], time.min, UTC).timestamp())
    return json.dumps({"first": first, "weeks": length, "pairs": counts}, separators=(",", ":"))


def _charted(cards: Sequence[_Card]) -> list[_Card]:
    """Return those of *cards* that are shown, in their order."""
    newest = sorted(cards, key=lambda card: max(card.weeks, default=date.min), reverse=True)
    chosen = {card.name for card in newest[:MOST_PAIRS]}
    return [card for card in cards if card.name in chosen]


def _headline(history: History) -> str:
    return f"{_many(history.added, 'item')} added" if history.added else "Nothing was added yet"


def _summary(history: History) -> str:
    first = min((week.monday for pair in history.pairs for week in pair.weeks if week.added), default=None)
    if first is None:
        return "Each week brings a bar here, once `syncer run` adds to it."
    return f"by {_many(len(history.pairs), 'pair')} since {first:%B %Y}"


def _many(count: int, word: str) -> str:
    return f"{count:,} {word}" + ("" if count == 1 else "s")


def _account(sign_in: SignIn, today: date) -> str:
    """Return the card of one account: how long its sign-in lasts, and what its app asked of Spotify."""
    warning = report.sign_in_warning(sign_in, today)
    ends = report.sign_in_ends(sign_in.consented) if sign_in.consented else None
    left = (ends - today).days if ends else None
    if left is None:
        figure, mood = "? <small>days until the sign-in ends</small>", "mixed"
    else:
        figure = f"{max(left, 0)} <small>{'day' if left == 1 else 'days'} until the sign-in ends</small>"
        mood = "good" if not warning else "bad" if left <= report.LOUD_DAYS else "mixed"
    lines = [
        f"<h3>{_name(sign_in.account)}</h3>",
        f'<p class="figure {mood}">{figure}</p>',
        f'<p class="small soft">{_requests(sign_in)}</p>',
    ]
    if warning:
        lines.append(f'<p class="small {mood}">{_text(warning)}</p>')
    return f"<article>{''.join(lines)}</article>"


def _requests(sign_in: SignIn) -> str:
    if sign_in.requests_today is None:
        return "Its credentials cannot be read here"
    left = "" if sign_in.requests_left is None else f", {sign_in.requests_left:,} left"
    return f"{sign_in.requests_today:,} requests in the last 24 hours{left}"


def _pair(card: _Card, this_week: date) -> str:
    """Return the card of one pair; its numbers are told in words too, for whoever sees no chart."""
    total, now = sum(card.weeks.values()), card.weeks.get(this_week, 0)
    year = sum(count for week, count in card.weeks.items() if week > this_week - 52 * WEEK)
    left_out = ", ".join(f"{count:,} {report.words(reason)}" for reason, count in card.left_out.items() if count)
    return (
        f"<article><h3>{_name(card.name)}</h3>"
        f'<p class="small soft">{now:,} this week · {year:,} in 52 weeks · {total:,} in all</p>'
        f'<div class="chart" role="img" aria-label="Items a week, as told above"></div>'
        f'<p class="small soft">Left out: {left_out or "nothing, as far as is known"}</p></article>'
    )


def _others(cards: Sequence[_Card], charted: Sequence[_Card]) -> str:
    if len(cards) == len(charted):
        return ""
    brought = [sum(sum(card.weeks.values()) for card in some) for some in (cards, charted)]
    more = _many(len(cards) - len(charted), "more pair")
    return f'<p class="soft">And {more}, which brought {_many(brought[0] - brought[1], "item")}.</p>'


def _latest(latest: Sequence[Happened]) -> str:
    if not latest:
        return '<p class="soft">None yet.</p>'
    return f'<ol class="latest">{"".join(map(_line, latest[:LATEST]))}</ol>'


def _line(happened: Happened) -> str:
    item, at = happened.item, happened.at.astimezone(UTC)
    name = f'<span class="name">{_name(item.name or item.uri or "")}</span>'
    if item.uri and ids.is_addable(item.uri):
        _, kind, number = item.uri.split(":")
        name = f'<a href="https://open.spotify.com/{kind}/{number}" rel="noreferrer">{name}</a>'
    return (
        f"<li{' class=undone' if happened.undone else ''}>{name}"
        f'<time datetime="{at:%Y-%m-%dT%H:%M:%SZ}">{at:%-d %b %Y}</time>'
        f'<span class="by">{_name(", ".join(item.artists))}</span>'
        f'<span class="from">{_name(happened.pair)}{" · undone" if happened.undone else ""}</span></li>'
    )


def _name(name: str) -> str:
    """Return *name* as it can stand in HTML, set apart so that it cannot turn the direction of what is beside it."""
    return f"<bdi>{_text(name if len(name) <= LONGEST_NAME else f'{name[: LONGEST_NAME - 1]}…')}</bdi>"


def _text(text: str) -> str:
    return escape(report.visible(text))
