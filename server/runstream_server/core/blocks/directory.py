"""The table of contents of a block: which series it holds, and where the bytes of each are.

A block is a list of groups. A group's rows are cut into row chunks; its columns into column chunks
of `columns_per_chunk`. Chunks are numbered within the block; a group has, from its `first_chunk`
on: one axis chunk (steps and times) per row chunk; then for each column chunk one value chunk per
row chunk; then, if it has envelopes, one envelope chunk per column chunk.

Bytes, little-endian: magic `RSBD`, u8 version = 1, 3 bytes 0, u32 groups, u32 row chunks, u32
chunks, u32 series, then one Blosc frame that holds the four tables one after another.
"""

import struct
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final, Self

import numpy as np
from numpy.typing import NDArray

from runstream_server.core.blocks.codec import pack_bytes, unpack_bytes
from runstream_server.core.logformat import UInt32s

__all__ = [
    "CHUNK",
    "GROUP",
    "ROW_CHUNK",
    "STRICT",
    "TIME_ASCENDS",
    "Directory",
]

GROUP: Final = np.dtype(
    [
        ("rows", "<u4"),
        ("columns", "<u4"),
        ("first_series", "<u4"),
        ("first_row_chunk", "<u4"),
        ("row_chunks", "<u4"),
        ("first_chunk", "<u4"),
        ("columns_per_chunk", "<u4"),
        ("has_envelopes", "<u4"),
    ]
)
ROW_CHUNK: Final = np.dtype(
    [
        ("first_row", "<u4"),
        ("rows", "<u4"),
        ("first_step", "<i8"),
        ("first_time", "<i8"),
        ("last_step", "<i8"),
        ("last_time", "<i8"),
        ("min_time", "<i8"),
        ("max_time", "<i8"),
        ("flags", "<u4"),
    ]
)
CHUNK: Final = np.dtype([("part", "<u4"), ("offset", "<u4"), ("length", "<u4")])

STRICT: Final = 1
"""Flag of a row chunk in which no two rows have the same step and time."""
TIME_ASCENDS: Final = 2
"""Flag of a row chunk in which times ascend strictly along with the steps."""

_MAGIC: Final = b"RSBD"
_VERSION: Final = 1
_HEADER: Final = struct.Struct("<4sB3xIIII")

Table = NDArray[Any]


@dataclass(frozen=True, eq=False)
class Directory:
    """The four tables.

    `series` holds the series ids of all groups, group by group, column by column.
    """

    groups: Table
    row_chunks: Table
    chunks: Table
    series: UInt32s

    def encode(self) -> bytes:
        """Returns the directory as bytes."""
        tables = (self.groups, self.row_chunks, self.chunks, self.series)
        header = _HEADER.pack(
            _MAGIC,
            _VERSION,
            len(self.groups),
            len(self.row_chunks),
            len(self.chunks),
            len(self.series),
        )
        return header + pack_bytes(b"".join(table.tobytes() for table in tables))

    @classmethod
    def decode(cls, data: bytes) -> Self:
        """Reads a directory.

        Raises:
            ValueError: if the bytes are not a directory of this version.
        """
        magic, version, *counts = _HEADER.unpack_from(data)
        if magic != _MAGIC or version != _VERSION:
            raise ValueError(f"not a block directory: {magic!r}, version {version}")
        content = unpack_bytes(data[_HEADER.size :])
        tables: list[Table] = []
        position = 0
        for kind, count in zip((GROUP, ROW_CHUNK, CHUNK, np.dtype("<u4")), counts, strict=True):
            tables.append(np.frombuffer(content, kind, count, position))
            position += count * kind.itemsize
        return cls(*tables)

    @property
    def size_bytes(self) -> int:
        """The size in memory."""
        tables = (self.groups, self.row_chunks, self.chunks, self.series)
        return sum(table.nbytes for table in tables) + 12 * len(self.series)

    @cached_property
    def _series_order(self) -> tuple[NDArray[np.intp], UInt32s]:
        order = np.argsort(self.series, kind="stable")
        return order, self.series[order]

    def places(self, series_id: int) -> list[tuple[int, int]]:
        """Returns (group, column) for each group that holds the series."""
        order, ids = self._series_order
        begin, end = np.searchsorted(ids, [series_id, series_id + 1])
        found: list[tuple[int, int]] = []
        for place in order[begin:end].tolist():
            group = int(np.count_nonzero(self.groups["first_series"] <= place)) - 1
            found.append((group, place - int(self.groups["first_series"][group])))
        return found

    def row_chunks_of(self, group: int) -> Table:
        """Returns the row chunks of a group."""
        first = int(self.groups["first_row_chunk"][group])
        return self.row_chunks[first : first + int(self.groups["row_chunks"][group])]

    def axis_chunk(self, group: int, row_chunk: int) -> int:
        """Returns the number of the chunk that holds the steps and times of a group's row chunk."""
        return int(self.groups["first_chunk"][group]) + row_chunk

    def value_chunk(self, group: int, row_chunk: int, column: int) -> int:
        """Returns the number of the chunk with the values of a column in a group's row chunk."""
        row = self.groups[group]
        column_chunk = column // int(row["columns_per_chunk"])
        return int(row["first_chunk"]) + int(row["row_chunks"]) * (1 + column_chunk) + row_chunk

    def envelope_chunk(self, group: int, column_chunk: int) -> int:
        """Returns the number of the chunk with the envelopes of the columns of a column chunk.

        Raises:
            ValueError: if the group has no envelopes.
        """
        row = self.groups[group]
        if not row["has_envelopes"]:
            raise ValueError(f"group {group} has no envelopes")
        column_chunks = -(-int(row["columns"]) // int(row["columns_per_chunk"]))
        first = int(row["first_chunk"]) + int(row["row_chunks"]) * (1 + column_chunks)
        return first + column_chunk

    def columns_in_chunk(self, group: int, column: int) -> tuple[int, int]:
        """Returns the first column of the chunk that holds a column, and how many it has."""
        width = int(self.groups["columns_per_chunk"][group])
        first = column // width * width
        return first, min(width, int(self.groups["columns"][group]) - first)
