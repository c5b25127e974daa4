"""Gets rows and columns back out of the parts of a block."""

from collections.abc import Callable, Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from runstream_server.core.blocks.codec import unpack_axis, unpack_values
from runstream_server.core.blocks.directory import Directory
from runstream_server.core.blocks.envelopes import FIELDS
from runstream_server.core.blocks.groups import RowGroup
from runstream_server.core.logformat import Float64s

__all__ = ["chunk_envelopes", "chunk_values", "groups_of_block"]

ChunkReader = Callable[[int], bytes | memoryview]
"""Returns the bytes of a chunk by its number."""


def groups_of_block(directory: Directory, parts: Sequence[bytes]) -> Iterator[RowGroup]:
    """Yields all rows of a block."""

    def chunk(number: int) -> memoryview:
        place = directory.chunks[number]
        begin = int(place["offset"])
        return memoryview(parts[int(place["part"])])[begin : begin + int(place["length"])]

    for group, entry in enumerate(directory.groups):
        columns, first = int(entry["columns"]), int(entry["first_series"])
        step = np.empty(int(entry["rows"]), np.int64)
        time = np.empty_like(step)
        value = np.empty((len(step), columns))
        for number, rows in enumerate(directory.row_chunks_of(group)):
            span = slice(int(rows["first_row"]), int(rows["first_row"]) + int(rows["rows"]))
            step[span], time[span] = unpack_axis(chunk(directory.axis_chunk(group, number)))
            for column in range(0, columns, int(entry["columns_per_chunk"])):
                data = unpack_values(chunk(directory.value_chunk(group, number, column)))
                width = min(int(entry["columns_per_chunk"]), columns - column)
                value[span, column : column + width] = data.reshape(width, -1).T
        series = directory.series[first : first + columns]
        yield RowGroup(series=series, step=step, time=time, value=value)


def chunk_values(
    directory: Directory, group: int, row_chunk: int, column: int, chunk: ChunkReader
) -> Float64s:
    """Returns the values of a column in a row chunk."""
    data = unpack_values(chunk(directory.value_chunk(group, row_chunk, column)))
    first, width = directory.columns_in_chunk(group, column)
    values: Float64s = data.reshape(width, -1)[column - first]
    return values


def chunk_envelopes(
    directory: Directory, group: int, column_chunk: int, chunk: ChunkReader
) -> NDArray[np.float64]:
    """Returns the envelopes of the columns of a chunk, as fields by columns by row chunks.

    Raises:
        ValueError: if the group has no envelopes.
    """
    column = column_chunk * int(directory.groups["columns_per_chunk"][group])
    _, width = directory.columns_in_chunk(group, column)
    return unpack_values(chunk(directory.envelope_chunk(group, column_chunk))).reshape(
        len(FIELDS), width, -1
    )
