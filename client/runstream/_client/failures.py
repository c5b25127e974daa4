"""From what gRPC raises to `runstream.errors`."""

from typing import Final, cast

import grpc

from runstream import errors
from runstream._error_details import error_details

__all__ = [
    "asked_pause_s",
    "is_taken_over",
    "is_timeout",
    "is_unavailable",
    "may_resume",
    "to_error",
]

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
_CANNOT_SEND: Final = "Internal error from Core"
"""What grpc.aio calls INTERNAL when the connection breaks under a message that it sends: it does
not wait for the status of the call, which would be UNAVAILABLE."""


def to_error(error: grpc.RpcError, uri: str) -> errors.RunstreamError:
    """Returns the exception that a failed call is for a user.

    Args:
        error: What gRPC raised, of either kind of channel.
        uri: The server's tracking URI.
    """
    code = _code(error)
    message = _call(error).details() or code.name
    kind = _KINDS.get(code, errors.ServerError)
    said = error_details(_call(error))
    if said.reason:
        return kind(message, reason=said.reason, metadata=said.metadata)
    if code is grpc.StatusCode.UNAVAILABLE:
        return kind(
            f"no server answers at {uri} ({message}): start one with `runstream server`, or set "
            "RUNSTREAM_TRACKING_URI to one that runs",
            reason=code.name,
        )
    if code is grpc.StatusCode.DEADLINE_EXCEEDED:
        return kind(
            f"the server at {uri} did not answer in time: try again, or give the client a longer "
            "timeout_s",
            reason=code.name,
        )
    return kind(f"{code.name} from {uri}: {message}", reason=code.name)


def is_unavailable(error: grpc.RpcError) -> bool:
    """Tells whether the same call may succeed after a pause."""
    return _code(error) is grpc.StatusCode.UNAVAILABLE


def is_timeout(error: grpc.RpcError) -> bool:
    """Tells whether the call's deadline has passed."""
    return _code(error) is grpc.StatusCode.DEADLINE_EXCEEDED


def is_taken_over(error: grpc.RpcError) -> bool:
    """Tells whether another call goes on with the upload, as far as the server knows."""
    return error_details(_call(error)).reason == "UPLOAD_MOVED"


def asked_pause_s(error: grpc.RpcError) -> float:
    """Returns the pause that the server asks for before a retry, 0 when it does not."""
    return error_details(_call(error)).retry_delay_s


def may_resume(error: grpc.RpcError) -> bool:
    """Tells whether a transfer may go on where it broke."""
    return is_unavailable(error) or is_timeout(error)


def _code(error: grpc.RpcError) -> grpc.StatusCode:
    call = _call(error)
    code = call.code()
    if code is grpc.StatusCode.INTERNAL and call.details() == _CANNOT_SEND:
        return grpc.StatusCode.UNAVAILABLE
    return code


def _call(error: grpc.RpcError) -> grpc.Call:
    # Every error of a call that was made is a Call as well.
    return cast("grpc.Call", error)
