"""Artifacts, as the doors see them."""

import contextlib
from typing import Self

from sqlalchemy.ext.asyncio import AsyncConnection

from runstream_server.core.artifacts.browsing import Browser
from runstream_server.core.artifacts.failures import contract_terms
from runstream_server.core.artifacts.files import Files
from runstream_server.core.artifacts.owners import check_owner
from runstream_server.core.artifacts.places import find_place
from runstream_server.core.artifacts.sweeping import Sweeper
from runstream_server.core.artifacts.uploads import Uploads
from runstream_server.core.experiments import Experiments
from runstream_server.core.stopping import Stopping
from runstream_server.objects.base import ObjectStore
from runstream_server.storage.database import Database
from runstream_server.storage.digest_rows import delete_digests

__all__ = ["Artifacts"]


class Artifacts:
    """Takes in, shows and deletes the files of runs and logged models.

    Use as an async context manager. Methods here and in the parts raise Failure in the words of the
    contract, or StorageError when the medium fails.

    Attributes:
        uploads: Takes them in.
        browser: Shows them.
        files: Does the same with all that the store holds, also what is nobody's.
    """

    def __init__(
        self,
        *,
        database: Database,
        objects: ObjectStore,
        experiments: Experiments,
        stopping: Stopping,
    ) -> None:
        self._database = database
        self._objects = objects
        self._experiments = experiments
        self.uploads = Uploads(
            database=database, objects=objects, experiments=experiments, stopping=stopping
        )
        self.browser = Browser(database=database, objects=objects, experiments=experiments)
        self.files = Files(
            database=database,
            objects=objects,
            experiments=experiments,
            stopping=stopping,
            completion=self.uploads.completion,
        )
        self._stack = contextlib.AsyncExitStack()

    async def __aenter__(self) -> Self:
        await self._stack.enter_async_context(self.uploads)
        await self._stack.enter_async_context(self.files)
        await self._stack.enter_async_context(Sweeper(self._objects))
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._stack.aclose()

    async def delete(self, owner_id: str, path: str) -> bool:
        """Deletes a file, or a folder with all it holds; returns whether there was something."""
        check_owner(owner_id)
        async with self._database.read() as connection:
            place = await find_place(connection, self._experiments, owner_id)
        location = place.at_given(path)
        place.require_active()
        with contract_terms():
            deletion = await self._objects.delete(location)

        async def forget(connection: AsyncConnection) -> None:
            await delete_digests(connection, owner_id, path)

        await self._database.write(forget)
        return deletion.file_count > 0
