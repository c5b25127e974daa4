"""The contract of an object store: what every implementation promises.

`tests/unit/objects` holds the suite that each of them passes. Implementations differ in where
bytes lie, never in what a caller sees, save for what is marked *store's own* here.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Self

if TYPE_CHECKING:
    from types import TracebackType

    from runstream_server.objects.paths import Location

__all__ = [
    "MAX_APPEND_BYTES",
    "MAX_PAGE_SIZE",
    "READ_CHUNK_BYTES",
    "Deletion",
    "Digest",
    "FolderEntry",
    "FolderPage",
    "ObjectInfo",
    "ObjectReader",
    "ObjectStore",
    "Upload",
    "UploadStatus",
]

MAX_APPEND_BYTES: Final = 4 << 20
READ_CHUNK_BYTES: Final = 1 << 20
MAX_PAGE_SIZE: Final = 10_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Digest:
    """Tells what bytes arrived.

    Attributes:
        size_bytes: How many.
        crc32c: Their CRC32C.
        sha256: Their SHA-256, 32 bytes. None where a store cannot know it without reading all of
            it again (*store's own*: an upload to S3 that was resumed); a folder always knows.
    """

    size_bytes: int
    crc32c: int
    sha256: bytes | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ObjectInfo:
    """Describes a visible object.

    Attributes:
        location: Where it is.
        size_bytes: Its size.
        modify_time_us: When it became visible, microseconds since the epoch, by the store's clock.
        digest: Known only from the upload itself; None from `stat` and reads.
    """

    location: Location
    size_bytes: int
    modify_time_us: int
    digest: Digest | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class UploadStatus:
    """Tells how far an upload has come.

    Attributes:
        upload_id: Its id.
        location: Where it will be, or is, visible.
        durable_offset: This many bytes survive any crash.
        committed: The object, once the upload is complete.
    """

    upload_id: str
    location: Location
    durable_offset: int
    committed: ObjectInfo | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class FolderEntry:
    """Describes a file or folder in a listing. A folder has size 0 and no time."""

    name: str
    is_folder: bool
    size_bytes: int = 0
    modify_time_us: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class FolderPage:
    """Holds one page of a listing; an empty token is the end, and nothing else is."""

    entries: tuple[FolderEntry, ...]
    next_page_token: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Deletion:
    """Tells what a deletion removed; no files at all when there was nothing."""

    file_count: int
    size_bytes: int


class Upload(ABC):
    """Receives the bytes of one object. Leave it by `async with`, which closes it.

    Ordering: one caller at a time; bytes lie in the order of the `append` calls.
    Cancellation: any method may be cancelled. `append` has then taken all of its data or none
    (`offset` tells), `commit` happens whole or not at all, and the upload stays resumable.
    Failure: after a `StorageError` the handle is dead; open the upload again to go on from what
    is durable. Other errors leave handle and upload as they were.
    Fencing: when the same upload is opened again, every method but `close` raises `UploadFenced`.
    """

    @property
    @abstractmethod
    def upload_id(self) -> str:
        """Returns the upload's id."""

    @property
    @abstractmethod
    def location(self) -> Location:
        """Returns where `commit` will make the object visible."""

    @property
    @abstractmethod
    def offset(self) -> int:
        """Returns how many bytes were taken: where the next `append` goes."""

    @property
    @abstractmethod
    def durable_offset(self) -> int:
        """Returns how many bytes are known to survive a crash, without waiting. Never decreases."""

    @abstractmethod
    async def append(self, data: bytes | memoryview, *, crc32c: int | None = None) -> None:
        """Takes the next bytes; waits while the medium is behind, which is the backpressure.

        On return the data are checked and owned by the store, but not durable. A memoryview
        is copied, bytes are not. Empty data are welcome.

        Args:
            data: At most `MAX_APPEND_BYTES`; about 1 MiB is best.
            crc32c: The sender's CRC32C of `data`. The store checks it before it takes anything.

        Raises:
            ChunkCorrupt: The data do not match `crc32c`; the right ones may follow.
            ValueError: More than `MAX_APPEND_BYTES`.
            StorageFull: There is no room. May concern data of an earlier `append`.
        """

    @abstractmethod
    async def sync(self) -> int:
        """Makes durable what was taken and returns the durable offset.

        A store with a minimum part size may hold back a tail of less than one part (*store's own*),
        so the result can be less than `offset`; only `commit` makes that durable.
        """

    @abstractmethod
    async def digest(self) -> Digest:
        """Waits until everything taken is hashed, and returns the digest of it.

        Compare it with the sender's before `commit`.
        """

    @abstractmethod
    async def commit(self) -> ObjectInfo:
        """Makes the object visible and durable, in one step, replacing an earlier one.

        Of several uploads to one location the last to commit wins; a reader sees one of them
        whole. Until `discard_upload`, opening the upload again raises `UploadCommitted` with the
        same result, also after a crash right after the step. The handle is closed.

        Raises:
            PathConflict: The path is a folder, or lies below a file. Nothing changed.
        """

    @abstractmethod
    async def close(self) -> None:
        """Lets go of the upload and keeps what arrived, to be resumed. May be repeated."""

    async def __aenter__(self) -> Self:
        """Returns the handle."""
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Closes the handle."""
        await self.close()


class ObjectReader(ABC):
    """Yields an object's bytes, or a range of them, in chunks of at most `READ_CHUNK_BYTES`.

    All of them are of the one object that `info` describes, also when it is replaced or deleted
    meanwhile; a store that must ask for it anew may fail instead (*store's own*: a bucket whose
    connection broke). Only a few chunks are read ahead. Leave it by `async with`.
    """

    @property
    @abstractmethod
    def info(self) -> ObjectInfo:
        """Returns what the whole object is, whatever the range."""

    def __aiter__(self) -> Self:
        """Returns the reader."""
        return self

    @abstractmethod
    async def __anext__(self) -> bytes:
        """Returns the next chunk, which is never empty."""

    @abstractmethod
    async def close(self) -> None:
        """Stops reading. May be repeated."""

    async def __aenter__(self) -> Self:
        """Returns the reader."""
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Closes the reader."""
        await self.close()


class ObjectStore(ABC):
    """Holds objects by their locations, plain bytes.

    Atomicity: an object is visible whole or not at all. A folder exists by having files.
    Durability: what `commit` returned from, and offsets reported as durable, survive any crash.
    Concurrency: all methods may run at once, also for one location. One upload id has one live
    handle; opening it again takes it over.
    Cancellation: safe everywhere; see `Upload` for uploads.
    Every method raises `StorageError` when the medium fails.
    """

    @abstractmethod
    async def start(self) -> None:
        """Makes the store ready. Called once, before anything else."""

    @abstractmethod
    async def close(self) -> None:
        """Ends every upload and frees all resources. Uploads stay resumable."""

    async def __aenter__(self) -> Self:
        """Starts the store."""
        await self.start()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Closes the store."""
        await self.close()

    @abstractmethod
    async def open_upload(
        self, upload_id: str, location: Location, *, size_hint_bytes: int | None = None
    ) -> Upload:
        """Begins an upload, or resumes it: the handle's `offset` is then the durable offset.

        What lay beyond that is forgotten and must be sent again. A live handle of the same upload
        is fenced: its bytes are kept, its next call fails.

        Args:
            upload_id: 32 lower-case hexadecimal digits, made by the client.
            location: Must be the same each time.
            size_hint_bytes: The size of the whole, if known; lets the store refuse at once.

        Raises:
            UploadCommitted: It is complete; the error carries the object.
            UploadMismatch: It began for another location. Nothing changed.
            UploadBusy: Another process holds it.
            PathConflict: The path is a folder, or lies below a file. Nothing changed.
            StorageFull: The whole will not fit. Nothing changed.
        """

    @abstractmethod
    async def upload_status(self, upload_id: str) -> UploadStatus:
        """Tells how far an upload has come, without taking it over. The offset never decreases.

        Raises:
            UploadNotFound: The store knows nothing of it.
            UploadBusy: Another process holds it.
        """

    @abstractmethod
    async def discard_upload(self, upload_id: str) -> bool:
        """Forgets an upload: before its commit its bytes, after it only the record of it.

        Call it after the commit was recorded elsewhere. A live handle is fenced.

        Returns:
            Whether there was one.
        """

    @abstractmethod
    async def sweep_uploads(self, older_than_s: float) -> tuple[str, ...]:
        """Discards uploads that nobody holds and nothing changed for so many seconds.

        Returns:
            Their ids.
        """

    @abstractmethod
    async def stat(self, location: Location) -> ObjectInfo:
        """Describes an object.

        Raises:
            ObjectNotFound: There is none.
            IsAFolder: There is a folder.
        """

    @abstractmethod
    async def open_read(
        self, location: Location, *, offset: int = 0, limit: int | None = None
    ) -> ObjectReader:
        """Opens an object for reading `limit` bytes, or what there is, from `offset` on.

        Raises:
            ObjectNotFound: There is none.
            IsAFolder: There is a folder.
            InvalidRange: The offset lies beyond the end (at the end there is nothing, which is no
                error), or a number is negative.
        """

    @abstractmethod
    async def list_folder(
        self, location: Location, *, page_size: int = 1000, page_token: str = ""
    ) -> FolderPage:
        """Lists the files and folders directly below a folder, by name, code point by code point.

        A folder that does not exist is empty; a location that is a file yields that file alone.
        Pages are stable: what is there all along comes exactly once, whatever comes and goes
        meanwhile. Names that `split_path` refuses are left out: nothing could address them.

        Args:
            location: The folder.
            page_size: At least 1; more than `MAX_PAGE_SIZE` is treated as that.
            page_token: The `next_page_token` of the page before.

        Raises:
            InvalidPageToken: The token is not one of this folder's.
        """

    @abstractmethod
    async def delete(self, location: Location) -> Deletion:
        """Deletes a file, or a folder with all it holds; what is not there is no error.

        Folders are not deleted in one step: a crash may leave a rest, which another call removes.
        An object committed meanwhile may stay.

        Raises:
            InvalidPath: The location is the store's root.
        """
