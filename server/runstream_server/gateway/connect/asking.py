"""What a request's headers ask for, and its body."""

import asyncio
from collections.abc import Awaitable
from dataclasses import dataclass
from typing import Final

from starlette.datastructures import Headers
from starlette.types import Receive

from runstream_server.core.errors import Failure, Reason
from runstream_server.gateway.connect.codecs import JSON, PROTO, Codec
from runstream_server.gateway.connect.errors import ConnectError

__all__ = [
    "FORMS",
    "ClientGone",
    "Form",
    "body_of",
    "check_protocol",
    "form_of",
    "timeout_s",
    "while_there",
]

UNARY: Final = "application/"
STREAM: Final = "application/connect+"
CODECS: Final = {codec.name: codec for codec in (JSON, PROTO)}
MAX_TIMEOUT_DIGITS: Final = 10


class ClientGone(Exception):
    """The client closed the connection."""


@dataclass(frozen=True, slots=True)
class Form:
    """How an RPC's messages are written.

    Attributes:
        codec: Each of them.
        streamed: Whether they stand in envelopes.
    """

    codec: Codec
    streamed: bool

    @property
    def media_type(self) -> str:
        return (STREAM if self.streamed else UNARY) + self.codec.name


FORMS: Final = {
    form.media_type: form
    for form in (Form(codec, streamed) for streamed in (False, True) for codec in CODECS.values())
}


def form_of(content_type: str) -> Form | None:
    """Returns the form that a content type names; None if it is not one of the protocol's.

    Web pages elsewhere can make a browser send forms and plain text without asking the server, but
    none of these types.
    """
    return FORMS.get(content_type.partition(";")[0].strip().lower())


def check_protocol(headers: Headers, form: Form) -> None:
    """Checks the version of the protocol and that nothing is compressed.

    Raises:
        ConnectError: The server does not speak it.
    """
    version = headers.get("connect-protocol-version", "1")
    if version != "1":
        raise ConnectError(
            "INVALID_ARGUMENT", f"Connect-Protocol-Version is {version!r}; this server speaks 1"
        )
    name = "connect-content-encoding" if form.streamed else "content-encoding"
    encoding = headers.get(name, "identity")
    if encoding != "identity":
        raise ConnectError(
            "UNIMPLEMENTED", f"{name} is {encoding!r}; this server takes identity alone"
        )


def timeout_s(headers: Headers) -> float | None:
    """Returns how long the client waits; None for as long as it takes.

    Raises:
        ConnectError: The header is not a number of milliseconds.
    """
    text = headers.get("connect-timeout-ms")
    if text is None:
        return None
    if not (text.isascii() and text.isdigit() and len(text) <= MAX_TIMEOUT_DIGITS):
        raise ConnectError(
            "INVALID_ARGUMENT",
            f"Connect-Timeout-Ms is {text[:50]!r}; give milliseconds as up to "
            f"{MAX_TIMEOUT_DIGITS} digits",
        )
    return int(text) / 1000


async def body_of(receive: Receive, max_bytes: int) -> bytes:
    """Reads the body.

    Raises:
        ClientGone: It was not sent to its end.
        Failure: It is longer than `max_bytes`.
    """
    body = bytearray()
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise ClientGone
        body += message.get("body", b"")
        if len(body) > max_bytes:
            raise Failure(
                Reason.LIMIT_EXCEEDED,
                f"the body has more than {max_bytes} bytes; send it as several smaller ones",
                limit="max_message_bytes",
                value=len(body),
            )
        if not message.get("more_body", False):
            return bytes(body)


async def while_there(receive: Receive, work: Awaitable[None]) -> None:
    """Does the work that follows the body, until the client is gone.

    Raises:
        ClientGone: The client closed the connection; the work was cancelled, and has ended.
    """
    working = asyncio.ensure_future(work)
    going = asyncio.create_task(_gone(receive))
    tasks = {working, going}
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        if not working.done():
            raise ClientGone
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
    await working


async def _gone(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
