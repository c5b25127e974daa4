"""From the bytes of a MetricBatch to checked columns."""

from dataclasses import dataclass, replace
from typing import Final, Self

import numpy as np

from runstream._wire import delimited_fields
from runstream.v1 import metric_service_pb2 as pb
from runstream_server.core.errors import Failure, Reason
from runstream_server.core.ingest.definitions import StreamDefinitions
from runstream_server.core.limits import MAX_ROW_POINTS
from runstream_server.core.logformat import INLINE, Float64s, Int64s, UInt32s

__all__ = ["StreamRows", "parse_rows"]

# Field numbers of MetricBatch.
_LAYOUT: Final = 4
_STEP: Final = 5
_TIME: Final = 6
_VALUE: Final = 7
_INLINE_COUNT: Final = 8
_INLINE_SERIES: Final = 9
_KINDS: Final = {
    _LAYOUT: "<u4",
    _STEP: "<i8",
    _TIME: "<i8",
    _VALUE: "<f8",
    _INLINE_COUNT: "<u4",
    _INLINE_SERIES: "<u4",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class StreamRows:
    """Checked rows of a stream, in the stream's own indices.

    `layout`, `step` and `time` have one entry per row.
    """

    offset: int
    layout: UInt32s
    step: Int64s
    time: Int64s
    value: Float64s
    inline_count: UInt32s
    inline_series: UInt32s
    row_width: Int64s

    @property
    def end(self) -> int:
        """The offset of the row after the last one."""
        return self.offset + len(self.step)

    @property
    def size_bytes(self) -> int:
        """The size of the columns in memory."""
        return 20 * len(self.step) + 8 * len(self.value) + 4 * len(self.inline_series)

    def first(self, rows: int) -> Self:
        """Returns the first `rows` rows."""
        inline = int(np.count_nonzero(self.layout[:rows] == INLINE))
        return replace(
            self,
            layout=self.layout[:rows],
            step=self.step[:rows],
            time=self.time[:rows],
            row_width=self.row_width[:rows],
            value=self.value[: int(self.row_width[:rows].sum())],
            inline_count=self.inline_count[:inline],
            inline_series=self.inline_series[: int(self.inline_count[:inline].sum())],
        )

    def without_first(self, rows: int) -> Self:
        """Returns the rows after the first `rows` ones."""
        inline = int(np.count_nonzero(self.layout[:rows] == INLINE))
        return replace(
            self,
            offset=self.offset + rows,
            layout=self.layout[rows:],
            step=self.step[rows:],
            time=self.time[rows:],
            row_width=self.row_width[rows:],
            value=self.value[int(self.row_width[:rows].sum()) :],
            inline_count=self.inline_count[inline:],
            inline_series=self.inline_series[int(self.inline_count[:inline].sum()) :],
        )


def parse_rows(batch: pb.MetricBatch, definitions: StreamDefinitions) -> StreamRows:
    """Takes in a batch's definitions and returns its rows.

    Raises:
        Failure: a reason that the contract lists for rejections; metadata `row` is the offset of
            the row at fault, if it is one.
    """
    definitions.add(batch.series, batch.layouts)
    if batch.offset < 0:
        raise Failure(
            Reason.INVALID_VALUE,
            f"batch.offset is {batch.offset}; offsets count rows from 0",
            field="batch.offset",
            value=batch.offset,
        )
    columns = _columns(batch)
    layout = columns[_LAYOUT].view(np.uint32)
    step, time = columns[_STEP].view(np.int64), columns[_TIME].view(np.int64)
    if not len(layout) == len(step) == len(time):
        raise Failure(
            Reason.COLUMN_MISMATCH,
            f"the batch at offset {batch.offset} has {len(layout)} layouts, {len(step)} steps "
            f"and {len(time)} times; each row needs one of each",
        )
    inline_count = columns[_INLINE_COUNT].view(np.uint32)
    inline_series = columns[_INLINE_SERIES].view(np.uint32)
    width = _row_widths(batch.offset, layout, inline_count, definitions)
    value = columns[_VALUE].view(np.float64)
    _check_lengths(batch.offset, width, value, inline_count, inline_series)
    if len(time) and int(time.min()) < 0:
        row = int(np.argmax(time < 0))
        raise Failure(
            Reason.INVALID_VALUE,
            f"row {batch.offset + row} has the time {time[row]}; times are microseconds since "
            "the epoch, not before it",
            field="batch.time_unix_us",
            value=int(time[row]),
            row=batch.offset + row,
        )
    _check_inline(batch.offset, layout, inline_count, inline_series, definitions)
    return StreamRows(
        offset=batch.offset, layout=layout, step=step, time=time, value=value,
        inline_count=inline_count, inline_series=inline_series, row_width=width,
    )  # fmt: skip


def _columns(batch: pb.MetricBatch) -> dict[int, np.ndarray[tuple[int], np.dtype[np.generic]]]:
    # Writing the batch out again and cutting the columns from the bytes costs 1 ns a value; reading
    # the fields, 40 to 70.
    parts: dict[int, list[memoryview]] = {number: [] for number in _KINDS}
    for number, content in delimited_fields(batch.SerializeToString()):
        if number in parts:
            parts[number].append(content)
    return {
        number: np.frombuffer(b"".join(found) if len(found) != 1 else found[0], _KINDS[number])
        for number, found in parts.items()
    }


def _row_widths(
    offset: int, layout: UInt32s, inline_count: UInt32s, definitions: StreamDefinitions
) -> Int64s:
    inline = layout == INLINE
    known = definitions.widths
    safe = np.where(inline | (layout >= len(known)), 0, layout)
    width = known[safe]
    unknown = ~inline & ((layout >= len(known)) | (width < 0))
    if unknown.any():
        row = int(np.argmax(unknown))
        raise Failure(
            Reason.UNKNOWN_LAYOUT,
            f"row {offset + row} uses layout {layout[row]}, which this stream has not defined; "
            "define it in or before the batch, and again after each reconnect",
            layout=int(layout[row]),
            row=offset + row,
        )
    inline_rows = int(np.count_nonzero(inline))
    if inline_rows != len(inline_count):
        raise Failure(
            Reason.COLUMN_MISMATCH,
            f"the batch at offset {offset} has {inline_rows} inline rows and "
            f"{len(inline_count)} inline counts",
        )
    if inline_rows:
        width = width.copy()
        width[inline] = inline_count
    return width


def _check_lengths(
    offset: int, width: Int64s, value: Float64s, inline_count: UInt32s, inline_series: UInt32s
) -> None:
    if int(width.sum()) != len(value):
        raise Failure(
            Reason.COLUMN_MISMATCH,
            f"the rows of the batch at offset {offset} have {int(width.sum())} series together, "
            f"but it holds {len(value)} values",
        )
    if int(inline_count.sum(dtype=np.int64)) != len(inline_series):
        raise Failure(
            Reason.COLUMN_MISMATCH,
            f"the inline counts of the batch at offset {offset} add up to "
            f"{int(inline_count.sum(dtype=np.int64))}, but it holds {len(inline_series)} "
            "inline series",
        )


def _check_inline(
    offset: int,
    layout: UInt32s,
    inline_count: UInt32s,
    inline_series: UInt32s,
    definitions: StreamDefinitions,
) -> None:
    if not len(inline_count):
        return
    definitions.check_known(
        np.unique(inline_series).tolist(), f"an inline row after offset {offset}"
    )
    rows = np.nonzero(layout == INLINE)[0]
    end = 0
    for row, count in zip(rows.tolist(), inline_count.tolist(), strict=True):
        begin, end = end, end + count
        if count > MAX_ROW_POINTS:
            raise Failure(
                Reason.LIMIT_EXCEEDED,
                f"row {offset + row} has {count} series, more than {MAX_ROW_POINTS}; "
                "split it in several",
                limit="max_row_points",
                row=offset + row,
            )
        if len(set(inline_series[begin:end].tolist())) < count:
            raise Failure(
                Reason.INVALID_DEFINITION,
                f"the inline row {offset + row} names a series twice",
                row=offset + row,
            )
