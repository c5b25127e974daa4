"""Uploads: begun, gone on with, completed, asked about."""

import logging
import secrets
from contextlib import AsyncExitStack
from typing import Self

from sqlalchemy.ext.asyncio import AsyncConnection

from runstream_server.core.artifacts.completion import Completion
from runstream_server.core.artifacts.description import with_digests
from runstream_server.core.artifacts.failures import contract_terms, upload_exists
from runstream_server.core.artifacts.owners import check_owner, owner_of
from runstream_server.core.artifacts.places import find_place
from runstream_server.core.artifacts.receiving import Parts, check_digest, take_parts
from runstream_server.core.artifacts.takeover import LiveCalls, Takeover
from runstream_server.core.artifacts.values import (
    Artifact,
    UploadFinish,
    UploadSpec,
    UploadState,
)
from runstream_server.core.errors import Failure
from runstream_server.core.experiments import Experiments
from runstream_server.core.stopping import Stopping
from runstream_server.core.validation import MAX_INT64, check_hex_id, check_number
from runstream_server.objects.base import ObjectStore, Upload
from runstream_server.objects.errors import (
    StorageError,
    UploadCommitted,
    UploadNotFound,
)
from runstream_server.objects.keyed_locks import KeyedLocks
from runstream_server.objects.paths import Location
from runstream_server.objects.threads import OwnedTasks
from runstream_server.storage.database import Database
from runstream_server.storage.upload_rows import find_upload

__all__ = ["Uploads"]

_log = logging.getLogger(__name__)


class Uploads:
    """Takes uploads in. Use as an async context manager; leaving it waits for what completes.

    While an upload is under way only the object store knows of it; what is complete is in the
    database. So there is nothing that a crash could leave the two in disagreement about.
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
        self._stopping = stopping
        self.completion = Completion(database=database, objects=objects, experiments=experiments)
        self._calls = LiveCalls()
        self._opening = KeyedLocks()
        self._tasks = OwnedTasks()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._tasks.join()

    async def receive(self, spec: UploadSpec, parts: Parts) -> UploadState:
        """Takes an upload in, from its durable offset on, and completes it when its finish comes.

        When the parts end without a finish, what came is made durable.

        Raises:
            Failure: As the contract says of UploadArtifact. Nothing visible has changed.
            StorageError: The medium failed, likewise.
        """
        _check(spec)
        if spec.upload_id:
            return await self._receive(spec, spec.upload_id, parts)
        upload_id = secrets.token_hex(16)
        try:
            return await self._receive(spec, upload_id, parts)
        except BaseException:
            # Nobody was told the id, so nobody can go on.
            self._tasks.start(self._discard(upload_id))
            raise

    async def _receive(self, spec: UploadSpec, upload_id: str, parts: Parts) -> UploadState:
        async with self._database.read() as connection:
            place = await find_place(connection, self._experiments, spec.owner_id)
            location = place.at_given(spec.path, "spec.path")
            complete = await _find_complete(connection, upload_id, location)
        if complete is not None:
            return complete
        place.require_active()
        with contract_terms():
            async with AsyncExitStack() as stack:
                try:
                    upload, takeover = await self._open(stack, spec, upload_id, location)
                except UploadCommitted as error:
                    recovery = self.completion.recover(upload_id, error.info)
                    return await self._tasks.complete(recovery)
                if upload.offset == 0 and (complete := await self._completed_by_now(upload)):
                    return complete
                finish = await take_parts(upload, parts, self._stopping, takeover)
                if finish is not None:
                    finishing = self._finish(stack.pop_all(), upload, finish)
                    return await self._tasks.complete(finishing)
                return _under_way(upload_id, location, await upload.sync())

    async def _open(
        self, stack: AsyncExitStack, spec: UploadSpec, upload_id: str, location: Location
    ) -> tuple[Upload, Takeover]:
        # Under a lock, so that the latest call to open the upload is the latest to join.
        async with self._opening.hold(upload_id):
            upload = await self._objects.open_upload(
                upload_id, location, size_hint_bytes=spec.size_bytes
            )
            await stack.enter_async_context(upload)
            return upload, stack.enter_context(self._calls.joined(upload_id))

    async def _completed_by_now(self, upload: Upload) -> UploadState | None:
        """Finds that another call has completed the upload, and the store forgotten it, since."""
        async with self._database.read() as connection:
            complete = await _find_complete(connection, upload.upload_id, upload.location)
        if complete is not None:
            await self._objects.discard_upload(upload.upload_id)
        return complete

    async def _finish(
        self, stack: AsyncExitStack, upload: Upload, finish: UploadFinish
    ) -> UploadState:
        async with stack:
            digest = await upload.digest()
            try:
                check_digest(finish, digest)
            except Failure:
                await self._objects.discard_upload(upload.upload_id)
                raise
            return await self.completion.complete(upload, verified=finish.sha256 is not None)

    async def _discard(self, upload_id: str) -> None:
        try:
            await self._objects.discard_upload(upload_id)
        except StorageError:
            _log.warning("upload_not_discarded", exc_info=True, extra={"upload_id": upload_id})

    async def state(self, upload_id: str) -> UploadState:
        """Tells how far an upload has come.

        Raises:
            Failure: UPLOAD_NOT_FOUND.
        """
        check_hex_id("upload_id", upload_id)
        complete = await self._find(upload_id)
        if complete is not None:
            return complete
        with contract_terms():
            try:
                status = await self._objects.upload_status(upload_id)
            except UploadNotFound:
                # It may have become complete, and the store have forgotten it, since.
                complete = await self._find(upload_id)
                if complete is None:
                    raise
                return complete
        if status.committed is not None:
            return await self._tasks.complete(self.completion.recover(upload_id, status.committed))
        return _under_way(upload_id, status.location, status.durable_offset)

    async def _find(self, upload_id: str) -> UploadState | None:
        async with self._database.read() as connection:
            return await _find_complete(connection, upload_id)


def _check(spec: UploadSpec) -> None:
    check_owner(spec.owner_id, "spec.")
    if spec.upload_id:
        check_hex_id("spec.upload_id", spec.upload_id)
    if spec.size_bytes is not None:
        check_number("spec.size_bytes", spec.size_bytes, 0, MAX_INT64)


def _under_way(upload_id: str, location: Location, durable_offset: int) -> UploadState:
    return UploadState(
        upload_id=upload_id,
        owner_id=owner_of(location),
        path=location.path,
        durable_offset=durable_offset,
    )


async def _find_complete(
    connection: AsyncConnection, upload_id: str, asked_for: Location | None = None
) -> UploadState | None:
    """Returns an upload if it is complete.

    Raises:
        Failure: UPLOAD_EXISTS when it is not the upload that is asked for.
    """
    row = await find_upload(connection, upload_id)
    if row is None:
        return None
    if asked_for is not None and (row.owner_id, row.path) != (owner_of(asked_for), asked_for.path):
        raise upload_exists(upload_id, row.owner_id, row.path)
    made = Artifact(path=row.path, size_bytes=row.size_bytes, modify_time_us=row.modify_time_us)
    [artifact] = await with_digests(connection, row.owner_id, [made])
    return UploadState(
        upload_id=upload_id,
        owner_id=row.owner_id,
        path=row.path,
        durable_offset=row.size_bytes,
        artifact=artifact,
    )
