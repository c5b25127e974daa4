"""The requests about objects that the store makes."""

from __future__ import annotations

import asyncio
import io
from collections.abc import AsyncGenerator, Mapping, Sequence
from typing import Any, Final, cast

from runstream_server.objects.errors import StorageError
from runstream_server.objects.s3.answers import (
    Body,
    Found,
    Head,
    OpenedBody,
    head_of,
    server_time_s,
)
from runstream_server.objects.s3.failures import RequestRefused
from runstream_server.objects.s3.requesting import Requester

__all__ = ["Bucket"]

LIST_KEYS: Final = 1000
DELETE_KEYS: Final = 1000
PARALLEL_DELETIONS: Final = 16


class Bucket(Requester):
    """Makes requests about keys of one bucket. All methods raise StorageError."""

    async def check_exists(self) -> None:
        """Checks that the bucket is there."""
        what = "use the bucket"
        try:
            await self.make(what, self.client.head_bucket(Bucket=self.name))
        except RequestRefused as error:
            if error.code == "404":
                raise self.refusal(what, "NoSuchBucket") from error
            raise

    async def head(self, key: str) -> Head | None:
        """Describes an object; None when there is none."""
        try:
            answer = await self.make(
                f"look at {key!a}", self.client.head_object(Bucket=self.name, Key=key)
            )
        except RequestRefused as error:
            if error.code in {"404", "NoSuchKey"}:
                return None
            raise
        return head_of(cast("Mapping[str, Any]", answer), answer["ContentLength"])

    async def get(
        self,
        key: str,
        *,
        begin: int = 0,
        end: int | None = None,
        same_as: Head | None = None,
    ) -> OpenedBody:
        """Opens an object for reading from `begin` to before `end`, which is not `begin`.

        Raises:
            ConditionFailed: It is not that version any more.
            RequestRefused: NoSuchKey, InvalidRange.
        """
        options: dict[str, Any] = {}
        if begin or end is not None:
            options["Range"] = f"bytes={begin}-{'' if end is None else end - 1}"
        if same_as is not None and same_as.version_id is not None:
            options["VersionId"] = same_as.version_id
        elif same_as is not None:
            options["IfMatch"] = same_as.etag
        answer = await self.make(
            f"read {key!a}", self.client.get_object(Bucket=self.name, Key=key, **options)
        )
        _, _, total = answer.get("ContentRange", "").rpartition("/")
        size_bytes = int(total) if total.isdigit() else answer["ContentLength"]
        head = head_of(cast("Mapping[str, Any]", answer), size_bytes)
        return OpenedBody(head=head, body=cast("Body", answer["Body"]))

    async def read_small(self, key: str) -> tuple[bytes, Head] | None:
        """Reads an object whole; None when there is none."""
        try:
            opened = await self.get(key)
        except RequestRefused as error:
            if error.code == "NoSuchKey":
                return None
            raise
        try:
            return await self.make(f"read {key!a}", opened.body.read()), opened.head
        finally:
            opened.body.close()

    async def put(
        self,
        key: str,
        data: bytes,
        crc32c: int,
        *,
        metadata: Mapping[str, str] | None = None,
        content_type: str | None = None,
        only_over: str | None = None,
    ) -> tuple[str, float]:
        """Stores an object; returns its entity tag and the store's time, in seconds.

        Args:
            key: Its key.
            data: Its bytes.
            crc32c: Their CRC32C.
            metadata: Names and values to keep with it.
            content_type: Its media type.
            only_over: The entity tag of what it may replace, where the store can see to that.

        Raises:
            ConditionFailed: Something else is there.
        """
        options = await self.checksum(data, crc32c, is_checked=self.abilities.crc32c)
        if only_over is not None and self.abilities.conditional_writes:
            options["IfMatch"] = only_over
        if content_type is not None:
            options["ContentType"] = content_type
        request = self.client.put_object(
            Bucket=self.name, Key=key, Body=io.BytesIO(data), Metadata=metadata or {}, **options
        )
        answer = await self.make(f"store {key!a}", request)
        return answer["ETag"], server_time_s(cast("Mapping[str, Any]", answer))

    async def delete(self, key: str) -> None:
        """Deletes an object, if it is there."""
        request = self.client.delete_object(Bucket=self.name, Key=key)
        await self.make(f"delete {key!a}", request)

    async def delete_all(self, keys: Sequence[str]) -> None:
        """Deletes objects, at most `DELETE_KEYS` of them; those that are not there do not matter.

        Raises:
            StorageError: Some could not be deleted; all were tried, and one of them is named.
        """
        request = self.client.delete_objects(
            Bucket=self.name, Delete={"Objects": [{"Key": key} for key in keys], "Quiet": True}
        )
        try:
            answer = await self.make(f"delete {len(keys)} objects", request)
        except RequestRefused as error:
            # Some stores want another checksum or do not have this at all; and XML cannot express
            # all characters that a key may have.
            if error.code in {"AccessDenied", "NoSuchBucket"}:
                raise
            await self._delete_each(keys)
            return
        errors = answer.get("Errors", ())
        if errors:
            named = errors[0]
            raise StorageError(
                f"cannot delete {len(errors)} of {len(keys)} objects in {self.destination.uri},"
                f" {named.get('Key', '')!a} among them: {named.get('Code', '')},"
                f" {named.get('Message', '')}"
            )

    async def _delete_each(self, keys: Sequence[str]) -> None:
        for begin in range(0, len(keys), PARALLEL_DELETIONS):
            some = keys[begin : begin + PARALLEL_DELETIONS]
            await asyncio.gather(*map(self.delete, some))

    async def list_page(
        self,
        prefix: str,
        *,
        by_folder: bool = False,
        after: str = "",
        token: str | None = None,
        limit: int = LIST_KEYS,
    ) -> Found:
        """Lists a page of the keys that begin with a prefix.

        Args:
            prefix: The prefix.
            by_folder: Whether keys with a slash behind the prefix are counted as their folder.
            after: Begin behind this key.
            token: Go on where another page ended.
            limit: So many at most.
        """
        options: dict[str, Any] = {"MaxKeys": min(limit, LIST_KEYS)}
        if by_folder:
            options["Delimiter"] = "/"
        if token is not None:
            options["ContinuationToken"] = token
        elif after:
            options["StartAfter"] = after
        request = self.client.list_objects_v2(Bucket=self.name, Prefix=prefix, **options)
        answer = await self.make(f"list {prefix!a}", request)
        plain = cast("Mapping[str, Any]", answer)
        return Found(
            files=[
                (file["Key"], head_of(file, file["Size"])) for file in plain.get("Contents", ())
            ],
            folders=[folder["Prefix"] for folder in plain.get("CommonPrefixes", ())],
            next_token=plain.get("NextContinuationToken") if plain.get("IsTruncated") else None,
            server_time_s=server_time_s(plain),
        )

    async def list_keys(self, prefix: str) -> AsyncGenerator[Found]:
        """Lists all keys that begin with a prefix, page by page."""
        token: str | None = None
        while True:
            page = await self.list_page(prefix, token=token)
            yield page
            token = page.next_token
            if token is None:
                return

    async def holds_file(self, prefix: str) -> bool:
        """Tells whether a folder has an object in it that does not only stand for a folder."""
        page = await self.list_page(prefix, limit=2)
        while True:
            if any(not key.endswith("/") for key, _ in page.files):
                return True
            if page.next_token is None:
                return False
            page = await self.list_page(prefix, token=page.next_token)
