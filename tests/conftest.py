"""What holds for every test."""

from pathlib import Path

import pytest

pytest_plugins = ["tests.support.server", "tests.support.telling"]

FAULTS = Path(__file__).parent / "faults"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if item.path.is_relative_to(FAULTS):
            item.add_marker(pytest.mark.faults)
