"""Who has a param or a tag with a value: found through the index on values.

An engine's guess at how many that are decides between milliseconds and seconds, and SQLite has
nothing to guess from. So a condition that uses holders never decides where the engine begins; a
search counts them and decides itself, see storage.search_pages.
"""

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from runstream_server.storage.schema import INDEXED_VALUE_CHARS, value_prefix

__all__ = ["Holders", "holders", "unindexed"]


@dataclass(frozen=True, slots=True)
class Holders:
    """Those that have some value: a query for their ids, and the condition to be one of them."""

    ids: sa.Select[Any]
    condition: sa.ColumnElement[bool]


def holders(table: sa.Table, owner: sa.Column[Any], key: str, values: Collection[str]) -> Holders:
    """Returns those that have a key with one of these values in a table of params or tags.

    Args:
        table: The table, with the columns `key`, `value`, and the owner's id under its own name.
        owner: The id in the table of what is searched for.
        key: The key.
        values: The values.
    """
    conditions = [
        table.c.key == key,
        value_prefix(table.c.value).in_({value[:INDEXED_VALUE_CHARS] for value in values}),
    ]
    if any(len(value) >= INDEXED_VALUE_CHARS for value in values):
        # Compared as it is, a column that must equal a constant is replaced by it everywhere, and
        # SQLite does not recognise the index's expression any more.
        conditions.append(table.c.value.concat("").in_(values))
    ids = sa.select(table.c[owner.name]).where(*conditions)
    return Holders(ids, unindexed(owner).in_(ids))


def unindexed(column: sa.Column[Any]) -> sa.ColumnElement[Any]:
    """Returns the column as an expression for which the engine uses no index."""
    return sa.func.coalesce(column, column)
