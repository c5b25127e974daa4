"""Shows on stderr how far an import is, if somebody looks."""

import sys
import time
from typing import TYPE_CHECKING, Final, Self

if TYPE_CHECKING:
    from rich.progress import Progress, TaskID

    from runstream.importing.report import Report

__all__ = ["ImportProgress"]

INTERVAL_S: Final = 0.1


class ImportProgress:
    """A bar where rich is installed, else one line that is overwritten. Nothing for a file."""

    def __init__(self) -> None:
        self._is_terminal = sys.stderr.isatty()
        self._bar: Progress | None = None
        self._task: TaskID | None = None
        self._next = 0.0
        self._open = False

    def __enter__(self) -> Self:
        if self._is_terminal:
            self._bar = _bar()
            if self._bar is not None:
                self._bar.start()
                self._task = self._bar.add_task("", total=None)
        return self

    def __exit__(self, *_: object) -> None:
        if self._bar is not None:
            self._bar.stop()
        elif self._open:
            sys.stderr.write("\n")

    def show(self, report: "Report") -> None:
        """Shows what has been done, now and then."""
        now = time.monotonic()
        if not self._is_terminal or now < self._next:
            return
        self._next = now + INTERVAL_S
        done = report.runs + report.present
        rate = report.points / report.seconds if report.seconds else 0.0
        rest = f"{report.points:,} points ({rate:,.0f}/s), {report.files:,} files"
        if self._bar is not None and self._task is not None:
            self._bar.update(
                self._task, total=report.total_runs or None, completed=done, description=rest
            )
            return
        sys.stderr.write(f"\r{done:,} of {report.total_runs:,} runs, {rest}\x1b[K")
        sys.stderr.flush()
        self._open = True


def _bar() -> "Progress | None":
    try:
        from rich.console import Console
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn
    except ImportError:
        return None
    return Progress(
        TextColumn("runs"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.description}"),
        console=Console(stderr=True),
    )
