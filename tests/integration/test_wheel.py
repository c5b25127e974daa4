"""What a user gets from `pip install`: the built wheel in environments that hold nothing else."""

import os
import subprocess
import sys
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

import pytest

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]

ROOT = Path(__file__).resolve().parents[2]
START_DEADLINE_S = 60
# The client's promise to its users.
CLIENT_DEPENDENCIES = {"googleapis-common-protos", "grpcio", "protobuf"}
THEIR_DEPENDENCIES = {"typing-extensions"}
INSTALLER = {"pip", "setuptools", "wheel"}


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("dist")
    run(sys.executable, "-m", "build", "--wheel", "--outdir", folder, ROOT)
    (built,) = folder.glob("*.whl")
    return built


@pytest.fixture(scope="module")
def client(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return install(wheel, "", tmp_path_factory.mktemp("client"))


def test_the_client_brings_only_its_three_dependencies(client: Path) -> None:
    listed = run(client, "-m", "pip", "list", "--format=freeze").split()
    installed = {line.partition("==")[0].lower().replace("_", "-") for line in listed}
    assert installed - INSTALLER - THEIR_DEPENDENCIES == {"runstream", *CLIENT_DEPENDENCIES}


def test_the_client_and_the_stubs_import_without_a_warning(client: Path) -> None:
    run(client, "-W", "error", "-c", "import runstream")
    run(client, "-W", "error", "-c", "from runstream.v1 import metric_service_pb2_grpc")


def test_the_server_extra_runs_a_server(wheel: Path, tmp_path: Path) -> None:
    command = install(wheel, "[server]", tmp_path).with_name("runstream")

    assert "--data-dir" in run(command, "server", "--help")
    with server(command, tmp_path / "data") as first_line:
        assert first_line.startswith("runstream serving grpc=127.0.0.1:")


@contextmanager
def server(command: Path, data: Path) -> Generator[str]:
    """Runs a server on free ports and yields the first line that it prints."""
    arguments = ["server", "--port", "0", "--grpc-port", "0", "--data-dir", str(data)]
    process = subprocess.Popen([command, *arguments], stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        yield process.stdout.readline()
    finally:
        process.terminate()
        process.communicate(timeout=START_DEADLINE_S)


def install(wheel: Path, extra: str, folder: Path) -> Path:
    """Returns the Python of a new environment that holds the wheel and what it needs."""
    run(sys.executable, "-m", "venv", folder / "venv")
    python = folder / "venv" / "bin" / "python"
    run(python, "-m", "pip", "install", "--quiet", f"{wheel}{extra}")
    return python


def run(*command: str | Path) -> str:
    environment = {key: value for key, value in os.environ.items() if key != "PYTHONPATH"}
    finished = subprocess.run(
        command, check=False, capture_output=True, text=True, cwd="/", env=environment
    )
    assert finished.returncode == 0, f"{command} failed:\n{finished.stdout}{finished.stderr}"
    return finished.stdout
