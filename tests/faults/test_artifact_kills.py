"""The server dies under uploads: files are whole or not there, and what was promised is kept."""

from __future__ import annotations

import hashlib
import random
import signal

import grpc
import pytest

from runstream.v1 import artifact_pb2
from tests.faults.uploading import CHUNK_BYTES, FileUpload, new_run
from tests.support.calls import error_info
from tests.support.server import ServerProcess, StartServer

DATA = random.Random(5).randbytes(24 * CHUNK_BYTES + 4321)
SHA256 = hashlib.sha256(DATA).digest()
DEATHS = 4
VERIFIED = artifact_pb2.DIGEST_STATE_VERIFIED


def die_at(start_server: StartServer, place: str) -> ServerProcess:
    """Starts a server that kills itself at a place, the second time that it passes it."""
    env = {"RUNSTREAM_TESTING": "1", "RUNSTREAM_FAILPOINT": f"{place}:2"}
    return start_server(env=env)


def send_into_death(server: ServerProcess, upload: FileUpload) -> None:
    with pytest.raises(grpc.RpcError) as caught:
        upload.send()
    assert caught.value.code() is grpc.StatusCode.UNAVAILABLE
    assert server.wait() == -9
    server.env = {}
    server.start()


def test_a_server_that_dies_before_the_rename_shows_the_old_file_and_keeps_all_bytes(
    start_server: StartServer,
) -> None:
    server = die_at(start_server, "object.before_rename")
    run_id = new_run(server)
    FileUpload(server, run_id, "f/a", b"old").send()
    upload = FileUpload(server, run_id, "f/a", DATA)

    send_into_death(server, upload)

    assert upload.content() == b"old"
    assert upload.offset() == len(DATA)
    answer = upload.send()
    assert (answer.artifact.sha256, answer.artifact.digest_state) == (SHA256, VERIFIED)
    assert upload.content() == DATA


@pytest.mark.parametrize("way", ["spec", "id"])
def test_a_server_that_dies_after_the_rename_shows_the_new_file_and_completes_the_upload(
    start_server: StartServer, way: str
) -> None:
    server = die_at(start_server, "object.after_rename")
    run_id = new_run(server)
    FileUpload(server, run_id, "f/a", b"old").send()
    upload = FileUpload(server, run_id, "f/a", DATA)

    send_into_death(server, upload)

    assert upload.content() == DATA
    before = upload.visible()
    assert before is not None
    assert not before.sha256
    if way == "id":
        assert upload.offset() == len(DATA)
    else:
        answer = upload.send()
        assert answer.upload.complete
        assert (answer.artifact.sha256, answer.artifact.digest_state) == (SHA256, VERIFIED)
    after = upload.visible()
    assert after is not None
    assert (after.sha256, after.digest_state) == (SHA256, VERIFIED)


@pytest.mark.parametrize("seed", range(2))
def test_an_upload_that_many_deaths_interrupt_arrives_whole_and_loses_no_promised_byte(
    server: ServerProcess, seed: int
) -> None:
    maker = random.Random(seed)
    run_id = new_run(server)
    upload = FileUpload(server, run_id, "model/weights", DATA)
    for _ in range(DEATHS):
        promised = upload.send_until_death(maker)
        server.start()
        assert upload.offset() >= promised
        assert upload.visible() is None

    answer = upload.send()

    assert answer.artifact.sha256 == SHA256
    assert upload.content() == DATA


def test_a_server_that_is_stopped_under_an_upload_keeps_all_that_it_took(
    server: ServerProcess,
) -> None:
    upload = FileUpload(server, new_run(server), "a", DATA)
    stopped_at = 10 * CHUNK_BYTES
    promised = 0

    def stop_there(offset: int) -> None:
        nonlocal promised
        if offset == stopped_at:
            promised = upload.offset()
            server.signal(signal.SIGTERM)
            server.wait_for_event("streams_told")

    with pytest.raises(grpc.RpcError) as caught:
        upload.send(between=stop_there)

    assert error_info(caught.value).reason == "SERVER_STOPPING"
    assert server.wait() == 0
    server.start()
    assert promised <= upload.offset() <= stopped_at
    assert upload.send().artifact.sha256 == SHA256
