"""A small metric stream client made of the generated messages alone."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from typing import TYPE_CHECKING, TypeAlias

from google.protobuf.message import Message

from runstream._wire import delimited
from runstream.v1 import metric_service_pb2 as pb

if TYPE_CHECKING:
    import grpc.aio

    from runstream.v1.metric_service_pb2_grpc import MetricServiceAsyncStub

    _Call: TypeAlias = grpc.aio.StreamStreamCall[pb.StreamMetricsRequest, pb.StreamMetricsResponse]

__all__ = ["INLINE", "Row", "StreamClient", "set_values"]

INLINE = 0xFFFFFFFF

Row = tuple[tuple[tuple[str, int], ...], int, int, list[int]]
"""The series of a row as (key, rank), its step, its time, and the bits of its values."""


def set_values(batch: Message, values: Sequence[int]) -> None:
    """Sets the value column by bits: a Python float does not carry every NaN safely."""
    data = struct.pack(f"<{len(values)}Q", *values)
    batch.MergeFromString(delimited(7, len(data)) + data)


class StreamClient:
    """One writer: opens a stream when it needs one, defines what it uses, waits for acks."""

    def __init__(self, run_id: str, writer_id: str, rank: int | None = None) -> None:
        self.header = pb.StreamHeader(run_id=run_id, writer_id=writer_id, rank=rank)
        self.next_row = 0
        self._call: _Call | None = None
        self._series: dict[tuple[str, int], int] = {}
        self._layouts: dict[tuple[tuple[str, int], ...], int] = {}

    @property
    def call(self) -> _Call:
        """The open stream."""
        if self._call is None:
            raise RuntimeError("open the stream first")
        return self._call

    async def read(self) -> pb.StreamMetricsResponse:
        """Returns the next answer."""
        answer = await self.call.read()
        assert isinstance(answer, pb.StreamMetricsResponse), "the stream has ended"
        return answer

    async def open(self, stub: MetricServiceAsyncStub) -> pb.StreamOpened:
        """Opens the stream."""
        self._call = stub.StreamMetrics()
        self._series, self._layouts = {}, {}
        await self.call.write(pb.StreamMetricsRequest(header=self.header))
        answer = await self.read()
        assert answer.WhichOneof("message") == "opened", answer
        self.next_row = answer.opened.next_row
        return answer.opened

    async def send(
        self, stub: MetricServiceAsyncStub, rows: Sequence[Row], *, inline: bool = False
    ) -> None:
        """Sends rows and waits until they are acked."""
        if self._call is None:
            await self.open(stub)
        batch = self.batch(rows, inline=inline)
        await self.call.write(pb.StreamMetricsRequest(batch=batch))
        self.next_row += len(rows)
        while True:
            answer = await self.read()
            assert answer.WhichOneof("message") == "ack", answer
            if answer.ack.committed_rows >= self.next_row:
                return

    def batch(self, rows: Sequence[Row], *, inline: bool = False) -> pb.MetricBatch:
        """Returns rows as a batch, with the definitions that are needed."""
        batch = pb.MetricBatch(offset=self.next_row)
        values: list[int] = []
        for names, step, time, row_values in rows:
            indices = [self._index(batch, name) for name in names]
            if inline:
                batch.layout.append(INLINE)
                batch.inline_count.append(len(indices))
                batch.inline_series.extend(indices)
            else:
                if names not in self._layouts:
                    self._layouts[names] = len(self._layouts)
                    batch.layouts.add(index=self._layouts[names], series=indices)
                batch.layout.append(self._layouts[names])
            batch.step.append(step)
            batch.time_unix_us.append(time)
            values.extend(row_values)
        set_values(batch, values)
        return batch

    def _index(self, batch: pb.MetricBatch, name: tuple[str, int]) -> int:
        if name not in self._series:
            key, rank = name
            self._series[name] = len(self._series)
            batch.series.add(index=self._series[name], key=key, rank=None if rank < 0 else rank)
        return self._series[name]

    async def close(self) -> None:
        """Closes the stream as a client should."""
        if self._call is not None:
            await self._call.done_writing()
            while await self._call.read():
                pass
            self._call = None
