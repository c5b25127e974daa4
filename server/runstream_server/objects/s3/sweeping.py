"""Discarding what uploads that nobody goes on with have left in a bucket."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import suppress

from runstream_server.objects.errors import StorageError
from runstream_server.objects.paths import HEX_ID
from runstream_server.objects.s3.bucket import Bucket
from runstream_server.objects.s3.multipart import Multipart
from runstream_server.objects.s3.probing import PROBE_PREFIX
from runstream_server.objects.s3.records import RecordShelf
from runstream_server.objects.s3.uploads import S3UploadDesk

__all__ = ["S3Sweeper"]


class S3Sweeper:
    """Sweeps. Ages are told by the store's clock."""

    def __init__(
        self, bucket: Bucket, multipart: Multipart, shelf: RecordShelf, desk: S3UploadDesk
    ) -> None:
        self._bucket = bucket
        self._multipart = multipart
        self._shelf = shelf
        self._desk = desk

    async def sweep(self, older_than_s: float) -> tuple[str, ...]:
        """Discards abandoned uploads; see `ObjectStore.sweep_uploads`."""
        swept: list[str] = []
        kept: list[str] = []
        limit_s = 0.0
        async for page in self._bucket.list_keys(self._bucket.destination.uploads):
            limit_s = page.server_time_s - older_than_s
            for key, head in page.files:
                name = key.removeprefix(self._bucket.destination.uploads)
                is_old = head.time_us // 1_000_000 <= limit_s
                if HEX_ID.fullmatch(name) is None:
                    await self._sweep_other(key, name, is_old=is_old)
                elif is_old and await self._desk.discard_idle(name):
                    swept.append(name)
                else:
                    kept.append(name)
        await self._sweep_orphans(kept, limit_s)
        return tuple(swept)

    async def _sweep_other(self, key: str, name: str, *, is_old: bool) -> None:
        if is_old and name.startswith(PROBE_PREFIX):
            await self._bucket.delete(key)

    async def _sweep_orphans(self, kept: Iterable[str], limit_s: float) -> None:
        """Aborts multipart uploads of the store's that no record tells of.

        A crash between two requests leaves such, and so do other programs.
        """
        known = self._desk.multipart_ids()
        unfinished = await self._multipart.list_unfinished(self._bucket.destination.root)
        old = [upload for upload in unfinished if upload.begin_time_s <= limit_s]
        if not old:
            return
        for upload_id in kept:
            stored = await self._shelf.find(upload_id)
            if stored is not None:
                known.add(stored.record.s3_upload_id)
        for upload in old:
            if upload.s3_upload_id not in known:
                with suppress(StorageError):
                    await self._multipart.abort_parts(upload.key, upload.s3_upload_id)
