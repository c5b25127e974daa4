"""Reading artifacts: listing, downloading."""

from collections.abc import AsyncIterator
from contextlib import suppress
from typing import Self

from runstream_server.core.artifacts.description import plain_artifact, with_digests
from runstream_server.core.artifacts.failures import contract_terms
from runstream_server.core.artifacts.owners import check_owner
from runstream_server.core.artifacts.places import find_place
from runstream_server.core.artifacts.values import Artifact, ArtifactPage, DownloadChunk
from runstream_server.core.experiments import Experiments
from runstream_server.core.validation import MAX_INT64, check_number
from runstream_server.objects.base import FolderEntry, FolderPage, ObjectReader, ObjectStore
from runstream_server.objects.checksums import crc32c
from runstream_server.objects.errors import IsAFolder, ObjectNotFound
from runstream_server.objects.paths import Location
from runstream_server.storage.database import Database

__all__ = ["Browser", "Download"]


class Download:
    """A file, or a range of it, to be read once. Leave it by `async with`."""

    def __init__(self, artifact: Artifact, reader: ObjectReader, offset: int) -> None:
        self.artifact = artifact
        self._reader = reader
        self._offset = offset

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._reader.close()

    async def __aiter__(self) -> AsyncIterator[DownloadChunk]:
        """Yields the bytes in order, at most 1 MiB a chunk."""
        offset = self._offset
        async for data in self._reader:
            yield DownloadChunk(offset, data, crc32c(data))
            offset += len(data)


class Browser:
    """Shows what a run or a logged model has, deleted or not."""

    def __init__(
        self, *, database: Database, objects: ObjectStore, experiments: Experiments
    ) -> None:
        self._database = database
        self._objects = objects
        self._experiments = experiments

    async def open(self, owner_id: str, path: str, offset: int = 0, limit: int = 0) -> Download:
        """Opens a file for reading `limit` bytes (0: all there are) from `offset` on.

        Raises:
            Failure: As the contract says of DownloadArtifact.
            StorageError: The medium failed.
        """
        check_owner(owner_id)
        check_number("offset", offset, 0, MAX_INT64)
        check_number("limit", limit, 0, MAX_INT64)
        async with self._database.read() as connection:
            place = await find_place(connection, self._experiments, owner_id)
        location = place.at_given(path)
        with contract_terms():
            reader = await self._objects.open_read(location, offset=offset, limit=limit or None)
        try:
            artifacts = await self._with_digests(owner_id, [plain_artifact(reader.info)])
        except BaseException:
            await reader.close()
            raise
        return Download(artifacts[0], reader, offset)

    async def page(
        self, owner_id: str, path: str, page_size: int, page_token: str = ""
    ) -> ArtifactPage:
        """Lists a page of a folder; an empty path is the top.

        Raises:
            Failure: As the contract says of ListArtifacts.
            StorageError: The medium failed.
        """
        check_owner(owner_id)
        async with self._database.read() as connection:
            place = await find_place(connection, self._experiments, owner_id)
        location = place.at(path)
        with contract_terms():
            listed = await self._objects.list_folder(
                location, page_size=page_size, page_token=page_token
            )
            is_file = await self._is_file(location, listed)
        found = [_artifact(path if is_file else _join(path, e.name), e) for e in listed.entries]
        return ArtifactPage(
            artifacts=await self._with_digests(owner_id, found),
            next_page_token=listed.next_page_token,
            artifact_uri=place.artifact_uri,
        )

    async def _is_file(self, location: Location, listed: FolderPage) -> bool:
        """Whether the one entry is the location itself, and not a file in it of the same name."""
        names = [entry.name for entry in listed.entries if not entry.is_folder]
        if not location.path or names != [location.segments[-1]] or len(listed.entries) != 1:
            return False
        with suppress(ObjectNotFound, IsAFolder):
            await self._objects.stat(location)
            return True
        return False

    async def _with_digests(self, owner_id: str, artifacts: list[Artifact]) -> list[Artifact]:
        async with self._database.read() as connection:
            return await with_digests(connection, owner_id, artifacts)


def _join(folder: str, name: str) -> str:
    return f"{folder}/{name}" if folder else name


def _artifact(path: str, entry: FolderEntry) -> Artifact:
    return Artifact(
        path=path,
        directory=entry.is_folder,
        size_bytes=entry.size_bytes,
        modify_time_us=entry.modify_time_us,
    )
