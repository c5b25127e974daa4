from __future__ import annotations

import asyncio

import pytest
from tests.unit.objects.backends import at, get, put, some_bytes

from runstream_server.objects.base import READ_CHUNK_BYTES, ObjectStore
from runstream_server.objects.errors import InvalidRange, IsAFolder, ObjectNotFound

SIZE = 2 * READ_CHUNK_BYTES + 1000
RANGES = [
    (0, None),
    (0, 0),
    (0, 1),
    (1, 10),
    (READ_CHUNK_BYTES - 1, 2),
    (READ_CHUNK_BYTES, READ_CHUNK_BYTES),
    (SIZE - 1, None),
    (SIZE - 1, 100),
    (SIZE, None),
    (SIZE, 5),
    (5, 1 << 62),
]


async def test_ranges_read_what_they_name(store: ObjectStore) -> None:
    data = some_bytes(SIZE)
    await put(store, "a", data)

    for offset, limit in RANGES:
        end = SIZE if limit is None else offset + limit
        assert await get(store, "a", offset=offset, limit=limit) == data[offset:end]


async def test_chunks_are_full_and_never_empty(store: ObjectStore) -> None:
    await put(store, "a", some_bytes(SIZE))

    async with await store.open_read(at("a"), offset=7) as reader:
        sizes = [len(chunk) async for chunk in reader]

    assert reader.info.size_bytes == SIZE
    assert max(sizes) <= READ_CHUNK_BYTES
    assert min(sizes) > 0


@pytest.mark.parametrize(("offset", "limit"), [(SIZE + 1, None), (-1, None), (0, -1), (1 << 70, 1)])
async def test_impossible_ranges_are_refused(
    store: ObjectStore, offset: int, limit: int | None
) -> None:
    await put(store, "a", some_bytes(SIZE))

    with pytest.raises(InvalidRange, match=f"offset={offset} limit={limit}"):
        await store.open_read(at("a"), offset=offset, limit=limit)


async def test_what_is_not_there_or_a_folder_is_said(store: ObjectStore) -> None:
    await put(store, "a/b")

    for path in ("missing", "missing/b", "a/c", "a/b/c"):
        with pytest.raises(ObjectNotFound, match="no artifact"):
            await store.open_read(at(path))
        with pytest.raises(ObjectNotFound):
            await store.stat(at(path))
    with pytest.raises(IsAFolder, match="is a folder"):
        await store.open_read(at("a"))
    with pytest.raises(IsAFolder):
        await store.stat(at("a"))


async def test_a_reader_keeps_the_version_it_opened(store: ObjectStore) -> None:
    old, new = some_bytes(SIZE, seed=1), some_bytes(SIZE + 9, seed=2)
    await put(store, "a", old)

    async with await store.open_read(at("a")) as reader:
        chunks = [await anext(reader)]
        await put(store, "a", new)
        chunks += [chunk async for chunk in reader]

    assert b"".join(chunks) == old
    assert await get(store, "a") == new


async def test_a_reader_may_be_left_early(store: ObjectStore) -> None:
    await put(store, "a", some_bytes(SIZE))

    async with await store.open_read(at("a")) as reader:
        await anext(reader)
    await reader.close()

    with pytest.raises(StopAsyncIteration):
        await anext(reader)


async def test_many_readers_at_once_read_the_same(store: ObjectStore) -> None:
    data = some_bytes(SIZE)
    await put(store, "a", data)

    copies = await asyncio.gather(*(get(store, "a") for _ in range(30)))

    assert all(copy == data for copy in copies)
