"""What runs read and make, between the contract's messages and the core's values."""

from collections.abc import Iterable

from runstream.v1 import input_pb2
from runstream_server.core.dataset_search import DatasetSummary
from runstream_server.core.runs import Dataset, DatasetInput, ModelOutput, RunInputs

__all__ = [
    "dataset_inputs",
    "input_messages",
    "model_outputs",
    "output_messages",
    "summary_message",
]


def dataset_inputs(messages: Iterable[input_pb2.DatasetInput]) -> list[DatasetInput]:
    """Returns the dataset inputs of a request."""
    return [DatasetInput(_dataset(message.dataset), dict(message.tags)) for message in messages]


def model_outputs(messages: Iterable[input_pb2.ModelOutput]) -> list[ModelOutput]:
    """Returns the model outputs of a request."""
    return [ModelOutput(message.model_id, message.step) for message in messages]


def input_messages(inputs: RunInputs) -> list[input_pb2.DatasetInput]:
    """Returns dataset inputs as messages."""
    return [
        input_pb2.DatasetInput(
            dataset=input_pb2.Dataset(
                name=one.dataset.name,
                digest=one.dataset.digest,
                source_type=one.dataset.source_type,
                source=one.dataset.source,
                schema=one.dataset.schema,
                profile=one.dataset.profile,
            ),
            tags=one.tags,
        )
        for one in inputs.datasets
    ]


def output_messages(inputs: RunInputs) -> list[input_pb2.ModelOutput]:
    """Returns model outputs as messages."""
    return [
        input_pb2.ModelOutput(model_id=output.model_id, step=output.step)
        for output in inputs.outputs
    ]


def summary_message(summary: DatasetSummary) -> input_pb2.DatasetSummary:
    """Returns what sums inputs up as a message."""
    return input_pb2.DatasetSummary(
        experiment_id=str(summary.experiment_id),
        name=summary.name,
        digest=summary.digest,
        context=summary.context,
    )


def _dataset(message: input_pb2.Dataset) -> Dataset:
    return Dataset(
        name=message.name,
        digest=message.digest,
        source_type=message.source_type,
        source=message.source,
        schema=message.schema if message.HasField("schema") else None,
        profile=message.profile if message.HasField("profile") else None,
    )
