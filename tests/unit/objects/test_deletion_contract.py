from __future__ import annotations

import asyncio

import pytest
from tests.unit.objects.backends import Backend, at, get, names, put

from runstream_server.objects.base import Deletion, ObjectStore
from runstream_server.objects.errors import InvalidPath
from runstream_server.objects.paths import Location


async def test_deleting_a_file_takes_its_empty_folders_along(store: ObjectStore) -> None:
    await put(store, "a/b/c", b"123")
    await put(store, "a/x")

    deletion = await store.delete(at("a/b/c"))

    assert deletion == Deletion(file_count=1, size_bytes=3)
    assert await names(store) == ["a/"]
    assert await names(store, "a") == ["x"]
    await put(store, "a/b", b"now a file")
    assert await get(store, "a/b") == b"now a file"


async def test_deleting_a_folder_deletes_all_below_it(store: ObjectStore) -> None:
    for path in ("f/a", "f/b/c", "f/b/d/e", "ff", "g"):
        await put(store, path, b"12")

    deletion = await store.delete(at("f"))

    assert deletion == Deletion(file_count=3, size_bytes=6)
    assert await names(store) == ["ff", "g"]


async def test_deleting_the_top_deletes_all_of_the_run(store: ObjectStore) -> None:
    await put(store, "a")
    await put(store, "b/c")

    deletion = await store.delete(at(""))

    assert deletion.file_count == 2
    assert await names(store) == []


async def test_deleting_what_is_not_there_is_no_error(store: ObjectStore) -> None:
    nothing = Deletion(file_count=0, size_bytes=0)
    assert await store.delete(at("")) == nothing
    await put(store, "a")

    for path in ("b", "b/c", "a/b", "a/b/c"):
        assert await store.delete(at(path)) == nothing

    assert await names(store) == ["a"]


async def test_deep_paths_work_throughout(backend: Backend, store: ObjectStore) -> None:
    path = "/".join("d" * backend.max_depth)
    await put(store, path, b"deep")

    assert await get(store, path) == b"deep"
    assert await names(store) == ["d/"]
    assert (await store.delete(at("d"))).file_count == 1
    assert await names(store) == []


async def test_uploads_and_deletions_of_one_folder_race_harmlessly(store: ObjectStore) -> None:
    async def write(number: int) -> None:
        for _ in range(8):
            await put(store, f"f/{number % 2}/{number}", b"data")

    async def delete() -> None:
        for _ in range(40):
            await store.delete(at("f"))
            await asyncio.sleep(0)

    await asyncio.gather(*(write(number) for number in range(6)), delete())
    for number in range(6):
        await put(store, f"f/{number % 2}/{number}", b"last")

    for number in range(6):
        assert await get(store, f"f/{number % 2}/{number}") == b"last"
    assert (await store.delete(at("f"))).file_count == 6


async def test_the_root_cannot_be_deleted(store: ObjectStore) -> None:
    await put(store, "a.txt")

    with pytest.raises(InvalidPath):
        await store.delete(Location())

    assert await get(store, "a.txt") == b"data"
