"""A file is visible whole or not at all, whatever becomes of those who send or read it.

It looks into the folder of the store; tests/contract/artifacts does the same with a bucket.
"""

import socket
import threading
from collections.abc import Iterator

import pytest

from tests.contract.mlflow_rest.artifact_client import ROOT, ArtifactClient
from tests.support.server import ServerProcess

MIB = 1 << 20


@pytest.fixture
def files(shared_server: ServerProcess) -> Iterator[ArtifactClient]:
    with ArtifactClient(shared_server) as client:
        yield client


def connect(files: ArtifactClient) -> socket.socket:
    host, _, port = files.server.http_address.rpartition(":")
    return socket.create_connection((host, int(port)), timeout=30)


def head(path: str, *headers: str) -> bytes:
    lines = (f"PUT {ROOT}/{path} HTTP/1.1", "Host: localhost", *headers, "", "")
    return "\r\n".join(lines).encode()


@pytest.mark.parametrize("earlier", [None, b"earlier"])
@pytest.mark.parametrize(
    ("length", "begin"),
    [
        ("Content-Length: 4194304", b"x" * (3 * MIB)),
        ("Content-Length: 10", b""),
        ("Transfer-Encoding: chunked", b"5\r\nhello\r\n"),
        ("Transfer-Encoding: chunked", b"ffffff\r\n" + b"x" * (2 * MIB)),
    ],
)
def test_half_a_file_is_never_visible(
    files: ArtifactClient, length: str, begin: bytes, earlier: bytes | None
) -> None:
    path = f"half/{abs(hash((length, len(begin), earlier)))}"
    if earlier is not None:
        files.put(path, earlier)
    with connect(files) as sender:
        sender.sendall(head(path, length) + begin)
        while not files.staged():
            pass

        during = files.get(path)

    files.wait_until_nothing_is_staged()
    after = files.get(path)
    expected = (404, None) if earlier is None else (200, earlier)
    for answer in (during, after):
        assert (answer.status, answer.data if earlier is not None else None) == expected


def test_a_broken_chunk_stores_nothing(files: ArtifactClient) -> None:
    with connect(files) as sender:
        sender.sendall(head("broken", "Transfer-Encoding: chunked") + b"5\r\nhello\r\nnonsense\r\n")
        answered = sender.recv(65_536)

    assert answered.startswith(b"HTTP/1.1 400")
    files.wait_until_nothing_is_staged()
    assert files.get("broken").status == 404


def test_a_reader_who_leaves_does_no_harm(files: ArtifactClient) -> None:
    files.put("large", b"x" * (64 * MIB))
    for _ in range(5):
        with connect(files) as reader:
            reader.sendall(f"GET {ROOT}/large HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
            assert reader.recv(65_536).startswith(b"HTTP/1.1 200")

    assert len(files.get("large").data) == 64 * MIB


def test_a_reader_gets_the_file_that_was_there_when_it_began(files: ArtifactClient) -> None:
    old, new = b"o" * (32 * MIB), b"n" * MIB
    files.put("replaced", old)
    with connect(files) as reader:
        reader.sendall(f"GET {ROOT}/replaced HTTP/1.0\r\nHost: localhost\r\n\r\n".encode())
        received = bytearray(reader.recv(65_536))

        files.put("replaced", new)
        while piece := reader.recv(MIB):
            received += piece

    body = bytes(received).partition(b"\r\n\r\n")[2]
    assert body == old
    assert files.get("replaced").data == new


def test_of_several_at_once_one_wins_whole(files: ArtifactClient) -> None:
    bodies = [bytes([number]) * (2 * MIB) for number in range(1, 9)]

    def put(body: bytes) -> None:
        with ArtifactClient(files.server) as client:
            assert client.put("raced", body).status == 200

    threads = [threading.Thread(target=put, args=(body,)) for body in bodies]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert files.get("raced").data in bodies


def test_a_server_that_stops_keeps_no_half_file(server: ServerProcess) -> None:
    with ArtifactClient(server) as files:
        files.put("kept", b"earlier")
        with connect(files) as sender:
            sender.sendall(head("kept", "Content-Length: 4194304") + b"x" * MIB)
            while not files.staged():
                pass

            assert server.terminate() == 0
            answered = sender.recv(65_536)

    assert answered.startswith(b"HTTP/1.1 503")
    server.start()
    with ArtifactClient(server) as files:
        assert files.get("kept").data == b"earlier"
        assert files.staged() == []


def test_a_killed_server_shows_no_half_file(server: ServerProcess) -> None:
    with ArtifactClient(server) as files:
        files.put("kept", b"earlier")
        with connect(files) as sender:
            sender.sendall(head("kept", "Content-Length: 4194304") + b"x" * MIB)
            while not files.staged():
                pass

            server.kill9()

    server.start()
    with ArtifactClient(server) as files:
        assert files.get("kept").data == b"earlier"
        assert files.put("kept", b"later").status == 200
        assert files.get("kept").data == b"later"
