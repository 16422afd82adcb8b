"""Fail unless the modules that decide what is added are covered to the last line and branch."""

import sys
from typing import Final

from coverage import Coverage

WHOLE: Final = (
    "syncer/allowance.py",
    "syncer/appending.py",
    "syncer/aws.py",
    "syncer/cache.py",
    "syncer/chronicle.py",
    "syncer/checkup.py",
    "syncer/config.py",
    "syncer/credentials.py",
    "syncer/diary.py",
    "syncer/forms.py",
    "syncer/ids.py",
    "syncer/library.py",
    "syncer/planner.py",
    "syncer/reading.py",
    "syncer/recalling.py",
    "syncer/report.py",
    "syncer/run.py",
    "syncer/secretsmanager.py",
    "syncer/service.py",
    "syncer/shelf.py",
    "syncer/state/dynamodb.py",
    "syncer/state/nothing.py",
    "syncer/state/rows.py",
    "syncer/state/sqlite.py",
    "syncer/spotify/transport.py",
    "syncer/tracklist.py",
    "syncer/undoing.py",
)


def main() -> int:
    """Print what is missing where nothing may be; 0 if nothing is."""
    coverage = Coverage()
    coverage.load()
    covered = coverage.report(include=list(WHOLE), show_missing=True, skip_covered=True)
    if covered < 100:  # noqa: PLR2004 - per cent
        return 1
    print("every line and branch of", ", ".join(WHOLE), "was run")
    return 0


if __name__ == "__main__":
    sys.exit(main())
