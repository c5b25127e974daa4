"""ExperimentService: creates, finds and changes experiments."""

import re
from typing import Final

from runstream.v1 import (
    experiment_pb2,
    experiment_service_pb2 as pb,
    experiment_service_pb2_grpc as pb_grpc,
)
from runstream_server.core.experiments import Experiment, Experiments, ExperimentSearch
from runstream_server.core.search.pages import PageRequest
from runstream_server.core.validation import invalid_value, missing_value, parse_experiment_id
from runstream_server.services import convert
from runstream_server.services.context import RpcContext
from runstream_server.services.input_convert import summary_message

__all__ = ["ExperimentServicer"]

_SCHEME: Final = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:.")


class ExperimentServicer(pb_grpc.ExperimentServiceServicer):
    """Converts requests, calls the core, converts answers."""

    def __init__(self, experiments: Experiments) -> None:
        self._experiments = experiments

    async def CreateExperiment(
        self, request: pb.CreateExperimentRequest, context: RpcContext
    ) -> pb.CreateExperimentResponse:
        location = request.artifact_location
        if location and not _SCHEME.match(location):
            raise invalid_value("artifact_location", location, "use a URI with its scheme")
        wished = request.experiment_id
        experiment, created = await self._experiments.create(
            request.name,
            dict(request.tags),
            location,
            get_if_exists=request.get_if_exists,
            experiment_id=_id(wished) if wished else None,
            create_time_us=convert.optional_microseconds(request, "create_time"),
        )
        return pb.CreateExperimentResponse(experiment=_message(experiment), created=created)

    async def GetExperiment(
        self, request: pb.GetExperimentRequest, context: RpcContext
    ) -> pb.GetExperimentResponse:
        experiment = await self._experiments.get(_id(request.experiment_id))
        return pb.GetExperimentResponse(experiment=_message(experiment))

    async def GetExperimentByName(
        self, request: pb.GetExperimentByNameRequest, context: RpcContext
    ) -> pb.GetExperimentByNameResponse:
        if not request.name:
            raise missing_value("name", "set it to the name of an experiment")
        experiment = await self._experiments.get_by_name(request.name)
        return pb.GetExperimentByNameResponse(experiment=_message(experiment))

    async def SearchExperiments(
        self, request: pb.SearchExperimentsRequest, context: RpcContext
    ) -> pb.SearchExperimentsResponse:
        search = ExperimentSearch(
            filter=request.filter,
            order_by=tuple(request.order_by),
            view=convert.view_type(request.view_type),
        )
        page = await self._experiments.search(
            search, PageRequest(request.page_size, request.page_token)
        )
        return pb.SearchExperimentsResponse(
            experiments=map(_message, page.items), next_page_token=page.next_page_token
        )

    async def UpdateExperiment(
        self, request: pb.UpdateExperimentRequest, context: RpcContext
    ) -> pb.UpdateExperimentResponse:
        given = request.experiment
        experiment_id = parse_experiment_id("experiment.experiment_id", given.experiment_id)
        convert.updates_only(["name"], request.update_mask)
        if given.tags and not request.update_mask.paths:
            stored = await self._experiments.get(experiment_id)
            if given.tags != stored.tags:
                remedy = "set tags by SetExperimentTags, and update_mask to name here"
                raise invalid_value("experiment.tags", dict(given.tags), remedy)
        experiment = await self._experiments.rename(experiment_id, given.name)
        return pb.UpdateExperimentResponse(experiment=_message(experiment))

    async def DeleteExperiment(
        self, request: pb.DeleteExperimentRequest, context: RpcContext
    ) -> pb.DeleteExperimentResponse:
        experiment = await self._experiments.delete(_id(request.experiment_id))
        return pb.DeleteExperimentResponse(experiment=_message(experiment))

    async def RestoreExperiment(
        self, request: pb.RestoreExperimentRequest, context: RpcContext
    ) -> pb.RestoreExperimentResponse:
        experiment = await self._experiments.restore(_id(request.experiment_id))
        return pb.RestoreExperimentResponse(experiment=_message(experiment))

    async def SetExperimentTags(
        self, request: pb.SetExperimentTagsRequest, context: RpcContext
    ) -> pb.SetExperimentTagsResponse:
        experiment_id = _id(request.experiment_id)
        experiment = await self._experiments.set_tags(experiment_id, dict(request.tags))
        return pb.SetExperimentTagsResponse(experiment=_message(experiment))

    async def DeleteExperimentTags(
        self, request: pb.DeleteExperimentTagsRequest, context: RpcContext
    ) -> pb.DeleteExperimentTagsResponse:
        experiment_id = _id(request.experiment_id)
        experiment = await self._experiments.delete_tags(experiment_id, list(request.keys))
        return pb.DeleteExperimentTagsResponse(experiment=_message(experiment))

    async def SearchDatasets(
        self, request: pb.SearchDatasetsRequest, context: RpcContext
    ) -> pb.SearchDatasetsResponse:
        ids = [
            parse_experiment_id(f"experiment_ids[{place}]", text)
            for place, text in enumerate(request.experiment_ids)
        ]
        page = await self._experiments.datasets(
            ids, PageRequest(request.page_size, request.page_token)
        )
        return pb.SearchDatasetsResponse(
            datasets=map(summary_message, page.items), next_page_token=page.next_page_token
        )


def _id(text: str) -> int:
    return parse_experiment_id("experiment_id", text)


def _message(experiment: Experiment) -> experiment_pb2.Experiment:
    return experiment_pb2.Experiment(
        experiment_id=str(experiment.experiment_id),
        name=experiment.name,
        artifact_location=experiment.artifact_location,
        lifecycle_stage=convert.lifecycle_stage(active=experiment.active),
        create_time=convert.timestamp(experiment.create_time_us),
        update_time=convert.timestamp(experiment.update_time_us),
        tags=experiment.tags,
    )
