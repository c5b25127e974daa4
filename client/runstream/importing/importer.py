"""Moves a whole store: experiments, then logged models, then runs, then what is deleted."""

import re
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from functools import partial
from typing import Final

from runstream._client.channels import open_channel, server_uri
from runstream.client import Client
from runstream.errors import RunstreamError, ServerUnavailable
from runstream.importing.artifacts import Places
from runstream.importing.entities import RunDetails, SourceExperiment, SourceRun
from runstream.importing.experiments import Target, place
from runstream.importing.files import FileMover
from runstream.importing.models import ModelMover
from runstream.importing.point_stream import PointSender
from runstream.importing.report import Report
from runstream.importing.runs import RunMover
from runstream.importing.source import Source, UnreadableSource

__all__ = ["import_store"]

THREADS: Final = 4
RUNS_AT_ONCE: Final = 100
"""So many runs' params and tags are in memory."""
_RUN_ID: Final = re.compile(r"[0-9a-f]{32}")


def import_store(
    source: Source,
    client: Client,
    places: Places | None,
    changed: Callable[[Report], None] = lambda _: None,
) -> Report:
    """Moves a store to a server. What could not be moved is in the report.

    Args:
        source: The store.
        client: The server's.
        places: Knows where artifacts lie; None leaves all artifacts.
        changed: Is told from time to time what has been done, by one thread at a time.

    Raises:
        ServerUnavailable: if the server is gone. The same import may be started again later.
        UnreadableSource: if the store is.
    """
    report = Report(_changed=changed)
    channel = open_channel(server_uri(client.uri))
    try:
        sender = PointSender(channel, client.uri)
        _Import(source, client, sender, places, report).run()
    finally:
        channel.close()
    report.add()
    return report


class _Import:
    def __init__(
        self,
        source: Source,
        client: Client,
        sender: PointSender,
        places: Places | None,
        report: Report,
    ) -> None:
        self._source = source
        self._client = client
        self._report = report
        files = FileMover(client, places, report)
        self._runs = RunMover(client, sender, source, files, report)
        self._models = ModelMover(client, files, report)
        self._targets: dict[str, Target] = {}

    def run(self) -> None:
        experiments = self._source.experiments()
        runs = {one.experiment_id: self._source.runs(one.experiment_id) for one in experiments}
        self._report.total_runs = sum(map(len, runs.values()))
        for experiment in experiments:
            self._place(experiment, runs[experiment.experiment_id])
        self._move_models()
        with ThreadPoolExecutor(THREADS, thread_name_prefix="import") as pool:
            try:
                _drain(self._moves(pool, experiments, runs))
            except BaseException:
                pool.shutdown(wait=False, cancel_futures=True)
                raise
        for target in self._targets.values():
            target.close(self._client)
        for why in self._source.unreadable.values():
            self._report.problem(why)

    def _place(self, experiment: SourceExperiment, runs: Sequence[SourceRun]) -> None:
        created = experiment.create_time_ms
        if created is None:
            created = min((run.start_time_ms for run in runs if run.start_time_ms), default=None)
        try:
            target = place(self._client, experiment, created, self._report)
        except (UnreadableSource, ServerUnavailable):
            raise
        except RunstreamError as error:
            self._report.problem(
                f"experiment {experiment.experiment_id} ({experiment.name!r}) and its "
                f"{len(runs)} runs: {error}"
            )
        else:
            self._targets[experiment.experiment_id] = target

    def _move_models(self) -> None:
        for model in self._source.models():
            target = self._targets.get(model.experiment_id)
            if target is not None:
                self._attempt(f"model {model.model_id}", partial(self._models.move, model, target))

    def _moves(
        self,
        pool: ThreadPoolExecutor,
        experiments: Sequence[SourceExperiment],
        runs: dict[str, Sequence[SourceRun]],
    ) -> Iterator[Future[None]]:
        for experiment in experiments:
            target = self._targets.get(experiment.experiment_id)
            if target is None:
                continue
            good = [run for run in runs[experiment.experiment_id] if self._has_good_id(run)]
            for start in range(0, len(good), RUNS_AT_ONCE):
                some = good[start : start + RUNS_AT_ONCE]
                details = self._source.details(some)
                for run in some:
                    delete = run.deleted or (experiment.deleted and not target.own)
                    yield pool.submit(self._move, run, details[run.run_id], target, delete)

    def _has_good_id(self, run: SourceRun) -> bool:
        if _RUN_ID.fullmatch(run.run_id):
            return True
        self._report.problem(
            f"run {run.run_id}: its id is not 32 lower-case hexadecimal digits, which is what the "
            "server's run ids are"
        )
        return False

    def _move(self, run: SourceRun, details: RunDetails, target: Target, delete: bool) -> None:  # noqa: FBT001 - submitted by place
        self._attempt(
            f"run {run.run_id}", lambda: self._runs.move(run, details, target, delete=delete)
        )

    def _attempt(self, who: str, move: Callable[[], None]) -> None:
        """Moves something; takes note of a failure that concerns it alone."""
        try:
            move()
        except (UnreadableSource, ServerUnavailable):
            raise
        except (RunstreamError, OSError, ValueError) as error:
            self._report.problem(f"{who}: {error}")


def _drain(moves: Iterator[Future[None]]) -> None:
    """Waits for all moves; begins the next ones when some have ended."""
    waiting: set[Future[None]] = set()
    for move in moves:
        waiting.add(move)
        if len(waiting) >= 2 * THREADS:
            done, waiting = wait(waiting, return_when=FIRST_COMPLETED)
            for each in done:
                each.result()
    for each in wait(waiting).done:
        each.result()
