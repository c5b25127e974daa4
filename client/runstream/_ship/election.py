"""One shipper a spool: the one that holds the lock."""

import contextlib
import errno
import fcntl
import os
import time
from pathlib import Path
from typing import Final, Self

from runstream.errors import SpoolError

__all__ = ["LOCK_NAME", "ShipperLock", "is_shipper_alive", "shipper_pid"]

LOCK_NAME: Final = "shipper.lock"
PATIENCE_S: Final = 0.5
"""Whoever asks whether a shipper lives holds the lock for a moment."""

_POLL_S: Final = 0.01
_HELD: Final = frozenset({errno.EWOULDBLOCK, errno.EAGAIN, errno.EACCES})


class ShipperLock:
    """Held by the shipper of a spool. It goes with the process, however that ends."""

    def __init__(self, descriptor: int) -> None:
        self._fd = descriptor

    @classmethod
    def acquire(cls, directory: Path) -> Self | None:
        """Takes the lock; returns None when another process has it.

        Raises:
            SpoolError: if the folder's file system has no locks.
            OSError: if the lock's file cannot be made.
        """
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        descriptor = os.open(directory / LOCK_NAME, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        deadline = time.monotonic() + PATIENCE_S
        try:
            while not _locked(descriptor, fcntl.LOCK_EX, directory):
                if time.monotonic() >= deadline:
                    os.close(descriptor)
                    return None
                time.sleep(_POLL_S)
            os.ftruncate(descriptor, 0)
            os.pwrite(descriptor, f"{os.getpid()}\n".encode(), 0)
        except BaseException:
            with contextlib.suppress(OSError):
                os.close(descriptor)
            raise
        return cls(descriptor)

    def release(self) -> None:
        """Gives the lock up."""
        if self._fd >= 0:
            os.ftruncate(self._fd, 0)
            os.close(self._fd)
            self._fd = -1


def is_shipper_alive(directory: Path) -> bool:
    """Tells whether a process holds the lock.

    Raises:
        SpoolError: if the folder's file system has no locks.
    """
    try:
        descriptor = os.open(directory / LOCK_NAME, os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        return False
    try:
        return not _locked(descriptor, fcntl.LOCK_SH, directory)
    finally:
        os.close(descriptor)


def shipper_pid(directory: Path) -> int | None:
    """Returns the process id of the shipper that lives, or None."""
    if not is_shipper_alive(directory):
        return None
    with contextlib.suppress(OSError, ValueError):
        return int((directory / LOCK_NAME).read_text())
    return None


def _locked(descriptor: int, kind: int, directory: Path) -> bool:
    try:
        fcntl.flock(descriptor, kind | fcntl.LOCK_NB)
    except OSError as error:
        if error.errno in _HELD:
            return False
        raise SpoolError(
            f"{directory} lies on a file system without locks ({error}): "
            "set RUNSTREAM_SPOOL_DIR to a folder on a local disk"
        ) from error
    return True
