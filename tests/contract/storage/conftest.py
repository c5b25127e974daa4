"""An empty database of each test's own, of every kind."""

from collections.abc import AsyncGenerator
from pathlib import Path

import pytest

from runstream_server.storage.database import Database
from tests.contract.backends import Backend, backend, postgres_pool

__all__ = ["backend", "database", "postgres_pool"]


@pytest.fixture
async def database(backend: Backend, tmp_path: Path) -> AsyncGenerator[Database]:
    """An empty database."""
    async with backend.open(tmp_path, bare=True) as opened:
        yield opened
