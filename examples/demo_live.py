"""What is seen of a run while it is being trained, as the server tells it."""

import asyncio
import time

from runstream import AsyncClient, NotFound
from runstream.entities import RunUpdate

MICROSECONDS = 1_000_000
RETRY_S = 0.05


class LiveTable:
    """Prints a line every so many steps.

    Args:
        ranks: How many processes train.
        every_steps: How far the lines are apart.
    """

    def __init__(self, ranks: int, *, every_steps: int) -> None:
        self.points = 0
        self._ranks = ranks
        self._every_steps = every_steps
        self._next_step = 0
        self._losses: dict[int, float] = {}
        self._accuracy = float("nan")

    def take(self, update: RunUpdate) -> None:
        """Takes note of what has just arrived."""
        latest_step = latest_us = -1
        for points in update.series:
            self.points += len(points)
            latest_step = max(latest_step, int(points.step[-1]))
            latest_us = max(latest_us, int(points.time_us[-1]))
            if points.series.key == "loss":
                self._losses[points.series.rank or 0] = float(points.value[-1])
            if points.series.key == "validation/accuracy":
                self._accuracy = float(points.value[-1])
        if latest_step >= self._next_step and len(self._losses) == self._ranks:
            self._print(latest_step, time.time() - latest_us / MICROSECONDS)

    def _print(self, step: int, behind_s: float) -> None:
        if self._next_step == 0:
            ranks = "".join(f"{rank:>8}" for rank in range(self._ranks))
            print(f"{'step':>6}{'points':>10}{'behind':>10}{'validated':>12}   loss of rank{ranks}")
        self._next_step = step - step % self._every_steps + self._every_steps
        losses = "".join(f"{self._losses[rank]:8.4f}" for rank in sorted(self._losses))
        print(
            f"{step:>6}{self.points:>10}{behind_s:>8.2f} s{self._accuracy:>12.1%}{'':15}{losses}",
            flush=True,
        )


async def follow(uri: str, run_id: str, table: LiveTable) -> None:
    """Fills the table with everything that arrives until the run has ended."""
    async with AsyncClient(uri) as client:
        await _exists(client, run_id)
        async for update in client.watch_run(run_id, cursor=0):
            table.take(update)
            if update.run is not None and update.run.status.is_ended:
                return


async def _exists(client: AsyncClient, run_id: str) -> None:
    # The job's first words go to its spool; the server hears of the run a moment later.
    while True:
        try:
            await client.get_run(run_id, omit_metrics=True)
        except NotFound:
            await asyncio.sleep(RETRY_S)
        else:
            return
