"""What an exception that is no Failure means to a client: the machine's trouble, or a defect."""

import errno
from typing import Final, cast

from sqlalchemy import exc

from runstream_server.core.errors import Failure, Reason
from runstream_server.objects.errors import StorageError, StorageFull
from runstream_server.storage.database import DatabaseFull

__all__ = ["failure_in"]

STORAGE_RETRY_DELAY_S: Final = 1.0
FULL_ERRNOS: Final = frozenset({errno.ENOSPC, errno.EDQUOT})
SQLITE_FULL: Final = "database or disk is full"


def failure_in(error: BaseException) -> Failure | None:
    """Returns the failure that `error` is, wraps or stands for; None for a defect of the server."""
    if isinstance(error, Failure):
        return error
    if isinstance(error, BaseExceptionGroup):
        group = cast("BaseExceptionGroup[BaseException]", error)
        failures = (failure_in(inner) for inner in group.exceptions)
        return next((failure for failure in failures if failure is not None), None)
    if isinstance(error, StorageFull) or _says_full(error):
        return Failure(
            Reason.STORAGE_FULL,
            "the server's disk is full and nothing was stored; free space there, then try again",
        )
    if isinstance(error, StorageError | exc.OperationalError | exc.TimeoutError):
        return Failure(
            Reason.STORAGE_UNAVAILABLE,
            "the server's database or artifact store does not answer; try again",
            retry_delay_s=STORAGE_RETRY_DELAY_S,
        )
    return None


def _says_full(error: BaseException) -> bool:
    if isinstance(error, OSError):
        return error.errno in FULL_ERRNOS
    if isinstance(error, DatabaseFull):
        return True
    return isinstance(error, exc.OperationalError) and SQLITE_FULL in str(error.orig)
