"""The keys that experiments use, and when runs' newest points were committed."""

from typing import Final

import sqlalchemy as sa
from alembic.operations import Operations

__all__ = ["VERSION", "upgrade"]

VERSION: Final = "0002"

_TEXT: Final = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
_SERIAL: Final = sa.BigInteger().with_variant(sa.Integer(), "sqlite")

_SOURCES: Final = ((1, "params"), (2, "tags"), (3, "series"))
"""The kinds of keys, and the tables that hold them."""


def upgrade(op: Operations) -> None:
    """Makes both, and fills them from what is there."""
    op.create_table(
        "experiment_keys",
        sa.Column("experiment_id", _SERIAL, primary_key=True),
        sa.Column("kind", sa.SmallInteger, primary_key=True),
        sa.Column("key", _TEXT, primary_key=True),
    )
    runs = sa.table("runs", sa.column("run_id"), sa.column("experiment_id"))
    keys = sa.table("experiment_keys", *map(sa.column, ("experiment_id", "kind", "key")))
    for kind, name in _SOURCES:
        source = sa.table(name, sa.column("run_id"), sa.column("key"))
        number: sa.ColumnElement[int] = sa.literal_column(str(kind))
        found = sa.select(runs.c.experiment_id, number, source.c.key).distinct()
        found = found.join_from(runs, source, source.c.run_id == runs.c.run_id)
        op.execute(sa.insert(keys).from_select(["experiment_id", "kind", "key"], found))
    op.add_column("log_heads", sa.Column("last_commit_time_us", sa.BigInteger))
    # A log of which nothing is left does not tell any more.
    batches = sa.table("log_batches", sa.column("run_id"), sa.column("commit_time_us"))
    heads = sa.table("log_heads", sa.column("run_id"), sa.column("last_commit_time_us"))
    newest = sa.select(sa.func.max(batches.c.commit_time_us)).where(
        batches.c.run_id == heads.c.run_id
    )
    op.execute(sa.update(heads).values(last_commit_time_us=newest.scalar_subquery()))
