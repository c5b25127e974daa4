"""MLflow's REST API here and on MLflow's own server, beside each other: the same raw HTTP requests.

Both run with their defaults (MLflow's with its usual number of workers) on SQLite. MLflow is taken
from the environment that the tests use (`make mlflow3`).
"""

import contextlib
import http.client
import json
import os
import random
import signal
import socket
import sqlite3
import statistics
import subprocess
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from benchmarks.report import Figure
from benchmarks.serving import serving

__all__ = ["mlflow_rest"]

ROOT = Path(__file__).parents[1]
API = "/api/2.0/mlflow"
CONNECTIONS = 8
BATCH = 1_000
KEYS = 10
SECONDS = 8.0
RUNS = 10_000
FILLERS = 16
POINTS = 100_000
PAGE = 25_000
REPEATS = 5
START_S = 120.0
NOW_MS = 1_760_000_000_000


class Door:
    """One server's REST API over one connection."""

    def __init__(self, address: str) -> None:
        host, _, port = address.rpartition(":")
        self._connection = http.client.HTTPConnection(host, int(port), timeout=600)

    def post(self, path: str, body: object) -> dict[str, Any]:
        text = body if isinstance(body, bytes) else json.dumps(body).encode()
        headers = {"Content-Type": "application/json"}
        self._connection.request("POST", f"{API}/{path}", text, headers)
        return self._answer()

    def get(self, path: str, **query: object) -> dict[str, Any]:
        self._connection.request("GET", f"{API}/{path}?{urlencode(query)}")
        return self._answer()

    def new_run(self) -> str:
        run = self.post("runs/create", {"experiment_id": "0", "start_time": NOW_MS})["run"]
        run_id: str = run["info"]["run_id"]
        return run_id

    def _answer(self) -> dict[str, Any]:
        response = self._connection.getresponse()
        content = response.read()
        assert response.status == 200, (response.status, content[:500])
        answer: dict[str, Any] = json.loads(content or b"{}")
        return answer


@contextlib.contextmanager
def mlflow_serving() -> Iterator[tuple[str, Path]]:
    """Serves MLflow's own server; yields its address and its database."""
    python = Path(os.environ.get("RUNSTREAM_TEST_MLFLOW3") or ROOT / ".venv-mlflow3/bin/python")
    assert python.exists(), f"no MLflow at {python}; run `make mlflow3`"
    with tempfile.TemporaryDirectory() as folder:
        with socket.create_server(("127.0.0.1", 0)) as probe:
            port = probe.getsockname()[1]
        database = Path(folder) / "mlflow.db"
        command = [
            str(python),
            "-m",
            "mlflow",
            "server",
            "--port",
            str(port),
            "--host",
            "127.0.0.1",
        ]
        command += ["--backend-store-uri", f"sqlite:///{database}"]
        command += ["--artifacts-destination", f"{folder}/artifacts"]
        env = {**os.environ, "MLFLOW_DISABLE_TELEMETRY": "true", "DO_NOT_TRACK": "true"}
        with (Path(folder) / "log").open("wb") as log:
            server = subprocess.Popen(
                command, stdout=log, stderr=log, env=env, start_new_session=True
            )
        try:
            _wait_for_health(port)
            yield f"127.0.0.1:{port}", database
        finally:
            os.killpg(server.pid, signal.SIGKILL)
            server.wait()


def mlflow_rest() -> list[Figure]:
    """Measures both servers, one after the other, so that neither works while the other does."""
    with serving() as ours:
        here = _measure(ours.http_address, lambda door: _fill_by_rest(door, ours.http_address))
    with mlflow_serving() as (address, database):
        there = _measure(address, lambda door: _fill_database(door, database))
    return [
        Figure(name, value, unit, there[name][0], "MLflow's own server", note)
        for name, (value, unit, note) in here.items()
    ]


Measured = dict[str, tuple[float, str, str]]
Contents = tuple[dict[str, float], dict[str, str]]


def _measure(address: str, fill: Callable[[Door], None]) -> Measured:
    door = Door(address)
    found: Measured = {}
    for connections in (1, CONNECTIONS):
        batches, rate = _log_batches(address, connections)
        name = f"REST log-batch of {BATCH}, connections: {connections}"
        found[name] = (rate, "points/s", f"{batches} batches")
    run_id = _long_history(door)

    def read_history() -> None:
        token, count = "", 0
        while True:
            query = {"run_id": run_id, "metric_key": "long", "max_results": PAGE}
            page = door.get(
                "metrics/get-history", **query, **({"page_token": token} if token else {})
            )
            count += len(page["metrics"])
            token = page.get("next_page_token", "")
            if not token:
                break
        assert count == POINTS, count

    found[f"REST history of {POINTS} points"] = (_median_ms(read_history), "ms", "")
    fill(door)
    door = Door(address)  # the server has closed the idle connection
    searches: dict[str, tuple[dict[str, Any], int]] = {
        f"REST search, all of {RUNS} runs": ({"max_results": RUNS}, RUNS),
        f"REST search, 100 of {RUNS} runs by filter and metric": (
            {
                "max_results": 100,
                "filter": "metrics.m0 > 0.5 AND params.p0 = 'a'",
                "order_by": ["metrics.m1 DESC"],
            },
            100,
        ),
    }
    for name, (query, count) in searches.items():

        def search(query: dict[str, Any] = query, count: int = count) -> None:
            runs = door.post("runs/search", {"experiment_ids": ["1"], **query})["runs"]
            assert len(runs) == count, len(runs)

        found[name] = (_median_ms(search), "ms", "")
    return found


def _log_batches(address: str, connections: int) -> tuple[int, float]:
    """Logs with several connections, each to a run of its own; returns batches and points/s."""
    ends = time.perf_counter() + SECONDS
    counts = [0] * connections

    def work(number: int) -> None:
        door = Door(address)
        run_id = door.new_run()
        while time.perf_counter() < ends:
            door.post("runs/log-batch", _batch(run_id, counts[number]))
            counts[number] += 1

    began = time.perf_counter()
    threads = [threading.Thread(target=work, args=(number,)) for number in range(connections)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return sum(counts), sum(counts) * BATCH / (time.perf_counter() - began)


def _batch(run_id: str, number: int, key: str = "") -> bytes:
    first = number * BATCH
    metrics = [
        {
            "key": key or f"metric{index % KEYS}",
            "value": index * 0.37,
            "timestamp": NOW_MS + first + index,
            "step": first + index if key else (first + index) // KEYS,
        }
        for index in range(BATCH)
    ]
    return json.dumps({"run_id": run_id, "metrics": metrics}).encode()


def _long_history(door: Door) -> str:
    run_id = door.new_run()
    for number in range(POINTS // BATCH):
        door.post("runs/log-batch", _batch(run_id, number, "long"))
    return run_id


def _fill_by_rest(door: Door, address: str) -> None:
    door.post("experiments/create", {"name": "many"})
    contents = list(enumerate(_contents()))
    threads = [
        threading.Thread(target=_fill_some, args=(Door(address), contents[first::FILLERS]))
        for first in range(FILLERS)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def _fill_some(door: Door, contents: list[tuple[int, Contents]]) -> None:
    for number, (metrics, params) in contents:
        created = door.post("runs/create", {"experiment_id": "1", "start_time": NOW_MS + number})
        body = {
            "run_id": created["run"]["info"]["run_id"],
            "metrics": [
                {"key": key, "value": value, "timestamp": NOW_MS, "step": 0}
                for key, value in metrics.items()
            ],
            "params": [{"key": key, "value": value} for key, value in params.items()],
            "tags": [{"key": "team", "value": "a"}],
        }
        door.post("runs/log-batch", body)


def _fill_database(door: Door, path: Path) -> None:
    """Puts the runs into MLflow's tables: its API would take many minutes."""
    door.post("experiments/create", {"name": "many"})
    with contextlib.closing(sqlite3.connect(path)) as database:
        for number, (metrics, params) in enumerate(_contents()):
            run_id = f"{number:032x}"
            database.execute(
                "INSERT INTO runs (run_uuid, name, user_id, status, start_time, lifecycle_stage,"
                " artifact_uri, experiment_id, source_type) VALUES (?,?,?,?,?,?,?,?,?)",
                (
                    run_id,
                    f"run-{number}",
                    "",
                    "RUNNING",
                    NOW_MS + number,
                    "active",
                    "x",
                    1,
                    "LOCAL",
                ),
            )
            database.executemany(
                "INSERT INTO latest_metrics (key, value, timestamp, step, is_nan, run_uuid)"
                " VALUES (?,?,?,0,0,?)",
                [(key, value, NOW_MS, run_id) for key, value in metrics.items()],
            )
            database.executemany(
                "INSERT INTO params (key, value, run_uuid) VALUES (?,?,?)",
                [(key, value, run_id) for key, value in params.items()],
            )
            database.executemany(
                "INSERT INTO tags (key, value, run_uuid) VALUES (?,?,?)",
                [("team", "a", run_id), ("mlflow.runName", f"run-{number}", run_id)],
            )
        database.commit()


def _contents() -> Iterator[Contents]:
    chosen = random.Random(0)
    for _ in range(RUNS):
        metrics = {f"m{index}": chosen.random() for index in range(5)}
        params = {f"p{index}": chosen.choice("abc") for index in range(5)}
        yield metrics, params


def _median_ms(work: Callable[[], None]) -> float:
    seconds: list[float] = []
    for _ in range(REPEATS):
        began = time.perf_counter()
        work()
        seconds.append(time.perf_counter() - began)
    return statistics.median(seconds) * 1000


def _wait_for_health(port: int) -> None:
    deadline = time.monotonic() + START_S
    while True:
        with contextlib.suppress(OSError):
            connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
            connection.request("GET", "/health")
            if connection.getresponse().status == 200:
                return
        assert time.monotonic() < deadline, "MLflow's server does not answer"
        time.sleep(0.2)
