"""Creates runs, or finds that they exist."""

from dataclasses import replace

from sqlalchemy.ext.asyncio import AsyncConnection

from runstream_server.core import reserved_tags
from runstream_server.core.artifact_roots import run_folder
from runstream_server.core.clock import now_us
from runstream_server.core.errors import Failure, Reason
from runstream_server.core.experiment_rules import experiment_for_new_run
from runstream_server.core.limits import MAX_TAG_VALUE_LENGTH
from runstream_server.core.run_names import new_run_name
from runstream_server.core.runs.labels import check_run_name, check_tags
from runstream_server.core.runs.locks import (
    advance,
    find_writer,
    is_applied,
    run_deleted,
    run_not_found,
)
from runstream_server.core.runs.values import NewRun, RecordId, RunStatus
from runstream_server.core.validation import (
    check_experiment_name,
    check_hex_id,
    check_text,
    check_time_us,
    invalid_value,
    missing_value,
)
from runstream_server.storage import experiment_rows, head_rows, label_rows, run_rows
from runstream_server.storage.run_rows import RunRow

__all__ = ["checked", "create"]

_FIELDS_OF_TAGS = (
    ("name", reserved_tags.RUN_NAME),
    ("user", reserved_tags.USER),
    ("parent_run_id", reserved_tags.PARENT_RUN_ID),
)
"""The fields of a new run that are the same text as a tag."""


def checked(new: NewRun) -> NewRun:
    """Checks and completes a new run.

    Fields that are tags as well are set in both; name and start time are made up.

    Raises:
        Failure: A field, a key or a value breaks a rule, or a field and its tag differ.
    """
    check_hex_id("run_id", new.run_id)
    if new.experiment_id is None:
        if not new.experiment_name:
            raise missing_value("experiment", "set experiment_id or experiment_name")
        check_experiment_name("experiment_name", new.experiment_name)
    if new.status not in {RunStatus.RUNNING, RunStatus.SCHEDULED}:
        raise invalid_value("status", new.status.name, "create runs as RUNNING or SCHEDULED")
    if new.parent_run_id:
        check_hex_id("parent_run_id", new.parent_run_id)
    check_tags(new.tags)
    tags = dict(new.tags)
    for name, tag in _FIELDS_OF_TAGS:
        value = check_text(name, getattr(new, name), MAX_TAG_VALUE_LENGTH)
        if name == "user" and not new.user_is_tag:
            continue
        if value and tags.setdefault(tag, value) != value:
            remedy = (
                f"the tag {tag} says {tags[tag]!r}; set one of the two, or both to the same text"
            )
            raise invalid_value(name, value, remedy)
    tags.setdefault(reserved_tags.RUN_NAME, new_run_name())
    check_run_name("name", tags[reserved_tags.RUN_NAME])
    start = now_us() if new.start_time_us is None else new.start_time_us
    return replace(
        new,
        name=tags[reserved_tags.RUN_NAME],
        user=new.user or tags.get(reserved_tags.USER, ""),
        parent_run_id=tags.get(reserved_tags.PARENT_RUN_ID, ""),
        start_time_us=check_time_us("start_time", start),
        tags=tags,
    )


async def create(
    connection: AsyncConnection, new: NewRun, record: RecordId | None, default_root: str = ""
) -> tuple[RunRow, bool]:
    """Creates a checked run, or leaves the one that has the id as it is; says which beside it.

    An experiment that has to be made first keeps its artifacts below `default_root`, if given.

    Raises:
        Failure: EXPERIMENT_NOT_FOUND, EXPERIMENT_DELETED, RUN_EXISTS (in another experiment) or
            RUN_DELETED.
    """
    if not await head_rows.insert_head(connection, new.run_id):
        return await _find_existing(connection, new, record), False
    experiment = await experiment_for_new_run(
        connection,
        experiment_id=new.experiment_id,
        name=new.experiment_name,
        default_root=default_root,
    )
    location = experiment.artifact_location
    now = now_us()
    row = RunRow(
        run_id=new.run_id,
        experiment_id=experiment.experiment_id,
        name=new.name,
        status=new.status,
        active=True,
        start_time_us=now if new.start_time_us is None else new.start_time_us,
        end_time_us=None,
        create_time_us=now,
        update_time_us=now,
        user_id=new.user,
        artifact_uri=run_folder(location, new.run_id) if location else "",
    )
    await run_rows.insert_run(connection, row)
    await label_rows.set_tags(connection, new.run_id, new.tags)
    await advance(connection, new.run_id, record, writer=None)
    return row, True


async def _find_existing(
    connection: AsyncConnection, new: NewRun, record: RecordId | None
) -> RunRow:
    active = await head_rows.lock_head(connection, new.run_id)
    row = await run_rows.find_run(connection, new.run_id)
    if row is None:
        raise run_not_found(new.run_id)
    writer = await find_writer(connection, new.run_id, record)
    if is_applied(record, writer):
        return row
    if not await _is_in_experiment(connection, row, new):
        raise Failure(
            Reason.RUN_EXISTS,
            f"run {new.run_id} exists in experiment {row.experiment_id}; use that experiment, or"
            " another run id",
            run_id=new.run_id,
            experiment_id=row.experiment_id,
        )
    if not active:
        raise run_deleted(new.run_id)
    await advance(connection, new.run_id, record, writer)
    return row


async def _is_in_experiment(connection: AsyncConnection, row: RunRow, new: NewRun) -> bool:
    if new.experiment_id is not None:
        return row.experiment_id == new.experiment_id
    experiment = await experiment_rows.find_by_name(connection, new.experiment_name)
    return experiment is not None and experiment.experiment_id == row.experiment_id
