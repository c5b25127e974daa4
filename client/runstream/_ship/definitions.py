"""What one stream has told the server about series and layouts."""

import sys
from array import array
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final

from runstream._spool import Layout, Series
from runstream.v1 import metric_service_pb2 as pb

__all__ = ["INLINE", "News", "StreamDefinitions", "packed_uint32s"]

INLINE: Final = 0xFFFFFFFF
"""Stands for the layout of a row that lists its series itself."""


def packed_uint32s(numbers: Iterable[int]) -> bytes:
    """Packs numbers below 2**32 as a column."""
    column = array("I", numbers)
    if sys.byteorder == "big":
        column.byteswap()
    return column.tobytes()


@dataclass(slots=True)
class News:
    """Definitions that the server is yet to be told."""

    series: list[pb.SeriesDefinition] = field(default_factory=list[pb.SeriesDefinition])
    layouts: list[pb.LayoutDefinition] = field(default_factory=list[pb.LayoutDefinition])

    def __bool__(self) -> bool:
        return bool(self.series or self.layouts)


class StreamDefinitions:
    """Numbers series and layouts for one stream, in the order of their first use.

    Layouts beyond the server's limit get no index: their rows go inline. Layouts of the same series
    are one, whatever the spool calls them.

    Attributes:
        inline_repeats: How many rows went inline although their layout is used again and again: a
            reason to begin another stream, whose table is empty.
    """

    def __init__(self, max_layouts: int) -> None:
        self._max_layouts = max_layouts
        self._series: dict[Series, int] = {}
        self._next_series = 0
        self._layouts: dict[tuple[Series, ...], int] = {}
        self._next_layout = 0
        self._indices: dict[int, int] = {}
        self.inline_repeats = 0

    def learn(self, layouts: Mapping[int, Layout]) -> News:
        """Gives indices to layouts; returns what the server does not know of them yet."""
        news = News()
        for index, layout in layouts.items():
            if index in self._indices:
                continue
            known = self._layouts.get(layout.series)
            if known is None:
                series = [self._series_index(one, news) for one in layout.series]
                known = self._add_layout(layout, series, news)
            if known != INLINE:
                self._indices[index] = known
        return news

    def index_of(self, layout: int) -> int:
        """Returns the stream's index of a layout of the spool, or INLINE."""
        return self._indices.get(layout, INLINE)

    def series_of(self, layout: Layout) -> list[int]:
        """Returns the stream's indices of a layout's series."""
        return [self._series[one] for one in layout.series]

    def forget(self, news: News) -> None:
        """Takes back definitions whose message was refused: whether they count is not known.

        What is defined next gets other indices, so that nothing is defined twice and differently.
        """
        series = {one.index for one in news.series}
        layouts = {one.index for one in news.layouts}
        self._series = {key: index for key, index in self._series.items() if index not in series}
        self._layouts = {key: index for key, index in self._layouts.items() if index not in layouts}
        kept = set(self._layouts.values())
        self._indices = {key: index for key, index in self._indices.items() if index in kept}

    def _series_index(self, series: Series, news: News) -> int:
        index = self._series.get(series)
        if index is None:
            index = self._series[series] = self._next_series
            self._next_series += 1
            news.series.append(pb.SeriesDefinition(index=index, key=series.key, rank=series.rank))
        return index

    def _add_layout(self, layout: Layout, series: list[int], news: News) -> int:
        if self._next_layout >= self._max_layouts:
            return INLINE
        index = self._layouts[layout.series] = self._next_layout
        self._next_layout += 1
        news.layouts.append(pb.LayoutDefinition(index=index, series=series))
        return index
