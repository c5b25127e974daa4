from __future__ import annotations

import asyncio
import random
from contextlib import suppress

import pytest
from tests.unit.objects.backends import at, get, new_upload_id, some_bytes

from runstream_server.objects.base import ObjectStore, Upload
from runstream_server.objects.errors import (
    ObjectNotFound,
    UploadCommitted,
    UploadNotFound,
)

CHUNK = 64 << 10
DATA = some_bytes(16 * CHUNK)


async def send_all(upload: Upload) -> None:
    while upload.offset < len(DATA):
        await upload.append(DATA[upload.offset : upload.offset + CHUNK])
        if upload.offset % (4 * CHUNK) == 0:
            await upload.sync()


async def upload_all(store: ObjectStore, upload_id: str) -> None:
    async with await store.open_upload(upload_id, at("a/b")) as upload:
        await send_all(upload)
        await upload.digest()
        await upload.commit()


@pytest.mark.parametrize("steps", range(0, 60, 3))
async def test_an_upload_cancelled_anywhere_can_be_resumed(store: ObjectStore, steps: int) -> None:
    upload_id = new_upload_id()
    uploading = asyncio.create_task(upload_all(store, upload_id))
    for _ in range(steps):
        await asyncio.sleep(0)
    uploading.cancel()
    await asyncio.wait([uploading])

    with suppress(ObjectNotFound):
        assert await get(store, "a/b") == DATA

    with suppress(UploadCommitted):
        await upload_all(store, upload_id)
    assert await get(store, "a/b") == DATA


async def test_uploads_cancelled_at_random_times_leave_nothing_half(store: ObjectStore) -> None:
    rng = random.Random(5)
    upload_id = new_upload_id()
    for _ in range(40):
        uploading = asyncio.create_task(upload_all(store, upload_id))
        await asyncio.wait([uploading], timeout=rng.uniform(0, 0.02))
        uploading.cancel()
        await asyncio.wait([uploading])
        if not uploading.cancelled() and isinstance(uploading.exception(), UploadCommitted):
            break
        with suppress(UploadNotFound):
            assert (await store.upload_status(upload_id)).durable_offset <= len(DATA)

    with suppress(UploadCommitted):
        await upload_all(store, upload_id)
    assert await get(store, "a/b") == DATA


async def test_an_append_cancelled_under_backpressure_took_all_or_nothing(
    store: ObjectStore,
) -> None:
    upload_id = new_upload_id()
    big = some_bytes(4 << 20)
    async with await store.open_upload(upload_id, at("a")) as upload:
        for _ in range(12):
            before = upload.offset
            appending = asyncio.create_task(upload.append(big))
            await asyncio.sleep(0)
            appending.cancel()
            await asyncio.wait([appending])
            assert upload.offset - before == (0 if appending.cancelled() else len(big))
        count = upload.offset // len(big)
        await upload.commit()

    assert await get(store, "a") == big * count


async def test_a_reader_goes_on_after_a_cancelled_wait(store: ObjectStore) -> None:
    data = some_bytes(3 << 20)
    async with await store.open_upload(new_upload_id(), at("a")) as upload:
        await upload.append(data)
        await upload.commit()

    async with await store.open_read(at("a")) as reader:
        waiting = asyncio.create_task(anext(reader))
        await asyncio.sleep(0)
        waiting.cancel()
        await asyncio.wait([waiting])
        assert b"".join([chunk async for chunk in reader]) == data


async def test_an_upload_whose_opening_was_cancelled_is_held_by_nobody(
    store: ObjectStore,
) -> None:
    for steps in range(6):
        upload_id = new_upload_id()
        opening = asyncio.create_task(store.open_upload(upload_id, at("a")))
        for _ in range(steps):
            await asyncio.sleep(0)
        opening.cancel()
        await asyncio.wait([opening])
        assert opening.cancelled()

        with suppress(UploadNotFound):
            await store.upload_status(upload_id)
        swept = await store.sweep_uploads(0)

        assert swept == ((upload_id,) if steps else ())


async def test_a_cancelled_opening_leaves_nothing_open(store: ObjectStore) -> None:
    async with await store.open_upload(new_upload_id(), at("a")) as upload:
        await upload.append(b"data")
        await upload.commit()

    for _ in range(10):
        opening = asyncio.create_task(store.open_read(at("a")))
        await asyncio.sleep(0)
        opening.cancel()
        await asyncio.wait([opening])

    assert await get(store, "a") == b"data"
