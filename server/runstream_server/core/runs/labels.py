"""Params, tags, and the columns that are the same text as a tag."""

from collections.abc import Collection, Mapping
from typing import Final

from sqlalchemy.ext.asyncio import AsyncConnection

from runstream_server.core import reserved_tags
from runstream_server.core.clock import now_us
from runstream_server.core.errors import Failure, Reason
from runstream_server.core.experiment_rules import require_tags
from runstream_server.core.limits import (
    MAX_PARAM_VALUE_LENGTH,
    MAX_RUN_NAME_LENGTH,
    MAX_TAG_VALUE_LENGTH,
)
from runstream_server.core.validation import (
    check_labels,
    check_storable,
    check_text,
    invalid_value,
    missing_value,
)
from runstream_server.storage import label_rows
from runstream_server.storage.run_rows import update_run

__all__ = ["check_params", "check_run_name", "check_tags", "delete_tags", "log_params", "set_tags"]

_COLUMNS: Final = {reserved_tags.RUN_NAME: "name", reserved_tags.USER: "user_id"}
"""Columns of the table `runs` that repeat a tag, for searches."""


def check_params(params: Mapping[str, str]) -> None:
    """Checks params before they are written."""
    check_labels("params", params, MAX_PARAM_VALUE_LENGTH)


def check_tags(tags: Mapping[str, str]) -> None:
    """Checks tags before they are set."""
    check_labels("tags", tags, MAX_TAG_VALUE_LENGTH)
    if reserved_tags.RUN_NAME in tags:
        check_run_name(f"tags[{reserved_tags.RUN_NAME!r}]", tags[reserved_tags.RUN_NAME])


def check_run_name(field: str, name: str) -> None:
    """Checks a run's name, which is the tag `mlflow.runName` as well."""
    if not name:
        raise missing_value(field, f"name the run by 1 to {MAX_RUN_NAME_LENGTH} characters")
    check_text(field, name, MAX_RUN_NAME_LENGTH)


async def log_params(connection: AsyncConnection, run_id: str, params: Mapping[str, str]) -> None:
    """Writes params to a run that the caller has locked.

    Raises:
        Failure: PARAM_CONFLICT when one of them has another value already; none is written then.
    """
    stored = await label_rows.stored_params(connection, run_id, params)
    for key, value in stored.items():
        if value != params[key]:
            raise Failure(
                Reason.PARAM_CONFLICT,
                f"the param {key!r} of run {run_id} is {_shown(value)} and cannot become"
                f" {_shown(params[key])}; a param is written once: use another key, or a tag. No"
                " param of this request was written",
                key=key,
                stored=value,
                given=params[key],
            )
    new = {key: value for key, value in params.items() if key not in stored}
    if new:
        await label_rows.insert_params(connection, run_id, new)
        await update_run(connection, run_id, update_time_us=now_us())


async def set_tags(connection: AsyncConnection, run_id: str, tags: Mapping[str, str]) -> None:
    """Sets tags of a run that the caller has locked, over those of the same key."""
    stored = await label_rows.stored_tags(connection, run_id, tags)
    changed = {key: value for key, value in tags.items() if stored.get(key) != value}
    if changed:
        await label_rows.set_tags(connection, run_id, changed)
        columns = {_COLUMNS[key]: value for key, value in changed.items() if key in _COLUMNS}
        await update_run(connection, run_id, update_time_us=now_us(), **columns)


async def delete_tags(connection: AsyncConnection, run_id: str, keys: Collection[str]) -> None:
    """Deletes tags of a run that the caller has locked.

    Raises:
        Failure: TAG_NOT_FOUND when the run lacks one, INVALID_VALUE for the one that holds its
            name, or that cannot be stored; none is deleted then.
    """
    if reserved_tags.RUN_NAME in keys:
        remedy = "it holds the run's name, which every run has; set it to another one instead"
        raise invalid_value("keys", reserved_tags.RUN_NAME, remedy)
    for key in keys:
        check_storable("keys", key)
    stored = await label_rows.stored_tags(connection, run_id, keys)
    require_tags(f"run {run_id}", keys, stored)
    await label_rows.delete_tags(connection, run_id, keys)
    columns = {_COLUMNS[key]: "" for key in keys if key in _COLUMNS}
    await update_run(connection, run_id, update_time_us=now_us(), **columns)


def _shown(value: str, limit: int = 100) -> str:
    return repr(value if len(value) <= limit else value[: limit - 1] + "…")
