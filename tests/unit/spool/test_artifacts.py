"""A snapshot holds what the file held when it was logged."""

import os
from pathlib import Path

import pytest
from tests.unit.spool.logging_runs import new_writer, read_all

from runstream._spool import Artifact, WriterSpool, scan
from runstream._spool.snapshot import snapshot_max_bytes
from runstream.errors import InvalidValue, SpoolError


def logged(directory: Path) -> tuple[WriterSpool, list[Artifact]]:
    (spool,) = scan(directory)
    return spool, [r for r in read_all(spool.folder) if isinstance(r, Artifact)]


def test_a_file_may_change_and_go_after_it_was_logged(tmp_path: Path) -> None:
    source = tmp_path / "model.bin"
    source.write_bytes(b"first" * 1000)
    writer = new_writer(tmp_path / "spool")
    assert writer.artifact(source, "models/model.bin") == 0
    source.write_bytes(b"second")
    assert writer.artifact(str(source), "models/model.bin") == 1
    source.unlink()

    spool, artifacts = logged(tmp_path / "spool")
    assert [artifact.path for artifact in artifacts] == ["models/model.bin"] * 2
    contents = [spool.content_path(artifact).read_bytes() for artifact in artifacts]
    assert contents == [b"first" * 1000, b"second"]
    assert [artifact.size for artifact in artifacts] == [5000, 6]


def test_bytes_are_logged_as_they_are(tmp_path: Path) -> None:
    writer = new_writer(tmp_path)
    writer.log({"x": 1})
    writer.operation({"op": "x"})
    writer.artifact(b"text", "notes.txt")
    writer.artifact(b"", "empty")

    spool, (notes, empty) = logged(tmp_path)
    assert spool.content_path(notes).read_bytes() == b"text"
    assert (notes.number, notes.rows_before, notes.operations_before) == (0, 1, 1)
    assert (empty.number, empty.size) == (1, 0)
    assert spool.content_path(empty).read_bytes() == b""


def test_a_file_may_be_handed_over(tmp_path: Path) -> None:
    source = tmp_path / "checkpoint"
    source.write_bytes(b"weights")
    inode = source.stat().st_ino
    writer = new_writer(tmp_path / "spool", snapshot_max=1)

    writer.artifact(source, "checkpoint", move=True)

    spool, (artifact,) = logged(tmp_path / "spool")
    assert not source.exists()
    assert spool.content_path(artifact).read_bytes() == b"weights"
    assert spool.content_path(artifact).stat().st_ino == inode


def test_a_file_on_another_disk_is_handed_over_by_a_copy(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> Path:
        raise OSError(18, "Invalid cross-device link")

    source = tmp_path / "checkpoint"
    source.write_bytes(b"weights")
    writer = new_writer(tmp_path / "spool", snapshot_max=1)
    monkeypatch.setattr(Path, "rename", refuse)

    writer.artifact(source, "checkpoint", move=True)

    spool, (artifact,) = logged(tmp_path / "spool")
    assert not source.exists()
    assert spool.content_path(artifact).read_bytes() == b"weights"


def test_a_great_file_is_referred_to_and_must_not_change(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> int:
        raise OSError(95, "Operation not supported")

    monkeypatch.setattr("fcntl.ioctl", refuse)
    source = tmp_path / "data.bin"
    source.write_bytes(b"x" * 1001)
    writer = new_writer(tmp_path / "spool", snapshot_max=1000)

    writer.artifact(source, "data.bin")

    spool, (artifact,) = logged(tmp_path / "spool")
    assert artifact.snapshot is None
    assert artifact.size == 1001
    assert list((spool.folder / "artifacts").iterdir()) == []
    assert spool.content_path(artifact) == source
    os.utime(source, ns=(1, 1))
    with pytest.raises(SpoolError, match="changed"):
        spool.content_path(artifact)
    source.unlink()
    with pytest.raises(SpoolError, match="cannot be read"):
        spool.content_path(artifact)


def test_the_greatest_snapshot_is_set_by_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    assert snapshot_max_bytes() == 4 * 1024**3
    monkeypatch.setenv("RUNSTREAM_SNAPSHOT_MAX", "123")
    assert snapshot_max_bytes() == 123
    monkeypatch.setenv("RUNSTREAM_SNAPSHOT_MAX", "4 GiB")
    with pytest.raises(InvalidValue, match="4 GiB"):
        snapshot_max_bytes()


def test_a_source_that_cannot_be_read_raises(tmp_path: Path) -> None:
    writer = new_writer(tmp_path / "spool")

    with pytest.raises(FileNotFoundError):
        writer.artifact(tmp_path / "absent", "x")
    with pytest.raises(IsADirectoryError):
        writer.artifact(tmp_path, "x")
    with pytest.raises(InvalidValue, match="not a file"):
        writer.artifact("/dev/null", "x")
    assert list((writer.folder / "artifacts").iterdir()) == []
    assert read_all(writer.folder) == []


def test_a_delivered_snapshot_can_be_discarded(tmp_path: Path) -> None:
    writer = new_writer(tmp_path)
    writer.artifact(b"text", "notes.txt")
    spool, (artifact,) = logged(tmp_path)

    spool.discard_content(artifact)
    spool.discard_content(artifact)

    assert list((spool.folder / "artifacts").iterdir()) == []
