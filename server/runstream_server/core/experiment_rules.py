"""What must be so of experiments before something is done with them, inside a transaction."""

from collections.abc import Collection, Mapping

from sqlalchemy.ext.asyncio import AsyncConnection

from runstream_server.core.clock import now_us
from runstream_server.core.errors import Failure, Reason
from runstream_server.core.validation import check_experiment_name
from runstream_server.storage import experiment_rows
from runstream_server.storage.experiment_rows import ExperimentRow

__all__ = [
    "experiment_for_new_run",
    "id_taken",
    "lock_active",
    "name_taken",
    "require",
    "require_name",
    "require_tags",
]


async def experiment_for_new_run(
    connection: AsyncConnection,
    *,
    experiment_id: int | None = None,
    name: str = "",
    default_root: str = "",
) -> ExperimentRow:
    """Returns the active experiment with an id, or else with a name.

    It stays active until the transaction ends. One that is asked for by name is created when there
    is none, with its artifacts below `default_root`, if that is given.

    Raises:
        Failure: EXPERIMENT_NOT_FOUND or EXPERIMENT_DELETED.
    """
    if experiment_id is not None:
        row = await require(connection, experiment_id, share=True)
    else:
        check_experiment_name("experiment_name", name)
        found = await experiment_rows.find_by_name(connection, name, share=True)
        row = found or await _create_or_require(connection, name, default_root)
    if not row.active:
        raise _deleted(row)
    return row


def require_tags(owner: str, keys: Collection[str], stored: Mapping[str, str]) -> None:
    """Raises TAG_NOT_FOUND unless all keys are stored."""
    for key in keys:
        if key not in stored:
            raise Failure(
                Reason.TAG_NOT_FOUND,
                f"{owner} has no tag {key!r}; name only tags that it has. Nothing was deleted",
                key=key,
            )


async def require(
    connection: AsyncConnection, experiment_id: int, *, lock: bool = False, share: bool = False
) -> ExperimentRow:
    """Returns an experiment; locks it to change it, or shares it to keep it as it is.

    Raises:
        Failure: EXPERIMENT_NOT_FOUND.
    """
    row = await experiment_rows.find_by_id(connection, experiment_id, lock=lock, share=share)
    if row is None:
        raise Failure(
            Reason.EXPERIMENT_NOT_FOUND,
            f"there is no experiment {experiment_id}; search experiments for the ids that exist",
            experiment_id=experiment_id,
        )
    return row


async def require_name(
    connection: AsyncConnection, name: str, *, share: bool = False
) -> ExperimentRow:
    """Returns the experiment with a name; shares it to keep it as it is.

    Raises:
        Failure: EXPERIMENT_NOT_FOUND.
    """
    row = await experiment_rows.find_by_name(connection, name, share=share)
    if row is None:
        raise Failure(
            Reason.EXPERIMENT_NOT_FOUND,
            f"there is no experiment named {name!r}; create it, or search experiments for the names"
            " that exist",
            name=name,
        )
    return row


async def _create_or_require(
    connection: AsyncConnection, name: str, default_root: str
) -> ExperimentRow:
    row = await experiment_rows.insert(connection, name, "", now_us(), default_root)
    return row or await require_name(connection, name, share=True)


async def lock_active(connection: AsyncConnection, experiment_id: int) -> ExperimentRow:
    """Locks an active experiment to change it.

    Raises:
        Failure: EXPERIMENT_NOT_FOUND or EXPERIMENT_DELETED.
    """
    row = await require(connection, experiment_id, lock=True)
    if not row.active:
        raise _deleted(row)
    return row


def _deleted(row: ExperimentRow) -> Failure:
    return Failure(
        Reason.EXPERIMENT_DELETED,
        f"experiment {row.experiment_id} ({row.name!r}) is deleted; restore it first",
        experiment_id=row.experiment_id,
    )


def name_taken(row: ExperimentRow) -> Failure:
    """Returns the failure of a request that wants the name of an experiment for another one."""
    state = "" if row.active else "deleted "
    remedy = "use another name" if row.active else "restore it or use another name"
    return Failure(
        Reason.EXPERIMENT_EXISTS,
        f"the name {row.name!r} belongs to the {state}experiment {row.experiment_id}; {remedy}",
        name=row.name,
        experiment_id=row.experiment_id,
    )


def id_taken(row: ExperimentRow) -> Failure:
    """Returns the failure of a request that wants the id of an experiment for another one."""
    return Failure(
        Reason.EXPERIMENT_EXISTS,
        f"the id {row.experiment_id} belongs to the experiment {row.name!r}; wish for another id,"
        " or for none",
        name=row.name,
        experiment_id=row.experiment_id,
    )
