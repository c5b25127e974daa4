"""Uploads in parts, and several servers over one bucket."""

from __future__ import annotations

import asyncio
import signal
import subprocess
import sys
from collections.abc import AsyncGenerator
from pathlib import Path

import pytest
from tests.support.s3 import S3Server
from tests.unit.objects.backends import (
    S3Backend,
    at,
    get,
    names,
    new_upload_id,
    put,
    sha256,
    some_bytes,
)
from tests.unit.objects.crashing_s3_upload import DATA

from runstream_server.objects.base import ObjectInfo
from runstream_server.objects.checksums import crc32c
from runstream_server.objects.errors import (
    InvalidPath,
    StorageFull,
    UploadCommitted,
    UploadFenced,
    UploadNotFound,
)
from runstream_server.objects.s3.limits import MAX_PARTS, MIN_PART_BYTES, S3Limits
from runstream_server.objects.s3.multipart import Multipart
from runstream_server.objects.s3.store import S3Store

PART = MIN_PART_BYTES
MIB = 1 << 20
ROOT = Path(__file__).parents[3]


@pytest.fixture
def bucket(s3_environment: S3Server) -> S3Backend:
    return S3Backend(s3_environment.destination())


@pytest.fixture
async def s3_store(bucket: S3Backend) -> AsyncGenerator[S3Store]:
    async with bucket.new_store() as store:
        yield store


def multipart_of(store: S3Store) -> Multipart:
    return store._started.desk.means.multipart  # noqa: SLF001


async def unfinished(store: S3Store) -> list[str]:
    multipart = multipart_of(store)
    return [each.key for each in await multipart.list_unfinished(multipart.destination.root)]


async def send(store: S3Store, upload_id: str, data: bytes, path: str = "a") -> ObjectInfo:
    async with await store.open_upload(upload_id, at(path)) as upload:
        while upload.offset < len(data):
            chunk = data[upload.offset : upload.offset + MIB]
            await upload.append(chunk, crc32c=crc32c(chunk))
        return await upload.commit()


@pytest.mark.parametrize("size_bytes", [PART - 1, PART, PART + 1, 3 * PART + 17])
async def test_what_is_sent_in_parts_comes_back_whole(s3_store: S3Store, size_bytes: int) -> None:
    data = some_bytes(size_bytes)

    info = await put(s3_store, "models/größe 1.pt", data)

    assert await get(s3_store, "models/größe 1.pt") == data
    assert info.digest is not None
    assert (info.digest.crc32c, info.digest.sha256) == (crc32c(data), sha256(data))
    stat = await s3_store.stat(at("models/größe 1.pt"))
    assert (stat.size_bytes, stat.modify_time_us) == (size_bytes, info.modify_time_us)
    assert await unfinished(s3_store) == []


async def test_only_whole_parts_are_durable_before_the_commit(s3_store: S3Store) -> None:
    data = some_bytes(2 * PART + MIB)
    async with await s3_store.open_upload(new_upload_id(), at("a")) as upload:
        await upload.append(data[:MIB])
        assert await upload.sync() == 0
        for begin in range(MIB, len(data), MIB):
            await upload.append(data[begin : begin + MIB])
        assert await upload.sync() == 2 * PART
        assert (await s3_store.upload_status(upload.upload_id)).durable_offset == 2 * PART
        await upload.commit()

    assert await get(s3_store, "a") == data


async def test_another_server_goes_on_from_the_last_whole_part(bucket: S3Backend) -> None:
    upload_id, data = new_upload_id(), some_bytes(2 * PART + MIB)
    async with bucket.new_store() as first, bucket.new_store() as second:
        upload = await first.open_upload(upload_id, at("a"))
        for begin in range(0, PART + 2 * MIB, MIB):
            await upload.append(data[begin : begin + MIB])
        await upload.sync()

        assert (await second.upload_status(upload_id)).durable_offset == PART
        taken_over = await second.open_upload(upload_id, at("a"))
        assert taken_over.offset == PART
        await taken_over.close()
        for begin in range(PART + 2 * MIB, len(data), MIB):
            await upload.append(data[begin : begin + MIB])
        with pytest.raises(UploadFenced):
            await upload.sync()
        with pytest.raises(UploadFenced):
            await upload.commit()
        info = await send(second, upload_id, data)

        assert await get(first, "a") == data
    assert info.digest is not None
    assert (info.digest.crc32c, info.digest.sha256) == (crc32c(data), sha256(data)) or (
        info.digest.crc32c,
        info.digest.sha256,
    ) == (crc32c(data), None)


async def test_who_goes_on_in_the_same_process_keeps_the_sha256(s3_store: S3Store) -> None:
    upload_id, data = new_upload_id(), some_bytes(PART + 2 * MIB)
    async with await s3_store.open_upload(upload_id, at("a")) as upload:
        for begin in range(0, PART + MIB, MIB):
            await upload.append(data[begin : begin + MIB])

    info = await send(s3_store, upload_id, data)

    assert info.digest is not None
    assert info.digest.sha256 == sha256(data)


async def test_an_upload_whose_parts_somebody_aborted_begins_anew(bucket: S3Backend) -> None:
    upload_id, data = new_upload_id(), some_bytes(PART + MIB)
    async with bucket.new_store() as store:
        async with await store.open_upload(upload_id, at("a")) as upload:
            for begin in range(0, PART, MIB):
                await upload.append(data[begin : begin + MIB])
            assert await upload.sync() == PART
        multipart = multipart_of(store)
        [left] = await multipart.list_unfinished(multipart.destination.root)
        await multipart.abort_parts(left.key, left.s3_upload_id)

    async with bucket.new_store() as store:
        async with await store.open_upload(upload_id, at("a")) as upload:
            assert upload.offset == 0
        await send(store, upload_id, data)
        assert await get(store, "a") == data


async def test_discarding_and_sweeping_leave_no_parts(bucket: S3Backend) -> None:
    discarded, abandoned, held = new_upload_id(), new_upload_id(), new_upload_id()
    async with bucket.new_store() as store:
        for upload_id in (discarded, abandoned):
            async with await store.open_upload(upload_id, at(upload_id)) as upload:
                await upload.append(bytes(4 * MIB))
                await upload.append(bytes(4 * MIB))
        orphan = await multipart_of(store).begin_parts(store._destination.key_of(at("o")), {}, None)  # noqa: SLF001
        assert orphan
        live = await store.open_upload(held, at("held"))
        await live.append(bytes(4 * MIB))
        await live.append(bytes(4 * MIB))
        await live.sync()

        assert await store.discard_upload(discarded)
        assert await store.sweep_uploads(3600) == ()
        assert len(await unfinished(store)) == 3
        assert await store.sweep_uploads(0) == (abandoned,)

        assert await unfinished(store) == [store._destination.key_of(at("held"))]  # noqa: SLF001
        with pytest.raises(UploadNotFound):
            await store.upload_status(abandoned)
        await live.commit()
        assert await names(store) == ["held"]


@pytest.mark.parametrize(
    ("place", "expected"),
    [
        ("offset:7000000", {0, PART}),
        (f"durable:{2 * PART}", {2 * PART}),
        ("object.before_rename", {2 * PART, 3 * PART}),
        ("object.after_rename", None),
    ],
)
async def test_a_killed_server_loses_nothing_it_said_is_durable(
    bucket: S3Backend, place: str, expected: set[int] | None
) -> None:
    upload_id = new_upload_id()
    killed = await _upload_in_a_process(bucket, upload_id, place)
    assert killed == -signal.SIGKILL

    async with bucket.new_store() as store:
        if expected is None:
            with pytest.raises(UploadCommitted) as raised:
                await store.open_upload(upload_id, at("f/a"))
            assert raised.value.info.digest is not None
            assert raised.value.info.digest.sha256 == sha256(DATA)
            status = await store.upload_status(upload_id)
            assert status.committed == raised.value.info
        else:
            assert await names(store) == []
            status = await store.upload_status(upload_id)
            assert status.durable_offset in expected
            info = await send(store, upload_id, DATA, "f/a")
            assert info.digest is not None
            assert info.digest.crc32c == crc32c(DATA)
        assert await get(store, "f/a") == DATA
        assert await store.discard_upload(upload_id)
        assert await unfinished(store) == []


async def _upload_in_a_process(bucket: S3Backend, upload_id: str, place: str) -> int:
    module = "tests.unit.objects.crashing_s3_upload"
    command = [sys.executable, "-m", module, bucket.destination.uri, upload_id, place]
    ended = await asyncio.to_thread(subprocess.run, command, cwd=ROOT, check=False, timeout=60)
    return ended.returncode


async def test_a_committed_upload_that_was_replaced_stays_committed(bucket: S3Backend) -> None:
    upload_id = new_upload_id()
    async with bucket.new_store() as store:
        await send(store, upload_id, DATA)

    async with bucket.new_store() as store:
        await put(store, "a", b"later")
        with pytest.raises(UploadCommitted) as raised:
            await store.open_upload(upload_id, at("a"))

        assert raised.value.info.size_bytes == len(DATA)
        assert await get(store, "a") == b"later"


async def test_uploads_of_one_path_by_several_servers_do_not_mix(bucket: S3Backend) -> None:
    contents = [some_bytes(PART + seed, seed=seed) for seed in range(4)]
    async with bucket.new_store() as first, bucket.new_store() as second:
        stores = [first, second, first, second]
        infos = await asyncio.gather(
            *(
                send(store, new_upload_id(), data)
                for store, data in zip(stores, contents, strict=True)
            )
        )

        stored = await get(first, "a")
        assert stored in contents
        stat = await second.stat(at("a"))
    winner = infos[contents.index(stored)]
    assert stat.modify_time_us == winner.modify_time_us


async def test_a_key_that_is_too_long_is_refused_with_its_length_and_limit(
    s3_store: S3Store,
) -> None:
    path = "/".join(["d" * 100] * 12)
    fits = 1024 - len(s3_store._destination.key_of(at("x"))) + 1  # noqa: SLF001

    with pytest.raises(InvalidPath, match=r"dddd.*object key of \d+ bytes.*1024") as raised:
        await s3_store.open_upload(new_upload_id(), at(path[: fits + 1]))
    assert raised.value.value == path[: fits + 1]
    await put(s3_store, path[:fits])
    assert await get(s3_store, path[:fits]) == b"data"


def test_large_files_have_larger_parts() -> None:
    limits = S3Limits()
    gib = 1 << 30

    for size_bytes in (0, 1, 6 * gib, 80 * gib, 800 * gib, 5 << 40):
        part_bytes = limits.part_bytes_for(size_bytes)
        assert part_bytes >= MIN_PART_BYTES
        assert part_bytes * MAX_PARTS >= size_bytes
    assert limits.part_bytes_for(6 * gib) == 8 * MIB
    with pytest.raises(StorageFull, match="S3 holds"):
        limits.part_bytes_for(1 << 50)


async def test_a_file_of_unknown_size_ends_where_s3_takes_no_more_parts(
    s3_store: S3Store,
) -> None:
    async with await s3_store.open_upload(new_upload_id(), at("a")) as upload:
        upload.progress._filled_parts = MAX_PARTS - 1  # noqa: SLF001
        await upload.append(bytes(4 * MIB))
        with pytest.raises(StorageFull, match="say the size"):
            await upload.append(bytes(4 * MIB))
        await s3_store.discard_upload(upload.upload_id)
