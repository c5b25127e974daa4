"""Training programs as processes of their own, with a spool that they share."""

import os
import signal
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

from tests.support.server import wait_until

from runstream._ship.election import shipper_pid

TIMEOUT_S = 60.0
LAUNCHERS = ("RANK", "WORLD_SIZE", "LOCAL_", "MASTER_", "SLURM_", "OMPI_", "PMIX_", "TORCHELASTIC_")


class Jobs:
    """Runs programs that log to one server through one spool.

    Args:
        folder: The test's own.
        uri: The server's tracking URI.
    """

    def __init__(self, folder: Path, uri: str) -> None:
        self.folder = folder
        self.spool = folder / "spool"
        self.uri = uri
        self._started: list[subprocess.Popen[str]] = []

    def environment(self, more: Mapping[str, str] | None = None) -> dict[str, str]:
        clean = {
            name: value
            for name, value in os.environ.items()
            if not name.startswith(("RUNSTREAM_", *LAUNCHERS))
        }
        own = {"RUNSTREAM_TRACKING_URI": self.uri, "RUNSTREAM_SPOOL_DIR": str(self.spool)}
        return {**clean, **own, **(more or {})}

    def start(self, program: str, env: Mapping[str, str] | None = None) -> "subprocess.Popen[str]":
        """Starts a Python program, given as text."""
        process = subprocess.Popen(
            [sys.executable, "-c", program],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            cwd=self.folder,
            env=self.environment(env),
        )
        self._started.append(process)
        return process

    def run(
        self, program: str, env: Mapping[str, str] | None = None
    ) -> "subprocess.CompletedProcess[str]":
        """Runs a Python program, given as text."""
        process = self.start(program, env)
        out, err = process.communicate(timeout=TIMEOUT_S)
        return subprocess.CompletedProcess(process.args, process.returncode, out, err)

    def command(
        self, *arguments: str, env: Mapping[str, str] | None = None
    ) -> "subprocess.CompletedProcess[str]":
        """Runs `runstream` with arguments."""
        program = "import sys\nfrom runstream.cli.main import main\n"
        return self.run(f"{program}sys.exit(main({list(arguments)!r}))", env)

    def end_shipper(self) -> None:
        """Ends the spool's shipper, if there is one."""
        pid = shipper_pid(self.spool) if self.spool.exists() else None
        if pid is not None:
            os.kill(pid, signal.SIGKILL)
            wait_until(lambda: shipper_pid(self.spool) != pid)

    def close(self) -> None:
        """Ends everything that was started."""
        for process in self._started:
            process.kill()
            process.communicate()
        self.end_shipper()
