"""The demo's own server: started on its usual ports where they are free, and stopped in order."""

import contextlib
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Generator
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

HOST = "127.0.0.1"
STOP_TIMEOUT_S = 20.0
LOG_NAME = "demo-server.log"


class ServerFailed(Exception):
    """Says why there is no server, and what to do."""


@dataclass(frozen=True, slots=True)
class Server:
    """A server that serves.

    Attributes:
        grpc: Its address for clients, HOST:PORT.
        http: Its address for browsers, HOST:PORT.
    """

    grpc: str
    http: str
    _log: Path
    _process: "subprocess.Popen[str]"

    @property
    def uri(self) -> str:
        """What clients are told."""
        return f"grpc://{self.grpc}"

    def wait(self) -> NoReturn:
        """Waits for ever.

        Raises:
            ServerFailed: It has ended.
        """
        code = self._process.wait()
        raise ServerFailed(f"the server has ended with exit code {code}; its log is {self._log}")


def clean_environment() -> dict[str, str]:
    """Returns the environment without what would make client or server do something else."""
    kept = {"RUNSTREAM_SPOOL_DIR"}
    return {
        name: value
        for name, value in os.environ.items()
        if name in kept or not name.startswith("RUNSTREAM_")
    }


@contextlib.contextmanager
def running_server(data_dir: Path, *, grpc_port: int, http_port: int) -> Generator[Server]:
    """Starts a server, and stops it in the end. It gets other ports if these are taken.

    Raises:
        ServerFailed: It does not serve, for example because another one uses the folder.
    """
    data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
    log = data_dir / LOG_NAME
    command = [sys.executable, "-m", "runstream_server", "server", "--data-dir", str(data_dir)]
    command += ["--host", HOST]
    command += ["--grpc-port", str(free_port(grpc_port, "gRPC"))]
    command += ["--port", str(free_port(http_port, "HTTP"))]
    # A session of its own: Ctrl-C is for the demo, which then stops the server in order.
    with log.open("w") as errors:
        process = subprocess.Popen(
            command,
            stdout=subprocess.PIPE,
            stderr=errors,
            text=True,
            env=clean_environment(),
            start_new_session=True,
        )
    try:
        assert process.stdout is not None
        words = process.stdout.readline().split()
        if words[:2] != ["runstream", "serving"]:
            process.wait(STOP_TIMEOUT_S)
            raise ServerFailed(_why(log))
        addresses = dict(word.split("=", 1) for word in words[2:])
        yield Server(addresses["grpc"], addresses["http"], log, process)
    finally:
        _stop(process)


def free_port(port: int, what: str) -> int:
    """Returns the port, or 0, with a word about it, if something else listens there."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError as error:
            print(f"port {port} cannot be had ({os.strerror(error.errno or 0)}): ", end="")
            print(f"{what} gets a free one")
            return 0
    return port


def _stop(process: "subprocess.Popen[str]") -> None:
    with process:
        if process.poll() is None:
            process.send_signal(signal.SIGTERM)
            try:
                process.wait(STOP_TIMEOUT_S)
            except subprocess.TimeoutExpired:
                process.kill()


def _why(log: Path) -> str:
    said = log.read_text().strip().rpartition("error: ")[2]
    return (
        f"the server did not start: {said or 'it said nothing'}\n"
        "The demo takes another folder too: DEMO_DATA_DIR=/tmp/runstream-demo make demo"
    )
