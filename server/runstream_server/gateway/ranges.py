"""The Range header of HTTP, as far as it is honoured: one range of bytes."""

import re
from dataclasses import dataclass
from typing import Final

__all__ = ["ByteRange", "Unsatisfiable", "byte_range"]

_RANGE: Final = re.compile(r"bytes=\s*([0-9]{0,18})-([0-9]{0,18})\s*", re.IGNORECASE)


class Unsatisfiable(Exception):
    """A range lies outside of the content."""


@dataclass(frozen=True, slots=True)
class ByteRange:
    """A range of a content, at least one byte."""

    offset: int
    length: int

    def content_range(self, size_bytes: int) -> str:
        """Returns the value of the header Content-Range."""
        return f"bytes {self.offset}-{self.offset + self.length - 1}/{size_bytes}"


def byte_range(header: str, size_bytes: int) -> ByteRange | None:
    """Returns what a Range header asks of a content.

    None when it is malformed, or asks for several ranges: the whole is the answer to that.

    Raises:
        Unsatisfiable: Nothing of the content is in the range.
    """
    match = _RANGE.fullmatch(header.strip())
    if match is None or not (match[1] or match[2]):
        return None
    if not match[1]:
        length = min(int(match[2]), size_bytes)
        first, last = size_bytes - length, size_bytes - 1
    else:
        first = int(match[1])
        last = min(int(match[2]), size_bytes - 1) if match[2] else size_bytes - 1
        if match[2] and int(match[2]) < first:
            return None
    if first >= size_bytes or last < first:
        raise Unsatisfiable
    return ByteRange(first, last - first + 1)
