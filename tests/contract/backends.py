"""The databases that the contract is tested on."""

import asyncio
import time
from abc import ABC, abstractmethod
from collections.abc import Generator, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

from runstream_server.storage.database import Database
from runstream_server.storage.postgres_database import PostgresDatabase
from runstream_server.storage.sqlite_database import SqliteDatabase
from tests.contract.postgres_pool import PostgresPool
from tests.support.postgres import PostgresServer
from tests.support.s3 import S3Server
from tests.support.server import ServerProcess

__all__ = [
    "Backend",
    "all_given_back",
    "backend",
    "each_server",
    "on_sqlite_alone",
    "postgres_pool",
    "postgres_server",
    "shared_backend",
    "sqlite_server",
]

KINDS = ["sqlite", "postgresql"]
DEADLINE_S = 20.0
POLL_S = 0.01

on_sqlite_alone = pytest.mark.parametrize("backend", ["sqlite"], indirect=True)
"""Marks a test of what never reaches the database, such as a table of refused requests."""


class Backend(ABC):
    """One kind of database."""

    name: str

    @abstractmethod
    def open(self, folder: Path, *, bare: bool = False) -> Database:
        """Returns a database of its own for each folder, the same for the same one.

        A bare one is empty at first; others may have the tables already.
        """

    @abstractmethod
    def store_uri(self, folder: Path, *, bare: bool = False) -> str:
        """Returns how a server is told of the same database; empty when its data folder tells."""

    def moved(self, old: Path, new: Path) -> None:  # noqa: B027 - a file moves with its folder
        """Takes note that a folder has another name now."""

    def gone(self, folder: Path) -> None:  # noqa: B027 - as above
        """Takes note that nobody needs the database of a folder any more."""


class SqliteBackend(Backend):
    """A file in the folder."""

    name = "sqlite"

    def open(self, folder: Path, *, bare: bool = False) -> Database:
        return SqliteDatabase(str(folder / "runstream.db"))

    def store_uri(self, folder: Path, *, bare: bool = False) -> str:
        return ""


class PostgresBackend(Backend):
    """A database of a running server, which is emptied, or goes, when the test ends."""

    name = "postgresql"

    def __init__(self, server: PostgresServer, pool: PostgresPool, ending: ExitStack) -> None:
        self._server = server
        self._pool = pool
        self._ending = ending
        self._uris: dict[Path, str] = {}
        self._pooled: set[str] = set()

    def open(self, folder: Path, *, bare: bool = False) -> Database:
        return PostgresDatabase(self.store_uri(folder, bare=bare))

    def store_uri(self, folder: Path, *, bare: bool = False) -> str:
        if folder in self._uris:
            return self._uris[folder]
        if bare:
            uri = self._ending.enter_context(self._server.database())
        else:
            uri = self._pool.take()
            self._pooled.add(uri)
        self._uris[folder] = uri
        return uri

    def moved(self, old: Path, new: Path) -> None:
        self._uris[new] = self._uris.pop(old)

    def gone(self, folder: Path) -> None:
        uri = self._uris.pop(folder)
        if uri in self._pooled:
            self._pooled.remove(uri)
            self._pool.give_back(uri)

    def all_gone(self) -> None:
        """Takes note that nobody needs any of them any more."""
        for folder in list(self._uris):
            self.gone(folder)


async def all_given_back(database: Database) -> None:
    """Waits until nobody uses a connection: calls that a test leaves behind end by themselves.

    Raises:
        AssertionError: One is not given back in time.
    """
    deadline = time.monotonic() + DEADLINE_S
    while database.connections_in_use:
        assert time.monotonic() < deadline, "a connection was not given back"
        await asyncio.sleep(POLL_S)


@pytest.fixture(params=KINDS)
def backend(request: pytest.FixtureRequest) -> Iterator[Backend]:
    """Every kind of database."""
    with _backend(request) as one:
        yield one


@pytest.fixture(scope="module", params=KINDS)
def shared_backend(request: pytest.FixtureRequest) -> Iterator[Backend]:
    """Every kind of database, for tests of a module that share a server."""
    with _backend(request) as one:
        yield one


@contextmanager
def _backend(request: pytest.FixtureRequest) -> Generator[Backend]:
    if request.param == "sqlite":
        yield SqliteBackend()
        return
    server: PostgresServer = request.getfixturevalue("postgres")
    with ExitStack() as ending:
        one = PostgresBackend(server, request.getfixturevalue("postgres_pool"), ending)
        ending.callback(one.all_gone)
        yield one


@pytest.fixture(scope="session")
def postgres_pool(postgres: PostgresServer) -> Iterator[PostgresPool]:
    """Databases with all tables."""
    with ExitStack() as ending:
        yield PostgresPool(postgres, ending)


@pytest.fixture(params=KINDS)
def each_server(request: pytest.FixtureRequest) -> ServerProcess:
    """A server over SQLite and a folder, and one over PostgreSQL and S3, each for all tests of this
    process, which leave it running, and do not mind what others have stored.
    """
    fixture = {"sqlite": "sqlite_server", "postgresql": "postgres_server"}[request.param]
    server: ServerProcess = request.getfixturevalue(fixture)
    return server


@pytest.fixture(scope="session")
def sqlite_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    """The one over SQLite and a folder."""
    with _sound(ServerProcess(tmp_path_factory.mktemp("sqlite-server") / "data")) as server:
        yield server


@pytest.fixture(scope="session")
def postgres_server(
    postgres: PostgresServer,
    postgres_pool: PostgresPool,
    s3_server: S3Server,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[ServerProcess]:
    """The one over PostgreSQL and S3."""
    data_dir = tmp_path_factory.mktemp("postgres-server") / "data"
    with postgres.database(template=postgres_pool.template) as uri:
        flags = {"backend_store_uri": uri, "artifacts_destination": s3_server.destination().uri}
        with _sound(ServerProcess(data_dir, env=s3_server.variables(), **flags)) as server:
            yield server


@contextmanager
def _sound(server: ServerProcess) -> Generator[ServerProcess]:
    with server:
        yield server
    assert not server.defects(), server.log_tail()
