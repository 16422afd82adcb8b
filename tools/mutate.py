"""Break the modules that decide what is added, one small change at a time, and fail if the tests see too few of them.

Works on a copy in build/mutate, where a second run measures only what has changed.
"""

import os
import shutil
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).parent.parent
COPY: Final = ROOT / "build" / "mutate"
PARTS: Final = ("syncer", "tests", "schemas", "config")
LEAST: Final = 95
"""Per cent of the mutants of each module that a test must notice."""
NOTICED: Final = {"killed", "timeout", "segfault"}


def copy() -> None:
    """Bring the copy up to date; what is gone from the checkout is gone from it too."""
    for part in PARTS:
        shutil.rmtree(COPY / part, ignore_errors=True)
        shutil.copytree(ROOT / part, COPY / part, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "pyproject.toml", COPY)


def mutmut(*arguments: str, **options: bool) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, "-m", "mutmut", *arguments]
    return subprocess.run(command, cwd=COPY, check=True, text=True, **options)  # type: ignore[call-overload, no-any-return] # noqa: S603 - ours


def measured() -> tuple[dict[str, Counter[str]], list[str]]:
    """Return how many mutants of each module ended in each way, and the names of those that nothing noticed."""
    ended: dict[str, Counter[str]] = {}
    survivors = []
    for line in mutmut("results", "--all", "true", capture_output=True).stdout.splitlines():
        mutant, _, status = line.strip().rpartition(": ")
        if mutant:
            ended.setdefault(mutant.rpartition(".")[0], Counter())[status] += 1
            survivors += [] if status in NOTICED else [f"{mutant} ({status})"]
    return ended, survivors


def main() -> int:
    """Print what each module's tests are worth; 0 if that is enough everywhere."""
    copy()
    mutmut("run", "--max-children", str(os.cpu_count() or 1))
    ended, survivors = measured()
    print(*survivors, sep="\n")
    good = bool(ended)
    for module, counts in sorted(ended.items()):
        killed = sum(counts[status] for status in NOTICED)
        share = 100 * killed / counts.total()
        good = good and share >= LEAST
        print(f"{module:26} {killed:4} of {counts.total():4} killed: {share:5.1f} %")
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
