"""Logged models over MLflow's API."""

import uuid
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from tests.support.server import ServerProcess

API = "/api/2.0/mlflow"
MODELS = f"{API}/logged-models"
READY = "LOGGED_MODEL_READY"


@pytest.fixture
def http(each_server: ServerProcess) -> Iterator[httpx.Client]:
    url = f"http://{each_server.http_address}"
    with httpx.Client(base_url=url, trust_env=False, timeout=60) as client:
        yield client


@pytest.fixture
def experiment_id(http: httpx.Client) -> str:
    made = http.post(f"{API}/experiments/create", json={"name": uuid.uuid4().hex})
    return str(made.json()["experiment_id"])


@pytest.fixture
def run_id(http: httpx.Client, experiment_id: str) -> str:
    made = http.post(f"{API}/runs/create", json={"experiment_id": experiment_id})
    return str(made.json()["run"]["info"]["run_id"])


def create(http: httpx.Client, experiment_id: str, **fields: object) -> dict[str, Any]:
    answer = http.post(MODELS, json={"experiment_id": experiment_id, **fields})
    assert answer.status_code == 200, answer.text
    model: dict[str, Any] = answer.json()["model"]
    return model


def get(http: httpx.Client, model_id: str) -> dict[str, Any]:
    model: dict[str, Any] = http.get(f"{MODELS}/{model_id}").json()["model"]
    return model


def log(http: httpx.Client, run_id: str, model_id: str, **fields: object) -> httpx.Response:
    point = {"key": "acc", "value": 0.5, "timestamp": 10, "step": 1, "model_id": model_id}
    return http.post(f"{API}/runs/log-metric", json={"run_id": run_id, **point, **fields})


def error(answer: httpx.Response) -> tuple[int, str]:
    return answer.status_code, answer.json()["error_code"]


def test_a_model_is_shown_as_it_was_created(
    http: httpx.Client, experiment_id: str, run_id: str
) -> None:
    labels = {"params": [{"key": "a", "value": "1"}], "tags": [{"key": "t", "value": ""}]}

    model = create(
        http, experiment_id, name="net", model_type="cnn", source_run_id=run_id, **labels
    )
    info = model["info"]
    model_id = info["model_id"]

    assert get(http, model_id) == model
    assert model["data"] == {"params": labels["params"]}
    assert info == {
        "model_id": model_id,
        "experiment_id": experiment_id,
        "name": "net",
        "creation_timestamp_ms": info["creation_timestamp_ms"],
        "last_updated_timestamp_ms": info["creation_timestamp_ms"],
        "artifact_uri": f"mlflow-artifacts:/{experiment_id}/models/{model_id}/artifacts",
        "status": "LOGGED_MODEL_PENDING",
        "model_type": "cnn",
        "source_run_id": run_id,
        "tags": labels["tags"],
    }


def test_a_model_lives_through_everything(http: httpx.Client, experiment_id: str) -> None:
    model_id = create(http, experiment_id)["info"]["model_id"]
    url = f"{MODELS}/{model_id}"
    tags = {"tags": [{"key": "a/b", "value": "1"}, {"key": "c", "value": "2"}]}
    params = {"model_id": model_id, "params": [{"key": "p", "value": "v" * 10_000}]}

    assert http.patch(f"{url}/tags", json=tags).json() == {}
    assert http.delete(f"{url}/tags/a%2Fb").json() == {}
    assert [http.post(f"{url}/params", json=params).json() for _ in range(2)] == [{}, {}]
    ready = http.patch(url, json={"model_id": model_id, "status": READY}).json()["model"]
    assert http.delete(url).json() == {}
    assert http.delete(url).json() == {}

    assert ready["info"]["status"] == READY
    assert ready["info"]["tags"] == [{"key": "c", "value": "2"}]
    assert ready["data"]["params"] == params["params"]
    assert error(http.get(url)) == (404, "RESOURCE_DOES_NOT_EXIST")
    assert http.get(url, params={"allow_deleted": "true"}).json()["model"]["info"]["name"]


def test_points_of_a_model_are_its_and_the_runs(
    http: httpx.Client, experiment_id: str, run_id: str
) -> None:
    model_id = create(http, experiment_id)["info"]["model_id"]
    dataset = {"dataset_name": "d", "dataset_digest": "1"}

    for _ in range(2):
        assert log(http, run_id, model_id, **dataset).status_code == 200
    batch = [
        {"key": "nan", "value": "NaN", "timestamp": 5, "model_id": model_id},
        {"key": "inf", "value": "-Infinity", "timestamp": 5, "step": 2, "model_id": model_id},
        {"key": "other", "value": 1, "timestamp": 5},
    ]
    http.post(f"{API}/runs/log-batch", json={"run_id": run_id, "metrics": batch})
    run = http.get(f"{API}/runs/get", params={"run_id": run_id}).json()["run"]

    shared = {"model_id": model_id, "run_id": run_id}
    assert get(http, model_id)["data"]["metrics"] == [
        {"key": "acc", "value": 0.5, "timestamp": 10, "step": 1, **shared, **dataset},
        {"key": "inf", "value": -1.7976931348623157e308, "timestamp": 5, "step": 2, **shared},
        {"key": "nan", "value": "NaN", "timestamp": 5, "step": 0, **shared},
    ]
    assert {one["key"] for one in run["data"]["metrics"]} == {"acc", "nan", "inf", "other"}


def test_a_point_of_no_model_is_not_logged(http: httpx.Client, run_id: str) -> None:
    answer = log(http, run_id, "m-none")

    assert error(answer) == (404, "RESOURCE_DOES_NOT_EXIST")
    run = http.get(f"{API}/runs/get", params={"run_id": run_id}).json()["run"]
    assert "metrics" not in run["data"]


@pytest.mark.parametrize("field", ["dataset_name", "dataset_digest"])
def test_half_a_dataset_is_refused(
    http: httpx.Client, experiment_id: str, run_id: str, field: str
) -> None:
    model_id = create(http, experiment_id)["info"]["model_id"]

    answer = log(http, run_id, model_id, **{field: "x"})

    assert error(answer) == (400, "INVALID_PARAMETER_VALUE")
    assert "Both dataset_name and dataset_digest must be provided" in answer.json()["message"]


def test_models_are_found_in_order_over_pages(
    http: httpx.Client, experiment_id: str, run_id: str
) -> None:
    names = ["b", "a", "c"]
    for number, name in enumerate(names):
        model_id = create(http, experiment_id, name=name)["info"]["model_id"]
        log(http, run_id, model_id, value=number, dataset_name="d", dataset_digest=name)
    body: dict[str, Any] = {
        "experiment_ids": [experiment_id],
        "filter": "metrics.acc >= 0",
        "order_by": [{"field_name": "metrics.acc", "ascending": False}],
        "max_results": 2,
    }

    first = http.post(f"{MODELS}/search", json=body).json()
    second = http.post(
        f"{MODELS}/search", json={**body, "page_token": first["next_page_token"]}
    ).json()
    narrowed = {**body, "datasets": [{"dataset_name": "d", "dataset_digest": "a"}]}
    (only,) = http.post(f"{MODELS}/search", json=narrowed).json()["models"]

    assert [model["info"]["name"] for model in first["models"]] == ["c", "a"]
    assert [model["info"]["name"] for model in second["models"]] == ["b"]
    assert "next_page_token" not in second
    assert only["info"]["name"] == "a"
    assert only["data"]["metrics"][0]["value"] == 1


@pytest.mark.parametrize(
    ("fields", "phrase"),
    [
        ({"experiment_ids": None}, "'experiment_ids'"),
        ({"experiment_ids": ["x"]}, "Invalid experiment ID 'x'"),
        ({"filter": "name = 'a' OR name = 'b'"}, "Invalid filter string"),
        ({"filter": "name > 'a'"}, "Invalid comparison operator for 'name'"),
        ({"filter": "metric.a > 1"}, "Invalid entity type 'metric'"),
        ({"filter": "bogus = 'a'"}, "Invalid attribute key 'bogus'"),
        ({"order_by": [{"field_name": "bogus"}]}, "Invalid order by field name: bogus"),
        ({"order_by": [{"field_name": "params.a"}]}, "Only metrics are supported"),
        ({"datasets": [{"dataset_digest": "x"}]}, "`dataset_name` in the `datasets` clause"),
        ({"page_token": "x"}, "Invalid page token"),
        ({"max_results": -1}, "'max_results'"),
    ],
)
def test_what_cannot_be_searched_for_is_refused(
    http: httpx.Client, experiment_id: str, fields: dict[str, object], phrase: str
) -> None:
    body = {"experiment_ids": [experiment_id], **fields}

    answer = http.post(f"{MODELS}/search", json=body)

    assert error(answer) == (400, "INVALID_PARAMETER_VALUE")
    assert phrase in answer.json()["message"]


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("GET", "", None),
        ("PATCH", "", {"model_id": "m-none", "status": READY}),
        ("DELETE", "", None),
        ("PATCH", "/tags", {"tags": [{"key": "a", "value": "b"}]}),
        ("DELETE", "/tags/a", None),
        ("POST", "/params", {"model_id": "m-none", "params": []}),
    ],
)
def test_an_unknown_model_is_not_found(
    http: httpx.Client, method: str, path: str, body: object
) -> None:
    answer = http.request(method, f"{MODELS}/m-none{path}", json=body)

    assert error(answer) == (404, "RESOURCE_DOES_NOT_EXIST")
    assert answer.json()["message"] == "Logged model with ID 'm-none' not found."


@pytest.mark.parametrize("status", [0, 9, "READY", None])
def test_a_status_has_to_be_one(http: httpx.Client, experiment_id: str, status: object) -> None:
    model_id = create(http, experiment_id)["info"]["model_id"]

    answer = http.patch(f"{MODELS}/{model_id}", json={"model_id": model_id, "status": status})

    assert error(answer) == (400, "INVALID_PARAMETER_VALUE")


def test_a_path_and_a_body_that_name_two_models_are_refused(
    http: httpx.Client, experiment_id: str
) -> None:
    first, second = (create(http, experiment_id)["info"]["model_id"] for _ in range(2))

    answer = http.patch(f"{MODELS}/{first}", json={"model_id": second, "status": READY})

    assert error(answer) == (400, "INVALID_PARAMETER_VALUE")
    assert get(http, second)["info"]["status"] == "LOGGED_MODEL_PENDING"


@pytest.mark.parametrize("name", ["a/b", "a:b", "a.b", "a%b", 'a"b', "a'b"])
def test_a_name_with_a_reserved_character_is_refused(
    http: httpx.Client, experiment_id: str, name: str
) -> None:
    answer = http.post(MODELS, json={"experiment_id": experiment_id, "name": name})

    assert error(answer) == (400, "INVALID_PARAMETER_VALUE")
    assert "Invalid model name" in answer.json()["message"]


def test_the_web_pages_find_models_too(http: httpx.Client, experiment_id: str) -> None:
    model_id = create(http, experiment_id)["info"]["model_id"]

    answer = http.get(f"/ajax-api/2.0/mlflow/logged-models/{model_id}")

    assert answer.json()["model"]["info"]["model_id"] == model_id


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"model_id": "m-none"}, (404, "RESOURCE_DOES_NOT_EXIST")),
        (
            {"dataset_name": "d" * 501, "dataset_digest": "g"},
            (400, "INVALID_PARAMETER_VALUE"),
        ),
    ],
)
def test_a_batch_with_a_wrong_point_about_a_model_leaves_nothing(
    http: httpx.Client,
    experiment_id: str,
    run_id: str,
    fields: dict[str, str],
    expected: tuple[int, str],
) -> None:
    model_id = create(http, experiment_id)["info"]["model_id"]
    point = {"key": "acc", "value": 0.5, "timestamp": 10, "model_id": model_id, **fields}
    labels = [{"key": "a", "value": "1"}]

    answer = http.post(
        f"{API}/runs/log-batch",
        json={"run_id": run_id, "metrics": [point], "params": labels, "tags": labels},
    )

    assert error(answer) == expected
    data = http.get(f"{API}/runs/get", params={"run_id": run_id}).json()["run"]["data"]
    assert data.keys() == {"tags"}
    assert [tag["key"] for tag in data["tags"]] == ["mlflow.runName"]
