"""What can be called, read from the contract."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from google.protobuf import descriptor_pool, message_factory
from google.protobuf.message import Message

__all__ = ["Method", "methods_of"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Method:
    """One method of a service.

    Attributes:
        name: As in `runstream.v1.RunService/GetRun`.
        request: The class of its requests.
        handle: The servicer's method; it takes a request and a context.
        client_streaming: Whether it takes many requests.
        server_streaming: Whether it gives many responses.
    """

    name: str
    request: type[Message]
    handle: Callable[[Any, object], Any]
    client_streaming: bool
    server_streaming: bool


def methods_of(servicers: Mapping[str, object]) -> dict[str, Method]:
    """Returns all methods by their paths.

    Args:
        servicers: What carries out each service, by the service's full name.
    """
    pool = descriptor_pool.Default()
    found: dict[str, Method] = {}
    for service_name, servicer in servicers.items():
        for described in pool.FindServiceByName(service_name).methods:
            name = f"{service_name}/{described.name}"
            found[f"/{name}"] = Method(
                name=name,
                request=message_factory.GetMessageClass(described.input_type),
                handle=getattr(servicer, described.name),
                client_streaming=described.client_streaming,
                server_streaming=described.server_streaming,
            )
    return found
