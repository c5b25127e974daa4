"""Queries on the keys that experiments use.

They are kept apart because to find the distinct ones among millions of params or series takes
seconds. A key stays when the last run that had it loses it.
"""

from collections.abc import Collection, Sequence
from enum import IntEnum
from typing import Final

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from runstream_server.storage.schema import experiment_keys, runs
from runstream_server.storage.upserts import insert_into

__all__ = ["KeyKind", "keys_in_use", "note_keys"]

_LAST_CHARACTERS: Final = "\U0010ffff" * 250
"""No key is longer."""


class KeyKind(IntEnum):
    """What keys belong to, with the numbers of the contract's enum."""

    PARAM = 1
    TAG = 2
    METRIC = 3


async def note_keys(
    connection: AsyncConnection, run_id: str, kind: KeyKind, keys: Collection[str]
) -> None:
    """Adds keys that a stored run uses to those of its experiment."""
    if not keys:
        return
    query = insert_into(connection, experiment_keys).from_select(
        ["experiment_id", "kind", "key"],
        sa.select(
            runs.c.experiment_id,
            sa.bindparam("of_kind", type_=sa.SmallInteger),
            sa.bindparam("of_key", type_=sa.Text),
        ).where(runs.c.run_id == sa.bindparam("of_run")),
    )
    # In one order, so that two writers cannot wait for each other in a circle.
    rows = [{"of_run": run_id, "of_kind": int(kind), "of_key": key} for key in sorted(keys)]
    await connection.execute(query.on_conflict_do_nothing(), rows)


async def keys_in_use(
    connection: AsyncConnection,
    experiment_ids: Sequence[int],
    kind: KeyKind,
    *,
    prefix: str,
    after: str | None,
    limit: int,
) -> list[str]:
    """Returns keys of experiments, or of all when none are named, each once, by code points."""
    key = experiment_keys.c.key
    query = sa.select(key).distinct().where(experiment_keys.c.kind == int(kind))
    if experiment_ids:
        query = query.where(experiment_keys.c.experiment_id.in_(experiment_ids))
    if prefix:
        query = query.where(key >= prefix, key <= prefix + _LAST_CHARACTERS)
    if after is not None:
        query = query.where(key > after)
    return list((await connection.execute(query.order_by(key).limit(limit))).scalars())
