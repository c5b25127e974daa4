"""How much processor time programs use, with all the processes that they start."""

import os
import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Self

__all__ = ["ProcessorTime", "spool_users", "tree_seconds"]

TICKS_PER_S = os.sysconf("SC_CLK_TCK")
LOOK_EVERY_S = 0.1


@dataclass(frozen=True, slots=True)
class _Used:
    parent: int
    own: float
    of_ended_children: float


def _used(pid: int) -> _Used | None:
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return None
    own, children = int(fields[11]) + int(fields[12]), int(fields[13]) + int(fields[14])
    return _Used(int(fields[1]), own / TICKS_PER_S, children / TICKS_PER_S)


def tree_seconds(root: int) -> float:
    """Returns what a process and all that descend from it have used, ended ones included."""
    processes = {
        int(entry.name): used
        for entry in Path("/proc").iterdir()
        if entry.name.isdigit() and (used := _used(int(entry.name))) is not None
    }
    total, waiting = 0.0, [root]
    while waiting:
        pid = waiting.pop()
        if (used := processes.get(pid)) is not None:
            total += used.own + used.of_ended_children
            waiting += [child for child, one in processes.items() if one.parent == pid]
    return total


def spool_users(spool: str) -> Callable[[], list[int]]:
    """Returns what finds the processes that log into a spool, or ship it."""
    mark = f"RUNSTREAM_SPOOL_DIR={spool}\0".encode()

    def find() -> list[int]:
        found: list[int] = []
        for entry in Path("/proc").iterdir():
            try:
                if entry.name.isdigit() and mark in (entry / "environ").read_bytes() + b"\0":
                    found.append(int(entry.name))
            except OSError:
                continue  # it has ended, or is somebody else's
        return found

    return find


class ProcessorTime:
    """Adds up what processes use that come and go; a context manager.

    Looks ten times a second, so that the last tenth of a second of each is missed.
    """

    def __init__(self, find: Callable[[], list[int]]) -> None:
        self._find = find
        self._used: dict[int, float] = {}
        self._end = threading.Event()
        self._thread = threading.Thread(target=self._look, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._end.set()
        self._thread.join()

    @property
    def seconds(self) -> float:
        """What all of them have used so far."""
        return sum(self._used.values())

    def _look(self) -> None:
        while not self._end.wait(LOOK_EVERY_S):
            for pid in self._find():
                used = _used(pid)
                if used is not None:
                    self._used[pid] = used.own
