"""Runs an artifact the way Lambda does: AWS's own runtime client, a read-only folder, a Runtime API on loopback."""

import json
import os
import queue
import subprocess
import threading
import time
import uuid
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import TracebackType
from typing import Any, Self

API = "/2018-06-01/runtime/"
FIRST_ANSWER = 30.0
HANDLER = "syncer.handler.lambda_handler"


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What the function answered, or the error it raised; ``left`` seconds before its time was up."""

    failed: bool
    body: Any
    left: float


@dataclass(frozen=True, slots=True, kw_only=True)
class _Event:
    id: str
    body: Any
    deadline: float


class _RuntimeApi(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self) -> None:
        self.events: queue.Queue[_Event] = queue.Queue()
        self.answers: queue.Queue[tuple[str, Any]] = queue.Queue()
        super().__init__(("127.0.0.1", 0), _Handler)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say nothing: the runtime hangs up when it is ended."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True  # or an event waits for the runtime to acknowledge its headers
    server: _RuntimeApi

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the name is the base class's
        """Print nothing."""

    def do_GET(self) -> None:
        assert self.path == API + "invocation/next", self.path
        event = self.server.events.get()
        self._reply(
            200,
            json.dumps(event.body).encode(),
            {
                "Lambda-Runtime-Aws-Request-Id": event.id,
                "Lambda-Runtime-Deadline-Ms": str(int(event.deadline * 1000)),
                "Lambda-Runtime-Invoked-Function-Arn": "arn:aws:lambda:eu-west-1:123456789012:function:sync",
                "Lambda-Runtime-Trace-Id": "Root=1-00000000-000000000000000000000000;Sampled=0",
            },
        )

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.answers.put((self.path.removeprefix(API), json.loads(body or b"null")))
        self._reply(202, b"{}", {})

    def _reply(self, status: int, body: bytes, headers: Mapping[str, str]) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


def unpack(artifact: Path, task: Path) -> Path:
    """Unpack *artifact* into *task*, where nothing can be written then, as in /var/task; return *task*."""
    with zipfile.ZipFile(artifact) as archive:
        archive.extractall(task)
    for path in task.rglob("*"):
        path.chmod(0o555)
    return task


class Lambda:
    """*artifact*, unpacked below *folder* unless it is unpacked already, started with nothing but what Lambda gives."""

    def __init__(
        self, artifact: Path, folder: Path, *, python: Path, environment: Mapping[str, str], handler: str = HANDLER
    ) -> None:
        task = artifact if artifact.is_dir() else unpack(artifact, folder / "task")
        self._log = folder / "log"
        self._api = _RuntimeApi()
        threading.Thread(target=self._api.serve_forever, args=(0.05,), daemon=True).start()
        with self._log.open("w") as out:
            self._process = subprocess.Popen(  # noqa: S603 - our own command
                [python, "-m", "awslambdaric", handler],
                cwd=task,
                env=self._given(task, folder) | {"_HANDLER": handler} | dict(environment),
                stdout=out,
                stderr=subprocess.STDOUT,
            )

    def _given(self, task: Path, home: Path) -> dict[str, str]:
        return {
            "AWS_DEFAULT_REGION": "eu-west-1",
            "AWS_EXECUTION_ENV": "AWS_Lambda_python3.13",
            "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "512",
            "AWS_LAMBDA_FUNCTION_NAME": "sync",
            "AWS_LAMBDA_FUNCTION_VERSION": "$LATEST",
            "AWS_LAMBDA_INITIALIZATION_TYPE": "on-demand",
            "AWS_LAMBDA_LOG_FORMAT": "JSON",
            "AWS_LAMBDA_LOG_GROUP_NAME": "/aws/lambda/sync",
            "AWS_LAMBDA_LOG_LEVEL": "INFO",
            "AWS_LAMBDA_LOG_STREAM_NAME": "stream",
            "AWS_LAMBDA_RUNTIME_API": f"127.0.0.1:{self._api.server_port}",
            "AWS_REGION": "eu-west-1",
            "HOME": str(home),
            "LAMBDA_TASK_ROOT": str(task),
            "LANG": "en_US.UTF-8",
            "PATH": os.defpath,
            "PYTHONDONTWRITEBYTECODE": "1",
            "PYTHONPATH": str(task),
            "TZ": ":UTC",
        }

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._process.terminate()
        self._process.wait(10)
        self._api.shutdown()
        self._api.server_close()

    def invoke(self, event: Any, *, seconds: float = 600) -> Answer:
        """Hand over *event* with *seconds* until the function would be ended."""
        deadline = time.time() + seconds
        self._api.events.put(_Event(id=str(uuid.uuid4()), body=event, deadline=deadline))
        try:
            where, body = self._api.answers.get(timeout=min(seconds, FIRST_ANSWER))
        except queue.Empty:
            raise AssertionError(f"no answer:\n{self.log}") from None
        assert where != "init/error", body
        return Answer(failed=where.endswith("/error"), body=body, left=deadline - time.time())

    @property
    def log(self) -> str:
        """All that it logged so far."""
        return self._log.read_text()

    def records(self, message: str) -> list[dict[str, Any]]:
        """The lines of the log so far that say *message*."""
        lines = [json.loads(line) for line in self.log.splitlines() if line.startswith("{")]
        return [line for line in lines if line.get("message") == message]
