"""Runs the HTTP door inside the server's own event loop."""

import asyncio
import contextlib
import socket
from collections.abc import Generator
from typing import Final

import uvicorn
from starlette.types import ASGIApp

__all__ = ["HttpServer", "bind"]

BACKLOG: Final = 1024
KEEP_ALIVE_S: Final = 75
"""How long an idle connection stays open: clients that log now and then need no new one."""


def bind(host: str, port: int) -> socket.socket:
    """Binds a TCP port of an IP address, a free one if `port` is 0, and listens on it.

    Raises:
        OSError: It cannot be bound.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    return socket.create_server((host, port), family=family, backlog=BACKLOG)


class HttpServer:
    """Serves one ASGI application on one socket."""

    def __init__(self, app: ASGIApp, listener: socket.socket) -> None:
        config = uvicorn.Config(
            app,
            lifespan="off",
            log_config=None,
            access_log=False,
            server_header=False,
            timeout_keep_alive=KEEP_ALIVE_S,
        )
        self._config = config
        self._server = _EmbeddedServer(config)
        self._listener = listener

    async def serve(self) -> None:
        """Serves until `stop`."""
        await self._server.serve(sockets=[self._listener])

    async def started(self) -> None:
        """Returns once requests are answered."""
        await self._server.listening.wait()

    def stop(self, grace_s: float) -> None:
        """Lets `serve` return, after requests under way had `grace_s` to end."""
        self._config.timeout_graceful_shutdown = max(1, round(grace_s))
        self._server.should_exit = True


class _EmbeddedServer(uvicorn.Server):
    """A uvicorn that leaves the process's signals alone and says when it listens."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.listening = asyncio.Event()

    @contextlib.contextmanager
    def capture_signals(self) -> Generator[None]:
        yield

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self.listening.set()
