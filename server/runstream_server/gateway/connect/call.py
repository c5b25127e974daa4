"""One RPC: from the request's body to the servicer, and back."""

import asyncio
import contextlib
from collections.abc import AsyncGenerator, Awaitable, Callable
from dataclasses import dataclass
from typing import Any, Final

from google.protobuf.message import Message
from starlette.datastructures import Headers
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from runstream_server.core.errors import Failure
from runstream_server.core.limits import MAX_MESSAGE_BYTES
from runstream_server.core.stopping import Stopping
from runstream_server.gateway.connect.asking import (
    ClientGone,
    Form,
    body_of,
    check_protocol,
    timeout_s,
    while_there,
)
from runstream_server.gateway.connect.codecs import BACKGROUND_BYTES, in_background_if
from runstream_server.gateway.connect.envelopes import (
    HEADER_BYTES,
    end_of_stream,
    enveloped,
    only_message,
)
from runstream_server.gateway.connect.errors import ConnectError
from runstream_server.gateway.connect.methods import Method
from runstream_server.rpc.record import RpcRecord
from runstream_server.rpc.status import told

__all__ = ["Call", "Stops"]

MAX_BODY_BYTES: Final = 2 * MAX_MESSAGE_BYTES + HEADER_BYTES
"""Where a body is cut off, as gRPC does. Up to here the refusal says how long it is."""
UPLOAD: Final = "UploadArtifact"


class NoContext:
    """Stands where handlers get gRPC's context, of which they use nothing: they raise `Failure`."""


@dataclass(frozen=True, slots=True)
class Stops:
    """When RPCs end that would go on.

    Attributes:
        stopping: Begins with the stop of the server; from then on new RPCs are refused.
        grace_over: Begins when the grace of the stop is used up; everything ends then.
    """

    stopping: Stopping
    grace_over: Stopping


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """One RPC that has been asked for; either `unary` or `stream` carries it out."""

    method: Method
    form: Form
    record: RpcRecord
    stops: Stops
    scope: Scope
    receive: Receive
    send: Send

    async def unary(self) -> None:
        """Answers with one message, or with an error and its HTTP status."""
        body = b""

        async def work() -> None:
            request = await self._request()

            async def answer() -> None:
                nonlocal body
                body = await self._encoded(await self.method.handle(request, NoContext()))

            await while_there(self.receive, answer())

        error = await self._guarded(work)
        if error is None:
            response = Response(body, media_type=self.form.media_type)
        else:
            response = error.answer()
        await response(self.scope, self.receive, self.send)

    async def stream(self) -> None:
        """Answers with messages in envelopes, the last of which says how it went."""
        headers = [(b"content-type", self.form.media_type.encode())]
        await self.send({"type": "http.response.start", "status": 200, "headers": headers})

        async def work() -> None:
            request = await self._request()
            responses = self.method.handle(request, NoContext())
            await while_there(self.receive, self._send_all(responses))

        error = await self._guarded(work)
        await self.send({"type": "http.response.body", "body": end_of_stream(error)})

    async def _request(self) -> Any:  # noqa: ANN401 - any message
        body = await body_of(self.receive, MAX_BODY_BYTES)
        raw = only_message(body) if self.form.streamed else body

        def decode(raw: bytes) -> Message:
            return self.form.codec.decode(self.method.request, raw)

        large = self.form.codec.slow and len(raw) > BACKGROUND_BYTES
        return await in_background_if(large, self.record.decoder(decode), raw)

    async def _encoded(self, response: Message) -> bytes:
        raw = await self.form.codec.encoded(response)
        self.record.sent(len(raw))
        return raw

    async def _send_all(self, responses: AsyncGenerator[Message]) -> None:
        async with contextlib.aclosing(responses):
            async for response in responses:
                body = enveloped(await self._encoded(response))
                # Returns when the client has read most of what was sent before.
                await self.send({"type": "http.response.body", "body": body, "more_body": True})

    async def _guarded(self, work: Callable[[], Awaitable[None]]) -> ConnectError | None:
        """Does the work, measures and logs it, and returns how it failed."""
        record, headers = self.record, Headers(scope=self.scope)
        record.begin()
        record.fields["protocol"] = f"connect+{self.form.codec.name}"
        try:
            self.stops.stopping.check()
            check_protocol(headers, self.form)
            if self.method.client_streaming:
                raise _over_grpc(self.method)
            with self.stops.grace_over.interrupts():
                await _within(timeout_s(headers), work)
        except asyncio.CancelledError:
            record.code = "CANCELLED"
            raise
        except Exception as error:  # noqa: BLE001 - the client is told, or the log
            known = _known(error, record)
            record.code = known.code
            return known
        finally:
            record.end(_peer(self.scope))
        return None


async def _within(seconds: float | None, work: Callable[[], Awaitable[None]]) -> None:
    limit = asyncio.timeout(seconds)
    try:
        async with limit:
            await work()
    except TimeoutError:
        if not limit.expired():
            raise
        message = f"it took longer than the {seconds} s of Connect-Timeout-Ms"
        raise ConnectError("DEADLINE_EXCEEDED", message) from None


def _known(error: Exception, record: RpcRecord) -> ConnectError:
    if isinstance(error, ConnectError):
        return error
    if isinstance(error, ClientGone):
        return ConnectError("CANCELLED", "the client closed the connection")
    failure: Failure = told(error, record.method)
    record.reason = failure.reason.name
    return ConnectError.of(failure)


def _over_grpc(method: Method) -> ConnectError:
    message = f"{method.name} takes a stream of requests, which this port cannot; use gRPC"
    if method.name.endswith(UPLOAD):
        message += ", or PUT the file to /api/2.0/mlflow-artifacts/artifacts/"
    return ConnectError("UNIMPLEMENTED", message)


def _peer(scope: Scope) -> str:
    """Returns the client's address as gRPC writes it."""
    client: tuple[str, int] | None = scope.get("client")
    if client is None:
        return ""
    host, port = client
    return f"ipv6:[{host}]:{port}" if ":" in host else f"ipv4:{host}:{port}"
