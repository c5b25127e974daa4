"""A whole server of each test's own."""

from collections.abc import AsyncGenerator
from pathlib import Path

import pytest

from tests.contract.models.serving import Models, serving


@pytest.fixture
async def models(tmp_path: Path) -> AsyncGenerator[Models]:
    """A server over an empty data folder."""
    async with serving(tmp_path) as served:
        yield served
