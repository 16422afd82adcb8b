"""Who takes part in a sign-in: someone at a terminal, and a browser without a window."""

import http.client
from dataclasses import dataclass, field
from html.parser import HTMLParser
from urllib.parse import urlencode, urlsplit


@dataclass
class FakePerson:
    """Answers from a list, and remembers what was said."""

    answers: list[str] = field(default_factory=list)
    present: bool = True
    told: list[str] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)

    def tell(self, *lines: str) -> None:
        self.told.extend(lines)

    def explain(self, *lines: str) -> None:
        self.told.extend(lines)

    def ask(self, question: str, *, hidden: bool = False) -> str:
        self.asked.append(f"{question}{' [hidden]' if hidden else ''}")
        return self.answers.pop(0) if self.answers else ""

    @property
    def all_told(self) -> str:
        return "\n".join(self.told)

    @property
    def address(self) -> str:
        """The address that was to be opened."""
        return next(line.strip() for line in self.told if "/authorize?" in line)


class _Form(HTMLParser):
    """The hidden fields of the one form on a page."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.fields: dict[str, str] = {}
        self.feed(page)

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        found = {name: value or "" for name, value in attributes}
        if tag == "input":
            self.fields[found["name"]] = found["value"]


def send(method: str, address: str, form: dict[str, str] | None = None) -> tuple[int, str, str]:
    """Return status, ``Location`` and body of one request."""
    parts = urlsplit(address)
    connection = http.client.HTTPConnection(parts.netloc, timeout=10)
    try:
        headers = {"Content-Type": "application/x-www-form-urlencoded"} if form else {}
        body = urlencode(form).encode() if form else None
        connection.request(method, f"{parts.path}?{parts.query}", body, headers)
        answer = connection.getresponse()
        return answer.status, answer.headers.get("Location", ""), answer.read().decode()
    finally:
        connection.close()


def decide(address: str, answer: str = "agree", *, scope: str | None = None) -> str:
    """Press a button on the consent page at *address*; return where the browser is sent then.

    *scope* stands in for a service that grants less than it was asked for.
    """
    status, _, page = send("GET", address)
    assert status == 200, page
    form = _Form(page).fields | {"answer": answer} | ({} if scope is None else {"scope": scope})
    status, location, page = send("POST", address.partition("?")[0], form)
    assert status == 302, page
    return location


def browse(address: str, answer: str = "agree", *, scope: str | None = None) -> str:
    """Go the whole way, and return the page at its end."""
    status, _, page = send("GET", decide(address, answer, scope=scope))
    assert status == 200, page
    return page
