"""How a change of a run begins: with the lock on its head, and with the record's number."""

from sqlalchemy.ext.asyncio import AsyncConnection

from runstream_server.core.errors import Failure, Reason
from runstream_server.core.runs.values import RecordId
from runstream_server.core.validation import MAX_INT64, check_hex_id, check_number
from runstream_server.storage import head_rows, writer_rows
from runstream_server.storage.writer_rows import WriterRow

__all__ = [
    "advance",
    "begin_change",
    "check_record",
    "find_writer",
    "is_applied",
    "run_deleted",
    "run_not_found",
]


def run_not_found(run_id: str) -> Failure:
    """Returns the failure of a request that names a run that does not exist."""
    return Failure(
        Reason.RUN_NOT_FOUND,
        f"there is no run {run_id}; create it, or search runs for the ids that exist",
        run_id=run_id,
    )


def run_deleted(run_id: str) -> Failure:
    """Returns the failure of a request that would change a deleted run."""
    return Failure(Reason.RUN_DELETED, f"run {run_id} is deleted; restore it first", run_id=run_id)


def check_record(record: RecordId | None) -> None:
    """Checks the id of a record, if there is one."""
    if record is not None:
        check_hex_id("record.writer_id", record.writer_id)
        check_number("record.number", record.number, 0, MAX_INT64 - 1)


async def begin_change(connection: AsyncConnection, run_id: str, record: RecordId | None) -> bool:
    """Locks a run to change it; returns False when the record says that this was done before.

    Otherwise the writer of the record, which is created when the run has no such one, gets the
    number of its next record; so a change that fails afterwards must undo the transaction, as an
    exception does.

    Raises:
        Failure: RUN_NOT_FOUND, or RUN_DELETED unless the record was applied before.
    """
    active = await head_rows.lock_head(connection, run_id)
    if active is None:
        raise run_not_found(run_id)
    writer = await find_writer(connection, run_id, record)
    if is_applied(record, writer):
        return False
    if not active:
        raise run_deleted(run_id)
    await advance(connection, run_id, record, writer)
    return True


async def find_writer(
    connection: AsyncConnection, run_id: str, record: RecordId | None
) -> WriterRow | None:
    """Returns the writer of a record, if there are both."""
    if record is None:
        return None
    return await writer_rows.find_writer(connection, run_id, record.writer_id)


def is_applied(record: RecordId | None, writer: WriterRow | None) -> bool:
    """Returns whether a record's number is less than the next one of its writer."""
    return record is not None and writer is not None and record.number < writer.next_record


async def advance(
    connection: AsyncConnection, run_id: str, record: RecordId | None, writer: WriterRow | None
) -> None:
    """Stores that a record is applied; its writer is created when there is none."""
    if record is None:
        return
    number, writer_id = record.number + 1, record.writer_id
    if writer is None:
        await writer_rows.insert_writer(connection, run_id, writer_id, next_record=number)
    else:
        await writer_rows.set_next_record(connection, run_id, writer_id, number)
