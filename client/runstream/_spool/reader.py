"""The reading side: what one writer has logged, in order, as far as it is there."""

from collections import deque
from collections.abc import Iterator
from pathlib import Path
from typing import Final, cast

from runstream._spool.columns import Block, ColumnBuilder
from runstream._spool.format import (
    ARTIFACT,
    CLOSE,
    LAYOUT,
    OPERATION,
    ROW,
    ROW_BITS_MASK,
    ROW_HEAD,
    RawRecord,
    decode_close,
    decode_layout,
    decode_numbered,
    record_at,
)
from runstream._spool.header import BadHeader
from runstream._spool.lock import is_held
from runstream._spool.records import Artifact, Close, CorruptRows, Operation, Record
from runstream._spool.segment import (
    BLOCK_BYTES,
    OpenSegment,
    find_record,
    is_torn,
    read_header,
    segment_numbers,
)

__all__ = ["CHUNK_BYTES", "SpoolReader"]

CHUNK_BYTES: Final = 1024 * 1024
_BEFORE_ALL: Final = -1


class SpoolReader:
    """Reads a writer's records in the order in which they were written, each once.

    `read()` yields what is there; called again, it yields what has come since. It may be left at
    any record, and goes on behind it. Nothing in the spool is changed.

    Attributes:
        operation: The number of the next operation.
        artifact: The number of the next artifact.
    """

    def __init__(
        self,
        folder: Path,
        *,
        first_row: int = 0,
        first_operation: int = 0,
        first_artifact: int = 0,
        chunk_bytes: int = CHUNK_BYTES,
    ) -> None:
        """Reads from a place in the writer's stream on.

        Args:
            folder: The writer's folder.
            first_row: Rows before it are passed over.
            first_operation: Operations before it are passed over.
            first_artifact: Artifacts before it are passed over.
            chunk_bytes: The greatest size of a chunk's columns; a single row may exceed it.
        """
        self._folder = folder
        self._rows = ColumnBuilder(first_row, chunk_bytes)
        self.operation = first_operation
        self.artifact = first_artifact
        self._number = _BEFORE_ALL
        self._segment: OpenSegment | None = None
        self._block_bytes = BLOCK_BYTES
        self._ready: deque[Record] = deque()
        self._ended = False

    @property
    def row(self) -> int:
        """The offset of the next row: all before it were read, passed over or reported."""
        return max(self._rows.row, self._rows.skip_before)

    @property
    def finished(self) -> bool:
        """Whether everything was yielded, and nothing more will come."""
        return self._ended and not self._ready

    def close(self) -> None:
        """Closes the open segment. Reading goes on only with another reader."""
        self._ended = True
        self._leave_segment()

    def read(self) -> Iterator[Record]:
        """Yields what is there and was not yielded before.

        Raises:
            UnsupportedSpool: if a segment was written by a newer version.
            SpoolError: if the disk does not let it.
        """
        while True:
            while self._ready:
                yield self._ready.popleft()
            if self._ended or not self._advance():
                break
        self._end_chunk()
        while self._ready:
            yield self._ready.popleft()

    def _advance(self) -> bool:
        """Reads one block, or goes to the next segment. Returns whether there may be more."""
        # Asked in this order: what a writer left that is dead by now is all there will be.
        lives = is_held(self._folder)
        numbers = segment_numbers(self._folder)
        if self._number == _BEFORE_ALL and numbers:
            self._choose_start(numbers)
        later = [number for number in numbers if number > self._number]
        if self._segment is not None:
            if self._read_block(self._segment) or self._ended:
                return True
            if not later and not lives:
                self._report_end(self._segment)
        if later:
            return self._enter(later[0], is_being_made=lives and len(later) == 1)
        self._ended = not lives
        return False

    def _choose_start(self, numbers: list[int]) -> None:
        """Sets the place before the last segment that begins at or before everything wanted."""
        wanted = self._rows.skip_before
        start, first_row = numbers[0], wanted
        for number in reversed(numbers):
            try:
                header = read_header(self._folder, number)
            except BadHeader:
                continue
            start, first_row = number, header.first_row
            if (
                first_row <= wanted
                and header.first_operation <= self.operation
                and header.first_artifact <= self.artifact
            ):
                break
        self._number = start - 1
        self._rows.row = min(first_row, wanted)

    def _enter(self, number: int, *, is_being_made: bool) -> bool:
        try:
            segment = OpenSegment(self._folder, number)
        except BadHeader:
            if is_being_made:
                return False
            # The next segment's header tells how many rows this one held.
            self._number = number
            self._leave_segment()
            return True
        self._leave_segment()
        self._segment, self._number = segment, number
        lost = segment.header.first_row - self._rows.row
        if lost > 0:
            self._lose(lost, f"segment {number} begins {lost} rows later")
        elif lost < 0:
            # A segment that could not be cut off may end in rows that do not count.
            self._end_chunk()
            self._rows.skip_before = self.row
            self._rows.row = segment.header.first_row
        return True

    def _leave_segment(self) -> None:
        if self._segment is not None:
            self._segment.close()
            self._segment = None

    def _read_block(self, segment: OpenSegment) -> bool:
        """Reads on in a segment. Returns whether it got on."""
        begin = segment.position
        block = segment.block(self._block_bytes)
        self._parse(segment, block)
        consumed = segment.position - begin
        if len(block.view) == self._block_bytes:
            self._block_bytes = BLOCK_BYTES if consumed else 4 * self._block_bytes
            return True
        if consumed == 0 and (found := find_record(block.view, self._rows.row)):
            offset, lost = found
            self._lose(lost, _unreadable(segment, offset))
            segment.position += offset
            return True
        return consumed > 0

    def _report_end(self, segment: OpenSegment) -> None:
        rest = segment.block(self._block_bytes).view
        if not is_torn(rest):
            self._lose(0, _unreadable(segment, len(rest)))

    def _parse(self, segment: OpenSegment, block: Block) -> None:
        """Reads a block up to what is not there or not right."""
        begin, offset = segment.position, 0
        while not self._ended:
            offset = self._rows.take_rows(block, offset)
            segment.position = begin + offset
            if self._rows.is_full:
                self._end_chunk()
                continue
            record = record_at(block.view, offset)
            if record is None or record.row_bits != self._rows.row & ROW_BITS_MASK:
                break
            if record.kind == ROW:
                offset, lost = self._unnamed_rows(block.view, offset)
                self._lose(lost, f"segment {segment.number} does not define their layout")
            else:
                offset = record.end
                self._take(segment, record)

    def _unnamed_rows(self, view: memoryview, offset: int) -> tuple[int, int]:
        """Counts the rows of unknown layouts from an offset on; returns where they end, too."""
        lost = 0
        while (record := record_at(view, offset)) is not None and record.kind == ROW:
            _, index, _, _ = ROW_HEAD.unpack_from(record.body)
            layout = self._rows.layouts.get(index)
            values = len(record.body) - ROW_HEAD.size
            if layout is not None and values == 8 * len(layout.series):
                break
            offset = record.end
            lost += 1
        return offset, lost

    def _take(self, segment: OpenSegment, record: RawRecord) -> None:
        try:
            if record.kind == LAYOUT:
                self._rows.define(decode_layout(record.body))
            elif record.kind == OPERATION:
                self._take_operation(record)
            elif record.kind == ARTIFACT:
                self._take_artifact(record)
            elif record.kind == CLOSE:
                self._take_close(record)
        except ValueError as error:
            self._lose(0, f"segment {segment.number} holds a malformed record: {error}")

    def _take_operation(self, record: RawRecord) -> None:
        number, _, payload = decode_numbered(record.body)
        if number >= self.operation:
            self.operation = number + 1
            self._add(Operation(number=number, payload=payload, rows_before=self._rows.row))

    def _take_artifact(self, record: RawRecord) -> None:
        number, operations, payload = decode_numbered(record.body)
        if number >= self.artifact:
            artifact = Artifact.from_payload(
                number, payload, rows_before=self._rows.row, operations_before=operations
            )
            self.artifact = number + 1
            self._add(artifact)

    def _take_close(self, record: RawRecord) -> None:
        rows, operations, artifacts, payload = decode_close(record.body)
        self._ended = True
        self._add(
            Close(
                row_count=rows,
                operation_count=operations,
                artifact_count=artifacts,
                rejected=cast("dict[str, int]", payload.get("rejected", {})),
            )
        )

    def _add(self, record: Record) -> None:
        self._end_chunk()
        self._ready.append(record)

    def _end_chunk(self) -> None:
        chunk = self._rows.take_chunk()
        if chunk is not None:
            self._ready.append(chunk)

    def _lose(self, count: int, reason: str) -> None:
        """Reports rows as lost, except those to be passed over, and goes on behind them."""
        self._end_chunk()
        first = self.row
        self._rows.row += count
        if count == 0 or self._rows.row > first:
            remaining = max(self._rows.row - first, 0)
            self._ready.append(CorruptRows(first_row=first, row_count=remaining, reason=reason))


def _unreadable(segment: OpenSegment, size: int) -> str:
    return f"{size} bytes of segment {segment.number} from byte {segment.position} on are corrupt"
