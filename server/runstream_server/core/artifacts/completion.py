"""The end of an upload: the object becomes visible, then the database learns of it.

A crash between the two leaves an object that is whole and an upload that the store knows to be
committed; whoever asks for the upload again, by its spec or by its id, has the rest done.
"""

import logging
from contextlib import suppress
from dataclasses import replace

from sqlalchemy.ext.asyncio import AsyncConnection

from runstream_server.core.artifacts.description import plain_artifact
from runstream_server.core.artifacts.owners import owner_of
from runstream_server.core.artifacts.places import find_place
from runstream_server.core.artifacts.values import Artifact, UploadState
from runstream_server.core.clock import now_us
from runstream_server.core.experiments import Experiments
from runstream_server.objects.base import ObjectInfo, ObjectStore, Upload
from runstream_server.objects.errors import IsAFolder, ObjectNotFound, StorageError
from runstream_server.objects.keyed_locks import KeyedLocks
from runstream_server.storage.database import Database
from runstream_server.storage.digest_rows import DigestRow, DigestState, set_digest
from runstream_server.storage.upload_rows import UploadRow, insert_upload_unless_there

__all__ = ["Completion"]

_log = logging.getLogger(__name__)


class Completion:
    """Completes uploads. Let its work not be cut short: it belongs into an owned task.

    Uploads to one place complete one after the other, so that the stored digest is that of the
    object which stays.
    """

    def __init__(
        self, *, database: Database, objects: ObjectStore, experiments: Experiments
    ) -> None:
        self._database = database
        self._objects = objects
        self._experiments = experiments
        self._places = KeyedLocks()

    async def complete(self, upload: Upload, *, verified: bool) -> UploadState:
        """Makes an upload's object visible.

        Args:
            upload: The upload, all of whose bytes were taken.
            verified: Whether they were compared with the sender's SHA-256.

        Raises:
            Failure: RUN_DELETED; the upload stays as it was.
            ObjectStoreError: As `Upload.commit`.
        """
        location = upload.location
        async with self._places.hold(location.key):
            async with self._database.read() as connection:
                place = await find_place(connection, self._experiments, owner_of(location))
            place.require_active()
            info = await upload.commit()
            return await self._record(upload.upload_id, info, verified=verified, visible=True)

    async def place(self, upload: Upload) -> None:
        """Makes visible the object of an upload that nobody will ask about, whoever owns it.

        Raises:
            ObjectStoreError: As `Upload.commit`.
        """
        location = upload.location
        async with self._places.hold(location.key):
            info = await upload.commit()
            row = _digest_row(info, _with_own_digest(info, verified=False))
            if row is not None and row.owner_id:
                await self._database.write(lambda connection: set_digest(connection, row))
        await self.forget(upload.upload_id)

    async def recover(self, upload_id: str, info: ObjectInfo) -> UploadState:
        """Completes an upload whose object became visible before a crash."""
        async with self._places.hold(info.location.key):
            visible = await self._is_visible(info)
            return await self._record(upload_id, info, verified=True, visible=visible)

    async def _is_visible(self, info: ObjectInfo) -> bool:
        """Whether the object is still there, and not another one by now."""
        with suppress(ObjectNotFound, IsAFolder):
            return plain_artifact(await self._objects.stat(info.location)) == plain_artifact(info)
        return False

    async def _record(
        self, upload_id: str, info: ObjectInfo, *, verified: bool, visible: bool
    ) -> UploadState:
        artifact = _with_own_digest(info, verified=verified)
        upload_row = _upload_row(upload_id, info)
        digest_row = _digest_row(info, artifact) if visible else None

        async def work(connection: AsyncConnection) -> None:
            await insert_upload_unless_there(connection, upload_row)
            if digest_row is not None:
                await set_digest(connection, digest_row)

        await self._database.write(work)
        await self.forget(upload_id)
        return UploadState(
            upload_id=upload_id,
            owner_id=owner_of(info.location),
            path=info.location.path,
            durable_offset=info.size_bytes,
            artifact=artifact,
        )

    async def forget(self, upload_id: str) -> None:
        """Lets the store forget an upload, or leaves that to the sweep."""
        try:
            await self._objects.discard_upload(upload_id)
        except StorageError:
            # What is visible stays so all the same.
            _log.warning("upload_not_discarded", exc_info=True, extra={"upload_id": upload_id})


def _with_own_digest(info: ObjectInfo, *, verified: bool) -> Artifact:
    artifact = plain_artifact(info)
    if info.digest is None or info.digest.sha256 is None:
        return artifact
    state = DigestState.VERIFIED if verified else DigestState.UNSPECIFIED
    return replace(artifact, sha256=info.digest.sha256, digest_state=state)


def _upload_row(upload_id: str, info: ObjectInfo) -> UploadRow:
    return UploadRow(
        upload_id=upload_id,
        owner_id=owner_of(info.location),
        path=info.location.path,
        size_bytes=info.size_bytes,
        modify_time_us=info.modify_time_us,
        complete_time_us=now_us(),
    )


def _digest_row(info: ObjectInfo, artifact: Artifact) -> DigestRow | None:
    if not artifact.sha256:
        return None
    return DigestRow(
        owner_id=owner_of(info.location),
        path=artifact.path,
        size_bytes=info.size_bytes,
        modify_time_us=info.modify_time_us,
        sha256=artifact.sha256,
        state=artifact.digest_state,
    )
