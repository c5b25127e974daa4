"""Opens the database that settings name."""

import contextlib
from collections.abc import AsyncGenerator, Generator

from sqlalchemy.exc import DBAPIError

from runstream_server.core.signals import RunSignals
from runstream_server.exits import ExitCode, StartRefused
from runstream_server.settings import ServerSettings
from runstream_server.storage import setup
from runstream_server.storage.database import Database
from runstream_server.storage.sqlite_database import SqliteDatabase

__all__ = ["database_of", "following_others", "open_database", "refusing"]


@contextlib.asynccontextmanager
async def open_database(
    settings: ServerSettings, default_root: str = ""
) -> AsyncGenerator[Database]:
    """Opens the database, which is made when it is a missing file, and checks its version.

    In a new one the experiment "Default" keeps its artifacts below `default_root`, if given.

    Raises:
        StartRefused: It cannot be opened, or is not for this program.
    """
    async with database_of(settings) as database:
        with refusing(settings):
            await setup.create_or_check(database, default_root)
        yield database


def database_of(settings: ServerSettings) -> Database:
    """Returns the database that settings name, not opened yet.

    Raises:
        StartRefused: What it takes to talk to PostgreSQL is not installed.
    """
    path = settings.database_path
    if path is not None:
        return SqliteDatabase(str(path))
    try:
        from runstream_server.storage.postgres_database import PostgresDatabase  # noqa: PLC0415
    except ImportError as error:
        raise StartRefused(
            ExitCode.USAGE, "PostgreSQL needs more: pip install 'runstream[server,postgres]'"
        ) from error
    return PostgresDatabase(settings.backend_store_uri)


@contextlib.asynccontextmanager
async def following_others(settings: ServerSettings, signals: RunSignals) -> AsyncGenerator[None]:
    """Lets the servers of one database hear of each other's changes."""
    if settings.database_path is not None:
        yield
        return
    from runstream_server.storage.change_feed import ChangeFeed  # noqa: PLC0415 - needs the driver

    feed = ChangeFeed(settings.backend_store_uri, signals.wake, signals.wake_all)
    signals.on_changed(feed.changed)
    async with feed:
        yield


@contextlib.contextmanager
def refusing(settings: ServerSettings) -> Generator[None]:
    """Turns what makes a database unusable into StartRefused."""
    name = settings.database_name
    try:
        yield
    except setup.DatabaseMismatch as error:
        raise StartRefused(ExitCode.DATABASE, f"{name}: {error}") from error
    except DBAPIError as error:
        message = f"cannot use the database {name}: {error.orig}"
        raise StartRefused(ExitCode.DATABASE, message) from error
