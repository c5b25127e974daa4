"""What can go wrong, in the words of the contract.

`Failure` is the only exception that a door shows to its client. Its reasons are those of the enum
ErrorReason in proto/runstream/v1/error.proto; each belongs to one canonical status.
"""

from collections.abc import Mapping
from enum import Enum

__all__ = ["Failure", "Reason", "Status"]


class Status(Enum):
    """Canonical status codes, by their names in gRPC."""

    INVALID_ARGUMENT = "INVALID_ARGUMENT"
    NOT_FOUND = "NOT_FOUND"
    ALREADY_EXISTS = "ALREADY_EXISTS"
    FAILED_PRECONDITION = "FAILED_PRECONDITION"
    ABORTED = "ABORTED"
    OUT_OF_RANGE = "OUT_OF_RANGE"
    RESOURCE_EXHAUSTED = "RESOURCE_EXHAUSTED"
    UNAVAILABLE = "UNAVAILABLE"
    DATA_LOSS = "DATA_LOSS"
    INTERNAL = "INTERNAL"


class Reason(Enum):
    """Reasons with the status that each comes with."""

    INVALID_VALUE = Status.INVALID_ARGUMENT, 1
    MISSING_VALUE = Status.INVALID_ARGUMENT, 2
    INVALID_KEY = Status.INVALID_ARGUMENT, 3
    VALUE_TOO_LONG = Status.INVALID_ARGUMENT, 4
    TOO_MANY_ENTRIES = Status.INVALID_ARGUMENT, 5
    INVALID_FILTER = Status.INVALID_ARGUMENT, 6
    INVALID_ORDER_BY = Status.INVALID_ARGUMENT, 7
    INVALID_PAGE_TOKEN = Status.INVALID_ARGUMENT, 8
    INVALID_PATH = Status.INVALID_ARGUMENT, 9
    EXPERIMENT_NOT_FOUND = Status.NOT_FOUND, 10
    EXPERIMENT_EXISTS = Status.ALREADY_EXISTS, 11
    EXPERIMENT_DELETED = Status.FAILED_PRECONDITION, 12
    RUN_NOT_FOUND = Status.NOT_FOUND, 13
    RUN_EXISTS = Status.ALREADY_EXISTS, 14
    RUN_DELETED = Status.FAILED_PRECONDITION, 15
    PARAM_CONFLICT = Status.ALREADY_EXISTS, 16
    TAG_NOT_FOUND = Status.NOT_FOUND, 17
    WRITER_NOT_FOUND = Status.NOT_FOUND, 18
    STREAM_PROTOCOL = Status.FAILED_PRECONDITION, 19
    OFFSET_GAP = Status.OUT_OF_RANGE, 20
    WRITER_MOVED = Status.ABORTED, 21
    COLUMN_MISMATCH = Status.INVALID_ARGUMENT, 22
    UNKNOWN_LAYOUT = Status.INVALID_ARGUMENT, 23
    UNKNOWN_SERIES = Status.INVALID_ARGUMENT, 24
    INVALID_DEFINITION = Status.INVALID_ARGUMENT, 25
    LIMIT_EXCEEDED = Status.RESOURCE_EXHAUSTED, 26
    INVALID_SKIP = Status.INVALID_ARGUMENT, 27
    CURSOR_EXPIRED = Status.OUT_OF_RANGE, 28
    ARTIFACT_NOT_FOUND = Status.NOT_FOUND, 29
    IS_A_DIRECTORY = Status.INVALID_ARGUMENT, 30
    PATH_CONFLICT = Status.FAILED_PRECONDITION, 31
    UPLOAD_NOT_FOUND = Status.NOT_FOUND, 32
    UPLOAD_MOVED = Status.ABORTED, 33
    UPLOAD_EXISTS = Status.ALREADY_EXISTS, 34
    CHECKSUM_MISMATCH = Status.DATA_LOSS, 35
    DIGEST_MISMATCH = Status.DATA_LOSS, 36
    RANGE_NOT_SATISFIABLE = Status.OUT_OF_RANGE, 37
    STORAGE_FULL = Status.RESOURCE_EXHAUSTED, 38
    SERVER_STOPPING = Status.UNAVAILABLE, 39
    STORAGE_UNAVAILABLE = Status.UNAVAILABLE, 40
    INTERNAL = Status.INTERNAL, 41
    ARTIFACTS_ELSEWHERE = Status.FAILED_PRECONDITION, 42
    MODEL_NOT_FOUND = Status.NOT_FOUND, 43
    MODEL_EXISTS = Status.ALREADY_EXISTS, 44
    TRACKING_DISABLED = Status.FAILED_PRECONDITION, 45

    @property
    def status(self) -> Status:
        """The canonical status that this reason comes with."""
        return self.value[0]


class Failure(Exception):
    """A request that cannot be carried out.

    Args:
        reason: Which of the documented reasons it is.
        message: What was wrong, with which value, and what to do about it.
        retry_delay_s: After how many seconds a retry makes sense, if it does.
        **metadata: Whatever varies in the message, by the names that the contract documents.
    """

    def __init__(
        self,
        reason: Reason,
        message: str,
        *,
        retry_delay_s: float | None = None,
        **metadata: object,
    ) -> None:
        super().__init__(message)
        self.reason = reason
        self.message = message
        self.retry_delay_s = retry_delay_s
        self.metadata: Mapping[str, str] = {name: _shorten(str(v)) for name, v in metadata.items()}


def _shorten(text: str, limit: int = 500) -> str:
    return text if len(text) <= limit else text[: limit - 1] + "…"
