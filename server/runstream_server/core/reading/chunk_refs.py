"""Where the chunks of series are, and what range their points have.

Series that were logged together lie in the same groups, where they differ by their column only. So
what can be said of the chunks of one of them is found out once for all.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Final, TypeAlias

import numpy as np
from numpy.typing import NDArray

from runstream_server.core.blocks.chunking import describe
from runstream_server.core.blocks.directory import STRICT, TIME_ASCENDS, Directory
from runstream_server.core.blocks.groups import RowGroup
from runstream_server.core.logformat import Int64s
from runstream_server.core.points import MAX_INT64, MIN_INT64
from runstream_server.core.reading.buckets import Axis
from runstream_server.core.reading.clusters import by_step, by_time

__all__ = [
    "CHUNK_REF",
    "TAIL",
    "AlikeSeries",
    "ChunkRef",
    "ChunkRefs",
    "Range",
    "Stretch",
    "refs_of_block",
    "refs_of_tail",
    "with_columns",
]

TAIL: Final = -1
"""The source of a chunk that is in the log."""

CHUNK_REF: Final = np.dtype(
    [
        ("source", "<i4"),
        ("group", "<i4"),
        ("row_chunk", "<i4"),
        ("column", "<i4"),
        ("rows", "<i8"),
        ("first_step", "<i8"),
        ("first_time", "<i8"),
        ("last_step", "<i8"),
        ("last_time", "<i8"),
        ("min_time", "<i8"),
        ("max_time", "<i8"),
        ("flags", "<u4"),
        ("has_envelope", "?"),
    ]
)
"""A chunk of one series: where it is (`source` numbers the view's blocks, or is TAIL), and what
range its points have.
"""

_COPIED: Final = (
    "rows", "first_step", "first_time", "last_step", "last_time", "min_time", "max_time", "flags",
)  # fmt: skip

ChunkRefs: TypeAlias = NDArray[Any]
ChunkRef: TypeAlias = Any
"""A row of CHUNK_REF; numpy has no type for one."""


@dataclass(frozen=True, slots=True)
class Range:
    """Values of x from `low` to `high`, both included."""

    low: int = MIN_INT64
    high: int = MAX_INT64


@dataclass(slots=True)
class Stretch:
    """The chunks of a series within a range of an axis.

    Attributes:
        refs: In the order of the axis.
        starts: The first chunk of each cluster. Those of different clusters do not overlap.
        low: The least x of each chunk.
        high: The greatest x of each chunk.
        inside: Which chunks lie within the range with all their points.
        countable: Which of these have no point that another chunk, or they themselves, repeat.
    """

    axis: Axis
    refs: ChunkRefs
    starts: Int64s
    low: Int64s
    high: Int64s
    inside: NDArray[np.bool_]
    countable: NDArray[np.bool_]
    at_least: int
    _usable: dict[int, tuple[NDArray[np.bool_], Int64s]] = field(
        default_factory=dict[int, tuple[NDArray[np.bool_], Int64s]]
    )

    @classmethod
    def of(cls, refs: ChunkRefs, axis: Axis, within: Range) -> "Stretch":
        """Finds what lies in a range."""
        low, high = _ends(refs, axis)
        refs = refs[(high >= within.low) & (low <= within.high)]
        refs, starts = (by_step if axis is Axis.STEP else by_time)(refs)
        low, high = _ends(refs, axis)
        inside = (low >= within.low) & (high <= within.high)
        sizes = np.diff(np.append(starts, len(refs)))
        countable = np.repeat(sizes == 1, sizes) & inside & ((refs["flags"] & STRICT) != 0)
        at_least = int(refs["rows"][countable].sum())
        return cls(axis, refs, starts, low, high, inside, countable, at_least)

    def usable(self, shift: int) -> tuple[NDArray[np.bool_], Int64s]:
        """Tells which chunks can stand for their points in buckets of width 2**shift.

        Returns:
            Which ones, and the buckets of those.
        """
        found = self._usable.get(shift)
        if found is None:
            usable = self.countable & self.refs["has_envelope"]
            bucket = self.low >> np.int64(shift)
            usable &= bucket == self.high >> np.int64(shift)
            if self.axis is Axis.TIME:
                usable &= (self.refs["flags"] & TIME_ASCENDS) != 0
            found = self._usable[shift] = usable, bucket[usable]
        return found


def _ends(refs: ChunkRefs, axis: Axis) -> tuple[Int64s, Int64s]:
    if axis is Axis.STEP:
        return refs["first_step"], refs["last_step"]
    return refs["min_time"], refs["max_time"]


class AlikeSeries:
    """The chunks of series that lie in the same groups.

    Attributes:
        refs: The chunks, in no particular order. For a column they have the number of the place:
            `with_columns` puts in those of a series.
    """

    def __init__(self, tables: Sequence[ChunkRefs]) -> None:
        self.refs: ChunkRefs = np.concatenate([np.zeros(0, CHUNK_REF), *tables])
        self.refs["column"] = np.repeat(
            np.arange(len(tables), dtype=np.int32), [len(table) for table in tables]
        )
        self._stretches: dict[tuple[Axis, Range], Stretch] = {}

    def stretch(self, axis: Axis, within: Range) -> Stretch:
        """Returns the chunks within a range, still without columns."""
        found = self._stretches.get((axis, within))
        if found is None:
            found = self._stretches[axis, within] = Stretch.of(self.refs, axis, within)
        return found


def refs_of_block(directory: Directory, source: int, group: int) -> ChunkRefs:
    """Returns the chunks of any column of a group."""
    rows = directory.row_chunks_of(group)
    table = np.zeros(len(rows), CHUNK_REF)
    table["source"], table["group"] = source, group
    table["row_chunk"] = np.arange(len(rows))
    for name in _COPIED:
        table[name] = rows[name]
    table["has_envelope"] = bool(directory.groups["has_envelopes"][group])
    return table


def refs_of_tail(rows: RowGroup, number: int) -> ChunkRefs:
    """Returns the chunk of any column of a group of rows of the log."""
    described = describe(rows, np.zeros(1, np.int64))
    table = np.zeros(1, CHUNK_REF)
    table["source"], table["group"] = TAIL, number
    for name in _COPIED:
        table[name] = described[name]
    table["has_envelope"] = True
    return table


def with_columns(refs: ChunkRefs, columns: NDArray[np.int32]) -> ChunkRefs:
    """Returns the chunks of one of several alike series, which has these columns in its places."""
    own = refs.copy()
    own["column"] = columns[refs["column"]]
    return own
