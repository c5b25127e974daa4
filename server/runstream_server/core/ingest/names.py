"""Turns the names that streams use into a run's own ids."""

from collections import OrderedDict
from collections.abc import Collection, Iterable
from dataclasses import dataclass, field, replace
from hashlib import blake2b
from typing import Final

import numpy as np
from sqlalchemy.ext.asyncio import AsyncConnection

from runstream_server.core.errors import Failure, Reason
from runstream_server.core.limits import MAX_RUN_SERIES
from runstream_server.core.logformat import UInt32s
from runstream_server.storage import name_rows
from runstream_server.storage.log_rows import LogHead
from runstream_server.storage.name_rows import SeriesName

__all__ = ["NameCache", "NameResolver"]

MAX_CACHED_RUNS: Final = 256


@dataclass(slots=True)
class _RunNames:
    series: dict[SeriesName, int] = field(default_factory=dict[SeriesName, int])
    layouts: dict[bytes, int] = field(default_factory=dict[bytes, int])


class NameCache:
    """Remembers ids that are committed. Ids never change, so an entry is never stale."""

    def __init__(self) -> None:
        self._runs: OrderedDict[str, _RunNames] = OrderedDict()

    def of(self, run_id: str) -> _RunNames:
        """Returns what is known of a run's names."""
        names = self._runs.setdefault(run_id, _RunNames())
        self._runs.move_to_end(run_id)
        if len(self._runs) > MAX_CACHED_RUNS:
            self._runs.popitem(last=False)
        return names


class NameResolver:
    """Finds and gives ids inside one transaction that has locked the run's head.

    What it learns goes into the cache only by `keep`, to be called after the commit.
    """

    def __init__(self, connection: AsyncConnection, head: LogHead, cache: NameCache) -> None:
        self.head = head
        self._connection = connection
        self._cache = cache
        self._known = cache.of(head.run_id)
        self._learned = _RunNames()

    def keep(self) -> None:
        """Makes the cache remember what this transaction has committed."""
        self._known.series.update(self._learned.series)
        self._known.layouts.update(self._learned.layouts)

    async def series_ids(self, names: Collection[SeriesName]) -> dict[SeriesName, int]:
        """Returns the ids of series, giving new ones where needed.

        Raises:
            Failure: LIMIT_EXCEEDED when the run would get too many series. Nothing is stored then.
        """
        missing = [
            n for n in names if n not in self._known.series and n not in self._learned.series
        ]
        if missing:
            found = await name_rows.find_series(
                self._connection, self.head.run_id, sorted({name.key for name in missing})
            )
            self._learned.series.update(found)
            await self._create_series([name for name in missing if name not in found])
        return {name: self._series_id(name) for name in names}

    async def _create_series(self, names: Collection[SeriesName]) -> None:
        first = self.head.next_series_id
        if first + len(names) > MAX_RUN_SERIES:
            raise Failure(
                Reason.LIMIT_EXCEEDED,
                f"run {self.head.run_id} would have {first + len(names)} series, more than "
                f"{MAX_RUN_SERIES}; log fewer different keys",
                limit="max_run_series",
            )
        created = {name: first + i for i, name in enumerate(names)}
        await name_rows.insert_series(self._connection, self.head.run_id, created)
        self._learned.series.update(created)
        self.head = replace(self.head, next_series_id=first + len(created))

    def _series_id(self, name: SeriesName) -> int:
        known = self._known.series.get(name)
        return self._learned.series[name] if known is None else known

    async def layout_ids(self, layouts: Iterable[UInt32s]) -> list[int]:
        """Returns the ids of layouts given as run-wide series ids, giving new ones where needed."""
        contents = [layout.astype("<u4").tobytes() for layout in layouts]
        digests = [blake2b(content, digest_size=16).digest() for content in contents]
        missing = {
            digest: content
            for digest, content in zip(digests, contents, strict=True)
            if digest not in self._known.layouts and digest not in self._learned.layouts
        }
        if missing:
            run_id = self.head.run_id
            found = await name_rows.find_layouts(self._connection, run_id, list(missing))
            self._learned.layouts.update(found)
            new = [(d, content) for d, content in missing.items() if d not in found]
            first = self.head.next_layout_id
            rows = [(first + i, digest, content) for i, (digest, content) in enumerate(new)]
            await name_rows.insert_layouts(self._connection, run_id, rows)
            self._learned.layouts.update((digest, id_) for id_, digest, _ in rows)
            self.head = replace(self.head, next_layout_id=first + len(rows))
        return [self._layout_id(digest) for digest in digests]

    def _layout_id(self, digest: bytes) -> int:
        known = self._known.layouts.get(digest)
        return self._learned.layouts[digest] if known is None else known


def layout_lookup(ids: dict[int, int]) -> UInt32s:
    """Returns an array that maps local indices, the keys of `ids`, to run-wide ones."""
    table = np.zeros(max(ids, default=-1) + 1, np.uint32)
    for local, id_ in ids.items():
        table[local] = id_
    return table
