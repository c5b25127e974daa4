"""Live watches as streams of messages: of one run, or of many over one stream."""

import time
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, TypeVar

from runstream.v1 import metric_service_pb2 as pb
from runstream_server.core.metrics import Metrics
from runstream_server.core.runs import Run, Runs
from runstream_server.core.stopping import Stopping
from runstream_server.core.watching import HEARTBEAT_S, Lost, RunWatch, Step, Watcher
from runstream_server.services import convert
from runstream_server.services.metric_convert import step_messages
from runstream_server.services.run_convert import run_message
from runstream_server.storage.name_rows import SeriesName
from runstream_server.storage.series_rows import SeriesFilter

__all__ = ["RunWatches", "WantedRun"]

Answer = TypeVar("Answer", pb.WatchRunResponse, pb.WatchRunsResponse)

NO_NAMES: Final[Mapping[int, SeriesName]] = {}


@dataclass(slots=True)
class WantedRun:
    """A run that a stream follows, which of its series, and what the stream has told of it.

    Attributes:
        watch: What to follow from where.
        wanted: Which series.
        reached: The cursor of the last step; None when there is none yet.
        told_cursor: The cursor of the last answer; None before the first.
        told_at: When that was sent.
        told_update_us: When the run that was sent last had been changed; None before the first.
    """

    watch: RunWatch
    wanted: SeriesFilter
    reached: int | None = None
    told_cursor: int | None = None
    told_at: float = 0.0
    told_update_us: int | None = None

    def is_new(self, step: Step) -> bool:
        """Whether a step without wanted points is worth an answer."""
        if self.told_update_us != step.update_time_us:
            return True
        if self.told_cursor == step.cursor:
            return False
        # Of a run whose points are left out the cursor is the news; of another one it is told now
        # and then, lest it expire.
        return not self.watch.with_points or time.monotonic() - self.told_at >= HEARTBEAT_S


@dataclass(slots=True)
class _Known:
    """What the answers of a round need beside its steps, by run."""

    names: dict[str, Mapping[int, SeriesName]]
    runs: dict[str, Run]


class RunWatches:
    """Follows runs for streams."""

    def __init__(
        self, *, watcher: Watcher, metrics: Metrics, runs: Runs, stopping: Stopping
    ) -> None:
        self._watcher = watcher
        self._metrics = metrics
        self._runs = runs
        self._stopping = stopping

    async def follow(
        self, asked: Sequence[WantedRun], answer: Callable[[str], Answer]
    ) -> AsyncIterator[Answer | Lost | None]:
        """Yields what is to be told of runs, when it is.

        None comes when nothing was for some seconds. A loss is the last of a run; see
        `Watcher.follow`.

        Args:
            asked: The runs, each once.
            answer: Makes an empty answer about the run with an id.
        """
        wanted = {one.watch.run_id: one for one in asked}
        follower = self._watcher.follow([one.watch for one in asked])
        told_at = time.monotonic()
        while True:
            with self._stopping.interrupts():
                steps = await anext(follower, None)
                if steps is None:
                    return
                known = await self._learn(steps, wanted)
            for step in steps:
                if isinstance(step, Lost):
                    yield step
                    told_at = time.monotonic()
                    continue
                for message in _answers(step, wanted[step.run_id], known, answer):
                    yield message
                    told_at = wanted[step.run_id].told_at = time.monotonic()
            if time.monotonic() - told_at >= HEARTBEAT_S:
                yield None
                told_at = time.monotonic()

    async def _learn(self, steps: Sequence[Step | Lost], wanted: Mapping[str, WantedRun]) -> _Known:
        """Finds the names of series, and the runs that have changed."""
        known = _Known({}, {})
        changed: list[str] = []
        for step in steps:
            if isinstance(step, Lost):
                continue
            one = wanted[step.run_id]
            if step.groups:
                names = await self._metrics.names(step.run_id, one.wanted, step)
                known.names[step.run_id] = names
            if one.told_update_us != step.update_time_us:
                changed.append(step.run_id)
        for run in await self._runs.get_some(changed) if changed else ():
            known.runs[run.run_id] = run
        return known


def _answers(
    step: Step, one: WantedRun, known: _Known, answer: Callable[[str], Answer]
) -> Iterator[Answer]:
    run_id = step.run_id
    before = step.cursor if one.reached is None else one.reached
    one.reached = step.cursor
    names = known.names.get(run_id, NO_NAMES)
    is_new = one.is_new(step)
    for message in step_messages(step, names, lambda: answer(run_id), before):
        if not (message.series or is_new):
            continue
        run = known.runs.pop(run_id, None)
        if run is not None:
            message.run.CopyFrom(run_message(run))
            one.told_update_us = run.update_time_us
        if step.last_commit_time_us is not None:
            message.last_commit_time.CopyFrom(convert.timestamp(step.last_commit_time_us))
        is_new = False
        one.told_cursor = message.cursor
        yield message
