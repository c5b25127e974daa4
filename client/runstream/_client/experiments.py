"""The calls of ExperimentService."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Final

from google.protobuf.field_mask_pb2 import FieldMask

from runstream._client.calls import Pages, Unary
from runstream._client.convert import experiment_of, timestamp_of, view_type_number
from runstream.entities import Experiment
from runstream.v1 import experiment_pb2, experiment_service_pb2 as pb

__all__ = [
    "create_experiment",
    "delete_experiment",
    "delete_experiment_tags",
    "get_experiment",
    "get_experiment_by_name",
    "restore_experiment",
    "search_experiments",
    "set_experiment_tags",
    "update_experiment",
]

_SERVICE: Final = "/runstream.v1.ExperimentService/"


def create_experiment(
    name: str,
    *,
    tags: Mapping[str, str] | None = None,
    get_if_exists: bool = False,
    artifact_location: str = "",
    experiment_id: str = "",
    create_time: datetime | None = None,
) -> Unary[Experiment]:
    """Creates an experiment.

    Args:
        name: 1 to 500 characters, unique among all experiments, deleted ones included.
        tags: The first tags.
        get_if_exists: Whether to return the active experiment of that name, if there is one, as it
            is. A call that was interrupted is repeated only then.
        artifact_location: Where its runs keep their artifacts, as a URI; empty for the server's
            default.
        experiment_id: The id that it is to have, if it is brought from elsewhere; empty for the
            next one.
        create_time: When it was created, if that was elsewhere. None means now.

    Raises:
        AlreadyExists: if the name or the id is taken.
    """
    request = pb.CreateExperimentRequest(
        name=name,
        tags=tags,
        get_if_exists=get_if_exists,
        artifact_location=artifact_location,
        experiment_id=experiment_id,
        create_time=timestamp_of(create_time),
    )
    return Unary(
        method=f"{_SERVICE}CreateExperiment",
        request=request,
        answer=pb.CreateExperimentResponse,
        convert=_experiment,
        repeatable=get_if_exists,
    )


def get_experiment(experiment_id: str) -> Unary[Experiment]:
    """Returns an experiment, deleted or not.

    Raises:
        NotFound: if there is none.
    """
    return Unary(
        method=f"{_SERVICE}GetExperiment",
        request=pb.GetExperimentRequest(experiment_id=experiment_id),
        answer=pb.GetExperimentResponse,
        convert=_experiment,
    )


def get_experiment_by_name(name: str) -> Unary[Experiment]:
    """Returns the experiment of a name, deleted or not.

    Raises:
        NotFound: if there is none.
    """
    return Unary(
        method=f"{_SERVICE}GetExperimentByName",
        request=pb.GetExperimentByNameRequest(name=name),
        answer=pb.GetExperimentByNameResponse,
        convert=_experiment,
    )


def search_experiments(
    filter: str = "",
    *,
    order_by: Sequence[str] = (),
    view_type: str | None = None,
    page_size: int = 0,
) -> Pages[Experiment]:
    """Finds experiments, page by page as they are asked for.

    Args:
        filter: For example `name LIKE 'vision/%' AND tags.team = 'a'`. Empty means all.
        order_by: For example `["name ASC"]`. Ties, and nothing, go by creation, newest first.
        view_type: A `ViewType`; None means active ones.
        page_size: The most to fetch at once; 0 means 100.

    Raises:
        InvalidValue: if the filter or the order cannot be read.
    """
    request = pb.SearchExperimentsRequest(
        filter=filter,
        order_by=order_by,
        view_type=view_type_number(view_type),
        page_size=page_size,
    )
    return Pages(
        method=f"{_SERVICE}SearchExperiments",
        request=request,
        answer=pb.SearchExperimentsResponse,
        convert=_experiments,
    )


def update_experiment(experiment_id: str, *, name: str) -> Unary[Experiment]:
    """Changes an experiment's name.

    Raises:
        AlreadyExists: if the name is taken.
        FailedPrecondition: if the experiment is deleted.
        NotFound: if there is none.
    """
    request = pb.UpdateExperimentRequest(
        experiment=experiment_pb2.Experiment(experiment_id=experiment_id, name=name),
        update_mask=FieldMask(paths=["name"]),
    )
    return Unary(
        method=f"{_SERVICE}UpdateExperiment",
        request=request,
        answer=pb.UpdateExperimentResponse,
        convert=_experiment,
    )


def delete_experiment(experiment_id: str) -> Unary[Experiment]:
    """Deletes an experiment and its active runs; they can be restored.

    Raises:
        NotFound: if there is none.
    """
    return Unary(
        method=f"{_SERVICE}DeleteExperiment",
        request=pb.DeleteExperimentRequest(experiment_id=experiment_id),
        answer=pb.DeleteExperimentResponse,
        convert=_experiment,
    )


def restore_experiment(experiment_id: str) -> Unary[Experiment]:
    """Restores a deleted experiment and all of its deleted runs.

    Raises:
        NotFound: if there is none.
    """
    return Unary(
        method=f"{_SERVICE}RestoreExperiment",
        request=pb.RestoreExperimentRequest(experiment_id=experiment_id),
        answer=pb.RestoreExperimentResponse,
        convert=_experiment,
    )


def set_experiment_tags(experiment_id: str, tags: Mapping[str, str]) -> Unary[Experiment]:
    """Sets tags of an experiment, all of them or none, overwriting those of the same key.

    Raises:
        InvalidValue: if a tag cannot be stored.
        NotFound: if there is no such experiment.
    """
    return Unary(
        method=f"{_SERVICE}SetExperimentTags",
        request=pb.SetExperimentTagsRequest(experiment_id=experiment_id, tags=tags),
        answer=pb.SetExperimentTagsResponse,
        convert=_experiment,
    )


def delete_experiment_tags(experiment_id: str, keys: Sequence[str]) -> Unary[Experiment]:
    """Deletes tags of an experiment, all of them or none.

    Raises:
        NotFound: if it lacks one of them, or there is no such experiment.
    """
    return Unary(
        method=f"{_SERVICE}DeleteExperimentTags",
        request=pb.DeleteExperimentTagsRequest(experiment_id=experiment_id, keys=keys),
        answer=pb.DeleteExperimentTagsResponse,
        convert=_experiment,
        repeatable=False,
    )


def _experiment(answer: pb.GetExperimentResponse) -> Experiment:
    return experiment_of(answer.experiment)


def _experiments(answer: pb.SearchExperimentsResponse) -> list[Experiment]:
    return [experiment_of(experiment) for experiment in answer.experiments]
