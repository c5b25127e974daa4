"""What `runstream db` does."""

import asyncio

from runstream_server.data_dir import locked_data_dir
from runstream_server.exits import ExitCode, StartRefused
from runstream_server.opening import database_of, refusing
from runstream_server.settings import ServerSettings
from runstream_server.storage import setup, upgrades
from runstream_server.storage.schema import SCHEMA_VERSION
from runstream_server.storage.setup import SchemaFacts

__all__ = ["show_version", "upgrade"]


def show_version(settings: ServerSettings) -> ExitCode:
    """Prints the version of the database's schema and the one that this program writes.

    Raises:
        StartRefused: There is no database, or none of runstream.
    """
    _require_file(settings)
    facts = asyncio.run(_read_version(settings))
    print(f"database={facts.schema_version if facts else 'empty'} program={SCHEMA_VERSION}")  # noqa: T201
    return ExitCode.OK


def upgrade(settings: ServerSettings) -> ExitCode:
    """Brings the database's schema to the version of this program.

    Raises:
        StartRefused: There is no database, a server uses it, or it is newer than this program.
    """
    _require_file(settings)
    with locked_data_dir(settings.used_data_dir, settings.database_path):
        before, after = asyncio.run(_upgrade(settings))
    print(f"database={after} was={before}")  # noqa: T201 - the command's answer
    return ExitCode.OK


async def _read_version(settings: ServerSettings) -> SchemaFacts | None:
    with refusing(settings):
        async with database_of(settings) as database:
            return await setup.version(database)


async def _upgrade(settings: ServerSettings) -> tuple[str, str]:
    with refusing(settings):
        async with database_of(settings) as database:
            return await upgrades.upgrade(database)


def _require_file(settings: ServerSettings) -> None:
    path = settings.database_path
    if path is not None and not path.is_file():
        raise StartRefused(
            ExitCode.DATABASE,
            f"there is no database at {path.absolute()}; name it by --data-dir or "
            "--backend-store-uri",
        )
