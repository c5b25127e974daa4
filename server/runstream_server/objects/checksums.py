"""CRC32C, how the CRCs of parts make that of the whole, and a digest that grows with its data."""

from __future__ import annotations

import hashlib
from functools import cache
from typing import Final, Protocol, Self, cast

import google_crc32c

from runstream_server.objects.base import Digest

__all__ = ["RunningDigest", "combine", "crc32c", "extend"]

# The Castagnoli polynomial, bit-reversed.
POLYNOMIAL: Final = 0x82F63B78

# Below this, reading the bytes once more costs less than combining.
COMBINE_FROM_BYTES: Final = 1 << 18

Operator = tuple[int, ...]
"""A linear map on CRCs: 32 columns, the image of each bit."""


def crc32c(data: bytes) -> int:
    """Returns the CRC32C of some bytes; about 50 µs a MiB, without the GIL."""
    return cast("int", google_crc32c.value(data))  # pyright: ignore[reportUnknownMemberType]


def extend(crc: int, data: bytes) -> int:
    """Returns the CRC32C of what has CRC32C `crc`, followed by `data`."""
    return cast("int", google_crc32c.extend(crc, data))  # pyright: ignore[reportUnknownMemberType]


def combine(first: int, second: int, second_size_bytes: int) -> int:
    """Returns the CRC32C of two parts end to end, from theirs and the second one's size.

    The cost is a few microseconds for each bit that is set in the size, whatever the size.
    """
    if second_size_bytes < 0:
        raise ValueError(f"a part cannot have {second_size_bytes} bytes")
    power = 0
    while second_size_bytes:
        if second_size_bytes & 1:
            first = _apply(_append_zeros(power), first)
        second_size_bytes >>= 1
        power += 1
    return first ^ second


class Hasher(Protocol):
    """Is what hashlib's objects can do."""

    def update(self, data: bytes, /) -> None:
        """Takes more bytes."""
        ...

    def digest(self) -> bytes:
        """Returns the hash of all bytes so far."""
        ...

    def copy(self) -> Hasher:
        """Returns one that goes on from here by itself."""
        ...


class RunningDigest:
    """Computes size, CRC32C and SHA-256 in one pass; for one thread at a time.

    Both hashes let go of the GIL, so a thread that feeds this does not hold up the event loop.
    """

    def __init__(self) -> None:
        self._sha256: Hasher | None = hashlib.sha256()
        self._crc32c = 0
        self.size_bytes = 0

    def update(self, data: bytes, data_crc32c: int) -> None:
        """Takes the next bytes and their CRC32C."""
        if self._sha256 is not None:
            self._sha256.update(data)
        if len(data) < COMBINE_FROM_BYTES:
            self._crc32c = extend(self._crc32c, data)
        else:
            self._crc32c = combine(self._crc32c, data_crc32c, len(data))
        self.size_bytes += len(data)

    def result(self) -> Digest:
        """Returns the digest of all bytes so far."""
        sha256 = None if self._sha256 is None else self._sha256.digest()
        return Digest(size_bytes=self.size_bytes, crc32c=self._crc32c, sha256=sha256)

    def copy(self) -> RunningDigest:
        """Returns a digest of the same bytes that goes on by itself."""
        copied = RunningDigest()
        copied._sha256 = None if self._sha256 is None else self._sha256.copy()
        copied._crc32c = self._crc32c
        copied.size_bytes = self.size_bytes
        return copied

    @classmethod
    def resumed(cls, size_bytes: int, crc32c: int) -> Self:
        """Returns the digest of bytes that are not at hand: it goes on without SHA-256."""
        resumed = cls()
        resumed._sha256 = None
        resumed._crc32c = crc32c
        resumed.size_bytes = size_bytes
        return resumed


@cache
def _append_zeros(power: int) -> Operator:
    """Returns what appending 2**power zero bytes does to a CRC (without its conditioning)."""
    if power == 0:
        operator = (POLYNOMIAL, *(1 << bit for bit in range(31)))
        for _ in range(3):
            operator = _square(operator)
        return operator
    return _square(_append_zeros(power - 1))


def _square(operator: Operator) -> Operator:
    return tuple(_apply(operator, column) for column in operator)


def _apply(operator: Operator, crc: int) -> int:
    image = 0
    for column in operator:
        if crc & 1:
            image ^= column
        crc >>= 1
        if not crc:
            break
    return image
