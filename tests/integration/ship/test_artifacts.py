"""Artifacts arrive whole, resumed where they broke off, and never other than they were logged."""

from __future__ import annotations

import json
import os
from pathlib import Path

import grpc
from google.protobuf.message import Message
from tests.integration.ship.fake_server import FakeServer, Refused
from tests.integration.ship.spools import new_writer, ship

from runstream._spool import SpoolWriter
from runstream.v1 import artifact_service_pb2 as pb

MIB = 1 << 20


def refusals(spool: Path, writer: SpoolWriter) -> list[str]:
    folder = spool / "rejected" / writer.run_id / writer.writer_id
    return [json.loads(path.read_text())["reason"] for path in sorted(folder.glob("*.json"))]


async def test_files_arrive_with_their_content(fake: FakeServer, spool: Path) -> None:
    writer = new_writer(spool, fake.uri)
    contents = {"empty": b"", "one": b"1"}
    contents |= {"exact": os.urandom(2 * MIB), "big": os.urandom(3 * MIB + 7)}
    for path, content in contents.items():
        writer.artifact(content, path)
    writer.close()

    await ship(spool)

    assert fake.files == contents
    assert fake.events[1:] == [f"file {path}" for path in contents]
    assert not list((writer.folder / "artifacts").iterdir())


async def test_an_upload_goes_on_where_it_broke(fake: FakeServer, spool: Path) -> None:
    writer = new_writer(spool, fake.uri)
    content = os.urandom(5 * MIB + 3)
    writer.artifact(content, "big")
    writer.close()
    chunks = 0

    async def break_twice(request: Message) -> None:
        nonlocal chunks
        if isinstance(request, pb.UploadArtifactRequest):
            chunks += 1
            if chunks in (3, 5):
                raise Refused(grpc.StatusCode.UNAVAILABLE, "")

    fake.on_call = break_twice

    await ship(spool)

    assert fake.files == {"big": content}
    assert fake.upload_starts == [0, 2 * MIB, 3 * MIB]
    assert len(fake.uploads) == 1


async def test_an_upload_goes_on_in_the_middle_of_a_chunk(fake: FakeServer, spool: Path) -> None:
    writer = new_writer(spool, fake.uri)
    content = os.urandom(3 * MIB)
    writer.artifact(content, "big")
    writer.close()
    broke = False

    async def keep_a_part(request: Message) -> None:
        nonlocal broke
        if isinstance(request, pb.UploadArtifactRequest) and not broke:
            broke = True
            (durable,) = fake.uploads.values()
            durable += request.chunk.data[:1000]
            raise Refused(grpc.StatusCode.ABORTED, "UPLOAD_MOVED")

    fake.on_call = keep_a_part

    await ship(spool)

    assert fake.files == {"big": content}
    assert fake.upload_starts == [1000]


async def test_a_large_file_that_is_referred_to_is_uploaded(
    fake: FakeServer, spool: Path, tmp_path: Path
) -> None:
    source = tmp_path / "weights"
    source.write_bytes(b"w" * 100)
    writer = new_writer(spool, fake.uri)
    writer._snapshot_max = 10  # noqa: SLF001  # pyright: ignore[reportPrivateUsage]
    writer.artifact(source, "weights")
    writer.close()

    await ship(spool)

    assert fake.files == {"weights": b"w" * 100}
    assert source.exists()


async def test_a_file_that_changed_since_is_refused_loudly(
    fake: FakeServer, spool: Path, tmp_path: Path
) -> None:
    source = tmp_path / "weights"
    source.write_bytes(b"w" * 100)
    writer = new_writer(spool, fake.uri)
    writer._snapshot_max = 10  # noqa: SLF001  # pyright: ignore[reportPrivateUsage]
    writer.artifact(source, "weights")
    writer.artifact(b"next", "next")
    writer.operation({"op": "finish_run", "status": "FINISHED"})
    writer.close()
    source.write_bytes(b"v" * 100)

    await ship(spool)

    assert fake.files == {"next": b"next"}
    assert fake.events[-1] == "FinishRunRequest"
    (reason,) = refusals(spool, writer)
    assert "has changed since it was logged" in reason


async def test_a_file_that_changes_while_it_is_sent_is_not_finished(
    fake: FakeServer, spool: Path, tmp_path: Path
) -> None:
    source = tmp_path / "weights"
    source.write_bytes(b"w" * (8 * MIB))
    writer = new_writer(spool, fake.uri)
    writer._snapshot_max = 10  # noqa: SLF001  # pyright: ignore[reportPrivateUsage]
    writer.artifact(source, "weights")
    writer.close()

    async def touch(request: Message) -> None:
        if isinstance(request, pb.UploadArtifactRequest):
            os.utime(source, ns=(1, 1))

    fake.on_call = touch
    # The server sees the first chunk while the last message is not written: it is held back.
    await ship(spool)

    assert fake.files == {}
    assert len(refusals(spool, writer)) == 1


async def test_a_path_that_is_refused_is_put_aside_with_its_content(
    fake: FakeServer, spool: Path
) -> None:
    writer = new_writer(spool, fake.uri)
    writer.artifact(b"content", "a")
    writer.artifact(b"other", "b")
    writer.close()

    async def refuse(request: Message) -> None:
        if isinstance(request, pb.UploadArtifactRequest) and request.chunk.data == b"content":
            raise Refused(grpc.StatusCode.FAILED_PRECONDITION, "PATH_CONFLICT", "a is a folder")

    fake.on_call = refuse

    await ship(spool)

    assert fake.files == {"b": b"other"}
    assert refusals(spool, writer) == ["PATH_CONFLICT: a is a folder"]
    folder = spool / "rejected" / writer.run_id / writer.writer_id
    assert [path.read_bytes() for path in folder.glob("*.content")] == [b"content"]


async def test_a_digest_that_never_fits_ends_in_a_refusal(fake: FakeServer, spool: Path) -> None:
    writer = new_writer(spool, fake.uri)
    writer.artifact(b"content", "a")
    writer.close()
    attempts = 0

    async def mismatch(request: Message) -> None:
        nonlocal attempts
        if isinstance(request, pb.UploadArtifactRequest) and request.HasField("finish"):
            attempts += 1
            fake.uploads.clear()
            raise Refused(grpc.StatusCode.DATA_LOSS, "DIGEST_MISMATCH", "it differs")

    fake.on_call = mismatch

    await ship(spool)

    assert attempts == 3
    assert refusals(spool, writer) == ["DIGEST_MISMATCH: it differs"]
