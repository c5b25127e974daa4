"""What sealed points weigh, and how fast histories and charts are read."""

import asyncio
import sqlite3
import tempfile
import time
import zlib
from pathlib import Path
from typing import Any

import grpc
import grpc.aio
import numpy as np

from benchmarks.report import Figure, median_of
from benchmarks.serving import BenchServer, serving
from benchmarks.streaming import Stream, new_run
from runstream._wire import delimited_fields
from runstream.v1 import metric_service_pb2 as pb
from runstream.v1.metric_service_pb2_grpc import MetricServiceStub

__all__ = ["reads"]

ROWS_PER_BATCH = 4096
REPEATS = 7
HISTORY = "/runstream.v1.MetricService/GetHistory"


def reads() -> list[Figure]:
    """Measures all of it against one server."""
    with serving() as server:
        narrow = asyncio.run(_fill(server, rows=1_000_000, metrics=10, as_float32=True))
        weight32 = _bytes_per_point(server, narrow)
        wide = asyncio.run(_fill(server, rows=1_000_000, metrics=10, as_float32=False))
        weight64 = _bytes_per_point(server, wide)
        long = asyncio.run(_fill(server, rows=10_000_000, metrics=1, as_float32=True))
        server.wait_until_sealed()
        history_ms, points = _history(server, narrow)
        chart_ms, buckets = _chart(server, long)
    walk = _walk(np.random.default_rng(0), 100_000, 1)
    deflated = len(zlib.compress(walk.tobytes())) / walk.size
    table_ms = _table_read(points)
    return [
        Figure("sealed bytes a point, float32-born, ten a row", weight32, "bytes"),
        Figure(
            "sealed bytes a point, float64-born, ten a row",
            weight64,
            "bytes",
            deflated,
            "zlib, values alone",
        ),
        Figure(
            f"history of {points / 1e6:.0f} M points into numpy",
            history_ms,
            "ms",
            table_ms,
            "rows of a SQLite table",
        ),
        Figure("chart of 10 M points", chart_ms, "ms", None, "", f"{buckets} buckets"),
    ]


def _walk(
    chance: np.random.Generator, rows: int, metrics: int
) -> np.ndarray[tuple[int, int], np.dtype[np.float64]]:
    return np.cumsum(chance.normal(size=(rows, metrics)), axis=0)


async def _fill(server: BenchServer, *, rows: int, metrics: int, as_float32: bool) -> str:
    values = _walk(np.random.default_rng(0), rows, metrics)
    if as_float32:
        values = values.astype(np.float32).astype(np.float64)
    chance = np.random.default_rng(1)
    times = 1_700_000_000_000_000 + np.cumsum(chance.integers(900, 1100, rows))
    async with grpc.aio.insecure_channel(server.address) as channel:
        run_id = await new_run(channel)
        stream = Stream(channel, run_id, [f"m{i}" for i in range(metrics)])
        await stream.open()
        for begin in range(0, rows, ROWS_PER_BATCH):
            end = begin + ROWS_PER_BATCH
            await stream.send(values[begin:end], times[begin:end])
        await stream.read_acks()
        await stream.close()
    return run_id


def _bytes_per_point(server: BenchServer, run_id: str) -> float:
    server.wait_until_sealed()
    ((size, points),) = server.query(
        f"select sum(bytes), sum(points) from blocks where state = 1 and run_id = '{run_id}'"
    )
    return float(str(size)) / float(str(points))


def _history(server: BenchServer, run_id: str) -> tuple[float, int]:
    request = pb.GetHistoryRequest(run_id=run_id)
    request.selector.keys.append("m3")
    taken: list[float] = []
    points = 0
    with server.channel() as channel:
        call: Any = channel.unary_stream(HISTORY, pb.GetHistoryRequest.SerializeToString)
        for _ in range(REPEATS):
            began = time.perf_counter()
            columns: dict[int, list[memoryview]] = {2: [], 3: [], 4: []}
            for response in call(request):
                for field, series in delimited_fields(response):
                    if field == 1:
                        for number, content in delimited_fields(series):
                            if number in columns:
                                columns[number].append(content)
            arrays = {n: np.frombuffer(b"".join(parts), "<i8") for n, parts in columns.items()}
            taken.append((time.perf_counter() - began) * 1000)
            points = len(arrays[2])
    return median_of(taken), points


def _chart(server: BenchServer, run_id: str) -> tuple[float, int]:
    request = pb.GetChartRequest(run_ids=[run_id], max_buckets=1000)
    taken: list[float] = []
    buckets = 0
    with server.channel() as channel:
        stub = MetricServiceStub(channel)
        for _ in range(REPEATS):
            began = time.perf_counter()
            for response in stub.GetChart(request):
                buckets = len(response.series[0].count)
            taken.append((time.perf_counter() - began) * 1000)
    return median_of(taken), buckets


def _table_read(points: int) -> float:
    with tempfile.TemporaryDirectory(dir=Path.cwd()) as folder:
        connection = sqlite3.connect(f"{folder}/points.db")
        connection.execute("create table m (step integer primary key, time integer, value real)")
        with connection:
            connection.executemany(
                "insert into m values (?,?,?)", ((i, i, 0.5) for i in range(points))
            )
        began = time.perf_counter()
        rows = connection.execute("select step, time, value from m order by step").fetchall()
        np.array(rows)
        taken = (time.perf_counter() - began) * 1000
        connection.close()
    return taken
