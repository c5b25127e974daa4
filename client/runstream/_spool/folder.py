"""Makes a writer's folder and the files in it."""

import errno
import os
from pathlib import Path
from typing import Final

from runstream._spool.header import SegmentHeader
from runstream._spool.lock import hold_lock
from runstream._spool.paths import ARTIFACTS_FOLDER, segment_path

__all__ = ["create_segment", "make_writer_folder"]

_ATTEMPTS: Final = 3


def make_writer_folder(folder: Path) -> int:
    """Makes a writer's folder, open to its user alone; returns the descriptor that holds its lock.

    Raises:
        OSError: if the disk does not let it.
    """
    for attempt in range(1, _ATTEMPTS + 1):
        folder.parent.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        folder.parent.mkdir(mode=0o700, exist_ok=True)
        try:
            folder.mkdir(mode=0o700, exist_ok=True)
            break
        except FileNotFoundError:
            # Whoever tidies the spool may remove the run's empty folder at this moment.
            if attempt == _ATTEMPTS:
                raise
    (folder / ARTIFACTS_FOLDER).mkdir(mode=0o700, exist_ok=True)
    return hold_lock(folder)


def create_segment(folder: Path, header: SegmentHeader) -> tuple[int, int]:
    """Begins a segment; returns its descriptor and its size.

    Raises:
        FileExistsError: if there is one of this number.
        OSError: if the disk does not let it; nothing is left behind then.
    """
    data = header.encode()
    path = segment_path(folder, header.segment)
    flags = os.O_CREAT | os.O_EXCL | os.O_RDWR | os.O_APPEND | os.O_CLOEXEC
    descriptor = os.open(path, flags, 0o600)
    try:
        if os.write(descriptor, data) != len(data):
            raise OSError(errno.ENOSPC, "only a part of a segment's header was written")
    except BaseException:
        os.close(descriptor)
        path.unlink(missing_ok=True)
        raise
    return descriptor, len(data)
