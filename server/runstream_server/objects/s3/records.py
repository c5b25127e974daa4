"""What the store remembers of an upload under way, as a small object beside the artifacts.

The record of an upload is the object `<prefix>/.runstream/uploads/<upload id>`, so that every
replica finds it. It says where the upload will be, S3's own id of it, how many whole parts are
stored and what their CRC32C is. Parts are as large as `part_bytes` says, so a number of parts is
an offset.

Whoever opens the upload writes a token of its own into it. Where the store compares versions, a
replica that lost the upload to another one learns that from its next write.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, replace
from typing import Any, Final, Self, cast

from runstream_server.objects.base import Digest
from runstream_server.objects.checksums import crc32c
from runstream_server.objects.errors import InvalidName, UploadFenced
from runstream_server.objects.paths import Location
from runstream_server.objects.s3.bucket import Bucket
from runstream_server.objects.s3.failures import ConditionFailed

__all__ = ["UPLOAD_MARK", "RecordShelf", "StoredRecord", "UploadRecord"]

VERSION: Final = 1
UPLOAD_MARK: Final = "runstream-upload"
"""The name of an object's metadata that holds the `birth` of the upload it came by."""


@dataclass(frozen=True, slots=True, kw_only=True)
class UploadRecord:
    """Says how far an upload has come.

    Attributes:
        location: Where it will be visible.
        birth: Random; the object will carry it, so that it tells which upload made it.
        token: Whose it is.
        part_bytes: How large its parts are, save the last.
        s3_upload_id: S3's id of it; empty before its first part.
        durable_parts: This many parts are stored, from the first on.
        durable_crc32c: The CRC32C of their bytes.
        whole: What a commit that was begun makes visible; counts when S3 knows of the multipart
            upload no more.
        whole_time_us: When that was, microseconds since the epoch.
    """

    location: Location
    birth: str
    token: str
    part_bytes: int
    s3_upload_id: str = ""
    durable_parts: int = 0
    durable_crc32c: int = 0
    whole: Digest | None = None
    whole_time_us: int = 0

    @property
    def durable_bytes(self) -> int:
        """How many bytes survive any crash."""
        return self.durable_parts * self.part_bytes

    def emptied(self) -> Self:
        """Returns the record of the same upload from its beginning."""
        return replace(self, s3_upload_id="", durable_parts=0, durable_crc32c=0, whole=None)

    def encoded(self) -> bytes:
        """Returns the record as JSON."""
        fields = {"version": VERSION, **asdict(self)}
        return json.dumps(fields, ensure_ascii=False, default=bytes.hex).encode()

    @classmethod
    def decoded(cls, data: bytes) -> Self | None:
        """Reads a record; None when it is none that this program has written."""
        try:
            fields = cast("dict[str, Any]", json.loads(data))
            if fields.pop("version") != VERSION:
                return None
            whole = fields.pop("whole")
            if whole is not None:
                sha256: str | None = whole["sha256"]
                whole["sha256"] = None if sha256 is None else bytes.fromhex(sha256)
                whole = Digest(**whole)
            location = Location(**fields.pop("location"))
            return cls(location=location, whole=whole, **fields)
        except (KeyError, TypeError, ValueError, AttributeError, InvalidName):
            return None


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredRecord:
    """A record and the entity tag that it was stored with."""

    record: UploadRecord
    etag: str


class RecordShelf:
    """Stores records. All methods raise StorageError."""

    def __init__(self, bucket: Bucket) -> None:
        self._bucket = bucket

    async def find(self, upload_id: str) -> StoredRecord | None:
        """Reads an upload's record; None when there is none."""
        read = await self._bucket.read_small(self._key(upload_id))
        if read is None:
            return None
        data, head = read
        record = UploadRecord.decoded(data)
        return None if record is None else StoredRecord(record=record, etag=head.etag)

    async def write(
        self, upload_id: str, record: UploadRecord, over: StoredRecord | None
    ) -> StoredRecord:
        """Stores a record over the one that was read or written before.

        Raises:
            UploadFenced: Somebody else has opened or ended the upload since.
        """
        data = record.encoded()
        only_over = None if over is None else over.etag
        try:
            etag, _ = await self._bucket.put(
                self._key(upload_id),
                data,
                crc32c(data),
                content_type="application/json",
                only_over=only_over,
            )
        except ConditionFailed as error:
            # The answer to a first attempt may have been lost, and this be the second one's.
            stored = await self.find(upload_id)
            if stored is not None and stored.record == record:
                return stored
            raise UploadFenced(upload_id) from error
        return StoredRecord(record=record, etag=etag)

    async def delete(self, upload_id: str) -> None:
        """Deletes an upload's record, if there is one."""
        await self._bucket.delete(self._key(upload_id))

    def _key(self, upload_id: str) -> str:
        return self._bucket.destination.record_key(upload_id)
