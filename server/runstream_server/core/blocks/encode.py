"""Makes blocks out of groups of rows."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np

from runstream_server.core.blocks.chunking import ROWS_PER_CHUNK, describe, row_cuts
from runstream_server.core.blocks.codec import pack_axis, pack_values
from runstream_server.core.blocks.directory import CHUNK, GROUP, ROW_CHUNK, Directory
from runstream_server.core.blocks.envelopes import envelopes
from runstream_server.core.blocks.groups import RowGroup
from runstream_server.core.logformat import Int64s

__all__ = ["EncodedBlock", "encode_block"]

PART_BYTES: Final = 256 * 1024
"""Chunks are gathered in parts of about this size: what is written and read in one piece."""
CHUNK_VALUES: Final = ROWS_PER_CHUNK
"""A value chunk has about this many values; so a group with few rows has many columns in a chunk.
"""
MIN_ENVELOPED_ROWS: Final = 64
"""A group with fewer rows has no envelopes: they would cost more than its values."""


@dataclass(slots=True)
class EncodedBlock:
    """A block as it is stored."""

    directory: bytes
    parts: list[bytes]
    points: int

    @property
    def size_bytes(self) -> int:
        return len(self.directory) + sum(len(part) for part in self.parts)


@dataclass(slots=True)
class _Builder:
    parts: list[bytes] = field(default_factory=list[bytes])
    chunks: list[tuple[int, int, int]] = field(default_factory=list[tuple[int, int, int]])
    pending: list[bytes] = field(default_factory=list[bytes])
    pending_bytes: int = 0

    def add(self, chunk: bytes) -> None:
        if self.pending and self.pending_bytes + len(chunk) > PART_BYTES:
            self.close_part()
        self.chunks.append((len(self.parts), self.pending_bytes, len(chunk)))
        self.pending.append(chunk)
        self.pending_bytes += len(chunk)

    def close_part(self) -> None:
        if self.pending:
            self.parts.append(b"".join(self.pending))
            self.pending, self.pending_bytes = [], 0


def encode_block(groups: Sequence[RowGroup]) -> EncodedBlock:
    """Returns a block of these groups, whose rows are in order (`RowGroup.in_order`)."""
    builder = _Builder()
    table = np.zeros(len(groups), GROUP)
    row_chunks: list[np.ndarray[Any, Any]] = []
    series = row_chunk_count = 0
    for entry, group in zip(table, groups, strict=True):
        cuts = row_cuts(group.step)
        rows, columns = group.value.shape
        width = max(1, min(columns, CHUNK_VALUES // max(1, min(rows, ROWS_PER_CHUNK))))
        entry["rows"], entry["columns"], entry["columns_per_chunk"] = rows, columns, width
        entry["first_series"], entry["first_row_chunk"] = series, row_chunk_count
        entry["row_chunks"], entry["first_chunk"] = len(cuts), len(builder.chunks)
        entry["has_envelopes"] = rows >= MIN_ENVELOPED_ROWS
        for chunk in _chunks(group, cuts, width, with_envelopes=rows >= MIN_ENVELOPED_ROWS):
            builder.add(chunk)
        row_chunks.append(describe(group, cuts))
        series += columns
        row_chunk_count += len(cuts)
    builder.close_part()
    directory = Directory(
        groups=table,
        row_chunks=np.concatenate(row_chunks) if row_chunks else np.zeros(0, ROW_CHUNK),
        chunks=np.array(builder.chunks, CHUNK),
        series=np.concatenate([g.series for g in groups]) if groups else np.zeros(0, np.uint32),
    )
    return EncodedBlock(directory.encode(), builder.parts, sum(g.value.size for g in groups))


def _chunks(group: RowGroup, cuts: Int64s, width: int, *, with_envelopes: bool) -> Iterator[bytes]:
    ends = [*cuts[1:].tolist(), len(group.step)]
    spans = list(zip(cuts.tolist(), ends, strict=True))
    for begin, end in spans:
        yield pack_axis(group.step[begin:end], group.time[begin:end])
    columns = group.value.shape[1]
    found: list[bytes] = []
    for first in range(0, columns, width):
        values = np.ascontiguousarray(group.value[:, first : first + width].T)
        for begin, end in spans:
            yield pack_values(values[:, begin:end])
        if with_envelopes:
            found.append(pack_values(envelopes(values, cuts)))
    yield from found
