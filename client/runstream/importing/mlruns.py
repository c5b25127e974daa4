"""An MLflow file store: an `mlruns` folder."""

import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any, Final, TypeVar, cast

from runstream.importing.entities import (
    ModelPoint,
    Points,
    RunDetails,
    SourceDataset,
    SourceExperiment,
    SourceModel,
    SourceRun,
)
from runstream.importing.mlruns_metrics import count_lines, read_metric, read_model_metric
from runstream.importing.source import Source, UnreadableSource, missing_package

try:
    import yaml
except ImportError:
    raise missing_package("PyYAML") from None

__all__ = ["MlrunsSource"]

T = TypeVar("T")

META: Final = "meta.yaml"
TRASH: Final = ".trash"
ARTIFACTS: Final = "artifacts"
RUN_STATUSES: Final = {1: "RUNNING", 2: "SCHEDULED", 3: "FINISHED", 4: "FAILED", 5: "KILLED"}
MODEL_STATUSES: Final = {1: "PENDING", 2: "READY", 3: "FAILED"}
_NO_RUNS: Final = frozenset({"tags", "datasets", "traces", "models"})
"""Folders in an experiment's that are no runs."""

_Loader: Final = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


class MlrunsSource(Source):
    """Reads a folder of experiments. A broken description costs only what it describes."""

    def __init__(self, folder: Path) -> None:
        """Looks for experiments.

        Raises:
            UnreadableSource: if the folder holds none.
        """
        found = _experiment_folders(folder)
        if not found and (folder / "mlruns").is_dir():
            folder = folder / "mlruns"
            found = _experiment_folders(folder)
        if not found:
            raise UnreadableSource(
                f"{folder} is no mlruns folder: it holds no folder of an experiment with a {META}"
            )
        self.name = str(folder)
        self.folder = folder.parent
        self.unreadable = {}
        self._experiments = found
        self._runs: dict[str, Path] = {}

    def close(self) -> None:
        """Holds nothing open."""

    def experiments(self) -> Sequence[SourceExperiment]:
        folders = [folder for _, folder in sorted(self._experiments.items(), key=_numerically)]
        return self._readable(folders, _experiment)

    def runs(self, experiment_id: str) -> Sequence[SourceRun]:
        folder = self._experiments[experiment_id]
        folders = [
            each
            for each in _folders(folder)
            if each.name not in _NO_RUNS and (each / META).is_file()
        ]
        self._runs.update((each.name, each) for each in folders)
        found = self._readable(folders, partial(_run, experiment_id))
        return sorted(found, key=lambda run: (run.start_time_ms or 0, run.run_id))

    def details(self, runs: Sequence[SourceRun]) -> Mapping[str, RunDetails]:
        return {run.run_id: self._details(run) for run in runs}

    def points(
        self, run: SourceRun, series: Mapping[str, int], complain: Callable[[str], None]
    ) -> Iterator[Points]:
        folder = self._runs[run.run_id] / "metrics"
        for key, size in sorted(series.items()):
            yield from read_metric(folder / key, key, size, complain)

    def count_points(self) -> int:
        return sum(
            count_lines(path)
            for experiment_id in self._experiments
            for run in self.runs(experiment_id)
            for _, path in _files(self._runs[run.run_id] / "metrics")
        )

    def models(self) -> Sequence[SourceModel]:
        found: list[SourceModel] = []
        for experiment_id, experiment in self._experiments.items():
            folders = [each for each in _folders(experiment / "models") if (each / META).is_file()]
            found += self._readable(folders, partial(_model, experiment_id))
        return sorted(found, key=lambda model: model.model_id)

    def model_points(self, run: SourceRun) -> Sequence[ModelPoint]:
        folder = self._experiments[run.experiment_id] / "models"
        return [
            point
            for model in _folders(folder)
            for key, path in _files(model / "metrics")
            for of_run, point in read_model_metric(path, model.name, key)
            if of_run == run.run_id
        ]

    def _readable(self, folders: Iterable[Path], read: Callable[[Path], T]) -> list[T]:
        found: list[T] = []
        for folder in folders:
            try:
                found.append(read(folder))
            except UnreadableSource as error:
                self.unreadable[str(folder)] = str(error)
        return found

    def _details(self, run: SourceRun) -> RunDetails:
        folder = self._runs[run.run_id]
        datasets: list[SourceDataset] = []
        model_inputs: list[str] = []
        for meta in self._readable(_folders(folder / "inputs"), _link):
            if meta.get("source_type") == "MODEL":
                model_inputs.append(str(meta["source_id"]))
            else:
                known = self._experiments[run.experiment_id] / "datasets" / str(meta["source_id"])
                if (known / META).is_file():
                    read = partial(_dataset, meta.get("tags") or {})
                    datasets += self._readable([known], read)
        outputs = self._readable(_folders(folder / "outputs"), _link)
        return RunDetails(
            params=_texts(folder / "params"),
            tags=_texts(folder / "tags"),
            series={key: path.stat().st_size for key, path in _files(folder / "metrics")},
            datasets=sorted(datasets, key=lambda one: (one.name, one.digest)),
            model_inputs=sorted(model_inputs),
            model_outputs=sorted(
                (str(meta["source_id"]), int(meta.get("step") or 0)) for meta in outputs
            ),
        )


def _experiment_folders(folder: Path) -> dict[str, Path]:
    """Returns the folders of experiments by id: a deleted one lies in the trash."""
    return {
        each.name: each
        for parent in (folder / TRASH, folder)
        for each in _folders(parent)
        if each.name not in {TRASH, "models"} and (each / META).is_file()
    }


def _numerically(item: tuple[str, Path]) -> tuple[int, str]:
    return (int(item[0]) if item[0].isdecimal() else 0, item[0])


def _folders(folder: Path) -> list[Path]:
    if not folder.is_dir():
        return []
    with os.scandir(folder) as entries:
        return sorted(Path(entry) for entry in entries if entry.is_dir())


def _files(folder: Path) -> Iterator[tuple[str, Path]]:
    """Yields names and files; a name with slashes is a path."""
    for parent, folders, names in os.walk(folder):
        folders.sort()
        for name in sorted(names):
            path = Path(parent) / name
            yield path.relative_to(folder).as_posix(), path


def _texts(folder: Path) -> dict[str, str]:
    return {name: path.read_bytes().decode(errors="replace") for name, path in _files(folder)}


def _meta(folder: Path) -> dict[str, Any]:
    path = folder / META
    try:
        meta = yaml.load(path.read_bytes(), Loader=_Loader)  # noqa: S506 - a safe one
    except (OSError, yaml.YAMLError) as error:
        raise UnreadableSource(f"{path} cannot be read: {error}") from error
    if not isinstance(meta, dict):
        raise UnreadableSource(f"{path} describes nothing")
    return cast("dict[str, Any]", meta)


def _experiment(folder: Path) -> SourceExperiment:
    meta = _meta(folder)
    return SourceExperiment(
        experiment_id=folder.name,
        name=str(meta.get("name", "")),
        deleted=folder.parent.name == TRASH or meta.get("lifecycle_stage") == "deleted",
        create_time_ms=meta.get("creation_time"),
        tags=_texts(folder / "tags"),
    )


def _run(experiment_id: str, folder: Path) -> SourceRun:
    meta = _meta(folder)
    return SourceRun(
        run_id=folder.name,
        experiment_id=experiment_id,
        name=str(meta.get("run_name") or meta.get("name") or ""),
        status=RUN_STATUSES.get(meta.get("status", 1), "RUNNING"),
        deleted=meta.get("lifecycle_stage") == "deleted",
        start_time_ms=meta.get("start_time"),
        end_time_ms=meta.get("end_time"),
        user=str(meta.get("user_id") or ""),
        artifact_uri=str(meta.get("artifact_uri") or ""),
        artifact_folder=folder / ARTIFACTS,
    )


def _link(folder: Path) -> dict[str, Any]:
    meta = _meta(folder)
    if "source_id" not in meta:
        raise UnreadableSource(f"{folder / META} names no source_id")
    return meta


def _dataset(tags: Mapping[str, Any], folder: Path) -> SourceDataset:
    meta = _meta(folder)
    schema, profile = meta.get("schema"), meta.get("profile")
    return SourceDataset(
        name=str(meta.get("name", "")),
        digest=str(meta.get("digest", "")),
        source_type=str(meta.get("source_type") or ""),
        source=str(meta.get("source") or ""),
        schema=None if schema is None else str(schema),
        profile=None if profile is None else str(profile),
        tags={str(key): str(value) for key, value in tags.items()},
    )


def _model(experiment_id: str, folder: Path) -> SourceModel:
    meta = _meta(folder)
    return SourceModel(
        model_id=folder.name,
        experiment_id=experiment_id,
        name=str(meta.get("name") or ""),
        status=MODEL_STATUSES.get(meta.get("status", 1), "PENDING"),
        status_message=str(meta.get("status_message") or ""),
        deleted=meta.get("lifecycle_stage") == "deleted",
        model_type=str(meta.get("model_type") or ""),
        source_run_id=str(meta.get("source_run_id") or ""),
        create_time_ms=meta.get("creation_timestamp"),
        artifact_uri=str(meta.get("artifact_location") or ""),
        artifact_folder=folder / ARTIFACTS,
        params=_texts(folder / "params"),
        tags=_texts(folder / "tags"),
    )
