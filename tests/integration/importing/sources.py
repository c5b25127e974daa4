"""Stores as MLflow leaves them, written by hand: a database, and an mlruns folder."""

import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

__all__ = ["HUGE", "RUN", "OldDatabase", "write_experiment", "write_run"]

HUGE = 1.7976931348623157e308
RUN = "0123456789abcdef0123456789abcdef"

MLFLOW_3 = """
create table experiments (experiment_id integer primary key, name text, artifact_location text,
    lifecycle_stage text, creation_time bigint, last_update_time bigint);
create table experiment_tags (key text, value text, experiment_id integer);
create table runs (run_uuid text primary key, name text, user_id text, status text,
    start_time bigint, end_time bigint, lifecycle_stage text, artifact_uri text,
    experiment_id integer);
create table tags (key text, value text, run_uuid text);
create table params (key text, value text, run_uuid text);
create table metrics (key text, value float, timestamp bigint, run_uuid text, step bigint,
    is_nan boolean, primary key (key, timestamp, step, run_uuid, value, is_nan));
create table datasets (dataset_uuid text, experiment_id integer, name text, digest text,
    dataset_source_type text, dataset_source text, dataset_schema text, dataset_profile text);
create table inputs (input_uuid text, source_type text, source_id text, destination_type text,
    destination_id text, step bigint);
create table input_tags (input_uuid text, name text, value text);
"""
MLFLOW_1 = """
create table experiments (experiment_id integer primary key, name text, artifact_location text,
    lifecycle_stage text);
create table runs (run_uuid text primary key, name text, user_id text, status text,
    start_time bigint, end_time bigint, lifecycle_stage text, artifact_uri text,
    experiment_id integer);
create table tags (key text, value text, run_uuid text);
create table params (key text, value text, run_uuid text);
create table metrics (key text, value float, timestamp bigint, run_uuid text);
"""


@dataclass
class OldDatabase:
    """An SQLite database of MLflow, of this or an early age."""

    path: Path
    schema: str = MLFLOW_3
    connection: sqlite3.Connection = field(init=False)

    def __post_init__(self) -> None:
        self.connection = sqlite3.connect(self.path)
        self.connection.executescript(self.schema)

    @property
    def uri(self) -> str:
        return f"sqlite:///{self.path}"

    def add(self, table: str, rows: Sequence[dict[str, Any]]) -> None:
        """Inserts rows, and commits."""
        for row in rows:
            places = ", ".join("?" * len(row))
            self.connection.execute(
                f"insert into {table} ({', '.join(row)}) values ({places})", list(row.values())
            )
        self.connection.commit()

    def add_experiment(self, experiment_id: int, name: str, **fields: Any) -> None:  # noqa: ANN401
        row = {"experiment_id": experiment_id, "name": name, "lifecycle_stage": "active"}
        self.add("experiments", [{**row, **fields}])

    def add_run(self, run_id: str, experiment_id: int, **fields: Any) -> None:  # noqa: ANN401
        row = {
            "run_uuid": run_id,
            "experiment_id": experiment_id,
            "name": "a run",
            "user_id": "ada",
            "status": "FINISHED",
            "start_time": 1_600_000_000_123,
            "end_time": 1_600_000_001_456,
            "lifecycle_stage": "active",
            "artifact_uri": "",
        }
        self.add("runs", [{**row, **fields}])

    def add_points(self, run_id: str, key: str, points: Sequence[tuple[int, int, float]]) -> None:
        """Adds points given as time, step and value; NaN as MLflow stores it."""
        rows = [
            {
                "run_uuid": run_id,
                "key": key,
                "timestamp": time,
                "step": step,
                "value": 0.0 if value != value else value,  # noqa: PLR0124 - NaN
                "is_nan": value != value,  # noqa: PLR0124 - NaN
            }
            for time, step, value in points
        ]
        self.add("metrics", rows)


def write_experiment(folder: Path, **meta: Any) -> None:  # noqa: ANN401
    """Writes the folder of an experiment."""
    folder.mkdir(parents=True)
    content = {"experiment_id": folder.name, "lifecycle_stage": "active", **meta}
    (folder / "meta.yaml").write_text(yaml.safe_dump(content))


def write_run(folder: Path, files: dict[str, str], **meta: Any) -> None:  # noqa: ANN401
    """Writes the folder of a run: its meta.yaml, and files by their paths."""
    folder.mkdir(parents=True)
    content = {
        "run_id": folder.name,
        "experiment_id": folder.parent.name,
        "run_name": "a run",
        "user_id": "ada",
        "status": 3,
        "start_time": 1_600_000_000_123,
        "end_time": 1_600_000_001_456,
        "lifecycle_stage": "active",
        "artifact_uri": f"file://{folder}/artifacts",
        **meta,
    }
    (folder / "meta.yaml").write_text(yaml.safe_dump(content))
    for path, text in files.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_text(text)
