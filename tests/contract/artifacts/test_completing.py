"""The end of an upload: between the object and the row, and what stands against it."""

import asyncio
import hashlib
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any, NoReturn

import grpc
import pytest
from sqlalchemy import exc

from runstream.v1 import artifact_pb2
from runstream_server.storage.database import Database, Write
from tests.contract.artifacts.serving import (
    DEADLINE_S,
    Served,
    chunk,
    finish,
    new_upload_id,
    served,
    spec,
)
from tests.contract.backends import Backend
from tests.contract.tracking.serving import hex_id
from tests.support.calls import error_info

DATA = b"what was sent"
VERIFIED = artifact_pb2.DIGEST_STATE_VERIFIED


class Gate:
    """A failpoint that lets a test do something while an upload waits there."""

    def __init__(self, name: str) -> None:
        self.reached = threading.Event()
        self.opened = threading.Event()
        self._name = name

    def __call__(self, name: str) -> None:
        if name == self._name:
            self.reached.set()
            assert self.opened.wait(DEADLINE_S)

    async def wait(self, serving: Served) -> None:
        while not self.reached.is_set():
            await serving.page()


async def break_off(
    serving: Served, monkeypatch: pytest.MonkeyPatch, path: str, upload_id: str
) -> None:
    """Uploads a file whose object becomes visible while the database takes nothing."""

    async def fail(*_: object) -> NoReturn:
        raise exc.OperationalError("COMMIT", {}, OSError("the database is gone"))

    with monkeypatch.context() as patch:
        patch.setattr(type(serving.database), "write", fail)
        with pytest.raises(grpc.RpcError) as caught:
            await serving.send(spec(path, upload_id), chunk(DATA), finish(DATA))
    assert error_info(caught.value).reason == "STORAGE_UNAVAILABLE"
    assert await serving.get(path) == DATA
    assert await serving.staged() == [upload_id]


async def test_an_upload_whose_row_is_missing_is_completed_by_its_spec(
    serving: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    upload_id = new_upload_id()
    await break_off(serving, monkeypatch, "a", upload_id)

    answer = await serving.send(spec("a", upload_id))

    assert answer.upload.complete
    assert answer.artifact.sha256 == hashlib.sha256(DATA).digest()
    assert answer.artifact.digest_state == VERIFIED
    assert (await serving.page()).artifacts == [answer.artifact]
    assert await serving.staged() == []


async def test_an_upload_whose_row_is_missing_is_completed_by_asking_for_it(
    serving: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    upload_id = new_upload_id()
    await break_off(serving, monkeypatch, "a", upload_id)

    upload = await serving.upload(upload_id)

    assert (upload.complete, upload.durable_offset) == (True, len(DATA))
    [artifact] = (await serving.page()).artifacts
    assert (artifact.sha256, artifact.digest_state) == (hashlib.sha256(DATA).digest(), VERIFIED)
    assert await serving.staged() == []


async def test_an_upload_completed_late_leaves_the_file_that_replaced_its_own(
    serving: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    upload_id = new_upload_id()
    await break_off(serving, monkeypatch, "a", upload_id)
    await serving.put("a", b"newer")

    answer = await serving.send(spec("a", upload_id), chunk(DATA), finish(DATA))

    assert answer.artifact.sha256 == hashlib.sha256(DATA).digest()
    [artifact] = (await serving.page()).artifacts
    assert artifact.sha256 == hashlib.sha256(b"newer").digest()
    assert await serving.get("a") == b"newer"


async def test_an_upload_completed_late_leaves_its_file_deleted(
    serving: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    upload_id = new_upload_id()
    await break_off(serving, monkeypatch, "a", upload_id)
    await serving.delete("a")

    answer = await serving.send(spec("a", upload_id), chunk(DATA), finish(DATA))

    assert answer.upload.complete
    assert await serving.paths() == []


async def test_a_file_without_a_row_is_there_without_a_digest(
    serving: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    await break_off(serving, monkeypatch, "a", new_upload_id())

    [artifact] = (await serving.page()).artifacts

    assert (artifact.path, artifact.size_bytes) == ("a", len(DATA))
    assert (artifact.sha256, artifact.digest_state) == (b"", 0)


async def test_a_run_deleted_meanwhile_gets_no_artifact_until_it_is_restored(
    folder_serving: Served,
) -> None:
    serving = folder_serving  # where each chunk of its own is durable
    upload_id = new_upload_id()
    call = await serving.begin(spec("a", upload_id), chunk(DATA))
    await serving.durable(upload_id, len(DATA))
    await serving.delete_run()
    await call.write(finish(DATA))

    refusal = await serving.refused(call)

    assert (refusal.reason, refusal.metadata) == ("RUN_DELETED", {"run_id": hex_id(1)})
    assert await serving.paths() == []
    await serving.restore_run()
    assert (await serving.send(spec("a", upload_id), finish(DATA))).upload.complete


@pytest.mark.parametrize("place", ["object.before_rename", "object.after_rename"])
async def test_an_upload_at_its_end_is_completed_although_its_client_left(
    backend: Backend, tmp_path: Path, place: str
) -> None:
    gate = Gate(place)
    async with served(backend, tmp_path, gate) as serving:
        await serving.run()
        call = await serving.begin(spec("a", new_upload_id()), chunk(DATA), finish(DATA))
        await gate.wait(serving)

        call.cancel()
        gate.opened.set()

        # Nobody asks for the upload, which would complete it too.
        while not any(found.sha256 for found in (await serving.page()).artifacts):
            pass
        while await serving.staged():
            await serving.page()


@pytest.mark.parametrize("place", ["object.before_rename", "object.after_rename"])
async def test_an_upload_at_its_end_is_completed_although_the_server_stops(
    backend: Backend, tmp_path: Path, place: str
) -> None:
    gate = Gate(place)
    async with served(backend, tmp_path, gate) as serving:
        await serving.run()
        call = await serving.begin(spec("a"), chunk(DATA), finish(DATA))
        await gate.wait(serving)

        serving.stopping.begin()
        gate.opened.set()

        answer = await call
        assert answer.artifact.digest_state == VERIFIED


async def test_a_later_call_waits_for_one_that_is_at_its_end_and_both_succeed(
    backend: Backend, tmp_path: Path
) -> None:
    gate, upload_id = Gate("object.after_rename"), new_upload_id()
    async with served(backend, tmp_path, gate) as serving:
        await serving.run()
        earlier = await serving.begin(spec("a", upload_id), chunk(DATA), finish(DATA))
        await gate.wait(serving)
        later = await serving.begin(spec("a", upload_id))
        await serving.page()

        gate.opened.set()

        assert await earlier == await later
        assert (await later).artifact.digest_state == VERIFIED


async def test_of_uploads_to_one_path_the_last_to_complete_stays_with_its_digest(
    serving: Served,
) -> None:
    contents = [f"content {number}".encode() * 1000 for number in range(12)]
    calls = [await serving.begin(spec("f/a", new_upload_id()), chunk(data)) for data in contents]

    for call, data in zip(calls, contents, strict=True):
        await call.write(finish(data))
    answers = [await call for call in calls]

    found = await serving.get("f/a")
    [artifact] = (await serving.page("f")).artifacts
    assert found in contents
    assert artifact.sha256 == hashlib.sha256(found).digest()
    assert artifact.digest_state == VERIFIED
    assert artifact in [answer.artifact for answer in answers]
    assert await serving.staged() == []


async def test_a_digest_is_stored_before_the_next_upload_to_its_path_becomes_visible(
    serving: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    database, database_works = type(serving.database), asyncio.Event()
    write: Callable[..., Any] = database.write

    async def write_later(self: Database, work: Write[Any]) -> Any:  # noqa: ANN401 - any result
        await database_works.wait()
        return await write(self, work)

    calls = [await serving.begin(spec("a"), chunk(data)) for data in (b"first", b"second")]
    monkeypatch.setattr(database, "write", write_later)
    await calls[0].write(finish(b"first"))
    while await serving.paths() == []:
        pass
    await calls[1].write(finish(b"second"))
    for _ in range(50):
        assert await serving.get("a") == b"first"

    database_works.set()

    assert [(await call).upload.complete for call in calls] == [True, True]
    [artifact] = (await serving.page()).artifacts
    assert await serving.get("a") == b"second"
    assert artifact.sha256 == hashlib.sha256(b"second").digest()
