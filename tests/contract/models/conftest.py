"""A whole server of each test's own, over every kind of database."""

from collections.abc import AsyncGenerator
from pathlib import Path

import pytest

from tests.contract.backends import Backend, backend, postgres_pool, shared_backend
from tests.contract.models.serving import Models, serving

__all__ = ["backend", "models", "postgres_pool", "shared_backend"]


@pytest.fixture
async def models(backend: Backend, tmp_path: Path) -> AsyncGenerator[Models]:
    """A server over an empty database."""
    async with serving(backend, tmp_path) as served:
        yield served
