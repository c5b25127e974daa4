"""Counts what cannot be stored, warns once for each reason, and raises in strict mode."""

import logging
import os
from collections import Counter
from typing import Final

from runstream.errors import InvalidValue, SpoolError

__all__ = ["Faults", "strict_by_default"]

logger: Final = logging.getLogger(__name__)


def strict_by_default() -> bool:
    """Tells whether `RUNSTREAM_STRICT` asks for exceptions instead of warnings."""
    return os.environ.get("RUNSTREAM_STRICT", "").strip().lower() in {"1", "true", "yes", "on"}


class Faults:
    """Counts by reason.

    Attributes:
        counts: How many points were not stored, by reason: `key`, `value`, `duplicate`, `step`,
            `time`, `rank`, `metrics`, `closed`, `storage`; and `storage_records`, the operations
            and artifacts that were not.
        strict: Whether to raise.
    """

    def __init__(self, *, strict: bool) -> None:
        self.counts: Counter[str] = Counter()
        self.strict = strict
        self._warned: set[str] = set()

    def reject(self, reason: str, message: str, points: int = 1) -> None:
        """Counts points that cannot be stored.

        Raises:
            InvalidValue: in strict mode.
        """
        self.counts[reason] += points
        if self.strict:
            raise InvalidValue(message)
        self._warn_once(reason, message)

    def lose(self, error: OSError, *, points: int = 0, records: int = 0) -> None:
        """Counts what the disk did not take.

        Raises:
            SpoolError: in strict mode.
        """
        if points:
            self.counts["storage"] += points
        if records:
            self.counts["storage_records"] += records
        message = (
            f"the spool cannot be written ({error}): what is logged is lost until it can; "
            "make room, or set RUNSTREAM_SPOOL_DIR to another disk"
        )
        if self.strict:
            raise SpoolError(message) from error
        self._warn_once("storage", message)

    def _warn_once(self, reason: str, message: str) -> None:
        if reason not in self._warned:
            self._warned.add(reason)
            logger.warning("%s (said once, counted always)", message)
