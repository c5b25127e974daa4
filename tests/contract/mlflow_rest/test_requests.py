"""How requests are read, and what is answered where there is nothing."""

from collections.abc import Iterator

import pytest

from tests.contract.mlflow_rest.tracking_client import API, Api, error
from tests.support.server import ServerProcess

JSON = {"content-type": "application/json"}
INVALID = "INVALID_PARAMETER_VALUE"


@pytest.fixture
def api(each_server: ServerProcess) -> Iterator[Api]:
    with Api(each_server) as api:
        yield api


@pytest.mark.parametrize(
    "body",
    [b"{", b"[]", b"5", b'{"name": }', b"\xff", b"[" * 100_000, b'{"name": 1' + b"0" * 5000 + b"}"],
)
def test_broken_bodies_are_refused(api: Api, body: bytes) -> None:
    status, code, _ = error(api.raw("POST", "experiments/create", content=body, headers=JSON))

    assert (status, code) == (400, INVALID)


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        ("NaN", "NaN"),
        ("1e999", "Infinity"),
        ('"nan"', '"nan"'),
        ("[1]", "[1]"),
        ('"high"', '"high"'),
    ],
)
def test_values_that_do_not_fit_are_refused_and_not_stored(
    api: Api, value: str, shown: str
) -> None:
    run_id = api.new_run()
    for path, body in (
        ("log-metric", f'{{"run_id":"{run_id}","key":"m","value":{value},"timestamp":1}}'),
        (
            "log-batch",
            (
                f'{{"run_id":"{run_id}","params":[{{"key":"p","value":"v"}}],'
                f'"metrics":[{{"key":"m","value":{value},"timestamp":1}}]}}'
            ),
        ),
    ):
        status, code, message = error(api.raw("POST", f"runs/{path}", content=body, headers=JSON))
        assert (status, code) == (400, INVALID)
        assert f"Invalid value {shown} for parameter '" in message
    assert api.run(run_id)["data"].keys() == {"tags"}


def test_a_list_of_texts_with_something_else_in_it_is_shown_whole(api: Api) -> None:
    status, code, message = api.refused("runs/search", experiment_ids=["0"], order_by=["a", 1])

    assert (status, code) == (400, INVALID)
    assert "Invalid value [\"a\",1] for parameter 'order_by' supplied" in message


@pytest.mark.parametrize(
    ("headers", "said"),
    [
        ({}, "Content-Type header is missing"),
        ({"content-type": "text/plain"}, "Content-Type must be one of ['application/json']"),
    ],
)
def test_bodies_are_json_by_name(api: Api, headers: dict[str, str], said: str) -> None:
    status, code, message = error(
        api.raw("POST", "experiments/search", content=b"{}", headers=headers)
    )

    assert (status, code) == (400, INVALID)
    assert said in message


def test_lone_surrogates_and_nul_are_refused(api: Api) -> None:
    run_id = api.new_run()
    for text in (r"\ud800", r"a\u0000b"):
        body = f'{{"run_id":"{run_id}","key":"k","value":"{text}"}}'
        status, code, _ = error(api.raw("POST", "runs/set-tag", content=body, headers=JSON))
        assert (status, code) == (400, INVALID)


@pytest.mark.parametrize(
    ("method", "path", "field"),
    [
        ("GET", "experiments/get-by-name", "experiment_name"),
        ("GET", "runs/get", "run_id"),
        ("GET", "metrics/get-history", "metric_key"),
        ("POST", "runs/delete-tag", "key"),
    ],
)
def test_nothing_is_looked_for_by_what_cannot_be_stored(
    api: Api, method: str, path: str, field: str
) -> None:
    fields = {"run_id": api.new_run()} if path != "experiments/get-by-name" else {}
    given = "params" if method == "GET" else "json"
    answer = api.raw(method, path, **{given: {**fields, field: "a\0b"}})

    status, code, message = error(answer)
    assert (status, code) == (400, INVALID)
    assert f"'{field}'" in message


@pytest.mark.parametrize(
    ("method", "path", "said"),
    [
        ("GET", "/api/2.0/mlflow/registered-models/get", "the model registry is out of its scope"),
        ("POST", "/api/2.0/mlflow/model-versions/create", "the model registry"),
        ("POST", "/api/3.0/mlflow/traces", "traces"),
        ("GET", "/ajax-api/3.0/mlflow/workspaces", "workspaces"),
        ("POST", "/graphql", "GraphQL"),
        ("GET", "/api/2.0/mlflow/gateway/routes", "gateway"),
        ("PATCH", "/api/2.0/mlflow/nothing/here", "nothing at PATCH /api/2.0/mlflow/nothing/here"),
    ],
)
def test_what_is_not_served_says_so(api: Api, method: str, path: str, said: str) -> None:
    status, code, message = error(api.raw(method, path))

    assert (status, code) == (404, "ENDPOINT_NOT_FOUND")
    assert said in message


def test_a_wrong_method_names_the_right_ones(api: Api) -> None:
    answer = api.raw("DELETE", "experiments/search")

    assert answer.status_code == 405
    assert answer.headers["allow"] == "GET, POST"


def test_clients_learn_what_the_server_can_do(api: Api) -> None:
    for prefix in ("/api", "/ajax-api"):
        info = api.get(f"{prefix}/3.0/mlflow/server-info")
        assert info["store_type"] == "SqlStore"
        assert info["workspaces_enabled"] is False


def test_a_head_is_answered_as_a_get(api: Api) -> None:
    answer = api.raw("HEAD", "experiments/get", params={"experiment_id": "0"})

    assert (answer.status_code, answer.content) == (200, b"")


def test_pages_of_other_origins_may_not_write(api: Api) -> None:
    answer = api.raw("POST", "runs/search", json={}, headers={"origin": "http://evil.example"})

    assert answer.status_code == 403


def test_bodies_beyond_the_usual_limit_are_taken(api: Api) -> None:
    run_id = api.new_run()
    params = [{"key": f"p{n}", "value": "é" * 60_000} for n in range(100)]

    api.post("runs/log-batch", run_id=run_id, params=params)

    assert set(api.data(run_id, "params").values()) == {"é" * 6_000}
    assert api.raw("POST", API + "runs/search", content=b" " * (65 << 20)).status_code == 413
