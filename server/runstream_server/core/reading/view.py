"""A run's points as of one moment: its live blocks, and the log behind them."""

import asyncio
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final, TypeAlias, TypeVar

import numpy as np
from numpy.typing import NDArray

from runstream_server.core.blocks.decode import chunk_points, column_envelopes
from runstream_server.core.blocks.directory import Directory
from runstream_server.core.blocks.groups import RowGroup, split_rows
from runstream_server.core.errors import Failure, Reason
from runstream_server.core.logformat import INLINE, LogRows
from runstream_server.core.points import Points
from runstream_server.core.reading.caches import BlockCache, LayoutCache
from runstream_server.storage import block_rows, log_rows
from runstream_server.storage.database import Database
from runstream_server.storage.log_rows import LogBatch

__all__ = ["CHUNK_REF", "RunView", "ViewReader"]

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
T = TypeVar("T")


@dataclass(slots=True)
class _Block:
    block_id: int
    directory: Directory


class RunView:
    """What a run held when it was looked at. Nothing of it changes, and it holds no transaction.

    Attributes:
        run_id: The run.
        cursor: The log position that the view is as of.
    """

    def __init__(
        self,
        run_id: str,
        cursor: int,
        blocks: Sequence[_Block],
        tail: Sequence[RowGroup],
        cache: BlockCache,
    ) -> None:
        self.run_id = run_id
        self.cursor = cursor
        self._blocks = blocks
        self._tail = tail
        self._cache = cache
        self._tail_places: dict[int, list[tuple[int, int]]] | None = None

    def chunks_of(self, series_id: int) -> ChunkRefs:
        """Returns all chunks of a series, in no particular order."""
        tables = [self._tail_chunks(series_id)]
        for source, block in enumerate(self._blocks):
            for group, column in block.directory.places(series_id):
                tables.append(_refs(block.directory, source, group, column))
        return np.concatenate(tables)

    def _tail_chunks(self, series_id: int) -> ChunkRefs:
        if self._tail_places is None:
            places: dict[int, list[tuple[int, int]]] = {}
            for number, group in enumerate(self._tail):
                for column, id_ in enumerate(group.series.tolist()):
                    places.setdefault(id_, []).append((number, column))
            self._tail_places = places
        found = self._tail_places.get(series_id, [])
        table = np.zeros(len(found), CHUNK_REF)
        for entry, (number, column) in zip(table, found, strict=True):
            group = self._tail[number]
            entry["source"], entry["group"], entry["column"] = TAIL, number, column
            entry["rows"] = len(group.step)
            entry["first_step"], entry["last_step"] = group.step[0], group.step[-1]
            entry["first_time"], entry["last_time"] = group.time[0], group.time[-1]
            entry["min_time"], entry["max_time"] = group.time.min(), group.time.max()
        return table

    async def points(self, refs: ChunkRefs) -> list[Points]:
        """Returns the points of chunks as stored: repeats included."""
        parts = await self._load(refs, self._point_chunks)

        def decode() -> list[Points]:
            return [self._decode(ref, parts) for ref in refs]

        return await _in_thread(decode, int(refs["rows"].sum()) if len(refs) else 0)

    async def envelopes(self, refs: ChunkRefs) -> NDArray[np.float64]:
        """Returns the envelopes of chunks that have one, as fields by chunks."""
        heads = refs[np.unique(refs[["source", "group", "column"]], return_index=True)[1]]
        parts = await self._load(heads, self._envelope_chunks)
        result = np.empty((6, len(refs)))
        for head in heads:
            mine = (
                (refs["source"] == head["source"])
                & (refs["group"] == head["group"])
                & (refs["column"] == head["column"])
            )
            block = self._blocks[int(head["source"])]
            found = column_envelopes(
                block.directory,
                int(head["group"]),
                int(head["column"]),
                _Reader(block.directory, parts[int(head["source"])]),
            )
            result[:, mine] = found[:, refs["row_chunk"][mine]]
        return result

    async def _load(
        self, refs: ChunkRefs, chunks_of: Callable[[Directory, Any], list[int]]
    ) -> dict[int, dict[int, bytes]]:
        wanted: dict[int, set[int]] = {}
        for ref in refs:
            source = int(ref["source"])
            if source != TAIL:
                directory = self._blocks[source].directory
                numbers = chunks_of(directory, ref)
                wanted.setdefault(source, set()).update(directory.chunks["part"][numbers].tolist())
        return {
            source: await self._cache.parts(self.run_id, self._blocks[source].block_id, numbers)
            for source, numbers in wanted.items()
        }

    @staticmethod
    def _point_chunks(directory: Directory, ref: ChunkRef) -> list[int]:
        group, row_chunk = int(ref["group"]), int(ref["row_chunk"])
        return [
            directory.axis_chunk(group, row_chunk),
            directory.value_chunk(group, row_chunk, int(ref["column"])),
        ]

    @staticmethod
    def _envelope_chunks(directory: Directory, ref: ChunkRef) -> list[int]:
        number = directory.envelope_chunk(int(ref["group"]), int(ref["column"]))
        return [] if number is None else [number]

    def _decode(self, ref: ChunkRef, parts: dict[int, dict[int, bytes]]) -> Points:
        source, group, column = int(ref["source"]), int(ref["group"]), int(ref["column"])
        if source == TAIL:
            rows = self._tail[group]
            return Points(rows.step, rows.time, np.ascontiguousarray(rows.value[:, column]))
        directory = self._blocks[source].directory
        reader = _Reader(directory, parts[source])
        return chunk_points(directory, group, int(ref["row_chunk"]), column, reader)


class _Reader:
    """Cuts chunks out of parts."""

    def __init__(self, directory: Directory, parts: dict[int, bytes]) -> None:
        self._chunks = directory.chunks
        self._parts = parts

    def __call__(self, number: int) -> memoryview:
        place = self._chunks[number]
        begin = int(place["offset"])
        return memoryview(self._parts[int(place["part"])])[begin : begin + int(place["length"])]


def _refs(directory: Directory, source: int, group: int, column: int) -> ChunkRefs:
    rows = directory.row_chunks_of(group)
    table = np.zeros(len(rows), CHUNK_REF)
    table["source"], table["group"], table["column"] = source, group, column
    table["row_chunk"] = np.arange(len(rows))
    for name in _COPIED:
        table[name] = rows[name]
    table["has_envelope"] = bool(directory.groups["has_envelopes"][group])
    return table


async def _in_thread(work: Callable[[], T], points: int) -> T:
    # A switch to a thread and back costs about what 5 000 points cost to decode.
    return work() if points < SMALL_POINTS else await asyncio.to_thread(work)


SMALL_POINTS: Final = 8192


class ViewReader:
    """Takes views of runs."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self.blocks = BlockCache(database)
        self.layouts = LayoutCache(database)

    async def view(self, run_id: str) -> RunView:
        """Returns what a run holds now.

        Raises:
            Failure: RUN_NOT_FOUND.
        """
        async with self._database.read() as connection:
            head = await log_rows.read_head(connection, run_id)
            if head is None:
                raise Failure(Reason.RUN_NOT_FOUND, f"there is no run {run_id}", run_id=run_id)
            live = await block_rows.live_blocks(connection, run_id)
            batches = await log_rows.read_batches(
                connection, run_id, head.sealed_position, head.next_position
            )
        blocks = [
            _Block(row.block_id, await self.blocks.directory(run_id, row.block_id)) for row in live
        ]
        tail = await self.groups(run_id, batches)
        return RunView(run_id, head.next_position, blocks, tail, self.blocks)

    async def groups(self, run_id: str, batches: Sequence[LogBatch]) -> list[RowGroup]:
        """Returns the rows of log batches by their series, each group in order."""
        rows = [LogRows.decode(batch.data) for batch in batches]
        layouts = await self.layouts.layouts(run_id, _layouts_used(rows))
        values = sum(len(one.value) for one in rows)
        return await _in_thread(lambda: split_rows(rows, layouts), values)


def _layouts_used(rows: Iterable[LogRows]) -> Collection[int]:
    used: set[int] = set()
    for one in rows:
        used.update(np.unique(one.layout).tolist())
    used.discard(INLINE)
    return used
