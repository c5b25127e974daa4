"""Counts what is left in spools, and what was refused."""

import json
import time
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Final, cast

from runstream._ship.status import WriterStatus
from runstream._spool import Artifact, CorruptRows, Operation, RowChunk, WriterSpool
from runstream._spool.paths import REJECTED_FOLDER
from runstream.errors import SpoolError

__all__ = ["Pending", "count_pending", "read_refusals"]

COUNT_BUDGET_S: Final = 1.0
MAX_REFUSALS: Final = 5


@dataclass(slots=True)
class Pending:
    """What the server lacks.

    Attributes:
        rows: Rows, at least so many.
        records: Operations, likewise.
        artifacts: Artifacts, likewise.
        is_exact: Whether it is exactly so many.
    """

    rows: int = 0
    records: int = 0
    artifacts: int = 0
    is_exact: bool = True


def count_pending(spools: Iterable[tuple[WriterSpool, WriterStatus | None]]) -> Pending:
    """Reads what is left of writers, each given with what the status file says of it.

    Reading takes about 1 s for 100 MB; it is cut short after 1 s.
    """
    pending = Pending()
    deadline = time.monotonic() + COUNT_BUDGET_S
    for spool, status in spools:
        try:
            _count_writer(spool, status, pending, deadline)
        except (SpoolError, OSError):
            pending.is_exact = False
    return pending


def _count_writer(
    spool: WriterSpool, status: WriterStatus | None, pending: Pending, deadline: float
) -> None:
    acked = spool.acked()
    levels = (acked.rows, acked.operations, acked.artifacts)
    if status is not None:
        levels = (status["rows"], status["records"], status["artifacts"])
    reader = spool.reader(first_row=levels[0], first_operation=levels[1], first_artifact=levels[2])
    try:
        for record in reader.read():
            match record:
                case RowChunk() | CorruptRows():
                    pending.rows += record.row_count
                case Operation():
                    pending.records += 1
                case Artifact():
                    pending.artifacts += 1
                case _:
                    pass
            if time.monotonic() >= deadline:
                pending.is_exact = False
                return
    finally:
        reader.close()


def read_refusals(directory: Path, spools: Iterable[WriterSpool]) -> tuple[int, tuple[str, ...]]:
    """Returns how many records of writers were refused for good, and the first few reasons."""
    count = 0
    reasons: dict[str, None] = {}
    for spool in spools:
        folder = directory / REJECTED_FOLDER / spool.run_id / spool.writer_id
        for path in sorted(folder.glob("*.json")):
            count += 1
            if len(reasons) < MAX_REFUSALS:
                reasons[_reason(path)] = None
    return count, tuple(reasons)


def _reason(path: Path) -> str:
    try:
        document = cast("dict[str, object]", json.loads(path.read_text()))
        return str(document["reason"])
    except (OSError, ValueError, KeyError, TypeError):
        return f"see {path}"
