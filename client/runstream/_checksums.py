"""CRC32C, as fast as it can be had."""

from collections.abc import Callable
from typing import Any, cast

__all__ = ["crc32c_function"]


def crc32c_function() -> Callable[[bytes], int] | None:
    """Returns a function in C, if the extra `crc32c` is installed: in Python it takes 1 s a MiB."""
    try:
        import google_crc32c
    except ImportError:
        return None
    module = cast("Any", google_crc32c)
    if module.implementation != "c":
        return None
    return cast("Callable[[bytes], int]", module.value)
