from __future__ import annotations

import asyncio
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from tests.unit.objects.backends import at, get, names, new_upload_id, sha256
from tests.unit.objects.crashing_upload import CHUNK_BYTES, DATA

from runstream_server.objects.base import ObjectInfo
from runstream_server.objects.errors import UploadBusy, UploadCommitted
from runstream_server.objects.folder import FolderStore

REPOSITORY = Path(__file__).parents[3]
SCRIPT = "tests.unit.objects.crashing_upload"


async def crash(root: Path, upload_id: str, place: str) -> list[str]:
    """Runs the script until it dies where it was told to; returns what it printed."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        *("-m", SCRIPT, str(root), upload_id, place),
        cwd=REPOSITORY,
        stdout=subprocess.PIPE,
    )
    printed, _ = await process.communicate()
    assert process.returncode == -signal.SIGKILL
    return printed.decode().split()


async def finish(store: FolderStore, upload_id: str) -> ObjectInfo:
    async with await store.open_upload(upload_id, at("f/a")) as upload:
        assert upload.offset % CHUNK_BYTES == 0 or upload.offset == len(DATA)
        while upload.offset < len(DATA):
            await upload.append(DATA[upload.offset : upload.offset + CHUNK_BYTES])
        assert (await upload.digest()).sha256 == sha256(DATA)
        return await upload.commit()


@pytest.mark.parametrize("place", ["chunk:1", "chunk:7", "chunk:7:sync", "object.before_rename"])
async def test_an_upload_killed_on_the_way_resumes_and_is_whole(tmp_path: Path, place: str) -> None:
    upload_id = new_upload_id()

    printed = await crash(tmp_path, upload_id, place)

    async with FolderStore(tmp_path) as store:
        assert await names(store) == []
        status = await store.upload_status(upload_id)
        assert status.durable_offset >= int(printed[-1])
        if place == "object.before_rename":
            assert status.durable_offset == len(DATA)
        info = await finish(store, upload_id)
        assert info.digest is not None
        assert info.digest.sha256 == sha256(DATA)
        assert await get(store, "f/a") == DATA


async def test_an_upload_killed_right_after_the_rename_is_committed(tmp_path: Path) -> None:
    upload_id = new_upload_id()

    await crash(tmp_path, upload_id, "object.after_rename")

    async with FolderStore(tmp_path) as store:
        assert await get(store, "f/a") == DATA
        with pytest.raises(UploadCommitted) as raised:
            await store.open_upload(upload_id, at("f/a"))
        status = await store.upload_status(upload_id)
        assert status.committed == raised.value.info
        assert raised.value.info.digest is not None
        assert raised.value.info.digest.sha256 == sha256(DATA)
        assert raised.value.info.size_bytes == len(DATA)
        stat = await store.stat(at("f/a"))
        assert stat.modify_time_us == raised.value.info.modify_time_us
        assert await store.sweep_uploads(0) == (upload_id,)
        assert await get(store, "f/a") == DATA


async def test_an_upload_killed_again_and_again_gets_through(tmp_path: Path) -> None:
    upload_id = new_upload_id()
    offsets = [int((await crash(tmp_path, upload_id, "chunk:4:sync"))[-1]) for _ in range(4)]

    async with FolderStore(tmp_path) as store:
        await finish(store, upload_id)
        assert await get(store, "f/a") == DATA

    assert offsets == [CHUNK_BYTES * 4 * n for n in range(1, 5)]


async def test_an_upload_that_another_process_holds_is_busy(tmp_path: Path) -> None:
    upload_id = new_upload_id()
    holder = await asyncio.create_subprocess_exec(
        sys.executable,
        *("-m", SCRIPT, str(tmp_path), upload_id, "hold"),
        cwd=REPOSITORY,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    try:
        assert holder.stdout is not None
        while (await holder.stdout.readline()) != b"held\n":
            pass
        async with FolderStore(tmp_path) as store:
            with pytest.raises(UploadBusy, match="another process"):
                await store.open_upload(upload_id, at("f/a"))
            with pytest.raises(UploadBusy):
                await store.upload_status(upload_id)
            with pytest.raises(UploadBusy):
                await store.discard_upload(upload_id)
            assert await store.sweep_uploads(0) == ()

            holder.kill()
            await holder.wait()

            await finish(store, upload_id)
            assert await get(store, "f/a") == DATA
    finally:
        if holder.returncode is None:
            holder.kill()
        await holder.communicate()
