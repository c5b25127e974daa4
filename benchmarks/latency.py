"""How long an ack takes at a steady rate, and how soon a watcher sees a commit."""

import asyncio
import statistics
import time
from typing import Any

import grpc.aio
import numpy as np

from benchmarks.report import Figure
from benchmarks.serving import BenchServer, serving
from benchmarks.streaming import Stream, new_run
from runstream.v1 import metric_service_pb2 as pb
from runstream.v1.metric_service_pb2_grpc import MetricServiceStub

__all__ = ["latency"]

RATE = 100_000
METRICS = 10
BATCHES_PER_S = 100
SECONDS = 10
COMMITS = 200


def latency() -> list[Figure]:
    """Measures both against one server."""
    with serving() as server:
        acks = asyncio.run(_ack_delays(server))
        pushes = asyncio.run(_push_delays(server))
    p50, p99 = _quantiles(acks)
    push50, _ = _quantiles(pushes)
    p95 = statistics.quantiles(pushes, n=20)[-1]
    return [
        Figure(
            f"ack at {RATE:,} points/s, p50".replace(",", " "),
            p50,
            "ms",
            None,
            "",
            f"p99 {p99:.1f} ms",
        ),
        Figure(f"commit to watcher, p95 of {COMMITS}", p95, "ms", None, "", f"p50 {push50:.1f} ms"),
    ]


def _quantiles(delays: list[float]) -> tuple[float, float]:
    cuts = statistics.quantiles(delays, n=100)
    return cuts[49], cuts[98]


async def _ack_delays(server: BenchServer) -> list[float]:
    rows = RATE // METRICS // BATCHES_PER_S
    async with grpc.aio.insecure_channel(server.address) as channel:
        stream = Stream(channel, await new_run(channel), [f"m{i}" for i in range(METRICS)])
        await stream.open()
        sent: list[tuple[int, float]] = []
        values = np.random.default_rng(0).normal(size=(rows, METRICS))
        reading = None
        began = time.perf_counter()
        for number in range(BATCHES_PER_S * SECONDS):
            await asyncio.sleep(max(0.0, began + number / BATCHES_PER_S - time.perf_counter()))
            sent.append((stream.sent_rows + rows, time.perf_counter()))
            await stream.send(values)
            if reading is None or reading.done():
                reading = asyncio.ensure_future(stream.read_acks())
        await stream.read_acks() if reading is None or reading.done() else await reading
        await stream.close()
    delays: list[float] = []
    acks = iter(stream.ack_times)
    acked, at = next(acks)
    for end, sent_at in sent:
        while acked < end:
            acked, at = next(acks)
        delays.append((at - sent_at) * 1000)
    return delays


async def _push_delays(server: BenchServer) -> list[float]:
    delays: list[float] = []
    async with grpc.aio.insecure_channel(server.address) as channel:
        run_id = await new_run(channel)
        call: Any = MetricServiceStub(channel).WatchRun(pb.WatchRunRequest(run_id=run_id))
        await call.read()
        stream = Stream(channel, run_id, ["loss"])
        await stream.open()
        acked_at: dict[int, float] = {}

        async def follow() -> None:
            seen = 0
            while seen < COMMITS:
                response = await call.read()
                now = time.perf_counter()
                for part in response.series:
                    for step in part.step:
                        delays.append((now - acked_at.get(step, now)) * 1000)
                        seen += 1

        following = asyncio.create_task(follow())
        for step in range(COMMITS):
            acked_at[step] = time.perf_counter()  # sent: the commit is part of the wait
            await stream.send(np.ones((1, 1)))
            await stream.read_acks()
        await following
        call.cancel()
        await stream.close()
    return delays
