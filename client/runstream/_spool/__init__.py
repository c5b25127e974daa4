"""The spool: what a run logs, in append-only files on the local disk, until a server has it.

docs/spool-format.md describes the files. Here is what writes, reads and tidies them.

Writing, in the training process (needs neither grpc nor numpy):

    writer = SpoolWriter.create(default_spool_dir(), run_id=run_id, rank=0, experiment="mnist",
                                server_uri="grpc://127.0.0.1:50051")
    writer.operation({"op": "create_run", "name": "first try"})    # numbered 0, 1, 2 ...
    writer.log({"loss": 0.3, "acc": {"top1": 0.9}}, step=7)        # "loss", "acc/top1"
    writer.artifact("model.pt", "checkpoints/model.pt")            # a snapshot, numbered apart
    writer.close()

`log` takes 3 to 6 µs. It never raises, unless `RUNSTREAM_STRICT=1`: what could not be stored is
counted in `writer.rejected`. After a fork, the child's writer is a new one with the same run, rank
and step count; `on_new_writer` is called before it first writes.

Reading, in the process that delivers:

    for spool in scan(directory):
        header = spool.header()                                    # run, rank, server ...
        reader = spool.reader(first_row=committed_rows, first_operation=next_record)
        while not reader.finished:
            for record in reader.read():                           # what is there by now
                match record:
                    case RowChunk(): ...                           # packed columns
                    case Operation() | Artifact(): ...             # numbered, in their places
                    case CorruptRows(): ...                        # to be skipped, with a reason
                    case Close(): ...                              # the last record
            ...                                                    # wait, and read again

`RowChunk.layout` holds the writer's layout indices; `RowChunk.layouts` says what they mean. Rows,
operations and artifacts have numbers of their own; a reader resumes at any of them, and learns
again what it needs of the layouts.

Tidying: `spool.note_acked(...)` after acks; `spool.discard_content(artifact)` once the server has
it; `spool.reject(record, reason)` for what the server refuses for good; `spool.trim()` and
`remove_abandoned(directory)` now and then.
"""

from runstream._spool.format import MAX_ROW_POINTS, Layout, Series
from runstream._spool.header import SegmentHeader, WriterIdentity
from runstream._spool.paths import default_spool_dir
from runstream._spool.reader import SpoolReader
from runstream._spool.records import (
    Artifact,
    Close,
    CorruptRows,
    Operation,
    Record,
    Row,
    RowChunk,
)
from runstream._spool.spool import Acked, WriterSpool, remove_abandoned, scan
from runstream._spool.writer import OWN_RANK, SpoolWriter

__all__ = [
    "MAX_ROW_POINTS",
    "OWN_RANK",
    "Acked",
    "Artifact",
    "Close",
    "CorruptRows",
    "Layout",
    "Operation",
    "Record",
    "Row",
    "RowChunk",
    "SegmentHeader",
    "Series",
    "SpoolReader",
    "SpoolWriter",
    "WriterIdentity",
    "WriterSpool",
    "default_spool_dir",
    "remove_abandoned",
    "scan",
]
