"""Parts of files, by ranges of bytes.

Ranges are computed before the store is asked; tests/contract/artifacts asks every kind of it.
"""

from collections.abc import Iterator

import pytest

from tests.contract.mlflow_rest.artifact_client import ROOT, ArtifactClient
from tests.support.server import ServerProcess

DATA = bytes(range(256)) * 8192


@pytest.fixture
def files(shared_server: ServerProcess) -> Iterator[ArtifactClient]:
    with ArtifactClient(shared_server) as client:
        client.put("file.bin", DATA)
        client.put("empty", b"")
        yield client


@pytest.mark.parametrize(
    ("asked", "begin", "end"),
    [
        ("bytes=0-0", 0, 1),
        ("bytes=5-9", 5, 10),
        ("bytes=100-", 100, len(DATA)),
        ("bytes=-7", len(DATA) - 7, len(DATA)),
        (f"bytes=-{len(DATA) * 2}", 0, len(DATA)),
        (f"bytes=1048570-{len(DATA) * 2}", 1_048_570, len(DATA)),
        ("Bytes=1-2", 1, 3),
    ],
)
def test_a_range_gives_just_that(files: ArtifactClient, asked: str, begin: int, end: int) -> None:
    answer = files.get("file.bin", Range=asked)

    assert answer.status == 206
    assert answer.data == DATA[begin:end]
    assert answer.headers["content-range"] == f"bytes {begin}-{end - 1}/{len(DATA)}"
    assert answer.headers["content-length"] == str(end - begin)


@pytest.mark.parametrize(
    "asked", ["bytes=0-1,3-4", "lines=1-2", "bytes=", "bytes=-", "bytes=9-5", "bytes=a-b", "5-9"]
)
def test_what_is_no_single_range_gives_the_whole(files: ArtifactClient, asked: str) -> None:
    answer = files.get("file.bin", Range=asked)

    assert (answer.status, answer.data) == (200, DATA)


@pytest.mark.parametrize(
    ("path", "asked"),
    [
        ("file.bin", f"bytes={len(DATA)}-"),
        ("file.bin", "bytes=999999999999-"),
        ("file.bin", "bytes=-0"),
        ("empty", "bytes=0-"),
        ("empty", "bytes=-5"),
    ],
)
def test_a_range_outside_of_the_file_is_refused_with_the_size(
    files: ArtifactClient, path: str, asked: str
) -> None:
    answer = files.get(path, Range=asked)

    size_bytes = len(DATA) if path == "file.bin" else 0
    assert (answer.status, answer.data) == (416, b"")
    assert answer.headers["content-range"] == f"bytes */{size_bytes}"


def test_a_range_counts_only_for_the_file_that_it_was_meant_for(files: ArtifactClient) -> None:
    headers = files.get("file.bin").headers

    for known in (headers["etag"], headers["last-modified"]):
        assert files.get("file.bin", Range="bytes=1-2", If_Range=known).status == 206
    for other in ('"other"', f"W/{headers['etag']}", "Thu, 01 Jan 1970 00:00:00 GMT"):
        assert files.get("file.bin", Range="bytes=1-2", If_Range=other).data == DATA


def test_a_head_of_a_range_tells_its_length(files: ArtifactClient) -> None:
    answer = files.send("HEAD", f"{ROOT}/file.bin", Range="bytes=1-2")

    assert answer.status == 206
    assert answer.headers["content-length"] == "2"
