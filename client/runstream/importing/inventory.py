"""Counts what a store holds, for people who want to know before they move it."""

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from runstream.importing.artifacts import Places, files_below
from runstream.importing.source import Source

__all__ = ["ExperimentContent", "Inventory", "take_inventory"]

_RUN_ID: Final = re.compile(r"[0-9a-f]{32}")


@dataclass(frozen=True, slots=True, kw_only=True)
class ExperimentContent:
    """An experiment and how many runs it has, deleted ones included."""

    experiment_id: str
    name: str
    stage: str
    runs: int
    deleted_runs: int


@dataclass(slots=True)
class Inventory:
    """What a store holds.

    Attributes:
        files: Those that are on this machine.
        elsewhere: How many runs and models have their artifacts elsewhere, by place.
        bad_run_ids: Runs that a server cannot have.
        unreadable: Why parts of the store cannot be moved.
    """

    experiments: list[ExperimentContent] = field(default_factory=list[ExperimentContent])
    runs: int = 0
    params: int = 0
    tags: int = 0
    points: int = 0
    inputs: int = 0
    models: int = 0
    files: int = 0
    elsewhere: Counter[str] = field(default_factory=Counter[str])
    bad_run_ids: Sequence[str] = ()
    unreadable: Sequence[str] = ()


def take_inventory(source: Source, places: Places) -> Inventory:
    """Counts what a store holds.

    Raises:
        UnreadableSource: if it cannot be read.
    """
    found = Inventory(points=source.count_points())
    bad: list[str] = []
    for experiment in source.experiments():
        runs = source.runs(experiment.experiment_id)
        bad += [run.run_id for run in runs if not _RUN_ID.fullmatch(run.run_id)]
        found.experiments.append(
            ExperimentContent(
                experiment_id=experiment.experiment_id,
                name=experiment.name,
                stage="DELETED" if experiment.deleted else "ACTIVE",
                runs=len(runs),
                deleted_runs=sum(run.deleted for run in runs),
            )
        )
        found.runs += len(runs)
        for details in source.details(runs).values():
            found.params += len(details.params)
            found.tags += len(details.tags)
            found.inputs += (
                len(details.datasets) + len(details.model_inputs) + len(details.model_outputs)
            )
        for run in runs:
            _count_files(found, places, run.artifact_uri, run.artifact_folder)
    for model in source.models():
        found.models += 1
        _count_files(found, places, model.artifact_uri, model.artifact_folder)
    found.bad_run_ids = bad
    found.unreadable = list(source.unreadable.values())
    return found


def _count_files(found: Inventory, places: Places, uri: str, beside: Path | None) -> None:
    files = places.files(uri, beside)
    if files.folder is not None:
        found.files += sum(1 for _ in files_below(files.folder))
    elif files.elsewhere:
        found.elsewhere[files.elsewhere] += 1
