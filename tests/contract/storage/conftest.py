"""An empty database of each test's own, of every kind."""

from collections.abc import AsyncGenerator
from pathlib import Path

import pytest

from runstream_server.storage.database import Database
from tests.contract.backends import BACKENDS, Backend


@pytest.fixture(params=BACKENDS, ids=lambda backend: backend.name)
async def database(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncGenerator[Database]:
    """An empty database."""
    backend: Backend = request.param
    async with backend.open(tmp_path) as opened:
        yield opened
