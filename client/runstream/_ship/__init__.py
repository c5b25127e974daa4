"""The shipper: delivers what lies in a spool, in a process of its own.

For the training process, which never touches gRPC:

    writer = SpoolWriter.create(directory, ..., server_uri=uri)
    ensure_shipper(directory, uri)          # after the writer exists; cheap when one is at work
    ...
    writer.close()
    report = wait_delivered(directory, run_id=writer.run_id, timeout_s=60)

and for people, later or elsewhere: `sync(directory)`.

A spool has one shipper, the process that holds `shipper.lock`. It says in `shipper.json` how each
writer and each server stands (see `status`), and in `shipper.log` what happened. It ends when all
is delivered and no writer lives.

Each writer's rows, operations and artifacts go three ways at once. Rows wait for nothing but the
run's creation; operations go one after another; an artifact waits for the operations before it, and
`finish_run` and `finish_writer` wait for everything before them. What the server refuses for good
is put into the spool's `rejected` and passed over. A run that takes nothing, because it or its
experiment is deleted or was never made, stops its writer: the spool stays as it is, and is tried
again every minute while the writer lives, by the next shipper, and by `sync`.

| module | holds |
| --- | --- |
| `launch`, `election` | the start of a shipper, and the lock that there is one of |
| `delivery`, `pending`, `status` | how a delivery stands, for those who wait |
| `syncing` | `sync` |
| `shipper`, `polling`, `watch` | all writers of a spool: found, watched, reported |
| `shipment`, `feed` | one writer: read and handed to its three lanes |
| `rows`, `row_stream`, `batches`, `definitions` | rows: streams, messages |
| `refusals`, `cutting` | the search for the row that is refused |
| `records`, `requests` | operations: calls |
| `artifacts`, `uploads` | files: uploads |
| `link`, `failures`, `backoff`, `waterline` | the connection, errors, pauses, progress |
"""

from typing import TYPE_CHECKING

from runstream._ship.delivery import DeliveryReport, Progress, wait_delivered
from runstream._ship.launch import ensure_shipper

if TYPE_CHECKING:
    from runstream._ship.syncing import sync

__all__ = ["DeliveryReport", "Progress", "ensure_shipper", "sync", "wait_delivered"]


def __getattr__(name: str) -> object:
    if name == "sync":  # it takes asyncio, which training processes can do without
        from runstream._ship.syncing import sync

        return sync
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
