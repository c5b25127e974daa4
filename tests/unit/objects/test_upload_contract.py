from __future__ import annotations

import pytest
from tests.unit.objects.backends import (
    Backend,
    at,
    get,
    names,
    new_upload_id,
    put,
    sha256,
    some_bytes,
)

from runstream_server.objects.base import MAX_APPEND_BYTES, ObjectStore
from runstream_server.objects.checksums import crc32c
from runstream_server.objects.errors import (
    ChunkCorrupt,
    InvalidName,
    InvalidPath,
    ObjectNotFound,
    PathConflict,
    StorageFull,
    UploadClosed,
    UploadCommitted,
    UploadMismatch,
    UploadNotFound,
)

MIB = 1 << 20


@pytest.mark.parametrize("size_bytes", [0, 1, MIB - 1, MIB, 3 * MIB + 17])
async def test_a_committed_upload_reads_back_the_same(store: ObjectStore, size_bytes: int) -> None:
    data = some_bytes(size_bytes)

    info = await put(store, "models/best.pt", data)

    assert await get(store, "models/best.pt") == data
    assert info.size_bytes == size_bytes
    assert info.digest is not None
    assert info.digest.sha256 == sha256(data)
    assert info.digest.crc32c == crc32c(data)
    stat = await store.stat(at("models/best.pt"))
    assert (stat.size_bytes, stat.modify_time_us) == (info.size_bytes, info.modify_time_us)


async def test_the_digest_is_known_before_the_commit(store: ObjectStore) -> None:
    async with await store.open_upload(new_upload_id(), at("a")) as upload:
        await upload.append(b"hello ")
        await upload.append(memoryview(b"world"))

        digest = await upload.digest()

    assert digest.sha256 == sha256(b"hello world")
    assert digest.crc32c == crc32c(b"hello world")
    assert digest.size_bytes == 11


async def test_an_upload_is_invisible_until_its_commit(store: ObjectStore) -> None:
    async with await store.open_upload(new_upload_id(), at("folder/a")) as upload:
        await upload.append(b"half")
        await upload.sync()

        assert await names(store) == []
        with pytest.raises(ObjectNotFound):
            await store.stat(at("folder/a"))


async def test_the_callers_buffer_may_change_after_append(store: ObjectStore) -> None:
    buffer = bytearray(b"first")
    async with await store.open_upload(new_upload_id(), at("a")) as upload:
        await upload.append(memoryview(buffer))
        buffer[:] = b"other"
        await upload.commit()

    assert await get(store, "a") == b"first"


async def test_a_chunk_that_does_not_match_its_crc_is_not_taken(store: ObjectStore) -> None:
    async with await store.open_upload(new_upload_id(), at("a")) as upload:
        await upload.append(b"good", crc32c=crc32c(b"good"))
        with pytest.raises(ChunkCorrupt, match="offset 4"):
            await upload.append(b"bad!", crc32c=crc32c(b"good"))
        with pytest.raises(ChunkCorrupt):
            await upload.append(b"", crc32c=1)
        assert upload.offset == 4
        await upload.append(b" end", crc32c=crc32c(b" end"))
        await upload.commit()

    assert await get(store, "a") == b"good end"


async def test_a_chunk_that_is_too_long_is_refused_whole(store: ObjectStore) -> None:
    async with await store.open_upload(new_upload_id(), at("a")) as upload:
        with pytest.raises(ValueError, match="more than 4194304"):
            await upload.append(bytes(MAX_APPEND_BYTES + 1))
        await upload.append(b"")
        await upload.append(bytes(MAX_APPEND_BYTES))

        assert (await upload.digest()).size_bytes == MAX_APPEND_BYTES


async def test_many_tiny_chunks_are_kept_in_order(store: ObjectStore) -> None:
    data = some_bytes(5_000)
    async with await store.open_upload(new_upload_id(), at("a")) as upload:
        for byte in data:
            await upload.append(bytes([byte]))
        await upload.commit()

    assert await get(store, "a") == data


async def test_a_closed_upload_resumes_where_it_was(store: ObjectStore) -> None:
    upload_id, data = new_upload_id(), some_bytes(3 * MIB)
    async with await store.open_upload(upload_id, at("a")) as upload:
        await upload.append(data[:MIB])
        durable_offset = await upload.sync()

    async with await store.open_upload(upload_id, at("a")) as upload:
        assert upload.offset == upload.durable_offset >= durable_offset
        await upload.append(data[upload.offset :])
        info = await upload.commit()

    assert await get(store, "a") == data
    assert info.digest is not None
    assert info.digest.sha256 in {sha256(data), None}


async def test_a_restarted_server_resumes_at_the_durable_offset(backend: Backend) -> None:
    upload_id, data = new_upload_id(), some_bytes(3 * MIB)
    async with backend.new_store() as store:
        upload = await store.open_upload(upload_id, at("a"))
        await upload.append(data[:MIB])
        durable_offset = await upload.sync()

    async with backend.new_store() as store:
        status = await store.upload_status(upload_id)
        assert status.durable_offset >= durable_offset
        assert status.location == at("a")
        async with await store.open_upload(upload_id, at("a")) as upload:
            assert upload.offset == status.durable_offset
            await upload.append(data[upload.offset :])
            await upload.commit()

        assert await get(store, "a") == data


async def test_durable_offset_moves_with_sync_and_never_back(store: ObjectStore) -> None:
    async with await store.open_upload(new_upload_id(), at("a")) as upload:
        assert upload.durable_offset == 0
        seen = [0]
        for _ in range(4):
            await upload.append(some_bytes(MIB))
            await upload.sync()
            seen.append(upload.durable_offset)
            seen.append((await store.upload_status(upload.upload_id)).durable_offset)

        assert seen == sorted(seen)
        assert seen[-1] <= upload.offset


async def test_asking_for_the_status_does_not_take_the_upload_over(store: ObjectStore) -> None:
    async with await store.open_upload(new_upload_id(), at("a")) as upload:
        await upload.append(b"one ")
        await store.upload_status(upload.upload_id)
        await upload.append(b"two")
        await upload.commit()

    assert await get(store, "a") == b"one two"


async def test_committing_again_is_answered_with_the_object(backend: Backend) -> None:
    upload_id = new_upload_id()
    async with backend.new_store() as store:
        upload = await store.open_upload(upload_id, at("a"))
        await upload.append(b"data")
        info = await upload.commit()

    async with backend.new_store() as store:
        with pytest.raises(UploadCommitted) as raised:
            await store.open_upload(upload_id, at("a"))
        status = await store.upload_status(upload_id)

    assert raised.value.info == info
    assert status.committed == info
    assert status.durable_offset == 4


async def test_a_used_up_handle_says_so(store: ObjectStore) -> None:
    committed = await store.open_upload(new_upload_id(), at("a"))
    await committed.commit()
    closed = await store.open_upload(new_upload_id(), at("b"))
    await closed.close()
    await closed.close()

    for upload in (committed, closed):
        with pytest.raises(UploadClosed):
            await upload.append(b"more")
        with pytest.raises(UploadClosed):
            await upload.sync()
        with pytest.raises(UploadClosed):
            await upload.digest()
        with pytest.raises(UploadClosed):
            await upload.commit()


async def test_an_upload_id_belongs_to_one_location(store: ObjectStore) -> None:
    async with await store.open_upload(new_upload_id(), at("a")) as upload:
        await upload.append(b"data")
        with pytest.raises(UploadMismatch, match="new upload id"):
            await store.open_upload(upload.upload_id, at("b"))
        await upload.commit()

    with pytest.raises(UploadMismatch):
        await store.open_upload(upload.upload_id, at("b"))
    assert await names(store) == ["a"]


async def test_the_last_commit_of_a_path_wins(store: ObjectStore) -> None:
    first = await store.open_upload(new_upload_id(), at("a"))
    second = await store.open_upload(new_upload_id(), at("a"))
    await first.append(b"first")
    await second.append(b"second, longer")

    await second.commit()
    await first.commit()

    assert await get(store, "a") == b"first"
    assert await names(store) == ["a"]


@pytest.mark.parametrize(
    ("there", "path"), [("a", "a/b"), ("a", "a/b/c/d"), ("a/b", "a"), ("a/b/c", "a")]
)
async def test_a_path_is_never_a_file_and_a_folder(
    store: ObjectStore, there: str, path: str
) -> None:
    early = await store.open_upload(new_upload_id(), at(path))
    await early.append(b"late")
    await put(store, there, b"there")

    with pytest.raises(PathConflict, match="delete that first"):
        await store.open_upload(new_upload_id(), at(path))
    with pytest.raises(PathConflict, match="delete that first"):
        await early.commit()

    assert await get(store, there) == b"there"
    with pytest.raises(PathConflict):
        await early.commit()
    await store.delete(at(there))
    await early.commit()
    assert await get(store, path) == b"late"


async def test_discarding_forgets_an_upload(store: ObjectStore) -> None:
    upload_id = new_upload_id()
    async with await store.open_upload(upload_id, at("a")) as upload:
        await upload.append(b"data")
        await upload.sync()

    assert await store.discard_upload(upload_id)
    assert not await store.discard_upload(upload_id)
    with pytest.raises(UploadNotFound):
        await store.upload_status(upload_id)
    async with await store.open_upload(upload_id, at("b")) as upload:
        assert upload.offset == 0


async def test_discarding_a_committed_upload_keeps_the_object(store: ObjectStore) -> None:
    async with await store.open_upload(new_upload_id(), at("a")) as upload:
        await upload.append(b"data")
        await upload.commit()

    assert await store.discard_upload(upload.upload_id)

    assert await get(store, "a") == b"data"


async def test_sweeping_discards_what_nobody_holds(store: ObjectStore) -> None:
    held = await store.open_upload(new_upload_id(), at("held"))
    abandoned = await store.open_upload(new_upload_id(), at("abandoned"))
    await abandoned.append(b"data")
    await abandoned.close()
    committed = await store.open_upload(new_upload_id(), at("committed"))
    await committed.commit()

    assert await store.sweep_uploads(3600) == ()
    swept = await store.sweep_uploads(0)

    assert sorted(swept) == sorted([abandoned.upload_id, committed.upload_id])
    with pytest.raises(UploadNotFound):
        await store.upload_status(abandoned.upload_id)
    await held.append(b"still here")
    await held.commit()
    assert await names(store) == ["committed", "held"]


async def test_what_can_never_fit_is_refused_at_once(store: ObjectStore) -> None:
    upload_id = new_upload_id()

    with pytest.raises(StorageFull):
        await store.open_upload(upload_id, at("a"), size_hint_bytes=1 << 62)

    with pytest.raises(UploadNotFound):
        await store.upload_status(upload_id)
    async with await store.open_upload(upload_id, at("a"), size_hint_bytes=4) as upload:
        await upload.commit()


async def test_bad_ids_are_refused(store: ObjectStore) -> None:
    for upload_id in ("", "A" * 32, "0" * 31, "0" * 33, "../" + "0" * 29, "0" * 32 + "\n"):
        with pytest.raises(InvalidName, match="32 lower-case hexadecimal"):
            await store.open_upload(upload_id, at("a"))
        with pytest.raises(InvalidName):
            await store.upload_status(upload_id)
        with pytest.raises(InvalidName):
            await store.discard_upload(upload_id)


async def test_the_top_folder_is_no_file(store: ObjectStore) -> None:
    with pytest.raises(InvalidPath, match="name a file"):
        await store.open_upload(new_upload_id(), at(""))
    with pytest.raises(InvalidPath, match="name a file"):
        await store.stat(at(""))
    with pytest.raises(InvalidPath, match="name a file"):
        await store.open_read(at(""))
