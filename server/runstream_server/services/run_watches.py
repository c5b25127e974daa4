"""Live watches as streams of messages: of one run, or of many over one stream."""

import time
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
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
from runstream_server.storage.series_rows import NameMatcher

__all__ = ["RunWatches", "WantedRun"]

Answer = TypeVar("Answer", pb.WatchRunResponse, pb.WatchRunsResponse)

MAX_NAMES: Final = 100_000
"""So many names of series a stream remembers, about 20 MB; then it begins anew."""


@dataclass(slots=True)
class WantedRun:
    """A run that a stream follows, which of its series, and what the stream has told of it.

    Attributes:
        watch: What to follow from where.
        series: Which series.
        names: The names of those that have come, by id; None for one that is not wanted.
        reached: The cursor of the last step; None when there is none yet.
        told_cursor: The cursor of the last answer; None before the first.
        told_at: When that was sent.
        told_update_us: When the run that was sent last had been changed; None before the first.
    """

    watch: RunWatch
    series: NameMatcher
    names: dict[int, SeriesName | None] = field(default_factory=dict[int, SeriesName | None])
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
                changed = await self._learn(steps, wanted)
            for step in steps:
                if isinstance(step, Lost):
                    yield step
                    told_at = time.monotonic()
                    continue
                for message in _answers(step, wanted[step.run_id], changed, answer):
                    yield message
                    told_at = wanted[step.run_id].told_at = time.monotonic()
            if time.monotonic() - told_at >= HEARTBEAT_S:
                yield None
                told_at = time.monotonic()

    async def _learn(
        self, steps: Sequence[Step | Lost], wanted: Mapping[str, WantedRun]
    ) -> dict[str, Run]:
        """Finds the names of new series, and returns the runs that have changed."""
        changed: list[str] = []
        unknown: dict[str, set[int]] = {}
        if sum(len(one.names) for one in wanted.values()) > MAX_NAMES:
            for one in wanted.values():
                one.names.clear()
        for step in steps:
            if isinstance(step, Lost):
                continue
            one = wanted[step.run_id]
            ids = {id_ for group in step.groups for id_ in group.series.tolist()}
            if new := ids - one.names.keys():
                unknown[step.run_id] = new
            if one.told_update_us != step.update_time_us:
                changed.append(step.run_id)
        for run_id, names in (await self._metrics.names(unknown) if unknown else {}).items():
            one = wanted[run_id]
            for id_, name in names.items():
                one.names[id_] = name if one.series.matches(name) else None
        runs = await self._runs.get_some(changed) if changed else ()
        return {run.run_id: run for run in runs}


def _answers(
    step: Step, one: WantedRun, changed: dict[str, Run], answer: Callable[[str], Answer]
) -> Iterator[Answer]:
    run_id = step.run_id
    before = step.cursor if one.reached is None else one.reached
    one.reached = step.cursor
    is_new = one.is_new(step)
    for message in step_messages(step, one.names, lambda: answer(run_id), before):
        if not (message.series or is_new):
            continue
        run = changed.pop(run_id, None)
        if run is not None:
            message.run.CopyFrom(run_message(run))
            one.told_update_us = run.update_time_us
        if step.last_commit_time_us is not None:
            message.last_commit_time.CopyFrom(convert.timestamp(step.last_commit_time_us))
        is_new = False
        one.told_cursor = message.cursor
        yield message
