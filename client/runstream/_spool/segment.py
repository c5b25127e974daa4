"""Reading one segment's bytes."""

import os
from pathlib import Path
from typing import Final

from runstream._spool.columns import Block
from runstream._spool.format import FRAME, FRAME_BYTES, ROW_BITS_MASK, record_at
from runstream._spool.header import MAX_HEADER_BYTES, SegmentHeader
from runstream._spool.paths import segment_number, segment_path
from runstream.errors import SpoolError

__all__ = [
    "BLOCK_BYTES",
    "OpenSegment",
    "find_record",
    "is_torn",
    "read_header",
    "segment_numbers",
]

BLOCK_BYTES: Final = 1024 * 1024
LEAST_ROW_RECORD_BYTES: Final = 40


def segment_numbers(folder: Path) -> list[int]:
    """Returns the numbers of a writer's segments in order; none if there is no folder."""
    try:
        names = os.listdir(folder)
    except FileNotFoundError:
        return []
    return sorted(number for name in names if (number := segment_number(name)) is not None)


def read_header(folder: Path, number: int) -> SegmentHeader:
    """Reads a segment's header.

    Raises:
        BadHeader: if these are not the bytes of a header.
        SpoolError: if it cannot be read; UnsupportedSpool if it is of a newer format.
    """
    segment = OpenSegment(folder, number)
    segment.close()
    return segment.header


class OpenSegment:
    """A segment that is read from its first record on.

    Attributes:
        number: Its number in the writer.
        header: Its header.
        position: The offset in the file of the next record.
    """

    def __init__(self, folder: Path, number: int) -> None:
        path = segment_path(folder, number)
        try:
            self._fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        except OSError as error:
            raise SpoolError(f"{path} cannot be read: {error}") from error
        self.number = number
        try:
            self.header, self.position = SegmentHeader.decode(self._read(MAX_HEADER_BYTES, 0))
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """Closes the file."""
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1

    def block(self, size: int = BLOCK_BYTES) -> Block:
        """Returns bytes from the next record on: `size`, or fewer at the end of the file."""
        return Block(self._read(size, self.position))

    def _read(self, size: int, position: int) -> bytes:
        try:
            return os.pread(self._fd, size, position)
        except OSError as error:
            raise SpoolError(f"segment {self.number} cannot be read: {error}") from error

    def __del__(self) -> None:
        if getattr(self, "_fd", -1) >= 0:
            self.close()


def find_record(view: memoryview, row: int) -> tuple[int, int] | None:
    """Looks behind a place that cannot be read for a record that can.

    Args:
        view: The rest of a segment; it begins with the place.
        row: The offset of the next row.

    Returns:
        The record's offset, and how many rows are lost before it; None if there is no record.
    """
    for offset in range(8, len(view) - 8, 8):
        record = record_at(view, offset)
        if record is not None:
            lost = (record.row_bits - row) & ROW_BITS_MASK
            if lost * LEAST_ROW_RECORD_BYTES <= offset:
                return offset, lost
    return None


def is_torn(view: memoryview) -> bool:
    """Tells whether the end of a segment looks like a record whose writing was cut short."""
    if len(view) < FRAME_BYTES:
        return True
    length: int = FRAME.unpack_from(view)[0]
    return FRAME_BYTES + length + (-length % 8) > len(view)
