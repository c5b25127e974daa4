"""Messages as bytes: JSON as proto3 has it, or the wire format."""

import asyncio
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final, TypeVar

from google.protobuf import json_format
from google.protobuf.message import Message

from runstream_server.core.errors import Failure, Reason
from runstream_server.gateway.connect.columns import json_text

__all__ = ["JSON", "PROTO", "Codec", "in_background_if"]

T = TypeVar("T")

BACKGROUND_BYTES: Final = 16 * 1024
"""JSON of larger messages is made beside the event loop: 16 KiB take about a millisecond."""
MAX_SHOWN_CHARS: Final = 200

_UNKNOWN_FIELD = re.compile(r'has no field named "(?P<field>.*?)" at "(?P<place>[^"]*)"', re.DOTALL)
_KNOWN_FIELDS = re.compile(r"'([^']*)'")


@dataclass(frozen=True, slots=True, kw_only=True)
class Codec:
    """One way to write messages.

    Attributes:
        name: As media types end.
        decode: Reads a message of a class. Raises Failure or DecodeError.
        encode: Writes a message.
        slow: Whether large messages take so long that others would have to wait.
    """

    name: str
    decode: Callable[[type[Message], bytes], Message]
    encode: Callable[[Message], bytes]
    slow: bool

    async def encoded(self, message: Message) -> bytes:
        """Writes a message, and lets others have their turn meanwhile."""
        large = self.slow and message.ByteSize() > BACKGROUND_BYTES
        return await in_background_if(large, self.encode, message)


async def in_background_if(large: bool, work: Callable[[Any], T], given: Any) -> T:  # noqa: ANN401, FBT001 - whatever the work takes
    """Does work that keeps a processor busy: in a thread if it takes long."""
    return await asyncio.to_thread(work, given) if large else work(given)


def _decode_proto(kind: type[Message], raw: bytes) -> Message:
    return kind.FromString(raw)


def _encode_proto(message: Message) -> bytes:
    return message.SerializeToString()


def _decode_json(kind: type[Message], raw: bytes) -> Message:
    message = kind()
    try:
        text = raw.decode()
        # protobuf takes an empty array for an empty message.
        if not text.lstrip().startswith("{"):
            raise _bad_json(kind, "it is no object")
        json_format.Parse(text, message)
    except UnicodeDecodeError as error:
        raise _bad_json(kind, f"it is not UTF-8 from byte {error.start} on") from None
    except RecursionError:
        raise _bad_json(kind, "it is nested too deeply") from None
    except json_format.ParseError as error:
        raise _refusal(kind, str(error)) from None
    return message


def _encode_json(message: Message) -> bytes:
    return json_text(message).encode()


def _refusal(kind: type[Message], said: str) -> Failure:
    unknown = _UNKNOWN_FIELD.search(said)
    if unknown is None:
        return _bad_json(kind, said.partition("\n")[0].removesuffix("."))
    place = unknown["place"].partition(".")[2]
    field = f"{place}.{unknown['field']}" if place else unknown["field"]
    known = ", ".join(_KNOWN_FIELDS.findall(said[unknown.end() :]))
    return Failure(
        Reason.INVALID_VALUE,
        f"{kind.DESCRIPTOR.name} has no field {field[:MAX_SHOWN_CHARS]!r}; "
        + (f"there are {known}" if known else "there are none"),
        field=field,
        value="",
    )


def _bad_json(kind: type[Message], what: str) -> Failure:
    shown = what if len(what) <= MAX_SHOWN_CHARS else what[:MAX_SHOWN_CHARS] + "…"
    return Failure(
        Reason.INVALID_VALUE,
        f"the body is not the JSON of a {kind.DESCRIPTOR.full_name}: {shown}; send an object, "
        "{} at least",
        field="",
        value="",
    )


PROTO: Final = Codec(name="proto", decode=_decode_proto, encode=_encode_proto, slow=False)
JSON: Final = Codec(name="json", decode=_decode_json, encode=_encode_json, slow=True)
