"""Opens the store of artifacts that settings name."""

import contextlib
from collections.abc import AsyncGenerator

from runstream_server.core.failpoints import failpoint
from runstream_server.exits import ExitCode, StartRefused
from runstream_server.objects.base import ObjectStore
from runstream_server.objects.errors import StorageError
from runstream_server.objects.folder import FolderStore
from runstream_server.settings import ServerSettings

__all__ = ["open_objects"]


@contextlib.asynccontextmanager
async def open_objects(settings: ServerSettings) -> AsyncGenerator[ObjectStore]:
    """Opens the store.

    Raises:
        StartRefused: The bucket cannot be used, or what it takes is not installed.
    """
    store = _store_of(settings)
    try:
        await store.start()
    except StorageError as error:
        raise StartRefused(ExitCode.ARTIFACTS, str(error)) from error
    try:
        yield store
    finally:
        await store.close()


def _store_of(settings: ServerSettings) -> ObjectStore:
    destination = settings.s3_destination
    if destination is None:
        return FolderStore(settings.artifacts_folder, failpoint=failpoint)
    try:
        # Loading it takes most of a second.
        from runstream_server.objects.s3.store import S3Store  # noqa: PLC0415
    except ImportError as error:
        raise StartRefused(
            ExitCode.USAGE, "S3 needs more: pip install 'runstream[server,s3]'"
        ) from error
    return S3Store(destination, failpoint=failpoint)
