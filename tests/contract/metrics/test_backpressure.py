"""A slow disk and fast clients: memory stays bounded, nothing is refused, and all of it arrives."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import TypeVar

import pytest

from runstream.v1 import metric_service_pb2 as pb
from runstream_server.core.ingest import ingest
from runstream_server.storage.database import Write
from tests.contract.backends import Backend, on_sqlite_alone
from tests.contract.metrics.serving import serving
from tests.contract.metrics.streams import StreamClient, set_values
from tests.contract.metrics.test_streams import RUN, TIME

T = TypeVar("T")

ROWS = 2_000
SERIES = 50
BATCHES = 30
CLIENTS = 4


def big_batch(client: StreamClient, number: int) -> pb.MetricBatch:
    """Returns a batch of about 850 KB."""
    batch = pb.MetricBatch(offset=number * ROWS)
    if not number:
        batch.series.extend(
            pb.SeriesDefinition(index=i, key=f"m{i}", rank=client.header.rank)
            for i in range(SERIES)
        )
        batch.layouts.add(index=0, series=range(SERIES))
    batch.layout.extend([0] * ROWS)
    batch.step.extend(range(number * ROWS, (number + 1) * ROWS))
    batch.time_unix_us.extend([TIME] * ROWS)
    set_values(batch, [0] * (ROWS * SERIES))
    return batch


@on_sqlite_alone  # what waits does so before the database
async def test_what_waits_for_a_slow_disk_is_bounded(
    backend: Backend, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with serving(backend, tmp_path) as served:
        await served.create_run(RUN)
        clients = [StreamClient(RUN, f"{i:032x}", i) for i in range(CLIENTS)]
        for client in clients:
            await client.open(served.metrics)
        disk = asyncio.Event()
        database = served.core.database
        write = database.write

        async def slow_write(work: Write[T]) -> T:
            await disk.wait()
            return await write(work)

        monkeypatch.setattr(database, "write", slow_write)
        monkeypatch.setattr(ingest, "MAX_STREAM_WAITING_BYTES", 2 * 1024 * 1024)

        async def send(client: StreamClient) -> None:
            for number in range(BATCHES):
                request = pb.StreamMetricsRequest(batch=big_batch(client, number))
                await client.call.write(request)
            await client.call.done_writing()

        async def read(client: StreamClient) -> int:
            committed = 0
            while committed < BATCHES * ROWS:
                committed = (await client.read()).ack.committed_rows
            return committed

        sending = [asyncio.create_task(send(client)) for client in clients]
        reading = [asyncio.create_task(read(client)) for client in clients]
        waiting = [served.core.ingest.waiting_bytes]
        while len(waiting) < 20 or waiting[-1] != waiting[-20]:
            await asyncio.sleep(0.05)
            waiting.append(served.core.ingest.waiting_bytes)

        # Each stream may go over its share by one message, and one message is on its way in.
        limit = CLIENTS * (2 + 2) * 1024 * 1024
        assert 0 < max(waiting) <= limit
        assert not all(task.done() for task in sending)

        disk.set()
        assert await asyncio.gather(*reading) == [BATCHES * ROWS] * CLIENTS
        await asyncio.gather(*sending)
        assert served.core.ingest.waiting_bytes == 0
