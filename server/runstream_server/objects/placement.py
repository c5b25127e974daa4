"""Giving a finished file its name in a tree.

All of it blocks, and raises OSError as the system does.
"""

from __future__ import annotations

import errno
import os
import threading
from collections import Counter
from collections.abc import Callable
from contextlib import ExitStack, suppress
from typing import Final

from runstream_server.objects.tree import Segments, Tree, enter, is_folder

__all__ = ["ObstacleError", "Placement"]

FOLDER_THERE_ERRNOS: Final = frozenset({errno.EISDIR, errno.ENOTEMPTY, errno.EEXIST})
PLACE_TRIES: Final = 100


class ObstacleError(Exception):
    """Says what already there keeps a file from being placed, and why."""

    def __init__(self, segments: Segments, reason: str) -> None:
        self.segments = segments
        self.reason = reason
        super().__init__(f"{'/'.join(segments)} {reason}")


class Placement:
    """Makes folders and renames files into them, durably, beside deletions and other placements."""

    def __init__(self, tree: Tree) -> None:
        self._tree = tree
        # Folders made but perhaps not durable, with the number of threads that see to it.
        self._unsure: Counter[Segments] = Counter()
        self._lock = threading.Lock()

    def check_room_for(self, segments: Segments) -> None:
        """Checks that a file could be placed there, and changes nothing.

        Raises:
            ObstacleError: The path is a folder, or lies below something that is not one.
        """
        fd = os.dup(self._tree.root_fd)
        try:
            for depth, name in enumerate(segments[:-1], start=1):
                try:
                    child = enter(name, fd)
                except FileNotFoundError:
                    return
                except NotADirectoryError as error:
                    raise ObstacleError(segments[:depth], "is not a folder") from error
                os.close(fd)
                fd = child
            if is_folder(segments[-1], fd) and self._tree.holds_file(segments):
                raise ObstacleError(segments, "is a folder")
        finally:
            os.close(fd)

    def place(
        self, source: str, source_fd: int, segments: Segments, failpoint: Callable[[str], None]
    ) -> None:
        """Renames a file of another folder to its place and makes that durable.

        Raises:
            ObstacleError: As `check_room_for`; nothing has changed.
        """
        for _ in range(PLACE_TRIES):
            self.check_room_for(segments)
            try:
                self._place_once(source, source_fd, segments, failpoint)
            except (FileNotFoundError, NotADirectoryError):
                # A deletion removed a folder on the way; ours is the later word. Or a file came
                # to stand in the way, which the next check names.
                os.stat(source, dir_fd=source_fd, follow_symlinks=False)
                continue
            except OSError as error:
                if error.errno not in FOLDER_THERE_ERRNOS:
                    raise
                self._tree.delete_empty_folders(segments)
                continue
            return
        raise ObstacleError(segments, "changes all the time")

    def _place_once(
        self, source: str, source_fd: int, segments: Segments, failpoint: Callable[[str], None]
    ) -> None:
        # Folders are made durable after the rename, not before: an empty one that waits for a
        # disk is there for every deletion to remove.
        with ExitStack() as marks:
            folder, renewed = self._make_folder(segments[:-1], marks)
            try:
                failpoint("object.before_rename")
                os.rename(source, segments[-1], src_dir_fd=source_fd, dst_dir_fd=folder)
                failpoint("object.after_rename")
                os.fsync(folder)
            finally:
                os.close(folder)
            for parent in reversed(renewed):
                self._tree.sync_folder(parent)

    def _make_folder(self, segments: Segments, marks: ExitStack) -> tuple[int, list[Segments]]:
        """Opens a folder, made if missing; returns it and the folders whose names to make durable.

        Those are the ones that got a new name in them, here or in a thread that has not made it
        durable yet. Until `marks` is closed, other threads are told the same of ours.
        """
        renewed: list[Segments] = []
        fd = os.dup(self._tree.root_fd)
        for depth, name in enumerate(segments, start=1):
            try:
                child, is_new = self._enter_or_make(name, fd, segments[:depth], marks)
            finally:
                os.close(fd)
            if is_new or self._mark_if_unsure(segments[:depth], marks):
                renewed.append(segments[: depth - 1])
            fd = child
        return fd, renewed

    def _enter_or_make(
        self, name: str, folder: int, segments: Segments, marks: ExitStack
    ) -> tuple[int, bool]:
        try:
            return enter(name, folder), False
        except FileNotFoundError:
            self._mark(segments, marks)
            with suppress(FileExistsError):
                os.mkdir(name, dir_fd=folder)
            return enter(name, folder), True

    def _mark_if_unsure(self, segments: Segments, marks: ExitStack) -> bool:
        with self._lock:
            is_unsure = self._unsure[segments] > 0
        if is_unsure:
            self._mark(segments, marks)
        return is_unsure

    def _mark(self, segments: Segments, marks: ExitStack) -> None:
        with self._lock:
            self._unsure[segments] += 1
        marks.callback(self._unmark, segments)

    def _unmark(self, segments: Segments) -> None:
        with self._lock:
            self._unsure[segments] -= 1
            if not self._unsure[segments]:
                del self._unsure[segments]
