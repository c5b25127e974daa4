"""From what gRPC raises to `runstream.errors`."""

from typing import TYPE_CHECKING, Final, cast

import grpc
from google.rpc import (  # pyright: ignore[reportMissingTypeStubs] - they lie in another package
    error_details_pb2,
    status_pb2,
)

from runstream import errors

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import timedelta

__all__ = ["is_timeout", "is_unavailable", "may_resume", "retry_delay_s", "to_error"]

_DETAILS_KEY: Final = "grpc-status-details-bin"
_DOMAIN: Final = "runstream"

_KINDS: Final[dict[grpc.StatusCode, type[errors.RunstreamError]]] = {
    grpc.StatusCode.INVALID_ARGUMENT: errors.InvalidValue,
    grpc.StatusCode.NOT_FOUND: errors.NotFound,
    grpc.StatusCode.ALREADY_EXISTS: errors.AlreadyExists,
    grpc.StatusCode.FAILED_PRECONDITION: errors.FailedPrecondition,
    grpc.StatusCode.OUT_OF_RANGE: errors.OutOfRange,
    grpc.StatusCode.ABORTED: errors.Aborted,
    grpc.StatusCode.RESOURCE_EXHAUSTED: errors.ResourceExhausted,
    grpc.StatusCode.DATA_LOSS: errors.DataLoss,
    grpc.StatusCode.UNAVAILABLE: errors.ServerUnavailable,
    grpc.StatusCode.DEADLINE_EXCEEDED: errors.ServerUnavailable,
}


def to_error(error: grpc.RpcError, uri: str) -> errors.RunstreamError:
    """Returns the exception that a failed call is for a user.

    Args:
        error: What gRPC raised, of either kind of channel.
        uri: The server's tracking URI.
    """
    code, details = _code(error), _details(error)
    kind = _KINDS.get(code, errors.ServerError)
    info = _info(error)
    if info is not None:
        return kind(details, reason=info.reason, metadata=dict(info.metadata))
    if code is grpc.StatusCode.UNAVAILABLE:
        return kind(
            f"no server answers at {uri} ({details}): start one with `runstream server`, or set "
            "RUNSTREAM_TRACKING_URI to one that runs",
            reason=code.name,
        )
    if code is grpc.StatusCode.DEADLINE_EXCEEDED:
        return kind(
            f"the server at {uri} did not answer in time: try again, or give the client a longer "
            "timeout_s",
            reason=code.name,
        )
    return kind(f"{code.name} from {uri}: {details}", reason=code.name)


def is_unavailable(error: grpc.RpcError) -> bool:
    """Tells whether the same call may succeed after a pause."""
    return _code(error) is grpc.StatusCode.UNAVAILABLE


def is_timeout(error: grpc.RpcError) -> bool:
    """Tells whether the call's deadline has passed."""
    return _code(error) is grpc.StatusCode.DEADLINE_EXCEEDED


def may_resume(error: grpc.RpcError) -> bool:
    """Tells whether a transfer may go on where it broke."""
    return is_unavailable(error) or is_timeout(error)


def retry_delay_s(error: grpc.RpcError) -> float:
    """Returns the pause that the server asks for before a retry, 0 when it does not."""
    for detail in _status(error).details:
        retry = error_details_pb2.RetryInfo()
        if detail.Unpack(retry):
            delay: timedelta = retry.retry_delay.ToTimedelta()
            return delay.total_seconds()
    return 0.0


def _info(error: grpc.RpcError) -> error_details_pb2.ErrorInfo | None:
    for detail in _status(error).details:
        info = error_details_pb2.ErrorInfo()
        if detail.Unpack(info) and info.domain == _DOMAIN:
            return info
    return None


def _status(error: grpc.RpcError) -> status_pb2.Status:
    trailing = cast("Iterable[tuple[str, str | bytes]]", _call(error).trailing_metadata() or ())
    for key, value in trailing:
        if key == _DETAILS_KEY and isinstance(value, bytes):
            try:
                return status_pb2.Status.FromString(value)
            except ValueError:
                break
    return status_pb2.Status()


def _code(error: grpc.RpcError) -> grpc.StatusCode:
    return _call(error).code()


def _details(error: grpc.RpcError) -> str:
    return _call(error).details() or _code(error).name


def _call(error: grpc.RpcError) -> grpc.Call:
    # Every error of a call that was made is a Call as well.
    return cast("grpc.Call", error)
