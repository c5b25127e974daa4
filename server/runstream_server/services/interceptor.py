"""Stands around every handler: decodes, measures, logs, and turns what was raised into a status.

Handlers raise `Failure` and nothing else on purpose; only this module aborts an RPC.
"""

import asyncio
import contextlib
import logging
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable
from typing import Any, Final, TypeAlias, TypeVar, cast

import grpc
import grpc.aio

from runstream_server.core.instruments import RpcInstruments
from runstream_server.core.stopping import Stopping
from runstream_server.rpc.record import RpcRecord
from runstream_server.rpc.status import told
from runstream_server.services.context import RpcContext
from runstream_server.services.failures import to_status

__all__ = ["RpcInterceptor"]

T = TypeVar("T")
Handler: TypeAlias = "grpc.RpcMethodHandler[Any, Any]"
Behavior = Callable[[Any, RpcContext], Any]
Requests = AsyncIterator[Any]

IDLE_STREAMS: Final = ("/grpc.health.", "/grpc.reflection.")
"""Streams of the infrastructure; they hold nothing that a stop would have to wait for."""

CONNECTION_ERRORS: Final = frozenset({"ExecuteBatchError"})
"""What gRPC raises out of a read or write when the client is gone; it exports no class for it."""
_NAMES_BY_NUMBER: Final[dict[object, str]] = {code.value[0]: code.name for code in grpc.StatusCode}

_log = logging.getLogger(__name__)


class RpcInterceptor(grpc.aio.ServerInterceptor):
    """Wraps the handlers of all four kinds of RPC.

    Args:
        instruments: Where RPCs are counted.
        stopping: Begins with the stop; idle streams of the infrastructure end then.
        grace_over: Begins when the grace of the stop is used up; everything ends then.
        max_message_bytes: The greatest size of a request message.
    """

    def __init__(
        self,
        *,
        instruments: RpcInstruments,
        stopping: Stopping,
        grace_over: Stopping,
        max_message_bytes: int,
    ) -> None:
        self._instruments = instruments
        self._stopping = stopping
        self._grace_over = grace_over
        self._max_message_bytes = max_message_bytes

    async def intercept_service(
        self,
        continuation: Callable[[grpc.HandlerCallDetails], Awaitable["Handler | None"]],
        handler_call_details: grpc.HandlerCallDetails,
    ) -> "Handler | None":
        handler = await continuation(handler_call_details)
        if handler is None:
            return None
        method = handler_call_details.method
        record = RpcRecord(method, self._instruments, self._max_message_bytes)
        end = self._stopping if method.startswith(IDLE_STREAMS) else self._grace_over
        if handler.request_streaming:
            return _wrap_stream_request(handler, record, end)
        return _wrap_unary_request(handler, record, end)


def _wrap_unary_request(handler: Handler, record: RpcRecord, end: Stopping) -> Handler:
    # Decoded here: what gRPC says to a broken message is UNKNOWN with the name of a class.
    decode = record.decoder(handler.request_deserializer or _unchanged)
    encode = record.encoder(handler.response_serializer or _unchanged)
    behavior = handler.unary_stream if handler.response_streaming else handler.unary_unary
    handle = cast("Behavior", behavior)

    async def unary_stream(raw: bytes, context: RpcContext) -> None:
        async def work() -> None:
            await _send_all(handle(decode(raw), context), context)

        await _guard(work, record, context, end)

    async def unary_unary(raw: bytes, context: RpcContext) -> bytes:
        async def work() -> bytes:
            return encode(await handle(decode(raw), context))

        return await _guard(work, record, context, end)

    if handler.response_streaming:
        return grpc.unary_stream_rpc_method_handler(unary_stream, None, encode)
    return grpc.unary_unary_rpc_method_handler(unary_unary, None, None)


def _wrap_stream_request(handler: Handler, record: RpcRecord, end: Stopping) -> Handler:
    # Here gRPC decodes where the handler reads, so that errors surface inside the guard.
    decode = record.decoder(handler.request_deserializer or _unchanged)
    encode = record.encoder(handler.response_serializer or _unchanged)
    behavior = handler.stream_stream if handler.response_streaming else handler.stream_unary
    handle = cast("Behavior", behavior)

    async def stream_stream(requests: Requests, context: RpcContext) -> None:
        async def work() -> None:
            await _send_all(handle(requests, context), context)

        await _guard(work, record, context, end)

    async def stream_unary(requests: Requests, context: RpcContext) -> bytes:
        async def work() -> bytes:
            return encode(await handle(requests, context))

        return await _guard(work, record, context, end)

    if handler.response_streaming:
        return grpc.stream_stream_rpc_method_handler(stream_stream, decode, encode)
    return grpc.stream_unary_rpc_method_handler(stream_unary, decode, None)


async def _send_all(responses: Any, context: RpcContext) -> None:  # noqa: ANN401 - either of two kinds
    """Runs a handler that yields its responses, or one that writes them itself."""
    if not isinstance(responses, AsyncGenerator):
        await responses
        return
    generator = cast("AsyncGenerator[Any]", responses)
    async with contextlib.aclosing(generator):
        async for response in generator:
            await context.write(response)


async def _guard(
    work: Callable[[], Awaitable[T]], record: RpcRecord, context: RpcContext, end: Stopping
) -> T:
    record.begin()
    try:
        with end.interrupts():
            result = await work()
        record.code = _code_of(context)
        return result
    except grpc.aio.AbortError:
        record.code = _code_of(context)
        raise
    except asyncio.CancelledError:
        record.code = _code_of_cancelled(context)
        raise
    except Exception as error:
        await _abort(error, record, context)
        raise
    finally:
        record.end(context.peer())


async def _abort(error: Exception, record: RpcRecord, context: RpcContext) -> None:
    """Ends the RPC with the status of `error`; returns only when it is over already."""
    aborted = _abort_before(error)
    if aborted is not None:
        record.code = _code_of(context)
        _log.error("error_after_abort", exc_info=error, extra={"method": record.method})
        raise aborted
    if type(error).__name__ in CONNECTION_ERRORS:
        record.code = _code_of_cancelled(context)
        return
    if isinstance(error, NotImplementedError):
        record.code = grpc.StatusCode.UNIMPLEMENTED.name
        message = f"{record.method} is not implemented by this version of the server"
        await context.abort(grpc.StatusCode.UNIMPLEMENTED, message)
    failure = told(error, record.method)
    record.code = failure.reason.status.name
    record.reason = failure.reason.name
    status = to_status(failure)
    try:
        await context.abort(status.code, status.details, status.trailing_metadata or ())
    except Exception as error_of_abort:
        if type(error_of_abort).__name__ not in CONNECTION_ERRORS:
            raise
        # The client is gone, or does not read and so keeps an earlier message from being sent:
        # nothing can be told any more, and gRPC ends the call.
        raise asyncio.CancelledError from None


def _abort_before(error: BaseException) -> grpc.aio.AbortError | None:
    """Finds the abort that `error` was raised after; gRPC insists on getting that very object."""
    context = error.__context__
    while context is not None and not isinstance(context, grpc.aio.AbortError):
        context = context.__context__
    return context


def _code_of(context: RpcContext) -> str:
    # The stubs promise a StatusCode; what comes is its number, or None.
    code = cast("object", context.code())
    number = code.value[0] if isinstance(code, grpc.StatusCode) else code or 0
    return _NAMES_BY_NUMBER.get(number, "UNKNOWN")


def _code_of_cancelled(context: RpcContext) -> str:
    remaining: float | None = context.time_remaining()
    return "DEADLINE_EXCEEDED" if remaining == 0 else "CANCELLED"


def _unchanged(message: Any) -> Any:  # noqa: ANN401 - any message
    return message
