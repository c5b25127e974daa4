"""What a reader finds in a spool."""

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple, Self, TypeAlias, cast

from runstream._spool.format import Layout

__all__ = ["Artifact", "Close", "CorruptRows", "Operation", "Record", "Row", "RowChunk"]


class Row(NamedTuple):
    """One row, decoded."""

    step: int
    time_us: int
    layout: Layout
    values: tuple[float, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class RowChunk:
    """Consecutive rows as packed little-endian columns.

    Attributes:
        first_row: The offset of the first row.
        row_count: The number of rows.
        point_count: The number of their points.
        layout: Each row's layout index in the writer, u32.
        step: Each row's step, i64.
        time_us: Each row's time in microseconds since the epoch, i64.
        value: The values of all rows end to end, f64, each row's in the order of its layout.
        layouts: The layouts that the rows use, by index.
    """

    first_row: int
    row_count: int
    point_count: int
    layout: bytes
    step: bytes
    time_us: bytes
    value: bytes
    layouts: dict[int, Layout]

    def rows(self) -> Iterator[Row]:
        """Decodes the rows one by one: for people, not for the way of every row."""
        steps, times = _int64s(self.step), _int64s(self.time_us)
        start = 0
        for index, step, time_us in zip(_uint32s(self.layout), steps, times, strict=True):
            layout = self.layouts[index]
            values = struct.unpack_from(f"<{len(layout.series)}d", self.value, start)
            start += 8 * len(values)
            yield Row(step, time_us, layout, values)


@dataclass(frozen=True, slots=True, kw_only=True)
class Operation:
    """Something other than metrics and files.

    Attributes:
        number: Its number among the writer's operations.
        payload: What the writer was given.
        rows_before: How many rows come before it.
    """

    number: int
    payload: dict[str, object]
    rows_before: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Artifact:
    """A file to upload.

    Attributes:
        number: Its number among the writer's artifacts.
        path: Its path in the run.
        size: Its size in bytes.
        snapshot: The name of its content in the writer's folder for artifacts, or None.
        source: The absolute path of the file that holds its content, when `snapshot` is None.
        mtime_ns: That file's modification time, which must be the same still.
        inode: That file's inode, likewise.
        device: That file's device, likewise.
        rows_before: How many rows come before it.
        operations_before: How many operations come before it.
    """

    number: int
    path: str
    size: int
    snapshot: str | None
    source: str | None
    mtime_ns: int | None
    inode: int | None
    device: int | None
    rows_before: int
    operations_before: int

    @classmethod
    def from_payload(
        cls, number: int, payload: dict[str, object], *, rows_before: int, operations_before: int
    ) -> Self:
        """Reads the payload of an artifact's record.

        Raises:
            ValueError: if it is malformed.
        """
        path, size = payload.get("path"), payload.get("size")
        snapshot, source = payload.get("snapshot"), payload.get("source")
        if not isinstance(path, str) or not isinstance(size, int):
            raise ValueError("an artifact lacks its path or size")  # noqa: TRY004 - the bytes are wrong
        if not isinstance(snapshot if source is None else source, str):
            raise ValueError("an artifact lacks its content")  # noqa: TRY004 - the bytes are wrong
        return cls(
            number=number,
            path=path,
            size=size,
            snapshot=cast("str | None", snapshot),
            source=cast("str | None", source),
            mtime_ns=cast("int | None", payload.get("mtime_ns")),
            inode=cast("int | None", payload.get("inode")),
            device=cast("int | None", payload.get("device")),
            rows_before=rows_before,
            operations_before=operations_before,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class CorruptRows:
    """Rows that cannot be read any more.

    Attributes:
        first_row: The offset of the first.
        row_count: How many; 0 when what is lost there is no row.
        reason: What was found, for people.
    """

    first_row: int
    row_count: int
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Close:
    """The last record of a writer that closed.

    Attributes:
        row_count: How many rows it wrote.
        operation_count: How many operations.
        artifact_count: How many artifacts.
        rejected: How many points it did not store, by reason.
    """

    row_count: int
    operation_count: int
    artifact_count: int
    rejected: dict[str, int]


Record: TypeAlias = RowChunk | Operation | Artifact | CorruptRows | Close


def _int64s(column: bytes) -> tuple[int, ...]:
    return struct.unpack(f"<{len(column) // 8}q", column)


def _uint32s(column: bytes) -> tuple[int, ...]:
    return struct.unpack(f"<{len(column) // 4}I", column)
