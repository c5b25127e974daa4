"""Opens the database that settings name."""

import contextlib
from collections.abc import AsyncGenerator, Generator
from pathlib import Path

from sqlalchemy.exc import DBAPIError

from runstream_server.exits import ExitCode, StartRefused
from runstream_server.storage import setup
from runstream_server.storage.database import Database

__all__ = ["open_database", "refusing"]


@contextlib.asynccontextmanager
async def open_database(path: Path, default_root: str = "") -> AsyncGenerator[Database]:
    """Opens the SQLite file, which is made when there is none, and checks its version.

    In a new one the experiment "Default" keeps its artifacts below `default_root`, if given.

    Raises:
        StartRefused: It cannot be opened, or is not for this program.
    """
    async with Database.sqlite(str(path)) as database:
        with refusing(path):
            await setup.create_or_check(database, default_root)
        yield database


@contextlib.contextmanager
def refusing(path: Path) -> Generator[None]:
    """Turns what makes a database unusable into StartRefused."""
    try:
        yield
    except setup.DatabaseMismatch as error:
        raise StartRefused(ExitCode.DATABASE, f"{path}: {error}") from error
    except DBAPIError as error:
        message = f"cannot use the database {path}: {error.orig}"
        raise StartRefused(ExitCode.DATABASE, message) from error
