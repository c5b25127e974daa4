"""A folder of artifacts as one ZIP file, written while it is sent.

Files are stored as they are: what is large here (weights, images, Parquet) is compressed already,
and to deflate it would cost this process 30 times what it costs to send it.
"""

import zipfile
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Final

from runstream_server.core.artifacts.files import Files
from runstream_server.core.artifacts.places import Place
from runstream_server.objects.base import FolderEntry, ObjectReader

__all__ = ["Archive"]

OLDEST: Final = (1980, 1, 1, 0, 0, 0)
"""The ZIP format knows no earlier time."""
PIECE_BYTES: Final = 64 * 1024
"""Small files are sent together."""
READABLE_FILE: Final = 0o100644 << 16


class Archive:
    """The files below a folder, by their paths from there, in order.

    Args:
        files: Where they are.
        place: Whose they are.
        folder: Which folder; empty for the top.
        top: What is in it, directly.
    """

    def __init__(self, files: Files, place: Place, folder: str, top: list[FolderEntry]) -> None:
        self._files = files
        self._place = place
        self._folder = folder
        self._top = top

    async def __aiter__(self) -> AsyncIterator[bytes]:
        """Yields the archive's bytes.

        Raises:
            Failure: A file is gone or could not be read; what was yielded is then no archive.
        """
        out = _Outlet()
        # As the output cannot seek, sizes and checksums follow each file's content.
        archive = zipfile.ZipFile(out, "w", zipfile.ZIP_STORED)
        async for path in self._paths("", self._top):
            whole = _join(self._folder, path)
            async for _ in self._written(archive, path, whole):
                if out.size_bytes >= PIECE_BYTES:
                    yield out.take()
        archive.close()
        yield out.take()

    async def _written(
        self, archive: zipfile.ZipFile, path: str, whole: str
    ) -> AsyncIterator[None]:
        """Writes a file into the archive, chunk by chunk."""
        async with await self._files.open(self._place.at(whole)) as reader:
            is_large = reader.info.size_bytes > zipfile.ZIP64_LIMIT
            with archive.open(_entry(path, reader), "w", force_zip64=is_large) as entry:
                async for chunk in reader:
                    entry.write(chunk)
                    yield

    async def _paths(self, below: str, entries: list[FolderEntry]) -> AsyncIterator[str]:
        for entry in entries:
            path = _join(below, entry.name)
            if not entry.is_folder:
                yield path
                continue
            inside = await self._files.entries(self._place.at(_join(self._folder, path)))
            async for deeper in self._paths(path, inside):
                yield deeper


class _Outlet:
    """Takes what is written, and hands it on; without `tell` and `seek`, like a connection."""

    def __init__(self) -> None:
        self._written: list[bytes] = []
        self.size_bytes = 0

    def write(self, data: bytes, /) -> int:
        """Takes some bytes."""
        self._written.append(bytes(data))
        self.size_bytes += len(data)
        return len(data)

    def flush(self) -> None:
        """Does nothing: bytes go on when they are taken."""

    def close(self) -> None:
        """Does nothing: nothing is held open."""

    def take(self) -> bytes:
        """Returns what was written since the last time."""
        taken = b"".join(self._written)
        self._written.clear()
        self.size_bytes = 0
        return taken


def _entry(path: str, reader: ObjectReader) -> zipfile.ZipInfo:
    modified = datetime.fromtimestamp(reader.info.modify_time_us // 1_000_000, UTC)
    info = zipfile.ZipInfo(path, max(OLDEST, modified.timetuple()[:6]))
    info.external_attr = READABLE_FILE
    return info


def _join(folder: str, name: str) -> str:
    return f"{folder}/{name}" if folder else name
