"""The ports: bound before anything else is done, so that a busy one is known at once."""

import errno
import ipaddress
import socket
from pathlib import Path
from typing import Final

from runstream_server.exits import ExitCode, StartRefused
from runstream_server.gateway import http_server
from runstream_server.services.grpc_server import GrpcServer

__all__ = ["bind_grpc", "bind_http", "bind_unix", "endpoint", "web_address"]

REASONS: Final = {
    errno.EADDRINUSE: "is in use",
    errno.EACCES: "takes more rights than this user has",
    errno.EADDRNOTAVAIL: "is not an address of this machine",
}


def bind_http(host: str, port: int) -> socket.socket:
    """Returns a socket that listens.

    Raises:
        StartRefused: The port cannot be had.
    """
    try:
        return http_server.bind(_resolve(host), port)
    except OSError as error:
        raise _refused("--port", host, port, error) from error


def bind_grpc(server: GrpcServer, host: str, port: int) -> int:
    """Binds a port of gRPC and returns it.

    Raises:
        StartRefused: The port cannot be had.
    """
    try:
        address = _resolve(host)
        # gRPC does not say why it cannot bind.
        http_server.bind(address, port).close()
        return server.bind(address, port)
    except (OSError, RuntimeError) as error:
        raise _refused("--grpc-port", host, port, error) from error


def bind_unix(server: GrpcServer, path: Path) -> None:
    """Binds a Unix socket of gRPC.

    Raises:
        StartRefused: There cannot be a socket at this path.
    """
    try:
        server.bind_unix(path)
    except RuntimeError as error:
        message = (
            f"cannot make the socket --unix-socket {path}; its folder must exist and be writable"
        )
        raise StartRefused(ExitCode.PORT, message) from error


def endpoint(host: str, port: int) -> str:
    """Returns HOST:PORT, an IPv6 address in brackets."""
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def web_address(host: str, port: int) -> str:
    """Returns the address by which a browser may find the HTTP port."""
    try:
        everywhere = ipaddress.ip_address(host).is_unspecified
    except ValueError:
        everywhere = False
    return f"http://{endpoint(socket.gethostname() if everywhere else host, port)}"


def _resolve(host: str) -> str:
    """Returns an address of `host`, the same for both ports: gRPC resolves names in its own way."""
    found = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    found.sort(key=lambda each: each[0] != socket.AF_INET)
    return str(found[0][4][0])


def _refused(option: str, host: str, port: int, error: Exception) -> StartRefused:
    reason = f"cannot be listened on: {error}"
    if isinstance(error, OSError) and not isinstance(error, socket.gaierror):
        reason = REASONS.get(error.errno or 0, reason)
    return StartRefused(
        ExitCode.PORT,
        f"{endpoint(host, port)} {reason}; choose another port with {option} (0 picks a free one) "
        "or another address with --host",
    )
