"""What DownloadArtifact promises."""

import asyncio
import hashlib
import os

import pytest

from runstream.v1 import artifact_pb2, artifact_service_pb2 as pb
from runstream_server.objects.base import READ_CHUNK_BYTES
from runstream_server.objects.checksums import crc32c
from tests.contract.artifacts.serving import Served, some_bytes
from tests.contract.tracking.serving import hex_id

DATA = some_bytes(2 * READ_CHUNK_BYTES + 777)
SIZE = len(DATA)


async def test_a_download_describes_the_file_and_then_holds_its_bytes_in_order(
    serving: Served,
) -> None:
    stored = await serving.put("f/a", DATA)

    artifact, received = await serving.download("f/a")

    assert artifact == stored
    assert artifact.sha256 == hashlib.sha256(DATA).digest()
    assert [len(part.data) for part in received] == [READ_CHUNK_BYTES, READ_CHUNK_BYTES, 777]
    assert [part.offset for part in received] == [0, READ_CHUNK_BYTES, 2 * READ_CHUNK_BYTES]
    assert all(part.crc32c == crc32c(part.data) for part in received)
    assert b"".join(part.data for part in received) == DATA


@pytest.mark.parametrize(
    ("offset", "limit"),
    [
        (0, 1),
        (0, SIZE),
        (0, SIZE + 1),
        (1, 0),
        (SIZE - 1, 0),
        (READ_CHUNK_BYTES - 1, 2),
        (READ_CHUNK_BYTES, READ_CHUNK_BYTES),
        (12345, READ_CHUNK_BYTES + 1),
        (SIZE, 0),
        (SIZE, 5),
        (3, 2**63 - 1),
    ],
)
async def test_a_range_is_what_is_asked_for(serving: Served, offset: int, limit: int) -> None:
    await serving.put("a", DATA)

    artifact, received = await serving.download("a", offset=offset, limit=limit)

    assert artifact.size_bytes == SIZE
    assert b"".join(part.data for part in received) == DATA[offset:][: limit or None]
    assert [part.offset for part in received][:1] == [offset][: len(received)]
    assert all(part.crc32c == crc32c(part.data) for part in received)


async def test_an_offset_beyond_the_end_is_refused_with_the_size(serving: Served) -> None:
    await serving.put("a", b"data")

    refusal = await serving.refused(serving.download("a", offset=5))

    assert refusal.reason == "RANGE_NOT_SATISFIABLE"
    assert refusal.metadata == {"offset": "5", "size_bytes": "4"}


@pytest.mark.parametrize("field", ["offset", "limit"])
async def test_a_negative_range_is_refused(serving: Served, field: str) -> None:
    await serving.put("a", b"data")
    offset, limit = (-1, 0) if field == "offset" else (0, -1)

    refusal = await serving.refused(serving.download("a", offset=offset, limit=limit))

    assert (refusal.reason, refusal.metadata) == ("INVALID_VALUE", {"field": field, "value": "-1"})


@pytest.mark.parametrize("path", ["b", "f/b", "f/a/b", "F"])
async def test_a_file_that_is_not_there_is_not_found(serving: Served, path: str) -> None:
    await serving.put("f/a")

    refusal = await serving.refused(serving.download(path))

    assert refusal.reason == "ARTIFACT_NOT_FOUND"
    assert refusal.metadata == {"run_id": hex_id(1), "path": path}


async def test_a_folder_cannot_be_downloaded(serving: Served) -> None:
    await serving.put("f/g/a")

    refusal = await serving.refused(serving.download("f/g"))

    assert (refusal.reason, refusal.metadata) == ("IS_A_DIRECTORY", {"path": "f/g"})


async def test_a_file_of_another_run_is_not_found(serving: Served) -> None:
    await serving.run(2)
    await serving.put("a")

    refusal = await serving.refused(serving.download("a", run=2))

    assert refusal.reason == "ARTIFACT_NOT_FOUND"


@pytest.mark.parametrize(("run_id", "reason"), [("", "MISSING_VALUE"), ("x", "INVALID_VALUE")])
async def test_a_run_id_that_is_none_is_refused(serving: Served, run_id: str, reason: str) -> None:
    stub = serving.artifacts

    async def first(request: pb.DownloadArtifactRequest) -> object:
        return [response async for response in stub.DownloadArtifact(request)]

    calls = (
        first(pb.DownloadArtifactRequest(run_id=run_id, path="a")),
        stub.ListArtifacts(pb.ListArtifactsRequest(run_id=run_id)),
        stub.DeleteArtifact(pb.DeleteArtifactRequest(run_id=run_id, path="a")),
    )

    refusals = [await serving.refused(call) for call in calls]

    assert {(each.reason, each.metadata["field"]) for each in refusals} == {(reason, "run_id")}


async def test_an_unknown_run_is_not_found_at_every_door(serving: Served) -> None:
    calls = (serving.download("a", run=7), serving.page(run=7), serving.delete("a", run=7))

    refusals = [await serving.refused(call) for call in calls]

    assert {each.reason for each in refusals} == {"RUN_NOT_FOUND"}


async def test_a_download_under_way_is_of_one_file_although_that_is_replaced(
    serving: Served,
) -> None:
    data = some_bytes(40 * READ_CHUNK_BYTES)
    await serving.put("a", data)
    request = pb.DownloadArtifactRequest(run_id=hex_id(1), path="a")
    call = serving.artifacts.DownloadArtifact(request)
    received = [await anext(aiter(call))]

    await serving.put("a", b"new")
    await serving.delete("a")
    received += [response async for response in call]

    assert received[0].artifact.size_bytes == len(data)
    assert b"".join(response.chunk.data for response in received[1:]) == data


async def test_a_file_written_past_the_server_is_served_without_a_digest(
    folder_serving: Served,
) -> None:
    serving = folder_serving
    stored = await serving.put("a", b"by the server")
    path = serving.folder / "0" / hex_id(1) / "artifacts" / "a"
    path.write_bytes(b"by another way")

    artifact, received = await serving.download("a")

    assert received[0].data == b"by another way"
    assert artifact.size_bytes == 14
    assert stored.sha256
    assert (artifact.sha256, artifact.digest_state) == (b"", 0)


async def test_a_digest_counts_only_for_the_time_that_it_was_taken_at(
    folder_serving: Served,
) -> None:
    serving = folder_serving
    stored = await serving.put("a", b"one")
    path = serving.folder / "0" / hex_id(1) / "artifacts" / "a"
    time_ns = path.stat().st_mtime_ns
    path.write_bytes(b"two")
    os.utime(path, ns=(time_ns, time_ns + 1_000_000))

    artifact, _ = await serving.download("a")

    assert stored.digest_state == artifact_pb2.DIGEST_STATE_VERIFIED
    assert (artifact.sha256, artifact.digest_state) == (b"", 0)


async def test_a_download_that_its_client_leaves_lets_go_of_the_file(serving: Served) -> None:
    await serving.put("a", some_bytes(30 * READ_CHUNK_BYTES))
    request = pb.DownloadArtifactRequest(run_id=hex_id(1), path="a")
    call = serving.artifacts.DownloadArtifact(request)
    await anext(aiter(call))

    call.cancel()

    # The fixture looks for files that were left open.
    with pytest.raises(asyncio.CancelledError):
        await anext(aiter(call))
    assert await serving.paths() == ["a"]
