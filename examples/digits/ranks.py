"""Several processes that train one model: started here, and averaging through shared memory.

They find their rank as under any launcher: in the environment (`RANK`, `WORLD_SIZE`).
"""

import ctypes
import multiprocessing
import os
import signal
import sys
import threading
from collections.abc import Callable
from multiprocessing.connection import wait
from multiprocessing.context import SpawnProcess
from multiprocessing.synchronize import Barrier
from typing import Any

import numpy as np

from digits.mlp import Array

# Long enough for a machine that is busy with other things.
BARRIER_TIMEOUT_S = 120.0
# A rank that is stopped ends its run, and delivers what it has logged.
STOP_TIMEOUT_S = 10.0
SIGNALLED = 128
"""Beyond it, an exit code tells which signal has ended a process."""


class Ranks:
    """One rank's view of all of them.

    Ctrl-C and SIGTERM end a rank while it exchanges something: anywhere else in there, an exception
    would leave locks in disorder that all of them share.

    Attributes:
        rank: Which one this is, from 0.
        world_size: How many there are.
    """

    def __init__(self, rank: int, world_size: int, barrier: Barrier, shared: Any) -> None:  # noqa: ANN401 - ctypes' array
        self.rank = rank
        self.world_size = world_size
        self._barrier = barrier
        self._shared = shared
        self._calls = 0
        self._signal = 0

    def all_gather(self, values: Array) -> Array:
        """Returns what every rank passed, (ranks, values), in all of them the same.

        Raises:
            SystemExit: This rank is to stop.
            threading.BrokenBarrierError: Another rank failed or does not come.
        """
        # Two slots take turns: a rank that writes the next one cannot disturb a slower reader.
        slots = np.frombuffer(self._shared, np.float32).reshape(2, self.world_size, -1)
        slot = slots[self._calls % 2, :, : len(values)]
        self._calls += 1
        slot[self.rank] = values
        try:
            if self._signal:
                self._barrier.abort()
            self._barrier.wait(BARRIER_TIMEOUT_S)
        except threading.BrokenBarrierError:
            if self._signal:
                raise SystemExit(SIGNALLED + self._signal) from None
            raise
        return slot.copy()

    def mean(self, values: Array) -> Array:
        """Returns the average over all ranks, to the bit the same in all of them."""
        average: Array = self.all_gather(values).mean(axis=0)
        return average

    def same(self, values: Array) -> bool:
        """Tells whether all ranks hold the same bits."""
        bits = self.all_gather(values).view(np.uint32)
        return bool((bits == bits[0]).all())

    def call(self, work: Callable[..., None], *arguments: object) -> None:
        """Does a rank's work in its own process."""
        signal.signal(signal.SIGINT, self._note_signal)
        signal.signal(signal.SIGTERM, self._note_signal)
        work(self, *arguments)

    def _note_signal(self, number: int, _: object) -> None:
        if self._signal:
            raise SystemExit(SIGNALLED + number)
        self._signal = number


def run_ranks(
    work: Callable[..., None], arguments: tuple[object, ...], *, world_size: int, capacity: int
) -> int:
    """Calls `work(ranks, *arguments)` in so many new processes, waits, and ends all if one fails.

    Args:
        work: What each of them does; a function of a module.
        arguments: What it is told, beside its `Ranks`.
        world_size: How many processes there are.
        capacity: The greatest number of values that they exchange at once.

    Returns:
        The exit code of the first that failed, else 0.
    """
    context = multiprocessing.get_context("spawn")
    barrier = context.Barrier(world_size)
    shared = context.RawArray(ctypes.c_float, 2 * world_size * capacity)
    processes: list[SpawnProcess] = []
    # As torchrun does: these say who is who, and each process has one core's worth of work.
    size = str(world_size)
    os.environ.update(WORLD_SIZE=size, LOCAL_WORLD_SIZE=size, OMP_NUM_THREADS="1")
    signal.signal(signal.SIGTERM, lambda number, _: sys.exit(SIGNALLED + number))
    try:
        for rank in range(world_size):
            os.environ.update(RANK=str(rank), LOCAL_RANK=str(rank))
            ranks = Ranks(rank, world_size, barrier, shared)
            process = context.Process(target=ranks.call, args=(work, *arguments))
            process.start()
            processes.append(process)
        return _wait(processes)
    except KeyboardInterrupt:
        # Ctrl-C has reached all of them.
        for process in processes:
            process.join(STOP_TIMEOUT_S)
        return SIGNALLED + signal.SIGINT
    finally:
        _end(processes)


def _wait(processes: list[SpawnProcess]) -> int:
    running = {process.sentinel: process for process in processes}
    while running:
        for sentinel in wait(list(running)):
            process = running.pop(int(str(sentinel)))
            process.join()
            if process.exitcode:
                return process.exitcode
    return 0


def _end(processes: list[SpawnProcess]) -> None:
    for process in processes:
        process.terminate()
    for process in processes:
        process.join(STOP_TIMEOUT_S)
        if process.is_alive():
            process.kill()
            process.join()
