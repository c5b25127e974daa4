"""The databases that the contract is tested on."""

import hashlib
from abc import ABC, abstractmethod
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from runstream_server.storage.database import Database
from runstream_server.storage.postgres_database import PostgresDatabase
from runstream_server.storage.sqlite_database import SqliteDatabase
from tests.support.postgres import PostgresServer

__all__ = ["Backend", "backend"]


class Backend(ABC):
    """One kind of database."""

    name: str

    @abstractmethod
    def open(self, folder: Path) -> Database:
        """Returns a database of its own for each folder, the same for the same one."""


class SqliteBackend(Backend):
    """A file in the folder."""

    name = "sqlite"

    def open(self, folder: Path) -> Database:
        return SqliteDatabase(str(folder / "runstream.db"))


class PostgresBackend(Backend):
    """A database of a running server, which goes when the test ends."""

    name = "postgresql"

    def __init__(self, server: PostgresServer, ending: ExitStack) -> None:
        self._server = server
        self._ending = ending
        self._uris: dict[str, str] = {}

    def open(self, folder: Path) -> Database:
        name = "runstream_" + hashlib.sha256(bytes(folder)).hexdigest()[:24]
        if name not in self._uris:
            self._uris[name] = self._ending.enter_context(self._server.database(name))
        return PostgresDatabase(self._uris[name])


@pytest.fixture(params=["sqlite", "postgresql"])
def backend(request: pytest.FixtureRequest) -> Iterator[Backend]:
    """Every kind of database."""
    if request.param == "sqlite":
        yield SqliteBackend()
        return
    with ExitStack() as ending:
        yield PostgresBackend(request.getfixturevalue("postgres"), ending)
