"""Real servers for tests: processes of their own, on loopback and free ports.

`start_server` is the fixture for most tests; a `ServerProcess` by itself lives for its owner::

    def test_survives(start_server: StartServer) -> None:
        server = start_server(log_retention="1s", env={"RUNSTREAM_TESTING": "1"})
        ...
        server.kill9()
        server.start()  # the same data, flags and ports
"""

import contextlib
import json
import os
import select
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, Protocol, Self

import grpc
import grpc.aio
import httpx
import pytest

START_TIMEOUT_S = 90.0
STOP_TIMEOUT_S = 60.0
SHOWN_LOG_LINES = 200
POLL_S = 0.01


class ServerProcess:
    """One server, over as many lives as a test gives it.

    Args:
        data_dir: Its data folder; the log of all lives lies beside it.
        env: Environment variables, beside those of the test that do not begin with RUNSTREAM_.
        **flags: `log_retention="1s"` is `--log-retention 1s`, and `x=False` is `--no-x`. Ports are
            free ones, and stay the same from life to life. The log is JSON from DEBUG on unless
            flags say otherwise.
    """

    def __init__(
        self, data_dir: Path, *, env: Mapping[str, str] | None = None, **flags: object
    ) -> None:
        self.data_dir = data_dir
        self.log_path = data_dir.with_name(f"{data_dir.name}.log")
        self.flags: dict[str, object] = {
            "data_dir": data_dir,
            "grpc_port": 0,
            "port": 0,
            "log_format": "json",
            "log_level": "debug",
            **flags,
        }
        self.env = dict(env or {})
        self.tolerated_events: set[str] = set()
        self.first_line = ""
        self.grpc_address = ""
        self.http_address = ""
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def pid(self) -> int:
        return self._running.pid

    @property
    def exit_code(self) -> int | None:
        """How the latest life ended; None while it lasts. Negative is the signal that ended it."""
        return self._process.poll() if self._process else None

    @property
    def log(self) -> str:
        """Everything logged so far, in all lives."""
        return self.log_path.read_text(errors="replace") if self.log_path.exists() else ""

    def log_tail(self) -> str:
        return "\n".join(self.log.splitlines()[-SHOWN_LOG_LINES:])

    def start(self, timeout_s: float = START_TIMEOUT_S) -> Self:
        """Starts it and returns once it serves.

        Raises:
            AssertionError: It ended, or does not serve in time; with its log.
        """
        self.launch()
        self.first_line = self._read_line(timeout_s)
        if not self.first_line.startswith("runstream serving "):
            code = self._running.wait(STOP_TIMEOUT_S) if not self.first_line else None
            self.close()
            said = f"{self.first_line!r}, exit code {code}"
            raise AssertionError(f"the server does not serve: {said}\n{self.log_tail()}")
        addresses = dict(part.split("=", 1) for part in self.first_line.split()[2:])
        self.grpc_address, self.http_address = addresses["grpc"], addresses["http"]
        self.flags["grpc_port"] = self.grpc_address.rpartition(":")[2]
        self.flags["port"] = self.http_address.rpartition(":")[2]
        return self

    def launch(self) -> None:
        """Starts it and does not wait for anything."""
        assert self._process is None or self.exit_code is not None, "it is running already"
        self.close()
        clean = {k: v for k, v in os.environ.items() if not k.startswith("RUNSTREAM_")}
        command = [sys.executable, "-m", "runstream_server", "server"]
        for name, value in self.flags.items():
            option = name.replace("_", "-")
            if isinstance(value, bool):
                command.append(f"--{option}" if value else f"--no-{option}")
            else:
                command += [f"--{option}", str(value)]
        with self.log_path.open("ab") as log:
            self._process = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=log,
                env={**clean, **self.env},
                start_new_session=True,  # so that what it leaves behind can be ended too
            )

    def signal(self, number: signal.Signals) -> None:
        self._running.send_signal(number)

    def wait(self, timeout_s: float = STOP_TIMEOUT_S) -> int:
        """Returns the exit code once it has ended.

        Raises:
            AssertionError: It has not ended in time; with its log.
        """
        try:
            return self._running.wait(timeout_s)
        except subprocess.TimeoutExpired:
            raise AssertionError(f"the server still runs\n{self.log_tail()}") from None

    def terminate(self, timeout_s: float = STOP_TIMEOUT_S) -> int:
        """Stops it in order and returns the exit code."""
        self.signal(signal.SIGTERM)
        return self.wait(timeout_s)

    def kill9(self) -> None:
        """Ends it as a power cut does, and returns once it is gone."""
        self.signal(signal.SIGKILL)
        self.wait()

    def restart(self) -> Self:
        """Stops it in order and starts it again."""
        assert self.terminate() == 0, self.log_tail()
        return self.start()

    def close(self) -> None:
        """Ends it, and whatever it started, if that still lives."""
        process = self._process
        if process is None:
            return
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        if process.stdout is not None:
            process.stdout.close()

    def events(self, name: str | None = None) -> list[dict[str, Any]]:
        """Returns what was logged, all of it or the events of one name."""
        lines = [line for line in self.log.splitlines() if line.startswith("{")]
        documents: list[dict[str, Any]] = [json.loads(line) for line in lines if line.endswith("}")]
        return [each for each in documents if name is None or each["event"] == name]

    def wait_for_event(
        self, name: str, timeout_s: float = 60.0, **fields: object
    ) -> dict[str, Any]:
        """Returns the first event of that name with these fields, once there is one."""
        deadline = time.monotonic() + timeout_s
        while True:
            for event in self.events(name):
                if fields.items() <= event.items():
                    return event
            assert time.monotonic() < deadline, f"no event {name} {fields}\n{self.log_tail()}"
            time.sleep(POLL_S)

    def defects(self) -> list[dict[str, Any]]:
        """Returns the logged errors, save those that the test tolerates."""
        return [
            event
            for event in self.events()
            if event["level"] in {"ERROR", "CRITICAL"}
            and event["event"] not in self.tolerated_events
        ]

    def get(self, path: str, headers: Mapping[str, str] | None = None) -> httpx.Response:
        """Requests something from the HTTP port."""
        url = f"http://{self.http_address}{path}"
        return httpx.get(url, headers=headers, trust_env=False)

    def channel(self, **options: int | str) -> grpc.Channel:
        """Returns a new channel for blocking calls; options are gRPC's, without `grpc.`."""
        return grpc.insecure_channel(self.grpc_address, options=_channel_options(options))

    def aio_channel(self, **options: int | str) -> grpc.aio.Channel:
        """Returns a new channel for calls to be awaited."""
        return grpc.aio.insecure_channel(self.grpc_address, options=_channel_options(options))

    @property
    def _running(self) -> "subprocess.Popen[bytes]":
        assert self._process is not None, "it was not started"
        return self._process

    def _read_line(self, timeout_s: float) -> str:
        stream = self._running.stdout
        assert stream is not None
        deadline = time.monotonic() + timeout_s
        line = b""
        while not line.endswith(b"\n"):
            readable, _, _ = select.select([stream], [], [], max(0, deadline - time.monotonic()))
            byte = os.read(stream.fileno(), 1) if readable else b""
            if not byte:
                break
            line += byte
        return line.decode().strip()


class StartServer(Protocol):
    """Starts a server that ends with the test."""

    def __call__(
        self, name: str = "data", *, env: Mapping[str, str] | None = None, **flags: object
    ) -> ServerProcess: ...


@pytest.fixture
def start_server(tmp_path: Path) -> Iterator[StartServer]:
    """Starts servers, each in its own folder `name`; shows their logs when the test fails.

    A server that logged an error which is not among its `tolerated_events` fails the test.
    """
    yield from _starting(tmp_path)


@pytest.fixture
def server(start_server: StartServer) -> ServerProcess:
    """A server of the test's own."""
    return start_server()


@pytest.fixture(scope="module")
def shared_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    """A server for all tests of a module, which leave it running."""
    for start in _starting(tmp_path_factory.mktemp("shared-server")):
        yield start()


def wait_until(condition: Callable[[], object], timeout_s: float = 60.0, what: str = "") -> None:
    """Polls until `condition` holds.

    Raises:
        AssertionError: It does not in time.
    """
    deadline = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < deadline, f"did not happen within {timeout_s} s: {what}"
        time.sleep(POLL_S)


def _starting(folder: Path) -> Iterator[StartServer]:
    servers: list[ServerProcess] = []

    def start(
        name: str = "data", *, env: Mapping[str, str] | None = None, **flags: object
    ) -> ServerProcess:
        server = ServerProcess(folder / name, env=env, **flags)
        servers.append(server)
        return server.start()

    try:
        yield start
    finally:
        for server in servers:
            server.close()
            sys.stdout.write(f"--- log of {server.data_dir.name}\n{server.log_tail()}\n")
    defects = [defect for server in servers for defect in server.defects()]
    assert not defects, f"servers logged errors: {defects}"


def _channel_options(options: Mapping[str, int | str]) -> list[tuple[str, int | str]]:
    # Channels of one process share connections otherwise, and with them what a test does to one.
    own = {"use_local_subchannel_pool": 1, **options}
    return [(f"grpc.{name}", value) for name, value in own.items()]
