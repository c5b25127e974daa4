"""LoggedModelService: creates, finds and changes logged models."""

from collections.abc import Mapping
from typing import Final

from runstream.v1 import (
    logged_model_pb2,
    logged_model_service_pb2 as pb,
    logged_model_service_pb2_grpc as pb_grpc,
)
from runstream_server.core.logged_models import (
    LoggedModel,
    LoggedModels,
    ModelOrder,
    ModelSearch,
    ModelStatus,
    NewModel,
)
from runstream_server.core.logged_models.rules import check_model_id
from runstream_server.core.search.pages import PageRequest, page_limit
from runstream_server.core.validation import (
    check_count,
    invalid_value,
    missing_value,
    parse_experiment_id,
)
from runstream_server.services import convert
from runstream_server.services.context import RpcContext
from runstream_server.storage.model_rows import ModelPoint

__all__ = ["LoggedModelServicer"]

MAX_METRICS: Final = 1_000
"""A model, or a page, comes with at most this many points."""
_STATUSES: Final = {status.value: status for status in ModelStatus}


class LoggedModelServicer(pb_grpc.LoggedModelServiceServicer):
    """Converts requests, calls the core, converts answers."""

    def __init__(self, models: LoggedModels) -> None:
        self._models = models

    async def CreateLoggedModel(
        self, request: pb.CreateLoggedModelRequest, context: RpcContext
    ) -> pb.CreateLoggedModelResponse:
        model, created = await self._models.create(
            NewModel(
                experiment_id=parse_experiment_id("experiment_id", request.experiment_id),
                model_id=request.model_id,
                name=request.name,
                model_type=request.model_type,
                source_run_id=request.source_run_id,
                params=dict(request.params),
                tags=dict(request.tags),
                create_time_us=convert.optional_microseconds(request, "create_time"),
            )
        )
        return pb.CreateLoggedModelResponse(model=_message(model), created=created)

    async def GetLoggedModel(
        self, request: pb.GetLoggedModelRequest, context: RpcContext
    ) -> pb.GetLoggedModelResponse:
        model = await self._models.get(
            check_model_id(request.model_id),
            allow_deleted=request.allow_deleted,
            max_metrics=0 if request.omit_metrics else MAX_METRICS,
        )
        return pb.GetLoggedModelResponse(model=_message(model))

    async def FinalizeLoggedModel(
        self, request: pb.FinalizeLoggedModelRequest, context: RpcContext
    ) -> pb.FinalizeLoggedModelResponse:
        model_id = check_model_id(request.model_id)
        status = _status(request.status)
        model = await self._models.set_status(model_id, status, request.status_message)
        return pb.FinalizeLoggedModelResponse(model=_message(model))

    async def DeleteLoggedModel(
        self, request: pb.DeleteLoggedModelRequest, context: RpcContext
    ) -> pb.DeleteLoggedModelResponse:
        model = await self._models.delete(check_model_id(request.model_id))
        return pb.DeleteLoggedModelResponse(model=_message(model))

    async def SetLoggedModelTags(
        self, request: pb.SetLoggedModelTagsRequest, context: RpcContext
    ) -> pb.SetLoggedModelTagsResponse:
        model_id = check_model_id(request.model_id)
        await self._models.set_tags(model_id, _not_empty("tags", request.tags))
        return pb.SetLoggedModelTagsResponse()

    async def DeleteLoggedModelTags(
        self, request: pb.DeleteLoggedModelTagsRequest, context: RpcContext
    ) -> pb.DeleteLoggedModelTagsResponse:
        await self._models.delete_tags(check_model_id(request.model_id), list(request.keys))
        return pb.DeleteLoggedModelTagsResponse()

    async def LogLoggedModelParams(
        self, request: pb.LogLoggedModelParamsRequest, context: RpcContext
    ) -> pb.LogLoggedModelParamsResponse:
        model_id = check_model_id(request.model_id)
        await self._models.log_params(model_id, _not_empty("params", request.params))
        return pb.LogLoggedModelParamsResponse()

    async def SearchLoggedModels(
        self, request: pb.SearchLoggedModelsRequest, context: RpcContext
    ) -> pb.SearchLoggedModelsResponse:
        check_count("experiment_ids", request.experiment_ids)
        search = ModelSearch(
            experiment_ids=tuple(
                parse_experiment_id(f"experiment_ids[{place}]", text)
                for place, text in enumerate(request.experiment_ids)
            ),
            filter=request.filter,
            datasets=tuple((one.dataset_name, one.dataset_digest) for one in request.datasets),
            order_by=tuple(
                ModelOrder(
                    field_name=one.field_name,
                    descending=one.descending,
                    dataset=(one.dataset_name, one.dataset_digest),
                )
                for one in request.order_by
            ),
            view=convert.view_type(request.view_type),
            max_metrics=0 if request.omit_metrics else MAX_METRICS,
        )
        page = await self._models.search(search, PageRequest(request.page_size, request.page_token))
        return pb.SearchLoggedModelsResponse(
            models=map(_message, page.items), next_page_token=page.next_page_token
        )

    async def ListLoggedModelMetrics(
        self, request: pb.ListLoggedModelMetricsRequest, context: RpcContext
    ) -> pb.ListLoggedModelMetricsResponse:
        model_id = check_model_id(request.model_id)
        limit = page_limit(request.page_size or MAX_METRICS, MAX_METRICS)
        page = await self._models.points(model_id, limit, request.page_token)
        return pb.ListLoggedModelMetricsResponse(
            metrics=map(_metric, page.items), next_page_token=page.next_page_token
        )


def _status(number: int) -> ModelStatus:
    if number == logged_model_pb2.LOGGED_MODEL_STATUS_UNSPECIFIED:
        raise missing_value("status", "set it to a value of the enum LoggedModelStatus")
    if number not in _STATUSES:
        raise invalid_value("status", number, "use a value of the enum LoggedModelStatus, 1 to 3")
    return _STATUSES[number]


def _not_empty(field: str, entries: Mapping[str, str]) -> dict[str, str]:
    if not entries:
        raise missing_value(field, "send at least one entry")
    return dict(entries)


def _message(model: LoggedModel) -> logged_model_pb2.LoggedModel:
    return logged_model_pb2.LoggedModel(
        model_id=model.model_id,
        experiment_id=str(model.experiment_id),
        name=model.name,
        artifact_uri=model.artifact_uri,
        model_type=model.model_type,
        source_run_id=model.source_run_id,
        status=logged_model_pb2.LoggedModelStatus.ValueType(model.status),
        status_message=model.status_message,
        lifecycle_stage=convert.lifecycle_stage(active=model.active),
        create_time=convert.timestamp(model.create_time_us),
        update_time=convert.timestamp(model.update_time_us),
        params=model.params,
        tags=model.tags,
        metrics=map(_metric, model.metrics),
        more_metrics=model.more_metrics,
    )


def _metric(point: ModelPoint) -> logged_model_pb2.LoggedModelMetric:
    return logged_model_pb2.LoggedModelMetric(
        key=point.key,
        value=point.value,
        step=point.step,
        time_unix_us=point.time_us,
        run_id=point.run_id,
        dataset_name=point.dataset_name,
        dataset_digest=point.dataset_digest,
    )
