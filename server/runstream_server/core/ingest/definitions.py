"""The series and layouts that one stream has defined, by the client's own indices."""

from collections.abc import Iterable, Sequence
from typing import Final, NoReturn

import numpy as np

from runstream.v1 import metric_service_pb2 as pb
from runstream_server.core.errors import Failure, Reason
from runstream_server.core.limits import MAX_ROW_POINTS, MAX_STREAM_LAYOUTS
from runstream_server.core.logformat import UInt32s
from runstream_server.core.validation import check_key

__all__ = ["LocalSeries", "StreamDefinitions"]

MAX_SERIES_INDEX: Final = 1 << 24
MAX_LAYOUT_INDEX: Final = 1 << 16

LocalSeries = tuple[str, int]
"""The key and the rank of a series, -1 for none."""


class StreamDefinitions:
    """What a stream's indices stand for. Definitions are only ever added."""

    def __init__(self) -> None:
        self.series: dict[int, LocalSeries] = {}
        self.layouts: dict[int, UInt32s] = {}
        self.widths = np.full(64, -1, np.int64)
        self._unfinished: dict[int, list[int]] = {}

    def add(
        self,
        series: Iterable[pb.SeriesDefinition],
        layouts: Iterable[pb.LayoutDefinition],
    ) -> None:
        """Takes in definitions. Those before a bad one stay.

        Raises:
            Failure: INVALID_KEY, INVALID_DEFINITION, UNKNOWN_SERIES or LIMIT_EXCEEDED.
        """
        for one in series:
            self._add_series(one)
        for layout in layouts:
            self._add_layout(layout)

    def _add_series(self, definition: pb.SeriesDefinition) -> None:
        check_key("batch.series.key", definition.key)
        rank = definition.rank if definition.HasField("rank") else -1
        name = (definition.key, rank)
        if definition.index >= MAX_SERIES_INDEX:
            _refuse(f"series index {definition.index} is not below {MAX_SERIES_INDEX}")
        known = self.series.setdefault(definition.index, name)
        if known != name:
            _refuse(
                f"series index {definition.index} means {known!r} on this stream and cannot mean "
                f"{name!r}; give a new series a new index"
            )

    def _add_layout(self, definition: pb.LayoutDefinition) -> None:
        index = definition.index
        if index >= MAX_LAYOUT_INDEX:
            _refuse(f"layout index {index} is not below {MAX_LAYOUT_INDEX}")
        members = self._unfinished.pop(index, [])
        members.extend(definition.series)
        self._check_members(index, members)
        if definition.more:
            self._unfinished[index] = members
            return
        layout = np.array(members, np.uint32)
        known = self.layouts.get(index)
        if known is not None:
            if not np.array_equal(known, layout):
                _refuse(f"layout index {index} is defined again and differently; use a new index")
            return
        if len(self.layouts) >= MAX_STREAM_LAYOUTS:
            raise Failure(
                Reason.LIMIT_EXCEEDED,
                f"the stream defines more than {MAX_STREAM_LAYOUTS} layouts; "
                "send rows of further ones inline",
                limit="max_layouts",
            )
        self._keep(index, layout)

    def _check_members(self, index: int, members: Sequence[int]) -> None:
        if len(members) > MAX_ROW_POINTS:
            raise Failure(
                Reason.LIMIT_EXCEEDED,
                f"layout {index} has {len(members)} series, more than {MAX_ROW_POINTS}; "
                "split the row in several",
                limit="max_row_points",
            )
        self.check_known(members, f"layout {index}")
        if len(set(members)) < len(members):
            _refuse(f"layout {index} names a series twice")

    def check_known(self, indices: Iterable[int], user: str) -> None:
        """Raises UNKNOWN_SERIES unless all indices are defined; `user` says what uses them."""
        known = self.series
        for index in indices:
            if index not in known:
                raise Failure(
                    Reason.UNKNOWN_SERIES,
                    f"{user} uses series {index}, which this stream has not defined; "
                    "define it in or before the batch",
                    series=index,
                )

    def _keep(self, index: int, layout: UInt32s) -> None:
        if index >= len(self.widths):
            grown = np.full(max(index + 1, 2 * len(self.widths)), -1, np.int64)
            grown[: len(self.widths)] = self.widths
            self.widths = grown
        self.layouts[index] = layout
        self.widths[index] = len(layout)


def _refuse(message: str) -> NoReturn:
    raise Failure(Reason.INVALID_DEFINITION, message)
