from __future__ import annotations

import pytest
from tests.unit.objects.backends import at, names, new_upload_id, put

from runstream_server.objects.base import MAX_PAGE_SIZE, FolderEntry, ObjectStore
from runstream_server.objects.errors import InvalidPageToken
from runstream_server.objects.paths import Location


async def walk(store: ObjectStore, path: str, page_size: int) -> list[str]:
    found: list[str] = []
    token = ""
    while True:
        page = await store.list_folder(at(path), page_size=page_size, page_token=token)
        assert len(page.entries) <= page_size
        found += [entry.name for entry in page.entries]
        token = page.next_page_token
        if not token:
            return found


async def test_a_listing_has_one_level_in_order_of_names(store: ObjectStore) -> None:
    for path in ("b/deep/er", "b.txt", "a", "é", "Z", "a-1", "b/x", "😀", "\uffee"):
        await put(store, path)

    assert await names(store) == ["Z", "a", "a-1", "b/", "b.txt", "é", "\uffee", "😀"]
    assert await names(store, "b") == ["deep/", "x"]
    assert await names(store, "b/deep") == ["er"]


async def test_entries_tell_size_and_time_of_files(store: ObjectStore) -> None:
    info = await put(store, "a", b"12345")
    await put(store, "f/x", b"1")

    page = await store.list_folder(at(""))

    assert page.entries == (
        FolderEntry(name="a", is_folder=False, size_bytes=5, modify_time_us=info.modify_time_us),
        FolderEntry(name="f", is_folder=True, size_bytes=0, modify_time_us=None),
    )


async def test_what_is_not_there_lists_as_empty(store: ObjectStore) -> None:
    assert await names(store) == []
    await put(store, "a")
    assert await names(store, "b") == []
    assert await names(store, "b/c") == []
    assert await names(store, "a/b") == []


async def test_a_file_lists_as_itself(store: ObjectStore) -> None:
    await put(store, "f/a", b"123")

    page = await store.list_folder(at("f/a"))

    assert [(entry.name, entry.size_bytes) for entry in page.entries] == [("a", 3)]
    assert not page.next_page_token


async def test_runs_do_not_see_each_others_artifacts(store: ObjectStore) -> None:
    await put(store, "a")

    page = await store.list_folder(at("", run_id="f" * 32))

    assert page.entries == ()


@pytest.mark.parametrize("page_size", [1, 2, 3, 7, 8, 100])
async def test_pages_together_are_the_whole(store: ObjectStore, page_size: int) -> None:
    expected = [f"{n}" for n in range(7)]
    for name in expected:
        await put(store, f"f/{name}")

    assert await walk(store, "f", page_size) == expected


async def test_the_last_page_and_only_it_has_no_token(store: ObjectStore) -> None:
    await put(store, "a")
    await put(store, "b")

    full = await store.list_folder(at(""), page_size=2)
    first = await store.list_folder(at(""), page_size=1)

    assert full.next_page_token == ""
    assert first.next_page_token != ""


async def test_pages_are_stable_while_files_come_and_go(store: ObjectStore) -> None:
    for name in "bdfh":
        await put(store, name)
    first = await store.list_folder(at(""), page_size=2)
    assert [entry.name for entry in first.entries] == ["b", "d"]

    await put(store, "a")
    await put(store, "g")
    await store.delete(at("d"))
    await store.delete(at("f"))
    rest = await store.list_folder(at(""), page_token=first.next_page_token)

    assert [entry.name for entry in rest.entries] == ["g", "h"]


async def test_tokens_hold_only_for_their_folder(store: ObjectStore) -> None:
    for path in ("x/a", "x/b", "y/a", "y/b"):
        await put(store, path)
    token = (await store.list_folder(at("x"), page_size=1)).next_page_token

    for folder, bad in (("y", token), ("", token), ("x", token[:-2]), ("x", "ü"), ("x", "?")):
        with pytest.raises(InvalidPageToken, match="list from the start"):
            await store.list_folder(at(folder), page_token=bad)


async def test_page_sizes_have_bounds(store: ObjectStore) -> None:
    await put(store, "a")

    for page_size in (0, -1):
        with pytest.raises(ValueError, match="at least 1"):
            await store.list_folder(at(""), page_size=page_size)
    page = await store.list_folder(at(""), page_size=MAX_PAGE_SIZE * 10)
    assert len(page.entries) == 1


async def test_the_root_lists_what_lies_directly_below_it_but_not_what_is_the_stores_own(
    store: ObjectStore,
) -> None:
    await put(store, "a.txt")
    async with await store.open_upload(new_upload_id(), Location(path="plain.txt")) as upload:
        await upload.append(b"data")
        await upload.commit()
    await store.open_upload(new_upload_id(), at("under-way"))

    page = await store.list_folder(Location())

    assert [(entry.name, entry.is_folder) for entry in page.entries] == [
        ("7", True),
        ("plain.txt", False),
    ]
    assert (await store.stat(Location(path="plain.txt"))).size_bytes == 4
