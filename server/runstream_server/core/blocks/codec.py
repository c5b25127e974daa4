"""Compression of columns: bitshuffle and LZ4, by Blosc.

Bitshuffle puts the bits of equal weight of many numbers side by side; of values that were born as
float32 the low 29 bits are zeros, which then cost nothing. Steps and times are stored as
differences.
"""

from typing import Any, Final

import numpy as np
from numcodecs import blosc
from numpy.typing import NDArray

from runstream_server.core.logformat import Float64s, Int64s

__all__ = [
    "pack_axis",
    "pack_bytes",
    "pack_values",
    "unpack_axis",
    "unpack_bytes",
    "unpack_values",
]

_LEVEL: Final = 5

blosc.set_nthreads(1)
blosc.use_threads = False


def pack_bytes(data: bytes) -> bytes:
    """Compresses bytes that have no known shape."""
    return bytes(blosc.compress(np.frombuffer(data, np.uint8), b"zstd", 3, blosc.SHUFFLE))


def unpack_bytes(data: bytes) -> bytes:
    """Undoes `pack_bytes`."""
    return bytes(blosc.decompress(data))


def pack_values(values: NDArray[np.float64]) -> bytes:
    """Compresses values, bit for bit."""
    return _pack(np.ascontiguousarray(values).view(np.uint64))


def unpack_values(data: bytes | memoryview) -> Float64s:
    """Undoes `pack_values`; the result is flat."""
    return np.frombuffer(blosc.decompress(data), "<f8").view(np.float64)


def pack_axis(step: Int64s, time: Int64s) -> bytes:
    """Compresses the steps and the times of rows."""
    return _pack(np.concatenate((_differences(step), _differences(time))))


def unpack_axis(data: bytes | memoryview) -> tuple[Int64s, Int64s]:
    """Undoes `pack_axis`."""
    both = np.frombuffer(blosc.decompress(data), "<i8").view(np.int64)
    half = len(both) // 2
    return np.cumsum(both[:half]), np.cumsum(both[half:])


def _differences(column: Int64s) -> Int64s:
    # Differences may overflow; so may the sums that undo them, by the same amount.
    result = column.copy()
    result[1:] -= column[:-1]
    return result


def _pack(column: NDArray[Any]) -> bytes:
    return bytes(blosc.compress(column.reshape(-1), b"lz4", _LEVEL, blosc.BITSHUFFLE))
