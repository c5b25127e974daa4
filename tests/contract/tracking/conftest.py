"""A server of each test's own, over every kind of database."""

from collections.abc import AsyncGenerator
from pathlib import Path

import pytest

from tests.contract.backends import BACKENDS, Backend
from tests.contract.tracking.serving import Tracking, serving


@pytest.fixture(params=BACKENDS, ids=lambda backend: backend.name)
def backend(request: pytest.FixtureRequest) -> Backend:
    """Every kind of database."""
    chosen: Backend = request.param
    return chosen


@pytest.fixture
async def tracking(backend: Backend, tmp_path: Path) -> AsyncGenerator[Tracking]:
    """A server over an empty database of its own."""
    async with serving(backend, tmp_path) as served:
        yield served
