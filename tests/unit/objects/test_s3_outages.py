"""What outages leave of uploads, and what the log says of them."""

from __future__ import annotations

import asyncio
import gc
import logging

import aiohttp
import pytest
from tests.support.s3 import S3Server
from tests.support.s3_proxy import Act, Request, s3_proxy
from tests.unit.objects.backends import S3Backend, at, new_upload_id, until

from runstream_server.objects.base import ObjectStore
from runstream_server.objects.errors import UploadFenced
from runstream_server.objects.s3.client import resets_passed_over
from runstream_server.objects.s3.limits import MIN_PART_BYTES

PART = MIN_PART_BYTES
MIB = 1 << 20


async def wait_until_durable(store: ObjectStore, upload_id: str, size_bytes: int) -> None:
    async with asyncio.timeout(30):
        while True:
            status = await store.upload_status(upload_id)
            if status.durable_offset == size_bytes:
                return
            await asyncio.sleep(0.01)


async def test_each_part_of_a_slow_upload_is_durable_without_anybody_asking(
    s3_environment: S3Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("runstream_server.objects.s3.progress.RECORD_INTERVAL_S", 0.0)
    bucket, upload_id = S3Backend(s3_environment.destination()), new_upload_id()
    async with bucket.new_store() as store, bucket.new_store() as other:
        async with await store.open_upload(upload_id, at("a")) as upload:
            for end in (PART, 2 * PART, 3 * PART):
                while upload.offset < end:
                    await upload.append(bytes(MIB))
                # Who asks is another server, which knows only what was recorded.
                await wait_until_durable(other, upload_id, end)
        await store.discard_upload(upload_id)


async def test_who_takes_an_upload_over_is_not_fenced_by_the_progress_of_who_lost_it(
    s3_environment: S3Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    bucket, upload_id = S3Backend(s3_environment.destination()), new_upload_id()
    async with bucket.new_store() as loser, s3_proxy(s3_environment.url) as proxy:
        monkeypatch.setenv("MLFLOW_S3_ENDPOINT_URL", proxy.url)
        async with bucket.new_store() as winner:
            lost = await loser.open_upload(upload_id, at("a"))
            goes_on = asyncio.Event()
            proxy.once(Act(wait_for=goes_on), is_record)
            proxy.seen.clear()
            opening = asyncio.create_task(winner.open_upload(upload_id, at("a")))
            await until(lambda: any(map(is_record, proxy.seen)), "the winner writes its record")
            while lost.offset < PART:
                await lost.append(bytes(MIB))
            assert await lost.sync() == PART
            goes_on.set()

            async with await opening as upload:
                assert upload.offset == PART
                while lost.offset < 2 * PART:
                    await lost.append(bytes(MIB))
                with pytest.raises(UploadFenced):
                    await lost.sync()
                await upload.append(b"end")
                assert (await upload.commit()).size_bytes == PART + 3
            await winner.discard_upload(upload_id)


def is_record(request: Request) -> bool:
    return request.method == "PUT" and "/.runstream/uploads/" in request.path


async def break_off(error: Exception) -> None:
    raise error


@pytest.mark.parametrize(
    ("error", "is_reported"),
    [
        (aiohttp.ClientConnectionResetError("Cannot write to closing transport"), False),
        (ConnectionResetError("of something else"), True),
    ],
)
async def test_only_what_aiohttp_leaves_of_broken_connections_is_no_error(
    caplog: pytest.LogCaptureFixture, error: Exception, *, is_reported: bool
) -> None:
    loop = asyncio.get_running_loop()
    before = loop.get_exception_handler()
    with resets_passed_over():
        task: asyncio.Task[None] | None = asyncio.create_task(break_off(error))
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        del task
        gc.collect()

    assert bool([each for each in caplog.records if each.levelno >= logging.ERROR]) == is_reported
    assert loop.get_exception_handler() is before
