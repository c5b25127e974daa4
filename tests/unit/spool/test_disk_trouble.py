"""A disk that refuses costs what it refused, and nothing later; offsets have no hole."""

import errno
import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TypeAlias

import pytest
from tests.unit.spool.logging_runs import (
    decoded,
    new_writer,
    offsets_told,
    read_all,
    values_of,
)

from runstream._spool import Operation, SpoolWriter, scan
from runstream.errors import SpoolError

Fate: TypeAlias = OSError | int | None


class Disk:
    """Stands between the writer and the disk; `script` says what becomes of the next writes.

    None lets a write through; a number stores so many bytes of it; an error is raised.
    """

    def __init__(self) -> None:
        self.script: Iterator[Fate] = iter(())
        self.full = False
        self.refuses_truncation = False
        self._write, self._ftruncate, self._open = os.write, os.ftruncate, os.open

    def write(self, descriptor: int, data: bytes) -> int:
        full = OSError(errno.ENOSPC, "No space left on device") if self.full else None
        fate = next(self.script, full)
        if isinstance(fate, OSError):
            raise fate
        return self._write(descriptor, data if fate is None else data[:fate])

    def ftruncate(self, descriptor: int, size: int) -> None:
        if self.refuses_truncation:
            raise OSError(errno.EIO, "Input/output error")
        self._ftruncate(descriptor, size)

    def open(self, path: Path, flags: int, mode: int = 0o777) -> int:
        if self.full and flags & os.O_CREAT:
            raise OSError(errno.ENOSPC, "No space left on device")
        return self._open(path, flags, mode)


@pytest.fixture
def disk(monkeypatch: pytest.MonkeyPatch) -> Disk:
    disk = Disk()
    monkeypatch.setattr("os.write", disk.write)
    monkeypatch.setattr("os.ftruncate", disk.ftruncate)
    monkeypatch.setattr("os.open", disk.open)
    return disk


def assert_rows(writer: SpoolWriter, expected: Sequence[float]) -> None:
    records = read_all(writer.folder)
    assert offsets_told(records) == list(range(len(expected)))
    assert values_of(decoded(records), "x") == list(expected)
    assert writer.rows == len(expected)


def test_a_full_disk_costs_the_rows_of_that_time(tmp_path: Path, disk: Disk) -> None:
    writer = new_writer(tmp_path)
    for i in range(30):
        disk.full = 10 <= i < 20
        writer.log({"x": i, "y": i})

    assert_rows(writer, [*range(10), *range(20, 30)])
    assert writer.rejected == {"storage": 20}
    assert [row.step for row in decoded(read_all(writer.folder))][9:11] == [9, 20]


def test_a_full_disk_is_warned_about_once(
    tmp_path: Path, disk: Disk, caplog: pytest.LogCaptureFixture
) -> None:
    writer = new_writer(tmp_path)
    disk.full = True
    for i in range(5):
        writer.log({"x": i})

    assert len(caplog.messages) == 1
    assert "No space left" in caplog.text
    assert "RUNSTREAM_SPOOL_DIR" in caplog.text


def test_a_full_disk_raises_in_strict_mode(tmp_path: Path, disk: Disk) -> None:
    writer = new_writer(tmp_path, strict=True)
    writer.log({"x": 0})
    disk.full = True
    with pytest.raises(SpoolError, match="No space left"):
        writer.log({"x": 1})
    disk.full = False
    writer.log({"x": 2})

    assert_rows(writer, [0, 2])


@pytest.mark.parametrize("stored", range(0, 40, 3))
def test_a_short_write_is_cut_off_and_tried_again(tmp_path: Path, disk: Disk, stored: int) -> None:
    writer = new_writer(tmp_path)
    writer.log({"x": 0})
    disk.script = iter([stored])
    writer.log({"x": 1})
    disk.script = iter([stored, stored, stored])
    writer.log({"x": 2})
    writer.log({"x": 3})

    assert_rows(writer, [0, 1, 3])
    assert writer.rejected == {"storage": 1}


@pytest.mark.parametrize("stored", range(0, 130, 7))
def test_a_short_write_of_a_definition_and_its_first_row_loses_neither_place(
    tmp_path: Path, disk: Disk, stored: int
) -> None:
    writer = new_writer(tmp_path)
    disk.script = iter([stored, OSError(errno.ENOSPC, "No space left on device")])
    writer.log({"x": 0, "a longer name": 1})
    writer.log({"x": 1, "a longer name": 1})

    lost = writer.rejected.get("storage", 0) // 2
    assert_rows(writer, [0, 1][lost:])


def test_a_short_write_in_the_middle_of_a_split_log_keeps_its_whole_rows(
    tmp_path: Path, disk: Disk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("runstream._spool.packing.MAX_ROW_POINTS", 2)
    writer = new_writer(tmp_path)
    metrics = {"x": 1.0, "b": 2.0, "c": 3.0, "d": 4.0, "e": 5.0}
    writer.log(metrics)
    fates: list[Fate] = [2 * (32 + 16) + 10, OSError(errno.ENOSPC, "No space left on device")]
    disk.script = iter(fates)
    writer.log(metrics)
    writer.log(metrics)

    rows = decoded(read_all(writer.folder))
    assert [len(row.points) for row in rows] == [2, 2, 1, 2, 2, 2, 2, 1]
    assert [row.offset for row in rows] == list(range(8))
    assert writer.rejected == {"storage": 1}


def test_a_segment_that_cannot_be_cut_off_ends(tmp_path: Path, disk: Disk) -> None:
    writer = new_writer(tmp_path)
    writer.log({"x": 0})
    disk.refuses_truncation = True
    disk.script = iter([20])
    writer.log({"x": 1})
    writer.log({"x": 2})

    assert len(list(writer.folder.glob("*.seg"))) == 2
    assert_rows(writer, [0, 1, 2])


def test_a_segment_that_cannot_be_begun_lets_the_old_one_grow(tmp_path: Path, disk: Disk) -> None:
    writer = new_writer(tmp_path, segment_bytes=1000)
    real_open = disk.open

    def refuse(path: Path, flags: int, mode: int = 0o777) -> int:
        if flags & os.O_CREAT:
            raise OSError(errno.EDQUOT, "Disk quota exceeded")
        return real_open(path, flags, mode)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("os.open", refuse)
        for i in range(100):
            writer.log({"x": i})

    assert len(list(writer.folder.glob("*.seg"))) == 1
    assert_rows(writer, list(range(100)))


def test_operations_wait_for_space_and_keep_their_order(tmp_path: Path, disk: Disk) -> None:
    writer = new_writer(tmp_path)
    assert writer.operation({"n": 0}) == 0
    disk.full = True
    assert writer.operation({"n": 1}) is None
    writer.log({"x": 0})
    assert writer.operation({"n": 2}) is None
    disk.full = False
    writer.log({"x": 1})
    assert writer.operation({"n": 3}) == 3

    records = read_all(writer.folder)
    operations = [record for record in records if isinstance(record, Operation)]
    assert [(op.number, op.payload, op.rows_before) for op in operations] == [
        (0, {"n": 0}, 0),
        (1, {"n": 1}, 0),
        (2, {"n": 2}, 0),
        (3, {"n": 3}, 1),
    ]
    assert_rows(writer, [1])


def test_flush_writes_what_waits(tmp_path: Path, disk: Disk) -> None:
    writer = new_writer(tmp_path)
    disk.full = True
    writer.operation({"n": 0})
    disk.full = False
    writer.flush()

    assert [r.number for r in read_all(writer.folder) if isinstance(r, Operation)] == [0]


def test_closing_on_a_full_disk_gives_up_the_lock(tmp_path: Path, disk: Disk) -> None:
    writer = new_writer(tmp_path)
    writer.log({"x": 0})
    disk.full = True
    writer.operation({"n": 0})
    writer.close()

    (spool,) = scan(tmp_path)
    assert not spool.alive()
    assert writer.rejected == {"storage_records": 1}
    assert_rows(writer, [0])


def test_a_spool_that_cannot_be_made_is_said_at_once(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")

    with pytest.raises(OSError, match="file"):
        new_writer(tmp_path / "file")


def test_an_artifact_that_does_not_fit_is_counted_and_leaves_nothing(
    tmp_path: Path, disk: Disk
) -> None:
    writer = new_writer(tmp_path)
    disk.full = True

    assert writer.artifact(b"content", "x.txt") is None

    assert writer.rejected == {"storage_records": 1}
    assert list((writer.folder / "artifacts").iterdir()) == []
