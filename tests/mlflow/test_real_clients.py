"""The real MLflow package, unchanged, against a real server: what people's code does all day.

The jobs are scripts that know nothing of runstream and check what they can see by themselves. They
pass against MLflow's own server as well.
"""

import math
from pathlib import Path

import pytest

import runstream
from tests.support.mlflow_python import CLIENTS, run_with_mlflow
from tests.support.server import ServerProcess, StartServer

pytestmark = [pytest.mark.slow, pytest.mark.timeout(420)]

JOBS = Path(__file__).parent / "jobs"
SMALL_PARTS = {
    "MLFLOW_ENABLE_PROXY_MULTIPART_UPLOAD": "true",
    "MLFLOW_ENABLE_PROXY_MULTIPART_DOWNLOAD": "true",
    "MLFLOW_MULTIPART_UPLOAD_MINIMUM_FILE_SIZE": str(10 * 2**20),
    "MLFLOW_MULTIPART_UPLOAD_CHUNK_SIZE": str(5 * 2**20),
    "MLFLOW_MULTIPART_DOWNLOAD_MINIMUM_FILE_SIZE": str(10 * 2**20),
    "MLFLOW_MULTIPART_DOWNLOAD_CHUNK_SIZE": str(5 * 2**20),
}


@pytest.fixture(params=CLIENTS)
def client(request: pytest.FixtureRequest) -> str:
    name: str = request.param
    return name


def run_job(client: str, job: str, server: ServerProcess, folder: Path, **env: str) -> str:
    uri = {"MLFLOW_TRACKING_URI": f"http://{server.http_address}"}
    return run_with_mlflow(client, JOBS / f"{job}.py", cwd=folder, env={**uri, **env})


def test_the_notebook_runs_word_for_word(start_server: StartServer, tmp_path: Path) -> None:
    server = start_server(port=5000)
    for client in CLIENTS:  # one after the other: there is one such port
        run_with_mlflow(client, JOBS / "notebook.py", cwd=tmp_path)

    with runstream.Client(f"grpc://{server.grpc_address}") as ours:
        experiment = ours.get_experiment_by_name("test")
        runs = list(ours.search_runs([experiment.experiment_id]))
        assert [run.status for run in runs] == ["FINISHED"] * len(CLIENTS)


@pytest.mark.parametrize(
    "job",
    [
        "searching",
        "datasets",
        "lifecycle",
        "asynchronous",
        "many_threads",
        "system_metrics",
        "autolog_sklearn",
        "autolog_lightgbm",
    ],
)
def test_a_job_finds_everything_as_it_expects(
    client: str, job: str, server: ServerProcess, tmp_path: Path
) -> None:
    run_job(client, job, server, tmp_path)


def test_what_mlflow_logs_is_exact_over_grpc(
    client: str, server: ServerProcess, tmp_path: Path
) -> None:
    printed = run_job(client, "logging_everything", server, tmp_path)
    outer, inner = printed.splitlines()[-1].split()

    with runstream.Client(f"grpc://{server.grpc_address}") as ours:
        run = ours.get_run(outer)
        assert (run.name, run.status, run.params["depth"]) == ("outer", "FINISHED", "3")
        assert ours.get_run(inner).parent_run_id == outer
        history = ours.history(outer, ["odd", "batch"])
        odd = list(history["odd"].value)
        assert [math.isnan(odd[0]), *odd[1:]] == [True, math.inf, -math.inf]
        assert list(history["batch"].value) == list(map(float, range(2500)))
        times_us = [(1_700_000_000_000 + number) * 1000 for number in range(2500)]
        assert list(history["batch"].time_us) == times_us


@pytest.mark.parametrize("parts", [{}, SMALL_PARTS], ids=["whole", "in parts"])
def test_artifacts_come_back_as_they_were(
    client: str, parts: dict[str, str], server: ServerProcess, tmp_path: Path
) -> None:
    run_id = run_job(client, "artifacts", server, tmp_path, **parts).splitlines()[-1]

    with runstream.Client(f"grpc://{server.grpc_address}") as ours:
        ours.download_artifacts(run_id, "", tmp_path / "ours")
    assert (tmp_path / "ours" / "a" / "b" / "weights.bin").read_bytes() == b"\x00\x01" * 1000
    assert (tmp_path / "ours" / "model" / "ümlaut name.txt").read_text() == "ä"
    assert (tmp_path / "ours" / "empty").read_bytes() == b""


def test_a_model_is_kept_although_the_registry_is_not(
    client: str, server: ServerProcess, tmp_path: Path
) -> None:
    refused = run_job(client, "log_model", server, tmp_path).splitlines()[-1]

    assert "registry" in refused


def test_the_command_line_of_mlflow_works(
    client: str, server: ServerProcess, tmp_path: Path
) -> None:
    env = {"MLFLOW_TRACKING_URI": f"http://{server.http_address}"}

    def mlflow(*arguments: str) -> str:
        return run_with_mlflow(client, "-m", "mlflow", *arguments, cwd=tmp_path, env=env)

    (tmp_path / "note.txt").write_text("noted")
    run_job(client, "logging_everything", server, tmp_path)
    mlflow("experiments", "create", "--experiment-name", "by hand")
    assert "by hand" in mlflow("experiments", "search")
    with runstream.Client(f"grpc://{server.grpc_address}") as ours:
        experiment_id = ours.get_experiment_by_name("logging").experiment_id
        [run] = ours.search_runs([experiment_id], filter="run_name = 'outer'")
    assert run.run_id in mlflow("runs", "list", "--experiment-id", experiment_id)
    assert '"loss"' in mlflow("runs", "describe", "--run-id", run.run_id)
    mlflow("artifacts", "log-artifact", "--local-file", "note.txt", "--run-id", run.run_id)
    assert "note.txt" in mlflow("artifacts", "list", "--run-id", run.run_id)
    where = mlflow("artifacts", "download", "--run-id", run.run_id, "--artifact-path", "note.txt")
    assert Path(where.strip().splitlines()[-1]).read_text() == "noted"
    mlflow("runs", "delete", "--run-id", run.run_id)
    assert run.run_id not in mlflow("runs", "list", "--experiment-id", experiment_id)
    mlflow("runs", "restore", "--run-id", run.run_id)
    mlflow("experiments", "rename", "--experiment-id", experiment_id, "--new-name", "renamed")
    mlflow("experiments", "delete", "--experiment-id", experiment_id)
    mlflow("experiments", "restore", "--experiment-id", experiment_id)
    assert "renamed" in mlflow("experiments", "search")
