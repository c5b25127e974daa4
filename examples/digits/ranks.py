"""Several processes that train one model: started here, and averaging through shared memory.

They find their rank as under any launcher: in the environment (`RANK`, `WORLD_SIZE`).
"""

import ctypes
import multiprocessing
import os
from collections.abc import Callable
from dataclasses import dataclass
from multiprocessing.connection import wait
from multiprocessing.context import SpawnProcess
from multiprocessing.synchronize import Barrier
from typing import Any

import numpy as np

from digits.mlp import Array

# Long enough for a machine that is busy with other things.
BARRIER_TIMEOUT_S = 120.0
STOP_TIMEOUT_S = 5.0


@dataclass(frozen=True, slots=True)
class Ranks:
    """One rank's view of all of them.

    Attributes:
        rank: Which one this is, from 0.
        world_size: How many there are.
    """

    rank: int
    world_size: int
    _barrier: Barrier
    _shared: Any
    _calls: list[int]

    def all_gather(self, values: Array) -> Array:
        """Returns what every rank passed, (ranks, values), in all of them the same.

        Raises:
            threading.BrokenBarrierError: Another rank failed or does not come.
        """
        # Two slots take turns: a rank that writes the next one cannot disturb a slower reader.
        slots = np.frombuffer(self._shared, np.float32).reshape(2, self.world_size, -1)
        slot = slots[self._calls[0] % 2, :, : len(values)]
        self._calls[0] += 1
        slot[self.rank] = values
        self._barrier.wait(BARRIER_TIMEOUT_S)
        return slot.copy()

    def mean(self, values: Array) -> Array:
        """Returns the average over all ranks, to the bit the same in all of them."""
        average: Array = self.all_gather(values).mean(axis=0)
        return average

    def same(self, values: Array) -> bool:
        """Tells whether all ranks hold the same bits."""
        bits = self.all_gather(values).view(np.uint32)
        return bool((bits == bits[0]).all())


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
    # As torchrun does: each process has one core's worth of work.
    os.environ.update(OMP_NUM_THREADS="1", OPENBLAS_NUM_THREADS="1", WORLD_SIZE=str(world_size))
    try:
        for rank in range(world_size):
            os.environ.update(RANK=str(rank), LOCAL_RANK=str(rank))
            ranks = Ranks(rank, world_size, barrier, shared, [0])
            process = context.Process(target=work, args=(ranks, *arguments), name=f"rank {rank}")
            process.start()
            processes.append(process)
        return _wait(processes)
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
