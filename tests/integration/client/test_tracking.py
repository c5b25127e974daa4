from collections.abc import Callable
from datetime import UTC, datetime

import pytest
from tests.support.server import ServerProcess

import runstream
from runstream import Client, RunStatus
from runstream.errors import (
    AlreadyExists,
    FailedPrecondition,
    InvalidValue,
    NotFound,
    ServerUnavailable,
)


def test_an_experiment_lives_through_everything(client: Client) -> None:
    made = client.create_experiment(f"lives/{id(client)}", tags={"team": "a"})
    assert made.tags == {"team": "a"}
    assert client.get_experiment(made.experiment_id) == made
    assert client.get_experiment_by_name(made.name) == made

    renamed = client.update_experiment(made.experiment_id, name=f"{made.name}/2")
    client.set_experiment_tags(made.experiment_id, {"x": "y"})
    client.delete_experiment_tags(made.experiment_id, ["team"])
    deleted = client.delete_experiment(made.experiment_id)
    restored = client.restore_experiment(made.experiment_id)

    assert renamed.name.endswith("/2")
    assert deleted.lifecycle_stage == "DELETED"
    assert (restored.lifecycle_stage, restored.tags) == ("ACTIVE", {"x": "y"})
    assert restored.create_time == made.create_time
    assert made.create_time is not None
    assert made.create_time.tzinfo is UTC


def test_experiments_are_found_page_by_page(client: Client) -> None:
    prefix = f"pages/{id(client)}"
    for number in range(5):
        client.create_experiment(f"{prefix}/{number}")

    found = client.search_experiments(
        f"name LIKE '{prefix}/%'", order_by=["name DESC"], page_size=2
    )

    assert [experiment.name[-1] for experiment in found] == ["4", "3", "2", "1", "0"]


def test_a_run_lives_through_everything(client: Client) -> None:
    start = datetime(2024, 5, 6, 7, 8, 9, 123456, tzinfo=UTC)
    run = client.create_run(
        experiment_name="runs", name="first", start_time=start, tags={"a": "1"}, user="ada"
    )
    assert (run.name, run.status, run.start_time) == ("first", RunStatus.RUNNING, start)
    assert run.end_time is None
    assert run.tags.items() >= {"a": "1", "mlflow.user": "ada"}.items()

    client.log_params(run.run_id, {"lr": "0.1"})
    client.set_tags(run.run_id, {"b": "2", "mlflow.source.git.commit": "abc"})
    client.delete_tags(run.run_id, ["a"])
    client.update_run(run.run_id, name="second")
    client.finish_run(run.run_id, "FINISHED", end_time=datetime(2024, 5, 7, tzinfo=UTC))
    found = client.get_run(run.run_id)

    assert (found.name, found.status, found.params) == ("second", "FINISHED", {"lr": "0.1"})
    assert (found.tags["b"], "a" in found.tags) == ("2", False)
    assert found.source.git_commit == "abc"
    assert found.end_time == datetime(2024, 5, 7, tzinfo=UTC)
    assert client.resume_run(run.run_id).status == "RUNNING"
    assert client.delete_run(run.run_id).lifecycle_stage == "DELETED"
    assert client.restore_run(run.run_id).lifecycle_stage == "ACTIVE"


def test_creating_a_run_again_returns_it(client: Client) -> None:
    run = client.create_run(name="once")

    again = client.create_run(run_id=run.run_id, name="twice")

    assert (again.run_id, again.name, again.experiment_id) == (run.run_id, "once", "0")


def test_runs_are_found_by_filter_and_order(client: Client) -> None:
    experiment = client.create_experiment(f"search/{id(client)}").experiment_id
    for number in range(5):
        run = client.create_run(experiment_id=experiment, name=f"r{number}")
        client.log_metrics(run.run_id, [runstream.MetricPoint(key="loss", value=number)])

    found = list(
        client.search_runs(
            [experiment], "metrics.loss < 4", order_by=["metrics.loss DESC"], page_size=2
        )
    )

    assert [run.name for run in found] == ["r3", "r2", "r1", "r0"]
    assert found[0].metrics == {"loss": 3.0}
    assert found[0].latest_metrics["loss"].step == 0
    lean = next(client.search_runs([experiment], omit_metrics=True))
    assert lean.metrics == {}


def test_mlflow_s_ways_to_a_run_s_parts_work(client: Client) -> None:
    run = client.create_run(tags={"a": "b"})

    assert run.info.run_id == run.run_id
    assert run.data.tags["a"] == "b"


FAILING: list[tuple[Callable[[Client], object], type[Exception], str, dict[str, str]]] = [
    (
        lambda c: c.get_run("0" * 32),
        NotFound,
        "RUN_NOT_FOUND",
        {"run_id": "0" * 32},
    ),
    (
        lambda c: c.get_experiment_by_name("nobody's"),
        NotFound,
        "EXPERIMENT_NOT_FOUND",
        {"name": "nobody's"},
    ),
    (
        lambda c: c.create_experiment("Default"),
        AlreadyExists,
        "EXPERIMENT_EXISTS",
        {"name": "Default", "experiment_id": "0"},
    ),
    (lambda c: c.get_run("mine"), InvalidValue, "INVALID_VALUE", {"field": "run_id"}),
    (lambda c: next(c.search_runs(filter="x >")), InvalidValue, "INVALID_FILTER", {}),
    (lambda c: c.history("0" * 32), NotFound, "RUN_NOT_FOUND", {}),
    (lambda c: next(c.watch_run("0" * 32)), NotFound, "RUN_NOT_FOUND", {}),
]


@pytest.mark.parametrize(("call", "kind", "reason", "metadata"), FAILING)
def test_errors_say_what_the_server_said(
    client: Client,
    call: Callable[[Client], object],
    kind: type[Exception],
    reason: str,
    metadata: dict[str, str],
) -> None:
    with pytest.raises(kind) as caught:
        call(client)

    error = caught.value
    assert isinstance(error, runstream.RunstreamError)
    assert error.reason == reason
    assert error.metadata.items() >= metadata.items()
    assert str(error)


def test_a_param_conflict_names_both_values(client: Client) -> None:
    run = client.create_run()
    client.log_params(run.run_id, {"lr": "1"})
    client.log_params(run.run_id, {"lr": "1"})

    with pytest.raises(AlreadyExists) as caught:
        client.log_params(run.run_id, {"lr": "2"})

    assert caught.value.reason == "PARAM_CONFLICT"
    assert caught.value.metadata == {"key": "lr", "stored": "1", "given": "2"}


def test_a_deleted_run_refuses_writes(client: Client) -> None:
    run = client.create_run()
    client.delete_run(run.run_id)

    with pytest.raises(FailedPrecondition) as caught:
        client.set_tags(run.run_id, {"a": "b"})

    assert caught.value.reason == "RUN_DELETED"


def test_a_status_that_is_none_is_refused_here(client: Client) -> None:
    with pytest.raises(InvalidValue, match="'DONE' is none of RUNNING"):
        client.finish_run("0" * 32, "DONE")
    with pytest.raises(InvalidValue, match="view type"):
        client.search_runs(view_type="EVERYTHING")


def test_the_server_tells_about_itself(client: Client, shared_server: ServerProcess) -> None:
    info = client.server_info()

    assert info.database == "sqlite"
    assert info.artifact_store == "folder"
    assert info.http_address == f"http://{shared_server.http_address}"
    assert info.limits.max_row_points == 65_536
    assert info.start_time is not None


def test_a_folder_is_no_server() -> None:
    with pytest.raises(InvalidValue, match="a spool without a server"):
        Client("file:/tmp/x")


def test_a_server_that_is_not_there_is_unavailable() -> None:
    with (
        Client("grpc://127.0.0.1:1", retry_for_s=0.3) as client,
        pytest.raises(
            ServerUnavailable, match=r"no server answers at grpc://127\.0\.0\.1:1 "
        ) as caught,
    ):
        client.server_info()

    assert caught.value.reason == "UNAVAILABLE"
    assert "runstream server" in str(caught.value)
