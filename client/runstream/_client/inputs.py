"""The calls about what runs read and make, and their messages."""

from collections.abc import Sequence
from typing import Final

from runstream._client.calls import Pages, Unary
from runstream.entities import Dataset, DatasetInput, DatasetSummary, ModelOutput
from runstream.v1 import (
    experiment_service_pb2 as experiment_pb,
    input_pb2,
    run_pb2,
    run_service_pb2 as pb,
)

__all__ = [
    "dataset_inputs_of",
    "log_inputs",
    "log_outputs",
    "model_outputs_of",
    "search_datasets",
]

_RUNS: Final = "/runstream.v1.RunService/"
_EXPERIMENTS: Final = "/runstream.v1.ExperimentService/"


def log_inputs(
    run_id: str, datasets: Sequence[DatasetInput] = (), *, model_ids: Sequence[str] = ()
) -> Unary[None]:
    """Says what a run read. An input that it has stays as it is.

    Args:
        run_id: The run.
        datasets: At most 1 000. A dataset is one by its name and digest in its experiment: the
            first source, schema and profile stay.
        model_ids: Logged models, at most 1 000.

    Raises:
        FailedPrecondition: if the run is deleted.
        InvalidValue: if an input cannot be stored.
        NotFound: if there is no such run.
    """
    request = pb.LogInputsRequest(
        run_id=run_id,
        datasets=[_input(one) for one in datasets],
        models=[input_pb2.ModelInput(model_id=model_id) for model_id in model_ids],
    )
    return Unary(
        method=f"{_RUNS}LogInputs", request=request, answer=pb.LogInputsResponse, convert=_nothing
    )


def log_outputs(run_id: str, models: Sequence[ModelOutput]) -> Unary[None]:
    """Says which logged models a run made, at most 1 000; again makes no difference.

    Raises:
        FailedPrecondition: if the run is deleted.
        NotFound: if there is no such run.
    """
    request = pb.LogOutputsRequest(
        run_id=run_id,
        models=[input_pb2.ModelOutput(model_id=one.model_id, step=one.step) for one in models],
    )
    return Unary(
        method=f"{_RUNS}LogOutputs", request=request, answer=pb.LogOutputsResponse, convert=_nothing
    )


def search_datasets(experiment_ids: Sequence[str], *, page_size: int = 0) -> Pages[DatasetSummary]:
    """Lists the datasets that runs of experiments read, each once for every context.

    Args:
        experiment_ids: 1 to 1 000 experiments.
        page_size: The most to fetch at once; 0 means 100.

    Raises:
        InvalidValue: if an id is none of an experiment's.
    """
    request = experiment_pb.SearchDatasetsRequest(
        experiment_ids=experiment_ids, page_size=page_size
    )
    return Pages(
        method=f"{_EXPERIMENTS}SearchDatasets",
        request=request,
        answer=experiment_pb.SearchDatasetsResponse,
        convert=_summaries,
    )


def dataset_inputs_of(message: run_pb2.Run) -> tuple[DatasetInput, ...]:
    """Converts the dataset inputs of a run."""
    return tuple(
        DatasetInput(_dataset_of(one.dataset), dict(one.tags)) for one in message.dataset_inputs
    )


def model_outputs_of(message: run_pb2.Run) -> tuple[ModelOutput, ...]:
    """Converts the model outputs of a run."""
    return tuple(ModelOutput(one.model_id, one.step) for one in message.model_outputs)


def _input(one: DatasetInput) -> input_pb2.DatasetInput:
    dataset = one.dataset
    return input_pb2.DatasetInput(
        dataset=input_pb2.Dataset(
            name=dataset.name,
            digest=dataset.digest,
            source_type=dataset.source_type,
            source=dataset.source,
            schema=dataset.schema,
            profile=dataset.profile,
        ),
        tags=one.tags,
    )


def _dataset_of(message: input_pb2.Dataset) -> Dataset:
    return Dataset(
        name=message.name,
        digest=message.digest,
        source_type=message.source_type,
        source=message.source,
        schema=message.schema if message.HasField("schema") else None,
        profile=message.profile if message.HasField("profile") else None,
    )


def _summaries(answer: experiment_pb.SearchDatasetsResponse) -> list[DatasetSummary]:
    return [
        DatasetSummary(
            experiment_id=one.experiment_id,
            name=one.name,
            digest=one.digest,
            context=one.context if one.HasField("context") else None,
        )
        for one in answer.datasets
    ]


def _nothing(_answer: object) -> None:
    return None
