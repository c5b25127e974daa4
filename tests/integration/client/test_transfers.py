import hashlib
import io
import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.integration.client.conftest import MakeClient
from tests.support.server import ServerProcess

from runstream import Client
from runstream._client.downloads import DownloadJob
from runstream._client.uploads import UploadJob
from runstream.errors import DataLoss, InvalidValue, NotFound, OutOfRange, ServerUnavailable

MIB = 1024 * 1024


@pytest.fixture
def run_id(client: Client) -> str:
    return client.create_run().run_id


@pytest.mark.parametrize("size", [0, 1, MIB, 3 * MIB + 7])
def test_files_come_back_as_they_were(
    client: Client, run_id: str, tmp_path: Path, size: int
) -> None:
    content = os.urandom(size)
    source = tmp_path / "model.bin"
    source.write_bytes(content)

    made = client.upload_artifact(run_id, "models/a.bin", source)
    target = client.download_artifact(run_id, "models/a.bin", tmp_path / "back.bin")

    assert (made.path, made.size_bytes, made.digest_state) == ("models/a.bin", size, "VERIFIED")
    assert made.sha256 == hashlib.sha256(content).hexdigest()
    assert target == tmp_path / "back.bin"
    assert target.read_bytes() == content
    assert client.read_artifact(run_id, "models/a.bin") == content
    assert sorted(path.name for path in tmp_path.iterdir()) == ["back.bin", "model.bin"]


def test_sources_are_files_bytes_and_open_files_from_where_they_stand(
    client: Client, run_id: str, tmp_path: Path
) -> None:
    opened = io.BytesIO(b"skipped|kept")
    opened.seek(8)

    client.upload_artifact(run_id, "bytes", b"content")
    client.upload_artifact(run_id, "opened", opened)

    assert client.read_artifact(run_id, "bytes") == b"content"
    assert client.read_artifact(run_id, "opened") == b"kept"
    with pytest.raises(FileNotFoundError):
        client.upload_artifact(run_id, "none", tmp_path / "none")
    with (
        open(os.pipe()[0], "rb", buffering=0) as pipe,  # noqa: PTH123 - a descriptor
        pytest.raises(InvalidValue, match="cannot seek"),
    ):
        client.upload_artifact(run_id, "pipe", pipe)


def test_parts_of_files_are_read(client: Client, run_id: str, tmp_path: Path) -> None:
    content = bytes(range(256)) * 8192
    client.upload_artifact(run_id, "a.bin", content)

    assert (
        client.read_artifact(run_id, "a.bin", offset=MIB - 3, limit=7)
        == (content[MIB - 3 : MIB + 4])
    )
    assert client.read_artifact(run_id, "a.bin", offset=len(content) - 2) == content[-2:]
    part = client.download_artifact(run_id, "a.bin", tmp_path / "part", offset=5, limit=10)
    assert part.read_bytes() == content[5:15]
    with pytest.raises(OutOfRange) as caught:
        client.read_artifact(run_id, "a.bin", offset=len(content) + 1)
    assert caught.value.reason == "RANGE_NOT_SATISFIABLE"
    with pytest.raises(InvalidValue, match="cannot be negative"):
        client.read_artifact(run_id, "a.bin", offset=-1)


def test_a_folder_is_downloaded_with_all_it_holds(
    client: Client, run_id: str, tmp_path: Path
) -> None:
    files = {"a.txt": b"a", "in/b.txt": b"b", "in/it/c.txt": b"c"}
    for path, content in files.items():
        client.upload_artifact(run_id, path, content)

    everything = client.download_artifacts(run_id, destination=tmp_path / "all")
    folder = client.download_artifacts(run_id, "in", tmp_path / "in")
    file = client.download_artifacts(run_id, "a.txt", tmp_path / "one")

    assert {
        path.relative_to(tmp_path / "all").as_posix(): path.read_bytes() for path in everything
    } == files
    assert sorted(folder) == [tmp_path / "in/in/b.txt", tmp_path / "in/in/it/c.txt"]
    assert file == [tmp_path / "one/a.txt"]


def test_listing_and_deleting(client: Client, run_id: str) -> None:
    for path in ("b", "a/x", "c", "a/y"):
        client.upload_artifact(run_id, path, b"12")

    assert [(one.path, one.directory, one.size_bytes) for one in client.list_artifacts(run_id)] == [
        ("a", True, 0),
        ("b", False, 2),
        ("c", False, 2),
    ]
    assert [one.path for one in client.list_artifacts(run_id, "a", page_size=1)] == ["a/x", "a/y"]
    assert client.delete_artifact(run_id, "a") is True
    assert client.delete_artifact(run_id, "a") is False
    assert list(client.list_artifacts(run_id, "a")) == []


def test_what_cannot_be_downloaded_leaves_no_file(
    client: Client, run_id: str, tmp_path: Path
) -> None:
    client.upload_artifact(run_id, "a/b", b"x")

    with pytest.raises(NotFound) as missing:
        client.download_artifact(run_id, "none", tmp_path / "none")
    with pytest.raises(InvalidValue) as folder:
        client.download_artifact(run_id, "a", tmp_path / "a")

    assert missing.value.reason == "ARTIFACT_NOT_FOUND"
    assert folder.value.reason == "IS_A_DIRECTORY"
    assert list(tmp_path.iterdir()) == []


def test_a_file_that_was_damaged_on_the_server_s_disk_is_not_handed_out(
    client: Client, run_id: str, shared_server: ServerProcess, tmp_path: Path
) -> None:
    client.upload_artifact(run_id, "a.bin", b"good content")
    (stored,) = shared_server.data_dir.glob(f"artifacts/*/{run_id}/artifacts/a.bin")
    found = stored.stat()
    stored.write_bytes(b"evil content")
    os.utime(stored, ns=(found.st_atime_ns, found.st_mtime_ns))

    with pytest.raises(DataLoss, match="the stored file is damaged") as caught:
        client.download_artifact(run_id, "a.bin", tmp_path / "a.bin")

    assert caught.value.reason == "DIGEST_MISMATCH"
    assert list(tmp_path.iterdir()) == []


class Interrupting(io.BytesIO):
    """Calls something when it is read at a place, once."""

    def __init__(self, content: bytes, at: int, action: object) -> None:
        super().__init__(content)
        self._at = at
        self._action = action

    def read(self, size: int | None = -1) -> bytes:
        if self._action is not None and self.tell() >= self._at:
            action, self._action = self._action, None
            action()  # type: ignore[operator]
        return super().read(size)


def test_an_upload_goes_on_where_it_was_when_the_server_died(
    make_client: MakeClient, server: ServerProcess, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = make_client(server)
    run_id = client.create_run().run_id
    content = os.urandom(24 * MIB)
    offsets: list[int] = []
    messages = UploadJob.messages

    def crash() -> None:
        server.kill9()
        server.start()

    def noted_messages(job: UploadJob, offset: int) -> Iterator[bytes]:
        offsets.append(offset)
        return messages(job, offset)

    monkeypatch.setattr(UploadJob, "messages", noted_messages)

    made = client.upload_artifact(run_id, "a.bin", Interrupting(content, 16 * MIB, crash))

    assert offsets[0] == 0
    assert offsets[-1] > 0
    assert made.sha256 == hashlib.sha256(content).hexdigest()
    assert client.read_artifact(run_id, "a.bin") == content


def test_an_upload_is_continued_by_another_process_s_client(
    make_client: MakeClient, server: ServerProcess
) -> None:
    client = make_client(server)
    run_id = client.create_run().run_id
    content = os.urandom(12 * MIB)
    upload_id = "ab" * 16

    class Trouble(Exception):
        pass

    def fail() -> None:
        raise Trouble

    with pytest.raises(Trouble):
        client.upload_artifact(
            run_id, "a.bin", Interrupting(content, 8 * MIB, fail), upload_id=upload_id
        )
    assert list(client.list_artifacts(run_id)) == []

    made = make_client(server).upload_artifact(run_id, "a.bin", content, upload_id=upload_id)

    assert made.sha256 == hashlib.sha256(content).hexdigest()
    assert client.get_upload(upload_id).complete


def test_a_download_goes_on_where_it_was_when_the_server_died(
    make_client: MakeClient,
    server: ServerProcess,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    client = make_client(server)
    run_id = client.create_run().run_id
    content = os.urandom(24 * MIB)
    client.upload_artifact(run_id, "a.bin", content)
    requested: list[int] = []
    request, take = DownloadJob.request, DownloadJob.take

    def noted_request(job: DownloadJob) -> object:
        requested.append(job.position)
        return request(job)

    def crashing_take(job: DownloadJob, answer: object) -> bool:
        if job.position >= 8 * MIB and len(requested) == 1:
            requested.append(-1)
            server.kill9()
            server.start()
        return take(job, answer)  # type: ignore[arg-type]

    monkeypatch.setattr(DownloadJob, "request", noted_request)
    monkeypatch.setattr(DownloadJob, "take", crashing_take)

    target = client.download_artifact(run_id, "a.bin", tmp_path / "a.bin")

    assert target.read_bytes() == content
    assert requested[0] == 0
    assert requested[-1] >= 8 * MIB


def test_a_transfer_ends_when_the_server_stays_away(
    make_client: MakeClient, server: ServerProcess, tmp_path: Path
) -> None:
    client = make_client(server, retry_for_s=0.5)
    run_id = client.create_run().run_id
    client.upload_artifact(run_id, "a.bin", b"x")
    server.kill9()

    with pytest.raises(ServerUnavailable):
        client.upload_artifact(run_id, "b.bin", b"x")
    with pytest.raises(ServerUnavailable):
        client.download_artifact(run_id, "a.bin", tmp_path / "a.bin")

    assert list(tmp_path.glob("*a.bin*")) == []
