"""Counts what passes on its way to a stand-in for AWS."""

import http.client
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Self
from urllib.parse import urlsplit


class Turnstile:
    """A door to the AWS at *url* that remembers each call."""

    def __init__(self, url: str) -> None:
        self._server = _Server(urlsplit(url).netloc)
        self.url = f"http://127.0.0.1:{self._server.server_port}"

    @property
    def calls(self) -> list[str]:
        """The names of the calls so far."""
        return self._server.calls

    def __enter__(self) -> Self:
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._server.server_close()


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, behind: str) -> None:
        self.behind = behind
        self.calls: list[str] = []
        super().__init__(("127.0.0.1", 0), _Handler)


class _Handler(BaseHTTPRequestHandler):
    server: _Server

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the name is the base class's
        """Print nothing."""

    def do_POST(self) -> None:
        self.server.calls.append(self.headers["X-Amz-Target"].rpartition(".")[2])
        body = self.rfile.read(int(self.headers["Content-Length"]))
        behind = http.client.HTTPConnection(self.server.behind)
        behind.request("POST", self.path, body, {**self.headers, "Host": self.server.behind})
        answer = behind.getresponse()
        content = answer.read()
        behind.close()
        self.send_response(answer.status)
        self.send_header("Content-Type", answer.headers["Content-Type"])
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)
