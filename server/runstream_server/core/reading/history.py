"""Exact histories."""

from collections.abc import AsyncIterator
from typing import Final

import numpy as np

from runstream_server.core.points import MAX_INT64, MIN_INT64, Points
from runstream_server.core.reading.clusters import by_step
from runstream_server.core.reading.view import RunView

__all__ = ["history"]

CHUNKS_AT_ONCE: Final = 16
"""So many chunks are read together where they do not overlap."""


async def history(
    view: RunView, series_id: int, min_step: int = MIN_INT64, max_step: int = MAX_INT64
) -> AsyncIterator[Points]:
    """Yields the points of a series in ascending order and each once, in pieces.

    They are those from `min_step` to `max_step`, both included.

    Memory holds one piece at a time: about 65 000 points, or one cluster of chunks that overlap.
    """
    refs = view.chunks_of(series_id)
    refs = refs[(refs["last_step"] >= min_step) & (refs["first_step"] <= max_step)]
    if not len(refs):
        return
    refs, starts = by_step(refs)
    ends = [*starts[1:].tolist(), len(refs)]
    batch: list[tuple[int, int]] = []
    for span in zip(starts.tolist(), ends, strict=True):
        batch.append(span)
        if span[1] - batch[0][0] >= CHUNKS_AT_ONCE:
            yield await _read(view, refs, batch, min_step, max_step)
            batch = []
    if batch:
        yield await _read(view, refs, batch, min_step, max_step)


async def _read(
    view: RunView,
    refs: "np.ndarray[tuple[int], np.dtype[np.void]]",
    spans: list[tuple[int, int]],
    min_step: int,
    max_step: int,
) -> Points:
    first = spans[0][0]
    parts = await view.points(refs[first : spans[-1][1]])
    clusters = [
        Points.joined(parts[begin - first : end - first]).in_order() for begin, end in spans
    ]
    points = Points.joined(clusters)
    if len(points) and (points.step[0] < min_step or points.step[-1] > max_step):
        points = points.where((points.step >= min_step) & (points.step <= max_step))
    return points
