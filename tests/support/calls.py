"""Calls that generated stubs do not make or type checkers do not know, and what errors carry."""

from collections.abc import Callable, Iterable
from datetime import timedelta
from typing import TypeVar, cast

import grpc
from google.protobuf.message import Message
from google.rpc import (  # pyright: ignore[reportMissingTypeStubs] - they lie in another package
    error_details_pb2,
    status_pb2,
)
from grpc_health.v1 import health_pb2

__all__ = ["check_health", "error_info", "raw_unary", "retry_delay_s"]

TIMEOUT_S = 10.0
DETAILS_KEY = "grpc-status-details-bin"

M = TypeVar("M", bound=Message)


def raw_unary(channel: grpc.Channel, method: str, request: bytes) -> bytes:
    """Sends bytes to a unary method and returns the bytes that it answers with."""
    make = cast("Callable[[str], Callable[..., bytes]]", channel.unary_unary)
    return make(method)(request, timeout=TIMEOUT_S)


def check_health(channel: grpc.Channel, service: str = "") -> int:
    """Returns the status of a service, or of the server."""
    request = health_pb2.HealthCheckRequest(service=service)
    answer = raw_unary(channel, "/grpc.health.v1.Health/Check", request.SerializeToString())
    return health_pb2.HealthCheckResponse.FromString(answer).status


def error_info(error: grpc.RpcError) -> error_details_pb2.ErrorInfo:
    """Returns the ErrorInfo of a failed call, of either kind of channel.

    Raises:
        AssertionError: It has none, or more than one.
    """
    found = _details(error, error_details_pb2.ErrorInfo)
    assert len(found) == 1, found
    return found[0]


def retry_delay_s(error: grpc.RpcError) -> float | None:
    """Returns the pause before a retry that a failed call asks for."""
    for found in _details(error, error_details_pb2.RetryInfo):
        delay: timedelta = found.retry_delay.ToTimedelta()
        return delay.total_seconds()
    return None


def _details(error: grpc.RpcError, kind: type[M]) -> list[M]:
    metadata = cast("Iterable[tuple[str, bytes]]", error.trailing_metadata() or ())
    found: list[M] = []
    for key, value in metadata:
        if key == DETAILS_KEY:
            status = status_pb2.Status.FromString(value)
            for detail in status.details:
                message = kind()
                if detail.Unpack(message):
                    found.append(message)
    return found
