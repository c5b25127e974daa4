"""Cuts chunks of rows into smaller ones, to find the row that the server refuses."""

from runstream._ship.batches import layout_indices
from runstream._spool import RowChunk

__all__ = ["cut", "halves"]


def cut(chunk: RowChunk, first_row: int, row_count: int) -> RowChunk:
    """Returns some of a chunk's rows.

    Args:
        chunk: The chunk.
        first_row: The offset of the first of them in the writer's stream.
        row_count: How many, at least 1.
    """
    start = first_row - chunk.first_row
    if start == 0 and row_count == chunk.row_count:
        return chunk
    indices = layout_indices(chunk)
    widths = {index: len(layout.series) for index, layout in chunk.layouts.items()}
    kept = indices[start : start + row_count]
    before = sum(map(widths.__getitem__, indices[:start]))
    points = sum(map(widths.__getitem__, kept))
    return RowChunk(
        first_row=first_row,
        row_count=row_count,
        point_count=points,
        layout=chunk.layout[4 * start : 4 * (start + row_count)],
        step=chunk.step[8 * start : 8 * (start + row_count)],
        time_us=chunk.time_us[8 * start : 8 * (start + row_count)],
        value=chunk.value[8 * before : 8 * (before + points)],
        layouts={index: chunk.layouts[index] for index in sorted(set(kept))},
    )


def halves(chunk: RowChunk) -> tuple[RowChunk, RowChunk]:
    """Returns the first and the second half of a chunk of at least two rows."""
    middle = chunk.row_count // 2
    return (
        cut(chunk, chunk.first_row, middle),
        cut(chunk, chunk.first_row + middle, chunk.row_count - middle),
    )
