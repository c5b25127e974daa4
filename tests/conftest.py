"""What holds for every test."""

import signal
from pathlib import Path

import pytest

pytest_plugins = [
    "tests.support.postgres",
    "tests.support.s3",
    "tests.support.server",
    "tests.support.telling",
]

FAULTS = Path(__file__).parent / "faults"

if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    # Shells start what they run in the background deaf to Ctrl-C, and children inherit that.
    signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if item.path.is_relative_to(FAULTS):
            item.add_marker(pytest.mark.faults)
