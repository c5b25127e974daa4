"""What a writer puts into its segments, before its numbers are known.

A row's offset and an operation's number are drawn when the entry is written, so one that could not
be written leaves no hole.
"""

from typing import Protocol

from runstream._spool.format import (
    OPERATION,
    encode_close,
    encode_layout,
    encode_numbered,
    encode_row,
)
from runstream._spool.layouts import RowLayout

__all__ = ["CloseEntry", "Entry", "NumberedEntry", "Progress", "RowsEntry"]


class Progress(Protocol):
    """How far a writer has come."""

    @property
    def segment(self) -> int | None:
        """The number of the segment that is being written."""
        ...

    @property
    def rows(self) -> int:
        """How many rows are written."""
        ...

    @property
    def operations(self) -> int:
        """How many operations are written."""
        ...

    @property
    def artifacts(self) -> int:
        """How many artifacts are written."""
        ...


class Entry(Protocol):
    """Records that are written together."""

    @property
    def keep(self) -> bool:
        """Whether it is held in memory and tried again when it cannot be written."""
        ...

    @property
    def records(self) -> int:
        """How many rows, operations, artifacts and closes it holds."""
        ...

    @property
    def points(self) -> int:
        """How many points it holds."""
        ...

    def encode(self, progress: Progress) -> bytes:
        """Returns the bytes of its records, for a writer that has come this far."""
        ...

    def stored(self, count: int, segment: int | None) -> None:
        """Takes note that its first `count` records are in a segment."""
        ...


class RowsEntry:
    """The rows of one `log()`: several, of the same step and time, when it holds many points."""

    keep = False

    def __init__(self, parts: list[tuple[RowLayout, bytes]], step: int, time_us: int) -> None:
        self.parts = parts
        self.step = step
        self.time_us = time_us

    @property
    def records(self) -> int:
        return len(self.parts)

    @property
    def points(self) -> int:
        return sum(layout.width for layout, _ in self.parts)

    def encode(self, progress: Progress) -> bytes:
        rows = progress.rows
        records: list[bytes] = []
        for layout, values in self.parts:
            if layout.segment != progress.segment:
                records.append(encode_layout(rows, layout.definition()))
            records.append(encode_row(rows, layout.index, self.step, self.time_us, values))
            rows += 1
        return b"".join(records)

    def stored(self, count: int, segment: int | None) -> None:
        for layout, _ in self.parts[:count]:
            layout.segment = segment
        del self.parts[:count]


class NumberedEntry:
    """An operation or an artifact. `number` is drawn when it is written."""

    keep = True
    records = 1
    points = 0

    def __init__(self, kind: int, payload: bytes) -> None:
        self.kind = kind
        self.payload = payload
        self.number: int | None = None
        self._drawn = 0

    def encode(self, progress: Progress) -> bytes:
        is_operation = self.kind == OPERATION
        self._drawn = progress.operations if is_operation else progress.artifacts
        return encode_numbered(
            self.kind,
            rows=progress.rows,
            number=self._drawn,
            operations=progress.operations,
            payload=self.payload,
        )

    def stored(self, count: int, segment: int | None) -> None:
        if count:
            self.number = self._drawn


class CloseEntry:
    """The last record of a writer."""

    keep = True
    records = 1
    points = 0

    def __init__(self, payload: bytes) -> None:
        self.payload = payload

    def encode(self, progress: Progress) -> bytes:
        return encode_close(
            rows=progress.rows,
            operations=progress.operations,
            artifacts=progress.artifacts,
            payload=self.payload,
        )

    def stored(self, count: int, segment: int | None) -> None:
        """Does nothing."""
