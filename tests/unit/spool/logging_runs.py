"""What the tests of the spool share."""

import struct
from collections.abc import Iterable
from pathlib import Path

from tests.unit.spool.naive import NaiveRow, Point

from runstream._spool import CorruptRows, Record, RowChunk, SpoolReader, SpoolWriter

RUN_ID = "0123456789abcdef" * 2


def new_writer(
    directory: Path,
    *,
    segment_bytes: int = 1 << 26,
    rank: int | None = None,
    strict: bool = False,
    snapshot_max: int = 1 << 30,
) -> SpoolWriter:
    return SpoolWriter.create(
        directory,
        run_id=RUN_ID,
        rank=rank,
        experiment="möbius",
        server_uri="grpc://127.0.0.1:50051",
        segment_bytes=segment_bytes,
        strict=strict,
        snapshot_max=snapshot_max,
    )


def bits(value: float) -> int:
    number: int = struct.unpack("<Q", struct.pack("<d", value))[0]
    return number


def from_bits(number: int) -> float:
    value: float = struct.unpack("<d", struct.pack("<Q", number))[0]
    return value


def decoded(records: Iterable[Record]) -> list[NaiveRow]:
    """Decodes all rows of the chunks among the records."""
    rows: list[NaiveRow] = []
    for record in records:
        if isinstance(record, RowChunk):
            offset = record.first_row
            for row in record.rows():
                points: list[Point] = [
                    (series.key, series.rank, bits(value))
                    for series, value in zip(row.layout.series, row.values, strict=True)
                ]
                rows.append(NaiveRow(offset, row.step, row.time_us, points))
                offset += 1
            assert offset == record.first_row + record.row_count
    return rows


def offsets_told(records: Iterable[Record]) -> list[int]:
    """Returns every row offset that a reader yielded or reported as lost, in order."""
    offsets: list[int] = []
    for record in records:
        if isinstance(record, RowChunk | CorruptRows):
            offsets.extend(range(record.first_row, record.first_row + record.row_count))
    return offsets


def read_all(folder: Path, *, first_row: int = 0, chunk_bytes: int = 1 << 20) -> list[Record]:
    reader = SpoolReader(folder, first_row=first_row, chunk_bytes=chunk_bytes)
    return list(reader.read())


def values_of(rows: Iterable[NaiveRow], key: str) -> list[float]:
    return [from_bits(value) for row in rows for name, _, value in row.points if name == key]
