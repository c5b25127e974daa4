"""How far a run or a writer has come, as it is stored."""

from enum import IntEnum

__all__ = ["RunStatus"]


class RunStatus(IntEnum):
    """The values of the contract's enum RunStatus, with its numbers."""

    RUNNING = 1
    SCHEDULED = 2
    FINISHED = 3
    FAILED = 4
    KILLED = 5

    @property
    def is_end(self) -> bool:
        """Whether this is how something ends."""
        return self >= RunStatus.FINISHED
