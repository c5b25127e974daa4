"""The databases that the contract is tested on."""

from abc import ABC, abstractmethod
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from runstream_server.storage import setup
from runstream_server.storage.database import Database
from runstream_server.storage.postgres_database import PostgresDatabase
from runstream_server.storage.sqlite_database import SqliteDatabase
from tests.support.postgres import PostgresServer, run_apart

__all__ = ["Backend", "backend", "postgres_template"]


class Backend(ABC):
    """One kind of database."""

    name: str

    @abstractmethod
    def open(self, folder: Path, *, bare: bool = False) -> Database:
        """Returns a database of its own for each folder, the same for the same one.

        A bare one is empty at first; others may have the tables already.
        """

    def moved(self, old: Path, new: Path) -> None:  # noqa: B027 - a file moves with its folder
        """Takes note that a folder has another name now."""


class SqliteBackend(Backend):
    """A file in the folder."""

    name = "sqlite"

    def open(self, folder: Path, *, bare: bool = False) -> Database:
        return SqliteDatabase(str(folder / "runstream.db"))


class PostgresBackend(Backend):
    """A database of a running server, which goes when the test ends."""

    name = "postgresql"

    def __init__(self, server: PostgresServer, template: str, ending: ExitStack) -> None:
        self._server = server
        self._template = template
        self._ending = ending
        self._uris: dict[Path, str] = {}

    def open(self, folder: Path, *, bare: bool = False) -> Database:
        if folder not in self._uris:
            template = "template0" if bare else self._template
            database = self._server.database(template=template)
            self._uris[folder] = self._ending.enter_context(database)
        return PostgresDatabase(self._uris[folder])

    def moved(self, old: Path, new: Path) -> None:
        self._uris[new] = self._uris.pop(old)


@pytest.fixture(params=["sqlite", "postgresql"])
def backend(request: pytest.FixtureRequest) -> Iterator[Backend]:
    """Every kind of database."""
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
