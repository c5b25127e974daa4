"""What the pages are measured with: runs of many series, a sweep, and very many runs."""

import asyncio
import contextlib
import sqlite3
import time
import uuid
from pathlib import Path

import grpc.aio
import numpy as np
from numpy.typing import NDArray

from benchmarks.serving import BenchServer
from benchmarks.streaming import Stream
from runstream import Client, MetricPoint
from runstream.v1 import run_service_pb2
from runstream.v1.run_service_pb2_grpc import RunServiceStub

__all__ = ["LIVE_KEYS", "copy_runs", "fill_sweep", "fill_thousand", "make_seed_runs"]

LIVE_KEYS = [f"m{number:02}" for number in range(50)]
VALUES_PER_BATCH = 250_000
STEP_US = 250_000


def fill_thousand(server: BenchServer) -> str:
    """Makes a run of 1 000 series of 100 000 points, and one of 10 million; returns its id."""
    keys = [f"layer{number // 50:02}/stat{number % 50:02}" for number in range(1000)]

    async def fill() -> str:
        async with grpc.aio.insecure_channel(server.address) as channel:
            run_id = await _new_run(channel, "thousand")
            await _stream(channel, run_id, keys, rows=100_000)
            await _stream(channel, run_id, ["loss"], rows=10_000_000)
            return run_id

    return asyncio.run(fill())


def fill_sweep(server: BenchServer, runs: int = 20, metrics: int = 50) -> list[str]:
    """Makes runs of the same metrics, each of 10 000 points; returns their ids."""
    keys = [f"g{number // 10}/metric{number}" for number in range(metrics)]

    async def fill() -> list[str]:
        async with grpc.aio.insecure_channel(server.address) as channel:
            ids = [await _new_run(channel, f"sweep-{number:02}") for number in range(runs)]
            for run_id in ids:
                await _stream(channel, run_id, keys, rows=10_000)
            return ids

    return asyncio.run(fill())


async def _new_run(channel: grpc.aio.Channel, name: str) -> str:
    run_id = uuid.uuid4().hex
    request = run_service_pb2.CreateRunRequest(run_id=run_id, experiment_id="0", name=name)
    await RunServiceStub(channel).CreateRun(request)
    return run_id


async def _stream(channel: grpc.aio.Channel, run_id: str, keys: list[str], rows: int) -> None:
    stream = Stream(channel, run_id, keys)
    await stream.open()
    random = np.random.default_rng(len(keys))
    level = random.uniform(0.2, 2.0, len(keys))
    start_us = time.time_ns() // 1000 - rows * STEP_US
    at_once = min(VALUES_PER_BATCH // len(keys), 4096)
    for begin in range(0, rows, at_once):
        step = np.arange(begin, min(begin + at_once, rows))
        await stream.send(_curves(step / rows, level, random), start_us + step * STEP_US)
    await stream.read_acks()
    await stream.close()


def _curves(
    along: NDArray[np.float64], level: NDArray[np.float64], random: np.random.Generator
) -> NDArray[np.float64]:
    """Returns noisy learning curves, rows by columns, for places from 0 to 1 along them."""
    decay = np.exp(-4 * along)[:, None]
    noise = random.normal(0, 0.05, (len(along), len(level)))
    return (level * decay + noise * (0.2 + decay)).astype(np.float32).astype(np.float64)


def make_seed_runs(server: BenchServer, count: int) -> str:
    """Makes an experiment of finished runs with params and metrics; returns its id."""
    with Client(server.uri) as client:
        experiment_id = client.create_experiment("grid").experiment_id
        for number in range(count):
            run_id = client.create_run(experiment_id=experiment_id, name=f"grid-{number}").run_id
            params = {"lr": str(10.0 ** -(number % 7)), "batch": str(32 << number % 4)}
            client.log_params(run_id, params)
            loss = MetricPoint(key="loss", value=1 / (1 + number), step=number % 100)
            accuracy = MetricPoint(key="accuracy", value=number / count, step=number % 100)
            client.log_metrics(run_id, [loss, accuracy])
            client.finish_run(run_id, "FINISHED")
    return experiment_id


def copy_runs(data_dir: Path, experiment_id: str, count: int) -> None:
    """Copies the runs of an experiment in a stopped server's database until there are enough.

    To make 100 000 runs one by one takes a quarter of an hour.
    """
    with contextlib.closing(sqlite3.connect(data_dir / "runstream.db")) as connection, connection:
        names = connection.execute("select name from sqlite_master where type = 'table'").fetchall()
        columns = {name: _columns(connection, name) for (name,) in names}
        tables = {name: own for name, own in columns.items() if "run_id" in own}
        connection.execute("create temp table seeds (run_id text primary key)")
        connection.execute(
            "insert into seeds select run_id from runs where experiment_id = ?", (experiment_id,)
        )
        (seeds,) = connection.execute("select count(*) from seeds").fetchone()
        for copy in range(1, -(-count // seeds)):
            for name, own in tables.items():
                _copy_rows(connection, name, own, copy)


def _columns(connection: sqlite3.Connection, table: str) -> list[str]:
    return [str(row[1]) for row in connection.execute(f"pragma table_info({table})")]


def _copy_rows(connection: sqlite3.Connection, table: str, columns: list[str], copy: int) -> None:
    changed = {"run_id": f"'{copy:04x}' || substr(t.run_id, 5)"}
    if table == "runs":
        changed["start_time_us"] = f"t.start_time_us - {copy} * 60000000"
    selected = ", ".join(changed.get(name, f't."{name}"') for name in columns)
    quoted = ", ".join(f'"{name}"' for name in columns)
    connection.execute(
        f"insert or ignore into {table} ({quoted}) select {selected} from {table} t "
        "join temp.seeds s on s.run_id = t.run_id"
    )
