"""Interpreters that have the real MLflow, each release in an environment of its own."""

import os
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Final

import pytest

__all__ = ["CLIENTS", "mlflow_python", "run_with_mlflow"]

ROOT: Final = Path(__file__).parents[2]
CLIENTS: Final = ("mlflow3", "mlflow2")
"""The newest release, and the last one of the major version before."""
JOB_TIMEOUT_S: Final = 300.0


def mlflow_python(client: str) -> Path:
    """Returns the interpreter of `.venv-<client>`, or what RUNSTREAM_TEST_<CLIENT> names.

    Fails the test when there is none: without it nothing is known about real clients.
    """
    variable = f"RUNSTREAM_TEST_{client.upper()}"
    python = Path(os.environ.get(variable) or ROOT / f".venv-{client}" / "bin" / "python")
    if not python.exists():
        pytest.fail(f"no MLflow at {python}; run `make {client}`, or set {variable}")
    return python


def run_with_mlflow(
    client: str, *arguments: str | Path, cwd: Path, env: Mapping[str, str] | None = None
) -> str:
    """Runs an interpreter with MLflow and returns what it printed.

    Args:
        client: One of CLIENTS.
        *arguments: What the interpreter gets: a script, or `-m` and a module.
        cwd: Where it runs, and may leave files.
        env: Variables beside those of the test that do not begin with MLFLOW_.

    Raises:
        AssertionError: It failed; with all it printed.
    """
    clean = {k: v for k, v in os.environ.items() if not k.startswith(("MLFLOW_", "RUNSTREAM_"))}
    quiet = {"MLFLOW_DISABLE_TELEMETRY": "true", "DO_NOT_TRACK": "true", "HOME": str(cwd)}
    done = subprocess.run(
        [mlflow_python(client), *arguments],
        cwd=cwd,
        env={**clean, **quiet, **(env or {})},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=JOB_TIMEOUT_S,
        check=False,
    )
    assert done.returncode == 0, f"{arguments}\n{done.stdout}\n{done.stderr}"
    return done.stdout
