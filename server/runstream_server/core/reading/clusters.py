"""Which chunks of a series follow one another, and which must be merged point by point."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from runstream_server.core.logformat import Int64s

__all__ = ["by_step", "by_time"]

ChunkRefs = NDArray[Any]


def by_step(refs: ChunkRefs) -> tuple[ChunkRefs, Int64s]:
    """Orders chunks by (step, time) and finds clusters.

    Returns:
        The chunks in order, and the index of the first chunk of each cluster. Chunks of different
        clusters do not overlap: every
        point of a cluster is less than every point of the next one by (step, time).
    """
    refs = refs[np.lexsort((refs["first_time"], refs["first_step"]))]
    starts = [0] if len(refs) else []
    steps, times = refs["first_step"].tolist(), refs["first_time"].tolist()
    last_steps, last_times = refs["last_step"].tolist(), refs["last_time"].tolist()
    if not len(refs):
        return refs, np.zeros(0, np.int64)
    last = (last_steps[0], last_times[0])
    for i in range(1, len(refs)):
        if (steps[i], times[i]) > last:
            starts.append(i)
        last = max(last, (last_steps[i], last_times[i]))
    return refs, np.array(starts, np.int64)


def by_time(refs: ChunkRefs) -> tuple[ChunkRefs, Int64s]:
    """The same for points in the order of (time, step): clusters do not share a time."""
    refs = refs[np.argsort(refs["min_time"], kind="stable")]
    if not len(refs):
        return refs, np.zeros(0, np.int64)
    reached = np.maximum.accumulate(refs["max_time"])
    starts = np.nonzero(np.append(True, refs["min_time"][1:] > reached[:-1]))[0]
    return refs, starts.astype(np.int64)
