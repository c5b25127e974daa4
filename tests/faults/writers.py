"""Writers that stream into a server which dies under them, and know what was acked."""

from __future__ import annotations

import asyncio
import contextlib
import random
import struct
from collections.abc import Callable
from typing import Any

import grpc
import grpc.aio

from runstream.v1 import metric_service_pb2 as pb
from runstream.v1.metric_service_pb2_grpc import MetricServiceStub
from tests.contract.metrics.streams import Row, StreamClient

__all__ = ["FaultyStreamWriter", "row_of"]

SPECIAL = (0x7FF8_0000_0000_BEEF, 0x7FF0_0000_0000_0000, 0xFFF0_0000_0000_0000, 1 << 63, 0)
TIME = 1_700_000_000_000_000
KEYS = tuple(f"layer{i}/grad" for i in range(10))
PAUSE_S = 0.05
MAX_BATCH_ROWS = 60


def row_of(rank: int, number: int) -> Row:
    """Returns a row by its number: two layouts, all kinds of values, steps that also go back."""
    chance = random.Random(rank << 40 | number)
    names = tuple((key, rank) for key in (KEYS if number % 7 else KEYS[:3]))
    step = number if number % 50 else number // 2
    values = [
        chance.choice(SPECIAL)
        if chance.random() < 0.05
        else int.from_bytes(struct.pack("<d", chance.gauss(0, 1)), "little")
        for _ in names
    ]
    return names, step, TIME + number, values


class FaultyStreamWriter:
    """One writer, which reconnects until its last row is acked.

    Args:
        run_id: Its run.
        writer_id: Itself.
        rank: Its rank.
        pause_s: How long it waits after each batch.

    Attributes:
        acked: The offset up to which rows were acked, over all connections.
        sent: The offset up to which rows were sent on the present connection.
        reconnects: How often it lost its connection.
    """

    def __init__(self, run_id: str, writer_id: str, rank: int, *, pause_s: float = 0.0) -> None:
        self.rank = rank
        self._pause_s = pause_s
        self.acked = 0
        self.sent = 0
        self.reconnects = 0
        self._client = StreamClient(run_id, writer_id, rank)
        self._chance = random.Random(writer_id)

    async def run(self, address: Callable[[], str], last_row: Callable[[], int]) -> None:
        """Streams rows until `last_row()`, which may grow, is reached."""
        while True:
            options = [("grpc.use_local_subchannel_pool", 1)]
            async with grpc.aio.insecure_channel(address(), options=options) as channel:
                with contextlib.suppress(grpc.aio.AioRpcError, asyncio.InvalidStateError):
                    await self._stream(MetricServiceStub(channel), last_row)
                    return
            self.reconnects += 1
            await asyncio.sleep(PAUSE_S)

    async def _stream(
        self,
        stub: Any,  # noqa: ANN401 - typed as one for blocking calls
        last_row: Callable[[], int],
    ) -> None:
        opened = await self._client.open(stub)
        assert opened.next_row >= self.acked, f"acked {self.acked}, server has {opened.next_row}"
        self.sent = opened.next_row
        reading = asyncio.create_task(self._read_acks(last_row))
        try:
            while self.sent < last_row() and not reading.done():
                count = min(self._chance.randint(1, MAX_BATCH_ROWS), last_row() - self.sent)
                self._client.next_row = self.sent
                rows = [row_of(self.rank, self.sent + i) for i in range(count)]
                batch = self._client.batch(rows)
                await self._client.call.write(pb.StreamMetricsRequest(batch=batch))
                self.sent += count
                await asyncio.sleep(self._pause_s)
            await reading
            await self._client.close()
        finally:
            reading.cancel()
            with contextlib.suppress(asyncio.CancelledError, grpc.aio.AioRpcError):
                await reading

    async def _read_acks(self, last_row: Callable[[], int]) -> None:
        while self.acked < last_row():
            answer = await self._client.read()
            assert answer.WhichOneof("message") == "ack", answer
            assert answer.ack.committed_rows >= self.acked
            self.acked = answer.ack.committed_rows
