"""MLflow's own calls over gRPC: the real package with a tracking URI of `grpc://host:port`.

The jobs are the same as over HTTP; beside them, what only this way promises.
"""

from pathlib import Path

import pytest

import runstream
from runstream._ship import sync
from tests.support.mlflow_python import run_with_mlflow
from tests.support.server import ServerProcess

pytestmark = [pytest.mark.slow, pytest.mark.timeout(420)]

JOBS = Path(__file__).parent / "jobs"


def run_job(job: str, server: ServerProcess, folder: Path, **env: str) -> str:
    addressed = {
        "MLFLOW_TRACKING_URI": f"grpc://{server.grpc_address}",
        "RUNSTREAM_SPOOL_DIR": str(folder / "spool"),
    }
    return run_with_mlflow("mlflow3", JOBS / f"{job}.py", cwd=folder, env={**addressed, **env})


def http_paths(server: ServerProcess) -> set[str]:
    return {event["path"] for event in server.events("http")}


@pytest.mark.parametrize(
    "job",
    [
        "logging_everything",
        "searching",
        "datasets",
        "lifecycle",
        "asynchronous",
        "many_threads",
        "system_metrics",
        "artifacts",
        "autolog_sklearn",
        "autolog_lightgbm",
    ],
)
def test_a_job_finds_everything_as_it_expects(
    job: str, server: ServerProcess, tmp_path: Path
) -> None:
    run_job(job, server, tmp_path)

    assert not {path for path in http_paths(server) if "mlflow" in path}


def test_a_long_history_is_read_once(server: ServerProcess, tmp_path: Path) -> None:
    run_job("long_history", server, tmp_path)

    methods = [event["method"] for event in server.events("rpc")]
    assert methods.count("runstream.v1.MetricService/GetHistory") == 1


def test_a_model_is_kept_although_the_registry_is_not(
    server: ServerProcess, tmp_path: Path
) -> None:
    refused = run_job("log_model", server, tmp_path).splitlines()[-1]

    assert "registry" in refused.lower()


def test_asynchronous_logging_waits_for_no_server(server: ServerProcess, tmp_path: Path) -> None:
    run_id = run_job("asynchronous_outage", server, tmp_path, SERVER_PID=str(server.pid)).split()[
        -1
    ]
    server.wait()
    server.start()

    with runstream.Client(f"grpc://{server.grpc_address}") as client:
        sync(tmp_path / "spool")
        history = client.history(run_id, ["m"])
        assert list(history["m"].value) == list(map(float, range(1000)))
