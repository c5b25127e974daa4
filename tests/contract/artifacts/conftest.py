"""A server of each test's own, over every kind of database."""

import asyncio
import contextlib
from collections.abc import AsyncGenerator
from pathlib import Path

import pytest

from runstream_server.objects.s3.destination import S3Destination
from tests.contract.artifacts.serving import Served, served
from tests.contract.backends import Backend, backend, postgres_pool
from tests.support.s3 import S3Server

__all__ = ["backend", "destination", "folder_serving", "postgres_pool", "serving"]


@pytest.fixture
def destination(request: pytest.FixtureRequest, backend: Backend) -> S3Destination | None:
    """Where artifacts lie: in a folder beside SQLite, in a bucket beside PostgreSQL."""
    if backend.name == "sqlite":
        return None
    server: S3Server = request.getfixturevalue("s3_environment")
    return server.destination()


@pytest.fixture
async def serving(
    backend: Backend, tmp_path: Path, destination: S3Destination | None
) -> AsyncGenerator[Served]:
    """A server with one run, whose number is 1, and nothing else."""
    async for serving in _serving(backend, tmp_path, destination):
        yield serving


@pytest.fixture
async def folder_serving(backend: Backend, tmp_path: Path) -> AsyncGenerator[Served]:
    """The same with artifacts in a folder in any case."""
    async for serving in _serving(backend, tmp_path, None):
        yield serving


async def _serving(
    backend: Backend, tmp_path: Path, destination: S3Destination | None
) -> AsyncGenerator[Served]:
    async with served(backend, tmp_path, destination=destination) as serving:
        await serving.run()
        yield serving
    names = {task.get_name() for task in asyncio.all_tasks() if task is not asyncio.current_task()}
    assert "upload-sweeper" not in names
    assert not [link for link in _open_files() if str(tmp_path) in link]


def _open_files() -> list[str]:
    found: list[str] = []
    for link in Path("/proc/self/fd").iterdir():
        with contextlib.suppress(OSError):
            found.append(str(link.readlink()))
    return found
