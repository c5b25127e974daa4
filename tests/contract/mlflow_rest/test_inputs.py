"""Datasets and models that runs read and made, over MLflow's API."""

import uuid
from collections.abc import Iterator
from typing import Any

import grpc
import httpx
import pytest

from runstream.v1 import run_service_pb2, run_service_pb2_grpc
from tests.support.server import ServerProcess

API = "/api/2.0/mlflow"
UI_API = "/ajax-api/2.0/mlflow"
DATASET = {"name": "digits", "digest": "d1", "source_type": "local", "source": "{}"}
TRAINING = {"key": "mlflow.data.context", "value": "training"}


@pytest.fixture
def http(each_server: ServerProcess) -> Iterator[httpx.Client]:
    url = f"http://{each_server.http_address}"
    with httpx.Client(base_url=url, trust_env=False, timeout=60) as client:
        yield client


@pytest.fixture
def run_id(http: httpx.Client) -> str:
    made = http.post(f"{API}/experiments/create", json={"name": uuid.uuid4().hex}).json()
    run = http.post(f"{API}/runs/create", json=made).json()["run"]
    return str(run["info"]["run_id"])


def log(http: httpx.Client, run_id: str, **fields: object) -> httpx.Response:
    return http.post(f"{API}/runs/log-inputs", json={"run_id": run_id, **fields})


def get(http: httpx.Client, run_id: str) -> Any:  # noqa: ANN401 - JSON
    return http.get(f"{API}/runs/get", params={"run_id": run_id}).json()["run"]


def read(*tags: dict[str, str], **dataset: object) -> dict[str, object]:
    return {"dataset": {**DATASET, **dataset}, "tags": list(tags)}


def test_inputs_and_outputs_are_shown_with_the_run_and_by_searches(
    http: httpx.Client, run_id: str
) -> None:
    inputs = [read(TRAINING, schema="s", profile="p"), {"dataset": {**DATASET, "name": "other"}}]
    outputs = [{"model_id": "m-1", "step": 3}, {"model_id": "m-2", "step": 0}]

    answers = [
        log(http, run_id, datasets=inputs, models=[{"model_id": "m-0"}]),
        http.post(f"{API}/runs/outputs", json={"run_id": run_id, "models": outputs}),
    ]
    run = get(http, run_id)
    body = {"experiment_ids": [run["info"]["experiment_id"]], "filter": "datasets.name = 'other'"}
    (found,) = http.post(f"{API}/runs/search", json=body).json()["runs"]

    assert [(answer.status_code, answer.json()) for answer in answers] == [(200, {})] * 2
    assert run["inputs"] == {"dataset_inputs": inputs, "model_inputs": [{"model_id": "m-0"}]}
    assert run["outputs"] == {"model_outputs": outputs}
    assert found["inputs"] == run["inputs"]


def test_a_repeated_request_changes_nothing(http: httpx.Client, run_id: str) -> None:
    outputs = {"run_id": run_id, "models": [{"model_id": "m-1", "step": 3}]}
    for source in ("first", "second"):
        assert log(http, run_id, datasets=[read(TRAINING, source=source)]).status_code == 200
        assert http.post(f"{API}/runs/outputs", json=outputs).status_code == 200

    run = get(http, run_id)

    assert run["inputs"]["dataset_inputs"] == [read(TRAINING, source="first")]
    assert run["outputs"]["model_outputs"] == outputs["models"]


def test_an_input_is_the_same_over_grpc(
    http: httpx.Client, run_id: str, each_server: ServerProcess
) -> None:
    log(http, run_id, datasets=[read(TRAINING, schema="")])

    with grpc.insecure_channel(each_server.grpc_address) as channel:
        stub = run_service_pb2_grpc.RunServiceStub(channel)
        run = stub.GetRun(run_service_pb2.GetRunRequest(run_id=run_id)).run

    (only,) = run.dataset_inputs
    assert (only.dataset.name, dict(only.tags)) == ("digits", {"mlflow.data.context": "training"})
    assert not only.dataset.HasField("schema"), "an empty schema over this API is none"


@pytest.mark.parametrize(
    ("fields", "phrase"),
    [
        (
            {"datasets": [dict[str, str]()]},
            "Missing value for required parameter 'datasets[0].dataset'",
        ),
        ({"datasets": [read(name="")]}, "'datasets[0].dataset.name'"),
        ({"datasets": [read(), read(digest=None)]}, "'datasets[1].dataset.digest'"),
        ({"datasets": [read({"value": "v"})]}, "'datasets[0].tags[0].key'"),
        ({"datasets": [read(TRAINING, TRAINING)]}, "twice"),
        ({"datasets": [read(schema=1)]}, "'datasets[0].dataset.schema'"),
        ({"datasets": "x"}, "Invalid value \"x\" for parameter 'datasets' supplied"),
        ({"datasets": [read(name="n" * 501)]}, "'name' exceeds the maximum length of 500"),
        ({"datasets": [read(profile="n" * 16_777_216)]}, "maximum length of 16777215"),
        ({"datasets": [read()] * 1_001}, "1000"),
        ({"models": [{"model_id": ""}]}, "'models[0].model_id'"),
        ({"run_id": ""}, "'run_id'"),
        ({"run_id": "a b"}, "'run_id'"),
    ],
)
def test_what_breaks_a_rule_is_refused_whole(
    http: httpx.Client, run_id: str, fields: dict[str, Any], phrase: str
) -> None:
    body = {"run_id": run_id, "datasets": [read(name="good")], **fields}
    answer = http.post(f"{API}/runs/log-inputs", json=body)

    assert (answer.status_code, phrase in answer.json()["message"]) == (400, True), answer.text
    assert "inputs" not in get(http, run_id) or get(http, run_id)["inputs"] == {}


def test_a_profile_of_the_greatest_length_comes_back(http: httpx.Client, run_id: str) -> None:
    profile = "é" * 16_777_215

    answer = log(http, run_id, datasets=[read(profile=profile)])

    assert answer.status_code == 200, answer.text
    assert get(http, run_id)["inputs"]["dataset_inputs"][0]["dataset"]["profile"] == profile


@pytest.mark.parametrize("api", [API, UI_API])
def test_datasets_of_experiments_are_listed(http: httpx.Client, run_id: str, api: str) -> None:
    log(http, run_id, datasets=[read(TRAINING), read(name="a", digest="2")])
    experiment_id = get(http, run_id)["info"]["experiment_id"]

    body = {"experiment_ids": [experiment_id, "999999"]}
    found = http.post(f"{api}/experiments/search-datasets", json=body).json()

    assert found["dataset_summaries"] == [
        {"experiment_id": experiment_id, "name": "a", "digest": "2"},
        {
            "experiment_id": experiment_id,
            "name": "digits",
            "digest": "d1",
            "context": "training",
        },
    ]


def test_deleted_runs_take_nothing(http: httpx.Client, run_id: str) -> None:
    http.post(f"{API}/runs/delete", json={"run_id": run_id})
    outputs = {"run_id": run_id, "models": [{"model_id": "m-1"}]}

    answers = [
        log(http, run_id, datasets=[read()]),
        http.post(f"{API}/runs/outputs", json=outputs),
    ]

    assert {answer.status_code for answer in answers} == {400}
    assert all("must be in the 'active' state" in answer.json()["message"] for answer in answers)
