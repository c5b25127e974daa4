"""What lies in the bucket, seen past the servers."""

from __future__ import annotations

import hashlib
from typing import Any

from botocore.config import Config
from botocore.session import get_session

from runstream_server.objects.s3.destination import S3Destination
from tests.support.s3 import S3Server

__all__ = ["Bucket"]

PIECE_BYTES = 1 << 20


class Bucket:
    """Looks at the objects of a destination, by blocking calls.

    Args:
        server: The server, which nothing stands before.
        destination: The bucket and the prefix.
    """

    def __init__(self, server: S3Server, destination: S3Destination) -> None:
        self._destination = destination
        session: Any = get_session()
        self._client = session.create_client(
            "s3",
            endpoint_url=server.url,
            region_name="us-east-1",
            aws_access_key_id=server.access_key,
            aws_secret_access_key=server.secret_key,
            config=Config(max_pool_connections=20),
        )

    def close(self) -> None:
        self._client.close()

    def artifacts(self, run_id: str) -> dict[str, int]:
        """Returns the sizes in bytes of a run's artifacts, by path."""
        folder = self._folder(run_id)
        sizes = self._sizes(folder)
        return {key.removeprefix(folder): size for key, size in sizes.items()}

    def sha256(self, run_id: str, path: str) -> str:
        """Returns the digest of an artifact's bytes."""
        body = self._client.get_object(
            Bucket=self._destination.bucket, Key=f"{self._folder(run_id)}{path}"
        )["Body"]
        digest = hashlib.sha256()
        while piece := body.read(PIECE_BYTES):
            digest.update(piece)
        return digest.hexdigest()

    def records(self) -> list[str]:
        """Returns the keys of what the store remembers of uploads, and of its probes."""
        return sorted(self._sizes(self._destination.uploads))

    def unfinished(self) -> list[str]:
        """Returns the keys of multipart uploads that are neither complete nor aborted."""
        pages = self._client.get_paginator("list_multipart_uploads").paginate(
            Bucket=self._destination.bucket, Prefix=self._destination.root
        )
        return [upload["Key"] for page in pages for upload in page.get("Uploads", ())]

    def _folder(self, run_id: str) -> str:
        return f"{self._destination.root}0/{run_id}/artifacts/"

    def _sizes(self, prefix: str) -> dict[str, int]:
        pages = self._client.get_paginator("list_objects_v2").paginate(
            Bucket=self._destination.bucket, Prefix=prefix
        )
        return {each["Key"]: each["Size"] for page in pages for each in page.get("Contents", ())}
