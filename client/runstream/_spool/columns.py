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
LEAST_ALIKE: Final = 3
"""After so many more rows of the same layout as the last, the following are taken together."""
COPIED_BYTES: Final = 400
"""Up to here, copying bytes takes less time than making a memoryview of them."""
_WORDS: Final = 1 << 32


class Block:
    """Consecutive bytes of a segment that begin with a record, as bytes and as words."""

    __slots__ = ("_data", "longs", "view", "words")

    def __init__(self, data: bytes) -> None:
        self._data = data
        self.view = memoryview(data)
        whole = self.view[: len(data) & ~7]
        self.words = whole.cast("I")
        self.longs = whole.cast("Q")

    def slicing(self, size: int) -> bytes | memoryview:
        """Returns the bytes in the form of which slices of a size are cheaper to take."""
        return self._data if size <= COPIED_BYTES else self.view


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
        self._lengths: dict[int, int] = {}
        self.skip_before = skip_before
        self._chunk_bytes = chunk_bytes
        self._clear()

    def _clear(self) -> None:
        self.is_full = False
        self._rows = self._bytes = 0
        self._used: set[int] = set()
        self._layout: list[bytes] = []
        self._step: list[bytes] = []
        self._time_us: list[bytes] = []
        self._value: list[bytes | bytearray | memoryview] = []
        self._single_layouts: list[int] = []
        self._single_steps: list[int] = []
        self._single_times: list[int] = []

    def define(self, layout: Layout) -> None:
        """Takes note of a layout."""
        self.layouts[layout.index] = layout
        self._lengths[layout.index] = ROW_FIXED_BYTES + 8 * len(layout.series)

    def take_rows(self, block: Block, offset: int) -> int:
        """Takes rows from an offset on.

        Returns:
            The offset of what is no row, or not complete, or not right, or one row too many.
        """
        repeated = True
        while repeated:
            offset, repeated = self._take_singles(block, offset)
            if repeated:
                length, _, _, index, _, _ = ROW_RECORD.unpack_from(block.view, offset)
                stride = FRAME_BYTES + length
                count = self._take_run(block, offset, stride, self.layouts[index])
                offset += count * stride
                repeated = count > 0
        return offset

    def _take_singles(self, block: Block, offset: int) -> tuple[int, bool]:
        """Takes rows one by one. Returns where it stopped, and whether because they are alike."""
        view, unpack, lengths = block.view, ROW_RECORD.unpack_from, self._lengths
        end = len(view)
        row, last, alike = self.row, None, 0
        while end - offset >= LEAST_RECORD_BYTES:
            length, crc, word, index, step, time_us = unpack(view, offset)
            following = offset + FRAME_BYTES + length
            if (
                following > end
                or word != (ROW + row * ROW_STEP) % _WORDS
                or lengths.get(index) != length
            ):
                break
            if self._rows and self._bytes + length >= self._chunk_bytes:
                self.is_full = True
                break
            alike = alike + 1 if index == last else 0
            last = index
            if alike == LEAST_ALIKE:
                self.row = row
                return offset, True
            if crc32(view[offset + FRAME_BYTES : following]) != crc:
                break
            if row >= self.skip_before:
                self._single_layouts.append(index)
                self._single_steps.append(step)
                self._single_times.append(time_us)
                self._value.append(view[offset + ROW_RECORD.size : following])
                self._rows += 1
                self._bytes += length
            row += 1
            offset = following
        self.row = row
        return offset, False

    def take_chunk(self) -> RowChunk | None:
        """Returns the rows, if there are any, and forgets them."""
        if not self._rows:
            return None
        self._end_singles()
        chunk = RowChunk(
            first_row=self.row - self._rows,
            row_count=self._rows,
            point_count=sum(map(len, self._value)) // 8,
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
        words, count = block.words, self._run_length(block, offset, stride)
        length = stride - FRAME_BYTES
        source = block.slicing(length)
        starts = range(offset + FRAME_BYTES, offset + count * stride, stride)
        actual = _packed([crc32(source[start : start + length]) for start in starts])
        first, step = offset // 4, stride // 4
        count = _common(words[first + 1 : first + count * step : step].tobytes(), actual)
        skipped = min(max(self.skip_before - self.row, 0), count)
        if skipped < count:
            self._add_run(block, offset + skipped * stride, stride, count - skipped, layout)
        self.row += count
        return count

    def _add_run(self, block: Block, offset: int, stride: int, count: int, layout: Layout) -> None:
        self._end_singles()
        width = len(layout.series)
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
            size = 8 * width
            source = block.slicing(size)
            starts = range(offset + ROW_RECORD.size, offset + count * stride, stride)
            self._value.append(b"".join([source[start : start + size] for start in starts]))
        self._used.add(layout.index)
        self._rows += count
        self._bytes += count * stride

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

    def _end_singles(self) -> None:
        count = len(self._single_steps)
        if count:
            self._used.update(self._single_layouts)
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
