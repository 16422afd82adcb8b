"""Adds up what the seeded trials met, over all chunks and workers, and fails where something was hardly met."""

from collections import Counter

import pytest

from tests.promise.stories import FEWEST, KINDS, rare

CHUNKS = 100
MET: Counter[str] = Counter()
SEEN: list[str] = []


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    if report.when != "call":
        return
    for name, value in report.user_properties:
        if name == "met" and isinstance(value, dict):
            MET.update(value)
            SEEN.append(report.nodeid)


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session) -> None:
    if len(SEEN) == CHUNKS and rare(MET, FEWEST):
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    if len(SEEN) == CHUNKS:
        terminalreporter.section(f"met by the seeded trials (each at least {FEWEST} times)")
        for name in KINDS:
            terminalreporter.line(f"{MET[name]:8} {name}", red=MET[name] < FEWEST)
