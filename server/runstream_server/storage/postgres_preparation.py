"""What PostgreSQL needs beside the tables."""

from typing import Final

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from runstream_server.storage.postgres_functions import create_functions
from runstream_server.storage.schema import block_parts, blocks, log_batches

__all__ = ["STORED_AS_THEY_ARE", "prepare"]

STORED_AS_THEY_ARE: Final[tuple[sa.Column[bytes], ...]] = (
    log_batches.c.data,
    blocks.c.directory,
    block_parts.c.data,
)
"""PostgreSQL would compress them, at some 10 MB/s where it does not give up: commits of regular
steps and times took twenty times as long. The log lives for minutes, and blocks are compressed.
"""


async def prepare(connection: AsyncConnection) -> None:
    """Brings functions and the storage of columns up to date; does nothing over other engines.

    The tables have to be there; nothing happens to what is stored already.
    """
    if connection.dialect.name != "postgresql":
        return
    await create_functions(connection)
    for column in STORED_AS_THEY_ARE:
        await connection.exec_driver_sql(
            f"ALTER TABLE {column.table.name} ALTER COLUMN {column.name} SET STORAGE EXTERNAL"
        )
