"""The enums of the contract. `runstream.entities` has all of them."""

from enum import StrEnum
from typing import Self

__all__ = [
    "ChartAxis",
    "DigestState",
    "LifecycleStage",
    "LoggedModelStatus",
    "RunStatus",
    "ViewType",
]


class _ContractEnum(StrEnum):
    @classmethod
    def _missing_(cls, value: object) -> Self:  # noqa: ARG003 - the base's signature
        # What a newer server says is still readable.
        return cls["UNKNOWN"]


class RunStatus(_ContractEnum):
    """Says how far a run, or one of its writers, has come."""

    UNKNOWN = "UNKNOWN"
    RUNNING = "RUNNING"
    SCHEDULED = "SCHEDULED"
    FINISHED = "FINISHED"
    FAILED = "FAILED"
    KILLED = "KILLED"

    @property
    def is_ended(self) -> bool:
        """Whether it is FINISHED, FAILED or KILLED."""
        return self in {RunStatus.FINISHED, RunStatus.FAILED, RunStatus.KILLED}


class LifecycleStage(_ContractEnum):
    """Says whether an experiment or a run is in use or deleted."""

    UNKNOWN = "UNKNOWN"
    ACTIVE = "ACTIVE"
    DELETED = "DELETED"


class DigestState(_ContractEnum):
    """Says whether a file's content was compared with its sender's SHA-256."""

    UNKNOWN = "UNKNOWN"
    """There is none to compare with."""
    PENDING = "PENDING"
    VERIFIED = "VERIFIED"
    MISMATCH = "MISMATCH"


class LoggedModelStatus(_ContractEnum):
    """Says whether a logged model is ready for use."""

    UNKNOWN = "UNKNOWN"
    PENDING = "PENDING"
    READY = "READY"
    FAILED = "FAILED"


class ViewType(StrEnum):
    """Selects by lifecycle stage in a search."""

    ACTIVE_ONLY = "ACTIVE_ONLY"
    DELETED_ONLY = "DELETED_ONLY"
    ALL = "ALL"


class ChartAxis(StrEnum):
    """Says what the horizontal axis of a chart is: the step, or the time in microseconds."""

    STEP = "STEP"
    TIME = "TIME"
