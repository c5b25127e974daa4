"""The gRPC door: ports, options, health and reflection around the servicers."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import grpc
import grpc.aio
from grpc_health.v1 import health, health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection

from runstream_server.core.limits import MAX_MESSAGE_BYTES

__all__ = ["GrpcServer", "Service"]

MAX_RPCS: Final = 20_000
"""More RPCs at once are refused with RESOURCE_EXHAUSTED."""
MAX_RECEIVED_BYTES: Final = 2 * MAX_MESSAGE_BYTES
"""Where gRPC cuts a message off. Up to here the interceptor refuses it, and names the limit."""
PING_INTERVAL_MS: Final = 30_000
PING_TIMEOUT_MS: Final = 20_000
MIN_CLIENT_PING_INTERVAL_MS: Final = 5_000

OPTIONS: Final[Sequence[tuple[str, int]]] = (
    # Two servers on one port would share the connections between them without a word.
    ("grpc.so_reuseport", 0),
    ("grpc.max_receive_message_length", MAX_RECEIVED_BYTES),
    # Windows stay as they are: gRPC sizes them by probing, and on loopback neither larger ones nor
    # larger frames or buffers made a difference.
    # A stream waits for its client for hours, so both sides probe the connection while it is idle.
    ("grpc.keepalive_time_ms", PING_INTERVAL_MS),
    ("grpc.keepalive_timeout_ms", PING_TIMEOUT_MS),
    ("grpc.keepalive_permit_without_calls", 1),
    ("grpc.http2.max_pings_without_data", 0),
    ("grpc.http2.min_ping_interval_without_data_ms", MIN_CLIENT_PING_INTERVAL_MS),
)

NOT_SERVING = health_pb2.HealthCheckResponse.NOT_SERVING
SERVING = health_pb2.HealthCheckResponse.SERVING


@dataclass(frozen=True, slots=True)
class Service:
    """A service to be served: its generated `add_…_to_server`, and its servicer."""

    add: Callable[[Any, Any], None]
    servicer: object


class _Registrar:
    """Stands in for the server while services are added, and notes their names."""

    def __init__(self, server: grpc.aio.Server) -> None:
        self._server = server
        self.names: list[str] = []

    def add_generic_rpc_handlers(self, handlers: Sequence[grpc.GenericRpcHandler]) -> None:
        self._server.add_generic_rpc_handlers(handlers)

    def add_registered_method_handlers(
        self, name: str, handlers: Mapping[str, "grpc.RpcMethodHandler[Any, Any]"]
    ) -> None:
        # Not passed on: the server would wait for one more future a method, with each RPC anew,
        # which costs 0.02 to 0.2 ms an RPC with 45 methods.
        self.names.append(name)


class GrpcServer:
    """Is bound first, so that a busy port is known early, then started, then declared ready."""

    def __init__(self, interceptor: grpc.aio.ServerInterceptor) -> None:
        self._server = grpc.aio.server(
            interceptors=[interceptor], options=OPTIONS, maximum_concurrent_rpcs=MAX_RPCS
        )
        self._health = health.aio.HealthServicer()
        self._names: list[str] = [""]

    def bind(self, host: str, port: int) -> int:
        """Binds a TCP port of an IP address, a free one if `port` is 0, and returns it.

        Raises:
            RuntimeError: It cannot be bound.
        """
        name = f"[{host}]" if ":" in host else host
        return self._server.add_insecure_port(f"{name}:{port}")

    def bind_unix(self, path: Path) -> None:
        """Binds a Unix socket.

        Raises:
            RuntimeError: It cannot be bound.
        """
        self._server.add_insecure_port(f"unix:{path.absolute()}")

    async def start(self, services: Sequence[Service]) -> None:
        """Begins to serve, with all services not healthy yet."""
        registrar = _Registrar(self._server)
        for service in services:
            service.add(service.servicer, registrar)
        self._names.extend(registrar.names)
        for name in self._names:
            await self._health.set(name, NOT_SERVING)
        health_pb2_grpc.add_HealthServicer_to_server(self._health, self._server)
        names = [*self._names[1:], health.SERVICE_NAME, reflection.SERVICE_NAME]
        reflection.enable_server_reflection(names, self._server)
        await self._server.start()

    async def ready(self, *, healthy: bool = True) -> None:
        """Says that all services are healthy, or that none is for the time being."""
        for name in self._names:
            await self._health.set(name, SERVING if healthy else NOT_SERVING)

    async def draining(self) -> None:
        """Says, for good, that no service is healthy."""
        await self._health.enter_graceful_shutdown()

    async def stop(self, grace_s: float) -> None:
        """Refuses new RPCs, waits for those under way for `grace_s`, then cancels them."""
        await self._server.stop(grace_s)
