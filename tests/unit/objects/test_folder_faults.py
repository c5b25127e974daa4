from __future__ import annotations

import asyncio
import errno
import os
import threading
from collections.abc import Callable
from itertools import count
from pathlib import Path

import pytest
from tests.unit.objects.backends import at, get, names, new_upload_id, put, some_bytes, until

from runstream_server.objects import staging
from runstream_server.objects.base import Upload
from runstream_server.objects.errors import (
    StorageError,
    StorageFull,
    UploadFenced,
)
from runstream_server.objects.folder import FolderStore
from runstream_server.objects.folder_uploads import FolderUpload
from runstream_server.objects.pipeline import WINDOW_BYTES

MIB = 1 << 20


def raiser(code: int) -> Callable[..., int]:
    def fail(*_: object, **__: object) -> int:
        raise OSError(code, os.strerror(code))

    return fail


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EDQUOT])
async def test_a_full_disk_stops_an_upload_that_resumes_later(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, code: int
) -> None:
    upload_id, data = new_upload_id(), some_bytes(4 * MIB)
    async with FolderStore(tmp_path) as store:
        upload = await store.open_upload(upload_id, at("a"))
        await upload.append(data[:MIB])
        assert await upload.sync() == MIB
        with monkeypatch.context() as patch:
            patch.setattr(os, "pwrite", _write_a_little_then_fail(code))
            await upload.append(data[MIB : 2 * MIB])
            for call in (upload.sync(), upload.append(b"more"), upload.digest(), upload.commit()):
                with pytest.raises(StorageFull, match="no room left"):
                    await call
            await upload.close()
        assert await names(store) == []

        async with await store.open_upload(upload_id, at("a")) as upload:
            assert upload.offset == MIB
            await upload.append(data[MIB:])
            await upload.commit()
        assert await get(store, "a") == data


def _write_a_little_then_fail(code: int) -> Callable[[int, bytes, int], int]:
    genuine = os.pwrite
    calls = count()

    def pwrite(fd: int, data: bytes, offset: int) -> int:
        if next(calls) == 0:
            return genuine(fd, data[:1000], offset)
        raise OSError(code, os.strerror(code))

    return pwrite


@pytest.mark.parametrize("function", ["mkdir", "rename", "fsync", "utime"])
async def test_a_commit_that_fails_changes_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, function: str
) -> None:
    upload_id = new_upload_id()
    async with FolderStore(tmp_path) as store:
        await put(store, "a", b"old")
        upload = await store.open_upload(upload_id, at("a" if function != "mkdir" else "f/a"))
        await upload.append(b"new")
        await upload.sync()
        with monkeypatch.context() as patch:
            patch.setattr(os, function, raiser(errno.ENOSPC))
            with pytest.raises(StorageFull):
                await upload.commit()
            await upload.close()
        assert await get(store, "a") == b"old"
        assert await names(store) == ["a"]

        async with await store.open_upload(upload_id, upload.location) as again:
            assert again.offset == 3
            await again.commit()
        assert await get(store, upload.location.path) == b"new"


async def test_bytes_that_a_failed_flush_may_have_lost_are_not_trusted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    upload_id, data = new_upload_id(), some_bytes(3 * MIB)
    async with FolderStore(tmp_path) as store:
        upload = await store.open_upload(upload_id, at("a"))
        await upload.append(data[:MIB])
        await upload.sync()
        await upload.append(data[MIB:])
        with monkeypatch.context() as patch:
            patch.setattr(staging, "_sync_data", raiser(errno.EIO))
            with pytest.raises(StorageError):
                await upload.sync()
            await upload.close()

        async with await store.open_upload(upload_id, at("a")) as upload:
            assert upload.offset == MIB
            await upload.append(data[MIB:])
            await upload.commit()
        assert await get(store, "a") == data


async def test_a_flush_that_fails_on_the_way_stops_the_sender(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    upload_id = new_upload_id()
    async with FolderStore(tmp_path) as store:
        upload = await store.open_upload(upload_id, at("a"))
        with monkeypatch.context() as patch:
            patch.setattr(staging, "_sync_data", raiser(errno.ENOSPC))
            with pytest.raises(StorageFull):
                await _append_until_it_fails(upload)
            with pytest.raises(StorageFull):
                await upload.commit()
            await upload.close()
        async with await store.open_upload(upload_id, at("a")) as upload:
            assert upload.offset == 0


async def _append_until_it_fails(upload: Upload) -> None:
    while True:
        await upload.append(bytes(MIB))


async def test_a_broken_handle_can_be_taken_over(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    upload_id = new_upload_id()
    async with FolderStore(tmp_path) as store:
        upload = await store.open_upload(upload_id, at("a"))
        with monkeypatch.context() as patch:
            patch.setattr(os, "pwrite", raiser(errno.EIO))
            await upload.append(b"data")
            with pytest.raises(StorageError):
                await upload.digest()
        assert (await store.upload_status(upload_id)).durable_offset == 0

        async with await store.open_upload(upload_id, at("a")) as again:
            await again.append(b"data")
            await again.commit()
        assert await get(store, "a") == b"data"


async def test_a_stalled_disk_holds_the_sender_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    genuine, go_on = os.pwrite, threading.Event()

    def stalled(fd: int, data: bytes, offset: int) -> int:
        go_on.wait(20)
        return genuine(fd, data, offset)

    monkeypatch.setattr(os, "pwrite", stalled)
    async with FolderStore(tmp_path) as store:
        upload = await store.open_upload(new_upload_id(), at("a"))

        async def send() -> None:
            for _ in range(100):
                await upload.append(bytes(MIB))

        sending = asyncio.create_task(send())
        await until(lambda: upload.offset >= WINDOW_BYTES - MIB, "the window fills")
        for _ in range(100):
            await asyncio.sleep(0)
        assert upload.offset <= WINDOW_BYTES + MIB
        assert await names(store) == []
        go_on.set()
        await sending
        assert (await upload.commit()).size_bytes == 100 * MIB


async def test_an_append_that_waits_while_it_is_fenced_takes_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    genuine, go_on = os.pwrite, threading.Event()

    def stalled(fd: int, data: bytes, offset: int) -> int:
        go_on.wait(20)
        return genuine(fd, data, offset)

    monkeypatch.setattr(os, "pwrite", stalled)
    upload_id = new_upload_id()
    async with FolderStore(tmp_path) as store:
        old = await store.open_upload(upload_id, at("a"))
        appending = asyncio.create_task(_append_until_it_fails(old))
        await until(lambda: old.offset >= WINDOW_BYTES - MIB, "the window fills")
        opening = asyncio.create_task(store.open_upload(upload_id, at("a")))
        await until(lambda: _is_fenced(old), "the old handle is fenced")
        go_on.set()

        new = await opening

        with pytest.raises(UploadFenced):
            await appending
        assert new.offset == old.offset
        assert (await new.commit()).size_bytes == old.offset


def _is_fenced(upload: FolderUpload) -> bool:
    try:
        upload.check()
    except UploadFenced:
        return True
    return False


async def test_a_folder_another_upload_just_made_is_made_durable_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    in_rename, go_on = threading.Event(), threading.Event()

    def wait_in_the_first_rename(name: str) -> None:
        if name == "object.before_rename" and not in_rename.is_set():
            in_rename.set()
            go_on.wait(20)

    async with FolderStore(tmp_path, failpoint=wait_in_the_first_rename) as store:
        first = await store.open_upload(new_upload_id(), at("f/a"))
        second = await store.open_upload(new_upload_id(), at("f/b"))
        committing = asyncio.create_task(first.commit())
        await until(in_rename.is_set, "the first upload made the folder and stops")
        synced: list[int] = []
        genuine = os.fsync

        def watched(fd: int) -> None:
            synced.append(os.fstat(fd).st_ino)
            genuine(fd)

        monkeypatch.setattr(os, "fsync", watched)
        await second.commit()
        by_second = set(synced)
        go_on.set()
        await committing
        synced.clear()
        await put(store, "f/c")

    folder = tmp_path.joinpath(*at("f").segments)
    parent, root = inode_of(folder.parent), inode_of(tmp_path)
    assert {inode_of(folder), parent, root} <= by_second
    assert parent not in synced


async def test_bytes_are_durable_before_their_name_and_the_name_before_the_answer(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls: list[tuple[str, int]] = []

    def watch(name: str) -> None:
        genuine = getattr(os, name)

        def watched(*args: object, **options: int) -> object:
            fd = args[0] if isinstance(args[0], int) else options["dst_dir_fd"]
            calls.append((name, os.fstat(fd).st_ino))
            return genuine(*args, **options)

        monkeypatch.setattr(os, name, watched)

    async with FolderStore(tmp_path) as store:
        upload = await store.open_upload(new_upload_id(), at("f/a"))
        await upload.append(b"data")
        await upload.digest()
        watch("fsync")
        watch("rename")
        await upload.commit()

    folder = tmp_path.joinpath(*at("f").segments)
    renamed = calls.index(("rename", folder.stat().st_ino))
    assert ("fsync", (folder / "a").stat().st_ino) in calls[:renamed]
    for named in (folder, folder.parent, folder.parent.parent, folder.parent.parent.parent):
        assert ("fsync", named.stat().st_ino) in calls[renamed:]


def inode_of(path: Path) -> int:
    return path.stat().st_ino


async def test_a_file_cut_short_while_it_is_read_is_an_error(tmp_path: Path) -> None:
    async with FolderStore(tmp_path) as store:
        await put(store, "a", bytes(4 * MIB))
        async with await store.open_read(at("a")) as reader:
            os.truncate(tmp_path / at("a").key, MIB)
            with pytest.raises(StorageError, match="ended at"):
                _ = [chunk async for chunk in reader]


async def test_an_unusable_root_is_said_at_the_start(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")

    with pytest.raises(StorageError, match="file"):
        await FolderStore(tmp_path / "file").start()
    with pytest.raises(RuntimeError, match="not started"):
        await FolderStore(tmp_path).stat(at("a"))
