"""Durable points a second, from the first `log()` to the last ack, sealing on, counted after."""

import json
import os
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.report import Figure
from benchmarks.serving import BenchServer, serving
from runstream._wire import delimited_fields
from runstream.v1 import metric_service_pb2 as pb

__all__ = [
    "ROWS_A_TRANSACTION",
    "Logged",
    "count_points",
    "ingest",
    "logging",
    "reference_rows",
    "row_per_point",
]

REFERENCE_POINTS = 1_000_000
ROWS_A_TRANSACTION = 10_000
HISTORY = "/runstream.v1.MetricService/GetHistory"


def reference_rows(first: int) -> list[tuple[str, str, int, int, float]]:
    """Returns the rows of a transaction: run, key, step, time in microseconds, value."""
    return [
        ("r", f"layer{i % 10}/grad", i // 10, 1_700_000_000_000_000 + i, i * 0.1)
        for i in range(first, first + ROWS_A_TRANSACTION)
    ]


def row_per_point() -> float:
    """Returns points/s of the obvious way, as durable: a row a point, 10 000 a transaction."""
    with tempfile.TemporaryDirectory(dir=Path.cwd()) as folder:
        connection = sqlite3.connect(f"{folder}/points.db")
        connection.execute("pragma journal_mode=wal")
        connection.execute("pragma synchronous=full")
        connection.execute(
            "create table metrics (run text, key text, step integer, time integer, value real, "
            "primary key (run, key, step, time)) without rowid"
        )
        began = time.perf_counter()
        for first in range(0, REFERENCE_POINTS, ROWS_A_TRANSACTION):
            with connection:
                connection.executemany(
                    "insert into metrics values (?,?,?,?,?)", reference_rows(first)
                )
        seconds = time.perf_counter() - began
        connection.close()
    return REFERENCE_POINTS / seconds


@dataclass(frozen=True, slots=True)
class Logged:
    """What one training process logged.

    Attributes:
        run_id: Its run.
        first_s: When the first `log()` began.
        last_s: When the last one returned.
        delivered_s: When the last ack came.
    """

    run_id: str
    first_s: float
    last_s: float
    delivered_s: float


@contextmanager
def logging(uri: str, rows: int, metrics: int, spool: str) -> Iterator[Callable[[], Logged]]:
    """Starts a training process that logs; what this yields waits for its end."""
    job = Path(__file__).with_name("job.py")
    command = [sys.executable, str(job), uri, str(rows), str(metrics)]
    env = {**os.environ, "RUNSTREAM_SPOOL_DIR": spool, "RUNSTREAM_FINISH_TIMEOUT": "600"}
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=env) as process:

        def wait() -> Logged:
            told, _ = process.communicate()
            if process.returncode != 0:
                raise RuntimeError(f"the job failed with {process.returncode}")
            times = json.loads(told.splitlines()[-1])
            return Logged(times["run_id"], times["first"], times["last"], times["delivered"])

        yield wait


def ingest(
    points: int,
    metrics: int,
    reference: float,
    reference_name: str = "SQLite row per point",
    **flags: object,
) -> list[Figure]:
    """Logs `points` points, `metrics` a row, through the fluent client and its shipper."""
    rows = points // metrics
    with serving(**flags) as server, tempfile.TemporaryDirectory(dir=Path.cwd()) as spool:
        with logging(server.uri, rows, metrics, spool) as wait:
            logged = wait()
        sealing_s = server.wait_until_sealed()
        counted = count_points(server, logged.run_id)
        if counted != rows * metrics:
            raise RuntimeError(f"logged {rows * metrics} points, found {counted}")
        seconds = logged.delivered_s - logged.first_s
        rate = counted / seconds
        name = f"durable points/s, {metrics} metrics a row"
        log_us = (logged.last_s - logged.first_s) / rows * 1e6
        detail = (
            f"{counted / 1e6:.0f} M points in {seconds:.1f} s; log() {log_us:.1f} µs a row; "
            f"sealed {sealing_s:.1f} s later; server {server.cpu_seconds():.1f} CPU-s, "
            f"{server.peak_mib():.0f} MiB"
        )
        return [Figure(name, rate, "points/s", reference, reference_name, detail)]


def count_points(server: BenchServer, run_id: str) -> int:
    """Returns how many points the server holds of a run, by reading its whole history."""
    request = pb.GetHistoryRequest(run_id=run_id)
    total = 0
    with server.channel() as channel:
        call: Any = channel.unary_stream(HISTORY, pb.GetHistoryRequest.SerializeToString)
        for response in call(request):
            for field, series in delimited_fields(response):
                if field == 1:
                    total += sum(len(c) // 8 for f, c in delimited_fields(series) if f == 4)
    return total
