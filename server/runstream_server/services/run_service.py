"""RunService: creates, finds and changes runs."""

from collections.abc import Mapping, Sequence
from typing import Final, Literal

from runstream.v1 import run_pb2, run_service_pb2 as pb, run_service_pb2_grpc as pb_grpc
from runstream_server.core.runs import Run, Runs, RunSearch, RunStatus, ShownKeys
from runstream_server.core.runs.keys import KeyQuestion
from runstream_server.core.search.pages import PageRequest
from runstream_server.core.validation import (
    check_count,
    check_hex_id,
    check_storable,
    invalid_value,
    missing_value,
    parse_experiment_id,
)
from runstream_server.services import convert
from runstream_server.services.context import RpcContext
from runstream_server.services.input_convert import dataset_inputs, model_outputs
from runstream_server.services.run_convert import new_run, run_message, writer_message

__all__ = ["RunServicer"]

_INPUT_FIELDS: Final = ("experiment_id", "start_time", "parent_run_id", "user")
"""Fields of a run that its maker chooses, and that UpdateRun cannot change."""


class RunServicer(pb_grpc.RunServiceServicer):
    """Converts requests, calls the core, converts answers."""

    def __init__(self, runs: Runs) -> None:
        self._runs = runs

    async def CreateRun(
        self, request: pb.CreateRunRequest, context: RpcContext
    ) -> pb.CreateRunResponse:
        run, created = await self._runs.create(new_run(request), convert.record_id(request))
        return pb.CreateRunResponse(run=run_message(run), created=created)

    async def GetRun(self, request: pb.GetRunRequest, context: RpcContext) -> pb.GetRunResponse:
        run = await self._runs.get(
            _id(request.run_id),
            with_metrics=not request.omit_metrics,
            with_inputs=not request.omit_inputs,
        )
        return pb.GetRunResponse(run=run_message(run), cursor=run.cursor)

    async def UpdateRun(
        self, request: pb.UpdateRunRequest, context: RpcContext
    ) -> pb.UpdateRunResponse:
        run_id = check_hex_id("run.run_id", request.run.run_id)
        convert.updates_only(["name", "status", "end_time"], request.update_mask)
        paths = list(request.update_mask.paths)
        if not paths:
            await self._require_unchanged(request.run)
            paths = ["name"]
        run = await self._runs.update(
            run_id,
            name=request.run.name if "name" in paths else None,
            status=_status(request.run) if "status" in paths else None,
            end_time_us=_end_time_us(request.run) if "end_time" in paths else None,
        )
        return pb.UpdateRunResponse(run=run_message(run))

    async def FinishRun(
        self, request: pb.FinishRunRequest, context: RpcContext
    ) -> pb.FinishRunResponse:
        run = await self._runs.finish(
            _id(request.run_id),
            convert.run_status("status", request.status),
            convert.optional_microseconds(request, "end_time"),
            convert.record_id(request),
        )
        return pb.FinishRunResponse(run=run_message(run))

    async def FinishWriter(
        self, request: pb.FinishWriterRequest, context: RpcContext
    ) -> pb.FinishWriterResponse:
        run = await self._runs.finish_writer(
            _id(request.run_id),
            check_hex_id("writer_id", request.writer_id),
            convert.run_status("status", request.status),
            request.status_message,
            convert.record_id(request),
        )
        return pb.FinishWriterResponse(run=run_message(run))

    async def ResumeRun(
        self, request: pb.ResumeRunRequest, context: RpcContext
    ) -> pb.ResumeRunResponse:
        run = await self._runs.resume(_id(request.run_id), convert.record_id(request))
        return pb.ResumeRunResponse(run=run_message(run))

    async def DeleteRun(
        self, request: pb.DeleteRunRequest, context: RpcContext
    ) -> pb.DeleteRunResponse:
        run = await self._runs.delete(_id(request.run_id))
        return pb.DeleteRunResponse(run=run_message(run))

    async def RestoreRun(
        self, request: pb.RestoreRunRequest, context: RpcContext
    ) -> pb.RestoreRunResponse:
        run = await self._runs.restore(_id(request.run_id))
        return pb.RestoreRunResponse(run=run_message(run))

    async def SearchRuns(
        self, request: pb.SearchRunsRequest, context: RpcContext
    ) -> pb.SearchRunsResponse:
        check_count("experiment_ids", request.experiment_ids)
        shown = ShownKeys(
            params=_keys(request, "param_keys"),
            tags=_keys(request, "tag_keys"),
            metrics=_keys(request, "metric_keys"),
        )
        search = RunSearch(
            experiment_ids=_experiment_ids(request.experiment_ids),
            filter=request.filter,
            order_by=tuple(request.order_by),
            view=convert.view_type(request.view_type),
            with_metrics=not request.omit_metrics,
            with_inputs=not request.omit_inputs,
            shown=shown,
        )
        page = await self._runs.search(search, PageRequest(request.page_size, request.page_token))
        return pb.SearchRunsResponse(
            runs=[run_message(run, shown.tags) for run in page.items],
            next_page_token=page.next_page_token,
        )

    async def ListKeys(
        self, request: pb.ListKeysRequest, context: RpcContext
    ) -> pb.ListKeysResponse:
        check_count("experiment_ids", request.experiment_ids)
        question = KeyQuestion(
            kind=convert.key_kind(request.kind),
            experiment_ids=_experiment_ids(request.experiment_ids),
            prefix=request.prefix,
        )
        page = await self._runs.keys(question, PageRequest(request.page_size, request.page_token))
        return pb.ListKeysResponse(keys=page.items, next_page_token=page.next_page_token)

    async def LogParams(
        self, request: pb.LogParamsRequest, context: RpcContext
    ) -> pb.LogParamsResponse:
        run_id = _id(request.run_id)
        params = _not_empty("params", request.params)
        await self._runs.log(run_id, params=params, record=convert.record_id(request))
        return pb.LogParamsResponse()

    async def SetTags(self, request: pb.SetTagsRequest, context: RpcContext) -> pb.SetTagsResponse:
        run_id = _id(request.run_id)
        tags = _not_empty("tags", request.tags)
        await self._runs.log(run_id, tags=tags, record=convert.record_id(request))
        return pb.SetTagsResponse()

    async def DeleteTags(
        self, request: pb.DeleteTagsRequest, context: RpcContext
    ) -> pb.DeleteTagsResponse:
        run_id = _id(request.run_id)
        await self._runs.delete_tags(run_id, list(request.keys), convert.record_id(request))
        return pb.DeleteTagsResponse()

    async def LogInputs(
        self, request: pb.LogInputsRequest, context: RpcContext
    ) -> pb.LogInputsResponse:
        await self._runs.log_inputs(
            _id(request.run_id),
            dataset_inputs(request.datasets),
            [model.model_id for model in request.models],
            convert.record_id(request),
        )
        return pb.LogInputsResponse()

    async def LogOutputs(
        self, request: pb.LogOutputsRequest, context: RpcContext
    ) -> pb.LogOutputsResponse:
        run_id = _id(request.run_id)
        if not request.models:
            raise missing_value("models", "send at least one model")
        outputs = model_outputs(request.models)
        await self._runs.log_outputs(run_id, outputs, convert.record_id(request))
        return pb.LogOutputsResponse()

    async def ListWriters(
        self, request: pb.ListWritersRequest, context: RpcContext
    ) -> pb.ListWritersResponse:
        page = await self._runs.writers(
            _id(request.run_id), PageRequest(request.page_size, request.page_token)
        )
        return pb.ListWritersResponse(
            writers=map(writer_message, page.items), next_page_token=page.next_page_token
        )

    async def _require_unchanged(self, given: run_pb2.Run) -> None:
        """Lets a run come back whole with a new name, as long as nothing else is new."""
        names = {field.name for field, _ in given.ListFields()}
        asked = [name for name in _INPUT_FIELDS if name in names]
        if not asked:
            return
        run: Run = await self._runs.get(given.run_id, with_metrics=False)
        stored = run_message(run)
        for name in asked:
            if getattr(given, name) != getattr(stored, name):
                remedy = "it cannot be changed; leave it out, or set update_mask to name"
                raise invalid_value(f"run.{name}", getattr(given, name), remedy)


def _status(run: run_pb2.Run) -> RunStatus:
    return convert.run_status("run.status", run.status)


def _end_time_us(run: run_pb2.Run) -> int:
    if not run.HasField("end_time"):
        raise missing_value("run.end_time", "set it, or leave it out of update_mask")
    return convert.microseconds("run.end_time", run.end_time)


def _experiment_ids(texts: Sequence[str]) -> tuple[int, ...]:
    return tuple(
        parse_experiment_id(f"experiment_ids[{place}]", text) for place, text in enumerate(texts)
    )


def _keys(
    request: pb.SearchRunsRequest, field: Literal["param_keys", "tag_keys", "metric_keys"]
) -> frozenset[str] | None:
    if not request.HasField(field):
        return None
    keys: Sequence[str] = getattr(request, field).keys
    check_count(f"{field}.keys", keys)
    return frozenset(check_storable(f"{field}.keys", key) for key in keys)


def _id(text: str) -> str:
    return check_hex_id("run_id", text)


def _not_empty(field: str, entries: Mapping[str, str]) -> dict[str, str]:
    if not entries:
        raise missing_value(field, "send at least one entry")
    return dict(entries)
