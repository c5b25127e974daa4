"""What artifacts and their uploads are to everyone above the stores."""

from collections.abc import Sequence
from dataclasses import dataclass

from runstream_server.storage.digest_rows import DigestState

__all__ = [
    "Artifact",
    "ArtifactPage",
    "DownloadChunk",
    "UploadChunk",
    "UploadFinish",
    "UploadSpec",
    "UploadState",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Artifact:
    """An owner's file or folder. A folder has no size, no time and no digest."""

    path: str
    directory: bool = False
    size_bytes: int = 0
    modify_time_us: int | None = None
    sha256: bytes = b""
    digest_state: DigestState = DigestState.UNSPECIFIED


@dataclass(frozen=True, slots=True, kw_only=True)
class ArtifactPage:
    """One page of a folder, and where the owner's artifacts lie; an empty token is the end."""

    artifacts: Sequence[Artifact]
    next_page_token: str
    artifact_uri: str


@dataclass(frozen=True, slots=True, kw_only=True)
class UploadSpec:
    """What is going to be uploaded.

    Attributes:
        owner_id: The run or the logged model.
        path: The artifact's path.
        upload_id: 32 lower-case hexadecimal digits; empty lets the server make one up, and
            nobody resume.
        size_bytes: The size of the whole, if it is known.
    """

    owner_id: str
    path: str
    upload_id: str = ""
    size_bytes: int | None = None


@dataclass(frozen=True, slots=True)
class UploadChunk:
    """Bytes of an upload, and where they belong."""

    offset: int
    data: bytes
    crc32c: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class UploadFinish:
    """What the sender knows of the whole, which is compared with what arrived."""

    size_bytes: int | None = None
    sha256: bytes | None = None
    crc32c: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class UploadState:
    """How far an upload has come; it is complete when it has an artifact."""

    upload_id: str
    owner_id: str
    path: str
    durable_offset: int
    artifact: Artifact | None = None


@dataclass(frozen=True, slots=True)
class DownloadChunk:
    """Bytes of a file, where they were, and their CRC32C."""

    offset: int
    data: bytes
    crc32c: int
