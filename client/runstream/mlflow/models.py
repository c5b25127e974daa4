"""The part of the tracking store that is about logged models."""

from collections.abc import Iterator, Sequence
from typing import Any, Final

from mlflow.entities import LoggedModel, LoggedModelParameter, LoggedModelStatus, LoggedModelTag
from mlflow.store.entities.paged_list import PagedList

from runstream._run_ids import new_run_id
from runstream.mlflow.connection import Connection
from runstream.mlflow.convert import model_of
from runstream.mlflow.places import shown_uri
from runstream.v1 import logged_model_pb2, logged_model_service_pb2 as pb

__all__ = ["LoggedModels"]

DEFAULT_PAGE: Final = 100
_STATUSES: Final = {
    LoggedModelStatus.PENDING: logged_model_pb2.LOGGED_MODEL_STATUS_PENDING,
    LoggedModelStatus.READY: logged_model_pb2.LOGGED_MODEL_STATUS_READY,
    LoggedModelStatus.FAILED: logged_model_pb2.LOGGED_MODEL_STATUS_FAILED,
}


class LoggedModels:
    """Creates, finds and changes logged models; mixed into the store."""

    _server: Connection

    def create_logged_model(
        self,
        experiment_id: str,
        name: str | None = None,
        source_run_id: str | None = None,
        tags: Sequence[LoggedModelTag] | None = None,
        params: Sequence[LoggedModelParameter] | None = None,
        model_type: str | None = None,
    ) -> LoggedModel:
        """Creates a model that waits for its files."""
        request = pb.CreateLoggedModelRequest(
            model_id=f"m-{new_run_id()}",  # makes a repetition harmless
            experiment_id=str(experiment_id),
            name=name or "",
            source_run_id=source_run_id or "",
            tags={tag.key: str(tag.value) for tag in tags or ()},
            params={param.key: str(param.value) for param in params or ()},
            model_type=model_type or "",
        )
        answer = self._server.call(
            "LoggedModelService/CreateLoggedModel",
            request,
            pb.CreateLoggedModelResponse,
        )
        return self._model(answer.model)

    def get_logged_model(self, model_id: str, allow_deleted: bool = False) -> LoggedModel:  # noqa: FBT001, FBT002 - MLflow's
        """Returns a model with its params, tags and metrics."""
        answer = self._server.call(
            "LoggedModelService/GetLoggedModel",
            pb.GetLoggedModelRequest(model_id=model_id, allow_deleted=allow_deleted),
            pb.GetLoggedModelResponse,
        )
        return self._model(answer.model)

    def finalize_logged_model(self, model_id: str, status: LoggedModelStatus) -> LoggedModel:
        """Says that a model is ready, or failed."""
        answer = self._server.call(
            "LoggedModelService/FinalizeLoggedModel",
            pb.FinalizeLoggedModelRequest(model_id=model_id, status=_STATUSES[status]),
            pb.FinalizeLoggedModelResponse,
        )
        return self._model(answer.model)

    def delete_logged_model(self, model_id: str) -> None:
        """Deletes a model."""
        self._server.call(
            "LoggedModelService/DeleteLoggedModel",
            pb.DeleteLoggedModelRequest(model_id=model_id),
            pb.DeleteLoggedModelResponse,
        )

    def set_logged_model_tags(self, model_id: str, tags: Sequence[LoggedModelTag]) -> None:
        """Sets tags of a model."""
        self._server.call(
            "LoggedModelService/SetLoggedModelTags",
            pb.SetLoggedModelTagsRequest(
                model_id=model_id, tags={tag.key: str(tag.value) for tag in tags}
            ),
            pb.SetLoggedModelTagsResponse,
        )

    def delete_logged_model_tag(self, model_id: str, key: str) -> None:
        """Deletes a tag of a model."""
        self._server.call(
            "LoggedModelService/DeleteLoggedModelTags",
            pb.DeleteLoggedModelTagsRequest(model_id=model_id, keys=[key]),
            pb.DeleteLoggedModelTagsResponse,
        )

    def log_logged_model_params(
        self, model_id: str, params: Sequence[LoggedModelParameter]
    ) -> None:
        """Writes params of a model."""
        self._server.call(
            "LoggedModelService/LogLoggedModelParams",
            pb.LogLoggedModelParamsRequest(
                model_id=model_id, params={param.key: str(param.value) for param in params}
            ),
            pb.LogLoggedModelParamsResponse,
        )

    def search_logged_models(
        self,
        experiment_ids: Sequence[str],
        filter_string: str | None = None,
        datasets: Sequence[dict[str, Any]] | None = None,
        max_results: int | None = None,
        order_by: Sequence[dict[str, Any]] | None = None,
        page_token: str | None = None,
    ) -> PagedList[LoggedModel]:
        """Returns the models that a filter finds."""
        selectors = [
            pb.DatasetSelector(
                dataset_name=each["dataset_name"], dataset_digest=each.get("dataset_digest") or ""
            )
            for each in datasets or ()
        ]
        order = [
            pb.LoggedModelOrder(
                field_name=each["field_name"],
                descending=not each.get("ascending", True),
                dataset_name=each.get("dataset_name") or "",
                dataset_digest=each.get("dataset_digest") or "",
            )
            for each in order_by or ()
        ]

        def ask(size: int, token: str) -> tuple[list[LoggedModel], str]:
            answer = self._server.call(
                "LoggedModelService/SearchLoggedModels",
                pb.SearchLoggedModelsRequest(
                    experiment_ids=[str(each) for each in experiment_ids],
                    filter=filter_string or "",
                    datasets=selectors,
                    order_by=order,
                    page_size=size,
                    page_token=token,
                ),
                pb.SearchLoggedModelsResponse,
            )
            return [self._model(each) for each in answer.models], answer.next_page_token

        return PagedList(*self._server.page(ask, max_results or DEFAULT_PAGE, page_token))

    def _model(self, message: logged_model_pb2.LoggedModel) -> LoggedModel:
        uri = shown_uri(
            self._server.uri,
            self._server.artifact_root,
            message.artifact_uri,
            model_id=message.model_id,
        )
        return model_of(message, uri, self._metrics(message))

    def _metrics(
        self, message: logged_model_pb2.LoggedModel
    ) -> Iterator[logged_model_pb2.LoggedModelMetric]:
        if not message.more_metrics:
            return iter(message.metrics)

        def ask(token: str) -> tuple[list[logged_model_pb2.LoggedModelMetric], str]:
            answer = self._server.call(
                "LoggedModelService/ListLoggedModelMetrics",
                pb.ListLoggedModelMetricsRequest(model_id=message.model_id, page_token=token),
                pb.ListLoggedModelMetricsResponse,
            )
            return list(answer.metrics), answer.next_page_token

        return self._server.every(ask)
