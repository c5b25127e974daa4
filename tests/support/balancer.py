"""A TCP load balancer in the test's own loop: a connection goes to any server that lives.

With one server behind it, it is the way there, which tests cut and stall.
"""

import asyncio
import contextlib
import random
import socket
import struct
from collections.abc import Callable, Sequence
from typing import Self

__all__ = ["Balancer"]

PIECE_BYTES = 64 * 1024
# Closing sends what a crashed machine's successor would: a reset, and no goodbye.
RESET_AT_CLOSE = struct.pack("ii", 1, 0)


class Balancer:
    """Forwards connections; an async context manager.

    Args:
        addresses: Gives the addresses, `host:port`, to which new connections may go at the moment.
        seed: Decides where each connection goes.

    Attributes:
        forwarded: How many connections went to each address.
        received_bytes: How many bytes came from clients.
    """

    def __init__(self, addresses: Callable[[], Sequence[str]], *, seed: int = 1) -> None:
        self._addresses = addresses
        self._chance = random.Random(seed)
        self._port = 0
        self._server: asyncio.Server | None = None
        self._connections: set[asyncio.Task[None]] = set()
        self._clients: set[asyncio.StreamWriter] = set()
        self._flowing = asyncio.Event()
        self._flowing.set()
        self.forwarded: dict[str, int] = {}
        self.received_bytes = 0

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self._port}"

    async def __aenter__(self) -> Self:
        await self._listen()
        return self

    async def __aexit__(self, *_: object) -> None:
        self._close()
        await asyncio.sleep(0)  # what was just accepted begins, and so can end
        for connection in self._connections:
            connection.cancel()
        await asyncio.gather(*self._connections, return_exceptions=True)

    def cut(self) -> None:
        """Resets all connections and refuses new ones, until it is healed."""
        self._close()
        for client in self._clients:
            _reset(client)

    def stall(self) -> None:
        """Accepts connections and lets nothing pass any more, until it is healed."""
        self._flowing.clear()

    async def heal(self) -> None:
        """Lets everything pass again, and takes connections at the same port."""
        self._flowing.set()
        if self._server is None:
            await self._listen()

    async def _listen(self) -> None:
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", self._port)
        self._port = self._server.sockets[0].getsockname()[1]

    def _close(self) -> None:
        if self._server is not None:
            self._server.close()
            self._server = None

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._connections.add(task)
        self._clients.add(writer)
        with contextlib.suppress(OSError, asyncio.CancelledError):
            await self._forward(reader, writer)
        writer.close()
        self._clients.discard(writer)
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
            asyncio.create_task(self._pump(reader, their_writer, self._count)),
            asyncio.create_task(self._pump(their_reader, writer, lambda _: None)),
        ]
        try:
            await asyncio.wait(pumps, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for pump in pumps:
                pump.cancel()
            await asyncio.gather(*pumps, return_exceptions=True)
            their_writer.close()

    async def _pump(
        self,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        count: Callable[[bytes], None],
    ) -> None:
        with contextlib.suppress(OSError):
            while data := await reader.read(PIECE_BYTES):
                count(data)
                await self._flowing.wait()
                writer.write(data)
                await writer.drain()

    def _count(self, data: bytes) -> None:
        self.received_bytes += len(data)


def _reset(writer: asyncio.StreamWriter) -> None:
    transport = writer.transport
    if not transport.is_closing():
        own: socket.socket = transport.get_extra_info("socket")
        own.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET_AT_CLOSE)
        transport.abort()
