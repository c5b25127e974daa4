"""How runs and their writers end, and go on.

A run's status is what was last said by `finish` or `resume`, with one exception: a run that says
FINISHED is FAILED as long as the failure of one of its writers counts. Which of the two comes first
makes no difference.

- A writer that FAILED counts. One that was KILLED does not: whoever stops a process of a job that
  ends well (a straggler, a spare) knows why, and a job that did not end well says so itself.
- KILLED and FAILED runs stay what they are, whatever their writers say: an interrupted job's
  processes often fail on the way down.
- Resuming a run settles its writers that have ended: it goes on although they failed, so their
  failures count no longer. A writer that says again how it ended changes nothing; one that says
  something else counts again.
"""

from sqlalchemy.ext.asyncio import AsyncConnection

from runstream_server.core.clock import now_us
from runstream_server.core.errors import Failure, Reason
from runstream_server.core.runs.locks import run_not_found
from runstream_server.core.runs.values import RunStatus
from runstream_server.storage import run_rows, writer_rows
from runstream_server.storage.run_rows import RunRow

__all__ = ["finish", "finish_writer", "resume", "update"]


async def finish(
    connection: AsyncConnection, run_id: str, status: RunStatus, end_time_us: int | None
) -> RunStatus | None:
    """Ends a run that the caller has locked; returns its status if that is new.

    Said again without an end time, it leaves the end time that is stored.
    """
    row = await _require(connection, run_id)
    if status is RunStatus.FINISHED and await writer_rows.has_failed_writer(connection, run_id):
        status = RunStatus.FAILED
    if row.status == status:
        end_time_us = row.end_time_us if end_time_us is None else end_time_us
    now = now_us()
    end = now if end_time_us is None else end_time_us
    if (row.status, row.end_time_us) != (status, end):
        await run_rows.update_run(
            connection, run_id, status=status, end_time_us=end, update_time_us=now
        )
    return None if row.status == status else status


async def update(
    connection: AsyncConnection, run_id: str, status: RunStatus | None, end_time_us: int | None
) -> RunStatus | None:
    """Stores a status, an end time or both as they are said; returns the status if that is new.

    Any status may follow any other. A run that goes on has no end time unless one is said.
    """
    row = await _require(connection, run_id)
    changes: dict[str, int | None] = {}
    if status is RunStatus.FINISHED and await writer_rows.has_failed_writer(connection, run_id):
        status = RunStatus.FAILED
    if status is not None and status != row.status:
        changes["status"] = status
        if not status.is_end:
            await writer_rows.settle_writers(connection, run_id)
            changes["end_time_us"] = None
    if end_time_us is not None:
        changes["end_time_us"] = end_time_us
    if changes:
        await run_rows.update_run(connection, run_id, update_time_us=now_us(), **changes)
    return status if "status" in changes else None


async def resume(connection: AsyncConnection, run_id: str) -> RunStatus | None:
    """Sets a run that the caller has locked back to RUNNING; returns its status if that is new."""
    row = await _require(connection, run_id)
    await writer_rows.settle_writers(connection, run_id)
    if row.status == RunStatus.RUNNING:
        return None
    await run_rows.update_run(
        connection, run_id, status=RunStatus.RUNNING, end_time_us=None, update_time_us=now_us()
    )
    return RunStatus.RUNNING


async def finish_writer(
    connection: AsyncConnection, run_id: str, writer_id: str, status: RunStatus, message: str
) -> RunStatus | None:
    """Ends a writer of a run that the caller has locked; returns the run's status if that is new.

    Raises:
        Failure: WRITER_NOT_FOUND.
    """
    writer = await writer_rows.find_writer(connection, run_id, writer_id)
    if writer is None:
        raise Failure(
            Reason.WRITER_NOT_FOUND,
            f"run {run_id} has no writer {writer_id}; list its writers for the ids that exist",
            run_id=run_id,
            writer_id=writer_id,
        )
    if (writer.status, writer.status_message) == (status, message):
        return None
    await writer_rows.set_writer_end(connection, run_id, writer_id, status, message)
    row = await _require(connection, run_id)
    if status is not RunStatus.FAILED or row.status != RunStatus.FINISHED:
        return None
    await run_rows.update_run(connection, run_id, status=RunStatus.FAILED, update_time_us=now_us())
    return RunStatus.FAILED


async def _require(connection: AsyncConnection, run_id: str) -> RunRow:
    row = await run_rows.find_run(connection, run_id)
    if row is None:
        raise run_not_found(run_id)
    return row
