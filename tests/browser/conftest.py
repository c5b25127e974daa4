"""Tests of the web UI, in a real browser on a real server."""

from pathlib import Path

import pytest
from tests.support.browser import browser, client, open_ui, page, ui
from tests.support.streaming import start_job

__all__ = ["browser", "client", "open_ui", "page", "start_job", "ui"]

HERE = Path(__file__).parent
TIMEOUT_S = 300


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if item.path.is_relative_to(HERE):
            item.add_marker(pytest.mark.browser)
            if item.get_closest_marker("timeout") is None:
                item.add_marker(pytest.mark.timeout(TIMEOUT_S))
