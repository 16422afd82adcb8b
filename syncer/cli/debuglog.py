"""Where tracebacks go: a file for whoever mends us, and never the terminal."""

import logging
import os
import re
import secrets
from pathlib import Path
from typing import Final

from syncer import bootstrap, report

log = logging.getLogger("syncer")

_SECRET: Final = re.compile(r"(?:(?<=Bearer )|(?<=Basic ))\S+|[A-Za-z0-9_/+=%-]{30,}")
_PLACE: Final = re.compile(r'  File "[^"]*", line \d+, in \S+')
"""A line of a traceback that says where, which is all the use of it."""


class _DebugLog(logging.Handler):
    """Appends to ``debug.log`` in the state folder; the file is made when there is something to say."""

    def emit(self, record: logging.LogRecord) -> None:
        text = "".join(f"{_harmless(line)}\n" for line in self.format(record).split("\n"))
        flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_NOFOLLOW | os.O_NONBLOCK  # a pipe must not hold us
        try:
            path().parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            with os.fdopen(os.open(path(), flags, 0o600), "a", encoding="utf-8", errors="backslashreplace") as file:
                file.write(text)
        except OSError:
            return  # a full disk must not turn one failed pair into a failed run


def _harmless(line: str) -> str:
    """Return *line* without secrets, and without characters that do something where it is shown."""
    return report.visible(line if _PLACE.fullmatch(line) else _SECRET.sub("[hidden]", line))


def path() -> Path:
    """Return where the file is, or would be."""
    return bootstrap.state_folder() / "debug.log"


def start() -> None:
    """Send our warnings and tracebacks to the file, and keep every library's log off the terminal."""
    handler = _DebugLog(level=logging.WARNING)
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(name)s: %(message)s"))
    logging.getLogger().addHandler(logging.NullHandler())
    log.addHandler(handler)
    bootstrap.cap_foreign_loggers()


def caught() -> str:
    """Log the exception being handled and return the sentence that tells a person."""
    bug_id = secrets.token_hex(4)
    log.exception("bug %s", bug_id)  # noqa: LOG004 - called from one
    return f"this is a mistake of ours ({bug_id}); {where()}"


def where() -> str:
    """Return what a person who met a bug can do."""
    if path().exists():
        return f"please report what {path()} says about it"
    return f"{path()} could not be written, so please report what you did"
