"""Memory of what never changes: directories and parts of blocks, layouts."""

from collections import OrderedDict
from collections.abc import Callable, Collection, Hashable
from typing import Final, Generic, TypeVar

import numpy as np

from runstream_server.core.blocks.directory import Directory
from runstream_server.core.logformat import UInt32s
from runstream_server.storage import block_rows, name_rows
from runstream_server.storage.database import Database

__all__ = ["BlockCache", "LayoutCache", "SizedCache"]

DIRECTORY_CACHE_BYTES: Final = 64 * 1024 * 1024
PART_CACHE_BYTES: Final = 64 * 1024 * 1024
LAYOUT_CACHE_BYTES: Final = 32 * 1024 * 1024

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")


class SizedCache(Generic[K, V]):
    """Keeps the most recently used values up to a number of bytes."""

    def __init__(self, limit_bytes: int, size: Callable[[V], int]) -> None:
        self._limit = limit_bytes
        self._size = size
        self._used = 0
        self._values: OrderedDict[K, V] = OrderedDict()

    def get(self, key: K) -> V | None:
        value = self._values.get(key)
        if value is not None:
            self._values.move_to_end(key)
        return value

    def put(self, key: K, value: V) -> None:
        if key in self._values:
            return
        self._values[key] = value
        self._used += self._size(value)
        while self._used > self._limit and len(self._values) > 1:
            _, old = self._values.popitem(last=False)
            self._used -= self._size(old)


class BlockCache:
    """Reads directories and parts of blocks."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._directories: SizedCache[tuple[str, int], Directory] = SizedCache(
            DIRECTORY_CACHE_BYTES, lambda directory: directory.size_bytes
        )
        self._parts: SizedCache[tuple[str, int, int], bytes] = SizedCache(PART_CACHE_BYTES, len)

    async def directory(self, run_id: str, block_id: int) -> Directory:
        """Returns the directory of a block."""
        known = self._directories.get((run_id, block_id))
        if known is not None:
            return known
        async with self._database.read() as connection:
            data = await block_rows.read_directory(connection, run_id, block_id)
        directory = Directory.decode(data)
        self._directories.put((run_id, block_id), directory)
        return directory

    async def parts(self, run_id: str, block_id: int, numbers: Collection[int]) -> dict[int, bytes]:
        """Returns parts of a block by their numbers."""
        found: dict[int, bytes] = {}
        missing: list[int] = []
        for number in numbers:
            known = self._parts.get((run_id, block_id, number))
            if known is None:
                missing.append(number)
            else:
                found[number] = known
        if missing:
            async with self._database.read() as connection:
                read = await block_rows.read_parts(connection, run_id, block_id, missing)
            for number, data in read.items():
                self._parts.put((run_id, block_id, number), data)
            found.update(read)
        return found


class LayoutCache:
    """Reads layouts of runs."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._layouts: SizedCache[tuple[str, int], UInt32s] = SizedCache(
            LAYOUT_CACHE_BYTES, lambda layout: layout.nbytes + 200
        )

    async def layouts(self, run_id: str, ids: Collection[int]) -> dict[int, UInt32s]:
        """Returns the series ids of layouts of a run by the layouts' ids."""
        found: dict[int, UInt32s] = {}
        missing: list[int] = []
        for id_ in ids:
            known = self._layouts.get((run_id, id_))
            if known is None:
                missing.append(id_)
            else:
                found[id_] = known
        if missing:
            async with self._database.read() as connection:
                read = await name_rows.layout_series(connection, run_id, missing)
            for id_, data in read.items():
                layout = np.frombuffer(data, "<u4").view(np.uint32)
                self._layouts.put((run_id, id_), layout)
                found[id_] = layout
        return found
