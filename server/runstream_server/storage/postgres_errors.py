"""What PostgreSQL's errors mean: https://www.postgresql.org/docs/current/errcodes-appendix.html."""

from typing import Final

import asyncpg
from sqlalchemy.exc import DBAPIError

__all__ = ["is_full", "is_retryable", "sqlstate_of", "unavailable"]

RETRYABLE: Final = frozenset({"40001", "40P01"})
"""Undone because of another transaction: serialization failure, deadlock."""
UNAVAILABLE_CLASSES: Final = ("08", "53", "57P", "58", "55P03", "57014")
"""Connections, resources, shutdown and start-up, the system's errors, waits that took too long."""
FULL: Final = "53100"


def sqlstate_of(error: BaseException | None) -> str:
    """Returns the five characters of the first of an error and its causes that has some."""
    while error is not None:
        state = getattr(error, "sqlstate", None)
        if isinstance(state, str):
            return state
        original = error.orig if isinstance(error, DBAPIError) else None
        error = original or error.__cause__
    return ""


def is_retryable(error: DBAPIError) -> bool:
    """Whether a transaction that failed so was undone, and may succeed when it is tried again."""
    return sqlstate_of(error) in RETRYABLE or error.connection_invalidated


def is_full(error: BaseException) -> bool:
    """Whether the database has no room left."""
    return sqlstate_of(error) == FULL


def unavailable(error: BaseException) -> bool:
    """Whether an error says that the database does not answer, rather than that we are wrong."""
    if sqlstate_of(error).startswith(UNAVAILABLE_CLASSES):
        return True
    if isinstance(error, DBAPIError):
        return error.connection_invalidated
    return isinstance(error, OSError | TimeoutError | asyncpg.InterfaceError)
