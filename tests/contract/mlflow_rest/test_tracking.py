"""Experiments, runs, logging, histories and searches over MLflow's API.

tests/mlflow compares each answer with that of MLflow's own server; here stands what must hold
without it.
"""

import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.contract.mlflow_rest.tracking_client import Api
from tests.support.server import ServerProcess

INVALID = "INVALID_PARAMETER_VALUE"
MISSING = "RESOURCE_DOES_NOT_EXIST"


@pytest.fixture
def api(each_server: ServerProcess) -> Iterator[Api]:
    with Api(each_server) as api:
        yield api


def test_the_default_experiment_is_there(api: Api) -> None:
    experiment = api.get("experiments/get", experiment_id="0")["experiment"]

    assert (experiment["name"], experiment["lifecycle_stage"]) == ("Default", "active")
    assert experiment["artifact_location"] == "mlflow-artifacts:/0"


def test_a_name_that_is_taken_is_400(api: Api) -> None:
    api.post("experiments/create", name="taken")

    status, code, message = api.refused("experiments/create", name="taken")

    assert (status, code) == (400, "RESOURCE_ALREADY_EXISTS")
    assert "Experiment(name=taken) already exists" in message


def test_a_deleted_experiment_takes_no_runs_and_comes_back_with_its_own(api: Api) -> None:
    experiment_id = api.new_experiment()
    run_id = api.new_run(experiment_id)

    api.post("experiments/delete", experiment_id=experiment_id)
    status, code, message = api.refused("runs/create", experiment_id=experiment_id)

    assert (status, code) == (400, INVALID)
    assert "must be in the 'active' state" in message
    assert api.run(run_id)["info"]["lifecycle_stage"] == "deleted"
    assert api.refused("experiments/delete", experiment_id=experiment_id)[:2] == (404, MISSING)
    api.post("experiments/restore", experiment_id=experiment_id)
    assert api.run(run_id)["info"]["lifecycle_stage"] == "active"


def test_a_run_has_a_name_and_both_of_its_ids(api: Api) -> None:
    run = api.run(api.new_run(tags=[{"key": "a", "value": ""}]))

    assert run["info"]["run_id"] == run["info"]["run_uuid"]
    assert run["info"]["start_time"] == 0
    assert run["info"]["artifact_uri"].startswith("mlflow-artifacts:/")
    assert {"key": "mlflow.runName", "value": run["info"]["run_name"]} in run["data"]["tags"]
    assert (run["inputs"], run["outputs"]) == ({}, {})


def test_a_user_is_no_tag(api: Api) -> None:
    run = api.run(api.new_run(user_id="ann", run_name="n"))

    assert run["info"]["user_id"] == "ann"
    assert run["data"]["tags"] == [{"key": "mlflow.runName", "value": "n"}]


def test_a_deleted_run_can_be_read_and_not_written(api: Api) -> None:
    run_id = api.new_run()
    api.post("runs/delete", run_id=run_id)
    api.post("runs/delete", run_id=run_id)

    writes = [
        api.refused("runs/log-metric", run_id=run_id, key="k", value=1, timestamp=1),
        api.refused("runs/log-parameter", run_id=run_id, key="k", value="1"),
        api.refused("runs/set-tag", run_id=run_id, key="k", value="1"),
        api.refused("runs/log-batch", run_id=run_id),
        api.refused("runs/update", run_id=run_id, status="FINISHED"),
    ]

    assert {write[:2] for write in writes} == {(400, INVALID)}
    assert all("must be in the 'active' state" in message for _, _, message in writes)
    assert api.run(run_id)["info"]["lifecycle_stage"] == "deleted"


def test_every_write_may_be_repeated(api: Api) -> None:
    run_id = api.new_run()
    batch = {
        "metrics": [{"key": "m", "value": n % 3, "timestamp": 5, "step": n} for n in range(1000)],
    }
    for _ in range(3):
        api.post("runs/log-batch", run_id=run_id, **batch)
        api.post("runs/log-parameter", run_id=run_id, key="p", value="v")
        api.post("runs/set-tag", run_id=run_id, key="t", value="v")

    assert len(api.history(run_id, "m")) == 1000
    assert api.data(run_id, "params") == {"p": "v"}


def test_a_param_never_changes(api: Api) -> None:
    run_id = api.new_run()
    api.post("runs/log-parameter", run_id=run_id, key="p", value="x" * 7_000)

    api.post("runs/log-parameter", run_id=run_id, key="p", value="x" * 6_500)
    status, code, message = api.refused("runs/log-parameter", run_id=run_id, key="p", value="x")

    assert (status, code) == (400, INVALID)
    assert "Changing param values is not allowed" in message
    assert api.data(run_id, "params") == {"p": "x" * 6_000}


def test_a_batch_is_checked_before_anything_is_stored(api: Api) -> None:
    run_id = api.new_run()

    _, code, message = api.refused(
        "runs/log-batch",
        run_id=run_id,
        metrics=[{"key": "m", "value": 1, "timestamp": 1}, {"key": "m", "value": 1}],
        params=[{"key": "p", "value": "v"}],
    )

    assert code == INVALID
    assert "Missing value for required parameter 'metrics[1].timestamp'" in message
    assert api.run(run_id)["data"].keys() == {"tags"}


def test_infinity_is_shown_as_the_greatest_number(api: Api) -> None:
    run_id = api.new_run()
    for step, value in enumerate(["Infinity", "-Infinity", "NaN"]):
        api.post("runs/log-metric", run_id=run_id, key="m", value=value, timestamp=1, step=step)

    shown = [value for value, _, _ in api.history(run_id, "m")]

    assert shown == [1.7976931348623157e308, -1.7976931348623157e308, "NaN"]
    assert api.data(run_id, "metrics") == {"m": "NaN"}


@pytest.mark.parametrize("time_ms", [-1, 9_223_372_036_854_776])
def test_times_that_have_no_microseconds_are_refused(api: Api, time_ms: int) -> None:
    run_id = api.new_run()

    status, code, message = api.refused(
        "runs/log-metric", run_id=run_id, key="m", value=1, timestamp=time_ms
    )

    assert (status, code) == (400, INVALID)
    assert f"Invalid value {time_ms} for parameter 'timestamp' supplied" in message


def test_a_history_is_in_order_of_time_on_every_page(api: Api) -> None:
    run_id = api.new_run()
    points = [(n % 3, (n * 7) % 11, (n * 5) % 13) for n in range(100)]
    metrics = [{"key": "m", "value": v, "timestamp": t, "step": s} for v, t, s in points]
    api.post("runs/log-batch", run_id=run_id, metrics=metrics)
    expected = sorted(set(points), key=lambda point: (point[1], point[2], point[0]))

    paged: list[tuple[float, int, int]] = []
    token = ""
    while True:
        query = {"run_id": run_id, "metric_key": "m", "max_results": 7}
        page = api.get("metrics/get-history", **query, **({"page_token": token} if token else {}))
        paged += [(p["value"], p["timestamp"], p["step"]) for p in page["metrics"]]
        token = page.get("next_page_token", "")
        if not token:
            break

    assert api.history(run_id, "m") == expected
    assert paged == expected


def test_a_page_token_belongs_to_its_history(api: Api) -> None:
    run_id = api.new_run()
    metrics = [{"key": "m", "value": n, "timestamp": n} for n in range(5)]
    api.post("runs/log-batch", run_id=run_id, metrics=metrics)
    first = api.get("metrics/get-history", run_id=run_id, metric_key="m", max_results=2)

    answer = api.raw(
        "GET",
        "metrics/get-history",
        params={"run_id": run_id, "metric_key": "n", "page_token": first["next_page_token"]},
    )

    assert answer.status_code == 400
    assert "Invalid page token" in answer.json()["message"]


def test_searches_page_through_everything_once(api: Api) -> None:
    experiment_id = api.new_experiment()
    for number in range(7):
        api.new_run(experiment_id, run_name=f"r{number}", start_time=number % 2)
    found: list[str] = []
    token = None
    while True:
        body = {"experiment_ids": [experiment_id], "max_results": 3, "page_token": token}
        page = api.post("runs/search", **body)
        found += [run["info"]["run_name"] for run in page["runs"]]
        token = page.get("next_page_token")
        if token is None:
            break

    assert sorted(found) == [f"r{number}" for number in range(7)]
    assert found[:3] != sorted(found)[:3]


def test_a_search_without_experiments_finds_nothing(api: Api) -> None:
    api.new_run()

    assert api.post("runs/search") == {}
    assert api.post("runs/search", experiment_ids=["987654321", str(2**70)]) == {}


def test_many_clients_log_at_once(api: Api) -> None:
    run_id = api.new_run()

    def log(client: int) -> None:
        for step in range(5):
            metrics = [{"key": f"c{client}", "value": step, "timestamp": 1, "step": step}]
            api.post("runs/log-batch", run_id=run_id, metrics=metrics)
            api.post("runs/set-tag", run_id=run_id, key=f"t{client}", value=str(step))

    with ThreadPoolExecutor(64) as pool:
        list(pool.map(log, range(64)))

    assert api.data(run_id, "metrics") == {f"c{client}": 4 for client in range(64)}
    assert len(api.history(run_id, "c63")) == 5


def test_a_tag_that_is_no_list_of_models_is_no_obstacle(api: Api) -> None:
    run_id = api.new_run()
    name = "mlflow.log-model.history"
    entry = {"run_id": run_id, "artifact_path": "model", "utc_time_created": "now", "flavors": {}}
    nested = "[" * 4_000 + "]" * 4_000

    for value in ("no JSON", "{}", nested):
        api.post("runs/set-tag", run_id=run_id, key=name, value=value)
        api.post("runs/log-model", run_id=run_id, model_json=json.dumps(entry))
        assert json.loads(api.data(run_id, "tags")[name]) == [entry]
