"""A reader begins at any place, and goes on as the writer goes on."""

import random
from pathlib import Path

import pytest
from tests.unit.spool.logging_runs import decoded, new_writer, offsets_told, read_all
from tests.unit.spool.naive import read_naively

from runstream._spool import (
    Artifact,
    Close,
    CorruptRows,
    Operation,
    Record,
    RowChunk,
    SpoolReader,
    SpoolWriter,
)


def logged(tmp_path: Path, rows: int = 500) -> SpoolWriter:
    writer = new_writer(tmp_path, segment_bytes=3000)
    for i in range(rows):
        writer.log({"a": i, "b": i * 2} if i % 7 else {"c": i, "d": i, "e": i})
        if i % 40 == 39:
            writer.operation({"op": "set_tags", "i": i})
        if i % 100 == 50:
            writer.artifact(f"content {i}".encode(), f"file{i}.txt")
    return writer


@pytest.mark.parametrize("seed", range(25))
def test_reading_from_any_row_gives_the_rest(tmp_path: Path, seed: int) -> None:
    writer = logged(tmp_path)
    writer.close()
    naive = read_naively(writer.folder)
    first_row = random.Random(seed).randrange(len(naive.rows) + 1)

    assert decoded(read_all(writer.folder, first_row=first_row)) == naive.rows[first_row:]


@pytest.mark.parametrize("seed", range(25))
def test_rows_operations_and_artifacts_resume_apart(tmp_path: Path, seed: int) -> None:
    writer = logged(tmp_path)
    naive = read_naively(writer.folder)
    rng = random.Random(seed)
    first_row = rng.randrange(len(naive.rows))
    first_operation = rng.randrange(len(naive.operations) + 1)
    first_artifact = rng.randrange(len(naive.artifacts) + 1)

    records = list(
        SpoolReader(
            writer.folder,
            first_row=first_row,
            first_operation=first_operation,
            first_artifact=first_artifact,
        ).read()
    )

    assert decoded(records) == naive.rows[first_row:]
    operations = [record for record in records if isinstance(record, Operation)]
    assert [
        (record.number, record.payload, record.rows_before) for record in operations
    ] == naive.operations[first_operation:]
    artifacts = [record for record in records if isinstance(record, Artifact)]
    assert [
        (record.number, record.rows_before, record.operations_before) for record in artifacts
    ] == [
        (number, rows, operations)
        for number, _, rows, operations in naive.artifacts[first_artifact:]
    ]


def test_reading_beyond_the_end_waits_for_the_row(tmp_path: Path) -> None:
    writer = logged(tmp_path, rows=10)
    reader = SpoolReader(writer.folder, first_row=12)

    assert decoded(reader.read()) == []
    for i in range(5):
        writer.log({"a": i, "b": i})

    assert [row.offset for row in decoded(reader.read())] == [12, 13, 14]


def test_reading_again_gives_what_has_come_since(tmp_path: Path) -> None:
    writer = new_writer(tmp_path, segment_bytes=4000)
    reader = SpoolReader(writer.folder)
    records: list[Record] = []
    rng = random.Random(1)

    for i in range(400):
        writer.log({"x": i} if rng.random() < 0.8 else {"y": i, "z": i})
        if rng.random() < 0.3:
            records += reader.read()
            assert reader.row == i + 1
            assert not reader.finished
    writer.close()
    records += reader.read()

    assert reader.finished
    assert decoded(records) == read_naively(writer.folder).rows
    assert isinstance(records[-1], Close)
    assert list(reader.read()) == []


def test_a_reader_that_is_left_at_any_record_goes_on_behind_it(tmp_path: Path) -> None:
    writer = logged(tmp_path)
    writer.close()
    reader = SpoolReader(writer.folder, chunk_bytes=400)
    records: list[Record] = []

    while not reader.finished:
        for record in reader.read():
            records.append(record)
            break

    assert decoded(records) == read_naively(writer.folder).rows
    assert len([record for record in records if isinstance(record, Operation)]) == 12


def test_a_layout_is_known_wherever_reading_begins(tmp_path: Path) -> None:
    writer = new_writer(tmp_path)
    for i in range(100):
        writer.log({"a": i})

    (chunk,) = read_all(writer.folder, first_row=99)

    assert isinstance(chunk, RowChunk)
    assert [series.key for series in chunk.layouts[0].series] == ["a"]


def test_rows_that_were_trimmed_are_reported_as_lost(tmp_path: Path) -> None:
    writer = logged(tmp_path)
    (writer.folder / "00000000.seg").unlink()
    (writer.folder / "00000001.seg").unlink()
    present = read_naively(writer.folder).rows

    records = read_all(writer.folder, first_row=3)

    assert isinstance(records[0], CorruptRows)
    assert offsets_told(records) == list(range(3, 500))
    assert decoded(records) == present


def test_a_missing_segment_in_the_middle_is_reported_as_lost_rows(tmp_path: Path) -> None:
    writer = logged(tmp_path)
    writer.close()
    (writer.folder / "00000002.seg").unlink()

    records = read_all(writer.folder)

    assert len([record for record in records if isinstance(record, CorruptRows)]) == 1
    assert offsets_told(records) == list(range(500))
    assert decoded(records) == read_naively(writer.folder).rows


def test_a_writer_that_died_is_finished_when_its_rows_are_read(tmp_path: Path) -> None:
    writer = logged(tmp_path, rows=3)
    reader = SpoolReader(writer.folder)
    assert len(decoded(reader.read())) == 3
    assert not reader.finished

    del writer  # closes the lock, and writes nothing

    assert list(reader.read()) == []
    assert reader.finished


def test_a_folder_that_is_being_made_is_not_finished(tmp_path: Path) -> None:
    reader = SpoolReader(tmp_path / "not yet")

    assert list(reader.read()) == []
    assert not reader.finished
