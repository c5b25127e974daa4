"""What the tests of MLflow's tracking API send and expect."""

import itertools
from typing import Any, Self, TypeAlias

import httpx

from tests.support.server import ServerProcess

API = "/api/2.0/mlflow/"
DEADLINE_S = 60.0

Json: TypeAlias = Any

_numbers = itertools.count()


class Api:
    """Calls a server's MLflow API."""

    def __init__(self, server: ServerProcess) -> None:
        self.server = server
        self._http = httpx.Client(
            base_url=f"http://{server.http_address}", trust_env=False, timeout=DEADLINE_S
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._http.close()

    def raw(self, method: str, path: str, **arguments: Json) -> httpx.Response:
        return self._http.request(method, path if path.startswith("/") else API + path, **arguments)

    def get(self, path: str, /, **query: Json) -> Json:
        return _document(self.raw("GET", path, params=query))

    def post(self, path: str, /, **body: Json) -> Json:
        return _document(self.raw("POST", path, json=body))

    def refused(self, path: str, /, **body: Json) -> tuple[int, str, str]:
        """Returns status, error code and message of a POST that must fail."""
        return error(self.raw("POST", path, json=body))

    def new_experiment(self) -> str:
        name = f"experiment {next(_numbers)}"
        created: str = self.post("experiments/create", name=name)["experiment_id"]
        return created

    def new_run(self, experiment_id: str | None = None, **fields: Json) -> str:
        fields["experiment_id"] = self.new_experiment() if experiment_id is None else experiment_id
        run_id: str = self.post("runs/create", **fields)["run"]["info"]["run_id"]
        return run_id

    def run(self, run_id: str) -> Json:
        return self.get("runs/get", run_id=run_id)["run"]

    def data(self, run_id: str, what: str) -> dict[str, Any]:
        """Returns a run's metrics, params or tags by their keys."""
        return {each["key"]: each["value"] for each in self.run(run_id)["data"].get(what, [])}

    def history(self, run_id: str, key: str, **query: Json) -> list[tuple[Any, int, int]]:
        """Returns (value, timestamp, step) of points."""
        answer = self.get("metrics/get-history", run_id=run_id, metric_key=key, **query)
        return [(p["value"], p["timestamp"], p["step"]) for p in answer.get("metrics", [])]

    def names(self, experiment_id: str, **search: Json) -> list[str]:
        """Returns the names of the runs that a search finds."""
        answer = self.post("runs/search", experiment_ids=[experiment_id], **search)
        return [run["info"]["run_name"] for run in answer.get("runs", [])]


def error(answer: httpx.Response) -> tuple[int, str, str]:
    """Returns what an answer that must be an error says."""
    document = answer.json()
    assert answer.status_code >= httpx.codes.BAD_REQUEST, answer.text
    return answer.status_code, document["error_code"], document["message"]


def _document(answer: httpx.Response) -> Json:
    assert answer.status_code == httpx.codes.OK, f"{answer.status_code} {answer.text}"
    return answer.json()
