"""What a run has left in a spool."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from runstream._spool import Artifact, Operation, Row, RowChunk, SegmentHeader, WriterSpool, scan


@dataclass
class Spooled:
    """One writer's records."""

    header: SegmentHeader
    operations: list[dict[str, Any]] = field(default_factory=list[dict[str, Any]])
    artifacts: dict[str, bytes] = field(default_factory=dict[str, bytes])
    rows: list[Row] = field(default_factory=list[Row])

    @property
    def ops(self) -> list[str]:
        return [operation["op"] for operation in self.operations]

    @property
    def tags(self) -> dict[str, str]:
        return self._merged("set_tags", "tags")

    @property
    def params(self) -> dict[str, str]:
        return self._merged("log_params", "params")

    def only(self, op: str) -> dict[str, Any]:
        (found,) = [operation for operation in self.operations if operation["op"] == op]
        return found

    def points(self) -> list[tuple[int, str, float]]:
        """Step, key and value of all points, in order."""
        return [
            (row.step, series.key, value)
            for row in self.rows
            for series, value in zip(row.layout.series, row.values, strict=True)
        ]

    def _merged(self, op: str, name: str) -> dict[str, str]:
        merged: dict[str, str] = {}
        for operation in self.operations:
            if operation["op"] == op:
                merged |= operation[name]
        return merged


def writers_in(folder: Path) -> list[Spooled]:
    """Reads all writers of a spool, in the order in which they began."""
    found = [_read(spool) for spool in scan(folder)]
    return sorted(found, key=lambda writer: writer.header.created_us)


def writer_in(folder: Path) -> Spooled:
    """Reads the only writer of a spool."""
    (writer,) = writers_in(folder)
    return writer


def _read(spool: WriterSpool) -> Spooled:
    writer = Spooled(spool.header())
    for record in spool.reader().read():
        match record:
            case Operation():
                writer.operations.append(record.payload)
            case Artifact():
                writer.artifacts[record.path] = spool.content_path(record).read_bytes()
            case RowChunk():
                writer.rows += record.rows()
            case _:
                pass
    return writer
