"""Refuses what a server that serves artifacts alone does not do."""

from typing import Any, Final, Protocol

import grpc

from runstream_server.core.errors import Failure, Reason
from runstream_server.services.context import RpcContext

__all__ = ["RefusingHandler", "add_refusing_handler", "tracking_disabled"]

PREFIX: Final = "/runstream.v1."


class _Registrar(Protocol):
    """What takes in handlers."""

    def add_generic_rpc_handlers(self, handlers: "tuple[grpc.GenericRpcHandler]", /) -> None: ...


class RefusingHandler(grpc.GenericRpcHandler):
    """Answers every RPC of the contract that no handler before it has taken with a failure.

    A client then learns what kind of server this is, where it would otherwise think it an old one.
    """

    def service(
        self, handler_call_details: grpc.HandlerCallDetails
    ) -> "grpc.RpcMethodHandler[Any, Any] | None":
        if not handler_call_details.method.startswith(PREFIX):
            return None
        # As a stream of both kinds it need not wait for a request, whatever the RPC's kind is.
        return grpc.stream_stream_rpc_method_handler(_refuse)


def add_refusing_handler(handler: RefusingHandler, server: _Registrar) -> None:
    """Adds the handler to a server; it has to come after all others."""
    server.add_generic_rpc_handlers((handler,))


def tracking_disabled() -> Failure:
    """Returns what a client is told of everything but artifacts."""
    return Failure(
        Reason.TRACKING_DISABLED,
        "this server was started with --artifacts-only: it serves artifacts over HTTP and nothing"
        " else; call the tracking server",
    )


async def _refuse(_requests: object, _context: RpcContext) -> None:
    raise tracking_disabled()
