"""MLflow's own server, to compare with."""

import contextlib
import os
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import httpx

from tests.support.mlflow_python import mlflow_python

START_TIMEOUT_S = 300.0


@contextlib.contextmanager
def running_reference(folder: Path) -> Iterator[str]:
    """Runs MLflow's server on files in a folder; gives its address."""
    port = _free_port()
    command = [
        str(mlflow_python("mlflow3")),
        *("-m", "mlflow", "server", "--host", "127.0.0.1", "--port", str(port), "--workers", "1"),
        *("--backend-store-uri", f"sqlite:///{folder / 'mlflow.db'}"),
        *("--artifacts-destination", str(folder / "artifacts")),
    ]
    quiet = {"MLFLOW_DISABLE_TELEMETRY": "true", "DO_NOT_TRACK": "true"}
    with (folder / "mlflow.log").open("wb") as log:
        process = subprocess.Popen(
            command,
            cwd=folder,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            env={**os.environ, **quiet},
            start_new_session=True,  # it starts workers, which are to end with it
        )
    try:
        address = f"http://127.0.0.1:{port}"
        _wait(process, address, folder / "mlflow.log")
        yield address
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port: int = listener.getsockname()[1]
    return port


def _wait(process: "subprocess.Popen[bytes]", address: str, log: Path) -> None:
    deadline = time.monotonic() + START_TIMEOUT_S
    while time.monotonic() < deadline and process.poll() is None:
        with contextlib.suppress(httpx.TransportError):
            if httpx.get(f"{address}/health", trust_env=False).text == "OK":
                return
        time.sleep(0.1)
    raise AssertionError(f"MLflow's server does not serve\n{log.read_text()[-5000:]}")
