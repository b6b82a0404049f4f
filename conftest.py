"""What the suites of tests cost, and their order: the longest files first.

A suite is a folder below ``tests``, the packages' own tests, or a file that stands alone. At the
end of a run each is shown with the processor seconds that it took, beside its budget of
``docs/ci.md``; more than that is a warning, and no failure.
"""

from __future__ import annotations

import os
import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

PAGE = Path(__file__).parent / "docs" / "ci.md"
MARKS = ("bench", "faults", "journeys")  # suites that are a mark as well
SLOW = 1.0  # processor seconds of a test from which it is to be marked; twice so many on a busy machine
LONG = ("slow", "faults", "bench")  # what make quick leaves out
_spent: Counter[str] = Counter()  # by suite, in the process that reports
_quick: Counter[str] = Counter()  # by test, of those that make quick runs
_before = 0.0


def suite_of(path: str) -> str:
    """Return the suite of a test's path from the root."""
    parts = path.split("/")
    return "/".join(parts[:2]) if parts[0] == "tests" else parts[0]


def budgets() -> dict[str, float]:
    """Read from the page how many processor seconds each suite may take."""
    rows = re.findall(
        r"^\| `([^`]+)` \|[^|]+\| +([0-9]+) \|", PAGE.read_text("utf-8"), re.MULTILINE
    )
    return {suite: float(seconds) for suite, seconds in rows}


def processor_seconds() -> float:
    """Return what this process has used, and all that it started and that has ended."""
    used = os.times()
    return used.user + used.system + used.children_user + used.children_system


@pytest.hookimpl(tryfirst=True)  # marks are there when tests are chosen by them
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark what belongs to a suite; files that take long come first, so that none is begun last."""
    weights: Counter[str] = Counter()
    said: set[tuple[str, int]] = set()  # a mark of a whole file counts once
    for item in items:
        file = item.nodeid.partition("::")[0]
        suite = suite_of(file).rpartition("/")[2]
        if suite in MARKS:
            item.add_marker(suite)
        slow = item.get_closest_marker("slow")
        if slow and slow.kwargs:
            weights[file] += 0 if (file, id(slow)) in said else slow.kwargs["seconds"]
            said.add((file, id(slow)))
        elif any(item.get_closest_marker(name) for name in LONG):
            weights[file] += 2 * SLOW
    items.sort(key=lambda item: -weights[item.nodeid.partition("::")[0]])


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol() -> Iterator[None]:
    """Begin a test; what was collected and loaded before belongs to none."""
    global _before  # noqa: PLW0603 - a process runs one test at a time
    _before = processor_seconds()
    return (yield)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Iterator[None]:
    """Send what this part of a test took with its report, from whichever process it comes."""
    global _before
    report: Any = yield
    now = processor_seconds()
    report.processor_seconds, _before = now - _before, now
    report.is_long = any(item.get_closest_marker(name) for name in LONG)
    return report


@pytest.hookimpl(trylast=True)
def pytest_configure(config: pytest.Config) -> None:
    """Let one process add up."""
    if not hasattr(config, "workerinput"):
        config.pluginmanager.register(Sums())


class Sums:
    """The processor seconds of a run."""

    def pytest_runtest_logreport(self, report: Any) -> None:
        """Add a part of a test that has ended."""
        if not hasattr(report, "processor_seconds"):
            return  # its process has crashed, and nobody knows
        _spent[suite_of(report.nodeid.partition("::")[0])] += report.processor_seconds
        if not report.is_long:
            _quick[report.nodeid] += report.processor_seconds

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        """Show each suite beside its budget."""
        allowed = budgets()
        terminalreporter.section("processor seconds of each suite, and its budget in docs/ci.md")
        for suite, seconds in sorted(_spent.items()):
            budget = allowed.get(suite)
            line = (
                f"{suite:<24} {seconds:7.1f} s of {'none' if budget is None else f'{budget:4.0f}'}"
            )
            over = budget is None or seconds > budget
            terminalreporter.write_line(f"{line}   OVER ITS BUDGET" if over else line, yellow=over)
        for test, seconds in _quick.most_common():
            if seconds > 2 * SLOW:
                terminalreporter.write_line(
                    f"not marked as slow: {seconds:.1f} s {test}", yellow=True
                )
