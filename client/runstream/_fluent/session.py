"""What this process has set, and which of its runs are open."""

import os
import threading
from collections import Counter
from typing import TYPE_CHECKING, Final

from runstream._tracking_uri import DEFAULT_TRACKING_URI, TrackingUri
from runstream.errors import InvalidValue

if TYPE_CHECKING:
    from runstream._fluent.run import ActiveRun

__all__ = ["Session", "finish_timeout_s", "session"]

DEFAULT_EXPERIMENT: Final = "Default"
DEFAULT_FINISH_TIMEOUT_S: Final = 30.0


class Session:
    """Holds the settings and the open runs of a process. Every method may be called anywhere."""

    def __init__(self) -> None:
        self._lock = threading.RLock()
        self._tracking_uri: TrackingUri | None = None
        self._experiment = ""
        self._open: list[tuple[int, ActiveRun]] = []
        self._starts: Counter[tuple[str, ...]] = Counter()
        self._taken_run_ids: set[str] = set()

    @property
    def tracking_uri(self) -> TrackingUri:
        """The URI that was set, else that of `RUNSTREAM_TRACKING_URI`, else the default.

        Raises:
            InvalidValue: if the variable holds none.
        """
        if self._tracking_uri is not None:
            return self._tracking_uri
        return TrackingUri.parse(os.environ.get("RUNSTREAM_TRACKING_URI") or DEFAULT_TRACKING_URI)

    @tracking_uri.setter
    def tracking_uri(self, uri: TrackingUri | None) -> None:
        self._tracking_uri = uri

    @property
    def experiment(self) -> str:
        """The experiment that was set, else `RUNSTREAM_EXPERIMENT_NAME`, else `Default`."""
        return self._experiment or os.environ.get("RUNSTREAM_EXPERIMENT_NAME") or DEFAULT_EXPERIMENT

    @experiment.setter
    def experiment(self, name: str) -> None:
        self._experiment = name

    def count_start(self, *of: str) -> int:
        """Returns how often it was called with these before."""
        with self._lock:
            self._starts[of] += 1
            return self._starts[of] - 1

    def take_configured_run_id(self) -> str | None:
        """Returns `RUNSTREAM_RUN_ID` for the first run that asks; it names one run only."""
        run_id = os.environ.get("RUNSTREAM_RUN_ID")
        with self._lock:
            if not run_id or run_id in self._taken_run_ids:
                return None
            self._taken_run_ids.add(run_id)
            return run_id

    def opened(self, run: "ActiveRun") -> None:
        """Makes a run the innermost one of this thread."""
        with self._lock:
            self._open.append((threading.get_ident(), run))

    def closed(self, run: "ActiveRun") -> None:
        """Takes a run out."""
        with self._lock:
            self._open = [(thread, other) for thread, other in self._open if other is not run]

    def own_run(self) -> "ActiveRun | None":
        """Returns the innermost open run that this thread has started."""
        thread = threading.get_ident()
        with self._lock:
            return next((run for owner, run in reversed(self._open) if owner == thread), None)

    def active_run(self) -> "ActiveRun | None":
        """Returns this thread's innermost run, else the latest that is open in any thread."""
        own = self.own_run()
        if own is not None:
            return own
        with self._lock:
            return self._open[-1][1] if self._open else None

    def open_runs(self) -> "list[ActiveRun]":
        """Returns the open runs, the latest first."""
        with self._lock:
            return [run for _, run in reversed(self._open)]

    def renew_locks(self) -> None:
        """Forgets who held a lock: in a forked child, that thread is not there."""
        self._lock = threading.RLock()
        for _, run in self._open:
            run.renew_lock()


def finish_timeout_s() -> float:
    """Returns `RUNSTREAM_FINISH_TIMEOUT`: how long a run's end waits for delivery, in seconds.

    Raises:
        InvalidValue: if it is not a number of seconds.
    """
    text = os.environ.get("RUNSTREAM_FINISH_TIMEOUT", "").strip()
    if not text:
        return DEFAULT_FINISH_TIMEOUT_S
    try:
        seconds = float(text)
    except ValueError:
        seconds = -1.0
    if not 0 <= seconds < float("inf"):
        raise InvalidValue(
            f"RUNSTREAM_FINISH_TIMEOUT is {text!r}: set it to a number of seconds, 0 to not wait"
        )
    return seconds


session: Final = Session()
"""This process's."""

os.register_at_fork(after_in_child=session.renew_locks)
