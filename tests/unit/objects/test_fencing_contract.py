from __future__ import annotations

import asyncio

import pytest
from tests.unit.objects.backends import at, get, new_upload_id, sha256, some_bytes

from runstream_server.objects.base import ObjectStore, Upload
from runstream_server.objects.errors import UploadCommitted, UploadFenced, UploadNotFound

MIB = 1 << 20


async def test_a_later_opening_takes_the_upload_over(store: ObjectStore) -> None:
    upload_id, data = new_upload_id(), some_bytes(2 * MIB)
    old = await store.open_upload(upload_id, at("a"))
    await old.append(data[:MIB])
    durable_offset = await old.sync()

    new = await store.open_upload(upload_id, at("a"))

    for call in (old.append(b"stale"), old.sync(), old.digest(), old.commit()):
        with pytest.raises(UploadFenced, match="taken over"):
            await call
    await old.close()
    assert new.offset >= durable_offset
    await new.append(data[new.offset :])
    await new.commit()
    assert await get(store, "a") == data


async def test_what_the_fenced_one_still_sends_does_not_arrive(store: ObjectStore) -> None:
    upload_id = new_upload_id()

    async def send_until_fenced() -> int:
        async with await store.open_upload(upload_id, at("a")) as upload:
            try:
                while True:
                    await upload.append(bytes(MIB))
            except UploadFenced:
                return upload.offset

    sending = asyncio.create_task(send_until_fenced())
    while await _durable_offset(store, upload_id) == 0:
        assert not sending.done()
    async with await store.open_upload(upload_id, at("a")) as upload:
        begin = upload.offset
        await upload.append(b"end")
        taken = await sending
        info = await upload.commit()

    assert begin <= taken
    assert info.size_bytes == begin + 3
    assert await get(store, "a") == bytes(begin) + b"end"


async def _durable_offset(store: ObjectStore, upload_id: str) -> int:
    try:
        return (await store.upload_status(upload_id)).durable_offset
    except UploadNotFound:
        return 0


async def test_of_many_openings_at_once_the_last_one_lives(store: ObjectStore) -> None:
    upload_id = new_upload_id()
    uploads = await asyncio.gather(*(store.open_upload(upload_id, at("a")) for _ in range(20)))

    alive: list[Upload] = []
    for upload in uploads:
        try:
            await upload.append(b"x")
        except UploadFenced:
            await upload.close()
        else:
            alive.append(upload)

    assert len(alive) == 1
    await alive[0].commit()
    assert await get(store, "a") == b"x"


async def test_discarding_fences_the_live_handle(store: ObjectStore) -> None:
    upload = await store.open_upload(new_upload_id(), at("a"))
    await upload.append(b"data")

    await store.discard_upload(upload.upload_id)

    with pytest.raises(UploadFenced):
        await upload.append(b"more")
    await upload.close()


async def test_opening_during_a_commit_finds_it_done_or_takes_over(store: ObjectStore) -> None:
    data = some_bytes(MIB)
    for _ in range(10):
        upload_id = new_upload_id()
        old = await store.open_upload(upload_id, at("a"))
        await old.append(data)

        committed, opened = await asyncio.gather(
            old.commit(), store.open_upload(upload_id, at("a")), return_exceptions=True
        )

        if isinstance(opened, UploadCommitted):
            assert opened.info == committed
        else:
            assert isinstance(committed, UploadFenced)
            assert not isinstance(opened, BaseException)
            digest = await opened.digest()
            assert digest.sha256 in {sha256(data), None}
            await opened.close()


async def test_two_uploads_of_one_path_do_not_mix(store: ObjectStore) -> None:
    contents = [some_bytes(2 * MIB + seed, seed=seed) for seed in range(6)]

    async def upload_one(data: bytes) -> None:
        async with await store.open_upload(new_upload_id(), at("deep/folder/a")) as upload:
            for begin in range(0, len(data), MIB):
                await upload.append(data[begin : begin + MIB])
            await upload.commit()

    await asyncio.gather(*map(upload_one, contents))

    assert await get(store, "deep/folder/a") in contents
