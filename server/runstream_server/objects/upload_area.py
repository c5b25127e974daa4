"""The folder `<root>/.uploads`, which holds the uploads of a folder store.

All of it blocks, and raises OSError as the system does.
"""

from __future__ import annotations

import errno
import fcntl
import os
from collections.abc import Callable, Generator
from contextlib import ExitStack, contextmanager, suppress
from typing import Final

from runstream_server.objects import records
from runstream_server.objects.base import ObjectInfo
from runstream_server.objects.errors import (
    PathConflict,
    UploadBusy,
    UploadCommitted,
    UploadMismatch,
    UploadNotFound,
)
from runstream_server.objects.paths import HEX_ID, UPLOADS_FOLDER, Location
from runstream_server.objects.placement import ObstacleError, Placement
from runstream_server.objects.staging import CHUNKS, DATA, Parked, StagedUpload
from runstream_server.objects.tree import Tree

__all__ = ["UploadArea"]

FOLDER_FLAGS: Final = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
FILE_FLAGS: Final = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC


class UploadArea:
    """Opens, finds and discards staged uploads. Callers let no two calls for one upload overlap."""

    def __init__(self, tree: Tree) -> None:
        self._tree = tree
        self._placement = Placement(tree)
        with suppress(FileExistsError):
            os.mkdir(UPLOADS_FOLDER, 0o700, dir_fd=tree.root_fd)
        self._fd = os.open(UPLOADS_FOLDER, FOLDER_FLAGS, dir_fd=tree.root_fd)
        os.fsync(tree.root_fd)

    def close(self) -> None:
        """Lets go of the folder."""
        os.close(self._fd)

    def check(self, upload_id: str, location: Location, size_hint_bytes: int | None) -> None:
        """Checks that an upload may begin or go on, and changes nothing.

        Raises:
            UploadMismatch, UploadCommitted, PathConflict: See `ObjectStore`.
            OSError: ENOSPC, the bytes to come do not fit.
        """
        size_bytes = 0
        with suppress(UploadNotFound), self._folder(upload_id) as folder:
            begun_for = records.read_spec(folder)
            if begun_for is not None:
                self._check_resumable(upload_id, begun_for, location, folder)
            with suppress(FileNotFoundError):
                size_bytes = os.stat(DATA, dir_fd=folder, follow_symlinks=False).st_size
        with _naming_obstacles(location):
            self._placement.check_room_for(location.segments)
        if size_hint_bytes is not None:
            self._check_space(size_hint_bytes - size_bytes)

    def _check_space(self, size_bytes: int) -> None:
        status = os.fstatvfs(self._fd)
        free_bytes = status.f_bavail * status.f_frsize
        if size_bytes > free_bytes:
            reason = f"{size_bytes} bytes are to come, {free_bytes} are free"
            raise OSError(errno.ENOSPC, reason)

    def publish(self, staged: StagedUpload, failpoint: Callable[[str], None]) -> ObjectInfo:
        """Makes an upload's object visible, durably.

        Raises:
            PathConflict: Something is in the way; the upload is as it was.
        """
        with _naming_obstacles(staged.location):
            return staged.publish(self._placement, failpoint)

    def open(
        self,
        upload_id: str,
        location: Location | None,
        parked: Parked | None,
        should_stop: Callable[[], bool],
    ) -> StagedUpload:
        """Opens an upload and recovers its bytes; begins it if a location is given.

        Raises:
            UploadNotFound, UploadMismatch, UploadCommitted, UploadBusy: See `ObjectStore`.
            StorageError: `should_stop` said so.
        """
        with ExitStack() as undo:
            folder = self._open_folder(upload_id, create=location is not None)
            undo.callback(os.close, folder)
            begun_for = records.read_spec(folder)
            if begun_for is not None:
                self._check_resumable(upload_id, begun_for, location or begun_for, folder)
            data = os.open(DATA, FILE_FLAGS, 0o666, dir_fd=folder)
            undo.callback(os.close, data)
            _claim(upload_id, data, folder)
            if begun_for is None:
                begun_for = _begin(upload_id, location, data, folder)
            with suppress(FileNotFoundError):
                os.unlink(records.COMMITTED, dir_fd=folder)
            chunks = os.open(CHUNKS, FILE_FLAGS, 0o600, dir_fd=folder)
            undo.callback(os.close, chunks)
            staged = StagedUpload(
                upload_id, begun_for, folder=folder, area=self._fd, data=data, chunks=chunks
            )
            staged.recover(parked, should_stop)
            undo.pop_all()
        return staged

    def _check_resumable(
        self, upload_id: str, begun_for: Location, asked_for: Location, folder: int
    ) -> None:
        if asked_for != begun_for:
            raise UploadMismatch(upload_id, begun_for=begun_for, asked_for=asked_for)
        info = records.read_committed(begun_for, folder)
        if info is None or _exists(DATA, folder):
            return
        # A crash may have come between the rename and its fsync: nobody was told yet, we tell now.
        self._tree.sync_folder(begun_for.segments[:-1])
        os.fsync(folder)
        raise UploadCommitted(upload_id, info)

    def discard(self, upload_id: str) -> bool:
        """Deletes an upload's files; returns whether there were any.

        Raises:
            UploadBusy: Another process holds it.
        """
        try:
            with self._folder(upload_id) as folder, _claimed_if_there(upload_id, folder):
                for name in os.listdir(folder):
                    os.unlink(name, dir_fd=folder)
        except UploadNotFound:
            return False
        os.rmdir(upload_id, dir_fd=self._fd)
        return True

    def unchanged_since(self, time_s: float) -> list[str]:
        """Returns the ids of uploads that nothing changed since a time, seconds since the epoch."""
        found: list[str] = []
        with os.scandir(self._fd) as entries:
            ids = [entry.name for entry in entries if HEX_ID.fullmatch(entry.name)]
        for upload_id in ids:
            with suppress(UploadNotFound):
                if self.last_change(upload_id) <= time_s:
                    found.append(upload_id)
        return found

    def last_change(self, upload_id: str) -> float:
        """Returns when an upload changed last, in seconds since the epoch."""
        with self._folder(upload_id) as folder:
            times = [os.fstat(folder).st_mtime]
            for name in os.listdir(folder):
                with suppress(FileNotFoundError):
                    times.append(os.stat(name, dir_fd=folder, follow_symlinks=False).st_mtime)
        return max(times)

    @contextmanager
    def _folder(self, upload_id: str) -> Generator[int]:
        folder = self._open_folder(upload_id, create=False)
        try:
            yield folder
        finally:
            os.close(folder)

    def _open_folder(self, upload_id: str, *, create: bool) -> int:
        if create:
            with suppress(FileExistsError):
                os.mkdir(upload_id, 0o700, dir_fd=self._fd)
        try:
            return os.open(upload_id, FOLDER_FLAGS, dir_fd=self._fd)
        except FileNotFoundError as error:
            raise UploadNotFound(upload_id) from error


@contextmanager
def _naming_obstacles(location: Location) -> Generator[None]:
    try:
        yield
    except ObstacleError as error:
        raise PathConflict(location, "/".join(error.segments), error.reason) from error


def _begin(upload_id: str, location: Location | None, data: int, folder: int) -> Location:
    if location is None:
        raise UploadNotFound(upload_id)
    # Leftovers of a crash before the spec was written: nothing of them was ever promised.
    os.ftruncate(data, 0)
    records.write_spec(location, folder)
    return location


def _claim(upload_id: str, data: int, folder: int) -> None:
    """Makes sure that no other process has the upload; the lock ends with the descriptor."""
    try:
        fcntl.flock(data, fcntl.LOCK_EX | fcntl.LOCK_NB)
        named = os.stat(DATA, dir_fd=folder, follow_symlinks=False).st_ino
    except (BlockingIOError, FileNotFoundError) as error:
        raise UploadBusy(upload_id) from error
    if named != os.fstat(data).st_ino:
        raise UploadBusy(upload_id)


@contextmanager
def _claimed_if_there(upload_id: str, folder: int) -> Generator[None]:
    try:
        data = os.open(DATA, os.O_RDWR | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=folder)
    except FileNotFoundError:
        yield
        return
    try:
        _claim(upload_id, data, folder)
        yield
    finally:
        os.close(data)


def _exists(name: str, folder: int) -> bool:
    try:
        os.stat(name, dir_fd=folder, follow_symlinks=False)
    except FileNotFoundError:
        return False
    return True
