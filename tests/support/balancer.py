"""A TCP load balancer in the test's own loop: a connection goes to any server that lives."""

import asyncio
import contextlib
import random
from collections.abc import Callable, Sequence
from typing import Self

__all__ = ["Balancer"]

PIECE_BYTES = 64 * 1024


class Balancer:
    """Forwards connections; an async context manager.

    Args:
        addresses: Gives the addresses, `host:port`, to which new connections may go at the moment.
    """

    def __init__(self, addresses: Callable[[], Sequence[str]]) -> None:
        self._addresses = addresses
        self._chance = random.Random(1)
        self._server: asyncio.Server | None = None
        self._connections: set[asyncio.Task[None]] = set()
        self.forwarded: dict[str, int] = {}

    @property
    def address(self) -> str:
        assert self._server is not None
        host, port = self._server.sockets[0].getsockname()
        return f"{host}:{port}"

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", 0)
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._server is not None
        self._server.close()
        for connection in self._connections:
            connection.cancel()
        await asyncio.gather(*self._connections, return_exceptions=True)

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._connections.add(task)
        with contextlib.suppress(OSError, asyncio.CancelledError):
            await self._forward(reader, writer)
        writer.close()
        self._connections.discard(task)

    async def _forward(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        addresses = list(self._addresses())
        if not addresses:
            return
        chosen = self._chance.choice(addresses)
        host, _, port = chosen.rpartition(":")
        their_reader, their_writer = await asyncio.open_connection(host, int(port))
        self.forwarded[chosen] = self.forwarded.get(chosen, 0) + 1
        pumps = [
            asyncio.create_task(_pump(reader, their_writer)),
            asyncio.create_task(_pump(their_reader, writer)),
        ]
        try:
            await asyncio.wait(pumps, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for pump in pumps:
                pump.cancel()
            await asyncio.gather(*pumps, return_exceptions=True)
            their_writer.close()


async def _pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with contextlib.suppress(OSError):
        while data := await reader.read(PIECE_BYTES):
            writer.write(data)
            await writer.drain()
