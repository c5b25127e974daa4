"""Dispatches requests to the methods of the contract."""

import asyncio
import contextlib
from collections.abc import Callable, Mapping
from typing import Final

from starlette.datastructures import Headers
from starlette.routing import BaseRoute, Match
from starlette.types import Receive, Scope, Send

from runstream_server.core.errors import Failure
from runstream_server.core.instruments import RpcInstruments
from runstream_server.core.limits import MAX_MESSAGE_BYTES
from runstream_server.gateway.connect.asking import FORMS, Form, form_of
from runstream_server.gateway.connect.call import Call, Stops
from runstream_server.gateway.connect.errors import ConnectError
from runstream_server.gateway.connect.methods import Method, methods_of
from runstream_server.rpc.record import RpcRecord

__all__ = ["PREFIX", "ConnectDoor"]

PREFIX: Final = "/runstream.v1."


class ConnectDoor(BaseRoute):
    """All methods of all services as one route.

    Args:
        servicers: What carries out each service, by the service's full name.
        instruments: Where RPCs are counted.
        stops: When RPCs end that would go on.
        otherwise: What is said about methods that no servicer has; None says that there is none.
    """

    def __init__(
        self,
        servicers: Mapping[str, object],
        *,
        instruments: RpcInstruments,
        stops: Stops,
        otherwise: Callable[[], Failure] | None = None,
    ) -> None:
        self._methods = methods_of(servicers)
        self._instruments = instruments
        self._stops = stops
        self._otherwise = otherwise
        self._under_way = 0
        self._idle = asyncio.Event()
        self._idle.set()

    async def drained(self, timeout_s: float) -> None:
        """Returns when no RPC is under way, or after `timeout_s`."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(timeout_s):
                await self._idle.wait()

    def matches(self, scope: Scope) -> tuple[Match, Scope]:
        ours = scope["type"] == "http" and scope["path"].startswith(PREFIX)
        return (Match.FULL if ours else Match.NONE), {}

    async def handle(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            method, form = self._chosen(scope)
        except ConnectError as error:
            await error.answer()(scope, receive, send)
            return
        call = Call(
            method=method,
            form=form,
            record=RpcRecord(method.name, self._instruments, MAX_MESSAGE_BYTES),
            stops=self._stops,
            scope=scope,
            receive=receive,
            send=send,
        )
        self._under_way += 1
        self._idle.clear()
        try:
            await (call.stream() if form.streamed else call.unary())
        finally:
            self._under_way -= 1
            if not self._under_way:
                self._idle.set()

    def _chosen(self, scope: Scope) -> tuple[Method, Form]:
        """Finds the method, and the form of its messages.

        Raises:
            ConnectError: There is none, or it is not asked for as it has to be.
        """
        path: str = scope["path"]
        method = self._methods.get(path)
        if method is None:
            if self._otherwise is not None:
                raise ConnectError.of(self._otherwise())
            raise ConnectError("UNIMPLEMENTED", f"there is no method {path[1:]}")
        if scope["method"] != "POST":
            message = f"{path} takes POST, not {scope['method']}"
            raise ConnectError("UNIMPLEMENTED", message, status=405, headers={"Allow": "POST"})
        given = Headers(scope=scope).get("content-type", "")
        form = form_of(given)
        # What takes a stream of requests is refused in whatever form it was asked for.
        if form is None or not (
            method.client_streaming or form.streamed == method.server_streaming
        ):
            raise _wrong_form(method, given)
        return method, form


def _wrong_form(method: Method, given: str) -> ConnectError:
    accepted = [name for name, form in FORMS.items() if form.streamed == method.server_streaming]
    return ConnectError(
        "INVALID_ARGUMENT",
        f"Content-Type is {given[:100]!r}; {method.name} takes {' and '.join(accepted)}",
        status=415,
        headers={"Accept-Post": ", ".join(accepted)},
    )
