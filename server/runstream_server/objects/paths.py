"""Where objects lie, and which names they may have.

User text becomes part of a file name or an object key, so everything here is refused unless it is
plainly a relative path: the rules hold for every kind of store.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass

from runstream_server.objects.errors import InvalidName, InvalidPath

__all__ = [
    "BUCKET_FOLDER",
    "MAX_KEY_BYTES",
    "MAX_PATH_BYTES",
    "MAX_SEGMENT_BYTES",
    "UPLOADS_FOLDER",
    "Location",
    "is_reserved",
    "is_segment",
    "split_path",
    "validate_upload_id",
]

MAX_PATH_BYTES = 1024
MAX_SEGMENT_BYTES = 255
MAX_KEY_BYTES = 3072
"""Room for a path, and for a base that is as long as a place for artifacts may be."""
UPLOADS_FOLDER = ".uploads"
"""The name below the root where a folder store keeps uploads under way."""
BUCKET_FOLDER = ".runstream"
"""The same of a bucket, where some servers of S3 hide the other name."""
RESERVED = frozenset({UPLOADS_FOLDER, BUCKET_FOLDER})

HEX_ID = re.compile(r"[0-9a-f]{32}")


def validate_upload_id(upload_id: str) -> None:
    """Checks the form of an upload id.

    Raises:
        InvalidName: It is not 32 lower-case hexadecimal digits.
    """
    if HEX_ID.fullmatch(upload_id) is None:
        raise InvalidName("upload id", upload_id, "is not 32 lower-case hexadecimal digits")


def split_path(path: str, max_bytes: int = MAX_PATH_BYTES) -> tuple[str, ...]:
    """Checks an artifact path and returns its segments.

    A path is relative, `/` separates its segments, and it has at most so many bytes of UTF-8.

    Raises:
        InvalidPath: It breaks a rule; the error says which.
    """
    if not path:
        raise InvalidPath(path, "is empty")
    try:
        size_bytes = len(path.encode())
    except UnicodeEncodeError:
        raise InvalidPath(path, "has a lone surrogate, which UTF-8 cannot express") from None
    if size_bytes > max_bytes:
        raise InvalidPath(path, f"has {size_bytes} bytes of UTF-8, more than {max_bytes}")
    if path.startswith("/"):
        raise InvalidPath(path, "begins with '/'; it must be relative")
    segments = tuple(path.split("/"))
    for segment in segments:
        broken = _broken_rule(segment)
        if broken is not None:
            raise InvalidPath(path, broken)
    return segments


def is_reserved(name: str) -> bool:
    """Tells whether a name directly below the root is the store's own.

    Letters of another case count as the same, because some file systems take them for that.
    """
    return name.casefold() in RESERVED


def is_segment(name: str) -> bool:
    """Tells whether a name found in a store could be a segment of a valid path."""
    try:
        name.encode()
    except UnicodeEncodeError:
        return False
    return "/" not in name and _broken_rule(name) is None


def _broken_rule(segment: str) -> str | None:
    if not segment:
        return "has an empty segment: '/' must stand between two names"
    if segment in {".", ".."}:
        return f"has the segment '{segment}'"
    if "\\" in segment:
        return "has a backslash; separate segments with '/'"
    if any(unicodedata.category(character) == "Cc" for character in segment):
        return "has a control character"
    size_bytes = len(segment.encode())
    if size_bytes > MAX_SEGMENT_BYTES:
        return f"has a segment of {size_bytes} bytes of UTF-8, more than {MAX_SEGMENT_BYTES}"
    return None


@dataclass(frozen=True, slots=True, kw_only=True)
class Location:
    """Names a file or folder below a store's root. A location that exists is valid.

    What is the store's own (its staging area) has no location.

    Attributes:
        base: The folder whose contents belong together, relative to the root: that of a run's
            artifacts, say. Empty for the root.
        path: Relative to the base; empty for the base itself.

    Raises:
        InvalidPath: Base or path break a rule, see `split_path`.
    """

    base: str = ""
    path: str = ""

    def __post_init__(self) -> None:
        if self.path:
            split_path(self.path, MAX_PATH_BYTES if self.base else MAX_KEY_BYTES)
        if self.base:
            split_path(self.base, MAX_KEY_BYTES)
        if self.key:
            top, *_ = split_path(self.key, MAX_KEY_BYTES)
            if is_reserved(top):
                raise InvalidPath(self.key, f"begins with '{top}', which is the store's own")

    @property
    def segments(self) -> tuple[str, ...]:
        """Returns the names from the store's root down; none for the root."""
        return tuple(self.key.split("/")) if self.key else ()

    @property
    def key(self) -> str:
        """Returns the segments joined by `/`: the object's key below the store's root."""
        return f"{self.base}/{self.path}" if self.base and self.path else self.base or self.path

    def require_file(self) -> None:
        """Checks that this can name a file.

        Raises:
            InvalidPath: The path is empty.
        """
        if not self.path:
            raise InvalidPath(self.path, "is empty; name a file")
