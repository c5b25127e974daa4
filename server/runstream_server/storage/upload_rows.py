"""Queries on complete uploads. They are remembered as long as their run or logged model."""

from dataclasses import dataclass

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from runstream_server.storage.schema import uploads
from runstream_server.storage.upserts import insert_into

__all__ = ["UploadRow", "find_upload", "insert_upload_unless_there"]


@dataclass(frozen=True, slots=True, kw_only=True)
class UploadRow:
    """What an upload made visible, and when it did."""

    upload_id: str
    owner_id: str
    path: str
    size_bytes: int
    modify_time_us: int
    complete_time_us: int


_UPLOAD = sa.select(*(uploads.c[name] for name in UploadRow.__slots__))


async def find_upload(connection: AsyncConnection, upload_id: str) -> UploadRow | None:
    """Returns a complete upload, or None when there is none of this id."""
    query = _UPLOAD.where(uploads.c.upload_id == upload_id)
    row = (await connection.execute(query)).mappings().one_or_none()
    return None if row is None else UploadRow(**row)


async def insert_upload_unless_there(connection: AsyncConnection, row: UploadRow) -> None:
    """Stores that an upload is complete; what was stored of it earlier stays."""
    values = {name: getattr(row, name) for name in UploadRow.__slots__}
    await connection.execute(
        insert_into(connection, uploads).values(values).on_conflict_do_nothing()
    )
