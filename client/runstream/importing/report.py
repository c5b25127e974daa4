"""What an import has done so far, counted by several threads."""

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field

__all__ = ["Placed", "Report"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Placed:
    """Where an experiment went.

    Attributes:
        how: `same id`, `new id`, `merged`, `renamed`, or `there already`.
    """

    source_id: str
    source_name: str
    experiment_id: str
    name: str
    how: str


@dataclass(slots=True)
class Report:
    """Counts what was moved, and keeps what could not be.

    Attributes:
        present: Runs that an earlier import had completed.
        problems: What could not be moved, and why.
        notes: What is worth knowing, and no failure.
        elsewhere: How many runs and models have artifacts that were not copied, by their place.
    """

    total_runs: int = 0
    runs: int = 0
    present: int = 0
    models: int = 0
    params: int = 0
    tags: int = 0
    points: int = 0
    inputs: int = 0
    files: int = 0
    file_bytes: int = 0
    seconds: float = 0.0
    placed: list[Placed] = field(default_factory=list[Placed])
    problems: list[str] = field(default_factory=list[str])
    notes: list[str] = field(default_factory=list[str])
    elsewhere: dict[str, int] = field(default_factory=dict[str, int])
    _changed: Callable[["Report"], None] = field(default=lambda _: None, repr=False)
    _lock: threading.Lock = field(default_factory=threading.Lock, repr=False)
    _start: float = field(default_factory=time.monotonic, repr=False)

    @property
    def complete(self) -> bool:
        """Whether everything was moved."""
        return not (self.problems or self.elsewhere)

    def add(self, **counts: int) -> None:
        """Adds to counts by their names."""
        with self._lock:
            for name, count in counts.items():
                setattr(self, name, getattr(self, name) + count)
            self.seconds = time.monotonic() - self._start
            self._changed(self)

    def problem(self, text: str) -> None:
        """Takes note of what could not be moved."""
        with self._lock:
            self.problems.append(text)

    def note(self, text: str) -> None:
        """Takes note of what is worth knowing, once."""
        with self._lock:
            if text not in self.notes:
                self.notes.append(text)

    def left_elsewhere(self, place: str) -> None:
        """Takes note of artifacts that were not copied."""
        with self._lock:
            self.elsewhere[place] = self.elsewhere.get(place, 0) + 1
