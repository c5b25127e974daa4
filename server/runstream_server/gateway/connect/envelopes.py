"""Messages of a stream: five bytes (flags, big-endian length) and the message."""

import json
import struct
from typing import Final

from runstream_server.core.errors import Failure, Reason
from runstream_server.gateway.connect.errors import ConnectError

__all__ = ["HEADER_BYTES", "end_of_stream", "enveloped", "only_message"]

COMPRESSED: Final = 0b01
END_OF_STREAM: Final = 0b10

_header = struct.Struct(">BI")
HEADER_BYTES: Final = _header.size


def enveloped(message: bytes, flags: int = 0) -> bytes:
    """Puts the envelope's header before a message."""
    return _header.pack(flags, len(message)) + message


def end_of_stream(error: ConnectError | None) -> bytes:
    """Returns the message that ends every stream, and says how it went."""
    document = {} if error is None else {"error": error.document()}
    return enveloped(json.dumps(document).encode(), END_OF_STREAM)


def only_message(body: bytes) -> bytes:
    """Takes the one message out of a request's body.

    Raises:
        Failure: There is another number of messages, or it is compressed or cut short.
    """
    if len(body) < HEADER_BYTES:
        raise _refused(f"it has {len(body)} bytes, and the header of an envelope has five")
    flags, length = _header.unpack_from(body)
    if flags & COMPRESSED:
        raise _refused("it is compressed, and no compression was agreed on; send it as it is")
    if flags:
        raise _refused(f"its flags are {flags:#x}; send 0")
    if len(body) - HEADER_BYTES != length:
        raise _refused(
            f"the envelope announces {length} bytes and {len(body) - HEADER_BYTES} follow; send "
            "exactly one message"
        )
    return body[HEADER_BYTES:]


def _refused(what: str) -> Failure:
    return Failure(
        Reason.INVALID_VALUE, f"the body is not one enveloped message: {what}", field="", value=""
    )
