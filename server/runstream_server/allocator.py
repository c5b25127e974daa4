"""How this process gets its memory."""

import ctypes
import os
import sys
from typing import Final

__all__ = ["keep_buffers"]

# From glibc's malloc.h.
M_TRIM_THRESHOLD: Final = -1
M_MMAP_THRESHOLD: Final = -3
M_ARENA_MAX: Final = -8

KEPT_BYTES: Final = 16 << 20
OWN_MAPPING_FROM_BYTES: Final = 4 << 20
MAX_ARENAS: Final = 4


def keep_buffers() -> None:
    """Makes the C library keep freed buffers of a megabyte or so, for the next ones.

    By default they go back to the system at once and come back as fresh pages: hundreds of page
    faults for each MiB of an artifact that passes, which measured a third to a half of all the
    processor time of up- and downloads. Costs at most `KEPT_BYTES` an arena. Does nothing where
    the C library is not glibc, or was told otherwise by its own environment variables.
    """
    if sys.platform != "linux" or any(name.startswith("MALLOC_") for name in os.environ):
        return
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (AttributeError, OSError):
        return
    mallopt(M_MMAP_THRESHOLD, OWN_MAPPING_FROM_BYTES)
    mallopt(M_TRIM_THRESHOLD, KEPT_BYTES)
    mallopt(M_ARENA_MAX, MAX_ARENAS)
