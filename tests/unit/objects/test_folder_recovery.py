from __future__ import annotations

import asyncio
import random
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import HealthCheck, given, settings, strategies as st
from tests.unit.objects.backends import at, get, new_upload_id, sha256, some_bytes

from runstream_server.objects.errors import UploadNotFound
from runstream_server.objects.folder import FolderStore

CHUNK_BYTES = 10_000
DATA = some_bytes(10 * CHUNK_BYTES)
UPLOAD_ID = "a" * 32


def _never(*_: object) -> None:
    raise AssertionError


def _nothing(_: Path) -> None:
    pass


def _replace(name: str, content: bytes) -> Callable[[Path], None]:
    def damage(folder: Path) -> None:
        (folder / name).write_bytes(content)

    return damage


def _cut(name: str, size_bytes: int) -> Callable[[Path], None]:
    def damage(folder: Path) -> None:
        content = (folder / name).read_bytes()
        (folder / name).write_bytes(content[: len(content) - size_bytes])

    return damage


def _overwrite(name: str, offset: int, content: bytes) -> Callable[[Path], None]:
    def damage(folder: Path) -> None:
        with (folder / name).open("r+b") as file:
            file.seek(offset)
            file.write(content)

    return damage


def _extend(name: str, content: bytes) -> Callable[[Path], None]:
    return lambda folder: _append(folder / name, content)


def _append(path: Path, content: bytes) -> None:
    with path.open("ab") as file:
        file.write(content)


@pytest.mark.parametrize(
    ("damage", "chunks_left"),
    [
        pytest.param(_nothing, 10, id="none"),
        pytest.param(_cut("data", 1), 9, id="the last byte never reached the disk"),
        pytest.param(_cut("data", CHUNK_BYTES + 1), 8, id="two chunks never did"),
        pytest.param(_cut("chunks", 1), 9, id="the last record is torn"),
        pytest.param(_cut("chunks", 80), 0, id="no record reached the disk"),
        pytest.param(_extend("data", b"x" * 500), 10, id="a chunk without a record"),
        pytest.param(_extend("chunks", bytes(64)), 10, id="records are a hole"),
        pytest.param(_extend("chunks", b"\xff" * 16), 10, id="records are garbage"),
        pytest.param(_overwrite("data", 45_000, b"?"), 4, id="a byte differs"),
        pytest.param(_overwrite("data", 70_000, bytes(4096)), 7, id="a page is a hole"),
        pytest.param(_replace("chunks", b""), 0, id="the records are gone"),
        pytest.param(_replace("spec", b"{"), 0, id="the spec is torn"),
        pytest.param(_replace("committed", b"{}"), 10, id="a commit began"),
    ],
)
async def test_only_bytes_that_are_right_count_after_a_crash(
    tmp_path: Path, damage: Callable[[Path], None], chunks_left: int
) -> None:
    async with FolderStore(tmp_path) as store:
        upload = await store.open_upload(UPLOAD_ID, at("a"))
        for begin in range(0, len(DATA), CHUNK_BYTES):
            await upload.append(DATA[begin : begin + CHUNK_BYTES])

    damage(tmp_path / ".uploads" / UPLOAD_ID)

    async with FolderStore(tmp_path) as store:
        async with await store.open_upload(UPLOAD_ID, at("a")) as upload:
            assert upload.offset == upload.durable_offset == chunks_left * CHUNK_BYTES
            await upload.append(DATA[upload.offset :])
            assert (await upload.digest()).sha256 == sha256(DATA)
            await upload.commit()
        assert await get(store, "a") == DATA


async def test_an_upload_that_never_began_properly_is_unknown(tmp_path: Path) -> None:
    async with FolderStore(tmp_path) as store:
        (tmp_path / ".uploads" / UPLOAD_ID).mkdir()
        with pytest.raises(UploadNotFound):
            await store.upload_status(UPLOAD_ID)
        assert await store.sweep_uploads(0) == (UPLOAD_ID,)
        (tmp_path / ".uploads" / "notes.txt").write_text("not ours")
        assert await store.sweep_uploads(0) == ()


async def test_resuming_in_the_same_process_hashes_nothing_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with FolderStore(tmp_path) as store:
        async with await store.open_upload(UPLOAD_ID, at("a")) as upload:
            await upload.append(DATA)
        monkeypatch.setattr("runstream_server.objects.staging.StagedUpload._hash_again", _never)
        await store.upload_status(UPLOAD_ID)
        async with await store.open_upload(UPLOAD_ID, at("a")) as upload:
            await upload.append(b"end")
            assert (await upload.digest()).sha256 == sha256(DATA + b"end")


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    seed=st.integers(0, 2**32),
    actions=st.lists(
        st.sampled_from(["append", "append", "append", "sync", "close", "restart", "take over"]),
        max_size=25,
    ),
)
def test_whatever_interrupts_an_upload_its_bytes_come_out_right(
    seed: int, actions: list[str]
) -> None:
    with TemporaryDirectory() as root:
        asyncio.run(_interrupted_upload(Path(root), random.Random(seed), actions))


async def _interrupted_upload(root: Path, rng: random.Random, actions: list[str]) -> None:
    upload_id, sent = new_upload_id(), b""
    store = FolderStore(root)
    await store.start()
    upload = await store.open_upload(upload_id, at("a"))
    for action in actions:
        durable_offset = upload.durable_offset
        if action == "append":
            chunk = rng.randbytes(rng.choice([0, 1, 100, 70_000]))
            await upload.append(chunk)
            sent += chunk
            continue
        if action == "sync":
            assert await upload.sync() == len(sent)
            continue
        if action == "close":
            await upload.close()
        if action == "restart":
            await store.close()
            store = FolderStore(root)
            await store.start()
        upload = await store.open_upload(upload_id, at("a"))
        assert durable_offset <= upload.offset == len(sent)
    info = await upload.commit()
    assert info.digest is not None
    assert info.digest.sha256 == sha256(sent)
    assert await get(store, "a") == sent
    await store.close()
