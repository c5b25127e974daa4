"""What was delivered goes after an hour; what was refused stays."""

import json
import os
from pathlib import Path

from tests.unit.spool.logging_runs import RUN_ID, from_bits, new_writer, read_all

from runstream._spool import (
    Artifact,
    Operation,
    RowChunk,
    SpoolReader,
    SpoolWriter,
    WriterSpool,
    remove_abandoned,
    scan,
)
from runstream._spool.segment import read_header

NOW = 1_800_000_000.0
HOUR = 3_600.0


def filled(directory: Path) -> tuple[SpoolWriter, WriterSpool]:
    """Returns a writer of five segments: rows 0 to 49, an operation and a file every ten."""
    writer = new_writer(directory, segment_bytes=700)
    for i in range(50):
        writer.log({"x": i})
        if i % 10 == 0:
            writer.operation({"i": i})
            writer.artifact(b"content", f"{i}.txt")
    (spool,) = scan(directory)
    return writer, spool


def segments(spool: WriterSpool) -> list[str]:
    return sorted(path.name for path in spool.folder.glob("*.seg"))


def note(
    spool: WriterSpool,
    *,
    rows: int = 50,
    operations: int = 5,
    artifacts: int = 5,
    finished: bool = False,
    now: float = NOW,
) -> None:
    spool.note_acked(
        rows=rows, operations=operations, artifacts=artifacts, finished=finished, now=now
    )


def test_segments_go_an_hour_after_all_in_them_is_acked(tmp_path: Path) -> None:
    writer, spool = filled(tmp_path)
    before = segments(spool)
    headers = [read_first(spool, name) for name in before]
    third = headers[3]

    note(spool, rows=third[0], operations=third[1], artifacts=third[2])
    assert not spool.trim(NOW + HOUR - 1)
    assert segments(spool) == before
    assert not spool.trim(NOW + HOUR)

    assert segments(spool) == before[3:]
    assert writer.rows == 50
    rest = list(SpoolReader(spool.folder, first_row=third[0]).read())
    assert sum(record.row_count for record in rest if isinstance(record, RowChunk)) == 50 - third[0]


def read_first(spool: WriterSpool, name: str) -> tuple[int, int, int]:
    header = read_header(spool.folder, int(name[:8]))
    return header.first_row, header.first_operation, header.first_artifact


def test_one_operation_that_is_not_acked_keeps_its_segment(tmp_path: Path) -> None:
    _, spool = filled(tmp_path)
    before = segments(spool)

    note(spool, operations=0)
    spool.trim(NOW + HOUR)

    assert segments(spool) == before


def test_the_hour_begins_when_the_segment_was_acked(tmp_path: Path) -> None:
    _, spool = filled(tmp_path)
    before = segments(spool)
    second = read_first(spool, before[1])

    note(spool, rows=second[0], operations=second[1], artifacts=second[2], now=NOW)
    note(spool, now=NOW + 1000)
    spool.trim(NOW + HOUR)

    assert segments(spool) == before[1:]


def test_a_living_writers_last_segment_stays(tmp_path: Path) -> None:
    writer, spool = filled(tmp_path)

    note(spool, finished=True)
    assert not spool.trim(NOW + HOUR)
    writer.log({"x": 50})

    assert len(segments(spool)) >= 1
    assert [r.first_row for r in read_from(spool, 50)] == [50]


def read_from(spool: WriterSpool, row: int) -> list[RowChunk]:
    records = SpoolReader(spool.folder, first_row=row).read()
    return [record for record in records if isinstance(record, RowChunk)]


def test_a_finished_writers_folder_goes_an_hour_after_all_is_acked(tmp_path: Path) -> None:
    writer, spool = filled(tmp_path)
    writer.close()

    note(spool, finished=True)
    assert not spool.trim(NOW + HOUR - 1)
    assert spool.trim(NOW + HOUR)

    assert not spool.folder.exists()
    assert not spool.folder.parent.exists()
    assert scan(tmp_path) == []


def test_a_runs_folder_stays_while_it_has_other_writers(tmp_path: Path) -> None:
    writer, spool = filled(tmp_path)
    other = SpoolWriter.create(tmp_path, run_id=RUN_ID)
    writer.close()

    note(spool, finished=True)
    assert spool.trim(NOW + HOUR)

    assert [left.writer_id for left in scan(tmp_path)] == [other.writer_id]


def test_what_is_acked_is_remembered(tmp_path: Path) -> None:
    _, spool = filled(tmp_path)
    assert spool.acked().rows == 0

    note(spool, rows=17, operations=2, artifacts=1)

    acked = WriterSpool(tmp_path, spool.run_id, spool.writer_id).acked()
    assert (acked.rows, acked.operations, acked.artifacts, acked.finished) == (17, 2, 1, False)


def test_a_damaged_note_is_as_good_as_none(tmp_path: Path) -> None:
    _, spool = filled(tmp_path)
    for text in ("", "{", "[]", '{"acked_at": {}, "what": 1}', '{"acked_at": []}'):
        (spool.folder / "acked.json").write_text(text)
        assert spool.acked().rows == 0
        assert not spool.trim(NOW + HOUR)


def test_refused_rows_are_kept_with_the_reason(tmp_path: Path) -> None:
    writer = new_writer(tmp_path, rank=1)
    nan = from_bits(0x7FF8000000000009)
    writer.log({"a": 0.1, "b": nan}, step=3, time_us=8)
    writer.log({"a": float("-inf")}, step=4, time_us=9)
    writer.close()
    (spool,) = scan(tmp_path)
    (chunk, _) = read_all(spool.folder)
    assert isinstance(chunk, RowChunk)

    path = spool.reject(chunk, "LIMIT_EXCEEDED: too many series")
    assert spool.reject(chunk, "LIMIT_EXCEEDED: too many series") == path

    assert spool.rejected_count() == 1
    document = json.loads(path.read_text())
    assert document["reason"] == "LIMIT_EXCEEDED: too many series"
    assert document["run_id"] == RUN_ID
    assert document["server_uri"] == "grpc://127.0.0.1:50051"
    assert document["layouts"]["0"] == [{"key": "a", "rank": 1}, {"key": "b", "rank": 1}]
    assert document["rows"] == [
        {"step": 3, "time_us": 8, "layout": 0, "values": [0.1, "nan:7ff8000000000009"]},
        {"step": 4, "time_us": 9, "layout": 1, "values": ["-inf"]},
    ]
    note(spool, rows=2, operations=0, artifacts=0, finished=True)
    assert spool.trim(NOW + HOUR)
    assert path.exists()


def test_refused_operations_and_files_are_kept_with_the_reason(tmp_path: Path) -> None:
    writer = new_writer(tmp_path)
    writer.operation({"op": "log_params", "params": {"lr": "1"}})
    writer.artifact(b"content", "../x")
    (spool,) = scan(tmp_path)
    operation, artifact = read_all(spool.folder)
    assert isinstance(operation, Operation)
    assert isinstance(artifact, Artifact)

    operation_path = spool.reject(operation, "PARAM_CONFLICT")
    artifact_path = spool.reject(artifact, "INVALID_PATH")

    assert spool.rejected_count() == 2
    assert json.loads(operation_path.read_text())["payload"]["params"] == {"lr": "1"}
    assert json.loads(artifact_path.read_text())["path"] == "../x"
    assert artifact_path.with_suffix(".content").read_bytes() == b"content"
    assert artifact_path.is_relative_to(tmp_path / "rejected")
    assert len(scan(tmp_path)) == 1


def test_folders_of_writers_that_died_while_being_made_go_after_an_hour(tmp_path: Path) -> None:
    writer = new_writer(tmp_path)
    abandoned = tmp_path / RUN_ID / ("e" * 32)
    fresh = tmp_path / RUN_ID / ("d" * 32)
    for folder in (abandoned, fresh):
        folder.mkdir()
    os.utime(abandoned, (NOW - HOUR, NOW - HOUR))
    os.utime(fresh, (NOW - 10, NOW - 10))
    os.utime(writer.folder, (NOW - HOUR, NOW - HOUR))

    remove_abandoned(tmp_path, NOW)

    assert not abandoned.exists()
    assert fresh.exists()
    assert writer.folder.exists()


def test_scanning_passes_over_whatever_else_is_there(tmp_path: Path) -> None:
    writer, spool = filled(tmp_path)
    (tmp_path / "shipper.lock").touch()
    (tmp_path / "rejected" / RUN_ID).mkdir(parents=True)
    (tmp_path / RUN_ID / "notes").mkdir()
    (tmp_path / ("f" * 32)).touch()

    assert [found.writer_id for found in scan(tmp_path)] == [writer.writer_id] == [spool.writer_id]
    assert scan(tmp_path / "absent") == []
    assert spool.size_bytes() > 50 * 40
