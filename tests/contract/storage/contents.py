"""Everything that a server tells of what it stores, as a document that can be kept and compared.

Values are there bit for bit. What the first released server did not tell yet is left out.
"""

import hashlib
import struct
from collections.abc import Iterable
from typing import Any, Final, TypeAlias

import grpc
from google.protobuf.json_format import MessageToDict
from google.protobuf.message import Message

from runstream.v1 import (
    artifact_service_pb2 as artifact_pb,
    artifact_service_pb2_grpc,
    experiment_pb2,
    experiment_service_pb2 as experiment_pb,
    experiment_service_pb2_grpc,
    logged_model_service_pb2 as model_pb,
    logged_model_service_pb2_grpc,
    metric_pb2,
    metric_service_pb2 as metric_pb,
    metric_service_pb2_grpc,
    run_service_pb2 as run_pb,
    run_service_pb2_grpc,
    server_service_pb2,
    server_service_pb2_grpc,
)

__all__ = ["contents", "history"]

Json: TypeAlias = Any

WHOLE_POINTS: Final = 30
"""Longer histories are told by their digest."""
ALL: Final = experiment_pb2.VIEW_TYPE_ALL


def contents(channel: grpc.Channel) -> Json:
    """Returns all that the server behind the channel stores.

    Places of artifacts are told as if the server's own were called `<store>`.
    """
    info = server_service_pb2_grpc.ServerServiceStub(channel)
    root = info.GetServerInfo(server_service_pb2.GetServerInfoRequest()).artifact_root
    experiments = experiment_service_pb2_grpc.ExperimentServiceStub(channel)
    runs = run_service_pb2_grpc.RunServiceStub(channel)
    models = logged_model_service_pb2_grpc.LoggedModelServiceStub(channel)
    searched = runs.SearchRuns(run_pb.SearchRunsRequest(view_type=ALL, page_size=1000)).runs
    found = models.SearchLoggedModels(
        model_pb.SearchLoggedModelsRequest(view_type=ALL, page_size=50)
    ).models
    document = {
        "experiments": _documents(
            experiments.SearchExperiments(
                experiment_pb.SearchExperimentsRequest(view_type=ALL, page_size=1000)
            ).experiments
        ),
        "runs": {run.run_id: _run(channel, run.run_id, root) for run in searched},
        "order": [run.run_id for run in searched],
        "models": {
            model.model_id: {
                "model": _document(model),
                "metrics": _documents(
                    models.ListLoggedModelMetrics(
                        model_pb.ListLoggedModelMetricsRequest(model_id=model.model_id)
                    ).metrics
                ),
                "artifacts": _artifacts(channel, model_id=model.model_id),
            }
            for model in found
        },
        "datasets": _documents(
            experiments.SearchDatasets(
                experiment_pb.SearchDatasetsRequest(
                    experiment_ids=sorted({run.experiment_id for run in searched})
                )
            ).datasets
        ),
    }
    return _replaced(document, root, "<store>")


def history(channel: grpc.Channel, run_id: str) -> dict[str, list[tuple[int, int, str]]]:
    """Returns step, time and the value's bits of each point, by "key@rank"."""
    stub = metric_service_pb2_grpc.MetricServiceStub(channel)
    found: dict[str, list[tuple[int, int, str]]] = {}
    for answer in stub.GetHistory(metric_pb.GetHistoryRequest(run_id=run_id)):
        for part in answer.series:
            bits = [struct.pack(">d", value).hex() for value in part.value]
            points = zip(part.step, part.time_unix_us, bits, strict=True)
            found.setdefault(_name(part.series), []).extend(points)
    return found


def _run(channel: grpc.Channel, run_id: str, root: str) -> Json:
    runs = run_service_pb2_grpc.RunServiceStub(channel)
    metrics = metric_service_pb2_grpc.MetricServiceStub(channel)
    got = runs.GetRun(run_pb.GetRunRequest(run_id=run_id))
    got.run.ClearField("last_commit_time")
    for metric in got.run.metrics:
        metric.ClearField("min")
        metric.ClearField("max")
    writers = runs.ListWriters(run_pb.ListWritersRequest(run_id=run_id)).writers
    series = metrics.ListSeries(metric_pb.ListSeriesRequest(run_id=run_id, page_size=1000)).series
    own = got.run.artifact_uri.startswith(root)
    chart = metric_pb.GetChartRequest(run_ids=[run_id], max_buckets=7)
    return {
        "run": _document(got.run),
        "cursor": got.cursor,
        "writers": _documents(writers),
        "series": {_name(one.series): _document(one) for one in series},
        "charts": {
            _name(one.series): _document(one)
            for answer in metrics.GetChart(chart)
            for one in answer.series
        },
        "history": {name: _told(points) for name, points in history(channel, run_id).items()},
        "artifacts": _artifacts(channel, run_id=run_id) if own else "elsewhere",
    }


def _told(points: list[tuple[int, int, str]]) -> Json:
    if len(points) <= WHOLE_POINTS:
        return [list(point) for point in points]
    return {"count": len(points), "sha256": hashlib.sha256(repr(points).encode()).hexdigest()}


def _artifacts(channel: grpc.Channel, *, run_id: str = "", model_id: str = "") -> Json:
    """Returns size, digest and a digest of the bytes themselves, by path."""
    owner: Any = {"run_id": run_id, "model_id": model_id}
    stub = artifact_service_pb2_grpc.ArtifactServiceStub(channel)
    told: dict[str, Json] = {}
    folders = [""]
    while folders:
        request = artifact_pb.ListArtifactsRequest(path=folders.pop(), page_size=1000, **owner)
        for artifact in stub.ListArtifacts(request).artifacts:
            if artifact.directory:
                folders.append(artifact.path)
                continue
            whole = artifact_pb.DownloadArtifactRequest(path=artifact.path, **owner)
            data = b"".join(answer.chunk.data for answer in stub.DownloadArtifact(whole))
            told[artifact.path] = {
                "size": artifact.size_bytes,
                "state": artifact.digest_state,
                "sha256": artifact.sha256.hex(),
                "of bytes": hashlib.sha256(data).hexdigest(),
            }
    return told


def _name(series: metric_pb2.Series) -> str:
    return f"{series.key}@{series.rank}" if series.HasField("rank") else series.key


def _document(message: Message) -> Json:
    return MessageToDict(message, preserving_proto_field_name=True)


def _documents(messages: Iterable[Message]) -> list[Json]:
    return [_document(message) for message in messages]


def _replaced(document: Json, old: str, new: str) -> Json:
    """Returns the document with one text in place of another one, wherever it is."""
    if isinstance(document, dict):
        return {key: _replaced(value, old, new) for key, value in document.items()}
    if isinstance(document, list):
        return [_replaced(value, old, new) for value in document]
    return document.replace(old, new) if isinstance(document, str) else document
