"""Changes of the schema, one module each, in order: `v0001` made the first one.

A released module is never edited: databases exist that it made. A change of the schema is a new
module, a new line in `REVISIONS`, and the new `SCHEMA_VERSION` in storage.schema; tests check that
all of them together make what storage.schema says. Modules get Alembic's operations, which for
SQLite know how to copy a table that cannot be altered (`op.batch_alter_table`).
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from alembic.operations import Operations
from alembic.runtime.migration import MigrationContext
from sqlalchemy import Connection

from runstream_server.storage.migrations import v0001, v0002

__all__ = ["REVISIONS", "Revision", "apply"]


@dataclass(frozen=True, slots=True)
class Revision:
    """One change: the version that it leads to, and what it does."""

    version: str
    upgrade: Callable[[Operations], None]


REVISIONS: Final = (
    Revision(v0001.VERSION, v0001.upgrade),
    Revision(v0002.VERSION, v0002.upgrade),
)


def apply(connection: Connection, current: str, revisions: Sequence[Revision] = REVISIONS) -> str:
    """Applies all revisions after `current`, in the caller's transaction; returns the last one."""
    operations = Operations(MigrationContext.configure(connection))
    for revision in revisions:
        if revision.version > current:
            revision.upgrade(operations)
            current = revision.version
    return current
