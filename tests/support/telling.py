"""Figures that tests tell: they stand at the end of the output, whichever process found them."""

from collections.abc import Callable
from typing import TypeAlias

import pytest

__all__ = ["Tell", "pytest_terminal_summary", "tell"]

Tell: TypeAlias = Callable[[str], None]

_NAME = "told"


@pytest.fixture
def tell(record_property: Callable[[str, object], None]) -> Tell:
    """Tells a line."""
    return lambda line: record_property(_NAME, line)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Writes what was told."""
    lines = [
        str(value)
        for reports in terminalreporter.stats.values()
        for report in reports
        if isinstance(report, pytest.TestReport) and report.when == "call"
        for name, value in report.user_properties
        if name == _NAME
    ]
    if lines:
        terminalreporter.section("counted and measured")
        for line in lines:
            terminalreporter.write_line(line)
