"""What S3 bounds, and how the store divides files into parts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from runstream_server.objects.errors import StorageFull

__all__ = ["MAX_OBJECT_BYTES", "MAX_PARTS", "MIN_PART_BYTES", "S3Limits"]

MIB: Final = 1 << 20
MAX_PARTS: Final = 10_000
MIN_PART_BYTES: Final = 5 * MIB
MAX_PART_BYTES: Final = 5 << 30
MAX_OBJECT_BYTES: Final = MAX_PARTS * MAX_PART_BYTES


@dataclass(frozen=True, slots=True, kw_only=True)
class S3Limits:
    """How much of uploads the store holds in memory.

    Attributes:
        part_bytes: The size of parts, where that makes few enough of them.
        unsized_part_bytes: The same where the size of the whole is not known.
        parts_in_flight: So many parts of an upload are sent at once, while another one gathers.
        memory_bytes: What all uploads together may hold; who would exceed it waits.
    """

    part_bytes: int = 8 * MIB
    unsized_part_bytes: int = 16 * MIB
    parts_in_flight: int = 4
    memory_bytes: int = 384 * MIB

    def part_bytes_for(self, size_hint_bytes: int | None) -> int:
        """Returns the size of the parts of a file.

        Raises:
            StorageFull: S3 cannot hold it.
        """
        if size_hint_bytes is None:
            return self.unsized_part_bytes
        if size_hint_bytes > MAX_OBJECT_BYTES:
            raise StorageFull(
                f"{size_hint_bytes} bytes are to come, and S3 holds {MAX_OBJECT_BYTES} in an object"
            )
        needed_bytes = -(-size_hint_bytes // MAX_PARTS)
        if needed_bytes <= self.part_bytes:
            return self.part_bytes
        return -(-needed_bytes // MIB) * MIB
