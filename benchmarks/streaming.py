"""A metric stream client for benchmarks: columns from numpy arrays, acks with their times."""

import asyncio
import time
import uuid
from typing import Any

import grpc.aio
import numpy as np
from numpy.typing import NDArray

from runstream._wire import delimited
from runstream.v1 import metric_service_pb2 as pb, run_service_pb2
from runstream.v1.run_service_pb2_grpc import RunServiceStub

__all__ = ["Stream", "new_run"]

STREAM = "/runstream.v1.MetricService/StreamMetrics"
TIME = 1_700_000_000_000_000


async def new_run(channel: grpc.aio.Channel) -> str:
    """Creates a run and returns its id."""
    run_id = uuid.uuid4().hex
    await RunServiceStub(channel).CreateRun(
        run_service_pb2.CreateRunRequest(run_id=run_id, experiment_id="0")
    )
    return run_id


class Stream:
    """One writer of rows that all have the same series."""

    def __init__(self, channel: grpc.aio.Channel, run_id: str, keys: list[str]) -> None:
        self._call: Any = channel.stream_stream(
            STREAM, response_deserializer=pb.StreamMetricsResponse.FromString
        )()
        self._run_id = run_id
        self._keys = keys
        self.sent_rows = 0
        self.acked_rows = 0
        self.ack_times: list[tuple[int, float]] = []

    async def open(self) -> None:
        """Opens the stream and defines its series."""
        header = pb.StreamHeader(run_id=self._run_id, writer_id=uuid.uuid4().hex)
        await self._call.write(pb.StreamMetricsRequest(header=header).SerializeToString())
        await self._call.read()
        batch = pb.MetricBatch()
        batch.series.extend(
            pb.SeriesDefinition(index=i, key=key) for i, key in enumerate(self._keys)
        )
        batch.layouts.add(index=0, series=range(len(self._keys)))
        await self._call.write(pb.StreamMetricsRequest(batch=batch).SerializeToString())
        await self._call.read()

    async def send(
        self, value: NDArray[np.float64], times: NDArray[np.int64] | None = None
    ) -> None:
        """Sends rows: `value` is rows by series."""
        rows = len(value)
        step = np.arange(self.sent_rows, self.sent_rows + rows)
        if times is None:
            times = TIME + step * 1000
        layout = np.zeros(rows, np.uint32)
        parts = [pb.MetricBatch(offset=self.sent_rows).SerializeToString()]
        for field, column in ((4, layout), (5, step), (6, times), (7, value)):
            parts += [delimited(field, column.nbytes), column.tobytes()]
        body = b"".join(parts)
        await self._call.write(delimited(2, len(body)) + body)
        self.sent_rows += rows

    async def read_acks(self) -> None:
        """Reads acks until everything sent is acked."""
        while self.acked_rows < self.sent_rows:
            answer = await self._call.read()
            if answer.WhichOneof("message") != "ack":
                raise RuntimeError(f"unexpected: {answer}")
            self.acked_rows = answer.ack.committed_rows
            self.ack_times.append((self.acked_rows, time.perf_counter()))

    async def close(self) -> None:
        """Ends the stream."""
        await self._call.done_writing()
        await asyncio.sleep(0)
