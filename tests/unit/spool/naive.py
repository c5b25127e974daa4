"""A second reader, written from docs/spool-format.md alone: slow, plain, without the package."""

import json
import struct
import zlib
from dataclasses import dataclass, field
from pathlib import Path

Point = tuple[str, int | None, int]
"""Key, rank, and the value's 64 bits."""


@dataclass
class NaiveRow:
    offset: int
    step: int
    time_us: int
    points: list[Point]


@dataclass
class NaiveSpool:
    rows: list[NaiveRow] = field(default_factory=list[NaiveRow])
    operations: list[tuple[int, dict[str, object], int]] = field(
        default_factory=list[tuple[int, dict[str, object], int]]
    )
    artifacts: list[tuple[int, dict[str, object], int, int]] = field(
        default_factory=list[tuple[int, dict[str, object], int, int]]
    )
    close: tuple[int, int, int, dict[str, object]] | None = None
    headers: list[dict[str, object]] = field(default_factory=list[dict[str, object]])


def read_naively(folder: Path) -> NaiveSpool:
    """Reads a writer's whole segments, each up to its first bad record."""
    spool = NaiveSpool()
    for path in sorted(folder.glob("*.seg")):
        data = path.read_bytes()
        header, offset = header_of(data)
        spool.headers.append(header)
        first_row = header["first_row"]
        assert isinstance(first_row, int)
        _read_records(data, offset, first_row, spool)
    return spool


def header_of(data: bytes) -> tuple[dict[str, object], int]:
    assert data[:8] == b"RSTSPOOL"
    version, size = struct.unpack_from("<II", data, 8)
    assert version == 1
    assert size % 8 == 0
    (crc,) = struct.unpack_from("<I", data, size - 4)
    assert zlib.crc32(data[: size - 4]) == crc
    writer, run = data[16:32].hex(), data[32:48].hex()
    rank, attempt = struct.unpack_from("<iI", data, 48)
    segment, created_us, row, operation, artifact = struct.unpack_from("<QqQQQ", data, 56)
    name_bytes, uri_bytes = struct.unpack_from("<II", data, 96)
    texts = data[104 : 104 + name_bytes + uri_bytes]
    header: dict[str, object] = {
        "writer_id": writer,
        "run_id": run,
        "rank": None if rank == -1 else rank,
        "attempt": attempt,
        "segment": segment,
        "created_us": created_us,
        "first_row": row,
        "first_operation": operation,
        "first_artifact": artifact,
        "experiment": texts[:name_bytes].decode(),
        "server_uri": texts[name_bytes:].decode(),
    }
    return header, size


def _read_records(data: bytes, offset: int, row: int, spool: NaiveSpool) -> None:
    layouts: dict[int, list[tuple[str, int | None]]] = {}
    while offset + 8 <= len(data):
        length, crc = struct.unpack_from("<II", data, offset)
        body = data[offset + 8 : offset + 8 + length]
        if length == 0 or len(body) != length or zlib.crc32(body) != crc:
            return
        (word,) = struct.unpack_from("<I", body)
        kind = word & 0xFF
        assert word >> 8 == row % 2**24
        if kind == 1:
            index, step, time_us = struct.unpack_from("<Iqq", body, 4)
            bits = struct.unpack_from(f"<{(length - 24) // 8}Q", body, 24)
            points = [(*series, b) for series, b in zip(layouts[index], bits, strict=True)]
            spool.rows.append(NaiveRow(row, step, time_us, points))
            row += 1
        elif kind == 2:
            index, series = _layout(body)
            layouts[index] = series
        elif kind in {3, 4}:
            number, operations = struct.unpack_from("<QQ", body, 8)
            payload = json.loads(body[24:])
            if kind == 3:
                assert operations == number
                spool.operations.append((number, payload, row))
            else:
                spool.artifacts.append((number, payload, row, operations))
        elif kind == 5:
            spool.close = (*struct.unpack_from("<QQQ", body, 8), json.loads(body[32:]))
        offset += 8 + (length + 7) // 8 * 8


def _layout(body: bytes) -> tuple[int, list[tuple[str, int | None]]]:
    index, count, text_bytes = struct.unpack_from("<III", body, 4)
    ranks = struct.unpack_from(f"<{count}i", body, 16)
    lengths = struct.unpack_from(f"<{count}H", body, 16 + 4 * count)
    text = body[16 + 6 * count :]
    assert len(text) == text_bytes == sum(lengths)
    series: list[tuple[str, int | None]] = []
    for rank, size in zip(ranks, lengths, strict=True):
        series.append((text[:size].decode(), None if rank == -1 else rank))
        text = text[size:]
    return index, series
