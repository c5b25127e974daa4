"""Moves one run.

What was moved is known by the run's importing writer: its id is derived from the run and from what
the source holds of it, and it ends as FINISHED when all is there. Each step may be repeated: a run
is created once under its id, params are written once, points are numbered rows of the writer, and
uploads have ids of their own. So a run that changes in its store is moved again, by a new writer;
points that are there already are the same points.
"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict
from typing import Final

from runstream._client.calls import Unary
from runstream.client import Client
from runstream.entities import (
    Dataset,
    DatasetInput,
    LifecycleStage,
    MetricPoint,
    ModelOutput,
    Run,
    RunStatus,
    Writer,
)
from runstream.errors import AlreadyExists, FailedPrecondition, InvalidValue, NotFound
from runstream.importing.batches import send_items, send_pairs
from runstream.importing.entities import ModelPoint, RunDetails, SourceDataset, SourceRun
from runstream.importing.experiments import Target, time_of
from runstream.importing.files import FileMover
from runstream.importing.point_stream import PointSender
from runstream.importing.report import Report
from runstream.importing.source import Source
from runstream.v1 import run_pb2, run_service_pb2 as pb

__all__ = ["RunMover"]

RUN_NAME: Final = "mlflow.runName"
WITH_FILES: Final = "imported from MLflow"
WITHOUT_FILES: Final = "imported from MLflow, without artifacts"
_POINT_BYTES: Final = 100


class RunMover:
    """Moves runs, of several threads."""

    def __init__(
        self, client: Client, sender: PointSender, source: Source, files: FileMover, report: Report
    ) -> None:
        self._client = client
        self._sender = sender
        self._source = source
        self._files = files
        self._report = report
        self._faulty: set[str] = set()

    def move(self, run: SourceRun, details: RunDetails, target: Target, *, delete: bool) -> None:
        """Moves a run, or what an earlier import has left.

        Args:
            run: The run.
            details: What was logged to it.
            target: Its experiment.
            delete: Whether it is deleted in the end.
        """
        writer_id = _writer_id(run, details)
        if self._is_complete(run, writer_id):
            if delete:
                self._delete(run.run_id)
            self._report.add(present=1)
            return
        stored, fresh = self._open(run, details, target, writer_id)
        deleted = delete or stored.lifecycle_stage is LifecycleStage.DELETED
        self._log_labels(run, details, stored, fresh=fresh)
        self._log_points(run, details, writer_id)
        self._log_inputs(run, details)
        with_files = self._files.move(
            run.artifact_uri, run.artifact_folder, run_id=run.run_id, fresh=fresh
        )
        self._end(run, stored)
        if (
            not RunStatus(run.status).is_ended
            and self._source.details([run])[run.run_id] != details
        ):
            self._report.note(
                f"run {run.run_id} is being written to: import again when it has ended"
            )
        elif run.run_id not in self._faulty:
            message = WITH_FILES if with_files else WITHOUT_FILES
            self._client.finish_writer(run.run_id, writer_id, RunStatus.FINISHED, message=message)
        if deleted:
            self._client.delete_run(run.run_id)
        self._report.add(runs=1)

    def _is_complete(self, run: SourceRun, writer_id: str) -> bool:
        try:
            writers = list(self._client.list_writers(run.run_id, page_size=1_000))
        except NotFound:
            return False
        return any(
            writer.writer_id == writer_id and self._is_done(run, writer) for writer in writers
        )

    def _is_done(self, run: SourceRun, writer: Writer) -> bool:
        if writer.status is not RunStatus.FINISHED:
            return False
        if writer.status_message == WITH_FILES:
            return True
        return not self._files.can_move(run.artifact_uri, run.artifact_folder)

    def _delete(self, run_id: str) -> None:
        stored = self._client.get_run(run_id, omit_metrics=True, omit_inputs=True)
        if stored.lifecycle_stage is LifecycleStage.ACTIVE:
            self._client.delete_run(run_id)

    def _open(
        self, run: SourceRun, details: RunDetails, target: Target, writer_id: str
    ) -> tuple[Run, bool]:
        """Creates the run, or takes up the one that is there; tells whether it is new."""
        target.open(self._client)
        experiment_id, was_deleted = target.experiment_id, False
        tags = {key: value for key, value in details.tags.items() if key != RUN_NAME}
        while True:
            request = self._creation(run, details, experiment_id, writer_id, tags)
            try:
                stored, fresh = self._client.execute_unary(_creating(request))
                break
            except InvalidValue:
                if not tags:
                    raise
                tags = {}  # they are set one by one
            except AlreadyExists as error:
                if error.metadata.get("experiment_id", experiment_id) == experiment_id:
                    raise
                experiment_id = error.metadata["experiment_id"]
            except FailedPrecondition as error:
                if error.reason != "RUN_DELETED":
                    raise
                self._client.restore_run(run.run_id)
                was_deleted = True
        if was_deleted:
            stored = _as_deleted(stored)
        return stored, fresh

    def _creation(
        self,
        run: SourceRun,
        details: RunDetails,
        experiment_id: str,
        writer_id: str,
        tags: Mapping[str, str],
    ) -> pb.CreateRunRequest:
        name = _name(run, details)
        request = pb.CreateRunRequest(
            run_id=run.run_id,
            experiment_id=experiment_id,
            name=name,
            tags=tags,
            user=run.user,
            user_without_tag=True,
            status=run_pb2.RUN_STATUS_SCHEDULED
            if run.status == RunStatus.SCHEDULED
            else run_pb2.RUN_STATUS_RUNNING,
            record=run_pb2.RecordId(writer_id=writer_id, number=0),
        )
        request.start_time.FromMilliseconds(run.start_time_ms or 0)
        return request

    def _log_labels(self, run: SourceRun, details: RunDetails, stored: Run, *, fresh: bool) -> None:
        run_id = run.run_id
        params = send_pairs(
            details.params,
            lambda some: self._client.log_params(run_id, some),
            lambda key, why: self._problem(run, f"param {key!r}: {why}"),
        )
        tags = {
            key: value
            for key, value in details.tags.items()
            if key != RUN_NAME and stored.tags.get(key) != value
        }
        if stored.name != _name(run, details):
            tags[RUN_NAME] = _name(run, details)
        sent = send_pairs(
            tags,
            lambda some: self._client.set_tags(run_id, some),
            lambda key, why: self._problem(run, f"tag {key!r}: {why}"),
        )
        unsent = len(details.tags) - len(tags) if fresh else 0
        self._report.add(params=params, tags=sent + unsent)

    def _log_points(self, run: SourceRun, details: RunDetails, writer_id: str) -> None:
        series: dict[str, int] = {}
        for key, size in sorted(details.series.items()):
            if _is_key(key):
                series[key] = size
            else:
                self._problem(run, f"metric {key!r}: the server has no room for such a key")
        if not series:
            return
        told: set[str] = set()

        def complain(text: str) -> None:
            if text not in told:
                told.add(text)
                self._problem(run, text)

        self._sender.send(
            run.run_id,
            writer_id,
            lambda: self._source.points(run, series, complain),
            lambda rows: self._report.add(points=rows),
        )

    def _log_inputs(self, run: SourceRun, details: RunDetails) -> None:
        client, run_id = self._client, run.run_id
        sent = send_items(
            [_input(one) for one in details.datasets],
            _input_bytes,
            lambda some: client.log_inputs(run_id, some),
            lambda one, why: self._problem(run, f"dataset {one.dataset.name!r}: {why}"),
        )
        sent += send_items(
            details.model_inputs,
            len,
            lambda some: client.log_inputs(run_id, model_ids=some),
            lambda one, why: self._problem(run, f"model input {one!r}: {why}"),
        )
        sent += send_items(
            [ModelOutput(model_id, step) for model_id, step in details.model_outputs],
            lambda _: _POINT_BYTES,
            lambda some: client.log_outputs(run_id, some),
            lambda one, why: self._problem(run, f"model output {one.model_id!r}: {why}"),
        )
        send_items(
            [_point(one) for one in self._source.model_points(run)],
            lambda _: 10 * _POINT_BYTES,
            lambda some: _ignore(client.log_metrics(run_id, some)),
            lambda one, why: self._problem(run, f"metric {one.key!r} of {one.model_id}: {why}"),
        )
        self._report.add(inputs=sent)

    def _end(self, run: SourceRun, stored: Run) -> None:
        status = RunStatus(run.status)
        if status.is_ended:
            end = run.end_time_ms if run.end_time_ms is not None else run.start_time_ms or 0
            self._client.finish_run(run.run_id, status, end_time=time_of(end))
        elif stored.status.is_ended:
            self._client.resume_run(run.run_id)

    def _problem(self, run: SourceRun, text: str) -> None:
        # Its import stays incomplete, so that the next one tries again and tells again.
        self._faulty.add(run.run_id)
        self._report.problem(f"run {run.run_id}: {text}")


def _creating(request: pb.CreateRunRequest) -> Unary[tuple[Run, bool]]:
    from runstream._client.convert import run_of

    return Unary(
        method="/runstream.v1.RunService/CreateRun",
        request=request,
        answer=pb.CreateRunResponse,
        convert=lambda answer: (run_of(answer.run), answer.created),
    )


def _as_deleted(run: Run) -> Run:
    from dataclasses import replace

    return replace(run, lifecycle_stage=LifecycleStage.DELETED)


def _writer_id(run: SourceRun, details: RunDetails) -> str:
    """Derives the id of the importing writer from what the source holds, apart from files."""
    head = {**asdict(run), "artifact_folder": "", "artifact_uri": "", "experiment_id": ""}
    content = json.dumps(["MLflow", head, asdict(details)], sort_keys=True, default=str)
    return hashlib.sha256(content.encode(errors="surrogatepass")).hexdigest()[:32]


def _name(run: SourceRun, details: RunDetails) -> str:
    return run.name or details.tags.get(RUN_NAME, "") or f"run-{run.run_id[:8]}"


def _is_key(key: str) -> bool:
    return 1 <= len(key) <= 250 and key.isprintable()  # noqa: PLR2004 - the contract's


def _input(one: SourceDataset) -> DatasetInput:
    dataset = Dataset(
        name=one.name,
        digest=one.digest,
        source_type=one.source_type,
        source=one.source,
        schema=one.schema,
        profile=one.profile,
    )
    return DatasetInput(dataset, one.tags)


def _input_bytes(one: DatasetInput) -> int:
    dataset = one.dataset
    return 4 * sum(map(len, (dataset.source, dataset.schema or "", dataset.profile or "")))


def _point(one: ModelPoint) -> MetricPoint:
    return MetricPoint(
        key=one.key,
        value=one.value,
        step=one.step,
        time_us=one.time_ms * 1_000,
        model_id=one.model_id,
        dataset_name=one.dataset_name if one.dataset_digest else "",
        dataset_digest=one.dataset_digest if one.dataset_name else "",
    )


def _ignore(_result: object) -> None:
    """Says that a result is of no use."""
