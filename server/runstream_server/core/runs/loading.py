"""Turns stored runs and writers into what readers see."""

from collections.abc import Collection, Mapping, Sequence
from typing import NamedTuple

from sqlalchemy.ext.asyncio import AsyncConnection

from runstream_server.core import reserved_tags
from runstream_server.core.experiments import Experiments
from runstream_server.core.latest import LatestPoint
from runstream_server.core.runs.input_values import NO_INPUTS, RunInputs
from runstream_server.core.runs.locks import run_not_found
from runstream_server.core.runs.values import Run, RunStatus, SkippedRows, Writer
from runstream_server.storage import label_rows, run_rows, writer_rows
from runstream_server.storage.run_rows import RunRow
from runstream_server.storage.writer_rows import WriterRow

__all__ = ["StoredRun", "as_read", "load_run", "load_runs", "load_stored", "load_writers"]


class StoredRun(NamedTuple):
    """What is stored of a run in tables of its own."""

    row: RunRow
    params: Mapping[str, str]
    tags: Mapping[str, str]


async def load_run(connection: AsyncConnection, experiments: Experiments, run_id: str) -> Run:
    """Returns a run without metrics; its cursor is the present position of its log.

    Raises:
        Failure: RUN_NOT_FOUND.
    """
    row = await run_rows.find_run(connection, run_id)
    if row is None:
        raise run_not_found(run_id)
    params = await label_rows.params_of_runs(connection, [run_id])
    tags = await label_rows.tags_of_runs(connection, [run_id])
    cursor = await run_rows.log_position(connection, run_id)
    return as_read(experiments, row, params.get(run_id, {}), tags.get(run_id, {}), cursor)


async def load_runs(
    connection: AsyncConnection, experiments: Experiments, run_ids: Sequence[str]
) -> list[Run]:
    """Returns runs that exist, without metrics, in the order of their ids here."""
    found = await load_stored(connection, run_ids)
    return [as_read(experiments, *stored) for stored in found]


async def load_stored(
    connection: AsyncConnection,
    run_ids: Sequence[str],
    *,
    param_keys: Collection[str] | None = None,
    tag_keys: Collection[str] | None = None,
) -> list[StoredRun]:
    """Returns what is stored of runs that exist, in the order of their ids here.

    Params and tags can be limited to some keys; what other fields show of tags comes along.
    """
    if tag_keys is not None:
        tag_keys = {*tag_keys, *reserved_tags.SHOWN_IN_FIELDS}
    rows = await run_rows.find_runs(connection, run_ids)
    params = await label_rows.params_of_runs(connection, run_ids, param_keys)
    tags = await label_rows.tags_of_runs(connection, run_ids, tag_keys)
    return [
        StoredRun(rows[run_id], params.get(run_id, {}), tags.get(run_id, {}))
        for run_id in run_ids
        if run_id in rows
    ]


async def load_writers(
    connection: AsyncConnection, run_id: str, first_number: int, limit: int
) -> list[tuple[int, Writer]]:
    """Returns up to `limit` writers of a run from a number on, each with its number, by number."""
    rows = await writer_rows.writers_of_run(connection, run_id, first_number, limit)
    skipped: dict[str, list[SkippedRows]] = {}
    for skip in await writer_rows.skips_of_writers(
        connection, run_id, [row.writer_id for row in rows]
    ):
        rows_skipped = SkippedRows(skip.first_row, skip.count, skip.reason)
        skipped.setdefault(skip.writer_id, []).append(rows_skipped)
    return [(row.number, _writer(row, skipped.get(row.writer_id, []))) for row in rows]


def as_read(
    experiments: Experiments,
    row: RunRow,
    params: Mapping[str, str],
    tags: Mapping[str, str],
    cursor: int = 0,
    *,
    metrics: Sequence[LatestPoint] = (),
    inputs: RunInputs = NO_INPUTS,
) -> Run:
    """Returns a stored run as readers see it."""
    return Run(
        run_id=row.run_id,
        experiment_id=row.experiment_id,
        name=row.name,
        status=RunStatus(row.status),
        active=row.active,
        start_time_us=row.start_time_us,
        end_time_us=row.end_time_us,
        create_time_us=row.create_time_us,
        update_time_us=row.update_time_us,
        user=row.user_id,
        artifact_uri=experiments.artifact_uri_of_run(
            row.experiment_id, row.run_id, row.artifact_uri
        ),
        params=params,
        tags=tags,
        metrics=metrics,
        inputs=inputs,
        cursor=cursor,
        last_commit_time_us=row.last_commit_time_us,
    )


def _writer(row: WriterRow, skipped: Sequence[SkippedRows]) -> Writer:
    return Writer(
        writer_id=row.writer_id,
        rank=None if row.rank == writer_rows.NO_RANK else row.rank,
        attempt=row.attempt,
        next_row=row.next_row,
        next_record=row.next_record,
        status=RunStatus(row.status),
        status_message=row.status_message,
        create_time_us=row.create_time_us,
        skipped=skipped,
    )
