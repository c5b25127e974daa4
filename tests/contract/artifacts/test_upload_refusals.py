"""How uploads fail: each documented reason, and that nothing changes by it."""

import hashlib
from typing import Any

import pytest

from runstream.v1 import artifact_service_pb2 as pb
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

DATA = b"data"
UPLOAD_ID = "0123456789abcdef0123456789abcdef"


def bare_spec(**fields: Any) -> Request:  # noqa: ANN401 - any of its fields
    given: dict[str, Any] = {"run_id": hex_id(1), "path": "a", "upload_id": UPLOAD_ID}
    return Request(spec=pb.UploadSpec(**given | fields))


@pytest.mark.parametrize(
    ("messages", "remedy"),
    [
        ([], "begins with a request that holds its `spec`"),
        ([Request()], "begins with a request that holds its `spec`"),
        ([chunk(DATA)], "begins with a request that holds its `spec`"),
        ([finish(DATA)], "begins with a request that holds its `spec`"),
        ([spec("a"), spec("a")], "which comes once"),
        ([spec("a"), Request()], "a `chunk`"),
    ],
    ids=["nothing", "an empty request", "a chunk", "a finish", "two specs", "an empty second"],
)
async def test_requests_out_of_order_are_refused(
    serving: Served, messages: list[Request], remedy: str
) -> None:
    refusal = await serving.refused(serving.send(*messages))

    assert refusal.reason == "STREAM_PROTOCOL"
    assert remedy in refusal.message


@pytest.mark.parametrize(
    ("first", "field"),
    [
        (bare_spec(run_id=""), "spec.run_id"),
        (bare_spec(path=""), "spec.path"),
    ],
)
async def test_what_a_spec_lacks_is_named(serving: Served, first: Request, field: str) -> None:
    refusal = await serving.refused(serving.send(first, chunk(DATA), finish(DATA)))

    assert (refusal.reason, refusal.metadata) == ("MISSING_VALUE", {"field": field})


@pytest.mark.parametrize(
    ("messages", "field", "value"),
    [
        ([bare_spec(run_id="RUN")], "spec.run_id", "RUN"),
        ([bare_spec(upload_id="x" * 32)], "spec.upload_id", "x" * 32),
        ([bare_spec(upload_id="../" + "a" * 29)], "spec.upload_id", "../" + "a" * 29),
        ([bare_spec(upload_id="A" * 32)], "spec.upload_id", "A" * 32),
        ([bare_spec(size_bytes=-1)], "spec.size_bytes", "-1"),
        ([bare_spec(), chunk(DATA, -1)], "chunk.offset", "-1"),
        ([bare_spec(), finish(b"", size_bytes=-1)], "finish.size_bytes", "-1"),
        ([bare_spec(), finish(b"", sha256=b"short")], "finish.sha256", "b'short'"),
    ],
)
async def test_a_value_that_cannot_be_is_refused_by_name(
    serving: Served, messages: list[Request], field: str, value: str
) -> None:
    refusal = await serving.refused(serving.send(*messages))

    assert refusal.reason == "INVALID_VALUE"
    assert refusal.metadata == {"field": field, "value": value}


async def test_a_finish_without_a_digest_is_refused_and_may_be_repeated(
    folder_serving: Served,
) -> None:
    serving = folder_serving  # where each chunk of its own is durable
    refusal = await serving.refused(
        serving.send(bare_spec(), chunk(DATA), finish(DATA, sha256=b""))
    )
    answer = await serving.send(bare_spec(), finish(DATA))

    assert (refusal.reason, refusal.metadata) == ("MISSING_VALUE", {"field": "finish.sha256"})
    assert answer.upload.complete


async def test_a_chunk_over_the_limit_is_refused_with_the_limit(serving: Served) -> None:
    size = MAX_UPLOAD_CHUNK_BYTES + 1

    refusal = await serving.refused(serving.send(bare_spec(), chunk(bytes(size))))

    assert refusal.reason == "VALUE_TOO_LONG"
    assert refusal.metadata == {
        "field": "chunk.data",
        "length": str(size),
        "limit": str(MAX_UPLOAD_CHUNK_BYTES),
    }


async def test_an_unknown_run_is_named(serving: Served) -> None:
    refusal = await serving.refused(serving.send(spec("a", run=7), chunk(DATA), finish(DATA)))

    assert (refusal.reason, refusal.metadata) == ("RUN_NOT_FOUND", {"run_id": hex_id(7)})


async def test_a_path_below_a_file_is_refused_at_once(serving: Served) -> None:
    await serving.put("a")

    refusal = await serving.refused(serving.send(spec("a/b/c", UPLOAD_ID)))

    assert (refusal.reason, refusal.metadata) == ("PATH_CONFLICT", {"path": "a/b/c"})
    assert "delete that first or choose another path" in refusal.message
    assert await serving.staged() == []


async def test_a_path_that_is_a_folder_is_refused_at_once(serving: Served) -> None:
    await serving.put("a/b")

    refusal = await serving.refused(serving.send(spec("a", UPLOAD_ID)))

    assert (refusal.reason, refusal.metadata) == ("PATH_CONFLICT", {"path": "a"})


async def test_a_path_taken_meanwhile_is_refused_at_the_finish(folder_serving: Served) -> None:
    serving = folder_serving  # where each chunk of its own is durable
    call = await serving.begin(spec("a/b", UPLOAD_ID), chunk(DATA))
    await serving.durable(UPLOAD_ID, len(DATA))
    await serving.put("a")
    await call.write(finish(DATA))

    refusal = await serving.refused(call)

    assert (refusal.reason, refusal.metadata) == ("PATH_CONFLICT", {"path": "a/b"})
    await serving.delete("a")
    assert (await serving.send(spec("a/b", UPLOAD_ID), finish(DATA))).upload.complete


async def test_an_upload_id_cannot_go_on_at_another_path(serving: Served) -> None:
    await serving.send(spec("a", UPLOAD_ID), chunk(DATA))

    refusal = await serving.refused(serving.send(spec("b", UPLOAD_ID), chunk(DATA), finish(DATA)))

    assert refusal.reason == "UPLOAD_EXISTS"
    assert refusal.metadata == {"upload_id": UPLOAD_ID, "run_id": hex_id(1), "path": "a"}


async def test_the_id_of_a_complete_upload_cannot_be_used_for_another_run(serving: Served) -> None:
    await serving.run(2)
    await serving.put("a", upload_id=UPLOAD_ID)

    refusal = await serving.refused(
        serving.send(spec("a", UPLOAD_ID, run=2), chunk(DATA), finish(DATA))
    )

    assert refusal.reason == "UPLOAD_EXISTS"
    assert refusal.metadata == {"upload_id": UPLOAD_ID, "run_id": hex_id(1), "path": "a"}


async def test_a_gap_is_refused_with_the_expected_offset(folder_serving: Served) -> None:
    serving = folder_serving  # where each chunk of its own is durable
    refusal = await serving.refused(
        serving.send(spec("a", UPLOAD_ID), chunk(DATA), chunk(DATA, 5), finish(DATA))
    )

    assert refusal.reason == "OFFSET_GAP"
    assert refusal.metadata == {"expected_offset": "4", "offset": "5"}
    assert (await serving.upload(UPLOAD_ID)).durable_offset == 4


@pytest.mark.parametrize("offset", [0, 2, 4])
async def test_a_corrupt_chunk_is_refused_and_what_came_before_is_kept(
    folder_serving: Served, offset: int
) -> None:
    serving = folder_serving  # where each chunk of its own is durable
    refusal = await serving.refused(
        serving.send(spec("a", UPLOAD_ID), chunk(DATA), chunk(DATA, offset, checksum=1))
    )

    assert refusal.reason == "CHECKSUM_MISMATCH"
    assert refusal.metadata["offset"] == str(offset)
    assert (await serving.upload(UPLOAD_ID)).durable_offset == 4
    answer = await serving.send(spec("a", UPLOAD_ID), chunk(DATA, 4), finish(DATA + DATA))
    assert answer.upload.complete


@pytest.mark.parametrize(
    ("wrong", "expected", "actual"),
    [
        ({"size_bytes": 5}, "5", "4"),
        ({"crc32c": 1}, "0x00000001", "0xaed87dd1"),
        (
            {"sha256": bytes(32)},
            "00" * 32,
            hashlib.sha256(DATA).hexdigest(),
        ),
    ],
    ids=["size", "CRC32C", "SHA-256"],
)
async def test_a_wrong_digest_discards_the_upload_and_leaves_the_old_file(
    serving: Served, wrong: dict[str, Any], expected: str, actual: str
) -> None:
    await serving.put("a", b"old")

    refusal = await serving.refused(
        serving.send(spec("a", UPLOAD_ID), chunk(DATA), finish(DATA, **wrong))
    )

    assert refusal.reason == "DIGEST_MISMATCH"
    assert refusal.metadata == {"expected": expected, "actual": actual}
    assert await serving.staged() == []
    gone = await serving.refused(serving.upload(UPLOAD_ID))
    assert (gone.reason, gone.metadata) == ("UPLOAD_NOT_FOUND", {"upload_id": UPLOAD_ID})


async def test_bytes_that_got_lost_are_noticed_by_the_digest(serving: Served) -> None:
    data = some_bytes(3 * CHUNK_BYTES)

    refusal = await serving.refused(
        serving.send(spec("a", UPLOAD_ID), *chunks(data)[:-1], finish(data))
    )

    assert refusal.reason == "DIGEST_MISMATCH"


async def test_a_failed_upload_without_an_id_of_its_own_leaves_nothing_behind(
    serving: Served,
) -> None:
    await serving.refused(serving.send(spec("a"), chunk(DATA), chunk(DATA, 9)))

    while await serving.staged():
        await serving.page()
    assert await serving.paths() == []


@pytest.mark.parametrize(("upload_id", "reason"), [("", "MISSING_VALUE"), ("x", "INVALID_VALUE")])
async def test_an_upload_is_asked_for_by_a_whole_id(
    serving: Served, upload_id: str, reason: str
) -> None:
    refusal = await serving.refused(serving.upload(upload_id))

    assert (refusal.reason, refusal.metadata["field"]) == (reason, "upload_id")


async def test_an_upload_that_never_began_is_not_found(serving: Served) -> None:
    unknown = new_upload_id()

    refusal = await serving.refused(serving.upload(unknown))

    assert (refusal.reason, refusal.metadata) == ("UPLOAD_NOT_FOUND", {"upload_id": unknown})
