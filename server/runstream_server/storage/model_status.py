"""How far a logged model has come, as a number that is stored."""

from enum import IntEnum

__all__ = ["ModelStatus"]


class ModelStatus(IntEnum):
    """Says whether a logged model is ready, with the numbers of the contract's enum."""

    PENDING = 1
    READY = 2
    FAILED = 3
