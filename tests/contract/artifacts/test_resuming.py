"""Uploads that break off and go on."""

import asyncio
import hashlib
import random
from pathlib import Path

import grpc
import pytest

from runstream_server.objects.folder_uploads import FolderUpload
from tests.contract.artifacts.serving import (
    CHUNK_BYTES,
    Served,
    chunk,
    chunks,
    finish,
    new_upload_id,
    served,
    some_bytes,
    spec,
)
from tests.contract.backends import Backend
from tests.contract.tracking.serving import hex_id
from tests.support.calls import error_info, retry_delay_s

DATA = some_bytes(7 * CHUNK_BYTES + 321)


@pytest.fixture
def serving(folder_serving: Served) -> Served:
    """Each chunk of its own is durable in a folder alone."""
    return folder_serving


async def test_a_call_without_a_finish_says_how_much_is_durable(serving: Served) -> None:
    upload_id = new_upload_id()

    answer = await serving.send(spec("a", upload_id), *chunks(DATA[:CHUNK_BYTES]))

    assert (answer.upload.durable_offset, answer.upload.complete) == (CHUNK_BYTES, False)
    assert (answer.upload.run_id, answer.upload.path) == (hex_id(1), "a")
    assert not answer.HasField("artifact")
    assert await serving.upload(upload_id) == answer.upload
    assert await serving.paths() == []


async def test_an_upload_goes_on_from_its_durable_offset(serving: Served) -> None:
    upload_id, half = new_upload_id(), 3 * CHUNK_BYTES + 5
    await serving.send(spec("a", upload_id), *chunks(DATA[:half]))

    offset = (await serving.upload(upload_id)).durable_offset
    answer = await serving.send(spec("a", upload_id), *chunks(DATA, offset), finish(DATA))

    assert offset == half
    assert answer.artifact.sha256 == hashlib.sha256(DATA).digest()
    assert await serving.get("a") == DATA


@pytest.mark.parametrize("seed", range(6))
async def test_an_upload_cut_and_resumed_anywhere_arrives_whole(
    backend: Backend, tmp_path: Path, seed: int
) -> None:
    maker, upload_id = random.Random(seed), new_upload_id()
    offset = 0
    while offset < len(DATA):
        async with served(backend, tmp_path) as serving:
            if not offset:
                await serving.run()
            for _ in range(maker.randint(1, 3)):
                begin = maker.randint(0, offset)
                end = min(len(DATA), offset + maker.randint(1, 2 * CHUNK_BYTES))
                size_bytes = maker.choice([1000, CHUNK_BYTES - 1, CHUNK_BYTES, 3 * CHUNK_BYTES])
                await serving.send(spec("a", upload_id), *chunks(DATA[:end], begin, size_bytes))
                offset = (await serving.upload(upload_id)).durable_offset
                assert offset == end

    async with served(backend, tmp_path) as serving:
        answer = await serving.send(spec("a", upload_id), finish(DATA))

        assert answer.upload.complete
        assert await serving.get("a") == DATA


async def test_bytes_that_the_server_has_may_be_sent_again(serving: Served) -> None:
    upload_id = new_upload_id()
    await serving.send(spec("a", upload_id), chunk(b"abcdef"))

    await serving.send(
        spec("a", upload_id),
        chunk(b"abc"),
        chunk(b"", 2),
        chunk(b"defgh", 3),
        chunk(b"gh", 6),
        chunk(b"hij", 7),
        finish(b"abcdefghij"),
    )

    assert await serving.get("a") == b"abcdefghij"


async def test_a_complete_upload_answers_its_spec_with_the_artifact_at_once(
    serving: Served,
) -> None:
    upload_id = new_upload_id()
    first = await serving.send(spec("a", upload_id), *chunks(DATA), finish(DATA))

    call = await serving.begin(spec("a", upload_id))
    again = await call

    assert again == first
    assert await serving.upload(upload_id) == first.upload


async def test_a_complete_upload_that_was_replaced_does_not_come_back(serving: Served) -> None:
    upload_id = new_upload_id()
    first = await serving.send(spec("a", upload_id), chunk(b"old"), finish(b"old"))
    await serving.put("a", b"newer")

    again = await serving.send(spec("a", upload_id), chunk(b"old"), finish(b"old"))

    assert again.upload == first.upload
    assert (again.artifact.path, again.artifact.size_bytes) == ("a", 3)
    assert again.artifact.update_time == first.artifact.update_time
    assert not again.artifact.sha256
    assert await serving.get("a") == b"newer"


async def test_a_complete_upload_that_was_deleted_does_not_come_back(serving: Served) -> None:
    upload_id = new_upload_id()
    await serving.put("a", upload_id=upload_id)
    await serving.delete("a")

    again = await serving.send(spec("a", upload_id), chunk(b"data"), finish(b"data"))

    assert again.upload.complete
    assert await serving.paths() == []


async def test_what_a_client_sent_before_it_cancelled_is_kept(serving: Served) -> None:
    upload_id = new_upload_id()
    call = await serving.begin(spec("a", upload_id), *chunks(DATA[: 4 * CHUNK_BYTES]))
    await serving.durable(upload_id, 4 * CHUNK_BYTES)

    call.cancel()

    assert (await serving.upload(upload_id)).durable_offset == 4 * CHUNK_BYTES
    answer = await serving.send(spec("a", upload_id), *chunks(DATA, 4 * CHUNK_BYTES), finish(DATA))
    assert answer.artifact.sha256 == hashlib.sha256(DATA).digest()


async def test_the_durable_offset_never_decreases(serving: Served) -> None:
    upload_id, offsets = new_upload_id(), [0]
    call = await serving.begin(spec("a", upload_id), chunk(b""))
    await serving.durable(upload_id, 0)
    for one in chunks(DATA):
        await call.write(one)
        offsets.append((await serving.upload(upload_id)).durable_offset)

    await call.done_writing()
    offsets.append((await call).upload.durable_offset)

    assert offsets == sorted(offsets)
    assert offsets[-1] == len(DATA)


async def test_of_two_calls_for_one_upload_the_later_wins_and_the_earlier_hears_of_it(
    folder_serving: Served,
) -> None:
    serving = folder_serving
    upload_id, half = new_upload_id(), 4 * CHUNK_BYTES
    earlier = await serving.begin(spec("a", upload_id), *chunks(DATA[:half]))
    await serving.durable(upload_id, half)

    later = await serving.begin(spec("a", upload_id), *chunks(DATA, half))
    refusal = await serving.refused(earlier)
    await later.write(finish(DATA))

    assert (refusal.reason, refusal.metadata) == ("UPLOAD_MOVED", {"upload_id": upload_id})
    assert (await later).artifact.sha256 == hashlib.sha256(DATA).digest()
    assert await serving.get("a") == DATA


async def test_of_many_calls_for_one_upload_one_wins_and_the_file_is_whole(
    serving: Served,
) -> None:
    upload_id = new_upload_id()

    async def outcome() -> str:
        try:
            answer = await serving.send(spec("a", upload_id), *chunks(DATA), finish(DATA))
        except grpc.RpcError as error:
            return str(error_info(error).reason)
        assert answer.artifact.sha256 == hashlib.sha256(DATA).digest()
        return "complete"

    outcomes = await asyncio.gather(*(outcome() for _ in range(8)))

    assert "complete" in outcomes
    assert set(outcomes) <= {"complete", "UPLOAD_MOVED"}
    assert await serving.get("a") == DATA


async def test_a_stop_makes_durable_what_came_and_sends_the_client_elsewhere(
    backend: Backend, tmp_path: Path
) -> None:
    upload_id, half = new_upload_id(), 3 * CHUNK_BYTES
    async with served(backend, tmp_path) as serving:
        await serving.run()
        call = await serving.begin(spec("a", upload_id), *chunks(DATA[:half]))
        await serving.durable(upload_id, half)

        serving.stopping.begin()

        with pytest.raises(grpc.RpcError) as caught:
            await call
        assert error_info(caught.value).reason == "SERVER_STOPPING"
        assert caught.value.code() is grpc.StatusCode.UNAVAILABLE
        assert retry_delay_s(caught.value) == 1.0
        refused = [
            await serving.refused(serving.send(spec("b"))),
            await serving.refused(serving.download("b")),
        ]
        assert {refusal.reason for refusal in refused} == {"SERVER_STOPPING"}

    async with served(backend, tmp_path) as serving:
        assert (await serving.upload(upload_id)).durable_offset == half
        await serving.send(spec("a", upload_id), *chunks(DATA, half), finish(DATA))
        assert await serving.get("a") == DATA


async def test_a_stop_flushes_what_came_to_the_disk(
    serving: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    sync, flushed, upload_id = FolderUpload.sync, list[int](), new_upload_id()

    async def noted_sync(self: FolderUpload) -> int:
        flushed.append(await sync(self))
        return flushed[-1]

    monkeypatch.setattr(FolderUpload, "sync", noted_sync)
    call = await serving.begin(spec("a", upload_id), *chunks(DATA))
    data = serving.folder / ".uploads" / upload_id / "data"
    while not (data.exists() and data.stat().st_size == len(DATA)):
        await serving.page()

    serving.stopping.begin()

    with pytest.raises(grpc.RpcError):
        await call
    assert flushed == [len(DATA)]
