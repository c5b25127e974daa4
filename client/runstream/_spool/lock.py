"""Tells whether a writer lives: it holds `flock` on its lock file until it ends, however it ends.

A fork inherits the lock with the descriptor, and the lock lasts until the last copy is closed. A
forked child therefore closes its copies at once (see writer.py); closing one copy does not unlock
the others.
"""

import contextlib
import fcntl
import os
import secrets
from pathlib import Path
from typing import Final

__all__ = ["LOCK_NAME", "hold_lock", "is_held"]

LOCK_NAME: Final = "writer.lock"


def hold_lock(folder: Path) -> int:
    """Makes the folder's lock file, holds it, and returns its descriptor.

    The file gets its name only once it is locked, so that nobody finds a living writer's lock free.

    Raises:
        OSError: if the file cannot be made.
    """
    temporary = folder / f".{LOCK_NAME}.{secrets.token_hex(4)}"
    descriptor = os.open(temporary, os.O_CREAT | os.O_EXCL | os.O_RDWR | os.O_CLOEXEC, 0o600)
    try:
        # Some network file systems have no locks; the process id then at least tells people.
        with contextlib.suppress(OSError):
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        os.write(descriptor, f"{os.getpid()}\n".encode())
        temporary.rename(folder / LOCK_NAME)
    except BaseException:
        os.close(descriptor)
        raise
    return descriptor


def is_held(folder: Path) -> bool:
    """Tells whether the folder's writer lives.

    Where nobody can tell, the answer is the safe one, that it does: when the file system has no
    locks, and before the lock is made.
    """
    try:
        descriptor = os.open(folder / LOCK_NAME, os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        return True
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except OSError:
        return True
    finally:
        os.close(descriptor)
    return False
