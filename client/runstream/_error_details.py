"""What a server says about an error beside its code and its message."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, Protocol, cast

from google.protobuf.message import DecodeError
from google.rpc import (  # pyright: ignore[reportMissingTypeStubs] - they lie in another package
    error_details_pb2,
    status_pb2,
)

if TYPE_CHECKING:
    from datetime import timedelta

__all__ = ["ErrorDetails", "FailedCall", "error_details"]

_KEY: Final = "grpc-status-details-bin"
_DOMAIN: Final = "runstream"


class FailedCall(Protocol):
    """What gRPC raises, of either kind of channel."""

    def trailing_metadata(self) -> object:
        """Returns the metadata that came with the error: pairs, or None."""
        ...


@dataclass(slots=True)
class ErrorDetails:
    """The details of an error.

    Attributes:
        reason: The contract's name for what was wrong; empty when it was not the server that spoke.
        metadata: What varies in the message.
        retry_delay_s: The pause that the server asks for before a retry, 0 when it does not.
    """

    reason: str = ""
    metadata: Mapping[str, str] = field(default_factory=dict[str, str])
    retry_delay_s: float = 0.0


def error_details(error: FailedCall) -> ErrorDetails:
    """Reads the details that came with an error. What cannot be read is left out."""
    found = ErrorDetails()
    for detail in _status(error).details:
        info, retry = error_details_pb2.ErrorInfo(), error_details_pb2.RetryInfo()
        if detail.Unpack(info) and info.domain == _DOMAIN:
            found.reason, found.metadata = info.reason, dict(info.metadata)
        elif detail.Unpack(retry):
            delay: timedelta = retry.retry_delay.ToTimedelta()
            found.retry_delay_s = delay.total_seconds()
    return found


def _status(error: FailedCall) -> status_pb2.Status:
    trailing = cast("Iterable[tuple[str, str | bytes]]", error.trailing_metadata() or ())
    for key, value in trailing:
        if key == _KEY and isinstance(value, bytes):
            try:
                return status_pb2.Status.FromString(value)
            except DecodeError:
                break
    return status_pb2.Status()
