"""From a failure to the status that gRPC sends."""

import grpc
from grpc_status import rpc_status

from runstream_server.core.errors import Failure
from runstream_server.rpc.status import status_of

__all__ = ["to_status"]


def to_status(failure: Failure) -> grpc.Status:
    """Renders a failure as code, message and trailing metadata."""
    status = status_of(failure)
    return rpc_status.to_status(status)  # pyright: ignore[reportUnknownMemberType] - untyped
