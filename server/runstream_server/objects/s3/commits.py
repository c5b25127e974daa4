"""The end of an upload into a bucket: the request that makes its object visible.

An upload without a whole part is one PUT of an object that carries the upload's id; else it is the
completion of a multipart upload, whose digest was recorded just before. Either is one step. After
a crash the object that carries the id tells that it was done; and that S3 knows of a multipart
upload no more tells it also of an object that was replaced since.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial
from typing import Final

from runstream_server.objects.base import Digest, ObjectInfo
from runstream_server.objects.checksums import crc32c
from runstream_server.objects.errors import StorageError, UploadFenced
from runstream_server.objects.paths import Location
from runstream_server.objects.s3.answers import Head, time_of
from runstream_server.objects.s3.bucket import Bucket
from runstream_server.objects.s3.destination import content_type_of
from runstream_server.objects.s3.failures import NoSuchUpload
from runstream_server.objects.s3.progress import Means, UploadProgress
from runstream_server.objects.s3.records import UPLOAD_MARK, UploadRecord

__all__ = ["Commits"]

CRC32C_MARK: Final = "runstream-crc32c"
SHA256_MARK: Final = "runstream-sha256"
MAX_REMEMBERED: Final = 1024


class Commits:
    """Commits uploads, and tells which were."""

    def __init__(self, bucket: Bucket, means: Means, failpoint: Callable[[str], None]) -> None:
        self._bucket = bucket
        self._means = means
        self._failpoint = failpoint
        self._done: OrderedDict[str, ObjectInfo] = OrderedDict()

    async def commit(self, location: Location, progress: UploadProgress) -> ObjectInfo:
        """Makes an upload's object visible.

        Raises:
            StorageError: It failed; the upload is broken.
            UploadFenced: Another replica goes on with it.
        """
        digest = await progress.digest()
        try:
            if progress.is_one_piece:
                etag, time_s = await self._store(progress, digest)
            else:
                etag, time_s = await self._complete(progress, digest)
            head = await self._bucket.head(progress.key)
        except (StorageError, UploadFenced) as error:
            progress.fail(error)
            raise
        if head is None or head.etag != etag:
            # It was replaced or deleted by now.
            head = Head(
                size_bytes=digest.size_bytes,
                etag=etag,
                time_us=time_of(datetime.fromtimestamp(time_s, UTC), etag),
                metadata={},
            )
        info = _info(location, head, digest)
        self._done[progress.upload_id] = info
        if len(self._done) > MAX_REMEMBERED:
            self._done.popitem(last=False)
        return info

    async def _store(self, progress: UploadProgress, digest: Digest) -> tuple[str, float]:
        metadata = {UPLOAD_MARK: progress.record.birth, CRC32C_MARK: f"{digest.crc32c:08x}"}
        if digest.sha256 is not None:
            metadata[SHA256_MARK] = digest.sha256.hex()
        await self._fail_here("object.before_rename")
        stored = await self._bucket.put(
            progress.key,
            progress.tail(),
            digest.crc32c,
            metadata=metadata,
            content_type=content_type_of(progress.key),
        )
        await self._fail_here("object.after_rename")
        if progress.record.s3_upload_id:
            # Begun by an earlier life of the upload, whose parts were not recorded in time.
            await self._means.multipart.abort_parts(progress.key, progress.record.s3_upload_id)
        return stored

    async def _complete(self, progress: UploadProgress, digest: Digest) -> tuple[str, float]:
        multipart, key = self._means.multipart, progress.key
        s3_upload_id = progress.record.s3_upload_id
        tags, tail = progress.tags, progress.tail()
        if tail:
            number = len(tags) + 1
            tags.append(await multipart.put_part(key, s3_upload_id, number, tail, crc32c(tail)))
        await progress.announce(digest)
        await self._fail_here("object.before_rename")
        try:
            completed = await multipart.complete_parts(key, s3_upload_id, tags, digest.crc32c)
        except NoSuchUpload:
            # A first attempt may have come through whose answer was lost.
            head = await self._bucket.head(key)
            if head is None or head.metadata.get(UPLOAD_MARK) != progress.record.birth:
                raise
            completed = head.etag, head.time_us / 1_000_000
        await self._fail_here("object.after_rename")
        return completed

    async def _fail_here(self, name: str) -> None:
        await self._means.threads.run(partial(self._failpoint, name))

    async def find(self, upload_id: str, record: UploadRecord) -> ObjectInfo | None:
        """Returns what a commit of the upload has made visible; None when it was not committed."""
        done = self._done.get(upload_id)
        if done is not None:
            return done
        key = self._bucket.destination.key_of(record.location)
        head = await self._bucket.head(key)
        if head is not None and head.metadata.get(UPLOAD_MARK) == record.birth:
            digest = record.whole or _digest_in(head)
            return _info(record.location, head, digest)
        if record.whole is None:
            return None
        try:
            await self._means.multipart.list_parts(key, record.s3_upload_id)
        except NoSuchUpload:
            return ObjectInfo(
                location=record.location,
                size_bytes=record.whole.size_bytes,
                modify_time_us=record.whole_time_us,
                digest=record.whole,
            )
        return None

    def forget(self, upload_id: str) -> bool:
        """Forgets a commit; returns whether it was remembered, which is not told of all."""
        return self._done.pop(upload_id, None) is not None


def _info(location: Location, head: Head, digest: Digest | None) -> ObjectInfo:
    return ObjectInfo(
        location=location,
        size_bytes=head.size_bytes,
        modify_time_us=head.time_us,
        digest=digest,
    )


def _digest_in(head: Head) -> Digest | None:
    """Reads the digest that an object of one piece carries."""
    try:
        sha256 = head.metadata.get(SHA256_MARK)
        return Digest(
            size_bytes=head.size_bytes,
            crc32c=int(head.metadata[CRC32C_MARK], 16),
            sha256=None if sha256 is None else bytes.fromhex(sha256),
        )
    except (KeyError, ValueError):
        return None
