"""Ends the runs that are open when the process ends.

`atexit` does not tell how a process ends, so the hooks note what comes before: an uncaught
exception (`sys.excepthook`), or `sys.exit`. An exit that was caught, so that the program went on
and logged more, does not count. In the children of `multiprocessing`, which do not run `atexit`,
its own finalizers do it, while the exception that ends the process is still at hand.
"""

import atexit
import os
import sys
import threading
from types import TracebackType
from typing import TYPE_CHECKING, Final, NoReturn

from runstream._fluent.endings import FINISHED, describe, status_of, status_of_exit
from runstream._fluent.session import Session

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["ExitHooks", "install"]

_FINALIZER_PRIORITY: Final = 10


class ExitHooks:
    """Notes how the process is about to end."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._uncaught: BaseException | None = None
        self._exit_code: object = None
        self._logged_at_exit = -1
        self._excepthook: Callable[..., object] = sys.__excepthook__
        self._exit: Callable[..., NoReturn] = sys.exit
        self._finalized_pid = 0

    def install(self) -> None:
        """Puts the hooks in front of those that are there."""
        self._excepthook, sys.excepthook = sys.excepthook, self._note_uncaught
        self._exit, sys.exit = sys.exit, self._note_exit
        atexit.register(self.end_open_runs)

    def install_finalizer(self) -> None:
        """Makes `multiprocessing` end the open runs of this child of it.

        A forked child runs none of the finalizers that it inherits, so each has its own.
        """
        from multiprocessing import util

        if self._finalized_pid != os.getpid():
            self._finalized_pid = os.getpid()
            end = self._end_with_current_error
            util.Finalize(None, end, exitpriority=_FINALIZER_PRIORITY)

    def end_open_runs(self, error: BaseException | None = None) -> None:
        """Ends the open runs as the process ends."""
        error = error or self._uncaught
        status, message = status_of(error), describe(error)
        if error is None and self._logged_at_exit == self._logged():
            status = status_of_exit(self._exit_code)
            message = "" if status == FINISHED else f"sys.exit({self._exit_code!r:.1000})"
        try:
            for run in self._session.open_runs():
                run.finish(status, message=message)
        except KeyboardInterrupt:
            # finish() has said what is not delivered; the process ends either way.
            return

    def _end_with_current_error(self) -> None:
        self.end_open_runs(sys.exc_info()[1])

    def _logged(self) -> int:
        return sum(run.logged for run in self._session.open_runs())

    def _note_uncaught(
        self,
        kind: type[BaseException],
        error: BaseException,
        traceback: TracebackType | None,
    ) -> None:
        self._uncaught = error
        self._excepthook(kind, error, traceback)

    def _note_exit(self, status: object = None, /) -> NoReturn:
        if threading.current_thread() is threading.main_thread():
            self._exit_code, self._logged_at_exit = status, self._logged()
        self._exit(status)


_installed: list[ExitHooks] = []
_lock = threading.Lock()


def install(session: Session) -> None:
    """Sees to it that open runs end with the process. Installing again does nothing."""
    with _lock:
        if not _installed:
            _installed.append(ExitHooks(session))
            _installed[0].install()
    process = sys.modules.get("multiprocessing.process")
    if process is not None and process.parent_process() is not None:
        _installed[0].install_finalizer()
