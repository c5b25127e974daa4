"""Queries on the digests of artifacts.

A digest counts only for an artifact of the same size and time, so one that outlives its artifact
does no harm.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from runstream_server.storage.log_rows import chunks
from runstream_server.storage.schema import digests
from runstream_server.storage.upserts import insert_into

__all__ = ["DigestRow", "DigestState", "delete_digests", "digests_of_paths", "set_digest"]


class DigestState(IntEnum):
    """The values of the contract's enum DigestState, with its numbers."""

    UNSPECIFIED = 0
    PENDING = 1
    VERIFIED = 2
    MISMATCH = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class DigestRow:
    """The digest of the artifact that had this size and time."""

    owner_id: str
    path: str
    size_bytes: int
    modify_time_us: int
    sha256: bytes
    state: int


_DIGEST = sa.select(*(digests.c[name] for name in DigestRow.__slots__))
_VALUES = ("size_bytes", "modify_time_us", "sha256", "state")


async def digests_of_paths(
    connection: AsyncConnection, owner_id: str, paths: Sequence[str]
) -> dict[str, DigestRow]:
    """Returns the digests that an owner's artifacts have, by path."""
    found: dict[str, DigestRow] = {}
    query = _DIGEST.where(digests.c.owner_id == owner_id)
    for some in chunks(paths):
        rows = await connection.execute(query.where(digests.c.path.in_(some)))
        found.update((row["path"], DigestRow(**row)) for row in rows.mappings())
    return found


async def set_digest(connection: AsyncConnection, row: DigestRow) -> None:
    """Stores a digest over an earlier one of the same path."""
    query = insert_into(connection, digests)
    query = query.values({name: getattr(row, name) for name in DigestRow.__slots__})
    query = query.on_conflict_do_update(
        index_elements=["owner_id", "path"], set_={name: query.excluded[name] for name in _VALUES}
    )
    await connection.execute(query)


async def delete_digests(connection: AsyncConnection, owner_id: str, path: str) -> None:
    """Deletes the digests of a path and of all paths below it."""
    # Below "a" lies what begins with "a/": from there up to the character after the slash.
    below = sa.and_(digests.c.path >= f"{path}/", digests.c.path < f"{path}0")
    query = sa.delete(digests).where(digests.c.owner_id == owner_id)
    await connection.execute(query.where(sa.or_(digests.c.path == path, below)))
