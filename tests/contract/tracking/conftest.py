"""A server of each test's own, over every kind of database."""

from collections.abc import AsyncGenerator
from pathlib import Path

import pytest

from tests.contract.backends import Backend, backend, postgres_pool
from tests.contract.tracking.serving import Tracking, serving

__all__ = ["backend", "postgres_pool", "tracking"]


@pytest.fixture
async def tracking(backend: Backend, tmp_path: Path) -> AsyncGenerator[Tracking]:
    """A server over an empty database of its own."""
    async with serving(backend, tmp_path) as served:
        yield served
