"""A server of each test's own, over every kind of database."""

import asyncio
import contextlib
from collections.abc import AsyncGenerator
from pathlib import Path

import pytest

from tests.contract.artifacts.serving import Served, served
from tests.contract.backends import Backend, backend, postgres_template

__all__ = ["backend", "postgres_template", "serving"]


@pytest.fixture
async def serving(backend: Backend, tmp_path: Path) -> AsyncGenerator[Served]:
    """A server with one run, whose number is 1, and nothing else."""
    async with served(backend, tmp_path) as serving:
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
