"""MLflow's tracking store over gRPC."""

# The base class has no types: what its empty methods return is taken for None.
# pyright: reportIncompatibleMethodOverride=false

from collections.abc import Sequence
from typing import Any, Final

from mlflow.entities import (
    DatasetInput,
    LoggedModelInput,
    LoggedModelOutput,
    Metric,
    Param,
    RunTag,
)
from mlflow.exceptions import MlflowException
from mlflow.protos.databricks_pb2 import INVALID_PARAMETER_VALUE
from mlflow.store.entities.paged_list import PagedList
from mlflow.store.tracking.abstract_store import AbstractStore
from mlflow.utils.async_logging.run_operations import RunOperations

from runstream.mlflow.connection import Connection
from runstream.mlflow.experiments import Experiments
from runstream.mlflow.given import dataset_message, param_texts, point_message, tag_texts
from runstream.mlflow.histories import Histories
from runstream.mlflow.models import LoggedModels
from runstream.mlflow.runs import Runs
from runstream.mlflow.spooling import SpooledLogging
from runstream.v1 import input_pb2, metric_service_pb2 as metrics_pb2, run_service_pb2 as runs

__all__ = ["RunstreamStore"]

MAX_LOGGED_POINTS: Final = 60_000


class RunstreamStore(Experiments, Runs, LoggedModels, AbstractStore):
    """Keeps what MLflow tracks on a runstream server.

    Args:
        store_uri: `grpc://host:port`, or `grpcs://` for TLS.
        artifact_uri: What MLflow hands every store; each experiment's place is the server's choice.
    """

    def __init__(self, store_uri: str, artifact_uri: str | None = None) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.store_uri = store_uri
        self._server = Connection(store_uri)
        self._histories = Histories(self._server)
        self._spooled = SpooledLogging(self._server.uri)

    def log_batch(
        self,
        run_id: str,
        metrics: Sequence[Metric],
        params: Sequence[Param],
        tags: Sequence[RunTag],
    ) -> None:
        # All of it is converted before any of it is sent: what cannot be, changes nothing.
        points = [point_message(metric) for metric in metrics]
        param_values, tag_values = param_texts(params), tag_texts(tags)
        if params:
            request = runs.LogParamsRequest(run_id=run_id, params=param_values)
            self._server.call("RunService/LogParams", request, runs.LogParamsResponse)
        for begin in range(0, len(points), MAX_LOGGED_POINTS):
            some = points[begin : begin + MAX_LOGGED_POINTS]
            log = metrics_pb2.LogMetricsRequest(run_id=run_id, points=some)
            self._server.call("MetricService/LogMetrics", log, metrics_pb2.LogMetricsResponse)
        if tags:
            setting = runs.SetTagsRequest(run_id=run_id, tags=tag_values)
            self._server.call("RunService/SetTags", setting, runs.SetTagsResponse)

    def log_metric(self, run_id: str, metric: Metric) -> None:
        self.log_batch(run_id, [metric], [], [])

    def log_param(self, run_id: str, param: Param) -> str:
        self.log_batch(run_id, [], [param], [])
        return param.value

    def set_tag(self, run_id: str, tag: RunTag) -> None:
        self.log_batch(run_id, [], [], [tag])

    def delete_tag(self, run_id: str, key: str) -> None:
        """Deletes a run's tag."""
        request = runs.DeleteTagsRequest(run_id=run_id, keys=[key])
        self._server.call("RunService/DeleteTags", request, runs.DeleteTagsResponse)

    def get_metric_history(
        self,
        run_id: str,
        metric_key: str,
        max_results: int | None = None,
        page_token: str | None = None,
    ) -> PagedList[Metric]:
        return self._histories.page(run_id, metric_key, max_results, page_token)

    def log_inputs(
        self,
        run_id: str,
        datasets: Sequence[DatasetInput] | None = None,
        models: Sequence[LoggedModelInput] | None = None,
    ) -> None:
        request = runs.LogInputsRequest(
            run_id=run_id,
            datasets=[dataset_message(each) for each in datasets or ()],
            models=[input_pb2.ModelInput(model_id=each.model_id) for each in models or ()],
        )
        self._server.call("RunService/LogInputs", request, runs.LogInputsResponse)

    def log_outputs(self, run_id: str, models: Sequence[LoggedModelOutput]) -> None:
        request = runs.LogOutputsRequest(
            run_id=run_id,
            models=[
                input_pb2.ModelOutput(model_id=each.model_id, step=each.step) for each in models
            ],
        )
        self._server.call("RunService/LogOutputs", request, runs.LogOutputsResponse)

    def record_logged_model(self, run_id: str, mlflow_model: Any) -> None:  # noqa: ANN401 - MLflow's
        """Keeps the old history of models in no tag: they are logged models of their own now."""

    def link_traces_to_run(self, trace_ids: Sequence[str], run_id: str) -> None:
        raise MlflowException(
            "runstream keeps runs, not traces", error_code=INVALID_PARAMETER_VALUE
        )

    def log_batch_async(
        self,
        run_id: str,
        metrics: Sequence[Metric],
        params: Sequence[Param],
        tags: Sequence[RunTag],
    ) -> RunOperations:
        about_models = [metric for metric in metrics if metric.model_id]
        if about_models:  # a spool's rows know no models
            self.log_batch(run_id, about_models, [], [])
        return self._spooled.log(
            run_id,
            [metric for metric in metrics if not metric.model_id],
            param_texts(params),
            tag_texts(tags),
        )

    def flush_async_logging(self) -> None:
        self._spooled.flush()

    def end_async_logging(self) -> None:
        self._spooled.flush()

    def shut_down_async_logging(self) -> None:
        self._spooled.finish()
