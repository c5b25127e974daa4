"""A server process whose artifacts lie in a bucket, by all its doors."""

import hashlib
import os
from pathlib import Path

import grpc
import pytest
from tests.support.s3 import S3Server
from tests.support.server import ServerProcess, StartServer

import runstream
from runstream.v1 import artifact_service_pb2 as pb
from runstream.v1.artifact_service_pb2_grpc import ArtifactServiceStub
from runstream_server.objects.checksums import crc32c

MIB = 1 << 20
PART = 8 * MIB
FILES = "/api/2.0/mlflow-artifacts/artifacts"
ARTIFACTS_REFUSED = 6
UPLOAD_ID = "0123456789abcdef0123456789abcdef"


@pytest.fixture
def server(start_server: StartServer, s3_server: S3Server) -> ServerProcess:
    return start_server(
        env=s3_server.variables(), artifacts_destination=s3_server.destination().uri
    )


def test_files_go_up_and_down_by_the_client_and_over_mlflows_api(
    server: ServerProcess, tmp_path: Path
) -> None:
    data = os.urandom(2 * PART + 12_345)
    source = tmp_path / "model.bin"
    source.write_bytes(data)
    with runstream.Client(f"grpc://{server.grpc_address}") as client:
        assert client.server_info().artifact_store == "s3"
        run = client.create_run(experiment_id="0")
        stored = client.upload_artifact(run.run_id, "model/weights.bin", source)
        client.upload_artifact(run.run_id, "model/größe.txt", b"small")

        assert stored.sha256 == hashlib.sha256(data).hexdigest()
        loaded = client.download_artifact(run.run_id, "model/weights.bin", tmp_path / "loaded")
        assert loaded.read_bytes() == data
        part = client.read_artifact(run.run_id, "model/weights.bin", offset=PART - 5, limit=10)
        assert part == data[PART - 5 : PART + 5]
        listed = [each.path for each in client.list_artifacts(run.run_id, "model")]
        assert listed == ["model/größe.txt", "model/weights.bin"]

        folder = f"0/{run.run_id}/artifacts/model"
        assert server.get(f"{FILES}/{folder}/weights.bin").content == data
        names = [each["path"] for each in server.get(f"{FILES}?path={folder}").json()["files"]]
        assert names == ["größe.txt", "weights.bin"]
        assert client.delete_artifact(run.run_id, "model")
        assert server.get(f"{FILES}?path={folder}").json() == {}
    assert run.artifact_uri.startswith("s3://")


def test_an_upload_goes_on_after_the_server_was_killed(server: ServerProcess) -> None:
    data = os.urandom(PART + 3 * MIB)
    with runstream.Client(f"grpc://{server.grpc_address}") as client:
        run_id = client.create_run(experiment_id="0").run_id

    def requests(begin: int, *, whole: bool) -> list[pb.UploadArtifactRequest]:
        spec = pb.UploadSpec(upload_id=UPLOAD_ID, run_id=run_id, path="large", size_bytes=len(data))
        messages = [pb.UploadArtifactRequest(spec=spec)]
        for offset in range(begin, len(data) if whole else PART + MIB, MIB):
            piece = data[offset : offset + MIB]
            chunk = pb.UploadChunk(offset=offset, data=piece, crc32c=crc32c(piece))
            messages.append(pb.UploadArtifactRequest(chunk=chunk))
        if whole:
            finish = pb.UploadFinish(
                size_bytes=len(data), sha256=hashlib.sha256(data).digest(), crc32c=crc32c(data)
            )
            messages.append(pb.UploadArtifactRequest(finish=finish))
        return messages

    with server.channel() as channel:
        stub = ArtifactServiceStub(channel)
        sent = stub.UploadArtifact(iter(requests(0, whole=False)), timeout=60)
        assert (sent.upload.complete, sent.upload.durable_offset) == (False, PART)
    server.kill9()
    server.start()
    with server.channel() as channel:
        stub = ArtifactServiceStub(channel)
        state = stub.GetUpload(pb.GetUploadRequest(upload_id=UPLOAD_ID), timeout=60).upload
        assert state.durable_offset == PART
        answer = stub.UploadArtifact(iter(requests(PART, whole=True)), timeout=60)

        assert answer.upload.complete
        again = stub.UploadArtifact(iter(requests(PART, whole=True)[:1]), timeout=60)
        assert again.upload.complete
        request = pb.DownloadArtifactRequest(run_id=run_id, path="large")
        received = b"".join(each.chunk.data for each in stub.DownloadArtifact(request, timeout=60))
    assert received == data


def test_a_digest_that_does_not_fit_leaves_nothing_visible(server: ServerProcess) -> None:
    with runstream.Client(f"grpc://{server.grpc_address}") as client:
        run_id = client.create_run(experiment_id="0").run_id
    messages = [
        pb.UploadArtifactRequest(spec=pb.UploadSpec(run_id=run_id, path="a")),
        pb.UploadArtifactRequest(chunk=pb.UploadChunk(data=b"data")),
        pb.UploadArtifactRequest(finish=pb.UploadFinish(size_bytes=4, sha256=bytes(32))),
    ]

    with server.channel() as channel, pytest.raises(grpc.RpcError, match="SHA-256"):
        ArtifactServiceStub(channel).UploadArtifact(iter(messages), timeout=60)

    assert server.get(FILES).json() == {}


def test_a_bucket_that_is_not_there_keeps_the_server_from_starting(
    s3_server: S3Server, tmp_path: Path
) -> None:
    server = ServerProcess(
        tmp_path / "refused",
        env=s3_server.variables(),
        artifacts_destination="s3://no-such-bucket-here/prefix",
    )
    server.launch()
    try:
        assert server.wait() == ARTIFACTS_REFUSED, server.log
    finally:
        server.close()

    assert "s3://no-such-bucket-here/prefix" in server.log
    assert "create it, or correct the destination" in server.log
    assert "Traceback" not in server.log
