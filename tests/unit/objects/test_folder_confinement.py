from __future__ import annotations

import os
from pathlib import Path

import pytest
from tests.unit.objects.backends import at, get, names, new_upload_id, put

from runstream_server.objects.errors import IsAFolder, ObjectNotFound, PathConflict
from runstream_server.objects.folder import FolderStore


def names_in(folder: Path) -> list[str]:
    return [path.name for path in folder.iterdir()]


@pytest.fixture
def outside(tmp_path: Path) -> Path:
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "secret").write_bytes(b"secret")
    return outside


async def test_symbolic_links_lead_nowhere(tmp_path: Path, outside: Path) -> None:
    root = tmp_path / "root"
    async with FolderStore(root) as store:
        await put(store, "a")
        artifacts = root.joinpath(*at("").segments)
        (artifacts / "folder").symlink_to(outside)
        (artifacts / "file").symlink_to(outside / "secret")
        (artifacts / "inner").symlink_to(artifacts / "a")

        for path in ("folder/secret", "file", "inner", "folder"):
            with pytest.raises(ObjectNotFound):
                await store.open_read(at(path))
        assert await names(store) == ["a"]
        assert await names(store, "folder") == []
        with pytest.raises(PathConflict, match=r"'7/.*folder' is not a folder"):
            await store.open_upload(new_upload_id(), at("folder/new"))
        assert (await store.delete(at("folder/secret"))).file_count == 0
        await put(store, "file", b"new")
        assert await get(store, "file") == b"new"
        await store.delete(at(""))

    assert (outside / "secret").read_bytes() == b"secret"
    assert names_in(outside) == ["secret"]


async def test_a_run_folder_that_is_a_link_is_not_entered(tmp_path: Path, outside: Path) -> None:
    root = tmp_path / "root"
    async with FolderStore(root) as store:
        (root / "7").symlink_to(outside)
        with pytest.raises(PathConflict):
            await store.open_upload(new_upload_id(), at("a"))
        with pytest.raises(ObjectNotFound):
            await store.stat(at("a"))
        await store.delete(at(""))

    assert names_in(outside) == ["secret"]


async def test_the_root_itself_may_be_a_link(tmp_path: Path) -> None:
    (tmp_path / "disk").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "disk")

    async with FolderStore(tmp_path / "link") as store:
        await put(store, "a")

    assert (tmp_path / "disk" / at("a").key).read_bytes() == b"data"


async def test_special_files_and_unspeakable_names_are_no_objects(tmp_path: Path) -> None:
    async with FolderStore(tmp_path) as store:
        await put(store, "a")
        artifacts = tmp_path.joinpath(*at("").segments)
        os.mkfifo(artifacts / "fifo")
        (artifacts / "back\\slash").write_bytes(b"")
        (artifacts / "tab\tulator").write_bytes(b"")
        (artifacts / "empty" / "emptier").mkdir(parents=True)
        with (artifacts / os.fsdecode(b"\xff")).open("wb"):
            pass

        assert await names(store) == ["a"]
        with pytest.raises(ObjectNotFound):
            await store.open_read(at("fifo"))
        with pytest.raises(IsAFolder):
            await store.stat(at("empty"))
        await put(store, "empty", b"a file now")
        assert await names(store) == ["a", "empty"]
        await store.delete(at(""))
        assert await names(store) == []
        assert not artifacts.exists()


async def test_files_that_others_put_there_are_objects(tmp_path: Path) -> None:
    async with FolderStore(tmp_path) as store:
        path = tmp_path / at("by/hand").key
        path.parent.mkdir(parents=True)
        path.write_bytes(b"12345")

        assert await names(store) == ["by/"]
        assert await get(store, "by/hand", offset=1, limit=2) == b"23"
