"""A run's points as of one moment: its live blocks, and the log behind them."""

import asyncio
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import Final, TypeAlias, TypeVar

import numpy as np
from numpy.typing import NDArray

from runstream_server.core.blocks.codec import unpack_axis
from runstream_server.core.blocks.decode import chunk_envelopes, chunk_values
from runstream_server.core.blocks.directory import Directory
from runstream_server.core.blocks.envelopes import FIELDS, envelopes
from runstream_server.core.blocks.groups import RowGroup, split_rows
from runstream_server.core.errors import Failure, Reason
from runstream_server.core.logformat import INLINE, Int64s, LogRows
from runstream_server.core.points import Points
from runstream_server.core.reading.caches import BlockCache, LayoutCache, SizedCache
from runstream_server.core.reading.chunk_refs import (
    TAIL,
    AlikeSeries,
    ChunkRef,
    ChunkRefs,
    refs_of_block,
    refs_of_tail,
    with_columns,
)
from runstream_server.storage import block_rows, log_rows
from runstream_server.storage.database import Database
from runstream_server.storage.log_rows import LogBatch

__all__ = ["RunView", "ViewReader"]

_Place: TypeAlias = tuple[int, int, int]
T = TypeVar("T")

AXIS_CACHE_BYTES: Final = 8 * 1024 * 1024
ENVELOPE_CACHE_BYTES: Final = 32 * 1024 * 1024
"""What one view keeps: series that were logged together have the same steps and times, and their
envelopes lie together.
"""


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
        self._alike: dict[tuple[tuple[int, int], ...], AlikeSeries] = {}
        self._axes: SizedCache[_Place, tuple[Int64s, Int64s]] = SizedCache(
            AXIS_CACHE_BYTES, lambda axis: axis[0].nbytes + axis[1].nbytes
        )
        self._envelopes: SizedCache[_Place, NDArray[np.float64]] = SizedCache(
            ENVELOPE_CACHE_BYTES, lambda found: found.nbytes
        )

    def chunks_of(self, series_id: int) -> ChunkRefs:
        """Returns all chunks of a series, in no particular order."""
        alike, columns = self.places_of(series_id)
        return with_columns(alike.refs, columns)

    def places_of(self, series_id: int) -> tuple[AlikeSeries, NDArray[np.int32]]:
        """Returns the chunks of a series, and the column that it has in each place of theirs."""
        if self._tail_places is None:
            self._tail_places = _places_in(self._tail)
        places = [(TAIL, group, column) for group, column in self._tail_places.get(series_id, ())]
        for source, block in enumerate(self._blocks):
            for group, column in block.directory.places(series_id):
                places.append((source, group, column))
        groups = tuple((source, group) for source, group, _ in places)
        alike = self._alike.get(groups)
        if alike is None:
            tables = [self._refs_of(source, group) for source, group in groups]
            alike = self._alike[groups] = AlikeSeries(tables)
        return alike, np.array([column for _, _, column in places], np.int32)

    def _refs_of(self, source: int, group: int) -> ChunkRefs:
        if source == TAIL:
            return refs_of_tail(self._tail[group], group)
        return refs_of_block(self._blocks[source].directory, source, group)

    async def points(self, refs: ChunkRefs) -> list[Points]:
        """Returns the points of chunks as stored: repeats included."""
        parts = await self._load(refs)

        def decode() -> list[Points]:
            return [self._decode(ref, parts) for ref in refs]

        return await _in_thread(decode, int(refs["rows"].sum()) if len(refs) else 0)

    async def envelopes(self, refs: ChunkRefs) -> NDArray[np.float64]:
        """Returns the envelopes of chunks that have one, as fields by chunks."""
        heads = refs[np.unique(refs[["source", "group", "column"]], return_index=True)[1]]
        result = np.empty((len(FIELDS), len(refs)))
        for head in heads:
            source, group, column = (int(head[name]) for name in ("source", "group", "column"))
            mine = (refs["source"] == source) & (refs["group"] == group)
            mine &= refs["column"] == column
            found = await self.group_envelopes(source, group, [column])
            result[:, mine] = found[:, 0, refs["row_chunk"][mine]]
        return result

    async def group_envelopes(
        self, source: int, group: int, columns: Sequence[int]
    ) -> NDArray[np.float64]:
        """Returns the envelopes of columns of a group, as fields by columns by row chunks."""
        if source == TAIL:
            values = np.ascontiguousarray(self._tail[group].value[:, columns].T)
            return envelopes(values, np.zeros(1, np.int64))
        width = int(self._blocks[source].directory.groups["columns_per_chunk"][group])
        chunks = [column // width for column in columns]
        found = await self._envelope_chunks(source, group, set(chunks))
        return np.stack(
            [
                found[chunk][:, column - chunk * width]
                for chunk, column in zip(chunks, columns, strict=True)
            ],
            axis=1,
        )

    async def _envelope_chunks(
        self, source: int, group: int, chunks: Collection[int]
    ) -> dict[int, NDArray[np.float64]]:
        found: dict[int, NDArray[np.float64]] = {}
        for chunk in chunks:
            known = self._envelopes.get((source, group, chunk))
            if known is not None:
                found[chunk] = known
        missing = [chunk for chunk in chunks if chunk not in found]
        if missing:
            block = self._blocks[source]
            places = [block.directory.envelope_chunk(group, chunk) for chunk in missing]
            parts = set(block.directory.chunks["part"][places].tolist())
            loaded = await self._cache.parts(self.run_id, block.block_id, parts)
            reader = _Reader(block.directory, loaded)
            for chunk in missing:
                found[chunk] = chunk_envelopes(block.directory, group, chunk, reader)
                self._envelopes.put((source, group, chunk), found[chunk])
        return found

    async def _load(self, refs: ChunkRefs) -> dict[int, dict[int, bytes]]:
        wanted: dict[int, set[int]] = {}
        for ref in refs:
            source = int(ref["source"])
            if source == TAIL:
                continue
            directory = self._blocks[source].directory
            group, row_chunk = int(ref["group"]), int(ref["row_chunk"])
            numbers = [
                directory.axis_chunk(group, row_chunk),
                directory.value_chunk(group, row_chunk, int(ref["column"])),
            ]
            wanted.setdefault(source, set()).update(directory.chunks["part"][numbers].tolist())
        return {
            source: await self._cache.parts(self.run_id, self._blocks[source].block_id, numbers)
            for source, numbers in wanted.items()
        }

    def _decode(self, ref: ChunkRef, parts: dict[int, dict[int, bytes]]) -> Points:
        source, group, column = int(ref["source"]), int(ref["group"]), int(ref["column"])
        if source == TAIL:
            rows = self._tail[group]
            return Points(rows.step, rows.time, np.ascontiguousarray(rows.value[:, column]))
        directory, row_chunk = self._blocks[source].directory, int(ref["row_chunk"])
        reader = _Reader(directory, parts[source])
        axis = self._axes.get((source, group, row_chunk))
        if axis is None:
            axis = unpack_axis(reader(directory.axis_chunk(group, row_chunk)))
            self._axes.put((source, group, row_chunk), axis)
        return Points(*axis, chunk_values(directory, group, row_chunk, column, reader))


class _Reader:
    """Cuts chunks out of parts."""

    def __init__(self, directory: Directory, parts: dict[int, bytes]) -> None:
        self._chunks = directory.chunks
        self._parts = parts

    def __call__(self, number: int) -> memoryview:
        place = self._chunks[number]
        begin = int(place["offset"])
        return memoryview(self._parts[int(place["part"])])[begin : begin + int(place["length"])]


def _places_in(tail: Sequence[RowGroup]) -> dict[int, list[tuple[int, int]]]:
    places: dict[int, list[tuple[int, int]]] = {}
    for number, group in enumerate(tail):
        for column, series_id in enumerate(group.series.tolist()):
            places.setdefault(series_id, []).append((number, column))
    return places


async def _in_thread(work: Callable[[], T], points: int) -> T:
    return work() if points < SMALL_POINTS else await asyncio.to_thread(work)


SMALL_POINTS: Final = 32768
"""So many points are decoded in about a millisecond. A switch to a thread and back takes a third of
that by itself, and more where others compute.
"""


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
            batches: list[LogBatch] = []
            if head.sealed_position < head.next_position:
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
