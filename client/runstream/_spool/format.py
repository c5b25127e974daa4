"""The bytes of records. docs/spool-format.md describes them for other languages.

Everything is little-endian. A segment is a header and then records; records begin at multiples of 8
bytes.
"""

import json
import struct
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final, NamedTuple, cast
from zlib import crc32

from runstream.errors import InvalidValue

__all__ = [
    "ARTIFACT",
    "CLOSE",
    "FRAME",
    "FRAME_BYTES",
    "IGNORABLE_KINDS",
    "LAYOUT",
    "MAX_ROW_POINTS",
    "OPERATION",
    "ROW",
    "ROW_BITS_MASK",
    "ROW_FIXED_BYTES",
    "ROW_HEAD",
    "ROW_STEP",
    "VALUE_ORDER",
    "Layout",
    "RawRecord",
    "Series",
    "decode_close",
    "decode_layout",
    "decode_numbered",
    "encode_close",
    "encode_layout",
    "encode_numbered",
    "encode_row",
    "framed",
    "json_bytes",
    "record_at",
    "records_in",
    "word_for",
]

MAX_ROW_POINTS: Final = 65_536
"""The most points in a row; `log()` splits what holds more."""
MAX_RECORD_BYTES: Final = 128 * 1024 * 1024
"""The longest body: a layout of 65 536 keys of 1 000 bytes fits."""

ROW: Final = 1
LAYOUT: Final = 2
OPERATION: Final = 3
ARTIFACT: Final = 4
CLOSE: Final = 5
KNOWN_KINDS: Final = frozenset((ROW, LAYOUT, OPERATION, ARTIFACT, CLOSE))
IGNORABLE_KINDS: Final = 128
"""From here on, a reader passes over kinds unknown to it; a lower one takes a new version."""

ROW_STEP: Final = 1 << 8
"""What a row adds to the number whose low 32 bits are the word that begins the next record."""
ROW_BITS_MASK: Final = (1 << 24) - 1
"""A word holds so many bits of the number of rows before it."""
_WORD_MASK: Final = 0xFFFFFFFF

FRAME: Final = struct.Struct("<II")
"""Before each body: its length, its CRC-32."""
FRAME_BYTES: Final = FRAME.size
ROW_HEAD: Final = struct.Struct("<IIqq")
"""Begins a row's body: word, layout, step, time. The values follow."""
ROW_FIXED_BYTES: Final = ROW_HEAD.size
VALUE_ORDER: Final = "@" if sys.byteorder == "little" else "<"
"""Native order packs a tenth faster than the same bytes spelled `<`."""

_WORD: Final = struct.Struct("<I")
_PREFIX: Final = struct.Struct("<III")
_LAYOUT_HEAD: Final = struct.Struct("<IIII")
_NUMBERED_HEAD: Final = struct.Struct("<I4xQQ")
_CLOSE_HEAD: Final = struct.Struct("<I4xQQQ")
_NO_RANK: Final = -1


class Series(NamedTuple):
    """One metric's history from one process."""

    key: str
    rank: int | None


@dataclass(frozen=True, slots=True)
class Layout:
    """The ordered series of a row. `index` names it within its writer."""

    index: int
    series: tuple[Series, ...]


class RawRecord(NamedTuple):
    """A record whose CRC is right: its kind, low row bits, body, and where the next begins."""

    kind: int
    row_bits: int
    body: memoryview
    end: int


def word_for(kind: int, rows: int) -> int:
    """Returns the word that begins a body: the kind, and the low 24 bits of the rows before it."""
    return (kind | rows << 8) & _WORD_MASK


def framed(body: bytes) -> bytes:
    """Puts length and CRC before a body and pads it to 8 bytes."""
    return FRAME.pack(len(body), crc32(body)) + body + bytes(-len(body) % 8)


def record_at(view: memoryview, offset: int) -> RawRecord | None:
    """Reads the record at an offset; None when it is incomplete or its CRC differs."""
    remaining = len(view) - offset
    if remaining < _PREFIX.size:
        return None
    length, crc, word = _PREFIX.unpack_from(view, offset)
    size = FRAME_BYTES + length + (-length % 8)
    # Eight zero bytes, as a file system may leave them, would be an empty body with its right CRC.
    if not _WORD.size <= length <= MAX_RECORD_BYTES or size > remaining:
        return None
    kind = word & 0xFF
    if kind not in KNOWN_KINDS and kind < IGNORABLE_KINDS:
        return None
    body = view[offset + FRAME_BYTES : offset + FRAME_BYTES + length]
    if crc32(body) != crc:
        return None
    return RawRecord(kind, word >> 8, body, offset + size)


def records_in(view: memoryview, offset: int = 0) -> Iterator[RawRecord]:
    """Yields the records from an offset on, up to the first that is incomplete or corrupt."""
    while (record := record_at(view, offset)) is not None:
        yield record
        offset = record.end


def encode_row(rows: int, layout: int, step: int, time_us: int, values: bytes) -> bytes:
    """Returns a row's record. `rows` is its offset, `values` its float64 values.

    Raises:
        struct.error: if step or time do not fit 64 bits.
    """
    head = ROW_HEAD.pack(word_for(ROW, rows), layout, step, time_us)
    return FRAME.pack(len(head) + len(values), crc32(values, crc32(head))) + head + values


def encode_layout(rows: int, layout: Layout) -> bytes:
    """Returns the record that defines a layout."""
    keys = [series.key.encode() for series in layout.series]
    count = len(keys)
    text = b"".join(keys)
    head = _LAYOUT_HEAD.pack(word_for(LAYOUT, rows), layout.index, count, len(text))
    ranks = [_NO_RANK if series.rank is None else series.rank for series in layout.series]
    columns = struct.pack(f"<{count}i{count}H", *ranks, *map(len, keys))
    return framed(head + columns + text)


def decode_layout(body: memoryview) -> Layout:
    """Reads the body of a layout's definition.

    Raises:
        ValueError: if it is malformed.
    """
    try:
        _, index, count, text_bytes = _LAYOUT_HEAD.unpack_from(body)
        columns = struct.unpack_from(f"<{count}i{count}H", body, _LAYOUT_HEAD.size)
    except struct.error as error:
        raise ValueError(f"a layout's definition is cut off: {error}") from error
    text = bytes(body[_LAYOUT_HEAD.size + 6 * count :])
    if len(text) != text_bytes or sum(columns[count:]) != text_bytes:
        raise ValueError("the lengths of a layout's keys disagree")
    series: list[Series] = []
    start = 0
    for rank, length in zip(columns[:count], columns[count:], strict=True):
        key = text[start : start + length].decode()
        series.append(Series(key, None if rank == _NO_RANK else rank))
        start += length
    return Layout(index, tuple(series))


def encode_numbered(kind: int, *, rows: int, number: int, operations: int, payload: bytes) -> bytes:
    """Returns the record of an operation or an artifact.

    Args:
        kind: OPERATION or ARTIFACT.
        rows: How many rows are before it.
        number: Its number among its kind.
        operations: How many operations are before it.
        payload: A JSON object.
    """
    head = _NUMBERED_HEAD.pack(word_for(kind, rows), number, operations)
    return framed(head + payload)


def decode_numbered(body: memoryview) -> tuple[int, int, dict[str, object]]:
    """Reads an operation's or an artifact's body: number, operations before it, payload.

    Raises:
        ValueError: if it is malformed.
    """
    try:
        _, number, operations = _NUMBERED_HEAD.unpack_from(body)
    except struct.error as error:
        raise ValueError(f"a numbered record is cut off: {error}") from error
    return number, operations, _json_object(body[_NUMBERED_HEAD.size :])


def encode_close(*, rows: int, operations: int, artifacts: int, payload: bytes) -> bytes:
    """Returns the record that says that the writer writes no more."""
    word = word_for(CLOSE, rows)
    return framed(_CLOSE_HEAD.pack(word, rows, operations, artifacts) + payload)


def decode_close(body: memoryview) -> tuple[int, int, int, dict[str, object]]:
    """Reads a close record's body: rows, operations, artifacts, payload.

    Raises:
        ValueError: if it is malformed.
    """
    try:
        _, rows, operations, artifacts = _CLOSE_HEAD.unpack_from(body)
    except struct.error as error:
        raise ValueError(f"a close record is cut off: {error}") from error
    return rows, operations, artifacts, _json_object(body[_CLOSE_HEAD.size :])


def json_bytes(payload: Mapping[str, object]) -> bytes:
    """Encodes a payload as UTF-8 JSON.

    Raises:
        InvalidValue: if JSON or UTF-8 cannot express it, NaN and infinities included.
    """
    try:
        return json.dumps(
            payload, ensure_ascii=False, allow_nan=False, separators=(",", ":")
        ).encode()
    except (TypeError, ValueError, RecursionError) as error:
        raise InvalidValue(f"{payload!r:.200} cannot be written as JSON: {error}") from error


def _json_object(text: memoryview) -> dict[str, object]:
    payload: object = json.loads(bytes(text).decode())
    if not isinstance(payload, dict):
        raise ValueError("a record's payload is not a JSON object")  # noqa: TRY004 - the bytes are wrong
    return cast("dict[str, object]", payload)
