"""What comes of an mlruns folder."""

import math
import struct
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from tests.integration.importing.conftest import MAIN, Importing
from tests.integration.importing.content import points_of
from tests.integration.importing.sources import RUN, write_experiment, write_run

T = 1_600_000_000_000


@pytest.fixture
def mlruns(tmp_path: Path) -> Path:
    folder = tmp_path / "mlruns"
    write_experiment(folder / "0", name="Default", creation_time=T)
    write_experiment(folder / "471082139823498723", name="vision", creation_time=T + 1)
    return folder


def bits(value: float) -> bytes:
    return struct.pack("<d", value)


def test_a_run_arrives_as_it_was(importing: Importing, mlruns: Path) -> None:
    files = {
        "metrics/loss": f"{T} 0.5 -1\n{T} nan 0\n{T + 1} inf 1\n{T + 1} inf 1\n",
        "metrics/val/acc": f"{T} 0.25 3 my data set 12ab\n{T} 1e-3\nnot a point\n",
        "params/lr": "0.1",
        "params/opt/name": "line\none",
        "tags/mlflow.runName": "a run",
        "tags/mlflow.source.git.commit": "cafe",
        "artifacts/plots/a.txt": "text",
    }
    write_run(mlruns / "471082139823498723" / RUN, files)

    shown = importing.run(mlruns, code=7)

    run = importing.client.get_run(RUN)
    assert (run.experiment_id, run.name, run.status) == ("471082139823498723", "a run", "FINISHED")
    assert run.params == {"lr": "0.1", "opt/name": "line\none"}
    assert run.tags == {"mlflow.runName": "a run", "mlflow.source.git.commit": "cafe"}
    assert (run.source.git_commit, run.user) == ("cafe", "ada")
    assert points_of(importing.client, RUN) == {
        "loss": [
            (-1, T * 1000, bits(0.5)),
            (0, T * 1000, bits(math.nan)),
            (1, (T + 1) * 1000, bits(math.inf)),
        ],
        "val/acc": [(0, T * 1000, bits(1e-3)), (3, T * 1000, bits(0.25))],
    }
    assert importing.client.read_artifact(RUN, "plots/a.txt") == b"text"
    assert "metric 'val/acc': 1 lines of" in shown


def test_a_folder_that_was_moved_brings_its_artifacts(importing: Importing, mlruns: Path) -> None:
    uri = f"file:///home/ada/mlruns/0/{RUN}/artifacts"
    write_run(mlruns / "0" / RUN, {"artifacts/a.txt": "text"}, artifact_uri=uri)

    importing.run(mlruns)

    assert importing.client.read_artifact(RUN, "a.txt") == b"text"


def test_what_is_in_the_trash_is_deleted(importing: Importing, mlruns: Path) -> None:
    write_experiment(mlruns / ".trash" / "5", name="gone", creation_time=T + 2)
    write_run(mlruns / ".trash" / "5" / RUN, {"metrics/m": f"{T} 1 0\n"})
    write_run(mlruns / "0" / ("1" * 32), {}, lifecycle_stage="deleted")

    importing.run(mlruns)

    assert importing.client.get_experiment("5").lifecycle_stage == "DELETED"
    assert importing.client.get_run(RUN).lifecycle_stage == "DELETED"
    assert importing.client.get_run(RUN).metrics == {"m": 1.0}
    assert importing.client.get_run("1" * 32).lifecycle_stage == "DELETED"
    assert importing.client.get_experiment("0").lifecycle_stage == "ACTIVE"


def test_a_logged_model_comes_with_its_points(importing: Importing, mlruns: Path) -> None:
    model_id = f"m-{RUN}"
    experiment = mlruns / "471082139823498723"
    write_run(experiment / RUN, {"metrics/acc": f"{T} 0.5 2\n"})
    model = experiment / "models" / model_id
    (model / "metrics").mkdir(parents=True)
    (model / "metrics" / "acc").write_text(f"{T} 0.5 2 {RUN} my data 12ab\n")
    (model / "artifacts").mkdir()
    (model / "artifacts" / "MLmodel").write_text("flavors:")
    meta = {
        "model_id": model_id,
        "name": "digits",
        "model_type": "agent",
        "source_run_id": RUN,
        "status": 2,
        "creation_timestamp": T + 7,
        "artifact_location": f"file://{model}/artifacts",
    }
    (model / "meta.yaml").write_text(yaml.safe_dump(meta))

    importing.run(mlruns)
    again = importing.run(mlruns)

    found = importing.client.get_logged_model(model_id)
    (point,) = found.metrics
    assert (found.name, found.model_type, found.status) == ("digits", "agent", "READY")
    assert (point.value, point.dataset_name, point.dataset_digest) == (0.5, "my data", "12ab")
    assert len(points_of(importing.client, RUN)["acc"]) == 1
    assert importing.client.read_artifact(path="MLmodel", model_id=model_id) == b"flavors:"
    assert "0 logged models" in again


def test_files_of_a_model_that_were_left_come_with_a_later_import(
    importing: Importing, mlruns: Path
) -> None:
    model_id = f"m-{RUN}"
    model = mlruns / "471082139823498723" / "models" / model_id
    (model / "artifacts").mkdir(parents=True)
    (model / "artifacts" / "MLmodel").write_text("flavors:")
    (model / "meta.yaml").write_text(yaml.safe_dump({"name": "digits", "status": 2}))

    importing.run(mlruns, "--no-artifacts")
    left = list(importing.client.list_artifacts(model_id=model_id))
    importing.run(mlruns)

    assert left == []
    assert importing.client.read_artifact(path="MLmodel", model_id=model_id) == b"flavors:"


def test_what_cannot_be_read_costs_nothing_else(importing: Importing, mlruns: Path) -> None:
    experiment = mlruns / "471082139823498723"
    write_run(experiment / RUN, {"params/a": "1"})
    write_run(experiment / ("2" * 32), {"params/a": "2"})
    (experiment / ("2" * 32) / "meta.yaml").write_text("")
    write_run(experiment / ("3" * 32), {"inputs/x/meta.yaml": "source_type: DATASET"})
    write_run(experiment / ("4" * 32), {}, end_time=10**17)

    content = importing.run(mlruns, "--dry-run")
    shown = importing.run(mlruns, code=7)

    assert importing.client.get_run(RUN).params == {"a": "1"}
    assert importing.client.get_run("3" * 32).status == "FINISHED"
    assert f"cannot be moved: {experiment / ('2' * 32)}/meta.yaml describes nothing" in content
    assert f"not moved: {experiment / ('2' * 32)}/meta.yaml describes nothing" in shown
    assert "inputs/x/meta.yaml names no source_id" in shown
    assert f"not moved: run {'4' * 32}: the time {10**17} ms is out of range" in shown


@pytest.mark.parametrize(
    ("package", "source", "message"),
    [
        ("yaml", "mlruns", "needs PyYAML, which is not installed: pip install 'runstream[import]'"),
        ("sqlalchemy", "sqlite:///x", "needs SQLAlchemy, which is not installed: pip install"),
        ("psycopg", "postgresql://h/d", "none is installed: pip install 'psycopg[binary]'"),
        ("psycopg", "postgresql+psycopg2://h/d", "installed: pip install 'psycopg[binary]'"),
        ("MySQLdb", "mysql://h/d", "the driver of mysql is not installed: pip install mysqlclient"),
        ("pymysql", "mysql+pymysql://h/d", "is not installed: pip install pymysql"),
    ],
)
def test_a_package_that_is_missing_is_named(
    mlruns: Path, package: str, source: str, message: str
) -> None:
    hidden = {package: None, "psycopg2": None}
    program = f"import sys; sys.modules.update({hidden!r}); {MAIN}"
    done = subprocess.run(
        [sys.executable, "-c", program, "import", "mlflow", source],
        cwd=mlruns.parent,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )

    assert done.returncode == 1
    assert message in done.stderr
