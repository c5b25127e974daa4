"""What a failed call means for what was sent: try again, give it up, or stop the writer."""

from enum import Enum
from typing import Final

import grpc
import grpc.aio

from runstream._error_details import error_details

__all__ = ["CallFailed", "Fate", "Stopped"]

_RUN_REASONS: Final = frozenset(
    {"RUN_NOT_FOUND", "RUN_DELETED", "EXPERIMENT_DELETED", "EXPERIMENT_NOT_FOUND"}
)
"""What a person can put right: the writer stops, keeps everything, and goes on afterwards."""
_PASSING_REASONS: Final = frozenset({"STORAGE_FULL", "OFFSET_GAP", "STREAM_PROTOCOL"})
_REFUSING_CODES: Final = frozenset(
    {
        grpc.StatusCode.INVALID_ARGUMENT,
        grpc.StatusCode.ALREADY_EXISTS,
        grpc.StatusCode.FAILED_PRECONDITION,
        grpc.StatusCode.NOT_FOUND,
        grpc.StatusCode.OUT_OF_RANGE,
        grpc.StatusCode.RESOURCE_EXHAUSTED,
    }
)
_STORAGE_REASONS: Final = frozenset({"STORAGE_UNAVAILABLE", "STORAGE_FULL"})


class Fate(Enum):
    """What is to become of what was sent."""

    RETRY = "retry"
    """It is sent again after a pause."""
    REFUSED = "refused"
    """The server will never take it: it is put aside, with the reason."""
    STOPPED = "stopped"
    """The run takes nothing at present: the writer's spool stays as it is."""


class CallFailed(Exception):
    """A call that did not succeed.

    Attributes:
        code: The canonical code.
        reason: The contract's name for what was wrong; empty when it was not the server that spoke.
        message: What was wrong, for people.
        metadata: What varies in the message.
        retry_delay_s: The pause that the server asks for, 0 when it does not.
    """

    def __init__(
        self,
        code: grpc.StatusCode,
        message: str,
        *,
        reason: str = "",
        metadata: dict[str, str] | None = None,
        retry_delay_s: float = 0.0,
    ) -> None:
        super().__init__(f"{reason or code.name}: {message}")
        self.code = code
        self.reason = reason
        self.message = message
        self.metadata = metadata or {}
        self.retry_delay_s = retry_delay_s

    @classmethod
    def from_rpc(cls, error: grpc.aio.AioRpcError) -> "CallFailed":
        """Reads what gRPC raised."""
        said = error_details(error)
        return cls(
            error.code(),
            error.details() or error.code().name,
            reason=said.reason,
            metadata=dict(said.metadata),
            retry_delay_s=said.retry_delay_s,
        )

    @property
    def fate(self) -> Fate:
        """What is to become of what was sent.

        Only the server's own word makes something final: an error without a reason may come from
        anything between here and there.
        """
        if self.reason in _RUN_REASONS:
            return Fate.STOPPED
        if not self.reason or self.reason in _PASSING_REASONS or self.code not in _REFUSING_CODES:
            return Fate.RETRY
        return Fate.REFUSED

    @property
    def is_lost_connection(self) -> bool:
        """Whether the server itself is gone, or about to go, and not something behind it."""
        return self.code is grpc.StatusCode.UNAVAILABLE and self.reason not in _STORAGE_REASONS


class Stopped(Exception):
    """Means that the run takes nothing at present: the writer's spool stays as it is."""

    def __init__(self, failed: CallFailed) -> None:
        super().__init__(str(failed))
        self.failed = failed
