"""Turns records into columns, without a step of Python per value.

Rows of one layout have records of one size. So the words at one place of consecutive rows are a
strided slice, which memoryviews copy at C speed; what is left per row is its CRC and a slice of
its values. Rows whose layouts alternate are taken one by one.
"""

import struct
import sys
from array import array
from collections.abc import Iterable
from typing import Final
from zlib import crc32

from runstream._spool.format import FRAME_BYTES, ROW, ROW_FIXED_BYTES, ROW_STEP, Layout
from runstream._spool.records import RowChunk

__all__ = ["Block", "ColumnBuilder"]

ROW_RECORD: Final = struct.Struct("<IIIIqq")
"""A row's record up to its values: length, CRC, word, layout, step, time."""
LEAST_RECORD_BYTES: Final = ROW_RECORD.size + 8
FIRST_GUESS: Final = 16
"""So many rows of one layout are looked for at first, and four times as many once found."""
STRIDED_WIDTH: Final = 4
"""Up to so many values a row, copying them value by value over all rows beats joining the rows."""
_WORDS: Final = 1 << 32


class Block:
    """Consecutive bytes of a segment that begin with a record, as bytes and as words."""

    __slots__ = ("longs", "view", "words")

    def __init__(self, data: bytes) -> None:
        self.view = memoryview(data)
        whole = self.view[: len(data) & ~7]
        self.words = whole.cast("I")
        self.longs = whole.cast("Q")


class ColumnBuilder:
    """Collects consecutive rows until they are taken as a chunk.

    Attributes:
        row: The offset of the next row.
        layouts: The layouts that the segments define, by index.
        skip_before: Rows before this offset are passed over.
        is_full: Whether the next row is one too many for a chunk.
    """

    def __init__(self, skip_before: int, chunk_bytes: int) -> None:
        self.row = 0
        self.layouts: dict[int, Layout] = {}
        self.skip_before = skip_before
        self._chunk_bytes = chunk_bytes
        self._clear()

    def _clear(self) -> None:
        self.is_full = False
        self._rows = self._points = self._bytes = 0
        self._used: set[int] = set()
        self._layout: list[bytes] = []
        self._step: list[bytes] = []
        self._time_us: list[bytes] = []
        self._value: list[bytearray | memoryview] = []
        self._single_layouts: list[int] = []
        self._single_steps: list[int] = []
        self._single_times: list[int] = []

    def take_rows(self, block: Block, offset: int) -> int:
        """Takes rows from an offset on.

        Returns:
            The offset of what is no row, or not complete, or not right, or one row too many.
        """
        view, words = block.view, block.words
        end = len(view)
        while end - offset >= LEAST_RECORD_BYTES:
            length, crc, word, index, step, time_us = ROW_RECORD.unpack_from(view, offset)
            stride = FRAME_BYTES + length
            following = offset + stride
            layout = self.layouts.get(index)
            if (
                following > end
                or word != (ROW + self.row * ROW_STEP) % _WORDS
                or layout is None
                or length != ROW_FIXED_BYTES + 8 * len(layout.series)
            ):
                break
            if self._rows and self._bytes + stride > self._chunk_bytes:
                self.is_full = True
                break
            if (
                end - following >= stride
                and words[following // 4] == words[offset // 4]
                and words[following // 4 + 3] == words[offset // 4 + 3]
            ):
                count = self._take_run(block, offset, stride, layout)
                if count == 0:
                    break
                offset += count * stride
                continue
            if crc32(view[offset + FRAME_BYTES : following]) != crc:
                break
            if self.row >= self.skip_before:
                self._single_layouts.append(index)
                self._single_steps.append(step)
                self._single_times.append(time_us)
                self._value.append(view[offset + ROW_RECORD.size : following])
                self._count(index, 1, length)
            self.row += 1
            offset = following
        return offset

    def take_chunk(self) -> RowChunk | None:
        """Returns the rows, if there are any, and forgets them."""
        if not self._rows:
            return None
        self._end_singles()
        chunk = RowChunk(
            first_row=self.row - self._rows,
            row_count=self._rows,
            point_count=self._points,
            layout=b"".join(self._layout),
            step=b"".join(self._step),
            time_us=b"".join(self._time_us),
            value=b"".join(self._value),
            layouts={index: self.layouts[index] for index in sorted(self._used)},
        )
        self._clear()
        return chunk

    def _take_run(self, block: Block, offset: int, stride: int, layout: Layout) -> int:
        """Takes rows that differ in nothing but CRC, step, time and values; returns how many."""
        view, words = block.view, block.words
        count = self._run_length(block, offset, stride)
        starts = range(offset + FRAME_BYTES, offset + count * stride, stride)
        length = stride - FRAME_BYTES
        bodies = [view[start : start + length] for start in starts]
        first, step = offset // 4, stride // 4
        crcs = words[first + 1 : first + count * step : step].tobytes()
        count = _common(crcs, _packed(map(crc32, bodies)))
        skipped = min(max(self.skip_before - self.row, 0), count)
        if skipped < count:
            taken = bodies[skipped:count]
            self._add_columns(block, offset + skipped * stride, stride, taken, layout)
        self.row += count
        return count

    def _add_columns(
        self,
        block: Block,
        offset: int,
        stride: int,
        bodies: list[memoryview],
        layout: Layout,
    ) -> None:
        self._end_singles()
        count, width = len(bodies), len(layout.series)
        first, step = offset // 8, stride // 8
        stop = first + count * step
        self._layout.append(_packed([layout.index]) * count)
        self._step.append(block.longs[first + 2 : stop : step].tobytes())
        self._time_us.append(block.longs[first + 3 : stop : step].tobytes())
        if width <= STRIDED_WIDTH:
            column = bytearray(8 * width * count)
            values = memoryview(column).cast("Q")
            for place in range(width):
                values[place::width] = block.longs[first + 4 + place : stop : step]
            self._value.append(column)
        else:
            self._value += [body[ROW_FIXED_BYTES:] for body in bodies]
        self._count(layout.index, count, stride)

    def _run_length(self, block: Block, offset: int, stride: int) -> int:
        room = max((self._chunk_bytes - self._bytes) // stride, 1)
        until_wrap = (_WORDS - (self.row * ROW_STEP) % _WORDS) // ROW_STEP
        limit = min((len(block.view) - offset) // stride, room, until_wrap)
        count = min(FIRST_GUESS, limit)
        while True:
            alike = self._alike(block, offset, stride, count)
            if alike < count or count == limit:
                return alike
            count = min(4 * count, limit)

    def _alike(self, block: Block, offset: int, stride: int, count: int) -> int:
        """Counts the rows whose length, word and layout are what they must be, of `count` rows."""
        view, words = block.view, block.words
        first, step = offset // 4, stride // 4
        stop = first + count * step
        word = (ROW + self.row * ROW_STEP) % _WORDS
        lengths = words[first:stop:step].tobytes()
        alike = _common(lengths, bytes(view[offset : offset + 4]) * count)
        rows = words[first + 2 : stop : step].tobytes()
        alike = min(alike, _common(rows, _packed(range(word, word + count * ROW_STEP, ROW_STEP))))
        layouts = words[first + 3 : stop : step].tobytes()
        return min(alike, _common(layouts, bytes(view[offset + 12 : offset + 16]) * count))

    def _count(self, index: int, rows: int, record_bytes: int) -> None:
        self._used.add(index)
        self._rows += rows
        self._points += rows * len(self.layouts[index].series)
        self._bytes += rows * record_bytes

    def _end_singles(self) -> None:
        count = len(self._single_steps)
        if count:
            self._layout.append(_packed(self._single_layouts))
            self._step.append(struct.pack(f"<{count}q", *self._single_steps))
            self._time_us.append(struct.pack(f"<{count}q", *self._single_times))
            self._single_layouts, self._single_steps, self._single_times = [], [], []


def _packed(numbers: Iterable[int]) -> bytes:
    """Packs numbers below 2**32."""
    column = array("I", numbers)
    if sys.byteorder == "big":
        column.byteswap()
    return column.tobytes()


def _common(left: bytes, right: bytes) -> int:
    """Counts the words of four bytes in which two columns of equal length begin alike."""
    least, greatest = 0, len(left) // 4
    if left == right:
        return greatest
    while greatest - least > 1:
        middle = (least + greatest) // 2
        if left[: 4 * middle] == right[: 4 * middle]:
            least = middle
        else:
            greatest = middle
    return least
