"""The layouts of a writer, each with what packs its rows fastest."""

import struct
from collections.abc import Callable, Mapping
from operator import itemgetter
from typing import Final

from runstream._spool.format import FRAME_BYTES, ROW_FIXED_BYTES, VALUE_ORDER, Layout, Series

__all__ = ["NO_LAYOUT", "LayoutTable", "RowLayout"]

MAX_CACHED_LAYOUTS: Final = 4_096
MAX_CACHED_KEYS: Final = 1_000_000
NEVER: Final = -1
"""Differs from every segment, and from None: that no segment is open."""


class RowLayout:
    """A layout, and the packing of its rows.

    Attributes:
        index: Its index in the writer.
        keys: The keys in order.
        rank: The rank of every series, or None.
        width: The number of series.
        pack: Packs `width` numbers as float64 values.
        values_of: Takes a dict's values in the order of the keys; a KeyError means another layout.
        body_bytes: The length of a row's body.
        record_bytes: The length of a row's record.
        segment: The number of the segment that defined it last, NEVER before the first use.
    """

    __slots__ = (
        "body_bytes",
        "index",
        "keys",
        "pack",
        "rank",
        "record_bytes",
        "segment",
        "values_of",
        "width",
    )

    def __init__(self, index: int, keys: tuple[str, ...], rank: int | None) -> None:
        self.index = index
        self.keys = keys
        self.rank = rank
        self.width = len(keys)
        self.pack = struct.Struct(f"{VALUE_ORDER}{self.width}d").pack
        self.values_of = _values_getter(keys)
        self.body_bytes = ROW_FIXED_BYTES + 8 * self.width
        self.record_bytes = FRAME_BYTES + self.body_bytes
        self.segment: int | None = NEVER

    def definition(self) -> Layout:
        """Returns what a reader needs to know of it."""
        return Layout(self.index, tuple(Series(key, self.rank) for key in self.keys))


def _values_getter(keys: tuple[str, ...]) -> Callable[[Mapping[str, object]], tuple[object, ...]]:
    if len(keys) > 1:
        return itemgetter(*keys)
    if not keys:
        return lambda _: ()
    only = keys[0]
    return lambda metrics: (metrics[only],)  # itemgetter of one key returns the value itself


NO_LAYOUT: Final = RowLayout(0, (), None)
"""Fits no row: rows have at least one point."""


class LayoutTable:
    """Finds layouts by rank and keys. Indices are never used twice."""

    def __init__(self) -> None:
        self._by_rank: dict[int | None, dict[tuple[str, ...], RowLayout]] = {}
        self._next_index = 0
        self._layouts = 0
        self._keys = 0

    def of_rank(self, rank: int | None) -> dict[tuple[str, ...], RowLayout]:
        """Returns the layouts of a rank by their keys: a live view."""
        return self._by_rank.setdefault(rank, {})

    def add(self, rank: int | None, keys: tuple[str, ...]) -> RowLayout:
        """Makes a layout. What it forgets to bound its memory comes back under a new index."""
        if self._layouts >= MAX_CACHED_LAYOUTS or self._keys >= MAX_CACHED_KEYS:
            for layouts in self._by_rank.values():
                layouts.clear()
            self._layouts = self._keys = 0
        layout = RowLayout(self._next_index, keys, rank)
        self.of_rank(rank)[keys] = layout
        self._next_index += 1
        self._layouts += 1
        self._keys += len(keys)
        return layout
