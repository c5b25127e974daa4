"""Stores that the real MLflow made, by two of its releases, compared with what it says itself."""

import json
from pathlib import Path
from typing import Any

import pytest
from tests.integration.importing.conftest import Importing
from tests.integration.importing.content import content_of, points_of
from tests.support.mlflow_python import run_with_mlflow
from tests.support.postgres import PostgresServer

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]

JOB = Path(__file__).parents[2] / "mlflow" / "jobs" / "old_store.py"


@pytest.mark.parametrize(
    ("client", "kind"),
    [
        ("mlflow3", "database"),
        ("mlflow3", "folder"),
        ("mlflow2", "database"),
        ("mlflow2", "folder"),
    ],
)
def test_a_store_arrives_as_mlflow_reads_it(
    importing: Importing, tmp_path: Path, client: str, kind: str
) -> None:
    folder = tmp_path / "old"
    uri = f"sqlite:///{folder}/mlflow.db" if kind == "database" else f"{folder}/mlruns"

    _arrives(importing, client, uri, folder)


def test_a_store_in_postgresql_arrives_as_mlflow_reads_it(
    importing: Importing, postgres: PostgresServer, tmp_path: Path
) -> None:
    with postgres.database() as uri:
        _arrives(importing, "mlflow3", uri, tmp_path / "old")


def _arrives(importing: Importing, client: str, uri: str, folder: Path) -> None:
    """Has MLflow fill a store, imports that twice, and compares with what MLflow reads there."""
    folder.mkdir()
    env = {"MLFLOW_ALLOW_FILE_STORE": "true"}
    told: dict[str, Any] = json.loads(
        run_with_mlflow(client, JOB, uri, cwd=folder, env=env).splitlines()[-1]
    )

    importing.run(uri)
    first = content_of(importing.client)
    importing.run(uri)

    assert content_of(importing.client) == first
    for run_id, expected in told["runs"].items():
        assert _run(importing, run_id) == expected
    experiments = {
        one.experiment_id: [one.name, one.lifecycle_stage.lower(), dict(one.tags)]
        for one in importing.client.search_experiments(view_type="ALL")
    }
    assert experiments == told["experiments"]
    for model_id, expected in told["models"].items():
        model = importing.client.get_logged_model(model_id)
        found = [model.name, model.status, dict(model.params), dict(model.tags)]
        assert [*found, len(model.metrics)] == expected
        content = importing.client.read_artifact(path="MLmodel", model_id=model_id)
        assert content == b"flavors: {}\n"


def _run(importing: Importing, run_id: str) -> dict[str, Any]:
    run = importing.client.get_run(run_id)
    assert run.start_time is not None
    return {
        "experiment_id": run.experiment_id,
        "name": run.name,
        "status": run.status.value,
        "stage": run.lifecycle_stage.lower(),
        "user": run.user,
        "times": [
            time and round(time.timestamp() * 1000) for time in (run.start_time, run.end_time)
        ],
        "params": dict(run.params),
        "tags": dict(run.tags),
        "points": {
            key: [[time // 1000, step, value.hex()] for step, time, value in points]
            for key, points in points_of(importing.client, run_id).items()
        },
        "datasets": [
            [one.dataset.name, one.dataset.digest, one.dataset.schema, dict(one.tags)]
            for one in run.dataset_inputs
        ],
        "models": [list(run.model_inputs), [[one.model_id, one.step] for one in run.model_outputs]],
        "files": sorted(
            found.path
            for top in importing.client.list_artifacts(run_id)
            for found in (
                importing.client.list_artifacts(run_id, top.path) if top.directory else [top]
            )
        ),
    }
