"""The command, a server of each test's own, and what is on it."""

import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from tests.support.server import ServerProcess

from runstream import Client

TIMEOUT_S = 100.0
MAIN = "import sys; from runstream.cli.main import main; sys.exit(main())"


@dataclass(frozen=True)
class Importing:
    """Runs `runstream import mlflow` against a server."""

    server: ServerProcess
    client: Client
    folder: Path

    def start(self, source: str | Path, *flags: str | Path) -> "subprocess.Popen[str]":
        """Starts the command."""
        uri = f"grpc://{self.server.grpc_address}"
        clean = {k: v for k, v in os.environ.items() if not k.startswith("RUNSTREAM_")}
        return subprocess.Popen(
            [sys.executable, "-c", MAIN, "import", "mlflow", source, *flags, "--tracking-uri", uri],
            cwd=self.folder,
            env=clean,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def run(self, source: str | Path, *flags: str | Path, code: int = 0) -> str:
        """Runs the command and returns what it printed."""
        process = self.start(source, *flags)
        out, err = process.communicate(timeout=TIMEOUT_S)
        assert process.returncode == code, f"{process.returncode}\n{out}\n{err}"
        return out + err


@pytest.fixture
def importing(server: ServerProcess, tmp_path: Path) -> Iterator[Importing]:
    """The command and a server of the test's own."""
    with Client(f"grpc://{server.grpc_address}", retry_for_s=30.0) as client:
        yield Importing(server, client, tmp_path)
