"""A tree of files below one folder, walked so that nothing leads out of it.

Every step opens one name relative to the folder before, without following symbolic links, so
neither a link inside the tree nor a swap in the middle of a walk can reach anything outside.
All of it blocks, and raises OSError as the system does.
"""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Generator, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from heapq import nsmallest
from pathlib import Path

from runstream_server.objects.paths import is_reserved, is_segment

__all__ = ["Segments", "Tree", "TreeEntry", "enter", "is_folder"]

FOLDER_FLAGS = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
# A FIFO somebody put there must not block the thread that opens it.
FILE_FLAGS = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC

Segments = tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class TreeEntry:
    """Describes a name in a folder; size and time are a file's."""

    name: str
    is_folder: bool
    size_bytes: int = 0
    modify_time_ns: int = 0


class Tree:
    """Opens, lists and deletes files by their segments below a root folder."""

    def __init__(self, root: Path) -> None:
        root.mkdir(parents=True, exist_ok=True)
        self.root_fd = os.open(root, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)

    def close(self) -> None:
        """Lets go of the root."""
        os.close(self.root_fd)

    def open_file(self, segments: Segments) -> int:
        """Opens a file for reading.

        Raises:
            FileNotFoundError: There is none: nothing, or something that is neither file nor folder.
            IsADirectoryError: There is a folder.
        """
        with self._folder(segments[:-1]) as folder:
            try:
                fd = os.open(segments[-1], FILE_FLAGS, dir_fd=folder)
            except OSError as error:
                if error.errno in {errno.ELOOP, errno.ENXIO}:
                    raise _missing(segments) from error
                raise
        mode = os.fstat(fd).st_mode
        if stat.S_ISREG(mode):
            return fd
        os.close(fd)
        if stat.S_ISDIR(mode):
            raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), "/".join(segments))
        raise _missing(segments)

    def entries(self, segments: Segments, *, after: str, limit: int) -> list[TreeEntry]:
        """Lists at most `limit` files and folders with names greater than `after`, by name.

        A folder without a file below it, a symbolic link and any other special file are left out,
        and so is what the root holds that is the store's own.

        Raises:
            FileNotFoundError, NotADirectoryError: There is no such folder.
        """
        found: list[TreeEntry] = []
        with self._folder(segments) as folder:
            while len(found) < limit:
                # Sorting all names of a large folder at once would hold the GIL too long.
                names = nsmallest(limit, _names_after(after, folder))
                found.extend(self._described(names, segments, folder))
                if len(names) < limit:
                    break
                after = names[-1]
        return found[:limit]

    def entry(self, segments: Segments) -> TreeEntry | None:
        """Describes a file or folder; None when there is nothing that can be listed."""
        try:
            with self._folder(segments[:-1]) as folder:
                return self._describe(segments, folder)
        except (FileNotFoundError, NotADirectoryError):
            return None

    def _described(
        self, names: Iterable[str], segments: Segments, folder: int
    ) -> Iterator[TreeEntry]:
        for name in names:
            if not segments and is_reserved(name):
                continue
            entry = self._describe((*segments, name), folder) if is_segment(name) else None
            if entry is not None:
                yield entry

    def _describe(self, segments: Segments, folder: int) -> TreeEntry | None:
        try:
            status = os.stat(segments[-1], dir_fd=folder, follow_symlinks=False)
        except FileNotFoundError:
            return None
        if stat.S_ISREG(status.st_mode):
            return TreeEntry(
                name=segments[-1],
                is_folder=False,
                size_bytes=status.st_size,
                modify_time_ns=status.st_mtime_ns,
            )
        if stat.S_ISDIR(status.st_mode) and self.holds_file(segments):
            return TreeEntry(name=segments[-1], is_folder=True)
        return None

    def holds_file(self, segments: Segments) -> bool:
        """Tells whether there is a file anywhere below a folder."""
        waiting = [segments]
        while waiting:
            files, folders = self._scan(waiting.pop())
            if files:
                return True
            waiting.extend(folders)
        return False

    def delete(self, segments: Segments) -> tuple[int, int]:
        """Deletes a file or a folder with all it holds, and the folders that are empty then.

        Returns:
            How many files there were, and their size in bytes.
        """
        try:
            with self._folder(segments[:-1]) as folder:
                if is_folder(segments[-1], folder):
                    removed = self._delete_folder(segments, with_files=True)
                else:
                    removed = _unlink(segments[-1], folder)
                os.fsync(folder)
        except (FileNotFoundError, NotADirectoryError):
            return 0, 0
        for depth in range(len(segments) - 1, 0, -1):
            try:
                self._remove_folder(segments[:depth])
            except OSError:
                break
        return removed

    def sync_folder(self, segments: Segments) -> None:
        """Makes the names in a folder durable, if it is there."""
        with suppress(FileNotFoundError, NotADirectoryError), self._folder(segments) as folder:
            os.fsync(folder)

    def delete_empty_folders(self, segments: Segments) -> None:
        """Deletes a folder if there is no file anywhere below it, else the empty part of it."""
        self._delete_folder(segments, with_files=False)

    def _delete_folder(self, top: Segments, *, with_files: bool) -> tuple[int, int]:
        # Each folder is opened anew from the root: a tree of any depth costs one descriptor.
        file_count = size_bytes = 0
        waiting = [(top, False)]
        while waiting:
            segments, is_emptied = waiting.pop()
            if is_emptied:
                # Not empty: an upload came after the scan, and stays.
                with suppress(OSError):
                    self._remove_folder(segments)
                continue
            files, folders = self._scan(segments, with_special=True)
            if files and with_files:
                with suppress(FileNotFoundError, NotADirectoryError), self._folder(segments) as fd:
                    for name in files:
                        count, size = _unlink(name, fd)
                        file_count += count
                        size_bytes += size
            waiting.append((segments, True))
            waiting.extend((folder, False) for folder in folders)
        return file_count, size_bytes

    def _scan(
        self, segments: Segments, *, with_special: bool = False
    ) -> tuple[list[str], list[Segments]]:
        """Returns the names of the files in a folder, and the folders in it."""
        files: list[str] = []
        folders: list[Segments] = []
        with (
            suppress(FileNotFoundError, NotADirectoryError),
            self._folder(segments) as fd,
            os.scandir(fd) as entries,
        ):
            for entry in entries:
                if entry.is_dir(follow_symlinks=False):
                    folders.append((*segments, entry.name))
                elif with_special or entry.is_file(follow_symlinks=False):
                    files.append(entry.name)
        return files, folders

    def _remove_folder(self, segments: Segments) -> None:
        with self._folder(segments[:-1]) as folder:
            os.rmdir(segments[-1], dir_fd=folder)

    @contextmanager
    def _folder(self, segments: Sequence[str]) -> Generator[int]:
        fd = os.dup(self.root_fd)
        try:
            for name in segments:
                child = enter(name, fd)
                os.close(fd)
                fd = child
            yield fd
        finally:
            os.close(fd)


def enter(name: str, folder: int) -> int:
    """Opens a folder by its name in another one.

    Raises:
        FileNotFoundError, NotADirectoryError: There is nothing, or no folder.
    """
    try:
        return os.open(name, FOLDER_FLAGS, dir_fd=folder)
    except OSError as error:
        # What a symbolic link gives where the system looks at it before it looks for a folder.
        if error.errno == errno.ELOOP:
            raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR), name) from error
        raise


def _names_after(after: str, folder: int) -> Iterator[str]:
    with os.scandir(folder) as entries:
        for entry in entries:
            if entry.name > after:
                yield entry.name


def is_folder(name: str, folder: int) -> bool:
    """Tells whether a name in a folder is a folder."""
    try:
        return stat.S_ISDIR(os.stat(name, dir_fd=folder, follow_symlinks=False).st_mode)
    except FileNotFoundError:
        return False


def _unlink(name: str, folder: int) -> tuple[int, int]:
    try:
        size_bytes = os.stat(name, dir_fd=folder, follow_symlinks=False).st_size
        os.unlink(name, dir_fd=folder)
    except (FileNotFoundError, IsADirectoryError):
        # There was nothing, or an upload made a folder of this name since it was looked at.
        return 0, 0
    return 1, size_bytes


def _missing(segments: Segments) -> FileNotFoundError:
    return FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), "/".join(segments))
