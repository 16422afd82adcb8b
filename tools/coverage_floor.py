"""Fail unless the modules that decide what is added are covered to the last line and branch."""

import sys
from typing import Final

from coverage import Coverage

WHOLE: Final = (
    "syncer/allowance.py",
    "syncer/appending.py",
    "syncer/aws.py",
    "syncer/cache.py",
    "syncer/checkup.py",
    "syncer/chronicle.py",
    "syncer/closing.py",
    "syncer/config.py",
    "syncer/credentials.py",
    "syncer/deciding.py",
    "syncer/diary.py",
    "syncer/dispatching.py",
    "syncer/fleet.py",
    "syncer/forms.py",
    "syncer/gathering.py",
    "syncer/grouping.py",
    "syncer/ids.py",
    "syncer/leasing.py",
    "syncer/library.py",
    "syncer/matching.py",
    "syncer/part.py",
    "syncer/planner.py",
    "syncer/reading.py",
    "syncer/recalling.py",
    "syncer/recordings.py",
    "syncer/report.py",
    "syncer/rules.py",
    "syncer/run.py",
    "syncer/secretsmanager.py",
    "syncer/selecting.py",
    "syncer/service.py",
    "syncer/shelf.py",
    "syncer/spotify/transport.py",
    "syncer/sqs.py",
    "syncer/state/dynamodb.py",
    "syncer/state/nothing.py",
    "syncer/state/rows.py",
    "syncer/state/sqlite.py",
    "syncer/titles.py",
    "syncer/tracklist.py",
    "syncer/turns.py",
    "syncer/undoing.py",
    "syncer/vocabulary.py",
    "syncer/working.py",
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
