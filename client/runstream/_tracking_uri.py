"""Where runs are sent to, as users write it: `grpc://host:port` and its like."""

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Self
from urllib.parse import SplitResult, unquote, urlsplit

from runstream.errors import InvalidValue

__all__ = ["DEFAULT_TRACKING_URI", "GRPC_PORT", "TrackingUri"]

GRPC_PORT: Final = 50051
DEFAULT_TRACKING_URI: Final = f"grpc://127.0.0.1:{GRPC_PORT}"

_FORMS: Final = "grpc://host:port, grpcs://host:port, unix:/path or file:DIR"
_BARE_ADDRESS: Final = re.compile(r"[A-Za-z0-9.\-]+(:[0-9]+)?")
_MAX_PORT: Final = 65_535


@dataclass(frozen=True, slots=True, kw_only=True)
class TrackingUri:
    """A checked tracking URI.

    Attributes:
        text: The URI, whole: with its port, or with an absolute path.
        target: What a gRPC channel connects to: `host:port` or `unix:/path`. Empty for `file:`.
        tls: Whether the connection is encrypted.
        folder: The spool that `file:DIR` names; None for the others, which have a server.
    """

    text: str
    target: str = ""
    tls: bool = False
    folder: Path | None = None

    @classmethod
    def parse(cls, text: str) -> Self:
        """Reads a tracking URI.

        Args:
            text: `grpc://host[:port]`, `grpcs://host[:port]` (TLS), `unix:PATH`, or `file:DIR`
                (a spool and no server). The port is 50051 unless it is given.

        Raises:
            InvalidValue: if it is none of these. For `http://` the message has the address to use.
        """
        stripped = text.strip()
        scheme, colon, rest = stripped.partition(":")
        match scheme.lower() if colon else "":
            case "grpc" | "grpcs" as kind if rest.startswith("//"):
                return cls._of_address(stripped, tls=kind == "grpcs")
            case "unix" if rest:
                path = Path(_without_slashes(rest)).absolute()
                return cls(text=f"unix:{path}", target=f"unix:{path}")
            case "file" if rest:
                folder = Path(_without_slashes(unquote(rest))).expanduser().absolute()
                return cls(text=f"file:{folder}", folder=folder)
            case "http" | "https" as kind:
                raise _refused_http(stripped, "grpcs" if kind == "https" else "grpc")
            case _:
                raise _unknown(stripped)

    @classmethod
    def _of_address(cls, text: str, *, tls: bool) -> Self:
        host, port = _host_and_port(text, urlsplit(text))
        address = f"{host}:{port}"
        return cls(text=f"{'grpcs' if tls else 'grpc'}://{address}", target=address, tls=tls)

    @property
    def is_local(self) -> bool:
        """Whether the server can only be on this machine."""
        host = self.target.rpartition(":")[0].strip("[]")
        return (
            self.target.startswith("unix:")
            or host in {"localhost", "::1"}
            or host.startswith("127.")
        )


def _host_and_port(text: str, parts: SplitResult) -> tuple[str, int]:
    if parts.username is not None or parts.password is not None:
        # Spools carry the URI, and must hold no credentials.
        raise InvalidValue(
            f"the tracking URI of host {parts.hostname!r} holds a user name or a password: "
            "leave them out"
        )
    if parts.path.strip("/") or parts.query or parts.fragment:
        raise InvalidValue(
            f"the tracking URI {text!r} goes on after the address: end it behind the port"
        )
    try:
        port = GRPC_PORT if parts.port is None else parts.port
    except ValueError as error:
        raise InvalidValue(
            f"the tracking URI {text!r} has no usable port: use 1 to {_MAX_PORT}"
        ) from error
    if not parts.hostname:
        raise InvalidValue(f"the tracking URI {text!r} names no host: use grpc://host:port")
    host = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
    return host, port


def _refused_http(text: str, scheme: str) -> InvalidValue:
    host = urlsplit(text).hostname or "127.0.0.1"
    host = f"[{host}]" if ":" in host else host
    return InvalidValue(
        f"the tracking URI {text!r} is an HTTP address, and runs are sent over gRPC: "
        f"use {scheme}://{host}:{GRPC_PORT}, or the port that the server's first line names"
    )


def _unknown(text: str) -> InvalidValue:
    hint = f": did you mean grpc://{text}?" if _BARE_ADDRESS.fullmatch(text) else ""
    return InvalidValue(f"the tracking URI {text!r} is none of {_FORMS}{hint}")


def _without_slashes(path: str) -> str:
    """Takes away the empty authority of `scheme:///path`."""
    return path[2:] if path.startswith("///") else path
