"""The content of a log batch: rows with run-wide ids, as columns.

Layout, little-endian: u8 version = 1, 7 bytes 0, u32 rows, u32 inline rows, u64 values, u64 inline
series; then step i64[rows], time i64[rows], value f64[values], layout u32[rows], inline count
u32[inline rows], inline series u32[inline series]. A row whose layout is `INLINE` takes its series
ids from the inline columns. Values of all rows stand end to end.
"""

import struct
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final, Self

import numpy as np
from numpy.typing import NDArray

__all__ = [
    "INLINE",
    "Float64s",
    "Int64s",
    "LogRows",
    "UInt32s",
    "header_of",
    "names_its_series",
]

INLINE: Final = 0xFFFFFFFF
"""The layout of a row that carries its series itself."""

Float64s = NDArray[np.float64]
Int64s = NDArray[np.int64]
UInt32s = NDArray[np.uint32]

_VERSION: Final = 1
_HEADER: Final = struct.Struct("<B7xIIQQ")


@dataclass(frozen=True, slots=True, kw_only=True)
class LogRows:
    """Rows as columns.

    `step`, `time` and `layout` have one entry per row, `value` one per point.
    """

    step: Int64s
    time: Int64s
    value: Float64s
    layout: UInt32s
    inline_count: UInt32s
    inline_series: UInt32s

    def encode(self) -> bytes:
        """Returns the rows as the bytes of a log batch."""
        header = _HEADER.pack(
            _VERSION,
            len(self.step),
            len(self.inline_count),
            len(self.value),
            len(self.inline_series),
        )
        columns = (
            self.step, self.time, self.value, self.layout, self.inline_count, self.inline_series,
        )  # fmt: skip
        return b"".join([header, *(column.tobytes() for column in columns)])

    @classmethod
    def decode(cls, data: bytes) -> Self:
        """Reads the bytes of a log batch; the columns are views of `data`.

        Raises:
            ValueError: if they are not a log batch of this version.
        """
        table = np.frombuffer(data, np.uint8)
        return cls._of(
            table[begin : begin + size].view(kind) for kind, begin, size in _columns(data)
        )

    @classmethod
    def decode_alike(cls, batches: Sequence[bytes]) -> Self:
        """Reads batches with the same header, at least one, as one: their rows end to end.

        Raises:
            ValueError: as `decode` does.
        """
        table = np.frombuffer(b"".join(batches), np.uint8).reshape(len(batches), -1)
        return cls._of(
            np.ascontiguousarray(table[:, begin : begin + size]).view(kind).reshape(-1)
            for kind, begin, size in _columns(batches[0])
        )

    @classmethod
    def _of(cls, columns: Iterable[NDArray[Any]]) -> Self:
        step, time, value, layout, inline_count, inline = columns
        return cls(
            step=step.view(np.int64),
            time=time.view(np.int64),
            value=value.view(np.float64),
            layout=layout.view(np.uint32),
            inline_count=inline_count.view(np.uint32),
            inline_series=inline.view(np.uint32),
        )


def header_of(data: bytes) -> bytes:
    """Returns the header of a log batch: how long it and its columns are."""
    return data[: _HEADER.size]


def names_its_series(header: bytes) -> bool:
    """Returns whether all rows of a batch with this header carry their series themselves."""
    _, rows, inline_rows, _, _ = _HEADER.unpack(header)
    return bool(rows == inline_rows)


def _columns(data: bytes) -> Iterator[tuple[str, int, int]]:
    """Yields kind, place and size in bytes of each column."""
    version, rows, inline_rows, values, inline_series = _HEADER.unpack_from(data)
    expected = _HEADER.size + 20 * rows + 8 * values + 4 * (inline_rows + inline_series)
    if version != _VERSION or expected != len(data):
        raise ValueError(f"not a log batch: version {version}, {len(data)} of {expected} bytes")
    begin = _HEADER.size
    for kind, size in (
        ("<i8", 8 * rows),
        ("<i8", 8 * rows),
        ("<f8", 8 * values),
        ("<u4", 4 * rows),
        ("<u4", 4 * inline_rows),
        ("<u4", 4 * inline_series),
    ):
        yield kind, begin, size
        begin += size
