"""A large upload goes on where it was, whichever side dies."""

from __future__ import annotations

import hashlib
import random
import subprocess
import sys
import time
import uuid
from pathlib import Path

import pytest

from runstream.v1 import artifact_service_pb2, run_service_pb2
from runstream.v1.artifact_service_pb2_grpc import ArtifactServiceStub
from runstream.v1.run_service_pb2_grpc import RunServiceStub
from tests.faults import upload_process
from tests.support.server import ServerProcess, StartServer
from tests.support.telling import Tell

SIZE_BYTES = 200 * 1024 * 1024
PATH = "checkpoints/model.bin"
KILLS = 3


class Upload:
    """An upload by a process of its own."""

    def __init__(self, server: ServerProcess, file: Path) -> None:
        self.server = server
        self.file = file
        self.run_id, self.upload_id = uuid.uuid4().hex, uuid.uuid4().hex
        with server.channel() as channel:
            request = run_service_pb2.CreateRunRequest(run_id=self.run_id, experiment_id="0")
            RunServiceStub(channel).CreateRun(request)

    def start(self) -> subprocess.Popen[str]:
        arguments = (self.server.grpc_address, self.run_id, self.upload_id, PATH, str(self.file))
        command = [sys.executable, upload_process.__file__, *arguments]
        return subprocess.Popen(command, stdout=subprocess.PIPE, text=True)

    def digest_in_server(self) -> str:
        digest = hashlib.sha256()
        request = artifact_service_pb2.DownloadArtifactRequest(run_id=self.run_id, path=PATH)
        with self.server.channel() as channel:
            for response in ArtifactServiceStub(channel).DownloadArtifact(request):
                digest.update(response.chunk.data)
        return digest.hexdigest()

    def visible(self) -> bool:
        request = artifact_service_pb2.ListArtifactsRequest(run_id=self.run_id, path=PATH)
        with self.server.channel() as channel:
            return bool(ArtifactServiceStub(channel).ListArtifacts(request).artifacts)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "model.bin"
    path.write_bytes(random.Random(3).randbytes(SIZE_BYTES))
    return path


def wait_until_some_is_there(server: ServerProcess, least_bytes: int) -> None:
    """Returns when the server's temporary files have grown by `least_bytes`."""
    deadline = time.monotonic() + 30
    begin = temporary_bytes(server)
    while temporary_bytes(server) < begin + least_bytes:
        assert time.monotonic() < deadline, server.log_tail()
        time.sleep(0.005)


def temporary_bytes(server: ServerProcess) -> int:
    uploads = server.data_dir / "artifacts" / ".uploads"
    return sum(path.stat().st_size for path in uploads.rglob("*") if path.is_file())


@pytest.mark.timeout(300)
@pytest.mark.parametrize("victim", ["server", "client"])
def test_an_upload_resumes_after_either_side_is_killed(
    start_server: StartServer, file: Path, victim: str, tell: Tell
) -> None:
    server = start_server()
    upload = Upload(server, file)
    process = upload.start()
    offsets: list[str] = []
    for _ in range(KILLS):
        wait_until_some_is_there(server, SIZE_BYTES // 8)
        if victim == "server":
            server.kill9()
            server.start()
        else:
            process.kill()
            offsets.extend(process.communicate()[0].split())
            process = upload.start()
        assert not upload.visible()

    assert process.wait(120) == 0
    offsets.extend(process.communicate()[0].split())
    assert upload.digest_in_server() == hashlib.sha256(file.read_bytes()).hexdigest()
    assert any(int(offset) > 0 for offset in offsets)
    tell(f"200 MB upload, {victim} killed {KILLS} times: resumed at {', '.join(offsets)}")
