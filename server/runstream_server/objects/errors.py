"""What an object store can refuse or fail with.

::

    ObjectStoreError
    ├── InvalidName            an id, path, range or token that can never be right
    │   ├── InvalidPath
    │   ├── InvalidRange
    │   └── InvalidPageToken
    ├── ObjectNotFound
    ├── IsAFolder              a file was asked for, a folder is there
    ├── PathConflict           a path would be a file and a folder at once
    ├── UploadError
    │   ├── UploadNotFound
    │   ├── UploadMismatch     the id belongs to an upload to another location
    │   ├── UploadCommitted    the upload is complete; carries the object
    │   ├── UploadFenced       a later call took the upload over
    │   ├── UploadBusy         another process holds the upload
    │   ├── UploadClosed       the handle was closed or committed
    │   └── ChunkCorrupt       a chunk is not what its CRC32C says
    └── StorageError           the medium failed; what was acknowledged is still there
        └── StorageFull
"""

from __future__ import annotations

import errno
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from runstream_server.objects.base import ObjectInfo
    from runstream_server.objects.paths import Location

__all__ = [
    "ChunkCorrupt",
    "InvalidName",
    "InvalidPageToken",
    "InvalidPath",
    "InvalidRange",
    "IsAFolder",
    "ObjectNotFound",
    "ObjectStoreError",
    "PathConflict",
    "StorageError",
    "StorageFull",
    "UploadBusy",
    "UploadClosed",
    "UploadCommitted",
    "UploadError",
    "UploadFenced",
    "UploadMismatch",
    "UploadNotFound",
    "storage_error",
]

SHOWN_CHARACTERS = 120
FULL_ERRNOS = frozenset({errno.ENOSPC, errno.EDQUOT})


def shown(value: str) -> str:
    """Renders a value for a message: escaped, and cut so that a hostile one cannot flood a log."""
    if len(value) <= SHOWN_CHARACTERS:
        return ascii(value)
    return f"{value[:SHOWN_CHARACTERS]!a}… ({len(value)} characters)"


def _in_base(location: Location) -> str:
    return f" in {shown(location.base)}" if location.base else ""


class ObjectStoreError(Exception):
    """Is the base of everything the object store raises on purpose."""


class InvalidName(ObjectStoreError):
    """Says that a value can never be right: ``rule`` is what it breaks, ``value`` the culprit."""

    def __init__(self, what: str, value: str, rule: str) -> None:
        self.value = value
        self.rule = rule
        super().__init__(f"{what} {shown(value)} {rule}")


class InvalidPath(InvalidName):
    """Says which rule an artifact path breaks."""

    def __init__(self, value: str, rule: str) -> None:
        super().__init__("artifact path", value, rule)


class InvalidRange(InvalidName):
    """Says that a read's offset lies outside the object, or that offset or limit is negative."""

    def __init__(self, *, offset: int, limit: int | None, size_bytes: int | None) -> None:
        self.offset = offset
        self.limit = limit
        self.size_bytes = size_bytes
        if size_bytes is None:
            rule = "must not be negative"
        else:
            rule = f"begins beyond the end of the object, which has {size_bytes} bytes"
        super().__init__("range", f"offset={offset} limit={limit}", rule)


class InvalidPageToken(InvalidName):
    """Says that a page token was not made by this store for this folder."""

    def __init__(self, value: str) -> None:
        super().__init__("page token", value, "was not issued for this folder; list from the start")


class ObjectNotFound(ObjectStoreError):
    """Says that there is no object at a location."""

    def __init__(self, location: Location) -> None:
        self.location = location
        super().__init__(f"no artifact {shown(location.path)}{_in_base(location)}")


class IsAFolder(ObjectStoreError):
    """Says that a location holds a folder where a file was asked for."""

    def __init__(self, location: Location) -> None:
        self.location = location
        super().__init__(
            f"artifact {shown(location.path)}{_in_base(location)} is a folder; "
            "name a file in it, or list it"
        )


class PathConflict(ObjectStoreError):
    """Says that a path cannot become a file because of what is there already."""

    def __init__(self, location: Location, obstacle: str, reason: str) -> None:
        self.location = location
        self.obstacle = obstacle
        super().__init__(
            f"cannot store artifact {shown(location.path)}{_in_base(location)}: "
            f"{shown(obstacle)} {reason}; delete that first or choose another path"
        )


class UploadError(ObjectStoreError):
    """Is the base of what concerns one upload."""

    def __init__(self, upload_id: str, message: str) -> None:
        self.upload_id = upload_id
        super().__init__(f"upload {upload_id}: {message}")


class UploadNotFound(UploadError):
    """Says that the store knows nothing of an upload."""

    def __init__(self, upload_id: str) -> None:
        super().__init__(upload_id, "unknown; it never began, was discarded, or was swept")


class UploadMismatch(UploadError):
    """Says that an upload id is in use for another location."""

    def __init__(self, upload_id: str, *, begun_for: Location, asked_for: Location) -> None:
        self.begun_for = begun_for
        self.asked_for = asked_for
        super().__init__(
            upload_id,
            f"began for {shown(begun_for.key)}, not for {shown(asked_for.key)}; "
            "use a new upload id",
        )


class UploadCommitted(UploadError):
    """Says that an upload is complete already; ``info`` is what it made visible."""

    def __init__(self, upload_id: str, info: ObjectInfo) -> None:
        self.info = info
        super().__init__(upload_id, "complete already")


class UploadFenced(UploadError):
    """Says that a later opening of the same upload took it over; this handle is dead."""

    def __init__(self, upload_id: str) -> None:
        super().__init__(upload_id, "taken over by a later call; this one must stop")


class UploadBusy(UploadError):
    """Says that another process has the upload open."""

    def __init__(self, upload_id: str) -> None:
        super().__init__(upload_id, "held by another process; try again when that has ended")


class UploadClosed(UploadError):
    """Says that a handle was used after close or commit."""

    def __init__(self, upload_id: str) -> None:
        super().__init__(upload_id, "this handle is closed; open the upload again")


class ChunkCorrupt(UploadError):
    """Says that a chunk's bytes do not have the CRC32C given for them. Nothing of it was kept."""

    def __init__(self, upload_id: str, *, offset: int, expected: int, actual: int) -> None:
        self.offset = offset
        self.expected = expected
        self.actual = actual
        super().__init__(
            upload_id,
            f"the chunk at offset {offset} has CRC32C {actual:#010x}, not {expected:#010x}; "
            "send it again",
        )


class StorageError(ObjectStoreError):
    """Says that the medium failed. Uploads stay resumable from their durable offset."""


class StorageFull(StorageError):
    """Says that there is no room left, or that a quota is used up."""


def storage_error(error: OSError) -> StorageError:
    """Turns what the operating system says into what callers of a store handle."""
    if error.errno in FULL_ERRNOS:
        return StorageFull(f"no room left in the object store: {error}")
    return StorageError(f"the object store failed: {error}")
