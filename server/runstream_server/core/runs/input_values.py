"""What runs read and make, to everyone above the database."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

__all__ = ["NO_INPUTS", "Dataset", "DatasetInput", "ModelOutput", "RunInputs"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Dataset:
    """What a run read. Within an experiment, name and digest tell it from others."""

    name: str
    digest: str
    source_type: str = ""
    source: str = ""
    schema: str | None = None
    profile: str | None = None


@dataclass(frozen=True, slots=True)
class DatasetInput:
    """A dataset as an input of a run, with the tags of that input."""

    dataset: Dataset
    tags: Mapping[str, str] = field(default_factory=dict[str, str])


@dataclass(frozen=True, slots=True)
class ModelOutput:
    """A logged model that a run made at a step."""

    model_id: str
    step: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class RunInputs:
    """What a run read and made, each in the order in which it was logged.

    Attributes:
        datasets: The datasets that it read.
        models: The ids of the logged models that it read.
        outputs: The logged models that it made.
    """

    datasets: Sequence[DatasetInput] = ()
    models: Sequence[str] = ()
    outputs: Sequence[ModelOutput] = ()


NO_INPUTS: Final = RunInputs()
