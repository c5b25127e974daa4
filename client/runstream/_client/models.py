"""The calls of LoggedModelService."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Final

from runstream._client.calls import Pages, Unary
from runstream._client.convert import (
    lifecycle_stage_of,
    names_of,
    time_of,
    timestamp_of,
    view_type_number,
)
from runstream._run_ids import new_run_id
from runstream.entities import (
    LoggedModel,
    LoggedModelMetric,
    LoggedModelOrder,
    LoggedModelStatus,
)
from runstream.errors import InvalidValue
from runstream.v1 import logged_model_pb2, logged_model_service_pb2 as pb

__all__ = [
    "create_logged_model",
    "delete_logged_model",
    "delete_logged_model_tags",
    "finalize_logged_model",
    "get_logged_model",
    "list_logged_model_metrics",
    "log_logged_model_params",
    "search_logged_models",
    "set_logged_model_tags",
]

_SERVICE: Final = "/runstream.v1.LoggedModelService/"
_DEFAULT_EXPERIMENT_ID: Final = "0"
_STATUSES: Final = names_of(logged_model_pb2.LoggedModelStatus.items(), "LOGGED_MODEL_STATUS_")


def create_logged_model(
    *,
    experiment_id: str = "",
    model_id: str = "",
    name: str = "",
    model_type: str = "",
    source_run_id: str = "",
    params: Mapping[str, str] | None = None,
    tags: Mapping[str, str] | None = None,
    create_time: datetime | None = None,
) -> Unary[LoggedModel]:
    """Creates a logged model with the status PENDING, or returns the one that has the id.

    Args:
        experiment_id: The experiment. Empty means `Default`.
        model_id: `m-` and 32 hexadecimal digits. Empty makes a new one.
        name: A name for people, without `/`, `:`, `.`, `%` and quotes. Empty lets the server make
            one up.
        model_type: The kind of model, in any words.
        source_run_id: The run that made it.
        params: The first params.
        tags: The first tags.
        create_time: When it was created, if that was elsewhere. None means now.

    Raises:
        AlreadyExists: if the model exists in another experiment.
        FailedPrecondition: if the experiment is deleted.
        InvalidValue: if a field cannot be stored.
        NotFound: if there is no experiment of that id.
    """
    request = pb.CreateLoggedModelRequest(
        model_id=model_id or f"m-{new_run_id()}",
        experiment_id=experiment_id or _DEFAULT_EXPERIMENT_ID,
        name=name,
        model_type=model_type,
        source_run_id=source_run_id,
        params=params,
        tags=tags,
        create_time=timestamp_of(create_time),
    )
    return Unary(
        method=f"{_SERVICE}CreateLoggedModel",
        request=request,
        answer=pb.CreateLoggedModelResponse,
        convert=_model,
    )


def get_logged_model(
    model_id: str, *, allow_deleted: bool = False, omit_metrics: bool = False
) -> Unary[LoggedModel]:
    """Returns a logged model.

    Args:
        model_id: The model.
        allow_deleted: Whether to return it also when it is deleted.
        omit_metrics: Whether to leave out the points about it.

    Raises:
        NotFound: if there is none.
    """
    return Unary(
        method=f"{_SERVICE}GetLoggedModel",
        request=pb.GetLoggedModelRequest(
            model_id=model_id, allow_deleted=allow_deleted, omit_metrics=omit_metrics
        ),
        answer=pb.GetLoggedModelResponse,
        convert=_model,
    )


def finalize_logged_model(model_id: str, status: str, *, message: str = "") -> Unary[LoggedModel]:
    """Says whether a logged model is ready for use.

    Args:
        model_id: The model.
        status: PENDING, READY or FAILED.
        message: More about it, at most 1 000 characters.

    Raises:
        NotFound: if there is none.
    """
    request = pb.FinalizeLoggedModelRequest(
        model_id=model_id, status=_status_number(status), status_message=message
    )
    return Unary(
        method=f"{_SERVICE}FinalizeLoggedModel",
        request=request,
        answer=pb.FinalizeLoggedModelResponse,
        convert=_model,
    )


def delete_logged_model(model_id: str) -> Unary[LoggedModel]:
    """Deletes a logged model: it is found only under its id, if deleted ones are asked for.

    Raises:
        NotFound: if there is none.
    """
    return Unary(
        method=f"{_SERVICE}DeleteLoggedModel",
        request=pb.DeleteLoggedModelRequest(model_id=model_id),
        answer=pb.DeleteLoggedModelResponse,
        convert=_model,
    )


def set_logged_model_tags(model_id: str, tags: Mapping[str, str]) -> Unary[None]:
    """Sets tags of a logged model, all of them or none, overwriting those of the same key.

    Raises:
        InvalidValue: if a key or a value cannot be stored.
        NotFound: if there is no such model.
    """
    return Unary(
        method=f"{_SERVICE}SetLoggedModelTags",
        request=pb.SetLoggedModelTagsRequest(model_id=model_id, tags=tags),
        answer=pb.SetLoggedModelTagsResponse,
        convert=_nothing,
    )


def delete_logged_model_tags(model_id: str, keys: Sequence[str]) -> Unary[None]:
    """Deletes tags of a logged model, all of them or none.

    Raises:
        NotFound: if it lacks one of them, or there is no such model.
    """
    return Unary(
        method=f"{_SERVICE}DeleteLoggedModelTags",
        request=pb.DeleteLoggedModelTagsRequest(model_id=model_id, keys=keys),
        answer=pb.DeleteLoggedModelTagsResponse,
        convert=_nothing,
        repeatable=False,
    )


def log_logged_model_params(model_id: str, params: Mapping[str, str]) -> Unary[None]:
    """Writes params of a logged model, all of them or none. The same value again is fine.

    Raises:
        AlreadyExists: if one has another value already (`PARAM_CONFLICT`).
        InvalidValue: if a key or a value cannot be stored.
        NotFound: if there is no such model.
    """
    return Unary(
        method=f"{_SERVICE}LogLoggedModelParams",
        request=pb.LogLoggedModelParamsRequest(model_id=model_id, params=params),
        answer=pb.LogLoggedModelParamsResponse,
        convert=_nothing,
    )


def search_logged_models(
    experiment_ids: Sequence[str] = (),
    filter: str = "",
    *,
    datasets: Sequence[tuple[str, str]] = (),
    order_by: Sequence[LoggedModelOrder] = (),
    view_type: str | None = None,
    page_size: int = 0,
    omit_metrics: bool = False,
) -> Pages[LoggedModel]:
    """Finds logged models, page by page as they are asked for.

    Args:
        experiment_ids: The experiments to search, at most 1 000. None of them means all.
        filter: For example `metrics.accuracy > 0.9 AND params.depth = '3'`; a comparison with a
            metric is true when any point satisfies it.
        datasets: Comparisons look at points about any of these alone: names and digests, of which
            an empty one means any.
        order_by: Ties, and nothing, go by creation, the newest first.
        view_type: A `ViewType`; None means active ones.
        page_size: The most to fetch at once; 0 means 100.
        omit_metrics: Whether to leave out the points about the models.

    Raises:
        InvalidValue: if the filter or the order cannot be read; the message says where.
    """
    request = pb.SearchLoggedModelsRequest(
        experiment_ids=experiment_ids,
        filter=filter,
        datasets=[
            pb.DatasetSelector(dataset_name=name, dataset_digest=digest)
            for name, digest in datasets
        ],
        order_by=[
            pb.LoggedModelOrder(
                field_name=order.field_name,
                descending=order.descending,
                dataset_name=order.dataset_name,
                dataset_digest=order.dataset_digest,
            )
            for order in order_by
        ],
        view_type=view_type_number(view_type),
        page_size=page_size,
        omit_metrics=omit_metrics,
    )
    return Pages(
        method=f"{_SERVICE}SearchLoggedModels",
        request=request,
        answer=pb.SearchLoggedModelsResponse,
        convert=_models,
    )


def list_logged_model_metrics(model_id: str, *, page_size: int = 0) -> Pages[LoggedModelMetric]:
    """Lists the points that runs logged about a model, ordered by key, then step, then time.

    Args:
        model_id: The model.
        page_size: The most to fetch at once; 0 means 1 000.

    Raises:
        NotFound: if there is no such model.
    """
    return Pages(
        method=f"{_SERVICE}ListLoggedModelMetrics",
        request=pb.ListLoggedModelMetricsRequest(model_id=model_id, page_size=page_size),
        answer=pb.ListLoggedModelMetricsResponse,
        convert=_metrics,
    )


def _status_number(status: str) -> "logged_model_pb2.LoggedModelStatus.ValueType":
    known = [one.value for one in LoggedModelStatus if one is not LoggedModelStatus.UNKNOWN]
    if status not in known:
        raise InvalidValue(f"the model status {status!r} is none of {', '.join(known)}")
    return logged_model_pb2.LoggedModelStatus.Value(f"LOGGED_MODEL_STATUS_{status}")


def _model(answer: pb.GetLoggedModelResponse) -> LoggedModel:
    return _model_of(answer.model)


def _models(answer: pb.SearchLoggedModelsResponse) -> list[LoggedModel]:
    return [_model_of(model) for model in answer.models]


def _metrics(answer: pb.ListLoggedModelMetricsResponse) -> list[LoggedModelMetric]:
    return [_metric_of(metric) for metric in answer.metrics]


def _model_of(message: logged_model_pb2.LoggedModel) -> LoggedModel:
    return LoggedModel(
        model_id=message.model_id,
        experiment_id=message.experiment_id,
        name=message.name,
        artifact_uri=message.artifact_uri,
        model_type=message.model_type,
        source_run_id=message.source_run_id,
        status=LoggedModelStatus(_STATUSES.get(message.status, "")),
        status_message=message.status_message,
        lifecycle_stage=lifecycle_stage_of(message.lifecycle_stage),
        create_time=time_of(message, "create_time"),
        update_time=time_of(message, "update_time"),
        params=dict(message.params),
        tags=dict(message.tags),
        metrics=tuple(_metric_of(metric) for metric in message.metrics),
        more_metrics=message.more_metrics,
    )


def _metric_of(message: logged_model_pb2.LoggedModelMetric) -> LoggedModelMetric:
    return LoggedModelMetric(
        key=message.key,
        value=message.value,
        step=message.step,
        time_us=message.time_unix_us,
        run_id=message.run_id,
        dataset_name=message.dataset_name,
        dataset_digest=message.dataset_digest,
    )


def _nothing(_answer: object) -> None:
    return None
