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
    "MAX_PATH_BYTES",
    "MAX_SEGMENT_BYTES",
    "Location",
    "is_segment",
    "split_path",
    "validate_upload_id",
]

MAX_PATH_BYTES = 1024
MAX_SEGMENT_BYTES = 255
ARTIFACTS_FOLDER = "artifacts"

EXPERIMENT_ID = re.compile(r"0|[1-9][0-9]{0,18}")
HEX_ID = re.compile(r"[0-9a-f]{32}")


def validate_upload_id(upload_id: str) -> None:
    """Checks the form of an upload id.

    Raises:
        InvalidName: It is not 32 lower-case hexadecimal digits.
    """
    if HEX_ID.fullmatch(upload_id) is None:
        raise InvalidName("upload id", upload_id, "is not 32 lower-case hexadecimal digits")


def split_path(path: str) -> tuple[str, ...]:
    """Checks an artifact path and returns its segments.

    A path is relative, `/` separates its segments, and it has at most 1 024 bytes of UTF-8.

    Raises:
        InvalidPath: It breaks a rule; the error says which.
    """
    if not path:
        raise InvalidPath(path, "is empty")
    try:
        size_bytes = len(path.encode())
    except UnicodeEncodeError:
        raise InvalidPath(path, "has a lone surrogate, which UTF-8 cannot express") from None
    if size_bytes > MAX_PATH_BYTES:
        raise InvalidPath(path, f"has {size_bytes} bytes of UTF-8, more than {MAX_PATH_BYTES}")
    if path.startswith("/"):
        raise InvalidPath(path, "begins with '/'; it must be relative to the run's artifacts")
    segments = tuple(path.split("/"))
    for segment in segments:
        broken = _broken_rule(segment)
        if broken is not None:
            raise InvalidPath(path, broken)
    return segments


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
    """Names a file or folder among a run's artifacts. A location that exists is valid.

    Attributes:
        experiment_id: A decimal integer.
        run_id: 32 lower-case hexadecimal digits.
        path: Relative to the run's artifacts; empty for their top folder.

    Raises:
        InvalidPath: The path breaks a rule, see `split_path`.
        InvalidName: One of the ids has not its form.
    """

    experiment_id: str
    run_id: str
    path: str = ""

    def __post_init__(self) -> None:
        if EXPERIMENT_ID.fullmatch(self.experiment_id) is None:
            raise InvalidName("experiment id", self.experiment_id, "is not a decimal integer")
        if HEX_ID.fullmatch(self.run_id) is None:
            raise InvalidName("run id", self.run_id, "is not 32 lower-case hexadecimal digits")
        if self.path:
            split_path(self.path)

    @property
    def segments(self) -> tuple[str, ...]:
        """Returns the names from the store's root down."""
        top = (self.experiment_id, self.run_id, ARTIFACTS_FOLDER)
        return (*top, *self.path.split("/")) if self.path else top

    @property
    def key(self) -> str:
        """Returns the segments joined by `/`: the object's key below the store's root."""
        return "/".join(self.segments)

    def require_file(self) -> None:
        """Checks that this can name a file.

        Raises:
            InvalidPath: The path is empty.
        """
        if not self.path:
            raise InvalidPath(self.path, "is empty; name a file")
