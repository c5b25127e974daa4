"""An MLflow database of any age.

Tables and columns that a database is too old to have are taken as empty. Every query is short: a
long one would keep writers waiting where the engine locks whole files.
"""

import contextlib
import sqlite3
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from runstream.importing.entities import (
    ModelPoint,
    Points,
    RunDetails,
    SourceDataset,
    SourceExperiment,
    SourceModel,
    SourceRun,
)
from runstream.importing.source import Source, UnreadableSource, missing_package

try:
    import sqlalchemy as sa
    from sqlalchemy.exc import ArgumentError, SQLAlchemyError
except ImportError:
    raise missing_package("SQLAlchemy") from None

from runstream.importing.database_points import read_points
from runstream.importing.database_tables import Tables

__all__ = ["DatabaseSource"]

RUNS_A_QUERY: Final = 100
MODEL_STATUSES: Final = {1: "PENDING", 2: "READY", 3: "FAILED"}
DRIVER_PACKAGES: Final = {"mysqldb": "mysqlclient"}
"""What to install for drivers that are not called as their package is."""
_DEFAULT_WORKSPACE: Final = "default"


class DatabaseSource(Source):
    """Reads the tracking tables of a database."""

    def __init__(self, uri: str) -> None:
        """Opens the database for reading.

        Raises:
            UnreadableSource: if it cannot be opened, or is none of MLflow's.
        """
        try:
            url = sa.make_url(uri)
            engine = _engine(url)
            self._tables = Tables(engine)
        except SQLAlchemyError as error:
            raise UnreadableSource(f"cannot open the database {_shown(uri)}: {error}") from error
        self.name = url.render_as_string(hide_password=True)
        self.unreadable = {}
        database = url.database if url.get_backend_name() == "sqlite" else None
        self.folder = Path(database).absolute().parent if database else Path.cwd()
        if not (self._tables.has("experiments") and self._tables.has("runs")):
            self.close()
            raise UnreadableSource(
                f"{self.name} is no tracking database of MLflow: it has no tables experiments and "
                "runs"
            )

    def close(self) -> None:
        self._tables.close()

    def experiments(self) -> Sequence[SourceExperiment]:
        tags: dict[int, dict[str, str]] = defaultdict(dict)
        for owner, key, value in self._tables.rows(
            "experiment_tags", "experiment_id", "key", "value"
        ):
            tags[owner][key] = value or ""
        rows = self._tables.rows(
            "experiments", "experiment_id", "name", "lifecycle_stage", "creation_time", "workspace"
        )
        return [
            SourceExperiment(
                experiment_id=str(number),
                name=_named(name, workspace),
                deleted=stage == "deleted",
                create_time_ms=created,
                tags=tags.get(number, {}),
            )
            for number, name, stage, created, workspace in sorted(rows, key=lambda row: row[0])
        ]

    def runs(self, experiment_id: str) -> Sequence[SourceRun]:
        rows = self._tables.rows(
            "runs",
            "run_uuid",
            "name",
            "status",
            "lifecycle_stage",
            "start_time",
            "end_time",
            "user_id",
            "artifact_uri",
            where=("experiment_id", [int(experiment_id)]),
        )
        return [
            SourceRun(
                run_id=run_id,
                experiment_id=experiment_id,
                name=name or "",
                status=status or "SCHEDULED",
                deleted=stage == "deleted",
                start_time_ms=start,
                end_time_ms=end,
                user=user or "",
                artifact_uri=uri or "",
            )
            for run_id, name, status, stage, start, end, user, uri in sorted(
                rows, key=lambda row: (row[4] or 0, row[0])
            )
        ]

    def details(self, runs: Sequence[SourceRun]) -> Mapping[str, RunDetails]:
        found: dict[str, RunDetails] = {}
        for start in range(0, len(runs), RUNS_A_QUERY):
            ids = [run.run_id for run in runs[start : start + RUNS_A_QUERY]]
            found.update(self._details(ids))
        return found

    def points(
        self, run: SourceRun, series: Mapping[str, int], complain: Callable[[str], None]
    ) -> Iterator[Points]:
        return read_points(self._tables, run.run_id, series, complain)

    def count_points(self) -> int:
        return self._tables.count("metrics")

    def models(self) -> Sequence[SourceModel]:
        params = self._pairs("logged_model_params", "model_id", "param_key", "param_value")
        tags = self._pairs("logged_model_tags", "model_id", "tag_key", "tag_value")
        rows = self._tables.rows(
            "logged_models",
            "model_id",
            "experiment_id",
            "name",
            "status",
            "status_message",
            "lifecycle_stage",
            "model_type",
            "source_run_id",
            "artifact_location",
            "creation_timestamp_ms",
        )
        return [
            SourceModel(
                model_id=row[0],
                experiment_id=str(row[1]),
                name=row[2] or "",
                status=MODEL_STATUSES.get(row[3], "PENDING"),
                status_message=row[4] or "",
                deleted=row[5] == "deleted",
                model_type=row[6] or "",
                source_run_id=row[7] or "",
                artifact_uri=row[8] or "",
                create_time_ms=row[9],
                params=params.get(row[0], {}),
                tags=tags.get(row[0], {}),
            )
            for row in sorted(rows, key=lambda row: (row[9] or 0, row[0]))
        ]

    def model_points(self, run: SourceRun) -> Sequence[ModelPoint]:
        rows = self._tables.rows(
            "logged_model_metrics",
            "model_id",
            "metric_name",
            "metric_value",
            "metric_step",
            "metric_timestamp_ms",
            "dataset_name",
            "dataset_digest",
            where=("run_id", [run.run_id]),
        )
        if not rows:
            return []
        nans = self._nans(run.run_id)
        return [
            ModelPoint(
                model_id=model_id,
                key=key,
                # The table has no flag for NaN; the run's own point has.
                value=float("nan") if not value and (key, time, step) in nans else value,
                step=step,
                time_ms=time,
                dataset_name=dataset or "",
                dataset_digest=digest or "",
            )
            for model_id, key, value, step, time, dataset, digest in rows
        ]

    def _nans(self, run_id: str) -> set[tuple[str, int, int]]:
        rows = self._tables.rows(
            "metrics", "key", "timestamp", "step", "value", "is_nan", where=("run_uuid", [run_id])
        )
        nans = {(key, time, step) for key, time, step, _, is_nan in rows if is_nan}
        return nans - {
            (key, time, step) for key, time, step, value, nan in rows if not (value or nan)
        }

    def _pairs(
        self, table: str, *names: str, only: Sequence[str] = ()
    ) -> dict[str, dict[str, str]]:
        where = (names[0], only) if only else None
        found: dict[str, dict[str, str]] = defaultdict(dict)
        for owner, key, value in self._tables.rows(table, *names, where=where):
            found[owner][key] = value or ""
        return found

    def _details(self, ids: Sequence[str]) -> Iterator[tuple[str, RunDetails]]:
        params = self._pairs("params", "run_uuid", "key", "value", only=ids)
        tags = self._pairs("tags", "run_uuid", "key", "value", only=ids)
        series: dict[str, dict[str, int]] = defaultdict(dict)
        for run_id, key, count in self._tables.counts("metrics", "run_uuid", "key", ids):
            series[run_id][key] = count
        datasets = self._datasets(ids)
        inputs, outputs = self._models_of(ids)
        for run_id in ids:
            yield (
                run_id,
                RunDetails(
                    params=params.get(run_id, {}),
                    tags=tags.get(run_id, {}),
                    series=series.get(run_id, {}),
                    datasets=datasets.get(run_id, ()),
                    model_inputs=inputs.get(run_id, ()),
                    model_outputs=outputs.get(run_id, ()),
                ),
            )

    def _datasets(self, ids: Sequence[str]) -> dict[str, list[SourceDataset]]:
        rows = [
            row
            for row in self._tables.rows(
                "inputs",
                "destination_id",
                "source_id",
                "input_uuid",
                "source_type",
                where=("destination_id", ids),
            )
            if row[3] == "DATASET"
        ]
        names = ("name", "digest", "dataset_source_type", "dataset_source")
        known: dict[str, Sequence[Any]] = {
            row[0]: row[1:]
            for some in _chunks(sorted({row[1] for row in rows}))
            for row in self._tables.rows(
                "datasets",
                "dataset_uuid",
                *names,
                "dataset_schema",
                "dataset_profile",
                where=("dataset_uuid", some),
            )
        }
        found: dict[str, list[SourceDataset]] = defaultdict(list)
        for some in _chunks(sorted(rows)):
            tags = self._pairs(
                "input_tags", "input_uuid", "name", "value", only=[row[2] for row in some]
            )
            for run_id, dataset_id, input_id, _ in some:
                if dataset_id in known:
                    found[run_id].append(_dataset(known[dataset_id], tags.get(input_id, {})))
        for each in found.values():
            each.sort(key=lambda one: (one.name, one.digest))
        return found

    def _models_of(
        self, ids: Sequence[str]
    ) -> tuple[dict[str, list[str]], dict[str, list[tuple[str, int]]]]:
        inputs: dict[str, list[str]] = defaultdict(list)
        outputs: dict[str, list[tuple[str, int]]] = defaultdict(list)
        rows = self._tables.rows(
            "inputs",
            "source_id",
            "destination_id",
            "source_type",
            "step",
            where=("source_id", ids),
        )
        for run_id, model_id, kind, step in sorted(rows, key=lambda row: (row[3] or 0, row[1])):
            if kind == "RUN_INPUT":
                inputs[run_id].append(model_id)
            elif kind == "RUN_OUTPUT":
                outputs[run_id].append((model_id, step or 0))
        return inputs, outputs


def _chunks(items: Sequence[Any]) -> Iterator[Sequence[Any]]:
    for start in range(0, len(items), RUNS_A_QUERY):
        yield items[start : start + RUNS_A_QUERY]


def _dataset(row: Sequence[Any], tags: Mapping[str, str]) -> SourceDataset:
    name, digest, source_type, source, schema, profile = row
    return SourceDataset(
        name=name,
        digest=digest,
        source_type=source_type or "",
        source=source or "",
        schema=schema,
        profile=profile,
        tags=tags,
    )


def _named(name: str, workspace: str | None) -> str:
    """Returns an experiment's name; names are unique within a workspace only."""
    return name if workspace in {None, "", _DEFAULT_WORKSPACE} else f"{workspace}/{name}"


def _shown(uri: str) -> str:
    try:
        return sa.make_url(uri).render_as_string(hide_password=True)
    except ArgumentError:
        return "of that URI"


def _engine(url: sa.URL) -> sa.Engine:
    if url.get_backend_name() == "sqlite":
        path = Path(url.database or "").absolute()
        if not path.is_file():
            raise UnreadableSource(f"there is no database file {path}")

        def connect() -> sqlite3.Connection:
            return sqlite3.connect(
                f"{path.as_uri()}?mode=ro", uri=True, timeout=60, check_same_thread=False
            )

        return sa.create_engine("sqlite://", creator=connect, poolclass=sa.pool.QueuePool)
    return _server_engine(url)


def _server_engine(url: sa.URL) -> sa.Engine:
    options: dict[str, Any] = {"isolation_level": "AUTOCOMMIT", "pool_pre_ping": True}
    drivers = [url.drivername]
    if url.get_backend_name() == "postgresql":
        # Which one a bare `postgresql:` means depends on SQLAlchemy's release, and the store does
        # not depend on the one that MLflow uses.
        drivers += ["postgresql+psycopg", "postgresql+psycopg2"]
    for driver in drivers:
        with contextlib.suppress(ModuleNotFoundError):
            return sa.create_engine(url.set(drivername=driver), **options)
    if len(drivers) > 1:
        raise UnreadableSource(
            "reading PostgreSQL needs a driver, and none is installed: "
            "pip install 'psycopg[binary]'"
        )
    package = DRIVER_PACKAGES.get(url.get_driver_name(), url.get_driver_name())
    raise UnreadableSource(
        f"the driver of {url.drivername} is not installed: pip install {package}, or name another "
        "one in the URI"
    )
