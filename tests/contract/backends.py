"""The databases that the contract is tested on."""

import asyncio
import time
from abc import ABC, abstractmethod
from collections.abc import Generator, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

from runstream_server.storage import setup
from runstream_server.storage.database import Database
from runstream_server.storage.postgres_database import PostgresDatabase
from runstream_server.storage.sqlite_database import SqliteDatabase
from tests.support.postgres import PostgresServer, run_apart
from tests.support.s3 import S3Server
from tests.support.server import ServerProcess

__all__ = [
    "Backend",
    "all_given_back",
    "backend",
    "each_server",
    "on_sqlite_alone",
    "postgres_server",
    "postgres_template",
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


class SqliteBackend(Backend):
    """A file in the folder."""

    name = "sqlite"

    def open(self, folder: Path, *, bare: bool = False) -> Database:
        return SqliteDatabase(str(folder / "runstream.db"))

    def store_uri(self, folder: Path, *, bare: bool = False) -> str:
        return ""


class PostgresBackend(Backend):
    """A database of a running server, which goes when the test ends."""

    name = "postgresql"

    def __init__(self, server: PostgresServer, template: str, ending: ExitStack) -> None:
        self._server = server
        self._template = template
        self._ending = ending
        self._uris: dict[Path, str] = {}

    def open(self, folder: Path, *, bare: bool = False) -> Database:
        return PostgresDatabase(self.store_uri(folder, bare=bare))

    def store_uri(self, folder: Path, *, bare: bool = False) -> str:
        if folder not in self._uris:
            template = "template0" if bare else self._template
            database = self._server.database(template=template)
            self._uris[folder] = self._ending.enter_context(database)
        return self._uris[folder]

    def moved(self, old: Path, new: Path) -> None:
        self._uris[new] = self._uris.pop(old)


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
        yield PostgresBackend(server, request.getfixturevalue("postgres_template"), ending)


@pytest.fixture(scope="session")
def postgres_template(postgres: PostgresServer) -> Iterator[str]:
    """The name of a database with all tables, to be copied: that is quicker than making them."""

    async def make_tables(uri: str) -> None:
        async with PostgresDatabase(uri) as database:
            await setup.create_or_check(database)

    with postgres.database() as uri:
        run_apart(make_tables(uri))
        yield uri.rpartition("/")[2]


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
    postgres_template: str,
    s3_server: S3Server,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[ServerProcess]:
    """The one over PostgreSQL and S3."""
    data_dir = tmp_path_factory.mktemp("postgres-server") / "data"
    with postgres.database(template=postgres_template) as uri:
        flags = {"backend_store_uri": uri, "artifacts_destination": s3_server.destination().uri}
        with _sound(ServerProcess(data_dir, env=s3_server.variables(), **flags)) as server:
            yield server


@contextmanager
def _sound(server: ServerProcess) -> Generator[ServerProcess]:
    with server:
        yield server
    assert not server.defects(), server.log_tail()
