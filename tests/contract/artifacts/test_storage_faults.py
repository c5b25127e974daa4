"""When the disk is full or broken: what is told, and that uploads go on once it is not."""

import asyncio
import errno
import os
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import grpc
import pytest

from tests.contract.artifacts.serving import (
    CHUNK_BYTES,
    DEADLINE_S,
    Served,
    chunk,
    chunks,
    finish,
    new_upload_id,
    served,
    some_bytes,
    spec,
)
from tests.contract.backends import Backend
from tests.support.calls import retry_delay_s

DATA = some_bytes(6 * CHUNK_BYTES)


@pytest.fixture
def serving(folder_serving: Served) -> Served:
    """Each chunk of its own is durable in a folder alone."""
    return folder_serving


def failing(code: int) -> Callable[..., Any]:
    def fail(*_: object, **__: object) -> None:
        raise OSError(code, os.strerror(code))

    return fail


async def test_an_upload_that_cannot_fit_is_refused_at_once(serving: Served) -> None:
    refusal = await serving.refused(serving.send(spec("a", new_upload_id(), size_bytes=2**62)))

    assert refusal.reason == "STORAGE_FULL"
    assert await serving.staged() == []


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EDQUOT])
async def test_a_disk_that_fills_up_stops_the_upload_and_shows_nothing_of_it(
    serving: Served, monkeypatch: pytest.MonkeyPatch, code: int
) -> None:
    upload_id, half = new_upload_id(), 3 * CHUNK_BYTES
    await serving.put("a", b"old")
    await serving.send(spec("a", upload_id), *chunks(DATA[:half]))

    with monkeypatch.context() as patch:
        patch.setattr(os, "pwrite", failing(code))
        refusal = await serving.refused(
            serving.send(spec("a", upload_id), *chunks(DATA, half), finish(DATA))
        )

    assert refusal.reason == "STORAGE_FULL"
    assert await serving.get("a") == b"old"
    assert (await serving.upload(upload_id)).durable_offset == half
    await serving.send(spec("a", upload_id), *chunks(DATA, half), finish(DATA))
    assert await serving.get("a") == DATA


async def test_a_disk_that_fails_is_told_as_such_and_the_upload_goes_on_later(
    serving: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    upload_id = new_upload_id()
    with monkeypatch.context() as patch:
        patch.setattr(os, "rename", failing(errno.EIO))
        with pytest.raises(grpc.RpcError) as caught:
            await serving.send(spec("a", upload_id), *chunks(DATA), finish(DATA))

    assert caught.value.code() is grpc.StatusCode.UNAVAILABLE
    assert retry_delay_s(caught.value) == 1.0
    assert await serving.paths() == []
    offset = (await serving.upload(upload_id)).durable_offset
    answer = await serving.send(spec("a", upload_id), *chunks(DATA, offset), finish(DATA))
    assert answer.upload.complete


async def test_an_upload_that_another_process_holds_is_told_to_come_again(
    backend: Backend, tmp_path: Path
) -> None:
    upload_id = new_upload_id()
    async with served(backend, tmp_path) as one, served(backend, tmp_path) as other:
        await one.run()
        call = await one.begin(spec("a", upload_id), chunk(b"data"))
        await one.durable(upload_id, 4)

        for busy in (other.send(spec("a", upload_id)), other.upload(upload_id)):
            assert (await other.refused(busy)).reason == "STORAGE_UNAVAILABLE"

        await call.write(finish(b"data"))
        assert (await call).upload.complete
        assert (await other.send(spec("a", upload_id))).upload.complete


async def test_what_is_left_of_a_complete_upload_does_not_fail_it(
    serving: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    upload_id = new_upload_id()

    with monkeypatch.context() as patch:
        patch.setattr(os, "rmdir", failing(errno.EIO))
        answer = await serving.send(spec("a", upload_id), chunk(b"data"), finish(b"data"))

    assert answer.upload.complete
    assert await serving.staged() == [upload_id]
    assert (await serving.send(spec("a", upload_id))) == answer


def make_old(folder: Path, age_s: float) -> None:
    for path in (*folder.iterdir(), folder):
        time_s = path.stat().st_mtime - age_s
        os.utime(path, (time_s, time_s))


async def test_an_upload_that_nobody_continues_for_a_day_is_discarded(
    backend: Backend, tmp_path: Path
) -> None:
    abandoned, young = new_upload_id(), new_upload_id()
    async with served(backend, tmp_path) as serving:
        await serving.run()
        for upload_id in (abandoned, young):
            await serving.send(spec("a", upload_id), *chunks(DATA))
        area = serving.folder / ".uploads"
    make_old(area / abandoned, 24 * 3600 + 60)
    make_old(area / young, 23 * 3600)

    async with served(backend, tmp_path) as serving:
        while abandoned in await serving.staged():
            await serving.page()

        assert await serving.staged() == [young]
        refusal = await serving.refused(serving.upload(abandoned))
        assert refusal.reason == "UPLOAD_NOT_FOUND"
        assert (await serving.upload(young)).durable_offset == len(DATA)


async def test_an_upload_that_is_under_way_is_never_discarded(
    backend: Backend, tmp_path: Path
) -> None:
    upload_id = new_upload_id()
    async with served(backend, tmp_path) as serving:
        await serving.run()
        call = await serving.begin(spec("a", upload_id), chunk(b"data"))
        await serving.durable(upload_id, 4)
        make_old(serving.folder / ".uploads" / upload_id, 48 * 3600)

        swept = await serving.objects.sweep_uploads(24 * 3600)

        assert swept == ()
        await call.write(finish(b"data"))
        assert (await call).upload.complete


async def test_a_sender_that_is_faster_than_the_disk_waits_for_it(
    serving: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    write, disk_works = os.pwrite, threading.Event()
    data = some_bytes(64 << 20)
    written = 0

    def slow_write(fd: int, content: bytes, offset: int) -> int:
        assert disk_works.wait(DEADLINE_S)
        return write(fd, content, offset)

    async def send() -> None:
        nonlocal written
        for one in chunks(data, size_bytes=1 << 20):
            await call.write(one)
            written += 1

    with monkeypatch.context() as patch:
        patch.setattr(os, "pwrite", slow_write)
        call = await serving.begin(spec("a"))
        sending = asyncio.create_task(send())
        seen = -1
        while written > seen:
            seen = written
            for _ in range(20):
                await serving.page()
        disk_works.set()
        await sending
        await call.write(finish(data))

        assert (await call).upload.complete
    assert seen < 32
