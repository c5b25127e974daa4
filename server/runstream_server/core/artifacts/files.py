"""All that the store holds, by paths from its root down: runs' and models' files among others."""

import secrets
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, suppress
from typing import Final, Self

from sqlalchemy.ext.asyncio import AsyncConnection

from runstream_server.core.artifacts.completion import Completion
from runstream_server.core.artifacts.failures import contract_terms
from runstream_server.core.artifacts.owners import check_owner
from runstream_server.core.artifacts.places import Place, find_owned, find_place
from runstream_server.core.experiments import Experiments
from runstream_server.core.stopping import Stopping
from runstream_server.objects.base import (
    MAX_PAGE_SIZE,
    FolderEntry,
    ObjectInfo,
    ObjectReader,
    ObjectStore,
    Upload,
)
from runstream_server.objects.errors import IsAFolder, ObjectNotFound
from runstream_server.objects.paths import Location
from runstream_server.objects.threads import OwnedTasks
from runstream_server.storage.database import Database
from runstream_server.storage.digest_rows import delete_digests

__all__ = ["Files"]

APPEND_BYTES: Final = 1 << 20
"""Smaller pieces are gathered up to this."""


class Files:
    """Takes in, shows and deletes files without asking whose they are.

    The digests of runs' and models' files are kept all the same. Use as an async context manager.
    All methods raise Failure in the words of the contract, or StorageError.
    """

    def __init__(
        self,
        *,
        database: Database,
        objects: ObjectStore,
        experiments: Experiments,
        stopping: Stopping,
        completion: Completion,
    ) -> None:
        self._database = database
        self._objects = objects
        self._experiments = experiments
        self._stopping = stopping
        self._completion = completion
        self._tasks = OwnedTasks()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._tasks.join()

    async def place_of(self, owner_id: str) -> Place:
        """Returns where a run or logged model keeps its artifacts."""
        check_owner(owner_id)
        async with self._database.read() as connection:
            return await find_place(connection, self._experiments, owner_id)

    def at(self, path: str) -> Location:
        """Returns the location of a path from the store's root down; empty for the root."""
        with contract_terms():
            return Location(path=path)

    async def put(
        self, location: Location, body: AsyncIterator[bytes], size_bytes: int | None = None
    ) -> None:
        """Stores a file over an earlier one; when anything fails, that is as it was.

        Args:
            location: Where.
            body: Its bytes, in pieces of any size.
            size_bytes: Their number, if it is known beforehand.
        """
        async with self._database.read() as connection:
            owned = await find_owned(connection, self._experiments, location)
        place = location if owned is None else owned[1]
        upload_id = secrets.token_hex(16)
        try:
            with contract_terms():
                async with AsyncExitStack() as stack:
                    upload = await self._objects.open_upload(
                        upload_id, place, size_hint_bytes=size_bytes
                    )
                    await stack.enter_async_context(upload)
                    await self._receive(upload, body)
                    await self._tasks.complete(self._finish(stack.pop_all(), upload))
        except BaseException:
            # Nobody knows the id, so nobody can go on.
            self._tasks.start(self._completion.forget(upload_id))
            raise

    async def _receive(self, upload: Upload, body: AsyncIterator[bytes]) -> None:
        gathered: list[bytes] = []
        gathered_bytes = 0
        while True:
            with self._stopping.interrupts():
                piece = await anext(body, None)
            if piece is not None:
                gathered.append(piece)
                gathered_bytes += len(piece)
            if piece is None or gathered_bytes >= APPEND_BYTES:
                whole = memoryview(b"".join(gathered))
                for begin in range(0, len(whole), APPEND_BYTES):
                    await upload.append(whole[begin : begin + APPEND_BYTES])
                gathered, gathered_bytes = [], 0
            if piece is None:
                return

    async def _finish(self, stack: AsyncExitStack, upload: Upload) -> None:
        async with stack:
            await self._completion.place(upload)

    async def describe(self, location: Location) -> ObjectInfo:
        """Describes a file."""
        with contract_terms():
            return await self._objects.stat(location)

    async def open(
        self, location: Location, *, offset: int = 0, limit: int | None = None
    ) -> ObjectReader:
        """Opens a file for reading `limit` bytes, or all there are, from `offset` on."""
        with contract_terms():
            return await self._objects.open_read(location, offset=offset, limit=limit)

    async def entries(self, location: Location) -> list[FolderEntry]:
        """Lists a folder by name; nothing when it is a file, or not there."""
        found: list[FolderEntry] = []
        token = ""
        with contract_terms():
            while True:
                page = await self._objects.list_folder(
                    location, page_size=MAX_PAGE_SIZE, page_token=token
                )
                found += page.entries
                token = page.next_page_token
                if not token:
                    break
            return [] if await self._is_file(location, found) else found

    async def _is_file(self, location: Location, found: list[FolderEntry]) -> bool:
        """Whether the one entry is the location itself, and not a file in it of the same name."""
        if not location.path or [entry.name for entry in found] != [location.segments[-1]]:
            return False
        with suppress(ObjectNotFound, IsAFolder):
            await self._objects.stat(location)
            return True
        return False

    async def delete(self, location: Location) -> None:
        """Deletes a file, or a folder with all it holds; what is not there is no error."""
        with contract_terms():
            await self._objects.delete(location)
        async with self._database.read() as connection:
            owned = await find_owned(connection, self._experiments, location)
        if owned is None:
            return
        owner_id, inside = owned

        async def forget(connection: AsyncConnection) -> None:
            await delete_digests(connection, owner_id, inside.path)

        await self._database.write(forget)
