"""How what a program ended with becomes the status of its runs."""

import signal
import sys
from typing import Final

from runstream.errors import InvalidValue

__all__ = ["FAILED", "FINISHED", "KILLED", "checked_status", "describe", "status_of"]

FINISHED: Final = "FINISHED"
FAILED: Final = "FAILED"
KILLED: Final = "KILLED"

_SIGNAL_CODES: Final = frozenset({128 + signal.SIGINT, 128 + signal.SIGTERM})
"""What shells make of a signal, and programs that turn one into `SystemExit`."""


def checked_status(status: str) -> str:
    """Returns the status of an ended run.

    Raises:
        InvalidValue: if it is none.
    """
    if status not in {FINISHED, FAILED, KILLED}:
        raise InvalidValue(f"a run cannot end as {status!r}: use FINISHED, FAILED or KILLED")
    return str(status)


def status_of(error: BaseException | None) -> str:
    """Returns the status of a run that an exception, or none, has ended."""
    match error:
        case None | GeneratorExit():
            return FINISHED
        case SystemExit():
            return status_of_exit(error.code)
        case KeyboardInterrupt():
            return KILLED
        case _:
            return KILLED if _is_cancelled(error) else FAILED


def status_of_exit(code: object) -> str:
    """Returns the status of a run that `sys.exit(code)` has ended."""
    if code is None or code == 0:
        return FINISHED
    return KILLED if code in _SIGNAL_CODES else FAILED


def describe(error: BaseException | None) -> str:
    """Returns what a run's writer says about its end: the traceback, or nothing."""
    if error is None or status_of(error) == FINISHED:
        return ""
    import traceback

    return "".join(traceback.format_exception(error)).strip()


def _is_cancelled(error: BaseException) -> bool:
    # Ctrl-C in asyncio.run reaches the coroutine as this.
    asyncio = sys.modules.get("asyncio.exceptions")
    return asyncio is not None and isinstance(error, asyncio.CancelledError)
