"""What the server refused for good, as JSON for people."""

import json
import math
import struct

from runstream._spool.header import SegmentHeader
from runstream._spool.records import Artifact, Operation, RowChunk

__all__ = ["Refusable", "refusal_name", "refusal_text"]

Refusable = RowChunk | Operation | Artifact


def refusal_name(record: Refusable) -> str:
    """Returns a name for the record's file: the same when it is refused again."""
    if isinstance(record, RowChunk):
        return f"rows-{record.first_row:012d}-{record.row_count}"
    kind = "operation" if isinstance(record, Operation) else "artifact"
    return f"{kind}-{record.number:012d}"


def refusal_text(record: Refusable, reason: str, header: SegmentHeader) -> str:
    """Returns the content of the record's file: all there is to log it again by hand."""
    who = header.identity
    document: dict[str, object] = {
        "reason": reason,
        "run_id": who.run_id,
        "writer_id": who.writer_id,
        "experiment": who.experiment,
        "server_uri": who.server_uri,
    }
    if isinstance(record, RowChunk):
        document |= _rows(record)
    elif isinstance(record, Operation):
        document |= {"operation": record.number, "payload": record.payload}
    else:
        document |= {"artifact": record.number, "path": record.path, "size": record.size}
        document |= {"source": record.source} if record.source is not None else {}
    return json.dumps(document, indent=1, ensure_ascii=False) + "\n"


def _rows(chunk: RowChunk) -> dict[str, object]:
    layouts = {
        index: [{"key": series.key, "rank": series.rank} for series in layout.series]
        for index, layout in chunk.layouts.items()
    }
    rows = [
        {
            "step": row.step,
            "time_us": row.time_us,
            "layout": row.layout.index,
            "values": [_value(value) for value in row.values],
        }
        for row in chunk.rows()
    ]
    return {"first_row": chunk.first_row, "layouts": layouts, "rows": rows}


def _value(value: float) -> float | str:
    # JSON has no NaN and no infinities; a NaN keeps its bits.
    if math.isnan(value):
        return f"nan:{struct.pack('>d', value).hex()}"
    return value if math.isfinite(value) else str(value)
