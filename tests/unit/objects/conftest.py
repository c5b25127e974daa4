from __future__ import annotations

import asyncio
import gc
import threading
from collections.abc import AsyncGenerator
from pathlib import Path

import pytest
from tests.support.s3 import S3Server
from tests.unit.objects.backends import Backend, FolderBackend, S3Backend

from runstream_server.objects.base import ObjectStore


@pytest.fixture(params=["folder", "s3"])
def backend(request: pytest.FixtureRequest, tmp_path: Path) -> Backend:
    if request.param == "folder":
        return FolderBackend(tmp_path / "objects")
    server: S3Server = request.getfixturevalue("s3_environment")
    return S3Backend(server.destination())


@pytest.fixture
async def store(backend: Backend) -> AsyncGenerator[ObjectStore]:
    gc.collect()  # what earlier tests left is closed whenever it is collected
    descriptors = _open_descriptors()

    async with backend.new_store() as store:
        yield store

    assert asyncio.all_tasks() <= {asyncio.current_task()}
    assert _open_descriptors() <= descriptors
    assert not [t.name for t in threading.enumerate() if t.name.startswith("object-store")]


def _open_descriptors() -> int:
    return sum(1 for _ in Path("/dev/fd").iterdir())
