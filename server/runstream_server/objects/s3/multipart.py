"""The requests about multipart uploads that the store makes."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from contextlib import suppress
from datetime import datetime
from typing import Any, cast

from runstream_server.objects.s3.answers import PartTag, UnfinishedUpload, server_time_s
from runstream_server.objects.s3.failures import NoSuchUpload
from runstream_server.objects.s3.requesting import Requester, base64_crc

__all__ = ["Multipart"]


class Multipart(Requester):
    """Makes requests about multipart uploads of a bucket. All methods raise StorageError."""

    async def begin_parts(
        self, key: str, metadata: Mapping[str, str], content_type: str | None
    ) -> str:
        """Begins a multipart upload and returns S3's id of it."""
        options: dict[str, Any] = {}
        if self.abilities.whole_crc32c:
            options |= {"ChecksumAlgorithm": "CRC32C", "ChecksumType": "FULL_OBJECT"}
        if content_type is not None:
            options["ContentType"] = content_type
        request = self.client.create_multipart_upload(
            Bucket=self.name, Key=key, Metadata=metadata, **options
        )
        return (await self.make(f"begin the upload of {key!a}", request))["UploadId"]

    async def put_part(
        self, key: str, s3_upload_id: str, number: int, data: bytes, crc32c: int
    ) -> PartTag:
        """Stores a part, in place of an earlier one of that number.

        Raises:
            NoSuchUpload: The upload is complete or aborted.
        """
        options = await self.checksum(data, crc32c, is_checked=self.abilities.whole_crc32c)
        request = self.client.upload_part(
            Bucket=self.name,
            Key=key,
            UploadId=s3_upload_id,
            PartNumber=number,
            Body=io.BytesIO(data),
            **options,
        )
        answer = await self.make(f"store part {number} of {key!a}", request)
        return PartTag(number=number, size_bytes=len(data), etag=answer["ETag"])

    async def list_parts(self, key: str, s3_upload_id: str) -> list[PartTag]:
        """Lists the parts that S3 has, by number.

        Raises:
            NoSuchUpload: The upload is complete or aborted.
        """
        found: list[PartTag] = []
        marker: int | None = 0
        while marker is not None:
            request = self.client.list_parts(
                Bucket=self.name, Key=key, UploadId=s3_upload_id, PartNumberMarker=marker
            )
            answer = cast("Mapping[str, Any]", await self.make(f"list parts of {key!a}", request))
            found += [
                PartTag(number=part["PartNumber"], size_bytes=part["Size"], etag=part["ETag"])
                for part in answer.get("Parts", ())
            ]
            marker = answer.get("NextPartNumberMarker") if answer.get("IsTruncated") else None
        return found

    async def complete_parts(
        self, key: str, s3_upload_id: str, parts: Sequence[PartTag], crc32c: int
    ) -> tuple[str, float]:
        """Makes an object of parts; returns its entity tag and the store's time, in seconds.

        Raises:
            NoSuchUpload: It is done already, or aborted.
        """
        options: dict[str, Any] = {}
        if self.abilities.whole_crc32c:
            options |= {"ChecksumCRC32C": base64_crc(crc32c), "ChecksumType": "FULL_OBJECT"}
        request = self.client.complete_multipart_upload(
            Bucket=self.name,
            Key=key,
            UploadId=s3_upload_id,
            MultipartUpload={
                "Parts": [{"PartNumber": part.number, "ETag": part.etag} for part in parts]
            },
            **options,
        )
        answer = await self.make(f"complete {key!a}", request)
        return answer["ETag"], server_time_s(cast("Mapping[str, Any]", answer))

    async def abort_parts(self, key: str, s3_upload_id: str) -> None:
        """Gives up a multipart upload, if it is there."""
        request = self.client.abort_multipart_upload(
            Bucket=self.name, Key=key, UploadId=s3_upload_id
        )
        with suppress(NoSuchUpload):
            await self.make(f"abort the upload of {key!a}", request)

    async def list_unfinished(self, prefix: str) -> list[UnfinishedUpload]:
        """Lists the multipart uploads of keys that begin with a prefix."""
        found: list[UnfinishedUpload] = []
        options: dict[str, Any] = {}
        while True:
            request = self.client.list_multipart_uploads(Bucket=self.name, Prefix=prefix, **options)
            plain = cast("Mapping[str, Any]", await self.make("list unfinished uploads", request))
            for upload in plain.get("Uploads", ()):
                begun: datetime | None = upload.get("Initiated")
                if begun is not None:
                    found.append(
                        UnfinishedUpload(
                            key=upload["Key"],
                            s3_upload_id=upload["UploadId"],
                            begin_time_s=begun.timestamp(),
                        )
                    )
            if not plain.get("IsTruncated"):
                return found
            options = {
                "KeyMarker": plain["NextKeyMarker"],
                "UploadIdMarker": plain["NextUploadIdMarker"],
            }
