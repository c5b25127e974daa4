"""A server that a test can make misbehave, and a spool."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from tests.integration.ship.fake_server import FakeServer, running


@pytest.fixture
async def fake() -> AsyncIterator[FakeServer]:
    """A server in the test's own event loop."""
    async with running(FakeServer()) as server:
        yield server


@pytest.fixture
def spool(tmp_path: Path) -> Path:
    """The folder of a spool, which is not there yet."""
    return tmp_path / "spool"
