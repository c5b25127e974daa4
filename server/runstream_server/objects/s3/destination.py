"""Which part of which bucket is a store, and the keys in it."""

from __future__ import annotations

import mimetypes
import re
from dataclasses import dataclass
from typing import Final, Self

from runstream_server.objects.errors import InvalidPath
from runstream_server.objects.paths import BUCKET_FOLDER, Location, split_path

__all__ = ["MAX_S3_KEY_BYTES", "SCHEME", "S3Destination", "content_type_of"]

SCHEME: Final = "s3://"
MAX_S3_KEY_BYTES: Final = 1024
BUCKET: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{1,253}[A-Za-z0-9]")


@dataclass(frozen=True, slots=True, kw_only=True)
class S3Destination:
    """Names a bucket and the folder in it that is the store's root.

    Attributes:
        bucket: The bucket.
        prefix: The folder, without slashes at its ends; empty for the whole bucket.
    """

    bucket: str
    prefix: str = ""

    @classmethod
    def parse(cls, uri: str) -> Self:
        """Reads `s3://bucket` or `s3://bucket/prefix`.

        Raises:
            ValueError: It is not like that; the message says how it must be.
        """
        bucket, _, prefix = uri.removeprefix(SCHEME).partition("/")
        if not uri.startswith(SCHEME) or BUCKET.fullmatch(bucket) is None:
            raise ValueError("must be s3://bucket or s3://bucket/prefix")
        prefix = prefix.strip("/")
        if prefix:
            try:
                # Half of what a key may have, so that there is room for artifacts.
                split_path(prefix, MAX_S3_KEY_BYTES // 2)
            except InvalidPath as error:
                message = f"must be s3://bucket/prefix, and the prefix {error.rule}"
                raise ValueError(message) from None
        return cls(bucket=bucket, prefix=prefix)

    @property
    def uri(self) -> str:
        """The destination as a URI without a slash at its end."""
        return f"{SCHEME}{self.bucket}/{self.prefix}" if self.prefix else SCHEME + self.bucket

    @property
    def root(self) -> str:
        """What all keys of the store begin with: nothing, or the prefix and a slash."""
        return f"{self.prefix}/" if self.prefix else ""

    @property
    def uploads(self) -> str:
        """What the keys of the records of uploads begin with."""
        return f"{self.root}{BUCKET_FOLDER}/uploads/"

    def key_of(self, location: Location) -> str:
        """Returns the key of a location that is not the root.

        Raises:
            InvalidPath: It is longer than S3 allows.
        """
        key = self.root + location.key
        size_bytes = len(key.encode())
        if size_bytes > MAX_S3_KEY_BYTES:
            raise InvalidPath(
                location.path or location.base,
                f"makes an object key of {size_bytes} bytes with what stands before it,"
                f" more than the {MAX_S3_KEY_BYTES} that S3 allows; choose a shorter path",
            )
        return key

    def folder_of(self, location: Location) -> str:
        """Returns what the keys of everything below a location begin with."""
        return f"{self.key_of(location)}/" if location.key else self.root

    def record_key(self, upload_id: str) -> str:
        """Returns the key of an upload's record."""
        return self.uploads + upload_id


def content_type_of(key: str) -> str | None:
    """Returns the media type that a key's name speaks for, for those who read past the server."""
    return mimetypes.guess_type(key)[0]
