"""From what the object store raises to what the contract calls it.

A `StorageError` passes as it is: it is an event of the machine, not of the request, and the doors
treat it as they treat a database that does not answer.
"""

from collections.abc import Generator
from contextlib import contextmanager
from typing import Final

from runstream_server.core.artifacts.owners import owner_metadata, owner_of
from runstream_server.core.errors import Failure, Reason
from runstream_server.objects import errors

__all__ = ["checksum_mismatch", "contract_terms", "upload_exists", "upload_moved"]

BUSY_RETRY_DELAY_S: Final = 1.0
"""When a client may look whether the other process has let its upload go."""


@contextmanager
def contract_terms(*, path_field: str = "path") -> Generator[None]:
    """Turns what the object store raises inside the block into failures.

    Args:
        path_field: The request's field that an artifact path came in.
    """
    try:
        yield
    except errors.UploadError as error:
        failure = _upload_failure(error)
        if failure is None:
            raise
        raise failure from error
    except errors.InvalidName as error:
        raise _name_failure(error, path_field) from error
    except errors.ObjectStoreError as error:
        failure = _object_failure(error)
        if failure is None:
            raise
        raise failure from error


def _name_failure(error: errors.InvalidName, path_field: str) -> Failure:
    match error:
        case errors.InvalidPath():
            return Failure(
                Reason.INVALID_PATH,
                f"{error}; use names separated by '/', relative to the top folder",
                field=path_field,
                value=error.value,
            )
        case errors.InvalidRange(size_bytes=int(size_bytes)):
            return Failure(
                Reason.RANGE_NOT_SATISFIABLE,
                f"offset {error.offset} lies beyond the end of the artifact, which has"
                f" {size_bytes} bytes",
                offset=error.offset,
                size_bytes=size_bytes,
            )
        case errors.InvalidPageToken():
            return Failure(
                Reason.INVALID_PAGE_TOKEN,
                "page_token is not one of this folder's; repeat the call that returned it with"
                " nothing changed but the token, or start without one",
                field="page_token",
            )
        case _:
            return Failure(Reason.INVALID_VALUE, str(error), field="", value=error.value)


def _object_failure(error: errors.ObjectStoreError) -> Failure | None:
    match error:
        case errors.ObjectNotFound(location=location):
            return Failure(
                Reason.ARTIFACT_NOT_FOUND,
                f"{error}; list its artifacts for the paths that exist",
                **owner_metadata(owner_of(location)),
                path=location.path,
            )
        case errors.IsAFolder(location=location):
            return Failure(Reason.IS_A_DIRECTORY, str(error), path=location.path)
        case errors.PathConflict(location=location):
            return Failure(Reason.PATH_CONFLICT, str(error), path=location.path)
        case _:
            return None


def _upload_failure(error: errors.UploadError) -> Failure | None:
    upload_id = error.upload_id
    match error:
        case errors.UploadNotFound():
            return Failure(Reason.UPLOAD_NOT_FOUND, f"{error}; begin it anew", upload_id=upload_id)
        case errors.UploadMismatch(begun_for=begun_for):
            return upload_exists(upload_id, owner_of(begun_for), begun_for.path)
        case errors.UploadFenced():
            return upload_moved(upload_id)
        case errors.ChunkCorrupt():
            return checksum_mismatch(error.offset, expected=error.expected, actual=error.actual)
        case errors.UploadBusy():
            return Failure(Reason.STORAGE_UNAVAILABLE, str(error), retry_delay_s=BUSY_RETRY_DELAY_S)
        case _:
            return None


def upload_exists(upload_id: str, owner_id: str, path: str) -> Failure:
    """Returns the failure of an upload whose id belongs to another one."""
    return Failure(
        Reason.UPLOAD_EXISTS,
        f"upload id {upload_id} belongs to the artifact {path!r} of {owner_id}; use a new one",
        upload_id=upload_id,
        **owner_metadata(owner_id),
        path=path,
    )


def upload_moved(upload_id: str) -> Failure:
    """Returns the failure of a call that a later one of the same upload ended."""
    return Failure(
        Reason.UPLOAD_MOVED,
        f"a later call continues upload {upload_id}; leave it to that one",
        upload_id=upload_id,
    )


def checksum_mismatch(offset: int, *, expected: int, actual: int) -> Failure:
    """Returns the failure of a chunk whose bytes have another CRC32C than it says."""
    return Failure(
        Reason.CHECKSUM_MISMATCH,
        f"the chunk at offset {offset} has CRC32C {actual:#010x} and says {expected:#010x}; what"
        " came before is kept: ask for the durable offset and send the upload from there on",
        offset=offset,
        expected=expected,
        actual=actual,
    )
