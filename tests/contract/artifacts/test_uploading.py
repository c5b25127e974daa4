"""What UploadArtifact promises when nothing goes wrong."""

import hashlib
import time

import pytest

from runstream.v1 import artifact_pb2
from runstream_server.core.limits import MAX_UPLOAD_CHUNK_BYTES
from tests.contract.artifacts.serving import (
    CHUNK_BYTES,
    Request,
    Served,
    chunk,
    chunks,
    finish,
    new_upload_id,
    some_bytes,
    spec,
)
from tests.contract.tracking.serving import hex_id

VERIFIED = artifact_pb2.DIGEST_STATE_VERIFIED


async def test_an_upload_makes_its_bytes_visible_and_describes_them(serving: Served) -> None:
    upload_id, data = new_upload_id(), some_bytes(5 * CHUNK_BYTES + 123)
    # Buckets tell times by the second.
    grain_us = 1_000_000 if serving.uri.startswith("s3:") else 1
    before_us = time.time_ns() // 1000 // grain_us * grain_us

    answer = await serving.send(spec("model/weights.bin", upload_id), *chunks(data), finish(data))

    assert answer.upload == artifact_pb2.Upload(
        upload_id=upload_id,
        run_id=hex_id(1),
        path="model/weights.bin",
        durable_offset=len(data),
        complete=True,
    )
    artifact = answer.artifact
    assert (artifact.path, artifact.directory) == ("model/weights.bin", False)
    assert artifact.size_bytes == len(data)
    assert artifact.sha256 == hashlib.sha256(data).digest()
    assert artifact.digest_state == VERIFIED
    after_us = time.time_ns() // 1000 + grain_us - 1
    assert before_us <= artifact.update_time.ToMicroseconds() <= after_us
    assert await serving.get("model/weights.bin") == data
    assert await serving.staged() == []


async def test_a_file_lies_as_plain_bytes_in_the_folder_of_its_run(serving: Served) -> None:
    await serving.put("model/weights.bin", b"plain")

    path = f"0/{hex_id(1)}/artifacts/model/weights.bin"
    assert (await serving.files())[path] == b"plain"


@pytest.mark.parametrize("messages", [[], [chunk(b"")]], ids=["no chunk", "an empty chunk"])
async def test_a_file_can_be_empty(serving: Served, messages: list[Request]) -> None:
    answer = await serving.send(spec("empty", new_upload_id()), *messages, finish(b""))

    assert answer.artifact.size_bytes == 0
    assert answer.artifact.sha256 == hashlib.sha256(b"").digest()
    assert await serving.get("empty") == b""
    assert [found.size_bytes for found in (await serving.page()).artifacts] == [0]


async def test_the_server_makes_up_an_upload_id_when_none_is_given(serving: Served) -> None:
    answer = await serving.send(spec("a"), chunk(b"data"), finish(b"data"))

    assert len(answer.upload.upload_id) == 32
    assert await serving.upload(answer.upload.upload_id) == answer.upload


async def test_checksums_of_chunks_and_of_the_whole_may_be_left_out(serving: Served) -> None:
    data = some_bytes(3 * CHUNK_BYTES)
    bare = [Request(chunk=one.chunk) for one in chunks(data)]
    for one in bare:
        one.chunk.ClearField("crc32c")

    await serving.send(spec("a"), *bare, finish(data, crc32c=None))

    assert await serving.get("a") == data


async def test_empty_chunks_between_others_change_nothing(serving: Served) -> None:
    await serving.send(
        spec("a"), chunk(b"ab"), chunk(b"", 2), chunk(b"", 2), chunk(b"c", 2), finish(b"abc")
    )

    assert await serving.get("a") == b"abc"


async def test_a_chunk_of_the_greatest_size_is_taken(serving: Served) -> None:
    data = some_bytes(MAX_UPLOAD_CHUNK_BYTES)

    await serving.send(spec("a"), chunk(data), finish(data))

    assert await serving.get("a") == data


async def test_a_right_size_hint_changes_nothing(serving: Served) -> None:
    await serving.send(spec("a", size_bytes=4), chunk(b"data"), finish(b"data"))

    assert await serving.get("a") == b"data"


async def test_a_wrong_size_hint_is_only_a_hint(serving: Served) -> None:
    await serving.send(spec("a", size_bytes=2), chunk(b"data"), finish(b"data"))

    assert await serving.get("a") == b"data"


async def test_a_later_upload_replaces_the_file_and_its_digest(serving: Served) -> None:
    await serving.put("a", b"the first content")

    await serving.put("a", b"second")

    artifact, _ = await serving.download("a")
    assert await serving.get("a") == b"second"
    assert (artifact.size_bytes, artifact.digest_state) == (6, VERIFIED)
    assert artifact.sha256 == hashlib.sha256(b"second").digest()


async def test_nothing_is_visible_before_the_finish(folder_serving: Served) -> None:
    serving = folder_serving  # where each chunk of its own is durable
    data, upload_id = some_bytes(3 * CHUNK_BYTES), new_upload_id()
    await serving.put("a", b"old")
    call = await serving.begin(spec("a", upload_id), *chunks(data))
    other = await serving.begin(spec("b/c", new_upload_id()), *chunks(data))
    await serving.durable(upload_id, len(data))

    seen = await serving.paths(), await serving.get("a")

    assert seen == (["a"], b"old")
    for each in (call, other):
        await each.write(finish(data))
        assert (await each).upload.complete
    assert await serving.paths() == ["a", "b/"]
    assert await serving.get("a") == data


async def test_the_answer_comes_with_the_finish_not_with_the_end_of_the_call(
    serving: Served,
) -> None:
    call = await serving.begin(spec("a"), chunk(b"data"), finish(b"data"))

    answer = await call

    assert answer.upload.complete


async def test_many_uploads_at_once_all_arrive(serving: Served) -> None:
    contents = {f"f{n % 5}/{n}": some_bytes(CHUNK_BYTES + n, seed=n) for n in range(40)}
    calls = [
        await serving.begin(spec(path, new_upload_id()), *chunks(data), finish(data))
        for path, data in contents.items()
    ]

    for call in calls:
        assert (await call).upload.complete

    assert {path: await serving.get(path) for path in contents} == contents
