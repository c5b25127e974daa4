"""The bytes of one download, over as many attempts as it takes."""

import hashlib
import os
import secrets
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, Protocol, Self

from runstream._checksums import crc32c_function
from runstream._client.convert import artifact_of
from runstream.entities import Artifact
from runstream.errors import DataLoss, InvalidValue
from runstream.v1 import artifact_service_pb2 as pb

__all__ = ["DownloadJob", "MemorySink", "NewFile", "Sink", "destination_of", "local_path"]


class Sink(Protocol):
    """Takes the bytes of a download."""

    def write(self, data: bytes, /) -> object:
        """Appends bytes."""
        ...

    def restart(self) -> None:
        """Forgets all of them."""
        ...


class MemorySink:
    """Keeps the bytes."""

    def __init__(self) -> None:
        self.content = bytearray()

    def write(self, data: bytes, /) -> None:
        self.content += data

    def restart(self) -> None:
        self.content.clear()


class NewFile:
    """A file that appears under its name when it is whole, and not at all if it never is."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._temporary = path.with_name(f".{path.name[:200]}.{secrets.token_hex(4)}.part")
        self._file: BinaryIO | None = None

    def __enter__(self) -> Self:
        self._path.parent.mkdir(parents=True, exist_ok=True)
        self._file = self._temporary.open("xb")
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._open.close()
        if error is None:
            self._temporary.replace(self._path)
        else:
            self._temporary.unlink(missing_ok=True)

    def write(self, data: bytes, /) -> None:
        self._open.write(data)

    def restart(self) -> None:
        self._open.seek(0)
        self._open.truncate()

    @property
    def _open(self) -> BinaryIO:
        if self._file is None:
            raise ValueError("the file is not open")
        return self._file


class DownloadJob:
    """One file, or a part of it, on its way from the server.

    Every chunk's CRC32C is checked where a fast function for it is installed (extra `crc32c`). The
    SHA-256 of a whole file is checked always, if the server knows it.
    """

    def __init__(
        self, run_id: str, path: str, sink: Sink, *, offset: int, limit: int, model_id: str = ""
    ) -> None:
        if offset < 0 or limit < 0:
            raise InvalidValue(f"offset {offset} and limit {limit} cannot be negative")
        self._run_id = run_id
        self._model_id = model_id
        self._path = path
        self._sink = sink
        self._first = offset
        self._limit = limit
        self._crc32c = crc32c_function()
        self._artifact: Artifact | None = None
        self._begin()

    def _begin(self) -> None:
        self._position = self._first
        self._sha256 = hashlib.sha256()

    @property
    def position(self) -> int:
        """The offset of the next byte."""
        return self._position

    @property
    def remaining(self) -> int | None:
        """How many bytes are to come; None before the server has said."""
        if self._artifact is None:
            return None
        end = self._artifact.size_bytes
        return (min(end, self._first + self._limit) if self._limit else end) - self._position

    def request(self) -> pb.DownloadArtifactRequest:
        """Returns the request for what is still to come."""
        limit = self._limit - (self._position - self._first) if self._limit else 0
        return pb.DownloadArtifactRequest(
            run_id=self._run_id,
            model_id=self._model_id,
            path=self._path,
            offset=self._position,
            limit=limit,
        )

    def take(self, answer: pb.DownloadArtifactResponse) -> bool:
        """Takes an answer; returns False when the file has changed, and the request begins anew.

        Raises:
            DataLoss: if bytes arrived other than they were sent.
        """
        if answer.HasField("artifact"):
            found = artifact_of(answer.artifact)
            before, self._artifact = self._artifact, found
            if before is not None and before != found and self._position != self._first:
                self._begin()
                self._sink.restart()
                return False
            return True
        chunk = answer.chunk
        if chunk.offset != self._position:
            raise DataLoss(
                f"{self._path}: bytes from {chunk.offset} on came where those from "
                f"{self._position} on were due: download it again"
            )
        if self._crc32c is not None and self._crc32c(chunk.data) != chunk.crc32c:
            raise DataLoss(
                f"{self._path}: the bytes from {chunk.offset} on arrived damaged: "
                "download it again",
                reason="CHECKSUM_MISMATCH",
                metadata={"offset": str(chunk.offset)},
            )
        self._sha256.update(chunk.data)
        self._sink.write(chunk.data)
        self._position += len(chunk.data)
        return True

    def finish(self) -> Artifact:
        """Checks that all arrived, and returns what the server says of the file.

        Raises:
            DataLoss: if it did not, or if the whole is not what was uploaded.
        """
        found = self._artifact
        if found is None or self.remaining:
            raise DataLoss(
                f"{self._path}: the server stopped at byte {self._position}: download it again"
            )
        is_whole = self._first == 0 and self._position == found.size_bytes
        if is_whole and found.sha256 and self._sha256.hexdigest() != found.sha256:
            raise DataLoss(
                f"{self._path}: its SHA-256 is {self._sha256.hexdigest()}, and that of what was "
                f"uploaded is {found.sha256}: the stored file is damaged",
                reason="DIGEST_MISMATCH",
                metadata={"expected": found.sha256, "actual": self._sha256.hexdigest()},
            )
        return found


def destination_of(path: str, destination: str | os.PathLike[str] | None) -> Path:
    """Returns the file that an artifact goes to: into the folder, if it names one.

    Raises:
        InvalidValue: if there is no path.
    """
    if not path:
        raise InvalidValue("there is nothing to download: name the artifact's path")
    text = os.fspath(destination) if destination is not None else "."
    target = Path(text)
    return target / Path(path).name if target.is_dir() or text.endswith("/") else target


def local_path(folder: Path, path: str) -> Path:
    """Returns the place below a folder for an artifact's path.

    Raises:
        InvalidValue: if the path would lead out of the folder.
    """
    segments = path.split("/")
    if "\x00" in path or any(segment in {"", ".", ".."} for segment in segments):
        raise InvalidValue(f"the artifact path {path!r:.300} cannot be a file's below {folder}")
    return folder.joinpath(*segments)
