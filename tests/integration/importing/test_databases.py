"""What comes of a database of MLflow."""

import math
import struct
from datetime import UTC, datetime
from pathlib import Path

import pytest
from tests.integration.importing.conftest import Importing
from tests.integration.importing.content import points_of
from tests.integration.importing.sources import HUGE, MLFLOW_1, RUN, OldDatabase

T = 1_600_000_000_000


@pytest.fixture
def database(tmp_path: Path) -> OldDatabase:
    return OldDatabase(tmp_path / "mlflow.db")


def bits(value: float) -> bytes:
    return struct.pack("<d", value)


def test_a_run_arrives_as_it_was(importing: Importing, database: OldDatabase) -> None:
    database.add_experiment(7, "vision", creation_time=T + 5)
    database.add("experiment_tags", [{"experiment_id": 7, "key": "team", "value": "a"}])
    database.add_run(RUN, 7, user_id="ada")
    database.add("params", [{"run_uuid": RUN, "key": "lr", "value": "0.1"}])
    database.add("tags", [{"run_uuid": RUN, "key": "mlflow.note.content", "value": "é"}])
    points = [(T, -3, 1.5), (T + 1, 0, math.nan), (T + 1, 2, HUGE), (T + 2, 2, -HUGE)]
    database.add_points(RUN, "a/b c", points)

    importing.run(database.uri)

    experiment = importing.client.get_experiment("7")
    run = importing.client.get_run(RUN)
    assert (experiment.name, experiment.tags) == ("vision", {"team": "a"})
    assert experiment.create_time == datetime.fromtimestamp((T + 5) / 1000, UTC)
    assert (run.experiment_id, run.name, run.status, run.user) == ("7", "a run", "FINISHED", "ada")
    assert run.start_time == datetime(2020, 9, 13, 12, 26, 40, 123_000, UTC)
    assert run.end_time == datetime(2020, 9, 13, 12, 26, 41, 456_000, UTC)
    assert run.params == {"lr": "0.1"}
    assert run.tags == {"mlflow.note.content": "é", "mlflow.runName": "a run"}
    assert points_of(importing.client, RUN) == {
        "a/b c": [
            (-3, T * 1000, bits(1.5)),
            (0, (T + 1) * 1000, bits(math.nan)),
            (2, (T + 1) * 1000, bits(HUGE)),
            (2, (T + 2) * 1000, bits(-HUGE)),
        ]
    }


@pytest.mark.parametrize("status", ["RUNNING", "SCHEDULED", "FINISHED", "FAILED", "KILLED"])
def test_a_run_keeps_its_status(importing: Importing, database: OldDatabase, status: str) -> None:
    database.add_experiment(1, "e")
    ended = status in {"FINISHED", "FAILED", "KILLED"}
    database.add_run(RUN, 1, status=status, end_time=T if ended else None)

    importing.run(database.uri)

    run = importing.client.get_run(RUN)
    assert (run.status, run.end_time is not None) == (status, ended)


def test_what_is_deleted_stays_deleted(importing: Importing, database: OldDatabase) -> None:
    database.add_experiment(1, "kept", creation_time=T)
    database.add_experiment(2, "gone", creation_time=T + 1, lifecycle_stage="deleted")
    database.add_run(RUN, 1, lifecycle_stage="deleted")
    database.add_run("1" * 32, 2, lifecycle_stage="deleted")
    database.add_points(RUN, "loss", [(T, 0, 1.0)])

    importing.run(database.uri)

    stages = {
        one.name: one.lifecycle_stage
        for one in importing.client.search_experiments(view_type="ALL")
    }
    assert stages == {"Default": "ACTIVE", "kept": "ACTIVE", "gone": "DELETED"}
    assert importing.client.get_run(RUN).lifecycle_stage == "DELETED"
    assert importing.client.get_run("1" * 32).lifecycle_stage == "DELETED"
    assert importing.client.get_run(RUN).metrics == {"loss": 1.0}


def test_inputs_come_with_their_tags(importing: Importing, database: OldDatabase) -> None:
    database.add_experiment(1, "e")
    database.add_run(RUN, 1)
    dataset = {"dataset_uuid": "d", "experiment_id": 1, "name": "n", "digest": "x"}
    database.add(
        "datasets",
        [{**dataset, "dataset_source_type": "http", "dataset_source": "u", "dataset_profile": "p"}],
    )
    edge = {"source_type": "DATASET", "source_id": "d", "destination_type": "RUN"}
    database.add("inputs", [{**edge, "input_uuid": "i", "destination_id": RUN}])
    database.add(
        "input_tags", [{"input_uuid": "i", "name": "mlflow.data.context", "value": "eval"}]
    )

    importing.run(database.uri)

    (read,) = importing.client.get_run(RUN).dataset_inputs
    assert (read.dataset.name, read.dataset.digest, read.dataset.source) == ("n", "x", "u")
    assert (read.dataset.source_type, read.dataset.schema, read.dataset.profile) == (
        "http",
        None,
        "p",
    )
    assert read.tags == {"mlflow.data.context": "eval"}


def test_an_early_schema_is_read(importing: Importing, tmp_path: Path) -> None:
    database = OldDatabase(tmp_path / "old.db", MLFLOW_1)
    database.add_experiment(3, "old")
    database.add_run(RUN, 3, name=None)
    database.add("tags", [{"run_uuid": RUN, "key": "mlflow.runName", "value": "by tag"}])
    database.add("metrics", [{"run_uuid": RUN, "key": "m", "timestamp": T, "value": 2.5}])

    importing.run(database.uri)

    assert importing.client.get_run(RUN).name == "by tag"
    assert points_of(importing.client, RUN) == {"m": [(0, T * 1000, bits(2.5))]}


def test_the_database_is_not_changed(importing: Importing, database: OldDatabase) -> None:
    database.add_experiment(1, "e")
    database.add_run(RUN, 1)
    database.connection.close()
    before = database.path.read_bytes()
    database.path.chmod(0o444)

    importing.run(database.path)

    assert database.path.read_bytes() == before
    assert [path.name for path in database.path.parent.glob("mlflow.db*")] == ["mlflow.db"]


def test_a_taken_id_gets_a_new_one_and_it_is_said(
    importing: Importing, database: OldDatabase
) -> None:
    importing.client.create_experiment("somebody's", experiment_id="1")
    database.add_experiment(1, "mine", creation_time=T)
    database.add_run(RUN, 1)

    shown = importing.run(database.uri)

    assert importing.client.get_run(RUN).experiment_id == "2"
    assert importing.client.get_experiment("2").name == "mine"
    assert ["1", "mine", "2", "mine", "new", "id"] in [line.split() for line in shown.splitlines()]


def test_a_taken_name_takes_the_runs(importing: Importing, database: OldDatabase) -> None:
    there = importing.client.create_experiment("vision", tags={"team": "theirs"})
    database.add_experiment(9, "vision", creation_time=T)
    database.add(
        "experiment_tags",
        [
            {"experiment_id": 9, "key": "team", "value": "mine"},
            {"experiment_id": 9, "key": "more", "value": "x"},
        ],
    )
    database.add_run(RUN, 9)

    shown = importing.run(database.uri)

    merged = importing.client.get_experiment(there.experiment_id)
    assert importing.client.get_run(RUN).experiment_id == there.experiment_id
    assert merged.tags == {"team": "theirs", "more": "x"}
    assert "merged" in shown


def test_the_name_of_a_deleted_experiment_is_passed_over(
    importing: Importing, database: OldDatabase
) -> None:
    theirs = importing.client.create_experiment("vision")
    importing.client.delete_experiment(theirs.experiment_id)
    database.add_experiment(9, "vision", creation_time=T)
    database.add_run(RUN, 9)

    importing.run(database.uri)
    shown = importing.run(database.uri)

    assert importing.client.get_experiment("9").name == "vision (MLflow 9)"
    assert importing.client.get_experiment(theirs.experiment_id).lifecycle_stage == "DELETED"
    assert "1 were there already" in shown


def test_default_merges_into_default(importing: Importing, database: OldDatabase) -> None:
    database.add_experiment(0, "Default", creation_time=T)
    database.add_run(RUN, 0)

    importing.run(database.uri)

    assert importing.client.get_run(RUN).experiment_id == "0"
    assert len(list(importing.client.search_experiments(view_type="ALL"))) == 1


def test_what_cannot_be_moved_is_said_and_the_rest_is_moved(
    importing: Importing, database: OldDatabase
) -> None:
    database.add_experiment(1, "e")
    database.add_run(RUN, 1)
    database.add_run("an-id-of-its-own", 1)
    long = "v" * 6_001
    params = [("good", "1"), ("long", long)]
    database.add("params", [{"run_uuid": RUN, "key": k, "value": v} for k, v in params])
    database.add_points(RUN, "loss", [(T, 0, 1.0), (-5, 1, 2.0)])

    shown = importing.run(database.uri, code=7)
    again = importing.run(database.uri, code=7)

    run = importing.client.get_run(RUN)
    assert (run.params, run.metrics) == ({"good": "1"}, {"loss": 1.0})
    for text in (shown, again):
        assert "run an-id-of-its-own: its id is not 32 lower-case hexadecimal digits" in text
        assert f"run {RUN}: param 'long': " in text
        assert f"run {RUN}: metric 'loss': 1 points whose time or step is out of range" in text


def test_proxied_artifacts_come_from_the_old_root(
    importing: Importing, database: OldDatabase, tmp_path: Path
) -> None:
    database.add_experiment(1, "e")
    database.add_run(RUN, 1, artifact_uri=f"mlflow-artifacts:/1/{RUN}/artifacts")
    folder = tmp_path / "old-artifacts" / "1" / RUN / "artifacts" / "model"
    folder.mkdir(parents=True)
    (folder / "weights é.bin").write_bytes(b"\0" * 2_000_000)
    (folder / "empty").touch()

    without = importing.run(database.uri, code=7)
    importing.run(database.uri, "--artifacts-root", tmp_path / "old-artifacts")
    left = importing.run(database.uri)

    assert "the artifacts of 1 runs or models in mlflow-artifacts:/1" in without
    paths = [one.path for one in importing.client.list_artifacts(RUN, "model")]
    assert paths == ["model/empty", "model/weights é.bin"]
    assert importing.client.read_artifact(RUN, "model/weights é.bin") == b"\0" * 2_000_000
    assert "1 were there already" in left


def test_artifacts_in_a_bucket_are_listed(importing: Importing, database: OldDatabase) -> None:
    database.add_experiment(1, "e")
    database.add_run(RUN, 1, artifact_uri=f"s3://bucket/mlflow/1/{RUN}/artifacts")

    shown = importing.run(database.uri, code=7)
    importing.run(database.uri, "--no-artifacts")

    assert "not copied: the artifacts of 1 runs or models in s3://bucket/mlflow/1" in shown


def test_more_metrics_than_a_stream_has_layouts(
    importing: Importing, database: OldDatabase
) -> None:
    database.add_experiment(1, "e")
    database.add_run(RUN, 1)
    for number in range(1_100):
        database.add_points(RUN, f"k{number:04}", [(T, step, number) for step in range(3)])

    importing.run(database.uri)

    found = points_of(importing.client, RUN)
    assert list(found) == [f"k{number:04}" for number in range(1_100)]
    assert all(len(points) == 3 for points in found.values())
    assert found["k1099"][2] == (2, T * 1000, bits(1_099.0))


def test_a_dry_run_says_what_there_is_and_needs_no_server(
    importing: Importing, database: OldDatabase
) -> None:
    database.add_experiment(4, "vision")
    database.add_run(RUN, 4)
    database.add_points(RUN, "loss", [(T, step, 1.0) for step in range(1_234)])
    importing.server.kill9()

    shown = importing.run(database.uri, "--dry-run")

    lines = [line.split() for line in shown.splitlines()]
    assert ["4", "vision", "ACTIVE", "1", "0"] in lines
    assert ["points", "1,234"] in lines


@pytest.mark.parametrize(
    ("source", "code", "message"),
    [
        ("sqlite:////nowhere/mlflow.db", 1, "there is no database file /nowhere/mlflow.db"),
        ("/nowhere", 1, "there is no folder /nowhere"),
        ("http://127.0.0.1:5000", 2, "import from what it stores in"),
    ],
)
def test_a_source_that_is_none_is_refused(
    importing: Importing, source: str, code: int, message: str
) -> None:
    assert message in importing.run(source, code=code)


def test_another_programs_database_is_refused(importing: Importing, tmp_path: Path) -> None:
    database = OldDatabase(tmp_path / "other.db", "create table t (a)")

    assert "is no tracking database of MLflow" in importing.run(database.uri, code=1)
